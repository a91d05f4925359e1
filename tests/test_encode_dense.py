"""Bi-encoders as text encoders: one vector a window, as sentence-transformers gives it, and a corpus made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_text_models

from vdr import Corpus
from vdr.encode import load_page_encoder, load_text_encoder
from vdr.encode.minilm import model_folder
from vdr.errors import EncoderError

NAME = f"dense:{model_folder()}"
"""all-MiniLM-L6-v2, which is a bi-encoder by trade."""


def test_vectors_are_those_of_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    encoder, model = load_text_encoder(NAME), SentenceTransformer(str(model_folder()))
    texts = ["Otters swim in rivers.", "", "Planes fly."]
    swim, empty, fly = encoder.encode_texts(texts)
    assert (encoder.name, encoder.dim, len(encoder.fingerprint)) == (NAME, 384, 16)
    assert empty.vectors.shape == (0, 384)
    for found, text in ((swim, texts[0]), (fly, texts[2])):
        assert found.vectors.shape == (1, 384) and found.words is not None and found.words.tolist() == [-1]
        assert found.vectors[0] == pytest.approx(model.encode(text, show_progress_bar=False), abs=2e-2)
        assert np.linalg.norm(found.vectors[0]) == pytest.approx(1, abs=1e-2)
    query = encoder.encode_query("river animals")
    assert (query.tokens, query.token_of.tolist()) == (("river", "animals"), [-1])
    assert query.vectors[0] == pytest.approx(model.encode("river animals", show_progress_bar=False), abs=2e-2)


def test_a_long_text_has_a_vector_for_each_window() -> None:
    encoder = load_text_encoder(NAME)
    filler = "The committee met again and adjourned. " * 100
    (long,) = encoder.encode_texts([filler + "Otters swim in rivers. " + filler])
    query = encoder.encode_query("Where do otters swim?").vectors[0]
    similarity = long.vectors @ query
    assert len(long.vectors) >= 6
    assert 0 < similarity.argmax() < len(similarity) - 1  # the window in the middle
    assert similarity.max() > similarity[0] + 0.2


def test_a_corpus_of_dense_vectors_is_searched_explained_and_feeds_other_channels(tmp_path: Path, sample: Path) -> None:
    corpus = Corpus(tmp_path / "c", text_encoder=NAME)
    corpus.add(sample / "pdfs" / "espresso-machine-manual.pdf")
    query = "When is rinsing and descaling with vinegar allowed?"
    dense = corpus.search(query, 4, mode="text")
    assert dense[0].key == "espresso-machine-manual.pdf:8"
    assert 0.3 < dense[0].score < 1
    assert Corpus(corpus.path).search(query, 4, mode="text") == dense  # the corpus knows its encoder
    pages = corpus.search(query, 4, mode="visual", candidates="text", candidates_top=4)
    assert {hit.key for hit in pages} == {hit.key for hit in dense}
    assert {hit.key: hit.channels["text"] for hit in pages} == pytest.approx({hit.key: hit.score for hit in dense})
    explanation = corpus.explain(dense[0], channel="text")
    assert explanation.words is not None
    assert "vinegar" in {explanation.words[place].strip(":;,.").lower() for place in explanation.matched}


def test_what_is_no_bi_encoder_is_refused(tmp_path: Path) -> None:
    colbert = tiny_text_models.pylate(tmp_path / "colbert")
    with pytest.raises(EncoderError, match=r"dense:.*colbert is no bi-encoder: .* or leave out dense: for one of late"):
        load_text_encoder(f"dense:{colbert}")
    with pytest.raises(EncoderError, match="No model dense:x"):
        load_page_encoder("dense:x")
    (tmp_path / "plain").mkdir()
    with pytest.raises(EncoderError, match="is no bi-encoder"):
        load_text_encoder(f"dense:{tmp_path / 'plain'}")
