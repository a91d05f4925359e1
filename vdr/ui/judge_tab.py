"""The judge tab: drafted questions, to be confirmed by a click each. Knows nothing of how they are drafted."""

from __future__ import annotations

from typing import Any, TypeAlias

import gradio as gr

from vdr import chat, questions
from vdr.corpus import Corpus
from vdr.errors import NotFound, VdrError
from vdr.judgements import Draft, Judgements
from vdr.store import Store
from vdr.ui import answers, fragments
from vdr.ui.picture import page_picture
from vdr.ui.visitors import Corpora

Updates: TypeAlias = dict[Any, Any]
Undone: TypeAlias = tuple[Draft, str | None]
"""The draft that was dealt with last, and the text it was confirmed with; None where it was skipped."""

COUNT = 30
"""Questions drafted at a time."""


class JudgeTab:
    """Builds the tab's components where it is made, and answers their events.

    Args:
        corpora: Whose documents the questions are about.
    """

    def __init__(self, corpora: Corpora) -> None:
        self._corpora = corpora
        self.tally = gr.HTML(apply_default_css=False, elem_id="tally")
        self.notice = gr.HTML(apply_default_css=False, elem_id="judge-notice")
        self.shown = gr.State(None)
        self.last = gr.State(None)
        with gr.Row(elem_classes="results"):
            with gr.Column(scale=3, min_width=300):
                self.question = gr.HTML(apply_default_css=False, elem_id="draft")
                self.edited = gr.Textbox(
                    label="Question", show_label=False, container=False, visible=False, lines=2, elem_id="edited"
                )
                with gr.Row(elem_classes="verdict"):
                    self.good = gr.Button("Good question", variant="primary", visible=False, elem_id="good")
                    self.edit = gr.Button("Edit", visible=False, min_width=80, elem_id="edit")
                    self.skip = gr.Button("Skip", visible=False, min_width=80, elem_id="skip")
                self.undo = gr.Button("Undo the last one", visible=False, size="sm", elem_id="undo")
                self.more = gr.Button(f"Draft {COUNT} questions", variant="primary", visible=False, elem_id="more")
            with gr.Column(scale=5, min_width=320):
                self.page = page_picture("judged-page", download=False, visible=False)
                self.passage = gr.HTML(apply_default_css=False)
        self._wire()

    def _wire(self) -> None:
        quick: dict[str, Any] = {"outputs": self.outputs, "show_progress": "hidden", "api_visibility": "private"}
        gr.on([self.good.click, self.edited.submit], self.confirm, [self.shown, self.edited], **quick)
        self.skip.click(self.put_away, self.shown, **quick)
        self.undo.click(self.take_back, self.last, **quick)
        self.edit.click(self.start_editing, self.shown, **quick)
        self.more.click(
            self.draft,
            None,
            self.outputs,
            show_progress_on=self.notice,
            concurrency_id="draft",
            concurrency_limit=1,
            api_visibility="private",
        )

    @property
    def outputs(self) -> list[Any]:
        """The components that events update."""
        buttons = [self.good, self.edit, self.skip, self.undo, self.more]
        return [self.tally, self.notice, self.shown, self.last, self.question, self.edited, *buttons, *self._picture]

    @property
    def _picture(self) -> list[Any]:
        return [self.page, self.passage]

    # --- events ------------------------------------------------------------------------------------------

    def refresh(self, shown: Draft | None, visitor: gr.Request) -> Updates:
        """Show how far the judging is; the question stays if it still waits, being edited maybe."""
        corpus = self._corpora.reading(visitor)
        try:
            waiting, judged = _waiting(corpus), len(Judgements(corpus.path))
            if shown in waiting:
                return {self.tally: answers.tally(judged, len(waiting))}
            return self._next(corpus)
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def confirm(self, shown: Draft | None, edited: str, visitor: gr.Request) -> Updates:
        """Make the question a judged one, and show the next."""
        if shown is None:
            return {}
        try:
            with self._corpora.writing(visitor) as corpus:
                Judgements(corpus.path).confirm(shown, edited)
            return self._next(corpus, (shown, edited))
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def put_away(self, shown: Draft | None, visitor: gr.Request) -> Updates:
        """Skip the question, and show the next."""
        if shown is None:
            return {}
        try:
            with self._corpora.writing(visitor) as corpus:
                Judgements(corpus.path).skip(shown)
            return self._next(corpus, (shown, None))
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def take_back(self, last: Undone | None, visitor: gr.Request) -> Updates:
        """Show the last question again, as if it had not been dealt with."""
        if last is None:
            return {}
        draft, text = last
        try:
            with self._corpora.writing(visitor) as corpus:
                Judgements(corpus.path).reopen(draft, text)
            return self._show(corpus, draft, None)
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem")}

    def start_editing(self, shown: Draft | None) -> Updates:
        """Let the question be edited; it is confirmed as it then is."""
        if shown is None:
            return {}
        return {
            self.edited: gr.update(visible=True, autofocus=True),
            self.edit: gr.update(visible=False),
        }

    def draft(self, visitor: gr.Request, progress: gr.Progress = gr.Progress()) -> Updates:  # noqa: B008
        """Draft questions, and show the first."""
        progress(0, "Reading the documents")
        made = 0
        try:
            with self._corpora.writing(visitor) as corpus:
                judgements = Judgements(corpus.path)
                drafts = questions.draft(Store(corpus.path), COUNT, chat=chat.from_environment(), judgements=judgements)
                for draft in drafts:
                    made += judgements.propose([draft])
                    progress(made / COUNT, f"{made} drafted")
            if made:
                return self._next(corpus)
            told = "There is nothing more to draft from: no heading, table title or caption that is not known already."
            return {self.notice: fragments.notice(told)}
        except VdrError as error:
            problem = fragments.notice(str(error), "problem")
            return {**(self._next(self._corpora.reading(visitor)) if made else {}), self.notice: problem}

    # --- one question ------------------------------------------------------------------------------------

    def _next(self, corpus: Corpus, last: Undone | None = None) -> Updates:
        waiting = _waiting(corpus)
        return self._show(corpus, waiting[0] if waiting else None, last)

    def _show(self, corpus: Corpus, draft: Draft | None, last: Undone | None) -> Updates:
        picture, text = None, ""
        if draft:
            try:
                picture = corpus.page_image(draft.key)
            except NotFound:
                text = corpus.text(draft.key)
        documents = len(corpus.documents())
        there = draft is not None
        return {
            self.tally: answers.tally(len(Judgements(corpus.path)), len(_waiting(corpus))),
            self.notice: "",
            self.shown: draft,
            self.last: last,
            self.question: answers.draft(draft, picture is not None) if draft else answers.nothing_to_judge(documents),
            self.edited: gr.update(value=draft.text if draft else "", visible=False),
            **{button: gr.update(visible=there) for button in (self.good, self.edit, self.skip)},
            self.undo: gr.update(visible=last is not None),
            self.more: gr.update(visible=not there and documents > 0),
            self.page: gr.update(value=picture, visible=picture is not None),
            self.passage: fragments.passage(text, ()),
        }


def _waiting(corpus: Corpus) -> list[Draft]:
    """Return the drafts that wait, less those whose document or page is gone."""
    pages = {document.name: document.pages for document in corpus.documents()}

    def is_there(draft: Draft) -> bool:
        doc, _, page = draft.key.rpartition(":")
        return page.isdecimal() and 0 < int(page) <= pages.get(doc, 0)

    return [draft for draft in Judgements(corpus.path).drafts() if is_there(draft)]
