"""Exact MaxSim on arrays. Knows nothing of storage, models or pages.

MaxSim (Khattab & Zaharia, ColBERT, arXiv:2004.12832): a unit's score is the sum, over the query's vectors, of the
largest dot product with any of the unit's vectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdr.quantize import bytes_a_vector, levels_of_bytes
from vdr.types import Floats


def maxsim(query: Floats, vectors: NDArray[np.floating], offsets: NDArray[np.integer]) -> Floats:
    """Score many units at once, in float32.

    Args:
        query: `(n_query, dim)`.
        vectors: `(n_vectors, dim)`, the vectors of all units one after another, of any float type.
        offsets: `(n_units + 1,)`, unit `i` has the rows `offsets[i]:offsets[i + 1]`, at least one.

    Returns:
        `(n_units,)` scores.

    >>> query = np.eye(2, dtype=np.float32)
    >>> maxsim(query, np.array([[1, 0], [0, 0.5], [0.5, 0.75]]), np.array([0, 2, 3])).tolist()
    [1.5, 1.25]
    """
    _check(offsets)
    return _best(vectors.astype(np.float32, copy=False) @ query.T, offsets)


def maxsim_int8(
    query: Floats, numbers: NDArray[np.int8], scales: Floats, offsets: NDArray[np.integer], *, compiled: bool = True
) -> Floats:
    """Score many units whose vector `i` is `numbers[i] * scales[i]`; the query stays float32.

    Args:
        query: `(n_query, dim)`.
        numbers: `(n_vectors, dim)`.
        scales: `(n_vectors,)`, none below zero.
        offsets: `(n_units + 1,)`, as in `maxsim`.
        compiled: By a kernel three times as fast as numpy, which takes some tenths of a second to load.

    Returns:
        `(n_units,)` scores.

    >>> query = np.eye(2, dtype=np.float32)
    >>> scales = np.array([0.5, 1, 1], np.float32)
    >>> maxsim_int8(query, np.array([[2, 0], [0, 1], [3, 4]], np.int8), scales, np.array([0, 2, 3])).tolist()
    [2.0, 7.0]
    """
    _check(offsets)
    if not compiled or len(offsets) < 2:
        return _best((numbers.astype(np.float32) @ query.T) * scales[:, None], offsets)
    dim = query.shape[1]
    return maxsim_at(query, numbers.reshape(-1), offsets[:-1] * np.int64(dim), scales, offsets[:-1], np.diff(offsets))


def maxsim_at(
    query: Floats,
    packed: NDArray[np.int8],
    starts: NDArray[np.integer],
    scales: Floats,
    firsts: NDArray[np.integer],
    counts: NDArray[np.integer],
    bits: int = 8,
    *,
    nearly: bool = False,
) -> Floats:
    """Score units of quantized vectors that lie anywhere in one run of bytes, by a compiled kernel.

    Args:
        query: `(n_query, dim)`.
        packed: The run, maybe mapped from a file, as `vdr.quantize.pack` makes it.
        starts: `(n_units,)` the place in it where each unit's vectors begin.
        scales: Of vectors.
        firsts: `(n_units,)` the place in `scales` of each unit's first vector.
        counts: `(n_units,)` how many vectors each has, at least one.
        bits: That a number has.
        nearly: With the query in 8 bits, too, where the processor is five times as fast then: a product of unit
            vectors is off by some thousandth.

    Returns:
        `(n_units,)` scores.
    """
    from vdr import kernels, simd

    levels, width = levels_of_bytes(bits), bytes_a_vector(query.shape[1], bits)
    dim = _up(query.shape[1], 32)
    padded = np.zeros((_up(len(query), 4), dim), np.float32)
    padded[: query.shape[0], : query.shape[1]] = query  # a zero vector adds nothing to a score
    asked = _arranged(query) if nearly and simd.available() else None
    scores = np.empty(len(starts), np.float32)
    starts, firsts, counts = (np.ascontiguousarray(each, np.int64) for each in (starts, firsts, counts))

    def part(first: int, last: int) -> None:
        own = slice(first, last)
        units = packed, width, levels, starts[own], scales, firsts[own], counts[own], scores[own]
        if asked is not None:
            kernels.maxsim_bytes(*asked, dim, *units)
        else:
            kernels.maxsim(padded, *units)

    kernels.spread(part, len(scores), 4)
    return scores


@dataclass(frozen=True, slots=True)
class Bytes:
    """Vectors in signed bytes, filled up to a multiple of 32 numbers.

    Attributes:
        numbers: `(n, dim)` int8.
        steps: `(n,)` what a number is worth.
    """

    numbers: NDArray[np.int8]
    steps: Floats


def in_bytes(vectors: Floats) -> Bytes:
    """Return vectors `(n, dim)` in 8 bits, as they are turned."""
    n, dim = vectors.shape
    steps = np.abs(vectors).max(axis=1, initial=0) / np.float32(127)
    numbers = np.zeros((n, _up(dim, 32)), np.int8)
    numbers[:, :dim] = np.rint(vectors / np.maximum(steps, np.float32(1e-30))[:, None])
    return Bytes(numbers, steps)


def products(query: Floats, vectors: Floats, in_8_bits: Bytes, reach: Floats) -> Floats:
    """Return the largest product `(n_query, n)` that a query may have with anything so near to vectors.

    That is the product with the vector itself, and how far it reaches times the length of the query's vector. It is
    computed in 8 bits where the processor is faster then.

    Args:
        query: `(n_query, dim)`.
        vectors: `(n, dim)`.
        in_8_bits: The same by `in_bytes`.
        reach: `(n,)`.
    """
    from vdr import kernels, simd

    lengths = np.linalg.norm(query, axis=1)
    if not simd.available():
        largest: Floats = query @ vectors.T + lengths[:, None] * reach
        return largest
    table = np.empty((len(query), len(vectors)), np.float32)
    asked = _arranged(query)

    def part(first: int, last: int) -> None:
        kernels.products_bytes(*asked, in_8_bits.numbers, in_8_bits.steps, lengths, reach, first, last, table)

    kernels.spread(part, len(vectors), 1024)
    return table


def _arranged(query: Floats) -> tuple[NDArray[np.int8], NDArray[np.int32], Floats]:
    """Return a query as the kernels of bytes take it: see `vdr.kernels._four_by_24`, and what a byte is worth."""
    padded = np.zeros((_up(len(query), 24), query.shape[1]), np.float32)
    padded[: len(query)] = query
    found = in_bytes(padded)
    n, dim = found.numbers.shape
    signed = found.numbers.reshape(n // 8, 8, dim // 4, 4).swapaxes(1, 2).reshape(-1)
    return np.ascontiguousarray(signed), -128 * found.numbers.sum(axis=1, dtype=np.int32), found.steps


def _up(number: int, step: int) -> int:
    """Return the next multiple of a step."""
    return -(-number // step) * step


def _check(offsets: NDArray[np.integer]) -> None:
    if np.any(np.diff(offsets) < 1):
        raise ValueError("a unit without vectors has no MaxSim")


def _best(similarity: Floats, offsets: NDArray[np.integer]) -> Floats:
    """Sum, for each unit, the best similarity `(n_vectors, n_query)` of each of the query's vectors."""
    if len(offsets) < 2:
        return np.zeros(0, np.float32)
    scores: Floats = np.maximum.reduceat(similarity, offsets[:-1], axis=0).sum(axis=1, dtype=np.float32)
    return scores
