"""MaxSim against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vdr.codes import Centroids, closeness
from vdr.maxsim import Asked, Near, maxsim, maxsim_at, maxsim_int8
from vdr.quantize import Quantized, bytes_a_vector, pack, quantize, to_space
from vdr.types import Floats


def by_definition(query: np.ndarray, units: list[np.ndarray]) -> list[float]:
    """Sum over the query's vectors of the best dot product, in float64."""
    return [
        sum(max(float(np.dot(q.astype(np.float64), v.astype(np.float64))) for v in unit) for q in query)
        for unit in units
    ]


@settings(deadline=None, max_examples=50)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    n_query=st.integers(1, 9),
    dim=st.sampled_from([1, 8, 33]),
    seed=st.integers(0, 2**32 - 1),
    unit_length=st.booleans(),
)
def test_equals_the_definition(lengths: list[int], n_query: int, dim: int, seed: int, unit_length: bool) -> None:
    random = np.random.default_rng(seed)
    query = random.normal(size=(n_query, dim)).astype(np.float32)
    units = [random.normal(size=(length, dim)).astype(np.float16) for length in lengths]
    if unit_length:
        query /= np.linalg.norm(query, axis=1, keepdims=True)
    scores = maxsim(query, np.concatenate(units), np.cumsum([0, *lengths]))
    np.testing.assert_allclose(scores, by_definition(query, units), rtol=1e-4, atol=1e-4)


def test_no_unit_has_no_score() -> None:
    assert maxsim(np.ones((2, 3), np.float32), np.zeros((0, 3), np.float32), np.array([0])).shape == (0,)


def test_a_unit_without_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="without vectors"):
        maxsim(np.ones((1, 2), np.float32), np.ones((3, 2), np.float32), np.array([0, 3, 3]))


def test_one_page_of_many_vectors_and_one_of_one() -> None:
    vectors = np.concatenate([np.full((5_000, 2), 0.1), [[0.0, 1.0]]]).astype(np.float32)
    vectors[4_321] = [1.0, 0.0]
    scores = maxsim(np.eye(2, dtype=np.float32), vectors, np.array([0, 5_000, 5_001]))
    np.testing.assert_allclose(scores, [1.1, 1.0], rtol=1e-6)


