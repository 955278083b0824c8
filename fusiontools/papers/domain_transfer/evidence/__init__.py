"""What the chapter on domain transfer shows and claims: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured, `claims` what is claimed and
what was aimed at; `tables` and `figures` show it, and `experiment` makes the records. No
file of the method imports any of it.
"""

import lazy_loader

_NAMES = {
    "claims": "claims_table goals_table",
    "figures": "before_and_after diagram precision_figure spectra_figure",
    "metrics": "measure_networks shipped_rows shown_sources",
    "paper": "PAPER SHORT TABLE_1",
    "tables": "ablations by_judge main_table part_way speed table_1",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["metrics"], _HOMES)
