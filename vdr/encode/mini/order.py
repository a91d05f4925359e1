"""The order in which the words of a page are read. Knows only their boxes and lines.

Recursive cuts through white space (XY-cut, Nagy & Seth 1984): columns of prose are parted from top to bottom, anything
else is read row by row, so that the numbers of a table stay with the words of their row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vdr.encode.mini.reading import Word

COLUMN_GAP = 0.7
"""White space between columns, at least, in em."""
PROSE = 3.0
"""Words that a line of a column of prose has at least, on average."""

_Boxes = NDArray[np.float64]


def in_reading_order(words: Sequence[Word]) -> list[Word]:
    """Return the words of a page in reading order."""
    lines: dict[int, list[Word]] = {}
    for word in words:
        lines.setdefault(word.line, []).append(word)
    pieces = [sorted(line, key=lambda word: word.box[0]) for line in lines.values()]
    if not pieces:
        return []
    boxes = np.array(
        [
            (
                piece[0].box[0],
                np.mean([word.box[1] for word in piece]),
                max(word.box[2] for word in piece),
                np.mean([word.box[3] for word in piece]),
            )
            for piece in pieces
        ]
    )
    counts = np.array([len(piece) for piece in pieces])
    return [word for index in _ordered(np.arange(len(pieces)), boxes, counts) for word in pieces[index]]


def _ordered(chosen: NDArray[np.intp], boxes: _Boxes, counts: NDArray[np.integer]) -> list[int]:
    if len(chosen) < 2:
        return [int(index) for index in chosen]
    em = float(np.median(boxes[chosen, 3] - boxes[chosen, 1])) / 1.1
    cut, gap = _widest_gap(boxes[chosen, 0], boxes[chosen, 2])
    if gap >= COLUMN_GAP * em:
        left = boxes[chosen, 0] < cut
        sides = (chosen[left], chosen[~left])
        if all(len(side) > 1 and counts[side].mean() >= PROSE for side in sides):
            return [index for side in sides for index in _ordered(side, boxes, counts)]
    cut, gap = _widest_gap(boxes[chosen, 1], boxes[chosen, 3])
    if gap > 0:
        above = boxes[chosen, 1] < cut
        return _ordered(chosen[above], boxes, counts) + _ordered(chosen[~above], boxes, counts)
    return _rows(chosen, boxes)


def _widest_gap(starts: NDArray[np.floating], ends: NDArray[np.floating]) -> tuple[float, float]:
    """Return the middle and width of the widest stretch that no interval covers; width 0 or less for none."""
    order = np.argsort(starts)
    starts, reached = starts[order], np.maximum.accumulate(ends[order])
    gaps = starts[1:] - reached[:-1]
    widest = int(gaps.argmax())
    return float(starts[widest + 1] + reached[widest]) / 2, float(gaps[widest])


def _rows(chosen: NDArray[np.intp], boxes: _Boxes) -> list[int]:
    """Read line pieces that no white space parts: those of about one height are one row."""
    middles = (boxes[chosen, 1] + boxes[chosen, 3]) / 2
    heights = boxes[chosen, 3] - boxes[chosen, 1]
    order = np.argsort(middles)
    row = np.zeros(len(chosen), int)
    current, start = 0, order[0]
    for index in order[1:]:
        if middles[index] - middles[start] > 0.5 * min(heights[index], heights[start]):
            current, start = current + 1, index
        row[index] = current
    return [int(index) for index in chosen[np.lexsort((boxes[chosen, 0], row))]]
