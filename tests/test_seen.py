"""The text of pages: their text layer, and what is read on the picture where that says nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageDraw, ImageFont

from vdr import Corpus
from vdr.encode.wire import pack_units, unpack_units
from vdr.seen import completed
from vdr.types import MultiVector, Reading, Unit


def boxes(*rows: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(rows, np.float32)


READ = Reading(
    ("net", "revenue", "q1", "q2"),
    boxes((0.1, 0.1, 0.2, 0.12), (0.21, 0.1, 0.4, 0.12), (0.1, 0.5, 0.2, 0.52), (0.3, 0.5, 0.4, 0.52)),
)


def test_a_page_without_a_text_layer_has_what_was_read() -> None:
    unit = completed(Unit(1, ""), READ)
    assert (unit.text, unit.read_from) == ("net revenue q1 q2", 0)
    assert unit.boxes is not None and unit.boxes.tolist() == READ.boxes.tolist()
    blank = Unit(1, "")
    assert completed(blank, Reading((), np.zeros((0, 4), np.float32))) is blank


def test_words_are_added_where_the_text_layer_has_none() -> None:
    layer = boxes((0.1, 0.099, 0.199, 0.121), (0.2, 0.1, 0.41, 0.12), (0.29, 0.47, 0.31, 0.53))
    unit = completed(Unit(1, "Net revenue\n|", layer), READ)
    assert (unit.text, unit.read_from) == (
        "Net revenue\n|\nq1 q2",
        3,
    )  # a stroke at the edge of "q2" covers little of it
    assert unit.boxes is not None and unit.boxes.tolist() == [*layer.tolist(), *READ.boxes[2:].tolist()]
    whole = Unit(1, "all of it", boxes((0, 0, 1, 0.3), (0, 0.3, 1, 0.6), (0, 0.6, 1, 1)))
    assert completed(whole, READ) is whole


def test_nothing_is_added_to_text_whose_place_is_unknown() -> None:
    for layer in (None, np.zeros((2, 4), np.float32)):
        unit = Unit(1, "Net revenue", layer)
        assert completed(unit, READ) is unit


def test_a_stamped_scan_is_found_by_what_it_says(tmp_path: Path) -> None:
    """A picture of text under a text layer of a few words, as courts and archives put on scans."""
    page = Image.new("RGB", (1_240, 1_754), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(44)
    for row, line in enumerate(("The otter sanctuary opened in", "Marlow on the ninth of June", "with seven animals")):
        draw.text((120, 400 + 90 * row), line, "black", font)
    page.save(tmp_path / "scan.pdf", resolution=150)
    with pdfium.PdfDocument(tmp_path / "scan.pdf") as document:
        scan = document[0]
        stamp = pdfium.raw.FPDFPageObj_NewTextObj(document, b"Helvetica", 12.0)
        text = "Case 17 Document 4\0".encode("utf-16-le")
        pdfium.raw.FPDFText_SetText(stamp, (pdfium.raw.FPDF_WCHAR * (len(text) // 2)).from_buffer_copy(text))
        pdfium.raw.FPDFPageObj_Transform(stamp, 1, 0, 0, 1, 60, 800)
        scan.insert_obj(pdfium.PdfObject(stamp, pdf=document))
        scan.gen_content()
        document.save(tmp_path / "stamped.pdf")
    corpus = Corpus(tmp_path / "c")
    corpus.add(tmp_path / "stamped.pdf")
    key = "stamped.pdf:1"
    assert corpus.text(key, from_picture=False) == "Case 17 Document 4"
    assert corpus.text(key).splitlines()[0] == "Case 17 Document 4"
    read = corpus.text(key).splitlines()[1].split()
    assert "case" not in read and {"otter", "sanctuary", "marlow", "june", "seven"} <= set(read)
    for mode in ("bm25", "text", "dense", "auto"):
        (hit,) = corpus.search("otter sanctuary", 1, mode=mode)
        assert hit.from_picture and "otter sanctuary" in hit.snippet
    found = corpus.explain(key, "otter", channel="bm25")
    assert found.boxes is not None
    left, top, right, bottom = found.boxes[found.matched[0]].tolist()
    assert left < (120 + 130) / 1_240 < right and top < 425 / 1_754 < bottom


def test_what_was_read_travels_with_the_vectors() -> None:
    empty = Reading((), np.zeros((0, 4), np.float32))
    pages = [
        MultiVector(np.ones((3, 2), np.float32), boxes=np.zeros((3, 4), np.float32), reading=READ),
        MultiVector(np.zeros((0, 2), np.float32), boxes=np.zeros((0, 4), np.float32), reading=empty),
    ]
    first, second = unpack_units(pack_units(pages))
    assert first.reading is not None and second.reading is not None
    assert (first.reading.words, second.reading.words) == (READ.words, ())
    assert first.reading.boxes.tolist() == READ.boxes.tolist() and first.vectors.shape == (3, 2)
    (plain,) = unpack_units(pack_units([MultiVector(np.ones((3, 2), np.float32), boxes=np.zeros((3, 4), np.float32))]))
    assert plain.reading is None
