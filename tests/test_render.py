"""PDFs and images to pictures and words: that the two agree, that caps hold, and that a child may die."""

from __future__ import annotations

import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pdfs import A4, LETTER, LIGATURES, Box, encrypted_pdf, form_pdf, pdf, show, width
from PIL import Image

from vdr import render
from vdr.documents import Kind, Source
from vdr.errors import DocumentError
from vdr.render import DPI, MAX_PIXELS, MAX_SIDE, PREVIEW_SIDE, Children, Pages, preview
from vdr.types import Floats, Unit

CHILD = Path(render.__file__).with_name("_render_child.py")
Save = Callable[..., Source]

needs_poppler = pytest.mark.skipif(
    shutil.which("pdftoppm") is None and os.environ.get("VDR_REQUIRE_BROWSER") != "1",
    reason="poppler is not installed (Debian: poppler-utils)",
)


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Return a function that writes bytes to a file and returns it as a source."""

    def write(data: bytes, name: str = "doc.pdf", kind: Kind = "pdf") -> Source:
        path = tmp_path / name
        path.write_bytes(data)
        return Source(path, name, kind)

    return write


@pytest.fixture
def picture(save: Save) -> Callable[..., list[Unit]]:
    """Return a function that saves a Pillow image in a format and reads it back as pages."""

    def read(image: Image.Image, suffix: str, **options: object) -> list[Unit]:
        buffer = io.BytesIO()
        image.save(buffer, **{"format": Image.registered_extensions()[suffix], **options})  # type: ignore[arg-type]
        return list(Pages(save(buffer.getvalue(), "image" + suffix, "image")))

    return read


def pixels(unit: Unit) -> Floats:
    """Return the page's grey values, `(height, width)`, black 0 and white 1."""
    assert unit.image is not None
    assert unit.image.mode == "RGB"
    return np.asarray(unit.image.convert("L"), np.float32) / np.float32(255)


def ink(unit: Unit) -> Box:
    """Return the box around all dark pixels: left, top, right, bottom as fractions."""
    grey = pixels(unit)
    rows, columns = np.nonzero(grey < 0.5)
    height, across = grey.shape
    return columns.min() / across, rows.min() / height, (columns.max() + 1) / across, (rows.max() + 1) / height


def boxes(unit: Unit) -> dict[str, list[float]]:
    """Return the words of a page with their boxes, after checking that there is a box for each."""
    assert unit.boxes is not None
    words = unit.text.split()
    assert unit.boxes.shape == (len(words), 4)
    assert unit.boxes.dtype == np.float32
    return dict(zip(words, unit.boxes.tolist(), strict=True))


def turned(box: Box, page: tuple[float, float], rotate: int) -> list[float]:
    """Return a box in points (left, bottom, right, top) as fractions of the page turned clockwise."""
    (left, bottom, right, top), (across, up) = box, page
    left, bottom, right, top = left / across, bottom / up, right / across, top / up
    return {
        0: [left, 1 - top, right, 1 - bottom],
        90: [bottom, left, top, right],
        180: [1 - right, bottom, 1 - left, top],
        270: [1 - top, 1 - right, 1 - bottom, 1 - left],
    }[rotate]


# --- words and their places ------------------------------------------------------------------------------


@pytest.mark.parametrize("crop", [None, (60, 480, 510, 780)], ids=["whole", "cropped"])
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_word_and_its_ink_are_where_the_pdf_puts_them(save: Save, rotate: int, crop: Box | None) -> None:
    data = pdf(show("Hxgp", 100, 600), rotate=rotate, crop=crop)
    (unit,) = Pages(save(data))
    left, bottom, right, top = crop or LETTER
    page = right - left, top - bottom
    # Helvetica's letters reach from -0.21 to 0.93 of their size, accents included
    word = (100 - left, 600 - bottom - 0.21 * 40, 100 - left + width("Hxgp"), 600 - bottom + 0.93 * 40)
    assert unit.image is not None
    assert unit.image.size == tuple(round(2 * side) for side in (page if rotate % 180 == 0 else page[::-1]))
    assert unit.text == "Hxgp"
    assert boxes(unit)["Hxgp"] == pytest.approx(turned(word, page, rotate), abs=0.01)
    outer, inner = boxes(unit)["Hxgp"], ink(unit)
    assert all(inner[side] >= outer[side] - 0.002 for side in (0, 1))
    assert all(inner[side] <= outer[side] + 0.002 for side in (2, 3))
    assert (inner[2] - inner[0]) * (inner[3] - inner[1]) > 0.5 * (outer[2] - outer[0]) * (outer[3] - outer[1])


