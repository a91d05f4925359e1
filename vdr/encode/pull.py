"""Gets models ahead of their first use, for machines that will have no network. Knows nothing of what is in them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from vdr.encode.checkpoints import base_checkpoint, read_config, resolve_checkpoint
from vdr.errors import EncoderError


def pull(name: str, to: Path | None = None) -> Path:
    """Return the folder of a model after it, and for an adapter its base model, was downloaded.

    The hub's client shows its progress on stderr and keeps what it has got when it is interrupted.

    Args:
        name: A hub id, maybe with `@revision`; a folder is taken as it is.
        to: A new folder that gets a copy; for an adapter the base model goes beside it, into `<to>-base`, and the
            copied adapter names that folder as its base. None leaves the model in the hub's cache.

    Raises:
        EncoderError: The hub does not give the model, or `to` is there already.
    """
    beside = to.with_name(f"{to.name}-base") if to is not None else None
    for target in (to, beside):
        if target is not None and target.exists():
            raise EncoderError(f"{target} is there already. Name a new folder with --to.")
    folder = resolve_checkpoint(name)
    base = base_checkpoint(folder)
    if to is None or beside is None:
        return folder
    shutil.copytree(folder, to)  # follows the links of the hub's cache, so the copy stands alone
    if base is not None:
        shutil.copytree(base, beside)
        config = read_config(to, "adapter_config.json")
        config |= {"base_model_name_or_path": str(beside.resolve()), "revision": None}
        (to / "adapter_config.json").write_text(json.dumps(config, indent=2), "utf-8")
    return to
