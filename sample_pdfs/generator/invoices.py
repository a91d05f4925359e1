"""Five invoices of invented suppliers as from a scanner: grey images without a text layer."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageFilter
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from .common import Column, data_table, fill_rect, new_canvas, text_style

WIDTH, HEIGHT = A4
MARGIN = 62.0
INNER = WIDTH - 2 * MARGIN
DPI = 150


@dataclass(frozen=True)
class Look:
    """Typeface, accent colour and arrangement of one supplier's paper."""

    font: str
    bold: str
    accent: str
    draw_head: Callable[[Canvas, Invoice], None]
    solid_head: bool = True


@dataclass(frozen=True)
class Invoice:
    """The content of one invoice; amounts follow from the items."""

    supplier: str
    trade: str
    address: str
    contact: str
    facts: tuple[tuple[str, str], ...]
    items: tuple[tuple[str, str, str, str], ...]
    """Description, quantity, unit, price of one unit."""
    tax: int
    terms: str
    look: Look
    currency: str = "EUR"
    discount: int = 0
    stamp: str = ""
    scribble: str = ""
    tilt: float = 1.0


def stripe_head(canvas: Canvas, invoice: Invoice) -> None:
    """Draw a letterhead with a coloured band."""
    look = invoice.look
    fill_rect(canvas, 0, HEIGHT - 104, WIDTH, 104, look.accent)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont(look.bold, 23)
    canvas.drawString(MARGIN, HEIGHT - 58, invoice.supplier)
    canvas.setFont(look.font, 10)
    canvas.drawString(MARGIN, HEIGHT - 78, invoice.trade)


def centred_head(canvas: Canvas, invoice: Invoice) -> None:
    """Draw an old-fashioned centred letterhead between rules."""
    look = invoice.look
    canvas.setFillColor(HexColor(look.accent))
    canvas.setStrokeColor(HexColor(look.accent))
    canvas.setFont(look.bold, 25)
    canvas.drawCentredString(WIDTH / 2, HEIGHT - 66, invoice.supplier)
    canvas.setFont(look.font, 11)
    canvas.drawCentredString(WIDTH / 2, HEIGHT - 86, invoice.trade)
    canvas.setLineWidth(1.6)
    canvas.line(MARGIN, HEIGHT - 98, WIDTH - MARGIN, HEIGHT - 98)
    canvas.setLineWidth(0.5)
    canvas.line(MARGIN, HEIGHT - 102, WIDTH - MARGIN, HEIGHT - 102)


