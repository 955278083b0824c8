"""How far a domain F lies from two others, A and B: FusionGAN's Diff and Ratio.

Both compare the detour over F with the way from A to B. What they miss is said here too.

Everything here takes three histograms and a distance. Whether they are distributions or raw
counts is up to you: only Ratios of distributions can be compared between samples of
different size.

**Ratio is at least 1.** Any distance obeys the triangle inequality,

    d(A, B) <= d(A, F) + d(F, B).

Divide by d(A, B), and there it is; Diff >= 0 is the same.

**Every mixture reaches it.** Let F = t A + (1 - t) B with t between 0 and 1. Then

    F - A = (1 - t) (B - A)  and  B - F = t (B - A).

If the distance is a norm of the difference, the two add up to (1 - t + t) d(A, B), and
Ratio is 1. So a 50/50 mixture of jazz and folk melodies is a perfect fusion to this
measure. Under EUD nothing but the mixtures reaches it; under EM other things can: all mass
halfway between A's and B's does. Used in chapter 3, FusionGAN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fusiontools.errors import CorpusError
from fusiontools.score.distances import earth_mover, earth_mover_of_counts, euclidean
from fusiontools.score.distributions import COUNTS, counts, shares
from fusiontools.score.intervals import Interval, bootstrap_counts

if TYPE_CHECKING:
    from fusiontools.music.notes import Notes


__all__ = ["back_out_distance", "balance", "diff", "fusion_scores", "mixture", "ratio"]


def _three(f, a, b, distance):
    """d(F, A), d(F, B), d(A, B)."""
    return distance(f, a), distance(f, b), distance(a, b)


def _over(way, ab):
    """``way / ab``; in a batch distance 0 gives infinity, as samples may meet by chance."""
    if np.all(ab == 0):
        says = (
            "by pitches or lengths, the melodies of one domain cannot be told from those "
        )
        says += "of the other: the two are at distance 0, and nothing lies between"
        raise CorpusError(says, do="bring more pieces, or two kinds that differ")
    return np.where(ab == 0, np.inf, way / np.where(ab == 0, 1, ab))[()]


def diff(
    f: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, distance: Callable = euclidean
) -> Any:
    """The detour from A to B over F, less the straight way: 0 at best.

    Parameters
    ----------
    f, a, b : array_like, shape (..., K)
        Histograms of the new domain and of the two given ones, all of one kind: shares, or
        counts.
    distance : callable
        Of two histograms, see `fusiontools.score.distances`.

    Returns
    -------
    float or ndarray, shape (...)

    References
    ----------
    FusionGAN, section IV-A. On counts it grows with the samples, so the Diff columns of
    Table I compare with nothing.

    Examples
    --------
    >>> round(float(diff([0.5, 0.5, 0], [1, 0, 0], [0, 1, 0])), 12)  # a mixture
    0.0
    >>> float(diff([0, 0, 2], [1, 0, 0], [0, 1, 0], earth_mover_of_counts))
    0.6666666666666666
    """
    fa, fb, ab = _three(f, a, b, distance)
    # Diff = |A - F| + |B - F| - |A - B|
    return fa + fb - ab


def ratio(
    f: np.ndarray, a: np.ndarray, b: np.ndarray, distance: Callable = euclidean
) -> float:
    """The detour from A to B over F, as a multiple of the straight way.

    It is 1 at best, and 1 for every mixture.

    Parameters and returns as in `diff`; the proof is at the top of this module.

    Raises
    ------
    CorpusError
        If A and B are at distance 0. In a batch, a row where they are gives infinity,
        unless all are.

    References
    ----------
    FusionGAN, section IV-A.

    Examples
    --------
    >>> a, b = [1, 0, 0], [0, 1, 0]
    >>> round(float(ratio([0.5, 0.5, 0], a, b)), 12)
    1.0
    >>> round(float(ratio([0, 0, 1], a, b)), 12)
    2.0
    """
    fa, fb, ab = _three(f, a, b, distance)
    # Ratio = (|A - F| + |B - F|) / |A - B|
    return _over(fa + fb, ab)


def balance(
    f: np.ndarray, a: np.ndarray, b: np.ndarray, distance: Callable = euclidean
) -> float:
    """How much nearer F lies to one domain than to the other.

    From 0 (as near to both) to 1 (A or B itself, or beyond).

    Parameters and returns as in `diff`. It is ours: the paper asks for "equal similarities"
    (section I) and does not measure them.

    Raises
    ------
    CorpusError
        If A and B are at distance 0, as for `ratio`.

    Examples
    --------
    >>> a, b = [1, 0, 0], [0, 1, 0]
    >>> round(float(balance([0.75, 0.25, 0], a, b)), 12), round(float(balance(a, a, b)), 12)
    (0.5, 1.0)
    """
    fa, fb, ab = _three(f, a, b, distance)
    # |d(F, A) - d(F, B)| / d(A, B)
    return _over(np.abs(fa - fb), ab)


def mixture(a: npt.ArrayLike, b: npt.ArrayLike, share: float = 0.5) -> np.ndarray:
    """The distribution of a mixture of which `share` comes from A and the rest from B.

    Parameters
    ----------
    a, b : array_like, shape (..., K)
        Shares or counts; they are divided by their sums.
    share : float
        0 to 1.

    Examples
    --------
    >>> mixture([1, 1, 0], [0, 0, 5], 0.2).tolist()
    [0.1, 0.1, 0.8]
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}; it must lie between 0 and 1")
    return share * shares(a) + (1 - share) * shares(b)


