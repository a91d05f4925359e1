"""`vdr eval` on small sets that BM25 alone can answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vdr import Corpus, JudgementError
from vdr.cli import app
from vdr.commands.systems import pipeline
from vdr.judgements import Judgements

WORDS = {"d1": "Otters swim in rivers.", "d2": "Planes fly over rivers.", "d3": "Cars drive on roads."}


@pytest.fixture
def judged_set(tmp_path: Path) -> Path:
    """Three records and three queries, one of which BM25 cannot answer."""
    folder = tmp_path / "animals"
    (folder / "qrels").mkdir(parents=True)
    records = [json.dumps({"_id": key, "title": "", "text": text}) for key, text in WORDS.items()]
    (folder / "corpus.jsonl").write_text("\n".join(records))
    queries = [
        {"_id": "q1", "text": "otters in rivers", "metadata": {"kind": "animal"}},
        {"_id": "q2", "text": "what flies over roads", "metadata": {"kind": "machine"}},
        {"_id": "q3", "text": "automobile", "metadata": {"kind": "machine"}},
    ]
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\nq3\td3\t1\n")
    return folder


def run(*arguments: object) -> tuple[str, str]:
    """Run `vdr eval` without encoders, or with the text encoder named; return what it prints and what it tells."""
    without = [] if "--text-encoder" in arguments else ["--text-encoder", "none", "--dense-encoder", "none"]
    done = CliRunner().invoke(app, ["eval", *map(str, arguments), "--encoder", "none", *without])
    if done.exception:
        raise done.exception
    return done.stdout, done.stderr


def test_one_mode_has_the_keys_it_always_had(judged_set: Path, tmp_path: Path) -> None:
    stdout, _ = run(judged_set, "--corpus", tmp_path / "c", "--mode", "bm25", "--json")
    found = json.loads(stdout)
    assert list(found) == ["mode", "all"]
    assert list(found["all"]) == ["queries", "measures", "latency_ms", "intervals", "index_bytes"]
    assert (found["mode"], found["all"]["queries"]) == ("bm25", 3)
    assert found["all"]["measures"]["recall@10"] == pytest.approx(2 / 3)
    assert found["all"]["intervals"]["recall@10"] == [0.0, 1.0]
    sizes = Corpus(tmp_path / "c").info().bytes
    assert found["all"]["index_bytes"] == sizes["units"] + sizes["documents"]
    table, _ = run(judged_set, "--corpus", tmp_path / "c", "--mode", "bm25")
    assert "mode bm25" in table and "recall@10" in table and "0.667 (0.00 to 1.00)" in table


def test_a_saved_run_is_what_others_are_compared_with(judged_set: Path, tmp_path: Path) -> None:
    saved = tmp_path / "old.trec"
    saved.write_text("q1 Q0 d2 1 2.0 x\nq1 Q0 d1 2 1.0 x\nq3 Q0 d3 1 1.0 x\n")
    stdout, stderr = run(judged_set, "--corpus", tmp_path / "c", "--against", saved, "--json", "--by", "kind")
    assert "old.trec lacks 1 of 3 queries, which count with 0 for it" in stderr
    found = json.loads(stdout)
    assert [system["name"] for system in found["systems"]] == ["old.trec", "auto"]
    assert found["systems"][0]["all"]["measures"]["MRR"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert found["systems"][0]["all"]["index_bytes"] is None
    assert found["systems"][1]["slices"]["all"]["kind"]["animal"]["measures"]["MRR"] == 1.0
    (comparison,) = found["comparisons"]
    assert (comparison["base"], comparison["system"], comparison["scope"]) == ("old.trec", "auto", "all")
    assert (comparison["wins"], comparison["ties"], comparison["losses"]) == (2, 0, 1)
    assert [change["query"] for change in comparison["changes"]] == ["q2", "q1", "q3"]
    text, _ = run(judged_set, "--corpus", tmp_path / "c", "--against", saved, "--by", "kind")
    assert "against old.trec" in text
    assert "auto against old.trec, all: lost most in nDCG@10\n  1.00 -> 0.00  q3  automobile" in text
    assert "nDCG@10 by kind, all" in text


def test_corpora_are_compared_and_each_run_is_written(judged_set: Path, tmp_path: Path) -> None:
    corpora = ("--corpus", tmp_path / "one", "--corpus", tmp_path / "two")
    run(judged_set, *corpora, "--mode", "bm25", "--mode", "auto", "--run", tmp_path / "runs")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [
        "one-auto.trec",
        "one-bm25.trec",
        "two-auto.trec",
        "two-bm25.trec",
    ]
    lines = (tmp_path / "runs" / "one-bm25.trec").read_text().splitlines()
    assert [line.split()[:4] for line in lines if line.startswith("q3")] == [["q3", "Q0", "d1", "1"]]  # a gap, filled
    with pytest.raises(JudgementError, match="Two things to compare are called"):
        run(judged_set, "--corpus", tmp_path / "one", "--corpus", tmp_path / "one")
    with pytest.raises(JudgementError, match="--encoder is given 3 times for 2 corpora"):
        run(judged_set, *corpora, "--encoder", "none", "--encoder", "none")


def test_reports_are_written(judged_set: Path, tmp_path: Path) -> None:
    out = ("--report", tmp_path / "r.html", "--report", tmp_path / "r.md", "--mode", "bm25")
    _, stderr = run(judged_set, "--corpus", tmp_path / "c", *out)
    assert f"wrote {tmp_path / 'r.html'}" in stderr
    page = (tmp_path / "r.html").read_text()
    assert "<title>Evaluation on animals</title>" in page and "By kind" in page
    assert sorted(path.name for path in tmp_path.glob("r*")) == ["r-all-quality.svg", "r.html", "r.md"]
    with pytest.raises(JudgementError, match=r"r\.docx is no name for a report"):
        run(judged_set, "--corpus", tmp_path / "new", "--report", tmp_path / "r.docx")
    assert not (tmp_path / "new").exists()  # told before any work


def test_without_a_set_the_corpus_s_own_judgements_count(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "a.txt").write_text(WORDS["d1"])
    (folder / "b.txt").write_text(WORDS["d3"])
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add(folder)
    with pytest.raises(JudgementError, match=r"Nothing was judged yet in .*c\. Judge hits in the app"):
        run("--corpus", corpus.path)
    judgements = Judgements(corpus.path)
    judgements.judge("otters", "a.txt:1", 1)
    judgements.judge("roads", "b.txt:1", 1)
    judgements.judge("roads", "a.txt:1", 0)
    (folder / "c.txt").write_text("roads roads roads")
    stdout, stderr = run("--corpus", corpus.path, "--json", "--by", "text_layer")
    found = json.loads(stdout)
    assert (found["all"]["queries"], found["all"]["measures"]["MRR"]) == (2, 1.0)
    assert list(found["slices"]["all"]["text_layer"]) == ["with text"]
    assert stderr.strip() == "note     the judged set has no documents: the corpus is searched as it is"
    empty = (tmp_path / "empty", "--corpus", tmp_path / "new")
    shutil.copytree(judgements.folder, tmp_path / "empty")
    with pytest.raises(JudgementError, match=r"The judged set has no documents, and the corpus .*new is empty"):
        run(*empty)


def test_a_document_that_is_not_there_has_no_hits(judged_set: Path, tmp_path: Path) -> None:
    query = {"_id": "q1", "text": "otters in rivers", "metadata": {"doc": "refused.pdf"}}
    (judged_set / "queries.jsonl").write_text(json.dumps(query))
    found = json.loads(run(judged_set, "--corpus", tmp_path / "c", "--json")[0])
    assert found["all"]["measures"]["MRR"] == 1.0
    assert found["within document"]["measures"]["MRR"] == 0.0


def test_stages_are_compared_like_modes(judged_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VDR_SEARCH_LOG", str(tmp_path / "log" / "searches.jsonl"))
    ways = ("--mode", "text", "--mode", "bm25,text", "--text-encoder", "minilm")
    run_file = tmp_path / "runs"
    found = json.loads(run(judged_set, "--corpus", tmp_path / "c", *ways, "--run", run_file, "--json")[0])
    assert [system["name"] for system in found["systems"]] == ["text", "bm25,text"]
    assert found["systems"][0]["all"]["measures"]["recall@10"] == 1.0
    assert found["systems"][1]["all"]["measures"]["recall@10"] == pytest.approx(2 / 3)  # bm25 finds no automobile
    sizes = Corpus(tmp_path / "c").info().bytes
    idle = sizes.get("previews", 0) + sizes.get("dense", 0)
    assert found["systems"][1]["all"]["index_bytes"] == sum(sizes.values()) - idle
    assert not (tmp_path / "log").exists()  # what is searched to measure is no search of a user


def test_stages_are_one_pipeline() -> None:
    assert pipeline("auto").settings == {"mode": "auto"}
    assert pipeline("bm25,text").settings == {"mode": "text", "candidates": "bm25"}
    assert pipeline("text, cohere:rerank-v3.5").settings == {"mode": "text", "rerank": "cohere:rerank-v3.5"}
    assert pipeline("bm25,text").channels == {"bm25", "text"}
    assert pipeline("auto").channels == {"visual", "text", "dense", "bm25"}
    for text in ("nope", "bm25,text,visual,x", "x,text,y", "", "text,"):
        with pytest.raises(JudgementError, match="is no way to rank"):
            pipeline(text)
