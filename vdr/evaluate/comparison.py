"""Two systems on the same queries: how much better, is it chance, and on which queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vdr.evaluate.measures import MAIN, RESAMPLES, Interval, Values, batch, interval

TIE = 1e-9
"""Two values of a query that differ by no more are the same."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better a system is in one measure.

    Attributes:
        mean: Of the queries' differences; above 0 if it is better.
        interval: The 95 % confidence interval of that; None for a single query.
        p: How often random signs of the queries' differences make a mean at least as far from 0 (two-sided).
    """

    mean: float
    interval: Interval | None
    p: float


@dataclass(frozen=True, slots=True)
class Change:
    """A query whose main measure differs.

    Attributes:
        query: Its id.
        before: Its value in the system compared with.
        after: Its value in the other.
    """

    query: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One system against another.

    Attributes:
        base: What is compared with.
        system: What is compared.
        differences: Measure -> how much better `system` is.
        wins: Queries whose main measure is higher than in `base`.
        ties: Queries where it is the same.
        losses: Queries where it is lower.
        changes: Those that differ, from the largest gain to the largest loss.
    """

    base: str
    system: str
    differences: Mapping[str, Difference]
    wins: int
    ties: int
    losses: int
    changes: tuple[Change, ...]

    def gains(self, most: int) -> tuple[Change, ...]:
        """Return the queries that gained most."""
        return tuple(change for change in self.changes[:most] if change.after > change.before)

    def drops(self, most: int) -> tuple[Change, ...]:
        """Return the queries that lost most, the largest loss first."""
        return tuple(change for change in self.changes[::-1][:most] if change.after < change.before)


def compare(base: str, base_values: Values, system: str, values: Values) -> Comparison:
    """Compare two systems by their values of the same queries.

    >>> before = {"nDCG@10": {"a": 0.0, "b": 0.5}}
    >>> found = compare("old", before, "new", {"nDCG@10": {"a": 1.0, "b": 0.5}})
    >>> found.wins, found.ties, found.losses, found.gains(3)[0].query
    (1, 1, 0, 'a')
    """
    differences = {
        name: difference([values[name][query] - value for query, value in base_values[name].items()]) for name in values
    }
    changes = [Change(query, before, values[MAIN][query]) for query, before in base_values[MAIN].items()]
    changed = [change for change in changes if abs(change.after - change.before) > TIE]
    wins = sum(change.after > change.before for change in changed)
    return Comparison(
        base,
        system,
        differences,
        wins,
        len(changes) - len(changed),
        len(changed) - wins,
        tuple(sorted(changed, key=lambda change: change.before - change.after)),
    )


def difference(differences: Sequence[float]) -> Difference:
    """Return mean, interval and significance of paired differences.

    The test is Fisher's randomisation test, exact for few queries (Smucker, Allan and Carterette, CIKM 2007).
    """
    from scipy.stats import permutation_test

    deltas = np.asarray(differences)
    deltas = np.where(np.abs(deltas) > TIE, deltas, 0.0)
    p = 1.0
    if deltas.any():
        p = permutation_test(
            (deltas,),
            np.mean,
            permutation_type="samples",
            n_resamples=RESAMPLES,
            batch=batch(len(deltas)),
            vectorized=True,
            rng=np.random.default_rng(0),
        ).pvalue
    return Difference(float(deltas.mean()), interval(deltas.tolist()) if len(deltas) > 1 else None, float(p))
