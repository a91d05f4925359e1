"""Plots as SVG text, by hand, as three simple ones need no library. Knows no queries or systems, only numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH = 720
BLUE, GREEN, RED, GREY, INK = "#3b6ea5", "#2f8f5b", "#c0533a", "#d5d9de", "#222"


def bars(rows: Sequence[tuple[str, float, tuple[float, float] | None]], label: str) -> str:
    """Draw a bar from 0 to 1 for each row, with its interval as a whisker.

    Args:
        rows: Name, value and interval of each.
        label: What the values are.
    """
    left, right, step = 190, WIDTH - 60, 30
    height = len(rows) * step + 40

    def x(value: float) -> float:
        return left + value * (right - left)

    parts = []
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts += [_line(x(tick), 8, x(tick), height - 30, GREY), _text(x(tick), height - 14, f"{tick:g}", "middle")]
    for number, (name, value, interval) in enumerate(rows):
        top = 12 + number * step
        parts.append(_rectangle(left, top, x(value) - left, step - 12, BLUE, f"{name}: {value:.3f}"))
        end = x(value)
        if interval:
            low, high = map(x, interval)
            middle, end = top + (step - 12) / 2, high
            parts += [_line(low, middle, high, middle, INK)]
            parts += [_line(place, middle - 4, place, middle + 4, INK) for place in (low, high)]
        parts += [_text(left - 8, top + 13, name, "end"), _text(end + 6, top + 13, f"{value:.3f}")]
    return _svg(height, parts, label)


def scatter(points: Sequence[tuple[str, float, float]], across: str, up: str) -> str:
    """Draw named points, the first number on a logarithmic axis.

    Args:
        points: Name, a number above 0, and a number from 0 to 1 of each.
        across: What the first number is.
        up: What the second is.
    """
    left, right, top, bottom = 60, WIDTH - 150, 14, 250
    low = math.floor(math.log10(min(point[1] for point in points)))
    high = max(math.ceil(math.log10(max(point[1] for point in points))), low + 1)
    most = max(0.2, math.ceil(max(point[2] for point in points) * 5) / 5)

    def x(value: float) -> float:
        return left + (math.log10(value) - low) / (high - low) * (right - left)

    def y(value: float) -> float:
        return bottom - value / most * (bottom - top)

    parts = []
    for power in range(low, high + 1):
        parts += [_line(x(10**power), top, x(10**power), bottom, GREY)]
        parts += [_text(x(10**power), bottom + 18, f"{10**power:,g}", "middle")]
    for part in range(5):
        tick = most * part / 4
        parts += [_line(left, y(tick), right, y(tick), GREY), _text(left - 8, y(tick) + 4, f"{tick:.2g}", "end")]
    for name, first, second in points:
        shown = f"{name}: {first:,.0f}, {second:.3f}"
        parts.append(
            f'<circle cx="{x(first):.1f}" cy="{y(second):.1f}" r="5" fill="{BLUE}">'
            f"<title>{escape(shown)}</title></circle>"
        )
        parts.append(_text(x(first) + 9, y(second) + 4, name))
    parts += [_text((left + right) / 2, bottom + 38, across, "middle"), _text(left, top - 3, up)]
    return _svg(bottom + 46, parts, f"{up} by {across}")


def differences(changes: Sequence[tuple[str, float]], label: str) -> str:
    """Draw a thin bar for each difference between -1 and 1, gains up and losses down, in the order given.

    Args:
        changes: Name and difference of each.
        label: What they are.
    """
    left, right, middle, half = 50, WIDTH - 10, 105, 90
    width = (right - left) / max(1, len(changes))
    parts = []
    for tick in (-1, -0.5, 0, 0.5, 1):
        place = middle - tick * half
        parts += [
            _line(left, place, right, place, GREY),
            _text(left - 8, place + 4, f"{tick:+g}" if tick else "0", "end"),
        ]
    for number, (name, change) in enumerate(changes):
        top = middle - max(change, 0) * half
        colour = GREEN if change > 0 else RED
        shown = f"{name}: {change:+.3f}"
        parts.append(_rectangle(left + number * width, top, max(width - 1, 0.5), abs(change) * half, colour, shown))
    return _svg(2 * middle, parts, label)


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" role="img" '
        f'aria-label="{escape(label)}" font-family="sans-serif" font-size="12" fill="{INK}">\n'
        f'<rect width="{WIDTH}" height="{height:g}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _rectangle(x: float, y: float, width: float, height: float, colour: str, title: str) -> str:
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
