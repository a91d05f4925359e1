"""The visual channel, the whole way: a ColQwen2 checkpoint, a corpus, a ranking, a heatmap."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_models import tiny_colqwen2

from vdr import Corpus
from vdr.documents import Source
from vdr.encode import load_page_encoder
from vdr.explain import draw
from vdr.render import Pages


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny-colqwen2")


@pytest.fixture(scope="module")
def corpus(checkpoint: Path, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    corpus = Corpus(
        tmp_path_factory.mktemp("visual") / "corpus", encoder=str(checkpoint), text_encoder="none", dense_encoder="none"
    )
    report = corpus.add([sample / "pdfs" / "scanned-invoices.pdf", sample / "pdfs" / "strategy-slides.pdf"])
    assert [document.channels for document in report.added] == [("visual",), ("visual",)]
    return corpus


def test_every_page_is_ranked_by_exact_maxsim_of_its_patches(corpus: Corpus, checkpoint: Path, sample: Path) -> None:
    encoder = load_page_encoder(str(checkpoint))
    query = encoder.encode_query("net revenue")
    expected = {}
    for name in ("scanned-invoices.pdf", "strategy-slides.pdf"):
        for unit in Pages(Source(sample / "pdfs" / name, name, "pdf")):
            assert unit.image is not None
            vectors = encoder.encode_pages([unit.image])[0].vectors
            expected[f"{name}:{unit.page}"] = float((vectors @ query.vectors.T).max(axis=0).sum())
    hits = corpus.search("net revenue", k=100, mode="visual")
    assert {hit.key: hit.score for hit in hits} == pytest.approx(expected, rel=2e-3)  # stored in float16
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_an_opened_corpus_finds_its_encoder_again(corpus: Corpus, checkpoint: Path) -> None:
    again = Corpus(corpus.path)
    assert again.info().encoders["visual"].name == str(checkpoint)
    assert again.search("net revenue", mode="visual") == corpus.search("net revenue", mode="visual")


def test_image_only_pages_are_found_and_explained_by_pixels(corpus: Corpus) -> None:
    hits = corpus.search("net revenue", k=100, mode="hybrid")
    scanned = [hit for hit in hits if hit.doc == "scanned-invoices.pdf"]
    assert len(scanned) == 5
    assert all(set(hit.channels) == {"visual"} and hit.snippet == "" for hit in scanned)
    explanation = corpus.explain(scanned[0])
    assert explanation.channel == "visual"
    assert explanation.tokens == ("net", "revenue")
    assert explanation.boxes is not None and explanation.words is None
    area = np.prod(explanation.boxes[:, 2:] - explanation.boxes[:, :2], axis=1).sum()
    assert area == pytest.approx(1, abs=1e-3)  # the patches tile the page
    page = corpus.page_image(scanned[0].key).convert("RGB")
    whole, word = draw(page, explanation), draw(page, explanation, token=1)
    assert whole.size == word.size == page.size
    hottest = explanation.similarity[1].argmax()
    left, top, right, bottom = (explanation.boxes[hottest] * np.array([*page.size, *page.size])).astype(int).tolist()
    changed = np.abs(np.asarray(word, np.int16) - np.asarray(page, np.int16)).sum(axis=2)
    assert changed[top:bottom, left:right].mean() > changed.mean()


def test_an_encoder_can_be_added_to_a_corpus_of_text(checkpoint: Path, sample: Path, tmp_path: Path) -> None:
    slides = sample / "pdfs" / "strategy-slides.pdf"
    Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none").add(slides)
    corpus = Corpus(tmp_path / "c", encoder=str(checkpoint), text_encoder="none", dense_encoder="none")
    assert corpus.add(slides).replaced == ("strategy-slides.pdf",)
    assert len(corpus.search("revenue", k=100, mode="visual")) == 10
    assert corpus.add(slides).skipped == ("strategy-slides.pdf",)
