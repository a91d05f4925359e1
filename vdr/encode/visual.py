"""One wrapper over the late-interaction page models of colpali-engine (ColPali paper, arXiv:2407.01449).

What differs between the families is data: one line each in `FAMILIES`. This module knows nothing of where
checkpoints come from, of PDFs, of storage and of scoring.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdr.encode.checkpoints import (
    base_checkpoint,
    checkpoint_fingerprint,
    first_line,
    read_config,
    resolve_checkpoint,
)
from vdr.encode.quiet import quiet_loading
from vdr.encode.words import place_tokens, word_starts, words_at
from vdr.errors import EncoderError, QueryError
from vdr.types import Floats, Ints, MultiVector, PageEncoder, QueryVectors

if TYPE_CHECKING:  # these take seconds to import, so the functions that need them do it
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import BatchFeature, PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Family:
    """How one architecture is loaded and how its image tokens lie on a page.

    Attributes:
        model: Its model class in `colpali_engine.models`.
        processor: Its processor class there.
        places: From the processor and a processed batch, for each page the `(n_image_tokens, 4)` boxes of its
            image tokens in the order of the tokens; `0, 0, 0, 0` for one that covers no single place.
    """

    model: str
    processor: str
    places: Callable[[Processor, BatchFeature], list[Floats]]


def grid_boxes(rows: int, cols: int) -> Floats:
    """Return the `(rows * cols, 4)` page fractions of the cells of a grid, row by row.

    >>> grid_boxes(1, 2).tolist()
    [[0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 1.0, 1.0]]
    """
    x = np.linspace(0, 1, cols + 1, dtype=np.float32)
    y = np.linspace(0, 1, rows + 1, dtype=np.float32)
    left, top = np.meshgrid(x[:-1], y[:-1])
    right, bottom = np.meshgrid(x[1:], y[1:])
    return np.stack([left, top, right, bottom], axis=-1).reshape(-1, 4)


def _merged_grid(processor: Processor, batch: BatchFeature) -> list[Floats]:
    """Qwen-VL: the page is stretched to whole patches, of which squares of `merge_size` make one token."""
    merge = processor.image_processor.merge_size
    return [grid_boxes(rows // merge, cols // merge) for _, rows, cols in batch["image_grid_thw"].tolist()]


FAMILIES: dict[str, Family] = {
    "qwen2_vl": Family("ColQwen2", "ColQwen2Processor", _merged_grid),
}
"""`model_type` in a checkpoint's `config.json` -> its family."""


def load(name: str, *, device: str | None = None) -> PageEncoder:
    """Load a page encoder from a folder or the Hugging Face hub.

    Args:
        name: A folder or a hub id, of a whole model or of a LoRA adapter, which names its base model.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`. On `cuda` the weights are bfloat16,
            elsewhere float32.

    Raises:
        EncoderError: There is no such model, its family is unknown, or its weights are missing or damaged.
    """
    folder = resolve_checkpoint(name)
    base = base_checkpoint(folder)
    config = read_config(base or folder)
    family = FAMILIES.get(str(config.get("model_type")))
    if family is None:
        raise EncoderError(
            f"{name} is of a family that vdr does not know: model_type {config.get('model_type')!r}, "
            f"architectures {config.get('architectures')}. Known: {', '.join(sorted(FAMILIES))}."
        )
    try:
        model, processor, missing = _load_parts(family, folder, base, device)
    except Exception as error:  # damaged or partial checkpoints fail in too many ways to list
        raise EncoderError(f"{name} cannot be loaded as {family.model}: {first_line(error)}") from error
    if missing:
        raise EncoderError(
            f"{name} lacks {len(missing)} of the weights of {family.model}, as {missing[0]}: "
            "it is not trained for retrieval, or its folder is not whole."
        )
    logger.info("loaded %s (%s) on %s", name, family.model, model.device)
    return VisualEncoder(name, checkpoint_fingerprint(folder), family, model, processor)


def _load_parts(
    family: Family, folder: Path, base: Path | None, device: str | None
) -> tuple[PreTrainedModel, Processor, list[str]]:
    """Return the model, ready to use, its processor and the names of the weights it lacks."""
    with quiet_loading():
        import torch
        from colpali_engine import models

        if device is None:
            device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
        model, report = getattr(models, family.model).from_pretrained(
            str(base or folder),
            # Given both folders, transformers need not look for the base model again.
            adapter_kwargs={"_adapter_model_path": str(folder)} if base else None,
            dtype=torch.bfloat16 if torch.device(device).type == "cuda" else torch.float32,
            attn_implementation="sdpa",
            local_files_only=True,
            output_loading_info=True,
        )
        source = folder if (folder / "tokenizer_config.json").is_file() or base is None else base
        processor = getattr(models, family.processor).from_pretrained(str(source), local_files_only=True)
        return model.to(device).eval(), processor, sorted(report["missing_keys"])


