"""The app in the browser: a thin face over `Corpus`. Knows nothing of files on disk, encoders or ranking."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import gradio as gr

from vdr.corpus import Corpus
from vdr.errors import VdrError
from vdr.ui import fragments, style
from vdr.ui.ask_tab import AskTab
from vdr.ui.documents_tab import DocumentsTab
from vdr.ui.judge_tab import JudgeTab
from vdr.ui.search_tab import SearchTab
from vdr.ui.visitors import Corpora, Together

__all__ = ["build", "launch", "serve"]

QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Settings of events that need no progress shown and are no API."""
HOUR = 3600


def build(corpus: Corpus, examples: Sequence[str] = (), corpora: Corpora | None = None) -> gr.Blocks:
    """Return the app.

    Args:
        corpus: What it shows first.
        examples: Questions to offer before the first search.
        corpora: What each visitor searches and adds to; None for that same corpus.
    """
    corpora = corpora or Together(corpus)
    cache = (HOUR, corpora.cache_hours * HOUR)  # how often it is swept, and of what age
    demo: gr.Blocks
    with gr.Blocks(title="vdr", analytics_enabled=False, delete_cache=cache, fill_width=True) as demo:
        header = gr.HTML(fragments.header(corpus.documents()), apply_default_css=False, elem_id="header")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Search", id="search"):
                search = SearchTab(corpora, examples, empty=not corpus.documents())
            with gr.Tab("Ask", id="ask"):
                AskTab(corpora)
            with gr.Tab("Judge", id="judge") as judging:
                judge = JudgeTab(corpora)
            with gr.Tab("Documents", id="documents"):
                documents = DocumentsTab(corpora)

        def refresh(visitor: gr.Request) -> dict[Any, Any]:
            held = corpora.reading(visitor).documents()
            return {header: fragments.header(held), **search.refresh(held), **documents.refresh(held)}

        outputs = [header, *search.refreshed, *documents.refreshed]
        changed: dict[str, Any] = {"fn": refresh, "outputs": outputs, **QUIET}
        writes: dict[str, Any] = {
            "show_progress_on": documents.report,
            "concurrency_id": "write",
            "concurrency_limit": 1,
            "api_visibility": "private",
        }
        uploaded = [documents.files, documents.collection]
        documents.files.upload(
            documents.add, uploaded, [documents.report, documents.files], trigger_mode="multiple", **writes
        ).then(**changed)
        documents.confirm.click(documents.remove, documents.selected, documents.report, **writes).then(**changed)

        def go_to(tab: str) -> dict[str, Any]:
            return {"fn": lambda: gr.update(selected=tab), "outputs": tabs, **QUIET}

        def first_tab(visitor: gr.Request) -> Any:
            # where there are documents the tab stays, which somebody may have chosen meanwhile
            return gr.skip() if corpora.reading(visitor).documents() else gr.update(selected="documents")

        judging.select(judge.refresh, judge.shown, judge.outputs, **QUIET)
        demo.load(**changed).then(first_tab, None, tabs, **QUIET).then(**search.linked).then(**search.scroll)
        demo.unload(corpora.left)
        documents.report.click(**go_to("search"))
        search.welcome.click(**go_to("documents"))
    return demo


def launch(demo: gr.Blocks, host: str | None = None, port: int | None = None, max_file_size: str | None = None) -> None:
    """Serve an app until it is interrupted, and say on stderr where, once it answers.

    Args:
        demo: What `build` returned.
        host: Address to listen on; None for `GRADIO_SERVER_NAME`, or this machine only.
        port: Port to listen on; None for `GRADIO_SERVER_PORT`, or the first free one from 7860.
        max_file_size: The largest file that may be uploaded, such as `20mb`; None for any.

    Raises:
        VdrError: The port is taken.
    """
    try:
        _, url, _ = demo.launch(
            server_name=host,
            server_port=port,
            max_file_size=max_file_size,
            prevent_thread_lock=True,
            quiet=True,
            share=False,
            run_history=False,
            mcp_server=False,
            ssr_mode=False,
            footer_links=[],
            theme=style.theme(),
            css=style.CSS,
            head=style.HEAD,
        )
    except OSError as error:
        raise VdrError(f"Cannot listen on {host}:{port} ({error}). Name another port with --port.") from error
    sys.stderr.write(f"vdr answers at {url}\n")
    sys.stderr.flush()
    demo.block_thread()


def serve(corpus: Corpus, host: str = "127.0.0.1", port: int = 7860, examples: Sequence[str] = ()) -> None:
    """Serve the app on a corpus until it is interrupted.

    Args:
        corpus: What it searches and adds to.
        host: Address to listen on.
        port: Port to listen on.
        examples: Questions to offer before the first search.

    Raises:
        VdrError: The port is taken.
    """
    launch(build(corpus, examples), host, port)
