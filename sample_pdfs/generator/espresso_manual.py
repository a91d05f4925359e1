"""The manual of an invented espresso machine, ten A5 pages with drawn diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A5
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from .common import Column, data_table, fill_rect, new_canvas, text_style

BLACK, ORANGE, STEEL, DARK, PALE = "#1d1d1f", "#d9601a", "#c3c8cd", "#5d646b", "#f4f1ec"
WIDTH, HEIGHT = A5
MARGIN = 36.0
INNER = WIDTH - 2 * MARGIN

BODY = text_style(8.1, "Sans", "#26282b", 12.3)
BOLD = text_style(9.2, "Sans-Bold", ORANGE, 13)
SMALL = text_style(6.6, "Sans", "#5d646b", 9.2)
CELL = text_style(7, "Sans", "#26282b", 9.6)

Callout = tuple[int, float, float, float, float]
"""Number, x and y of its circle, x and y of the part it points at."""


def page(canvas: Canvas, chapter: str, title: str) -> Column:
    """Start a page with its chapter tab, heading and footer."""
    canvas.showPage()
    number = canvas.getPageNumber()
    fill_rect(canvas, WIDTH - 20, HEIGHT - 96, 20, 60, ORANGE)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans-Bold", 13)
    canvas.drawCentredString(WIDTH - 10, HEIGHT - 71, chapter)
    canvas.setFillColor(HexColor(DARK))
    canvas.setFont("Sans", 6.4)
    canvas.drawString(MARGIN, 22, "Velmora CX-21  ·  Instructions for use  ·  Edition 3")
    canvas.setFont("Sans-Bold", 7)
    canvas.drawRightString(WIDTH - MARGIN, 22, str(number))
    column = Column(canvas, MARGIN, HEIGHT - 36, INNER, 36)
    column.text(title, text_style(15, "Sans-Bold", BLACK, 19), after=3)
    fill_rect(canvas, MARGIN, column.y, 34, 2.4, ORANGE)
    column.skip(11)
    return column


def shape(canvas: Canvas, x: float, y: float, width: float, height: float, color: str, radius: float = 3) -> None:
    """Draw a filled, outlined rectangle."""
    canvas.setFillColor(HexColor(color))
    canvas.setStrokeColor(HexColor(BLACK))
    canvas.setLineWidth(0.9)
    canvas.roundRect(x, y, width, height, radius, stroke=1, fill=1)


def disc(canvas: Canvas, x: float, y: float, radius: float, color: str) -> None:
    """Draw a filled, outlined circle."""
    canvas.setFillColor(HexColor(color))
    canvas.setStrokeColor(HexColor(BLACK))
    canvas.setLineWidth(0.9)
    canvas.circle(x, y, radius, stroke=1, fill=1)


def hose(canvas: Canvas, points: Sequence[float], width: float, color: str) -> None:
    """Draw a Bézier pipe with an outline."""
    for line_width, tone in ((width + 1.8, BLACK), (width, color)):
        canvas.setStrokeColor(HexColor(tone))
        canvas.setLineWidth(line_width)
        canvas.setLineCap(1)
        canvas.bezier(*points)
    canvas.setLineCap(0)


def machine(canvas: Canvas) -> None:
    """Draw the front of the machine in a space of 200 by 210 points."""
    shape(canvas, 62, 186, 76, 15, "#dbe9f0", 4)  # water tank
    shape(canvas, 20, 122, 160, 64, STEEL, 9)  # head
    shape(canvas, 46, 34, 108, 90, "#aab0b6", 2)  # back plate
    shape(canvas, 14, 8, 172, 26, STEEL, 5)  # base
    shape(canvas, 30, 27, 140, 9, DARK, 2)  # drip grid
    canvas.setStrokeColor(HexColor("#aab0b6"))
    for i in range(13):
        canvas.line(36 + i * 10.6, 29, 36 + i * 10.6, 34)
    for x in (30, 158):
        shape(canvas, x, 1, 14, 8, BLACK, 2)
    disc(canvas, 52, 156, 17, "#ffffff")  # pressure gauge
    canvas.setLineWidth(0.6)
    for angle_x, angle_y in ((-11, -8), (-13.5, 0), (-9.5, 9.5), (0, 13.5), (9.5, 9.5), (13.5, 0), (11, -8)):
        canvas.line(52 + angle_x * 0.86, 156 + angle_y * 0.86, 52 + angle_x, 156 + angle_y)
    canvas.setStrokeColor(HexColor(ORANGE))
    canvas.setLineWidth(1.5)
    canvas.line(52, 156, 61, 164)
    for i in range(4):  # buttons
        disc(canvas, 88 + i * 20, 164, 6.2, "#ffffff" if i else ORANGE)
    shape(canvas, 82, 136, 72, 14, BLACK, 2)
    canvas.setFillColor(HexColor("#f7b27f"))
    canvas.setFont("Mono", 8)
    canvas.drawCentredString(118, 140, "93 °C   READY")
    shape(canvas, 82, 104, 36, 19, "#8c9399", 3)  # group head
    shape(canvas, 78, 92, 44, 13, DARK, 2)  # filter holder
    hose(canvas, (100, 96, 96, 88, 94, 80, 92, 70), 9, BLACK)  # its handle, towards the reader
    hose(canvas, (166, 128, 180, 110, 172, 76, 176, 52), 4.5, "#e2e5e8")  # steam wand
    disc(canvas, 187, 150, 9, BLACK)  # steam knob
    hose(canvas, (36, 124, 33, 112, 36, 104, 35, 92), 4, "#e2e5e8")  # hot water
    shape(canvas, 84, 36, 26, 21, "#ffffff", 4)  # cup


def callouts(canvas: Canvas, marks: Sequence[Callout]) -> None:
    """Draw numbered circles with a line to the part."""
    for number, x, y, to_x, to_y in marks:
        canvas.setStrokeColor(HexColor(ORANGE))
        canvas.setLineWidth(0.8)
        canvas.line(x, y, to_x, to_y)
        canvas.setFillColor(HexColor(ORANGE))
        canvas.circle(to_x, to_y, 1.5, stroke=0, fill=1)
        canvas.circle(x, y, 7.5, stroke=0, fill=1)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setFont("Sans-Bold", 7.4)
        canvas.drawCentredString(x, y - 2.7, str(number))


def part_list(column: Column, parts: Sequence[tuple[int, str]]) -> None:
    """Draw the key to a diagram in two columns."""
    half = -(-len(parts) // 2)
    rows: list[list[object]] = []
    for i in range(half):
        row: list[object] = [str(parts[i][0]), Paragraph(parts[i][1], CELL)]
        other = parts[i + half] if i + half < len(parts) else None
        rows.append([*row, str(other[0]), Paragraph(other[1], CELL)] if other else [*row, "", ""])
    head: list[object] = ["No.", "Part", "No.", "Part"]
    table = data_table(
        [head, *rows],
        [24, INNER / 2 - 24] * 2,
        font="Sans",
        size=7,
        accent=BLACK,
        left_cols=[1, 3],
        padding=2.4,
    )
    column.put(table, 10)


def warning(column: Column, markup: str, word: str = "WARNING", color: str = ORANGE) -> None:
    """Draw a boxed warning with a triangle."""
    paragraph = Paragraph(f'<font name="Sans-Bold" color="{color}">{word}</font>  {markup}', BODY)
    _, height = paragraph.wrapOn(column.canvas, column.width - 46, 1000)
    top = column.y
    canvas = column.canvas
    fill_rect(canvas, column.x, top - height - 12, column.width, height + 12, PALE, 3)
    fill_rect(canvas, column.x, top - height - 12, 3, height + 12, color)
    x, y = column.x + 12, top - height / 2 - 14
    sign = canvas.beginPath()
    sign.moveTo(x, y)
    sign.lineTo(x + 18, y)
    sign.lineTo(x + 9, y + 16)
    sign.close()
    canvas.setFillColor(HexColor(color))
    canvas.drawPath(sign, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans-Bold", 10)
    canvas.drawCentredString(x + 9, y + 2.6, "!")
    paragraph.drawOn(canvas, column.x + 38, top - height - 6)
    column.skip(height + 20)


def cover(canvas: Canvas) -> None:
    """Draw the cover with the machine."""
    fill_rect(canvas, 0, 0, WIDTH, HEIGHT, BLACK)
    fill_rect(canvas, 0, 0, WIDTH, 392, PALE)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans-Bold", 27)
    canvas.drawString(MARGIN, HEIGHT - 92, "VELMORA")
    canvas.setFillColor(HexColor("#f29a5c"))
    canvas.setFont("Sans", 27)
    canvas.drawString(MARGIN + 163, HEIGHT - 92, "CX-21")
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Sans", 10)
    canvas.drawString(MARGIN, HEIGHT - 116, "Espresso machine with steam wand")
    canvas.drawString(MARGIN, HEIGHT - 132, "Instructions for use")
    canvas.saveState()
    canvas.translate(65, 92)
    canvas.scale(1.42, 1.42)
    machine(canvas)
    canvas.restoreState()
    canvas.setFillColor(HexColor(DARK))
    canvas.setFont("Sans", 7)
    canvas.drawString(
        MARGIN, 40, "Read before first use and keep for later.  Edition 3, valid from serial number 21-40000"
    )


def safety(canvas: Canvas) -> None:
    """Draw the safety page."""
    column = page(canvas, "1", "For your safety")
    column.text(
        "The CX-21 is made for coffee in the home and in small offices of up to ten people. It is not meant "
        "for restaurants, for use outdoors or at heights above 2,200 m.",
        BODY,
        after=9,
    )
    warning(
        column,
        "Danger of electric shock. Never put the machine, its cable or its plug into water. Pull the plug "
        "before you clean the housing.",
    )
    warning(
        column,
        "Danger of scalding. Steam leaves the wand at 135 °C. Point it into the jug before you turn the knob "
        "and hold it only by the rubber grip.",
    )
    warning(
        column,
        "Never loosen the filter holder while coffee flows. Wait until the gauge reads zero, at least five "
        "seconds after the pump has stopped.",
    )
    column.text("Where to put it", BOLD, after=3)
    column.items(
        [
            "On a level, dry surface that carries 20 kg, out of reach of children under eight.",
            "At least 10 cm from the wall at the back and 25 cm below a cupboard, so that steam can escape.",
            "In a room between 5 and 35 °C. Water left inside freezes and breaks the boiler.",
            "On a socket with an earth contact and a fuse of 10 A. Do not use a timer switch.",
        ],
        BODY,
        gap=10,
    )
    column.skip(4)
    column.text("Children and helpers", BOLD, after=3)
    column.text(
        "Children from the age of eight and people with reduced abilities may use the machine if someone who "
        "knows it watches over them. Cleaning and descaling are not for children.",
        BODY,
        after=9,
    )
    column.text("If the cable is damaged", BOLD, after=3)
    column.text(
        "Do not repair it with tape. The cable has a special plug inside the housing and is replaced only by "
        "the Velmora service, part number 21-0775.",
        BODY,
    )


def parts(canvas: Canvas) -> None:
    """Draw the labelled front view."""
    column = page(canvas, "2", "The parts of the machine")
    base = column.y - 272
    fill_rect(canvas, MARGIN, base - 4, INNER, 272, PALE, 5)
    canvas.saveState()
    canvas.translate(74, base + 14)
    canvas.scale(1.2, 1.2)
    machine(canvas)
    canvas.restoreState()

    def at(x: float, y: float) -> tuple[float, float]:
        return 74 + 1.2 * x, base + 14 + 1.2 * y

    left, right = MARGIN + 14, WIDTH - MARGIN - 14
    marks: list[Callout] = [
        (1, right, base + 252, *at(126, 194)),
        (2, left, base + 226, *at(46, 160)),
        (3, MARGIN + 60, base + 253, *at(88, 164)),
        (4, right, base + 222, *at(146, 166)),
        (5, right, base + 186, *at(189, 150)),
        (6, right, base + 148, *at(152, 138)),
        (7, left, base + 172, *at(36, 116)),
        (8, left, base + 134, *at(86, 112)),
        (9, left, base + 100, *at(93, 76)),
        (10, right, base + 104, *at(174, 72)),
        (11, left, base + 60, *at(42, 32)),
        (12, right, base + 36, *at(180, 20)),
    ]
    callouts(canvas, marks)
    column.skip(284)
    part_list(
        column,
        [
            (1, "Water tank, 2.4 litres, with lid"),
            (2, "Pressure gauge, 0 to 16 bar"),
            (3, "On/off button (lights orange)"),
            (4, "Buttons for one cup, two cups, rinse"),
            (5, "Steam knob"),
            (6, "Display"),
            (7, "Hot water spout"),
            (8, "Brew group, 58 mm"),
            (9, "Filter holder with handle"),
            (10, "Steam wand with rubber grip"),
            (11, "Drip grid"),
            (12, "Drip tray with float, 0.9 litres"),
        ],
    )
    column.text(
        "In the box: machine, filter holder, sieves for one and two cups, blind sieve, tamper, brush, water "
        "test strip, spoon for 7 g.",
        SMALL,
    )


def group(canvas: Canvas) -> None:
    """Draw the exploded view of the brew group."""
    column = page(canvas, "3", "Brew group and filter holder")
    base = column.y - 268
    fill_rect(canvas, MARGIN, base, INNER, 268, PALE, 5)
    x = WIDTH / 2
    canvas.setStrokeColor(HexColor(DARK))
    canvas.setLineWidth(0.6)
    canvas.setDash(3, 3)
    canvas.line(x, base + 14, x, base + 256)
    canvas.setDash()
    shape(canvas, x - 50, base + 220, 100, 32, STEEL, 5)  # group
    shape(canvas, x - 38, base + 212, 76, 9, "#8c9399", 1)
    canvas.setFillColor(HexColor(BLACK))
    canvas.setStrokeColor(HexColor(BLACK))
    canvas.ellipse(x - 36, base + 184, x + 36, base + 198, stroke=1, fill=1)  # gasket
    canvas.setFillColor(HexColor(PALE))
    canvas.ellipse(x - 27, base + 187, x + 27, base + 195, stroke=1, fill=1)
    canvas.setFillColor(HexColor(STEEL))
    canvas.ellipse(x - 32, base + 156, x + 32, base + 170, stroke=1, fill=1)  # shower screen
    canvas.setFillColor(HexColor(BLACK))
    for i in range(-4, 5):
        canvas.circle(x + i * 5.5, base + 163 + (i % 2) * 2 - 1, 0.8, stroke=0, fill=1)
    disc(canvas, x, base + 140, 6, "#e0b04c")  # screw
    canvas.line(x - 4, base + 140, x + 4, base + 140)
    shape(canvas, x - 31, base + 92, 62, 26, "#e2e5e8", 3)  # sieve
    canvas.ellipse(x - 35, base + 114, x + 35, base + 122, stroke=1, fill=0)
    shape(canvas, x - 38, base + 46, 76, 26, DARK, 3)  # holder
    hose(canvas, (x + 38, base + 60, x + 60, base + 60, x + 84, base + 56, x + 100, base + 50), 11, BLACK)
    shape(canvas, x - 22, base + 24, 9, 23, DARK, 2)
    shape(canvas, x + 13, base + 24, 9, 23, DARK, 2)
    callouts(
        canvas,
        [
            (21, MARGIN + 40, base + 236, x - 42, base + 236),
            (22, WIDTH - MARGIN - 40, base + 196, x + 33, base + 192),
            (23, MARGIN + 40, base + 166, x - 28, base + 163),
            (24, WIDTH - MARGIN - 40, base + 142, x + 5, base + 140),
            (25, MARGIN + 40, base + 108, x - 29, base + 106),
            (26, WIDTH - MARGIN - 28, base + 90, x + 72, base + 60),
            (27, MARGIN + 40, base + 34, x - 20, base + 34),
        ],
    )
    column.skip(278)
    part_list(
        column,
        [
            (21, "Brew group, chromed brass"),
            (22, "Gasket, 8.5 mm, part 21-0310"),
            (23, "Shower screen"),
            (24, "Screw M5, hand-tight only"),
            (25, "Sieve for two cups, 18 g"),
            (26, "Filter holder"),
            (27, "Double spout"),
        ],
    )
    column.text(
        "Change the gasket (22) once a year, or when water runs over the edge of the filter holder. Pull the "
        "old one out with a hook, wet the new one and press it in with the bevelled side facing up. When the "
        "gasket is new, the handle stops at the five o'clock position; later it moves to six o'clock.",
        BODY,
    )


def first_use(canvas: Canvas) -> None:
    """Draw the page on the first use."""
    column = page(canvas, "4", "Before the first cup")
    column.text("Water hardness", BOLD, after=3)
    column.text(
        "Dip the test strip into tap water for one second, wait a minute and count the pink fields. Hold the "
        "rinse button for five seconds, then choose the level with the two cup buttons.",
        BODY,
        after=6,
    )
    rows = [
        ["Pink fields", "Hardness", "Level to set", "Descale after"],
        ["0 or 1", "soft, up to 7 °dH", "H1", "900 cups"],
        ["2", "medium, 8 to 14 °dH", "H2", "500 cups"],
        ["3", "hard, 15 to 21 °dH", "H3", "250 cups"],
        ["4", "very hard, over 21 °dH", "H4", "120 cups"],
    ]
    column.put(
        data_table(rows, [64, 112, 74, INNER - 250], font="Sans", size=7, accent=BLACK, left_cols=[0, 1], zebra=True),
        12,
    )
    column.text("Fill and heat up", BOLD, after=3)
    column.items(
        [
            "Rinse the water tank and fill it with cold water up to the MAX mark.",
            "Push it down until it clicks. Plug in the machine and press the on/off button.",
            "The pump fills the boiler for about 40 seconds; this is louder than later on.",
            "Wait until the display shows <b>READY</b>. From cold this takes six minutes.",
            "Press the rinse button three times without a filter holder, and let 200 ml run through the hot "
            "water spout.",
            "Throw this water away. The machine is now clean inside.",
        ],
        BODY,
        mark="1",
        gap=14,
    )
    column.skip(5)
    column.text("Settings", BOLD, after=3)
    column.text(
        "Press both cup buttons together to open the menu. Brew temperature can be set between 88 and 96 °C "
        "in steps of one degree; it leaves the factory at 93 °C. Pre-infusion can be 0, 3 or 6 seconds. The "
        "machine switches itself off after 30 minutes; this can be changed to 60 or 120 minutes.",
        BODY,
        after=8,
    )
    warning(
        column,
        "Do not use distilled water, water from a softener with salt, or milk in the tank. The level sensor "
        "would not work.",
        "NOTE",
        DARK,
    )


def brewing(canvas: Canvas) -> None:
    """Draw the page on brewing and milk."""
    column = page(canvas, "5", "Brewing and frothing")
    rows = [
        ["Drink", "Coffee", "In the cup", "Time", "Sieve"],
        ["Ristretto", "9 g", "18 ml", "18–22 s", "one cup"],
        ["Espresso", "9 g", "30 ml", "25–30 s", "one cup"],
        ["Double espresso", "18 g", "60 ml", "25–30 s", "two cups"],
        ["Lungo", "18 g", "110 ml", "38–45 s", "two cups"],
    ]
    column.put(data_table(rows, [96, 55, 70, 65, INNER - 286], font="Sans", size=7, accent=ORANGE, zebra=True), 12)
    column.text("Espresso step by step", BOLD, after=3)
    column.items(
        [
            "Lock the empty filter holder in and let it warm up for two minutes.",
            "Fill in freshly ground coffee and press it level with about 15 kg.",
            "Wipe the rim, lock the holder in and start within ten seconds.",
            "The gauge should read 8 to 10 bar. Press the button again to stop early.",
        ],
        BODY,
        mark="1",
        gap=14,
    )
    column.skip(4)
    column.text("Does it taste right?", BOLD, after=3)
    rows2: list[list[object]] = [["What you notice", "What to change"]]
    rows2 += [
        [Paragraph(sign, CELL), Paragraph(cure, CELL)]
        for sign, cure in (
            ("Sour, runs in under 20 seconds", "Grind finer, or raise the temperature by 1 °C"),
            ("Bitter, drips slowly", "Grind coarser, or use half a gram less"),
            ("Thin, no crema", "Use beans roasted less than six weeks ago"),
            ("Wet, muddy coffee cake", "Fill in more coffee; check the sieve for the right size"),
        )
    ]
    column.put(
        data_table(rows2, [140, INNER - 140], font="Sans", size=7, accent=BLACK, left_cols=[0, 1], padding=2.6),
        12,
    )
    column.text("Milk froth", BOLD, after=3)
    column.items(
        [
            "Fill a cold jug one third full. Open the steam knob for two seconds to blow out water.",
            "Hold the tip just under the surface until the milk feels warm, at about 37 °C.",
            "Sink the tip and let the milk turn until 60 to 65 °C. Above 70 °C it tastes boiled.",
            "Wipe the wand at once with a damp cloth and open the knob for one more second.",
        ],
        BODY,
        mark="1",
        gap=14,
    )


def cleaning(canvas: Canvas) -> None:
    """Draw the cleaning schedule."""
    column = page(canvas, "6", "Cleaning")
    mark = "●"
    rows: list[list[object]] = [["Part", "Each use", "Daily", "Weekly", "3 months"]]
    rows += [
        ["Steam wand: wipe and blow out", mark, "", "", ""],
        ["Filter holder and sieve: rinse", mark, "", "", ""],
        ["Drip tray: empty and wash", "", mark, "", ""],
        ["Water tank: rinse, fresh water", "", mark, "", ""],
        ["Brew group: backflush with water", "", mark, "", ""],
        ["Brew group: backflush with cleaner", "", "", mark, ""],
        ["Shower screen: unscrew and soak", "", "", mark, ""],
        ["Steam tip: unscrew, clear with needle", "", "", "", mark],
        ["Water filter in the tank: replace", "", "", "", mark],
    ]
    centred = [("ALIGN", (1, 0), (-1, -1), "CENTER"), ("TEXTCOLOR", (1, 1), (-1, -1), HexColor(ORANGE))]
    column.put(
        data_table(
            rows,
            [156, *[(INNER - 156) / 4] * 4],
            font="Sans",
            size=7,
            accent=BLACK,
            extra=centred,
            zebra=True,
        ),
        12,
    )
    column.text("Backflushing with cleaner", BOLD, after=3)
    column.items(
        [
            "Put the blind sieve into the filter holder and add half a spoon (3 g) of cleaning powder.",
            "Lock it in. Press the two-cup button for ten seconds, stop, wait ten seconds. Do this five times.",
            "Take the holder out and rinse it and the group.",
            "Repeat step 2 with clear water, then brew one coffee and throw it away.",
        ],
        BODY,
        mark="1",
        gap=14,
    )
    column.skip(5)
    column.text("What may go into the dishwasher", BOLD, after=3)
    column.text(
        "Only the drip grid and the lid of the water tank, on the upper rack and at no more than 50 °C. The "
        "filter holder would lose its chrome, and the drip tray would warp.",
        BODY,
        after=9,
    )
    column.text("Going on holiday", BOLD, after=3)
    column.text(
        "Empty the tank, run the pump until no more water comes and leave the steam knob open. If the "
        "machine may be exposed to frost, have the boiler drained by the service.",
        BODY,
    )


def descaling(canvas: Canvas) -> None:
    """Draw the descaling steps with a progress bar."""
    column = page(canvas, "7", "Descaling")
    column.text(
        "When the display shows <b>CALC</b>, descale within the next 30 cups. The programme takes 38 minutes "
        "and cannot be paused. You need one 120 ml bottle of Velmora descaler or 35 g of citric acid, and 2 "
        "litres of water.",
        BODY,
        after=8,
    )
    phases = [
        ("Preparation", 3, DARK),
        ("Acid, boiler", 14, ORANGE),
        ("Acid, wand", 6, "#e58c53"),
        ("Rinsing 1", 8, "#7fa9bf"),
        ("Rinsing 2", 7, "#a9c7d6"),
    ]
    x = MARGIN
    for name, minutes, color in phases:
        wide = INNER * minutes / 38
        fill_rect(canvas, x, column.y - 20, wide - 1, 20, color)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setFont("Sans-Bold", 6.6)
        canvas.drawCentredString(x + wide / 2, column.y - 12.5, f"{minutes} min")
        canvas.setFillColor(HexColor(DARK))
        canvas.setFont("Sans", 5.2)
        canvas.drawCentredString(x + wide / 2, column.y - 28, name)
        x += wide
    column.skip(42)
    column.items(
        [
            "Switch the machine on and let it cool to below 60 °C if it has just been used.",
            "Take out the water filter. Empty the drip tray and put it back.",
            "Pour the descaler and 0.9 litres of lukewarm water into the tank.",
            "Put a bowl of at least 1.5 litres under the brew group and turn the wand into it.",
            "Hold the rinse button and the one-cup button for three seconds. <b>CALC 1</b> appears.",
            "After 17 minutes the display asks for steam: open the steam knob. Close it when the signal sounds.",
            "At <b>CALC 2</b> empty the bowl, rinse the tank and fill it with fresh water up to MAX. Press rinse.",
            "At <b>CALC 3</b> repeat step 7. When the machine shows READY, put the water filter back.",
        ],
        BODY,
        mark="1",
        gap=14,
        after=5,
    )
    column.skip(4)
    warning(
        column,
        "Never use vinegar: it attacks the gaskets and leaves a smell. Descaler splashes stain marble; wipe "
        "them off at once.",
    )
    warning(
        column,
        "If the power fails during the programme, it begins again at CALC 2 for reasons of hygiene.",
        "NOTE",
        DARK,
    )
    column.text("The counter of cups since the last descaling is in the menu under INFO 4.", SMALL)


def errors(canvas: Canvas) -> None:
    """Draw the table of error codes."""
    column = page(canvas, "8", "Error codes")
    entries = [
        ("E01", "Tank empty or not in place", "Fill the tank and push it down until it clicks."),
        ("E02", "Drip tray full or missing", "Empty the tray; clean the float."),
        ("E03", "Boiler does not heat", "Switch off for 20 minutes. If E03 returns, call the service."),
        (
            "E04",
            "Boiler above 142 °C",
            "Thermostat has tripped. Press the red pin under the drip tray once it is cold.",
        ),
        (
            "E05",
            "Pump runs, no flow",
            "Air in the line: open the hot water for 30 seconds. Check the water filter.",
        ),
        ("E06", "Pressure above 12 bar", "Coffee too fine or sieve blocked. Backflush."),
        ("E07", "Level sensor", "Water too soft. Add a pinch of mineral salt, or use tap water."),
        ("E08", "Temperature sensor", "Cable loose or broken. Call the service."),
        ("E09", "Button pressed too long", "Dry the front panel; a wet button can stick."),
        ("E12", "Descaling overdue by 100 cups", "Brewing is locked. Descale now (chapter 7)."),
        ("E15", "Room too cold, below 5 °C", "Let the machine stand in a warm room for two hours."),
        ("E21", "Software", "Pull the plug for one minute. Settings are kept."),
    ]
    rows: list[list[object]] = [["Code", "Meaning", "What to do"]]
    rows += [[code, Paragraph(meaning, CELL), Paragraph(cure, CELL)] for code, meaning, cure in entries]
    mono: list[tuple[object, ...]] = [
        ("FONT", (0, 1), (0, -1), "Mono-Bold", 8),
        ("TEXTCOLOR", (0, 1), (0, -1), HexColor(ORANGE)),
        ("VALIGN", (0, 1), (-1, -1), "TOP"),
    ]
    column.put(
        data_table(rows, [38, 120, INNER - 158], font="Sans", size=7, accent=BLACK, left_cols=[0, 1, 2], extra=mono),
        12,
    )
    column.text("Trouble without a code", BOLD, after=3)
    column.items(
        [
            "<b>Water under the machine:</b> the drip tray is not pushed in all the way.",
            "<b>No steam:</b> the hole in the steam tip is blocked by milk. Clear it with the needle.",
            "<b>Loud rattling:</b> the tank is nearly empty, or the machine touches the wall.",
        ],
        BODY,
        gap=10,
    )


def data(canvas: Canvas) -> None:
    """Draw the technical data, spare parts and warranty."""
    column = page(canvas, "9", "Technical data")
    rows = [
        ["Property", "Value"],
        ["Voltage and frequency", "220–240 V, 50/60 Hz"],
        ["Power", "1,650 W"],
        ["Power when switched off", "0.3 W"],
        ["Boiler", "brass, 0.55 litres"],
        ["Pump", "vibration pump, 15 bar, set to 9 bar"],
        ["Noise while brewing", "58 dB(A)"],
        ["Width × depth × height", "268 × 342 × 395 mm"],
        ["Weight, empty", "11.4 kg"],
        ["Length of cable", "1.2 m"],
        ["Tallest cup that fits", "115 mm, or 142 mm without grid"],
    ]
    column.put(
        data_table(
            rows,
            [130, INNER - 130],
            font="Sans",
            size=7.2,
            accent=BLACK,
            left_cols=[0, 1],
            zebra=True,
            padding=3,
        ),
        12,
    )
    column.text("Spare parts and supplies", BOLD, after=3)
    rows = [
        ["Item", "Number", "Price"],
        ["Gasket for the brew group", "21-0310", "6.90"],
        ["Water filter, pack of three", "21-0422", "24.50"],
        ["Descaler, two bottles of 120 ml", "21-0508", "15.80"],
        ["Cleaning powder, 250 g", "21-0511", "12.20"],
        ["Filter holder without bottom", "21-0630", "48.00"],
    ]
    column.put(
        data_table(rows, [190, 60, INNER - 250], font="Sans", size=7.2, accent=ORANGE, left_cols=[0, 1], padding=2.6),
        12,
    )
    column.text("Warranty", BOLD, after=3)
    column.text(
        "Velmora repairs faults in material and workmanship free of charge for three years from the date on "
        "the receipt, and faults of the boiler for five. Damage by limescale, frost and wear of the gaskets "
        "is excluded. Keep the box for at least the first year: machines sent back without it travel at your "
        "own risk.",
        BODY,
        after=9,
    )
    column.text("Disposal", BOLD, after=3)
    column.text(
        "Old machines do not belong in household waste. Every shop that sells Velmora takes one back without "
        "charge. 92% of the materials by weight can be recycled.",
        BODY,
    )


def build(path: Path) -> None:
    """Write the manual."""
    canvas = new_canvas(path, A5, "Velmora CX-21 - Instructions for use", "Velmora")
    cover(canvas)
    for part in (safety, parts, group, first_use, brewing, cleaning, descaling, errors, data):
        part(canvas)
    canvas.save()
