"""The stages of a search as pure functions: score, rank, fuse, cut a snippet. Knows no storage and no model."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from vdr.errors import QueryError
from vdr.maxsim import maxsim
from vdr.types import Floats, QueryVectors

MAX_QUERY_WORDS = 1_000
RRF_K = 60
"""The constant of reciprocal rank fusion (Cormack, Clarke & Büttcher, SIGIR 2009)."""

SNIPPET_WORDS = 32
_STEMMER = snowballstemmer.stemmer("english")


def check_query(query: str) -> str:
    """Return the query without white space around it.

    Raises:
        QueryError: It is empty, or longer than `MAX_QUERY_WORDS` words.
    """
    query = query.encode("utf-8", "replace").decode("utf-8").strip()  # no half characters
    if not query:
        raise QueryError("The query is empty. Type a question or a few words.")
    words = len(query.split())
    if words > MAX_QUERY_WORDS:
        raise QueryError(
            f"The query has {words:,} words; vdr takes up to {MAX_QUERY_WORDS:,}. "
            "Ask with the sentence that says what you look for."
        )
    return query


def score_exhaustively(
    query: QueryVectors, batches: Iterable[tuple[Sequence[str], NDArray[np.floating], NDArray[np.integer]]]
) -> dict[str, float]:
    """Return the exact MaxSim score of every unit, reading one batch at a time.

    Args:
        query: The encoded query.
        batches: `(keys, vectors (n, dim), offsets (len(keys) + 1,))` as `maxsim` takes them.
    """
    scores: dict[str, float] = {}
    for keys, vectors, offsets in batches:
        scores.update(zip(keys, maxsim(query.vectors, vectors, offsets).tolist(), strict=True))
    return scores


def ranked(scores: Mapping[str, float], k: int | None = None) -> list[tuple[str, float]]:
    """Sort by falling score, ties by key, so that a ranking never depends on the order of storage."""
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:k]


def reciprocal_rank_fusion(channels: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Fuse rankings by the sum of `1 / (60 + rank)`; units with equal scores share the better rank.

    >>> fused = reciprocal_rank_fusion([{"a": 9.0, "b": 1.0}, {"b": 0.5}])
    >>> [(key, round(score, 4)) for key, score in ranked(fused)]
    [('b', 0.0325), ('a', 0.0164)]
    """
    fused: dict[str, float] = {}
    for scores in channels:
        rank, last = 0, np.inf
        for place, (key, score) in enumerate(ranked(scores), start=1):
            if score < last:
                rank, last = place, score
            fused[key] = fused.get(key, 0.0) + 1 / (RRF_K + rank)
    return fused


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """Return the English stem of a word without the punctuation around it, in lower case; maybe empty.

    >>> stem("(Revenues,")
    'revenu'
    """
    bare = re.sub(r"^\W+|\W+$", "", word.casefold())
    return str(_STEMMER.stemWord(bare)) if bare else ""


def snippet(text: str, weights: Floats | None = None, length: int = SNIPPET_WORDS) -> str:
    """Return the stretch of `length` words with the largest sum of weights, on one line.

    Args:
        text: The unit's text.
        weights: `(n_words,)` how well each word of the text matches; None for the beginning.
        length: In words.
    """
    words = text.split()
    start = 0
    if weights is not None and len(words) > length:
        sums = np.convolve(weights, np.ones(length, np.float32), mode="valid")
        start = int(sums.argmax())
    cut = " ".join(words[start : start + length])
    return ("… " if start else "") + cut + (" …" if start + length < len(words) else "")
