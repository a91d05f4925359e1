"""How much of a page was read: labels beside readings, in figures. Knows no PDF, no pixels and no reader.

A label is told by the reading that overlaps it best. It counts as read if that reading's spelling vector is nearer to
the label's own than to those of the page's other labels and of a few thousand other words and numbers; no reading there
counts as wrong. Beside it stands the plain measure: the same characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from reading_labels import Box, Label, bare, is_word

from vdr.encode.mini.alphabet import CHARACTERS, FIRST
from vdr.encode.mini.spelling import spelled_vector, spelling_vector
from vdr.types import Floats, Ints

THERE = 0.1
"""Intersection over union of a label's and a reading's box from which the reading is of that label."""
LEGIBLE = 8.0
"""Points from which print is not small."""
HEADING = 14.0
"""Points from which print is a heading."""


@dataclass(frozen=True, slots=True)
class Found:
    """A word as some reader read it.

    Attributes:
        text: Its characters, folded, no punctuation at the ends.
        box: Where it is.
        vector: Its spelling vector.
    """

    text: str
    box: Box
    vector: Floats


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a label.

    Attributes:
        label: The word that stands on the page.
        page: Which page, by any number.
        text: What was read there; empty for nothing.
        nearest: The reading is nearest to the label's own vector.
        exact: It has the label's very characters.
    """

    label: Label
    page: int
    text: str
    nearest: bool
    exact: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """What readings of three letters or more are worth.

    Attributes:
        matching: How many have the characters of a label that they overlap.
        on_labels: How many overlap a label.
        elsewhere: How many overlap none: words in pictures, turned text, or nothing at all.
    """

    matching: int
    on_labels: int
    elsewhere: int


def found_by_tower(text: str, box: Box, spelling: Floats) -> Found:
    """Return a reading of the image tower, its punctuation at the ends taken off.

    Args:
        text: Its characters.
        box: Where it is.
        spelling: `(n_characters, CLASSES)` their probabilities.
    """
    letters = [index for index, row in enumerate(spelling) if _is_letter(int(row.argmax()))]
    core = spelling[letters[0] : letters[-1] + 1] if letters else spelling
    return Found(bare(text), box, spelling_vector(core))


def _is_letter(kind: int) -> bool:
    return kind >= FIRST and CHARACTERS[kind - FIRST].isalnum()


def found_in_writing(text: str, box: Box) -> Found:
    """Return a reading that knows no probabilities."""
    return Found(bare(text), box, _written(bare(text)))


@lru_cache(maxsize=100_000)
def _written(word: str) -> Floats:
    return spelled_vector(word)


def judge(page: int, labels: Sequence[Label], readings: Sequence[Found], others: Sequence[str]) -> list[Outcome]:
    """Return what became of each label of a page.

    Args:
        page: Its number, for the outcomes.
        labels: The words that stand on it.
        readings: The words that were read.
        others: Words of other pages, which the nearest is chosen among as well.
    """
    candidates = list(dict.fromkeys([*(label.text for label in labels), *others]))
    keys = np.stack([_written(word) for word in candidates])
    at = best_overlap(_boxes(label.box for label in labels), _boxes(reading.box for reading in readings))
    outcomes = []
    for label, index in zip(labels, at.tolist(), strict=True):
        if index < 0:
            outcomes.append(Outcome(label, page, "", nearest=False, exact=False))
            continue
        reading = readings[index]
        nearest = candidates[int((keys @ reading.vector).argmax())] == label.text
        outcomes.append(Outcome(label, page, reading.text, nearest, exact=reading.text == label.text))
    return outcomes


def precision(labels: Sequence[Label], readings: Sequence[Found]) -> Precision:
    """Return how many of the readings of a page stand there."""
    words = [reading for reading in readings if is_word(reading.text)]
    overlaps = _overlaps(_boxes(word.box for word in words), _boxes(label.box for label in labels)) >= THERE
    matching = sum(
        any(labels[index].text == word.text for index in np.flatnonzero(row).tolist())
        for word, row in zip(words, overlaps, strict=True)
    )
    on_labels = int(overlaps.any(axis=1).sum())
    return Precision(matching, on_labels, len(words) - on_labels)


