"""What judges say about single melodies: how many of them lie between the genres.

A 50/50 mixture of pure jazz and pure folk has the histograms of a perfect fusion, so
histograms cannot tell fusion from mixture. A judge that hears one melody at a time can. Its
verdicts come in as an array of calibrated probabilities of domain A: which judge gave them
is not known here. Used in chapters 3 and 5.
"""

import numpy as np

from fusiontools.score.intervals import bootstrap_counts, wilson

__all__ = ["HIGH", "LOW", "fused_share", "in_band", "verdict_histogram"]

LOW, HIGH = 0.25, 0.75  # fixed before any result was looked at


def _probabilities(probabilities):
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 1 or not len(p):
        raise ValueError(
            "one probability a melody is needed, shape (M,) with M >= 1; "
            f"found shape {p.shape}"
        )
    if not ((p >= 0) & (p <= 1)).all():  # a nan is not in there either
        raise ValueError("probabilities must lie between 0 and 1")
    return p


def in_band(probabilities, low=LOW, high=HIGH):
    """Which melodies the judge puts with neither domain: ``low <= p <= high``, (M,) bool.

    Parameters
    ----------
    probabilities : array_like of float, shape (M,)
        Of domain A, calibrated.
    low, high : float
        The band, ends included.

    Raises
    ------
    ValueError
        If something is no probability, or the band is empty.

    Examples
    --------
    >>> in_band([0.0, 0.25, 0.6, 0.9]).tolist()
    [False, True, True, False]
    """
    if not 0 <= low < high <= 1:
        raise ValueError(
            f"a band from {low} to {high}; it must go up, from 0 or more to 1 or less"
        )
    p = _probabilities(probabilities)
    return (p >= low) & (p <= high)


def fused_share(
    probabilities, low=LOW, high=HIGH, repeats=1000, level=0.95, seed=0, kind="bootstrap"
):
    """The share of melodies that are, one by one, between the domains.

    Parameters
    ----------
    probabilities, low, high
        See `in_band`.
    repeats, level, seed
        See ``fusiontools.score.intervals.bootstrap``.
    kind : {"bootstrap", "wilson"}
        How the range is made. Where no melody lies in the band (or all do), the bootstrap
        has nothing to draw and gives a range of width 0; take "wilson" there.

    Returns
    -------
    Interval

    Examples
    --------
    >>> value, low, high = fused_share([0.5] * 20 + [0.99] * 80)
    >>> float(value), bool(0.1 < low < 0.2 < high < 0.3)
    (0.2, True)
    """
    hits = in_band(probabilities, low, high)
    if kind == "wilson":
        return wilson(int(hits.sum()), len(hits), level)
    if kind != "bootstrap":
        raise ValueError(f"the kind is {kind!r}; it can be 'bootstrap' or 'wilson'")
    counts = np.stack([hits, ~hits], axis=1)
    return bootstrap_counts(_first_share, counts, repeats=repeats, level=level, seed=seed)


def _first_share(histogram):
    return histogram[..., 0] / histogram.sum(axis=-1)


def verdict_histogram(probabilities, bins=20):
    """How the verdicts spread from domain B (0) to domain A (1).

    A mixture has two towers at the ends; a fusion fills the middle.

    Parameters
    ----------
    probabilities : array_like of float, shape (M,)
    bins : int
        Bins of one width.

    Returns
    -------
    counts : ndarray of int64, shape (bins,)
    edges : ndarray of float, shape (bins + 1,)
        From 0 to 1. A probability on an edge counts above it; 1 counts in the last bin.

    Examples
    --------
    >>> verdict_histogram([0.0, 0.1, 0.5, 1.0], bins=2)[0].tolist()
    [2, 2]
    """
    return np.histogram(_probabilities(probabilities), bins=bins, range=(0.0, 1.0))
