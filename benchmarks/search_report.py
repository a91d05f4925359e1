"""Rows of the search benchmark as a table and a plot. Measures nothing.

A row is what `search.py --json` prints: plain values by name.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from os import cpu_count, getloadavg
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]

COLUMNS: dict[str, Callable[[Row], str]] = {
    "engine": lambda row: f"{row['engine']} ({row['setting']})" if row["setting"] else row["engine"],
    "pages": lambda row: f"{row['pages']:,}",
    "recall@10": lambda row: f"{row['recall@10']:.3f}",
    "score recall@10": lambda row: f"{row['score_recall@10']:.3f}",
    "p50 ms": lambda row: f"{row['p50_ms']:,.1f}",
    "p95 ms": lambda row: f"{row['p95_ms']:,.1f}",
    "build s": lambda row: f"{row['build_s']:,.1f}",
    "disk KB/page": lambda row: f"{row['disk_bytes'] / row['pages'] / 1e3:,.1f}",
    "memory MB": lambda row: f"{row['rss_bytes'] / 1e6:,.0f}",
}


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    ordered = sorted(rows, key=lambda row: (row["pages"], row["p50_ms"]))
    return [list(COLUMNS), *([cell(row) for cell in COLUMNS.values()] for row in ordered)]


def table(rows: Sequence[Row]) -> str:
    """Return the rows in columns, by pages and then the fastest first."""
    cells = _cells(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [[line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])] for line in cells]
    return "\n".join("  ".join(line) for line in lines)


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table under a line that names commit, machine and day."""
    head, *body = _cells(rows)
    rule = ["---", *["---:"] * (len(head) - 1)]
    lines = [f"| {' | '.join(line)} |" for line in (head, rule, *body)]
    return f"{provenance()}\n\n" + "\n".join(lines)


def provenance() -> str:
    """Return where figures come from: the commit, the machine and how busy it is, the day."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    info = Path("/proc/cpuinfo")
    named = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.is_file() else []
    processor = named[0].partition(":")[2].strip() if named else platform.processor() or platform.machine()
    return (
        f"Commit {done.stdout.strip() or 'unknown'}, {processor}, {cpu_count()} cores, "
        f"load {getloadavg()[2]:.1f} over the last 15 minutes, {datetime.now(UTC):%Y-%m-%d}."
    )


MARKERS = "sD^vP*X<>"
"""Of the peers, which have colours of their own too."""


def plot(rows: Sequence[Row], file: Path) -> None:
    """Draw recall over latency, an engine a point, for each number of pages."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import NullFormatter

    groups = [
        (pages, list(group))
        for pages, group in groupby(sorted(rows, key=lambda row: row["pages"]), lambda row: row["pages"])
    ]
    figure, axes = pyplot.subplots(
        1, len(groups), figsize=(5 * len(groups), 4), sharey=True, squeeze=False, layout="constrained"
    )
    peers = sorted({row["engine"] for row in rows} - {"vdr"})
    for axis, (pages, group) in zip(axes[0], groups, strict=True):
        for row in sorted(group, key=lambda row: row["p50_ms"]):
            ours = row["engine"] == "vdr"
            place = peers.index(row["engine"]) if not ours else 0
            axis.plot(
                row["p50_ms"], row["recall@10"], "o" if ours else MARKERS[place % len(MARKERS)],
                color="#c2410c" if ours else f"C{place}", markersize=9 if ours else 7, label=row["engine"],
            )  # fmt: skip
        axis.set(xscale="log", xlabel="p50, ms a query", title=f"{pages:,} pages")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.margins(x=0.2, y=0.2)
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("recall@10 of exact MaxSim")
    known = {name: mark for axis in axes[0] for mark, name in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(known.values(), known.keys(), loc="outside lower center", ncols=len(known), frameon=False)
    figure.savefig(file, dpi=150)
    pyplot.close(figure)
