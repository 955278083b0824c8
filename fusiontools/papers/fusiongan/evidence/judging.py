"""The judge of one pair: which songs train it, which calibrate it, and on which its
accuracy is measured. None of them trains a generator.
"""

import numpy as np

from fusiontools.errors import CorpusError
from fusiontools.judges.genre import calibration, load_judge, train_judge
from fusiontools.score import fused_share

__all__ = ["judge_of", "shipped_judge"]

# chosen on the songs that train and calibrate, before any generated melody was judged
PENALTY = 0.003


def judge_of(pair):
    """Train the judge of a pair.

    Songs of the validation part train it; the test part's songs of even number calibrate
    it, and those of odd number measure it.

    Parameters
    ----------
    pair : Pair

    Returns
    -------
    GenreJudge
        ``about`` says on how many melodies of how many songs it was trained, its accuracy
        and calibration on the songs that it has never heard, and which share of those real
        melodies it puts between the genres.
    """

    def part(domain, name, parity=None):
        notes, songs = pair.notes(domain, name), pair.songs(domain, name)
        keep = np.ones(len(notes), bool) if parity is None else songs % 2 == parity
        return [n for n, k in zip(notes, keep) if k and len(n) >= 4]

    trained = {d: part(d, "validation") for d in "AB"}
    judge = train_judge(
        trained["A"],
        trained["B"],
        part("A", "test", 0),
        part("B", "test", 0),
        PENALTY,
        pair=pair.name,
        data=pair.hash,
    )
    heard = {d: part(d, "test", 1) for d in "AB"}
    p = {d: judge(heard[d]) for d in "AB"}
    report = calibration(
        np.concatenate([p["A"], p["B"]]),
        np.repeat([True, False], [len(p["A"]), len(p["B"])]),
    )
    judge.about.update(
        corpora=[
            {"name": c["name"], "licence": c["licence"]} for c in pair.about["corpora"]
        ],
        labels=list(pair.labels),
        melodies={d: len(trained[d]) for d in "AB"},
        held_out={d: len(heard[d]) for d in "AB"},
        accuracy=report["accuracy"],
        calibration_error=report["error"],
        between={d: [float(v) for v in fused_share(p[d], kind="wilson")] for d in "AB"},
    )
    return judge


def shipped_judge(pair):
    """The judge that comes with the package for this pair, or None.

    A judge of other songs, or of the same songs dealt in another way, has heard what
    trained the generators: it counts as none.
    """
    try:
        judge = load_judge(pair.name)
    except CorpusError:
        return None
    return judge if judge.about["data"] == pair.hash else None
