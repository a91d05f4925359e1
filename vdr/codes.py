"""Compact codes of multi-vectors, and scores from them. Pure functions over arrays; knows no storage and no page.

Each vector gets the id of the nearest of some thousand global centroids, and the signs of what is left of it. A unit's
code is its distinct ids in rising order, how many vectors have each, and the signs of the vectors in that order.

Two scores are made of it. `score_ids` takes the ids alone and every unit: the sum over the query's vectors of the best
product with one of the unit's centroids (the first stage of PLAID, Santhanam et al., arXiv:2205.09707), through lists
of the units that have a centroid, so that it touches only centroids near the query. `score_signs` takes the units
that are left, and adds what the signs tell (RaBitQ, arXiv:2405.12497) where a centroid is near the best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vdr.types import Floats

BLOCK = 8_192
"""Units of one set of lists; at most 65,536, as a unit's number in its block is a uint16."""
MEMBERS = 255
"""Vectors that one entry of a unit's ids stands for at most; a further entry repeats the id."""
NEAR = 2
"""Coarse cells in which a vector's nearest centroid is looked for."""
MARGIN = np.float32(0.12)
"""How far below the best a centroid's product may be for its vectors still to be looked at, times the length
of the query's vector."""

_TOKENS = 32
"""Vectors of a query that are scored together: the bits of a mask."""

LENGTHS: Floats = np.concatenate([[0], 2.0 ** ((np.arange(1, 256) - 192) / 8)]).astype(np.float32)
"""The lengths a byte stands for: none, then 6e-8 to 235 in steps of 9 %."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Codes:
    """The codes of units, one after another.

    Attributes:
        ids: `(n_ids,)` uint16, each unit's in rising order.
        members: `(n_ids,)` uint8, how many vectors have that id.
        signs: `(n_vectors, dim / 8)` uint8, the signs of vector minus centroid.
        lengths: `(n_vectors,)` uint8, what a sign is worth, an index of `LENGTHS`.
        id_offsets: `(n_units + 1,)` where each unit's ids begin.
        vector_offsets: `(n_units + 1,)` where each unit's vectors begin.
    """

    ids: NDArray[np.uint16]
    members: NDArray[np.uint8]
    signs: NDArray[np.uint8]
    lengths: NDArray[np.uint8]
    id_offsets: NDArray[np.int64]
    vector_offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.id_offsets) - 1


@dataclass(frozen=True, slots=True)
class Lists:
    """For `BLOCK` units: which of them have a centroid.

    Attributes:
        starts: `(n_centroids + 1,)` int32, where each centroid's list begins.
        units: The lists, uint16 numbers in the block.
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


# --- centroids -------------------------------------------------------------------------------------------


def how_many(n_vectors: int) -> int:
    """Return how many centroids suit a number of vectors: a power of two near 8 times its root, 256 to 65,536."""
    wanted = 8 * max(n_vectors, 1) ** 0.5
    return 1 << min(max(int(np.log2(wanted)), 8), 16)


