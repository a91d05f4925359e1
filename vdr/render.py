"""Documents with pages to page images and words, by way of limited child processes.

Knows nothing of models or storage. PDFium (in `_render_child.py`) renders; poppler, through pdf2image, renders on
request and is the second try on a page that PDFium can't.
"""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

import numpy as np
from PIL import Image

from vdr.documents import Source, shown
from vdr.errors import DocumentError
from vdr.types import Unit

logger = logging.getLogger(__name__)

Renderer: TypeAlias = Literal["pdfium", "poppler"]

DPI = 144
MAX_SIDE = 3_000
MAX_PIXELS = 6_000_000
PREVIEW_SIDE = 1_280
SILENCE = 120.0
"""Seconds a child may work on one page."""
MEMORY = 4 << 30
"""Bytes of address space of a child."""

_CHILD = Path(__file__).with_name("_render_child.py")
_POPPLER_LINE = "Install poppler (Debian: poppler-utils, macOS: brew install poppler)"
_ADVICE = {
    "broken": "It may be cut off or not what its name says: open it in a viewer and save it again.",
    "encrypted": "Save a copy without the password and index that.",
    "unknown": "It is not a PNG, JPEG, TIFF or WebP image, whatever its name says.",
    "memory": "Save it with smaller images, or split it.",
}
_REASON = {"encrypted": "is encrypted", "memory": "needs too much memory"}


class Pages:
    """The pages of one PDF or image file: its length at once, its pages one by one.

    Args:
        source: The file.
        renderer: `pdfium`, or `poppler` to draw with poppler (words still come from PDFium).
        children: Where its child comes from and, if all goes well, goes back to; its own by default.

    Raises:
        DocumentError: The file is not what its name says, broken, encrypted, or has no pages.
    """

    def __init__(self, source: Source, renderer: Renderer = "pdfium", children: Children | None = None) -> None:
        self._source = source
        self._children = children
        self._poppler = renderer == "poppler" and source.kind == "pdf"
        if self._poppler:
            _require_poppler(source.path)
        if source.kind == "pdf":
            _check_is_pdf(source.path)
        self._child = children.take() if children else _Child()
        self._child.ask(source, first=1, raster=not self._poppler)
        header, _ = self._child.read()
        if "error" in header:
            self._child.close()
            raise _refusal(source.path, header)
        self.count: int = header["pages"]
        if not self.count:
            self._child.close()
            raise DocumentError(shown(source.path), "has no pages", "There is nothing to index in it.")

    def __iter__(self) -> Iterator[Unit]:
        """Yield the pages in order; one that neither renderer can draw has no image and is logged."""
        ended = False
        try:
            for page in range(1, self.count + 1):
                yield self._page(page)
            ended = True
        finally:
            if ended and self._children:
                self._children.give_back(self._child)
            else:
                self._child.close()

    def _page(self, page: int) -> Unit:
        header, payload = self._child.read()
        if "page" not in header:  # the child died on this page: go on with the next one in a new child
            self._child.close()
            self._child = _Child()
            self._child.ask(self._source, first=page + 1, raster=not self._poppler)
            self._child.read()
        reason = header.get("error")
        if reason is None:
            words = 16 * header["words"]
            boxes = np.frombuffer(payload[:words], dtype=np.float32).reshape(-1, 4)
            text, size = header["text"], header["size"]
            image = Image.frombytes("RGB", tuple(size), payload[words:]) if size else None
        else:
            text, boxes, image = "", np.zeros((0, 4), np.float32), None
            logger.info("%s page %d: PDFium says: %s", self._source.path, page, reason)
        if image is None and self._source.kind == "pdf":
            image = _draw_with_poppler(self._source.path, page)
        if image is None:
            logger.warning("%s page %d could not be rendered (%s)", self._source.path, page, reason or "poppler failed")
        return Unit(page=page, text=text, boxes=boxes, image=image, preview=preview(image) if image else b"")


def preview(image: Image.Image) -> bytes:
    """Return the JPEG that stands for a page in results, at most `PREVIEW_SIDE` pixels a side."""
    small = image.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=78)
    return buffer.getvalue()


def _refusal(path: Path, header: dict[str, Any]) -> DocumentError:
    kind = header["kind"]
    return DocumentError(shown(path), f"{_REASON.get(kind, 'cannot be opened')} ({header['error']})", _ADVICE[kind])


def _check_is_pdf(path: Path) -> None:
    """Refuse a file without the PDF signature in its first kilobyte (ISO 32000-1, 7.5.2 and Annex H)."""
    with path.open("rb") as file:
        if b"%PDF-" not in file.read(1024):
            raise DocumentError(shown(path), "is not a PDF", "Its first bytes say otherwise: check what it really is.")


# --- the child -------------------------------------------------------------------------------------------


