"""Weights learnt on judged queries, kept with the corpus and used by searches."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from toy_encoder import ToyEncoder, add
from typer.testing import CliRunner

from vdr.blend import blend
from vdr.errors import JudgementError
from vdr.evaluate import JudgedQuery
from vdr.fusion import weigh
from vdr.retrieve import Scores
from vdr.store import Store
from vdr.tables import Tuning
from vdr.tune import Judged, learn, look_up

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TUNED = Tuning({"visual": 0.0, "bm25": 1.0, "document": 4.0}, 30, 0.4, 0.5, "2026-01-02T00:00:00+00:00")


def judged(right: str, seed: int) -> Judged:
    """A query over 40 pages whose answer the `right` channel ranks first and the others anywhere."""
    random = np.random.default_rng(seed)
    keys = [f"d.pdf:{page}" for page in range(1, 41)]
    answer = int(random.integers(40))
    channels = {}
    for channel in ("visual", "text", "bm25"):
        found = random.normal(size=40)
        if channel == right:
            found[answer] = found.max() + 1.0
        channels[channel] = dict(zip(keys, found.tolist(), strict=True))
    known = weigh(channels, lambda channel, key: True)
    grade = np.array([key == keys[answer] for key in known.keys], np.int64)
    return Judged(known, np.arange(len(known.keys)), grade, 1.0)


def test_a_channel_that_is_always_right_comes_to_count_most_and_unseen_queries_say_so() -> None:
    outcome = learn([judged("text", seed) for seed in range(30)], ["visual", "text", "bm25"], NOW)
    weights = outcome.tuning.weights
    assert weights["text"] > 3 * max(weights["visual"], weights["bm25"])
    assert outcome.tuning.default < 0.9 < outcome.tuning.tuned
    assert outcome.better
    assert outcome.tuning.queries == 30
    assert outcome.tuning.tuned_at == "2026-01-02T00:00:00+00:00"


def test_weights_learnt_from_noise_are_not_better() -> None:
    outcome = learn([judged("none", seed) for seed in range(30)], ["visual", "text", "bm25"], NOW)
    assert not outcome.better
    assert outcome.gain <= outcome.error


def test_a_few_queries_are_too_few() -> None:
    with pytest.raises(JudgementError, match=r"9 judged queries .* too few"):
        learn([judged("text", seed) for seed in range(9)], ["text", "bm25"])


def test_pages_of_a_record_count_once_for_the_best_of_them() -> None:
    found = {"text": {"c:1": 4.0, "c:2": 3.0, "c:3": 2.0}}
    known = weigh(found, lambda channel, key: True)
    query = Judged(known, np.array([0, 0, 1]), np.array([0, 0, 1]), 1.0)
    assert query.ndcg({}) == pytest.approx(1 / np.log2(3))


# --- in a corpus -----------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path / "corpus"))
    for number in range(12):
        add(
            store,
            f"{number:02}.pdf",
            [np.eye(1, 16, dtype=np.float32) / np.float32(number + 1)],
            text=f"word{number} in common",
        )
    return store


def queries(count: int) -> tuple[list[JudgedQuery], dict[str, dict[str, int]]]:
    """Queries that their own words answer, and no vector."""
    asked = [JudgedQuery(f"q{number}", f"word{number}") for number in range(count)]
    return asked, {f"q{number}": {f"{number:02}.pdf:1": 1} for number in range(count)}


def test_queries_are_looked_up_as_a_search_fuses_them_and_those_of_other_documents_left_out(store: Store) -> None:
    asked, qrels = queries(14)
    looked_up = look_up(store, asked, qrels, lambda channel, text: ToyEncoder().encode_query("1,0"))
    assert len(looked_up) == 12
    assert looked_up[3].ndcg({"visual": 0.0}) == 1.0
    assert looked_up[11].ndcg({"bm25": 0.0}) == 0.0  # eleven pages have a larger vector
    assert looked_up[0].evidence.channels == ("visual", "bm25")


def test_weights_are_kept_seen_by_others_and_used(store: Store) -> None:
    other = Store(store.uri)
    found = {"visual": Scores({"00.pdf:1": 9.0, "01.pdf:1": 1.0}, {}), "bm25": Scores({"01.pdf:1": 1.0}, {})}
    assert other.tuning() is None
    before, _ = blend(other, "x", found, 100)
    assert before == pytest.approx({"00.pdf:1": -1 / 3, "01.pdf:1": 1 / 3})  # BM25 counts twice
    store.tune(TUNED)
    assert other.tuning() == TUNED
    store.tune(replace(TUNED, queries=31))
    assert other.tuning() == replace(TUNED, queries=31)
    tuned, _ = blend(other, "x", {**found, "bm25": Scores({"01.pdf:1": 2.0, "00.pdf:1": 1.0}, {})}, 100)
    assert tuned == pytest.approx({"00.pdf:1": -1.0, "01.pdf:1": 1.0})
    store.optimize()
    add(store, "new.pdf", [np.eye(1, 16, dtype=np.float32)])
    assert other.tuning() == replace(TUNED, queries=31)
    store.tune(None)
    assert other.tuning() is None
    store.tune(None)


def test_what_was_learnt_is_told_in_a_line() -> None:
    assert str(TUNED) == "visual 0, bm25 1, document 4; nDCG@10 0.400 -> 0.500 on 30 judged queries"


def test_the_command_needs_documents_and_judgements(tmp_path: Path, own_corpus_folder: Path, sample: Path) -> None:
    from vdr.cli import app

    def tune(*arguments: str) -> object:
        return CliRunner().invoke(app, ["tune", *arguments])

    empty = tune(str(sample), "--corpus", str(tmp_path / "none"))
    assert "is empty" in str(empty.exception)  # type: ignore[attr-defined]
    assert not (tmp_path / "none").exists()
    unjudged = tune("--corpus", str(own_corpus_folder))
    assert isinstance(unjudged.exception, JudgementError)  # type: ignore[attr-defined]


def test_the_command_keeps_only_what_is_better_and_resets(own_corpus_folder: Path, sample: Path) -> None:
    from vdr.cli import app

    runner = CliRunner()
    result = runner.invoke(app, ["tune", str(sample), "--corpus", str(own_corpus_folder)])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("learnt      visual ")
    kept = Store(str(own_corpus_folder)).tuning()
    assert (kept is not None) == ("\nkept " in result.stdout)
    Store(str(own_corpus_folder)).tune(TUNED)
    told = ", ".join(f"{name} {weight:g}" for name, weight in TUNED.weights.items())
    assert f"weights     {told}\n" in runner.invoke(app, ["info", "--corpus", str(own_corpus_folder)]).stdout
    reset = runner.invoke(app, ["tune", "--reset", "--corpus", str(own_corpus_folder)])
    assert reset.exit_code == 0
    assert Store(str(own_corpus_folder)).tuning() is None
