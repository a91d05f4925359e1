"""A search from an encoded question to hits: channels are scored, fused, and the best pages told. Loads no encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vdr import explain, retrieve, search
from vdr.blend import blend
from vdr.fusion import DEPTH
from vdr.store import Store
from vdr.tables import StoredUnit
from vdr.types import Channel, Floats, Hit, QueryVectors

FULL_TEXT = 1_000
"""Full-text hits that are fused, or `k` if that is more; MaxSim channels are fused whole."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for.

    Attributes:
        query: The question.
        k: How many hits.
        channels: Which of `visual`, `text` and `bm25` take part.
        doc_ids: Only these documents; None for all.
        exact: Score every page by MaxSim.
    """

    query: str
    k: int
    channels: Sequence[str]
    doc_ids: Sequence[str] | None = None
    exact: bool = False


def run(store: Store, request: Request, encode_query: Callable[[Channel, str], QueryVectors]) -> list[Hit]:
    """Return the best hits, best first.

    Args:
        store: The corpus.
        request: What is asked for.
        encode_query: Encodes the question for a channel.
    """
    scores = {channel: _score(store, channel, request, encode_query) for channel in request.channels}
    if len(scores) == 1:
        fused = dict(scores[request.channels[0]].exact)
    else:
        fused = blend(store, request.query, scores, max(request.k, DEPTH))
    best = search.ranked(fused, request.k)
    units = store.units([key for key, _ in best])
    best = [(key, score) for key, score in best if key in units]  # a document may have gone meanwhile
    return [
        Hit(
            rank=rank,
            key=key,
            doc=key.rpartition(":")[0],
            page=units[key].page,
            score=score,
            channels={channel: found.exact[key] for channel, found in scores.items() if key in found.exact},
            snippet=snippet(request.query, units[key]),
            record=units[key].record,
            query=request.query,
        )
        for rank, (key, score) in enumerate(best, start=1)
    ]


def snippet(query: str, unit: StoredUnit) -> str:
    """Return the stretch of a unit's text that has most of the query's words, empty for a page without text."""
    if not unit.text:
        return ""
    weights: Floats = explain.explain_words(query, unit.text, None).similarity
    distinct = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1)  # a rare word tells more
    return search.snippet(unit.text, distinct.sum(axis=0))


def _score(
    store: Store, channel: str, request: Request, encode_query: Callable[[Channel, str], QueryVectors]
) -> retrieve.Scores:
    if channel == "bm25":
        return retrieve.Scores(store.full_text(request.query, max(request.k, FULL_TEXT), request.doc_ids), {})
    encoded: Channel = "visual" if channel == "visual" else "text"
    query = encode_query(encoded, request.query).vectors
    return retrieve.score(store, encoded, query, request.doc_ids, request.k, exact=request.exact)
