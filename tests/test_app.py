from __future__ import annotations

import asyncio
import gc
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import gradio as gr
import numpy as np
import pytest
from gradio.data_classes import FileData, ListFiles
from numpy.typing import NDArray
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from vdr import Corpus, ui
from vdr.answer import Answer
from vdr.errors import VdrError
from vdr.judgements import Draft, Judgements
from vdr.types import AddReport, DocumentInfo, Hit, Progress, Refusal
from vdr.ui import answers, fragments
from vdr.ui.documents_tab import DocumentsTab, fraction, original_name, stage, staged, uploads
from vdr.ui.search_tab import PLAIN, SearchTab, _documents
from vdr.ui.visitors import Together

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request

HOSTILE = "<img src=x onerror=alert(1)>.pdf"
SCRIPT = '<script>alert("1")</script>'
WIDTH, HEIGHT = 595, 842
ANSWER = "The old lighthouse keeper retired in 1987."
ANSWER_AT = (72, 300)  # points from the left and the bottom
ANSWER_SHOWN = (
    "(({top, height}) => top + height * (1 - 300 / 842))(document.querySelector('#page img').getBoundingClientRect())"
)
SLOW = 180_000  # ms: the first upload imports torch
QUICK = 60_000  # ms: on a machine that is busy with other things


def info(name: str, **fields: Any) -> DocumentInfo:
    known: dict[str, Any] = {
        "kind": "pdf",
        "pages": 3,
        "image_only": 0,
        "unreadable": (),
        "collection": "",
        "channels": ("text",),
        "sha256": "",
        "added_at": "2026-01-02T03:04:05+00:00",
        "source": "",
    }
    return DocumentInfo(name=name, **{**known, **fields})


def hit(doc: str, score: float, channels: dict[str, float], **fields: Any) -> Hit:
    return Hit(1, f"{doc}:2", doc, 2, score, channels, **{"snippet": "", **fields})


def write_pdf(path: Path, *pages: list[str]) -> Path:
    """Write a PDF: the first line of each page at the place of the answer, the others from the top."""
    canvas = Canvas(str(path), pagesize=(WIDTH, HEIGHT), invariant=1)
    for first, *others in pages:
        canvas.setFont("Helvetica", 14)
        canvas.drawString(*ANSWER_AT, first)
        for index, line in enumerate(others):
            canvas.drawString(72, 760 - 24 * index, line)
        canvas.showPage()
    canvas.save()
    return path


# --- fragments -------------------------------------------------------------------------------------------


def test_a_passage_is_escaped_and_its_matched_words_are_marked() -> None:
    text = f"{SCRIPT}  red\n& ${{x}} {{{{y}}}}"
    assert fragments.passage(text, {0, 2}) == (
        '<div class="passage" dir="auto"><mark>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</mark>  red\n'
        "<mark>&amp;</mark> ${x} {{y}}</div>"
    )
    assert fragments.passage("", ()) == ""


@pytest.mark.parametrize(
    "shown",
    [
        fragments.caption(hit(SCRIPT, 1.0, {"bm25": 1.0}, record=SCRIPT), is_page=True),
        fragments.hit_list([hit(SCRIPT, 1.0, {"bm25": 1.0}, snippet=SCRIPT, record=SCRIPT)], [None]),
        fragments.hit_list([hit(SCRIPT, 1.0, {"bm25": 1.0}, query=SCRIPT)], [None], {}),
        answers.answer(Answer(SCRIPT, f"{SCRIPT} [1] [2]", (hit(SCRIPT, 1.0, {}, snippet=SCRIPT),), SCRIPT), [None], 0),
        answers.opened(hit(SCRIPT, 1.0, {}, record=SCRIPT), is_page=True),
        answers.draft(Draft(SCRIPT, f"{SCRIPT}:{SCRIPT}", SCRIPT), is_page=True),
        fragments.welcome(False, [SCRIPT]),
        fragments.notice(SCRIPT),
        fragments.document_table([info(SCRIPT, collection=SCRIPT)]),
        fragments.document_table([info("a")], wanted=SCRIPT),
        fragments.question([SCRIPT]),
        fragments.report(
            AddReport(added=(info(SCRIPT),), skipped=(SCRIPT,), refused=(Refusal(SCRIPT, SCRIPT, SCRIPT),))
        ),
    ],
)
def test_what_is_not_ours_is_escaped_everywhere(shown: str) -> None:
    assert "<script" not in shown
    assert 'alert("1")' not in shown  # quotes too: names stand in attributes


