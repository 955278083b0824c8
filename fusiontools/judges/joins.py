"""What a musician would compare to say whether two halves of a melody belong together.

Sixty numbers, each with a name. Most are differences and likenesses of the halves, and none
changes when both halves are transposed together. No model is here: the judge that weighs
them is in `fusiontools.judges.reality`. Used in chapter 4, Connective Fusion.
"""

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import HOLD
from fusiontools.score.markov import halves, key_scores, note_lengths, pitch_class_lengths

__all__ = ["FEATURES", "features"]

BAR = 16  # cells
_AT_ONCE = 2048  # windows held in memory at one time
_SCALE = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1.0])  # the pitch classes of C major
_TABLE = {
    "key": (
        "same key", "steps on the circle of fifths",
        "second half in the first's key", "first half in the second's key",
        "key agreement lost by transposing", "pitch classes: distance",
        "pitch classes: likeness", "likeness rank of this transposition",
        "new pitch classes: share of the second half",
        "dropped pitch classes: share of the first half",
        "second half in the first's scale", "first half in the second's scale",
        "both in one scale", "scale lost by joining", "pitch classes of both",
    ),
    "register": (
        "mean pitch gap", "mean pitch gap, size", "highest note gap", "lowest note gap",
        "range of both", "range added by joining", "overlap of ranges",
        "spread of pitch gap", "pitches: likeness",
        "second half on pitches of the first", "first half on pitches of the second",
    ),
    "join": (
        "interval at the join", "interval at the join, size", "silence at the join",
        "last notes: interval", "last notes: same pitch class",
        "first notes: interval", "first notes: same pitch class",
    ),
    "rhythm": (
        "number of notes gap", "mean duration gap", "mean duration gap, size",
        "durations: distance", "places in the bar: distance",
        "places in the bar: likeness", "silence gap",
        "bars beside each other: rhythm likeness", "bars: best rhythm likeness, mean",
        "bars: best rhythm likeness, least", "second half's bar rhythms known",
        "off-beat notes gap", "notes of both", "silence of both",
    ),
    "repetition": (
        "equal bars", "equal bars at the same place", "transposed bars",
        "equal half bars", "transposed half bars", "bars beside each other: same melody",
        "bars: best melody likeness, mean", "bars: best melody likeness, most",
        "opening repeated", "equal bars within the halves", "intervals: distance",
        "pairs of intervals known", "groups of three notes known",
    ),
}  # fmt: skip
FEATURES = tuple(name for names in _TABLE.values() for name in names)


def features(windows: npt.ArrayLike) -> np.ndarray:
    """The features of the feature judge.

    Parameters
    ----------
    windows : array_like of int, shape (N, T)
        Grid tokens, two halves of whole bars each; the paper has T = 128.

    Returns
    -------
    ndarray of float32, shape (N, len(FEATURES))
        Where a half is silent, what compares notes is 0.

    Examples
    --------
    >>> tune = np.repeat(np.array([60, 62, 64, 65], np.uint8), 16)[None]
    >>> twice = np.concatenate([tune, tune], axis=1)
    >>> found = dict(zip(FEATURES, features(twice)[0].tolist()))
    >>> found["same key"], found["equal bars"], found["interval at the join"]
    (1.0, 1.0, -5.0)
    """
    windows = np.asarray(windows)
    if windows.ndim != 2 or windows.shape[1] % (2 * BAR):
        raise ValueError(
            f"windows of two halves of whole bars of {BAR} tokens are needed, "
            f"found shape {windows.shape}"
        )
    parts = [np.zeros((0, len(FEATURES)), np.float32)]
    for i in range(0, len(windows), _AT_ONCE):
        parts.append(_features(halves(windows[i : i + _AT_ONCE])))
    return np.concatenate(parts)


def _features(cut):
    """`features` of halves, shape (N, 2, T)."""
    cut = cut.astype(np.int64)
    length = note_lengths(cut)
    starts = length > 0
    both = (starts.any(axis=-1)).all(axis=-1)  # (N,)
    groups = (
        _key(cut, length),
        _register(cut, length, starts),
        _join(cut, starts),
        _rhythm(cut, length, starts),
        _repetition(cut, starts),
    )
    columns = [column for group in groups for column in group]
    found = np.stack(columns, axis=1).astype(np.float32)
    found[~both] = 0
    return found


def _likeness(a, b):
    """Cosine of two rows of counts, 0 where one is empty."""
    norm = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    return np.divide((a * b).sum(axis=-1), norm, out=np.zeros(norm.shape), where=norm > 0)


def _shares(a):
    """Rows of counts, each divided by its sum."""
    return a / np.maximum(a.sum(axis=-1, keepdims=True), 1e-9)


def _counts(values, starts, size):
    """How often each of 0 to size - 1 is where a note starts: (N, 2, T) -> (N, 2, size)."""
    rows = np.arange(len(values) * 2).reshape(-1, 2, 1)
    flat = (rows * size + np.clip(values, 0, size - 1))[starts]
    return np.bincount(flat, minlength=len(values) * 2 * size).reshape(-1, 2, size)


