"""Page models through sentence-transformers' `MultiVectorEncoder`: what colpali-engine has no class for.

These are tomoro-colqwen3, webAI-ColVec, nemotron-colembed and the like, most of which bring code of their own; it
knows none of them by name. Where an image token lies on the page follows from the processor's grid if it has as many
cells as the page has image tokens; otherwise no vector has a place, so there are hits but no heatmap. This module
knows nothing of PDFs, of storage and of scoring.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from vdr.encode.checkpoints import checkpoint_fingerprint, resolve_checkpoint
from vdr.encode.sentence import load_multi_vector
from vdr.encode.sentence_tokens import Output, counted, encode_query, vectors
from vdr.encode.visual.batching import BatchSize, is_out_of_memory
from vdr.encode.visual.places import merged_grid, square_grid, tiles
from vdr.errors import EncoderError, QueryError, first_line
from vdr.types import Floats, MultiVector, QueryVectors

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

logger = logging.getLogger(__name__)


def load(name: str, *, device: str | None = None, trust_remote_code: bool | None = None) -> SentencePageEncoder:
    """Load a page encoder from a folder or the hub.

    Args:
        name: A folder or a hub id.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`. On `cuda`, and on a `cpu` that is faster
            with it, the weights are bfloat16, else float32.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found, takes no images, or brings code that is not trusted.
    """
    folder = resolve_checkpoint(name)
    fingerprint = checkpoint_fingerprint(folder)
    model = load_multi_vector(name, folder, device=device, trust_remote_code=trust_remote_code)
    return SentencePageEncoder(name, fingerprint, model)


class SentencePageEncoder:
    """A `MultiVectorEncoder` as a page encoder, as `vdr.types.PageEncoder` describes it.

    The vectors are those that the checkpoint counts: many leave all but the image tokens out.

    Attributes:
        name: The name it was loaded by.
        dim: The length of a vector.
        fingerprint: Of its checkpoint.
        batch_size: How many pages are encoded at a time.
    """

    def __init__(self, name: str, fingerprint: str, model: MultiVectorEncoder, batch_size: int = 4) -> None:
        if not model.supports("image"):
            raise EncoderError(f"{name} takes no images. Give it as the text encoder.")
        dim = model.get_embedding_dimension()
        if dim is None:
            raise EncoderError(f"{name} does not say how many dimensions its vectors have.")
        self.name = name
        self.dim: int = dim
        self.fingerprint = fingerprint
        self.batch_size = BatchSize(batch_size)
        self._model = model
        self._image_token = _image_token(model)
        self._told = False

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return for each page `(n, dim)` vectors and their `(n, 4)` boxes, all zero for one without a place.

        Raises:
            EncoderError: A page cannot be processed or does not fit into memory on its own.
        """
        pages: list[MultiVector] = []
        while len(pages) < len(images):
            batch = list(images[len(pages) : len(pages) + self.batch_size.pages])
            try:
                outputs: Any = self._model.encode_document(
                    batch,
                    output_value=None,
                    batch_size=len(batch),
                    show_progress_bar=False,
                )
            except Exception as error:  # the code of others fails in too many ways to list
                if not isinstance(error, RuntimeError) or not is_out_of_memory(error):
                    sizes = ", ".join(f"{image.width} x {image.height}" for image in batch)
                    raise EncoderError(
                        f"{self.name} cannot take in pages of {sizes} pixels: {first_line(error)}"
                    ) from error
                self.batch_size.out_of_memory(len(batch), self.name, self._model.device)
                continue
            pages += [self._page(output) for output in outputs]
        return pages

    def encode_query(self, text: str) -> QueryVectors:
        """Return the `(n, dim)` vectors of a query and the word that each belongs to.

        What a chat template puts around the query, and the augmentation tokens after it, have no word.

        Raises:
            QueryError: The query holds the model's own sign for an image.
        """
        sign = getattr(self._model.processor, "image_token", None)
        if sign and str(sign) in text:
            raise QueryError(f"{self.name} cannot take in the query: {sign} is its sign for an image.")
        return encode_query(self.name, self._model, text)

    def _page(self, output: Output) -> MultiVector:
        counts = counted(output)
        boxes = np.zeros((len(counts), 4), np.float32)
        is_image = (output["input_ids"] == self._image_token).cpu().numpy()
        places = self._places(output)
        if places is not None and len(places) == is_image.sum():
            boxes[is_image] = places
        elif not self._told:
            self._told = True
            logger.warning(
                "where the vectors of %s lie on a page is unknown: there will be no heatmaps of its hits", self.name
            )
        return MultiVector(vectors(output)[counts], boxes[counts])

    def _places(self, output: Output) -> Floats | None:
        """Return the boxes of a page's image tokens in their order, None where the processor has no known grid."""
        processor: Any = self._model.processor
        batch: Any = {key: output[key][None] for key in ("input_ids", "image_grid_thw") if key in output}
        try:
            if "image_grid_thw" in batch:
                return merged_grid(processor, batch)[0]
            if hasattr(processor, "image_seq_len"):
                return tiles(processor, batch)[0]
            if hasattr(processor, "image_seq_length"):
                return square_grid(processor, batch)[0]
        except (AttributeError, EncoderError) as error:
            logger.info("%s: %s", self.name, error)
        return None


def _image_token(model: MultiVectorEncoder) -> int:
    """Return the token that stands for a patch of an image, -1 if the processor does not tell."""
    sign = getattr(model.processor, "image_token", None)
    found = None if sign is None else model.tokenizer.convert_tokens_to_ids(str(sign))
    return -1 if found is None else int(found)
