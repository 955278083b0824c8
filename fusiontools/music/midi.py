"""MIDI files, in and out.

A file becomes a `Piece`: tracks of `Notes` in beats, a `Tempo`, the meters. What its bytes
say is for `fusiontools.music.midi_bytes`. Used in chapters 1, 3, 4, 5 and 6.
"""

import bisect
import os
import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.files import read_limited, write_whole
from fusiontools.music.midi_bytes import (
    AGAIN,
    LARGEST,
    METER,
    NAME,
    PORT,
    TEMPO,
    check_start,
    meta_event,
    midi_file,
    read_events,
    track_chunk,
)
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
MOST_BARS = 200_000  # and beats: six hours of them at 555 bpm
MOST_TRACKS = 1_920  # 128 ports of 15 channels, the drums' aside
DRUMS = 9  # their channel, on every port


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
    def bar(self) -> float:
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


def read_midi(path: str | os.PathLike) -> Piece:
    """Read a Standard MIDI File.

    Parameters
    ----------
    path : str or path-like
        A ``.mid`` or ``.rmi`` file of 10 MB at most.

    Returns
    -------
    Piece
        Notes are as a synthesiser plays them: a key that is struck again before it went up
        ends there and starts anew. A note whose key never goes up is left out: nobody can
        say how long it lasts. So is a time signature that is no `Meter`. Values over 127
        are 127. All this is in `said`. Names are UTF-8, or else Latin-1.

    Raises
    ------
    MusicFileError
        If the file is missing, empty, truncated, not MIDI, or holds what is no event; if
        its times are absurd: more than six hours, or 200,000 beats or bars; if it has more
        than 1,920 tracks; or if its format is 2, a set of patterns that do not sound
        together.
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
            check_start(head, path)

    return piece_from_bytes(read_limited(path, LARGEST, check), path)


def piece_from_bytes(data: bytes, where: object = "MIDI data") -> Piece:
    """Like `read_midi`, from bytes at hand (an upload, a member of an archive).

    `where` names them in messages.
    """
    events = read_events(bytes(data), where)
    said = list(events.said)
    tempo = _tempo(events, where)
    meters = _meters(events, said)
    tracks = _tracks(events, where, said)
    if not tracks:
        found = "a MIDI file without a single note"
        do = "choose another file; this one may hold only tempo or lyrics"
        raise NoNotesError(found, where, do)
    piece = Piece(tracks, tempo, meters, title=tracks[0].name, said=tuple(said))
    _check_length(piece, where, AGAIN)
    return piece


def _tempo(events, where):
    """The tempo map; of several tempi on one tick the last counts."""
    changes = sorted((m for m in events.metas if m.kind == TEMPO), key=lambda m: m.tick)
    at = {0: 500_000}
    for meta in changes:
        if len(meta.data) < 3:
            found = f"a tempo of {len(meta.data)} bytes, where MIDI says three"
            raise MusicFileError(found, where, AGAIN)
        at[meta.tick] = micros = int.from_bytes(meta.data[:3], "big")
        if not MICROSECONDS[0] <= micros <= MICROSECONDS[1]:
            found = f"an absurd tempo of {micros} microseconds a beat"
            raise MusicFileError(found, where, "repair the tempo track in a MIDI editor")
    # the last tempo goes on: one more anchor gives its slope
    beats = np.array([*at]) / events.division
    beats = np.append(beats, beats[-1] + 1.0)
    seconds = np.cumsum(np.diff(beats) * np.array(list(at.values())) / 1e6)
    return Tempo(beats, np.append(0.0, seconds))


def _meters(events, said):
    """Time signatures; of several on one tick the last counts."""
    at, passed = {}, 0
    for meta in sorted((m for m in events.metas if m.kind == METER), key=lambda m: m.tick):
        numerator, power = meta.data[:2] if len(meta.data) > 1 else (0, 0)
        if _is_meter(numerator, 2**power):
            at[meta.tick] = Meter(meta.tick / events.division, numerator, 2**power)
        else:
            passed += 1
    if passed:
        said.append(f"Time signatures that make no bar: {passed}, passed over.")
    return tuple(at.values()) if 0 in at else (Meter(0.0), *at.values())


def _tracks(events, where, said):
    """The notes, by chunk, channel and instrument."""
    struck, until, open_ = _sounding(events)
    if open_:
        lost = "last until the key is struck again, or are left out"
        said.append(f"Notes whose key does not go up: {open_}; they {lost}.")
    lane, programs = _lanes(events, struck), _programs(events, struck)
    part = lane * 128 + programs
    order = np.argsort(part, kind="stable")
    borders = np.flatnonzero(np.diff(part[order])) + 1
    if len(borders) >= MOST_TRACKS:
        found = (
            f"{len(borders) + 1:,} tracks, and {MOST_TRACKS:,} are the most that is read"
        )
        raise MusicFileError(found, where, "leave it out: no music has so many")
    names = {m.track: _text(m.data) for m in events.metas if m.kind == NAME}
    # a note that ends where it starts is a click: one tick long
    length = np.maximum(until - events.tick[struck], 1) / events.division
    tracks = []
    for these in np.split(order, borders) if len(order) else ():
        own = struck[these]
        onset = events.tick[own] / events.division
        notes = Notes(onset, length[these], events.first[own], events.second[own])
        chunk, channel = divmod(int(lane[these[0]]), 16)
        program = int(programs[these[0]])
        tracks.append(Track(notes, program, channel == DRUMS, names.get(chunk, "")))
    return tuple(tracks)


def _text(data):
    """A file names no encoding: UTF-8 is seldom mistaken, and Latin-1 loses nothing."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _lanes(events, which):
    """Chunk and channel as one number."""
    return events.track[which] * 16 + (events.status[which] & 0x0F)


