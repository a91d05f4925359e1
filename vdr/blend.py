"""The scores of several channels over the pages of a store as one ranking: fusion that knows what a page has."""

from __future__ import annotations

from collections.abc import Mapping

from vdr import search
from vdr.documents import PAGED
from vdr.fusion import WEIGHTS, Evidence, weigh
from vdr.naming import Names
from vdr.retrieve import Scores
from vdr.stored import Stored
from vdr.tables import StoredDocument


def blend(
    store: Stored, query: str, scores: Mapping[str, Scores], depth: int, factors: Mapping[str, float] | None = None
) -> tuple[dict[str, float], Scores]:
    """Fuse channels by the corpus's own weights, or those nobody tuned.

    Args:
        store: The corpus.
        query: The question.
        scores: What each channel found.
        depth: How many pages of each channel take part.
        factors: What the weights of some channels are multiplied by.

    Returns:
        The fused scores, and how surely the question names each page's document, 0 to 1, where it does.
    """
    known = evidence(store, query, scores, depth)
    tuning = store.tuning()
    weights = dict(tuning.weights if tuning else WEIGHTS)
    for channel, factor in (factors or {}).items():
        weights[channel] = factor * weights.get(channel, 1.0)
    fused = known.fused(weights)
    named = {key: surely for key, surely in zip(known.keys, known.named.tolist(), strict=True) if surely}
    return dict(zip(known.keys, fused.tolist(), strict=True)), Scores(named, {})


def evidence(store: Stored, query: str, scores: Mapping[str, Scores], depth: int) -> Evidence:
    """Bring channels to one scale; a page without text is neither for nor against in those that read text.

    Args:
        store: The corpus.
        query: The question.
        scores: What each channel found.
        depth: How many pages of each channel take part.
    """
    rankings = {channel: found.ranking() for channel, found in scores.items()}
    documents = store.documents()
    surely = _named(store, query, {_document(key) for ranking in rankings.values() for key in ranking})
    written = {key for channel in ("text", "dense", "bm25") for key in rankings.get(channel, ())}
    unsure = {
        key
        for ranking in rankings.values()
        for part in (ranking, {key: score for key, score in ranking.items() if _document(key) in surely})
        for key, _ in search.ranked(part, depth)
    } - written
    units = store.units(sorted(unsure), boxes=False)

    def has(channel: str, key: str) -> bool:
        stored = documents.get(_document(key))
        if stored is None or (channel != "bm25" and channel not in stored.info.channels):
            return False
        if channel == "visual":
            return stored.info.kind in PAGED
        return key in written or (key in units and bool(units[key].text))

    return weigh(rankings, has, depth, (lambda key: surely.get(_document(key), 0.0)) if surely else None)


def _document(key: str) -> str:
    return key.rpartition(":")[0]


def _named(store: Stored, query: str, found: set[str]) -> dict[str, float]:
    """Return the documents that the question names; none where all that was found is in one document."""
    if len(found) < 2:
        return {}
    named = store.once(_names).named(query)
    return {name: surely for name, surely in named.items() if name in found}


def _names(documents: Mapping[str, StoredDocument]) -> Names:
    return Names({name: (name, stored.info.collection) for name, stored in documents.items()})
