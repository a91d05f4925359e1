"""Compact codes of multi-vectors, and scores from them. Pure functions over arrays; knows no storage and no page.

Each vector gets the id of the nearest of some thousand global centroids. A unit's score is the sum over the query's
vectors of the best product with one of its centroids (the first stage of PLAID, Santhanam et al., arXiv:2205.09707),
through lists of the units that have a centroid, so that only centroids near the query are touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vdr.cores import spread
from vdr.maxsim import as_bytes, products
from vdr.quantize import Quantized
from vdr.types import Floats

BLOCK = 4_096
"""Units of one set of lists; at most 65,536, as a unit's number in its block is a uint16."""
NEAR = 2
"""Coarse cells in which a vector's nearest centroid is looked for."""


@dataclass(frozen=True)
class Centroids:
    """Centroids in two levels, so that the nearest of many is found soon.

    Attributes:
        coarse: `(n_cells, dim)`.
        fine: `(n, dim)`, cell by cell; these are what ids mean.
        starts: `(n_cells + 1,)` where each cell's begin.
        reach: `(n,)` how far the vectors of each lie from it, root of the mean square.
    """

    coarse: Floats
    fine: Floats
    starts: NDArray[np.int64]
    reach: Floats

    def __len__(self) -> int:
        return len(self.fine)

    @cached_property
    def in_bytes(self) -> Quantized:
        """`fine`, as products with it are computed where the processor is fastest with bytes."""
        return as_bytes(self.fine)


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of units, one after another.

    Attributes:
        ids: `(n_vectors,)` uint16, the centroid of each vector.
        offsets: `(n_units + 1,)` where each unit's begin.
    """

    ids: NDArray[np.uint16]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class Lists:
    """For `BLOCK` units: which of them have a centroid.

    Attributes:
        starts: `(n_centroids + 1,)` int32, where each centroid's list begins.
        units: The lists, uint16 numbers in the block, each once in a list, rising.
        count: Units in the block.
    """

    starts: NDArray[np.int32]
    units: NDArray[np.uint16]
    count: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """The centroids nearest to each vector of a query, best first.

    Attributes:
        ids: `(n_query, n)` int32.
        products: `(n_query, n)` their products with the vector.
    """

    ids: NDArray[np.int32]
    products: Floats

    def first(self, count: int) -> Nearest:
        """Return the nearest `count` of them."""
        return Nearest(np.ascontiguousarray(self.ids[:, :count]), np.ascontiguousarray(self.products[:, :count]))

    def above(self, floors: Floats | None) -> Nearest:
        """Return them with products that are at least `floors`, `(n_query,)`."""
        return self if floors is None else Nearest(self.ids, np.maximum(self.products, floors[:, None]))


# --- centroids -------------------------------------------------------------------------------------------


def how_many(n_vectors: int) -> int:
    """Return how many centroids suit a number of vectors: a power of two near 8 times its root, 256 to 65,536."""
    wanted = 8 * max(n_vectors, 1) ** 0.5
    return 1 << min(max(int(np.log2(wanted)), 8), 16)


def train(sample: Floats, n: int, rounds: int = 6, seed: int = 0) -> tuple[Centroids, float]:
    """Find centroids by k-means in two levels; return also what they leave of a vector, the mean of the squares.

    Args:
        sample: `(n_sample, dim)`, some 30 for each centroid.
        n: How many; fewer come back where there are fewer distinct vectors.
        rounds: Of Lloyd's algorithm, on each level.
        seed: Of the random beginning.
    """
    random = np.random.default_rng(seed)
    coarse = _k_means(sample, max(int(n**0.5), 1), rounds, random)
    cell = _nearest(sample, coarse)
    fine = []
    for number in range(len(coarse)):
        own = sample[cell == number]
        share = max(round(n * len(own) / len(sample)), 1)
        fine.append(_k_means(own, share, rounds, random) if len(own) else coarse[number : number + 1])
    starts = np.cumsum([0, *map(len, fine)])
    while starts[-1] > 65_536:  # rounding up in many cells
        largest = int(np.argmax(np.diff(starts)))
        fine[largest] = fine[largest][: -(int(starts[-1]) - 65_536)]
        starts = np.cumsum([0, *map(len, fine)])
    found = Centroids(coarse, np.concatenate(fine), starts.astype(np.int64), np.zeros(starts[-1], np.float32))
    ids = assign(sample, found)
    squares = ((sample - found.fine[ids]) ** 2).sum(axis=1)
    counts = np.bincount(ids, minlength=len(found))
    reach = np.sqrt(np.bincount(ids, squares, minlength=len(found)) / np.maximum(counts, 1)).astype(np.float32)
    return replace(found, reach=reach), float(squares.mean())


def assign(vectors: Floats, centroids: Centroids) -> NDArray[np.uint16]:
    """Return the id of each vector's nearest centroid, looked for in the `NEAR` nearest cells."""
    near = min(NEAR, len(centroids.coarse))
    closeness = vectors @ centroids.coarse.T - (centroids.coarse**2).sum(axis=1) / 2
    cells = np.argpartition(-closeness, near - 1, axis=1)[:, :near]
    best = np.full(len(vectors), -np.inf, np.float32)
    ids = np.zeros(len(vectors), np.uint16)
    order = np.argsort(cells, axis=None, kind="stable")
    bounds = np.searchsorted(cells.ravel()[order], np.arange(len(centroids.coarse) + 1))
    half = (centroids.fine**2).sum(axis=1) / 2
    for cell in range(len(centroids.coarse)):
        rows = order[bounds[cell] : bounds[cell + 1]] // near
        if len(rows):
            own = slice(centroids.starts[cell], centroids.starts[cell + 1])
            close = vectors[rows] @ centroids.fine[own].T - half[own]
            nearest = close.argmax(axis=1)
            value = close[np.arange(len(rows)), nearest]
            better = value > best[rows]
            best[rows[better]] = value[better]
            ids[rows[better]] = nearest[better] + centroids.starts[cell]
    return ids


