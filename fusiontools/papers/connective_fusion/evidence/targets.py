"""The goals that the Connective Fusion chapter set itself, reached or not by its records.
Nothing is measured here.
"""

from fusiontools.papers.connective_fusion.evidence.claims import against_perturb, score_of
from fusiontools.papers.connective_fusion.evidence.summaries import (
    METRICS,
    NOTHING,
    cell,
    find,
    name_of,
    number,
    per_cent,
    rows,
    select,
)
from fusiontools.score.tables import Table

__all__ = ["targets"]

ACCURACY = 0.95  # of the judge
TOKENS, ONSETS = 0.95, 0.80  # that the VAE gives back
RISE, NEAR = 0.3, 3.0  # of the median reality, and within which z-distance


def targets(records):
    """The goals of the chapter, reached or not. A goal is about values; intervals are
    shown, and decide nothing.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.

    Returns
    -------
    Table
        Each row has ``goal``, ``numbers`` and ``reached``: True, False, or None where a
        record is missing.
    """
    found = rows(records)
    goals = {
        f"the judge of reality is right on {100 * ACCURACY:g} % of unseen melodies": _judge(
            found
        ),
        f"the VAE gives back {100 * TOKENS:g} % of tokens and {100 * ONSETS:g} % of onsets": _vae(
            found
        ),
        f"median reality rises by {RISE:g} over plain concatenation, within a *z*-distance of {NEAR:g}": _rise(
            found
        ),
        "at equal *z*-distance, ours is more often above Latent Perturb than below, in each of six metrics": _above(
            found
        ),
    }
    made = [
        {"goal": goal, "numbers": said, "reached": reached}
        for goal, (reached, said) in goals.items()
    ]
    words = {True: "reached", False: "**not reached**", None: NOTHING}
    columns = {
        "goal": lambda row: row["goal"],
        "numbers": lambda row: row["numbers"],
        "": lambda row: words[row["reached"]],
    }
    return Table(made, columns)


def _judge(found):
    judge, other = (
        find(found, "reality", kind=kind, part="train-2")
        for kind in ("transformer", "features")
    )
    if not judge or not judge.get("accuracy"):
        return None, "not measured"
    beside = (
        f"; the second judge {per_cent(other['accuracy'])}"
        if other and other.get("accuracy")
        else ""
    )
    return judge["accuracy"]["mean"] >= ACCURACY, per_cent(judge["accuracy"]) + beside


def _vae(found):
    vae = find(found, "vae", decoder="parallel")
    if not vae or not vae.get("token_accuracy") or not vae.get("onset_pitch_accuracy"):
        return None, "not measured"
    tokens, onsets = vae["token_accuracy"], vae["onset_pitch_accuracy"]
    return tokens["mean"] >= TOKENS and onsets[
        "mean"
    ] >= ONSETS, f"{per_cent(tokens)} of tokens, {per_cent(onsets)} of onsets"


def _rise(found):
    """By the best of ours, once or iterated, on test inputs."""
    plain = find(found, "concatenate", inputs="test")
    told = [
        row
        for row in select(found, "ours", "iterated", inputs="test")
        if row.get("z_distance") and row.get("reality_median")
    ]
    if not plain or not plain.get("reality_median") or not told:
        return None, "not measured"
    near = [row for row in told if row["z_distance"]["mean"] <= NEAR]
    if not near:
        least = min(told, key=lambda row: row["z_distance"]["mean"])
        return (
            False,
            f"none is so near: {name_of(least)}, goes {number(least['z_distance']['mean'], 1)} far",
        )
    best = max(near, key=lambda row: row["reality_median"]["mean"])
    before, after = plain["reality_median"], best["reality_median"]
    said = f"{name_of(best)}, at {number(best['z_distance']['mean'], 1)}: from {cell(before)} to {cell(after)}"
    return after["mean"] - before["mean"] >= RISE, said


def _above(found):
    scores = {
        name: score_of(v for v in against_perturb(found) if v["metric"] == metric)
        for metric, name in METRICS.items()
    }
    if not any(
        many
        for score in scores.values()
        for kind, many in score.items()
        if kind != "outside"
    ):
        return None, "nothing to compare"
    said = "; ".join(
        f"{name} {score['above']} above, {score['below']} below"
        for name, score in scores.items()
    )
    return all(score["above"] > score["below"] for score in scores.values()), said
