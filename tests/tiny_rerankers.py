"""Tiny random cross-encoders, saved as the published ones are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from vdr.encode.minilm import model_folder


def bert(folder: Path, *, labels: int = 1, length: int = 512) -> Path:
    """Save like cross-encoder/ms-marco-MiniLM-L6-v2: a BERT with a head of `labels` numbers."""
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(model_folder(), model_max_length=length)
    shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    shape["initializer_range"] = 0.5  # scores that differ
    config = BertConfig(vocab_size=len(tokenizer), intermediate_size=32, num_labels=labels, **shape)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def headless(folder: Path) -> Path:
    """Save a BERT without the head that would score."""
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(model_folder())
    shape: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(tokenizer), intermediate_size=32, **shape)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def visual(folder: Path) -> Path:
    """Save like Qwen/Qwen3-VL-Reranker-2B: a Qwen3-VL that is asked for one of two words about a text or a picture."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore
    from tiny_parts import TEXT, save_tiny
    from tiny_tokenizers import byte_level_bpe
    from transformers import (
        Qwen2Tokenizer,
        Qwen2VLImageProcessor,
        Qwen3VLConfig,
        Qwen3VLForConditionalGeneration,
        Qwen3VLProcessor,
        Qwen3VLVideoProcessor,
    )

    signs = tuple(
        f"<|{name}|>" for name in ("im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad")
    )
    vocab, merges = byte_level_bpe(("<|endoftext|>", *signs))
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=list(signs))
    images = Qwen2VLImageProcessor(patch_size=16, min_pixels=4 * 32**2, max_pixels=64 * 32**2)
    processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=_TEMPLATE)
    sizes = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    text = {"vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": rope, "initializer_range": 0.2}
    ids = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    config = Qwen3VLConfig(
        text_config=TEXT | text,
        vision_config=sizes
        | {"deepstack_visual_indexes": [0], "num_position_embeddings": 64, "initializer_range": 0.2},
        **{f"{name}_token_id": vocab[f"<|{sign}|>"] for name, sign in ids.items()},
    )
    backbone = folder.with_name(folder.name + "-backbone")
    save_tiny(backbone, 0, Qwen3VLForConditionalGeneration, config, processor)
    ask = Transformer(str(backbone), transformer_task="any-to-any")
    CrossEncoder(modules=[ask, LogitScore(vocab["what"], vocab["net"])]).save_pretrained(str(folder))
    return folder
