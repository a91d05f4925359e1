"""Results to HTML: cards, passages, reports, lists. What is not ours is escaped here and in `answers`, and only there.

Knows nothing of gradio, of the corpus or of where in the app a fragment is shown.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Container, Mapping, Sequence
from html import escape
from itertools import count
from pathlib import Path

from PIL import Image

from vdr.documents import PAGED
from vdr.types import AddReport, DocumentInfo, Hit
from vdr.ui.scores import CHANNELS, FUSED, RERANK, SCORES

LISTED = 200
"""Documents shown at a time; a filter narrows a longer list."""
OFFERED = 8
"""Example questions shown, taken evenly from all there are."""
THUMBNAIL = (220, 280)

_searches = count()


# --- search ----------------------------------------------------------------------------------------------


def header(documents: Sequence[DocumentInfo]) -> str:
    """Return the line at the top: what this is and how much it holds."""
    pages = sum(document.pages for document in documents)
    holds = f"{counted(len(documents), 'document')} · {counted(pages, 'page')}" if documents else "No documents yet"
    return (
        '<div class="brand"><span class="glyph" aria-hidden="true"></span><strong>vdr</strong>'
        '<span class="claim">Ask your documents. Get the page, with the spot lit up.</span>'
        f'<span class="holds">{holds}</span></div>'
    )


def summary(hits: Sequence[Hit]) -> str:
    """Return one line that says what the scores of these hits are."""
    if not hits:
        return notice("Nothing found. Try other words, or another way to match under Options.")
    kinds = [kind for name, kind in CHANNELS.items() if any(name in hit.channels for hit in hits)]
    *others, last = (f"{kind.name.lower()} ({kind.method})" for kind in kinds)
    how = f"{', '.join(others)} and {last}" if others else last
    best = "The best match" if len(hits) == 1 else f"The {len(hits):,} best matches"
    fused = f", put together by {FUSED.method}" if len(kinds) > 1 or _is_fused(hits[0]) else ""
    read = any(RERANK in hit.channels for hit in hits)
    return notice(f"{best} by {how}{fused}{', the first of them read again by a reranker' if read else ''}.")


def welcome(empty: bool, examples: Sequence[str]) -> str:
    """Return what the search tab shows before the first search: how to begin, or questions to try."""
    if empty:
        return (
            '<div class="welcome"><h2>Start with a document</h2>'
            "<p>Drop in PDFs, images or text files. Then type a question here and see the page that answers it.</p>"
            '<button type="button" class="primary" data-event="click">Add documents</button></div>'
        )
    spread = range(0, len(examples), -(-len(examples) // OFFERED) or 1)
    chips = "".join(
        f'<li><button type="button" data-pick="{index}">{escape(examples[index])}</button></li>' for index in spread
    )
    title = "Try one of these questions" if chips else "Ask a question, or type a few words that are on the page"
    return f'<div class="welcome"><p class="lead">{title}</p><ul class="ideas">{chips}</ul></div>'


def notice(text: str, kind: str = "hint") -> str:
    """Return a line that tells the user something; `kind` is `hint` or `problem`."""
    return f'<p class="notice {kind}" role="status">{escape(text)}</p>' if text else ""


def hit_list(
    hits: Sequence[Hit],
    pictures: Sequence[Image.Image | None],
    grades: Mapping[str, int] | None = None,
    current: int = 0,
) -> str:
    """Return the hits as cards to click.

    Args:
        hits: What the search found.
        pictures: The page of each hit, or None where it has none.
        grades: What was judged of pages for this query before; None where nothing can be judged.
        current: The hit that is open.
    """
    cards = "".join(
        f"<li>{card(hit, picture, index, _score(hit), is_open=index == current)}"
        f"{'' if grades is None else _thumbs(hit, picture is not None, grades.get(hit.key))}</li>"
        for index, (hit, picture) in enumerate(zip(hits, pictures, strict=True))
    )
    # A fresh number, so that the same hits again still put the marker back on the open one.
    query = escape(hits[0].query) if hits else ""
    return f'<ol class="hits" data-search="{next(_searches)}" data-query="{query}">{cards}</ol>' if cards else ""


def card(hit: Hit, picture: Image.Image | None, index: int, about: str, *, is_open: bool) -> str:
    """Return a page as a card to click; `about` is said beside its number, as it is."""
    return (
        f'<button type="button" class="card" data-pick="{index}"{_CURRENT if is_open else ""}>'
        f"{_thumbnail(picture)}<span class='about'>"
        f"<span class='title'><b>{hit.rank}</b> {escape(hit.doc)}</span>"
        f"<span class='where'>{place(hit, picture is not None)} · {about}</span>"
        f"<span class='snippet'>{_snippet(hit)}</span>"
        "</span></button>"
    )


def _snippet(hit: Hit) -> str:
    if not hit.snippet:
        return "Image only: this page has no text layer."
    return f"{'<i>Read on the picture:</i> ' if hit.from_picture else ''}{escape(hit.snippet)}"


def caption(hit: Hit, is_page: bool) -> str:
    """Return the open hit's title with its score in every channel that found it."""
    scores = [(SCORES[name], f"{score:.2f}") for name, score in hit.channels.items()]
    if _is_fused(hit):
        scores = [(FUSED, f"{hit.score:.4f}"), *scores]
    chips = "".join(
        f'<span class="score" title="{kind.method}: {escape(kind.meaning)}">{kind.name} <b>{value}</b></span>'
        for kind, value in scores
    )
    return (
        f'<div class="caption"><h2>{escape(hit.doc)}</h2>'
        f'<p><span class="page">{place(hit, is_page)}</span>{chips}</p></div>'
    )


