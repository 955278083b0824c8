"""What is counted in melodies: durations, pitch classes, and pairs in a row of both.

Pairs in a row are two steps of pitch, or two durations.

Every count comes as one row a melody, shape (M, K), over bins that are fixed beforehand and
never looked up in the data. Add the rows, and you have the histogram of all melodies;
divide it by its sum, and you have a distribution; draw rows again, and you have a bootstrap
(`fusiontools.score.intervals`). Nothing here measures a distance (see
`fusiontools.score.distances`).

A melody is a `Notes` in beats, or a pair of arrays ``(pitch, duration)``. Every note counts
once, whatever its length; rests do not count.

Four things are counted, each under a short name:

- ``"dd"``: durations, in steps of a quarter of a beat. Bin k holds the notes that last k
  steps, rounded, halves up: bin 0 those shorter than half a step, the last bin all that are
  as long or longer. FusionGAN's duration distribution DD.
- ``"npd"``: pitch classes, C first. FusionGAN's normalised pitch distribution NPD.
- ``"ib"``: interval bigrams, two steps in a row, in semitones, so three notes. Wider leaps
  count as the widest.
- ``"db"``: duration bigrams, the bins of two notes in a row.

The paper "knowingly" discards "all sequential information" (section IV-A): the last two
bring a little of it back. Used in chapter 3, FusionGAN.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fusiontools.errors import NoNotesError, UnitError
from fusiontools.music.notes import NAMES, Notes

__all__ = [
    "COUNTS",
    "LONGEST",
    "STEP",
    "WIDEST",
    "bin_names",
    "counts",
    "distribution",
    "duration_bigram_counts",
    "duration_counts",
    "duration_steps",
    "histogram",
    "interval_bigram_counts",
    "melody_columns",
    "melody_number",
    "peaks",
    "pitch_class_counts",
    "shares",
    "valleys",
]

STEP = 0.25  # beats: a 16th note
LONGEST = 16  # steps: a whole note; the bin is open upwards
WIDEST = 12  # semitones: an octave; both end bins are open


def histogram(values: npt.ArrayLike, bins: int) -> np.ndarray:
    """How often each of the whole numbers 0 to ``bins - 1`` occurs.

    Parameters
    ----------
    values : array_like of int, any shape
    bins : int
        Their number, K.

    Returns
    -------
    ndarray of int64, shape (K,)

    Raises
    ------
    ValueError
        If a value has no bin. `numpy.histogram` would leave it out in silence.

    Examples
    --------
    >>> histogram([0, 2, 2], 4).tolist()
    [1, 0, 2, 0]
    """
    values = np.asarray(values).ravel()
    fit = (values >= 0) & (values < bins) & (values == np.floor(values))
    if not fit.all():
        raise ValueError(
            f"values from {values.min()} to {values.max()} do not fit bins 0 to {bins - 1}"
        )
    return np.bincount(values.astype(np.int64), minlength=bins)


def melody_columns(melodies: Sequence) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All notes of all melodies, one after the other, as three arrays.

    Parameters
    ----------
    melodies : sequence of (Notes or pair of array_like)
        In beats. A pair is ``(pitch, duration)``, each of shape (n,). One `Notes` alone is
        read as one melody.

    Returns
    -------
    pitch : ndarray of int64, shape (N,)
    duration : ndarray of float, shape (N,)
        In beats.
    melody : ndarray of int64, shape (N,)
        The number of the melody that each note is from.

    Raises
    ------
    UnitError
        If notes are in seconds.
    ValueError
        If the arrays of a pair differ in length.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1, 0.5, 62)])
    >>> [c.tolist() for c in melody_columns([tune, ([64], [2.0])])]
    [[60, 62, 64], [1.0, 0.5, 2.0], [0, 0, 1]]
    """
    if isinstance(melodies, Notes):
        melodies = [melodies]
    pairs = [_pair(m) for m in melodies]
    lengths = [len(p) for p, _ in pairs]
    pitch = np.concatenate([np.zeros(0, np.int64), *(p for p, _ in pairs)])
    duration = np.concatenate([np.zeros(0), *(d for _, d in pairs)])
    melody = np.repeat(np.arange(len(pairs)), lengths)
    return pitch.astype(np.int64), duration.astype(np.float64), melody


def _pair(melody):
    if isinstance(melody, Notes):
        if melody.unit != "beats":
            found = f"a melody is in {melody.unit}; durations are counted in beats"
            raise UnitError(found, do="convert it with to_beats(notes, tempo)")
        return melody.pitch, melody.duration
    pitch, duration = (np.asarray(column) for column in melody)
    if pitch.ndim != 1 or pitch.shape != duration.shape:
        raise ValueError(
            "a melody needs as many pitches as durations, "
            f"found shapes {pitch.shape} and {duration.shape}"
        )
    return pitch, duration


