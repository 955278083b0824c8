"""What the chapter on LSTM and convolutional GANs shows: the paper's numbers beside ours.

`paper` has the paper's numbers, `metrics` what is measured, and `experiment` makes the
records. No file of the method imports any of it.
"""

import lazy_loader

_HOMES = {
    "metrics": ["measure_bars", "measure_baseline", "measure_networks", "shipped_rows"],
    "paper": ["PAPER", "PRINTED", "SHORT", "TABLE_1"],
    "tables": ["measures_table", "table_1"],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["metrics"], _HOMES)
