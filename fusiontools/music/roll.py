"""Piano rolls, many-hot: which pitches start, and which sound, at 24 steps to the beat.

The LSTM and CNN-LSTM GANs paper draws music as a picture: time one way, pitch the other, a
cell set where a note sounds. A *many-hot* roll is just that, and it cannot tell one long
note from the same note struck twice. `encode_roll` therefore writes two such pictures,
called planes: the starts and the sound. The decoder needs both to be exact; the plain roll
of the paper is the second plane alone (`encode_many_hot`), and what it merges is documented
there.

Rolls lose timing finer than their steps, notes of one pitch that overlap, and loudness
unless asked to keep it. They keep chords, which no other symbolic view here does.

The layout is always ``(T, P)``, time by pitch, with row 0 the first step and column 0 the
pitch `low`. This module draws nothing, and it knows neither songs nor tracks. Used in
chapters 2 and 6.
"""

import numpy as np
import numpy.typing as npt

from fusiontools.errors import MusicFileError
from fusiontools.music.notes import VELOCITY, Notes, _need

__all__ = [
    "ONSET",
    "SOUND",
    "decode_many_hot",
    "decode_roll",
    "encode_many_hot",
    "encode_roll",
    "is_legal_roll",
    "join_bars",
    "split_bars",
]

ONSET, SOUND = 0, 1  # the planes
STEPS_PER_BEAT = 24  # divides by 2, 3, 4, 6 and 8: 16ths and triplets both fall on steps


def cells(
    notes: Notes, steps_per_beat: int, what: str = "this view"
) -> tuple[np.ndarray, np.ndarray]:
    """First cell of each note and the cell after its last; halves go up, one at least.

    Parameters
    ----------
    notes : Notes
        In beats, none before beat 0.
    steps_per_beat : int
        Cells to the beat.
    what : str
        The view that asks, for the message.

    Returns
    -------
    first, last : ndarray of int64, shape (N,)

    Examples
    --------
    >>> [c.tolist() for c in cells(Notes.of([(0.9, 0.3, 60)]), 4)]
    [[4], [5]]
    """
    _need(notes, "beats", what)
    if steps_per_beat < 1 or steps_per_beat != int(steps_per_beat):
        raise ValueError(
            f"{steps_per_beat} steps to the beat; a whole number of at least 1 is needed"
        )
    # halves go up, as in `quantize`
    first = np.floor(notes.onset * steps_per_beat + 0.5).astype(np.int64)
    last = np.floor(notes.offset * steps_per_beat + 0.5).astype(np.int64)
    if len(first) and first.min() < 0:
        found = f"a note starts at beat {notes.onset.min():g}, before beat 0"
        raise MusicFileError(found, do="move the notes later with shift(notes, by)")
    return first, np.maximum(last, first + 1)


def fit_length(needed: int, length: int | None) -> int:
    """The length asked for, or just enough; never less than the music needs."""
    if length is None:
        return int(needed)
    if length < needed:
        found = f"the notes take {needed} steps and the length is {length}"
        raise MusicFileError(found, do="crop(notes, start, stop) them first")
    return int(length)


def encode_roll(
    notes: Notes,
    steps_per_beat: int = STEPS_PER_BEAT,
    low: int = 0,
    high: int = 127,
    length: int | None = None,
    velocity: bool = False,
) -> np.ndarray:
    """Draw notes as two planes: where they start, and where they sound.

    Parameters
    ----------
    notes : Notes
        In beats. Of several notes with one pitch and one first step the longest stays;
        otherwise a later note of the same pitch cuts the earlier one.
    steps_per_beat : int
        24 in the paper.
    low, high : int
        The pitches that have a column. Notes outside are an error: `in_range` of the grid's
        module can drop or fold them.
    length : int, optional
        Number of steps; by default the roll ends with its last note.
    velocity : bool
        Whether the plane of starts holds the loudness, 1 to 127, or only 1.

    Returns
    -------
    ndarray of uint8, shape (2, T, high - low + 1)
        Plane 0 the starts, plane 1 the sound (0 or 1).

    Raises
    ------
    UnitError
        If the notes are in seconds.
    MusicFileError
        If a note starts before beat 0, lies outside the pitches, or `length` is shorter
        than the music.

    References
    ----------
    Music Generation with GANs, sections 1 (many-hot) and 1.1 (piano rolls), figure 1 (24
    "pixels" to the beat).

    Examples
    --------
    >>> roll = encode_roll(Notes.of([(0, 1, 60), (1, 1, 60)]), steps_per_beat=2)
    >>> roll.shape, roll[ONSET, :, 60].tolist(), roll[SOUND, :, 60].tolist()
    ((2, 4, 128), [1, 0, 1, 0], [1, 1, 1, 1])
    """
    first, last = cells(notes, steps_per_beat, "encode_roll")
    column, loud = _columns(notes, low, high), notes.velocity
    roll = np.zeros((2, fit_length(last.max(initial=0), length), high - low + 1), np.uint8)
    # of notes that start together, the longest is drawn last and wins
    for i in np.lexsort((last, first)):
        a, b, p = first[i], last[i], column[i]
        roll[SOUND, a:, p] = 0  # whatever still sounds on this pitch stops here
        roll[SOUND, a:b, p] = 1
        roll[ONSET, a, p] = loud[i] if velocity else 1
    return roll


