"""The tables of the Connective Fusion chapter: all methods, ours against Latent Perturb at
equal distance, the VAE, the judges, ablations.

Every number comes from a record, from the arrays beside the records, or from
``fusiontools.papers.connective_fusion.evidence.paper``. Nothing is measured here.
"""

from fusiontools.papers.connective_fusion.evidence.claims import (
    against_perturb,
    iterated_against_single,
    paper_and_ours,
)
from fusiontools.papers.connective_fusion.evidence.paper import FIGURES, REALITY
from fusiontools.papers.connective_fusion.evidence.summaries import (
    ABLATIONS,
    CORRELATIONS,
    METRICS,
    MIDDLE,
    NOTHING,
    SHORT,
    TRIVIAL,
    cell,
    choose,
    find,
    measured,
    name_of,
    number,
    per_cent,
    rows,
    select,
)
from fusiontools.papers.connective_fusion.evidence.targets import targets
from fusiontools.score.tables import Table

__all__ = [
    "SHORT",
    "ablations",
    "choose",
    "correlations",
    "equal_distance",
    "iterated_or_smaller",
    "judges",
    "methods",
    "paper_and_ours",
    "seeds",
    "song_distances",
    "targets",
    "vaes",
]

INTERVALS = "In brackets: 95 % intervals, over pairs; each model is one training (seed 0)."
OF_SONGS = "In brackets: 95 % intervals, over songs."
BASIC = "Intervals of correlations are mirrored (“basic”), for few melodies make a correlation too low: they may lie above the value."
ALWAYS = ("real", *TRIVIAL)  # no method is shown without these beside it


def _listed(records, inputs):
    """The rows of the tables of methods: ours once, Latent Perturb, then what is trivial
    and what is real.
    """
    found = rows(records)
    kept = select(found, "ours", "latent_perturb", inputs=inputs)
    for name in (*TRIVIAL, "real"):
        blank = {
            "method": name,
            "inputs": inputs,
            "similarity": None,
            "sigma": None,
            "iterations": None,
            "runs": 0,
            "minutes": None,
        }
        # real melodies are the same, whatever the others began with
        kept.append(
            find(found, name, inputs=inputs)
            or (find(found, name) if name == "real" else None)
            or blank
        )
    return kept


def _shown(metric, made=cell, digits=2):
    return lambda row: made(row.get(metric), digits)


def methods(records, inputs="test"):
    """All methods: what the judges say, how far from the inputs, what is copied, what it
    cost.

    The trivial baselines and the real melodies always have a row. Iterated transformation
    is in `iterated_or_smaller`.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.
    inputs : {"test", "prior"}

    Returns
    -------
    Table
        Rows as `fusiontools.papers.connective_fusion.evidence.summaries.rows` gives them.
    """
    columns = {
        "method": name_of,
        "reality, median": _shown("reality_median"),
        "mean": _shown("reality"),
        "above ½": _shown("joined_share", per_cent, 0),
        "second judge": _shown("reality_features"),
        "*z*-distance": _shown("z_distance", digits=1),
        "copied": _shown("copied_8gram", per_cent, 1),
        "min": lambda row: number(row["minutes"], 1),
    }
    told = "Reality: the judge's belief that both halves belong together; above ½: how many of the melodies it takes for whole. "
    told += "Second judge: mean reality by boosted trees over features. Copied: runs of 8 notes that are in the training songs, too."
    return Table(_listed(records, inputs), columns, f"{told} {INTERVALS}")


def correlations(records, inputs="test"):
    """All methods: the five correlations with real melodies, and the z-distance. Parameters
    and rows as in `methods`.
    """
    columns = {"method": name_of} | {
        said: _shown(f"{name}_corr") for name, said in CORRELATIONS.items()
    }
    columns["*z*-distance"] = lambda row: (
        number(row["z_distance"]["mean"], 1) if row.get("z_distance") else NOTHING
    )
    told = "Pearson's correlation of each Markov matrix with that of real test melodies. The row of other real melodies, as many as the "
    told += "others, is a guide and no ceiling: they are of other songs than the inputs and the matrices."
    return Table(_listed(records, inputs), columns, f"{told} {INTERVALS} {BASIC}")


def equal_distance(records, inputs=None):
    """Ours, once, against Latent Perturb at equal z-distance: each metric, each lambda,
    test and prior inputs.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.
    inputs : {"test", "prior"}, optional
        By default both.

    Returns
    -------
    Table
        A row for each comparison, see
        ``fusiontools.papers.connective_fusion.evidence.claims.against_perturb``. Latent Perturb's
        numbers are on straight lines between those steps that were measured. A line is
        shown for each lambda and kind of inputs. Beside the six metrics stands the second
        judge, which Latent Perturb's own judge is no kin of.

    References
    ----------
    Connective Fusion, section 3.5 and Figure 4.
    """
    metrics = METRICS | {"reality_features": "second judge"}
    made = [
        v for v in against_perturb(rows(records), metrics) if inputs in (None, v["inputs"])
    ]
    told = "**Above**, **below**: ours, where the 95 % intervals are apart; *level* where they overlap; then ours against Latent Perturb's. "
    return _side_by_side(
        made,
        metrics,
        lambda v: f"{v['inputs']}, λ {v['similarity']:g}",
        told + "*Outside*: of its span of *z*-distances.",
    )


