"""Music of your own: a file of any kind becomes four bars of melody. Chapter 4, Connective
Fusion, fuses two of them (``notebooks/04_connective_fusion_2_full_size``).

An excerpt fits the grid: four bars of four beats, one voice, sixteenths, pitches from 55 to
84. Music is seldom just that, so it is adapted where a musician would want it, and
`Excerpt.said` names every step (`Excerpt.played` those of tempo and instrument); what
cannot be adapted is refused. Nothing is ever moved into another key to make two excerpts
fit. `fusiontools.music.bars` finds the four bars.
"""

import os
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.abc import FLUTE
from fusiontools.music.bar_notes import (
    BEATS,
    STEP,
    count,
    grid_offset,
    longest_rest,
    notes_from,
)
from fusiontools.music.bars import (
    NEAR,
    bars_of,
    chosen_bar,
    first_bar,
    in_fours,
    read_in_fours,
)
from fusiontools.music.extract import MANY, melody
from fusiontools.music.grid import BAR, HALF, HIGH, HOLD, LOW, decode_grid, encode_grid
from fusiontools.music.midi_writing import write_midi
from fusiontools.music.notes import Notes, note_name, shift, transpose
from fusiontools.music.pieces import Piece, Track
from fusiontools.music.scores import chosen, plain, read_score

__all__ = ["Excerpt", "piece_of", "read_excerpt", "tracks_of", "write_grid"]

# What plays a melody that was written for a General MIDI program and is moved up, because
# basses have no such notes.
HIGHER = dict.fromkeys((32, 33, 34, 35, 36, 37), (27, "an electric guitar"))
HIGHER |= {38: (80, "a lead synthesizer"), 39: (80, "a lead synthesizer")}
HIGHER |= {43: (40, "a violin"), 47: (12, "a marimba"), 58: (56, "a trumpet")}
HIGHER |= {67: (64, "a soprano saxophone"), 70: (68, "an oboe")}
VALUES = {1: "whole notes", 2: "half notes", 4: "quarters", 8: "eighths", 16: "sixteenths"}
VALUES |= {32: "thirty-seconds", 64: "sixty-fourths"}
NO_TEMPO = "It names no tempo"  # how a reader of files says so
SAME_TEMPO = 1.005  # a tempo that is so many times another is the same, rounded
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
    played: tuple = ()  # the same for tempo and program, where these are used

    @property
    def notes(self) -> Notes:
        """The same as `Notes` in beats."""
        return decode_grid(self.tokens)

    def __str__(self) -> str:
        first, last = self.bars
        bars = f"bars {first} to {last}" if last > first else f"bar {first}"
        return f"{self.where}, {bars}, {self.track}"


def write_grid(tokens: npt.ArrayLike, path: str | os.PathLike, excerpt: Excerpt) -> None:
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


