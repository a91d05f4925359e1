"""BM25 within some documents: words are weighed by these documents, and the table decides what they hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_encoder import ToyEncoder

from vdr.store import Store, new_doc_id
from vdr.tables import EncodedUnit
from vdr.types import DocumentInfo, Unit
from vdr.within import Within

REPORT = [("r:1", "Acme profit"), ("r:2", "Acme profit and cash"), ("r:3", "Acme people at work"), ("r:4", "")]


def test_a_word_of_every_page_weighs_less_than_a_word_of_one() -> None:
    scores = Within().scores("Acme cash", "state", lambda: REPORT)
    assert list(scores) == ["r:1", "r:2", "r:3"]
    # Lucene's weights: ln(1 + (3 - n + .5) / (n + .5)), words counted without "and" and "at", on average 8 / 3 a page
    lengths = np.array([2, 3, 3]) / (8 / 3)
    saturated = 1 / (1 + 1.2 * (0.25 + 0.75 * lengths))
    expected = np.log(1 + 0.5 / 3.5) * saturated
    expected[1] += np.log(1 + 2.5 / 1.5) * saturated[1]
    assert list(scores.values()) == pytest.approx(expected, abs=1e-5)


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
            store.complete(
                doc_id,
                DocumentInfo(
                    name=name, kind="pdf", pages=len(texts), image_only=0, unreadable=(), collection="", channels=(),
                    sha256="", added_at="2026-01-01T00:00:00+00:00", source="",
                ),
            )  # fmt: skip
    ids = {name: stored.doc_id for name, stored in store.documents().items()}
    scores = store.full_text("cash at Acme", 10, [ids["acme"]])
    assert list(scores) == ["acme:1", "acme:2"]
    assert scores["acme:1"] > 2 * scores["acme:2"]  # in the corpus "cash" is common, in this document it is rare
    everywhere = store.full_text("cash at Acme", 10)
    assert everywhere["acme:2"] > everywhere["other:1"]
    assert store.full_text("cash", 1, [ids["other"]]).keys() == {"other:1"}
