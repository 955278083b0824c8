"""What the Connective Fusion paper shows and claims, and what chapter 4 set itself, tried
on rows of records. The words are the paper's, every number is computed.

What each claim must do to hold stands in its function, part by part. One number is above
another only if their intervals are apart; what was made of the same pairs is compared pair
by pair, where records have that difference: it is above where its interval is above 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.music.grid import HIGH, LOW
from fusiontools.papers.connective_fusion.data import PARTS, STEPS
from fusiontools.papers.connective_fusion.evidence import paper
from fusiontools.papers.connective_fusion.evidence.paper import (
    GAINS,
    KINDS,
    METRICS,
    MIDDLE,
    name_of,
)
from fusiontools.report import claims as report
from fusiontools.report.claims import Claim, Goal
from fusiontools.report.rows import NotMeasured, end, less
from fusiontools.report.tables import cell, number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Measured, Rows


__all__ = ["CLAIMS", "GOALS", "against_perturb", "at_distance", "claims_table"]
__all__ += ["compare", "goals_table", "iterated_against_single", "placed"]

SEVERAL_ORDERS = 100  # times as rare: "several orders of magnitude", at the least
VERDICTS = ("above", "below", "no difference", "outside")
TURNED = {"above": "below", "below": "above"}
ACCURACY, TOKENS, ONSETS = 0.95, 0.95, 0.80  # of the judge; what the VAE gives back
RISE, NEAR = 0.2, 3.0  # of the mean reality, and within which z-distance
ZERO = {"mean": 0.0}


# --- comparisons at equal z-distance ---


def compare(x: dict[str, float | None], y: dict[str, float]) -> str:
    """Where one summary lies beside another; "no difference" where intervals overlap."""
    return {True: "above", False: "below", None: "no difference"}[less(y, x)]


def at_distance(path: Sequence[Measured], metric: str, distance: float) -> dict[str, float]:
    """A metric at a z-distance, on straight lines between the rows of `path` that have it:
    ``{"mean", "low", "high"}``, or None outside their span.

    Examples
    --------
    >>> path = [{"z_distance": {"mean": z}, "key": {"mean": 2 * z}} for z in (1, 3)]
    >>> at_distance(path, "key", 2)["mean"], at_distance(path, "key", 5)
    (4.0, None)
    """
    path = sorted(placed(path, metric), key=_far)
    if not path or not _far(path[0]) <= distance <= _far(path[-1]):
        return None
    ends = {k: [end(row[metric], k) for row in path] for k in ("mean", "low", "high")}
    where = [_far(row) for row in path]
    return {k: float(np.interp(distance, where, values)) for k, values in ends.items()}


def placed(rows: Sequence[Measured], metric: str) -> list[Measured]:
    """Those rows that have the metric, and a z-distance."""
    return [row for row in rows if row.get(metric) and row.get("z_distance")]


def _far(row):
    return row["z_distance"]["mean"]


def _compared(row, metrics, path, **about):
    """A row beside a path, at the row's z-distance: a comparison for each metric."""
    made = []
    for metric in [metric for metric in metrics if placed([row], metric)]:
        ours, distance = row[metric], _far(row)
        other = at_distance(path, metric, distance)
        own = {"inputs": row["inputs"], "similarity": row["similarity"], "metric": metric}
        own |= {"distance": distance, "ours": ours, "other": other} | about
        own["verdict"] = "outside" if other is None else compare(ours, other)
        made.append(own)
    return made


def against_perturb(
    found: Rows, metrics: Sequence[str] = tuple(METRICS)
) -> list[dict[str, float | str]]:
    """Ours, once, against Latent Perturb "at each transformation amount", section 3.5.

    A comparison for each metric, lambda and kind of inputs, a dict: ``inputs``,
    ``similarity``, ``metric``, ``distance``, ``ours``, ``other`` (Latent Perturb there, or
    None), ``paired`` (the mean difference pair by pair, or None), and ``verdict``: what
    ours is, "above", "below", "no difference", or "outside" Latent Perturb's distances.
    """
    made = []
    for row in found.every("ours", iterations=1):
        path = found.every("latent_perturb", inputs=row["inputs"])
        for v in _compared(row, metrics, path):
            gap = row.get(f"paired_{v['metric']}")
            verdict = v["verdict"] if gap is None else compare(gap, ZERO)
            made.append(v | {"paired": gap, "verdict": verdict})
    return made


