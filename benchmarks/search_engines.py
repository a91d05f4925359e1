"""The engines a search is measured with, ours and its peers, behind one small protocol. Knows no clock and no queries.

Imports stay inside the engines: each runs in a process of its own, and what that process holds is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from search_vectors import CHUNK, DIM, BenchmarkPages, Spans

from vdr.errors import VdrError
from vdr.types import Floats


class Engine(Protocol):
    """Builds an index on disk in one process, opens and searches it in another.

    Attributes:
        requires: Packages it needs: import name -> what to give pip.
        settings: Ways of searching to try; the fastest that finds enough is reported.
    """

    requires: Mapping[str, str]
    settings: Sequence[Mapping[str, int]]

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Write the index of these pages into an empty folder."""
        ...

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Get ready to search for these queries `(n, 20, 128)`, encoded beforehand."""
        ...

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Return the best `k` pages for a query, best first."""
        ...


class Vdr:
    """Ours, through `Store` and `Corpus`: from the call with an encoded query to hits with their metadata."""

    requires: Mapping[str, str] = {}
    settings: Sequence[Mapping[str, int]] = ({},)

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Append a document of `CHUNK` pages at a time, then optimize."""
        from search_encoder import KnownQueries

        from vdr.store import Store, new_doc_id
        from vdr.tables import EncodedUnit
        from vdr.types import DocumentInfo, MultiVector, Unit

        encoder = KnownQueries(np.zeros((0, 1, DIM), np.float32))
        store = Store(str(folder / "corpus"))
        with store.writing():
            for first, chunk in pages.chunks():
                name, doc_id = (
                    f"{first // CHUNK:06}",
                    new_doc_id(),
                )  # ties rank by name, as the truth ranks them by number
                units = [
                    EncodedUnit(
                        doc_id,
                        name,
                        Unit(number, ""),
                        {"visual": MultiVector(vectors, boxes=np.zeros((len(vectors), 4), np.float32))},
                    )
                    for number, vectors in enumerate(chunk, start=1)
                ]
                store.append(units, {"visual": encoder})
                info = DocumentInfo(
                    name=name, kind="pdf", pages=len(chunk), image_only=len(chunk), unreadable=(), collection="",
                    channels=("visual",), sha256="", added_at="2026-01-01T00:00:00+00:00", source="",
                )  # fmt: skip
                store.complete({doc_id: info})
        store.optimize()

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Open the corpus."""
        from search_encoder import KnownQueries

        from vdr import Corpus

        self._corpus = Corpus(
            folder / "corpus", encoder=KnownQueries(queries), text_encoder="none", dense_encoder="none"
        )

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Search the visual channel."""
        hits = self._corpus.search(str(number), k, mode="visual")
        return [int(hit.doc) * CHUNK + hit.page - 1 for hit in hits]


class Flat:
    """Pages as one matrix on disk, for engines that hold everything in memory."""

    settings: Sequence[Mapping[str, int]] = ({},)
    requires: Mapping[str, str] = {}
    dtype: Any = np.float32

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Write the vectors one after another, and where each page begins."""
        lengths = []
        with (folder / "vectors").open("wb") as file:
            for _, chunk in pages.chunks():
                lengths += [len(page) for page in chunk]
                file.write(self.packed(np.concatenate(chunk)))
        np.save(folder / "offsets.npy", np.cumsum([0, *lengths]))

    def packed(self, vectors: Floats) -> bytes:
        """Return vectors as they lie on disk."""
        return vectors.tobytes()

    def read(self, folder: Path) -> tuple[Any, Spans]:
        """Return the vectors `(n, 128)` mapped from disk and the offsets `(n_pages + 1,)`."""
        vectors = np.memmap(folder / "vectors", self.dtype, "r").reshape(-1, DIM)
        return vectors, np.load(folder / "offsets.npy")


