from __future__ import annotations

import base64
import io
import json
import logging
from pathlib import Path

import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas
from stub_service import Answer, Asked, serving
from test_cli import vdr

from vdr import Corpus
from vdr.chat import Chat
from vdr.errors import NotFound, ServiceError
from vdr.judgements import Draft, Judgements
from vdr.questions import draft, parse
from vdr.store import Store

BODY = [
    "The fish landed at the quay was sold by noon.",
    "Catch and species are told by month.",
    "A boat may moor here.",
]
NOTES = "# Keeping bees in winter\n\nThey rest.\n\n## References\n\nA book.\n"


def write_pdf(path: Path, *pages: list[tuple[float, str]]) -> Path:
    """Write a PDF of lines from the top, each with the size of its print."""
    canvas = Canvas(str(path), pagesize=(595, 842), invariant=1)
    for lines in pages:
        y = 800.0
        for size, text in lines:
            canvas.setFont("Helvetica", size)
            y -= 1.6 * size
            canvas.drawString(72, y, text)
        canvas.showPage()
    canvas.save()
    return path


def body(*lines: tuple[float, str]) -> list[tuple[float, str]]:
    """Return a page with a running head, some lines, and print of the usual size."""
    return [(18, "Yearbook of the harbour"), *lines, *((11, text) for text in BODY)]


@pytest.fixture(scope="module")
def corpus_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    harbour = write_pdf(
        folder / "harbour_yearbook-1987.pdf",
        body((22, "1 Fish Landed at the Quay of Ostmere")),
        body((22, "Contents"), (11, "Table 3: Catch by Species and Month. All in tons.")),
        body((11, "Figure 2. Tides at the"), (11, "northern pier. Seen from the east."), (16, "How to moor a boat")),
        body((11, "2.1 Stores and ropes"), (11, "Table 3 shows what was caught."), (30, "Why not here")),
    )
    (folder / "bees.md").write_text(NOTES)
    (folder / "corpus.jsonl").write_text('{"_id": "r1", "title": "Wool trade of the islands", "text": "It fell."}\n')
    corpus = Corpus(folder / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    assert not corpus.add([harbour, folder / "bees.md", folder / "corpus.jsonl"]).refused
    return folder / "corpus"


@pytest.fixture
def store(corpus_folder: Path) -> Store:
    return Store(str(corpus_folder))


HARBOUR = "harbour_yearbook-1987.pdf"
MADE = {
    Draft("What is said about fish landed at the quay of Ostmere?", f"{HARBOUR}:1", "heading"),
    Draft("What are the figures for Catch by species and month?", f"{HARBOUR}:2", "table"),
    Draft("Which figure shows Tides at the northern pier?", f"{HARBOUR}:3", "figure"),
    Draft("How do you moor a boat?", f"{HARBOUR}:3", "heading"),
    Draft("What is said about Stores and ropes?", f"{HARBOUR}:4", "heading"),
    Draft("What is said about Keeping bees in winter?", "bees.md:1", "heading"),
    Draft("What is said about Wool trade of the islands?", "corpus.jsonl:1", "title"),
}


def test_questions_are_made_of_headings_titles_and_captions(store: Store, tmp_path: Path) -> None:
    drafts = list(draft(store, 30, judgements=Judgements(tmp_path)))
    assert len(drafts) == len(MADE)
    assert set(drafts) == MADE
    first = drafts[:3]  # one of each document
    assert {made.key.rpartition(":")[0] for made in first} == {HARBOUR, "bees.md", "corpus.jsonl"}
    assert drafts[-1].key == f"{HARBOUR}:3"  # the second of a page comes when every page has had one
    assert list(draft(store, 3, judgements=Judgements(tmp_path))) == first
    assert set(draft(store, 30, docs=["bees.md"], judgements=Judgements(tmp_path))) == {
        Draft("What is said about Keeping bees in winter?", "bees.md:1", "heading")
    }


def test_what_is_known_is_not_drafted_again(store: Store, tmp_path: Path) -> None:
    judgements = Judgements(tmp_path)
    judgements.judge("How do you moor a boat?", f"{HARBOUR}:3", 1)
    judgements.propose(draft(store, 2, judgements=judgements))
    rest = list(draft(store, 30, judgements=judgements))
    assert len(rest) == len(MADE) - 3
    assert set(rest) == MADE - set(judgements.drafts()) - {Draft("How do you moor a boat?", f"{HARBOUR}:3", "heading")}


def test_a_heading_that_two_documents_share_names_the_document(tmp_path: Path) -> None:
    for name in ("alpha_report.pdf", "beta_report.pdf"):
        write_pdf(tmp_path / name, body((22, "Repairs of the crane"), (11, name)))
    Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none").add(tmp_path)
    drafts = list(draft(Store(str(tmp_path / "corpus")), 30, judgements=Judgements(tmp_path)))
    assert {made.text for made in drafts if "epairs" in made.text} == {
        "What is said about Repairs of the crane, according to “alpha report”?",
        "What is said about Repairs of the crane, according to “beta report”?",
    }


def test_there_must_be_something_to_ask_about(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"There is no document 'gone\.pdf'"):
        list(draft(store, 1, docs=["gone.pdf"], judgements=Judgements(tmp_path)))
    with pytest.raises(NotFound, match="is empty, there is nothing to ask about"):
        list(draft(Store(str(tmp_path / "new")), 1, judgements=Judgements(tmp_path)))


# --- a model ---------------------------------------------------------------------------------------------


def said(text: str) -> Answer:
    return Answer({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]})


