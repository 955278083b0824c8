"""Two judges of genre: how near is a short melody to domain A, and how near to B; and is it
like real music at all?

They hear one melody at a time, which no histogram over a corpus does. One judge weighs
features that a musician can name; the other is a small convolutional network that hears
one note after the other. Each is five models: the songs are dealt into five folds, and
each model learns from four. So every song, and any window of it, is judged by a model that
has never heard it, and what no fold holds is judged by the mean of all five.

The scores of all unseen real songs calibrate it: a melody lies *between* the genres if A's
probability is 1/4 to 3/4, and the temperature that says so has an interval of its own. Free
of calibration is the *gap*, from the 97.5 % point of B's scores to the 2.5 % point of A's;
it closes where a judge is right on 97.5 %. What neither genre is may lie in between, too;
so each judge also says which melodies are *typical* of real music: 95 % of unseen real ones
are, both genres counting alike. For the features, typical is what lies near some real
melodies; for the network, what surprises an n-gram model neither more nor less than they
do. Used in chapter 3, FusionGAN.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import numpy.typing as npt

from fusiontools.errors import RecordError
from fusiontools.judges.grams import count_runs, surprise
from fusiontools.judges.melody_features import (
    FEATURES,
    KINDS,
    PLANES,
    events,
    features,
    planes,
    thirds,
)
from fusiontools.music.notes import Notes
from fusiontools.score.intervals import means_of_groups
from fusiontools.score.verdicts import HIGH, LOW, in_band

__all__ = ["FOLDS", "FeatureJudge", "Heard", "NetworkJudge", "calibration", "deal"]
__all__ += ["load_judges", "make_judges", "open_judges", "probability", "save_judges"]

FOLDS = 5
ORDER, LEAST = 3, 6  # of runs that surprise: events, and how often they occur
NOTES = 12  # a melody of fewer is typical of nothing, and has no thirds to be judged
PENALTY = 0.003  # C of the logistic regression, chosen on songs that trained the judges

_ARRAYS = ("mean", "scale", "weight", "rows", "fold")  # of the feature judge in a file


def deal(songs: np.ndarray) -> np.ndarray:
    """Which of the five folds each song is in, by its name alone: (N,) -> (N,) int.

    Examples
    --------
    >>> deal(["a", "b", "b"]).tolist()
    [2, 1, 1]
    """
    return np.array([crc32(str(song).encode()) % FOLDS for song in songs], int)


class Heard(NamedTuple):
    """What a judge says of M melodies; all of shape (M,)."""

    score: np.ndarray  # the log-odds of domain A before they are calibrated
    p: np.ndarray  # the probability of domain A
    gap: np.ndarray  # bool: between the genres, by the scores of unseen real songs
    typical: np.ndarray  # bool: like real music of either genre
    throughout: np.ndarray  # bool: each of its thirds is between them (1/4 to 3/4)
    turns: np.ndarray  # bool: one third is of A (above 3/4), and one of B (below 1/4)

    @property
    def middle(self) -> np.ndarray:
        """Between the genres (1/4 to 3/4), and typical, (M,) bool."""
        return in_band(self.p) & self.typical


class _Judge:
    """What both kinds share: ``judge(melodies)`` maps M `Notes` to p(A), (M,)."""

    def scores(self, melodies, folds=None):
        """Log-odds of domain A before they are calibrated, (M,).

        `folds`, (M,), says in which fold the song of each melody is; -1, and None for all,
        that it is in none.
        """
        return self._folded(self._scores(melodies), melodies, folds)

    def __call__(self, melodies, folds=None):
        return probability(self.scores(melodies, folds), self.about["temperature"][0])

    def oddness(self, melodies, folds=None):
        """What is at most as large in real music as ``about["limits"]`` say, (M, K)."""
        return self._folded(self._oddness(melodies), melodies, folds)

    def hear(self, melodies, folds=None):
        """All that the judge says of melodies, as `Heard`; `folds` as in `scores`."""
        about, scores = self.about, self.scores(melodies, folds)
        odd = self.oddness(melodies, folds)
        many = np.array([len(notes) >= NOTES for notes in melodies], bool)
        typical = many & (odd <= about["limits"]).all(axis=1)
        whole = np.flatnonzero(many)
        parts = [part for i in whole for part in thirds(melodies[i])]
        own = None if folds is None else np.repeat(np.asarray(folds)[whole], 3)
        heard = self.scores(parts, own).reshape(-1, 3)
        heard = probability(heard, about["temperature_of_thirds"][0])
        all_parts, turns = np.zeros_like(many), np.zeros_like(many)
        all_parts[whole] = ((heard >= LOW) & (heard <= HIGH)).all(axis=1)
        turns[whole] = (heard < LOW).any(axis=1) & (heard > HIGH).any(axis=1)
        gap = (scores >= about["ends"][0]) & (scores <= about["ends"][1])
        p = probability(scores, about["temperature"][0])
        return Heard(scores, p, gap, typical, all_parts, turns)

    @staticmethod
    def _folded(found, melodies, folds):
        """(FOLDS, M, ...) -> (M, ...): of each fold's own model, or the mean of all."""
        folds = np.full(len(melodies), -1) if folds is None else np.asarray(folds)
        own = found[folds, np.arange(len(melodies))]
        known = (folds >= 0).reshape(-1, *[1] * (own.ndim - 1))
        return np.where(known, own, found.mean(axis=0))


