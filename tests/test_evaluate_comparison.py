"""Figures with intervals, paired comparisons, slices, runs and reports, on numbers one can check by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from vdr import JudgementError
from vdr.evaluate import JudgedQuery, JudgedSet, figures, read_run, trec_lines, without_gaps
from vdr.evaluate import plots as drawn
from vdr.evaluate.comparison import compare, difference
from vdr.evaluate.experiment import System, measure, saved, scopes
from vdr.evaluate.measures import interval
from vdr.evaluate.pages import Block, Heading, Paragraph, Plot, Table, html, markdown, write
from vdr.evaluate.report import report
from vdr.evaluate.slices import slices, text_layer
from vdr.types import Hit

SVG = "{http://www.w3.org/2000/svg}"


def test_the_interval_of_a_coin_is_the_binomial_s() -> None:
    low, high = interval([0.0] * 50 + [1.0] * 50)
    assert (low, high) == pytest.approx((0.40, 0.60), abs=0.011)  # 0.5 +- 1.96 * sqrt(0.25 / 100)
    assert interval([0.0] * 50 + [1.0] * 50) == (low, high)  # the same every time


def test_one_query_has_no_interval() -> None:
    result = figures({"q": {"a:1": 1.0}}, {"q": {"a:1": 1}}, [1.0])
    assert (result.measures["MRR"], result.intervals) == (1.0, {})


@pytest.mark.parametrize(
    ("differences", "p"),
    [([0.5, 0.5, 0.5], 2 / 8), ([1.0, 0.5, -0.25], 4 / 8), ([0.0, 0.0], 1.0), ([0.1] * 12, 2 / 2**12)],
)
def test_the_randomisation_test_is_exact_for_few_queries(differences: list[float], p: float) -> None:
    found = difference(differences)
    assert found.p == pytest.approx(p)
    assert found.mean == pytest.approx(sum(differences) / len(differences))


def test_wins_ties_losses_and_who_they_are() -> None:
    base = {"nDCG@10": {"a": 0.0, "b": 0.5, "c": 1.0, "d": 0.2, "e": 0.3}}
    other = {"nDCG@10": {"a": 1.0, "b": 0.5, "c": 0.4, "d": 0.3, "e": 0.3 + 1e-12}}
    found = compare("old", base, "new", other)
    assert (found.wins, found.ties, found.losses) == (2, 2, 1)
    assert [change.query for change in found.changes] == ["a", "d", "c"]
    assert [change.query for change in found.gains(5)] == ["a", "d"]
    assert [(change.query, change.before, change.after) for change in found.drops(5)] == [("c", 1.0, 0.4)]
    assert found.differences["nDCG@10"].mean == pytest.approx((1 - 0.6 + 0.1) / 5)


# --- slices ----------------------------------------------------------------------------------------------


def asked(id: str, **metadata: object) -> JudgedQuery:
    """Return a query."""
    return JudgedQuery.of(id, f"what is {id}?", metadata)


def test_slices_are_by_few_short_values() -> None:
    queries = [
        asked(str(number), visual=number % 2 == 0, doc=f"{number}.pdf", answer="x" * (50 + number), same="y")
        for number in range(20)
    ]
    assert slices(queries) == {
        "visual": {
            "no": tuple(str(number) for number in range(1, 20, 2)),
            "yes": tuple(str(number) for number in range(0, 20, 2)),
        }
    }
    assert slices(queries, ["same"]) == {"same": {"y": tuple(str(number) for number in range(20))}}
    assert len(slices(queries, ["doc"])["doc"]) == 20
    with pytest.raises(
        JudgementError, match=r"No query has kind in its metadata\. They have visual, doc, answer, same"
    ):
        slices(queries, ["kind"])


def test_a_query_is_image_only_if_all_that_answers_it_is() -> None:
    qrels = {"a": {"x:1": 1, "x:2": 1}, "b": {"x:1": 1, "x:2": 0}, "c": {"x:2": 1}}
    texts = {"x:1": "", "x:2": "words"}
    groups = text_layer([asked("a"), asked("b"), asked("c")], qrels, texts.__getitem__)
    assert groups == {"with text": ("a", "c"), "image only": ("b",)}


# --- runs ------------------------------------------------------------------------------------------------


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    rankings = {"q 1": {"my file.pdf:3": 2.0, "b.pdf:1": 1.5}, "q2": {"b.pdf:1": 0.5}}
    (tmp_path / "run").write_text(trec_lines(rankings))
    assert read_run(tmp_path / "run", {"q 1": {"my file.pdf:3": 1}, "q2": {"b.pdf:1": 1}}) == rankings


def test_a_run_of_another_order_is_sorted(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q Q0 b 2 1.0 x\nq Q0 a 1 3.0 x\nother Q0 a 1 3.0 x\n")
    assert list(read_run(tmp_path / "run", {"q": {"a": 1}})["q"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "message"), [("a b c\n", "is not a TREC run"), ("z Q0 a 1 1 x\n", "has none of the judged queries")]
)
def test_what_is_no_run_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "run").write_text(text)
    with pytest.raises(JudgementError, match=message):
        read_run(tmp_path / "run", {"q": {"a": 1}})
    with pytest.raises(JudgementError, match="cannot be read"):
        read_run(tmp_path / "nothing", {"q": {"a": 1}})


def test_a_gap_in_a_run_of_a_set_without_documents() -> None:
    judged = JudgedSet((), (asked("a"),), {"a": {"x:1": 1}})
    assert without_gaps({"a": {}}, judged) == {"a": {"none:1": 0.0}}


# --- experiments and reports -----------------------------------------------------------------------------


def system(name: str, answers: dict[str, list[str]]) -> System:
    """Return a system that gives these keys for a question."""

    def search(query: str, k: int, doc: str | None) -> list[Hit]:
        keys = [key for key in answers[query] if doc is None or key.startswith(doc)][:k]
        return [Hit(n, key, key[:-2], 1, 1.0 / n, {}, "") for n, key in enumerate(keys, start=1)]

    return System(name, search, 2_500_000)


QUERIES = (
    asked("a", kind="table", doc="x"),
    asked("b", kind="text", doc="y"),
    asked("p", mentions_page=True, doc="x"),
)
JUDGED = JudgedSet((), QUERIES, {"a": {"x:1": 1}, "b": {"y:1": 1}, "p": {"x:2": 1}})
BASE = system("bm25", {"what is a?": ["y:1", "x:1"], "what is b?": ["y:1"], "what is p?": ["x:2"]})
OTHER = system("new|er", {"what is a?": ["x:1"], "what is b?": ["x:1", "x:2"], "what is p?": []})


def test_systems_are_measured_in_all_documents_and_within_their_own() -> None:
    everywhere, within = scopes(measure([BASE, OTHER], JUDGED), slices(JUDGED.queries, ["kind"]))
    assert (everywhere.name, within.name) == ("all", "within document")
    assert [result.figures.queries for result in everywhere.results] == [2, 2]  # p names a page
    assert [result.figures.queries for result in within.results] == [3, 3]
    assert [result.figures.measures["MRR"] for result in everywhere.results] == [0.75, 0.5]
    assert [result.figures.measures["MRR"] for result in within.results] == pytest.approx([1.0, 1 / 3])
    assert everywhere.slices == {"kind": {"table": ("a",), "text": ("b",)}}
    (comparison,) = everywhere.comparisons
    assert (comparison.base, comparison.system) == ("bm25", "new|er")
    assert (comparison.wins, comparison.ties, comparison.losses) == (1, 0, 1)


def test_a_saved_run_counts_with_0_where_it_has_nothing_and_is_compared_with_first() -> None:
    old = saved("old.trec", {"a": {"x:1": 1.0}}, JUDGED)
    everywhere, within = scopes([old, *measure([BASE], JUDGED)], {})
    assert [result.system for result in everywhere.results] == ["old.trec", "bm25"]
    assert everywhere.results[0].figures.measures["MRR"] == 0.5
    assert everywhere.results[0].figures.latency_ms == {}
    assert everywhere.comparisons[0].base == "old.trec"
    assert within.comparisons == ()


def test_the_report_says_it_all(tmp_path: Path) -> None:
    found = scopes(measure([BASE, OTHER], JUDGED), slices(JUDGED.queries))
    blocks = report("Evaluation <on> x", {"judged set": "3 queries"}, found, JUDGED)
    headings = [block.text for block in blocks if isinstance(block, Heading)]
    assert headings == [
        "Evaluation <on> x",
        "All documents, 2 queries",
        "Against bm25",
        "Gained most: new|er against bm25",
        "Lost most: new|er against bm25",
        "By kind",
        "By doc",
        "Within the right document, 3 queries",
        "Against bm25",
        "Lost most: new|er against bm25",
        "By kind",
        "By doc",
        "By mentions_page",
        "How to read this",
    ]
    tables = [block for block in blocks if isinstance(block, Table)]
    gained = next(table for table in tables if "answered by" in table.head)
    assert gained.rows == [("a", "what is a?", "x:1", "y:1", "x:1", "0.63", "1.00")]
    quality, cost, differences = tables[1:4]
    assert (quality.head[6], quality.rows[0][0], quality.rows[0][6]) == ("MRR", "bm25", "0.750 (0.50 to 1.00)")
    assert (cost.head[-1], cost.rows[0][-1]) == ("on disk", "2.5 MB")
    assert differences.rows[0][0] == "nDCG@5" and differences.rows[0][1].startswith("-0.315 (")
    assert differences.rows[-1] == ("won / same / lost", "1 / 0 / 1", "")
    every = next(table for table in tables if table.summary)
    assert [list(row) for row in every.rows] == [
        ["a", "what is a?", "0.63", "1.00"],
        ["b", "what is b?", "1.00", "0.00"],
    ]
    files = write(tmp_path / "r.md", blocks)
    plots = [block for block in blocks if isinstance(block, Plot)]
    assert [file.name for file in files] == ["r.md", *(f"r-{plot.name}.svg" for plot in plots)]
    assert f"(r-{plots[0].name}.svg)" in files[0].read_text()
    assert "| new\\|er |" in files[0].read_text()
    assert all(ET.fromstring(file.read_text()).tag == f"{SVG}svg" for file in files[1:])
    page = html(blocks)
    assert "<title>Evaluation &lt;on&gt; x</title>" in page
    assert page.count("<svg") == len(plots)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # it loads nothing


def test_text_of_a_report_is_shown_as_it_is() -> None:
    blocks: list[Block] = [Paragraph("<b> *x* _y_ [z](q)"), Table(["a|b"], [["<i>"]], summary="more & more")]
    assert markdown(blocks, "r") == (
        r"&lt;b&gt; \*x\* \_y\_ \[z\](q)"
        "\n\n<details><summary>more &amp; more</summary>\n\n| a\\|b |\n|---|\n| &lt;i&gt; |\n\n</details>\n"
    )
    assert "<p>&lt;b&gt; *x* _y_ [z](q)</p>" in html(blocks)


def test_a_report_needs_a_name_it_can_be_written_by(tmp_path: Path) -> None:
    with pytest.raises(JudgementError, match=r"r\.pdf is no name for a report. Let it end in .html or .md."):
        write(tmp_path / "r.pdf", [])
    with pytest.raises(JudgementError, match="there is no such folder"):
        write(tmp_path / "no" / "r.md", [])


def test_bars_are_as_long_as_their_values() -> None:
    root = ET.fromstring(drawn.bars([("a & b", 0.5, (0.4, 0.6)), ("c", 1.0, None)], "x"))
    widths = [
        float(rect.attrib["width"]) for rect in root.findall(f"{SVG}rect") if rect.find(f"{SVG}title") is not None
    ]
    assert widths == pytest.approx([235.0, 470.0])


def test_points_and_changes_have_their_places() -> None:
    root = ET.fromstring(drawn.scatter([("a", 10, 0.2), ("b", 1000, 0.6)], "ms", "nDCG"))
    places = [float(circle.attrib[name]) for circle in root.findall(f"{SVG}circle") for name in ("cx", "cy")]
    assert places == pytest.approx([60.0, 250 - 236 / 3, 570.0, 14.0], abs=0.1)
    root = ET.fromstring(drawn.differences([("a", 0.5), ("b", -1.0)], "x"))
    heights = [float(rect.attrib["height"]) for rect in root.findall(f"{SVG}rect")[1:]]
    assert heights == [45.0, 90.0]
