"""A name to a page encoder: which family, which device, in which precision, with which weights."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vdr.encode.checkpoints import (
    base_checkpoint,
    checkpoint_fingerprint,
    processor_folder,
    read_config,
    resolve_checkpoint,
)
from vdr.encode.devices import best_device, best_dtype
from vdr.encode.quiet import quiet_loading
from vdr.encode.visual.encoder import VisualEncoder
from vdr.encode.visual.families import FAMILIES, Family
from vdr.errors import EncoderError, first_line
from vdr.types import PageEncoder

if TYPE_CHECKING:
    import torch
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)


def load(name: str, *, device: str | None = None) -> PageEncoder:
    """Load a page encoder from a folder or the Hugging Face hub.

    Args:
        name: A folder or a hub id, of a whole model or of a LoRA adapter, which names its base model.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`.

    Raises:
        EncoderError: There is no such model, its family is unknown, or its weights are missing or damaged.
    """
    folder = resolve_checkpoint(name)
    base = base_checkpoint(folder)
    config = read_config(base or folder)
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        raise EncoderError(
            f"{name} is of a family that vdr does not know: model_type {config.get('model_type')!r}, "
            f"architectures {config.get('architectures')}. Known: {', '.join(sorted(FAMILIES))}."
        )
    try:
        with quiet_loading():
            model, missing = _load_model(family, folder, base, config, device)
            classes = import_module(family.library)
            source = str(processor_folder(folder, base))
            processor: Processor = getattr(classes, family.processor).from_pretrained(source, local_files_only=True)
    except EncoderError:
        raise
    except Exception as error:  # damaged or partial checkpoints fail in too many ways to list
        raise EncoderError(f"{name} cannot be loaded as {family.model}: {first_line(error)}") from error
    if missing:
        raise EncoderError(
            f"{name} lacks {len(missing)} of the weights of {family.model}, as {missing[0]}: "
            "it is not trained for retrieval, or its folder is not whole."
        )
    logger.info("loaded %s (%s, %s) on %s", name, family.model, model.dtype, model.device)
    return VisualEncoder(name, checkpoint_fingerprint(folder), family, model, processor)


def _load_model(
    family: Family, folder: Path, base: Path | None, config: dict[str, Any], device: str | None
) -> tuple[PreTrainedModel, list[str]]:
    """Return the model, ready to use, and the names of the weights it lacks."""
    device = device or best_device()
    dtype = _dtype(device, config)
    model, report = model_class(family).from_pretrained(
        str(base or folder),
        dtype=dtype,
        attn_implementation=attention(device, dtype, family),
        local_files_only=True,
        output_loading_info=True,
    )
    missing: set[str] = set(report["missing_keys"])
    if base:
        missing = _add_adapter(model, folder, missing)
    drop_head(model)
    return model.to(device).eval(), sorted(missing)


def drop_head(model: PreTrainedModel) -> None:
    """Leave out what predicts the next word, where there is such a head (ColPali): retrieval does not read it.

    For one page it makes a gigabyte of logits, 1,030 tokens times 257,000 words; and published checkpoints have no
    weights of their own for it, which the class no longer ties to the embedding.
    """
    import torch

    for part in model.modules():
        if isinstance(getattr(part, "lm_head", None), torch.nn.Linear):
            part.lm_head = torch.nn.Identity()


def _add_adapter(model: PreTrainedModel, folder: Path, missing: set[str]) -> set[str]:
    """Put a LoRA adapter into its base model and return the names of the weights that both lack.

    Raises:
        EncoderError: The adapter has weights with no place in the model, so it belongs to another.
    """
    from transformers.conversion_mapping import get_model_conversion_mapping

    renames = get_model_conversion_mapping(model, getattr(model, "_checkpoint_conversion_mapping", None))
    report = model.load_adapter(str(folder), adapter_kwargs={"local_files_only": True}, weight_mapping=renames)
    if report.unexpected_keys:
        raise EncoderError(
            f"The adapter {folder} has {len(report.unexpected_keys)} weights with no place in "
            f"{type(model).__name__}, as {min(report.unexpected_keys)}: it belongs to another model."
        )
    # `target_modules` may match more than it did for the adapter's author (the towers of Omni are under `model` now).
    # Where the adapter has nothing, a product with zero leaves the layer as it is.
    lacking: set[str] = report.missing_keys
    for name in [name for name in lacking if ".lora_B." in name]:
        if (other := name.replace(".lora_B.", ".lora_A.")) in lacking:
            model.get_parameter(name).data.zero_()
            lacking = lacking - {name, other}
    whole = [name for name, _ in model.named_parameters() if ".modules_to_save.default." in name]
    replaced = {name.replace(".modules_to_save.default", "") for name in whole}
    return (missing - replaced) | lacking


def model_class(family: Family) -> type[PreTrainedModel]:
    """Return the class of a family's model, in working order."""
    found: type[PreTrainedModel] = getattr(import_module(family.library), family.model)
    return _mended_omni(found) if family.model == "ColQwen2_5Omni" else found


def _mended_omni(broken: Any) -> type[PreTrainedModel]:
    """Return colpali-engine's ColQwen2_5Omni as transformers 5.23 needs it.

    Its class (0.3.18) was written when Qwen2.5-Omni's thinker held the text model, the image and the audio tower
    side by side. They have moved under `model` since, with other names of weights; no size of theirs is found
    where the class looks for it.
    """

    class ColQwen2_5Omni(broken):  # type: ignore[misc]
        spatial_merge_size = None  # the property of this name stands in the way of the attribute
        _checkpoint_conversion_mapping = broken._checkpoint_conversion_mapping | {
            r"^model(?!\.(language_model|visual|audio_tower))": "model.language_model",
        }

        def __init__(self, config: Any) -> None:
            config.hidden_size = config.text_config.hidden_size
            super().__init__(config)

    return ColQwen2_5Omni


def _dtype(device: str, config: dict[str, Any]) -> torch.dtype:
    """Return the fastest type, on a processor only if the weights were saved in it, so that nothing is lost."""
    import torch

    saved = config.get("dtype") or config.get("torch_dtype")
    return torch.float32 if device.startswith("cpu") and saved != "bfloat16" else best_dtype(device)


def attention(device: str, dtype: torch.dtype, family: Family) -> str:
    """Return `flash_attention_2` where it is installed and does what the family needs, else `sdpa`."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    can = family.flash and device.startswith("cuda") and dtype == torch.bfloat16
    return "flash_attention_2" if can and is_flash_attn_2_available() else "sdpa"
