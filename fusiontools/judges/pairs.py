"""Real and shuffled pairs of halves, and how right a judge is that has to tell them apart.

A shuffled pair is the first half of one window, and the second half of a window of another
song. The paper takes both from its data set, which holds every melody in every key that
fits; so the halves of a shuffled pair stand in keys that have nothing to do with each
other. So they do here, with ``keys="all"``: each window is first moved by its own random
number of semitones, among those that keep it between 55 and 84, and then cut. That half of
a window sounds the same as in real pairs: only what the halves have in common differs. With
``keys="own"``, for data that holds all keys already, or to see how much of the verdict is
key, both halves stay where they are.

The judges take each half as a melody of its own, as the paper does: the tail of a note that
is held over the middle is silent to them. Otherwise a hold after a rest would give a
shuffled pair away.

No judge is here: any callable from windows to probabilities will do. Used in chapter 4,
Connective Fusion.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from fusiontools.music.grid import HIGH, HOLD, LOW
from fusiontools.score.intervals import Interval, bootstrap_counts

__all__ = ["learning_curve", "measure", "shuffled"]


def _moved(windows, shift):
    return np.where(windows > HOLD, windows + shift[:, None], windows)


def _shifts(windows, rng):
    """For each window a number of semitones that keeps it in range, all equally likely."""
    sounds = windows > HOLD
    high = np.where(sounds, windows, LOW).max(axis=1)
    low = np.where(sounds, windows, HIGH).min(axis=1)
    if (high > HIGH).any() or (low < LOW).any():
        raise ValueError(
            f"a pitch lies outside {LOW} to {HIGH}: transpose or fold the melodies first "
            "(fusiontools.music.in_range)"
        )
    return rng.integers(LOW - low, HIGH - high + 1)


def shuffled(
    windows: npt.ArrayLike,
    songs: npt.ArrayLike,
    rng: np.random.Generator,
    keys: str = "all",
    index: npt.ArrayLike | None = None,
) -> np.ndarray:
    """Put first halves together with second halves of other songs.

    Parameters
    ----------
    windows : array_like of int, shape (N, T)
        Grid tokens.
    songs : array_like, shape (N,)
        The song of each.
    rng : numpy.random.Generator
    keys : {"all", "own"}
        Whether each half comes in any key that fits its window, or in its own. See the top
        of this module.
    index : array_like of int, shape (M,), optional
        Whose first halves are wanted; by default everyone's. The second halves come from
        all windows.

    Returns
    -------
    ndarray of int64, shape (M, T)

    Raises
    ------
    ValueError
        If nearly all windows are of one song, `keys` is unknown, or a pitch is out of
        range.

    References
    ----------
    Connective Fusion, section 3.4: "the randomly shuffled pair sequences from the same
    dataset are labeled as negative".

    Examples
    --------
    >>> windows = np.array([[60, 62, 64, 65], [70, 72, 74, 76]])
    >>> shuffled(windows, ["a", "b"], np.random.default_rng(0), keys="own").tolist()
    [[60, 62, 74, 76], [70, 72, 64, 65]]
    """
    windows, songs = np.asarray(windows), np.asarray(songs)
    if windows.ndim != 2 or songs.shape != windows.shape[:1] or windows.shape[1] % 2:
        raise ValueError(
            "windows of shape (N, T), T even, and a song for each are needed; "
            f"found {windows.shape} and {songs.shape}"
        )
    if keys not in ("all", "own"):
        raise ValueError(f"keys is {keys!r}; it can be 'all' or 'own'")
    index = np.arange(len(windows)) if index is None else np.asarray(index, dtype=np.int64)
    other = rng.integers(0, max(len(windows), 1), len(index))
    for _ in range(1000):
        same = np.flatnonzero(songs[other] == songs[index])
        if not len(same):
            break
        other[same] = rng.integers(0, len(windows), len(same))
    else:
        raise ValueError(
            "these windows are of one song, or nearly so: "
            "there is no second song to take halves from"
        )
    first, second = windows[index].astype(np.int64), windows[other].astype(np.int64)
    if keys == "all":
        first = _moved(first, _shifts(first, rng))
        second = _moved(second, _shifts(second, rng))
    half = windows.shape[1] // 2
    return np.concatenate([first[:, :half], second[:, half:]], axis=1)


def measure(
    judge: Callable,
    windows: npt.ArrayLike,
    songs: npt.ArrayLike,
    keys: str = "all",
    seed: int = 0,
    repeats: int = 1000,
) -> dict[str, Interval]:
    """How right a judge is on songs that it has never heard.

    Parameters
    ----------
    judge : callable
        Windows (N, T) to probabilities (N,).
    windows, songs : array_like, shapes (N, T) and (N,)
        Real windows; as many shuffled ones are made of them.
    keys, seed
        See `shuffled`.
    repeats : int
        Of the bootstrap. Songs are drawn again, not windows: those of one song say much the
        same.

    Returns
    -------
    dict of str to Interval
        ``accuracy`` at 0.5, of real and shuffled pairs together; ``mean_real`` and
        ``mean_shuffled``, the mean verdicts on each.

    References
    ----------
    Connective Fusion, section 3.4, has 0.953 for ``accuracy`` and 0.959 for ``mean_real``.

    Examples
    --------
    >>> windows = np.array([[60, 62, 64, 65], [70, 72, 74, 76]])
    >>> near = lambda w: np.abs(w[:, 2] - w[:, 1]) < 6
    >>> found = measure(near, windows, ["a", "b"], keys="own")
    >>> found["accuracy"].value, found["mean_real"].value
    (1.0, 1.0)
    """
    pairs = shuffled(windows, songs, np.random.default_rng(seed), keys)
    real = np.asarray(judge(windows), dtype=np.float64)
    false = np.asarray(judge(pairs), dtype=np.float64)
    _, song = np.unique(np.asarray(songs), return_inverse=True)
    right = (real > 0.5).astype(float) + (false <= 0.5)
    columns = (right, real, false, np.ones(len(song)))
    per_song = np.stack([np.bincount(song, c) for c in columns], axis=1)  # (songs, 4)
    found = bootstrap_counts(_means, per_song, repeats=repeats, seed=seed)
    return {
        name: Interval(*(float(end[i]) for end in found))
        for i, name in enumerate(("accuracy", "mean_real", "mean_shuffled"))
    }


def _means(sums):
    return sums[..., :3] / sums[..., 3:] / np.array([2.0, 1.0, 1.0])


def learning_curve(
    train: Callable,
    windows: np.ndarray,
    songs: np.ndarray,
    test: np.ndarray,
    test_songs: np.ndarray,
    shares: Sequence[float] = (0.125, 0.25, 0.5, 1.0),
    keys: str = "all",
    seed: int = 0,
) -> list[dict]:
    """How much a judge gains by hearing more songs.

    Parameters
    ----------
    train : callable
        Takes windows and their songs, gives a judge.
    windows, songs, test, test_songs : array_like
        To learn from, and to measure on.
    shares : sequence of float
        Of the songs, ascending; a larger set holds every smaller one.
    keys, seed
        See `measure`.

    Returns
    -------
    list of dict
        ``songs``, ``windows``, and ``accuracy`` with its ``low`` and ``high``, one for each
        share.
    """
    songs = np.asarray(songs)
    order, curve = np.random.default_rng(seed).permutation(np.unique(songs)), []
    for share in shares:
        chosen = order[: max(round(share * len(order)), 2)]
        keep = np.isin(songs, chosen)
        judge = train(windows[keep], songs[keep])
        value, low, high = measure(judge, test, test_songs, keys, seed)["accuracy"]
        heard = {"songs": len(chosen), "windows": int(keep.sum())}
        curve.append({**heard, "accuracy": value, "low": low, "high": high})
    return curve
