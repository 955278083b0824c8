"""Every setting of audio style transfer, and the methods as changes of a few of them.
Chapter 7, Audio style transfer.

The paper gives optimizer, learning rate, style weight and steps of its three random
networks (sections 3.1 and 3.2), layers, rate, batch and epochs of its CycleGAN (3.3). It
does not say how its Gram matrices are "normalized", how the CycleGAN weighs its losses, or
how long its clips are; 430 frames are ten seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fusiontools.errors import check_method

__all__ = ["METHODS", "MODELS", "PHASES", "SET", "TRAINED", "UNTRAINED", "Config"]
__all__ += ["method"]

CHOICES = {
    "model": ("cnn", "rnn", "bilstm", "cyclegan"),
    "along": ("time", "frequency"),
    "optimizer": ("adam", "sgd"),
    "scaling": ("relative", "printed"),
}


@dataclass(frozen=True)
class Config:
    """Settings of one transfer, or of the training of a CycleGAN. The defaults are ours:
    the paper's own are in `method`.
    """

    model: str = "cnn"  #: what sees the spectrogram
    along: str = "time"  #: what a network steps along
    channels: int | None = 4096  #: features; None is the limit of infinitely many
    depth: int = 1  #: convolutions one after the other; the paper's best has one
    optimizer: str = "adam"  #: of the spectrogram
    rate: float = 0.05  #: its learning rate; the paper has 0.005 and less
    steps: int = 60  #: of the spectrogram, or of the CycleGAN's training
    scaling: str = "relative"  #: of the style loss, or "printed": see `gram.printed_scale`
    weight: float = 500.0  #: of the style loss, where its scaling is the printed one
    strength: float = 0.9  #: of style against content, 0 to 1; the paper has 1
    positive: bool = True  #: magnitudes stay so: X = Y^2
    batch: int = 10  #: spectrograms in a batch of the CycleGAN
    frames: int = 48  #: of each, a second and a tenth
    width: int = 4  #: channels of the CycleGAN's first layer
    cycle: float = 10.0  #: weight of its cycle consistency loss
    every: int = 20  #: steps from one look at a training to the next

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                found = f"{name} {getattr(self, name)!r}"
                raise ValueError(f"{found}: choose one of {', '.join(choices)}")
        if not 0 <= self.strength <= 1:
            raise ValueError(f"a strength of {self.strength}: it is 0 to 1")
        if self.channels is None and (self.model, self.depth) != ("cnn", 1):
            raise ValueError("only one convolution has a limit of infinitely many filters")

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(channels=64, steps=3, batch=2, frames=16, width=2, every=2)

    @classmethod
    def laptop(cls) -> Any:
        """A transfer of ten seconds in a quarter of a minute."""
        return cls(steps=40)

    @classmethod
    def shipped(cls) -> Config:
        """What the records are made with."""
        return cls()

    @classmethod
    def paper(cls) -> Any:
        """The CycleGAN on clips of ten seconds."""
        return cls(frames=432)


MODELS = ("cnn", "rnn", "bilstm", "cyclegan", "musaic")
PHASES = ("refined", "content", "griffin_lim")  # from magnitudes back to sound
METHODS = {
    "cnn": "random convolution along time, the paper's baseline, fewer steps",
    "cnn_frequency": "the same along frequency",
    "rnn": "random RNN along frequency, as the printed sizes have it",
    "rnn_time": "random RNN along time, as the text argues",
    "bilstm": "random BiLSTM along frequency, as the printed sizes have it",
    "bilstm_time": "random BiLSTM along time, as the text argues",
    "cnn_long": "cnn for as many steps as the paper's, on the paper's pair alone",
    "rnn_long": "rnn for as many steps as the paper's, on the paper's pair alone",
    "bilstm_long": "bilstm for as many steps as the paper's, on the paper's pair alone",
    "direct": "cnn_long again with the Gram matrices written out, once, for its time",
    "cnn_printed": "cnn with the loss scaled as printed, not relative",
    "rnn_printed": "rnn with the loss scaled as printed",
    "bilstm_printed": "bilstm with the loss scaled as printed",
    "bilstm_fast": "bilstm at the learning rate of the others",
    "cnn_sgd": "cnn with SGD",
    "cnn_512": "cnn with 512 filters",
    "cnn_two": "two random convolutions of 512 filters one after the other",
    "cnn_three": "three of them",
    "closed_form": "the limit of infinitely many filters, solved without descent",
    "bounded": "the same with magnitudes that cannot become negative",
    "content_term": "ours: that limit, non-negative, with a content term",
    "cyclegan": "the CycleGAN of the tables, mended so that shapes close",
    "musaic": "musaicing: each frame of the content out of frames of the style",
    "copy_content": "the content as it is",
    "copy_style": "the style as it is",
    "noise": "white noise, as loud as the style",
    "swap_spectrum": "the content, filtered to the style's mean spectrum",
}
_PAPER = dict(strength=1.0, positive=False)
_CNN = _PAPER | dict(model="cnn", rate=0.005, weight=500.0, steps=2500)
_RNN = _PAPER | dict(model="rnn", along="frequency", rate=0.005, steps=10_000)
_BILSTM = _RNN | dict(model="bilstm", rate=0.00005, weight=2500.0)
_CHANGES: dict[str, dict[str, Any]] = {
    "cnn": _CNN,
    "cnn_frequency": _CNN | dict(along="frequency"),
    "rnn": _RNN,
    "rnn_time": _RNN | dict(along="time"),
    "bilstm": _BILSTM,
    "bilstm_time": _BILSTM | dict(along="time"),
    "cnn_long": _CNN,
    "rnn_long": _RNN,
    "bilstm_long": _BILSTM,
    "cnn_printed": _CNN | dict(scaling="printed"),
    "rnn_printed": _RNN | dict(scaling="printed"),
    "bilstm_printed": _BILSTM | dict(scaling="printed"),
    "bilstm_fast": _BILSTM | dict(rate=0.005),
    "cnn_sgd": _CNN | dict(optimizer="sgd"),
    "cnn_512": _CNN | dict(channels=512),
    "cnn_two": _CNN | dict(channels=512, depth=2),
    "cnn_three": _CNN | dict(channels=512, depth=3),
    "closed_form": dict(channels=None, strength=1.0, positive=False),
    "bounded": dict(channels=None, strength=1.0),
    "content_term": dict(channels=None),
    "cyclegan": dict(model="cyclegan", rate=1e-3, steps=1000),
}
SET = tuple(_CHANGES)  # those that have settings
TRAINED = ("cyclegan",)
UNTRAINED = tuple(name for name in METHODS if name not in TRAINED)


def method(name: str, config: Config) -> Config:
    """The config of a method: `config` with the few settings changed that make the method
    what it is. FusionError if there is no such method, or it has no settings.

    Examples
    --------
    >>> method("bilstm", Config.shipped()).rate, method("rnn", Config.smoke()).steps
    (5e-05, 3)
    """
    check_method(name, SET, tuple(METHODS))
    changes = dict(_CHANGES[name])
    if config.steps < 10:  # small sizes stay small
        changes.pop("steps", None)
    return replace(config, **changes)
