"""Judging and asking in the browser, on a corpus that needs no encoder."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr
import pytest
from stub_service import Answer as Response
from stub_service import Asked, serving
from test_app import ANSWER, HOSTILE, SLOW, THUMB, ask, browser, in_a_loop, page, running, write_pdf  # noqa: F401  # fixtures

from vdr import Corpus
from vdr.judgements import Draft, Judgements
from vdr.ui.search_tab import SearchTab
from vdr.ui.visitors import Apart

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUESTION = "When did the lighthouse keeper retire?"
SAID = "In 1987 [1].\n\nHis <b>crane</b> was green [2][9]."
DRAFTS = [
    Draft("What is said about people of the harbour?", "harbour.pdf:2", "heading"),
    Draft("Which figure shows tides?", "harbour.pdf:1", "figure"),
    Draft("Who gardens?", f"{HOSTILE}:1", "model"),
]
NO_ENCODERS = ", encoder='none', text_encoder='none'"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The app on two documents, with three drafts and a chat model."""
    documents = [
        write_pdf(
            tmp_path / "harbour.pdf",
            ["Fish is sold on the quay each morning.", "Market days"],
            [ANSWER, "People of the harbour"],
            ["The lighthouse was painted green by the keeper.", "Paint"],
        ),
        write_pdf(tmp_path / HOSTILE, ["Bees make honey from clover.", "Gardening"]),
    ]
    corpus = Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    assert not corpus.add(documents).refused
    Judgements(corpus.path).propose(DRAFTS)

    def reply(asked: Asked) -> Response:
        return Response({"choices": [{"message": {"content": SAID}, "finish_reason": "stop"}]})

    with serving(reply) as stub:
        chat = {"VDR_CHAT_URL": f"{stub.url}/v1", "VDR_CHAT_MODEL": "tiny-vl", "VDR_CHAT_KEY": "s3cret"}
        with running(tmp_path, settings=NO_ENCODERS, environment=chat) as address:
            yield address
        assert {asked.headers["authorization"] for asked in stub.asked} <= {"Bearer s3cret"}


def pressed(page: Page) -> list[str]:  # noqa: F811
    """Return what the pressed thumbs say, in the order of the hits."""
    return [str(thumb.get_attribute("aria-label")) for thumb in page.locator(".rate [aria-pressed=true]").all()]


def wait_for_bytes(path: Path, expected: bytes) -> None:
    """Wait until a file holds this, and fail with what it holds instead."""
    end = time.monotonic() + SLOW / 1000
    while time.monotonic() < end and (not path.is_file() or path.read_bytes() != expected):
        time.sleep(0.05)
    assert path.read_bytes() == expected


