"""The stages of MaxSim search put together over a channel of the store. Knows no encoder, and nothing of fusion.

Filter, then candidates from compact codes, then MaxSim in 8 bits (over vectors near the query, then over all of a
unit), then exact MaxSim of the best; where units have a few vectors each, or a filter leaves few units, all are scored
in 8 bits. What has no codes is scored exactly: a small channel, documents that another process wrote and did not code,
and everything where it is asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vdr import search, simd
from vdr.index import Index
from vdr.maxsim import ALL, Asked, Near, maxsim_int8
from vdr.quantize import to_space
from vdr.stored import Stored
from vdr.types import Channel, Floats
from vdr.vectors import Batch, Vectors

COMPILE = 16 << 20
"""Bytes of vectors from which exhaustive scoring loads the compiled kernel."""
FULLY = 256
"""Units up to which all that a filter lets through are scored by all their vectors."""
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
    store: Stored,
    channel: Channel,
    query: Floats,
    doc_ids: Collection[str] | None,
    k: int,
    *,
    floor: float | None = None,
    exact: bool = False,
    alone: bool = False,
) -> Scores:
    """Score the units of a channel.

    Args:
        store: The corpus.
        channel: `visual` or `text`.
        query: `(n_query, dim)`.
        doc_ids: Only these documents; None for all.
        k: How many hits are wanted; the best so many are scored exactly.
        floor: As `QueryVectors` has it; there is none in a corpus of passages alone.
        exact: Score every unit exactly.
        alone: Nothing else is fused with it, so estimates of what is behind the best are not wanted.
    """
    vectors, pin, names = store.vectors(channel), store.pin(channel), store.names()
    if pin is None or not len(query):
        return Scores({}, {})
    wanted: Collection[str] = names if doc_ids is None else names.keys() & set(doc_ids)
    index = None if exact else vectors.index()
    asked = _asked(store, to_space(query, pin.bits, compiled=index is not None), floor)
    if index is None:
        return Scores(_exhaustively(vectors, asked, wanted), {})
    staged = _staged(vectors, index, asked, wanted, names, k, further=not alone)
    uncoded = set(wanted) - index.doc_ids
    return Scores({**staged.exact, **_exhaustively(vectors, asked, uncoded)}, staged.estimated) if uncoded else staged


def score_keys(
    store: Stored, channel: Channel, query: Floats, keys: Collection[str], floor: float | None = None
) -> Scores:
    """Score given units exactly: the second stage behind a cheaper one. Those without vectors get no score.

    Args:
        store: The corpus.
        channel: `visual` or `text`.
        query: `(n_query, dim)`.
        keys: Of the units.
        floor: As `QueryVectors` has it; there is none in a corpus of passages alone.
    """
    vectors, pin = store.vectors(channel), store.pin(channel)
    if pin is None or not len(query) or not keys:
        return Scores({}, {})
    asked = _asked(store, to_space(query, pin.bits), floor)
    index, left = vectors.index(), store.places(keys)
    found: dict[str, float] = {}
    if index is not None:
        names = store.names()
        units = index.at(_pages(left.values()))
        scores = _Scorer(vectors, index, asked, nearly=False)(units)
        found = {
            key: score for key, score in zip(_keys(index, units, names), scores.tolist(), strict=True) if score == score
        }
        left = {key: place for key, place in left.items() if key not in found}
    if left:
        found |= _each(vectors, asked, vectors.keyed(left))
    return Scores(found, {})


def _pages(places: Iterable[tuple[str, int]]) -> dict[str, list[int]]:
    """Return the pages of each document, by its id."""
    pages: dict[str, list[int]] = defaultdict(list)
    for doc_id, page in places:
        pages[doc_id].append(page)
    return pages


class _Query(NamedTuple):
    """A query as it is compared, `(n_query, dim)`, and what each vector's best product counts as at least."""

    vectors: Floats
    floors: Floats | None


