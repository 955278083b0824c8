"""The melodico-rhythmic grid of Connective Fusion: one token for every 16th note.

A token is a pitch (a note starts here), a hold (the last note goes on) or a rest. Pitches
are written as their MIDI numbers, a rest as 0 and a hold as 1, so a grid can be read by
eye. The paper keeps the pitches 55 to 84, and cuts melodies into windows of eight bars, 128
tokens, whose halves of 64 tokens are fused (section 3.1).

What a grid loses: loudness, all timing finer than its cells, all but one note at a time,
and the silence after the last note unless you say how long the piece is. What it keeps
apart, unlike a piano roll: a repeated note and a long one.

This module is not a data set: it knows nothing of songs, splits or files. Used in chapters
2, 4, 5 and 8.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError
from fusiontools.music.notes import Notes, legato
from fusiontools.music.roll import cells, fit_length

__all__ = [
    "HOLD",
    "REST",
    "decode_grid",
    "encode_grid",
    "from_classes",
    "grid_shifts",
    "grid_windows",
    "is_legal_grid",
    "repair_grid",
    "take_windows",
    "to_classes",
    "transpose_grid",
]

REST, HOLD = 0, 1  # no melody reaches these two MIDI pitches (8 Hz), so they are free
LOW, HIGH = 55, 84  # section 3.1: G3 to C6
BAR, HALF = 16, 64  # tokens of a bar of 4/4, and of half a window, which is four bars
STEPS_PER_BEAT = 4
OUTSIDE = ("raise", "drop", "fold")


def in_range(notes: Notes, low: int, high: int, outside: str = "raise") -> Notes:
    """Bring notes into a range of pitches, or say why they do not fit.

    Parameters
    ----------
    notes : Notes
    low, high : int
        The lowest and the highest pitch allowed.
    outside : {"raise", "drop", "fold"}
        What happens to the others: an error, silence, or a move by octaves to the nearest
        place inside.

    Raises
    ------
    MusicFileError
        If a note lies outside and `outside` is "raise".
    ValueError
        If `outside` is unknown, or "fold" is asked of a range under an octave.

    Examples
    --------
    >>> in_range(Notes.of([(0, 1, 40)]), 55, 84, "fold")[0].pitch
    64
    """
    if outside not in OUTSIDE:
        raise ValueError(f"outside is {outside!r}; it can be {', '.join(OUTSIDE)}")
    pitch = notes.pitch.astype(np.int64)
    inside = (pitch >= low) & (pitch <= high)
    if inside.all():
        return notes
    if outside == "raise":
        found = f"pitches run from {pitch.min()} to {pitch.max()}"
        raise MusicFileError(
            f"{found}, and this view holds {low} to {high}",
            do="transpose the notes, or choose outside='fold' (move by octaves) "
            "or outside='drop'",
        )
    if outside == "drop":
        return notes[inside]
    if high - low < 11:
        raise ValueError(
            f"{low} to {high} is less than an octave: some pitches have no place to fold to"
        )
    # octaves needed, rounded up
    up = np.maximum(-(-(low - pitch) // 12), 0)
    down = np.maximum(-(-(pitch - high) // 12), 0)
    return replace(notes, pitch=pitch + 12 * (up - down))


def one_voice(
    notes: Notes, steps_per_beat: int, what: str = "this view"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Like `cells`, for views of one note at a time.

    Of each cell the highest note stays, cut where the next one starts.

    Returns
    -------
    first, last, pitch : ndarray of int64, shape (M,), M <= N
    """
    first, last = cells(notes, steps_per_beat, what)
    line = legato(Notes(first, last - first, notes.pitch))
    first = line.onset.astype(np.int64)
    return first, first + line.duration.astype(np.int64), line.pitch.astype(np.int64)


