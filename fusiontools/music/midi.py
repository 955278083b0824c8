"""MIDI files, in and out.

A file becomes a `Piece`: tracks of `Notes` in beats, a `Tempo`, the meters. symusic does
the parsing (a thousand files a second); this module looks at the bytes first, so that a bad
file is refused with its reason and never half read. Used in chapters 1, 3, 4, 5 and 6.
"""

import re
import struct
from dataclasses import dataclass, field, replace

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.files import read_limited, write_whole
from fusiontools.music.notes import Notes, Tempo, _need, crop, merge

__all__ = [
    "Meter",
    "Piece",
    "Track",
    "bar_lines",
    "crop_piece",
    "piece_from_bytes",
    "piece_from_seconds",
    "read_midi",
    "write_midi",
]

TICKS_PER_BEAT = 480  # divides by 24 (piano rolls), by 4 (16ths) and by 3 (triplets)
# a beat, 3,000 to 3.5763 bpm: below lies a damaged event, above what MIDI cannot say
MICROSECONDS = (20_000, 0xFFFFFF)
LONGEST_HOURS = 6.0  # a damaged time stamp easily asks for a year of silence
LAST_TICK = 0x0FFFFFFF  # what a time stamp can say: 155 hours at 120 bpm
LARGEST = 64_000_000  # bytes; a long symphony takes one million
AGAIN = "export the file again from the program that made it, or leave it out"


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
        if not _is_meter(self.numerator, self.denominator) or not np.isfinite(self.beat):
            raise ValueError(
                f"no meter: {self.numerator}/{self.denominator} from beat {self.beat} on"
            )

    @property
    def bar(self):
        """Length of a bar in beats (quarter notes)."""
        return 4.0 * self.numerator / self.denominator

    def __str__(self):
        return f"{self.numerator}/{self.denominator}"


def _is_meter(numerator, denominator):
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
    """A MIDI file as a value.

    `meters` is never empty: a file that names no meter is in 4/4, as MIDI prescribes.
    `tempo` likewise is 120 bpm. `bars` are the beats on which its bars start, as the file
    has them, from the first one on (below zero for an upbeat); None where they follow from
    the meters, as in every MIDI file. `bar_lines` gives them in either case.
    """

    tracks: tuple = ()
    tempo: Tempo = field(default_factory=Tempo.constant)
    meters: tuple = (Meter(0.0),)
    title: str = ""
    bars: tuple | None = None

    def notes(self, drums=False):
        """All tracks' notes in beats; drums, whose pitches are none, only if asked for."""
        parts = [t.notes for t in self.tracks if drums or not t.is_drum]
        return merge(*parts) if parts else Notes.of([])


def read_midi(path):
    """Read a Standard MIDI File.

    Parameters
    ----------
    path : str or path-like
        A ``.mid`` file of 64 MB at most.

    Returns
    -------
    Piece
        A note whose key never goes up is left out: nobody can say how long it lasts. So is
        a time signature that is no `Meter`.

    Raises
    ------
    MusicFileError
        If the file is missing, empty, truncated, not MIDI, or its times are absurd; or if
        its format is 2, a set of patterns that do not sound together.
    NoNotesError
        If it holds no note.

    Examples
    --------
    >>> import tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "one.mid")
    >>> write_midi(Notes.of([(0, 1, 60)]), path)
    >>> read_midi(path).tracks[0].notes
    Notes(1 notes, C4 to C4, 0 to 1 beats)
    """

    def check(head):
        if head[:4] not in (b"", b"RIFF"):
            _check_start(head, path)

    return piece_from_bytes(read_limited(path, LARGEST, check), path)


def piece_from_bytes(data, where="MIDI data"):
    """Like `read_midi`, from bytes at hand (an upload, a member of an archive).

    `where` names them in messages.
    """
    from symusic import Score

    data = _check_chunks(_unwrap_riff(bytes(data)), where)
    try:
        score = Score.from_midi(data)
    except Exception as error:  # RuntimeError, ValueError and worse, by symusic's version
        found = f"not readable as MIDI ({_first_line(error)})"
        raise MusicFileError(found, where, AGAIN) from None
    tpq = score.ticks_per_quarter
    tracks = tuple(_track(t, tpq) for t in score.tracks)
    tracks = tuple(t for t in tracks if len(t.notes))
    if not tracks:
        found = "a MIDI file without a single note"
        do = "choose another file; this one may hold only tempo or lyrics"
        raise NoNotesError(found, where, do)
    tempo = _tempo([(e.time / tpq, e.mspq) for e in score.tempos], where)
    hours = float(tempo.seconds_at(max(t.notes.end for t in tracks))) / 3600
    if not hours <= LONGEST_HOURS:
        raise MusicFileError(f"its last note ends after {hours:.3g} hours", where, AGAIN)
    meters = _meters(score.time_signatures, tpq)
    return Piece(tracks, tempo, meters, title=score.tracks[0].name)


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]


