"""Domain transfer: a line of one genre, painted as a picture, becomes another genre's by a
network that has to keep its content ("Cross Genre Music Generation using Image
Representation").

Read `data` (the two genres), `networks` (f, g, D), `losses` (Eqs. 1 to 6), `training`, and
`transfer` (what a trained network can do); `config` has every setting. Which notes of a
piece make a line, and lines as pictures: `fusiontools.music.lines` and ``pictures``. The
folder `evidence` measures it.

Chapter 5, Domain transfer: `notebooks/05_domain_transfer_2_full_size` builds and trains it,
`notebooks/05_domain_transfer_3_measured` sets it beside the paper's numbers.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "config": ["METHODS", "TRAINED", "UNTRAINED", "Config", "method"],
    "data": ["PARTS", "Domains", "domains", "from_folders", "open_domains", "save_domains"],
    "networks": ["Networks"],
    "training": ["train"],
    "transfer": [
        "TARGETS",
        "load_weights",
        "save_networks",
        "transfer_file",
        "transfer_line",
        "transfer_windows",
    ],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
