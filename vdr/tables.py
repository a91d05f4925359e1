"""The tables of a corpus as Arrow schemas, and rows to and from them. Knows nothing of LanceDB.

| table | a row is | columns |
|---|---|---|
| `documents` | a complete document | what `DocumentInfo` says, and the `doc_id` its rows elsewhere carry |
| `units` | a page or passage | text (full-text index), a box for each word |
| `previews` | a page | its picture, JPEG |
| `visual`, `text` | a unit's multi-vector | float16 vectors, and the box or the word of each |

Every row but those of `documents` starts with `key` (`<document>:<page>`), `doc_id` and `page`. Boxes are stored as
uint16 fractions of the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vdr.types import Channel, DocumentInfo, Floats, MultiVector, Unit

_BOX = 65_535

DOCUMENTS = pa.schema(
    [
        ("doc_id", pa.utf8()),
        ("name", pa.utf8()),
        ("kind", pa.utf8()),
        ("pages", pa.int32()),
        ("image_only", pa.int32()),
        ("unreadable", pa.list_(pa.int32())),
        ("collection", pa.utf8()),
        ("channels", pa.list_(pa.utf8())),
        ("sha256", pa.utf8()),
        ("added_at", pa.utf8()),
        ("source", pa.utf8()),
    ]
)
_ROW = [("key", pa.utf8()), ("doc_id", pa.utf8()), ("page", pa.int32())]
UNITS = pa.schema([*_ROW, ("record", pa.utf8()), ("text", pa.utf8()), ("boxes", pa.list_(pa.uint16()))])
PREVIEWS = pa.schema([*_ROW, ("jpeg", pa.large_binary())])


def vector_schema(channel: Channel, dim: int, metadata: Mapping[str, str]) -> pa.Schema:
    """Return the schema of a channel's table; `metadata` is kept with it."""
    place = ("boxes", pa.list_(pa.uint16())) if channel == "visual" else ("words", pa.list_(pa.int32()))
    return pa.schema([*_ROW, ("vectors", pa.list_(pa.list_(pa.float16(), dim))), place], metadata=dict(metadata))


@dataclass(frozen=True, slots=True)
class EncodedUnit:
    """A unit on its way into the corpus: whose it is, and its vectors in each channel that has some."""

    doc_id: str
    document: str
    unit: Unit
    vectors: Mapping[Channel, MultiVector]

    @property
    def key(self) -> str:
        """`<document>:<page>`."""
        return f"{self.document}:{self.unit.page}"

    def _row(self, **columns: Any) -> dict[str, Any]:
        return {"key": self.key, "doc_id": self.doc_id, "page": self.unit.page, **columns}


@dataclass(frozen=True, slots=True)
class StoredUnit:
    """A unit as it is read back, without pixels or vectors."""

    key: str
    doc_id: str
    page: int
    record: str
    text: str
    boxes: Floats | None


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's row: what users see of it, and the id its other rows carry."""

    doc_id: str
    info: DocumentInfo

    def table(self) -> pa.Table:
        """Return the row as a table."""
        return pa.Table.from_pylist([{"doc_id": self.doc_id, **asdict(self.info)}], schema=DOCUMENTS)


def units_table(units: Sequence[EncodedUnit]) -> pa.Table:
    """Return the `units` rows."""
    rows = [
        item._row(
            record=item.unit.record,
            text=item.unit.text,
            boxes=None if item.unit.boxes is None else _pack(item.unit.boxes),
        )
        for item in units
    ]
    return pa.Table.from_pylist(rows, schema=UNITS)


def previews_table(units: Sequence[EncodedUnit]) -> pa.Table:
    """Return the `previews` rows of those units that have a picture."""
    rows = [item._row(jpeg=item.unit.preview) for item in units if item.unit.preview]
    return pa.Table.from_pylist(rows, schema=PREVIEWS)


def vectors_table(units: Sequence[EncodedUnit], channel: Channel, schema: pa.Schema) -> pa.Table:
    """Return a channel's rows of those units that have vectors in it."""
    having = [(item, item.vectors[channel]) for item in units if channel in item.vectors]
    having = [(item, multivector) for item, multivector in having if len(multivector.vectors)]
    if not having:
        return schema.empty_table()
    dim = schema.field("vectors").type.value_type.list_size
    flat = np.concatenate([multivector.vectors for _, multivector in having]).astype(np.float16)
    lengths = [len(multivector.vectors) for _, multivector in having]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat.reshape(-1)), dim)
    places = [_places(multivector, channel) for _, multivector in having]
    columns = [
        pa.array([item.key for item, _ in having]),
        pa.array([item.doc_id for item, _ in having]),
        pa.array([item.unit.page for item, _ in having], pa.int32()),
        pa.ListArray.from_arrays(offsets, vectors),
        pa.array(places, schema.types[-1]),
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _places(multivector: MultiVector, channel: Channel) -> NDArray[Any]:
    place = _pack(multivector.boxes) if channel == "visual" and multivector.boxes is not None else multivector.words
    if place is None:
        raise ValueError(f"vectors of the {channel} channel come without their places")
    return place


def read_document(row: dict[str, Any]) -> StoredDocument:
    """Return a `documents` row as it was stored."""
    doc_id = row.pop("doc_id")
    info = {**row, "unreadable": tuple(row["unreadable"]), "channels": tuple(row["channels"])}
    return StoredDocument(doc_id, DocumentInfo(**info))


def read_unit(row: dict[str, Any]) -> StoredUnit:
    """Return a `units` row."""
    row = {**row, "boxes": None if row["boxes"] is None else _unpack(row["boxes"])}
    return StoredUnit(**row)


def read_multivector(row: dict[str, Any]) -> MultiVector:
    """Return a row of `visual` or `text`."""
    vectors = np.asarray(row["vectors"], np.float32)
    if "boxes" in row:
        return MultiVector(vectors, boxes=_unpack(row["boxes"]))
    return MultiVector(vectors, words=np.asarray(row["words"], np.int32))


def flat_vectors(column: pa.ListArray) -> tuple[NDArray[np.float16], NDArray[np.int32]]:
    """Return a batch's vectors `(n, dim)` one after another, and where each row's begin: `(rows + 1,)`."""
    dim = column.type.value_type.list_size
    offsets = column.offsets.to_numpy()
    vectors = column.flatten().flatten().to_numpy(zero_copy_only=True).reshape(-1, dim)
    return vectors, offsets - offsets[0]


def _pack(boxes: Floats) -> NDArray[np.uint16]:
    return np.rint(np.clip(boxes, 0, 1) * _BOX).astype(np.uint16).reshape(-1)


def _unpack(packed: Sequence[int]) -> Floats:
    return np.asarray(packed, np.float32).reshape(-1, 4) / np.float32(_BOX)
