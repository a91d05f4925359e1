"""Cross-encoders through sentence-transformers' `CrossEncoder`, for texts and for pictures. Knows nothing of storage.

A page whose text is longer than the model reads at a time is read in overlapping windows and counts for its best one,
so nothing of it is cut off. A model that takes images is shown the picture of a page where there is one.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from vdr.encode.checkpoints import read_config, resolve_checkpoint
from vdr.encode.sentence import load_single
from vdr.encode.words import read_tokens, windows
from vdr.errors import EncoderError
from vdr.types import Unit

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

logger = logging.getLogger(__name__)

OVERLAP = 32
"""Tokens that neighbouring windows of a long text share."""
LONGEST = 8_192
"""Tokens of query and window together, where a model would take more."""
SHORTEST = 32
"""Tokens of a window at least, where a long query leaves less; the query is cut then."""
BATCH = 16


def load(name: str, *, device: str | None = None, trust_remote_code: bool | None = None) -> CrossEncoderReranker:
    """Load a cross-encoder from a folder or the hub.

    Args:
        name: A folder or a hub id.
        device: A torch device; by default `cuda`, else `mps`, else `cpu`.
        trust_remote_code: Whether the code in the checkpoint may run; by default what `VDR_TRUST_REMOTE_CODE` says.

    Raises:
        EncoderError: It cannot be found, is no reranker, is damaged, or brings code that is not trusted.
    """
    folder = resolve_checkpoint(name)
    if not (folder / "modules.json").is_file() and _is_generative(folder):
        raise EncoderError(
            f"{name} answers in words, and nothing in its folder says which of them make a score. Name a reranker that "
            "sentence-transformers saved, or one with a scoring head, as BAAI/bge-reranker-v2-m3."
        )
    model, lacking = load_single("CrossEncoder", "cross-encoder", name, folder, device, trust_remote_code)
    if lacking:
        raise EncoderError(
            f"{name} lacks {len(lacking)} of a cross-encoder's weights, as {min(lacking)}: it is no reranker, or its "
            "folder is not whole. Name a reranker, as BAAI/bge-reranker-v2-m3."
        )
    if model.num_labels != 1:
        raise EncoderError(
            f"{name} sorts pairs of texts into {model.num_labels} classes and gives no score to rank by. "
            "Name a reranker, as BAAI/bge-reranker-v2-m3."
        )
    logger.info("loaded %s on %s", name, model.device)
    return CrossEncoderReranker(name, model)


def _is_generative(folder: Path) -> bool:
    """Tell whether a model writes text: sentence-transformers would guess its prompt and its words for yes and no."""
    architectures = read_config(folder).get("architectures") or [""]
    return str(architectures[0]).endswith("ForCausalLM")


class CrossEncoderReranker:
    """A `CrossEncoder` as a vdr reranker.

    Args:
        name: As the user called it.
        model: The loaded model.
    """

    def __init__(self, name: str, model: CrossEncoder) -> None:
        self.name = name
        self._model = model
        self.reads_images: bool = model.supports("image")

    def score(self, query: str, units: Sequence[Unit]) -> list[float | None]:
        """Return a score for each unit: that of its picture if the model takes one, else of its best window of text."""
        parts: list[tuple[int, Any]] = []
        for index, unit in enumerate(units):
            if self.reads_images and unit.preview:
                parts.append((index, Image.open(io.BytesIO(unit.preview)).convert("RGB")))
            elif unit.text.strip():
                parts += [(index, window) for window in self._windows(query, unit.text)]
        scores: list[float | None] = [None] * len(units)
        pairs: list[Any] = [[query, part] for _, part in parts]
        told = np.asarray(self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False), np.float32)
        for (index, _), score in zip(parts, told.tolist(), strict=True):
            best = scores[index]
            scores[index] = score if best is None else max(best, score)
        return scores

    def _windows(self, query: str, text: str) -> list[str]:
        room = self._room(query)
        _, starts = read_tokens(self._model.tokenizer, text)
        places = [start for start in starts if start >= 0]
        return [text[window.start : window.end] for window in windows(text, places, room, min(OVERLAP, room // 4))]

    def _room(self, query: str) -> int:
        """Return the tokens of a text that the model reads beside a query."""
        length = min(self._model.max_seq_length or LONGEST, LONGEST)
        taken = len(self._model.preprocess([[query, ""]])["input_ids"][0])
        if length - taken < SHORTEST:
            logger.warning(
                "%s reads %d tokens at a time, and the query has nearly as many: it is cut", self.name, length
            )
        return max(length - taken, SHORTEST)
