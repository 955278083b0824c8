"""What a transfer of genre did to lines, in numbers; and the rows that cost nothing.

A line is a row of grid tokens, (N, T): 0 a rest, 1 a hold, else a pitch that starts, at
eight steps a beat and 32 a bar of 4/4 (`fusiontools.music.grid` says how tokens are read).
Most functions answer with one number a line, (N,). Legal lines only: a hold follows a note.

The trivial rows at the end take the source's lines and give as many back. Each has one
thing that a good score should not need: `restruck` has a copy of all pitches, and a beat;
`blurred` has the ups and downs of the source, and no tune.
Used in chapter 5, Domain transfer.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import HOLD, REST

__all__ = [
    "Events",
    "blurred",
    "contour",
    "copied",
    "copied_fraction",
    "events",
    "high_frequency",
]
__all__ += ["nearest_lines", "newness", "noise_lines", "onsets_a_bar", "pitch_correlation"]
__all__ += ["pitch_line", "precision_by_votes", "repeated_share", "restruck"]
__all__ += ["spectrum", "transposed_lines", "variety"]

LOW, HIGH, BAR = 42, 78, 32  # pitches that a line may have, and steps of a bar
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Events(NamedTuple):
    """The notes of all lines, one after the other, each (E,)."""

    row: np.ndarray  # the line that it is of
    step: np.ndarray  # where it starts
    pitch: np.ndarray
    length: np.ndarray  # steps that it sounds
    gap: np.ndarray  # steps to the next note's start; of a line's last note its length
    last: np.ndarray  # bool: no note of this line follows


def events(tokens: npt.ArrayLike) -> Events:
    """The notes of lines, (N, T), as `Events`.

    Examples
    --------
    >>> notes = events([[60, 1, 0, 62], [64, 1, 1, 1]])
    >>> notes.length.tolist(), notes.gap.tolist(), notes.last.tolist()
    ([2, 1, 4], [3, 1, 4], [False, True, True])
    """
    tokens = np.asarray(tokens)
    size = tokens.shape[1]
    row, step = np.nonzero(tokens > HOLD)
    # the first step from t on that is no hold, for every t; beyond the end: the end
    stop = np.where(tokens == HOLD, size, np.arange(size))
    stop = np.minimum.accumulate(stop[:, ::-1], axis=1)[:, ::-1]
    stop = np.pad(stop[:, 1:], ((0, 0), (0, 1)), constant_values=size)
    last = np.append(np.diff(row) != 0, True)[: len(row)]
    length = stop[row, step] - step
    gap = np.where(last, length, np.append(step[1:], 0)[: len(step)] - step)
    return Events(row, step, tokens[row, step].astype(np.int64), length, gap, last)


def pitch_line(tokens: npt.ArrayLike) -> np.ndarray:
    """The pitch that sounds or sounded last, (N, T); before the first note that note's.

    Examples
    --------
    >>> pitch_line([[0, 60, 1, 0, 62]]).tolist()
    [[60, 60, 60, 60, 62]]
    """
    tokens = np.asarray(tokens).astype(np.int64)
    starts = tokens > HOLD
    first = starts.argmax(axis=1)[:, None]
    place = np.maximum.accumulate(np.where(starts, np.arange(tokens.shape[1]), 0), axis=1)
    return np.where(starts, tokens, 0)[np.arange(len(tokens))[:, None], place.clip(first)]


def _both(tokens, source):
    tokens, source = np.asarray(tokens), np.asarray(source)
    if tokens.shape != source.shape:
        raise ValueError(f"lines of shapes {tokens.shape} and {source.shape}; not the same")
    return pitch_line(tokens), pitch_line(source), (tokens > REST) & (source > REST)


def pitch_correlation(tokens: npt.ArrayLike, source: npt.ArrayLike) -> np.ndarray:
    """Pearson's r of the pitches of lines and of their sources, where both sound, (N,).

    Transposing changes nothing. 0 where a line does not move, or never sounds with its
    source.

    Examples
    --------
    >>> pitch_correlation([[60, 62, 64], [64, 62, 60]], [[50, 52, 54]] * 2).tolist()
    [1.0, -1.0]
    """
    x, y, sound = _both(tokens, source)
    count = np.maximum(sound.sum(axis=1), 1)
    # cov = n sum(x y) - sum(x) sum(y): whole numbers, so that a flat line has exactly 0
    x, y = np.where(sound, x, 0), np.where(sound, y, 0)
    xy = count * (x * y).sum(axis=1) - x.sum(axis=1) * y.sum(axis=1)
    xx = count * (x * x).sum(axis=1) - x.sum(axis=1) ** 2
    yy = count * (y * y).sum(axis=1) - y.sum(axis=1) ** 2
    # r = cov(x, y) / sqrt(var(x) var(y))
    return xy / np.sqrt(np.maximum(xx * yy.astype(float), 1))


def copied_fraction(
    tokens: npt.ArrayLike, source: npt.ArrayLike, within: int = 1
) -> np.ndarray:
    """Of the steps where both sound, the share `within` semitones of the source, (N,).

    0 where they never sound together. Transposed copies are not seen.

    Examples
    --------
    >>> copied_fraction([[60, 1, 62, 1]], [[61, 1, 70, 0]]).round(3).tolist()
    [0.667]
    """
    x, y, sound = _both(tokens, source)
    near = sound & (np.abs(x - y) <= within)
    return near.sum(axis=1) / np.maximum(sound.sum(axis=1), 1)


def variety(tokens: np.ndarray, pairs: int = 2000, seed: int = 0) -> float:
    """How different lines are from each other: 0 where all are one line, in any key.

    Two lines differ at a step if they sound other pitches there (from the middle one of
    each), if one rests, or if a note starts in one only. It is the mean share of such steps
    over pairs of lines: all pairs, or as many drawn. It grows with any noise, so read it
    beside real music's.

    Examples
    --------
    >>> line = [60, 1, 64, 1]
    >>> variety([line, [61, 1, 65, 1]]), variety([line, [60, 60, 64, 0]])
    (0.0, 0.5)
    """
    tokens = np.asarray(tokens)
    if len(tokens) < 2:
        raise ValueError(f"{len(tokens)} lines: variety needs two")
    sound, pitch = tokens > REST, pitch_line(tokens)
    ranked = np.sort(np.where(sound, pitch, 999), axis=1)
    middle = np.maximum(sound.sum(axis=1) - 1, 0) // 2  # of an even number the lower
    pitch = pitch - np.take_along_axis(ranked, middle[:, None], axis=1)
    what = np.where(sound, 2 * pitch + (tokens > HOLD), 999)
    a, b = np.triu_indices(len(tokens), 1)
    if len(a) > pairs:
        chosen = np.random.default_rng(seed).choice(len(a), pairs, replace=False)
        a, b = a[chosen], b[chosen]
    return float(np.mean(what[a] != what[b]))


def high_frequency(tokens: np.ndarray) -> np.ndarray:
    """Share of fine detail in each line's picture of pitches, a row a bar, (N,).

    The power above half the Nyquist frequency, in any direction, of the power without the
    mean; 0 for a picture of one pitch. Rests have the pitch before them.

    References
    ----------
    Cross Genre Music Generation, Figure 9: the outputs, not the inputs, have "high
    frequency components".

    Examples
    --------
    >>> high_frequency(np.tile([60, 62], (1, 512))).round(6).tolist()
    [1.0]
    """
    power, far = _power(tokens)
    whole, high = power.sum(axis=(1, 2)), power[:, far > 0.25].sum(axis=1)
    return np.where(whole > 1e-9, high / np.maximum(whole, 1e-9), 0.0)


def spectrum(tokens: npt.ArrayLike) -> np.ndarray:
    """Mean power of pictures of pitches, a row a bar, by frequency: shares of the whole for
    1 to 16 cycles in 32 pixels, in any direction, each the mean of its ring.

    Examples
    --------
    >>> int(spectrum(np.tile([60, 62], (1, 512))).argmax()) + 1
    16
    """
    power, far = _power(tokens)
    power, ring = power.mean(axis=0).ravel(), np.round(BAR * far).astype(int).ravel()
    mean = np.bincount(ring, power) / np.maximum(np.bincount(ring), 1)
    return mean[1 : BAR // 2 + 1] / power.sum()


def _power(tokens):
    """The power of each picture without its mean, (N, bars, 32), and how many cycles a
    pixel each place of it is, (bars, 32).
    """
    pictures = pitch_line(tokens).reshape(len(tokens), -1, BAR)
    # P(u, v) = |sum_xy (z_xy - mean) exp(-2 pi i (u x + v y))|^2, u and v in cycles a pixel
    z = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    u, v = (np.fft.fftfreq(n) for n in pictures.shape[1:])
    return np.abs(np.fft.fft2(z)) ** 2, np.hypot(u[:, None], v)


def repeated_share(tokens: np.ndarray) -> np.ndarray:
    """Share of notes whose next note has the same pitch, (N,); 0 without two notes.

    Examples
    --------
    >>> repeated_share([[60, 60, 62, 1]]).tolist()
    [0.5]
    """
    notes, size = events(tokens), len(tokens)
    row, same = notes.row[:-1], np.diff(notes.pitch) == 0
    row, same = row[~notes.last[:-1]], same[~notes.last[:-1]]
    return np.bincount(row, same, size) / np.maximum(np.bincount(row, minlength=size), 1)


def onsets_a_bar(tokens: np.ndarray) -> np.ndarray:
    """Notes that start in a bar, on average, (N,).

    Examples
    --------
    >>> onsets_a_bar(np.tile([60, 1, 1, 1], (1, 8))).tolist()
    [8.0]
    """
    return BAR * np.mean(np.asarray(tokens) > HOLD, axis=1)


def newness(tokens: np.ndarray, notes: int = 7, rhythm: bool = True) -> np.ndarray:
    """Share of runs of notes that a line has not played before, in any key, (N,).

    Music repeats itself; noise and shuffled notes do not (near 1), and a drone does nothing
    else (near 0). It falls with the length of a line: compare lines of one length.

    Parameters
    ----------
    tokens : array_like of int, shape (N, T)
    notes : int
        In a run, 2 or more.
    rhythm : bool
        Whether runs are alike only if their notes also start alike.

    Examples
    --------
    >>> newness([[60, 62, 60, 62, 60, 64]], notes=2).tolist()  # +2 -2 +2 -2 +4
    [0.6]
    """
    found, size = events(tokens), len(tokens)
    within = ~found.last[:-1]
    row, steps = found.row[:-1][within], np.diff(found.pitch)[within] + 128
    steps = (256 * found.gap[:-1][within] if rhythm else 0) + steps
    count = max(len(row) - notes + 2, 0)
    # one number a run, h_i+1 = h_i * odd + step_i, that starts from the number of its line
    run = row[:count].astype(np.uint64)
    for i in range(notes - 1):
        run = run * _ODD + steps[i : i + count].astype(np.uint64)
    whole = row[:count] == row[len(row) - count :]
    run, row = run[whole], row[:count][whole]
    new = row[np.unique(run, return_index=True)[1]]
    return np.bincount(new, minlength=size) / np.maximum(
        np.bincount(row, minlength=size), 1
    )


def precision_by_votes(
    votes: npt.ArrayLike, actual: npt.ArrayLike, threshold: int
) -> np.ndarray:
    """Of the lines that listeners or judges call a class, the share that are of it, (C,).

    Parameters
    ----------
    votes : array_like of int, shape (N, C)
        For each class.
    actual : array_like of int, shape (N,)
        Classes from 0 on.
    threshold : int
        A line is called the class with most votes if they are more than so many, and no
        other class has as many; else it is absurd. NaN where none is called a class.

    References
    ----------
    Cross Genre Music Generation, Table 1 and Figure 8: "more than 20" of 50 votes.

    Examples
    --------
    >>> precision_by_votes([[30, 20], [20, 30], [10, 40]], [0, 0, 1], 20).tolist()
    [1.0, 0.5]
    """
    votes, top = np.asarray(votes), np.max(votes, axis=1, keepdims=True)
    called = (votes == top) & (votes > threshold)
    called &= called.sum(axis=1, keepdims=True) == 1
    right = called & (np.arange(votes.shape[1]) == np.asarray(actual)[:, None])
    count = called.sum(axis=0)
    return np.where(count > 0, right.sum(axis=0) / np.maximum(count, 1), np.nan)


# --- rows that cost nothing: lines for lines ---


def copied(source: np.ndarray) -> np.ndarray:
    """The source as it is."""
    return np.array(source)


def transposed_lines(source: np.ndarray, seed: int = 0, farthest: int = 6) -> np.ndarray:
    """Each line moved by 1 to `farthest` semitones, up or down; what leaves 42 to 78 comes
    back by octaves.

    Examples
    --------
    >>> moved = transposed_lines([[60, 1, 64, 0]])[0].astype(int)
    >>> int(moved[2] - moved[0]), 1 <= abs(int(moved[0]) - 60) <= 6, moved[[1, 3]].tolist()
    (4, True, [1, 0])
    """
    source, rng = np.asarray(source), np.random.default_rng([seed, 1])
    by = rng.integers(1, farthest + 1, len(source)) * rng.choice([-1, 1], len(source))
    moved = source.astype(int) + by[:, None]
    moved += 12 * np.maximum(-((moved - LOW) // 12), 0)
    moved -= 12 * np.maximum((moved - HIGH + 11) // 12, 0)
    return np.where(source > HOLD, moved, source).astype(np.uint8)


def noise_lines(source: np.ndarray, seed: int = 0) -> np.ndarray:
    """Any pitches from 42 to 78 at any places: as many notes and rests as the source has.

    Examples
    --------
    >>> noise = noise_lines([[60, 1, 64, 0]])[0]
    >>> (noise > 1).tolist().count(True), int(noise[3])
    (2, 0)
    """
    source, rng = np.asarray(source), np.random.default_rng([seed, 2])
    sound = source > REST
    turn = np.where(sound, rng.random(source.shape), 2)
    turn[sound & ~np.pad(sound, ((0, 0), (1, 0)))[:, :-1]] = -1  # sound starts with a note
    turn = turn.argsort(axis=1).argsort(axis=1)
    starts = turn < (source > HOLD).sum(axis=1, keepdims=True)
    pitch = rng.integers(LOW, HIGH + 1, source.shape)
    return np.where(starts, pitch, np.where(sound, HOLD, REST)).astype(np.uint8)


def restruck(tokens: np.ndarray, every: int = 4) -> np.ndarray:
    """The same pitches, struck anew at every eighth (4 steps) on which they sound.

    Examples
    --------
    >>> restruck([[60, 1, 1, 1, 1, 62, 1, 1, 0]]).tolist()
    [[60, 1, 1, 1, 60, 62, 1, 1, 0]]
    """
    tokens = np.asarray(tokens)
    again = (tokens == HOLD) & (np.arange(tokens.shape[1]) % every == 0)
    return np.where(again, pitch_line(tokens), tokens).astype(tokens.dtype)


def blurred(tokens: np.ndarray, over: int = BAR) -> np.ndarray:
    """The source's pitches, each averaged over a bar around it and rounded to semitones: a
    new note starts wherever that changes. It knows nothing of any genre.

    Examples
    --------
    >>> blurred([[60, 1, 1, 1, 64, 1, 1, 1]], over=4).tolist()
    [[60, 1, 1, 61, 62, 63, 64, 1]]
    """
    tokens = np.asarray(tokens)
    before, after = over // 2, over - 1 - over // 2
    padded = np.pad(pitch_line(tokens).astype(float), ((0, 0), (before, after)), "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, over, axis=1)
    pitch = np.where(tokens == REST, 0, np.floor(windows.mean(axis=2) + 0.5))
    change = np.diff(pitch, axis=1, prepend=0) != 0
    made = np.where(change, pitch, HOLD)
    return np.where(pitch == 0, REST, made).astype(tokens.dtype)


def contour(tokens: npt.ArrayLike) -> np.ndarray:
    """Pitches less their mean, of length 1: near in these is high in pitch correlation.

    Examples
    --------
    >>> contour([[60, 62, 60, 62]]).tolist()
    [[-0.5, 0.5, -0.5, 0.5]]
    """
    pitch = pitch_line(tokens).astype(np.float32)
    pitch = pitch - pitch.mean(1, keepdims=True)
    return pitch / np.maximum(np.linalg.norm(pitch, axis=1, keepdims=True), 1e-6)


def nearest_lines(
    source: npt.ArrayLike, target: npt.ArrayLike, describe: Callable = contour
) -> np.ndarray:
    """Of the target's real lines the one most like each of the source's, (N, T).

    Parameters
    ----------
    source, target : array_like of int, shapes (N, T) and (M, T)
    describe : callable
        Lines (N, T) to rows of numbers (N, D), between which Euclid's distance counts. By
        default their `contour`.

    Examples
    --------
    >>> nearest_lines([[60, 1]], [[40, 1], [59, 1]], pitch_line).tolist()
    [[59, 1]]
    """
    a, b = describe(source), describe(target)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b, whose first term is the same for every b
    return np.asarray(target)[((b * b).sum(axis=1) - 2 * a @ b.T).argmin(axis=1)]
