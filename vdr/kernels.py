"""The inner loops of scoring, compiled by numba on their first call and kept on disk; for `maxsim` and `codes`.

What each computes is said where it is called. The innermost loops run over the numbers of a vector or over the query's
vectors, which the compiler turns into wide instructions. They let go of Python's lock, so `spread` runs them on all
cores, from any number of threads at once.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_LOWEST = np.float32(-3e38)
"""Less than any score; not minus infinity, which fast arithmetic does not allow."""


def spread(part: Callable[[int, int], None], count: int, least: int) -> None:
    """Call `part(first, last)` for parts of `count`, each at least so large, on all cores at once."""
    parts = max(1, min(_cores(), count // least))
    bounds = [count * number // parts for number in range(parts + 1)]
    if parts == 1:
        part(0, count)
    else:
        list(_pool().map(part, bounds[:-1], bounds[1:]))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), thread_name_prefix="vdr-score")


@njit(fastmath=True, cache=True, nogil=True)
def maxsim_int8(query, numbers, starts, scales, firsts, counts, scores):
    """See `vdr.maxsim.maxsim_at`; the query's vectors are a multiple of four."""
    n_query, dim = query.shape
    best = np.empty(n_query, np.float32)
    vector = np.empty(dim, np.float32)
    for unit in range(len(starts)):
        best[:] = _LOWEST
        for row in range(counts[unit]):
            own = numbers[starts[unit] + row * dim : starts[unit] + (row + 1) * dim]
            for place in range(dim):
                vector[place] = own[place]
            scale = scales[firsts[unit] + row]
            for token in range(0, n_query, 4):
                a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
                for place in range(dim):
                    number = vector[place]
                    a += number * query[token, place]
                    b += number * query[token + 1, place]
                    c += number * query[token + 2, place]
                    d += number * query[token + 3, place]
                best[token] = max(best[token], a * scale)
                best[token + 1] = max(best[token + 1], b * scale)
                best[token + 2] = max(best[token + 2], c * scale)
                best[token + 3] = max(best[token + 3], d * scale)
        total = np.float32(0)
        for token in range(n_query):
            total += best[token]
        scores[unit] = total


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


@njit(cache=True)
def invert(ids, counts, n_centroids):
    """Counting sort of `(unit, id)` by id; see `vdr.codes.make_lists`."""
    starts = np.zeros(n_centroids + 1, np.int32)
    for one in ids:
        starts[one + 1] += 1
    for number in range(n_centroids):
        starts[number + 1] += starts[number]
    place = starts[:-1].copy()
    units = np.empty(len(ids), np.uint16)
    at = 0
    for unit in range(len(counts)):
        for _ in range(counts[unit]):
            one = ids[at]
            units[place[one]] = unit
            place[one] += 1
            at += 1
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


@intrinsic
def _lowest_bit(_context, _bits):
    """Return the place of the lowest bit that is set."""

    def generate(_target, builder, _signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.uint32(types.uint32), generate


@njit(fastmath=True, cache=True, nogil=True)
def to_bytes(table, lows, steps, rows):
    """Write a table `(n_query, n_centroids)` by centroid; byte `b` stands for `low + step * b`."""
    for token in range(len(table)):
        low, factor = lows[token], 1 / steps[token]
        for one in range(table.shape[1]):
            rows[one, token] = np.uint8((table[token, one] - low) * factor + np.float32(0.5))


@njit(fastmath=True, cache=True, nogil=True)
def signs(
    masks, rows, lows, steps, margins, floors, lookup, ids, members, signs, lengths, worth, id_offsets, vector_offsets,
    units, scores,
):  # fmt: skip
    """Score by centroids and signs; see `vdr.codes.score_signs`. At most 32 vectors of the query."""
    n_query, width = lookup.shape[0], lookup.shape[1]
    floor, best = np.empty(n_query, np.int64), np.empty(n_query, np.float32)
    most = 0
    for unit in units:
        most = max(most, id_offsets[unit + 1] - id_offsets[unit])
    hits, begins = np.empty(most, np.int64), np.empty(most, np.int64)
    one_bit = np.uint32(1)
    for number in range(len(units)):
        unit = units[number]
        vector = vector_offsets[unit]
        floor[:] = 0
        found = 0
        for at in range(id_offsets[unit], id_offsets[unit + 1]):
            near = masks[ids[at]]
            if near:
                hits[found], begins[found] = at, vector
                found += 1
                while near:
                    token = _lowest_bit(near)
                    near &= near - one_bit
                    floor[token] = max(floor[token], np.int64(rows[ids[at], token]))
            vector += members[at]
        for token in range(n_query):
            floor[token] -= margins[token]
            best[token] = floors[token]
        for hit in range(found):
            at, first = hits[hit], begins[hit]
            near = masks[ids[at]]
            while near:
                token = _lowest_bit(near)
                near &= near - one_bit
                level = rows[ids[at], token]
                if level >= floor[token]:
                    centroid = lows[token] + steps[token] * level
                    for one in range(first, first + members[at]):
                        product = np.float32(0)
                        for byte in range(width):
                            product += lookup[token, byte, signs[one, byte]]
                        best[token] = max(best[token], centroid + product * worth[lengths[one]])
        total = np.float32(0)
        for token in range(n_query):
            total += best[token]
        scores[number] = total
