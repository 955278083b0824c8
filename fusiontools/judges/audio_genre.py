"""Which genre is a sound of? The paper's two networks, corrected, and what does better.

`cross_validated` compares the networks of `fusiontools.judges.audio_networks` with a vote
of three common models and with a linear judge, on folds that keep an artist whole.

`AudioJudge`, the linear one, ships. It also says which sounds are unlike all genres. It
takes any labels, instruments as well as genres, and is to be trained without the clips
that it judges: see `apart`. Used in chapter 7, Audio style transfer.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fusiontools.judges.audio_features import FEATURES
from fusiontools.judges.audio_networks import (
    autocorrelogram_network,
    feature_network,
    learn,
    say,
    standard,
)
from fusiontools.score.intervals import bootstrap_counts, means_of_groups

__all__ = ["KINDS", "AudioJudge", "apart", "cross_validated", "f1_and_accuracy", "folds"]
__all__ += ["load_judge", "save_judge", "tracks", "train_judge"]

# epochs and rate of Adam: ours for features, where the paper has 500 at 1e-4
_NETWORKS = {
    "genre_cnn": (60, 1e-3),
    "genre_cnn_double_softmax": (60, 1e-3),
    "genre_autocorr": (6, 1e-3),
}
KINDS = (*_NETWORKS, "genre_best", "genre_linear")
_ARRAYS = ("centre", "scale", "means", "precision", "offset", "limit")  # of a judge's file


def tracks(x: np.ndarray, near: float = 1.0) -> np.ndarray:
    """Which clips are of one recording, by their features.

    Parameters
    ----------
    x : array_like of float, shape (N, D)
    near : float
        Distance of standardised features below which two clips are one recording. GTZAN
        has 14 pairs at 0 and 10 more below 1; all are of the same song by its index.

    Returns
    -------
    ndarray of int, shape (N,)
        The number of the first clip of the same recording.

    Examples
    --------
    >>> tracks([[0, 1], [5, 2], [0, 1], [9, 7]], near=0.1).tolist()
    [0, 1, 0, 3]
    """
    z = standard(x)
    z = (np.asarray(x) - z[0]) / z[1]
    group = np.arange(len(z))
    for i in range(len(z)):
        same = np.flatnonzero(np.sum((z[:i] - z[i]) ** 2, axis=1) < near**2)
        for j in same:  # what was with i or with j is now together
            group[np.isin(group, [group[i], group[j]])] = min(group[i], group[j])
    return group


def folds(
    labels: npt.ArrayLike, groups: npt.ArrayLike, k: int = 5, seed: int = 0
) -> np.ndarray:
    """Deal whole groups to k folds, each fold with as many clips of a label as can be.

    Parameters
    ----------
    labels, groups : array_like, shape (N,)
        A group may hold several labels.
    k : int
    seed : int

    Returns
    -------
    ndarray of int, shape (N,)
        0 to k - 1.

    Raises
    ------
    ValueError
        If there are fewer than k groups, or k is below 2.

    Examples
    --------
    >>> fold = folds(["a"] * 4 + ["b"] * 4, [0, 0, 1, 1, 2, 2, 3, 3], k=2)
    >>> bool(fold[0] == fold[1] != fold[2]), np.bincount(fold).tolist()
    (True, [4, 4])
    """
    kinds, label = np.unique(labels, return_inverse=True)
    names, group = np.unique(groups, return_inverse=True)
    if not 2 <= k <= len(names):
        raise ValueError(f"{len(names)} groups can't be dealt to {k} folds")
    table = np.zeros((len(names), len(kinds)))
    np.add.at(table, (group, label), 1)
    share = table / table.sum(axis=0)  # of its label, so that rare labels count alike
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-share[order].max(axis=1), kind="stable")]  # largest first
    held, fold = np.zeros((k, len(kinds))), np.zeros(len(names), int)
    for i in order:
        # to the fold f with the least h_f . s, what it has already of the group's labels;
        # of equal ones to the smallest
        cost = held @ share[i] + 1e-6 * held.sum(axis=1)
        fold[i] = cost.argmin()
        held[fold[i]] += share[i]
    return fold[group]


def apart(
    ids: npt.ArrayLike, given: Sequence[str], groups: npt.ArrayLike | None = None
) -> np.ndarray:
    """Which clips a judge may learn from, if it is to judge the given ones.

    Parameters
    ----------
    ids : array_like of str, shape (N,)
    given : sequence of str
        Ids of content and style clips, with or without a corpus before a slash.
    groups : array_like, shape (N,), optional
        Artists: the given clips' whole groups stay out.

    Returns
    -------
    ndarray of bool, shape (N,)

    Examples
    --------
    >>> apart(["a.0", "a.1", "b.0"], ["gtzan_mini/a.0"], ["x", "x", "y"]).tolist()
    [False, False, True]
    """
    own = np.isin(ids, [name.split("/")[-1] for name in given])
    if groups is not None:
        own = np.isin(groups, np.asarray(groups)[own])
    return ~own


def _network_of(kind, inputs, genres):
    if kind == "genre_autocorr":
        return autocorrelogram_network(inputs, genres)
    return feature_network(inputs, genres, kind == "genre_cnn_double_softmax")


def _logged(x, names):
    """Variances are spread over powers of ten: their logarithms are heard."""
    x = np.asarray(x, np.float64)
    if x.ndim != 2 or x.shape[1] != len(names):
        raise ValueError(f"{len(names)} features are named, of an array of {x.shape}")
    is_variance = [name.endswith("_var") for name in names]
    return np.where(is_variance, np.log(np.maximum(x, 1e-10)), x)


def _vote(seed):
    """A soft vote of three: support vectors, boosted trees and a logistic regression."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.ensemble import HistGradientBoostingClassifier, VotingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    vectors = CalibratedClassifierCV(SVC(C=10), ensemble=False)
    trees = HistGradientBoostingClassifier(max_leaf_nodes=8, random_state=seed)
    line = LogisticRegression(C=0.3, max_iter=2000)
    three = [
        ("vectors", make_pipeline(StandardScaler(), vectors)),
        ("trees", trees),
        ("line", make_pipeline(StandardScaler(), line)),
    ]
    return VotingClassifier(three, voting="soft")


