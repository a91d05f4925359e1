"""The tables of a corpus as Arrow schemas, and rows to and from them. Knows nothing of LanceDB.

| table | a row is | columns |
|---|---|---|
| `documents` | a complete document | what `DocumentInfo` says, and the `doc_id` its rows elsewhere carry |
| `units` | a page or passage | text (full-text index), a box for each word, a passage's span, where it is from |
| `previews` | a page | its picture, JPEG |
| `visual`, `text` | a unit's multi-vector | numbers and scales (`vdr.quantize`), and the box or the word of each |
| `tuning` | what was learnt for fusion, one at most | what `Tuning` says |

Every row but those of `documents` and `tuning` starts with `key` (`<document>:<page>`), `doc_id` and `page`. Boxes are
stored as uint16 fractions of the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vdr.quantize import Quantized, dequantize, pack, pool, quantize, unpack
from vdr.quantize import bytes_a_vector as _bytes
from vdr.types import Channel, DocumentInfo, Floats, Ints, MultiVector, Unit

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
UNITS = pa.schema(
    [
        *_ROW,
        ("record", pa.utf8()),
        ("text", pa.utf8()),
        ("boxes", pa.list_(pa.uint16())),
        ("span", pa.list_(pa.int64())),
        ("read_from", pa.int32()),
    ]
)
TUNING = pa.schema(
    [
        ("channels", pa.list_(pa.utf8())),
        ("weights", pa.list_(pa.float64())),
        ("queries", pa.int32()),
        ("default", pa.float64()),
        ("tuned", pa.float64()),
        ("tuned_at", pa.utf8()),
    ]
)
PREVIEWS = pa.schema([*_ROW, ("jpeg", pa.large_binary())])


def vector_schema(channel: Channel, metadata: Mapping[str, str]) -> pa.Schema:
    """Return the schema of a channel's table; `metadata` is kept with it."""
    place = ("boxes", pa.list_(pa.uint16())) if channel == "visual" else ("words", pa.list_(pa.int32()))
    numbers = pa.field("numbers", pa.large_binary(), metadata={"lance-encoding:compression": "none"})
    return pa.schema([*_ROW, numbers, ("scales", pa.list_(pa.float32())), place], metadata=dict(metadata))


@dataclass(frozen=True, slots=True)
class Choice:
    """How a channel keeps its vectors, fixed when its table is made.

    Attributes:
        dim: Numbers a vector has.
        bits: Bits a number is kept in: 8, 4, 2 or 1.
        pool: How many similar vectors of a unit become one: 1, 2 or 3.
    """

    dim: int
    bits: int = 8
    pool: int = 1


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
    span: tuple[int, int] | None
    read_from: int | None

    @property
    def own_text(self) -> str:
        """The text without what was read on the picture."""
        if self.read_from is None:
            return self.text
        starts = [match.start() for match in re.finditer(r"\S+", self.text)]
        return self.text[: starts[self.read_from]].rstrip()


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A document's row: what users see of it, and the id its other rows carry."""

    doc_id: str
    info: DocumentInfo

    def table(self) -> pa.Table:
        """Return the row as a table."""
        return pa.Table.from_pylist([{"doc_id": self.doc_id, **asdict(self.info)}], schema=DOCUMENTS)


@dataclass(frozen=True, slots=True)
class Tuning:
    """Weights for fusion that were learnt on judged queries.

    Attributes:
        weights: By channel, and `document` for documents that a question names.
        queries: How many judged queries they were learnt on.
        default: nDCG@10 of the weights nobody tuned, on those queries.
        tuned: nDCG@10 on each of them of weights learnt without it.
        tuned_at: ISO 8601, UTC.
    """

    weights: Mapping[str, float]
    queries: int
    default: float
    tuned: float
    tuned_at: str

    def table(self) -> pa.Table:
        """Return the row as a table."""
        row = {**asdict(self), "channels": list(self.weights), "weights": list(self.weights.values())}
        return pa.Table.from_pylist([row], schema=TUNING)

    def __str__(self) -> str:
        weights = ", ".join(f"{channel} {weight:g}" for channel, weight in self.weights.items())
        return f"{weights}; nDCG@10 {self.default:.3f} -> {self.tuned:.3f} on {self.queries} judged queries"


