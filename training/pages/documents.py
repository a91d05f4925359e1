"""Whole pages of running text, tables and fields: reports, filings, forms, letters, papers, contents, code."""

from __future__ import annotations

from training.pages.block import Block, tinted
from training.pages.charts import chart
from training.pages.pictures import distract, stamp
from training.pages.prose import callout, furniture, heading, listing, paragraph
from training.pages.sheet import BLACK, WHITE, Style
from training.pages.tables import matrix, table


def report(b: Block) -> None:
    """Running text in one, two or three columns."""
    rng, sheet, theme = b.rng, b.sheet, b.theme
    if rng.random() < 0.1:
        sheet.panel(0, 0, sheet.width, sheet.height, rng.choice((theme.tint, tinted(rng, False), theme.accent)))
    furniture(b)
    columns, gap = rng.choice((1, 1, 1, 2, 2, 3)), rng.uniform(12, 24)
    margin, bottom = theme.margin, sheet.height - max(theme.margin * 0.8, 36)
    y = max(theme.margin, 36)
    if rng.random() < 0.35:
        y = heading(b, margin, y, sheet.width - 2 * margin, bottom, rng.uniform(14, 36)) + 8
    width = (sheet.width - 2 * margin - gap * (columns - 1)) / columns
    for index in range(columns):
        column(b, margin + (width + gap) * index, y, width, bottom)


def column(b: Block, x: float, y: float, width: float, bottom: float) -> float:
    """A column of running text: headings, paragraphs, lists, now and then a small table or chart."""
    rng, theme = b.rng, b.theme
    justified, indent = rng.random() < 0.5, rng.choice((0.0, 0.0, theme.size * 1.5))
    style = theme.text(rng, italic=rng.random() < 0.03)
    while y + style.size * 3 < bottom:
        roll = rng.random()
        if roll < 0.14:
            y = heading(b, x, y, width, bottom)
        elif roll < 0.24:
            y = listing(b, x, y, width, bottom)
        elif roll < 0.29 and bottom - y > 120:
            y = table(b, x, y, width, min(bottom, y + rng.uniform(80, 220)))
        elif roll < 0.34:
            y = callout(b, x, y, width, bottom)
        elif roll < 0.36 and bottom - y > 120:
            y = matrix(b, x, y, width, bottom)
        elif roll < 0.39 and bottom - y > 170:
            y = chart(b, x, y, width, rng.uniform(120, min(240, bottom - y - 20)))
            kind = rng.choice(("Figure", "Fig.", "Abb.", "Chart", "Table"))
            caption = theme.text(rng, theme.size * 0.85, italic=rng.random() < 0.5)
            text = f"{kind} {rng.randint(1, 20)}: {b.writer.sentence()}"
            y = paragraph(b, text, caption, x, y + 4, width, bottom)
        else:
            other = (
                theme.text(rng, bold=rng.random() < 0.5, italic=rng.random() < 0.5) if rng.random() < 0.12 else style
            )
            y = paragraph(b, b.writer.paragraph(rng.randint(1, 6)), other, x + indent, y, width - indent, bottom,
                          justified=justified, rich=True)  # fmt: skip
        y += style.size * rng.choice((0.3, 0.6, 1.0))
    return y


def filing(b: Block) -> None:
    """A page of dense tables, as of a filing."""
    rng, sheet, theme = b.rng, b.sheet, b.theme
    furniture(b)
    margin, bottom = min(theme.margin, 50), sheet.height - 40
    y, width = 40.0, sheet.width - 2 * min(theme.margin, 50)
    while y < bottom - 60:
        if rng.random() < 0.7:
            y = heading(b, margin, y, width, bottom, rng.uniform(8, 16))
        if rng.random() < 0.4:
            y = paragraph(b, b.writer.paragraph(rng.randint(1, 3)), theme.text(rng), margin, y, width, bottom) + 6
        y = table(b, margin, y, width, min(bottom, y + rng.uniform(100, 600))) + rng.uniform(6, 20)


