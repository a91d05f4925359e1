"""The search benchmark: what its pages consist of, what its figures count, and one small run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import search as benchmark
from pdfs import LETTER, pdf, show
from search_report import Row, markdown, plot, table
from search_sample import VdrSample
from search_vectors import DIM, BenchmarkPages, Pool, load_pool, project, query_of

from vdr.errors import VdrError

LENGTHS = [300, 50, 700, 900, 400, 650, 20, 800, 500, 720]


@pytest.fixture(scope="module")
def pool() -> Pool:
    """Ten pages; the first two numbers of a vector tell which page it is of, and where there."""
    random = np.random.default_rng(0)
    offsets = np.cumsum([0, *LENGTHS])
    vectors = random.normal(size=(offsets[-1], DIM)).astype(np.float32)
    vectors[:, 0] = np.repeat(np.arange(len(LENGTHS)), LENGTHS)
    vectors[:, 1] = np.concatenate([np.arange(length) for length in LENGTHS])
    return Pool(vectors, offsets, random.normal(size=(12, 20, DIM)).astype(np.float32), "toy", "toy")


def runs(page: np.ndarray) -> list[tuple[int, int, int]]:
    """Return the runs a page consists of: the real page, the first vector there, and how many."""
    places = page[:, :2].astype(int)
    breaks = np.flatnonzero(np.any(np.diff(places, axis=0) != [0, 1], axis=1)) + 1
    return [(int(run[0, 0]), int(run[0, 1]), len(run)) for run in np.split(places, breaks)]


def test_the_first_pages_are_the_real_ones(pool: Pool) -> None:
    pages = BenchmarkPages(pool, 30)
    assert [runs(pages.page(number)) for number in range(10)] == [
        [(number, 0, length)] for number, length in enumerate(LENGTHS)
    ]


def test_a_distractor_is_contiguous_runs_of_4_to_8_real_pages(pool: Pool) -> None:
    pages = BenchmarkPages(pool, 400)
    parts = set()
    for number in range(10, 400):
        found = runs(pages.page(number))
        donors = [donor for donor, _, _ in found]
        assert len(donors) == len(set(donors))
        assert all(start + length <= LENGTHS[donor] for donor, start, length in found)
        assert all(length <= 700 // len(found) + 1 for _, _, length in found)
        if not {1, 6} & set(donors):  # the two short pages give all they have, and the sum is less
            assert sum(length for _, _, length in found) == 700
        parts.add(len(found))
    assert parts == {4, 5, 6, 7, 8}


def test_a_page_is_the_same_in_every_run(pool: Pool) -> None:
    few, many = BenchmarkPages(pool, 11), BenchmarkPages(pool, 100_000)
    assert np.array_equal(few.page(10), many.page(10))
    assert not np.array_equal(many.page(10)[:4], many.page(11)[:4])
    assert (many.spans(99_999)[:, 1] - many.spans(99_999)[:, 0]).sum() <= 700
    chunks = list(BenchmarkPages(pool, 25).chunks(10))
    assert [(first, len(chunk)) for first, chunk in chunks] == [(0, 10), (10, 10), (20, 5)]
    assert all(
        np.array_equal(page, many.page(first + index)) for first, chunk in chunks for index, page in enumerate(chunk)
    )


def test_exact_scores_are_maxsim_over_every_vector(pool: Pool) -> None:
    pages = BenchmarkPages(pool, 25)
    scores = pages.exact_scores(pool.queries)
    expected = [[(query @ pages.page(n).T).max(axis=1).sum() for n in range(25)] for query in pool.queries]
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_the_projection_keeps_what_lies_in_128_dims() -> None:
    random = np.random.default_rng(1)
    basis, _ = np.linalg.qr(random.normal(size=(200, DIM)))
    vectors = random.normal(size=(500, DIM)) @ basis.T
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    projected, projection = project(vectors)
    assert projected.shape == (500, DIM) and projection.shape == (200, DIM)
    np.testing.assert_allclose(projected @ projected.T, vectors @ vectors.T, atol=1e-5)
    narrow, _ = project(np.array([[3.0, 4.0]], np.float32))
    assert narrow[0, :3].tolist() == pytest.approx([0.6, 0.8, 0.0])


def test_every_query_has_20_unit_vectors() -> None:
    short = query_of(np.array([[2, 0], [0, 5], [3, 4]], np.float32), np.eye(2, DIM, dtype=np.float32))
    assert short.shape == (20, DIM)
    assert short[:4, :2].tolist() == [[1, 0], [0, 1], [pytest.approx(0.6), pytest.approx(0.8)], [1, 0]]
    long = query_of(np.eye(30, dtype=np.float32), np.eye(30, DIM, dtype=np.float32))
    assert np.array_equal(long, np.eye(20, DIM))


def test_recall_counts_pages_and_score_recall_counts_ties() -> None:
    scores = np.array([[9.0, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1, 0]], np.float32)
    assert benchmark.recall([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]], scores) == (1.0, 1.0)
    assert benchmark.recall([[0, 1, 2, 3, 4, 5, 6, 7, 8, 10]], scores) == (0.9, 1.0)  # 10 ties with 9
    assert benchmark.recall([[0, 1, 2, 3, 4, 5, 6, 7, 11]], scores) == (0.8, 0.8)


def test_the_fastest_setting_that_finds_enough_is_reported() -> None:
    scores = np.arange(20, dtype=np.float32)[None, ::-1]
    all_ten, nine, eight = list(range(10)), [*range(9), 15], [*range(8), 15, 16]

    def trial(name: int, found: list[int], milliseconds: float) -> benchmark.Trial:
        return benchmark.Trial({"n": name}, [found], [milliseconds])

    chosen = benchmark.best_trial([trial(1, nine, 1), trial(2, all_ten, 9), trial(3, all_ten, 5)], scores)
    assert chosen.setting == {"n": 3}
    assert benchmark.best_trial([trial(1, eight, 1), trial(2, nine, 9)], scores).setting == {"n": 2}


ROWS: list[Row] = [
    {
        "engine": name, "pages": 2_000, "recall@10": recall, "score_recall@10": 1.0, "p50_ms": p50, "p95_ms": 2 * p50,
        "build_s": 3.0, "open_s": 0.1, "disk_bytes": 360_000_000, "rss_bytes": 500_000_000, "anon_bytes": 1,
        "queries": 50, "setting": setting, "device": "cpu",
    }
    for name, recall, p50, setting in [("slow", 1.0, 1234.5, ""), ("vdr", 0.996, 9.5, "n 3")]
]  # fmt: skip


def test_rows_become_a_table_and_a_plot(tmp_path: Path) -> None:
    assert table(ROWS).splitlines()[1].split() == [
        "vdr", "(n", "3)", "2,000", "0.996", "1.000", "9.5", "19.0", "3.0", "180.0", "500",
    ]  # fmt: skip
    where, _, head, rule, first, second = markdown(ROWS).splitlines()
    assert where.startswith("Commit ") and " cores, load " in where
    assert head.count("|") == rule.count("|") == first.count("|") == 10
    assert second == "| slow | 2,000 | 1.000 | 1.000 | 1,234.5 | 2,469.0 | 3.0 | 180.0 | 500 |"
    plot(ROWS, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def judged_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    (folder / "pdfs").mkdir()
    lines = ["the quarterly revenue of the northern division", "how to descale the boiler", "opening hours on Sunday"]
    contents = [show(line, 50, 400, 14) for line in lines]
    (folder / "pdfs" / "three.pdf").write_bytes(pdf(*contents, show("", 0, 0), media=LETTER))
    queries = [{"_id": str(n), "text": text} for n, text in enumerate(["revenue?", "boiler?", "hours?"])]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    return folder


def test_a_pool_is_encoded_once_and_cached(
    judged_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = load_pool(judged_set, tmp_path)
    assert "encoding 1/1 three.pdf" in capsys.readouterr().err
    assert made.queries.shape == (3, 20, DIM)
    assert made.vectors.shape == (made.offsets[-1], DIM)
    np.testing.assert_allclose(np.linalg.norm(made.vectors, axis=1), 1, rtol=1e-5)
    best = BenchmarkPages(made, 3).exact_scores(made.queries).argmax(axis=1)
    assert best.tolist() == [0, 1, 2]  # each question finds its line
    again = load_pool(judged_set, tmp_path)
    assert capsys.readouterr().err == ""
    assert np.array_equal(again.vectors, made.vectors) and again.fingerprint == made.fingerprint


def test_a_folder_without_pages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VdrError, match="Name another folder with --pdfs"):
        load_pool(tmp_path, tmp_path / "cache")


def test_a_run_prints_the_rows(judged_set: Path, tmp_path: Path) -> None:
    script = Path(benchmark.__file__)
    command = [sys.executable, str(script), "--pages", "3", "--queries", "3", "--pdfs", str(judged_set), "--json"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*command, "--engines", "vdr,torch-fp32"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    assert [(row["engine"], row["pages"], row["recall@10"], row["score_recall@10"]) for row in rows] == [
        ("vdr", 3, 1.0, 1.0), ("torch-fp32", 3, 1.0, 1.0),
    ]  # fmt: skip
    assert {"p50_ms", "p95_ms", "build_s", "disk_bytes", "rss_bytes"} < set(rows[0])
    assert 0 < rows[1]["p50_ms"] <= rows[1]["p95_ms"]
    too_many = subprocess.run(
        [*command, "--queries", "4", "--engines", "vdr"], env=environment, capture_output=True, text=True, check=False
    )
    assert too_many.returncode == 1
    assert "has 3 queries" in too_many.stderr


def test_ours_with_holes_finds_what_is_best_though_only_candidates_are_written(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vdr.search.CANDIDATES", 60)
    turned = pool.vectors / np.linalg.norm(pool.vectors, axis=1, keepdims=True)
    queries = np.stack([turned[100 * number : 100 * number + 20] for number in range(12)])
    pages = BenchmarkPages(Pool(turned, pool.offsets, queries, "toy", "toy"), 400)
    engine = VdrSample()
    engine.build(pages, tmp_path)
    engine.open(tmp_path, queries, "cpu")
    scores = pages.exact_scores(queries)
    found = [engine.search(number, 1, {})[0] for number in range(12)]
    np.testing.assert_allclose(scores[range(12), found], scores.max(axis=1), rtol=1e-4)  # several pages have the run
    data = tmp_path / "corpus" / "visual.lance" / "data" / "sample.lance"
    lengths = [len(pages.places(page)) for page in range(400)]
    assert data.stat().st_size == DIM * sum(lengths)
    written = np.fromfile(data, np.int8).reshape(-1, DIM).any(axis=1)
    assert 60 <= sum(part.any() for part in np.split(written, np.cumsum(lengths)[:-1])) < 300
