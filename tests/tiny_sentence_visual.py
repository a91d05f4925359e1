"""Tiny random page models in sentence-transformers' format: a Qwen3-VL with a chat template, and `...ForRetrieval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from tiny_models import tiny
from tiny_tokenizers import byte_level_bpe

DIM = 16
_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
_VIDEO = "<|video_pad|>"
_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>Describe the image."
    "{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% if task == 'query' and m['role'] == 'user' %}{{ '<|endoftext|>' * 3 }}{% endif %}<|im_end|>\n{% endfor %}"
)


def chat_model(folder: Path, *, only_patches: bool = False, code: Path | None = None, **transformer: Any) -> Path:
    """Save a Qwen3-VL that is prompted by a chat template, with an instruction and query augmentation, as ST does.

    Args:
        folder: Where to.
        only_patches: Count nothing but the image tokens of a page.
        code: Name a model class of the checkpoint's own, in a file that makes this one when it is run.
        transformer: Options of sentence-transformers' `Transformer`.
    """
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense, Normalize, Transformer
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask
    from transformers import (
        Qwen2Tokenizer,
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLModel,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    vocab, merges = byte_level_bpe((*_TOKENS, _VIDEO))
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=[*_TOKENS[1:], _VIDEO])
    tokenizer.padding_side = "left"
    images = Qwen2VLImageProcessor(patch_size=16, min_pixels=4 * 32**2, max_pixels=64 * 32**2)
    processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=_TEMPLATE)
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": 8}
    text |= {"num_key_value_heads": 2, "max_position_embeddings": 1024, "vocab_size": len(tokenizer)}
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    image = tokenizer.convert_tokens_to_ids("<|image_pad|>")
    config = Qwen3VLConfig(
        text_config=text | {"rope_parameters": rope},
        vision_config=vision | {"deepstack_visual_indexes": [0], "num_position_embeddings": 64},
        image_token_id=image,
        video_token_id=tokenizer.convert_tokens_to_ids(_VIDEO),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
    )
    backbone = folder.with_name(folder.name + "-backbone")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        Qwen3VLModel(config).save_pretrained(backbone)
        dense = Dense(32, DIM, bias=False, activation_function=None, module_input_name="token_embeddings")
    processor.save_pretrained(backbone)
    modules = [
        Transformer(str(backbone), **transformer),
        dense,
        MultiVectorMask(keep_only_token_ids=[image] if only_patches else None),
        Normalize("token_embeddings"),
    ]
    model = MultiVectorEncoder(modules=modules, prompts={"query": "Find what answers:", "document": ""})
    model.save_pretrained(str(folder))
    if code:
        (folder / "modeling_own.py").write_text(
            "from pathlib import Path\n"
            "from transformers import Qwen3VLModel\n"
            f"Path({str(code)!r}).touch()\n"
            "class OwnModel(Qwen3VLModel): pass\n"
        )
        config_file = folder / "config.json"
        auto_map = {"AutoModel": "modeling_own.OwnModel"}
        config_file.write_text(json.dumps({**json.loads(config_file.read_text()), "auto_map": auto_map}))
    return folder


def retrieval_model(model_type: str, folder: Path) -> Path:
    """Save one of transformers' own late-interaction models as sentence-transformers does."""
    from sentence_transformers import MultiVectorEncoder

    model = MultiVectorEncoder(str(tiny(model_type, folder.with_name(folder.name + "-backbone"))))
    model.save_pretrained(str(folder))
    return folder
