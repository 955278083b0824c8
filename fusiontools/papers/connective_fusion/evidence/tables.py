"""The tables of chapter 4, Connective Fusion: all methods, ours against Latent Perturb at
equal distance, the VAE, the judges, ablations.

Every number comes from a record, from the arrays beside the records, or from the paper.
Nothing is measured here. `found` is what `rows_of` makes of records.
"""

from fusiontools.papers.connective_fusion.config import LAMBDAS
from fusiontools.papers.connective_fusion.data import PARTS
from fusiontools.papers.connective_fusion.evidence import claims, paper
from fusiontools.papers.connective_fusion.evidence.paper import METRICS, MIDDLE, name_of
from fusiontools.report.rows import Measured, choose, rows, shipped_arrays
from fusiontools.report.tables import NOTHING, Table, cell, number, per_cent, shown

__all__ = ["ablations", "copies", "correlations", "equal_distance", "gains"]
__all__ += ["iterated_or_smaller", "judges", "methods", "motifs", "paired", "parts"]
__all__ += ["reasons", "rows_of", "seeds", "song_distances", "style_differences", "vaes"]

INTERVALS = "In brackets: 95 % intervals, over songs (of a pair, both are drawn again)."
JUDGED = {said: shown(name) for name, said in paper.JUDGES.items()}
DISTANCE = {"*z*-distance": shown("z_distance", digits=1)}
JOINS = {"key": shown("key_corr"), "PT": shown("pt_corr")}
MINUTES = {"min": shown("minutes", number, 1)}
CAPTIONS = {  # under the tables
    "methods": "Mean reality by three judges; above ½: how many of the melodies the "
    "transformer takes for whole. Copied: runs of 8 notes that are in the training songs, "
    f"too. {INTERVALS}",
    "paired": "Ours minus Latent Perturb at the same *z*-distance, on the same pairs: mean "
    "differences of reality, by three judges. **Above**, **below**: the interval lies on "
    f"that side of 0. {INTERVALS}",
    "gains": "Reality minus that of the two ideas side by side, on the same pairs, by "
    f"three judges. {INTERVALS}",
    "motifs": "Motifs: of the second half's bars those that stand in the first one "
    f"already, rhythm and intervals alike, at any pitch. Then mean reality. {INTERVALS}",
    "correlations": "Pearson's correlation of each Markov matrix with that of real test "
    "melodies. The row of other real melodies, as many as the others, is a guide and no "
    f"ceiling: they are of other songs than the inputs and the matrices. {INTERVALS} "
    "Intervals of correlations are mirrored (“basic”), for few melodies make a "
    "correlation too low: they may lie above the value.",
    "perturb": "**Above**, **below**: ours, where the 95 % intervals are apart (reality: "
    "that of the differences, pair by pair, from 0); else *level*; then ours against "
    "Latent Perturb's. *Outside*: of its span of *z*-distances.",
    "iterated": "**Above**, **below**: the larger λ, iterated, where the 95 % intervals "
    "are apart; *level* where they overlap; then its number against that of the smaller λ, "
    "once. *Outside*: of its iterations' span of *z*-distances.",
    "ablations": "Min: of training, the shared VAE left out. Styles demanded: with a term "
    "of ours that keeps two styles of one pair apart. As printed: Eq. 3's loss as the "
    "paper prints it. Fakes weighted down: each of the four fake terms counts a quarter, "
    "so that half of what D sees is real. In brackets: 95 % intervals, over songs; of the "
    "last three, whose weights do not ship, over pairs, and with no third judge.",
    "seeds": "A VAE and a generator of its own for each seed; the same pairs. In brackets: "
    "95 % intervals, over songs for seed 0, over pairs for the others, whose weights do "
    "not ship.",
    "judges": "Of real melodies and of pairs of halves from two of them. Judges of train‑1 "
    "guide Latent Perturb; those of train‑2 measure. In brackets: 95 % intervals, over "
    "songs.",
    "vaes": "Onsets right: where a note starts, a note of the same pitch starts again. All "
    "hold: what a guess that is always “hold” scores. Nats: the divergence of Eq. 1. In "
    "brackets: 95 % intervals, over windows.",
    "distances": "Pairs of halves; identical ones are counted and left out. At least: "
    "where none was found, with 95 % of confidence.",
}


