"""Print-and-scan: what becomes of a page that is printed, laid on a scanner a little askew, and stored as JPEG.

    python benchmarks/scans.py FOLDER OUT [--dpi 150|200]

Turns every PDF of a folder, or of a judged set's `pdfs/`, into one of page images alone, with the same file name, page
count and page sizes, and copies `queries.jsonl` and `qrels/` beside them, so that `vdr eval OUT` measures the same
questions on paper. The same input gives the same scans. Holds one page in pixels and one document in JPEG at a time.
Made apart from what the embedded encoder is trained on, of which this module knows nothing.
"""

from __future__ import annotations

import argparse
import io
import logging
import shutil
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from numpy.typing import NDArray
from PIL import Image, ImageFilter

logger = logging.getLogger(__name__)

DPI = (150, 200)
LARGEST = 25_000_000
"""Pixels of a page; larger sheets are scanned at fewer dots an inch, which is logged."""
SKEW = 2.5
"""Degrees a sheet lies askew at most."""


@dataclass(frozen=True, slots=True)
class Scanner:
    """How one sheet is scanned.

    Attributes:
        skew: Degrees that the sheet is turned, counter-clockwise.
        blur: Radius of the optics' blur in inches.
        ink: Grey of black print, 0 to 255.
        paper: Grey of white paper.
        shade: Share of the light missing where it is weakest.
        direction: Towards which it gets weaker, in radians.
        noise: Standard deviation of the sensor's noise, in grey levels.
        quality: Of the JPEG.
    """

    skew: float
    blur: float
    ink: float
    paper: float
    shade: float
    direction: float
    noise: float
    quality: int


def scanner(seed: int) -> Scanner:
    """Return one of many scanners: the same for the same seed."""
    draw = np.random.default_rng(seed)
    return Scanner(
        skew=float(draw.uniform(-SKEW, SKEW)),
        blur=float(draw.uniform(0.002, 0.005)),
        ink=float(draw.uniform(15, 70)),
        paper=float(draw.uniform(225, 250)),
        shade=float(draw.uniform(0.02, 0.2)),
        direction=float(draw.uniform(0, 2 * np.pi)),
        noise=float(draw.uniform(2, 8)),
        quality=int(draw.integers(55, 86)),
    )


def scan(image: Image.Image, seed: int, dpi: int) -> Image.Image:
    """Return a page as a scanner sees it, of the same size.

    Args:
        image: The page, drawn at `dpi`.
        seed: Which scanner (`scanner(seed)`), and which noise.
        dpi: Dots an inch.
    """
    with Image.open(io.BytesIO(scanned_jpeg(image, seed, dpi))) as stored:
        return stored.convert("RGB")


def scanned_jpeg(image: Image.Image, seed: int, dpi: int) -> bytes:
    """Return the file that a scanner makes of a page; the arguments are those of `scan`."""
    how = scanner(seed)
    turned = image.convert("RGB").rotate(how.skew, Image.Resampling.BICUBIC, fillcolor="white")
    seen = turned.filter(ImageFilter.GaussianBlur(how.blur * dpi))
    height, width = seen.height, seen.width
    light = _light(width, height, how)
    noise = np.random.default_rng([seed, 1]).standard_normal((height, width), np.float32) * how.noise
    pixels = how.ink + np.asarray(seen, np.float32) * ((how.paper - how.ink) / 255)
    pixels = (pixels * light[..., None] + noise[..., None]).clip(0, 255)
    buffer = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(buffer, "JPEG", quality=how.quality)
    return buffer.getvalue()


def _light(width: int, height: int, how: Scanner) -> NDArray[np.float32]:
    """Return the share of light on each pixel, `(height, width)`: full at one border, weaker towards another."""
    x = np.linspace(-1, 1, width, dtype=np.float32) * np.float32(np.cos(how.direction))
    y = np.linspace(-1, 1, height, dtype=np.float32) * np.float32(np.sin(how.direction))
    away = (x[None] + y[:, None] + np.float32(2**0.5)) / np.float32(2 * 2**0.5)
    light: NDArray[np.float32] = 1 - np.float32(how.shade) * away**2
    return light


def page_seed(name: str, page: int) -> int:
    """Return the seed of a page of a document, by the document's name and the page's number from 1."""
    return zlib.crc32(f"{name}:{page}".encode())


def draw(page: pdfium.PdfPage, dpi: int) -> tuple[Image.Image, int]:
    """Return a page in pixels, and the dots an inch it is drawn at: fewer than asked for if it would be too large."""
    width, height = page.get_size()
    most = int(72 * (LARGEST / max(width * height, 1)) ** 0.5)
    if most < dpi:
        logger.warning("a page of %d x %d points is scanned at %d dpi", width, height, most)
    dpi = min(dpi, most)
    return page.render(scale=dpi / 72, prefer_bgrx=False).to_pil().convert("RGB"), dpi


def scan_pdf(source: Path, target: Path, dpi: int, name: str | None = None) -> int:
    """Write the scan of a PDF and return its page count.

    Args:
        source: The PDF.
        target: The PDF of page images that is written.
        dpi: Dots an inch.
        name: The name that seeds its pages (that of the source by default).

    Raises:
        PdfiumError: It cannot be opened or drawn.
    """
    with pdfium.PdfDocument(source) as pdf, pdfium.PdfDocument.new() as scanned:
        pdf.init_forms()
        for index, page in enumerate(pdf):
            image, drawn_at = draw(page, dpi)
            seed = page_seed(name or source.name, index + 1)
            _add_page(scanned, page.get_size(), scanned_jpeg(image, seed, drawn_at))
            page.close()
        scanned.save(target)
        return len(pdf)


def _add_page(pdf: pdfium.PdfDocument, size: tuple[float, float], jpeg: bytes) -> None:
    page = pdf.new_page(*size)
    picture = pdfium.PdfImage.new(pdf)
    picture.load_jpeg(io.BytesIO(jpeg), inline=True)
    picture.set_matrix(pdfium.PdfMatrix().scale(*size))
    page.insert_obj(picture)
    page.gen_content()
    page.close()


def main() -> None:
    """Scan a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="a folder of PDFs, or a judged set with pdfs/")
    parser.add_argument("out", type=Path, help="where the scans go; made if missing")
    parser.add_argument("--dpi", type=int, choices=DPI, default=DPI[1], help="dots an inch (200 by default)")
    args = parser.parse_args()
    is_set = (args.folder / "pdfs").is_dir()
    source, target = (args.folder / "pdfs", args.out / "pdfs") if is_set else (args.folder, args.out)
    files = sorted(path for path in source.glob("*") if path.suffix.lower() == ".pdf")
    if not files:
        sys.exit(f"{source} has no PDFs. Name a folder of PDFs, or a judged set with pdfs/.")
    if target.exists() and target.samefile(source):
        sys.exit(f"{target} would be overwritten by its own scans. Name another folder.")
    target.mkdir(parents=True, exist_ok=True)
    for path in files:
        try:
            pages = scan_pdf(path, target / path.name, args.dpi)
        except pdfium.PdfiumError as error:
            sys.exit(f"{path} cannot be drawn ({error}). Take it out of the folder.")
        print(f"{path.name}: {pages} pages")
    if is_set:
        shutil.copytree(args.folder / "qrels", args.out / "qrels", dirs_exist_ok=True)
        shutil.copy(args.folder / "queries.jsonl", args.out / "queries.jsonl")


if __name__ == "__main__":
    main()
