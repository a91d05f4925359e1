"""Ours at a size whose vectors no disk at hand may hold: codes of all pages, vectors of those that are looked at.

The corpus has the rows and the codes of every page, as real in size as any. Its file of vectors has the full length,
but only the pages that are candidates for the benchmark's queries are written into it; the rest is a hole. So each
search does all that it would do, on the true numbers, and `disk_bytes` counts what all would take. As pages are runs of
a pool's vectors, each of these is quantized and coded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from search_encoder import KnownQueries
from search_engines import Vdr
from search_vectors import CHUNK, DIM, BenchmarkPages

from vdr import codes as coding
from vdr import index_files as files
from vdr import search, tables
from vdr.codes import Codes
from vdr.index import Index
from vdr.mapped import SPOT
from vdr.quantize import quantize, to_space
from vdr.store import Store, new_doc_id
from vdr.tables import EncodedUnit, StoredDocument
from vdr.types import DocumentInfo, Floats, MultiVector, Unit

DATA = "sample.lance"
QUERIES = 50
"""Queries whose candidates are written: those that `search.py` asks by default. Each may bring 2,048 pages, 180 MB."""
PART = 10_000
"""Pages whose rows and codes are written at a time."""


class VdrSample(Vdr):
    """Ours, with holes where no query looks."""

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Write rows and codes of all pages, then the vectors of all candidates."""
        store = Store(str(folder / "corpus"))
        with store.writing():
            names = _rows(store, pages)
        folder = folder / "corpus" / "index" / "visual"
        pool = np.asarray(pages.pool.vectors)
        centroids, error = coding.train(to_space(pool, 8), coding.how_many(700 * pages.count))
        kept = quantize(pool, 8)
        ids = np.concatenate(
            [coding.assign(to_space(pool[at : at + PART], 8), centroids) for at in range(0, len(pool), PART)]
        )
        identity = store.vectors("visual").identity()
        manifest = files.begin(folder, identity, DIM, centroids, int(700 * pages.count), error)
        at = 0
        for first in range(0, pages.count, PART):
            chosen = [pages.places(page) for page in range(first, min(first + PART, pages.count))]
            counts = np.array([len(places) for places in chosen])
            spots = np.zeros(len(chosen), SPOT)
            spots["at"] = at + DIM * np.concatenate([[0], np.cumsum(counts[:-1])])
            at += DIM * int(counts.sum())
            every = np.concatenate(chosen)
            coded = Codes(ids[every], np.concatenate([[0], np.cumsum(counts)]))
            units = [(names[page // CHUNK], page % CHUNK + 1) for page in range(first, first + len(chosen))]
            manifest = files.append(folder, manifest, units, coded, kept.scales[every], spots)
        manifest = files.turn_round(folder, replace(manifest, files=(DATA,)))
        data = files.data_folder(folder) / DATA
        with data.open("wb") as file:
            file.truncate(at)
        files.commit(folder, manifest)
        written = np.memmap(data, np.int8, "r+")
        index = Index(folder, manifest)
        for page in _candidates(index, pages.pool.queries[:QUERIES]):
            places = pages.places(page)
            begin = int(index.spots["at"][page])
            written[begin : begin + DIM * len(places)] = kept.numbers[places].reshape(-1)
        written.flush()


def _candidates(index: Index, queries: Floats) -> list[int]:
    """Return the pages whose vectors a search for any of these queries may look at."""
    found: set[int] = set()
    every = np.arange(len(index.pages))
    for query in queries:
        estimates, _ = search.estimate(to_space(query, 8), index.centroids, index.lists)
        units, _ = search.best(every, estimates, search.CANDIDATES)
        found.update(units.tolist())
    return sorted(found)


def _rows(store: Store, pages: BenchmarkPages) -> list[str]:
    """Write the rows of all pages and documents, and one row of vectors; return the documents' ids."""
    ids = [new_doc_id() for _ in range(-(-pages.count // CHUNK))]
    encoder = KnownQueries(np.zeros((0, 1, DIM), np.float32))
    for first in range(0, pages.count, PART):
        numbers = range(first, min(first + PART, pages.count))
        units = [_unit(ids[number // CHUNK], number, {}) for number in numbers]
        store.append(units, {})
    one = MultiVector(pages.page(0), boxes=np.zeros((len(pages.page(0)), 4), np.float32))
    store.append([_unit(ids[0], 0, {"visual": one})], {"visual": encoder})
    rows: Sequence[Any] = [_document(doc_id, number, pages.count) for number, doc_id in enumerate(ids)]
    store._database.create("documents", tables.DOCUMENTS).add(pa.concat_tables(rows))  # `complete` is for one at a time
    return ids


def _unit(doc_id: str, number: int, vectors: Any) -> EncodedUnit:
    return EncodedUnit(doc_id, f"{number // CHUNK:06}", Unit(number % CHUNK + 1, ""), vectors)


def _document(doc_id: str, number: int, count: int) -> Any:
    pages = min(CHUNK, count - number * CHUNK)
    info = DocumentInfo(
        name=f"{number:06}", kind="pdf", pages=pages, image_only=pages, unreadable=(), collection="",
        channels=("visual",), sha256="", added_at="2026-01-01T00:00:00+00:00", source="",
    )  # fmt: skip
    return StoredDocument(doc_id, info).table()
