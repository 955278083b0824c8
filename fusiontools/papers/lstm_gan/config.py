"""Every setting of the GANs for piano rolls, at four sizes, and the methods as changes of a
few of them. Chapter 6, LSTM and convolutional GANs.

The paper gives the layers of its bi-LSTM GAN (its second Figures 4 and 5), SGD at 0.01 that
decays each epoch, and Adam for the CNN-LSTM GAN. Its Figures 6 and 7, with the shapes of
that one, are lost, its "naive model" is never defined, and batch, decay, dropout and rates
of Adam are not told: these are choices of ours, and stand here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fusiontools.errors import check_method

__all__ = ["METHODS", "TRAINED", "UNTRAINED", "Config", "method"]

CHOICES = {
    "generator": ("cnn", "strided", "bilstm", "printed", "dense"),
    "discriminator": ("bilstm", "conv", "printed", "dense"),
    "loss": ("bce", "hinge", "wgan"),
    "optimizer": ("adam", "sgd"),
    "binary": ("threshold", "bernoulli"),
    "init": ("random", "constant"),
}


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the CNN-LSTM GAN that ships."""

    generator: str = "cnn"  #: what makes bars of noise, see `networks`
    discriminator: str = "bilstm"  #: what tells them from real ones
    loss: str = "bce"  #: the paper's, Eqs. 1 to 6; "hinge" and "wgan" came later
    optimizer: str = "adam"  #: or "sgd", the paper's for the bi-LSTM GAN
    rate: float = 5e-4  #: of G
    d_rate: float = 1e-3  #: of D
    decay: float = 1.0  #: what both rates are multiplied by after each epoch
    final: float = 0.1  #: what both come down to, over the second half of the training
    momentum: float = 0.5  #: beta_1 of Adam; SGD has none
    binary: str = "threshold"  #: how cells get on or off: or "bernoulli", by chance
    width: int = 32  #: of G: channels, or units of an LSTM
    d_width: int = 64  #: of D, the same
    noise: int = 100  #: length of z, the paper's; without `reach` an LSTM has one a cell
    grid: int = 48  #: cells a bar; the paper has 96
    fold: int = 2  #: cells of time that D's LSTM reads at once
    dropout: float = 0.2  #: in the recurrent generator, "applied in every layer"
    batch: int = 32  #: bars in a batch, of all processes together
    steps: int = 1600  #: of the training; with twice as many, notes fall to pieces
    d_steps: int = 1  #: updates of D in each step
    g_steps: int = 1  #: updates of G in each step
    pretrain: int = 0  #: steps of pre-training G alone, see `training`
    init: str = "random"  #: "constant": all weights of G start alike
    penalty: float = 10.0  #: weight of the gradient penalty of "wgan"
    reach: bool = False  #: ours: every step of the recurrent generator reads all of z
    hears: bool = True  #: ours: D is given onsets, sums and the spread of a batch
    steepness: float = 1.0  #: ours: weight of the zero-centred gradient penalty
    average: float = 0.995  #: how much of itself an average of G's weights keeps a step
    empty: bool = False  #: whether bars without a note are in the training
    share: float = 0.1  #: of the songs; the paper took a tenth
    every: int = 50  #: steps from one look at what G makes to the next

    def __post_init__(self):
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                found = f"{name} {getattr(self, name)!r}"
                raise ValueError(f"{found}: choose one of {', '.join(choices)}")
        if 96 % self.grid or self.grid % self.fold or self.grid % 16:
            raise ValueError("a grid divides 96, and both 16 and fold divide the grid")
        kinds = {self.generator == "printed", self.discriminator == "printed"}
        if kinds != {False} and (kinds != {True} or self.grid != 96 or self.pretrain):
            raise ValueError("printed networks come as a pair, on a grid of 96, alone")

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(width=4, d_width=8, batch=4, steps=4, every=2)

    @classmethod
    def laptop(cls) -> Config:
        """Two minutes of one CPU core."""
        return cls(steps=600)

    @classmethod
    def shipped(cls) -> Config:
        """The weights that ship: about three minutes of one CPU core each."""
        return cls()

    @classmethod
    def paper(cls) -> Config:
        """The printed grid, and LSTMs of the printed 512 units in D; for a GPU."""
        return cls(width=64, d_width=512, grid=96, fold=1, batch=16, steps=30_000)


