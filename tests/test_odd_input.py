"""What strange, broken and hostile files do to a corpus: refused ones leave nothing, the others are found."""

from __future__ import annotations

import io
import os
import sys
import zlib
from pathlib import Path

import pytest
from pdfs import assemble, encrypted_pdf, pdf, show
from PIL import Image

from vdr import Corpus
from vdr.errors import NotFound
from vdr.types import AddReport

DATA = os.environ.get("VDR_EVAL_DATA")
SAVE_AGAIN = "open it in a viewer and save it again."
CUT_OFF = f"cannot be opened (%s). It may be cut off or not what its name says: {SAVE_AGAIN}"
DAMAGED = CUT_OFF % "PDFium finds no document in it"
NO_PAGE = CUT_OFF % "PDFium finds no page in it"
ENCRYPTED = "is encrypted (it asks for a password). Save a copy without the password and index that."
NO_PDF = "is not a PDF. Its first bytes say otherwise: check what it really is."
NO_IMAGE = (
    "cannot be opened (Pillow finds no image in it). It is not a PNG, JPEG, TIFF or WebP image, whatever its name says."
)
NO_PICTURE = "has no page that can be rendered. Open it in a viewer and save it again."
BOMB = "needs too much memory (it has more than 400 million pixels). Save it with smaller images, or split it."
EMPTY = "is empty. It has no bytes: copy or export it again."


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def refusals(report: AddReport) -> dict[str, str]:
    return {Path(refusal.path).name: f"{refusal.reason}. {refusal.advice}" for refusal in report.refused}


