"""Encoders by name: one table, lazily imported. Knows nothing of storage or search.

A name is an embedded encoder's (the tables below), a local folder with a checkpoint, a hub id (`org/model`), or the URL
of an encoder server. A new embedded encoder is one line here.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from vdr.types import Channel, Encoder, PageEncoder, PassageEncoder, TextEncoder

EMBEDDED: dict[Channel, dict[str, str]] = {
    "visual": {"vdr-mini": "vdr.encode.mini"},
    "text": {"minilm": "vdr.encode.minilm"},
    "dense": {"granite": "vdr.encode.granite"},
}
"""Encoders whose weights come with the installation: name -> the module whose `load` gives it."""

DEFAULT: dict[Channel, str | None] = {"visual": "vdr-mini", "text": "minilm", "dense": "granite"}
"""The encoder of a new corpus; None leaves the channel empty."""

_CHECKPOINTS: dict[Channel, str] = {
    "visual": "vdr.encode.pages",
    "text": "vdr.encode.text",
    "dense": "vdr.encode.dense",
}


def load_page_encoder(name: str) -> PageEncoder:
    """Load an encoder for page images.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    return cast(PageEncoder, load_encoder("visual", name))


def load_text_encoder(name: str) -> TextEncoder:
    """Load an encoder for texts.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    return cast(TextEncoder, load_encoder("text", name))


def load_dense_encoder(name: str) -> PassageEncoder:
    """Load a bi-encoder: one vector for each passage of a text.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    return cast(PassageEncoder, load_encoder("dense", name))


def load_encoder(channel: Channel, name: str) -> Encoder:
    """Load the encoder of a channel.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    if name.startswith(("http://", "https://")):
        return cast(Encoder, import_module("vdr.encode.remote").load(name, channel))
    module = EMBEDDED[channel].get(name, _CHECKPOINTS[channel])
    return cast(Encoder, import_module(module).load(name))
