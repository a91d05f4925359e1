"""The command line as a user runs it: a process, its output and its exit code."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

NO_TEXT = ("--text-encoder", "none", "--dense-encoder", "none")


def vdr(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run `vdr` and check its exit code."""
    command = [sys.executable, "-m", "vdr.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_search_prints_json(sample_corpus_folder: Path) -> None:
    query = "When is descaling with vinegar allowed?"
    done = vdr("search", query, "--corpus", sample_corpus_folder, "-k", "3", "--json")
    hits = json.loads(done.stdout)
    assert [list(hit) for hit in hits] == [["rank", "key", "doc", "page", "score", "channels", "snippet"]] * 3
    first = hits[0]
    assert (first["rank"], first["key"]) == (1, "espresso-machine-manual.pdf:8")
    assert (first["doc"], first["page"]) == ("espresso-machine-manual.pdf", 8)
    assert set(first["channels"]) == {"visual", "text", "dense", "bm25"}
    assert "vinegar" in first["snippet"]


def test_search_prints_text_and_filters(sample_corpus_folder: Path) -> None:
    done = vdr("search", "cities", "--corpus", sample_corpus_folder, "--mode", "bm25", "--doc", "strategy-slides.pdf")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("  1. strategy-slides.pdf:")
    assert all("strategy-slides.pdf" in line for line in lines[::2])


def test_search_reranks_within_a_deadline_tells_how_it_went_and_logs_it(
    sample_corpus_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tiny_rerankers import bert

    monkeypatch.setenv("VDR_SEARCH_LOG", str(tmp_path / "search.jsonl"))
    where = ("--corpus", sample_corpus_folder, "--mode", "bm25")
    reranker = ("--rerank", bert(tmp_path / "reranker"), "--rerank-top", "4")
    done = vdr("search", "When is descaling allowed?", *where, *reranker, "--trace", "--json")
    hits = json.loads(done.stdout)
    assert ["rerank" in hit["channels"] for hit in hits] == [True] * 4 + [False]
    assert [line for line in done.stderr.splitlines() if line.endswith(" ms  rerank, 4 pages")]
    moves = sorted(line.split()[1:4:2] for line in done.stderr.splitlines() if line.startswith("rerank "))
    assert moves == [[str(before), str(after)] for before, after in enumerate([int(after) for _, after in moves], 1)]
    assert sorted(int(after) for _, after in moves) == [1, 2, 3, 4]
    late = vdr("search", "descaling", *where, *reranker, "--deadline", "0.000001", "--json")
    assert "note     without rerank: the deadline of 1e-06 s had passed" in late.stderr
    assert all("rerank" not in hit["channels"] for hit in json.loads(late.stdout))
    latency = json.loads(vdr("info", "--corpus", sample_corpus_folder, "--json").stdout)["latency"]
    assert (latency["total"]["searches"], latency["rerank"]["searches"]) == (2, 1)
    assert latency["rerank"]["p50"] > 0
    told = vdr("info", "--corpus", sample_corpus_folder).stdout.splitlines()
    (line,) = (line for line in told if line.startswith("total "))
    assert line.endswith("ms p99 of 2 logged searches")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["search", "x", "--deadline", "0"], "vdr: The deadline is 0.0 s; give the search some time."),
        (["search", "x", "--rerank", "cohere:"], "vdr: cohere: names no model. Name one, as cohere:rerank-v3.5."),
        (["search", ""], "vdr: The query is empty."),
        (["search", "word " * 10_000], "vdr: The query has 10,000 words"),
        (["search", "x", "--doc", "nope.pdf"], "vdr: There is no document 'nope.pdf'"),
        (["delete", "nope.pdf"], "vdr: There is no document 'nope.pdf'"),
    ],
)
def test_errors_are_one_line_and_exit_code_1(sample_corpus_folder: Path, arguments: list[str], message: str) -> None:
    done = vdr(*arguments, "--corpus", sample_corpus_folder, code=1)
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def test_index_list_info_delete(tmp_path: Path) -> None:
    corpus, folder = tmp_path / "corpus", tmp_path / "in"
    folder.mkdir()
    (folder / "otter.txt").write_text("An otter swims in the river.")
    (folder / "bad.pdf").write_text("not one")
    (folder / "table.xlsx").write_text("not read")
    done = vdr(
        "index",
        folder,
        "--corpus",
        corpus,
        "--collection",
        "animals",
        "--text-encoder",
        "none",
        "--dense-encoder",
        "none",
    )
    assert f"refused  {folder / 'bad.pdf'} is not a PDF." in done.stderr
    assert "1 files of other kinds" in done.stderr
    assert "1 added (1 pages), 0 skipped, 1 refused" in done.stderr
    assert (
        "0 added (0 pages), 1 skipped"
        in vdr(
            "index",
            folder / "otter.txt",
            "--corpus",
            corpus,
            "--collection",
            "animals",
            "--text-encoder",
            "none",
            "--dense-encoder",
            "none",
        ).stderr
    )
    assert vdr("list", "--corpus", corpus).stdout == "      1 pages  otter.txt  [animals]\n"
    assert json.loads(vdr("list", "--corpus", corpus, "--json").stdout)[0]["name"] == "otter.txt"
    info = json.loads(vdr("info", "--corpus", corpus, "--json").stdout)
    assert (info["documents"], info["pages"], info["encoders"]) == (1, 1, {})
    assert info["bytes"]["units"] > 0
    vdr("delete", "otter.txt", "--corpus", corpus)
    assert vdr("list", "--corpus", corpus).stdout == ""


