"""Loads sentence-transformers' `MultiVectorEncoder` from a folder, in whatever format the checkpoint came.

These are its own format, PyLate's, Stanford's ColBERT and the `...ForRetrieval` models of transformers; what is none
of them would get a random projection, and is refused. The code that a checkpoint brings along runs only if the user
says so. This module knows nothing of what the vectors are used for.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vdr.encode.checkpoints import read_config
from vdr.encode.devices import best_device, best_dtype
from vdr.encode.quiet import quiet_loading
from vdr.errors import EncoderError, first_line

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

logger = logging.getLogger(__name__)

TRUST = "VDR_TRUST_REMOTE_CODE"
"""Set to 1, this environment variable lets the code of checkpoints run."""

_MODULES = "modules.json"
_DATA = "data_config.json"
"""What a bi-encoder was trained on: a list, and no configuration of the model."""
_SAFE = ("sentence_transformers.", "pylate.models.Dense.Dense")
"""Modules that sentence-transformers has itself."""


def load_multi_vector(
    name: str, folder: Path, *, device: str | None = None, trust_remote_code: bool | None = None
) -> MultiVectorEncoder:
    """Load a late-interaction checkpoint.

    Args:
        name: As the user called it.
        folder: Where it lies.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It is no such checkpoint, is damaged, or brings code that is not trusted.
    """
    if not is_multi_vector(folder):
        raise EncoderError(
            f"{name} cannot be loaded as a late-interaction model: nothing in its folder says that it is one. Name a "
            "checkpoint saved by sentence-transformers' MultiVectorEncoder or PyLate, one of Stanford's ColBERT, or a "
            "...ForRetrieval model of transformers."
        )
    code = trusted_code(name, folder, trust_remote_code)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with quiet_loading(), made_up_weights() as lacking:
        from sentence_transformers import MultiVectorEncoder

        device = device or best_device()
        dtype = best_dtype(device)
        try:
            model = MultiVectorEncoder(
                str(folder),
                device=device,
                trust_remote_code=bool(code),
                local_files_only=not code,  # the code may lie in another repository
                model_kwargs={"dtype": dtype},
            )
            if getattr(model.tokenizer, "is_fast", False) is not True:
                raise ValueError("its tokenizer cannot tell where in a text its tokens lie")
        except Exception as error:  # damaged checkpoints, and the code of others, fail in too many ways to list
            raise EncoderError(f"{name} cannot be loaded as a late-interaction model: {first_line(error)}") from error
    lacking = {weight for weight in lacking if "pooler" not in weight}  # which token vectors do not pass through
    if lacking and not (folder / "adapter_config.json").is_file():
        raise EncoderError(
            f"{name} lacks {len(lacking)} of its model's weights, as {min(lacking)}: its folder is not whole, or its "
            "configuration is that of another model."
        )
    for module in list(model)[1:]:  # the first one has its type, and what it needs more exactly it keeps so
        module.to(dtype)
    logger.info("loaded %s on %s as %s", name, model.device, dtype)
    return model


def load_single(
    kind: str, what: str, name: str, folder: Path, device: str | None, trust: bool | None
) -> tuple[Any, set[str]]:
    """Load a model of sentence-transformers that gives one vector or one score.

    Args:
        kind: Its class, `SentenceTransformer` or `CrossEncoder`.
        what: What an error calls it.
        name: As the user called it.
        folder: Where it is.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`.
        trust: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Returns:
        The model, and the names of weights that the checkpoint lacks.

    Raises:
        EncoderError: It is damaged, or brings code that is not trusted.
    """
    code = trusted_code(name, folder, trust)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with quiet_loading(), made_up_weights() as lacking:
        import sentence_transformers

        device = device or best_device()
        try:
            model = getattr(sentence_transformers, kind)(
                str(folder),
                device=device,
                trust_remote_code=bool(code),
                local_files_only=not code,  # the code may lie in another repository
                model_kwargs={"dtype": best_dtype(device)},
            )
        except Exception as error:  # damaged checkpoints, and the code of others, fail in too many ways to list
            raise EncoderError(f"{name} cannot be loaded as a {what}: {first_line(error)}") from error
    return model, lacking


def trusted_code(name: str, folder: Path, trust_remote_code: bool | None = None) -> list[str]:
    """Return what a checkpoint brings along as code, if that may run.

    Args:
        name: As the user called it.
        folder: Where it lies.
        trust_remote_code: Whether the code may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: There is code, and it is not trusted.
    """
    trusted = os.environ.get(TRUST) == "1" if trust_remote_code is None else trust_remote_code
    code = own_code(folder)
    if code and not trusted:
        raise EncoderError(
            f"{name} brings program code of its own ({', '.join(code)}), and without it its results would be wrong. "
            f"That code could do on this machine whatever you can. If you trust its authors, set {TRUST}=1."
        )
    if code:
        logger.warning("%s runs program code that it brings along (%s), as %s=1 allows", name, ", ".join(code), TRUST)
    return code


@contextmanager
def made_up_weights() -> Iterator[set[str]]:
    """Collect the names of the weights that transformers draws at random, for want of them in a checkpoint.

    It only logs them, and sentence-transformers does not pass on what its loading function returns.
    """
    from transformers import modeling_utils

    lacking: set[str] = set()
    report: Any = modeling_utils.log_state_dict_report

    def collect(**told: Any) -> None:
        lacking.update(told["loading_info"].missing_keys)
        report(**told)

    modeling_utils.log_state_dict_report = collect
    try:
        yield lacking
    finally:
        modeling_utils.log_state_dict_report = report


def is_multi_vector(folder: Path) -> bool:
    """Tell whether a folder holds a checkpoint that `MultiVectorEncoder` loads without making weights up."""
    saved = _config(folder, "config_sentence_transformers.json")
    if saved.get("model_type") in ("MultiVectorEncoder", "ColBERT") or "query_prefix" in saved:
        return True
    architectures = _config(folder, "config.json").get("architectures") or []
    return any(str(name) == "HF_ColBERT" or str(name).endswith("ForRetrieval") for name in architectures)


def own_code(folder: Path) -> list[str]:
    """Return what a checkpoint brings along as code: the classes that its configurations name, sorted.

    A configuration that names code counts even where transformers has a model of that type as well: loaded without
    the code, such a model would give other vectors than its authors', in silence.
    """
    classes: set[str] = set()
    for path in folder.rglob("*config*.json"):
        if path.name == _DATA:
            continue
        declared = _config(path.parent, path.name).get("auto_map") or {}
        values = declared.values() if isinstance(declared, dict) else [declared]
        classes.update(_flat(list(values)))
    if (folder / _MODULES).is_file():
        classes.update(ref for ref in _module_types(folder) if not ref.startswith(_SAFE))
    return sorted(classes)


def _flat(values: list[Any]) -> list[str]:
    """Return the class names in an `auto_map`, which may pair a slow and a fast class and leave one out."""
    return [str(one) for value in values for one in (value if isinstance(value, list) else [value]) if one]


def _module_types(folder: Path) -> list[str]:
    try:
        return [str(module["type"]) for module in json.loads((folder / _MODULES).read_bytes())]
    except (ValueError, TypeError, KeyError) as error:
        raise EncoderError(f"{folder} is not a usable model folder: {_MODULES}: {first_line(error)}") from error


def _config(folder: Path, file: str) -> dict[str, Any]:
    return read_config(folder, file) if (folder / file).is_file() else {}
