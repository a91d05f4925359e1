"""The characters that vdr-mini reads, and how writing is folded into them. Knows nothing of pixels or vectors.

Case and diacritics fold away, as they do in the language model's vocabulary; kinds of quotes and dashes fold into
one each. What is in no class is `UNKNOWN`: it was seen, but it spells nothing.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

BLANK, SPACE, UNKNOWN = 0, 1, 2
"""Classes that are no character: between two characters of a word, outside any word, a sign of no class."""

CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,;:!?()[]{}/\\&%$€£¥+-'\"*#@=<>|_~^•°§©®™ßæœµ¿¡"
FIRST = 3
CLASSES = FIRST + len(CHARACTERS)
"""How many classes there are."""

_CLASS = {character: FIRST + index for index, character in enumerate(CHARACTERS)}
_FOLDED = {
    **dict.fromkeys("‘’‚‛′´`ʼ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("·●▪■◦‣∙⋅", "•"),
    **{"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ı": "i", "×": "x", "μ": "µ", "⁄": "/", "∕": "/", "∗": "*", "⁎": "*"},
}


@lru_cache(maxsize=10_000)
def fold(text: str) -> str:
    """Return text in the characters the reader knows: lower case, no diacritics; other signs are left as they are.

    >>> fold("Élan “Łódź”")
    'elan "lodz"'
    """
    folded: list[str] = []
    for character in unicodedata.normalize("NFKC", text).lower():
        if character in "µ•°§©®™":
            folded.append(character)
            continue
        base = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
        folded.append(_FOLDED.get(base or character, base or character))
    return "".join(folded)


def class_of(character: str) -> int:
    """Return the class of one character as printed, `UNKNOWN` if it has none.

    >>> class_of("É") == class_of("e")
    True
    """
    folded = fold(character)
    return _CLASS.get(folded[0], UNKNOWN) if folded else UNKNOWN
