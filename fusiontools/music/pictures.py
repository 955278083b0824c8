"""Lines as pictures of 32 x 32 pixels, each way with its inverse, for any picture.

A pixel is one step of a line, a row is four beats. The paper spreads time over all voxels
and says nothing of rests, repeated notes or what to do with values between two pitches
(section 4.1). Three layouts:

- ``"unrolled"``, the paper's: a voxel is a third of a step (of `music.image`'s order
  "pixel"), and holds the pitch that sounds, -1 being a rest. No onset is marked, so
  neighbours of one pitch become one note: about 8 % of a classical line's notes are lost,
  and half of a riff's;
- ``"channels"``, ours: pitch, onset, and whether it sounds at all, of each step;
- ``"roll"``: a channel for each of 37 pitches and one for onsets, the MIDI image that the
  paper starts from (figure 1, left), as long as the others.

Values lie in [-1, 1], channels come first. Used in chapter 5, Domain transfer.
"""

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import HOLD, REST, repair_grid
from fusiontools.music.lines import BAR, HIGH, LOW, MIDDLE, REACH, STEPS, sounding

__all__ = ["ALIKE", "CHANNELS", "LAYOUTS", "decode", "encode", "form", "heard", "legal"]
__all__ += ["merged", "on_scale", "riffs", "snap"]

PITCHES = HIGH - LOW + 1
CHANNELS = {"unrolled": 3, "channels": 3, "roll": PITCHES + 1}
LAYOUTS = tuple(CHANNELS)
SIZE = STEPS // BAR
ALIKE = 0.5  # share of steps in which two bars must agree to become one riff
CLASSES = 7  # pitch classes that `snap` allows: as many as a scale has


def encode(tokens: npt.ArrayLike, layout: str) -> np.ndarray:
    """Paint lines.

    Parameters
    ----------
    tokens : array_like of int, shape (N, 1024)
        Pitches from `LOW` to `HIGH`, as `to_middle` leaves them.
    layout : str
        One of `LAYOUTS`.

    Returns
    -------
    ndarray of float32, shape (N, C, 32, 32)
        In [-1, 1].

    Examples
    --------
    >>> line = np.repeat([[60, 1, 60, 0]], [1, 511, 1, 511], axis=1)
    >>> encode(line, "channels")[0, :, [0, 15, 17], 0].tolist()
    [[0.0, 1.0, 1.0], [0.0, -1.0, 1.0], [0.0, -1.0, -1.0]]
    """
    tokens = repair_grid(tokens).astype(np.int64)
    onset, pitch = tokens > HOLD, sounding(tokens)
    if ((pitch < LOW) | (pitch > HIGH))[onset].any():
        raise ValueError(f"pitches lie outside {LOW} to {HIGH}: move them with to_middle")
    if _known(layout) == "unrolled":
        # v = 2 (p - LOW + 1) / 37 - 1, and -1 for a rest: 38 levels
        level = np.where(pitch > 0, pitch - LOW + 1, 0)
        planes = np.repeat(2 * level[:, None] / PITCHES - 1, 3, axis=1)
    elif layout == "channels":
        held = _through_rests(tokens, onset)
        planes = np.stack([(held - MIDDLE) / REACH, _sign(onset), _sign(pitch > 0)], axis=1)
    else:
        planes = np.full((len(tokens), CHANNELS[layout], STEPS), -1, np.float32)
        level = np.maximum(pitch - LOW, 0)[:, None]
        np.put_along_axis(planes, level, _sign(pitch > 0)[:, None], axis=1)
        planes[:, -1] = _sign(onset)
    shape = (len(tokens), CHANNELS[layout], SIZE, SIZE)
    return planes.astype(np.float32, copy=False).reshape(shape)


def decode(pictures: npt.ArrayLike, layout: str) -> np.ndarray:
    """Read pictures as lines: the inverse of `encode`, and of any picture the nearest line.

    "unrolled": of a pixel's three voxels the median counts, and a note starts where that
    pitch changes. "channels": an onset above 0 always starts a note, even where the picture
    does not sound; the pitch is read there and nowhere else. "roll": the brightest pitch
    sounds where any is above 0.

    Parameters
    ----------
    pictures : array_like of float, shape (N, C, 32, 32)
    layout : str

    Returns
    -------
    ndarray of uint8, shape (N, 1024)

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(1, 3, 32, 32))
    >>> bool(legal(encode(decode(noise, "channels"), "channels"), "channels")[0])
    True
    """
    channels = CHANNELS[_known(layout)]
    planes = np.nan_to_num(np.asarray(pictures, np.float32), nan=-1.0)
    if planes.shape[1:] != (channels, SIZE, SIZE):
        found = f"pictures of shape {planes.shape[1:]}"
        raise ValueError(f"{found}; {layout!r} has ({channels}, {SIZE}, {SIZE})")
    planes = planes.reshape(len(planes), channels, STEPS)
    if layout == "channels":
        pitch = MIDDLE + np.round(REACH * planes[:, 0].clip(-1, 1))
        onset, sound = planes[:, 1] > 0, (planes[:, 1:] > 0).any(1)
        return _line(pitch, onset | (sound & ~_before(sound)), sound)
    if layout == "unrolled":
        value = np.median(planes, axis=1).clip(-1, 1)
        level = np.round((value + 1) / 2 * PITCHES)
        pitch, sound, onset = LOW - 1 + level, level > 0, False
    else:
        pitch, sound = LOW + planes[:, :-1].argmax(1), (planes[:, :-1] > 0).any(1)
        onset = planes[:, -1] > 0
    pitch = np.where(sound, pitch, 0)
    return _line(pitch, sound & (onset | (pitch != _before(pitch))), sound)