def test_text_outside_the_crop_box_is_dropped_and_on_its_edge_is_cut(save: Save) -> None:
    content = show("inside", 100, 600) + show("outside", 100, 100) + show("edge", 420, 600) + show("left", -200, 600)
    (unit,) = Pages(save(pdf(content, crop=(50, 500, 450, 700))))
    assert unit.text.split() == ["inside", "edge"]
    assert boxes(unit)["edge"][2] == 1.0
    assert boxes(unit)["edge"][0] == pytest.approx(370 / 400, abs=0.01)


def test_lines_and_words_are_kept_apart(save: Save) -> None:
    (unit,) = Pages(save(pdf(show("first line", 100, 600) + show("second line", 100, 500))))
    assert unit.text == "first line\nsecond line"
    assert boxes(unit)["second"][1] > boxes(unit)["first"][3]


def test_ligatures_are_spelled_out_in_one_box(save: Save) -> None:
    (unit,) = Pages(save(pdf(show("of\x01ce \x02oor", 100, 600), encoding=LIGATURES)))
    assert unit.text == "office floor"
    assert boxes(unit)["office"][0] == pytest.approx(100 / 612, abs=0.01)


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        ("\uff26\uff29".encode("utf-16-be"), "FIx y"),  # full-width letters
        ("😀".encode("utf-16-be"), "😀x y"),
        (b"\xd8\x00", "\ufffdx y"),  # half a surrogate pair
        (b"\xff\xff\xff\xff", "x y"),  # no characters
        (b"\0a\0 \0b", "a bx y"),  # one glyph, two words
        (b"\x20\x0b\0\x1b\xe0\0", "x y"),  # zero width, control, private use
        (b"\x20\x28", "x\ny"),
    ],
)
def test_whatever_a_font_claims_to_say_words_and_boxes_stay_aligned(save: Save, claimed: bytes, text: str) -> None:
    (unit,) = Pages(save(pdf(show("#x y", 100, 600), to_unicode={ord("#"): claimed})))
    assert unit.text.split() == text.split()
    assert boxes(unit)["y"][0] == pytest.approx((100 + width("#x ")) / 612, abs=0.01)


def test_a_word_hyphenated_at_a_line_end_is_joined_in_the_box_of_its_first_part(save: Save) -> None:
    content = show("an exam-", 100, 600) + show("ple at co-op-", 100, 550) + show("era", 100, 500)
    (unit,) = Pages(save(pdf(content)))
    assert unit.text.split() == ["an", "example", "at", "co-opera"]
    box = boxes(unit)["example"]
    assert box[0] == pytest.approx((100 + width("an ")) / 612, abs=0.01)
    assert box[2] == pytest.approx((100 + width("an exam")) / 612, abs=0.01)
    assert box[3] < 1 - 580 / 792


def test_a_hyphen_that_ends_the_page_is_kept_or_lost_but_never_shifts_a_box(save: Save) -> None:
    (unit,) = Pages(save(pdf(show("well-known - end-", 100, 600))))
    assert unit.text.split() == ["well-known", "-", "end-"]
    assert boxes(unit)["well-known"][2] == pytest.approx((100 + width("well-known")) / 612, abs=0.01)


def test_a_page_without_text_has_no_words(save: Save) -> None:
    (unit,) = Pages(save(pdf("100 100 200 200 re f\n")))
    assert unit.text == ""
    assert boxes(unit) == {}
    assert ink(unit) == pytest.approx((100 / 612, 1 - 300 / 792, 300 / 612, 1 - 100 / 792), abs=0.002)


def test_colours_are_red_green_blue(save: Save) -> None:
    (unit,) = Pages(save(pdf("1 0.5 0 rg 100 100 200 200 re f\n")))
    assert unit.image is not None
    assert unit.image.getpixel((400, 1584 - 400)) == (255, 128, 0)


