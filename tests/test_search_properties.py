"""Whatever is added, replaced, deleted and asked: hits are those of a dictionary and brute force.

Pages have vectors of -1, 0 and 1, which a byte a number keeps as well as a float does; so scores of queries of such
vectors are whole numbers but for rounding, and ties are ties.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from toy_encoder import DIM, ToyEncoder, add, query_text

from vdr import Corpus
from vdr.store import Store
from vdr.types import Hit

NAMES = ("a.pdf", "b.pdf", "c.pdf", "d.pdf")
COLLECTIONS = ("", "x", "y")


@dataclass(frozen=True)
class Add:
    """Add a document, or replace one of that name."""

    name: str
    lengths: tuple[int, ...]
    seed: int
    collection: str


@dataclass(frozen=True)
class Delete:
    """Delete a document, if it is there."""

    name: str


@dataclass(frozen=True)
class Search:
    """Ask, maybe only in some documents or in a collection."""

    n_query: int
    seed: int
    unit: bool
    k: int
    only: str  # a document's name, a collection, or "" for everywhere


seeds = st.integers(0, 2**16)
adds = st.builds(
    Add,
    st.sampled_from(NAMES),
    st.lists(st.integers(1, 12), min_size=1, max_size=4).map(tuple),
    seeds,
    st.sampled_from(COLLECTIONS),
)
deletes = st.builds(Delete, st.sampled_from(NAMES))
searches = st.builds(
    Search, st.integers(1, 8), seeds, st.booleans(), st.integers(1, 20), st.sampled_from(["", *NAMES, *COLLECTIONS[1:]])
)

Documents = dict[str, tuple[str, list[np.ndarray]]]


def whole(random: np.random.Generator, n: int) -> np.ndarray:
    """Return `(n, 16)` vectors of -1, 0 and 1, none of them zero."""
    vectors = random.integers(-1, 2, (n, DIM)).astype(np.float32)
    vectors[~vectors.any(axis=1), 0] = 1
    return vectors


def brute_force(query: np.ndarray, documents: Documents, only: str = "") -> dict[str, float]:
    """Return the score of every page in float64, by the definition of MaxSim."""
    return {
        f"{name}:{page}": float((query.astype(np.float64) @ vectors.astype(np.float64).T).max(axis=1).sum())
        for name, (collection, pages) in documents.items()
        if only in ("", name, collection)
        for page, vectors in enumerate(pages, start=1)
    }


def check(hits: list[Hit], expected: dict[str, float], k: int, exact: bool) -> None:
    """Compare hits with the score of every page that may be found."""
    if exact:
        best = sorted(expected.items(), key=lambda item: (-item[1], item[0]))[:k]
        assert [hit.key for hit in hits] == [key for key, _ in best]
    assert len(hits) == min(k, len(expected))
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert {hit.key: hit.score for hit in hits} == pytest.approx(
        {hit.key: expected[hit.key] for hit in hits}, rel=1e-3, abs=1e-3
    )
    assert [(-hit.score, hit.key) for hit in hits] == sorted((-hit.score, hit.key) for hit in hits)
    found = {hit.key for hit in hits}
    left_out = max((score for key, score in expected.items() if key not in found), default=-np.inf)
    assert left_out <= min((expected[key] for key in found), default=np.inf) + 2e-3


def ask(corpus: Corpus, step: Search, documents: Documents) -> None:
    """Search and compare; a document or collection that is not there is not asked for."""
    present = {"", *documents, *(collection for collection, _ in documents.values())}
    only = step.only if step.only in present else ""
    query = whole(np.random.default_rng(step.seed), step.n_query)
    text = query_text(query, step.unit)
    hits = corpus.search(
        text,
        step.k,
        mode="visual",
        docs=only if only in documents else None,
        collection=only if only in COLLECTIONS[1:] else None,
    )
    if step.unit:
        query = query / np.linalg.norm(query, axis=1, keepdims=True)
    check(hits, brute_force(query, documents, only), step.k, exact=not step.unit)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(st.one_of(adds, adds, deletes, searches), min_size=1, max_size=7),
    last=searches,
    few=st.sampled_from((None, 0, 8)),
)
@example(
    steps=[Add("a.pdf", (3, 1), 1, "x"), Add("a.pdf", (2,), 2, "y"), Delete("a.pdf"), Add("a.pdf", (1,), 3, "")],
    last=Search(2, 4, False, 5, ""),
    few=0,
)
@example(
    steps=[Add("a.pdf", (3, 1), 1, "x"), Add("b.pdf", (2,), 2, "y"), Delete("a.pdf"), Add("a.pdf", (1, 2), 3, "")],
    last=Search(2, 4, True, 5, ""),
    few=8,
)
@example(
    steps=[Add("a.pdf", (2,), 1, "x"), Add("b.pdf", (2,), 1, "y"), Search(3, 9, False, 1, "y"), Delete("a.pdf")],
    last=Search(2, 4, True, 5, "y"),
    few=None,
)
def test_any_history_ends_in_the_hits_of_a_dictionary(
    steps: list[Add | Delete | Search], last: Search, few: int | None
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        if few is not None:  # candidates come from codes or are all, however small the corpus
            patch.setattr("vdr.vectors.EXHAUSTIVE", -1)
            patch.setattr("vdr.retrain.start", lambda _folder: None)
            patch.setattr("vdr.retrieve.FEW", few)
        documents: Documents = {}
        # opened before, it sees what others write
        corpus = Corpus(folder, encoder=ToyEncoder(), text_encoder="none", dense_encoder="none")
        writer = Store(folder)
        for step in [*steps, last]:
            match step:
                case Add():
                    random = np.random.default_rng(step.seed)
                    pages = [whole(random, length) for length in step.lengths]
                    add(writer, step.name, pages, step.collection)
                    documents[step.name] = (step.collection, pages)
                case Delete() if step.name in documents:
                    corpus.delete(step.name)
                    del documents[step.name]
                case Search():
                    ask(corpus, step, documents)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "corpus"


def corpus_of(place: Path, *documents: tuple[str, list[np.ndarray]]) -> Corpus:
    store = Store(str(place))
    for name, pages in documents:
        add(store, name, pages)
    return Corpus(place, encoder=ToyEncoder(), text_encoder="none", dense_encoder="none")


def test_an_empty_corpus_has_no_hits(place: Path) -> None:
    assert corpus_of(place).search("1", k=3, mode="visual") == []


def test_one_page_is_found_however_many_are_asked_for(place: Path) -> None:
    (hit,) = corpus_of(place, ("a.pdf", [np.eye(1, DIM)])).search("3,4/-2", k=1_000, mode="visual")
    assert hit.key == "a.pdf:1"
    assert hit.score == pytest.approx(3 - 2)


def test_ties_go_by_document_and_page_wherever_the_cut_is(place: Path) -> None:
    same, better = np.eye(2, DIM, dtype=np.float32), np.eye(1, DIM, dtype=np.float32) * 2
    corpus = corpus_of(place, ("b.pdf", [same] * 11), ("a.pdf", [same, better, same]))
    keys = ["a.pdf:2", "a.pdf:1", "a.pdf:3", *(f"b.pdf:{n}" for n in range(1, 12))]
    for k in (1, 2, 4, 6, 14, 20):
        hits = corpus.search("1", k=k, mode="visual")
        assert [hit.key for hit in hits] == keys[:k]
        assert [hit.score for hit in hits] == pytest.approx([2, *[1] * 13][:k])


@pytest.mark.parametrize("unit", [False, True])
def test_pages_of_one_and_of_5_000_vectors(place: Path, unit: bool) -> None:
    random = np.random.default_rng(5)
    pages = [whole(random, 1), whole(random, 5_000), whole(random, 1), whole(random, 700), whole(random, 5_000)]
    corpus = corpus_of(place, ("a.pdf", pages))
    query = whole(random, 20)
    hits = corpus.search(query_text(query, unit), k=3, mode="visual")
    if unit:
        query = query / np.linalg.norm(query, axis=1, keepdims=True)
    check(hits, brute_force(query, {"a.pdf": ("", pages)}), 3, exact=not unit)


def test_a_longer_query_scores_higher_not_otherwise(place: Path) -> None:
    random = np.random.default_rng(6)
    corpus = corpus_of(place, ("a.pdf", [whole(random, 9) for _ in range(12)]))
    query = whole(random, 5)
    once = corpus.search(query_text(query), k=12, mode="visual")
    tenfold = corpus.search(query_text(10 * query), k=12, mode="visual")
    assert [hit.key for hit in tenfold] == [hit.key for hit in once]
    assert [hit.score for hit in tenfold] == pytest.approx([10 * hit.score for hit in once], rel=1e-3)
