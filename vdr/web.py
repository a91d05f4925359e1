"""Asks services over HTTP and stays polite: time limits, new attempts, clear errors. Knows nothing of what is asked."""

from __future__ import annotations

import atexit
import json
import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import httpx

from vdr.errors import ServiceError, first_line

logger = logging.getLogger(__name__)

PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""
LONGEST_PAUSE = 20.0
"""Seconds waited at most between two attempts, even where a service asks for more."""
BUSY = frozenset({429, *range(500, 600)})
"""Answers that are worth another attempt."""
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TOLD = 200


def post(
    url: str, body: Mapping[str, Any], *, token: str = "", timeout: float = 60.0, tries: int = 4, what: str
) -> Any:
    """Send JSON and return the JSON that comes back.

    A connection that fails, a service that is busy (429) and one that breaks (5xx) are tried again, after the pause
    that the service asks for or a growing one; an answer that takes longer than `timeout` is not.

    Args:
        url: Where to, with `http://` or `https://`.
        body: What JSON can hold.
        token: Goes along as `Authorization: Bearer`; empty for none. No error and no log line contains it.
        timeout: Seconds to wait for an answer.
        tries: How often to try at most.
        what: What the service is to the user, as the beginning of a sentence: "The reranker cohere:rerank-v3.5".

    Raises:
        ServiceError: There is no useful answer; it names the service, the host, what happened and what to do.
    """
    at, token = _address(url, what), token.strip()
    if not token.isprintable():
        raise ServiceError(f"{what} ({at.host}): its key has a line break or control character in it. Copy it again.")

    def send() -> httpx.Response:
        # bytes: a key may hold letters that httpx would not put into a header by itself
        headers = {b"content-type": b"application/json"}
        if token:
            headers[b"authorization"] = f"Bearer {token}".encode()
        limits = httpx.Timeout(timeout, connect=min(timeout, 10))
        return _client(trusts_environment(at)).post(at, content=_packed(body), headers=headers, timeout=limits)

    pauses = [PAUSE * 2**attempt for attempt in range(tries - 1)]
    try:
        response = persist(send, pauses, BUSY)
    except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
        raise ServiceError(
            f"{what} ({at.host}) took longer than {timeout:g} seconds to answer. Try again later, or ask for less."
        ) from error
    except httpx.TransportError as error:
        raise ServiceError(
            f"{what} ({at.host}) cannot be reached ({_hidden(first_line(error), token)}). "
            "Check the address and the network."
        ) from error
    if not response.is_success:
        raise ServiceError(f"{what} ({at.host}) {_hidden(_refusal(response), token)}")
    try:
        return response.json()
    except ValueError as error:
        raise ServiceError(
            f"{what} ({at.host}) answered with something that is not JSON. Check the address."
        ) from error


def persist(send: Callable[[], httpx.Response], pauses: Sequence[float], busy: Container[int]) -> httpx.Response:
    """Return what `send` gets, after new attempts where the connection fails or the server is busy.

    Args:
        send: Makes one attempt.
        pauses: Seconds to wait before each new attempt; a `Retry-After` of the server counts if it is longer.
        busy: Status codes that are worth another attempt; the last attempt's answer comes back with such a code.

    Raises:
        httpx.TransportError: Of the last attempt; one of an answer that takes too long at once.
    """
    for pause in pauses:
        try:
            response = send()
            if response.status_code not in busy:
                return response
            problem = f"HTTP {response.status_code}"
            pause = min(max(pause, _asked_pause(response)), max(pause, LONGEST_PAUSE))
        except (httpx.ReadTimeout, httpx.WriteTimeout, httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise
        except httpx.TransportError as error:
            problem = first_line(error)
        logger.info("%s; next attempt in %g seconds", problem, pause)
        time.sleep(pause)
    return send()


def trusts_environment(url: httpx.URL) -> bool:
    """Tell whether a proxy that the environment names is for this address: it does not know this machine's ports."""
    return url.host not in _LOOPBACK


@lru_cache(maxsize=2)
def _client(trust_env: bool) -> httpx.Client:
    """Return the client that keeps connections open between calls."""
    client = httpx.Client(trust_env=trust_env, limits=httpx.Limits(keepalive_expiry=30))
    atexit.register(client.close)
    return client


def _address(url: str, what: str) -> httpx.URL:
    try:
        at = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ServiceError(f"{what}: {url!r} is no address: {first_line(error)}.") from error
    if at.userinfo:
        raise ServiceError(f"{what} ({at.host}): leave user and password out of its address.")
    if at.scheme not in ("http", "https") or not at.host:
        raise ServiceError(f"{what}: {url!r} is no address. It begins with http:// or https://.")
    return at


def _packed(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body).encode()  # in ASCII, so that half a character in a text of a PDF does no harm


def _asked_pause(response: httpx.Response) -> float:
    """Return the seconds that the server asks to be left alone, 0 if it says nothing."""
    asked = response.headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        when = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def _refusal(response: httpx.Response) -> str:
    """Say what an answer that is none means and what to do, as the end of a sentence."""
    code = response.status_code
    told = f" ({said})" if (said := _said(response)) else ""
    if code in (401, 403):
        return f"refuses the key, HTTP {code}{told}. Check that it is set, valid and allowed to do this."
    if code == 404:
        return f"knows no such address or model, HTTP 404{told}. Check both names."
    if code == 429:
        return f"wants fewer requests or is over its quota, HTTP 429{told}. Try again later."
    if code >= 500:
        return f"does not work at the moment, HTTP {code}{told}. Try again later."
    if response.has_redirect_location:
        return f"has moved to {response.headers['location']}, HTTP {code}. Use that address."
    return f"refuses the request, HTTP {code}{told}. Check the model's name and the settings."


def _said(response: httpx.Response) -> str:
    """Return the first line of the error that a service's answer holds, in whatever of the usual places."""
    try:
        told = response.json()
    except ValueError:
        return ""
    for name in ("error", "message", "detail"):
        if isinstance(told, dict) and told.get(name):
            told = told[name]
    if isinstance(told, dict):
        told = told.get("message", "")
    line = next(iter(str(told or "").strip().splitlines()), "")
    return line.rstrip(".") if len(line) <= _TOLD else line[:_TOLD] + "…"


def _hidden(text: str, token: str) -> str:
    """Return a text without the token: some services repeat it in their errors."""
    return text.replace(token, "[key]") if token else text
