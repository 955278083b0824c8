"""How sure a number is: the range it would have had with other melodies of the same kind.

The bootstrap draws as many melodies as there were, with repeats, measures again, and does
so a thousand times. Two ways to read the draws:

- ``"percentile"``: the range that holds `level` of the draws. Right for shares and means.
- ``"basic"``: the same range, mirrored at the measured value. Right for distances: noise
  only ever adds to a distance, so the draws, which carry the noise twice, lie above the
  measured value just as the measured value lies above the true one. Its low end may fall
  below what is possible (a Ratio under 1): read it as "down to 1".

Where nothing ever happened, drawing again cannot make it happen: 0 of 500 has the bootstrap
range 0 to 0. `wilson` is honest there. Used in chapters 3, 4, 5, 6 and 7.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Interval", "bootstrap", "bootstrap_counts", "means_of_groups", "wilson"]

_AT_ONCE = 4_000_000  # drawn rows held in memory at one time


class Interval(NamedTuple):
    """A measured value, and the range around it."""

    value: Any  # a float, or an array of them
    low: Any
    high: Any


def bootstrap(
    statistic: Callable,
    *samples: Sequence,
    repeats: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    paired: bool = False,
    kind: str = "percentile",
) -> Interval:
    """A range for any statistic of one or more samples.

    Parameters
    ----------
    statistic : callable
        Takes the samples, in their order, and returns a number or an array of fixed shape.
    *samples : sequence
        Arrays are drawn along their first axis; lists (of melodies, say) stay lists.
    repeats : int
        Number of draws.
    level : float
        How much of the draws the range holds, between 0 and 1.
    seed : int
        The same seed draws the same, whatever the statistic.
    paired : bool
        Whether item i of every sample belongs together (one song's two versions), and is
        drawn together.
    kind : {"percentile", "basic"}
        See the top of this module.

    Returns
    -------
    Interval
        Value, low and high, each as the statistic returns it.

    Raises
    ------
    ValueError
        If a sample is empty, paired samples differ in length, or an option is impossible.

    References
    ----------
    B. Efron, Bootstrap methods: another look at the jackknife, 1979.

    Examples
    --------
    >>> value, low, high = bootstrap(np.mean, np.arange(101))
    >>> float(value), bool(40 < low < 47), bool(53 < high < 60)
    (50.0, True, True)
    """
    _check(samples, repeats, level, paired, kind)
    streams = _streams(seed, samples, paired)
    draws = []
    for _ in range(repeats):
        chosen = [rng.integers(0, len(s), len(s)) for rng, s in zip(streams, samples)]
        chosen = chosen * len(samples) if paired else chosen
        draws.append(statistic(*(_taken(s, i) for s, i in zip(samples, chosen))))
    return _interval(statistic(*samples), np.array(draws, dtype=np.float64), level, kind)


def _taken(sample, index):
    return sample[index] if isinstance(sample, np.ndarray) else [sample[i] for i in index]


def bootstrap_counts(
    statistic: Callable,
    *counts: npt.ArrayLike,
    repeats: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    paired: bool = False,
    kind: str = "percentile",
) -> Interval:
    """`bootstrap` for statistics of histograms, some hundred times as fast.

    Melodies are counted once, and only their counts are drawn again.

    Parameters
    ----------
    statistic : callable
        Takes one array of histograms for each sample, shape (..., K), and returns shape
        (...) or (..., S), like all of `fusiontools.score.distances` and
        `fusiontools.score.fusion`.
    *counts : array_like, shape (M_i, K_i)
        One row a melody, see ``fusiontools.score.distributions.counts``. A histogram is the
        sum of drawn rows.
    repeats, level, seed, paired, kind
        As in `bootstrap`. The two draw the same rows for the same seed.

    Returns
    -------
    Interval

    Examples
    --------
    >>> yes_no = np.array([[1, 0]] * 30 + [[0, 1]] * 70)
    >>> value, low, high = bootstrap_counts(lambda h: h[..., 0] / h.sum(axis=-1), yes_no)
    >>> float(value), bool(0.15 < low < 0.25), bool(0.35 < high < 0.45)
    (0.3, True, True)
    """
    tables = [np.asarray(c, dtype=np.float64) for c in counts]
    if any(t.ndim != 2 for t in tables):
        raise ValueError(
            f"counts need one row a melody, found shapes {[t.shape for t in tables]}"
        )
    _check(tables, repeats, level, paired, kind)
    streams = _streams(seed, tables, paired)
    at_once = max(1, _AT_ONCE // max(len(t) for t in tables))
    draws = []
    for start in range(0, repeats, at_once):
        size = min(at_once, repeats - start)
        weights = [_weights(rng, size, len(t)) for rng, t in zip(streams, tables)]
        weights = weights * len(tables) if paired else weights
        drawn = [w @ t for w, t in zip(weights, tables)]  # (R, M) @ (M, K)
        draws.append(np.asarray(statistic(*drawn)))
    value = statistic(*(t.sum(axis=0) for t in tables))
    return _interval(value, np.concatenate(draws), level, kind)


def _weights(rng, repeats, size):
    """How often each of `size` rows is drawn, in each repeat, shape (repeats, size)."""
    rows = rng.integers(0, size, (repeats, size)) + size * np.arange(repeats)[:, None]
    counts = np.bincount(rows.ravel(), minlength=repeats * size)
    return counts.reshape(repeats, size).astype(np.float64)


def _streams(seed, samples, paired):
    """One stream of draws a sample, independent of the others; one for all if paired."""
    return [np.random.default_rng([seed, i]) for i in range(1 if paired else len(samples))]


def _check(samples, repeats, level, paired, kind):
    lengths = [len(s) for s in samples]
    if not lengths or min(lengths) == 0:
        raise ValueError(f"nothing to draw from: the samples have {lengths} items")
    if paired and len(set(lengths)) > 1:
        raise ValueError(f"paired samples must be of one length, found {lengths}")
    if repeats < 1 or not 0 < level < 1:
        raise ValueError(
            f"{repeats} repeats at level {level}: "
            "at least one repeat and a level between 0 and 1 are needed"
        )
    if kind not in ("percentile", "basic"):
        raise ValueError(f"the kind is {kind!r}; it can be 'percentile' or 'basic'")


def _interval(value, draws, level, kind):
    tails = [(1 - level) / 2, 1 - (1 - level) / 2]
    # "inverted_cdf" gives draws themselves: an infinite one must not become nan
    low, high = np.quantile(draws, tails, axis=0, method="inverted_cdf")
    if kind == "basic":
        # theta in [2 v - q_high, 2 v - q_low]: draws lie around v as v lies around theta
        low, high = 2 * np.asarray(value) - high, 2 * np.asarray(value) - low
    return Interval(value, low, high)


def wilson(hits: int, of: int, level: float = 0.95) -> Interval:
    """A range for a share that counts yes and no, honest at 0 and at 1 too.

    Parameters
    ----------
    hits, of : int
        How many of how many.
    level : float

    Returns
    -------
    Interval

    References
    ----------
    E. B. Wilson, Probable inference, the law of succession, and statistical inference,
    1927.

    Examples
    --------
    >>> [round(x, 4) for x in wilson(0, 500)]
    [0.0, 0.0, 0.0076]
    """
    from statistics import NormalDist

    if not 0 <= hits <= of or of < 1 or not 0 < level < 1:
        raise ValueError(f"{hits} of {of} at level {level} is no share")
    z, p = NormalDist().inv_cdf((1 + level) / 2), hits / of
    # (p + z^2/2n -+ z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n)
    middle = p + z * z / (2 * of)
    half = z * (p * (1 - p) / of + z * z / (4 * of * of)) ** 0.5
    low, high = ((middle + sign * half) / (1 + z * z / of) for sign in (-1, 1))
    return Interval(p, 0.0 if hits == 0 else low, 1.0 if hits == of else high)


def means_of_groups(
    each: Mapping[str, np.ndarray],
    groups: np.ndarray,
    of: np.ndarray | None = None,
    others: np.ndarray | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> dict[str, dict]:
    """Means, with 95 % ranges over groups, such as songs of several windows each: the
    bootstrap draws whole groups.

    Parameters
    ----------
    each : dict of str to ndarray, shape (N,)
        The values under their names.
    groups : array_like, shape (N,)
        Which group each value is of.
    of : array_like, shape (N,), optional
        Sums of values are divided by sums of these; by default by how many there are.
    others : array_like, shape (N,), optional
        A second group of each value, where it was made of two songs, say: then both are
        drawn, each apart from the other, and a value counts as often as both were.
    repeats, seed : int
        See `bootstrap`.

    Returns
    -------
    dict of str to dict
        ``value``, ``low`` and ``high``, as a record holds them. A share of yes and no that
        is 0 or 1 has the range of `wilson`, over the groups that it is a share of; of none,
        0 to 1.

    References
    ----------
    A. B. Owen, The pigeonhole bootstrap, 2007, for two groups of each value.

    Examples
    --------
    >>> found = means_of_groups({"x": np.array([1.0, 3.0, 8.0])}, ["a", "a", "b"])
    >>> found["x"]
    {'value': 4.0, 'low': 2.0, 'high': 8.0}
    """
    of = np.ones(len(groups)) if of is None else np.asarray(of)
    sums = np.stack([*each.values(), of], axis=1).astype(np.float64)  # (N, K)
    kinds, weights = [groups] if others is None else [groups, others], 1.0
    for rng, kind in zip(_streams(seed, kinds, paired=False), kinds):
        names, own = np.unique(kind, return_inverse=True)
        if others is None:  # what a group adds up to is drawn as often as the group is
            sums = np.stack([np.bincount(own, column) for column in sums.T], axis=1)
            own = np.arange(len(names))
        weights = weights * _weights(rng, repeats, len(names))[:, own]
    drawn = np.concatenate([sums.sum(axis=0)[None], weights @ sums])
    means = drawn[:, :-1] / np.maximum(drawn[:, -1:], 1)
    made, many = {}, min(len(np.unique(np.asarray(kind)[of > 0])) for kind in kinds)
    for (name, x), value, draws in zip(each.items(), means[0], means[1:].T):
        _, low, high = _interval(value, draws, 0.95, "percentile")
        if x.dtype == bool and value in (0, 1):
            _, low, high = wilson(round(value * many), many) if many else (0, 0, 1)
        value, low, high = float(value), float(low), float(high)
        made[name] = {"value": value, "low": min(low, value), "high": max(high, value)}
    return made
