"""Connective Fusion: two melodies of four bars, changed until they are one of eight (Akama,
ISMIR 2020).

`data` has section 3.1's windows, `networks` the VAE, the generator and the discriminator,
`losses` the equations, `phases` the two trainings, `fusing` what a trained model can do,
`perturb` the baseline, `paper` what the paper reported. Torch is loaded when the first name
that needs it is used.
"""

import importlib

_HOMES = {
    "Config": "config",
    "LAMBDAS": "config",
    "PAPER": "evidence.paper",
    "Networks": "stage",
    "Windows": "data",
    "encode": "fusing",
    "equal_distance": "evidence.tables",
    "fuse": "fusing",
    "histories": "evidence.summaries",
    "iteration_rolls": "evidence.diagrams",
    "latent_perturb": "perturb",
    "load_weights": "fusing",
    "measured": "evidence.summaries",
    "open_windows": "data",
    "paper_and_ours": "evidence.claims",
    "save_networks": "fusing",
    "save_windows": "data",
    "stages_figure": "evidence.diagrams",
    "style_corners": "fusing",
    "style_plane": "fusing",
    "style_rolls": "evidence.diagrams",
    "train": "phases",
    "windows": "data",
}
__all__ = list(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
