"""Rerankers behind the APIs of Cohere, Voyage and Jina: texts go out, scores come back. Knows no model and no file.

Off unless one is named, as the texts of pages leave this machine. The request and the answer are those that the
services document for `POST /v2/rerank` (Cohere) and `POST /v1/rerank` (Voyage, Jina) in November 2026.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from vdr import web
from vdr.errors import ServiceError
from vdr.rerank import budget
from vdr.types import Unit

URL_VARIABLE = "VDR_RERANK_URL"
"""Where to ask instead: a gateway, or a server of one's own that speaks the service's language."""
TIMEOUT = 20.0
"""Seconds to wait for an answer: somebody is waiting for the search."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class Service:
    """What tells one service from another.

    Attributes:
        url: Where it is asked.
        key: The environment variable with the key.
        results: Where in the answer the scores are.
        options: What else goes into a request.
        example: A model of it.
    """

    url: str
    key: str
    results: str
    example: str
    options: dict[str, Any] = field(default_factory=dict)


SERVICES = {
    "cohere": Service("https://api.cohere.com/v2/rerank", "COHERE_API_KEY", "results", "rerank-v3.5"),
    "voyage": Service(
        "https://api.voyageai.com/v1/rerank", "VOYAGE_API_KEY", "data", "rerank-2.5", {"truncation": True}
    ),
    "jina": Service(
        "https://api.jina.ai/v1/rerank",
        "JINA_API_KEY",
        "results",
        "jina-reranker-v2-base-multilingual",
        {"return_documents": False},
    ),
}


def load(name: str) -> HostedReranker:
    """Return a hosted reranker by its name, `cohere:MODEL`.

    Raises:
        ServiceError: The name has no model in it, or the environment no key.
    """
    service, _, model = name.partition(":")
    about = SERVICES[service]
    if not model:
        raise ServiceError(f"{name} names no model. Name one, as {service}:{about.example}.")
    url, key = os.environ.get(URL_VARIABLE, "").strip(), os.environ.get(about.key, "").strip()
    if not (key or url):
        raise ServiceError(f"The reranker {name} needs a key. Set {about.key} to it, or search without --rerank.")
    return HostedReranker(name, model, about, url or about.url, key)


class HostedReranker:
    """A `Reranker` behind one service's API.

    Args:
        name: As the user called it.
        model: As the service calls it.
        service: Which one.
        url: Where to ask.
        key: Opens it; empty for none.
    """

    reads_images = False

    def __init__(self, name: str, model: str, service: Service, url: str, key: str) -> None:
        self.name = name
        self._model, self._service, self._url, self._key = model, service, url, key

    def score(self, query: str, units: Sequence[Unit]) -> list[float | None]:
        """Return a score for each unit with text.

        Raises:
            ServiceError: The day's budget is spent, or the service gives no scores.
        """
        written = [index for index, unit in enumerate(units) if unit.text.strip()]
        scores: list[float | None] = [None] * len(units)
        if not written:
            return scores
        budget.spend()
        body = {"model": self._model, "query": query, "documents": [units[index].text for index in written]}
        what = f"The reranker {self.name}"
        told = web.post(
            self._url, body | self._service.options, token=self._key, timeout=TIMEOUT, tries=TRIES, what=what
        )
        try:
            for result in told[self._service.results]:
                if result["index"] not in range(len(written)):
                    raise ValueError
                scores[written[result["index"]]] = _finite(result["relevance_score"])
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceError(f"{what} answered with something that holds no scores. Check the address.") from error
        if any(scores[index] is None for index in written):
            raise ServiceError(f"{what} left out scores of some of the {len(written)} pages. Try another model.")
        return scores


def _finite(score: Any) -> float:
    number = float(score)
    if not math.isfinite(number):
        raise ValueError
    return number
