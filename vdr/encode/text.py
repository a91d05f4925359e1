"""Text late interaction through sentence-transformers' `MultiVectorEncoder`. Knows nothing of pages or storage.

Any checkpoint that it loads (its own format, PyLate, Stanford ColBERT) works by folder or hub id; prefixes, query
expansion, skiplists and lengths are those of the checkpoint. Long texts are read in overlapping windows, so nothing
of them is cut off, and every vector knows its word.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from vdr.encode.checkpoints import checkpoint_fingerprint, resolve_checkpoint
from vdr.encode.quiet import quiet_loading
from vdr.encode.words import Window, place_tokens, windows, word_starts, words_at
from vdr.errors import EncoderError
from vdr.types import Floats, Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

logger = logging.getLogger(__name__)

OVERLAP = 32
"""Tokens that neighbouring windows of a long text share."""
BATCH = 16


def load(name: str) -> TokenEncoder:
    """Load a text late-interaction checkpoint from a folder or the hub.

    Raises:
        EncoderError: It cannot be found, or is no such checkpoint.
    """
    folder = resolve_checkpoint(name)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with quiet_loading():
        from sentence_transformers import MultiVectorEncoder

        try:
            model = MultiVectorEncoder(str(folder), trust_remote_code=False)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise EncoderError(
                f"{name} cannot be loaded as a text late-interaction model: {error}. Name a ColBERT-style checkpoint."
            ) from error
    return TokenEncoder(name, checkpoint_fingerprint(folder), model)


class TokenEncoder:
    """A `MultiVectorEncoder` as a vdr text encoder.

    Args:
        name: As the user called it.
        fingerprint: Tells its weights from others'.
        model: The loaded model.
    """

    def __init__(self, name: str, fingerprint: str, model: MultiVectorEncoder) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._model = model
        dim = model.get_embedding_dimension()
        if dim is None:
            raise EncoderError(f"{name} does not say how many dimensions its vectors have.")
        self.dim: int = dim

    def encode_query(self, text: str) -> QueryVectors:
        """Return the query's vectors, those of expansion tokens included, as the checkpoint makes them."""
        outputs: Any = self._model.encode_query([text], output_value=None, show_progress_bar=False)
        starts = word_starts(text)
        vectors, offsets = self._scored(outputs[0], text)
        token_of = np.where(offsets < 0, -1, words_at(starts, offsets.tolist())).astype(np.int32)
        return QueryVectors(tuple(text.split()), token_of, vectors)

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        """Return the vectors of each text; an empty text has none.

        A text that fits the model's length has the vectors `MultiVectorEncoder.encode_document` gives it.
        """
        jobs = [
            (index, window)
            for index, text in enumerate(texts)
            if text.strip()
            for window in windows(text, self._token_starts(text), self._length, OVERLAP)
        ]
        strings = [texts[index][window.start : window.end] for index, window in jobs]
        outputs: Any = (
            self._model.encode_document(strings, output_value=None, batch_size=BATCH, show_progress_bar=False)
            if jobs
            else []
        )
        parts: list[list[tuple[Floats, Ints]]] = [[] for _ in texts]
        for (index, window), string, output in zip(jobs, strings, outputs, strict=True):
            parts[index].append(self._kept(output, string, window, first=not parts[index]))
        return [self._joined(text, part) for text, part in zip(texts, parts, strict=True)]

    def _kept(self, output: dict[str, Any], string: str, window: Window, *, first: bool) -> tuple[Floats, Ints]:
        """Return a window's vectors and their offsets in the text; special tokens from the first window only."""
        vectors, offsets = self._scored(output, string)
        in_text = np.where(offsets < 0, -1, offsets + window.start)
        keep = (in_text >= window.keep_from) & (in_text < window.keep_to) | (in_text < 0) & first
        return vectors[keep], in_text[keep].astype(np.int32)

    def _joined(self, text: str, parts: list[tuple[Floats, Ints]]) -> MultiVector:
        if not parts:
            return MultiVector(np.zeros((0, self.dim), np.float32), words=np.zeros(0, np.int32))
        offsets = np.concatenate([part[1] for part in parts])
        words = np.where(offsets < 0, -1, words_at(word_starts(text), offsets.tolist()))
        return MultiVector(np.concatenate([part[0] for part in parts]), words=words.astype(np.int32))

    def _scored(self, output: dict[str, Any], text: str) -> tuple[Floats, Ints]:
        """Return the vectors that count for MaxSim, and the character offset of each, -1 for tokens not in the text."""
        mask = output["attention_mask"].bool().cpu().numpy()
        ids = output["input_ids"].tolist()
        vectors = output["token_embeddings"].float().cpu().numpy()
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = place_tokens(ids, encoded["input_ids"], [start for start, _ in encoded["offset_mapping"]])
        return vectors[mask], offsets[mask]

    @cached_property
    def _tokenizer(self) -> Any:
        return self._model.tokenizer

    @cached_property
    def _length(self) -> int:
        """Tokens of a text that fit the model beside its own special and prefix tokens."""
        whole = self._model.preprocess(["a"], prompt=self._model.prompts.get("document"), task="document")
        own = len(whole["input_ids"][0]) - len(self._tokenizer("a", add_special_tokens=False)["input_ids"])
        transformer: Any = self._model[0]
        longest = getattr(transformer, "document_length", None) or self._model.max_seq_length or 512
        return max(int(longest) - own, 2 * OVERLAP + 2)

    def _token_starts(self, text: str) -> list[int]:
        encoded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        return [start for start, _ in encoded["offset_mapping"]]
