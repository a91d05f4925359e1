"""Searches to rankings, and how long each took. A search is any function that gives the best k hits of a query."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vdr.evaluate.judged import JudgedQuery
from vdr.types import Hit

DEPTH = 100
"""Units of a ranking that are judged and written."""


def rank_units(search: Callable[[int], Sequence[Hit]], depth: int = DEPTH) -> dict[str, float]:
    """Return the best `depth` judged units of one search: a record counts for its best passage.

    Args:
        search: Gives the best k hits for a k.
        depth: How many units.
    """
    k = depth
    while True:
        hits = search(k)
        scores: dict[str, float] = {}
        for hit in hits:
            scores.setdefault(hit.record or hit.key, hit.score)
        if len(scores) >= depth or len(hits) < k:
            return strictly_falling(dict(list(scores.items())[:depth]))
        k *= 2


def strictly_falling(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores in the order given, each below the one before by at least what six decimals show.

    Evaluation tools break ties in their own ways; a ranking without ties means the same to all of them.

    >>> strictly_falling({"a": 2.0, "b": 2.0, "c": 1.0})
    {'a': 2.0, 'b': 1.999999, 'c': 1.0}
    """
    falling: dict[str, float] = {}
    last = np.inf
    for key, score in scores.items():
        last = round(min(score, last - 1e-6), 6)
        falling[key] = last
    return falling


def run(
    queries: Sequence[JudgedQuery], search: Callable[[JudgedQuery, int], Sequence[Hit]]
) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Search every query once; return the rankings and the milliseconds each took."""
    rankings: dict[str, dict[str, float]] = {}
    milliseconds: list[float] = []
    for query in queries:
        start = time.perf_counter()
        rankings[query.id] = rank_units(lambda k, query=query: search(query, k))  # type: ignore[misc]
        milliseconds.append(1000 * (time.perf_counter() - start))
    return rankings, milliseconds
