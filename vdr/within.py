"""BM25 within a few documents: words weighed by how these documents use them, not by the whole corpus.

A word that every page of a report has, as its company's name, says nothing inside that report, however rare it is
elsewhere. Knows texts and documents' ids, no table.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from vdr.search import stem

if TYPE_CHECKING:
    from bm25s import BM25

PAGES = 5_000
"""Pages of the documents asked for up to which they are read and their words weighed; beyond, the corpus's weights
serve."""
K1, B = 1.2, 0.75
_WORD = re.compile(r"\w+")


class Within:
    """The words of the documents that were asked for last."""

    def __init__(self) -> None:
        self._of: Hashable = None
        self._keys: list[str] = []
        self._index: BM25 | None = None

    def scores(self, query: str, of: Hashable, read: Callable[[], Iterable[tuple[str, str]]]) -> dict[str, float]:
        """Return the BM25 scores of the units that share a stem with the query.

        Args:
            query: The question.
            of: Tells these units, in this state, from any others.
            read: Gives the keys and texts of all of them.
        """
        if self._of != of:
            units = [(key, text) for key, text in read() if stems(text)]
            self._keys = [key for key, _ in units]
            self._index = _index([stems(text) for _, text in units]) if units else None
            self._of = of
        asked = [word for word in stems(query) if self._index is not None and word in self._index.vocab_dict]
        if self._index is None or not asked:
            return {}
        found = self._index.get_scores(asked)
        return {self._keys[at]: float(found[at]) for at in np.flatnonzero(found > 0).tolist()}


def stems(text: str) -> list[str]:
    """Return the stems of a text's words, without accents and English stop words.

    >>> stems("The cafés' revenues")
    ['cafe', 'revenu']
    """
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return [stem(word) for word in _WORD.findall(plain) if word not in _stop_words()]


@lru_cache
def _stop_words() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN

    return frozenset(STOPWORDS_EN)


def _index(texts: Sequence[list[str]]) -> BM25:
    from bm25s import BM25

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    index = BM25(k1=K1, b=B, method="lucene")
    index.index(list(texts), show_progress=False)
    return index