def iterated_against_single(
    found: Rows, metrics: Sequence[str] = tuple(METRICS)
) -> list[dict[str, float | str]]:
    """A larger lambda, iterated, against a smaller one, once, section 3.6.

    As `against_perturb` has it, with ``larger``, the lambda that was iterated: ``ours`` is
    the smaller lambda once, ``other`` the larger one along its iterations, and ``verdict``
    what the larger one is.
    """
    singles, made = found.every("ours", iterations=1), []
    lambdas = sorted({row["similarity"] for row in singles})
    for row in singles:
        for larger in [weight for weight in lambdas if weight > row["similarity"]]:
            asked = {"inputs": row["inputs"], "similarity": larger}
            path = found.every("ours", "iterated", **asked)
            made += _compared(row, metrics, path, larger=larger)
    return [v | {"verdict": TURNED.get(v["verdict"], v["verdict"])} for v in made]


def _scores(comparisons):
    """For each metric its name, and how many verdicts are of each kind."""
    for metric, name in METRICS.items():
        told = [v["verdict"] for v in comparisons if v["metric"] == metric]
        yield name, {verdict: told.count(verdict) for verdict in VERDICTS}


def _told(name, score):
    return f"{name}: " + ", ".join(f"{many} {word}" for word, many in score.items() if many)


# --- the paper's claims ---


def f1(found: Any) -> Iterator[tuple]:
    """At the figure's lambda, after its last iteration, the halves share more of their
    pitch classes than the inputs do (pitch sets align), and durations spread less (more
    uniform); each of its iterations is farther from the inputs. Contours are not measured.
    """
    before = found.one("concatenate", inputs="test")
    asked = {"inputs": "test", "similarity": paper.FIGURE_1["similarity"]}
    steps = paper.FIGURE_1["iterations"]
    path = [found.one("ours", "iterated", iterations=k, **asked) for k in steps]
    real = found.one("real")
    words = {"pitch_class_overlap": ("pitch sets align", "shared pitch classes")}
    words["duration_spread"] = "durations even out", "spread of durations"
    for name, (part, of) in words.items():
        x, y = before[name], path[-1][name]
        holds = less(x, y) if name == "pitch_class_overlap" else less(y, x)
        said = (
            f"{of} from {cell(x, 3)} to {cell(y, 3)}, of real melodies {cell(real[name])}"
        )
        yield part, holds, said
    far = [row["z_distance"]["mean"] for row in path]
    said = ", ".join(f"{z:.1f}" for z in far)
    yield "every iteration goes farther", far == sorted(far), f"*z*-distances {said}"
    yield "contours stay similar", None, ""


