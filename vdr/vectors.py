"""The vectors of one channel: read in order, fetched by unit, and kept coded in an index. Knows no query.

The table in LanceDB is the truth. The index (`vdr.index`) is made from it by whoever writes (`vdr.upkeep`) when a
channel has more than `EXHAUSTIVE` bytes, and lies in a folder beside the tables; a corpus in an object store has none.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vdr import index as indexing
from vdr import index_files, tables
from vdr.database import NAMED, Database, each_of
from vdr.errors import CorpusError
from vdr.index import Index
from vdr.places import Places
from vdr.quantize import Quantized
from vdr.tables import Choice
from vdr.types import Channel, Ints

LAYOUT = 3
"""Version of the tables of vectors; other versions are refused."""
SCAN_ROWS = 64
"""Units decoded at a time; bounds memory."""
EXHAUSTIVE = 24 << 20
"""Bytes of vectors up to which a channel is scored whole, from memory, and has no index."""


@dataclass(frozen=True, slots=True)
class Pin:
    """The encoder a channel was made with, and how its vectors are kept.

    Attributes:
        name: What the encoder was called.
        dim: Numbers a vector has.
        fingerprint: Of its weights.
        bits: Bits a number is kept in.
        pool: How many similar vectors of a unit became one.
    """

    name: str
    dim: int
    fingerprint: str
    bits: int = 8
    pool: int = 1

    @property
    def choice(self) -> Choice:
        """How vectors are kept."""
        return Choice(self.dim, self.bits, self.pool)

    def metadata(self) -> dict[str, str]:
        """Return what is written with the table."""
        return {"encoder": json.dumps(asdict(self)), "layout": str(LAYOUT)}


@dataclass(frozen=True, slots=True)
class Batch:
    """Vectors of some units.

    Attributes:
        keys: Of the units.
        quantized: Their vectors, one after another.
        offsets: `(len(keys) + 1,)` where each unit's begin.
    """

    keys: list[str]
    quantized: Quantized
    offsets: Ints


class Vectors:
    """One channel's vectors.

    Args:
        database: The corpus.
        channel: `visual` or `text`.
    """

    def __init__(self, database: Database, channel: Channel) -> None:
        self._database = database
        self.channel = channel
        self._held: tuple[object, list[tuple[list[str], Batch]]] | None = None
        self._index: Index | None = None
        self._pinned: tuple[Any, Pin] | None = None
        self.places = Places(database, channel)

    @property
    def table(self) -> Any | None:
        """The table, or None while the channel has no vectors."""
        return self._database.table(self.channel)

    def pin(self) -> Pin | None:
        """Return the encoder this channel was made with, or None while it has no vectors.

        Raises:
            CorpusError: The table is of another version of vdr.
        """
        table = self.table
        if table is None:
            return None
        if self._pinned is not None and self._pinned[0] is table:
            return self._pinned[1]
        metadata = table.schema.metadata
        if int(metadata.get(b"layout", b"1")) != LAYOUT:
            raise CorpusError(
                f"The corpus {self._database.uri} was made by another version of vdr (its {self.channel} vectors have "
                f"layout {int(metadata.get(b'layout', b'1'))}, not {LAYOUT}). Delete it and index again."
            )
        self._pinned = (table, Pin(**json.loads(metadata[b"encoder"])))
        return self._pinned[1]

    # --- reading -----------------------------------------------------------------------------------------

    def batches(self, doc_ids: Collection[str]) -> Iterator[Batch]:
        """Yield the vectors of these documents, `SCAN_ROWS` units at a time at most."""
        source = self._all() if self.size() <= EXHAUSTIVE else self.read(doc_ids)
        for owners, batch in source:
            if (chosen := of(owners, batch, doc_ids)) is not None:
                yield chosen[1]

    def keyed(self, units: Mapping[str, tuple[str, int]]) -> Iterator[Batch]:
        """Yield the vectors of some units, given by key with the document's id and the page."""
        if self.size() <= EXHAUSTIVE:
            for owners, batch in self._all():
                own = zip(batch.keys, owners, strict=True)
                rows = np.flatnonzero([key in units and units[key][0] == owner for key, owner in own])
                if len(rows):
                    yield _chosen(batch, rows)
            return
        pin, wanted = self.pin(), list(units.values())
        for first in range(0, len(wanted), SCAN_ROWS):
            found = self.places.take(wanted[first : first + SCAN_ROWS], ["key", "numbers", "scales"])
            if found is not None and pin is not None:
                yield Batch(found["key"].to_pylist(), *_quantized(found, pin))

    def size(self) -> int:
        """Return about how many bytes the vectors have."""
        table, pin = self.table, self.pin()
        if table is None or pin is None:
            return 0
        with self._database.readable():
            return int(table.stats()["total_bytes"])

    def _all(self) -> list[tuple[list[str], Batch]]:
        version = self._version()
        if self._held is None or self._held[0] != version:
            self._held = (version, list(self.read(None)))
        return self._held[1]

    def read(self, doc_ids: Collection[str] | None) -> Iterator[tuple[list[str], Batch]]:
        """Yield rows with their documents; of others too where most documents are asked for."""
        if doc_ids is None or (len(doc_ids) > NAMED and 2 * len(doc_ids) > self._documents()):
            return self._rows(None)
        return (rows for condition in each_of("doc_id", doc_ids) for rows in self._rows(condition))

    def _documents(self) -> int:
        table = self._database.table("documents")
        with self._database.readable():
            return int(table.count_rows()) if table is not None else 0

    def _rows(self, condition: str | None) -> Iterator[tuple[list[str], Batch]]:
        table, pin = self.table, self.pin()
        if table is None or pin is None:
            return
        query = table.search().select(["key", "doc_id", "numbers", "scales"])
        if condition is not None:
            query = query.where(condition)
        reader = query.to_batches(batch_size=SCAN_ROWS)
        while True:
            with self._database.readable():
                rows = next(reader, None)
            if rows is None:
                return
            if rows.num_rows:
                batch = Batch(rows.column("key").to_pylist(), *tables.read_quantized(rows, pin.choice))
                yield rows.column("doc_id").to_pylist(), batch

    def index(self) -> Index | None:
        """Return the index as it is on disk now, or None where there is none."""
        folder, of = self.folder(), self.identity()
        self._index = indexing.read(folder, of, self._index) if folder is not None and of else None
        return self._index

    def index_bytes(self) -> int:
        """Return the bytes of the index on disk."""
        folder = self.folder()
        return index_files.size(folder) if folder is not None else 0

    def rows(self) -> int:
        """Return how many units there are, those of former documents among them."""
        table = self.table
        with self._database.readable():
            return int(table.count_rows()) if table is not None else 0

    def fetch(self, index: Index, units: NDArray[np.int64]) -> tuple[NDArray[np.int64], Quantized, Ints]:
        """Return the vectors of units of the index, those that are still there, in any order.

        Returns:
            The units found, their vectors one after another, and where each unit's begin.
        """
        pin = self.pin()
        assert pin is not None, "a channel with an index has a table"
        wanted = dict(zip(zip(index.doc_of(units), index.pages[units].tolist(), strict=True), units, strict=True))
        found = self.places.take(list(wanted), ["numbers", "scales"])
        if found is None:
            empty = Quantized(np.zeros((0, pin.dim), np.int8), np.zeros(0, np.float32))
            return np.zeros(0, np.int64), empty, np.zeros(1, np.int32)
        owners = zip(found["doc_id"].to_pylist(), found["page"].to_pylist(), strict=True)
        return np.array([wanted[owner] for owner in owners]), *_quantized(found, pin)

    def _version(self) -> object:
        table = self.table
        with self._database.readable():
            return (self._database.seen, table.version if table is not None else None)

    # --- the index ---------------------------------------------------------------------------------------

    def folder(self) -> Path | None:
        """Return where the index is kept, None in an object store."""
        folder = self._database.folder
        return folder / "index" / self.channel if folder is not None else None

    def identity(self) -> str:
        """Return what an index is of, empty while there are no vectors."""
        pin = self.pin()
        return f"{self._database.follow()} {pin.metadata()['encoder']}" if pin else ""

    def sample(self, count: int) -> Iterator[Batch]:
        """Yield `count` units from all over the table, or all if there are fewer; the same each time."""
        table, pin = self.table, self.pin()
        assert table is not None and pin is not None, "a sample is of a channel with vectors"
        with self._database.readable():
            rows = table.search().with_row_id(True).select(["page"]).to_arrow()["_rowid"].to_numpy()
        rows = np.random.default_rng(0).permutation(rows)[:count]
        for first in range(0, len(rows), SCAN_ROWS):
            with self._database.readable():
                taken = table.take_row_ids(rows[first : first + SCAN_ROWS].tolist())
                found = taken.select(["key", "numbers", "scales"]).to_arrow()
            yield Batch(found["key"].to_pylist(), *_quantized(found, pin))


def _quantized(rows: pa.Table, pin: Pin) -> tuple[Quantized, Ints]:
    """Return the vectors of rows one after another, and where each row's begin."""
    return tables.read_quantized(rows.combine_chunks().to_batches()[0], pin.choice)


def of(owners: list[str], batch: Batch, doc_ids: Collection[str]) -> tuple[list[str], Batch] | None:
    """Return what of a batch belongs to these documents, None for nothing."""
    rows = np.flatnonzero([owner in doc_ids for owner in owners])
    if len(rows) == len(owners):
        return owners, batch
    return ([owners[row] for row in rows], _chosen(batch, rows)) if len(rows) else None


def _chosen(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    lengths = np.diff(batch.offsets)[rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    places = np.repeat(batch.offsets[:-1][rows] - offsets[:-1], lengths) + np.arange(offsets[-1])
    quantized = Quantized(batch.quantized.numbers[places], batch.quantized.scales[places])
    return Batch([batch.keys[row] for row in rows], quantized, offsets)
