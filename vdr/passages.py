"""Plain text and JSONL corpora to passages. Knows nothing of pages, images, models or storage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from vdr.documents import shown, unreadable
from vdr.errors import DocumentError
from vdr.types import Unit

MAX_CHARS = 2_400
"""The longest passage: about 400 English words, one screen."""

_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"(?<=[.!?。])\s+"), re.compile(r"\s+"))


def read_text(path: Path) -> Iterator[Unit]:
    """Yield the passages of a plain-text or Markdown file (UTF-8, UTF-16 with a mark, else Latin-1).

    Raises:
        DocumentError: The file has no text, or is binary.
    """
    data = _read(path)
    text = _decode(data)
    if "\0" in text:
        raise DocumentError(shown(path), "is not text", "It holds binary data: rename it to what it is.")
    passages = cut(text)
    if not passages:
        raise DocumentError(shown(path), "is empty", "It has no text to search.")
    for page, passage in enumerate(passages, start=1):
        yield Unit(page=page, text=passage)


def read_jsonl(path: Path) -> Iterator[Unit]:
    """Yield the passages of a BEIR corpus: one JSON object a line with `_id`, `text` and maybe `title`.

    Raises:
        DocumentError: A line is not such an object, an `_id` comes twice, or there is no record.
    """
    pages = count(1)
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                record, text = _record(path, number, line)
                if record in seen:
                    reason = f"has the _id {record!r} twice (line {number})"
                    raise DocumentError(shown(path), reason, "Give each record its own _id.")
                seen.add(record)
                for passage in cut(text):
                    yield Unit(page=next(pages), text=passage, record=record)
    except UnicodeDecodeError as error:
        raise DocumentError(shown(path), "is not UTF-8", "Save it as UTF-8.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if next(pages) == 1:
        raise DocumentError(shown(path), "is empty", "It has no record with text.")


def cut(text: str, max_chars: int = MAX_CHARS) -> list[str]:
    r"""Cut a text into passages of at most `max_chars`, at paragraphs, else sentences, else words.

    Neighbouring paragraphs share a passage while they fit. Nothing is lost but white space at the ends.

    >>> cut("One. Two two.\n\nThree.", max_chars=14)
    ['One. Two two.', 'Three.']
    >>> cut("One. Two two.", max_chars=8)
    ['One.', 'Two two.']
    """
    return [passage for passage in _cut(text.strip(), max_chars, _BREAKS) if passage]


def _cut(text: str, max_chars: int, breaks: tuple[re.Pattern[str], ...]) -> list[str]:
    if len(text) <= max_chars:
        return [text]
    if not breaks:
        return [text[start : start + max_chars] for start in range(0, len(text), max_chars)]
    gaps = [match.span() for match in breaks[0].finditer(text)]
    starts, stops = [0, *(stop for _, stop in gaps)], [*(start for start, _ in gaps), len(text)]
    passages: list[str] = []
    begin: int | None = None  # where the open passage begins; None when there is none
    end = 0
    for start, stop in zip(starts, stops, strict=True):
        if begin is not None and stop - begin > max_chars:
            passages.append(text[begin:end])
            begin = None
        if stop - start > max_chars:
            passages += _cut(text[start:stop], max_chars, breaks[1:])
            continue
        begin, end = (start if begin is None else begin), stop
    return passages if begin is None else [*passages, text[begin:end]]


def _record(path: Path, number: int, line: str) -> tuple[str, str]:
    try:
        item = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = f"is not JSONL (line {number}: {error})"
        raise DocumentError(shown(path), reason, "Put one JSON object a line.") from error
    if not isinstance(item, dict) or item.get("_id") in (None, "") or not isinstance(item.get("text"), str):
        reason = f"has a line {number} without _id and text"
        raise DocumentError(shown(path), reason, 'Each line is {"_id": ..., "title": ..., "text": ...}.')
    title, text = _whole(str(item.get("title") or "")).strip(), _whole(item["text"]).strip()
    return _whole(str(item["_id"])), f"{title}\n\n{text}".strip() if title and not text.startswith(title) else text


def _whole(text: str) -> str:
    """Replace halves of surrogate pairs, which JSON can spell and UTF-8 cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _decode(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
