"""The stages of a search, on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest

from vdr.errors import QueryError
from vdr.search import check_query, ranked, reciprocal_rank_fusion, score_exhaustively, snippet, stem
from vdr.types import QueryVectors


def test_ranked_breaks_ties_by_key() -> None:
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}) == [("c", 2.0), ("a", 1.0), ("b", 1.0)]
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}, 1) == [("c", 2.0)]


def test_fusion_adds_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([{"a": 3.0, "b": 2.0, "c": 1.0}, {"c": 0.9, "a": 0.1}])
    assert fused == pytest.approx({"a": 1 / 61 + 1 / 62, "b": 1 / 62, "c": 1 / 63 + 1 / 61})


def test_fusion_gives_equal_scores_the_same_rank() -> None:
    assert reciprocal_rank_fusion([{"a": 1.0, "b": 1.0, "c": 0.5}]) == pytest.approx(
        {"a": 1 / 61, "b": 1 / 61, "c": 1 / 63}
    )


def test_batches_are_scored_as_one() -> None:
    query = QueryVectors(("x",), np.zeros(2, np.int32), np.array([[1, 0], [0, 1]], np.float32))
    vectors = np.array([[1, 0], [0, 2], [0.5, 0.5], [-1, -1]], np.float16)
    whole = score_exhaustively(query, [(["a", "b", "c"], vectors, np.array([0, 2, 3, 4]))])
    parts = score_exhaustively(
        query,
        [(["a"], vectors[:2], np.array([0, 2])), (["b", "c"], vectors[2:], np.array([0, 1, 2]))],
    )
    assert whole == parts == {"a": 3.0, "b": 1.0, "c": -2.0}


@pytest.mark.parametrize("query", ["", "  \n\t "])
def test_an_empty_query_is_refused(query: str) -> None:
    with pytest.raises(QueryError, match="empty"):
        check_query(query)


def test_a_query_of_10_000_words_is_refused_with_its_length() -> None:
    with pytest.raises(QueryError, match="10,000 words; vdr takes up to 1,000"):
        check_query("word " * 10_000)
    assert check_query(" word " * 1_000) == ("word  " * 1_000).strip()


def test_snippet_is_the_stretch_that_weighs_most() -> None:
    text = " ".join(f"w{i}" for i in range(100))
    weights = np.zeros(100, np.float32)
    weights[60] = weights[63] = 1
    assert snippet(text, weights, length=4) == "… w60 w61 w62 w63 …"
    assert snippet(text, None, length=3) == "w0 w1 w2 …"
    assert snippet("a b", weights[:2], length=4) == "a b"


@pytest.mark.parametrize(
    ("word", "expected"), [("Revenues,", "revenu"), ("revenue", "revenu"), ("—", ""), ("3M", "3m")]
)
def test_stem(word: str, expected: str) -> None:
    assert stem(word) == expected
