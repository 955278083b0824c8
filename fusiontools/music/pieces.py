"""A piece of music as a value: tracks of notes in beats, a tempo, meters, bars.

Which file it came from, or goes into, it does not know. Used in every chapter but 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fusiontools.errors import MusicFileError
from fusiontools.music.notes import Notes, Tempo, _need, crop, merge, to_beats

__all__ = ["Meter", "Piece", "Track", "bar_lines", "check_length", "crop_piece"]
__all__ += ["from_zero", "is_meter", "piece_from_seconds"]

LONGEST_HOURS = 6.0  # a damaged time stamp easily asks for a year of silence
MOST_BARS = 200_000  # and beats: six hours of them at 555 bpm


@dataclass(frozen=True)
class Meter:
    """A time signature, counted from `beat` on.

    To the bar it has `numerator` notes of one `denominator`-th.

    A first meter with `beat` below zero means an upbeat (anacrusis): with -3.0 in 4/4, the
    first bar line falls on beat 1.

    Raises
    ------
    ValueError
        If the numerator is not 1 to 255, or the denominator no power of two up to 64: what
        MIDI can say and music uses.
    """

    beat: float
    numerator: int = 4
    denominator: int = 4

    def __post_init__(self):
        if not is_meter(self.numerator, self.denominator) or not np.isfinite(self.beat):
            raise ValueError(
                f"no meter: {self.numerator}/{self.denominator} from beat {self.beat} on"
            )

    @property
    def bar(self) -> float:
        """Length of a bar in beats (quarter notes)."""
        return 4.0 * self.numerator / self.denominator

    def __str__(self):
        return f"{self.numerator}/{self.denominator}"


def is_meter(numerator: int, denominator: int) -> bool:
    """Whether MIDI can say a meter and music uses it.

    Examples
    --------
    >>> is_meter(7, 8), is_meter(4, 6)
    (True, False)
    """
    return numerator in range(1, 256) and denominator in (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Track:
    """One instrument's notes, in beats: a `UnitError` if they are in seconds.

    `program` is its General MIDI number, 0 to 127.
    """

    notes: Notes
    program: int = 0
    is_drum: bool = False
    name: str = ""

    def __post_init__(self):
        _need(self.notes, "beats", "a track")


@dataclass(frozen=True)
class Piece:
    """A file of notes as a value.

    `meters` is never empty: a file that names no meter is in 4/4, as MIDI prescribes.
    `tempo` likewise is 120 bpm. `bars` are the beats on which its bars start, as the file
    has them, from the first one on (below zero for an upbeat); None where they follow from
    the meters, as in every MIDI file. `bar_lines` gives them in either case. `said` has a
    sentence for each thing that was mended or left out when the file was read.
    """

    tracks: tuple = ()
    tempo: Tempo = field(default_factory=Tempo.constant)
    meters: tuple = (Meter(0.0),)
    title: str = ""
    bars: tuple | None = None
    said: tuple = ()

    def notes(self, drums: bool = False) -> Notes:
        """All tracks' notes in beats; drums, whose pitches are none, only if asked for."""
        parts = [t.notes for t in self.tracks if drums or not t.is_drum]
        return merge(*parts) if parts else Notes.of([])


def piece_from_seconds(notes: Notes, bpm: float = 120.0, **track: Any) -> Piece:
    """A one-track `Piece` from notes in seconds, with a clock of one tempo laid over them.

    Examples
    --------
    >>> played = Notes.of([(1, 1, 60)], unit="seconds")
    >>> piece_from_seconds(played, bpm=60).tracks[0].notes
    Notes(1 notes, C4 to C4, 1 to 2 beats)
    """
    return Piece((Track(to_beats(notes, bpm), **track),), Tempo.constant(bpm))


def crop_piece(piece: Piece, start: float, stop: float) -> Piece:
    """The part of a piece between two beats, with `start` as the new beat 0.

    Tracks that are silent there are left out.

    Examples
    --------
    >>> piece = Piece((Track(Notes.of([(0, 1, 60), (4, 1, 62)])),))
    >>> crop_piece(piece, 4, 8).tracks[0].notes
    Notes(1 notes, D4 to D4, 0 to 1 beats)
    """
    tracks = [replace(t, notes=crop(t.notes, start, stop)) for t in piece.tracks]
    tracks = tuple(t for t in tracks if len(t.notes))
    tempo = piece.tempo
    tempo = Tempo(tempo.beat - start, tempo.second - tempo.seconds_at(start))
    meters = [replace(m, beat=m.beat - start) for m in piece.meters if m.beat < stop]
    bars = piece.bars
    if bars is not None:  # the bar that is cut into begins before the part does
        lines = [beat - start for beat in bars if beat < stop]
        bars = tuple(b for b, end in zip(lines, [*lines[1:], np.inf]) if end > 0)
    return replace(piece, tracks=tracks, tempo=tempo, meters=from_zero(meters), bars=bars)


def bar_lines(piece: Piece, stop: float | None = None) -> np.ndarray:
    """The beats on which bars of a piece start, shape (B,).

    They run from 0 up to `stop`, by default the end of its last note.

    Raises
    ------
    MusicFileError
        If there are more than 200,000.
    """
    stop = max((t.notes.end for t in piece.tracks), default=0.0) if stop is None else stop
    known = np.array(piece.bars or (), dtype=float)
    if len(known):  # after the last one, bars go on as its meter says
        last = [m for m in piece.meters if m.beat <= known[-1]] or piece.meters[:1]
        spans = [(known[-1] + last[-1].bar, stop, last[-1].bar)]
    else:
        ends = (*(min(m.beat, stop) for m in piece.meters[1:]), stop)
        # of an upbeat, and of what was cropped away, no bar is counted
        starts = (m.beat if m.beat >= 0 else m.beat % m.bar for m in piece.meters)
        spans = [(a, b, m.bar) for a, b, m in zip(starts, ends, piece.meters)]
    count = len(known) + sum(max(end - start, 0) / bar for start, end, bar in spans)
    if not count <= MOST_BARS:
        found = f"{count:,.0f} bars, and {MOST_BARS:,} are the most"
        raise MusicFileError(found, piece.title or None, "crop the music first")
    beats = np.concatenate([known, *(np.arange(*span) for span in spans)])
    return beats[(beats >= 0) & (beats < stop)]


def check_length(piece: Piece, where: object, do: str) -> None:
    """Refuse a piece so long that what counts its beats or bars would never end.

    Parameters
    ----------
    piece : Piece
    where : object
        What messages call it.
    do : str
        What its owner can do.

    Raises
    ------
    MusicFileError
        If it lasts more than six hours, or 200,000 beats or bars.
    """
    end = max(t.notes.end for t in piece.tracks)
    hours = float(np.ptp(piece.tempo.seconds_at([0, end]))) / 3600
    if not (hours <= LONGEST_HOURS and end <= MOST_BARS):
        found = f"its last note ends on beat {end:.0f}, after {hours:.3g} hours"
        raise MusicFileError(found, where, do)
    try:
        bar_lines(piece)
    except MusicFileError as error:
        raise MusicFileError(error.found, where, do) from None


def from_zero(meters: Sequence[Meter]) -> tuple[Meter, ...]:
    """Without the meters that others have replaced by beat 0; never empty.

    Examples
    --------
    >>> [str(m) for m in from_zero([Meter(-4.0, 3, 4), Meter(-1.0, 2, 4), Meter(6.0)])]
    ['2/4', '4/4']
    """
    past = [m for m in meters if m.beat <= 0]
    return tuple(past[-1:]) + tuple(m for m in meters if m.beat > 0)
