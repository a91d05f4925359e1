"""A log of searches, one JSON object a line, in files that are turned over; off unless a file is named.

Several processes may write to one log. Knows nothing of how a search is done.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from vdr.errors import QueryError
from vdr.types import SearchResult

logger = logging.getLogger(__name__)

VARIABLE = "VDR_SEARCH_LOG"
"""The file to write to; unset or empty for none."""
QUERIES = "VDR_SEARCH_LOG_QUERIES"
"""`plain` writes the questions, `redacted` only a hash of each."""
MAX_BYTES = 10 << 20
"""A file that would grow beyond this is turned over."""
KEPT = 4
"""Files kept besides the one that is written: FILE.1 is the latest, FILE.4 the oldest."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long something took in the searches of a log.

    Attributes:
        searches: In how many it was done.
        p50: Milliseconds that half of them took at most.
        p95: That 95 % took at most.
        p99: That 99 % took at most.
    """

    searches: int
    p50: float
    p95: float
    p99: float


class SearchLog:
    """A log in a file.

    Args:
        path: The file.
        redacted: Write a hash in place of the question; None for what `VDR_SEARCH_LOG_QUERIES` says.

    Raises:
        QueryError: The variable says neither `plain` nor `redacted`.
    """

    def __init__(self, path: str | os.PathLike[str], redacted: bool | None = None) -> None:
        self.path = Path(path).expanduser()
        if redacted is None:
            said = os.environ.get(QUERIES, "plain")
            if said not in ("plain", "redacted"):
                raise QueryError(f"{QUERIES} is {said!r}; it is plain or redacted.")
            redacted = said == "redacted"
        self._redacted = redacted
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))

    def write(self, query: str, request: Mapping[str, Any], result: SearchResult) -> None:
        """Add a search. A log that cannot be written is told of as a warning; the search goes on.

        Args:
            query: The question.
            request: What else was asked for: corpus, mode, encoders, and so on.
            result: What came of it.
        """
        trace = result.trace
        asked = {"query_sha256": hashlib.sha256(query.encode()).hexdigest()} if self._redacted else {"query": query}
        entry = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **asked,
            **request,
            "milliseconds": round(trace.milliseconds, 3),
            "stages": [{**asdict(stage), "milliseconds": round(stage.milliseconds, 3)} for stage in trace.stages],
            "skipped": [asdict(skip) for skip in trace.skipped],
            "moves": [asdict(move) for move in trace.moves],
            "hits": [{"key": hit.key, "score": hit.score, "channels": dict(hit.channels)} for hit in result],
        }
        line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._lock:
                if self.path.exists() and self.path.stat().st_size + len(line) > MAX_BYTES:
                    self._turn_over()
                with self.path.open("ab") as file:
                    file.write(line)
        except OSError as error:
            logger.warning("the search log %s cannot be written: %s", self.path, error.strerror or error)

    def latencies(self, corpus: str | None = None) -> dict[str, Latency]:
        """Return how long searches took, as `total` and by stage; empty without a log.

        Args:
            corpus: Only searches in this one; None for all.
        """
        times: dict[str, list[float]] = defaultdict(list)
        for entry in self.entries():
            if corpus in (None, entry.get("corpus")):
                times["total"].append(entry["milliseconds"])
                for stage in entry["stages"]:
                    times[stage["name"]].append(stage["milliseconds"])
        return {
            name: Latency(len(taken), *np.percentile(taken, (50, 95, 99)).tolist()) for name, taken in times.items()
        }

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the searches of all files that are kept, oldest first; a line that was cut off is passed over."""
        for path in [*(self._old(number) for number in range(KEPT, 0, -1)), self.path]:
            try:
                lines = path.read_bytes().splitlines()
            except OSError:
                continue
            for line in lines:
                try:
                    yield json.loads(line)
                except ValueError:
                    logger.warning("%s has a line that is no JSON", path)

    def _old(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _turn_over(self) -> None:
        for number in range(KEPT, 1, -1):
            if self._old(number - 1).exists():
                self._old(number - 1).replace(self._old(number))
        self.path.replace(self._old(1))
