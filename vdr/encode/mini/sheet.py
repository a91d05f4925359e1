"""What is on a page, without its blank parts: these are laid on a sheet as small as can be. Knows nothing of words.

A page is cut through blank rows and columns in turn. A net that reads the parts on one sheet does so in one go, which
is sooner done than part by part, each of another size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import label

from vdr.encode.mini.cells import CELL
from vdr.types import Ints

CUTS = 5
"""How often a page is cut through blank rows or columns, in turn."""
CONTRAST = 24
"""Difference of grey within a cell, of 255, below which it counts as blank."""
BESIDE, BELOW = 1, 1
"""Cells of the page around a part that come with it, on its left and right, and below it: they keep parts apart."""
WIDTHS = (1.0, 1.25, 1.5)
"""Widths of a sheet that are tried, in widths of its widest part."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Parts of a page, side by side.

    Attributes:
        pixels: `(height, width)` grey, sides multiples of a cell; white where no part is.
        part: `(height / CELL, width / CELL)` which part each cell is of, -1 for none.
        shift: `(n_parts, 2)` how far right and down of its place on the sheet each part is on the page, in pixels.
    """

    pixels: NDArray[np.uint8]
    part: Ints
    shift: Ints

    @classmethod
    def of(cls, grey: NDArray[np.uint8], least: int = 1) -> Sheet | None:
        """Return the sheet of a page, or nothing if the page is blank.

        Args:
            grey: The page.
            least: Cells side by side with ink in them, below which they count as blank.
        """
        height, width = grey.shape
        high, wide = -(-height // CELL), -(-width // CELL)
        beside, below = BESIDE * CELL, BELOW * CELL
        page = np.pad(grey, ((0, high * CELL - height + below), (beside, wide * CELL - width + beside)), mode="edge")
        boxes = np.array(list(_split(inked(page[: high * CELL, beside : beside + wide * CELL], least), 0, 0, CUTS)))
        if not len(boxes):
            return None
        top, left, bottom, right = boxes.T
        sizes = np.stack([bottom - top + BELOW, right - left + 2 * BESIDE], axis=1)
        places, rows, columns = _laid(sizes)
        pixels = np.full((rows * CELL, columns * CELL), 255, np.uint8)
        part = np.full((rows, columns), -1, np.int32)
        for number, ((y, x), (up, to_left), (h, w)) in enumerate(
            zip(places.tolist(), boxes[:, :2].tolist(), sizes.tolist(), strict=True)
        ):
            part[y : y + h, x : x + w] = number
            own = page[up * CELL : (up + h) * CELL, to_left * CELL : (to_left + w) * CELL]
            pixels[y * CELL : (y + h) * CELL, x * CELL : (x + w) * CELL] = own
        shift = np.stack([left - BESIDE - places[:, 1], top - places[:, 0]], axis=1) * CELL
        return cls(pixels, part, shift.astype(np.int32))


def inked(page: NDArray[np.uint8], least: int = 1) -> NDArray[np.bool_]:
    """Return which cells have something in them, `(height / CELL, width / CELL)`."""
    rows = page.reshape(page.shape[0] // CELL, CELL, page.shape[1])
    lightest, darkest = (extreme.reshape(len(rows), -1, CELL) for extreme in (rows.max(axis=1), rows.min(axis=1)))
    marked: NDArray[np.bool_] = lightest.max(axis=2).astype(np.int16) - darkest.min(axis=2) > CONTRAST
    if least > 1:
        blots, count = label(marked, structure=np.ones((3, 3)))
        marked &= (np.bincount(blots.ravel(), minlength=count + 1) >= least)[blots]
    return marked


def _split(marked: NDArray[np.bool_], top: int, left: int, cuts: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield boxes around the ink, parted by blank rows and columns in turn: top, left, bottom, right."""
    at = np.flatnonzero(marked.any(axis=1 if cuts % 2 else 0))
    if not len(at):
        return
    breaks = np.flatnonzero(np.diff(at) > 1)
    for first, last in zip(at[np.append(0, breaks + 1)], at[np.append(breaks, len(at) - 1)], strict=True):
        part = marked[first : last + 1] if cuts % 2 else marked[:, first : last + 1]
        y, x = (top + int(first), left) if cuts % 2 else (top, left + int(first))
        if cuts:
            yield from _split(part, y, x, cuts - 1)
        else:
            yield y, x, y + part.shape[0], x + part.shape[1]


def _laid(sizes: Ints) -> tuple[Ints, int, int]:
    """Lay boxes on a sheet, the highest first, each where it comes to lie highest.

    Args:
        sizes: `(n, 2)` height and width of each.

    Returns:
        Row and column of each, `(n, 2)`, and the sheet's rows and columns.
    """
    widest, area = int(sizes[:, 1].max()), int(sizes.prod(axis=1).sum())
    tried = {max(widest, round(factor * widest)) for factor in WIDTHS} | {max(widest, round(1.1 * area**0.5))}
    return min((_laid_within(sizes, columns) for columns in sorted(tried)), key=lambda laid: laid[1] * laid[2])


def _laid_within(sizes: Ints, columns: int) -> tuple[Ints, int, int]:
    """Lay boxes on a sheet of so many columns."""
    places = np.zeros_like(sizes)
    filled = np.zeros(columns, np.int64)  # rows, by column
    for index in np.lexsort((-sizes[:, 1], -sizes[:, 0])).tolist():
        high, wide = sizes[index].tolist()
        tops = sliding_window_view(filled, wide).max(axis=1)
        column = int(tops.argmin())
        places[index] = tops[column], column
        filled[column : column + wide] = tops[column] + high
    return places, int(filled.max()), columns
