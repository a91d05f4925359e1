"""Weights for fusion, learnt on a corpus's own judged queries. Knows no files and loads no encoder.

Few judged queries are easily learnt by heart, so the weights are judged by cross-validation: each query by weights
that were learnt without it. They are worth keeping only if that beats the weights nobody tuned by more than its own
standard error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from vdr import retrieve
from vdr.blend import evidence
from vdr.errors import JudgementError
from vdr.evaluate import JudgedQuery
from vdr.fusion import DEPTH, DOCUMENT, WEIGHTS, Evidence
from vdr.retrieve import Scores
from vdr.search import ranked
from vdr.stored import Stored
from vdr.tables import Tuning
from vdr.types import CHANNELS, Channel, Qrels, QueryVectors

FEWEST = 10
"""Judged queries without which nothing is learnt."""
FOLDS = 10
"""Parts the queries are cut into for cross-validation."""
TOP = 10
"""nDCG is taken over so many units."""
FACTORS = (0.0, 0.25, 0.5, 2.0, 4.0)
"""What a weight is multiplied by, one at a time, as long as that helps."""
ROUNDS = 4
"""Times each weight is tried."""
MOST = 16.0
"""The largest weight of a channel; that of documents may be so many times its own."""
FULL_TEXT = 1_000


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one judged query.

    Attributes:
        evidence: Of the pages that a search would fuse.
        unit: `(n,)` which judged unit a page is or belongs to; pages of one record share a number. Ties go by it.
        grade: `(n,)` grade of that unit, 0 if it was not judged.
        ideal: DCG of the best ranking there could be.
    """

    evidence: Evidence
    unit: NDArray[np.int64]
    grade: NDArray[np.int64]
    ideal: float

    def ndcg(self, weights: Mapping[str, float]) -> float:
        """Return nDCG@10 of the ranking that weights give."""
        order = np.lexsort((self.unit, -self.evidence.fused(weights)))
        _, first = np.unique(self.unit[order], return_index=True)
        grades = self.grade[order][np.sort(first)[:TOP]]
        return _dcg(grades) / self.ideal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What tuning came to.

    Attributes:
        tuning: The weights learnt on all queries, and their figures.
        error: Standard error of the gain in cross-validation.
    """

    tuning: Tuning
    error: float

    @property
    def gain(self) -> float:
        """By how much cross-validation beats the weights nobody tuned, in nDCG@10."""
        return self.tuning.tuned - self.tuning.default

    @property
    def better(self) -> bool:
        """Whether the weights are worth keeping."""
        return self.gain > self.error


def look_up(
    store: Stored,
    queries: Iterable[JudgedQuery],
    qrels: Qrels,
    encode_query: Callable[[Channel, str], QueryVectors],
) -> list[Judged]:
    """Search every query once and keep what fusion weighs. Those of documents the corpus lacks are left out.

    Args:
        store: The corpus.
        queries: Judged queries, each with a relevant unit.
        qrels: The judgements.
        encode_query: Encodes a question for a channel.
    """
    documents = store.documents()
    records = any(stored.info.kind == "jsonl" for stored in documents.values())
    judged = []
    for query in queries:
        grades = {unit: grade for unit, grade in qrels[query.id].items() if grade > 0}
        if records or any(unit.rpartition(":")[0] in documents for unit in grades):
            judged.append(_judged(store, query.text, grades, _scores(store, query.text, encode_query)))
    return judged


def learn(queries: Sequence[Judged], channels: Sequence[str], now: datetime | None = None) -> Outcome:
    """Learn weights and cross-validate them.

    Args:
        queries: Looked-up queries.
        channels: Whose weights are learnt; that of documents is one more.
        now: When; None for the present.

    Raises:
        JudgementError: There are too few queries.
    """
    if len(queries) < FEWEST:
        raise JudgementError(
            f"{len(queries)} judged queries with pages in this corpus are too few to learn from: {FEWEST} are needed, "
            "30 are good. Judge more in the app, or index the documents of the set."
        )
    start = {channel: WEIGHTS.get(channel, 1.0) for channel in (*channels, DOCUMENT)}
    default = np.array([query.ndcg(start) for query in queries])
    folds = np.arange(len(queries)) % FOLDS
    unseen = np.zeros(len(queries))
    for fold in range(FOLDS):
        weights = _climb([query for query, at in zip(queries, folds, strict=True) if at != fold], start)
        for index in np.flatnonzero(folds == fold).tolist():
            unseen[index] = queries[index].ndcg(weights)
    gains = unseen - default
    tuning = Tuning(
        weights=_climb(queries, start),
        queries=len(queries),
        default=float(default.mean()),
        tuned=float(unseen.mean()),
        tuned_at=(now or datetime.now(UTC)).isoformat(timespec="seconds"),
    )
    return Outcome(tuning, float(gains.std(ddof=1) / np.sqrt(len(gains))))


def _climb(queries: Sequence[Judged], start: Mapping[str, float]) -> dict[str, float]:
    """Return the weights that multiplying one at a time leads to, from those nobody tuned."""
    weights = dict(start)
    best = _mean(queries, weights)
    for _ in range(ROUNDS):
        before = best
        for name in start:
            for factor in FACTORS:
                value = weights[name] * factor if weights[name] else start[name] * factor
                tried = {**weights, name: value}
                if value > MOST * start[name] or not any(tried[channel] for channel in start if channel != DOCUMENT):
                    continue
                score = _mean(queries, tried)
                if score > best + 1e-9:
                    best, weights = score, tried
        if best == before:
            break
    return weights


def _mean(queries: Sequence[Judged], weights: Mapping[str, float]) -> float:
    return float(np.mean([query.ndcg(weights) for query in queries]))


def _scores(store: Stored, text: str, encode_query: Callable[[Channel, str], QueryVectors]) -> dict[str, Scores]:
    asked = {channel: encode_query(channel, text) for channel in CHANNELS if store.pin(channel)}
    encoded: dict[str, Scores] = {
        channel: retrieve.score(store, channel, query.vectors, None, TOP, floor=query.floor)
        for channel, query in asked.items()
    }
    return {**encoded, "bm25": Scores(store.full_text(text, FULL_TEXT), {})}


def _judged(store: Stored, text: str, grades: Mapping[str, int], scores: Mapping[str, Scores]) -> Judged:
    known = evidence(store, text, scores, DEPTH)
    units = store.units(known.keys)
    records = {key: unit.record or key for key, unit in units.items()}
    names = [records.get(key, key) for key in known.keys]
    in_order = (records.get(key, key) for key, _ in ranked(dict.fromkeys(known.keys, 0.0)))
    numbers = {name: number for number, name in enumerate(dict.fromkeys(in_order))}
    return Judged(
        known,
        np.array([numbers[name] for name in names], np.int64),
        np.array([grades.get(name, 0) for name in names], np.int64),
        _dcg(np.sort(list(grades.values()))[::-1][:TOP]),
    )


def _dcg(grades: NDArray[np.int64]) -> float:
    return float(np.sum(grades / np.log2(np.arange(2, len(grades) + 2))))
