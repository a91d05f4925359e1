"""What all documents share: fonts, styles, a text cursor, tables and formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from reportlab import rl_config
from reportlab.graphics import shapes
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase.pdfmetrics import registerFont, registerFontFamily
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, Table, TableStyle

rl_config.useA85 = 0  # binary streams: a quarter smaller

FAMILIES = {
    "Sans": ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    "Serif": ("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    "Stix": ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    "Mono": ("DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique", "DejaVuSansMono-BoldOblique"),
}
"""Embedded families by short name; members are `Sans`, `Sans-Bold`, `Sans-Italic`, `Sans-BoldItalic`."""


@cache
def register_fonts() -> None:
    """Make the TrueType fonts that ship with matplotlib known to reportlab."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for family, files in FAMILIES.items():
        names = [family, f"{family}-Bold", f"{family}-Italic", f"{family}-BoldItalic"]
        for name, file in zip(names, files, strict=True):
            registerFont(TTFont(name, str(folder / f"{file}.ttf")))
        registerFontFamily(family, *names)


def new_canvas(target: object, size: tuple[float, float], title: str, author: str, lang: str = "en") -> Canvas:
    """Open a canvas whose bytes depend only on what is drawn (`target` is a path or a binary file)."""
    register_fonts()
    canvas = Canvas(
        str(target) if isinstance(target, Path) else target,
        pagesize=size,
        invariant=1,
        pageCompression=1,
        lang=lang,
    )
    canvas.setTitle(title)
    canvas.setAuthor(author)
    return canvas


def text_style(
    size: float = 9.5, font: str = "Helvetica", color: str = "#222222", leading: float = 0.0, **extra: object
) -> ParagraphStyle:
    """Return a paragraph style; the leading defaults to 1.38 times the size."""
    return ParagraphStyle(
        "s", fontName=font, fontSize=size, leading=leading or size * 1.38, textColor=HexColor(color), **extra
    )


@dataclass
class Column:
    """A cursor that stacks flowables downwards and refuses to run past its bottom."""

    canvas: Canvas
    x: float
    y: float
    width: float
    bottom: float

    def put(self, flowable: Flowable, after: float = 6.0, indent: float = 0.0) -> None:
        """Draw a flowable below the last one."""
        _, height = flowable.wrapOn(self.canvas, self.width - indent, 10_000)
        if self.y - height < self.bottom - 0.5:
            page = self.canvas.getPageNumber()
            raise OverflowError(
                f"page {page}: {flowable!r:.120} needs {height:.0f} pt, {self.y - self.bottom:.0f} left"
            )
        flowable.drawOn(self.canvas, self.x + indent, self.y - height)
        self.y -= height + after

    def text(self, markup: str, style: ParagraphStyle, after: float = 6.0, indent: float = 0.0) -> None:
        """Draw one paragraph."""
        self.put(Paragraph(markup, style), after, indent)

    def texts(self, paragraphs: Iterable[str], style: ParagraphStyle, after: float = 6.0) -> None:
        """Draw several paragraphs in the same style."""
        for markup in paragraphs:
            self.text(markup, style, after)

    def items(
        self,
        paragraphs: Iterable[str],
        style: ParagraphStyle,
        mark: str = "•",
        after: float = 4.0,
        gap: float = 12.0,
    ) -> None:
        """Draw a list; the mark `1` counts, any other is repeated."""
        for number, markup in enumerate(paragraphs, 1):
            label = f"{number}." if mark == "1" else mark
            self.canvas.setFont(style.fontName, style.fontSize)
            self.canvas.setFillColor(style.textColor)
            self.canvas.drawString(self.x, self.y - style.fontSize, label)
            self.text(markup, style, after, indent=gap)

    def skip(self, height: float) -> None:
        """Leave white space."""
        self.y -= height


def box_text(canvas: Canvas, x: float, top: float, width: float, markup: str, style: ParagraphStyle) -> float:
    """Draw one paragraph with its top at `top`; return the y of its bottom."""
    paragraph = Paragraph(markup, style)
    _, height = paragraph.wrapOn(canvas, width, 10_000)
    paragraph.drawOn(canvas, x, top - height)
    return top - float(height)


