"""The reading benchmark against pages whose words and places are known, and the print-and-scan it measures on."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import pytest
import reading
import scans
from pdfs import pdf, show, width
from PIL import Image, ImageDraw
from reading_labels import Label, bare, labels
from reading_metric import Found, best_overlap, found_by_tower, found_in_writing, judge, precision, shares

from vdr.encode.mini.alphabet import CLASSES, SPACE, class_of


def labels_of(data: bytes) -> list[Label]:
    with pdfium.PdfDocument(data) as document:
        return labels(document[0])


def sample_labels(sample: Path) -> list[Label]:
    with pdfium.PdfDocument(sample / "pdfs" / "two-column-paper.pdf") as document:
        return labels(document[1])


# --- labels


def test_a_label_has_its_place_size_and_folded_text() -> None:
    (label,) = labels_of(pdf(show("(\xc9lan,)", 100, 500, 20)))
    left, top, right, bottom = label.box
    assert label.text == "elan"
    assert label.size == pytest.approx(20)
    assert not label.bold
    assert (left * 612, right * 612) == pytest.approx((100, 100 + width("(\xc9lan,)", 20)), abs=0.5)
    assert (1 - bottom) * 792 < 500 < (1 - top) * 792 < 525


def test_size_is_that_on_the_page_however_the_pdf_says_it() -> None:
    scaled = "BT /F1 1 Tf 12 0 0 12 100 500 Tm (one) Tj ET\n" + "q 2 0 0 2 0 0 cm BT /F1 9 Tf 20 30 Td (two) Tj ET Q\n"
    assert [(label.text, round(label.size, 2)) for label in labels_of(pdf(scaled))] == [("one", 12), ("two", 18)]


def test_words_are_parted_by_space_and_line_and_hyphen() -> None:
    content = show("net revenue of 1,204.5 mil-", 50, 700, 12) + show("lion a year", 50, 686, 12)
    found = [label.text for label in labels_of(pdf(content))]
    assert found == ["net", "revenue", "of", "1,204.5", "mil", "lion", "a", "year"]


def test_invisible_turned_outlying_and_foreign_words_are_no_labels() -> None:
    turned = "BT /F1 12 Tf 0 1 -1 0 300 300 Tm (turned) Tj ET\n"
    invisible = "BT 3 Tr /F1 12 Tf 100 400 Td (hidden) Tj ET\nBT 0 Tr ET\n"
    outside = show("outside", 700, 500, 12)
    assert [label.text for label in labels_of(pdf(show("here", 100, 600, 12) + turned + invisible + outside))] == [
        "here"
    ]
    greek = pdf(show("a\x01", 100, 600, 12), to_unicode={1: "Ω".encode("utf-16-be")})
    assert labels_of(greek) == []


def test_a_turned_page_turns_its_labels() -> None:
    upright = "BT /F1 12 Tf 0 1 -1 0 300 100 Tm (across) Tj ET\n"
    (label,) = labels_of(pdf(upright, rotate=90))
    left, top, right, bottom = label.box
    assert label.text == "across"
    assert right - left > bottom - top > 0


def test_bold_is_what_the_font_says(sample: Path) -> None:
    found = sample_labels(sample)
    assert {label.bold for label in found} == {True, False}


def test_white_on_white_is_not_seen() -> None:
    image = Image.new("RGB", (200, 100), "white")
    ImageDraw.Draw(image).text((20, 20), "word", fill="black")
    assert reading.is_seen(image, (0.05, 0.1, 0.4, 0.5))
    assert not reading.is_seen(image, (0.5, 0.5, 0.9, 0.9))


# --- the metric


def test_perfect_readings_are_perfect(sample: Path) -> None:
    known = sample_labels(sample)
    readings = [found_in_writing(label.text, label.box) for label in known]
    outcomes = judge(0, known, readings, ["revenue", "2019"])
    figures = shares(outcomes)
    assert figures["words"].labels > 100
    assert all(share.nearest == share.exact == 1 for share in figures.values() if share.labels)
    told = precision(known, readings)
    assert (told.matching, told.elsewhere) == (told.on_labels, 0)


def test_readings_of_other_places_are_nearly_all_wrong(sample: Path) -> None:
    known = sample_labels(sample)
    texts = random.Random(1).sample([label.text for label in known], len(known))
    readings = [found_in_writing(text, label.box) for text, label in zip(texts, known, strict=True)]
    assert shares(judge(0, known, readings, []))["words"].nearest < 0.05


def test_no_reading_there_is_wrong_and_equal_words_count_once() -> None:
    here, there = (0.1, 0.1, 0.2, 0.12), (0.1, 0.5, 0.2, 0.52)
    known = [
        Label(text, box, 10, False) for text, box in (("total", here), ("total", there), ("assets", (0.5, 0, 0.6, 0.1)))
    ]
    outcomes = judge(0, known, [found_in_writing("total", here)], ["equity"])
    assert [outcome.nearest for outcome in outcomes] == [True, False, False]
    figures = shares(outcomes)
    assert (figures["words"].labels, figures["words"].nearest) == (2, 0.25)
    assert figures["words, every place"].labels == 3
    assert figures["words, every place"].nearest == pytest.approx(1 / 3)


def test_a_near_miss_is_nearest_but_not_exact() -> None:
    box = (0.1, 0.1, 0.2, 0.12)
    (outcome,) = judge(
        0, [Label("revenues", box, 10, False)], [found_in_writing("revemues", box)], ["avenues", "review"]
    )
    assert (outcome.nearest, outcome.exact, outcome.text) == (True, False, "revemues")


def test_kinds_of_labels() -> None:
    box = (0.1, 0.1, 0.2, 0.12)
    known = [
        Label("tiny", box, 7, False),
        Label("head", box, 14, True),
        Label("q3", box, 9, False),
        Label("of", box, 9, True),
    ]
    figures = shares(judge(0, known, [], []))
    counted = {kind: share.labels for kind, share in figures.items() if share.labels}
    assert counted == {
        "words": 1, "words, every place": 1, "numbers": 1, "bold words": 1, "headings (14 pt and more)": 1,
        "small words (below 8 pt)": 1, "words of 6 to 8 pt": 1, "words of 14 to 20 pt": 1,
    }  # fmt: skip


def test_the_tower_s_punctuation_at_the_ends_does_not_count() -> None:
    written = "(net),"
    chances = np.eye(CLASSES, dtype=np.float32)[[class_of(character) for character in written]]
    found = found_by_tower(written, (0, 0, 1, 1), chances)
    assert found.text == "net"
    assert found.vector == pytest.approx(found_in_writing("net", (0, 0, 1, 1)).vector)
    blank = np.eye(CLASSES, dtype=np.float32)[[SPACE]]
    assert np.isfinite(found_by_tower("", (0, 0, 1, 1), blank).vector).all()


def test_precision_tells_wrong_readings_from_those_of_no_label() -> None:
    label = Label("assets", (0.1, 0.1, 0.2, 0.12), 10, False)
    boxes = [label.box, label.box, (0.7, 0.7, 0.8, 0.72)]
    readings = [found_in_writing(text, box) for text, box in zip(("assets", "assess", "logo"), boxes, strict=True)]
    told = precision([label], readings)
    assert (told.matching, told.on_labels, told.elsewhere) == (1, 2, 1)


def test_best_overlap() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    others = np.array([[5, 0, 15, 10], [1, 0, 10, 10]], np.float32)
    assert best_overlap(boxes, others).tolist() == [1, -1]
    assert best_overlap(boxes, others[:0]).tolist() == [-1, -1]


def test_bare() -> None:
    assert [bare(text) for text in ("“Straße”,", "$1,204.5)", "—", "e-mail")] == ["straße", "1,204.5", "", "e-mail"]


# --- scans


@pytest.fixture
def lined() -> Image.Image:
    """A sheet with a level line through its middle."""
    image = Image.new("RGB", (800, 1000), "white")
    ImageDraw.Draw(image).rectangle((100, 498, 700, 501), fill="black")
    return image


def height_of_line(image: Image.Image, column: int) -> float:
    strip = 255 - np.asarray(image.convert("L"), np.float64)[400:600, column - 10 : column + 10].mean(axis=1)
    strip = (strip - np.median(strip)).clip(20) - 20
    return float((strip * np.arange(400, 600)).sum() / strip.sum())


@pytest.mark.parametrize("seed", range(4))
def test_a_scan_is_askew_as_told(lined: Image.Image, seed: int) -> None:
    how = scans.scanner(seed)
    scanned = scans.scan(lined, seed, 150)
    rise = height_of_line(scanned, 150) - height_of_line(scanned, 650)  # counter-clockwise lifts the right
    assert np.degrees(np.arctan2(rise, 500)) == pytest.approx(how.skew, abs=0.1)
    assert abs(how.skew) <= scans.SKEW


def test_a_scan_keeps_its_size_and_is_the_same_every_time(lined: Image.Image) -> None:
    first, again, other = (np.asarray(scans.scan(lined, seed, 200)) for seed in (5, 5, 6))
    assert first.shape == (1000, 800, 3)
    assert (first == again).all()
    assert (first != other).any()


def test_scans_differ_in_light_and_paper(lined: Image.Image) -> None:
    how = scans.scanner(3)
    light = np.asarray(scans.scan(lined, 3, 150).convert("L"), np.float64)
    corners = [light[y : y + 60, x : x + 60].mean() for y in (20, 900) for x in (20, 720)]
    assert max(corners) == pytest.approx(how.paper, abs=6)
    assert max(corners) - min(corners) > 0.5 * how.shade * how.paper


def test_a_folder_of_pdfs_becomes_one_of_scans(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    judged = tmp_path / "set"
    (judged / "pdfs").mkdir(parents=True)
    (judged / "qrels").mkdir()
    (judged / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n")
    (judged / "queries.jsonl").write_text("{}\n")
    (judged / "pdfs" / "a.pdf").write_bytes(pdf(show("word", 100, 500), show("more", 100, 500), media=(0, 0, 300, 600)))
    monkeypatch.setattr("sys.argv", ["scans.py", str(judged), str(tmp_path / "out"), "--dpi", "150"])
    scans.main()
    assert capsys.readouterr().out == "a.pdf: 2 pages\n"
    assert (tmp_path / "out" / "queries.jsonl").read_text() == "{}\n"
    assert (tmp_path / "out" / "qrels" / "test.tsv").read_text() == "query-id\tcorpus-id\tscore\n"
    with pdfium.PdfDocument(tmp_path / "out" / "pdfs" / "a.pdf") as scanned:
        assert [page.get_size() for page in scanned] == [(300, 600), (300, 600)]
        assert labels(scanned[0]) == []
        image, dpi = scans.draw(scanned[0], 150)
    assert (image.size, dpi) == ((625, 1250), 150)
    assert np.asarray(image).min() < 100


@pytest.mark.parametrize(
    ("folder", "out", "message"),
    [("", "out", "has no PDFs"), ("pdfs", "pdfs", "would be overwritten")],
)
def test_folders_that_are_no_use_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, out: str, message: str
) -> None:
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs" / "a.pdf").write_bytes(pdf(show("word", 100, 500)))
    given = tmp_path / folder if folder else tmp_path / "empty"
    monkeypatch.setattr("sys.argv", ["scans.py", str(given), str(tmp_path / out)])
    with pytest.raises(SystemExit, match=message):
        scans.main()


# --- pages


def test_labels_lie_on_their_words_on_a_scan(tmp_path: Path) -> None:
    """Where a label is said to be there is ink, beside it there is none: the labels turn with the sheet."""
    text = " ".join(f"word{number}" for number in range(8))
    content = "".join(show(text, 72, y, 10) for y in range(120, 720, 60))
    (tmp_path / "a.pdf").write_bytes(pdf(content))
    files = [tmp_path / "a.pdf"]
    chosen = reading.choose(files, 5, seed=0)
    assert chosen == {files[0]: [0]}
    for dpi in (None, 150):
        (page,) = reading.pages(chosen, dpi, tmp_path)
        assert (page.document, page.number, page.image.size) == ("a.pdf", 1, (1224, 1584))
        assert len(page.labels) == 80
        grey = np.asarray(page.image.convert("L"), np.float64)
        for label in page.labels:
            middle, gap = ink(grey, label.box, 0.0), ink(grey, label.box, 0.022)
            assert middle > 60 > gap


def ink(grey: np.ndarray, box: tuple[float, float, float, float], below: float) -> float:
    """The difference between paper and the darkest pixels around a box's middle, or somewhat below it."""
    left, right = (round(edge * grey.shape[1]) for edge in (box[0], box[2]))
    middle = round(((box[1] + box[3]) / 2 + below) * grey.shape[0])
    part = grey[middle - 4 : middle + 4, left + 4 : right - 4]
    return float(grey[middle - 30 : middle + 30, left:right].max() - np.quantile(part, 0.05))


