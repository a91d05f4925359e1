"""The image tower of vdr-mini: page pixels to characters on a grid. Knows nothing of words, files or queries.

A plain convolutional net. A cell of the grid is 8 x 8 pixels; for each it says whether the middle of a line of text
runs through it and where that middle lies and how large the print is; and, of the cells that are asked for, which
character stands in each of the four frames of 2 pixels width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor, nn

from vdr.encode.mini.alphabet import CLASSES
from vdr.encode.mini.cells import FRAMES

WIDTH = 128
"""Channels of the main stage."""


class Reading(NamedTuple):
    """What the tower says of each cell of a `rows x columns` grid.

    Attributes:
        features: `(batch, width, rows, columns)`, from which `Tower.name` names characters.
        axis: `(batch, rows, columns)` logit: the middle of a line of text is here.
        place: `(batch, 2, rows, columns)` the line's middle below the cell's centre, in cells; log2 of the em in cells.
    """

    features: Tensor
    axis: Tensor
    place: Tensor


class Tower(nn.Module):
    """Grey pixels to a `Reading`.

    Args:
        width: Channels of the main stage.
        depth: Pairs of blocks in the main stage; each pair adds 6 cells to the width a cell sees, 2 to the height.
    """

    def __init__(self, width: int = WIDTH, depth: int = 3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            *_convolution(4, 32, stride=2),
            Residual(32, (3, 3)),
            Residual(32, (3, 3)),
            *_convolution(32, width, stride=2),
        )
        self.body = nn.Sequential(*(Residual(width, kernel) for _ in range(depth) for kernel in ((3, 3), (1, 5))))
        self.lines = nn.Conv2d(width, 3, 1)
        self.letters = nn.Linear(width, FRAMES * CLASSES)

    def forward(self, pixels: Tensor) -> Reading:
        """Read every cell of a batch of images.

        Args:
            pixels: `(batch, 1, height, width)` ink from 0 (white) to 1 (black); sides are multiples of a cell.
        """
        features: Tensor = self.body(self.stem(pixels))
        lines: Tensor = self.lines(features)
        return Reading(features, lines[:, 0], lines[:, 1:])

    def name(self, features: Tensor) -> Tensor:
        """Return the logits `(n, FRAMES, CLASSES)` of the characters in cells with features `(n, width)`."""
        named: Tensor = self.letters(features).unflatten(-1, (FRAMES, CLASSES))
        return named


def _convolution(before: int, after: int, kernel: tuple[int, int] = (3, 3), stride: int = 1) -> tuple[nn.Module, ...]:
    padding = (kernel[0] // 2, kernel[1] // 2)
    convolution = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True)


class Residual(nn.Module):
    """What comes in plus a convolution of it."""

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_convolution(channels, channels, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Add the convolution."""
        deeper: Tensor = self.layers(x)
        return x + deeper


def tower_of(weights: Mapping[str, Tensor]) -> Tower:
    """Return the tower that has these weights, as wide as they are; what batch norm counts in training may be left out.

    Raises:
        RuntimeError: They are those of another net.
    """
    tower = Tower(weights["letters.weight"].shape[1])
    counters = {name: value for name, value in tower.state_dict().items() if name.endswith("num_batches_tracked")}
    tower.load_state_dict({**counters, **weights})
    return tower


def fused(tower: Tower) -> Tower:
    """Fold each batch norm into the convolution before it: the same answers in fewer steps. For reading only."""
    for block in [module for module in tower.modules() if isinstance(module, nn.Sequential)]:
        for index in range(1, len(block)):
            before, norm = block[index - 1], block[index]
            if isinstance(before, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                block[index - 1] = nn.utils.fusion.fuse_conv_bn_eval(before, norm)
                block[index] = nn.Identity()
    return tower
