"""Exact MaxSim on arrays. Knows nothing of storage, models or pages.

MaxSim (Khattab & Zaharia, ColBERT, arXiv:2004.12832): a unit's score is the sum, over the query's vectors, of the
largest dot product with any of the unit's vectors. Given floors, a product counts from there on: it is as if every unit
had one more vector, whose products with the query's these are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from vdr.cores import spread
from vdr.quantize import Quantized, bytes_a_vector, in_bytes, levels_of_bytes
from vdr.types import Floats


def maxsim(
    query: Floats, vectors: NDArray[np.floating], offsets: NDArray[np.integer], floors: Floats | None = None
) -> Floats:
    """Score many units at once, in float32.

    Args:
        query: `(n_query, dim)`.
        vectors: `(n_vectors, dim)`, the vectors of all units one after another, of any float type.
        offsets: `(n_units + 1,)`, unit `i` has the rows `offsets[i]:offsets[i + 1]`, at least one.
        floors: `(n_query,)`.

    Returns:
        `(n_units,)` scores.

    >>> query = np.eye(2, dtype=np.float32)
    >>> maxsim(query, np.array([[1, 0], [0, 0.5], [0.5, 0.75]]), np.array([0, 2, 3])).tolist()
    [1.5, 1.25]
    >>> maxsim(query, np.array([[1, 0], [0, 0.5]]), np.array([0, 2]), np.array([0.5, 0.75], np.float32)).tolist()
    [1.75]
    """
    _check(offsets)
    return _best(vectors.astype(np.float32, copy=False) @ query.T, offsets, floors)


def maxsim_int8(
    query: Floats,
    numbers: NDArray[np.int8],
    scales: Floats,
    offsets: NDArray[np.integer],
    floors: Floats | None = None,
    *,
    compiled: bool = True,
) -> Floats:
    """Score many units whose vector `i` is `numbers[i] * scales[i]`; the query stays float32.

    Args:
        query: `(n_query, dim)`.
        numbers: `(n_vectors, dim)`.
        scales: `(n_vectors,)`, none below zero.
        offsets: `(n_units + 1,)`, as in `maxsim`.
        floors: `(n_query,)`.
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
        return _best((numbers.astype(np.float32) @ query.T) * scales[:, None], offsets, floors)
    dim = query.shape[1]
    where = numbers.reshape(-1), offsets[:-1] * np.int64(dim), scales, offsets[:-1], np.diff(offsets)
    return maxsim_at(Asked(query, floors=floors), *where)


class Asked:
    """A query made ready to score units of quantized vectors, by a compiled kernel.

    Args:
        query: `(n_query, dim)`.
        bits: That a number of the units has.
        floors: `(n_query,)`.
        nearly: With the query in whole numbers, too, where the processor is several times as fast then: in 8 bits a
            product of unit vectors is off by some thousandth, in 16 by some hundred-thousandth.

    Attributes:
        width: Bytes of a unit's vector.
    """

    def __init__(self, query: Floats, bits: int = 8, *, floors: Floats | None = None, nearly: bool = False) -> None:
        from vdr import kernels, simd

        self._levels, self.width = levels_of_bytes(bits), bytes_a_vector(query.shape[1], bits)
        self._kernel: Callable[..., object]
        if nearly and (size := simd.number_size()) < 4:
            numbers, offsets, steps, dim = _arranged(query, size)
            self._kernel = partial(kernels.maxsim_whole, _least(floors, steps), numbers, offsets, steps, dim)
        else:
            lanes, n_query, dim = _in_lanes(query)
            self._kernel = partial(kernels.maxsim, _least(floors, np.ones(n_query, np.float32)), lanes, dim)

    def score(
        self,
        packed: NDArray[np.int8],
        starts: NDArray[np.int64],
        scales: Floats,
        firsts: NDArray[np.int64],
        counts: NDArray[np.int64],
        near: Near,
        scores: Floats,
    ) -> None:
        """Write the scores of units that lie anywhere in one run of bytes, in this thread.

        Args:
            packed: The run, maybe mapped from a file, as `vdr.quantize.pack` makes it.
            starts: `(n_units,)` the place in it where each unit's vectors begin.
            scales: Of vectors.
            firsts: `(n_units,)` the place in `scales` of each unit's first vector.
            counts: `(n_units,)` how many vectors each has, at least one.
            near: Which of a unit's vectors are looked at.
            scores: `(n_units,)` where they are written.
        """
        if len(starts):
            where = packed, self.width, self._levels, starts, scales, firsts, counts
            self._kernel(*where, near.ids, near.centroids, scores)


@dataclass(frozen=True, slots=True)
class Near:
    """Which vectors of a unit are looked at: those of centroids near the query, or all of a unit that has none.

    So a score is that of a part of the unit, and never too high. `ALL` stands for all vectors.

    Attributes:
        ids: `(n,)` the centroid of each vector, in the order of their scales.
        centroids: `(n_centroids,)` which of them are near.
    """

    ids: NDArray[np.uint16]
    centroids: NDArray[np.bool_]


ALL = Near(np.zeros(0, np.uint16), np.zeros(0, np.bool_))