def test_pages_are_spread_over_documents_and_few_words_do_not_count(tmp_path: Path) -> None:
    full = "".join(show("some words that fill a line", 50, y, 10) for y in range(100, 300, 12))
    for name, count in (("a", 3), ("b", 3), ("c", 3)):
        pages = [full + show(f"{index}", 500, 700, 10) for index in range(count)]
        (tmp_path / f"{name}.pdf").write_bytes(pdf(show("little", 50, 500), *pages))
    files = sorted(tmp_path.glob("*.pdf"))
    chosen = reading.choose(files, 6, seed=1)
    assert sorted(map(len, chosen.values())) == [2, 2, 2]
    assert all(0 not in indexes for indexes in chosen.values())
    assert chosen == reading.choose(files, 6, seed=1)
    assert sum(map(len, reading.choose(files, 100, seed=1).values())) == 9


def test_figures_of_a_perfect_reader_make_a_table(
    tmp_path: Path, sample: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = reading.choose([sample / "pdfs" / "annual-report-2025.pdf"], 3, seed=0)
    measured = list(reading.pages(chosen, None, tmp_path))

    def perfect(page: reading.Page) -> list[Found]:
        return [found_in_writing(label.text, label.box) for label in page.labels]

    figures, outcomes = reading.measure(measured, perfect)
    assert len(outcomes) == sum(len(page.labels) for page in measured)
    assert (figures.shares["words"].nearest, figures.shares["numbers"].exact) == (1, 1)
    assert "nearest is chosen among fewer" in caplog.text
    lines = reading.table({"one": figures, "two": replace(figures, seconds=2.5)}).splitlines()
    assert lines[0] == "| of the labels | there are | one: nearest | exact | two: nearest | exact |"
    assert lines[2] == f"| words | {figures.shares['words'].labels} | 100.0% | 100.0% | 100.0% | 100.0% |"
    assert lines[-1].endswith("| 2.50 |")
