"""MIDI files, in and out.

A file becomes a `Piece`: tracks of `Notes` in beats, a `Tempo`, the meters. What its bytes
say is for `fusiontools.music.midi_bytes`. It is read here; what is written, and a piece
itself, stand in files of their own. Used in chapters 1, 3, 4, 5 and 6.
"""

import bisect
import os

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.files import read_limited
from fusiontools.music.midi_bytes import (
    AGAIN,
    DRUMS,
    LARGEST,
    METER,
    MICROSECONDS,
    MOST_TRACKS,
    NAME,
    TEMPO,
    check_start,
    read_events,
)
from fusiontools.music.midi_writing import write_midi
from fusiontools.music.notes import Notes, Tempo
from fusiontools.music.pieces import (
    Meter,
    Piece,
    Track,
    bar_lines,
    check_length,
    crop_piece,
    is_meter,
    piece_from_seconds,
)

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
    check_length(piece, where, AGAIN)
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
    return Tempo.of(np.array([*at]) / events.division, [*at.values()], per_second=1e6)


def _meters(events, said):
    """Time signatures; of several on one tick the last counts."""
    at, passed = {}, 0
    for meta in sorted((m for m in events.metas if m.kind == METER), key=lambda m: m.tick):
        numerator, power = meta.data[:2] if len(meta.data) > 1 else (0, 0)
        if is_meter(numerator, 2**power):
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