def back_out_distance(
    diff: npt.ArrayLike,
    ratio: npt.ArrayLike,
    diff_rounding: float = 0.05,
    ratio_rounding: float = 0.0005,
) -> Interval:
    """The d(A, B) that a printed Diff and Ratio imply, and what their rounding leaves open.

    Parameters
    ----------
    diff, ratio : float or array_like
        As printed. Ratio is above 1.
    diff_rounding, ratio_rounding : float
        Half a unit of the last printed digit of each: Table I prints one decimal and three.

    Returns
    -------
    Interval
        Value, lowest and highest, each of the shape of `diff`.

    Raises
    ------
    ValueError
        If a Ratio is 1 or less within its rounding.

    Notes
    -----
    All rows of a block share A and B. So if the table was made as its text says, the ranges
    of a block have a number in common.

    References
    ----------
    FusionGAN, Table I.

    Examples
    --------
    >>> [round(float(x)) for x in back_out_distance(19452.6, 1.183)]
    [106298, 106008, 106590]
    """
    diff, ratio = np.asarray(diff, dtype=np.float64), np.asarray(ratio, dtype=np.float64)
    if (ratio - ratio_rounding <= 1).any():
        raise ValueError(
            f"a ratio of {ratio.min()} is 1 within its rounding: any distance would do"
        )
    # Ratio - 1 = Diff / d(A, B), so d(A, B) = Diff / (Ratio - 1)
    value = diff / (ratio - 1)
    low = (diff - diff_rounding) / (ratio - 1 + ratio_rounding)
    high = (diff + diff_rounding) / (ratio - 1 - ratio_rounding)
    return Interval(value, low, high)


# metric of a record: what is counted, the measure, and the distance on shares and on counts
_METRICS = {
    "dd_eud_ratio": ("dd", ratio, euclidean, euclidean),
    "dd_em_ratio": ("dd", ratio, earth_mover, earth_mover_of_counts),
    "npd_eud_ratio": ("npd", ratio, euclidean, euclidean),
    "npd_em_ratio": ("npd", ratio, earth_mover, earth_mover_of_counts),
    "ib_eud_ratio": ("ib", ratio, euclidean, euclidean),
    "db_eud_ratio": ("db", ratio, euclidean, euclidean),
    "balance_dd": ("dd", balance, euclidean, euclidean),
    "balance_npd": ("npd", balance, euclidean, euclidean),
    "dd_eud_diff": ("dd", diff, euclidean, euclidean),
    "dd_em_diff": ("dd", diff, earth_mover, earth_mover_of_counts),
    "npd_eud_diff": ("npd", diff, euclidean, euclidean),
    "npd_em_diff": ("npd", diff, earth_mover, earth_mover_of_counts),
}


