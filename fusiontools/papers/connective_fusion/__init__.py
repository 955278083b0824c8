"""Connective Fusion: two melodies of four bars, changed until they are one of eight (Akama,
ISMIR 2020). Chapter 4 of the book: ``notebooks/04_connective_fusion_2_full_size`` and
``..._3_measured``.

Read `data` (section 3.1's windows), `networks` (the VAE, the generator, the discriminator),
`losses` (the equations), `phases` (the two trainings), `fusing` (what a trained model can
do) and `perturb` (the baseline). Torch is loaded when the first name needs it.
"""

import importlib

_HOMES = {
    "config": ("Config", "LAMBDAS"),
    "data": ("Windows", "open_windows", "save_windows", "windows"),
    "fusing": ("encode", "fuse", "fuse_files", "load_weights", "save_networks"),
    "networks": ("Networks", "join_halves"),
    "perturb": ("latent_perturb",),
    "phases": ("train",),
}
_HOMES["fusing"] += ("style_corners", "style_plane")
_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = list(_HOME)


def __getattr__(name):
    if name in _HOME:
        value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
