"""Audio style transfer: the content of one recording in the style of another ("Music
Generation using Style Transfer by Deep Learning Methods").

Read `features` (random networks that look at a spectrogram), `gram` (what style is here,
and how to compare two styles fast), and `closed_form` (the same without any descent).
Chapter 7, Audio style transfer.
"""

import lazy_loader

# Torch is loaded when the first name that needs it is used.
_NAMES = {
    "closed_form": ["match_style"],
    "features": ["FEATURES", "random_network"],
    "gram": ["direct", "style_loss"],
}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_NAMES)
