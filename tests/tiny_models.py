"""Tiny random checkpoints of real architectures, saved as their own libraries save them, and input for them.

They retrieve nothing sensible; they have the shapes, files, tokens and code paths of the published ones.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file

from vdr.types import Floats

SENTENCE = "what is the net revenue of the second quarter"
"""Each of these words is one token of the tiny tokenizers; other words are cut into pieces."""

_QWEN_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def tiny_colqwen2(folder: Path, *, seed: int = 0) -> Path:
    """Save a ColQwen2 of two layers and about 100,000 weights; a page becomes at most 64 patches."""
    import torch
    from colpali_engine.models import ColQwen2, ColQwen2Processor
    from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    vocab, merges = _byte_level_bpe(_QWEN_TOKENS)
    processor = ColQwen2Processor(
        image_processor=Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=64 * 28 * 28),
        tokenizer=Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=list(_QWEN_TOKENS[1:])),
        video_processor=Qwen2VLVideoProcessor(),
    )
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": len(vocab),
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 512,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]},
            "bos_token_id": None,
            "eos_token_id": None,
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=vocab["<|image_pad|>"],
        video_token_id=vocab["<|video_pad|>"],
        vision_start_token_id=vocab["<|vision_start|>"],
        vision_end_token_id=vocab["<|vision_end|>"],
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        ColQwen2(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def tiny_adapter(folder: Path, base: Path, *, seed: int = 1, old_names: bool = False) -> Path:
    """Save a LoRA adapter for a tiny ColQwen2, with the target modules of the published adapters.

    Args:
        folder: Where to.
        base: The tiny model that it changes.
        seed: Of its random weights.
        old_names: Name the weights as before transformers 4.52, like the published adapters.
    """
    import torch
    from colpali_engine.models import ColQwen2
    from peft import LoraConfig

    model = ColQwen2.from_pretrained(base)
    projections = "down_proj|gate_proj|up_proj|k_proj|q_proj|v_proj|o_proj"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model.add_adapter(
            LoraConfig(
                r=4,
                lora_alpha=8,
                init_lora_weights=False,
                target_modules=f"(.*(model).*({projections}).*$|.*(custom_text_proj).*$)",
                base_model_name_or_path=str(base),
            )
        )
    model.save_pretrained(folder)
    if old_names:
        path = folder / "adapter_model.safetensors"
        save_file({_old_name(name): tensor for name, tensor in load_file(path).items()}, path)
    return folder


def drawn_page(width: int, height: int, seed: int = 0) -> Image.Image:
    """A page of coloured noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(noise)


def directly(folder: Path, process: str, inputs: Sequence[object]) -> list[Floats]:
    """What colpali-engine gives when called as its README does, without padding."""
    import torch
    from colpali_engine.models import ColQwen2, ColQwen2Processor

    model = ColQwen2.from_pretrained(folder).eval()
    processor = ColQwen2Processor.from_pretrained(folder)
    batch = getattr(processor, process)(inputs)
    with torch.no_grad():
        vectors = model(**batch)
    masks = batch["attention_mask"].bool()
    return [row[mask].numpy() for row, mask in zip(vectors, masks, strict=True)]


def _old_name(name: str) -> str:
    return name.replace("base_model.model.language_model.", "base_model.model.model.")


def _byte_level_bpe(special: tuple[str, ...]) -> tuple[dict[str, int], list[Any]]:
    """Return the vocabulary and merges of a tokenizer that knows all bytes and the words of `SENTENCE`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=list(special),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SENTENCE, f" {SENTENCE}"] * 2, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [(left, right) for left, right in model["merges"]]


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
