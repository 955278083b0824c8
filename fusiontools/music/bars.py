"""Where in a piece of music four bars of four beats are, and which melody stands in them.
Chapter 4, Connective Fusion, uses it (``notebooks/04_connective_fusion_2_full_size``).

Bars are counted as musicians do: 1 is the first whole bar, 0 an upbeat. Bars of 2/4, 2/2 or
4/2 have beats that can be counted in fours too. Those of 3/4 or 6/8 have three, and can be
given a fourth: see `widened`. Those of 5/4 or 12/8 stay what they are.

No model here, and no files: `fusiontools.music.excerpts` reads those.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.grid import BAR, HALF, REST, encode_grid
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, crop, legato, merge, quantize, shift

__all__ = ["Bars", "bars_of", "chosen_bar", "first_bar", "notes_from", "widened"]
__all__ += ["count", "grid_offset", "longest_rest"]

STEP, BEATS = 0.25, 16.0  # a sixteenth, and four bars, in beats
NEAR = 1e-6  # beats: closer is the same place
OFF = STEP / 4  # beats: notes that lie farther from the grid than this are counted
TAIL = 0.5  # beats: what is left of a note from before is struck anew if it lasts so long
# All notes are moved onto the grid if there are FEW of them or more, if they lie beside it
# by more than LATE beats, and if they agree in that by more than EVEN (1: they all do).
FEW, LATE, EVEN = 8, 0.02, 0.7


class Bars(NamedTuple):
    """The bars of a piece, B in number."""

    number: np.ndarray  # (B,)
    start: np.ndarray  # (B,) in beats
    length: np.ndarray  # (B,) in beats
    meter: list  # of each bar its Meter


def bars_of(meters, stop):
    """All bars that begin before a beat, the upbeat's included.

    Parameters
    ----------
    meters : sequence of Meter
        Of a `Piece`.
    stop : float
        In beats.

    Returns
    -------
    Bars

    Examples
    --------
    >>> bars = bars_of([Meter(-3.0), Meter(9.0, 3, 4)], 14)
    >>> bars.number.tolist(), bars.start.tolist(), bars.length.tolist()
    ([0, 1, 2, 3, 4], [-3.0, 1.0, 5.0, 9.0, 12.0], [4.0, 4.0, 4.0, 3.0, 3.0])
    """
    meters = [m for m in meters if m.beat <= 0][-1:] + [m for m in meters if m.beat > 0]
    if len(meters) > 1 and _is_upbeat(*meters[:2]):
        # it becomes the end of a whole bar that begins before the music
        meters = [replace(meters[1], beat=meters[1].beat - meters[1].bar), *meters[2:]]
    starts, lengths, kinds = [], [], []
    for meter, until in zip(meters, [m.beat for m in meters[1:]] + [np.inf]):
        start = np.arange(meter.beat, min(until, stop) - NEAR, meter.bar)
        start = start[start + meter.bar > NEAR]
        starts.append(start)
        lengths.append(np.minimum(start + meter.bar, until) - start)
        kinds += [meter] * len(start)
    start = np.concatenate(starts)
    upbeat = int((start < -NEAR).sum())
    number = np.arange(len(start)) + 1 - upbeat
    return Bars(number, start, np.concatenate(lengths), kinds)


def _is_upbeat(first, second):
    """Whether a first bar is shorter than those that follow: so a file says upbeat."""
    one_bar = NEAR < second.beat <= first.bar + NEAR
    return one_bar and first.bar < second.bar - NEAR


def _regular(bars):
    """Whether each bar is whole and can be counted in fours, shape (B,)."""
    powers = (1, 2, 4, 8, 16, 32, 64, 128)
    # 1, 2, 4 or 8 quarters long, and cut into 1, 2, 4, ... beats
    in_fours = [m.bar in powers[:4] and m.numerator in powers for m in bars.meter]
    whole = np.abs(bars.length - [m.bar for m in bars.meter]) < NEAR
    return np.array(in_fours) & whole


def _fours(bars):
    """Where four bars of 4/4 can begin, shape (B,): with regular bars of just 16 beats."""
    regular = _regular(bars)
    lines = np.append(bars.start, bars.start[-1] + bars.length[-1])
    ends = np.searchsorted(lines, bars.start + BEATS - NEAR)  # the first from there on
    found = np.zeros(len(bars.start), bool)
    for i, (start, end) in enumerate(zip(bars.start, ends)):
        on_a_line = end < len(lines) and abs(lines[end] - start - BEATS) < NEAR
        found[i] = on_a_line and regular[i:end].all()
    return found


def widened(bars, tune, end, number=None):
    """Music in bars of three beats, each of them given a fourth, if only that makes four
    bars of four beats.

    A note keeps its place in its bar. Whatever sounds at the end of a bar of three beats, a
    note or a rest, is held for the fourth.

    Parameters
    ----------
    bars : Bars
    tune : Notes
    end : float
        Where the piece ends, in beats.
    number : int, optional
        Of the bar that somebody chose: the four bars are to begin with it.

    Returns
    -------
    bars : Bars
        The same bars, in the same order. Those that were given a beat are in 4/4.
    tune : Notes
        What is held may reach into a note that begins in the last sixteenth of a bar:
        `notes_from` cuts it there.
    end : float

    Examples
    --------
    >>> bars = bars_of([Meter(0.0, 3, 4)], 20)
    >>> tune = Notes.of([(0, 2, 60), (2, 1, 62), (3, 2, 64), (6, 6, 65)])
    >>> new, tune, end = widened(bars, tune, 12)
    >>> new.start[:4].tolist(), tune.onset.tolist(), tune.duration.tolist(), end
    ([0.0, 4.0, 8.0, 12.0], [0.0, 2.0, 4.0, 8.0], [2.0, 2.0, 2.0, 8.0], 16.0)
    """
    three = np.array([m.bar == 3 for m in bars.meter]) & (np.abs(bars.length - 3) < NEAR)
    length = bars.length + three
    start = bars.start[0] + np.cumsum(length) - length
    meter = [Meter(m.beat) if wide else m for m, wide in zip(bars.meter, three)]
    new = Bars(bars.number, start, length, meter)

    def carried(beats, early):
        # the bar that a beat lies in, or falls short of by `early` at most
        i = np.searchsorted(bars.start, np.asarray(beats) + early, side="right")
        i = np.maximum(i - 1, 0)
        # t' = b'_i + (t - b_i)
        return new.start[i] + (beats - bars.start[i])

    # What rounds to a bar line begins there. What ends a sixteenth before one was meant to
    # reach it: it ends as much before the new one.
    onset = carried(tune.onset, STEP / 2)
    wide = replace(tune, onset=onset, duration=carried(tune.offset, STEP + NEAR) - onset)
    if _has_four(bars, tune, number) or not _has_four(new, wide, number):
        return bars, tune, end
    return new, wide, float(carried(end, STEP + NEAR))


def _has_four(bars, tune, number):
    """Whether there are four bars of four beats, anywhere or from one bar on."""
    if number is None:
        return bool(_candidates(bars, tune)[2])
    return bool(_fours(bars)[bars.number == number].any())


def _candidates(bars, tune):
    """Where a melody begins, the bars of its upbeat (0 or 1), where four can be taken."""
    onset, last = np.floor(tune.onset[[0, -1]] / STEP + 0.5) * STEP
    onset = max(onset, bars.start[0])
    begin = int(np.searchsorted(bars.start, onset + NEAR)) - 1
    # a bar of one beat has no second half to speak of
    half = bars.length[begin] / 2
    upbeat = int(half >= 1 and onset - bars.start[begin] >= half)
    first, regular, fours, found = begin + upbeat, _regular(bars), _fours(bars), []
    for i in range(first, int(np.searchsorted(bars.start, last + NEAR))):
        # bars shorter than 4/4 are counted in groups, from the first of their kind in a row
        alike = bars.meter[i].bar == bars.meter[i - 1].bar
        if i == first or not (alike and regular[i] and regular[i - 1]):
            group = bars.start[i]
        if fours[i] and (bars.start[i] - group) % 4 < NEAR:
            found.append(i)
    if upbeat and fours[begin]:
        found.append(begin)  # the last choice
    return begin, upbeat, found


def first_bar(bars, tune, end, where):
    """The bar from which four are taken when nobody says which.

    It is the first, from the one in which the melody begins, whose four bars have no rest
    longer than a bar and do not begin with half a bar of silence; if all do, the one with
    the shortest rest. A melody that begins in the second half of a bar begins with an
    upbeat, and is counted from the next bar, if it can be.

    Parameters
    ----------
    bars : Bars
    tune : Notes
        The melody.
    end : float
        Where the piece ends, in beats.
    where : str
        What messages call the piece.

    Returns
    -------
    at : int
        Index into the bars.
    said : list of str
        What is left out.

    Raises
    ------
    MusicFileError
        If the melody is nowhere in bars that can be counted in fours.
    """
    begin, upbeat, candidates = _candidates(bars, tune)
    if not candidates:
        do = "choose another piece, or the number of a bar that is in 4/4 or 3/4"
        raise _no_four(bars, begin, where, do)
    at, fewest = candidates[0], None
    for i in candidates:
        if end <= bars.start[i] + BEATS - 4 + STEP / 2:
            continue  # less than four bars are left
        faults = _faults(tune, bars.start[i])
        if fewest is None or faults < fewest:
            at, fewest = i, faults
        if not any(faults[:2]):
            break
    first = begin + upbeat
    if upbeat and at == first:
        return at, ["The upbeat before them is left out."]
    if at <= first:
        return at, []
    begins, these = f"bar {bars.number[begin]}", "without a rest longer than a bar"
    if not _fours(bars)[first]:
        begins, these = bars.meter[first], "of four beats"
    return at, [f"Its melody begins in {begins}; these are its first four bars {these}."]


def _faults(tune, start):
    """Of four bars: a rest longer than a bar, half a bar of silence first, longest rest."""
    notes, _ = notes_from(tune, start)
    notes = replace(notes, pitch=np.full(len(notes), 60))  # the question is one of time
    tokens = encode_grid(notes, length=HALF)
    rest, silent = longest_rest(tokens), (tokens[: BAR // 2] == REST).all()
    return rest > BAR, bool(silent), rest


def chosen_bar(bars, tune, end, number, where):
    """The bar that somebody chose.

    Parameters
    ----------
    bars, tune, end, where
        See `first_bar`.
    number : int

    Returns
    -------
    int
        Index into the bars.

    Raises
    ------
    MusicFileError
        If there is no such bar, or no four bars of four beats from there on.
    NoNotesError
        If the melody rests there.
    """
    numbers = bars.number[bars.start < end - NEAR]
    if number not in numbers:
        do = f"choose one from {numbers[0]} to {numbers[-1]}"
        raise MusicFileError(f"there is no bar {number}", where, do)
    at = int(np.flatnonzero(bars.number == number)[0])
    if not _fours(bars)[at]:
        raise _no_four(bars, at, where, "choose another bar, or leave the number out")
    if not len(notes_from(tune, bars.start[at])[0]):
        found = f"its melody rests in the four bars from bar {number} on"
        raise NoNotesError(found, where, "choose another bar")
    return at


def _no_four(bars, at, where, do):
    """The error that there are no four bars of four beats from a bar on."""
    number, meters = bars.number[at], [str(meter) for meter in bars.meter[at : at + 4]]
    changes = list(dict.fromkeys(meters))  # each once
    if len(changes) > 1 or _regular(bars)[at]:
        changes = ", then ".join(changes)
        found = f"its meter changes in the four bars from bar {number} on ({changes})"
    else:
        only = "only bars of four beats, or of three, can be fused"
        found = f"it is in {meters[0]} from bar {number} on, and {only}"
    return MusicFileError(found, where, do)


def grid_offset(notes):
    """How far behind the sixteenths all notes of a melody lie alike, in beats; 0 where they
    do not. Some files keep time and start anywhere.

    Examples
    --------
    >>> grid_offset(Notes.of([(k / 3, 0.3, 60) for k in range(9)]))
    0.0
    >>> round(grid_offset(Notes.of([(k + 0.1, 1, 60) for k in range(8)])), 6)
    0.1
    """
    # 1/K sum_k exp(2 pi i t_k / step): its angle says where in a step the notes lie, its
    # length how much they agree
    lean = np.exp(2j * np.pi * notes.onset / STEP).mean()
    found = float(np.angle(lean)) / (2 * np.pi) * STEP
    together = len(notes) >= FEW and abs(lean) > EVEN
    return found if together and abs(found) > LATE else 0.0


def notes_from(tune, start):
    """Sixteen beats of a melody, on the grid.

    Parameters
    ----------
    tune : Notes
        One note at a time, give or take a little.
    start : float
        In beats.

    Returns
    -------
    notes : Notes
        In multiples of a sixteenth, from 0 to 16 beats at most.
    said : list of str
        A sentence on all that was lost or moved.

    Examples
    --------
    >>> notes, said = notes_from(Notes.of([(2, 4, 60), (7.1, 1, 62)]), 4)
    >>> notes.onset.tolist(), notes.duration.tolist()
    ([0.0, 3.0], [2.0, 1.0])
    >>> print(*said, sep="\\n")
    A note that is held from before is struck anew.
    1 of 1 note lies off the sixteenths, and is moved by up to 0.10 beats.
    """
    moved, said = quantize(shift(tune, -start), STEP), []
    voice = legato(moved)
    notes = crop(voice, 0, BEATS)
    lost = int(((moved.onset >= 0) & (moved.onset < BEATS)).sum()) - len(notes)
    if lost:
        are = "is" if lost == 1 else "are"
        close = "less than a sixteenth from the next"
        said.append(f"{count(lost, 'note')}, {close}, {are} left out.")
    before = voice[(voice.onset < 0) & (voice.offset > 0)]
    if len(before):
        tail = min(float(before.offset[0]), BEATS)
        if tail >= TAIL:
            again = Notes([0.0], [tail], before.pitch[:1], before.velocity[:1])
            notes = merge(again, notes)
            said.append("A note that is held from before is struck anew.")
        else:
            said.append("The end of a note from before is left out.")
    if ((voice.onset < BEATS) & (voice.offset > BEATS)).any():
        said.append("Its last note goes on after these bars, and is cut.")
    return notes, said + _off_grid(tune.onset - start)


def _off_grid(onset):
    """What to say of notes that are moved onto the sixteenths of four bars."""
    place = onset / STEP
    place = place[(place >= -0.5) & (place < BEATS / STEP - 0.5)]
    off = np.abs(place - np.floor(place + 0.5)) * STEP
    far = int((off > OFF).sum())
    if not far:
        return []
    lie, are = ("lies", "is") if far == 1 else ("lie", "are")
    lie = f"{far} of {count(len(off), 'note')} {lie} off the sixteenths"
    return [f"{lie}, and {are} moved by up to {off.max():.2f} beats."]


def count(n, what):
    """A number of things, in words.

    Examples
    --------
    >>> count(1, "note"), count(2, "note")
    ('1 note', '2 notes')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def longest_rest(tokens):
    """The longest rest of a grid, in tokens.

    Examples
    --------
    >>> longest_rest(np.array([0, 60, 1, 0, 0, 62]))
    2
    """
    rests = np.concatenate([[0], np.asarray(tokens) == REST, [0]])
    edges = np.flatnonzero(np.diff(rests))  # where a rest begins, where it ends, and so on
    return int(np.diff(edges)[::2].max(initial=0))
