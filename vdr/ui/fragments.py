"""Results to HTML: cards, passages, reports, lists. Everything that is not ours is escaped here, and only here.

Knows nothing of gradio, of the corpus or of where in the app a fragment is shown.
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Container, Sequence
from html import escape
from itertools import count
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from vdr.types import AddReport, DocumentInfo, Hit

LISTED = 200
"""Documents shown at a time; a filter narrows a longer list."""
OFFERED = 8
"""Example questions shown, taken evenly from all there are."""
THUMBNAIL = (220, 280)


class Score(NamedTuple):
    """A kind of score: its short name, what computes it, and how that works."""

    name: str
    method: str
    meaning: str


CHANNELS = {
    "visual": Score(
        "Picture", "MaxSim", "Over the words of the query, the sum of the best match among the page's patches"
    ),
    "text": Score("Meaning", "MaxSim", "Over the words of the query, the sum of the best match among the page's words"),
    "bm25": Score("Exact words", "BM25", "Words that the query and the page share, rare ones counting more"),
}
FUSED = Score(
    "Fused",
    "mean of standard scores",
    "The mean, over the channels that the page has, of how far its score lies above that of the other best pages",
)

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
    how = " and ".join(f"{kind.name.lower()} ({kind.method})" for kind in kinds)
    best = "The best match" if len(hits) == 1 else f"The {len(hits):,} best matches"
    return notice(f"{best} by {how}{f', put together by {FUSED.method}' if _is_fused(hits[0]) else ''}.")


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


def hit_list(hits: Sequence[Hit], pictures: Sequence[Image.Image | None]) -> str:
    """Return the hits as cards to click, the first one open.

    Args:
        hits: What the search found.
        pictures: The page of each hit, or None where it has none.
    """
    cards = "".join(
        f'<li><button type="button" class="card" data-pick="{index}"{_CURRENT if index == 0 else ""}>'
        f"{_thumbnail(picture)}<span class='about'>"
        f"<span class='title'><b>{hit.rank}</b> {escape(hit.doc)}</span>"
        f"<span class='where'>{_place(hit, picture is not None)} · {_score(hit)}</span>"
        f"<span class='snippet'>{escape(hit.snippet) or 'Image only: this page has no text layer.'}</span>"
        "</span></button></li>"
        for index, (hit, picture) in enumerate(zip(hits, pictures, strict=True))
    )
    # A fresh number, so that the same hits again still put the marker back on the first of them.
    return f'<ol class="hits" data-search="{next(_searches)}">{cards}</ol>' if cards else ""


def caption(hit: Hit, is_page: bool) -> str:
    """Return the open hit's title with its score in every channel that found it."""
    scores = [(CHANNELS[name], f"{score:.2f}") for name, score in hit.channels.items()]
    if _is_fused(hit):
        scores = [(FUSED, f"{hit.score:.4f}"), *scores]
    chips = "".join(
        f'<span class="score" title="{kind.method}: {escape(kind.meaning)}">{kind.name} <b>{value}</b></span>'
        for kind, value in scores
    )
    return (
        f'<div class="caption"><h2>{escape(hit.doc)}</h2>'
        f'<p><span class="page">{_place(hit, is_page)}</span>{chips}</p></div>'
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


_CURRENT = ' aria-current="true"'


def _place(hit: Hit, is_page: bool) -> str:
    place = f"{'Page' if is_page else 'Passage'} {hit.page}"
    return f"{place} · {escape(hit.record)}" if hit.record else place


def _is_fused(hit: Hit) -> bool:
    return hit.score not in hit.channels.values()


def _score(hit: Hit) -> str:
    if _is_fused(hit):
        return f"fused {hit.score:.3f}"
    return " ".join(f"{CHANNELS[name].method} {score:.2f}" for name, score in hit.channels.items())


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
    parts = [counted(document.pages, "page" if document.kind in ("pdf", "image") else "passage")]
    if document.image_only:
        parts.append(f"{document.image_only:,} image only (no text layer)")
    if document.unreadable:
        pages = ", ".join(map(str, document.unreadable))
        parts.append(f"page {pages} could not be rendered")
    return ", ".join(parts)
