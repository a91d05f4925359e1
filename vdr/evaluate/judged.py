"""What a set of judged queries is, whatever layout it was read from."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vdr.errors import JudgementError
from vdr.types import Qrels

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query of a set.

    Attributes:
        id: Its `_id`.
        text: What is asked.
        doc: The document that holds the answer (`metadata.doc`); None where the set does not say.
        names_page: It names a page number (`metadata.mentions_page`), so it makes sense only within its document.
        example: It is worth showing to a newcomer (`metadata.example`).
        metadata: Whatever else the set says of it.
    """

    id: str
    text: str
    doc: str | None = None
    names_page: bool = False
    example: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def of(cls, id: str, text: str, metadata: Mapping[str, Any]) -> JudgedQuery:
        """Make a query, its attributes taken from the set's metadata."""
        doc = metadata.get("doc")
        return cls(
            id=id,
            text=text,
            doc=None if doc is None else str(doc),
            names_page=bool(metadata.get("mentions_page")),
            example=bool(metadata.get("example")),
            metadata=metadata,
        )


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """Queries with judged units.

    Attributes:
        documents: What has to be indexed: a folder of PDFs or images, or a `corpus.jsonl`; empty if the documents
            are in a corpus already.
        queries: Those with a relevant unit.
        qrels: The judgements; a unit is an `_id` of `corpus.jsonl`, or `<file>:<page>`.
    """

    documents: tuple[Path, ...]
    queries: tuple[JudgedQuery, ...]
    qrels: Qrels


def assemble(documents: Iterable[Path], queries: Iterable[JudgedQuery], qrels: Qrels, where: object) -> JudgedSet:
    """Return a set of the queries that have a relevant unit; the others, which nothing can answer, are left out.

    Args:
        documents: What has to be indexed.
        queries: All queries.
        qrels: All judgements.
        where: What the set was read from, for the error.

    Raises:
        JudgementError: No query has a relevant unit.
    """
    every = list(queries)
    answerable = [query for query in every if any(grade > 0 for grade in qrels.get(query.id, {}).values())]
    if not answerable:
        raise JudgementError(
            f"No query of {where} has a judged unit with a score above 0. Check that the ids of its queries and "
            "judgements are the same."
        )
    if len(answerable) < len(every):
        logger.info("%s: %d of %d queries have no relevant unit", where, len(every) - len(answerable), len(every))
    return JudgedSet(tuple(documents), tuple(answerable), qrels)