def _unwrap_riff(data):
    """Some old files hold MIDI inside a RIFF container: it starts at MThd."""
    start = data.find(b"MThd", 0, 4096) if data[:4] == b"RIFF" else 0
    return data[start:] if start > 0 else data


def _check_chunks(data, where):
    """Refuse what cannot be a whole MIDI file, before any parser sees it."""
    _check_start(data, where)
    if len(data) < 14:
        found = f"truncated: {len(data)} bytes, and the header alone takes 14"
        raise MusicFileError(found, where, AGAIN)
    length, kind, tracks, division = struct.unpack(">IHHH", data[4:14])
    if length < 6 or kind > 2:
        found = f"its header is damaged (length {length}, format {kind})"
        raise MusicFileError(found, where, AGAIN)
    if kind == 2:
        found = "format 2: patterns that do not sound together"
        raise MusicFileError(found, where, "export it as format 0 or 1")
    if division & 0x8000 or division == 0:
        found = "its clock counts film frames or nothing, not fractions of a beat"
        raise MusicFileError(found, where, "export it with ticks per quarter note")
    at, missing_tracks = 8 + length, tracks
    # what stands after the last track is harmless, and common
    while missing_tracks and len(data) - at >= 8:
        missing_tracks -= data[at : at + 4] == b"MTrk"
        size = struct.unpack(">I", data[at + 4 : at + 8])[0]
        if at + 8 + size > len(data):
            missing = at + 8 + size - len(data)
            found = f"truncated: {missing} bytes of a track are missing"
            raise MusicFileError(found, where, AGAIN)
        at += 8 + size
    if missing_tracks:
        found = f"truncated: {missing_tracks} of {tracks} tracks are missing"
        raise MusicFileError(found, where, AGAIN)
    return data


def _check_start(data, where):
    if not data:
        raise MusicFileError("the file is empty", where, AGAIN)
    if data[:4] != b"MThd":
        seen = data[:12].decode("latin-1")
        found = f"not a MIDI file: it starts with {seen!r} where MIDI says 'MThd'"
        raise MusicFileError(found, where, "convert it to Standard MIDI first")


def _track(track, tpq):
    n = track.notes.numpy()
    whole = (n["time"] >= 0) & (n["velocity"] > 0) & (n["pitch"] >= 0)
    n = {k: v[whole].astype(np.int64) for k, v in n.items()}
    # a note that ends where it starts is a click: one tick long
    duration = np.maximum(n["duration"], 1) / tpq
    notes = Notes(n["time"] / tpq, duration, n["pitch"], n["velocity"])
    program = int(np.clip(track.program, 0, 127))
    return Track(notes, program, bool(track.is_drum), track.name)


def _tempo(events, where):
    """The tempo map of ``(beat, microseconds a beat)``; on one beat the last counts."""
    at = dict(sorted(events, key=lambda e: e[0])) or {0.0: 500_000}
    for mspq in at.values():
        if not MICROSECONDS[0] <= mspq <= MICROSECONDS[1]:
            found = f"an absurd tempo of {mspq} microseconds a beat"
            raise MusicFileError(found, where, "repair the tempo track in a MIDI editor")
    if min(at) > 0:
        at = {0.0: 500_000, **at}
    # the last tempo goes on: one more anchor gives its slope
    beats = np.array([*at, max(at) + 1.0])
    seconds = np.cumsum(np.diff(beats) * np.array(list(at.values())) / 1e6)
    return Tempo(beats, np.append(0.0, seconds))


def _meters(signatures, tpq):
    known = [s for s in signatures if _is_meter(s.numerator, s.denominator)]
    found = tuple(Meter(s.time / tpq, s.numerator, s.denominator) for s in known)
    return found if found and found[0].beat == 0 else (Meter(0.0), *found)


def piece_from_seconds(notes, bpm=120.0, **track):
    """A one-track `Piece` from notes in seconds, with a clock of one tempo laid over them.

    Examples
    --------
    >>> played = Notes.of([(1, 1, 60)], unit="seconds")
    >>> piece_from_seconds(played, bpm=60).tracks[0].notes
    Notes(1 notes, C4 to C4, 1 to 2 beats)
    """
    from fusiontools.music.notes import to_beats

    return Piece((Track(to_beats(notes, bpm), **track),), Tempo.constant(bpm))