def packed_units(dim: int, bits: int) -> tuple[Quantized, NDArray[np.int8], NDArray[np.int64], Floats]:
    """Return units of 1, 2, 5 and 70 vectors, packed behind three bytes of something else, where each begins."""
    random = np.random.default_rng(dim * bits)
    vectors = random.normal(size=(78, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    query = vectors[random.integers(0, 78, 27)] + random.normal(size=(27, dim)).astype(np.float32) * 0.1
    quantized = quantize(vectors, bits)
    run = np.concatenate([np.zeros(3, np.int8), pack(quantized, bits).reshape(-1).view(np.int8)])
    return quantized, run, np.array([0, 1, 3, 8]), to_space(query, bits)


@pytest.fixture(params=[1, 2, 4])
def number_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Choose the kernels of processors that are fastest with numbers of so many bytes; any can run them."""
    size: int = request.param
    monkeypatch.setattr("vdr.simd.number_size", lambda: size)
    return size


OFF = {1: 0.003, 2: 2e-5, 4: 1e-6}
"""How far a product may be off, by the bytes of a number, of the lengths of both vectors."""


@pytest.mark.parametrize("bits", [8, 4, 2, 1])
@pytest.mark.parametrize("dim", [7, 96, 128, 200])
def test_packed_units_score_as_their_vectors(dim: int, bits: int, number_size: int) -> None:
    quantized, run, firsts, query = packed_units(dim, bits)
    starts, counts = 3 + firsts * bytes_a_vector(dim, bits), np.array([1, 2, 5, 70])
    expected = maxsim(query, quantized.numbers * quantized.scales[:, None], np.array([0, 1, 3, 8, 78]))
    chosen = [3, 0, 2, 1]
    where = run, starts[chosen], quantized.scales, firsts[chosen], counts[chosen]
    exactly = maxsim_at(Asked(query, bits), *where)
    np.testing.assert_allclose(exactly, expected[chosen], rtol=1e-5, atol=1e-5)
    nearly = maxsim_at(Asked(query, bits, nearly=True), *where)
    near = 27 * OFF[number_size] * np.linalg.norm(query, axis=1).max()
    np.testing.assert_allclose(nearly, expected[chosen], rtol=1e-5, atol=near)
    if number_size == 4:
        assert (nearly == exactly).all()


@pytest.mark.parametrize("bits", [8, 2])
def test_a_product_counts_from_its_floor_on(bits: int, number_size: int) -> None:
    quantized, run, firsts, query = packed_units(96, bits)
    query[3] = 0
    lengths = np.linalg.norm(query, axis=1)
    offsets, vectors = np.array([0, 1, 3, 8, 78]), quantized.numbers * quantized.scales[:, None]
    floors = (0.4 * lengths).astype(np.float32)
    raised = np.maximum(np.maximum.reduceat(vectors @ query.T, offsets[:-1], axis=0), floors)
    assert (raised == floors).any() and (raised > floors).any()
    expected = raised.sum(axis=1)
    np.testing.assert_allclose(maxsim(query, vectors, offsets, floors), expected, rtol=1e-5)
    where = run, 3 + firsts * bytes_a_vector(96, bits), quantized.scales, firsts, np.array([1, 2, 5, 70])
    np.testing.assert_allclose(maxsim_at(Asked(query, bits, floors=floors), *where), expected, rtol=1e-5)
    near = 27 * OFF[number_size] * lengths.max()
    np.testing.assert_allclose(maxsim_at(Asked(query, bits, floors=floors, nearly=True), *where), expected, atol=near)
    for compiled in (True, False):
        found = maxsim_int8(query, quantized.numbers, quantized.scales, offsets, floors, compiled=compiled)
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("bits", [8, 2])
def test_of_a_unit_only_vectors_near_the_query_are_looked_at(bits: int, number_size: int) -> None:
    quantized, run, firsts, query = packed_units(96, bits)
    counts = np.array([1, 2, 5, 70])
    ids = np.array([5] + [0, 1] + [4] * 5 + [1, 2] * 35, np.uint16)
    near = Near(ids, np.array([False, True, False, False, False, True]))
    seen = [[0], [2], [3, 4, 5, 6, 7], range(8, 78, 2)]  # the third unit has none near, so all of it
    vectors = quantized.numbers * quantized.scales[:, None]
    expected = [float((vectors[list(rows)] @ query.T).max(axis=0).sum()) for rows in seen]
    where = run, 3 + firsts * bytes_a_vector(96, bits), quantized.scales, firsts, counts, near
    np.testing.assert_allclose(maxsim_at(Asked(query, bits), *where), expected, rtol=1e-5, atol=1e-5)
    roughly = maxsim_at(Asked(query, bits, nearly=True), *where)
    off = 27 * OFF[number_size] * np.linalg.norm(query, axis=1).max()
    np.testing.assert_allclose(roughly, expected, rtol=1e-5, atol=off)


@pytest.mark.parametrize("dim", [128, 4_096, 8_192])
def test_sums_of_the_largest_products_fit(dim: int, number_size: int) -> None:
    vectors = np.ones((4, dim), np.float32)
    vectors[1:, : dim // 2] = -1
    numbers, scales = (vectors * 127).astype(np.int8), np.full(4, 1 / 127, np.float32)
    where = numbers.reshape(-1), np.array([0, dim]), scales, np.array([0, 1]), np.array([1, 3])
    scores = maxsim_at(Asked(np.full((2, dim), -3, np.float32), nearly=True), *where)
    np.testing.assert_allclose(scores, [-6 * dim, 0], rtol=0.001, atol=0.01 * dim)


@pytest.mark.parametrize(("n_query", "dim"), [(1, 3), (24, 128), (25, 320)])
def test_products_in_whole_numbers_are_near_the_products(n_query: int, dim: int, number_size: int) -> None:
    random = np.random.default_rng(dim)
    query, vectors = (random.normal(size=(n, dim)).astype(np.float32) for n in (n_query, 2_051))
    reach = random.random(2_051).astype(np.float32)
    cells = np.zeros((1, dim), np.float32), vectors, np.array([0, 2_051])
    table = closeness(query, Centroids(*cells, reach), 1)
    assert table.shape == (n_query, 2_051)
    off = np.abs(table - query @ vectors.T - np.linalg.norm(query, axis=1)[:, None] * reach).max()
    lengths = np.linalg.norm(query, axis=1).max() * np.linalg.norm(vectors, axis=1).max()
    assert off <= {1: 0.02, 2: 0.01, 4: 1e-6}[number_size] * lengths
