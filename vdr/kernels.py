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
from numba import njit

from vdr import simd

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


@njit(cache=True, nogil=True)
def _unpack(packed, levels, numbers):
    """Write the numbers of a vector; `levels[byte]` are those that a byte holds, if several."""
    several = levels.shape[1]
    if several == 1:
        numbers[: len(packed)] = packed
    elif several == 2:
        _look_up(packed, levels.view(np.uint16), numbers.view(np.uint16))
    elif several == 4:
        _look_up(packed, levels.view(np.uint32), numbers.view(np.uint32))
    else:
        _look_up(packed, levels.view(np.uint64), numbers.view(np.uint64))


@njit(cache=True, nogil=True, inline="always")
def _look_up(packed, held, words):
    for byte in range(len(packed)):
        words[byte] = held[np.uint8(packed[byte]), 0]


@njit(fastmath=True, cache=True, nogil=True)
def maxsim(query, packed, width, levels, starts, scales, firsts, counts, scores):
    """See `vdr.maxsim.maxsim_at`; the query's vectors are a multiple of four."""
    n_query, dim = query.shape
    best = np.empty(n_query, np.float32)
    numbers = np.zeros(max(dim, width * levels.shape[1]), np.int8)
    vector = np.empty(dim, np.float32)
    for unit in range(len(starts)):
        best[:] = _LOWEST
        for row in range(counts[unit]):
            begin = starts[unit] + row * width
            _unpack(packed[begin : begin + width], levels, numbers)
            for place in range(dim):
                vector[place] = numbers[place]
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


@njit(fastmath=True, cache=True, nogil=True, inline="always")
def _four_by_24(query, token, offsets, dim, four, padded):
    """Multiply four vectors of unsigned bytes, each of them `padded` bytes long, by 24 vectors of a query.

    `query` has, for each eight vectors and each four of the `dim` numbers, these four of each of the eight, as signed
    bytes; `offsets` take away what the 128 add that made the four vectors unsigned.
    """
    a0 = a1 = a2 = a3 = simd.load(offsets, token)
    b0 = b1 = b2 = b3 = simd.load(offsets, token + 8)
    c0 = c1 = c2 = c3 = simd.load(offsets, token + 16)
    at, group = token * dim, 8 * dim
    for place in range(0, dim, 4):
        a, b, c = simd.load(query, at), simd.load(query, at + group), simd.load(query, at + 2 * group)
        at += 32
        bytes_ = simd.repeat(four, place)
        a0 = simd.add_products(a0, bytes_, a)
        b0 = simd.add_products(b0, bytes_, b)
        c0 = simd.add_products(c0, bytes_, c)
        bytes_ = simd.repeat(four, padded + place)
        a1 = simd.add_products(a1, bytes_, a)
        b1 = simd.add_products(b1, bytes_, b)
        c1 = simd.add_products(c1, bytes_, c)
        bytes_ = simd.repeat(four, 2 * padded + place)
        a2 = simd.add_products(a2, bytes_, a)
        b2 = simd.add_products(b2, bytes_, b)
        c2 = simd.add_products(c2, bytes_, c)
        bytes_ = simd.repeat(four, 3 * padded + place)
        a3 = simd.add_products(a3, bytes_, a)
        b3 = simd.add_products(b3, bytes_, b)
        c3 = simd.add_products(c3, bytes_, c)
    return a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3


@njit(fastmath=True, cache=True, nogil=True, inline="always")
def _keep(best, at, a, b, c, scale):
    simd.keep_largest(best, at, a, scale)
    simd.keep_largest(best, at + 8, b, scale)
    simd.keep_largest(best, at + 16, c, scale)


@njit(fastmath=True, cache=True, nogil=True)
def maxsim_bytes(query, offsets, steps, dim, packed, width, levels, starts, scales, firsts, counts, scores):
    """See `vdr.maxsim.maxsim_at`; the first four are of `vdr.maxsim._arranged`."""
    best = np.empty(len(steps), np.float32)
    padded = max(dim, width * levels.shape[1])
    numbers, own = np.zeros((4, padded), np.int8), np.empty(4, np.float32)
    four = numbers.reshape(-1)
    for unit in range(len(starts)):
        best[:] = _LOWEST
        for row in range(0, counts[unit], 4):
            for which in range(4):
                one = min(row + which, counts[unit] - 1)  # the last ones are looked at again, to be four
                begin = starts[unit] + one * width
                own[which] = scales[firsts[unit] + one]
                if width == dim:
                    for place in range(0, dim, 32):
                        simd.unsigned(packed, begin + place, four, which * padded + place)
                else:
                    _unpack(packed[begin : begin + width], levels, numbers[which])
                    for place in range(0, dim, 32):
                        simd.unsigned(four, which * padded + place, four, which * padded + place)
            for token in range(0, len(steps), 24):
                a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3 = _four_by_24(query, token, offsets, dim, four, padded)
                _keep(best, token, a0, b0, c0, own[0])
                _keep(best, token, a1, b1, c1, own[1])
                _keep(best, token, a2, b2, c2, own[2])
                _keep(best, token, a3, b3, c3, own[3])
        total = np.float32(0)
        for token in range(len(steps)):
            total += best[token] * steps[token]
        scores[unit] = total


@njit(fastmath=True, cache=True, nogil=True)
def products_bytes(query, offsets, steps, dim, packed, scales, lengths, reach, first, last, table):
    """See `vdr.maxsim.products`, for vectors `first` to `last - 1` of `packed`, `(n, dim)`."""
    flat, four, found = packed.reshape(-1), np.empty(4 * dim, np.int8), np.empty(4 * 24, np.float32)
    for row in range(first, last, 4):
        for which in range(4):
            one = min(row + which, last - 1)
            for place in range(0, dim, 32):
                simd.unsigned(flat, one * dim + place, four, which * dim + place)
        for token in range(0, len(steps), 24):
            a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3 = _four_by_24(query, token, offsets, dim, four, dim)
            found[:] = _LOWEST
            _keep(found, 0, a0, b0, c0, np.float32(1))
            _keep(found, 24, a1, b1, c1, np.float32(1))
            _keep(found, 48, a2, b2, c2, np.float32(1))
            _keep(found, 72, a3, b3, c3, np.float32(1))
            for which in range(min(4, last - row)):
                scale, more = scales[row + which], reach[row + which]
                for one in range(token, min(token + 24, len(table))):
                    product = found[24 * which + one - token] * steps[one] * scale
                    table[one, row + which] = product + lengths[one] * more


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
