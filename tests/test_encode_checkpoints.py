"""Which checkpoints load, which are refused with what words, and how they are told apart. No download."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tiny_models import one_thread, tiny_adapter, tiny_colqwen2

from vdr.encode.checkpoints import base_checkpoint, checkpoint_fingerprint, resolve_checkpoint
from vdr.encode.visual import FAMILIES, load
from vdr.errors import EncoderError

if TYPE_CHECKING:
    pass


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with one_thread():
        yield tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny")


def test_an_adapter_whose_base_is_missing(checkpoint: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter(tmp_path / "adapter", checkpoint)
    rewrite(adapter / "adapter_config.json", base_model_name_or_path="/gone/base")
    with pytest.raises(EncoderError, match=r"adapter needs its base model\. No model /gone/base: it is not a"):
        base_checkpoint(adapter)
    rewrite(adapter / "adapter_config.json", base_model_name_or_path=None)
    with pytest.raises(EncoderError, match="names no base model: set base_model_name_or_path in its"):
        base_checkpoint(adapter)


def test_a_fingerprint_is_of_the_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "other name"))
    fingerprint = checkpoint_fingerprint(checkpoint)
    assert len(fingerprint) == 16
    assert checkpoint_fingerprint(copy) == fingerprint
    assert checkpoint_fingerprint(tiny_colqwen2(tmp_path / "seed", seed=1)) != fingerprint
    rewrite(copy / "config.json", image_token_id=0)
    assert checkpoint_fingerprint(copy) != fingerprint


def test_the_fingerprint_of_an_adapter_covers_its_base_wherever_that_is(checkpoint: Path, tmp_path: Path) -> None:
    adapter = tiny_adapter(tmp_path / "adapter", checkpoint)
    fingerprint = checkpoint_fingerprint(adapter)
    assert fingerprint != checkpoint_fingerprint(checkpoint)
    moved = shutil.copytree(checkpoint, tmp_path / "moved")
    rewrite(adapter / "adapter_config.json", base_model_name_or_path=str(moved))
    assert checkpoint_fingerprint(adapter) == fingerprint
    other = tiny_colqwen2(tmp_path / "other", seed=1)
    rewrite(adapter / "adapter_config.json", base_model_name_or_path=str(other))
    assert checkpoint_fingerprint(adapter) != fingerprint


@pytest.fixture
def offline_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of a hub that must not be asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_hub_id_is_found_in_the_cache(checkpoint: Path, offline_cache: Path) -> None:
    repository = offline_cache / "models--someone--tiny"
    shutil.copytree(checkpoint, repository / "snapshots" / "0123abcd")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abcd")
    folder = resolve_checkpoint("someone/tiny")
    assert folder == repository / "snapshots" / "0123abcd"
    assert checkpoint_fingerprint(folder) == checkpoint_fingerprint(checkpoint)


def test_a_revision_is_a_branch_or_a_commit(checkpoint: Path, offline_cache: Path, tmp_path: Path) -> None:
    repository = offline_cache / "models--someone--tiny"
    commits = {"main": "0" * 40, "v1.2": "1" * 40}
    for name, commit in commits.items():
        shutil.copytree(checkpoint, repository / "snapshots" / commit)
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / name).write_text(commit)
    assert resolve_checkpoint("someone/tiny").name == commits["main"]
    assert resolve_checkpoint("someone/tiny@v1.2").name == commits["v1.2"]
    assert resolve_checkpoint(f"someone/tiny@{commits['v1.2']}").name == commits["v1.2"]
    with pytest.raises(EncoderError, match=r"hf download someone/tiny --revision v3 --local-dir tiny@v3` elsewhere"):
        resolve_checkpoint("someone/tiny@v3")
    adapter = tiny_adapter(tmp_path / "adapter", checkpoint)
    rewrite(adapter / "adapter_config.json", base_model_name_or_path="someone/tiny", revision="v1.2")
    assert base_checkpoint(adapter) == repository / "snapshots" / commits["v1.2"]
    rewrite(adapter / "adapter_config.json", base_model_name_or_path=str(checkpoint))
    assert base_checkpoint(adapter) == checkpoint


def test_a_hub_id_that_is_not_there(offline_cache: Path) -> None:
    with pytest.raises(EncoderError) as caught:
        resolve_checkpoint("someone/no-such-model")
    assert str(caught.value) == (
        "No model someone/no-such-model: it is not a folder, and its files are not all in the hub's cache "
        "while HF_HUB_OFFLINE forbids downloads. Without a network: `hf download someone/no-such-model "
        "--local-dir no-such-model` elsewhere, copy the folder, give its path."
    )


@pytest.mark.parametrize("name", ["/no/such/folder", "./models/tiny", "tiny", "a/b/c", ""])
def test_a_name_that_is_neither_folder_nor_hub_id(name: str) -> None:
    with pytest.raises(EncoderError, match="it is not a folder, nor a hub id like "):
        resolve_checkpoint(name)


def test_an_unknown_family_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "llava", "architectures": ["LlavaForSomething"]}')
    with pytest.raises(
        EncoderError, match=r"model_type 'llava', architectures \['LlavaForSomething'\]\. Known: .*qwen2_vl"
    ):
        load(str(tmp_path))


def test_a_folder_that_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"is not a usable model folder: config\.json: .*No such file"):
        load(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(EncoderError, match=r"is not a usable model folder: config\.json: Expecting property"):
        load(str(tmp_path))
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(EncoderError, match="holds no JSON object"):
        load(str(tmp_path))


def test_a_damaged_checkpoint_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EncoderError, match="copy cannot be loaded as ColQwen2: "):
        load(str(copy))
    weights.unlink()
    with pytest.raises(EncoderError, match=r"copy cannot be loaded as ColQwen2: .*no file named model.safetens"):
        load(str(copy))


def test_a_model_that_was_not_trained_for_retrieval_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    copy = Path(shutil.copytree(checkpoint, tmp_path / "chat"))
    weights = load_file(copy / "model.safetensors")
    chat = {name: tensor for name, tensor in weights.items() if not name.startswith("custom_text_proj")}
    save_file(chat, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(EncoderError, match=r"lacks 2 of the weights of ColQwen2, as custom_text_proj\.bias"):
        load(str(copy))


def test_the_table_names_real_classes() -> None:
    from colpali_engine import models
    from transformers import PreTrainedModel, ProcessorMixin

    for family in FAMILIES.values():
        classes = import_module(family.library)
        assert issubclass(getattr(classes, family.processor), ProcessorMixin)
        assert issubclass(getattr(classes, family.model), PreTrainedModel)
    known = {family.model for family in FAMILIES.values()}
    assert {name for name in dir(models) if name.startswith("Col") and "Processor" not in name} <= known


def rewrite(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
