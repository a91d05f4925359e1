"""File -> render -> encode -> store, with bounded memory. Knows nothing of queries.

Units are encoded in batches that may span documents, and written as soon as a batch is done, while a thread reads and
renders the next. A document becomes visible when its last unit is written; of one that fails on the way nothing is
ever seen.

A batch ends when it has as many pages as the page encoder can use at once, which an encoder may tell as
`pages_at_once`, or `PIXELS` bytes of pictures. Three of them are held at most: one at the encoders, one that waits and
one that is being read.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TypeAlias, cast

from vdr.documents import PAGED, Source, shown
from vdr.errors import DocumentError
from vdr.passages import read_jsonl, read_text
from vdr.render import Children, Pages, Renderer
from vdr.seen import completed
from vdr.store import Store, new_doc_id
from vdr.tables import EncodedUnit
from vdr.types import (
    Channel,
    DocumentInfo,
    Encoder,
    MultiVector,
    PageEncoder,
    PassageEncoder,
    Progress,
    ProgressCallback,
    Refusal,
    TextEncoder,
    Unit,
)

logger = logging.getLogger(__name__)

PASSAGES = 64
"""Passages, and pages without a picture, in a batch."""
PAGES = 16
"""Pages in a batch for an encoder that does not tell, and where there is none."""
PIXELS = 1 << 30
"""Bytes of pictures that end a batch: 170 pages of A4, or 60 of the largest. `PAGES` of A4 are 0.1 GB."""


@dataclass(slots=True)
class _Reading:
    """A document while it is being read."""

    source: Source
    sha256: str
    collection: str
    doc_id: str
    pages: int = 0  # 0 while not known
    read: int = 0
    image_only: int = 0
    unreadable: list[int] = field(default_factory=list)
    error: DocumentError | None = None


_Item: TypeAlias = "tuple[_Reading, Unit | None]"  # None: the document ended, or failed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the sources."""

    added: tuple[DocumentInfo, ...]
    skipped: tuple[str, ...]
    refused: tuple[Refusal, ...]


def ingest(
    sources: Sequence[Source],
    store: Store,
    *,
    encoders: Mapping[Channel, Encoder],
    collection: str | None,
    renderer: Renderer = "pdfium",
    progress: ProgressCallback | None = None,
) -> Outcome:
    """Index sources. Those that are there already, byte for byte and in every channel, are skipped.

    Args:
        sources: What to index.
        store: The corpus; it must be held for writing.
        encoders: For each channel that is wanted: a `PageEncoder` for `visual`, a `TextEncoder` for `text`, a
            `PassageEncoder` for `dense`.
        collection: The collection the documents will be in, empty for none; None keeps that of a document that is
            there already.
        renderer: What draws the pages.
        progress: Told after each page.
    """
    channels: tuple[Channel, ...] = tuple(encoders)
    refused: list[Refusal] = []
    wanted, there = _wanted(sources, store, channels, collection, refused)
    added = [] if collection is None else _moved(store, there, collection)
    moved = {info.name for info in added}
    skipped = [name for name in there if name not in moved]
    done = len(sources) - len(wanted)
    pages_at_once = getattr(encoders.get("visual"), "pages_at_once", PAGES)
    for batch in _ahead(wanted, renderer, pages_at_once):
        units = [(reading, unit) for reading, unit in batch if unit is not None]
        if units:
            store.append(  # no name holds what is written, so its pictures go before the next are encoded
                [
                    EncodedUnit(reading.doc_id, reading.source.name, unit, vectors)
                    for (reading, _), (unit, vectors) in zip(units, _encode(units, encoders), strict=True)
                ],
                encoders,
            )
        complete: dict[str, DocumentInfo] = {}
        try:
            for reading, unit in batch:
                if unit is not None:
                    reading.read += 1
                else:
                    done += 1
                    if reading.error:
                        refused.append(Refusal(shown(reading.source.path), reading.error.reason, reading.error.advice))
                    else:
                        complete[reading.doc_id] = _info(reading, channels)
                if progress:
                    progress(Progress(reading.source.name, reading.read, reading.pages, done, len(sources)))
        finally:  # who is told may break off: what had ended by then stays
            store.complete(complete)
            added += complete.values()
    return Outcome(tuple(added), tuple(skipped), tuple(refused))


def _wanted(
    sources: Sequence[Source],
    store: Store,
    channels: tuple[Channel, ...],
    collection: str | None,
    refused: list[Refusal],
) -> tuple[list[_Reading], list[str]]:
    """Return the documents to read and the names of those that are there as they are."""
    present = store.documents()
    names = {stored.info.source: name for name, stored in present.items()}
    taken = {source.name for source in sources}
    wanted: list[_Reading] = []
    there: list[str] = []
    for source in sources:
        known = names.get(shown(source.path), source.name)
        if known != source.name and known not in taken:  # it is here already, under the name it once got
            source = replace(source, name=known)
        try:
            sha256 = source.sha256()
        except DocumentError as error:
            refused.append(Refusal(shown(source.path), error.reason, error.advice))
            continue
        old = present.get(source.name)
        if old is not None and old.info.sha256 == sha256 and set(channels) <= set(old.info.channels):
            there.append(source.name)
        else:
            kept = old.info.collection if old else ""
            target = kept if collection is None else collection
            wanted.append(_Reading(source, sha256, target, new_doc_id(after=old.doc_id if old else None)))
    return wanted, there