def _key(cut, length):
    classes = _shares(pitch_class_lengths(cut, length))  # (N, 2, 12)
    first, second = classes[:, 0], classes[:, 1]
    score = key_scores(classes)  # (N, 2, 24)
    best = score.argmax(axis=-1)
    row = np.arange(len(cut))
    # a minor key stands on the circle where its relative major does, three semitones above
    fifths = (7 * np.where(best < 12, best, best + 3)) % 12
    apart = (fifths[:, 0] - fifths[:, 1]) % 12
    # all transpositions of the second half: (N, 12, 12)
    turned = np.stack([np.roll(second, k, axis=1) for k in range(12)], axis=1)
    like = _likeness(first[:, None], turned)  # (N, 12)
    scales = np.stack([np.roll(_SCALE, k) for k in range(12)])  # (12, 12)
    inside = classes @ scales.T  # (N, 2, 12): share of each half in each scale
    joint = inside.mean(axis=1).max(axis=-1)
    # each half's best scales, for there may be several: (N, 2, 12)
    own = inside >= inside.max(axis=-1, keepdims=True) - 1e-9
    return [
        best[:, 0] == best[:, 1],
        np.minimum(apart, 12 - apart),
        score[row, 1, best[:, 0]],
        score[row, 0, best[:, 1]],
        like[:, 0] - like[:, 1:].mean(axis=1),
        np.abs(first - second).sum(axis=-1),
        like[:, 0],
        (like[:, 1:] > like[:, :1]).sum(axis=-1),
        (second * (first == 0)).sum(axis=-1),
        (first * (second == 0)).sum(axis=-1),
        np.where(own[:, 0], inside[:, 1], 0).max(axis=-1),
        np.where(own[:, 1], inside[:, 0], 0).max(axis=-1),
        joint,
        inside.max(axis=-1).mean(axis=-1) - joint,
        ((first + second) > 0).sum(axis=-1),
    ]


def _register(cut, length, starts):
    notes = np.maximum(starts.sum(axis=-1), 1)
    mean = np.where(starts, cut, 0).sum(axis=-1) / notes
    spread = np.sqrt(np.where(starts, (cut - mean[..., None]) ** 2, 0).sum(axis=-1) / notes)
    high = np.where(starts, cut, 0).max(axis=-1)
    low = np.where(starts, cut, 127).min(axis=-1)
    whole = high.max(axis=-1) - low.min(axis=-1)
    shared = high.min(axis=-1) - low.max(axis=-1)
    pitches = _shares(_sounding(cut, length))  # (N, 2, 128)
    first, second = pitches[:, 0], pitches[:, 1]
    return [
        mean[:, 1] - mean[:, 0],
        np.abs(mean[:, 1] - mean[:, 0]),
        high[:, 1] - high[:, 0],
        low[:, 1] - low[:, 0],
        whole,
        whole - (high - low).max(axis=-1),
        (shared + 1) / (whole + 1),
        spread[:, 1] - spread[:, 0],
        _likeness(first, second),
        (second * (first > 0)).sum(axis=-1),
        (first * (second > 0)).sum(axis=-1),
    ]


def _sounding(cut, length):
    """How many cells each pitch sounds: (N, 2, T) -> (N, 2, 128)."""
    rows = np.arange(len(cut) * 2).reshape(-1, 2, 1)
    where = (rows * 128 + cut).ravel()
    return np.bincount(where, length.ravel(), len(cut) * 2 * 128).reshape(-1, 2, 128)


def _join(cut, starts):
    size = cut.shape[-1]
    # where the first and the last note start: (N, 2, 1)
    first = starts.argmax(axis=-1)[..., None]
    last = size - 1 - starts[..., ::-1].argmax(axis=-1)[..., None]
    opening = np.take_along_axis(cut, first, axis=-1)[..., 0]  # (N, 2)
    closing = np.take_along_axis(cut, last, axis=-1)[..., 0]
    # the last cell of the first half that is no rest
    sound = size - 1 - (cut[:, 0, ::-1] != 0).argmax(axis=-1)
    step = opening[:, 1] - closing[:, 0]
    return [
        step,
        np.abs(step),
        size - 1 - sound + first[:, 1, 0],
        np.abs(closing[:, 1] - closing[:, 0]),
        (closing[:, 1] - closing[:, 0]) % 12 == 0,
        np.abs(opening[:, 1] - opening[:, 0]),
        (opening[:, 1] - opening[:, 0]) % 12 == 0,
    ]


def _bars(a, size=BAR):
    """(N, 2, T) -> two arrays of shape (N, bars of a half, size)."""
    return a[:, 0].reshape(len(a), -1, size), a[:, 1].reshape(len(a), -1, size)


