"""What the Connective Fusion chapter shows and claims: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured, `trivial` what stands beside
every method, `claims` what is claimed and what was aimed at; `tables`, `figures` and
`diagrams` show it, and `experiment` makes the records. No file of the method imports any of
it.
"""

import lazy_loader

_NAMES = {
    "claims": "against_perturb claims_table goals_table",
    "diagrams": "iteration_rolls stages_figure",
    "figures": "distances_figure iterations_figure matrices_figure metrics_figure "
    "reality_figure training_curves",
    "metrics": "moved",
    "paper": "SHORT",
    "tables": "ablations correlations judges methods motifs paired rows_of seeds vaes",
    "trivial": "BASELINES PAIRS Inputs baseline inputs",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_HOMES)
