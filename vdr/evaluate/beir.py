"""The BEIR layout (Thakur et al., arXiv:2104.08663): `queries.jsonl`, `qrels/test.tsv` and the documents, if any."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from vdr.errors import JudgementError
from vdr.evaluate.judged import JudgedQuery, JudgedSet, assemble
from vdr.types import Qrels

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
    queries = _read_queries(folder / QUERIES)
    return assemble(documents(folder), queries, _read_qrels(folder / QRELS), folder / QUERIES)


def _read_queries(file: Path) -> list[JudgedQuery]:
    queries = []
    for number, line in enumerate(file.read_text("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            text, metadata = item["text"], item.get("metadata") or {}
            queries.append(JudgedQuery.of(str(item["_id"]), str(text), metadata))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JudgementError(f"{file} line {number} is not a query with _id and text.") from error
    return queries


def _read_qrels(file: Path) -> Qrels:
    qrels: dict[str, dict[str, int]] = {}
    with file.open(encoding="utf-8-sig", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            try:
                qrels.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
            except (KeyError, TypeError, ValueError) as error:
                raise JudgementError(f"{file} needs lines of query-id, corpus-id and score: {row}") from error
    return qrels
