"""Every setting of Connective Fusion, at four sizes, and the methods that can be trained.
Nothing here computes. Chapter 4, Connective Fusion, trains with it
(``notebooks/04_connective_fusion_2_full_size``), and compares the methods
(``..._3_measured``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

__all__ = ["LAMBDAS", "METHODS", "Config", "method"]

LAMBDAS = (0.1, 0.3, 1.0, 2.0)  # the weights of the similarity loss that the figures name
# What can be trained. Any lambda goes with any of those that have a generator.
METHODS = {
    "ours": "the paper's transformation, with the errors of its equations corrected",
    "as_printed": "the same with the negative loss -(1 - log D) as it is printed",
    "gradient_penalty": "with the gradient penalty of the work that the paper follows",
    "balanced": "with weights on the four fake terms, which together count as much as the "
    "real one",
    "styled": "with a term of ours that makes the generator depend on the style",
    "vae": "the VAE alone, which reads and writes all places at once",
    "vae_lstm": "the VAE alone, with the LSTM of two layers that the paper names",
}
# What a method changes. A decoder that sees its own past ("lstm") tends to ignore z: it is
# shown less of that past, and the KL divergence weighs less.
_CHANGES: dict[str, dict[str, Any]] = {
    "as_printed": {"negative": "printed"},
    "gradient_penalty": {"gradient_penalty": 10.0},
    "balanced": {"fake_weight": 0.25},
    "styled": {"spread": 1.0},
    "vae": {"phases": ("vae",)},
    "vae_lstm": {"phases": ("vae",), "encoder": "lstm", "decoder": "lstm", "forget": 0.5},
}
_CHANGES["vae_lstm"] |= {"vae_rate": 3e-3, "kl_weight": 0.1}
# A step of "vae_lstm" takes as long as so many of "vae" on a CPU: it gets the same time.
SLOWER = 8
CHOICES = {
    "encoder": ("parallel", "lstm"),
    "decoder": ("parallel", "lstm"),
    "negative": ("corrected", "printed"),
    "phases": (("vae",), ("vae", "fusion")),
}


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the paper's objective, corrected,
    at laptop size.

    The paper gives the latent size, the numbers of layers, ten updates of D to one of G,
    and Adam's settings of both. All else is a choice, ours or that of the work which it
    follows (latent constraints, its reference 6).
    """

    latent: int = 64  #: ``d_z``, section 3.2
    #: ``d_s``, not given: corners of {0, 1}^16 nearly always differ, and beside 128 latent
    #: numbers 16 are not lost
    style: int = 16
    #: "lstm" is printed: two layers, one token after the other. "parallel" sees, or writes,
    #: all 64 places at once: many times quicker, and with a better reconstruction, since a
    #: decoder that sees no tokens has to read everything from z.
    encoder: str = "parallel"
    decoder: str = "parallel"  #: the same
    width: int = 128  #: numbers a place, or hidden units
    blocks: int = 1  #: residual blocks of "parallel"
    patch: int = 4  #: tokens that share a place of "parallel": rhythm repeats by beats
    #: Weight of the KL divergence in Eq. 1. With 1, as printed, z holds too little to
    #: reconstruct a melody; with less, samples of the prior decode worse, and there is less
    #: room for small changes. So: the largest with which melodies are still reconstructed.
    kl_weight: float = 0.2
    kl_warm_up: int = 500  #: steps in which it grows from 0
    #: nats of each latent number that cost nothing, against a decoder "lstm" that learns to
    #: ignore z
    free_bits: float = 0.0
    #: word dropout: the share of earlier tokens that a decoder "lstm" does not see while it
    #: learns, for the same reason
    forget: float = 0.0
    vae_rate: float = 1e-2  #: Adam's, which falls along a cosine: every length ends well
    vae_rise: int = 50  #: steps in which it rises first
    vae_batch: int = 128  #: halves a step
    vae_steps: int = 2000
    clip: float = 1.0  #: largest norm of the VAE's gradient: a rate this high needs one
    mlp_width: int = 256  #: of G and D; not given, 2048 in the work that it follows
    similarity: float = 0.3  #: ``lambda`` of Eq. 8, one of `LAMBDAS` in the paper
    gradient_penalty: float = 0.0  #: its weight, 10 in the work that the paper follows
    #: Of each of the four fake terms of Eq. 3. 1 is printed, and makes D believe that one
    #: pair in five is real; 0.25 makes it one in two: see `losses.optimal_discriminator`.
    fake_weight: float = 1.0
    negative: str = "corrected"  #: or "printed", see `losses.negative`
    #: Not in the paper, no term of which depends on whether the generator uses s: how far
    #: apart, in z-distance, two styles should take a pair. See `losses.spread`.
    spread: float = 0.0
    spread_weight: float = 5.0  #: of that term
    d_steps: int = 10  #: updates of D to one of G, section 3.2
    #: Adam's: 5e-6 in section 3.2, 1e-4 in the work that it follows. A thousand steps
    #: instead of its 200,000 need a hundred times the rate.
    fusion_rate: float = 5e-4
    beta_1: float = 0.0  #: Adam's, section 3.2
    beta_2: float = 0.9  #: the same
    fusion_batch: int = 64  #: pairs of each kind in an update
    fusion_steps: int = 600  #: updates of G
    #: windows, each in one key, that stand for the data set in latent space (``D_z``)
    latent_pairs: int = 30000
    phases: tuple = ("vae", "fusion")  #: what is trained; ("vae",) is the VAE alone

    def __post_init__(self):
        object.__setattr__(self, "phases", tuple(self.phases))  # JSON gives a list
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                can = ", ".join(map(str, choices))
                raise ValueError(f"{name} is {getattr(self, name)!r}; it can be {can}")
        if self.patch < 1 or 64 % self.patch:
            raise ValueError(f"64 tokens cannot be shared out in patches of {self.patch}")

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        own: dict[str, Any] = dict(latent=16, style=4, latent_pairs=200, width=16)
        own |= dict(vae_batch=32, vae_steps=20, vae_rise=5, kl_warm_up=10)
        own |= dict(mlp_width=32, fusion_batch=16, fusion_steps=4, d_steps=2)
        return cls(**own)

    @classmethod
    def laptop(cls) -> Config:
        """Minutes on two CPU cores."""
        return cls()

    @classmethod
    def shipped(cls) -> Config:
        """The weights that come with the package: the VAE takes about ten minutes of one
        CPU core, each generator four.
        """
        own: dict[str, Any] = dict(mlp_width=384, fusion_steps=1000, latent_pairs=150000)
        return cls(kl_weight=0.4, vae_steps=12000, **own)

    @classmethod
    def paper(cls) -> Config:
        """What is printed, else the sizes of the work that it follows. One GPU."""
        own: dict[str, Any] = dict(encoder="lstm", decoder="lstm", width=512, free_bits=0.5)
        own |= dict(kl_weight=1.0, kl_warm_up=20000, vae_rate=1e-3, vae_steps=200000)
        own |= dict(fusion_rate=5e-6, fusion_batch=128, fusion_steps=200000)
        return cls(mlp_width=2048, latent_pairs=400000, **own)


def method(name: str, config: Config, similarity: float | None = None) -> Config:
    """The settings of a method, one of `METHODS`: those of a scale, a `Config`, with what
    the method changes, and with ``lambda``, which is by default that of the scale.

    Examples
    --------
    >>> method("balanced", Config.smoke(), 2.0).fake_weight
    0.25
    """
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; choose one of {', '.join(METHODS)}")
    changes = dict(_CHANGES.get(name, {}))
    if name == "vae_lstm":
        changes["vae_steps"] = max(config.vae_steps // SLOWER, 1)
        changes["kl_warm_up"] = max(config.kl_warm_up // SLOWER, 1)
    if similarity is not None:
        changes["similarity"] = similarity
    return replace(config, **changes)
