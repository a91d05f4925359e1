"""Exported corpora, read back as the other database would."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet
from toy_encoder import DIM, ToyEncoder, add, query_text

import vdr.export
from vdr import Corpus
from vdr.errors import ExportError
from vdr.export import Record, write
from vdr.records import records
from vdr.store import Pin, Store
from vdr.types import Channel

ONE = np.eye(2, DIM, dtype=np.float32)
TWO = np.array([[2, -2] + [0] * (DIM - 2)], np.float32)
ENCODERS: dict[Channel, Pin] = {"visual": Pin("toy", DIM, "toy-1")}
METADATA = {
    "key": "a.pdf:2",
    "doc": "a.pdf",
    "page": 2,
    "record": "",
    "text": "net\x0crevenue",
    "kind": "pdf",
    "collection": "reports",
    "sha256": "ab12",
    "source": "/in/a.pdf",
    "added_at": "2026-01-02T03:04:05+00:00",
}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "corpus"))
    add(store, "b.pdf", [ONE])
    add(store, "a.pdf", [ONE, TWO], "reports", "net\x0crevenue")
    return store


def near(vectors: np.ndarray) -> list[object]:
    """Return rows of numbers that equal these but for rounding."""
    return [pytest.approx(row.tolist()) for row in vectors]


def exported(store: Store, target: vdr.export.Format, out: Path) -> Path:
    assert write(records(store), ENCODERS, target, str(out)) == 3
    return out


def test_units_come_by_document_and_page_with_all_that_is_known(store: Store) -> None:
    found = list(records(store))
    assert [record.key for record in found] == ["a.pdf:1", "a.pdf:2", "b.pdf:1"]
    assert found[1].metadata == METADATA
    np.testing.assert_allclose(np.concatenate([record.vectors["visual"] for record in found]), [*ONE, *TWO, *ONE])


def test_a_document_longer_than_a_batch_comes_whole_and_in_order(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "corpus"))
    pages = [np.full((1 + page % 3, DIM), page % 50, np.float32) for page in range(150)]
    add(store, "long.pdf", pages)
    found = list(records(store))
    assert [record.page for record in found] == list(range(1, 151))
    for one, page in zip(found, pages, strict=True):
        np.testing.assert_allclose(one.vectors["visual"], page, rtol=1e-6)


def test_a_page_without_vectors_is_exported_without(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "corpus"))
    add(store, "a.pdf", [ONE, ONE[:0], TWO, ONE[:0]])
    found = list(records(store))
    assert [(record.page, len(record.vectors.get("visual", ""))) for record in found] == [
        (1, 2),
        (2, 0),
        (3, 1),
        (4, 0),
    ]
    assert found[1].vectors == found[3].vectors == {}


def test_parquet_holds_vectors_metadata_and_encoders(store: Store, tmp_path: Path) -> None:
    table = parquet.read_table(exported(store, "parquet", tmp_path / "out.parquet"))
    rows = table.to_pylist()
    assert rows[1] == {**METADATA, "visual_vectors": near(TWO)}
    assert [row["key"] for row in rows] == ["a.pdf:1", "a.pdf:2", "b.pdf:1"]
    told = json.loads(table.schema.metadata[b"vdr"])
    assert told == {"visual_vectors": {"encoder": "toy", "dim": DIM, "fingerprint": "toy-1"}}


def test_parquet_has_null_where_a_unit_has_no_vectors(store: Store, tmp_path: Path) -> None:
    first, *_ = records(store)
    bare = Record("c:1", 1, "", "", first.document, {})
    assert write([bare, first], ENCODERS, "parquet", str(tmp_path / "out")) == 2
    column = parquet.read_table(tmp_path / "out")["visual_vectors"].to_pylist()
    assert column == [None, near(ONE)]


def test_qdrant_ranks_an_exported_corpus_as_we_do(tmp_path: Path) -> None:
    from qdrant_client import QdrantClient

    random = np.random.default_rng(3)
    store = Store(str(tmp_path / "corpus"))
    for name in ("a.pdf", "b.pdf"):
        add(store, name, [random.integers(-1, 2, (random.integers(1, 30), DIM)).astype(np.float32) for _ in range(20)])
    assert write(records(store), ENCODERS, "qdrant", str(tmp_path / "out")) == 40
    corpus = Corpus(tmp_path / "corpus", encoder=ToyEncoder(), text_encoder="none", dense_encoder="none")
    client = QdrantClient(path=str(tmp_path / "out"))
    for _ in range(5):
        query = random.integers(-1, 2, (6, DIM)).astype(float)
        hits = corpus.search(query_text(query), k=40, mode="visual")
        points = client.query_points("vdr", query.tolist(), using="visual_vectors", limit=40).points
        theirs = [(round(point.score, 3), (point.payload or {})["key"]) for point in points]
        theirs.sort(key=lambda point: (-point[0], *point[1].split(":")[:1], int(point[1].rpartition(":")[2])))  # ties
        assert theirs == [(round(hit.score, 3), hit.key) for hit in hits]
    client.close()


def test_qdrant_keeps_the_metadata(store: Store, tmp_path: Path) -> None:
    from qdrant_client import QdrantClient

    client = QdrantClient(path=str(exported(store, "qdrant", tmp_path / "out")))
    (point,) = client.retrieve("vdr", [str(uuid.uuid5(uuid.NAMESPACE_URL, "vdr:a.pdf:2"))], with_vectors=True)
    assert point.payload == METADATA
    assert point.vector == {"visual_vectors": near(TWO)}
    client.close()


def test_a_missing_qdrant_client_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(ExportError, match=r'pip install "qdrant-client>=1\.16"'):
        write([], ENCODERS, "qdrant", str(tmp_path / "out"))


def test_a_qdrant_server_that_is_not_there_is_named(store: Store) -> None:
    with pytest.raises(ExportError, match=r"Qdrant at http://127\.0\.0\.1:9 refused"):
        write(records(store), ENCODERS, "qdrant", "http://127.0.0.1:9")


def test_vespa_gets_a_schema_and_a_feed(store: Store, tmp_path: Path) -> None:
    out = exported(store, "vespa", tmp_path / "out")
    lines = [json.loads(line) for line in (out / "feed.jsonl").read_text("utf-8").splitlines()]
    assert [line["put"] for line in lines] == [
        "id:vdr:unit::a.pdf:1", "id:vdr:unit::a.pdf:2", "id:vdr:unit::b.pdf:1",
    ]  # fmt: skip
    fields = {**METADATA, "text": "net revenue", "visual_vectors": {"blocks": {"0": pytest.approx(TWO[0].tolist())}}}
    assert lines[1]["fields"] == fields  # Vespa refuses a form feed
    assert lines[0]["fields"]["visual_vectors"]["blocks"] == dict(zip("01", near(ONE), strict=True))
    schema = (out / "unit.sd").read_text()
    assert set(lines[1]["fields"]) == {line.split()[1] for line in schema.splitlines() if " type " in line}
    assert (
        f"""
        field visual_vectors type tensor<float>(vector{{}}, x[{DIM}]) {{
            # by toy, toy-1
            indexing: attribute
        }}
    }}
