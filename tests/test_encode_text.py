"""The text encoders: the embedded one for real, and checkpoints through the user's own way in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_app import write_pdf
from tiny_models import tiny_colbert
from transformers import AutoTokenizer

from vdr import Corpus
from vdr.encode import load_text_encoder
from vdr.encode.bert import gelu, unit
from vdr.encode.minilm import QUERIES, MiniLM, model_folder
from vdr.encode.text import TokenEncoder
from vdr.encode.words import find_text, place_tokens, read_tokens, windows, word_starts, words_at, words_of
from vdr.errors import EncoderError
from vdr.maxsim import maxsim

ROUNDING = 0.02
"""Between vectors of unit length, where one is encoded in bfloat16, as the processor likes it best."""
SENTENCE = "What similarity laws must be obeyed, when constructing aeroelastic models of naïve café-owners?"


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    encoder = load_text_encoder("minilm")
    assert isinstance(encoder, MiniLM)
    return encoder


def test_the_query_path_equals_the_published_model(minilm: MiniLM) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    model = AutoModel.from_pretrained(model_folder()).eval()
    length_one = torch.nn.functional.normalize
    with torch.inference_mode():
        states = length_one(model(**tokenizer(SENTENCE, return_tensors="pt")).last_hidden_state[0, 1:-1], dim=-1)
    pieces, query = minilm.pieces(SENTENCE), minilm.encode_query(SENTENCE)
    np.testing.assert_allclose(pieces.vectors, length_one(states @ turn(), dim=-1).numpy(), atol=1e-5)
    mean = length_one(states.mean(0), dim=-1)
    expected = length_one(length_one(states + 0.25 * mean, dim=-1) @ turn(), dim=-1).numpy()
    np.testing.assert_allclose(query.vectors, expected, atol=1e-5)
    assert query.vectors.dtype == np.float32
    assert query.token_of.tolist() == pieces.token_of.tolist()


def turn() -> Any:
    """Return the matrix that queries are multiplied with."""
    from safetensors.torch import load_file

    return load_file(QUERIES)["turn"].float()


def test_the_matrix_of_queries_weighs_directions_and_turns_none_round() -> None:
    matrix = turn().numpy()
    assert matrix.shape == (384, 384)
    np.testing.assert_array_equal(matrix, matrix.T)
    factors = np.linalg.eigvalsh(matrix)
    np.testing.assert_allclose(factors[[0, 1, -1]], [0.4187, 0.4795, 2.6582], atol=2e-3)  # 0.02 ** -0.25 is 2.659


def test_documents_and_queries_share_one_space(minilm: MiniLM) -> None:
    document, query = minilm.encode_texts([SENTENCE])[0], minilm.encode_query(SENTENCE)
    assert document.words is not None
    assert document.words.tolist() == query.token_of.tolist()
    cosine = (unit(document.vectors @ turn().numpy()) * query.vectors).sum(axis=1)
    assert cosine.min() > 0.98  # the two have different shares of their mean, and bfloat16 may encode documents


def published() -> TokenEncoder:
    """Return the published model as sentence-transformers reads texts with it."""
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    transformer = Transformer(str(model_folder()), max_seq_length=256)
    mask = MultiVectorMask(["[CLS]", "[SEP]"], skiplist_tasks=["query", "document"])
    model = MultiVectorEncoder(modules=[transformer, mask, Normalize("token_embeddings")], device="cpu")
    return TokenEncoder("published", "0", model)


def test_a_text_that_the_model_sees_whole_has_a_share_of_its_mean_in_each_vector(minilm: MiniLM) -> None:
    short, fits, longer = "A short text.", "alpha beta " * 127, "alpha beta " * 128
    texts = [short, fits, longer, ""]
    plain = published().encode_texts(texts)
    assert [len(text.vectors) for text in plain] == [4, 254, 256, 0]
    found = minilm.encode_texts(texts)
    for text, alone in zip(found[:2], plain[:2], strict=True):
        mean = alone.vectors.mean(axis=0)
        np.testing.assert_allclose(text.vectors, unit(alone.vectors + 0.4 * mean), atol=ROUNDING)
        assert np.linalg.norm(text.vectors, axis=1) == pytest.approx(1, abs=1e-5)
        assert text.words is not None and alone.words is not None
        assert text.words.tolist() == alone.words.tolist()
    np.testing.assert_allclose(found[2].vectors, plain[2].vectors, atol=ROUNDING)
    assert found[3].vectors.shape == (0, 384)


def test_words_are_explained_by_the_wordpieces_alone(minilm: MiniLM) -> None:
    explained, pieces = minilm.encode_query_to_explain(SENTENCE), minilm.pieces(SENTENCE)
    np.testing.assert_array_equal(explained.vectors, pieces.vectors)
    assert np.abs(pieces.vectors - minilm.encode_query(SENTENCE).vectors).max() > 0.02


def test_what_is_not_like_a_word_of_the_question_adds_nothing(minilm: MiniLM) -> None:
    query, pages = minilm.encode_query("otters"), minilm.encode_texts(["Otters swim.", "Share capital.", "Bank loans."])
    assert query.floor == 0.35 and query.floors == pytest.approx([0.35] * 2)
    otters, capital, loans = (
        maxsim(query.vectors, page.vectors, np.array([0, len(page.vectors)]), query.floors)[0] for page in pages
    )
    assert otters > 1.6
    assert capital == loans == pytest.approx(0.7)  # two wordpieces


def test_passages_alone_have_no_floor(tmp_path: Path) -> None:
    (tmp_path / "capital.txt").write_text("Share capital.")
    corpus = Corpus(tmp_path / "corpus", encoder="none", dense_encoder="none")
    corpus.add(tmp_path / "capital.txt")
    [passage] = corpus.search("otters", mode="text")
    assert passage.score < 0.3
    corpus.add(write_pdf(tmp_path / "loans.pdf", ["Bank loans."]))
    assert [hit.score for hit in corpus.search("otters", mode="text")] == pytest.approx([0.7, 0.7])
    assert corpus.search("loans", 1, mode="text")[0].doc == "loans.pdf"


def test_a_query_that_has_no_wordpiece_has_no_vector(minilm: MiniLM) -> None:
    assert minilm.encode_query("\u200b").vectors.shape == (0, 384)


def test_every_vector_knows_its_word(minilm: MiniLM) -> None:
    query = minilm.encode_query("aeroelastic models, (3M)")
    assert query.tokens == ("aeroelastic", "models,", "(3M)")
    assert query.token_of.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]


def test_nothing_of_a_long_text_is_cut_off(minilm: MiniLM) -> None:
    text = " ".join(f"word{number} reports" for number in range(500)) + " " + "x" * 1_000
    document = minilm.encode_texts([text])[0]
    assert document.words is not None
    assert np.all(np.diff(document.words) >= 0)
    assert set(document.words.tolist()) == set(range(1_001))
    query = minilm.encode_query(" ".join(text.split()[:600]))
    assert set(query.token_of.tolist()) == set(range(600))


def test_a_word_of_a_long_text_has_one_set_of_vectors(minilm: MiniLM) -> None:
    text = "alpha beta gamma delta " * 300
    document = minilm.encode_texts([text])[0]
    assert document.words is not None
    assert document.words.tolist() == list(range(1_200))  # each of these words is one token


def test_batch_and_order_change_nothing_but_rounding(minilm: MiniLM) -> None:
    texts = ["one short text", "", "a rather longer text, " * 30, "numbers 1 2 3"]
    together = minilm.encode_texts(texts)
    alone = [minilm.encode_texts([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        np.testing.assert_allclose(one.vectors, other.vectors, atol=0.02)
    assert together[1].vectors.shape == (0, 384)


def test_meaning_beats_spelling(minilm: MiniLM) -> None:
    texts = ["The physician prescribed a drug.", "The car needs a new tyre.", "Doctor Who is a series."]
    query = minilm.encode_query("medicine from a doctor")
    scores = [(document.vectors @ query.vectors.T).max(axis=0).sum() for document in minilm.encode_texts(texts)]
    assert int(np.argmax(scores)) == 0


def test_changed_weights_are_refused(tmp_path: Path) -> None:
    data = bytearray((model_folder() / "model.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(bytes(data))
    with pytest.raises(EncoderError, match="is not the published all-MiniLM-L6-v2"):
        MiniLM("minilm", tmp_path)


def test_gelu_is_the_exact_one() -> None:
    import math

    x = np.linspace(-6, 6, 1_001).astype(np.float32)
    exact = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x.tolist()]
    np.testing.assert_allclose(gelu(x), exact, atol=2e-6)


# --- checkpoints -----------------------------------------------------------------------------------------


def test_a_checkpoint_encodes_as_sentence_transformers_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import MultiVectorEncoder

    monkeypatch.setattr("vdr.encode.sentence.best_device", lambda: "cpu")
    monkeypatch.setattr("vdr.encode.devices.bf16_is_faster", lambda: False)
    folder = tiny_colbert(tmp_path / "colbert", query_expansion={"strategy": "fixed", "length": 16}, document_length=40)
    ours, theirs = load_text_encoder(str(folder)), MultiVectorEncoder(str(folder), device="cpu")
    query = ours.encode_query("naïve questions, answered")
    expected = theirs.encode_query(["naïve questions, answered"], convert_to_numpy=True)[0]
    np.testing.assert_allclose(query.vectors, expected, atol=1e-6)
    assert query.vectors.shape == (16, 16)  # the expansion's length, and 16 dims
    assert query.tokens == ("naïve", "questions,", "answered")
    assert [int(word) for word in query.token_of if word >= 0] == [0, 1, 1, 2]
    document = ours.encode_texts(["Short, and sweet."])[0]
    expected = theirs.encode_document(["Short, and sweet."], convert_to_numpy=True)[0]
    np.testing.assert_allclose(document.vectors, expected, atol=1e-6)
    assert document.words is not None
    assert [int(word) for word in document.words if word >= 0] == [0, 1, 2]  # punctuation is on its skiplist


def test_a_checkpoint_reads_texts_longer_than_its_length(tmp_path: Path) -> None:
    folder = tiny_colbert(tmp_path / "colbert", document_length=80)
    document = load_text_encoder(str(folder)).encode_texts(["alpha beta gamma delta " * 100])[0]
    assert document.words is not None
    assert [int(word) for word in document.words if word >= 0] == list(range(400))


def test_fingerprints_tell_checkpoints_apart_not_folders(tmp_path: Path) -> None:
    one, same = tiny_colbert(tmp_path / "one"), tiny_colbert(tmp_path / "same")
    other = tiny_colbert(tmp_path / "other", seed=1)
    prints = [load_text_encoder(str(folder)).fingerprint for folder in (one, same, other)]
    assert prints[0] == prints[1] != prints[2]


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="No model nonsense: it is not a folder, nor a hub id"):
        load_text_encoder("nonsense")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(EncoderError, match="cannot be loaded as a late-interaction model"):
        load_text_encoder(str(tmp_path))


# --- words and windows -----------------------------------------------------------------------------------


def test_words_at() -> None:
    text = "  two  words\nhere "
    assert word_starts(text) == [2, 7, 13]
    assert words_at(word_starts(text), [2, 3, 7, 11, 13]).tolist() == [0, 0, 1, 1, 2]
    assert words_of(text, [-1, 0, 2, 5, 7, 12, 13]).tolist() == [-1, -1, 0, -1, 1, -1, 2]


def test_windows_overlap_and_keep_each_character_once() -> None:
    text = " ".join("abcdefghij"[index % 10] * 3 for index in range(50))
    starts = word_starts(text)
    found = windows(text, starts, length=12, overlap=4)
    assert all(sum(window.start <= start < window.end for start in starts) <= 12 for window in found)
    for start in starts:
        keeping = [w for w in found if w.start <= start < w.end and w.keep_from <= start < w.keep_to]
        assert len(keeping) == 1
    assert (found[0].start, found[-1].end) == (0, len(text))


def test_windows_cut_a_piece_that_is_longer_than_they_are() -> None:
    text = "ab " + "x" * 100 + " cd"
    starts = [0, *range(3, 103), 104]  # a token for each x
    found = windows(text, starts, length=30, overlap=6)
    assert [(w.start, w.end) for w in found] == [(0, 3), (3, 33), (27, 57), (51, 81), (75, 106)]
    for start in starts:
        assert sum(w.start <= start < w.end and w.keep_from <= start < w.keep_to for w in found) == 1


def test_a_text_that_fits_is_one_window() -> None:
    assert [(w.start, w.end) for w in windows("a b c", [0, 2, 4], length=3, overlap=1)] == [(0, 5)]


def test_a_text_is_found_in_a_prompt() -> None:
    tokenizer: Any = AutoTokenizer.from_pretrained(model_folder())
    assert read_tokens(tokenizer, " two words", "so: ") == ([101, 2061, 1024, 2048, 2616, 102], [-1, -1, -1, 1, 5, -1])
    ids = tokenizer("find: two words [SEP] please")["input_ids"]
    assert find_text(tokenizer, ids, "two words").tolist() == [-1, -1, -1, 0, 4, -1, -1, -1]
    assert find_text(tokenizer, ids, "three others").tolist() == [-1] * 8


def test_place_tokens_survives_truncation_and_prefixes() -> None:
    assert place_tokens([1, 9, 5, 6, 2], [5, 6, 7, 8], [0, 3, 6, 9]).tolist() == [-1, -1, 0, 3, -1]
    assert place_tokens([0, 0, 1, 5, 6, 2], [5, 6], [0, 3]).tolist() == [-1, -1, -1, 0, 3, -1]
    assert place_tokens([1, 2], [5], [0]).tolist() == [-1, -1]
