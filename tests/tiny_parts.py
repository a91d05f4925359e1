"""What tiny models have in common: their sizes, and how they are saved."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin

TEXT: dict[str, Any] = {
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
SIGLIP: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 64,
    "patch_size": 8,
}


def save_tiny(folder: Path, seed: int, model: type[PreTrainedModel], config: Any, processor: ProcessorMixin) -> None:
    """Save a random model and its processor."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random = model(config)
        for weights in random.parameters():
            if weights.ndim > 1 and not weights.any():  # Gemma 3 lets the image in through a matrix that starts at 0
                torch.nn.init.normal_(weights, std=0.2)
        random.save_pretrained(folder)
    processor.save_pretrained(folder)
