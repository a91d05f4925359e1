"""The families as data: what differs between them. Loads and runs nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vdr.encode.visual.places import merged_grid, square_grid, tiles
from vdr.types import Floats

if TYPE_CHECKING:
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import BatchFeature

COLPALI_ENGINE = "colpali_engine.models"
TRANSFORMERS = "transformers"


@dataclass(frozen=True, slots=True)
class Family:
    """How one architecture is loaded and how its image tokens lie on a page.

    Attributes:
        model: Its model class.
        processor: Its processor class.
        places: From the processor and a processed batch, for each page the `(n_image_tokens, 4)` boxes of its
            image tokens in the order of the tokens; `0, 0, 0, 0` for one that covers no single place.
        library: The module that has both classes.
        flash: Whether FlashAttention 2 can express its attention mask; that of the Gemmas, causal but for the
            image, it cannot.
        prefix: What stands before the words of a query where the processor's `query_prefix` does not tell.
    """

    model: str
    processor: str
    places: Callable[[Processor, BatchFeature], list[Floats]]
    library: str = COLPALI_ENGINE
    flash: bool = True
    prefix: str | None = None


FAMILIES: dict[str, Family] = {
    "paligemma": Family("ColPali", "ColPaliProcessor", square_grid, flash=False),
    "qwen2_vl": Family("ColQwen2", "ColQwen2Processor", merged_grid),
    "qwen2_5_vl": Family("ColQwen2_5", "ColQwen2_5_Processor", merged_grid),
    "qwen2_5_omni_thinker": Family("ColQwen2_5Omni", "ColQwen2_5OmniProcessor", merged_grid),
    "qwen3_vl": Family("ColQwen3", "ColQwen3Processor", merged_grid),
    "qwen3_5": Family("ColQwen3_5", "ColQwen3_5Processor", merged_grid),
    "idefics3": Family("ColIdefics3", "ColIdefics3Processor", tiles),
    "modernvbert": Family("ColModernVBert", "ColModernVBertProcessor", tiles),
    "gemma3": Family("ColGemma3", "ColGemmaProcessor3", square_grid, flash=False, prefix="Query: "),
    "colpali": Family("ColPaliForRetrieval", "ColPaliProcessor", square_grid, TRANSFORMERS, flash=False),
    "colqwen2": Family("ColQwen2ForRetrieval", "ColQwen2Processor", merged_grid, TRANSFORMERS),
    "colmodernvbert": Family("ColModernVBertForRetrieval", "ColModernVBertProcessor", tiles, TRANSFORMERS),
}
"""`model_type` in a checkpoint's `config.json` -> its family."""