def legal(pictures: npt.ArrayLike, layout: str) -> np.ndarray:
    """Which pictures `encode` could have painted, (N,) bool.

    Examples
    --------
    >>> legal(np.stack([np.zeros((3, 32, 32)), -np.ones((3, 32, 32))]), "unrolled").tolist()
    [False, True]
    """
    nearest = encode(decode(pictures, layout), layout)
    near: np.ndarray = np.abs(nearest - np.asarray(pictures)) <= 1e-4
    return np.asarray(near.all(axis=(1, 2, 3)))


def merged(tokens: npt.ArrayLike) -> np.ndarray:
    """Lines whose neighbours of one pitch are one note, as "unrolled" has them.

    Examples
    --------
    >>> merged(np.array([[60, 1, 60, 62, 0, 62]])).tolist()
    [[60, 1, 1, 62, 0, 62]]
    """
    pitch = sounding(tokens)
    return _line(pitch, (pitch > 0) & (pitch != _before(pitch)), pitch > 0)


def snap(tokens: npt.ArrayLike, source: npt.ArrayLike) -> np.ndarray:
    """Put lines on the grid of 16th notes, and their pitches on the source's scale.

    What regression leaves a hair beside the grid would be judged as noise: so `heard`
    begins with this. A 16th sounds where half of it does; of two onsets in it the first
    stays, and moves to its start. Pitches move to the nearest of the source's seven
    commonest pitch classes (of two equally common, the one heard first; of two equally
    near, the lower).

    Parameters
    ----------
    tokens, source : array_like of int, shape (N, T), T even
        Pitches from `LOW` to `HIGH`.

    Returns
    -------
    ndarray of uint8, shape (N, T)

    Examples
    --------
    >>> scale = np.array([[60, 62, 64, 65, 67, 69, 71, 72]]).repeat(2, axis=1)
    >>> scale[:, 1::2] = 1
    >>> snap([[60, 1, 1, 66, 0, 0, 0, 61, 0, 0, 62, 63, 1, 0, 0, 0]], scale).tolist()
    [[60, 1, 65, 1, 0, 0, 60, 1, 0, 0, 62, 1, 1, 1, 0, 0]]
    """
    tokens, source = repair_grid(tokens), np.asarray(source)
    cells = tokens.reshape(len(tokens), -1, 2)
    first = np.where(cells[..., 0] > HOLD, cells[..., 0], cells[..., 1])
    starts, sound = (cells > HOLD).any(2), (cells != REST).any(2)
    new = np.where(sound[..., None], HOLD, REST).repeat(2, axis=2).astype(np.uint8)
    near = on_scale(source)  # (N, 37)
    place = np.where(starts, first.astype(np.int64) - LOW, 0)
    new[..., 0] = np.where(starts, np.take_along_axis(near, place, 1), new[..., 0])
    return new.reshape(tokens.shape)


def form(source: npt.ArrayLike) -> np.ndarray:
    """For each bar the first bar that is the same, (N, T) tokens -> (N, T / 32) int64.

    Examples
    --------
    >>> form(np.repeat([[60, 62, 60, 64]], 32, axis=1)).tolist()
    [[0, 1, 0, 3]]
    """
    source = np.asarray(source)
    what = 2 * sounding(source).astype(np.int64) + (source > HOLD)  # and not how it is held
    bars = what.reshape(len(source), -1, BAR)
    same = (bars[:, :, None] == bars[:, None]).all(-1)  # (N, bars, bars)
    return same.argmax(2)


