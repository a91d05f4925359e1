"""Encoders worth knowing by name. A list to read; nothing looks a model up in it."""

from __future__ import annotations

from dataclasses import dataclass

from vdr.types import Channel


@dataclass(frozen=True, slots=True)
class Model:
    """An encoder a user may name.

    Attributes:
        channel: What it encodes.
        name: What to give as `--encoder` or `--text-encoder`.
        note: What it is, in a line.
    """

    channel: Channel
    name: str
    note: str


CATALOGUE: tuple[Model, ...] = (
    Model("text", "minilm", "embedded, the default: all-MiniLM-L6-v2 token vectors, English, no download"),
    Model("text", "lightonai/GTE-ModernColBERT-v1", "ColBERT, English, long passages"),
    Model("text", "jinaai/jina-colbert-v2", "ColBERT, 89 languages, 8,192 tokens; its own code must be trusted"),
    Model("text", "colbert-ir/colbertv2.0", "ColBERTv2, English, the reference"),
    Model("text", "answerdotai/answerai-colbert-small-v1", "ColBERT, English, 33 M parameters"),
    Model("visual", "vidore/colqwen2-v1.0", "ColQwen2, 2 B parameters, wants a GPU; NanoViDoRe v3 nDCG@10 .469"),
)
