"""An encoder that knows its queries beforehand, so that a measured search spends no time on encoding. Encodes no page.

Query `7` of the benchmark is asked for by the text "7".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from search_vectors import DIM

from vdr.types import Floats, MultiVector, QueryVectors


class KnownQueries:
    """Gives query number `n` as the text `str(n)`; a page encoder to all who ask."""

    name = "benchmark"
    dim = DIM
    fingerprint = "benchmark"

    def __init__(self, queries: Floats) -> None:
        self._queries = queries

    def encode_query(self, text: str) -> QueryVectors:
        """Return the vectors of the query with this number."""
        vectors = self._queries[int(text)]
        return QueryVectors((text,), np.zeros(len(vectors), np.int32), vectors)

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Refuse: the benchmark stores vectors, no pictures."""
        raise NotImplementedError("the benchmark encodes no pages")
