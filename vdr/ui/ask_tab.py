"""The ask tab: a question, an answer from the best pages, and the pages it cites. Knows nothing of how it is made."""

from __future__ import annotations

from typing import Any, TypeAlias

import gradio as gr
from PIL import Image

from vdr import answer, chat
from vdr.answer import Answer
from vdr.corpus import Corpus
from vdr.errors import NotFound, VdrError
from vdr.types import Hit
from vdr.ui import answers, fragments
from vdr.ui.picture import page_picture
from vdr.ui.scripts import PICK
from vdr.ui.visitors import Corpora

Updates: TypeAlias = dict[Any, Any]

AT_ONCE = 4
"""Questions that may be answered side by side."""


class AskTab:
    """Builds the tab's components where it is made, and answers their events.

    Args:
        corpora: What visitors ask.
    """

    def __init__(self, corpora: Corpora) -> None:
        self._corpora = corpora
        missing = _missing()
        with gr.Row(elem_classes="ask", visible=not missing):
            self.asked = gr.Textbox(
                placeholder="What do you want to have answered?",
                label="Question",
                show_label=False,
                container=False,
                max_lines=1,
                scale=1,
                elem_id="asked",
            )
            self.send = gr.Button("Ask", variant="primary", scale=0, min_width=110, elem_id="send")
        self.notice = gr.HTML(fragments.notice(missing), apply_default_css=False, elem_id="ask-notice")
        self.sent = gr.State([])
        with gr.Row(visible=False, elem_classes="results") as self.results:
            with gr.Column(scale=3, min_width=300):
                self.answer = gr.HTML(js_on_load=PICK, apply_default_css=False, elem_id="answer")
            with gr.Column(scale=5, min_width=320):
                self.caption = gr.HTML(apply_default_css=False, elem_id="cited-caption")
                self.page = page_picture("cited-page")
                self.passage = gr.HTML(apply_default_css=False)
        shown = [self.caption, self.page, self.passage]
        gr.on(
            [self.asked.submit, self.send.click],
            self.ask,
            self.asked,
            [self.notice, self.results, self.answer, self.sent, *shown],
            show_progress_on=self.notice,
            show_progress="minimal",
            concurrency_limit=AT_ONCE,
            api_visibility="private",
        )
        self.answer.select(
            self.open,
            self.sent,
            [self.notice, *shown],
            show_progress="hidden",
            trigger_mode="always_last",
            api_visibility="private",
        )

    # --- events ------------------------------------------------------------------------------------------

    def ask(self, question: str, visitor: gr.Request) -> Updates:
        """Answer a question, and open the first page that is cited."""
        corpus = self._corpora.reading(visitor)
        try:
            model = chat.from_environment()
            if model is None:
                return {self.notice: fragments.notice(chat.HOW_TO, "problem")}
            told = answer.ask(corpus, question, model)
            current = next(iter(told.citations), 1) - 1
            return {
                self.notice: "",
                self.results: gr.update(visible=True),
                self.answer: _html(corpus, told, current),
                self.sent: list(told.hits),
                **self._open(corpus, told.hits[current]),
            }
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def open(self, sent: list[Hit], picked: gr.EventData, visitor: gr.Request) -> Updates:
        """Open the page that was clicked."""
        try:
            return {self.notice: "", **self._open(self._corpora.reading(visitor), sent[int(picked.index)])}
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def _open(self, corpus: Corpus, hit: Hit) -> Updates:
        picture = _picture(corpus, hit)
        return {
            self.caption: answers.opened(hit, picture is not None),
            self.page: gr.update(value=picture, visible=picture is not None),
            self.passage: "" if picture else fragments.passage(corpus.text(hit.key), ()),
        }


def _missing() -> str:
    """Return what is missing to ask a model, empty for nothing."""
    try:
        return "" if chat.from_environment() else f"Answers come from a chat model of your own. {chat.HOW_TO}"
    except VdrError as error:
        return str(error)


def _html(corpus: Corpus, told: Answer, current: int) -> str:
    return answers.answer(told, [_picture(corpus, hit) for hit in told.hits], current)


def _picture(corpus: Corpus, hit: Hit) -> Image.Image | None:
    try:
        return corpus.page_image(hit.key)
    except NotFound:
        return None
