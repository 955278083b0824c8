"""Where in a piece of music four bars of four beats are, and which melody stands in them.
No model, no files.

Bars are counted as musicians do: 1 is the first whole bar, 0 an upbeat. Bars of 2/4, 2/2 or
4/2 have beats that can be counted in fours too. Those of 3/4 or 6/8 have three, and can be
given a fourth: see `widened`. Those of 5/4 or 12/8 stay what they are.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.grid import REST, encode_grid
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, crop, legato, merge, quantize, shift
from fusiontools.papers.connective_fusion.data import BAR, HALF

__all__ = [
    "BEATS",
    "STEP",
    "Bars",
    "bars_of",
    "chosen_bar",
    "count",
    "first_bar",
    "late",
    "longest_rest",
    "notes_from",
    "widened",
]

STEP, BEATS = 0.25, 16.0  # a sixteenth, and four bars, in beats
NEAR = 1e-6  # of a beat: closer is the same place
OFF = STEP / 4  # notes that lie farther from the grid than this are counted
EVEN, LATE, FEW = (
    0.7,
    0.02,
    8,
)  # so much alike do at least so many notes lie, and so far beside the grid in beats, that the grid is moved
TAIL = 0.5  # beats of a note from before the four bars that are worth striking it anew


class Bars(NamedTuple):
    """The bars of a piece, shape (B,) each: number, and in beats start and length; and
    their meters.
    """

    number: np.ndarray
    start: np.ndarray
    length: np.ndarray
    meter: list


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
    >>> from fusiontools.music.midi import Meter
    >>> bars = bars_of([Meter(-3.0), Meter(9.0, 3, 4)], 14)
    >>> bars.number.tolist(), bars.start.tolist(), bars.length.tolist()
    ([0, 1, 2, 3, 4], [-3.0, 1.0, 5.0, 9.0, 12.0], [4.0, 4.0, 4.0, 3.0, 3.0])
    """
    meters = [m for m in meters if m.beat <= 0][-1:] + [m for m in meters if m.beat > 0]
    if (
        len(meters) > 1
        and NEAR < meters[1].beat <= meters[0].bar + NEAR
        and meters[0].bar < meters[1].bar - NEAR
    ):
        # a short first bar is how a file says upbeat: it becomes the end of a whole bar
        # that begins before the music
        meters = [replace(meters[1], beat=meters[1].beat - meters[1].bar), *meters[2:]]
    starts, lengths, kinds = [], [], []
    for meter, following in zip(meters, [m.beat for m in meters[1:]] + [np.inf]):
        start = np.arange(meter.beat, min(following, stop) - NEAR, meter.bar)
        start = start[start + meter.bar > NEAR]
        starts.append(start)
        lengths.append(np.minimum(start + meter.bar, following) - start)
        kinds += [meter] * len(start)
    start = np.concatenate(starts)
    return Bars(
        np.arange(len(start)) + 1 - int((start < -NEAR).sum()),
        start,
        np.concatenate(lengths),
        kinds,
    )


def _regular(bars):
    """Whether each bar is whole and can be counted in fours, shape (B,)."""
    # 1, 2, 4 or 8 quarters long, and cut into 1, 2, 4, ... beats
    good = [
        m.numerator & (m.numerator - 1) == 0 and m.bar in (1, 2, 4, 8) for m in bars.meter
    ]
    return np.array(good) & (np.abs(bars.length - [m.bar for m in bars.meter]) < NEAR)


