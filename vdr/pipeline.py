"""A search from an encoded question to hits: channels are scored, fused, asked again, reranked, the best pages told.

The stages are settings of one pipeline: pages that a cheap channel finds may alone go on to the others, and a
reranker may sort the best. Loads no encoder and no reranker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from vdr import explain, feedback, retrieve, search
from vdr.blend import blend
from vdr.documents import PAGED
from vdr.errors import QueryError
from vdr.fusion import DEPTH, DOCUMENT
from vdr.rerank import moved
from vdr.retrieve import Scores
from vdr.stored import Stored
from vdr.tables import StoredUnit
from vdr.types import Channel, Floats, Hit, QueryVectors, Reranker, SearchResult, Unit
from vdr.watch import Watch

FULL_TEXT = 1_000
"""Full-text hits that are fused, or `k` if that is more; MaxSim channels are fused whole."""
CANDIDATES_TOP = 200
"""Pages that go on from the channel of candidates."""
RERANK_TOP = 30
"""Pages that a reranker reads."""
ORDER = ("bm25", "visual", "dense", "text")
"""What is scored first; with a deadline, what comes last is dropped first."""

EncodeQuery = Callable[[Channel, str], QueryVectors]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Raises `QueryError` where a number is not positive.

    Attributes:
        query: The question.
        k: How many hits.
        channels: Which of `visual`, `text`, `dense` and `bm25` rank.
        doc_ids: Only these documents; None for all.
        exact: Score every page by MaxSim.
        candidates: The channel whose best pages alone are ranked by `channels`; None to rank all.
        candidates_top: How many those are, or `k` if that is more.
        rerank_top: How many pages a reranker reads.
        deadline: Seconds the search may take; None for as long as it needs. When they are used up, reranking is
            dropped first, then feedback, then the text channel; what else has begun is finished.
    """

    query: str
    k: int
    channels: Sequence[str]
    doc_ids: Sequence[str] | None = None
    exact: bool = False
    candidates: str | None = None
    candidates_top: int = CANDIDATES_TOP
    rerank_top: int = RERANK_TOP
    deadline: float | None = None

    def __post_init__(self) -> None:
        for name, number in (("k", self.k), ("candidates_top", self.candidates_top), ("rerank_top", self.rerank_top)):
            if number < 1:
                raise QueryError(f"{name} is {number}; ask for at least one {'hit' if name == 'k' else 'page'}.")
        if self.deadline is not None and not self.deadline > 0:
            raise QueryError(f"The deadline is {self.deadline} s; give the search some time.")

    def settings(self) -> dict[str, object]:
        """Return what a log says of it: the settings that took part, without the question."""
        told: dict[str, object] = {"k": self.k, "channels": list(self.channels), "exact": self.exact}
        if self.doc_ids is not None:
            told["documents"] = len(self.doc_ids)
        if self.candidates:
            told |= {"candidates": self.candidates, "candidates_top": self.candidates_top}
        return told if self.deadline is None else told | {"deadline": self.deadline}