def test_every_kind_of_character_keeps_words_and_boxes_aligned(save: Save) -> None:
    codes = "".join(f"\\{code:03o}" for code in range(1, 256))
    contents = [
        f"BT /F1 20 Tf 20 {y} Td ({codes[i : i + 160]}) Tj ET\n"
        for i, y in zip(range(0, 1020, 160), range(700, 350, -50), strict=True)
    ]
    (unit,) = Pages(save(pdf("".join(contents))))
    words = list(boxes(unit))
    assert any("ABCDEFG" in word for word in words)
    assert any("àáâãäå" in word for word in words)


# --- sizes -----------------------------------------------------------------------------------------------


def test_a4_at_144_dpi(save: Save) -> None:
    (unit,) = Pages(save(pdf("", media=(0, 0, *A4))))
    assert DPI == 144
    assert unit.image is not None
    assert unit.image.size == (1191, 1684)


@pytest.mark.parametrize(
    ("media", "size"),
    [
        ((0, 0, 14_400, 14_400), (2450, 2450)),  # 200 x 200 inch
        ((0, 0, 14_400, 7_200), (3000, 1500)),
        ((0, 0, 1, 14_400), (1, 3000)),
        ((0, 0, 0.1, 0.1), (1, 1)),
        ((0, 0, 1e9, 1e9), (2450, 2450)),
        ((612, 792, 0, 0), (1224, 1584)),  # corners the wrong way round
        ((0, 0, 0, 0), (1224, 1584)),  # no size at all: taken for letter
        ((-1000, -500, -388, 292), (1224, 1584)),
    ],
)
def test_odd_page_boxes_are_capped(save: Save, media: Box, size: tuple[int, int]) -> None:
    (unit,) = Pages(save(pdf(show("x", 1, 1), media=media)))
    assert unit.image is not None
    assert unit.image.size == size
    assert max(size) <= MAX_SIDE
    assert size[0] * size[1] <= MAX_PIXELS * 1.001


def test_a_form_shows_what_was_filled_in(save: Save) -> None:
    (empty,), (filled,) = Pages(save(form_pdf(""), "a.pdf")), Pages(save(form_pdf("FILLED"), "b.pdf"))
    rows, columns = slice(2 * (792 - 640), 2 * (792 - 600)), slice(2 * 100, 2 * 300)
    assert (pixels(empty)[rows, columns] < 0.5).sum() == 0
    assert (pixels(filled)[rows, columns] < 0.5).sum() > 1_000


def test_the_preview_is_a_small_jpeg(save: Save) -> None:
    (unit,) = Pages(save(pdf("0 396 612 396 re f\n")))  # the upper half is black
    with Image.open(io.BytesIO(unit.preview)) as small:
        assert small.format == "JPEG"
        assert small.size == (989, PREVIEW_SIDE)
        assert small.getpixel((500, 300)) == (0, 0, 0)
        assert small.getpixel((500, 900)) == (255, 255, 255)


def test_a_preview_never_grows_and_never_vanishes() -> None:
    for size, expected in [((10, 20), (10, 20)), ((1, 30_000), (1, PREVIEW_SIDE))]:
        with Image.open(io.BytesIO(preview(Image.new("RGB", size)))) as small:
            assert small.size == expected


# --- images ----------------------------------------------------------------------------------------------


def test_a_tiff_has_pages(picture: Callable[..., list[Unit]]) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    first, *rest = [Image.new("RGB", (40 + 10 * n, 50), colour) for n, colour in enumerate(colours)]
    units = picture(first, ".tiff", save_all=True, append_images=rest)
    assert [unit.page for unit in units] == [1, 2, 3]
    assert [unit.image and unit.image.size for unit in units] == [(40, 50), (50, 50), (60, 50)]
    assert [unit.image and unit.image.getpixel((5, 5)) for unit in units] == colours
    assert all(unit.text == "" and boxes(unit) == {} for unit in units)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(picture: Callable[..., list[Unit]], mode: str) -> None:
    image = Image.new("RGBA", (40, 20), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (20, 0, 40, 20))
    (unit,) = picture(image.convert(mode), ".png")
    assert pixels(unit)[10].round(2).tolist() == [1.0] * 20 + [0.0] * 20


