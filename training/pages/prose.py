"""Blocks of running text: paragraphs, headings, lists, boxes, heads and feet.

Each takes a `Block` and a place, stops at `bottom`, and returns the y below what it drew.
"""

from __future__ import annotations

from dataclasses import replace

from training.pages.block import Block, tinted
from training.pages.sheet import BLACK, WHITE, Align, Colour, Style


def wrap(text: str, style: Style, width: float, hyphenated: bool = False) -> list[str]:
    """`text` in lines no wider than `width`; a word that is wider stands alone."""
    space, lines, used = style.width(" "), [], 0.0
    line: list[str] = []
    for word in text.split(" "):
        advance = style.width(word)
        if line and used + space + advance > width:
            cut = _break(word, style, width - used - space) if hyphenated else 0
            if cut:
                line.append(word[:cut] + "-")
                word = word[cut:]
                advance = style.width(word)
            lines.append(" ".join(line))
            line, used = [], 0.0
        used += advance + (space if line else 0.0)
        line.append(word)
    return [*lines, " ".join(line)]


def _break(word: str, style: Style, room: float) -> int:
    """Where to hyphenate `word` so that its head fits: after a vowel, three letters from either end; 0 if nowhere."""
    if len(word) < 7 or not word.isalpha():
        return 0
    fitting = (
        at for at in range(len(word) - 3, 2, -1) if word[at - 1] in "aeiouy" and style.width(word[:at] + "-") <= room
    )
    return next(fitting, 0)


def paragraph(b: Block, text: str, style: Style, x: float, y: float, width: float, bottom: float, *,
              justified: bool = False, align: Align = "left", leading: float | None = None,
              rich: bool = False) -> float:  # fmt: skip
    """Set `text` in lines from the top `y`; `rich` text has words of other faces and raised note marks in it."""
    step = style.size * (leading or b.theme.leading)
    lines = wrap(text, style, width, justified and b.rng.random() < 0.7)
    for index, line in enumerate(lines):
        if y + step > bottom:
            break
        y += step
        base = y - style.size * 0.25
        gaps = line.count(" ")
        if justified and gaps and index + 1 < len(lines):
            space = style.width(" ") + (width - style.width(line)) / gaps
            b.sheet.text(x, base, line, style, space=space)
        elif align != "left":
            b.sheet.text(x + (width / 2 if align == "center" else width), base, line, style, align=align)
        elif rich and gaps > 2 and b.rng.random() < 0.3:
            _mixed(b, line, style, x, base, x + width)
        else:
            b.sheet.text(x, base, line, style)
    return y


def _mixed(b: Block, line: str, style: Style, x: float, y: float, right: float) -> None:
    """One line with some of its words in another face, and perhaps a raised note mark."""
    rng, words = b.rng, line.split(" ")
    first = rng.randrange(len(words))
    last = first + rng.randint(1, 4)
    other = b.theme.text(rng, style.size, rng.random() < 0.6, rng.random() < 0.4, style.colour)
    if rng.random() < 0.3:
        other = replace(style, underline=True, colour=rng.choice((style.colour, (0.1, 0.2, 0.8))))
    space = style.width(" ")
    for part, face in ((words[:first], style), (words[first:last], other), (words[last:], style)):
        text = " ".join(part)
        if text and x + face.width(text) < right + space:
            x = b.sheet.text(x, y, text, face, ends=False) + space
            if face is other and rng.random() < 0.3:
                note = str(rng.randint(1, 40))
                b.sheet.text(x - space + 0.5, y - style.size * 0.4, note, style.at(style.size * 0.65))
                x += style.size * 0.65
    b.sheet.text(x, y, "", style)