def picture(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(buffer, kind)
    return buffer.getvalue()


def png_chunk(name: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")


def bomb(side: int) -> bytes:
    """Return a small PNG that claims to be a square of this many pixels a side."""
    header = side.to_bytes(4, "big") * 2 + b"\x01\x00\x00\x00\x00"
    data = zlib.compress(b"\0" * (side // 8 + 1) * 10)
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")


PAGE = pdf(show("honest", 100, 600))
NO_PAGES = assemble([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 0 /Kids [] >>"])
REFUSED = {
    "text.pdf": (b"Dear reader, I am not a PDF.\n", NO_PDF),
    "page.html.pdf": (b"<!DOCTYPE html><title>404</title>", NO_PDF),
    "picture.pdf": (picture("PNG"), NO_PDF),
    "head only.pdf": (b"%PDF-1.7\n", DAMAGED),
    "truncated.pdf": (PAGE[:300], DAMAGED),
    "noise.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 40, DAMAGED),
    "encrypted.pdf": (encrypted_pdf(user="secret"), ENCRYPTED),
    "no pages.pdf": (NO_PAGES, NO_PAGE),
    "empty.pdf": (b"", EMPTY),
    "empty.png": (b"", EMPTY),
    "empty.txt": (b"", EMPTY),
    "pdf.png": (PAGE, NO_IMAGE),
    "text.jpg": (b"I am not a JPEG.", NO_IMAGE),
    "picture.txt": (picture("PNG"), "is not text. It holds binary data: rename it to what it is."),
    "truncated.png": (picture("PNG")[:-5_000], NO_PICTURE),
    "truncated.jpg": (picture("JPEG")[:-2_000], NO_PICTURE),
    "truncated.webp": (picture("WEBP")[:400], CUT_OFF % "could not create decoder object"),
    "half a header.png": (picture("PNG")[:20], CUT_OFF % "Truncated File Read"),
    "bomb.png": (bomb(100_000), BOMB),
    "small bomb.png": (bomb(21_000), BOMB),
    "corpus.jsonl": (b'{"_id": "1", "text": "honest"}\n{"_id": "1", "text": "twice"}\n', ""),
}
REFUSED["corpus.jsonl"] = (REFUSED["corpus.jsonl"][0], "has the _id '1' twice (line 2). Give each record its own _id.")


def test_a_refused_file_leaves_nothing_beside_good_ones(corpus: Corpus, folder: Path) -> None:
    for name, (data, _) in REFUSED.items():
        (folder / name).write_bytes(data)
    (folder / "first.pdf").write_bytes(PAGE)
    (folder / "zzz.txt").write_text("honest text")
    (folder / "picture.tiff").write_bytes(picture("PNG"))  # a wrong suffix of the same kind does no harm
    report = corpus.add(folder)
    assert refusals(report) == {name: message for name, (_, message) in REFUSED.items()}
    assert [info.name for info in report.added] == ["first.pdf", "picture.tiff", "zzz.txt"]
    assert [(info.name, info.pages) for info in corpus.documents()] == [
        ("first.pdf", 1),
        ("picture.tiff", 1),
        ("zzz.txt", 1),
    ]
    assert {hit.key for hit in corpus.search("honest", k=50, mode="bm25")} == {"first.pdf:1", "zzz.txt:1"}
    info = corpus.info()
    assert (info.documents, info.pages, info.image_only, info.units) == (3, 3, 1, {})
    for name in REFUSED:
        with pytest.raises(NotFound):
            corpus.text(f"{name}:1")


def test_only_refused_files_make_an_empty_corpus(corpus: Corpus, folder: Path) -> None:
    (folder / "text.pdf").write_bytes(b"no")
    report = corpus.add([folder, folder / "gone.pdf"])
    assert refusals(report) == {"text.pdf": NO_PDF, "gone.pdf": "does not exist. Check the path."}
    assert corpus.documents() == []
    assert corpus.search("honest", mode="bm25") == []
    assert (corpus.info().documents, corpus.info().pages) == (0, 0)


def test_a_refused_replacement_keeps_the_old_version(corpus: Corpus, folder: Path) -> None:
    path = folder / "report.pdf"
    path.write_bytes(PAGE)
    corpus.add(path)
    path.write_bytes(PAGE[:300])
    assert refusals(corpus.add(path)) == {"report.pdf": DAMAGED}
    assert [hit.key for hit in corpus.search("honest", mode="bm25")] == ["report.pdf:1"]


def test_a_pdf_with_an_owner_password_only_is_indexed(corpus: Corpus, folder: Path) -> None:
    (folder / "owned.pdf").write_bytes(encrypted_pdf(user=""))
    assert corpus.add(folder).refused == ()
    assert corpus.text("owned.pdf:1") == "secret"


def test_a_page_that_is_broken_costs_that_page(corpus: Corpus, folder: Path) -> None:
    pages = [show("one", 100, 600), show("two", 100, 600), show("three", 100, 600)]
    data = pdf(*pages).replace(b"/Kids [7 0 R 8 0 R 9 0 R]", b"/Kids [7 0 R 5 0 R 9 0 R]")  # a page that is none
    (folder / "x.pdf").write_bytes(data)
    (info,) = corpus.add(folder).added
    assert info.pages == 3
    assert [corpus.text(f"x.pdf:{page}") for page in (1, 2, 3)] == ["one", "", "three"]


# --- names -----------------------------------------------------------------------------------------------

NAMES = [
    "<script>alert(1)</script>.pdf".replace("/", "\u2044"),
    "<img src=x onerror=alert(1)>.pdf",
    "a b  c.pdf",
    "数据.pdf",
    "a'b\"c.pdf",
    "a:3.pdf",
    "a:3.pdf:1.pdf",
    "..pdf",
    "%00%2e.pdf",
    "back\\slash.pdf",
    "new\nline.pdf",
    "'; DROP TABLE units; --.pdf",
    "* OR 1=1.pdf",
    "-rf.pdf",
    "\u202efdp.pdf",
    "e\u0301.pdf",
    "\u00e9.pdf",
    "x" * 250 + ".pdf",
]


def test_hostile_names_are_only_names(corpus: Corpus, folder: Path) -> None:
    nested = folder / "<script>alert(1)<" / "script>.pdf"  # as a path below a folder, with the slash
    nested.parent.mkdir()
    paths = [folder / name for name in NAMES]
    for number, path in enumerate([*paths, nested, folder / "script>.pdf"]):
        path.write_bytes(pdf(show(f"number n{number}", 9, 60, 20), show("second", 9, 60, 20), media=(0, 0, 200, 100)))
    report = corpus.add([folder / "..pdf", folder])
    tagged = "<script>alert(1)</script>.pdf"
    assert report.refused == ()
    assert {info.name for info in report.added} == {*NAMES, tagged, "script>.pdf"}
    for number, name in enumerate([*NAMES, tagged, "script>.pdf"]):
        (hit,) = corpus.search(f"n{number}", mode="bm25", docs=[name])
        assert (hit.key, hit.doc, hit.page) == (f"{name}:1", name, 1)
        assert corpus.search("number", k=50, mode="bm25", docs=[name])[0].doc == name
        assert corpus.text(f"{name}:2") == "second"
        assert corpus.page_image(hit.key).size == (400, 200)
    assert corpus.add(folder).skipped == tuple(info.name for info in report.added if info.name != "..pdf")
    for left, name in reversed(list(enumerate(NAMES))):
        corpus.delete(name)
        assert len(corpus.documents()) == left + 2
        with pytest.raises(NotFound):
            corpus.page_image(f"{name}:1")
    assert [info.name for info in corpus.documents()] == [tagged, "script>.pdf"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux file systems take any bytes for a name")
def test_a_name_that_is_not_utf8_is_indexed(corpus: Corpus, folder: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.pdf"))
    path.write_bytes(PAGE)
    (info,) = corpus.add(path).added
    assert info.name == r"caf\xe9.pdf"
    assert [hit.doc for hit in corpus.search("honest", mode="bm25", docs=[info.name])] == [info.name]
    assert corpus.add(path).skipped == (info.name,)


# --- real ones -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA, reason="VDR_EVAL_DATA is not set: the odd PDFs of mozilla/pdf.js lie there, in odd-pdfs/")
def test_real_odd_pdfs(corpus: Corpus) -> None:
    assert DATA
    report = corpus.add(Path(DATA) / "odd-pdfs")
    assert refusals(report) == {
        "bug1250079.pdf": DAMAGED,
        "bug1980958.pdf": DAMAGED,
        "issue19484_1.pdf": NO_PAGE,
        "saslprep-r6.pdf": ENCRYPTED,
    }
    assert len(report.added) == 76
    assert {info.name: info.unreadable for info in report.added if info.unreadable} == {}
    assert {info.name: info.pages for info in report.added if info.pages > 1} == {
        "doc_actions.pdf": 3,
        "issue3214.pdf": 14,
        "knockout_groups_test.pdf": 3,
        "page_with_number_and_link.pdf": 17,
    }
    info = corpus.info()
    assert (info.documents, info.pages) == (76, 109)
    assert [Path(name).name for name in report.ignored] == ["LICENSE"]
