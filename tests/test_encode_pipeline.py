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


@pytest.mark.parametrize("threads", [1, 3])
def test_the_vectors_are_those_of_one_batch_after_another(
    encoder: VisualEncoder, images: list[Image.Image], threads: int
) -> None:
    plain = []
    for start in range(0, len(images), 2):
        prepared = encoder.prepare(images[start : start + 2])
        kept, vectors = encoder.forward(prepared.batch)
        plain += [(vectors[row][kept[row]], prepared.boxes[row][kept[row]]) for row in range(len(kept))]
    assert encoder.preparers == 1  # on a processor
    encoder.preparers = threads
    found = encoder.encode_pages(images)
    for page, (wanted, places) in zip(found, plain, strict=True):
        assert page.boxes is not None
        assert np.array_equal(page.vectors, wanted)
        assert np.array_equal(page.boxes, places)


def test_threads_prepare_at_the_same_time_and_as_many_batches_ahead(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.preparers = 3
    processor = encoder._processor
    process, forward = type(processor).process_images, encoder.forward
    together, used = threading.Barrier(3), []
    ahead: list[int] = []  # batches begun when the model takes up each

    def processing(own: Any, batch: list[Image.Image]) -> Any:
        used.append(own)
        if len(used) <= 3:
            together.wait(30)  # a thread alone would wait in vain
        return process(own, batch)

    def working(batch: BatchFeature) -> Any:
        ahead.append(len(used))
        return forward(batch)

    monkeypatch.setattr(type(processor), "process_images", processing)
    monkeypatch.setattr(encoder, "forward", working)
    assert len(encoder.encode_pages(images * 2)) == 14
    assert len(set(map(id, used[:3]))) == 3
    assert len({*map(id, used), id(processor)}) == 4  # that for queries stays free
    assert ahead[0] >= 3
    assert all(begun <= taken_up + 1 + 3 for taken_up, begun in enumerate(ahead))


def test_the_next_batch_and_no_further_is_prepared_during_the_present_one(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, forward = encoder.prepare, encoder.forward
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

    monkeypatch.setattr(encoder, "prepare", preparing)
    monkeypatch.setattr(encoder, "forward", working)
    assert len(encoder.encode_pages(images)) == len(images)
    assert seen == [2, 3, 4, 4]


def test_an_error_in_preparing_surfaces_in_its_turn(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, worked = encoder.forward, []

    def working(batch: BatchFeature) -> Any:
        worked.append(len(batch["input_ids"]))
        return forward(batch)

    monkeypatch.setattr(encoder, "forward", working)
    images[4] = drawn_page(3000, 10)
    with pytest.raises(EncoderError, match="cannot take in pages of 3000 x 10, 140 x 84 pixels: absolute aspect"):
        encoder.encode_pages(images)
    assert worked == [2, 2]  # those before it, and none after
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("vdr-prepare")]


def test_running_out_of_memory_in_preparing_halves_the_batch(
    encoder: VisualEncoder, images: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare, tried = encoder.prepare, []

    def small_machine(batch: Sequence[Image.Image]) -> Any:
        tried.append(len(batch))
        if tried == [2, 2]:  # the second batch, while the model has the first
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return prepare(batch)

    monkeypatch.setattr(encoder, "prepare", small_machine)
    found = encoder.encode_pages(images)
    assert tried[2:] in ([1] * 5, [2, *[1] * 5])  # the third, if it was begun already, is cut as well
    monkeypatch.undo()
    for page, image in zip(found, images, strict=True):
        [wanted] = encoder.encode_pages([image])
        assert np.abs(page.vectors - wanted.vectors).max() < 1e-5
