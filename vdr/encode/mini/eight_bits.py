"""The image tower in whole numbers of 8 bits, for processors that multiply those fastest. Knows nothing of words.

After a ReLU all numbers are positive, so unsigned bytes from 0 to the largest that was met in training hold them; the
weights of a channel are signed bytes times a scale. A cell's features come out as floats, and are read as ever.

Processors without an instruction for it (AVX-512 VNNI and the like) add up two products in 16 bits, which would
saturate; there the bytes go from 0 to 127, and it is still twice as fast as float32.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from vdr.encode.mini.network import WIDTH, Reading, Residual, Tower

ENGINE = "onednn"
"""The kernels that compute it, where torch has them: a sixth faster than its others on a processor with AVX2 alone."""
TOPS = (255, 127)
"""The largest numbers between layers that are tried; with 127 the sum of two products fits into 16 bits."""


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
        top: The largest number between two layers, 255 or 127: see `whole_numbers`.
    """

    def __init__(self, tower: Tower, ranges: Tensor, top: int = 255) -> None:
        scales = iter((ranges / top).tolist())
        self._steps: list[_Step] = []
        for convolution, added in _convolutions(tower):
            self._steps.append(_Step(_packed(convolution), next(scales), next(scales) if added else None))
        self._first: tuple[nn.Conv2d, float] | None = None
        if top < 255:  # ink needs all of its bits: the first one, a small part of the work, stays in floats
            (first, _), scale = next(_convolutions(tower)), self._steps.pop(0).scale
            self._first = first, scale
        self._lines = tower.lines
        self.name = tower.name

    def __call__(self, pixels: Tensor) -> Reading:
        """Read every cell of a batch of images, `(batch, 1, height, width)` uint8 ink from 0 to 255."""
        parts = [pixels[:, 0, y::2, x::2] for y in (0, 1) for x in (0, 1)]  # what `nn.PixelUnshuffle` does
        ink = torch.stack(parts, dim=-1).permute(0, 3, 1, 2)
        if self._first is None:
            x = torch._make_per_tensor_quantized_tensor(ink, 1 / 255, 0)
        else:
            convolution, scale = self._first
            x = torch.quantize_per_tensor(convolution(ink / 255).relu(), scale, 0, torch.quint8)
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
    engines = torch.backends.quantized
    before = engines.engine
    if ENGINE in engines.supported_engines:
        engines.engine = ENGINE
    try:
        packed: torch.ScriptObject = torch.ops.quantized.conv2d_prepack(
            quantized, bias, list(convolution.stride), list(convolution.padding), [1, 1], 1
        )
    finally:
        engines.engine = before
    return packed


@cache
@torch.inference_mode()
def whole_numbers(dtype: torch.dtype) -> int:
    """Compute a convolution like the tower's both ways: what a processor promises is not what it does.

    Args:
        dtype: What it would be computed in otherwise.

    Returns:
        The largest number between layers with which 8 bits are right, and faster: 255 or 127; 0 where neither is.
    """
    convolution = nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)
    nn.init.constant_(convolution.weight, 1)
    largest = 9.0 * WIDTH
    ones = torch.ones(1, WIDTH, 24, 64).contiguous(memory_format=torch.channels_last)
    try:
        packed = _packed(convolution)
        for top in TOPS:
            small, scale = torch.quantize_per_tensor(ones, 1 / top, 0, torch.quint8), largest / top
            if torch.ops.quantized.conv2d_relu(small, packed, scale, 0).dequantize().max() > 0.99 * largest:
                break
        else:
            return 0
    except RuntimeError:  # this build of torch has no such kernels
        return 0
    convolution, ones = convolution.to(dtype), ones.to(dtype)
    seconds = _seconds(lambda: torch.ops.quantized.conv2d_relu(small, packed, scale, 0))
    return top if seconds < 0.8 * _seconds(lambda: convolution(ones)) else 0


def _seconds(compute: Callable[[], object]) -> float:
    times = []
    for _ in range(4):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return min(times)
