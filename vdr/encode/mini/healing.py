"""Misread words made whole: by the other likely characters, and over the end of a line. Knows no vectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from vdr.encode.mini.alphabet import CHARACTERS, FIRST
from vdr.encode.mini.reading import Word

DOUBT = 0.85
"""A character less probable than this may be another one."""
CHANCE = 0.02
"""An alternative is at least this probable."""
DOUBTS = 3
"""Characters of a word that may be others at once."""
RIVALS = 3
"""Characters weighed at each such place."""

LIKE_DIGITS = {"o", "i", "l"}
"""Letters that in many fonts are digits but for their context."""
_TO_DIGITS = str.maketrans("oil", "011")


def heal(word: Word, knows: Callable[[str], bool]) -> str:
    """Return the text, a number without letters, or the likeliest known word that the doubtful characters allow.

    Args:
        word: As read.
        knows: Whether a spelling is a word.
    """
    text = word.text
    alphabetic = {letter for letter in text if letter.isalpha()}
    if alphabetic and alphabetic <= LIKE_DIGITS and sum(letter.isdigit() for letter in text) >= 2:
        return text.translate(_TO_DIGITS)
    if not text.isalpha() or len(text) < 3 or knows(text) or len(word.spelling) != len(text):
        return text
    chances = word.spelling[:, FIRST:]
    best = chances.max(axis=1)
    doubtful = [int(index) for index in np.argsort(best)[:DOUBTS] if best[index] < DOUBT]
    choices = [
        [(CHARACTERS[rival], float(chances[place, rival])) for rival in np.argsort(-chances[place])[:RIVALS]]
        for place in doubtful
    ]
    found: list[tuple[float, str]] = []
    for choice in product(*choices):
        if all(chance >= CHANCE for _, chance in choice):
            letters = list(text)
            for place, (letter, _) in zip(doubtful, choice, strict=True):
                letters[place] = letter
            if knows("".join(letters)):
                found.append((float(np.prod([chance for _, chance in choice])), "".join(letters)))
    return max(found)[1] if found else text


def join(words: Sequence[tuple[Word, str]]) -> list[tuple[Word, str]]:
    """Return words in reading order with those put together that a hyphen parts at the end of a line."""
    joined: list[tuple[Word, str]] = []
    for word, text in words:
        if joined:
            before, start = joined[-1]
            parted = start.endswith("-") and start[:-1].isalpha() and text[:1].isalpha()
            if parted and before.line != word.line and word.box[0] < before.box[0]:
                joined[-1] = (before, start[:-1] + text)
                continue
        joined.append((word, text))
    return joined
