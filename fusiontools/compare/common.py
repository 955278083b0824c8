"""The metrics that every system can be held to: melodies against two references, A and B.

Melodies are rows of 128 tokens of `fusiontools.music.grid`, eight bars of sixteenths, (N,
128); so are the references, each of as many rows as it has. All is computed for a whole
batch at once, by pure functions; judges are handed in. What is not defined for an input, as
where it is too short, says why.

Beside a system stand rows that cost nothing (`rows`): A itself, B itself, and half of A
before half of B. Used in chapter 8, Side by side, and by the command ``score``.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fusiontools.errors import CorpusError
from fusiontools.music.grid import HALF, HIGH, HOLD, LOW, REST, decode_grid
from fusiontools.score import markov, verdicts
from fusiontools.score.copying import copied_counts, ngrams
from fusiontools.score.distributions import counts, shares
from fusiontools.score.fusion import balance, ratio
from fusiontools.score.transfer import copied_fraction

__all__ = [
    "NO_JUDGES",
    "ROWS",
    "Judges",
    "Metric",
    "common_metrics",
    "content_kept",
    "halves_in_turn",
]
__all__ += ["load_judges", "rows", "titles"]

FEWEST = 12  # notes of a melody that a judge of genre can hear
RUN = 8  # notes of a run that counts as copied
FEW = 8  # melodies whose transitions are too few for a matrix
APART = verdicts.HIGH - verdicts.LOW  # how far judges must hear A and B apart
OCTAVES = (0, -12, 12)  # semitones: where else content is looked for
ROWS = {"out": "OUT", "a": "A", "b": "B", "half_and_half": "half A, half B"}


class Metric(NamedTuple):
    """A number of all melodies together; of each, (N,), where it has one; or why none."""

    value: float | None
    each: np.ndarray | None = None
    why: str = ""


class Judges(NamedTuple):
    """Trained judges, handed in; those that are missing say why."""

    genre: Sequence[Any] = ()  # as `fusiontools.judges.genre.load_judges` gives them
    labels: tuple[str, ...] = ("A", "B")  # the two genres that they know
    reality: Callable | None = None  # (N, 128) tokens to probabilities (N,)
    why: str = "no judge was given"


NO_JUDGES = Judges()


def load_judges(pair: str = "essen_ryan", data: str = "fiddle_pop909") -> Judges:
    """The judges that come with the package: two of genre, trained on a pair of corpora,
    and the one of reality. Without PyTorch none, and why.

    Returns
    -------
    Judges
    """
    if not find_spec("torch"):
        return Judges(why="PyTorch is not installed, which judges need")
    from fusiontools.judges import genre, reality

    try:
        pair_of = genre.load_judges(pair)
        labels = tuple(pair_of[0].about["labels"])
        return Judges(pair_of, labels, reality.load_judge(data), "")
    except CorpusError as error:
        return Judges(why=error.found)


def titles(judges: Judges = NO_JUDGES) -> dict[str, str]:
    """What each metric is called in a table, in its order.

    Examples
    --------
    >>> list(titles())[:3]
    ['dd_ratio', 'npd_ratio', 'dd_balance']
    """
    found = {
        "dd_ratio": "Ratio, durations",
        "npd_ratio": "Ratio, pitch classes",
        "dd_balance": "Balance, durations (0: even)",
        "npd_balance": "Balance, pitch classes",
    }
    for kind in ("network", "features"):
        for label in judges.labels:
            found[f"p_{label}_{kind}"] = f"P({label}), {kind}"
        found[f"neither_{kind}"] = f"Neither, {kind}"
    found |= {
        "style_gained": "Style gained (0: A's, 1: B's)",
        "content_a": "Content kept of A",
        "content_b": "Content kept of B",
        "copied_a": f"Runs of {RUN} notes from A",
        "copied_b": f"Runs of {RUN} notes from B",
        "one_melody": "P(one melody)",
    }
    states = {"key": "keys", "mp": "mean pitches", "md": "mean lengths"}
    states |= {"pt": "pitches at the seam", "dt": "lengths at the seam"}
    return found | {f"markov_{name}": f"Bigrams, {what}" for name, what in states.items()}


def common_metrics(
    tokens: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, judges: Judges = NO_JUDGES
) -> dict[str, Metric]:
    """All common metrics of melodies against two references.

    Parameters
    ----------
    tokens, a, b : array_like of int, shapes (N, 128), (M, 128) and (K, 128)
        Grid tokens, pitches 55 to 84, each with at least one row; one row alone may be
        (128,).
    judges : Judges
        See `load_judges`.

    Returns
    -------
    dict of str to Metric
        By the names of `titles`. ``{dd,npd}_ratio`` and ``_balance``: FusionGAN's, under
        EUD, all melodies pooled. ``p_<genre>_<judge>``: mean probability;
        ``neither_<judge>``: share that is unlike real music of either genre.
        ``style_gained``: how much of the way from A's probability to B's, mean of both
        judges. ``content_{a,b}``: see `content_kept`. ``copied_{a,b}``: share of runs of
        eight notes that occur in the reference, in any key. ``one_melody``: mean
        probability, by the judge of reality, that both halves are of one melody.
        ``markov_<state>``: correlation of the transitions from first to second halves with
        those of A and B together.

    Raises
    ------
    ValueError
        If something is no batch of melodies.

    References
    ----------
    FusionGAN, section IV-A; Connective Fusion, section 3.4.

    Examples
    --------
    >>> a = np.tile([60, 1, 62, 1, 64, 1, 65, 1], 16)[None]
    >>> b = np.tile([72, 1, 1, 1, 67, 1, 1, 1], 16)[None]
    >>> found = common_metrics(a, a, b)
    >>> found["dd_ratio"].value, found["content_a"].value, found["one_melody"].why
    (1.0, 1.0, 'no judge was given')
    """
    tokens, a, b = (_batch(one) for one in (tokens, a, b))
    own, in_a, in_b = ([decode_grid(row) for row in one] for one in (tokens, a, b))
    found = {}
    for kind in ("dd", "npd"):
        three = [_pooled(kind, notes) for notes in (own, in_a, in_b)]
        found[f"{kind}_ratio"] = _of_histograms(ratio, three)
        found[f"{kind}_balance"] = _of_histograms(balance, three)
    found |= _genres(own, in_a, in_b, judges)
    for name, grid, notes in (("a", a, in_a), ("b", b, in_b)):
        found[f"content_{name}"] = _mean(content_kept(tokens, grid), "nothing sounds")
        found[f"copied_{name}"] = _copied(own, notes)
    found["one_melody"] = _one_melody(tokens, judges)
    found |= _transitions(tokens, np.concatenate([a, b]))
    return {name: found[name] for name in titles(judges)}


def _batch(tokens):
    tokens = np.atleast_2d(np.asarray(tokens))
    if tokens.ndim != 2 or not len(tokens) or tokens.shape[1] != 2 * HALF:
        found = f"found shape {tokens.shape}"
        raise ValueError(f"melodies are rows of {2 * HALF} tokens, {found}")
    pitches = tokens[tokens > HOLD]
    if tokens.min() < 0 or ((pitches < LOW) | (pitches > HIGH)).any():
        found = f"found {pitches.min(initial=127)} to {pitches.max(initial=0)}"
        raise ValueError(f"pitches are {LOW} to {HIGH}, {found}")
    return tokens.astype(np.uint8)


def _mean(each, why):
    """The mean of what is known, and all; nan stands for what is not."""
    known = ~np.isnan(each)
    if not known.any():
        return Metric(None, each, why)
    return Metric(float(each[known].mean()), each)


def _pooled(kind, melodies):
    """Shares of a kind of all notes; None where there are none."""
    histogram = counts(kind, melodies).sum(axis=0)
    return shares(histogram) if histogram.sum() else None


def _of_histograms(metric, three):
    if any(one is None for one in three):
        return Metric(None, why="nothing sounds")
    if np.allclose(three[1], three[2]):
        return Metric(None, why="A and B have the same shares: no way lies between them")
    return Metric(float(metric(*three)))


def content_kept(tokens: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """For how much of its time a melody has the pitch of a reference, to a semitone.

    Half by half: each takes the half of the reference that it is most like, at the same
    place in the bar and in the same key, in any of three octaves. A larger reference has
    more to be like: compare rows against one reference.

    Parameters
    ----------
    tokens, reference : array_like of int, shapes (N, T) and (M, T)

    Returns
    -------
    ndarray of float, shape (N,)
        0 to 1, the mean of halves that sound; nan where none does.

    Examples
    --------
    >>> one, two = np.array([[60, 1, 66, 1]]), np.array([[72, 1, 62, 1]])
    >>> content_kept(one, two).tolist()
    [0.5]
    """
    own = markov.halves(np.asarray(tokens))
    own, size = own.reshape(-1, own.shape[-1]), len(own)
    best, steps = np.zeros(2 * size), np.maximum((own > REST).sum(axis=1), 1)
    others = markov.halves(np.asarray(reference)).astype(int).reshape(-1, own.shape[1])
    for other, octave in product(others, OCTAVES):
        moved = np.broadcast_to(np.where(other > HOLD, other + octave, other), own.shape)
        heard = ((own > REST) & (moved > REST)).sum(axis=1) / steps
        best = np.maximum(best, copied_fraction(own, moved) * heard)
    sounds = (own > HOLD).any(axis=1).reshape(size, 2)
    total = np.where(sounds, best.reshape(size, 2), 0).sum(axis=1)
    many = sounds.sum(axis=1)
    return np.where(many > 0, total / np.maximum(many, 1), np.nan)


def _copied(melodies, reference):
    known = ngrams(reference, RUN)
    if not len(known):
        return Metric(None, why=f"the reference has no {RUN} notes in a row")
    copied, runs = copied_counts(melodies, known, RUN).T
    if not runs.sum():
        return Metric(None, why=f"no melody has {RUN} notes in a row")
    each = np.where(runs > 0, copied / np.maximum(runs, 1), np.nan)
    return Metric(float(copied.sum() / runs.sum()), each)


def _one_melody(tokens, judges):
    if judges.reality is None:
        return Metric(None, why=judges.why)
    both = (markov.halves(tokens) > HOLD).any(axis=-1).all(axis=1)
    each = np.full(len(tokens), np.nan)
    if both.any():
        each[both] = judges.reality(tokens[both])
    return _mean(each, "a half of each melody is silent")


def _genres(own, in_a, in_b, judges):
    """What the judges of genre say, and how much of B's style there is."""
    names, found, heard = judges.labels, {}, []
    few = f"a judge of genre hears {FEWEST} notes at least"
    for kind in ("network", "features"):
        judge = next((one for one in judges.genre if one.kind == kind), None)
        p, neither = (np.full(len(own), np.nan) for _ in range(2))
        why = judges.why if judge is None else few
        if judge is not None:
            p, neither = _heard(judge, own)
            heard.append([p, *(_heard(judge, side)[0] for side in (in_a, in_b))])
        first, second = names[0], names[1]
        found[f"p_{first}_{kind}"] = _mean(p, why)
        found[f"p_{second}_{kind}"] = _mean(1 - p, why)
        found[f"neither_{kind}"] = _mean(neither, why)
    found["style_gained"] = _gained(heard, judges.why if not heard else few)
    return found


