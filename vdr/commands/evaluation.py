"""The command that measures: judged queries in, figures out."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.commands.terminal import JsonOption, progress_bar, tell
from vdr.errors import JudgementError, NotFound

if TYPE_CHECKING:
    from vdr.corpus import Corpus
    from vdr.evaluate import JudgedSet
    from vdr.evaluate.experiment import Measured, Scope
    from vdr.types import Run

app = typer.Typer()


@app.command(name="eval")
def evaluate(
    judged_set: Annotated[
        Path | None,
        typer.Argument(
            help="Folder in BEIR, TREC or ViDoRe (parquet) layout; without it, what was judged in the app.",
            metavar="[SET]",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", help="Folder or URI of the corpus; several are compared. [env var: VDR_CORPUS]"),
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option("--encoder", help="For page images, of all corpora or one for each.")
    ] = None,
    text_encoder: Annotated[
        list[str] | None, typer.Option("--text-encoder", help="For text, of all corpora or one for each.")
    ] = None,
    dense_encoder: Annotated[
        list[str] | None, typer.Option("--dense-encoder", help="For passages of text, likewise.")
    ] = None,
    mode: Annotated[
        list[str] | None,
        typer.Option(
            "--mode",
            help="How to rank: auto, visual, text, dense, bm25, hybrid, or stages: CANDIDATES,MODE,RERANKER. "
            "Several are compared.",
            show_default="auto",
        ),
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="A saved run to compare with, TREC format.")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Also by a key of the queries' metadata, or by text_layer.")
    ] = None,
    report_file: Annotated[
        list[Path] | None, typer.Option("--report", help="Write a report here, .html or .md.")
    ] = None,
    run_file: Annotated[
        Path | None,
        typer.Option("--run", help="Write the rankings here, TREC format; of several systems, into a folder."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure on judged queries: index what the corpus lacks, search, print nDCG, recall, MRR and latency.

    Several modes, corpora or saved runs are compared with the first one, saved runs first.
    Queries whose metadata says `mentions_page` count only within their document.
    """
    from vdr.commands import figures, systems
    from vdr.evaluate import experiment, load_set, pages
    from vdr.evaluate.slices import TEXT_LAYER, slices, text_layer

    pipelines = [systems.pipeline(text) for text in dict.fromkeys(mode or ["auto"])]
    for file in report_file or ():
        pages.check(file)
    if run_file and not run_file.absolute().parent.is_dir():
        raise JudgementError(f"{run_file} cannot be written: there is no such folder. Make it first.")
    chosen = load_set(judged_set) if judged_set else None
    opened = systems.open_corpora(corpus, encoder, text_encoder, dense_encoder)
    if chosen is None:
        chosen = _own_judgements(opened[0])
    keys = list(dict.fromkeys(by or ()))
    groups = dict(slices(chosen.queries, [key for key in keys if key != TEXT_LAYER]))
    saved = [experiment.saved(file.name, _saved_run(file, chosen), chosen) for file in against or ()]
    for one in opened:
        _index(one, chosen)
    compared = systems.systems(opened, pipelines)
    _check_names([*(run.system for run in saved), *(system.name for system in compared)])
    measured = experiment.measure(compared, chosen)
    if run_file:
        _write_runs(run_file, measured, chosen)
    if TEXT_LAYER in keys or report_file:
        groups[TEXT_LAYER] = text_layer(chosen.queries, chosen.qrels, lambda unit: _text(opened[0], unit))
    every = slices(chosen.queries) if report_file else {}
    found = experiment.scopes([*saved, *measured], every | groups)
    if report_file:
        _write_reports(report_file, judged_set, opened, found, chosen)
    if as_json:
        print(json.dumps(figures.as_json(found, pipelines[0].name, keys), indent=2))
    else:
        texts = {query.id: query.text for query in chosen.queries}
        figures.print_figures(found, texts, f"mode {pipelines[0].name}", keys)


