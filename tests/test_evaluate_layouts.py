"""Judged sets in the layouts they come in: BEIR, TREC, and parquet files of the Hugging Face hub."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from vdr import JudgementError
from vdr.evaluate import load_set


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    return tmp_path / "cache" / "sets"


def picture(colour: str, kind: str = "PNG") -> bytes:
    """Return the bytes of an image of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, kind)
    return buffer.getvalue()


def table(file: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as parquet."""
    file.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.Table.from_pylist(rows), file)


def colour_of(file: Path) -> tuple[int, ...]:
    """Return the colour of an image of one colour."""
    with Image.open(file) as image:
        pixel = image.convert("RGB").getpixel((3, 3))
    assert isinstance(pixel, tuple)
    return pixel


def beir(folder: Path, queries: dict[str, str], qrels: list[tuple[str, str, int]]) -> None:
    """Write a set without documents."""
    (folder / "qrels").mkdir(parents=True)
    lines = [json.dumps({"_id": id, "text": text}) for id, text in queries.items()]
    (folder / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    rows = ["query-id\tcorpus-id\tscore", *(f"{query}\t{unit}\t{grade}" for query, unit, grade in qrels)]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows), "utf-8")


def test_a_set_may_have_no_documents(tmp_path: Path) -> None:
    beir(tmp_path, {"a": "one?", "b": "two?"}, [("a", "x.pdf:1", 1), ("b", "x.pdf:2", 0)])
    judged = load_set(tmp_path)
    assert judged.documents == ()
    assert [query.id for query in judged.queries] == ["a"]  # nothing answers b
    assert judged.qrels["b"] == {"x.pdf:2": 0}


def test_queries_that_nothing_answers_are_no_set(tmp_path: Path) -> None:
    beir(tmp_path, {"a": "one?"}, [("a", "x.pdf:1", 0)])
    with pytest.raises(JudgementError, match=r"queries\.jsonl has a judged unit with a score above 0"):
        load_set(tmp_path)


# --- TREC ------------------------------------------------------------------------------------------------


def test_trec_topics(tmp_path: Path) -> None:
    (tmp_path / "topics.051-052.txt").write_text(
        "<top>\n<num> Number: 051\n<title> Topic: Airbus\n subsidies\n<desc> Description:\nWhat?\n</top>\n\n"
        "<top><num>52</num><title>South African sanctions</title></top>\n"
    )
    (tmp_path / "qrels.txt").write_text("51 0 a.pdf:2 2\n51 0 my_file.pdf:1 1\n52 0 a.pdf:1 1\n52 0 a.pdf:3 0\n")
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "pdfs" / "my file.pdf").write_bytes(b"")
    judged = load_set(tmp_path)
    assert judged.documents == (tmp_path / "pdfs",)
    assert [(query.id, query.text) for query in judged.queries] == [
        ("51", "Airbus subsidies"),
        ("52", "South African sanctions"),
    ]
    assert judged.qrels == {"51": {"a.pdf:2": 2, "my file.pdf:1": 1}, "52": {"a.pdf:1": 1, "a.pdf:3": 0}}


def test_trec_queries_as_lines(tmp_path: Path) -> None:
    (tmp_path / "queries.tsv").write_text("7\thow do otters swim\n8\twho flies\n")
    (tmp_path / "dev.qrels").write_text("7 Q0 d1 1\n")
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "Otters"}')
    judged = load_set(tmp_path)
    assert judged.documents == (tmp_path / "corpus.jsonl",)
    assert [(query.id, query.text) for query in judged.queries] == [("7", "how do otters swim")]


def test_a_question_may_hold_signs_that_end_a_line_for_some_readers(tmp_path: Path) -> None:
    trec, beir = tmp_path / "trec", tmp_path / "beir"
    (beir / "qrels").mkdir(parents=True)
    trec.mkdir()
    (trec / "queries.tsv").write_text("7\thow do\u2028otters swim\r\n8\twho\x85flies\n", "utf-8", newline="")
    (trec / "qrels").write_text("7 0 d1 1\n8 0 d1 1\n")
    lines = [json.dumps({"_id": id, "text": f"how do\u2028otters {id}"}, ensure_ascii=False) for id in ("7", "8")]
    (beir / "queries.jsonl").write_text("\n".join(lines), "utf-8")
    (beir / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n7\td1\t1\n8\td1\t1\n")
    assert [query.text for query in load_set(trec).queries] == ["how do\u2028otters swim", "who\x85flies"]
    assert [query.text for query in load_set(beir).queries] == ["how do otters 7", "how do otters 8"]


@pytest.mark.parametrize("name", ["queries.tsv", "qrels"])
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "queries.tsv").write_text("7\tx\n")
    (tmp_path / "qrels").write_text("7 0 d1 1\n")
    (tmp_path / name).write_bytes("7\tM\xfcnchen\n".encode("latin-1"))
    with pytest.raises(JudgementError, match=rf"{name} cannot be read \(.*utf-8"):
        load_set(tmp_path)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"topics.txt": "7 no tab", "qrels": "7 0 d 1"}, "needs <top> blocks, or lines of id, tab and text: 7 no tab"),
        ({"topics.txt": "<top><num>7</top>", "qrels": "7 0 d 1"}, "has a topic without <num> or <title>"),
        ({"topics.txt": "7\tx", "qrels": "7 d 1"}, "qrels needs four columns"),
        ({"topics.txt": "7\tx", "qrels.a": "7 0 d 1", "qrels.b": ""}, r"has both qrels\.a and qrels\.b"),
        ({"topics.txt": "7\tx", "qrels": "8 0 d 1"}, "Check that the ids"),
    ],
)
def test_what_is_no_trec_set_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(JudgementError, match=message):
        load_set(tmp_path)


# --- parquet ---------------------------------------------------------------------------------------------


def write_vidore(folder: Path, dash: str, *, paths: dict[str, str]) -> None:
    """Write ViDoRe v2 (`dash` "-") or v3 (`_`), each part in the file that `paths` says."""
    images = [picture("red"), picture("lime", "JPEG"), picture("blue", "BMP")]
    query, unit = f"query{dash}id", f"corpus{dash}id"
    pages = [{unit: number, "image": {"bytes": data, "path": None}} for number, data in enumerate(images)]
    table(folder / paths["corpus"], pages)
    queries = [
        {query: 0, "query": "What is red?", "language": "english", "query_types": ["open", "boolean"]},
        {query: 1, "query": "What is blue?", "language": "english", "query_types": ["open"]},
    ]
    table(folder / paths["queries"], queries)
    qrels = [{query: 0, unit: 0, "score": 1}, {query: 0, unit: 0, "score": 2}, {query: 1, unit: 2, "score": 1}]
    table(folder / paths["qrels"], qrels)


@pytest.mark.parametrize(
    ("dash", "place"),
    [("-", "{}/test-00000-of-00001.parquet"), ("_", "data/{}-00000-of-00001.parquet"), ("-", "{}.parquet")],
)
def test_vidore_of_three_tables(tmp_path: Path, cache: Path, dash: str, place: str) -> None:
    folder = tmp_path / "esg_reports_v2"
    write_vidore(folder, dash, paths={part: place.format(part) for part in ("corpus", "queries", "qrels")})
    judged = load_set(folder)
    assert [(query.id, query.text) for query in judged.queries] == [("0", "What is red?"), ("1", "What is blue?")]
    assert judged.queries[0].metadata == {"language": "english", "query_types": ["open", "boolean"]}
    assert judged.qrels == {"0": {"0.png:1": 2}, "1": {"2.png:1": 1}}
    (pages,) = judged.documents
    assert pages.parent == cache
    assert sorted(path.name for path in pages.iterdir()) == ["0.png", "1.jpg", "2.png"]
    assert (pages / "0.png").read_bytes() == picture("red")
    assert colour_of(pages / "2.png") == (0, 0, 255)  # a BMP, which vdr does not read, became a PNG


def test_only_the_test_split_is_read(tmp_path: Path) -> None:
    parts = {part: f"{part}/test-00000-of-00001.parquet" for part in ("corpus", "queries", "qrels")}
    write_vidore(tmp_path / "s", "-", paths=parts)
    table(tmp_path / "s" / "queries" / "train-00000-of-00001.parquet", [{"query-id": 9, "query": "train?"}])
    assert [query.id for query in load_set(tmp_path / "s").queries] == ["0", "1"]


def test_pages_are_written_once_and_anew_for_other_files(tmp_path: Path, cache: Path) -> None:
    parts = {part: f"{part}/test-0.parquet" for part in ("corpus", "queries", "qrels")}
    write_vidore(tmp_path / "s", "-", paths=parts)
    (first,) = load_set(tmp_path / "s").documents
    (first / "0.png").write_bytes(b"kept")
    assert load_set(tmp_path / "s").documents == (first,)
    assert (first / "0.png").read_bytes() == b"kept"
    pages = [{"corpus-id": number, "image": {"bytes": picture("white"), "path": None}} for number in range(4)]
    table(tmp_path / "s" / "corpus" / "test-0.parquet", pages)
    (second,) = load_set(tmp_path / "s").documents
    assert second != first
    assert len(list(second.iterdir())) == 4
    assert sorted(path.name for path in cache.iterdir()) == sorted([first.name, second.name])


def test_vidore_of_one_table(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"query": "What is red?", "image": {"bytes": picture("red"), "path": "x"}, "image_filename": "images/a 1.jpg"},
        {"query": None, "image": {"bytes": picture("lime"), "path": "x"}, "image_filename": "b.png"},
        {"query": "What is red?", "image": {"bytes": picture("blue"), "path": "x"}, "image_filename": "c.png"},
        {"query": "And again?", "image": {"bytes": picture("red"), "path": "x"}, "image_filename": "images/a 1.jpg"},
    ]
    table(tmp_path / "arxivqa" / "data" / "test-00000-of-00001.parquet", rows)
    judged = load_set(tmp_path / "arxivqa")
    assert [(query.id, query.text) for query in judged.queries] == [("q1", "What is red?"), ("q2", "And again?")]
    (pages,) = judged.documents
    assert len(list(pages.iterdir())) == 3
    red = "images_a_1.jpg-053a6f01.png:1"
    assert colour_of(pages / red.removesuffix(":1")) == (255, 0, 0)
    assert judged.qrels == {"q1": {red: 1, "c.png.png:1": 1}, "q2": {red: 1}}


def test_a_text_set_becomes_records(tmp_path: Path) -> None:
    table(tmp_path / "s/corpus/test.parquet", [{"_id": "d1", "title": "Otters", "text": "They swim."}])
    table(tmp_path / "s/queries/test.parquet", [{"_id": "q1", "text": "Who swims?"}])
    table(tmp_path / "s/qrels/test.parquet", [{"query-id": "q1", "corpus-id": "d1", "score": 1}])
    judged = load_set(tmp_path / "s")
    assert judged.qrels == {"q1": {"d1": 1}}
    (file,) = judged.documents
    assert json.loads(file.read_text()) == {"_id": "d1", "title": "Otters", "text": "They swim."}


def test_subsets_are_named_by_path(tmp_path: Path) -> None:
    for language in ("english", "french"):
        paths = {part: f"{language}-{part}/test-0.parquet" for part in ("corpus", "queries", "qrels")}
        write_vidore(tmp_path / "v3", "-", paths=paths)
    with pytest.raises(JudgementError, match=r"has the subsets english, french\. Name one of them: .*english"):
        load_set(tmp_path / "v3")
    assert len(load_set(tmp_path / "v3" / "french").queries) == 2


@pytest.mark.parametrize(
    ("file", "rows", "message"),
    [
        ("queries/test.parquet", [{"query": "x"}], "has no column query-id or query_id or _id or id. It has query."),
        ("qrels/test.parquet", None, "has no parquet file of qrels"),
        ("corpus/test.parquet", [{"corpus-id": 0, "image": {"bytes": b"x", "path": ""}}], "the image of 0 cannot be"),
        ("corpus/test.parquet", [{"corpus-id": 0, "image": {"bytes": None, "path": "no"}}], "has no image of 0"),
        ("corpus/test.parquet", [{"corpus-id": 0}], "has no column text"),
    ],
)
def test_what_is_no_parquet_set_is_refused(
    tmp_path: Path, cache: Path, file: str, rows: list[dict[str, Any]] | None, message: str
) -> None:
    parts = {part: f"{part}/test.parquet" for part in ("corpus", "queries", "qrels")}
    write_vidore(tmp_path / "s", "-", paths=parts)
    (tmp_path / "s" / file).unlink()
    if rows:
        table(tmp_path / "s" / file, rows)
    with pytest.raises(JudgementError, match=message):
        load_set(tmp_path / "s")
    assert not cache.exists() or list(cache.iterdir()) == []  # nothing half-written is left


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "test.parquet").write_bytes(b"no parquet")
    with pytest.raises(JudgementError, match=r"test\.parquet is not a parquet file\. Download it again\."):
        load_set(tmp_path)
