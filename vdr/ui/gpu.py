"""Encoding on a GPU that is borrowed for each call, as `spaces.GPU` does on Hugging Face's ZeroGPU.

The package `spaces` is there in a Space and hardly anywhere else; without it nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias, cast

from PIL import Image

from vdr.corpus import Corpus
from vdr.types import Encoder, MultiVector, PageEncoder, QueryVectors, TextEncoder

Borrow: TypeAlias = Callable[[Callable[..., Any]], Callable[..., Any]]
"""Turns a function into one that has a GPU while it runs."""


def open_corpus(
    encoder: str | None = None, text_encoder: str | None = None, dense_encoder: str | None = None
) -> Corpus:
    """Open the default corpus, with `spaces.GPU` where that is installed and a visual model runs here.

    Args:
        encoder: For page images, as `Corpus` takes it; empty for the corpus's own.
        text_encoder: For the tokens of texts; likewise.
        dense_encoder: For their passages; likewise.
    """
    runs_here = encoder and encoder != "none" and not encoder.startswith(("http://", "https://"))
    borrow: Borrow | None = None
    if runs_here and find_spec("spaces"):
        borrow = import_module("spaces").GPU  # before any model: it changes how torch places them
    corpus = Corpus(encoder=encoder or None, text_encoder=text_encoder or None, dense_encoder=dense_encoder or None)
    if borrow is None:
        return corpus

    def borrowing(encoder: Encoder | None) -> Any:
        return Borrowing(encoder, borrow) if encoder else "none"

    return Corpus(
        corpus.path,
        encoder=borrowing(corpus.encoder),
        text_encoder=borrowing(corpus.text_encoder),
        dense_encoder=borrowing(corpus.dense_encoder),
    )


class Borrowing:
    """An encoder whose calls are decorated; the model itself stays out of what they hand over.

    Args:
        encoder: For pages or for texts.
        borrow: The decorator.
    """

    def __init__(self, encoder: Encoder, borrow: Borrow) -> None:
        self.name, self.dim, self.fingerprint = encoder.name, encoder.dim, encoder.fingerprint
        self._encoder = encoder
        self._borrow = borrow

    def encode_query(self, text: str) -> QueryVectors:
        """Return the vectors of a query."""
        return cast(QueryVectors, self._borrow(self._encoder.encode_query)(text))

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each page image."""
        return cast(list[MultiVector], self._borrow(cast(PageEncoder, self._encoder).encode_pages)(images))

    def encode_texts(self, texts: Sequence[str], *titles: Sequence[str] | None) -> list[MultiVector]:
        """Return the vectors of each text; a bi-encoder is told titles too."""
        return cast(list[MultiVector], self._borrow(cast(TextEncoder, self._encoder).encode_texts)(texts, *titles))
