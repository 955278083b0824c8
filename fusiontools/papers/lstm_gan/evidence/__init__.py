"""What the chapter on LSTM and convolutional GANs shows: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured, `claims` what is claimed and
what was aimed at; `tables` and `figures` show it, and `experiment` makes the records. No
file of the method imports any of it.
"""

import lazy_loader

_NAMES = {
    "claims": "best_model claims_table goals_table",
    "figures": "course_figure diagram losses_figure overlap_figure",
    "metrics": "measure_bars measure_baseline measure_networks shipped_rows",
    "paper": "PAPER PRINTED SHORT TABLE_1",
    "tables": "measures_table remedies_table table_1 trainings_table",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["metrics"], _HOMES)