@app.command(name="mteb")
def run_mteb(
    names: Annotated[
        list[str], typer.Argument(help="Tasks or benchmarks as mteb names them: 'ViDoRe(v3)'.", metavar="TASK...")
    ],
    encoder: Annotated[str | None, typer.Option("--encoder", help="For page images.", show_default="vdr-mini")] = None,
    text_encoder: Annotated[str | None, typer.Option("--text-encoder", help="For text.", show_default="minilm")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where mteb keeps the results.", show_default="mteb's own cache")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run an encoder on tasks of mteb, whose data comes from the Hugging Face hub: ViDoRe v1 to v3, NanoBEIR."""
    from vdr import mteb

    def tell_score(score: mteb.Score) -> None:
        print(f"{score.task}  {score.measure} {score.value:.3f}  {score.encoder}", file=sys.stderr)

    scores = mteb.evaluate(names, encoder=encoder, text_encoder=text_encoder, folder=folder, tell=tell_score)
    if as_json:
        print(json.dumps([asdict(score) for score in scores], indent=2))
    else:
        print(f"mean of {len(scores)} tasks  {sum(score.value for score in scores) / len(scores):.3f}")


# --- what is measured on ------------------------------------------------------------------------------------


def _own_judgements(corpus: Corpus) -> JudgedSet:
    """Return what was judged in the app, or by `vdr questions`, of a corpus."""
    from vdr.evaluate import load_set
    from vdr.judgements import Judgements

    judgements = Judgements(corpus.path)
    if not len(judgements):
        raise JudgementError(
            f"Nothing was judged yet in {corpus.path}. Judge hits in the app (`vdr serve`), or name a judged set."
        )
    return load_set(judgements.folder)


def _index(corpus: Corpus, judged: JudgedSet) -> None:
    """Index what the corpus lacks of a set's documents."""
    if judged.documents:
        with progress_bar() as progress:
            tell(corpus.add(judged.documents, progress=progress))
    elif not corpus.documents():
        raise JudgementError(
            f"The judged set has no documents, and the corpus {corpus.path} is empty. Index them first."
        )
    else:
        print("note     the judged set has no documents: the corpus is searched as it is", file=sys.stderr)


def _check_names(names: Sequence[str]) -> None:
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise JudgementError(f"Two things to compare are called {twice}. Rename the saved run, or name a corpus once.")


def _saved_run(file: Path, judged: JudgedSet) -> Run:
    """Read a saved run and say what it lacks."""
    from vdr.evaluate import read_run

    rankings = read_run(file, judged.qrels)
    missing = sum(query.id not in rankings for query in judged.queries)
    if missing:
        message = f"note     {file} lacks {missing} of {len(judged.queries)} queries, which count with 0 for it"
        print(message, file=sys.stderr)
    return rankings


def _text(corpus: Corpus, unit: str) -> str:
    """Return the text layer of a page; a unit that is no page of the corpus is a record, which is text."""
    try:
        return corpus.text(unit, from_picture=False)
    except NotFound:
        return unit


# --- what is written -------------------------------------------------------------------------------------


def _write_runs(file: Path, measured: Sequence[Measured], judged: JudgedSet) -> None:
    """Write the rankings over all documents: one system's to the file, several systems' into a folder."""
    from vdr.evaluate import trec_lines, without_gaps

    try:
        if len(measured) > 1:
            file.mkdir(exist_ok=True)
        for one in measured:
            name = "-".join(one.system.replace("/", " ").replace("\\", " ").split())
            path = file / f"{name}.trec" if len(measured) > 1 else file
            path.write_text(trec_lines(without_gaps(one.rankings, judged)), "utf-8")
    except OSError as error:
        raise JudgementError(f"{file} cannot be written ({error.strerror}). Several runs need a folder.") from error


def _write_reports(
    files: Sequence[Path],
    judged_set: Path | None,
    corpora: Sequence[Corpus],
    scopes: Sequence[Scope],
    judged: JudgedSet,
) -> None:
    from vdr.evaluate.pages import write
    from vdr.evaluate.report import report

    name = judged_set.absolute().name if judged_set else f"judgements of {Path(corpora[0].path).name}"
    judgements = sum(len(judged.qrels[query.id]) for query in judged.queries)
    facts = {
        "judged set": f"{name}, {len(judged.queries)} queries, {judgements} judgements",
        "measured": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, vdr {metadata.version('vdr')}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
    }
    for corpus in corpora:
        info = corpus.info()
        encoders = ", ".join(f"{channel} {pin.name} ({pin.fingerprint})" for channel, pin in info.encoders.items())
        facts[f"corpus {info.path}"] = f"{info.documents:,} documents, {info.pages:,} pages; {encoders}"
    blocks = report(f"Evaluation on {name}", facts, scopes, judged)
    for file in files:
        for path in write(file, blocks):
            print(f"wrote {path}", file=sys.stderr)