def cross_validated(
    kind: str,
    x: npt.ArrayLike,
    labels: npt.ArrayLike,
    groups: npt.ArrayLike,
    seed: int = 0,
    k: int = 5,
    epochs: int | None = None,
    rate: float | None = None,
    names: Sequence[str] = FEATURES,
) -> tuple:
    """Judge each clip by a model that has heard nothing of its group.

    Parameters
    ----------
    kind : str
        One of `KINDS`: the paper's networks (of features, the same with the double softmax,
        of autocorrelograms), the vote of three, or the linear judge.
    x : array_like of float, shape (N, D)
        Features, or autocorrelograms.
    labels, groups : array_like, shape (N,)
    seed : int
        Of the folds and of the networks.
    k : int
        Number of folds.
    epochs, rate : optional
        Of a network's training.
    names : sequence of str
        The columns' names, for the last two kinds: they hear the logarithms of variances.

    Returns
    -------
    predicted : ndarray, shape (N,)
        Labels.
    probabilities : ndarray of float64, shape (N, G)
        In the order of ``np.unique(labels)``.
    history : dict of str to ndarray of float64, shape (epochs,)
        Of a network ``loss`` and ``f1_train``, means over folds, and ``f1`` of all clips
        left out; empty for the others. No epoch is chosen by it: the last one counts.

    Raises
    ------
    ValueError
        If the kind is unknown, names do not fit, or a label is in fewer than two folds.
    """
    if kind not in KINDS:
        raise ValueError(f"the kind is {kind!r}; it can be one of {', '.join(KINDS)}")
    x, labels = np.asarray(x, np.float64), np.asarray(labels)
    kinds, y = np.unique(labels, return_inverse=True)
    fold = folds(labels, groups, k, seed)
    if any(len(set(fold[y == i])) < 2 for i in range(len(kinds))):
        raise ValueError("a label has all its clips in one fold: it has too few groups")
    said, history = np.zeros((len(x), len(kinds))), {}
    if kind in _NETWORKS:
        epochs, rate = epochs or _NETWORKS[kind][0], rate or _NETWORKS[kind][1]
        heard = np.zeros((epochs, len(x)), int)
        curves = np.zeros((2, k, epochs))
    for i in range(k):
        out, inside = fold == i, fold != i
        if kind in _NETWORKS:
            found = _one_fold(kind, x, y, out, len(kinds), epochs, rate, seed + i)
            said[out], heard[:, out], curves[0, i], curves[1, i] = found
        elif kind == "genre_best":
            model = _vote(seed).fit(_logged(x, names)[inside], y[inside])
            said[out] = model.predict_proba(_logged(x, names)[out])
        else:
            said[out] = _fit(x[inside], labels[inside], names).probabilities(x[out])
    if kind in _NETWORKS:
        f1 = np.array([_macro_f1(y, own, len(kinds)) for own in heard])
        history = dict(loss=curves[0].mean(axis=0), f1=f1, f1_train=curves[1].mean(axis=0))
    return kinds[said.argmax(axis=1)], said, history


