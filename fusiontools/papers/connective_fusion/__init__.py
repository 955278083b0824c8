"""Connective Fusion: two melodies of four bars, changed until they are one of eight (Akama,
ISMIR 2020). Chapter 4 of the book: ``notebooks/04_connective_fusion_1_from_scratch``,
``..._2_full_size`` and ``..._3_measured``.

Read `data` (section 3.1's windows), `networks` (the VAE, the generator, the discriminator),
`losses` (the equations), `phases` (the two trainings), `fusing` (what a trained model can
do) and `perturb` (the baseline). Torch is loaded when the first name needs it.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "config": ["Config", "LAMBDAS"],
    "data": ["PARTS", "Windows", "open_windows", "save_windows", "windows"],
    "fusing": [
        "encode",
        "fuse",
        "fuse_files",
        "load_weights",
        "save_networks",
        "style_corners",
        "style_plane",
    ],
    "networks": ["Networks", "join_halves"],
    "perturb": ["latent_perturb"],
    "phases": ["train"],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
