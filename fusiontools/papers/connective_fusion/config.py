"""Every setting of Connective Fusion, at four sizes. Nothing here computes."""

from dataclasses import dataclass, replace

__all__ = ["LAMBDAS", "METHODS", "Config", "method"]

LAMBDAS = (0.1, 0.3, 1.0, 2.0)  # the weights of the similarity loss that the figures name
# What can be trained, and what is changed for it. Any lambda goes with any of those that
# have a generator.
METHODS = {
    "ours": "the paper's transformation, with the slips of its equations mended",
    "as_printed": "the same with the negative loss -(1 - log D) as it is printed",
    "gradient_penalty": "with the gradient penalty of the work that the paper follows",
    "balanced": "with the four fake terms weighed so that they are as heavy as the real one",
    "styled": "with a term that makes the generator listen to the style; it is ours",
    "vae": "the VAE alone, which reads and writes all places at once",
    "vae_lstm": "the VAE alone, with the LSTM of two layers that the paper names",
}
_CHANGES = {
    "as_printed": {"negative": "printed"},
    "gradient_penalty": {"gradient_penalty": 10.0},
    "balanced": {"fake_weight": 0.25},
    "styled": {"spread": 1.0},
    "vae": {"phases": ("vae",)},
    # a decoder that sees its own past would rather do without z: it is shown less of that
    # past, and z costs it less
    "vae_lstm": {
        "phases": ("vae",),
        "encoder": "lstm",
        "decoder": "lstm",
        "vae_rate": 3e-3,
        "kl_weight": 0.1,
        "forget": 0.5,
    },
}
# a step of "vae_lstm" takes as long as so many of "vae" on a CPU: it gets the same time
SLOWER = 8


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the paper's objective, corrected,
    at laptop size.

    The paper gives the latent size, the numbers of layers, ten updates of D to one of G,
    and Adam's settings. All else is a choice, ours or that of the work which it follows
    (latent constraints, its reference 6), and each says why.

    Parameters
    ----------
    latent : int
        ``d_z``: 64, section 3.2.
    style : int
        ``d_s``, not given. 16: corners drawn from {0, 1}^16 nearly always differ, and
        beside 128 latent numbers it is not lost.
    encoder, decoder : {"parallel", "lstm"}
        "lstm" is printed: two layers, one token after the other. "parallel" sees, or
        writes, all 64 places at once: many times quicker to train, and more faithful, since
        a decoder that sees no tokens has to read everything from z.
    width : int
        Numbers a place, or hidden units. Not given; what the time allows.
    blocks, patch : int
        Of "parallel": residual blocks, and tokens that share a place. 4 tokens are a beat,
        and rhythm repeats by beats.
    kl_weight, kl_warm_up : float, int
        Weight of the divergence in Eq. 1, and steps in which it grows from 0. 1 is printed,
        and leaves too little in z to give a melody back. Less keeps more, and asks less
        that samples of the prior decode well, and leaves less room for changes at a small
        z-distance: so the largest weight that still gives melodies back.
    free_bits : float
        Nats of each latent number that cost nothing; against a decoder "lstm" that learns
        to do without z.
    forget : float
        Share of earlier tokens that a decoder "lstm" does not see while it learns, for the
        same reason.
    vae_rate, vae_rise, vae_batch, vae_steps : float, int, int, int
        Adam's rate, the steps in which it rises, halves a step, and steps. Not given. The
        rate falls along a cosine, so that a training ends well wherever it ends.
    clip : float
        Longest gradient of the VAE: a rate this high needs one.
    mlp_width : int
        Of the generator and the discriminator. Not given; the work it follows has 2048.
    similarity : float
        ``lambda`` of Eq. 8, one of `LAMBDAS` in the paper.
    gradient_penalty : float
        The paper mentions none; the work it follows has one of weight 10, which the method
        "gradient_penalty" tries.
    fake_weight : float
        Of each of the four fake terms of Eq. 3. 1 is printed, and makes D believe that one
        pair in five is real; 0.25 makes it one in two. See
        ``fusiontools.papers.connective_fusion.losses.optimal_discriminator``.
    negative : {"corrected", "printed"}
        See ``fusiontools.papers.connective_fusion.losses.negative``.
    spread, spread_weight : float
        Not in the paper, whose objective is content with a generator that overlooks s. How
        far apart, in z-distance, what two styles make of one pair should stand, and the
        weight of that demand. 0 asks for nothing. See
        ``fusiontools.papers.connective_fusion.losses.spread``.
    d_steps : int
        Updates of D to one of G: 10, section 3.2.
    fusion_rate, beta_1, beta_2 : float
        Adam's: 5e-6, 0 and 0.9 in section 3.2; 1e-4 in the work it follows. A thousand
        steps instead of its 200,000 need a hundred times the rate: at 2e-4 they hardly move
        anything.
    fusion_batch, fusion_steps : int
        Pairs of each kind in an update, and generator updates. Not given; 128 and 200,000
        in the work it follows.
    latent_pairs : int
        How many windows, each in one key, stand for the data set in latent space (``D_z``).
        Those of all keys would fill the memory.
    phases : tuple of str
        What is done, see ``fusiontools.papers.connective_fusion.phases``.
    """

    latent: int = 64
    style: int = 16
    encoder: str = "parallel"
    decoder: str = "parallel"
    width: int = 128
    blocks: int = 1
    patch: int = 4
    kl_weight: float = 0.2
    kl_warm_up: int = 500
    free_bits: float = 0.0
    forget: float = 0.0
    vae_rate: float = 1e-2
    vae_rise: int = 50
    vae_batch: int = 128
    vae_steps: int = 2000
    clip: float = 1.0
    mlp_width: int = 256
    similarity: float = 0.3
    gradient_penalty: float = 0.0
    fake_weight: float = 1.0
    negative: str = "corrected"
    spread: float = 0.0
    spread_weight: float = 5.0
    d_steps: int = 10
    fusion_rate: float = 5e-4
    beta_1: float = 0.0
    beta_2: float = 0.9
    fusion_batch: int = 64
    fusion_steps: int = 600
    latent_pairs: int = 30000
    phases: tuple = ("vae", "fusion")

    def __post_init__(self):
        object.__setattr__(self, "phases", tuple(self.phases))
        ways = ("parallel", "lstm")
        for name, values in {
            "encoder": ways,
            "decoder": ways,
            "negative": ("corrected", "printed"),
        }.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it can be {', '.join(values)}"
                )
        if unknown := set(self.phases) - {"vae", "fusion"}:
            raise ValueError(f"there is no phase {', '.join(sorted(unknown))}")
        if self.patch < 1 or 64 % self.patch:
            raise ValueError(f"64 tokens cannot be shared out in patches of {self.patch}")

    @classmethod
    def smoke(cls):
        """Seconds: it shows that the code runs, and nothing else."""
        sizes = cls(
            latent=16,
            style=4,
            width=16,
            blocks=1,
            vae_batch=32,
            vae_steps=20,
            vae_rise=5,
            kl_warm_up=10,
        )
        return replace(
            sizes,
            mlp_width=32,
            fusion_batch=16,
            fusion_steps=4,
            d_steps=2,
            latent_pairs=200,
        )

    @classmethod
    def laptop(cls):
        """Minutes on two CPU cores."""
        return cls()

    @classmethod
    def shipped(cls):
        """The weights that come with the package. Its VAE takes about ten minutes of one
        CPU core, and each generator four.
        """
        return cls(
            kl_weight=0.4,
            vae_steps=12000,
            mlp_width=384,
            fusion_steps=1000,
            latent_pairs=150000,
        )

    @classmethod
    def paper(cls):
        """What is printed, and where nothing is, the sizes of the work it follows. One GPU."""
        vae = cls(
            encoder="lstm",
            decoder="lstm",
            width=512,
            kl_weight=1.0,
            kl_warm_up=20000,
            free_bits=0.5,
            vae_steps=200000,
        )
        steps = {
            "vae_rate": 1e-3,
            "fusion_rate": 5e-6,
            "fusion_batch": 128,
            "fusion_steps": 200000,
        }
        return replace(vae, mlp_width=2048, latent_pairs=400000, **steps)


def method(name, config, similarity=None):
    """The settings of a method: those of a scale, with what the method changes.

    Parameters
    ----------
    name : str
        One of `METHODS`.
    config : Config
    similarity : float, optional
        ``lambda``; by default the config's.

    Returns
    -------
    Config

    Raises
    ------
    ValueError
        If there is no such method.

    Examples
    --------
    >>> method("balanced", Config.smoke(), 2.0).fake_weight
    0.25
    """
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r}; choose one of {', '.join(METHODS)}")
    changed = replace(config, **_CHANGES.get(name, {}))
    if name == "vae_lstm":
        changed = replace(
            changed,
            vae_steps=max(changed.vae_steps // SLOWER, 1),
            kl_warm_up=max(changed.kl_warm_up // SLOWER, 1),
        )
    return changed if similarity is None else replace(changed, similarity=similarity)