def about(asked: Asked) -> str:
    """Return the text part of what a model was sent, empty for none."""
    return "".join(part.get("text", "") for part in asked.body["messages"][1]["content"])


def test_a_model_gets_pages_and_writes_questions(store: Store, tmp_path: Path) -> None:
    def reply(asked: Asked) -> Answer:
        words = about(asked).split()
        return said(f'```json\n{{"questions": ["Who  wrote {words[-2]}?", "Second?"]}}\n```')

    judgements = Judgements(tmp_path)
    judgements.propose([Draft("Known?", "bees.md:1", "heading")])  # that page has had its question
    with serving(reply) as stub:
        chat = Chat(f"{stub.url}/v1", "tiny-vl")
        drafts = list(draft(store, 3, chat=chat, judgements=judgements))
        docs = [HARBOUR]
        assert [made.key for made in draft(store, 9, docs=docs, chat=chat, judgements=judgements)] == [f"{HARBOUR}:2"]
    assert drafts[0].source == "model"
    assert {made.text for made in drafts} == {"Who wrote It?", "Who wrote moor?"}
    assert {made.key for made in drafts} < {"corpus.jsonl:1", *(f"{HARBOUR}:{page}" for page in (1, 2, 3, 4))}
    page = next(asked for asked in stub.asked if "harbour" in about(asked))
    picture, text = page.body["messages"][1]["content"]
    assert text == {"type": "text", "text": store.units([f"{HARBOUR}:2"])[f"{HARBOUR}:2"].text}
    head, _, data = picture["image_url"]["url"].partition(",")
    assert head == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        assert image.format == "JPEG"
        assert abs(image.height / image.width - 842 / 595) < 0.01


def test_an_answer_that_is_no_list_of_questions_is_told(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    judgements = Judgements(tmp_path)
    with serving([said("Sure! Here is one: who?")]) as stub, pytest.raises(ServiceError) as raised:
        list(draft(store, 2, docs=["bees.md"], chat=Chat(stub.url, "tiny-vl"), judgements=judgements))
    assert str(raised.value) == (
        "The chat model tiny-vl wrote no questions about bees.md:1: its answer is not JSON ('Sure! Here is one: who?')."
    )
    good = said('{"questions": ["Who?"]}')
    with serving([good, said('{"question": "Who?"}'), good]) as stub, caplog.at_level(logging.WARNING):
        drafts = list(draft(store, 9, chat=Chat(stub.url, "tiny-vl"), judgements=judgements))
    assert [made.text for made in drafts] == ["Who?"]  # the others ask the same
    assert len(stub.asked) == 6
    assert [record.message.partition(": ")[2] for record in caplog.records] == [
        'its answer is not {"questions": ["..."]} (\'{"question": "Who?"}\').'
    ]


@pytest.mark.parametrize("reply", ["", "[]", '{"questions": "Who?"}', '{"questions": [1]}', '{"questions": ["a"]} bye'])
def test_only_questions_in_json_are_taken(reply: str) -> None:
    with pytest.raises(ValueError, match="its answer is not"):
        parse(reply)


# --- the command -----------------------------------------------------------------------------------------


def test_the_command_keeps_drafts_beside_the_corpus(corpus_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VDR_CHAT_URL", raising=False)
    done = vdr("questions", "--corpus", corpus_folder, "--count", "2", "--doc", HARBOUR, "--json")
    printed = json.loads(done.stdout)
    assert [Draft(**item) for item in printed] == Judgements(corpus_folder).drafts()
    assert set(Judgements(corpus_folder).drafts()) < MADE
    assert "2 drafted. Confirm the good ones in the app" in done.stderr
    again = vdr("questions", "--corpus", corpus_folder)
    assert len(again.stdout.splitlines()) == len(MADE) - 2
    assert "There was no more to draft from" in again.stderr
    assert set(Judgements(corpus_folder).drafts()) == MADE
