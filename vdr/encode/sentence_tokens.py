"""What goes into a `MultiVectorEncoder` and comes out of it, token by token. Knows nothing of pages or windows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vdr.encode.words import find_text, place_tokens, read_tokens, words_of
from vdr.types import Floats, QueryVectors

if TYPE_CHECKING:
    from sentence_transformers import MultiVectorEncoder

logger = logging.getLogger(__name__)

Output: TypeAlias = dict[str, Any]
"""What the model gives for one input: `input_ids`, `attention_mask` and `token_embeddings` of all its tokens."""


def read_text(model: MultiVectorEncoder, text: str, task: Literal["query", "document"]) -> tuple[list[int], list[int]]:
    """Return all tokens that the model would read of a text of any length, and where in the text each begins.

    The offset is -1 for what the checkpoint puts around the text: a prompt, special tokens, a chat template.
    Expansion tokens are left out.
    """
    prompt = model.prompts.get(task) or ""
    if model.processor is model.tokenizer and "message" not in model.modalities:
        return read_tokens(model.tokenizer, text, prompt)
    whole: Any = {"text": {"truncation": False, "max_length": None}}
    features = model.preprocess([text], prompt=prompt, task=task, processing_kwargs=whole)
    ids = features["input_ids"][0].tolist()
    return ids, find_text(model.tokenizer, ids, text).tolist()


def encode_query(name: str, model: MultiVectorEncoder, text: str) -> QueryVectors:
    """Return a query's vectors, those of expansion tokens included, as the checkpoint makes them.

    A query longer than the checkpoint takes is cut, with a warning.
    """
    words = tuple(text.split())
    ids, starts = read_text(model, text, "query")
    outputs: Any = model.encode_query([text], output_value=None, show_progress_bar=False)
    read = outputs[0]["input_ids"].tolist()
    token_of = words_of(text, place_tokens(read, ids, starts).tolist())
    if len(ids) > len(read):
        logger.warning(
            "%s takes a query of %d tokens, this one has %d: of its %d words it reads the first %d",
            *(name, len(read), len(ids), len(words), token_of.max(initial=-1) + 1),
        )
    counts = counted(outputs[0])
    return QueryVectors(words, token_of[counts], vectors(outputs[0])[counts])


def counted(output: Output) -> NDArray[np.bool_]:
    """Return `(n_tokens,)` which tokens count for MaxSim."""
    counts: NDArray[np.bool_] = output["attention_mask"].bool().cpu().numpy()
    return counts


def vectors(output: Output) -> Floats:
    """Return the `(n_tokens, dim)` vectors of all tokens."""
    floats: Floats = output["token_embeddings"].float().cpu().numpy()
    return floats
