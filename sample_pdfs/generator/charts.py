"""Small vector charts; each function returns a reportlab drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportlab.graphics.shapes import Circle, Drawing, Line, PolyLine, Rect, String, Wedge
from reportlab.lib.colors import HexColor

GREY = "#8a8f98"
GRID = "#dfe3e8"
INK = "#333840"


@dataclass(frozen=True)
class Series:
    """Named values in one colour."""

    name: str
    values: Sequence[float]
    color: str


@dataclass(frozen=True)
class Look:
    """Font and text sizes of a chart."""

    font: str = "Helvetica"
    bold: str = "Helvetica-Bold"
    size: float = 8.0
    ink: str = INK
    grid: str = GRID
    pen: float = 1.5


def label(
    drawing: Drawing,
    x: float,
    y: float,
    text: str,
    look: Look,
    anchor: str = "middle",
    *,
    bold: bool = False,
    color: str = "",
    size: float = 0.0,
) -> None:
    """Add one line of text to a drawing."""
    drawing.add(
        String(
            x,
            y,
            text,
            textAnchor=anchor,
            fontName=look.bold if bold else look.font,
            fontSize=size or look.size,
            fillColor=HexColor(color or look.ink),
        )
    )


def nice_step(top: float, count: int = 5) -> float:
    """Return a round tick distance that gives about `count` ticks up to `top`."""
    raw = top / count
    power = 10.0 ** math.floor(math.log10(raw))
    return float(next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw))


def legend(drawing: Drawing, x: float, y: float, series: Sequence[Series], look: Look, gap: float = 14.0) -> None:
    """Add a row of colour keys that starts at x, y."""
    for entry in series:
        drawing.add(Rect(x, y, look.size, look.size, fillColor=HexColor(entry.color), strokeColor=None))
        label(drawing, x + look.size * 1.5, y + look.size * 0.12, entry.name, look, "start")
        x += look.size * 1.5 + len(entry.name) * look.size * 0.56 + gap


def bars(
    width: float,
    height: float,
    names: Sequence[str],
    series: Sequence[Series],
    *,
    stacked: bool = False,
    number: str = "{:.0f}",
    axis_number: str = "{:,.0f}",
    unit: str = "",
    top: float = 0.0,
    look: Look | None = None,
) -> Drawing:
    """Draw grouped or stacked vertical bars with values written on them."""
    look = look or Look()
    drawing = Drawing(width, height)
    left, low, high = look.size * 3.6, look.size * 2.0, height - look.size * 3.2
    totals = [
        sum(s.values[i] for s in series) if stacked else max(s.values[i] for s in series) for i in range(len(names))
    ]
    step = nice_step(top or max(totals) * 1.08)
    top = math.ceil((top or max(totals) * 1.08) / step - 1e-9) * step
    scale = (high - low) / top
    for tick in range(round(top / step) + 1):
        y = low + tick * step * scale
        drawing.add(Line(left, y, width, y, strokeColor=HexColor(look.grid), strokeWidth=0.5))
        label(drawing, left - 4, y - look.size * 0.35, axis_number.format(tick * step), look, "end", color=GREY)
    if unit:
        label(drawing, 0, height - look.size * 0.9, unit, look, "start", color=GREY)
    slot = (width - left) / len(names)
    for i, name in enumerate(names):
        x = left + i * slot
        label(drawing, x + slot / 2, low - look.size * 1.4, name, look)
        base, bar = low, slot * (0.5 if stacked else 0.74 / len(series))
        for j, entry in enumerate(series):
            size = entry.values[i] * scale
            bar_x = x + slot * 0.25 if stacked else x + slot * 0.13 + j * bar
            drawing.add(
                Rect(
                    bar_x,
                    base,
                    bar * (1 if stacked else 0.92),
                    size,
                    fillColor=HexColor(entry.color),
                    strokeColor=None,
                )
            )
            if stacked:
                if size > look.size * 1.3:
                    text = number.format(entry.values[i])
                    label(
                        drawing,
                        bar_x + bar / 2,
                        base + size / 2 - look.size * 0.35,
                        text,
                        look,
                        color="#ffffff",
                    )
                base += size
            else:
                label(drawing, bar_x + bar * 0.46, low + size + 3, number.format(entry.values[i]), look)
        if stacked:
            label(drawing, x + slot / 2, base + 3, number.format(totals[i]), look, bold=True)
    if len(series) > 1:
        legend(drawing, left + (len(unit) * look.size * 0.5 if unit else 0), height - look.size, series, look)
    return drawing


def level_bars(
    width: float,
    names: Sequence[str],
    values: Sequence[float],
    colors: Sequence[str],
    *,
    row: float = 22.0,
    name_width: float = 120.0,
    number: str = "{:.1f}",
    look: Look | None = None,
) -> Drawing:
    """Draw horizontal bars, the first one on top."""
    look = look or Look()
    height = row * len(names)
    drawing = Drawing(width, height)
    scale = (width - name_width - look.size * 5) / max(values)
    for i, (name, value, color) in enumerate(zip(names, values, colors, strict=True)):
        y = height - (i + 1) * row + row * 0.18
        label(drawing, name_width - 8, y + row * 0.32 - look.size * 0.35, name, look, "end")
        drawing.add(Rect(name_width, y, value * scale, row * 0.64, fillColor=HexColor(color), strokeColor=None))
        text_x = name_width + value * scale + 5
        label(drawing, text_x, y + row * 0.32 - look.size * 0.35, number.format(value), look, "start", bold=True)
    return drawing


def doughnut(
    width: float,
    height: float,
    parts: Sequence[tuple[str, float, str]],
    *,
    centre: tuple[str, str] = ("", ""),
    number: str = "{:.1f}",
    look: Look | None = None,
) -> Drawing:
    """Draw shares as a ring with a legend on its right."""
    look = look or Look()
    drawing = Drawing(width, height)
    radius = height / 2
    total = sum(value for _, value, _ in parts)
    angle = 90.0
    for _, value, color in parts:
        sweep = 360 * value / total
        drawing.add(
            Wedge(
                radius,
                radius,
                radius,
                angle - sweep,
                angle,
                fillColor=HexColor(color),
                strokeColor=HexColor("#ffffff"),
            )
        )
        angle -= sweep
    drawing.add(Circle(radius, radius, radius * 0.56, fillColor=HexColor("#ffffff"), strokeColor=None))
    label(drawing, radius, radius + 1, centre[0], look, bold=True, size=look.size * 1.9)
    label(drawing, radius, radius - look.size * 1.4, centre[1], look, color=GREY)
    row = look.size * 2.1
    y = radius + row * len(parts) / 2 - row * 0.7
    for name, value, color in parts:
        x = height + look.size * 2.5
        drawing.add(Rect(x, y, look.size, look.size, fillColor=HexColor(color), strokeColor=None))
        label(drawing, x + look.size * 1.8, y + 1, name, look, "start")
        label(
            drawing,
            width,
            y + 1,
            f"{number.format(value)}   {100 * value / total:.0f}%",
            look,
            "end",
            bold=True,
        )
        y -= row
    return drawing


def lines(
    width: float,
    height: float,
    xs: Sequence[float],
    series: Sequence[Series],
    *,
    x_title: str = "",
    y_title: str = "",
    x_ticks: Sequence[float] = (),
    x_number: str = "{:g}",
    y_number: str = "{:g}",
    low: float = 0.0,
    top: float = 0.0,
    dots: bool = True,
    legend_right: bool = True,
    look: Look | None = None,
) -> Drawing:
    """Draw line curves over a numeric x axis."""
    look = look or Look()
    drawing = Drawing(width, height)
    left, floor, ceiling, right = (
        look.size * 4.4,
        look.size * 3.4,
        height - look.size * 2.2,
        width - look.size * 0.8,
    )
    top = top or max(max(s.values) for s in series) * 1.08
    step = nice_step(top - low, 5)
    top = low + math.ceil((top - low) / step - 1e-9) * step

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - xs[0]) / (xs[-1] - xs[0])
        return left + across * (right - left), floor + (y - low) / (top - low) * (ceiling - floor)

    for tick in range(round((top - low) / step) + 1):
        _, y = place(xs[0], low + tick * step)
        drawing.add(Line(left, y, right, y, strokeColor=HexColor(look.grid), strokeWidth=0.5))
        label(drawing, left - 4, y - look.size * 0.35, y_number.format(low + tick * step), look, "end")
    for tick_x in x_ticks or xs:
        x, _ = place(tick_x, low)
        drawing.add(Line(x, floor, x, floor - 3, strokeColor=HexColor(GREY), strokeWidth=0.6))
        label(drawing, x, floor - look.size * 1.4, x_number.format(tick_x), look)
    drawing.add(Line(left, floor, right, floor, strokeColor=HexColor(GREY), strokeWidth=0.8))
    label(drawing, (left + right) / 2, look.size * 0.4, x_title, look)
    label(drawing, 0, height - look.size * 0.9, y_title, look, "start")
    for index, entry in enumerate(series):
        points = [place(x, y) for x, y in zip(xs, entry.values, strict=True)]
        flat = [part for point in points for part in point]
        drawing.add(PolyLine(flat, strokeColor=HexColor(entry.color), strokeWidth=look.pen))
        if dots:
            for x, y in points:
                drawing.add(
                    Circle(x, y, look.pen * 1.5, fillColor=HexColor(entry.color), strokeColor=HexColor("#ffffff"))
                )
        if len(series) > 1:
            wide = max(len(s.name) for s in series) * look.size * 0.5 + 22
            key_x = right - wide if legend_right else left + 8
            key_y = ceiling - look.size * (0.9 + 1.4 * index)
            drawing.add(Line(key_x, key_y, key_x + 15, key_y, strokeColor=HexColor(entry.color), strokeWidth=look.pen))
            label(drawing, key_x + 19, key_y - look.size * 0.35, entry.name, look, "start")
    return drawing
