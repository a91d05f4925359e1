"""Visual document retrieval: documents in, a question, and the page that answers it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vdr.errors import (
    CorpusError,
    DocumentError,
    EncoderError,
    EncoderMismatch,
    JudgementError,
    NotFound,
    QueryError,
    ServiceError,
    VdrError,
)
from vdr.types import AddReport, DocumentInfo, Explanation, Hit, Progress, Refusal, SearchResult

if TYPE_CHECKING:
    from vdr.corpus import Corpus, CorpusInfo

__all__ = [
    "AddReport",
    "Corpus",
    "CorpusError",
    "CorpusInfo",
    "DocumentError",
    "DocumentInfo",
    "EncoderError",
    "EncoderMismatch",
    "Explanation",
    "Hit",
    "JudgementError",
    "NotFound",
    "Progress",
    "QueryError",
    "Refusal",
    "SearchResult",
    "ServiceError",
    "VdrError",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the corpus, and with it the database, when it is first asked for: `vdr --help` needs neither."""
    if name in ("Corpus", "CorpusInfo"):
        from vdr import corpus

        return getattr(corpus, name)
    raise AttributeError(f"module 'vdr' has no attribute {name!r}")
