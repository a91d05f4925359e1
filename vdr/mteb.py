"""Encoders as models of mteb (Enevoldsen et al., MMTEB, arXiv:2502.13595), to run its tasks: ViDoRe, NanoBEIR.

mteb gets a task's data from the Hugging Face hub and judges the ranking; encoding and exact MaxSim are ours. Nothing
is stored: a task's vectors stay in memory, as float16. Prompts of tasks are left out, as encoders bring their own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vdr import encode
from vdr.errors import JudgementError, first_line
from vdr.maxsim import maxsim
from vdr.render import MAX_SIDE
from vdr.types import Channel, Floats, MultiVector, PageEncoder, QueryVectors, TextEncoder

logger = logging.getLogger(__name__)

AT_ONCE = 16
"""Pages or texts given to an encoder at a time."""
BLOCK = 512
"""Pages or texts whose vectors are scored at a time."""


@dataclass(frozen=True, slots=True)
class Score:
    """What an encoder reached on a task.

    Attributes:
        task: Its name.
        encoder: The encoder's name.
        measure: The task's main measure.
        value: Its mean over the task's subsets, 0 to 1.
    """

    task: str
    encoder: str
    measure: str
    value: float


@dataclass(frozen=True, slots=True)
class _Block:
    """Units and their vectors: `(n_vectors, dim)` float16, unit `i` has the rows `offsets[i]:offsets[i + 1]`."""

    ids: tuple[str, ...]
    vectors: NDArray[np.float16]
    offsets: NDArray[np.int64]


class Model:
    """An encoder as mteb's `SearchProtocol` asks for it.

    Args:
        encoder: For pages, which it gets as images; or for texts, which it gets as title and text.
    """

    def __init__(self, encoder: PageEncoder | TextEncoder) -> None:
        self.encoder = encoder
        self.channel: Channel = "visual" if hasattr(encoder, "encode_pages") else "text"
        self._blocks: list[_Block] = []

    @property
    def mteb_model_meta(self) -> Any:
        """What mteb files results under: the encoder's name and the fingerprint of its weights."""
        from mteb.models import ModelMeta
        from mteb.models.model_meta import ScoringFunction

        return ModelMeta.create_empty(
            overwrites={
                "name": f"vdr/{Path(self.encoder.name).name}",
                "revision": self.encoder.fingerprint,
                "embed_dim": self.encoder.dim,
                "model_type": ["late-interaction"],
                "modalities": ["text", "image"] if self.channel == "visual" else ["text"],
                "similarity_fn_name": ScoringFunction.MAX_SIM,
            }
        )

    def index(self, corpus: Iterable[Mapping[str, Any]], **_: Any) -> None:
        """Encode a task's corpus.

        Args:
            corpus: Rows of `id` and `image`, or `id`, `text` and perhaps `title`.
        """
        self._blocks = []
        found: list[tuple[str, MultiVector]] = []
        for rows in _chunks(corpus, AT_ONCE):
            vectors = self._encode(rows)
            ids = (str(row["id"]) for row in rows)
            # A blank page has no vectors, and nothing finds it.
            found += [pair for pair in zip(ids, vectors, strict=True) if len(pair[1].vectors)]
            if len(found) >= BLOCK:
                self._blocks.append(_block(found))
                found = []
        if found:
            self._blocks.append(_block(found))

    def search(
        self,
        queries: Iterable[Mapping[str, Any]],
        *,
        top_k: int,
        top_ranked: Mapping[str, Sequence[str]] | None = None,
        **_: Any,
    ) -> dict[str, dict[str, float]]:
        """Rank a task's corpus by exact MaxSim.

        Args:
            queries: Rows of `id` and `text`, perhaps with an `instruction`.
            top_k: How many units of each query.
            top_ranked: The units to rank, by query; None for all.

        Returns:
            Query id -> unit id -> score.
        """
        rows = list(queries)
        encoded = [self.encoder.encode_query(_question(row)) for row in rows]
        scores = self._scores(encoded)
        ids = np.array([id for block in self._blocks for id in block.ids], dtype=object)
        return {
            str(row["id"]): _best(
                ids, scores[number], top_k, None if top_ranked is None else top_ranked[str(row["id"])]
            )
            for number, row in enumerate(rows)
        }

    def _scores(self, queries: Sequence[QueryVectors]) -> Floats:
        """Return `(n_queries, n_units)` scores."""
        if not self._blocks:
            return np.zeros((len(queries), 0), np.float32)
        parts = []
        for block in self._blocks:
            vectors = block.vectors.astype(np.float32)
            scores = [maxsim(query.vectors, vectors, block.offsets, self._floors(query)) for query in queries]
            parts.append(np.stack(scores))
        return np.concatenate(parts, axis=1)

    def _floors(self, query: QueryVectors) -> Floats | None:
        """Return where likeness counts from, as in a corpus: among pages alone."""
        return query.floors if self.channel == "visual" else None

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> list[MultiVector]:
        if self.channel == "visual":
            _need(rows[0], "image", f"{self.encoder.name} reads images of pages. Name a --text-encoder.")
            return cast(PageEncoder, self.encoder).encode_pages([_page(row["image"]) for row in rows])
        _need(rows[0], "text", f"{self.encoder.name} reads text. Name an --encoder.")
        texts = [f"{row.get('title') or ''}\n{row['text'] or ''}".strip() for row in rows]
        return cast(TextEncoder, self.encoder).encode_texts(texts)