def _one_fold(kind, x, y, out, genres, epochs, rate, seed):
    import torch

    centre, scale = standard(x[~out])
    z, left, trained = (x - centre) / scale, [], []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network_of(kind, x.shape[1], genres)

        def after(epoch):
            own = say(network, z).argmax(axis=1)
            left.append(own[out])
            trained.append(_macro_f1(y[~out], own[~out], genres))

        losses = learn(network, z[~out], y[~out], epochs, rate, seed, after)
    return say(network, z[out]), np.array(left), losses, trained


def _f1_of(table):
    """Macro F1 of confusion tables (..., G, G), rows true: (...,)."""
    right = np.diagonal(table, axis1=-2, axis2=-1)
    told = table.sum(axis=-1) + table.sum(axis=-2)
    # F1 = 2 TP / (2 TP + FP + FN), mean over the labels that are there or are said
    f1 = np.where(told > 0, 2 * right / np.maximum(told, 1), 0)
    return f1.sum(axis=-1) / np.maximum((told > 0).sum(axis=-1), 1)


def _macro_f1(true, predicted, genres):
    pairs = np.bincount(true * genres + predicted, minlength=genres**2)
    return float(_f1_of(pairs.reshape(genres, genres)))


def f1_and_accuracy(
    labels: np.ndarray, predicted: np.ndarray, groups: np.ndarray
) -> dict[str, dict]:
    """How well labels are told, with 95 % ranges: the bootstrap draws whole groups.

    Parameters
    ----------
    labels, predicted, groups : array_like, shape (N,)

    Returns
    -------
    dict of str to dict
        ``f1`` (macro: the mean over labels) and ``accuracy``, each with ``value``, ``low``
        and ``high``.

    Examples
    --------
    >>> told = f1_and_accuracy(["a", "a", "b", "b"], ["a", "a", "b", "a"], [0, 1, 2, 3])
    >>> round(told["f1"]["value"], 4), told["accuracy"]["value"]
    (0.7333, 0.75)
    """
    labels, predicted = np.asarray(labels), np.asarray(predicted)
    kinds = np.union1d(labels, predicted)
    pair = np.searchsorted(kinds, labels) * len(kinds) + np.searchsorted(kinds, predicted)
    names, group = np.unique(groups, return_inverse=True)
    rows = np.zeros((len(names), len(kinds) ** 2))
    np.add.at(rows, (group, pair), 1)
    shape = (len(kinds), len(kinds))
    drawn = bootstrap_counts(lambda h: _f1_of(h.reshape(*h.shape[:-1], *shape)), rows)
    f1 = dict(zip(("value", "low", "high"), map(float, drawn)))
    return {"f1": f1} | means_of_groups({"accuracy": labels == predicted}, groups)