def badge_head(canvas: Canvas, invoice: Invoice) -> None:
    """Draw a letterhead with a round badge on the left."""
    look = invoice.look
    canvas.setFillColor(HexColor(look.accent))
    canvas.circle(MARGIN + 26, HEIGHT - 70, 26, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#ffffff"))
    canvas.setFont(look.bold, 25)
    canvas.drawCentredString(MARGIN + 26, HEIGHT - 79, invoice.supplier[0])
    canvas.setFillColor(HexColor("#222222"))
    canvas.setFont(look.bold, 19)
    canvas.drawString(MARGIN + 66, HEIGHT - 68, invoice.supplier)
    canvas.setFont(look.font, 9.5)
    canvas.drawString(MARGIN + 66, HEIGHT - 84, invoice.trade)


def amount(value: Decimal) -> str:
    """Write an amount with thousands separator and two decimals."""
    return f"{value:,.2f}"


def draw_stamp(canvas: Canvas, text: str) -> None:
    """Draw a rubber stamp, slightly turned."""
    canvas.saveState()
    canvas.translate(345, 232)
    canvas.rotate(11)
    canvas.setStrokeColor(HexColor("#555555"))
    canvas.setFillColor(HexColor("#555555"))
    canvas.setLineWidth(2.4)
    lines = text.split("|")
    canvas.roundRect(0, 0, 166, 22 + 20 * len(lines), 6)
    for i, line in enumerate(lines):
        canvas.setFont("Helvetica-Bold" if i == 0 else "Courier-Bold", 19 if i == 0 else 12)
        canvas.drawCentredString(83, 22 + 20 * len(lines) - 26 - 20 * i, line)
    canvas.restoreState()


def draw_scribble(canvas: Canvas, text: str) -> None:
    """Draw a hand-written note and a signature."""
    canvas.saveState()
    canvas.translate(MARGIN + 6, 214)
    canvas.rotate(3)
    canvas.setFillColor(HexColor("#333333"))
    canvas.setFont("Times-Italic", 17)
    canvas.drawString(0, 0, text)
    canvas.setLineWidth(1.4)
    canvas.setStrokeColor(HexColor("#333333"))
    line = canvas.beginPath()
    line.moveTo(8, -34)
    for i in range(7):
        x = 8 + i * 15
        line.curveTo(x + 3, -34 + 30 * math.cos(i), x + 10, -60 + 9 * i, x + 15, -32 - 5 * math.sin(i))
    canvas.drawPath(line)
    canvas.restoreState()


def draw(canvas: Canvas, invoice: Invoice) -> None:
    """Draw one invoice as it left the supplier."""
    look = invoice.look
    fill_rect(canvas, 0, 0, WIDTH, HEIGHT, "#ffffff")
    look.draw_head(canvas, invoice)
    small = text_style(9, look.font, "#333333", 12.4)
    plain = text_style(10.2, look.font, "#222222", 14.4)
    Column(canvas, MARGIN, HEIGHT - 118, 230, 0).text(
        f"{invoice.address}<br/><br/><b>Bill to</b><br/>Eastmarch Theatre Society<br/>Accounts office<br/>"
        "4 Lantern Square<br/>Eastmarch",
        small,
    )
    facts = Column(canvas, WIDTH - MARGIN - 205, HEIGHT - 118, 205, 0)
    facts.text("INVOICE", text_style(19, look.bold, look.accent, 24), after=5)
    facts.put(
        data_table(
            [["", ""], *(list(fact) for fact in invoice.facts)],
            [88, 117],
            font=look.font,
            size=9.2,
            accent=look.accent,
            left_cols=[0],
            solid_head=False,
            padding=2.2,
            extra=[("FONT", (1, 1), (1, 1), look.bold, 9.2)],
        )
    )
    column = Column(canvas, MARGIN, min(facts.y, HEIGHT - 262) - 18, INNER, 60)
    rows = [["Description", "Quantity", "Unit", "Price", f"Amount {invoice.currency}"]]
    net = Decimal(0)
    for description, quantity, unit, price in invoice.items:
        value = Decimal(quantity) * Decimal(price)
        net += value
        rows.append([description, quantity, unit, amount(Decimal(price)), amount(value)])
    sums = [("Subtotal", net)]
    if invoice.discount:
        off = (net * invoice.discount / 100).quantize(Decimal("0.01"))
        sums.append((f"Discount {invoice.discount}%", -off))
        net -= off
    tax = (net * invoice.tax / 100).quantize(Decimal("0.01"))
    sums += [(f"VAT {invoice.tax}%", tax), ("TOTAL DUE", net + tax)]
    rows += [[name, "", "", "", amount(value)] for name, value in sums]
    column.put(
        data_table(
            rows,
            [INNER - 262, 56, 50, 66, 90],
            font=look.font,
            size=9.6,
            accent=look.accent,
            padding=4.6,
            solid_head=look.solid_head,
            bold_rows=[len(rows) - 1],
        ),
        18,
    )
    column.text(invoice.terms, plain)
    if invoice.stamp:
        draw_stamp(canvas, invoice.stamp)
    if invoice.scribble:
        draw_scribble(canvas, invoice.scribble)
    canvas.setFont(look.font, 8)
    canvas.setFillColor(HexColor("#444444"))
    canvas.drawCentredString(WIDTH / 2, 40, invoice.contact)


def scan(invoice: Invoice, seed: int) -> bytes:
    """Return the invoice as the JPEG a cheap scanner would make of it."""
    sheet = io.BytesIO()
    canvas = new_canvas(sheet, A4, "", "")
    draw(canvas, invoice)
    canvas.save()
    with pdfium.PdfDocument(sheet.getvalue()) as document:
        image = document[0].render(scale=DPI / 72).to_pil().convert("L")
    image = image.rotate(invoice.tilt, resample=Image.Resampling.BICUBIC, fillcolor=196)
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), dtype=np.float64)
    rng = np.random.default_rng(seed)
    height, width = pixels.shape
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    light = 0.975 - 0.06 * across * (seed % 2) - 0.05 * down + 0.02 * np.sin(2.2 * across + seed)
    light -= 0.3 * np.exp(-across * width / 14)  # the shadow of the lid
    noise = rng.normal(0, 3.2, pixels.shape)
    specks = rng.random(pixels.shape) > 0.99993
    pixels = 22 + pixels * light * 0.905 + noise
    pixels[specks] = 70
    for hole in (0.36, 0.64):  # punch holes
        ring = np.hypot(np.arange(width)[None, :] - 46, np.arange(height)[:, None] - hole * height)
        pixels[ring < 15] = 74
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=52, dpi=(DPI, DPI))
    return out.getvalue()


BLUE = Look("Helvetica", "Helvetica-Bold", "#27496d", stripe_head)
CLASSIC = Look("Times-Roman", "Times-Bold", "#3b2a1e", centred_head, solid_head=False)
ROUND = Look("Sans", "Sans-Bold", "#444c38", badge_head)
TYPED = Look("Courier", "Courier-Bold", "#111111", centred_head, solid_head=False)
DARK = Look("Helvetica", "Helvetica-Bold", "#111111", badge_head)

