"""From the characters of a page to what the tower should say of each cell. Knows nothing of how pages are made.

The middle of a line runs `MIDDLE` em above its baseline. Cells near it are told by a target that falls from 1 on the
middle to 0 at one cell's distance, so that of the cells above each other the nearest wins. A character is named in the
frames at its centre; its other frames are blank; frames between and beside words are spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdr.encode.mini.alphabet import BLANK, SPACE, class_of
from vdr.encode.mini.cells import CELL, FRAME, FRAMES, MIDDLE

Characters: TypeAlias = NDArray[Any]
"""Structured rows `code, x0, x1, y, size, angle, word, line`, as `training.pages.shards` describes them."""

READ = (10.0, 32.0)
"""Sizes of print, em in pixels, that the tower reads; others are left to a larger or smaller picture of the page."""
SEEN = (7.0, 44.0)
"""Outside `READ` but within these, the tower may say what it likes; beyond, it must say that nothing is there."""
UPRIGHT = 5.0
"""Degrees that a baseline may be off."""
IGNORE = -1
REACH = 5.5
"""Pixels from the middle of a line within which a cell must name the line's characters."""
PIECES, LETTERS = 96, 128
"""Stretches of lines that a picture has at most, and their characters at most: what is more is not spelled out."""
WORD_GAP = 1.5
"""Words of a line that are farther apart, in em, are separate lines to the tower."""


@dataclass(frozen=True, slots=True)
class Targets:
    """What the tower should say of a picture of `rows x columns` cells.

    Attributes:
        axis: `(rows, columns)` float32 between 0 and 1; NaN where anything goes.
        place: `(2, rows, columns)` float32, NaN where there is no line.
        characters: `(rows, columns * FRAMES)` int64 classes, `IGNORE` where anything goes.
        paths: `(PIECES, columns)` int16, the row in which each piece of a line runs through each column, -1 for none.
        spans: `(PIECES, 2)` int16, the first frame of each piece and the one behind its last; equal for no piece.
        spelled: `(PIECES, LETTERS)` int16, each piece's classes, `SPACE` between its words, then `BLANK`s.
    """

    axis: NDArray[np.float32]
    place: NDArray[np.float32]
    characters: NDArray[np.int64]
    paths: NDArray[np.int16]
    spans: NDArray[np.int16]
    spelled: NDArray[np.int16]


@lru_cache(maxsize=10_000)
def _class(code: int) -> int:
    return class_of(chr(code))


def targets(characters: Characters, rows: int, columns: int) -> Targets:
    """Return the targets of a picture whose characters are given in its own pixels."""
    axis = np.zeros((rows, columns), np.float32)
    place = np.full((2, rows, columns), np.nan, np.float32)
    names = np.full((rows, columns * FRAMES), IGNORE, np.int64)
    upright = np.abs(characters["angle"]) <= UPRIGHT
    size = characters["size"]
    read = upright & (size >= READ[0]) & (size <= READ[1])
    lines = characters[read]
    codes = np.array([_class(code) for code in lines["code"].tolist()], np.int64)
    x0, x1, y, em = (lines[name].astype(np.float64) for name in ("x0", "x1", "y", "size"))
    y = y - MIDDLE * em
    gaps = _gaps(lines)
    every = (np.concatenate([x0, gaps[0]]), np.concatenate([x1, gaps[1]]), np.concatenate([y, gaps[2]]))
    size_of = np.concatenate([em, gaps[3]])
    what = np.concatenate([np.full(len(x0), BLANK), np.full(len(gaps[0]), SPACE)])

    item, column = _span(every[0] / CELL, every[1] / CELL)
    for offset in (-1, 0, 1):
        row = np.floor(every[2][item] / CELL).astype(np.int64) + offset
        below = every[2][item] - (row + 0.5) * CELL
        near = np.clip(1 - (np.abs(below) - 2) / 6, 0, 1)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns) & (near > 0)
        r, c = row[inside], column[inside]
        np.maximum.at(axis, (r, c), near[inside].astype(np.float32))
        place[0, r, c] = below[inside] / CELL
        place[1, r, c] = np.log2(size_of[item][inside] / CELL)

    left, right, middle = _ends(lines, y)
    _name(names, left, right, middle, SPACE)
    _name(names, every[0][what == SPACE], every[1][what == SPACE], every[2][what == SPACE], SPACE)
    _name(names, x0, x1, y, BLANK)
    centre, half = (x0 + x1) / 2, np.maximum(FRAME / 2, 0.15 * (x1 - x0))
    _name(names, centre - half, centre + half, y, codes)

    other = characters[upright & ~read & (size >= SEEN[0]) & (size <= SEEN[1])]
    item, column = _span(other["x0"] / CELL, other["x1"] / CELL)
    for offset in range(-3, 4):
        row = np.floor((other["y"][item] - MIDDLE * other["size"][item]) / CELL).astype(np.int64) + offset
        close = np.abs(offset) * CELL <= np.maximum(other["size"][item] * 0.6, CELL)
        inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns) & close
        r, c = row[inside], column[inside]
        free = axis[r, c] == 0
        axis[r[free], c[free]] = np.nan
    return Targets(axis, place, names, *_pieces(lines, codes, y, rows, columns))