def _rhythm(cut, length, starts):
    notes = starts.sum(axis=-1)
    mean = np.log2(np.maximum(length.sum(axis=-1), 1) / np.maximum(notes, 1))
    durations = _shares(_counts(np.minimum(length, BAR), starts, BAR + 1))
    places = _shares(starts.reshape(len(cut), 2, -1, BAR).sum(axis=2))  # (N, 2, 16)
    silence = (cut == 0).mean(axis=-1)
    off = places.reshape(len(cut), 2, -1, 4)[..., 1:].sum(axis=(-1, -2))
    a, b = (bars.astype(np.float32) for bars in _bars(starts))
    # notes that bar i of the second half and bar j of the first start together
    meet = np.einsum("nik,njk->nij", b, a)
    union = b.sum(axis=-1)[:, :, None] + a.sum(axis=-1)[:, None] - meet
    like = np.where(union > 0, meet / np.maximum(union, 1), 1)  # (N, 4, 4)
    beside = np.diagonal(like, axis1=1, axis2=2)
    return [
        notes[:, 1] - notes[:, 0],
        mean[:, 1] - mean[:, 0],
        np.abs(mean[:, 1] - mean[:, 0]),
        np.abs(durations[:, 1] - durations[:, 0]).sum(axis=-1),
        np.abs(places[:, 1] - places[:, 0]).sum(axis=-1),
        _likeness(places[:, 0], places[:, 1]),
        silence[:, 1] - silence[:, 0],
        beside.mean(axis=-1),
        like.max(axis=-1).mean(axis=-1),
        like.max(axis=-1).min(axis=-1),
        (like == 1).any(axis=-1).mean(axis=-1),
        off[:, 1] - off[:, 0],
        notes.sum(axis=-1),
        silence.mean(axis=-1),
    ]


def _repetition(cut, starts):
    place = np.arange(cut.shape[-1])
    # the note that sounds in each cell, or sounded last; then the same, one cell earlier
    newest = np.maximum.accumulate(np.where(starts, place, -1), axis=-1)
    before = np.concatenate([np.full((*cut.shape[:2], 1), -1), newest[..., :-1]], axis=-1)
    second = starts & (before >= 0)
    third = second & (_at(before, before) >= 0)
    step = np.where(second, cut - _at(cut, before), 0)
    last_step = _at(step, before)
    heard = np.where(cut == 0, 0, _at(cut, newest))  # the pitch of each cell, 0 for silence
    bars, half_bars = _match(cut, BAR), _match(cut, BAR // 2)
    a, b = _bars(heard)
    # cells of two bars with one pitch: (N, 4, 4)
    same = (b[:, :, None] == a[:, None]).mean(axis=-1)
    steps = _shares(_counts(step + 12, second, 25))
    pairs = (np.clip(last_step, -16, 15) + 16) * 32 + np.clip(step, -16, 15) + 16
    pairs = np.where(third, pairs, -1)
    threes = np.where(third, pairs * 128 + cut, -1)
    within = [
        np.triu(_equal(half, half), 1).any(axis=1).mean(axis=-1) for half in _bars(cut)
    ]
    return [
        bars[0].any(axis=-1).mean(axis=-1),
        np.diagonal(bars[0], axis1=1, axis2=2).mean(axis=-1),
        (bars[1] & ~bars[0]).any(axis=-1).mean(axis=-1),
        half_bars[0].any(axis=-1).mean(axis=-1),
        (half_bars[1] & ~half_bars[0]).any(axis=-1).mean(axis=-1),
        np.diagonal(same, axis1=1, axis2=2).mean(axis=-1),
        same.max(axis=-1).mean(axis=-1),
        same.max(axis=(-1, -2)),
        (np.cumprod(heard[:, 0] == heard[:, 1], axis=-1)).mean(axis=-1),
        np.mean(within, axis=0),
        np.abs(steps[:, 1] - steps[:, 0]).sum(axis=-1),
        _known(pairs),
        _known(threes),
    ]


def _at(values, index):
    """The values at an index along the last axis; of no place (-1), those at the first."""
    return np.take_along_axis(values, np.maximum(index, 0), axis=-1)


def _equal(b, a):
    """Which pieces of b equal which of a: (N, I, k) and (N, J, k) -> (N, I, J)."""
    return (b[:, :, None] == a[:, None]).all(axis=-1)


def _match(cut, size):
    """Which pieces of the second half equal which of the first, both (N, I, J).

    As they are, and transposed. Silence equals nothing.
    """
    a, b = _bars(cut, size)
    some = (b > HOLD).any(axis=-1)[:, :, None]
    # pitches below the highest: -2 and less
    a2, b2 = (np.where(x > HOLD, x - x.max(axis=-1, keepdims=True) - 2, x) for x in (a, b))
    return _equal(b, a) & some, _equal(b2, a2) & some


def _known(codes):
    """Which share of the second half's codes, (N, 2, T), the first half has; -1 is none."""
    first, second = codes[:, 0], np.where(codes[:, 1] < 0, -2, codes[:, 1])
    there = (second[:, :, None] == first[:, None]).any(axis=-1)
    return there.sum(axis=-1) / np.maximum((second >= 0).sum(axis=-1), 1)
