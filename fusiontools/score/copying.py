"""How much of what was generated stands in the training data already.

What is counted are runs of n notes that occur there too.

A passage is compared by its steps and by its rhythm, never by its pitches, so that moving
it to another key hides nothing. Rests between its notes are not looked at either. Some
passages are everyone's: a scale, a repeated note. So a copied share means something only
beside the share of real music that was held out (`held_out_share`), against the same
training data.

This counts copies. It does not say whether a copy matters. Used in chapters 3, 4, 5 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.score.distributions import STEP, melody_columns, melody_number

if TYPE_CHECKING:
    from fusiontools.music.notes import Notes


__all__ = ["copied_counts", "copied_share", "held_out_share", "ngrams"]

_ODD = np.uint64(0x9E3779B97F4A7C15)


def ngrams(
    melodies: Sequence | np.ndarray,
    n: int = 8,
    step: float = STEP,
    rhythm: str = "durations",
) -> np.ndarray:
    """Every run of n notes within a melody, each as one number.

    Parameters
    ----------
    melodies : sequence
        See ``fusiontools.score.distributions.melody_columns``.
    n : int
        Notes in a run, 2 or more.
    step : float
        In beats: durations are rounded to multiples of it, one at least.
    rhythm : {"durations", "ratios", "none"}
        What must agree beside the n - 1 steps of pitch: the n durations; the n - 1 ratios
        of each duration to the one before, so that a copy at half the speed is a copy; or
        nothing.

    Returns
    -------
    ndarray of uint64, shape (G,)
        A melody of m notes gives m - n + 1 of them, or none. Equal runs have equal numbers.
        Two different runs share a number with a chance of 1 in 2**64, so among a million
        runs, compared with a million others, a false copy turns up once in 18 million such
        comparisons.

    Raises
    ------
    ValueError
        If n is under 2, or `rhythm` is unknown.

    Examples
    --------
    >>> tune, higher = ([60, 62, 64], [1, 1, 2]), ([65, 67, 69], [1, 1, 2])
    >>> slower = ([60, 62, 64], [2, 2, 4])
    >>> len(set(ngrams([tune, higher], n=3).tolist()))
    1
    >>> len(set(ngrams([tune, slower], n=3).tolist()))
    2
    >>> len(set(ngrams([tune, slower], n=3, rhythm="ratios").tolist()))
    1
    """
    return _runs(melodies, n, step, rhythm)[0]


def _runs(melodies, n, step, rhythm):
    """The runs, and the melody that each is from, both of shape (G,)."""
    if n < 2:
        raise ValueError(f"runs of {n} notes; a step of pitch needs 2")
    pitch, duration, melody = melody_columns(melodies)
    steps = np.maximum(np.floor(duration / step + 0.5), 1)
    tokens = [(np.diff(pitch) + 1_000, n - 1)]  # (what, how many of them a run has)
    if rhythm == "durations":
        tokens.append((steps + 10_000, n))
    elif rhythm == "ratios":
        tokens.append((np.round(60 * np.diff(np.log2(steps))) + 1_000_000, n - 1))
    elif rhythm != "none":
        raise ValueError(
            f"the rhythm is {rhythm!r}; it can be 'durations', 'ratios' or 'none'"
        )
    many = max(len(pitch) - n + 1, 0)
    run = np.zeros(many, np.uint64)
    for token, length in tokens:
        mixed = _mix(token.astype(np.uint64))
        for j in range(length):
            # h <- mix(h * odd + token_j): order matters, and every bit depends on all
            run = _mix(run * _ODD + mixed[j : j + many])
    # first and last note of a run are of one melody
    whole = melody[:many] == melody[len(melody) - many :]
    return run[whole], melody[:many][whole]


def _mix(x):
    """Spread whole numbers over all 64 bits, one to one.

    The finaliser of SplitMix64 (G. Steele and others, 2014).
    """
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def copied_counts(
    generated: Sequence,
    training: Sequence | np.ndarray,
    n: int = 8,
    step: float = STEP,
    rhythm: str = "durations",
) -> np.ndarray:
    """For each melody, how many of its runs of n notes are copied, and how many it has.

    Parameters
    ----------
    generated : sequence
        Melodies.
    training : sequence, or ndarray of uint64
        Melodies, or their `ngrams` made with the same settings, so that they are made once
        for many methods.
    n, step, rhythm
        See `ngrams`.

    Returns
    -------
    ndarray of int64, shape (M, 2)
        Copied, and all. Drawn again by ``fusiontools.score.intervals.bootstrap_counts``,
        with ``lambda h: h[..., 0] / h[..., 1]``, it gives the range of the copied share.

    Examples
    --------
    >>> tune = ([60, 62, 64, 65], [1, 1, 1, 1])
    >>> copied_counts([([70, 72, 74, 70], [1, 1, 1, 1])], [tune], n=3).tolist()
    [[1, 2]]
    """
    run, melody = _runs(generated, n, step, rhythm)
    made = isinstance(training, np.ndarray) and training.dtype == np.uint64
    known = np.sort(training if made else ngrams(training, n, step, rhythm))
    # A search in sorted numbers is ten times as fast as np.isin, which sorts both sides.
    copied = known.searchsorted(run, side="right") > known.searchsorted(run, side="left")
    number = melody_number(generated)
    counts = [np.bincount(m, minlength=number) for m in (melody[copied], melody)]
    return np.stack(counts, axis=1)


def copied_share(
    generated: Sequence[Notes],
    training: Sequence | np.ndarray,
    n: int = 8,
    step: float = STEP,
    rhythm: str = "durations",
) -> float:
    """The share of the generated runs of n notes that occur in the training data, 0 to 1.

    Parameters as in `copied_counts`.

    Raises
    ------
    NoNotesError
        If no generated melody has n notes.

    Examples
    --------
    >>> tune = ([60, 62, 64, 65], [1, 1, 1, 1])
    >>> copied_share([([70, 72, 74, 70], [1, 1, 1, 1])], [tune], n=3)
    0.5
    """
    copied, runs = copied_counts(generated, training, n, step, rhythm).sum(axis=0).tolist()
    if not runs:
        do = "generate longer melodies, or choose a smaller n"
        raise NoNotesError(f"no melody has {n} notes in a row", do=do)
    return copied / runs


def held_out_share(
    held_out: Sequence[Notes],
    training: Sequence[Notes],
    n: int = 8,
    step: float = STEP,
    rhythm: str = "durations",
) -> float:
    """The share that real music, kept from the training, has in common with it.

    A model that copies nothing would have it too.

    It is `copied_share` of the held-out melodies. No song may be on both sides
    (`fusiontools.corpora.split` sees to it), and the training data must be the same as for
    the model: the more there are, the larger both shares.

    Examples
    --------
    >>> three, four = ([60, 60, 60], [1, 1, 1]), ([72, 72, 72, 72], [1, 1, 1, 1])
    >>> held_out_share([three], [four], n=3)  # repeated notes are everyone's
    1.0
    """
    return copied_share(held_out, training, n, step, rhythm)