def rows_of(records, arrays=None):
    """Records of one data set and one scale as rows, see `fusiontools.report.rows.rows`.
    Those of the method "data", which count windows, are no rows.

    Beside the rows stand ``runs``, all records, and ``measured``: the `arrays` that
    ``..evidence.metrics.figures`` counts, by default those of the weights that ship.
    """
    records = choose(records)
    shipped = shipped_arrays("connective_fusion", "measured.npz")
    beside = {"measured": shipped if arrays is None else Measured(arrays)}
    models = [r for r in records if r.method != "data"]
    return rows(models, paper.KNOBS, paper.SHORT, paper.FIRST, runs=records, **beside)


def methods(found, inputs="test"):
    """All methods, once: what the judges say, how far from the inputs, what is copied, what
    it cost. Trivial baselines and real melodies always have a row.
    """
    columns = {"method": name_of} | JUDGED
    columns |= {"above ½": shown("joined_share", per_cent, 0)} | DISTANCE
    columns |= {"copied": shown("copied_8gram", per_cent, 1)} | MINUTES
    return Table(_listed(found, inputs), columns, CAPTIONS["methods"])


def correlations(found, inputs="test"):
    """All methods, once: five correlations with real melodies; rows as in `methods`."""
    columns = {"method": name_of}
    columns |= {said: shown(name) for name, said in paper.CORRELATIONS.items()}
    columns["*z*-distance"] = _distance
    return Table(_listed(found, inputs), columns, CAPTIONS["correlations"])


def _listed(found, inputs):
    """Ours once, Latent Perturb, then what is trivial and what is real, measured or not."""
    kept = found.every("ours", "latent_perturb", inputs=inputs)
    for name in paper.TRIVIAL:
        kept += found.every(name, inputs=inputs) or [Measured(method=name)]
    # real melodies are the same, whatever the others began with
    return kept + (found.every("real")[:1] or [Measured(method="real")])


def _distance(row):
    return number(row["z_distance"]["mean"], 1) if row.get("z_distance") else NOTHING


def equal_distance(found, inputs):
    """Section 3.5 and Figure 4: ours, once, against Latent Perturb at equal z-distance.

    A row for each of ``...evidence.claims.against_perturb``, a line for each lambda.
    """
    made = [v for v in claims.against_perturb(found) if v["inputs"] == inputs]
    name = "{inputs}, λ {similarity:g}"
    return _side_by_side(made, METRICS, name, CAPTIONS["perturb"])


def paired(found, inputs="test"):
    """Ours minus Latent Perturb at equal z-distance, pair by pair, by three judges: once
    for each lambda, and the largest lambda after its iterations.
    """
    kept = found.every("ours", inputs=inputs)
    kept += found.every("iterated", inputs=inputs, similarity=LAMBDAS[-1])
    columns = {"": name_of} | DISTANCE
    for name, said in paper.PAIRED.items():
        columns[said] = lambda row, name=name: _signed(row.get(name))
    return Table(kept, columns, CAPTIONS["paired"])


def _signed(gap):
    """A difference in a cell, with its verdict."""
    if gap is None:
        return NOTHING
    word = claims.compare(gap, claims.ZERO)
    word = "*level*" if word == "no difference" else f"**{word}**"
    return f"{word} {'+' if gap['mean'] > 0 else ''}{cell(gap)}"


def gains(found):
    """How much more real than side by side, on the same test pairs, by three judges."""
    kept = found.every("ours", "latent_perturb", *paper.TRIVIAL[1:], inputs="test")
    columns = {"method": name_of} | DISTANCE
    columns |= {said: shown(name) for name, said in paper.GAINS.items()}
    return Table(kept, columns, CAPTIONS["gains"])