"""
        in schema
    )
    assert schema.endswith(f"""
    rank-profile visual {{
        inputs {{
            query(q) tensor<float>(token{{}}, x[{DIM}])
        }}
        first-phase {{
            expression: sum(reduce(sum(query(q) * attribute(visual_vectors), x), max, vector), token)
        }}
    }}
}}
""")


def test_weaviate_gets_a_collection_and_batches_of_objects(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vdr.export, "BATCH_NUMBERS", 3 * DIM)  # the two pages of a.pdf have three vectors
    out = exported(store, "weaviate", tmp_path / "out")
    assert sorted(file.name for file in out.iterdir()) == [
        "collection.json", "objects-000000.json", "objects-000001.json",
    ]  # fmt: skip
    objects = json.loads((out / "objects-000000.json").read_text())["objects"]
    assert [one["properties"]["key"] for one in objects] == ["a.pdf:1", "a.pdf:2"]
    assert objects[1] == {
        "class": "VdrUnit",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "vdr:a.pdf:2")),
        "properties": METADATA,
        "vectors": {"visual_vectors": near(TWO)},
    }
    collection = json.loads((out / "collection.json").read_text())
    assert collection["class"] == "VdrUnit"
    assert {prop["name"] for prop in collection["properties"]} == set(METADATA)
    assert collection["vectorConfig"]["visual_vectors"] == {
        "vectorizer": {"none": {}},
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {"distance": "dot", "multivector": {"enabled": True, "aggregation": "maxSim"}},
    }


@pytest.mark.parametrize("target", vdr.export.FORMATS)
def test_what_is_there_is_not_overwritten(store: Store, tmp_path: Path, target: vdr.export.Format) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ExportError, match="out exists already"):
        write(records(store), ENCODERS, target, str(tmp_path / "out"))
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("target", vdr.export.FORMATS)
def test_a_failed_export_leaves_nothing(store: Store, tmp_path: Path, target: vdr.export.Format) -> None:
    def broken() -> Iterator[Record]:
        yield from records(store)
        raise RuntimeError("the corpus went away")

    with pytest.raises(RuntimeError, match="went away"):
        write(broken(), ENCODERS, target, str(tmp_path / "out"))
    assert [file.name for file in tmp_path.iterdir()] == ["corpus"]


def test_the_command_exports_and_refuses_an_empty_corpus(store: Store, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vdr.cli", "export", "--format", "parquet", "--out", str(tmp_path / "o.parquet")]
    done = subprocess.run([*command, "--corpus", store.uri], capture_output=True, text=True, check=True)
    assert done.stderr == f"3 pages written to {tmp_path / 'o.parquet'}\n"
    assert parquet.read_table(tmp_path / "o.parquet")["key"].to_pylist() == ["a.pdf:1", "a.pdf:2", "b.pdf:1"]
    empty = subprocess.run([*command, "--corpus", str(tmp_path / "no")], capture_output=True, text=True, check=False)
    assert (empty.returncode, empty.stdout) == (1, "")
    assert "is empty, there is nothing to export" in empty.stderr
