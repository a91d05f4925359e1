"""Made pages: the same for the same numbers, and every label on its ink. Needs no faces but the built-in ones."""

from __future__ import annotations

import io
import math
import random
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from training.pages import degrade, shards
from training.pages.document import PAGES, draw_document, make_document, render
from training.pages.fonts import Face, Faces
from training.pages.prose import wrap
from training.pages.sheet import BLACK, WHITE, Sheet, Style
from training.pages.words import Vocabulary, Writer

ENGLISH = """
    the of and revenue office sheet total quarter finance first flower growth region while annual assets margin people
    energy report figures language treasury don't
"""
WORDS = Vocabulary.of({"en": ENGLISH.split()})
FACES = Faces.builtin()


def face(name: str) -> Face:
    return next(f for family in FACES.families for f in family.faces if f.name == name)


def one_page(style: Style, *, angle: float = 0.0, text: str = "Known", ground: float = 1.0) -> shards.Page:
    """A page with `text` at (150, 200), rendered at 144 dpi."""
    file = io.BytesIO()
    canvas = Canvas(file, pageCompression=0, invariant=1)
    sheet = Sheet(canvas, 400, 300, random.Random(0))
    if ground < 1:
        sheet.panel(0, 0, 400, 300, (ground, ground, ground))
    sheet.text(150, 200, text, style, angle=angle)
    canvas.showPage()
    canvas.save()
    return render(pdfium.PdfDocument(file.getvalue())[0], sheet.marks(), 1.0)


def ink_box(pixels: np.ndarray) -> tuple[float, float, float, float]:
    """Left, right, top, bottom of what is darker than the paper."""
    rows, columns = np.nonzero(pixels < 128)
    return columns.min(), columns.max() + 1, rows.min(), rows.max() + 1


def spread_in_boxes(page: shards.Page) -> np.ndarray:
    """Of each character the range of grey in its (turned) box."""
    spreads = []
    for char in page.chars:
        turn, size = math.radians(char["angle"]), float(char["size"])
        half = (char["x1"] - char["x0"]) / 2 + 0.5
        along = np.linspace(-half, half, int(4 * half) + 2)[:, None]
        up = np.arange(-0.25 * size, 0.85 * size)[None, :]
        columns = (char["x0"] + char["x1"]) / 2 + along * math.cos(turn) - up * math.sin(turn)
        rows = char["y"] - along * math.sin(turn) - up * math.cos(turn)
        height, width = page.pixels.shape
        inside = page.pixels[rows.astype(int).clip(0, height - 1), columns.astype(int).clip(0, width - 1)]
        spreads.append(int(inside.max()) - int(inside.min()))
    return np.array(spreads)


@pytest.fixture(scope="module")
def document() -> list[shards.Page]:
    return list(make_document(3, 1, FACES, WORDS))


def test_a_page_depends_on_seed_and_number_only(document: list[shards.Page]) -> None:
    again = list(make_document(3, 1, FACES, WORDS))
    assert [p.pixels.tobytes() for p in again] == [p.pixels.tobytes() for p in document]
    assert [p.chars.tobytes() for p in again] == [p.chars.tobytes() for p in document]
    other = next(make_document(4, 1, FACES, WORDS))
    assert other.pixels.tobytes() != document[0].pixels.tobytes()


@pytest.mark.parametrize("name", ["F-Vera", "F-VeraBd", "Helvetica", "Times-Italic", "Courier"])
@pytest.mark.parametrize(("tracking", "stretch"), [(0.0, 1.0), (0.05, 0.9)])
def test_a_known_word_stands_where_its_label_says(name: str, tracking: float, stretch: float) -> None:
    page = one_page(Style(face(name), 24, tracking=tracking, stretch=stretch), text="HHH")
    left, right, top, bottom = ink_box(page.pixels)
    chars = page.chars
    assert chars["code"].tolist() == [ord("H")] * 3
    assert abs((chars["x0"][0] + chars["x1"][-1]) / 2 - (left + right) / 2) < 1.5
    assert chars["x0"][0] == pytest.approx(300, abs=0.01)
    assert chars["y"].tolist() == pytest.approx([400] * 3, abs=0.01)
    assert abs(bottom - 400) < 1.5
    assert 0.55 < (bottom - top) / 48 < 0.8  # capitals of an em of 48 pixels
    assert (chars["size"].tolist(), chars["size_pt"].tolist()) == ([48] * 3, [24] * 3)
    assert set(chars["bold"].tolist()) == {name == "F-VeraBd"}


def test_text_that_reads_upwards_has_ninety_degrees() -> None:
    page = one_page(Style(face("F-Vera"), 24), angle=90, text="HHH")
    left, right, top, bottom = ink_box(page.pixels)
    chars = page.chars
    assert chars["angle"].tolist() == [90] * 3
    assert abs(right - 300) < 1.5  # the baseline is its right edge
    assert abs(chars["y"][1] - (top + bottom) / 2) < 1.5
    assert np.allclose((chars["x0"] + chars["x1"]) / 2, 300, atol=0.01)
    assert right - left < bottom - top
    assert chars["y"][0] > chars["y"][2]