class Children:
    """Keeps the child that has served a document for the next one: starting Python takes longer than drawing a page.

    Only one that served its document to the end is kept. Leaving the context ends it.
    """

    def __init__(self) -> None:
        self._idle: _Child | None = None

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        if self._idle:
            self._idle.close()
            self._idle = None

    def take(self) -> _Child:
        """Return the child that is idle, or a new one."""
        child, self._idle = self._idle, None
        return child or _Child()

    def give_back(self, child: _Child) -> None:
        """Keep a child whose document has been read."""
        if self._idle is None and child.done():
            self._idle = child
        else:
            child.close()


class _Child:
    """A running rendering child. `read` returns a frame, or an error header once it has died."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            process_group=0,  # its own, so that its fork ends with it
        )
        assert self._process.stdin and self._process.stdout
        self._in: IO[bytes] = self._process.stdin
        self._out: IO[bytes] = self._process.stdout

    def ask(self, source: Source, *, first: int, raster: bool) -> None:
        """Ask for a document from a page on."""
        request = {
            "path": os.fspath(source.path),
            "kind": source.kind,
            "first": first,
            "dpi": DPI,
            "max_side": MAX_SIDE,
            "max_pixels": MAX_PIXELS,
            "raster": raster,
            "memory": MEMORY,
        }
        with suppress(BrokenPipeError):  # it died at once; read() tells
            self._in.write(json.dumps(request).encode() + b"\n")
            self._in.flush()

    def done(self) -> bool:
        """Wait for the end of a document whose pages are all read; tell whether it can be asked for another."""
        return "done" in self.read()[0]

    def read(self) -> tuple[dict[str, Any], bytes]:
        """Return the next frame's header and payload; a dead or silent child gives an error header."""
        with self._watched() as late:
            head = self._out.read(4)
            size: int = struct.unpack(">I", head)[0] if len(head) == 4 else 0
            header = self._out.read(size)
            if header and len(header) == size:
                parsed: dict[str, Any] = json.loads(header)
                payload = self._out.read(parsed["bytes"])
                if len(payload) == parsed["bytes"]:
                    return parsed, payload
        self._process.wait()
        reason = f"took more than {SILENCE:.0f} s" if late.is_set() else f"broke the renderer ({self._end()})"
        return {"error": reason, "kind": "broken"}, b""

    @contextmanager
    def _watched(self) -> Iterator[threading.Event]:
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._kill()

        timer = threading.Timer(SILENCE, stop)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()

    def _end(self) -> str:
        code = self._process.returncode
        return f"signal {-code}" if code < 0 else f"exit {code}"

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self._kill()
        with suppress(BrokenPipeError):
            self._in.close()
        self._out.close()
        self._process.wait()

    def _kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)


# --- poppler ---------------------------------------------------------------------------------------------


def _require_poppler(path: Path) -> None:
    from pdf2image import pdfinfo_from_path
    from pdf2image.exceptions import PDFInfoNotInstalledError, PDFPageCountError, PDFPopplerTimeoutError

    try:
        pdfinfo_from_path(str(path), timeout=int(SILENCE))
    except PDFInfoNotInstalledError as error:
        advice = f"{_POPPLER_LINE}, or leave --renderer out: PDFium needs nothing."
        raise DocumentError(shown(path), "cannot be rendered with poppler, which is not installed", advice) from error
    except (PDFPageCountError, PDFPopplerTimeoutError):
        return  # broken, encrypted or slow: the child gives the precise reason


def _draw_with_poppler(path: Path, page: int) -> Image.Image | None:
    from pdf2image import convert_from_path, pdfinfo_from_path
    from pdf2image.exceptions import (
        PDFInfoNotInstalledError,
        PDFPageCountError,
        PDFPopplerTimeoutError,
        PDFSyntaxError,
    )

    try:
        info = pdfinfo_from_path(str(path), first_page=page, last_page=page, timeout=int(SILENCE))
        size = _raster_size(info.get(f"Page {page:4} size") or info.get("Page size") or "")
        images = convert_from_path(
            str(path), first_page=page, last_page=page, size=size, use_cropbox=True, timeout=int(SILENCE)
        )
    except PDFInfoNotInstalledError:
        logger.warning("%s page %d: no second try. %s.", path, page, _POPPLER_LINE)
        return None
    except (PDFPageCountError, PDFSyntaxError, PDFPopplerTimeoutError, OSError, ValueError) as error:
        logger.info("%s page %d: poppler says: %s", path, page, str(error).strip())
        return None
    return images[0].convert("RGB") if images else None


def _raster_size(points: str) -> int:
    """Return the longer side in pixels for a page whose size pdfinfo gives as "612 x 792 pts (letter)"."""
    try:
        width, height = (float(number) * DPI / 72 for number in points.split(" pts")[0].split(" x "))
    except ValueError:
        return MAX_SIDE
    scale: float = min(1.0, MAX_SIDE / max(width, height, 1), (MAX_PIXELS / max(width * height, 1)) ** 0.5)
    return max(1, round(scale * max(width, height)))
