"""Small PDFs for the tests, spelled out by hand so that every coordinate is known, and a few made by reportlab."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

Box = tuple[float, float, float, float]
"""Left, bottom, right, top in points."""

A4 = (595.276, 841.89)
LETTER: Box = (0, 0, 612, 792)
HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding %s >>"
LIGATURES = b"<< /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [1 /fi /fl] >>"
"""Code 1 is the glyph fi, code 2 is fl."""


def show(text: str, x: float, y: float, size: float = 40) -> str:
    """Return the operators that show a text with its baseline starting at a point."""
    escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {x} {y} Td ({escaped}) Tj ET\n"


def width(text: str, size: float = 40) -> float:
    """Return how wide a text is in Helvetica, in points."""
    return float(stringWidth(text, "Helvetica", size))


def pdf(
    *contents: str,
    media: Box = LETTER,
    crop: Box | None = None,
    rotate: int = 0,
    encoding: bytes = b"/WinAnsiEncoding",
    to_unicode: Mapping[int, bytes] | None = None,
) -> bytes:
    """Return a PDF with one page for each content stream; equal streams are stored once.

    `to_unicode` says which text (UTF-16, well-formed or not) the font claims for a character code.
    """
    streams = list(dict.fromkeys(contents))
    first = 4 + len(streams)
    box = b"[%.3f %.3f %.3f %.3f]"
    attributes = b"/MediaBox " + box % media
    if crop:
        attributes += b" /CropBox " + box % crop
    if rotate:
        attributes += b" /Rotate %d" % rotate
    kids = b" ".join(b"%d 0 R" % (first + index) for index in range(len(contents)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] %s /Resources << /Font << /F1 3 0 R >> >> >>"
        % (len(contents), kids, attributes),
        HELVETICA % encoding,
        *(_stream(stream.encode("latin-1")) for stream in streams),
    ]
    objects += [b"<< /Type /Page /Parent 2 0 R /Contents %d 0 R >>" % (4 + streams.index(c)) for c in contents]
    if to_unicode:
        pairs = b"".join(b"<%02x> <%s>\n" % (code, text.hex().encode()) for code, text in to_unicode.items())
        chars = b"%d beginbfchar\n%s endbfchar" % (len(to_unicode), pairs)
        space = b"1 begincodespacerange <00> <ff> endcodespacerange"
        objects.append(_stream(b"begincmap\n%s\n%s\nendcmap" % (space, chars)))
        objects[2] = objects[2].replace(b"/Encoding", b"/ToUnicode %d 0 R /Encoding" % len(objects))
    return assemble(objects)


def _stream(data: bytes) -> bytes:
    return b"<< /Length %d >>\nstream\n%s\nendstream" % (len(data), data)


def assemble(objects: Sequence[bytes]) -> bytes:
    """Return a PDF of these objects, numbered from 1; the first is the catalog."""
    out = bytearray(b"%PDF-1.7\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def encrypted_pdf(*, user: str, owner: str = "owner") -> bytes:
    """Return a page that says "secret"; it opens without a password where `user` is empty."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(612, 792), encrypt=StandardEncryption(user, ownerPassword=owner))
    canvas.drawString(72, 700, "secret")
    canvas.save()
    return buffer.getvalue()


def form_pdf(value: str) -> bytes:
    """Return a page with one text field, 200 x 40 points at (100, 600), filled in."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(612, 792))
    canvas.drawString(72, 700, "form")
    canvas.acroForm.textfield(
        name="field", x=100, y=600, width=200, height=40, value=value, fontSize=24, borderWidth=0, fillColor=None
    )
    canvas.save()
    return buffer.getvalue()
