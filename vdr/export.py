"""Units with their vectors, written as other multi-vector databases read them. Knows no corpus and no model.

| format | what is written |
|---|---|
| `parquet` | one file; a row is a unit, its vectors a list of lists of float32 |
| `qdrant` | a folder for qdrant-client's local mode, or the collection `vdr` on a server (a URL) |
| `vespa` | a folder: `unit.sd`, the schema with a rank profile for each channel, and `feed.jsonl` for `vespa feed` |
| `weaviate` | a folder: `collection.json` for `/v1/schema`, `objects-*.json` for `/v1/batch/objects` |

Vectors are called `visual_vectors`, `text_vectors` and `dense_vectors`, and are compared by dot product. One batch of
units is in memory at a time. Pictures of pages and the places of vectors are left out.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Literal, Protocol, TypeAlias, get_args

import numpy as np
import orjson
import pyarrow as pa

from vdr.errors import ExportError
from vdr.types import Channel, DocumentInfo, Floats

Format: TypeAlias = Literal["parquet", "qdrant", "vespa", "weaviate"]
FORMATS: tuple[Format, ...] = get_args(Format)

COLLECTION = "vdr"
"""What the collection is called in Qdrant."""
BATCH_NUMBERS = 1_000_000
"""Numbers in the vectors of a batch, unless one unit alone has more: some 12 MB of JSON, which every server takes."""

_NOT_IN_VESPA = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_TEXTS = ("key", "doc", "record", "text", "kind", "collection", "sha256", "source", "added_at")


class MadeBy(Protocol):
    """The encoder that made a channel; queries must be encoded by the same one."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def dim(self) -> int: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102


Encoders: TypeAlias = Mapping[Channel, MadeBy]


