"""Encoders as models of mteb, on tiny tasks made here; mteb's own tasks need the hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vdr import JudgementError
from vdr.encode import load_text_encoder
from vdr.mteb import Model, evaluate, run
from vdr.types import MultiVector, QueryVectors

mteb = pytest.importorskip("mteb", reason="needs mteb: pip install 'vdr[mteb]'")

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColourEncoder:
    """A page encoder whose vectors are a page's colours, black for none."""

    name = "some/colours"
    dim = 3
    fingerprint = "c1"

    def encode_query(self, text: str) -> QueryVectors:
        tokens = [word for word in text.split() if word in COLOURS]
        vectors = np.array([COLOURS[word] for word in tokens], np.float32) / np.float32(255)
        return QueryVectors(tuple(tokens), np.arange(len(tokens), dtype=np.int32), vectors)

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        assert all(image.mode == "RGB" for image in images)
        pixels = [np.asarray(image, np.float32).reshape(-1, 3) / np.float32(255) for image in images]
        return [MultiVector(found[found.any(axis=1)]) for found in pixels]


def page(*colours: str) -> Image.Image:
    """Return a page with a pixel of each colour."""
    image = Image.new("RGB", (len(colours), 1))
    for place, colour in enumerate(colours):
        image.putpixel((place, 0), COLOURS.get(colour, (0, 0, 0)))
    return image


def task(corpus: list[dict[str, Any]], queries: dict[str, str], qrels: dict[str, str], category: str) -> Any:
    """Return a retrieval task with its data in it."""
    from datasets import Dataset
    from mteb.abstasks.retrieval import AbsTaskRetrieval
    from mteb.abstasks.task_metadata import TaskMetadata

    class Tiny(AbsTaskRetrieval):  # type: ignore[misc]
        metadata = TaskMetadata(
            name=f"Tiny{category}",
            description="A tiny task.",
            reference="https://example.com",
            dataset={"path": "tiny", "revision": "1"},
            type="Retrieval",
            category=category,
            eval_splits=["test"],
            eval_langs=["eng-Latn"],
            main_score="ndcg_at_10",
            modalities=["text"] if category == "t2t" else ["text", "image"],
            date=None,
            domains=None,
            task_subtypes=None,
            license=None,
            annotations_creators=None,
            dialect=None,
            sample_creation=None,
            bibtex_citation=None,
        )

        def load_data(self, **_: Any) -> None:
            rows = [{"id": id, "text": text} for id, text in queries.items()]
            data = {
                "corpus": Dataset.from_list(corpus),
                "queries": Dataset.from_list(rows),
                "relevant_docs": {query: {unit: 1} for query, unit in qrels.items()},
                "top_ranked": None,
            }
            self.dataset = {"default": {"test": data}}
            self.data_loaded = True

    return Tiny()


def test_pages_are_ranked_by_maxsim() -> None:
    model = Model(ColourEncoder())
    model.index(
        [
            {"id": "rb", "image": page("red", "blue")},
            {"id": "g", "image": page("green").convert("RGBA")},
            {"id": "r", "image": page("red")},
            {"id": "blank", "image": page("none")},
        ]
    )
    queries = [{"id": "q1", "text": "red and blue"}, {"id": "q2", "text": "green", "instruction": "or red"}]
    assert model.search(queries, top_k=2) == {"q1": {"rb": 2.0, "r": 1.0}, "q2": {"rb": 1.0, "g": 1.0}}
    ranked = model.search(queries[:1], top_k=5, top_ranked={"q1": ["r", "g", "blank"]})
    assert ranked == {"q1": {"r": 1.0, "g": 0.0}}


def test_many_units_are_scored_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdr.mteb.BLOCK", 4)
    monkeypatch.setattr("vdr.mteb.AT_ONCE", 3)
    model = Model(ColourEncoder())
    model.index([{"id": str(n), "image": page(*("green",) * (n % 2), "red" if n == 9 else "blue")} for n in range(11)])
    assert model.search([{"id": "q", "text": "red"}], top_k=1) == {"q": {"9": 1.0}}


def test_mteb_judges_a_task_of_pages(tmp_path: Path) -> None:
    corpus = [{"id": colour, "image": page(colour)} for colour in COLOURS]
    queries, qrels = {"q1": "red", "q2": "blue"}, {"q1": "red", "q2": "green"}
    score = run(Model(ColourEncoder()), task(corpus, queries, qrels, "t2i"), tmp_path)
    assert (score.task, score.encoder, score.measure) == ("Tinyt2i", "some/colours", "ndcg_at_10")
    # q2 scores red and green alike, 0; green is second or third
    assert score.value in (pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-4), pytest.approx(0.75, abs=1e-4))
    (file,) = tmp_path.rglob("Tinyt2i.json")
    assert file.parent.name == "c1" and "vdr__colours" in str(file)
    assert json.loads(file.read_text())["scores"]["test"][0]["main_score"] == pytest.approx(score.value, abs=1e-4)


def test_mteb_judges_the_embedded_text_encoder(tmp_path: Path) -> None:
    corpus = [
        {"id": "d1", "title": "Otters", "text": "They swim in rivers."},
        {"id": "d2", "title": "Planes", "text": "They fly in the sky."},
        {"id": "d3", "title": "Cars", "text": "They drive on roads."},
    ]
    queries, qrels = {"q1": "animals in the water", "q2": "aircraft"}, {"q1": "d1", "q2": "d2"}
    score = run(Model(load_text_encoder("minilm")), task(corpus, queries, qrels, "t2t"), tmp_path)
    assert (score.encoder, score.value) == ("minilm", 1.0)


def test_what_cannot_be_run_is_said() -> None:
    with pytest.raises(JudgementError, match="mteb has no task or benchmark 'NoSuchTask'"):
        evaluate(["NoSuchTask"])
    with pytest.raises(JudgementError, match=r"has no image, and some/colours reads images of pages\. Name a --text-"):
        Model(ColourEncoder()).index([{"id": "a", "text": "words"}])
