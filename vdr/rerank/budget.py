"""Counts calls that cost money, a day at a time, in a small file of the user's. Knows nothing of what is called."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import platformdirs
from filelock import FileLock

from vdr.errors import ServiceError

VARIABLE = "VDR_RERANK_BUDGET"
"""How many calls a day are allowed, all services together."""
CALLS = 1_000
"""Unless the variable says otherwise."""


def budget_file() -> Path:
    """Return where the calls are counted."""
    return Path(platformdirs.user_state_dir("vdr", appauthor=False)) / "reranking.json"


def allowed() -> int:
    """Return how many calls a day are allowed.

    Raises:
        ServiceError: The variable holds no number.
    """
    given = os.environ.get(VARIABLE, "").strip()
    if given and not given.isdecimal():
        raise ServiceError(f"{VARIABLE} is {given!r}; it is a number of calls a day, 0 for none.")
    return int(given) if given else CALLS


def spend(file: Path | None = None, today: str | None = None) -> int:
    """Count a call before it is made, and return how many there were today with it.

    A day is one in UTC. Several processes may count at once.

    Args:
        file: Where to count; None for the user's own file.
        today: The date.

    Raises:
        ServiceError: The day's budget is spent, or the file cannot be written.
    """
    file, today = file or budget_file(), today or datetime.now(UTC).date().isoformat()
    limit = allowed()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(file.name + ".lock")):
            calls = _calls(file, today) + 1
            if calls > limit:
                raise ServiceError(
                    f"Today's budget of {limit:,} calls of hosted rerankers is spent ({file}). "
                    f"Search without --rerank, wait until tomorrow (UTC), or raise {VARIABLE}."
                )
            file.write_text(json.dumps({"date": today, "calls": calls}), "utf-8")
    except OSError as error:
        raise ServiceError(
            f"Calls of hosted rerankers cannot be counted in {file} ({error.strerror}). Make it writable."
        ) from error
    return calls


def _calls(file: Path, today: str) -> int:
    """Return the calls counted on a day; a file that is none counts nothing."""
    try:
        counted = json.loads(file.read_text("utf-8"))
        return int(counted["calls"]) if counted["date"] == today else 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0