@dataclass(frozen=True, slots=True)
class Record:
    """A unit as it leaves the corpus.

    Attributes:
        key: `<document>:<page>`.
        page: Its number in the document, from 1.
        record: For a record of a JSONL corpus, its `_id`; else empty.
        text: Its text, empty for an image-only page.
        document: The document it belongs to.
        vectors: `(n, dim)` float32 for each channel it has vectors in.
    """

    key: str
    page: int
    record: str
    text: str
    document: DocumentInfo
    vectors: Mapping[Channel, Floats]

    @property
    def id(self) -> str:
        """A UUID that is the same for the same key in every export."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"vdr:{self.key}"))

    @property
    def metadata(self) -> dict[str, str | int]:
        """All but the vectors."""
        of = self.document
        return {
            "key": self.key,
            "doc": of.name,
            "page": self.page,
            "record": self.record,
            "text": self.text,
            "kind": of.kind,
            "collection": of.collection,
            "sha256": of.sha256,
            "source": of.source,
            "added_at": of.added_at,
        }


def write(records: Iterable[Record], encoders: Encoders, target: Format, out: str) -> int:
    """Write units; return how many.

    Args:
        records: The units.
        encoders: What made each channel.
        target: The format.
        out: The new file or folder; for `qdrant` maybe a URL.

    Raises:
        ExportError: There is something at `out` already, it cannot be written, or a package is missing. Nothing
            half-written stays behind in files.
    """
    writer = {"parquet": _parquet, "qdrant": _qdrant, "vespa": _vespa, "weaviate": _weaviate}[target]
    if target == "qdrant" and find_spec("qdrant_client") is None:
        raise ExportError('Exporting to Qdrant needs its client: pip install "qdrant-client>=1.16"')
    if target == "qdrant" and "://" in out:
        return writer(records, encoders, out)
    with _new(Path(out)) as partial:
        return writer(records, encoders, str(partial))


@contextmanager
def _new(path: Path) -> Iterator[Path]:
    """Give a place beside `path` to write to, which takes its name in the end; clear it away on failure."""
    if path.exists():
        raise ExportError(f"{path} exists already. Name a new one, or remove it first.")
    partial = path.with_name(path.name + ".partial")
    try:
        _remove(partial)
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.rename(path)
    except OSError as error:
        reason = f"{error.strerror or error}. Check that the disk is writable and has space"
        raise ExportError(f"{path} cannot be written: {reason}.") from error
    finally:
        _remove(partial)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    numbers = 0
    for record in records:
        more = sum(vectors.size for vectors in record.vectors.values())
        if batch and numbers + more > BATCH_NUMBERS:
            yield batch
            batch, numbers = [], 0
        batch.append(record)
        numbers += more
    if batch:
        yield batch


def _facts(encoders: Encoders) -> dict[str, dict[str, str | int]]:
    return {
        _field(channel): {"encoder": made.name, "dim": made.dim, "fingerprint": made.fingerprint}
        for channel, made in encoders.items()
    }


def _field(channel: Channel) -> str:
    return f"{channel}_vectors"


def _named(record: Record) -> dict[str, Floats]:
    return {_field(channel): np.ascontiguousarray(vectors, np.float32) for channel, vectors in record.vectors.items()}


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


# --- formats ---------------------------------------------------------------------------------------------


def _parquet(records: Iterable[Record], encoders: Encoders, out: str) -> int:
    from pyarrow import parquet

    fields = [(name, pa.int32() if name == "page" else pa.utf8()) for name in ("key", "doc", "page", *_TEXTS[2:])]
    vectors = [(_field(channel), pa.list_(pa.list_(pa.float32(), made.dim))) for channel, made in encoders.items()]
    schema = pa.schema([*fields, *vectors], metadata={"vdr": _json(_facts(encoders))})
    written = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        for batch in _batches(records):
            columns = {name: pa.array([record.metadata[name] for record in batch], kind) for name, kind in fields}
            for channel, made in encoders.items():
                columns[_field(channel)] = _column([record.vectors.get(channel) for record in batch], made.dim)
            writer.write_table(pa.table(columns, schema=schema))
            written += len(batch)
    return written


def _column(matrices: Sequence[Floats | None], dim: int) -> pa.Array:
    """Return matrices `(n, dim)` as an array of lists of lists; null for None."""
    present = [matrix for matrix in matrices if matrix is not None]
    flat = np.concatenate([np.zeros((0, dim), np.float32), *present]).astype(np.float32).reshape(-1)
    ends = np.cumsum([0, *(0 if matrix is None else len(matrix) for matrix in matrices)])
    missing = pa.array([matrix is None for matrix in matrices])
    rows = pa.FixedSizeListArray.from_arrays(pa.array(flat), dim)
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), rows, mask=missing)


def _qdrant(records: Iterable[Record], encoders: Encoders, out: str) -> int:
    from qdrant_client import QdrantClient, models
    from qdrant_client.http.exceptions import ApiException, ResponseHandlingException

    shape = {
        _field(channel): models.VectorParams(
            size=made.dim,
            distance=models.Distance.DOT,
            multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
            hnsw_config=models.HnswConfigDiff(m=0),  # no graph: every unit is scored, as here
            on_disk=True,
        )
        for channel, made in encoders.items()
    }
    written = 0
    try:
        server = {"url": out, "check_compatibility": False} if "://" in out else {"path": out}
        with closing(QdrantClient(**server)) as client:
            if client.collection_exists(COLLECTION):
                raise ExportError(f"{out} has a collection {COLLECTION!r} already. Remove it first.")
            client.create_collection(COLLECTION, vectors_config=shape, metadata=_facts(encoders))
            for batch in _batches(records):
                points = []
                for record in batch:
                    vectors = {name: matrix.tolist() for name, matrix in _named(record).items()}
                    points.append(models.PointStruct(id=record.id, vector=vectors, payload=record.metadata))
                client.upsert(COLLECTION, points)
                written += len(batch)
    except (ApiException, ResponseHandlingException) as error:
        raise ExportError(f"Qdrant at {out} refused: {error}. Check the address and that it is running.") from error
    return written


def _vespa(records: Iterable[Record], encoders: Encoders, out: str) -> int:
    folder = Path(out)
    folder.mkdir()
    (folder / "unit.sd").write_text(vespa_schema(encoders), "utf-8")
    written = 0
    with (folder / "feed.jsonl").open("wb") as file:
        for record in records:
            fields: dict[str, object] = dict(record.metadata)
            for name in _TEXTS:
                fields[name] = _NOT_IN_VESPA.sub(" ", str(fields[name]))
            for name, vectors in _named(record).items():
                fields[name] = {"blocks": {str(place): vector for place, vector in enumerate(vectors)}}
            file.write(_json({"put": f"id:vdr:unit::{fields['key']}", "fields": fields}) + b"\n")
            written += 1
    return written


def vespa_schema(encoders: Encoders) -> str:
    """Return the Vespa schema of exported units: filters, BM25 over the text, MaxSim for each channel."""
    fields = [_block(f"field {name} type string", "indexing: summary | attribute") for name in _TEXTS if name != "text"]
    fields.append(_block("field page type int", "indexing: summary | attribute"))
    fields.append(_block("field text type string", "indexing: summary | index", "index: enable-bm25"))
    profiles = [_block("rank-profile bm25", _block("first-phase", "expression: bm25(text)"))]
    for channel, made in encoders.items():
        name, made_by = _field(channel), f"# by {made.name}, {made.fingerprint}"
        tensor = f"field {name} type tensor<float>(vector{{}}, x[{made.dim}])"
        fields.append(_block(tensor, made_by, "indexing: attribute"))
        query = _block("inputs", f"query(q) tensor<float>(token{{}}, x[{made.dim}])")
        maxsim = f"expression: sum(reduce(sum(query(q) * attribute({name}), x), max, vector), token)"
        profiles.append(_block(f"rank-profile {channel}", query, _block("first-phase", maxsim)))
    document = _block("document unit", *fields)
    return _block("schema unit", document, _block("fieldset default", "fields: text"), *profiles) + "\n"


def _block(head: str, *body: str) -> str:
    inside = indent("\n".join(body), "    ")
    return f"{head} {{\n{inside}\n}}"


def _weaviate(records: Iterable[Record], encoders: Encoders, out: str) -> int:
    folder = Path(out)
    folder.mkdir()
    exact = [{"name": name, "dataType": ["text"], "tokenization": "field"} for name in _TEXTS if name != "text"]
    index = {"distance": "dot", "multivector": {"enabled": True, "aggregation": "maxSim"}}
    collection = {
        "class": "VdrUnit",
        "description": f"Units exported by vdr. Made by {_json(_facts(encoders)).decode()}",
        "properties": [*exact, {"name": "text", "dataType": ["text"]}, {"name": "page", "dataType": ["int"]}],
        "vectorConfig": {
            _field(channel): {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": index}
            for channel in encoders
        },
    }
    (folder / "collection.json").write_bytes(_json(collection))
    written = 0
    for number, batch in enumerate(_batches(records)):
        objects: list[dict[str, object]] = [
            {"class": "VdrUnit", "id": unit.id, "properties": unit.metadata, "vectors": _named(unit)} for unit in batch
        ]
        (folder / f"objects-{number:06d}.json").write_bytes(_json({"objects": objects}))
        written += len(batch)
    return written
