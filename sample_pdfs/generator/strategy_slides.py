"""A strategy deck of an invented cargo bike service, ten slides."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

from . import charts
from .charts import Look, Series
from .common import box_text, fill_rect, new_canvas, text_style

INK, LIME, VIOLET, ROSE, MIST, WHITE = "#1b1440", "#b8e04a", "#5b3fd6", "#ff5d73", "#f3f1fb", "#ffffff"
WIDTH, HEIGHT = 960.0, 540.0
MARGIN = 60.0
LOOK = Look(size=15, ink=INK, grid="#ddd8f0", pen=4)


def slide(canvas: Canvas, heading: str, *, dark: bool = False, accent: str = VIOLET) -> None:
    """Start a slide with its heading and number."""
    canvas.showPage()
    fill_rect(canvas, 0, 0, WIDTH, HEIGHT, INK if dark else WHITE)
    fill_rect(canvas, 0, 0, 14, HEIGHT, accent)
    color = WHITE if dark else INK
    box_text(canvas, MARGIN, HEIGHT - 44, WIDTH - 2 * MARGIN, heading, text_style(32, "Helvetica-Bold", color, 38))
    canvas.setFont("Helvetica", 11)
    canvas.setFillColor(HexColor("#9a93bd"))
    canvas.drawString(MARGIN, 24, "Pedalune  /  Strategy 2030")
    canvas.drawRightString(WIDTH - MARGIN, 24, str(canvas.getPageNumber()))


def write(canvas: Canvas, x: float, y: float, text: str, size: float, color: str = INK, bold: bool = False) -> None:
    """Write one line."""
    canvas.setFont("Helvetica-Bold" if bold else "Helvetica", size)
    canvas.setFillColor(HexColor(color))
    canvas.drawString(x, y, text)


def wheel(canvas: Canvas, x: float, y: float, radius: float) -> None:
    """Draw a bicycle wheel with spokes in the current stroke colour."""
    canvas.circle(x, y, radius, stroke=1, fill=0)
    canvas.circle(x, y, radius * 0.14, stroke=1, fill=0)


def bike(canvas: Canvas, x: float, y: float, color: str) -> None:
    """Draw a cargo bike about 330 points wide."""
    canvas.saveState()
    canvas.translate(x, y)
    canvas.setStrokeColor(HexColor(color))
    canvas.setLineWidth(9)
    canvas.setLineJoin(1)
    canvas.setLineCap(1)
    wheel(canvas, 50, 50, 46)
    wheel(canvas, 290, 38, 34)
    frame = canvas.beginPath()
    frame.moveTo(50, 50)
    frame.lineTo(106, 50)
    frame.lineTo(86, 128)
    frame.lineTo(50, 50)
    frame.moveTo(106, 50)
    frame.lineTo(150, 44)
    frame.lineTo(290, 38)
    frame.moveTo(106, 50)
    frame.lineTo(158, 128)
    frame.lineTo(90, 112)
    frame.moveTo(152, 48)
    frame.lineTo(166, 150)
    frame.lineTo(144, 156)
    frame.moveTo(68, 132)
    frame.lineTo(104, 132)
    canvas.drawPath(frame)
    canvas.setFillColor(HexColor(LIME))
    box = canvas.beginPath()
    box.moveTo(172, 62)
    box.lineTo(262, 62)
    box.lineTo(276, 122)
    box.lineTo(168, 122)
    box.close()
    canvas.drawPath(box, stroke=1, fill=1)
    canvas.restoreState()


def title(canvas: Canvas) -> None:
    """Draw the title slide."""
    fill_rect(canvas, 0, 0, WIDTH, HEIGHT, INK)
    canvas.setFillColor(HexColor(VIOLET))
    canvas.circle(845, 230, 330, stroke=0, fill=1)
    bike(canvas, 575, 150, WHITE)
    write(canvas, MARGIN, 350, "Half the vans.", 60, WHITE, bold=True)
    write(canvas, MARGIN, 282, "Twice the city.", 60, LIME, bold=True)
    write(canvas, MARGIN, 225, "Pedalune strategy 2026 to 2030", 20, "#cfc8f0")
    write(canvas, MARGIN, 60, "Board retreat, Sandholm, 14 January 2026", 14, "#9a93bd")


def today(canvas: Canvas) -> None:
    """Draw three large figures."""
    slide(canvas, "Where we stand: big in three cities, profitable in one")
    figures = [
        ("4,150", "cargo bikes on the street", VIOLET),
        ("61%", "of trips replace a van or car", INK),
        ("€2.3m", "loss in 2025, half of 2024", ROSE),
    ]
    for i, (value, text, color) in enumerate(figures):
        x = MARGIN + i * 285
        fill_rect(canvas, x, 150, 265, 220, color, 16)
        write(canvas, x + 24, 262, value, 62, WHITE, bold=True)
        write(canvas, x + 24, 212, text, 17, WHITE)
    write(canvas, MARGIN, 96, "Only Brennau makes money. Oost-Haven breaks even in 2026, Vilhamn in 2027.", 18)


def growth(canvas: Canvas) -> None:
    """Draw the growth of trips."""
    slide(canvas, "Trips have tripled in four years", accent=LIME)
    trips = Series("Trips", [0.9, 1.3, 1.9, 2.4, 2.8], VIOLET)
    years = ["2021", "2022", "2023", "2024", "2025"]
    chart = charts.bars(
        560, 340, years, [trips], number="{:.1f}", axis_number="{:.0f}", unit="million trips", look=LOOK
    )
    chart.drawOn(canvas, MARGIN, 70)
    fill_rect(canvas, 660, 110, 240, 270, MIST, 14)
    write(canvas, 684, 310, "42 min", 42, VIOLET, bold=True)
    write(canvas, 684, 284, "average rental", 16)
    write(canvas, 684, 200, "18%", 42, ROSE, bold=True)
    write(canvas, 684, 174, "of trips are made by", 16)
    write(canvas, 684, 153, "shops and craftsmen", 16)


def cost(canvas: Canvas) -> None:
    """Draw the cost of one trip as a waterfall."""
    slide(canvas, "We lose 82 cents on every trip", accent=ROSE)
    steps = [
        ("Fare", 6.40, VIOLET),
        ("Battery swaps", -2.35, ROSE),
        ("Repairs", -1.72, ROSE),
        ("Vans", -1.15, ROSE),
        ("Rent, staff", -1.48, ROSE),
        ("Insurance", -0.52, ROSE),
        ("Result", -0.82, INK),
    ]
    level, zero, scale = 0.0, 150.0, 38.0
    for i, (name, value, color) in enumerate(steps):
        start = 0.0 if name == "Result" else level
        low, high = sorted((start, start + value))
        x = MARGIN + 10 + i * 119
        fill_rect(canvas, x, zero + low * scale, 88, (high - low) * scale, color)
        if name != "Result":
            level = start + value
        above = zero + high * scale + 8 if high > 0 else zero + low * scale - 21
        write(canvas, x + 14, above, f"{value:+.2f}".replace("-", "–"), 17, INK, bold=True)
        write(canvas, x, 78, name, 14)
    canvas.setStrokeColor(HexColor(INK))
    canvas.setLineWidth(1.2)
    canvas.line(MARGIN, zero, WIDTH - MARGIN, zero)
    write(canvas, MARGIN, 50, "Euros per trip, all cities, 2025", 14, "#7c75a0")


def bets(canvas: Canvas) -> None:
    """Draw the three bets."""
    slide(canvas, "Three bets until 2030", dark=True, accent=LIME)
    cards = [
        (
            "1",
            "Swap, don't fetch",
            "140 swap cabinets in shops. Riders change the battery and earn free minutes.",
            LIME,
        ),
        (
            "2",
            "Sell to business",
            "Monthly plans for bakers, florists and plumbers: from 18% to 40% of trips.",
            "#8f7bf0",
        ),
        ("3", "Build to last", "New frame M4: one bolt size, eight years of life instead of five.", ROSE),
    ]
    for i, (number, name, text, color) in enumerate(cards):
        x = MARGIN + i * 285
        fill_rect(canvas, x, 92, 265, 300, "#2a2160", 16)
        canvas.setFillColor(HexColor(color))
        canvas.circle(x + 48, 340, 28, stroke=0, fill=1)
        write(canvas, x + 38, 328, number, 34, INK, bold=True)
        write(canvas, x + 24, 264, name, 24, WHITE, bold=True)
        box_text(canvas, x + 24, 246, 218, text, text_style(17, color="#d9d4f5", leading=24))


def swaps(canvas: Canvas) -> None:
    """Draw the cost curve of battery swaps."""
    slide(canvas, "Bet 1: swap cabinets cut the biggest cost by two thirds")
    years = [2025, 2026, 2027, 2028, 2029, 2030]
    plan = [
        Series("With cabinets", [2.35, 2.10, 1.62, 1.18, 0.90, 0.78], VIOLET),
        Series("As today", [2.35, 2.38, 2.44, 2.50, 2.57, 2.63], ROSE),
    ]
    chart = charts.lines(
        600,
        350,
        years,
        plan,
        y_title="Euros per trip for battery swaps",
        y_number="{:.1f}",
        top=3.5,
        look=LOOK,
    )
    chart.drawOn(canvas, MARGIN, 62)
    for i, (value, text) in enumerate(
        (
            ("€42,000", "per cabinet with batteries"),
            ("26", "batteries in each"),
            ("400 m", "to the next one, at most"),
        )
    ):
        write(canvas, 700, 330 - i * 100, value, 36, VIOLET, bold=True)
        write(canvas, 700, 306 - i * 100, text, 15)


def timeline(canvas: Canvas) -> None:
    """Draw the roll-out timeline."""
    slide(canvas, "One new city a year, never two at once", accent=LIME)
    y = 245.0
    canvas.setStrokeColor(HexColor(VIOLET))
    canvas.setLineWidth(6)
    canvas.line(MARGIN + 10, y, WIDTH - MARGIN, y)
    stops = [
        ("Mar 2026", "Cabinets", "in Brennau", 60),
        ("Sep 2026", "Frame M4", "first 500 bikes", -1),
        ("May 2027", "Karlsby", "650 bikes", 60),
        ("Apr 2028", "Porto Sereno", "900 bikes", -1),
        ("Jun 2029", "Lindhaven", "700 bikes", 60),
        ("May 2030", "Twin Mills", "1,100 bikes", -1),
    ]
    for i, (when, name, more, side) in enumerate(stops):
        x = MARGIN + 55 + i * 146
        canvas.setFillColor(HexColor(LIME if side > 0 else ROSE))
        canvas.setStrokeColor(HexColor(INK))
        canvas.setLineWidth(3)
        canvas.circle(x, y, 13, stroke=1, fill=1)
        top = y + 108 if side > 0 else y - 48
        write(canvas, x - 45, top, when, 15, "#7c75a0")
        write(canvas, x - 45, top - 28, name, 22, INK, bold=True)
        write(canvas, x - 45, top - 50, more, 15)
    write(
        canvas,
        MARGIN,
        70,
        "A city opens only when the one before has covered its running costs for two quarters.",
        16,
    )


def money(canvas: Canvas) -> None:
    """Draw the investment plan."""
    slide(canvas, "€38 million in five years, most of it in bikes")
    plan = [
        Series("Bikes", [3.2, 4.1, 5.6, 4.4, 5.2], VIOLET),
        Series("Cabinets", [0.8, 1.6, 1.5, 1.1, 0.9], "#7ea31b"),
        Series("Software and depots", [1.9, 2.2, 2.3, 1.6, 1.6], INK),
    ]
    years = ["2026", "2027", "2028", "2029", "2030"]
    charts.bars(
        600,
        355,
        years,
        plan,
        stacked=True,
        number="{:.1f}",
        axis_number="{:.0f}",
        unit="€ million",
        top=10,
        look=LOOK,
    ).drawOn(canvas, MARGIN, 60)
    charts.doughnut(
        240,
        92,
        [("Loan", 16, VIOLET), ("Cash flow", 13, LIME), ("Shares", 9, ROSE)],
        number="{:.0f}",
        centre=("38", "€ million"),
        look=Look(size=10),
    ).drawOn(canvas, 678, 220)
    write(canvas, 678, 336, "Paid for by", 18, INK, bold=True)
    write(canvas, 678, 180, "Loan: 4.1% a year, fixed until 2032", 13)


def stops(canvas: Canvas) -> None:
    """Draw what is given up."""
    slide(canvas, "What we stop doing", dark=True, accent=ROSE)
    rows = [
        ("Tourist day passes", "7% of trips, 31% of damage"),
        ("Free parking anywhere", "fixed bays in all cities from October 2026"),
        ("Our own parcel service", "sold to the riders' cooperative in spring"),
        ("Repairs at night", "bikes rest from 23:00 to 5:00"),
    ]
    for i, (name, text) in enumerate(rows):
        y = 368 - i * 82
        canvas.setStrokeColor(HexColor(ROSE))
        canvas.setLineWidth(6)
        canvas.line(MARGIN + 4, y - 4, MARGIN + 30, y + 22)
        canvas.line(MARGIN + 4, y + 22, MARGIN + 30, y - 4)
        write(canvas, MARGIN + 56, y + 8, name, 27, WHITE, bold=True)
        write(canvas, MARGIN + 56, y - 16, text, 17, "#cfc8f0")


def decisions(canvas: Canvas) -> None:
    """Draw the decisions asked of the board."""
    slide(canvas, "Today we ask the board for four decisions", accent=LIME)
    rows = [
        "Release €5.9 million for 2026",
        "Approve the loan of €16 million from the city savings banks",
        "Order 500 frames M4, with an option on 2,000 more",
        "Appoint a head of business customers by April",
    ]
    for i, text in enumerate(rows):
        y = 350 - i * 78
        fill_rect(canvas, MARGIN, y - 18, WIDTH - 2 * MARGIN, 62, MIST, 10)
        write(canvas, MARGIN + 22, y, str(i + 1), 34, VIOLET, bold=True)
        write(canvas, MARGIN + 76, y + 4, text, 22)


def build(path: Path) -> None:
    """Write the slide deck."""
    canvas = new_canvas(path, (WIDTH, HEIGHT), "Pedalune strategy 2026 to 2030", "Pedalune")
    title(canvas)
    for part in (today, growth, cost, bets, swaps, timeline, money, stops, decisions):
        part(canvas)
    canvas.save()