def test_labels_agree_with_the_text_layer_that_pdfium_reads() -> None:
    data, marks = draw_document(5, 0, FACES, WORDS)
    pdf = pdfium.PdfDocument(data)
    for page, page_marks in zip(pdf, marks, strict=True):
        text = page.get_textpage()
        height = page.get_height()
        seen = set()
        x, y = raw.c_double(), raw.c_double()
        for index in range(raw.FPDFText_CountChars(text)):
            if raw.FPDFText_IsGenerated(text, index):
                continue
            assert raw.FPDFText_GetCharOrigin(text, index, x, y)
            seen.add((raw.FPDFText_GetUnicode(text, index), round(x.value), round(height - y.value)))
        turn = np.radians(page_marks["angle"])
        starts_x = page_marks["x"] - page_marks["advance"] / 2 * np.cos(turn)
        starts_y = page_marks["y"] + page_marks["advance"] / 2 * np.sin(turn)
        checked = [i for i, code in enumerate(page_marks["code"].tolist()) if chr(code).isalnum()]  # PDFium joins dots
        missing = [
            chr(page_marks["code"][i])
            for i in checked
            if not any(
                (int(page_marks["code"][i]), round(starts_x[i] + dx), round(starts_y[i] + dy)) in seen
                for dx in (-0.3, 0, 0.3)
                for dy in (-0.3, 0, 0.3)
            )
        ]
        assert len(missing) <= 0.02 * len(checked), missing


def test_every_label_lies_on_ink(document: list[shards.Page]) -> None:
    assert {p.kind for p in document} == {shards.CLEAN, shards.DEGRADED}
    for page in document:
        spreads = spread_in_boxes(page)
        assert len(spreads) > 20
        assert np.mean(spreads > 25) == 1.0 if page.kind == shards.CLEAN else np.mean(spreads > 15) > 0.99


@pytest.mark.parametrize("degrees", [-3.0, 2.0])
def test_labels_follow_a_turn(degrees: float) -> None:
    page = one_page(Style(face("F-Vera"), 24), text="HHH HHH HHH")
    image, chars = degrade.rotate(Image.fromarray(page.pixels), page.chars, degrees, 0.8, 255)
    turned = shards.Page(np.asarray(image), chars, shards.DEGRADED)
    assert chars["angle"].tolist() == pytest.approx([degrees] * 9, abs=1e-3)
    assert chars["size"].tolist() == pytest.approx([48 * 0.8] * 9, rel=1e-3)
    assert spread_in_boxes(turned).min() > 200
    left, right, _, _ = ink_box(turned.pixels)
    assert abs((chars["x0"][0] + chars["x1"][-1]) / 2 - (left + right) / 2) < 1.5
    rise = math.degrees(math.atan2(chars["y"][0] - chars["y"][-1], chars["x0"][-1] - chars["x0"][0]))
    assert rise == pytest.approx(degrees, abs=0.1)  # counterclockwise lifts the end of the line


def test_a_word_that_cannot_be_seen_is_not_drawn() -> None:
    file = io.BytesIO()
    sheet = Sheet(Canvas(file), 200, 200, random.Random(0))
    style = Style(face("F-Vera"), 12)
    sheet.text(20, 100, "first", style)
    sheet.text(25, 103, "over", style)  # over the first
    sheet.text(190, 50, "outside", style)
    assert "".join(map(chr, sheet.marks()["code"])) == "first"


@pytest.mark.parametrize(
    ("ground", "colour", "expected"), [(0.1, BLACK, "light"), (0.9, WHITE, "dark"), (0.1, WHITE, "light")]
)
def test_ink_changes_with_the_ground(ground: float, colour: tuple[float, float, float], expected: str) -> None:
    page = one_page(Style(face("F-VeraBd"), 30, colour), text="HH", ground=ground)
    paper = round(ground * 255)
    lightest, darkest = int(page.pixels.max()), int(page.pixels.min())
    assert (lightest - paper > 128, paper - darkest > 128) == (expected == "light", expected == "dark")


def test_words_that_a_scan_lost_have_no_label() -> None:
    page = one_page(Style(face("F-Vera"), 24), text="kept lost")
    after = page.pixels.copy()
    lost = page.chars["word"] == 1
    after[:, int(page.chars["x0"][lost].min()) - 2 :] = 255
    assert degrade.legible(page.pixels, after, page.chars).tolist() == (~lost).tolist()


def test_hyphenated_lines_keep_every_letter() -> None:
    style, text = Style(face("F-Vera"), 10), "management considerations everywhere improvements"
    lines = wrap(text, style, 100, hyphenated=True)
    assert "".join(lines).replace("-", "").replace(" ", "") == text.replace(" ", "")
    assert any(line.endswith("-") for line in lines)
    assert max(style.width(line) for line in lines) <= 100


def test_numbers_take_many_forms() -> None:
    writer = Writer(random.Random(1), WORDS)
    numbers = " ".join(writer.number() for _ in range(400))
    for sign in ("%", ".", ",", "(", "/", "-", "@", "www.", "+"):
        assert sign in numbers


def test_shards_give_back_what_was_written(tmp_path: Path, document: list[shards.Page]) -> None:
    shards.write(tmp_path / "shard-00000", document)
    (path,) = shards.paths(tmp_path)
    back = shards.read(path)
    assert len(back) == PAGES
    for number, (new, old) in enumerate(zip(back, document, strict=True)):
        assert isinstance(new.pixels.base, np.memmap | np.ndarray)
        assert np.array_equal(new.pixels, old.pixels)
        assert new.kind == old.kind
        assert set(new.chars["page"].tolist()) == {number}
        assert new.chars["x0"].tolist() == old.chars["x0"].tolist()
