"""The rendering child: one document, one process, limited. Imports nothing of vdr.

Reads JSON requests from stdin, a line each: `path`, `kind` (`pdf` or `image`), `first` (page, from 1), `dpi`,
`max_side`, `max_pixels`, `raster` (false: text only), `memory` (bytes of address space). Each is served by a fork of
this process, which costs a tenth of what starting Python does; when a fork ends badly, this process ends the same way.
Writes frames to stdout, each a 4-byte big-endian header length, a JSON header and the payload whose length the header
gives:

    {"pages": N}                                        first
    {"page": n, "text": t, "words": w, "size": [x, y]}  payload: w * 4 float32 boxes, then x * y * 3 RGB bytes
    {"page": n, "error": reason}                        this page could not be rendered; the next may be
    {"error": reason, "kind": k}                        the document cannot be opened
    {"done": true}                                      last; the next request may come

Covered: memory, core dumps and files written are limited; the parent kills a child that is silent too long.
Not covered: the child may read what its user may read, and nothing but the parent's clock limits its processor
time. On macOS the memory limit may be refused by the system and is then absent, and there is no fork, since the
system's libraries forbid it: this process serves one request and ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
import unicodedata
import warnings
from array import array
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from PIL import Image

_SCALE = 1 << 20  # page fractions are read from PDFium as integers of this range


def main() -> None:
    """Serve requests from stdin, each in a process of its own."""
    for line in iter(sys.stdin.readline, ""):
        request = json.loads(line)
        import PIL.Image  # noqa: F401  # before the fork, so that it is done once

        if request["kind"] == "pdf":
            import pypdfium2  # noqa: F401
        if sys.platform == "darwin":
            _serve(request)
            return
        child = os.fork()
        if not child:
            _serve(request)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status < 0:
            os.kill(os.getpid(), -status)
        if status:
            sys.exit(abs(status))
        _frame(sys.stdout.buffer, {"done": True})


def _serve(request: dict[str, Any]) -> None:
    _limit(request["memory"])
    out = sys.stdout.buffer
    try:
        serve = _serve_pdf if request["kind"] == "pdf" else _serve_image
        serve(request, out)
    except _Refused as refused:
        _frame(out, {"error": str(refused), "kind": refused.kind})
    except MemoryError:
        _frame(out, {"error": "more than a document may take", "kind": "memory"})


class _Refused(Exception):
    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def _limit(memory: int) -> None:
    for what, amount in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(what, (amount, amount))
        except (ValueError, OSError):  # macOS refuses RLIMIT_AS; the docstring says so
            continue


def _frame(out: BinaryIO, header: dict[str, Any], *payload: bytes) -> None:
    head = json.dumps({**header, "bytes": sum(map(len, payload))}).encode()
    out.write(struct.pack(">I", len(head)))
    out.write(head)
    for part in payload:
        out.write(part)
    out.flush()


def _page(out: BinaryIO, number: int, text: str, boxes: array[float], image: Image.Image | None) -> None:
    header = {"page": number, "text": text, "words": len(boxes) // 4, "size": image.size if image else None}
    _frame(out, header, boxes.tobytes(), image.tobytes() if image else b"")


def _fit(width: float, height: float, request: dict[str, Any]) -> float:
    """Return the scale at or below 1 that keeps a raster of this size within the caps."""
    by_side: float = request["max_side"] / max(width, height, 1)
    by_area: float = (request["max_pixels"] / max(width * height, 1)) ** 0.5
    return min(1.0, by_side, by_area)


# --- PDF -------------------------------------------------------------------------------------------------


def _serve_pdf(request: dict[str, Any], out: BinaryIO) -> None:
    import pypdfium2 as pdfium
    import pypdfium2.raw as raw

    with Path(request["path"]).open("rb") as file:  # left to open it itself, PDFium wants a UTF-8 name
        try:
            pdf = pdfium.PdfDocument(file)
        except pdfium.PdfiumError as error:
            if error.err_code == raw.FPDF_ERR_PASSWORD:
                raise _Refused("encrypted", "it asks for a password") from error
            if error.err_code == raw.FPDF_ERR_SECURITY:
                raise _Refused("encrypted", "in a way that PDFium does not know") from error
            sought = "page" if error.err_code == raw.FPDF_ERR_SUCCESS else "document"
            raise _Refused("broken", f"PDFium finds no {sought} in it") from error
        with suppress(pdfium.PdfiumError):  # a broken form; its pages still render
            pdf.init_forms()  # so that the values of form fields are drawn
        _frame(out, {"pages": len(pdf)})
        for index in range(request["first"] - 1, len(pdf)):
            try:
                _serve_pdf_page(pdf, index, request, out)
            except (pdfium.PdfiumError, MemoryError) as error:
                _frame(out, {"page": index + 1, "error": str(error) or "out of memory"})
        pdf.close()


def _serve_pdf_page(pdf: Any, index: int, request: dict[str, Any], out: BinaryIO) -> None:
    page = pdf[index]
    try:
        image = None
        if request["raster"]:
            scale = request["dpi"] / 72
            width, height = page.get_width() * scale, page.get_height() * scale
            scale *= _fit(width, height, request)
            bitmap = page.render(scale=scale, rev_byteorder=True, prefer_bgrx=False)
            image = bitmap.to_pil()
            image = image if image.mode == "RGB" else image.convert("RGB")
        text, boxes = _words(page)
        _page(out, index + 1, text, boxes, image)
    finally:
        page.close()


def _words(page: Any) -> tuple[str, array[float]]:
    """Return the page's text layer, one space or line break between words, and a box for each word.

    Words outside the visible page are dropped; ligatures are spelled out (NFKC); a word that is hyphenated over
    a line break is joined, and its box is that of its first part.
    """
    import pypdfium2.raw as raw

    textpage = page.get_textpage()
    parts: list[str] = []
    boxes = array("f")
    word: list[str] = []
    box: list[float] = []
    separator = ""
    hyphenated = False
    to_device = _device_mapper(page, raw)
    rect = raw.FS_RECTF()

    def end_word() -> None:
        nonlocal separator
        spelled = "".join(unicodedata.normalize("NFKC", _valid("".join(word))).split())
        if spelled and box:
            left, top, right, bottom = to_device(*box)
            if right > 0 and bottom > 0 and left < 1 and top < 1:
                parts.append((separator or " ") + spelled if parts else spelled)
                boxes.extend((max(left, 0.0), max(top, 0.0), min(right, 1.0), min(bottom, 1.0)))
                separator = ""
        word.clear()
        box.clear()

    for index in range(raw.FPDFText_CountChars(textpage)):
        char = chr(raw.FPDFText_GetUnicode(textpage, index))
        if char in "\x02\ufffe":  # PDFium's sign for a hyphen at the end of a line
            hyphenated = bool(word)
        elif char in "\r\n":
            if not hyphenated:
                end_word()
                separator = "\n"
        elif char.isspace() or char == "\0":
            hyphenated = False
            end_word()
        elif unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cn"):
            found = raw.FPDFText_GetLooseCharBox(textpage, index, ctypes.byref(rect))
            if found and rect.right > rect.left and not (hyphenated and box):
                _grow(box, rect.left, rect.bottom, rect.right, rect.top)
            word.append(char)
    end_word()
    textpage.close()
    return "".join(parts), boxes


def _grow(box: list[float], left: float, bottom: float, right: float, top: float) -> None:
    if box:
        left, bottom = min(left, box[0]), min(bottom, box[1])
        right, top = max(right, box[2]), max(top, box[3])
    box[:] = (left, bottom, right, top)


def _valid(text: str) -> str:
    """Join surrogate pairs; what is still no character becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _device_mapper(page: Any, raw: Any) -> Any:
    x, y = ctypes.c_int(), ctypes.c_int()

    def point(px: float, py: float) -> tuple[float, float]:
        raw.FPDF_PageToDevice(page, 0, 0, _SCALE, _SCALE, 0, px, py, ctypes.byref(x), ctypes.byref(y))
        return x.value / _SCALE, y.value / _SCALE

    def box(left: float, bottom: float, right: float, top: float) -> tuple[float, float, float, float]:
        (x0, y0), (x1, y1) = point(left, top), point(right, bottom)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    return box


