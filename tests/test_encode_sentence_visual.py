"""Page models in sentence-transformers' format, loaded as a user loads them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_models import drawn_page, tiny
from tiny_sentence_visual import DIM, chat_model, retrieval_model

from vdr.encode import load_page_encoder, load_text_encoder, sentence_visual
from vdr.encode.pages import is_for_sentence_transformers
from vdr.encode.sentence_visual import SentencePageEncoder, load
from vdr.encode.visual import VisualEncoder, grid_boxes
from vdr.errors import EncoderError, QueryError

PAGES = [drawn_page(300, 200), drawn_page(150, 300, seed=1), drawn_page(64, 64, seed=2)]
QUERY = "what is the net revenue, naïve?"


@pytest.fixture(scope="module", autouse=True)
def _exact() -> Iterator[None]:
    """Compute on the processor and in float32, so that results can be compared closely."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdr.encode.sentence.best_device", lambda: "cpu")
        patch.setattr("vdr.encode.pages.best_devices", lambda: ("cpu",))
        patch.setattr("vdr.encode.devices.bf16_is_faster", lambda: False)
        yield


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return chat_model(tmp_path_factory.mktemp("chat") / "model")


@pytest.fixture(scope="module")
def encoder(chat: Path, _exact: None) -> SentencePageEncoder:
    loaded = load_page_encoder(str(chat))
    assert isinstance(loaded, SentencePageEncoder)
    return loaded


def directly(folder: Path) -> Any:
    from sentence_transformers import MultiVectorEncoder

    return MultiVectorEncoder(str(folder), device="cpu", model_kwargs={"dtype": torch.float32})


def test_vectors_are_those_of_sentence_transformers(chat: Path, encoder: SentencePageEncoder) -> None:
    theirs = directly(chat)
    for page, expected in zip(encoder.encode_pages(PAGES), theirs.encode_document(PAGES), strict=True):
        np.testing.assert_allclose(page.vectors, expected, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_query(QUERY).vectors, theirs.encode_query(QUERY), atol=1e-5)
    assert encoder.dim == DIM


def test_boxes_follow_the_grid_of_the_processor(encoder: SentencePageEncoder) -> None:
    for page, (rows, cols) in zip(encoder.encode_pages(PAGES), [(6, 9), (9, 5), (2, 2)], strict=True):
        assert page.boxes is not None
        placed = page.boxes.any(axis=1)
        np.testing.assert_allclose(page.boxes[placed], grid_boxes(rows, cols))
        assert len(page.vectors) == page.boxes.shape[0]
        assert placed.sum() == rows * cols
        assert np.flatnonzero(placed).tolist() == list(range(placed.argmax(), placed.argmax() + rows * cols))


def test_a_change_on_the_page_shows_at_its_place(encoder: SentencePageEncoder) -> None:
    page = drawn_page(256, 256)
    changed = page.copy()
    changed.paste((0, 0, 0), (192, 64, 224, 96))
    one, other = encoder.encode_pages([page, changed])
    assert one.boxes is not None
    moved = np.abs(one.vectors - other.vectors).sum(axis=1)
    moved[~one.boxes.any(axis=1)] = 0
    left, top, right, bottom = one.boxes[moved.argmax()] * 256
    assert left <= 208 <= right
    assert top <= 80 <= bottom


def test_every_vector_of_a_query_knows_its_word(chat: Path, encoder: SentencePageEncoder) -> None:
    query = encoder.encode_query(QUERY)
    ids = directly(chat).encode_query(QUERY, output_value=None)["input_ids"].tolist()
    tokenizer = directly(chat).tokenizer
    words = [
        tokenizer.decode([token for token, of in zip(ids, query.token_of.tolist(), strict=True) if of == word]).strip()
        for word in range(len(query.tokens))
    ]
    assert words == list(query.tokens) == QUERY.split()
    assert tokenizer.decode(ids[: query.token_of.tolist().index(0)]).endswith(
        "Find what answers:<|im_end|>\n<|im_start|>user\n"
    )


def test_batch_and_order_change_nothing(encoder: SentencePageEncoder) -> None:
    together = encoder.encode_pages(PAGES)
    for page, backwards, image in zip(together, encoder.encode_pages(PAGES[::-1])[::-1], PAGES, strict=True):
        alone = encoder.encode_pages([image])[0]
        for each in (page, backwards):
            np.testing.assert_allclose(each.vectors, alone.vectors, atol=1e-4)
            np.testing.assert_array_equal(each.boxes, alone.boxes)
    assert encoder.encode_pages([]) == []


def test_a_checkpoint_may_count_image_tokens_alone(tmp_path: Path) -> None:
    page = load_page_encoder(str(chat_model(tmp_path / "model", only_patches=True))).encode_pages(PAGES[:1])[0]
    assert page.boxes is not None
    np.testing.assert_allclose(page.boxes, grid_boxes(6, 9))
    assert page.vectors.shape == (54, DIM)


@pytest.mark.parametrize(("model_type", "grid"), [("colqwen2", (6, 9)), ("colpali", (8, 8))])
def test_models_of_transformers(tmp_path: Path, model_type: str, grid: tuple[int, int]) -> None:
    folder = retrieval_model(model_type, tmp_path / "model")
    ours, theirs = load(str(folder)), directly(folder)
    page = ours.encode_pages(PAGES[:2])[0]
    np.testing.assert_allclose(page.vectors, theirs.encode_document(PAGES[:1])[0], atol=1e-5)
    assert page.boxes is not None
    np.testing.assert_allclose(page.boxes[page.boxes.any(axis=1)], grid_boxes(*grid))
    query = ours.encode_query("what is naïve")
    np.testing.assert_allclose(query.vectors, theirs.encode_query("what is naïve"), atol=1e-5)
    assert set(query.token_of.tolist()) == {-1, 0, 1, 2}
    with pytest.raises(EncoderError, match="reads page images, its texts are queries"):
        load_text_encoder(str(folder))


