"""Documents that a question names, and what that does to a search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_encoder import add

from vdr import pipeline
from vdr.blend import blend
from vdr.naming import Names
from vdr.retrieve import Scores
from vdr.store import Store
from vdr.types import Channel, QueryVectors

FILINGS = ("3M_2018_10K.pdf", "3M_2022_10K.pdf", "BESTBUY_2022_10K.pdf", "notes.pdf", "prices.pdf")


def names(*labels: str) -> Names:
    return Names({label: [label] for label in labels})


def test_the_document_with_most_of_its_name_in_the_question_is_named_most() -> None:
    named = names(*FILINGS).named("What is the FY2022 capital expenditure of 3M?")
    assert max(named, key=named.__getitem__) == "3M_2022_10K.pdf"
    assert named["3M_2022_10K.pdf"] > 2 * named["BESTBUY_2022_10K.pdf"] > 0
    assert "notes.pdf" not in named


def test_words_of_a_question_count_joined_with_the_next() -> None:
    named = names(*FILINGS).named("How many stores had Best Buy?")
    assert list(named) == ["BESTBUY_2022_10K.pdf"]


def test_a_short_name_met_by_chance_counts_half_at_most_and_a_stop_word_nothing() -> None:
    assert names(*FILINGS).named("What prices rose?") == pytest.approx({"prices.pdf": 0.5})
    assert names("what_is_it.pdf", "other.pdf").named("What is it?") == {}


def test_a_word_that_every_document_has_tells_next_to_nothing() -> None:
    common = names("report_a1.pdf", "report_b2.pdf", "report_c3.pdf", "report_d4.pdf").named("the report")
    assert list(common.values()) == pytest.approx([0.0437] * 4, abs=0.0001)


def test_a_collection_names_all_its_documents() -> None:
    filed = Names({"x1.pdf": ["x1.pdf", "Annual Reports"], "x2.pdf": ["x2.pdf", "Annual Reports"], "y.pdf": ["y.pdf"]})
    named = filed.named("assets in the annual reports")
    assert named.keys() == {"x1.pdf", "x2.pdf"}
    assert named["x1.pdf"] == named["x2.pdf"] > 0.3


def test_one_document_is_never_named() -> None:
    assert names("3M_2018_10K.pdf").named("3M in 2018") == {}


# --- in a search -----------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Filings whose pages are all alike but for the channel's score."""
    store = Store(str(tmp_path / "corpus"))
    for name in FILINGS:
        add(store, name, [np.eye(1, 16, dtype=np.float32)] * 3, text="net sales of the year")
    return store


def scores(best: str) -> dict[str, Scores]:
    """One document's pages find favour by two spreads; within a document the second page does."""
    keys = [f"{name}:{page}" for name in FILINGS for page in (1, 2, 3)]
    found = {key: 5.0 * key.startswith(best) + 1.0 * key.endswith(":2") for key in keys}
    return {"visual": Scores(found, {}), "bm25": Scores(found, {})}


def best(fused: dict[str, float]) -> str:
    return max(fused, key=fused.__getitem__)


def test_a_question_that_names_a_document_ranks_its_pages_first(store: Store) -> None:
    fused, named = blend(store, "net sales of 3M in 2018", scores("notes"), 100)
    assert best(fused) == "3M_2018_10K.pdf:2"
    assert sorted(fused, key=fused.__getitem__, reverse=True)[:3] == [
        "3M_2018_10K.pdf:2",
        "3M_2018_10K.pdf:1",
        "3M_2018_10K.pdf:3",
    ]
    assert named.exact["3M_2018_10K.pdf:1"] == named.exact["3M_2018_10K.pdf:3"] > named.exact["3M_2022_10K.pdf:1"]
    assert "notes.pdf:1" not in named.exact


def test_pages_of_a_named_document_take_part_however_deep_they_are(store: Store) -> None:
    fused, _ = blend(store, "net sales of 3M in 2018", scores("notes"), 3)
    plain, _ = blend(store, "net sales", scores("notes"), 3)
    assert plain.keys() == {"notes.pdf:1", "notes.pdf:2", "notes.pdf:3"}
    assert fused.keys() - plain.keys() == {"3M_2018_10K.pdf:1", "3M_2018_10K.pdf:2", "3M_2022_10K.pdf:2"}


def test_a_question_that_names_nothing_is_ranked_by_the_pages_alone(store: Store) -> None:
    fused, named = blend(store, "net sales", scores("notes"), 100)
    assert best(fused) == "notes.pdf:2"
    assert named.exact == {}


def test_within_one_document_its_name_changes_nothing(store: Store) -> None:
    inside = {
        channel: Scores({key: score for key, score in found.exact.items() if key.startswith("3M_2018")}, {})
        for channel, found in scores("notes").items()
    }
    fused, named = blend(store, "net sales of 3M in 2018", inside, 100)
    other, _ = blend(store, "net sales", inside, 100)
    assert fused == other
    assert named.exact == {}


def test_a_hit_tells_that_its_document_was_named(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "corpus"))
    for name in FILINGS:
        add(store, name, [np.eye(1, 16, dtype=np.float32)], text="net sales")

    def encode_query(channel: Channel, query: str) -> QueryVectors:
        from toy_encoder import ToyEncoder

        return ToyEncoder().encode_query("1,0")

    request = pipeline.Request("net sales of 3M in 2018", 5, ("visual", "bm25"))
    hits = pipeline.run(store, request, encode_query)
    assert hits[0].key == "3M_2018_10K.pdf:1"
    assert hits[0].channels["document"] == pytest.approx(0.81, abs=0.01)
    assert "document" not in next(hit for hit in hits if hit.doc == "notes.pdf").channels
