"""An encoder that runs on another machine, reached over HTTP. Knows nothing of models.

`vdr serve-encoder` is the other side; `vdr.encode.wire` says what travels.
"""

from __future__ import annotations

import json
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
from PIL import Image

from vdr import web
from vdr.encode import wire
from vdr.encode.wire import FINGERPRINT_HEADER, PROTOCOL, TOKEN_VARIABLE
from vdr.errors import EncoderError, QueryError, first_line
from vdr.types import OPTIONS, Channel, MultiVector, QueryVectors

T = TypeVar("T")

PAGE_BYTES = 48 << 20
"""Pages of a request, decoded: eight of A4 at 144 dpi. A larger page goes alone."""
TEXT_BYTES = 64 << 10
"""Texts of a request: about twenty full pages. A longer text goes alone."""
IN_FLIGHT = 2
"""Requests under way at once: while the model works on one, the next is packed, sent and unpacked."""
TIMEOUT = 600.0
"""Seconds to wait for an answer: a model on a slow processor takes minutes for a request of pages."""
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds to wait before each new attempt: half a minute in all, enough for most restarts."""
_PASSING = (502, 503, 504)


def load(url: str, channel: Channel) -> RemoteEncoder:
    """Connect to an encoder server.

    Args:
        url: Where it is, as `http://gpu:8765`.
        channel: What it must encode.

    Raises:
        EncoderError: It does not answer, refuses the token, encodes something else or is no encoder server.
    """
    return RemoteEncoder(url, channel)


class RemoteEncoder:
    """A page or text encoder behind a URL, as `vdr.types` describes them. Safe to use from several threads.

    A connection that breaks and a server that restarts are tried again for a while; an answer that takes longer
    than `timeout` is not.

    Args:
        url: Where the server is.
        channel: What it must encode.
        token: Its token; None for the environment's `VDR_ENCODER_TOKEN`.
        timeout: Seconds to wait for an answer.
        pauses: Seconds to wait before each new attempt.

    Attributes:
        name: What the server's encoder is called there.
        dim: The length of a vector.
        fingerprint: Of the server's checkpoint, the same as if it were loaded here.

    Raises:
        EncoderError: The server does not answer, refuses the token, encodes something else or is none.
    """

    def __init__(
        self,
        url: str,
        channel: Channel,
        *,
        token: str | None = None,
        timeout: float = TIMEOUT,
        pauses: Sequence[float] = PAUSES,
    ) -> None:
        self._url = url.rstrip("/")
        self._pauses = pauses
        self._token = (token if token is not None else os.environ.get(TOKEN_VARIABLE, "")).strip()
        self._client = self._connect(timeout)
        weakref.finalize(self, self._client.close)
        told = self._describe()
        if told["channel"] != channel:
            raise EncoderError(
                f"The encoder server {self._url} serves {told['name']}, a {told['channel']} encoder: "
                f"give it as {OPTIONS[told['channel']]}, not as {OPTIONS[channel]}."
            )
        self.name: str = told["name"]
        self.dim: int = told["dim"]
        self.fingerprint: str = told["fingerprint"]

    def encode_query(self, text: str) -> QueryVectors:
        """Return the vectors of a query.

        Raises:
            QueryError: The server's encoder cannot take it in.
            EncoderError: The server does not answer, or cannot encode it.
        """
        return self._encoded("/query", json.dumps({"text": text}).encode(), wire.unpack_query)

    def encode_texts(self, texts: Sequence[str], titles: Sequence[str] | None = None) -> list[MultiVector]:
        """Return the vectors of each text, with the word of each vector.

        Args:
            texts: Of any length.
            titles: What each text is part of, for a bi-encoder; None where that does not matter.

        Raises:
            EncoderError: The server does not answer, or cannot encode them.
        """

        def send(batch: Sequence[tuple[str, str]]) -> list[MultiVector]:
            asked = {"texts": [text for text, _ in batch]}
            if titles is not None:
                asked["titles"] = [title for _, title in batch]
            return self._units("/texts", json.dumps(asked).encode(), len(batch))

        pairs = list(zip(texts, [""] * len(texts) if titles is None else titles, strict=True))
        return _all(send, batches(pairs, lambda pair: len("".join(pair).encode()), TEXT_BYTES))

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        """Return the vectors of each page image, with a box for each vector.

        Raises:
            EncoderError: The server does not answer, or cannot encode them; or a page is too large to send.
        """
        for image in images:
            if wire.image_bytes(image) > wire.MAX_BYTES:
                raise EncoderError(
                    f"A page of {image.width} x {image.height} pixels is too large for an encoder server "
                    f"({wire.MAX_BYTES >> 20} MiB decoded). Scale it down."
                )

        def send(batch: Sequence[Image.Image]) -> list[MultiVector]:
            return self._units("/pages", wire.pack_pages(batch), len(batch))

        return _all(send, batches(images, wire.image_bytes, PAGE_BYTES))

    def _describe(self) -> dict[str, Any]:
        """Return what the server says of its encoder."""
        response = self._send("GET", "/encoder", pauses=self._pauses[:1])
        if response.status_code != httpx.codes.OK:
            self._refused(response)
        told = _object(response)
        version = told.get("protocol")
        if isinstance(version, int) and version != PROTOCOL:
            raise EncoderError(
                f"The encoder server {self._url} speaks version {version} of the protocol, this vdr version "
                f"{PROTOCOL}. Install the same vdr on both machines."
            )
        if not {"protocol", "channel", "name", "dim", "fingerprint"} <= told.keys():
            raise self._no_encoder_server(f"HTTP {response.status_code}")
        return told

    def _units(self, path: str, body: bytes, count: int) -> list[MultiVector]:
        units = self._encoded(path, body, wire.unpack_units)
        if len(units) != count:
            raise EncoderError(f"The encoder server {self._url} gave vectors of {len(units)} units for {count}.")
        return units

    def _encoded(self, path: str, body: bytes, unpack: Callable[[bytes], T]) -> T:
        response = self._send("POST", path, body)
        if response.status_code != httpx.codes.OK:
            self._refused(response)
        fingerprint = response.headers.get(FINGERPRINT_HEADER)
        if fingerprint is None:
            raise self._no_encoder_server(f"HTTP {response.status_code}")
        if fingerprint != self.fingerprint:
            raise EncoderError(
                f"The encoder server {self._url} serves another encoder now ({fingerprint}) than at first "
                f"({self.name}, {self.fingerprint}). Start it with {self.name} again."
            )
        try:
            return unpack(response.content)
        except ValueError as error:
            raise self._no_encoder_server(f"its answer to {path} is {error}") from error

    # --- HTTP --------------------------------------------------------------------------------------------

    def _connect(self, timeout: float) -> httpx.Client:
        try:
            url = httpx.URL(self._url)
        except httpx.InvalidURL as error:
            raise EncoderError(f"{self._url} is no address of an encoder server: {error}.") from error
        if url.userinfo:
            raise EncoderError(f"Leave user and password out of an encoder's URL: {TOKEN_VARIABLE} holds the token.")
        return httpx.Client(
            base_url=url,
            headers={b"authorization": f"Bearer {self._token}".encode()} if self._token else None,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10)),
            limits=httpx.Limits(keepalive_expiry=30),
            trust_env=web.trusts_environment(url),
        )

    def _send(
        self, method: str, path: str, body: bytes | None = None, pauses: Sequence[float] | None = None
    ) -> httpx.Response:
        """Return what the server answers, after new attempts where the connection or a proxy failed."""
        try:
            response = web.persist(
                lambda: self._client.request(method, path, content=body),
                self._pauses if pauses is None else pauses,
                _PASSING,
            )
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise EncoderError(
                f"The encoder server {self._url} took longer than {self._client.timeout.read:g} seconds to answer. "
                "See there whether its model is stuck or runs on a slow processor."
            ) from error
        except httpx.TransportError as error:
            raise self._silent(first_line(error)) from error
        if response.status_code in _PASSING:
            raise self._silent(f"HTTP {response.status_code}")
        return response

    def _silent(self, problem: str) -> EncoderError:
        return EncoderError(
            f"The encoder server {self._url} does not answer ({problem}). "
            "Start it on that machine with `vdr serve-encoder`, or check the address, the port and the firewall."
        )

    def _refused(self, response: httpx.Response) -> None:
        """Raise what a server's refusal means."""
        if response.status_code == httpx.codes.UNAUTHORIZED:
            was = f"refuses the token in {TOKEN_VARIABLE}" if self._token else "wants a token"
            raise EncoderError(
                f"The encoder server {self._url} {was}. Set {TOKEN_VARIABLE} to the one it was started with."
            )
        told = _object(response)
        if "error" not in told:
            raise self._no_encoder_server(f"HTTP {response.status_code}")
        if told.get("kind") == "QueryError":
            raise QueryError(told["error"])
        raise EncoderError(f"The encoder server {self._url}: {told['error']}")

    def _no_encoder_server(self, how: str) -> EncoderError:
        return EncoderError(
            f"What answers at {self._url} is no encoder server of vdr ({how}). Check the address and the port."
        )


def batches(items: Sequence[T], size: Callable[[T], int], most: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into runs whose sizes add up to at most `most`; an item larger than that is alone.

    >>> list(batches("a bb c dddd e".split(), len, 3))
    [['a', 'bb'], ['c'], ['dddd'], ['e']]
    """
    start, total = 0, 0
    for index, item in enumerate(items):
        total += size(item)
        if total > most and index > start:
            yield items[start:index]
            start, total = index, size(item)
    if items:
        yield items[start:]


def _all(send: Callable[[Sequence[T]], list[MultiVector]], runs: Iterable[Sequence[T]]) -> list[MultiVector]:
    """Return the units of all runs in order, a few requests at a time."""
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        return [unit for units in pool.map(send, runs) for unit in units]


def _object(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a response, empty if it holds none."""
    try:
        told = response.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