def encode_grid(
    notes: Notes,
    low: int = LOW,
    high: int = HIGH,
    steps_per_beat: int = STEPS_PER_BEAT,
    length: int | None = None,
    outside: str = "raise",
) -> np.ndarray:
    """Write a melody as one token a cell.

    Parameters
    ----------
    notes : Notes
        In beats. Where several notes start in one cell, the highest stays; where they
        overlap, the later one cuts the earlier.
    low, high : int
        The pitches that the grid holds, 2 at least and 127 at most.
    steps_per_beat : int
        4 means 16th notes.
    length : int, optional
        Number of tokens; by default the grid ends with its last note.
    outside : {"raise", "drop", "fold"}
        What to do with other pitches, see `in_range`.

    Returns
    -------
    ndarray of uint8, shape (T,)
        0 is a rest, 1 a hold, any other number a pitch that starts.

    Raises
    ------
    UnitError
        If the notes are in seconds.
    MusicFileError
        If a note starts before beat 0, lies outside the pitches and `outside` is "raise",
        or `length` is shorter than the music.

    References
    ----------
    Connective Fusion, section 3.1, after the melodico-rhythmic encoding of
    Anticipation-RNN.

    Examples
    --------
    >>> encode_grid(Notes.of([(0, 0.75, 60), (1, 0.5, 64)])).tolist()
    [60, 1, 1, 0, 64, 1]
    """
    _check_range(low, high)
    notes = in_range(notes, low, high, outside)
    first, last, pitch = one_voice(notes, steps_per_beat, "encode_grid")
    tokens = np.full(fit_length(last.max(initial=0), length), REST, np.uint8)
    for a, b, p in zip(first, last, pitch):
        tokens[a], tokens[a + 1 : b] = p, HOLD
    return tokens