def passage(text: str, marked: Container[int]) -> str:
    """Return a text with some of its words marked.

    Args:
        text: As it is stored, line breaks included.
        marked: The words to mark; word `i` is the `i`-th item of `text.split()`.
    """
    words = count()

    def word(match: re.Match[str]) -> str:
        shown = escape(match[0])
        return f"<mark>{shown}</mark>" if next(words) in marked else shown

    body = re.sub(r"\S+", word, text)
    return f'<div class="passage" dir="auto">{body}</div>' if text else ""


_THUMB = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 11h4v9H3zM7 11l4-8a2.6 2.6 0 0 1 2.5 3l-.6 4h5.6a2 2 0 0 '
    '1 2 2.4l-1.3 6a2 2 0 0 1-2 1.6H7"/></svg>'
)
_CURRENT = ' aria-current="true"'


def place(hit: Hit, is_page: bool) -> str:
    """Return where in its document a hit is."""
    where = f"{'Page' if is_page else 'Passage'} {hit.page}"
    return f"{where} · {escape(hit.record)}" if hit.record else where


def _thumbs(hit: Hit, is_page: bool, grade: int | None) -> str:
    """Return the two buttons that judge a hit, one pressed where it was judged before."""
    up, down = grade is not None and grade > 0, grade == 0
    of = f"{place(hit, is_page)} of {escape(hit.doc)}"
    buttons = "".join(
        f'<button type="button" data-grade="{grade}" aria-pressed="{str(pressed).lower()}" title="{title}" '
        f'aria-label="{of} {verb} the question">{_THUMB}</button>'
        for grade, pressed, verb, title in (
            (1, up, "answers", "This answers the question: keep that for measuring"),
            (0, down, "does not answer", "This does not answer the question: keep that for measuring"),
        )
    )
    return f'<span class="rate" role="group" aria-label="Judge {of}" data-key="{escape(hit.key)}">{buttons}</span>'


def _is_fused(hit: Hit) -> bool:
    return RERANK not in hit.channels and hit.score not in hit.channels.values()


def _score(hit: Hit) -> str:
    if _is_fused(hit):
        return f"fused {hit.score:.3f}"
    if RERANK in hit.channels:
        return f"{RERANK} {hit.channels[RERANK]:.2f}"
    return " ".join(f"{SCORES[name].method} {score:.2f}" for name, score in hit.channels.items())


def _thumbnail(picture: Image.Image | None) -> str:
    if picture is None:
        return '<span class="sheet" aria-hidden="true">¶</span>'
    small = picture.copy()
    small.thumbnail(THUMBNAIL, reducing_gap=2.0)
    data = io.BytesIO()
    small.convert("RGB").save(data, "WEBP", quality=70)
    return f'<img alt="" src="data:image/webp;base64,{base64.b64encode(data.getvalue()).decode()}">'


