"""Which line of a piece is taken, and how it becomes windows that fill a picture.

A line is `Notes` one at a time, then tokens of `fusiontools.music.grid`, eight steps a
beat: 0 a rest, 1 a hold, else the pitch that starts. A window has 1,024 steps, the pixels
of a picture; a row of 32 steps is four beats, whatever the meter. Used in chapter 5, Domain
transfer.
"""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from fusiontools.errors import NoNotesError
from fusiontools.music.extract import skyline
from fusiontools.music.grid import HOLD, REST, in_range, one_voice
from fusiontools.music.notes import Notes
from fusiontools.music.pieces import Piece

__all__ = ["BAR", "HIGH", "LOW", "MIDDLE", "PER_BEAT", "REACH", "STEPS", "is_heavy", "kept"]
__all__ += ["line_tokens", "lowest", "riff", "sounding", "to_middle"]
__all__ += ["tracks", "window_starts", "windows", "worth"]

STEPS, BAR, PER_BEAT = 1024, 32, 8  # of a window, a row of the picture, a beat
MIDDLE, REACH = 60, 18  # the median pitch, and how far from it a note may lie
LOW, HIGH = MIDDLE - REACH, MIDDLE + REACH
FILLED = PER_BEAT  # steps: the longest rest that the note before it fills
GUITARS, PIANOS = range(29, 32), range(8)  # programs: overdriven, distorted, harmonics
OFF_GRID, ONSETS, SILENT = 0.2, 48, 0.3  # see `worth`
EXACT = 0.01  # beats: an onset this close to a grid line is on it


def lowest(notes: Notes) -> Notes:
    """The lowest note that starts at each moment, cut off where the next one starts."""
    return _upside_down(skyline(_upside_down(notes)))


def _upside_down(notes):
    return Notes(notes.onset, notes.duration, 127 - notes.pitch, notes.velocity)


def tracks(piece: Piece, programs: Collection[int] = range(128)) -> list[Notes]:
    """The notes of each track that sounds, drums apart; of some programs only."""
    parts = (t for t in piece.tracks if not t.is_drum and t.program in programs)
    return [t.notes for t in parts if len(t.notes)]


def riff(piece: Piece) -> Notes | None:
    """The electric guitar with most notes, chords and all; None where none plays."""
    return max(tracks(piece, GUITARS), key=len, default=None)


def is_heavy(piece: Piece) -> bool:
    """Whether two electric guitars or more play, and drums, and no piano."""
    drums = any(t.is_drum for t in piece.tracks)
    return len(tracks(piece, GUITARS)) > 1 and drums and not tracks(piece, PIANOS)


