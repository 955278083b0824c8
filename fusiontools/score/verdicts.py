"""What judges say about single melodies: how many of them lie between the genres.

A 50/50 mixture of pure jazz and pure folk has the histograms of a perfect fusion, so
histograms cannot tell fusion from mixture. A judge that hears one melody at a time can. Its
verdicts come in as an array of calibrated probabilities of domain A: which judge gave them
is not known here. Used in chapters 3 and 5.
"""

import numpy as np
import numpy.typing as npt

__all__ = ["HIGH", "LOW", "in_band"]

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


def in_band(
    probabilities: npt.ArrayLike, low: float = LOW, high: float = HIGH
) -> np.ndarray:
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