def _columns(notes, low, high):
    pitch = notes.pitch.astype(np.int64)
    if len(notes) and not (low <= pitch.min() and pitch.max() <= high):
        found = f"pitches run from {pitch.min()} to {pitch.max()}"
        do = "widen low and high, or leave those notes out"
        raise MusicFileError(f"{found}, and this roll holds {low} to {high}", do=do)
    return pitch - low


def decode_roll(
    roll: npt.ArrayLike,
    steps_per_beat: int = STEPS_PER_BEAT,
    low: int = 0,
    velocity: bool = False,
) -> Notes:
    """Read two planes as notes: the inverse of `encode_roll` for every legal roll.

    It reads illegal rolls too: sound after silence starts a note even where no start is
    marked, and a start sounds for one step even where the plane of sound is empty.

    Parameters
    ----------
    roll : array_like, shape (2, T, P)
        Whole numbers or booleans. Threshold a network's output first.
    steps_per_beat, low : int
        As at encoding.
    velocity : bool
        Whether to read the loudness from the plane of starts. Otherwise every note gets 80.

    Returns
    -------
    Notes
        In beats. The silence after the last note is not in it: pass
        ``length=roll.shape[1]`` to encode it back.

    Raises
    ------
    ValueError
        If the shape is another.

    Examples
    --------
    >>> len(decode_roll(encode_roll(Notes.of([(0, 1, 60), (1, 1, 60)]))))
    2
    """
    roll = np.asarray(roll)
    if roll.ndim != 3 or roll.shape[0] != 2:
        raise ValueError(
            f"two planes of time by pitch are needed, shape (2, T, P); found {roll.shape}"
        )
    onset = roll[ONSET].T  # (P, T): one lane a pitch
    sound = (roll[SOUND].T != 0) | (onset != 0)
    after_silence = np.diff(sound.astype(np.int8), axis=1, prepend=0) == 1
    start = (onset != 0) | after_silence
    lanes, steps = sound.shape
    # one more step, so that no note runs into the next lane
    stop = np.ones((lanes, steps + 1), bool)
    stop[:, :steps] = start | ~sound
    stops = np.flatnonzero(stop)
    lane, first = np.nonzero(start)
    here = lane * (steps + 1) + first
    last = stops[np.searchsorted(stops, here, side="right")] - lane * (steps + 1)
    loud = np.full(len(lane), VELOCITY)
    if velocity:
        said = onset[lane, first]  # 0 where no start announced the note
        loud = np.where(said == 0, VELOCITY, np.clip(said, 1, 127))
    return Notes(first / steps_per_beat, (last - first) / steps_per_beat, lane + low, loud)


def is_legal_roll(roll: npt.ArrayLike, velocity: bool = False) -> bool:
    """Whether `encode_roll` could have drawn this.

    Known values, every start sounds, and no sound without its start.

    Examples
    --------
    >>> roll = encode_roll(Notes.of([(0, 1, 60)]))
    >>> is_legal_roll(roll), is_legal_roll(roll[:, 1:])
    (True, False)
    """
    onset, sound = np.asarray(roll)
    if onset.size == 0:
        return True
    most = 127 if velocity else 1
    known = ((onset >= 0) & (onset <= most) & np.isin(sound, (0, 1))).all()
    after_silence = np.diff(sound.astype(np.int8), axis=0, prepend=0) == 1
    announced = (onset[after_silence] != 0).all()
    return bool(known and announced and (sound[onset != 0] == 1).all())


