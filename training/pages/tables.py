"""Tables: of figures, ruled or not, and of text in cells."""

from __future__ import annotations

from dataclasses import replace

from training.pages.block import Block, tinted
from training.pages.prose import paragraph, wrap
from training.pages.sheet import BLACK, WHITE, Style


def table(b: Block, x: float, y: float, width: float, bottom: float, size: float | None = None) -> float:
    """A table: a column of labels and several of right-aligned figures, ruled or not."""
    rng, theme, writer, sheet = b.rng, b.theme, b.writer, b.sheet
    size = size or rng.uniform(6, min(9.5, theme.size + 1))
    plain = replace(theme.text(rng, size), underline=False)
    bold = theme.text(rng, size, bold=True)
    columns = max(1, min(rng.randint(1, 9), int(width / size / 6)))
    first = width * rng.uniform(0.22, 0.5)
    step = size * rng.uniform(1.2, 1.9)
    pitch = (width - first) / columns
    ruled = rng.choice(("none", "rows", "grid", "head", "zebra", "leaders"))
    weight, pale = rng.uniform(0.25, 0.9), rng.choice((BLACK, (0.6, 0.6, 0.6), theme.accent))
    makers = [
        rng.choice((writer.amount, writer.integer, writer.amount, writer.percent, writer.money)) for _ in range(columns)
    ]
    if rng.random() < 0.25:
        makers = [rng.choice((m, writer.date, writer.code, writer.label, writer.name)) for m in makers]
    top = y
    if rng.random() < 0.85:
        band = rng.random() < 0.3
        if band:
            sheet.panel(x, y, width, step * 1.1, theme.accent)
        header = replace(bold, colour=WHITE if band else theme.accent if rng.random() < 0.3 else BLACK)
        base = y + step * 0.5 + size * 0.35
        upright = columns > 3 and rng.random() < 0.1 and y + 70 < bottom
        if upright:
            y, base = y + 50, base + 50
        for index in range(columns):
            text = rng.choice((writer.year, writer.year, writer.label, writer.date, writer.word))()
            if upright and header.width(text) <= 60:
                sheet.text(x + first + pitch * (index + 0.5) + size * 0.3, base, text, header, angle=90)
                continue
            _cell(b, text, header, x + first + pitch * (index + 1) - 3, base, pitch - 4, True)
        if rng.random() < 0.5:
            _cell(b, writer.label(), header, x + 3, base, first - 6, False)
        y += step * 1.1
        sheet.rule(x, y, x + width, y, weight, pale)
    row = 0
    while y + step < bottom and row < 60:
        total = rng.random() < 0.1
        style = bold if total else plain
        base = y + step * 0.5 + size * 0.35
        if ruled == "zebra" and row % 2:
            sheet.panel(x, y, width, step, theme.tint)
        indent = rng.choice((0, 0, 0, 8)) + 3
        end = _cell(b, writer.label(), style, x + indent, base, first - indent - 3, False)
        if ruled == "leaders" and end < x + first - 12:
            dots = "." * int((x + first - end - 4) / max(style.width("."), 0.5))
            sheet.text(end + 3, base, dots, style)
        if rng.random() > 0.06:
            for index, maker in enumerate(makers):
                _cell(b, maker(), style, x + first + pitch * (index + 1) - 3, base, pitch - 4, True)
        y += step
        row += 1
        if ruled in ("rows", "grid") or (total and ruled != "zebra"):
            sheet.rule(x, y, x + width, y, weight, pale)
    if ruled == "grid":
        sheet.panel(x, top, width, y - top, stroke=pale, weight=weight)
        for index in range(columns):
            sheet.rule(x + first + pitch * index, top, x + first + pitch * index, y, weight, pale)
    return y


def matrix(b: Block, x: float, y: float, width: float, bottom: float) -> float:
    """A table of text: cells of several lines in a grid, a shaded head."""
    rng, theme, writer, sheet = b.rng, b.theme, b.writer, b.sheet
    style, columns = theme.text(rng, rng.uniform(6.5, max(theme.size, 7))), rng.randint(2, 5)
    pitch, line = width / columns, rng.choice((BLACK, (0.6, 0.6, 0.6), theme.accent))
    step, boxed = style.size * theme.leading, rng.random() < 0.7
    for row in range(rng.randint(3, 12)):
        dark = row == 0 and rng.random() < 0.5
        face = theme.text(rng, style.size, bold=True, colour=WHITE if dark else BLACK) if row == 0 else style
        makers = (writer.label, writer.sentence, writer.amount, writer.date, writer.name)
        texts = [writer.title(1, 3) if row == 0 else rng.choice(makers)() for _ in range(columns)]
        height = max(len(wrap(text, face, pitch - 8)) for text in texts) * step + 6
        if y + height > bottom:
            break
        if row == 0 or rng.random() < 0.1:
            sheet.panel(x, y, width, height, theme.accent if dark else tinted(rng, False))
        for index, text in enumerate(texts):
            if boxed:
                sheet.panel(x + pitch * index, y, pitch, height, stroke=line, weight=0.5)
            paragraph(b, text, face, x + pitch * index + 4, y + 2, pitch - 8, y + height)
        y += height
        if not boxed:
            sheet.rule(x, y, x + width, y, 0.4, line)
    return y


def _cell(b: Block, text: str, style: Style, x: float, y: float, width: float, right: bool) -> float:
    """One line of text in a cell, with words left out at its end until it fits; where it ended."""
    while style.width(text) > width and " " in text:
        text = text.rpartition(" ")[0]
    if style.width(text) > width:
        return x
    return b.sheet.text(x, y, text, style, align="right" if right else "left")
