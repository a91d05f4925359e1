"""The indexing benchmark: which pages it takes, what it counts, and one small run of the real thing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import indexing
import pypdfium2 as pdfium
import pytest
from pdfs import LETTER, pdf, show
from PIL import Image

WORDS = [
    ["the harbour master counts ships", "at dawn the tide was low"],
    ["revenue grew in every region", "costs fell by a third", "staff were hired in spring"],
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two PDFs, of two and three pages."""
    pdfs = tmp_path / "pdfs"
    pdfs.mkdir()
    for name, pages in zip(("a.pdf", "b.pdf"), WORDS, strict=True):
        (pdfs / name).write_bytes(pdf(*(show(words, 72, 500, 18) for words in pages)))
    return pdfs


def text_of(file: Path) -> list[str]:
    with pdfium.PdfDocument(file) as written:
        return [page.get_textpage().get_text_range() for page in written]


def test_a_sample_takes_a_page_of_each_pdf_before_a_second_of_any(folder: Path) -> None:
    files = sorted(folder.glob("*.pdf"))
    chosen = indexing.sample(files, 5, 0)
    assert {file.name for file, _ in chosen[:2]} == {file.name for file, _ in chosen[2:4]} == {"a.pdf", "b.pdf"}
    assert sorted((file.name, index) for file, index in chosen) == [
        ("a.pdf", 0), ("a.pdf", 1), ("b.pdf", 0), ("b.pdf", 1), ("b.pdf", 2)
    ]  # fmt: skip
    assert indexing.sample(files, 5, 0) == chosen
    assert any(indexing.sample(files, 5, seed) != chosen for seed in range(1, 5))


def test_more_pages_than_there_are_is_an_error_that_says_how_many_there_are(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"6 pages are wanted and 5 there\. Ask for fewer"):
        indexing.sample(sorted(folder.glob("*.pdf")), 6, 0)


def test_an_excerpt_has_the_chosen_pages_in_their_order(folder: Path, tmp_path: Path) -> None:
    indexing.excerpt([(folder / "b.pdf", 2), (folder / "a.pdf", 1), (folder / "b.pdf", 0)], tmp_path / "some")
    found = {file.name: text_of(file) for file in (tmp_path / "some").iterdir()}
    assert found == {"a.pdf": [WORDS[0][1]], "b.pdf": [WORDS[1][0], WORDS[1][2]]}


def test_text_is_indexed_a_page_a_file_and_a_blank_page_not_at_all(folder: Path, tmp_path: Path) -> None:
    from vdr import Corpus

    sizes = []

    def read(image: Image.Image, dpi: int) -> str:
        sizes.append((image.size, dpi))
        return "" if len(sizes) == 2 else f"page number {len(sizes)}"

    indexing.by_text(tmp_path / "corpus", read, 36, 1)(folder)
    _, _, width, height = LETTER
    assert sizes == [((width / 2, height / 2), 36)] * 5
    corpus = Corpus(tmp_path / "corpus")
    assert [info.name for info in corpus.documents()] == ["a-1.txt", "b-1.txt", "b-2.txt", "b-3.txt"]
    assert corpus.text("b-3.txt:1") == "page number 5"
    vectors, size, pictures = indexing.stored(tmp_path / "corpus")
    assert (vectors, pictures, size > 0) == (4 * 3, 0, True)  # one for each word


def test_a_small_run_prints_figures_of_each_engine(folder: Path) -> None:
    engines = ["mini", *(["tesseract+text"] if shutil.which("tesseract") else [])]
    command = ["--pdfs", str(folder), "--pages", "4", "--engines", ",".join(engines), "--json"]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.indexing", *command],
        cwd=Path(indexing.__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(run.stdout)
    assert (told["pages"], told["documents"]) == (4, 2)
    words = sum(len(words.split()) for pages in WORDS for words in pages)
    assert told["mini"]["vectors_per_page"] == pytest.approx(words / 5, abs=1)
    assert told["mini"]["picture_bytes_per_page"] > 1_000
    for name in engines:
        figures = told[name]
        assert figures["pages_per_s"] > 0
        assert figures["peak_bytes"] > 100_000_000
        assert figures["bytes_per_page"] > figures["picture_bytes_per_page"]
    if "tesseract+text" in engines:  # the picture is not stored
        assert told["tesseract+text"]["vectors_per_page"] == pytest.approx(words / 5, abs=1)
        assert told["tesseract+text"]["picture_bytes_per_page"] == 0
