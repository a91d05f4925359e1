"""A corpus as a stream of units with their metadata and vectors. Knows no format and no query.

Units come document by document, in the order of their pages; a few dozen of them are in memory at a time, however
long the document.
"""

from __future__ import annotations

from collections.abc import Iterator

from vdr.errors import CorpusError
from vdr.export import Record
from vdr.stored import Stored
from vdr.tables import StoredDocument

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
    for first in range(1, info.pages + 1, UNITS):
        keys = [f"{info.name}:{page}" for page in range(first, min(first + UNITS, info.pages + 1))]
        units = store.units(keys, boxes=False)
        vectors = {channel: store.multivectors(channel, keys) for channel in info.channels}
        if len(units) < len(keys) or store.documents().get(info.name) != document:
            raise CorpusError(f"{info.name} in {store.uri} was changed while it was read. Try again.")
        for key in keys:
            unit = units[key]
            own = {channel: by_key[key].vectors for channel, by_key in vectors.items() if key in by_key}
            yield Record(key, unit.page, unit.record, unit.text, info, own)