def heading(b: Block, x: float, y: float, width: float, bottom: float, size: float | None = None) -> float:
    """A heading of one of three levels."""
    rng, theme = b.rng, b.theme
    size = size or theme.size * rng.choice((1.0, 1.15, 1.3, 1.6, 2.0, 2.6))
    text = b.writer.title(1, 7)
    if rng.random() < 0.3:
        text = f"{'.'.join(str(rng.randint(1, 12)) for _ in range(rng.randint(1, 3)))}{rng.choice(('', '.'))} {text}"
    style = theme.title(rng, size)
    y = paragraph(b, text, style, x, y + size * 0.5, width, bottom, leading=1.15,
                  align=rng.choice(("left",) * 5 + ("center",)))  # fmt: skip
    if rng.random() < 0.12:
        y += size * 0.25
        b.sheet.rule(x, y, x + width, y, rng.uniform(0.4, 2), theme.accent)
    return y + size * 0.3


def listing(b: Block, x: float, y: float, width: float, bottom: float, ink: Colour = BLACK) -> float:
    """A list with bullets or numbers."""
    rng, style = b.rng, b.theme.text(b.rng, colour=ink)
    sign = rng.choice("•••–-*●■○►✓1a")
    for index in range(rng.randint(2, 7)):
        if y + style.size * 2 > bottom:
            break
        lead = f"{index + 1}{rng.choice('.)')}" if sign == "1" else f"({chr(97 + index)})" if sign == "a" else sign
        indent = style.size * rng.choice((1.2, 1.5, 2.0)) + style.width(lead) * (sign in "1a")
        top = y
        y = paragraph(b, b.writer.sentence(2, 16), style, x + indent, y, width - indent, bottom)
        if y > top:
            b.sheet.text(x, top + style.size * (b.theme.leading - 0.25), lead, style)
    return y


def callout(b: Block, x: float, y: float, width: float, bottom: float) -> float:
    """Text in a tinted or framed box."""
    rng, theme = b.rng, b.theme
    dark = rng.random() < 0.35
    ground = rng.choice((theme.tint, tinted(rng, False))) if not dark else rng.choice((theme.accent, tinted(rng, True)))
    style = theme.text(
        rng, theme.size * rng.uniform(0.85, 1.3), rng.random() < 0.3, rng.random() < 0.2, WHITE if dark else BLACK
    )
    text, pad = b.writer.paragraph(rng.randint(1, 3)), rng.uniform(5, 14)
    height = len(wrap(text, style, width - 2 * pad)) * style.size * theme.leading + 2 * pad
    if y + height > bottom:
        return y
    framed = rng.random() < 0.3
    b.sheet.panel(x, y, width, height, None if framed and not dark else ground, theme.accent if framed else None,
                  radius=rng.choice((0, 0, 6)))  # fmt: skip
    paragraph(b, text, style, x + pad, y + pad, width - 2 * pad, y + height)
    return y + height


def furniture(b: Block) -> None:
    """A running head, a foot, a page number, by chance."""
    rng, sheet, theme, writer = b.rng, b.sheet, b.theme, b.writer
    style = theme.text(rng, rng.uniform(6, 9), colour=rng.choice((BLACK, (0.4, 0.4, 0.4), theme.accent)))
    edge, left, right = rng.uniform(16, 28), theme.margin, sheet.width - theme.margin
    if rng.random() < 0.04:
        sheet.text(rng.choice((18.0, sheet.width - 10)), sheet.height * 0.7, writer.title(3, 8), style, angle=90)
    if rng.random() < 0.5:
        sheet.text(left, edge, writer.title(1, 6), style)
        if rng.random() < 0.5:
            sheet.text(right, edge, rng.choice((writer.name, writer.date, writer.code))(), style, align="right")
        if rng.random() < 0.3:
            sheet.rule(left, edge + 5, right, edge + 5, 0.5, theme.accent)
    if rng.random() < 0.7:
        number = rng.choice(("{}", "{}", "– {} –", "Page {} of 120", "{} / 48", "Seite {}", "p. {}")).format(
            rng.randint(1, 400)
        )
        where: Align = rng.choice(("center", "right", "left"))
        at = {"center": sheet.width / 2, "right": right, "left": left}[where]
        sheet.text(at, sheet.height - edge + 8, number, style, align=where)
    if rng.random() < 0.4:
        sheet.text(left, sheet.height - edge + 8, rng.choice((writer.title(2, 8), writer.name(), writer.code())), style)
