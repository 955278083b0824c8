"""MIDI images: music as a picture of 32 x 32 pixels, for networks made for pictures.

The domain-transfer paper writes time into space: "each voxel (x, y, z) represents unique
timestamp and value at this location represent pitch" (section 4.1). A voxel is one of the
three colour values of one pixel, so a picture holds 32 x 32 x 3 = 3,072 steps of time. The
paper leaves open in which order time runs through the voxels, how long a step is, and how
rests, chords and repeated notes are written. Here:

- order: ``"pixel"`` fills the three colours of a pixel, then the next pixel to the right,
  then the next row (what ``array.reshape(32, 32, 3)`` does); ``"plane"`` fills all of red,
  then green, then blue;
- a step, called a tick, is a quarter of a beat unless you say otherwise;
- 0 is a rest; of notes that sound together the last to start stays, and of those that start
  together the highest (hand over a melody from `fusiontools.music.extract` if you want a
  better one);
- coding ``"onset"`` sets each note's first voxel a little brighter, so that repeated notes
  stay apart; coding ``"pitch"`` is the paper's plain one, and merges them.

A picture must never be saved as JPEG or resized: both change voxels, and a voxel is a
pitch. No network lives here. Used in chapter 2, Five views.
"""

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import in_range, one_voice
from fusiontools.music.notes import Notes
from fusiontools.music.roll import fit_length

__all__ = [
    "SHAPE",
    "decode_image",
    "encode_image",
    "image_windows",
    "is_legal_image",
    "legal_values",
    "place_of",
    "seen",
    "span",
    "step_of",
]

SHAPE = (32, 32, 3)  # rows, columns, channels (section 4.4)
LOW, HIGH = 1, 127  # pitch 0 (8 Hz) gives its place to the rest
TICK = 0.25
LAYOUTS = ("pixel", "plane")
CODINGS = ("onset", "pitch")


def step_of(
    row: npt.ArrayLike,
    column: npt.ArrayLike,
    channel: npt.ArrayLike,
    shape: tuple[int, int, int] = SHAPE,
    layout: str = "pixel",
) -> np.ndarray:
    """Which step of time a voxel holds; the inverse of `place_of`. Any shape.

    Examples
    --------
    >>> int(step_of(0, 1, 0)), int(step_of(1, 0, 0)), int(step_of(0, 1, 0, layout="plane"))
    (3, 96, 1)
    """
    rows, columns, channels = shape
    row, column, channel = np.asarray(row), np.asarray(column), np.asarray(channel)
    if _known(layout, LAYOUTS, "layout") == "pixel":
        return (row * columns + column) * channels + channel
    return (channel * rows + row) * columns + column


