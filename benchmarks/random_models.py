"""Page models of published sizes with random weights: as fast and as large as trained ones, and no download.

They retrieve nothing. Their tokenizers know single characters and the words of the prompt, so a page makes as many
tokens as with the published ones; a query makes more. Knows nothing of what is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vdr.encode.devices import best_dtype
from vdr.encode.visual import FAMILIES, VisualEncoder
from vdr.encode.visual.loading import attention, drop_head, model_class

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, ProcessorMixin

PROMPT_WORDS = ("user", "Describe", " the", " image")


def colqwen2(text: dict[str, Any], vision: dict[str, Any]) -> tuple[PreTrainedConfig, ProcessorMixin]:
    """ColQwen2 with at most 768 image tokens a page, as vidore/colqwen2-v1.0."""
    from colpali_engine.models import ColQwen2Processor
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import Qwen2Tokenizer, Qwen2VLConfig, Qwen2VLImageProcessor, Qwen2VLVideoProcessor

    marks = ("endoftext", "im_start", "im_end", "vision_start", "vision_end", "image_pad", "video_pad")
    special = [f"<|{mark}|>" for mark in marks]
    vocab = {token: index for index, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    tokenizer = Qwen2Tokenizer(vocab=vocab, merges=[], extra_special_tokens=special[1:])
    tokenizer.add_tokens(list(PROMPT_WORDS))
    config = Qwen2VLConfig(
        text_config=text
        | {
            "vocab_size": 151_936,
            "max_position_embeddings": 32_768,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 1_000_000.0,
                "mrope_section": [
                    share * text["hidden_size"] // text["num_attention_heads"] // 16 for share in (2, 3, 3)
                ],
            },
            "pad_token_id": 0,
            "bos_token_id": None,
            "eos_token_id": None,
        },
        vision_config=vision | {"hidden_size": text["hidden_size"], "patch_size": 14, "mlp_ratio": 4},
        image_token_id=vocab["<|image_pad|>"],
        video_token_id=vocab["<|video_pad|>"],
        vision_start_token_id=vocab["<|vision_start|>"],
        vision_end_token_id=vocab["<|vision_end|>"],
    )
    images = Qwen2VLImageProcessor(patch_size=14, min_pixels=4 * 28**2, max_pixels=768 * 28**2)
    return config, ColQwen2Processor(images, tokenizer, Qwen2VLVideoProcessor())


def full_colqwen2() -> tuple[PreTrainedConfig, ProcessorMixin]:
    """Qwen2-VL-2B."""
    return colqwen2(
        {
            "hidden_size": 1536,
            "num_hidden_layers": 28,
            "num_attention_heads": 12,
            "num_key_value_heads": 2,
            "intermediate_size": 8960,
        },
        {"depth": 32, "embed_dim": 1280, "num_heads": 16},
    )


def small_colqwen2() -> tuple[PreTrainedConfig, ProcessorMixin]:
    """The shape of ColQwen2 and as many tokens a page, in a fifteenth of its layers and a sixteenth of their size."""
    return colqwen2(
        {
            "hidden_size": 384,
            "num_hidden_layers": 2,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
            "intermediate_size": 1536,
        },
        {"depth": 2, "embed_dim": 320, "num_heads": 8},
    )


def full_colpali() -> tuple[PreTrainedConfig, ProcessorMixin]:
    """PaliGemma-3B at 448 pixels: SigLIP-So400m/14 and Gemma-2B.

    A page makes 1,031 tokens: 1,024 patches, "<bos><bos>Describe the image." and a line's end. The paper has 1,030; the
    second <bos> is in colpali-engine's prompt, beside the one that transformers puts there.
    """
    from colpali_engine.models import ColPaliProcessor
    from transformers import GemmaTokenizer, PaliGemmaConfig, SiglipImageProcessor

    special = ("<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>")
    letters = [chr(code) for code in range(33, 127)]
    vocab = {token: index for index, token in enumerate([*special, "\n", "▁", *letters])}
    tokenizer = GemmaTokenizer(vocab=vocab, merges=[])
    tokenizer.add_tokens([word.replace(" ", "▁") for word in PROMPT_WORDS])
    images = SiglipImageProcessor(size={"height": 448, "width": 448}, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    images.image_seq_length = 1024
    config = PaliGemmaConfig(
        text_config={
            "model_type": "gemma",
            "vocab_size": 257_216,
            "hidden_size": 2048,
            "num_hidden_layers": 18,
            "num_attention_heads": 8,
            "num_key_value_heads": 1,
            "head_dim": 256,
            "intermediate_size": 16_384,
            "pad_token_id": 0,
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 1152,
            "num_hidden_layers": 27,
            "num_attention_heads": 16,
            "intermediate_size": 4304,
            "image_size": 448,
            "patch_size": 14,
            "vision_use_head": False,
        },
        image_token_index=vocab["<image>"],
        projection_dim=2048,
        hidden_size=2048,
        vocab_size=257_216,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=1,
    )
    return config, ColPaliProcessor(images, tokenizer)


def full_colsmol() -> tuple[PreTrainedConfig, ProcessorMixin]:
    """SmolVLM-256M: tiles of 512 pixels, 64 tokens each, SigLIP-B/16 and SmolLM2-135M."""
    from colpali_engine.models import ColIdefics3Processor
    from tokenizers import AddedToken
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import GPT2Tokenizer, Idefics3Config, Idefics3ImageProcessor

    marks = ["<|im_start|>", "<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>"]
    marks += [f"<row_{row}_col_{col}>" for row in range(1, 7) for col in range(1, 7)]
    special = ["<|endoftext|>", *marks]
    vocab = {token: index for index, token in enumerate([*special, *sorted(ByteLevel.alphabet())])}
    tokenizer = GPT2Tokenizer(vocab=vocab, merges=[], pad_token=special[0])
    tokenizer.add_tokens([AddedToken(mark, special=True) for mark in marks], special_tokens=True)
    tokenizer.add_tokens(["User", "Assistant", *PROMPT_WORDS])
    config = Idefics3Config(
        text_config={
            "model_type": "llama",
            "vocab_size": 49_280,
            "hidden_size": 576,
            "num_hidden_layers": 30,
            "num_attention_heads": 9,
            "num_key_value_heads": 3,
            "intermediate_size": 1536,
            "max_position_embeddings": 8192,
            "pad_token_id": 0,
            "bos_token_id": None,
            "eos_token_id": None,
        },
        vision_config={
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
            "image_size": 512,
            "patch_size": 16,
        },
        image_token_id=vocab["<image>"],
        pad_token_id=0,
        scale_factor=4,
    )
    images = Idefics3ImageProcessor(size={"longest_edge": 2048}, max_image_size={"longest_edge": 512})
    return config, ColIdefics3Processor(images, tokenizer, image_seq_len=64)


BUILDERS = {
    "colqwen2": ("qwen2_vl", full_colqwen2),
    "colpali": ("paligemma", full_colpali),
    "colsmol": ("idefics3", full_colsmol),
    "small": ("qwen2_vl", small_colqwen2),
}
"""Name -> `model_type` in `vdr.encode.visual.FAMILIES`, and what makes its configuration and processor."""


def random_encoder(name: str, device: str) -> VisualEncoder:
    """Return an encoder as `vdr.encode.visual.load` makes it of a checkpoint in bfloat16."""
    import torch

    model_type, build = BUILDERS[name]
    family, dtype = FAMILIES[model_type], best_dtype(device)
    config, processor = build()
    config._attn_implementation = attention(device, dtype, family)
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            torch.manual_seed(0)
            model = model_class(family)(config)
    finally:
        torch.set_default_dtype(before)
    drop_head(model)
    return VisualEncoder(f"random-{name}", "random", family, model.to(device).eval(), processor)
