"""Every setting of the domain transfer network, at four sizes, and the methods as changes
of a few of them. Chapter 5, Domain transfer: `notebooks/05_domain_transfer_2_full_size`
trains with it, and `notebooks/05_domain_transfer_3_measured` compares the methods.

The paper gives the filters, the tanh ends, Adam's rate and the batch (section 5.2). Its
Figures 4 to 7 are lost from the text, so widths, the places of connections, alpha, beta,
gamma, B, d and d_2 are choices of ours, and stand here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fusiontools.errors import check_method

__all__ = ["METHODS", "TRAINED", "UNTRAINED", "Config", "method"]


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the paper's network, at the size
    that ships.
    """

    layout: str = "unrolled"  #: how a line is painted, see the module `pictures`
    width: int = 16  #: channels at 32 x 32; twice as many at each halving of the size
    features: int = 128  #: length of what f gives, section 4.4
    residual: bool = True  #: residual connections around every two convolutions
    skip: bool = True  #: connections from f's layers to the layers of g of the same size
    causal: bool = False  #: masks what 3 x 3 filters see of the future; the waist sees all
    recurrent: bool = False  #: f and g as recurrent networks over the pixels
    guard: bool = True  #: ours: L_CONST over the variance of f, against its collapse
    legal: bool = False  #: ours: f and D are shown what will be heard, see `rounded`
    steps_between: bool = False  #: ours: D is shown the intervals, too
    average: float = 0.0  #: ours: how much of itself an average of all weights keeps a step
    adversary: float = 1.0  #: weight of L_GANG; the paper's is 1
    alpha: float = 1.0  #: weight of L_CONST
    beta: float = 15.0  #: weight of L_TID
    gamma: float = 0.01  #: weight of L_TV
    power: float = 2.0  #: B of Eq. 5
    batch: int = 32  #: pictures of each domain in a batch, of all processes together
    rate: float = 3e-4  #: Adam's learning rate, section 5.2
    momentum: float = 0.5  #: Adam's beta_1, as is usual in adversarial training
    steps: int = 800  #: of the training
    d_steps: int = 1  #: updates of D in each step
    g_steps: int = 1  #: updates of G in each step
    every: int = 25  #: steps from one look at the validation songs to the next

    def __post_init__(self):
        if self.layout not in ("unrolled", "channels", "roll"):
            raise ValueError(f"no layout {self.layout!r}: 'unrolled', 'channels' or 'roll'")
        if self.legal and self.layout != "channels":
            raise ValueError("legal pictures are those of pitch, onset and gate")

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(width=4, features=16, batch=8, steps=4, every=2)

    @classmethod
    def laptop(cls) -> Config:
        """Two minutes of one CPU core."""
        return cls(steps=500)

    @classmethod
    def shipped(cls) -> Config:
        """The weights that ship: about four minutes of one CPU core each."""
        return cls()

    @classmethod
    def paper(cls) -> Config:
        """The paper's batch, and the 2,000 iterations of its public code; for a GPU."""
        return cls(width=64, batch=128, steps=2000)


METHODS = {
    "ours": "the paper's network on a picture of pitch, onset and gate; f and D are shown "
    "what will be heard of it, D the intervals, too; its weights are an average",
    "full": "the paper's network on its unrolled picture, with all connections",
    "plain": "the same without residual and skip connections",
    "no_residual": "the same without residual connections",
    "no_skip": "the same without skip connections",
    "no_tv": "the same without the total variation, Eq. 5",
    "no_const": "the same without the f-constancy, Eq. 3",
    "no_gan": "the same without the discriminator, Eqs. 1 and 2",
    "no_guard": "the same with L_CONST as printed, not divided by the variance of f",
    "causal": "the same with filters that see the past alone",
    "recurrent": "the same losses on a recurrent twin of equal size",
    "schedule": "the same with 3 updates of D and 10 of G in every step",
    "pianoroll": "the same network on a piano roll of the same length",
    "ours_no_gan": "ours without the discriminator",
    "copy": "the source as it is",
    "transpose": "the source, moved by one to six semitones",
    "noise": "as many notes as the source has, anywhere",
    "nearest": "the training picture of the target genre that is most like the source",
    "restrike": "the source with every eighth struck anew, at the same pitches",
    "blur": "the source, each pitch averaged over a bar around it",
    "real": "real pictures of the target genre, of songs that no training has seen",
    "left_hand": "the lowest voice of the source pieces: no melody, and no riff",
}
_OURS = dict(layout="channels", legal=True, steps_between=True, average=0.98)
_CHANGES: dict[str, dict[str, Any]] = {
    "ours": _OURS,
    "full": {},
    "plain": dict(residual=False, skip=False),
    "no_residual": dict(residual=False),
    "no_skip": dict(skip=False),
    "no_tv": dict(gamma=0.0),
    "no_const": dict(alpha=0.0),
    "no_gan": dict(adversary=0.0),
    "no_guard": dict(guard=False),
    "causal": dict(causal=True),
    "recurrent": dict(recurrent=True),
    "schedule": dict(d_steps=3, g_steps=10),
    "pianoroll": dict(layout="roll"),
    "ours_no_gan": _OURS | dict(adversary=0.0),
}
TRAINED = tuple(_CHANGES)
UNTRAINED = tuple(name for name in METHODS if name not in TRAINED)


def method(name: str, config: Config) -> Config:
    """The config of a method: `config` with the few settings changed that make the method
    what it is. FusionError if there is no such method, or nothing to train in it.

    Examples
    --------
    >>> method("plain", Config.smoke()).skip
    False
    """
    check_method(name, TRAINED, UNTRAINED)
    return replace(config, **_CHANGES[name])
