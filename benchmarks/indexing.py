"""How fast pages become searchable: vdr-mini against OCR and text search, from PDF to a stored corpus.

    python -m benchmarks.indexing --pdfs FOLDER [--pages N] [--engines mini,tesseract+text] [--json]

`mini` is vdr-mini alone: `Corpus(encoder="vdr-mini", text_encoder="none", dense_encoder="none").add`.
`tesseract+text` is what one does without it: each page is drawn at 300 dpi, the resolution that tesseract's manual
advises, and read by `tesseract` on the command line, as many pages at once as there are cores, one thread each; then
the text, one file for each page, goes into `Corpus(encoder="none", dense_encoder="none")`.
`tesseract144+text` draws at 144 dpi, as `mini` does, and so does `rapidocr+text` (`pip install rapidocr onnxruntime`),
which uses all cores for a page. No engine sees a text layer.

All engines get the same pages: a sample spread over the PDFs of the folder. Each works in a process of its own on a
fresh corpus. `start` is the time from the start of that process until one page, which is not of the sample, is
indexed: imports, models, first-call work. The rate is that of the sample after it. `CPU` are the seconds that
cores worked, in child processes too; on a machine that others use it tells more than the rate. `memory` is the most
that the process and its children held at once, looked at four times a second. Bytes are those of the corpus's tables,
page pictures, which only `mini` stores, among them, and superseded versions, which go after ten minutes, not. Whether
what was read is right it cannot tell: see `reading.py`.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pypdfium2 as pdfium

if TYPE_CHECKING:  # what takes long to import is imported by each engine, in its own process and time
    from PIL import Image

    from vdr.types import AddReport

TESSERACT_DPI = 300
VDR_DPI = 144

Read: TypeAlias = "Callable[[Image.Image, int], str]"
Add: TypeAlias = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Figures:
    """What an engine took.

    Attributes:
        start_s: From the start of the process until a first page was indexed.
        pages_per_s: After that.
        cpu_s_per_page: Seconds that cores worked, in child processes too.
        peak_bytes: The most memory that the process and its children held at once.
        vectors_per_page: Vectors stored.
        bytes_per_page: What the corpus takes on disk.
        picture_bytes_per_page: Those of them that are page pictures.
    """

    start_s: float
    pages_per_s: float
    cpu_s_per_page: float
    peak_bytes: int
    vectors_per_page: float
    bytes_per_page: float
    picture_bytes_per_page: float


# --- engines: each returns what adds a folder of PDFs to a corpus ------------------------------------------


def mini(corpus: Path) -> Add:
    """Pages to vectors by vdr-mini."""
    from vdr import Corpus

    pages = Corpus(corpus, encoder="vdr-mini", text_encoder="none", dense_encoder="none")
    return lambda folder: none_refused(pages.add(folder))


def tesseract(dpi: int) -> Callable[[Path], Add]:
    """Return the engine that reads with tesseract."""
    return lambda corpus: by_text(corpus, read_by_tesseract, dpi, os.cpu_count() or 1)


def rapidocr(corpus: Path) -> Add:
    """Read with rapidocr, whose models come with the package."""
    import numpy as np

    engine = import_module("rapidocr").RapidOCR()

    def read(image: Image.Image, _dpi: int) -> str:
        return "\n".join(engine(np.asarray(image)).txts or ())

    return by_text(corpus, read, VDR_DPI, 1)


ENGINES: dict[str, Callable[[Path], Add]] = {
    "mini": mini,
    "tesseract+text": tesseract(TESSERACT_DPI),
    "tesseract144+text": tesseract(VDR_DPI),
    "rapidocr+text": rapidocr,
}


def by_text(corpus: Path, read: Read, dpi: int, at_once: int) -> Add:
    """Pages to text by OCR, and the text to vectors by the embedded text encoder; a page without text has no file."""
    from vdr import Corpus

    texts = Corpus(corpus, encoder="none", dense_encoder="none")
    drawing = threading.Lock()  # PDFium is for one thread at a time

    def read_page(file: Path, index: int) -> str:
        with drawing, pdfium.PdfDocument(file) as pdf:
            image = pdf[index].render(scale=dpi / 72, grayscale=True).to_pil()
        return read(image, dpi)

    def add(folder: Path) -> None:
        with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(at_once) as pool:
            pages = [(file, index) for file in sorted(folder.glob("*.pdf")) for index in range(page_count(file))]
            for (file, index), text in zip(pages, pool.map(read_page, *zip(*pages, strict=True)), strict=True):
                if text.strip():
                    (Path(temporary) / f"{file.stem}-{index + 1}.txt").write_text(text, encoding="utf-8")
            none_refused(texts.add(temporary))

    return add


def read_by_tesseract(image: Image.Image, dpi: int) -> str:
    """Return the text that tesseract's command reads on a page."""
    picture = io.BytesIO()
    image.save(picture, "PPM")
    command = ["tesseract", "-", "-", "--dpi", str(dpi)]
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}  # more threads a page only make it slower in total
    told = subprocess.run(command, input=picture.getvalue(), capture_output=True, check=True, env=environment)
    return told.stdout.decode()


