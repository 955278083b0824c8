"""What judges of genre hear of a short melody: features that a musician can name; its
events, which an n-gram model counts; and planes for a convolutional network. Used in
chapter 3, FusionGAN, by `fusiontools.judges.genre`.

All of it hears lengths in five classes alone, from sixteenths to whole notes: a performed
solo has triplets and odd lengths that a printed tune has not, and whoever hears them tells
transcription from notation, and not jazz from folk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.music.tokens import length_class

if TYPE_CHECKING:
    import torch

    from fusiontools.music.notes import Notes


__all__ = ["FEATURES", "KINDS", "PLANES", "events", "features", "planes", "thirds"]

_LENGTHS = ("1/4", "1/2", "1", "2", "4")  # beats, of each class of `length_class`
PLANES = 39 + len(_LENGTHS)  # of a network's input
# steps are up to 2 semitones, skips up to 5, leaps more
_STEPS = "leap down,skip down,step down,repeat,step up,skip up,leap up".split(",")
_CHANGES = ("shorter", "same", "longer")


def _step_class(intervals):
    """Classes 0 to 6 of `_STEPS`."""
    size = np.abs(intervals)
    kind = np.where(size == 0, 0, np.where(size <= 2, 1, np.where(size <= 5, 2, 3)))
    return 3 + np.sign(intervals).astype(int) * kind


FEATURES = (
    *(f"length {length}" for length in _LENGTHS),
    *(f"then {b}, after {a}" for a in _CHANGES for b in _CHANGES),
    *(f"interval {i:+d}" for i in range(-12, 13)),
    *(f"{a}, {b}" for a in _STEPS for b in _STEPS),
    *(f"pitch class {i}" for i in range(12)),
    "rests",
    "mean length",
    "spread of lengths",
    "range",
    "spread of pitch",
    "turns",
    "longest run of one length",
)


def features(melodies: Sequence[Notes]) -> np.ndarray:
    """The features of the judge.

    Parameters
    ----------
    melodies : sequence of Notes
        In beats, of at least four notes each, on one tonic.

    Returns
    -------
    ndarray of float64, shape (M, len(FEATURES))
        Shares of lengths, of their changes, of intervals, of pairs of steps and of pitch
        classes; then a few single numbers.

    Raises
    ------
    ValueError
        If a melody is too short to be judged.

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> scale = Notes.of([(i, 1, 60 + i) for i in range(8)])
    >>> dict(zip(FEATURES, features([scale])[0].tolist()))["interval +1"]
    1.0
    """
    rows = [_features(notes) for notes in melodies]
    return np.stack(rows) if rows else np.zeros((0, len(FEATURES)))


def _features(notes):
    if len(notes) < 4:
        raise ValueError(
            f"a melody of {len(notes)} notes is too short to be judged: 4 are needed"
        )
    length = length_class(notes.duration)
    change = np.sign(np.diff(length)) + 1
    interval = np.diff(notes.pitch.astype(int))
    step = _step_class(interval)
    runs = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(length) != 0, [True]])))
    turns = np.sign(interval[interval != 0])
    gap = np.maximum(notes.onset[1:] - notes.offset[:-1], 0)
    return np.concatenate(
        [
            _shares(length, len(_LENGTHS)),
            _shares(3 * change[:-1] + change[1:], 9),
            _shares(np.clip(interval, -12, 12) + 12, 25),
            _shares(7 * step[:-1] + step[1:], 49),
            _shares(notes.pitch % 12, 12),
            [
                gap.sum() / (notes.end - notes.onset[0]),
                length.mean(),
                length.std(),
                (notes.pitch.max() - notes.pitch.min()) / 12,
                notes.pitch.std() / 12,
                np.mean(turns[1:] != turns[:-1]) if len(turns) > 1 else 0.0,
                runs.max() / len(notes),
            ],
        ]
    )


def _shares(values, size):
    return np.bincount(values, minlength=size)[:size] / len(values)


def thirds(notes: Notes) -> list[Notes]:
    """The first, the middle and the last third of a melody's notes, three `Notes`."""
    cuts = [len(notes) * k // 3 for k in range(4)]
    return [notes[low:high] for low, high in zip(cuts, cuts[1:])]


KINDS = 25 * len(_LENGTHS)  # of an interval and the length of the note that it leads to


def events(melodies: Sequence[Notes]) -> tuple[np.ndarray, np.ndarray]:
    """Intervals with the length of the note that each leads to: the row of each such event,
    and its number, from 0 to `KINDS` - 1, (E,) twice.
    """
    leaps = [np.clip(np.diff(m.pitch.astype(int)), -12, 12) + 12 for m in melodies]
    pairs = zip(leaps, melodies)
    found = [leap * len(_LENGTHS) + length_class(m.duration)[1:] for leap, m in pairs]
    row = np.repeat(np.arange(len(melodies)), [len(own) for own in found])
    return row, np.concatenate([np.zeros(0, int), *found])


def planes(melodies: Sequence[Notes]) -> torch.Tensor:
    """Interval into each note, its length and its pitch class, a rest before it, and that
    there is a note: (M, PLANES, T).
    """
    import torch

    x = np.zeros((len(melodies), PLANES, max(map(len, melodies), default=1)), np.float32)
    for row, notes in zip(x, melodies):
        at, leap = np.arange(len(notes)), np.diff(notes.pitch.astype(int))
        row[np.clip(leap, -12, 12) + 12, at[1:]] = 1
        row[25 + length_class(notes.duration), at] = 1
        row[PLANES - 14 + notes.pitch.astype(int) % 12, at] = 1
        row[PLANES - 2, at[1:]] = notes.onset[1:] - notes.offset[:-1] > 0.01
        row[PLANES - 1, at] = 1
    return torch.from_numpy(x)
