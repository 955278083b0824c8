"""How surprising music is to a table of what followed what in real music.

Music comes in as events, whole numbers below `kinds`, one after the other, each with the
row (the melody) that it is of. Both judges of chapters 3, FusionGAN, and 5, Domain
transfer, that say whether music is like real music ask this.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["count_runs", "surprise"]


def _runs(row, event, kinds, order):
    """Runs of `order` events: row, place of the last event, number; each (G,)."""
    count = max(len(row) - order + 1, 0)
    number = sum(kinds**i * event[order - 1 - i :][:count] for i in range(order))
    whole = row[:count] == row[len(row) - count :]
    return row[:count][whole], np.flatnonzero(whole) + order - 1, number[whole]


def count_runs(
    row: npt.ArrayLike, event: npt.ArrayLike, kinds: int, order: int = 4, at_least: int = 3
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Which runs of 1 to `order` events occur so often, and how often.

    Parameters
    ----------
    row, event : array_like of int, shape (E,)
        The row of each event, ascending, and what it is, from 0 to `kinds` - 1.
    kinds, order, at_least : int

    Returns
    -------
    list of (keys, counts)
        For each length of run, both of shape (G,): runs as numbers, ascending.

    Examples
    --------
    >>> count_runs(np.zeros(6, int), np.array([0, 1, 0, 1, 0, 1]), 2)[1]
    (array([1]), array([3]))
    """
    numbers = (_runs(row, event, kinds, n)[2] for n in range(1, order + 1))
    found = (np.unique(one, return_counts=True) for one in numbers)
    return [(keys[n >= at_least], n[n >= at_least]) for keys, n in found]


def surprise(
    row: np.ndarray,
    event: np.ndarray,
    kinds: int,
    tables: Sequence[tuple[np.ndarray, np.ndarray]],
    rows: int,
    prior: float = 5.0,
) -> np.ndarray:
    """Nats an event under interpolated n-grams, (rows,); after MacKay and Peto, 1995.

    Parameters
    ----------
    row, event, kinds
        See `count_runs`.
    tables : list of (keys, counts)
        What `count_runs` counted in real music.
    rows : int
        How many rows there are; one without events has 0.
    prior : float
        How many events a shorter context's guess is worth.

    Examples
    --------
    >>> row, event = np.zeros(8, int), np.array([0, 1, 0, 1, 0, 1, 0, 1])
    >>> tables = count_runs(row, event, 3)
    >>> known, strange = (surprise(row, e, 3, tables, 1)[0] for e in (event, event + 1))
    >>> bool(known < strange)
    True
    """
    p = np.full(len(row), 1 / kinds)
    for order, (keys, counts) in enumerate(tables, 1):
        contexts, which = np.unique(keys // kinds, return_inverse=True)
        seen = np.bincount(which, counts, len(contexts))
        _, place, number = _runs(row, event, kinds, order)
        here, before = _look(number, keys, counts), _look(number // kinds, contexts, seen)
        # p_n(e | c) = (#(c, e) + a p_n-1(e | shorter c)) / (#(c) + a)
        p[place] = (here + prior * p[place]) / (before + prior)
    size = np.maximum(np.bincount(row, minlength=rows), 1)
    return np.bincount(row, -np.log(p), rows) / size


def _look(number, keys, counts):
    """How often each number was counted: 0 for what was not."""
    at = np.searchsorted(keys, number)
    known = np.append(keys, -1)[at] == number
    return np.where(known, np.append(counts, 0)[at], 0)
