"""Notes as plain values: when each one starts, how long it lasts, how high, how loud.

This is the one currency of the package. Files are read into it, encodings start from it and
return to it, players and plots take it. It knows nothing of files, tracks or instruments
(see `fusiontools.music.midi`).

Two clocks exist in music and are never mixed here: **beats** (what a score counts; a beat
is a quarter note throughout the book) and **seconds** (what a recording counts). Every
`Notes` says which one it uses, and only a `Tempo` turns one into the other. Used in every
chapter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError, UnitError

__all__ = [
    "Note",
    "Notes",
    "Tempo",
    "concatenate",
    "crop",
    "intervals",
    "is_melody",
    "legato",
    "merge",
    "note_name",
    "quantize",
    "shift",
    "to_beats",
    "to_seconds",
    "transpose",
]

UNITS = ("beats", "seconds")
VELOCITY = 80  # a comfortable mezzo-forte, used where a source says nothing about loudness
COLUMNS = ("onset", "duration", "pitch", "velocity")


class Note(NamedTuple):
    """One note, as `Notes` hands it out.

    `onset` and `duration` are in the unit of the `Notes` it came from; `pitch` is a MIDI
    number (60 is middle C); `velocity` runs from 1 to 127.
    """

    onset: float
    duration: float
    pitch: int
    velocity: int = VELOCITY


@dataclass(frozen=True, eq=False)
class Notes:
    """A list of notes, held as four arrays, sorted by onset and then by pitch.

    Parameters
    ----------
    onset, duration : array_like of float, shape (N,)
        Start and length of each note, in `unit`. Durations are positive.
    pitch : array_like of int, shape (N,)
        MIDI pitch, 0 to 127.
    velocity : array_like of int, shape (N,), optional
        Loudness, 1 to 127. Default 80 for all.
    unit : {"beats", "seconds"}
        The clock of onsets and durations. A beat is a quarter note.

    Raises
    ------
    UnitError
        If `unit` is neither "beats" nor "seconds".
    ValueError
        If the arrays differ in length or hold impossible values.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1, 1, 64), (2, 2, 67)])
    >>> len(tune), tune.end, tune.pitch.tolist()
    (3, 4.0, [60, 64, 67])
    >>> tune[1:].onset.tolist()
    [1.0, 2.0]
    """

    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray = None  # type: ignore[assignment]  # an array once it is made
    unit: str = field(default="beats", kw_only=True)

    def __post_init__(self):
        if self.unit not in UNITS:
            found = f"the unit is {self.unit!r}"
            raise UnitError(found, do="say unit='beats' or unit='seconds'")
        onset = np.asarray(self.onset, dtype=np.float64)
        duration = np.asarray(self.duration, dtype=np.float64)
        pitch = _whole(self.pitch, "pitch")
        velocity = np.full(onset.shape, VELOCITY)
        if self.velocity is not None:
            velocity = _whole(self.velocity, "velocity")
        columns = (onset, duration, pitch, velocity)
        if any(c.ndim != 1 or len(c) != len(onset) for c in columns):
            raise ValueError(
                "note arrays must be one-dimensional and of one length, "
                f"found shapes {[c.shape for c in columns]}"
            )
        if not (np.isfinite(onset).all() and np.isfinite(duration).all()):
            raise ValueError("onsets and durations must be finite numbers")
        if (duration <= 0).any():
            raise ValueError(
                f"a note lasts {duration.min()} {self.unit}; durations must be positive"
            )
        for name, column, low in (("pitch", pitch, 0), ("velocity", velocity, 1)):
            if ((column < low) | (column > 127)).any():
                raise ValueError(
                    f"{name} runs from {column.min()} to {column.max()}; "
                    f"MIDI knows {low} to 127"
                )
        order = np.lexsort((pitch, onset))  # last key sorts first: onset, then pitch
        for name, column in zip(COLUMNS, columns):
            kind = np.float64 if name in ("onset", "duration") else np.int16
            column = column[order].astype(kind)
            column.setflags(write=False)  # a value, not a state
            object.__setattr__(self, name, column)

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]], unit: str = "beats") -> Notes:
        """Build notes from rows: ``(onset, duration, pitch)``, perhaps with a velocity."""
        columns = list(zip(*(Note(*row) for row in rows))) or [()] * 4
        return cls(*(np.array(column) for column in columns), unit=unit)

    def __len__(self) -> int:
        return len(self.onset)

    def __iter__(self) -> Iterator[Note]:
        rows = zip(*(getattr(self, c).tolist() for c in COLUMNS))
        return (Note(*row) for row in rows)

    def __getitem__(self, which: Any) -> Any:
        """One `Note` for an integer; `Notes` for a slice, a boolean mask or a list."""
        columns = [getattr(self, c)[which] for c in COLUMNS]
        if isinstance(which, (int, np.integer)):
            return Note(*(value.item() for value in columns))
        return Notes(*columns, unit=self.unit)

    def __eq__(self, other):
        if not isinstance(other, Notes):
            return NotImplemented
        same = [np.array_equal(getattr(self, c), getattr(other, c)) for c in COLUMNS]
        return self.unit == other.unit and all(same)

    def __repr__(self):
        if not len(self):
            return f"Notes(none, unit={self.unit!r})"
        low, high = note_name(self.pitch.min()), note_name(self.pitch.max())
        span = f"{self.onset[0]:g} to {self.end:g} {self.unit}"
        return f"Notes({len(self)} notes, {low} to {high}, {span})"

    @property
    def offset(self) -> np.ndarray:
        """When each note stops, shape (N,), in `unit`."""
        return self.onset + self.duration

    @property
    def end(self) -> float:
        """When the last note stops, in `unit`; 0.0 if there is none."""
        return float(self.offset.max()) if len(self) else 0.0


def _whole(values, name):
    """Whole numbers as int64: a pitch of 60.5 is an error, never a silent 60."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        whole = np.array_equal(array, np.round(array))
        if not (whole and (np.abs(array) < 2**63).all()):  # what int64 can hold
            raise ValueError(f"{name} must be whole numbers")
    return array.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Tempo:
    """A clock face with two scales: which beat falls on which second.

    Parameters
    ----------
    beat, second : array_like of float, shape (K,), K >= 2
        Anchor points, both strictly increasing. Between anchors the tempo is constant;
        before the first and after the last it goes on as it was.

    Raises
    ------
    MusicFileError
        If an anchor would make time stand still or run backwards.

    Examples
    --------
    >>> waltz = Tempo.constant(bpm=90)
    >>> float(waltz.seconds_at(3))
    2.0
    >>> float(waltz.beats_at(2.0))
    3.0
    """

    beat: np.ndarray
    second: np.ndarray

    def __post_init__(self):
        for name in ("beat", "second"):
            anchors = np.array(getattr(self, name), dtype=np.float64)
            several = anchors.ndim == 1 and len(anchors) > 1
            steps = np.diff(anchors) if several else -1
            if not (np.isfinite(steps) & (steps > 0)).all():
                found = f"the {name}s of the tempo map do not increase"
                do = "repair the tempo track, or give a constant tempo"
                raise MusicFileError(found, do=do)
            anchors.setflags(write=False)
            object.__setattr__(self, name, anchors)
        if len(self.beat) != len(self.second):
            raise ValueError(
                f"{len(self.beat)} beats against {len(self.second)} seconds in a tempo map"
            )

    @classmethod
    def constant(cls, bpm: float = 120.0) -> Tempo:
        """One tempo throughout, in quarter notes a minute."""
        if not 0 < bpm < float("inf"):
            found = f"a tempo of {bpm} beats a minute"
            raise MusicFileError(found, do="give a positive tempo, such as 120")
        return cls(np.array([0.0, 1.0]), np.array([0.0, 60.0 / bpm]))

    @classmethod
    def of(cls, beat: npt.ArrayLike, pace: npt.ArrayLike, per_second: float = 1.0) -> Tempo:
        """Tempo changes on beats, shape (K,), the last of which goes on.

        `pace` is how long a beat lasts from each of them on, shape (K,), in units of which
        `per_second` make a second.

        Examples
        --------
        >>> Tempo.of([0, 4], [0.5, 1]).bpm.tolist()
        [120.0, 60.0]
        """
        beat = np.asarray(beat, dtype=np.float64)
        beat = np.append(beat, beat[-1] + 1.0)  # one more anchor gives the last slope
        second = np.cumsum(np.diff(beat) * np.asarray(pace) / per_second)
        return cls(beat, np.append(0.0, second))

    def __eq__(self, other):
        if not isinstance(other, Tempo):
            return NotImplemented
        same_seconds = np.array_equal(self.second, other.second)
        return same_seconds and np.array_equal(self.beat, other.beat)

    def __repr__(self):
        bpm = self.bpm
        if np.allclose(bpm, bpm[0]):
            return f"Tempo({bpm[0]:.4g} bpm)"
        return f"Tempo({bpm.min():.4g} to {bpm.max():.4g} bpm)"

    @property
    def bpm(self) -> np.ndarray:
        """Tempo between each anchor and the next, shape (K - 1,), in beats a minute."""
        return 60.0 * np.diff(self.beat) / np.diff(self.second)

    def seconds_at(self, beat: npt.ArrayLike) -> np.ndarray:
        """The second on which each beat falls; any shape."""
        return _interpolate(beat, self.beat, self.second)

    def beats_at(self, second: npt.ArrayLike) -> np.ndarray:
        """The beat that falls on each second; any shape."""
        return _interpolate(second, self.second, self.beat)


