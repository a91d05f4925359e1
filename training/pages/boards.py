"""Whole pages to look at rather than to read: slides, posters, pages of charts and diagrams; and scientific papers."""

from __future__ import annotations

from dataclasses import replace

from training.pages.block import Block, tinted
from training.pages.charts import chart, diagram
from training.pages.pictures import distract, stamp
from training.pages.prose import furniture, heading, listing, paragraph
from training.pages.sheet import BLACK, WHITE, Align
from training.pages.tables import table


def slide(b: Block) -> None:
    """A slide: a title, few and large words, a coloured ground or band, a foot."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    width, height = sheet.width, sheet.height
    dark = rng.random() < 0.3
    ground = theme.accent if dark else rng.choice((WHITE, WHITE, theme.tint))
    if ground != WHITE:
        sheet.panel(0, 0, width, height, ground)
    ink = WHITE if dark else BLACK
    distract(b, rng.randint(0, 2))
    margin, y, size = width * rng.uniform(0.04, 0.09), height * 0.06, rng.uniform(18, 34)
    if rng.random() < 0.3:
        sheet.panel(0, 0, width, y + size * 1.8, theme.accent)
    title = replace(theme.title(rng, size), colour=ink if rng.random() < 0.5 or dark else theme.accent)
    bottom = height - 34
    y = paragraph(b, writer.title(1, 8), title, margin, y, width - 2 * margin, bottom, leading=1.15) + size * 0.5
    if rng.random() < 0.4:
        text = replace(theme.text(rng, size * 0.55), colour=ink)
        y = paragraph(b, writer.title(3, 12), text, margin, y, width - 2 * margin, bottom) + size * 0.4
    columns, gap = rng.choice((1, 1, 2, 2, 3)), width * 0.03
    each = (width - 2 * margin - gap * (columns - 1)) / columns
    text_size = rng.uniform(10, 24) if columns < 3 else rng.uniform(9, 16)
    for index in range(columns):
        x, roll = margin + (each + gap) * index, rng.random()
        if roll < 0.5:
            small = replace(theme, size=text_size)
            at = y
            for _ in range(rng.randint(1, 3)):
                at = listing(replace(b, theme=small), x, at, each, bottom, ink) + text_size * 0.6
        elif roll < 0.7:
            if dark:
                sheet.panel(x - 4, y, each + 8, bottom - y, WHITE)
            chart(replace(b, theme=replace(theme, size=max(text_size * 0.7, 9))), x, y, each, bottom - y - 4)
        elif roll < 0.75:
            diagram(b, (x, y, x + each, bottom))
        elif roll < 0.8:
            big = replace(theme.title(rng, rng.uniform(28, 60)), colour=ink)
            paragraph(
                b, rng.choice((writer.percent, writer.money, writer.integer, writer.year))(), big, x, y, each, bottom
            )
            paragraph(
                b,
                writer.sentence(3, 9),
                replace(theme.text(rng, text_size), colour=ink),
                x,
                y + big.size * 1.4,
                each,
                bottom,
            )
        elif roll < 0.9:
            sheet.panel(x, y, each, bottom - y, rng.choice((theme.tint, theme.accent)), radius=rng.choice((0, 8)))
            paragraph(b, writer.paragraph(3), theme.text(rng, text_size), x + 8, y + 6, each - 16, bottom)
        else:
            table(b, x, y, each, bottom, max(text_size * 0.75, 8))
    foot = replace(theme.text(rng, rng.uniform(6, 10)), colour=ink)
    if rng.random() < 0.7:
        sheet.text(margin, height - 12, writer.title(2, 7), foot)
    if rng.random() < 0.7:
        sheet.text(width - margin, height - 12, str(rng.randint(1, 99)), foot, align="right")


def charts(b: Block) -> None:
    """A page of charts with a few words between them."""
    rng, sheet, theme = b.rng, b.sheet, b.theme
    furniture(b)
    margin, bottom = min(theme.margin, 56), sheet.height - 44
    width, y = sheet.width - 2 * margin, 44.0
    y = heading(b, margin, y, width, bottom, rng.uniform(12, 28)) + 6
    columns = rng.choice((1, 2, 2, 3))
    each = (width - 14 * (columns - 1)) / columns
    while y < bottom - 120:
        height = min(rng.uniform(110, 260), bottom - y)
        if rng.random() < 0.15:
            diagram(b, (margin, y, margin + width, y + height - 8))
            y += height + 6
            continue
        for index in range(columns):
            x = margin + (each + 14) * index
            if rng.random() < 0.3:
                sheet.panel(x - 3, y, each + 6, height, theme.tint if rng.random() < 0.5 else None, (0.7, 0.7, 0.7))
            chart(b, x, y, each, height)
        y += height + 6
        if rng.random() < 0.6:
            y = paragraph(b, b.writer.paragraph(2), theme.text(rng), margin, y, width, bottom) + 6


def poster(b: Block) -> None:
    """A brochure or a poster: text of many sizes over coloured panels, pictures between."""
    rng, sheet, theme = b.rng, b.sheet, b.theme
    if rng.random() < 0.5:
        sheet.panel(0, 0, sheet.width, sheet.height, rng.choice((theme.tint, theme.accent)))
    distract(b, rng.randint(1, 4))
    rows = rng.randint(2, 5)
    height = (sheet.height - 40) / rows
    for row in range(rows):
        columns = rng.choice((1, 1, 2, 3))
        each = (sheet.width - 40) / columns
        for index in range(columns):
            x, y, size = 20 + each * index, 20 + height * row, rng.uniform(9, 26)
            if rng.random() < 0.7:
                sheet.panel(
                    x + 2, y + 2, each - 4, height - 4, tinted(rng, rng.random() < 0.6), radius=rng.choice((0, 0, 10))
                )
            ink = rng.choice((BLACK, WHITE, theme.accent, theme.tint))
            align: Align = rng.choice(("left", "center"))
            title = replace(theme.title(rng, size * rng.uniform(1, 2)), colour=ink)
            bottom = y + height - 8
            y = (
                paragraph(b, b.writer.title(1, 6), title, x + 12, y + 8, each - 24, bottom, align=align, leading=1.15)
                + 6
            )
            text = theme.text(rng, max(size * 0.6, 8), colour=ink)
            paragraph(b, b.writer.paragraph(rng.randint(1, 3)), text, x + 12, y, each - 24, bottom, align=align)
    stamp(b)


def paper(b: Block) -> None:
    """A scientific paper: title, authors, abstract, two columns with formulas, footnotes, references."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    margin, bottom = min(theme.margin, 60), sheet.height - 50
    width, y = sheet.width - 2 * margin, 50.0
    if rng.random() < 0.5:
        y = paragraph(
            b,
            writer.title(4, 12),
            theme.title(rng, rng.uniform(14, 20)),
            margin,
            y,
            width,
            bottom,
            align="center",
            leading=1.2,
        )
        names = ", ".join(f"{writer.name()}{rng.choice('¹²³*†')}" for _ in range(rng.randint(1, 5)))
        y = paragraph(b, names, theme.text(rng, 10), margin, y + 8, width, bottom, align="center")
        abstract = theme.text(rng, theme.size * 0.9, italic=rng.random() < 0.3)
        y = paragraph(b, writer.paragraph(5), abstract, margin + 30, y + 10, width - 60, bottom, justified=True) + 14
    columns, gap = rng.choice((1, 2, 2)), 18.0
    each = (width - gap * (columns - 1)) / columns
    style = replace(theme.text(rng), size=min(theme.size, 10))
    for index in range(columns):
        x, at = margin + (each + gap) * index, y
        references = rng.random() < 0.2
        while at < bottom - style.size * 4:
            roll = rng.random()
            if references:
                text = f"[{rng.randint(1, 99)}] {writer.name()}, {writer.name()}. {writer.title(4, 10)}. "
                text += f"{writer.title(2, 4)}, {writer.year()}, pp. {writer.integer(2, 3)}–{writer.integer(3, 4)}."
                at = paragraph(b, text, style.at(style.size * 0.9), x, at, each, bottom) + 2
            elif roll < 0.15:
                at = heading(b, x, at, each, bottom, theme.size * rng.uniform(1, 1.3))
            elif roll < 0.35:
                at += style.size * 2
                formula(b, x + each * 0.15, at, style.size * 1.1)
                sheet.text(x + each, at, f"({rng.randint(1, 30)})", style, align="right")
                at += style.size * 1.2
            elif roll < 0.42 and bottom - at > 160:
                at = chart(b, x, at, each, 140)
            elif roll < 0.5 and bottom - at > 120:
                at = table(b, x, at, each, at + rng.uniform(60, 110), 7)
            else:
                at = paragraph(b, writer.paragraph(rng.randint(2, 6)), style, x, at, each, bottom, justified=True) + 3


def formula(b: Block, x: float, y: float, size: float) -> None:
    """Something like a formula on one line, with indices raised and lowered."""
    rng, sheet = b.rng, b.sheet
    upright, slanted = b.theme.text(rng, size), b.theme.text(rng, size, italic=True)
    small = slanted.at(size * 0.7)
    for _ in range(rng.randint(3, 7)):
        symbol = rng.choice("abcdefghijkmnpqrstuvwxyzABCDEFGHKLMNPQRSTXYZαβγδεθλμπρσφψωΔΩΣ")
        x = sheet.text(x, y, symbol, slanted if slanted.face.covers(symbol) else upright) + size * 0.08
        if rng.random() < 0.5:
            x = sheet.text(x, y + rng.choice((size * 0.22, -size * 0.42)), rng.choice("ijkn012345"), small) + size * 0.1
        operator = rng.choice("=+−±×<>≤≥≈→∈∑∫(),/|·")
        x = sheet.text(x + size * 0.2, y, operator, upright) + size * 0.3
