"""What stands on a page according to its text layer: words with places, sizes and weights. Reads no pixels.

Labels of the reading benchmark, taken from PDFium's characters. A label is a run of characters between white space on
one line, folded as the reader folds, without punctuation at its ends; a word hyphenated over a line's end is two.
Left out are words that are not upright, not on the page, drawn invisibly (the text that OCR lays over a scan), or
spelled with signs that the reader has no class for.
"""

from __future__ import annotations

import ctypes
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pypdfium2 as pdfium
import pypdfium2.raw as raw

from vdr.encode.mini.alphabet import CHARACTERS, fold

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the page as it is shown."""

UPRIGHT = 3.0
"""Degrees that a word may be off the horizontal."""

_SCALE = 1 << 20
_INVISIBLE = (raw.FPDF_TEXTRENDERMODE_INVISIBLE, raw.FPDF_TEXTRENDERMODE_CLIP)
_BOLD = re.compile(r"bold|black|heavy|demi|-bd|medi\b|cmb|extrab", re.IGNORECASE)
_FORCED_BOLD = 1 << 18  # ISO 32000-1, table 123
_EDGES = re.compile(r"^[\W_]+|[\W_]+$")


@dataclass(frozen=True, slots=True)
class Label:
    """A word of the text layer.

    Attributes:
        text: Its characters, folded, no punctuation at the ends.
        box: Where it is.
        size: Em in points.
        bold: Its font says that it is bold.
    """

    text: str
    box: Box
    size: float
    bold: bool

    @property
    def is_word(self) -> bool:
        """It has three letters or more and no digit."""
        return is_word(self.text)

    @property
    def is_number(self) -> bool:
        """It has a digit, a second character, and fewer than three letters: `q3`, not `assets(1`."""
        return len(self.text) > 1 and any(map(str.isdigit, self.text)) and sum(map(str.isalpha, self.text)) < 3


def is_word(text: str) -> bool:
    """Tell whether a text has three letters or more and no digit."""
    return sum(map(str.isalpha, text)) >= 3 and not any(map(str.isdigit, text))


def bare(text: str) -> str:
    """Return a text folded and without punctuation at its ends.

    >>> bare("“Straße”,"), bare("(1,204.5)"), bare("—")
    ('straße', '1,204.5', '')
    """
    return _EDGES.sub("", fold(text))


def labels(page: pdfium.PdfPage) -> list[Label]:
    """Return the words of a page's text layer, in its order."""
    textpage = page.get_textpage()
    found = [word.label() for word in _words(page, textpage) if word.counts]
    textpage.close()
    on_page = (label for label in found if all(0 <= edge <= 1 for edge in label.box))
    return [label for label in on_page if label.text and all(character in CHARACTERS for character in label.text)]


@dataclass(slots=True)
class _Word:
    """A word in the making."""

    characters: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    size: float = 0.0
    bold: bool = False
    counts: bool = True

    def label(self) -> Label:
        lefts, tops, rights, bottoms = zip(*self.boxes, strict=True)
        box = min(lefts), min(tops), max(rights), max(bottoms)
        spelled = "".join(self.characters).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return Label(bare(spelled), box, self.size, self.bold)


def _words(page: pdfium.PdfPage, textpage: pdfium.PdfTextPage) -> Iterator[_Word]:
    rect, matrix, flags = raw.FS_RECTF(), raw.FS_MATRIX(), ctypes.c_int()
    name = ctypes.create_string_buffer(256)
    turned = math.radians(page.get_rotation())
    word = _Word()
    for index in range(raw.FPDFText_CountChars(textpage)):
        character = chr(raw.FPDFText_GetUnicode(textpage, index))
        parts = character.isspace() or character in "\0\x02\ufffe"  # the last two: a hyphen at the end of a line
        if not parts and raw.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rect)):
            box = _shown(page, rect)
            if not word.characters:
                raw.FPDFText_GetMatrix(textpage, index, ctypes.byref(matrix))
                raw.FPDFText_GetFontInfo(textpage, index, name, len(name), ctypes.byref(flags))
                mode = raw.FPDFTextObj_GetTextRenderMode(raw.FPDFText_GetTextObject(textpage, index))
                angle = math.atan2(matrix.b, matrix.a) - turned
                word.size = raw.FPDFText_GetFontSize(textpage, index) * math.hypot(matrix.c, matrix.d)
                word.counts = mode not in _INVISIBLE and math.cos(angle) > math.cos(math.radians(UPRIGHT))
                stroked = mode == raw.FPDF_TEXTRENDERMODE_FILL_STROKE
                font = name.value.decode("utf-8", "replace")
                word.bold = stroked or bool(_BOLD.search(font)) or bool(flags.value & _FORCED_BOLD)
            word.characters.append(character)
            word.boxes.append(box)
        elif parts and word.characters:
            yield word
            word = _Word()
    if word.characters:
        yield word


def _shown(page: pdfium.PdfPage, rect: raw.FS_RECTF) -> Box:
    """Return a rectangle of the page's own space as fractions of the page as it is shown."""
    x, y = ctypes.c_int(), ctypes.c_int()
    corners = []
    for px, py in ((rect.left, rect.top), (rect.right, rect.bottom)):
        raw.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, px, py, ctypes.byref(x), ctypes.byref(y))
        corners.append((x.value / _SCALE, y.value / _SCALE))
    (x0, y0), (x1, y1) = corners
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
