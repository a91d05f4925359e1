"""The kinds of score a hit can have, in words. Knows nothing of how they are computed or shown."""

from __future__ import annotations

from typing import NamedTuple


class Score(NamedTuple):
    """A kind of score: its short name, what computes it, and how that works."""

    name: str
    method: str
    meaning: str


CHANNELS = {
    "visual": Score(
        "Picture", "MaxSim", "Over the words of the query, the sum of the best match among the page's patches"
    ),
    "text": Score("Meaning", "MaxSim", "Over the words of the query, the sum of the best match among the page's words"),
    "dense": Score("Passage", "cosine", "How alike the question and the page's best passage are, read whole: -1 to 1"),
    "bm25": Score("Exact words", "BM25", "Words that the query and the page share, rare ones counting more"),
}
FUSED = Score(
    "Fused",
    "mean of standard scores",
    "The mean, over the channels that the page has, of how far its score lies above that of the other best pages",
)
RERANK = "rerank"
"""The name of a reranker's score among a hit's channels; there is nothing of it to light up."""
SCORES = {
    **CHANNELS,
    "document": Score(
        "Document", "name", "How surely the question names this document, by its name or its collection's: 0 to 1"
    ),
    RERANK: Score("Reranker", "reranker", "What a model says that read the question together with the page"),
}
