"""What bars of piano roll are like, in numbers.

Also how alike two sets of bars are, and which bars are copies.

Bars are an array (N, T, P): N bars, T steps, P pitches a semitone apart; true or not 0
where a pitch sounds. In chapter 6 T is 96 (24 steps a beat, 4 beats) and P is 84. A note
is a run of sounding cells in one column, so two equal notes that touch are one, and a note
that crosses a bar line counts in each bar by what lies in it. No measure depends on which
pitch the first column is.

A bar without a note has no pitch classes and no notes to judge. Each measure is NaN there,
and means take ``np.nanmean``: only the share of empty bars, ``is_empty(bars).mean()``,
counts those bars. Used in chapter 6, LSTM and convolutional GANs.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

__all__ = ["MEASURES", "bar_keys", "bernoulli", "copied_bars", "each", "is_empty"]
__all__ += ["note_density", "overlapping_area", "permuted", "pitch_range", "polyphony"]
__all__ += ["qualified_notes", "repetition", "scale_consistency", "used_pitch_classes"]

MAJOR = (0, 2, 4, 5, 7, 9, 11)
LEAST = 3  # steps of a qualified note
_AT_ONCE = 256  # bars that are worked on together: 2 MB of cells
_IN_SCALE = np.array([[(c - key) % 12 in MAJOR for key in range(12)] for c in range(12)])


def _checked(bars):
    bars = np.asarray(bars)
    if bars.ndim != 3 or 0 in bars.shape[1:]:
        raise ValueError(f"bars must be of shape (N, steps, pitches), not {bars.shape}")
    return bars


def _parts(bars):
    """Some bars at a time, as bool: (at most _AT_ONCE, T, P). One part if there is none."""
    bars = _checked(bars)
    for i in range(0, max(len(bars), 1), _AT_ONCE):
        yield bars[i : i + _AT_ONCE].astype(bool, copy=False)


def _joined(measure, bars):
    return np.concatenate([measure(part) for part in _parts(bars)])


def _ratio(part, whole):
    """part / whole, and NaN where whole is 0."""
    nothing = np.full(len(whole), np.nan)
    return np.divide(part, whole, out=nothing, where=whole > 0)


def _or_nan(number, bars_with_notes):
    return np.where(bars_with_notes, number.astype(np.float64), np.nan)


def _per_class(bars):
    """Sounding cells of each pitch class, (N, T, P) -> (N, 12)."""
    cells = bars.sum(1)  # (N, P)
    return np.stack([cells[:, c::12].sum(1) for c in range(12)], 1)


def _starts(bars):
    """Where a note starts: the pitch sounds, and did not one step earlier."""
    starts = bars.copy()
    starts[:, 1:] &= ~bars[:, :-1]
    return starts  # (N, T, P)


def is_empty(bars: npt.ArrayLike) -> np.ndarray:
    """Which bars have no note. Their share is the paper's EB.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
        See the top of the module.

    Returns
    -------
    ndarray of bool, shape (N,)

    Raises
    ------
    ValueError
        If the bars are not of three dimensions, here and in every function of the module.

    References
    ----------
    Music Generation with GANs, section 4 and Table 1: "ratio of empty bars (in %)". The
    three numbers of that table are from H.-W. Dong and others, MuseGAN, 2018.

    Examples
    --------
    >>> bars = np.zeros((4, 96, 84))
    >>> bars[0, 95, 83] = 1
    >>> float(100 * is_empty(bars).mean())  # EB: bars are counted, not steps
    75.0
    """
    return ~_checked(bars).any((1, 2))


def used_pitch_classes(bars: npt.ArrayLike) -> np.ndarray:
    """How many of the 12 pitch classes a bar uses: C in any octave is one of them.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    ndarray of float, shape (N,)
        1 to 12, and NaN for an empty bar.

    References
    ----------
    UPC in Music Generation with GANs, section 4 and Table 1, after MuseGAN (2018). Some
    public code counts the 128 pitches instead.

    Examples
    --------
    >>> bars = np.zeros((2, 96, 84))
    >>> bars[0, :24, [0, 12, 7]] = 1  # C, C an octave higher, G
    >>> used_pitch_classes(bars).tolist()
    [2.0, nan]
    """

    def measure(part):
        return _or_nan((_per_class(part) > 0).sum(1), part.any((1, 2)))

    return _joined(measure, bars)


def qualified_notes(bars: npt.ArrayLike, least: int = LEAST) -> np.ndarray:
    """The share of a bar's notes that are not too short. Few of them sound fragmented.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
    least : int
        A note qualifies from so many steps on. With 24 steps a beat, 3 are a 32nd note.

    Returns
    -------
    ndarray of float, shape (N,)
        0 to 1, and NaN for an empty bar. The paper's QN is 100 times their mean.

    Raises
    ------
    ValueError
        If `least` is under 1.

    References
    ----------
    Music Generation with GANs, section 4 and Table 1, "no shorter than three times steps",
    after MuseGAN (2018). Some public code takes 2, or lets every one-step note pass.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84))
    >>> bars[0, 10:13, 40] = bars[0, 20:22, 40] = 1  # 3 steps, and 2
    >>> qualified_notes(bars).tolist()
    [0.5]
    """
    if least < 1:
        raise ValueError(f"a note of {least} steps is none: least must be 1 or more")

    def measure(part):
        starts = _starts(part)
        held = starts[:, : max(part.shape[1] - least + 1, 0)].copy()
        for later in range(1, least):  # the note sounds on, within the bar
            held &= part[:, later : later + held.shape[1]]
        return _ratio(held.sum((1, 2)), starts.sum((1, 2)))

    return _joined(measure, bars)


def polyphony(bars: npt.ArrayLike) -> np.ndarray:
    """How many pitches sound together, averaged over the steps in which any does.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    ndarray of float, shape (N,)
        1 or more, and NaN for an empty bar.

    References
    ----------
    ``polyphony`` of muspy (H.-W. Dong and others, 2020), here for each bar.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84))
    >>> bars[0, :48, 40] = bars[0, :24, 44] = 1  # 72 cells in 48 steps
    >>> polyphony(bars).tolist()
    [1.5]
    """
    return _joined(lambda part: _ratio(part.sum((1, 2)), part.any(2).sum(1)), bars)


def note_density(bars: npt.ArrayLike) -> np.ndarray:
    """How many notes a bar has.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    ndarray of float, shape (N,)
        1 or more, and NaN for an empty bar, so that silence is counted once, by `is_empty`.

    References
    ----------
    Note count per bar in L.-C. Yang and A. Lerch, On the evaluation of generative models in
    music, 2020.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84))
    >>> bars[0, :24, [40, 44]] = bars[0, 30:36, 40] = 1
    >>> note_density(bars).tolist()
    [3.0]
    """
    return _joined(lambda part: _or_nan(_starts(part).sum((1, 2)), part.any((1, 2))), bars)


def scale_consistency(bars: npt.ArrayLike) -> np.ndarray:
    """The largest share of a bar's sounding cells that one major scale holds.

    Natural minor scales have the notes of a major scale, so they need no row of their own.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    ndarray of float, shape (N,)
        7/12 to 1, and NaN for an empty bar.

    References
    ----------
    O. Mogren, C-RNN-GAN, 2016, as ``scale_consistency`` of muspy writes it; there notes are
    counted, here cells, so that a long note weighs more.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84))
    >>> bars[0, 0:30, 0] = bars[0, 30:40, 1] = bars[0, 40:50, 2] = 1  # C, C sharp, D
    >>> scale_consistency(bars).tolist()
    [0.8]
    """

    def measure(part):
        return _ratio((_per_class(part) @ _IN_SCALE).max(1), part.sum((1, 2)))

    return _joined(measure, bars)


def pitch_range(bars: npt.ArrayLike) -> np.ndarray:
    """The distance from a bar's lowest to its highest pitch, in semitones.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    ndarray of float, shape (N,)
        0 or more, and NaN for an empty bar.

    References
    ----------
    L.-C. Yang and A. Lerch, 2020, for whole pieces; ``pitch_range`` of muspy.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84))
    >>> bars[0, 0, 40] = bars[0, 50, 52] = 1
    >>> pitch_range(bars).tolist()
    [12.0]
    """

    def measure(part):
        used = part.any(1)  # (N, P)
        lowest, above = used.argmax(1), used[:, ::-1].argmax(1)
        return _or_nan(used.shape[1] - 1 - above - lowest, used.any(1))

    return _joined(measure, bars)


# name -> (what gives it, edges of the bins in which `overlapping_area` compares it).
# The bins are fixed, so that no set of bars moves another's score.
MEASURES = {
    "upc": (used_pitch_classes, np.arange(14) - 0.5),
    "qn": (qualified_notes, np.linspace(0, 1.0001, 21)),
    "polyphony": (polyphony, np.r_[np.arange(1, 8.1, 0.25), 99]),
    "density": (note_density, np.r_[np.arange(0, 64, 2), np.inf]),
    "scale": (scale_consistency, np.linspace(0.5, 1.0001, 21)),
    "range": (pitch_range, np.r_[np.arange(0, 62, 3), 99]),
}


def each(bars: npt.ArrayLike) -> dict[str, np.ndarray]:
    """All six measures of each bar.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    dict of str to ndarray of float, shape (N,)
        By the names of `MEASURES`; NaN for empty bars. 2,000 bars take a tenth of a
        second on one thread.

    Examples
    --------
    >>> bars = np.zeros((2, 96, 84))
    >>> bars[0, :24, [40, 44, 47]] = 1
    >>> {name: values.tolist() for name, values in each(bars).items()}["density"]
    [3.0, nan]
    """
    return {name: measure(bars) for name, (measure, _) in MEASURES.items()}


def overlapping_area(
    a: Mapping[str, npt.ArrayLike], b: Mapping[str, npt.ArrayLike]
) -> dict[str, float]:
    """How much two sets of bars have in common, measure by measure.

    For each measure the overlap of two normalised histograms: the sum, over the bins of
    `MEASURES`, of the smaller share. Empty bars are left out.

    Parameters
    ----------
    a, b : dict of str to array_like
        What `each` gives, or some of its measures; the two may differ in length.

    Returns
    -------
    dict of str to float
        0 (nothing in common) to 1 (equal histograms) for each measure, and their average,
        "mean". NaN where one side has no bar with a note.

    Raises
    ------
    ValueError
        If the two do not have the same measures, or one is unknown.

    References
    ----------
    After L.-C. Yang and A. Lerch, 2020. There the overlap is of smoothed distributions of
    distances between pieces; here of the values themselves, in fixed bins, so that no width
    of smoothing has to be chosen.

    Examples
    --------
    >>> overlapping_area({"upc": [3, 3, 4, 5]}, {"upc": [3, 4]})
    {'upc': 0.75, 'mean': 0.75}
    """
    if a.keys() != b.keys() or not a or not a.keys() <= MEASURES.keys():
        found = f"{', '.join(a) or 'none'} and {', '.join(b) or 'none'}"
        raise ValueError(f"the measures to compare are {found}: give both the same")
    area = {name: _overlap(a[name], b[name], MEASURES[name][1]) for name in a}
    return area | {"mean": float(np.mean(list(area.values())))}


def _overlap(a, b, edges):
    sides = []
    for values in (a, b):
        values = np.asarray(values, np.float64)
        values = values[~np.isnan(values)]
        if not len(values):
            return np.nan
        sides.append(np.histogram(values, edges)[0] / len(values))
    # OA = sum_k min(p_k, q_k)
    return float(np.minimum(*sides).sum())


def repetition(bars: np.ndarray, songs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much of a bar the next bar repeats, cell by cell.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
        In the order in which they sound, song after song.
    songs : array_like, shape (N,)
        The song of each.

    Returns
    -------
    common : ndarray of float, shape (K,)
        For each pair of neighbours of one song, both with notes: the cells that sound in
        both over those that sound in either. 0: nothing, 1: the same bar again.
    songs : ndarray, shape (K,)
        The song of each pair, to draw songs again by.

    Raises
    ------
    ValueError
        If there is not one song for each bar.

    Examples
    --------
    >>> bars = np.zeros((4, 96, 84))
    >>> bars[:3, :24, 40] = bars[1, 24:48, 40] = bars[3, :, 0] = 1
    >>> common, of = repetition(bars, ["a", "a", "a", "b"])
    >>> common.tolist(), of.tolist()
    ([0.5, 0.5], ['a', 'a'])
    """
    bars, songs = _checked(bars), np.asarray(songs)
    if songs.shape != bars.shape[:1]:
        raise ValueError(f"{len(bars)} bars need a song each, and songs are {songs.shape}")
    sounds = ~is_empty(bars)
    first = np.flatnonzero((songs[1:] == songs[:-1]) & sounds[1:] & sounds[:-1])
    common = [np.zeros(0)]
    for i in range(0, len(first), _AT_ONCE):
        own = first[i : i + _AT_ONCE]
        now, after = bars[own].astype(bool), bars[own + 1].astype(bool)
        common.append((now & after).sum((1, 2)) / (now | after).sum((1, 2)))
    return np.concatenate(common), songs[first]