def _interpolate(x, xs, ys):
    """Piecewise linear through the anchors; first and last slope go on outside them."""
    x = np.asarray(x, dtype=np.float64)
    i = np.clip(np.searchsorted(xs, x, side="right") - 1, 0, len(xs) - 2)
    return ys[i] + (x - xs[i]) * (ys[i + 1] - ys[i]) / (xs[i + 1] - xs[i])


def _need(notes, unit, what):
    if notes.unit != unit:
        other = "to_beats" if unit == "beats" else "to_seconds"
        found = f"{what} needs {unit}, and these notes are in {notes.unit}"
        raise UnitError(found, do=f"convert them with {other}(notes, tempo)")


def to_seconds(notes: Notes, tempo: Tempo | float) -> Notes:
    """Put notes from the score's clock on the recording's.

    Parameters
    ----------
    notes : Notes
        In beats.
    tempo : Tempo or float
        A tempo map, or beats a minute.

    Returns
    -------
    Notes
        The same notes, in seconds.

    Raises
    ------
    UnitError
        If the notes are in seconds already.

    Examples
    --------
    >>> to_seconds(Notes.of([(2, 1, 60)]), 120).onset.tolist()
    [1.0]
    """
    _need(notes, "beats", "to_seconds")
    return _on_clock(notes, _tempo(tempo).seconds_at, "seconds")


