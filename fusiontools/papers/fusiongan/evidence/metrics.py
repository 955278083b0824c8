"""From melodies to the numbers of a record: every method is measured here in the same way,
trained or not.
"""

from importlib import resources

import numpy as np

from fusiontools.corpora.cache import read_npz
from fusiontools.papers.fusiongan.config import UNTRAINED
from fusiontools.papers.fusiongan.data import DOMAINS
from fusiontools.papers.fusiongan.sampling import to_notes
from fusiontools.score import (
    bin_names,
    bootstrap_counts,
    copied_counts,
    distribution,
    fused_share,
    fusion_scores,
    half_and_half,
    in_band,
    monte_carlo,
    ngrams,
    noise,
    random_mixing,
    shuffled,
    splice,
    verdict_histogram,
)

__all__ = ["HISTOGRAMS", "References", "baseline", "histogram_of", "histories", "metrics"]

MELODIES = 500  # a method, as in section IV-B
LEAST = 4  # notes: with fewer, a melody has no two pairs of steps


def baseline(name, pair, n=MELODIES, seed=0):
    """Melodies of a method that needs no training, made from the training windows of both
    domains in equal numbers.

    ``"real_a"`` and ``"real_b"`` are real melodies of the test part.

    Parameters
    ----------
    name : str
        One of ``fusiontools.papers.fusiongan.config.UNTRAINED``.
    pair : Pair
    n, seed : int

    Returns
    -------
    list of Notes
    """
    if name not in UNTRAINED:
        raise ValueError(f"{name!r} is none of {', '.join(UNTRAINED)}")
    if name.startswith("real"):
        return _draw(pair, name[-1].upper(), "test", n, seed)
    # other windows than those that `References` compares with: a bag of the very same ones
    # would be closer than any music can be
    a, b = (
        _draw(pair, domain, "train", 4 * n, seed, beyond=MELODIES) for domain in DOMAINS
    )
    if name in ("shuffle", "noise"):
        return {"shuffle": shuffled, "noise": noise}[name](
            half_and_half(a, b, n, seed), n, seed
        )
    made = {
        "rm": random_mixing,
        "mc": monte_carlo,
        "half_and_half": half_and_half,
        "splice": splice,
    }[name]
    return made(a, b, n, seed)


def _draw(pair, domain, part, n, seed, beyond=0):
    """`n` melodies in a shuffled order, the first `beyond` of it left out where there are
    enough.
    """
    rows = pair.windows(domain, part)
    beyond = min(beyond, len(rows) // 2)
    rows = rows[
        np.random.default_rng([seed, DOMAINS.index(domain)]).permutation(len(rows))[
            beyond : beyond + n
        ]
    ]
    return [m for m in to_notes(rows, pair.vocabulary) if len(m) >= LEAST]


class References:
    """What melodies of a pair are measured against, made once for all methods.

    Attributes
    ----------
    a, b : list of Notes
        As many real melodies of each domain as a method has, drawn from the training part.
    known : ndarray of uint64
        The runs of eight notes of all training windows.
    held_out_8gram : float
        The share of runs of eight notes of the test part that the training part has too.
    """

    def __init__(self, pair, n=MELODIES, seed=0):
        self.pair, self.n = pair, n
        self.a, self.b = (_draw(pair, domain, "train", n, seed) for domain in DOMAINS)
        self.known = np.unique(ngrams([m for d in DOMAINS for m in pair.notes(d, "train")]))
        held_out = [m for d in DOMAINS for m in _draw(pair, d, "test", n // 2, seed)]
        copied, runs = copied_counts(held_out, self.known).sum(axis=0)
        self.held_out_8gram = float(copied / runs)


def metrics(melodies, references, judge=None, repeats=300):
    """The metrics of a record, each with its 95 % interval.

    Intervals are over melodies. Those of the two genres are windows, some of them of one
    song, so the intervals are a little too narrow.

    Parameters
    ----------
    melodies : list of Notes
        Those with fewer than four notes are left out, and counted.
    references : References
    judge : callable, optional
        From a list of `Notes` to the probabilities of A, shape (M,). It must not have been
        part of any training. Without one there is no ``fused_share``.
    repeats : int
        Bootstrap draws.

    Returns
    -------
    dict of str to dict or number
        ``{dd,npd}_{eud,em}_{ratio,diff}``, ``{ib,db}_eud_ratio``, ``balance_{dd,npd}``, all
        again with ``_raw`` for counts, ``copied_8gram``, ``held_out_8gram``, ``too_short``,
        and with a judge ``fused_share`` and ``judged_a``, the share that it takes for A.
        Then the histograms, one number a bin, to be read with `histogram_of`.
    """
    kept = [m for m in melodies if len(m) >= LEAST]
    found = {
        name: _interval(value)
        for name, value in fusion_scores(
            kept, references.a, references.b, repeats=repeats
        ).items()
    }
    copied = copied_counts(kept, references.known)
    found["copied_8gram"] = _interval(
        bootstrap_counts(
            lambda h: h[..., 0] / np.maximum(h[..., 1], 1), copied, repeats=repeats
        )
    )
    found["held_out_8gram"] = references.held_out_8gram
    found["too_short"] = len(melodies) - len(kept)
    if judge is not None:
        p = np.asarray(judge(kept))
        found["fused_share"] = _interval(
            fused_share(p, kind="bootstrap" if in_band(p).any() else "wilson")
        )
        found["judged_a"] = float((p > 0.5).mean())
        found |= _bins("verdict", verdict_histogram(p)[0] / len(p))
    for name in ("dd", "npd"):
        found |= _bins(name, distribution(name, kept))
    return found


HISTOGRAMS = {
    "dd": bin_names("dd"),
    "npd": bin_names("npd"),
    "verdict": [f"{k / 20:.2f}" for k in range(20)],
}


def _bins(name, shares):
    return {
        f"{name}[{label}]": round(float(share), 5)
        for label, share in zip(HISTOGRAMS[name], shares, strict=True)
    }


def histogram_of(found, name):
    """A histogram out of a record's metrics, as shares of 1.

    Parameters
    ----------
    found : dict
        The metrics of a record.
    name : {"dd", "npd", "verdict"}
        Durations in sixteenths; pitch classes; what the judge says to single melodies, from
        domain B (0) to domain A (1).

    Returns
    -------
    ndarray of float, shape (K,)
        ``HISTOGRAMS[name]`` names the bins.
    """
    return np.array([found[f"{name}[{label}]"] for label in HISTOGRAMS[name]])


def _interval(found):
    value, low, high = (float(x) for x in found)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def histories(pair):
    """How the trainings of the shipped weights of a pair went, as their ``history.csv``
    files.

    Parameters
    ----------
    pair : str

    Returns
    -------
    dict of str to ndarray of uint8
        By run, such as ``"fusion-0"``; ``"pretraining-0"`` has the phases that most methods
        begin with. See ``fusiontools.papers.fusiongan.evidence.claims.history_columns``.
    """
    return read_npz(
        resources.files("fusiontools").joinpath(
            "results", "fusiongan", f"histories_{pair}.npz"
        )
    )
