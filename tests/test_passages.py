"""Text and JSONL to passages: cutting, encodings, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vdr.errors import DocumentError
from vdr.passages import MAX_CHARS, cut, read_jsonl, read_text, spans
from vdr.types import Unit

# --- cut -------------------------------------------------------------------------------------------------

TEXTS = st.text(st.sampled_from("ab#.!?。 \n\t\r\x0c\u3000\xa0é漢"), max_size=200)


@settings(deadline=None, database=None)
@given(TEXTS, st.integers(1, 40))
@example("a\n\n" + " " * 50 + "b", 10)
@example("\n" * 50, 5)
@example("# a\n\nb c", 5)
def test_passages_lose_nothing_but_white_space_and_keep_the_order(text: str, max_chars: int) -> None:
    found = spans(text, max_chars)
    assert all(start < end <= start + max_chars for start, end in found)
    assert all(text[start:end].strip() == text[start:end] for start, end in found)
    assert all(before[0] < after[0] and before[1] < after[1] for before, after in pairwise(found))
    covered = {at for start, end in found for at in range(start, end)}
    assert not "".join(character for at, character in enumerate(text) if at not in covered).strip()
    assert cut(text, max_chars) == [text[start:end] for start, end in found]


@settings(deadline=None, database=None)
@given(TEXTS, st.integers(1, 40))
def test_neighbours_share_a_tenth_at_most(text: str, max_chars: int) -> None:
    assert all(before[1] - after[0] <= max_chars // 10 for before, after in pairwise(spans(text, max_chars)))


@settings(deadline=None, database=None)
@given(st.text(st.sampled_from("ab.!?。 \n\t漢"), max_size=200), st.integers(12, 40))
def test_no_word_that_fits_is_split(text: str, max_chars: int) -> None:
    words = [match.span() for match in re.finditer(r"\S+", text)]
    if all(end - start <= max_chars - max_chars // 10 for start, end in words):
        starts, ends = {start for start, _ in words}, {end for _, end in words}
        assert all(start in starts and end in ends for start, end in spans(text, max_chars))


@pytest.mark.parametrize(
    ("text", "max_chars", "passages"),
    [
        ("", 10, []),
        (" \n\n ", 10, []),
        ("one two", 9, ["one two"]),
        ("one.\n\ntwo.\n\nthree.", 12, ["one.\n\ntwo.", "three."]),
        ("one. two. three.", 10, ["one. two.", "three."]),
        ("first one. " + "x" * 25 + " end", 11, ["first one.", "x" * 10, "x" * 10, "x" * 5, "end"]),
        ("short.\n\none two three four", 15, ["short.", "one two three", "four"]),
        ("だ。 ね。 よ。", 6, ["だ。 ね。", "よ。"]),
    ],
)
def test_cut(text: str, max_chars: int, passages: list[str]) -> None:
    assert cut(text, max_chars) == passages


def test_a_passage_begins_with_the_end_of_the_one_before() -> None:
    text = "First of all a sentence. Yes. Second comes another one. So. Third, the last."
    assert cut(text, 40) == ["First of all a sentence. Yes.", "Second comes another one. So.", "So. Third, the last."]
    assert cut(text.replace(".", ""), 40) == [
        "First of all a sentence Yes Second",
        "comes another one So Third, the last",
    ]


MARKDOWN = """Wings and tails, a short book.

# Wings

A wing gives lift. It has drag.

## Profiles

Thin ones are fast.

# Tails

## Rudders

