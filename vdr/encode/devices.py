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


def best_devices() -> tuple[str, ...]:
    """Return every `cuda` device where there are several (`CUDA_VISIBLE_DEVICES` limits them), else the best one."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return tuple(f"cuda:{index}" for index in range(count)) if count > 1 else (best_device(),)


def use_device(device: str) -> None:
    """Make a `cuda` device the one that this process's kernels run on where they are not told."""
    import torch

    if device.startswith("cuda:"):
        torch.cuda.set_device(device)


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
