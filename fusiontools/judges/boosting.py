"""Gradient boosting of small trees, for yes or no.

Many weak questions about a few dozen numbers are added up. Every tree asks the same
question of all that stand on one level, so that a tree of depth D is D questions and 2**D
answers, and a row finds its answer by writing its D answers as one binary number. That
makes it a few arrays: quick to run, and kept without code. It is written in numpy because
that is all it needs. Used in chapter 4, Connective Fusion.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Trees", "fit_trees"]

BINS = 64
_AT_ONCE = 4096  # rows held in memory at one time


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of trees: ``trees(x)`` is the log-odds of yes for rows x, (N, D) -> (N,)."""

    start: float  # log-odds before the first tree
    feature: np.ndarray  # (T, depth) int16: which number is asked about
    threshold: np.ndarray  # (T, depth) float32: is it above this?
    answer: np.ndarray  # (T, 2 ** depth) float32: what to add
    gain: np.ndarray  # (T, depth) float32: how much the question helped in training

    def __len__(self):
        return len(self.feature)

    def __call__(self, x):
        x = np.asarray(x, dtype=np.float32)
        power = 1 << np.arange(self.feature.shape[1])
        tree = np.arange(len(self))
        found = np.full(len(x), self.start)
        for i in range(0, len(x), _AT_ONCE):
            above = x[i : i + _AT_ONCE][:, self.feature] > self.threshold  # (n, T, depth)
            # F(x) = F_0 + sum_t answer_t[leaf_t(x)]
            found[i : i + _AT_ONCE] += self.answer[tree, above @ power].sum(axis=1)
        return found

    def importance(self, features: int) -> np.ndarray:
        """What share of all gain each of `features` columns brought, shape (features,)."""
        total = np.bincount(self.feature.ravel(), self.gain.ravel(), features)
        return total / max(total.sum(), 1e-12)


def fit_trees(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    x_held_out: npt.ArrayLike,
    y_held_out: npt.ArrayLike,
    trees: int = 400,
    depth: int = 5,
    rate: float = 0.1,
    ridge: float = 5.0,
    share: float = 0.5,
    patience: int = 50,
    seed: int = 0,
) -> Trees:
    """Grow trees one after the other, each on what those before it got wrong.

    As many are kept as held-out rows like best.

    Parameters
    ----------
    x : array_like of float, shape (N, D)
    y : array_like of bool, shape (N,)
    x_held_out, y_held_out : array_like
        Rows of other songs: they decide how many trees are kept, and nothing else.
    trees, depth : int
        How many at most, and how many questions each asks.
    rate : float
        How much of its own answer each tree may give.
    ridge : float
        Pulls answers that few rows support towards 0.
    share : float
        Share of rows, and of columns, that each tree sees.
    patience : int
        Stop after so many trees without an improvement.
    seed : int

    Returns
    -------
    Trees

    Raises
    ------
    ValueError
        If rows and answers do not fit together, or all answers are the same.

    References
    ----------
    J. Friedman, Greedy function approximation: a gradient boosting machine, 2001, with
    Newton steps (T. Chen and C. Guestrin, XGBoost, 2016), and one question to a level
    (L. Prokhorenkova and others, CatBoost, 2018).

    Examples
    --------
    >>> x = np.arange(200.0)[:, None]
    >>> found = fit_trees(x, x[:, 0] > 99, x, x[:, 0] > 99, trees=20, depth=1, share=1.0)
    >>> (found(np.array([[10.0], [190.0]])) > 0).tolist()
    [False, True]
    """
    x, x_held_out = (np.asarray(a, dtype=np.float32) for a in (x, x_held_out))
    y, y_held_out = (np.asarray(a, dtype=np.float64) for a in (y, y_held_out))
    alike = x.ndim == 2 and x.shape[1:] == x_held_out.shape[1:]
    answered = y.shape == x.shape[:1] and y_held_out.shape == x_held_out.shape[:1]
    if not alike or not answered:
        raise ValueError(
            f"rows {x.shape} and {x_held_out.shape} and answers {y.shape} and "
            f"{y_held_out.shape} do not fit together"
        )
    if not 0 < y.mean() < 1 or not len(y_held_out):
        raise ValueError("both answers must occur, and there must be rows to hold out")
    rng = np.random.default_rng(seed)
    edges = [_edges(column) for column in x.T]
    binned = [np.searchsorted(e, column, side="left") for e, column in zip(edges, x.T)]
    binned = np.stack(binned).astype(np.uint8)  # (D, N)
    start = float(np.log(y.mean() / (1 - y.mean())))
    score, held_out = np.full(len(y), start), np.full(len(y_held_out), start)
    grown, best, kept = [], np.inf, 0
    for _ in range(trees):
        rows = np.arange(len(y))
        if share < 1:
            rows = np.flatnonzero(rng.random(len(y)) < share)
        columns = rng.permutation(len(x.T))[: max(int(np.ceil(share * x.shape[1])), 1)]
        # g = y - p and h = p (1 - p): first and second derivative of the log likelihood
        p = 1 / (1 + np.exp(-score[rows]))
        g, h = y[rows] - p, p * (1 - p)
        tree = _grow(binned, edges, rows, columns, g, h, depth, rate, ridge)
        grown.append(tree)
        one = Trees(0.0, *(part[None] for part in tree))
        score += one(x)
        held_out += one(x_held_out)
        loss = np.mean(np.logaddexp(0, np.where(y_held_out > 0, -held_out, held_out)))
        if loss < best - 1e-6:
            best, kept = loss, len(grown)
        if len(grown) - kept >= patience:
            break
    return Trees(start, *(np.stack(part) for part in zip(*grown[: max(kept, 1)])))


