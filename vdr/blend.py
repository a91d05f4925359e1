"""The scores of several channels over the pages of a store as one ranking: fusion that knows what a page has."""

from __future__ import annotations

from collections.abc import Mapping

from vdr import search
from vdr.fusion import fuse
from vdr.retrieve import Scores
from vdr.store import Store


def blend(store: Store, query: str, scores: Mapping[str, Scores], depth: int) -> dict[str, float]:
    """Fuse channels; a page without text is neither for nor against in those that read text.

    Args:
        store: The corpus.
        query: The question.
        scores: What each channel found.
        depth: How many pages of each channel take part.
    """
    rankings = {channel: found.ranking() for channel, found in scores.items()}
    written = {key for channel in ("text", "bm25") for key in rankings.get(channel, ())}
    unsure = {key for ranking in rankings.values() for key, _ in search.ranked(ranking, depth)} - written
    units = store.units(sorted(unsure))
    drawn = {name for name, stored in store.documents().items() if stored.info.kind in ("pdf", "image")}

    def has(channel: str, key: str) -> bool:
        if channel == "visual":
            return key.rpartition(":")[0] in drawn
        return key in written or (key in units and bool(units[key].text))

    return fuse(rankings, has, depth)