@pytest.mark.parametrize(
    ("mode", "dtype", "suffix"), [("I;16", "<u2", ".png"), ("I;16", "<u2", ".tiff"), ("I;16B", ">u2", ".tiff")]
)
def test_sixteen_bits_are_scaled_not_clipped(
    picture: Callable[..., list[Unit]], mode: str, dtype: str, suffix: str
) -> None:
    ramp = np.tile(np.arange(0, 65_536, 256).astype(dtype), (4, 1))
    (unit,) = picture(Image.frombytes(mode, (256, 4), ramp.tobytes()), suffix)
    assert (pixels(unit)[2] * 255).round().tolist() == list(range(256))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_stands_upright(picture: Callable[..., list[Unit]], orientation: int) -> None:
    upright = Image.new("L", (64, 32), 255)
    upright.paste(0, (0, 0, 32, 16))  # the upper left quarter is black
    stored = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }[orientation]
    image = upright
    for turn in stored:
        image = image.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (unit,) = picture(image, ".jpg", exif=exif)
    grey = pixels(unit)
    assert grey.shape == (32, 64)
    assert [grey[8, 16], grey[8, 48], grey[24, 16], grey[24, 48]] == pytest.approx([0, 1, 1, 1], abs=0.02)


def test_an_animation_and_a_photo_with_a_second_picture_are_one_page(picture: Callable[..., list[Unit]]) -> None:
    red, blue = Image.new("RGB", (40, 30), "red"), Image.new("RGB", (40, 30), "blue")
    for suffix, options in [(".webp", {}), (".png", {}), (".jpg", {"format": "MPO"})]:
        (unit,) = picture(red, suffix, save_all=True, append_images=[blue], **options)
        assert unit.image is not None
        assert np.asarray(unit.image)[15, 20].tolist() == pytest.approx([255, 0, 0], abs=3)


def test_webp_and_other_colour_models(picture: Callable[..., list[Unit]]) -> None:
    for image, suffix in [
        (Image.new("RGB", (8, 8), (0, 0, 255)), ".webp"),
        (Image.new("CMYK", (8, 8), (255, 255, 0, 0)), ".jpg"),
        (Image.new("RGB", (8, 8), (0, 0, 255)).quantize(4), ".png"),
    ]:
        (unit,) = picture(image, suffix)
        assert unit.image is not None
        assert np.asarray(unit.image)[4, 4].tolist() == pytest.approx([0, 0, 255], abs=4)
    (unit,) = picture(Image.new("1", (8, 8), 1), ".tiff")
    assert pixels(unit).min() == 1


@pytest.mark.parametrize(
    ("size", "shown"), [((4_000, 3_000), (2828, 2121)), ((9_000, 100), (3000, 33)), ((1, 9_000), (1, 3000))]
)
def test_big_images_are_capped(
    picture: Callable[..., list[Unit]], size: tuple[int, int], shown: tuple[int, int]
) -> None:
    for suffix in (".png", ".jpg"):
        (unit,) = picture(Image.new("L", size, 255), suffix)
        assert unit.image is not None
        assert unit.image.size == shown


# --- opening ---------------------------------------------------------------------------------------------


def test_a_pdf_with_an_owner_password_only_opens(save: Save) -> None:
    (unit,) = Pages(save(encrypted_pdf(user="")))
    assert unit.text == "secret"
    assert ink(unit)[0] == pytest.approx(72 / 612, abs=0.01)


def test_a_damaged_pdf_is_repaired_where_that_is_possible(save: Save) -> None:
    data = pdf(show("Hxgp", 100, 600))
    for damaged in (data.replace(b"startxref\n", b"startxref\n9"), b"junk\n" * 100 + data, data + b"junk" * 500):
        (unit,) = Pages(save(damaged))
        assert unit.text == "Hxgp"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux file systems take any bytes for a name")
def test_a_name_that_is_not_utf8_can_be_opened(save: Save) -> None:
    name = os.fsdecode(b"caf\xe9.pdf")
    for renderer in ("pdfium", "poppler") if shutil.which("pdftoppm") else ("pdfium",):
        (unit,) = Pages(save(pdf(show("Hxgp", 100, 600)), name), renderer)
        assert (unit.text, unit.image and unit.image.size) == ("Hxgp", (1224, 1584))
    with pytest.raises(DocumentError, match=r"caf\\xe9.pdf is not a PDF"):
        Pages(save(b"text", name))


