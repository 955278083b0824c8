"""Where in a piece of music four bars of four beats are.
Chapter 4, Connective Fusion, uses it (``notebooks/04_connective_fusion_2_full_size``).

Bars are counted as musicians do: 1 is the first whole bar, 0 an upbeat. Bars of 2/4, 2/2 or
4/2 have beats that can be counted in fours too. Those of 3/4, 6/8 or 9/8 have three, and
can be given a fourth; the beats of 12/8 are four: see `in_fours`. Those of 5/4 or 7/8 stay
what they are.

No model here, and no files: `fusiontools.music.excerpts` reads those. Which notes stand in
four bars, `fusiontools.music.bar_notes` says.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.bar_notes import (
    BEATS,
    STEP,
    count,
    grid_offset,
    longest_rest,
    notes_from,
)
from fusiontools.music.grid import BAR, HALF, REST, encode_grid
from fusiontools.music.notes import Notes
from fusiontools.music.pieces import Meter, Piece, bar_lines

__all__ = ["Bars", "bars_of", "chosen_bar", "count", "first_bar", "grid_offset"]
__all__ += ["in_fours", "longest_rest", "notes_from", "read_in_fours"]

QUARTERS = (1, 2, 4, 8)  # to the bar: what can be counted in fours
NEAR = 1e-6  # beats: closer is the same place
FORGOTTEN = 16  # so many bars a file may write as one
TRIED = 2000  # places where four bars could be taken; if all have faults, no more are tried


class Bars(NamedTuple):
    """The bars of a piece, B in number."""

    number: np.ndarray  # (B,)
    start: np.ndarray  # (B,) in beats
    length: np.ndarray  # (B,) in beats
    meter: list[Meter]  # of each bar, as it is written
    regular: np.ndarray  # (B,) bool: whole, and of four beats, or of twice or half of it


def bars_of(piece: Piece, stop: float) -> Bars:
    """All bars of a piece that begin before a beat, the upbeat's included.

    Lines stand where the file has them (`fusiontools.music.bar_lines`). What a repeat sign
    cuts in two, the beats before it and the upbeat after it, counts as one bar. A bar that
    is as long as two or more counts as so many: a line was forgotten.

    Parameters
    ----------
    piece : Piece
    stop : float
        In beats.

    Returns
    -------
    Bars

    Raises
    ------
    MusicFileError
        If there are more than `bar_lines` gives.

    Examples
    --------
    >>> bars = bars_of(Piece(meters=(Meter(-3.0), Meter(9.0, 3, 4))), 14)
    >>> bars.number.tolist(), bars.start.tolist(), bars.length.tolist()
    ([0, 1, 2, 3, 4], [-3.0, 1.0, 5.0, 9.0, 12.0], [4.0, 4.0, 4.0, 3.0, 3.0])
    """
    meters = piece.meters
    # one bar line at least
    line = bar_lines(piece, max(stop, meters[0].bar))
    line = line[np.diff(line, append=np.inf) > NEAR]
    changes, bar = [m.beat for m in meters], np.array([m.bar for m in meters])

    def kinds(line):
        return np.maximum(np.searchsorted(changes, line + NEAR, side="right") - 1, 0)

    kind = kinds(line)
    if piece.bars is None and _is_upbeat(line, bar[kind], meters):
        # it becomes the end of a whole bar that begins before the music
        line[0], kind[0] = line[1] - bar[kind[1]], kind[1]
    elif line[0] > NEAR:
        before = line[0] - bar[0] * np.arange(np.ceil((line[0] - NEAR) / bar[0]), 0, -1)
        line, kind = np.append(before, line), np.append(kinds(before), kind)
    length = np.diff(line, append=line[-1] + bar[kind[-1]])
    short = length < bar[kind] - NEAR
    one = np.zeros(len(line), bool)  # it goes on with the bar before
    for i in np.flatnonzero(short[1:] & short[:-1]) + 1:
        halves = abs(length[i - 1] + length[i] - bar[kind[i]]) < NEAR
        one[i] = halves and kind[i - 1] == kind[i] and not one[i - 1]
    length[:-1] += np.where(one[1:], length[1:], 0)
    line, kind, length = line[~one], kind[~one], length[~one]
    # as long as two bars, or more: lines that were forgotten
    times = np.round(length / bar[kind])
    forgotten = (np.abs(length - times * bar[kind]) < NEAR) & (times <= FORGOTTEN)
    times = np.where(forgotten, np.maximum(times, 1), 1).astype(int)
    kind, length = kind.repeat(times), (length / times).repeat(times)
    line = line.repeat(times) + length * _places(times)
    keep = (line < stop - NEAR) | (np.arange(len(line)) == 0)
    line, kind, length = line[keep], kind[keep], length[keep]
    # 1, 2, 4 or 8 quarters long, and cut into 1, 2, 4, ... beats
    fours = [m.bar in QUARTERS and m.numerator in (*QUARTERS, 16, 32) for m in meters]
    regular = np.array(fours)[kind] & (np.abs(length - bar[kind]) < NEAR)
    number = np.arange(len(line)) + 1 - int((line < -NEAR).sum())
    return Bars(number, line, length, [meters[k] for k in kind.tolist()], regular)


def _places(many):
    """0, 1, ... within each of a row of groups, many in number, one after the other."""
    first = np.cumsum(many) - many
    return np.arange(many.sum()) - first.repeat(many)


def _is_upbeat(line, bar, meters):
    """Whether a first bar is shorter than those that follow: so a MIDI file says upbeat."""
    again = str(meters[0]) in map(str, meters[2:])
    return len(line) > 1 and line[0] < NEAR and line[1] < bar[1] - NEAR and not again


def _fours(bars):
    """Where four bars of 4/4 can begin, shape (B,): with regular bars of just 16 beats."""
    lines = np.append(bars.start, bars.start[-1] + bars.length[-1])
    # the first from there on
    ends = np.searchsorted(lines, bars.start + BEATS - NEAR).clip(max=len(lines) - 1)
    on_a_line = np.abs(lines[ends] - bars.start - BEATS) < NEAR
    irregular = np.append(0, np.cumsum(~bars.regular))
    return on_a_line & (irregular[ends] == irregular[:-1])


def in_fours(meter: Meter) -> tuple[int, float, float]:
    """How a bar that has not four beats is read as one of four, or of twice or half of it.

    Meters of three are given a fourth beat; so is 6/8, a third of its length. One of 6/4 is
    two of 3/4. In 9/8 and 12/8 a beat is three eighths: it becomes one of four sixteenths,
    as if the eighths had been written as triplets.

    Returns
    -------
    parts : int
        The bar is cut into so many, each of which is held at its end.
    scale : float
        Beats that one of its own beats becomes.
    held : float
        For so many beats each part is held; 0 where nothing is added.

    Examples
    --------
    >>> [in_fours(Meter(0.0, n, 8)) for n in (3, 4, 6)]
    [(1, 1.0, 0.5), (1, 1.0, 0.0), (1, 1.0, 1.0)]
    """
    n, beat = meter.numerator, 4 / meter.denominator
    parts, scale, held = 1, 1.0, 0.0
    if n in (9, 12) and beat <= 1:
        dotted = 2.0 if beat == 1 else 1.0  # what three of them become
        scale, held = dotted / (3 * beat), dotted * (n == 9)
    elif n == 6 and beat == 1:
        parts, held = 2, beat
    elif n in (3, 6):
        held = meter.bar / 3
    fits = meter.bar * scale + parts * held in QUARTERS
    return (parts, scale, held) if fits else (1, 1.0, 0.0)


def read_in_fours(
    bars: Bars, tune: Notes, end: float, number: int | None = None
) -> tuple[Bars, Notes, float]:
    """Music in other meters, read in bars of four beats: see `in_fours`.

    Bars of three beats are given a fourth only where that fits more of the melody than bars
    of four beats do, or where there are no four of those. A note keeps its place in its
    bar. Whatever sounds at the end of a bar of three beats, a note or a rest, is held for
    the fourth.

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
        The same bars, in the same order, with the lengths that they have now.
    tune : Notes
        What is held may reach into a note that begins in the last sixteenth of a bar:
        `notes_from` cuts it there.
    end : float

    Examples
    --------
    >>> bars = bars_of(Piece(meters=(Meter(0.0, 3, 4),)), 20)
    >>> tune = Notes.of([(0, 2, 60), (2, 1, 62), (3, 2, 64), (6, 6, 65)])
    >>> new, tune, end = read_in_fours(bars, tune, 12)
    >>> new.start[:4].tolist(), tune.onset.tolist(), tune.duration.tolist(), end
    ([0.0, 4.0, 8.0, 12.0], [0.0, 2.0, 4.0, 8.0], [2.0, 2.0, 2.0, 8.0], 16.0)
    """
    plain, wide = (_stretched(bars, tune, end, held) for held in (False, True))
    if number is not None:
        four, more = (
            _fours(read[0])[bars.number == number].any() for read in (plain, wide)
        )
        return wide if more and not four else plain
    room, more = _room(*plain), _room(*wide)
    at = np.searchsorted(bars.start, tune.onset + STEP / 2, side="right") - 1
    at = np.maximum(at, 0)
    three = np.abs(wide[0].length - plain[0].length) > NEAR
    most = three[at].sum() > plain[0].regular[at].sum()
    return wide if more > room or (more == room and most) else plain


def _room(bars, tune, end):
    """2 if four bars can be taken, 1 if fewer, at the end of the piece, 0 if none."""
    found = _candidates(bars, tune)[2]
    return bool(found) + any(_has_more(bars.start[i], end) for i in found)


def _has_more(start, end):
    """Whether the fourth bar from a beat on is in the piece."""
    return end > start + BEATS - 4 + STEP / 2


def _stretched(bars, tune, end, held):
    """Bars of four dotted beats as bars of four beats; if `held`, those of three, too."""
    ways = {m: in_fours(m) for m in set(bars.meter)}
    if not held:
        ways = {m: (1, 1.0, 0.0) if way[2] else way for m, way in ways.items()}
    parts, scale, hold = np.array([ways[m] for m in bars.meter]).T
    whole = np.abs(bars.length - [m.bar for m in bars.meter]) < NEAR
    parts = parts.astype(int)
    changed = (scale != 1) | (hold > 0)
    if not changed.any():
        return bars, tune, end
    i = np.repeat(np.arange(len(parts)), parts)
    first = np.cumsum(parts) - parts
    # b_j, where a part begins, and b'_j, where it is carried
    begins = bars.start[i] + _places(parts) * (bars.length / parts)[i]
    length = (bars.length / parts * scale + hold)[i]
    carries = bars.start[0] + np.cumsum(length) - length

    def carried(beats, early):
        # the part that a beat lies in, or falls short of by `early` at most
        j = np.searchsorted(begins, np.asarray(beats) + early, side="right") - 1
        j = np.maximum(j, 0)
        # t' = b'_j + a_j (t - b_j)
        return carries[j] + scale[i[j]] * (beats - begins[j])

    # What rounds to a bar line begins there. What ends a sixteenth before one was meant to
    # reach it: it ends as much before the new one.
    onset = carried(tune.onset, STEP / 2)
    offset = carried(tune.offset, STEP + NEAR)
    new = bars.length * scale + parts * hold
    fits = whole & (np.abs(new[:, None] - QUARTERS) < NEAR).any(1)
    regular = np.where(changed, fits, bars.regular)
    bars = bars._replace(start=carries[first], length=new, regular=regular)
    # a note of nothing but that sixteenth is left with no length
    tune = replace(tune, onset=onset, duration=np.maximum(offset - onset, NEAR))
    return bars, tune, float(carried(end, STEP + NEAR))


def _candidates(bars, tune):
    """Where a melody begins, the bars of its upbeat (0 or 1), where four can be taken."""
    onset, last = np.floor(tune.onset[[0, -1]] / STEP + 0.5) * STEP
    onset = max(onset, bars.start[0])
    begin = max(int(np.searchsorted(bars.start, onset + NEAR)) - 1, 0)
    # a bar of one beat has no second half to speak of
    half = bars.length[begin] / 2
    upbeat = int(half >= 1 and onset - bars.start[begin] >= half)
    first, fours = begin + upbeat, _fours(bars)
    at = np.arange(first, int(np.searchsorted(bars.start, last + NEAR)))
    # bars shorter than 4/4 are counted in groups, from the first of their kind in a row
    alike = np.abs(bars.length[at] - bars.length[at - 1]) < NEAR
    alike &= bars.regular[at] & bars.regular[at - 1] & (at > first)
    group = np.maximum.accumulate(np.where(alike, 0, at)) if len(at) else at
    beats = bars.start[at] - bars.start[group]
    in_group = np.abs(beats - 4 * np.round(beats / 4)) < NEAR
    # where no note begins there is nothing to take
    inside = [
        np.searchsorted(tune.onset, bars.start[at] + x - STEP / 2) for x in (0, BEATS)
    ]
    found = at[fours[at] & in_group & ((inside[0] < inside[1]) | (at == first))].tolist()
    if upbeat and fours[begin]:
        found.append(begin)  # the last choice
    return begin, upbeat, found


def first_bar(bars: Bars, tune: Notes, end: float, where: object) -> tuple[int, list[str]]:
    """The bar from which four are taken when nobody says which.

    It is the first, from the one in which the melody begins, whose four bars have no rest
    longer than a bar and do not begin with half a bar of silence; if all do (of the first
    2,000), the one with the shortest rest. A melody that begins in the second half of a bar
    begins with an upbeat, and is counted from the next bar, if it can be.

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
    for i in candidates[:TRIED]:
        if not _has_more(bars.start[i], end):
            continue
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
    begins, these = f"bar {bars.number[begin]}", "the four bars with the shortest rest"
    if not bars.regular[first]:
        begins, these = bars.meter[first], "its first four bars of four beats"
    elif not _fours(bars)[first]:
        these = "its first four bars, of four beats, that are whole"
    elif fewest and not any(fewest[:2]):
        these = "its first four bars without a rest longer than a bar"
    return at, [f"Its melody begins in {begins}; these are {these}."]