def duration_steps(
    duration: npt.ArrayLike, step: float = STEP, longest: int = LONGEST
) -> np.ndarray:
    """The bin of each duration: how many steps it lasts, 0 to `longest`, same shape.

    Parameters
    ----------
    duration : array_like of float
        In beats.
    step : float
        In beats.
    longest : int
        In steps. Longer notes count as this.

    Examples
    --------
    >>> duration_steps([0.1, 0.25, 1 / 3, 1.0, 9.0]).tolist()
    [0, 1, 1, 4, 16]
    """
    steps = np.floor(np.asarray(duration) / step + 0.5)  # halves go up, as in `quantize`
    return np.minimum(steps, longest).astype(np.int64)


def _by_melody(bins, melody, rows, size):
    """Count bins separately for each melody, shape (rows, size)."""
    return np.bincount(melody * size + bins, minlength=rows * size).reshape(rows, size)


def melody_number(melodies: Sequence[Notes | tuple]) -> int:
    """How many melodies `melody_columns` sees: M in the shapes of this module."""
    return 1 if isinstance(melodies, Notes) else len(melodies)


def duration_counts(
    melodies: Sequence, step: float = STEP, longest: int = LONGEST
) -> np.ndarray:
    """Notes of each duration, one row a melody: DD before it is added up and normalised.

    Parameters
    ----------
    melodies : sequence
        See `melody_columns`.
    step : float
        Width of a bin, in beats.
    longest : int
        The last bin, in steps; it holds all longer notes too.

    Returns
    -------
    ndarray of int64, shape (M, longest + 1)

    References
    ----------
    FusionGAN, section IV-A, item 1. It does not give its bins; Figure 6 shows a bin of
    length 0.

    Examples
    --------
    >>> melodies = [([60, 62], [1.0, 0.5]), ([64], [9.0])]
    >>> duration_counts(melodies, step=0.5, longest=3).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 1]]
    """
    _, duration, melody = melody_columns(melodies)
    bins = duration_steps(duration, step, longest)
    return _by_melody(bins, melody, melody_number(melodies), longest + 1)


def pitch_class_counts(melodies: Sequence[Notes | tuple]) -> np.ndarray:
    """Notes on each of the twelve pitch classes, C first, one row a melody.

    It is NPD before it is added up and normalised.

    Returns
    -------
    ndarray of int64, shape (M, 12)

    References
    ----------
    FusionGAN, section IV-A, item 2. It speaks of "all tokens"; a rest has no pitch class,
    so here it is all notes.

    Examples
    --------
    >>> pitch_class_counts([([60, 72, 62], [1, 1, 1])])[0, :3].tolist()
    [2, 0, 1]
    """
    pitch, _, melody = melody_columns(melodies)
    return _by_melody(pitch % 12, melody, melody_number(melodies), 12)


def interval_bigram_counts(melodies: Sequence, widest: int = WIDEST) -> np.ndarray:
    """Pairs of steps in a row, one row a melody.

    Parameters
    ----------
    melodies : sequence
        See `melody_columns`.
    widest : int
        In semitones. Wider leaps count as this, in their direction.

    Returns
    -------
    ndarray of int64, shape (M, (2 * widest + 1) ** 2)
        A step of x and then one of y semitones is bin
        ``(x + widest) * (2 * widest + 1) + y + widest``.

    Examples
    --------
    >>> table = interval_bigram_counts([([60, 61, 60, 74], [1, 1, 1, 1])], widest=1)
    >>> table.reshape(3, 3).tolist()  # rows: first step down, none, up; columns: second
    [[0, 0, 1], [0, 0, 0], [1, 0, 0]]
    """
    pitch, _, melody = melody_columns(melodies)
    size = 2 * widest + 1
    step = np.clip(np.diff(pitch), -widest, widest) + widest
    whole = melody[2:] == melody[:-2]  # three notes of one melody
    bins = (step[:-1] * size + step[1:])[whole]
    return _by_melody(bins, melody[2:][whole], melody_number(melodies), size * size)


def duration_bigram_counts(
    melodies: Sequence[Notes | tuple], step: float = STEP, longest: int = LONGEST
) -> np.ndarray:
    """Pairs of durations in a row, one row a melody.

    Returns
    -------
    ndarray of int64, shape (M, (longest + 1) ** 2)
        A note of x steps before one of y is bin ``x * (longest + 1) + y``; see
        `duration_counts` for the steps.

    Examples
    --------
    >>> table = duration_bigram_counts([([60, 62, 64], [1, 1, 2])], step=1, longest=2)
    >>> table.reshape(3, 3).tolist()
    [[0, 0, 0], [0, 1, 1], [0, 0, 0]]
    """
    _, duration, melody = melody_columns(melodies)
    size = longest + 1
    steps = duration_steps(duration, step, longest)
    whole = melody[1:] == melody[:-1]
    bins = (steps[:-1] * size + steps[1:])[whole]
    return _by_melody(bins, melody[1:][whole], melody_number(melodies), size * size)