def test_the_report_says_what_became_of_each_file() -> None:
    report = AddReport(
        added=(info("new.pdf", image_only=2, unreadable=(1, 3)), info("old.pdf", pages=1), info("n.txt", kind="text")),
        replaced=("old.pdf",),
        skipped=("same.pdf",),
        refused=(Refusal("/somewhere/locked.pdf", "is encrypted", "Save it without a password."),),
    )
    lines = re.findall(r"<li[^>]*>(.*?)</li>", fragments.report(report, doubles=1))
    assert [re.sub(r"<[^>]+>", "", line) for line in lines] == [
        "Refused locked.pdf is encrypted. Save it without a password.",
        "Added new.pdf 3 pages, 2 image only (no text layer), page 1, 3 could not be rendered",
        "Added n.txt 3 passages",
        "Replaced old.pdf 1 page",
        "Skipped same.pdf is here already, byte for byte",
        "Left out 1 file with the name of another one",
    ]
    assert "3 documents added, 7 pages" in fragments.report(report)
    assert "Nothing new was added" in fragments.report(AddReport(skipped=("same.pdf",)))


def told_scores(found: Hit) -> list[tuple[str, str]]:
    """Return the names and figures that a page's caption shows."""
    return re.findall(r">([\w ]+) <b>([\d.]+)<", fragments.caption(found, is_page=True))


def test_scores_say_what_they_are() -> None:
    fused = hit("a.pdf", 0.0328, {"text": 8.259, "bm25": 7.1})
    assert told_scores(fused) == [
        ("Fused", "0.0328"),
        ("Meaning", "8.26"),
        ("Exact words", "7.10"),
    ]
    assert "Page 2 · fused 0.033" in fragments.hit_list([fused], [Image.new("RGB", (10, 10))])
    assert "Passage 2 · BM25 7.10" in fragments.hit_list([hit("a.txt", 7.1, {"bm25": 7.1})], [None])
    assert "2 best matches by meaning (MaxSim) and exact words (BM25), put together by" in fragments.summary(
        [fused] * 2
    )
    assert "The best match by exact words (BM25)." in fragments.summary([hit("a.txt", 7.1, {"bm25": 7.1})])


def test_of_many_documents_the_first_are_listed_and_others_typed() -> None:
    few, many = (_documents([f"{number}.pdf" for number in range(count)]) for count in (3, 1_001))
    assert (few["choices"], few["allow_custom_value"]) == (["0.pdf", "1.pdf", "2.pdf"], False)
    assert few["label"] == "Only in these documents (none: in all)"
    assert (len(many["choices"]), many["allow_custom_value"]) == (1_000, True)
    assert many["label"] == "Only in these documents (the first 1,000 of 1,001 are listed, type others)"


def test_a_named_document_is_told_beside_the_channels() -> None:
    named = hit("3M_2018_10K.pdf", 4.5, {"visual": 8.259, "document": 0.75})
    assert told_scores(named) == [
        ("Fused", "4.5000"),
        ("Picture", "8.26"),
        ("Document", "0.75"),
    ]
    assert "Page 2 · fused 4.500" in fragments.hit_list([named], [Image.new("RGB", (10, 10))])


def test_a_rerankers_score_takes_the_place_of_the_fused_one() -> None:
    read = hit("a.pdf", 0.0328, {"text": 8.259, "bm25": 7.1, "rerank": 4.2})
    assert told_scores(read) == [
        ("Meaning", "8.26"),
        ("Exact words", "7.10"),
        ("Reranker", "4.20"),
    ]
    assert "Page 2 · rerank 4.20" in fragments.hit_list([read], [Image.new("RGB", (10, 10))])
    assert "the first of them read again by a reranker." in fragments.summary([read] * 2)


def test_a_long_list_is_cut_and_says_so() -> None:
    many = [info(f"{number:04}.pdf", collection="odd" * (number % 2)) for number in range(1_000)]
    shown = fragments.document_table(many)
    assert shown.count("<tr><td>") == fragments.LISTED
    assert f"The first {fragments.LISTED} of 1,000" in shown
    assert fragments.document_table(many, wanted="099").count("<tr><td>") == 11  # 0099, 0990 to 0999
    assert "of 500: type" in fragments.document_table(many, wanted="ODD")
    assert "No document has “none”" in fragments.document_table(many, wanted=" none ")


