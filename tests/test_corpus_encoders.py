"""An encoder as an object instead of a name: what a corpus makes of it, and how many pages it hands over at once."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vdr import Corpus, EncoderError, EncoderMismatch, QueryError, ingest
from vdr.types import MultiVector, QueryVectors, Unit


class Ink:
    """A page encoder of one vector: how much ink is on a page. "ink" asks for much of it, other words for little."""

    name = "ink"
    dim = 2
    fingerprint = "0123456789abcdef"

    def __init__(self) -> None:
        self.calls: list[int] = []

    def encode_query(self, text: str) -> QueryVectors:
        wanted = [1.0, 0.0] if text == "ink" else [0.0, 1.0]
        return QueryVectors((text,), np.zeros(1, np.int32), np.array([wanted], np.float32))

    def encode_pages(self, images: Sequence[Image.Image]) -> list[MultiVector]:
        self.calls.append(len(images))
        white = [float(np.asarray(image).mean()) / 255 for image in images]
        box = np.array([[0, 0, 1, 1]], np.float32)
        return [MultiVector(np.array([[1 - share, share]], np.float32), boxes=box) for share in white]


class FiveAtOnce(Ink):
    """The same, with a wish."""

    pages_at_once = 5


class Letters:
    """A text encoder that makes a vector of each word: whether it begins with an "a"."""

    name = "letters"
    dim = 2
    fingerprint = "fedcba9876543210"

    def encode_query(self, text: str) -> QueryVectors:
        words = text.split()
        return QueryVectors(tuple(words), np.arange(len(words), dtype=np.int32), self._vectors(words))

    def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
        split = [text.split() for text in texts]
        return [MultiVector(self._vectors(words), words=np.arange(len(words), dtype=np.int32)) for words in split]

    def _vectors(self, words: Sequence[str]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        return np.array([[1, 0] if word.startswith("a") else [0, 1] for word in words], np.float32)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pages: white, grey, black."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, grey in (("white", 255), ("grey", 128), ("black", 0)):
        Image.new("RGB", (60, 80), (grey,) * 3).save(folder / f"{name}.png")
    return folder


# --- as an object ----------------------------------------------------------------------------------------


def test_a_corpus_encodes_pages_and_queries_with_an_object(tmp_path: Path, pictures: Path) -> None:
    encoder = Ink()
    corpus = Corpus(tmp_path / "c", encoder=encoder, text_encoder="none", dense_encoder="none")
    assert corpus.encoder is encoder
    assert corpus.text_encoder is None
    corpus.add(pictures)
    hits = corpus.search("ink", mode="visual")
    assert [hit.key for hit in hits] == ["black.png:1", "grey.png:1", "white.png:1"]
    assert [hit.score for hit in hits] == pytest.approx([1, 127 / 255, 0], abs=5e-3)
    assert [hit.doc for hit in corpus.search("paper", 1, mode="visual")] == ["white.png"]
    pin = corpus.info().encoders["visual"]
    assert (pin.name, pin.dim, pin.fingerprint) == ("ink", 2, "0123456789abcdef")
    again = Corpus(tmp_path / "c", encoder=Ink(), text_encoder="none", dense_encoder="none")
    assert again.search("ink", mode="visual") == hits


def test_a_corpus_encodes_texts_with_an_object(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("apes and ants")
    (tmp_path / "b.txt").write_text("bees")
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder=Letters())
    corpus.add([tmp_path / "a.txt", tmp_path / "b.txt"])
    hits = corpus.search("all apples", mode="text")
    assert [(hit.key, hit.score) for hit in hits] == [("a.txt:1", 2.0), ("b.txt:1", 0.0)]


def test_an_object_is_held_to_what_the_corpus_was_made_with(tmp_path: Path, pictures: Path) -> None:
    Corpus(tmp_path / "c", encoder=Ink(), text_encoder="none", dense_encoder="none").add(pictures)
    other = Ink()
    other.name, other.fingerprint = "other", "f" * 16
    with pytest.raises(EncoderMismatch, match=r"was made with ink \(2 dims, 0123456789abcdef\), not with other"):
        Corpus(tmp_path / "c", encoder=other, text_encoder="none", dense_encoder="none")
    other.name = "ink"
    with pytest.raises(EncoderMismatch, match=r"another version of ink \(0123456789abcdef; .* index again, .* --enc"):
        Corpus(tmp_path / "c", encoder=other, text_encoder="none", dense_encoder="none")


def test_an_object_for_the_other_channel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="letters has no encode_pages, so it cannot be the encoder of a corpus"):
        Corpus(tmp_path / "c", encoder=Letters())  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="ink has no encode_texts, so it cannot be the text_encoder of a corpus"):
        Corpus(tmp_path / "c", text_encoder=Ink())  # type: ignore[arg-type]


# --- how much at once ------------------------------------------------------------------------------------


def test_pages_are_handed_over_as_the_encoder_wishes(
    tmp_path: Path, sample: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calls(encoder: Ink, folder: str) -> list[int]:
        Corpus(tmp_path / folder, encoder=encoder, text_encoder="none", dense_encoder="none").add(
            [sample / "pdfs" / name for name in ("scanned-invoices.pdf", "strategy-slides.pdf")]  # 5 and 10 pages
        )
        return encoder.calls

    assert calls(Ink(), "silent") == [15]
    assert calls(FiveAtOnce(), "wishing") == [5, 5, 5]
    monkeypatch.setattr(ingest, "PIXELS", 1)  # a page is more than that, and goes alone
    assert calls(FiveAtOnce(), "small") == [1] * 15


def test_a_batch_counts_passages_and_pictures_by_what_they_take() -> None:
    picture = Unit(1, "", image=Image.new("RGB", (1, 1)))
    passage = Unit(1, "x")

    def sizes(units: Sequence[Unit | None], pages_at_once: int) -> list[int]:
        return [len(batch) for batch in ingest._batches(((None, unit) for unit in units), pages_at_once)]  # type: ignore[misc]

    assert sizes([picture] * 7, 3) == [3, 3, 1]
    assert sizes([passage] * 130, 3) == [64, 64, 2]
    assert sizes([picture] * 98, 49) == [49, 49]
    assert sizes([*[passage] * 32, *[picture] * 9], 16) == [40, 1]
    assert sizes([picture, None, picture, None, picture, None], 2) == [3, 3]  # the end of a document takes nothing


def test_no_more_than_three_batches_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PASSAGES", 4)
    units, read = ingest._units, []
    changed = threading.Condition()

    def counted(*arguments: object) -> Iterator[Unit]:
        for unit in units(*arguments):  # type: ignore[arg-type]
            with changed:
                read.append(unit)
                changed.notify()
            yield unit

    monkeypatch.setattr(ingest, "_units", counted)
    calls: list[int] = []

    class Slow(Letters):
        def encode_texts(self, texts: Sequence[str]) -> list[MultiVector]:
            at_encoder, waiting, reading = 4, 4, 4
            calls.append(len(texts))
            with changed:
                done = 4 * (len(calls) - 1)
                most = min(done + at_encoder + waiting + reading, 40)
                assert changed.wait_for(lambda: len(read) >= most, 30)
                assert not changed.wait(0.1)  # and it stays so
                assert len(read) == most
            return super().encode_texts(texts)

    (tmp_path / "long.txt").write_text("\n\n".join([f"{number:04} " * 400 for number in range(40)]))
    report = Corpus(tmp_path / "c", encoder="none", text_encoder=Slow()).add(tmp_path / "long.txt")
    assert [info.pages for info in report.added] == [40]
    assert calls == [4] * 10


def test_a_document_moves_to_another_collection_without_being_encoded_again(tmp_path: Path, pictures: Path) -> None:
    encoder = Ink()
    corpus = Corpus(tmp_path / "c", encoder=encoder, text_encoder="none", dense_encoder="none")
    corpus.add(pictures)
    assert encoder.calls == [3]
    before = corpus.search("ink", mode="visual")
    report = corpus.add([pictures / "grey.png", pictures / "black.png", tmp_path / "gone.png"], collection="dark")
    assert encoder.calls == [3]
    assert sorted(report.replaced) == ["black.png", "grey.png"]
    assert corpus.add(pictures / "black.png", collection="dark").skipped == ("black.png",)
    assert corpus.add(pictures / "black.png").skipped == ("black.png",)  # stays where it is
    collections = {document.name: document.collection for document in corpus.documents()}
    assert collections == {"white.png": "", "grey.png": "dark", "black.png": "dark"}
    assert [hit.key for hit in corpus.search("ink", mode="visual", collection="dark")] == ["black.png:1", "grey.png:1"]
    assert [hit.key for hit in corpus.search("ink", mode="visual")] == [hit.key for hit in before]


# --- a corpus that another process made anew -------------------------------------------------------------


def test_a_corpus_made_anew_with_another_encoder_is_not_given_vectors_of_the_first(tmp_path: Path) -> None:
    """Also by who had loaded the encoder before: what is written and asked is checked each time."""
    (tmp_path / "a.txt").write_text("apples and pears")
    open_before = Corpus(tmp_path / "c", encoder="none", dense_encoder="none", text_encoder=Letters())
    open_before.add(tmp_path / "a.txt")
    shutil.rmtree(tmp_path / "c")
    other = Letters()
    other.name, other.fingerprint = "other", "00"
    Corpus(tmp_path / "c", encoder="none", dense_encoder="none", text_encoder=other).add(tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("bananas")
    with pytest.raises(EncoderMismatch, match=r"was made with other \(2 dims, 00\), not with letters"):
        open_before.add(tmp_path / "b.txt")
    assert [document.name for document in open_before.documents()] == ["a.txt"]


def test_an_empty_corpus_without_an_encoder_says_that_it_has_none(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "c", encoder="none")
    with pytest.raises(QueryError, match="is empty, and was given no encoder for the visual channel"):
        corpus.search("ink", mode="visual")
