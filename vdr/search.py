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
from vdr.codes import Centroids, Lists
from vdr.errors import QueryError
from vdr.types import Floats

MAX_QUERY_WORDS = 1_000
CANDIDATES = 2_048
"""Units that may be scored by their vectors, at least; more where more hits are wanted."""
PROBES, NEAR = 64, 128
"""Centroids whose units are looked for, and whose vectors are looked at, for each of a query's vectors."""
REACH = 0.3
"""Part of the distance of its vectors from a centroid that counts as nearness: what a wide cell holds may be nearer to
the query than its middle."""
PARTLY, WHOLE, CLOSE = 256, 100, 24
"""Units scored at once by their vectors near the query, by all their vectors in 8 bits, and exactly; twice the hits
wanted if that is more."""
MISSED = 0.001
"""Share of the best that may be expected among the candidates that are not scored."""
SNIPPET_WORDS = 32
_STEMMER = snowballstemmer.stemmer("english")
_STOP_WORDS = (
    "a about all also am an and any are as at be been being but by can could did do does for from had has have he her "
    "his how i if in into is it its many may me might more most much must my no not of on or our s shall she should so "
    "some such t than that the their them then there these they this those to us was we were what when where which who "
    "whom whose why will with would you your"
)


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


def estimate(
    query: Floats, centroids: Centroids, lists: Sequence[Lists], floors: Floats | None = None
) -> tuple[Floats, NDArray[np.bool_]]:
    """Estimate the scores of all units from compact codes.

    Args:
        query: `(n_query, dim)`.
        centroids: What the codes refer to.
        lists: The codes of all units, by centroid.
        floors: `(n_query,)` what each vector's best product counts as at least.

    Returns:
        `(n_units,)` estimates, and which centroids are near the query: `(n_centroids,)`.
    """
    found = coding.nearest(coding.closeness(query, centroids, REACH), NEAR)
    near = np.zeros(len(centroids), np.bool_)
    near[found.ids] = True
    return coding.score_ids(found.first(PROBES).above(floors), lists), near


def best(units: NDArray[np.int64], scores: Floats, count: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the best `count` units, best first, and their scores; one without a score comes last."""
    falling = np.where(np.isnan(scores), np.inf, -scores)
    if len(units) > count:
        chosen = np.argpartition(falling, count - 1)[:count]
        units, scores, falling = units[chosen], scores[chosen], falling[chosen]
    order = np.argsort(falling, kind="stable")
    return units[order], scores[order]


def rescore(estimates: Floats, k: int, score: Callable[[int, int], Floats], first: int) -> Floats:
    """Score candidates better, best estimates first, until no other can be expected among the best `k`.

    How scores follow from estimates, and how far they spread around that, is learnt from those scored so far. So each
    of the others has a chance to be among the best `k`; scoring ends where all chances together are below `MISSED`.

    Args:
        estimates: `(n,)`, falling.
        k: How many hits are wanted.
        score: Returns the scores of candidates from one to before another, not-a-number where one is gone.
        first: How many are scored at once, or `2 * k` if that is more.

    Returns:
        `(m,)` scores of the first `m` candidates.
    """
    found = np.zeros(0, np.float32)
    step = max(first, 2 * k)
    while len(found) < len(estimates):
        found = np.concatenate([found, score(len(found), min(len(found) + step, len(estimates)))])
        there = found[~np.isnan(found)]
        if len(found) == len(estimates) or len(there) < k:
            continue
        least = np.partition(there, len(there) - k)[len(there) - k]
        known = estimates[: len(found)][~np.isnan(found)]
        if _chances(known, there, estimates[len(found) :], least).sum() < MISSED * k:
            break
    return found


def refine(
    units: NDArray[np.int64],
    estimates: Floats,
    known: int,
    k: int,
    score: Callable[[NDArray[np.int64]], Floats],
    first: int,
) -> tuple[NDArray[np.int64], Floats, int]:
    """Score the best of units better, as many as `rescore` finds worth it, and put these first, best first.

    Args:
        units: `(n,)`, best first as far as they are known.
        estimates: `(n,)` theirs.
        known: How many may be scored.
        k: How many hits are wanted.
        score: Returns the scores of units, not-a-number where one is gone.
        first: How many are scored at once, or `2 * k` if that is more.

    Returns:
        The units without those that are gone; their scores, and for the others estimates corrected by how far those of
        the first were off on average; how many were scored.
    """
    scores = rescore(estimates[:known], k, lambda begin, end: score(units[begin:end]), first)
    there = ~np.isnan(scores)
    off = (scores - estimates[: len(scores)])[there].mean() if there.any() else np.float32(0)
    order = np.argsort(-scores, kind="stable")[: there.sum()]
    units = np.concatenate([units[order], units[len(scores) :]])
    return units, np.concatenate([scores[order], estimates[len(scores) :] + off]), len(order)


def _chances(estimates: Floats, scores: Floats, others: Floats, least: float) -> Floats:
    """Return the chance of each of `others` to score at least so much, by a line fitted to what is known."""
    from scipy.special import ndtr

    apart, above = estimates - estimates.mean(), scores - scores.mean()
    slope = (apart @ above) / max(apart @ apart, 1e-12)
    spread = max((above - slope * apart).std(), 1e-12)
    expected = scores.mean() + slope * (others - estimates.mean())
    chances: Floats = ndtr((expected - least) / spread)
    return chances


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


STOP_STEMS = frozenset(map(stem, _STOP_WORDS.split()))
"""What is in any English question or text."""


def snippet(text: str, weights: Floats | None = None, length: int = SNIPPET_WORDS) -> tuple[str, int]:
    """Return the stretch of `length` words with the largest sum of weights, on one line, and the word in its middle.

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
    told = ("… " if start else "") + cut + (" …" if start + length < len(words) else "")
    return told, start + (min(length, len(words) - start) - 1) // 2
