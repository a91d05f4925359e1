"""Tesseract as a reader, for reference: Debian's `tesseract-ocr` on the command line."""

from __future__ import annotations

import csv
import io
import subprocess

from PIL import Image
from reading_labels import bare
from reading_metric import Found, found_in_writing

DPI = 300
"""What tesseract is given, where it isn't given a scan: the resolution that its manual advises."""


def read(image: Image.Image, dpi: int) -> list[Found]:
    """Return the words that tesseract reads on a page that is drawn at `dpi`.

    Raises:
        FileNotFoundError: Tesseract is not installed.
        CalledProcessError: It failed.
    """
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    command = ["tesseract", "-", "-", "--psm", "3", "--dpi", str(dpi), "tsv"]
    told = subprocess.run(
        command, input=buffer.getvalue(), capture_output=True, check=True, env={"OMP_THREAD_LIMIT": "1"}
    )
    rows = csv.DictReader(io.StringIO(told.stdout.decode()), delimiter="\t", quoting=csv.QUOTE_NONE)
    found = []
    for row in rows:
        if row["level"] == "5" and bare(row["text"]):
            left, top, wide, high = (int(row[name]) for name in ("left", "top", "width", "height"))
            right, bottom = (left + wide) / image.width, (top + high) / image.height
            found.append(found_in_writing(row["text"], (left / image.width, top / image.height, right, bottom)))
    return found
