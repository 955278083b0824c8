"""What the Connective Fusion paper shows and claims, tried on our records. The words are
the paper's, every number is computed.

A claim has parts; each part holds (True), fails (False), or cannot be told (None), because
intervals overlap or nobody measured it. One number is above another only if their intervals
are apart. Our own goals are in `targets` beside it.
"""

from itertools import combinations

import numpy as np

from fusiontools.music.grid import HIGH, LOW
from fusiontools.papers.connective_fusion.data import PARTS, STEPS
from fusiontools.papers.connective_fusion.evidence.paper import (
    FIGURES,
    PAPER,
    REALITY,
    SETTINGS,
)
from fusiontools.papers.connective_fusion.evidence.summaries import (
    CORRELATIONS,
    METRICS,
    MIDDLE,
    cell,
    choose,
    find,
    measured,
    number,
    per_cent,
    rows,
    select,
)
from fusiontools.score.tables import Table, end, less, outcome

__all__ = [
    "against_perturb",
    "at_distance",
    "compare",
    "iterated_against_single",
    "less",
    "outcome",
    "paper_and_ours",
    "score_of",
]

SEVERAL_ORDERS = (
    100  # times as rare: what we read "several orders of magnitude" as, at the least
)
VERDICTS = ("above", "below", "no difference", "outside")


def compare(x, y):
    """Where one summary lies beside another: "above", "below", or "no difference" where
    their intervals overlap.
    """
    return {True: "above", False: "below", None: "no difference"}[less(y, x)]


def at_distance(path, metric, distance):
    """A metric of a method that has been measured at several z-distances, at another one:
    along straight lines between neighbours.

    Parameters
    ----------
    path : list of dict
        Rows with ``z_distance`` and the metric; those without either are left out.
    metric : str
    distance : float

    Returns
    -------
    dict or None
        ``{"mean", "low", "high"}``; the ends of the interval are interpolated like the
        value. None outside the span of the path.

    Examples
    --------
    >>> def row(z, y):
    ...     return {
    ...         "z_distance": {"mean": z},
    ...         "reality": {"mean": y, "low": y - 0.1, "high": y + 0.1},
    ...     }
    >>> (
    ...     round(at_distance([row(1.0, 0.5), row(3.0, 0.7)], "reality", 2.0)["mean"], 9),
    ...     at_distance([row(1.0, 0.5)], "reality", 2.0),
    ... )
    (0.6, None)
    """
    known = sorted(
        (
            (row["z_distance"]["mean"], row[metric])
            for row in path
            if row.get("z_distance") and row.get(metric)
        ),
        key=lambda k: k[0],
    )
    if not known or not known[0][0] <= distance <= known[-1][0]:
        return None
    where = [z for z, _ in known]
    ends = {"mean": [m["mean"] for _, m in known]} | {
        which: [end(m, which) for _, m in known] for which in ("low", "high")
    }
    return {
        which: float(np.interp(distance, where, values)) for which, values in ends.items()
    }


def _verdict(row, metric, path):
    """One comparison at equal z-distance."""
    ours, distance = row.get(metric), row.get("z_distance")
    if not ours or not distance:
        return None
    other = at_distance(path, metric, distance["mean"])
    known = [r["z_distance"]["mean"] for r in path if r.get("z_distance") and r.get(metric)]
    own = {"metric": metric, "distance": distance["mean"], "ours": ours, "other": other}
    return own | {
        "span": (min(known), max(known)) if known else None,
        "verdict": "outside" if other is None else compare(ours, other),
    }


def against_perturb(found, metrics=tuple(METRICS)):
    """Ours, once, against Latent Perturb at equal z-distance.

    Parameters
    ----------
    found : list of dict
        See `fusiontools.papers.connective_fusion.evidence.summaries.rows`.
    metrics : iterable of str

    Returns
    -------
    list of dict
        One for each metric of each lambda and kind of inputs: ``inputs``, ``similarity``,
        ``metric``, ``distance``, ``ours``, ``other`` (Latent Perturb there, or None),
        ``span`` (its least and largest z-distance), and ``verdict``: what ours is, "above",
        "below", "no difference", or "outside" where the distance is outside that span.

    References
    ----------
    Connective Fusion, section 3.5 and Figure 4: "at each transformation amount".
    """
    made = []
    for row in select(found, "ours", iterations=1):
        path = select(found, "latent_perturb", inputs=row["inputs"])
        made += [
            v | {k: row[k] for k in ("inputs", "similarity")}
            for m in metrics
            if (v := _verdict(row, m, path))
        ]
    return made