# --- the child -------------------------------------------------------------------------------------------


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that puts an actor in the place of the child: four pages, and an act on page 2."""

    def cast(act: str, *, pages: int = 4) -> None:
        script = tmp_path / "actor.py"
        script.write_text(
            textwrap.dedent(
                f"""
                import json, os, signal, struct, sys, time

                def frame(header, payload=b""):
                    head = json.dumps(dict(header, bytes=len(payload))).encode()
                    sys.stdout.buffer.write(struct.pack(">I", len(head)) + head + payload)
                    sys.stdout.buffer.flush()

                request = json.loads(sys.stdin.readline())
                frame({{"pages": {pages}}})
                for page in range(request["first"], {pages} + 1):
                    if page == 2:
                        {act}
                    box = struct.pack("4f", 0.0, 0.25, 0.5, page / 8)
                    size = [2, page] if request["raster"] else None
                    grey = bytes([page * 10]) * (6 * page) if size else b""
                    frame({{"page": page, "text": f"word{{page}}", "words": 1, "size": size}}, box + grey)
                """
            )
        )
        monkeypatch.setattr(render, "_CHILD", script)

    return cast


def play_out(source: Source) -> list[tuple[int, str, int]]:
    """Return what each page of the actors' play looks like: number, text, grey value (-1: no image)."""
    units = list(Pages(source))
    for unit in units:
        if unit.image is None:
            assert (boxes(unit), unit.preview) == ({}, b"")
        elif unit.text:
            assert boxes(unit) == {unit.text: [0.0, 0.25, 0.5, unit.page / 8]}
            assert unit.image.size == (2, unit.page)
    grey = [-1 if unit.image is None else np.asarray(unit.image)[0, 0, 0].item() for unit in units]
    return [(unit.page, unit.text, shade) for unit, shade in zip(units, grey, strict=True)]


KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (KILLED, "broke the renderer (signal 9)"),
        ("sys.exit(3)", "broke the renderer (exit 3)"),
        ("raise RecursionError", "broke the renderer (exit 1)"),
        ("sys.stdout.buffer.write(bytes([0, 0, 0, 90, 123])); sys.exit(0)", "broke the renderer (exit 0)"),
        ('frame({"page": 2, "error": "bad page"}); continue', "bad page"),
        ('frame({"error": "more than a document may take", "kind": "memory"}); sys.exit()', "more than a document"),
    ],
    ids=["killed", "exit", "traceback", "half a frame", "error", "memory"],
)
def test_a_child_that_fails_costs_one_page(
    save: Save, play: Callable[[str], None], caplog: pytest.LogCaptureFixture, act: str, reason: str
) -> None:
    play(act)
    source = save(b"", "image.png", "image")
    assert play_out(source) == [(1, "word1", 10), (2, "", -1), (3, "word3", 30), (4, "word4", 40)]
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"{source.path} page 2 could not be rendered ({reason}")


def test_a_child_may_fail_on_the_last_page(save: Save, play: Callable[..., None]) -> None:
    play(KILLED, pages=2)
    assert play_out(save(b"", "image.png", "image")) == [(1, "word1", 10), (2, "", -1)]


