"""The command that tidies a corpus up."""

from __future__ import annotations

import sys

import typer

from vdr.commands.terminal import CorpusOption, open_corpus

app = typer.Typer()


@app.command()
def optimize(corpus: CorpusOption = None) -> None:
    """Compact the corpus, bring its indexes up to date, take what was deleted off the disk.

    Writes do this in part, as far as it is cheap. A search that is at work meanwhile may have
    to be repeated.
    """
    opened = open_corpus(corpus)
    before = sum(opened.info().bytes.values())
    opened.optimize()
    after = sum(opened.info().bytes.values())
    print(f"{before / 1e6:,.1f} MB of data before, {after / 1e6:,.1f} MB now.", file=sys.stderr)