def encode_many_hot(
    notes: Notes,
    steps_per_beat: int = STEPS_PER_BEAT,
    low: int = 0,
    high: int = 127,
    length: int | None = None,
) -> np.ndarray:
    """Draw notes as the paper's plain many-hot roll: the plane of sound alone, and fast
    enough for a whole corpus.

    It merges notes of one pitch that touch: a note struck four times in a row becomes one
    long note, and no decoder can know. Notes with a step of silence between them stay
    apart.

    Returns
    -------
    ndarray of uint8, shape (T, high - low + 1)

    Examples
    --------
    >>> roll = encode_many_hot(Notes.of([(0, 1, 60), (1, 1, 60)]), steps_per_beat=2)
    >>> roll[:, 60].tolist()
    [1, 1, 1, 1]
    """
    first, last = cells(notes, steps_per_beat, "encode_many_hot")
    column = _columns(notes, low, high)
    steps = fit_length(last.max(initial=0), length)
    order = np.lexsort((last, first, column))
    first, last, column = first[order], last[order], column[order]
    # a later note of the same pitch cuts the earlier one, so that notes never overlap
    again = column[1:] == column[:-1]
    last[:-1] = np.where(again, np.minimum(last[:-1], first[1:]), last[:-1])
    edges = np.zeros((steps + 1, high - low + 1), np.int8)
    np.add.at(edges, (first, column), 1)
    np.add.at(edges, (last, column), -1)
    return np.cumsum(edges[:-1], axis=0, dtype=np.int8).astype(np.uint8)


def decode_many_hot(
    roll: npt.ArrayLike,
    steps_per_beat: int = STEPS_PER_BEAT,
    low: int = 0,
    threshold: float = 0.5,
) -> Notes:
    """Read a plain many-hot roll: each unbroken run of sound is one note.

    Every roll of zeros and ones is legal: ``encode_many_hot(decode_many_hot(roll))`` gives
    it back.

    Parameters
    ----------
    roll : array_like, shape (T, P)
        Zeros and ones, or a network's values between them.
    steps_per_beat, low : int
        As at encoding.
    threshold : float
        A cell sounds from this value on.

    Returns
    -------
    Notes
        In beats.

    Examples
    --------
    >>> decode_many_hot([[0.1], [0.9], [0.7]], steps_per_beat=1, low=60)[0]
    Note(onset=1.0, duration=2.0, pitch=60, velocity=80)
    """
    sound = np.asarray(roll) >= threshold
    if sound.ndim != 2:
        found = f"one plane of time by pitch is needed, shape (T, P); found {sound.shape}"
        raise ValueError(found)
    return decode_roll(np.stack([np.zeros_like(sound), sound]), steps_per_beat, low)


def split_bars(roll: npt.ArrayLike, steps: int = 96) -> np.ndarray:
    """Cut a roll into bars, the picture that the paper's networks see.

    The last bar is filled up with silence.

    Parameters
    ----------
    roll : ndarray, shape (..., T, P)
    steps : int
        Steps to the bar: 96 in 4/4 at 24 to the beat.

    Returns
    -------
    ndarray, shape (N, ..., steps, P)
        A note that is tied over the bar line has no start in its second bar; `decode_roll`
        starts it there anew.

    Examples
    --------
    >>> split_bars(np.zeros((100, 128)), steps=96).shape
    (2, 96, 128)
    """
    roll = np.asarray(roll)
    *planes, length, pitches = roll.shape
    bars = -(-length // steps)
    padded = np.zeros((*planes, bars * steps, pitches), roll.dtype)
    padded[..., :length, :] = roll
    return np.moveaxis(padded.reshape(*planes, bars, steps, pitches), -3, 0)


def join_bars(bars: npt.ArrayLike) -> np.ndarray:
    """Lay bars end to end: the inverse of `split_bars`, but for the silence at the end.

    Examples
    --------
    >>> join_bars(np.zeros((2, 96, 128))).shape
    (192, 128)
    """
    bars = np.moveaxis(np.asarray(bars), 0, -3)
    return bars.reshape(*bars.shape[:-3], -1, bars.shape[-1])
