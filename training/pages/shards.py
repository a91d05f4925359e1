"""Shards of made pages on disk: three arrays a shard, written once, read through a memory map.

shard-00000.pixels.npy  uint8, all rasters one after another, row by row, 0 black
shard-00000.chars.npy   CHARACTER, all characters, in the order of the pages
shard-00000.index.npy   int64 (n_pages, 4): offset into the pixels, height, width, kind
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHARACTER = np.dtype([
    ("page", "i4"), ("code", "u4"), ("x0", "f4"), ("x1", "f4"), ("y", "f4"), ("size", "f4"), ("angle", "f4"),
    ("word", "i4"), ("line", "i4"), ("bold", "u1"), ("size_pt", "f4"),
])  # fmt: skip
"""A character that can be seen on a page; lengths are pixels, x from the left edge, y from the top.

`((x0 + x1) / 2, y)` is the middle of its baseline and `x1 - x0` its advance along the baseline, whose `angle` is
counterclockwise in degrees (text that reads upwards has 90): for upright text x0 and x1 are left and right.
`size` is the em. Words count runs without a space, lines what was set in one go: a line of a column, a table's cell.
Both start at 0 on each page. `size_pt` is the size in points before rendering.
"""
CLEAN, DEGRADED = 0, 1


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """One page: `pixels` (height, width) uint8, its `chars`, and its kind, CLEAN or DEGRADED."""

    pixels: np.ndarray
    chars: np.ndarray
    kind: int


def write(path: Path, pages: Sequence[Page]) -> None:
    """Write a shard; `path` is its name without an ending, as `DIR/shard-00000`. The index comes last."""
    index = np.zeros((len(pages), 4), np.int64)
    for row, (page, offset) in enumerate(zip(pages, np.cumsum([0] + [p.pixels.size for p in pages]), strict=False)):
        index[row] = offset, *page.pixels.shape, page.kind
        page.chars["page"] = row
    np.save(f"{path}.pixels.npy", np.concatenate([p.pixels.ravel() for p in pages]))
    np.save(f"{path}.chars.npy", np.concatenate([p.chars for p in pages]))
    np.save(f"{path}.index.npy", index)


def read(path: Path) -> list[Page]:
    """The pages of the shard `path` (without an ending); pixels stay on disk until they are used."""
    pixels = np.load(f"{path}.pixels.npy", mmap_mode="r")
    chars, index = np.load(f"{path}.chars.npy"), np.load(f"{path}.index.npy")
    bounds = np.searchsorted(chars["page"], np.arange(len(index) + 1))
    return [
        Page(pixels[offset : offset + height * width].reshape(height, width), chars[first:last], int(kind))
        for (offset, height, width, kind), first, last in zip(index, bounds[:-1], bounds[1:], strict=True)
    ]


def paths(folder: Path) -> list[Path]:
    """The finished shards of a folder, to give to `read`."""
    return [p.with_name(p.name.removesuffix(".index.npy")) for p in sorted(folder.glob("shard-*.index.npy"))]
