"""The TREC layout: a file of topics, a file of judgements in four columns, and the documents.

    topics.txt (or queries.tsv)   `<top>` blocks, or lines of id, tab, text
    qrels.txt (or *.qrels)        lines of query id, iteration, unit id and grade
    pdfs/ or corpus.jsonl         as in BEIR; or neither

White space in a unit id, which a column cannot hold, is written as `_`.
"""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import ir_measures

from vdr.errors import JudgementError
from vdr.evaluate import beir
from vdr.evaluate.judged import JudgedQuery, JudgedSet, assemble
from vdr.question_files import read
from vdr.types import Qrels

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:topic:)?\s*([^<]+)", re.IGNORECASE)


def found(folder: Path) -> bool:
    """Tell whether a folder has this layout."""
    return bool(_qrels_files(folder) and _topics_files(folder))


def load(folder: Path) -> JudgedSet:
    """Read a set; the title of a topic is its query.

    Raises:
        JudgementError: A part of it is malformed, or there are two files of one kind.
    """
    qrels_file, topics_file = (_only(files) for files in (_qrels_files(folder), _topics_files(folder)))
    documents = beir.documents(folder)
    qrels = _read_qrels(qrels_file, _spaced_names(documents))
    texts = _read_topics(topics_file)
    # A topic numbered 051 is judged as 51.
    queries = [JudgedQuery.of(id if id in qrels else id.lstrip("0") or id, text, {}) for id, text in texts.items()]
    return assemble(documents, queries, qrels, topics_file)


def _qrels_files(folder: Path) -> list[Path]:
    return sorted({*_files(folder, "qrels*"), *_files(folder, "*.qrels")})


def _topics_files(folder: Path) -> list[Path]:
    files = {*_files(folder, "topics*"), *_files(folder, "queries*"), *_files(folder, "*.topics")}
    return sorted(file for file in files if file.suffix not in (".jsonl", ".parquet"))


def _files(folder: Path, pattern: str) -> list[Path]:
    return [path for path in folder.glob(pattern) if path.is_file()]


def _only(files: list[Path]) -> Path:
    if len(files) > 1:
        names = " and ".join(file.name for file in files)
        raise JudgementError(f"{files[0].parent} has both {names}. Keep one of them in the folder.")
    return files[0]


def _spaced_names(documents: tuple[Path, ...]) -> dict[str, str]:
    """Return the names of files that have white space, by how a column writes them."""
    names = (path.name for folder in documents if folder.is_dir() for path in folder.rglob("*"))
    return {"_".join(name.split()): name for name in names if name.split() != [name]}


def _read_qrels(file: Path, names: dict[str, str]) -> Qrels:
    qrels: dict[str, dict[str, int]] = {}
    try:
        for judged in ir_measures.read_trec_qrels(StringIO(read(file))):  # type: ignore[no-untyped-call]
            name, colon, page = judged.doc_id.rpartition(":")
            unit = f"{names[name]}{colon}{page}" if name in names else judged.doc_id
            qrels.setdefault(judged.query_id, {})[unit] = int(judged.relevance)
    except (ValueError, TypeError) as error:
        raise JudgementError(f"{file} needs four columns: query id, iteration, unit id and grade.") from error
    return qrels


def _read_topics(file: Path) -> dict[str, str]:
    text = read(file)
    if blocks := _TOPIC.findall(text):
        return dict(_read_topic(block, file) for block in blocks)
    lines = [line for line in text.split("\n") if line.strip()]
    bad = next((line for line in lines if not line.partition("\t")[2].strip()), None)
    if bad is not None or not lines:
        raise JudgementError(f"{file} needs <top> blocks, or lines of id, tab and text: {bad or 'it is empty'}")
    return {line.partition("\t")[0].strip(): line.partition("\t")[2].strip() for line in lines}


def _read_topic(block: str, file: Path) -> tuple[str, str]:
    number, title = _NUMBER.search(block), _TITLE.search(block)
    if not number or not title:
        raise JudgementError(f"{file} has a topic without <num> or <title>: {' '.join(block.split())[:80]}")
    return number[1], " ".join(title[1].split())
