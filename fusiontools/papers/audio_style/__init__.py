"""Audio style transfer: the content of one recording in the style of another ("Music
Generation using Style Transfer by Deep Learning Methods").

Read `features` (random networks that look at a spectrogram), `gram` (what style is here,
and how to compare two styles fast), `optimise` (the descent), and `closed_form` (the same
without any descent); then `cyclegan`, and `musaicing`, which needs no network. `data` has
recordings, `restyling` takes sound of any length and rate; `config` has every setting.
Chapter 7, Audio style transfer.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "closed_form": ["match_bounded", "match_style"],
    "config": ["METHODS", "MODELS", "PHASES", "TRAINED", "UNTRAINED", "Config", "method"],
    "cyclegan": ["CycleGAN", "convert", "load_generators", "save_generators", "train"],
    "data": ["Clips", "as_loud", "clips_of", "from_folders", "logs_of"],
    "features": ["FEATURES", "random_network"],
    "gram": ["at_best_level", "by_lags", "direct", "style_loss"],
    "musaicing": ["musaic"],
    "optimise": ["content_loss", "descent", "network_of", "transfer"],
    "restyling": ["model_config", "pieces", "restyle", "to_sound"],
}
_NAMES["data"] += ["open_clips", "save_clips"]
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
