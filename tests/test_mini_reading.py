"""The parts of vdr-mini that need no weights: letters, labels, decoding, order, healing, pooling, language."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.labels import IGNORE, READ, targets
from training.pages.shards import CHARACTER
from vdr.encode.mini.alphabet import BLANK, CLASSES, SPACE, UNKNOWN, class_of, fold
from vdr.encode.mini.cells import CELL, FRAMES, MIDDLE
from vdr.encode.mini.encoder import pooled
from vdr.encode.mini.healing import heal, join
from vdr.encode.mini.language import WINDOW, Language
from vdr.encode.mini.order import in_reading_order
from vdr.encode.mini.reader import OVERLAP, _on_page, surest
from vdr.encode.mini.reading import Word, find_cells, spell
from vdr.encode.mini.sheet import Sheet
from vdr.encode.mini.spelling import spelled_vector, spelling_vector
from vdr.encode.minilm import load as load_minilm
from vdr.encode.minilm import model_folder
from vdr.types import Floats


def printed(lines: list[str], em: float = 18.0, angle: float = 0.0) -> np.ndarray:
    """Lines of text as characters half an em wide, from (20, 30) down."""
    rows = []
    word = 0
    for line, text in enumerate(lines):
        for place, character in enumerate(text):
            if character == " ":
                word += 1
                continue
            x = 20 + place * em / 2
            y = 30 + line * 1.3 * em + (x - 20) * np.tan(np.radians(angle))
            rows.append((0, ord(character), x, x + em / 2, y, em, angle, word, line, 0, em / 2))
        word += 1
    return np.array(rows, CHARACTER)


def as_read(characters: np.ndarray, rows: int = 24, columns: int = 64) -> list[Word]:
    """What a tower that answers exactly as its targets say would read."""
    goal = targets(characters, rows, columns)
    cells = find_cells(np.where(np.isnan(goal.axis), -5, (goal.axis - 0.3) * 10).astype(np.float32))
    names = goal.characters.reshape(rows, columns, FRAMES)[cells.row, cells.column]
    chances = np.zeros((len(names), FRAMES, CLASSES), np.float32)
    np.put_along_axis(chances, np.where(names == IGNORE, SPACE, names)[..., None], 1, 2)
    return spell(cells, goal.place[:, cells.row, cells.column].T, chances)


def test_what_targets_say_reads_as_the_text() -> None:
    lines = ["Total revenue of $1,234.5 million (2018)", "illness little all balloon", "Élan Łódź [3.2.1] a-b"]
    words = as_read(printed(lines))
    assert [word.text for word in words] == fold(" ".join(lines)).split()
    assert [word.line for word in words] == [1] * 6 + [2] * 4 + [3] * 4
    assert words[0].size == pytest.approx(18, abs=0.1)


def test_a_word_lies_where_it_was_printed() -> None:
    word = as_read(printed(["  revenue"], em=20))[0]
    left, top, right, bottom = word.box
    assert left == pytest.approx(40, abs=4)
    assert right == pytest.approx(110, abs=4)
    assert (top + bottom) / 2 == pytest.approx(30 - MIDDLE * 20, abs=1.5)


def test_a_skewed_line_stays_one_line() -> None:
    line = "a line that climbs from row to row over the page"
    words = as_read(printed([line], angle=2.5))
    assert [word.text for word in words] == line.split()
    assert {word.line for word in words} == {1}


def test_print_too_large_or_turned_is_not_there() -> None:
    assert as_read(printed(["HUGE"], em=3 * READ[1])) == []
    goal = targets(printed(["turned"], angle=90), 24, 64)
    assert goal.axis.max() == 0
    assert (goal.characters == IGNORE).all()


def test_frames_are_named_at_the_centre_of_a_character() -> None:
    goal = targets(printed(["ab"], em=32), 8, 16)
    row = round((30 - MIDDLE * 32) / CELL - 0.5)
    names = goal.characters[row]
    assert names[[14, 22]].tolist() == [class_of("a"), class_of("b")]  # centres at pixels 28 and 44
    assert names[18] == BLANK
    assert names[27] == SPACE


def test_signs_of_no_class_are_unknown() -> None:
    assert class_of("語") == UNKNOWN
    assert class_of("’") == class_of("'")
    assert fold("ŻÓŁĆ ﬁn “x” 5–7") == 'zolc fin "x" 5-7'


def test_a_doubtful_letter_points_half_way() -> None:
    def chances(word: str) -> Floats:
        spelled = np.zeros((len(word), CLASSES), np.float32)
        spelled[np.arange(len(word)), [class_of(letter) for letter in word]] = 1
        return spelled

    np.testing.assert_allclose(spelling_vector(chances("total")), spelled_vector("Total"), atol=1e-6)
    doubtful = spelling_vector((chances("total") + chances("tofal")) * np.float32(0.5))
    alone = spelled_vector("total") @ spelled_vector("tofal")
    assert doubtful @ spelled_vector("total") > alone
    assert doubtful @ spelled_vector("total") == pytest.approx(doubtful @ spelled_vector("tofal"), abs=0.05)


def word(text: str, x: float, y: float, line: int, doubts: dict[int, tuple[str, float]] | None = None) -> Word:
    spelling = np.zeros((len(text), CLASSES), np.float32)
    spelling[np.arange(len(text)), [class_of(letter) for letter in text]] = 1
    for place, (other, chance) in (doubts or {}).items():
        spelling[place, class_of(other)] = chance
        spelling[place, class_of(text[place])] = 1 - chance
    return Word(text, (x, y, x + 10 * len(text), y + 20), 18, line, 0.9, spelling)


def test_healing_takes_the_known_word_among_the_likely_ones() -> None:
    known = {"revenue", "cash"}.__contains__
    assert heal(word("revcnue", 0, 0, 1, {3: ("e", 0.4)}), known) == "revenue"
    assert heal(word("revcnue", 0, 0, 1, {3: ("o", 0.4)}), known) == "revcnue"
    assert heal(word("revcnue", 0, 0, 1), known) == "revcnue"  # nothing was in doubt
    assert heal(word("cash", 0, 0, 1, {0: ("l", 0.4)}), known) == "cash"


def test_healing_keeps_letters_out_of_numbers() -> None:
    def unknown(_: str) -> bool:
        return False

    assert heal(word("2o2o", 0, 0, 1), unknown) == "2020"
    assert heal(word("$l,23o.5", 0, 0, 1), unknown) == "$1,230.5"
    assert heal(word("co2", 0, 0, 1), unknown) == "co2"
    assert heal(word("iso9001", 0, 0, 1), unknown) == "iso9001"


def test_a_word_parted_at_the_end_of_a_line_is_one() -> None:
    parted = [word("reve-", 300, 0, 1), word("nue", 0, 24, 2), word("well-", 30, 24, 2), word("known", 100, 24, 2)]
    joined = join([(part, part.text) for part in parted])
    assert [(text, part.box[0]) for part, text in joined] == [("revenue", 300), ("well-", 30), ("known", 100)]


def page(layout: list[tuple[float, float, str]]) -> list[Word]:
    words = []
    for line, (x, y, text) in enumerate(layout, start=1):
        for token in text.split():
            words.append(word(token, x, y, line))
            x += 10 * len(token) + 6
    return words


def read_in_order(layout: list[tuple[float, float, str]]) -> str:
    words = page(layout)
    shuffled = [words[index] for index in np.random.default_rng(0).permutation(len(words))]
    return " ".join(found.text for found in in_reading_order(shuffled))


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left = [(0.0, 60 + 24 * row, f"left line number {row} runs on") for row in range(4)]
    right = [(400.0, 60 + 24 * row, f"right line number {row} runs on") for row in range(4)]
    heading = (0.0, 0.0, "one heading over both columns of the whole page and more")
    expected = " ".join(text for _, _, text in [heading, *left, *right])
    assert read_in_order([*right, heading, *left]) == expected


def test_a_table_is_read_row_by_row() -> None:
    rows = [[("sales", 0.0), ("100", 300.0), ("90", 400.0)], [("costs", 0.0), ("80", 300.0), ("70", 400.0)]]
    layout = [(x, 24.0 * index, text) for index, row in enumerate(rows) for text, x in row]
    assert read_in_order(layout) == "sales 100 90 costs 80 70"


def covered(one: Word, other: Word) -> float:
    """Return what share of the smaller word lies under the other."""
    (a, b, c, d), (e, f, g, h) = one.box, other.box
    common = max(min(c, g) - max(a, e), 0) * max(min(d, h) - max(b, f), 0)
    return common / min((c - a) * (d - b), (g - e) * (h - f))


def test_where_words_lie_over_each_other_the_surest_stays() -> None:
    rng = np.random.default_rng(0)
    words = [
        replace(word("word", x, y, 0), sure=float(sure))
        for x, y, sure in zip(rng.uniform(0, 900, 600), rng.uniform(0, 900, 600), rng.uniform(0.5, 1, 600), strict=True)
    ]
    kept = surest(words)
    assert 100 < len(kept) < 500
    for one in words:
        surer = [other for other in kept if other.sure > one.sure]
        assert any(one is other for other in kept) == (not any(covered(one, other) > OVERLAP for other in surer))


def test_pooling_merges_like_neighbours_and_keeps_their_place() -> None:
    vectors = np.eye(4, dtype=np.float32)[[0, 1, 1, 2, 3]]
    boxes = np.array([[index / 10, 0, index / 10 + 0.1, 0.1] for index in range(5)], np.float32)
    one = pooled(vectors, boxes, 4)
    np.testing.assert_array_equal(one.vectors, np.eye(4, dtype=np.float32))
    assert one.boxes is not None
    np.testing.assert_allclose(one.boxes[1], [0.1, 0, 0.3, 0.1])
    rng = np.random.default_rng(1)
    many = rng.normal(size=(2500, 8)).astype(np.float32)
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    few = pooled(many, np.tile(np.array([[0, 0, 1, 1]], np.float32), (2500, 1)), 1000)
    assert few.vectors.shape == (1000, 8)
    np.testing.assert_allclose(np.linalg.norm(few.vectors, axis=1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def language() -> Language:
    return Language(model_folder(), torch.device("cpu"), torch.float32)


def test_words_of_one_piece_get_the_vectors_of_minilm(language: Language) -> None:
    text = "total revenue of the company increased because of higher sales"
    minilm = load_minilm()
    expected = minilm.states(np.array(minilm._tokenizer.encode(text).ids))[1:-1]  # as texts are, not as queries
    np.testing.assert_allclose(language.read([text.split()])[0], expected, atol=2e-6)


def test_a_long_text_is_read_in_windows_and_texts_do_not_touch_each_other(language: Language) -> None:
    words = [f"word{index}" for index in range(WINDOW + 60)]
    alone = language.read([words])[0]
    assert alone.shape == (WINDOW + 60, 384)
    end, begin = 173, 141  # windows alike in length, with 32 words in common
    edge = (begin + end) // 2
    np.testing.assert_allclose(alone[:edge], language.read([words[:end]])[0][:edge], atol=2e-6)
    np.testing.assert_allclose(alone[edge:], language.read([words[begin:]])[0][edge - begin :], atol=2e-6)
    together = language.read([["short", "text"], words, []])
    np.testing.assert_allclose(together[1], alone, atol=2e-6)
    np.testing.assert_allclose(together[0], language.read([["short", "text"]])[0], atol=2e-6)
    assert together[2].shape == (0, 384)


def spotted(*spots: tuple[int, int, int, int]) -> np.ndarray:
    """A white page of 40 x 30 cells and some pixels with grain on these cells: top, left, bottom, right."""
    grain = np.random.default_rng(0).integers(0, 256, (40 * CELL - 3, 30 * CELL - 5), np.uint8)
    page = np.full_like(grain, 255)
    for top, left, bottom, right in spots:
        there = slice(top * CELL, bottom * CELL), slice(left * CELL, right * CELL)
        page[there] = grain[there]
    return page


def test_a_sheet_has_what_is_on_a_page_and_tells_where_it_was() -> None:
    page = spotted((2, 2, 5, 28), (9, 0, 12, 10), (9, 15, 11, 20), (38, 27, 40, 30))
    sheet = Sheet.of(page)
    assert sheet is not None
    assert sheet.part.max() + 1 == len(sheet.shift) == 4
    assert sheet.pixels.size < 0.25 * page.size
    put_back = np.full((42 * CELL, 32 * CELL), 255, np.uint8)
    for part, (right, down) in enumerate(sheet.shift.tolist()):
        row, column = np.nonzero(np.kron(sheet.part == part, np.ones((CELL, CELL), bool)))
        put_back[row + down, column + right + CELL] = sheet.pixels[row, column]
    assert (put_back[: page.shape[0], CELL : CELL + page.shape[1]] == page).all()


def test_blank_pages_and_those_with_specks_alone_have_no_sheet() -> None:
    assert Sheet.of(spotted()) is None
    specks = spotted((3, 3, 4, 4), (20, 10, 21, 11))
    assert Sheet.of(specks, least=2) is None
    sheet = Sheet.of(specks)
    assert sheet is not None and len(sheet.shift) == 2


def test_words_of_a_sheet_lie_where_they_are_on_the_page() -> None:
    sheet = Sheet.of(spotted((2, 2, 5, 28), (9, 0, 12, 10), (9, 15, 12, 25)))
    assert sheet is not None
    rows, columns = sheet.part.shape
    beside = [np.argwhere(sheet.part == part)[0] for part in range(3)]  # the top left cell of each
    words = [word("total", column * CELL + 20, row * CELL, 7) for row, column in beside]
    found = list(_on_page([*words, word("gone", columns * CELL - 20, rows * CELL - 20, 7)], sheet, lines=10))
    assert [one.box[:2] for one in found[:3]] == [(28, 16), (12, 72), (132, 72)]
    assert len({one.line for one in found}) == 3 and min(one.line for one in found) > 10
    assert len(found) == 3 + (sheet.part[-1, -1] >= 0)