def _pieces(
    lines: Characters, codes: NDArray[np.int64], y: NDArray[np.float64], rows: int, columns: int
) -> tuple[NDArray[np.int16], NDArray[np.int16], NDArray[np.int16]]:
    """Return the stretches of lines whose characters are all in the picture: paths, spans and spelling."""
    paths = np.full((PIECES, columns), -1, np.int16)
    spans = np.zeros((PIECES, 2), np.int16)
    spelled = np.full((PIECES, LETTERS), BLANK, np.int16)
    order = np.lexsort((lines["x0"], lines["line"]))
    x0, x1, em, word, line = (lines[name][order] for name in ("x0", "x1", "size", "word", "line"))
    y, codes = y[order], codes[order]
    shown = (x0 >= 0) & (x1 <= columns * CELL) & (y > 0) & (y < rows * CELL)
    apart = np.ones(len(order), bool)
    apart[1:] = (line[1:] != line[:-1]) | (x0[1:] - x1[:-1] > WORD_GAP * em[1:]) | ~shown[1:] | ~shown[:-1]
    starts = np.flatnonzero(apart)
    count = 0
    for start, stop in zip(starts, np.append(starts, len(order))[1:], strict=True):
        spaces = word[start + 1 : stop] != word[start : stop - 1]
        letters = np.insert(codes[start:stop], 1 + np.flatnonzero(spaces), SPACE)
        if not shown[start] or len(letters) > LETTERS or count == PIECES:
            continue
        frames = int(np.floor(x0[start] / FRAME)), int(np.ceil(x1[stop - 1] / FRAME))
        covered = np.arange(frames[0] // FRAMES, min(-(-frames[1] // FRAMES), columns))
        middle = np.interp((covered + 0.5) * CELL, (x0[start:stop] + x1[start:stop]) / 2, y[start:stop])
        paths[count, covered] = np.clip(middle // CELL, 0, rows - 1)
        spans[count] = frames[0], min(frames[1], columns * FRAMES)
        spelled[count, : len(letters)] = letters
        count += 1
    return paths, spans, spelled


def _gaps(lines: Characters) -> tuple[NDArray[np.float64], ...]:
    """Return `x0, x1, y, em` of the spaces between neighbouring words of a line."""
    order = np.lexsort((lines["x0"], lines["line"]))
    left, right = lines[order[:-1]], lines[order[1:]]
    gap = right["x0"] - left["x1"]
    space = (left["line"] == right["line"]) & (left["word"] != right["word"]) & (gap > 0)
    space &= gap <= WORD_GAP * np.maximum(left["size"], right["size"])
    left, right = left[space], right[space]
    em = np.minimum(left["size"], right["size"]).astype(np.float64)
    y = (left["y"].astype(np.float64) + right["y"]) / 2 - MIDDLE * em
    return left["x1"].astype(np.float64), right["x0"].astype(np.float64), y, em


def _ends(
    lines: Characters, y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return `x0, x1, y` of the empty stretches before and after each word; what is not empty is named later."""
    order = np.lexsort((lines["x0"], lines["word"]))
    word = lines["word"][order]
    first = np.ones(len(word), bool)
    first[1:] = word[1:] != word[:-1]
    last = np.roll(first, -1)
    before, after = order[first], order[last]
    reach = 2 * CELL
    x0 = np.concatenate([lines["x0"][before] - reach, lines["x1"][after]]).astype(np.float64)
    x1 = np.concatenate([lines["x0"][before], lines["x1"][after] + reach]).astype(np.float64)
    return x0, x1, np.concatenate([y[before], y[after]])


def _name(
    names: NDArray[np.int64],
    x0: NDArray[np.float64],
    x1: NDArray[np.float64],
    y: NDArray[np.float64],
    classes: NDArray[np.int64] | int,
) -> None:
    """Give the frames whose centres lie in `[x0, x1)` a class, in the rows near `y`."""
    item, frame = _span(x0 / FRAME, x1 / FRAME, centres=True)
    value = np.broadcast_to(np.asarray(classes), x0.shape)[item]
    for offset in (-1, 0, 1):
        row = np.floor(y[item] / CELL).astype(np.int64) + offset
        near = np.abs((row + 0.5) * CELL - y[item]) <= REACH
        inside = near & (row >= 0) & (row < names.shape[0]) & (frame >= 0) & (frame < names.shape[1])
        names[row[inside], frame[inside]] = value[inside]


def _span(
    start: NDArray[Any], stop: NDArray[Any], *, centres: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs (item, cell) of the cells each item covers, or of those whose centres it covers."""
    if centres:
        first = np.ceil(start - 0.5).astype(np.int64)
        count = np.maximum(np.ceil(stop - 0.5).astype(np.int64) - first, 0)
    else:
        first = np.floor(start).astype(np.int64)
        count = np.maximum(np.ceil(stop).astype(np.int64) - first, 1)
    item = np.repeat(np.arange(len(first)), count)
    step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return item, first[item] + step
