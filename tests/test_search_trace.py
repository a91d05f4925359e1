"""How a search went: its trace, its deadline, its log."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from toy_encoder import ToyEncoder, add

from vdr import Corpus, QueryError, pipeline, search_log
from vdr.encode import load_page_encoder, load_text_encoder
from vdr.pipeline import Request
from vdr.search_log import Latency, SearchLog
from vdr.store import Store
from vdr.types import Channel, Hit, QueryVectors, SearchResult, Skip, Stage, Trace, Unit
from vdr.watch import Watch

QUERY = "When is descaling with vinegar allowed?"


class ByLength:
    """A reranker that likes long pages, at once or when it is let."""

    name, reads_images = "by-length", False

    def __init__(self, wait: Callable[[], object] = lambda: None) -> None:
        self.wait = wait

    def score(self, query: str, units: Sequence[Unit]) -> list[float | None]:
        self.wait()
        return [float(len(unit.text)) if unit.text else None for unit in units]


class Waiting:
    """The embedded text encoder, whose queries wait until they are let."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._inner, self._wait = load_text_encoder("minilm"), wait
        self.name, self.dim, self.fingerprint = self._inner.name, self._inner.dim, self._inner.fingerprint
        self.encode_texts = self._inner.encode_texts

    def encode_query(self, text: str) -> QueryVectors:
        self._wait()
        return self._inner.encode_query(text)


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """What is waited for in vain until the test is over."""
    event = threading.Event()
    yield event
    event.set()


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


# --- the trace -------------------------------------------------------------------------------------------


def test_a_result_is_a_list_of_hits_that_tells_what_was_done(sample_corpus: Corpus) -> None:
    hits = sample_corpus.search(QUERY, 3, mode="hybrid")
    assert isinstance(hits, list) and hits == list(hits) and hits != hits[:2]
    assert [type(hit) for hit in hits] == [Hit] * 3
    stages = {stage.name: stage for stage in hits.trace.stages}
    encoded = ["encode visual", "visual", "encode dense", "dense", "encode text", "text"]
    assert list(stages) == ["bm25", *encoded, "fuse", "read"]
    assert [stages[name].pages for name in ("visual", "dense", "text", "read")] == [53, 53, 53, 3]
    assert 0 < stages["bm25"].pages <= 53
    assert all(stage.milliseconds >= 0 for stage in hits.trace.stages)
    assert hits.trace.milliseconds >= sum(stage.milliseconds for stage in hits.trace.stages)
    assert (hits.trace.skipped, hits.trace.moves, hits.trace.deadline) == ((), (), None)
    assert sample_corpus.search(QUERY, 3, mode="hybrid") == hits


def test_a_trace_reads_as_one_line() -> None:
    trace = Trace((Stage("bm25", 1.2, 1_234),), (Skip("rerank", "the deadline of 1 s had passed"),), (), 2.6, 1.0)
    assert str(trace) == "3 ms; bm25 1 ms (1,234 pages); rerank left out: the deadline of 1 s had passed"


def test_a_reranker_with_nothing_to_read_is_told_of(tmp_path: Path) -> None:
    add(Store(str(tmp_path / "c")), "scan.pdf", [np.eye(2, 16, dtype=np.float32), np.eye(3, 16, dtype=np.float32)])
    corpus = Corpus(tmp_path / "c", encoder=ToyEncoder())
    plain = corpus.search("1,0,2", 3, mode="visual")
    hits = corpus.search("1,0,2", 3, mode="visual", rerank=ByLength())
    assert len(plain) == 2 and hits == plain
    (skip,) = hits.trace.skipped
    assert skip.name == "rerank"
    assert skip.reason == "none of the 2 best pages has anything that the reranker reads"


# --- the deadline ----------------------------------------------------------------------------------------


def run(store: Store, deadline: float, takes: dict[str, float], channels: tuple[str, ...]) -> SearchResult:
    """Search with a clock on which encoding takes so many seconds, and reranking none."""
    clock = Clock()
    encoders = {"visual": load_page_encoder("vdr-mini"), "text": load_text_encoder("minilm")}

    def encode_query(channel: Channel, query: str) -> QueryVectors:
        clock.now += takes[channel]
        return encoders[channel].encode_query(query)

    asked = Request(QUERY, 5, channels, deadline=deadline)
    return pipeline.run(store, asked, encode_query, lambda: ByLength(), Watch(deadline, clock))


ALL = ("visual", "text", "bm25")


