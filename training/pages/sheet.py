"""A sheet of a PDF under the pen: draws text word by word and remembers where every character went.

Lengths are points, y runs down from the top edge as on paper. The sheet refuses what a reader could not read: a word
off the page, over another word, or on a ground too like its ink (it changes the ink first). So every character
drawn is a character seen, and has a label. Knows nothing of words or layout.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from reportlab.lib.utils import ImageReader

from training.pages.fonts import Face

Colour = tuple[float, float, float]
Align = Literal["left", "right", "center"]
BLACK: Colour = (0.0, 0.0, 0.0)
WHITE: Colour = (1.0, 1.0, 1.0)
ASCENT, DESCENT = 0.74, 0.2  # of the em: the band that other text keeps clear of
CONTRAST = 0.35  # least difference of grey, of 1, between ink and ground
LIGATURES = {"fi": "ﬁ", "fl": "ﬂ"}

MARK = np.dtype([
    ("code", "u4"), ("x", "f4"), ("y", "f4"), ("advance", "f4"), ("size", "f4"), ("angle", "f4"),
    ("word", "i4"), ("line", "i4"), ("bold", "u1"),
])  # fmt: skip
"""A character on the sheet: the middle of its baseline, its advance, its em, all in points."""


@dataclass(frozen=True, slots=True)
class Style:
    """How text looks. `tracking` is extra space after each character in ems, `stretch` the horizontal scale."""

    face: Face
    size: float
    colour: Colour = BLACK
    tracking: float = 0.0
    stretch: float = 1.0
    underline: bool = False
    small_caps: bool = False
    ligatures: bool = False
    kerned: bool = False

    def at(self, size: float) -> Style:
        """The same at another size."""
        return replace(self, size=size)

    def width(self, text: str) -> float:
        """The advance of `text` in points."""
        return sum(step for part, style in self.segments(text) for _, step in style.advances(part))

    def advances(self, text: str) -> list[tuple[float, float]]:
        """Of each character its own advance, and how far the next one stands, in points."""
        widths, unit, tracking = self.face.widths(), self.stretch * self.size, self.tracking
        steps = [(w * unit, (w + tracking) * unit) for w in (widths.get(c, 0.5) for c in text)]
        pairs = self.face.kerning() if self.kerned else None
        if pairs:
            for index in range(len(text) - 1):
                kern = pairs.get(text[index : index + 2])
                if kern:
                    steps[index] = steps[index][0], steps[index][1] + kern * unit
        return steps

    def segments(self, text: str) -> list[tuple[str, Style]]:
        """`text` in parts of one size: small capitals are capitals of another size."""
        if not self.small_caps:
            return [(text, self)]
        small = replace(self, size=self.size * 0.8, small_caps=False)
        big = replace(self, small_caps=False)
        return [(c.upper(), small) if c.islower() and len(c.upper()) == 1 else (c, big) for c in text]


def grey(colour: Colour) -> float:
    """The grey that a colour renders to, 0 black to 1 white."""
    return 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2]


class Sheet:
    """One page of `canvas` (a reportlab canvas), `width` by `height` points."""

    def __init__(self, canvas: Any, width: float, height: float, rng: random.Random) -> None:
        self.canvas, self.width, self.height, self.rng = canvas, width, height, rng
        canvas.setPageSize((width, height))
        self._taken = np.zeros((math.ceil(height) + 1, math.ceil(width) + 1), bool)  # points that hold text
        self._ground = np.full(self._taken.shape, 255, np.uint8)  # grey of the panels, by point
        self._marks: list[tuple[float, ...]] = []
        self._words = self._lines = 0
        self._ink: Colour | None = None

    def marks(self) -> np.ndarray:
        """Every character drawn so far, of dtype MARK."""
        return np.array(self._marks, MARK)

    def text(self, x: float, y: float, text: str, style: Style, *, align: Align = "left", angle: float = 0.0,
             space: float | None = None, ends: bool = True) -> float:  # fmt: skip
        """Draw one line with its baseline from (x, y), or to it, or around it; the x after its last word.

        `angle` turns it counterclockwise around (x, y), in degrees; `space` is the space between words in points.
        Text that follows belongs to the same line unless it `ends` here.
        """
        words = [w for w in text.split(" ") if w and style.face.covers(w)]
        advances = [style.width(w) for w in words]
        gap = style.width(" ") if space is None else space
        total = sum(advances) + gap * (len(words) - 1)
        along = {"left": 0.0, "right": -total, "center": -total / 2}[align]
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        for word, advance in zip(words, advances, strict=True):
            self._word(x + along * cos, y - along * sin, word, style, advance, angle)
            along += advance + gap
        self._lines += ends
        return x + (along - gap) * cos

    def _word(self, x: float, y: float, word: str, style: Style, advance: float, angle: float) -> None:
        region = self._region(x, y, style.size, advance, angle)
        if region is None or self._taken[region].any():
            return
        ground = self._ground[region]
        low, high = int(ground.min()) / 255, int(ground.max()) / 255
        ink = next((c for c in (style.colour, BLACK, WHITE) if not low - CONTRAST < grey(c) < high + CONTRAST), None)
        if ink is None:
            return
        self._taken[region] = True
        self._fill(ink)
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        along = 0.0
        for part, part_style in style.segments(word):
            along += self._glyphs(x + along * cos, y - along * sin, part, part_style, angle)
        if style.underline and not angle:
            depth, weight = style.size * 0.12, max(style.size * 0.05, 0.4)
            self._code(f"{x:.2f} {self.height - y - depth:.2f} {advance:.2f} {weight:.2f} re f")
        self._words += 1

    def _glyphs(self, x: float, y: float, text: str, style: Style, angle: float) -> float:
        """Draw glyphs in a row and note each; how far they went."""
        drawn = text
        if style.ligatures:
            for letters, sign in LIGATURES.items():
                if sign in style.face.chars:
                    drawn = drawn.replace(letters, sign)
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        along, bold, size = 0.0, style.face.bold, style.size
        steps = style.advances(drawn)
        for char, (advance, step) in zip(drawn, steps, strict=True):
            spelled = char if char not in "ﬁﬂ" else "f" + ("i" if char == "ﬁ" else "l")
            part = advance / len(spelled)
            for index, letter in enumerate(spelled):
                middle = along + part * (index + 0.5)
                self._marks.append((
                    ord(letter), x + middle * cos, y - middle * sin, part, size, angle, self._words, self._lines, bold,
                ))  # fmt: skip
            along += step
        up = self.height - y
        turn = (
            f"{cos:.5f} {sin:.5f} {-sin:.5f} {cos:.5f} {x:.3f} {up:.3f} Tm" if angle else f"1 0 0 1 {x:.3f} {up:.3f} Tm"
        )
        self._code(f"BT {turn} {style.stretch * 100:.1f} Tz {self._show(drawn, style, steps)} ET")
        return along

    def _show(self, text: str, style: Style, steps: list[tuple[float, float]]) -> str:
        """The operators that show `text`, stopping where a character stands off from the one before."""
        shown, start, spacing = [], 0, style.tracking * style.size
        shown.append(f"{spacing:.3f} Tc")
        for end, (advance, step) in enumerate(steps, 1):
            kern = (step - advance) / style.stretch - spacing
            if end == len(text) or abs(kern) > 0.001:
                shown.append(self._piece(text[start:end], style))
                if end < len(text):
                    shown.append(f"[{-kern / style.size * 1000:.1f}] TJ")
                start = end
        return " ".join(shown)

    def _piece(self, text: str, style: Style) -> str:
        canvas, font = self.canvas, style.face.pdf_font()
        if style.face.path is None:
            name = canvas._doc.getInternalFontName(style.face.name)
            return f"{name} {style.size:.3f} Tf ({canvas._escape(text.encode('cp1252'))}) Tj"
        return " ".join(
            f"{font.getSubsetInternalName(subset, canvas._doc)} {style.size:.3f} Tf ({canvas._escape(codes)}) Tj"
            for subset, codes in font.splitString(text, canvas._doc)
        )

    def _region(self, x: float, y: float, size: float, advance: float, angle: float) -> Any:
        """The index of the points that a word covers, or None if it leaves the page."""
        if not angle:
            x1, y0, y1 = x + advance, y - ASCENT * size, y + DESCENT * size
            if x < 3 or y0 < 3 or x1 > self.width - 3 or y1 > self.height - 3:
                return None
            left = int(x + 0.9)  # words and lines may stand less than a point apart
            return slice(int(y0 + 1), int(y1 + 0.5)), slice(left, max(math.ceil(x1 - 0.9), left + 1))
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        along = np.arange(0, advance + 1)[:, None]
        up = np.arange(-DESCENT * size, ASCENT * size + 1)[None, :]
        columns, rows = x + along * cos - up * sin, y - along * sin - up * cos
        if columns.min() < 3 or rows.min() < 3 or columns.max() > self.width - 3 or rows.max() > self.height - 3:
            return None
        return rows.astype(int), columns.astype(int)

    def free(self, x: float, y: float, width: float, height: float) -> bool:
        """Whether a box (top left corner and extent) holds no text yet."""
        return not self._taken[max(int(y), 0) : math.ceil(y + height), max(int(x), 0) : math.ceil(x + width)].any()

    def panel(self, x: float, y: float, width: float, height: float, fill: Colour | None = None,
              stroke: Colour | None = None, weight: float = 0.7, radius: float = 0.0) -> None:  # fmt: skip
        """A box, filled or outlined; a filled one that would hide text is not drawn."""
        if fill is not None and not self.free(x, y, width, height):
            return
        bottom = self.height - y - height
        if fill is not None:
            self._fill(fill)
            rows = slice(max(int(y), 0), max(math.ceil(y + height), 0))
            columns = slice(max(int(x), 0), max(math.ceil(x + width), 0))
            self._ground[rows, columns] = round(grey(fill) * 255)
        if stroke is not None:
            self._code("{:.3f} {:.3f} {:.3f} RG {:.2f} w".format(*stroke, weight))
        if radius:
            self.canvas.roundRect(x, bottom, width, height, radius, stroke=stroke is not None, fill=fill is not None)
        else:
            paint = "B" if fill is not None and stroke is not None else "f" if fill is not None else "S"
            self._code(f"{x:.2f} {bottom:.2f} {width:.2f} {height:.2f} re {paint}")

    def rule(self, x0: float, y0: float, x1: float, y1: float, weight: float = 0.5, colour: Colour = BLACK,
             dash: str = "") -> None:  # fmt: skip
        """A straight line; `dash` is a PDF dash pattern such as `2 2`."""
        self.path([(x0, y0), (x1, y1)], weight, colour, dash)

    def path(self, points: list[tuple[float, float]], weight: float, colour: Colour, dash: str = "") -> None:
        """A line through several points."""
        steps = " ".join(f"{x:.2f} {self.height - y:.2f} {'l' if i else 'm'}" for i, (x, y) in enumerate(points))
        stroke = "{:.3f} {:.3f} {:.3f} RG".format(*colour)
        self._code(f"{stroke} {weight:.2f} w [{dash}] 0 d {steps} S [] 0 d")

    def shape(self, points: list[tuple[float, float]], fill: Colour) -> None:
        """A filled polygon; not drawn where it would hide text. What its bounding box holds is of either ground."""
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        x, y, width, height = min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
        if not self.free(x, y, width, height):
            return
        self._fill(fill)
        steps = " ".join(f"{px:.2f} {self.height - py:.2f} {'l' if i else 'm'}" for i, (px, py) in enumerate(points))
        self._code(f"{steps} f")
        rows = slice(max(int(y), 0), max(math.ceil(y + height), 0))
        columns = slice(max(int(x), 0), max(math.ceil(x + width), 0))
        inside = self._ground[rows, columns]
        inside[::2, ::2] = round(grey(fill) * 255)  # a mix of both grounds: text must do on either

    def picture(self, x: float, y: float, width: float, height: float, pixels: np.ndarray) -> None:
        """A grey or RGB picture (uint8); not drawn where it would hide text."""
        from PIL import Image

        if x < 0 or y < 0 or not self.free(x, y, width, height):
            return
        image = Image.fromarray(pixels)
        self.canvas.drawImage(ImageReader(image), x, self.height - y - height, width, height)
        rows, columns = slice(int(y), math.ceil(y + height)), slice(int(x), math.ceil(x + width))
        inside = self._ground[rows, columns]
        if inside.size:
            inside[:] = np.asarray(image.convert("L").resize(inside.shape[::-1]))

    def _fill(self, colour: Colour) -> None:
        if colour != self._ink:
            self._code("{:.3f} {:.3f} {:.3f} rg".format(*colour))
            self._ink = colour

    def _code(self, operators: str) -> None:
        self.canvas._code.append(operators)