class Torch(Flat):
    """Exhaustive scoring as matrix products over blocks of padded pages, resident in memory or on a GPU."""

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Load all pages, the shortest first, in blocks padded by repeating a page's first vector."""
        import torch

        flat, offsets = self.read(folder)
        lengths = np.diff(offsets)
        order = np.argsort(lengths, kind="stable")
        size = 4096 if device == "cuda" else 64
        self._order = torch.from_numpy(order)
        self._blocks = []
        for first in range(0, len(order), size):
            block = order[first : first + size]
            places = np.arange(lengths[block].max())
            rows = offsets[block, None] + np.where(places < lengths[block, None], places, 0)
            self._blocks.append(self.tensor(flat[rows]).to(device))
        self._queries = torch.from_numpy(queries).to(device, self._blocks[0].dtype)

    def tensor(self, vectors: Any) -> Any:
        """Return vectors in the type they are scored in."""
        import torch

        return torch.from_numpy(vectors)

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Score every page."""
        import torch

        with torch.inference_mode():
            query = self._queries[number].T
            scores = torch.cat([(block @ query).amax(dim=1).float().sum(dim=1) for block in self._blocks])
            best = scores.topk(min(k, len(scores))).indices.cpu()
        found: list[int] = self._order[best].tolist()
        return found


class TorchHalf(Torch):
    """The same in bfloat16."""

    dtype = np.int16

    def packed(self, vectors: Floats) -> bytes:
        """Return vectors as bfloat16."""
        import torch

        packed: bytes = torch.from_numpy(vectors).to(torch.bfloat16).view(torch.int16).numpy().tobytes()
        return packed

    def tensor(self, vectors: Any) -> Any:
        """Return bfloat16 vectors."""
        import torch

        return torch.from_numpy(vectors).view(torch.bfloat16)


class MaxSimCpu(Flat):
    """maxsim-cpu: exhaustive float32 scoring in Rust."""

    requires: Mapping[str, str] = {"maxsim_cpu": "maxsim-cpu==0.1.0"}

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Load all pages."""
        flat, offsets = self.read(folder)
        self._queries = queries
        self._pages = [np.array(flat[start:stop]) for start, stop in pairwise(offsets)]

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Score every page."""
        import maxsim_cpu

        scores = np.asarray(maxsim_cpu.maxsim_scores_variable(self._queries[number], self._pages))
        found: list[int] = np.argsort(-scores, kind="stable")[:k].tolist()
        return found


class LanceFlat:
    """LanceDB's own multivector search, exhaustive, over float16."""

    requires: Mapping[str, str] = {}
    settings: Sequence[Mapping[str, int]] = ({},)

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Write a table of pages."""
        import lancedb
        import pyarrow as pa

        schema = pa.schema([("page", pa.int64()), ("vectors", pa.list_(pa.list_(pa.float16(), DIM)))])

        def batches() -> Any:
            for first, chunk in pages.chunks():
                flat = pa.array(np.concatenate(chunk).astype(np.float16).reshape(-1))
                offsets = pa.array(np.cumsum([0, *(len(page) for page in chunk)]).astype(np.int32))
                column = pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(flat, DIM))
                yield pa.record_batch([pa.array(range(first, first + len(chunk))), column], schema=schema)

        lancedb.connect(str(folder)).create_table("pages", batches(), schema=schema)

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Open the table."""
        import lancedb

        self._table = lancedb.connect(str(folder)).open_table("pages")
        self._queries = queries

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Search by cosine, the one distance it has for multivectors; the vectors are unit."""
        search = self._table.search(self._queries[number], vector_column_name="vectors").distance_type("cosine")
        if setting:
            search = search.nprobes(setting["nprobes"]).refine_factor(setting["refine"])
        found: list[int] = search.select(["page", "_distance"]).limit(k).to_arrow()["page"].to_pylist()
        return found


class LanceIndexed(LanceFlat):
    """LanceDB's approximate multivector search: IVF_PQ, refined by exact distances."""

    settings: Sequence[Mapping[str, int]] = (
        {"nprobes": 20, "refine": 10},
        {"nprobes": 50, "refine": 30},
        {"nprobes": 100, "refine": 100},
    )

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Write a table of pages and index it."""
        import lancedb

        super().build(pages, folder)
        table = lancedb.connect(str(folder)).open_table("pages")
        table.create_index(metric="cosine", vector_column_name="vectors", index_type="IVF_PQ")


class FastPlaid:
    """fast-plaid: PLAID with 4-bit residuals, its default."""

    requires: Mapping[str, str] = {"fast_plaid": "fast-plaid==1.7.0.2110"}
    settings: Sequence[Mapping[str, int]] = (
        {"n_full_scores": 256},
        {"n_full_scores": 1024},
        {"n_full_scores": 4096},
    )

    def build(self, pages: BenchmarkPages, folder: Path) -> None:
        """Cluster and quantize; it takes all pages at once, here as float16."""
        import torch
        from fast_plaid.search import FastPlaid as Index

        documents = [torch.from_numpy(page.astype(np.float16)) for _, chunk in pages.chunks() for page in chunk]
        Index(str(folder / "index"), device="cpu").create(documents)

    def open(self, folder: Path, queries: Floats, device: str) -> None:
        """Open the index."""
        import torch
        from fast_plaid.search import FastPlaid as Index

        self._index = Index(str(folder / "index"), device=device)
        self._queries = torch.from_numpy(queries)

    def search(self, number: int, k: int, setting: Mapping[str, int]) -> Sequence[int]:
        """Search with so many full scores."""
        query = self._queries[number : number + 1]
        found = self._index.search(query, top_k=k, show_progress=False, **setting)[0]
        return [page for page, _ in found]


ENGINES: dict[str, type[Engine]] = {
    "vdr": Vdr,
    "torch-fp32": Torch,
    "torch-bf16": TorchHalf,
    "maxsim-cpu": MaxSimCpu,
    "lancedb-flat": LanceFlat,
    "lancedb-ivfpq": LanceIndexed,
    "fast-plaid": FastPlaid,
}
"""By the names that `--engines` takes."""


def check_installed(engines: Mapping[str, type[Engine]]) -> None:
    """Refuse to start if the package of an engine, by its name, is missing.

    Raises:
        VdrError: It names the package and the command that installs it.
    """
    for name, engine in engines.items():
        for module, package in engine.requires.items():
            if find_spec(module) is None:
                raise VdrError(f"The engine {name} is not installed. pip install {package}, or leave it out.")