@pytest.mark.parametrize(
    ("takes", "channels", "dropped"),
    [
        ({"visual": 600, "text": 300}, ALL, []),
        ({"visual": 600, "text": 500}, ALL, ["text", "rerank"]),  # text was encoded too late to be scored
        ({"visual": 1_100, "text": 1}, ALL, ["text", "rerank"]),
        ({"text": 999}, ("text",), []),
        ({"text": 1_100}, ("text",), ["rerank"]),  # the only channel is not dropped
        ({"text": 1_100}, ("text", "bm25"), ["text", "rerank"]),
        ({"visual": 1_100}, ("visual", "bm25"), ["rerank"]),
    ],
)
def test_late_searches_drop_the_reranker_and_the_text_channel(
    sample_corpus: Corpus, takes: dict[str, float], channels: tuple[str, ...], dropped: list[str]
) -> None:
    store = Store(sample_corpus.path)
    result = run(store, 1_000.0, takes, channels)
    assert [skip.name for skip in result.trace.skipped] == dropped
    assert all(skip.reason == "the deadline of 1000 s had passed" for skip in result.trace.skipped)
    assert result.trace.deadline == 1_000.0
    left = tuple(channel for channel in channels if channel not in dropped)
    rerank = None if "rerank" in dropped else lambda: ByLength()
    encoders = {"visual": load_page_encoder("vdr-mini"), "text": load_text_encoder("minilm")}
    expected = pipeline.run(
        store, Request(QUERY, 5, left), lambda channel, query: encoders[channel].encode_query(query), rerank
    )
    assert result == expected and len(result) == 5


def test_a_reranker_that_hangs_is_left_behind(sample_corpus: Corpus, held: threading.Event) -> None:
    plain = sample_corpus.search(QUERY, mode="bm25")
    hits = sample_corpus.search(QUERY, mode="bm25", rerank=ByLength(held.wait), deadline=0.5)
    assert hits == plain
    (skip,) = hits.trace.skipped
    assert skip.name == "rerank" and "deadline of 0.5 s" in skip.reason


def test_a_text_encoder_that_hangs_is_left_behind(sample_corpus_folder: Path, held: threading.Event) -> None:
    corpus = Corpus(sample_corpus_folder, text_encoder=Waiting(held.wait))
    hits = corpus.search(QUERY, rerank=ByLength(), deadline=0.5)
    assert [skip.name for skip in hits.trace.skipped] == ["text", "rerank"]
    assert hits == Corpus(sample_corpus_folder, text_encoder="none").search(QUERY)


def test_with_time_enough_a_deadline_changes_nothing(sample_corpus: Corpus) -> None:
    plain = sample_corpus.search(QUERY, rerank=ByLength())
    timed = sample_corpus.search(QUERY, rerank=ByLength(), deadline=600)
    assert timed == plain and timed.trace.skipped == ()
    assert [stage.name for stage in timed.trace.stages] == [stage.name for stage in plain.trace.stages]


