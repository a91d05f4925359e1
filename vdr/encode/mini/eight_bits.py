"""The image tower in whole numbers of 8 bits, for processors that multiply those fastest. Knows nothing of words.

After a ReLU all numbers are positive, so unsigned bytes from 0 to the largest that was met in training hold them; the
weights of a channel are signed bytes times a scale. A cell's features come out as floats, and are read as ever.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from vdr.encode.mini.network import WIDTH, Reading, Residual, Tower


class _Step(NamedTuple):
    """A convolution and the scales of what comes out of it and, where that is added to what went in, of the sum."""

    convolution: torch.ScriptObject
    scale: float
    sum_scale: float | None


class EightBits:
    """A tower that computes in 8 bits, on a CPU.

    Args:
        tower: Fused (`vdr.encode.mini.network.fused`), float32.
        ranges: What `ranges` says of it.
    """

    def __init__(self, tower: Tower, ranges: Tensor) -> None:
        scales = iter((ranges / 255).tolist())
        self._steps: list[_Step] = []
        for convolution, added in _convolutions(tower):
            self._steps.append(_Step(_packed(convolution), next(scales), next(scales) if added else None))
        self._lines = tower.lines
        self.name = tower.name

    def __call__(self, pixels: Tensor) -> Reading:
        """Read every cell of a batch of images, `(batch, 1, height, width)` uint8 ink from 0 to 255."""
        parts = [pixels[:, 0, y::2, x::2] for y in (0, 1) for x in (0, 1)]  # what `nn.PixelUnshuffle` does
        ink = torch.stack(parts, dim=-1).permute(0, 3, 1, 2)
        x = torch._make_per_tensor_quantized_tensor(ink, 1 / 255, 0)
        for step in self._steps:
            y = torch.ops.quantized.conv2d_relu(x, step.convolution, step.scale, 0)
            x = y if step.sum_scale is None else torch.ops.quantized.add(x, y, step.sum_scale, 0)
        features = x.dequantize()
        lines = self._lines(features)
        return Reading(features, lines[:, 0], lines[:, 1:])


@torch.no_grad()
def ranges(tower: Tower, pixels: Tensor) -> Tensor:
    """Return the largest numbers that a tower meets in pictures: `EightBits` is made for these.

    Args:
        tower: Fused, float32.
        pixels: `(batch, 1, height, width)` ink from 0 to 1.
    """
    x = nn.functional.pixel_unshuffle(pixels, 2)
    largest: list[Tensor] = []
    for convolution, added in _convolutions(tower):
        y = convolution(x).relu()
        largest.append(y.max())
        x = x + y if added else y
        if added:
            largest.append(x.max())
    return torch.stack(largest)


def _convolutions(tower: Tower) -> Iterator[tuple[nn.Conv2d, bool]]:
    """Yield the convolutions in turn, and whether what comes out is added to what went in."""
    for module in [*tower.stem, *tower.body]:
        if isinstance(module, nn.Conv2d):
            yield module, False
        elif isinstance(module, Residual):
            yield cast(nn.Conv2d, module.layers[0]), True


def _packed(convolution: nn.Conv2d) -> torch.ScriptObject:
    weight = convolution.weight.detach()
    scales = weight.abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / 127
    zeros = torch.zeros(len(scales), dtype=torch.long)
    quantized = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
    bias = None if convolution.bias is None else convolution.bias.detach()
    packed: torch.ScriptObject = torch.ops.quantized.conv2d_prepack(
        quantized, bias, list(convolution.stride), list(convolution.padding), [1, 1], 1
    )
    return packed


@cache
@torch.inference_mode()
def eight_bits_are_faster(dtype: torch.dtype) -> bool:
    """Compute a convolution like the tower's both ways: what a processor promises is not what it does.

    One without instructions for it is slow, or saturates where it adds up, and its results are wrong.

    Args:
        dtype: What it would be computed in otherwise.
    """
    convolution = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
    nn.init.constant_(convolution.weight, 1)
    largest = 9.0 * WIDTH
    ones = torch.ones(1, WIDTH, 24, 64).contiguous(memory_format=torch.channels_last)
    try:
        packed, small = _packed(convolution), torch.quantize_per_tensor(ones, 1 / 255, 0, torch.quint8)
        result = torch.ops.quantized.conv2d_relu(small, packed, largest / 255, 0).dequantize()
    except RuntimeError:  # this build of torch has no such kernels
        return False
    convolution, ones = convolution.to(dtype), ones.to(dtype)
    seconds = _seconds(lambda: torch.ops.quantized.conv2d_relu(small, packed, largest / 255, 0))
    return float(result.max()) > 0.99 * largest and seconds < 0.8 * _seconds(lambda: convolution(ones))


def _seconds(compute: Callable[[], object]) -> float:
    times = []
    for _ in range(4):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return min(times)
