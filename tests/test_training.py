"""The training loop, on two drawn pages: it learns, stops, goes on, and its weights are what the package reads."""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader

from training import released, train
from training.crops import Crops, crop
from training.pages.shards import CHARACTER, CLEAN, Page, write
from training.released import load, save
from training.slimmer import importance, slimmer
from vdr.encode.mini.cells import CELL, FRAMES
from vdr.encode.mini.eight_bits import ranges
from vdr.encode.mini.encoder import WEIGHTS
from vdr.encode.mini.network import Tower, fused, tower_of
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


def run(shards: Path, out: Path, steps: int, monkeypatch: pytest.MonkeyPatch, *more: str) -> list[dict[str, float]]:
    arguments = ["--data", str(shards), "--out", str(out), "--steps", str(steps), "--batch", "2", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["train", *arguments, "--crop", "128", "192", "--rate", "0.02", *more])
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


def test_a_narrower_tower_learns_from_a_wider_one(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = ("--init", str(WEIGHTS), "--width", "48", "--teacher", str(WEIGHTS))
    first = run(shards, tmp_path, 5, monkeypatch, *start)
    last = run(shards, tmp_path, 25, monkeypatch, *start)
    assert 0 < last[-1]["teacher"] < 0.8 * first[-1]["teacher"]
    tower = load(tmp_path / "tower.safetensors")
    assert tower.letters.in_features == 48
    changed = load(WEIGHTS).state_dict()["stem.1.weight"] - tower.state_dict()["stem.1.weight"]
    assert changed.abs().mean() < 0.05  # the first layer was taken over


def test_the_channels_that_count_are_kept(shards: Path) -> None:
    torch.manual_seed(0)
    tower = Tower(width=16).eval()
    dead = torch.arange(16) % 2 == 1
    norms = [module for module in tower.modules() if isinstance(module, nn.BatchNorm2d) and module.num_features == 16]
    assert len(norms) == 7
    for norm in norms:
        norm.weight.data[dead] = norm.bias.data[dead] = 0
    batch = next(iter(DataLoader(Crops([shards], (128, 192), 0), batch_size=2)))
    assert (importance(tower, [batch]) > 0).tolist() == (~dead).tolist()
    narrow = slimmer(tower, 8, [batch]).eval()
    ink = 1 - batch[0].float() / 255
    for one, other in zip(narrow(ink)[1:], tower(ink)[1:], strict=True):
        torch.testing.assert_close(one, other)
    cells = torch.rand(5, 16)
    torch.testing.assert_close(narrow.name(cells[:, ~dead]), tower.name(cells * ~dead))


def test_released_weights_are_read_back_as_they_were_trained(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tower = Tower(width=16).eval()
    save(tower, tmp_path / "tower.safetensors", torch.rand(1, 1, 64, 64))
    again = load(tmp_path / "tower.safetensors")
    for name, value in tower.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, atol=1e-3, rtol=1e-3, msg=name)


def test_ranges_are_taken_anew_from_crops(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    weights = tmp_path / "tower.safetensors"
    save(Tower(width=16), weights, torch.zeros(1, 1, 64, 64))
    before = load_file(weights)
    arguments = [str(weights), "--data", str(shards), "--crops", "3", "--crop", "128", "192"]
    monkeypatch.setattr(sys, "argv", ["released", *arguments])
    released.main()
    after = load_file(weights)
    assert (after["ranges"] >= before["ranges"]).all() and (after["ranges"] > before["ranges"]).any()
    crops = [1 - pixels.float() / 255 for pixels, *_ in islice(Crops([shards], (128, 192), 0), 3)]
    tower = fused(tower_of({name: value.float() for name, value in after.items() if name != "ranges"}).eval())
    torch.testing.assert_close(after["ranges"], ranges(tower, torch.stack(crops)))
    assert all(torch.equal(after[name], before[name]) for name in before if name != "ranges")


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
