"""BM25 within some documents: words are weighed by these documents, and the table decides what they hold."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from toy_encoder import ToyEncoder

from vdr.store import Store, new_doc_id
from vdr.tables import EncodedUnit
from vdr.types import DocumentInfo, Unit
from vdr.within import Within

REPORT = [("r:1", "Acme profit"), ("r:2", "Acme profit and cash"), ("r:3", "Acme people at work"), ("r:4", "")]


def bm25(count: float, length: float, having: int, of: int) -> float:
    """Weight of a word that counts so much in a text of `length` times the mean and is in `having` of `of` texts."""
    return math.log(1 + (of - having + 0.5) / (having + 0.5)) * count / (count + 1.2 * (0.25 + 0.75 * length))


def test_a_word_of_every_page_weighs_less_than_a_word_of_one() -> None:
    scores = Within().scores("What is Acme's cash?", "state", lambda: REPORT)
    assert list(scores) == ["r:1", "r:2", "r:3"]
    lengths = np.array([2, 3, 3]) / (8 / 3)  # without "and" and "at"; the page without text is none
    expected = [bm25(3, length, 3, 3) for length in lengths]  # at a page's head a word counts three times
    expected[1] += bm25(3, lengths[1], 1, 3)
    assert list(scores.values()) == pytest.approx(expected)


def test_a_word_at_the_head_of_a_page_counts_three_times() -> None:
    filler = [f"filler{number}" for number in range(29)]
    pages = [("r:1", " ".join(["cash", *filler, "end"])), ("r:2", " ".join([*filler, "end", "cash"]))]
    lines = [("r:3", "one\n\ntwo\nthree\ncash\nend"), ("r:4", "one\n\ntwo\nthree\nend\ncash")]
    for report in (pages, lines):
        scores = Within().scores("cash", "state", report.copy)
        assert list(scores.values()) == pytest.approx([bm25(3, 1, 2, 2), bm25(1, 1, 2, 2)])


def test_words_that_follow_each_other_as_they_do_in_the_question_count_as_one_more() -> None:
    report = [("r:1", "Statement of cash flows"), ("r:2", "Flows, statement: cash"), ("r:3", "cash"), ("r:4", "flow")]
    scores = Within().scores("What is the cash flow?", "state", lambda: report)
    single = bm25(3, 3 / 2, 3, 4) + bm25(3, 3 / 2, 3, 4)
    assert scores["r:1"] == pytest.approx(single + 0.5 * bm25(3, 3 / 2, 1, 4))
    assert scores["r:2"] == pytest.approx(single)  # "cash" ends it, and "flow" begins no other page's pair
    assert list(scores) == ["r:1", "r:2", "r:3", "r:4"]


def test_numbers_make_no_page_long() -> None:
    report = [("r:1", "cash 5,363 4,869 5,058 2,211"), ("r:2", "cash"), ("r:3", "2018")]
    scores = Within().scores("cash", "state", lambda: report)
    assert scores == pytest.approx(dict.fromkeys(("r:1", "r:2"), bm25(3, 1, 2, 3)))
    assert Within().scores("2018", "state", lambda: report) == pytest.approx({"r:3": bm25(3, 0, 1, 3)})


def test_texts_are_read_once_a_state() -> None:
    within, read = Within(), [0]

    def texts() -> list[tuple[str, str]]:
        read[0] += 1
        return REPORT

    assert within.scores("profits", 1, texts) == within.scores("profits", 1, texts)
    assert read == [1]
    assert within.scores("nothing of it", 1, texts) == {}
    assert within.scores("profits", 2, lambda: [("r:9", "profit")]).keys() == {"r:9"}
    assert within.scores("profits", 3, list) == {}
    within.scores("profits", 1, texts)
    for state in (4, 5):
        within.scores("profits", state, list)
    assert read == [1]
    within.scores("profits", 1, texts)  # four are kept, those asked for last
    within.scores("profits", 2, texts)
    assert read == [2]


def test_the_store_weighs_words_by_the_documents_asked_for(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "corpus"))
    encoder = ToyEncoder()
    for name, texts in {"acme": ["Acme cash", "Acme people"], "other": ["cash", "cash", "cash"]}.items():
        doc_id = new_doc_id()
        with store.writing():
            store.append(
                [EncodedUnit(doc_id, name, Unit(page, text), {}) for page, text in enumerate(texts, start=1)],
                {"visual": encoder},
            )
            info = DocumentInfo(
                name=name, kind="pdf", pages=len(texts), image_only=0, unreadable=(), collection="", channels=(),
                sha256="", added_at="2026-01-01T00:00:00+00:00", source="",
            )  # fmt: skip
            store.complete({doc_id: info})
    ids = {name: stored.doc_id for name, stored in store.documents().items()}
    scores = store.full_text("cash at Acme", 10, [ids["acme"]])
    assert list(scores) == ["acme:1", "acme:2"]
    assert scores["acme:1"] > 2 * scores["acme:2"]  # in the corpus "cash" is common, in this document it is rare
    everywhere = store.full_text("cash at Acme", 10)
    assert everywhere["acme:2"] > everywhere["other:1"]
    assert store.full_text("cash", 1, [ids["other"]]).keys() == {"other:1"}
