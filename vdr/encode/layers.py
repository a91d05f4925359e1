"""BERT's layers in torch, for the windows of many texts at once; for one query `vdr.encode.bert` has them in numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from vdr.encode.bert import EPSILON, HEADS, LAYERS
from vdr.types import Floats

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
        self.device, self._dtype = device, dtype
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

    def batch_size(self, windows: int) -> int:
        """Return how many of so many windows to compute together."""
        if self.device.type != "cpu":
            return BATCH
        return max(1, min(BATCH_ON_CPU, -(-windows // torch.get_num_threads())))

    @torch.inference_mode()
    def __call__(self, windows: Sequence[Tensor]) -> list[Floats]:
        """Return the last layer's vectors `(n, dim)` of each window, at unit length.

        Args:
            windows: `(n, dim)` embeddings of the tokens of each, special ones included, on the CPU.
        """
        longest = max(len(window) for window in windows)
        pieces = torch.zeros(len(windows), longest, windows[0].shape[1])
        absent = torch.ones(len(windows), longest, dtype=torch.bool)
        for index, window in enumerate(windows):
            pieces[index, : len(window)] = window
            absent[index, : len(window)] = False
        x = self._norm(pieces.to(self.device) + self._positions[:longest]).to(self._dtype)
        x = self._layers(x, src_key_padding_mask=absent.to(self.device))
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
