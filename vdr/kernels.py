"""The inner loops of MaxSim, compiled by numba on their first call and kept on disk; for `maxsim`.

What each computes is said where it is called. The innermost loops run over the numbers of a vector or over the query's
vectors, which the compiler turns into wide instructions. They let go of Python's lock, so `vdr.cores.spread` runs them
on all cores, from any number of threads at once.
"""

# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202

from __future__ import annotations

import numpy as np
from numba import njit

from vdr import simd

LOWEST = np.float32(-3e38)
"""Less than any score; not minus infinity, which fast arithmetic does not allow."""
_ZEROS = np.zeros(8, np.float32)


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
def maxsim(least, query, dim, packed, width, levels, starts, scales, firsts, counts, ids, near, scores):
    """See `vdr.maxsim.maxsim_at`; what each best product is at least, and the query by `vdr.maxsim._in_lanes`."""
    n_query = len(least)
    best = np.empty(n_query, np.float32)
    numbers = np.zeros(max(dim, width * levels.shape[1]), np.int8)
    four, own = np.empty(4 * dim, np.float32), np.empty(4, np.float32)
    both = np.empty((2, counts.max()), np.int32)
    more = _choose(ids, near, firsts, counts, 0, both[0])
    for unit in range(len(starts)):
        best[:] = least
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
def maxsim_whole(
    least, query, offsets, steps, dim, packed, width, levels, starts, scales, firsts, counts, ids, near, scores
):
    """See `vdr.maxsim.maxsim_at`; what each best product is at least, and the query by `vdr.maxsim._arranged`."""
    best = np.empty(len(steps), np.float32)
    padded = max(dim, width * levels.shape[1])
    four, own = np.empty(4 * padded, query.dtype), np.empty(4, np.float32)
    numbers, both = np.zeros(padded, np.int8), np.empty((2, counts.max()), np.int32)
    more = _choose(ids, near, firsts, counts, 0, both[0])
    for unit in range(len(starts)):
        best[:] = least
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
            tile[:] = LOWEST
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