class VisualEncoder:
    """A page encoder of any family, as `vdr.types.PageEncoder` describes it.

    All tokens that the model was trained to match with are kept: the image tokens, each with the box of its
    patch, and those of the prompt around them, which have no place.

    Attributes:
        name: The name it was loaded by.
        dim: The length of a vector.
        fingerprint: Of its checkpoint.
        batch_size: Pages encoded at a time; halved for good when they do not fit into the GPU's memory.
    """

    def __init__(
        self,
        name: str,
        fingerprint: str,
        family: Family,
        model: PreTrainedModel,
        processor: Processor,
        batch_size: int = 4,
    ) -> None:
        self.name = name
        self.dim = cast(int, model.dim)
        self.fingerprint = fingerprint
        self.batch_size = batch_size
        self._family = family
        self._model = model
        self._processor = processor

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return for each page `(n, dim)` vectors of unit length and their `(n, 4)` boxes.

        Args:
            images: The pages, of any size and shape; the model's own processor scales them.

        Raises:
            EncoderError: A page cannot be processed, does not fit into memory on its own, or its image tokens
                do not match its patch grid.
        """
        from torch import OutOfMemoryError

        pages: list[MultiVector] = []
        while len(pages) < len(images):
            batch = images[len(pages) : len(pages) + self.batch_size]
            try:
                pages += self._encode_batch(batch)
            except OutOfMemoryError as error:
                if len(batch) == 1:
                    raise EncoderError(
                        f"A page does not fit into the memory of {self._model.device} with {self.name}. "
                        "Free some, take a smaller model, or use the cpu."
                    ) from error
                self.batch_size = len(batch) // 2
                logger.info("out of memory: %d pages at a time from now on", self.batch_size)
        return pages

    def _encode_batch(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        try:
            batch = self._processor.process_images(list(images))
        except ValueError as error:
            sizes = ", ".join(f"{image.width} x {image.height}" for image in images)
            raise EncoderError(f"{self.name} cannot take in pages of {sizes} pixels: {first_line(error)}") from error
        is_image = (batch["input_ids"] == self._model.config.image_token_id).numpy()
        places = self._family.places(self._processor, batch)
        boxes = np.zeros((*is_image.shape, 4), np.float32)
        for row, place in enumerate(places):
            if is_image[row].sum() != len(place):
                raise EncoderError(
                    f"{self.name} makes {is_image[row].sum()} image tokens of a page whose patch grid has "
                    f"{len(place)} cells, so no vector could be placed: its processor does not fit the model."
                )
            boxes[row, is_image[row]] = place
        kept, vectors = self._forward(batch)
        return [MultiVector(vectors[row][kept[row]], boxes[row][kept[row]]) for row in range(len(kept))]

    def encode_query(self, text: str) -> QueryVectors:
        """Return the `(n, dim)` vectors of unit length of a query and the word that each belongs to.

        The instruction before the query and the augmentation tokens after it have no word.

        Raises:
            QueryError: The query holds the model's own sign for an image.
        """
        try:
            batch = self._processor.process_queries([text])
        except ValueError as error:
            raise QueryError(f"{self.name} cannot take in the query: {first_line(error)}") from error
        ids = batch["input_ids"][0].tolist()
        kept, vectors = self._forward(batch)
        words = token_words(self._processor.tokenizer, self._processor.query_prefix, text, ids)
        return QueryVectors(tuple(text.split()), token_of=words[kept[0]], vectors=vectors[0][kept[0]])

    def _forward(self, batch: BatchFeature) -> tuple[NDArray[np.bool_], Floats]:
        """Return which tokens are no padding `(n_rows, length)` and all vectors `(n_rows, length, dim)`."""
        import torch

        kept = batch["attention_mask"].bool().numpy()
        with torch.inference_mode():
            vectors = self._model(**batch.to(self._model.device))
        return kept, vectors.float().cpu().numpy()


def token_words(tokenizer: PreTrainedTokenizerBase, prefix: str, text: str, ids: Sequence[int]) -> Ints:
    """Return the `(n,)` word of `text` that each token of a processed query belongs to, -1 for none.

    Args:
        tokenizer: A fast tokenizer, which knows where in a string its tokens lie.
        prefix: The instruction that stands before the query.
        text: The query, whose words are `text.split()`.
        ids: `(n,)` all tokens, with whatever else the processor put around the query.
    """
    prompt = prefix + text
    encoded = tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    inked = [
        # A token may begin with the space before its word; one of spaces alone has no word.
        end - len(prompt[start:end].lstrip()) if prompt[start:end].strip() else -1
        for start, end in encoded["offset_mapping"]
    ]
    starts = [len(prefix) + start for start in word_starts(text)]
    return words_at(starts, place_tokens(ids, encoded["input_ids"], inked).tolist())
