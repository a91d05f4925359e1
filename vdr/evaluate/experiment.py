"""Systems on one judged set: each searches every query, then all are measured and compared with the first.

A system is a name and a search; what corpus, encoder or mode is behind it is not known here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vdr.evaluate.comparison import Comparison, compare
from vdr.evaluate.judged import JudgedQuery, JudgedSet
from vdr.evaluate.measures import Figures, Values, among, summary, values_of
from vdr.evaluate.ranking import run
from vdr.types import Hit, Run

logger = logging.getLogger(__name__)

ALL = "all"
WITHIN = "within document"

Slices = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Key -> value -> ids of queries."""


@dataclass(frozen=True, slots=True)
class System:
    """Something that searches.

    Attributes:
        name: What it is called in tables.
        search: Gives the best k hits of a question, within a document if one is named.
        index_bytes: Bytes on disk of what it searches.
    """

    name: str
    search: Callable[[str, int, str | None], Sequence[Hit]]
    index_bytes: int


@dataclass(frozen=True, slots=True)
class Result:
    """What a system's rankings are worth.

    Attributes:
        system: Its name.
        rankings: Of the queries that count.
        values: Of each measure and query.
        figures: Over all queries.
        index_bytes: Bytes on disk of what it searched; None for a saved run.
    """

    system: str
    rankings: Run
    values: Values
    figures: Figures
    index_bytes: int | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A system that has searched.

    Attributes:
        system: Its name.
        rankings: Of every query in all documents, also of those that count only within their own.
        results: What they are worth, by scope.
    """

    system: str
    rankings: Run
    results: Mapping[str, Result]


@dataclass(frozen=True, slots=True)
class Scope:
    """The systems where all of them searched the same: in all documents, or each query within its own.

    Attributes:
        name: `all` or `within document`.
        results: One of each system.
        comparisons: Each system but the first against the first.
        slices: Groups of the queries that count.
    """

    name: str
    results: tuple[Result, ...]
    comparisons: tuple[Comparison, ...]
    slices: Slices = field(default_factory=dict)


def measure(systems: Sequence[System], judged: JudgedSet) -> list[Measured]:
    """Search every query, in all documents and within its own.

    Each system searches one query before, so that what it loads is in no latency and what it lacks is told at once.
    """
    for system in systems:
        system.search(judged.queries[0].text, 1, None)
    return [_measure(system, judged) for system in systems]


def saved(name: str, rankings: Run, judged: JudgedSet) -> Measured:
    """Return what a saved run is worth; it searched in all documents, and what it lacks counts with 0."""
    queries = everywhere(judged.queries)
    whole = {query.id: rankings.get(query.id, {}) for query in judged.queries}
    return Measured(name, whole, {ALL: _result(name, whole, judged, queries, (), None)} if queries else {})


def scopes(measured: Sequence[Measured], slices: Slices) -> list[Scope]:
    """Put the systems side by side, scope by scope.

    Args:
        measured: What `measure` and `saved` gave, the system to compare with first.
        slices: Groups of queries.
    """
    found = []
    for name in (ALL, WITHIN):
        results = [one.results[name] for one in measured if name in one.results]
        if not results:
            continue
        first, *others = results
        counted = next(iter(first.values.values())).keys()
        groups = {
            key: {value: kept for value, ids in group.items() if (kept := tuple(id for id in ids if id in counted))}
            for key, group in slices.items()
        }
        comparisons = [compare(first.system, first.values, other.system, other.values) for other in others]
        found.append(Scope(name, tuple(results), tuple(comparisons), groups))
    return found


def everywhere(queries: Sequence[JudgedQuery]) -> list[JudgedQuery]:
    """Return the queries that make sense in all documents: those that name no page number."""
    return [query for query in queries if not query.names_page]


def sliced(result: Result, queries: Sequence[str]) -> Figures:
    """Return the figures of a system over some of its queries."""
    return summary(among(result.values, queries))


def _measure(system: System, judged: JudgedSet) -> Measured:
    logger.info("searching %d queries: %s", len(judged.queries), system.name)
    results = {}
    rankings, times = run(judged.queries, lambda query, k: system.search(query.text, k, None))
    if queries := everywhere(judged.queries):
        results[ALL] = _result(system.name, rankings, judged, queries, times, system.index_bytes)
    if inside := [query for query in judged.queries if query.doc]:
        within, times = run(inside, lambda query, k: system.search(query.text, k, query.doc))
        results[WITHIN] = _result(system.name, within, judged, inside, times, system.index_bytes)
    return Measured(system.name, rankings, results)


def _result(
    name: str,
    rankings: Run,
    judged: JudgedSet,
    queries: Sequence[JudgedQuery],
    times: Sequence[float],
    index_bytes: int | None,
) -> Result:
    counted = {query.id: rankings[query.id] for query in queries}
    values = values_of(counted, judged.qrels)
    return Result(name, counted, values, summary(values, times), index_bytes)
