"""vdr-mini as an encoder: page image to word vectors with boxes, query text to token vectors.

Reader (pixels to words) -> reading order -> frozen language model -> one vector a word.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from vdr.encode.devices import best_device, best_dtype
from vdr.encode.mini.healing import heal, join
from vdr.encode.mini.reading import Word
from vdr.encode.minilm import MiniLM
from vdr.types import Floats, Ints, MultiVector, QueryVectors, Reading

if TYPE_CHECKING:
    from vdr.encode.mini.language import Language
    from vdr.encode.mini.reader import Reader

NAME = "vdr-mini"
WEIGHTS = Path(__file__).with_name("tower.safetensors")
REVISION = "3"
"""Of the code between the weights and the vectors: raised when it changes what a page's vectors are."""
MOST = 1_000
"""Vectors of a page at most: beyond, those of neighbouring words that are most alike become one."""

FLOOR = 0.45
"""Cosine below which a word of a page is not like one of a query. See docs/quality.md."""

_CORE = re.compile(r"[^\W_](?:.*[^\W_])?[%]?")


class VdrMini:
    """The embedded visual encoder.

    Args:
        name: What it is called.
        queries: The text encoder in whose space the pages' vectors lie.
        folder: The language model's checkpoint.
        weights: The image tower's weights.
    """

    def __init__(self, name: str, queries: MiniLM, folder: Path, weights: Path = WEIGHTS) -> None:
        self.name = name
        self.dim = queries.dim
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        self.fingerprint = f"{digest[:12]}-{queries.fingerprint[:8]}-{REVISION}"
        self._queries, self._folder, self._weights = queries, folder, weights

    def encode_query(self, text: str) -> QueryVectors:
        """Return a vector for each wordpiece, and for each word of several pieces one more of the whole.

        Of the pieces of a rare word none is like the whole of it, which is what a page has; so the whole counts once
        less than there are pieces, by its length.
        """
        pieces = replace(self._queries.pieces(text), floor=FLOOR)
        _, words, token_of, counts = self._whole(text)
        rare = np.flatnonzero(counts > 1)
        if not len(rare):
            return pieces
        whole = self._queries.turned(words[rare]) * (counts[rare] - 1).astype(np.float32)[:, None]
        together = np.concatenate([pieces.token_of, token_of[rare]]), np.concatenate([pieces.vectors, whole])
        return QueryVectors(pieces.tokens, *together, pieces.floor)

    def encode_query_to_explain(self, text: str) -> QueryVectors:
        """Return what the words of a page are held against to show which of them answer which word of a query.

        These are the wordpieces, and each word as one vector. Punctuation has no vector.
        """
        cores, words, token_of, _ = self._whole(text)
        if not cores:
            return self.encode_query(text)
        pieces = self._queries.pieces(" ".join(cores))
        together = np.concatenate([token_of[pieces.token_of], token_of]), np.concatenate([pieces.vectors, words])
        return QueryVectors(tuple(text.split()), *together)

    def _whole(self, text: str) -> tuple[list[str], Floats, Ints, Ints]:
        """Return a query's words without punctuation, a vector for each, its token and how many wordpieces it has."""
        found = [(number, core.group()) for number, word in enumerate(text.split()) if (core := _CORE.search(word))]
        cores = [core for _, core in found]
        vectors, counts = self._queries.words([core.lower() for core in cores])
        return cores, vectors, np.array([number for number, _ in found], np.int32), counts

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each page, one a word, with the word's box."""
        from vdr.encode.side_by_side import side_by_side  # imports torch, which a query does without

        reader, language = self._models
        run = side_by_side(len(images), reader.device)
        pages = list(run(self._words, images))
        vectors = language.read([[text for _, text in words] for words in pages])
        return [_page(found, words, image) for found, words, image in zip(vectors, pages, images, strict=True)]

    def read(self, image: Image.Image) -> list[tuple[str, tuple[float, float, float, float]]]:
        """Return the words that are read on a page, in reading order, each with its box as page fractions."""
        words = self._words(image)
        boxes = _boxes([word for word, _ in words], image).tolist()
        return [(text, tuple(box)) for (_, text), box in zip(words, boxes, strict=True)]

    def _words(self, image: Image.Image) -> list[tuple[Word, str]]:
        reader, language = self._models
        spelled = join([(word, heal(word, language.knows)) for word in reader.read(image)])
        cores = [(word, _CORE.search(text)) for word, text in spelled]
        return [(word, core.group()) for word, core in cores if core]

    @cached_property
    def _models(self) -> tuple[Reader, Language]:
        import torch

        from vdr.encode.mini.language import Language
        from vdr.encode.mini.reader import Reader

        device = torch.device(best_device())
        dtype = best_dtype(device.type)
        return Reader(self._weights, device, dtype), Language(self._folder, device, dtype)


def _page(vectors: Floats, words: Sequence[tuple[Word, str]], image: Image.Image) -> MultiVector:
    boxes = _boxes([word for word, _ in words], image)
    return replace(pooled(vectors, boxes, MOST), reading=Reading(tuple(text for _, text in words), boxes))


def _boxes(words: Sequence[Word], image: Image.Image) -> Floats:
    """Return the boxes of words as fractions of the page."""
    boxes = np.array([word.box for word in words], np.float32).reshape(-1, 4)
    boxes /= np.array([image.width, image.height] * 2, np.float32)
    inside: Floats = boxes.clip(0, 1)
    return inside


def pooled(vectors: Floats, boxes: Floats, most: int) -> MultiVector:
    """Return at most `most` vectors: of neighbours in reading order, those most alike become one with a common box.

    Args:
        vectors: `(n, dim)` of unit length, in reading order.
        boxes: `(n, 4)`.
        most: How many vectors may stay.
    """
    while len(vectors) > most:
        surplus = len(vectors) - most
        alike = np.einsum("nd,nd->n", vectors[:-1], vectors[1:])
        beside = np.concatenate([[-2.0], alike, [-2.0]])
        peaks = np.flatnonzero((alike > beside[:-2]) & (alike >= beside[2:]))  # no vector is in two pairs
        first = np.sort(peaks[np.argsort(-alike[peaks], kind="stable")[:surplus]])
        vectors, boxes = vectors.copy(), boxes.copy()
        joint = vectors[first] + vectors[first + 1]
        vectors[first] = joint / np.maximum(np.linalg.norm(joint, axis=1, keepdims=True), 1e-6)
        boxes[first] = np.concatenate(
            [np.minimum(boxes[first, :2], boxes[first + 1, :2]), np.maximum(boxes[first, 2:], boxes[first + 1, 2:])], 1
        )
        vectors, boxes = np.delete(vectors, first + 1, axis=0), np.delete(boxes, first + 1, axis=0)
    return MultiVector(vectors, boxes=boxes)
