"""A tiny random checkpoint of each family that Qwen's models are the base of, saved as its own classes save it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tiny_parts import TEXT, save_tiny
from tiny_tokenizers import byte_level_bpe

from vdr.encode.visual.families import FAMILIES
from vdr.encode.visual.loading import model_class

_QWEN_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)


def _qwen_tokenizer() -> Any:
    from transformers import Qwen2Tokenizer

    vocab, merges = byte_level_bpe(_QWEN_TOKENS)
    return Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=list(_QWEN_TOKENS[1:]))


def _qwen_ids(tokenizer: Any) -> dict[str, int]:
    names = {"image": "image_pad", "video": "video_pad", "vision_start": "vision_start", "vision_end": "vision_end"}
    return {f"{key}_token_id": tokenizer.convert_tokens_to_ids(f"<|{name}|>") for key, name in names.items()}


def _qwen_images(patch: int) -> Any:
    from transformers import Qwen2VLImageProcessor

    area = (2 * patch) ** 2
    return Qwen2VLImageProcessor(patch_size=patch, min_pixels=4 * area, max_pixels=64 * area)


def colqwen2(folder: Path, seed: int) -> None:
    """Dynamic resolution, patches merged 2 x 2 into tokens of 28 pixels."""
    from colpali_engine.models import ColQwen2, ColQwen2Processor
    from transformers import Qwen2VLConfig, Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    config = Qwen2VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2Processor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    save_tiny(folder, seed, ColQwen2, config, processor)


def colqwen2_5(folder: Path, seed: int) -> None:
    """As ColQwen2, with window attention in the vision tower."""
    from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
    from transformers import Qwen2_5_VLConfig, Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config=_qwen_2_5_vision(),
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2_5_Processor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    save_tiny(folder, seed, ColQwen2_5, config, processor)


def _qwen_2_5_vision() -> dict[str, Any]:
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    return vision | {"window_size": 56, "fullatt_block_indexes": [1]}


def colqwen3(folder: Path, seed: int) -> None:
    """Patches of 16 pixels, deepstack, 320 dimensions."""
    from colpali_engine.models import ColQwen3, ColQwen3Processor
    from transformers import Qwen3VLConfig, Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    config = Qwen3VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": _mrope()},
        vision_config=_qwen_3_vision() | {"deepstack_visual_indexes": [0, 1]},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen3Processor(_qwen_images(16), tokenizer, Qwen3VLVideoProcessor())
    save_tiny(folder, seed, ColQwen3, config, processor)


def _qwen_3_vision() -> dict[str, Any]:
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    return vision | {"num_position_embeddings": 64}


def colqwen3_5(folder: Path, seed: int) -> None:
    """One layer of gated delta net, one of attention."""
    from colpali_engine.models import ColQwen3_5, ColQwen3_5Processor
    from transformers import Qwen3_5Config, Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    linear = {"linear_key_head_dim": 8, "linear_value_head_dim": 8, "linear_num_key_heads": 2}
    config = Qwen3_5Config(
        text_config=TEXT
        | linear
        | {
            "vocab_size": len(tokenizer),
            "head_dim": 16,
            "linear_num_value_heads": 4,
            "layer_types": ["linear_attention", "full_attention"],
            "rope_parameters": _mrope(partial_rotary_factor=0.5, mrope_interleaved=True),
        },
        vision_config=_qwen_3_vision(),
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen3_5Processor(_qwen_images(16), tokenizer, Qwen3VLVideoProcessor())
    save_tiny(folder, seed, ColQwen3_5, config, processor)


_CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_bos|><|IMAGE|><|vision_eos|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def colqwen_omni(folder: Path, seed: int) -> None:
    """The thinker of Qwen2.5-Omni, with its audio tower; its prompts come from a chat template."""
    from colpali_engine.models import ColQwen2_5OmniProcessor
    from transformers import Qwen2Tokenizer, Qwen2VLVideoProcessor, WhisperFeatureExtractor
    from transformers.models.qwen2_5_omni import Qwen2_5OmniThinkerConfig

    media = {f"{name.lower()}_token": f"<|{name}|>" for name in ("IMAGE", "AUDIO", "VIDEO")}
    edges = {f"{name}_token": f"<|{name}|>" for name in ("vision_bos", "vision_eos", "audio_bos", "audio_eos")}
    signs = media | edges
    vocab, merges = byte_level_bpe(("<|endoftext|>", "<|im_start|>", "<|im_end|>", *signs.values()))
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=merges, extra_special_tokens=signs, chat_template=_CHAT)
    tokenizer.add_tokens(["<|im_start|>", "<|im_end|>"], special_tokens=True)
    config = Qwen2_5OmniThinkerConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config=_qwen_2_5_vision(),
        audio_config={
            "encoder_layers": 1,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 32,
            "d_model": 32,
            "output_dim": 32,
        },
        image_token_index=vocab["<|IMAGE|>"],
        audio_token_index=vocab["<|AUDIO|>"],
        video_token_index=vocab["<|VIDEO|>"],
        vision_start_token_id=vocab["<|vision_bos|>"],
        audio_start_token_id=vocab["<|audio_bos|>"],
        audio_end_token_id=vocab["<|audio_eos|>"],
    )
    processor = ColQwen2_5OmniProcessor(
        _qwen_images(14), Qwen2VLVideoProcessor(), WhisperFeatureExtractor(), tokenizer, _CHAT
    )
    save_tiny(folder, seed, model_class(FAMILIES["qwen2_5_omni_thinker"]), config, processor)


def colqwen2_hf(folder: Path, seed: int) -> None:
    """ColQwen2 as transformers' own ColQwen2ForRetrieval."""
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLConfig

    tokenizer = _qwen_tokenizer()
    vlm = Qwen2VLConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2Processor(_qwen_images(14), tokenizer)
    save_tiny(folder, seed, ColQwen2ForRetrieval, ColQwen2Config(vlm_config=vlm), processor)


def _mrope(**more: Any) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2], **more}