def probability(scores: np.ndarray, temperature: float) -> np.ndarray:
    """The probability of domain A that scores have at a temperature."""
    # p(A | x) = 1 / (1 + exp(-s / t))
    return 1 / (1 + np.exp(-np.clip(scores / temperature, -50, 50)))


@dataclass(frozen=True, eq=False)
class FeatureJudge(_Judge):
    """Logistic regressions over `FEATURES`. Near is what is no farther from real melodies
    than those are from each other (after LOF, Breunig et al. 2000).
    """

    mean: np.ndarray  # (FOLDS, D)
    scale: np.ndarray  # (FOLDS, D)
    weight: np.ndarray  # (FOLDS, D + 1), the last is the bias
    rows: np.ndarray  # (R, D): features of real melodies
    fold: np.ndarray  # (R,): of the song of each
    about: dict = field(default_factory=dict)
    kind = "features"

    def _place(self, x, k):
        """In standard deviations, at most 8."""
        return np.clip((x - self.mean[k]) / self.scale[k], -8, 8)

    def _scores(self, melodies):
        x = features(melodies)
        # s = w . (x - mean) / scale + b
        own = [self._place(x, k) @ self.weight[k, :-1] for k in range(FOLDS)]
        return np.stack(own) + self.weight[:, -1:]

    def _oddness(self, melodies):
        x, found = features(melodies), []
        for k in range(FOLDS):
            rows = self._place(self.rows[self.fold != k], k)
            apart = np.sort(_distances(rows, rows), axis=1)
            near = np.maximum(apart[:, min(10, len(rows) - 1)], 0.1)
            away = np.sort(_distances(self._place(x, k), rows) / near, axis=1)
            found.append(away[:, :3].mean(axis=1, keepdims=True))
        return np.stack(found)

    def reasons(self, notes: Notes, top: int = 5) -> list[tuple[str, float]]:
        """What spoke loudest about one melody: a list of (feature, log-odds towards A)."""
        x = features([notes])[0]
        parts = [self._place(x, k) * self.weight[k, :-1] for k in range(FOLDS)]
        parts = np.mean(parts, axis=0) / self.about["temperature"][0]
        return [(FEATURES[i], float(parts[i])) for i in np.argsort(-np.abs(parts))[:top]]


def _distances(a, b):
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0))


@dataclass(frozen=True, eq=False)
class NetworkJudge(_Judge):
    """Three convolutions over a melody's notes; then the mean and the largest of each."""

    weights: dict  # of torch tensors, each (FOLDS, ...)
    keys: list  # runs of 1 to 3 events as numbers, each (G,)
    counts: list  # how often each was heard in each fold's songs, each (G, FOLDS)
    about: dict = field(default_factory=dict)
    kind = "network"

    def _scores(self, melodies):
        import torch

        x = planes(melodies)
        parts = [{n: w[k] for n, w in self.weights.items()} for k in range(FOLDS)]
        with torch.no_grad():
            return np.stack([_answer(x, own).double().numpy() for own in parts])

    def _oddness(self, melodies):
        heard, found = events(melodies), []
        for k in range(FOLDS):
            seen = [own.sum(axis=1) - own[:, k] for own in self.counts]
            # chosen by the other folds alone, or a song would make its own runs known
            enough = [n >= LEAST for n in seen]
            tables = [(k[own], n[own]) for k, n, own in zip(self.keys, seen, enough)]
            found.append(surprise(*heard, KINDS, tables, len(melodies)))
        return np.stack([found, np.negative(found)], axis=-1)


def _answer(x, w, dropout=0.0):
    """The score of each melody, (M, PLANES, T) -> (M,)."""
    import torch
    from torch.nn import functional as F

    there = x[:, -1:]  # (M, 1, T)
    for i in range(3):
        x = F.relu(F.conv1d(x, w[f"conv{i}"], w[f"bias{i}"], padding=1)) * there
    x = torch.cat([x.sum(2) / there.sum(2).clamp(min=1), x.amax(2)], dim=1)
    return F.dropout(x, dropout) @ w["head"] + w["bias"]


