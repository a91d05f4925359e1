"""Exact MaxSim on arrays. Knows nothing of storage, models or pages.

MaxSim (Khattab & Zaharia, ColBERT, arXiv:2004.12832): a unit's score is the sum, over the query's vectors, of the
largest dot product with any of the unit's vectors.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    return maxsim_at(query, numbers.reshape(-1), offsets[:-1] * dim, scales, offsets[:-1], np.diff(offsets))


def maxsim_at(
    query: Floats,
    numbers: NDArray[np.int8],
    starts: NDArray[np.integer],
    scales: Floats,
    firsts: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> Floats:
    """Score units of int8 vectors that lie anywhere in one run of numbers, by the compiled kernel.

    Args:
        query: `(n_query, dim)`.
        numbers: The run, maybe mapped from a file.
        starts: `(n_units,)` the place in `numbers` where each unit's begin.
        scales: Of vectors.
        firsts: `(n_units,)` the place in `scales` of each unit's first vector.
        counts: `(n_units,)` how many vectors each has, at least one.

    Returns:
        `(n_units,)` scores.
    """
    from vdr import kernels

    padded = np.zeros((-(-len(query) // 4) * 4, query.shape[1]), np.float32)  # a zero vector adds nothing to a score
    padded[: len(query)] = query
    scores = np.empty(len(starts), np.float32)
    starts, firsts, counts = (np.ascontiguousarray(each, np.int64) for each in (starts, firsts, counts))

    def part(first: int, last: int) -> None:
        own = slice(first, last)
        kernels.maxsim_int8(padded, numbers, starts[own], scales, firsts[own], counts[own], scores[own])

    kernels.spread(part, len(scores), 4)
    return scores


def _check(offsets: NDArray[np.integer]) -> None:
    if np.any(np.diff(offsets) < 1):
        raise ValueError("a unit without vectors has no MaxSim")


def _best(similarity: Floats, offsets: NDArray[np.integer]) -> Floats:
    """Sum, for each unit, the best similarity `(n_vectors, n_query)` of each of the query's vectors."""
    if len(offsets) < 2:
        return np.zeros(0, np.float32)
    scores: Floats = np.maximum.reduceat(similarity, offsets[:-1], axis=0).sum(axis=1, dtype=np.float32)
    return scores
