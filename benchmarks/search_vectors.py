"""Page vectors to measure a search on: real pages, and distractors mixed of them. Knows no engine.

Real pages come from PDFs through the embedded page encoder, or while there is none through the embedded text encoder;
a fixed projection (the leading eigenvectors of their second moments) brings them to 128 dims. They are cached with the
encoded queries. Page `i` of a benchmark is the `i`-th real page, and beyond those a distractor: contiguous runs of
vectors of 4 to 8 real pages, drawn from a generator seeded with `i`. So any page can be made at any time, alike in any
process, and no more of them need be in memory than are looked at.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdr import encode
from vdr.documents import Source, find
from vdr.errors import VdrError
from vdr.render import Pages as RenderedPages
from vdr.types import Floats

SAMPLE = Path(__file__).parent.parent / "sample_pdfs"
DIM = 128
PAGE_VECTORS = 700
"""Vectors of a distractor, about what a page model makes of a page."""
QUERY_VECTORS = 20
SEED = 2026
CHUNK = 100
"""Pages made at a time."""
BATCH = 16
AT_ONCE = 100_000

Spans: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pool:
    """Real pages and queries, before any quantization.

    Attributes:
        vectors: `(n, 128)` float32, those of all real pages one after another, unit length.
        offsets: `(n_pages + 1,)` where each page begins.
        queries: `(n_queries, 20, 128)` float32. A shorter query goes round again, a longer one is cut, so that all
            cost the same.
        encoder: What made them.
        fingerprint: Tells this pool from any other.
    """

    vectors: Floats
    offsets: Spans
    queries: Floats
    encoder: str
    fingerprint: str

    def __len__(self) -> int:
        return len(self.offsets) - 1


@dataclass(frozen=True, slots=True)
class BenchmarkPages:
    """The first `count` pages of the endless benchmark over a pool."""

    pool: Pool
    count: int

    def spans(self, page: int) -> Spans:
        """Return which vectors of the pool a page consists of: `(n_runs, 2)` first and one past the last."""
        offsets = self.pool.offsets
        if page < len(self.pool):
            return offsets[None, page : page + 2]
        random = np.random.default_rng([SEED, page])
        lengths = np.diff(offsets)
        parts = min(int(random.integers(4, 9)), len(lengths))
        donors = random.choice(len(lengths), parts, replace=False, p=lengths / lengths.sum())
        wanted = PAGE_VECTORS // parts + (np.arange(parts) < PAGE_VECTORS % parts)
        runs = np.minimum(wanted, lengths[donors])
        starts = offsets[donors] + random.integers(0, lengths[donors] - runs + 1)
        return np.stack([starts, starts + runs], axis=1)

    def places(self, page: int) -> Spans:
        """Return which vectors of the pool a page has, one by one: `(n,)`."""
        return np.concatenate([np.arange(start, stop) for start, stop in self.spans(page)])

    def page(self, page: int) -> Floats:
        """Return a page's vectors `(n, 128)`."""
        return np.concatenate([self.pool.vectors[start:stop] for start, stop in self.spans(page)])

    def chunks(self, size: int = CHUNK) -> Iterator[tuple[int, list[Floats]]]:
        """Yield all pages in order, `size` at a time: the number of the first, and each one's vectors."""
        for first in range(0, self.count, size):
            yield first, [self.page(page) for page in range(first, min(first + size, self.count))]

    def exact_scores(self, queries: Floats) -> Floats:
        """Return the exhaustive float32 MaxSim of every page, `(n_queries, count)`.

        A page's vectors are the pool's, so each similarity is computed once however many pages share it. The largest of
        a run is that of two stretches of a power of two, from its begin and to its end, whose largest are known.
        """
        spans = [self.spans(page) for page in range(self.count)]
        begins = np.cumsum([0, *(len(runs) for runs in spans[:-1])])
        runs = np.concatenate(spans)
        level = np.frexp(runs[:, 1] - runs[:, 0])[1] - 1  # the power of two that fits into it
        scores = np.empty((len(queries), self.count), np.float32)
        for number, query in enumerate(queries):
            largest = self.pool.vectors @ query.T
            best = np.empty((len(runs), len(query)), np.float32)
            for power in range(int(level.max()) + 1):
                own = np.flatnonzero(level == power)
                best[own] = np.maximum(largest[runs[own, 0]], largest[runs[own, 1] - (1 << power)])
                largest[: -1 << power] = np.maximum(largest[: -1 << power], largest[1 << power :])
            for first in range(0, self.count, AT_ONCE):
                own_begins = begins[first : first + AT_ONCE]
                last = begins[first + AT_ONCE] if first + AT_ONCE < self.count else len(runs)
                part = np.maximum.reduceat(best[own_begins[0] : last], own_begins - own_begins[0], axis=0)
                scores[number, first : first + AT_ONCE] = part.sum(axis=1)
        return scores


