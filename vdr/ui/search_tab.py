"""The search tab: ask, see the hits, see why. Knows nothing of uploads, files or how a page is ranked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import gradio as gr
from PIL import Image

from vdr import explain
from vdr.corpus import Corpus
from vdr.errors import JudgementError, NotFound, VdrError
from vdr.judgements import Judgements
from vdr.types import DocumentInfo, Explanation, Hit
from vdr.ui import fragments
from vdr.ui.picture import page_picture
from vdr.ui.scores import CHANNELS
from vdr.ui.scripts import ADDRESS, PICK, RATE, SCROLL
from vdr.ui.visitors import Corpora

Update: TypeAlias = Any
"""A new value or new settings for a component."""
Updates: TypeAlias = dict[Any, Update]

PLAIN = "plain"
WHOLE_QUERY = -1
EVERY_COLLECTION = ""
MODES = {
    "auto": "Auto",
    "visual": "Picture (visual)",
    "text": "Meaning (text)",
    "dense": "Passages (dense)",
    "bm25": "Exact words (BM25)",
    "hybrid": "All of them (hybrid)",
}
K = 5
"""Results, unless another number is chosen."""
LISTED = 1_000
"""Documents that are listed to choose from; the names of others are typed."""
AT_ONCE = 4
"""Searches that may run side by side."""


class SearchTab:
    """Builds the tab's components where it is made, and answers their events.

    Args:
        corpora: What visitors search.
        examples: Questions to offer.
        empty: Whether there is nothing to search yet.
    """

    def __init__(self, corpora: Corpora, examples: Sequence[str], *, empty: bool) -> None:
        self._corpora = corpora
        self._examples = tuple(examples)
        with gr.Row(elem_classes="ask"):
            self.query = gr.Textbox(
                placeholder="What do you want to know?",
                label="Question",
                show_label=False,
                container=False,
                autofocus=True,
                max_lines=1,
                scale=1,
                elem_id="query",
            )
            self.go = gr.Button("Search", variant="primary", scale=0, min_width=110, elem_id="go")
        with gr.Accordion("Options", open=False, elem_classes="options"):
            self.mode = gr.Radio([("Auto", "auto")], value="auto", label="Match by", elem_id="mode")
            with gr.Row():
                self.k = gr.Dropdown([5, 10, 20, 50], value=K, label="Results", min_width=110, scale=0)
                self.docs = gr.Dropdown(
                    [], value=[], multiselect=True, label="Only in these documents (none: in all)", scale=2
                )
                self.collection = gr.Dropdown(
                    [("All collections", EVERY_COLLECTION)], value=EVERY_COLLECTION, label="Collection", visible=False
                )
        self.notice = gr.HTML(apply_default_css=False, elem_id="notice")
        self.welcome = gr.HTML(
            fragments.welcome(empty, examples),
            js_on_load=PICK,
            apply_default_css=False,
            elem_id="welcome",
        )
        self.hits = gr.State([])
        self.opened = gr.State(0)
        with gr.Row(visible=False, elem_classes="results") as self.results:
            with gr.Column(scale=2, min_width=300):
                self.cards = gr.HTML(js_on_load=PICK + RATE, apply_default_css=False, elem_id="hits")
            with gr.Column(scale=5, min_width=320):
                self._build_page()
        self._wire()

    def _build_page(self) -> None:
        self.caption = gr.HTML(apply_default_css=False, elem_id="caption")
        with gr.Row(elem_classes="why"):
            self.view = gr.Radio([], label="Show", container=False, elem_id="view", elem_classes="switch")
            self.word = gr.Radio([], label="Query word", container=False, elem_id="words", elem_classes="chips")
        self.remark = gr.HTML(apply_default_css=False, elem_id="remark")
        self.page = page_picture("page")
        self.spot = gr.Number(visible=False)
        self.passage = gr.HTML(apply_default_css=False, elem_id="passage")

    def _wire(self) -> None:
        shown = [self.caption, self.view, self.word, self.remark, self.page, self.spot, self.passage]
        searching: dict[str, Any] = {
            "fn": self.search,
            "inputs": [self.query, self.mode, self.k, self.docs, self.collection],
            "outputs": [self.notice, self.welcome, self.results, self.hits, self.opened, self.cards, *shown],
            "show_progress_on": self.notice,
            "show_progress": "minimal",
            "concurrency_limit": AT_ONCE,
            "api_visibility": "private",
        }
        looking: dict[str, Any] = {
            "show_progress": "hidden",
            "trigger_mode": "always_last",
            "concurrency_limit": AT_ONCE,
            "api_visibility": "private",
        }
        address: dict[str, Any] = {"fn": None, "inputs": self.query, "js": ADDRESS, "api_visibility": "private"}
        self.scroll = scroll = {"fn": None, "inputs": self.spot, "js": SCROLL, "api_visibility": "private"}
        gr.on([self.query.submit, self.go.click], **searching).then(**address).then(**scroll)
        chosen = self.welcome.select(self.example, None, self.query, **looking)
        chosen.then(**searching).then(**address).then(**scroll)
        self.cards.select(self.open, self.hits, [self.opened, *shown], **looking).then(**scroll)
        outputs = [self.query, *searching["outputs"]]  # for the app, once a page has loaded; then it scrolls, too
        self.linked: dict[str, Any] = {**searching, "fn": self.from_address, "inputs": None, "outputs": outputs}
        self.cards.like(
            self.rate,
            [self.hits, self.opened],
            [self.notice, self.cards],
            show_progress="hidden",
            trigger_mode="multiple",
            concurrency_limit=1,
            api_visibility="private",
        )
        gr.on(
            [self.view.input, self.word.input],
            self.show,
            [self.hits, self.opened, self.view, self.word],
            [self.word, self.remark, self.page, self.spot, self.passage],
            **looking,
        ).then(**scroll)

    # --- events ------------------------------------------------------------------------------------------

    def refresh(self, documents: Sequence[DocumentInfo]) -> Updates:
        """Return what the tab offers, now that the corpus holds these documents."""
        channels = {channel for document in documents for channel in document.channels}
        modes = ["auto", *(mode for mode in MODES if mode in channels), "bm25"]
        if channels:
            modes.append("hybrid")
        collections = sorted({document.collection for document in documents} - {""})
        every = [("All collections", EVERY_COLLECTION), *((name, name) for name in collections)]
        return {
            self.welcome: fragments.welcome(False, self._examples)
            if documents
            else gr.update(value=fragments.welcome(True, ()), visible=True),
            self.results: gr.skip() if documents else gr.update(visible=False),
            self.mode: gr.update(choices=[(MODES[mode], mode) for mode in modes], value="auto"),
            self.docs: _documents([document.name for document in documents]),
            self.collection: gr.update(choices=every, value=EVERY_COLLECTION, visible=bool(collections)),
        }

    @property
    def refreshed(self) -> list[Any]:
        """The components that `refresh` updates."""
        return [self.welcome, self.results, self.mode, self.docs, self.collection]

    def example(self, picked: gr.EventData) -> str:
        """Return the example that was clicked."""
        return self._examples[int(picked.index)]

    def search(self, query: str, mode: Any, k: int, docs: list[str], collection: str, visitor: gr.Request) -> Updates:
        """Search, and open the first hit."""
        corpus = self._corpora.reading(visitor)
        try:
            hits = corpus.search(query, int(k), mode=mode, docs=docs or None, collection=collection or None)
            pictures = [_picture(corpus, hit) for hit in hits]
            opened = self._open(corpus, hits[0]) if hits else {self.spot: None}
        except VdrError as error:
            return {self.notice: fragments.notice(str(error), "problem"), self.spot: None}
        grades, problem = _judged(corpus, query)
        skipped = "".join(fragments.notice(f"Left out: {skip.name} ({skip.reason}).") for skip in hits.trace.skipped)
        return {
            self.notice: fragments.summary(hits) + skipped + fragments.notice(problem, "problem"),
            self.welcome: gr.update(visible=False) if hits else gr.skip(),
            self.results: gr.update(visible=bool(hits)),
            self.hits: list(hits),
            self.opened: 0,
            self.cards: fragments.hit_list(hits, pictures, grades),
            **opened,
        }

    def from_address(self, visitor: gr.Request) -> Updates:
        """Ask what the page's address asks, `?q=...`, if it does and there is something to search."""
        query = visitor.query_params.get("q", "").strip()
        if not query or not self._corpora.reading(visitor).documents():
            return {self.opened: gr.skip()}
        return {self.query: query, **self.search(query, "auto", K, [], EVERY_COLLECTION, visitor)}

    def open(self, hits: list[Hit], picked: gr.EventData, visitor: gr.Request) -> Updates:
        """Open the hit that was clicked."""
        index = int(picked.index)
        try:
            return {self.opened: index, **self._open(self._corpora.reading(visitor), hits[index])}
        except VdrError as error:
            return {self.remark: fragments.notice(str(error), "problem"), self.spot: None}

    def show(self, hits: list[Hit], index: int, view: str, word: int | None, visitor: gr.Request) -> Updates:
        """Show the open hit by another channel, for another word of the query, or plain."""
        try:
            return self._show(self._corpora.reading(visitor), hits[index], view, WHOLE_QUERY if word is None else word)
        except VdrError as error:
            return {self.remark: fragments.notice(str(error), "problem"), self.spot: None}

    def rate(self, hits: list[Hit], index: int, rated: gr.EventData, visitor: gr.Request) -> Updates:
        """Keep whether a hit answers the query; the browser shows it already, and is told where that failed."""
        try:
            with self._corpora.writing(visitor) as corpus:
                Judgements(corpus.path).judge(str(rated.query), str(rated.key), _GRADES[rated.grade])
            return {self.notice: gr.skip()}
        except VdrError as error:
            corpus = self._corpora.reading(visitor)
            grades, _ = _judged(corpus, str(rated.query))
            shown = fragments.hit_list(hits, [_picture(corpus, hit) for hit in hits], grades or {}, index)
            return {self.notice: fragments.notice(str(error), "problem"), self.cards: shown}

    # --- one hit -----------------------------------------------------------------------------------------

    def _open(self, corpus: Corpus, hit: Hit) -> Updates:
        is_page = _picture(corpus, hit) is not None
        views = [(CHANNELS[name].name, name) for name in hit.channels if name in CHANNELS]
        plain = ("Plain page" if is_page else "Plain text", PLAIN)
        return {
            **self._show(corpus, hit, views[0][1], WHOLE_QUERY),
            self.caption: fragments.caption(hit, is_page),
            self.view: gr.update(choices=[*views, plain], value=views[0][1]),
        }

    def _show(self, corpus: Corpus, hit: Hit, view: str, word: int) -> Updates:
        explanation, remark = None, ""
        if view != PLAIN:
            try:
                explanation = corpus.explain(hit, channel=view)
            except NotFound:  # the page has nothing in this channel to explain
                remark = "Found by its picture as a whole: there is no single spot to light up."
        picture = _picture(corpus, hit)
        token = None if word == WHOLE_QUERY else word
        if picture is None:
            marked = explain.matched(explanation, token) if explanation else ()
            text = fragments.passage(corpus.text(hit.key), marked)
            remark = remark if text else "This page has neither a picture nor text."
        else:
            text = ""
        spot = None
        if picture and explanation and explanation.boxes is not None:
            picture, spot = explain.draw(picture, explanation, token), explain.spot(explanation, token)
        return {
            self.word: _words(explanation, word),
            self.remark: fragments.notice(remark),
            self.page: gr.update(value=picture, visible=picture is not None),
            self.spot: spot,
            self.passage: text,
        }


