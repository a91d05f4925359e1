"""The layouts there are, and how often each is wanted."""

from __future__ import annotations

from collections.abc import Callable

from training.pages.block import Block
from training.pages.boards import charts, paper, poster, slide
from training.pages.documents import contents, filing, form, letter, program, report

Layout = Callable[[Block], None]

LAYOUTS: dict[Layout, float] = {
    report: 26, filing: 18, slide: 16, charts: 7, form: 7, letter: 6, contents: 3, program: 3, poster: 6, paper: 8,
}  # fmt: skip
"""How often, by weight, each layout is wanted."""

WIDE = frozenset({slide})
"""Layouts of a landscape sheet."""