def iterated_against_single(found, metrics=tuple(METRICS)):
    """A larger lambda, iterated, against a smaller one, once, at equal z-distance.

    Returns
    -------
    list of dict
        As `against_perturb` gives them, with ``larger``, the lambda that was iterated.
        ``ours`` is the smaller lambda once, ``other`` the larger one along its iterations,
        and ``verdict`` what the larger one is.
    """
    made, turned = [], {"above": "below", "below": "above"}
    singles = select(found, "ours", iterations=1)
    for small, large in combinations(sorted({row["similarity"] for row in singles}), 2):
        for row in (r for r in singles if r["similarity"] == small):
            path = select(found, "ours", "iterated", inputs=row["inputs"], similarity=large)
            for v in (_verdict(row, m, path) for m in metrics):
                if v:
                    own = {"inputs": row["inputs"], "similarity": small, "larger": large}
                    made.append(
                        v | own | {"verdict": turned.get(v["verdict"], v["verdict"])}
                    )
    return made


def score_of(verdicts):
    """How many verdicts are of each kind: a dict with all of `VERDICTS`."""
    told = [v["verdict"] for v in verdicts]
    return {name: told.count(name) for name in VERDICTS}


def _told(score):
    return (
        ", ".join(f"{many} {name}" for name, many in score.items() if many)
        or "nothing to compare"
    )


def _f1(found):
    """Pitch sets align, durations even out, step by step: at the figure's lambda, the
    correlations of key and of mean duration are above those of the inputs as they are after
    the last iteration that it shows, and each of its iterations is farther from the inputs.
    """
    steps = FIGURES["F1"]["iterations"]
    before = find(found, "concatenate", inputs="test")
    path = [
        find(
            found,
            "ours",
            "iterated",
            inputs="test",
            similarity=FIGURES["F1"]["similarity"],
            iterations=k,
        )
        for k in steps
    ]
    if before is None or None in path:
        return {}, "not measured"
    parts, said = {}, []
    for name, words in (
        ("key_corr", "pitch sets align"),
        ("md_corr", "durations even out"),
    ):
        if before.get(name) and path[-1].get(name):
            parts[words] = less(before[name], path[-1][name])
            said.append(
                f"{METRICS[name]} from {cell(before[name])} to {cell(path[-1][name])}"
            )
    if all(row.get("z_distance") for row in path):
        far = [row["z_distance"]["mean"] for row in path]
        parts["every iteration goes farther"] = far == sorted(far)
        said.append("*z*-distances " + ", ".join(f"{z:.1f}" for z in far))
    return parts, "; ".join(said) or "not measured"


def _f2(found):
    """Styles differ: two styles of one pair lie farther apart than the encoder's own doubt,
    a z-distance of 1.
    """
    row = find(found, "ours", inputs="test", similarity=FIGURES["F2"]["similarity"])
    apart = (row or {}).get("style_distance")
    if not apart:
        return {}, "a picture: no record measures it"
    return {
        "styles differ": less({"mean": 1.0}, apart)
    }, f"two styles of one pair are {cell(apart)} apart in *z*-distance"


def _f4(found):
    """Ours tends to be above Latent Perturb in every metric: at equal z-distance more often
    above than below, over lambdas and inputs. And especially a larger lambda: the larger
    half of the lambdas is above in a larger share of what can be compared than the smaller
    half.
    """
    verdicts = [v for v in against_perturb(found) if v["verdict"] != "outside"]
    parts, said = {}, []
    for metric, name in METRICS.items():
        score = score_of(v for v in verdicts if v["metric"] == metric)
        if any(score.values()):
            parts[name] = (
                None
                if score["above"] == score["below"]
                else score["above"] > score["below"]
            )
            said.append(f"{name}: {_told(score)}")
    lambdas = sorted({row["similarity"] for row in select(found, "ours")})
    halves = [
        [v["verdict"] == "above" for v in verdicts if v["similarity"] in half]
        for half in _halved(lambdas)
    ]
    if all(halves):
        small, large = map(np.mean, halves)
        parts["a larger lambda more often"] = bool(large > small)
        said.append(
            f"above in {per_cent(small, 0)} of comparisons for the smaller lambdas, {per_cent(large, 0)} for the larger"
        )
    outside = score_of(against_perturb(found))["outside"]
    said += [f"{outside} outside Latent Perturb's span"] if outside else []
    return parts, "; ".join(said) or "not measured"