def _k_means(vectors: Floats, n: int, rounds: int, random: np.random.Generator) -> Floats:
    if len(vectors) <= n:
        return vectors.copy()
    centroids: Floats = vectors[random.choice(len(vectors), n, replace=False)].copy()
    for _ in range(rounds):
        nearest = _nearest(vectors, centroids)
        order = np.argsort(nearest, kind="stable")
        present, first = np.unique(nearest[order], return_index=True)
        sums = np.add.reduceat(vectors[order], first, axis=0)
        centroids[present] = sums / np.diff([*first, len(vectors)])[:, None]
        empty = np.setdiff1d(np.arange(n), present)
        centroids[empty] = vectors[random.choice(len(vectors), len(empty), replace=False)]
    return centroids


def _nearest(vectors: Floats, centroids: Floats) -> NDArray[np.int64]:
    half = (centroids**2).sum(axis=1) / 2
    rows = max(1, (1 << 22) // len(centroids))
    parts = [(vectors[i : i + rows] @ centroids.T - half).argmax(axis=1) for i in range(0, len(vectors), rows)]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


# --- coding ----------------------------------------------------------------------------------------------


def encode(vectors: Floats, offsets: NDArray[np.integer], centroids: Centroids) -> tuple[Codes, float]:
    """Code units; return also the sum of squares of what the centroids leave of the vectors.

    Args:
        vectors: `(n, dim)`, unit by unit.
        offsets: `(n_units + 1,)`.
        centroids: From `train`.
    """
    ids = assign(vectors, centroids)
    left = vectors - centroids.fine[ids]
    return Codes(ids, np.asarray(offsets, np.int64)), float((left**2).sum())


def make_lists(codes: Codes, first: int, last: int, n_centroids: int) -> Lists:
    """Turn the ids of units `first` to `last - 1`, at most `BLOCK`, into lists."""
    from vdr import list_kernels

    begin, end = codes.offsets[first], codes.offsets[last]
    counts = np.diff(codes.offsets[first : last + 1])
    starts, units = list_kernels.invert(np.asarray(codes.ids[begin:end]), counts, n_centroids)
    return Lists(starts, units, last - first)


# --- scoring ---------------------------------------------------------------------------------------------


def closeness(query: Floats, centroids: Centroids, reach: float) -> Floats:
    """Return `(n_query, n_centroids)`: the products, and some more, as what a centroid stands for may be nearer.

    Args:
        query: `(n_query, dim)`.
        centroids: What it may be near to.
        reach: Part of the distance of its vectors from a centroid that counts as nearness.
    """
    from vdr import simd

    more = np.float32(reach) * centroids.reach
    if simd.number_size() < 4:
        return products(query, centroids.in_bytes, more)
    table: Floats = query @ centroids.fine.T + np.linalg.norm(query, axis=1, keepdims=True) * more
    return table


def nearest(table: Floats, count: int) -> Nearest:
    """Return the centroids nearest to each vector of the query.

    Args:
        table: `(n_query, n_centroids)`, by `closeness`.
        count: How many of them; all where there are fewer.
    """
    from vdr import list_kernels

    shape = len(table), min(count, table.shape[1])
    near = Nearest(np.empty(shape, np.int32), np.empty(shape, np.float32))

    def part(first: int, last: int) -> None:
        list_kernels.nearest(table[first:last], near.ids[first:last], near.products[first:last])

    spread(part, len(table), 4)
    return near


def score_ids(near: Nearest, blocks: Sequence[Lists]) -> Floats:
    """Score every unit of the blocks by its centroids.

    Args:
        near: The centroids looked at; a unit that has none of those near a vector gets the product of the last of
            them, so its score is never too low.
        blocks: From `make_lists`.

    Returns:
        `(n_units,)`.
    """
    from vdr import list_kernels

    last = near.products[:, -1]
    scores = np.full(sum(block.count for block in blocks), last.sum(), np.float32)
    gains = near.products - last[:, None]
    begins = np.cumsum([0, *(block.count for block in blocks)])

    def part(first: int, last: int) -> None:
        for block, begin in zip(blocks[first:last], begins[first:last], strict=True):
            list_kernels.walk(near.ids, gains, block.starts, block.units, scores[begin : begin + block.count])

    spread(part, len(blocks), 1)
    return scores