def test_visitors_who_are_apart_judge_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "a.txt").write_text("The lighthouse keeper retired.")
    original = Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    original.add(tmp_path / "a.txt")
    Judgements(original.path).judge("keeper", "a.txt:1", 0)
    one, other = (gr.Request(session_hash=name) for name in ("one", "other"))
    apart = Apart(original, pages=1, visitors=1, keep=0.0, idle=60.0)

    def make() -> SearchTab:
        with gr.Blocks(analytics_enabled=False):
            return SearchTab(apart, (), empty=False)

    search = in_a_loop(make)
    up: Any = SimpleNamespace(query="keeper", key="a.txt:1", grade=1)
    search.rate([], 0, up, one)

    def grades(visitor: gr.Request) -> list[str]:
        shown = search.search("keeper", "auto", 5, [], "", visitor)[search.cards]
        return [grade for grade, pressed, _ in THUMB.findall(shown) if pressed == "true"]

    assert (grades(one), grades(other)) == (["1"], ["0"])
    assert Judgements(original.path).grades("keeper") == {"a.txt:1": 0}
    assert "no such limit" in search.rate([], 0, up, other)[search.notice]
    apart.left(one)
    end = time.monotonic() + 10
    while any((tmp_path / "tmp").iterdir()) and time.monotonic() < end:
        time.sleep(0.05)
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.browser
def test_a_thumb_makes_a_judged_query(page: Page, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "corpus" / "judgements"
    page.set_default_timeout(SLOW)
    ask(page, QUESTION)
    assert page.locator("#hits .title").all_inner_texts() == ["1 harbour.pdf", "2 harbour.pdf"]
    assert pressed(page) == []
    page.get_by_role("button", name="Page 2 of harbour.pdf answers the question").click()
    query_id = hashlib.sha256(QUESTION.encode()).hexdigest()[:12]
    header = "query-id\tcorpus-id\tscore\n"
    wait_for_bytes(folder / "qrels" / "test.tsv", f"{header}{query_id}\tharbour.pdf:2\t1\n".encode())
    line = f'{{"_id": "{query_id}", "text": "{QUESTION}", "metadata": {{"source": "search"}}}}\n'
    assert (folder / "queries.jsonl").read_bytes() == line.encode()
    assert page.locator("#hits .card").first.get_attribute("aria-current") == "true"  # a thumb opens no page

    # by keyboard: from one thumb to the next
    page.get_by_role("button", name="Page 3 of harbour.pdf answers the question").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    judged = f"{header}{query_id}\tharbour.pdf:2\t1\n{query_id}\tharbour.pdf:3\t0\n"
    wait_for_bytes(folder / "qrels" / "test.tsv", judged.encode())
    both = ["Page 2 of harbour.pdf answers the question", "Page 3 of harbour.pdf does not answer the question"]
    assert pressed(page) == both

    # another question has its own; the same one again shows what was judged; pressed again it is taken back
    ask(page, "What do bees make from clover?")
    assert pressed(page) == []
    ask(page, QUESTION)
    assert pressed(page) == both
    page.get_by_role("button", name=both[1]).click()
    wait_for_bytes(folder / "qrels" / "test.tsv", f"{header}{query_id}\tharbour.pdf:2\t1\n".encode())
    assert pressed(page) == both[:1]
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_drafts_are_confirmed_by_a_click_each(page: Page, tmp_path: Path) -> None:  # noqa: F811
    judgements = Judgements(tmp_path / "corpus")
    page.set_default_timeout(SLOW)
    page.get_by_role("tab", name="Judge").click()
    page.locator("#draft h2", has_text=DRAFTS[0].text).wait_for()
    assert "Page 2 of harbour.pdf should answer it. Drafted from a heading" in page.locator("#draft").inner_text()
    assert "0 judged" in page.locator("#tally").inner_text()
    page.locator("#judged-page img").wait_for()

    page.locator("#good").click()
    page.locator("#draft h2", has_text=DRAFTS[1].text).wait_for()
    assert judgements.grades(DRAFTS[0].text) == {"harbour.pdf:2": 1}

    # edited before it counts
    page.locator("#edit").click()
    page.locator("#edited textarea").fill("When is low tide?")
    page.locator("#good").click()
    page.locator("#draft h2", has_text=DRAFTS[2].text).wait_for()
    assert judgements.grades("When is low tide?") == {"harbour.pdf:1": 1}
    assert page.locator("#edited").count() == 0

    # skipped, undone, skipped again
    assert f"Page 1 of {HOSTILE}" in page.locator("#draft").inner_text()
    page.locator("#skip").click()
    page.get_by_text("No drafts wait.").wait_for()
    assert judgements.drafts("skipped") == [DRAFTS[2]]
    page.locator("#undo").click()
    page.locator("#draft h2", has_text=DRAFTS[2].text).wait_for()
    page.locator("#skip").click()
    page.get_by_text("No drafts wait.").wait_for()
    assert "2 judged" in page.locator("#tally").inner_text()
    assert len(judgements) == 2
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_an_answer_shows_the_pages_it_cites(page: Page) -> None:  # noqa: F811
    page.set_default_timeout(SLOW)
    page.get_by_role("tab", name="Ask", exact=True).click()
    page.locator("#asked").locator("input, textarea").fill(QUESTION)
    page.keyboard.press("Enter")
    page.locator(".answer").wait_for()
    assert page.locator(".answer > p").first.inner_text() == "In 1987 1.\n\nHis <b>crane</b> was green 2[9: not sent]."
    assert "The answer cites what was not sent (9)" in page.locator(".answer").inner_text()
    assert [text.split(" · ")[-1] for text in page.locator("#answer .where").all_inner_texts()] == ["cited", "cited"]
    page.locator("#cited-page img").wait_for()
    assert page.locator("#cited-caption").inner_text().split("\n") == ["harbour.pdf", "", "Page 2"]
    first = page.locator("#cited-page img").get_attribute("src")

    page.get_by_role("button", name="Source 2: page 3 of harbour.pdf").click()
    page.locator("#cited-caption", has_text="Page 3").wait_for()
    page.wait_for_function("src => document.querySelector('#cited-page img').src !== src", arg=first)
    current = page.locator("#answer [aria-current]").all()
    assert [button.get_attribute("data-pick") for button in current] == ["1", "1"]  # the citation and the card
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.browser
def test_without_a_model_the_tab_says_how_to_name_one(browser: Browser, tmp_path: Path) -> None:  # noqa: F811
    environment = dict.fromkeys(("VDR_CHAT_URL", "VDR_CHAT_MODEL", "VDR_CHAT_KEY"), "")
    with running(tmp_path, settings=NO_ENCODERS, environment=environment) as address:
        context = browser.new_context()
        page = context.new_page()
        page.set_default_timeout(SLOW)
        page.goto(address, timeout=SLOW)
        page.get_by_role("tab", name="Documents", selected=True).wait_for()  # where an empty corpus leads to
        page.get_by_role("tab", name="Ask", exact=True).click()
        page.get_by_text("Set VDR_CHAT_URL to an OpenAI-compatible endpoint").wait_for()
        assert page.locator("#asked").count() == 0
        context.close()
