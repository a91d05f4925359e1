"""Where a model runs and in which precision. Knows nothing of models."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def best_device() -> str:
    """Return `cuda` or `mps` where there is one, else `cpu`."""
    import torch

    return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"


def best_dtype(device: str) -> torch.dtype:
    """Return bfloat16 on `cuda` and on processors that are faster with it, else float32."""
    import torch

    kind = torch.device(device).type
    return torch.bfloat16 if kind == "cuda" or (kind == "cpu" and bf16_is_faster()) else torch.float32


@cache
def bf16_is_faster() -> bool:
    """Time a matrix product of a small model's shape in both types: what a processor promises is not what it does."""
    import torch

    def seconds(dtype: torch.dtype) -> float:
        a, b = torch.ones(2048, 384, dtype=dtype), torch.ones(384, 1536, dtype=dtype)
        times = []
        for _ in range(4):
            start = time.perf_counter()
            _ = a @ b
            times.append(time.perf_counter() - start)
        return min(times)

    return seconds(torch.bfloat16) < 0.8 * seconds(torch.float32)