def _sounding(events):
    """Which events strike a key that goes up again, on which tick it does, and how many
    events strike one that does not.
    """
    keys = np.flatnonzero(events.status < 0xA0)
    lane = _lanes(events, keys) * 128 + events.first[keys]
    # 16 bits are sorted five times as fast, and lanes that share them are of chunks that
    # follow each other
    order = np.argsort(lane.astype(np.uint16), kind="stable")
    keys, lane = keys[order], lane[order]
    tick = events.tick[keys]
    down = (events.status[keys] >= 0x90) & (events.second[keys] > 0)
    borders = np.flatnonzero(np.diff(lane)) + 1
    pair = down[:-1] & ~down[1:]
    pair[borders - 1] = False
    # nearly every key goes down and up by turns; the others are untangled one by one
    left = np.ones(len(keys), bool)
    left[:-1] &= ~pair
    left[1:] &= ~pair
    struck, until, open_ = [], [], 0
    for a, b in _runs(borders, np.flatnonzero(left), len(keys)):
        pair[a : b - 1] = False
        pairs, more = _untangle(tick[a:b].tolist(), down[a:b].tolist())
        struck += [a + i for i, _ in pairs]
        until += [stop for _, stop in pairs]
        open_ += more
    clean = np.flatnonzero(pair)
    struck = np.append(clean, np.array(struck, np.int64))
    until = np.append(tick[clean + 1], np.array(until, np.int64))
    order = np.argsort(struck)
    return keys[struck][order], until[order], open_


def _runs(borders, inside, end):
    """The stretches between borders in which something lies."""
    edges = np.concatenate([[0], borders, [end]])
    which = np.unique(np.searchsorted(edges, inside, side="right"))
    return zip(edges[which - 1].tolist(), edges[which].tolist())


def _untangle(tick, down):
    """The notes of one key, as ``(event, tick of its end)``, and how many lack an up.

    Of notes that are down together the oldest goes up first. But an up may be missing, and
    would be missed by every later note, too. So what is struck and goes up is matched like
    brackets, and a note that no bracket closes lasts until the key is struck again, as on a
    synthesiser.
    """
    open_, closed, ups = [], [], []
    for i, struck in enumerate(down):
        if struck:
            open_.append(i)
        elif open_:
            closed.append(open_.pop())
            ups.append(tick[i])
    later = [bisect.bisect_right(tick, tick[i]) for i in open_]
    mended = [(i, tick[k]) for i, k in zip(open_, later) if k < len(tick)]
    return [*zip(sorted(closed), ups), *mended], len(open_)


def _programs(events, struck):
    """The instrument that each of these events sounds with: its channel's last change."""
    changes = np.flatnonzero(events.status & 0xF0 == 0xC0)
    changes = changes[np.argsort(_lanes(events, changes), kind="stable")]
    if not len(changes):
        return np.zeros(len(struck), np.int64)
    lane, n = _lanes(events, changes), len(events.tick)
    own = _lanes(events, struck)
    last = np.searchsorted(lane * n + changes, own * n + struck) - 1
    return np.where((last >= 0) & (lane[last] == own), events.first[changes][last], 0)


def _check_length(piece, where, do):
    """Refuse a piece so long that what counts its beats or bars would never end."""
    end = max(t.notes.end for t in piece.tracks)
    hours = float(np.ptp(piece.tempo.seconds_at([0, end]))) / 3600
    if not (hours <= LONGEST_HOURS and end <= MOST_BARS):
        found = f"its last note ends on beat {end:.0f}, after {hours:.3g} hours"
        raise MusicFileError(found, where, do)
    try:
        bar_lines(piece)
    except MusicFileError as error:
        raise MusicFileError(error.found, where, do) from None