def none_refused(report: AddReport) -> None:
    """Stop where a file was refused: engines would be compared on different pages."""
    if report.refused:
        first = report.refused[0]
        raise ValueError(f"{first.path} {first.reason}. Leave that PDF out of the folder.")


# --- the sample -------------------------------------------------------------------------------------------


def page_count(file: Path) -> int:
    """Return how many pages a PDF has."""
    with pdfium.PdfDocument(file) as pdf:
        return len(pdf)


def sample(files: list[Path], count: int, seed: int) -> list[tuple[Path, int]]:
    """Return `count` pages, as PDF and index, spread over the PDFs: one of each before a second one of any.

    Raises:
        ValueError: There are fewer pages.
    """
    draw = random.Random(seed)
    left = {file: draw.sample(range(pages), pages) for file in files if (pages := page_count(file))}
    if sum(map(len, left.values())) < count:
        raise ValueError(f"{count} pages are wanted and {sum(map(len, left.values()))} there. Ask for fewer (--pages).")
    chosen: list[tuple[Path, int]] = []
    while len(chosen) < count:
        turn = draw.sample(list(left), len(left))
        chosen += [(file, left[file].pop()) for file in turn if left[file]][: count - len(chosen)]
    return chosen


def excerpt(pages: list[tuple[Path, int]], folder: Path) -> None:
    """Write PDFs of these pages alone, under the names of those that they are from."""
    folder.mkdir()
    for file in sorted({file for file, _ in pages}):
        with pdfium.PdfDocument(file) as pdf, pdfium.PdfDocument.new() as some:
            some.import_pages(pdf, sorted(index for other, index in pages if other == file))
            some.save(folder / file.name)


# --- measuring --------------------------------------------------------------------------------------------


def index(name: str, first: Path, rest: Path, corpus: Path, begun: float) -> tuple[float, float, float]:
    """Index in this process.

    Args:
        name: The engine.
        first: Folder with a PDF of one page.
        rest: Folder with the sample.
        corpus: Where to.
        begun: When the process was started, in seconds since 1970, the one clock that processes share.

    Returns:
        Seconds until the first page was indexed, then those of the sample and of the cores' work for it.
    """
    add = ENGINES[name](corpus)
    add(first)
    start = time.time() - begun
    begin, worked = time.perf_counter(), sum(os.times()[:4])
    add(rest)
    return start, time.perf_counter() - begin, sum(os.times()[:4]) - worked


def measure(name: str, first: Path, rest: Path, pages: int) -> Figures:
    """Index with one engine, in a process of its own, and return the figures; the corpus is deleted afterwards."""
    with tempfile.TemporaryDirectory() as temporary:
        corpus = Path(temporary) / "corpus"
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            working = process.submit(index, name, first, rest, corpus, time.time())
            peak = watched(working)
            start, seconds, worked = working.result()
        vectors, size, pictures = stored(corpus)
    everything = pages + 1
    return Figures(
        start_s=round(start, 2),
        pages_per_s=round(pages / seconds, 3),
        cpu_s_per_page=round(worked / pages, 3),
        peak_bytes=peak,
        vectors_per_page=round(vectors / everything, 1),
        bytes_per_page=round(size / everything),
        picture_bytes_per_page=round(pictures / everything),
    )


