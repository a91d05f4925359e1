"""The Hugging Face Space: what its build reads, and the app as it runs there."""

from __future__ import annotations

import re
import socket
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import gradio as gr
import pytest
from huggingface_hub import metadata_load
from test_app import QUICK, SLOW, answering, ask, browser, write_pdf  # noqa: F401  # browser is a fixture
from tiny_models import tiny_colqwen2

from vdr import Corpus
from vdr.encode.visual.encoder import ON_CPU
from vdr.errors import VdrError
from vdr.ui import gpu
from vdr.ui.visitors import FOLDER, Apart

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parent.parent


# --- what the build reads --------------------------------------------------------------------------------


def named(requirement: str) -> str:
    """Return the normalized name in a requirement."""
    match = re.match(r"[\w.-]+", requirement)
    assert match, requirement
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def pins(file: str) -> dict[str, str]:
    lines = [line for line in (ROOT / file).read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {named(line): line for line in lines}


def test_requirements_are_the_projects_own_in_the_versions_it_is_tested_with() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    constraints = pins("constraints.txt")
    wanted = [named(dependency) for dependency in project["dependencies"]]
    assert pins("requirements.txt") == {name: constraints[name] for name in wanted}


def test_the_front_matter_names_what_is_there() -> None:
    front = metadata_load(ROOT / "README.md")  # the hub's own reader
    assert front
    assert (front["sdk"], front["app_file"]) == ("gradio", "app.py")
    assert f"gradio=={front['sdk_version']}" == pins("constraints.txt")["gradio"]
    assert (ROOT / front["app_file"]).is_file()
    assert tuple(map(int, front["python_version"].split("."))) >= (3, 11)
    assert len(front["short_description"]) <= 60  # what the hub takes


# --- a GPU on request ------------------------------------------------------------------------------------

SPACES = """
calls = []

def GPU(task):
    def borrowing(*arguments):
        calls.append(task.__name__)
        return task(*arguments)
    return borrowing
"""


@pytest.fixture
def spaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package `spaces` whose decorator writes down what it decorated."""
    (tmp_path / "spaces.py").write_text(SPACES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("VDR_CORPUS", str(tmp_path / "corpus"))
    monkeypatch.delitem(sys.modules, "spaces", raising=False)
    yield __import__("spaces")
    sys.modules.pop("spaces", None)


def test_a_visual_model_borrows_a_gpu_where_spaces_is_there(spaces: ModuleType, tmp_path: Path) -> None:
    checkpoint = tiny_colqwen2(tmp_path / "model")
    document = write_pdf(tmp_path / "a.pdf", ["A lighthouse."], ["A crane."])
    corpus = gpu.open_corpus(str(checkpoint), "none", "none")
    corpus.add(document)
    assert spaces.calls == ["encode_pages"]
    assert isinstance(corpus.encoder, gpu.Borrowing)
    assert corpus.encoder.pages_at_once == ON_CPU  # what is no call that encodes is the model's own
    assert not hasattr(corpus.encoder, "encode_texts")
    hits = corpus.search("lighthouse", mode="visual")
    assert spaces.calls == ["encode_pages", "encode_query"]
    assert hits == Corpus(text_encoder="none", dense_encoder="none").search("lighthouse", mode="visual")

    again = gpu.open_corpus(str(checkpoint), "none", "none")  # the model is checked against the corpus as it opens
    assert again.search("lighthouse", mode="visual") == hits
    assert spaces.calls == ["encode_pages", "encode_query", "encode_query"]


@pytest.mark.parametrize("encoder", [None, "", "none", "http://127.0.0.1:9/"])
def test_nothing_borrows_a_gpu_where_no_visual_model_runs_here(spaces: ModuleType, encoder: str | None) -> None:
    assert type(gpu.open_corpus(encoder)) is Corpus


def test_without_spaces_the_corpus_is_a_plain_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDR_CORPUS", str(tmp_path / "corpus"))
    assert type(gpu.open_corpus("some/model")) is Corpus


# --- visitors --------------------------------------------------------------------------------------------

ONE, OTHER = (gr.Request(session_hash=name) for name in ("one", "other"))


@pytest.fixture
def original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Corpus:
    """A corpus of one passage; temporary folders are made beside it."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "sample.txt").write_text("The lighthouse keeper retired.")
    corpus = Corpus(tmp_path / "corpus", text_encoder="none", dense_encoder="none")
    corpus.add(tmp_path / "sample.txt")
    return corpus


def copies(tmp_path: Path) -> int:
    return len(list((tmp_path / "tmp").glob(f"{FOLDER}*")))


def names(corpus: Corpus) -> list[str]:
    return [document.name for document in corpus.documents()]


def wait_until_gone(tmp_path: Path, seconds: float) -> None:
    end = time.monotonic() + seconds
    while copies(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert copies(tmp_path) == 0


def test_a_visitor_gets_a_copy_with_the_first_upload_and_only_so_many_get_one(original: Corpus, tmp_path: Path) -> None:
    apart = Apart(original, pages=5, visitors=1, keep=0.0, idle=60.0)
    assert apart.reading(ONE) is original
    assert copies(tmp_path) == 0
    with apart.writing(ONE) as own:
        (tmp_path / "own.txt").write_text("Bees make honey.")
        own.add(tmp_path / "own.txt")
        own.delete("sample.txt")
    assert names(apart.reading(ONE)) == ["own.txt"]
    assert names(apart.reading(OTHER)) == names(original) == ["sample.txt"]
    with pytest.raises(VdrError, match="no such limit"), apart.writing(OTHER):
        pass
    apart.left(OTHER)
    assert copies(tmp_path) == 1
    apart.left(ONE)
    wait_until_gone(tmp_path, 10)
    assert apart.reading(ONE) is original


def test_a_copy_stays_while_it_is_written_to_and_when_its_visitor_comes_back(original: Corpus, tmp_path: Path) -> None:
    apart = Apart(original, pages=5, visitors=1, keep=0.2, idle=60.0)
    with apart.writing(ONE) as own:
        apart.left(ONE)
        time.sleep(0.5)
        assert names(own) == ["sample.txt"]
    assert apart.reading(ONE) is own
    time.sleep(0.5)
    assert apart.reading(ONE) is own
    apart.left(ONE)
    wait_until_gone(tmp_path, 10)


def test_a_copy_of_nobody_heard_of_goes_away(original: Corpus, tmp_path: Path) -> None:
    with Apart(original, pages=5, visitors=1, keep=60.0, idle=0.1).writing(ONE):
        assert copies(tmp_path) == 1
    wait_until_gone(tmp_path, 10)


def test_a_visitor_may_add_so_many_pages(original: Corpus, tmp_path: Path) -> None:
    fits = write_pdf(tmp_path / "fits.pdf", ["A crane."], ["A rope."])
    large = write_pdf(tmp_path / "large.pdf", ["A shed."], ["A boat."], ["A net."], ["A buoy."])
    apart = Apart(original, pages=5, visitors=1, keep=0.0, idle=60.0)
    with apart.writing(ONE) as own:
        with pytest.raises(VdrError, match=r"room here for 5 pages of yours, and large\.pdf does not fit"):
            own.add([fits, large])
        assert names(own) == ["fits.pdf", "sample.txt"]
        assert {hit.doc for hit in own.search("crane boat")} == {"fits.pdf"}
    apart.left(ONE)
    wait_until_gone(tmp_path, 10)


# --- as it runs there ------------------------------------------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """`app.py` with the variables of a Space, in a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "tmp").mkdir()
    variables = {
        "SYSTEM": "spaces",
        "SPACE_ID": "somebody/vdr",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "VDR_CORPUS": str(tmp_path / "corpus"),
        "VDR_KEEP_MINUTES": "0.03",
        "TMPDIR": str(tmp_path / "tmp"),
    }
    log = tmp_path / "log"
    command = [sys.executable, str(ROOT / "app.py")]
    with answering(command, log, variables):
        yield f"http://127.0.0.1:{port}/"
    told = log.read_text()  # without the hub's own package gradio's reloading thread ends with a traceback
    assert told.count("Traceback") == told.count("`spaces` package is required to run hot-reloading"), told


def upload(page: Page, *files: Path) -> str:
    """Upload files, and return what the app says."""
    page.get_by_role("tab", name="Documents").click()
    page.locator("#files input[type=file]").set_input_files(files, timeout=QUICK)
    page.locator("#report :is(.report, .notice)").wait_for(timeout=SLOW)
    return page.locator("#report").inner_text()


@pytest.mark.browser
def test_each_visitor_has_documents_of_their_own(browser: Browser, url: str, tmp_path: Path) -> None:  # noqa: F811
    said = {"harbour.pdf": "Zanzibar cloves were stacked.", "orchard.pdf": "Quinces ripened beside walnuts."}
    visitors = {}
    for name, text in said.items():
        page = visitors[name] = browser.new_context().new_page()
        page.goto(url)
        page.get_by_text("Try one of these questions").wait_for(timeout=QUICK)
        ask(page, "How is the machine descaled?")
        assert page.locator("#caption h2").inner_text() == "espresso-machine-manual.pdf"
        assert copies(tmp_path) == len(visitors) - 1
        assert "1 document added" in upload(page, write_pdf(tmp_path / name, [text]))
    for name, page in visitors.items():
        [other] = set(said) - {name}
        listed = page.locator("table.documents td.name").all_inner_texts()
        assert name in listed and other not in listed and len(listed) == 8
        page.get_by_role("tab", name="Search").click()
        ask(page, said[name])
        assert page.locator("#caption h2").inner_text() == name
        ask(page, said[other])
        assert other not in "".join(page.locator("#hits .title").all_inner_texts())
        ask(page, "How is the machine descaled?")
        assert page.locator("#caption h2").inner_text() == "espresso-machine-manual.pdf"
    assert "There is room for 100 pages" in page.locator("#terms").text_content()  # type: ignore[operator]
    assert copies(tmp_path) == 2
    for page in visitors.values():
        page.context.close()
    wait_until_gone(tmp_path, 25)
