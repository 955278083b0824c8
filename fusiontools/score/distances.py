"""How far two histograms are apart.

Pure functions of arrays: bins along the last axis, everything before it is a batch.

The paper names two distances, Euclidean (EUD) and earth mover's (EM), and prints numbers
that come from raw counts. Both ways stand here: on distributions (divide by the sum first,
`fusiontools.score.distributions.shares`) and on counts. Used in chapter 3, FusionGAN.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["earth_mover", "earth_mover_of_counts", "euclidean"]


def euclidean(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """The length of the straight line from p to q: EUD.

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Shares or counts; batches broadcast.

    Returns
    -------
    float or ndarray, shape (...)

    References
    ----------
    FusionGAN, section IV-A.

    Examples
    --------
    >>> float(euclidean([0, 3], [4, 0]))
    5.0
    """
    difference = np.asarray(p, dtype=np.float64) - np.asarray(q, dtype=np.float64)
    # EUD(p, q) = sqrt(sum_k (p_k - q_k)^2)
    return np.sqrt((difference * difference).sum(axis=-1))


def earth_mover(p: npt.ArrayLike, q: npt.ArrayLike, ground: str = "line") -> Any:
    """The least work that turns p into q: EM, the Wasserstein-1 distance.

    Work is how much is moved times how far, where neighbouring bins lie one apart.

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Two histograms of the same sum: what leaves one bin must arrive in another.
    ground : {"line", "circle"}
        How the bins lie. On the line the way from B to C is eleven bins, on the circle one.
        The paper does not say that its pitch classes lie on a circle, and the usual library
        function knows lines only, so "line" is the default.

    Returns
    -------
    float or ndarray, shape (...)
        In bins, times the sum of p. For durations one bin is one step.

    Raises
    ------
    ValueError
        If the sums differ, or the ground is unknown.

    Notes
    -----
    On the line this is ``scipy.stats.wasserstein_distance(range(K), range(K), p, q)``, and
    faster. It is a norm of p - q in both cases, so the theorem of
    `fusiontools.score.fusion.ratio` holds. For pairs of things (bigrams) the bins lie in a
    plane, and no formula as short is known: use `euclidean` there.

    References
    ----------
    FusionGAN, section IV-A. The circle: J. Rabin, J. Delon, Y. Gousseau, Transportation
    distances on the circle, 2011.

    Examples
    --------
    >>> c, b = np.eye(12)[0], np.eye(12)[11]
    >>> float(earth_mover(c, b)), float(earth_mover(c, b, "circle"))
    (11.0, 1.0)
    """
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    if not np.allclose(p.sum(axis=-1), q.sum(axis=-1), rtol=1e-9, atol=1e-12):
        raise ValueError(
            "earth can only be moved between histograms of one sum: "
            "divide each by its own first (shares)"
        )
    # what has to pass from bin k on to bin k + 1: (..., K)
    surplus = np.cumsum(p - q, axis=-1)
    if ground == "circle":
        # EM(p, q) = min_c sum_k |D_k - c|, D_k = sum_{j <= k} (p_j - q_j)
        # any c may go all the way round; a median is best
        surplus = surplus - np.median(surplus, axis=-1, keepdims=True)
    elif ground != "line":
        raise ValueError(f"the ground is {ground!r}; it can be 'line' or 'circle'")
    # EM(p, q) = sum_k |sum_{j <= k} (p_j - q_j)|
    return np.abs(surplus).sum(axis=-1)


def earth_mover_of_counts(p: npt.ArrayLike, q: npt.ArrayLike) -> Any:
    """The earth mover's distance between the *values* of two histograms.

    That is how the EM columns of FusionGAN's Table I can have been made.

    Hand two histograms to ``scipy.stats.wasserstein_distance`` without saying where their
    bins lie, and it takes the counts for a sample of numbers: it sorts them, and forgets
    which count belongs to which bin.

    Parameters
    ----------
    p, q : array_like, shape (..., K)
        Counts; the sums may differ.

    Returns
    -------
    float or ndarray, shape (...)
        In notes.

    Notes
    -----
    The table's EM between the two domains is 8,134 for twelve pitch classes. On
    distributions it could not exceed 11. On counts, moved from bin to bin, each count's
    difference is the difference of two neighbouring surpluses, so EM could not be less than
    half of EUD, 15,137. What is left is the mean difference of counts, here after sorting:
    it is at most EUD / sqrt(12) = 8,740.

    This is no distance between distributions: a corpus and the same corpus a semitone
    higher are at distance 0. And a mixture is not the least: sorting is not linear, so the
    mean of two histograms can lie further from both than they lie from each other. The
    triangle inequality still holds.

    References
    ----------
    FusionGAN, Table I.

    Examples
    --------
    >>> float(earth_mover_of_counts([5, 0, 1], [1, 5, 0]))
    0.0
    >>> float(earth_mover_of_counts([5, 0, 1], [5, 0, 4]))
    1.0
    """
    p, q = (np.sort(np.asarray(h, dtype=np.float64), axis=-1) for h in (p, q))
    # EM = 1/K sum_k |p_(k) - q_(k)|, with p_(k) the k-th smallest count
    return np.abs(p - q).mean(axis=-1)