def _learn_network(real, seed, steps, width, batch=32):
    """Weights by name: of whole melodies, and of stretches of them."""
    import torch

    sizes, w = (PLANES, width, 2 * width, 2 * width), {}
    rng, y = np.random.default_rng(seed), torch.arange(2 * batch) < batch
    y = 0.05 + 0.9 * y  # not 0 and 1: less sure
    whole = [planes(own) for own in real]
    parts = [planes([part for n in own for part in thirds(n)]) for own in real]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            w[f"conv{i}"] = torch.randn(b, a, 3) * (2 / (3 * a)) ** 0.5
            w[f"bias{i}"] = torch.zeros(b)
        w |= {"head": torch.zeros(2 * sizes[-1]), "bias": torch.zeros(())}
        for tensor in w.values():
            tensor.requires_grad_()
        adam = torch.optim.AdamW(w.values(), lr=2e-3, weight_decay=0.05)
        for _ in range(steps):
            some = whole if rng.random() < 0.5 else parts
            x = torch.cat([own[rng.integers(0, len(own), batch)] for own in some])
            score = _answer(x, w, dropout=0.4)
            # L = -E[y log p + (1 - y) log(1 - p)]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(score, y)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
    return {name: tensor.detach().half().float() for name, tensor in w.items()}


def _learn_features(real):
    """Mean, scale and weight, in the 16 bits that a file has for a number."""
    from sklearn.linear_model import LogisticRegression

    whole = np.concatenate([features(own) for own in real])
    mean, scale = (_stored(a) for a in (whole.mean(axis=0), whole.std(axis=0) + 0.01))
    parts = [part for own in real for notes in own for part in thirds(notes)]
    x = np.concatenate([whole, features(parts)])
    y = np.repeat([1, 0], [len(own) for own in real])
    model = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=2000)
    model.fit(np.clip((x - mean) / scale, -8, 8), np.append(y, np.repeat(y, 3)))
    return mean, scale, _stored(np.append(model.coef_[0], model.intercept_[0]))


def _stored(array):
    return array.astype(np.float16).astype(float)


def make_judges(
    a: Sequence[Notes],
    b: Sequence[Notes],
    songs_a: npt.ArrayLike,
    songs_b: npt.ArrayLike,
    seed: int = 0,
    steps: int = 800,
    width: int = 16,
    **about: Any,
) -> tuple[NetworkJudge, FeatureJudge]:
    """Train and calibrate both judges, and note how well they do on songs that are new to
    the model that judges them.

    Parameters
    ----------
    a, b : sequences of Notes
        Melodies of both domains, of `NOTES` notes or more each: others are left out.
    songs_a, songs_b : array_like, shapes (N,) and (M,)
        The song of each.
    seed, steps, width : int
        Of the network: its chance, its batches, its channels.
    **about
        What to note down.

    Returns
    -------
    NetworkJudge, FeatureJudge
        Each one's ``about`` has, as value, low and high, clustered by song: the
        ``temperature`` of whole melodies and of thirds, the balanced ``accuracy``, and of
        each domain's melodies the shares ``between``, in the ``gap``, ``typical``,
        ``middle`` (between and typical) and ``throughout``; then the ends of the gap, and
        the ``calibration_error``.
    """
    kept = [[len(notes) >= NOTES for notes in own] for own in (a, b)]
    real = [[n for n, yes in zip(own, some) if yes] for own, some in zip((a, b), kept)]
    songs = [np.asarray(s)[some] for s, some in zip((songs_a, songs_b), kept)]
    folds = [deal(own) for own in songs]
    learned, drawn = [], []
    for k in range(FOLDS):
        some = [[n for n, f in zip(x, fold) if f != k] for x, fold in zip(real, folds)]
        drawn.append(_learn_network(some, FOLDS * seed + k, steps, width))
        learned.append(_learn_features(some))
    weights = {name: np.stack([own[name] for own in drawn]) for name in drawn[0]}
    about = {"seed": seed, "width": width, "melodies": [*map(len, real)], **about}
    about["songs"] = [len(np.unique(own)) for own in songs]
    every, fold = real[0] + real[1], np.concatenate(folds)
    network = _network(weights, *_counted(every, fold), about)
    dice = np.random.default_rng(seed)
    rows = [dice.permutation(len(own))[:200] for own in real]
    rows = np.concatenate([rows[0], len(real[0]) + rows[1]])
    near = _stored(features([every[i] for i in rows])), fold[rows]
    mean, scale, weight = map(np.stack, zip(*learned))
    weighing = FeatureJudge(mean, scale, weight, *near, about)
    return tuple(_calibrated(judge, real, songs, folds) for judge in (network, weighing))


