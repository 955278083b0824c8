"""What the Connective Fusion paper reports, with the place where it stands, and what its
methods, settings and metrics are called here. Nothing in it is measured.

Its curves are printed as pictures without a table, so most of what it says of them is in
words: those stand in `claims` beside it. T. Akama: Connective Fusion: Learning
Transformational Joining of Sequences with Application to Melody Creation. ISMIR 2020.
Used in chapter 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusiontools.papers.connective_fusion.config import LAMBDAS

if TYPE_CHECKING:
    from fusiontools.report.rows import Measured


__all__ = ["ABLATIONS", "CORRELATIONS", "FIRST", "GAINS", "INPUTS", "JUDGES", "KINDS"]
__all__ += ["KNOBS", "METRICS", "MIDDLE", "PAIRED", "REALITY", "SETTINGS", "SHORT"]
__all__ += ["TRIVIAL", "name_of"]

# Section 3.4: the judge of reality, on the test part
REALITY = {"accuracy": 0.953, "mean_real": 0.959}
# Section 3.1. The paper gives neither style dimensions, widths, the weight of the
# divergence, batches, steps nor the number of windows; what it gives is in `Config`.
SETTINGS = {
    "files": 45_129,
    "parts": {"train-1": 11, "validation-1": 1, "train-2": 6, "validation-2": 1, "test": 1},
    "pitches": (55, 84),
    "bars": 8,
    "steps_per_beat": 4,
}
FIGURE_1 = {"similarity": 2.0, "iterations": (1, 2, 3)}
FIGURE_2 = {"similarity": 0.3}  # corners are drawn from {0, 1} in each dimension
FIGURE_3 = ("pre-training", "training", "transformation")
FIGURE_6 = {"pairs": 1_000_000, "thresholds": (1.0, 3.0)}

# What is ours: names in records, and how they are called in tables and figures.

MIDDLE = LAMBDAS[1]  # 0.3, of Figure 2, of the ablations, and where one lambda must do
INPUTS = {"test": "halves of test songs", "prior": "samples of the prior"}
TRIVIAL = ("concatenate", "reconstruct", "transpose", "transpose_guided", "snap")
TRIVIAL += ("half_and_half", "noise", "shuffle")
ABLATIONS = ("styled", "gradient_penalty", "balanced", "as_printed")
SHORT = {  # the methods, in the order of the tables
    "ours": "corrected",
    "iterated": "corrected",
    "latent_perturb": "Latent Perturb",
    "concatenate": "side by side",
    "reconstruct": "side by side, decoded",
    "transpose": "moved to one key",
    "transpose_guided": "moved to the best key",
    "snap": "snapped to one scale",
    "half_and_half": "interleaved bars",
    "noise": "noise of that length",
    "shuffle": "shuffled notes",
    "real": "real melodies",
    "styled": "styles demanded",
    "motif_choice": "chosen for motifs",
    "gradient_penalty": "gradient penalty",
    "balanced": "fakes weighted down",
    "as_printed": "as printed",
    "vae": "VAE",
    "reality": "judge",
}
# of Figures 4 and 7, in their order
METRICS = {"reality": "reality", "key_corr": "key", "mp_corr": "MP", "md_corr": "MD"}
METRICS |= {"pt_corr": "PT", "dt_corr": "DT"}
# The three judges that mark, under the names of what they say; then how ours differs, pair
# by pair, from Latent Perturb at the same distance, and from the inputs as they are.
KINDS = {"transformer": "transformer", "features": "boosted trees"}
KINDS |= {"siamese": "two towers"}  # of `fusiontools.judges.reality`, in its order
JUDGES = dict(zip(("reality", "reality_features", "reality_third"), KINDS.values()))
PAIRED = {f"paired_{name}": said for name, said in JUDGES.items()}
GAINS = {f"gain_{name}": said for name, said in JUDGES.items()}
CORRELATIONS = {k: said for k, said in METRICS.items() if k != "reality"}
# The settings that tell the rows of a method apart, see `fusiontools.report.rows.rows`
_TRAINED = {"inputs": None, "similarity": None}
KNOBS = {name: {"inputs": None} for name in (*TRIVIAL, "real")}
KNOBS |= dict.fromkeys(("ours", "iterated"), _TRAINED | {"iterations": 1})
KNOBS |= dict.fromkeys(ABLATIONS, _TRAINED)
KNOBS |= {"latent_perturb": {"inputs": None, "sigma": None}, "vae": {"decoder": None}}
KNOBS |= {"motif_choice": {"inputs": None, "styles": None}}
KNOBS |= {"reality": {"kind": None, "part": None}}
FIRST = ("test", "transformer", "parallel", "train-2")  # of each setting


def name_of(row: Measured) -> str:
    """How a row is called, its setting with it.

    Examples
    --------
    >>> name_of({"method": "iterated", "similarity": 0.3, "iterations": 2})
    'corrected, λ 0.3, 2 times'
    """
    said = SHORT.get(row["method"], row["method"].replace("_", " "))
    if row["method"] in ("ours", "iterated"):
        said += f", λ {row['similarity']:g}"
        said += f", {row['iterations']} times" if row["iterations"] > 1 else ""
    said += f", best of {row['styles']}" if row.get("styles") else ""
    return said + (f", σ {row['sigma']:g}" if row.get("sigma") is not None else "")
