"""The annual report of an invented maker of water technology, fourteen pages."""

from __future__ import annotations

from pathlib import Path

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

from . import charts
from .charts import Series
from .common import Column, box_text, data_table, fill_rect, new_canvas, text_style, tint

NAVY, TEAL, SAND, CORAL, SKY, MIST = "#12324f", "#1c8a8a", "#c9a45c", "#d1603d", "#6fa8c9", "#eef3f5"
WIDTH, HEIGHT = A4
MARGIN = 56.0
INNER = WIDTH - 2 * MARGIN

BODY = text_style(9.6, color="#2b3036", leading=14.2)
LEAD = text_style(12.2, "Times-Italic", NAVY, 17)
HEAD = text_style(13, "Helvetica-Bold", TEAL, 17)
NOTE = text_style(7.8, color="#6a7179", leading=10.6)
CELL = text_style(8.8, leading=11.6)

Line = tuple[str, float, float]

SEGMENTS: list[Line] = [
    ("Pumps", 412.6, 389.3),
    ("Metering", 268.4, 241.0),
    ("Treatment", 196.8, 203.5),
    ("Services", 154.2, 132.7),
]
SEGMENT_PROFIT: list[Line] = [
    ("Pumps", 58.6, 51.9),
    ("Metering", 45.1, 36.8),
    ("Treatment", 9.4, 14.2),
    ("Services", 33.9, 26.3),
    ("Group functions", -14.5, -17.9),
]
REGIONS = [
    ("Central and Southern Europe", 361.2, NAVY),
    ("Northern Europe", 309.6, TEAL),
    ("Americas", 206.4, SAND),
    ("Asia-Pacific", 113.5, CORAL),
    ("Middle East and Africa", 41.3, SKY),
]


def total(lines: list[Line], name: str) -> Line:
    """Add up the two years of some lines."""
    return name, round(sum(line[1] for line in lines), 1), round(sum(line[2] for line in lines), 1)


def money(value: float) -> str:
    """Write millions with one decimal, negatives in brackets and nothing as a dash."""
    if value == 0:
        return "–"
    return f"{value:,.1f}" if value > 0 else f"({-value:,.1f})"


REVENUE = total(SEGMENTS, "Revenue")
GROSS = total([REVENUE, ("Cost of sales", -641.2, -607.9)], "Gross profit")
EXPENSES: list[Line] = [
    ("Research and development", -61.4, -56.2),
    ("Selling and distribution", -128.7, -122.9),
    ("Administration", -72.3, -70.8),
    ("Other operating income, net", 4.1, 2.6),
]
OPERATING = total([GROSS, *EXPENSES], "Operating profit")
FINANCE: list[Line] = [("Finance income", 3.2, 2.4), ("Finance costs", -14.9, -16.7)]
PRE_TAX = total([OPERATING, *FINANCE], "Profit before tax")
PROFIT = total([PRE_TAX, ("Income tax", -30.2, -24.7)], "Profit for the year")

FIXED: list[Line] = [
    ("Goodwill", 142.8, 118.3),
    ("Other intangible assets", 86.4, 74.9),
    ("Property, plant and equipment", 297.5, 284.6),
    ("Right-of-use assets", 33.7, 35.2),
    ("Deferred tax assets", 12.9, 13.4),
]
CURRENT: list[Line] = [
    ("Inventories", 178.6, 164.1),
    ("Trade receivables", 192.3, 179.8),
    ("Other current assets", 24.8, 22.7),
    ("Cash and cash equivalents", 91.0, 84.2),
]
EQUITY: list[Line] = [
    ("Share capital", 45.3, 45.2),
    ("Share premium", 61.0, 60.1),
    ("Retained earnings", 403.4, 342.6),
    ("Other reserves", -8.4, -5.2),
]
LONG_DEBT: list[Line] = [
    ("Borrowings", 205.0, 195.0),
    ("Lease liabilities", 26.3, 27.9),
    ("Pension obligations", 38.2, 41.6),
    ("Deferred tax liabilities", 19.6, 17.1),
]
SHORT_DEBT: list[Line] = [
    ("Borrowings due within one year", 45.0, 40.0),
    ("Lease liabilities due within one year", 8.9, 8.6),
    ("Trade payables", 138.4, 129.2),
    ("Current tax", 14.7, 11.9),
    ("Provisions", 20.3, 18.6),
    ("Other current liabilities", 42.3, 44.6),
]
OPERATIONS: list[Line] = [
    PROFIT,
    ("Depreciation and amortisation", 48.7, 46.1),
    ("Other non-cash items", 6.2, 4.4),
    ("Increase in inventories", -11.8, -19.6),
    ("Increase in receivables", -9.3, -7.7),
    ("Increase in payables", 7.4, 3.1),
]
INVESTING: list[Line] = [
    ("Property, plant and equipment", -54.6, -47.3),
    ("Capitalised development", -12.1, -11.4),
    ("Acquisition of Sondeval, net of cash", -38.5, 0.0),
    ("Proceeds from disposals", 5.9, 2.2),
]
FINANCING: list[Line] = [
    ("New borrowings", 60.0, 25.0),
    ("Repayment of borrowings", -45.0, -40.0),
    ("Lease payments", -9.6, -9.1),
    ("Dividends paid", -29.8, -25.8),
]


