"""A judge of genre: how probable is it that a short melody is of domain A, and not of B?

It hears one melody at a time, which no histogram over a corpus does. It is a logistic
regression on features that a musician can name, so that its verdict can be taken apart; and
it is calibrated, so that 0.5 means undecided. It is trained on songs of its own: none that
a generator has learned from, and none that its accuracy is measured on. It generates
nothing. Used in chapter 3, FusionGAN.
"""

from dataclasses import dataclass

import numpy as np

from fusiontools.score.verdicts import fused_share

__all__ = ["FEATURES", "GenreJudge", "calibration", "features", "load_judge", "make_judge"]
__all__ += ["save_judge", "train_judge"]

# note lengths in beats, from a triplet 32nd to a whole note
_LENGTHS = np.array([1, 2, 3, 4, 6, 8, 9, 12, 18, 24, 36, 48]) / 12
# steps are up to 2 semitones, skips up to 5, leaps more
_STEPS = "leap down,skip down,step down,repeat,step up,skip up,leap up".split(",")
_CHANGES = ("shorter", "same", "longer")


_ARRAYS = ("mean", "scale", "weight")  # of a judge's file


def _step_class(intervals):
    """Classes 0 to 6 of `_STEPS`."""
    size = np.abs(intervals)
    kind = np.where(size == 0, 0, np.where(size <= 2, 1, np.where(size <= 5, 2, 3)))
    return 3 + np.sign(intervals).astype(int) * kind


FEATURES = (
    *(f"length {length:.3g}" for length in _LENGTHS),
    *(f"then {b}, after {a}" for a in _CHANGES for b in _CHANGES),
    *(f"interval {i:+d}" for i in range(-12, 13)),
    *(f"{a}, {b}" for a in _STEPS for b in _STEPS),
    *(f"pitch class {i}" for i in range(12)),
    "rests",
    "mean length",
    "spread of lengths",
    "range",
    "spread of pitch",
    "turns",
    "off the beat",
    "longest run of one length",
)


def features(melodies):
    """What the judge hears.

    Parameters
    ----------
    melodies : sequence of Notes
        In beats, of at least four notes each, on one tonic.

    Returns
    -------
    ndarray of float64, shape (M, len(FEATURES))
        Shares of lengths, of their changes, of intervals, of pairs of steps and of pitch
        classes; then a few single numbers.

    Raises
    ------
    ValueError
        If a melody is too short to be judged.

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> scale = Notes.of([(i, 1, 60 + i) for i in range(8)])
    >>> dict(zip(FEATURES, features([scale])[0].tolist()))["interval +1"]
    1.0
    """
    rows = [_features(notes) for notes in melodies]
    return np.stack(rows) if rows else np.zeros((0, len(FEATURES)))


def _features(notes):
    if len(notes) < 4:
        raise ValueError(
            f"a melody of {len(notes)} notes is too short to be judged: 4 are needed"
        )
    length = np.abs(notes.duration[:, None] - _LENGTHS).argmin(1)
    change = np.sign(np.diff(notes.duration).round(3)).astype(int) + 1
    interval = np.diff(notes.pitch.astype(int))
    step = _step_class(interval)
    runs = np.diff(np.flatnonzero(np.concatenate([[True], np.diff(length) != 0, [True]])))
    turns = np.sign(interval[interval != 0])
    gap = np.maximum(notes.onset[1:] - notes.offset[:-1], 0)
    return np.concatenate(
        [
            _shares(length, len(_LENGTHS)),
            _shares(3 * change[:-1] + change[1:], 9),
            _shares(np.clip(interval, -12, 12) + 12, 25),
            _shares(7 * step[:-1] + step[1:], 49),
            _shares(notes.pitch % 12, 12),
            [
                gap.sum() / notes.end,
                np.log(notes.duration.mean()),
                np.log(notes.duration).std(),
                (notes.pitch.max() - notes.pitch.min()) / 12,
                notes.pitch.std() / 12,
                np.mean(turns[1:] != turns[:-1]) if len(turns) > 1 else 0.0,
                np.mean(np.abs(notes.onset % 1 - 0.5) < 0.49),
                runs.max() / len(notes),
            ],
        ]
    )


def _shares(values, size):
    return np.bincount(values, minlength=size)[:size] / len(values)


@dataclass(frozen=True, eq=False)
class GenreJudge:
    """A trained judge: ``judge(melodies)`` gives each one's probability of domain A, (M,).

    `about` holds what it was trained on and how well it does on songs that are new to it.
    """

    mean: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)
    weight: np.ndarray  # (D,)
    bias: float
    about: dict

    def scores(self, x):
        """Log-odds of domain A for feature rows, shape (M,)."""
        # s = w . (x - mean) / scale + b
        return (x - self.mean) / self.scale @ self.weight + self.bias

    def __call__(self, melodies):
        # p(A | x) = 1 / (1 + exp(-s))
        return 1 / (1 + np.exp(-np.clip(self.scores(features(melodies)), -50, 50)))

    def reasons(self, notes, top=5):
        """What spoke loudest about one melody: a list of (feature, log-odds towards A).

        Examples
        --------
        >>> import numpy as np
        >>> from fusiontools.music import Notes
        >>> zero, one = np.zeros(len(FEATURES)), np.ones(len(FEATURES))
        >>> weight = np.array([name == "interval +1" for name in FEATURES])
        >>> judge = GenreJudge(zero, one, weight, 0.0, {})
        >>> judge.reasons(Notes.of([(i, 1, 60 + i) for i in range(8)]), top=1)
        [('interval +1', 1.0)]
        """
        parts = (_features(notes) - self.mean) / self.scale * self.weight
        return [(FEATURES[i], float(parts[i])) for i in np.argsort(-np.abs(parts))[:top]]