def test_index_of_nothing_good_fails(tmp_path: Path) -> None:
    (tmp_path / "bad.pdf").write_text("not one")
    done = vdr("index", tmp_path / "bad.pdf", "--corpus", tmp_path / "c", code=1)
    assert "is not a PDF" in done.stderr
    assert "does not exist" in vdr("index", tmp_path / "nope.pdf", "--corpus", tmp_path / "c", code=1).stderr


def test_eval_writes_a_run_of_every_judged_query(own_corpus_folder: Path, sample: Path, tmp_path: Path) -> None:
    run_file = tmp_path / "run.txt"
    done = vdr("eval", sample, "--corpus", own_corpus_folder, "--mode", "text", "--run", run_file, "--json")
    result = json.loads(done.stdout)
    assert "7 skipped" in done.stderr
    assert (result["mode"], result["all"]["queries"], result["within document"]["queries"]) == ("text", 35, 35)
    assert result["within document"]["measures"]["recall@5"] >= result["all"]["measures"]["recall@5"] > 0.5
    rows = [line.split() for line in run_file.read_text().splitlines()]
    queries = {row[0] for row in rows}
    assert queries == {f"q{number:02}" for number in range(1, 36)}
    for query in queries:
        scores = [float(row[4]) for row in rows if row[0] == query]
        assert len(scores) == 53  # every page; there are fewer than 100
        assert all(one > other for one, other in itertools.pairwise(scores))
        assert [row[3] for row in rows if row[0] == query] == [str(rank) for rank in range(1, 54)]


def test_eval_of_a_text_corpus_speaks_of_records(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    records = {"d1": "Otters swim in rivers. " * 150, "d2": "Planes fly.", "d3": "Cars drive on roads."}
    lines = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in records.items()]
    (tmp_path / "corpus.jsonl").write_text("\n".join(lines))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "animals that swim in a river"}))
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\td1\t1\n")
    done = vdr("eval", tmp_path, "--corpus", tmp_path / "c", "--mode", "text", "--run", tmp_path / "run", "--json")
    result = json.loads(done.stdout)
    assert list(result) == ["mode", "all"]
    assert result["all"]["measures"]["nDCG@5"] == 1.0
    ranked = [line.split()[2] for line in (tmp_path / "run").read_text().splitlines()]
    assert ranked[0] == "d1" and sorted(ranked) == ["d1", "d2", "d3"]


def test_models_and_help_tell_what_there_is() -> None:
    assert "minilm" in vdr("models").stdout
    text = vdr("--help").stdout
    assert all(name in text for name in ("index", "search", "list", "delete", "info", "models", "eval", "serve"))


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, vdr.cli; print([m for m in ('torch', 'lancedb', 'gradio', 'transformers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_search_with_the_embedded_encoder_imports_no_torch(sample_corpus_folder: Path) -> None:
    code = (
        "import sys, vdr; vdr.Corpus(sys.argv[1]).search('descale'); "
        "print([m for m in ('torch', 'sentence_transformers', 'gradio') if m in sys.modules])"
    )
    command = [sys.executable, "-c", code, str(sample_corpus_folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_corpus_can_come_from_the_environment(sample_corpus_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDR_CORPUS", str(sample_corpus_folder))
    assert len(vdr("list").stdout.splitlines()) == 7
