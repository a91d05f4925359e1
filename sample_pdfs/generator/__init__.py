"""The sample documents by file name, each with the function that writes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from . import annual_report, espresso_manual, expense_form, invoices, museum_leaflet, paper, strategy_slides

DOCUMENTS: dict[str, Callable[[Path], None]] = {
    "annual-report-2025.pdf": annual_report.build,
    "espresso-machine-manual.pdf": espresso_manual.build,
    "two-column-paper.pdf": paper.build,
    "strategy-slides.pdf": strategy_slides.build,
    "scanned-invoices.pdf": invoices.build,
    "travel-expense-form.pdf": expense_form.build,
    "museum-leaflet-multilingual.pdf": museum_leaflet.build,
}
