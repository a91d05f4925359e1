"""Rerankers by name: one table, lazily imported; and what becomes of a ranking. Knows nothing of storage.

A name is a hosted reranker's (`cohere:MODEL`, `voyage:MODEL`, `jina:MODEL`), or a cross-encoder's: a local folder or
a hub id (`org/model`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import cast

from vdr.types import Move, Reranker

HOSTED = {"cohere": "vdr.rerank.hosted", "voyage": "vdr.rerank.hosted", "jina": "vdr.rerank.hosted"}
"""Services that rerank over the network: what is before the colon -> the module whose `load` gives it."""
_CROSS_ENCODERS = "vdr.rerank.cross_encoder"


def load_reranker(given: str | Reranker) -> Reranker:
    """Load a reranker; a cross-encoder that was loaded before is used again.

    Args:
        given: A name, or a reranker, which comes back as it is.

    Raises:
        EncoderError: A cross-encoder cannot be found or loaded; the message says what was tried.
        ServiceError: A hosted one has no key, or no model is named.
    """
    if not isinstance(given, str):
        return given
    service, colon, _ = given.partition(":")
    if colon and service in HOSTED:
        return cast(Reranker, import_module(HOSTED[service]).load(given))
    return _cross_encoder(given)


@lru_cache(maxsize=2)
def _cross_encoder(name: str) -> Reranker:
    """Load a model once for all corpora of this process."""
    return cast(Reranker, import_module(_CROSS_ENCODERS).load(name))


def moved(
    ranking: Sequence[tuple[str, float]], top: int, told: Mapping[str, float]
) -> tuple[list[tuple[str, float]], tuple[Move, ...]]:
    """Sort the best pages of a ranking by what a reranker told of them.

    A page of which it told nothing, as one without a text layer, keeps its rank: the others are sorted around it. So
    it is as good as the channels found it, neither first nor last for want of a score. Equal scores are sorted by
    key. Scores stay with the places and fall strictly, so that whoever sorts by score gets this ranking.

    Args:
        ranking: Keys and scores, best first.
        top: How many of them, from the best, were read.
        told: The reranker's scores by key.

    Returns:
        The ranking, and where each of the best `top` was and is.

    >>> ranking = [("a", 9.0), ("scan", 7.0), ("b", 7.0), ("c", 2.0)]
    >>> [key for key, _ in moved(ranking, 3, {"a": -1.5, "b": 0.5})[0]]
    ['b', 'scan', 'a', 'c']
    """
    keys = [key for key, _ in ranking]
    free = [place for place, key in enumerate(keys[:top]) if key in told]
    after = list(keys)
    for place, key in zip(
        free, sorted((keys[place] for place in free), key=lambda key: (-told[key], key)), strict=True
    ):
        after[place] = key
    scores: list[float] = []
    for _, score in ranking:
        scores.append(min(score, math.nextafter(scores[-1], -math.inf)) if scores else score)
    ranks = {key: rank for rank, key in enumerate(after, start=1)}
    moves = tuple(Move(key, rank, ranks[key], told.get(key)) for rank, key in enumerate(keys[:top], start=1))
    return list(zip(after, scores, strict=True)), moves
