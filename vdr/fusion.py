"""Fusion: the rankings of several channels into one. Pure functions; knows no storage and no model.

Scores of different channels differ in scale, so each is told in spreads from the mean of the channel's own best units;
a unit's fused score is the weighted mean over the channels it has. A channel that a unit does not have - no text
layer, no picture - says nothing against it. What a question says of whole documents is added on top.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vdr.search import ranked

DEPTH = 100
"""Units of each channel, from the best, that are fused at least, and that its scale is taken from."""
DOCUMENT = "document"
"""The weight of what a question says of whole documents, by name among the channels' weights."""
WEIGHTS: Mapping[str, float] = {"dense": 3.0, "bm25": 2.0, DOCUMENT: 4.0}
"""Weights nobody tuned. Channels that are not named here have 1. `visual` and `text` tell words from words and say much
alike; BM25 knows how rare a word is, and `dense` alone has been taught what answers a question."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the units that are fused.

    Attributes:
        keys: Of the units.
        channels: That found anything.
        spreads: `(len(keys), len(channels))` how far a unit is above the mean, in spreads; not-a-number where the
            unit does not have the channel.
        named: `(len(keys),)` how surely the question names the unit's document, 0 to 1.
    """

    keys: tuple[str, ...]
    channels: tuple[str, ...]
    spreads: NDArray[np.float64]
    named: NDArray[np.float64]

    def fused(self, weights: Mapping[str, float] = WEIGHTS) -> NDArray[np.float64]:
        """Return `(len(keys),)` scores, in spreads; the mean where none of a unit's channels has a weight."""
        told = ~np.isnan(self.spreads)
        factors = np.array([weights.get(channel, 1.0) for channel in self.channels])
        sums = np.where(told, self.spreads, 0.0) @ factors
        counts = told @ factors
        means = np.divide(sums, counts, out=np.zeros_like(sums), where=counts > 0)
        scores: NDArray[np.float64] = means + weights.get(DOCUMENT, WEIGHTS[DOCUMENT]) * self.named
        return scores


def weigh(
    channels: Mapping[str, Mapping[str, float]],
    has: Callable[[str, str], bool],
    depth: int = DEPTH,
    named: Callable[[str], float] | None = None,
) -> Evidence:
    """Bring the best units of each channel to one scale.

    Args:
        channels: What each channel found: scores by key.
        has: `has(channel, key)` says whether a unit that the channel did not find has that channel at all. One that
            has it and was not found counts as its last, or as 0 where all it found scored alike.
        depth: How many units of each channel take part, and again so many of those in documents that are named.
        named: How surely the question names the unit's document, 0 to 1; None where it cannot.

    >>> found = {"text": {"a": 3.0, "b": 1.0}, "visual": {"b": 9.0, "scan": 10.0, "a": 5.0}}
    >>> evidence = weigh(found, has=lambda channel, key: key != "scan")
    >>> [key for key, _ in ranked(dict(zip(evidence.keys, evidence.fused(WEIGHTS).tolist())))]
    ['scan', 'a', 'b']
    """
    surely = named or (lambda _: 0.0)
    found = {channel: scores for channel, scores in channels.items() if scores}
    best = dict.fromkeys(key for scores in found.values() for key, _ in ranked(scores, depth))
    keys = dict(best)
    if named is not None:
        for scores in found.values():
            inside = {key: score for key, score in scores.items() if named(key) > 0}
            keys.update(dict.fromkeys(key for key, _ in ranked(inside, depth)))
    order = tuple(keys)
    spreads = np.full((len(order), len(found)), np.nan)
    scale = np.fromiter((key in best for key in order), bool, len(order))
    for column, (channel, scores) in enumerate(found.items()):
        last = min(scores.values())
        last = last if last < max(scores.values()) else min(last, 0.0)
        told = [scores.get(key, last if has(channel, key) else np.nan) for key in order]
        values = np.array(told, np.float64)
        spread = float(np.nanstd(values[scale])) or 1.0
        spreads[:, column] = (values - np.nanmean(values[scale])) / spread
    told_any = ~np.isnan(spreads).all(axis=1)
    evidence = Evidence(order, tuple(found), spreads, np.fromiter(map(surely, order), np.float64, len(order)))
    if told_any.all():
        return evidence
    kept = tuple(key for key, told in zip(order, told_any.tolist(), strict=True) if told)
    return replace(evidence, keys=kept, spreads=spreads[told_any], named=evidence.named[told_any])