def train_judge(a, b, calibrate_a, calibrate_b, penalty=0.02, **about):
    """Train and calibrate a judge.

    Parameters
    ----------
    a, b : sequences of Notes
        Melodies of the two domains; the larger set counts no more than the smaller one.
    calibrate_a, calibrate_b : sequences of Notes
        Melodies of other songs, on which the size of the scores is set.
    penalty : float
        Strength C of the inverse regularisation: smaller means simpler.
    **about
        What to note down.

    Returns
    -------
    GenreJudge
    """
    from scipy.optimize import minimize_scalar
    from sklearn.linear_model import LogisticRegression

    x = np.concatenate([features(a), features(b)])
    y = np.concatenate([np.ones(len(a)), np.zeros(len(b))])
    mean, scale = x.mean(0), np.maximum(x.std(0), 1e-3)
    model = LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000)
    model.fit((x - mean) / scale, y)
    raw = GenreJudge(mean, scale, model.coef_[0], float(model.intercept_[0]), {})
    xc = np.concatenate([features(calibrate_a), features(calibrate_b)])
    yc = np.concatenate([np.ones(len(calibrate_a)), np.zeros(len(calibrate_b))])
    even = np.where(yc == 1, 0.5 / len(calibrate_a), 0.5 / len(calibrate_b))
    scores = raw.scores(xc)
    sign = np.where(yc == 1, 1.0, -1.0)

    def cross_entropy(log_t):
        return float(even @ np.logaddexp(0, -sign * scores / np.exp(log_t)))

    # Temperature: the t for which p = sigma(s / t) has the smallest cross entropy there.
    t = float(np.exp(minimize_scalar(cross_entropy, bounds=(-4, 4), method="bounded").x))
    about = {"temperature": t, "penalty": penalty, **about}
    return GenreJudge(mean, scale, raw.weight / t, raw.bias / t, about)


def make_judge(train, calibrate, held_out, penalty=0.02, **about):
    """Train and calibrate a judge, and note down how well it does.

    Parameters
    ----------
    train, calibrate, held_out : pairs of sequences of Notes
        Melodies of A and of B; no song may be in two of these three.
    penalty, about
        See `train_judge`.

    Returns
    -------
    GenreJudge
        Its ``about`` also has the numbers of ``melodies`` that trained it and that were
        ``held_out``, and of these the ``accuracy``, the ``calibration_error``, and which
        share of each domain's it puts ``between`` the genres, with a 95 % interval.
    """
    judge = train_judge(*train, *calibrate, penalty, **about)
    p = [judge(melodies) for melodies in held_out]
    is_a = np.repeat([True, False], [len(own) for own in p])
    told = calibration(np.concatenate(p), is_a)
    between = [[float(v) for v in fused_share(own, kind="wilson")] for own in p]
    judge.about.update(
        melodies=dict(zip("AB", map(len, train))),
        held_out=dict(zip("AB", map(len, held_out))),
        accuracy=told["accuracy"],
        calibration_error=told["error"],
        between=dict(zip("AB", between)),
    )
    return judge


def calibration(probabilities, is_a, bins=10):
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


def save_judge(judge, path):
    """Write a judge as safetensors: numbers only, no code."""
    import json

    from safetensors.numpy import save_file

    arrays = {k: getattr(judge, k) for k in _ARRAYS} | {"bias": np.array([judge.bias])}
    arrays = {k: np.ascontiguousarray(a, dtype=np.float32) for k, a in arrays.items()}
    save_file(arrays, str(path), metadata={"about": json.dumps(judge.about)})


def load_judge(pair):
    """The judge that comes with the package for a pair of corpora, such as "essen_ryan".

    Raises
    ------
    CorpusError
        If there is none for that pair.
    """
    import json
    from importlib import resources

    from safetensors import safe_open

    from fusiontools.errors import CorpusError

    file = resources.files("fusiontools") / "pretrained" / f"genre_{pair}.safetensors"
    if not file.is_file():
        what = f"no judge comes with the package for the pair {pair!r}"
        raise CorpusError(what, do="train one with judges.genre.train_judge")
    with resources.as_file(file) as path, safe_open(str(path), framework="numpy") as stored:
        arrays = [stored.get_tensor(k).astype(np.float64) for k in _ARRAYS]
        bias = float(stored.get_tensor("bias")[0])
        return GenreJudge(*arrays, bias, json.loads(stored.metadata()["about"]))
