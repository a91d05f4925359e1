"""One encoder on several devices: real processes with a tiny real checkpoint, on `cpu` as often as wanted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_models import drawn_page, one_thread, tiny_colqwen2

from vdr.encode import pages
from vdr.encode.devices import best_devices
from vdr.encode.parallel import ParallelPageEncoder
from vdr.encode.visual import VisualEncoder
from vdr.errors import EncoderError
from vdr.types import PageEncoder

SIZES = ((140, 196), (196, 140), (140, 140), (84, 196), (196, 196), (140, 84), (84, 84))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with one_thread(), pytest.MonkeyPatch.context() as environment:
        environment.setenv("OMP_NUM_THREADS", "1")
        yield tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def encoder(checkpoint: Path) -> ParallelPageEncoder:
    encoder = pages.load(str(checkpoint), devices=("cpu", "cpu", "cpu"))
    assert isinstance(encoder, ParallelPageEncoder)
    return encoder


@pytest.fixture
def images() -> list[Image.Image]:
    return [drawn_page(*size, seed) for seed, size in enumerate(SIZES)]


@pytest.mark.parametrize(
    ("count", "expected"), [(0, ("cpu",)), (1, ("cuda",)), (3, ("cuda:0", "cuda:1", "cuda:2"))], ids=str
)
def test_every_gpu_is_used(monkeypatch: pytest.MonkeyPatch, count: int, expected: tuple[str, ...]) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert best_devices() == expected


def test_one_device_needs_no_other_process(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(pages.load(str(checkpoint), devices=("cpu",)), VisualEncoder)
    monkeypatch.setattr(pages, "best_devices", lambda: ("cpu",))
    assert isinstance(pages.load(str(checkpoint)), VisualEncoder)
    monkeypatch.setattr(pages, "best_devices", lambda: ("cpu", "cpu"))
    assert isinstance(pages.load(str(checkpoint)), ParallelPageEncoder)


def test_the_pages_of_all_devices_are_those_of_one_in_order(
    encoder: ParallelPageEncoder, checkpoint: Path, images: list[Image.Image]
) -> None:
    alone = pages.load(str(checkpoint), devices=("cpu",))
    assert (encoder.name, encoder.dim, encoder.fingerprint) == (alone.name, alone.dim, alone.fingerprint)
    assert encoder.pages_at_once == 3 * alone.pages_at_once  # type: ignore[attr-defined]
    for count in (7, 2, 1, 0):  # with 2, a device gets none
        found, wanted = encoder.encode_pages(images[:count]), alone.encode_pages(images[:count])
        assert len(found) == len(wanted) == count
        for page, expected in zip(found, wanted, strict=True):
            assert page.boxes is not None and expected.boxes is not None
            assert np.array_equal(page.boxes, expected.boxes)
            assert np.abs(page.vectors - expected.vectors).max() < 1e-5
    query = encoder.encode_query("net revenue")
    assert np.array_equal(query.vectors, alone.encode_query("net revenue").vectors)


def test_every_process_encodes_its_share_and_stays_for_the_next_pages(
    encoder: ParallelPageEncoder, images: list[Image.Image]
) -> None:
    encoder.encode_pages(images)
    first = [worker._process.pid for worker in encoder._others]
    assert len({os.getpid(), *first}) == 3
    encoder.encode_pages(images)
    assert [worker._process.pid for worker in encoder._others] == first


def test_an_error_names_its_device_and_spoils_nothing(encoder: ParallelPageEncoder, images: list[Image.Image]) -> None:
    before = encoder.encode_pages(images)
    for place in (0, 6):  # in this process, in the last one
        odd = list(images)
        odd[place] = drawn_page(3000, 10)
        with pytest.raises(EncoderError, match=r"^cpu: .*tiny cannot take in pages of .*3000 x 10.*aspect ratio"):
            encoder.encode_pages(odd)
        for page, wanted in zip(encoder.encode_pages(images), before, strict=True):
            assert np.abs(page.vectors - wanted.vectors).max() < 1e-5


def test_a_process_that_was_killed_is_reported_and_replaced(
    encoder: ParallelPageEncoder, images: list[Image.Image]
) -> None:
    before = encoder.encode_pages(images)
    killed = encoder._others[1]._process
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(EncoderError, match=r"^cpu: the process that encodes on it ended with status -9"):
        encoder._others[1].encode_pages(images[:1])
    after = encoder.encode_pages(images)
    assert killed not in [worker._process for worker in encoder._others]
    assert np.abs(after[-1].vectors - before[-1].vectors).max() < 1e-5


def unknown_there(parent: int, name: str, device: str) -> PageEncoder:
    """Load a model that only the first process can."""
    return pages.load(name if os.getpid() == parent else "nonsense", devices=(device,))


def test_a_model_that_cannot_be_loaded_there_is_one_error(checkpoint: Path, images: list[Image.Image]) -> None:
    encoder = ParallelPageEncoder(partial(unknown_there, os.getpid(), str(checkpoint)), ("cpu", "cpu"))
    with pytest.raises(EncoderError, match=r"^cpu: No model nonsense: it is not a folder"):
        encoder.encode_pages(images)


SCRIPT = """
import os, signal, sys
from PIL import Image
from vdr.encode import pages

encoder = pages.load(sys.argv[1], devices=("cpu", "cpu"))
print(len(encoder.encode_pages([Image.new("RGB", (84, 84))] * 4)))
print(*[worker._process.pid for worker in encoder._others], flush=True)
if sys.argv[2] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("end", ["normal", "killed"])
def test_the_processes_end_with_a_script_that_has_no_guard(checkpoint: Path, tmp_path: Path, end: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    result = subprocess.run([sys.executable, script, checkpoint, end], capture_output=True, text=True, check=False)
    assert result.stderr == ""
    count, pid = result.stdout.split()
    assert count == "4"
    assert result.returncode == (0 if end == "normal" else -signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists() if sys.platform == "linux" else _runs(int(pid)):
        assert time.monotonic() < deadline, "it runs on"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
