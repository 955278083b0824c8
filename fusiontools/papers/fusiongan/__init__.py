"""FusionGAN: two genres of melody fused into a third (Chen and others, ICDM 2017).

`data` has the two genres, `networks` the LSTM and the TextCNN, `losses` the equations,
`rewards` the rollouts, `algorithm` Algorithm 1, `sampling` what comes out, `paper` what the
paper reported. Torch is loaded when the first name that needs it is used.
"""

import importlib

_HOMES = {
    "Config": "config",
    "METHODS": "config",
    "PAPER": "evidence.paper",
    "Pair": "data",
    "Networks": "stage",
    "from_folders": "data",
    "load_weights": "sampling",
    "method": "config",
    "open_pair": "data",
    "pair": "data",
    "sample": "sampling",
    "save_pair": "data",
    "train": "algorithm",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
