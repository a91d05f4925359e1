"""From pages on disk to batches of pictures and targets. Knows nothing of nets.

A crop is cut around a random character, at the page's own scale or, where that character is too large to be read there,
at a half, a quarter ... of it, a little larger or smaller, and its ink is varied.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from training.labels import READ, targets
from training.pages.shards import DEGRADED, Page, read
from vdr.encode.mini.cells import CELL

STRETCH = (0.8, 1.3)
"""How much smaller or larger than it is a page may be shown."""
DEGRADED_SHARE = 0.5
"""Of the degraded pages that are met, how many are used: the rest of the time goes to clean print."""

RARE_SHARE = 0.5
"""How often the middle of a crop is chosen among a page's large or bold characters alone."""

Example = tuple[Tensor, ...]


class Crops(IterableDataset[Example]):
    """An endless stream of `(pixels (1, h, w) uint8, *targets)`, as `Targets` lists them, the same for the same seed.

    Args:
        folders: Where the shards are.
        size: Height and width of a crop in pixels.
        seed: Of the stream; each loader process adds its number.
    """

    def __init__(self, folders: list[Path], size: tuple[int, int], seed: int) -> None:
        found = sorted(path for folder in folders for path in folder.glob("shard-*.index.npy"))
        self.paths = [path.with_name(path.name.removesuffix(".index.npy")) for path in found]
        if not self.paths:
            raise FileNotFoundError(f"no shards in {', '.join(map(str, folders))}; make some with training.make_pages")
        self.size, self.seed = size, seed

    def __iter__(self) -> Iterator[Example]:
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        while True:
            pages = [page for path in rng.choice(np.array(self.paths, object), 4) for page in read(path)]
            for index in rng.permutation(len(pages)):
                if pages[index].kind == DEGRADED and rng.random() >= DEGRADED_SHARE:
                    continue
                for _ in range(2):
                    yield crop(pages[index], self.size, rng)


def crop(page: Page, size: tuple[int, int], rng: np.random.Generator) -> Example:
    """Cut one example from a page."""
    height, width = size
    stretch = float(np.exp(rng.uniform(*np.log(STRETCH))))
    scale = stretch
    chars = page.chars
    if len(chars) and rng.random() < 0.95:
        rare = np.flatnonzero((chars["size"] * stretch > READ[1] * 0.7) | (chars["bold"] > 0))
        char = chars[rng.choice(rare) if len(rare) and rng.random() < RARE_SHARE else rng.integers(len(chars))]
        while char["size"] * scale > READ[1] * rng.uniform(0.7, 1):  # what is read on a smaller picture
            scale /= 2
        wide, high = width / scale, height / scale
        x = (char["x0"] + char["x1"]) / 2 - wide * rng.uniform(0.1, 0.9)
        y = char["y"] - high * rng.uniform(0.1, 0.9)
    else:
        x, y = rng.uniform(0, page.pixels.shape[1]), rng.uniform(0, page.pixels.shape[0])
    high, wide = round(height / scale), round(width / scale)
    left = int(np.clip(x, 0, max(page.pixels.shape[1] - wide, 0)))
    top = int(np.clip(y, 0, max(page.pixels.shape[0] - high, 0)))
    cut = np.asarray(page.pixels[top : top + high, left : left + wide])
    if cut.shape != (high, wide):
        edge = int(np.median(cut[:, -1])) if cut.size else 255
        full = np.full((high, wide), edge, np.uint8)
        full[: cut.shape[0], : cut.shape[1]] = cut
        cut = full
    if (high, wide) != (height, width):
        cut = np.asarray(Image.fromarray(cut).resize((width, height), Image.Resampling.BILINEAR))
    chars = chars.copy()
    sx, sy = width / wide, height / high
    for name, origin, factor in (("x0", left, sx), ("x1", left, sx), ("y", top, sy), ("size", 0, sy)):
        chars[name] = (chars[name] - origin) * factor
    reach = chars["size"]
    inside = (chars["x1"] > 0) & (chars["x0"] < width) & (chars["y"] > -reach) & (chars["y"] - reach < height)
    goal = targets(chars[inside], height // CELL, width // CELL)
    return (
        torch.from_numpy(_vary(cut, rng))[None],
        torch.from_numpy(goal.axis),
        torch.from_numpy(goal.place),
        torch.from_numpy(goal.characters),
        torch.from_numpy(goal.paths),
        torch.from_numpy(goal.spans),
        torch.from_numpy(goal.spelled),
    )


def _vary(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn light and dark around, shift tones, add grain: each only sometimes."""
    chance = rng.random(3)
    if chance[0] < 0.1:
        pixels = 255 - pixels
    if chance[1] < 0.3:
        low, high = rng.uniform(0, 90), rng.uniform(170, 255)
        tones = (np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.5, 0.5)) * (high - low) + low).astype(np.uint8)
        pixels = tones[pixels]
    if chance[2] < 0.15:
        noise = rng.normal(0, rng.uniform(2, 14), pixels.shape)
        pixels = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return pixels.copy()  # of its own, in one piece