def _moved(store: Store, names: Sequence[str], collection: str) -> list[DocumentInfo]:
    """Put documents that are there into a collection; return those that were in another."""
    documents = store.documents()
    others = [documents[name] for name in names if documents[name].info.collection != collection]
    store.move([stored.doc_id for stored in others], collection)
    return [replace(stored.info, collection=collection) for stored in others]


def _info(reading: _Reading, channels: tuple[Channel, ...]) -> DocumentInfo:
    return DocumentInfo(
        name=reading.source.name,
        kind=reading.source.kind,
        pages=reading.read,
        image_only=reading.image_only,
        unreadable=tuple(reading.unreadable),
        collection=reading.collection,
        channels=channels,
        sha256=reading.sha256,
        added_at=datetime.now(UTC).isoformat(timespec="seconds"),
        source=shown(reading.source.path),
    )


def _encode(
    read: Sequence[tuple[_Reading, Unit]], encoders: Mapping[Channel, Encoder]
) -> list[tuple[Unit, Mapping[Channel, MultiVector]]]:
    """Return units with their vectors, and with what the page encoder read where their text layer has nothing."""
    units = [unit for _, unit in read]
    encoded: list[dict[Channel, MultiVector]] = [{} for _ in units]
    if "visual" in encoders:
        pages = {index: unit.image for index, unit in enumerate(units) if unit.image is not None}
        seen = cast(PageEncoder, encoders["visual"]).encode_pages([*pages.values()]) if pages else []
        for index, vectors in zip(pages, seen, strict=True):
            encoded[index]["visual"] = vectors
            if vectors.reading:
                units[index] = completed(units[index], vectors.reading)
    texts = {index: unit.text for index, unit in enumerate(units) if unit.text}
    for channel, encoder in encoders.items():
        if channel != "visual" and texts:
            if channel == "dense":
                titles = [read[index][0].source.title for index in texts]
                encoded_texts = cast(PassageEncoder, encoder).encode_texts([*texts.values()], titles)
            else:
                encoded_texts = cast(TextEncoder, encoder).encode_texts([*texts.values()])
            for index, vectors in zip(texts, encoded_texts, strict=True):
                encoded[index][channel] = vectors
    return list(zip(units, encoded, strict=True))


# --- reading ---------------------------------------------------------------------------------------------


def _batches(items: Iterable[_Item], pages_at_once: int) -> Iterator[list[_Item]]:
    """Cut what is read into batches; a picture counts for as much of a batch as the encoder leaves it."""
    batch: list[_Item] = []
    filled = pixels = 0
    for item in items:
        batch.append(item)
        if item[1] is not None:
            image = item[1].image
            filled += pages_at_once if image is None else PASSAGES
            pixels += 0 if image is None else image.width * image.height * len(image.getbands())
        if filled >= PASSAGES * pages_at_once or pixels >= PIXELS:
            yield batch
            batch, filled, pixels = [], 0, 0
    if batch:
        yield batch


def _read(readings: Sequence[_Reading], renderer: Renderer) -> Iterator[_Item]:
    with Children() as children:
        for reading in readings:
            try:
                for unit in _units(reading, renderer, children):
                    if not unit.text:
                        reading.image_only += 1
                    if reading.source.kind in PAGED and unit.image is None:
                        reading.unreadable.append(unit.page)
                    yield reading, unit
                if reading.pages and len(reading.unreadable) == reading.pages:
                    reason, advice = "has no page that can be rendered", "Open it in a viewer and save it again."
                    raise DocumentError(shown(reading.source.path), reason, advice)
            except DocumentError as error:
                reading.error = error
            except OSError as error:
                reason = f"cannot be read ({error.strerror or error})"
                reading.error = DocumentError(shown(reading.source.path), reason, "Check that the file is readable.")
            yield reading, None


def _units(reading: _Reading, renderer: Renderer, children: Children) -> Iterator[Unit]:
    match reading.source.kind:
        case "text":
            yield from read_text(reading.source.path)
        case "jsonl":
            yield from read_jsonl(reading.source.path)
        case _:
            pages = Pages(reading.source, renderer, children)
            reading.pages = pages.count
            yield from pages


def _ahead(readings: Sequence[_Reading], renderer: Renderer, pages_at_once: int) -> Iterator[list[_Item]]:
    """Read in a thread, and yield batches; one waits while the next is being read."""
    ready: queue.Queue[list[_Item] | BaseException | None] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(batch: list[_Item] | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                ready.put(batch, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        items = _read(readings, renderer)
        try:
            for batch in _batches(takewhile(lambda _: not stopped.is_set(), items), pages_at_once):
                if not put(batch):
                    return
            put(None)
        except BaseException as error:
            put(error)
        finally:
            items.close()  # type: ignore[attr-defined]  # ends the rendering child

    thread = threading.Thread(target=work, name="vdr-read", daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        stopped.set()
        thread.join()
