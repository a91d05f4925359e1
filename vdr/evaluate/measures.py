"""Rankings to figures: nDCG, recall and MRR of each query and over all, with confidence intervals.

The measures are those of ir_measures (MacAvaney et al., ECIR 2022), the intervals those of scipy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from vdr.types import Qrels, Run

MEASURES = {
    "nDCG@5": nDCG @ 5,
    "nDCG@10": nDCG @ 10,
    "recall@1": R @ 1,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "MRR": RR,
}
MAIN = "nDCG@10"
"""What wins and losses are counted by, and slices are shown in."""
RESAMPLES = 9_999
"""Samples drawn for an interval or a p-value, from a generator with a fixed seed."""

Interval: TypeAlias = tuple[float, float]
Values: TypeAlias = Mapping[str, Mapping[str, float]]
"""Measure -> query id -> value."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a ranking is worth.

    Attributes:
        queries: How many queries it is over.
        measures: Measure -> mean over the queries, 0 to 1.
        latency_ms: Percentile (`p50`, `p95`, `max`) -> milliseconds from call to hits; empty for a saved run.
        intervals: Measure -> 95 % confidence interval of the mean; empty for a single query.
    """

    queries: int
    measures: Mapping[str, float]
    latency_ms: Mapping[str, float]
    intervals: Mapping[str, Interval] = field(default_factory=dict)


def figures(rankings: Run, qrels: Qrels, milliseconds: Sequence[float]) -> Figures:
    """Return the mean measures over all queries of a run; a query that found nothing counts with 0."""
    return summary(values_of(rankings, qrels), milliseconds)


def values_of(rankings: Run, qrels: Qrels) -> dict[str, dict[str, float]]:
    """Return each measure of each query of a run; 0 where nothing was found."""
    judged = {query: dict(qrels[query]) for query in rankings}
    found = {query: dict(scores) for query, scores in rankings.items()}
    values = {name: dict.fromkeys(rankings, 0.0) for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(names), judged, found):
        values[names[metric.measure]][metric.query_id] = metric.value
    return values


def summary(values: Values, milliseconds: Sequence[float] = ()) -> Figures:
    """Return means, intervals and percentiles of values by query, at least one."""
    columns = {name: list(by_query.values()) for name, by_query in values.items()}
    queries = len(next(iter(columns.values())))
    means = {name: sum(column) / queries for name, column in columns.items()}
    intervals = {name: interval(column) for name, column in columns.items()} if queries > 1 else {}
    percentiles = np.percentile(milliseconds, [50, 95, 100]).tolist() if len(milliseconds) else []
    return Figures(queries, means, dict(zip(("p50", "p95", "max"), percentiles, strict=False)), intervals)


def among(values: Values, queries: Iterable[str]) -> Values:
    """Return the values of some queries."""
    chosen = list(queries)
    return {name: {query: by_query[query] for query in chosen} for name, by_query in values.items()}


def interval(values: Sequence[float]) -> Interval:
    """Return the 95 % confidence interval of a mean: percentiles of the means of samples with replacement.

    Args:
        values: One of each query, at least two.

    >>> interval([0.5, 0.5, 0.5])
    (0.5, 0.5)
    """
    from scipy.stats import bootstrap

    found = bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=RESAMPLES,
        batch=batch(len(values)),
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    return float(found.low), float(found.high)


def batch(queries: int) -> int:
    """Return how many samples of so many queries fit in some tens of megabytes."""
    return max(1, 2_000_000 // queries)
