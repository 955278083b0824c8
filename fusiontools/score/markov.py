"""Do two halves of a melody belong together? Five things that a musician would compare.

Each is a matrix of chances to go from one state to another.

A window is a row of grid tokens (`fusiontools.music.grid`): its first half, then its
second. Each half is taken alone, as the paper makes it a sequence of its own: the tail of a
note that was held over the middle is silent in the second half. Then, for each window, two
states are read:

- ``"key"``: the key of each half. 24 states: C major to B major, then C minor to B minor.
  Krumhansl and Schmuckler's estimator with the profiles of Krumhansl and Kessler: the key
  whose profile correlates best with how long each pitch class sounds.
- ``"mp"``: mean pitch of each half, over its notes, rounded to a semitone, halves up. One
  state for each pitch from 55 to 84.
- ``"md"``: mean duration of each half's notes. 13 states, two to a doubling: 1, 1.4, 2, 2.8
  ... 64 sixteenths, rounded on that scale.
- ``"pt"``: the last pitch of the first half, and the first pitch of the second. The states
  of ``"mp"``.
- ``"dt"``: the durations of these two notes. 16 states: 1 to 15 sixteenths, and 16 or more.

The paper names the five, and neither estimator, bins nor weights: those are ours. Of its
"two or three consecutive notes around the boundary" two are taken: a third would add a step
inside a half, which no joining changes.

This measures sets of windows, not single ones, and needs a reference set. In the paper that
holds every melody in every key that fits; with melodies in their own keys, the matrices
show which keys are in fashion too. Used in chapter 4, Connective Fusion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import HIGH, HOLD, LOW, repair_grid
from fusiontools.music.notes import NAMES
from fusiontools.score.intervals import bootstrap

if TYPE_CHECKING:
    from fusiontools.score.intervals import Interval


__all__ = [
    "STATISTICS",
    "halves",
    "key_scores",
    "markov_correlations",
    "markov_matrix",
    "matrix_correlation",
    "note_lengths",
    "pitch_class_lengths",
    "state_names",
    "states",
    "transition_counts",
]

PITCHES = HIGH - LOW + 1
# how many states each has
STATISTICS = {"key": 24, "mp": PITCHES, "md": 13, "pt": PITCHES, "dt": 16}
# How well each pitch class fits C major and C minor
# (C. Krumhansl and E. Kessler, Psychological Review 89, 1982)
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_AT_ONCE = 16_384  # windows held in memory as notes at one time


def halves(windows: npt.ArrayLike) -> np.ndarray:
    """Cut windows in the middle, and make each half a melody of its own.

    Parameters
    ----------
    windows : array_like of int, shape (N, T)
        Grid tokens; T even.

    Returns
    -------
    ndarray, shape (N, 2, T // 2)
        A half never starts with a hold: there would be nothing that it holds.

    Raises
    ------
    ValueError
        If they are no windows of tokens, or cannot be halved.

    Examples
    --------
    >>> halves([[60, 1, 1, 62]]).tolist()
    [[[60, 1], [0, 62]]]
    """
    windows = np.asarray(windows)
    whole = windows.ndim == 2 and windows.dtype.kind in "iu"
    if not whole or windows.shape[1] % 2 or not windows.shape[1]:
        raise ValueError(
            "windows are rows of an even number of tokens, shape (N, T); "
            f"found {windows.dtype} of shape {windows.shape}"
        )
    return repair_grid(windows.reshape(len(windows), 2, windows.shape[1] // 2))


def note_lengths(tokens: np.ndarray) -> np.ndarray:
    """How many cells each note of a legal grid lasts, written where it starts; else 0.

    Parameters
    ----------
    tokens : ndarray of int, shape (..., T)

    Returns
    -------
    ndarray of int64, shape (..., T)

    Examples
    --------
    >>> note_lengths(np.array([60, 1, 0, 62])).tolist()
    [2, 0, 0, 1]
    """
    tokens = np.asarray(tokens)
    place = np.arange(tokens.shape[-1])
    # a note lasts until the next token that is no hold
    ends = np.where(tokens != HOLD, place, len(place))
    nearest = np.minimum.accumulate(ends[..., ::-1], axis=-1)[..., ::-1]
    last = np.full((*tokens.shape[:-1], 1), len(place))
    after = np.concatenate([nearest[..., 1:], last], axis=-1)
    return np.where(tokens > HOLD, after - place, 0)


def pitch_class_lengths(tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """How many cells each pitch class sounds, C first: two (..., T) -> (..., 12), float."""
    rows = int(np.prod(tokens.shape[:-1]))
    pitch_class = tokens.reshape(rows, tokens.shape[-1]).astype(np.int64) % 12
    where = np.arange(rows)[:, None] * 12 + pitch_class
    found = np.bincount(where.ravel(), lengths.ravel(), rows * 12)
    return found.reshape(*tokens.shape[:-1], 12)


def key_scores(lengths: npt.ArrayLike) -> np.ndarray:
    """How well each of the 24 keys explains how long the pitch classes sound.

    Parameters
    ----------
    lengths : array_like, shape (..., 12)
        C first, in any unit.

    Returns
    -------
    ndarray of float, shape (..., 24)
        Pearson correlations, major keys first; 0 where nothing sounds, or all pitch classes
        sound alike.

    References
    ----------
    C. Krumhansl, Cognitive Foundations of Musical Pitch, 1990, chapter 4.

    Examples
    --------
    >>> scale = np.array([2, 0, 1, 0, 1, 1, 0, 2, 0, 1, 0, 1])
    >>> int(key_scores(scale).argmax()), int(key_scores(np.roll(scale, 2)).argmax())
    (0, 2)
    """
    y = np.array([np.roll(profile, k) for profile in (MAJOR, MINOR) for k in range(12)])
    x = np.asarray(lengths, dtype=np.float64)
    x = x - x.mean(axis=-1, keepdims=True)  # (..., 12)
    y = y - y.mean(axis=-1, keepdims=True)  # (24, 12)
    # r = <x, y> / (|x| |y|), both without their means
    norm = np.linalg.norm(x, axis=-1, keepdims=True) * np.linalg.norm(y, axis=-1)
    return np.divide(x @ y.T, norm, out=np.zeros((*x.shape[:-1], 24)), where=norm > 1e-12)


def states(windows: npt.ArrayLike) -> dict[str, np.ndarray]:
    """The two states of each window, for each of the five statistics.

    Parameters
    ----------
    windows : array_like of int, shape (N, T)
        Grid tokens with pitches from 55 to 84; the paper has eight bars, T = 128.

    Returns
    -------
    dict of str to ndarray of int64, shape (N, 2)
        By the names of `STATISTICS`. A half without a note has no state: -1.

    Raises
    ------
    ValueError
        If a pitch has no state.

    References
    ----------
    Connective Fusion, section 3.4 and Figure 5.

    Examples
    --------
    >>> window = [60, 1, 64, 1, 67, 1, 60, 1, 67, 1, 1, 1, 71, 1, 62, 1]
    >>> {name: pair[0].tolist() for name, pair in states([window]).items()}
    {'key': [0, 7], 'mp': [8, 12], 'md': [2, 3], 'pt': [5, 12], 'dt': [1, 3]}
    """
    cut = halves(windows)
    if (cut > HIGH).any() or ((cut > HOLD) & (cut < LOW)).any():
        raise ValueError(
            f"a pitch lies outside {LOW} to {HIGH}: transpose or fold the melodies first "
            "(fusiontools.music.in_range)"
        )
    parts = [_states(cut[i : i + _AT_ONCE]) for i in range(0, max(len(cut), 1), _AT_ONCE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in STATISTICS}


def _states(cut):
    """`states` of halves, shape (N, 2, T)."""
    length = note_lengths(cut)
    starts, size = cut > HOLD, cut.shape[-1]
    notes = starts.sum(axis=-1)  # (N, 2)
    some = np.maximum(notes, 1)
    pitch = np.where(starts, cut, 0).sum(axis=-1, dtype=np.int64)
    mean_length = np.maximum(length.sum(axis=-1) / some, 1)
    # the notes at the join: the last one of the first half, the first one of the second
    last, first = size - 1 - starts[:, 0, ::-1].argmax(axis=-1), starts[:, 1].argmax(-1)
    edge = np.stack([last, first], axis=1)[..., None]
    pitch_there = np.take_along_axis(cut, edge, axis=-1)[..., 0].astype(np.int64)
    length_there = np.take_along_axis(length, edge, axis=-1)[..., 0].astype(np.int64)
    found = {
        "key": key_scores(pitch_class_lengths(cut, length)).argmax(axis=-1),
        "mp": np.floor(pitch / some + 0.5).astype(np.int64) - LOW,
        # k = round(2 log2(mean length)): two states to a doubling
        "md": np.floor(2 * np.log2(mean_length) + 0.5).astype(np.int64),
        "pt": pitch_there - LOW,
        "dt": np.clip(length_there, 1, STATISTICS["dt"]) - 1,
    }
    return {
        name: np.where(notes > 0, np.minimum(found[name], many - 1), -1)
        for name, many in STATISTICS.items()
    }


def state_names(name: str) -> list[str]:
    """What each state is called, for axes: a list of strings.

    Examples
    --------
    >>> state_names("key")[::12], state_names("mp")[:2]
    (['C major', 'C minor'], ['G3', 'G#3'])
    >>> state_names("md")[:3], state_names("dt")[-2:]
    (['1', '1.4', '2'], ['15', '16+'])
    """
    if name not in STATISTICS:
        raise ValueError(
            f"there is no statistic {name!r}; choose one of {', '.join(STATISTICS)}"
        )
    if name == "key":
        return [f"{tonic} {mode}" for mode in ("major", "minor") for tonic in NAMES]
    if name == "md":
        lengths = [2 ** (k / 2) for k in range(STATISTICS["md"])]
        return [f"{x:.2g}" if x < 11 else f"{x:.0f}" for x in lengths]
    if name == "dt":
        return [*map(str, range(1, STATISTICS["dt"])), f"{STATISTICS['dt']}+"]
    return [f"{NAMES[p % 12]}{p // 12 - 1}" for p in range(LOW, HIGH + 1)]


def transition_counts(pairs: npt.ArrayLike, size: int) -> np.ndarray:
    """How many windows go from state i to state j.

    Parameters
    ----------
    pairs : array_like of int, shape (N, 2)
        One of what `states` gives. Windows with a state -1 are left out.
    size : int
        Number of states, K.

    Returns
    -------
    ndarray of int64, shape (K, K)
        Rows are states of the first half, columns those of the second.

    Examples
    --------
    >>> transition_counts([[0, 1], [0, 1], [1, -1]], 2).tolist()
    [[0, 2], [0, 0]]
    """
    pairs = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    if pairs.size and (pairs.min() < -1 or pairs.max() >= size):
        raise ValueError(
            f"states from {pairs.min()} to {pairs.max()} do not fit 0 to {size - 1}, "
            "and -1 for none"
        )
    known = pairs[(pairs >= 0).all(axis=1)]
    counts = np.bincount(known[:, 0] * size + known[:, 1], minlength=size * size)
    return counts.reshape(size, size)


def markov_matrix(counts: npt.ArrayLike) -> np.ndarray:
    """Chances of each next state, given the present one.

    Parameters
    ----------
    counts : array_like, shape (K, K)
        See `transition_counts`.

    Returns
    -------
    ndarray of float, shape (K, K)
        Each row adds up to 1. A state that nothing started from knows nothing of the next
        one: its row is uniform.

    References
    ----------
    Connective Fusion, Figure 5: "Brighter color indicates higher probability".

    Examples
    --------
    >>> markov_matrix([[3, 1], [0, 0]]).tolist()
    [[0.75, 0.25], [0.5, 0.5]]
    """
    counts = np.asarray(counts, dtype=np.float64)
    total = counts.sum(axis=-1, keepdims=True)
    uniform = np.full_like(counts, 1 / counts.shape[-1])
    # P_ij = n_ij / sum_k n_ik
    return np.divide(counts, total, out=uniform, where=total > 0)


def matrix_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's correlation of two matrices, entry by entry.

    Parameters
    ----------
    a, b : array_like, of one shape

    Returns
    -------
    float
        -1 to 1; nan if all entries of one are equal.

    References
    ----------
    Connective Fusion, section 3.4.

    Examples
    --------
    >>> round(matrix_correlation([[1, 0], [0, 1]], [[0.9, 0.1], [0.1, 0.9]]), 12)
    1.0
    >>> matrix_correlation([[1, 0], [0, 1]], [[0, 1], [1, 0]])
    -1.0
    """
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError(f"matrices of shapes {a.shape} and {b.shape} cannot be compared")
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / norm) if norm > 0 else float("nan")