def train(sample: Floats, n: int, rounds: int = 6, seed: int = 0) -> Centroids:
    """Find centroids by k-means in two levels.

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
    return replace(found, reach=reach)


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
    squares, magnitudes = (left**2).sum(axis=1), np.abs(left).sum(axis=1)
    worth = np.where(magnitudes > 0, squares / np.maximum(magnitudes, 1e-12), 0)
    lengths = np.clip(np.rint(8 * np.log2(np.maximum(worth, 1e-12))) + 192, 0, 255).astype(np.uint8)
    unit = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((ids, unit))
    sorted_ids, sorted_unit = ids[order], unit[order]
    new = np.ones(len(order), bool)
    new[1:] = (sorted_ids[1:] != sorted_ids[:-1]) | (sorted_unit[1:] != sorted_unit[:-1])
    first = np.flatnonzero(new)
    place = np.arange(len(order)) - np.repeat(first, np.diff([*first, len(order)]))
    first = np.flatnonzero(place % MEMBERS == 0)
    codes = Codes(
        sorted_ids[first],
        np.diff([*first, len(order)]).astype(np.uint8),
        np.packbits(left[order] > 0, axis=1),
        lengths[order],
        np.searchsorted(sorted_unit[first], np.arange(len(offsets))).astype(np.int64),
        np.asarray(offsets, np.int64),
    )
    return codes, float(squares.sum())


def make_lists(codes: Codes, first: int, last: int, n_centroids: int) -> Lists:
    """Turn the ids of units `first` to `last - 1`, at most `BLOCK`, into lists."""
    from vdr import kernels

    begin, end = codes.id_offsets[first], codes.id_offsets[last]
    counts = np.diff(codes.id_offsets[first : last + 1])
    starts, units = kernels.invert(np.asarray(codes.ids[begin:end]), counts, n_centroids)
    return Lists(starts, units, last - first)


# --- scoring ---------------------------------------------------------------------------------------------


def nearest(table: Floats, count: int) -> Nearest:
    """Return the centroids nearest to each vector of the query.

    Args:
        table: `(n_query, n_centroids)`, the products of the query's vectors with the centroids.
        count: How many of them; all where there are fewer.
    """
    from vdr import kernels

    shape = len(table), min(count, table.shape[1])
    near = Nearest(np.empty(shape, np.int32), np.empty(shape, np.float32))

    def part(first: int, last: int) -> None:
        kernels.nearest(table[first:last], near.ids[first:last], near.products[first:last])

    kernels.spread(part, len(table), 4)
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
    from vdr import kernels

    last = near.products[:, -1]
    scores = np.full(sum(block.count for block in blocks), last.sum(), np.float32)
    gains = near.products - last[:, None]
    begins = np.cumsum([0, *(block.count for block in blocks)])

    def part(first: int, last: int) -> None:
        for block, begin in zip(blocks[first:last], begins[first:last], strict=True):
            kernels.walk(near.ids, gains, block.starts, block.units, scores[begin : begin + block.count])

    kernels.spread(part, len(blocks), 1)
    return scores


def score_signs(query: Floats, table: Floats, near: Nearest, codes: Codes, units: NDArray[np.integer]) -> Floats:
    """Score some units by centroids and signs.

    Args:
        query: `(n_query, dim)`.
        table: `(n_query, n_centroids)`, its products with the centroids.
        near: The centroids looked at; a unit that has none of them gets the product of the last.
        codes: Of all units.
        units: `(n,)` which to score.

    Returns:
        `(n,)`.
    """
    scores = np.zeros(len(units), np.float32)
    for begin in range(0, len(query), _TOKENS):
        group = slice(begin, begin + _TOKENS)
        part = Nearest(near.ids[group], near.products[group])
        scores += _score_group(query[group], table[group], part, codes, np.asarray(units, np.int64))
    return scores


def _score_group(query: Floats, table: Floats, near: Nearest, codes: Codes, units: NDArray[np.int64]) -> Floats:
    """Score units by at most `_TOKENS` vectors of a query."""
    from vdr import kernels

    width, n_centroids = codes.signs.shape[1], table.shape[1]
    padded = np.zeros((len(query), width * 8), np.float32)
    padded[:, : query.shape[1]] = query
    lookup = _lookup(padded.reshape(len(query), width, 8))
    lows, highs = table.min(axis=1), table.max(axis=1)
    steps = np.maximum((highs - lows) / np.float32(255), np.float32(1e-12))
    margins = np.rint(np.minimum(MARGIN * np.linalg.norm(query, axis=1) / steps, 255)).astype(np.int64)
    rows = np.empty((n_centroids, _TOKENS), np.uint8)
    kernels.to_bytes(table, lows, steps, rows)
    masks = np.zeros(n_centroids, np.uint32)
    for token, ids in enumerate(near.ids):
        masks[ids] |= np.uint32(1 << token)
    floors = np.ascontiguousarray(near.products[:, -1])
    scores = np.empty(len(units), np.float32)

    def part(first: int, last: int) -> None:
        kernels.signs(
            masks, rows, lows, steps, margins, floors, lookup, codes.ids, codes.members, codes.signs, codes.lengths,
            LENGTHS, codes.id_offsets, codes.vector_offsets, units[first:last], scores[first:last],
        )  # fmt: skip

    kernels.spread(part, len(units), 32)
    return scores


def _lookup(query: Floats) -> Floats:
    """Return `(n_query, width, 256)`: the product of eight of a query's numbers with the signs a byte holds."""
    signs = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) * 2 - 1
    return np.ascontiguousarray(query @ signs.T)
