"""A piece of anybody's as melodies that can be compared: grids of eight bars each.

What stands in them is for `fusiontools.compare.common` to measure. Used by the command
``score`` and in chapter 8, Side by side.
"""

import os
from dataclasses import replace

import numpy as np

from fusiontools.errors import NoNotesError
from fusiontools.music.bars import STEP, bars_of, count, grid_offset, read_in_fours
from fusiontools.music.excerpts import piece_of, tracks_of
from fusiontools.music.extract import melody
from fusiontools.music.grid import BAR, HALF, HIGH, HOLD, LOW, encode_grid, take_windows
from fusiontools.music.midi import Piece
from fusiontools.music.notes import Notes, quantize, shift

__all__ = ["piece_windows"]

BARS = 2 * HALF // BAR  # of a window
MOST = 500  # windows of a piece: 4,000 bars


def piece_windows(
    music: str | os.PathLike | Piece | Notes, where: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """The melody of a piece as grids of eight bars each, from its first whole bar on.

    Bars are read as `fusiontools.music.read_excerpt` reads them. Windows follow each other;
    the last one ends with the piece, and silent ones are left out.

    Parameters
    ----------
    music : path-like, Piece or Notes
    where : str, optional
        What messages call it.

    Returns
    -------
    windows : ndarray of uint8, shape (N, 128)
    said : list of str
        What was adapted.

    Raises
    ------
    NoNotesError
        If no melody sounds.
    MusicFileError
        If a file cannot be read.

    Examples
    --------
    >>> windows, said = piece_windows(Notes.of([(k, 1, 60) for k in range(40)]))
    >>> windows.shape, said
    ((2, 128), [])
    """
    piece, where, said = piece_of(music, where)
    try:
        found = melody(Piece(tuple(own for _, own in tracks_of(piece, None, where))))
    except NoNotesError as error:
        raise NoNotesError(error.found, where, error.do) from None
    behind = grid_offset(found)
    line = shift(found, -behind)
    end = max(max(own.notes.end for own in piece.tracks) - behind, line.end)
    bars, line, _ = read_in_fours(bars_of(piece, end + 1), line, end)
    start, first = bars.start, float(line.onset[0])
    # a melody that begins in the second half of a bar begins with an upbeat
    at = max(int(np.searchsorted(start, first + STEP / 2, side="right")) - 1, 0)
    upbeat = first - start[at] >= bars.length[at] / 2 >= 1 and at + 1 < len(start)
    begin = start[at + upbeat]
    notes = quantize(shift(line[line.onset >= begin - STEP / 2], -begin), STEP)
    if not len(notes):
        raise NoNotesError("nothing but an upbeat sounds", where, "take a longer piece")
    notes, moved = _in_reach(notes)
    tokens = encode_grid(notes[notes.onset < MOST * 4 * BARS])
    return _cut(tokens, said + moved, float(notes.end))


def _in_reach(notes):
    """Notes in the octave in which most of them fit the grid, and what to say of it."""
    octaves = sorted(range(-6, 6), key=abs)
    pitches = [notes.pitch.astype(int) + 12 * k for k in octaves]
    inside = [int(((p >= LOW) & (p <= HIGH)).sum()) for p in pitches]
    most = max(inside)
    k, pitch = octaves[inside.index(most)], pitches[inside.index(most)]
    said = [f"It is moved by {12 * k:+d} semitones."] if k else []
    if most < len(notes):
        many = count(len(notes) - most, "note")
        said.append(f"Moved by octaves, into the range of the grid: {many}.")
    # octaves to go, rounded up
    up, down = -((pitch - LOW) // 12), -((HIGH - pitch) // 12)
    pitch = pitch + 12 * (np.maximum(up, 0) - np.maximum(down, 0))
    return replace(notes, pitch=pitch), said


def _cut(tokens, said, end):
    bars = -(-len(tokens) // BAR)
    if end > MOST * 4 * BARS:
        said.append(f"It is long: its first {MOST * BARS:,} bars are taken.")
    if bars < BARS:
        said.append(f"It has {count(bars, 'bar')}: what is left of the {BARS} is silent.")
    whole = max(bars, BARS)
    tokens = np.pad(tokens, (0, whole * BAR - len(tokens)))
    starts = np.append(np.arange(0, whole - BARS, BARS), whole - BARS) * BAR
    windows = take_windows(tokens, starts, BARS, BAR)
    sounds = (windows > HOLD).any(axis=1)
    if not sounds.all():
        silent = count(int((~sounds).sum()), "window")
        said.append(f"Silent, and left out: {silent} of eight bars.")
    return windows[sounds], said