INVOICES = (
    Invoice(
        "Thornquay Timber",
        "Planed boards, plywood and stage floors",
        "Thornquay Timber Ltd<br/>17 Sawpit Road<br/>Lower Quay",
        "Thornquay Timber Ltd  -  VAT no. TQ 204 771 - Bank of Quayside 55 1020 3344",
        (
            ("Invoice no.", "TT-25-0418"),
            ("Date", "12 March 2025"),
            ("Order", "Stage floor, spring"),
            ("Due", "11 April 2025"),
        ),
        (
            ("Birch plywood 18 mm, 2.5 x 1.25 m", "24", "sheets", "61.50"),
            ("Pine batten 45 x 70 mm", "180", "m", "2.35"),
            ("Black stage paint, 10 litres", "3", "cans", "84.00"),
            ("Cutting to size", "6", "hours", "48.00"),
            ("Delivery with crane", "1", "flat", "95.00"),
        ),
        20,
        "Please pay within 30 days. Boards remain our property until they are paid for. Unused whole sheets "
        "are taken back within 60 days, less 15%.",
        BLUE,
        stamp="RECEIVED|17 MAR 2025",
        tilt=1.2,
    ),
    Invoice(
        "Maison Delorme & Filles",
        "Costumes, wigs and repairs since 1931",
        "Maison Delorme &amp; Filles<br/>3 Arcade of the Weavers<br/>Vieux-Marais",
        "Maison Delorme & Filles - by appointment Tuesday to Friday",
        (
            ("Invoice no.", "2025/117"),
            ("Date", "2 May 2025"),
            ("Production", "The Glass Heron"),
            ("Due", "on receipt"),
        ),
        (
            ("Hire of frock coat, six weeks", "8", "pieces", "74.00"),
            ("Ball gown, made to measure", "2", "pieces", "920.00"),
            ("Wig, human hair, restyled", "5", "pieces", "135.00"),
            ("Fitting at the theatre", "3", "visits", "60.00"),
        ),
        20,
        "Hired pieces are to be returned by 27 June 2025, cleaned. A week of delay costs EUR 9.00 a piece.",
        CLASSIC,
        discount=5,
        scribble="ok to pay - R. Ashgrove, 6 May",
        tilt=-0.8,
    ),
    Invoice(
        "Lumenfold Lighting Hire",
        "Spots, dimmers, cables, people who know how",
        "Lumenfold Lighting Hire<br/>Unit 9, Old Tram Depot<br/>Eastmarch",
        "Lumenfold Lighting Hire  -  night telephone 0550 0147",
        (
            ("Invoice no.", "LF 88213"),
            ("Date", "30 June 2025"),
            ("Hire period", "2 to 28 June"),
            ("Due", "14 July 2025"),
        ),
        (
            ("Moving head, 700 W", "12", "weeks", "145.00"),
            ("LED profile spot", "32", "weeks", "38.50"),
            ("Dimmer rack, 24 channels", "4", "weeks", "110.00"),
            ("Technician, night shift", "14", "hours", "52.00"),
            ("Lamp replaced, broken on 19 June", "1", "piece", "212.00"),
        ),
        20,
        "Two per cent may be deducted if you pay by 7 July 2025.",
        ROUND,
        stamp="PAID|04 JUL 2025",
        tilt=0.7,
    ),
    Invoice(
        "BRACKEN & OWLES",
        "Piano tuners and repairers",
        "Bracken &amp; Owles<br/>The Coach House<br/>Fernhill",
        "BRACKEN & OWLES   FERNHILL 0550 0162",
        (
            ("Invoice no.", "0093-B"),
            ("Date", "9 Sept 2025"),
            ("Instrument", "Grand, no. 41877"),
            ("Due", "9 Oct 2025"),
        ),
        (
            ("Concert tuning to 442 Hz", "3", "times", "118.00"),
            ("Bass string, copper", "2", "pcs", "67.00"),
            ("Hammer felt, reshaped", "88", "pcs", "4.25"),
            ("Travel", "46", "miles", "0.55"),
        ),
        20,
        "The soundboard has a crack of 11 cm near the tenor bridge. We advise repair before the winter; our "
        "estimate is EUR 1,450.",
        TYPED,
        stamp="CHECKED|COST CENTRE 4410",
        tilt=-1.7,
    ),
    Invoice(
        "Quickwren Print",
        "Posters - programmes - banners",
        "Quickwren Print Cooperative<br/>28 Inkwell Street<br/>Eastmarch",
        "Quickwren Print Cooperative  -  printed with vegetable ink",
        (
            ("Invoice no.", "QP-2025-3306"),
            ("Date", "21 November 2025"),
            ("Job", "Winter season"),
            ("Due", "5 December 2025"),
        ),
        (
            ("Poster A1, four colours", "450", "copies", "1.84"),
            ("Programme, 32 pages, stapled", "3000", "copies", "0.97"),
            ("Banner 6 x 1.5 m, with eyelets", "2", "pieces", "268.00"),
            ("Express surcharge", "1", "flat", "150.00"),
        ),
        10,
        "Reprint within three months at 70% of the price. Complaints about colour within eight days, please.",
        DARK,
        scribble="poster colours too dark, ask for credit",
        tilt=1.9,
    ),
)


def build(path: Path) -> None:
    """Write the batch of scanned invoices."""
    canvas = new_canvas(path, A4, "Scan batch 0042", "Document scanner")
    for seed, invoice in enumerate(INVOICES, 1):
        canvas.drawImage(ImageReader(io.BytesIO(scan(invoice, seed))), 0, 0, WIDTH, HEIGHT)
        canvas.showPage()
    canvas.save()
