"""MaxSim against its definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vdr.maxsim import maxsim


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