def read_excerpt(
    music: str | os.PathLike | Piece | Notes,
    bar: int | None = None,
    where: str | None = None,
    track: int | str | None = None,
    tune: int | str | None = None,
) -> Excerpt:
    r"""Four bars of melody out of a piece.

    By default they are the first four bars, from where the melody begins, that have no rest
    longer than a bar. Where most of the melody is in bars of three beats (3/4, 6/8, 9/8),
    they are given a fourth: what sounds at their end is held for it.

    Parameters
    ----------
    music : path-like, Piece or Notes
        A file that `read_score` reads; a piece; or notes in beats, from a bar line on, in
        4/4 at 120 bpm. Of many voices ``fusiontools.music.extract.melody`` is taken.
    bar : int, optional
        Take the four bars from this one on. 1 is the first whole bar, 0 an upbeat.
    where : str, optional
        What messages call the music; by default its path, or its title.
    track : int or str, optional
        Take the melody from this track alone: its number, or a part of its name.
    tune : int or str, optional
        Of a book in ABC: the number of a tune, or a part of its title.

    Returns
    -------
    Excerpt

    Raises
    ------
    NoNotesError
        If nothing but drums plays, or no melody in the bars that are asked for.
    MusicFileError
        If the file cannot be read, or no four bars are of four beats, or of three; or if
        there is no such track or tune.

    Examples
    --------
    >>> excerpt = read_excerpt(Notes.of([(0, 1, 40), (1, 3, 43), (4, 4, 45)]))
    >>> print(*excerpt.said, sep="\n")
    It has two bars, and they are played twice.
    It is moved two octaves up: E2 to A2 lies outside G3 to C6.
    """
    piece, where, said = piece_of(music, where, tune)
    tracks = tracks_of(piece, track, where)
    try:
        found = melody(Piece(tuple(own for _, own in tracks)))
    except NoNotesError as error:
        raise NoNotesError(error.found, where, error.do) from None
    if max(len(own.notes) for _, own in tracks) > MANY:
        highest = "of notes that sound together the highest is taken"
        said.append(f"It has a track of more than {MANY:,} notes: {highest}.")
    behind = grid_offset(found)
    if behind:
        lie = f"{abs(behind):.2f} beats {'after' if behind > 0 else 'before'}"
        said.append(f"All its notes lie {lie} the sixteenths, and are moved there.")
    line = shift(found, -behind)
    end = max(own.notes.end for own in piece.tracks) - behind
    counted = bars_of(piece, max(end, line.end) + BEATS)
    bars, line, end = read_in_fours(counted, line, end, bar)
    if bar is None:
        at, words = first_bar(bars, line, end, where)
    else:
        at, words = chosen_bar(bars, line, end, bar, where), []
    start = bars.start[at]
    stop = min(start + BEATS, end) - STEP / 2  # an end that is a little late is no new bar
    inside = (bars.start > start - STEP / 2) & (bars.start < stop)
    inside[at] = True
    same = np.abs(bars.length - counted.length) < STEP / 2
    said += words + _meters([(bars.meter[i], same[i]) for i in np.flatnonzero(inside)])
    # what stands in them
    notes, changed = notes_from(line, start)
    low = int(notes.pitch.min())
    notes, moved = _in_range(notes)
    whole = max(int(np.ceil((stop - start) / 4)), 1)
    tokens, repeated = _four_bars(encode_grid(notes, length=HALF), whole)
    rest = longest_rest(tokens) / BAR
    if rest > 1:
        known = "which stay silent: the model knows rests of one bar at most"
        other = "no four bars of it rest less" if bar is None else "choose another bar"
        moved.append(f"It rests for {rest:g} bars, {known}; {other}.")
    # where they are in the piece itself: bars that were given a beat are shorter there
    four = (bars.start > start - STEP / 2) & (bars.start < start + BEATS - STEP / 2)
    first = counted.start[at] + behind
    last = first + counted.length[four].sum()
    sound = first - STEP / 2, last - STEP / 2
    source, program, chords = _sources(tracks, len(piece.tracks), found, *sound)
    played = [sentence for sentence in said if sentence.startswith(NO_TEMPO)]
    said = [sentence for sentence in said if sentence not in played]
    if program in HIGHER and int(notes.pitch.min()) - low >= 12:
        program, name = HIGHER[program]
        played.append(f"Up there {name} plays it.")
    # 60 beats / seconds: the tempo on average over the four bars, without what is held
    scale = [1.0 if same[i] else in_fours(bars.meter[i])[1] for i in np.flatnonzero(four)]
    beats = float(counted.length[four] @ scale)
    bpm = 60 * beats / float(np.ptp(piece.tempo.seconds_at([first, last])))
    if _changes(piece.tempo, first, last):
        average = f"{bpm:.0f} is taken, their average"
        played.append(f"Its tempo changes in these bars: {average}.")
    numbers = int(bars.number[inside][0]), int(bars.number[inside][-1])
    said = (*said, *chords, *changed, *repeated, *moved)
    return Excerpt(
        tokens, where, piece.title, numbers, source, said, bpm, program, tuple(played)
    )


def _changes(tempo, first, last):
    """Whether a tempo is another within a stretch of beats, by more than rounding."""
    inner = tempo.beat[(tempo.beat > first + NEAR) & (tempo.beat < last - NEAR)]
    beats = np.concatenate([[first], inner, [last]])
    pace = np.diff(tempo.seconds_at(beats)) / np.diff(beats)
    return pace.max() > pace.min() * SAME_TEMPO


def piece_of(
    music: str | os.PathLike | Piece | Notes,
    where: str | None = None,
    tune: int | str | None = None,
) -> tuple[Piece, str, list[str]]:
    """Music as a piece, what messages call it, what to say of it: see `read_excerpt`.

    Raises
    ------
    MusicFileError
        If the file cannot be read, or has no such tune.

    Examples
    --------
    >>> piece_of(Notes.of([(0, 1, 60)]))[1:]
    ('the piece', [])
    """
    if not isinstance(music, (Notes, Piece)):
        piece, said = read_score(music, tune)
        return piece, str(where or music), said
    if tune is not None:
        do = "leave the tune out"
        raise MusicFileError("only a book in ABC has tunes to choose from", where, do)
    piece = Piece((Track(music, FLUTE),)) if isinstance(music, Notes) else music
    return piece, str(where or piece.title or "the piece"), list(piece.said)


