"""Reranking: what becomes of a ranking, cross-encoders as a user names them, hosted rerankers over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_rerankers
from stub_service import Answer, Asked, serving
from toy_encoder import ToyEncoder, add

from vdr import Corpus
from vdr.encode.devices import best_device, best_dtype
from vdr.errors import EncoderError, QueryError, ServiceError
from vdr.rerank import budget, load_reranker, moved
from vdr.store import Store
from vdr.types import Move, Unit

CLOSE = 0.02
"""Scores between 0 and 1 differ by this at most: in bfloat16, what else is in a batch tells."""
QUERY = "When is descaling with vinegar allowed?"


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The folder of a tiny cross-encoder."""
    return str(tiny_rerankers.bert(tmp_path_factory.mktemp("rerankers") / "tiny"))


@pytest.fixture(autouse=True)
def own_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Count calls in the test's own file."""
    file = tmp_path / "state" / "reranking.json"
    monkeypatch.setattr(budget, "budget_file", lambda: file)
    return file


def reference(folder: str) -> Any:
    """Return a model as sentence-transformers loads it, in the type that vdr would choose."""
    from sentence_transformers import CrossEncoder

    return CrossEncoder(folder, model_kwargs={"dtype": best_dtype(best_device())})


# --- the ranking -----------------------------------------------------------------------------------------


def test_pages_without_a_score_keep_their_rank_and_the_rest_is_sorted_around_them() -> None:
    ranking = [("scan1", 5.0), ("a", 4.0), ("b", 3.0), ("scan2", 2.0), ("c", 1.0), ("beyond", 0.5)]
    after, moves = moved(ranking, 5, {"a": 0.1, "b": 0.9, "c": 0.5})
    assert [key for key, _ in after] == ["scan1", "b", "c", "scan2", "a", "beyond"]
    assert [score for _, score in after] == [5.0, 4.0, 3.0, 2.0, 1.0, 0.5]
    assert moves == (
        Move("scan1", 1, 1, None), Move("a", 2, 5, 0.1), Move("b", 3, 2, 0.9), Move("scan2", 4, 4, None),
        Move("c", 5, 3, 0.5),
    )  # fmt: skip


def test_equal_scores_are_sorted_by_key_and_the_scores_of_places_fall_strictly() -> None:
    after, _ = moved([("c", 1.0), ("b", 1.0), ("a", 1.0)], 3, {"a": 2.0, "b": 2.0, "c": 7.0})
    assert [key for key, _ in after] == ["c", "a", "b"]
    first, second, third = (score for _, score in after)
    assert 1.0 == first > second > third > 0.999


# --- cross-encoders --------------------------------------------------------------------------------------


def test_scores_are_those_of_the_cross_encoder_itself(reranker: str) -> None:
    texts = ["Vinegar attacks the gaskets.", "", "  \n", "The committee meets on Monday. " * 8]
    scores = load_reranker(reranker).score(QUERY, [Unit(1, text) for text in texts])
    expected = reference(reranker).predict([(QUERY, texts[0]), (QUERY, texts[3])], show_progress_bar=False)
    assert scores[1:3] == [None, None]
    assert [scores[0], scores[3]] == pytest.approx(expected.tolist(), abs=CLOSE)
    assert abs(expected[0] - expected[1]) > 2 * CLOSE


def test_a_long_page_counts_for_its_best_window_and_nothing_is_cut_off(tmp_path: Path) -> None:
    short = load_reranker(str(tiny_rerankers.bert(tmp_path / "short", length=64)))
    words = [f"word{number}" for number in range(150)]
    found: list[str] = []
    predict = short._model.predict  # type: ignore[attr-defined]

    def seen(pairs: list[tuple[str, str]], **options: Any) -> Any:
        found.extend(text for _, text in pairs)
        return predict(pairs, **options)

    short._model.predict = seen  # type: ignore[attr-defined]
    (score,) = short.score("two words", [Unit(1, " ".join(words))])
    assert len(found) > 3
    assert {word for text in found for word in text.split()} == set(words)
    lengths = [len(short._model.preprocess([["two words", text]])["input_ids"][0]) for text in found]  # type: ignore[attr-defined]
    assert max(lengths) <= 64
    assert score == pytest.approx(float(np.max(predict([("two words", text) for text in found]))), abs=CLOSE)


