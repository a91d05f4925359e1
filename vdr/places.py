"""Where the rows of units are in a table, so that some of many are read at once. Knows no schema beyond their names.

LanceDB reads rows by row id several times faster than by a condition. Which row id a unit has changes when a table is
compacted, so what was learnt holds for one version of the table.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        self._learnt: tuple[object, dict[str, int], NDArray[np.int64], NDArray[np.int64]] | None = None

    def take(self, units: Sequence[tuple[str, int]], columns: Sequence[str]) -> pa.Table | None:
        """Return the rows of units, in any order; `doc_id` and `page` are always among the columns.

        Args:
            units: Document id and page of each, no unit twice; one that has no row is missing from the result.
            columns: What is read of them.

        Returns:
            None where no unit has a row.

        Raises:
            CorpusError: Another process keeps moving the rows.
        """
        wanted = set(units)
        columns = ["doc_id", "page", *(column for column in columns if column not in ("doc_id", "page"))]
        for _ in range(TRIES):
            table = self._database.table(self._name)
            rows = self._find(table, units) if table is not None else np.zeros(0, np.int64)
            if table is None or not len(rows):
                return None
            with self._database.readable():
                found = table.take_row_ids(rows.tolist()).select(columns).to_arrow()
            own = zip(found["doc_id"].to_pylist(), found["page"].to_pylist(), strict=True)
            if len(found) == len(rows) and wanted.issuperset(own):
                return found
            self._learnt = None
        raise CorpusError(f"The corpus {self._database.uri} is being rewritten by another process. Try again.")

    def _find(self, table: pa.Table, units: Sequence[tuple[str, int]]) -> NDArray[np.int64]:
        with self._database.readable():
            version = (self._database.seen, table.version)
        if self._learnt is None or self._learnt[0] != version:
            self._learnt = (version, *self._learn(table))
        _, numbers, places, rows = self._learnt
        own = np.array([numbers.get(doc_id, -1) << 32 | page for doc_id, page in units], np.int64)
        at = np.minimum(np.searchsorted(places, own), max(len(places) - 1, 0))
        found: NDArray[np.int64] = rows[at[places[at] == own]] if len(places) else rows
        return found

    def _learn(self, table: pa.Table) -> tuple[dict[str, int], NDArray[np.int64], NDArray[np.int64]]:
        """Return a number for each document, the units as `number << 32 | page` in rising order, and their row ids."""
        with self._database.readable():
            rows = table.search().with_row_id(True).select(["doc_id", "page"]).to_arrow().combine_chunks()
        if not len(rows):
            return {}, np.zeros(0, np.int64), np.zeros(0, np.int64)
        documents = pc.dictionary_encode(rows["doc_id"].combine_chunks())
        numbers = {doc_id: number for number, doc_id in enumerate(documents.dictionary.to_pylist())}
        places = documents.indices.to_numpy().astype(np.int64) << 32 | rows["page"].to_numpy().astype(np.int64)
        order = np.argsort(places, kind="stable")
        return numbers, places[order], rows["_rowid"].to_numpy().astype(np.int64)[order]
