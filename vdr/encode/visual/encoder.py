"""Pages and queries to vectors, with a model of any family. Knows nothing of where checkpoints come from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdr.encode.checkpoints import first_line
from vdr.encode.quiet import quiet_loading
from vdr.encode.visual.batching import BatchSize, is_out_of_memory
from vdr.encode.visual.families import Family
from vdr.encode.words import place_tokens, word_starts, words_at
from vdr.errors import EncoderError, QueryError
from vdr.types import Floats, Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import BatchFeature, PreTrainedModel, PreTrainedTokenizerBase

_Prepared: TypeAlias = "tuple[BatchFeature, Floats]"


class VisualEncoder:
    """A page encoder of any family, as `vdr.types.PageEncoder` describes it.

    All tokens that the model was trained to match with are kept: the image tokens, each with the box of its
    patch, and those of the prompt around them, which have no place. (No published recipe of colpali-engine
    leaves the prompt out: `mask_non_image_embeddings` is off everywhere.)

    Attributes:
        name: The name it was loaded by.
        dim: The length of a vector.
        fingerprint: Of its checkpoint.
        batch_size: How many pages are encoded at a time; it finds its own number.
    """

    def __init__(
        self, name: str, fingerprint: str, family: Family, model: PreTrainedModel, processor: Processor
    ) -> None:
        # colpali-engine's classes have `dim`, those of transformers the configuration's `embedding_dim`.
        self.dim: int = getattr(model, "dim", None) or model.config.embedding_dim
        self.name = name
        self.fingerprint = fingerprint
        self.batch_size = BatchSize()
        self._family = family
        self._model = model
        self._processor = processor
        self._image_token: int = getattr(model.config, "vlm_config", model.config).image_token_id

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return for each page `(n, dim)` vectors of unit length and their `(n, 4)` boxes.

        A thread prepares the next batch while the model works on the present one. Its size is settled by then, so
        a new batch size holds from the batch after the next; but a batch that does not fit is cut at once.

        Args:
            images: The pages, of any size and shape; the model's own processor scales them.

        Raises:
            EncoderError: A page cannot be processed, does not fit into memory on its own, or its image tokens
                do not match its patch grid.
        """
        pages: list[MultiVector] = []
        with quiet_loading(), ThreadPoolExecutor(1, "vdr-prepare") as thread:

            def prepare(start: int) -> tuple[int, Future[_Prepared]]:
                batch = images[start : start + self.batch_size.pages]
                return len(batch), thread.submit(self._prepare, batch)

            ahead: tuple[int, Future[_Prepared]] | None = None
            while len(pages) < len(images):
                size, prepared = ahead or prepare(len(pages))
                end = len(pages) + size
                ahead = prepare(end) if end < len(images) else None
                try:
                    batch, boxes = prepared.result()
                    start = time.perf_counter()  # preparing counts for nothing: it takes as long a page in any batch
                    kept, vectors = self._forward(batch)
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    self.batch_size.out_of_memory(size, self.name, self._model.device)
                    ahead = None  # it begins where this batch would have ended
                    continue
                self.batch_size.encoded(size, kept.sum() / (time.perf_counter() - start))
                pages += [MultiVector(vectors[row][kept[row]], boxes[row][kept[row]]) for row in range(size)]
        return pages

    def _prepare(self, images: Sequence[Image.Image]) -> _Prepared:
        """Return what the model takes in for some pages, and the `(n_pages, length, 4)` boxes of all tokens.

        All that needs the processor is done here, in one thread: its tokenizer does not bear two.
        """
        try:
            batch = self._processor.process_images(list(images))
        except ValueError as error:
            sizes = ", ".join(f"{image.width} x {image.height}" for image in images)
            raise EncoderError(f"{self.name} cannot take in pages of {sizes} pixels: {first_line(error)}") from error
        return batch, self._boxes(batch)

    def _boxes(self, batch: BatchFeature) -> Floats:
        """Return the `(n_pages, length, 4)` boxes of all tokens."""
        is_image = (batch["input_ids"] == self._image_token).numpy()
        boxes = np.zeros((*is_image.shape, 4), np.float32)
        for row, place in enumerate(self._family.places(self._processor, batch)):
            if is_image[row].sum() != len(place):
                raise EncoderError(
                    f"{self.name} makes {is_image[row].sum()} image tokens of a page whose patch grid has "
                    f"{len(place)} cells, so no vector could be placed: its processor does not fit the model."
                )
            boxes[row, is_image[row]] = place
        return boxes

    def encode_query(self, text: str) -> QueryVectors:
        """Return the `(n, dim)` vectors of unit length of a query and the word that each belongs to.

        The instruction before the query and the augmentation tokens after it have no word.

        Raises:
            QueryError: The query holds the model's own sign for an image.
        """
        try:
            with quiet_loading():
                batch = self._processor.process_queries([text])
        except ValueError as error:
            raise QueryError(f"{self.name} cannot take in the query: {first_line(error)}") from error
        ids = batch["input_ids"][0].tolist()
        if self._image_token in ids:
            sign = self._processor.tokenizer.decode([self._image_token])
            raise QueryError(f"{self.name} cannot take in the query: {sign} is its sign for an image.")
        kept, vectors = self._forward(batch)
        prefix = self._processor.query_prefix if self._family.prefix is None else self._family.prefix
        words = token_words(self._processor.tokenizer, prefix, text, ids)
        return QueryVectors(tuple(text.split()), token_of=words[kept[0]], vectors=vectors[0][kept[0]])

    def _forward(self, batch: BatchFeature) -> tuple[NDArray[np.bool_], Floats]:
        """Return which tokens are no padding `(n_rows, length)` and all vectors `(n_rows, length, dim)`."""
        import torch

        batch.pop("labels", None)  # some processors add them for training, and the loss costs memory
        attended = batch["attention_mask"].bool().numpy()
        with torch.inference_mode():
            output = self._model(**batch.to(self._model.device))
        vectors = output if torch.is_tensor(output) else output.embeddings
        return attended, vectors.float().cpu().numpy()


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
