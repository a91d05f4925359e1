"""The tables of one corpus: opening them, following other processes' writes, one writer at a time. Knows no schema."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import lancedb
import pyarrow as pa
from filelock import FileLock, Timeout

from vdr.errors import CorpusError, first_line

logger = logging.getLogger(__name__)

LOCK_WAIT = 60.0
"""Seconds a writer waits for another one."""
PATIENCE = 1.0
"""Seconds after which it says so."""
NAMED = 200
"""Values that one condition names."""
RESTORE = "Restore the folder from a copy, or delete it and index again."

_IDENTITY = "corpus.id"
_LANCE_ERRORS = (OSError, ValueError, RuntimeError)


class Database:
    """A LanceDB database in a folder or at an object-store URI.

    Args:
        uri: The folder or URI; a `file:` URI is the folder it names. Nothing is made there before the first write.

    Attributes:
        uri: As it was given.
        folder: Where it is on this machine, None in an object store.

    Raises:
        CorpusError: There is something else at that place.
    """

    def __init__(self, uri: str) -> None:
        if not uri:
            raise CorpusError("The corpus has no name. Name a folder or URI.")
        self.uri = uri
        self.folder: Path | None = None
        if "://" not in uri:
            self.folder = Path(uri)
        elif uri.startswith("file://"):
            self.folder = Path(url2pathname(urlsplit(uri).path))
        if self.folder is not None and self.folder.exists() and not self.folder.is_dir():
            raise CorpusError(f"{uri} is a file, not a corpus. Name a folder.")
        self._connection: Any = None
        self._tables: dict[str, Any] = {}
        self.seen = ""

    def follow(self) -> str:
        """Return what tells this corpus from another that was at this place; drop handles of another."""
        identity = self._identity()
        if identity != self.seen:
            self._connection, self.seen = None, identity
            self._tables.clear()
        return identity

    def table(self, name: str) -> Any | None:
        """Return an open table that follows other processes' writes, or None if it does not exist."""
        self.follow()
        if name in self._tables:
            return self._tables[name]
        if self._connection is None:
            if self.folder is not None and not self.folder.is_dir():
                return None  # connecting would make the folder
            self._connect()
        try:
            self._tables[name] = self._connection.open_table(name)
        except ValueError as error:
            if "not found" in str(error):
                return None
            raise CorpusError(f"The corpus {self.uri} cannot be read: {error}") from error
        return self._tables[name]

    def create(self, name: str, schema: pa.Schema) -> Any:
        """Return a table, made with this schema if it does not exist; columns it lacks are added, without values."""
        table = self.table(name)
        if table is None:
            table = self._tables[name] = self._connection.create_table(name, schema=schema)
            return table
        there = frozenset(table.schema.names)
        if missing := [field for field in schema if field.name not in there]:
            table.add_columns(missing)
        return table

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other writers out; in an object store nothing does.

        Raises:
            CorpusError: Another process is writing, or nothing can be written there.
        """
        if self.folder is None:
            yield
            return
        with self.writable():
            self.folder.mkdir(parents=True, exist_ok=True)
            held = {path.name for path in self.folder.iterdir()}
            if held and _IDENTITY not in held and "documents.lance" not in held and "units.lance" not in held:
                raise CorpusError(f"{self.uri} is a folder of other files, not a corpus. Name a new or empty folder.")
            if not self._identity():
                (self.folder / _IDENTITY).write_text(uuid.uuid4().hex)
            lock = FileLock(self.folder / "writer.lock")
            try:
                lock.acquire(timeout=min(PATIENCE, LOCK_WAIT))
            except Timeout:
                logger.warning("another process is writing to %s; waiting up to %.0f s for it", self.uri, LOCK_WAIT)
            try:
                if not lock.is_locked:
                    lock.acquire(timeout=max(LOCK_WAIT - PATIENCE, 0))
            except Timeout as error:
                raise CorpusError(
                    f"Another process has been writing to {self.uri} for {LOCK_WAIT:.0f} s. Try again when it is done."
                ) from error
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def readable(self) -> Iterator[None]:
        """Say in one line that the corpus could not be read, and why."""
        try:
            yield
        except _LANCE_ERRORS as error:
            raise CorpusError(f"The corpus {self.uri} cannot be read: {first_line(error)}. {RESTORE}") from error

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Say in one line that the corpus could not be written, and why."""
        try:
            yield
        except _LANCE_ERRORS as error:
            raise CorpusError(
                f"The corpus {self.uri} cannot be written: {first_line(error)}. "
                "Check that the disk is writable and has space."
            ) from error

    def _identity(self) -> str:
        file = self.folder / _IDENTITY if self.folder is not None else None
        return file.read_text() if file is not None and file.is_file() else ""

    def _connect(self) -> None:
        place = self.uri if self.folder is None else str(self.folder)
        try:
            self._connection = lancedb.connect(place, read_consistency_interval=timedelta(0))
        except _LANCE_ERRORS as error:
            raise CorpusError(f"The corpus {self.uri} cannot be opened: {error}") from error


def each_of(column: str, values: Collection[str]) -> Iterator[str]:
    """Yield SQL conditions, of `NAMED` values each, that together are those of all values."""
    ordered = sorted(values)
    return (any_of(column, ordered[first : first + NAMED]) for first in range(0, len(ordered), NAMED))


def any_of(column: str, values: Sequence[str]) -> str:
    """Return the SQL condition that a column has one of these values."""
    quoted = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
    return f"{column} IN ({quoted})" if quoted else "false"
