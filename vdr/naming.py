"""Which documents a question names: words of the question held against documents' names. Knows no storage, no pages.

"Net sales of 3M in FY2018" names `3M_2018_10K.pdf`. Names are cut at punctuation, at capitals inside a word and around
years; words of the question also count joined with their neighbours ("Best Buy" for `BESTBUY`). How surely a document
is named is the share of its name, or of its collection's, that the question holds, each word weighed by how few
documents have it. Short or common names never count in full, so that a word or two met by chance move little.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import pairwise

from vdr.search import STOP_STEMS, stem

FLOOR = 2.0
"""A name counts in full that has at least the weight of so many words no other document has."""

_RUN = re.compile(r"[^\W_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_YEAR = re.compile(r"((?:19|20)\d\d)")
_SUFFIX = re.compile(r"\.\w{1,5}$")


class Names:
    """The documents of a corpus by what they are called.

    Args:
        labels: Document -> its name and the name of its collection, if it has one.
    """

    def __init__(self, labels: Mapping[str, Iterable[str]]) -> None:
        self._labels: dict[frozenset[str], list[str]] = {}
        count: Counter[str] = Counter()
        for document, given in labels.items():
            sets = {_distinct(label) for label in given} - {frozenset()}
            for own in sets:
                self._labels.setdefault(own, []).append(document)
            count.update(frozenset().union(*sets))
        total = len(labels)
        self._weights = {word: _rarity(number, total) for word, number in count.items()}
        self._floor = FLOOR * _rarity(1, total)
        self._having: dict[str, list[frozenset[str]]] = {}
        for own in self._labels:
            for word in own:
                self._having.setdefault(word, []).append(own)
        self._alone = total < 2

    def named(self, query: str) -> dict[str, float]:
        """Return how surely each document is named, 0 to 1; those that are not named at all are left out.

        A corpus of one document has nothing to tell apart, and none is named.

        >>> filings = ("3M_2018_10K.pdf", "3M_2022_10K.pdf", "BESTBUY_2022_10K.pdf", "notes.pdf", "prices.pdf")
        >>> named = Names({name: [name] for name in filings}).named("What did 3M earn in FY2018?")
        >>> {name: round(score, 2) for name, score in named.items()}
        {'3M_2018_10K.pdf': 0.81, '3M_2022_10K.pdf': 0.32}
        """
        if self._alone:
            return {}
        asked = query_words(query)
        sums: dict[frozenset[str], float] = {}
        for word in sorted(asked & self._having.keys()):
            for own in self._having[word]:
                sums[own] = sums.get(own, 0.0) + self._weights[word]
        found: dict[str, float] = {}
        for own, matched in sums.items():
            surely = matched / max(sum(self._weights[word] for word in sorted(own)), self._floor)
            for document in self._labels[own]:
                found[document] = max(found.get(document, 0.0), surely)
        return found


def words(label: str) -> list[str]:
    """Return the words of a name, stemmed, without its suffix.

    >>> words("AnnualReport_FY2018-10K.pdf")
    ['annual', 'report', 'fy', '2018', '10k']
    """
    return _words(_SUFFIX.sub("", label))


def query_words(query: str) -> set[str]:
    """Return the words of a question, and each joined with the next.

    >>> sorted(query_words("Best Buy in FY2024"))
    ['2024', 'best', 'bestbuy', 'buy', 'buyin', 'fy', 'infy2024']
    """
    runs = _RUN.findall(query.casefold())
    return {*_words(query), *(stem(first + second) for first, second in pairwise(runs))}


def _words(text: str) -> list[str]:
    parts = (part for run in _RUN.findall(_HUMP.sub(" ", text)) for part in _YEAR.split(run.casefold()))
    return [word for part in parts if len(part) > 1 and (word := stem(part)) and word not in STOP_STEMS]


def _rarity(number: int, total: int) -> float:
    """Return what a word that `number` of `total` documents have tells, as BM25 weighs it."""
    return math.log1p((total - number + 0.5) / (number + 0.5))


@lru_cache(maxsize=1 << 18)
def _distinct(label: str) -> frozenset[str]:
    return frozenset(words(label))
