"""Figures of an experiment on the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from vdr.evaluate.experiment import Result, Scope, sliced
from vdr.evaluate.measures import MAIN, MEASURES, Figures
from vdr.evaluate.report import probability, ranged, size

SHOWN = ("nDCG@5", "nDCG@10", "recall@10", "MRR")
"""The measures there is room for when systems are rows."""
COMPARED = ("nDCG@5", "nDCG@10")
MOST = 3
"""Queries shown as gained or lost most."""


def print_figures(scopes: Sequence[Scope], texts: Mapping[str, str], title: str, keys: Sequence[str]) -> None:
    """Print a single system a measure a line, several a system a line, then how they differ.

    Args:
        scopes: The systems, measured.
        texts: The queries by id.
        title: What a single system is called.
        keys: The slices to print.
    """
    console = Console(highlight=False)
    if all(len(scope.results) == 1 for scope in scopes):
        console.print(_one(scopes, title))
    else:
        for scope in scopes:
            console.print(_several(scope))
            if scope.comparisons:
                console.print(_against(scope))
        _print_changes(console, scopes[0], texts)
    for scope in scopes:
        for key in keys:
            console.print(_slices(scope, key))


def as_json(scopes: Sequence[Scope], mode: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return a single system's figures by scope, or those of all systems and their comparisons.

    Args:
        scopes: The systems, measured.
        mode: That of a single system.
        keys: The slices to give.
    """
    names = list(dict.fromkeys(result.system for scope in scopes for result in scope.results))
    systems: list[dict[str, Any]] = []
    for name in names:
        mine = {scope.name: (scope, result) for scope in scopes for result in scope.results if result.system == name}
        found: dict[str, Any] = {where: _figures(result) for where, (_, result) in mine.items()}
        if keys:
            found["slices"] = {where: _slice_figures(*both, keys) for where, both in mine.items()}
        systems.append(found)
    if len(names) == 1:
        return {"mode": mode, **systems[0]}
    return {
        "systems": [{"name": name, **found} for name, found in zip(names, systems, strict=True)],
        "comparisons": [{"scope": scope.name, **asdict(one)} for scope in scopes for one in scope.comparisons],
    }


def _figures(result: Result) -> dict[str, Any]:
    return {**asdict(result.figures), "index_bytes": result.index_bytes}


def _slice_figures(scope: Scope, result: Result, keys: Sequence[str]) -> dict[str, Any]:
    return {key: {value: asdict(sliced(result, ids)) for value, ids in scope.slices[key].items()} for key in keys}


def _one(scopes: Sequence[Scope], title: str) -> Table:
    table = Table(title=title)
    table.add_column("")
    for scope in scopes:
        table.add_column(scope.name, justify="right")
    figures = [scope.results[0].figures for scope in scopes]
    table.add_row("queries", *(str(found.queries) for found in figures))
    for measure in MEASURES:
        table.add_row(measure, *(ranged(found.measures[measure], found.intervals.get(measure)) for found in figures))
    for percentile in ("p50", "p95", "max"):
        if all(found.latency_ms for found in figures):
            cells = (f"{found.latency_ms[percentile]:.0f} ms" for found in figures)
            table.add_row(f"latency {percentile}", *cells)
    table.add_row("on disk", *(size(scope.results[0].index_bytes) for scope in scopes))
    return table


def _several(scope: Scope) -> Table:
    queries = scope.results[0].figures.queries
    table = Table(title=f"{scope.name}, {queries} queries, 95 % confidence", box=box.SIMPLE, title_justify="left")
    table.add_column("")
    for name in (*SHOWN, "p50\np95", "on disk"):
        table.add_column(name, justify="right")
    for result in scope.results:
        found = result.figures
        cells = (_narrow(found, name) for name in SHOWN)
        times = [f"{found.latency_ms[p]:,.0f} ms" if found.latency_ms else "-" for p in ("p50", "p95")]
        table.add_row(result.system, *cells, "\n".join(times), size(result.index_bytes))
    return table


def _against(scope: Scope) -> Table:
    base = scope.comparisons[0].base
    table = Table(title=f"against {base}, {scope.name}", box=box.SIMPLE, title_justify="left")
    table.add_column("")
    for name in (*(name for measure in COMPARED for name in (measure, "p")), "won", "same", "lost"):
        table.add_column(name, justify="right")
    for one in scope.comparisons:
        found = [one.differences[measure] for measure in COMPARED]
        cells = (text for each in found for text in (f"{each.mean:+.3f}", probability(each.p)))
        table.add_row(one.system, *cells, str(one.wins), str(one.ties), str(one.losses))
    return table


def _print_changes(console: Console, scope: Scope, texts: Mapping[str, str]) -> None:
    for one in scope.comparisons:
        for verb, changes in (("gained", one.gains(MOST)), ("lost", one.drops(MOST))):
            if changes:
                console.print(f"{one.system} against {one.base}, {scope.name}: {verb} most in {MAIN}", markup=False)
            for change in changes:
                text = f"  {change.before:.2f} -> {change.after:.2f}  {change.query}  {texts[change.query]}"
                console.print(text, markup=False, no_wrap=True, overflow="ellipsis")


def _slices(scope: Scope, key: str) -> Table:
    table = Table(title=f"{MAIN} by {key}, {scope.name}", box=box.SIMPLE, title_justify="left")
    table.add_column("")
    table.add_column("queries", justify="right")
    for result in scope.results:
        table.add_column(result.system, justify="right")
    for value, ids in scope.slices[key].items():
        found = [sliced(result, ids) for result in scope.results]
        cells = (_narrow(figures, MAIN) for figures in found)
        table.add_row(value, str(len(ids)), *cells)
    return table


def _narrow(figures: Figures, measure: str) -> str:
    span = figures.intervals.get(measure)
    return f"{figures.measures[measure]:.3f}" + (f"\n{span[0]:.2f}-{span[1]:.2f}" if span else "")
