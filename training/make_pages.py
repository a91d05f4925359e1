"""Make pages to train the reader on: `python -m training.make_pages --out DIR --pages N --seed S --workers W`.

Writes shards (see `training/pages/shards.py`). `training.make_fonts` must have run.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from pathlib import Path

from training.pages.document import PAGES, make_document
from training.pages.fonts import CACHE, Faces
from training.pages.shards import Page, write
from training.pages.words import Vocabulary

SHARD = 50  # pages; a whole number of documents

log = logging.getLogger(__name__)


def main() -> None:
    """Make the shards, each in a worker."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder for the shards")
    parser.add_argument("--pages", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--fonts", type=Path, default=CACHE, help="folder that training.make_fonts wrote")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    done = 0
    with ProcessPoolExecutor(args.workers) as pool:
        jobs = [
            pool.submit(make_shard, args.out, shard, min(SHARD, args.pages - shard * SHARD), args.seed, args.fonts)
            for shard in range((args.pages + SHARD - 1) // SHARD)
        ]
        for job in as_completed(jobs):
            done += job.result()
            log.info("%d pages, %.1f pages/s", done, done / (time.monotonic() - started))


def make_shard(out: Path, shard: int, pages: int, seed: int, fonts: Path) -> int:
    """Write one shard of `pages` pages; how many it has."""
    made = islice(_pages(shard, seed, fonts), pages)
    write(out / f"shard-{shard:05d}", list(made))
    return pages


def _pages(shard: int, seed: int, fonts: Path) -> Iterator[Page]:
    faces, vocabulary = Faces.load(fonts), Vocabulary.load()
    for number in range(shard * SHARD // PAGES, (shard + 1) * SHARD // PAGES):
        yield from make_document(seed, number, faces, vocabulary)


if __name__ == "__main__":
    main()
