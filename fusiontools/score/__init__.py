"""Metrics, and the trivial baselines that stand beside every model.

All are pure functions of arrays, which know no model.
"""

from fusiontools.score.baselines import (
    BASELINES,
    copies,
    half_and_half,
    monte_carlo,
    noise,
    random_mixing,
    shuffled,
    splice,
    transposed,
)
from fusiontools.score.copying import copied_counts, copied_share, held_out_share, ngrams
from fusiontools.score.distances import earth_mover, earth_mover_of_counts, euclidean
from fusiontools.score.distributions import (
    COUNTS,
    bin_names,
    counts,
    distribution,
    duration_bigram_counts,
    duration_counts,
    histogram,
    interval_bigram_counts,
    peaks,
    pitch_class_counts,
    shares,
    valleys,
)
from fusiontools.score.fusion import (
    back_out_distance,
    balance,
    diff,
    fusion_scores,
    mixture,
    ratio,
)
from fusiontools.score.intervals import Interval, bootstrap, bootstrap_counts, wilson
from fusiontools.score.latent import shares_below, within_and_between, z_distance
from fusiontools.score.listening import (
    Repair,
    answer_counts,
    consequences,
    fusion_level,
    ranking,
    repairs,
    row_checks,
)
from fusiontools.score.markov import markov_correlations, markov_matrix, states
from fusiontools.score.verdicts import in_band

__all__ = [
    "BASELINES",
    "COUNTS",
    "Interval",
    "Repair",
    "answer_counts",
    "back_out_distance",
    "balance",
    "bin_names",
    "bootstrap",
    "bootstrap_counts",
    "consequences",
    "copied_counts",
    "copied_share",
    "copies",
    "counts",
    "diff",
    "distribution",
    "duration_bigram_counts",
    "duration_counts",
    "earth_mover",
    "earth_mover_of_counts",
    "euclidean",
    "fusion_level",
    "fusion_scores",
    "half_and_half",
    "held_out_share",
    "histogram",
    "in_band",
    "interval_bigram_counts",
    "markov_correlations",
    "markov_matrix",
    "mixture",
    "monte_carlo",
    "ngrams",
    "noise",
    "peaks",
    "pitch_class_counts",
    "random_mixing",
    "ranking",
    "ratio",
    "repairs",
    "row_checks",
    "shares",
    "shares_below",
    "shuffled",
    "splice",
    "states",
    "transposed",
    "valleys",
    "wilson",
    "within_and_between",
    "z_distance",
]
