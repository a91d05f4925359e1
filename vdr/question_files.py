"""Questions and judgements as files in BEIR layout: read whole, replaced at once, one writer at a time.

Knows nothing of what they are about. (BEIR: Thakur et al., arXiv:2104.08663.)
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

from filelock import FileLock, Timeout

from vdr.errors import JudgementError

LOCK_WAIT = 20.0
"""Seconds a writer waits for another one."""
HEADER = ("query-id", "corpus-id", "score")

Pairs: TypeAlias = Mapping[tuple[str, str], int]
"""Judgements: (query id, unit id) -> grade."""

_LINE_ENDS = {ord(sign): f"\\u{ord(sign):04x}" for sign in "\x85\u2028\u2029"}
"""Signs that JSON leaves as they are and that end a line for some readers."""


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Keep other writers out of a folder, which is made if its parent is there.

    Raises:
        JudgementError: Another process is writing, or nothing can be written there.
    """
    if not folder.parent.is_dir():
        raise JudgementError(f"There is no corpus at {folder.parent}. `vdr index PATH...` makes one.")
    try:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / "writer.lock", timeout=LOCK_WAIT):
            yield
    except Timeout as error:
        raise JudgementError(
            f"Another process has been writing to {folder} for {LOCK_WAIT:.0f} s. Try again when it is done."
        ) from error
    except OSError as error:
        raise JudgementError(
            f"{folder} cannot be written ({error.strerror or error}). Check that the disk is writable and has space."
        ) from error


def read_questions(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a JSONL file of questions, each with `_id`, `text` and `metadata`; none if it is not there.

    Raises:
        JudgementError: A line is something else, or the file cannot be read.
    """
    items = []
    for number, line in enumerate(read(file).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
            about = {**(item.get("metadata") or {})}
            items.append(item | {"_id": str(item["_id"]), "text": one_line(item["text"]), "metadata": about})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise JudgementError(
                f"{file} line {number} is not a question with _id and text. Mend it or take it out."
            ) from error
    return items


def write_questions(file: Path, items: Iterable[Mapping[str, Any]]) -> None:
    """Replace a JSONL file of questions."""
    lines = (json.dumps(item, ensure_ascii=False).translate(_LINE_ENDS) for item in items)
    _replace(file, "".join(f"{line}\n" for line in lines))


def read_qrels(file: Path) -> dict[tuple[str, str], int]:
    """Return the judgements in a file of tab-separated query-id, corpus-id and score; none if it is not there.

    Raises:
        JudgementError: A line is something else, or the file cannot be read.
    """
    rows = csv.DictReader(io.StringIO(read(file), newline=""), delimiter="\t")
    try:
        return {(row["query-id"], row["corpus-id"]): int(row["score"]) for row in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise JudgementError(
            f"{file} line {rows.line_num} is not a query-id, a corpus-id and a score. Mend it or take it out."
        ) from error


def write_qrels(file: Path, qrels: Pairs) -> None:
    """Replace a file of judgements."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerows([HEADER, *((query, unit, grade) for (query, unit), grade in qrels.items())])
    _replace(file, text.getvalue())


def one_line(text: str) -> str:
    r"""Return a text on one line, as questions are kept.

    >>> one_line("  Who\n retired? ")
    'Who retired?'
    """
    return " ".join(text.encode("utf-8", "replace").decode("utf-8").split())


def read(file: Path) -> str:
    """Return the text of a file, UTF-8; none if it is not there.

    Raises:
        JudgementError: It cannot be read, or is not UTF-8.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise JudgementError(f"{file} cannot be read ({error}). Restore it from a copy, or delete it.") from error


def _replace(file: Path, text: str) -> None:
    """Put a text into a file at once: whoever reads sees all of it or nothing of it."""
    file.parent.mkdir(exist_ok=True)
    aside = file.with_name(file.name + ".new")
    try:
        with aside.open("w", encoding="utf-8", newline="") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        aside.replace(file)
    finally:
        with suppress(FileNotFoundError):
            aside.unlink()
