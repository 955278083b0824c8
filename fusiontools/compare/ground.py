"""Common ground: pairs of windows of two genres, of songs that no system has learned from.

Held out is what FusionGAN holds out; of that, what has as many events as its judges were
made for, in no half of which another system has learned. Both windows of a pair are in one
fold of the judges of genre, so that one model, which has heard neither, hears all that is
made of them. Used in chapter 8, "Side by side".
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from itertools import cycle
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fusiontools.compare.tunes import GENRES, STEPS
from fusiontools.corpora.cache import check_array, read_described, write_described
from fusiontools.errors import CorpusError
from fusiontools.music.grid import HOLD, decode_grid
from fusiontools.score import markov

if TYPE_CHECKING:
    from fusiontools.compare.tunes import Tunes
    from fusiontools.music.notes import Notes

__all__ = ["PAIRS", "Ground", "canonical", "event_tokens", "events", "make_ground"]
__all__ += ["open_ground", "save_ground"]

PAIRS = 200


class Ground(NamedTuple):
    """The pairs that all systems get."""

    a: np.ndarray  # (N, 128) uint8: windows of held-out songs, in C
    b: np.ndarray  # (N, 128)
    songs_a: np.ndarray  # (N,) str
    songs_b: np.ndarray  # (N,) str
    folds: np.ndarray  # (N,): of both songs, among the judges of genre
    told: dict  # how many there are, and were left out


def events(row: np.ndarray) -> Notes:
    """A melody of the grid as the first 36 events of FusionGAN's tokens, or as many as it
    has, as `Notes`: what the judges of genre hear.
    """
    from fusiontools.music.tokens import decode_tokens
    from fusiontools.papers.fusiongan.data import VOCABULARY

    return decode_tokens(event_tokens(row), VOCABULARY)


def event_tokens(row: np.ndarray) -> np.ndarray:
    """The same as tokens of FusionGAN, (up to 36,)."""
    from fusiontools.music.tokens import EVENTS
    from fusiontools.papers.fusiongan.data import tune_tokens

    return tune_tokens(decode_grid(row), to_c=False)[:EVENTS]


def canonical(rows: np.ndarray) -> np.ndarray:
    """Both halves of windows as they are in any key and octave: (N, T) -> (N, 2, T / 2).

    Examples
    --------
    >>> canonical(np.array([[60, 1, 64, 76], [62, 1, 66, 66]])).tolist()
    [[[2, 1], [2, 2]], [[2, 1], [2, 2]]]
    """
    halves = markov.halves(rows).astype(int)
    sounds = halves > HOLD
    first = np.take_along_axis(halves, sounds.argmax(axis=-1)[..., None], axis=-1)
    return np.where(sounds, (halves - first) % 12 + 2, halves).astype(np.uint8)


def make_ground(
    data: Tunes,
    folds: Mapping[str, np.ndarray],
    known: Collection[bytes] = (),
    n: int = PAIRS,
    seed: int = 0,
) -> Ground:
    """Pairs of windows of the test part, each song in turn, both of a pair in one fold.

    Parameters
    ----------
    data : Tunes
    folds : dict of str to array of int
        "A" and "B": of each window of the test part, the fold of its song.
    known : set of bytes
        Halves, see `canonical`, whose windows are left out.
    n, seed : int
        How many pairs, and the chance of the draw.

    Raises
    ------
    CorpusError
        If too little is left for a pair.
    """
    from fusiontools.music.tokens import EVENTS

    rng, drawn, told = np.random.default_rng(seed), {}, {"pairs": n}
    for genre in GENRES:
        rows, songs = data.windows(genre, "test"), data.songs(genre, "test")
        long = np.array([len(event_tokens(row)) >= EVENTS for row in rows], bool)
        new = np.array([not _knows(known, row) for row in canonical(rows)], bool)
        left = np.flatnonzero(long & new)
        drawn[genre] = left[_in_turn(songs[left], rng)]
        told |= {f"windows_{genre}": len(left), f"short_{genre}": int((~long).sum())}
        told |= {f"known_{genre}": int((long & ~new).sum())}
    a, b = drawn["A"], drawn["B"]
    theirs = {k: b[folds["B"][b] == k] for k in np.unique(folds["B"][b])}
    a = a[np.isin(folds["A"][a], list(theirs))]
    if not len(a):
        do = "bring more songs: a pair needs two that the same judge has not heard"
        raise CorpusError("no pair of unseen windows", data.name, do)
    a, turn = np.resize(a, n), {k: cycle(rows) for k, rows in theirs.items()}
    b = np.array([next(turn[k]) for k in folds["A"][a]])
    songs = data.songs("A", "test")[a], data.songs("B", "test")[b]
    told |= {f"songs_{g}": len(np.unique(own)) for g, own in zip(GENRES, songs)}
    both = data.windows("A", "test")[a], data.windows("B", "test")[b]
    return Ground(*both, *songs, folds["A"][a], told)


def _knows(known, halves):
    return any(half.tobytes() in known for half in halves)


def _in_turn(songs, rng):
    """Rows in an order by chance in which no song comes again before all have come."""
    order = rng.permutation(len(songs))
    seen: dict[str, int] = {}
    times = []
    for song in songs[order]:
        seen[song] = seen.get(song, 0) + 1
        times.append(seen[song])
    return order[np.argsort(times, kind="stable")]


def save_ground(made: Ground, path: str | os.PathLike) -> None:
    """Write pairs into one ``.npz``, whole or not at all."""
    write_described(path, made.told, {k: getattr(made, k) for k in Ground._fields[:-1]})


def open_ground(path: str | os.PathLike) -> Ground:
    """Read what `save_ground` wrote; CorpusError if it is missing, damaged or another."""

    def build(told, arrays):
        for key in ("a", "b"):
            check_array(arrays[key], "uint8", (len(arrays["folds"]), STEPS), 0, 127)
        return Ground(*(arrays[key] for key in Ground._fields[:-1]), told)

    return read_described(path, build, "pairs of windows", "make them again: job ground")
