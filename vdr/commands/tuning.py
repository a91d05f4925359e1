"""The command that learns weights for fusion from judged queries."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.commands.terminal import CorpusOption, DenseEncoderOption, EncoderOption, TextEncoderOption, open_corpus
from vdr.errors import CorpusError

if TYPE_CHECKING:
    from vdr.types import Channel, Encoder, QueryVectors

app = typer.Typer()


@app.command()
def tune(
    judged_set: Annotated[
        Path | None,
        typer.Argument(help="Folder of judged queries.", metavar="[SET]", show_default="what was judged in the app"),
    ] = None,
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    dense_encoder: DenseEncoderOption = None,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to the weights nobody tuned.")] = False,
) -> None:
    """Learn how much each channel counts in `auto` from judged queries, and keep it with the corpus.

    The weights are kept only if cross-validation finds them better than those nobody tuned. Thirty
    judged queries are a good number. Nothing is indexed: the documents must be in the corpus.
    """
    from vdr.corpus import ARGUMENTS
    from vdr.evaluate import load_set
    from vdr.store import Store
    from vdr.tune import learn, look_up

    opened = open_corpus(corpus, encoder, text_encoder, dense_encoder)
    store = Store(opened.path)
    if reset:
        store.tune(None)
        print("The weights are those nobody tuned.", file=sys.stderr)
        return
    if not store.documents():
        raise CorpusError(f"The corpus {opened.path} is empty. `vdr index PATH...` fills it.")
    chosen = load_set(judged_set or _own(opened.path))

    def encode_query(channel: Channel, text: str) -> QueryVectors:
        loaded: Encoder | None = getattr(opened, ARGUMENTS[channel])
        assert loaded is not None, f"a corpus with {channel} vectors has a pinned encoder"
        return loaded.encode_query(text)

    anywhere = [query for query in chosen.queries if not query.names_page]
    looked_up = look_up(store, anywhere, chosen.qrels, encode_query)
    channels = [*opened.info().encoders]
    outcome = learn(looked_up, [*channels, "bm25"])
    print(f"learnt      {outcome.tuning}")
    told = f"{outcome.gain:+.3f} in cross-validation (standard error {outcome.error:.3f})"
    if not outcome.better:
        print(f"not kept    {told}: no better than the weights nobody tuned. More judged queries may tell.")
        return
    store.tune(outcome.tuning)
    print(f"kept        {told}. `vdr tune --reset` takes it back.")


def _own(path: str) -> Path:
    """Return the folder of what was judged in the app on this corpus.

    Raises:
        JudgementError: The corpus is in an object store, which has none.
    """
    from vdr.judgements import Judgements

    return Judgements(path).folder
