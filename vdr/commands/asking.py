"""Commands that ask: an answer from the best pages, and questions drafted about one's own documents."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from vdr.commands.terminal import (
    CollectionOption,
    CorpusOption,
    DenseEncoderOption,
    DocOption,
    EncoderOption,
    JsonOption,
    Mode,
    TextEncoderOption,
    open_corpus,
)
from vdr.errors import ServiceError

app = typer.Typer()


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What you want to have answered.")],
    corpus: CorpusOption = None,
    encoder: EncoderOption = None,
    text_encoder: TextEncoderOption = None,
    dense_encoder: DenseEncoderOption = None,
    k: Annotated[int, typer.Option("-k", help="How many pages the model gets.", min=1)] = 5,
    mode: Annotated[Mode, typer.Option("--mode", help="How to rank.")] = Mode.auto,
    doc: DocOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have a question answered from the best pages, by a chat model of your own, with the pages it cites.

    VDR_CHAT_URL, VDR_CHAT_MODEL and VDR_CHAT_KEY name the model; without them nothing is sent anywhere.
    """
    from vdr import answer, chat

    model = chat.from_environment()
    if model is None:
        raise ServiceError(f"No chat model is configured. {chat.HOW_TO}")
    opened = open_corpus(corpus, encoder, text_encoder, dense_encoder)
    told = answer.ask(opened, question, model, k=k, mode=mode.value, docs=doc or None, collection=collection)
    if as_json:
        pages = [hit.key for hit in told.hits]
        cited = {number: hit.key for number, hit in told.citations.items()}
        facts = {"answer": told.text, "model": told.model, "pages": pages, "cited": cited, "cut": told.cut}
        print(json.dumps({"question": told.question, **facts, "not_sent": told.unknown}, ensure_ascii=False, indent=2))
        return
    print(told.text + "\n")
    for number, hit in told.citations.items():
        print(f"[{number}] {hit.key}")
    for number in told.unknown:
        print(f"[{number}] is cited, but no page was sent as {number}: nothing backs it.", file=sys.stderr)
    if not told.cited:
        print("The answer cites no page.", file=sys.stderr)
    if told.cut:
        print("The answer breaks off: the model stopped at a limit of length.", file=sys.stderr)


@app.command()
def questions(
    corpus: CorpusOption = None,
    count: Annotated[int, typer.Option("--count", help="How many.", min=1)] = 30,
    doc: Annotated[list[str] | None, typer.Option("--doc", help="Only about this document; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draft questions about your documents, to be confirmed in the app (tab Judge) and then used by `vdr eval`.

    They are made of headings, table titles and captions, or written by the chat model if one is configured
    (VDR_CHAT_URL, VDR_CHAT_MODEL, VDR_CHAT_KEY), which then gets the pages.
    """
    from vdr import chat
    from vdr.judgements import Judgements
    from vdr.questions import draft
    from vdr.store import Store

    store = Store(open_corpus(corpus).path)
    judgements = Judgements(store.uri)
    drafts = []
    for made in draft(store, count, docs=doc or None, chat=chat.from_environment(), judgements=judgements):
        judgements.propose([made])  # at once: a model that fails later takes nothing with it
        drafts.append(made)
        if not as_json:
            print(f"{made.key}  {made.text}")
    if as_json:
        print(json.dumps([asdict(made) for made in drafts], ensure_ascii=False, indent=2))
    if drafts:
        print(f"{len(drafts)} drafted. Confirm the good ones in the app: `vdr serve`, tab Judge.", file=sys.stderr)
    if len(drafts) < count:
        print("There was no more to draft from that is not judged or drafted already.", file=sys.stderr)