def line_tokens(notes: Notes) -> np.ndarray:
    """A line from the bar line before its first note on, in whole bars of four beats.

    Parameters
    ----------
    notes : Notes
        In beats. Of notes that start together the highest stays. Bars count from beat 0.

    Returns
    -------
    ndarray of uint8, shape (T,)
        T is a multiple of 32. A rest of up to a beat after a note is filled by it.

    Raises
    ------
    NoNotesError
        If there is no note.

    Examples
    --------
    >>> tokens = line_tokens(Notes.of([(5, 0.25, 60), (5.5, 0.5, 62)]))
    >>> len(tokens), tokens[8:18].tolist()
    (32, [60, 1, 1, 1, 62, 1, 1, 1, 0, 0])
    """
    first, last, pitch = one_voice(in_range(notes, HOLD + 1, 127, "fold"), PER_BEAT)
    if not len(first):
        raise NoNotesError("there is no line where nothing sounds", do="choose other music")
    start = first[0] - first[0] % BAR
    first, last = first - start, last - start
    following = np.append(first[1:], -(-last[-1] // BAR) * BAR)
    last = np.where(following - last <= FILLED, following, last)
    change = np.zeros(following[-1] + 1, np.int64)
    change[first] += 1
    change[last] -= 1
    tokens = np.cumsum(change)[:-1].astype(np.uint8)  # 1 while a note sounds
    tokens[first] = pitch
    return tokens


def sounding(tokens: npt.ArrayLike) -> np.ndarray:
    """Which pitch sounds at each step, 0 where none does; any shape (..., T).

    Examples
    --------
    >>> sounding([60, 1, 0, 62]).tolist()
    [60, 60, 0, 62]
    """
    tokens = np.asarray(tokens)
    where = np.where(tokens == HOLD, 0, np.arange(tokens.shape[-1]))
    return np.take_along_axis(tokens, np.maximum.accumulate(where, axis=-1), axis=-1)


def to_middle(tokens: npt.ArrayLike) -> tuple[np.ndarray, int | np.ndarray]:
    """Move each row so that its median pitch is `MIDDLE`, and far notes by octaves.

    Parameters
    ----------
    tokens : array_like of int, shape (T,) or (N, T)

    Returns
    -------
    tokens : ndarray of uint8, of that shape
        Pitches from `LOW` to `HIGH`.
    shift : int, or ndarray of int64, shape (N, 1)
        In semitones. ``transpose_grid(tokens, -shift)`` brings all back but the notes more
        than `REACH` from the median, which stay some octaves off.

    Examples
    --------
    >>> moved, shift = to_middle([72, 1, 74, 76, 100, 0])
    >>> moved.tolist(), shift
    ([58, 1, 60, 62, 74, 0], -14)
    """
    tokens = np.asarray(tokens)
    onset = tokens > HOLD
    ordered = np.sort(np.where(onset, tokens, 255), axis=-1)
    half = np.maximum(onset.sum(-1, keepdims=True) - 1, 0) // 2  # of two, the lower
    median = np.take_along_axis(ordered, half, axis=-1).astype(np.int64)
    shift = np.where(median < 255, MIDDLE - median, 0)
    pitch = tokens + shift
    # octaves up, rounded up: ceil((LOW - p) / 12); and down likewise
    up, down = -((pitch - LOW) // 12), -((HIGH - pitch) // 12)
    pitch = pitch + 12 * (np.maximum(up, 0) - np.maximum(down, 0))
    moved = np.where(onset, pitch, tokens).astype(np.uint8)
    return moved, (int(shift[0]) if tokens.ndim == 1 else shift)


def window_starts(length: int, stride: int = 16 * BAR) -> np.ndarray:
    """Where windows start that cover a line of so many steps; the last ends with it, (N,).

    Examples
    --------
    >>> window_starts(1600).tolist()
    [0, 512, 576]
    """
    starts = np.arange(0, max(length - STEPS, 0) + 1, stride)
    left = starts[-1] + STEPS < length
    return np.append(starts, length - STEPS) if left else starts


def windows(tokens: np.ndarray, stride: int = 16 * BAR) -> np.ndarray:
    """A line's windows, (N, 1024). A short line is played again until one is full.

    A note that is cut by the start of a window starts there again.

    Examples
    --------
    >>> windows(np.repeat([60, 1], [1, 1055]).astype(np.uint8))[:, :2].tolist()
    [[60, 1], [60, 1]]
    """
    tokens = np.resize(tokens, max(len(tokens), STEPS))
    starts = window_starts(len(tokens), stride)
    rows = np.lib.stride_tricks.sliding_window_view(tokens, STEPS)[starts]
    rows[:, 0] = sounding(tokens)[starts]
    return rows


def worth(rows: np.ndarray) -> np.ndarray:
    """Which windows to learn from, (N,) bool: at least 48 onsets, at most a fifth of them
    off the grid of 16th notes, and silence for less than 30 % of the time.
    """
    onset = rows > HOLD
    count = onset.sum(1)
    off = onset[:, 1::2].sum(1) / np.maximum(count, 1)
    return (count >= ONSETS) & (off <= OFF_GRID) & ((rows == REST).mean(1) < SILENT)


def kept(notes: Notes, line: Notes) -> dict[str, float]:
    """What a line keeps of the notes that it is taken from, and what pictures keep of it.

    Returns
    -------
    dict of str to float
        ``notes``: share of the notes that are in the line. ``on_16ths``, ``on_32nds``:
        share of the line's onsets on that grid, to a hundredth of a beat. ``unmerged``:
        share of its notes that are left when neighbours of one pitch become one note, as in
        the paper's picture.

    Examples
    --------
    >>> tune = Notes.of([(0, 1, 60), (1, 1, 60), (2, 1, 62), (3.125, 0.875, 62)])
    >>> kept(tune, tune)
    {'notes': 1.0, 'on_16ths': 0.75, 'on_32nds': 1.0, 'unmerged': 0.5}
    """
    shares = {"notes": len(line) / len(notes)}
    for name, grid in (("on_16ths", 0.25), ("on_32nds", 0.125)):
        away = np.abs(line.onset - grid * np.round(line.onset / grid))
        shares[name] = float(np.mean(away <= EXACT))
    tokens = line_tokens(line)
    changes = np.diff(sounding(tokens), prepend=0) != 0
    return shares | {"unmerged": float(changes[tokens > HOLD].mean())}