def bar_keys(bars: npt.ArrayLike) -> list[bytes]:
    """For each bar a key that equal bars share: its cells, eight to a byte.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)

    Returns
    -------
    list of bytes
        The N keys. The key of a row that is packed already (``np.packbits`` of its cells)
        is ``row.tobytes()``.

    Examples
    --------
    >>> len(set(bar_keys(np.zeros((5, 96, 84)))))
    1
    """
    cells = np.prod(_checked(bars).shape[1:])
    return [
        row.tobytes()
        for part in _parts(bars)
        for row in np.packbits(part.reshape(len(part), cells), axis=1)
    ]


def copied_bars(bars: npt.ArrayLike, known: set[bytes]) -> np.ndarray:
    """Which bars stand, cell by cell, among known ones.

    A copy in another key, or with one note changed, is none. Simple bars are everyone's, so
    a share of copies means something only beside the share of real music that was held out.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
    known : set of bytes
        `bar_keys` of the training data.

    Returns
    -------
    ndarray of bool, shape (N,)
        False for empty bars: take the share among the others,
        ``copied_bars(bars, known)[~is_empty(bars)].mean()``.

    Examples
    --------
    >>> bars = np.zeros((3, 96, 84))
    >>> bars[0, :24, 40] = bars[1, :24, 41] = 1
    >>> copied_bars(bars, set(bar_keys(bars[[0, 2]]))).tolist()
    [True, False, False]
    """
    known = known if isinstance(known, (set, frozenset)) else set(known)
    found = np.array([key in known for key in bar_keys(bars)], bool)
    return found & ~is_empty(bars)