def form(b: Block) -> None:
    """A form: small labels, boxes to fill in, some filled in, boxes to tick."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    furniture(b)
    margin, bottom = min(theme.margin, 50), sheet.height - 44
    width = sheet.width - 2 * margin
    y = heading(b, margin, 40, width, bottom, rng.uniform(12, 22)) + 4
    label, value = theme.text(rng, rng.uniform(6, 8)), rng.choice((theme.mono, theme.body))
    entry = Style(value.pick(rng), rng.uniform(8, 11), rng.choice((BLACK, (0.1, 0.1, 0.5))))
    line, inside = rng.choice((BLACK, (0.5, 0.5, 0.5), theme.accent)), rng.random() < 0.6
    while y < bottom - 60:
        roll = rng.random()
        if roll < 0.12:
            sheet.panel(margin, y, width, 15, theme.accent)
            sheet.text(margin + 4, y + 11, writer.title(1, 6), theme.text(rng, 9, bold=True, colour=WHITE))
            y += 18
        elif roll < 0.25:
            y = paragraph(b, writer.paragraph(rng.randint(1, 3)), label, margin, y, width, bottom) + 6
        elif roll < 0.4:
            for _ in range(rng.randint(2, 5)):
                sheet.panel(margin + 4, y + 3, 8, 8, stroke=line)
                if rng.random() < 0.4:
                    sheet.rule(margin + 5, y + 4, margin + 11, y + 10, 1)
                    sheet.rule(margin + 11, y + 4, margin + 5, y + 10, 1)
                sheet.text(margin + 18, y + 10, writer.sentence(2, 9), theme.text(rng, 8))
                y += 14
        else:
            count, height = rng.randint(1, 4), rng.uniform(24, 32)
            for index in range(count):
                x, each = margin + width * index / count, width / count
                if inside:
                    sheet.panel(x, y, each, height, stroke=line)
                else:
                    sheet.rule(x, y + height, x + each - 8, y + height, 0.5, line)
                sheet.text(
                    x + 3,
                    y + label.size + 1,
                    f"{rng.randint(1, 60)} {writer.label()}" if inside else f"{writer.label()}:",
                    label,
                )
                if rng.random() < 0.75:
                    maker = rng.choice(
                        (writer.name, writer.date, writer.code, writer.money, writer.integer, writer.label)
                    )
                    sheet.text(x + 6, y + height - 4, maker(), entry)
            y += height + (0 if inside else 6)


def letter(b: Block) -> None:
    """A letter or an invoice: sender, address, date, text or items, a total, a signature."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    margin, style, small = max(theme.margin, 50), theme.text(rng), theme.text(rng, 7)
    right, bottom = sheet.width - margin, sheet.height - 70
    distract(b, rng.randint(0, 1))
    sheet.text(right, 60, writer.name(), theme.title(rng, rng.uniform(14, 28)), align="right")
    y = 110.0
    for maker in (writer.name, writer.title, writer.code, writer.name, writer.title):
        sheet.text(margin, y, maker(), style)
        y += style.size * 1.35
    for index in range(rng.randint(1, 5)):
        text = f"{writer.word().capitalize()}: {rng.choice((writer.code, writer.date, writer.integer))()}"
        sheet.text(right, 110 + index * style.size * 1.35, text, style, align="right")
    y = heading(b, margin, y + 24, right - margin, bottom, theme.size * rng.uniform(1, 1.6)) + 6
    if rng.random() < 0.5:
        y = paragraph(b, writer.paragraph(1), style, margin, y, right - margin, bottom) + 8
        y = table(b, margin, y, right - margin, min(bottom, y + rng.uniform(100, 360)), rng.uniform(7, 10)) + 8
    for _ in range(rng.randint(1, 4)):
        y = paragraph(b, writer.paragraph(rng.randint(1, 5)), style, margin, y, right - margin, bottom) + style.size
    sheet.text(margin, min(y + 30, bottom + 20), writer.name(), theme.text(rng, italic=rng.random() < 0.5))
    stamp(b)
    sheet.rule(margin, sheet.height - 50, right, sheet.height - 50, 0.5)
    for index in range(3):
        for row in range(3):
            maker = rng.choice((writer.code, writer.name, writer.code, writer.integer))
            sheet.text(margin + (right - margin) * index / 3, sheet.height - 40 + row * 9, maker(), small)


