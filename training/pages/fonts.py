"""The typefaces of made pages: which there are, what characters each has, and how wide these are.

`Faces.load` reads the list that `training.make_fonts` wrote; `Faces.builtin` needs nothing installed: the standard
14 (not embedded, so PDFium puts others in their place) and the family that comes with reportlab. Knows nothing of
layout.
"""

from __future__ import annotations

import json
import random
import string
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

import reportlab
from platformdirs import user_cache_path
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

CACHE = user_cache_path("vdr-training") / "fonts"
WANTED = (
    string.ascii_letters + string.digits + string.punctuation
    + "".join(chr(c) for c in range(0xA1, 0x180) if c != 0xAD)
    + "ȘșȚț–—‘’‚“”„†‡•…‰‹›€™−×÷±≤≥≠≈∞∑∏√∂∫∈→←↑↓⇒∀∃αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ✓■□▪●○►◆ﬁﬂ"
)  # fmt: skip

# Families that most real documents are set in, and so do more of ours.
COMMON = frozenset({
    "Helvetica", "Times", "Liberation Sans", "Liberation Serif", "Nimbus Sans", "Nimbus Roman", "Carlito", "Caladea",
    "Nimbus", "Latin Modern", "TeX Gyre Termes", "TeX Gyre Heros", "TeX Gyre Pagella", "P052", "Open Sans",
    "Roboto", "Lato", "Arimo", "Tinos", "C059", "DejaVu Sans", "Noto Sans", "Linux Libertine O",
})  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face. `name` is reportlab's, `chars` what it can draw, `path` None for one of the standard 14."""

    name: str
    family: str
    weight: int
    italic: bool
    mono: bool
    chars: frozenset[str]
    path: Path | None = None

    @property
    def bold(self) -> bool:
        """Whether a reader would call it bold."""
        return self.weight >= 600

    def covers(self, text: str) -> bool:
        """Whether every character of `text`, spaces aside, can be drawn."""
        return self.chars.issuperset(text.replace(" ", ""))

    def pdf_font(self) -> Any:
        """The reportlab font, read and registered at first use."""
        return _registered(self.name, self.path)

    def widths(self) -> dict[str, float]:
        """The advance of each character it has, and of the space, in ems."""
        return _widths(self)

    def kerning(self) -> dict[str, float]:
        """What is added between two characters, in ems; nothing for most pairs and for the standard 14."""
        return _kerning(self.path)


@cache
def _registered(name: str, path: Path | None) -> Any:
    if path is not None and name not in pdfmetrics._fonts:
        pdfmetrics.registerFont(TTFont(name, str(path)))
    return pdfmetrics.getFont(name)


@cache
def _kerning(path: Path | None) -> dict[str, float]:
    table = path and path.with_suffix(".kern.json")
    if table is None or not table.exists():
        return {}
    pairs: dict[str, float] = json.loads(table.read_text(encoding="utf-8"))
    return pairs


@cache
def _widths(face: Face) -> dict[str, float]:
    font = face.pdf_font()
    if face.path is None:
        table = {c: font.widths[c.encode("cp1252")[0]] for c in face.chars | {" "}}
    else:
        table = {c: font.face.charWidths.get(ord(c), font.face.defaultWidth) for c in face.chars | {" "}}
    return {c: width / 1000 for c, width in table.items()}


@dataclass(frozen=True, slots=True)
class Family:
    """The faces of one family, by role."""

    name: str
    faces: tuple[Face, ...]

    def pick(self, rng: random.Random, bold: bool = False, italic: bool = False) -> Face:
        """A face of the family that is as bold and as italic as asked, or the nearest there is."""
        best = min((f.bold != bold) * 2 + (f.italic != italic) for f in self.faces)
        fitting = [f for f in self.faces if (f.bold != bold) * 2 + (f.italic != italic) == best]
        plain = [f for f in fitting if f.weight in (400, 700)]
        return rng.choice(plain if plain and rng.random() < 0.8 else fitting)


@dataclass(frozen=True, slots=True)
class Faces:
    """All families to choose from."""

    families: tuple[Family, ...]
    _weights: tuple[float, ...] = field(repr=False)

    @classmethod
    @cache
    def load(cls, folder: Path = CACHE) -> Self:
        """Those that `training.make_fonts` gathered, and the standard 14. FileNotFoundError if it has not run."""
        listed = json.loads((folder / "faces.json").read_text(encoding="utf-8"))
        faces = [
            Face(f"F-{Path(e['file']).stem}", e["family"], e["weight"], e["italic"], e["mono"], frozenset(e["chars"]),
                 folder / e["file"])
            for e in listed
        ]  # fmt: skip
        return cls._of(faces + _standard())

    @classmethod
    def builtin(cls) -> Self:
        """Those that reportlab and PDFium bring with them."""
        folder = Path(reportlab.__file__).parent / "fonts"
        vera = [("Vera", 400, False), ("VeraBd", 700, False), ("VeraIt", 400, True), ("VeraBI", 700, True)]
        latin = frozenset(c for c in WANTED if ord(c) < 0x100)
        return cls._of(
            [Face(f"F-{n}", "Vera", w, i, False, latin, folder / f"{n}.ttf") for n, w, i in vera] + _standard()
        )

    @classmethod
    def _of(cls, faces: list[Face]) -> Self:
        grouped: dict[str, list[Face]] = {}
        for face in sorted(faces, key=lambda f: f.name):
            grouped.setdefault(face.family, []).append(face)
        families = tuple(Family(name, tuple(group)) for name, group in sorted(grouped.items()))
        return cls(families, tuple(4.0 if f.name in COMMON else 1.0 for f in families))

    def family(self, rng: random.Random, chars: str = "", mono: bool = False, even: bool = False) -> Family:
        """A family that has all of `chars`; of fixed width if `mono`; the common ones no more often if `even`."""
        fitting = [
            (family, 1.0 if even else weight)
            for family, weight in zip(self.families, self._weights, strict=True)
            if family.faces[0].mono >= mono and all(face.covers(chars) for face in family.faces)
        ]
        if not fitting:  # no such language in these faces: the writer leaves out what cannot be drawn
            fitting = list(zip(self.families, self._weights, strict=True))
        return rng.choices([family for family, _ in fitting], [weight for _, weight in fitting])[0]


def _standard() -> list[Face]:
    chars = frozenset(c for c in WANTED if _in_cp1252(c))
    faces = []
    for family, stem, plain, slant in (
        ("Helvetica", "Helvetica", "", "Oblique"),
        ("Times", "Times", "Roman", "Italic"),
        ("Courier", "Courier", "", "Oblique"),
    ):
        for bold in (False, True):
            for italic in (False, True):
                style = ("Bold" if bold else "") + (slant if italic else "") or plain
                name = f"{stem}-{style}" if style else stem
                faces.append(Face(name, family, 700 if bold else 400, italic, family == "Courier", chars))
    return faces


def _in_cp1252(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
