"""The Python API on real documents with the embedded encoder: ranks, changes, and what is refused."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vdr
from vdr import Corpus, CorpusError, EncoderMismatch, NotFound, Progress, QueryError
from vdr.store import Store

DESCALE = "How is the machine descaled?"


def text(path: Path, content: str) -> Path:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    return path


def keys(corpus: Corpus, query: str, **options: object) -> list[str]:
    """Return the keys of a search in order."""
    return [hit.key for hit in corpus.search(query, **options)]  # type: ignore[arg-type]


# --- searching -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "visual", "text", "dense", "bm25", "hybrid"])
def test_the_page_that_answers_comes_first_in_every_mode(sample_corpus: Corpus, mode: vdr.types.Mode) -> None:
    hits = sample_corpus.search("When is rinsing and descaling with vinegar allowed?", 3, mode=mode)
    assert (hits[0].doc, hits[0].page, hits[0].rank) == ("espresso-machine-manual.pdf", 8, 1)
    assert "vinegar" in hits[0].snippet
    assert [hit.rank for hit in hits] == [1, 2, 3]
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    expected = {"visual", "text", "dense", "bm25"} if mode in ("auto", "hybrid") else {mode}
    assert set(hits[0].channels) == expected


def test_text_mode_is_exact_maxsim_over_every_page(sample_corpus: Corpus) -> None:
    from vdr.encode import load_text_encoder

    query = load_text_encoder("minilm").encode_query(DESCALE)
    store = Store(sample_corpus.path)
    expected = {}
    for document in sample_corpus.documents():
        for page in range(1, document.pages + 1):
            vectors = store.multivector("text", f"{document.name}:{page}")
            if vectors is not None:
                similarity = vectors.vectors.astype(np.float64) @ query.vectors.astype(np.float64).T
                best = np.maximum(similarity.max(axis=0), 0.35 * np.linalg.norm(query.vectors, axis=1))
                expected[f"{document.name}:{page}"] = best.sum()
    hits = sample_corpus.search(DESCALE, k=1_000, mode="text")
    assert len(hits) == len(expected) == 53  # every page, the scanned ones by what was read on them
    assert {hit.key for hit in hits} == expected.keys()
    assert [hit.score for hit in hits] == pytest.approx(sorted(expected.values(), reverse=True), rel=1e-4)
    assert [hit.score for hit in hits] == pytest.approx([expected[hit.key] for hit in hits], rel=1e-4)


def test_a_filter_gives_the_unfiltered_ranking_of_those_documents(sample_corpus: Corpus) -> None:
    everything = sample_corpus.search("What does it cost?", k=1_000, mode="text")
    wanted = ["museum-leaflet-multilingual.pdf", "travel-expense-form.pdf"]
    filtered = sample_corpus.search("What does it cost?", k=1_000, mode="text", docs=wanted)
    inside = [hit for hit in everything if hit.doc in wanted]
    assert [hit.key for hit in filtered] == [hit.key for hit in inside]
    assert [hit.score for hit in filtered] == pytest.approx([hit.score for hit in inside])
    words = sample_corpus.search("What does it cost?", k=1_000, mode="bm25", docs=wanted)
    assert {hit.doc for hit in words} <= set(wanted)


def test_k_larger_than_the_corpus_gives_all_that_match(sample_corpus: Corpus) -> None:
    assert len(sample_corpus.search(DESCALE, k=10_000, mode="text")) == 53


def test_the_second_search_reads_from_memory_and_says_the_same(sample_corpus: Corpus) -> None:
    assert sample_corpus.search(DESCALE, mode="text") == sample_corpus.search(DESCALE, mode="text")


def test_unclear_requests_get_clear_answers(sample_corpus: Corpus) -> None:
    with pytest.raises(QueryError, match="The query is empty"):
        sample_corpus.search(" ")
    with pytest.raises(QueryError, match="10,000 words"):
        sample_corpus.search("word " * 10_000)
    with pytest.raises(QueryError, match="k is 0"):
        sample_corpus.search("a", k=0)
    with pytest.raises(QueryError, match="no mode 'magic'"):
        sample_corpus.search("a", mode="magic")  # type: ignore[arg-type]
    with pytest.raises(NotFound, match=r"no document 'nope\.pdf'"):
        sample_corpus.search("a", docs=["nope.pdf"])
    with pytest.raises(NotFound, match="no collection 'nope'"):
        sample_corpus.search("a", collection="nope")


@pytest.mark.parametrize("query", ['"unbalanced', "a AND (b OR", "text:foo^2~", "'; DROP TABLE units; --", "%_\\"])
def test_queries_are_words_not_syntax(sample_corpus: Corpus, query: str) -> None:
    bare = re.sub(r"[\W_]", " ", query).strip() or "-"
    scores = [(hit.key, hit.score) for hit in sample_corpus.search(query, k=100, mode="bm25")]
    assert scores == [(hit.key, hit.score) for hit in sample_corpus.search(bare, k=100, mode="bm25")]
    assert len(sample_corpus.search(query, mode="hybrid")) == 5


def test_an_empty_corpus_finds_nothing_and_makes_no_folder(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "new")
    assert corpus.search("anything") == []
    assert corpus.documents() == []
    assert corpus.info().pages == 0
    assert not (tmp_path / "new").exists()


def test_units_are_read_without_boxes_where_these_are_not_wanted(sample_corpus: Corpus) -> None:
    store, key = Store(sample_corpus.path), "annual-report-2025.pdf:9"
    whole, bare = store.units([key])[key], store.units([key], boxes=False)[key]
    assert whole.boxes is not None and whole.boxes.shape == (len(whole.text.split()), 4)
    assert bare == replace(whole, boxes=None)


# --- explaining ------------------------------------------------------------------------------------------


def test_a_hit_is_explained_by_the_words_on_the_page(sample_corpus: Corpus) -> None:
    hit = sample_corpus.search("vinegar attacks gaskets", 1)[0]
    explanation = sample_corpus.explain(hit, channel="text")
    assert explanation.channel == "text"
    assert explanation.tokens == ("vinegar", "attacks", "gaskets")
    assert explanation.words is not None and explanation.boxes is not None
    assert explanation.similarity.shape == (3, len(explanation.words)) == (3, len(explanation.boxes))
    best = [explanation.words[place] for place in explanation.similarity.argmax(axis=1)]
    assert [word.strip(":;,.").lower() for word in best] == ["vinegar", "attacks", "gaskets"]
    matched = {explanation.words[place].strip(":;,.").lower() for place in explanation.matched}
    assert {"vinegar", "attacks", "gaskets"} <= matched


def test_the_heatmap_is_hot_on_the_word_and_cold_elsewhere(sample_corpus: Corpus) -> None:
    from vdr.explain import draw

    hit = sample_corpus.search("vinegar attacks gaskets", 1)[0]
    explanation = sample_corpus.explain(hit, channel="text")
    assert explanation.words is not None and explanation.boxes is not None
    page = sample_corpus.page_image(hit.key).convert("RGB")
    painted = np.asarray(draw(page, explanation, token=0), np.int16)
    changed = np.abs(painted - np.asarray(page, np.int16)).sum(axis=2)
    word = next(index for index, word in enumerate(explanation.words) if word.startswith("vinegar"))
    left, top, right, bottom = (explanation.boxes[word] * np.array([*page.size, *page.size])).astype(int).tolist()
    inside = changed[top:bottom, left:right].mean()
    changed[top - 4 : bottom + 4, left - 4 : right + 4] = 0
    assert inside > 60
    assert changed.mean() < inside / 20


def test_bm25_explains_by_stems(sample_corpus: Corpus) -> None:
    hits = sample_corpus.search("gasket attacking", 5, mode="bm25")
    hit = next(hit for hit in hits if "gaskets" in sample_corpus.text(hit.key))
    explanation = sample_corpus.explain(hit, channel="bm25")
    assert explanation.words is not None
    words = [explanation.words[place].strip(":;,.").lower() for place in explanation.matched]
    assert set(words) <= {"gasket", "gaskets", "attack", "attacks", "attacking"}
    assert {"gaskets", "attacks"} <= set(words)


def test_an_image_only_page_is_counted_read_shown_and_explained(sample_corpus: Corpus) -> None:
    documents = {document.name: document for document in sample_corpus.documents()}
    assert documents["scanned-invoices.pdf"].image_only == documents["scanned-invoices.pdf"].pages == 5
    assert sample_corpus.info().image_only == 5
    assert sample_corpus.page_image("scanned-invoices.pdf:1").size[1] == 1_280
    assert sample_corpus.explain("scanned-invoices.pdf:1", "invoice").channel == "visual"
    for channel in ("text", "dense", "bm25"):  # of what was read on the picture
        told = sample_corpus.explain("scanned-invoices.pdf:1", "invoice", channel=channel)
        assert told.channel == channel
        assert told.words is not None and {told.words[place] for place in told.matched} == {"invoice"}
        assert told.boxes is not None and len(told.boxes) == len(told.words)


def test_a_scan_is_found_and_quoted_by_the_words_that_were_read_on_it(sample_corpus: Corpus) -> None:
    """Q24 of the sample: "How much did one made-to-measure ball gown cost the theatre?" """
    hit = sample_corpus.search("made-to-measure ball gown", 1, mode="bm25")[0]
    assert (hit.key, hit.from_picture) == ("scanned-invoices.pdf:2", True)
    assert "ball gown" in hit.snippet
    for mode in ("text", "dense", "auto"):
        best = sample_corpus.search("How much did one made-to-measure ball gown cost?", 1, mode=mode)[0]
        assert (best.key, best.from_picture) == ("scanned-invoices.pdf:2", True)
    assert not sample_corpus.search("net revenue", 1, mode="bm25")[0].from_picture
    assert "ball gown" in sample_corpus.text("scanned-invoices.pdf:2")
    assert sample_corpus.text("scanned-invoices.pdf:2", from_picture=False) == ""
    assert sample_corpus.text("annual-report-2025.pdf:1", from_picture=False) != ""


def test_words_read_on_a_scan_are_where_the_picture_has_them(sample_corpus: Corpus) -> None:
    read = sample_corpus.explain("scanned-invoices.pdf:2", "gown", channel="bm25")
    seen = sample_corpus.explain("scanned-invoices.pdf:2", "gown", channel="visual")
    assert read.boxes is not None and seen.boxes is not None
    (place,) = read.matched
    assert read.boxes[place] == pytest.approx(seen.boxes[seen.similarity[0].argmax()], abs=1e-3)


def test_no_such_page(sample_corpus: Corpus) -> None:
    for key in ("annual-report-2025.pdf:99", "nope.pdf:1", "nonsense"):
        with pytest.raises(NotFound, match="no page"):
            sample_corpus.page_image(key)
        with pytest.raises(NotFound, match="no page"):
            sample_corpus.explain(key, "x")


# --- changing --------------------------------------------------------------------------------------------


def test_same_bytes_are_skipped_and_other_bytes_replace(own_corpus: Corpus, tmp_path: Path) -> None:
    note = text(tmp_path / "in" / "note.txt", "The zebra crossing was repainted in March.")
    assert own_corpus.add(note).added[0].pages == 1
    assert own_corpus.add(note).skipped == ("note.txt",)
    assert keys(own_corpus, "zebra crossing", k=1) == ["note.txt:1"]
    text(note, "The pelican crossing was repainted in April.\n\n" + "filler " * 500)
    report = own_corpus.add(note)
    assert (report.replaced, report.added[0].pages) == (("note.txt",), 3)
    assert keys(own_corpus, "zebra", mode="bm25") == []
    assert keys(own_corpus, "pelican crossing", k=1) == ["note.txt:1"]
    assert len(own_corpus.documents()) == 8


def test_other_bytes_replace_when_the_clock_was_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add(text(tmp_path / "note.txt", "zebras"))
    before = time.time()
    monkeypatch.setattr("vdr.store.time.time", lambda: before - 86_400)
    corpus.add(text(tmp_path / "note.txt", "pelicans"))
    assert keys(corpus, "pelicans") == ["note.txt:1"]
    assert keys(corpus, "zebras") == []


def test_deleting_removes_every_row(own_corpus: Corpus) -> None:
    before = own_corpus.info()
    own_corpus.delete("espresso-machine-manual.pdf")
    after = own_corpus.info()
    assert (before.documents - after.documents, before.pages - after.pages) == (1, 10)
    assert after.units["text"] == before.units["text"] - 10
    assert "espresso-machine-manual.pdf" not in {hit.doc for hit in own_corpus.search("descale", k=100)}
    rows = Store(own_corpus.path).sizes()
    assert rows["units"][0] == rows["previews"][0] == after.pages
    with pytest.raises(NotFound, match=r"no document 'espresso-machine-manual\.pdf'"):
        own_corpus.delete("espresso-machine-manual.pdf")


def test_deleting_one_that_is_not_there_deletes_none(own_corpus: Corpus) -> None:
    with pytest.raises(NotFound, match="nope"):
        own_corpus.delete("strategy-slides.pdf", "nope.pdf")
    assert len(own_corpus.documents()) == 7


def test_another_process_s_changes_are_seen_by_the_next_search(own_corpus: Corpus, tmp_path: Path) -> None:
    assert own_corpus.search("zebra crossing", 1)[0].doc != "note.txt"
    Corpus(own_corpus.path).add(text(tmp_path / "note.txt", "The zebra crossing was repainted in March."))
    assert own_corpus.search("zebra crossing", 1)[0].key == "note.txt:1"
    Corpus(own_corpus.path).delete("note.txt")
    assert own_corpus.search("zebra crossing", 1)[0].doc != "note.txt"


def test_a_rebuilt_corpus_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "c")
    Corpus(tmp_path / "c").add(text(tmp_path / "a.txt", "otters swim"))
    assert keys(corpus, "otters", mode="text") == ["a.txt:1"]
    shutil.rmtree(tmp_path / "c")
    assert corpus.search("otters") == []
    Corpus(tmp_path / "c").add(text(tmp_path / "b.txt", "badgers dig"))
    assert keys(corpus, "badgers", mode="text") == keys(corpus, "badgers", mode="bm25") == ["b.txt:1"]


def test_no_documents_chosen_finds_nothing_and_a_name_may_stand_alone(sample_corpus: Corpus) -> None:
    assert sample_corpus.search("revenue", docs=[]) == []
    assert {hit.doc for hit in sample_corpus.search("revenue", docs="strategy-slides.pdf")} == {"strategy-slides.pdf"}


def test_words_are_found_after_the_first_add_was_broken_off(tmp_path: Path) -> None:
    first, second = text(tmp_path / "1.txt", "an otter"), text(tmp_path / "2.txt", "\n\n".join(["y" * 2_000] * 200))

    def interrupt(progress: Progress) -> None:
        if progress.document == "2.txt" and progress.page == 150:
            raise KeyboardInterrupt

    corpus = Corpus(tmp_path / "c", text_encoder="none", dense_encoder="none")
    with pytest.raises(KeyboardInterrupt):
        corpus.add([first, second], progress=interrupt)
    assert keys(corpus, "otter", mode="bm25") == ["1.txt:1"]


@pytest.mark.parametrize(("table", "message"), [("documents", "documents is gone"), ("units", "pages is gone")])
def test_a_damaged_corpus_is_said_to_be_and_not_swept(
    own_corpus: Corpus, tmp_path: Path, table: str, message: str
) -> None:
    shutil.rmtree(Path(own_corpus.path) / f"{table}.lance")
    with pytest.raises(CorpusError, match=f"is damaged: its table of {message}"):
        if table == "documents":
            Corpus(own_corpus.path).add(text(tmp_path / "a.txt", "x"))
        else:
            Corpus(own_corpus.path).search("otter", mode="bm25")
    assert (Path(own_corpus.path) / "text.lance").is_dir()


def test_a_missing_data_file_is_one_clear_line(own_corpus: Corpus) -> None:
    for file in (Path(own_corpus.path) / "documents.lance" / "data").iterdir():
        file.unlink()
    with pytest.raises(CorpusError, match="cannot be read"):
        Corpus(own_corpus.path).documents()


def test_collections(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "c")
    corpus.add(text(tmp_path / "a.txt", "apples and pears"), collection="fruit")
    corpus.add(text(tmp_path / "b.txt", "apples of another kind: a computer maker"), collection="firms")
    assert keys(corpus, "apples", collection="fruit") == ["a.txt:1"]
    assert keys(corpus, "apples", collection="firms", mode="bm25") == ["b.txt:1"]
    assert [document.name for document in corpus.documents("firms")] == ["b.txt"]
    corpus.add(tmp_path / "a.txt", collection="firms")  # the same bytes move
    assert {document.name: document.collection for document in corpus.documents()} == {
        "a.txt": "firms",
        "b.txt": "firms",
    }


def test_a_refused_file_leaves_nothing_and_the_others_go_in(tmp_path: Path, sample: Path) -> None:
    whole = (sample / "pdfs" / "strategy-slides.pdf").read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[: len(whole) // 3])
    (tmp_path / "lie.pdf").write_text("no PDF at all")
    (tmp_path / "nothing.pdf").touch()
    text(tmp_path / "good.txt", "A good text about otters.")
    corpus = Corpus(tmp_path / "c")
    report = corpus.add(sorted(tmp_path.glob("*.*")))
    assert [info.name for info in report.added] == ["good.txt"]
    reasons = {Path(refusal.path).name: refusal.reason for refusal in report.refused}
    assert reasons.keys() == {"cut.pdf", "lie.pdf", "nothing.pdf"}
    assert reasons["lie.pdf"] == "is not a PDF"
    assert reasons["nothing.pdf"] == "is empty"
    assert reasons["cut.pdf"].startswith("cannot be opened")
    assert all(refusal.advice for refusal in report.refused)
    assert {name: rows for name, (rows, _) in Store(corpus.path).sizes().items()} == {
        "documents": 1,
        "units": 1,
        "text": 1,
        "dense": 1,
    }


def test_a_broken_off_add_shows_nothing_and_the_next_one_sweeps(own_corpus: Corpus, tmp_path: Path) -> None:
    long = text(tmp_path / "long.txt", "\n\n".join(f"Paragraph {i} about wombats. " + "y" * 1_300 for i in range(40)))

    def interrupt(progress: Progress) -> None:
        if progress.page == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        own_corpus.add(long, progress=interrupt)
    assert Store(own_corpus.path).sizes()["units"][0] > 53  # rows of the unfinished document are on disk
    assert own_corpus.search("wombats", mode="bm25") == []
    assert "long.txt" not in {hit.doc for hit in own_corpus.search("wombats", k=100, mode="text")}
    assert [document.name for document in own_corpus.documents()].count("long.txt") == 0
    own_corpus.delete("strategy-slides.pdf")  # any next write
    assert Store(own_corpus.path).sizes()["units"][0] == 43
    assert own_corpus.add(long).added[0].pages == 40
    assert own_corpus.search("wombats", 1, mode="bm25")[0].doc == "long.txt"


def test_progress_counts_pages_and_documents(tmp_path: Path, sample: Path) -> None:
    seen: list[Progress] = []
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add([sample / "pdfs" / "strategy-slides.pdf", text(tmp_path / "a.txt", "hello")], progress=seen.append)
    slides = [progress for progress in seen if progress.document == "strategy-slides.pdf"]
    assert [progress.page for progress in slides] == [*range(1, 11), 10]
    assert {progress.pages for progress in slides} == {10}
    assert (seen[-1].documents_done, seen[-1].documents) == (2, 2)


def test_bm25_alone_needs_no_encoder(tmp_path: Path, sample: Path) -> None:
    corpus = Corpus(tmp_path / "c", encoder="none", text_encoder="none", dense_encoder="none")
    corpus.add(sample / "pdfs" / "espresso-machine-manual.pdf")
    assert corpus.info().encoders == {}
    assert keys(corpus, "vinegar gaskets", k=1) == ["espresso-machine-manual.pdf:8"]
    explanation = corpus.explain(corpus.search("vinegar gaskets", 1)[0])
    assert explanation.channel == "bm25"
    with pytest.raises(QueryError, match="has no visual channel"):
        corpus.search("a", mode="visual")


def test_adding_an_encoder_later_encodes_what_is_there(tmp_path: Path) -> None:
    note = text(tmp_path / "note.txt", "The zebra crossing was repainted in March.")
    Corpus(tmp_path / "c", text_encoder="none", dense_encoder="none").add(note)
    corpus = Corpus(tmp_path / "c", text_encoder="minilm")
    assert corpus.add(note).replaced == ("note.txt",)
    assert keys(corpus, "animals with stripes", mode="text") == ["note.txt:1"]


# --- refusing --------------------------------------------------------------------------------------------


def test_another_encoder_is_refused_naming_both(own_corpus: Corpus, tmp_path: Path) -> None:
    from tiny_models import tiny_colbert

    other = tiny_colbert(tmp_path / "other-colbert")
    with pytest.raises(EncoderMismatch, match=r"made with minilm \(384 dims.*other-colbert \(16 dims"):
        Corpus(own_corpus.path, text_encoder=str(other))


def test_doing_without_a_channel_that_the_corpus_has(sample_corpus_folder: Path) -> None:
    corpus = Corpus(sample_corpus_folder, encoder="none", text_encoder="none", dense_encoder="none")
    hit = corpus.search("vinegar gaskets", 1)[0]
    assert (hit.key, set(hit.channels)) == ("espresso-machine-manual.pdf:8", {"bm25"})
    assert corpus.explain(hit).channel == "bm25"
    with pytest.raises(QueryError, match="no text channel"):
        corpus.explain(hit, channel="text")


def test_a_file_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is a file, not a corpus"):
        Corpus(text(tmp_path / "x", "x"))


def test_a_folder_of_other_files_is_not_written_into(tmp_path: Path) -> None:
    note = text(tmp_path / "mine" / "note.txt", "hello")
    with pytest.raises(CorpusError, match="is a folder of other files, not a corpus"):
        Corpus(tmp_path / "mine", text_encoder="none", dense_encoder="none").add(note)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["note.txt"]
    with pytest.raises(CorpusError, match="has no name"):
        Corpus("")


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    blocked = text(tmp_path / "file", "x") / "corpus"  # a folder below a file: no user, root included, can make it
    with pytest.raises(CorpusError, match="cannot be written"):
        Corpus(blocked).add(text(tmp_path / "a.txt", "hello"))


def test_two_writers_wait_for_each_other(tmp_path: Path) -> None:
    for name in "ab":
        text(tmp_path / f"{name}.txt", f"document {name} about otters")
    script = "import sys, vdr; print(vdr.Corpus(sys.argv[1], text_encoder='none').add(sys.argv[2]))"
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "c"), str(tmp_path / f"{name}.txt")])
        for name in "ab"
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    assert sorted(keys(Corpus(tmp_path / "c"), "otters")) == ["a.txt:1", "b.txt:1"]


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vdr.database.LOCK_WAIT", 0.2)
    corpus = Corpus(tmp_path / "c", text_encoder="none", dense_encoder="none")
    with Store(corpus.path).writing(), pytest.raises(CorpusError, match="Another process has been writing"):
        corpus.add(text(tmp_path / "a.txt", "hello"))


def test_hundreds_of_small_documents_are_found_and_compacted(tmp_path: Path) -> None:
    for number in range(150):
        text(tmp_path / "in" / f"{number}.txt", f"number{number} otter")
    corpus = Corpus(tmp_path / "c", text_encoder="none", dense_encoder="none")
    assert len(corpus.add(tmp_path / "in").added) == 150
    assert len(corpus.search("otter", k=1_000)) == 150
    assert keys(corpus, "number77", mode="bm25") == ["77.txt:1"]
    assert sum(1 for _ in (tmp_path / "c" / "units.lance" / "data").iterdir()) < 30
    assert sum(1 for _ in (tmp_path / "c" / "documents.lance" / "_versions").iterdir()) < 20


def test_a_filter_of_many_documents_is_the_ranking_of_those_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are named a few at a time, or chosen from what was found."""
    monkeypatch.setattr("vdr.stored.NAMED", 20)
    monkeypatch.setattr("vdr.database.NAMED", 20)
    for number in range(90):
        text(tmp_path / "in" / f"{number:02}.txt", "otter " * (1 + number % 7) + f"and {number} other words " * 3)
    corpus = Corpus(tmp_path / "c", encoder="none", dense_encoder="none")
    corpus.add(tmp_path / "in")
    docs = [f"{number:02}.txt" for number in range(0, 90, 2)]
    for mode in ("bm25", "text"):
        everything = [hit.key for hit in corpus.search("otter", k=90, mode=mode)]
        chosen = [key for key in everything if key.removesuffix(":1") in docs]
        assert sorted(hit.key for hit in corpus.search("otter", k=90, mode=mode, docs=docs)) == sorted(chosen)
        assert len(chosen) == 45
    whole = corpus.search("otter", k=10, mode="bm25", docs=docs)
    monkeypatch.setattr("vdr.stored.PAGES", 10)  # as in a corpus of many pages: LanceDB ranks
    assert {hit.doc for hit in corpus.search("otter", k=10, mode="bm25", docs=docs)} <= set(docs)
    assert len(whole) == 10


def test_the_public_names() -> None:
    assert sorted(vdr.__all__) == [
        "AddReport",
        "Corpus",
        "CorpusError",
        "CorpusInfo",
        "DocumentError",
        "DocumentInfo",
        "EncoderError",
        "EncoderMismatch",
        "Explanation",
        "Hit",
        "JudgementError",
        "NotFound",
        "Progress",
        "QueryError",
        "Refusal",
        "SearchResult",
        "ServiceError",
        "VdrError",
    ]
    assert all(hasattr(vdr, name) for name in vdr.__all__)
    public = {name for name in dir(Corpus) if not name.startswith("_")}
    assert public == {
        "add", "delete", "dense_encoder", "documents", "encoder", "explain", "info", "optimize", "page_image", "search",
        "text", "text_encoder",
    }  # fmt: skip


def test_a_corpus_can_be_copied(sample_corpus: Corpus, tmp_path: Path) -> None:
    copied = Corpus(shutil.copytree(sample_corpus.path, tmp_path / "moved"))
    assert [(hit.key, hit.score) for hit in copied.search(DESCALE)] == [
        (hit.key, hit.score) for hit in sample_corpus.search(DESCALE)
    ]
