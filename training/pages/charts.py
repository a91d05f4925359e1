"""Charts of bars, lines and sectors with their labels, and diagrams of boxes and arrows."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from training.pages.block import Block, shade, tinted
from training.pages.prose import paragraph, wrap
from training.pages.sheet import BLACK, WHITE, Colour, Style

Area = tuple[float, float, float, float]  # left, top, right, bottom


def chart(b: Block, x: float, y: float, width: float, height: float) -> float:
    """A chart of bars, lines or sectors with its labels; the y below it."""
    rng, theme, writer, sheet = b.rng, b.theme, b.writer, b.sheet
    size = rng.uniform(6, max(7.0, min(theme.size, 12.0)))
    style = theme.text(rng, size, colour=rng.choice((BLACK, (0.3, 0.3, 0.3), (0.45, 0.45, 0.45))))
    bottom = y + height
    if rng.random() < 0.8:
        y = paragraph(
            b, writer.title(2, 7), theme.title(rng, size * rng.uniform(1.1, 1.6)), x, y, width, bottom, leading=1.2
        )
    colours = [shade(rng) for _ in range(rng.randint(1, 4))]
    legend = bottom - size * 1.5
    at = x + size * 2
    for colour in colours:
        name = writer.label()
        if at + style.width(name) + size * 2 > x + width:
            break
        sheet.panel(at, legend, size * 0.8, size * 0.8, colour)
        at = sheet.text(at + size * 1.2, legend + size * 0.75, name, style) + size * 2
    area = (x + size * 4.5, y + size, x + width - 4, legend - size * 2.4)
    if area[3] - area[1] < 30 or area[2] - area[0] < 40:
        return bottom
    if rng.random() < 0.25:
        _pie(b, area, colours, style)
    else:
        _axes(b, area, colours, style)
        if rng.random() < 0.4:
            middle = (area[1] + area[3]) / 2 + 20
            sheet.text(x + size, middle, writer.label(), style, angle=90)
    return bottom


def _axes(b: Block, area: Area, colours: list[Colour], style: Style) -> None:
    rng, sheet, writer, size = b.rng, b.sheet, b.writer, style.size
    left, top, right, bottom = area
    count, groups = rng.randint(3, 6), rng.randint(3, 12)
    step, unit = rng.choice((1, 2, 5, 10, 20, 50, 100, 250, 1000, 0.5)), rng.choice(("", "", "%", "k", "€"))
    for index in range(count + 1):
        level = bottom - (bottom - top) * index / count
        if rng.random() < 0.9:
            sheet.rule(left, level, right, level, 0.3, (0.7, 0.7, 0.7), rng.choice(("", "2 2")))
        sheet.text(
            left - 3, level + size * 0.3, f"{step * index:g}{unit}".replace(".", writer.point), style, align="right"
        )
    sheet.rule(left, bottom, right, bottom, 0.8)
    if rng.random() < 0.6:
        sheet.rule(left, top, left, bottom, 0.8)
    pitch, lines, tilted = (right - left) / groups, rng.random() < 0.4, rng.random() < 0.15
    year, names = rng.randint(1990, 2020), rng.random() < 0.5
    series = [[rng.uniform(0.05, 0.9) for _ in range(groups)] for _ in colours]
    for index in range(groups):
        text = writer.word()[:9] if names else rng.choice((f"{year + index}", f"{year + index}", f"Q{index % 4 + 1}"))
        middle = left + pitch * (index + 0.5)
        if tilted:
            sheet.text(middle, bottom + size * 1.2, text, style, angle=-rng.choice((30, 45)))
        elif style.width(text) < pitch:
            sheet.text(middle, bottom + size * 1.2, text, style, align="center")
    labelled = rng.random() < 0.5
    for number, (colour, values) in enumerate(zip(colours, series, strict=True)):
        points = []
        for index, value in enumerate(values):
            height = (bottom - top) * value
            if lines:
                points.append((left + pitch * (index + 0.5), bottom - height))
                continue
            bar = pitch * 0.8 / len(colours)
            at = left + pitch * (index + 0.1) + bar * number
            sheet.panel(at, bottom - height, bar * 0.95, height, colour)
            value_text = writer.integer(1, 3) if labelled else ""
            if value_text and style.width(value_text) < bar:
                inside = height > size * 2 and rng.random() < 0.4
                sheet.text(at + bar / 2, bottom - height + (size * 1.2 if inside else -2), value_text,
                           replace(style, colour=WHITE if inside else BLACK), align="center")  # fmt: skip
        if lines:
            sheet.path(points, rng.uniform(0.7, 2), colour)


def _pie(b: Block, area: Area, colours: list[Colour], style: Style) -> None:
    rng, sheet, writer = b.rng, b.sheet, b.writer
    left, top, right, bottom = area
    x, y, radius = (left + right) / 2, (top + bottom) / 2, min(right - left, bottom - top) / 2 - style.size
    shares = np.cumsum([0.0, *(rng.uniform(0.3, 1) for _ in range(rng.randint(3, 6)))])
    shares *= 2 * math.pi / shares[-1]
    for index, (start, stop) in enumerate(pairwise(shares.tolist())):
        arc = [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in np.linspace(start, stop, 16)]
        colour = colours[index] if index < len(colours) else shade(rng)
        sheet.shape([(x, y), *arc], colour)
    for start, stop in pairwise(shares.tolist()):
        middle = (start + stop) / 2
        far = radius * 1.12
        text = rng.choice((writer.percent(), writer.label()))
        side = "left" if math.cos(middle) > 0 else "right"
        at = (x + far * math.cos(middle), y + far * math.sin(middle) + style.size * 0.3)
        width = style.width(text)
        if left - 20 < at[0] - (width if side == "right" else 0) and at[0] + (width if side == "left" else 0) < right:
            sheet.text(*at, text, style, align="left" if side == "left" else "right")


def diagram(b: Block, area: Area) -> None:
    """Boxes in rows with a few words in each, joined by lines."""
    rng, sheet, theme = b.rng, b.sheet, b.theme
    left, top, right, bottom = area
    size, rows = rng.uniform(7, 13), rng.randint(2, 5)
    dark, radius = rng.random() < 0.5, rng.choice((0, 0, 5, 12))
    ground, style = rng.choice((theme.accent if dark else theme.tint, tinted(rng, dark))), theme.text(rng, size)
    pitch, before = (bottom - top) / rows, (left + right) / 2
    for row in range(rows):
        columns = rng.randint(1, 4)
        each = (right - left) / columns
        for index in range(columns):
            x, y, width, height = left + each * index + 6, top + pitch * row, each - 12, pitch * 0.68
            if row:
                bend, middle = y - pitch * 0.16, x + width / 2
                way = [(before, y - pitch * 0.32), (before, bend), (middle, bend), (middle, y)]
                sheet.path(way, 0.8, theme.accent)
            sheet.panel(x, y, width, height, ground, rng.choice((None, BLACK)), radius=radius)
            text = replace(style, colour=WHITE if dark else BLACK)
            words = b.writer.title(1, 6)
            lines = min(len(wrap(words, text, width - 10)), int((height - 6) / (size * 1.2)))
            paragraph(
                b,
                words,
                text,
                x + 5,
                y + (height - lines * size * 1.2) / 2,
                width - 10,
                y + height,
                align="center",
                leading=1.2,
            )
        before = left + each * (rng.randrange(columns) + 0.5)