def _network(weights, keys, counts, about):
    import torch

    weights = {name: torch.as_tensor(own).float() for name, own in weights.items()}
    return NetworkJudge(weights, keys, counts, about)


def _counted(melodies, fold):
    """Runs of events in real melodies, and how often each fold has each."""
    row, event = events(melodies)
    tables, keys = count_runs(row, event, KINDS, ORDER, LEAST), []
    counts = [np.zeros((len(own), FOLDS), int) for own, _ in tables]
    for k in range(FOLDS):
        own = fold[row] == k
        for (known, _), into, (found, n) in zip(
            tables, counts, count_runs(row[own], event[own], KINDS, ORDER, 1)
        ):
            at = np.searchsorted(known, found)
            there = np.append(known, -1)[at] == found
            into[at[there], k] = n[there]
    keys = [known for known, _ in tables]
    return keys, counts


def _temperature(scores, sign, weight):
    """The t for which p = sigma(s / t) has the smallest cross entropy."""
    from scipy.optimize import minimize_scalar

    def cross_entropy(log_t):
        return float(weight @ np.logaddexp(0, -sign * scores / np.exp(log_t)))

    found = minimize_scalar(cross_entropy, bounds=(-4, 4), method="bounded")
    return float(np.exp(found.x))


def _temperatures(scores, songs, repeats):
    """The temperature that scores of (A, B) ask for, and its 95 % interval over songs."""
    sign = np.repeat([1.0, -1.0], [*map(len, scores)])
    names = [np.unique(own, return_inverse=True)[1] for own in songs]
    rng, told = np.random.default_rng(0), []
    for repeat in range(repeats + 1):
        # as many songs as there are, drawn again, after the first time; domains alike
        drawn = [rng.integers(0, max(n) + 1, max(n) + 1) for n in names]
        times = [np.bincount(d, minlength=len(d))[n] for d, n in zip(drawn, names)]
        times = [np.ones(len(n)) for n in names] if repeat == 0 else times
        weight = np.concatenate([t / max(t.sum(), 1) for t in times])
        told.append(_temperature(np.concatenate(scores), sign, weight))
    return [told[0], *map(float, np.quantile(told[1:], [0.025, 0.975]))]


def _calibrated(judge, real, songs, folds, repeats=200):
    """With what the scores of unseen real songs say, and how right the judge is."""
    scores = [judge.scores(*own) for own in zip(real, folds)]
    parts = [[part for notes in own for part in thirds(notes)] for own in real]
    split = [np.repeat(fold, 3) for fold in folds]
    of_thirds = [judge.scores(*own) for own in zip(parts, split)]
    about = {"kind": judge.kind, "ends": _ends(scores)}
    about["temperature"] = _temperatures(scores, songs, repeats)
    thrice = [np.repeat(own, 3) for own in songs]
    about["temperature_of_thirds"] = _temperatures(of_thirds, thrice, repeats)
    odd = [judge.oddness(*own) for own in zip(real, folds)]
    for tail in np.linspace(0.05, 0, 201):  # of each number alike, until 95 % pass all
        limits = np.quantile(np.concatenate(odd), 1 - tail, axis=0)
        if np.mean([(own <= limits).all(axis=1).mean() for own in odd]) >= 0.95:
            break
    judge = replace(judge, about=judge.about | about | {"limits": limits.tolist()})
    return replace(judge, about=judge.about | _measured(judge, real, songs, folds))


def _ends(scores):
    """From B's 97.5 % point to A's 2.5 % point, whichever is lower first."""
    a, b = scores
    return sorted([float(np.quantile(b, 0.975)), float(np.quantile(a, 0.025))])


def _measured(judge, real, songs, folds):
    heard = [judge.hear(*own) for own in zip(real, folds)]
    found = {}
    for said, own in zip(heard, songs):
        right = said.p > 0.5 if said is heard[0] else said.p <= 0.5
        each = {"right": right, "between": in_band(said.p), "gap": said.gap}
        each |= {"typical": said.typical, "middle": said.middle}
        each |= {"throughout": said.middle & said.throughout}
        shares = means_of_groups(each, own)
        for name, share in shares.items():
            found.setdefault(name, []).append([share[k] for k in ("value", "low", "high")])
    p, is_a = np.concatenate([said.p for said in heard]), [len(own) for own in real]
    told = calibration(p, np.repeat([True, False], is_a))
    found["accuracy"] = np.mean(found.pop("right"), axis=0).tolist()
    return found | {"calibration_error": told["error"]}


