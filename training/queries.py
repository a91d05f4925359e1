"""The matrix that MiniLM's query vectors are multiplied with: from its own vocabulary, without text or judgements.

    python -m training.queries        # writes vdr/encode/queries.safetensors; half a minute

The token vectors of a language model are crowded: most of what two of them have in common says nothing of their words.
With C the covariance of token vectors, `C ** -0.5` on both sides of a product would make all directions count alike.
Here half of that is done, and on the query's side alone: documents keep their vectors. The vectors are those of words
drawn at random, as often as Zipf's law says of their rank (the vocabulary is sorted by how often its words come).
"""

from __future__ import annotations

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from vdr.encode.minilm import LENGTH, NAME, QUERIES, MiniLM, model_folder
from vdr.types import Floats

WINDOWS = 40
POWER = -0.25
FLOOR = 0.02
"""Added to the variance of each direction, as a part of their mean: below, it is noise."""
FIRST = 1_996
"""The first wordpiece that is a word; before it are special tokens and single characters."""


def turn(vectors: Floats) -> Floats:
    """Return the matrix `(dim, dim)` for the vectors `(n, dim)`."""
    centred = vectors - vectors.mean(0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(vectors))
    powers = (np.maximum(variances / variances.mean(), 0) + FLOOR) ** POWER
    matrix = (directions * powers) @ directions.T
    symmetric: Floats = ((matrix + matrix.T) / 2).astype(np.float32)
    return symmetric


def background(encoder: MiniLM) -> Floats:
    """Return the vectors `(n, 384)` of words drawn from the vocabulary."""
    tokenizer = Tokenizer.from_file(str(model_folder() / "tokenizer.json"))
    pieces = [tokenizer.id_to_token(index) or "" for index in range(tokenizer.get_vocab_size())]
    words = [index for index in range(FIRST, len(pieces)) if pieces[index].isascii() and pieces[index].isalpha()]
    chance = 1 / np.arange(1, len(words) + 1)
    size = LENGTH - 2
    drawn = np.random.default_rng(0).choice(words, (WINDOWS, size), p=chance / chance.sum())
    begin, end = (tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
    return np.concatenate([encoder.states(np.array([begin, *ids, end]))[1:-1] for ids in drawn.tolist()])


if __name__ == "__main__":
    save_file({"turn": turn(background(MiniLM(NAME, model_folder()))).astype(np.float16)}, QUERIES)
