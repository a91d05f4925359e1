"""How well the embedded encoder's image tower reads real pages, beside tesseract; the text layer is the key.

    python benchmarks/reading.py --pdfs FOLDER [FOLDER ...] [--pages N] [--scan 150|200] [--tesseract] [--json]

Takes pages at random, spread over all PDFs, among those whose text layer has 50 words or more. The reader gets the
page's image as `vdr index` draws it and nothing else. With `--scan` the pages are printed and scanned first
(`scans.py`) and the labels turned with the sheet. A label that cannot be seen (white on white, covered) is left out.
Equal words of a page count once. Tesseract reads pages drawn at 300 dpi, or the scan itself. Does not measure the
order of reading, nor retrieval.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
import reading_tesseract
import scans
from PIL import Image
from reading_labels import Box, Label, labels
from reading_metric import Found, Outcome, Precision, Share, found_by_tower, judge, precision, shares

from vdr.documents import Source
from vdr.encode.mini.encoder import WEIGHTS
from vdr.render import Pages

logger = logging.getLogger(__name__)

FEWEST = 50
"""Words of a page that is measured, at least."""
OTHERS = 2_000
"""Words and numbers of other pages that the nearest is chosen among as well."""
CONTRAST = 30
"""Grey levels between the darkest and the lightest pixel of a word, at least, for it to be seen."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page to read.

    Attributes:
        document: The PDF's name.
        number: The page's number in it, from 1.
        image: As `vdr index` draws it.
        labels: What stands on it.
        file: The PDF to draw it from in another resolution: its own words, or the scan.
        index: Of the page in that PDF.
    """

    document: str
    number: int
    image: Image.Image
    labels: tuple[Label, ...]
    file: Path
    index: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What one reader makes of the pages.

    Attributes:
        shares: By kind of label.
        precision: Of the readings.
        seconds: For a page, on average.
    """

    shares: dict[str, Share]
    precision: Precision
    seconds: float


def choose(files: Sequence[Path], count: int, seed: int) -> dict[Path, list[int]]:
    """Return indexes of pages with enough words, one of each PDF in turn until there are `count` or no more."""
    draw = random.Random(seed)
    left: dict[Path, list[int]] = {}
    for file in files:
        try:
            with pdfium.PdfDocument(file) as pdf:
                left[file] = draw.sample(range(len(pdf)), len(pdf))
        except pdfium.PdfiumError as error:
            sys.exit(f"{file} cannot be opened ({error}). Take it out of the folder.")
    chosen: dict[Path, list[int]] = {}
    turn = draw.sample(list(left), len(left))
    while turn and count:
        for file in list(turn):
            index = _next(file, left[file])
            if index is None:
                turn.remove(file)
            elif count:
                chosen.setdefault(file, []).append(index)
                count -= 1
            if not count:
                break
    return chosen


def _next(file: Path, indexes: list[int]) -> int | None:
    """Take indexes off a list until one is of a page with enough words."""
    with pdfium.PdfDocument(file) as pdf:
        while indexes:
            index = indexes.pop()
            page = pdf[index]
            if len(labels(page)) >= FEWEST:
                return index
    return None


def pages(chosen: dict[Path, list[int]], scan_dpi: int | None, folder: Path) -> Iterator[Page]:
    """Yield the chosen pages.

    Args:
        chosen: Indexes of pages, by PDF.
        scan_dpi: Print and scan them first, at so many dots an inch.
        folder: For the PDFs of these pages alone.
    """
    for number, (file, indexes) in enumerate(chosen.items()):
        excerpt = drawn = folder / f"{number}.pdf"
        with pdfium.PdfDocument(file) as pdf, pdfium.PdfDocument.new() as some:
            some.import_pages(pdf, indexes)
            some.save(excerpt)
        if scan_dpi:
            drawn = folder / f"{number}-scanned.pdf"
            scans.scan_pdf(excerpt, drawn, scan_dpi, file.name)
        with pdfium.PdfDocument(excerpt) as written:
            for place, unit in enumerate(Pages(Source(drawn, file.name, "pdf"))):
                assert unit.image is not None, f"{file} page {indexes[place] + 1} cannot be drawn"
                skew = scans.scanner(scans.page_seed(file.name, place + 1)).skew if scan_dpi else 0.0
                found = (turn(label, skew, unit.image.size) for label in labels(written[place]))
                seen = tuple(label for label in found if is_seen(unit.image, label.box))
                yield Page(file.name, indexes[place] + 1, unit.image, seen, drawn, place)


def turn(label: Label, degrees: float, size: tuple[int, int]) -> Label:
    """Return a label on a page of this size in pixels that is turned counter-clockwise about its middle."""
    if not degrees:
        return label
    width, height = size
    angle = math.radians(degrees)
    left, top, right, bottom = label.box
    x, y = ((left + right) / 2 - 0.5) * width, ((top + bottom) / 2 - 0.5) * height
    x, y = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    wide, high = (right - left) / 2, (bottom - top) / 2
    x, y = x / width + 0.5, y / height + 0.5
    return Label(label.text, (x - wide, y - high, x + wide, y + high), label.size, label.bold)


def is_seen(image: Image.Image, box: Box) -> bool:
    """Tell whether there is contrast at a place of a page."""
    left, top, right, bottom = np.array(box) * [*image.size, *image.size]
    part = image.crop((math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom))).convert("L")
    if not part.width or not part.height:
        return False
    grey = np.asarray(part)
    return int(grey.max()) - int(grey.min()) >= CONTRAST