def _faults(tune, start):
    """Of four bars: a rest longer than a bar, half a bar of silence first, longest rest."""
    notes, _ = notes_from(tune, start)
    notes = replace(notes, pitch=np.full(len(notes), 60))  # the question is one of time
    tokens = encode_grid(notes, length=HALF)
    rest, silent = longest_rest(tokens), (tokens[: BAR // 2] == REST).all()
    return rest > BAR, bool(silent), rest


def chosen_bar(bars: Bars, tune: Notes, end: float, number: int, where: object) -> int:
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
    number, four = bars.number[at], range(at, min(at + 4, len(bars.start)))
    meters = [str(m) for m in dict.fromkeys(bars.meter[i] for i in four)]
    changes = ", then ".join(dict.fromkeys(meters))
    found = f"its meter changes in the four bars from bar {number} on ({changes})"
    if len(set(meters)) == 1:
        only = "only music in four beats, or in three, can be fused"
        found = f"it is in {changes} from bar {number} on, and {only}"
        odd = [i for i in four if abs(bars.length[i] - bars.length[at]) > NEAR]
        if odd or bars.regular[at]:
            i = (odd or four)[0]
            found = f"the four bars from bar {number} on are not alike"
            found += f": bar {bars.number[i]} lasts {bars.length[i]:g} beats, in {changes}"
    return MusicFileError(found, where, do)
