"""Judged queries and rankings to figures. Knows no corpus: a search is any function from a query to hits.

A set is a folder in BEIR layout (Thakur et al., arXiv:2104.08663): `queries.jsonl`, `qrels/test.tsv`, and the
documents as `pdfs/` or `corpus.jsonl`. Judged ids are `_id`s of `corpus.jsonl`, or `<file>:<page>`.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from vdr.errors import JudgementError
from vdr.types import Hit, Qrels, Run

DEPTH = 100
"""Units of a ranking that are judged and written."""
MEASURES = {
    "nDCG@5": nDCG @ 5,
    "nDCG@10": nDCG @ 10,
    "recall@1": R @ 1,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "MRR": RR,
}


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of a set.

    Attributes:
        id: Its `_id`.
        text: What is asked.
        doc: The document that holds the answer (`metadata.doc`); None where the set does not say.
        names_page: It names a page number (`metadata.mentions_page`), so it makes sense only within its document.
        example: It is worth showing to a newcomer (`metadata.example`).
    """

    id: str
    text: str
    doc: str | None
    names_page: bool
    example: bool


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Queries with judged units.

    Attributes:
        documents: What has to be indexed: the folder of PDFs or the `corpus.jsonl`.
        queries: Those with at least one judgement.
        qrels: The judgements.
    """

    documents: Path
    queries: tuple[JudgedQuery, ...]
    qrels: Qrels


@dataclass(frozen=True, slots=True)
class Figures:
    """What a ranking is worth.

    Attributes:
        queries: How many queries it is over.
        measures: Measure -> mean over the queries, 0 to 1.
        latency_ms: Percentile (`p50`, `p95`, `max`) -> milliseconds from call to hits.
    """

    queries: int
    measures: Mapping[str, float]
    latency_ms: Mapping[str, float]


def load_set(folder: Path) -> JudgedSet:
    """Read a set in BEIR layout.

    Raises:
        JudgementError: A part of it is missing or malformed.
    """
    queries_file, qrels_file = folder / "queries.jsonl", folder / "qrels" / "test.tsv"
    documents = next((path for path in (folder / "corpus.jsonl", folder / "pdfs") if path.exists()), None)
    if documents is None or not queries_file.is_file() or not qrels_file.is_file():
        raise JudgementError(
            f"{folder} is not a judged set. It needs queries.jsonl, qrels/test.tsv, and pdfs/ or corpus.jsonl."
        )
    qrels = _read_qrels(qrels_file)
    queries = []
    for number, line in enumerate(queries_file.read_text("utf-8").splitlines(), start=1):
        try:
            item = json.loads(line)
            metadata = item.get("metadata") or {}
            query = JudgedQuery(
                id=str(item["_id"]),
                text=item["text"],
                doc=metadata.get("doc"),
                names_page=bool(metadata.get("mentions_page")),
                example=bool(metadata.get("example")),
            )
        except (ValueError, KeyError, AttributeError) as error:
            raise JudgementError(f"{queries_file} line {number} is not a query with _id and text.") from error
        if query.id in qrels:
            queries.append(query)
    if not queries:
        raise JudgementError(f"No query of {queries_file} is judged in {qrels_file}.")
    return JudgedSet(documents, tuple(queries), qrels)


def _read_qrels(file: Path) -> Qrels:
    qrels: dict[str, dict[str, int]] = {}
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            try:
                qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
            except (KeyError, TypeError, ValueError) as error:
                raise JudgementError(f"{file} needs lines of query-id, corpus-id and score: {row}") from error
    return qrels


def rank_units(search: Callable[[int], Sequence[Hit]], depth: int = DEPTH) -> dict[str, float]:
    """Return the best `depth` judged units of one search: a record counts for its best passage.

    Args:
        search: Gives the best k hits for a k.
        depth: How many units.
    """
    k = depth
    while True:
        hits = search(k)
        scores: dict[str, float] = {}
        for hit in hits:
            scores.setdefault(hit.record or hit.key, hit.score)
        if len(scores) >= depth or len(hits) < k:
            return strictly_falling(dict(list(scores.items())[:depth]))
        k *= 2


def strictly_falling(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores in the order given, each below the one before by at least what six decimals show.

    Evaluation tools break ties in their own ways; a ranking without ties means the same to all of them.

    >>> strictly_falling({"a": 2.0, "b": 2.0, "c": 1.0})
    {'a': 2.0, 'b': 1.999999, 'c': 1.0}
    """
    falling: dict[str, float] = {}
    last = np.inf
    for key, score in scores.items():
        last = round(min(score, last - 1e-6), 6)
        falling[key] = last
    return falling


def run(
    queries: Sequence[JudgedQuery], search: Callable[[JudgedQuery, int], Sequence[Hit]]
) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Search every query once; return the rankings and the milliseconds each took."""
    rankings: dict[str, dict[str, float]] = {}
    milliseconds: list[float] = []
    for query in queries:
        start = time.perf_counter()
        rankings[query.id] = rank_units(lambda k, query=query: search(query, k))  # type: ignore[misc]
        milliseconds.append(1000 * (time.perf_counter() - start))
    return rankings, milliseconds


def figures(rankings: Run, qrels: Qrels, milliseconds: Sequence[float]) -> Figures:
    """Return the mean measures over all queries of a run; a query that found nothing counts with 0."""
    judged = {query: dict(qrels[query]) for query in rankings}
    found = {query: dict(scores) for query, scores in rankings.items()}
    values = {name: [0.0] * 0 for name in MEASURES}
    names = {measure: name for name, measure in MEASURES.items()}
    for metric in ir_measures.iter_calc(list(names), judged, found):
        values[names[metric.measure]].append(metric.value)
    means = {name: sum(found_values) / len(rankings) for name, found_values in values.items()}
    p50, p95, longest = np.percentile(milliseconds, [50, 95, 100]).tolist()
    return Figures(len(rankings), means, {"p50": p50, "p95": p95, "max": longest})


def without_gaps(rankings: Run, judged: JudgedSet) -> Run:
    """Return a run in which a query that found nothing has the set's first unit with score 0.

    The TREC format has no line for an empty ranking, and tools that average over a run would leave the query out.
    """
    if judged.documents.is_dir():
        first = f"{min(path.name for path in judged.documents.iterdir())}:1"
    else:
        with judged.documents.open(encoding="utf-8-sig") as lines:
            first = str(json.loads(next(line for line in lines if line.strip()))["_id"])
    return {query: scores or {first: 0.0} for query, scores in rankings.items()}


def trec_lines(rankings: Run, tag: str = "vdr") -> str:
    r"""Return a run in TREC format; white space in ids, which the format cannot hold, becomes `_`.

    >>> trec_lines({"q1": {"a.pdf:3": 2.5}})
    'q1 Q0 a.pdf:3 1 2.500000 vdr\n'
    """
    return "".join(
        f"{query} Q0 {'_'.join(unit.split())} {rank} {score:.6f} {tag}\n"
        for query, scores in rankings.items()
        for rank, (unit, score) in enumerate(scores.items(), start=1)
    )