def _asked(store: Stored, query: Floats, floor: float | None) -> _Query:
    """Return the query with its floors, but for corpora of passages alone.

    A long page has more words to be least unlike; a passage is short and of one matter, so how unlike it is tells, too.
    """
    vectors = np.ascontiguousarray(query, np.float32)
    if floor is None or not store.has_pages():
        return _Query(vectors, None)
    return _Query(vectors, np.linalg.norm(vectors, axis=1) * np.float32(floor))


def _exhaustively(vectors: Vectors, query: _Query, doc_ids: Collection[str]) -> dict[str, float]:
    return _each(vectors, query, vectors.batches(doc_ids))


def _each(vectors: Vectors, query: _Query, batches: Iterable[Batch]) -> dict[str, float]:
    scores: dict[str, float] = {}
    compiled = vectors.size() > COMPILE
    for batch in batches:
        numbers, scales = batch.quantized.numbers, batch.quantized.scales
        found = maxsim_int8(query.vectors, numbers, scales, batch.offsets, query.floors, compiled=compiled)
        scores.update(zip(batch.keys, found.tolist(), strict=True))
    return scores


def _staged(
    vectors: Vectors,
    index: Index,
    query: _Query,
    doc_ids: Collection[str],
    names: Mapping[str, str],
    k: int,
    *,
    further: bool,
) -> Scores:
    count, wanted = max(search.CANDIDATES, 4 * k), index.of(doc_ids)
    nearly, exactly = (_Scorer(vectors, index, query, nearly=nearly) for nearly in (True, False))
    if len(wanted) <= FULLY or len(index.scales) <= FEW * len(index.pages):
        units, scores = search.best(wanted, nearly(wanted), count)
        known = int((~np.isnan(scores)).sum())
    else:
        estimates, near = search.estimate(query.vectors, index.centroids, index.lists, query.floors)
        partly = partial(nearly, near=Near(index.codes.ids, near))
        units, scores = search.best(wanted, estimates[wanted], count)
        units, scores, known = search.refine(units, scores, len(units), k, partly, search.PARTLY)
        units, scores, known = search.refine(units, scores, known, k, nearly, search.WHOLE)
    if simd.number_size() < 4:  # elsewhere the scores are exact by now
        units, scores, _ = search.refine(units, scores, known, k, exactly, search.CLOSE)
    told = len(units) if further else known
    keyed = list(zip(_keys(index, units[:told], names), scores[:told].tolist(), strict=True))
    return Scores(dict(keyed[:known]), {key: score for key, score in keyed[known:] if score == score})


class _Scorer:
    """Scores units of an index by their vectors: from mapped files, or through LanceDB what is not found there.

    Args:
        vectors: The channel.
        index: Of it.
        query: As it is compared.
        nearly: With the query in 8 bits, where the processor is faster then.
    """

    def __init__(self, vectors: Vectors, index: Index, query: _Query, *, nearly: bool) -> None:
        pin = vectors.pin()
        assert pin is not None, "a channel with an index has a table"
        self._vectors, self._index, self._query = vectors, index, query
        self._asked = Asked(query.vectors, pin.bits, floors=query.floors, nearly=nearly)

    def __call__(self, units: NDArray[np.int64], near: Near = ALL) -> Floats:
        """Return `(n,)` scores, of the vectors that are looked at; not-a-number for units that are gone."""
        index = self._index
        firsts = index.codes.offsets[units]
        counts = index.codes.offsets[units + 1] - firsts
        scores = index.mapped.maxsim(self._asked, index.spots[units], index.scales, firsts, counts, near)
        rest = np.flatnonzero(np.isnan(scores))
        if len(rest):
            found, quantized, offsets = self._vectors.fetch(index, units[rest])
            order = np.argsort(units[rest])
            place = rest[order[np.searchsorted(units[rest][order], found)]]
            scores[place] = maxsim_int8(
                self._query.vectors, quantized.numbers, quantized.scales, offsets, self._query.floors
            )
        return scores


def _keys(index: Index, units: NDArray[np.int64], names: Mapping[str, str]) -> list[str]:
    pages = index.pages[units].tolist()
    return [f"{names[doc_id]}:{page}" for doc_id, page in zip(index.doc_of(units), pages, strict=True)]
