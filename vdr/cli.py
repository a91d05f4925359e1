"""The command line: a thin face over `Corpus`. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import io
import json
import logging
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.commands import asking, encoders, evaluation, export, maintenance, tuning
from vdr.commands.terminal import (
    BitsOption,
    Candidates,
    CollectionOption,
    CorpusOption,
    DenseEncoderOption,
    DocOption,
    EncoderOption,
    JsonOption,
    Mode,
    PoolOption,
    RerankOption,
    TextEncoderOption,
    open_corpus,
    progress_bar,
    tell,
    tell_trace,
)
from vdr.errors import VdrError

if TYPE_CHECKING:
    from vdr.types import Hit

app = typer.Typer(
    name="vdr",
    help="Visual document retrieval: index documents, ask a question, get the page that answers it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(evaluation.app)
app.add_typer(encoders.app)
app.add_typer(asking.app)
app.add_typer(export.app)
app.add_typer(maintenance.app)
app.add_typer(tuning.app)


class Renderer(StrEnum):
    """What draws the pages."""

    pdfium = "pdfium"
    poppler = "poppler"


def main() -> None:
    """Run the command line; an error of vdr's own becomes one line and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows another
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
    dense_encoder: DenseEncoderOption = None,
    collection: Annotated[str | None, typer.Option("--collection", help="Put the documents into it.")] = None,
    renderer: Annotated[Renderer, typer.Option("--renderer", help="What draws the pages.")] = Renderer.pdfium,
    bits: BitsOption = None,
    pool: PoolOption = None,
) -> None:
    """Index PDFs, images (PNG, JPEG, TIFF, WebP), .txt and .md files, and BEIR's corpus.jsonl.

    Files that are there already with the same bytes are skipped; other bytes under the same name replace.
    """
    opened = open_corpus(corpus, encoder, text_encoder, dense_encoder, bits=bits, pool=pool)
    with progress_bar() as progress:
        report = opened.add(paths, collection=collection, renderer=renderer.value, progress=progress)
    tell(report)
    if report.refused and not (report.added or report.skipped):
        raise typer.Exit(1)


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="A question or a few words.")],
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    dense_encoder: DenseEncoderOption = None,
    k: Annotated[int, typer.Option("-k", help="How many hits.", min=1)] = 5,
    mode: Annotated[Mode, typer.Option("--mode", help="How to rank.")] = Mode.auto,
    doc: DocOption = None,
    collection: CollectionOption = None,
    exact: Annotated[bool, typer.Option("--exact", help="Score every page exactly, in a large corpus too.")] = False,
    candidates: Annotated[
        Candidates | None, typer.Option("--candidates", help="Rank only the best pages of this channel.")
    ] = None,
    candidates_top: Annotated[int, typer.Option("--candidates-top", help="How many of them.", min=1)] = 200,
    rerank: RerankOption = None,
    rerank_top: Annotated[int, typer.Option("--rerank-top", help="How many pages it reads.", min=1)] = 30,
    deadline: Annotated[
        float | None,
        typer.Option("--deadline", help="Seconds; then it does without the reranker, then without the text channel."),
    ] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Tell on stderr what was done and how long it took.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print the pages that answer a question, best first."""
    opened = open_corpus(corpus, encoder, text_encoder, dense_encoder)
    hits = opened.search(
        query,
        k,
        mode=mode.value,
        docs=doc or None,
        collection=collection,
        exact=exact,
        candidates=candidates and candidates.value,
        candidates_top=candidates_top,
        rerank=rerank,
        rerank_top=rerank_top,
        deadline=deadline,
    )
    tell_trace(hits.trace, in_full=trace)
    if not opened.documents():
        print(f"The corpus {opened.path} is empty. `vdr index PATH...` fills it.", file=sys.stderr)
    if as_json:
        print(json.dumps([_hit(hit) for hit in hits], ensure_ascii=False, indent=2))
        return
    for hit in hits:
        print(f"{hit.rank:>3}. {hit.key}  {hit.score:.4f}" + (f"  [{hit.record}]" if hit.record else ""))
        print(f"     {hit.snippet or '(image only)'}{' (read on the picture)' if hit.from_picture else ''}")
    if not hits:
        print("Nothing found.", file=sys.stderr)


@app.command(name="list")
def list_documents(
    corpus: CorpusOption = None, collection: CollectionOption = None, as_json: JsonOption = False
) -> None:
    """List the documents of a corpus."""
    opened = open_corpus(corpus)
    documents = opened.documents(collection)
    if not documents:
        print(f"There are no documents in {opened.path}{f' [{collection}]' if collection else ''}.", file=sys.stderr)
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
    open_corpus(corpus).delete(*names)
    print(f"{len(set(names))} deleted.", file=sys.stderr)


@app.command()
def info(corpus: CorpusOption = None, as_json: JsonOption = False) -> None:
    """Tell a corpus's encoders, counts and bytes on disk."""
    found = open_corpus(corpus).info()
    if as_json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    print(f"corpus      {found.path}")
    print(f"documents   {found.documents:,}")
    print(f"pages       {found.pages:,}, {found.image_only:,} of them image only")
    for channel, pin in found.encoders.items():
        print(f"{channel:<11} {pin.name}, {pin.dim} dims, {pin.fingerprint}, {found.units.get(channel, 0):,} pages")
    if found.tuning:
        print(f"weights     {', '.join(f'{name} {weight:g}' for name, weight in found.tuning.weights.items())}")
    for name, took in found.latency.items():
        print(
            f"{name:<15} {took.p50:>8,.1f} ms median, {took.p95:,.1f} ms p95, {took.p99:,.1f} ms p99 "
            f"of {took.searches:,} logged searches"
        )
    for table, size in found.bytes.items():
        print(f"on disk     {size / 1e6:,.1f} MB {table}")


@app.command()
def serve(
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    dense_encoder: DenseEncoderOption = None,
    sample: Annotated[
        Path | None,
        typer.Option("--sample", help="A judged set to index first; its example questions are offered."),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65_535)] = 7860,
    rerank: RerankOption = None,
) -> None:
    """Serve the app in the browser: upload, search, see why."""
    opened = open_corpus(corpus, encoder, text_encoder, dense_encoder, rerank=rerank)
    examples: list[str] = []
    if sample:
        from vdr.evaluate import load_set

        chosen = load_set(sample)
        examples = [query.text for query in chosen.queries if query.example]
        with progress_bar() as progress:
            tell(opened.add(chosen.documents, progress=progress))
    from vdr import ui

    ui.serve(opened, host=host, port=port, examples=examples)


# --- helpers ---------------------------------------------------------------------------------------------


def _hit(hit: Hit) -> dict[str, object]:
    fields = asdict(hit)
    del fields["query"]
    if not hit.record:
        del fields["record"]
    if hit.span is None:
        del fields["span"]
    if not hit.from_picture:
        del fields["from_picture"]
    return fields


def _line(name: str, pages: int, collection: str, notes: list[str]) -> str:
    where = f"  [{collection}]" if collection else ""
    return f"{pages:>7,} pages  {name}{where}" + (f"  ({', '.join(notes)})" if notes else "")


if __name__ == "__main__":
    main()
