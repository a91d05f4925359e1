"""BM25 over few documents: words weighed by how these documents use them, and by where they stand.

A word that every page of a report has, as its company's name, says nothing inside that report, however rare it is
elsewhere. A page says at its head what it is, so words count more there; two words that follow each other in the
question and on a page count as a word of their own, so "cash flow" finds the statement and not each page with cash on
it; and a table is not a long text because of its numbers. Knows texts and documents' ids, no table.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vdr.search import STOP_STEMS, stem

PAGES = 5_000
"""Pages of the documents asked for up to which they are read and their words weighed; beyond, the corpus's weights
serve."""
HELD = 4
"""Sets of documents whose words are kept in memory."""
K1, B = 1.2, 0.75
HEAD = 2.0
"""How often more a word counts at the head of a page."""
HEAD_LINES, HEAD_WORDS = 5, 30
"""The head of a page: its first so many lines, and no more than so many words of them."""
PAIRS = 0.5
"""Weight of two words that follow each other, beside the weights of both. See docs/quality.md."""
_WORD = re.compile(r"\w+")

Places = NDArray[np.int64]


class Within:
    """The words of the documents that were asked for last."""

    def __init__(self) -> None:
        self._held: dict[Hashable, tuple[list[str], _Words]] = {}
        self._lock = threading.Lock()

    def scores(self, query: str, of: Hashable, read: Callable[[], Iterable[tuple[str, str]]]) -> dict[str, float]:
        """Return the BM25 scores of the units that share a stem with the query.

        Args:
            query: The question.
            of: Tells these units, in this state, from any others.
            read: Gives the keys and texts of all of them.
        """
        with self._lock:
            held = self._held.pop(of, None)
            if held is None:
                units = list(read())
                held = [key for key, _ in units], _Words([text for _, text in units])
            self._held[of] = held  # behind the others, as it was asked for last
            while len(self._held) > HELD:
                del self._held[next(iter(self._held))]
        keys, words = held
        found = words.scores(query)
        return {keys[at]: float(found[at]) for at in np.flatnonzero(found > 0).tolist()}


class _Words:
    """Some texts as words that stand at places, one text behind the other."""

    def __init__(self, texts: Sequence[str]) -> None:
        vocabulary: dict[str, int] = {}
        words: list[int] = []
        counts: list[NDArray[np.float64]] = []
        lengths: list[int] = []
        for text in texts:
            own = stems(text)
            words += [vocabulary.setdefault(word, len(vocabulary)) for word in own]
            counts.append(np.where(np.arange(len(own)) < len(stems(_head(text))), 1 + HEAD, 1.0))
            lengths.append(sum(not word.isdigit() for word in own))
        sizes = np.array([len(own) for own in counts], np.int64)
        self._vocabulary = vocabulary
        self._words = np.array([*words, -1], np.int32)  # behind the last word comes none
        self._texts = np.append(np.repeat(np.arange(len(texts)), sizes), -1)
        self._counts = np.concatenate([*counts, [0.0]])
        self._order: Places = np.argsort(self._words[:-1], kind="stable")
        self._begins = np.searchsorted(self._words[self._order], np.arange(len(vocabulary) + 1))
        self._written = int(np.count_nonzero(sizes))
        mean = sum(lengths) / max(self._written, 1)
        self._norms = K1 * (1 - B + B * np.array(lengths, np.float64) / max(mean, 1.0))

    def scores(self, query: str) -> NDArray[np.float64]:
        """Return `(n_texts,)` scores, 0 where a text has no word of the query."""
        asked = stems(query)
        scores = np.zeros(len(self._norms))
        for word, times in Counter(asked).items():
            scores += times * self._weighed(self._at(word))
        for first, second in dict.fromkeys(pairwise(asked)):
            places = self._at(first)
            follows = self._words[places + 1] == self._vocabulary.get(second, -2)
            together = self._texts[places + 1] == self._texts[places]
            scores += PAIRS * self._weighed(places[follows & together])
        return scores

    def _at(self, word: str) -> Places:
        number = self._vocabulary.get(word)
        return self._order[:0] if number is None else self._order[self._begins[number] : self._begins[number + 1]]

    def _weighed(self, places: Places) -> NDArray[np.float64]:
        """Return what it tells of each text that something stands at these places, as Lucene's BM25 has it."""
        counts = np.bincount(self._texts[places], self._counts[places], minlength=len(self._norms))
        having = int(np.count_nonzero(counts))
        rarity = math.log1p((self._written - having + 0.5) / (having + 0.5))
        weighed: NDArray[np.float64] = rarity * counts / (counts + self._norms)
        return weighed


def stems(text: str) -> list[str]:
    """Return the stems of a text's words, without accents and English stop words.

    >>> stems("What were the cafés' revenues?")
    ['cafe', 'revenu']
    """
    plain = text.casefold()
    if not plain.isascii():
        plain = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))
    return [stemmed for word in _WORD.findall(plain) if (stemmed := stem(word)) and stemmed not in STOP_STEMS]


def _head(text: str) -> str:
    return " ".join(" ".join(text.strip().split("\n", HEAD_LINES)[:HEAD_LINES]).split()[:HEAD_WORDS])
