"""MIDI files, written.

What stands in their bytes, `fusiontools.music.midi_bytes` says; `fusiontools.music.midi`
reads them. Used in chapters 1, 3, 4, 5 and 6.
"""

import os
import re
from dataclasses import replace

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.files import write_whole
from fusiontools.music.midi_bytes import (
    DRUMS,
    METER,
    MICROSECONDS,
    MOST_TRACKS,
    NAME,
    PORT,
    TEMPO,
    meta_event,
    midi_file,
    track_chunk,
)
from fusiontools.music.notes import Notes, Tempo, _need
from fusiontools.music.pieces import Meter, Piece, Track, check_length, from_zero

__all__ = ["write_midi"]

TICKS_PER_BEAT = 480  # divides by 24 (piano rolls), by 4 (16ths) and by 3 (triplets)
LAST_TICK = 0x0FFFFFFF  # what a time stamp can say: 155 hours at 120 bpm


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
    check_length(music, path, "crop the music first")
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
    meters = from_zero(meters)
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


def _tick(beat):
    return int(np.floor(beat * TICKS_PER_BEAT + 0.5))