def to_beats(notes: Notes, tempo: Tempo | float) -> Notes:
    """Put notes from the recording's clock on the score's: the inverse of `to_seconds`.

    Examples
    --------
    >>> to_beats(Notes.of([(1.0, 0.5, 60)], unit="seconds"), 120)[0].onset
    2.0
    """
    _need(notes, "seconds", "to_beats")
    return _on_clock(notes, _tempo(tempo).beats_at, "beats")


def _tempo(tempo):
    return tempo if isinstance(tempo, Tempo) else Tempo.constant(tempo)


def _on_clock(notes, clock, unit):
    onset = clock(notes.onset)
    return Notes(onset, clock(notes.offset) - onset, notes.pitch, notes.velocity, unit=unit)


def transpose(notes: Notes, semitones: int) -> Notes:
    """Move every note up (or down) by a number of semitones.

    Raises
    ------
    ValueError
        If a note would leave MIDI's 0 to 127.

    Examples
    --------
    >>> transpose(Notes.of([(0, 1, 60)]), -12)[0].pitch
    48
    """
    return replace(notes, pitch=notes.pitch.astype(np.int64) + semitones)


def shift(notes: Notes, by: float) -> Notes:
    """Move every note later (or earlier) by `by`, in the notes' own unit."""
    return replace(notes, onset=notes.onset + by)


