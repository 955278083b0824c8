"""From melodies to the numbers of a record: every method is measured here in the same way,
trained or not; and which songs the judge of a pair is trained on. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_3_measured` shows these numbers.
"""

import numpy as np

from fusiontools import score
from fusiontools.errors import CorpusError
from fusiontools.music.tokens import decode_tokens
from fusiontools.papers.fusiongan.config import UNTRAINED
from fusiontools.papers.fusiongan.data import DOMAINS
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, SHORT
from fusiontools.records import read_records
from fusiontools.report.rows import choose, histogram, rows, shipped_arrays

__all__ = ["HISTOGRAMS", "MELODIES", "References", "baseline", "make_judge"]
__all__ += ["measure_melodies", "shares_of", "shipped_judge", "shipped_rows"]

MELODIES = 500  # a method, as in section IV-B
LEAST = 4  # notes: with fewer, a melody has no two pairs of steps
HISTOGRAMS = {  # the bins of each histogram of a record
    "dd": score.bin_names("dd"),
    "npd": score.bin_names("npd"),
    "verdict": [f"{k / 20:.2f}" for k in range(20)],
}
# of the judge; chosen on the songs that train and calibrate it, before any generated
# melody was judged
PENALTY = 0.003


def shipped_rows(pair, seed=None):
    """The records of a pair that come with the package, as `fusiontools.report.rows.Rows`,
    of all seeds or of one; beside them, as ``histories``, how the trainings of the shipped
    weights went.
    """
    records = choose(read_records("fusiongan"), pair)
    records = [r for r in records if seed in (None, r.seed)]
    histories = shipped_arrays("fusiongan", f"histories_{pair}.npz")
    return rows(records, order=SHORT, histories=histories)


def shares_of(row, name):
    """One of `HISTOGRAMS` out of a row, as shares that add up to 1, shape (K,): "dd",
    durations in sixteenths; "npd", pitch classes; "verdict", what the judge says to single
    melodies, from domain B (0) to domain A (1).
    """
    return histogram(row, name, HISTOGRAMS[name])


def baseline(name, pair, n=MELODIES, seed=0):
    """Melodies of a method that needs no training, a list of `Notes`: made from as many
    training windows of both domains; for ``real_a`` and ``real_b``, real ones of the test
    part.
    """
    if name not in UNTRAINED:
        raise ValueError(f"{name!r} is none of {', '.join(UNTRAINED)}")
    if name.startswith("real"):
        return _draw(pair, name[-1].upper(), "test", n, seed)
    # Other windows than those that `References` compares with: a mixture of the very same
    # ones would be closer than any music can be.
    a, b = (_draw(pair, d, "train", 4 * n, seed, beyond=MELODIES) for d in DOMAINS)
    return score.BASELINES[name](a, b, n, seed)


def _draw(pair, domain, part, n, seed, beyond=0):
    """`n` melodies in a shuffled order, the first `beyond` of it left out where there are
    enough.
    """
    windows = pair.windows(domain, part)
    beyond = min(beyond, len(windows) // 2)
    dice = np.random.default_rng([seed, DOMAINS.index(domain)])
    drawn = windows[dice.permutation(len(windows))[beyond : beyond + n]]
    melodies = [decode_tokens(row, pair.vocabulary) for row in drawn]
    return [m for m in melodies if len(m) >= LEAST]


class References:
    """What melodies of a pair are measured against, made once for all methods: ``a`` and
    ``b``, as many real melodies of each domain as a method has; ``known``, the runs of
    eight notes of all training windows; ``held_out_8gram``, the share of those of the test
    part that the training part has too.
    """

    def __init__(self, pair, n=MELODIES, seed=0):
        self.a, self.b = (_draw(pair, d, "train", n, seed) for d in DOMAINS)
        trained_on = [m for d in DOMAINS for m in pair.notes(d, "train")]
        self.known = np.unique(score.ngrams(trained_on))
        held_out = [m for d in DOMAINS for m in _draw(pair, d, "test", n // 2, seed)]
        copied, runs = score.copied_counts(held_out, self.known).sum(axis=0)
        self.held_out_8gram = float(copied / runs)


def measure_melodies(melodies, references, judge=None, repeats=300):
    """The metrics of a record, each with its 95 % interval over melodies: a little too
    narrow, since those of the two genres are windows, some of them of one song.

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
        Then the histograms, one number a bin, as in `HISTOGRAMS`.
    """
    kept = [m for m in melodies if len(m) >= LEAST]
    scores = score.fusion_scores(kept, references.a, references.b, repeats=repeats)
    found = {name: _interval(value) for name, value in scores.items()}
    copied = score.copied_counts(kept, references.known)
    share = score.bootstrap_counts(_of_all_runs, copied, repeats=repeats)
    found["copied_8gram"] = _interval(share)
    found["held_out_8gram"] = references.held_out_8gram
    found["too_short"] = len(melodies) - len(kept)
    if judge is not None:
        p = np.asarray(judge(kept))
        kind = "bootstrap" if score.in_band(p).any() else "wilson"
        found["fused_share"] = _interval(score.fused_share(p, kind=kind))
        found["judged_a"] = float((p > 0.5).mean())
        found |= _bins("verdict", score.verdict_histogram(p)[0] / len(p))
    for name in BLOCKS:
        found |= _bins(name, score.distribution(name, kept))
    return found


def _of_all_runs(counts):
    return counts[..., 0] / np.maximum(counts[..., 1], 1)


def _bins(name, shares):
    named = zip(HISTOGRAMS[name], shares, strict=True)
    return {f"{name}[{label}]": round(float(share), 5) for label, share in named}


def _interval(found):
    value, low, high = (float(x) for x in found)
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def shipped_judge(pair):
    """The judge that comes with the package for this pair, or None. One of other songs, or
    of the same songs dealt in another way, has heard what trained the generators: none.
    """
    from fusiontools.judges.genre import load_judge

    try:
        judge = load_judge(pair.name)
    except CorpusError:
        return None
    return judge if judge.about["data"] == pair.hash else None


def make_judge(pair):
    """Train the judge of a pair, see `fusiontools.judges.genre.make_judge`, on songs that
    train no generator: those of the validation part. The test part's songs of even number
    calibrate it, and those of odd number measure it.
    """
    from fusiontools.judges import genre

    def melodies(part, parity=None):
        for d in DOMAINS:
            numbered = zip(pair.notes(d, part), pair.songs(d, part))
            kept = [notes for notes, song in numbered if parity in (None, song % 2)]
            yield [notes for notes in kept if len(notes) >= LEAST]

    songs = [[*melodies("validation")], [*melodies("test", 0)], [*melodies("test", 1)]]
    corpora = [{"name": c["name"], "licence": c["licence"]} for c in pair.about["corpora"]]
    about = {"pair": pair.name, "data": pair.hash, "corpora": corpora}
    return genre.make_judge(*songs, PENALTY, **about, labels=list(pair.labels))
