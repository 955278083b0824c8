"""What every training shares: devices, seeds, scales, the loop, checkpoints, resuming.

Torch arrives only when a training needs it. Nothing here knows a model, a loss or a data
set: each paper writes its own plain loop, and takes from here what keeps it alive.
"""

import importlib

_HOMES = {
    "Batches": "loop",
    "Run": "run",
    "adopt": "run",
    "capture_generators": "seeds",
    "descend": "loop",
    "device_name": "devices",
    "fabric": "devices",
    "finished_weights": "run",
    "load_checkpoint": "checkpoint",
    "load_weights": "checkpoint",
    "memory_guard": "devices",
    "read_weights": "checkpoint",
    "restore_generators": "seeds",
    "run_phases": "phases",
    "save_checkpoint": "checkpoint",
    "save_weights": "checkpoint",
    "scale": "scales",
    "seed_everything": "seeds",
    "steps": "loop",
    "watch": "progress",
    "weights_notice": "checkpoint",
}
__all__ = [*_HOMES]


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
