"""What the commands share: options, opening a corpus, telling on stderr what happens."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from vdr.corpus import Corpus
    from vdr.types import AddReport, Progress, Trace


class Mode(StrEnum):
    """How to rank."""

    auto = "auto"
    visual = "visual"
    text = "text"
    dense = "dense"
    bm25 = "bm25"
    hybrid = "hybrid"


class Candidates(StrEnum):
    """What finds the pages that are ranked."""

    visual = "visual"
    text = "text"
    dense = "dense"
    bm25 = "bm25"


CorpusOption = Annotated[
    str | None,
    typer.Option("--corpus", envvar="VDR_CORPUS", help="Folder or URI of the corpus.", show_default="per-user folder"),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder", help="For page images: vdr-mini, a folder, a hub id, a URL, or none.", show_default="corpus's own"
    ),
]
TextEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--text-encoder", help="For text: minilm, a folder, a hub id, a URL, or none.", show_default="corpus's own"
    ),
]
DenseEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--dense-encoder",
        help="For passages of text: granite, a folder, a hub id, a URL, or none.",
        show_default="corpus's own",
    ),
]
CollectionOption = Annotated[str | None, typer.Option("--collection", help="Only in this collection.")]
DocOption = Annotated[list[str] | None, typer.Option("--doc", help="Only in this document; may be repeated.")]
BitsOption = Annotated[
    int | None,
    typer.Option("--bits", help="Bits a number of a vector is kept in: 8, 4, 2, 1.", show_default="corpus's own, or 8"),
]
PoolOption = Annotated[
    int | None,
    typer.Option(
        "--pool", help="Similar vectors of a page merged into one: 1, 2, 3.", show_default="corpus's own, or 1"
    ),
]
RerankOption = Annotated[
    str | None,
    typer.Option(
        "--rerank",
        envvar="VDR_RERANK",
        help="Sort the best pages by a reranker: a folder, a hub id, cohere:MODEL, voyage:MODEL, jina:MODEL.",
        show_default="none",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def open_corpus(
    corpus: str | None,
    encoder: str | None = None,
    text_encoder: str | None = None,
    dense_encoder: str | None = None,
    bits: int | None = None,
    pool: int | None = None,
    rerank: str | None = None,
) -> Corpus:
    """Open the corpus a command is about."""
    from vdr.corpus import Corpus

    return Corpus(
        corpus,
        encoder=encoder,
        text_encoder=text_encoder,
        dense_encoder=dense_encoder,
        bits=bits,
        pool=pool,
        rerank=rerank,
    )


def tell(report: AddReport) -> None:
    """Say on stderr what became of each file that needs a word, then the sum."""
    from vdr.documents import PAGED

    for refusal in report.refused:
        print(f"refused  {refusal}", file=sys.stderr)
    for name in report.replaced:
        print(f"replaced {name}: it was there with other bytes, another collection or fewer channels", file=sys.stderr)
    for document in report.added:
        if document.unreadable:
            pages = ", ".join(map(str, document.unreadable))
            print(
                f"warning  {document.name}: could not render page {pages}; stored without a picture",
                file=sys.stderr,
            )
    image_only = sum(document.image_only for document in report.added if document.kind in PAGED)
    if image_only:
        print(
            f"note     {image_only} added pages are image only: no text layer, found by what a visual encoder sees",
            file=sys.stderr,
        )
    if report.ignored:
        print(
            f"note     {len(report.ignored)} files of other kinds in the folders were left alone",
            file=sys.stderr,
        )
    print(f"{report}", file=sys.stderr)


def tell_trace(trace: Trace, *, in_full: bool) -> None:
    """Say on stderr what of a search was left out; in full, also what was done and how a reranker moved pages."""
    if in_full:
        for stage in trace.stages:
            print(f"{stage.milliseconds:>9.1f} ms  {stage.name}, {stage.pages:,} pages", file=sys.stderr)
        for move in trace.moves:
            score = "no score" if move.score is None else f"{move.score:.4f}"
            print(f"rerank    {move.before:>3} -> {move.after:<3} {score:>9}  {move.key}", file=sys.stderr)
        print(f"{trace.milliseconds:>9.1f} ms  in all", file=sys.stderr)
    for skip in trace.skipped:
        print(f"note     without {skip.name}: {skip.reason}", file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator[Callable[[Progress], None]]:
    """Show a bar for the documents and the page at work, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents"),
        TimeElapsedColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading files", total=None)

        def update(progress: Progress) -> None:
            page = f"{progress.page}/{progress.pages}" if progress.pages else str(progress.page)
            name = progress.document if len(progress.document) <= 40 else "…" + progress.document[-39:]
            text = f"{name} page {page}".replace("[", "\\[")
            bars.update(task, description=text, completed=progress.documents_done, total=progress.documents)

        yield update
