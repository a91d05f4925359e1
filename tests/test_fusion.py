"""Fusion of channels: scales fall away, what a page does not have says nothing against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from vdr.fusion import DEPTH, WEIGHTS, weigh
from vdr.search import ranked


def fuse(
    channels: Mapping[str, Mapping[str, float]],
    has: Callable[[str, str], bool],
    depth: int = DEPTH,
    weights: Mapping[str, float] = WEIGHTS,
) -> dict[str, float]:
    evidence = weigh(channels, has, depth)
    return dict(zip(evidence.keys, evidence.fused(weights).tolist(), strict=True))


def everything(channel: str, key: str) -> bool:
    return True


def test_scales_fall_away() -> None:
    one = {"text": {"a": 3.0, "b": 2.0, "c": 1.0}, "bm25": {"a": 1.0, "b": 9.0, "c": 2.0}}
    other = {"text": {key: 100 + 50 * score for key, score in one["text"].items()}, "bm25": one["bm25"]}
    assert fuse(one, everything) == pytest.approx(fuse(other, everything))


def test_the_mean_of_the_channels_in_spreads() -> None:
    fused = fuse({"text": {"a": 2.0, "b": 0.0}, "visual": {"a": 10.0, "b": 30.0}}, everything)
    assert fused == pytest.approx({"a": 0.0, "b": 0.0})
    weighed = fuse({"text": {"a": 2.0, "b": 0.0}, "bm25": {"a": 10.0, "b": 30.0}}, everything)
    assert weighed == pytest.approx({"a": -1 / 3, "b": 1 / 3})  # BM25 counts twice
    alone = fuse({"text": {"a": 2.0, "b": 0.0}}, everything)
    assert alone == pytest.approx({"a": 1.0, "b": -1.0})


def test_a_channel_that_a_page_lacks_is_neutral() -> None:
    found = {"text": {"a": 5.0, "b": 1.0}, "visual": {"scan": 9.0, "a": 5.0, "b": 4.0}}
    fused = fuse(found, has=lambda channel, key: (channel, key) != ("text", "scan"))
    assert ranked(fused)[0][0] == "scan"
    lost = fuse(found, everything)  # had it text that nothing was found in, it would rank behind
    assert ranked(lost)[0][0] == "a"
    assert lost["scan"] < fused["scan"]


def test_a_unit_that_a_channel_has_but_did_not_find_counts_as_its_last() -> None:
    found = {"text": {"a": 4.0, "b": 2.0}, "bm25": {"a": 7.0, "c": 3.0}}
    told = {"text": {"a": 4.0, "b": 2.0, "c": 2.0}, "bm25": {"a": 7.0, "b": 3.0, "c": 3.0}}
    assert fuse(found, everything) == pytest.approx(fuse(told, everything))


def test_the_only_unit_that_a_channel_finds_stands_out() -> None:
    found = {"text": {"a": 4.0, "b": 2.0, "c": 0.0}, "bm25": {"b": 7.0}}
    told = {"text": {"a": 4.0, "b": 2.0, "c": 0.0}, "bm25": {"a": 0.0, "b": 7.0, "c": 0.0}}
    assert fuse(found, everything) == pytest.approx(fuse(told, everything))
    assert ranked(fuse(found, everything))[0][0] == "b"


def test_only_the_best_of_each_channel_take_part_and_no_channel_means_no_hits() -> None:
    many = {f"{index:03}": float(-index) for index in range(300)}
    assert set(fuse({"text": many}, everything, depth=10)) == {f"{index:03}" for index in range(10)}
    assert fuse({"text": {}, "bm25": {}}, everything) == {}
    assert fuse({"text": {}, "bm25": {"a": 1.0, "b": 0.0}}, everything) == pytest.approx({"a": 1.0, "b": -1.0})


def test_weights_say_how_much_a_channel_counts() -> None:
    found = {"text": {"a": 2.0, "b": 0.0}, "bm25": {"a": 10.0, "b": 30.0}}
    assert fuse(found, everything, weights={"text": 3.0}) == pytest.approx({"a": 0.5, "b": -0.5})
    assert fuse(found, everything, weights={"bm25": 0.0}) == pytest.approx({"a": 1.0, "b": -1.0})


def test_a_unit_whose_only_channel_counts_nothing_is_neither_good_nor_bad() -> None:
    found = {"text": {"a": 3.0, "b": 1.0}, "visual": {"scan": 9.0, "a": 5.0, "b": 4.0}}
    fused = fuse(found, has=lambda channel, key: (channel, key) != ("text", "scan"), weights={"visual": 0.0})
    assert fused == pytest.approx({"a": 1.0, "b": -1.0, "scan": 0.0})


def test_a_named_document_adds_its_weight_and_brings_units_of_its_own_along() -> None:
    found = {"text": {f"a:{page}": float(-page) for page in range(10)} | {"b:1": -20.0}}
    plain = weigh(found, everything, depth=2)
    named = weigh(found, everything, depth=2, named=lambda key: 0.5 * key.startswith("b"))
    assert plain.keys == ("a:0", "a:1")
    assert named.keys == ("a:0", "a:1", "b:1")
    assert named.spreads[:2].ravel().tolist() == plain.spreads.ravel().tolist() == [1.0, -1.0]
    assert named.fused({"document": 4.0})[2] == pytest.approx((-20.0 + 0.5) / 0.5 + 0.5 * 4.0)
