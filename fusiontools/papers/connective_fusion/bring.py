"""Music of your own for Connective Fusion: a file of any kind becomes four bars of melody,
two files become one melody. No training here.

What a half is, the model's grid decides: four bars of four beats, one voice, sixteenths,
pitches from 55 to 84. Music is seldom just that, so it is adapted where a musician would
want it, and `Half.said` names every step; what cannot be adapted is refused. Nothing is
ever moved into another key to make two halves fit: that is the model's work. Where four
bars are in a piece, `bars` beside this module knows.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.extract import melody
from fusiontools.music.files import read_limited
from fusiontools.music.grid import HIGH, HOLD, LOW, decode_grid, encode_grid
from fusiontools.music.midi import Piece, Track, piece_from_bytes, write_midi
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import Notes, Tempo, note_name, shift, transpose
from fusiontools.papers.connective_fusion.bars import (
    BEATS,
    STEP,
    bars_of,
    chosen_bar,
    count,
    first_bar,
    late,
    longest_rest,
    notes_from,
    widened,
)
from fusiontools.papers.connective_fusion.data import BAR, HALF, join_halves

__all__ = ["Half", "Joined", "fuse_files", "read_half", "read_score", "write_fused"]

LARGEST = 64_000_000  # bytes of a file
FLUTE = 73  # plays what names no instrument
REPEATS = {  # fewer than four bars: their order, and how to say it
    1: ((0, 0, 0, 0), "It has one bar, and it is played four times."),
    2: ((0, 1, 0, 1), "It has two bars, and they are played twice."),
    3: ((0, 1, 2, 2), "It has three bars, and the last of them is played twice."),
}


@dataclass(frozen=True, eq=False)
class Half:
    """Four bars of melody, ready to be fused, and where they come from."""

    tokens: np.ndarray  # (64,) uint8 of the grid
    where: str  # the file
    title: str
    # first and last, as numbered in the piece: 1 is its first whole bar, 0 its upbeat
    bars: tuple
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


class Joined(NamedTuple):
    """Two halves, and what came of them in K styles. Any row of tokens becomes notes by
    ``fusiontools.music.decode_grid``.
    """

    left: Half
    right: Half
    plain: np.ndarray  # (128,) uint8: the halves as they are, one after the other
    heard: np.ndarray  # (128,) uint8: the same as the VAE hears it, which is amount 0
    tokens: np.ndarray  # (K, 128) uint8: the melodies
    distance: np.ndarray  # (K,): how far from the halves, as the mean z-distance of both


def fuse_files(
    networks,
    left,
    right,
    style=None,
    iterations=1,
    amount=1.0,
    seed=0,
    styles=1,
    left_bar=None,
    right_bar=None,
):
    """Fuse two pieces of music into a melody of eight bars.

    Parameters
    ----------
    networks : Networks
    left, right : path-like, Piece, Notes or Half
        See `read_half`.
    style : array_like of float, shape (S,) or (K, S), optional
        In [0, 1]; by default `styles` many are drawn from `seed`.
    iterations, amount, seed
        See ``fusiontools.papers.connective_fusion.fusing.fuse``.
    styles : int
        ``K``.
    left_bar, right_bar : int, optional
        The first bar of each half.

    Returns
    -------
    Joined

    Raises
    ------
    MusicFileError
        If a piece cannot be read, or gives no half.
    ValueError
        If the style or the amount is not as described.

    References
    ----------
    Connective Fusion, section 2.2.3.
    """
    from fusiontools.papers.connective_fusion.fusing import fuse

    left = left if isinstance(left, Half) else read_half(left, left_bar)
    right = right if isinstance(right, Half) else read_half(right, right_bar)
    many = styles if style is None else len(np.atleast_2d(style))
    heard = fuse(networks, left.tokens, right.tokens, amount=0.0)
    pairs = (np.tile(half.tokens, (many, 1)) for half in (left, right))
    fused = fuse(
        networks, *pairs, style=style, iterations=iterations, amount=amount, seed=seed
    )
    return Joined(
        left,
        right,
        join_halves(left.tokens, right.tokens),
        heard.tokens[0],
        fused.tokens,
        fused.distance,
    )


def write_fused(tokens, path, half):
    """Write a melody as MIDI, at the tempo and with the instrument of a half.

    Parameters
    ----------
    tokens : array_like of int, shape (T,)
    path : path-like
    half : Half

    Raises
    ------
    NoNotesError
        If it is nothing but rests.
    MusicFileError
        If the file cannot be written.
    """
    write_midi(decode_grid(tokens), path, bpm=half.bpm, program=half.program)


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
    if data[:2] == b"PK" or data[:200].lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\0").startswith(
        b"<"
    ):
        return read_musicxml(data, path)[0], []
    if data[:4] in (b"", b"MThd", b"RIFF") or not (
        Path(path).suffix.lower() == ".abc" or re.search(rb"(?m)^X:\s*\d", data)
    ):
        return piece_from_bytes(data, path), []
    text = data.decode("utf-8-sig", "replace")
    tunes = split_abc(text) or [text]
    tune = read_abc(tunes[0], path)
    said = (
        [f"The file holds {len(tunes)} tunes, and the first of them is taken."]
        if len(tunes) > 1
        else []
    )
    return Piece(
        (Track(tune.notes, FLUTE, name=tune.title),),
        Tempo.constant(),
        (tune.meter,),
        tune.title,
    ), said


def read_half(music, bar=None, where=None):
    """Four bars of melody out of a piece.

    By default they are the first four bars, from where the melody begins, that have no rest
    longer than a bar. If there are no four bars of four beats, those of three (3/4, 6/8)
    are given a fourth: what sounds at their end is held for it.

    Parameters
    ----------
    music : path-like, Piece or Notes
        A file that `read_score` reads; a piece; or notes in beats, from a bar line on, in
        4/4 at 120 bpm. Any number of voices: the melody is found by
        ``fusiontools.music.extract.melody``.
    bar : int, optional
        Take the four bars from this one on. 1 is the first whole bar, 0 an upbeat.
    where : str, optional
        What messages call the music; by default its path, or its title.

    Returns
    -------
    Half

    Raises
    ------
    NoNotesError
        If nothing but drums plays, or no melody in the bars that are asked for.
    MusicFileError
        If the file cannot be read, or there are no four bars of four beats, or of three: in
        5/4, 7/8 or 12/8, or where such meters begin.

    Examples
    --------
    >>> half = read_half(Notes.of([(0, 1, 40), (1, 3, 43), (4, 4, 45)]), where="a scrap")
    >>> print(half)
    a scrap, bars 1 to 2, its only track
    >>> half.notes.pitch.tolist()
    [64, 67, 69, 64, 67, 69]
    >>> print(*half.said, sep="\\n")
    It has two bars, and they are played twice.
    It is moved two octaves up: E2 to A2 lies outside G3 to C6.
    """
    piece, said = music, []
    if isinstance(music, Notes):
        piece = Piece((Track(music, FLUTE),))
    elif not isinstance(music, Piece):
        piece, said = read_score(music)
        where = where or str(music)
    where = where or piece.title or "the piece"
    try:
        found = melody(piece)
    except NoNotesError as error:
        raise NoNotesError(error.found, where, error.do) from None
    if behind := late(found):
        lie = f"{abs(behind):.2f} beats {'after' if behind > 0 else 'before'} them"
        said.append(
            f"Its notes do not lie on the sixteenths, but all of them {lie}: they are moved there."
        )
    tune = shift(found, -behind)
    end = max(t.notes.end for t in piece.tracks) - behind
    counted = bars_of(piece.meters, max(end, tune.end) + BEATS)
    bars, tune, end = widened(counted, tune, end, bar)
    if bar is None:
        at, words = first_bar(bars, tune, end, where)
        said += words
    else:
        at = chosen_bar(bars, tune, end, bar, where)
    start, stop = (
        bars.start[at],
        min(bars.start[at] + BEATS, end) - STEP / 2,
    )  # an end that is a little late begins no new bar
    inside = (bars.start > start - STEP / 2) & (bars.start < stop)
    inside[at] = True
    said += _meters([m for m, i in zip(counted.meter, inside) if i])
    notes, words = notes_from(tune, start)
    notes, moved = _in_range(notes)
    tokens, repeated = _filled(
        encode_grid(notes, length=HALF), max(int(np.ceil((stop - start) / 4)), 1)
    )
    if (rest := longest_rest(tokens)) > BAR:
        moved.append(
            f"It rests for {rest / BAR:g} bars: the model knows rests of one bar at most."
        )
    # where the four bars are in the piece itself: bars of three beats are no longer there
    # than they are
    four = (bars.start > start - STEP / 2) & (bars.start < start + BEATS - STEP / 2)
    first, last = (
        counted.start[at] + behind,
        counted.start[at] + behind + counted.length[four].sum(),
    )
    tracks, program, chords = _sources(piece, found, first - STEP / 2, last - STEP / 2)
    # 60 beats / seconds: the tempo on average over the four bars
    bpm = 60 * (last - first) / float(np.ptp(piece.tempo.seconds_at([first, last])))
    numbers = bars.number[inside]
    said = (*said, *chords, *words, *repeated, *moved)
    return Half(
        tokens,
        where,
        piece.title,
        (int(numbers[0]), int(numbers[-1])),
        tracks,
        said,
        bpm,
        program,
    )


def _meters(meters):
    said = []
    meters = dict.fromkeys((m.numerator, m.denominator, m.bar) for m in meters)
    for meter in meters:
        name = "{}/{}".format(*meter[:2])
        if meter[2] == 3:
            each = (
                f"It is in {name}: each bar" if len(meters) == 1 else f"Each bar of {name}"
            )
            fourth = (
                "a fourth beat" if name == "3/4" else "a fourth quarter"
            )  # what counts as a beat in 6/8 is longer
            said.append(f"{each} is given {fourth}, and what sounds at its end is held.")
        elif meter[2] != 4:
            said.append(
                {
                    1: f"Bars of {name} are joined by fours.",
                    2: f"Bars of {name} are joined by twos.",
                }.get(meter[2], "")
            )
            said[-1] = said[-1] or f"Each bar of {name} counts as two."
        elif name != "4/4":
            said.append(f"It is in {name}, which is read as 4/4.")
    return said


def _filled(tokens, whole):
    """Fewer than four bars, repeated until there are four."""
    if whole >= 4:
        return tokens, []
    order, said = REPEATS[whole]
    parts = []
    for before, i in zip((-1, *order), order):
        part = tokens[BAR * i : BAR * (i + 1)].copy()
        if (
            part[0] == HOLD and i != before + 1
        ):  # held from another bar than the one that is heard now
            part[0] = tokens[: BAR * i][tokens[: BAR * i] > HOLD][-1]
        parts.append(part)
    lost = int(
        (tokens[BAR * whole :] > HOLD).sum()
    )  # a grace of less than a sixteenth on the double bar line
    return np.concatenate(parts), [said] + [
        f"{count(lost, 'note')} at its very end {'is' if lost == 1 else 'are'} left out."
    ] * (lost > 0)


def _in_range(notes):
    """The notes between 55 and 84: by octaves if that does it, or else by as few semitones
    as it takes, or else note by note.
    """
    low, high = int(notes.pitch.min()), int(notes.pitch.max())
    if LOW <= low and high <= HIGH:
        return notes, []
    outside = f"{note_name(low)} to {note_name(high)} lies outside {note_name(LOW)} to {note_name(HIGH)}"
    inside = {
        k: int(((notes.pitch + 12 * k >= LOW) & (notes.pitch + 12 * k <= HIGH)).sum())
        for k in range(-6, 6)
    }
    k = max(inside, key=lambda k: (inside[k], -abs(k)))
    if inside[k] == len(notes):
        return transpose(notes, 12 * k), [f"It is moved {_octaves(k)}: {outside}."]
    if high - low <= HIGH - LOW:
        by = max(LOW - low, 0) + min(HIGH - high, 0)
        way = f"{count(abs(by), 'semitone')} {'up' if by > 0 else 'down'}"
        return transpose(notes, by), [
            f"It is moved {way}, into another key: {outside}, and no octave has room for all of it."
        ]
    alone = f"{count(len(notes) - inside[k], 'note')} alone by octaves: {outside}, and no key has room for all of it."
    pitch = notes.pitch.astype(int) + 12 * k
    pitch += 12 * (
        np.maximum(-(-(LOW - pitch) // 12), 0) - np.maximum(-(-(pitch - HIGH) // 12), 0)
    )  # octaves to go, rounded up
    return replace(notes, pitch=pitch), [
        f"It is moved {_octaves(k) + ', and ' if k else ''}{alone}"
    ]


def _octaves(k):
    many = {1: "an octave", 2: "two octaves", 3: "three octaves"}.get(
        abs(k), f"{abs(k)} octaves"
    )
    return f"{many} {'up' if k > 0 else 'down'}"


def _sources(piece, found, first, last):
    """Which tracks the notes of a melody come from, in words, the instrument of the one
    that has most, and what else sounds in them.
    """
    found = found[(found.onset >= first) & (found.onset < last)]
    tracks = [
        (number, t) for number, t in enumerate(piece.tracks, start=1) if not t.is_drum
    ]
    rows = [
        set(zip(np.round(t.notes.onset, 6).tolist(), t.notes.pitch.tolist()))
        for _, t in tracks
    ]
    left, own = set(zip(np.round(found.onset, 6).tolist(), found.pitch.tolist())), []
    while left and max(shared := [len(left & row) for row in rows]):
        own.append(int(np.argmax(shared)))
        left -= rows[own[-1]]
    all_of_it = sum(
        int(((t.notes.onset >= first) & (t.notes.onset < last)).sum())
        for _, t in (tracks[i] for i in own)
    )
    chords = (
        [f"The melody is {len(found)} of the {all_of_it} notes that sound there."]
        if all_of_it > len(found)
        else []
    )
    program = tracks[own[0]][1].program if own else FLUTE
    names = [
        f'{n} "{name}"' if (name := _plain(t.name)) else f"{n}"
        for n, t in (tracks[i] for i in sorted(own))
    ]
    if len(piece.tracks) == 1:
        return f"its only track{names[0][1:] if names else ''}", program, chords
    return (
        f"track{'s' * (len(names) > 1)} {' and '.join(names)} of {len(piece.tracks)}",
        program,
        chords,
    )


def _plain(name):
    return " ".join("".join(c for c in name if c.isprintable() or c.isspace()).split())[:40]
