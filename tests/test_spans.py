"""Passages know which characters of their file they are, in the corpus and in what is found."""

from __future__ import annotations

import json
from pathlib import Path

import lancedb

from vdr import Corpus
from vdr.passages import cut, read_jsonl, read_text

SLEEP = "They sleep afloat, hand in hand. " * 100
STORY = f"# Otters\n\nOtters eat fish.\n\n{SLEEP}\n\n# Badgers\n\nBadgers dig setts."


def test_the_span_of_a_passage_is_where_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "story.md"
    file.write_text(STORY)
    units = list(read_text(file))
    assert [unit.text for unit in units] == cut(STORY)
    assert [STORY[slice(*unit.span)] for unit in units if unit.span] == [unit.text for unit in units]
    assert units[0].span == (0, STORY.index("\n\nThey sleep"))
    assert units[-1].span == (STORY.index("# Badgers"), len(STORY))


def test_a_span_counts_as_the_text_is_decoded(tmp_path: Path) -> None:
    file = tmp_path / "windows.txt"
    file.write_bytes("Otters eat fish.\r\n\r\n".encode("utf-8-sig") + b"Badgers dig setts.\r\n")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        text = opened.read()
    (unit,) = read_text(file)
    assert unit.span == (0, 38) and text[0:38] == unit.text == "Otters eat fish.\r\n\r\nBadgers dig setts."


def test_the_span_in_a_record_is_of_title_and_text(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    records = [{"_id": "a", "title": "Otters", "text": STORY}, {"_id": "b", "text": "  Badgers dig.  "}]
    file.write_text("\n".join(map(json.dumps, records)))
    units = list(read_jsonl(file))
    whole = {"a": f"Otters\n\n{STORY}", "b": "Badgers dig."}
    assert [whole[unit.record][slice(*unit.span)] for unit in units if unit.span] == [unit.text for unit in units]
    assert units[-1].span == (0, 12)


def test_hits_tell_their_span_and_pages_have_none(tmp_path: Path, sample: Path) -> None:
    (tmp_path / "story.md").write_text(STORY)
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add([tmp_path / "story.md", sample / "pdfs" / "strategy-slides.pdf"])
    hit = corpus.search("badgers", 1)[0]
    assert hit.span is not None
    assert STORY[slice(*hit.span)].endswith("# Badgers\n\nBadgers dig setts.")
    slide = corpus.search("strategy", 1, docs="strategy-slides.pdf")[0]
    assert slide.span is None


def test_a_corpus_from_before_spans_is_read_and_written_on(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("Otters eat fish.")
    (tmp_path / "new.md").write_text("Badgers dig setts.")
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add(tmp_path / "old.md")
    lancedb.connect(tmp_path / "c").open_table("units").drop_columns(["span"])
    again = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    assert [hit.span for hit in again.search("otters")] == [None]
    again.add(tmp_path / "new.md")
    assert {hit.doc: hit.span for hit in again.search("otters badgers")} == {"old.md": None, "new.md": (0, 18)}