def units_table(units: Sequence[EncodedUnit]) -> pa.Table:
    """Return the `units` rows."""
    rows = [
        item._row(
            record=item.unit.record,
            text=item.unit.text,
            boxes=None if item.unit.boxes is None else _pack(item.unit.boxes),
            span=item.unit.span,
            read_from=item.unit.read_from,
        )
        for item in units
    ]
    return pa.Table.from_pylist(rows, schema=UNITS)


def previews_table(units: Sequence[EncodedUnit]) -> pa.Table:
    """Return the `previews` rows of those units that have a picture."""
    rows = [item._row(jpeg=item.unit.preview) for item in units if item.unit.preview]
    return pa.Table.from_pylist(rows, schema=PREVIEWS)


def vectors_table(units: Sequence[EncodedUnit], channel: Channel, schema: pa.Schema, choice: Choice) -> pa.Table:
    """Return a channel's rows of those units that have vectors in it."""
    rows = []
    for item in units:
        if channel in item.vectors and len(item.vectors[channel].vectors):
            multivector = item.vectors[channel]
            vectors, kept = pool(multivector.vectors, choice.pool)
            quantized = quantize(vectors, choice.bits)
            place = _places(multivector, channel, kept)
            numbers = pack(quantized, choice.bits).tobytes()
            rows.append(item._row(numbers=numbers, scales=quantized.scales, **{schema.names[-1]: place}))
    return pa.Table.from_pylist(rows, schema=schema)


def _places(multivector: MultiVector, channel: Channel, kept: NDArray[np.intp]) -> NDArray[Any]:
    if channel == "visual" and multivector.boxes is not None:
        return _pack(multivector.boxes[kept])
    if multivector.words is None:
        raise ValueError(f"vectors of the {channel} channel come without their places")
    return multivector.words[kept]


def read_document(row: dict[str, Any]) -> StoredDocument:
    """Return a `documents` row as it was stored."""
    doc_id = row.pop("doc_id")
    info = {**row, "unreadable": tuple(row["unreadable"]), "channels": tuple(row["channels"])}
    return StoredDocument(doc_id, DocumentInfo(**info))


def read_tuning(row: dict[str, Any]) -> Tuning:
    """Return a `tuning` row as it was stored."""
    weights = dict(zip(row.pop("channels"), row.pop("weights"), strict=True))
    return Tuning(weights, **row)


def read_unit(row: dict[str, Any]) -> StoredUnit:
    """Return a `units` row; columns that were not read are None."""
    boxes = None if row.get("boxes") is None else _unpack(row["boxes"])
    span = tuple(row["span"]) if row.get("span") else None
    return StoredUnit(**{**row, "boxes": boxes, "span": span, "read_from": row.get("read_from")})


def read_multivector(row: dict[str, Any], choice: Choice) -> MultiVector:
    """Return a row of `visual` or `text`."""
    packed = np.frombuffer(row["numbers"], np.uint8).reshape(len(row["scales"]), -1)
    quantized = Quantized(unpack(packed, choice.dim, choice.bits), np.asarray(row["scales"], np.float32))
    vectors = dequantize(quantized, choice.bits)
    if "boxes" in row:
        return MultiVector(vectors, boxes=_unpack(row["boxes"]))
    return MultiVector(vectors, words=np.asarray(row["words"], np.int32))


def read_quantized(batch: pa.RecordBatch, choice: Choice) -> tuple[Quantized, Ints]:
    """Return a batch's vectors one after another, and where each row's begin: `(rows + 1,)`."""
    scales, numbers = batch.column("scales"), batch.column("numbers")
    offsets = scales.offsets.to_numpy()
    begin, end = np.frombuffer(numbers.buffers()[1], np.int64)[[numbers.offset, numbers.offset + len(numbers)]]
    packed = np.frombuffer(numbers.buffers()[2], np.uint8)[begin:end].reshape(offsets[-1] - offsets[0], -1)
    flat = scales.flatten().to_numpy(zero_copy_only=True)
    return Quantized(unpack(packed, choice.dim, choice.bits), flat), (offsets - offsets[0]).astype(np.int32)


def _pack(boxes: Floats) -> NDArray[np.uint16]:
    return np.rint(np.clip(boxes, 0, 1) * _BOX).astype(np.uint16).reshape(-1)


def _unpack(packed: Sequence[int]) -> Floats:
    return np.asarray(packed, np.float32).reshape(-1, 4) / np.float32(_BOX)


def bytes_a_vector(choice: Choice) -> int:
    """Return the bytes a vector's numbers take."""
    return _bytes(choice.dim, choice.bits)
