"""Where the image tokens of a processed page lie on it. Knows the processors' batches, no model.

Every processor stretches the page, or the part of it in a tile, to fill its grid, so a cell covers the same share
of the grid and of the page, whatever the page's shape.
"""

from __future__ import annotations

import re
from itertools import pairwise
from math import isqrt
from typing import TYPE_CHECKING

import numpy as np

from vdr.errors import EncoderError
from vdr.types import Floats

if TYPE_CHECKING:
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import BatchFeature

_TILE = re.compile(r"<row_(\d+)_col_(\d+)>")
_WHOLE_PAGE = "<global-img>"


def grid_boxes(rows: int, cols: int) -> Floats:
    """Return the `(rows * cols, 4)` page fractions of the cells of a grid, row by row.

    >>> grid_boxes(1, 2).tolist()
    [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]]
    """
    x = np.linspace(0, 1, cols + 1, dtype=np.float32)
    y = np.linspace(0, 1, rows + 1, dtype=np.float32)
    left, top = np.meshgrid(x[:-1], y[:-1])
    right, bottom = np.meshgrid(x[1:], y[1:])
    return np.stack([left, top, right, bottom], axis=-1).reshape(-1, 4)


def merged_grid(processor: Processor, batch: BatchFeature) -> list[Floats]:
    """Qwen-VL: the page is stretched to whole patches, of which squares of `merge_size` make one token."""
    merge = processor.image_processor.merge_size
    return [grid_boxes(rows // merge, cols // merge) for _, rows, cols in batch["image_grid_thw"].tolist()]


def square_grid(processor: Processor, batch: BatchFeature) -> list[Floats]:
    """PaliGemma and Gemma 3: the page is squeezed into one square of as many rows as columns.

    Raises:
        EncoderError: The number of tokens is no square.
    """
    side = _side(processor.image_seq_length)
    return [grid_boxes(side, side)] * len(batch["input_ids"])


def tiles(processor: Processor, batch: BatchFeature) -> list[Floats]:
    """Idefics3 and ModernVBERT: the page is cut into square tiles, each named by a token before its own tokens.

    A last tile shows the whole page once more. Its tokens have no place beside the finer ones, but are the only
    ones of a page that is not cut.

    Raises:
        EncoderError: The tiles do not tell where they lie, or do not make up one page.
    """
    side = _side(processor.image_seq_len)
    return [_tile_places(_tile_names(processor, ids), side) for ids in batch["input_ids"].tolist()]


def _tile_names(processor: Processor, ids: list[int]) -> list[str]:
    """Return the token that stands before each run of image tokens."""
    tokens = processor.tokenizer.convert_ids_to_tokens(ids)
    image = processor.image_token
    return [before for before, token in pairwise(tokens) if token == image != before]


def _tile_places(names: list[str], side: int) -> Floats:
    """Return the `(len(names) * side**2, 4)` boxes of the tokens of named tiles.

    >>> _tile_places(["<row_1_col_1>", "<row_1_col_2>", "<global-img>"], 1).tolist()
    [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]
    """
    found = [(int(tile[1]), int(tile[2])) for tile in map(_TILE.fullmatch, names) if tile]
    rows, cols = (max(ends) for ends in zip(*found, strict=True)) if found else (0, 0)
    expected = [f"<row_{row}_col_{col}>" for row in range(1, rows + 1) for col in range(1, cols + 1)]
    if names != [*expected, _WHOLE_PAGE]:
        raise EncoderError(
            f"A page was cut into the tiles {' '.join(names) or 'none'}, which is no grid, so no vector could be "
            "placed: the processor does not fit the model."
        )
    if not found:
        return grid_boxes(side, side)
    # (rows, side, cols, side, 4), the page row by row -> tile by tile
    fine = grid_boxes(rows * side, cols * side).reshape(rows, side, cols, side, 4).transpose(0, 2, 1, 3, 4)
    return np.concatenate([fine.reshape(-1, 4), np.zeros((side * side, 4), np.float32)])


def _side(tokens: int) -> int:
    """Return the side of a square of tokens."""
    side = isqrt(tokens)
    if side * side != tokens:
        raise EncoderError(f"{tokens} image tokens make no square, so no vector could be placed.")
    return side
