"""Chooses the library that a page model's checkpoint is for, by what is in its folder, and the devices it runs on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from vdr.encode import EMBEDDED, sentence_visual, visual
from vdr.encode.checkpoints import read_config, resolve_checkpoint
from vdr.encode.devices import best_devices, use_device
from vdr.encode.parallel import ParallelPageEncoder
from vdr.encode.sentence import is_multi_vector, own_code
from vdr.errors import EncoderError
from vdr.types import PageEncoder


def load(name: str, *, devices: Sequence[str] | None = None, trust_remote_code: bool | None = None) -> PageEncoder:
    """Load a page encoder from a folder or the Hugging Face hub.

    Args:
        name: A folder or a hub id.
        devices: Torch devices; by default all of `cuda`, else `mps`, else `cpu`. With several of them the pages of a
            call are shared out, and each device but the first gets a process of its own.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found or loaded, reads texts instead, or brings code that is not trusted.
    """
    if name in EMBEDDED["text"]:
        raise _reads_texts(name)
    devices = tuple(devices or best_devices())
    load_on = partial(_load_on, name, trust_remote_code)
    return load_on(devices[0]) if len(devices) == 1 else ParallelPageEncoder(load_on, devices)


def _load_on(name: str, trust_remote_code: bool | None, device: str) -> PageEncoder:
    """Load it on one device, in whichever process this is."""
    use_device(device)
    folder = resolve_checkpoint(name)
    if is_for_sentence_transformers(folder):
        return sentence_visual.load(name, device=device, trust_remote_code=trust_remote_code)
    if is_multi_vector(folder) and read_config(folder).get("model_type") not in visual.FAMILIES:  # Stanford's ColBERT
        raise _reads_texts(name)
    return visual.load(name, device=device)


def _reads_texts(name: str) -> EncoderError:
    return EncoderError(f"{name} reads texts, not page images. Give it as the text encoder (--text-encoder).")


def is_for_sentence_transformers(folder: Path) -> bool:
    """Tell whether a checkpoint is for sentence-transformers rather than for colpali-engine.

    Weights of a class that the families name are for that class, whatever else is in the folder. Any others are
    for sentence-transformers if its files are there, or code that colpali-engine would silently leave out.
    """
    config = read_config(folder) if (folder / "config.json").is_file() else {}
    family = visual.FAMILIES.get(str(config.get("model_type")))
    if family and family.model in (config.get("architectures") or []):
        return False
    return (folder / "modules.json").is_file() or bool(own_code(folder))
