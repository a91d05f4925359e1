"""Weights of every family: LoRA adapters, names and files as published, precision. No download."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from test_encode_families import EVERY, Checkpoints
from test_encode_families import checkpoint as checkpoint
from tiny_models import drawn_page, publish, tiny, tiny_adapter

from vdr.encode.checkpoints import processor_folder
from vdr.encode.visual import FAMILIES, VisualEncoder, load
from vdr.encode.visual.families import COLPALI_ENGINE
from vdr.encode.visual.loading import attention
from vdr.errors import EncoderError
from vdr.types import Floats

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

ADAPTED = [model_type for model_type in EVERY if FAMILIES[model_type].library == COLPALI_ENGINE]
PAGE = drawn_page(300, 200)
QUESTION = "what is the net revenue"


def loaded(folder: Path) -> VisualEncoder:
    encoder = load(str(folder), device="cpu")
    assert isinstance(encoder, VisualEncoder)
    return encoder


def encoded(encoder: VisualEncoder) -> Floats:
    """The vectors of a page and of a query, one below the other."""
    return np.concatenate([encoder.encode_pages([PAGE])[0].vectors, encoder.encode_query(QUESTION).vectors])


def merge(encoder: VisualEncoder, adapter: Path) -> None:
    """Add an adapter to the weights of its base model by hand: W + alpha / r * B A."""
    weights, lora = encoder.model.state_dict(), load_file(adapter / "adapter_model.safetensors")
    down = [name for name in lora if name.endswith("lora_A.weight")]
    assert len(down) == len(lora) / 2 > 8
    for name in down:
        target = name.removeprefix("base_model.model.").replace("lora_A.", "")
        weights[target] += 8 / 4 * lora[name.replace("lora_A", "lora_B")] @ lora[name]


@pytest.mark.parametrize("model_type", ADAPTED)
def test_an_adapter_adds_its_product_to_the_base(checkpoint: Checkpoints, tmp_path: Path, model_type: str) -> None:
    base = checkpoint(model_type)
    adapter = tiny_adapter(tmp_path / "adapter", base)
    encoder = loaded(base)
    plain = encoded(encoder)
    merge(encoder, adapter)
    expected = encoded(encoder)
    assert np.abs(expected - plain).max() > 0.1
    assert np.abs(encoded(loaded(adapter)) - expected).max() < 1e-5
    publish(adapter, model_type)
    assert np.abs(encoded(loaded(adapter)) - expected).max() < 1e-5


@pytest.mark.parametrize("model_type", EVERY)
def test_published_names_and_files_load(checkpoint: Checkpoints, tmp_path: Path, model_type: str) -> None:
    folder = tiny(model_type, tmp_path / "published")
    publish(folder, model_type)
    assert np.abs(encoded(loaded(folder)) - encoded(loaded(checkpoint(model_type)))).max() < 1e-5


@pytest.mark.parametrize("model_type", ["qwen2_vl", "qwen2_5_vl"])
def test_a_configuration_from_before_text_config_loads(
    checkpoint: Checkpoints, tmp_path: Path, model_type: str
) -> None:
    folder = tiny(model_type, tmp_path / "flat")
    config = json.loads((folder / "config.json").read_text())
    text = config.pop("text_config")
    rope = text.pop("rope_parameters")
    old = {"rope_theta": rope["rope_theta"], "rope_scaling": {"type": "mrope", "mrope_section": rope["mrope_section"]}}
    (folder / "config.json").write_text(json.dumps(text | config | old))
    assert np.abs(encoded(loaded(folder)) - encoded(loaded(checkpoint(model_type)))).max() < 1e-5


def rebase(adapter: Path, base: Path) -> None:
    """Name another base model in an adapter."""
    path = adapter / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"base_model_name_or_path": str(base)}))


def test_an_adapter_may_bring_its_projection_whole(checkpoint: Checkpoints, tmp_path: Path) -> None:
    """Then the base may be a model that was never meant for retrieval."""
    whole = checkpoint("qwen2_5_vl")
    adapter = tiny_adapter(tmp_path / "adapter", whole, save=["custom_text_proj"])
    expected = encoded(loaded(adapter))
    chat = tiny("qwen2_5_vl", tmp_path / "chat")
    weights = load_file(chat / "model.safetensors")
    for name in [name for name in weights if name.startswith("custom_text_proj")]:
        del weights[name]
    save_file(weights, chat / "model.safetensors", metadata={"format": "pt"})
    rebase(adapter, chat)
    assert np.abs(encoded(loaded(adapter)) - expected).max() < 1e-5
    rebase(bare := tiny_adapter(tmp_path / "bare", whole), chat)
    with pytest.raises(EncoderError, match=r"bare lacks 2 of the weights of ColQwen2_5, as custom_text_proj\."):
        load(str(bare))


def test_an_adapter_of_another_model_is_refused(checkpoint: Checkpoints, tmp_path: Path) -> None:
    adapter = tiny_adapter(tmp_path / "adapter", checkpoint("qwen2_vl"))
    rebase(adapter, checkpoint("idefics3"))
    with pytest.raises(EncoderError, match=r"adapter .*another model|cannot be loaded as ColIdefics3"):
        load(str(adapter))
    path = adapter / "adapter_model.safetensors"
    weights = load_file(path)
    save_file({name.replace("layers.0", "layers.7"): w for name, w in weights.items()}, path, {"format": "pt"})
    rebase(adapter, checkpoint("qwen2_vl"))
    with pytest.raises(
        EncoderError, match=r"has 14 weights with no place in ColQwen2, as .*layers\.7\..*another model"
    ):
        load(str(adapter))


def test_a_layer_the_adapter_has_nothing_for_stays(checkpoint: Checkpoints, tmp_path: Path) -> None:
    """The towers of Omni moved under `model`, where the pattern of an older adapter finds them."""
    adapter = tiny_adapter(tmp_path / "adapter", checkpoint("qwen2_5_omni_thinker"))
    expected = encoded(loaded(adapter))
    path = adapter / "adapter_config.json"
    config = json.loads(path.read_text())
    wider = config["target_modules"].replace("language_model|text_model", "model")
    assert wider != config["target_modules"]
    path.write_text(json.dumps(config | {"target_modules": wider}))
    encoder = loaded(adapter)
    assert np.abs(encoded(encoder) - expected).max() < 1e-5
    names = [name for name, _ in encoder.model.named_parameters()]
    assert any("visual" in name and "lora_B" in name for name in names)


def test_an_adapter_without_a_processor_takes_that_of_its_base(checkpoint: Checkpoints, tmp_path: Path) -> None:
    base = checkpoint("qwen2_vl")
    (tmp_path / "tokenizer_config.json").touch()
    assert processor_folder(tmp_path, base) == base
    (tmp_path / "preprocessor_config.json").touch()
    assert processor_folder(tmp_path, base) == tmp_path
    (tmp_path / "tokenizer_config.json").unlink()
    assert processor_folder(tmp_path, base) == base
    assert processor_folder(tmp_path, None) == tmp_path


# --- precision ---


def halve(folder: Path) -> None:
    """Save a tiny checkpoint again in bfloat16, as most published ones are."""
    path = folder / "model.safetensors"
    half = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}
    save_file(half, path, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))


@pytest.mark.parametrize("model_type", EVERY)
def test_bfloat16_where_it_is_fast_and_loses_nothing(
    checkpoint: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_type: str
) -> None:
    monkeypatch.setattr("vdr.encode.visual.loading.best_dtype", lambda device: torch.bfloat16)
    exact = loaded(checkpoint(model_type))
    folder = tiny(model_type, tmp_path / "half")
    halve(folder)
    fast = loaded(folder)
    assert (exact.model.dtype, fast.model.dtype) == (torch.float32, torch.bfloat16)
    assert (encoded(exact) * encoded(fast)).sum(axis=1).min() > 0.98


def test_an_adapter_takes_the_precision_of_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdr.encode.visual.loading.best_dtype", lambda device: torch.bfloat16)
    base = tiny("qwen2_vl", tmp_path / "base")
    adapter = tiny_adapter(tmp_path / "adapter", base)
    assert {tensor.dtype for tensor in load_file(adapter / "adapter_model.safetensors").values()} == {torch.float32}
    halve(base)
    assert {weights.dtype for weights in loaded(adapter).model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("model_type", "device", "installed", "expected"),
    [
        ("qwen2_vl", "cuda:0", True, "flash_attention_2"),
        ("qwen2_vl", "cuda:0", False, "sdpa"),
        ("qwen2_vl", "cpu", True, "sdpa"),
        ("gemma3", "cuda", True, "sdpa"),
        ("colpali", "cuda", True, "sdpa"),
    ],
)
def test_flash_attention_where_it_is_installed_and_right(
    monkeypatch: pytest.MonkeyPatch, model_type: str, device: str, installed: bool, expected: str
) -> None:
    monkeypatch.setattr("transformers.utils.is_flash_attn_2_available", lambda: installed)
    assert attention(device, torch.bfloat16, FAMILIES[model_type]) == expected