METHODS = {
    "cnn_lstm": "a convolutional generator against a bi-LSTM discriminator",
    "musegan": "two convolutional networks, Wasserstein loss with gradient penalty",
    "bilstm": "the bi-LSTM GAN that the text describes: many-hot piano rolls, SGD",
    "bilstm_printed": "the bi-LSTM GAN of the printed layer tables: one number a step",
    "naive": "a fully connected GAN, our reading of the naive model",
    "bilstm_pretrained": "bilstm, its generator first trained alone",
    "bilstm_g_steps": "bilstm with 5 updates of G to each of D, as section 3 has it",
    "bilstm_d_steps": "bilstm with 10 updates of D to each of G, as section 2.1.2 has it",
    "bilstm_balanced": "bilstm with as many weights in G as in D, at the shipped size",
    "bilstm_constant": "bilstm, all weights of G alike at the start",
    "collapsed": "bilstm with Adam for SGD: one bar for all noise, often one held note",
    "bilstm_reach": "collapsed, but each step of G reads all the noise, and more strongly",
    "bilstm_ours": "bilstm_reach with everything else that cnn_lstm has",
    "cnn_lstm_plain": "cnn_lstm as the paper has it: cross-entropy, nothing of ours",
    "cnn_lstm_hinge": "cnn_lstm with a hinge loss",
    "cnn_lstm_long": "cnn_lstm for twice as many steps",
    "cnn_lstm_bernoulli": "cnn_lstm, cells on and off by chance instead of a threshold",
    "cnn_lstm_all": "cnn_lstm on all songs instead of a tenth",
    "cnn_lstm_empty": "cnn_lstm that has to learn bars without a note, too",
    "data": "real bars of the training songs",
    "heldout": "real bars of songs that no training has seen",
    "permuted": "those bars, their pitches in an order by chance",
    "bernoulli": "every cell on by chance, as often as in real bars",
}
_RECURRENT = dict(generator="bilstm", optimizer="sgd", rate=0.01, d_rate=0.01)
_RECURRENT |= dict(decay=0.95, width=64)
_PLAIN = dict(hears=False, steepness=0.0, final=1.0, average=0.0)  # as the paper has it
_RECURRENT |= _PLAIN
_WITH_ADAM = _RECURRENT | dict(optimizer="adam", rate=1e-3, d_rate=1e-3, decay=1.0)
_CHANGES: dict[str, dict[str, Any]] = {
    "cnn_lstm": {},
    "musegan": dict(generator="strided", discriminator="conv", loss="wgan", steepness=0.0)
    | dict(rate=1e-3, width=64),
    "bilstm": _RECURRENT,
    "bilstm_printed": _RECURRENT
    | dict(generator="printed", discriminator="printed", grid=96, fold=1, batch=16),
    "naive": dict(generator="dense", discriminator="dense", average=0.0),
    "bilstm_pretrained": _RECURRENT | dict(pretrain=300),
    "bilstm_g_steps": _RECURRENT | dict(g_steps=5),
    "bilstm_d_steps": _RECURRENT | dict(d_steps=10),
    "bilstm_balanced": _RECURRENT | dict(width=51),
    "bilstm_constant": _RECURRENT | dict(init="constant"),
    "collapsed": _WITH_ADAM,
    "bilstm_reach": _WITH_ADAM | dict(reach=True),
    "bilstm_ours": dict(generator="bilstm", reach=True, dropout=0.0, width=64),
    "cnn_lstm_plain": _PLAIN | dict(rate=2e-4, d_rate=2e-4),
    "cnn_lstm_hinge": dict(loss="hinge"),
    "cnn_lstm_long": {},
    "cnn_lstm_bernoulli": dict(binary="bernoulli"),
    "cnn_lstm_all": dict(share=1.0),
    "cnn_lstm_empty": dict(empty=True),
}
TRAINED = tuple(_CHANGES)
UNTRAINED = tuple(name for name in METHODS if name not in TRAINED)


def method(name: str, config: Config) -> Config:
    """The config of a method: `config` with the few settings changed that make the method
    what it is. FusionError if there is no such method, or nothing to train in it.

    Examples
    --------
    >>> method("cnn_lstm_hinge", Config.smoke()).loss
    'hinge'
    """
    check_method(name, TRAINED, UNTRAINED)
    changes = dict(_CHANGES[name])
    if name == "cnn_lstm_long":
        changes["steps"] = 2 * config.steps
    if config.width < Config.width:  # small sizes stay small
        small = dict(width=config.width, batch=config.batch, pretrain=2)
        changes |= {k: v for k, v in small.items() if k in changes}
    return replace(config, **changes)
