"""vdr-mini, the embedded visual encoder: page pixels to words to vectors in context, no download."""

from __future__ import annotations

from vdr.encode.mini.encoder import NAME, VdrMini
from vdr.encode.minilm import load as load_minilm
from vdr.encode.minilm import model_folder

__all__ = ["VdrMini", "load"]


def load(name: str = NAME) -> VdrMini:
    """Load the embedded visual encoder.

    Raises:
        EncoderError: The package with the language model is missing or not the published one.
    """
    return VdrMini(name, load_minilm(), model_folder())
