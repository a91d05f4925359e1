"""A filled-in travel expense form of an invented institute, three pages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from .common import box_text, fill_rect, new_canvas, text_style

WIDTH, HEIGHT = A4
MARGIN = 45.0
INNER = WIDTH - 2 * MARGIN
GREEN, PALE, PEN, GREY = "#1d5c46", "#e9f1ed", "#1b2f9a", "#5d6a64"
SMALL = text_style(7.6, color=GREY, leading=10)

EXPENSES = (
    ("1", "3 June", "Train Brackwater – Hollin Cross, return, 2nd class", "R1", 84.60),
    ("2", "3 June", "Ferry to Vestholm", "R2", 37.20),
    ("3", "3–6 June", "Hotel Gannet, 3 nights at 109.00, no breakfast", "R3", 327.00),
    ("4", "4 June", "Conference fee (paid with institute card)", "R4", 240.00),
    ("5", "4 June", "Poster print, A0, on cloth", "R5", 32.50),
    ("6", "5 June", "Taxi harbour – field laboratory, 18 kg of equipment", "R6", 26.80),
    ("7", "6 June", "Ferry from Vestholm", "R7", 37.20),
    ("8", "6 June", "Left luggage, ferry terminal", "lost", 6.00),
)
DRIVES = (
    ("3 June", "Home – Brackwater station", "14", ""),
    ("5 June", "Field laboratory – Gullness marsh and back", "62", "1"),
    ("6 June", "Brackwater station – home", "14", ""),
)


def frame(canvas: Canvas, number: int) -> None:
    """Draw head and foot of a page."""
    fill_rect(canvas, 0, HEIGHT - 66, WIDTH, 66, GREEN)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Helvetica-Bold", 17)
    canvas.drawString(MARGIN, HEIGHT - 34, "Travel expense claim")
    canvas.setFont("Helvetica", 9)
    canvas.drawString(MARGIN, HEIGHT - 50, "Brackwater Institute for Coastal Studies")
    canvas.setFont("Helvetica-Bold", 11)
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 34, "Form TE-7")
    canvas.setFont("Helvetica", 9)
    canvas.drawRightString(WIDTH - MARGIN, HEIGHT - 50, f"Sheet {number} of 3   Claim no. 25-0619")
    canvas.setFillColor(HexColor(GREY))
    canvas.setFont("Helvetica", 7.4)
    canvas.drawString(MARGIN, 26, "Hand in within 30 days of your return. Keep a copy. Edition 2024-11")
    canvas.drawRightString(WIDTH - MARGIN, 26, f"TE-7 / {number}")


def section(canvas: Canvas, y: float, letter: str, name: str) -> None:
    """Draw the title bar of a section with its bottom at y."""
    fill_rect(canvas, MARGIN, y, INNER, 18, PALE)
    fill_rect(canvas, MARGIN, y, 20, 18, GREEN)
    canvas.setFont("Helvetica-Bold", 10)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.drawCentredString(MARGIN + 10, y + 5.4, letter)
    canvas.setFillColor(HexColor(GREEN))
    canvas.drawString(MARGIN + 28, y + 5.4, name)


def pen(canvas: Canvas, x: float, y: float, text: str, size: float = 11.5) -> None:
    """Write as the claimant did, in blue."""
    canvas.setFont("Sans-Italic", size * 0.88)
    canvas.setFillColor(HexColor(PEN))
    canvas.drawString(x, y, text)


def box(canvas: Canvas, x: float, y: float, width: float, label: str, value: str = "", height: float = 32.0) -> None:
    """Draw a ruled box with a small label at its top and a filled-in value."""
    canvas.setStrokeColor(HexColor("#8fa39a"))
    canvas.setLineWidth(0.7)
    canvas.rect(x, y, width, height)
    canvas.setFont("Helvetica", 6.8)
    canvas.setFillColor(HexColor(GREY))
    canvas.drawString(x + 4, y + height - 9, label)
    if value:
        pen(canvas, x + 6, y + 7, value)


def row(canvas: Canvas, y: float, boxes: Sequence[tuple[float, str, str]]) -> None:
    """Draw boxes side by side; widths are shares of the line."""
    x = MARGIN
    for share, label, value in boxes:
        box(canvas, x, y, INNER * share, label, value)
        x += INNER * share


def check(canvas: Canvas, x: float, y: float, label: str, *, ticked: bool = False) -> None:
    """Draw a check box, ticked or not."""
    canvas.setStrokeColor(HexColor("#50605a"))
    canvas.setLineWidth(0.9)
    canvas.rect(x, y, 10, 10)
    if ticked:
        canvas.setStrokeColor(HexColor(PEN))
        canvas.setLineWidth(1.7)
        canvas.line(x + 1, y + 1, x + 10, y + 11)
        canvas.line(x + 1, y + 10, x + 9, y)
    canvas.setFillColor(HexColor("#222222"))
    canvas.setFont("Helvetica", 9)
    canvas.drawString(x + 15, y + 1.6, label)


def grid(
    canvas: Canvas,
    top: float,
    widths: Sequence[float],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    blank: int = 0,
) -> float:
    """Draw a ruled table, filled in by pen; return the y of its bottom."""
    height = 22.0
    lines = [*rows, *([[""] * len(head)] * blank)]
    bottom = top - height * (len(lines) + 1)
    fill_rect(canvas, MARGIN, top - height, sum(widths), height, PALE)
    canvas.setStrokeColor(HexColor("#8fa39a"))
    canvas.setLineWidth(0.6)
    for i in range(len(lines) + 2):
        canvas.line(MARGIN, top - i * height, MARGIN + sum(widths), top - i * height)
    x = MARGIN
    for column, width in enumerate(widths):
        canvas.line(x, top, x, bottom)
        canvas.setFillColor(HexColor(GREEN))
        canvas.setFont("Helvetica-Bold", 8)
        canvas.drawString(x + 4, top - 14, head[column])
        for i, line in enumerate(lines):
            y = top - (i + 2) * height + 7
            value = line[column]
            if value.replace(".", "").lstrip("–").isdigit() and column == len(widths) - 1:
                canvas.setFont("Sans-Italic", 9.4)
                canvas.setFillColor(HexColor(PEN))
                canvas.drawRightString(x + width - 6, y, value)
            elif value:
                pen(canvas, x + 5, y, value, 10.4)
        x += width
    canvas.line(x, top, x, bottom)
    return bottom


def sum_line(canvas: Canvas, y: float, label: str, value: str, *, strong: bool = False) -> None:
    """Draw a label with an amount box at the right edge."""
    canvas.setFont("Helvetica-Bold" if strong else "Helvetica", 9.5)
    canvas.setFillColor(HexColor("#222222"))
    canvas.drawRightString(WIDTH - MARGIN - 108, y + 7, label)
    if strong:
        fill_rect(canvas, WIDTH - MARGIN - 100, y, 100, 22, PALE)
    canvas.setStrokeColor(HexColor(GREEN if strong else "#8fa39a"))
    canvas.setLineWidth(1.4 if strong else 0.7)
    canvas.rect(WIDTH - MARGIN - 100, y, 100, 22)
    canvas.setFont("Sans-BoldItalic" if strong else "Sans-Italic", 10)
    canvas.setFillColor(HexColor(PEN))
    canvas.drawRightString(WIDTH - MARGIN - 8, y + 7, value)


def field(canvas: Canvas, name: str, tip: str, x: float, y: float, width: float, height: float, value: str) -> None:
    """Add a text field that can be filled in on screen."""
    canvas.acroForm.textfield(
        name=name,
        tooltip=tip,
        x=x,
        y=y,
        width=width,
        height=height,
        value=value,
        fontName="Helvetica",
        fontSize=10,
        borderWidth=0.5,
        borderColor=HexColor("#8fa39a"),
        fillColor=HexColor("#fffbe6"),
        textColor=HexColor(PEN),
        forceBorder=True,
    )


def first_sheet(canvas: Canvas) -> None:
    """Draw the sheet on the claimant and the trip."""
    frame(canvas, 1)
    y = HEIGHT - 96
    section(canvas, y, "A", "Claimant")
    row(
        canvas,
        y - 36,
        [
            (0.5, "Family name, first name", "Okonlund, Marit"),
            (0.25, "Staff number", "B-20417"),
            (0.25, "Room", "Dune House 3.12"),
        ],
    )
    row(
        canvas,
        y - 68,
        [
            (0.5, "Department", "Salt Marsh Ecology"),
            (0.5, "Bank account for payment", "QS 55 2041 7733 0918"),
        ],
    )
    box(canvas, MARGIN, y - 100, INNER * 0.5, "Supervisor", "Prof. E. Tarrowby")
    box(canvas, MARGIN + INNER * 0.5, y - 100, INNER * 0.5, "Cost centre", "7730-COAST")
    y -= 136
    section(canvas, y, "B", "Trip")
    row(
        canvas,
        y - 36,
        [(0.6, "Destination", "Vestholm, Skarne Island"), (0.4, "Country", "same as institute")],
    )
    row(
        canvas,
        y - 68,
        [
            (0.25, "Departure, date", "3 June 2025"),
            (0.25, "Time", "06:40"),
            (0.25, "Return, date", "6 June 2025"),
            (0.25, "Time", "21:15"),
        ],
    )
    canvas.setFont("Helvetica", 6.8)
    canvas.setFillColor(HexColor(GREY))
    canvas.drawString(MARGIN + 4, y - 80, "Purpose (tick all that apply)")
    options = [
        ("Conference or workshop", True),
        ("Field work", True),
        ("Meeting with partners", False),
        ("Teaching", False),
        ("Training", False),
        ("Other, see remarks", False),
    ]
    for i, (label, ticked) in enumerate(options):
        check(canvas, MARGIN + 6 + (i % 3) * 168, y - 98 - (i // 3) * 19, label, ticked=ticked)
    box(canvas, MARGIN, y - 184, INNER, "Describe the purpose in two sentences", height=58)
    pen(canvas, MARGIN + 6, y - 154, "Poster at the 9th Tidal Wetlands Meeting (sea grass as a wave brake).")
    pen(canvas, MARGIN + 6, y - 173, "One day of sediment cores at Gullness marsh with the Skarne team.")
    y -= 220
    section(canvas, y, "C", "Before the trip")
    canvas.setFont("Helvetica", 9)
    lines = [
        ("Was the trip approved in advance?", ("yes", "no"), 0),
        ("Did you receive an advance?", ("yes", "no"), 0),
        ("Was a private part added to the trip?", ("yes", "no"), 1),
        ("Main means of transport", ("rail and ship", "private car", "air"), 0),
    ]
    for i, (question, answers, chosen) in enumerate(lines):
        at = y - 20 - i * 20
        canvas.setFillColor(HexColor("#222222"))
        canvas.setFont("Helvetica", 9)
        canvas.drawString(MARGIN + 6, at + 1.6, question)
        for j, answer in enumerate(answers):
            check(canvas, MARGIN + 210 + j * 90, at, answer, ticked=j == chosen)
    row(
        canvas,
        y - 122,
        [
            (0.34, "Approval number", "TA-25-0288"),
            (0.33, "Amount of advance, EUR", "400.00"),
            (0.33, "Advance paid on", "26 May 2025"),
        ],
    )
    box(
        canvas,
        MARGIN,
        y - 178,
        INNER,
        "If you flew, say why rail or ship was not possible",
        "not applicable",
        44,
    )
    box_text(
        canvas,
        MARGIN,
        y - 190,
        INNER,
        "Flights of less than 700 km are refunded only with the written consent of the director. First class "
        "rail is refunded from four hours of travel.",
        SMALL,
    )


def second_sheet(canvas: Canvas) -> None:
    """Draw the sheet with the list of expenses and drives."""
    frame(canvas, 2)
    y = HEIGHT - 96
    section(canvas, y, "D", "Expenses with receipts")
    rows = [[no, day, text, receipt, f"{value:.2f}"] for no, day, text, receipt, value in EXPENSES]
    widths = [24, 62, INNER - 226, 60, 80]
    bottom = grid(canvas, y - 6, widths, ["No.", "Date", "What", "Receipt", "EUR"], rows, blank=3)
    sum_line(canvas, bottom - 28, "Total D", f"{sum(item[4] for item in EXPENSES):.2f}", strong=True)
    pen(canvas, MARGIN + 2, bottom - 20, "No. 8: slip lost, machine gave no copy. M. O.", 10)
    y = bottom - 66
    section(canvas, y, "E", "Private car")
    bottom = grid(
        canvas,
        y - 6,
        [70, INNER - 250, 70, 110],
        ["Date", "From, to", "km", "Passengers"],
        [[day, where, km, riders] for day, where, km, riders in DRIVES],
        blank=1,
    )
    sum_line(canvas, bottom - 28, "90 km at 0.38", "34.20")
    sum_line(canvas, bottom - 52, "Passenger, 62 km at 0.03", "1.86")
    sum_line(canvas, bottom - 78, "Total E", "36.06", strong=True)
    row(canvas, bottom - 60, [(0.34, "Registration of the car", "BW 7 MO 81")])
    box_text(
        canvas,
        MARGIN,
        bottom - 90,
        INNER - 220,
        "The rate covers fuel, wear and insurance. Parking is entered in section D. For electric cars the "
        "same rate applies.",
        SMALL,
    )


def third_sheet(canvas: Canvas) -> None:
    """Draw the sheet with allowances, summary and signatures."""
    frame(canvas, 3)
    y = HEIGHT - 96
    section(canvas, y, "F", "Daily allowance")
    bottom = grid(
        canvas,
        y - 6,
        [INNER - 250, 70, 80, 100],
        ["Kind of day", "Number", "Rate EUR", "Amount EUR"],
        [
            ["Full day away (24 hours)", "2", "28.00", "56.00"],
            ["Day of departure or return", "2", "14.00", "28.00"],
            ["Lunch provided by the organiser", "3", "–11.20", "–33.60"],
            ["Dinner provided by the organiser", "0", "–11.20", "0.00"],
        ],
    )
    sum_line(canvas, bottom - 28, "Total F", "50.40", strong=True)
    y = bottom - 66
    section(canvas, y, "G", "Summary")
    lines = [
        ("Total D, receipts", "791.30"),
        ("Total E, private car", "36.06"),
        ("Total F, daily allowance", "50.40"),
        ("Cost of the trip", "877.76"),
        ("less advance", "–400.00"),
        ("less paid with institute card (No. 4)", "–240.00"),
    ]
    for i, (label, value) in enumerate(lines):
        sum_line(canvas, y - 30 - i * 24, label, value)
    sum_line(canvas, y - 178, "To be paid to claimant, EUR", "237.76", strong=True)
    check(canvas, MARGIN + 6, y - 24, "All receipts attached", ticked=False)
    check(canvas, MARGIN + 6, y - 46, "A receipt is missing, see note", ticked=True)
    check(canvas, MARGIN + 6, y - 68, "Report of the trip attached", ticked=True)
    y -= 214
    section(canvas, y, "H", "Signatures")
    for i, (role, name, day) in enumerate(
        (
            ("Claimant", "M. Okonlund", "16 June 2025"),
            ("Supervisor", "E. Tarrowby", "18 June 2025"),
            ("Accounts office", "", ""),
        )
    ):
        x = MARGIN + i * INNER / 3
        box(canvas, x, y - 70, INNER / 3, f"{role}: date, signature", day, 66)
        if name:
            canvas.setFillColor(HexColor(PEN))
            canvas.setFont("Times-BoldItalic", 19)
            canvas.drawString(x + 12, y - 44, name)
            canvas.setStrokeColor(HexColor(PEN))
            canvas.setLineWidth(1)
            canvas.bezier(x + 10, y - 50, x + 50, y - 42, x + 80, y - 60, x + 130, y - 46)
    canvas.setFont("Helvetica", 6.8)
    canvas.setFillColor(HexColor(GREY))
    canvas.drawString(MARGIN, y - 84, "Remarks of the accounts office (may be filled in on screen)")
    field(canvas, "remarks", "Remarks of the accounts office", MARGIN, y - 112, INNER, 24, "")
    box_text(
        canvas,
        MARGIN,
        y - 122,
        INNER,
        "Claims are paid on the 10th and the 25th of each month. Questions: accounts office, Dune House "
        "1.04, extension 0171. False statements may lead to repayment with interest of 4% a year. Papers are "
        "kept for ten years.",
        SMALL,
    )


def build(path: Path) -> None:
    """Write the form."""
    canvas = new_canvas(path, A4, "Travel expense claim 25-0619", "Brackwater Institute for Coastal Studies")
    for sheet in (first_sheet, second_sheet, third_sheet):
        sheet(canvas)
        canvas.showPage()
    canvas.save()
