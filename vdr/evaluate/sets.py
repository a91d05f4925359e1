"""A folder to a judged set: asks each layout whether the folder is its own."""

from __future__ import annotations

from pathlib import Path

from vdr.errors import JudgementError
from vdr.evaluate import beir, huggingface, trec
from vdr.evaluate.judged import JudgedSet


def load_set(folder: Path) -> JudgedSet:
    """Read a judged set in BEIR, TREC or Hugging Face (ViDoRe) layout.

    Raises:
        JudgementError: The folder has none of these layouts, or a part of it is malformed.
    """
    if beir.found(folder):
        return beir.load(folder)
    if trec.found(folder):
        return trec.load(folder)
    if huggingface.found(folder):
        return huggingface.load(folder)
    raise JudgementError(
        f"{folder} is not a judged set. It needs queries.jsonl, qrels/test.tsv, and pdfs/ or corpus.jsonl (BEIR); "
        "or a file of topics and one of qrels (TREC); or parquet files of corpus, queries and qrels (ViDoRe)."
    )
