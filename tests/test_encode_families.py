"""Every family that the wrapper knows, on tiny random checkpoints of the real classes. No download.

All of colpali-engine 0.3.18 can be built small. ColQwen2_5Omni alone fails with transformers 5.23 as it is; it is
built with the class that `vdr.encode.visual.loading` mends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tiny_models import directly, drawn_page, one_thread, tiny

from vdr.encode.visual import FAMILIES, VisualEncoder, grid_boxes, load
from vdr.encode.visual.batching import BatchSize
from vdr.encode.visual.places import tiles
from vdr.errors import EncoderError, QueryError
from vdr.maxsim import maxsim
from vdr.types import Floats, MultiVector

if TYPE_CHECKING:
    import torch

# PaliGemmaProcessor of transformers 5.23 puts tensors into numpy arrays the way numpy 2 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

EVERY = sorted(FAMILIES)
SIZES = [pytest.param((620, 877), id="portrait"), pytest.param((960, 540), id="landscape")]
QUESTION = "what is the  net revenues?"

Checkpoints = Callable[[str], Path]
Encoders = Callable[[str], VisualEncoder]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkpoints]:
    with one_thread():
        yield cache(lambda model_type: tiny(model_type, tmp_path_factory.mktemp("models") / model_type))


@pytest.fixture(scope="module")
def encoder(checkpoint: Checkpoints) -> Encoders:
    def loaded(model_type: str) -> VisualEncoder:
        encoder = load(str(checkpoint(model_type)), device="cpu")
        assert isinstance(encoder, VisualEncoder)
        return encoder

    return cache(loaded)


def placed(page: MultiVector) -> tuple[Floats, Floats]:
    """The vectors that have a place, and their boxes."""
    assert page.boxes is not None
    has_place = page.boxes.any(axis=1)
    return page.vectors[has_place], page.boxes[has_place]


# --- vectors ---


@pytest.mark.parametrize("model_type", EVERY)
def test_vectors_are_the_librarys_own_in_any_batch(checkpoint: Checkpoints, encoder: Encoders, model_type: str) -> None:
    images = [drawn_page(140, 196), drawn_page(500, 300, seed=1), drawn_page(84, 84, seed=2)]
    expected = directly(checkpoint(model_type), "process_images", images)
    model = encoder(model_type)
    model.batch_size = BatchSize(3)
    together = model.encode_pages(images)
    model.batch_size = BatchSize(2)
    backwards = model.encode_pages(images[::-1])[::-1]
    assert model.dim == (320 if model_type == "qwen3_vl" else 128)
    for wanted, a, b in zip(expected, together, backwards, strict=True):
        assert a.vectors.dtype == np.float32
        assert a.vectors.shape == b.vectors.shape == wanted.shape == (len(wanted), model.dim)
        assert np.abs(a.vectors - wanted).max() < 1e-5
        assert np.abs(b.vectors - wanted).max() < 1e-5
        assert np.linalg.norm(a.vectors, axis=1) == pytest.approx(1, abs=1e-5)
        assert a.boxes is not None and b.boxes is not None
        assert (a.boxes == b.boxes).all()


AROUND = {
    "paligemma": "<bos>" + "<pad>" * 10,
    "colpali": "<bos>Question:" + "<pad>" * 10,
    "gemma3": "<bos><start_of_turn>userQuery:<end_of_turn>",
    "idefics3": "<end_of_utterance>" * 10,
    "modernvbert": "<end_of_utterance>" * 10,
    "colmodernvbert": "<end_of_utterance>" * 10,
    "colqwen2": "Query:" + "<|endoftext|>" * 10,
    "qwen2_5_omni_thinker": (
        "<|im_start|>systemYouareQwen,avirtualhumandevelopedbytheQwenTeam,AlibabaGroup,capableofperceiving"
        "auditoryandvisualinputs,aswellasgeneratingtextandspeech.<|im_end|><|im_start|>userQuery:"
        + "<|endoftext|>" * 10
        + "<|im_end|><|im_start|>assistant"
    ),
}
"""What stands around a query, without white space: the instruction and the augmentation tokens of each recipe."""


@pytest.mark.parametrize("model_type", EVERY)
def test_queries_are_the_librarys_own_and_know_their_words(
    checkpoint: Checkpoints, encoder: Encoders, model_type: str
) -> None:
    model = encoder(model_type)
    query = model.encode_query(QUESTION)
    [expected] = directly(checkpoint(model_type), "process_queries", [QUESTION])
    assert query.vectors.shape == expected.shape
    assert np.abs(query.vectors - expected).max() < 1e-5
    assert query.tokens == ("what", "is", "the", "net", "revenues?")
    [ids] = model._processor.process_queries([QUESTION])["input_ids"].numpy()
    decode = model._processor.tokenizer.decode
    for word, spelling in enumerate(query.tokens):
        assert decode(ids[query.token_of == word]).strip() == spelling
    around = "".join(decode(ids[query.token_of == -1]).split())
    assert around == AROUND.get(model_type, "<|endoftext|>" * 10)


@pytest.mark.parametrize("model_type", EVERY)
def test_scores_are_colpalis(encoder: Encoders, model_type: str) -> None:
    import torch
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Colpali

    model = encoder(model_type)
    pages = model.encode_pages([drawn_page(140, 196), drawn_page(300, 200, seed=1), drawn_page(84, 84, seed=2)])
    queries = [model.encode_query(text) for text in ("what", QUESTION)]

    def tensors(parts: list[Floats]) -> list[torch.Tensor]:
        return [torch.from_numpy(part) for part in parts]

    expected = Colpali.score_multi_vector(
        tensors([query.vectors for query in queries]), tensors([page.vectors for page in pages]), device="cpu"
    )
    offsets = np.cumsum([0, *(len(page.vectors) for page in pages)])
    everything = np.concatenate([page.vectors for page in pages])
    for query, row in zip(queries, expected.numpy(), strict=True):
        assert maxsim(query.vectors, everything, offsets) == pytest.approx(row, rel=1e-5)


def test_a_query_of_colpali_sees_all_of_itself(encoder: Encoders) -> None:
    """As it was trained (arXiv:2407.01449, 4.1), and whatever mask transformers makes when nothing is padded."""
    import torch

    model = encoder("paligemma")
    batch = model._processor.process_queries([QUESTION])
    with torch.no_grad():
        [expected] = model.model(**batch, token_type_ids=torch.zeros_like(batch["input_ids"])).numpy()
    assert np.abs(model.encode_query(QUESTION).vectors - expected).max() < 1e-5


@pytest.mark.parametrize("model_type", EVERY)
def test_the_sign_for_an_image_is_no_query(encoder: Encoders, model_type: str) -> None:
    model = encoder(model_type)
    sign = model._processor.tokenizer.decode([model._image_token])
    with pytest.raises(QueryError, match="cannot take in the query: "):
        model.encode_query(f"what is {sign}")


def test_chat_templates_are_filled_in_silence(encoder: Encoders, caplog: pytest.LogCaptureFixture) -> None:
    """Transformers 5.23 warns of how colpali-engine calls the processor of Omni, at every call."""
    import logging

    model = encoder("qwen2_5_omni_thinker")
    logger = logging.getLogger("transformers")
    logger.addHandler(caplog.handler)
    try:
        model.encode_query("what")
        model.encode_pages([drawn_page(84, 84)])
    finally:
        logger.removeHandler(caplog.handler)
    assert caplog.text == ""


# --- places ---


QWEN_GRIDS = ((9, 6), (6, 10))
TILED = ((16, 12), (12, 16))  # 4 x 3 tiles of 4 x 4 cells
GRIDS = {
    "paligemma": ((8, 8), (8, 8)),
    "colpali": ((8, 8), (8, 8)),
    "gemma3": ((4, 4), (4, 4)),
    "idefics3": TILED,
    "modernvbert": TILED,
    "colmodernvbert": TILED,
}
"""Rows and columns of cells on a portrait and on a landscape page."""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model_type", EVERY)
def test_boxes_tile_the_page_once(encoder: Encoders, model_type: str, size: tuple[int, int]) -> None:
    [page] = encoder(model_type).encode_pages([drawn_page(*size)])
    _, boxes = placed(page)
    lefts, tops = np.unique(boxes[:, 0]), np.unique(boxes[:, 1])
    assert len(boxes) == len(lefts) * len(tops) == len(np.unique(boxes, axis=0))
    assert boxes[:, 2] - boxes[:, 0] == pytest.approx(np.full(len(boxes), 1 / len(lefts)), abs=1e-6)
    assert boxes[:, 3] - boxes[:, 1] == pytest.approx(np.full(len(boxes), 1 / len(tops)), abs=1e-6)
    assert boxes.min() == 0 and boxes.max() == 1
    portrait, landscape = GRIDS.get(model_type, QWEN_GRIDS)
    assert (len(tops), len(lefts)) == (portrait if size[1] > size[0] else landscape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model_type", EVERY)
def test_the_heatmap_peaks_on_a_black_word(encoder: Encoders, model_type: str, size: tuple[int, int]) -> None:
    """The probe is the direction from "blank" to "black" in the model's own vectors, averaged over a page.

    The words are two cells wide and high, so that each covers at least one cell whole, and lie in the corners, in
    the middle and where rows and columns would be taken for each other.
    """
    model = encoder(model_type)
    white = Image.new("RGB", size, "white")
    blank, inked = (placed(page)[0] for page in model.encode_pages([white, Image.new("RGB", size, "black")]))
    probe = (inked - blank).mean(axis=0)
    [page] = model.encode_pages([white])
    _, boxes = placed(page)
    width, height = (boxes[0, 2:] - boxes[0, :2]) * 2 * np.array(size)
    corners = [(0, 0), (1, 0), (0, 1), (1, 1), (0.5, 0.5), (0.3, 0.8), (0.8, 0.3), (0.25, 0.6)]
    words = [(x * (size[0] - width), y * (size[1] - height)) for x, y in corners]
    marked = []
    for left, top in words:
        marked.append(white.copy())
        ImageDraw.Draw(marked[-1]).rectangle((left, top, left + width, top + height), fill="black")
    for (left, top), page in zip(words, model.encode_pages(marked), strict=True):
        vectors, boxes = placed(page)
        peak = boxes[(vectors @ probe).argmax()] * np.array([*size, *size])
        x, y = (peak[:2] + peak[2:]) / 2
        assert left <= x <= left + width and top <= y <= top + height


def test_a_page_that_is_not_cut_is_placed_by_its_only_tile(checkpoint: Checkpoints) -> None:
    model = load(str(checkpoint("idefics3")), device="cpu")
    assert isinstance(model, VisualEncoder)
    model._processor.image_processor.do_image_splitting = False
    [page] = model.encode_pages([drawn_page(620, 877)])
    _, boxes = placed(page)
    assert (boxes == grid_boxes(4, 4)).all()


def tiles_named(*names: str) -> list[Floats]:
    """Boxes of a page whose tiles have these names, of one token each."""

    class Processor:
        image_seq_len = 1
        image_token = "<image>"
        tokenizer: Any

    tokens = ["<pad>", *(token for name in names for token in (name, "<image>"))]
    Processor.tokenizer = Mock(convert_ids_to_tokens=lambda ids: [tokens[index] for index in ids])
    return tiles(Processor(), {"input_ids": np.arange(len(tokens))[None]})


def test_tiles_lie_where_their_names_say() -> None:
    names = [f"<row_{row}_col_{col}>" for row in (1, 2) for col in (1, 2, 3)]
    [boxes] = tiles_named(*names, "<global-img>")
    assert (boxes[:6] == grid_boxes(2, 3)).all()
    assert not boxes[6].any()


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("<row_1_col_1>",),
        ("<row_1_col_2>", "<row_1_col_1>", "<global-img>"),
        ("<row_1_col_1>", "<row_2_col_2>", "<global-img>"),
        ("<global-img>", "<row_1_col_1>"),
        (">", "<global-img>"),
    ],
)
def test_tiles_that_make_no_page_are_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(EncoderError, match="which is no grid, so no vector could be placed"):
        tiles_named(*names)


def test_a_grid_that_is_no_square_is_refused(encoder: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    model = encoder("paligemma")
    monkeypatch.setattr(model._processor, "image_seq_length", 60)
    monkeypatch.setattr(model, "_spare", SimpleQueue())  # no copies made before
    with pytest.raises(EncoderError, match="60 image tokens make no square"):
        model.encode_pages([drawn_page(100, 100)])


def test_gemmas_extra_crops_have_no_grid(encoder: Encoders, monkeypatch: pytest.MonkeyPatch) -> None:
    model = encoder("gemma3")
    options = type(model._processor).images_kwargs | {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": 50}
    monkeypatch.setattr(type(model._processor), "images_kwargs", options)
    with pytest.raises(EncoderError, match="makes 48 image tokens of a page whose patch grid has 16 cells"):
        model.encode_pages([drawn_page(960, 480)])
