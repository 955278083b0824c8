"""The tables of chapter 4, Connective Fusion: all methods, ours against Latent Perturb at
equal distance, the VAE, the judges, ablations.

Every number comes from a record, from the arrays beside the records, or from the paper.
Nothing is measured here. `found` is what `rows_of` makes of records.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fusiontools.papers.connective_fusion.config import LAMBDAS
from fusiontools.papers.connective_fusion.evidence import claims, paper
from fusiontools.papers.connective_fusion.evidence.paper import MIDDLE, name_of
from fusiontools.report.rows import Measured, choose, rows, shipped_arrays
from fusiontools.report.tables import NOTHING, SPACE, Table, cell, number, per_cent, shown

if TYPE_CHECKING:
    import numpy as np

    from fusiontools.records import Record
    from fusiontools.report.rows import Rows


__all__ = ["ablations", "correlations", "judges", "methods", "motifs", "paired", "rows_of"]
__all__ += ["seeds", "vaes"]


def _alone(metric):
    """A column of a metric without its interval."""
    return lambda row: cell({"mean": row[metric]["mean"]}) if row.get(metric) else NOTHING


INTERVALS = "In brackets: 95 % intervals, over songs (of a pair, both are drawn again)."
JUDGED = {said: shown(name) for name, said in paper.JUDGES.items()}
DISTANCE = {"*z*-distance": shown("z_distance", digits=1)}
JOINS = {said: _alone(name) for said, name in (("key", "key_corr"), ("PT", "pt_corr"))}
METHOD = {"method": lambda row: name_of(row).replace(" ", SPACE)}  # never one word a line
MINUTES = {"min": shown("minutes", number, 1)}
CAPTIONS = {  # under the tables
    "methods": "Mean reality by three judges; above ½: how many of the melodies the "
    "transformer takes for whole. Copied: runs of 8 notes that are in the training songs, "
    f"too. {INTERVALS}",
    "paired": "Corrected minus Latent Perturb at the same *z*-distance, on the same pairs: "
    "mean differences of reality, by three judges. **Above**, **below**: the interval "
    f"lies on that side of 0. {INTERVALS}",
    "motifs": "Motifs: of the second half's bars those that stand in the first one "
    f"already, rhythm and intervals alike, at any pitch. Then mean reality. {INTERVALS}",
    "correlations": "Pearson's correlation of each Markov matrix with that of real test "
    "melodies. The row of other real melodies, as many as the others, is a guide and no "
    f"ceiling: they are of other songs than the inputs and the matrices. {INTERVALS} "
    "Intervals of correlations are mirrored (“basic”), for few melodies make a "
    "correlation too low: they may lie above the value, and may pass 1.",
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
}


def rows_of(
    records: Iterator | Sequence[Record], arrays: dict[str, np.ndarray] | None = None
) -> Rows:
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


def methods(found: Rows, inputs: str = "test") -> Table:
    """All methods, once: what the judges say, how far from the inputs, what is copied, what
    it cost. Trivial baselines and real melodies always have a row.
    """
    columns = METHOD | JUDGED
    columns |= {"above ½": shown("joined_share", per_cent, 0)} | DISTANCE
    columns |= {"copied": shown("copied_8gram", per_cent, 1)} | MINUTES
    return Table(_listed(found, inputs), columns, CAPTIONS["methods"])


def correlations(found: Rows, inputs: str = "test") -> Table:
    """All methods, once: five correlations with real melodies; rows as in `methods`."""
    columns = METHOD | {"*z*-distance": _alone("z_distance")}
    columns |= {said: shown(name) for name, said in paper.CORRELATIONS.items()}
    return Table(_listed(found, inputs), columns, CAPTIONS["correlations"])


def _listed(found, inputs):
    """Ours once, Latent Perturb, then what is trivial and what is real, measured or not."""
    kept = found.every("ours", "latent_perturb", inputs=inputs)
    for name in paper.TRIVIAL:
        kept += found.every(name, inputs=inputs) or [Measured(method=name)]
    # real melodies are the same, whatever the others began with
    return kept + (found.every("real")[:1] or [Measured(method="real")])


def paired(found: Rows, inputs: str = "test") -> Table:
    """Ours minus Latent Perturb at equal z-distance, pair by pair, by three judges: once
    for each lambda, and the largest lambda after its iterations.
    """
    kept = found.every("ours", inputs=inputs)
    kept += found.every("iterated", inputs=inputs, similarity=LAMBDAS[-1])
    columns = METHOD | DISTANCE
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


def motifs(found: Rows) -> Table:
    """How many bars of the second half the first one has already, and what that costs."""
    asked = {"inputs": "test", "iterations": 1}
    kept = found.every("real")[:1] + found.every("concatenate", inputs="test")
    kept += found.every("ours", **asked)
    kept += found.every("styled", "motif_choice", inputs="test")
    columns = METHOD | {"motifs": shown("motifs", per_cent)} | JUDGED | DISTANCE
    return Table(kept, columns, CAPTIONS["motifs"])


def ablations(found: Rows) -> Table:
    """Ours beside itself with one thing changed, at one lambda, on test inputs."""
    kept = found.every("ours", inputs="test", similarity=MIDDLE, iterations=1)
    for name in paper.ABLATIONS:
        kept += found.every(name, inputs="test")
    columns = METHOD | JUDGED | DISTANCE | JOINS | MINUTES
    return Table(kept, columns, CAPTIONS["ablations"])


def seeds(records: Sequence[Record]) -> Table:
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


def judges(found: Rows) -> Table:
    """Section 3.4: the judges on songs that they have never heard, under the paper's."""
    printed = {name: {"mean": value} for name, value in paper.REALITY.items()}
    made = [{"kind": "paper", "part": "train-2"} | printed, *found.every("reality")]
    kinds = {"paper": "*the paper's transformer*"} | paper.KINDS
    columns = {
        "judge": lambda row: kinds[row["kind"]].replace(" ", SPACE),
        "learned from": lambda row: row["part"].replace("-", "\N{NON-BREAKING HYPHEN}"),
        "accuracy": shown("accuracy", digits=3),
        "mean, real": shown("mean_real", digits=3),
        "mean, shuffled": shown("mean_shuffled", digits=3),
    }
    return Table(made, columns, CAPTIONS["judges"])


def vaes(found: Rows) -> Table:
    """How well each decoder gives melodies back that it has not learned from."""
    columns = {
        "decoder": lambda row: row["decoder"],
        "tokens right": shown("token_accuracy", per_cent, 1),
        "onsets right": shown("onset_pitch_accuracy", per_cent, 1),
        "tokens, all hold": shown("hold_accuracy", per_cent, 1),
        "nats a half": shown("kl", digits=0),
    }
    return Table(found.every("vae"), columns | MINUTES, CAPTIONS["vaes"])
