"""Which word each token of a text belongs to, and long texts in windows. Knows nothing of models."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vdr.types import Ints

PIECE = 100
"""A run of non-space longer than this many characters is read in pieces: tokenizers give up on longer words."""

_PIECES = re.compile(rf"\S{{1,{PIECE}}}")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a text that fits a model's length.

    Attributes:
        start: Character offset of the stretch in the text.
        end: Character offset behind it.
        keep_from: Vectors of characters before this offset come from the window before this one.
        keep_to: Vectors of characters from this offset on come from the window after this one.
    """

    start: int
    end: int
    keep_from: int
    keep_to: int


def word_starts(text: str) -> list[int]:
    """Return the character offset of each word of `text.split()`."""
    return [match.start() for match in re.finditer(r"\S+", text)]


def words_at(starts: Sequence[int], offsets: Sequence[int]) -> Ints:
    """Return the index of the word at each character offset."""
    return np.array([bisect_right(starts, offset) - 1 for offset in offsets], np.int32)


def windows(text: str, token_starts: Sequence[int], length: int, overlap: int) -> list[Window]:
    """Cut a text into windows of at most `length` tokens that share about `overlap` tokens with the next.

    A shared stretch is kept from the window in which it has more context: its first half from the earlier one, its
    second half from the later one. Cuts fall between words (or pieces of an overlong one).

    Args:
        text: The text.
        token_starts: Character offset of each token of the text, rising.
        length: Tokens a window may hold.
        overlap: Tokens that neighbours share, less than half of `length`.
    """
    if len(token_starts) <= length:
        return [Window(0, len(text), 0, len(text))]
    pieces = [match.start() for match in _PIECES.finditer(text)]
    piece_of = [bisect_right(pieces, start) - 1 for start in token_starts]
    first_token = {piece: token for token, piece in reversed(list(enumerate(piece_of)))}
    found: list[Window] = []
    begin = 0  # token index
    while True:
        stop = begin + length
        if stop >= len(token_starts):
            last = found[-1] if found else None
            found.append(Window(token_starts[begin], len(text), last.keep_to if last else 0, len(text)))
            return found
        stop = max(first_token[piece_of[stop]], begin + 1)
        next_begin = max(first_token[piece_of[stop - overlap]], begin + 1)
        middle = token_starts[first_token[piece_of[(stop + next_begin) // 2]]]
        keep_from = found[-1].keep_to if found else 0
        found.append(Window(token_starts[begin], token_starts[stop], keep_from, max(middle, keep_from)))
        begin = next_begin


def place_tokens(ids: Sequence[int], content: Sequence[int], starts: Sequence[int]) -> Ints:
    """Return the character offset of each token of a model's input, -1 for tokens that are not of the text.

    A model's input is the text's tokens with special tokens, prefixes and padding around them, maybe cut off; they
    are found where most of them agree.

    >>> place_tokens([101, 1, 7, 8, 102, 0], content=[7, 8], starts=[0, 4]).tolist()
    [-1, -1, 0, 4, -1, -1]
    """
    given, wanted = np.asarray(ids), np.asarray(content)
    placed = np.full(len(given), -1, np.int32)
    best = 0
    for shift in range(len(given)):
        stretch = given[shift : shift + len(wanted)]
        agree = stretch == wanted[: len(stretch)]
        if agree.sum() > best:
            best = int(agree.sum())
            placed[:] = -1
            placed[shift : shift + len(stretch)][agree] = np.asarray(starts, np.int32)[: len(stretch)][agree]
        if best == len(wanted):
            break
    return placed
