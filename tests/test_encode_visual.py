"""The wrapper over colpali-engine, on tiny random checkpoints of the real classes. No download."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tiny_models import drawn_page, one_thread, tiny_colqwen2

from vdr.encode.visual import FAMILIES, VisualEncoder, grid_boxes, load
from vdr.encode.visual.batching import LIMIT, BatchSize, is_out_of_memory
from vdr.errors import EncoderError, QueryError
from vdr.types import Floats, MultiVector

if TYPE_CHECKING:
    from transformers import BatchFeature

CELL = 28
"""Pixels of the page that become one vector in ColQwen2: 2 x 2 patches of 14."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with one_thread():
        yield tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def encoder(checkpoint: Path) -> VisualEncoder:
    return loaded(checkpoint)


def loaded(folder: Path | str) -> VisualEncoder:
    encoder = load(str(folder), device="cpu")
    assert isinstance(encoder, VisualEncoder)
    return encoder


def image_vectors(page: MultiVector) -> tuple[Floats, Floats]:
    """The vectors that have a place, and their boxes."""
    assert page.boxes is not None
    placed = page.boxes.any(axis=1)
    return page.vectors[placed], page.boxes[placed]


# --- pages ---


def test_no_pages(encoder: VisualEncoder) -> None:
    assert encoder.encode_pages([]) == []


@pytest.mark.parametrize(
    ("size", "rows", "cols"),
    [
        pytest.param((140, 196), 7, 5, id="portrait"),
        pytest.param((196, 140), 5, 7, id="landscape"),
        pytest.param((1240, 1754), 9, 6, id="shrunk-to-64-patches"),
        pytest.param((1754, 1240), 6, 9, id="shrunk-landscape"),
    ],
)
def test_boxes_tile_the_page(encoder: VisualEncoder, size: tuple[int, int], rows: int, cols: int) -> None:
    [page] = encoder.encode_pages([drawn_page(*size)])
    vectors, boxes = image_vectors(page)
    assert len(vectors) == rows * cols
    left, top, right, bottom = boxes.T
    assert ((right - left) * (bottom - top)).sum() == pytest.approx(1, abs=1e-6)
    assert boxes[0] == pytest.approx([0, 0, 1 / cols, 1 / rows])
    assert boxes[1] == pytest.approx([1 / cols, 0, 2 / cols, 1 / rows])
    assert boxes[cols] == pytest.approx([0, 1 / rows, 1 / cols, 2 / rows])
    assert boxes[-1] == pytest.approx([1 - 1 / cols, 1 - 1 / rows, 1, 1])
    assert len(np.unique(boxes, axis=0)) == rows * cols


def test_the_prompt_has_vectors_but_no_place(encoder: VisualEncoder) -> None:
    [page] = encoder.encode_pages([drawn_page(140, 196)])
    assert page.boxes is not None
    placed = [bool(box.any()) for box in page.boxes]
    before, after = placed.index(True), placed[::-1].index(True)
    prompt = "<|im_start|>user\n<|vision_start|><|vision_end|>Describe the image.<|im_end|><|endoftext|>"
    assert before + after == len(encoder._processor.tokenizer(prompt)["input_ids"])
    assert sum(placed) + before + after == len(placed)


@pytest.mark.parametrize(("cols", "rows"), [(5, 7), (7, 5)], ids=["portrait", "landscape"])
@pytest.mark.parametrize("cell", [(0, 0), (1, 3), (4, 1), (2, 2), (3, 4)], ids=str)
def test_the_heatmap_peaks_where_the_ink_is(
    encoder: VisualEncoder, cols: int, rows: int, cell: tuple[int, int]
) -> None:
    """The probe is the direction from "blank" to "black" in the model's own vectors, averaged over a page."""
    row, col = cell
    white = Image.new("RGB", (cols * CELL, rows * CELL), "white")
    black = Image.new("RGB", white.size, "black")
    marked = white.copy()
    ImageDraw.Draw(marked).rectangle((col * CELL, row * CELL, (col + 1) * CELL - 1, (row + 1) * CELL - 1), fill="black")
    (blank, _), (inked, _), (found, boxes) = map(image_vectors, encoder.encode_pages([white, black, marked]))
    probe = (inked - blank).mean(axis=0)
    peak = boxes[(found @ probe).argmax()]
    assert peak == pytest.approx([col / cols, row / rows, (col + 1) / cols, (row + 1) / rows])


def test_a_grid_that_does_not_fit_is_refused(encoder: VisualEncoder) -> None:
    def one_row_short(processor: object, batch: BatchFeature) -> list[Floats]:
        return [grid_boxes(6, 5) for _ in batch["image_grid_thw"]]

    encoder._family = replace(FAMILIES["qwen2_vl"], places=one_row_short)
    with pytest.raises(EncoderError, match="makes 35 image tokens of a page whose patch grid has 30 cells"):
        encoder.encode_pages([drawn_page(140, 196)])


def test_a_shape_that_the_model_refuses_is_named(encoder: VisualEncoder) -> None:
    with pytest.raises(EncoderError, match="cannot take in pages of 3000 x 10 pixels: absolute aspect ratio"):
        encoder.encode_pages([drawn_page(3000, 10)])


