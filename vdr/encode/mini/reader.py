"""The reader: page images to words with their places. Knows nothing of meaning, queries or storage.

The page is read as it is, then what is left of it at half and at a quarter of its size, so that headings are as legible
as small print; where two readings overlap the surer one stays. Blank parts are not looked at. A page on which little
can be read is turned by 90, 270 and 180 degrees, and read as it reads best.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from vdr.encode.mini.cells import CELL
from vdr.encode.mini.eight_bits import EightBits, whole_numbers
from vdr.encode.mini.network import Tower, fused, tower_of
from vdr.encode.mini.order import in_reading_order
from vdr.encode.mini.reading import Word, find_cells, spell
from vdr.encode.mini.sheet import Sheet, inked
from vdr.types import Floats

HALVINGS = 3
"""Pictures of a page: each half as large as the one before."""
REST = 2
"""Cells side by side that ink on a smaller picture covers at least to be looked at: less is a comma or a tail of a word
that has been read."""
SURE = 0.5
"""Words whose characters are less probable than this on average are not words."""
LARGE = 26.0
"""Em in pixels above which print is read on the next smaller picture as well: the surer reading stays."""
TOO_LARGE = 29.0
"""Em in pixels above which it is read there alone."""
ERASE = 0.85
"""A word as sure as this needs no second look on a smaller picture."""
SMALL = 20.0
"""Em in pixels below which a word gets none: half of it is less than what is read."""
UPRIGHT = 0.7
"""A page of whose letters at least this share is in sure words stands upright. Of made pages, clean
ones had .83 to .96, and .54 at most upside down."""
LEGIBLE = 20
"""Letters in sure words that the probes of a turned page have at least."""
PROBES, PROBE = 4, 512
"""How many parts of a page are probed for how it is turned, and their largest side in pixels."""
OVERLAP = 0.3
"""Share of a word's box that may be covered by a surer word."""
CHUNK = 256
"""Words that are held against the surer ones at once."""