def motifs(found):
    """How many bars of the second half the first one has already, and what that costs."""
    asked = {"inputs": "test", "iterations": 1}
    kept = found.every("real")[:1] + found.every("concatenate", inputs="test")
    kept += found.every("ours", **asked)
    kept += found.every("styled", "motif_choice", inputs="test")
    columns = {"method": name_of, "motifs": shown("motifs", per_cent)} | JUDGED | DISTANCE
    return Table(kept, columns, CAPTIONS["motifs"])


def iterated_or_smaller(found, inputs):
    """Section 3.6 and Figure 7: a larger lambda, iterated, against a smaller one, once, at
    equal z-distance: ``...evidence.claims.iterated_against_single``, exchanged.
    """
    made = [v for v in claims.iterated_against_single(found) if v["inputs"] == inputs]
    made = [v | {"ours": v["other"], "other": v["ours"]} for v in made]
    name = "{inputs}, λ {larger:g} against {similarity:g}"
    return _side_by_side(made, METRICS, name, CAPTIONS["iterated"])


def _side_by_side(made, metrics, name, caption):
    """A table of comparisons: a line for each method, a column for each metric."""
    lines = {}
    for v in made:
        head = f"{name.format(**v)}<br>*z* {number(v['distance'], 1)}"
        lines.setdefault(head, {"": head})[v["metric"]] = _compared(v)
    columns = {"": lambda line: line[""]}
    for metric, said in metrics.items():
        columns[said] = lambda line, metric=metric: line.get(metric, NOTHING)
    return Table(made, columns, caption, list(lines.values()))


def _compared(v):
    """A comparison in a cell."""
    if v["verdict"] == "outside":
        span = "–".join(number(z, 1) for z in v["span"] or ())
        return f"*outside* {span}".strip()
    word = "*level*" if v["verdict"] == "no difference" else f"**{v['verdict']}**"
    return f"{word}<br>{number(v['ours']['mean'], 2)} : {number(v['other']['mean'], 2)}"


def ablations(found):
    """Ours beside itself with one thing changed, at one lambda, on test inputs."""
    kept = found.every("ours", inputs="test", similarity=MIDDLE, iterations=1)
    for name in paper.ABLATIONS:
        kept += found.every(name, inputs="test")
    columns = {"": name_of} | JUDGED | DISTANCE | JOINS | MINUTES
    return Table(kept, columns, CAPTIONS["ablations"])


def seeds(records):
    """Ours at the middle lambda, trained with several seeds, the VAE too: what a training
    decides, beside what a pair does. `records` are of all seeds; each row has its ``seed``.
    """
    made, records = [], choose(records)
    asked = {"inputs": "test", "similarity": MIDDLE, "iterations": 1}
    for seed in sorted({r.seed for r in records}):
        found = rows_of(r for r in records if r.seed == seed)
        made += [row | {"seed": seed} for row in found.every("ours", **asked)]
    columns = {"seed": lambda row: row["seed"]} | JUDGED | DISTANCE | JOINS
    return Table(made, columns, CAPTIONS["seeds"])


def style_differences(found, most=3):
    """How much a style decides: what two random styles make of one pair, for the paper's
    objective after up to `most` iterations, and for the one with our term.
    """
    ours = found.every("ours", "iterated", inputs="test", similarity=MIDDLE)
    kept = [row for row in ours if row["iterations"] <= most]

    def name(row):
        return f"ours, {row['iterations']} times" if row["iterations"] else name_of(row)

    columns = {
        "": name,
        "pairs that differ": lambda row: f"{row['style_pairs']['mean']:.0%}",
        "tokens that differ": lambda row: f"{row['style_tokens']['mean']:.1%}",
        "*z*-distance between styles": lambda row: f"{row['style_distance']['mean']:.2f}",
    }
    return Table(kept + found.every("styled", inputs="test"), columns)


def copies(found):
    """How much is copied after so many applications; each row has ``similarity`` and
    ``copied``, from numbers of iterations to shares.
    """
    made = []
    for weight in LAMBDAS:
        path = found.every("ours", "iterated", inputs="test", similarity=weight)
        copied = {row["iterations"]: row["copied_8gram"]["mean"] for row in path}
        made.append({"similarity": weight, "copied": copied})
    columns = {"*λ*": lambda row: f"{row['similarity']:g}"}
    for k in sorted(set().union(*(row["copied"] for row in made))):
        columns[f"{k} x"] = lambda row, k=k: f"{row['copied'][k]:.1%}"
    return Table(made, columns)