They steer. They are small."""


def test_sections_stay_whole_while_they_fit() -> None:
    assert [passage.split("\n")[0] for passage in cut(MARKDOWN, 120)] == ["Wings and tails, a short book.", "# Tails"]
    assert cut(MARKDOWN, 60) == [
        "Wings and tails, a short book.",
        "# Wings\n\nA wing gives lift. It has drag.",
        "## Profiles\n\nThin ones are fast.",
        "# Tails\n\n## Rudders\n\nThey steer. They are small.",
    ]


def test_no_passage_ends_with_a_heading() -> None:
    text = "Some words that go before.\n\n# A heading\n\n" + "And a sentence. " * 4
    assert cut(text, 45) == [
        "Some words that go before.",
        "# A heading\n\nAnd a sentence.",
        "And a sentence. And a sentence.",
        "And a sentence.",
    ]
    assert all(not passage.splitlines()[-1].startswith("#") for size in range(25, 90) for passage in cut(text, size))


def test_nothing_of_another_section_is_repeated() -> None:
    text = "Oil is up. Gas.\n# Next\n" + "Rain came. " * 5
    assert cut(text, 60)[1].startswith("# Next\nRain came.")


def test_cut_takes_a_long_book_without_a_break_in_stride() -> None:
    whole = MAX_CHARS - MAX_CHARS // 10
    assert [len(passage) for passage in cut("x" * 1_000_000)] == [whole] * 462 + [1_000_000 - 462 * whole]
    assert cut("\n " * 500_000 + "x" + " \n" * 500_000) == ["x"]
    assert len(cut("# x\n" * 100_000)) > 100_000 * 4 // MAX_CHARS


# --- plain text ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        "größe – 数据".encode(),
        "größe – 数据".encode("utf-8-sig"),
        "größe – 数据".encode("utf-16"),
        b"\xfe\xff" + "größe – 数据".encode("utf-16-be"),
    ],
    ids=["utf-8", "utf-8-bom", "utf-16-le", "utf-16-be"],
)
def test_unicode_text_is_read_by_its_mark(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert list(read_text(path)) == [Unit(page=1, text="größe – 数据", span=(0, 10))]


def test_text_that_is_not_utf8_is_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"gr\xf6\xdfe 25\xb0")
    assert [unit.text for unit in read_text(path)] == ["größe 25°"]


def test_a_long_text_becomes_numbered_passages(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    paragraphs = [f"# {n}\n" + f"word{n} " * 170 for n in range(1, 8)]
    path.write_text("\n\n".join(paragraphs))
    units = list(read_text(path))
    assert [(unit.page, unit.text.split()[1]) for unit in units] == [(1, "1"), (2, "3"), (3, "5"), (4, "7")]
    assert all(unit.image is None and unit.boxes is None for unit in units)


def text_error(path: Path) -> str:
    with pytest.raises(DocumentError) as caught:
        list(read_text(path))
    assert caught.value.path == str(path)
    return str(caught.value).removeprefix(str(path))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", " is empty. It has no text to search."),
        (b" \n\t\n", " is empty. It has no text to search."),
        (b"\xef\xbb\xbf", " is empty. It has no text to search."),
        (b"\xff\xfe", " is empty. It has no text to search."),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", " is not text. It holds binary data: rename it to what it is."),
        ("no mark".encode("utf-16-le"), " is not text. It holds binary data: rename it to what it is."),
    ],
)
def test_what_is_not_text_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert text_error(path) == message


def test_a_text_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    advice = "Check that the file is readable."
    assert text_error(tmp_path / "a.txt") == f" cannot be read (Is a directory). {advice}"
    assert text_error(tmp_path / "b.txt") == f" cannot be read (No such file or directory). {advice}"


# --- JSONL -----------------------------------------------------------------------------------------------


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(*lines: object, encoding: str = "utf-8") -> Path:
        path = tmp_path / "corpus.jsonl"
        text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_records_become_passages_with_the_title_before_the_text(jsonl: Callable[..., Path]) -> None:
    path = jsonl(
        {"_id": "d1", "title": "Wings", "text": "Lift and drag."},
        "",
        {"_id": 0, "title": "", "text": "Number for an id."},
        {"_id": "d3", "title": "Same.", "text": "Same. And more."},
        {"_id": "empty", "title": "", "text": ""},
        {"_id": "d4", "title": "Only a title", "text": ""},
        {"_id": "d5", "title": None, "text": "No title.", "metadata": {"x": 1}},
    )
    assert [(unit.page, unit.record, unit.text) for unit in read_jsonl(path)] == [
        (1, "d1", "Wings\n\nLift and drag."),
        (2, "0", "Number for an id."),
        (3, "d3", "Same. And more."),
        (4, "d4", "Only a title"),
        (5, "d5", "No title."),
    ]


def test_a_record_longer_than_a_passage_becomes_several(jsonl: Callable[..., Path]) -> None:
    most = MAX_CHARS - MAX_CHARS // 10
    path = jsonl({"_id": "long", "title": "T", "text": "x" * (2 * most + 1)}, {"_id": "next", "text": "y"})
    assert [(unit.page, unit.record, len(unit.text)) for unit in read_jsonl(path)] == [
        (1, "long", 1),
        (2, "long", most),
        (3, "long", most),
        (4, "long", 1),
        (5, "next", 1),
    ]


def test_a_byte_order_mark_and_windows_line_ends_are_no_error(jsonl: Callable[..., Path]) -> None:
    path = jsonl('{"_id": "a", "text": "é"}\r', '{"_id": "b", "text": "line\u2028separator"}', encoding="utf-8-sig")
    assert [(unit.record, unit.text) for unit in read_jsonl(path)] == [("a", "é"), ("b", "line\u2028separator")]


def test_half_a_surrogate_pair_becomes_a_replacement_character(jsonl: Callable[..., Path]) -> None:
    path = jsonl(r'{"_id": "\udc00", "title": "\ud83d\ude00", "text": "a\ud800b"}')
    assert [(unit.record, unit.text) for unit in read_jsonl(path)] == [("\ufffd", "😀\n\na\ufffdb")]


GOOD = {"_id": "good", "text": "good"}
FORM = 'Each line is {"_id": ..., "title": ..., "text": ...}.'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "is not JSONL (line 2: Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        ("plain text", "is not JSONL (line 2: Expecting value: line 1 column 1 (char 0))"),
        ('{"_id": ' + "1" * 5_000 + "}", "is not JSONL (line 2: Exceeds the limit (4300 digits) for integer string"),
        ("[" * 100_000, "is not JSONL (line 2: maximum recursion depth exceeded"),
        ([1], f"has a line 2 without _id and text. {FORM}"),
        ("null", f"has a line 2 without _id and text. {FORM}"),
        ({"text": "x"}, f"has a line 2 without _id and text. {FORM}"),
        ({"_id": "x"}, f"has a line 2 without _id and text. {FORM}"),
        ({"_id": "x", "text": 5}, f"has a line 2 without _id and text. {FORM}"),
        ({"_id": None, "text": "x"}, f"has a line 2 without _id and text. {FORM}"),
        ({"_id": "", "text": "x"}, f"has a line 2 without _id and text. {FORM}"),
        (GOOD, "has the _id 'good' twice (line 2). Give each record its own _id."),
    ],
)
def test_a_bad_line_is_named_by_its_number(jsonl: Callable[..., Path], line: object, message: str) -> None:
    path = jsonl(GOOD, line)
    units = read_jsonl(path)
    assert next(units).record == "good"
    with pytest.raises(DocumentError) as caught:
        next(units)
    assert str(caught.value).startswith(f"{path} {message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty. It has no record with text."),
        (b'{"_id": "a", "text": " "}\n', "is empty. It has no record with text."),
        (b'{"_id": "a", "text": "\xe9"}\n', "is not UTF-8. Save it as UTF-8."),
        ('{"_id": "a", "text": "x"}'.encode("utf-16"), "is not UTF-8. Save it as UTF-8."),
    ],
)
def test_a_corpus_without_records_is_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(data)
    with pytest.raises(DocumentError) as caught:
        list(read_jsonl(path))
    assert str(caught.value) == f"{path} {message}"


def test_a_corpus_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.mkdir()
    with pytest.raises(DocumentError) as caught:
        list(read_jsonl(path))
    assert str(caught.value) == f"{path} cannot be read (Is a directory). Check that the file is readable."