def maxsim_at(
    asked: Asked,
    packed: NDArray[np.int8],
    starts: NDArray[np.integer],
    scales: Floats,
    firsts: NDArray[np.integer],
    counts: NDArray[np.integer],
    near: Near = ALL,
) -> Floats:
    """Return the scores `(n_units,)` of units that lie anywhere in one run of bytes, on all cores; see `Asked`."""
    scores = np.empty(len(starts), np.float32)
    starts, firsts, counts = (np.ascontiguousarray(each, np.int64) for each in (starts, firsts, counts))

    def part(first: int, last: int) -> None:
        own = slice(first, last)
        asked.score(packed, starts[own], scales, firsts[own], counts[own], near, scores[own])

    spread(part, len(scores), 4)
    return scores


def as_bytes(vectors: Floats) -> Quantized:
    """Return vectors `(n, dim)` in 8 bits, filled up with zeros to a multiple of 32 numbers."""
    return in_bytes(_filled(vectors, 1))


def products(query: Floats, vectors: Quantized, reach: Floats) -> Floats:
    """Return the largest product `(n_query, n)` that a query may have with anything so near to vectors.

    That is the product with the vector itself, in whole numbers, and how far it reaches times the length of the
    query's vector. Only for processors that are faster with them (`vdr.simd.number_size`).

    Args:
        query: `(n_query, dim)`.
        vectors: `n` of them, by `as_bytes`.
        reach: `(n,)`.
    """
    from vdr import kernels, simd

    lengths, asked = np.linalg.norm(query, axis=1), _arranged(query, simd.number_size())
    table = np.empty((len(query), len(vectors)), np.float32)

    def part(first: int, last: int) -> None:
        kernels.products_whole(*asked, vectors.numbers, vectors.scales, lengths, reach, first, last, table)

    spread(part, len(vectors), 1024)
    return table


def _arranged(query: Floats, size: int) -> tuple[NDArray[np.signedinteger], NDArray[np.int32], Floats, int]:
    """Return a query as the kernels of whole numbers take it: see `vdr.kernels._four_by_24`, what 1 is worth, and dim.

    Args:
        query: `(n_query, dim)`.
        size: Bytes that a number takes.
    """
    filled = _filled(query, 24)
    n, dim = filled.shape
    if size == 1:
        numbers, scales = (found := in_bytes(filled)).numbers, found.scales
        offsets = -128 * numbers.sum(axis=1, dtype=np.int32)
    else:
        most = min(32_767, (2**31 - 1) // (127 * dim))  # so that a sum of products stays within 32 bits
        scales = np.maximum(np.abs(filled).max(axis=1), np.float32(1e-30)) / np.float32(most)
        numbers, offsets = np.rint(filled / scales[:, None]).astype(np.int16), np.zeros(n, np.int32)
    together = 4 // size
    lanes = numbers.reshape(n // 8, 8, dim // together, together).swapaxes(1, 2).reshape(-1)
    return np.ascontiguousarray(lanes), offsets, scales, dim


def _in_lanes(query: Floats) -> tuple[Floats, int, int]:
    """Return a query as the kernel of floats takes it: see `vdr.kernels._floats_by_24`, how many vectors, and dim.

    Vectors of zeros are added, whose best product is 0.
    """
    filled = _filled(query, 24)
    n, dim = filled.shape
    return np.ascontiguousarray(filled.reshape(n // 8, 8, dim).swapaxes(1, 2)).reshape(-1), n, dim


def _least(floors: Floats | None, steps: Floats) -> Floats:
    """Return what the best product of each of the query's vectors is at least, in steps of so much.

    Args:
        floors: `(n_query,)`, or None for none.
        steps: `(n,)`, none below zero; behind those of the query are those of vectors of zeros.
    """
    from vdr import kernels

    if floors is None:
        return np.full(len(steps), kernels.LOWEST)
    least = np.zeros(len(steps), np.float32)
    np.divide(floors, steps[: len(floors)], out=least[: len(floors)], where=steps[: len(floors)] > 0)
    return least


def _filled(vectors: Floats, rows: int) -> Floats:
    """Fill up with zeros, which add nothing to a score, to multiples of so many vectors and of 32 numbers."""
    n, dim = vectors.shape
    shape = -(-n // rows) * rows, -(-dim // 32) * 32
    if shape == (n, dim):
        return vectors
    filled = np.zeros(shape, np.float32)
    filled[:n, :dim] = vectors
    return filled


def _check(offsets: NDArray[np.integer]) -> None:
    if np.any(np.diff(offsets) < 1):
        raise ValueError("a unit without vectors has no MaxSim")


def _best(similarity: Floats, offsets: NDArray[np.integer], floors: Floats | None) -> Floats:
    """Sum, for each unit, the best similarity `(n_vectors, n_query)` of each of the query's vectors."""
    if len(offsets) < 2:
        return np.zeros(0, np.float32)
    best = np.maximum.reduceat(similarity, offsets[:-1], axis=0)
    if floors is not None:
        best = np.maximum(best, floors)
    scores: Floats = best.sum(axis=1, dtype=np.float32)
    return scores