def test_an_unknown_grid_gives_no_places_rather_than_wrong_ones(
    encoder: SentencePageEncoder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    expected = encoder.encode_pages(PAGES[:1])[0]
    monkeypatch.setattr(sentence_visual, "merged_grid", lambda *_: [grid_boxes(5, 9)])
    caplog.set_level(logging.WARNING, "vdr")
    pages = encoder.encode_pages([PAGES[0], PAGES[0]])
    assert [record.message.split(":")[1] for record in caplog.records] == [" there will be no heatmaps of its hits"]
    for page in pages:
        np.testing.assert_allclose(page.vectors, expected.vectors, atol=1e-5)
        np.testing.assert_array_equal(page.boxes, np.zeros((len(page.vectors), 4)))


def test_a_query_that_is_too_long_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = load_page_encoder(str(chat_model(tmp_path / "model", query_length=60)))
    caplog.set_level(logging.WARNING, "vdr")
    assert len(encoder.encode_query("what is the revenue").vectors) < 60
    assert not caplog.records
    query = encoder.encode_query("what is the revenue " * 20)
    assert "takes a query of 60 tokens" in caplog.text
    assert f"of its 80 words it reads the first {query.token_of.max() + 1}" in caplog.text


def test_the_sign_of_an_image_is_no_query(encoder: SentencePageEncoder) -> None:
    with pytest.raises(QueryError, match=r"<\|image_pad\|> is its sign for an image"):
        encoder.encode_query("what is <|image_pad|>")


def test_a_page_that_fails_is_told(encoder: SentencePageEncoder) -> None:
    with pytest.raises(EncoderError, match="cannot take in pages of 2000 x 2 pixels"):
        encoder.encode_pages([drawn_page(2000, 2)])


def test_memory_running_out_halves_the_batch(encoder: SentencePageEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = encoder.encode_pages(PAGES)
    real, sizes = encoder._model.encode_document, []

    def small(images: list[Any], **options: Any) -> Any:
        sizes.append(len(images))
        if len(images) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(images, **options)

    monkeypatch.setattr(encoder._model, "encode_document", small)
    pages = encoder.encode_pages(PAGES)
    assert sizes == [3, 1, 1, 1]
    for page, other in zip(pages, expected, strict=True):
        np.testing.assert_allclose(page.vectors, other.vectors, atol=1e-4)


def test_a_text_model_is_refused(tmp_path: Path) -> None:
    from tiny_text_models import pylate

    with pytest.raises(EncoderError, match=r"takes no images\. Give it as the text encoder"):
        load(str(pylate(tmp_path / "model")))


def test_code_runs_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.delenv("VDR_TRUST_REMOTE_CODE", raising=False)
    folder = chat_model(tmp_path / "model", code=tmp_path / "marker")
    with pytest.raises(
        EncoderError, match=r"program code of its own \(modeling_own.OwnModel\).*VDR_TRUST_REMOTE_CODE=1"
    ):
        load_page_encoder(str(folder))
    assert not (tmp_path / "marker").exists()
    monkeypatch.setenv("VDR_TRUST_REMOTE_CODE", "1")
    page = load_page_encoder(str(folder)).encode_pages(PAGES[:1])[0]
    assert (tmp_path / "marker").exists()
    assert page.boxes is not None
    assert page.boxes.any(axis=1).sum() == 54


# --- which library -----------------------------------------------------------------------------------------


def test_a_checkpoint_goes_to_the_library_it_is_for(chat: Path, tmp_path: Path) -> None:
    assert is_for_sentence_transformers(chat)
    engine = tiny("qwen2_vl", tmp_path / "engine")
    assert not is_for_sentence_transformers(engine)
    assert isinstance(load_page_encoder(str(engine)), VisualEncoder)
    (engine / "modules.json").write_text("[]")
    assert not is_for_sentence_transformers(engine)
    (engine / "modules.json").unlink()
    config = json.loads((engine / "config.json").read_text())
    own = {"architectures": ["ColOwn"], "auto_map": {"AutoModel": "own.ColOwn"}}
    (engine / "config.json").write_text(json.dumps({**config, **own}))
    assert is_for_sentence_transformers(engine)
    with pytest.raises(EncoderError, match=r"engine cannot be loaded.*: nothing in its folder"):
        load_page_encoder(str(engine))


# --- the text side of such a model -------------------------------------------------------------------------


def test_texts_through_a_chat_template(tmp_path: Path) -> None:
    folder = chat_model(tmp_path / "model", document_length=60)
    ours, theirs = load_text_encoder(str(folder)), directly(folder)
    text = "what is the net revenue"
    document = ours.encode_texts([text])[0]
    np.testing.assert_allclose(document.vectors, theirs.encode_document(text), atol=1e-5)
    assert document.words is not None
    assert [word for word in document.words.tolist() if word >= 0] == [0, 1, 2, 3, 4]
    long = " ".join([text] * 40)
    words = ours.encode_texts([long])[0].words
    assert words is not None
    assert [word for word in words.tolist() if word >= 0] == list(range(200))
