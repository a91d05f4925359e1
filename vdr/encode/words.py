"""Which word each token of a text belongs to, and long texts in windows. Knows nothing of models.

What a tokenizer itself gives up on stays lost: WordPiece makes a single unknown token of a word of more than 100
characters, which has a vector and its place, but no meaning.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vdr.types import Ints

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PIECE = 100
"""A run of non-space longer than this many characters may be cut by a window."""

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
    """Return the index of the word at each character offset, -1 for negative offsets."""
    return np.array([bisect_right(starts, offset) - 1 for offset in offsets], np.int32)


def words_of(text: str, offsets: Sequence[int]) -> Ints:
    """Return the index of the word of `text` at each character offset, -1 for spaces and negative offsets.

    >>> words_of("a  bc", [-1, 0, 2, 3, 4]).tolist()
    [-1, 0, -1, 1, 1]
    """
    return words_at(word_starts(text), [-1 if offset >= 0 and text[offset].isspace() else offset for offset in offsets])


def read_tokens(tokenizer: PreTrainedTokenizerBase, text: str, prefix: str = "") -> tuple[list[int], list[int]]:
    """Return the tokens of a whole text, special ones included, and the character of `text` where each begins.

    Tokenizers differ in whether the space before a word is the word's first token's; here it never is. The
    offset is -1 for tokens of the prefix and for special tokens.

    Args:
        tokenizer: A fast one, which knows where in a string its tokens lie.
        text: The text.
        prefix: What the model reads before it; it may change how the text's first word is cut.
    """
    whole = prefix + text
    encoded = tokenizer(whole, return_offsets_mapping=True, verbose=False)
    starts = []
    for start, end in encoded["offset_mapping"]:
        start = max(start, len(prefix))
        ink = len(whole[start:end].lstrip())
        starts.append((end - ink if ink else start) - len(prefix) if start < end else -1)
    return list(encoded["input_ids"]), starts


def find_text(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], text: str) -> Ints:
    """Return where in a text each token of a prompt begins, -1 for those of what a template puts around it.

    What stands before the text may change how its first word is cut, so it is looked for behind nothing, a space
    and a new line; the first word's tokens stay unplaced where none of these is it.
    """
    found = [place_tokens(ids, *read_tokens(tokenizer, text, before)) for before in ("", " ", "\n")]
    return max(found, key=lambda placed: int((placed >= 0).sum()))


def windows(text: str, token_starts: Sequence[int], length: int, overlap: int) -> list[Window]:
    """Cut a text into windows of at most `length` tokens that share about `overlap` tokens with the next.

    A shared stretch is kept from the window in which it has more context: its first half from the earlier one, its
    second half from the later one. Cuts fall between words (or pieces of an overlong one) where a window holds more
    than one.

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

    def cut(token: int) -> int:
        """Return the first token of the piece that `token` belongs to, or `token` if that would leave no window."""
        first = first_token[piece_of[token]]
        return first if first > begin else token

    found: list[Window] = []
    begin = 0  # token index
    while True:
        stop = begin + length
        if stop >= len(token_starts):
            last = found[-1] if found else None
            found.append(Window(token_starts[begin], len(text), last.keep_to if last else 0, len(text)))
            return found
        stop = cut(stop)
        next_begin = cut(max(stop - overlap, begin + 1))
        middle = token_starts[cut((stop + next_begin) // 2)]
        keep_from = found[-1].keep_to if found else 0
        found.append(Window(token_starts[begin], token_starts[stop], keep_from, max(middle, keep_from)))
        begin = next_begin


def even(items: int, most: int, overlap: int) -> list[tuple[int, int]]:
    """Return where windows over so many items begin and end: as few as can be, equal but for an item.

    Args:
        items: Words or tokens of a text.
        most: How many a window may hold.
        overlap: How many neighbouring windows share.

    >>> even(254, 254, 32), even(400, 254, 32)
    ([(0, 254)], [(0, 216), (184, 400)])
    """
    if items <= most:
        return [(0, items)] if items else []
    count = -(-(items - overlap) // (most - overlap))
    new = (items - overlap) / count  # items that each window adds
    return [(round(new * at), round(new * (at + 1)) + overlap) for at in range(count)]


def stretches(text: str, token_starts: Sequence[int], most: int, overlap: int) -> list[str]:
    """Return a text in stretches that are told by one vector each; a blank text has none.

    They are of equal length: what is left over at the end of a text would say little, and be alike to much. Each begins
    with a word, or with a piece of an overlong one.

    Args:
        text: The text.
        token_starts: Character offset of each token of the text, rising.
        most: Tokens a stretch may hold.
        overlap: Tokens that neighbours share, at the least.
    """
    if not text.strip():
        return []
    pieces = [match.start() for match in _PIECES.finditer(text)]
    ends = [*token_starts, len(text)]
    cuts = [(token_starts[begin], ends[end]) for begin, end in even(len(token_starts), most, overlap)]
    return [text[pieces[max(0, bisect_right(pieces, start) - 1)] : end] for start, end in cuts]


def titled(stretch: str, title: str) -> str:
    """Return a stretch of a text behind what it is part of.

    >>> titled("Net sales rose.", "3M 2018"), titled("Net sales rose.", "")
    ('3M 2018. Net sales rose.', 'Net sales rose.')
    """
    return f"{title}. {stretch}" if title else stretch


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
