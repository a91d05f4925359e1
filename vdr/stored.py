"""A corpus in LanceDB as it is read: documents, units, vectors. Knows nothing of models, files or pixels.

`documents` decides what exists: rows of other tables whose `doc_id` is in no row of `documents` are not there for any
reader. Any number of processes read, and see a write of another with their next call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar, cast

from lancedb.query import MatchQuery

from vdr import tables
from vdr.database import NAMED, RESTORE, Database, any_of, each_of
from vdr.documents import PAGED
from vdr.errors import CorpusError, EncoderMismatch, NotFound
from vdr.places import Places
from vdr.quantize import BITS, POOLS
from vdr.search import ranked
from vdr.tables import StoredDocument, StoredUnit, Tuning
from vdr.types import CHANNELS, OPTIONS, Channel, Encoder, MultiVector
from vdr.vectors import Pin, Vectors
from vdr.within import PAGES, Within

SHRUNK: tuple[Channel, ...] = ("visual", "text")
"""Channels whose vectors `bits` and `pool` are about. A page has a few `dense` ones, which are kept as they are."""

T = TypeVar("T")

_PAGE = re.compile("[1-9][0-9]{0,8}", re.ASCII)

_moment: ContextVar[tuple[object, dict[str, StoredDocument]] | None] = ContextVar("moment", default=None)
"""A corpus and the documents that are seen of it, within `Stored.one_moment`."""


class Stored:
    """A corpus as it is read: a LanceDB database in a folder or at an object-store URI.

    Args:
        uri: The folder or URI. Nothing is made there before the first write (`vdr.store`).
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
        self._made: dict[object, tuple[object, object]] = {}
        self._tuning: tuple[object, Tuning | None] = (None, None)
        self._places = {name: Places(self._database, name) for name in ("units", "previews")}
        self._places |= {channel: vectors.places for channel, vectors in self._vectors.items()}
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

    def documents(self) -> dict[str, StoredDocument]:
        """Return the complete documents by name; where a name has two rows, the later one counts."""
        if (moment := _moment.get()) is not None and moment[0] is self:
            return moment[1]
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
        """Within, this thread sees the documents that there are now: every part of a search the same ones.

        So do threads that are started with a copy of its context.
        """
        token = _moment.set((self, self.documents()))
        try:
            yield
        finally:
            _moment.reset(token)

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
            if doc_ids is not None and len(doc_ids) <= NAMED:
                search = search.where(any_of("doc_id", doc_ids), prefilter=True)
            with self._database.readable():
                rows = search.to_arrow().to_pylist()
            scores = {row["key"]: float(row["_score"]) for row in rows if row["doc_id"] in wanted}
            if len(scores) >= limit or len(rows) < fetch:
                return scores
            fetch *= 2  # rows of documents that are no more, or are not asked for, took places

    def _texts(self, table: Any, doc_ids: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield key and text of the units of documents."""
        for condition in each_of("doc_id", doc_ids):
            rows = table.search().select(["key", "text"]).where(condition)
            with self._database.readable():
                found = rows.to_arrow()
            yield from zip(found["key"].to_pylist(), found["text"].to_pylist(), strict=True)

    def units(self, keys: Sequence[str], *, boxes: bool = True) -> dict[str, StoredUnit]:
        """Return units by key, without their words' boxes if these are not wanted: most of what is to be read.

        A key that is not there is missing from the result.
        """
        self._units()
        rows = self._rows("units", keys, [name for name in tables.UNITS.names if boxes or name != "boxes"])
        return {row["key"]: tables.read_unit(row) for row in rows}

    def multivector(self, channel: Channel, key: str) -> MultiVector | None:
        """Return the vectors of one unit, or None where it has none in this channel."""
        return self.multivectors(channel, [key]).get(key)

    def multivectors(self, channel: Channel, keys: Sequence[str]) -> dict[str, MultiVector]:
        """Return the vectors of units by key, those that have some in this channel."""
        pin = self.pin(channel)
        rows = self._rows(channel, keys, tables.vector_schema(channel, {}).names) if pin else []
        return {row["key"]: tables.read_multivector(row, pin.choice) for row in rows} if pin else {}

    def preview(self, key: str) -> bytes:
        """Return the JPEG of a page, empty where it has none.

        Raises:
            NotFound: There is no such page.
        """
        rows = self._rows("previews", [key], tables.PREVIEWS.names)
        if not rows and not self.units([key], boxes=False):
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

    def _rows(self, name: str, keys: Sequence[str], columns: Sequence[str]) -> list[dict[str, Any]]:
        """Return what a table has of units, by where its rows are: a search for keys would read all of them."""
        found = self._places[name].take(list(self.places(keys).values()), columns)
        return found.to_pylist() if found is not None else []

    def places(self, keys: Collection[str]) -> dict[str, tuple[str, int]]:
        """Return the document's id and the page of units by key; a key of no complete document is missing."""
        held = self.documents()
        named = ((key, *key.rpartition(":")[::2]) for key in keys)
        return {
            key: (held[name].doc_id, int(page)) for key, name, page in named if name in held and _PAGE.fullmatch(page)
        }

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
        return self.once(_names)

    def has_pages(self) -> bool:
        """Say whether any document is of pages, not of passages of a text."""
        return self.once(_paged)

    def live(self) -> frozenset[str]:
        """Return the ids of the complete documents."""
        return self.once(_ids)

    def once(self, make: Callable[[dict[str, StoredDocument]], T]) -> T:
        """Return what a function makes of the documents; it is called again when a document has come or gone."""
        documents = self.documents()
        made = self._made.get(make)
        if made is None or made[0] is not documents:
            made = self._made[make] = (documents, make(documents))
        return cast("T", made[1])

    def _existing(self) -> list[tuple[str, Any]]:
        names = ("documents", "units", "previews", *CHANNELS)
        return [(name, table) for name in names if (table := self._database.table(name)) is not None]


def _names(documents: dict[str, StoredDocument]) -> dict[str, str]:
    return {stored.doc_id: name for name, stored in documents.items()}


def _ids(documents: dict[str, StoredDocument]) -> frozenset[str]:
    return frozenset(stored.doc_id for stored in documents.values())


def _paged(documents: dict[str, StoredDocument]) -> bool:
    return any(stored.info.kind in PAGED for stored in documents.values())