def run(
    store: Stored,
    request: Request,
    encode_query: EncodeQuery,
    load_reranker: Callable[[], Reranker] | None = None,
    watch: Watch | None = None,
) -> SearchResult:
    """Return the best hits, best first, and how the search went.

    Args:
        store: The corpus.
        request: What is asked for.
        encode_query: Encodes the question for a channel.
        load_reranker: Gives the reranker; None for none.
        watch: The clock, if it ran before.
    """
    watch = watch or Watch(request.deadline)
    wanted = max(request.k, request.rerank_top if load_reranker else 0)
    scoring = _Scoring(store, request, encode_query, watch, wanted)
    scores = scoring.scores()
    ranks = [channel for channel in request.channels if channel in scores] or [*scores]
    if len(ranks) == 1:
        fused = dict(scores[ranks[0]].exact)
    else:
        part = {channel: scores[channel] for channel in ranks}
        depth = max(wanted, DEPTH)
        fused, named = watch.run("fuse", lambda: blend(store, request.query, part, depth), lambda both: len(both[0]))
        scores[DOCUMENT] = named
        passages = _passages(store, search.ranked(fused, feedback.BEST)) if len(fused) >= feedback.LEAST else []
        if "dense" in part and passages:
            again = watch.attempt(
                "feedback", lambda: _again(store, request.query, part, fused, scoring.asked, passages, depth), len
            )
            fused = fused if again is None else again
    best = search.ranked(fused, wanted)
    units = watch.run("read", lambda: store.units([key for key, _ in best], boxes=False), len)
    best = [(key, score) for key, score in best if key in units]  # a document may have gone meanwhile
    told: dict[str, float] | None = None
    if load_reranker and best:
        top = [units[key] for key, _ in best[: request.rerank_top]]
        told = watch.attempt("rerank", lambda: _rerank(store, load_reranker(), request.query, top), len)
    best, moves = moved(best, request.rerank_top, told) if told is not None else (best, ())
    if told == {}:
        watch.skip("rerank", f"none of the {len(moves)} best pages has anything that the reranker reads")
    exact = _told(store, scores, scoring.asked, [key for key, _ in best[: request.k]])
    hits = []
    for rank, (key, score) in enumerate(best[: request.k], start=1):
        unit = units[key]
        told_of, from_picture = snippet(request.query, unit)
        hit = Hit(
            rank=rank,
            key=key,
            doc=key.rpartition(":")[0],
            page=unit.page,
            score=score,
            channels=_channels(key, exact, told or {}),
            snippet=told_of,
            record=unit.record,
            span=unit.span,
            from_picture=from_picture,
            query=request.query,
        )
        hits.append(hit)
    return SearchResult(hits, watch.trace(moves))


def snippet(query: str, unit: StoredUnit) -> tuple[str, bool]:
    """Return the stretch of a unit's text that has most of the query's words, and whether it is from the picture.

    It is empty for a page without text.
    """
    if not unit.text:
        return "", False
    weights: Floats = explain.explain_words(query, unit.text, None).similarity
    distinct = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)  # a rare word tells more
    told, middle = search.snippet(unit.text, distinct.sum(axis=0))
    return told, unit.read_from is not None and middle >= unit.read_from


def _told(
    store: Stored, scores: Mapping[str, Scores], asked: Mapping[str, QueryVectors], best: Sequence[str]
) -> Mapping[str, Scores]:
    """Return the scores with those of the best hits that every channel only estimated: together they put them here."""
    estimated = [key for key in best if not any(key in of.exact for of in scores.values())]
    if not estimated:
        return scores
    told = dict(scores)
    for channel in asked.keys() & scores.keys():
        query = asked[channel]
        more = retrieve.score_keys(store, cast("Channel", channel), query.vectors, estimated, query.floor)
        told[channel] = replace(scores[channel], exact={**scores[channel].exact, **more.exact})
    return told


def _channels(key: str, scores: Mapping[str, Scores], told: Mapping[str, float]) -> dict[str, float]:
    found = {channel: of.exact[key] for channel, of in scores.items() if key in of.exact}
    return {**found, "rerank": told[key]} if key in told else found


def _passages(store: Stored, best: Sequence[tuple[str, float]]) -> list[str]:
    """Return those of the best units that are of texts. A page speaks of many things, and which mattered is unknown."""
    documents = store.documents()
    stored = ((key, documents.get(key.rpartition(":")[0])) for key, _ in best)
    return [key for key, document in stored if document and document.info.kind not in PAGED]


def _again(
    store: Stored,
    query: str,
    scores: Mapping[str, Scores],
    fused: Mapping[str, float],
    asked: Mapping[str, QueryVectors],
    passages: Sequence[str],
    depth: int,
) -> dict[str, float]:
    """Return the scores of fused units, asked again with what the best passages say (see `vdr.feedback`).

    Only those are believed that the dense encoder reads whole, in one vector, and none where one of them has no such
    vector at all: it would lose to those that have.
    """
    vectors = {key: own.vectors for key, own in store.multivectors("dense", passages).items()}
    best = [key for key in passages if len(vectors.get(key, ())) == 1]
    if not best or len(vectors) < len(passages):
        return dict(fused)
    found = {
        channel: {key: score for key, score in own.ranking().items() if key in fused} for channel, own in scores.items()
    }
    drawn = feedback.towards(asked["dense"].vectors, np.concatenate([vectors[key] for key in best]))
    found["dense"] = dict(retrieve.score_keys(store, "dense", drawn, fused).exact)
    if "text" in found:
        pages, units = store.multivectors("text", best), store.units(best, boxes=False)
        said = [(pages[key], units[key].text) for key in best if key in pages and key in units]
        wanted = asked["text"].vectors
        words = feedback.words(said, len(wanted))
        wanted = np.concatenate([wanted, words]) if len(words) else wanted
        found["text"] = dict(retrieve.score_keys(store, "text", wanted, fused, asked["text"].floor).exact)
    again = {channel: Scores(own, {}) for channel, own in found.items()}
    return blend(store, query, again, depth, feedback.NOT_ASKED)[0]