def test_what_is_no_reranker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"lacks 2 of a cross-encoder's weights, as classifier\.bias: it is no"):
        load_reranker(str(tiny_rerankers.headless(tmp_path / "headless")))
    with pytest.raises(EncoderError, match="sorts pairs of texts into 3 classes"):
        load_reranker(str(tiny_rerankers.bert(tmp_path / "nli", labels=3)))
    (tmp_path / "llm").mkdir()
    (tmp_path / "llm" / "config.json").write_text(json.dumps({"architectures": ["Qwen3ForCausalLM"]}))
    with pytest.raises(EncoderError, match="llm answers in words, and nothing in its folder says which of them"):
        load_reranker(str(tmp_path / "llm"))
    with pytest.raises(EncoderError, match="No model nowhere: it is not a folder"):
        load_reranker("nowhere")


def test_code_of_a_checkpoint_runs_only_if_the_user_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, marker = tiny_rerankers.bert(tmp_path / "own"), tmp_path / "ran"
    (folder / "modeling_own.py").write_text(
        "from pathlib import Path\nfrom transformers import BertConfig, BertForSequenceClassification\n"
        f"Path({str(marker)!r}).touch()\n"
        "class OwnConfig(BertConfig): model_type = 'own'\n"
        "class OwnModel(BertForSequenceClassification): config_class = OwnConfig\n"
    )
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "own"}
    config["auto_map"] = {
        "AutoConfig": "modeling_own.OwnConfig",
        "AutoModelForSequenceClassification": "modeling_own.OwnModel",
    }
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match=r"brings program code of its own .*VDR_TRUST_REMOTE_CODE=1"):
        load_reranker(str(folder))
    assert not marker.exists()
    monkeypatch.setenv("VDR_TRUST_REMOTE_CODE", "1")
    (score,) = load_reranker(str(folder)).score("a", [Unit(1, "b")])
    assert marker.exists() and isinstance(score, float)


def test_a_visual_reranker_is_shown_the_pictures_of_pages(sample_corpus: Corpus, tmp_path: Path) -> None:
    folder = str(tiny_rerankers.visual(tmp_path / "visual"))
    (scan,) = (document for document in sample_corpus.documents() if document.image_only == document.pages)
    plain = sample_corpus.search("the meeting", 5, mode="visual", docs=scan.name)
    hits = sample_corpus.search("the meeting", 5, mode="visual", docs=scan.name, rerank=folder)
    model = reference(folder)
    pictures = [sample_corpus.page_image(hit.key).convert("RGB") for hit in plain]
    expected = model.predict([("the meeting", picture) for picture in pictures], show_progress_bar=False).tolist()
    told = {hit.key: score for hit, score in zip(plain, expected, strict=True)}
    assert {hit.key: hit.channels["rerank"] for hit in hits} == pytest.approx(told, abs=CLOSE)
    assert max(expected) - min(expected) > 1e-3
    assert hits.trace.skipped == ()
    (passage, nothing) = load_reranker(folder).score("the meeting", [Unit(1, "net revenue"), Unit(2, "")])
    assert passage == pytest.approx(model.predict(("the meeting", "net revenue")), abs=CLOSE)
    assert nothing is None


# --- in a search -----------------------------------------------------------------------------------------


def test_a_search_puts_the_best_pages_in_the_order_of_the_reranker(sample_corpus: Corpus, reranker: str) -> None:
    plain = sample_corpus.search(QUERY, 10, mode="text")
    hits = sample_corpus.search(QUERY, 10, mode="text", rerank=reranker, rerank_top=6)
    scores = reference(reranker).predict(
        [(QUERY, sample_corpus.text(hit.key)) for hit in plain[:6]], show_progress_bar=False
    )
    told = {hit.key: score for hit, score in zip(plain, scores.tolist(), strict=False)}
    assert {hit.key: hit.channels["rerank"] for hit in hits[:6]} == pytest.approx(told, abs=CLOSE)
    assert [hit.channels["rerank"] for hit in hits[:6]] == sorted(
        (hit.channels["rerank"] for hit in hits[:6]), reverse=True
    )
    assert [hit.key for hit in hits[6:]] == [hit.key for hit in plain[6:]]
    assert all("rerank" not in hit.channels for hit in hits[6:])
    assert [hit.rank for hit in hits] == list(range(1, 11))
    assert [hit.score for hit in hits] == pytest.approx([hit.score for hit in plain])
    ranks = {hit.key: hit.rank for hit in plain}
    assert {(move.key, move.before) for move in hits.trace.moves} == {(hit.key, ranks[hit.key]) for hit in hits[:6]}
    stage = hits.trace.stages[-1]
    assert (stage.name, stage.pages) == ("rerank", 6)
    assert [hit.key for hit in sample_corpus.search(QUERY, 2, mode="text", rerank=reranker, rerank_top=6)] == [
        hit.key for hit in hits[:2]
    ]


