"""Plain text and JSONL corpora to passages. Knows nothing of pages, images, models or storage."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

from vdr.documents import shown, unreadable
from vdr.errors import DocumentError
from vdr.types import Unit

MAX_CHARS = 2_400
"""The longest passage: about 400 English words, one screen."""

_LONGEST_HEADING = 200
_HEADING = re.compile(r"#{1,6}[ \t]")
_HEADINGS = tuple(re.compile(rf"\n(?=#{{1,{level}}}[ \t])") for level in (1, 2, 3, 6))
"""Behind these gaps a section begins: first of the first level, last of any."""
_PARAGRAPH = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n\s*\n")
_WORD = re.compile(r"\s+")


def read_text(path: Path) -> Iterator[Unit]:
    """Yield the passages of a plain-text or Markdown file (UTF-8, UTF-16 with a mark, else Latin-1).

    Raises:
        DocumentError: The file has no text, or is binary.
    """
    data = _read(path)
    text = _decode(data)
    if "\0" in text:
        raise DocumentError(shown(path), "is not text", "It holds binary data: rename it to what it is.")
    passages = spans(text)
    if not passages:
        raise DocumentError(shown(path), "is empty", "It has no text to search.")
    for page, (start, end) in enumerate(passages, start=1):
        yield Unit(page=page, text=text[start:end], span=(start, end))


def read_jsonl(path: Path) -> Iterator[Unit]:
    """Yield the passages of a BEIR corpus: one JSON object a line with `_id`, `text` and maybe `title`.

    A record's text is its title, a blank line and its text, without white space around either; the text alone where
    that begins with the title.

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
                for start, end in spans(text):
                    yield Unit(page=next(pages), text=text[start:end], record=record, span=(start, end))
    except UnicodeDecodeError as error:
        raise DocumentError(shown(path), "is not UTF-8", "Save it as UTF-8.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if next(pages) == 1:
        raise DocumentError(shown(path), "is empty", "It has no record with text.")


def cut(text: str, max_chars: int = MAX_CHARS) -> list[str]:
    r"""Cut a text into passages: `spans` says how, here are the stretches themselves.

    >>> cut("One. Two two.\n\nThree.", max_chars=14)
    ['One. Two two.', 'Three.']
    >>> cut("# Wings\n\nLift.\n\n# Tails\n\nDrag and weight.", max_chars=28)
    ['# Wings\n\nLift.', '# Tails\n\nDrag and weight.']
    """
    return [text[start:end] for start, end in spans(text, max_chars)]


def spans(text: str, max_chars: int = MAX_CHARS) -> list[tuple[int, int]]:
    """Return where the passages of a text begin and end: at headings, else paragraphs, else sentences, else words.

    Neighbouring sections, paragraphs and sentences share a passage while they fit, and no passage ends with a
    heading. One that goes on within a section begins with the end of the one before, at most a tenth of `max_chars`:
    whole sentences, else whole words. Nothing is lost but white space at the ends.

    Args:
        text: Plain text, or Markdown, of which headings with `#` are seen.
        max_chars: The longest passage.

    Returns:
        Character offsets `(start, end)` of each passage, rising.
    """
    overlap = max_chars // 10
    whole = _trimmed(text, 0, len(text))
    if whole[1] - whole[0] <= max_chars:
        return [whole] if whole[0] < whole[1] else []
    cuts = _cut(text, *whole, max_chars - overlap, (*_HEADINGS, _PARAGRAPH, _SENTENCE, _WORD))
    found = [span for start, end in cuts if (span := _trimmed(text, start, end)) and span[0] < span[1]]
    starts = [
        _reaching_back(text, max(before + 1, start - overlap), start) for (before, _), (start, _) in pairwise(found)
    ]
    return [(start, end) for start, (_, end) in zip([found[0][0], *starts], found, strict=True)]


def _cut(text: str, start: int, end: int, size: int, breaks: tuple[re.Pattern[str], ...]) -> list[tuple[int, int]]:
    """Cut a stretch into parts of at most `size` at the first of `breaks` that does, and join them while they fit."""
    if end - start <= size:
        return [(start, end)]
    if not breaks:
        return [(at, min(at + size, end)) for at in range(start, end, size)]
    gaps = [match.span() for match in breaks[0].finditer(text, start, end)]
    gaps = [gap for gap in gaps if breaks[0] is _WORD or not _ends_with_heading(text, gap[0])]
    found: list[tuple[int, int]] = []
    joined: tuple[int, int] | None = None  # what the next part may still be joined to
    for begin, stop in zip([start, *(gap[1] for gap in gaps)], [*(gap[0] for gap in gaps), end], strict=True):
        if joined and stop - joined[0] > size:
            found.append(joined)
            joined = None
        if stop - begin > size:
            found += _cut(text, begin, stop, size, breaks[1:])
        else:
            joined = (joined[0] if joined else begin, stop)
    return [*found, joined] if joined else found


def _ends_with_heading(text: str, end: int) -> bool:
    """Tell whether the line that goes on up to `end` is a heading."""
    start = text.rfind("\n", max(end - _LONGEST_HEADING, 0), end) + 1
    return (start > 0 or end <= _LONGEST_HEADING) and _HEADING.match(text, start) is not None


def _reaching_back(text: str, first: int, start: int) -> int:
    """Return the first place from `first` on where a passage that is cut at `start` may begin instead."""
    if _HEADING.match(text, start):
        return start
    headings = [match.end() for match in _HEADINGS[-1].finditer(text, first - 1, start)]
    if headings:
        return headings[-1]  # what stands before it is another section
    for gaps in (_SENTENCE, _WORD):
        places = [match.end() for match in gaps.finditer(text, first - 1, start) if match.end() >= first]
        if places:
            return places[0]
    return start


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Return a span without the white space at its ends."""
    stretch = text[start:end]
    return end - len(stretch.lstrip()), start + len(stretch.rstrip())


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
