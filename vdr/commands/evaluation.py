"""The command that measures: judged queries in, figures out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.commands.terminal import (
    CorpusOption,
    EncoderOption,
    JsonOption,
    Mode,
    TextEncoderOption,
    open_corpus,
    progress_bar,
    tell,
)
from vdr.errors import JudgementError

if TYPE_CHECKING:
    from vdr.evaluate import Figures

app = typer.Typer()


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
    if run_file and not run_file.absolute().parent.is_dir():
        raise JudgementError(f"{run_file} cannot be written: there is no such folder. Make it first.")
    opened = open_corpus(corpus, encoder, text_encoder)
    with progress_bar() as progress:
        tell(opened.add(chosen.documents, progress=progress))
    rankings, times = evaluation.run(chosen.queries, lambda query, k: opened.search(query.text, k, mode=mode.value))
    if run_file:
        run_file.write_text(evaluation.trec_lines(evaluation.without_gaps(rankings, chosen)), "utf-8")
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