def _rerank(store: Stored, reranker: Reranker, query: str, units: Sequence[StoredUnit]) -> dict[str, float]:
    """Return the reranker's scores of those units that it can read."""
    read = [
        Unit(
            unit.page, unit.text, preview=store.preview(unit.key) if reranker.reads_images else b"", record=unit.record
        )
        for unit in units
    ]
    told = reranker.score(query, read)
    return {unit.key: score for unit, score in zip(units, told, strict=True) if score is not None}


class _Scoring:
    """The channels of one search, from the cheapest on; `asked` are the question's vectors in those scored."""

    def __init__(self, store: Stored, request: Request, encode_query: EncodeQuery, watch: Watch, wanted: int) -> None:
        self._store, self._request, self._encode, self._watch = store, request, encode_query, watch
        self._wanted = wanted
        self._keys: frozenset[str] | None = None
        self.asked: dict[str, QueryVectors] = {}

    def scores(self) -> dict[str, Scores]:
        """Return what each channel found, the candidates' channel included, in the order of the request."""
        request, found = self._request, dict[str, Scores]()
        if request.candidates:
            top = max(request.k, request.candidates_top)
            first = self._score(request.candidates, top)
            found[request.candidates] = first
            self._keys = frozenset(key for key, _ in search.ranked(first.exact, top))
            if request.candidates in request.channels:
                kept = {key: score for key, score in first.exact.items() if key in self._keys}
                found[request.candidates] = Scores(kept, {})
        for channel in sorted(request.channels, key=ORDER.index):
            if channel in found:
                continue
            scores = self._attempt("text") if channel == "text" and found else self._score(channel, self._wanted)
            if scores is not None:
                found[channel] = scores
        return {channel: found[channel] for channel in dict.fromkeys([*request.channels, *found]) if channel in found}

    def _score(self, channel: str, k: int) -> Scores:
        if channel == "bm25":
            return self._watch.run(channel, lambda: self._words(k), _looked_at)
        encoded = cast(Channel, channel)
        query = self._watch.run(f"encode {encoded}", lambda: self._encode(encoded, self._request.query), lambda _: 0)
        return self._watch.run(encoded, lambda: self._maxsim(encoded, query, k), _looked_at)

    def _attempt(self, channel: Channel) -> Scores | None:
        """Score a channel that may be dropped."""
        query = self._watch.attempt(
            f"encode {channel}", lambda: self._encode(channel, self._request.query), lambda _: 0, of=channel
        )
        if query is None:
            return None
        return self._watch.attempt(channel, lambda: self._maxsim(channel, query, self._wanted), _looked_at)

    def _words(self, k: int) -> Scores:
        found = self._store.full_text(self._request.query, max(k, FULL_TEXT), self._request.doc_ids)
        if self._keys is not None:
            found = {key: score for key, score in found.items() if key in self._keys}
        return Scores(found, {})

    def _maxsim(self, channel: Channel, query: QueryVectors, k: int) -> Scores:
        self.asked[channel] = query
        if self._keys is not None:
            return retrieve.score_keys(self._store, channel, query.vectors, self._keys, query.floor)
        request = self._request
        alone = len(request.channels) == 1 and not request.candidates
        asked, doc_ids, exact = query.vectors, request.doc_ids, request.exact
        return retrieve.score(self._store, channel, asked, doc_ids, k, floor=query.floor, exact=exact, alone=alone)


def _looked_at(scores: Scores) -> int:
    return len(scores.exact)