@dataclass(frozen=True, eq=False)
class AudioJudge:
    """A linear discriminant analysis of features, of G labels and D features.

    `about` holds what it was trained on and how well it does on clips that are new to it.
    """

    labels: tuple
    names: tuple
    centre: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)
    means: np.ndarray  # (G, D)
    precision: np.ndarray  # (D, D)
    offset: np.ndarray  # (G,)
    limit: float
    about: dict

    def _heard(self, x):
        return (_logged(x, self.names) - self.centre) / self.scale

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Of each label, for features (N, D): (N, G)."""
        # log p(g | z) = z' P m_g - m_g' P m_g / 2 + log prior_g + const
        score = self._heard(x) @ self.precision @ self.means.T + self.offset
        p = np.exp(score - score.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def distances(self, x: np.ndarray) -> np.ndarray:
        """Mahalanobis distances of features (N, D) to the nearest mean: (N,)."""
        off = self._heard(x)[:, None] - self.means  # (N, G, D)
        # d^2 = min_g (z - m_g)' P (z - m_g)
        squares = np.einsum("ngd,de,nge->ng", off, self.precision, off, optimize=True)
        return np.sqrt(np.maximum(squares.min(axis=1), 0))

    def unlike(self, x: np.ndarray) -> np.ndarray:
        """Which sounds are unlike all labels, for features (N, D): (N,) of bool.

        They lie farther from every mean than 95 % of real clips that were left out.
        """
        return self.distances(x) > self.limit


def _fit(x, labels, names, shrinkage=0.1):
    heard = _logged(x, names)
    centre, scale = standard(heard)
    z = (heard - centre) / scale
    kinds, y, count = np.unique(labels, return_inverse=True, return_counts=True)
    means = np.stack([z[y == g].mean(axis=0) for g in range(len(kinds))])
    # S = sum_n (z_n - m_g(n)) (z_n - m_g(n))' / N, shrunk to (1 - s) S + s tr(S) / D I
    within = (z - means[y]).T @ (z - means[y]) / len(z)
    even = np.trace(within) / len(within) * np.eye(len(within))
    precision = np.linalg.inv((1 - shrinkage) * within + shrinkage * even)
    offset = np.log(count / len(z)) - np.einsum("gd,de,ge->g", means, precision, means) / 2
    kinds = tuple(kinds.tolist())
    arrays = (centre, scale, means, precision, offset)
    return AudioJudge(kinds, tuple(names), *arrays, np.inf, {})


def train_judge(
    x: npt.ArrayLike,
    labels: npt.ArrayLike,
    names: Sequence[str] = FEATURES,
    groups: npt.ArrayLike | None = None,
    shrinkage: float = 0.1,
    seed: int = 0,
    **about: Any,
) -> AudioJudge:
    """Train the linear judge.

    Parameters
    ----------
    x : array_like of float, shape (N, D)
    labels : array_like, shape (N,)
    names : sequence of str
        Of the D features; of those that end in "_var" the logarithm is heard.
    groups : array_like, shape (N,), optional
        Artists, kept whole when clips are left out to measure; by default each clip alone.
    shrinkage : float
        0 to 1: how much of the covariance is taken to be even and uncorrelated.
    seed : int
    **about
        What to note down.

    Returns
    -------
    AudioJudge
        Its ``about`` also has the number of ``clips``, the ``shrinkage``, and ``f1`` and
        ``accuracy`` of clips that were left out.

    Raises
    ------
    ValueError
        If names do not fit, or there are fewer than five groups.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = np.concatenate([rng.normal(i, 0.3, (50, 2)) for i in (0, 3)])
    >>> judge = train_judge(x, ["low"] * 50 + ["high"] * 50, ["x", "y"])
    >>> judge.labels, judge.probabilities([[3, 3]]).round(2).tolist()
    (('high', 'low'), [[1.0, 0.0]])
    >>> judge.unlike([[0, 0], [40, -40]]).tolist()
    [False, True]
    """
    from dataclasses import replace

    x, labels = np.asarray(x, np.float64), np.asarray(labels)
    groups = np.arange(len(x)) if groups is None else np.asarray(groups)
    fold = folds(labels, groups, 5, seed)
    far, told = np.zeros(len(x)), labels.copy()
    for i in range(5):
        own = _fit(x[fold != i], labels[fold != i], names, shrinkage)
        far[fold == i] = own.distances(x[fold == i])
        best = own.probabilities(x[fold == i]).argmax(axis=1)
        told[fold == i] = np.array(own.labels)[best]
    measured = f1_and_accuracy(labels, told, groups)
    about = {"clips": len(x), "shrinkage": shrinkage, **measured, **about}
    judge = _fit(x, labels, names, shrinkage)
    return replace(judge, limit=float(np.quantile(far, 0.95)), about=about)


def save_judge(judge: AudioJudge, path: str | os.PathLike) -> None:
    """Write a linear judge as safetensors of float32: numbers only, no code."""
    import json

    from safetensors.numpy import save_file

    arrays = {k: np.atleast_1d(np.asarray(getattr(judge, k), np.float32)) for k in _ARRAYS}
    arrays = {k: np.ascontiguousarray(a) for k, a in arrays.items()}
    told = {"labels": judge.labels, "names": judge.names, "about": judge.about}
    save_file(arrays, str(path), metadata={k: json.dumps(v) for k, v in told.items()})


def load_judge(path: str | os.PathLike) -> AudioJudge:
    """Read what `save_judge` wrote.

    Raises
    ------
    RecordError
        If the file is missing, damaged, or of something else.
    """
    from fusiontools.training import as_told, read_safetensors

    arrays, told = read_safetensors(path, what="a judge of audio")
    with as_told(path, "judge of audio"):
        parts = [arrays[k].astype(np.float64) for k in _ARRAYS]
        labels, names = tuple(told["labels"]), tuple(told["names"])
        judge = AudioJudge(labels, names, *parts[:-1], float(parts[-1][0]), told["about"])
        one = np.ones((1, len(names)))  # it can judge
        if (
            judge.probabilities(one).shape != (1, len(labels))
            or judge.distances(one).ndim != 1
        ):
            raise ValueError("arrays that do not fit each other")
    return judge
