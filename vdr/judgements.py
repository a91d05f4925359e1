"""Judged queries and drafted questions of one corpus, in files beside its tables. Knows no search, model or app.

The folder `judgements/` in a corpus's folder is a set in BEIR layout without documents:

    queries.jsonl     {"_id": ..., "text": ..., "metadata": {"source": ...}}, a judged query a line
    qrels/test.tsv    query-id, corpus-id, score: 1 where the page answers the query, 0 where it does not
    drafts.jsonl      drafted questions, each with the page it was drafted from, and what became of it

Judged ids are `<document>:<page>`. Every change rewrites a file aside and renames it, under a lock, so readers see
the old file or the new one, and several writers lose nothing of each other's.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Container, Iterable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from vdr.errors import JudgementError
from vdr.question_files import one_line, read_qrels, read_questions, write_qrels, write_questions, writing

FOLDER = "judgements"

State: TypeAlias = Literal["waiting", "good", "skipped"]


@dataclass(frozen=True, slots=True)
class Draft:
    """A question that somebody should look at before it counts.

    Attributes:
        text: The question.
        key: The page that answers it, `<document>:<page>`.
        source: What it was drafted from: `heading`, `table`, `figure`, `title` or `model`.
    """

    text: str
    key: str
    source: str


class Judgements:
    """The judged queries and drafts of one corpus.

    Args:
        corpus: The corpus's folder.

    Attributes:
        folder: Where they are; made by the first judgement or draft.

    Raises:
        JudgementError: The corpus is at an object-store URI, where files cannot be locked.
    """

    def __init__(self, corpus: str | os.PathLike[str]) -> None:
        path = os.fspath(corpus)
        if path.startswith("file://"):
            path = url2pathname(urlsplit(path).path)
        if "://" in path:
            raise JudgementError(
                f"Judgements are files beside a corpus, and {path} is in an object store, which cannot lock them. "
                "Judge on a corpus in a folder."
            )
        self.folder = Path(path).expanduser() / FOLDER
        self._queries = self.folder / "queries.jsonl"
        self._qrels = self.folder / "qrels" / "test.tsv"
        self._drafts = self.folder / "drafts.jsonl"

    def __len__(self) -> int:
        """Return how many queries are judged."""
        return len({query for query, _ in read_qrels(self._qrels)})

    # --- judged queries ----------------------------------------------------------------------------------

    def grades(self, query: str) -> dict[str, int]:
        """Return what was judged for this query, white space aside: page -> 1 or more (it answers), or 0.

        Raises:
            JudgementError: A file is malformed or cannot be read.
        """
        ids = {item["_id"] for item in read_questions(self._queries) if item["text"] == one_line(query)}
        return {key: grade for (query_id, key), grade in read_qrels(self._qrels).items() if query_id in ids}

    def judge(self, query: str, key: str, grade: int | None, *, source: str = "search") -> None:
        """Keep whether a page answers a query.

        Args:
            query: What is asked; white space at its ends and runs of it do not count.
            key: The page, `<document>:<page>`.
            grade: 1 where it answers, 0 where it does not, None to take a judgement back.
            source: Where a new query comes from: `search`, or a draft's source.

        Raises:
            JudgementError: The query is empty, there is no such corpus, or a file is malformed or cannot be written.
        """
        text = one_line(query)
        if not text or not key:
            raise JudgementError("An empty query cannot be judged. Type a question.")
        with writing(self.folder):
            self._judge(text, key, grade, source)

    def _judge(self, text: str, key: str, grade: int | None, source: str) -> None:
        queries, qrels = read_questions(self._queries), read_qrels(self._qrels)
        query_id = next((item["_id"] for item in queries if item["text"] == text), None)
        if grade is not None:
            if query_id is None:
                query_id = identity(text, {item["_id"] for item in queries})
                metadata = {"source": source}
                write_questions(self._queries, [*queries, {"_id": query_id, "text": text, "metadata": metadata}])
            write_qrels(self._qrels, {**qrels, (query_id, key): grade})  # after its query: no judgement lacks one
        elif query_id is not None and (query_id, key) in qrels:
            left = {pair: kept for pair, kept in qrels.items() if pair != (query_id, key)}
            write_qrels(self._qrels, left)
            if all(other != query_id for other, _ in left):
                write_questions(self._queries, [item for item in queries if item["_id"] != query_id])

    # --- drafts ------------------------------------------------------------------------------------------

    def drafts(self, state: State = "waiting") -> list[Draft]:
        """Return the drafts that wait to be looked at, or those of another state, in the order they were drafted.

        Raises:
            JudgementError: A file is malformed or cannot be read.
        """
        items = self._read_drafts()
        return [_draft(item) for item in items if item["metadata"]["state"] == state]

    def known(self) -> set[str]:
        """Return the questions that are judged, or were drafted at any time, in lower case.

        Raises:
            JudgementError: A file is malformed or cannot be read.
        """
        items = [*read_questions(self._queries), *self._read_drafts()]
        return {item["text"].casefold() for item in items}

    def drafted(self) -> set[str]:
        """Return the pages that something was drafted from at any time.

        Raises:
            JudgementError: A file is malformed or cannot be read.
        """
        return {item["metadata"]["answer"] for item in self._read_drafts()}

    def propose(self, drafts: Iterable[Draft]) -> int:
        """Keep drafts to be looked at, less those whose question is known; return how many are new.

        Raises:
            JudgementError: There is no such corpus, or a file is malformed or cannot be written.
        """
        with writing(self.folder):
            items, known = self._read_drafts(), self.known()
            before = len(items)
            for draft in drafts:
                text = one_line(draft.text)
                if text and text.casefold() not in known:
                    known.add(text.casefold())
                    about = {"source": draft.source, "answer": draft.key, "state": "waiting"}
                    items.append({"_id": identity(text), "text": text, "metadata": about})
            write_questions(self._drafts, items)
            return len(items) - before

    def confirm(self, draft: Draft, text: str | None = None) -> None:
        """Make a draft a judged query whose answer is its page.

        Args:
            draft: One of `drafts`.
            text: The question as it was edited; None for as it was drafted.

        Raises:
            JudgementError: The text is empty, or a file is malformed or cannot be written.
        """
        text = one_line(draft.text if text is None else text)
        if not text:
            raise JudgementError("The question is empty. Type one, or skip it.")
        with writing(self.folder):
            self._judge(text, draft.key, 1, draft.source)
            self._mark(draft, "good")

    def skip(self, draft: Draft) -> None:
        """Put a draft away; it is not drafted again.

        Raises:
            JudgementError: A file is malformed or cannot be written.
        """
        with writing(self.folder):
            self._mark(draft, "skipped")

    def reopen(self, draft: Draft, text: str | None = None) -> None:
        """Undo `confirm` (with the text it was given) or `skip`: the draft waits again.

        Raises:
            JudgementError: A file is malformed or cannot be written.
        """
        with writing(self.folder):
            self._judge(one_line(draft.text if text is None else text), draft.key, None, draft.source)
            self._mark(draft, "waiting")

    def _read_drafts(self) -> list[dict[str, Any]]:
        items = read_questions(self._drafts)
        for item in items:
            if not {"source", "answer", "state"} <= item["metadata"].keys():
                raise JudgementError(f"{self._drafts}: the draft {item['_id']} lacks its page or state. Take it out.")
        return items

    def _mark(self, draft: Draft, state: State) -> None:
        items = self._read_drafts()
        for item in items:
            if _draft(item) == draft:
                item["metadata"]["state"] = state
        write_questions(self._drafts, items)


def identity(text: str, taken: Container[str] = ()) -> str:
    """Return the id of a new query: made of its text, and none of those taken.

    >>> identity("Who retired?"), identity("Who retired?", {"8e5991f7893a"})
    ('8e5991f7893a', '8e5991f7893a-2')
    """
    made = hashlib.sha256(text.encode()).hexdigest()[:12]
    names = chain([made], (f"{made}-{number}" for number in count(2)))
    return next(name for name in names if name not in taken)


def _draft(item: dict[str, Any]) -> Draft:
    about = item["metadata"]
    return Draft(one_line(item["text"]), str(about["answer"]), str(about["source"]))