def _halved(values):
    return values[: len(values) // 2], values[len(values) // 2 :]


def _f5(found):
    """The five statistics are corrected: each correlation is above that of the inputs as
    they are, at the middle lambda.
    """
    before, after = (
        find(found, "concatenate", inputs="test"),
        find(found, "ours", inputs="test", similarity=MIDDLE, iterations=1),
    )
    parts, said = {}, []
    for name, words in CORRELATIONS.items():
        x, y = ((row or {}).get(f"{name}_corr") for row in (before, after))
        if x and y:
            parts[words] = less(x, y)
            said.append(f"{words} from {cell(x)} to {cell(y)}")
    return parts, "; ".join(said) or "not measured"


def _f6(arrays):
    """Distances below 1, and below 3, are at least 100 times as frequent within songs as
    between. Where none was found between, the 95 % bound 3 / n stands for it, and what is
    then not shown cannot be told.
    """
    parts, said = {}, []
    if "distance_below" in arrays:
        for threshold, (within, between) in zip(
            FIGURES["F6"]["thresholds"], np.asarray(arrays["distance_below"]).T.tolist()
        ):
            name, most = (
                f"below {threshold:g}",
                between or 3 / max(int(arrays["distance_pairs"][1]), 1),
            )
            rarer = f", {'' if between else 'at least '}{number(within / most)} times"
            parts[name] = (
                True if within >= SEVERAL_ORDERS * most else False if between else None
            )
            said.append(
                f"{name}: {100 * within:.3g} % within songs, {100 * between:.3g} % between{rarer}"
            )
    return parts, "; ".join(said) or "not measured"


def _f7(found):
    """A larger lambda, iterated, is often comparable or better: at equal z-distance it is
    below a smaller one in at most half of the comparisons, metric by metric.
    """
    verdicts = [v for v in iterated_against_single(found) if v["verdict"] != "outside"]
    parts, said = {}, []
    for metric, name in METRICS.items():
        score = score_of(v for v in verdicts if v["metric"] == metric)
        if any(score.values()):
            parts[name] = 2 * score["below"] <= sum(score.values())
            said.append(f"{name}: {_told(score)}")
    return parts, "; ".join(said) or "not measured"


def _r(found):
    """The judge is as right on the test songs as the paper's, and as sure of real melodies:
    its interval reaches the paper's number.
    """
    judge = find(found, "reality", kind="transformer", part="train-2")
    parts, said = {}, []
    for name, words in (
        ("accuracy", "accuracy"),
        ("mean_real", "mean output on real melodies"),
    ):
        if judge and judge.get(name):
            parts[words] = end(judge[name], "high") >= REALITY[name]
            said.append(f"{words} {cell(judge[name], 3)}")
    return parts, "; ".join(said) or "not measured"


def _c1(found, arrays):
    """Similarity: the part of CF-F6 for 3. Cheap: to learn the transformation takes fewer
    minutes than to learn the latent space from melodies. That no gradient goes through
    sampled tokens is so by construction, and no record shows its worth: it cannot be told.
    """
    near = list(_f6(arrays)[0].values())
    vae, ours = (
        find(found, "vae", decoder="parallel"),
        find(found, "ours", inputs="test", similarity=MIDDLE),
    )
    parts = {
        "it defines similarity": near[-1] if near else None,
        "it is cheap": None,
        "it bypasses sampled tokens": None,
    }
    said = "its last part is so by construction"
    if vae and ours:
        parts["it is cheap"] = ours["minutes"] < vae["minutes"]
        said = f"minutes: transformation {number(ours['minutes'], 1)}, latent space {number(vae['minutes'], 1)}; {said}"
    return parts, said


def _d(records):
    """Every rule of section 3.1 that is a number is the same in the code, and the corpus is
    the paper's.
    """
    s, names = SETTINGS, {r.data["name"] for r in records if r.method != "data"}
    parts = {
        "songs dealt " + ":".join(map(str, s["parts"].values())): s["parts"] == PARTS,
        f"pitches {s['pitches'][0]} to {s['pitches'][1]}": s["pitches"] == (LOW, HIGH),
        f"{s['bars']} bars of {4 * s['steps_per_beat']} steps": STEPS
        == s["bars"] * 4 * s["steps_per_beat"],
    }
    said = "; ".join(parts)
    for r in sorted(
        (r for r in records if r.method == "data"), key=lambda r: r.data["name"]
    ):
        counted = [number(r.metrics[name]) for name in ("windows", "windows_all_keys")]
        said += f"; {', '.join(r.config['corpora'])}: {counted[0]} windows, {counted[1]} in all keys"
    if names:
        parts["the corpus"] = names == {"lakh"}
        said += f"; data: {', '.join(sorted(names))}"
    return parts, said


WHY = {
    "CF-F1": "The paper shows one pair. Here all test pairs are counted, with the statistics of its Figure 5 for its words.",
    "CF-F2": "The paper shows one pair, and no number. Its *d*<sub>s</sub> and number of steps are not given: not reproduced, which is less than refuted for good.",
    "CF-F4": "The paper prints curves without intervals, and no table. Its corpus, widths and steps are larger, or not given.",
    "CF-F5": "The paper prints pictures; its bins, its key estimator and its lambda are not given.",
    "CF-F6": "The unit is the encoder's own doubt, which hangs on the weight of the divergence: not given. Corpora differ, too.",
    "CF-F7": "The paper reads it off curves, without intervals.",
    "CF-R": "Other music, far fewer songs to learn from, and a transformer that reads beats and is told which are alike. A value to match: a judge that is more right is no better result.",
    "CF-C1": "An argument of the paper, which it does not measure.",
    "CF-D": "The Lakh files are a large download, and the terms of their music are unknown. The data set of this page is named.",
}


def _failing(parts):
    """Which parts fail, and which cannot be told, in words."""
    states = {"fails": False, "cannot be told": None}
    lists = {
        words: [part for part, holds in parts.items() if holds is state]
        for words, state in states.items()
    }
    return "".join(
        f"; *{words}*: {', '.join(named)}" for words, named in lists.items() if named
    )


def _papers_words():
    """What the paper shows or says, by row, with the place."""
    words = {
        name: (PAPER["figures"][name]["where"], "; ".join(FIGURES[name[3:]]["sees"]))
        for name in ("CF-F1", "CF-F2", "CF-F5")
    }
    words |= {name: (where, said) for name, (where, said) in PAPER["claims"].items()}
    judged = f"accuracy {REALITY['accuracy']:g}, mean output on real melodies {REALITY['mean_real']:g}"
    s = PAPER["settings"]["CF-D"]
    drawn = f"{number(s['values']['files'])} files, dealt by song {':'.join(map(str, s['values']['parts'].values()))}, in all keys that fit"
    return words | {
        "CF-R": (PAPER["tables"]["CF-R"]["where"], judged),
        "CF-D": (s["where"], drawn),
    }


def paper_and_ours(records, arrays=None):
    """The paper's figures, numbers and claims, tried on our records. CF-F3, a diagram, has
    no verdict.

    What each must do to hold stands here, part by part; a claim is confirmed if all of its
    parts hold, partly if some do.

    - CF-F1, at lambda 2 on test inputs: after three iterations the correlations of key
      ("pitch sets align") and of mean duration ("durations become more uniform") are above
      those of the inputs as they are; every iteration is farther from the inputs.
    - CF-F2: the metric ``style_distance`` of ours at lambda 0.3, the z-distance of one
      pair's results in two styles, is above 1.
    - CF-F4: for each of six metrics, ours is more often above Latent Perturb at equal
      z-distance than below, over lambdas and inputs; and the larger two lambdas are above
      in a larger share of comparisons than the smaller two.
    - CF-F5: each of the five correlations of ours at lambda 0.3 is above that of the inputs
      as they are.
    - CF-F6: z-distances below 1, and below 3, are at least 100 times as frequent within
      songs as between (none between counts as 3 / n).
    - CF-F7: for each metric, a larger lambda, iterated, is below a smaller one, once, in at
      most half of comparisons at equal z-distance.
    - CF-R: the intervals of the judge's accuracy and of its mean output on real melodies
      reach the paper's numbers, or lie above.
    - CF-C1: CF-F6's part for 3 holds; the transformation takes fewer minutes to learn than
      the VAE; the third part is by construction, and cannot be told.
    - CF-D: the numbers of section 3.1 are those of the code; the corpus is the paper's.

    "Above" always means intervals apart.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.
    arrays : dict of str to ndarray, optional
        By default what ships, see
        `fusiontools.papers.connective_fusion.evidence.summaries.measured`.

    Returns
    -------
    Table
        Each row has ``id``, ``where``, ``paper``, ``parts`` (from each part to whether it
        holds), ``numbers``, ``verdict`` (see `outcome`), ``why`` (why ours may differ).
    """
    records = choose(records)
    found, arrays = rows(records), measured() if arrays is None else arrays
    trials = {
        "CF-F1": _f1(found),
        "CF-F2": _f2(found),
        "CF-F4": _f4(found),
        "CF-F5": _f5(found),
        "CF-F6": _f6(arrays),
    }
    trials |= {
        "CF-F7": _f7(found),
        "CF-R": _r(found),
        "CF-C1": _c1(found, arrays),
        "CF-D": _d(records),
    }
    words, made = _papers_words(), []
    for name, (parts, said) in trials.items():
        own = {
            "id": name,
            "where": words[name][0],
            "paper": words[name][1],
            "parts": parts,
            "numbers": said + _failing(parts),
        }
        made.append(own | {"verdict": outcome(parts.values()), "why": WHY[name]})
    columns = {
        "": lambda row: row["id"].replace("-", "\N{NON-BREAKING HYPHEN}"),
        "the paper": lambda row: f"{row['paper']} ({row['where']})",
        "ours": lambda row: f"**{row['verdict']}**: {row['numbers']}",
        "why they may differ": lambda row: row["why"],
    }
    return Table(made, columns)
