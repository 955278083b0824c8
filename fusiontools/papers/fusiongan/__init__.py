"""FusionGAN: two genres of melody fused into a third (Chen and others, ICDM 2017).

`config` has every setting, `data` the two genres, `networks` the LSTM and the TextCNN,
`losses` the equations, `rewards` the rollouts, `algorithm` Algorithm 1, and `sampling` what
comes out. The folder `evidence` measures it.

Chapter 3, FusionGAN: `notebooks/03_fusiongan_2_full_size` builds and trains it,
`notebooks/03_fusiongan_3_measured` sets it beside the paper's numbers.
"""

import importlib

# Torch is loaded when the first name that needs it is used.
_HOMES = {
    "Config": "config",
    "METHODS": "config",
    "Networks": "networks",
    "Pair": "data",
    "from_folders": "data",
    "load_weights": "sampling",
    "method": "config",
    "open_pair": "data",
    "pair": "data",
    "sample": "sampling",
    "save_pair": "data",
    "train": "algorithm",
}
__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