def decode_grid(tokens: npt.ArrayLike, steps_per_beat: int = STEPS_PER_BEAT) -> Notes:
    """Read a grid as notes: the inverse of `encode_grid` for every legal grid.

    It reads illegal grids too, as a generator may write them: they are repaired first (see
    `repair_grid`).

    Parameters
    ----------
    tokens : array_like of int, shape (T,)
        0, 1, and pitches up to 127.
    steps_per_beat : int
        As at encoding.

    Returns
    -------
    Notes
        In beats. The silence after the last note is not in it: pass ``length=len(tokens)``
        to encode it back.

    Raises
    ------
    ValueError
        If a token is negative or above 127, or the array has more than one dimension.

    Examples
    --------
    >>> decode_grid([60, 1, 1, 0, 64, 1])[0]
    Note(onset=0.0, duration=0.75, pitch=60, velocity=80)
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 1:
        raise ValueError(
            f"a grid is one row of tokens, found shape {tokens.shape}: "
            "decode the rows one by one"
        )
    tokens = repair_grid(tokens)
    first = np.flatnonzero(tokens > HOLD)
    # a note lasts until the next token that is no hold
    ends = np.append(np.flatnonzero(tokens != HOLD), len(tokens))
    last = ends[np.searchsorted(ends, first, side="right")]
    return Notes(first / steps_per_beat, (last - first) / steps_per_beat, tokens[first])


def is_legal_grid(tokens: npt.ArrayLike, low: int = LOW, high: int = HIGH) -> bool:
    """Whether `encode_grid` could have written this.

    Known tokens only, and no hold at the start or after a rest.

    Examples
    --------
    >>> is_legal_grid([60, 1, 0, 0]), is_legal_grid([60, 0, 1]), is_legal_grid([1, 60])
    (True, False, False)
    """
    tokens = np.asarray(tokens)
    known = (tokens == REST) | (tokens == HOLD) | ((tokens >= low) & (tokens <= high))
    if tokens.ndim != 1 or not known.all():
        return False
    return np.array_equal(tokens, repair_grid(tokens))


def repair_grid(tokens: npt.ArrayLike) -> np.ndarray:
    """Turn every hold that holds nothing into a rest, and leave all else as it is.

    This is how a grid that was cut out of a longer one, or came from a generator, becomes
    legal: the tail of a note whose start was cut off is silent.

    Parameters
    ----------
    tokens : array_like of int, shape (..., T)

    Returns
    -------
    ndarray, shape (..., T)
        A new array.

    Examples
    --------
    >>> repair_grid([1, 1, 60, 1, 0, 1]).tolist()
    [0, 0, 60, 1, 0, 0]
    """
    tokens = np.asarray(tokens)
    if tokens.size and (tokens.min() < 0 or tokens.max() > 127):
        found = f"grid tokens run from {tokens.min()} to {tokens.max()}; 0 to 127 are known"
        raise ValueError(found)
    where = np.where(tokens == HOLD, -1, np.arange(tokens.shape[-1]))
    # the place of the last token that is no hold, -1 before the first
    held = np.maximum.accumulate(where, axis=-1)
    source = np.take_along_axis(tokens, np.maximum(held, 0), axis=-1)
    idle = (tokens == HOLD) & ((held < 0) | (source == REST))
    return np.where(idle, REST, tokens).astype(tokens.dtype)


def transpose_grid(tokens: npt.ArrayLike, semitones: int) -> np.ndarray:
    """Move the pitches of a grid, and leave its rests and holds.

    Examples
    --------
    >>> transpose_grid(np.array([60, 1, 0], np.uint8), -2).tolist()
    [58, 1, 0]
    """
    tokens = np.asarray(tokens)
    moved = np.where(tokens > HOLD, tokens.astype(np.int64) + semitones, tokens)
    if moved.size and (moved.max() > 127 or (moved[tokens > HOLD] <= HOLD).any()):
        raise ValueError(f"moved by {semitones}, the pitches leave 2 to 127")
    return moved.astype(tokens.dtype)


def to_classes(tokens: npt.ArrayLike, low: int = LOW, high: int = HIGH) -> np.ndarray:
    """Number the tokens without gaps, for a network; any shape.

    0 is a rest, 1 a hold, 2 the lowest pitch, and so on.

    Examples
    --------
    >>> to_classes([0, 1, 55, 84]).tolist()
    [0, 1, 2, 31]
    """
    tokens = np.asarray(tokens).astype(np.int64)
    known = (tokens >= 0) & (tokens <= high) & ((tokens <= HOLD) | (tokens >= low))
    if not known.all():
        raise ValueError(f"a token is neither rest, hold nor a pitch from {low} to {high}")
    return np.where(tokens > HOLD, tokens - low + 2, tokens)


def from_classes(classes: npt.ArrayLike, low: int = LOW, high: int = HIGH) -> np.ndarray:
    """The inverse of `to_classes`; any shape, uint8.

    Examples
    --------
    >>> from_classes([0, 1, 2, 31]).tolist()
    [0, 1, 55, 84]
    """
    classes = np.asarray(classes).astype(np.int64)
    if classes.size and (classes.min() < 0 or classes.max() > high - low + 2):
        raise ValueError(
            f"classes run from {classes.min()} to {classes.max()}; "
            f"0 to {high - low + 2} are known"
        )
    return np.where(classes > HOLD, classes + low - 2, classes).astype(np.uint8)


def grid_windows(
    tokens: npt.ArrayLike,
    bars: int = 8,
    stride_bars: int = 1,
    rule: str | None = "rest",
    offsets: npt.ArrayLike | None = None,
    steps_per_bar: int = 16,
) -> np.ndarray:
    """Where the windows of a grid start.

    These are indices only, so that millions of windows cost next to nothing.

    Parameters
    ----------
    tokens : ndarray of int, shape (T,)
        One grid, or many laid end to end (then give `offsets`).
    bars, stride_bars : int
        Length of a window and the step from one to the next, in bars. A window lies wholly
        inside its track.
    rule : {"rest", "bars", None}
        Which windows to leave out. "rest" is the paper's rule: a run of rests longer than a
        bar. "bars": two bars in a row without a sound, wherever the shorter rests lie. None
        keeps all.
    offsets : array_like of int, shape (S + 1,), optional
        Track i is ``tokens[offsets[i]:offsets[i + 1]]``, and its bars are counted from
        ``offsets[i]``.
    steps_per_bar : int
        16 in 4/4 at four steps to the beat.

    Returns
    -------
    ndarray of int64, shape (N,)
        First token of each window, for `take_windows`.

    Raises
    ------
    ValueError
        If the rule is unknown, or the sizes are not positive.

    References
    ----------
    Connective Fusion, section 3.1: "filtering out windows that have more than one bar
    consecutive rests".

    Examples
    --------
    >>> tokens = np.repeat(np.array([60, 0, 62], np.uint8), [16, 20, 28])
    >>> grid_windows(tokens, bars=2).tolist()
    [0, 32]
    >>> grid_windows(tokens, bars=2, rule="bars").tolist()
    [0, 16, 32]
    """
    tokens = np.asarray(tokens)
    if rule not in ("rest", "bars", None):
        raise ValueError(f"the rule is {rule!r}; it can be 'rest', 'bars' or None")
    if min(bars, stride_bars, steps_per_bar) < 1:
        raise ValueError("bars, stride_bars and steps_per_bar must be at least 1")
    length, stride = bars * steps_per_bar, stride_bars * steps_per_bar
    offsets = _bounds(tokens, offsets)
    each = [np.arange(a, b - length + 1, stride) for a, b in pairwise(offsets)]
    starts = np.concatenate(each) if each else np.zeros(0, np.int64)
    if rule is None or not len(starts):
        return starts
    rests = _running_sum(tokens == REST)
    if rule == "rest":
        run = steps_per_bar + 1  # the shortest run that is longer than a bar
        if run > length:
            return starts
        too_long = _running_sum(rests[run:] - rests[:-run] == run)
        return starts[too_long[starts + length - run + 1] == too_long[starts]]
    keep = np.ones(len(starts), bool)
    for bar in range(bars - 1):  # two bars in a row, at each place in the window
        first = starts + bar * steps_per_bar
        keep &= rests[first + 2 * steps_per_bar] - rests[first] < 2 * steps_per_bar
    return starts[keep]


def _bounds(tokens, offsets):
    """Where tracks start and end; without offsets all tokens are one track."""
    return np.asarray([0, len(tokens)] if offsets is None else offsets, dtype=np.int64)


def _running_sum(flags):
    """How many flags are set before each place, shape (T + 1,), int32."""
    return np.concatenate([[0], np.cumsum(flags, dtype=np.int32)]).astype(np.int32)


def take_windows(
    tokens: npt.ArrayLike,
    starts: npt.ArrayLike,
    bars: int = 8,
    steps_per_bar: int = 16,
    repair: bool = True,
) -> np.ndarray:
    """Cut the windows that start at `starts`, and only those.

    Hand it a batch of indices at a time.

    Parameters
    ----------
    tokens : ndarray of int, shape (T,)
    starts : array_like of int, shape (N,)
        Some of what `grid_windows` returned.
    bars, steps_per_bar : int
        As there.
    repair : bool
        Silence the tail of a note that was cut at the window's start, so that every window
        is legal.

    Returns
    -------
    ndarray, shape (N, bars * steps_per_bar)

    Examples
    --------
    >>> tokens = np.array([60, 1, 1, 62], np.uint8)
    >>> take_windows(tokens, [0, 2], bars=1, steps_per_bar=2).tolist()
    [[60, 1], [0, 62]]
    """
    size = bars * steps_per_bar
    windows = np.lib.stride_tricks.sliding_window_view(np.asarray(tokens), size)
    rows = windows[np.asarray(starts, dtype=np.int64)]
    return repair_grid(rows) if repair else rows


def grid_shifts(
    tokens: npt.ArrayLike,
    offsets: npt.ArrayLike | None = None,
    low: int = LOW,
    high: int = HIGH,
) -> np.ndarray:
    """How far each track can be moved down and up and still fit: its "possible keys".

    The paper transposes tracks "to all possible keys if the transposed tracks stay within
    the pitch range". It is the whole track that must fit, and every semitone counts, not
    only -6 to +5.

    Returns
    -------
    ndarray of int64, shape (S, 2)
        Lowest and highest shift in semitones, both included; (0, 0) for a track that never
        sounds.

    Raises
    ------
    ValueError
        If a pitch already lies outside.

    Examples
    --------
    >>> grid_shifts(np.array([60, 1, 72], np.uint8)).tolist()
    [[-5, 12]]
    """
    tokens = np.asarray(tokens)
    offsets = _bounds(tokens, offsets)
    shifts = np.zeros((len(offsets) - 1, 2), np.int64)
    for i, (a, b) in enumerate(pairwise(offsets)):
        pitch = tokens[a:b][tokens[a:b] > HOLD]
        if len(pitch):
            shifts[i] = low - int(pitch.min()), high - int(pitch.max())
    if (shifts[:, 0] > 0).any() or (shifts[:, 1] < 0).any():
        raise ValueError(f"a pitch lies outside {low} to {high}")
    return shifts


def _check_range(low, high):
    if not HOLD < low <= high <= 127:
        raise ValueError(
            f"pitches from {low} to {high}; "
            "a grid holds 2 to 127, 0 and 1 being rest and hold"
        )
