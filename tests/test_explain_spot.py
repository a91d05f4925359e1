"""Where on a page the light is strongest."""

from __future__ import annotations

import numpy as np
import pytest

from vdr.explain import spot
from vdr.types import Explanation, Floats


def explained(similarity: list[list[float]], tops: list[float] | None) -> Explanation:
    """Return an explanation of words `alpha` and `beta` by places 0.02 high that begin so far down the page."""
    boxes: Floats | None = None
    if tops is not None:
        boxes = np.array([[0.1, top, 0.3, top + 0.02] for top in tops], np.float32).reshape(-1, 4)
    found = np.array(similarity, np.float32).reshape(2, -1)
    return Explanation("visual", ("alpha", "beta"), found, boxes, None, ())


def test_a_close_group_is_brighter_than_a_single_word() -> None:
    tops = [0.1, 0.3, 0.5, 0.70, 0.72, 0.9]
    why = explained([[1.0, 0, 0, 0.9, 0, 0], [0, 0, 0, 0, 0.9, 0]], tops)
    assert spot(why) == pytest.approx(0.71)  # two words beside one another
    assert spot(why, 0) == pytest.approx(0.11)  # the best place of the first word
    assert spot(why, 1) == pytest.approx(0.73)


def test_a_place_without_light_is_no_spot_though_it_lies_between_bright_ones() -> None:
    why = explained([[1.0, 0, 1.0, 0, 0, 0, 0], [0] * 7], [0.42, 0.50, 0.58, 0.8, 0.85, 0.9, 0.95])
    assert spot(why) == pytest.approx(0.43)


def test_there_is_no_spot_without_light_or_places() -> None:
    assert spot(explained([[0.4, 0.4], [0.4, 0.4]], [0.1, 0.6])) is None
    assert spot(explained([[], []], [])) is None
    assert spot(explained([[1.0], [0.0]], None)) is None
