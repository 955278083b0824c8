"""How far a melody was moved in a latent space, and how far apart melodies lie there.

Melodies of one song are compared with melodies of two.

The unit is the encoder's own doubt: in each dimension a step counts by how many standard
deviations of the encoder it takes. So a distance of 1 is as far as a melody's code strays
when it is drawn from its own posterior. Codes and deviations come in as arrays: which model
made them is not known here. Used in chapter 4, Connective Fusion.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["SongDistances", "shares_below", "within_and_between", "z_distance"]

_AT_ONCE = 65_536  # pairs held in memory at one time


def z_distance(
    after: npt.ArrayLike, before: npt.ArrayLike, deviation: npt.ArrayLike
) -> np.ndarray:
    """A squared Mahalanobis distance, scaled by the number of dimensions.

    Parameters
    ----------
    after, before : array_like, shape (..., d)
        Latent vectors; they broadcast.
    deviation : array_like, shape (d,)
        Standard deviation of the encoder in each dimension, averaged over the training
        data.

    Returns
    -------
    ndarray of float, shape (...)
        For pairs of halves, shape (N, 2, d), the paper takes
        ``z_distance(...).mean(axis=-1)``.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a deviation is not positive.

    References
    ----------
    Connective Fusion, section 3.4.

    Examples
    --------
    >>> float(z_distance([3.0, 1.0], [1.0, 1.0], [1.0, 2.0]))
    2.0
    """
    after, before = np.asarray(after, np.float64), np.asarray(before, np.float64)
    deviation = np.asarray(deviation, np.float64)
    shapes = {after.shape[-1:], before.shape[-1:], deviation.shape}
    if deviation.ndim != 1 or len(shapes) > 1:
        raise ValueError(
            f"codes of shapes {after.shape} and {before.shape} and deviations of shape "
            f"{deviation.shape} do not fit together"
        )
    if not (deviation > 0).all():
        raise ValueError("every deviation must be above 0")
    # dist(z', z) = 1/d (z' - z) Sigma^-1 (z' - z)^T, Sigma = diag(deviation^2)
    return np.mean(((after - before) / deviation) ** 2, axis=-1)


class SongDistances(NamedTuple):
    """What `within_and_between` found."""

    within: np.ndarray  # (W,): distances of pairs from one song
    between: np.ndarray  # (B,): of pairs from two songs
    # pairs that were left out because their sequences are equal, note by note
    identical_within: int
    identical_between: int


def within_and_between(
    codes: npt.ArrayLike,
    songs: npt.ArrayLike,
    sequences: npt.ArrayLike,
    deviation: npt.ArrayLike,
    pairs: int = 1_000_000,
    seed: int = 0,
) -> SongDistances:
    """Distances of pairs of sequences from one song, and from two.

    Half of the pairs are drawn from one song: any sequence of a song that has several, then
    another one of that song. The other half are two sequences of different songs. Pairs
    whose sequences are equal are left out, so that this is about likeness, not identity.

    Parameters
    ----------
    codes : array_like of float, shape (N, d)
        Latent vectors.
    songs : array_like, shape (N,)
        Song of each.
    sequences : array_like of int, shape (N, T)
        What was encoded: tells equal sequences apart from similar ones.
    deviation : array_like, shape (d,)
        See `z_distance`.
    pairs : int
        How many are drawn in all, before equal ones are left out.
    seed : int

    Returns
    -------
    SongDistances

    Raises
    ------
    ValueError
        If the arrays do not belong together, there is one song only, or no song has two
        sequences.

    References
    ----------
    Connective Fusion, section 3.4, last paragraph, and Figure 6: 1,000,000 pairs. How many
    of these are of one song is not said.

    Examples
    --------
    >>> codes, sequences = [[0.0], [1.0], [9.0]], [[60], [62], [64]]
    >>> found = within_and_between(codes, ["a", "a", "b"], sequences, [1.0], pairs=20)
    >>> set(found.within.tolist()), sorted(set(found.between.tolist()))
    ({1.0}, [64.0, 81.0])
    """
    codes, sequences = np.asarray(codes, dtype=np.float64), np.asarray(sequences)
    _, song = np.unique(np.asarray(songs), return_inverse=True)
    dimensions = (codes.ndim, song.ndim, sequences.ndim)
    if dimensions != (2, 1, 2) or not len(codes) == len(sequences) == len(song):
        raise ValueError(
            "codes, songs and sequences must be of shapes (N, d), (N,) and (N, T); "
            f"found {codes.shape}, {song.shape} and {sequences.shape}"
        )
    rng = np.random.default_rng(seed)
    within = _of_one_song(song, pairs - pairs // 2, rng)
    between = _of_two_songs(song, pairs // 2, rng)
    number = _numbered(sequences)
    distances, identical = [], []
    for first, second in (within, between):
        differ = number[first] != number[second]
        first, second = first[differ], second[differ]
        found = [np.zeros(0)]
        for i in range(0, len(first), _AT_ONCE):
            a, b = codes[first[i : i + _AT_ONCE]], codes[second[i : i + _AT_ONCE]]
            found.append(z_distance(a, b, deviation))
        distances.append(np.concatenate(found))
        identical.append(int((~differ).sum()))
    return SongDistances(distances[0], distances[1], identical[0], identical[1])


def _of_one_song(song, pairs, rng):
    order = np.argsort(song, kind="stable")
    size = np.bincount(song)
    start = np.cumsum(size) - size
    several = np.flatnonzero(size[song] > 1)
    if not len(several):
        raise ValueError("no song has two sequences: nothing can be compared within a song")
    first = several[rng.integers(0, len(several), pairs)]
    place = np.empty(len(song), np.int64)
    place[order] = np.arange(len(song)) - start[song[order]]  # its place within its song
    # another place, all equally likely: go on by 1 to size - 1 places, round and round
    step = rng.integers(1, size[song[first]])
    return first, order[start[song[first]] + (place[first] + step) % size[song[first]]]


def _of_two_songs(song, pairs, rng):
    if song.max(initial=0) == 0:
        raise ValueError("there is one song only: nothing can be compared between songs")
    first, second = rng.integers(0, len(song), (2, pairs))
    while (same := np.flatnonzero(song[first] == song[second])).size:
        first[same], second[same] = rng.integers(0, len(song), (2, len(same)))
    return first, second


def _numbered(sequences):
    """A number for each row, equal for equal rows."""
    rows = np.ascontiguousarray(sequences)
    if not rows.shape[1]:
        raise ValueError("sequences of no token")
    bytes_of_rows = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1])))
    return np.unique(bytes_of_rows.ravel(), return_inverse=True)[1]


def shares_below(distances: npt.ArrayLike, thresholds: npt.ArrayLike) -> np.ndarray:
    """Which share of distances lies below each threshold.

    Parameters
    ----------
    distances : array_like, shape (P,)
    thresholds : array_like, shape (K,)
        The paper reads Figure 6 at 1 and 3.

    Returns
    -------
    ndarray of float, shape (K,)

    Raises
    ------
    ValueError
        If there is no distance.

    Examples
    --------
    >>> shares_below([0.5, 2.0, 3.0, 9.0], [1, 3]).tolist()
    [0.25, 0.5]
    """
    distances = np.sort(np.asarray(distances, dtype=np.float64).ravel())
    if not len(distances):
        raise ValueError("no distances to count")
    thresholds = np.asarray(thresholds, dtype=np.float64)
    return np.searchsorted(distances, thresholds, side="left") / len(distances)
