"""The inner loops over centroids and the lists of units that have them, compiled like `vdr.kernels`; for `codes`."""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201

from __future__ import annotations

import numpy as np
from numba import njit


@njit(fastmath=True, cache=True, nogil=True)
def nearest(table, ids, products):
    """Find the largest of each row of a table, best first; see `vdr.codes.nearest`."""
    n_query, n_centroids = table.shape
    count = ids.shape[1]
    kept = np.empty(n_centroids, np.int32)
    for token in range(n_query):
        row = table[token]
        low, high = row.min(), row.max()
        step = 255 / max(high - low, np.float32(1e-12))
        levels = np.zeros(256, np.int32)
        for value in row:
            levels[int((value - low) * step)] += 1
        level, above = 255, levels[255]
        while above < count:
            level -= 1
            above += levels[level]
        found = 0
        for one in range(n_centroids):
            if int((row[one] - low) * step) >= level:
                kept[found] = one
                found += 1
        order = np.argsort(-row[kept[:found]])
        for rank in range(count):
            one = kept[order[rank]]
            ids[token, rank] = one
            products[token, rank] = row[one]


@njit(cache=True, nogil=True)
def invert(ids, counts, n_centroids):
    """Counting sort of `(unit, id)` by id, equal ones once; see `vdr.codes.make_lists`."""
    starts = np.zeros(n_centroids + 1, np.int32)
    last = np.full(n_centroids, -1, np.int32)
    at = 0
    for unit in range(len(counts)):
        for one in ids[at : at + counts[unit]]:
            starts[one + 1] += last[one] != unit
            last[one] = unit
        at += counts[unit]
    for number in range(n_centroids):
        starts[number + 1] += starts[number]
    place, units = starts[:-1].copy(), np.empty(starts[-1], np.uint16)
    last[:] = -1
    at = 0
    for unit in range(len(counts)):
        for one in ids[at : at + counts[unit]]:
            if last[one] != unit:
                last[one] = unit
                units[place[one]] = unit
                place[one] += 1
        at += counts[unit]
    return starts, units


@njit(cache=True, nogil=True)
def walk(near, gains, starts, units, scores):
    """Add the gains of the centroids near the query, best first, once a unit; see `vdr.codes.score_ids`."""
    seen = np.zeros(len(scores), np.int32)
    for row in range(near.shape[0]):
        for rank in range(near.shape[1]):
            one, gain = near[row, rank], gains[row, rank]
            for at in range(starts[one], starts[one + 1]):
                unit = units[at]
                if seen[unit] != row + 1:
                    seen[unit] = row + 1
                    scores[unit] += gain
