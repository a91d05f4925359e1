"""The stages of MaxSim search put together over a channel of the store. Knows no encoder, and nothing of fusion.

Filter, then candidates from compact codes, then exact MaxSim on the full vectors. What has no codes is scored
exactly: a small channel, documents that another process wrote and did not code, and everything where it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdr import search
from vdr.index import Index
from vdr.maxsim import maxsim_int8
from vdr.quantize import to_space
from vdr.store import Store
from vdr.types import Channel, Floats
from vdr.vectors import Vectors

COMPILE = 16 << 20
"""Bytes of vectors from which exhaustive scoring loads the compiled kernel."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a channel found.

    Attributes:
        exact: MaxSim scores by key; the best units are among them.
        estimated: Scores of further candidates, corrected by how far the estimates of `exact` are off on average.
            These units rank behind all of `exact`.
    """

    exact: Mapping[str, float]
    estimated: Mapping[str, float]

    def ranking(self) -> dict[str, float]:
        """Return all scores in one mapping, the estimated none above the exact, to fuse with other channels."""
        floor = min(self.exact.values(), default=0.0)
        return {**{key: min(score, floor) for key, score in self.estimated.items()}, **self.exact}


def score(
    store: Store, channel: Channel, query: Floats, doc_ids: Collection[str] | None, k: int, *, exact: bool = False
) -> Scores:
    """Score the units of a channel.

    Args:
        store: The corpus.
        channel: `visual` or `text`.
        query: `(n_query, dim)`.
        doc_ids: Only these documents; None for all.
        k: How many hits are wanted; the best so many are scored exactly.
        exact: Score every unit exactly.
    """
    vectors, pin, names = store.vectors(channel), store.pin(channel), store.names()
    if pin is None or not len(query):
        return Scores({}, {})
    query = np.ascontiguousarray(to_space(query, pin.bits), np.float32)
    wanted: Collection[str] = names if doc_ids is None else names.keys() & set(doc_ids)
    index = None if exact else vectors.index()
    if index is None:
        return Scores(_exhaustively(vectors, query, wanted), {})
    staged = _staged(vectors, index, query, wanted, names, k)
    uncoded = set(wanted) - index.doc_ids
    return Scores({**staged.exact, **_exhaustively(vectors, query, uncoded)}, staged.estimated) if uncoded else staged


def _exhaustively(vectors: Vectors, query: Floats, doc_ids: Collection[str]) -> dict[str, float]:
    scores: dict[str, float] = {}
    compiled = vectors.size() > COMPILE
    for batch in vectors.batches(doc_ids):
        numbers, scales = batch.quantized.numbers, batch.quantized.scales
        found = maxsim_int8(query, numbers, scales, batch.offsets, compiled=compiled)
        scores.update(zip(batch.keys, found.tolist(), strict=True))
    return scores


def _staged(
    vectors: Vectors, index: Index, query: Floats, doc_ids: Collection[str], names: Mapping[str, str], k: int
) -> Scores:
    count = max(search.CANDIDATES, 4 * k)
    units, estimates = search.candidates(query, index.centroids, index.codes, index.lists, index.of(doc_ids), count)

    def exactly(first: int, last: int) -> Floats:
        part = units[first:last]
        begins = index.codes.vector_offsets
        counts = begins[part + 1] - begins[part]
        scales = np.concatenate([index.scales[begins[unit] : begins[unit + 1]] for unit in part.tolist()])
        scores = index.mapped.maxsim(query, index.spots[part], counts, scales)
        rest = np.flatnonzero(np.isnan(scores))
        if len(rest):
            found, quantized, offsets = vectors.fetch(index, part[rest])
            order = np.argsort(part[rest])
            place = rest[order[np.searchsorted(part[rest][order], found)]]
            scores[place] = maxsim_int8(query, quantized.numbers, quantized.scales, offsets)
        return scores

    scores = search.rescore(estimates, k, exactly)
    keys = _keys(index, units, names)
    there = {key: score for key, score in zip(keys, scores.tolist(), strict=False) if score == score}
    off = np.nanmean(scores - estimates[: len(scores)]) if there else np.float32(0)
    return Scores(there, dict(zip(keys[len(scores) :], (estimates[len(scores) :] + off).tolist(), strict=True)))


def _keys(index: Index, units: NDArray[np.int64], names: Mapping[str, str]) -> list[str]:
    pages = index.pages[units].tolist()
    return [f"{names[doc_id]}:{page}" for doc_id, page in zip(index.doc_of(units), pages, strict=True)]
