"""Finds the folder of a model and tells checkpoints apart.

It knows files and the Hugging Face hub. It knows no model class and nothing of how vectors are made.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

from vdr.errors import EncoderError, first_line

logger = logging.getLogger(__name__)

_ADAPTER = "adapter_config.json"
_BASE = "base_model_name_or_path"
_HUB_ID = re.compile(r"(\w[\w.-]*/\w[\w.-]*)(?:@(\w[\w./-]*))?")
_NEEDED = ["*.json", "*.jinja", "*.model", "*.py", "*.safetensors", "*.txt", "artifact.metadata"]
_MIB = 1 << 20


def resolve_checkpoint(name: str) -> Path:
    """Return the folder of a model: `name` itself, or the hub's snapshot of it.

    A snapshot that is whole in the hub's cache is used without asking the network, so a corpus keeps the
    checkpoint it was made with; only what is missing is downloaded. `HF_HOME`, `HF_TOKEN` and
    `HF_HUB_OFFLINE` mean what they mean to the hub's own tools.

    Args:
        name: A folder, or a hub id like `vidore/colqwen2-v1.0`, maybe with a branch, tag or commit behind an @:
            `vidore/colqwen2-v1.0@main`.

    Raises:
        EncoderError: There is no such folder and the hub does not give the model.
    """
    folder = Path(name).expanduser()
    if name and folder.is_dir():
        return folder
    hub_id = _HUB_ID.fullmatch(name)
    if not hub_id:
        raise EncoderError(
            f"No model {name}: it is not a folder, nor a hub id like vidore/colqwen2-v1.0. Give one of these."
        )

    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    repository, revision = hub_id.groups()
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=_NEEDED, local_files_only=True))
    except LocalEntryNotFoundError:
        logger.info("downloading %s from the Hugging Face hub", name)
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=_NEEDED))
    except Exception as error:  # the hub's client lets errors of its HTTP library through
        raise EncoderError(
            f"No model {name}: it is not a folder, and {_why(error)}. Without a network: "
            f"`hf download {repository}{f' --revision {revision}' if revision else ''} --local-dir {folder.name}` "
            "elsewhere, copy the folder, give its path."
        ) from error


def _why(error: Exception) -> str:
    """Say in half a sentence why the hub did not give a model."""
    from huggingface_hub.errors import (
        GatedRepoError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return "the hub wants its terms accepted first (then log in with `hf auth login`)"
    if isinstance(error, RevisionNotFoundError):
        return "the hub's model has no such revision"
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no public model of that name"
    if isinstance(error.__cause__, OfflineModeIsEnabled):
        return "its files are not all in the hub's cache while HF_HUB_OFFLINE forbids downloads"
    return f"the hub cannot be used ({first_line(error.__cause__ or error)})"


def read_config(folder: Path, file: str = "config.json") -> dict[str, Any]:
    """Return a JSON object of a checkpoint.

    Raises:
        EncoderError: The file is missing, or is not a JSON object.
    """
    path = folder / file
    try:
        config = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EncoderError(f"{folder} is not a usable model folder: {file}: {first_line(error)}") from error
    if not isinstance(config, dict):
        raise EncoderError(f"{folder} is not a usable model folder: {file} holds no JSON object")
    return config


def base_checkpoint(folder: Path) -> Path | None:
    """Return the folder of the model that a LoRA adapter changes; None if `folder` is a whole model.

    Raises:
        EncoderError: The base model cannot be found.
    """
    weights = {path.name for path in folder.glob("*.safetensors")}
    if not (folder / _ADAPTER).is_file() or weights - {"adapter_model.safetensors"}:
        return None
    config = read_config(folder, _ADAPTER)
    name, revision = config.get(_BASE), config.get("revision")
    if not name:
        raise EncoderError(f"The adapter {folder} names no base model: set {_BASE} in its {_ADAPTER}")
    pinned = revision and "@" not in name and not Path(name).is_dir()
    try:
        return resolve_checkpoint(f"{name}@{revision}" if pinned else name)
    except EncoderError as error:
        raise EncoderError(f"The adapter {folder} needs its base model. {error} ({_BASE} in {_ADAPTER})") from error


def processor_folder(folder: Path, base: Path | None) -> Path:
    """Return the folder with a model's tokenizer and image processor: an adapter may bring its own or not."""
    files = {path.name for path in folder.iterdir()}
    own = "tokenizer_config.json" in files and files & {"preprocessor_config.json", "processor_config.json"}
    return folder if own or base is None else base


def checkpoint_fingerprint(folder: Path) -> str:
    """Return 16 hex digits that tell checkpoints apart, whatever their folders and files are called.

    They cover the configurations (`*config*.json`, `modules.json`, Stanford's `artifact.metadata`), chat templates,
    of each weight file the size, first and last MiB, and for an adapter its base model in place of the base model's
    name. A change in the middle of a weight file alone stays unseen, and so do the vocabulary and the code of the
    model.

    Raises:
        EncoderError: A configuration cannot be read, or an adapter's base model cannot be found.
    """
    parts = [_config_digest(path) for path in (*folder.rglob("*config*.json"), *folder.rglob("modules.json"))]
    recipes = (*folder.rglob("artifact.metadata"), *folder.rglob("*.jinja"))
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in recipes]
    weights = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("*.bin"))
    parts += [_weights_digest(path) for path in weights]
    base = base_checkpoint(folder)
    if base is not None:
        parts.append(checkpoint_fingerprint(base))
    return hashlib.sha256("".join(sorted(parts)).encode()).hexdigest()[:16]


def _config_digest(path: Path) -> str:
    """Return a digest of what a configuration says, not of how it is laid out."""
    try:
        config = json.loads(path.read_bytes())
    except ValueError as error:
        raise EncoderError(f"{path} is not JSON: {first_line(error)}") from error
    if path.name == _ADAPTER:
        config.pop(_BASE, None)
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def _weights_digest(path: Path) -> str:
    """Return a digest of a weight file's size, first and last MiB."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(_MIB))
        file.seek(max(0, size - _MIB))
        digest.update(file.read())
    return digest.hexdigest()
