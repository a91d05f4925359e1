"""Pages and queries to vectors, with a model of any family. Knows nothing of where checkpoints come from."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdr.encode.quiet import quiet_loading
from vdr.encode.visual.batching import BatchSize, is_out_of_memory
from vdr.encode.visual.families import Family
from vdr.encode.words import place_tokens, word_starts, words_at
from vdr.errors import EncoderError, QueryError, first_line
from vdr.types import Floats, Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from colpali_engine.utils.processing_utils import BaseVisualRetrieverProcessor as Processor
    from transformers import BatchFeature, PreTrainedModel, PreTrainedTokenizerBase

PREPARERS = 4
"""Threads that prepare pages for a GPU, on a machine that has twice as many cores. A processor gets one."""
ON_GPU, ON_CPU = 64, 16
"""Pages that a model can use at a time."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Some pages as the model takes them in.

    Attributes:
        batch: What the processor made of them.
        boxes: `(n_pages, length, 4)` where on its page each token lies, 0 for no place.
    """

    batch: BatchFeature
    boxes: Floats


class VisualEncoder:
    """A page encoder of any family, as `vdr.types.PageEncoder` describes it.

    All tokens that the model was trained to match with are kept: the image tokens, each with the box of its
    patch, and those of the prompt around them, which have no place. (No published recipe of colpali-engine
    leaves the prompt out: `mask_non_image_embeddings` is off everywhere.)

    Attributes:
        name: The name it was loaded by.
        dim: The length of a vector.
        fingerprint: Of its checkpoint.
        model: What makes the vectors.
        batch_size: How many pages are encoded at a time; it finds its own number.
        pages_at_once: How many pages to hand over in a call, so that preparing and encoding overlap.
        preparers: How many threads prepare pages, and how many batches ahead of the model.
    """

    def __init__(
        self, name: str, fingerprint: str, family: Family, model: PreTrainedModel, processor: Processor
    ) -> None:
        # colpali-engine's classes have `dim`, those of transformers the configuration's `embedding_dim`.
        self.dim: int = getattr(model, "dim", None) or model.config.embedding_dim
        self.name = name
        self.fingerprint = fingerprint
        self.model = model
        self.batch_size = BatchSize()
        on_cpu = model.device.type == "cpu"
        self.pages_at_once = ON_CPU if on_cpu else ON_GPU
        self.preparers = 1 if on_cpu else max(1, min(PREPARERS, (os.cpu_count() or 1) // 2))
        self._family = family
        self._processor = processor  # for queries; its tokenizer does not bear two threads
        self._asking = threading.Lock()
        self._spare: SimpleQueue[Processor] = SimpleQueue()  # for pages: copies that are not in use
        self._image_token: int = getattr(model.config, "vlm_config", model.config).image_token_id

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return for each page `(n, dim)` vectors of unit length and their `(n, 4)` boxes.

        Threads prepare the next batches while the model works on the present one. Their size is settled by then, so
        a new batch size holds from the batch after those; but a batch that does not fit is cut at once.

        Threads, not processes: the image processors compute outside the interpreter's lock, and to hand a prepared
        page over to another process takes as long as to prepare it.

        Args:
            images: The pages, of any size and shape; the model's own processor scales them.

        Raises:
            EncoderError: A page cannot be processed, does not fit into memory on its own, or its image tokens
                do not match its patch grid.
        """
        pages: list[MultiVector] = []
        ahead: deque[tuple[int, Future[Prepared]]] = deque()
        taken = 0  # images that are prepared, or about to be
        with quiet_loading(), ThreadPoolExecutor(self.preparers, "vdr-prepare") as threads:
            try:
                while len(pages) < len(images):
                    while len(ahead) <= self.preparers and taken < len(images):
                        batch = images[taken : taken + self.batch_size.pages]
                        ahead.append((len(batch), threads.submit(self.prepare, batch)))
                        taken += len(batch)
                    size, future = ahead.popleft()
                    try:
                        prepared = future.result()
                        start = time.perf_counter()  # preparing counts for nothing: it takes as long in any batch
                        kept, vectors = self.forward(prepared.batch)
                    except RuntimeError as error:
                        if not is_out_of_memory(error):
                            raise
                        self.batch_size.out_of_memory(size, self.name, self.model.device)
                        _cancel(ahead)
                        taken = len(pages)
                        continue
                    self.batch_size.encoded(size, kept.sum() / (time.perf_counter() - start))
                    boxes = prepared.boxes
                    pages += [MultiVector(vectors[row][kept[row]], boxes[row][kept[row]]) for row in range(size)]
            finally:
                _cancel(ahead)
        return pages

    def prepare(self, images: Sequence[Image.Image]) -> Prepared:
        """Return what the model takes in for some pages. Safe to call from several threads.

        Raises:
            EncoderError: A page cannot be processed, or its image tokens do not match its patch grid.
        """
        try:
            processor = self._spare.get_nowait()
        except Empty:
            with self._asking:
                processor = deepcopy(self._processor)
        try:
            batch = processor.process_images(list(images))
        except ValueError as error:
            sizes = ", ".join(f"{image.width} x {image.height}" for image in images)
            raise EncoderError(f"{self.name} cannot take in pages of {sizes} pixels: {first_line(error)}") from error
        else:
            return Prepared(batch, self._boxes(processor, batch))
        finally:
            self._spare.put(processor)

    def _boxes(self, processor: Processor, batch: BatchFeature) -> Floats:
        """Return the `(n_pages, length, 4)` boxes of all tokens."""
        is_image = (batch["input_ids"] == self._image_token).numpy()
        boxes = np.zeros((*is_image.shape, 4), np.float32)
        for row, place in enumerate(self._family.places(processor, batch)):
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
        with self._asking:
            try:
                with quiet_loading():
                    batch = self._processor.process_queries([text])
            except ValueError as error:
                raise QueryError(f"{self.name} cannot take in the query: {first_line(error)}") from error
            ids = batch["input_ids"][0].tolist()
            if self._image_token in ids:
                sign = self._processor.tokenizer.decode([self._image_token])
                raise QueryError(f"{self.name} cannot take in the query: {sign} is its sign for an image.")
            prefix = self._processor.query_prefix if self._family.prefix is None else self._family.prefix
            words = token_words(self._processor.tokenizer, prefix, text, ids)
        kept, vectors = self.forward(batch)
        return QueryVectors(tuple(text.split()), token_of=words[kept[0]], vectors=vectors[0][kept[0]])

    def forward(self, batch: BatchFeature) -> tuple[NDArray[np.bool_], Floats]:
        """Return which tokens are no padding `(n_rows, length)` and all vectors `(n_rows, length, dim)`."""
        import torch

        attended = batch["attention_mask"].bool().numpy()
        with torch.inference_mode():
            output = self.model(**self.on_device(batch))
        vectors = output if torch.is_tensor(output) else output.embeddings
        return attended, vectors.float().cpu().numpy()

    def on_device(self, batch: BatchFeature) -> BatchFeature:
        """Return a prepared batch where the model is, as the model takes it."""
        batch.pop("labels", None)  # some processors add them for training, and the loss costs memory
        return batch.to(self.model.device)


def _cancel(ahead: deque[tuple[int, Future[Prepared]]]) -> None:
    """Prepare nothing more than what is being prepared."""
    for _, future in ahead:
        future.cancel()
    ahead.clear()


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
