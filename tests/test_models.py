"""What `vdr models` tells, and getting a model ahead. No download."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import vdr
from tiny_models import tiny_adapter, tiny_colqwen2

from vdr.encode import EMBEDDED
from vdr.encode.catalogue import BENCHMARKS, CATALOGUE, Model
from vdr.encode.checkpoints import base_checkpoint, checkpoint_fingerprint
from vdr.encode.memory import Machine, bytes_needed, place, this_machine
from vdr.encode.pull import pull
from vdr.errors import EncoderError

COLPALI = next(model for model in CATALOGUE if model.name == "vidore/colpali-v1.3")


def test_the_catalogue_is_in_order() -> None:
    names = [model.name for model in CATALOGUE]
    assert len(set(names)) == len(names)
    for channel, embedded in EMBEDDED.items():
        assert set(embedded) <= {model.name for model in CATALOGUE if model.channel == channel}
    hub_ids = set(names) - {name for embedded in EMBEDDED.values() for name in embedded}
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", name) for name in hub_ids)
    for model in CATALOGUE:
        assert model.quality is None or 0 < model.quality < 1
        assert model.channel in BENCHMARKS
        assert model.patches is None or model.channel == "visual"
    assert (COLPALI.parameters, COLPALI.dim, COLPALI.patches, COLPALI.quality) == (2_900_000_000, 128, 1024, 0.4802)


def test_the_catalogue_agrees_with_the_embedded_encoder() -> None:
    from vdr.encode import load_page_encoder, load_text_encoder

    [minilm] = [model for model in CATALOGUE if model.name == "minilm"]
    assert load_text_encoder("minilm").dim == minilm.dim
    [mini] = [model for model in CATALOGUE if model.name == "vdr-mini"]
    assert load_page_encoder("vdr-mini").dim == mini.dim


def test_memory_is_estimated_from_parameters() -> None:
    assert bytes_needed(COLPALI, gpu=True) == 7_250_000_000
    assert bytes_needed(COLPALI, gpu=False) == 14_500_000_000
    unknown = Model("visual", "a/b", "?", None, None, "?", "?")
    assert bytes_needed(unknown, gpu=True) is None
    assert place(unknown, Machine(10**12)) == "?"
    assert place(COLPALI, Machine(16 * 10**9, "a GPU", 8 * 10**9)) == "gpu"
    assert place(COLPALI, Machine(16 * 10**9, "a GPU", 6 * 10**9)) == "cpu"
    assert place(COLPALI, Machine(8 * 10**9)) == "none"


def test_a_gpu_is_found_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    without = this_machine()
    assert (without.gpu, without.gpu_memory) == ("", 0)
    assert 1e8 < without.memory < 1e15
    program = tmp_path / "nvidia-smi"
    program.write_text(
        f"#!{sys.executable}\nprint('NVIDIA L4, 23034')\nprint('NVIDIA H200, NVL, 143771')\nprint('x')\n"
    )
    program.chmod(0o755)
    assert this_machine() == Machine(without.memory, "NVIDIA H200, NVL", 143771 << 20)
    program.write_text(f"#!{sys.executable}\nraise SystemExit('no driver')\n")
    assert this_machine() == without


def test_models_are_told_as_json_and_as_text() -> None:
    told = json.loads(vdr("models", "--json").stdout)
    assert list(told) == ["machine", "benchmarks", "models"]
    assert told["benchmarks"]["visual"]["name"] == "NanoViDoRe v3"
    assert told["benchmarks"]["visual"]["source"].startswith("https://")
    [model] = [model for model in told["models"] if model["name"] == "vidore/colpali-v1.3"]
    assert (model["channel"], model["gpu_bytes"], model["cpu_bytes"]) == ("visual", 7_250_000_000, 14_500_000_000)
    assert model["fits"] in ("gpu", "cpu", "none")
    text = vdr("models").stdout
    assert re.search(r"^visual  vidore/colpali-v1.3 +2.9 B   128    1,024    .480  7.2 GB / 14.5 GB  \w+$", text, re.M)
    assert text.count("\n        ") == len(CATALOGUE)
    assert "memory   an estimate: parameters x 2 bytes on a GPU" in text


def test_models_imports_nothing_heavy() -> None:
    code = (
        "import sys; from vdr.commands.encoders import models; models(); "
        "sys.exit(any(m in sys.modules for m in ('torch', 'lancedb', 'gradio', 'transformers', 'huggingface_hub')))"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        ("HF_HUB_OFFLINE", "1", "its files are not all in the hub's cache while HF_HUB_OFFLINE forbids downloads"),
        ("HF_ENDPOINT", "http://127.0.0.1:9", r"the hub cannot be used \(.*[Cc]onnection refused.*\)"),
    ],
)
def test_pull_without_a_network_says_how_to_do_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv(variable, value)
    done = vdr("pull", "someone/some-model@v1", "--to", tmp_path / "model", code=1)
    assert re.fullmatch(
        rf"vdr: No model someone/some-model@v1: it is not a folder, and {reason}\. Without a network: `hf download "
        r"someone/some-model --revision v1 --local-dir \S+` elsewhere, copy the folder, give its path\.\n",
        done.stderr,
    )
    assert (done.stdout, (tmp_path / "model").exists()) == ("", False)


def test_pull_of_an_embedded_encoder_has_nothing_to_do() -> None:
    assert vdr("pull", "minilm").stderr == "minilm is part of the installation; there is nothing to download.\n"


def test_a_pulled_adapter_brings_its_base(tmp_path: Path) -> None:
    base = tiny_colqwen2(tmp_path / "base")
    adapter = tiny_adapter(tmp_path / "adapter", base)
    assert pull(str(adapter)) == adapter
    copied = pull(str(adapter), tmp_path / "carried")
    assert copied == tmp_path / "carried"
    assert base_checkpoint(copied) == tmp_path / "carried-base"
    assert checkpoint_fingerprint(copied) == checkpoint_fingerprint(adapter)
    with pytest.raises(EncoderError, match=r"carried is there already\. Name a new folder with --to\."):
        pull(str(adapter), tmp_path / "carried")


def test_a_pulled_model_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs, snapshot = tmp_path / "hub" / "blobs", tmp_path / "hub" / "models--a--b" / "snapshots" / "0123abcd"
    for folder in (blobs, snapshot, snapshot.parent.parent / "refs"):
        folder.mkdir(parents=True)
    (blobs / "one").write_text('{"model_type": "x"}')
    (snapshot / "config.json").symlink_to(blobs / "one")
    (snapshot.parent.parent / "refs" / "v1").write_text("0123abcd")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    assert pull("a/b@v1") == snapshot
    copied = pull("a/b@v1", tmp_path / "carried") / "config.json"
    assert not copied.is_symlink()
    assert copied.read_text() == '{"model_type": "x"}'


def test_the_tables_in_the_docs_are_those_of_the_catalogue() -> None:
    text = (Path(__file__).parent.parent / "docs" / "models.md").read_text("utf-8")
    rows = {
        cells[0]: cells[1:] for cells in re.findall(r"^\| `([\w./-]+)`( \*)? \|" + r" (.*?) \|" * 5 + "$", text, re.M)
    }
    assert list(rows) == [model.name for model in CATALOGUE]
    for model in CATALOGUE:
        star, _, dim, quality, licence, languages = rows[model.name]
        assert bool(star) == model.own_code
        assert (dim, licence, languages) == (str(model.dim or "?"), model.licence, model.languages)
        assert quality == ("?" if model.quality is None else f"{model.quality:.3f}".lstrip("0"))