def crop(notes: Notes, start: float, stop: float) -> Notes:
    """The notes that start in ``[start, stop)``, cut at `stop`, with `start` as new zero.

    Examples
    --------
    >>> crop(Notes.of([(0, 1, 60), (1, 4, 62)]), 1, 3)
    Notes(1 notes, D4 to D4, 0 to 2 beats)
    """
    inside = notes[(notes.onset >= start) & (notes.onset < stop)]
    duration = np.minimum(inside.duration, stop - inside.onset)
    return replace(inside, onset=inside.onset - start, duration=duration)


def merge(*parts: Notes) -> Notes:
    """Several `Notes` sounding together, as one; of none, none in beats."""
    if not parts:
        return Notes.of([])
    unit = parts[0].unit
    for part in parts:
        _need(part, unit, "merge")
    columns = (np.concatenate([getattr(p, c) for p in parts]) for c in COLUMNS)
    return Notes(*columns, unit=unit)


def concatenate(parts: Sequence[Notes], lengths: npt.ArrayLike) -> Notes:
    """Several `Notes` one after the other.

    Parameters
    ----------
    parts : sequence of Notes
        All in one unit.
    lengths : float or sequence of float
        How long each part takes, in that unit: a bar's silence at its end counts, so the
        notes alone cannot say.

    Examples
    --------
    >>> bar = Notes.of([(0, 1, 60)])
    >>> concatenate([bar, bar], 4).onset.tolist()
    [0.0, 4.0]
    """
    lengths = np.broadcast_to(np.asarray(lengths, dtype=float), (len(parts),))
    starts = np.cumsum(lengths) - lengths
    return merge(*(shift(part, start) for part, start in zip(parts, starts)))


def quantize(notes: Notes, step: float = 0.25) -> Notes:
    """Pull onsets and ends to multiples of `step` beats; no note gets under one step.

    Parameters
    ----------
    notes : Notes
        In beats.
    step : float
        Grid in beats: 0.25 is a 16th note.

    Examples
    --------
    >>> quantize(Notes.of([(0.9, 0.3, 60)]), 0.25)[0]
    Note(onset=1.0, duration=0.25, pitch=60, velocity=80)
    """
    _need(notes, "beats", "quantize")
    # halves go up, always: np.round would send them to even numbers
    first = np.floor(notes.onset / step + 0.5)
    last = np.maximum(np.floor(notes.offset / step + 0.5), first + 1)
    return replace(notes, onset=first * step, duration=(last - first) * step)


def is_melody(notes: Notes, tolerance: float = 1e-6) -> bool:
    """Whether at most one note sounds at any time; overlaps up to `tolerance` may be."""
    return bool((notes.onset[1:] - notes.offset[:-1] >= -tolerance).all())


def legato(notes: Notes) -> Notes:
    """Cut every note where the next one starts, so that a played melody is a melody.

    Of notes that start together the highest stays. Onsets up to a millionth of the unit
    apart are one: sums of thirds may differ in their last digit.

    Examples
    --------
    >>> legato(Notes.of([(0, 2, 60), (1, 1, 64)])).duration.tolist()
    [1.0, 1.0]
    """
    if not len(notes):
        return notes
    group = np.cumsum(np.append(False, np.diff(notes.onset) > 1e-6))
    order = np.lexsort((notes.pitch, group))
    # the last of a group is the highest
    top = notes[order[np.append(np.diff(group) > 0, True)]]
    gap = np.append(np.diff(top.onset), np.inf)
    return replace(top, duration=np.minimum(top.duration, gap))


def intervals(notes: Notes) -> np.ndarray:
    """Steps from each note's pitch to the next one's, in semitones, shape (N - 1,).

    Examples
    --------
    >>> intervals(Notes.of([(0, 1, 60), (1, 1, 64), (2, 1, 62)])).tolist()
    [4, -2]
    """
    return np.diff(notes.pitch)


NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def note_name(pitch: int) -> str:
    """A MIDI pitch as musicians write it: 60 is C4.

    Examples
    --------
    >>> note_name(60), note_name(69), note_name(58)
    ('C4', 'A4', 'A#3')
    """
    return f"{NAMES[int(pitch) % 12]}{int(pitch) // 12 - 1}"
