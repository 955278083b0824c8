"""LSTM and convolutional GANs: bars of rock piano out of noise ("Music Generation with
GANs: Convolutional LSTM Generative Adversarial Networks for Polyphonic Music Generation").

Read `data` (bars of songs, packed), `networks` (what makes bars, and what judges them),
`losses` (Eqs. 1 to 6, and two that came later), `training`, and `sampling` (what a trained
generator can do); `config` has every setting. What is counted in a bar,
`fusiontools.score.rolls` has. Chapter 6, LSTM and convolutional GANs.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "config": ["METHODS", "TRAINED", "UNTRAINED", "Config", "method"],
    "data": ["PARTS", "Bars", "bars_of", "from_folders", "open_bars", "save_bars"],
    "networks": ["Networks", "keras_parameters"],
    "training": ["train"],
    "sampling": [
        "load_weights",
        "sample_bars",
        "sample_midi",
        "sample_phrases",
        "save_generators",
    ],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