def test_examples_are_taken_evenly() -> None:
    shown = fragments.welcome(False, [f"question {number}" for number in range(30)])
    assert re.findall(r'data-pick="(\d+)"', shown) == ["0", "4", "8", "12", "16", "20", "24", "28"]


# --- uploads ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (HOSTILE, HOSTILE),
        ("Bericht über 'Äpfel' 报告.pdf", "Bericht über 'Äpfel' 报告.pdf"),
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("..", "safe.pdf"),
        ("", "safe.pdf"),
        ("a\0b.pdf", "safe.pdf"),
        ("\ud800.pdf", "safe.pdf"),
        ("é" * 126 + ".pdf", "safe.pdf"),
    ],
)
def test_an_upload_keeps_its_name_where_a_file_can_have_it(name: str, kept: str) -> None:
    files = ListFiles(root=[FileData(path="/upload/0123/safe.pdf", orig_name=name)])
    assert uploads(files) == [("/upload/0123/safe.pdf", kept)]
    assert original_name(name, "/upload/0123/safe.pdf") == kept
    assert uploads(None) == []


def test_of_two_uploads_with_one_name_the_later_counts(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        (tmp_path / name).write_text(name)
    files = [(str(tmp_path / "1"), "a.txt"), (str(tmp_path / "2"), "[b]*.txt"), (str(tmp_path / "3"), "a.txt")]
    with staged(files) as paths:
        assert [(path.name, path.read_text()) for path in paths] == [("a.txt", "3"), ("[b]*.txt", "2")]
    assert not paths[0].parent.exists()


def test_progress_counts_pages() -> None:
    at = Progress("b.pdf", page=5, pages=10, documents_done=1, documents=2)
    assert fraction(at) == 0.75
    assert stage(at) == "b.pdf · page 5 of 10 · 1 of 2 documents done"
    assert stage(Progress("c.txt", 3, 0, 0, 1)) == "c.txt · passage 3 · 0 of 1 documents done"
    assert fraction(Progress("b.pdf", page=10, pages=10, documents_done=2, documents=2)) == 1.0


SOMEBODY = gr.Request(session_hash="somebody")
UNTOLD: Any = lambda *_: None  # noqa: E731  # stands in for gr.Progress


# --- handlers --------------------------------------------------------------------------------------------


def in_a_loop(make: Callable[[], Any]) -> Any:
    """Call something inside an event loop: outside of one gradio opens its own, and does not close them."""

    async def call() -> Any:
        return make()

    return asyncio.run(call())


def tabs(corpus: Corpus) -> tuple[SearchTab, DocumentsTab]:
    def make() -> tuple[SearchTab, DocumentsTab]:
        with gr.Blocks(analytics_enabled=False):
            corpora = Together(corpus)
            return SearchTab(corpora, (), empty=True), DocumentsTab(corpora)

    return cast(tuple[SearchTab, DocumentsTab], in_a_loop(make))


def test_errors_become_a_line(tmp_path: Path) -> None:
    search, documents = tabs(Corpus(tmp_path / "corpus"))
    assert search.search("  ", "auto", 5, [], "", SOMEBODY) == {
        search.notice: fragments.notice("The query is empty. Type a question or a few words.", "problem"),
        search.spot: None,
    }
    assert "There is no document" in search.search("word", "auto", 5, ["gone.pdf"], "", SOMEBODY)[search.notice]
    assert "There is no document" in documents.remove(["gone.pdf"], SOMEBODY)[documents.report]


def test_only_the_modes_the_corpus_has_are_offered(tmp_path: Path) -> None:
    search, _ = tabs(Corpus(tmp_path / "corpus"))

    def offered(*documents: DocumentInfo) -> list[str]:
        return [mode for _, mode in search.refresh(documents)[search.mode]["choices"]]

    assert offered() == ["auto", "bm25"]
    assert offered(info("a.pdf")) == ["auto", "text", "bm25", "hybrid"]
    assert offered(info("a.pdf"), info("b.pdf", channels=("visual",))) == ["auto", "visual", "text", "bm25", "hybrid"]


def test_a_page_without_an_explanation_is_shown_plain_and_says_so(own_corpus: Corpus, tmp_path: Path) -> None:
    search, _ = tabs(own_corpus)
    Image.new("RGB", (300, 400), "white").save(tmp_path / "blank.png")
    own_corpus.add(tmp_path / "blank.png")
    blank = Hit(1, "blank.png:1", "blank.png", 1, 1.0, {"visual": 1.0}, "", query="invoice")
    shown = search.show([blank], 0, "text", None, SOMEBODY)
    assert "no single spot" in shown[search.remark]
    assert shown[search.page]["value"] is not None
    assert "no single spot" not in search.show([blank], 0, PLAIN, None, SOMEBODY)[search.remark]


THUMB = re.compile(r'data-grade="(\d)" aria-pressed="(\w+)"[^>]*aria-label="([^"]+)"')


def test_hits_show_what_was_judged_of_them_before() -> None:
    hits = [Hit(rank, f"a.pdf:{rank}", "a.pdf", rank, 1.0, {"bm25": 1.0}, "", query='"why"') for rank in (1, 2, 3)]
    shown = fragments.hit_list(hits, [None] * 3, {"a.pdf:1": 2, "a.pdf:2": 0}, current=1)
    assert THUMB.findall(shown) == [
        ("1", "true", "Passage 1 of a.pdf answers the question"),
        ("0", "false", "Passage 1 of a.pdf does not answer the question"),
        ("1", "false", "Passage 2 of a.pdf answers the question"),
        ("0", "true", "Passage 2 of a.pdf does not answer the question"),
        ("1", "false", "Passage 3 of a.pdf answers the question"),
        ("0", "false", "Passage 3 of a.pdf does not answer the question"),
    ]
    assert 'data-query="&quot;why&quot;"' in shown
    assert re.findall(r'data-pick="(\d)" aria-current', shown) == ["1"]
    assert "data-grade" not in fragments.hit_list(hits, [None] * 3)


def test_judgements_that_cannot_be_read_or_kept_are_told_and_search_goes_on(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    (tmp_path / "a.txt").write_text("the lighthouse keeper")
    corpus.add(tmp_path / "a.txt")
    search, _ = tabs(corpus)
    Judgements(corpus.path).judge("lighthouse", "a.txt:1", 1)
    hits = search.search("lighthouse", "auto", 5, [], "", SOMEBODY)[search.hits]
    rated: Any = SimpleNamespace(query="lighthouse", key="a.txt:1", grade=0)
    search.rate(hits, 0, rated, SOMEBODY)
    assert Judgements(corpus.path).grades("lighthouse") == {"a.txt:1": 0}

    (tmp_path / "corpus" / "judgements" / "queries.jsonl").write_text("broken")
    shown = search.search("lighthouse", "auto", 5, [], "", SOMEBODY)
    assert "line 1 is not a question" in shown[search.notice]
    assert "The best match by" in shown[search.notice]
    assert "data-grade" not in shown[search.cards]
    failed = search.rate(hits, 0, rated, SOMEBODY)
    assert "line 1 is not a question" in failed[search.notice]
    assert [pressed for _, pressed, _ in THUMB.findall(failed[search.cards])] == ["false", "false"]


def test_searching_goes_on_while_documents_are_added(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus", text_encoder="none", dense_encoder="none")
    search, documents = tabs(corpus)
    files = []
    for number in range(40):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"a passage about lighthouse number {number}")
        files.append((str(path), path.name))
    assert "1 document added" in documents.add(files[:1], "", SOMEBODY, UNTOLD)[documents.report]
    reports: list[str] = []
    adding = threading.Thread(
        target=lambda: reports.append(documents.add(files, "", SOMEBODY, UNTOLD)[documents.report])
    )
    adding.start()
    while adding.is_alive():
        assert search.search("lighthouse", "auto", 5, [], "", SOMEBODY)[search.hits]
    adding.join()
    assert "39 documents added" in reports[0]
    assert len(search.search("lighthouse", "auto", 50, [], "", SOMEBODY)[search.hits]) == 40


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # gradio's, when it finds the port taken
def test_a_port_that_is_taken_is_refused_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(VdrError, match="Name another port"):
        in_a_loop(lambda: ui.serve(Corpus(tmp_path / "corpus"), port=taken.getsockname()[1]))
    gc.collect()


# --- in the browser --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        if os.environ.get("VDR_REQUIRE_BROWSER") == "1":
            pytest.fail("VDR_REQUIRE_BROWSER is set, but there is no chromium, chromium-browser or google-chrome")
        pytest.skip("needs Chromium: put chromium, chromium-browser or google-chrome on the PATH")
    from playwright.sync_api import sync_playwright

    quiet = ["background-networking", "component-update", "sync"]
    arguments = ["--no-sandbox", "--disable-gpu", "--no-first-run", *(f"--disable-{what}" for what in quiet)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@contextmanager
def answering(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Run a command in the log's folder, from when it says that the app answers; end it in any case."""
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stderr=stderr, cwd=log.parent, env={**os.environ, **environment}) as process,
    ):
        try:
            for _ in range(3_000):  # a slow machine needs minutes to index the samples
                if "answers at" in log.read_text() or process.poll() is not None:
                    break
                threading.Event().wait(0.1)
            assert "answers at" in log.read_text(), log.read_text()
            yield
        finally:
            process.terminate()


@contextmanager
def running(folder: Path, *, settings: str = "", environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run the app in a process of its own on the corpus in this folder, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = f"import sys; from vdr import Corpus, ui; ui.serve(Corpus(sys.argv[1]{settings}), port=int(sys.argv[2]))"
    command = [sys.executable, "-c", program, str(folder / "corpus"), str(port)]
    log = folder / "log"
    with answering(command, log, environment or {}):
        yield f"http://127.0.0.1:{port}/"
    assert "Traceback" not in log.read_text(), log.read_text()


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """The app on an empty corpus."""
    with running(tmp_path) as address:
        yield address


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The app at desktop size; afterwards nothing may have gone wrong in it, or gone out of it."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    page = context.new_page()
    wrong: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        wrong.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def told(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith((url, "data:", "blob:")):
            wrong.append(request.url)

    page.on("dialog", dismiss)
    page.on("console", told)
    page.on("request", asked)
    page.on("pageerror", lambda error: wrong.append(f"error {error}"))
    page.goto(url, timeout=SLOW)
    yield page
    context.close()
    assert not wrong


@pytest.mark.browser
def test_upload_ask_look_and_delete(page: Page, tmp_path: Path) -> None:
    keeper = write_pdf(
        tmp_path / "harbour.pdf",
        ["Fish is sold on the quay each morning.", "Market days", "Boats come in at dawn."],
        [ANSWER, "People of the harbour", "A new crane was painted green last spring.", "Tea is served at four."],
        ["Ropes are stored in the northern shed.", "Stores", "Paint is kept under lock."],
    )
    hostile = write_pdf(tmp_path / HOSTILE, ["Bees make honey from clover.", "Gardening"])
    broken = tmp_path / "broken.pdf"
    broken.write_text("no PDF at all")

    # an empty corpus leads to the upload; the report says what became of each file
    page.locator("#files input[type=file]").set_input_files([keeper, hostile, broken], timeout=QUICK)
    page.locator(".report").wait_for(timeout=SLOW)
    page.locator("table.documents").wait_for(timeout=QUICK)
    report = page.locator(".report").inner_text()
    assert "2 documents added, 4 pages" in report
    assert re.search(r"Refused\s+broken\.pdf is not a PDF", report)
    assert page.locator("table.documents td.name").all_inner_texts() == [HOSTILE, "harbour.pdf"]

    # the first hit opens by itself: the right page
    page.get_by_role("button", name="Ask a question").click()
    ask(page, "When did the lighthouse keeper retire?")
    assert page.locator("#hits .card").first.locator(".title").inner_text() == "1 harbour.pdf"
    assert page.locator("#hits .card").first.locator(".where").inner_text().startswith("Page 2 · fused")
    assert page.locator("#caption h2").inner_text() == "harbour.pdf"
    assert page.locator("#caption .page").inner_text() == "Page 2"
    lit = picture(page)

    # the spot is scrolled into sight; the address keeps the question, and asks it again
    page.wait_for_function(f"() => {ANSWER_SHOWN} > 60 && {ANSWER_SHOWN} < window.innerHeight - 60", timeout=QUICK)
    assert page.evaluate("window.scrollY") > 0
    assert page.url.endswith("?q=When+did+the+lighthouse+keeper+retire%3F")
    page.reload()
    page.locator("#hits .card").first.wait_for(timeout=SLOW)
    assert page.locator("#query").locator("input, textarea").input_value() == "When did the lighthouse keeper retire?"
    assert page.locator("#caption .page").inner_text() == "Page 2"
    page.wait_for_function("document.querySelector('#page img')?.complete", timeout=QUICK)
    np.testing.assert_array_equal(picture(page), lit)

    # and it is lit up: the plain page is without it
    assert choose(page, "#view", "Plain page")
    plain = picture(page)
    at_answer, elsewhere = differences(lit, plain)
    assert at_answer > 10
    assert at_answer > 5 * elsewhere

    # one word of the query lights up less than all of it
    assert choose(page, "#view", "Meaning")
    assert choose(page, "#words", "lighthouse")
    one_word = picture(page)
    assert np.abs(one_word - lit).max() > 50
    assert 0 < differences(one_word, plain)[0] < at_answer

    # another hit opens on a click, whatever its document is called
    ask(page, "What do bees make from clover?")
    card = page.locator("#hits .card", has_text=HOSTILE)
    assert card.get_attribute("aria-current") == "true"
    assert page.locator("#caption h2").inner_text() == HOSTILE
    page.locator("#hits .card").last.click()
    page.locator("#caption h2", has_text="harbour.pdf").wait_for(timeout=QUICK)

    # nothing is asked: a hint, and the results stay
    page.locator("#query").locator("input, textarea").fill("  ")
    page.keyboard.press("Enter")
    page.get_by_text("The query is empty.").wait_for(timeout=QUICK)
    page.wait_for_timeout(1_000)  # in which nothing scrolls away from it
    told = page.get_by_text("The query is empty.").bounding_box()
    assert told is not None and 0 <= told["y"] < 900

    # a question too long for an address stays out of it
    page.locator("#query").locator("input, textarea").fill("so " * 14_000)
    page.keyboard.press("Enter")
    page.get_by_text("up to 1,000").wait_for(timeout=QUICK)
    page.wait_for_function("() => !window.location.search", timeout=QUICK)

    # the phone: nothing sticks out
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, "When did the lighthouse keeper retire?")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#page img").bounding_box()["width"] <= 390  # type: ignore[index]
    page.get_by_role("tab", name="Documents").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1400, "height": 900})

    # deleting asks first
    page.locator("table.documents tr", has_text="onerror").get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete 1 document …").click()
    page.locator("#keep").click()
    page.locator("#confirm").wait_for(state="hidden", timeout=QUICK)
    page.locator("#delete").click()
    page.locator("#confirm").click()
    page.get_by_text("Deleted 1 document.").wait_for(timeout=QUICK)
    page.locator("table.documents td.name", has_text=HOSTILE).wait_for(state="detached", timeout=QUICK)
    assert page.locator("table.documents td.name").all_inner_texts() == ["harbour.pdf"]
    page.get_by_role("tab", name="Search").click()
    ask(page, "What do bees make from clover?")
    assert set(page.locator("#hits .title").all_inner_texts()) <= {f"{rank} harbour.pdf" for rank in (1, 2, 3)}


def ask(page: Page, query: str) -> None:
    """Search with the Enter key, and wait until the hits of this search are there."""
    before = page.locator("ol.hits").get_attribute("data-search") if page.locator("ol.hits").count() else ""
    page.locator("#query").locator("input, textarea").fill(query)
    page.keyboard.press("Enter")
    page.locator(f"ol.hits:not([data-search='{before}'])").wait_for(timeout=QUICK)
    page.wait_for_function("document.querySelector('#page img')?.complete", timeout=QUICK)


def choose(page: Page, group: str, name: str) -> bool:
    """Click one of a row of choices, and wait for another picture."""
    before = page.locator("#page img").get_attribute("src")
    page.locator(f"{group} label", has_text=re.compile(f"^ *{name} *$")).click()
    page.wait_for_function("src => document.querySelector('#page img').src !== src", arg=before, timeout=QUICK)
    return page.locator("#page img").get_attribute("src") != before


def picture(page: Page) -> NDArray[np.int16]:
    """Return the pixels of the page that is shown."""
    source = page.locator("#page img").get_attribute("src")
    assert source
    with Image.open(io.BytesIO(page.request.get(source).body())) as image:
        return np.asarray(image.convert("RGB"), np.int16)


def differences(one: NDArray[np.int16], other: NDArray[np.int16]) -> tuple[float, float]:
    """Return the mean difference of two pictures of a page inside the answer's box, and outside."""
    assert one.shape == other.shape
    scale = one.shape[0] / HEIGHT
    left, bottom = ANSWER_AT
    inside = np.zeros(one.shape[:2], bool)
    inside[
        int((HEIGHT - bottom - 14) * scale) : int((HEIGHT - bottom + 4) * scale), int(left * scale) : one.shape[1]
    ] = 1
    difference = np.abs(one - other).mean(axis=2)
    return float(difference[inside].mean()), float(difference[~inside].mean())
