"""What the chapter on audio style transfer shows: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured of a transfer, `genres` how the
classifiers fare, `claims` what is claimed and what was aimed at; `tables` and `figures`
show it, and `experiment` makes the records. No file of the method imports any of it.
"""

import lazy_loader

_NAMES = {
    "claims": "claims_table goals_table",
    "figures": "autocorrelograms_figure classifiers_figure diagram gan_figure "
    "losses_figure pictures_figure trade_figure",
    "genres": "judges_of shipped_genres",
    "metrics": "Measures flatness shipped_rows signal_to_noise",
    "paper": "GENRES PAPER PRINTED SHORT",
    "tables": "genres_table main_table noise_table phases_table rates_table "
    "transfers_table",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["genres", "metrics"], _HOMES)
