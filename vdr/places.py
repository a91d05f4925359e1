"""Where the rows of units are in a table, so that some of many are read at once. Knows no schema beyond their names.

LanceDB reads rows by row id several times faster than by a condition. Which row id a unit has changes when a table is
compacted, so the rows read are held against the units asked for, and looked for again where they are others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vdr.database import Database
from vdr.errors import CorpusError

TRIES = 3
"""Times rows are looked for again when another process has moved them in the meantime."""


class Places:
    """The row ids of one table's units.

    Args:
        database: The corpus.
        name: Of the table; its rows have a `doc_id` and a `page`.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._learnt: _Learnt | None = None

    def take(self, units: Sequence[tuple[str, int]], columns: Sequence[str]) -> pa.Table | None:
        """Return the rows of units, in any order; `doc_id` and `page` are always among the columns.

        Args:
            units: Document id and page of each, no unit twice; one that has no row is missing from the result.
            columns: What is read of them; what the table of an older corpus does not have is left out.

        Returns:
            None where no unit has a row.

        Raises:
            CorpusError: Another process keeps moving the rows.
        """
        wanted = set(units)
        columns = ["doc_id", "page", *(column for column in columns if column not in ("doc_id", "page"))]
        for _ in range(TRIES):
            table = self._database.table(self._name)
            if table is None:
                return None
            learnt, rows = self._find(table, units)
            if not len(rows):
                return None
            with self._database.readable():
                there = [column for column in columns if column in learnt.columns]
                found = table.take_row_ids(rows.tolist()).select(there).to_arrow()
            own = zip(found["doc_id"].to_pylist(), found["page"].to_pylist(), strict=True)
            if len(found) == len(rows) and wanted.issuperset(own):
                return found
            self._learnt = None
        raise CorpusError(f"The corpus {self._database.uri} is being rewritten by another process. Try again.")

    def _find(self, table: pa.Table, units: Sequence[tuple[str, int]]) -> tuple[_Learnt, NDArray[np.int64]]:
        if self._learnt is None or self._learnt.of != self._database.seen:
            self._learnt = self._learn(table)
        rows = self._learnt.rows(units)
        if (rows < 0).any():  # units that came since, or that are none
            with self._database.readable():
                version = table.version
            if version != self._learnt.version:
                self._learnt = self._learn(table)
                rows = self._learnt.rows(units)
        return self._learnt, rows[rows >= 0]

    def _learn(self, table: pa.Table) -> _Learnt:
        with self._database.readable():
            version = table.version
            columns = frozenset(table.schema.names)
            rows = table.search().with_row_id(True).select(["doc_id", "page"]).to_arrow().combine_chunks()
        if not len(rows):
            return _Learnt(self._database.seen, version, columns, {}, np.zeros(0, np.int64), np.zeros(0, np.int64))
        documents = pc.dictionary_encode(rows["doc_id"].combine_chunks())
        numbers = {doc_id: number for number, doc_id in enumerate(documents.dictionary.to_pylist())}
        places = documents.indices.to_numpy().astype(np.int64) << 32 | rows["page"].to_numpy().astype(np.int64)
        order = np.argsort(places, kind="stable")
        row_ids = rows["_rowid"].to_numpy().astype(np.int64)
        return _Learnt(self._database.seen, version, columns, numbers, places[order], row_ids[order])


@dataclass(frozen=True, slots=True)
class _Learnt:
    """The row ids as they once were.

    Attributes:
        of: Which corpus.
        version: Of the table.
        columns: Its columns.
        numbers: A number for each document.
        places: The units, as `number << 32 | page`, in rising order.
        row_ids: Theirs.
    """

    of: str
    version: int
    columns: frozenset[str]
    numbers: Mapping[str, int]
    places: NDArray[np.int64]
    row_ids: NDArray[np.int64]

    def rows(self, units: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
        """Return the row id of each unit, -1 where it has none."""
        if not len(self.places):
            return np.full(len(units), -1, np.int64)
        own = np.array([self.numbers.get(doc_id, -1) << 32 | page for doc_id, page in units], np.int64)
        at = np.minimum(np.searchsorted(self.places, own), len(self.places) - 1)
        rows: NDArray[np.int64] = np.where(self.places[at] == own, self.row_ids[at], -1)
        return rows
