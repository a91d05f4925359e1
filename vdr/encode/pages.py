"""Chooses the library that a page model's checkpoint is for, by what is in its folder. Loads nothing itself."""

from __future__ import annotations

from pathlib import Path

from vdr.encode import sentence_visual, visual
from vdr.encode.checkpoints import read_config, resolve_checkpoint
from vdr.encode.sentence import own_code
from vdr.types import PageEncoder


def load(name: str, *, trust_remote_code: bool | None = None) -> PageEncoder:
    """Load a page encoder from a folder or the Hugging Face hub.

    Args:
        name: A folder or a hub id.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found or loaded, or brings code that is not trusted.
    """
    if is_for_sentence_transformers(resolve_checkpoint(name)):
        return sentence_visual.load(name, trust_remote_code=trust_remote_code)
    return visual.load(name)


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
