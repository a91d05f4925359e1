"""Tiny random checkpoints of real architectures, saved as their own libraries save them, and input for them.

They retrieve nothing sensible; they have the shapes, files, tokens and code paths of the published ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny_families import BUILDERS

from vdr.encode.visual.families import FAMILIES, Family
from vdr.encode.visual.loading import model_class
from vdr.types import Floats

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_LAYERS = "down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj|out_proj|in_proj_qkv|Wqkv|Wo|Wi"
_OLD_QWEN = {r"^language_model\.": "model."}
_PUBLISHED: dict[str, dict[str, str]] = {
    "paligemma": {
        r"^model\.model\.language_model\.": "model.language_model.model.",
        r"^model\.vision_tower\.": "model.vision_tower.vision_model.",
    },
    "qwen2_vl": _OLD_QWEN,
    "qwen2_5_vl": _OLD_QWEN,
    "qwen2_5_omni_thinker": {
        r"^model\.language_model\.": "model.",
        r"^model\.(visual|audio_tower)\.": r"\1.",
    },
    "qwen3_vl": {r"^model\.": ""},
    "modernvbert": {r"^base_model\.model\.": ""},
    "gemma3": {r"^vision_tower\.": "vision_tower.vision_model."},
    "colpali": {r"^vlm\.vision_tower\.": "vlm.vision_tower.vision_model."},
}
"""`model_type` -> how the weights of published checkpoints are named, from how transformers names them today."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch from splitting matrices of 32 columns among threads, which takes four times as long."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tiny(model_type: str, folder: Path, *, seed: int = 0) -> Path:
    """Save a model of any family in `vdr.encode.visual.FAMILIES`, with two layers and about 100,000 weights."""
    BUILDERS[model_type](folder, seed)
    return folder


def tiny_colqwen2(folder: Path, *, seed: int = 0) -> Path:
    """Save a ColQwen2; a page becomes at most 64 patches."""
    return tiny("qwen2_vl", folder, seed=seed)


def tiny_adapter(folder: Path, base: Path, *, seed: int = 1, save: Sequence[str] = ()) -> Path:
    """Save a LoRA adapter for the language model and the projection of a tiny model, as the published ones are.

    Args:
        folder: Where to.
        base: The tiny model that it changes.
        seed: Of its random weights.
        save: Modules that it replaces as a whole, in place of the projection.
    """
    import torch
    from peft import LoraConfig

    model = model_class(family_of(base)).from_pretrained(base)
    projection = "" if save else "|custom_text_proj|linear"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.add_adapter(
            LoraConfig(
                r=4,
                lora_alpha=8,
                init_lora_weights=False,
                target_modules=f"(.*(language_model|text_model).*({_LAYERS}){projection})",
                modules_to_save=list(save) or None,
                base_model_name_or_path=str(base),
            )
        )
    model.save_pretrained(folder)
    return folder


def publish(folder: Path, model_type: str) -> None:
    """Lay a tiny model or adapter out as published ones of its family are: other weight names, older files."""
    for path in folder.glob("*.safetensors"):
        weights = load_file(path)
        prefix = "base_model.model." if path.name.startswith("adapter") else ""
        renamed = {prefix + _published(name.removeprefix(prefix), model_type): w for name, w in weights.items()}
        assert len(renamed) == len(weights)
        save_file(renamed, path, metadata={"format": "pt"})
    path = folder / "processor_config.json"
    if path.is_file():
        config = json.loads(path.read_text())
        parts = config.pop("feature_extractor", {}) | config.pop("image_processor")
        config.pop("video_processor", None)
        own = {key: value for key, value in config.items() if key in ("image_seq_len", "image_seq_length")}
        (folder / "preprocessor_config.json").write_text(json.dumps(parts))
        path.write_text(json.dumps(own)) if own else path.unlink()


def _published(name: str, model_type: str) -> str:
    for today, then in _PUBLISHED.get(model_type, {}).items():
        name = re.sub(today, then, name)
    return name


def family_of(folder: Path) -> Family:
    """Return the family of a checkpoint."""
    return FAMILIES[json.loads((folder / "config.json").read_text())["model_type"]]


def drawn_page(width: int, height: int, seed: int = 0) -> Image.Image:
    """A page of coloured noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(noise)


def directly(folder: Path, process: str, inputs: Sequence[object]) -> list[Floats]:
    """What the family's own library gives when called as its README does, one input at a time."""
    import torch

    family = family_of(folder)
    model = cast("PreTrainedModel", model_class(family).from_pretrained(folder).eval())
    processor = getattr(import_module(family.library), family.processor).from_pretrained(folder)
    vectors = []
    for one in inputs:
        batch = getattr(processor, process)([one])
        with torch.no_grad():
            output = model(**batch)
        vectors.append((output if torch.is_tensor(output) else output.embeddings)[0].numpy())
    return vectors


def tiny_colbert(folder: Path, *, seed: int = 0, **transformer: Any) -> Path:
    """Save a random 2-layer BERT as a text late-interaction checkpoint with 16 dims, with MiniLM's tokenizer.

    Args:
        folder: Where to.
        seed: Of the weights.
        transformer: Options of sentence-transformers' `Transformer`, like `query_expansion` and `document_length`.
    """
    import string

    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from transformers import AutoTokenizer, BertConfig, BertModel

    from vdr.encode.minilm import model_folder

    backbone = folder.with_name(folder.name + "-backbone")
    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(backbone)
    tokenizer.save_pretrained(backbone)
    modules = [
        Transformer(str(backbone), **transformer),
        MultiVectorMask(list(string.punctuation)),
        Normalize("token_embeddings"),
    ]
    prompts = {"query": "[unused0] ", "document": "[unused1] "}
    MultiVectorEncoder(modules=modules, prompts=prompts).save_pretrained(str(folder))
    return folder
