"""The command line: a thin face over `Corpus`. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.errors import VdrError

if TYPE_CHECKING:
    from vdr.corpus import Corpus
    from vdr.evaluate import Figures
    from vdr.types import AddReport, Hit, Progress

app = typer.Typer(
    name="vdr",
    help="Visual document retrieval: index documents, ask a question, get the page that answers it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Mode(StrEnum):
    """How to rank."""

    auto = "auto"
    visual = "visual"
    text = "text"
    bm25 = "bm25"
    hybrid = "hybrid"


class Renderer(StrEnum):
    """What draws the pages."""

    pdfium = "pdfium"
    poppler = "poppler"


CorpusOption = Annotated[
    str | None,
    typer.Option("--corpus", envvar="VDR_CORPUS", help="Folder or URI of the corpus.", show_default="per-user folder"),
]
EncoderOption = Annotated[
    str | None,
    typer.Option("--encoder", help="For page images: a folder, a hub id, or none.", show_default="the corpus's own"),
]
TextEncoderOption = Annotated[
    str | None,
    typer.Option("--text-encoder", help="For text: minilm, a folder, a hub id, or none.", show_default="minilm"),
]
CollectionOption = Annotated[str | None, typer.Option("--collection", help="Only in this collection.")]
DocOption = Annotated[list[str] | None, typer.Option("--doc", help="Only in this document; may be repeated.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command line; an error of vdr's own becomes one line and exit code 1."""
    try:
        app()
    except VdrError as error:
        print(f"vdr: {error}", file=sys.stderr)
        sys.exit(1)


@app.callback()
def options(
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell what is going on.")] = False,
) -> None:
    """Set up logging for all commands."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


@app.command()
def index(
    paths: Annotated[list[str], typer.Argument(help="Files, folders and globs.", metavar="PATH...")],
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    collection: Annotated[str, typer.Option("--collection", help="Put the documents into this collection.")] = "",
    renderer: Annotated[Renderer, typer.Option("--renderer", help="What draws the pages.")] = Renderer.pdfium,
) -> None:
    """Index PDFs, images (PNG, JPEG, TIFF, WebP), .txt and .md files, and BEIR's corpus.jsonl.

    Files that are there already with the same bytes are skipped; other bytes under the same name replace.
    """
    opened = _open(corpus, encoder, text_encoder)
    with _progress() as progress:
        report = opened.add(paths, collection=collection, renderer=renderer.value, progress=progress)
    _tell(report)
    if report.refused and not (report.added or report.skipped):
        raise typer.Exit(1)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question or a few words.")],
    corpus: CorpusOption = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.", min=1)] = 5,
    mode: Annotated[Mode, typer.Option("--mode", help="How to rank.")] = Mode.auto,
    doc: DocOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the pages that answer a question, best first."""
    hits = _open(corpus).search(query, k, mode=mode.value, docs=doc, collection=collection)
    if as_json:
        print(json.dumps([_hit(hit) for hit in hits], ensure_ascii=False, indent=2))
        return
    for hit in hits:
        print(f"{hit.rank:>3}. {hit.key}  {hit.score:.4f}" + (f"  [{hit.record}]" if hit.record else ""))
        print(f"     {hit.snippet or '(image only)'}")
    if not hits:
        print("Nothing found.", file=sys.stderr)


@app.command(name="list")
def list_documents(
    corpus: CorpusOption = None, collection: CollectionOption = None, as_json: JsonOption = False
) -> None:
    """List the documents of a corpus."""
    documents = _open(corpus).documents(collection)
    if as_json:
        print(json.dumps([asdict(document) for document in documents], ensure_ascii=False, indent=2))
        return
    for document in documents:
        notes = [f"{document.image_only} image only"] if document.image_only else []
        notes += [f"{len(document.unreadable)} unreadable"] if document.unreadable else []
        print(_line(document.name, document.pages, document.collection, notes))


@app.command()
def delete(
    names: Annotated[list[str], typer.Argument(help="Documents, as `vdr list` shows them.", metavar="NAME...")],
    corpus: CorpusOption = None,
) -> None:
    """Remove documents and all that belongs to them."""
    _open(corpus).delete(*names)
    print(f"{len(names)} deleted.", file=sys.stderr)