def iterated_or_smaller(records, inputs=None):
    """A larger lambda, iterated, against a smaller one, once, at equal z-distance.

    Returns
    -------
    Table
        A row for each comparison, see
        ``fusiontools.papers.connective_fusion.evidence.claims.iterated_against_single``.

    References
    ----------
    Connective Fusion, section 3.6 and Figure 7.
    """
    made = [
        v | {"ours": v["other"], "other": v["ours"]}
        for v in iterated_against_single(rows(records))
    ]
    made = [v for v in made if inputs in (None, v["inputs"])]
    told = "**Above**, **below**: the larger λ, iterated, where the 95 % intervals are apart; *level* where they overlap; then its number "
    told += "against that of the smaller λ, once. *Outside*: of its iterations' span of *z*-distances."
    return _side_by_side(
        made,
        METRICS,
        lambda v: f"{v['inputs']}, λ {v['larger']:g} against {v['similarity']:g}",
        told,
    )


def _side_by_side(made, metrics, name, told):
    """A table of comparisons: a line for each method, a column for each metric."""
    lines = {}
    for v in made:
        lines.setdefault((name(v), v["distance"]), {})[v["metric"]] = v
    lines = [
        {"name": f"{said}<br>*z* {number(z, 1)}"} | cells
        for (said, z), cells in lines.items()
    ]
    columns = {"": lambda line: line["name"]} | {
        said: lambda line, m=m: _both(line.get(m)) for m, said in metrics.items()
    }
    return Table(made, columns, told, lines)


def _both(v):
    """A comparison in a cell."""
    if v is None:
        return NOTHING
    words = {
        "above": "**above**",
        "below": "**below**",
        "no difference": "*level*",
        "outside": "*outside*",
    }[v["verdict"]]
    if v["verdict"] == "outside":
        return (
            f"{words} {'–'.join(number(z, 1) for z in v['span'])}" if v["span"] else words
        )
    return f"{words}<br>{number(v['ours']['mean'], 2)} : {number(v['other']['mean'], 2)}"


def ablations(records):
    """Ours beside itself with one thing changed, at one lambda, on test inputs.

    Returns
    -------
    Table
        Rows as in `methods`.
    """
    found = rows(records)
    kept = select(found, "ours", inputs="test", similarity=MIDDLE, iterations=1)
    kept += [row for name in ABLATIONS for row in select(found, name, inputs="test")]
    columns = {
        "": lambda row: name_of(row) if row["method"] == "ours" else SHORT[row["method"]],
        "reality, median": _shown("reality_median"),
        "mean": _shown("reality"),
        "second judge": _shown("reality_features"),
        "*z*-distance": _shown("z_distance", digits=1),
        "key": _shown("key_corr"),
        "PT": _shown("pt_corr"),
        "min": lambda row: number(row["minutes"], 1),
    }
    told = (
        "Min: of training, the shared VAE left out. Styles demanded: with a term of ours that keeps two styles of one pair apart. As printed: Eq. 3's loss as the paper prints it. "
        "Fakes weighted down: each of the four fake terms counts a quarter, so that half "
    )
    return Table(kept, columns, told + f"of what D sees is real. {INTERVALS}")


def judges(records):
    """The judges of reality on songs that they have never heard, under the paper's.

    Returns
    -------
    Table
        Each row has ``kind``, ``part`` and, as summaries or None, ``accuracy``,
        ``mean_real``, ``mean_shuffled``; the first is the paper's.

    References
    ----------
    Connective Fusion, section 3.4.
    """
    printed = {
        name: {"mean": REALITY[name], "low": None, "high": None}
        for name in ("accuracy", "mean_real")
    }
    made = [
        {"kind": "paper", "part": "train-2"} | printed,
        *select(rows(records), "reality"),
    ]
    kinds = {
        "paper": "*the paper's transformer*",
        "transformer": "transformer",
        "features": "boosted trees",
    }
    columns = {
        "judge": lambda row: kinds.get(row["kind"], row["kind"]),
        "learned from": lambda row: row["part"].replace("-", "\N{NON-BREAKING HYPHEN}"),
        "accuracy": _shown("accuracy", digits=3),
        "mean, real": _shown("mean_real", digits=3),
        "mean, shuffled": _shown("mean_shuffled", digits=3),
    }
    told = "Of real melodies and of pairs of halves from two of them. Judges of train\N{NON-BREAKING HYPHEN}1 guide Latent Perturb; those of "
    return Table(made, columns, told + f"train\N{NON-BREAKING HYPHEN}2 measure. {OF_SONGS}")


