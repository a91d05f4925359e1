"""Spelling vectors: a word as the directions of its letters, pairs and triples. Knows nothing of pixels or meaning.

Each letter has three fixed random directions of +1 and -1; a pair is the product of its letters' first and second,
a triple of first, second and third (a tensor sketch, Pham & Pagh, KDD 2013). A word is the sum over what it is made of,
its ends marked, so near spellings are near vectors. As it is linear in each letter, it takes probabilities as
well as letters: a doubtful letter points half-way.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from vdr.encode.mini.alphabet import CLASSES, SPACE, class_of, fold
from vdr.types import Floats

DIM = 512


def spelling_vector(chances: Floats) -> Floats:
    """Return the unit vector `(DIM,)` of a word whose letters have probabilities `(n_letters, CLASSES)`."""
    ends = np.zeros((1, CLASSES), np.float32)
    ends[0, SPACE] = 1
    first, second, third = _directions()
    letters = np.concatenate([ends, chances, ends])
    a, b, c = letters @ first, letters @ second, letters @ third
    vector: Floats = 0.5 * a[1:-1].sum(0) + (a[:-1] * b[1:]).sum(0) + (a[:-2] * b[1:-1] * c[2:]).sum(0)
    unit: Floats = vector / max(float(np.linalg.norm(vector)), 1e-6)
    return unit


def spelled_vector(word: str) -> Floats:
    """Return the unit vector `(DIM,)` of a word in writing.

    >>> near = spelled_vector("revenue") @ spelled_vector("revenues")
    >>> far = spelled_vector("revenue") @ spelled_vector("inventory")
    >>> bool(near > 0.7), bool(abs(far) < 0.3)
    (True, True)
    """
    chances = np.zeros((len(fold(word)), CLASSES), np.float32)
    chances[np.arange(len(chances)), [class_of(character) for character in fold(word)]] = 1
    return spelling_vector(chances)


@lru_cache(maxsize=1)
def _directions() -> tuple[Floats, Floats, Floats]:
    signs = np.random.default_rng(0).choice(np.array([-1, 1], np.float32), (3, CLASSES, DIM))
    return signs[0], signs[1], signs[2]
