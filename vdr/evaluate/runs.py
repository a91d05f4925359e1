"""Rankings as files in TREC format: `query Q0 unit rank score tag`. White space in an id becomes `_` there."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import ir_measures

from vdr.errors import JudgementError
from vdr.evaluate.judged import JudgedSet
from vdr.evaluate.ranking import strictly_falling
from vdr.types import Qrels, Run


def trec_lines(rankings: Run, tag: str = "vdr") -> str:
    r"""Return a run in TREC format.

    >>> trec_lines({"q1": {"a.pdf:3": 2.5}})
    'q1 Q0 a.pdf:3 1 2.500000 vdr\n'
    """
    return "".join(
        f"{_column(query)} Q0 {_column(unit)} {rank} {score:.6f} {_column(tag)}\n"
        for query, scores in rankings.items()
        for rank, (unit, score) in enumerate(scores.items(), start=1)
    )


def read_run(file: Path, qrels: Qrels) -> dict[str, dict[str, float]]:
    """Read a run, ids as the judgements write them, best first, without ties.

    Args:
        file: In TREC format.
        qrels: The judgements it is for; rankings of other queries are left out.

    Raises:
        JudgementError: It cannot be read, is no run, or has none of the judged queries.
    """
    queries = {_column(query): query for query in qrels}
    units = {query: {_column(unit): unit for unit in judged} for query, judged in qrels.items()}
    scores: dict[str, dict[str, float]] = defaultdict(dict)
    try:
        with file.open(encoding="utf-8") as lines:
            for line in ir_measures.read_trec_run(lines):  # type: ignore[no-untyped-call]
                query = queries.get(line.query_id)
                if query is not None:
                    scores[query][units[query].get(line.doc_id, line.doc_id)] = line.score
    except OSError as error:
        raise JudgementError(f"{file} cannot be read ({error.strerror}). Check the path.") from error
    except ValueError as error:
        raise JudgementError(f"{file} is not a TREC run: lines of query, Q0, unit, rank, score and tag.") from error
    if not scores:
        raise JudgementError(f"{file} has none of the judged queries. Was it made on another set?")
    return {
        query: strictly_falling(dict(sorted(found.items(), key=lambda item: -item[1])))
        for query, found in scores.items()
    }


def without_gaps(rankings: Run, judged: JudgedSet) -> Run:
    """Return a run in which a query that found nothing has the set's first unit with score 0.

    The TREC format has no line for an empty ranking, and tools that average over a run would leave the query out.
    """
    return {query: scores or {_first_unit(judged): 0.0} for query, scores in rankings.items()}


def _first_unit(judged: JudgedSet) -> str:
    if not judged.documents:
        return "none:1"
    documents = judged.documents[0]
    if documents.is_dir():
        return f"{min(path.name for path in documents.iterdir())}:1"
    with documents.open(encoding="utf-8-sig") as lines:
        return str(json.loads(next(line for line in lines if line.strip()))["_id"])


def _column(id: str) -> str:
    return "_".join(id.split())