def permuted(bars: np.ndarray, seed: int = 0) -> np.ndarray:
    """A trivial row: each bar's pitches in a random order of the bar's own.

    Rhythm, lengths and the number of sounding pitches stay as they are; what notes go
    together does not.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
    seed : int

    Returns
    -------
    ndarray, shape (N, T, P)
        Of the kind of `bars`.

    Examples
    --------
    >>> bars = np.zeros((1, 96, 84), bool)
    >>> bars[0, :24, [40, 44, 47]] = True
    >>> made = permuted(bars, seed=1)
    >>> note_density(made).tolist(), bool((made == bars).all())
    ([3.0], False)
    """
    bars = _checked(bars)
    rng = np.random.default_rng(seed)
    made = np.empty_like(bars)
    for i, bar in enumerate(bars):
        made[i] = bar[:, rng.permutation(bars.shape[2])]
    return made


def bernoulli(bars: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """A trivial row: cells that sound by chance, as many of them as in the bars.

    Parameters
    ----------
    bars : array_like, shape (N, T, P)
        Only their density counts: the share of cells that sound, empty bars included.
    n : int
        How many bars to make.
    seed : int

    Returns
    -------
    ndarray of bool, shape (n, T, P)

    Raises
    ------
    ValueError
        If there are no bars.

    Examples
    --------
    >>> bars = np.zeros((2, 96, 84))
    >>> bars[0] = 1
    >>> made = bernoulli(bars, 3)
    >>> made.shape, round(float(made.mean()), 1)
    ((3, 96, 84), 0.5)
    """
    bars = _checked(bars)
    if not bars.size:
        raise ValueError("no bars to take a density from")
    density = np.count_nonzero(bars) / bars.size
    rng = np.random.default_rng(seed)
    return rng.random((n, *bars.shape[1:]), np.float32) < density
