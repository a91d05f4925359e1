"""Headings, table titles and captions of a page, from its text and the boxes of its words. Knows no language well.

A heading is a short line of big print, or one that is numbered like 2.1; in Markdown it is what says so. A title of a
table or figure is a line that begins with "Table 3:" or the like, in English, as far as its first sentence goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from vdr.tables import StoredUnit

Kind: TypeAlias = Literal["heading", "table", "figure", "title"]

BIG = 1.15
"""How much higher than most of a document's print a heading is."""
ALIKE = 0.04
"""How far the heights of two lines of one heading lie apart, as a part of them."""
LONGEST = 14
"""Words of the longest heading."""
LONGEST_TITLE = 18
"""Words of the longest title of a table or figure."""

_CAPTION = re.compile(
    r"(Table|Exhibit|Figure|Fig|Chart|Graph|Diagram|Map)\.? +[A-Z]?\d+(?:[.\-–]\d+)*[a-z]? *([.:|–—-]?) *(?=\S)(.*)"
)
_NUMBER = re.compile(r"(?:(?:Chapter|Section|Part|Appendix) +)?(?:\d{1,2}(?:\.\d{1,2})*|[IVX]+|[A-Z](?=[.):]))[.:)]? +")
_SECTION = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.? +[A-Z]")
_MARKDOWN = re.compile(r"#{1,6} +(.+?) *#*")
_BROKEN = re.compile(r"\b(a|an|and|at|by|for|from|in|of|on|or|that|the|to|with)$|[,(&/]$|^(.{6,}) \2$", re.IGNORECASE)
_GENERIC = re.compile(
    "abbreviations|abstract|about (us|this report)|acknowledge?ments|agenda|annex|answers|any questions|appendi(x|ces)|"
    "at a glance|bibliography|conclusions?|contacts?|contact us|contents|continued|copyright|disclaimer|discussion|"
    "examples?|executive summary|exhibits|figures|foreword|further reading|glossary|imprint|in this section|index|"
    "introduction|key findings|list of (figures|tables)|literature|more information|notes?|outline|overview|preface|"
    "q&a|questions|references|related work|results|sources?|summary|tables?|table of contents|thank you|thanks",
    re.IGNORECASE,
)
"""Headings that say nothing of what a page is about."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """Something on a page that says what the page is about.

    Attributes:
        kind: `heading`, `table` or `figure` (their titles), or `title` of a record.
        text: What it says, without its number.
    """

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a page; `height` is that of its print as a fraction of the page, 0 where that is not known."""

    text: str
    height: float


def print_height(units: Iterable[StoredUnit]) -> float:
    """Return how high most words of a document are, as a fraction of the page; 0 where no word has a box."""
    heights = [unit.boxes[:, 3] - unit.boxes[:, 1] for unit in units if unit.boxes is not None and len(unit.boxes)]
    return float(np.median(np.concatenate(heights))) if heights else 0.0


def landmarks(unit: StoredUnit, usual: float) -> list[Landmark]:
    """Return what stands out on a page, in the order of its text.

    Args:
        unit: The page or passage.
        usual: What `print_height` says of its document.
    """
    lines = list(_lines(unit))
    if unit.record:
        first, _, rest = unit.text.partition("\n\n")
        return [Landmark("title", first.rstrip(" ."))] if rest and _is_heading(first.rstrip(" .")) else []
    if unit.boxes is None:
        found = (_MARKDOWN.fullmatch(line.text) for line in lines)
        headings = [_bare(match[1]) for match in found if match]
        return [Landmark("heading", heading) for heading in headings if _is_heading(heading)]
    return list(_of_page(lines, usual))


def _of_page(lines: list[_Line], usual: float) -> Iterator[Landmark]:
    index = 0
    while index < len(lines):
        line = lines[index]
        end = index + 1
        if caption := _CAPTION.fullmatch(line.text):
            title = caption[3]
            alone = end
            while not _ends(title) and end < len(lines) and _alike(line, lines[end]) and end < index + 3:
                title += " " + lines[end].text
                end += 1
            if not _ends(title):
                title, end = caption[3], alone  # what follows is no part of it
            title = re.split(r"(?<=[^.\s]{3}[.?!])\s", title)[0].rstrip(" .:")
            kind: Kind = "table" if caption[1] in ("Table", "Exhibit") else "figure"
            if (caption[2] or title[:1].isupper()) and _is_title(title, LONGEST_TITLE):
                yield Landmark(kind, title)
        elif line.height >= BIG * usual > 0:
            while end < len(lines) and _alike(line, lines[end]):
                end += 1
            heading = _bare(" ".join(part.text for part in lines[index:end]))
            if _is_heading(heading):
                yield Landmark("heading", heading)
        elif _SECTION.match(line.text) and _is_heading(_bare(line.text)):
            yield Landmark("heading", _bare(line.text))
        index = end


def _lines(unit: StoredUnit) -> Iterator[_Line]:
    start = 0
    for line in unit.text.split("\n"):
        words = line.split()
        if words:
            boxes = None if unit.boxes is None else unit.boxes[start : start + len(words)]
            height = 0.0 if boxes is None or not len(boxes) else float(np.median(boxes[:, 3] - boxes[:, 1]))
            yield _Line(" ".join(words), height)
        start += len(words)


def _alike(one: _Line, other: _Line) -> bool:
    return abs(one.height - other.height) <= ALIKE * one.height


def _ends(text: str) -> bool:
    return re.search(r"[.?!](\s|$)", text) is not None


def _bare(heading: str) -> str:
    """Return a heading without its number and without what ends it."""
    number = _NUMBER.match(heading)
    if number and heading[number.end() : number.end() + 1].isupper():
        heading = heading[number.end() :]
    return heading.strip(" .:–—-•*_")


def _is_heading(text: str) -> bool:
    """Whether a text reads as the name of a section."""
    return _is_title(text, LONGEST) and not _GENERIC.fullmatch(text) and not re.search(r"[.!;]\s|\.\.", text)


def _is_title(text: str, longest: int) -> bool:
    """Whether a text is some whole words, most of it letters, and neither broken off nor spaced out."""
    words = text.split()
    letters = sum(sign.isalpha() or sign == " " for sign in text)
    return (
        (len(words) > 1 or len(text) > 6)
        and len(words) <= longest
        and letters >= 0.8 * len(text) > 2.5 * len(words)
        and (text[0].isalnum() or text[0] in "“\"‘'«")
        and not _BROKEN.search(text)
    )
