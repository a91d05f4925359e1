"""The training loop, on two drawn pages: it learns, stops, goes on, and its weights are what the package reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from training import train
from training.crops import Crops, crop
from training.pages.shards import CHARACTER, CLEAN, Page, write
from vdr.encode.mini.cells import CELL, FRAMES
from vdr.encode.mini.reader import Reader


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    font = ImageFont.load_default(20)
    pages = []
    for words in (["alpha beta gamma"] * 12, ["one two three four"] * 12):
        image = Image.new("L", (400, 400), 255)
        draw = ImageDraw.Draw(image)
        rows = []
        for line, text in enumerate(words):
            x, y, word = 20.0, 40 + 28 * line, 4 * line
            for character in text:
                advance = font.getlength(character)
                if character == " ":
                    word += 1
                else:
                    draw.text((x, y), character, fill=0, font=font, anchor="ls")
                    rows.append((0, ord(character), x, x + advance, y, 20, 0, word, line, 0, 10))
                x += advance
        pages.append(Page(np.asarray(image), np.array(rows, CHARACTER), CLEAN))
    write(folder / "shard-00000", pages)
    return folder


def run(shards: Path, out: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, float]]:
    arguments = ["--data", str(shards), "--out", str(out), "--steps", str(steps), "--batch", "2", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["train", *arguments, "--crop", "128", "192", "--rate", "0.02"])
    train.main()
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def test_training_learns_and_goes_on_where_it_stopped(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(shards, tmp_path, 20, monkeypatch)
    assert [line["step"] for line in first] == [20]
    second = run(shards, tmp_path, 60, monkeypatch)
    assert [line["step"] for line in second] == [20, 50, 60]
    assert second[-1]["characters"] < 0.8 * second[0]["characters"]
    assert second[-1]["seen"] > second[0]["seen"] > 0
    Reader(tmp_path / "tower.safetensors", torch.device("cpu"), torch.float32)  # raises if a weight is missing


def test_crops_are_the_same_for_the_same_seed(shards: Path) -> None:
    def first(seed: int) -> list[torch.Tensor]:
        return list(next(iter(Crops([shards], (128, 192), seed))))

    for one, other in zip(first(3), first(3), strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)
    assert not torch.equal(first(3)[0], first(4)[0])


def test_a_crop_has_targets_for_its_cells(shards: Path) -> None:
    page = Page(np.full((300, 300), 255, np.uint8), np.zeros(0, CHARACTER), CLEAN)
    pixels, axis, place, characters, *_ = crop(page, (128, 192), np.random.default_rng(0))
    assert pixels.shape == (1, 128, 192)
    assert axis.shape == (128 // CELL, 192 // CELL)
    assert axis.sum() == 0
    assert place.shape == (2, 128 // CELL, 192 // CELL)
    assert characters.shape == (128 // CELL, 192 // CELL * FRAMES)


def test_no_shards_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no shards in"):
        Crops([tmp_path], (128, 192), 0)
