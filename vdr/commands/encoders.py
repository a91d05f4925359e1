"""Commands about encoders: which there are, getting one ahead, serving one to other machines."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vdr.errors import VdrError

if TYPE_CHECKING:
    from vdr.encode.catalogue import Model
    from vdr.encode.memory import Machine
    from vdr.types import Channel

app = typer.Typer()


@app.command()
def models(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List encoders known by name, what is known of them, and which fit this machine.

    Any other checkpoint of these kinds may be named too, by folder or hub id.
    """
    from vdr.encode.catalogue import BENCHMARKS, CATALOGUE
    from vdr.encode.memory import bytes_needed, place, this_machine

    machine = this_machine()
    if as_json:
        listed = [
            asdict(model)
            | {"gpu_bytes": bytes_needed(model, gpu=True), "cpu_bytes": bytes_needed(model, gpu=False)}
            | {"fits": place(model, machine)}
            for model in CATALOGUE
        ]
        benchmarks = {channel: asdict(benchmark) for channel, benchmark in BENCHMARKS.items()}
        told = {"machine": asdict(machine), "benchmarks": benchmarks, "models": listed}
        print(json.dumps(told, ensure_ascii=False, indent=2))
        return
    print(f"{'':7} {'name':<42} {'size':>6} {'dim':>5} {'vectors':>8} {'quality':>7} {'GPU / CPU memory':>17}  fits")
    for model in CATALOGUE:
        print(_two_lines(model, machine))
    print()
    for channel, benchmark in BENCHMARKS.items():
        print(f"quality  {channel}: {benchmark.name}, {benchmark.measure}; {benchmark.source}")
    print("vectors  a page at most; a text model makes one for each token, a dense one for each window")
    print("memory   an estimate: parameters x 2 bytes on a GPU (bfloat16), x 4 elsewhere (float32), and a quarter more")
    gpu = f"{machine.gpu}, {_gigabytes(machine.gpu_memory)}" if machine.gpu else "no NVIDIA GPU"
    print(f"fits     this machine: {_gigabytes(machine.memory)} of memory, {gpu}; ", end="")
    print("what fits a CPU may be slow there: visual models of billions of parameters want a GPU")


@app.command()
def pull(
    model: Annotated[str, typer.Argument(help="A hub id, maybe with @revision.", metavar="MODEL")],
    to: Annotated[
        Path | None, typer.Option("--to", help="Copy it into this new folder, to carry it to another machine.")
    ] = None,
) -> None:
    """Download a model ahead of its first use, into the hub's cache, and print its folder.

    An adapter's base model comes along, with --to into FOLDER-base.
    """
    from vdr.encode import EMBEDDED
    from vdr.encode.pull import pull as download

    if any(model in names for names in EMBEDDED.values()):
        print(f"{model} is part of the installation; there is nothing to download.", file=sys.stderr)
        return
    print(download(model, to))


@app.command(name="serve-encoder")
def serve_encoder(
    encoder: Annotated[str | None, typer.Option("--encoder", help="For page images: a folder or a hub id.")] = None,
    text_encoder: Annotated[
        str | None, typer.Option("--text-encoder", help="For text: minilm, a folder or a hub id.")
    ] = None,
    dense_encoder: Annotated[
        str | None, typer.Option("--dense-encoder", help="For passages of text: granite, a folder or a hub id.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=0, max=65535)] = 8765,
    token: Annotated[
        str,
        typer.Option(
            "--token",
            envvar="VDR_ENCODER_TOKEN",
            help="What clients must send. Others see it on a command line: prefer the variable.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """Serve one encoder to other machines, which give this one's URL under the same option."""
    from vdr.types import OPTIONS

    given: dict[Channel, str | None] = {"visual": encoder, "text": text_encoder, "dense": dense_encoder}
    named = [(channel, name) for channel, name in given.items() if name]
    if len(named) != 1:
        raise VdrError(f"Name one encoder to serve, with {' or '.join(OPTIONS.values())}.")
    from vdr import encode, encoder_server

    token = token.strip()
    encoder_server.check_exposure(host, token)
    ((channel, name),) = named
    encoder_server.serve(encode.load_encoder(channel, name), channel, host, port, token)


# --- helpers ---------------------------------------------------------------------------------------------


def _two_lines(model: Model, machine: Machine) -> str:
    """Return what is known of a model: figures, then words."""
    from vdr.encode.memory import bytes_needed, place

    memory = " / ".join(_gigabytes(bytes_needed(model, gpu=gpu)) for gpu in (True, False))
    patches = f"{model.patches:,}" if model.patches else "?"
    vectors = {"visual": patches, "text": "tokens", "dense": "windows"}[model.channel]
    quality = "?" if model.quality is None else f"{model.quality:.3f}".lstrip("0")
    words = [model.languages if model.languages != "?" else "languages ?", f"licence {model.licence}"]
    words += [f"from {model.base}"] if model.base != "?" else []
    words += ["brings code of its own, run if VDR_TRUST_REMOTE_CODE=1"] if model.own_code else []
    words += [model.note] if model.note else []
    return (
        f"{model.channel:<7} {model.name:<42} {_count(model.parameters):>6} {model.dim or '?':>5} {vectors:>8} "
        f"{quality:>7} {memory:>17}  {place(model, machine)}\n{'':8}{'; '.join(words)}"
    )


def _count(parameters: int | None) -> str:
    if parameters is None:
        return "?"
    return f"{parameters / 1e9:.1f} B" if parameters >= 1e9 else f"{parameters / 1e6:.0f} M"


def _gigabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / 1e9:.1f} GB"
