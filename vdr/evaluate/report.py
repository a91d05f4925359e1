"""What a report of an experiment says: tables, plots, wins and losses, slices. Knows no Markdown and no HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vdr.evaluate import plots
from vdr.evaluate.comparison import Change, Comparison
from vdr.evaluate.experiment import Result, Scope, sliced
from vdr.evaluate.judged import JudgedQuery, JudgedSet
from vdr.evaluate.measures import MAIN, MEASURES, Interval
from vdr.evaluate.pages import Block, Heading, Paragraph, Plot, Table

MOST = 10
"""Queries shown as gained or lost most."""
READING = (
    "Values are means over the queries, with the 95 % confidence interval of the mean (bootstrap over queries). "
    "p is from a paired randomisation test, two-sided: how often chance alone makes a difference at least as large. "
    "It is not corrected for the number of comparisons: with n of them, hold it against 0.05 / n. "
    "A query is won or lost by its " + MAIN + ". On disk are the words and vectors that are searched, not the pictures "
    "of pages."
)


def report(title: str, facts: Mapping[str, str], scopes: Sequence[Scope], judged: JudgedSet) -> list[Block]:
    """Return a report.

    Args:
        title: Its heading.
        facts: What was measured, where and when, by label.
        scopes: The systems, measured.
        judged: What they were measured on.
    """
    queries = {query.id: query for query in judged.queries}
    blocks: list[Block] = [Heading(title, 1), Table(("", ""), list(facts.items()), words=2)]
    for scope in scopes:
        blocks += _scope(scope, queries, judged, scope.name.replace(" ", "-"))
    return [*blocks, Heading("How to read this"), Paragraph(READING)]


def ranged(value: float, interval: Interval | None) -> str:
    """Return a value with its interval.

    >>> ranged(0.5, (0.4, 0.61)), ranged(1, None)
    ('0.500 (0.40 to 0.61)', '1.000')
    """
    return f"{value:.3f}" + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def size(count: int | None) -> str:
    """Return bytes to read; a dash for none.

    >>> size(1_234_567), size(None)
    ('1.2 MB', '-')
    """
    return "-" if count is None else f"{count / 1e6:,.1f} MB"


def probability(p: float) -> str:
    """Return a p-value to read.

    >>> probability(0.0312), probability(0.0001)
    ('0.031', '<0.001')
    """
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _scope(scope: Scope, queries: Mapping[str, JudgedQuery], judged: JudgedSet, slug: str) -> Iterator[Block]:
    counted = scope.results[0].figures.queries
    where = "All documents" if scope.name == "all" else "Within the right document"
    yield Heading(f"{where}, {counted} {'query' if counted == 1 else 'queries'}")
    yield _quality(scope.results)
    bars = [(r.system, r.figures.measures[MAIN], r.figures.intervals.get(MAIN)) for r in scope.results]
    yield Plot(f"{slug}-quality", f"{MAIN} with its 95 % confidence interval", plots.bars(bars, MAIN))
    yield _cost(scope.results)
    timed = [r for r in scope.results if r.figures.latency_ms.get("p50", 0) > 0]
    if len(timed) > 1:
        points = [(r.system, r.figures.latency_ms["p50"], r.figures.measures[MAIN]) for r in timed]
        caption = f"{MAIN} by median latency in milliseconds"
        yield Plot(f"{slug}-latency", caption, plots.scatter(points, "median latency, ms", MAIN))
    if scope.comparisons:
        yield Heading(f"Against {scope.comparisons[0].base}", 3)
        yield _differences(scope.comparisons)
    for number, comparison in enumerate(scope.comparisons, start=1):
        yield from _changes(comparison, scope, queries, judged, f"{slug}-changes-{number}")
    for key, groups in scope.slices.items():
        if len(groups) > 1:
            yield Heading(f"By {key}", 3)
            yield _slices(scope.results, groups)
    yield _every_query(scope.results, queries)


def _quality(results: Sequence[Result]) -> Table:
    rows = []
    for result in results:
        found = result.figures
        cells = (ranged(found.measures[name], found.intervals.get(name)) for name in MEASURES)
        rows.append((result.system, *cells))
    return Table(("", *MEASURES), rows)


def _cost(results: Sequence[Result]) -> Table:
    percentiles = ("p50", "p95", "max")
    rows = []
    for result in results:
        times = result.figures.latency_ms
        cells = (f"{times[name]:,.0f} ms" if times else "-" for name in percentiles)
        rows.append((result.system, *cells, size(result.index_bytes)))
    return Table(("", *(f"latency {name}" for name in percentiles), "on disk"), rows)


def _differences(comparisons: Sequence[Comparison]) -> Table:
    rows: list[tuple[str, ...]] = []
    for name in MEASURES:
        cells: list[str] = []
        for comparison in comparisons:
            found = comparison.differences[name]
            span = f" ({found.interval[0]:+.2f} to {found.interval[1]:+.2f})" if found.interval else ""
            cells += [f"{found.mean:+.3f}{span}", probability(found.p)]
        rows.append((name, *cells))
    counts = (cell for one in comparisons for cell in (f"{one.wins} / {one.ties} / {one.losses}", ""))
    rows.append(("won / same / lost", *counts))
    return Table(("", *(cell for one in comparisons for cell in (one.system, "p"))), rows)


def _changes(
    comparison: Comparison, scope: Scope, queries: Mapping[str, JudgedQuery], judged: JudgedSet, slug: str
) -> Iterator[Block]:
    name = f"{comparison.system} against {comparison.base}"
    if not comparison.changes:
        yield Paragraph(f"{name}: no query differs in {MAIN}.")
        return
    drawn = [(change.query, change.after - change.before) for change in comparison.changes]
    caption = f"{name}: change of {MAIN}, a bar for each query that differs"
    yield Plot(slug, caption, plots.differences(drawn, caption))
    rankings = {result.system: result.rankings for result in scope.results}

    def row(change: Change) -> tuple[str, ...]:
        answers = [unit for unit, grade in judged.qrels[change.query].items() if grade > 0]
        shown = ", ".join(answers[:3]) + (f" and {len(answers) - 3} more" if len(answers) > 3 else "")
        first = (
            next(iter(rankings[system].get(change.query, ())), "-") for system in (comparison.base, comparison.system)
        )
        return (change.query, queries[change.query].text, shown, *first, f"{change.before:.2f}", f"{change.after:.2f}")

    asked = ("query", "text", "answered by", f"first of {comparison.base}", f"first of {comparison.system}")
    head = (*asked, comparison.base, comparison.system)
    for title, changes in (("Gained most", comparison.gains(MOST)), ("Lost most", comparison.drops(MOST))):
        if changes:
            yield Heading(f"{title}: {name}", 3)
            yield Table(head, [row(change) for change in changes], words=5)


def _slices(results: Sequence[Result], groups: Mapping[str, Sequence[str]]) -> Table:
    rows = []
    for value, ids in groups.items():
        found = [sliced(result, ids) for result in results]
        cells = (ranged(figures.measures[MAIN], figures.intervals.get(MAIN)) for figures in found)
        rows.append((value, str(len(ids)), *cells))
    return Table(("", "queries", *(f"{result.system}, {MAIN}" for result in results)), rows)


def _every_query(results: Sequence[Result], queries: Mapping[str, JudgedQuery]) -> Table:
    rows = [
        (id, queries[id].text, *(f"{result.values[MAIN][id]:.2f}" for result in results))
        for id in results[0].values[MAIN]
    ]
    return Table(("query", "text", *(result.system for result in results)), rows, 2, f"{MAIN} of every query")
