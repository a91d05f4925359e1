"""Pages are prepared in a thread while the model works on those before: same vectors, same order, same errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tiny_models import drawn_page, one_thread, tiny_colqwen2

from vdr.encode.visual import VisualEncoder, load
from vdr.encode.visual.batching import BatchSize
from vdr.errors import EncoderError

if TYPE_CHECKING:
    from transformers import BatchFeature

SIZES = ((140, 196), (196, 140), (140, 140), (84, 196), (196, 196), (140, 84), (84, 84))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with one_thread():
        yield tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def encoder(checkpoint: Path) -> VisualEncoder:
    encoder = load(str(checkpoint), device="cpu")
    assert isinstance(encoder, VisualEncoder)
    encoder.batch_size = BatchSize(2)
    encoder.batch_size._growing = False
    return encoder


@pytest.fixture
def images() -> list[Image.Image]:
    return [drawn_page(*size, seed) for seed, size in enumerate(SIZES)]


def test_the_vectors_are_those_of_one_batch_after_another(encoder: VisualEncoder, images: list[Image.Image]) -> None:
    plain = []
    for start in range(0, len(images), 2):
        batch, boxes = encoder._prepare(images[start : start + 2])
        kept, vectors = encoder._forward(batch)
        plain += [(vectors[row][kept[row]], boxes[row][kept[row]]) for row in range(len(kept))]
    found = encoder.encode_pages(images)
    for page, (wanted, places) in zip(found, plain, strict=True):
        assert page.boxes is not None
        assert np.array_equal(page.vectors, wanted)
        assert np.array_equal(page.boxes, places)


def test_the_next_batch_and_no_further_is_prepared_during_the_present_one(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, forward = encoder._prepare, encoder._forward
    prepared = [threading.Event() for _ in range(4)]
    main, done = threading.current_thread(), 0
    seen: list[int] = []  # batches prepared when the model takes up each

    def preparing(batch: Sequence[Image.Image]) -> Any:
        nonlocal done
        assert threading.current_thread() is not main
        result = prepare(batch)
        done += 1
        prepared[done - 1].set()
        return result

    def working(batch: BatchFeature) -> Any:
        following = prepared[min(len(seen) + 1, 3)]
        assert following.wait(30), "the next batch waits for the model"
        seen.append(done)
        return forward(batch)

    monkeypatch.setattr(encoder, "_prepare", preparing)
    monkeypatch.setattr(encoder, "_forward", working)
    assert len(encoder.encode_pages(images)) == len(images)
    assert seen == [2, 3, 4, 4]


def test_an_error_in_preparing_surfaces_in_its_turn(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, worked = encoder._forward, []

    def working(batch: BatchFeature) -> Any:
        worked.append(len(batch["input_ids"]))
        return forward(batch)

    monkeypatch.setattr(encoder, "_forward", working)
    images[4] = drawn_page(3000, 10)
    with pytest.raises(EncoderError, match="cannot take in pages of 3000 x 10, 140 x 84 pixels: absolute aspect"):
        encoder.encode_pages(images)
    assert worked == [2, 2]  # those before it, and none after
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vdr-prepare")]


def test_running_out_of_memory_in_preparing_halves_the_batch(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, tried = encoder._prepare, []

    def small_machine(batch: Sequence[Image.Image]) -> Any:
        tried.append(len(batch))
        if tried == [2, 2]:  # the second batch, while the model has the first
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return prepare(batch)

    monkeypatch.setattr(encoder, "_prepare", small_machine)
    found = encoder.encode_pages(images)
    assert tried == [2, 2, 2, 1, 1, 1, 1, 1]  # the third, prepared ahead in vain, is cut as well
    monkeypatch.undo()
    for page, image in zip(found, images, strict=True):
        [wanted] = encoder.encode_pages([image])
        assert np.abs(page.vectors - wanted.vectors).max() < 1e-5