def page(canvas: Canvas, title: str, kicker: str) -> Column:
    """Start an inner page with its heading and footer; return the text column."""
    canvas.showPage()
    number = canvas.getPageNumber()
    fill_rect(canvas, 0, HEIGHT - 8, WIDTH, 8, NAVY)
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(HexColor(TEAL))
    canvas.drawString(MARGIN, HEIGHT - 44, kicker.upper())
    canvas.setFillColor(HexColor("#8a8f98"))
    canvas.drawString(MARGIN, 30, "Quellmar Group  |  Annual Report 2025")
    canvas.drawRightString(WIDTH - MARGIN, 30, str(number))
    canvas.setStrokeColor(tint(NAVY, 0.25))
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, 43, WIDTH - MARGIN, 43)
    column = Column(canvas, MARGIN, HEIGHT - 56, INNER, 52)
    column.text(title, text_style(25, "Times-Roman", NAVY, 29), after=14)
    return column


def statement(groups: list[tuple[str, list[Line], Line | None]], finals: list[Line], last: str = "2024") -> object:
    """Lay out a financial statement of headed groups, their subtotals and final lines."""
    rows: list[list[str]] = [["EUR million", "2025", last]]
    bold: list[int] = []
    heads: list[int] = []
    for head, lines, subtotal in groups:
        if head:
            heads.append(len(rows))
            rows.append([head, "", ""])
        rows += [[name, money(now), money(before)] for name, now, before in lines]
        if subtotal:
            bold.append(len(rows))
            rows.append([subtotal[0], money(subtotal[1]), money(subtotal[2])])
    for final in finals:
        bold.append(len(rows))
        rows.append([final[0], money(final[1]), money(final[2])])
    extra: list[tuple[object, ...]] = [("FONT", (0, row), (0, row), "Helvetica-Bold", 8.8) for row in heads]
    extra += [("TEXTCOLOR", (0, row), (0, row), HexColor(TEAL)) for row in heads]
    return data_table(rows, [INNER - 170, 85, 85], size=8.8, accent=NAVY, bold_rows=bold, extra=extra, padding=3.1)


