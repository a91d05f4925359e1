"""BERT's layers in torch, for the windows of many texts at once; for one query `vdr.encode.bert` has them in numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Sized
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor, nn

from vdr.encode.bert import EPSILON, HEADS, LAYERS
from vdr.encode.side_by_side import side_by_side
from vdr.types import Floats

Window = TypeVar("Window", bound=Sized)

BATCH, BATCH_ON_CPU = 64, 4
"""Windows computed together at most; a CPU gains nothing from more, and fewer leave some for each core."""


class Layers:
    """BERT behind the embeddings of its tokens.

    Args:
        weights: Of a `BertModel`, as transformers names them; the positions' begin with that of the first token.
        device: Where it runs.
        dtype: What it computes with.
    """

    def __init__(self, weights: Mapping[str, Tensor], device: torch.device, dtype: torch.dtype) -> None:
        embed = "embeddings.{}_embeddings.weight".format
        inner, dim = weights["encoder.layer.0.intermediate.dense.weight"].shape
        self._device, self._dtype = device, dtype
        self._positions = (weights[embed("position")] + weights[embed("token_type")][0]).to(device)
        norm = nn.LayerNorm(dim, eps=EPSILON)
        norm.load_state_dict({name: weights[f"embeddings.LayerNorm.{name}"] for name in ("weight", "bias")})
        layers = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(dim, HEADS, inner, 0.0, "gelu", EPSILON, batch_first=True),
            LAYERS,
            enable_nested_tensor=False,
        )
        layers.load_state_dict(_named_as_in_torch(weights))
        # Without dropout training mode computes the same, by torch's attention kernel; its "fast path" for inference
        # takes twice as long on a CPU (127 against 62 ms for the words of a page).
        self._norm, self._layers = norm.eval().to(device), layers.train().to(device, dtype)

    def read(self, windows: Sequence[Window], embed: Callable[[Window], Tensor]) -> list[Floats]:
        """Return the last layer's vectors `(n, dim)` of each window, at unit length.

        Those of like length are computed together, so that little is filled up, and batches of them side by side.

        Args:
            windows: As many tokens each as it is long.
            embed: Returns the embeddings `(n, dim)` of a window's tokens, special ones included, on the CPU.
        """
        order = sorted(range(len(windows)), key=lambda index: len(windows[index]))
        size = self._batch_size(len(windows))
        batches = [[windows[index] for index in order[first : first + size]] for first in range(0, len(order), size)]
        run = side_by_side(len(batches), self._device)
        outputs = run(lambda batch: self._states([embed(window) for window in batch]), batches)
        found = dict(zip(order, chain.from_iterable(outputs), strict=True))
        return [found[index] for index in range(len(windows))]

    def _batch_size(self, windows: int) -> int:
        """Return how many of so many windows to compute together."""
        if self._device.type != "cpu":
            return BATCH
        return max(1, min(BATCH_ON_CPU, -(-windows // torch.get_num_threads())))

    @torch.inference_mode()
    def _states(self, windows: Sequence[Tensor]) -> list[Floats]:
        longest = max(len(window) for window in windows)
        pieces = torch.zeros(len(windows), longest, windows[0].shape[1])
        absent = torch.ones(len(windows), longest, dtype=torch.bool)
        for index, window in enumerate(windows):
            pieces[index, : len(window)] = window
            absent[index, : len(window)] = False
        x = self._norm(pieces.to(self._device) + self._positions[:longest]).to(self._dtype)
        x = self._layers(x, src_key_padding_mask=absent.to(self._device))
        unit = nn.functional.normalize(x.float(), dim=-1).cpu().numpy()
        return [unit[index, : len(window)] for index, window in enumerate(windows)]


def _named_as_in_torch(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
