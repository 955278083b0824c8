"""What stands beside every system on common ground, and learns nothing: from N windows of
A and N of B, (N, 128) tokens of the grid, to N melodies.

Each has one thing that a good score should not need. All take ``(a, b, seed)``, whatever of
it they look at. Used in chapter 8, "Side by side".
"""

from collections.abc import Callable

import numpy as np

from fusiontools.compare.tunes import HIGH as TOP
from fusiontools.compare.tunes import LOW as BOTTOM
from fusiontools.music.grid import HIGH, HOLD, LOW, transpose_grid
from fusiontools.score import baselines, markov

__all__ = ["TRIVIAL", "in_reach", "two_halves"]

FIFTH = 7  # semitones


def in_reach(tokens: np.ndarray, low: int = LOW, high: int = HIGH) -> np.ndarray:
    """Each row moved by the octaves that bring most of its notes into a range, and what is
    still outside note by note: (N, T) -> (N, T) uint8.

    Examples
    --------
    >>> in_reach([[50, 1, 54, 0], [60, 1, 86, 0]]).tolist()
    [[62, 1, 66, 0], [60, 1, 74, 0]]
    """
    tokens = np.asarray(tokens).astype(int)
    sounds, moves = tokens > HOLD, np.array(sorted(range(-60, 61, 12), key=abs))
    moved = tokens + moves[:, None, None]  # (K, N, T)
    fits = (sounds & (moved >= low) & (moved <= high)).sum(axis=-1)
    pitch = tokens + moves[fits.argmax(axis=0)][:, None]
    # octaves to go, rounded up
    up, down = -((pitch - low) // 12), -((high - pitch) // 12)
    pitch = pitch + 12 * (np.maximum(up, 0) - np.maximum(down, 0))
    return np.where(sounds, pitch, tokens).astype(np.uint8)


def two_halves(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first four bars of A and the last four of B, (N, 64) each: two ideas.

    Examples
    --------
    >>> two_halves([[60, 1, 62, 1]], [[72, 1, 74, 1]])[1].tolist()
    [[74, 1]]
    """
    return markov.halves(a)[:, 0], markov.halves(b)[:, 1]


def _copy_a(a, b, seed):
    return a


def _copy_b(a, b, seed):
    return b


def _mixture(a, b, seed):
    return np.where(np.arange(len(a))[:, None] % 2, b, a)


def _transpose(a, b, seed):
    """A fifth up; where that is too high, the same pitch classes below."""
    up = a.max(axis=1, initial=0) + FIFTH <= TOP
    both = transpose_grid(a, FIFTH), in_reach(transpose_grid(a, FIFTH), BOTTOM, TOP)
    return np.where(up[:, None], *both)


def _splice(a, b, seed):
    return np.concatenate(two_halves(a, b), axis=1)


def _bars_in_turn(a, b, seed):
    return baselines.bars_in_turn(*two_halves(a, b))


def _rhythm(a, b, seed):
    """Note k of A has the pitch of note k of B, which begins again where it ends."""
    made = a.copy()
    for row, other in zip(made, b):
        pitch, here = other[other > HOLD], row > HOLD
        if len(pitch):
            row[here] = np.resize(pitch, here.sum())
    return made


def _shuffle(a, b, seed):
    return baselines.shuffled_grid(a, np.random.default_rng([seed, 1]))


def _noise(a, b, seed):
    """As many notes as in A, on any steps, of any pitch that a melody may have."""
    rng = np.random.default_rng([seed, 2])
    turn = rng.random(a.shape).argsort(axis=1)
    starts = turn < (a > HOLD).sum(axis=1, keepdims=True)
    return np.where(starts, rng.integers(BOTTOM, TOP + 1, a.shape), HOLD)


# By name: what it is, the genres that it looks at, whether it draws, and the function.
TRIVIAL: dict[str, tuple[str, str, bool, Callable]] = {
    "copy_a": ("A as it is", "A", False, _copy_a),
    "copy_b": ("B as it is", "B", False, _copy_b),
    "mixture": ("half of the melodies A, half of them B", "AB", False, _mixture),
    "transpose": ("A moved by a fifth", "A", False, _transpose),
    "splice": ("four bars of A, then four of B", "AB", False, _splice),
    "bars_in_turn": ("a bar of A, then one of B", "AB", False, _bars_in_turn),
    "rhythm": ("A's rhythm with B's pitches", "AB", False, _rhythm),
    "shuffle": ("the notes of A in any order", "A", True, _shuffle),
    "noise": ("as many notes as in A, anywhere", "A", True, _noise),
}