def cover(canvas: Canvas) -> None:
    """Draw the cover: a title above stylised waves."""
    fill_rect(canvas, 0, 0, WIDTH, HEIGHT, NAVY)
    for index, color in enumerate(("#17486b", "#1b6a83", TEAL, "#4fb0a5", "#a5d5c8")):
        wave = canvas.beginPath()
        base = 330 - index * 62
        wave.moveTo(0, base)
        wave.curveTo(150, base + 90 - 14 * index, 260, base - 90, 400, base + 10 * index)
        wave.curveTo(480, base + 70, 540, base + 50, WIDTH, base - 20)
        wave.lineTo(WIDTH, 0)
        wave.lineTo(0, 0)
        wave.close()
        canvas.setFillColor(HexColor(color))
        canvas.drawPath(wave, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Helvetica-Bold", 15)
    canvas.drawString(MARGIN, HEIGHT - 90, "QUELLMAR GROUP")
    canvas.setFont("Times-Roman", 56)
    canvas.drawString(MARGIN, HEIGHT - 210, "Every drop")
    canvas.drawString(MARGIN, HEIGHT - 272, "accounted for")
    fill_rect(canvas, MARGIN, HEIGHT - 306, 70, 4, SAND)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont("Helvetica", 18)
    canvas.drawString(MARGIN, HEIGHT - 345, "Annual Report 2025")
    canvas.setFont("Helvetica", 10)
    canvas.drawString(MARGIN, 46, "Pumps, meters and treatment plants for cities that cannot afford to lose water")


def contents(canvas: Canvas) -> None:
    """Draw the contents and the year in brief."""
    column = page(canvas, "The year at a glance", "Contents")
    tiles = [
        ("EUR 1,032.0m", "revenue, up 6.8%", NAVY),
        ("12.8%", "operating margin (2024: 11.5%)", TEAL),
        ("EUR 65.1m", "free cash flow (2024: 39.9m)", CORAL),
    ]
    wide = (INNER - 24) / 3
    for i, (value, text, color) in enumerate(tiles):
        x = MARGIN + i * (wide + 12)
        fill_rect(canvas, x, column.y - 78, wide, 78, color, 4)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.setFont("Helvetica-Bold", 19)
        canvas.drawString(x + 12, column.y - 38, value)
        canvas.setFont("Helvetica", 8.6)
        canvas.drawString(x + 12, column.y - 58, text)
    column.skip(100)
    column.text(
        "Quellmar designs, builds and looks after the equipment that moves, measures and cleans water. We "
        "serve some 2,300 utilities and industrial sites in 41 countries from eleven factories.",
        LEAD,
        after=16,
    )
    column.text("What happened in 2025", HEAD)
    column.items(
        [
            "<b>February.</b> The one-millionth Sildra ultrasonic meter left the line in Tessendorf.",
            "<b>April.</b> Sondeval, a maker of leak-listening sensors with 140 staff, joined the Metering segment.",
            "<b>June.</b> The Port Merrin desalination contract, worth EUR 74 million over five years, was signed.",
            "<b>September.</b> The foundry in Calder Wick was switched from gas to electric induction furnaces.",
            "<b>November.</b> A flood stopped the Treatment plant in Orsova Bend for 23 days; nobody was hurt.",
        ],
        BODY,
    )
    column.skip(12)
    column.text("In this report", HEAD)
    entries = [
        ("Letter from the chief executive", 3),
        ("Key figures over five years", 4),
        ("Revenue by segment", 5),
        ("Where our revenue comes from", 6),
        ("Income statement", 7),
        ("Balance sheet", 8),
        ("Cash flow statement", 9),
        ("People and environment", 10),
        ("Principal risks", 11),
        ("Outlook for 2026", 12),
        ("Notes to the accounts", 13),
        ("Governance and shareholder information", 14),
    ]
    for name, number in entries:
        canvas.setFont("Helvetica", 9.6)
        canvas.setFillColor(HexColor("#2b3036"))
        canvas.drawString(MARGIN, column.y - 10, name)
        canvas.drawRightString(WIDTH - MARGIN, column.y - 10, str(number))
        canvas.setStrokeColor(tint(NAVY, 0.2))
        canvas.line(MARGIN, column.y - 15, WIDTH - MARGIN, column.y - 15)
        column.skip(18.5)


def letter(canvas: Canvas) -> None:
    """Draw the letter to shareholders."""
    column = page(canvas, "We grew, and we earned it", "Letter from the chief executive")
    column.text("Dear shareholders,", LEAD, after=8)
    column.texts(
        [
            "When I took over in the spring of 2022, I promised to make Quellmar a calmer company: fewer "
            "projects, better ones, and a service business that earns money in the years when nobody builds. "
            "In 2025 that promise showed in the figures. Revenue rose by 6.8% to EUR 1,032.0 million, the "
            "first time we have passed one billion. Operating profit grew almost three times as fast, by "
            "19.0% to EUR 132.5 million.",
            "Metering was the star of the year. Cities from Vantola to San Isandro are replacing mechanical "
            "meters with ultrasonic ones because they lose, on average, 27% of the water they treat before "
            "it reaches a tap. Our order book for meters stood at EUR 311 million in December, fourteen "
            "months of work. With Sondeval we can now hear a leak as well as measure it, and the first joint "
            "product, a meter with a listening valve, goes to three pilot cities in May 2026.",
            "Treatment disappointed. Two municipal tenders slipped into 2026, and in November the river came "
            "into our plant at Orsova Bend. The flood cost us EUR 6.3 million before insurance. I want to "
            "thank the 212 colleagues who dried, repaired and restarted the plant in 23 days; our engineers "
            "had expected six weeks. We are raising the site's flood wall by 1.4 metres.",
            "We also stopped things. The garden pump line, which had made a loss in five of the last seven "
            "years, was sold in August. We closed the sales office in Lindmoor and moved its customers to "
            "the team in Tessendorf. Such decisions are not popular, but the money now goes into the "
            "electrification of our foundries, where it pays back in less than six years.",
            "The board proposes a dividend of EUR 0.80 per share, 21% more than last year and 40% of the "
            "profit. It can be paid entirely from free cash flow.",
            "My thanks go to our customers, who tell us early when something is wrong, and to the 4,870 "
            "people of Quellmar, who put it right.",
        ],
        BODY,
        after=9,
    )
    canvas.setStrokeColor(HexColor(NAVY))
    canvas.setLineWidth(1.3)
    x, y = MARGIN, column.y - 42
    sign = canvas.beginPath()
    sign.moveTo(x, y)
    sign.curveTo(x + 20, y + 60, x + 30, y + 30, x + 18, y - 4)
    sign.curveTo(x + 40, y + 30, x + 44, y + 20, x + 46, y)
    sign.curveTo(x + 60, y + 36, x + 66, y - 6, x + 80, y + 14)
    sign.curveTo(x + 92, y + 26, x + 98, y - 10, x + 140, y + 12)
    canvas.drawPath(sign)
    column.skip(56)
    column.text("<b>Ilse Varnholm</b><br/>Chief Executive Officer", BODY)


def key_figures(canvas: Canvas) -> None:
    """Draw the five-year table."""
    column = page(canvas, "Key figures over five years", "Key figures")
    column.text(
        "Organic growth, that is growth without acquisitions and currency effects, was 5.4% in 2025. The "
        "return on capital employed has risen every year since 2022.",
        LEAD,
        after=14,
    )
    rows = [
        ["EUR million unless stated", "2025", "2024", "2023", "2022", "2021"],
        ["Revenue", "1,032.0", "966.5", "921.8", "874.3", "802.9"],
        ["Order intake", "1,104.7", "988.2", "940.6", "912.5", "851.0"],
        ["Gross margin (%)", "37.9", "37.1", "36.4", "35.2", "36.8"],
        ["EBITDA", "181.2", "157.4", "146.0", "127.9", "131.3"],
        ["Operating profit", "132.5", "111.3", "101.7", "85.6", "92.4"],
        ["Operating margin (%)", "12.8", "11.5", "11.0", "9.8", "11.5"],
        ["Profit for the year", "90.6", "72.3", "64.9", "52.7", "60.8"],
        ["Earnings per share (EUR)", "2.00", "1.60", "1.44", "1.17", "1.36"],
        ["Dividend per share (EUR)", "0.80", "0.66", "0.57", "0.48", "0.54"],
        ["Free cash flow", "65.1", "39.9", "44.2", "18.6", "47.5"],
        ["Capital expenditure", "54.6", "47.3", "43.9", "51.2", "38.0"],
        ["Net debt including leases", "194.2", "187.3", "190.8", "203.1", "168.4"],
        ["Net debt / EBITDA (times)", "1.1", "1.2", "1.3", "1.6", "1.3"],
        ["Return on capital employed (%)", "18.4", "17.1", "16.2", "13.9", "16.6"],
        ["Research and development (% of revenue)", "5.9", "5.8", "5.6", "5.5", "5.2"],
        ["Employees at year end", "4,870", "4,615", "4,540", "4,492", "4,318"],
    ]
    shade: list[tuple[object, ...]] = [
        ("BACKGROUND", (1, 1), (1, -1), tint(TEAL, 0.13)),
        ("FONT", (1, 1), (1, -1), "Helvetica-Bold", 8.8),
    ]
    column.put(
        data_table(rows, [INNER - 285, 57, 57, 57, 57, 57], size=8.8, accent=NAVY, extra=shade, padding=3.6),
        18,
    )
    column.text("Operating profit, EUR million", HEAD, after=4)
    profit = Series("Operating profit", [92.4, 85.6, 101.7, 111.3, 132.5], TEAL)
    column.put(charts.bars(INNER, 170, ["2021", "2022", "2023", "2024", "2025"], [profit], number="{:.1f}"), 8)
    column.text(
        "Free cash flow is cash from operating activities less capital expenditure and capitalised "
        "development. Figures for 2021 are as first reported and exclude the garden pump line.",
        NOTE,
    )


def segments(canvas: Canvas) -> None:
    """Draw revenue by segment as a grouped bar chart."""
    column = page(canvas, "Revenue by segment", "Business review")
    column.text("Three of four segments grew. Services passed EUR 150 million for the first time.", LEAD, after=12)
    now = Series("2025", [line[1] for line in SEGMENTS], TEAL)
    before = Series("2024", [line[2] for line in SEGMENTS], "#b5c9cf")
    chart = charts.bars(INNER, 235, [line[0] for line in SEGMENTS], [before, now], number="{:.1f}", unit="EUR million")
    column.put(chart, 16)
    half = (INNER - 22) / 2
    top = column.y
    blocks = [
        (
            "Pumps",
            "Demand for large irrigation pumps made up for weak house building. Spare parts now bring in 31% "
            "of the segment's revenue. The average price rose by 2.2%, volumes by 3.7%.",
        ),
        (
            "Metering",
            "Revenue rose by 11.4%, of which Sondeval contributed EUR 9.7 million in eight months. We "
            "shipped 386,000 ultrasonic meters, a fifth more than the year before.",
        ),
        (
            "Treatment",
            "Revenue fell by 3.3% because two municipal tenders were postponed and the Orsova Bend plant "
            "stood still in November. Ozone systems for breweries were the bright spot, up 18%.",
        ),
        (
            "Services",
            "A growth of 16.2% came from maintenance contracts, now 1,160 in number. Nine out of ten "
            "contracts that ended in the year were renewed, for 3.8 years on average.",
        ),
    ]
    for i, (name, text) in enumerate(blocks):
        x = MARGIN + (i % 2) * (half + 22)
        y = top - (i // 2) * 112
        fill_rect(canvas, x, y - 14, 3, 14, CORAL)
        canvas.setFillColor(HexColor(NAVY))
        canvas.setFont("Helvetica-Bold", 11)
        canvas.drawString(x + 9, y - 11.5, name)
        box_text(canvas, x, y - 21, half, text, BODY)
    column.skip(232)
    column.text("Operating profit by segment", HEAD, after=4)
    rows = [["EUR million", "2025", "2024", "Margin 2025"]]
    for index, (name, profit, earlier) in enumerate(SEGMENT_PROFIT):
        margin = f"{100 * profit / SEGMENTS[index][1]:.1f}%" if index < len(SEGMENTS) else ""
        rows.append([name, money(profit), money(earlier), margin])
    _, sum_now, sum_before = total(SEGMENT_PROFIT, "")
    rows.append(["Operating profit", money(sum_now), money(sum_before), f"{100 * sum_now / REVENUE[1]:.1f}%"])
    column.put(data_table(rows, [INNER - 240, 80, 80, 80], size=8.8, accent=NAVY, bold_rows=[6], padding=3))


def regions(canvas: Canvas) -> None:
    """Draw revenue by region and the mix of new sales and recurring revenue."""
    column = page(canvas, "Where our revenue comes from", "Business review")
    column.text("Revenue by region, 2025", HEAD, after=8)
    column.put(
        charts.doughnut(INNER, 170, REGIONS, centre=("1,032.0", "EUR million"), look=charts.Look(size=9)),
        after=16,
    )
    column.text(
        "Two thirds of revenue is earned in Europe. The Americas grew fastest, by 13%, after the water "
        "districts of three dry states made leakage reports compulsory. In Asia-Pacific we lost a framework "
        "contract in the spring and won a smaller one in the autumn; revenue there was 4% lower. No single "
        "customer accounts for more than 3.6% of revenue.",
        BODY,
        after=18,
    )
    column.text("From selling machines to keeping them running", HEAD, after=4)
    mix = [
        Series("New equipment", [61, 59, 56, 54, 51], NAVY),
        Series("Spare parts", [24, 24, 25, 25, 26], TEAL),
        Series("Service and data contracts", [15, 17, 19, 21, 23], SAND),
    ]
    years = ["2021", "2022", "2023", "2024", "2025"]
    column.put(
        charts.bars(INNER, 220, years, mix, stacked=True, unit="% of revenue", top=100, number="{:.0f}"),
        after=10,
    )
    column.text(
        "Recurring revenue, that is spare parts and contracts together, reached 49% of the total. Our aim "
        "for 2028 is 55%. Contracts that include data from connected pumps have a gross margin of 58%, "
        "twenty points above that of the group.",
        BODY,
    )


def income_statement(canvas: Canvas) -> None:
    """Draw the income statement."""
    column = page(canvas, "Income statement", "Financial statements")
    groups: list[tuple[str, list[Line], Line | None]] = [
        ("", [REVENUE, ("Cost of sales", -641.2, -607.9)], GROSS),
        ("", EXPENSES, OPERATING),
        ("", FINANCE, PRE_TAX),
        ("", [("Income tax", -30.2, -24.7)], PROFIT),
    ]
    column.put(statement(groups, []), 16)
    rows = [
        ["Earnings per share", "2025", "2024"],
        ["Weighted average number of shares (million)", "45.3", "45.2"],
        ["Basic earnings per share (EUR)", "2.00", "1.60"],
        ["Diluted earnings per share (EUR)", "1.97", "1.58"],
    ]
    column.put(data_table(rows, [INNER - 170, 85, 85], size=8.8, accent=NAVY, padding=3.1), 18)
    column.text("Comment", HEAD)
    column.texts(
        [
            "Gross profit rose by EUR 32.2 million. Two thirds of the increase came from higher volumes and "
            "one third from cheaper copper and from the induction furnaces in Calder Wick, which cut the "
            "energy cost of a tonne of castings by 22%.",
            "Other operating income contains a gain of EUR 3.4 million on the sale of the garden pump line. "
            "The cost of the flood at Orsova Bend, EUR 6.3 million, is part of the cost of sales; insurance "
            "paid EUR 4.0 million of it before the year end.",
            "The effective tax rate was 25.0% (2024: 25.5%). Finance costs fell because a loan at 6.1% was "
            "repaid in March and replaced by one at 4.3%.",
        ],
        BODY,
        after=8,
    )


def balance_sheet(canvas: Canvas) -> None:
    """Draw the balance sheet."""
    column = page(canvas, "Balance sheet", "Financial statements")
    fixed, current = total(FIXED, "Total non-current assets"), total(CURRENT, "Total current assets")
    equity, long_debt = total(EQUITY, "Total equity"), total(LONG_DEBT, "Total non-current liabilities")
    short_debt = total(SHORT_DEBT, "Total current liabilities")
    assets = total([fixed, current], "Total assets")
    funding = total([equity, long_debt, short_debt], "Total equity and liabilities")
    if assets[1:] != funding[1:]:
        raise ValueError(f"the balance sheet does not balance: {assets} {funding}")
    column.put(
        statement([("Non-current assets", FIXED, fixed), ("Current assets", CURRENT, current)], [assets], "2024"),
        12,
    )
    column.put(
        statement(
            [
                ("Equity", EQUITY, equity),
                ("Non-current liabilities", LONG_DEBT, long_debt),
                ("Current liabilities", SHORT_DEBT, short_debt),
            ],
            [funding],
        ),
        10,
    )
    column.text(
        "At 31 December. The equity ratio was 47.3% (2024: 45.3%). Goodwill rose by EUR 24.5 million with "
        "the purchase of Sondeval; the yearly impairment test led to no write-down.",
        NOTE,
    )


def cash_flow(canvas: Canvas) -> None:
    """Draw the cash flow statement and a chart of it."""
    column = page(canvas, "Cash flow statement", "Financial statements")
    operating = total(OPERATIONS, "Cash from operating activities")
    investing, financing = (
        total(INVESTING, "Cash used in investing"),
        total(FINANCING, "Cash used in financing"),
    )
    change = total([operating, investing, financing, ("", -1.3, 0.4)], "Net change in cash")
    closing = total([change, ("", 84.2, 91.6)], "Cash at 31 December")
    if closing[1:] != CURRENT[-1][1:]:
        raise ValueError(f"cash does not reconcile: {closing}")
    groups: list[tuple[str, list[Line], Line | None]] = [
        ("Operating activities", OPERATIONS, operating),
        ("Investing activities", INVESTING, investing),
        ("Financing activities", FINANCING, financing),
        ("", [("Effect of exchange rates", -1.3, 0.4)], change),
        ("", [("Cash at 1 January", 84.2, 91.6)], closing),
    ]
    column.put(statement(groups, []), 14)
    column.text(
        "Cash from operating activities improved by a third. Inventories grew less than in 2024 because the "
        "average stock of finished meters fell from 61 to 48 days of sales. The largest single investment "
        "was the new induction furnace line in Calder Wick at EUR 17.2 million. The 2024 dividend, EUR 0.66 "
        "per share, was paid on 12 May 2025.",
        BODY,
        after=8,
    )
    column.text("An undrawn credit line of EUR 120 million runs until July 2029.", NOTE)


def people(canvas: Canvas) -> None:
    """Draw the page on people, safety and emissions."""
    column = page(canvas, "People and environment", "Sustainability")
    column.text("Greenhouse gas emissions of our own sites, thousand tonnes of CO2", HEAD, after=4)
    emissions = [
        Series("Fuel and process heat", [38, 36, 33, 29, 21], CORAL),
        Series("Purchased electricity", [27, 25, 22, 18, 14], SAND),
    ]
    column.put(charts.bars(INNER, 190, ["2021", "2022", "2023", "2024", "2025"], emissions, stacked=True), 10)
    column.text(
        "Emissions of our own sites have fallen by 46% since 2021, to 35,000 tonnes. More than half of the "
        "saving in 2025 came from the furnaces in Calder Wick. Since July all sites in Europe have bought "
        "only wind and hydro power. Our target is 20,000 tonnes in 2030.",
        BODY,
        after=14,
    )
    rows = [
        ["People", "2025", "2024"],
        ["Employees at year end", "4,870", "4,615"],
        ["Women among all employees", "29%", "28%"],
        ["Women among senior managers", "34%", "31%"],
        ["Apprentices and trainees", "263", "241"],
        ["Lost-time injuries per million hours worked", "2.1", "2.8"],
        ["Staff turnover by own choice", "6.4%", "7.9%"],
        ["Hours of training per employee", "27", "22"],
    ]
    column.put(data_table(rows, [INNER - 170, 85, 85], size=9, accent=TEAL, zebra=True), 14)
    column.texts(
        [
            "<b>Safety.</b> The rate of lost-time injuries is the lowest since we began to count it in 2009. "
            "Hand injuries are still the most common kind. Cut-resistant gloves have been compulsory in all "
            "foundries since March.",
            "<b>Water.</b> We used 0.74 cubic metres of fresh water per thousand euros of revenue, 9% less "
            "than in 2024. The test rigs in Tessendorf now run in a closed loop.",
            "<b>Survey.</b> In the October survey, answered by 83% of staff, the engagement score rose from "
            "71 to 75 points. The lowest marks were given for IT tools.",
        ],
        BODY,
    )


def risks(canvas: Canvas) -> None:
    """Draw the principal risks with a likelihood and impact matrix."""
    column = page(canvas, "Principal risks", "Risk report")
    column.text(
        "The audit committee reviews the risk register every quarter. Six risks are rated as principal; "
        "cyber attacks moved up one step in 2025 and raw material prices moved down.",
        BODY,
        after=10,
    )
    entries = [
        (
            "A",
            "Public budgets",
            "Utilities postpone tenders when cities save.",
            "Growing share of service contracts.",
        ),
        (
            "B",
            "Flooding of sites",
            "Three factories lie on rivers.",
            "Flood walls; stock split over two sites.",
        ),
        (
            "C",
            "Cyber attack",
            "Connected pumps could be manipulated.",
            "Signed firmware; tests by outside experts.",
        ),
        (
            "D",
            "Raw materials",
            "Copper and steel are 24% of cost of sales.",
            "Prices fixed six months ahead.",
        ),
        ("E", "Skilled staff", "41% of foundry staff retire by 2035.", "Apprenticeships doubled since 2020."),
        (
            "F",
            "Meter recall",
            "One faulty batch may affect 60,000 homes.",
            "100% end-of-line test; insurance.",
        ),
    ]
    rows: list[list[object]] = [["", "Risk", "What could happen", "What we do about it"]]
    rows += [[key, *(Paragraph(cell, CELL) for cell in cells)] for key, *cells in entries]
    column.put(
        data_table(rows, [22, 92, 180, INNER - 294], size=8.8, accent=NAVY, left_cols=[0, 1, 2, 3], padding=4),
        18,
    )
    column.text("Likelihood and impact", HEAD, after=6)
    size, x0, y0 = 58, MARGIN + 90, column.y - 3 * 58
    shades = [
        ["#dcebe2", "#f3e7c4", "#f0c9a6"],
        ["#dcebe2", "#f3e7c4", "#f0c9a6"],
        ["#eef3f5", "#dcebe2", "#f3e7c4"],
    ]
    places = {"A": (2, 1), "B": (1, 2), "C": (1, 2), "D": (2, 0), "E": (1, 1), "F": (0, 2)}
    for row in range(3):
        for col in range(3):
            fill_rect(canvas, x0 + col * (size + 42), y0 + row * size, size + 40, size - 2, shades[2 - row][col])
    canvas.setFont("Helvetica", 8.5)
    canvas.setFillColor(HexColor("#4a5058"))
    for i, name in enumerate(("low", "medium", "high")):
        canvas.drawRightString(x0 - 8, y0 + i * size + size / 2 - 3, name)
        canvas.drawCentredString(x0 + i * (size + 42) + 49, y0 - 13, name)
    canvas.setFont("Helvetica-Bold", 8.5)
    canvas.drawString(MARGIN, y0 + size * 1.5 - 3, "Impact")
    canvas.drawCentredString(x0 + 149, y0 - 28, "Likelihood")
    seen: dict[tuple[int, int], int] = {}
    for key, place in places.items():
        shift = seen.get(place, 0)
        seen[place] = shift + 1
        cx = x0 + place[0] * (size + 42) + 32 + shift * 34
        cy = y0 + place[1] * size + size / 2
        canvas.setFillColor(HexColor(NAVY))
        canvas.circle(cx, cy, 12, stroke=0, fill=1)
        canvas.setFillColor(HexColor("#ffffff"))
        canvas.drawCentredString(cx, cy - 3.2, key)
    column.skip(3 * size + 44)
    column.text(
        "A cyber attack is the risk on which we spent most in 2025: EUR 5.8 million, including a second data "
        "centre and an exercise in which the plant in Tessendorf worked for two days without its network.",
        BODY,
    )


def outlook(canvas: Canvas) -> None:
    """Draw the outlook for the coming year."""
    column = page(canvas, "Outlook for 2026", "Management report")
    column.text("We expect another year of growth, with a slow first half and a strong second one.", LEAD, after=12)
    rows = [
        ["Guidance", "2025 actual", "2026 expected"],
        ["Organic revenue growth", "5.4%", "4% to 6%"],
        ["Operating margin", "12.8%", "13.0% to 13.6%"],
        ["Capital expenditure (EUR million)", "54.6", "about 70"],
        ["Free cash flow (EUR million)", "65.1", "at least 60"],
        ["Effective tax rate", "25.0%", "25% to 26%"],
    ]
    column.put(data_table(rows, [INNER - 240, 120, 120], size=9.4, accent=TEAL, padding=6), 18)
    column.text("What we assume", HEAD)
    column.texts(
        [
            "Public spending on water in Europe should rise by about 3%, carried by the new rules on leakage "
            "that take effect in July 2026. We assume a copper price of EUR 8,900 per tonne and an exchange "
            "rate of 1.09 dollars to the euro. A change of ten cents in that rate would move operating "
            "profit by EUR 4.5 million.",
            "The two tenders that slipped, together worth EUR 52 million, are expected to be awarded in the "
            "second quarter. The Treatment segment should then return to a margin above 7%.",
        ],
        BODY,
        after=8,
    )
    column.skip(6)
    column.text("Where we will invest", HEAD, after=4)
    column.put(
        charts.level_bars(
            INNER,
            [
                "Second meter line, Tessendorf",
                "Electric furnaces, Brakkenau",
                "Flood protection, three sites",
                "Training centre, Calder Wick",
                "Other",
            ],
            [26, 18, 9, 6, 11],
            [TEAL, CORAL, SKY, SAND, "#b5bcc4"],
            name_width=165,
            number="EUR {:.0f}m",
            row=24,
        ),
        12,
    )
    column.text("Ambition for 2028", HEAD)
    column.items(
        [
            "Revenue of EUR 1.2 billion without further acquisitions",
            "An operating margin of 15%",
            "55% of revenue from spare parts, service and data",
            "A dividend of 40% to 50% of profit",
        ],
        BODY,
    )


def notes(canvas: Canvas) -> None:
    """Draw the notes on the purchase of a company, borrowings and pensions."""
    column = page(canvas, "Notes to the accounts", "Financial statements")
    column.text("Note 7. Acquisition of Sondeval", HEAD)
    column.text(
        "On 24 April 2025 the group bought all shares of Sondeval for EUR 41.7 million in cash; EUR 3.2 "
        "million of cash came with the company. The founders stay for at least three years and can earn a "
        "further EUR 5 million if sales of listening valves exceed 80,000 units by the end of 2027.",
        BODY,
    )
    rows = [
        ["EUR million", "Fair value"],
        ["Technology and patents", "11.9"],
        ["Inventories and receivables", "7.6"],
        ["Cash", "3.2"],
        ["Deferred tax and other liabilities", "(5.5)"],
        ["Net assets acquired", "17.2"],
        ["Goodwill", "24.5"],
        ["Purchase price", "41.7"],
    ]
    column.put(data_table(rows, [INNER - 100, 100], size=8.8, accent=NAVY, bold_rows=[5, 7], padding=2.8), 16)
    column.text("Note 14. Borrowings by year of repayment", HEAD, after=2)
    due = Series("Due", [45, 60, 40, 70, 35], NAVY)
    names = ["2026", "2027", "2028", "2029", "2030 and later"]
    column.put(charts.bars(INNER, 140, names, [due], unit="EUR million"), 6)
    column.text(
        "Borrowings total EUR 250.0 million. Of these, 64% carry a fixed rate. The average interest rate was "
        "4.4% at the year end (2024: 5.2%). The loan agreements require net debt to stay below 3.0 times "
        "EBITDA.",
        BODY,
        after=14,
    )
    column.text("Note 16. Pensions", HEAD)
    column.text(
        "Obligations of EUR 96.5 million stand against plan assets of EUR 58.3 million. The discount rate "
        "was raised from 3.4% to 3.7%. If people lived one year longer than assumed, the obligation would "
        "rise by EUR 3.1 million.",
        BODY,
        after=14,
    )
    column.text("Note 19. Auditor's fee", HEAD)
    column.text(
        "The auditor, Brandlow &amp; Whitmere, received EUR 1.35 million for the audit and EUR 0.12 million "
        "for other services.",
        BODY,
    )


def governance(canvas: Canvas) -> None:
    """Draw the board and the financial calendar."""
    column = page(canvas, "Governance and shareholder information", "For shareholders")
    column.text("Board of directors", HEAD)
    rows = [
        ["Name", "Role", "Since", "Meetings attended"],
        ["Dr. Maarten Oldeveld", "Chair", "2018", "8 of 8"],
        ["Ilse Varnholm", "Chief Executive Officer", "2022", "8 of 8"],
        ["Tomasz Brzegowy", "Chief Financial Officer", "2020", "8 of 8"],
        ["Prof. Amara Diallowe", "Chair of the audit committee", "2019", "7 of 8"],
        ["Henrik Stolpegard", "Chair of the pay committee", "2021", "8 of 8"],
        ["Lucía Ferramonte", "Independent member", "2024", "6 of 8"],
        ["Joan Tidswell", "Employee representative", "2023", "8 of 8"],
    ]
    column.put(data_table(rows, [145, 175, 60, INNER - 380], size=9, accent=NAVY, left_cols=[0, 1], zebra=True), 16)
    column.text("Pay of the chief executive", HEAD)
    column.text(
        "In 2025 Ms Varnholm received a fixed salary of EUR 780,000, a yearly bonus of EUR 585,000 and "
        "shares worth EUR 410,000, together EUR 1,775,000. One quarter of the bonus depends on safety and "
        "emissions.",
        BODY,
        after=14,
    )
    column.text("Financial calendar 2026", HEAD)
    rows = [
        ["Date", "Event"],
        ["17 April 2026", "Annual general meeting, Harbour Hall, Tessendorf"],
        ["22 April 2026", "Shares trade without the dividend"],
        ["11 May 2026", "Payment of the dividend"],
        ["13 August 2026", "Half-year report"],
        ["5 November 2026", "Report on the third quarter"],
    ]
    column.put(data_table(rows, [120, INNER - 120], size=9, accent=TEAL, left_cols=[0, 1]), 16)
    column.text("Share and owners", HEAD, after=8)
    owners = [
        ("Varnholm family foundation", 31.0, NAVY),
        ("Funds and insurers", 44.0, TEAL),
        ("Private investors", 19.0, SAND),
        ("Employees", 6.0, CORAL),
    ]
    column.put(
        charts.doughnut(
            INNER * 0.72, 105, owners, centre=("45.3m", "shares"), number="{:.0f}", look=charts.Look(size=8.5)
        ),
        14,
    )
    column.text("Quellmar is an invented company. Any likeness to a real one is chance.", NOTE)


def build(path: Path) -> None:
    """Write the annual report."""
    canvas = new_canvas(path, A4, "Quellmar Group - Annual Report 2025", "Quellmar Group")
    cover(canvas)
    for part in (
        contents,
        letter,
        key_figures,
        segments,
        regions,
        income_statement,
        balance_sheet,
        cash_flow,
        people,
        risks,
        outlook,
        notes,
        governance,
    ):
        part(canvas)
    canvas.save()
