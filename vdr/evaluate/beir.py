"""The BEIR layout (Thakur et al., arXiv:2104.08663): `queries.jsonl`, `qrels/test.tsv` and the documents, if any."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from vdr.evaluate.judged import JudgedQuery, JudgedSet, assemble
from vdr.question_files import read_qrels, read_questions

QUERIES = "queries.jsonl"
QRELS = Path("qrels") / "test.tsv"


def found(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return (folder / QUERIES).is_file() and (folder / QRELS).is_file()


def documents(folder: Path) -> tuple[Path, ...]:
    """Return the documents that lie beside the judgements: `corpus.jsonl`, else `pdfs/`, else none."""
    return tuple(path for path in (folder / "corpus.jsonl", folder / "pdfs") if path.exists())[:1]


def load(folder: Path) -> JudgedSet:
    """Read a set.

    Raises:
        JudgementError: A part of it is malformed.
    """
    file = folder / QUERIES
    queries = [JudgedQuery.of(item["_id"], item["text"], item["metadata"]) for item in read_questions(file)]
    qrels: dict[str, dict[str, int]] = defaultdict(dict)
    for (query, unit), grade in read_qrels(folder / QRELS).items():
        qrels[query][unit] = grade
    return assemble(documents(folder), queries, qrels, file)
