"""Music of your own: a file of any kind becomes four bars of melody. Chapter 4, Connective
Fusion, fuses two of them (``notebooks/04_connective_fusion_2_full_size``).

An excerpt fits the grid: four bars of four beats, one voice, sixteenths, pitches from 55 to
84. Music is seldom just that, so it is adapted where a musician would want it, and
`Excerpt.said` names every step; what cannot be adapted is refused. Nothing is ever moved
into another key to make two excerpts fit. `fusiontools.music.bars` finds the four bars.
"""

import re
from dataclasses import dataclass, replace

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.bars import (
    BEATS,
    STEP,
    bars_of,
    chosen_bar,
    count,
    first_bar,
    grid_offset,
    longest_rest,
    notes_from,
    widened,
)
from fusiontools.music.extract import melody
from fusiontools.music.files import read_limited
from fusiontools.music.grid import BAR, HALF, HIGH, HOLD, LOW, decode_grid, encode_grid
from fusiontools.music.midi import Piece, Track, piece_from_bytes, write_midi
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import Notes, Tempo, note_name, shift, transpose

__all__ = ["Excerpt", "read_excerpt", "read_score", "write_grid"]

LARGEST = 64_000_000  # bytes of a file
FLUTE = 73  # plays what names no instrument
REPEATS = {  # fewer than four bars: their order, and how to say it
    1: ((0, 0, 0, 0), "It has one bar, and it is played four times."),
    2: ((0, 1, 0, 1), "It has two bars, and they are played twice."),
    3: ((0, 1, 2, 2), "It has three bars, and the last of them is played twice."),
}


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Four bars of melody, and where they come from."""

    tokens: np.ndarray  # (64,) uint8 of the grid
    where: str  # the file
    title: str
    bars: tuple  # first and last, as numbered in the piece
    track: str  # in words
    said: tuple  # a sentence for each thing that was adapted
    bpm: float
    program: int  # General MIDI

    @property
    def notes(self):
        """The same as `Notes` in beats."""
        return decode_grid(self.tokens)

    def __str__(self):
        first, last = self.bars
        bars = f"bars {first} to {last}" if last > first else f"bar {first}"
        return f"{self.where}, {bars}, {self.track}"


def write_grid(tokens, path, excerpt):
    """Write a melody as MIDI, at the tempo and with the instrument of an excerpt.

    Parameters
    ----------
    tokens : array_like of int, shape (T,)
    path : path-like
    excerpt : Excerpt

    Raises
    ------
    MusicFileError
        If it is nothing but rests, or the file cannot be written.
    """
    write_midi(decode_grid(tokens), path, bpm=excerpt.bpm, program=excerpt.program)


def read_score(path):
    """Read a file by what is in it: MIDI, MusicXML (compressed or not), or ABC.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    piece : Piece
    said : list of str
        What was left out.

    Raises
    ------
    MusicFileError
        If it is missing, damaged or something else.
    """
    data = read_limited(path, LARGEST)
    text = data[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0")
    if data[:2] == b"PK" or text.startswith(b"<"):
        return read_musicxml(data, path)[0], []
    midi = data[:4] in (b"", b"MThd", b"RIFF")
    abc = str(path).lower().endswith(".abc") or re.search(rb"(?m)^X:\s*\d", data)
    if midi or not abc:
        return piece_from_bytes(data, path), []
    text = data.decode("utf-8-sig", "replace")
    tunes = split_abc(text) or [text]
    tune, said = read_abc(tunes[0], path), []
    if len(tunes) > 1:
        said = [f"The file holds {len(tunes)} tunes, and the first of them is taken."]
    track = Track(tune.notes, FLUTE, name=tune.title)
    return Piece((track,), Tempo.constant(), (tune.meter,), tune.title), said


def read_excerpt(music, bar=None, where=None):
    """Four bars of melody out of a piece.

    By default they are the first four bars, from where the melody begins, that have no rest
    longer than a bar. If there are no four bars of four beats, those of three (3/4, 6/8)
    are given a fourth: what sounds at their end is held for it.

    Parameters
    ----------
    music : path-like, Piece or Notes
        A file that `read_score` reads; a piece; or notes in beats, from a bar line on, in
        4/4 at 120 bpm. Of many voices ``fusiontools.music.extract.melody`` is taken.
    bar : int, optional
        Take the four bars from this one on. 1 is the first whole bar, 0 an upbeat.
    where : str, optional
        What messages call the music; by default its path, or its title.

    Returns
    -------
    Excerpt

    Raises
    ------
    NoNotesError
        If nothing but drums plays, or no melody in the bars that are asked for.
    MusicFileError
        If the file cannot be read, or no four bars are of four beats, or of three.

    Examples
    --------
    >>> excerpt = read_excerpt(Notes.of([(0, 1, 40), (1, 3, 43), (4, 4, 45)]))
    >>> print(*excerpt.said, sep="\\n")
    It has two bars, and they are played twice.
    It is moved two octaves up: E2 to A2 lies outside G3 to C6.
    """
    piece, where, said = _piece(music, where)
    try:
        found = melody(piece)
    except NoNotesError as error:
        raise NoNotesError(error.found, where, error.do) from None
    behind = grid_offset(found)
    if behind:
        lie = f"{abs(behind):.2f} beats {'after' if behind > 0 else 'before'} them"
        lie = f"do not lie on the sixteenths, but all of them {lie}"
        said.append(f"Its notes {lie}: they are moved there.")
    tune = shift(found, -behind)
    end = max(track.notes.end for track in piece.tracks) - behind
    counted = bars_of(piece.meters, max(end, tune.end) + BEATS)
    bars, tune, end = widened(counted, tune, end, bar)
    if bar is None:
        at, words = first_bar(bars, tune, end, where)
    else:
        at, words = chosen_bar(bars, tune, end, bar, where), []
    start = bars.start[at]
    stop = min(start + BEATS, end) - STEP / 2  # an end that is a little late is no new bar
    inside = (bars.start > start - STEP / 2) & (bars.start < stop)
    inside[at] = True
    said += words + _meters([meter for meter, i in zip(counted.meter, inside) if i])
    # what stands in them
    notes, changed = notes_from(tune, start)
    notes, moved = _in_range(notes)
    whole = max(int(np.ceil((stop - start) / 4)), 1)
    tokens, repeated = _four_bars(encode_grid(notes, length=HALF), whole)
    rest = longest_rest(tokens) / BAR
    if rest > 1:
        known = "the model knows rests of one bar at most"
        moved.append(f"It rests for {rest:g} bars: {known}.")
    # where they are in the piece itself: bars that were given a beat are shorter there
    four = (bars.start > start - STEP / 2) & (bars.start < start + BEATS - STEP / 2)
    first = counted.start[at] + behind
    last = first + counted.length[four].sum()
    track, program, chords = _sources(piece, found, first - STEP / 2, last - STEP / 2)
    # 60 beats / seconds: the tempo on average over the four bars
    bpm = 60 * (last - first) / float(np.ptp(piece.tempo.seconds_at([first, last])))
    numbers = int(bars.number[inside][0]), int(bars.number[inside][-1])
    said = (*said, *chords, *changed, *repeated, *moved)
    return Excerpt(tokens, where, piece.title, numbers, track, said, bpm, program)


def _piece(music, where):
    """Music as a piece, what messages call it, what to say of it."""
    said = []
    if isinstance(music, Notes):
        music = Piece((Track(music, FLUTE),))
    elif not isinstance(music, Piece):
        where = where or str(music)
        music, said = read_score(music)
    return music, where or music.title or "the piece", said


def _meters(meters):
    """What to say of bars in these meters."""
    kinds, said = dict.fromkeys((str(m), m.bar) for m in meters), []  # each once
    alone = len(kinds) == 1
    for name, quarters in kinds:
        if quarters == 3:
            each = f"It is in {name}: each bar" if alone else f"Each bar of {name}"
            beat = "beat" if name == "3/4" else "quarter"  # a beat of 6/8 is longer
            held = "what sounds at its end is held"
            said.append(f"{each} is given a fourth {beat}, and {held}.")
        elif quarters < 4:
            many = "twos" if quarters == 2 else "fours"
            said.append(f"Bars of {name} are joined by {many}.")
        elif quarters > 4:
            said.append(f"Each bar of {name} counts as two.")
        elif name != "4/4":
            said.append(f"It is in {name}, which is read as 4/4.")
    return said


def _four_bars(tokens, whole):
    """Fewer than four whole bars, repeated until there are four, and what to say of it."""
    if whole >= 4:
        return tokens, []
    parts, order, said = [], REPEATS[whole][0], [REPEATS[whole][1]]
    for before, i in zip((-1, *order), order):
        part = tokens[BAR * i : BAR * (i + 1)].copy()
        if part[0] == HOLD and i != before + 1:  # held from a bar that is not heard now
            earlier = tokens[: BAR * i]
            part[0] = earlier[earlier > HOLD][-1]
        parts.append(part)
    lost = int((tokens[BAR * whole :] > HOLD).sum())
    if lost:  # a grace of less than a sixteenth on the double bar line
        are = "is" if lost == 1 else "are"
        said.append(f"{count(lost, 'note')} at its very end {are} left out.")
    return np.concatenate(parts), said


def _in_range(notes):
    """The notes, moved to 55 to 84 by octaves, else by semitones, else note by note."""
    low, high = int(notes.pitch.min()), int(notes.pitch.max())
    if LOW <= low and high <= HIGH:
        return notes, []
    names = [note_name(pitch) for pitch in (low, high, LOW, HIGH)]
    outside = "{} to {} lies outside {} to {}".format(*names)
    # the nearest octave in which most notes are inside
    octaves = sorted(range(-6, 6), key=abs)
    pitches = [notes.pitch.astype(int) + 12 * k for k in octaves]
    inside = [int(((p >= LOW) & (p <= HIGH)).sum()) for p in pitches]
    most = max(inside)
    k = octaves[inside.index(most)]
    if most == len(notes):
        return transpose(notes, 12 * k), [f"It is moved {_octaves(k)}: {outside}."]
    if high - low <= HIGH - LOW:
        by = max(LOW - low, 0) + min(HIGH - high, 0)
        way = f"{count(abs(by), 'semitone')} {'up' if by > 0 else 'down'}, into another key"
        said = f"It is moved {way}: {outside}, and no octave has room for all of it."
        return transpose(notes, by), [said]
    pitch = notes.pitch.astype(int) + 12 * k
    up = np.maximum(-(-(LOW - pitch) // 12), 0)  # octaves to go, rounded up
    down = np.maximum(-(-(pitch - HIGH) // 12), 0)
    way = f"{count(len(notes) - most, 'note')} alone by octaves"
    way = f"{_octaves(k)}, and {way}" if k else way
    said = f"It is moved {way}: {outside}, and no key has room for all of it."
    return replace(notes, pitch=pitch + 12 * (up - down)), [said]


def _octaves(k):
    many = {1: "an octave", 2: "two octaves", 3: "three octaves"}.get(abs(k))
    return f"{many or count(abs(k), 'octave')} {'up' if k > 0 else 'down'}"


def _sources(piece, found, first, last):
    """The tracks that a melody comes from, in words, the instrument, what else sounds."""

    def sounding(notes):
        return notes[(notes.onset >= first) & (notes.onset < last)]

    def pairs(notes):
        return set(zip(np.round(notes.onset, 6).tolist(), notes.pitch.tolist()))

    found = sounding(found)
    tracks = [(n, t) for n, t in enumerate(piece.tracks, start=1) if not t.is_drum]
    rows, left, own = [pairs(t.notes) for _, t in tracks], pairs(found), []
    while left:  # the track that has most of what no track before it has
        shared = [len(left & row) for row in rows]
        if not max(shared):
            break
        own.append(int(np.argmax(shared)))
        left -= rows[own[-1]]
    program = tracks[own[0]][1].program if own else FLUTE
    own = [tracks[i] for i in sorted(own)]
    sound, chords = sum(len(sounding(t.notes)) for _, t in own), []
    if sound > len(found):
        chords = [f"The melody is {len(found)} of the {sound} notes that sound there."]
    names = [_plain(t.name) for _, t in own]
    names = [f'{n} "{name}"' if name else f"{n}" for (n, _), name in zip(own, names)]
    if len(piece.tracks) == 1:
        return "its only track" + "".join(names)[1:], program, chords
    tracks = "tracks" if len(names) > 1 else "track"
    return f"{tracks} {' and '.join(names)} of {len(piece.tracks)}", program, chords


def _plain(name):
    """A track's name on one line, at most 40 characters."""
    shown = "".join(c for c in name if c.isprintable() or c.isspace())
    return " ".join(shown.split())[:40]