_GRADES: dict[Any, int | None] = {1: 1, 0: 0, None: None}


def _judged(corpus: Corpus, query: str) -> tuple[dict[str, int] | None, str]:
    """Return what was judged for a query, None where nothing can be; and what is wrong with it, empty for nothing."""
    try:
        judgements = Judgements(corpus.path)
    except JudgementError:  # an object store
        return None, ""
    try:
        return judgements.grades(query), ""
    except JudgementError as error:
        return None, str(error)


def _picture(corpus: Corpus, hit: Hit) -> Image.Image | None:
    try:
        return corpus.page_image(hit.key)
    except NotFound:
        return None


def _documents(names: Sequence[str]) -> Update:
    """Return what the choice of documents offers."""
    more = len(names) > LISTED
    label = f"the first {LISTED:,} of {len(names):,} are listed, type others" if more else "none: in all"
    return gr.update(
        choices=names[:LISTED], value=[], allow_custom_value=more, label=f"Only in these documents ({label})"
    )


def _words(explanation: Explanation | None, word: int) -> Update:
    if explanation is None:
        return gr.update(visible=False)
    words = [("Whole query", WHOLE_QUERY), *((token, index) for index, token in enumerate(explanation.tokens))]
    return gr.update(choices=words, value=word, visible=True)