def judges(found):
    """Section 3.4: the judges on songs that they have never heard, under the paper's."""
    printed = {name: {"mean": value} for name, value in paper.REALITY.items()}
    made = [{"kind": "paper", "part": "train-2"} | printed, *found.every("reality")]
    kinds = {"paper": "*the paper's transformer*"} | paper.KINDS
    columns = {
        "judge": lambda row: kinds[row["kind"]],
        "learned from": lambda row: row["part"].replace("-", "\N{NON-BREAKING HYPHEN}"),
        "accuracy": shown("accuracy", digits=3),
        "mean, real": shown("mean_real", digits=3),
        "mean, shuffled": shown("mean_shuffled", digits=3),
    }
    return Table(made, columns, CAPTIONS["judges"])


def reasons(judge, most=6):
    """What the judge that weighs features listens to: a ``share`` for each ``feature``."""
    made = [{"feature": name, "share": share} for name, share in judge.reasons(most)]
    columns = {"feature": lambda row: row["feature"]}
    return Table(made, columns | {"share": lambda row: f"{row['share']:.0%}"})


def vaes(found):
    """How well each decoder gives melodies back that it has not learned from."""
    columns = {
        "decoder": lambda row: row["decoder"],
        "tokens right": shown("token_accuracy", per_cent, 1),
        "onsets right": shown("onset_pitch_accuracy", per_cent, 1),
        "tokens, all hold": shown("hold_accuracy", per_cent, 1),
        "nats a half": shown("kl", digits=0),
    }
    return Table(found.every("vae"), columns | MINUTES, CAPTIONS["vaes"])


def song_distances(found):
    """Figure 6 in numbers: which shares of z-distances lie below 1 and below 3.

    Each row has ``pairs`` ("within" songs or "between"), ``keys``, ``counted``,
    ``identical`` (pairs left out), and ``below``, from each threshold to a share. A last
    line says how many times as rare between songs is.
    """
    arrays, made, lines = found.beside["measured"], [], []
    thresholds = paper.FIGURE_6["thresholds"]
    keys = {"distance": "in all keys", "distance_own": "in the keys they were found in"}
    for name, said in keys.items():
        if f"{name}_below" not in arrays:
            continue
        shares = arrays[f"{name}_below"].tolist()
        counts = arrays[f"{name}_pairs"].reshape(2, 2).T.tolist()
        for kind, below, (counted, identical) in zip(("within", "between"), shares, counts):
            row = {"pairs": kind, "keys": said, "counted": counted, "identical": identical}
            made.append(row | {"below": dict(zip(thresholds, below))})
            line = [f"{kind} songs, {said}", number(counted), number(identical)]
            lines.append(line + [f"{100 * share:.3g} %" for share in below])
        lines.append(["within, over between", "", ""])
        for within, between in zip(*shares):
            # none of n: with 95 % of confidence at most 3 / n
            ratio = within / (between or 3 / counted)
            times = f"{number(ratio, 1 if ratio < 10 else 0)} times"
            lines[-1].append(times if between else f"at least {times}")
    heads = ["", "counted", "identical", *(f"below {t:g}" for t in thresholds)]
    columns = {head: lambda line, i=i: line[i] for i, head in enumerate(heads)}
    return Table(made, columns, CAPTIONS["distances"], lines)


def parts(windows):
    """The data, part by part: how many ``windows``, in all ``keys``, of how many songs."""
    made = []
    for part in PARTS:
        songs = len(set(windows.songs(part).tolist()))
        row = {"part": part, "windows": len(windows.tokens(part)), "songs": songs}
        made.append(row | {"keys": windows.keys(part)})
    columns = {"part": lambda row: row["part"], "windows here": shown("windows", number, 0)}
    columns |= {"in all keys": shown("keys", number, 0), "songs": shown("songs", number, 0)}
    return Table(made, columns)
