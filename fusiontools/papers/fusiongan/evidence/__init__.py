"""What the FusionGAN chapter shows and claims: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured, `claims` what is claimed and
what was aimed at; `tables`, `figures` and `diagrams` show it, and `experiment` makes the
records. No file of the method imports any of it.
"""

import lazy_loader

_NAMES = {
    "claims": "claims_table goals_table progress",
    "diagrams": "diagram framework",
    "experiment": "measure sample_files",
    "figures": "distributions_figure progress_figure training_curves verdicts_figure",
    "metrics": "MELODIES Melodies References baseline control measure_melodies shares_of "
    "shipped_rows",
    "paper": "PAPER SHORT TABLE_1",
    "tables": "beyond_marginals implied_distances table_1 table_2_repairs",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_HOMES)