def tint(color: str, share: float) -> Color:
    """Mix a colour with white; 0 gives white and 1 the colour."""
    base = HexColor(color)
    return Color(*(1 - share * (1 - part) for part in (base.red, base.green, base.blue)))


def fill_rect(canvas: Canvas, x: float, y: float, width: float, height: float, color: str, radius: float = 0) -> None:
    """Fill a rectangle without an outline."""
    canvas.setFillColor(HexColor(color))
    canvas.roundRect(x, y, width, height, radius, stroke=0, fill=1)


def data_table(
    rows: Sequence[Sequence[object]],
    widths: Sequence[float],
    *,
    font: str = "Helvetica",
    size: float = 9.0,
    accent: str = "#1f3a5f",
    bold_rows: Iterable[int] = (),
    left_cols: Iterable[int] = (0,),
    zebra: bool = False,
    solid_head: bool = True,
    padding: float = 4.0,
    extra: Sequence[tuple[object, ...]] = (),
) -> Table:
    """Return a table with a head row; columns are right-aligned unless named in `left_cols`."""
    bold = f"{font.removesuffix('-Roman')}-Bold"
    commands: list[tuple[object, ...]] = [
        ("FONT", (0, 0), (-1, -1), font, size, size * 1.25),
        ("FONT", (0, 0), (-1, 0), bold, size, size * 1.25),
        ("ALIGN", (0, 0), (-1, -1), "RIGHT"),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("TOPPADDING", (0, 0), (-1, -1), padding),
        ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
        ("LEFTPADDING", (0, 0), (-1, -1), 5),
        ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("LINEBELOW", (0, 1), (-1, -1), 0.3, tint(accent, 0.35)),
        ("LINEBELOW", (0, -1), (-1, -1), 0.9, HexColor(accent)),
        *((("ALIGN", (col, 0), (col, -1), "LEFT")) for col in left_cols),
    ]
    if solid_head:
        commands += [
            ("BACKGROUND", (0, 0), (-1, 0), HexColor(accent)),
            ("TEXTCOLOR", (0, 0), (-1, 0), HexColor("#ffffff")),
        ]
    else:
        commands += [
            ("LINEBELOW", (0, 0), (-1, 0), 0.9, HexColor(accent)),
            ("TEXTCOLOR", (0, 0), (-1, 0), HexColor(accent)),
        ]
    if zebra:
        commands += [("BACKGROUND", (0, row), (-1, row), tint(accent, 0.07)) for row in range(2, len(rows), 2)]
    for row in bold_rows:
        commands += [
            ("FONT", (0, row), (-1, row), bold, size, size * 1.25),
            ("LINEABOVE", (0, row), (-1, row), 0.6, HexColor(accent)),
            ("BACKGROUND", (0, row), (-1, row), tint(accent, 0.08)),
        ]
    return Table(rows, colWidths=widths, style=TableStyle([*commands, *extra]), hAlign="LEFT")


def formula(tex: str, size: float = 10.5, color: str = "#000000") -> shapes.Drawing:
    """Set a TeX formula with matplotlib's mathtext as vector outlines."""
    text = TextPath((0, 0), f"${tex}$", size=size, prop=FontProperties(math_fontfamily="stix"))
    extents = text.get_extents()
    outline = shapes.Path(fillColor=HexColor(color), strokeColor=None, strokeWidth=0)
    here = (0.0, 0.0)
    for vertices, code in text.iter_segments(simplify=False, curves=True):
        points = [(float(x - extents.x0), float(y - extents.y0)) for x, y in vertices.reshape(-1, 2)]
        if code == text.MOVETO:
            outline.moveTo(*points[0])
        elif code == text.LINETO:
            outline.lineTo(*points[0])
        elif code == text.CURVE3:  # a quadratic curve, raised to a cubic one
            (cx, cy), (ex, ey) = points
            outline.curveTo(
                here[0] + 2 / 3 * (cx - here[0]),
                here[1] + 2 / 3 * (cy - here[1]),
                ex + 2 / 3 * (cx - ex),
                ey + 2 / 3 * (cy - ey),
                ex,
                ey,
            )
        elif code == text.CURVE4:
            outline.curveTo(*(part for point in points for part in point))
        else:
            outline.closePath()
            continue
        here = points[-1]
    drawing = shapes.Drawing(float(extents.width), float(extents.height))
    drawing.add(outline)
    return drawing
