"""The stages of MaxSim search put together over a channel of the store. Knows no encoder, and nothing of fusion.

Filter, then candidates from compact codes, then MaxSim in 8 bits, then exact MaxSim of the best; where units have a few
vectors each, all of them are candidates. What has no codes is scored exactly: a small channel, documents that another
process wrote and did not code, and everything where it is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdr import search
from vdr.index import Index
from vdr.maxsim import maxsim_int8
from vdr.quantize import to_space
from vdr.store import Store
from vdr.types import Channel, Floats
from vdr.vectors import Batch, Vectors

COMPILE = 16 << 20
"""Bytes of vectors from which exhaustive scoring loads the compiled kernel."""
FEW = 8
"""Vectors that units have on average, as those of `dense`, up to which all are scored: codes would not be smaller."""


@dataclass(frozen=True, slots=True)
class Scores:
    """What a channel found.

    Attributes:
        exact: MaxSim scores by key; the best units are among them. Where units were left out, those behind the best
            are exact but for some thousandth a vector of the query, which is kept in 8 bits for them.
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


def score_keys(store: Store, channel: Channel, query: Floats, keys: Collection[str]) -> Scores:
    """Score given units exactly: the second stage behind a cheaper one. Those without vectors get no score.

    Args:
        store: The corpus.
        channel: `visual` or `text`.
        query: `(n_query, dim)`.
        keys: Of the units.
    """
    vectors, pin = store.vectors(channel), store.pin(channel)
    if pin is None or not len(query) or not keys:
        return Scores({}, {})
    query = np.ascontiguousarray(to_space(query, pin.bits), np.float32)
    index, left = vectors.index(), set(keys)
    found: dict[str, float] = {}
    if index is not None:
        names = store.names()
        units = index.at(_pages(left, names))
        scores = _Scorer(vectors, index, query)(units)
        found = {
            key: score for key, score in zip(_keys(index, units, names), scores.tolist(), strict=True) if score == score
        }
        left -= found.keys()
    if left:
        found |= _each(vectors, query, vectors.keyed(left, store.live()))
    return Scores(found, {})


def _pages(keys: Collection[str], names: Mapping[str, str]) -> dict[str, list[int]]:
    """Return the pages of each document, by its id, that keys name."""
    ids = {name: doc_id for doc_id, name in names.items()}
    pages: dict[str, list[int]] = {}
    for key in keys:
        name, _, page = key.rpartition(":")
        if name in ids and page.isdecimal():
            pages.setdefault(ids[name], []).append(int(page))
    return pages


def _exhaustively(vectors: Vectors, query: Floats, doc_ids: Collection[str]) -> dict[str, float]:
    return _each(vectors, query, vectors.batches(doc_ids))


def _each(vectors: Vectors, query: Floats, batches: Iterable[Batch]) -> dict[str, float]:
    scores: dict[str, float] = {}
    compiled = vectors.size() > COMPILE
    for batch in batches:
        numbers, scales = batch.quantized.numbers, batch.quantized.scales
        found = maxsim_int8(query, numbers, scales, batch.offsets, compiled=compiled)
        scores.update(zip(batch.keys, found.tolist(), strict=True))
    return scores


def _staged(
    vectors: Vectors, index: Index, query: Floats, doc_ids: Collection[str], names: Mapping[str, str], k: int
) -> Scores:
    count, wanted = max(search.CANDIDATES, 4 * k), index.of(doc_ids)
    scorer = _Scorer(vectors, index, query)
    if len(index.scales) <= FEW * len(index.pages):
        units, nearly = search.best(wanted, scorer(wanted, nearly=True), count)
        estimates = nearly
    else:
        units, estimates = search.candidates(query, index.centroids, index.lists, wanted, count)
        nearly = search.rescore(estimates, k, lambda first, last: scorer(units[first:last], nearly=True), search.FIRST)
    left = len(nearly)
    off = np.nanmean(nearly - estimates[:left]) if not np.isnan(nearly).all() else np.float32(0)
    order = np.argsort(-nearly, kind="stable")[: left - np.isnan(nearly).sum()]  # what is gone comes last
    best, scores = units[order], nearly[order]
    exact = search.rescore(scores, k, lambda first, last: scorer(best[first:last]), search.CLOSE)
    scores[: len(exact)] = exact
    there = {
        key: score for key, score in zip(_keys(index, best, names), scores.tolist(), strict=True) if score == score
    }
    return Scores(there, dict(zip(_keys(index, units[left:], names), (estimates[left:] + off).tolist(), strict=True)))


class _Scorer:
    """Scores units of an index by their vectors: from mapped files, or through LanceDB what is not found there."""

    def __init__(self, vectors: Vectors, index: Index, query: Floats) -> None:
        pin = vectors.pin()
        assert pin is not None, "a channel with an index has a table"
        self._vectors, self._index, self._query, self._bits = vectors, index, query, pin.bits

    def __call__(self, units: NDArray[np.int64], *, nearly: bool = False) -> Floats:
        """Return `(n,)` scores, not-a-number for units that are gone; see `vdr.maxsim.maxsim_at` for `nearly`."""
        index = self._index
        firsts = index.begins[units]
        counts = index.begins[units + 1] - firsts
        spots = index.spots[units]
        scores = index.mapped.maxsim(self._query, spots, index.scales, firsts, counts, self._bits, nearly=nearly)
        rest = np.flatnonzero(np.isnan(scores))
        if len(rest):
            found, quantized, offsets = self._vectors.fetch(index, units[rest])
            order = np.argsort(units[rest])
            place = rest[order[np.searchsorted(units[rest][order], found)]]
            scores[place] = maxsim_int8(self._query, quantized.numbers, quantized.scales, offsets)
        return scores


def _keys(index: Index, units: NDArray[np.int64], names: Mapping[str, str]) -> list[str]:
    pages = index.pages[units].tolist()
    return [f"{names[doc_id]}:{page}" for doc_id, page in zip(index.doc_of(units), pages, strict=True)]