def best_overlap(boxes: Floats, others: Floats) -> Ints:
    """Return for each of `boxes` `(n, 4)` which of `others` `(m, 4)` overlaps it best, -1 for none."""
    overlaps = _overlaps(boxes, others)
    if not overlaps.size:
        return np.full(len(boxes), -1, np.int32)
    best = overlaps.argmax(axis=1).astype(np.int32)
    found: Ints = np.where(overlaps.max(axis=1) >= THERE, best, -1).astype(np.int32)
    return found


def _overlaps(boxes: Floats, others: Floats) -> Floats:
    """Return the intersection over union of each of `boxes` with each of `others`, `(n, m)`."""
    common = np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - np.maximum(boxes[:, None, :2], others[None, :, :2])
    shared = common.clip(0).prod(axis=2)
    sizes = [(part[:, 2:] - part[:, :2]).prod(axis=1) for part in (boxes, others)]
    ratio: Floats = shared / np.maximum(sizes[0][:, None] + sizes[1][None] - shared, 1e-12)
    return ratio


def _boxes(boxes: Iterable[Box]) -> Floats:
    return np.array(list(boxes), np.float32).reshape(-1, 4)


@dataclass(frozen=True, slots=True)
class Share:
    """How many labels of a kind were read.

    Attributes:
        labels: How many there are.
        nearest: Share of them nearest to their own vector.
        exact: Share of them read with their very characters.
    """

    labels: int
    nearest: float
    exact: float


SIZES = (4, 6, 8, 10, 12, 14, 20, 40, 400)
"""Points between which words are counted together."""


def _sized(low: float, high: float) -> Callable[[Label], bool]:
    return lambda label: label.is_word and low <= label.size < high


KINDS: Mapping[str, Callable[[Label], bool]] = {
    "words": lambda label: label.is_word and label.size >= LEGIBLE,
    "numbers": lambda label: label.is_number and label.size >= LEGIBLE,
    "bold words": lambda label: label.is_word and label.bold and label.size >= LEGIBLE,
    "headings (14 pt and more)": lambda label: label.is_word and label.size >= HEADING,
    "small words (below 8 pt)": lambda label: label.is_word and label.size < LEGIBLE,
    "small numbers": lambda label: label.is_number and label.size < LEGIBLE,
    **{f"words of {low} to {high} pt": _sized(low, high) for low, high in pairwise(SIZES)},
}
"""Kinds of labels that are reported."""


def shares(outcomes: Sequence[Outcome]) -> dict[str, Share]:
    """Return figures by kind of label; equal words of a page count once, as the mean of their places."""
    figures = {kind: merged([one for one in outcomes if counts(one.label)]) for kind, counts in KINDS.items()}
    every = [one for one in outcomes if KINDS["words"](one.label)]
    alone = [[outcome] for outcome in every]
    return {"words": figures.pop("words"), "words, every place": _share(alone), **figures}


def merged(outcomes: Iterable[Outcome]) -> Share:
    """Return the share of the labels that were read, equal words of a page counting once."""
    places: dict[tuple[int, str], list[Outcome]] = {}
    for outcome in outcomes:
        places.setdefault((outcome.page, outcome.label.text), []).append(outcome)
    return _share(list(places.values()))


def _share(groups: Sequence[Sequence[Outcome]]) -> Share:
    if not groups:
        return Share(0, float("nan"), float("nan"))
    nearest = float(np.mean([np.mean([one.nearest for one in group]) for group in groups]))
    exact = float(np.mean([np.mean([one.exact for one in group]) for group in groups]))
    return Share(len(groups), nearest, exact)