def test_a_silent_child_is_killed(
    save: Save, play: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(render, "SILENCE", 2.0)
    play("time.sleep(600)")
    assert play_out(save(b"", "image.png", "image")) == [
        (1, "word1", 10),
        (2, "", -1),
        (3, "word3", 30),
        (4, "word4", 40),
    ]
    assert "page 2 could not be rendered (took more than 2 s)" in caplog.text


def test_a_child_that_never_opens_the_document_is_a_refusal(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "actor.py"
    script.write_text("raise SystemExit(7)")
    monkeypatch.setattr(render, "_CHILD", script)
    source = save(b"", "image.png", "image")
    with pytest.raises(DocumentError) as caught:
        Pages(source)
    assert str(caught.value).startswith(f"{source.path} cannot be opened (broke the renderer (exit 7)). It may be cut")


def test_stopping_early_ends_the_child(save: Save, play: Callable[[str], None]) -> None:
    play("time.sleep(600)")
    pages = Pages(save(b"", "image.png", "image"))
    units = iter(pages)
    assert next(units).text == "word1"
    units.close()  # type: ignore[attr-defined]
    assert pages._child._process.returncode == -9


def test_a_child_serves_one_document_after_another(save: Save) -> None:
    with Children() as children:
        pids = []
        for name, word in (("a.pdf", "Hxgp"), ("b.pdf", "other"), ("c.pdf", "third")):
            pages = Pages(save(pdf(show(word, 100, 600)), name), children=children)
            pids.append(pages._child._process.pid)
            assert [unit.text for unit in pages] == [word]
        last = pages._child._process
        assert len(set(pids)) == 1
        assert last.poll() is None
    assert last.returncode == -9


def test_a_child_that_was_stopped_or_refused_is_not_kept(save: Save) -> None:
    good = pdf(show("Hxgp", 100, 600), show("next", 100, 600))
    with Children() as children:
        pages = Pages(save(good), children=children)
        units = iter(pages)
        assert next(units).text == "Hxgp"
        units.close()  # type: ignore[attr-defined]
        assert pages._child._process.returncode == -9
        with pytest.raises(DocumentError):
            Pages(save(b"%PDF-1.7 and no more", "bad.pdf"), children=children)
        assert [unit.text for unit in Pages(save(good), children=children)] == ["Hxgp", "next"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the child does not fork, or not to be seen")
def test_when_the_fork_dies_the_child_dies_in_the_same_way(save: Save, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = pdf(*[show(f"word{number}", 100, 600) for number in range(4)])
    with Children() as children:
        pages = Pages(save(data), children=children)
        pid = pages._child._process.pid
        (fork,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(int(fork), signal.SIGKILL)  # it waits until its first page, larger than a pipe, is read
        texts = [unit.text for unit in pages]
        assert texts == ["", "word1", "word2", "word3"]
    assert "page 1: PDFium says: broke the renderer (signal 9)" in caplog.text


def test_the_child_imports_nothing_of_vdr(save: Save) -> None:
    source = save(pdf(show("Hxgp", 100, 600)))
    request = {"path": str(source.path), "kind": "pdf", "first": 1, "dpi": 72, "max_side": 99, "max_pixels": 9_999}
    code = f"""
import runpy, sys
sys.modules.pop("vdr", None)
runpy.run_path({str(CHILD)!r}, run_name="__main__")
print(sorted(name for name in sys.modules if name.split(".")[0] in ("vdr", "numpy", "torch")), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code],
        input=json.dumps({**request, "raster": True, "memory": 1 << 32}).encode(),
        capture_output=True,
        check=True,
    )
    assert done.stderr == b"[]\n"
    assert b'"text": "Hxgp", "words": 1, "size": [77, 99]' in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit on address space")
def test_the_memory_limit_holds(
    picture: Callable[..., list[Unit]], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(render, "MEMORY", 200 << 20)
    small, big = Image.new("1", (100, 100), 1), Image.new("1", (12_000, 12_000), 1)
    units = picture(small, ".tiff", save_all=True, append_images=[big, small])
    assert [unit.image and unit.image.size for unit in units] == [(100, 100), None, (100, 100)]
    assert "page 2 could not be rendered (out of memory)" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has no limit on address space")
@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        ("bytearray(2 << 30)", "MemoryError"),
        ("open('/dev/shm/vdr-test-file', 'wb', 0).write(b'x')", "OSError: [Errno 27] File too large"),
        ("print(resource.getrlimit(resource.RLIMIT_CORE)); 1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_the_childs_limits(deed: str, outcome: str) -> None:
    code = f"""
import resource, runpy, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
runpy.run_path({str(CHILD)!r})["_limit"](1 << 30)
{deed}
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    Path("/dev/shm/vdr-test-file").unlink(missing_ok=True)
    assert done.stderr.strip().splitlines()[-1] == outcome
    assert done.stdout in ("", "(0, 0)\n")


def test_ten_thousand_pages_stream_through(save: Save) -> None:
    source = save(pdf(*[show("w", 1, 1, 8)] * 10_000, media=(0, 0, 10, 10)))
    pages = Pages(source)
    assert pages.count == 10_000
    start = peak = _resident()
    for number, unit in enumerate(pages, start=1):
        assert (unit.page, unit.text) == (number, "w")
        if number % 500 == 0:
            peak = max(peak, _resident())
    assert number == 10_000
    assert peak - start < 100 << 20


def _resident() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE") if statm.exists() else 0


# --- poppler ---------------------------------------------------------------------------------------------


@needs_poppler
@pytest.mark.parametrize("rotate", [0, 90])
@pytest.mark.parametrize("crop", [None, (60, 480, 510, 780)], ids=["whole", "cropped"])
def test_poppler_draws_what_pdfium_draws(save: Save, rotate: int, crop: Box | None) -> None:
    source = save(pdf(show("Hxgp", 100, 600) + "100 500 300 50 re f\n", rotate=rotate, crop=crop))
    (ours,), (theirs,) = Pages(source), Pages(source, "poppler")
    assert ours.image is not None
    assert theirs.image is not None
    assert theirs.image.size == ours.image.size
    assert (theirs.text, boxes(theirs)) == (ours.text, boxes(ours))
    assert np.abs(pixels(ours) - pixels(theirs)).mean() < 0.01
    assert ink(theirs) == pytest.approx(ink(ours), abs=0.005)


@needs_poppler
def test_poppler_draws_late_and_odd_pages_at_the_right_size(save: Save) -> None:
    units = list(Pages(save(pdf(*[show("x", 9, 9)] * 11, media=(0, 0, 300, 400))), "poppler"))
    assert [unit.image and unit.image.size for unit in units] == [(600, 800)] * 11
    for side, shown in [(14_400.0, 2449), (0.1, 1)]:
        (unit,) = Pages(save(pdf("", media=(0, 0, side, side))), "poppler")
        assert unit.image is not None
        assert unit.image.size == (shown, shown)


def test_a_page_size_that_poppler_cannot_tell_is_no_error() -> None:
    sizes = ["612 x 792 pts (letter)", "0 x 0 pts", ""]
    assert [render._raster_size(size) for size in sizes] == [1584, 1, MAX_SIDE]


@needs_poppler
@pytest.mark.parametrize("act", [KILLED, 'frame({"page": 2, "error": "bad page"}); continue'], ids=["killed", "error"])
def test_poppler_is_the_second_try(
    save: Save, play: Callable[[str], None], caplog: pytest.LogCaptureFixture, act: str
) -> None:
    play(act)
    source = save(pdf(*[f"0.{page} g 0 0 612 792 re f\n" for page in range(1, 5)]))
    assert play_out(source) == [(1, "word1", 10), (2, "", 51), (3, "word3", 30), (4, "word4", 40)]
    assert not [record for record in caplog.records if record.levelno == logging.WARNING]


def test_without_poppler_the_second_try_says_what_to_install(
    save: Save, play: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "")
    play(KILLED)
    source = save(pdf("", "", "", ""))
    assert play_out(source) == [(1, "word1", 10), (2, "", -1), (3, "word3", 30), (4, "word4", 40)]
    line = "no second try. Install poppler (Debian: poppler-utils, macOS: brew install poppler)."
    assert f"{source.path} page 2: {line}" in [record.getMessage() for record in caplog.records]


def test_poppler_must_be_installed_to_be_asked_for(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    source = save(pdf(show("Hxgp", 100, 600)))
    with pytest.raises(DocumentError) as caught:
        Pages(source, "poppler")
    assert str(caught.value) == (
        f"{source.path} cannot be rendered with poppler, which is not installed. Install poppler (Debian: "
        "poppler-utils, macOS: brew install poppler), or leave --renderer out: PDFium needs nothing."
    )


@needs_poppler
def test_poppler_or_not_a_bad_pdf_is_refused_alike(save: Save) -> None:
    for data in (b"text", pdf("")[:200], encrypted_pdf(user="secret")):
        source = save(data)
        messages = []
        for renderer in ("pdfium", "poppler"):
            with pytest.raises(DocumentError) as caught:
                Pages(source, renderer)
            messages.append(str(caught.value))
        assert messages[0] == messages[1]


@needs_poppler
def test_a_slow_poppler_costs_the_page(
    save: Save, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    for tool in ("pdfinfo", "pdftoppm"):
        (tmp_path / tool).write_text("#!/bin/sh\nexec sleep 60\n")
        (tmp_path / tool).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(render, "SILENCE", 2.0)
    (unit,) = Pages(save(pdf(show("Hxgp", 100, 600))), "poppler")
    assert (unit.text, unit.image) == ("Hxgp", None)
    assert "page 1 could not be rendered (poppler failed)" in caplog.text
