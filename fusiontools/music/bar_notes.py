"""Which notes of a melody stand in four bars of four beats, on the grid of sixteenths.
Chapter 4, Connective Fusion, uses it (``notebooks/04_connective_fusion_2_full_size``).

Which four bars they are, `fusiontools.music.bars` says.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import REST
from fusiontools.music.notes import Notes, crop, legato, merge, quantize, shift

__all__ = ["count", "grid_offset", "longest_rest", "notes_from"]

STEP, BEATS = 0.25, 16.0  # a sixteenth, and four bars, in beats
OFF = STEP / 4  # beats: notes that lie farther from the grid than this are counted
TAIL = 0.5  # beats: what is left of a note from before is struck anew if it lasts so long
# All notes are moved onto the grid if there are FEW of them or more, if they lie beside it
# by more than LATE beats, and if they agree in that by more than EVEN (1: they all do).
FEW, LATE, EVEN = 8, 0.02, 0.7


def grid_offset(notes: Notes) -> float:
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


def notes_from(tune: Notes, start: float) -> tuple[Notes, list[str]]:
    r"""Sixteen beats of a melody, on the grid.

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
    >>> print(*said, sep="\n")
    A note that is held from before is struck anew.
    1 of 1 note lies off the sixteenths, and is moved by up to 0.10 beats.
    """
    # of what was before only the last note can sound, and a few that move onto its place
    near = np.searchsorted(tune.onset, [start - STEP, start + BEATS + STEP])
    tune = tune[max(near[0] - 8, 0) : near[1]]
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
            again = replace(before[:1], onset=np.zeros(1), duration=np.array([tail]))
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


def count(n: int, what: str) -> str:
    """A number of things, in words.

    Examples
    --------
    >>> count(1, "note"), count(2, "note")
    ('1 note', '2 notes')
    """
    return f"{n} {what}{'s' * (n != 1)}"


def longest_rest(tokens: npt.ArrayLike) -> int:
    """The longest rest of a grid, in tokens.

    Examples
    --------
    >>> longest_rest(np.array([0, 60, 1, 0, 0, 62]))
    2
    """
    rests = np.concatenate([[0], np.asarray(tokens) == REST, [0]])
    edges = np.flatnonzero(np.diff(rests))  # where a rest begins, where it ends, and so on
    return int(np.diff(edges)[::2].max(initial=0))