def evaluate(
    names: Sequence[str],
    *,
    encoder: str | None = None,
    text_encoder: str | None = None,
    folder: Path | None = None,
    tell: Callable[[Score], None] = lambda score: None,
) -> list[Score]:
    """Run tasks or benchmarks of mteb by name; each task gets the encoder of its pages or of its texts.

    Args:
        names: As mteb has them: `VidoreArxivQARetrieval`, `ViDoRe(v3)`, `NanoBEIR`.
        encoder: For page images; the default one if neither is named.
        text_encoder: For text; where only this is named, tasks that have both are run on their text.
        folder: Where mteb keeps the results; None for its own cache.
        tell: Called after each task.

    Raises:
        JudgementError: mteb is not installed, has no such task, or the task's data cannot be had.
        EncoderError: An encoder cannot be loaded.
    """
    if find_spec("mteb") is None:
        raise JudgementError("mteb is not installed. `pip install 'vdr[mteb]'` installs it.")
    tasks = [task for name in names for task in _tasks(name)]
    models: dict[Channel, Model] = {}
    scores = []
    for task in tasks:
        both = [channel for channel in _channels(task) if channel == "text" or encoder or not text_encoder]
        channel: Channel = both[0] if both else _channels(task)[0]
        if channel not in models:
            name = (encoder if channel == "visual" else text_encoder) or encode.DEFAULT[channel] or ""
            encoder_of_task = encode.load_encoder(channel, name)
            models[channel] = Model(cast("PageEncoder | TextEncoder", encoder_of_task))
        scores.append(run(models[channel], task, folder))
        tell(scores[-1])
    return scores


def run(model: Model, task: Any, folder: Path | None = None) -> Score:
    """Run one task of mteb.

    Args:
        model: The encoder.
        task: A retrieval task.
        folder: Where mteb keeps the results; None for its own cache.

    Raises:
        JudgementError: The task's data cannot be had.
    """
    import mteb

    cache = mteb.ResultCache(folder) if folder else mteb.ResultCache()
    try:
        result = mteb.evaluate(model, task, cache=cache, co2_tracker=False, show_progress_bar=False)
    except OSError as error:
        raise JudgementError(
            f"The data of {task.metadata.name} cannot be had ({first_line(error)}). mteb downloads it from the Hugging "
            "Face hub: check the network."
        ) from error
    value = result.task_results[0].get_score()
    return Score(task.metadata.name, model.encoder.name, task.metadata.main_score, float(value))


def _tasks(name: str) -> list[Any]:
    import mteb

    if any(benchmark.name == name for benchmark in mteb.get_benchmarks()):
        return list(mteb.get_benchmark(name).tasks)
    try:
        return [mteb.get_task(name)]
    except (KeyError, ValueError) as error:
        raise JudgementError(f"mteb has no task or benchmark {name!r}. `mteb available-tasks` lists them.") from error


def _channels(task: Any) -> list[Channel]:
    """Return what a task's corpus can be read as, the best first."""
    from mteb.types import PromptType

    modalities = task.metadata.get_modalities(PromptType.document)
    found: list[Channel] = [channel for channel, kind in _KINDS.items() if kind in modalities]
    if not found:
        raise JudgementError(f"{task.metadata.name} has neither pages nor texts, but {', '.join(modalities)}.")
    return found


_KINDS: dict[Channel, str] = {"visual": "image", "text": "text"}


def _chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterable[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _block(found: Sequence[tuple[str, MultiVector]]) -> _Block:
    offsets = np.cumsum([0, *(len(vectors.vectors) for _, vectors in found)], dtype=np.int64)
    joined = np.concatenate([vectors.vectors.astype(np.float16) for _, vectors in found])
    return _Block(tuple(id for id, _ in found), joined, offsets)


def _best(ids: NDArray[np.object_], scores: Floats, k: int, only: Sequence[str] | None) -> dict[str, float]:
    if only is not None:
        chosen = np.isin(ids, list(only))
        ids, scores = ids[chosen], scores[chosen]
    order = np.argsort(-scores, kind="stable")[:k]
    return {str(ids[place]): float(scores[place]) for place in order}


def _question(row: Mapping[str, Any]) -> str:
    return " ".join(part for part in (row["text"], row.get("instruction")) if part)


def _page(image: Image.Image) -> Image.Image:
    """Return a page as indexing would hand it to the encoder."""
    page = image.convert("RGB")
    page.thumbnail((MAX_SIDE, MAX_SIDE))
    return page


def _need(row: Mapping[str, Any], column: str, advice: str) -> None:
    if row.get(column) is None:
        raise JudgementError(f"The task's corpus has no {column}, and {advice}")
