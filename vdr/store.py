"""The corpus in LanceDB: append, switch, delete, tidy up. Knows nothing of models, files or pixels.

A document's row is written LAST, and what has none is not there for any reader (`vdr.stored`); a later write sweeps it
away. Replacing a document writes the new version beside the old one and then switches by one row, so a reader sees the
one or the other. One process writes at a time (a lock file beside the tables).
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pyarrow as pa
from lancedb.index import FTS

from vdr import retrain, tables, upkeep
from vdr.database import RESTORE, any_of
from vdr.errors import CorpusError, NotFound
from vdr.stored import SHRUNK, Stored
from vdr.tables import EncodedUnit, StoredDocument, Tuning
from vdr.types import Channel, DocumentInfo, Encoder
from vdr.vectors import Pin

__all__ = ["Pin", "Store", "new_doc_id"]

logger = logging.getLogger(__name__)

MANY_FRAGMENTS = 64
"""A table with more small fragments than this is compacted after a write."""
COMPACT_BYTES = 1 << 28
"""A table of at most this size is compacted after a write; larger ones, which that would rewrite, by `optimize`."""
KEEP_VERSIONS = timedelta(minutes=10)
"""How long a superseded version stays on disk for readers that are still on it."""


def new_doc_id(now: float | None = None, after: str | None = None) -> str:
    """Return an id for a version of a document; ids sort by time, and after that of the version it replaces."""
    moment = time.time() if now is None else now
    if after is not None:
        moment = max(moment, float(after.partition("-")[0]) + 1e-5)  # clocks are set back
    return f"{moment:017.6f}-{uuid.uuid4().hex[:8]}"


class Store(Stored):
    """A corpus that can be written as well."""

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the corpus for writing; sweep what an interrupted writer left, and tidy up after.

        Raises:
            CorpusError: Another process holds it, or nothing can be written there.
        """
        with self._database.lock():
            self._sweep()
            yield
            self._tidy(self._sweep())

    def append(self, units: Sequence[EncodedUnit], encoders: Mapping[Channel, Encoder]) -> None:
        """Write units and their vectors; they are seen once `complete` has named their documents."""
        with self._database.writable():
            self._database.create("documents", tables.DOCUMENTS)  # first: rows without this table are a damaged corpus
            pages = self._database.create("units", tables.UNITS)
            pages.add(tables.units_table(units))
            if not pages.list_indices():
                pages.create_index("text", config=FTS(language="English", stem=True, ascii_folding=True))
            previews = tables.previews_table(units)
            if previews.num_rows:
                self._database.create("previews", tables.PREVIEWS).add(previews)
            for channel, encoder in encoders.items():
                bits, merged = (self._bits or 8, self._pool or 1) if channel in SHRUNK else (8, 1)
                pin = self.pin(channel) or Pin(encoder.name, encoder.dim, encoder.fingerprint, bits, merged)
                schema = tables.vector_schema(channel, pin.metadata())
                rows = tables.vectors_table(units, channel, schema, pin.choice)
                if rows.num_rows:
                    self._database.create(channel, schema).add(rows)

    def complete(self, documents: Mapping[str, DocumentInfo]) -> None:
        """Make documents, by id, visible at once, in place of any others of their names."""
        if documents:
            rows = pa.concat_tables([StoredDocument(doc_id, info).table() for doc_id, info in documents.items()])
            with self._database.writable():
                self._database.create("documents", tables.DOCUMENTS).add(rows)

    def move(self, doc_ids: Sequence[str], collection: str) -> None:
        """Put documents into a collection, all at once."""
        if doc_ids:
            with self._database.writable():
                documents = self._database.create("documents", tables.DOCUMENTS)
                documents.update(where=any_of("doc_id", doc_ids), values={"collection": collection})

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
        with self.writing(), self._database.writable():
            self._database.create("documents", tables.DOCUMENTS).delete(any_of("name", names))

    def _sweep(self) -> set[str]:
        """Remove rows of documents that are not, or no longer, complete; return the tables that had some.

        Without a lock another writer may be at work, so on an object store rows of the last day are left alone.
        """
        live = self.live()
        swept: set[str] = set()
        if self._database.table("documents") is None and self._existing():
            raise CorpusError(f"The corpus {self.uri} is damaged: its table of documents is gone. {RESTORE}")
        newest = "~" if self._database.folder is not None else new_doc_id(time.time() - 86_400)
        with self._database.writable():
            for name, table in self._existing():
                present = set(table.search().select(["doc_id"]).to_arrow()["doc_id"].to_pylist())
                dead = sorted(doc_id for doc_id in present - live if doc_id < newest)
                if dead:
                    logger.info("%s: removing rows of %d former documents from %s", self.uri, len(dead), name)
                    table.delete(any_of("doc_id", dead))
                    swept.add(name)
        return swept

    def _tidy(self, swept: Collection[str]) -> None:
        """Bring the indexes up to date; compact what lost rows or has fallen into too many fragments."""
        with self._database.writable():
            for name, table in self._existing():
                stats = table.stats()
                many = stats["fragment_stats"]["num_small_fragments"] > MANY_FRAGMENTS
                if name == "units" or ((name in swept or many) and stats["total_bytes"] <= COMPACT_BYTES):
                    self._optimize(name, table, KEEP_VERSIONS)
            outgrown = [upkeep.update(vectors, self.live()) for vectors in self._vectors.values()]
        if any(outgrown) and self._database.folder is not None:
            retrain.start(self._database.folder)

    def renew_indexes(self) -> int:
        """Make anew what the corpus has outgrown of its indexes, while they go on serving; return how many.

        Raises:
            CorpusError: It cannot be read or written.
        """
        with self._database.writable():
            renewed = [upkeep.renew(vectors, self.live, self._database.lock) for vectors in self._vectors.values()]
        return sum(renewed)

    def tune(self, tuning: Tuning | None) -> None:
        """Keep weights for fusion in place of others; None to go back to those nobody tuned.

        Raises:
            CorpusError: Another process is writing, or nothing can be written there.
        """
        if tuning is None and self._database.table("tuning") is None:
            return
        with self._database.lock(), self._database.writable():
            rows = tables.TUNING.empty_table() if tuning is None else tuning.table()
            self._database.create("tuning", tables.TUNING).add(rows, mode="overwrite")

    def optimize(self) -> None:
        """Do at once, and thoroughly, what writes do in part: compact, bring indexes up to date, drop old versions.

        What was deleted leaves the disk. A reader in the middle of a search may have to search again.

        Raises:
            CorpusError: Another process is writing.
        """
        with self._database.lock():
            self._sweep()
            with self._database.writable():
                for name, table in self._existing():
                    self._optimize(name, table, timedelta(milliseconds=1))
                for vectors in self._vectors.values():
                    upkeep.update(vectors, self.live(), fully=True)

    def _optimize(self, name: str, table: Any, keep: timedelta) -> None:
        thorough = keep < KEEP_VERSIONS
        lengths = table.stats()["fragment_stats"]
        deleted = lengths["num_fragments"] * lengths["lengths"]["mean"] - table.count_rows()
        if thorough and deleted > 0 and name != "documents":
            # LanceDB leaves a few deleted rows where they are until their fragment is merged with another: here is one
            row = table.search().limit(1).to_arrow()
            nobody = pa.array([""] * len(row), pa.utf8())
            table.add(row.set_column(row.schema.get_field_index("doc_id"), "doc_id", nobody))
            table.optimize(cleanup_older_than=keep, delete_unverified=True)
            table.delete("doc_id = ''")
        table.optimize(cleanup_older_than=keep, delete_unverified=thorough)