# --- documents -------------------------------------------------------------------------------------------


def report(outcome: AddReport, doubles: int = 0) -> str:
    """Return what became of each uploaded file.

    Args:
        outcome: What `Corpus.add` reported.
        doubles: Files left out because a later one of the same name came with them.
    """
    fresh = [document for document in outcome.added if document.name not in outcome.replaced]
    replaced = [document for document in outcome.added if document.name in outcome.replaced]
    lines = [
        *(_told("refused", "Refused", Path(r.path).name, f"{r.reason}. {r.advice}") for r in outcome.refused),
        *(_told("added", "Added", document.name, _pages(document)) for document in fresh),
        *(_told("added", "Replaced", document.name, _pages(document)) for document in replaced),
        *(_told("skipped", "Skipped", name, "is here already, byte for byte") for name in outcome.skipped),
    ]
    if doubles:
        lines.append(_told("skipped", "Left out", counted(doubles, "file"), "with the name of another one"))
    if outcome.added:
        pages = sum(document.pages for document in outcome.added)
        title = f"{counted(len(outcome.added), 'document')} added, {counted(pages, 'page')}"
    else:
        title = "Nothing new was added"
    ask = '<button type="button" class="primary" data-event="click">Ask a question</button>' if outcome.added else ""
    return f'<div class="report" role="status"><header><h3>{title}</h3>{ask}</header><ul>{"".join(lines)}</ul></div>'


def document_table(documents: Sequence[DocumentInfo], wanted: str = "") -> str:
    """Return the documents whose name or collection has `wanted` in it, as a table with a box to tick in each row."""
    if not documents:
        return '<p class="notice hint">No documents yet. What you add is listed here.</p>'
    needle = wanted.strip().casefold()
    found = [d for d in documents if needle in d.name.casefold() or needle in d.collection.casefold()]
    if not found:
        return notice(f"No document has “{wanted.strip()}” in its name or collection.")
    rows = "".join(_row(document) for document in found[:LISTED])
    more = f"The first {LISTED} of {len(found):,}: type part of a name above to find others."
    return (
        '<table class="documents"><thead><tr><th><input type="checkbox" data-all aria-label="Select all shown"></th>'
        "<th>Document</th><th>Pages</th><th>Image only</th><th>Collection</th><th>Added</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>{notice(more) if len(found) > LISTED else ''}"
    )


def question(names: Sequence[str]) -> str:
    """Return the question that comes before documents are deleted."""
    what = f"“{names[0]}”" if len(names) == 1 else f"{len(names):,} documents, “{names[0]}” among them"
    return notice(f"Delete {what}? Their pages can no longer be found. Your own files stay where they are.", "problem")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "page"), counted(1200, "page")
    ('1 page', '1,200 pages')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _row(document: DocumentInfo) -> str:
    name = escape(document.name)
    unreadable = f" <small>({len(document.unreadable):,} unreadable)</small>" if document.unreadable else ""
    return (
        f'<tr><td><input type="checkbox" value="{name}" aria-label="Select {name}"></td>'
        f'<td class="name" dir="auto">{name}</td>'
        f'<td data-label="pages">{document.pages:,}{unreadable}</td>'
        f'<td data-label="image only">{f"{document.image_only:,}" if document.image_only else "–"}</td>'
        f"<td>{escape(document.collection) or '–'}</td>"
        f"<td>{escape(document.added_at[:10])}</td></tr>"
    )


def _told(kind: str, verb: str, name: str, rest: str) -> str:
    return f'<li class="{kind}"><b>{verb}</b> <span dir="auto">{escape(name)}</span> {escape(rest)}</li>'


def _pages(document: DocumentInfo) -> str:
    parts = [counted(document.pages, "page" if document.kind in PAGED else "passage")]
    if document.image_only:
        parts.append(f"{document.image_only:,} image only (no text layer)")
    if document.unreadable:
        pages = ", ".join(map(str, document.unreadable))
        parts.append(f"page {pages} could not be rendered")
    return ", ".join(parts)