def _edges(column):
    """Where a column is cut: at most BINS - 1 places, as many rows between any two."""
    values = np.unique(column)
    if len(values) > BINS:
        places = np.quantile(column, np.linspace(0, 1, BINS + 1)[1:-1])
        return np.unique(places.astype(np.float32))
    return (values[:-1] + values[1:]) / 2


def _grow(binned, edges, rows, columns, g, h, depth, rate, ridge):
    """One tree: feature, threshold, answer and gain."""
    leaf = np.zeros(len(rows), np.int64)
    feature, gained = np.zeros(depth, np.int16), np.zeros(depth, np.float32)
    threshold = np.full(depth, np.inf, np.float32)
    parts = binned[columns[:, None], rows]  # (c, n)
    for level in range(depth):
        size = 1 << level
        place = leaf * BINS
        best = (0.0, 0, 0)
        whole = _quality(np.bincount(leaf, g, size), np.bincount(leaf, h, size), ridge)
        for c, part in zip(columns, parts):
            where = place + part
            # what each leaf would hold at or below each edge
            low_g = np.bincount(where, g, size * BINS).reshape(size, BINS).cumsum(axis=1)
            low_h = np.bincount(where, h, size * BINS).reshape(size, BINS).cumsum(axis=1)
            high_g, high_h = low_g[:, -1:] - low_g, low_h[:, -1:] - low_h
            split = _quality(low_g, low_h, ridge) + _quality(high_g, high_h, ridge)
            gain = (split - whole[:, None]).sum(axis=0)[: len(edges[c])]
            if len(gain) and gain.max() > best[0]:
                best = (float(gain.max()), int(c), int(gain.argmax()))
        gain, c, at = best
        # where nothing helps, the question stays one that nobody answers with yes
        if gain > 0:
            feature[level], threshold[level], gained[level] = c, edges[c][at], gain
            leaf += size * (binned[c, rows] > at)
    sum_g, sum_h = np.bincount(leaf, g, 1 << depth), np.bincount(leaf, h, 1 << depth)
    # answer = rate * sum g / (sum h + ridge)
    answer = rate * sum_g / (sum_h + ridge)
    return feature, threshold, answer.astype(np.float32), gained


def _quality(g, h, ridge):
    """Twice the log likelihood that a leaf with these sums gains by its best answer."""
    return g * g / (h + ridge)
