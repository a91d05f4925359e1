"""The corpus in LanceDB: append, switch, delete, read. Knows nothing of models, files or pixels.

`documents` decides what exists: a document's row is written LAST, and rows of other tables whose `doc_id` is in no
row of `documents` are not there for any reader; a later write sweeps them away. Replacing a document writes the new
version beside the old one and then switches by one row, so a reader sees the one or the other.

One process writes at a time (a lock file beside the tables); any number read, and see a write with their next call.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, cast

import pyarrow as pa
from lancedb.index import FTS, BTree
from lancedb.query import MatchQuery

from vdr import retrain, tables, upkeep
from vdr.database import RESTORE, Database, any_of
from vdr.errors import CorpusError, EncoderMismatch, NotFound
from vdr.places import Places
from vdr.quantize import BITS, POOLS
from vdr.search import ranked
from vdr.tables import EncodedUnit, StoredDocument, StoredUnit, Tuning
from vdr.types import CHANNELS, OPTIONS, Channel, DocumentInfo, Encoder, Floats, Ints, MultiVector
from vdr.vectors import NAMED, Pin, Vectors, vectors_of
from vdr.within import PAGES, Within

__all__ = ["Pin", "Store", "new_doc_id"]

logger = logging.getLogger(__name__)

SHRUNK: tuple[Channel, ...] = ("visual", "text")
"""Channels whose vectors `bits` and `pool` are about. A page has a few `dense` ones, which are kept as they are."""
MANY_FRAGMENTS = 64
"""A table with more small fragments than this is compacted after a write."""
MANY_ROWS = 10_000
"""A table with more rows than this gets an index of its keys."""
COMPACT_BYTES = 1 << 28
"""A table of at most this size is compacted after a write; larger ones, which that would rewrite, by `optimize`."""
KEEP_VERSIONS = timedelta(minutes=10)
"""How long a superseded version stays on disk for readers that are still on it."""


def new_doc_id(now: float | None = None) -> str:
    """Return an id for a version of a document; ids sort by time."""
    return f"{time.time() if now is None else now:017.6f}-{uuid.uuid4().hex[:8]}"


_PAGE = re.compile("[1-9][0-9]{0,8}", re.ASCII)


class Store:
    """One corpus: a LanceDB database in a folder or at an object-store URI.

    Args:
        uri: The folder or URI. Nothing is made there before the first write.
        bits: Bits a number of a vector is kept in (8, 4, 2, 1); None for the corpus's own, 8 in a new one.
        pool: Similar vectors of a unit merged into one (1, 2, 3); None for the corpus's own, 1 in a new one.

    Raises:
        CorpusError: There is something else at that place, or a corpus of other bits or pooling.
    """

    def __init__(self, uri: str, *, bits: int | None = None, pool: int | None = None) -> None:
        self.uri = uri
        self._database = Database(uri)
        self._vectors = {channel: Vectors(self._database, channel) for channel in CHANNELS}
        self._documents: tuple[object, dict[str, StoredDocument]] = (None, {})
        self._moment = threading.local()
        self._names: tuple[object, dict[str, str]] = (None, {})
        self._tuning: tuple[object, Tuning | None] = (None, None)
        self._places = Places(self._database, "units")
        self._within = Within()
        self._bits, self._pool = bits, pool
        for given, choices, name in ((bits, BITS, "bits"), (pool, POOLS, "pool")):
            if given is not None and given not in choices:
                raise CorpusError(f"{name} is {given}; it can be {', '.join(map(str, choices))}.")
        for channel in SHRUNK:
            pin = self.pin(channel)
            for given, own, name in ((bits, pin and pin.bits, "bits"), (pool, pin and pin.pool, "pool")):
                if given is not None and own is not None and given != own:
                    raise CorpusError(
                        f"The corpus {uri} was made with {name} {own}, not {given}. Leave {name} out, or index into "
                        "another corpus."
                    )

    # --- reading -----------------------------------------------------------------------------------------

    def documents(self) -> dict[str, StoredDocument]:
        """Return the complete documents by name; where a name has two rows, the later one counts."""
        if (held := getattr(self._moment, "documents", None)) is not None:
            return cast("dict[str, StoredDocument]", held)
        table = self._database.table("documents")
        if table is None:
            return {}
        with self._database.readable():
            version = (self._database.seen, table.version)
            if self._documents[0] != version:
                rows = sorted(table.to_arrow().to_pylist(), key=lambda row: str(row["doc_id"]))
                self._documents = (version, {row["name"]: tables.read_document(row) for row in rows})
        return self._documents[1]

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Within, this thread sees the documents that there are now: every part of a search the same ones."""
        self._moment.documents = self.documents()
        try:
            yield
        finally:
            self._moment.documents = None

    def pin(self, channel: Channel) -> Pin | None:
        """Return the encoder this channel was made with, or None while it has no vectors."""
        return self._vectors[channel].pin()

    def check_encoder(self, channel: Channel, encoder: Encoder) -> None:
        """Refuse an encoder other than the one the channel was made with.

        Raises:
            EncoderMismatch: It names both.
        """
        pin = self.pin(channel)
        if pin and (pin.fingerprint, pin.dim) != (encoder.fingerprint, encoder.dim):
            if pin.name == encoder.name:
                raise EncoderMismatch(
                    f"The {channel} channel of {self.uri} was made with another version of {pin.name} "
                    f"({pin.fingerprint}; this one is {encoder.fingerprint}). Delete the folder and index again, or do "
                    f"without the channel: {OPTIONS[channel]} none."
                )
            raise EncoderMismatch(
                f"The {channel} channel of {self.uri} was made with {pin.name} ({pin.dim} dims, {pin.fingerprint}), "
                f"not with {encoder.name} ({encoder.dim} dims, {encoder.fingerprint}). "
                f"Use {pin.name}, or index into another corpus."
            )

    def vectors(self, channel: Channel) -> Vectors:
        """Return the vectors of a channel, with rows of documents that are no more among them."""
        return self._vectors[channel]

    def scan(self, channel: Channel, doc_ids: Sequence[str] | None = None) -> Iterator[tuple[list[str], Floats, Ints]]:
        """Yield a channel's vectors as they were encoded, but for what the quantization lost.

        Args:
            channel: `visual` or `text`.
            doc_ids: Only these documents; None for all.

        Yields:
            Keys, vectors `(n, dim)`, and offsets `(len(keys) + 1,)` of each key's rows.
        """
        pin = self.pin(channel)
        live = self.live()
        if pin is not None:
            for batch in self._vectors[channel].batches(live if doc_ids is None else live.intersection(doc_ids)):
                yield batch.keys, vectors_of(batch, pin.choice), batch.offsets

    def full_text(self, query: str, limit: int, doc_ids: Sequence[str] | None = None) -> dict[str, float]:
        """Return the BM25 scores of the best `limit` units that share a stem with the query.

        Words are weighed by how rare they are in the corpus, or in the documents asked for where these are few.
        """
        table = self._units()
        if table is None:
            return {}
        live = self.live()
        wanted = live if doc_ids is None else live.intersection(doc_ids)
        if sum(stored.info.pages for stored in self.documents().values() if stored.doc_id in wanted) <= PAGES:
            state = (self._database.seen, table.version, frozenset(wanted))
            return dict(ranked(self._within.scores(query, state, lambda: self._texts(table, wanted)), limit))
        fetch = limit
        while True:
            search = table.search(MatchQuery(query, "text"), query_type="fts").limit(fetch)
            search = search.select(["key", "doc_id", "_score"])
            if doc_ids is not None:
                search = search.where(any_of("doc_id", doc_ids), prefilter=True)
            with self._database.readable():
                rows = search.to_arrow().to_pylist()
            scores = {row["key"]: float(row["_score"]) for row in rows if row["doc_id"] in live}
            if len(scores) >= limit or len(rows) < fetch:
                return scores
            fetch *= 2  # rows of documents that are no more took places

    def _texts(self, table: Any, doc_ids: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield key and text of the units of documents."""
        rows = table.search().select(["key", "doc_id", "text"])
        if len(doc_ids) <= NAMED:
            rows = rows.where(any_of("doc_id", sorted(doc_ids)))
        with self._database.readable():
            found = rows.to_arrow()
        for key, doc_id, text in zip(*(found[name].to_pylist() for name in ("key", "doc_id", "text")), strict=True):
            if doc_id in doc_ids:
                yield key, text

    def units(self, keys: Sequence[str], *, boxes: bool = True) -> dict[str, StoredUnit]:
        """Return units by key, without their words' boxes if these are not wanted: most of what is to be read.

        A key that is not there is missing from the result.
        """
        self._units()
        held = self.documents()
        named = (key.rpartition(":") for key in keys)
        wanted = {
            (held[name].doc_id, int(page)): None for name, _, page in named if name in held and _PAGE.fullmatch(page)
        }
        found = self._places.take(list(wanted), [name for name in tables.UNITS.names if boxes or name != "boxes"])
        return {row["key"]: tables.read_unit(row) for row in found.to_pylist()} if found is not None else {}

    def multivector(self, channel: Channel, key: str) -> MultiVector | None:
        """Return the vectors of one unit, or None where it has none in this channel."""
        return self.multivectors(channel, [key]).get(key)

    def multivectors(self, channel: Channel, keys: Sequence[str]) -> dict[str, MultiVector]:
        """Return the vectors of units by key, those that have some in this channel."""
        rows, pin = self._rows(channel, keys), self.pin(channel)
        return {row["key"]: tables.read_multivector(row, pin.choice) for row in rows} if pin else {}

    def preview(self, key: str) -> bytes:
        """Return the JPEG of a page, empty where it has none.

        Raises:
            NotFound: There is no such page.
        """
        rows = self._rows("previews", [key])
        if not rows and not self._rows("units", [key]):
            raise NotFound(f"There is no page {key!r} in {self.uri}.")
        return bytes(rows[0]["jpeg"]) if rows else b""

    def tuning(self) -> Tuning | None:
        """Return the weights for fusion that were learnt for this corpus, or None."""
        table = self._database.table("tuning")
        if table is None:
            return None
        with self._database.readable():
            version = (self._database.seen, table.version)
            if self._tuning[0] != version:
                rows = table.to_arrow().to_pylist()
                self._tuning = (version, tables.read_tuning(rows[-1]) if rows else None)
        return self._tuning[1]

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return the rows and bytes of each table there is."""
        with self._database.readable():
            stats = {name: table.stats() for name, table in self._existing()}
        return {name: (stat["num_rows"], stat["total_bytes"]) for name, stat in stats.items()}

    def index_bytes(self) -> int:
        """Return the bytes of the indexes beside the tables."""
        return sum(vectors.index_bytes() for vectors in self._vectors.values())

    def _rows(self, name: str, keys: Sequence[str]) -> list[dict[str, Any]]:
        table = self._units() if name == "units" else self._database.table(name)
        if table is None or not keys:
            return []
        live = self.live()
        with self._database.readable():
            rows = table.search().where(any_of("key", keys)).to_arrow().to_pylist()
        return [row for row in rows if row["doc_id"] in live]

    def _units(self) -> Any | None:
        """Return the table of units, None in an empty corpus.

        Raises:
            CorpusError: There are documents, but the table of their pages is gone.
        """
        table = self._database.table("units")
        if table is None and self.documents():
            raise CorpusError(f"The corpus {self.uri} is damaged: its table of pages is gone. {RESTORE}")
        return table

    def names(self) -> dict[str, str]:
        """Return the names of the complete documents by id; the same object until a document comes or goes."""
        documents = self.documents()
        if self._names[0] is not documents:
            self._names = (documents, {stored.doc_id: name for name, stored in documents.items()})
        return self._names[1]

    def live(self) -> set[str]:
        """Return the ids of the complete documents."""
        return set(self.names())

    # --- writing -----------------------------------------------------------------------------------------

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

    def complete(self, doc_id: str, info: DocumentInfo) -> None:
        """Make a document visible, in place of any other of its name."""
        with self._database.writable():
            self._database.create("documents", tables.DOCUMENTS).add(StoredDocument(doc_id, info).table())

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
        keyed = {column for index in table.list_indices() for column in index.columns}
        if name != "documents" and "key" not in keyed and table.count_rows() > MANY_ROWS:
            table.create_index("key", config=BTree())
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

    # --- tables ------------------------------------------------------------------------------------------

    def _existing(self) -> list[tuple[str, Any]]:
        names = ("documents", "units", "previews", *CHANNELS)
        return [(name, table) for name in names if (table := self._database.table(name)) is not None]