def _fours(bars):
    """Where four bars of 4/4 can begin, shape (B,): with regular bars that make just
    sixteen beats.
    """
    irregular = np.concatenate(
        [[0], np.cumsum(~_regular(bars))]
    )  # so many before each place
    start = np.append(bars.start, bars.start[-1] + bars.length[-1])
    end = np.searchsorted(start, bars.start + BEATS - NEAR)
    there, end = end < len(start), np.minimum(end, len(bars.start))
    return (
        there
        & (np.abs(start[end] - bars.start - BEATS) < NEAR)
        & (irregular[end] == irregular[:-1])
    )


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
    >>> new, tune, end = widened(
    ...     bars, Notes.of([(0, 2, 60), (2, 1, 62), (3, 2, 64), (6, 6, 65)]), 12
    ... )
    >>> new.start[:4].tolist(), tune.onset.tolist(), tune.duration.tolist(), end
    ([0.0, 4.0, 8.0, 12.0], [0.0, 2.0, 4.0, 8.0], [2.0, 2.0, 2.0, 8.0], 16.0)
    """
    three = np.array([m.bar == 3 for m in bars.meter]) & (np.abs(bars.length - 3) < NEAR)
    length = bars.length + three
    meter = [Meter(m.beat) if wide else m for m, wide in zip(bars.meter, three)]
    new = Bars(bars.number, bars.start[0] + np.cumsum(length) - length, length, meter)

    def carried(beats, early):
        # t' = b'_i + (t - b_i), where bar i is the one that t lies in, or falls short of by
        # `early` at most
        at = np.maximum(
            np.searchsorted(bars.start, np.asarray(beats) + early, side="right") - 1, 0
        )
        return new.start[at] + (beats - bars.start[at])

    # What rounds to a bar line begins there. What ends a sixteenth before one was meant to
    # reach it: it ends as much before the new one.
    onset = carried(tune.onset, STEP / 2)
    wide = replace(tune, onset=onset, duration=carried(tune.offset, STEP + NEAR) - onset)
    if _to_be_had(bars, tune, number) or not _to_be_had(new, wide, number):
        return bars, tune, end
    return new, wide, float(carried(end, STEP + NEAR))


def _to_be_had(bars, tune, number):
    """Whether there are four bars of four beats, anywhere or from one bar on."""
    return (
        bool(_able(bars, tune)[2])
        if number is None
        else bool(_fours(bars)[bars.number == number].any())
    )


def _able(bars, tune):
    """The bar in which a melody begins, how many bars its upbeat takes (0 or 1), and the
    bars from which four can be taken.
    """
    onset, last = np.floor(tune.onset[[0, -1]] / STEP + 0.5) * STEP
    onset = max(onset, bars.start[0])
    begin = int(np.searchsorted(bars.start, onset + NEAR)) - 1
    upbeat = int(
        onset - bars.start[begin] >= bars.length[begin] / 2 >= 1
    )  # a bar of one beat has no second half to speak of
    regular, fours, first = _regular(bars), _fours(bars), {}
    for i in range(begin + upbeat, int(np.searchsorted(bars.start, last + NEAR))):
        # bars shorter than 4/4 are counted in groups, from the first whole one of their
        # kind in a row
        same = (
            i - 1 in first
            and regular[i - 1]
            and regular[i]
            and bars.meter[i - 1].bar == bars.meter[i].bar
        )
        first[i] = first[i - 1] if same else bars.start[i]
    return (
        begin,
        upbeat,
        [
            i
            for i in [*first, *[begin] * upbeat]
            if fours[i] and (bars.start[i] - first.get(i, bars.start[i])) % 4 < NEAR
        ],
    )


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
    begin, upbeat, able = _able(bars, tune)
    if not able:
        raise _no_four(
            bars,
            begin,
            where,
            "choose another piece, or the number of a bar that is in 4/4 or 3/4",
        )
    full = [i for i in able if end > bars.start[i] + BEATS - 4 + STEP / 2]
    faults = {}
    for i in full:
        tokens = encode_grid(_flat(notes_from(tune, bars.start[i])[0]), length=HALF)
        rest, silent = longest_rest(tokens), not (tokens[: BAR // 2] != REST).any()
        faults[i] = rest > BAR, silent, rest
        if not any(faults[i][:2]):
            break
    at = min(faults, key=faults.get) if faults else able[0]
    begin_at = begin + upbeat
    if upbeat and at == begin_at:
        return at, ["The upbeat before them is left out."]
    if at > begin_at and not _fours(bars)[begin_at]:
        return at, [
            f"Its melody begins in {bars.meter[begin_at]}; these are its first four bars of four beats."
        ]
    if at > begin_at:
        return at, [
            f"Its melody begins in bar {bars.number[begin]}; these are its first four bars without a rest longer than a bar."
        ]
    return at, []


def _flat(notes):
    """Notes on one pitch, for questions of time alone."""
    return replace(notes, pitch=np.full(len(notes), 60))


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
        raise MusicFileError(
            f"there is no bar {number}",
            where,
            f"choose one from {numbers[0]} to {numbers[-1]}",
        )
    at = int(np.flatnonzero(bars.number == number)[0])
    if not _fours(bars)[at]:
        raise _no_four(bars, at, where, "choose another bar, or leave the number out")
    if not len(notes_from(tune, bars.start[at])[0]):
        raise NoNotesError(
            f"its melody rests in the four bars from bar {number} on",
            where,
            "choose another bar",
        )
    return at


def _no_four(bars, at, where, do):
    meters, number = (
        list(dict.fromkeys(str(m) for m in bars.meter[at : at + 4])),
        bars.number[at],
    )
    if len(meters) > 1 or _regular(bars)[at]:
        return MusicFileError(
            f"its meter changes in the four bars from bar {number} on ({', then '.join(meters)})",
            where,
            do,
        )
    return MusicFileError(
        f"it is in {meters[0]} from bar {number} on, and only bars of four beats, or of three, can be fused",
        where,
        do,
    )


def late(notes):
    """How far behind the sixteenths all notes of a melody lie alike, in beats, shape (); 0
    where they do not.

    Some files keep time and start anywhere.

    Examples
    --------
    >>> (
    ...     round(late(Notes.of([(k + 0.1, 1, 60) for k in range(8)])), 6),
    ...     late(Notes.of([(k / 3, 0.3, 60) for k in range(9)])),
    ... )
    (0.1, 0.0)
    """
    # 1/K sum_k exp(2 pi i t_k / step): its angle says where in a step the notes lie, its
    # length how much they agree
    lean = np.exp(2j * np.pi * notes.onset / STEP).mean()
    found = float(np.angle(lean)) / (2 * np.pi) * STEP
    return found if len(notes) >= FEW and abs(lean) > EVEN and abs(found) > LATE else 0.0


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
    >>> said
    ['A note that is held from before is struck anew.', '1 of 1 note lies off the sixteenths, and is moved by up to 0.10 beats.']
    """
    moved, said = quantize(shift(tune, -start), STEP), []
    voice = legato(moved)
    notes = crop(voice, 0, BEATS)
    if lost := int(((moved.onset >= 0) & (moved.onset < BEATS)).sum()) - len(notes):
        said.append(
            f"{count(lost, 'note')}, less than a sixteenth from the next, {'is' if lost == 1 else 'are'} left out."
        )
    before = voice[(voice.onset < 0) & (voice.offset > 0)]
    if len(before):
        tail = min(float(before.offset[0]), BEATS)
        if tail >= TAIL:
            notes = merge(
                Notes([0.0], [tail], before.pitch[:1], before.velocity[:1]), notes
            )
            said.append("A note that is held from before is struck anew.")
        else:
            said.append("The end of a note from before is left out.")
    if ((voice.onset < BEATS) & (voice.offset > BEATS)).any():
        said.append("Its last note goes on after these bars, and is cut.")
    place = (tune.onset - start) / STEP
    place = place[(place >= -0.5) & (place < BEATS / STEP - 0.5)]
    off = np.abs(place - np.floor(place + 0.5)) * STEP
    if far := int((off > OFF).sum()):
        lie = (
            "lies off the sixteenths, and is"
            if far == 1
            else "lie off the sixteenths, and are"
        )
        said.append(
            f"{far} of {count(len(off), 'note')} {lie} moved by up to {off.max():.2f} beats."
        )
    return notes, said


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
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(tokens) == REST, [0]])))
    return int(np.diff(edges)[::2].max(initial=0))