def riffs(tokens: npt.ArrayLike, alike: float = ALIKE) -> np.ndarray:
    """Let a bar that nearly agrees with an earlier one become that one.

    Bars are taken in their order. Each is compared with all before it, and becomes the most
    similar of them if at least a share `alike` of its steps are the same: the same pitch
    sounds, and a note starts in both or in neither.

    Parameters
    ----------
    tokens : array_like of int, shape (N, T)
    alike : float

    Returns
    -------
    ndarray of uint8, shape (N, T)

    Examples
    --------
    >>> bar, other = [60] * 32, [60] * 20 + [62] * 12
    >>> riffs([bar + other + [64] * 32])[0, [31, 63, 95]].tolist()
    [60, 60, 64]
    """
    tokens = repair_grid(tokens)
    shape = (len(tokens), -1, BAR)
    what = (2 * sounding(tokens).astype(np.int64) + (tokens > HOLD)).reshape(shape)
    row, which = np.arange(len(tokens)), np.tile(np.arange(what.shape[1]), (len(what), 1))
    for i in range(1, what.shape[1]):
        share = (what[:, :i] == what[:, i, None]).mean(2)  # (N, i)
        nearest = which[row, share.argmax(1)]
        which[:, i] = np.where(share.max(1) >= alike, nearest, i)
        what[:, i] = what[row, which[:, i]]
    return _bars(tokens, which)


def heard(tokens: npt.ArrayLike, source: npt.ArrayLike) -> np.ndarray:
    """What is done alike to every row before it is judged, and before it is heard.

    It is put on 16ths and on the source's scale (`snap`); bars that are the same in the
    source become the same (`form`); bars that nearly agree become the same (`riffs`). What
    a network makes of them differs by a hair each time, and music repeats itself.

    Parameters
    ----------
    tokens, source : array_like of int, shape (N, T)

    Returns
    -------
    ndarray of uint8, shape (N, T)

    Examples
    --------
    >>> source = np.tile([60, 1, 62, 1], (1, 16))
    >>> bar = source[:, :32]
    >>> moved = np.concatenate([bar + 2 * (bar > 1), bar], axis=1)
    >>> heard(moved, source)[0, [0, 2, 32, 34]].tolist()
    [62, 62, 62, 62]
    """
    source = np.asarray(source)
    return riffs(_bars(snap(tokens, source), form(snap(source, source))))


def _bars(tokens, which):
    """Lines whose bars are those of these numbers, (N, T), (N, bars) -> (N, T). A note that
    is held into a bar starts there in its copies.
    """
    bars, sound = (x.reshape(len(tokens), -1, BAR) for x in (tokens, sounding(tokens)))
    taken = np.take_along_axis(bars, which[:, :, None], axis=1)
    pitch = np.take_along_axis(sound[:, :, 0], which, axis=1)
    held = (which != np.arange(which.shape[1])) & (taken[:, :, 0] == HOLD)
    taken[:, :, 0] = np.where(held, pitch, taken[:, :, 0])
    return repair_grid(taken.reshape(tokens.shape))


def on_scale(source: npt.ArrayLike) -> np.ndarray:
    """For each source and each pitch from `LOW` to `HIGH` the nearest pitch on its scale.

    The scale is its seven commonest pitch classes; of two equally common the one heard
    first, of two equally near pitches the lower. (N, T) tokens -> (N, 37) int64.
    """
    source = np.asarray(source)
    onset, pitches = source > HOLD, np.arange(LOW, HIGH + 1)
    worth = np.zeros((len(source), 12), np.int64)
    for c in range(12):
        of = onset & (source % 12 == c)
        # commoner first, then earlier; 0 where it never sounds
        worth[:, c] = np.where(of.any(1), of.sum(1) * source.shape[1] - of.argmax(1), 0)
    least = np.maximum(np.sort(worth, axis=1)[:, -CLASSES, None], 1)
    allowed = (worth >= least) | ~onset.any(1, keepdims=True)
    far = np.where(allowed[:, None, pitches % 12], 0, PITCHES)
    return LOW + (np.abs(pitches[:, None] - pitches) + far).argmin(2)


def _known(layout):
    if layout not in LAYOUTS:
        raise ValueError(f"layout is {layout!r}; it can be {', '.join(map(repr, LAYOUTS))}")
    return layout


def _sign(flags):
    return np.where(flags, np.float32(1), np.float32(-1))


def _before(planes):
    """Each step's value one step earlier, 0 at the start; (N, T)."""
    return np.pad(planes[:, :-1], ((0, 0), (1, 0)))


def _line(pitch, starts, sound):
    """Tokens, (N, T), of each step's pitch, where notes start, and where they sound."""
    return np.where(starts, pitch, np.where(sound, HOLD, REST)).astype(np.uint8)


def _through_rests(tokens, onset):
    """The pitch of the last onset, also in rests; before the first its own; (N, T)."""
    some = onset.any(1, keepdims=True)
    where = np.where(onset, np.arange(tokens.shape[1]), onset.argmax(1)[:, None])
    held = np.take_along_axis(tokens, np.maximum.accumulate(where, axis=1), axis=1)
    return np.where(some, held, MIDDLE)