def watched(working: Future[tuple[float, float, float]]) -> int:
    """Wait, and return the most memory that child processes held at once."""
    import psutil  # type: ignore[import-untyped]

    peak = 0
    while wait([working], timeout=0.25).not_done:
        held = 0
        for child in psutil.Process().children(recursive=True):
            try:
                held += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue  # it has just ended
        peak = max(peak, held)
    return peak


def stored(corpus: Path) -> tuple[int, int, int]:
    """Return how many vectors a corpus has, its bytes, and those of its page pictures."""
    from vdr.store import Store
    from vdr.types import CHANNELS

    store = Store(str(corpus))
    vectors = sum(
        int(batch.offsets[-1]) for channel in CHANNELS for batch in store.vectors(channel).batches(store.live())
    )
    sizes = {name: size for name, (_, size) in store.sizes().items()}
    return vectors, sum(sizes.values()), sizes.get("previews", 0)


def table(figures: dict[str, Figures]) -> str:
    """Return figures of engines as a Markdown table."""
    lines = [
        "| engine | pages/s | CPU s a page | start, s | memory, GB | vectors a page | KB a page | of them picture |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for name, one in figures.items():
        cells = (
            f"{one.pages_per_s:.2f}",
            f"{one.cpu_s_per_page:.2f}",
            f"{one.start_s:.1f}",
            f"{one.peak_bytes / 1e9:.2f}",
            f"{one.vectors_per_page:.0f}",
            f"{one.bytes_per_page / 1e3:.0f}",
            f"{one.picture_bytes_per_page / 1e3:.0f}",
        )
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pdfs", type=Path, required=True, help="a folder of PDFs")
    parser.add_argument("--pages", type=int, default=60, help="pages to index (60 by default)")
    parser.add_argument("--engines", default="mini,tesseract+text", help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--seed", type=int, default=0, help="which pages (0 by default)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    given.engines = given.engines.split(",")
    unknown = [name for name in given.engines if name not in ENGINES]
    if unknown:
        parser.error(f"there is no engine {unknown[0]!r}; there are {', '.join(ENGINES)}")
    if given.pages < 1:
        parser.error("--pages must be at least 1")
    if any(name.startswith("tesseract") for name in given.engines) and not shutil.which("tesseract"):
        parser.error("tesseract is not installed (Debian: apt-get install tesseract-ocr). Or name other --engines.")
    if "rapidocr+text" in given.engines and not (find_spec("rapidocr") and find_spec("onnxruntime")):
        parser.error("rapidocr is not installed (pip install rapidocr onnxruntime). Or name other --engines.")
    return given


def main() -> None:
    """Measure and print."""
    given = arguments()
    with tempfile.TemporaryDirectory() as folder:
        first, rest = Path(folder) / "first", Path(folder) / "rest"
        try:
            chosen = sample(sorted(given.pdfs.glob("*.pdf")), given.pages + 1, given.seed)
        except ValueError as error:
            sys.exit(f"{given.pdfs}: {error}")
        excerpt(chosen[-1:], first)
        excerpt(chosen[:-1], rest)
        documents, load = len(list(rest.iterdir())), os.getloadavg()[0]
        figures: dict[str, Figures] = {}
        for name in given.engines:
            print(f"{name} ...", file=sys.stderr)
            try:
                figures[name] = measure(name, first, rest, given.pages)
            except Exception as error:  # of any kind: the other engines are still to be measured
                print(f"{name} failed: {type(error).__name__}: {error}", file=sys.stderr)
            else:
                print(json.dumps({name: asdict(figures[name])}), file=sys.stderr)
    if given.json:
        told = {"pages": given.pages, "documents": documents, "cores": os.cpu_count(), "load": round(load, 2)}
        print(json.dumps({**told, **{name: asdict(one) for name, one in figures.items()}}, indent=2))
    else:
        print(f"{given.pages} pages of {documents} documents, {os.cpu_count()} cores, load {load:.2f} at the start\n")
        print(table(figures))
    sys.exit(0 if len(figures) == len(given.engines) else 1)


if __name__ == "__main__":
    main()
