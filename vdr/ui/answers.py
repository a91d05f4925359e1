"""Answers and drafted questions to HTML, escaped. Knows nothing of gradio, of the corpus or of a chat model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from PIL import Image

from vdr.answer import Answer, Cited, pieces
from vdr.judgements import Draft
from vdr.types import Hit
from vdr.ui.fragments import card, counted, notice, place

AIM = 30
"""Judged questions that are enough to compare two ways of searching."""
SOURCES = {
    "heading": "from a heading on it",
    "title": "from its title",
    "table": "from the title of a table on it",
    "figure": "from the caption of a figure on it",
    "model": "by a language model that read it",
}


def answer(told: Answer, pictures: Sequence[Image.Image | None], current: int) -> str:
    """Return an answer with its citations as buttons, and the pages that were sent as cards.

    Args:
        told: The answer.
        pictures: The page of each of its hits, or None where it has none.
        current: The page that is open.
    """
    body = "".join(
        "".join(_citation(told, number, current) for number in piece.numbers)
        if isinstance(piece, Cited)
        else escape(piece)
        for piece in pieces(told.text)
    )
    warnings = ""
    if told.unknown:
        numbers = ", ".join(map(str, told.unknown))
        warnings += notice(f"The answer cites what was not sent ({numbers}): nothing backs it there.", "problem")
    if not told.cited:
        warnings += notice("The answer cites no page.", "problem")
    if told.cut:
        warnings += notice("The answer breaks off: the model stopped at a limit of length.", "problem")
    about = dict.fromkeys(told.cited, "cited")
    cards = "".join(
        f"<li>{card(hit, picture, index, about.get(index + 1, 'not cited'), is_open=index == current)}</li>"
        for index, (hit, picture) in enumerate(zip(told.hits, pictures, strict=True))
    )
    return (
        f'<div class="answer" role="status"><p dir="auto">{body}</p>{warnings}</div>'
        f'{notice(f"{told.model} was sent these pages:")}<ol class="hits sent">{cards}</ol>'
    )


def opened(hit: Hit, is_page: bool) -> str:
    """Return the title of the page that is open."""
    return (
        f'<div class="caption"><h2>{escape(hit.doc)}</h2><p><span class="page">{place(hit, is_page)}</span></p></div>'
    )


def tally(judged: int, waiting: int) -> str:
    """Return how many questions are judged and how many drafts wait, as a line with a bar."""
    drafts = f"{counted(waiting, 'draft')} wait{'s' * (waiting == 1)}"
    then = "Enough to compare: run vdr eval." if judged >= AIM else f"{AIM} are enough to compare by."
    return (
        f'<p class="tally" role="status"><span><b>{judged:,}</b> judged</span>'
        f'<span class="bar" aria-hidden="true"><i style="width:{min(100, 100 * judged // AIM)}%"></i></span>'
        f"<span>{drafts}</span><span>{then}</span></p>"
    )


def draft(waiting: Draft, is_page: bool) -> str:
    """Return a question to be looked at, and the page that is said to answer it."""
    doc, _, page = waiting.key.rpartition(":")
    where = f"{'Page' if is_page else 'Passage'} {escape(page)} of {escape(doc)}"
    source = SOURCES.get(waiting.source, "from it")
    return (
        f'<div class="draft" role="status"><h2 dir="auto">{escape(waiting.text)}</h2>'
        f"<p>{where} should answer it. Drafted {source}.</p></div>"
    )


def nothing_to_judge(documents: int) -> str:
    """Return what the tab shows while no draft waits."""
    if not documents:
        return notice("There are no documents to ask about yet. Add some first.")
    return notice(
        "No drafts wait. Draft questions about your documents here and confirm the good ones, or judge hits with the "
        "thumbs beside them when you search. Judged questions tell which settings find the most on your documents."
    )


def _citation(told: Answer, number: int, current: int) -> str:
    if number not in told.citations:
        return f'<span class="unsent" title="No page was sent as {number}">[{number}: not sent]</span>'
    hit = told.citations[number]
    marked = ' aria-current="true"' if number - 1 == current else ""
    return (
        f'<button type="button" class="cite" data-pick="{number - 1}"{marked} '
        f'title="{escape(hit.key)}" aria-label="Source {number}: page {hit.page} of {escape(hit.doc)}">'
        f"{number}</button>"
    )
