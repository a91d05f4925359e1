"""The text of a page: its text layer, and what was read on its picture where that says nothing. Pure functions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vdr.types import Floats, Reading, Unit

COVERED = 0.2
"""Share of a read word's box that words of the text layer may cover, and it still is none of theirs."""
PLACED = 0.5
"""Share of the text layer's words whose place must be known, to tell what else there is."""
_AT_ONCE = 256


def completed(unit: Unit, reading: Reading) -> Unit:
    """Return a page with the words that were read where its text layer has none, behind those that it has.

    So a scan has text, a stamped scan more than the stamp, and a chart or screenshot in a report its labels.

    Args:
        unit: A page.
        reading: What an encoder read on its picture.
    """
    if not unit.text:
        extra = np.arange(len(reading.words))
    elif unit.boxes is None or unit.boxes.any(axis=1).mean() < PLACED:
        return unit
    else:
        extra = np.flatnonzero(_covered(reading.boxes, unit.boxes) < COVERED)
    if not len(extra):
        return unit
    read, places = " ".join(reading.words[index] for index in extra), reading.boxes[extra]
    if not unit.text or unit.boxes is None:
        return replace(unit, text=read, boxes=places, read_from=0)
    boxes = np.concatenate([unit.boxes, places])
    return replace(unit, text=f"{unit.text}\n{read}", boxes=boxes, read_from=len(unit.boxes))


def _covered(boxes: Floats, others: Floats) -> NDArray[np.float64]:
    """Return which share of each box `(n,)` other boxes cover; more than 1 where these lie over each other."""
    left, top, right, bottom = others.T.astype(np.float64)
    shares = []
    for first in range(0, len(boxes), _AT_ONCE):
        x0, y0, x1, y1 = boxes[first : first + _AT_ONCE].T[..., None].astype(np.float64)
        wide, high = np.minimum(x1, right) - np.maximum(x0, left), np.minimum(y1, bottom) - np.maximum(y0, top)
        areas = ((x1 - x0) * (y1 - y0))[:, 0]
        shares.append((wide.clip(0) * high.clip(0)).sum(axis=1) / np.maximum(areas, 1e-12))
    return np.concatenate(shares) if shares else np.zeros(0)