def f2(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Two styles of one pair lie farther apart than the encoder's own doubt, a z-distance
    of 1.
    """
    ours = found.one("ours", inputs="test", similarity=paper.FIGURE_2["similarity"])
    apart = ours["style_distance"]
    said = f"two styles of one pair are {cell(apart)} apart in *z*-distance"
    yield "styles differ", less({"mean": 1.0}, apart), said


def f3(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """A diagram: what goes into the networks that train, and what comes out of each stage;
    see `..diagrams.stages_figure`.
    """
    import torch

    from fusiontools.papers.connective_fusion.config import Config
    from fusiontools.papers.connective_fusion.networks import Networks

    made, (first, second, third) = Networks(Config.smoke()), paper.FIGURE_3
    z = torch.zeros(2, 2, made.config.latent)
    moved = made.generator(z, torch.zeros(2, made.config.style))
    said = f"remade, drawn from the live networks: {first}, {second}, {third}"
    yield first, made.vae.logits(z[:, 0]).shape[1] == STEPS // 2, said
    yield second, made.discriminator(moved).shape == (2,), ""
    yield third, moved.shape == z.shape, ""


def f4(found: Any) -> Iterator[tuple[str, bool, str]]:
    """In each metric ours is more often above Latent Perturb than below, at equal
    z-distance, over lambdas and inputs; and the larger half of the lambdas is above in a
    larger share of what can be compared than the smaller half.
    """
    every = against_perturb(found)
    known = [v for v in every if v["verdict"] != "outside"]
    for name, score in _scores(known):
        more = score["above"] - score["below"]
        if any(score.values()):
            yield name, more > 0 if more else None, _told(name, score)
    lambdas = sorted({row["similarity"] for row in found.every("ours")})
    middle = len(lambdas) // 2
    small = [v["verdict"] == "above" for v in known if v["similarity"] in lambdas[:middle]]
    large = [v["verdict"] == "above" for v in known if v["similarity"] in lambdas[middle:]]
    if small and large:
        small, large = float(np.mean(small)), float(np.mean(large))
        said = f"above in {per_cent(small, 0)} of comparisons for the smaller lambdas, "
        said += f"{per_cent(large, 0)} for the larger"
        if outside := len(every) - len(known):
            said += f"; {outside} outside Latent Perturb's span"
        yield "a larger lambda more often", large > small, said


def f5(found: Rows) -> Iterator[tuple]:
    """Each of the five correlations is above that of the inputs as they are, at the middle
    lambda.
    """
    before = found.one("concatenate", inputs="test")
    after = found.one("ours", inputs="test", similarity=MIDDLE, iterations=1)
    for name, words in paper.CORRELATIONS.items():
        x, y = before[name], after[name]
        yield words, less(x, y), f"{words} from {cell(x)} to {cell(y)}"


def f6(found: Rows) -> Iterator[tuple]:
    """Distances below 1, and below 3, are at least 100 times as frequent within songs as
    between. Where none was found between, the 95 % bound 3 / n stands for it, and what is
    then not shown cannot be told.
    """
    arrays = found.beside["measured"]
    shares, pairs = arrays["distance_below"], arrays["distance_pairs"]
    for threshold, within, between in zip(paper.FIGURE_6["thresholds"], *shares.tolist()):
        most = between or 3 / max(int(pairs[1]), 1)
        rarer = within >= SEVERAL_ORDERS * most
        times = f"{'' if between else 'at least '}{number(within / most)} times"
        said = f"below {threshold:g}: {100 * within:.3g} % within songs, "
        said += f"{100 * between:.3g} % between, {times}"
        yield f"below {threshold:g}", rarer or (False if between else None), said


def f7(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """In each metric a larger lambda, iterated, is not below a smaller one in more
    comparisons than it is above, at equal z-distance.
    """
    known = [v for v in iterated_against_single(found) if v["verdict"] != "outside"]
    for name, score in _scores(known):
        if any(score.values()):
            yield name, score["below"] <= score["above"], _told(name, score)


def r(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The judge is as right on the test songs as the paper's, and as sure of real melodies:
    its interval reaches the paper's number, or lies above.
    """
    judge = found.one("reality", kind="transformer", part="train-2")
    words = {"accuracy": "accuracy", "mean_real": "mean output on real melodies"}
    for name, part in words.items():
        reached = end(judge[name], "high") >= paper.REALITY[name]
        yield part, reached, f"{part} {cell(judge[name], 3)}"


def c1(found: Rows) -> Iterator[tuple]:
    """Cheap: the transformation takes fewer minutes to learn than the latent space.
    Similarity: the part of CF-F6 for 3. That no gradient goes through sampled tokens is so
    by construction, and no record shows its worth: it cannot be told.
    """
    yield "it bypasses sampled tokens", None, ""
    vae = found.one("vae", decoder="parallel")["minutes"]
    ours = found.one("ours", inputs="test", similarity=MIDDLE)["minutes"]
    said = f"minutes: transformation {number(ours, 1)}, latent space {number(vae, 1)}"
    yield "it is cheap", ours < vae, f"{said}; its last part is so by construction"
    *_, (_, near, _) = f6(found)
    yield "it defines similarity", near, ""


def d(found: Any) -> Iterator[tuple[str, bool, str]]:
    """Every rule of section 3.1 that is a number is the same in the code, and the corpus is
    the paper's.
    """
    s = paper.SETTINGS
    low, high = s["pitches"]
    yield f"songs dealt {DEALT}", s["parts"] == PARTS, f"songs dealt {DEALT}"
    yield f"pitches {low} to {high}", (low, high) == (LOW, HIGH), f"pitches {low} to {high}"
    size = f"{s['bars']} bars of {4 * s['steps_per_beat']} steps"
    yield size, STEPS == s["bars"] * 4 * s["steps_per_beat"], size
    said, records = [], found.beside["runs"]
    counts = [one for one in records if one.method == "data"]
    for one in sorted(counts, key=lambda one: one.data["name"]):
        windows, keys = (one.metrics[k] for k in ("windows", "windows_all_keys"))
        whose = ", ".join(one.config["corpora"])
        said.append(f"{whose}: {number(windows)} windows, {number(keys)} in all keys")
    if names := sorted({one.data["name"] for one in records if one.method != "data"}):
        said.append(f"data: {', '.join(names)}")
        yield "the corpus", names == ["lakh"], "; ".join(said)


DEALT = ":".join(map(str, paper.SETTINGS["parts"].values()))
FILES = number(paper.SETTINGS["files"])
WORDS = {
    "CF-F1": "pitch sets align; note durations become more uniform; contours stay similar",
    "CF-F2": "one pair in many styles: four corners are drawn, the others are "
    "interpolations",
    "CF-F3": f"three stages: {', '.join(paper.FIGURE_3)}",
    "CF-F4": "the method tends to outperform Latent Perturb in all metrics, especially "
    "with larger lambda",
    "CF-F5": "musical statistics are corrected after the transformation",
    "CF-F6": "z-distances below 1 or 3 are several orders of magnitude rarer between songs "
    "than within",
    "CF-F7": "a larger lambda after several iterations is often comparable to or better "
    "than a smaller one",
    "CF-R": f"accuracy {paper.REALITY['accuracy']:g}, mean output on real melodies "
    f"{paper.REALITY['mean_real']:g}",
    "CF-C1": "the latent space defines similarity, is cheap, and bypasses gradients "
    "through sampled tokens",
    "CF-D": f"{FILES} files, dealt by song {DEALT}, in all keys that fit",
}
WHY = {  # our numbers may differ
    "CF-F1": "The paper shows one pair. Here all test pairs are counted, with a number "
    "for each of its words but the contours: those are not measured.",
    "CF-F2": "The paper shows one pair, and no number; its *d*<sub>s</sub> and number of "
    "steps are not given. What is refuted is the model that we made of what it gives.",
    "CF-F3": "A diagram: shapes and sizes are read off the networks, see page 2; the paper "
    "gives no widths.",
    "CF-F4": "The paper prints curves without intervals, and no table. Its corpus, widths "
    "and steps are larger, or not given.",
    "CF-F5": "The paper prints pictures; its bins, its key estimator and its lambda are "
    "not given.",
    "CF-F6": "The unit is the encoder's own doubt, which hangs on the weight of the "
    "divergence: not given. Corpora differ, too.",
    "CF-F7": "The paper reads it off curves, without intervals. The rule here: not more "
    "often below than above.",
    "CF-R": "Other music, far fewer songs to learn from, and a transformer that reads "
    "beats and is told which are alike. A value to match: a judge that is more right is no "
    "better result.",
    "CF-C1": "An argument of the paper, which it does not measure; ours are minutes of one "
    "core.",
    "CF-D": "The Lakh files are a large download, and the terms of their music are "
    "unknown. The data set of this page is named.",
}
_TRIED = {  # where it stands in the paper, and what it takes
    "CF-F1": ("Figure 1, section 3.3", f1),
    "CF-F2": ("Figure 2, section 3.3", f2),
    "CF-F3": ("Figure 3, section 2.2", f3),
    "CF-F4": ("section 3.5", f4),
    "CF-F5": ("Figure 5, section 3.4", f5),
    "CF-F6": ("section 3.4", f6),
    "CF-F7": ("section 3.6", f7),
    "CF-R": ("section 3.4, first paragraph", r),
    "CF-C1": ("section 2.3", c1),
    "CF-D": ("section 3.1", d),
}
CLAIMS = [Claim(id, at, WORDS[id], do, WHY[id]) for id, (at, do) in _TRIED.items()]


def claims_table(found: Rows) -> report.Table:
    """The paper's claims, tried on the rows that `tables` makes of our records."""
    return report.claims_table(CLAIMS, found)


# --- our own goals: about values, where they do not name the low end of an interval ---


def judge_is_right(found: Rows) -> tuple[bool, str]:
    """On the songs of the test part."""
    first = found.one("reality", kind="transformer", part="train-2")["accuracy"]
    others = [r for r in found.every("reality", part="train-2")[1:] if "accuracy" in r]
    told = [f"{KINDS[row['kind']]} {per_cent(row['accuracy'])}" for row in others]
    said = "; ".join([per_cent(first), *told])
    return first["mean"] >= ACCURACY, said


def vae_is_faithful(found: Rows) -> tuple[bool, str]:
    """To halves of the test part."""
    vae = found.one("vae", decoder="parallel")
    tokens, onsets = vae["token_accuracy"], vae["onset_pitch_accuracy"]
    reached = tokens["mean"] >= TOKENS and onsets["mean"] >= ONSETS
    return reached, f"{per_cent(tokens)} of tokens, {per_cent(onsets)} of onsets"


def reality_rises(found: Rows) -> tuple[bool, str]:
    """By the best of ours, once or iterated, on test inputs: that row whose least certain
    gain, by the low end of its interval, is the largest, of those that stay near.
    """
    made = found.every("ours", "iterated", inputs="test")
    told = [row for row in placed(made, "gain_reality") if all(map(row.get, GAINS))]
    if not told:
        raise NotMeasured("not measured: ours on test inputs")
    near = [row for row in told if _farthest(row) <= NEAR]
    if not near:
        least = min(told, key=_farthest)
        said = f"{name_of(least)}, goes {number(_farthest(least), 1)} far"
        return False, f"none is so near: {said}"
    best = max(near, key=_surely)
    said = [f"{name} {cell(best[metric])}" for metric, name in GAINS.items()]
    far = f"{name_of(best)}, at {cell(best['z_distance'])}"
    if again := best.get("z_distance_encoded"):
        far += f" (encoded anew {cell(again)})"
    return _surely(best) >= RISE, f"{far}: {', '.join(said)}"


def _farthest(row):
    """How far a row may go: the high end of its distance, and of that encoded anew."""
    ways = [row[k] for k in ("z_distance", "z_distance_encoded") if row.get(k)]
    return max(end(way, "high") for way in ways)


def _surely(row):
    """What a row gains at the least, by the low ends of three judges."""
    return min(end(row[metric], "low") for metric in GAINS)


def more_often_above(found: Rows) -> tuple[bool, str]:
    """Over lambdas and inputs."""
    every = against_perturb(found)
    if all(v["verdict"] == "outside" for v in every):
        raise NotMeasured("nothing to compare")
    scores = dict(_scores(every))
    said = [f"{k} {s['above']} above, {s['below']} below" for k, s in scores.items()]
    return all(s["above"] > s["below"] for s in scores.values()), "; ".join(said)


_JUDGE = f"the judge of reality is right on {100 * ACCURACY:g} % of unseen melodies"
_VAE = f"the VAE gives back {100 * TOKENS:g} % of tokens and {100 * ONSETS:g} % of onsets"
_RISE = f"mean reality rises by {RISE:g} over plain concatenation, at the low end of its "
_RISE += f"interval, by each of three judges, within a *z*-distance of {NEAR:g}, all of "
_RISE += "its interval, and of that of the melodies encoded anew"
_ABOVE = "at equal *z*-distance, corrected is more often above Latent Perturb than "
_ABOVE += "below, in each of six metrics"
GOALS = [Goal(_JUDGE, judge_is_right), Goal(_VAE, vae_is_faithful)]
GOALS += [Goal(_RISE, reality_rises), Goal(_ABOVE, more_often_above)]


def goals_table(found: Rows) -> report.Table:
    """The goals of the chapter, reached or not."""
    return report.goals_table(GOALS, found)
