"""The command that hands a corpus over to another database."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from vdr.commands.terminal import CorpusOption, open_corpus
from vdr.errors import CorpusError

app = typer.Typer()


class Target(StrEnum):
    """What to write."""

    parquet = "parquet"
    qdrant = "qdrant"
    vespa = "vespa"
    weaviate = "weaviate"


@app.command()
def export(
    target: Annotated[Target, typer.Option("--format", help="What to write.")],
    out: Annotated[
        str, typer.Option("--out", help="New file (parquet) or folder; for qdrant also a server's URL.", metavar="PATH")
    ],
    corpus: CorpusOption = None,
) -> None:
    """Write the vectors and metadata of every page for another multi-vector database."""
    from vdr.export import write
    from vdr.records import records
    from vdr.store import Store
    from vdr.types import CHANNELS

    store = Store(open_corpus(corpus).path)
    if not store.documents():
        raise CorpusError(f"The corpus {store.uri} is empty, there is nothing to export. `vdr index PATH...` fills it.")
    encoders = {channel: pin for channel in CHANNELS if (pin := store.pin(channel))}
    written = write(records(store), encoders, target.value, out)
    print(f"{written:,} pages written to {out}", file=sys.stderr)
