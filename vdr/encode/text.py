"""Text late interaction through sentence-transformers' `MultiVectorEncoder`. Knows nothing of pages or storage.

Any checkpoint that it loads (its own format, PyLate, Stanford ColBERT) works by folder or hub id; prefixes, query
expansion, skiplists and lengths are those of the checkpoint. Long texts are read in overlapping windows, so nothing
of them is cut off, and every vector knows its word. A query is what the checkpoint was trained to read in one piece:
of a longer one the rest is left out, with a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vdr.encode import EMBEDDED
from vdr.encode.checkpoints import checkpoint_fingerprint, read_config, resolve_checkpoint
from vdr.encode.sentence import is_multi_vector, load_multi_vector
from vdr.encode.sentence_tokens import Output, counted, encode_query, read_text, vectors
from vdr.encode.visual.families import FAMILIES
from vdr.encode.words import Window, place_tokens, windows, words_of
from vdr.errors import EncoderError
from vdr.types import Floats, Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

OVERLAP = 32
"""Tokens that neighbouring windows of a long text share."""
BATCH = 16
"""Windows encoded at a time, fewer of them where they hold more than a 16th of `BATCH_TOKENS`."""
BATCH_TOKENS = 16_384
LONGEST = 8_192
"""Tokens of a window, where a checkpoint would take more."""


def load(name: str, *, device: str | None = None, trust_remote_code: bool | None = None) -> TokenEncoder:
    """Load a text late-interaction checkpoint from a folder or the hub.

    Args:
        name: A folder or a hub id.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`. On `cuda`, and on a `cpu` that is faster
            with it, the weights are bfloat16, else float32.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found, is no such checkpoint, reads page images instead, or brings code that is not
            trusted.
    """
    if name in EMBEDDED["visual"]:
        raise _reads_pages(name)
    folder = resolve_checkpoint(name)
    if not is_multi_vector(folder) and _has_image_processor(folder):
        raise _reads_pages(name)
    fingerprint = checkpoint_fingerprint(folder)
    model = load_multi_vector(name, folder, device=device, trust_remote_code=trust_remote_code)
    return TokenEncoder(name, fingerprint, model)


def _has_image_processor(folder: Path) -> bool:
    """Tell whether a checkpoint is for page images, be it a whole model or an adapter, which has no configuration."""
    if (folder / "preprocessor_config.json").is_file() or (folder / "processor_config.json").is_file():
        return True
    return (folder / "config.json").is_file() and read_config(folder).get("model_type") in FAMILIES


def _reads_pages(name: str) -> EncoderError:
    return EncoderError(f"{name} reads page images, not texts. Give it as the page encoder (--encoder).")


@dataclass(frozen=True, slots=True)
class _Reading:
    """A window of a text as the model reads it.

    Attributes:
        window: Where it lies in the text.
        string: The stretch.
        ids: Its tokens, with those that the checkpoint puts around it.
        starts: Where in the text each begins, -1 for the ones around it.
    """

    window: Window
    string: str
    ids: list[int]
    starts: list[int]


class TokenEncoder:
    """A `MultiVectorEncoder` as a vdr text encoder.

    Args:
        name: As the user called it.
        fingerprint: Tells its weights from others'.
        model: The loaded model.
    """

    def __init__(self, name: str, fingerprint: str, model: MultiVectorEncoder) -> None:
        from sentence_transformers.multi_vector_encoder.modules import BaseTokenPooling

        self.name = name
        self.fingerprint = fingerprint
        self._model = model
        dim = model.get_embedding_dimension()
        if dim is None:
            raise EncoderError(f"{name} does not say how many dimensions its vectors have.")
        if getattr(model[0], "transformer_task", None) == "retrieval":
            raise EncoderError(
                f"{name} reads page images, its texts are queries. Give it as the page encoder (--encoder)."
            )
        if any(isinstance(module, BaseTokenPooling) for module in model):
            raise EncoderError(f"{name} pools the vectors of its tokens, so they would not know their words.")
        self.dim: int = dim

    def encode_query(self, text: str) -> QueryVectors:
        """Return the query's vectors, those of expansion tokens included, as the checkpoint makes them."""
        return encode_query(self.name, self._model, text)

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        """Return the vectors of each text; an empty text has none.

        A text that fits the model's length has the vectors `MultiVectorEncoder.encode_document` gives it.
        """
        read = [list(self._readings(text)) for text in texts]
        strings = [reading.string for readings in read for reading in readings]
        longest = max((len(reading.ids) for readings in read for reading in readings), default=1)
        outputs: Any = self._model.encode_document(
            strings,
            output_value=None,
            batch_size=max(1, min(BATCH, BATCH_TOKENS // longest)),
            show_progress_bar=False,
        )
        remaining = iter(outputs)
        return [
            self._joined(text, [self._kept(next(remaining), reading, first=not at) for at, reading in enumerate(parts)])
            for text, parts in zip(texts, read, strict=True)
        ]

    def _kept(self, output: Output, reading: _Reading, *, first: bool) -> tuple[Floats, Ints]:
        """Return a window's vectors and their offsets in the text; special tokens from the first window only."""
        offsets = place_tokens(output["input_ids"].tolist(), reading.ids, reading.starts)
        window = reading.window
        keep = (offsets >= window.keep_from) & (offsets < window.keep_to) | (offsets < 0) & first
        keep &= counted(output)
        return vectors(output)[keep], offsets[keep]

    def _joined(self, text: str, parts: list[tuple[Floats, Ints]]) -> MultiVector:
        if not parts:
            return MultiVector(np.zeros((0, self.dim), np.float32), words=np.zeros(0, np.int32))
        offsets = np.concatenate([part[1] for part in parts])
        return MultiVector(np.concatenate([part[0] for part in parts]), words=words_of(text, offsets.tolist()))

    def _readings(self, text: str) -> Iterator[_Reading]:
        """Yield a text in windows that fit the model, together with its own tokens."""
        if not text.strip():
            return
        ids, starts = read_text(self._model, text, "document")
        places = [start for start in starts if start >= 0]
        if len(ids) <= self._length:
            yield _Reading(Window(0, len(text), 0, len(text)), text, ids, starts)
            return
        size = self._length - (len(ids) - len(places))
        while size > 0:
            read = [self._reading(text, window) for window in windows(text, places, size, min(OVERLAP, size // 4))]
            excess = max(len(reading.ids) for reading in read) - self._length
            if excess <= 0:
                yield from read
                return
            size -= excess  # cut out of its text, a stretch may have more tokens than in it
        raise EncoderError(f"{self.name} takes {self._length} tokens at a time, too few to read a text with.")

    def _reading(self, text: str, window: Window) -> _Reading:
        string = text[window.start : window.end]
        ids, starts = read_text(self._model, string, "document")
        return _Reading(window, string, ids, [start if start < 0 else start + window.start for start in starts])

    @cached_property
    def _length(self) -> int:
        """Tokens that the model takes at a time, its own special and prefix tokens included."""
        prompt = self._model.prompts.get("document")
        cut_off = self._model.preprocess(["a " * LONGEST], prompt=prompt, task="document")
        return min(len(cut_off["input_ids"][0]), LONGEST)