@app.command()
def info(corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Tell a corpus's encoders, counts and bytes on disk."""
    found = _open(corpus).info()
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    print(f"corpus      {found.path}")
    print(f"documents   {found.documents:,}")
    print(f"pages       {found.pages:,}, {found.image_only:,} of them image only")
    for channel, pin in found.encoders.items():
        print(f"{channel:<11} {pin.name}, {pin.dim} dims, {pin.fingerprint}, {found.units.get(channel, 0):,} pages")
    for table, size in found.bytes.items():
        print(f"on disk     {size / 1e6:,.1f} MB {table}")


@app.command()
def models() -> None:
    """List encoders: those that come with vdr, and checkpoints known to work by folder or hub id."""
    from vdr.encode.catalogue import CATALOGUE

    for model in CATALOGUE:
        print(f"{model.channel:<7} {model.name:<42} {model.note}")


@app.command(name="eval")
def evaluate(
    judged_set: Annotated[Path, typer.Argument(help="Folder in BEIR layout.", metavar="SET")],
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    mode: Annotated[Mode, typer.Option("--mode", help="How to rank.")] = Mode.auto,
    run_file: Annotated[Path | None, typer.Option("--run", help="Write the rankings here, TREC format.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on judged queries: index what the corpus lacks, search, print nDCG, recall, MRR and latency.

    Queries whose metadata says `mentions_page` count only within their document.
    """
    from vdr import evaluate as evaluation

    chosen = evaluation.load_set(judged_set)
    opened = _open(corpus, encoder, text_encoder)
    with _progress() as progress:
        _tell(opened.add(chosen.documents, progress=progress))
    rankings, times = evaluation.run(chosen.queries, lambda query, k: opened.search(query.text, k, mode=mode.value))
    if run_file:
        run_file.write_text(evaluation.trec_lines(rankings), "utf-8")
    anywhere = {query.id: rankings[query.id] for query in chosen.queries if not query.names_page}
    results = {"all": evaluation.figures(anywhere, chosen.qrels, times)} if anywhere else {}
    inside = [query for query in chosen.queries if query.doc]
    if inside:
        rankings, times = evaluation.run(
            inside, lambda query, k: opened.search(query.text, k, mode=mode.value, docs=[query.doc or ""])
        )
        results["within document"] = evaluation.figures(rankings, chosen.qrels, times)
    if as_json:
        print(json.dumps({"mode": mode.value, **{name: asdict(result) for name, result in results.items()}}, indent=2))
    else:
        _print_figures(mode.value, results)


@app.command()
def serve(
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", help="A judged set to index first; its example questions are offered."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 7860,
) -> None:
    """Serve the app in the browser: upload, search, see why."""
    opened = _open(corpus, encoder, text_encoder)
    examples: list[str] = []
    if sample:
        from vdr.evaluate import load_set

        chosen = load_set(sample)
        examples = [query.text for query in chosen.queries if query.example]
        with _progress() as progress:
            _tell(opened.add(chosen.documents, progress=progress))
    from vdr import ui

    ui.serve(opened, host=host, port=port, examples=examples)


# --- helpers ---------------------------------------------------------------------------------------------


def _open(corpus: str | None, encoder: str | None = None, text_encoder: str | None = None) -> Corpus:
    from vdr.corpus import Corpus

    return Corpus(corpus, encoder=encoder, text_encoder=text_encoder)


def _hit(hit: Hit) -> dict[str, object]:
    fields = asdict(hit)
    del fields["query"]
    if not hit.record:
        del fields["record"]
    return fields


def _line(name: str, pages: int, collection: str, notes: list[str]) -> str:
    where = f"  [{collection}]" if collection else ""
    return f"{pages:>7,} pages  {name}{where}" + (f"  ({', '.join(notes)})" if notes else "")


def _tell(report: AddReport) -> None:
    """Say on stderr what became of each file that needs a word, then the sum."""
    for refusal in report.refused:
        print(f"refused  {refusal}", file=sys.stderr)
    for document in report.added:
        if document.unreadable:
            pages = ", ".join(map(str, document.unreadable))
            print(
                f"warning  {document.name}: could not render page {pages}; stored without a picture",
                file=sys.stderr,
            )
    image_only = sum(document.image_only for document in report.added if document.kind in ("pdf", "image"))
    if image_only:
        print(f"note     {image_only} added pages are image only: no text layer to search", file=sys.stderr)
    if report.ignored:
        print(
            f"note     {len(report.ignored)} files of other kinds in the folders were left alone",
            file=sys.stderr,
        )
    print(f"{report}", file=sys.stderr)


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
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


def _print_figures(mode: str, results: dict[str, Figures]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"mode {mode}")
    table.add_column("")
    for name in results:
        table.add_column(name, justify="right")
    table.add_row("queries", *(str(result.queries) for result in results.values()))
    for measure in next(iter(results.values())).measures:
        table.add_row(measure, *(f"{result.measures[measure]:.3f}" for result in results.values()))
    for percentile in ("p50", "p95", "max"):
        cells = (f"{result.latency_ms[percentile]:.0f} ms" for result in results.values())
        table.add_row(f"latency {percentile}", *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