def fusion_scores(
    f: Sequence[Notes | tuple],
    a: Sequence[Notes | tuple],
    b: Sequence[Notes | tuple],
    repeats: int = 0,
    level: float = 0.95,
    seed: int = 0,
    kind: str = "basic",
) -> dict[str, Any]:
    """All of a method's fusion metrics at once, under the names that run records use.

    Parameters
    ----------
    f, a, b : sequence of melodies
        Of the new domain and of the two given ones; see
        ``fusiontools.score.distributions.melody_columns``. Raw-count twins mean something
        only where all three are of one size.
    repeats : int
        Bootstrap draws of the melodies of all three; 0 for the plain numbers.
    level, seed, kind
        See ``fusiontools.score.intervals.bootstrap_counts``.

    Returns
    -------
    dict of str to float, or to Interval where `repeats` is not 0
        ``{dd,npd}_{eud,em}_{ratio,diff}``, ``{ib,db}_eud_ratio``, ``balance_{dd,npd}``
        (under EUD), and each again with ``_raw`` at its end, on raw counts. The raw EM is
        `earth_mover_of_counts`. Ranges end where the possible ends: a Ratio at 1, a balance
        at 0 and 1, a Diff at 0. The measured value carries its noise upwards and may lie
        above its own range; for a mixture of both domains it does.

    Notes
    -----
    Why "basic" ranges are the default: of 60 mixtures of 500 Weimar and Essen excerpts,
    whose true Ratio is 1, the percentile ranges held it never, the basic ones in 98 to
    100 % (DD, NPD and interval bigrams; 95 % were asked for). Away from 1, the two are
    about as good.

    Raises
    ------
    NoNotesError
        If one of the three has nothing to count.
    CorpusError
        If A and B are at distance 0 by one of the metrics, as for `ratio`.

    Examples
    --------
    >>> jazz, folk = [([60, 61, 62, 63], [1, 1, 1, 1])], [([60, 64, 67, 60], [2, 1, 1, 2])]
    >>> scores = fusion_scores(jazz + folk, jazz, folk)
    >>> round(scores["npd_eud_ratio"], 12), round(scores["balance_npd"], 12)
    (1.0, 0.0)
    """
    tables = [[counts(name, melodies) for name in COUNTS] for melodies in (f, a, b)]
    edges = np.cumsum([0, *(table.shape[1] for table in tables[0])])
    place = {name: slice(*edges[i : i + 2]) for i, name in enumerate(COUNTS)}

    def measure(*pooled):  # three of shape (..., all bins side by side) to (..., S)
        raw = {name: [h[..., where] for h in pooled] for name, where in place.items()}
        shared = {name: [shares(h) for h in three] for name, three in raw.items()}
        metrics = _METRICS.values()
        plain = [metric(*shared[name], distance) for name, metric, distance, _ in metrics]
        twins = [metric(*raw[name], distance) for name, metric, _, distance in metrics]
        return np.stack(plain + twins, axis=-1)

    names = [*_METRICS, *(f"{name}_raw" for name in _METRICS)]
    rows = [np.concatenate(table, axis=1) for table in tables]
    if not repeats:
        return dict(zip(names, measure(*(r.sum(axis=0) for r in rows)).tolist()))
    value, low, high = bootstrap_counts(
        measure, *rows, repeats=repeats, level=level, seed=seed, kind=kind
    )
    least = [1.0 if "ratio" in name else 0.0 for name in names]
    most = [1.0 if "balance" in name else np.inf for name in names]
    low, high = np.clip(low, least, most), np.clip(high, least, most)
    ranges = zip(value.tolist(), low.tolist(), high.tolist())
    return {name: Interval(*numbers) for name, numbers in zip(names, ranges)}