# --- images ----------------------------------------------------------------------------------------------


def _serve_image(request: dict[str, Any], out: BinaryIO) -> None:
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = 400_000_000
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    try:
        with Image.open(request["path"], formats=("PNG", "JPEG", "TIFF", "WEBP")) as file:
            frames = getattr(file, "n_frames", 1) if file.format == "TIFF" else 1  # an animation is one picture
            _frame(out, {"pages": frames})
            for index in range(request["first"] - 1, frames):
                try:
                    if frames > 1:
                        file.seek(index)
                    if file.format == "JPEG":
                        file.draft("RGB", (request["max_side"], request["max_side"]))
                    upright = ImageOps.exif_transpose(file)
                    scale = _fit(*upright.size, request)
                    size = max(1, round(upright.width * scale)), max(1, round(upright.height * scale))
                    picture = _on_white(upright)
                    image = picture if scale == 1 else picture.resize(size, Image.Resampling.LANCZOS)
                    _page(out, index + 1, "", array("f"), image)
                except (OSError, EOFError, SyntaxError, ValueError, MemoryError) as error:
                    _frame(out, {"page": index + 1, "error": str(error) or "out of memory"})
    except UnidentifiedImageError as error:
        raise _Refused("unknown", "Pillow finds no image in it") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _Refused("memory", "it has more than 400 million pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise _Refused("broken", str(error)) from error


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image as images

    if image.mode.startswith("I;16"):  # 16-bit grey: Pillow's own conversion clips instead of scaling
        return image.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        page = images.new("RGBA", layer.size, "white")
        page.alpha_composite(layer)
        return page.convert("RGB")
    return image.convert("RGB")


if __name__ == "__main__":
    main()
