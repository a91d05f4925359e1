"""What the best passages say is asked for beside the question; pages are not believed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vdr import Corpus, feedback
from vdr.blend import blend
from vdr.retrieve import Scores
from vdr.types import MultiVector

PASSAGES = {
    "echo": "Bats find moths in the dark by echolocation: they call and listen for the echo.",
    "sonar": "Dolphins emit clicks and locate fish by the echo, a sonar that works in murky water.",
    "calls": "The calls are far above what we hear; from the delay the animal knows how distant its prey is.",
    "bread": "Bread rises because yeast makes gas from sugar.",
    "tides": "Tides follow the moon twice a day.",
    "steel": "Steel is hardened by heating it and cooling it fast in oil.",
    "paper": "Paper is made of fibres of wood that are pressed and dried.",
}


def test_words_of_several_passages_come_first_and_weigh_most() -> None:
    first = MultiVector(np.eye(4, dtype=np.float32), words=np.arange(4, dtype=np.int32))
    second = MultiVector(np.eye(4, dtype=np.float32)[[1, 3]], words=np.array([0, 2], np.int32))
    found = feedback.words([(first, "the echoes 2018 bats"), (second, "echo of it")], n_query=6)
    # "the", "of" and "it" are stop words, 2018 is a number; "echo" is in two passages, twice in all
    shares = np.array([2 * np.log(3), np.log(2)])
    shares *= 6 / shares.sum()
    assert found == pytest.approx(np.array([[0, 1, 0, 0], [0, 0, 0, 1]]) * shares[:, None])
    assert feedback.words([(second, "of the it")], n_query=6).shape == (0, 0)
    assert feedback.words([], n_query=6).shape == (0, 0)


def test_ten_words_are_asked_for() -> None:
    page = MultiVector(np.eye(12, dtype=np.float32), words=np.arange(12, dtype=np.int32))
    text = " ".join(f"word{letter}" for letter in "abcdefghijkl")
    found = feedback.words([(page, text)], n_query=5)
    assert found == pytest.approx(np.eye(12)[:10] / 2)


OTHERS = [f"The {thing} of the {place} is {age}." for thing in ("roof", "door", "well", "gate")
          for place in ("mill", "inn", "abbey") for age in ("old", "new")]  # fmt: skip


def jsonl(path: Path, texts: dict[str, str]) -> Path:
    path.write_text("\n".join(json.dumps({"_id": name, "text": text}) for name, text in texts.items()))
    return path


def test_passages_are_asked_again_and_pages_are_not(tmp_path: Path, sample_corpus: Corpus) -> None:
    corpus = Corpus(tmp_path / "corpus")
    corpus.add(jsonl(tmp_path / "corpus.jsonl", {**PASSAGES, **{f"other{n}": text for n, text in enumerate(OTHERS)}}))
    hits = corpus.search("How do bats hunt at night?", k=7)
    assert [hit.record for hit in hits[:3]] == ["echo", "calls", "sonar"]
    assert {stage.name: stage.pages for stage in hits.trace.stages}["feedback"] == 31
    assert "feedback" not in [stage.name for stage in sample_corpus.search("descaling").trace.stages]
    alone = corpus.search("How do bats hunt at night?", k=31, mode="dense")
    assert "feedback" not in [stage.name for stage in alone.trace.stages]
    scores = {hit.key: hit.channels["dense"] for hit in hits}  # what is told is likeness to the question itself
    every = {hit.key: hit.score for hit in alone}
    assert scores == pytest.approx({key: every[key] for key in scores})


def test_of_a_few_passages_none_is_believed(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus")
    corpus.add(jsonl(tmp_path / "corpus.jsonl", PASSAGES))
    hits = corpus.search("How do bats hunt at night?", k=7)
    assert hits[0].record == "echo"
    assert "feedback" not in [stage.name for stage in hits.trace.stages]


def test_bm25_weighs_half_where_it_was_not_asked_again(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "corpus", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add(jsonl(tmp_path / "corpus.jsonl", {"a": "moths and bats", "b": "bats", "c": "steel"}))
    keys = [f"corpus.jsonl:{page}" for page in (1, 2, 3)]
    scores = {
        "bm25": Scores(dict(zip(keys, (3.0, 2.0, 1.0), strict=True)), {}),
        "dense": Scores(dict(zip(keys, (1.0, 2.0, 3.0), strict=True)), {}),
    }
    before, _ = blend(corpus._store, "bats", scores, 100)
    after, _ = blend(corpus._store, "bats", scores, 100, feedback.NOT_ASKED)
    spread = np.sqrt(1.5)
    assert before == pytest.approx(dict(zip(keys, (-spread / 5, 0, spread / 5), strict=True)))
    assert after == pytest.approx(dict(zip(keys, (-spread / 2, 0, spread / 2), strict=True)))