def contents(b: Block) -> None:
    """A table of contents or an index: titles, dot leaders, page numbers."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    furniture(b)
    margin, bottom = theme.margin, sheet.height - 50
    right = sheet.width - margin
    y = heading(b, margin, 46, right - margin, bottom, rng.uniform(14, 30)) + 10
    dots, size, page, chapter, section = rng.choice((".", ".", " .", "", "_")), rng.uniform(8, 12), 1, 0, 0
    while y < bottom:
        deep = rng.random() < 0.7 and chapter > 0
        chapter, section = (chapter, section + 1) if deep else (chapter + 1, 0)
        style = theme.text(rng, size, bold=not deep and rng.random() < 0.7)
        y += size * rng.choice((1.3, 1.5)) + (0 if deep else size * 0.4)
        number = f"{chapter}.{section}" if deep else f"{chapter}"
        x = margin + (18 if deep else 0)
        end = sheet.text(x + style.width(number) + 8, y, writer.title(1, 7), style)
        sheet.text(x, y, number, style)
        page += rng.randint(0, 9)
        start = sheet.text(right, y, f"{page}", style, align="right") - style.width(f"{page}")
        count = int((start - end - 8) / max(style.width(dots), 1)) if dots else 0
        if count > 2:
            sheet.text(end + 4, y, (dots * count).strip(), style)


def program(b: Block) -> None:
    """A page with program text or a log in a face of fixed width."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    furniture(b)
    margin, bottom = theme.margin, sheet.height - 50
    width, size = sheet.width - 2 * margin, rng.uniform(6.5, 10)
    y = heading(b, margin, 44, width, bottom) + 4
    y = paragraph(b, writer.paragraph(2), theme.text(rng), margin, y, width, bottom) + 8
    dark, numbered, depth = rng.random() < 0.2, rng.random() < 0.4, 0
    sheet.panel(
        margin - 4,
        y - 2,
        width + 8,
        bottom - y + 6,
        (0.13, 0.14, 0.17) if dark else rng.choice((WHITE, (0.95, 0.95, 0.95))),
    )
    ink, face, row = WHITE if dark else BLACK, theme.mono.pick(rng), 1
    while y < bottom - size * 1.5:
        depth = min(max(depth + rng.choice((-1, 0, 0, 0, 1)), 0), 5)
        a, c, d = (
            "_".join(writer.vocabulary.draw(rng, writer.language) for _ in range(rng.randint(1, 2))) for _ in range(3)
        )
        line = rng.choice((
            f"{a} = {c}({d}, {rng.randint(0, 999)})", f"if {a} != {c}.{d}[{rng.randint(0, 9)}]:",
            f"def {a}({c}: {d}) -> {a}:", f"return {a} + {c} * {d}", f"# {writer.words(5)}", f"for {a} in {c}({d}):",
            f"<{a} {c}=\"{d}\">", f"int {a} = &{c}->{d};", f"{{ \"{a}\": {rng.random():.4f}, \"{c}\": null }}",
            f"$ {a} --{c}={d} | {a} > /{c}/{d}.txt", f"import {a}.{c} as {d}",
            f"{rng.randint(10, 23)}:{rng.randint(10, 59)} [{a.upper()}] {c} {d}: 0x{rng.getrandbits(24):06x}",
        ))  # fmt: skip
        y += size * 1.25
        indent = size * 2.4 * depth * 0.8
        room = width - indent - (26 if numbered else 4)
        style = Style(face, size, ink if rng.random() < 0.6 else tinted(rng, dark))
        while style.width(line) > room and " " in line:
            line = line.rpartition(" ")[0]
        if numbered:
            sheet.text(margin + 16, y, str(row), Style(face, size, (0.5, 0.5, 0.5)), align="right")
        sheet.text(margin + (24 if numbered else 2) + indent, y, line, style)
        row += 1