def write_midi(music, path, bpm=None, program=0):
    """Write a Standard MIDI File, whole or not at all.

    Parameters
    ----------
    music : Piece or Notes
        A piece; or notes in beats, which become its only track.
    path : str or path-like
        Where to. Its folder must exist.
    bpm : float, optional
        For notes: their tempo, default 120. A piece brings its own.
    program : int
        For notes: the General MIDI instrument, 0 is a piano.

    Raises
    ------
    NoNotesError
        If there is nothing to write.
    UnitError
        If the notes are in seconds (see `piece_from_seconds`).
    MusicFileError
        If a file cannot say it, or `read_midi` would refuse it again: notes before beat 0
        or after six hours, a tempo below 3.5763 or above 3,000 bpm, a name that is no text.
        Or if the file cannot be written.
    """
    from symusic import Note, Score, TimeSignature
    from symusic import Tempo as TempoEvent
    from symusic import Track as MidiTrack

    if isinstance(music, Notes):
        _need(music, "beats", "write_midi")
        tempo = Tempo.constant(120.0 if bpm is None else bpm)
        music = Piece((Track(music, program),), tempo)
    elif bpm is not None:
        raise ValueError("a piece brings its own tempo: bpm is for bare notes")
    if not any(len(t.notes) for t in music.tracks):
        raise NoNotesError("there is no note to write", path, "check what was generated")
    for t in music.tracks:
        if not 0 <= t.program <= 127:
            raise ValueError(f"program {t.program}; General MIDI knows 0 to 127")
        # half a character: what is left of a name that was cut between bytes
        if re.search("[\ud800-\udfff]", t.name or music.title):
            found = f"the name {t.name or music.title!a} is no text"
            raise MusicFileError(found, path, "give the track another name")
        if len(t.notes) and t.notes.onset[0] < 0:
            found = f"a note starts on beat {t.notes.onset[0]:g}, and a file starts on 0"
            raise MusicFileError(found, path, "shift the notes first")
    bpm = music.tempo.bpm
    micros = np.rint(60e6 / bpm)
    if not (MICROSECONDS[0] <= micros.min() and micros.max() <= MICROSECONDS[1]):
        found = f"a tempo from {bpm.min():g} to {bpm.max():g} beats a minute"
        raise MusicFileError(found, path, "choose a playable tempo")
    end = max(t.notes.end for t in music.tracks)
    last = max(end, *music.tempo.beat, *(m.beat for m in music.meters))
    hours = float(np.ptp(music.tempo.seconds_at([0, end]))) / 3600
    if not hours <= LONGEST_HOURS or last * TICKS_PER_BEAT >= LAST_TICK:
        found = f"its last note ends on beat {end:g}, after {hours:.3g} hours"
        raise MusicFileError(found, path, "crop the music first")
    score = Score(TICKS_PER_BEAT)
    # A file starts at tick 0: of all that holds before it, the last counts, and the first
    # tempo holds from the start.
    tempos = {0: micros[0]}
    tempos |= {max(_tick(beat), 0): mspq for beat, mspq in zip(music.tempo.beat, micros)}
    for tick, mspq in sorted(tempos.items()):
        score.tempos.append(TempoEvent(tick, mspq=int(mspq)))
    meters = {max(_tick(m.beat), 0): m for m in _upbeat_as_bar(music.meters)}
    for tick, m in sorted(meters.items()):
        score.time_signatures.append(TimeSignature(tick, m.numerator, m.denominator))
    for t in music.tracks:
        track = MidiTrack(t.name or music.title, t.program, t.is_drum)
        for note in t.notes:
            start, stop = _tick(note.onset), _tick(note.onset + note.duration)
            track.notes.append(Note(start, max(stop - start, 1), note.pitch, note.velocity))
        score.tracks.append(track)
    write_whole(path, score.dumps_midi())


def _upbeat_as_bar(meters):
    """An upbeat as a short bar of its own, since a file cannot start before zero.

    Its note value is the coarsest that can say its length.
    """
    meters = _from_zero(meters)
    first, *rest = meters
    left = first.beat % first.bar
    if first.beat >= 0 or not left:
        return meters
    for denominator in (first.denominator, 4, 8, 16, 32, 64):
        count = left * denominator / 4
        if count == round(count) and count < 256 and (not rest or left < rest[0].beat):
            upbeat = Meter(0.0, round(count), denominator)
            return (upbeat, replace(first, beat=left), *rest)
    return meters


def _from_zero(meters):
    """Without the meters that others have replaced by beat 0; never empty."""
    past = [m for m in meters if m.beat <= 0]
    return tuple(past[-1:]) + tuple(m for m in meters if m.beat > 0)


def crop_piece(piece, start, stop):
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
    return Piece(tracks, tempo, _from_zero(meters), piece.title, bars)


def bar_lines(piece, stop=None):
    """The beats on which bars of a piece start, shape (B,).

    They run from 0 up to `stop`, by default the end of its last note.
    """
    stop = max((t.notes.end for t in piece.tracks), default=0.0) if stop is None else stop
    if piece.bars:  # after the last one, bars go on as its meter says
        known = np.array(piece.bars, dtype=float)
        last = [m for m in piece.meters if m.beat <= known[-1]] or piece.meters[:1]
        beats = np.append(known, np.arange(known[-1] + last[-1].bar, stop, last[-1].bar))
        return beats[(beats >= 0) & (beats < stop)]
    lines = []
    for meter, following in zip(piece.meters, (*piece.meters[1:], None)):
        until = stop if following is None else min(following.beat, stop)
        lines.append(np.arange(meter.beat, until, meter.bar))
    beats = np.concatenate(lines)
    return beats[beats >= 0]


def _tick(beat):
    return int(np.floor(beat * TICKS_PER_BEAT + 0.5))
