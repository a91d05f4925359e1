"""From the tower's cells to words with their places. Knows nothing of torch, pages or vectors.

Of the cells above each other the one nearest to a line's middle speaks; cells side by side make a line; along a line
the frames' characters, blanks and repetitions removed, spell words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from vdr.encode.mini.alphabet import BLANK, CHARACTERS, CLASSES, FIRST, SPACE, UNKNOWN
from vdr.encode.mini.cells import CELL, FRAME, FRAMES
from vdr.types import Floats, Ints

AXIS = 0.0
"""Logit above which a cell may be on a line's middle."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a picture that lines of text run through, line by line, from left to right.

    Attributes:
        row: `(n,)`.
        column: `(n,)`.
        line: `(n,)` which line a cell is of, from 1.
    """

    row: Ints
    column: Ints
    line: Ints


@dataclass(frozen=True, slots=True)
class Word:
    """A word as read.

    Attributes:
        text: Its characters, folded.
        box: Left, top, right, bottom in pixels of the picture.
        size: Em in pixels.
        line: Which line it is of.
        sure: The mean probability of its characters.
        spelling: `(n_characters, CLASSES)` the probabilities of each character.
    """

    text: str
    box: tuple[float, float, float, float]
    size: float
    line: int
    sure: float
    spelling: Floats


def find_cells(axis: Floats) -> Cells:
    """Return the cells on the middle of a line.

    Args:
        axis: `(rows, columns)` logits.
    """
    up = np.full_like(axis, -np.inf)
    down = np.full_like(axis, -np.inf)
    up[1:], down[:-1] = axis[:-1], axis[1:]
    lines, _ = label((axis > AXIS) & (axis >= up) & (axis > down), structure=np.ones((3, 3)))
    row, column = np.nonzero(lines)
    line = lines[row, column]
    order = np.lexsort((-axis[row, column], column, line))
    found: Ints = np.stack([row, column, line])[:, order].astype(np.int32)
    row, column, line = found
    single = np.ones(len(line), bool)  # a line has one cell a column: the likelier one
    single[1:] = (line[1:] != line[:-1]) | (column[1:] != column[:-1])
    return Cells(row[single], column[single], line[single])


def spell(cells: Cells, place: Floats, characters: Floats) -> list[Word]:
    """Return the words that run through cells.

    Args:
        cells: Of a picture, as `find_cells` returns them.
        place: `(n, 2)` the line's middle below each cell's centre, in cells; log2 of the em in cells.
        characters: `(n, FRAMES, CLASSES)` probabilities.
    """
    if not len(cells.row):
        return []
    chances = characters.reshape(-1, CLASSES)
    best = chances.argmax(axis=1)
    sure = chances[np.arange(len(best)), best]
    line = np.repeat(cells.line, FRAMES)
    column = np.repeat(cells.column, FRAMES)
    x = (column * FRAMES + np.tile(np.arange(FRAMES), len(cells.column))) * FRAME
    middle = (cells.row + 0.5 + place[:, 0]) * CELL
    em = CELL * np.exp2(place[:, 1])

    apart = np.ones(len(best), bool)  # another line, or a gap in the columns, parts words as a space does
    apart[1:] = (line[1:] != line[:-1]) | (column[1:] > column[:-1] + 1)
    starts = np.flatnonzero(apart | np.append(True, best[1:] != best[:-1]))
    kind = best[starts]
    peaks = _peaks(sure, starts)
    number = np.cumsum(apart[starts] | (kind == SPACE))
    in_word = (kind != SPACE) & (kind != BLANK)
    if not in_word.any():
        return []
    names, letters, number = kind[in_word], peaks[in_word], number[in_word]
    begins = np.flatnonzero(np.diff(number, prepend=-1))
    ends = np.append(begins[1:], len(letters))
    first, last = letters[begins], letters[ends - 1]
    size = _means(em, first // FRAMES, last // FRAMES + 1)
    centre = _means(middle, first // FRAMES, last // FRAMES + 1)
    left, right = x[first] - 0.25 * size, x[last] + 0.25 * size + FRAME
    boxes = np.stack([left, centre - 0.55 * size, right, centre + 0.55 * size], axis=1)
    mean_sure = _means(sure[letters], begins, ends)
    words: list[Word] = []
    for index, (begin, end) in enumerate(zip(begins.tolist(), ends.tolist(), strict=True)):
        text = "".join([CHARACTERS[name - FIRST] for name in names[begin:end].tolist() if name > UNKNOWN])
        if text:
            words.append(
                Word(
                    text=text,
                    box=tuple(boxes[index].tolist()),
                    size=float(size[index]),
                    line=int(line[first[index]]),
                    sure=float(mean_sure[index]),
                    spelling=chances[letters[begin:end]],
                )
            )
    return words


def _means(values: Floats, begins: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean of each stretch of values, from its begin to before its end."""
    sums = np.append(0, np.cumsum(values, dtype=np.float64))
    means: NDArray[np.float64] = (sums[ends] - sums[begins]) / (ends - begins)
    return means


def _peaks(sure: Floats, starts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each run of frames, from its start to the next one, is surest; the first such frame."""
    run = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(sure))))
    top = np.flatnonzero(sure == np.maximum.reduceat(sure, starts)[run])
    return top[np.flatnonzero(np.diff(run[top], prepend=-1))]
