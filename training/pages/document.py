"""A made document: a PDF of several pages, the raster of each and its characters.

Page `n` of seed `s` is a function of both numbers (and of the faces and words there are) alone.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator

import numpy as np
import pypdfium2 as pdfium
from reportlab.pdfgen.canvas import Canvas

from training.pages.block import Block
from training.pages.degrade import degrade
from training.pages.fonts import Faces
from training.pages.layouts import LAYOUTS, WIDE
from training.pages.shards import CHARACTER, CLEAN, Page
from training.pages.sheet import Sheet
from training.pages.theme import Theme
from training.pages.words import Vocabulary, Writer

PAGES = 10  # of a document
DPI = 144
SHARE_DEGRADED = 0.35


def make_document(seed: int, number: int, faces: Faces, vocabulary: Vocabulary) -> Iterator[Page]:
    """The pages `number * PAGES` and following of this seed, one document's worth."""
    data, marks = draw_document(seed, number, faces, vocabulary)
    pdf = pdfium.PdfDocument(data)
    for index, page_marks in enumerate(marks):
        page = number * PAGES + index
        rng = random.Random(f"raster {seed} {page}")
        zoom = 1.0 if rng.random() < 0.6 else rng.uniform(0.8, 1.3)
        clean = render(pdf[index], page_marks, zoom)
        yield degrade(clean, rng, np.random.default_rng((seed, page))) if rng.random() < SHARE_DEGRADED else clean
    pdf.close()


def draw_document(seed: int, number: int, faces: Faces, vocabulary: Vocabulary) -> tuple[bytes, list[np.ndarray]]:
    """The PDF, and of each page the characters on it (`sheet.MARK`)."""
    rng = random.Random(f"document {seed} {number}")
    writer = Writer(rng, vocabulary)
    theme = Theme.draw(rng, faces, writer.letters)
    file = io.BytesIO()
    canvas = Canvas(file, pageCompression=0, invariant=1)
    marks = []
    for index in range(PAGES):
        writer.rng = page_rng = random.Random(f"page {seed} {number * PAGES + index}")
        layout = page_rng.choices(list(LAYOUTS), list(LAYOUTS.values()))[0]
        size = theme.slide if layout in WIDE else theme.page
        sheet = Sheet(canvas, *size, page_rng)
        layout(Block(sheet, writer, theme))
        marks.append(sheet.marks())
        canvas.showPage()
    canvas.save()
    return file.getvalue(), marks


def render(page: pdfium.PdfPage, marks: np.ndarray, zoom: float) -> Page:
    """The page at DPI times `zoom`, its marks in pixels."""
    scale = DPI / 72 * zoom
    width, height = page.get_size()
    pixels = np.array(page.render(scale=scale, grayscale=True).to_pil())
    chars = np.zeros(len(marks), CHARACTER)
    rows, columns = pixels.shape
    x, half = marks["x"] * (columns / width), marks["advance"] * scale / 2
    chars["x0"], chars["x1"], chars["y"] = x - half, x + half, marks["y"] * (rows / height)
    chars["size"], chars["size_pt"] = marks["size"] * scale, marks["size"]
    for field in ("code", "angle", "word", "line", "bold"):
        chars[field] = marks[field]
    return Page(pixels, chars, CLEAN)
