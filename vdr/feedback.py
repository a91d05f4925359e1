"""Asking again with what the best passages say: pseudo-relevance feedback. Pure functions; knows no storage, no model.

What all channels together find best mostly answers the question, or speaks of the same. So passages draw the
question's vector towards them (Rocchio, 1971), and their words are asked for beside those of the question (after
Wang et al., ColBERT-PRF, arXiv:2106.11251).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from vdr.search import STOP_STEMS, stem
from vdr.types import Floats, MultiVector

BEST = 3
"""Units that are believed, where they are passages."""
LEAST = 30
"""Units there must be to choose from; of a few, the best need not be about the question at all."""
SHARE = 1.0
"""What passages weigh beside the question."""
WORDS = 10
"""How many of their words are asked for; together they weigh as much as the question."""

NOT_ASKED = {"bm25": 0.5}
"""What the weights of channels that are not asked again are multiplied by: they know less by then."""


def towards(query: Floats, passages: Floats) -> Floats:
    """Return the question's vectors drawn towards passages, as long as they were.

    Args:
        query: `(n_query, dim)`.
        passages: `(n, dim)`, at least one.

    >>> towards(np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([[0.0, 1.0]])).round(3).tolist()
    [[0.707, 0.707], [0.0, 2.0]]
    """
    lengths = np.linalg.norm(query, axis=1, keepdims=True)
    drawn: Floats = _unit(_unit(query) + SHARE * _unit(passages.mean(axis=0))) * lengths
    return drawn


def words(passages: Iterable[tuple[MultiVector, str]], n_query: int) -> Floats:
    """Return vectors of the words that passages share, each as long as the word weighs.

    A word weighs more the more of the passages have it and the more often; stop words and numbers are left out.

    Args:
        passages: Token vectors and text of each.
        n_query: Vectors of the question, whose weight is 1 each.

    Returns:
        `(n, dim)`, `WORDS` at most; the lengths are together `n_query`.
    """
    vectors: dict[str, list[Floats]] = defaultdict(list)
    having: dict[str, int] = defaultdict(int)
    for passage, text in passages:
        if passage.words is None:
            continue
        stems = [stem(word) for word in text.split()]
        own: dict[str, list[int]] = defaultdict(list)
        for place, word in enumerate(passage.words.tolist()):
            if 0 <= word < len(stems) and any(map(str.isalpha, stems[word])) and stems[word] not in STOP_STEMS:
                own[stems[word]].append(place)
        for stemmed, places in own.items():
            vectors[stemmed].append(passage.vectors[places])
            having[stemmed] += 1
    weights = {word: having[word] * float(np.log1p(sum(map(len, own)))) for word, own in vectors.items()}
    best = sorted(weights, key=lambda word: -weights[word])[:WORDS]
    if not best:
        return np.zeros((0, 0), np.float32)
    means = _unit(np.array([np.concatenate(vectors[word]).mean(axis=0) for word in best], np.float32))
    shares = np.array([weights[word] for word in best], np.float32)
    found: Floats = means * (n_query * shares / shares.sum())[:, None]
    return found


def _unit(vectors: Floats) -> Floats:
    found: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return found
