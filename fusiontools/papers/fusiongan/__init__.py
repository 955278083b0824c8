"""FusionGAN: two genres of melody fused into a third (Chen and others, ICDM 2017).

`config` has every setting, `data` the two genres, `networks` the LSTM and the TextCNN,
`losses` the equations, `rewards` the rollouts, `algorithm` Algorithm 1, and `sampling` what
comes out. The folder `evidence` measures it.

Chapter 3, FusionGAN: `notebooks/03_fusiongan_1_from_scratch` builds the method in the open,
`notebooks/03_fusiongan_2_full_size` plays and trains this one, and
`notebooks/03_fusiongan_3_measured` sets it beside the paper's numbers.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "algorithm": ["train"],
    "config": ["Config", "METHODS", "method"],
    "data": ["Pair", "from_folders", "open_pair", "pair", "save_pair"],
    "networks": ["Networks"],
    "sampling": ["load_weights", "sample"],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
