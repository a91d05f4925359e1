"""The stages of a search, on numbers small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from vdr import search
from vdr.errors import QueryError
from vdr.explain import explain_words
from vdr.search import check_query, ranked, snippet, stem
from vdr.types import Floats


def test_ranked_breaks_ties_by_key() -> None:
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}) == [("c", 2.0), ("a", 1.0), ("b", 1.0)]
    assert ranked({"b": 1.0, "a": 1.0, "c": 2.0}, 1) == [("c", 2.0)]


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
    assert snippet(text, weights, length=4) == ("… w60 w61 w62 w63 …", 61)
    assert snippet(text, None, length=3) == ("w0 w1 w2 …", 1)
    assert snippet("a b", weights[:2], length=4) == ("a b", 0)


@pytest.mark.parametrize(
    ("word", "expected"), [("Revenues,", "revenu"), ("revenue", "revenu"), ("—", ""), ("3M", "3m")]
)
def test_stem(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_matched_words_are_found_whatever_surrounds_and_ends_them() -> None:
    text = "(Straßen, “Dying” skies' ÄRGER idly. Dyed sky"
    matched = [explain_words(query, text, None).matched for query in ("strassen", "die", "sky!", "ärger", "idle", "x")]
    assert matched == [(0,), (1,), (2, 6), (3,), (4,), ()]


def test_the_best_are_scored_better_and_come_first_until_no_other_can_be_expected_among_them() -> None:
    random = np.random.default_rng(5)
    truth = np.sort(random.normal(size=1_000)).astype(np.float32)[::-1]
    estimates = truth + random.normal(size=1_000).astype(np.float32) * 0.1 + 3
    order = np.argsort(-estimates)
    asked: list[int] = []

    def score(units: NDArray[np.int64]) -> Floats:
        asked.extend(units.tolist())
        return np.where(units == 1, np.float32(np.nan), truth[units])

    units, scores, known = search.refine(order, estimates[order], 900, 10, score, 32)
    assert units[:10].tolist() == [0, *range(2, 11)]  # the best of the truth, but for the one that is gone
    assert len(units) == 999 and 1 not in units
    assert 32 <= known + 1 == len(asked) < 200
    np.testing.assert_array_equal(scores[:known], truth[units[:known]])
    assert units[known:].tolist() == [unit for unit in order.tolist() if unit not in asked]
    np.testing.assert_allclose(scores[known:], estimates[units[known:]] - 3, atol=0.1)


def test_no_more_are_scored_than_may_be() -> None:
    units, scores, known = search.refine(
        np.arange(8), np.zeros(8, np.float32), 5, 3, lambda units: units.astype(np.float32), 2
    )
    assert (units.tolist(), known) == ([4, 3, 2, 1, 0, 5, 6, 7], 5)
    assert scores.tolist() == [4, 3, 2, 1, 0, 2, 2, 2]
