"""The stages of a search as pure functions: score, rank, fuse, cut a snippet. Knows no storage and no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import snowballstemmer
from numpy.typing import NDArray

from vdr import codes as coding
from vdr.codes import Centroids, Codes, Lists
from vdr.errors import QueryError
from vdr.types import Floats

MAX_QUERY_WORDS = 1_000
CANDIDATES = 2_048
"""Units that are scored by centroids and signs, at least; more where more hits are wanted."""
PROBES = 128
"""Centroids looked at for each of a query's vectors."""
REACH = np.float32(0.2)
"""Part of the distance of its vectors from a centroid that counts as nearness: what a wide cell holds may be nearer to
the query than its middle."""
FIRST = 96
"""Units scored exactly at first, or twice the hits wanted if that is more."""
SURE = 3.5
"""Spreads of the estimates' error by which a unit may miss the best and still be scored."""
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


def candidates(
    query: Floats,
    centroids: Centroids,
    codes: Codes,
    lists: Sequence[Lists],
    units: NDArray[np.int64],
    count: int = CANDIDATES,
) -> tuple[NDArray[np.int64], Floats]:
    """Return the units that compact codes find best, best first, and estimates of their scores.

    All units are scored by their centroids, then the best `count` of them by centroids and signs.

    Args:
        query: `(n_query, dim)`.
        centroids: What the codes refer to.
        codes: Of all units.
        lists: The same by centroid.
        units: Those that a filter lets through.
        count: How many come back at most.
    """
    table = query @ centroids.fine.T
    reach = REACH * np.linalg.norm(query, axis=1, keepdims=True) * centroids.reach
    near = coding.nearest(table + reach.astype(np.float32), PROBES)
    if len(units) > count:
        scores = coding.score_ids(near, lists)[units]
        units = units[np.argpartition(-scores, count - 1)[:count]]
    estimates = coding.score_signs(query, table, near, codes, units)
    order = np.argsort(-estimates, kind="stable")
    return units[order], estimates[order]


def rescore(estimates: Floats, k: int, score: Callable[[int, int], Floats]) -> Floats:
    """Score candidates exactly, best estimates first, until no other can be expected among the best `k`.

    An estimate is off by some mean and spread, which is learnt from those scored so far. Scoring ends where even an
    error of `SURE` spreads would not lift the next candidate to the best `k`.

    Args:
        estimates: `(n,)`, falling.
        k: How many hits are wanted.
        score: Returns the exact scores of candidates `first` to `last - 1`, not-a-number where one is gone.

    Returns:
        `(m,)` exact scores of the first `m` candidates.
    """
    exact = np.zeros(0, np.float32)
    last = max(FIRST, 2 * k)
    while len(exact) < len(estimates):
        exact = np.concatenate([exact, score(len(exact), min(last, len(estimates)))])
        there = exact[~np.isnan(exact)]
        if len(exact) < len(estimates) and len(there) >= k:
            errors = there - estimates[: len(exact)][~np.isnan(exact)]
            reach = estimates[len(exact)] + errors.mean() + SURE * errors.std()
            if reach < np.partition(there, len(there) - k)[len(there) - k]:
                break
        last = len(exact) + max(FIRST, k)
    return exact


def ranked(scores: Mapping[str, float], k: int | None = None) -> list[tuple[str, float]]:
    """Sort by falling score, ties by document and page, so that a ranking never depends on the order of storage.

    >>> ranked({"b.pdf:1": 1.0, "a.pdf:10": 1.0, "a.pdf:9": 1.0, "c.pdf:1": 2.0}, 3)
    [('c.pdf:1', 2.0), ('a.pdf:9', 1.0), ('a.pdf:10', 1.0)]
    """
    best: list[tuple[str, float]] = []
    for _, ties in groupby(sorted(scores.items(), key=_falling), key=_falling):
        if k is not None and len(best) >= k:
            break
        best += sorted(ties, key=_place)
    return best[:k]


def _falling(item: tuple[str, float]) -> float:
    return -item[1]


def _place(item: tuple[str, float]) -> tuple[str, int, str]:
    name, _, page = item[0].rpartition(":")
    return name, int(page) if page.isdecimal() else 0, page


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
