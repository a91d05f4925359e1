"""Answers from pages, against a chat endpoint on this machine."""

from __future__ import annotations

import base64
import io
import json
import threading
from pathlib import Path

import pytest
from PIL import Image
from stub_service import Answer as Response
from stub_service import Asked, serving
from test_app import write_pdf
from test_cli import vdr

from vdr import Corpus
from vdr.answer import INSTRUCTION, Answer, Cited, ask, pieces
from vdr.chat import HOW_TO, Chat, Reply, from_environment
from vdr.errors import NotFound, ServiceError

VARIABLES = ("VDR_CHAT_URL", "VDR_CHAT_MODEL", "VDR_CHAT_KEY")


def said(text: object, finish: str = "stop") -> Response:
    return Response({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}]})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Two pages about a keeper, one passage, and a page about something else."""
    folder = tmp_path_factory.mktemp("answer")
    write_pdf(
        folder / "harbour.pdf",
        ["The keeper retired in 1987.", "The keeper of the lighthouse"],
        ["A crane was painted."],
        ["A keeper is paid by the harbour."],
    )
    (folder / "notes.txt").write_text("Nobody retired that year.")
    corpus = Corpus(folder / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    assert not corpus.add([folder / "harbour.pdf", folder / "notes.txt"]).refused
    return corpus


# --- the client ------------------------------------------------------------------------------------------


def test_what_is_sent_is_a_chat_completion_with_pictures() -> None:
    picture = Image.new("RGB", (40, 20), "red")
    with serving([said(" Blue. ")]) as stub:
        assert Chat(f"{stub.url}/v1/", "tiny-vl", "s3cret").reply("Be brief.", ["One", picture]) == Reply(
            "Blue.", False
        )
        Chat(f"{stub.url}/v1/chat/completions", "tiny-vl").reply("Be brief.", ["Two"])
    first, second = stub.asked
    assert (first.path, second.path) == ("/v1/chat/completions",) * 2
    assert first.headers["authorization"] == "Bearer s3cret"
    assert "authorization" not in second.headers
    system, user = first.body.pop("messages")
    assert first.body == {"model": "tiny-vl"}
    assert system == {"role": "system", "content": "Be brief."}
    text, image = user.pop("content")
    assert user == {"role": "user"}
    assert text == {"type": "text", "text": "One"}
    head, _, data = image.pop("image_url")["url"].partition(",")
    assert (head, image) == ("data:image/jpeg;base64", {"type": "image_url"})
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (40, 20))
        pixel = sent.getpixel((20, 10))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 240
    assert max(pixel[1:]) < 15


def test_a_busy_endpoint_is_asked_again() -> None:
    with serving([Response(status=503), said("Blue.", "length")]) as stub:
        assert Chat(stub.url, "tiny-vl").reply("", ["?"]) == Reply("Blue.", cut=True)
    assert [asked.path for asked in stub.asked] == ["/chat/completions"] * 2


def test_an_endpoint_that_takes_too_long_is_told() -> None:
    done = threading.Event()

    def late(asked: Asked) -> Response:
        done.wait(30)
        return said("Blue.")

    with serving(late) as stub:
        with pytest.raises(ServiceError, match=r"The chat model tiny-vl \(127.0.0.1\) took longer than 0\.2 seconds"):
            Chat(stub.url, "tiny-vl", timeout=0.2).reply("", ["?"])
        done.set()


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (
            Response({"error": {"message": "no such key s3cret"}}, 401),
            r"refuses the key, HTTP 401 \(no such key \[key\]\)",
        ),
        (Response({"error": "model not found"}, 404), r"knows no such address or model, HTTP 404 \(model not found\)"),
        (Response(b"<html>"), "answered with something that is not JSON"),
        (
            Response(["list"]),
            "answered, but not with a chat completion. Check that VDR_CHAT_URL is an OpenAI-compatible",
        ),
        (Response({"choices": []}), "answered, but not with a chat completion"),
        (Response({"choices": [{"message": "Blue."}]}), "answered, but not with a chat completion"),
        (said(None), "answered, but not with a chat completion"),
        (said("  "), "gave an empty answer"),
        (Response({"choices": [{"message": {"content": None, "refusal": "No."}}]}), "refuses to answer: No."),
    ],
)
def test_an_answer_that_is_none_becomes_one_line(response: Response, told: str) -> None:
    with serving([response]) as stub, pytest.raises(ServiceError, match=told) as raised:
        Chat(stub.url, "tiny-vl", "s3cret").reply("", ["?"])
    assert str(raised.value).startswith("The chat model tiny-vl ")
    assert len(str(raised.value).splitlines()) == 1
    assert "s3cret" not in str(raised.value)


def test_an_answer_in_parts_is_put_together() -> None:
    with serving([said([{"type": "text", "text": "Blue"}, {"type": "text", "text": " [1]."}])]) as stub:
        assert Chat(stub.url, "tiny-vl").reply("", ["?"]).text == "Blue [1]."


def test_the_environment_names_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert from_environment() is None
    monkeypatch.setenv("VDR_CHAT_URL", " http://localhost:11434/v1 ")
    with pytest.raises(ServiceError, match="VDR_CHAT_URL is set, but VDR_CHAT_MODEL is not"):
        from_environment()
    monkeypatch.setenv("VDR_CHAT_MODEL", "tiny-vl")
    assert from_environment() == Chat("http://localhost:11434/v1", "tiny-vl", "")
    monkeypatch.setenv("VDR_CHAT_KEY", "s3cret\n")
    assert from_environment() == Chat("http://localhost:11434/v1", "tiny-vl", "s3cret")
    assert "s3cret" not in repr(from_environment())


# --- answers ---------------------------------------------------------------------------------------------


def test_the_best_pages_are_sent_and_citations_are_theirs(corpus: Corpus) -> None:
    with serving([said("In 1987 [1], says the harbour [2][9]. Nobody else did, nor before [1, 2].")]) as stub:
        told = ask(corpus, "Which keeper retired?", Chat(stub.url, "tiny-vl"), k=3)
    assert [hit.key for hit in told.hits] == [hit.key for hit in corpus.search("Which keeper retired?", 3)]
    assert [hit.key for hit in told.hits] == ["harbour.pdf:1", "harbour.pdf:3", "notes.txt:1"]
    assert told.cited == (1, 2, 9)
    assert {number: hit.key for number, hit in told.citations.items()} == {1: "harbour.pdf:1", 2: "harbour.pdf:3"}
    assert (told.unknown, told.model, told.cut) == ((9,), "tiny-vl", False)
    system, user = stub.asked[0].body["messages"]
    assert system["content"] == INSTRUCTION
    assert [part.get("text", part["type"]) for part in user["content"]] == [
        "Page [1] is page 1 of harbour.pdf.",
        "image_url",
        "Text of page [1]:\nThe keeper retired in 1987.\nThe keeper of the lighthouse",
        "Page [2] is page 3 of harbour.pdf.",
        "image_url",
        "Text of page [2]:\nA keeper is paid by the harbour.",
        "Page [3] is page 1 of notes.txt.",
        "Text of page [3]:\nNobody retired that year.",
        "Question: Which keeper retired?",
    ]


def test_without_a_page_nothing_is_sent(corpus: Corpus) -> None:
    with serving([said("Blue.")]) as stub:
        with pytest.raises(NotFound, match="no page to answer from"):
            ask(corpus, "zebra", Chat(stub.url, "tiny-vl"))
        with pytest.raises(NotFound, match=r"There is no document 'gone\.pdf'"):
            ask(corpus, "keeper", Chat(stub.url, "tiny-vl"), docs=["gone.pdf"])
    assert stub.asked == []


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("So [1].", [(1,)]),
        ("So [1][2] and [ 3 ].", [(1,), (2,), (3,)]),
        ("So [1; 2,3].", [(1, 2, 3)]),
        ("So [2–4] or [4-2].", [(2, 3, 4), (4, 2)]),
        ("So 【5】.", [(5,)]),
        ("In [1987] of [a], [], [1a] and x[0].", [(0,)]),
    ],
)
def test_citations_are_numbers_in_brackets(text: str, numbers: list[tuple[int, ...]]) -> None:
    assert [piece.numbers for piece in pieces(text) if isinstance(piece, Cited)] == numbers
    assert Answer("", text, (), "").unknown == tuple(dict.fromkeys(number for group in numbers for number in group))


# --- the command -----------------------------------------------------------------------------------------


def test_the_command_prints_the_answer_and_its_pages(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving([said("In 1987 [1][9].", "length")]) as stub:
        monkeypatch.setenv("VDR_CHAT_URL", stub.url)
        monkeypatch.setenv("VDR_CHAT_MODEL", "tiny-vl")
        done = vdr("ask", "Which keeper retired?", "--corpus", corpus.path, "-k", "1")
        assert done.stdout == "In 1987 [1][9].\n\n[1] harbour.pdf:1\n"
        assert "[9] is cited, but no page was sent as 9: nothing backs it." in done.stderr
        assert "The answer breaks off" in done.stderr
        done = vdr("ask", "Which keeper retired?", "--corpus", corpus.path, "-k", "2", "--doc", "harbour.pdf", "--json")
    assert json.loads(done.stdout) == {
        "question": "Which keeper retired?",
        "answer": "In 1987 [1][9].",
        "model": "tiny-vl",
        "pages": ["harbour.pdf:1", "harbour.pdf:3"],
        "cited": {"1": "harbour.pdf:1"},
        "cut": True,
        "not_sent": [9],
    }


def test_without_a_model_the_command_says_how_to_name_one(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    done = vdr("ask", "Which keeper retired?", "--corpus", Path(corpus.path), code=1)
    assert done.stderr == f"vdr: No chat model is configured. {HOW_TO}\n"