def test_pages_without_text_keep_their_rank_in_a_search(tmp_path: Path, reranker: str) -> None:
    store = Store(str(tmp_path / "c"))
    rng = np.random.default_rng(2)
    for number in range(8):
        text = "" if number % 2 else f"notice {number} of a meeting"
        add(store, f"{number}.pdf", [rng.normal(size=(3, 16)).astype(np.float32)], text=text)
    corpus = Corpus(tmp_path / "c", encoder=ToyEncoder())
    plain = corpus.search("1,0,2", 8, mode="visual")
    hits = corpus.search("1,0,2", 8, mode="visual", rerank=reranker, rerank_top=8)
    pictures = [hit for hit in plain if not corpus.text(hit.key)]
    assert len(pictures) == 4
    ranks = {hit.key: hit.rank for hit in hits}
    assert [ranks[hit.key] for hit in pictures] == [hit.rank for hit in pictures]
    assert [hit.key for hit in hits] != [hit.key for hit in plain]


def test_a_reranker_can_be_the_corpus_own_or_the_environments(
    sample_corpus_folder: Path, reranker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = Corpus(sample_corpus_folder, rerank=reranker)
    assert "rerank" in given.search(QUERY, 1, mode="bm25")[0].channels
    assert "rerank" not in given.search(QUERY, 1, mode="bm25", rerank="none")[0].channels
    monkeypatch.setenv("VDR_RERANK", reranker)
    assert "rerank" in Corpus(sample_corpus_folder).search(QUERY, 1, mode="bm25")[0].channels
    assert "rerank" not in Corpus(sample_corpus_folder, rerank="none").search(QUERY, 1, mode="bm25")[0].channels


def test_three_stages_are_settings_of_one_search(sample_corpus: Corpus, reranker: str) -> None:
    first = [hit.key for hit in sample_corpus.search(QUERY, 5, mode="bm25")]
    second = {hit.key: hit.score for hit in sample_corpus.search(QUERY, 100, mode="text") if hit.key in first}
    assert len(first) == len(second) == 5 < len(sample_corpus.search(QUERY, 12, mode="bm25"))
    two = sample_corpus.search(QUERY, 5, mode="text", candidates="bm25", candidates_top=5)
    assert [hit.key for hit in two] == sorted(second, key=lambda key: (-second[key], key))
    assert [hit.score for hit in two] == pytest.approx([second[hit.key] for hit in two], rel=1e-5)
    assert all(set(hit.channels) == {"text", "bm25"} for hit in two)
    assert [(stage.name, stage.pages) for stage in two.trace.stages][-2:] == [("text", 5), ("read", 5)]
    three = sample_corpus.search(
        QUERY, 3, mode="visual", candidates="text", candidates_top=8, rerank=reranker, rerank_top=4
    )
    eight = {hit.key for hit in sample_corpus.search(QUERY, 8, mode="text")}
    visual = [hit.key for hit in sample_corpus.search(QUERY, 100, mode="visual") if hit.key in eight]
    assert {hit.key for hit in three} <= set(visual[:4])
    assert [move.key for move in three.trace.moves] == visual[:4]
    assert [stage.name for stage in three.trace.stages] == [
        "encode text", "text", "encode visual", "visual", "read", "rerank",
    ]  # fmt: skip


def test_candidates_bound_a_hybrid_search_too(sample_corpus: Corpus) -> None:
    first = {hit.key for hit in sample_corpus.search(QUERY, 4, mode="bm25")}
    few = sample_corpus.search(QUERY, 4, mode="hybrid", candidates="bm25", candidates_top=4)
    assert {hit.key for hit in few} == first
    assert all(set(hit.channels) == {"visual", "text", "dense", "bm25"} for hit in few)
    assert len(sample_corpus.search(QUERY, 6, candidates="bm25", candidates_top=1)) == 6  # as many as are asked for
    with pytest.raises(QueryError, match=r"There is no channel 'hybrid'\. There are visual, text, dense, bm25\."):
        sample_corpus.search(QUERY, candidates="hybrid")


# --- hosted ----------------------------------------------------------------------------------------------


def by_length(asked: Asked) -> Answer:
    """Answer as all three services do, best first: the longer a text, the better; 0 to 1."""
    texts = asked.body["documents"]
    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    results = [{"index": index, "relevance_score": len(texts[index]) / 100_000} for index in order]
    return Answer({"results": results, "data": results, "model": asked.body["model"]})


@pytest.mark.parametrize(
    ("name", "variable", "fields"),
    [
        ("cohere:rerank-v3.5", "COHERE_API_KEY", {}),
        ("voyage:rerank-2.5", "VOYAGE_API_KEY", {"truncation": True}),
        ("jina:jina-reranker-v2-base-multilingual", "JINA_API_KEY", {"return_documents": False}),
    ],
)
def test_hosted_rerankers_are_asked_in_their_own_words(
    name: str, variable: str, fields: dict[str, object], sample_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "sk-secret")
    with serving(by_length) as stub:
        monkeypatch.setenv("VDR_RERANK_URL", f"{stub.url}/rerank")
        hits = sample_corpus.search(QUERY, 5, mode="bm25", rerank=name, rerank_top=5)
    plain = sample_corpus.search(QUERY, 5, mode="bm25")
    texts = {hit.key: sample_corpus.text(hit.key) for hit in plain}
    (asked,) = stub.asked
    assert (asked.path, asked.headers["authorization"]) == ("/rerank", "Bearer sk-secret")
    documents = [texts[hit.key] for hit in plain]
    assert asked.body == {"model": name.partition(":")[2], "query": QUERY, "documents": documents, **fields}
    assert [hit.key for hit in hits] == sorted(texts, key=lambda key: (-len(texts[key]), key))
    assert [hit.channels["rerank"] for hit in hits] == [len(texts[hit.key]) / 100_000 for hit in hits]


def test_pages_without_text_are_not_sent(own_budget: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(by_length) as stub:
        monkeypatch.setenv("VDR_RERANK_URL", stub.url)
        jina = load_reranker("jina:m")
        scores = jina.score("q", [Unit(1, ""), Unit(2, "abc"), Unit(3, " "), Unit(4, "abcdef")])
        assert scores == [None, 3 / 100_000, None, 6 / 100_000]
        assert jina.score("q", [Unit(1, "")]) == [None]
    assert [asked.body["documents"] for asked in stub.asked] == [["abc", "abcdef"]]
    assert json.loads(own_budget.read_text())["calls"] == 1
    assert "authorization" not in stub.asked[0].headers  # a server of one's own may need no key


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"message": "invalid api token"}, 401), r"refuses the key, HTTP 401 \(invalid api token\)"),
        (Answer({"ranking": []}), "answered with something that holds no scores"),
        (Answer([1]), "answered with something that holds no scores"),
        (Answer({"results": [{"index": 7, "relevance_score": 1}]}), "answered with something that holds no scores"),
        (Answer(b'{"results": [{"index": 0, "relevance_score": NaN}]}'), "answered with something that holds no sco"),
        (Answer({"results": [{"index": 0, "relevance_score": 1}]}), "left out scores of some of the 2 pages"),
    ],
)
def test_a_hosted_reranker_that_gives_no_scores_says_so(
    answer: Answer, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving([answer]) as stub:
        monkeypatch.setenv("VDR_RERANK_URL", stub.url)
        with pytest.raises(ServiceError, match=rf"^The reranker cohere:m .*{message}"):
            load_reranker("cohere:m").score("q", [Unit(1, "a"), Unit(2, "b")])


def test_a_hosted_reranker_needs_a_model_and_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COHERE_API_KEY", raising=False)
    with pytest.raises(ServiceError, match=r"The reranker cohere:rerank-v3\.5 needs a key\. Set COHERE_API_KEY"):
        load_reranker("cohere:rerank-v3.5")
    with pytest.raises(ServiceError, match=r"voyage: names no model\. Name one, as voyage:rerank-2\.5\."):
        load_reranker("voyage:")


# --- the budget ------------------------------------------------------------------------------------------


def test_the_budget_of_a_day_is_kept_across_processes_and_ends_with_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VDR_RERANK_BUDGET", "2")
    file = tmp_path / "calls.json"
    assert [budget.spend(file, "2026-11-21"), budget.spend(file, "2026-11-21")] == [1, 2]
    with pytest.raises(ServiceError, match=r"Today's budget of 2 calls .* is spent .*VDR_RERANK_BUDGET"):
        budget.spend(file, "2026-11-21")
    assert budget.spend(file, "2026-11-22") == 1
    assert json.loads(file.read_text()) == {"date": "2026-11-22", "calls": 1}
    file.write_text("damaged")
    assert budget.spend(file, "2026-11-22") == 1


def test_a_spent_budget_stops_a_search_before_anything_is_sent(
    sample_corpus: Corpus, own_budget: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_budget.parent.mkdir()
    own_budget.write_text(json.dumps({"date": datetime.now(UTC).date().isoformat(), "calls": 1_000}))
    with serving(by_length) as stub:
        monkeypatch.setenv("VDR_RERANK_URL", stub.url)
        with pytest.raises(ServiceError, match="Today's budget of 1,000 calls"):
            sample_corpus.search(QUERY, mode="bm25", rerank="jina:m")
    assert stub.asked == []


def test_a_budget_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDR_RERANK_BUDGET", "lots")
    with pytest.raises(ServiceError, match="VDR_RERANK_BUDGET is 'lots'; it is a number of calls a day"):
        budget.allowed()
