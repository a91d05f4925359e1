"""Encoders by name: one table, lazily imported. Knows nothing of storage or search.

A name is an embedded encoder's (the tables below), a local folder with a checkpoint, a hub id (`org/model`), the URL
of an encoder server, or for texts `dense:` and the folder or hub id of a bi-encoder. A new embedded encoder is one
line here.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from vdr.types import Channel, Encoder, PageEncoder, TextEncoder

EMBEDDED: dict[Channel, dict[str, str]] = {
    "visual": {"vdr-mini": "vdr.encode.mini"},
    "text": {"minilm": "vdr.encode.minilm"},
}
"""Encoders whose weights come with the installation: name -> the module whose `load` gives it."""

DEFAULT: dict[Channel, str | None] = {"visual": "vdr-mini", "text": "minilm"}
"""The encoder of a new corpus; None leaves the channel empty."""

DENSE = "dense:"
"""What stands before the name of a model that gives one vector a passage."""

_CHECKPOINTS: dict[Channel, str] = {"visual": "vdr.encode.pages", "text": "vdr.encode.text"}


def load_page_encoder(name: str) -> PageEncoder:
    """Load an encoder for page images.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    return cast(PageEncoder, _load("visual", name))


def load_text_encoder(name: str) -> TextEncoder:
    """Load an encoder for texts.

    Raises:
        EncoderError: It cannot be found or loaded; the message says what was tried.
    """
    return cast(TextEncoder, _load("text", name))


def _load(channel: Channel, name: str) -> Encoder:
    if name.startswith(("http://", "https://")):
        return cast(Encoder, import_module("vdr.encode.remote").load(name, channel))
    if channel == "text" and name.startswith(DENSE):
        return cast(Encoder, import_module("vdr.encode.dense").load(name))
    module = EMBEDDED[channel].get(name, _CHECKPOINTS[channel])
    return cast(Encoder, import_module(module).load(name))
