"""What every training shares: devices, seeds, scales, the loop, checkpoints, resuming.

Torch arrives only when a training needs it. Nothing here knows a model, a loss or a data
set: each paper writes its own plain loop, and takes from here what keeps it alive.
"""

import lazy_loader

# Each module is loaded when the first of its names is used.
_NAMES = {
    "checkpoint": "load_checkpoint save_checkpoint",
    "devices": "device_name fabric memory_guard",
    "loop": "Batches descend steps",
    "phases": "run_phases",
    "places": "runs_folder",
    "progress": "watch",
    "run": "Run adopt finished_weights read_about",
    "scales": "scale",
    "seeds": "capture_generators restore_generators seed_everything",
    "weights": "as_told building config_from load_weights read_safetensors read_weights "
    "save_weights shipped_file weights_notice",
}
_HOMES = {module: names.split() for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_HOMES)
