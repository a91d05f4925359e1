"""Encoding on a GPU that is borrowed for each call, as `spaces.GPU` does on Hugging Face's ZeroGPU.

The package `spaces` is there in a Space and hardly anywhere else; without it nothing here has an effect.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

from vdr.corpus import Corpus
from vdr.types import Encoder

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
    """An encoder whose calls that encode are decorated.

    Args:
        encoder: For pages or for texts.
        borrow: The decorator.
    """

    def __init__(self, encoder: Encoder, borrow: Borrow) -> None:
        self._encoder = encoder
        self._borrow = borrow

    def __getattr__(self, name: str) -> Any:
        """Return what the encoder has of this name, decorated where it encodes."""
        own = getattr(self._encoder, name)
        return self._borrow(own) if name.startswith("encode_") else own
