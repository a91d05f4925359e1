"""vdr-mini as it is released: what is printed on a page is read, found and lit up; what is not there is not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from vdr import Corpus, explain
from vdr.encode import load_page_encoder
from vdr.encode.mini import VdrMini, load, reader
from vdr.encode.mini.eight_bits import TOPS, EightBits, whole_numbers
from vdr.encode.mini.encoder import WEIGHTS
from vdr.encode.mini.network import Tower
from vdr.encode.mini.reader import Reader
from vdr.encode.minilm import load as load_minilm
from vdr.maxsim import maxsim
from vdr.types import Floats

LINES = [
    "The harbour authority collected landing fees from",
    "fourteen fishing vessels during the second quarter.",
    "Maintenance of the northern breakwater was postponed",
    "because the contractor could not deliver granite.",
    "Invoice 48213 of 17 March 2021 amounts to 6,250.75",
]


def drawn(lines: list[str], size: int = 22, ink: int = 0, ground: int = 255) -> Image.Image:
    image = Image.new("RGB", (900, 130 + 2 * size * len(lines)), (ground,) * 3)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    for index, line in enumerate(lines):
        draw.text((60, 60 + 2 * size * index), line, fill=(ink,) * 3, font=font)
    return image


def scanned(image: Image.Image, angle: float) -> Image.Image:
    """Print and scan: skew, blur, grain."""
    turned = image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=(255, 255, 255))
    soft = np.asarray(turned.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    grain = np.random.default_rng(0).normal(0, 8, soft.shape)
    return Image.fromarray((soft * 0.85 + 20 + grain).clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def mini() -> VdrMini:
    return load()


def words(mini: VdrMini, image: Image.Image) -> list[str]:
    return [word for word, _ in mini.read(image)]


EXPECTED = " ".join(LINES).lower().replace(".", " ").replace("6,250 75", "6,250.75").split()


def share_read(found: list[str]) -> float:
    return sum(word in found for word in EXPECTED) / len(EXPECTED)


def test_it_is_the_default_and_small() -> None:
    assert load_page_encoder("vdr-mini").name == "vdr-mini"
    assert WEIGHTS.stat().st_size < 20_000_000


def test_print_is_read_in_order(mini: VdrMini) -> None:
    found = words(mini, drawn(LINES))
    assert share_read(found) >= 0.9
    at = [found.index(word) for word in ("harbour", "fishing", "breakwater", "granite")]
    assert at == sorted(at)


@pytest.mark.parametrize(("size", "ink", "ground"), [(17, 0, 255), (44, 0, 255), (22, 255, 40), (22, 110, 235)])
def test_small_and_large_light_and_pale_print_is_read(mini: VdrMini, size: int, ink: int, ground: int) -> None:
    short = ["landing fees", "fishing vessels", "second quarter"]
    found = words(mini, drawn(short, size, ink, ground))
    assert len(set(found) & {"landing", "fees", "fishing", "vessels", "second", "quarter"}) >= 5


@pytest.mark.parametrize("angle", [-2.0, 1.5])
def test_a_skewed_scan_is_read(mini: VdrMini, angle: float) -> None:
    assert share_read(words(mini, scanned(drawn(LINES), angle))) >= 0.75


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_page_is_read_and_its_words_lie_where_they_are(mini: VdrMini, turns: int) -> None:
    upright = drawn(LINES)
    places = dict(mini.read(upright))
    turned = dict(mini.read(upright.rotate(90 * turns, expand=True)))
    assert share_read(list(turned)) >= 0.9
    left, top, right, bottom = places["breakwater"]
    expected = {1: (top, 1 - right, bottom, 1 - left), 2: (1 - right, 1 - bottom, 1 - left, 1 - top)}
    expected[3] = (1 - bottom, left, 1 - top, right)
    assert turned["breakwater"] == pytest.approx(expected[turns], abs=0.02)


def test_a_page_without_words_has_no_vectors(mini: VdrMini) -> None:
    hills = np.linspace(90, 200, 640)[None, :] + 20 * np.sin(np.arange(480) / 40)[:, None]
    picture = Image.fromarray(hills.astype(np.uint8)).convert("RGB")
    for image in (Image.new("RGB", (640, 480), "white"), picture, Image.new("RGB", (3, 2))):
        [page] = mini.encode_pages([image])
        assert page.vectors.shape == (0, 384)
        assert page.boxes is not None and page.boxes.shape == (0, 4)


def test_a_known_word_matches_its_place_and_an_absent_one_matches_less(mini: VdrMini) -> None:
    [page] = mini.encode_pages([drawn(LINES)])
    assert page.boxes is not None
    np.testing.assert_allclose(np.linalg.norm(page.vectors, axis=1), 1, atol=1e-4)
    granite = mini.encode_query("granite").vectors @ page.vectors.T
    left, top, _, bottom = page.boxes[granite.max(axis=0).argmax()]
    line = 3  # "because the contractor could not deliver granite."
    assert 60 + 44 * line <= (top + bottom) / 2 * drawn(LINES).height <= 60 + 44 * line + 30
    assert left > 0.4

    def score(query: str) -> float:
        vectors = page.vectors
        return float(maxsim(mini.encode_query(query).vectors, vectors, np.array([0, len(vectors)]))[0])

    assert score("breakwater maintenance") > score("volcano symphony") + 0.3


def test_a_question_asks_for_likeness_from_a_floor_on(mini: VdrMini) -> None:
    for question in ("landing fees", "Is the machine descaled?"):  # without and with a rare word
        query = mini.encode_query(question)
        assert query.floor == 0.45
        assert query.floors == pytest.approx(0.45 * np.linalg.norm(query.vectors, axis=1))
    assert mini.encode_query_to_explain("landing fees").floor is None


def test_batches_change_nothing(mini: VdrMini) -> None:
    pages = [drawn(LINES), drawn(LINES[:2]), drawn(["alone"])]
    together = mini.encode_pages(pages)
    for one, many in zip((mini.encode_pages([page])[0] for page in pages), together, strict=True):
        assert one.boxes is not None and many.boxes is not None
        np.testing.assert_allclose(one.boxes, many.boxes, atol=1e-6)
        assert np.einsum("nd,nd->n", one.vectors, many.vectors).min() > 0.999


def test_threads_change_nothing_beyond_rounding(mini: VdrMini) -> None:
    before = torch.get_num_threads()
    results: list[Floats] = []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            results.append(mini.encode_pages([drawn(LINES)])[0].vectors)
    finally:
        torch.set_num_threads(before)
    assert results[0].shape == results[1].shape
    assert np.einsum("nd,nd->n", *results).min() > 0.999


@pytest.mark.parametrize("top", TOPS)
def test_in_8_bits_the_tower_reads_the_same(top: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if whole_numbers(torch.float32) < top:
        pytest.skip(f"numbers up to {top} are not right on this processor, or slower than floats")
    cpu = torch.device("cpu")
    monkeypatch.setattr(reader, "whole_numbers", lambda _: top)
    in_bytes = Reader(WEIGHTS, cpu, torch.float32)
    monkeypatch.setattr(reader, "whole_numbers", lambda _: 0)
    in_floats = Reader(WEIGHTS, cpu, torch.float32)
    assert isinstance(in_bytes._tower, EightBits)
    assert isinstance(in_floats._tower, Tower)
    for page in (drawn(LINES), drawn(LINES, 44), drawn(LINES, 22, 255, 40), scanned(drawn(LINES), 2)):
        found, expected = in_bytes.read(page), in_floats.read(page)
        assert len(expected) > 30
        own, others = ({word.text: word.box for word in read} for read in (found, expected))
        alike = [text for text in others if text in own]
        assert abs(len(found) - len(expected)) <= 1 and len(alike) >= 0.95 * len(others)
        np.testing.assert_allclose([own[text] for text in alike], [others[text] for text in alike], atol=5)


def test_scans_without_a_text_layer_are_found_and_lit_up(sample: Path, sample_corpus: Corpus) -> None:
    qrels = (line.split("\t") for line in (sample / "qrels" / "test.tsv").read_text().splitlines()[1:])
    judged = {query: key for query, key, _ in qrels if key.startswith("scanned-invoices.pdf")}
    lines = (json.loads(line) for line in (sample / "queries.jsonl").read_text().splitlines())
    queries = {query["_id"]: query["text"] for query in lines if query["_id"] in judged}
    assert len(queries) == 5
    hits = {name: sample_corpus.search(text, 1, mode="visual")[0] for name, text in queries.items()}
    assert sum(hit.key == judged[name] for name, hit in hits.items()) >= 4
    assert not sample_corpus.text(judged["q25"], from_picture=False)

    image = sample_corpus.page_image(judged["q25"])
    why = sample_corpus.explain(judged["q25"], "soundboard", channel="visual")
    assert why.boxes is not None
    lit = why.boxes[why.similarity[0].argmax()]
    reader = load()
    read = dict(reader.read(image))
    assert lit == pytest.approx(np.array(read["soundboard"]), abs=0.02)


DESCALING = ["The machine asks for descaling every two months.", "Descale at once, and rinse the tank and the wand."]


@pytest.mark.parametrize("query", ["How is the machine descaled?", "the machine, is it descaled ?"])
def test_a_rare_word_of_a_question_lights_its_relatives_and_no_small_words(
    mini: VdrMini, tmp_path: Path, query: str
) -> None:
    drawn(DESCALING).save(tmp_path / "manual.png")
    corpus = Corpus(tmp_path / "corpus", text_encoder="none", dense_encoder="none")
    corpus.add(tmp_path / "manual.png")
    why = corpus.explain("manual.png:1", query, channel="visual")
    read = words(mini, drawn(DESCALING))
    assert read.index("descaling") == 4 and len(read) == len(why.similarity[0]) == 18
    lit = dict(zip(read, explain.heat(why).tolist(), strict=True))
    assert lit["machine"] == 1 and min(lit["descaling"], lit["descale"]) > 0.15
    assert max(heat for word, heat in lit.items() if word not in ("machine", "descaling", "descale")) < 0.05
    descaled = why.similarity[[token.startswith("descaled") for token in query.split()].index(True)]
    assert {read[place] for place in np.argsort(-descaled)[:2]} == {"descaling", "descale"}


def test_a_query_of_punctuation_is_explained_as_it_is_searched(mini: VdrMini) -> None:
    searched, explained = mini.encode_query("?!"), mini.encode_query_to_explain("?!")
    assert explained.tokens == searched.tokens == ("?!",)
    assert (explained.vectors == searched.vectors).all()


def test_words_of_a_query_are_as_those_of_a_page(mini: VdrMini) -> None:
    spoken = ["when", "was", "the", "espresso", "machine", "last", "descaled", "by", "the", "concessionaire"]
    by_page = mini._models[1].read([spoken])[0]
    by_query, pieces = load_minilm().words(spoken)
    assert pieces.tolist() == [1, 1, 1, 3, 1, 1, 3, 1, 1, 2]
    assert np.einsum("nd,nd->n", by_page, by_query).min() > 0.998
    assert load_minilm().words([])[0].shape == (0, 384)
    whole, window = (load_minilm().words((spoken * 60)[:most])[0] for most in (None, 254))  # read in windows of 254
    assert (len(whole), len(window)) == (600, 254)
    np.testing.assert_allclose(whole[:254], window, atol=1e-5)


def test_a_query_has_its_pieces_and_its_rare_words_whole(mini: VdrMini) -> None:
    query = mini.encode_query("Is the machine descaled?")
    pieces = load_minilm().pieces("Is the machine descaled?")
    assert query.token_of.tolist() == [*pieces.token_of.tolist(), 3] == [0, 1, 2, 3, 3, 3, 3, 3]
    assert (query.vectors[:-1] == pieces.vectors).all()
    assert np.linalg.norm(query.vectors[-1]) == pytest.approx(2)  # three pieces
    assert mini.encode_query("Is the machine clean?").vectors.shape == (5, 384)
