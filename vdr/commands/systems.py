"""What `vdr eval` compares: corpora, each with its encoders, and ways to rank them, put together into systems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vdr.commands.terminal import Mode
from vdr.errors import JudgementError
from vdr.evaluate.experiment import System
from vdr.types import CHANNELS

if TYPE_CHECKING:
    from vdr.corpus import Corpus, CorpusInfo
    from vdr.types import Hit


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A way to rank.

    Attributes:
        name: As it was asked for.
        mode: What ranks.
        candidates: The channel whose best pages alone are ranked; None for all pages.
        reranker: What sorts the best pages once more; None for nothing.
    """

    name: str
    mode: str
    candidates: str | None = None
    reranker: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The keywords of `Corpus.search` for it."""
        stages = {"candidates": self.candidates, "rerank": self.reranker}
        return {"mode": self.mode} | {name: stage for name, stage in stages.items() if stage}

    @property
    def channels(self) -> set[str]:
        """The channels it reads."""
        ranking = (*CHANNELS, "bm25") if self.mode in ("auto", "hybrid") else (self.mode,)
        return {*ranking, *([self.candidates] if self.candidates else [])}


def pipeline(text: str) -> Pipeline:
    """Read a mode, or stages from the first to the last: `candidates,mode`, `mode,reranker`, or all three.

    Raises:
        JudgementError: It is something else.

    >>> pipeline("bm25,visual,BAAI/bge-reranker-v2-m3").settings
    {'mode': 'visual', 'candidates': 'bm25', 'rerank': 'BAAI/bge-reranker-v2-m3'}
    """
    modes = [mode.value for mode in Mode]
    stages = [stage.strip() for stage in text.split(",")]
    reranker = stages.pop() if len(stages) > 1 and stages[-1] not in modes else None
    if not 1 <= len(stages) <= 2 or reranker == "" or any(stage not in modes for stage in stages):
        raise JudgementError(
            f"--mode {text} is no way to rank. Give one of {', '.join(modes)}, or stages with commas between: "
            "CANDIDATES,MODE or MODE,RERANKER or CANDIDATES,MODE,RERANKER."
        )
    return Pipeline(text, stages[-1], stages[0] if len(stages) == 2 else None, reranker)


def open_corpora(
    paths: Sequence[str] | None,
    encoders: Sequence[str] | None,
    text_encoders: Sequence[str] | None,
    dense_encoders: Sequence[str] | None = None,
) -> list[Corpus]:
    """Open each corpus, with one encoder for all or its own. What is searched to measure is not logged.

    Raises:
        JudgementError: There are neither one encoder nor as many as corpora.
    """
    from vdr.corpus import Corpus

    corpora: list[str | None] = [*paths] if paths else [None]
    pages = _for_each("--encoder", encoders, len(corpora))
    texts = _for_each("--text-encoder", text_encoders, len(corpora))
    passages = _for_each("--dense-encoder", dense_encoders, len(corpora))
    return [
        Corpus(path, encoder=encoder, text_encoder=text_encoder, dense_encoder=dense_encoder, log="")
        for path, encoder, text_encoder, dense_encoder in zip(corpora, pages, texts, passages, strict=True)
    ]


def _for_each(option: str, given: Sequence[str] | None, corpora: int) -> list[str | None]:
    if given and len(given) not in (1, corpora):
        raise JudgementError(
            f"{option} is given {len(given)} times for {corpora} corpora. Give it once for all, or once for each."
        )
    return [*given] if given and len(given) == corpora else [given[0] if given else None] * corpora


def systems(corpora: Sequence[Corpus], pipelines: Sequence[Pipeline]) -> list[System]:
    """Return every pipeline on every corpus, named by what tells them apart."""
    names = [Path(corpus.path).name for corpus in corpora]
    if len(set(names)) < len(names):
        names = [corpus.path for corpus in corpora]
    found = []
    for corpus, name in zip(corpora, names, strict=True):
        documents, info = {document.name for document in corpus.documents()}, corpus.info()
        for each in pipelines:
            parts = [name] * (len(corpora) > 1) + [each.name] * (len(pipelines) > 1 or len(corpora) == 1)
            found.append(System(" ".join(parts), _search(corpus, each, documents), _index_bytes(info, each)))
    return found


def _search(corpus: Corpus, way: Pipeline, documents: set[str]) -> Callable[[str, int, str | None], Sequence[Hit]]:
    def search(query: str, k: int, doc: str | None) -> Sequence[Hit]:
        if doc is not None and doc not in documents:
            return []  # it was refused, and that was told
        return corpus.search(query, k, docs=doc, **way.settings)

    return search


def _index_bytes(info: CorpusInfo, way: Pipeline) -> int:
    """Return the bytes of what is searched: the tables of words and documents, and the vectors of its channels."""
    idle = {"previews", *CHANNELS} - way.channels
    return sum(size for table, size in info.bytes.items() if table not in idle)