class Reader:
    """Reads words from pages.

    Args:
        weights: The tower's weights, a safetensors file.
        device: Where it runs.
        dtype: What it computes with.
    """

    def __init__(self, weights: Path, device: torch.device, dtype: torch.dtype) -> None:
        from safetensors.torch import load_file

        state = {name: value.float() for name, value in load_file(weights).items()}
        ranges = state.pop("ranges", None)
        tower = fused(tower_of(state).eval()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.device, self._dtype = device, dtype
        self._tower: Tower | EightBits
        if ranges is not None and device.type == "cpu" and (top := whole_numbers(dtype)):
            self._tower = EightBits(tower, ranges, top)
        else:
            self._tower = tower.to(device, dtype)

    def read(self, image: Image.Image) -> list[Word]:
        """Return the words of a page, in reading order, in pixels of the image."""
        grey = np.asarray(image.convert("L"))
        words = self._read(grey)
        letters = sum(len(word.text) for word in words)
        if legible(words) >= UPRIGHT * letters:
            return words
        turns = self._turns(grey)
        if not turns:
            return words
        return [_turned(word, turns, grey.shape[0], grey.shape[1]) for word in self._read(np.rot90(grey, turns))]

    def _turns(self, grey: NDArray[np.uint8]) -> int:
        """Return how many quarter turns counterclockwise make a page legible, judged by its most inked places."""
        probes = _probes(grey)
        scores = [sum(legible(self._look(np.rot90(probe, turns))) for probe in probes) for turns in range(4)]
        best = int(np.argmax(scores))
        return best if scores[best] > 2 * scores[0] and scores[best] >= LEGIBLE else 0

    def _read(self, grey: NDArray[np.uint8]) -> list[Word]:
        words: list[Word] = []
        for halving in range(HALVINGS):
            if halving:
                if min(grey.shape) < 4 * CELL:
                    break
                grey = np.asarray(Image.fromarray(grey).reduce(2))
            sheet = Sheet.of(grey, REST if halving else 1)
            if not sheet:
                break
            largest = TOO_LARGE if halving < HALVINGS - 1 else np.inf
            read = (word for word in self._look(sheet.pixels) if word.sure >= SURE and word.size <= largest)
            found = list(_on_page(read, sheet, lines=max((word.line for word in words), default=0)))
            grey = _without(grey, found)
            words += [_enlarged(word, 2**halving) for word in found] if halving else found
        return in_reading_order(surest(words))

    @torch.inference_mode()
    def _look(self, grey: NDArray[np.uint8]) -> list[Word]:
        ink = torch.from_numpy(255 - grey)[None, None]
        if isinstance(self._tower, Tower):
            ink = ink.to(self.device, self._dtype).div_(255).contiguous(memory_format=torch.channels_last)
        features, axis, place = self._tower(ink)
        cells = find_cells(axis[0].float().cpu().numpy())
        at = torch.from_numpy(cells.row).long(), torch.from_numpy(cells.column).long()
        characters = self._tower.name(features[0][:, at[0], at[1]].T).float().softmax(-1)
        return spell(cells, _numpy(place[0][:, at[0], at[1]].T), _numpy(characters))


def _numpy(values: torch.Tensor) -> Floats:
    result: Floats = values.float().cpu().numpy()
    return result


def legible(words: list[Word]) -> int:
    """Return how many letters are in words that were surely read."""
    return sum(len(word.text) for word in words if word.sure >= ERASE and len(word.text) > 2)


def _probes(grey: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return those squares of a page, sides multiples of a cell, that have the most in them."""
    whole = grey[: grey.shape[0] // CELL * CELL, : grey.shape[1] // CELL * CELL]
    corners = [(y, x) for y in range(0, whole.shape[0], PROBE) for x in range(0, whole.shape[1], PROBE)]
    squares = [whole[y : y + PROBE, x : x + PROBE] for y, x in corners]
    return sorted(squares, key=lambda square: -int(inked(square).sum()))[:PROBES]


def _turned(word: Word, turns: int, height: int, width: int) -> Word:
    """Return a word of a page that was turned counterclockwise where it lies on the page as it was."""
    x0, y0, x1, y1 = word.box
    if turns == 1:
        box = (width - y1, x0, width - y0, x1)
    elif turns == 2:
        box = (width - x1, height - y1, width - x0, height - y0)
    else:
        box = (y0, height - x1, y1, height - x0)
    return replace(word, box=box)


def _without(grey: NDArray[np.uint8], words: list[Word]) -> NDArray[np.uint8]:
    """Return a page without the words that its smaller picture would not show better, so that it is blank there."""
    grey = grey.copy()
    for word in words:
        if word.size < SMALL or (word.size <= LARGE and word.sure >= ERASE and len(word.text) > 1):
            left, top, right, bottom = (max(round(side), 0) for side in word.box)
            strip = grey[top:bottom, left:right]
            if strip.size:
                strip[:] = strip[0, 0]  # the ground it is printed on
    return grey


def _on_page(words: Iterable[Word], sheet: Sheet, lines: int) -> Iterator[Word]:
    """Yield words of a sheet where they lie on the page.

    Args:
        words: As read.
        sheet: Of the page. A line that runs over two of its parts is two.
        lines: How many lines there are already.
    """
    rows, columns = sheet.part.shape
    for word in words:
        x0, y0, x1, y1 = word.box
        row, column = int((y0 + y1) / 2) // CELL, int((x0 + x1) / 2) // CELL
        part = int(sheet.part[min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)])
        if part >= 0:
            right, down = sheet.shift[part].tolist()
            line = lines + 1 + word.line * len(sheet.shift) + part
            yield replace(word, box=(x0 + right, y0 + down, x1 + right, y1 + down), line=line)


def _enlarged(word: Word, scale: int) -> Word:
    x0, y0, x1, y1 = (side * scale for side in word.box)
    return replace(word, box=(x0, y0, x1, y1), size=word.size * scale)


def surest(words: list[Word]) -> list[Word]:
    """Return the words without those that surer ones lie over."""
    order = sorted(range(len(words)), key=lambda index: -words[index].sure * min(len(words[index].text), 4) ** 0.25)
    boxes = np.array([words[index].box for index in order], np.float32).reshape(-1, 4)
    kept = np.ones(len(order), bool)
    for index, rival in _over_each_other(boxes):
        kept[index] &= not kept[rival]
    return [words[index] for index, keep in zip(order, kept, strict=True) if keep]


def _over_each_other(boxes: Floats) -> Iterator[tuple[int, int]]:
    """Yield which boxes `(n, 4)` lie over one before them, as both their numbers, the first one rising."""
    left, top, right, bottom = boxes.T
    areas = (right - left) * (bottom - top)
    for first in range(0, len(boxes), CHUNK):
        rows = slice(first, first + CHUNK)
        before = slice(0, first + CHUNK)
        wide = np.minimum(right[rows, None], right[before]) - np.maximum(left[rows, None], left[before])
        high = np.minimum(bottom[rows, None], bottom[before]) - np.maximum(top[rows, None], top[before])
        common = wide.clip(0) * high.clip(0)
        over = common > OVERLAP * np.minimum(areas[rows, None], areas[before])
        for index, rival in np.argwhere(np.tril(over, first - 1)).tolist():
            yield first + index, rival
