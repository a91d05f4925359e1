from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from vdr.errors import JudgementError
from vdr.judgements import Draft, Judgements

KEEPER, BEES = "When did the keeper retire?", "What do bees make?"
KEEPER_ID, BEES_ID = "4a24d513796d", "08e3cf51be5e"
HEADER = b"query-id\tcorpus-id\tscore\n"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder that could be a corpus's."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    return folder


def queries(corpus: Path) -> bytes:
    return (corpus / "judgements" / "queries.jsonl").read_bytes()


def qrels(corpus: Path) -> bytes:
    return (corpus / "judgements" / "qrels" / "test.tsv").read_bytes()


def line(query_id: str, text: str, source: str = "search") -> bytes:
    return f'{{"_id": "{query_id}", "text": "{text}", "metadata": {{"source": "{source}"}}}}\n'.encode()


# --- judged queries --------------------------------------------------------------------------------------


def test_a_judgement_is_a_line_and_taking_it_back_removes_it(corpus: Path) -> None:
    judgements = Judgements(corpus)
    judgements.judge(f"  {KEEPER}\n", "harbour.pdf:2", 1)
    judgements.judge(KEEPER, "harbour.pdf:3", 0)
    judgements.judge(BEES, "Gärten, alt.pdf:1", 1)
    assert queries(corpus) == line(KEEPER_ID, KEEPER) + line(BEES_ID, BEES)
    assert qrels(corpus) == HEADER + (
        f"{KEEPER_ID}\tharbour.pdf:2\t1\n{KEEPER_ID}\tharbour.pdf:3\t0\n{BEES_ID}\tGärten, alt.pdf:1\t1\n".encode()
    )
    assert judgements.grades(f"{KEEPER} ") == {"harbour.pdf:2": 1, "harbour.pdf:3": 0}
    assert judgements.grades("When did the keeper") == {}
    assert len(judgements) == 2

    judgements.judge(KEEPER, "harbour.pdf:2", 0)
    judgements.judge(KEEPER, "harbour.pdf:3", None)
    judgements.judge(KEEPER, "harbour.pdf:9", None)  # was never judged
    assert judgements.grades(KEEPER) == {"harbour.pdf:2": 0}
    judgements.judge(KEEPER, "harbour.pdf:2", None)
    assert queries(corpus) == line(BEES_ID, BEES)
    assert qrels(corpus) == HEADER + f"{BEES_ID}\tGärten, alt.pdf:1\t1\n".encode()
    names = {path.name for path in (corpus / "judgements").rglob("*")}
    assert names == {"queries.jsonl", "qrels", "test.tsv", "writer.lock"}


def test_odd_names_and_texts_come_back_as_they_were(corpus: Path) -> None:
    names = ['say "tab\there".pdf:1', "line\nbreak.pdf:2", "報告\u2028.pdf:3", "=1+1.pdf:4"]
    for name in names:
        Judgements(corpus).judge("報告 \u2028 “é” \ud800?", name, 1)
    assert Judgements(corpus).grades("報告 “é” ??") == dict.fromkeys(names, 1)
    assert len(queries(corpus).decode().splitlines()) == 1


def test_what_was_written_by_hand_stays(corpus: Path) -> None:
    folder = corpus / "judgements"
    (folder / "qrels").mkdir(parents=True)
    own = {"_id": KEEPER_ID, "text": "Mine?", "metadata": {"example": True}, "note": "by hand"}
    unjudged = {"_id": "later", "text": "Unjudged?", "metadata": {}}
    (folder / "queries.jsonl").write_text(f"{json.dumps(own)}\n\n{json.dumps(unjudged)}\n")
    (folder / "qrels" / "test.tsv").write_bytes(
        b"query-id\tcorpus-id\tscore\r\n%b\ta.pdf:1\t2\r\n" % KEEPER_ID.encode()
    )
    judgements = Judgements(corpus)
    assert judgements.grades("Mine?") == {"a.pdf:1": 2}
    judgements.judge(KEEPER, "b.pdf:1", 1)  # whose id is taken by the one above
    kept = [json.loads(text) for text in queries(corpus).splitlines()]
    assert kept == [own, unjudged, {"_id": f"{KEEPER_ID}-2", "text": KEEPER, "metadata": {"source": "search"}}]
    assert qrels(corpus) == HEADER + f"{KEEPER_ID}\ta.pdf:1\t2\n{KEEPER_ID}-2\tb.pdf:1\t1\n".encode()