def calibration(
    probabilities: npt.ArrayLike, is_a: npt.ArrayLike, bins: int = 10
) -> dict[str, float | np.ndarray]:
    """How honest probabilities are.

    Parameters
    ----------
    probabilities : array_like of float, shape (M,)
        Of domain A.
    is_a : array_like of bool, shape (M,)
    bins : int
        Equal bins of probability.

    Returns
    -------
    dict
        ``accuracy`` (mean of the two domains' own), ``error`` (expected calibration error:
        mean distance between said and true share), ``said``, ``true`` and ``count``, each
        of shape (bins,), with NaN in empty bins.

    Examples
    --------
    >>> said, true = [0.9] * 10 + [0.1] * 10, [True] * 9 + [False] * 10 + [True]
    >>> report = calibration(said, true)
    >>> round(float(report["accuracy"]), 3), round(float(report["error"]), 3)
    (0.9, 0.0)
    """
    p, y = np.asarray(probabilities, float), np.asarray(is_a, bool)
    where = np.minimum((p * bins).astype(int), bins - 1)
    count = np.bincount(where, minlength=bins)
    with np.errstate(invalid="ignore", divide="ignore"):
        said = np.bincount(where, p, bins) / count
        true = np.bincount(where, y, bins) / count
    error = float(np.nansum(count * np.abs(said - true)) / len(p))
    accuracy = float((np.mean(p[y] > 0.5) + np.mean(p[~y] <= 0.5)) / 2)
    return dict(accuracy=accuracy, error=error, said=said, true=true, count=count)


def save_judges(
    pair: tuple[NetworkJudge, FeatureJudge],
    path: str | os.PathLike,
    corpora: Sequence[str],
    terms: str,
    limit: int = 1_000_000,
) -> None:
    """Write what `make_judges` gave, see ``fusiontools.training.save_weights``."""
    import torch

    from fusiontools.training import save_weights

    network, weighing = pair
    arrays = {f"network.{name}": own for name, own in network.weights.items()}
    for i, (keys, counts) in enumerate(zip(network.keys, network.counts)):
        arrays[f"keys.{i}"] = keys.astype(np.uint32)  # half as large
        arrays[f"counts.{i}"] = counts.astype(np.int16)
    arrays |= {f"features.{name}": getattr(weighing, name) for name in _ARRAYS}
    arrays = {name: torch.as_tensor(own) for name, own in arrays.items()}
    state = SimpleNamespace(state_dict=lambda: arrays)
    about = {"features": list(FEATURES), "judges": [judge.about for judge in pair]}
    save_weights(state, path, corpora=corpora, terms=terms, limit=limit, **about)


def load_judges(pair: str) -> tuple[NetworkJudge, FeatureJudge]:
    """The judges that come with the package for a pair of corpora, such as "essen_ryan":
    (NetworkJudge, FeatureJudge).

    Raises
    ------
    CorpusError
        If there are none for that pair.
    """
    from fusiontools.training import shipped_file

    lacks = f"no judges come with the package for the pair {pair!r}"
    do = "train them with fusiontools.judges.genre.make_judges"
    return open_judges(shipped_file(f"genre_{pair}.safetensors", lacks, do))


def open_judges(path: str | os.PathLike) -> tuple[NetworkJudge, FeatureJudge]:
    """Read what `save_judges` wrote: (NetworkJudge, FeatureJudge).

    Raises
    ------
    RecordError
        If the file is missing, damaged, or of something else.
    """
    from fusiontools.training import building, read_weights

    tensors, told = read_weights(path)
    if told.get("features") != list(FEATURES):
        raise RecordError("not two judges of melodies", path, "train them again")
    with building(path, tensors, "judges of melodies"):
        parts = {}
        for name, tensor in tensors.items():
            part, name = name.split(".", 1)
            parts.setdefault(part, {})[name] = tensor
        heard, named = told["judges"]
        keys = [parts["keys"][f"{i}"].numpy().astype(int) for i in range(ORDER)]
        counts = [parts["counts"][f"{i}"].numpy().astype(int) for i in range(ORDER)]
        network = _network(parts["network"], keys, counts, heard)
        own = {name: tensor.numpy() for name, tensor in parts["features"].items()}
        own = {name: a.astype(int if name == "fold" else float) for name, a in own.items()}
        pair = network, FeatureJudge(**own, about=named)
        for judge in pair:  # it can judge
            judge.hear([Notes.of([(i / 2, 0.5, 60 + i % 5) for i in range(NOTES + 1)])])
    return pair