def tracks_of(
    piece: Piece, wanted: int | str | None, where: object
) -> list[tuple[int, Track]]:
    """The tracks that a melody is looked for in, with their numbers; drums have none.

    Chapters 4, Connective Fusion, and 5, Domain transfer, take one by number or by name.

    Parameters
    ----------
    piece : Piece
    wanted : int or str, optional
        A number, counted from 1, or a part of a name; None: all.
    where : object
        What messages call the piece.

    Raises
    ------
    MusicFileError
        If there is no such track, or more than one; it lists what is there.
    NoNotesError
        If it is drums.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60)])
    >>> trio = Piece((Track(tune, name="Violin"), Track(tune, name="Flute I")))
    >>> [(number, track.name) for number, track in tracks_of(trio, "flute", "trio.mid")]
    [(2, 'Flute I')]
    """
    there = [(n, t) for n, t in enumerate(piece.tracks, start=1) if not t.is_drum]
    if wanted is None:
        return there
    names = [(n, t.name) for n, t in there]
    asked = str(wanted).strip().casefold()
    named = asked and not any(asked in name.casefold() for _, name in names)
    for n, t in enumerate(piece.tracks, start=1):
        own = (t.name.strip() or "drums").casefold()
        if t.is_drum and (asked == str(n) or (named and asked in own)):
            do = "choose one of the others, or leave the track out"
            raise NoNotesError(f"track {n} is drums, which play no melody", where, do)
    return [there[chosen(wanted, names, "track", where)]] if there else []


def _meters(bars):
    """What to say of bars: of each its meter, and whether it stayed as it is."""
    kinds = {(str(m), as_is): m for m, as_is in bars}  # each once
    said = []
    for (name, as_is), meter in kinds.items():
        parts, scale, held = (1, 1.0, 0.0) if as_is else in_fours(meter)
        if not as_is:
            words = _stretched(meter, parts, held)
            said.append(f"{'It is in' if len(kinds) == 1 else 'In'} {name}: {words}")
        quarters = meter.bar * scale + parts * held
        if quarters < 4:
            many = "twos" if quarters == 2 else "fours"
            said.append(f"Bars of {name} are joined by {many}.")
        elif quarters > 4:
            said.append(f"Each bar of {name} counts as two.")
        elif as_is and name != "4/4":
            said.append(f"It is in {name}, which is read as 4/4.")
    return said


def _stretched(meter, parts, held):
    """What is done to bars of a meter to have four beats in them."""
    words, beats = [], VALUES[meter.denominator]
    if meter.numerator in (9, 12):
        becomes = "two quarters" if beats == "quarters" else "a quarter"
        words.append(f"each beat of three {beats} becomes {becomes}")
    if parts == 2:
        words.append(f"each bar is read as two of 3/{meter.denominator}")
    if held:
        # the beats of 6/8 are longer than what they are given
        short = meter.numerator == 6 and parts == 1
        beat = VALUES[meter.denominator // 2].rstrip("s") if short else "beat"
        one = "each of them" if parts == 2 else "each bar"
        words.append(f"{one} is given a fourth {beat}")
        words.append("and what sounds at its end is held")
    return ", ".join(words) + "."


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
    some, are = count(len(notes) - most, "note"), "is" if most + 1 == len(notes) else "are"
    way = f"{some} {are} moved by octaves, apart from the others"
    way = f"It is moved {_octaves(k)}, and {way}" if k else way
    said = f"{way}: {outside}, and no key has room for all of it."
    return replace(notes, pitch=pitch + 12 * (up - down)), [said]


def _octaves(k):
    many = {1: "an octave", 2: "two octaves", 3: "three octaves"}.get(abs(k))
    return f"{many or count(abs(k), 'octave')} {'up' if k > 0 else 'down'}"


def _sources(tracks, many, found, first, last):
    """The tracks that a melody comes from, in words, the instrument, what else sounds."""

    def sounding(notes):
        return notes[(notes.onset >= first) & (notes.onset < last)]

    def pairs(notes):
        return set(zip(np.round(notes.onset, 6).tolist(), notes.pitch.tolist()))

    found = sounding(found)
    rows = [pairs(sounding(t.notes)) for _, t in tracks]
    left, own = pairs(found), []
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
    names = [plain(t.name) for _, t in own]
    names = [f'{n} "{name}"' if name else f"{n}" for (n, _), name in zip(own, names)]
    if many == 1:
        return "its only track" + "".join(names)[1:], program, chords
    word = "tracks" if len(names) > 1 else "track"
    return f"{word} {' and '.join(names)} of {many}", program, chords
