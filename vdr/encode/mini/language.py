"""The language model of vdr-mini: words in reading order to vectors in context. Knows nothing of pixels.

all-MiniLM-L6-v2, frozen, from the installed package; a word goes in as the mean of its wordpieces' embeddings and comes
out as one vector, in the space of the vectors that the same model gives a query's tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vdr.encode.layers import Layers
from vdr.encode.minilm import DIM, LENGTH
from vdr.encode.words import even
from vdr.types import Floats

WINDOW = LENGTH - 2
"""Words read together; with the two special tokens, what the model was trained with."""
OVERLAP = 32
"""Words that two windows share, each of which takes its vector from the window where it has more around it."""


class Language:
    """The model, ready to read words.

    Args:
        folder: The published checkpoint.
        device: Where it runs.
        dtype: What it computes with.
    """

    def __init__(self, folder: Path, device: torch.device, dtype: torch.dtype) -> None:
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        weights = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._pieces = weights["embeddings.word_embeddings.weight"]
        self._ends = self._pieces[[self._tokenizer.token_to_id("[CLS]"), self._tokenizer.token_to_id("[SEP]")]]
        self._layers = Layers(weights, device, dtype)
        self._meaning = lru_cache(maxsize=50_000)(self._mean)

    def knows(self, word: str) -> bool:
        """Say whether a word, in lower case, is one wordpiece."""
        return self._tokenizer.token_to_id(word) is not None

    def read(self, texts: Sequence[Sequence[str]]) -> list[Floats]:
        """Return a vector `(n_words, 384)` of unit length for each word of each text.

        Args:
            texts: The words of each.
        """
        windows = [(text, *window) for text, words in enumerate(texts) for window in even(len(words), WINDOW, OVERLAP)]
        results = [np.zeros((len(words), DIM), np.float32) for words in texts]
        read = self._layers.read([texts[text][start:end] for text, start, end in windows], self._embedded)
        for (text, start, end), states in zip(windows, read, strict=True):
            vectors = states[1:-1]
            begin, stop = start and start + OVERLAP // 2, end if end == len(texts[text]) else end - OVERLAP // 2
            results[text][begin:stop] = vectors[begin - start : stop - start]
        return results

    def _embedded(self, words: Sequence[str]) -> Tensor:
        return torch.cat([self._ends[:1], *(self._meaning(word) for word in words), self._ends[1:]])

    def _mean(self, word: str) -> Tensor:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return self._pieces[ids].mean(0, keepdim=True) if ids else torch.zeros(1, DIM)