def _heard(judge, melodies):
    """Of each melody the probability of the first genre, and whether it is unlike both; nan
    for those of too few notes.
    """
    enough = [i for i, notes in enumerate(melodies) if len(notes) >= FEWEST]
    p, neither = (np.full(len(melodies), np.nan) for _ in range(2))
    if enough:
        said = judge.hear([melodies[i] for i in enough])
        p[enough], neither[enough] = said.p, ~said.typical
    return p, neither


def _gained(heard, few):
    """The share of the way from A's probability to B's, mean of both judges."""
    if not heard:
        return Metric(None, why=few)
    p, a, b = (np.mean(side, axis=0) for side in zip(*heard))
    if np.isnan(a).all() or np.isnan(b).all():
        return Metric(None, why=few)
    a, b = np.nanmean(a), np.nanmean(b)
    if abs(b - a) < APART:
        why = f"the judges do not hear A ({a:.2f}) and B ({b:.2f}) as two genres"
        return Metric(None, why=why)
    # g = (p - p_A) / (p_B - p_A)
    return _mean((p - a) / (b - a), few)


def _transitions(tokens, reference):
    """The correlation of matrices of states of halves, for each kind of state."""
    found, few = (
        {},
        f"a matrix of transitions needs {FEW} melodies with notes in both halves",
    )
    here, there = markov.states(tokens), markov.states(reference)
    for name, size in markov.STATISTICS.items():
        pairs = [one[name][(one[name] >= 0).all(axis=1)] for one in (here, there)]
        metric = Metric(None, why=f"{few}: there are {min(map(len, pairs))}")
        if min(map(len, pairs)) >= FEW:
            made = [markov.markov_matrix(markov.transition_counts(p, size)) for p in pairs]
            value = markov.matrix_correlation(*made)
            flat = Metric(None, why="all transitions are alike")
            metric = flat if np.isnan(value) else Metric(value)
        found[f"markov_{name}"] = metric
    return found


def halves_in_turn(a: npt.ArrayLike, b: npt.ArrayLike) -> np.ndarray:
    """The first half of a melody of A, then that of one of B, (M, T) and (K, T) to (max(M,
    K), T): two melodies, and none between them.

    Examples
    --------
    >>> halves_in_turn([[60, 1, 62, 1]], [[72, 1, 74, 1], [76, 1, 77, 1]]).tolist()
    [[60, 1, 72, 1], [60, 1, 76, 1]]
    """
    own = [markov.halves(np.asarray(one))[:, 0] for one in (a, b)]
    turn = np.arange(max(map(len, own)))
    return np.concatenate([one[turn % len(one)] for one in own], axis=1)


def rows(
    tokens: npt.ArrayLike, a: npt.ArrayLike, b: npt.ArrayLike, judges: Judges = NO_JUDGES
) -> dict[str, dict[str, Metric]]:
    """`common_metrics` of melodies, and of what costs nothing: A itself, B itself, and half
    of A before half of B. By the names of `ROWS`; parameters as there.
    """
    melodies = {"out": tokens, "a": a, "b": b}
    melodies["half_and_half"] = halves_in_turn(_batch(a), _batch(b))
    return {name: common_metrics(one, a, b, judges) for name, one in melodies.items()}
