"""A tiny random checkpoint of each family of colpali-engine, saved as its own classes save it.

All have two layers and a hidden size of 32. Pages become at most 64 patches (Qwen), a fixed grid (Gemma), or tiles of
64 pixels with 4 x 4 patches each (Idefics3 and ModernVBERT).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiny_parts import SIGLIP, TEXT, save_tiny
from tiny_qwen import colqwen2, colqwen2_5, colqwen2_hf, colqwen3, colqwen3_5, colqwen_omni
from tiny_tokenizers import byte_level_bpe, char_level_bpe

# --- Gemma ---


def colpali(folder: Path, seed: int) -> None:
    """The page squeezed into one square of 8 x 8 patches."""
    from colpali_engine.models import ColPali, ColPaliProcessor

    tokenizer = _gemma_tokenizer(("<image>",))
    processor = ColPaliProcessor(_siglip_images(image_seq_length=64), tokenizer)
    save_tiny(folder, seed, ColPali, _paligemma_config(tokenizer), processor)


def _gemma_tokenizer(more: tuple[str, ...], **options: Any) -> Any:
    from transformers import GemmaTokenizer

    vocab, merges = char_level_bpe(("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *more))
    return GemmaTokenizer(vocab=vocab, merges=merges, **options)


def _siglip_images(**options: Any) -> Any:
    from transformers import SiglipImageProcessor

    processor = SiglipImageProcessor(size={"height": 64, "width": 64}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    for name, value in options.items():
        setattr(processor, name, value)
    return processor


def _paligemma_config(tokenizer: Any) -> Any:
    from transformers import PaliGemmaConfig

    return PaliGemmaConfig(
        text_config=TEXT | {"vocab_size": len(tokenizer), "head_dim": 8, "num_key_value_heads": 1},
        vision_config=SIGLIP | {"vision_use_head": False},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
        hidden_size=32,
        vocab_size=len(tokenizer),
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=1,
    )


_GEMMA_CHAT = (
    "{{ bos_token }}{% for m in messages %}<start_of_turn>{{ m['role'] }}\n{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<start_of_image>{% else %}{{ c['text'] | trim }}{% endif %}{% endfor %}"
    "<end_of_turn>\n{% endfor %}"
)


def colgemma3(folder: Path, seed: int) -> None:
    """8 x 8 patches of the squeezed page, averaged to 4 x 4; prompts from a chat template."""
    from colpali_engine.models import ColGemma3, ColGemmaProcessor3
    from transformers import Gemma3Config, Gemma3ImageProcessor

    signs = {"boi_token": "<start_of_image>", "eoi_token": "<end_of_image>", "image_token": "<image_soft_token>"}
    turns = ("<start_of_turn>", "<end_of_turn>")
    tokenizer = _gemma_tokenizer((*signs.values(), *turns), chat_template=_GEMMA_CHAT, extra_special_tokens=signs)
    tokenizer.add_tokens(list(turns), special_tokens=True)
    text = {"sliding_window": 32, "layer_types": ["sliding_attention", "full_attention"]}
    config = Gemma3Config(
        text_config=TEXT | text | {"vocab_size": len(tokenizer), "head_dim": 8, "query_pre_attn_scalar": 8},
        vision_config=SIGLIP | {"vision_use_head": False},
        mm_tokens_per_image=16,
        boi_token_index=tokenizer.convert_tokens_to_ids(signs["boi_token"]),
        eoi_token_index=tokenizer.convert_tokens_to_ids(signs["eoi_token"]),
        image_token_index=tokenizer.convert_tokens_to_ids(signs["image_token"]),
    )
    images = Gemma3ImageProcessor(size={"height": 64, "width": 64})
    processor = ColGemmaProcessor3(images, tokenizer, chat_template=_GEMMA_CHAT, image_seq_length=16)
    save_tiny(folder, seed, ColGemma3, config, processor)


# --- tiles ---

_TILE_TOKENS = (
    "<|pad|>",
    "<|im_start|>",
    "<|begin_of_text|>",
    "<end_of_utterance>",
    "<fake_token_around_image>",
    "<image>",
    "<global-img>",
    *(f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)),
)


def _tile_tokenizer() -> Any:
    from transformers import Qwen2Tokenizer

    vocab, merges = byte_level_bpe(_TILE_TOKENS)
    return Qwen2Tokenizer(
        vocab=vocab,
        merges=merges,
        unk_token=_TILE_TOKENS[0],
        eos_token=_TILE_TOKENS[0],
        pad_token=_TILE_TOKENS[0],
        extra_special_tokens=list(_TILE_TOKENS[1:]),
    )


def _tile_images() -> Any:
    from transformers import Idefics3ImageProcessor

    return Idefics3ImageProcessor(size={"longest_edge": 256}, max_image_size={"longest_edge": 64})


def colidefics3(folder: Path, seed: int) -> None:
    """ColSmol: the page in up to 4 x 4 tiles and once more as a whole."""
    from colpali_engine.models import ColIdefics3, ColIdefics3Processor
    from transformers import Idefics3Config

    tokenizer = _tile_tokenizer()
    config = Idefics3Config(
        text_config=TEXT | {"model_type": "llama", "vocab_size": len(tokenizer)},
        vision_config=SIGLIP,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    processor = ColIdefics3Processor(_tile_images(), tokenizer, image_seq_len=16)
    save_tiny(folder, seed, ColIdefics3, config, processor)


def colmodernvbert(folder: Path, seed: int) -> None:
    """The same tiles before a bidirectional ModernBERT with a local layer."""
    from colpali_engine.models import ColModernVBert, ColModernVBertProcessor

    tokenizer = _tile_tokenizer()
    processor = ColModernVBertProcessor(_tile_images(), tokenizer, image_seq_len=16)
    save_tiny(folder, seed, ColModernVBert, _modernvbert_config(tokenizer), processor)


def _modernvbert_config(tokenizer: Any) -> Any:
    from transformers import ModernVBertConfig

    text = {key: value for key, value in TEXT.items() if key != "num_key_value_heads"}
    layers = {"local_attention": 32, "layer_types": ["full_attention", "sliding_attention"]}
    layers |= {"cls_token_id": 0, "sep_token_id": 0}
    return ModernVBertConfig(
        text_config=text | layers | {"model_type": "modernbert", "vocab_size": len(tokenizer)},
        vision_config=SIGLIP | {"model_type": "siglip_vision_model", "vision_use_head": False},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pixel_shuffle_factor=2,
    )


# --- the ports in transformers ---


def colpali_hf(folder: Path, seed: int) -> None:
    """ColPali as transformers' own ColPaliForRetrieval."""
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor

    tokenizer = _gemma_tokenizer(("<image>",))
    processor = ColPaliProcessor(_siglip_images(image_seq_length=64), tokenizer)
    config = ColPaliConfig(vlm_config=_paligemma_config(tokenizer))
    save_tiny(folder, seed, ColPaliForRetrieval, config, processor)


def colmodernvbert_hf(folder: Path, seed: int) -> None:
    """ColModernVBert as transformers' own ColModernVBertForRetrieval."""
    from transformers import ColModernVBertConfig, ColModernVBertForRetrieval, ColModernVBertProcessor

    tokenizer = _tile_tokenizer()
    processor = ColModernVBertProcessor(_tile_images(), tokenizer, image_seq_len=16)
    config = ColModernVBertConfig(vlm_config=_modernvbert_config(tokenizer))
    save_tiny(folder, seed, ColModernVBertForRetrieval, config, processor)


BUILDERS: dict[str, Callable[[Path, int], None]] = {
    "paligemma": colpali,
    "qwen2_vl": colqwen2,
    "qwen2_5_vl": colqwen2_5,
    "qwen3_vl": colqwen3,
    "qwen3_5": colqwen3_5,
    "qwen2_5_omni_thinker": colqwen_omni,
    "idefics3": colidefics3,
    "modernvbert": colmodernvbert,
    "gemma3": colgemma3,
    "colpali": colpali_hf,
    "colqwen2": colqwen2_hf,
    "colmodernvbert": colmodernvbert_hf,
}
"""`model_type` -> what saves a tiny checkpoint of it."""