def test_a_batch_doubles_while_that_is_faster() -> None:
    size = BatchSize()
    tried = []
    for speed in [1, 5, 9, 9, 100, 100]:  # vectors a second
        tried.append(size.pages)
        size.encoded(size.pages, speed)
    assert tried == [1, 2, 4, 8, 4, 4]


def test_a_batch_has_a_limit() -> None:
    size = BatchSize()
    for speed in 2.0 ** np.arange(10):
        size.encoded(size.pages, speed)
    assert size.pages == LIMIT == 64


def test_a_batch_cut_short_by_the_end_of_a_document_tells_nothing() -> None:
    size = BatchSize(4)
    size.encoded(3, 1000)
    assert size.pages == 4


def test_a_batch_that_did_not_fit_is_not_tried_again() -> None:
    size = BatchSize(8)
    size.out_of_memory(8, "a model", "cpu")
    size.encoded(4, 1000)
    assert size.pages == 4


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "MPS backend out of memory (MPS allocated: 8 GB)",
        "[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory: you tried",
        "DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.",
    ],
)
def test_every_device_has_its_words_for_out_of_memory(words: str) -> None:
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


def test_another_error_is_no_lack_of_memory(encoder: VisualEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder, "forward", Mock(side_effect=RuntimeError("shapes cannot be multiplied")))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        encoder.encode_pages([drawn_page(140, 196)])


def test_out_of_memory_halves_the_batch(encoder: VisualEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    images = [drawn_page(140, 196, seed) for seed in range(5)]
    expected = encoder.encode_pages(images)
    forward, tried = encoder.forward, []

    def small_gpu(batch: BatchFeature) -> tuple[NDArray[np.bool_], Floats]:
        tried.append(len(batch["input_ids"]))
        if tried[-1] > limit:
            raise torch.OutOfMemoryError
        return forward(batch)

    monkeypatch.setattr(encoder, "forward", small_gpu)
    encoder.batch_size = BatchSize(4)
    limit = 1
    for page, wanted in zip(encoder.encode_pages(images), expected, strict=True):
        assert np.abs(page.vectors - wanted.vectors).max() < 1e-5
    assert tried == [4, 2, 1, 1, 1, 1, 1]
    limit = 0
    with pytest.raises(EncoderError, match="does not fit into the memory of cpu"):
        encoder.encode_pages(images)


# --- queries ---


def test_each_query_vector_knows_its_word(encoder: VisualEncoder) -> None:
    query = encoder.encode_query("what is the net revenues")
    assert query.tokens == ("what", "is", "the", "net", "revenues")
    assert query.token_of.dtype == np.int32
    assert query.token_of.tolist() == [0, 1, 2, 3, 4, 4] + [-1] * 10  # 10 augmentation tokens


@pytest.mark.parametrize("prefix", ["", "Query: "])
@pytest.mark.parametrize(
    "text",
    [
        "Was kostet ein Büro in Zürich?",
        "  what\tis \n the   revenue ",
        "第二季度的净收入 是多少",
        "the 🧾 of the 👩‍👩‍👧 family",
        "e\u0301lan vital",  # not the composed letter that the tokenizer makes of it
        "is <b>the</b> net $1,234.50?",
        "a",
    ],
)
def test_the_tokens_of_a_word_spell_it(
    encoder: VisualEncoder, monkeypatch: pytest.MonkeyPatch, prefix: str, text: str
) -> None:
    monkeypatch.setattr(type(encoder._processor), "query_prefix", prefix)
    query = encoder.encode_query(text)
    [ids] = encoder._processor.process_queries([text])["input_ids"].numpy()
    assert query.tokens == tuple(text.split())
    assert len(query.token_of) == len(query.vectors) == len(ids)
    decode = encoder._processor.tokenizer.decode
    for word, spelling in enumerate(query.tokens):
        assert decode(ids[query.token_of == word]).strip() == decode(
            encoder._processor.tokenizer(spelling)["input_ids"]
        )
    outside = decode(ids[query.token_of == -1])
    assert "".join(outside.split()) == prefix.strip() + "<|endoftext|>" * 10


def test_an_empty_query_has_only_augmentation(encoder: VisualEncoder) -> None:
    query = encoder.encode_query("")
    assert query.tokens == ()
    assert query.token_of.tolist() == [-1] * 10


def test_the_sign_for_an_image_is_no_query(encoder: VisualEncoder) -> None:
    with pytest.raises(QueryError, match=r"cannot take in the query: Found 1 <\|image_pad\|> tokens"):
        encoder.encode_query("what is <|image_pad|>")


# --- manners ---


def test_loading_and_encoding_say_nothing(checkpoint: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging as switches

    before = switches.is_progress_bar_enabled(), switches.get_verbosity()
    encoder = load(str(checkpoint))
    encoder.encode_pages([drawn_page(140, 196)])
    encoder.encode_query("what")
    assert capfd.readouterr() == ("", "")
    assert (switches.is_progress_bar_enabled(), switches.get_verbosity()) == before


def test_importing_the_module_is_cheap() -> None:
    heavy = "'torch', 'transformers', 'huggingface_hub'"
    code = f"import sys, vdr.encode.visual; print(*{{{heavy}}} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == ""
