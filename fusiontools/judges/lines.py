"""Two judges of lines: is this of the target's genre, or of the source's, or of neither?

A line is 32 bars of grid tokens, as in `fusiontools.score.transfer`. One judge weighs
features that a musician can name; the other is a small convolutional network that hears
where notes start and how far they leap. Both hear intervals, and pitch classes from the
commonest one on: no key, register or instrument, so transposing changes nothing.

They learn from songs that no model has seen, and are calibrated on others. Music unlike
both genres may land between them, so each judge also says which lines are *typical* of
real music: of unseen real lines 95 % pass, both genres counting alike. A line is typical if
it repeats itself about as much as real ones do and, for the features, lies near some; for
the network, surprises an n-gram model as they do. Used in chapter 5, Domain transfer.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt

from fusiontools.errors import RecordError
from fusiontools.judges.grams import count_runs, surprise
from fusiontools.music.grid import HOLD, REST
from fusiontools.score.intervals import bootstrap_counts
from fusiontools.score.transfer import BAR, events, newness
from fusiontools.score.verdicts import HIGH, LOW

__all__ = ["BAND", "FEATURES", "VERDICTS", "FeatureLineJudge", "NetworkLineJudge"]
__all__ += ["line_features", "load_judges", "make_judges", "open_judges", "save_judges"]
__all__ += ["train_judges", "verdicts"]

BAND = LOW, HIGH  # a blend's probability of the target, fixed before any result
VERDICTS = ("source", "blend", "target", "neither")
NOTES = 8  # a line of fewer is typical of nothing
_LENGTHS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32])  # steps of an eighth of a beat
_STEPS = "leap down,skip down,step down,repeat,step up,skip up,leap up".split(",")
_CHANGES = ("shorter", "same", "longer")
_ARRAYS = ("mean", "scale", "weight", "rows")  # of the feature judge in a file
_EVENTS = 25 * len(_LENGTHS)  # of an interval and a length
FEATURES = (
    *(f"length {length / 8:.3g}" for length in _LENGTHS),
    *(f"then {b}, after {a}" for a in _CHANGES for b in _CHANGES),
    *(f"interval {i:+d}" for i in range(-12, 13)),
    *(f"{a}, {b}" for a in _STEPS for b in _STEPS),
    *(f"{i} above the commonest pitch class" for i in range(12)),
    *(f"starts at beat {1 + i / 4:.4g}" for i in range(16)),
    *(f"starts {i} steps after an eighth" for i in range(4)),
    *("rests", "notes a bar", "spread of lengths", "spread of pitch", "roughness"),
    *("pitches", "pitch classes", "rhythm of the bar before"),
    *(f"bar of {back} before" for back in (1, 2, 4)),
    *("runs of one length", "longest run of one length"),
    *("runs of one pitch", "longest run of one pitch"),
    *("new runs of steps", "new runs of notes"),
)


def line_features(tokens: np.ndarray) -> np.ndarray:
    """Features of lines (N, T), for the judge: (N, len(FEATURES)), most of it shares.

    Examples
    --------
    >>> scale = np.ones((1, 128), int)
    >>> scale[0, ::8] = np.arange(60, 76)
    >>> heard = dict(zip(FEATURES, line_features(scale)[0].tolist()))
    >>> heard["interval +1"], heard["starts at beat 2"]
    (1.0, 0.25)
    """
    tokens = np.asarray(tokens)
    size, bars = len(tokens), tokens.reshape(len(tokens), -1, BAR)
    row, step, pitch, length, gap, last = events(tokens)
    first = np.append(True, last)[: len(row)]
    # from the line's first note on: whole numbers that no transposition changes
    pitch = pitch - pitch[np.maximum.accumulate(np.where(first, np.arange(len(row)), 0))]
    count, kind = np.maximum(np.bincount(row, minlength=size), 1), _length_class(gap)

    def shares(rows, values, of, weight=None):
        table = np.bincount(rows * of + values, weight, size * of).reshape(size, of)
        return table / np.maximum(table.sum(axis=1, keepdims=True), 1)

    def spread(values):
        mean, square = (np.bincount(row, v, size) / count for v in (values, values**2))
        return np.sqrt(np.maximum(square - mean**2, 0))

    def runs(values):
        start = np.flatnonzero(first | np.append(True, np.diff(values) != 0)[: len(row)])
        longest = np.ones(size)
        np.maximum.at(longest, row[start], np.diff(np.append(start, len(row))))
        mean = count / np.maximum(np.bincount(row[start], minlength=size), 1)
        return np.log([mean, longest])

    def same(bars, back):
        equal = (bars[:, back:] == bars[:, :-back]).all(axis=2)
        return equal.sum(axis=1) / max(equal.shape[1], 1)

    two = ~last[:-1]  # the next note is of the same line
    three = two[:-1] & two[1:]
    after, second = row[:-1][two], row[:-2][three]
    leap, change = np.diff(pitch), np.sign(np.diff(gap)) + 1
    # steps are up to 2 semitones, skips up to 5, leaps more
    way = 3 + np.sign(leap) * np.searchsorted([1, 3, 6], np.abs(leap), side="right")
    classes = shares(row, pitch % 12, 12, np.minimum(length, BAR))
    turn = (classes.argmax(axis=1)[:, None] + np.arange(12)) % 12
    classes = np.take_along_axis(classes, turn, axis=1)
    # mean squared step / variance: 2 for notes in random order (von Neumann)
    rough = np.bincount(after, leap[two] ** 2, size) / np.maximum(count - 1, 1)
    rough = np.minimum(rough / np.maximum(spread(pitch) ** 2, 0.25), 4)
    parts = [shares(row, kind, len(_LENGTHS))]
    parts += [shares(second, (3 * change[:-1] + change[1:])[three], 9)]
    parts += [shares(after, np.clip(leap, -12, 12)[two] + 12, 25)]
    parts += [shares(second, (7 * way[:-1] + way[1:])[three], 49), classes]
    parts += [shares(row, step % BAR // 2, 16), shares(row, step % 4, 4)]
    parts += [np.mean(tokens == REST, axis=1), np.log(count / bars.shape[1])]
    parts += [spread(np.log(gap)), spread(pitch) / 12, rough]
    parts += [np.sum(shares(row, pitch + 128, 256) > 0, axis=1) / 12]
    parts += [np.sum(classes > 0.02, axis=1) / 12, same(bars > HOLD, 1)]
    parts += [*(same(bars, back) for back in (1, 2, 4)), *runs(kind), *runs(pitch)]
    return np.column_stack([*parts, newness(tokens, rhythm=False), newness(tokens)])


def _length_class(gap):
    return np.abs(np.minimum(gap, _LENGTHS[-1])[:, None] - _LENGTHS).argmin(axis=1)


def _distances(a, b):
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b
    square = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1) - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0))


class _LineJudge:
    """What both judges share: ``judge(tokens)`` maps lines (N, T) to p(target), (N,)."""

    def __call__(self, tokens):
        # p(target | line) = 1 / (1 + exp(-s / t))
        score = self.scores(tokens) / self.about["temperature"]
        return 1 / (1 + np.exp(-np.clip(score, -50, 50)))

    def typical(self, tokens):
        """Which lines are like real music of either genre, (N,) bool; False: neither."""
        enough = np.sum(np.asarray(tokens) > HOLD, axis=1) >= NOTES
        return enough & (self.oddness(tokens) <= self.about["limits"]).all(axis=1)


@dataclass(frozen=True, eq=False)
class FeatureLineJudge(_LineJudge):
    """Logistic regression over `FEATURES`. Near is what is no farther from real lines than
    those are from each other (after LOF, Breunig et al. 2000).
    """

    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)
    weight: np.ndarray  # (D + 1,), the last is the bias
    rows: np.ndarray  # (R, D): real lines of both genres
    about: dict = field(default_factory=dict)
    kind = "features"

    @cached_property
    def near(self) -> np.ndarray:
        """How far from each of its rows the tenth nearest is, (R,)."""
        distance = np.sort(_distances(self.rows, self.rows), axis=1)
        return np.maximum(distance[:, min(10, len(distance) - 1)], 0.1)

    def place(self, tokens: np.ndarray) -> np.ndarray:
        """Features in standard deviations, at most 8, (N, T) -> (N, D)."""
        return np.clip((line_features(tokens) - self.mean) / self.scale, -8, 8)

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """Log-odds of the target before they are calibrated, (N, T) -> (N,)."""
        return (self.place(tokens) * self.weight[:-1]).sum(axis=1) + self.weight[-1]

    def oddness(self, tokens: np.ndarray) -> np.ndarray:
        """Distance, share of new runs of steps, and that negated: (N, T) -> (N, 3)."""
        away = np.sort(_distances(self.place(tokens), self.rows) / self.near, axis=1)
        new = newness(tokens, rhythm=False)
        return np.column_stack([away[:, :3].mean(axis=1), new, -new])

    def reasons(self, line: np.ndarray, top: int = 5) -> list[tuple[str, float]]:
        """What spoke loudest of one line (T,): a list of (feature, log-odds of target)."""
        parts = self.place(np.asarray(line)[None])[0] * self.weight[:-1]
        loudest = np.argsort(-np.abs(parts))[:top]
        return [(FEATURES[i], float(parts[i] / self.about["temperature"])) for i in loudest]


@dataclass(frozen=True, eq=False)
class NetworkLineJudge(_LineJudge):
    """Four convolutions, each of which halves the steps; then the mean and the largest."""

    network: object  # torch.nn.ModuleDict
    grams: list  # of (keys, counts), for runs of 1 to 4 events
    about: dict = field(default_factory=dict)
    kind = "network"

    def scores(self, tokens: np.ndarray) -> np.ndarray:
        """Log-odds of the target before they are calibrated, (N, T) -> (N,)."""
        tokens = np.asarray(tokens)
        few = np.array_split(tokens, len(tokens) // 64 + 1)
        heard = [_heard(self.network, _planes(part)).detach().numpy() for part in few]
        return np.concatenate(heard).astype(float)

    def oddness(self, tokens: np.ndarray) -> np.ndarray:
        """Surprise, share of new runs of notes, and both negated: (N, T) -> (N, 4)."""
        heard = surprise(*_steps(tokens), _EVENTS, self.grams, len(tokens))
        odd = np.column_stack([heard, newness(tokens)])
        return np.column_stack([odd, -odd])


def verdicts(judge: Any, tokens: np.ndarray) -> np.ndarray:
    """What a judge says of each line, (N,): one of `VERDICTS`.

    What is not typical is "neither", whatever its probability; the ends of `BAND` are a
    blend's.
    """
    p = judge(tokens)
    said = [~judge.typical(tokens), p < BAND[0], p <= BAND[1]]
    return np.select(said, ["neither", "source", "blend"], "target")


def _planes(tokens):
    """Interval into each note, onsets, what sounds, bars and beats: (N, 29, T)."""
    import torch

    row, step, pitch, _, _, last = events(tokens)
    leap = np.where(np.append(True, last)[: len(row)], 0, np.diff(pitch, prepend=0))
    planes = np.zeros((len(tokens), 29, tokens.shape[1]), np.float32)
    planes[row, np.clip(leap, -12, 12) + 12, step] = 1
    planes[:, 25], planes[:, 26] = tokens > HOLD, tokens > REST
    planes[:, 27, ::BAR], planes[:, 28, :: BAR // 4] = 1, 1
    return torch.from_numpy(planes)


def _network(width):
    from torch import nn

    sizes = pairwise([29, width, 2 * width, 2 * width, 2 * width])
    body = [part for a, b in sizes for part in (nn.Conv1d(a, b, 5, 2, 2), nn.ReLU())]
    return nn.ModuleDict({"body": nn.Sequential(*body), "head": nn.Linear(4 * width, 1)})


def _heard(network, planes, dropout=0.0):
    import torch

    x = network["body"](planes)  # (B, 2 W, T / 16)
    x = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
    return network["head"](torch.nn.functional.dropout(x, dropout))[:, 0]  # (B,)


def _learn_network(real, seed, steps, width, batch=16, bars=8):
    import torch

    planes = [_planes(lines) for lines in real]
    y = 0.05 + 0.9 * (torch.arange(2 * batch) >= batch)  # not 0 and 1: less sure
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _network(width)
        adam = torch.optim.AdamW(network.parameters(), lr=1e-3)
        for _ in range(steps):
            x = torch.cat([p[rng.integers(0, len(p), batch)] for p in planes])
            start = BAR * rng.integers(0, x.shape[2] // BAR - bars + 1)
            score = _heard(network, x[:, :, start : start + BAR * bars], dropout=0.3)
            # L = -E[y log p + (1 - y) log(1 - p)]
            loss = torch.nn.functional.binary_cross_entropy_with_logits(score, y)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            adam.step()
    return network.half().float().requires_grad_(False)  # as it is stored


def _learn_features(real, seed):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(seed)
    x = np.concatenate([line_features(lines) for lines in real])
    mean, scale = (_stored(a) for a in (x.mean(axis=0), x.std(axis=0) + 0.01))
    raw, x, y = FeatureLineJudge(mean, scale, np.zeros(0), np.zeros(0)), [], []
    for part in (1, 2, 4, 8):  # whole lines, and a half, a quarter and an eighth of each
        for is_target, lines in enumerate(real):
            bars = lines.shape[1] // BAR
            start = BAR * rng.integers(0, bars - bars // part + 1)
            x.append(raw.place(lines[:, start : start + BAR * (bars // part)]))
            y += [is_target] * len(lines)
    model = LogisticRegression(C=0.005, class_weight="balanced", max_iter=2000)
    model.fit(np.concatenate(x), y)
    weight = _stored(np.append(model.coef_[0], model.intercept_[0]))
    rows = [own[rng.permutation(len(own))[:400]] for own in x[:2]]
    return replace(raw, weight=weight, rows=_stored(np.concatenate(rows)))


def _stored(array):
    """In the 16 bits that a file has for a number."""
    return array.astype(np.float16).astype(float)


def _steps(tokens):
    """Events of (interval, length): the row and the number of each, (E,)."""
    row, _, pitch, _, gap, last = events(tokens)
    within = ~last[:-1]
    leap, gap = np.diff(pitch)[within], gap[:-1][within]
    event = (np.clip(leap, -12, 12) + 12) * len(_LENGTHS) + _length_class(gap)
    return row[:-1][within], event


def _entropy(scores):
    # -mean(y log p + (1 - y) log(1 - p)), y = (n + 1) / (n + 2): Platt 1999
    y = (len(scores) + 1) / (len(scores) + 2)
    return np.mean(y * np.logaddexp(0, -scores) + (1 - y) * np.logaddexp(0, scores))


def _calibrated(judge, unseen):
    """With the temperature and the limits that unseen (source, target) lines ask for."""
    from scipy.optimize import minimize_scalar

    scores = [sign * judge.scores(lines) for sign, lines in zip((-1, 1), unseen)]

    def cross_entropy(log_t):
        return sum(map(_entropy, (s / np.exp(log_t) for s in scores)))

    # t for which p = sigma(s / t) has the smallest cross entropy
    t = np.exp(minimize_scalar(cross_entropy, bounds=(-4, 4), method="bounded").x)
    odd = [judge.oddness(lines) for lines in unseen]
    for tail in np.linspace(0.05, 0, 201):  # of each number alike, until 95 % pass all
        limits = np.quantile(np.concatenate(odd), 1 - tail, axis=0)
        if np.mean([(own <= limits).all(axis=1).mean() for own in odd]) >= 0.95:
            break
    told = {"kind": judge.kind, "temperature": float(t), "limits": limits.tolist()}
    return replace(judge, about=judge.about | told)


def train_judges(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    validate_source: npt.ArrayLike,
    validate_target: npt.ArrayLike,
    seed: int = 0,
    steps: int = 800,
    width: int = 32,
    **about: Any,
) -> tuple[NetworkLineJudge, FeatureLineJudge]:
    """Train and calibrate both judges.

    Parameters
    ----------
    source, target : array_like of int, shape (N, T)
        Lines of the two genres, of at least 8 bars each.
    validate_source, validate_target : array_like of int, shape (M, T)
        Lines of other songs.
    seed : int
    steps, width : int
        Batches that the network learns from, and its channels.
    **about
        What to note down.

    Returns
    -------
    NetworkLineJudge, FeatureLineJudge
        With numbers of 16 bits, so that a file gives back the same.
    """
    real, unseen = (source, target), (validate_source, validate_target)
    network = _learn_network(real, seed, steps, width)
    grams = count_runs(*_steps(np.concatenate(real)), _EVENTS)
    pair = NetworkLineJudge(network, grams, {"width": width}), _learn_features(real, seed)
    pair = (_calibrated(judge, unseen) for judge in pair)
    return tuple(replace(j, about=j.about | {"seed": seed} | about) for j in pair)


def make_judges(
    data: Any, seed: int = 0, steps: int = 800, width: int = 32
) -> tuple[NetworkLineJudge, FeatureLineJudge]:
    """Train both judges, and note how well they do on songs that they have not heard.

    Parameters
    ----------
    data : object
        With a `name`, and ``windows(domain, part)`` and ``songs(domain, part)`` for the
        domains "S" and "T" and the parts "judge", "validation" and "test".
    seed, steps, width
        See `train_judges`.

    Returns
    -------
    NetworkLineJudge, FeatureLineJudge
        Each one's ``about`` has `data`, the numbers of `windows` and `songs` of each part,
        the balanced `accuracy` with a range by bootstrap over songs, the shares of
        `verdicts` about each domain, and `accuracy_by_bars`, of the first bars alone.
    """
    parts = ("judge", "validation", "test")
    windows = {part: [data.windows(domain, part) for domain in "ST"] for part in parts}
    songs = {part: [data.songs(domain, part) for domain in "ST"] for part in parts}
    about = {"data": data.name}
    about["windows"] = {part: [len(own) for own in windows[part]] for part in parts}
    about["songs"] = {part: [len(np.unique(own)) for own in songs[part]] for part in parts}
    pair = train_judges(*windows["judge"], *windows["validation"], seed, steps, width)
    return tuple(_measured(j, windows["test"], songs["test"], about) for j in pair)


def _measured(judge, windows, songs, about):
    def right(bars):
        p = [judge(lines[:, : BAR * bars]) for lines in windows]
        return p[0] <= 0.5, p[1] > 0.5

    def balanced(*tables):  # (..., 2) each: right and wrong
        return sum(t[..., 0] / t.sum(axis=-1) for t in tables) / len(tables)

    song = [np.unique(names, return_inverse=True)[1] for names in songs]
    tables = [
        np.stack([np.bincount(i, x), np.bincount(i, ~x)], 1)
        for i, x in zip(song, right(32))
    ]
    short = {str(k): float(np.mean([x.mean() for x in right(k)])) for k in (4, 8, 16, 32)}
    said = [verdicts(judge, lines) for lines in windows]
    said = {d: {v: float(np.mean(x == v)) for v in VERDICTS} for d, x in zip("ST", said)}
    accuracy = [float(value) for value in bootstrap_counts(balanced, *tables)]
    told = {"accuracy": accuracy, "verdicts": said, "accuracy_by_bars": short}
    return replace(judge, about=judge.about | about | told)


def save_judges(
    pair: tuple[NetworkLineJudge, FeatureLineJudge],
    path: str | os.PathLike,
    corpora: Sequence[str] | str,
    terms: str,
    limit: int = 2_000_000,
) -> None:
    """Write what `train_judges` gave, see ``fusiontools.training.save_weights``."""
    import torch

    from fusiontools.training import save_weights

    network, features = pair
    arrays = {f"features {name}": getattr(features, name) for name in _ARRAYS}
    grams = [np.stack(gram).astype(np.uint32) for gram in network.grams]  # half as large
    arrays |= {f"grams {i}": gram for i, gram in enumerate(grams)}
    arrays = {name: torch.from_numpy(array) for name, array in arrays.items()}
    parts = {
        "network": network.network,
        "arrays": SimpleNamespace(state_dict=lambda: arrays),
    }
    about = {"features": list(FEATURES), "judges": [judge.about for judge in pair]}
    save_weights(parts, path, corpora=corpora, terms=terms, limit=limit, **about)


def open_judges(path: str | os.PathLike) -> tuple[NetworkLineJudge, FeatureLineJudge]:
    """Read what `save_judges` wrote: (NetworkLineJudge, FeatureLineJudge).

    Raises
    ------
    RecordError
        If the file is missing, damaged, or of something else.
    """
    from fusiontools.training import building, read_weights

    tensors, told = read_weights(path)
    if told.get("features") != list(FEATURES):
        raise RecordError("not two judges of these lines", path, "train them again")
    weights = {k[8:]: v for k, v in tensors.items() if k.startswith("network.")}
    arrays = {k[7:]: v.numpy() for k, v in tensors.items() if k.startswith("arrays.")}
    with building(path, tensors, "judges of lines"):
        heard, named = told["judges"]
        network = _network(heard["width"]).requires_grad_(False)
        network.load_state_dict(weights)
        grams = [tuple(arrays[f"grams {i}"].astype(int)) for i in range(4)]
        own = (arrays[f"features {name}"].astype(float) for name in _ARRAYS)
        pair = NetworkLineJudge(network, grams, heard), FeatureLineJudge(*own, named)
        for judge in pair:  # it can judge
            verdicts(judge, np.tile([60, HOLD, 62, HOLD], (1, BAR)))
    return pair


def load_judges(data_name: str) -> tuple[NetworkLineJudge, FeatureLineJudge]:
    """The judges that come with the package for data such as "classical_metal".

    Raises
    ------
    CorpusError
        If there are none.
    """
    from fusiontools.training import shipped_file

    lacks = f"no judges of lines come with the package for {data_name!r}"
    do = "train them with fusiontools.judges.lines.make_judges"
    return open_judges(shipped_file(f"lines_{data_name}.safetensors", lacks, do))
