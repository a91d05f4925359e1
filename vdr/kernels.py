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

PARTS = 4
"""Parts of the work for each core."""
_LOWEST = np.float32(-3e38)
"""Less than any score; not minus infinity, which fast arithmetic does not allow."""
_ZEROS = np.zeros(8, np.float32)


def spread(part: Callable[[int, int], None], count: int, least: int) -> None:
    """Call `part(first, last)` for parts of `count`, each at least so large, on all cores at once.

    The calling thread works, too, and takes what is left: another may need longer to wake up than all of it takes.
    """
    cores = _cores()
    parts = max(1, min(PARTS * cores, count // least))
    if parts == 1 or cores == 1:
        part(0, count)
        return
    bounds = [count * number // parts for number in range(parts + 1)]
    left = iter(range(parts))  # threads take numbers from it in turns

    def work() -> None:
        for number in left:
            part(bounds[number], bounds[number + 1])

    others = [_pool().submit(work) for _ in range(min(cores, parts) - 1)]
    work()
    for other in others:
        if not other.cancel():
            other.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_cores(), thread_name_prefix="vdr-score")


@njit(fastmath=True, cache=True, nogil=True)
def product(left, right, found):
    """Write the matrix product of a few rows, which numpy's library would wake up all its threads for."""
    for row in range(len(left)):
        found[row] = 0
        for place in range(left.shape[1]):
            for column in range(right.shape[1]):
                found[row, column] += left[row, place] * right[place, column]


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


@njit(cache=True, nogil=True)
def _choose(ids, near, firsts, counts, unit, rows):
    """Write which of a unit's vectors are looked at; return how many: those near the query, or all where none is.

    Behind the last unit there are none.
    """
    if unit == len(counts):
        return 0
    first, count, found = firsts[unit], counts[unit], 0
    if len(near):
        for row in range(count):
            rows[found] = row
            found += near[ids[first + row]]
    if found == 0:
        for row in range(count):
            rows[row] = row
        found = count
    return found


@njit(cache=True, nogil=True, inline="always")
def _expect(packed, width, scales, start, first, row):
    """Ask for a vector that will be needed soon; memory takes longer to answer than a vector to multiply."""
    for place in range(0, width, 64):
        simd.prefetch(packed, start + row * width + place)
    simd.prefetch(scales, first + row)


@njit(fastmath=True, cache=True, nogil=True, inline="always")
def _floats_by_24(query, token, dim, four):
    """Multiply four vectors, one after another, by 24 vectors of a query.

    `query` has, for each eight vectors and each of the `dim` numbers, this one of each of the eight.
    """
    at, group = token * dim, 8 * dim
    zero = simd.load(_ZEROS, 0)
    a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = c0 = c1 = c2 = c3 = zero
    for place in range(dim):
        a, b = simd.load(query, at), simd.load(query, at + group)
        c = simd.load(query, at + 2 * group)
        at += 8
        number = four[place]
        a0, b0, c0 = (
            simd.add_multiples(a0, a, number), simd.add_multiples(b0, b, number), simd.add_multiples(c0, c, number)
        )  # fmt: skip
        number = four[dim + place]
        a1, b1, c1 = (
            simd.add_multiples(a1, a, number), simd.add_multiples(b1, b, number), simd.add_multiples(c1, c, number)
        )  # fmt: skip
        number = four[2 * dim + place]
        a2, b2, c2 = (
            simd.add_multiples(a2, a, number), simd.add_multiples(b2, b, number), simd.add_multiples(c2, c, number)
        )  # fmt: skip
        number = four[3 * dim + place]
        a3, b3, c3 = (
            simd.add_multiples(a3, a, number), simd.add_multiples(b3, b, number), simd.add_multiples(c3, c, number)
        )  # fmt: skip
    return a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3


@njit(fastmath=True, cache=True, nogil=True)
def maxsim(query, n_query, dim, packed, width, levels, starts, scales, firsts, counts, ids, near, scores):
    """See `vdr.maxsim.maxsim_at`; the first three are of `vdr.maxsim._in_lanes`."""
    best = np.empty(n_query, np.float32)
    numbers = np.zeros(max(dim, width * levels.shape[1]), np.int8)
    four, own = np.empty(4 * dim, np.float32), np.empty(4, np.float32)
    both = np.empty((2, counts.max()), np.int32)
    more = _choose(ids, near, firsts, counts, 0, both[0])
    for unit in range(len(starts)):
        best[:] = _LOWEST
        chosen, rows, following = more, both[unit & 1], both[1 - unit & 1]
        more = _choose(ids, near, firsts, counts, unit + 1, following)
        for row in range(0, chosen, 4):
            for which in range(4):
                one = rows[min(row + which, chosen - 1)]  # the last ones are looked at again, to be four
                begin = starts[unit] + one * width
                own[which] = scales[firsts[unit] + one]
                _unpack(packed[begin : begin + width], levels, numbers)
                for place in range(dim):
                    four[which * dim + place] = numbers[place]
                if row + which < more:
                    _expect(packed, width, scales, starts[unit + 1], firsts[unit + 1], following[row + which])
            for token in range(0, n_query, 24):
                a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3 = _floats_by_24(query, token, dim, four)
                _keep(best, token, a0, b0, c0, own[0])
                _keep(best, token, a1, b1, c1, own[1])
                _keep(best, token, a2, b2, c2, own[2])
                _keep(best, token, a3, b3, c3, own[3])
        total = np.float32(0)
        for token in range(n_query):
            total += best[token]
        scores[unit] = total


@njit(fastmath=True, cache=True, nogil=True, inline="always")
def _four_by_24(query, token, offsets, dim, four, padded):
    """Multiply four vectors of whole numbers, each of them `padded` numbers long, by 24 vectors of a query.

    `query` has, for each eight vectors and as many of the `dim` numbers as fit into four bytes, these of each of the
    eight. `offsets` take away what `simd.make_ready` added to the four vectors.
    """
    a0 = a1 = a2 = a3 = simd.load(offsets, token)
    b0 = b1 = b2 = b3 = simd.load(offsets, token + 8)
    c0 = c1 = c2 = c3 = simd.load(offsets, token + 16)
    at, group, several = token * dim, 8 * dim, 4 // query.itemsize
    for place in range(0, dim, several):
        a, b, c = simd.load(query, at), simd.load(query, at + group), simd.load(query, at + 2 * group)
        at += 8 * several
        one = simd.repeat(four, place)
        a0 = simd.add_products(a0, one, a)
        b0 = simd.add_products(b0, one, b)
        c0 = simd.add_products(c0, one, c)
        one = simd.repeat(four, padded + place)
        a1 = simd.add_products(a1, one, a)
        b1 = simd.add_products(b1, one, b)
        c1 = simd.add_products(c1, one, c)
        one = simd.repeat(four, 2 * padded + place)
        a2 = simd.add_products(a2, one, a)
        b2 = simd.add_products(b2, one, b)
        c2 = simd.add_products(c2, one, c)
        one = simd.repeat(four, 3 * padded + place)
        a3 = simd.add_products(a3, one, a)
        b3 = simd.add_products(b3, one, b)
        c3 = simd.add_products(c3, one, c)
    return a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3


@njit(fastmath=True, cache=True, nogil=True, inline="always")
def _keep(best, at, a, b, c, scale):
    simd.keep_largest(best, at, a, scale)
    simd.keep_largest(best, at + 8, b, scale)
    simd.keep_largest(best, at + 16, c, scale)


@njit(fastmath=True, cache=True, nogil=True)
def maxsim_whole(query, offsets, steps, dim, packed, width, levels, starts, scales, firsts, counts, ids, near, scores):
    """See `vdr.maxsim.maxsim_at`; the first four are of `vdr.maxsim._arranged`."""
    best = np.empty(len(steps), np.float32)
    padded = max(dim, width * levels.shape[1])
    four, own = np.empty(4 * padded, query.dtype), np.empty(4, np.float32)
    numbers, both = np.zeros(padded, np.int8), np.empty((2, counts.max()), np.int32)
    more = _choose(ids, near, firsts, counts, 0, both[0])
    for unit in range(len(starts)):
        best[:] = _LOWEST
        chosen, rows, following = more, both[unit & 1], both[1 - unit & 1]
        more = _choose(ids, near, firsts, counts, unit + 1, following)
        for row in range(0, chosen, 4):
            for which in range(4):
                one = rows[min(row + which, chosen - 1)]  # the last ones are looked at again, to be four
                begin = starts[unit] + one * width
                own[which] = scales[firsts[unit] + one]
                if width == dim:
                    for place in range(0, dim, 32):
                        simd.make_ready(packed, begin + place, four, which * padded + place)
                else:
                    _unpack(packed[begin : begin + width], levels, numbers)
                    for place in range(0, dim, 32):
                        simd.make_ready(numbers, place, four, which * padded + place)
                if row + which < more:
                    _expect(packed, width, scales, starts[unit + 1], firsts[unit + 1], following[row + which])
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
def products_whole(query, offsets, steps, dim, packed, scales, lengths, reach, first, last, table):
    """See `vdr.maxsim.products`, for vectors `first` to `last - 1` of `packed`, `(n, dim)`."""
    flat, four = packed.reshape(-1), np.empty(4 * dim, query.dtype)
    tile = np.empty((16, 24), np.float32)  # so many vectors by so many of the query, to be written a line at a time
    found, one = tile.reshape(-1), np.float32(1)
    for begin in range(first, last, 16):
        count = min(16, last - begin)
        for token in range(0, len(steps), 24):
            tile[:] = _LOWEST
            for row in range(0, count, 4):
                for which in range(4):
                    own = begin + min(row + which, count - 1)
                    for place in range(0, dim, 32):
                        simd.make_ready(flat, own * dim + place, four, which * dim + place)
                a0, b0, c0, a1, b1, c1, a2, b2, c2, a3, b3, c3 = _four_by_24(query, token, offsets, dim, four, dim)
                _keep(found, 24 * row, a0, b0, c0, one)
                _keep(found, 24 * row + 24, a1, b1, c1, one)
                _keep(found, 24 * row + 48, a2, b2, c2, one)
                _keep(found, 24 * row + 72, a3, b3, c3, one)
            for which in range(min(24, len(table) - token)):
                step, length = steps[token + which], lengths[token + which]
                for row in range(count):
                    own = begin + row
                    table[token + which, own] = tile[row, which] * step * scales[own] + length * reach[own]


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