COUNTS = {
    "dd": duration_counts,
    "npd": pitch_class_counts,
    "ib": interval_bigram_counts,
    "db": duration_bigram_counts,
}


def counts(name: str, melodies: Sequence, **bins: Any) -> np.ndarray:
    """One of the four counts by its name, one row a melody.

    Parameters
    ----------
    name : {"dd", "npd", "ib", "db"}
    melodies : sequence
        See `melody_columns`.
    **bins
        Other bins than the usual ones: `step` and `longest`, or `widest`.

    Examples
    --------
    >>> counts("npd", [([60], [1.0])]).shape, counts("ib", [([60], [1.0])]).shape
    ((1, 12), (1, 625))
    """
    if name not in COUNTS:
        raise ValueError(
            f"nothing is counted under {name!r}; choose one of {', '.join(COUNTS)}"
        )
    return COUNTS[name](melodies, **bins)


def shares(histogram: npt.ArrayLike) -> np.ndarray:
    """Divide counts by their sum, along the last axis.

    Parameters
    ----------
    histogram : array_like, shape (..., K)

    Returns
    -------
    ndarray of float, shape (..., K)
        Each row adds up to 1.

    Raises
    ------
    NoNotesError
        If a row counts nothing.

    Examples
    --------
    >>> shares([1, 3, 0]).tolist()
    [0.25, 0.75, 0.0]
    """
    histogram = np.asarray(histogram, dtype=np.float64)
    total = histogram.sum(axis=-1, keepdims=True)
    if (total <= 0).any():
        found = "a histogram in which nothing is counted"
        raise NoNotesError(found, do="give melodies of three notes or more")
    return histogram / total


def distribution(
    name: str, melodies: Sequence, normalised: bool = True, **bins: Any
) -> np.ndarray:
    """What all melodies together show: DD, NPD, or one of the two bigram distributions.

    Parameters
    ----------
    name : {"dd", "npd", "ib", "db"}
    melodies : sequence
        See `melody_columns`.
    normalised : bool
        Whether to divide by the sum. FusionGAN's Table I was made without, see
        ``fusiontools.score.distances.earth_mover_of_counts``.

    Returns
    -------
    ndarray, shape (K,)
        Shares of 1, or counts.

    Raises
    ------
    NoNotesError
        If there is nothing to count.

    References
    ----------
    FusionGAN, section IV-A and Figure 6.

    Examples
    --------
    >>> distribution("npd", [([60, 67], [1, 1]), ([72, 60], [1, 1])])[[0, 7]].tolist()
    [0.75, 0.25]
    """
    total = counts(name, melodies, **bins).sum(axis=0)
    return shares(total) if normalised else total


def bin_names(
    name: str, step: float = STEP, longest: int = LONGEST, widest: int = WIDEST
) -> list[str]:
    """What each bin holds, in words, for axes: a list of K strings.

    Examples
    --------
    >>> bin_names("dd", longest=3), bin_names("npd")[:2], bin_names("ib", widest=1)[:2]
    (['0', '1/4', '1/2', '3/4+'], ['C', 'C#'], ['-1- -1-', '-1- 0'])
    """
    from fractions import Fraction

    steps = [str(Fraction(step).limit_denominator(96) * k) for k in range(longest)]
    steps.append(f"{Fraction(step).limit_denominator(96) * longest}+")
    leaps = [f"{k:+d}" if k else "0" for k in range(1 - widest, widest)]
    leaps = [f"-{widest}-", *leaps, f"+{widest}+"]
    single = {"dd": steps, "npd": list(NAMES), "ib": leaps, "db": steps}
    if name not in single:
        raise ValueError(
            f"nothing is counted under {name!r}; choose one of {', '.join(COUNTS)}"
        )
    if name in ("ib", "db"):
        return [f"{x} {y}" for x in single[name] for y in single[name]]
    return single[name]


def peaks(histogram: npt.ArrayLike, around: bool = True) -> list[int]:
    """Bins that are higher than both neighbours.

    Parameters
    ----------
    histogram : array_like, shape (K,)
    around : bool
        Whether the last bin is the first one's neighbour, as B is C's. If not, an end bin
        has one neighbour.

    Returns
    -------
    list of int

    References
    ----------
    FusionGAN, section IV-A, reads peaks and valleys off Figure 6 without a rule; this is
    ours.

    Examples
    --------
    >>> peaks([3, 1, 2, 1]), valleys([3, 1, 2, 1])
    ([0, 2], [1, 3])
    """
    h = np.asarray(histogram, dtype=np.float64)
    before, after = np.roll(h, 1), np.roll(h, -1)
    if not around:
        before[0], after[-1] = -np.inf, -np.inf
    return np.flatnonzero((h > before) & (h > after)).tolist()


def valleys(histogram: npt.ArrayLike, around: bool = True) -> list[int]:
    """Bins that are lower than both neighbours. See `peaks`."""
    return peaks(-np.asarray(histogram, dtype=np.float64), around)