def piece_from_seconds(notes: Notes, bpm: float = 120.0, **track: Any) -> Piece:
    """A one-track `Piece` from notes in seconds, with a clock of one tempo laid over them.

    Examples
    --------
    >>> played = Notes.of([(1, 1, 60)], unit="seconds")
    >>> piece_from_seconds(played, bpm=60).tracks[0].notes
    Notes(1 notes, C4 to C4, 1 to 2 beats)
    """
    from fusiontools.music.notes import to_beats

    return Piece((Track(to_beats(notes, bpm), **track),), Tempo.constant(bpm))


def write_midi(
    music: Piece | Notes,
    path: str | os.PathLike,
    bpm: float | None = None,
    program: int = 0,
) -> None:
    """Write a Standard MIDI File, whole or not at all.

    `read_midi` gives back what was written, on ticks of 1/480 beat. Of more than 15 tracks
    each has its own channel, too, on more than one port. Where a note lies within another
    of its pitch, the file has a second track of that name and program for it.

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
        or after six hours, 200,000 beats or bars, more than 1,920 tracks, a tempo below
        3.5763 or above 3,000 bpm, a name that is no text. Or if the file cannot be written.
    """
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
    _check_length(music, path, "crop the music first")
    last = max(*music.tempo.beat, *(m.beat for m in music.meters))
    if last * TICKS_PER_BEAT >= LAST_TICK:
        found = f"its tempo or meter changes on beat {last:g}"
        raise MusicFileError(found, path, "crop the music first")
    # A file starts at tick 0: of all that holds before it, the last counts, and the first
    # tempo holds from the start.
    tempos = {0: micros[0]}
    tempos |= {max(_tick(beat), 0): mspq for beat, mspq in zip(music.tempo.beat, micros)}
    meters = {max(_tick(m.beat), 0): m for m in _upbeat_as_bar(music.meters)}
    clock = [(tick, meta_event(METER, _said_meter(m))) for tick, m in meters.items()]
    clock += [(tick, meta_event(TEMPO, int(m).to_bytes(3))) for tick, m in tempos.items()]
    data = midi_file(TICKS_PER_BEAT, _written_tracks(music, clock, path))
    write_whole(path, data, error=MusicFileError)


def _said_meter(meter):
    return bytes([meter.numerator, meter.denominator.bit_length() - 1, 24, 8])


def _written_tracks(piece, clock, where):
    """The chunks of a file, a port and a channel for each; the first has the clock, too."""
    voices = [(t, voice) for t in piece.tracks for voice in _voices(t.notes)]
    if len(voices) > MOST_TRACKS:
        found = f"over {MOST_TRACKS:,} tracks, or notes of one pitch at once"
        raise MusicFileError(found, where, "leave some of them out")
    kits = list(dict.fromkeys(t.program for t, _ in voices if t.is_drum))
    places = iter(range(MOST_TRACKS))
    chunks = []
    several = sum(not t.is_drum for t, _ in voices) > 15 or len(kits) > 1
    for track, notes in voices:
        if track.is_drum:
            port, channel = kits.index(track.program), DRUMS
        else:
            port, channel = divmod(next(places), 15)
            channel += channel >= DRUMS
        name = (track.name or piece.title).encode()
        events = [(0, meta_event(NAME, name))] if name else []
        events += [(0, meta_event(PORT, bytes([port])))] if several else []
        events += [(0, bytes([0xC0 | channel, track.program]))]
        # on one tick, a key goes up before it is struck again
        ups = [(stop, bytes([0x80 | channel, p, 64])) for _, stop, p, _ in notes]
        downs = [(start, bytes([0x90 | channel, p, v])) for start, _, p, v in notes]
        chunks.append(track_chunk(sorted(clock + events + ups + downs, key=_when)))
        clock = []
    return chunks


def _when(event):
    return event[0]


def _voices(notes):
    """Notes in ticks, ``(start, stop, pitch, velocity)``, in as many lists as it takes that
    of one pitch none lies within another: nobody could know which of them goes up.
    """
    start = [_tick(beat) for beat in notes.onset.tolist()]
    stop = [_tick(beat) for beat in notes.offset.tolist()]
    stop = [max(last, first + 1) for first, last in zip(start, stop)]
    voices, busy = [], []  # until when, by pitch
    for note in sorted(zip(start, stop, notes.pitch.tolist(), notes.velocity.tolist())):
        _, until, pitch, _ = note
        fits = (i for i, last in enumerate(busy) if last.get(pitch, 0) <= until)
        i = next(fits, len(busy))
        if i == len(busy):
            voices.append([])
            busy.append({})
        voices[i].append(note)
        busy[i][pitch] = until
        if i > MOST_TRACKS:
            break
    return voices


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
    return replace(piece, tracks=tracks, tempo=tempo, meters=_from_zero(meters), bars=bars)


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


def _tick(beat):
    return int(np.floor(beat * TICKS_PER_BEAT + 0.5))