def measure(measured: Sequence[Page], read: Callable[[Page], list[Found]]) -> tuple[Figures, list[Outcome]]:
    """Let a reader read the pages and return its figures, and what became of each label."""
    vocabulary = sorted({label.text for page in measured for label in page.labels if len(label.text) > 1})
    if len(vocabulary) < OTHERS:
        logger.warning("only %d different words on all pages: the nearest is chosen among fewer", len(vocabulary))
    outcomes: list[Outcome] = []
    found: list[Precision] = []
    seconds = 0.0
    for index, page in enumerate(measured):
        here = {label.text for label in page.labels}
        rest = [word for word in vocabulary if word not in here]
        others = random.Random(index).sample(rest, min(OTHERS, len(rest)))
        start = time.perf_counter()
        readings = read(page)
        seconds += time.perf_counter() - start
        outcomes += judge(index, page.labels, readings, others)
        found.append(precision(page.labels, readings))
    sums = Precision(
        *(sum(counts) for counts in zip(*((p.matching, p.on_labels, p.elsewhere) for p in found), strict=True))
    )
    return Figures(shares(outcomes), sums, seconds / len(measured)), outcomes


def by_tower(weights: Path) -> Callable[[Page], list[Found]]:
    """Return vdr-mini's image tower as a reader."""
    import torch

    from vdr.encode.devices import best_device, best_dtype
    from vdr.encode.mini.reader import Reader

    device = torch.device(best_device())
    reader = Reader(weights, device, best_dtype(device.type))

    def read(page: Page) -> list[Found]:
        width, height = page.image.size
        found = []
        for word in reader.read(page.image):
            left, top, right, bottom = word.box
            box = (left / width, top / height, right / width, bottom / height)
            found.append(found_by_tower(word.text, box, word.spelling))
        return found

    return read


def by_tesseract(scan_dpi: int | None) -> Callable[[Page], list[Found]]:
    """Return tesseract as a reader, of the scan if there is one."""

    def read(page: Page) -> list[Found]:
        with pdfium.PdfDocument(page.file) as pdf:
            return reading_tesseract.read(*scans.draw(pdf[page.index], scan_dpi or reading_tesseract.DPI))

    return read


def table(figures: dict[str, Figures]) -> str:
    """Return figures of readers as a Markdown table."""
    columns = " | ".join(f"{name}: nearest | exact" for name in figures)
    lines = [f"| of the labels | there are | {columns} |", "|---|--:|" + "--:|--:|" * len(figures)]
    for kind, first in next(iter(figures.values())).shares.items():
        if first.labels:
            every = (reader.shares[kind] for reader in figures.values())
            cells = " | ".join(f"{share.nearest:.1%} | {share.exact:.1%}" for share in every)
            lines.append(f"| {kind} | {first.labels:,} | {cells} |")
    lines += [
        "",
        "| of the readings of 3 letters or more | " + " | ".join(figures) + " |",
        "|---|" + "--:|" * len(figures),
    ]
    found = [(reader.precision, reader.seconds) for reader in figures.values()]
    rows = {
        "match a label that they overlap": [f"{one.matching / max(one.on_labels, 1):.1%}" for one, _ in found],
        "overlap no label, of all": [
            f"{one.elsewhere / max(one.elsewhere + one.on_labels, 1):.1%}" for one, _ in found
        ],
        "seconds a page": [f"{seconds:.2f}" for _, seconds in found],
    }
    return "\n".join([*lines, *(f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items())])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdfs", type=Path, nargs="+", required=True, help="folders of PDFs with a text layer")
    parser.add_argument("--pages", type=int, default=100, help="pages to read (100 by default)")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="the image tower (the embedded one by default)")
    parser.add_argument("--scan", type=int, choices=scans.DPI, help="print and scan the pages first, at so many dpi")
    parser.add_argument("--tesseract", action="store_true", help="let tesseract read them as well (seconds a page)")
    parser.add_argument("--seed", type=int, default=0, help="which pages (0 by default)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    files = sorted(path for folder in args.pdfs for path in folder.glob("*.pdf"))
    if not args.weights.is_file():
        sys.exit(f"{args.weights} is missing. Train an image tower first, or name one with --weights.")
    if args.tesseract and not shutil.which("tesseract"):
        sys.exit("tesseract is not installed (Debian: apt-get install tesseract-ocr). Or leave --tesseract out.")
    readers = {"vdr-mini": by_tower(args.weights)}
    if args.tesseract:
        readers["tesseract"] = by_tesseract(args.scan)
    with tempfile.TemporaryDirectory() as folder:
        measured = list(pages(choose(files, args.pages, args.seed), args.scan, Path(folder)))
        if not measured:
            sys.exit(f"No PDF in {', '.join(map(str, args.pdfs))} has a page with {FEWEST} words of text layer.")
        figures = {name: measure(measured, read)[0] for name, read in readers.items()}
    if args.json:
        print(
            json.dumps({"pages": len(measured), **{name: asdict(reader) for name, reader in figures.items()}}, indent=2)
        )
    else:
        documents = len({page.document for page in measured})
        print(
            f"{len(measured)} pages of {documents} documents" + (f", scanned at {args.scan} dpi" if args.scan else "")
        )
        print(f"\n{table(figures)}")


if __name__ == "__main__":
    main()