def test_errors_of_what_may_be_dropped_are_raised_all_the_same(sample_corpus: Corpus) -> None:
    def fail() -> None:
        raise QueryError("no")

    with pytest.raises(QueryError, match=r"^no$"):
        sample_corpus.search(QUERY, mode="bm25", rerank=ByLength(fail), deadline=600)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"deadline": 0}, "The deadline is 0 s; give the search some time"),
        ({"deadline": float("nan")}, "The deadline is nan s"),
        ({"rerank_top": 0}, "rerank_top is 0; ask for at least one page"),
        ({"candidates": "bm25", "candidates_top": 0}, "candidates_top is 0; ask for at least one page"),
    ],
)
def test_unclear_settings_get_clear_answers(sample_corpus: Corpus, options: dict[str, object], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        sample_corpus.search("a", **options)  # type: ignore[arg-type]


# --- the log ---------------------------------------------------------------------------------------------


def entries(file: Path) -> list[dict[str, object]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_each_search_is_a_line_of_the_log(sample_corpus_folder: Path, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "search.jsonl"
    corpus = Corpus(sample_corpus_folder, log=log)
    hits = corpus.search(
        QUERY, 3, candidates="bm25", rerank=ByLength(), rerank_top=4, docs="espresso-machine-manual.pdf"
    )
    corpus.search("naïve \n größer", 1, mode="bm25")
    first, second = entries(log)
    assert first.pop("at") and first.pop("milliseconds") == round(hits.trace.milliseconds, 3)
    encoders = first.pop("encoders")
    assert (
        isinstance(encoders, dict)
        and encoders["text"].startswith("minilm ")
        and set(encoders) == {"visual", "text", "dense"}
    )
    assert [stage["name"] for stage in first.pop("stages")] == [stage.name for stage in hits.trace.stages]  # type: ignore[attr-defined]
    assert [(move["key"], move["after"]) for move in first.pop("moves")] == [  # type: ignore[attr-defined]
        (move.key, move.after) for move in hits.trace.moves
    ]
    assert first == {
        "query": QUERY,
        "corpus": str(sample_corpus_folder),
        "mode": "auto",
        "k": 3,
        "channels": ["visual", "text", "dense", "bm25"],
        "exact": False,
        "documents": 1,
        "candidates": "bm25",
        "candidates_top": 200,
        "rerank": "by-length",
        "rerank_top": 4,
        "skipped": [],
        "hits": [{"key": hit.key, "score": hit.score, "channels": dict(hit.channels)} for hit in hits],
    }
    assert second["query"] == "naïve \n größer"
    assert "rerank" not in second and "candidates" not in second


def test_nothing_is_logged_unless_a_file_is_named(
    sample_corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "search.jsonl"
    monkeypatch.setenv("VDR_SEARCH_LOG", str(log))
    Corpus(sample_corpus_folder, log="").search("one", mode="bm25")
    assert not log.exists()
    Corpus(sample_corpus_folder).search("two", mode="bm25")
    assert [entry["query"] for entry in entries(log)] == ["two"]
    monkeypatch.delenv("VDR_SEARCH_LOG")
    Corpus(sample_corpus_folder).search("three", mode="bm25")
    assert len(entries(log)) == 1


def test_a_redacted_log_holds_no_question(
    sample_corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VDR_SEARCH_LOG_QUERIES", "redacted")
    log = tmp_path / "search.jsonl"
    Corpus(sample_corpus_folder, log=log).search("my secret question", mode="bm25")
    (entry,) = entries(log)
    assert "query" not in entry and "secret" not in log.read_text()
    assert entry["query_sha256"] == "9b50e7b5f9cf341b96d35d818b7ab539493ba11dcbbd16d03e16bb2eb35c198d"
    monkeypatch.setenv("VDR_SEARCH_LOG_QUERIES", "some")
    with pytest.raises(QueryError, match="VDR_SEARCH_LOG_QUERIES is 'some'; it is plain or redacted"):
        Corpus(sample_corpus_folder, log=log)


def fill(path: Path, name: str, count: int) -> None:
    """Write so many lines to a log whose files are small."""
    search_log.MAX_BYTES = 20_000
    for number in range(count):
        SearchLog(path).write(f"{name}{number}", {"corpus": "c"}, SearchResult((), Trace(milliseconds=1.0)))


def test_several_processes_write_to_a_log_that_is_turned_over(tmp_path: Path) -> None:
    path = tmp_path / "search.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=fill, args=(path, name, 150)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(120)
        assert writer.exitcode == 0
    written = [entry["query"] for entry in SearchLog(path).entries()]
    for name in "ab":
        assert [query for query in written if query[0] == name] == [f"{name}{number}" for number in range(150)]
    files = sorted(file.name for file in tmp_path.iterdir() if file.suffix != ".lock")
    assert files == ["search.jsonl", "search.jsonl.1", "search.jsonl.2"]
    assert all((tmp_path / file).stat().st_size <= 20_000 for file in files)
    fill(path, "c", 600)
    assert len(list(SearchLog(path).entries())) < 900  # the oldest are gone
    assert sum(1 for file in tmp_path.iterdir() if file.suffix != ".lock") == 1 + search_log.KEPT


def test_info_tells_the_percentiles_of_the_log(sample_corpus_folder: Path, tmp_path: Path) -> None:
    log = SearchLog(tmp_path / "search.jsonl")
    for number in range(1, 101):
        trace = Trace((Stage("bm25", number / 10, 1),), milliseconds=float(number))
        log.write("q", {"corpus": str(sample_corpus_folder)}, SearchResult((), trace))
    log.write("q", {"corpus": "another"}, SearchResult((), Trace(milliseconds=1e9)))
    with log.path.open("a") as file:
        file.write('{"cut o')
    latency = Corpus(sample_corpus_folder, log=log.path).info().latency
    assert set(latency) == {"total", "bm25"}
    assert latency["total"] == Latency(100, 50.5, pytest.approx(95.05), pytest.approx(99.01))  # type: ignore[arg-type]
    assert latency["bm25"].p50 == pytest.approx(5.05)
    assert Corpus(sample_corpus_folder, log="").info().latency == {}


def test_a_log_that_cannot_be_written_is_a_warning(
    sample_corpus_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    hits = Corpus(sample_corpus_folder, log=tmp_path / "file" / "search.jsonl").search(QUERY, mode="bm25")
    assert len(hits) == 5
    assert "search.jsonl cannot be written" in caplog.text
