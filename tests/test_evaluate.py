"""Judged sets and figures."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from vdr import Corpus, JudgementError
from vdr.evaluate import JudgedQuery, figures, load_set, rank_units, run, strictly_falling, trec_lines
from vdr.types import Hit, Mode


def hit(rank: int, key: str, score: float, record: str = "") -> Hit:
    """Return a hit as a search gives it."""
    return Hit(rank, key, key.rpartition(":")[0], int(key.rpartition(":")[2]), score, {}, "", record)


def search_in(corpus: Corpus, mode: Mode, query: JudgedQuery, k: int) -> list[Hit]:
    """Search as `evaluate.run` asks for it."""
    return corpus.search(query.text, k, mode=mode)


def test_figures_are_the_textbook_s() -> None:
    qrels = {"q1": {"a:1": 1, "a:2": 1}, "q2": {"b:1": 1}, "q3": {"c:1": 1}}
    rankings = {"q1": {"x:1": 3.0, "a:1": 2.0}, "q2": {"b:1": 1.0}, "q3": {}}
    result = figures(rankings, qrels, [1.0, 2.0, 3.0])
    dcg, ideal = 1 / 1.584962500721156, 1 + 1 / 1.584962500721156
    assert result.queries == 3
    assert result.measures["nDCG@5"] == pytest.approx((dcg / ideal + 1 + 0) / 3)
    assert result.measures["recall@1"] == pytest.approx((0 + 1 + 0) / 3)
    assert result.measures["recall@5"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert result.measures["MRR"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert result.latency_ms["p50"] == 2.0


def test_a_record_counts_for_its_best_passage() -> None:
    hits = [hit(1, "c.jsonl:4", 9.0, "A"), hit(2, "c.jsonl:9", 8.0, "B"), hit(3, "c.jsonl:5", 7.0, "A")]
    assert rank_units(lambda k: hits[:k]) == {"A": 9.0, "B": 8.0}


def test_the_search_goes_deeper_until_there_are_enough_records() -> None:
    hits = [hit(n + 1, f"c.jsonl:{n + 1}", 100.0 - n, str(n // 40)) for n in range(400)]
    asked = []

    def search(k: int) -> list[Hit]:
        asked.append(k)
        return hits[:k]

    assert list(rank_units(search, depth=8)) == [str(n) for n in range(8)]
    assert asked == [8, 16, 32, 64, 128, 256, 512]


def test_scores_fall_strictly_also_at_six_decimals() -> None:
    falling = strictly_falling({"a": 0.03278688, "b": 0.03278688, "c": 0.03278687, "d": 0.01})
    assert list(falling.values()) == [0.032787, 0.032786, 0.032785, 0.01]


def test_trec_lines() -> None:
    lines = trec_lines({"q 1": {"my file.pdf:3": 2.0, "b.pdf:1": 1.5}}, tag="t").splitlines()
    assert lines == ["q_1 Q0 my_file.pdf:3 1 2.000000 t", "q_1 Q0 b.pdf:1 2 1.500000 t"]


def test_the_sample_questions_are_answered(sample_corpus: Corpus, sample: Path) -> None:
    judged = load_set(sample)
    assert (len(judged.queries), judged.documents) == (35, (sample / "pdfs",))
    english_text = [
        query
        for query in judged.queries
        if query.doc not in ("scanned-invoices.pdf", "museum-leaflet-multilingual.pdf")
    ]
    expected: list[tuple[Mode, float, float]] = [("text", 0.74, 0.95), ("bm25", 0.60, 0.80), ("auto", 0.67, 0.90)]
    for mode, ndcg, recall in expected:
        rankings, times = run(english_text, partial(search_in, sample_corpus, mode))
        result = figures(rankings, judged.qrels, times)
        assert result.queries == 25
        assert result.measures["nDCG@5"] >= ndcg
        assert result.measures["recall@10"] >= recall


def test_the_examples_of_the_app_are_answered_at_once(sample_corpus: Corpus, sample: Path) -> None:
    judged = load_set(sample)
    examples = [query for query in judged.queries if query.example]
    assert len(examples) == 8
    for query in examples:
        assert sample_corpus.search(query.text, 1)[0].key in judged.qrels[query.id]


def test_what_is_no_judged_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JudgementError, match=r"is not a judged set. It needs queries.jsonl"):
        load_set(tmp_path)
    (tmp_path / "pdfs").mkdir()
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta.pdf:1\tmany\n")
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q1", "text": "x"}))
    with pytest.raises(JudgementError, match="line 2 is not a query-id, a corpus-id and a score"):
        load_set(tmp_path)
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq2\ta.pdf:1\t1\n")
    with pytest.raises(JudgementError, match="No query of"):
        load_set(tmp_path)
    (tmp_path / "queries.jsonl").write_text('{"text": "x"}')
    with pytest.raises(JudgementError, match="line 1 is not a question"):
        load_set(tmp_path)