def load_pool(folder: Path, cache: Path) -> Pool:
    """Return the pool of a folder of documents, from the cache if it is there.

    Args:
        folder: PDFs; or `pdfs/` beside a `queries.jsonl`, whose queries are then asked instead of the samples'.
        cache: Where pools are kept.

    Raises:
        VdrError: There are no documents, or no page has vectors.
    """
    pdfs = folder / "pdfs" if (folder / "pdfs").is_dir() else folder
    queries = folder / "queries.jsonl" if (folder / "queries.jsonl").is_file() else SAMPLE / "queries.jsonl"
    sources = find([pdfs]).sources
    channel: Any = "visual" if encode.DEFAULT["visual"] else "text"
    name = str(encode.DEFAULT[channel])
    encoder: Any = encode.load_page_encoder(name) if channel == "visual" else encode.load_text_encoder(name)
    told = [name, encoder.fingerprint, *(source.sha256() for source in sources), queries.read_text("utf-8")]
    fingerprint = hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]
    kept = cache / fingerprint
    if not (kept / "vectors.npy").is_file():
        pages = list(_encoded(sources, encoder, channel))
        if not pages:
            raise VdrError(f"{pdfs} has no page that {name} makes vectors of. Name another folder with --pdfs.")
        lines = queries.read_text("utf-8").splitlines()
        asked = [encoder.encode_query(json.loads(line)["text"]).vectors for line in lines if line.strip()]
        kept.mkdir(parents=True, exist_ok=True)
        vectors, projection = project(np.concatenate(pages))
        np.save(kept / "offsets.npy", np.cumsum([0, *(len(page) for page in pages)], dtype=np.int64))
        np.save(kept / "queries.npy", np.stack([query_of(query, projection) for query in asked]))
        np.save(kept / "partial.npy", vectors)
        (kept / "partial.npy").rename(kept / "vectors.npy")  # last: its name says that all is there
    return Pool(
        np.load(kept / "vectors.npy", mmap_mode="r"),
        np.load(kept / "offsets.npy"),
        np.load(kept / "queries.npy"),
        f"{name}, {channel}",
        fingerprint,
    )


def project(vectors: Floats) -> tuple[Floats, Floats]:
    """Bring vectors `(n, dim)` to unit vectors `(n, 128)`; return them and the projection `(dim, 128)`.

    The projection keeps as much as 128 dims can of the dot products (the leading eigenvectors of the second
    moments). Vectors of up to 128 dims are filled up with zeros.
    """
    dim = vectors.shape[1]
    if dim <= DIM:
        projection = np.eye(dim, DIM, dtype=np.float32)
    else:
        _, directions = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors)
        projection = directions[:, ::-1][:, :DIM].astype(np.float32)
    return _unit(vectors @ projection), projection


def query_of(vectors: Floats, projection: Floats) -> Floats:
    """Return an encoded query `(n, dim)` as 20 unit vectors `(20, 128)`."""
    return np.resize(_unit(vectors @ projection), (QUERY_VECTORS, DIM))


def _unit(vectors: Floats) -> Floats:
    unit: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit.astype(np.float32)


def _encoded(sources: Sequence[Source], encoder: Any, channel: str) -> Iterator[Floats]:
    """Yield the vectors of each page that has some."""
    for number, source in enumerate(sources, start=1):
        print(f"encoding {number}/{len(sources)} {source.name}", file=sys.stderr)
        units = list(RenderedPages(source))
        for first in range(0, len(units), BATCH):
            part = units[first : first + BATCH]
            if channel == "visual":
                images = [unit.image for unit in part if unit.image is not None]
                made = encoder.encode_pages(images) if images else []
            else:
                texts = [unit.text for unit in part if unit.text.strip()]
                made = encoder.encode_texts(texts) if texts else []
            yield from (one.vectors for one in made if len(one.vectors))
