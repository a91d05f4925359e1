"""Encoders behind HTTP, on loopback: what comes back is what the encoder gives here, and what can go wrong is said."""

from __future__ import annotations

import http.server
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from tiny_models import drawn_page, tiny_colqwen2

from vdr import Corpus, encoder_server
from vdr.encode import load_dense_encoder, load_page_encoder, load_text_encoder, remote, wire
from vdr.encode.remote import RemoteEncoder
from vdr.errors import EncoderError, EncoderMismatch, QueryError, VdrError
from vdr.types import Channel, Encoder, MultiVector, PageEncoder, QueryVectors, TextEncoder

QUESTION = "what is the net revenue of the second quarter"
PATIENT = (0.05,) * 100
"""Pauses of a client that waits up to five seconds for a server."""


@contextmanager
def listening(app: Starlette, port: int = 0) -> Iterator[str]:
    """Serve an app on this machine for a while; the URL."""
    with encoder_server.listen("127.0.0.1", port) as socket:
        server = encoder_server.server(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{socket.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def serving(encoder: Encoder, channel: Channel, *, token: str = "", port: int = 0) -> Any:
    return listening(encoder_server.build(encoder, channel, token), port)


class Toy:
    """A text and page encoder that knows how large its batches were and how many were at work at once."""

    def __init__(self, fingerprint: str = "toy", seconds: float = 0.0, error: Exception | None = None) -> None:
        self.name, self.dim, self.fingerprint = "toy", 1, fingerprint
        self.batches: list[int] = []
        self.most_at_once = 0
        self._at_work = 0
        self._seconds = seconds
        self._error = error

    def encode_query(self, text: str) -> QueryVectors:
        [vector] = self._work([len(text)])
        return QueryVectors((text,), np.zeros(1, np.int32), vector)

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        return [MultiVector(vector, words=np.zeros(1, np.int32)) for vector in self._work([len(t) for t in texts])]

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        return [MultiVector(v, boxes=np.zeros((1, 4), np.float32)) for v in self._work([i.width for i in images])]

    def _work(self, numbers: list[int]) -> list[Any]:
        self._at_work += 1
        self.most_at_once = max(self.most_at_once, self._at_work)
        time.sleep(self._seconds)
        self.batches.append(len(numbers))
        self._at_work -= 1
        if self._error:
            raise self._error
        return [np.full((1, 1), number, np.float32) for number in numbers]


@pytest.fixture(scope="module")
def minilm() -> TextEncoder:
    return load_text_encoder("minilm")


@pytest.fixture(scope="module")
def minilm_url(minilm: TextEncoder) -> Iterator[str]:
    with serving(minilm, "text") as url:
        yield url


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_colqwen2(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def colqwen2(checkpoint: Path) -> PageEncoder:
    return load_page_encoder(str(checkpoint))


@pytest.fixture(scope="module")
def colqwen2_url(colqwen2: PageEncoder) -> Iterator[str]:
    with serving(colqwen2, "visual") as url:
        yield url


# --- the same vectors ------------------------------------------------------------------------------------


def test_texts_and_queries_come_back_as_they_are_here(minilm: TextEncoder, minilm_url: str) -> None:
    far = load_text_encoder(minilm_url)
    assert (far.name, far.dim, far.fingerprint) == (minilm.name, minilm.dim, minilm.fingerprint)
    query, same = minilm.encode_query("Descaling «naïve» machines"), far.encode_query("Descaling «naïve» machines")
    assert same.tokens == query.tokens == ("Descaling", "«naïve»", "machines")
    assert same.token_of.tolist() == query.token_of.tolist()
    assert np.array_equal(same.vectors, query.vectors) and same.floor == query.floor == 0.35
    texts = ["An otter swims.", "", "Planes fly to Zürich."]
    for here, there in zip(minilm.encode_texts(texts), far.encode_texts(texts), strict=True):
        assert there.words is not None and here.words is not None and there.boxes is None
        assert there.words.tolist() == here.words.tolist()
        assert there.vectors.shape == here.vectors.shape
        assert np.array_equal(there.vectors, here.vectors)
    assert far.encode_texts([]) == []


def test_passages_come_back_as_they_are_here_behind_their_titles() -> None:
    near = load_dense_encoder("granite")
    with serving(near, "dense") as url:
        far = load_dense_encoder(url)
        texts, titles = ["Net sales rose.", "Planes fly to Zürich.", ""], ["Harbour 2018", "", "Harbour"]
        for titled in (titles, None):
            for here, there in zip(near.encode_texts(texts, titled), far.encode_texts(texts, titled), strict=True):
                assert np.array_equal(there.vectors, here.vectors)
        answer = httpx.post(f"{url}/texts", json={"texts": texts, "titles": ["one"]})
        assert answer.status_code == 400 and "it has 1 titles for 3 texts" in answer.text


def test_pages_come_back_as_they_are_here(colqwen2: PageEncoder, colqwen2_url: str) -> None:
    far = load_page_encoder(colqwen2_url)
    assert (far.name, far.dim, far.fingerprint) == (colqwen2.name, 128, colqwen2.fingerprint)
    images = [drawn_page(140, 196), drawn_page(196, 140, seed=1).convert("L")]
    local = colqwen2.encode_pages([image.convert("RGB") for image in images])
    for here, there in zip(local, far.encode_pages(images), strict=True):
        assert there.boxes is not None and here.boxes is not None and there.words is None
        assert np.array_equal(there.boxes, here.boxes)
        assert np.abs(there.vectors - here.vectors).max() < 1e-6
    query, same = colqwen2.encode_query(QUESTION), far.encode_query(QUESTION)
    assert (same.tokens, same.token_of.tolist()) == (query.tokens, query.token_of.tolist())
    assert np.array_equal(same.vectors, query.vectors) and same.floor is query.floor is None
    with pytest.raises(QueryError, match="cannot take in the query"):
        far.encode_query("<|image_pad|>")


def test_a_corpus_does_not_care_where_its_text_encoder_runs(
    minilm_url: str, sample_corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "otters.md").write_text("Otters swim in rivers.")
    (tmp_path / "planes.md").write_text("Planes fly above the clouds.")
    Corpus(tmp_path / "far", text_encoder=minilm_url).add([tmp_path / "otters.md", tmp_path / "planes.md"])
    near = Corpus(tmp_path / "far")
    assert near.info().encoders["text"] == sample_corpus.info().encoders["text"]
    assert [hit.key for hit in near.search("animals in the water", mode="text")] == ["otters.md:1", "planes.md:1"]
    query = "When is descaling with vinegar allowed?"
    far = Corpus(sample_corpus.path, text_encoder=minilm_url)
    assert far.search(query, 3) == sample_corpus.search(query, 3)
    assert far.search(query, 1)[0].key == "espresso-machine-manual.pdf:8"


def test_a_corpus_does_not_care_where_its_page_encoder_runs(
    checkpoint: Path, colqwen2_url: str, tmp_path: Path
) -> None:
    for number in range(3):
        drawn_page(140, 196, seed=number).save(tmp_path / f"{number}.png")
    far = Corpus(tmp_path / "corpus", encoder=colqwen2_url, text_encoder="none", dense_encoder="none")
    far.add(sorted(tmp_path.glob("*.png")))
    near = Corpus(tmp_path / "corpus", text_encoder="none", dense_encoder="none")
    assert near.info().encoders["visual"].name == str(checkpoint)
    hits = near.search(QUESTION, mode="visual")
    assert len(hits) == 3
    assert far.search(QUESTION, mode="visual") == hits
    with serving(Toy(), "visual") as other, pytest.raises(EncoderMismatch, match=r"was made with .*tiny"):
        Corpus(tmp_path / "corpus", encoder=other)


# --- batches and queues ----------------------------------------------------------------------------------


def test_texts_are_sent_in_bounded_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "TEXT_BYTES", 10)
    toy = Toy()
    with serving(toy, "text") as url:
        units = RemoteEncoder(url, "text").encode_texts(["a" * n for n in (4, 4, 4, 30, 1, 2, 3, 4, 5)])
    assert [unit.vectors.item() for unit in units] == [4, 4, 4, 30, 1, 2, 3, 4, 5]
    assert sorted(toy.batches) == [1, 1, 1, 2, 4]
    assert toy.most_at_once == 1


def test_pages_are_sent_in_bounded_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAGE_BYTES", 2 * 20 * 10 * 3)
    monkeypatch.setattr(wire, "MAX_BYTES", 100 * 10 * 3)
    toy = Toy()
    with serving(toy, "visual") as url:
        encoder = RemoteEncoder(url, "visual")
        units = encoder.encode_pages([Image.new("RGB", (width, 10)) for width in (20, 20, 20, 90, 10)])
        with pytest.raises(EncoderError, match="A page of 101 x 10 pixels is too large for an encoder server"):
            encoder.encode_pages([Image.new("RGB", (101, 10))])
        bomb = wire.pack_pages([Image.new("RGB", (101, 10))])
        refused = httpx.post(f"{url}/pages", content=bomb)
    assert [unit.vectors.item() for unit in units] == [20, 20, 20, 90, 10]
    assert sorted(toy.batches) == [1, 1, 1, 2]
    assert (refused.status_code, "once decoded" in refused.json()["error"]) == (400, True)


def test_one_request_is_on_the_model_at_a_time() -> None:
    toy = Toy(seconds=0.02)
    with serving(toy, "text") as url:
        encoder = RemoteEncoder(url, "text")
        threads = [threading.Thread(target=encoder.encode_query, args=(f"query {n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (len(toy.batches), toy.most_at_once) == (8, 1)


def test_a_full_queue_sends_clients_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_server, "QUEUE", 0)
    with serving(Toy(), "text") as url:
        encoder = RemoteEncoder(url, "text", pauses=(0.01,))
        with pytest.raises(EncoderError, match=r"does not answer \(HTTP 503\)"):
            encoder.encode_query("q")


# --- what goes wrong -------------------------------------------------------------------------------------


def test_a_restart_is_waited_for_and_another_encoder_is_noticed() -> None:
    with serving(Toy(), "text") as url:
        encoder = RemoteEncoder(url, "text", pauses=PATIENT)
        assert encoder.encode_query("four").vectors.item() == 4
    port = int(url.rpartition(":")[2])
    answers: list[QueryVectors] = []
    asking = threading.Thread(target=lambda: answers.append(encoder.encode_query("seven!!")))
    asking.start()
    time.sleep(0.3)
    assert asking.is_alive()
    with serving(Toy(), "text", port=port):
        asking.join()
    assert answers[0].vectors.item() == 7
    with (
        serving(Toy(fingerprint="other"), "text", port=port),
        pytest.raises(EncoderError, match=r"serves another encoder now \(other\) than at first \(toy, toy\)"),
    ):
        encoder.encode_query("q")


def test_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VDR_ENCODER_TOKEN", raising=False)
    with serving(Toy(), "text", token="sésame 1") as url:
        with pytest.raises(EncoderError, match=r"wants a token\. Set VDR_ENCODER_TOKEN to the one it was started"):
            RemoteEncoder(url, "text")
        monkeypatch.setenv("VDR_ENCODER_TOKEN", "sésame 2")
        with pytest.raises(EncoderError, match=r"refuses the token in VDR_ENCODER_TOKEN\. Set"):
            RemoteEncoder(url, "text")
        monkeypatch.setenv("VDR_ENCODER_TOKEN", "sésame 1\n")
        assert RemoteEncoder(url, "text").encode_query("q").vectors.item() == 1
        assert httpx.get(f"{url}/health").json() == {"status": "ok"}
        assert httpx.get(f"{url}/encoder").status_code == 401
        assert httpx.post(f"{url}/query", content=b"{}").status_code == 401
        with pytest.raises(EncoderError, match="Leave user and password out"):
            RemoteEncoder(url.replace("//", "//user:sesame@"), "text")


def test_an_answer_that_takes_too_long() -> None:
    with serving(Toy(seconds=0.5), "text") as url:
        encoder = RemoteEncoder(url, "text", timeout=0.1)
        with pytest.raises(EncoderError, match=re.escape(f"{url} took longer than 0.1 seconds to answer")):
            encoder.encode_query("q")


def test_nobody_answers() -> None:
    with encoder_server.listen("127.0.0.1", 0) as socket:
        port = socket.getsockname()[1]
    with pytest.raises(EncoderError) as caught:
        RemoteEncoder(f"http://127.0.0.1:{port}/", "text", pauses=(0.01,))
    assert re.fullmatch(
        rf"The encoder server http://127\.0\.0\.1:{port} does not answer \(.*refused\)\. Start it on that machine with "
        r"`vdr serve-encoder`, or check the address, the port and the firewall\.",
        str(caught.value),
    )
    for odd in ("http://", "http://[", "https://127.0.0.1:99999"):
        with pytest.raises(EncoderError, match=re.escape(odd.rstrip("/"))):
            RemoteEncoder(odd, "text", pauses=())


def test_something_else_answers() -> None:
    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(EncoderError, match=r"is no encoder server of vdr \(HTTP 404\)\. Check the address and"):
            RemoteEncoder(f"http://127.0.0.1:{server.server_port}", "text")
        server.shutdown()
        thread.join()
    for told in (["list"], {"some": "JSON"}, {"protocol": wire.PROTOCOL}):
        app = Starlette(routes=[Route("/encoder", lambda _, told=told: JSONResponse(told))])
        with listening(app) as url, pytest.raises(EncoderError, match=r"is no encoder server of vdr \(HTTP 200\)"):
            RemoteEncoder(url, "text")


def test_another_version_answers() -> None:
    app = Starlette(routes=[Route("/encoder", lambda _: JSONResponse({"protocol": 99}))])
    with (
        listening(app) as url,
        pytest.raises(EncoderError, match=r"speaks version 99 of the protocol, this vdr version 2\. Install the same"),
    ):
        RemoteEncoder(url, "text")


def test_an_encoder_of_the_other_channel(minilm_url: str) -> None:
    with pytest.raises(EncoderError, match=r"serves minilm, a text encoder: give it as --text-encoder, not as --enc"):
        load_page_encoder(minilm_url)


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (QueryError("that query is odd"), QueryError, "^that query is odd$"),
        (EncoderError("no memory left"), EncoderError, r"^The encoder server http://127.0.0.1:\d+: no memory left$"),
        (RuntimeError("boom"), EncoderError, r": it failed, and its log says why: RuntimeError$"),
    ],
)
def test_what_the_encoder_says_arrives(error: Exception, expected: type[Exception], message: str) -> None:
    with serving(Toy(error=error), "text") as url:
        encoder = RemoteEncoder(url, "text")
        for _ in range(2):  # the server goes on
            with pytest.raises(expected, match=message):
                encoder.encode_query("q")


def test_bad_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy()
    with serving(toy, "text") as url, httpx.Client(base_url=url) as client:
        for path, body in [
            ("/query", b"\x80\x04\x95pickle"),
            ("/query", b'{"text": 1}'),
            ("/texts", b'{"texts": []}'),
            ("/texts", b'{"texts": "abc"}'),
            ("/texts", b"[]"),
        ]:
            response = client.post(path, content=body)
            assert response.status_code == 400
            assert response.json()["error"].startswith("the request cannot be read: ")
        assert client.post("/pages", content=b"").status_code == 404
        assert client.get("/query").status_code == 405
        monkeypatch.setattr(encoder_server, "MAX_BYTES", 1 << 20)
        assert client.post("/query", content=b" " * (1 << 20) + b"x").status_code == 413
        assert client.post("/query", content=iter([b" " * (1 << 20), b"x"])).status_code == 413
    with serving(toy, "visual") as url, httpx.Client(base_url=url) as client:
        pickled = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94\x8c\x06system\x94\x93\x94."
        size = np.array([[2, 2]], np.int32)
        [page] = [array for name, array in wire.unpack(wire.pack_pages([drawn_page(2, 2)])).items() if name == "0"]
        assert client.post("/pages", content=wire.pack({"sizes": size, "0": page})).status_code == 200
        bad: list[dict[str, Any]] = [
            {},
            {"sizes": np.zeros((0, 2), np.int32)},
            {"sizes": size},
            {"sizes": size, "0": np.zeros(12, np.uint8)},
            {"sizes": size + 1, "0": page},
            {"sizes": size - 1, "0": page},
            {"sizes": size * -1, "0": page},
            {"sizes": np.float32(2), "0": page},
        ]
        for body in (b"", pickled, *map(wire.pack, bad)):
            assert client.post("/pages", content=body).status_code == 400
    assert toy.batches == [1]


# --- serving ---------------------------------------------------------------------------------------------


def test_others_need_a_token() -> None:
    for host in ("0.0.0.0", "::", "", "192.0.2.7", "gpu"):
        with pytest.raises(VdrError, match="could use an encoder server without a token"):
            encoder_server.check_exposure(host, "")
        encoder_server.check_exposure(host, "sesame")
    for host in ("127.0.0.1", "localhost", "::1"):
        encoder_server.check_exposure(host, "")


def test_a_taken_port() -> None:
    with encoder_server.listen("127.0.0.1", 0) as socket:
        port = socket.getsockname()[1]
        with pytest.raises(VdrError, match=rf"Cannot listen on 127.0.0.1:{port} .*Name another port with --port"):
            encoder_server.listen("127.0.0.1", port)


def test_the_command_serves_until_it_is_stopped(minilm: TextEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDR_ENCODER_TOKEN", "sesame")
    command = [sys.executable, "-m", "vdr.cli", "serve-encoder", "--text-encoder", "minilm", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = re.fullmatch(r"minilm \(text, 384 dims\) answers at (http://127.0.0.1:\d+), a token is needed\n", line)
        assert found, line
        query = load_text_encoder(found[1]).encode_query("otters")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 0
    assert np.allclose(query.vectors, minilm.encode_query("otters").vectors, atol=1e-5)
    assert rest == ""


def test_the_command_wants_one_encoder() -> None:
    for options in ([], ["--encoder", "a/b", "--text-encoder", "minilm"]):
        command = [sys.executable, "-m", "vdr.cli", "serve-encoder", *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (
            1,
            "vdr: Name one encoder to serve, with --encoder or --text-encoder or --dense-encoder.\n",
        )
