"""Asking a service: what goes out, what comes back, when it is asked again, and what an error says."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from stub_service import Answer, serving

from vdr import web
from vdr.errors import ServiceError

WHAT = "The oracle"
KEY = "sk-very-secret"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is really made."""
    made: list[float] = []
    monkeypatch.setattr(time, "sleep", made.append)
    return made


def test_json_goes_out_with_the_key_and_json_comes_back() -> None:
    with serving([Answer({"answer": "Größe"})]) as stub:
        told = web.post(f"{stub.url}/v1/ask?x=1", {"text": "naïve \ud800"}, token=f" {KEY}\n", what=WHAT)
    assert told == {"answer": "Größe"}
    (asked,) = stub.asked
    assert (asked.path, asked.body) == ("/v1/ask?x=1", {"text": "naïve \ud800"})
    assert (asked.headers["authorization"], asked.headers["content-type"]) == (f"Bearer {KEY}", "application/json")


def test_without_a_key_there_is_no_header_of_one() -> None:
    with serving([Answer([1])]) as stub:
        assert web.post(stub.url, {}, what=WHAT) == [1]
    assert "authorization" not in stub.asked[0].headers


def test_a_busy_and_a_broken_service_are_asked_again_with_growing_pauses(pauses: list[float]) -> None:
    with serving([Answer(status=503), Answer(status=429), Answer(status=500), Answer({"ok": 1})]) as stub:
        assert web.post(stub.url, {}, what=WHAT) == {"ok": 1}
    assert len(stub.asked) == 4
    assert pauses == [0.5, 1.0, 2.0]


def test_the_service_says_how_long_to_wait_within_reason(pauses: list[float]) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=11), usegmt=True)
    asks = [{"retry-after": "3"}, {"retry-after": "86400"}, {"retry-after": soon}, {"retry-after": "whenever"}]
    with serving([*(Answer(status=429, headers=headers) for headers in asks), Answer({})]) as stub:
        web.post(stub.url, {}, tries=5, what=WHAT)
    assert pauses == [3.0, web.LONGEST_PAUSE, pytest.approx(10.5, abs=1), 4.0]


def test_a_connection_that_fails_is_tried_again_then_named(pauses: list[float]) -> None:
    with serving([]) as stub:
        pass  # nobody listens there any more
    with pytest.raises(ServiceError, match=r"The oracle \(127\.0\.0\.1\) cannot be reached .*Check the address"):
        web.post(stub.url, {}, tries=3, what=WHAT)
    assert pauses == [0.5, 1.0]


def test_an_answer_that_takes_too_long_is_not_asked_for_again(pauses: list[float]) -> None:
    gate = httpx.ReadTimeout("late")

    def send() -> httpx.Response:
        calls.append(1)
        raise gate

    calls: list[int] = []
    with pytest.raises(httpx.ReadTimeout):
        web.persist(send, [1.0, 2.0], web.BUSY)
    assert (len(calls), pauses) == (1, [])


def test_a_slow_service_is_named() -> None:
    import threading

    done = threading.Event()

    def wait(_: object) -> Answer:
        done.wait(20)
        return Answer({})

    with serving(wait) as stub:
        try:
            with pytest.raises(ServiceError, match=r"took longer than 0\.2 seconds to answer"):
                web.post(stub.url, {}, timeout=0.2, what=WHAT)
        finally:
            done.set()
    assert len(stub.asked) == 1


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer({"message": "invalid api token."}, 401), "refuses the key, HTTP 401 (invalid api token). Check that"),
        (Answer({"error": {"message": "no access\nat all"}}, 403), "refuses the key, HTTP 403 (no access). Check that"),
        (Answer({"detail": "no model x"}, 404), "knows no such address or model, HTTP 404 (no model x). Check both"),
        (Answer({"error": "slow down"}, 429), "wants fewer requests or is over its quota, HTTP 429 (slow down). Try"),
        (Answer(b"<html>", 502), "does not work at the moment, HTTP 502. Try again later."),
        (Answer({"detail": "too many documents"}, 400), "refuses the request, HTTP 400 (too many documents). Check"),
        (Answer({"detail": "x" * 900}, 400), f"refuses the request, HTTP 400 ({'x' * 200}…). Check"),
        (Answer(b"", 301, {"location": "http://elsewhere/v2"}), "has moved to http://elsewhere/v2, HTTP 301."),
        (Answer(b"<html>hello</html>"), "answered with something that is not JSON. Check the address."),
    ],
)
def test_an_error_is_one_line_that_names_the_service_and_the_way_out(
    answer: Answer, message: str, pauses: list[float]
) -> None:
    with serving([answer]) as stub, pytest.raises(ServiceError) as caught:
        web.post(stub.url, {}, tries=2, what=WHAT)
    assert f"{WHAT} (127.0.0.1) {message}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(stub.asked) == (2 if answer.status in (429, 502) else 1)


def test_the_key_is_in_no_error_and_no_log(pauses: list[float], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    busy = Answer({"message": f"Key {KEY} is over its quota"}, 429)
    with serving([busy]) as stub, pytest.raises(ServiceError, match=r"Key \[key\] is over its quota"):
        web.post(stub.url, {}, token=KEY, what=WHAT)
    with pytest.raises(ServiceError, match="its key has a line break") as caught:
        web.post(stub.url, {}, token=f"{KEY}\nmore", what=WHAT)
    assert KEY not in str(caught.value) + caplog.text


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("api.example.com/v1", "'api.example.com/v1' is no address"),
        ("ftp://example.com", "is no address. It begins with http:// or https://"),
        ("http://exa mple.com:port", "is no address"),
        ("https://me:pass@example.com", r"leave user and password out of its address"),
    ],
)
def test_what_is_no_address_is_refused_without_a_request(url: str, message: str) -> None:
    with pytest.raises(ServiceError, match=message) as caught:
        web.post(url, {}, what=WHAT)
    assert "pass@" not in str(caught.value)
