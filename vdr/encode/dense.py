"""Dense bi-encoders through sentence-transformers' `SentenceTransformer`: one vector a passage. Knows no storage.

Its multi-vectors have one vector for each window of a text that the model reads at a time, so MaxSim ranks a page by
its best passage, and a query has one vector. No vector belongs to a word.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from vdr.encode.checkpoints import checkpoint_fingerprint, resolve_checkpoint
from vdr.encode.sentence import is_multi_vector, load_single
from vdr.encode.words import read_tokens, stretches, titled
from vdr.errors import EncoderError
from vdr.types import Floats, MultiVector, QueryVectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

OVERLAP = 32
"""Tokens that neighbouring windows of a long text share."""
LONGEST = 8_192
"""Tokens of a window, where a model would take more."""
BATCH = 16
REVISION = "2"
"""Of the code between the weights and a text's vectors: raised when it changes what these are."""


def load(name: str, *, device: str | None = None, trust_remote_code: bool | None = None) -> DenseEncoder:
    """Load a bi-encoder from a folder or the hub.

    Args:
        name: A folder or a hub id.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found, is no bi-encoder, is damaged, or brings code that is not trusted.
    """
    folder = resolve_checkpoint(name)
    if is_multi_vector(folder) or not (folder / "modules.json").is_file():
        raise EncoderError(
            f"{name} is no bi-encoder: nothing in its folder says that it gives one vector a text. Name a model of "
            "sentence-transformers; one of late interaction goes to --text-encoder."
        )
    model, lacking = load_single("SentenceTransformer", "bi-encoder", name, folder, device, trust_remote_code)
    if getattr(getattr(model, "tokenizer", None), "is_fast", False) is not True:
        raise EncoderError(
            f"{name} cannot be loaded as a bi-encoder: its tokenizer cannot tell where in a text its tokens lie"
        )
    lacking = {weight for weight in lacking if "pooler" not in weight}  # which mean pooling does not pass through
    if lacking:
        raise EncoderError(f"{name} lacks {len(lacking)} of its model's weights, as {min(lacking)}: it is not whole.")
    logger.info("loaded %s on %s", name, model.device)
    return DenseEncoder(name, f"{checkpoint_fingerprint(folder)[:14]}-{REVISION}", model)


class DenseEncoder:
    """A `SentenceTransformer` as a vdr text encoder. Prompts are those of the checkpoint.

    Args:
        name: As the user called it.
        fingerprint: Tells its weights from others'.
        model: The loaded model.
    """

    def __init__(self, name: str, fingerprint: str, model: SentenceTransformer) -> None:
        self.name, self.fingerprint = name, fingerprint
        self._model = model
        dim = model.get_embedding_dimension()
        if dim is None:
            raise EncoderError(f"{name} does not say how many dimensions its vectors have.")
        self.dim: int = dim
        self._unit_length = model.similarity_fn_name != "dot"

    def encode_query(self, text: str) -> QueryVectors:
        """Return the query's vector, `(1, dim)`, which belongs to none of its words."""
        vector = self._model.encode_query([text], normalize_embeddings=self._unit_length, show_progress_bar=False)
        return QueryVectors(tuple(text.split()), np.full(1, -1, np.int32), np.asarray(vector, np.float32))

    def encode_texts(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[MultiVector]:
        """Return one vector for each window of each text, which belongs to no word; an empty text has none.

        Args:
            texts: Of any length.
            titles: What each text is part of, read before each of its windows; empty for nothing.
        """
        parts = [self._windows(text, title) for text, title in zip(texts, titles or [""] * len(texts), strict=True)]
        flat = [part for own in parts for part in own]
        vectors: Floats = np.zeros((0, self.dim), np.float32)
        if flat:
            encoded = self._model.encode_document(
                flat, batch_size=BATCH, normalize_embeddings=self._unit_length, show_progress_bar=False
            )
            vectors = np.asarray(encoded, np.float32)
        ends = np.cumsum([len(own) for own in parts], dtype=np.int64).tolist()
        return [
            MultiVector(vectors[end - len(own) : end], words=np.full(len(own), -1, np.int32))
            for end, own in zip(ends, parts, strict=True)
        ]

    def _windows(self, text: str, title: str) -> list[str]:
        _, starts = read_tokens(self._model.tokenizer, text)
        size = self._room
        if title:
            _, before = read_tokens(self._model.tokenizer, titled("", title))
            taken = sum(start >= 0 for start in before)
            title, size = (title, size - taken) if taken <= size // 2 else ("", size)
        parts = stretches(text, [start for start in starts if start >= 0], size, min(OVERLAP, size // 4))
        return [titled(part, title) for part in parts]

    @cached_property
    def _room(self) -> int:
        """Tokens of a text that the model takes at a time, beside what the checkpoint puts around it."""
        prompt = self._model.prompts.get("document")
        around = len(self._model.preprocess(["a"], prompt=prompt)["input_ids"][0]) - 1
        room = min(self._model.max_seq_length or LONGEST, LONGEST) - around
        if room < 1:
            raise EncoderError(f"{self.name} takes too few tokens at a time to read a text with.")
        return room
