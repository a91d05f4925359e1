"""Search in a channel that is coded: the ranking of brute force, whatever happens to the corpus and its index."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from toy_encoder import DIM, add

from vdr import codes, index_files, pipeline, retrain, retrieve, search
from vdr.store import Store
from vdr.types import Floats, QueryVectors

START = retrain.start


@pytest.fixture(autouse=True)
def _every_channel_is_coded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdr.vectors.EXHAUSTIVE", -1)
    monkeypatch.setattr("vdr.search.CANDIDATES", 512)
    monkeypatch.setattr("vdr.search.PARTLY", 64)
    monkeypatch.setattr("vdr.search.WHOLE", 32)
    monkeypatch.setattr("vdr.retrieve.FEW", 0)
    monkeypatch.setattr("vdr.retrain.start", lambda _folder: None)  # but in the tests about it


def words(random: np.random.Generator, kinds: int = 40) -> Floats:
    """Return directions that vectors scatter around, as words of a language do."""
    centres = random.normal(size=(kinds, DIM))
    unit: Floats = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)
    return unit


def page(random: np.random.Generator, centres: Floats, length: int = 30) -> Floats:
    vectors = centres[random.integers(0, len(centres), length)] + random.normal(size=(length, DIM)) * 0.08
    unit: Floats = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


def brute_force(query: Floats, pages: dict[str, Floats]) -> dict[str, float]:
    return {key: float((vectors @ query.T).max(axis=0).sum()) for key, vectors in pages.items()}


def best(scores: dict[str, float], k: int) -> list[str]:
    return sorted(scores, key=lambda key: (-scores[key], key))[:k]


@pytest.fixture(scope="module")
def many() -> dict[str, list[Floats]]:
    """30 documents of 40 pages."""
    random = np.random.default_rng(1)
    centres = words(random)
    return {f"{n:02}.pdf": [page(random, centres) for _ in range(40)] for n in range(30)}


@pytest.fixture(scope="module")
def queries() -> list[Floats]:
    random = np.random.default_rng(2)
    centres = words(np.random.default_rng(1))
    return [page(random, centres, 8) for _ in range(20)]


@pytest.fixture(scope="module")
def large(many: dict[str, list[Floats]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vdr.vectors.EXHAUSTIVE", -1)
        patch.setattr("vdr.retrain.start", lambda _folder: None)
        folder = tmp_path_factory.mktemp("staged") / "corpus"
        store = Store(str(folder))
        for name, pages in many.items():
            add(store, name, pages)
    return folder


def keyed(documents: dict[str, list[Floats]]) -> dict[str, Floats]:
    return {f"{name}:{n}": vectors for name, pages in documents.items() for n, vectors in enumerate(pages, start=1)}


def test_the_best_ten_of_1_200_pages_are_those_of_brute_force(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    store = Store(str(large))
    found = exactly_scored = 0
    for query in queries:
        expected = brute_force(query, keyed(many))
        scores = retrieve.score(store, "visual", query, None, 10)
        found += len(set(best(dict(scores.exact), 10)) & set(best(expected, 10)))
        exactly_scored += len(scores.exact)
        assert scores.exact == pytest.approx({key: expected[key] for key in scores.exact}, abs=0.02)  # int8
        assert len(scores.exact) + len(scores.estimated) == 512
    assert found >= 0.99 * 10 * len(queries)
    assert exactly_scored < 400 * len(queries)  # the stages do leave work undone


def test_with_a_floor_the_best_ten_are_those_of_brute_force_with_one(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    store, pages = Store(str(large)), keyed(many)
    found, changed = 0, False
    for query in queries:
        floors = 0.5 * np.linalg.norm(query, axis=1)
        expected = {
            key: float(np.maximum((vectors @ query.T).max(axis=0), floors).sum()) for key, vectors in pages.items()
        }
        scores = retrieve.score(store, "visual", query, None, 10, floor=0.5).exact
        assert scores == pytest.approx({key: expected[key] for key in scores}, abs=0.02)
        found += len(set(best(dict(scores), 10)) & set(best(expected, 10)))
        changed |= best(expected, 10) != best(brute_force(query, pages), 10)
        every = retrieve.score(store, "visual", query, None, 10, floor=0.5, exact=True).exact
        assert every == pytest.approx(expected, abs=0.02)
        some = best(expected, 3)
        assert retrieve.score_keys(store, "visual", query, some, 0.5).exact == pytest.approx(
            {key: expected[key] for key in some}, abs=0.02
        )
    assert found >= 0.99 * 10 * len(queries)
    assert changed


def test_exact_scores_every_page(large: Path, many: dict[str, list[Floats]], queries: list[Floats]) -> None:
    scores = retrieve.score(Store(str(large)), "visual", queries[0], None, 10, exact=True)
    assert scores.exact == pytest.approx(brute_force(queries[0], keyed(many)), abs=0.02)
    assert scores.estimated == {}


def test_a_filter_ranks_its_documents_as_without_codes(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    store = Store(str(large))
    ids = {name: doc_id for doc_id, name in store.names().items()}
    chosen = ["03.pdf"]
    scores = retrieve.score(store, "visual", queries[0], [ids[name] for name in chosen], 10)
    assert scores.exact == pytest.approx(brute_force(queries[0], keyed({"03.pdf": many["03.pdf"]})), abs=0.02)
    assert retrieve.score(store, "visual", queries[0], [], 10).exact == {}


def test_more_hits_than_candidates_are_scored_exactly(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    scores = retrieve.score(Store(str(large)), "visual", queries[0], None, 5_000)
    assert scores.exact == pytest.approx(brute_force(queries[0], keyed(many)), abs=0.02)


def test_a_hit_that_all_channels_only_estimate_is_told_its_exact_scores(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    store, query = Store(str(large)), queries[0]
    found = retrieve.score(store, "visual", query, None, 10)
    first, estimated = next(iter(found.exact)), next(iter(found.estimated))
    asked = {"visual": QueryVectors(("?",), np.zeros(len(query), np.int32), query)}
    told = pipeline._told(store, {"visual": found}, asked, [first, estimated])["visual"]
    assert told.exact.keys() == {*found.exact, estimated}
    assert told.exact[estimated] == pytest.approx(brute_force(query, keyed(many))[estimated], abs=0.02)
    assert told.exact[first] == found.exact[first]


def test_units_of_few_vectors_are_all_candidates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(4)  # without clusters: centroids tell little
    pages = [random.normal(size=(1 + n % 3, DIM)).astype(np.float32) for n in range(1_200)]
    store = Store(str(tmp_path / "corpus"))
    add(store, "passages.txt", pages)
    query = random.normal(size=(1, DIM)).astype(np.float32)
    every = retrieve.score(store, "visual", query, None, 10, exact=True).exact
    assert every == pytest.approx(brute_force(query, keyed({"passages.txt": pages})), abs=0.05)
    best = [key for key, _ in search.ranked(every, 10)]

    def found() -> list[str]:
        return [key for key, _ in search.ranked(retrieve.score(store, "visual", query, None, 10).exact, 10)]

    monkeypatch.setattr("vdr.search.CANDIDATES", 40)
    assert len(set(found()) & set(best)) < 10
    monkeypatch.setattr("vdr.retrieve.FEW", 8)
    assert found() == best
    few = retrieve.score(store, "visual", query, None, 10).exact
    assert len(few) == 40  # the others count as the last of these where channels are fused
    assert few[best[0]] == pytest.approx(every[best[0]], rel=1e-6)


def test_the_index_follows_other_processes(large: Path, tmp_path: Path, queries: list[Floats]) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    reader = Store(str(copy))
    retrieve.score(reader, "visual", queries[0], None, 10)
    script = (
        "import sys, numpy as np, vdr.vectors; vdr.vectors.EXHAUSTIVE = -1\n"
        "from toy_encoder import add; from vdr.store import Store\n"
        "add(Store(sys.argv[1]), 'new.pdf', [np.load(sys.argv[2])])"
    )
    np.save(tmp_path / "query.npy", queries[0])
    command = [sys.executable, "-c", script, str(copy), str(tmp_path / "query.npy")]
    subprocess.run(command, check=True, cwd=Path(__file__).parent)
    scores = retrieve.score(reader, "visual", queries[0], None, 1).exact
    assert best(dict(scores), 1) == ["new.pdf:1"]
    assert scores["new.pdf:1"] == pytest.approx(8.0, abs=0.02)  # the page is the query: eight products of 1
    Store(str(copy)).delete(["new.pdf"])
    assert "new.pdf:1" not in retrieve.score(reader, "visual", queries[0], None, 1).exact
    Store(str(copy)).optimize()
    assert "new.pdf:1" not in retrieve.score(reader, "visual", queries[0], None, 1).exact


def test_documents_without_codes_are_found(
    large: Path, tmp_path: Path, queries: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    monkeypatch.setattr("vdr.upkeep.update", lambda *_args, **_named: False)  # as if it had died before
    add(Store(str(copy)), "new.pdf", [queries[0]])
    scores = retrieve.score(Store(str(copy)), "visual", queries[0], None, 1).exact
    assert best(dict(scores), 1) == ["new.pdf:1"]


def test_adding_a_document_writes_its_pages_only(
    large: Path, tmp_path: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    before = index_files.read_manifest(copy / "index" / "visual", _of(copy))
    add(Store(str(copy)), "more.pdf", many["00.pdf"])
    after = index_files.read_manifest(copy / "index" / "visual", _of(copy))
    assert before is not None and after is not None
    assert (after.generation, after.units, after.vectors) == (before.generation, 1_240, before.vectors + 1_200)


def _of(folder: Path) -> str:
    return Store(str(folder)).vectors("visual").identity()


@pytest.mark.parametrize("damage", ["cut", "manifest", "gone", "layout"])
def test_a_damaged_index_is_not_used_and_made_anew_by_the_next_write(
    large: Path, tmp_path: Path, many: dict[str, list[Floats]], queries: list[Floats], damage: str
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    folder = copy / "index" / "visual"
    match damage:
        case "cut":
            file = next(folder.glob("*.scales"))
            file.write_bytes(file.read_bytes()[:-1])
        case "manifest":
            (folder / "manifest.json").write_text("{")
        case "gone":
            shutil.rmtree(folder)
        case "layout":
            manifest = folder / "manifest.json"
            manifest.write_text(manifest.read_text().replace('"layout": 5', '"layout": 0'))
    expected = brute_force(queries[0], keyed(many))
    assert retrieve.score(Store(str(copy)), "visual", queries[0], None, 10).exact == pytest.approx(expected, abs=0.02)
    store = Store(str(copy))
    store.delete(["29.pdf"])
    assert store.vectors("visual").index() is not None
    assert retrieve.score(store, "visual", queries[0], None, 10).estimated  # not all were scored exactly


def test_the_index_is_counted(large: Path) -> None:
    files = (large / "index" / "visual").iterdir()
    assert Store(str(large)).index_bytes() == sum(file.stat().st_size for file in files) > 100_000


def test_optimize_frees_what_was_deleted_and_drops_its_codes(large: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    store = Store(str(copy))

    def size(part: str) -> int:
        return sum(file.stat().st_size for file in (copy / part).rglob("*") if file.is_file())

    store.optimize()
    before = size("visual.lance")
    store.delete(["00.pdf"])
    store.optimize()
    assert size("visual.lance") < 0.98 * before  # a thirtieth went
    store.delete([f"{n:02}.pdf" for n in range(1, 25)])
    store.optimize()
    assert size("visual.lance") < 0.25 * before
    kept = store.vectors("visual").index()
    assert kept is not None and len(kept.codes) == 200


def located(store: Store) -> float:
    """Return the share of units whose numbers are read from mapped files."""
    coded = store.vectors("visual").index()
    assert coded is not None
    there = [file >= 0 and coded.mapped._numbered[file] is not None for file in coded.spots["file"].tolist()]
    return float(np.mean(there))


def test_numbers_are_found_in_the_files_of_the_table_and_again_after_a_compaction(
    large: Path, tmp_path: Path, many: dict[str, list[Floats]], queries: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    monkeypatch.setattr("vdr.upkeep.REGROW", 1_000)  # no new codes, which would come with new places
    monkeypatch.setattr("vdr.upkeep.DRIFT", 1_000)
    store, expected = Store(str(copy)), brute_force(queries[0], keyed(many))
    assert len(list((copy / "visual.lance" / "data").iterdir())) == 30
    assert located(store) == 1
    with monkeypatch.context() as patch:
        patch.setattr("vdr.vectors.Vectors.fetch", lambda *_: pytest.fail("LanceDB was asked"))
        mapped = retrieve.score(store, "visual", queries[0], None, 10).exact
    assert mapped == pytest.approx({key: expected[key] for key in mapped}, abs=0.02)
    with monkeypatch.context() as patch:
        patch.setattr("vdr.mapped.FROM_DISK", 0)  # the system is told beforehand what is read
        assert retrieve.score(Store(str(copy)), "visual", queries[0], None, 10).exact == mapped
    with monkeypatch.context() as patch:
        patch.setattr("vdr.upkeep._Keeper.locate_if_gone", lambda *_: None)  # as if the writer had died before
        store.optimize()
    assert len(list((copy / "visual.lance" / "data").iterdir())) == 1
    assert located(Store(str(copy))) == 0
    by_lancedb = retrieve.score(Store(str(copy)), "visual", queries[0], None, 10).exact
    assert by_lancedb == pytest.approx(mapped, abs=0.005)  # for the query is not in 8 bits there
    assert best(dict(by_lancedb), 10) == best(dict(mapped), 10)
    assert retrieve.score(store, "visual", queries[0], None, 10).exact == mapped  # the old files are still mapped
    store.optimize()
    assert located(Store(str(copy))) == 1
    assert retrieve.score(Store(str(copy)), "visual", queries[0], None, 10).exact == mapped
    add(store, "new.pdf", [queries[0]])
    assert located(Store(str(copy))) == 1
    assert best(dict(retrieve.score(Store(str(copy)), "visual", queries[0], None, 1).exact), 1) == ["new.pdf:1"]


def test_code_scores_are_those_of_the_centroids_the_codes_stand_for(
    many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    pages = many["00.pdf"] + many["01.pdf"]
    flat, offsets = np.concatenate(pages), np.cumsum([0, *map(len, pages)])
    centroids, left = codes.train(flat, 64)
    assert left == pytest.approx(((flat - centroids.fine[codes.assign(flat, centroids)]) ** 2).sum(axis=1).mean())
    coded, error = codes.encode(flat, offsets, centroids)
    assert error == pytest.approx(((flat - centroids.fine[codes.assign(flat, centroids)]) ** 2).sum(), rel=1e-4)
    table = queries[0] @ centroids.fine.T
    lists = [codes.make_lists(coded, 0, len(pages), len(centroids))]
    near = codes.nearest(table, len(centroids))
    assert (near.ids == np.argsort(-table, axis=1)).all()
    by_ids = codes.score_ids(near, lists)
    by_hand = [table[:, coded.ids[a:b]].max(axis=1).sum() for a, b in pairwise(coded.offsets)]
    np.testing.assert_allclose(by_ids, by_hand, rtol=1e-4)
    assert (codes.score_ids(codes.nearest(table, 5), lists) > by_ids - 1e-4).all()  # never too low


def test_a_unit_of_hundreds_of_equal_vectors_is_once_in_a_list() -> None:
    vectors = np.repeat(np.eye(2, DIM, dtype=np.float32), [600, 1], axis=0)
    centroids, _ = codes.train(np.eye(2, DIM, dtype=np.float32), 2)
    coded, error = codes.encode(vectors, np.array([0, 601]), centroids)
    lists = codes.make_lists(coded, 0, 1, 2)
    assert (lists.starts.tolist(), lists.units.tolist(), error) == ([0, 1, 2], [0, 0], 0)


def test_lists_on_disk_are_those_that_the_codes_give(
    tmp_path: Path, many: dict[str, list[Floats]], queries: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vdr.codes.BLOCK", 64)
    store = Store(str(tmp_path / "corpus"))
    documents = {name: many[name] for name in ("00.pdf", "01.pdf", "02.pdf", "03.pdf", "04.pdf")}
    for name, pages in documents.items():
        add(store, name, pages)
    kept = store.vectors("visual").index()
    assert kept is not None and kept.manifest.blocks == 3
    assert [own.count for own in kept.lists] == [64, 64, 64, 8]
    for number, own in enumerate(kept.lists):
        made = codes.make_lists(kept.codes, number * 64, number * 64 + own.count, len(kept.centroids))
        np.testing.assert_array_equal(own.starts, made.starts)
        np.testing.assert_array_equal(own.units, made.units)
    for query in queries:
        scores = retrieve.score(store, "visual", query, None, 10)
        assert best(dict(scores.exact), 1) == best(brute_force(query, keyed(documents)), 1)


def test_an_outgrown_index_is_made_anew_while_it_serves(
    large: Path, tmp_path: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    store, folder = Store(str(copy)), copy / "index" / "visual"
    before = index_files.read_manifest(folder, _of(copy))
    assert before is not None and before.growth > 4
    reader = Store(str(copy))
    expected = retrieve.score(reader, "visual", queries[0], None, 10)
    log = tmp_path / "log"
    with log.open("w") as output:
        subprocess.run([sys.executable, "-m", "vdr.retrain", str(copy)], check=True, stdout=output, stderr=output)
    assert "1 indexes were made anew" in log.read_text()
    after = index_files.read_manifest(folder, _of(copy))
    assert after is not None and after.generation != before.generation
    assert (after.units, after.vectors) == (1_200, 36_000)
    assert after.growth < 1.1
    assert {path.name.partition(".")[0] for path in folder.iterdir()} <= {after.generation, "manifest", "renewing"}
    found = retrieve.score(reader, "visual", queries[0], None, 10)
    assert best(dict(found.exact), 10) == best(dict(expected.exact), 10)
    assert not any(store.renew_indexes() for _ in range(2))  # nothing is left to do


def test_documents_that_come_while_an_index_is_made_anew_are_in_it(
    large: Path, tmp_path: Path, queries: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    train = codes.train

    def meanwhile(*given: Any) -> Any:
        other = Store(str(copy))
        add(other, "new.pdf", [queries[0]])
        other.delete(["00.pdf"])
        return train(*given)

    monkeypatch.setattr("vdr.codes.train", meanwhile)
    store = Store(str(copy))
    assert store.renew_indexes() == 1
    kept = store.vectors("visual").index()
    assert kept is not None and kept.doc_ids >= store.live()
    assert best(dict(retrieve.score(store, "visual", queries[0], None, 1).exact), 1) == ["new.pdf:1"]
    assert not any(key.startswith("00.pdf") for key in retrieve.score(store, "visual", queries[0], None, 10).exact)


def test_two_do_not_make_an_index_anew_at_once(large: Path, tmp_path: Path, queries: list[Floats]) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    with FileLock(copy / "index" / "visual" / "renewing.lock"):
        assert Store(str(copy)).renew_indexes() == 0
        Store(str(copy)).delete(["00.pdf"])
        add(Store(str(copy)), "new.pdf", [queries[0]])  # commits, and leaves the lock where it is
        assert Store(str(copy)).renew_indexes() == 0
    assert Store(str(copy)).renew_indexes() == 1


def test_a_write_starts_it_where_the_corpus_has_outgrown_its_index(
    large: Path, tmp_path: Path, queries: list[Floats], monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(large, tmp_path / "corpus")
    before = index_files.read_manifest(copy / "index" / "visual", _of(copy))
    monkeypatch.setattr("vdr.retrain.start", START)
    add(Store(str(copy)), "new.pdf", [queries[0]])
    assert retrain._started[copy].wait(60) == 0
    assert "1 indexes were made anew" in (copy / "index" / "renewing.log").read_text()
    after = index_files.read_manifest(copy / "index" / "visual", _of(copy))
    assert before is not None and after is not None and after.generation != before.generation


def test_units_that_are_named_are_scored_exactly_where_they_lie(
    large: Path, many: dict[str, list[Floats]], queries: list[Floats]
) -> None:
    store = Store(str(large))
    expected = {f"{name}:{page}": many[name][page - 1] for name, page in (("03.pdf", 40), ("29.pdf", 1), ("03.pdf", 2))}
    found = retrieve.score_keys(store, "visual", queries[0], [*expected, "03.pdf:41", "none.pdf:1"])
    assert found.exact == pytest.approx(brute_force(queries[0], expected), abs=0.05)
    everywhere = retrieve.score(store, "visual", queries[0], None, 10, exact=True).exact
    assert found.exact == pytest.approx({key: everywhere[key] for key in expected}, abs=1e-4)