def vaes(records):
    """How well each decoder gives melodies back that it has not learned from.

    Returns
    -------
    Table
        Each row has ``decoder`` and, as summaries or None, ``token_accuracy``,
        ``onset_pitch_accuracy``, ``hold_accuracy``, ``kl``.
    """
    columns = {
        "decoder": lambda row: row["decoder"],
        "tokens right": _shown("token_accuracy", per_cent, 1),
        "onsets right": _shown("onset_pitch_accuracy", per_cent, 1),
        "tokens, all hold": _shown("hold_accuracy", per_cent, 1),
        "nats a half": _shown("kl", digits=0),
        "min": lambda row: number(row["minutes"], 1),
    }
    told = "Onsets right: where a note starts, a note of the same pitch starts again. All hold: what a guess that is always “hold” scores. "
    told += "Nats: the divergence of Eq. 1. In brackets: 95 % intervals, over windows."
    return Table(select(rows(records), "vae"), columns, told)


def song_distances(arrays=None):
    """Figure 6 in numbers: which shares of z-distances lie below 1 and below 3, within
    songs and between.

    Parameters
    ----------
    arrays : dict of str to ndarray, optional
        See ``fusiontools.papers.connective_fusion.evidence.summaries.measured``.

    Returns
    -------
    Table
        Each row has ``pairs`` ("within" or "between"), ``keys``, ``counted``, ``identical``
        (pairs left out), and ``below``, from each threshold to a share. A last line says
        how many times as rare between songs is.

    References
    ----------
    Connective Fusion, section 3.4 and Figure 6.
    """
    arrays = measured() if arrays is None else arrays
    thresholds, made, lines = FIGURES["F6"]["thresholds"], [], []
    for prefix, said in (
        ("distance", "in all keys"),
        ("distance_own", "in the keys they were found in"),
    ):
        if f"{prefix}_below" not in arrays:
            continue
        for i, kind in enumerate(("within", "between")):
            shares = dict(zip(thresholds, arrays[f"{prefix}_below"][i].tolist()))
            counted, identical = (int(arrays[f"{prefix}_pairs"][k]) for k in (i, 2 + i))
            made.append(
                {
                    "pairs": kind,
                    "keys": said,
                    "counted": counted,
                    "identical": identical,
                    "below": shares,
                }
            )
            line = {
                "": f"{kind} songs, {said}",
                "counted": number(counted),
                "identical": number(identical),
            }
            lines.append(
                line
                | {f"below {t:g}": f"{100 * share:.3g} %" for t, share in shares.items()}
            )
        # none of n: with 95 % of confidence at most 3 / n
        pairs = {t: [row["below"][t] for row in made[-2:]] for t in thresholds}
        times = {}
        for t, (a, b) in pairs.items():
            ratio = a / (b or 3 / made[-1]["counted"])
            times[f"below {t:g}"] = (
                f"{'' if b else 'at least '}{number(ratio, 1 if ratio < 10 else 0)} times"
            )
        lines.append({"": "within, over between", "counted": "", "identical": ""} | times)
    names = ("", "counted", "identical", *(f"below {t:g}" for t in thresholds))
    told = "Pairs of halves; identical ones are counted and left out. At least: where none was found, with 95 % of confidence."
    return Table(made, {name: lambda line, n=name: line[n] for name in names}, told, lines)


def seeds(records):
    """Ours at the middle lambda, trained with several seeds, the VAE too: what a training
    decides, beside what a pair does.

    Parameters
    ----------
    records : iterable of Record or dict
        Of all seeds.

    Returns
    -------
    Table
        Each row has ``seed`` and, as summaries, the metrics of ours on test inputs, once.
    """
    made = []
    for seed in sorted({r.seed for r in choose(records)}):
        row = find(
            rows([r for r in choose(records) if r.seed == seed]),
            "ours",
            inputs="test",
            similarity=MIDDLE,
            iterations=1,
        )
        made += [row | {"seed": seed}] if row else []
    columns = {"seed": lambda row: str(row["seed"])} | {
        "reality, median": _shown("reality_median"),
        "mean": _shown("reality"),
        "second judge": _shown("reality_features"),
        "*z*-distance": _shown("z_distance", digits=1),
        "key": _shown("key_corr"),
        "PT": _shown("pt_corr"),
    }
    return Table(
        made,
        columns,
        "A VAE and a generator of its own for each seed; the same pairs. In brackets: 95 % intervals, over pairs.",
    )