def place_of(
    step: npt.ArrayLike, shape: tuple[int, int, int] = SHAPE, layout: str = "pixel"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In which voxel a step of time is written: row, column and channel. Any shape.

    Examples
    --------
    >>> [int(i) for i in place_of(100)]
    [1, 1, 1]
    """
    rows, columns, channels = shape
    if _known(layout, LAYOUTS, "layout") == "pixel":
        row, column, channel = np.unravel_index(np.asarray(step), (rows, columns, channels))
    else:
        channel, row, column = np.unravel_index(np.asarray(step), (channels, rows, columns))
    return row, column, channel


def seen(
    kernel: int = 3, shape: tuple[int, int, int] = SHAPE, layout: str = "pixel"
) -> np.ndarray:
    """The steps of time under a square filter in the middle of a picture.

    They are counted from the filter's first.

    Parameters
    ----------
    kernel : int
        Side of the filter. It sees all channels, as convolutions do.
    shape, layout
        As for `encode_image`.

    Returns
    -------
    ndarray of int64, shape (kernel * kernel * channels,)
        Increasing, starting with 0. The gaps are the skipped steps: a filter in space is a
        dilated one in time.

    References
    ----------
    Section 4.2 and figure 3, where one channel of width 7 is drawn.

    Examples
    --------
    >>> seen(shape=(7, 7, 1)).tolist()
    [0, 1, 2, 7, 8, 9, 14, 15, 16]
    """
    if kernel > min(shape[:2]):
        found = f"a filter of {kernel} x {kernel} does not fit into {shape[0]} x {shape[1]}"
        raise ValueError(found)
    row, column, channel = np.indices((kernel, kernel, shape[2]))
    return np.sort(step_of(row, column, channel, shape, layout).ravel())


def span(
    kernel: int = 3, shape: tuple[int, int, int] = SHAPE, layout: str = "pixel"
) -> int:
    """How many steps lie from the first to the last that a filter sees, both included.

    The paper's 17 holds for one channel of width 7. In its own pictures of 32 x 32 x 3 the
    same filter spans 201 steps when time runs through the pixels, and 2,115 when it runs
    through one colour after the other; it sees 27.

    Examples
    --------
    >>> span(shape=(7, 7, 1)), span(), span(layout="plane")
    (17, 201, 2115)
    """
    # "pixel": (k - 1) W C + k C steps;  k = 3, W = 7, C = 1 gives 17
    return int(seen(kernel, shape, layout)[-1]) + 1


def legal_values(
    low: int = LOW, high: int = HIGH, coding: str = "onset"
) -> dict[str, np.ndarray]:
    """What a voxel may hold: the table behind the codings.

    With P pitches each owns ``510 // (2 P + 1)`` neighbouring values, so fewer pitches
    stand further apart. Its first value says that the note goes on (coding "pitch": that it
    sounds), the one half-way to the next pitch that it starts.

    Returns
    -------
    hold, onset : ndarray of int64, shape (high - low + 1,)
        The two values of each pitch; equal under coding "pitch".

    Examples
    --------
    >>> hold, onset = legal_values()
    >>> int(hold[60 - 1]), int(onset[60 - 1])
    (120, 121)
    >>> [v.tolist() for v in legal_values(60, 62)]
    [[72, 144, 216], [108, 180, 252]]
    """
    return _levels(low, high, coding)


def encode_image(
    notes: Notes,
    tick: float = TICK,
    shape: tuple[int, int, int] = SHAPE,
    layout: str = "pixel",
    coding: str = "onset",
    low: int = LOW,
    high: int = HIGH,
    outside: str = "raise",
) -> np.ndarray:
    """Write music into one picture; what the notes leave empty is rest.

    Parameters
    ----------
    notes : Notes
        In beats, none before beat 0, at most as long as the picture (`image_windows` takes
        longer pieces).
    tick : float
        Length of a step in beats, one over a whole number: at 0.25 a picture of 3,072 steps
        lasts 192 bars.
    shape : tuple of int
        Rows, columns, channels.
    layout : {"pixel", "plane"}
        The way of time through the voxels.
    coding : {"onset", "pitch"}
        Whether the first voxel of a note is marked.
    low, high : int
        The pitches that can be written, 1 to 127 at most.
    outside : {"raise", "drop", "fold"}
        What to do with others, see `fusiontools.music.grid.in_range`.

    Returns
    -------
    ndarray of uint8, shape `shape`
        A network takes it as ``x / 127.5 - 1`` (section 5.1: [-1, 1]), and gives it back
        rounded.

    Raises
    ------
    UnitError
        If the notes are in seconds.
    MusicFileError
        If a note starts before beat 0 or a pitch cannot be written.
    ValueError
        If the notes are longer than the picture, or an argument is none of its choices.

    References
    ----------
    Cross Genre Music Generation using Image Representation, sections 4.1 and 4.4.

    Examples
    --------
    >>> image = encode_image(Notes.of([(0, 0.5, 60), (1, 0.5, 60)]))
    >>> image.shape, image[0, :2].tolist()
    ((32, 32, 3), [[121, 120, 0], [0, 121, 120]])
    """
    line = _line(notes, tick, coding, low, high, outside, length=int(np.prod(shape)))
    return _fold(line, shape, layout)


def decode_image(
    image: npt.ArrayLike,
    tick: float = TICK,
    layout: str = "pixel",
    coding: str = "onset",
    low: int = LOW,
    high: int = HIGH,
) -> Notes:
    """Read a picture as notes: the inverse of `encode_image` for every legal picture.

    It reads any other picture too: each voxel is taken for the nearest legal value (of two,
    the darker), and a pitch that goes on without having started starts there. The picture
    of a network should be read with coding "pitch" if single steps flicker: that reading
    cuts notes only where the pitch changes.

    Parameters
    ----------
    image : array_like of int, shape (rows, columns, channels)
        0 to 255.
    tick, layout, coding, low, high
        As at encoding.

    Returns
    -------
    Notes
        In beats.

    Raises
    ------
    ValueError
        If the picture has not three dimensions or its values are no whole numbers from 0 to
        255.

    Examples
    --------
    >>> tune = Notes.of([(0, 0.5, 60), (0.5, 0.5, 60)])
    >>> len(decode_image(encode_image(tune)))
    2
    >>> len(decode_image(encode_image(tune, coding="pitch"), coding="pitch"))
    1
    """
    image = np.asarray(image)
    if image.ndim != 3:
        found = f"a picture has rows, columns and channels; found shape {image.shape}"
        raise ValueError(found)
    if not ((image >= 0) & (image <= 255) & (image == np.round(image))).all():
        raise ValueError(
            "voxels must be whole numbers from 0 to 255: "
            "round what a network gives, and clip it"
        )
    pitch, is_onset = _nearest(low, high, coding)
    line = _unfold(image, layout).astype(np.int64)
    p, marked = pitch[line], is_onset[line]
    changes = np.diff(p, prepend=-1) != 0
    start = (p >= 0) & (changes | marked)
    first = np.flatnonzero(start)
    ends = np.append(np.flatnonzero(start | (p < 0)), len(p))
    last = ends[np.searchsorted(ends, first, side="right")]
    per_beat = _per_beat(tick)
    return Notes(first / per_beat, (last - first) / per_beat, p[first] + low)


def is_legal_image(
    image: npt.ArrayLike,
    layout: str = "pixel",
    coding: str = "onset",
    low: int = LOW,
    high: int = HIGH,
) -> bool:
    """Whether `encode_image` could have painted this.

    Legal values only, and with coding "onset" every note marked.

    Examples
    --------
    >>> image = encode_image(Notes.of([(0, 1, 60)]))
    >>> is_legal_image(image), is_legal_image(image[:, 1:]), is_legal_image(np.ones(SHAPE))
    (True, False, False)
    """
    hold, onset = _levels(low, high, coding)
    line = _unfold(np.asarray(image), layout)
    if not np.isin(line, np.concatenate([[0], hold, onset])).all():
        return False
    pitch, marked = (table[line.astype(np.int64)] for table in _nearest(low, high, coding))
    unannounced = (pitch >= 0) & ~marked & (np.diff(pitch, prepend=-1) != 0)
    return coding == "pitch" or not unannounced.any()


def image_windows(
    notes: Notes,
    tick: float = TICK,
    stride: int | None = None,
    shape: tuple[int, int, int] = SHAPE,
    layout: str = "pixel",
    coding: str = "onset",
    low: int = LOW,
    high: int = HIGH,
    outside: str = "raise",
) -> np.ndarray:
    """Write a piece of any length into overlapping pictures.

    Parameters
    ----------
    notes, tick, shape, layout, coding, low, high, outside
        As for `encode_image`.
    stride : int, optional
        Steps from one picture's start to the next; by default half a picture.

    Returns
    -------
    ndarray of uint8, shape (N, *shape)
        At least one; the last is filled up with rest. A note cut by the start of a picture
        starts there again, so that every picture is legal.

    Examples
    --------
    >>> image_windows(Notes.of([(0, 1000, 60)])).shape
    (2, 32, 32, 3)
    """
    steps = int(np.prod(shape))
    stride = steps // 2 if stride is None else stride
    if stride < 1:
        raise ValueError(f"the stride is {stride} steps; it must be at least 1")
    line = _line(notes, tick, coding, low, high, outside)
    many = 1 + max(-(-(len(line) - steps) // stride), 0)
    line = np.pad(line, (0, (many - 1) * stride + steps - len(line)))
    hold, onset = _levels(low, high, coding)
    pictures = []
    for start in range(0, many * stride, stride):
        part = line[start : start + steps].copy()
        held = np.flatnonzero(hold == part[0])
        part[0] = onset[held[0]] if len(held) else part[0]
        pictures.append(_fold(part, shape, layout))
    return np.stack(pictures)


def _line(notes, tick, coding, low, high, outside, length=None):
    """The voxels in the order of time, shape (T,), uint8."""
    hold, onset = _levels(low, high, coding)
    notes = in_range(notes, low, high, outside)
    first, last, pitch = one_voice(notes, _per_beat(tick), "encode_image")
    line = np.zeros(fit_length(last.max(initial=0), length), np.uint8)
    for a, b, p in zip(first, last, pitch - low):
        line[a], line[a + 1 : b] = onset[p], hold[p]
    return line


def _fold(line, shape, layout):
    image = np.zeros(shape, np.uint8)
    image[place_of(np.arange(len(line)), shape, layout)] = line
    return image


def _unfold(image, layout):
    return image[place_of(np.arange(image.size), image.shape, layout)]


def _levels(low, high, coding):
    if not LOW <= low <= high <= HIGH:
        found = f"pitches from {low} to {high}; a picture holds 1 to 127, its 0 being rest"
        raise ValueError(found)
    # the most that leaves the highest start, apart * (P + 1/2), within 255
    apart = 510 // (2 * (high - low + 1) + 1)
    hold = apart * np.arange(1, high - low + 2)
    return hold, hold + (apart // 2 if _known(coding, CODINGS, "coding") == "onset" else 0)


def _nearest(low, high, coding):
    """For each value 0 to 255 the nearest legal pitch, above `low`, and whether it starts.

    -1 is a rest.
    """
    hold, onset = _levels(low, high, coding)
    values = np.concatenate([[0], hold, onset])
    pitches = np.concatenate([[-1], np.arange(len(hold)), np.arange(len(hold))])
    order = np.argsort(values, kind="stable")
    away = np.abs(values[order][None, :] - np.arange(256)[:, None])
    nearest = order[away.argmin(axis=1)]  # ties go to the darker
    return pitches[nearest], (nearest > len(hold)) & (coding == "onset")


def _per_beat(tick):
    """Steps to the beat, a whole number; longer ticks are not music at this scale."""
    steps = round(1 / tick) if tick > 0 else 0
    if steps < 1 or abs(steps * tick - 1) > 1e-6:
        raise ValueError(
            f"a tick of {tick} beats; "
            "it must be one over a whole number, such as 1/4 or 1/24"
        )
    return steps


def _known(choice, choices, name):
    if choice not in choices:
        raise ValueError(f"{name} is {choice!r}; it can be {' or '.join(choices)}")
    return choice
