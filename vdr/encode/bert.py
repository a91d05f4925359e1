"""BERT's layers in numpy, for one sequence: what a query needs, without the seconds that importing torch takes.

Devlin et al., BERT, arXiv:1810.04805; RoBERTa's are the same. Weights go by the names that transformers gives them.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vdr.types import Floats

HEADS = 12
LAYERS = 6
"""Of both embedded models."""
EPSILON = 1e-12


def states(weights: Mapping[str, Floats], pieces: Floats) -> Floats:
    """Return the last layer's vectors `(n, dim)` of one sequence, at unit length.

    Args:
        weights: Of a `BertModel`; the positions' begin with that of the first token.
        pieces: `(n, dim)` embeddings of the tokens alone, special ones included.
    """
    n, dim = pieces.shape

    def linear(x: Floats, name: str) -> Floats:
        result: Floats = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return result

    def norm(x: Floats, name: str) -> Floats:
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x * x).mean(-1, keepdims=True) + EPSILON)
        return x * weights[f"{name}.LayerNorm.weight"] + weights[f"{name}.LayerNorm.bias"]

    def heads(x: Floats) -> Floats:
        return x.reshape(n, HEADS, -1).transpose(1, 0, 2)

    embed = "embeddings.{}_embeddings.weight".format
    x = norm(pieces + weights[embed("position")][:n] + weights[embed("token_type")][0], "embeddings")
    for layer in (f"encoder.layer.{index}" for index in range(LAYERS)):
        query, key, value = (heads(linear(x, f"{layer}.attention.self.{part}")) for part in ("query", "key", "value"))
        attended = softmax(query @ key.transpose(0, 2, 1) / np.float32((dim // HEADS) ** 0.5)) @ value
        attended = linear(attended.transpose(1, 0, 2).reshape(n, dim), f"{layer}.attention.output.dense")
        x = norm(x + attended, f"{layer}.attention.output")
        inner = gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(x + linear(inner, f"{layer}.output.dense"), f"{layer}.output")
    return unit(x)


def unit(x: Floats) -> Floats:
    """Return vectors `(n, dim)` at length 1."""
    shortened: Floats = x / np.linalg.norm(x, axis=-1, keepdims=True)
    return shortened


def softmax(x: Floats) -> Floats:
    """Return the softmax over the last axis."""
    powers: Floats = np.exp(x - x.max(-1, keepdims=True))
    powers /= powers.sum(-1, keepdims=True)
    return powers


def gelu(x: Floats) -> Floats:
    """Return the exact GELU; erf by Abramowitz & Stegun 7.1.26, error below 1.5e-7."""
    z = np.abs(x) * np.float32(2**-0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    series = np.polyval(np.array([1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592, 0], np.float32), t)
    erf = np.sign(x) * (1 - series * np.exp(-z * z))
    result: Floats = x * np.float32(0.5) * (1 + erf)
    return result