def test_writers_side_by_side_lose_nothing_and_readers_see_whole_files(corpus: Path) -> None:
    program = (
        "import sys; from vdr.judgements import Judgements\n"
        "for n in range(8): Judgements(sys.argv[1]).judge(f'{sys.argv[2]} {n}?', 'a.pdf:1', 1)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, corpus, name]) for name in ("one", "other")]

    def judge(name: str) -> None:
        for number in range(8):
            Judgements(corpus).judge(f"{name} {number}?", "a.pdf:1", 1)

    threads = [threading.Thread(target=judge, args=(f"thread {number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    seen = 0
    while any(thread.is_alive() for thread in threads) or any(process.poll() is None for process in processes):
        now = len(Judgements(corpus))
        assert now >= seen
        seen = now
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    assert len(Judgements(corpus)) == len(queries(corpus).splitlines()) == 40


def test_what_cannot_be_kept_is_told(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(JudgementError, match=r"s3://bucket/corpus is in an object store.*in a folder"):
        Judgements("s3://bucket/corpus")
    assert Judgements(corpus.as_uri()).folder == corpus / "judgements"
    with pytest.raises(JudgementError, match=r"There is no corpus at .*nowhere"):
        Judgements(tmp_path / "nowhere").judge(KEEPER, "a.pdf:1", 1)
    with pytest.raises(JudgementError, match="An empty query cannot be judged"):
        Judgements(corpus).judge(" \n", "a.pdf:1", 1)
    (corpus / "judgements").write_text("a file in the way")
    with pytest.raises(JudgementError, match=r"judgements cannot be written \(File exists\)"):
        Judgements(corpus).judge(KEEPER, "a.pdf:1", 1)


@pytest.mark.parametrize("text", ["no JSON", '{"_id": "a"}', '["list"]', '{"_id": "a", "text": 3}'])
def test_a_malformed_question_is_told_by_its_line_and_nothing_is_overwritten(corpus: Path, text: str) -> None:
    Judgements(corpus).judge(KEEPER, "a.pdf:1", 1)
    broken = queries(corpus) + text.encode() + b"\n"
    (corpus / "judgements" / "queries.jsonl").write_bytes(broken)
    with pytest.raises(JudgementError, match=r"queries\.jsonl line 2 is not a question with _id and text"):
        Judgements(corpus).judge(BEES, "a.pdf:1", 1)
    assert queries(corpus) == broken


@pytest.mark.parametrize("row", ["q\ta.pdf:1\tmuch", "q a.pdf:1 1", "q\ta.pdf:1"])
def test_a_malformed_judgement_is_told_by_its_line(corpus: Path, row: str) -> None:
    Judgements(corpus).judge(KEEPER, "a.pdf:1", 1)
    (corpus / "judgements" / "qrels" / "test.tsv").write_bytes(qrels(corpus) + f"{row}\n".encode())
    with pytest.raises(JudgementError, match=r"test\.tsv line 3 is not a query-id, a corpus-id and a score"):
        Judgements(corpus).grades(KEEPER)


# --- drafts ----------------------------------------------------------------------------------------------

FIRST = Draft(KEEPER, "harbour.pdf:2", "heading")
SECOND = Draft(BEES, "garden.pdf:1", "table")


def test_drafts_are_proposed_once_and_confirmed_edited_skipped_or_reopened(corpus: Path) -> None:
    judgements = Judgements(corpus)
    assert judgements.propose([FIRST, SECOND, Draft(f" {KEEPER.upper()}", "other.pdf:1", "model")]) == 2
    assert judgements.drafts() == [FIRST, SECOND]
    assert (corpus / "judgements" / "drafts.jsonl").read_text().splitlines()[0] == (
        f'{{"_id": "{KEEPER_ID}", "text": "{KEEPER}", '
        '"metadata": {"source": "heading", "answer": "harbour.pdf:2", "state": "waiting"}}'
    )

    judgements.confirm(FIRST)
    judgements.confirm(FIRST)  # in another tab
    assert judgements.drafts() == [SECOND]
    assert queries(corpus) == line(KEEPER_ID, KEEPER, "heading")
    assert qrels(corpus) == HEADER + f"{KEEPER_ID}\tharbour.pdf:2\t1\n".encode()

    with pytest.raises(JudgementError, match="The question is empty"):
        judgements.confirm(SECOND, "  ")
    judgements.confirm(SECOND, "What do bees eat?")
    assert judgements.grades("What do bees eat?") == {"garden.pdf:1": 1}
    assert judgements.grades(BEES) == {}
    judgements.reopen(SECOND, "What do bees eat?")
    assert judgements.drafts() == [SECOND]
    assert len(judgements) == 1

    judgements.skip(SECOND)
    assert (judgements.drafts(), judgements.drafts("skipped")) == ([], [SECOND])
    assert judgements.propose([SECOND, FIRST]) == 0
    assert judgements.drafted() == {"harbour.pdf:2", "garden.pdf:1"}
    assert len(judgements) == 1


def test_a_question_that_is_judged_is_no_draft(corpus: Path) -> None:
    judgements = Judgements(corpus)
    judgements.judge(KEEPER, "harbour.pdf:2", 1)
    assert judgements.propose([FIRST, SECOND]) == 1
    assert judgements.drafts() == [SECOND]
