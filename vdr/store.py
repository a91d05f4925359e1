"""The corpus in LanceDB: append, switch, delete, read. Knows nothing of models, files or pixels.

`documents` decides what exists: a document's row is written LAST, and rows of other tables whose `doc_id` is in no
row of `documents` are not there for any reader; a later write sweeps them away. Replacing a document writes the new
version beside the old one and then switches by one row, so a reader sees the one or the other.

One process writes at a time (a lock file beside the tables); any number read, and see a write with their next call.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import numpy as np
import pyarrow as pa
from filelock import FileLock, Timeout
from lancedb.index import FTS
from lancedb.query import MatchQuery
from numpy.typing import NDArray

from vdr import tables
from vdr.errors import CorpusError, EncoderMismatch, NotFound
from vdr.tables import EncodedUnit, StoredDocument, StoredUnit
from vdr.types import CHANNELS, Channel, DocumentInfo, Encoder, MultiVector

logger = logging.getLogger(__name__)

SCAN_ROWS = 64
"""Units decoded at a time in an exhaustive scan; bounds its memory."""
HOLD_BYTES = 1 << 30
"""A channel of at most this size stays in memory between searches; a larger one is read anew, in constant memory."""
MANY_FRAGMENTS = 64
"""A table with more small fragments than this is compacted after a write."""
KEEP_VERSIONS = timedelta(minutes=10)
"""How long a superseded version stays on disk for readers that are still on it."""
LOCK_WAIT = 60.0
"""Seconds a writer waits for another one."""

_IDENTITY = "corpus.id"
_RESTORE = "Restore the folder from a copy, or delete it and index again."
_LANCE_ERRORS = (OSError, ValueError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Pin:
    """The encoder a channel was made with."""

    name: str
    dim: int
    fingerprint: str


def new_doc_id(now: float | None = None) -> str:
    """Return an id for a version of a document; ids sort by time."""
    return f"{time.time() if now is None else now:017.6f}-{uuid.uuid4().hex[:8]}"


class Store:
    """One corpus: a LanceDB database in a folder or at an object-store URI.

    Args:
        uri: The folder or URI. Nothing is made there before the first write.

    Raises:
        CorpusError: There is something else at that place.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._local = "://" not in uri
        if not uri:
            raise CorpusError("The corpus has no name. Name a folder or URI.")
        if self._local and Path(uri).exists() and not Path(uri).is_dir():
            raise CorpusError(f"{uri} is a file, not a corpus. Name a folder.")
        self._db: Any = None
        self._tables: dict[str, Any] = {}
        self._documents: tuple[int, dict[str, StoredDocument]] = (-1, {})
        self._held: dict[Channel, tuple[int, list[pa.RecordBatch]]] = {}
        self._seen = ""  # the identity of the corpus that the handles are of

    # --- reading -----------------------------------------------------------------------------------------

    def documents(self) -> dict[str, StoredDocument]:
        """Return the complete documents by name; where a name has two rows, the later one counts."""
        table = self._table("documents")
        if table is None:
            return {}
        with _readable(self.uri):
            version = table.version
            if self._documents[0] != version:
                rows = sorted(table.to_arrow().to_pylist(), key=lambda row: str(row["doc_id"]))
                self._documents = (version, {row["name"]: tables.read_document(row) for row in rows})
        return self._documents[1]

    def pin(self, channel: Channel) -> Pin | None:
        """Return the encoder this channel was made with, or None while it has no vectors."""
        table = self._table(channel)
        return Pin(**json.loads(table.schema.metadata[b"encoder"])) if table is not None else None

    def check_encoder(self, channel: Channel, encoder: Encoder) -> None:
        """Refuse an encoder other than the one the channel was made with.

        Raises:
            EncoderMismatch: It names both.
        """
        pin = self.pin(channel)
        if pin and (pin.fingerprint, pin.dim) != (encoder.fingerprint, encoder.dim):
            raise EncoderMismatch(
                f"The {channel} channel of {self.uri} was made with {pin.name} ({pin.dim} dims, {pin.fingerprint}), "
                f"not with {encoder.name} ({encoder.dim} dims, {encoder.fingerprint}). "
                f"Use {pin.name}, or index into another corpus."
            )

    def scan(
        self, channel: Channel, doc_ids: Sequence[str] | None = None
    ) -> Iterator[tuple[list[str], NDArray[np.float16], NDArray[np.int32]]]:
        """Yield a channel's vectors, `SCAN_ROWS` units at a time.

        Args:
            channel: `visual` or `text`.
            doc_ids: Only these documents; None for all.

        Yields:
            Keys, vectors `(n, dim)`, and offsets `(len(keys) + 1,)` of each key's rows.
        """
        table = self._table(channel)
        if table is None:
            return
        live = self._live()
        wanted = live if doc_ids is None else live.intersection(doc_ids)
        batches = self._batches(channel, table, doc_ids)
        while True:
            with _readable(self.uri):
                batch = next(batches, None)
            if batch is None:
                return
            mask = [doc_id in wanted for doc_id in batch.column("doc_id").to_pylist()]
            if not all(mask):
                batch = batch.filter(pa.array(mask))
            if batch.num_rows:
                yield batch.column("key").to_pylist(), *tables.flat_vectors(batch.column("vectors"))

    def _batches(
        self,
        channel: Channel,
        table: Any,
        doc_ids: Sequence[str] | None,
    ) -> Iterator[pa.RecordBatch]:
        """Read a channel from memory if it was held there at this version, else from disk, holding what fits."""
        version = table.version
        held_version, held = self._held.get(channel, (-1, []))
        if held_version == version:
            yield from held
            return
        query = table.search().select(["key", "doc_id", "vectors"])
        if doc_ids is not None:
            yield from query.where(_any_of("doc_id", doc_ids)).to_batches(batch_size=SCAN_ROWS)
            return
        self._held.pop(channel, None)
        holding: list[pa.RecordBatch] | None = []
        size = 0
        for batch in query.to_batches(batch_size=SCAN_ROWS):
            if holding is not None:
                size += batch.nbytes
                holding = [*holding, batch] if size <= HOLD_BYTES else None
            yield batch
        if holding is not None:
            self._held[channel] = (version, holding)

    def full_text(self, query: str, limit: int, doc_ids: Sequence[str] | None = None) -> dict[str, float]:
        """Return the BM25 scores of the best `limit` units that share a stem with the query."""
        table = self._units()
        if table is None:
            return {}
        live = self._live()
        fetch = limit
        while True:
            search = table.search(MatchQuery(query, "text"), query_type="fts").limit(fetch)
            search = search.select(["key", "doc_id", "_score"])
            if doc_ids is not None:
                search = search.where(_any_of("doc_id", doc_ids), prefilter=True)
            with _readable(self.uri):
                rows = search.to_arrow().to_pylist()
            scores = {row["key"]: float(row["_score"]) for row in rows if row["doc_id"] in live}
            if len(scores) >= limit or len(rows) < fetch:
                return scores
            fetch *= 2  # rows of documents that are no more took places

    def units(self, keys: Sequence[str]) -> dict[str, StoredUnit]:
        """Return units by key; a key that is not there is missing from the result."""
        return {row["key"]: tables.read_unit(row) for row in self._rows("units", keys)}

    def multivector(self, channel: Channel, key: str) -> MultiVector | None:
        """Return the vectors of one unit, or None where it has none in this channel."""
        rows = self._rows(channel, [key])
        return tables.read_multivector(rows[0]) if rows else None

    def preview(self, key: str) -> bytes:
        """Return the JPEG of a page, empty where it has none.

        Raises:
            NotFound: There is no such page.
        """
        rows = self._rows("previews", [key])
        if not rows and not self._rows("units", [key]):
            raise NotFound(f"There is no page {key!r} in {self.uri}.")
        return bytes(rows[0]["jpeg"]) if rows else b""

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return the rows and bytes of each table there is."""
        with _readable(self.uri):
            stats = {name: table.stats() for name, table in self._existing()}
        return {name: (stat["num_rows"], stat["total_bytes"]) for name, stat in stats.items()}

    def _rows(self, name: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        table = self._units() if name == "units" else self._table(name)
        if table is None or not keys:
            return []
        live = self._live()
        with _readable(self.uri):
            rows = table.search().where(_any_of("key", keys)).to_arrow().to_pylist()
        return [row for row in rows if row["doc_id"] in live]

    def _units(self) -> Any | None:
        """Return the table of units, None in an empty corpus.

        Raises:
            CorpusError: There are documents, but the table of their pages is gone.
        """
        table = self._table("units")
        if table is None and self.documents():
            raise CorpusError(f"The corpus {self.uri} is damaged: its table of pages is gone. {_RESTORE}")
        return table

    def _live(self) -> set[str]:
        return {stored.doc_id for stored in self.documents().values()}

    # --- writing -----------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the corpus for writing; sweep what an interrupted writer left, and tidy up after.

        Raises:
            CorpusError: Another process holds it, or nothing can be written there.
        """
        with self._lock():
            self._sweep()
            yield
            self._tidy(self._sweep())

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if not self._local:  # an object store has no lock: there, see `_sweep`
            yield
            return
        with _clear(self.uri):
            Path(self.uri).mkdir(parents=True, exist_ok=True)
            held = {path.name for path in Path(self.uri).iterdir()}
            if held and _IDENTITY not in held and "documents.lance" not in held and "units.lance" not in held:
                raise CorpusError(f"{self.uri} is a folder of other files, not a corpus. Name a new or empty folder.")
            if not self._identity():
                (Path(self.uri) / _IDENTITY).write_text(uuid.uuid4().hex)
            lock = FileLock(Path(self.uri) / "writer.lock", timeout=LOCK_WAIT)
            try:
                lock.acquire()
            except Timeout as error:
                raise CorpusError(
                    f"Another process has been writing to {self.uri} for {LOCK_WAIT:.0f} s. Try again when it is done."
                ) from error
        try:
            yield
        finally:
            lock.release()

    def append(self, units: Sequence[EncodedUnit], encoders: Mapping[Channel, Encoder]) -> None:
        """Write units and their vectors; they are seen once `complete` has named their documents."""
        with _clear(self.uri):
            self._create("documents", tables.DOCUMENTS)  # first: rows without this table are a damaged corpus
            pages = self._create("units", tables.UNITS)
            pages.add(tables.units_table(units))
            if not pages.list_indices():
                pages.create_index("text", config=FTS(language="English", stem=True, ascii_folding=True))
            previews = tables.previews_table(units)
            if previews.num_rows:
                self._create("previews", tables.PREVIEWS).add(previews)
            for channel, encoder in encoders.items():
                pin = json.dumps(asdict(Pin(encoder.name, encoder.dim, encoder.fingerprint)))
                schema = tables.vector_schema(channel, encoder.dim, {"encoder": pin})
                rows = tables.vectors_table(units, channel, schema)
                if rows.num_rows:
                    self._create(channel, schema).add(rows)

    def complete(self, doc_id: str, info: DocumentInfo) -> None:
        """Make a document visible, in place of any other of its name."""
        with _clear(self.uri):
            self._create("documents", tables.DOCUMENTS).add(StoredDocument(doc_id, info).table())

    def delete(self, names: Sequence[str]) -> None:
        """Remove documents and all that belongs to them.

        Raises:
            NotFound: One of them is not in the corpus; then none is removed.
        """
        if not names:
            return
        missing = [name for name in names if name not in self.documents()]
        if missing:
            raise NotFound(f"There is no document {missing[0]!r} in {self.uri}. `vdr list` shows what there is.")
        with self.writing(), _clear(self.uri):
            self._tables["documents"].delete(_any_of("name", names))

    def _sweep(self) -> set[str]:
        """Remove rows of documents that are not, or no longer, complete; return the tables that had some.

        Without a lock another writer may be at work, so on an object store rows of the last day are left alone.
        """
        live = self._live()
        swept: set[str] = set()
        if self._table("documents") is None and self._existing():
            raise CorpusError(f"The corpus {self.uri} is damaged: its table of documents is gone. {_RESTORE}")
        newest = "~" if self._local else new_doc_id(time.time() - 86_400)
        with _clear(self.uri):
            for name, table in self._existing():
                present = set(table.search().select(["doc_id"]).to_arrow()["doc_id"].to_pylist())
                dead = sorted(doc_id for doc_id in present - live if doc_id < newest)
                if dead:
                    logger.info("%s: removing rows of %d former documents from %s", self.uri, len(dead), name)
                    table.delete(_any_of("doc_id", dead))
                    swept.add(name)
        return swept

    def _tidy(self, swept: set[str]) -> None:
        """Bring the full-text index up to date; compact what lost rows or has fallen into too many fragments."""
        with _clear(self.uri):
            for name, table in self._existing():
                fragments = table.stats()["fragment_stats"]["num_small_fragments"]
                if name == "units" or name in swept or fragments > MANY_FRAGMENTS:
                    table.optimize(cleanup_older_than=KEEP_VERSIONS)

    # --- tables ------------------------------------------------------------------------------------------

    def _existing(self) -> list[tuple[str, Any]]:
        names = ("documents", "units", "previews", *CHANNELS)
        return [(name, table) for name in names if (table := self._table(name)) is not None]

    def _table(self, name: str) -> Any | None:
        """Return an open table that follows other processes' writes, or None if it does not exist."""
        identity = self._identity()
        if identity != self._seen:  # another corpus has come to this place: nothing that is held is of it
            self._db, self._seen, self._documents = None, identity, (-1, {})
            self._tables.clear()
            self._held.clear()
        if name in self._tables:
            return self._tables[name]
        if self._db is None:
            if self._local and not Path(self.uri).is_dir():
                return None  # connecting would make the folder
            self._connect()
        try:
            self._tables[name] = self._db.open_table(name)
        except ValueError as error:
            if "not found" in str(error):
                return None
            raise CorpusError(f"The corpus {self.uri} cannot be read: {error}") from error
        return self._tables[name]

    def _create(self, name: str, schema: pa.Schema) -> Any:
        table = self._table(name)
        if table is None:
            table = self._tables[name] = self._db.create_table(name, schema=schema)
        return table

    def _identity(self) -> str:
        """Return what tells this corpus from another that was at the same place; empty where nothing does."""
        file = Path(self.uri) / _IDENTITY
        return file.read_text() if self._local and file.is_file() else ""

    def _connect(self) -> None:
        try:
            self._db = lancedb.connect(self.uri, read_consistency_interval=timedelta(0))
        except _LANCE_ERRORS as error:
            raise CorpusError(f"The corpus {self.uri} cannot be opened: {error}") from error


@contextmanager
def _readable(uri: str) -> Iterator[None]:
    """Say in one line that a corpus could not be read, and why."""
    try:
        yield
    except _LANCE_ERRORS as error:
        raise CorpusError(f"The corpus {uri} cannot be read: {_first_line(error)}. {_RESTORE}") from error


@contextmanager
def _clear(uri: str) -> Iterator[None]:
    """Say in one line that a corpus could not be written, and why."""
    try:
        yield
    except _LANCE_ERRORS as error:
        raise CorpusError(
            f"The corpus {uri} cannot be written: {_first_line(error)}. Check that the disk is writable and has space."
        ) from error


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _any_of(column: str, values: Sequence[str]) -> str:
    """Return the SQL condition that a column has one of these values."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if quoted else "false"
