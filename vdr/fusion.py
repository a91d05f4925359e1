"""Fusion: the rankings of several channels into one. A pure function; knows no storage and no model.

Scores of different channels differ in scale, so each is told in spreads from the mean of the channel's own best units;
a unit's fused score is the mean over the channels it has. A channel that a unit does not have - no text layer, no
picture - says nothing against it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from vdr.search import ranked

DEPTH = 100
"""Units of each channel, from the best, that are fused at least, and that its scale is taken from."""


def fuse(
    channels: Mapping[str, Mapping[str, float]], has: Callable[[str, str], bool], depth: int = DEPTH
) -> dict[str, float]:
    """Fuse the best units of each channel.

    Args:
        channels: What each channel found: scores by key.
        has: `has(channel, key)` says whether a unit that the channel did not find has that channel at all. One that
            has it and was not found counts as its last.
        depth: How many units of each channel take part.

    Returns:
        Scores by key of every unit that is among the best `depth` of a channel, in spreads from the mean.

    >>> found = {"text": {"a": 3.0, "b": 1.0}, "visual": {"b": 9.0, "scan": 10.0, "a": 5.0}}
    >>> fused = fuse(found, has=lambda channel, key: key != "scan")
    >>> [key for key, _ in ranked(fused)]
    ['scan', 'a', 'b']
    """
    best = {channel: ranked(scores, depth) for channel, scores in channels.items()}
    keys = dict.fromkeys(key for ranking in best.values() for key, _ in ranking)
    sums: dict[str, float] = dict.fromkeys(keys, 0.0)
    counts: dict[str, int] = dict.fromkeys(keys, 0)
    for channel, scores in channels.items():
        if not scores:
            continue
        last = min(scores.values())
        told = {key: scores.get(key, last) for key in keys if key in scores or has(channel, key)}
        values = np.fromiter(told.values(), np.float64)
        mean, spread = float(values.mean()), float(values.std()) or 1.0
        for key, score in told.items():
            sums[key] += (score - mean) / spread
            counts[key] += 1
    return {key: sums[key] / counts[key] for key in keys if counts[key]}
