"""A tiny random checkpoint of each family of colpali-engine, saved as its own classes save it.

All have two layers and a hidden size of 32. Pages become at most 64 patches (Qwen), a fixed grid (Gemma), or tiles of
64 pixels with 4 x 4 patches each (Idefics3 and ModernVBERT).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiny_tokenizers import byte_level_bpe, char_level_bpe

from vdr.encode.visual.families import FAMILIES
from vdr.encode.visual.loading import model_class

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

_TEXT: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "pad_token_id": 0,
    "bos_token_id": None,
    "eos_token_id": None,
}
_SIGLIP: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 64,
    "patch_size": 8,
}


def _mrope(**more: Any) -> dict[str, Any]:
    return {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2], **more}


# --- Qwen ---

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
        text_config=_TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2Processor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    _save(folder, seed, ColQwen2, config, processor)


def colqwen2_5(folder: Path, seed: int) -> None:
    """As ColQwen2, with window attention in the vision tower."""
    from colpali_engine.models import ColQwen2_5, ColQwen2_5_Processor
    from transformers import Qwen2_5_VLConfig, Qwen2VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    config = Qwen2_5_VLConfig(
        text_config=_TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config=_qwen_2_5_vision(),
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2_5_Processor(_qwen_images(14), tokenizer, Qwen2VLVideoProcessor())
    _save(folder, seed, ColQwen2_5, config, processor)


def _qwen_2_5_vision() -> dict[str, Any]:
    vision = {"depth": 2, "hidden_size": 32, "intermediate_size": 64, "num_heads": 2, "out_hidden_size": 32}
    return vision | {"window_size": 56, "fullatt_block_indexes": [1]}


def colqwen3(folder: Path, seed: int) -> None:
    """Patches of 16 pixels, deepstack, 320 dimensions."""
    from colpali_engine.models import ColQwen3, ColQwen3Processor
    from transformers import Qwen3VLConfig, Qwen3VLVideoProcessor

    tokenizer = _qwen_tokenizer()
    config = Qwen3VLConfig(
        text_config=_TEXT | {"vocab_size": len(tokenizer), "head_dim": 8, "rope_parameters": _mrope()},
        vision_config=_qwen_3_vision() | {"deepstack_visual_indexes": [0, 1]},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen3Processor(_qwen_images(16), tokenizer, Qwen3VLVideoProcessor())
    _save(folder, seed, ColQwen3, config, processor)


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
        text_config=_TEXT
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
    _save(folder, seed, ColQwen3_5, config, processor)


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
        text_config=_TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
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
    _save(folder, seed, model_class(FAMILIES["qwen2_5_omni_thinker"]), config, processor)


# --- Gemma ---


def colpali(folder: Path, seed: int) -> None:
    """The page squeezed into one square of 8 x 8 patches."""
    from colpali_engine.models import ColPali, ColPaliProcessor

    tokenizer = _gemma_tokenizer(("<image>",))
    processor = ColPaliProcessor(_siglip_images(image_seq_length=64), tokenizer)
    _save(folder, seed, ColPali, _paligemma_config(tokenizer), processor)


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
        text_config=_TEXT | {"vocab_size": len(tokenizer), "head_dim": 8, "num_key_value_heads": 1},
        vision_config=_SIGLIP | {"vision_use_head": False},
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
        text_config=_TEXT | text | {"vocab_size": len(tokenizer), "head_dim": 8, "query_pre_attn_scalar": 8},
        vision_config=_SIGLIP | {"vision_use_head": False},
        mm_tokens_per_image=16,
        boi_token_index=tokenizer.convert_tokens_to_ids(signs["boi_token"]),
        eoi_token_index=tokenizer.convert_tokens_to_ids(signs["eoi_token"]),
        image_token_index=tokenizer.convert_tokens_to_ids(signs["image_token"]),
    )
    images = Gemma3ImageProcessor(size={"height": 64, "width": 64})
    processor = ColGemmaProcessor3(images, tokenizer, chat_template=_GEMMA_CHAT, image_seq_length=16)
    _save(folder, seed, ColGemma3, config, processor)


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
        text_config=_TEXT | {"model_type": "llama", "vocab_size": len(tokenizer)},
        vision_config=_SIGLIP,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        scale_factor=2,
    )
    processor = ColIdefics3Processor(_tile_images(), tokenizer, image_seq_len=16)
    _save(folder, seed, ColIdefics3, config, processor)


def colmodernvbert(folder: Path, seed: int) -> None:
    """The same tiles before a bidirectional ModernBERT with a local layer."""
    from colpali_engine.models import ColModernVBert, ColModernVBertProcessor

    tokenizer = _tile_tokenizer()
    processor = ColModernVBertProcessor(_tile_images(), tokenizer, image_seq_len=16)
    _save(folder, seed, ColModernVBert, _modernvbert_config(tokenizer), processor)


def _modernvbert_config(tokenizer: Any) -> Any:
    from transformers import ModernVBertConfig

    text = {key: value for key, value in _TEXT.items() if key != "num_key_value_heads"}
    layers = {"local_attention": 32, "layer_types": ["full_attention", "sliding_attention"]}
    layers |= {"cls_token_id": 0, "sep_token_id": 0}
    return ModernVBertConfig(
        text_config=text | layers | {"model_type": "modernbert", "vocab_size": len(tokenizer)},
        vision_config=_SIGLIP | {"model_type": "siglip_vision_model", "vision_use_head": False},
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
    _save(folder, seed, ColPaliForRetrieval, config, processor)


def colqwen2_hf(folder: Path, seed: int) -> None:
    """ColQwen2 as transformers' own ColQwen2ForRetrieval."""
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor, Qwen2VLConfig

    tokenizer = _qwen_tokenizer()
    vlm = Qwen2VLConfig(
        text_config=_TEXT | {"vocab_size": len(tokenizer), "rope_parameters": _mrope()},
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        **_qwen_ids(tokenizer),
    )
    processor = ColQwen2Processor(_qwen_images(14), tokenizer)
    _save(folder, seed, ColQwen2ForRetrieval, ColQwen2Config(vlm_config=vlm), processor)


def colmodernvbert_hf(folder: Path, seed: int) -> None:
    """ColModernVBert as transformers' own ColModernVBertForRetrieval."""
    from transformers import ColModernVBertConfig, ColModernVBertForRetrieval, ColModernVBertProcessor

    tokenizer = _tile_tokenizer()
    processor = ColModernVBertProcessor(_tile_images(), tokenizer, image_seq_len=16)
    config = ColModernVBertConfig(vlm_config=_modernvbert_config(tokenizer))
    _save(folder, seed, ColModernVBertForRetrieval, config, processor)


def _save(folder: Path, seed: int, model: type[PreTrainedModel], config: Any, processor: ProcessorMixin) -> None:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random = model(config)
        for weights in random.parameters():
            if weights.ndim > 1 and not weights.any():  # Gemma 3 lets the image in through a matrix that starts at 0
                torch.nn.init.normal_(weights, std=0.2)
        random.save_pretrained(folder)
    processor.save_pretrained(folder)


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
