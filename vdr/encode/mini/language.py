"""The language model of vdr-mini: words in reading order to vectors in context. Knows nothing of pixels.

all-MiniLM-L6-v2, frozen, from the installed package; a word goes in as the mean of its wordpieces' embeddings and comes
out as one vector, in the space of the vectors that the same model gives a query's tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from vdr.encode.mini.side_by_side import Map
from vdr.encode.minilm import DIM, HEADS, LAYERS, LENGTH
from vdr.types import Floats

INNER = 1536
WINDOW = LENGTH - 2
"""Words read together; with the two special tokens, what the model was trained with."""
OVERLAP = 32
"""Words that two windows share, each of which takes its vector from the window where it has more around it."""
BATCH, BATCH_ON_CPU = 64, 4
"""Windows computed together at most; a CPU gains nothing from more, and fewer leave some for each core."""


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
        self._positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        self._positions = self._positions.to(device)
        self._ends = self._pieces[[self._tokenizer.token_to_id("[CLS]"), self._tokenizer.token_to_id("[SEP]")]]
        self._norm = nn.LayerNorm(DIM, eps=1e-12)
        self._norm.load_state_dict(_part(weights, "embeddings.LayerNorm"))
        self._norm = self._norm.eval().to(device)
        self._layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(DIM, HEADS, INNER, 0.0, "gelu", 1e-12, batch_first=True),
            LAYERS,
            enable_nested_tensor=False,
        )
        self._layers.load_state_dict(_layers(weights))
        # Without dropout training mode computes the same, by torch's attention kernel; its "fast path" for inference
        # takes twice as long on a CPU (127 against 62 ms a page).
        self._layers = self._layers.train().to(device, dtype)
        self._device, self._dtype = device, dtype
        self._meaning = lru_cache(maxsize=50_000)(self._mean)

    def knows(self, word: str) -> bool:
        """Say whether a word, in lower case, is one wordpiece."""
        return self._tokenizer.token_to_id(word) is not None

    def read(self, texts: Sequence[Sequence[str]], run: Map = map) -> list[Floats]:
        """Return a vector `(n_words, 384)` of unit length for each word of each text.

        Args:
            texts: The words of each.
            run: Computes the batches, maybe several at once.
        """
        windows = [(text, *window) for text, words in enumerate(texts) for window in _windows(len(words))]
        windows.sort(key=lambda window: window[2] - window[1])  # like lengths together: little is filled up
        results = [np.zeros((len(words), DIM), np.float32) for words in texts]
        size = BATCH
        if self._device.type == "cpu":
            size = max(1, min(BATCH_ON_CPU, -(-len(windows) // torch.get_num_threads())))
        batches = [windows[first : first + size] for first in range(0, len(windows), size)]
        words = [[texts[text][start:end] for text, start, end in batch] for batch in batches]
        outputs = chain.from_iterable(run(self._forward, words))
        for (text, start, end), vectors in zip(windows, outputs, strict=True):
            begin, stop = start and start + OVERLAP // 2, end if end == len(texts[text]) else end - OVERLAP // 2
            results[text][begin:stop] = vectors[begin - start : stop - start]
        return results

    @torch.inference_mode()
    def _forward(self, windows: list[Sequence[str]]) -> list[Floats]:
        longest = max(len(words) for words in windows) + 2
        words = torch.zeros(len(windows), longest, DIM)
        absent = torch.ones(len(windows), longest, dtype=torch.bool)
        for index, window in enumerate(windows):
            rows = [self._ends[:1], *(self._meaning(word) for word in window), self._ends[1:]]
            words[index, : len(rows)] = torch.cat(rows)
            absent[index, : len(rows)] = False
        x = self._norm(words.to(self._device) + self._positions[:longest]).to(self._dtype)
        x = self._layers(x, src_key_padding_mask=absent.to(self._device))
        unit = nn.functional.normalize(x.float(), dim=-1).cpu().numpy()
        return [unit[index, 1 : len(window) + 1] for index, window in enumerate(windows)]

    def _mean(self, word: str) -> Tensor:
        ids = self._tokenizer.encode(word, add_special_tokens=False).ids
        return self._pieces[ids].mean(0, keepdim=True) if ids else torch.zeros(1, DIM)


def _windows(words: int) -> list[tuple[int, int]]:
    """Return where the windows over a text of so many words begin and end: as few as can be, equal but for a word.

    >>> _windows(254), _windows(400)
    ([(0, 254)], [(0, 216), (184, 400)])
    """
    if not words:
        return []
    count = max(1, -(-(words - OVERLAP) // (WINDOW - OVERLAP)))
    new = (words - OVERLAP) / count  # words that each window adds
    return [(round(new * at), round(new * (at + 1)) + OVERLAP) for at in range(count)]


def _part(weights: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name: weights[f"{prefix}.{name}"] for name in ("weight", "bias")}


def _layers(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return BERT's layers under the names of torch's encoder."""
    names = {
        "self_attn.out_proj": "attention.output.dense",
        "linear1": "intermediate.dense",
        "linear2": "output.dense",
        "norm1": "attention.output.LayerNorm",
        "norm2": "output.LayerNorm",
    }
    state: dict[str, Tensor] = {}
    for layer in range(LAYERS):
        theirs = f"encoder.layer.{layer}."
        for kind in ("weight", "bias"):
            parts = [weights[f"{theirs}attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
            state[f"layers.{layer}.self_attn.in_proj_{kind}"] = torch.cat(parts)
            for ours, name in names.items():
                state[f"layers.{layer}.{ours}.{kind}"] = weights[f"{theirs}{name}.{kind}"]
    return state
