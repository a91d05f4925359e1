"""A corpus as a stream of units with their metadata and vectors. Knows no format and no query.

Units come document by document, in the order of their pages; a few dozen of them are in memory at a time, however
long the document.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from vdr.errors import CorpusError
from vdr.export import Record
from vdr.stored import Stored
from vdr.tables import StoredDocument
from vdr.types import Floats

UNITS = 64
"""Units read at a time."""


def records(store: Stored) -> Iterator[Record]:
    """Yield every unit of a corpus.

    Raises:
        CorpusError: The corpus was changed meanwhile, or is damaged.
    """
    for _, document in sorted(store.documents().items()):
        yield from _of_document(store, document)


def _of_document(store: Stored, document: StoredDocument) -> Iterator[Record]:
    info = document.info
    channels = {channel: _Vectors(store.scan(channel, [document.doc_id])) for channel in info.channels}
    for first in range(1, info.pages + 1, UNITS):
        pages = range(first, min(first + UNITS, info.pages + 1))
        units = store.units([f"{info.name}:{page}" for page in pages])
        if len(units) < len(pages):
            raise CorpusError(f"{info.name} in {store.uri} was changed while it was read. Try again.")
        ready = {channel: vectors.up_to(pages[-1]) for channel, vectors in channels.items()}
        for page in pages:
            unit = units[f"{info.name}:{page}"]
            own = {channel: vectors.pop(page) for channel, vectors in ready.items() if page in vectors}
            yield Record(unit.key, page, unit.record, unit.text, info, own)
    for channel, vectors in channels.items():
        if vectors.up_to(info.pages):
            raise CorpusError(f"The {channel} vectors of {info.name} in {store.uri} are out of order. Index it again.")


class _Vectors:
    """The vectors of a document's units, read as far as they are asked for."""

    def __init__(self, batches: Iterator[tuple[Sequence[str], NDArray[np.floating], NDArray[np.integer]]]) -> None:
        self._batches = batches
        self._ready: dict[int, Floats] = {}
        self._last = 0

    def up_to(self, page: int) -> dict[int, Floats]:
        """Return the vectors by page that have been read and not taken, those of this page among them."""
        while self._last < page and (batch := next(self._batches, None)) is not None:
            keys, vectors, offsets = batch
            for index, key in enumerate(keys):
                self._last = int(key.rpartition(":")[2])
                self._ready[self._last] = vectors[offsets[index] : offsets[index + 1]].astype(np.float32)
        return self._ready