def markov_correlations(
    windows: dict[str, np.ndarray] | npt.ArrayLike,
    reference: dict[str, np.ndarray] | npt.ArrayLike,
    repeats: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    kind: str = "basic",
) -> dict[str, Interval]:
    """How alike the joints of some windows are to those of a reference set.

    One correlation is given for each of the five statistics.

    Parameters
    ----------
    windows : array_like of int, shape (N, T), or dict
        Grid tokens, or their `states`.
    reference : array_like of int, shape (M, T), or dict
        The same of real melodies.
    repeats, level, seed, kind
        See ``fusiontools.score.intervals.bootstrap``; windows are drawn again, the
        reference stays. Few windows make rough matrices, and roughness lowers a
        correlation: a draw's more than the measured one. That is what "basic" is for: it
        says where the correlation of endlessly many such windows lies, so that it may lie
        wholly above the measured value, and its high end above 1 ("up to 1").

    Returns
    -------
    dict of str to Interval
        By the names of `STATISTICS`. Even real windows do not reach 1 with another set of
        real ones: compare with as many of them.

    Raises
    ------
    ValueError
        If no window has notes in both halves, or the reference has none such.

    References
    ----------
    Connective Fusion, section 3.4 and Figures 4 and 7: key, MP, MD, PT, DT.

    Examples
    --------
    >>> window = np.repeat([[60, 62, 64, 65], [62, 64, 65, 67]], 2, axis=1)
    >>> found = markov_correlations(window, window, repeats=10)
    >>> {name: round(interval.value, 6) for name, interval in found.items()}
    {'key': 1.0, 'mp': 1.0, 'md': 1.0, 'pt': 1.0, 'dt': 1.0}
    """
    here, there = (s if isinstance(s, dict) else states(s) for s in (windows, reference))
    found = {}
    for name, size in STATISTICS.items():
        pairs, known = _both_known(here[name]), _both_known(there[name])
        if not len(pairs) or not len(known):
            whose = "" if not len(pairs) else " of the reference"
            raise ValueError(f"no window{whose} has notes in both halves")
        target = markov_matrix(transition_counts(known, size))

        def correlation(drawn, size=size, target=target):
            return matrix_correlation(markov_matrix(transition_counts(drawn, size)), target)

        found[name] = bootstrap(
            correlation, pairs, repeats=repeats, level=level, seed=seed, kind=kind
        )
    return found


def _both_known(pairs):
    pairs = np.asarray(pairs)
    return pairs[(pairs >= 0).all(axis=1)]
