"""Serves one encoder over HTTP to `vdr.encode.remote`. Knows nothing of documents, storage or search.

One request is on the model at a time; the next ones are received and unpacked meanwhile, and when there are `QUEUE`
of them clients are told to come back. A server without a token listens on this machine only. It speaks plain HTTP:
across a network that others share, put it behind an SSH tunnel or a proxy that speaks TLS.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias, cast

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from vdr.encode import wire
from vdr.encode.wire import FINGERPRINT_HEADER, MAX_BYTES, PROTOCOL, TOKEN_VARIABLE
from vdr.errors import VdrError
from vdr.types import Channel, Encoder, PageEncoder, PassageEncoder, TextEncoder

logger = logging.getLogger(__name__)

QUEUE = 16
"""Requests held at a time, the one on the model included."""

_Job: TypeAlias = "tuple[Callable[[bytes], Any], Callable[[Any], bytes]]"


def serve(encoder: Encoder, channel: Channel, host: str, port: int, token: str) -> None:
    """Serve an encoder until it is interrupted, and say on stderr where.

    Args:
        encoder: What is served.
        channel: What it encodes; a `PageEncoder` for `visual`, a `TextEncoder` for `text`, a
            `PassageEncoder` for `dense`.
        host: Address to listen on.
        port: Port to listen on.
        token: What clients must send; empty for none, which only this machine's own addresses allow.

    Raises:
        VdrError: The port is taken, or others could reach a server that has no token.
    """
    check_exposure(host, token)
    listening = listen(host, port)
    with listening:
        where = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        guard = "a token is needed" if token else "no token"
        sys.stderr.write(f"{encoder.name} ({channel}, {encoder.dim} dims) answers at {where}, {guard}\n")
        sys.stderr.flush()
        with suppress(KeyboardInterrupt):  # the way to stop it
            server(build(encoder, channel, token)).run(sockets=[listening])


def check_exposure(host: str, token: str) -> None:
    """Refuse to serve without a token where others could connect.

    Raises:
        VdrError: They could.
    """
    if not token and not _is_loopback(host):
        raise VdrError(
            f"Anyone who reaches {host} could use an encoder server without a token. "
            f"Set {TOKEN_VARIABLE} to a long random one here and on the clients, or listen on 127.0.0.1."
        )


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        VdrError: The address is not this machine's, or the port is taken.
    """
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise VdrError(f"Cannot listen on {host}:{port} ({error}). Name another port with --port.") from error
    # Accepted connections inherit this; without it each answer waits 40 ms for the client's acknowledgement.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def server(app: Starlette) -> uvicorn.Server:
    """Return the HTTP server of an app that `build` returned; its `run` takes the sockets to serve."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            log_level="warning",
            lifespan="off",
            ws="none",
            timeout_keep_alive=75,  # longer than the client keeps an idle connection, so that it is the one to close
            timeout_graceful_shutdown=10,
            server_header=False,
        )
    )


def build(encoder: Encoder, channel: Channel, token: str = "") -> Starlette:
    """Return the app that serves an encoder; `vdr.encode.wire` lists what it answers."""
    service = _Service(encoder, channel, token)
    routes = [Route("/health", _health), Route("/encoder", service.describe)]
    routes += [Route(path, service.encode, methods=["POST"]) for path in service.jobs]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _http_error, VdrError: _encoder_error, Exception: _crash},
    )


class _Service:
    """One encoder, its token and the queue in front of it."""

    def __init__(self, encoder: Encoder, channel: Channel, token: str) -> None:
        self.jobs = _jobs(encoder, channel)
        self._encoder = encoder
        self._channel = channel
        self._token = token
        self._on_model = asyncio.Lock()
        self._waiting = 0

    async def describe(self, request: Request) -> Response:
        """Tell what is served."""
        self._check_token(request)
        return JSONResponse(
            {
                "protocol": PROTOCOL,
                "channel": self._channel,
                "name": self._encoder.name,
                "dim": self._encoder.dim,
                "fingerprint": self._encoder.fingerprint,
            }
        )

    async def encode(self, request: Request) -> Response:
        """Unpack a request, encode it when its turn comes, answer with arrays."""
        self._check_token(request)
        if self._waiting >= QUEUE:
            raise HTTPException(503, f"{QUEUE} requests are waiting already; try again later")
        unpack, encode = self.jobs[request.url.path]
        self._waiting += 1
        try:
            body = await _body(request)
            try:
                inputs = await run_in_threadpool(unpack, body)
            except ValueError as error:
                raise HTTPException(400, f"the request cannot be read: {error}") from error
            async with self._on_model:
                if await request.is_disconnected():
                    raise HTTPException(499, "the client has gone")
                start = time.perf_counter()
                answer = await run_in_threadpool(encode, inputs)
                logger.info("%s: %d bytes, %.2f s", request.url.path, len(body), time.perf_counter() - start)
        finally:
            self._waiting -= 1
        headers = {FINGERPRINT_HEADER: self._encoder.fingerprint}
        return Response(answer, headers=headers, media_type="application/octet-stream")

    def _check_token(self, request: Request) -> None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if self._token and not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            raise HTTPException(401, "wrong or no token", {"www-authenticate": "Bearer"})


def _jobs(encoder: Encoder, channel: Channel) -> dict[str, _Job]:
    """Return for each path how a request is unpacked, and how it is encoded."""
    jobs: dict[str, _Job] = {"/query": (_query, lambda text: wire.pack_query(encoder.encode_query(text)))}
    if channel == "visual":
        pages = cast(PageEncoder, encoder)
        jobs["/pages"] = (_pages, lambda images: wire.pack_units(pages.encode_pages(images)))
    elif channel == "text":
        texts = cast(TextEncoder, encoder)
        jobs["/texts"] = (_texts, lambda strings: wire.pack_units(texts.encode_texts(strings)))
    else:
        passages = cast(PassageEncoder, encoder)
        jobs["/texts"] = (_titled_texts, lambda pair: wire.pack_units(passages.encode_texts(*pair)))
    return jobs


def _query(body: bytes) -> str:
    text = _field(body, "text")
    if not isinstance(text, str):
        raise ValueError("`text` is no string")
    return text


def _texts(body: bytes) -> list[str]:
    return _strings(body, "texts")


def _titled_texts(body: bytes) -> tuple[list[str], list[str] | None]:
    texts = _texts(body)
    if _field(body, "titles") is None:
        return texts, None
    titles = _strings(body, "titles")
    if len(titles) != len(texts):
        raise ValueError(f"it has {len(titles)} titles for {len(texts)} texts")
    return texts, titles


def _strings(body: bytes, name: str) -> list[str]:
    told = _field(body, name)
    if not isinstance(told, list) or not told or not all(isinstance(text, str) for text in told):
        raise ValueError(f"`{name}` is no list of strings")
    return told


def _pages(body: bytes) -> list[Any]:
    images = wire.unpack_pages(body)
    if not images:
        raise ValueError("it holds no pages")
    return images


def _field(body: bytes, name: str) -> Any:
    told = json.loads(body)
    return told.get(name) if isinstance(told, dict) else None


async def _body(request: Request) -> bytes:
    """Return the body of a request, unless it is too large."""
    parts: list[bytes] = []
    size = 0
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > MAX_BYTES:
        raise HTTPException(413, f"a request may hold {MAX_BYTES >> 20} MiB")
    async for part in request.stream():
        size += len(part)
        if size > MAX_BYTES:
            raise HTTPException(413, f"a request may hold {MAX_BYTES >> 20} MiB")
        parts.append(part)
    return b"".join(parts)


async def _health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _http_error(_: Request, error: Exception) -> Response:
    refusal = cast(HTTPException, error)
    return JSONResponse({"error": refusal.detail}, refusal.status_code, refusal.headers)


async def _encoder_error(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "kind": type(error).__name__}, 422)


async def _crash(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"it failed, and its log says why: {type(error).__name__}"}, 500)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
