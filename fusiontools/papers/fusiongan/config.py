"""Every setting of FusionGAN, at four sizes, and the methods as changes of a few of them.

Chapter 3, FusionGAN: `notebooks/03_fusiongan_2_full_size` trains with it,
`notebooks/03_fusiongan_3_measured` compares the methods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fusiontools.errors import check_method

__all__ = ["KL_WEIGHT", "METHODS", "TRAINED", "UNTRAINED", "Config", "method"]

# The public code's filters, 1,720 in all
_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
_NUMBERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the paper's objective, corrected,
    at laptop size.
    """

    embedding: int = 32  #: width of a token's vector in a generator
    hidden: int = 128  #: width of a generator's LSTM
    critic_embedding: int = 32  #: width of a token's vector in a critic
    #: of a critic's TextCNN: (size, number) of each kind
    filters: tuple = ((1, 16), (2, 32), (3, 32), (4, 32), (6, 16), (8, 16))
    keep: float = 0.75  #: share of features that dropout keeps while a critic learns
    bound: str = "spectral"  #: how a critic is kept Lipschitz; or "none", see `Critic`
    batch: int = 64  #: melodies in a batch, of all processes together
    mle_epochs: int = 6  #: of as many melodies as the larger genre has (line 3)
    mle_rate: float = 4e-3  #: Adam's learning rate of maximum likelihood
    g_rate: float = 1e-4  #: of the policy gradient, except that of G_F in the fusion
    fusion_rate: float = 1e-4  #: of the policy gradient of G_F in the fusion
    d_rate: float = 1e-3  #: of the critics
    clip: float = 5.0  #: longest gradient of a generator
    rollouts: int = 2  #: N, Monte-Carlo continuations of each prefix
    update_rate: float = 0.8  #: what the rollout policy keeps of its old self in a step
    d_start: int = 100  #: critic steps before the adversarial game (line 5)
    gan_rounds: int = 10  #: rounds of lines 6 to 17
    fusion_rounds: int = 40  #: rounds of lines 20 to 30
    g_steps: int = 1  #: steps of a generator in each round
    d_steps: int = 3  #: steps of a critic in each round
    objective: str = "corrected"  #: or "printed", see the module `losses`
    balance: float = 1.0  #: weight of Eqs. 9 and 13; 0 leaves them out
    phase_two: bool = True  #: lines 26 to 29
    #: in the fusion: "rollouts", what critics say of finished sequences; "demand", our
    #: penalty alone, without critics; "constant", 1 for every token
    rewards: str = "rollouts"
    #: lambda_in, ours: weight of the penalty on each melody, see `reward_ours`
    inside: float = 0.0
    #: lambda_KL, ours: weight of the KL divergence of G_F from what it was after maximum
    #: likelihood
    kl: float = 0.0
    genre_steps: int = 300  #: ours: steps of the guide, a classifier of A against B
    stretch: int = 0  #: ours: tokens of a segment that it classifies; 0, a whole melody
    phases: tuple = ("mle", "critics", "game", "fusion")  #: see the module `algorithm`
    voices: tuple = ("F",)  #: the generators that the melodies come from
    #: how several voices generate: "apart", in equal parts; or each token together, by the
    #: "product" or the "mean" of their distributions, see the module `sampling`
    joint: str = "apart"
    share: float = 0.5  #: alpha, of the first of two voices that generate together
    temperature: float = 1.0  #: what logits are divided by
    #: best of n: of so many melodies, or continuations by a segment, the one is kept whose
    #: genre the guide is least sure of
    tries: int = 1

    def __post_init__(self):
        allowed = {"bound": ("spectral", "none"), "objective": ("corrected", "printed")}
        allowed["rewards"] = ("rollouts", "demand", "constant")
        allowed["joint"] = ("apart", "product", "mean")
        for name, values in allowed.items():
            value = getattr(self, name)
            if value not in values:
                raise ValueError(f"{name} is {value!r}; it can be {', '.join(values)}")

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        filters = ((1, 8), (2, 8), (3, 8))
        own: dict[str, Any] = dict(embedding=8, hidden=16, critic_embedding=8, batch=16)
        own |= dict(filters=filters, mle_epochs=1, d_start=3, gan_rounds=1, fusion_rounds=2)
        return cls(**own, d_steps=1, genre_steps=3)

    @classmethod
    def laptop(cls) -> Config:
        """Minutes on two CPU cores."""
        return cls()

    @classmethod
    def shipped(cls) -> Config:
        """The weights that ship: all of one pair take about an hour of one CPU core."""
        own: dict[str, Any] = dict(embedding=40, hidden=128, mle_rate=3e-3)
        own |= dict(mle_epochs=10, d_start=150, gan_rounds=20, fusion_rounds=80)
        return cls(**own)

    @classmethod
    def paper(cls) -> Config:
        """The sizes of the authors' public code; the paper gives none. Not from there: the
        Lipschitz bound, and objective and balance, which are corrected.
        """
        filters = tuple(zip(_SIZES, _NUMBERS))
        own: dict[str, Any] = dict(embedding=32, hidden=32, critic_embedding=32)
        own |= dict(mle_rate=1e-2, g_rate=1e-2, fusion_rate=1e-2, d_rate=1e-3, clip=5.0)
        own |= dict(mle_epochs=25, d_start=300, gan_rounds=10, fusion_rounds=10)
        own |= dict(filters=filters, keep=0.5, batch=64, rollouts=16, update_rate=0.8)
        return cls(**own)


METHODS = {
    "rm": "random mixing: each note's pitch and duration drawn evenly from all that occur",
    "mc": "Monte Carlo: each note's pitch and duration drawn as often as they occur",
    "mle": "an LSTM that learned both genres together by predicting the next token",
    "gan": "the same LSTM, then one critic of both genres together",
    "rl": "each genre's generator, then rewarded by the other's critic; half from each",
    "fusion": "FusionGAN: three generators, three critics, the corrected objective",
    "fusion_as_printed": "FusionGAN with signs and weights as printed, unbounded critics",
    "fusion_no_balance": "FusionGAN without Eqs. 9 and 13",
    "fusion_constant_rewards": "FusionGAN with a reward of 1 for every token",
    "fusion_no_phase_two": "FusionGAN whose G_A, G_B, D_A, D_B stay as pre-trained",
    "fusion_kl": "FusionGAN with the learning rate and the KL penalty of our variant, "
    "and without its penalty on single melodies: a control",
    "fusion_ours": "FusionGAN with a penalty on each melody that a guide classifier places "
    "in one genre; a higher learning rate, and a KL penalty to MLE",
    "no_critics": "the same two penalties, and no adversary at all",
    "fusion_stretches": "our variant with the penalty on every segment of 12 tokens",
    "mle_hot": "MLE at temperature 2",
    "rejection": "of 16 melodies by MLE the one whose genre the guide is least sure of",
    "experts": "two LSTMs, one a genre, whose distributions of the next token are "
    "multiplied (product of experts)",
    "mixture": "the same two, whose distributions are averaged",
    "experts_best_of_8": "of 8 melodies by the product of experts the one whose genre the "
    "guide is least sure of",
    "experts_stretches": "the product of experts, 12 tokens at a time: of 8 continuations "
    "the one with no segment whose genre the guide is sure of",
    "blend": "MLE, 12 tokens at a time: of 24 continuations the one with no segment whose "
    "genre the guide is sure of",
    "half_and_half": "a 50/50 mixture: real melodies of A, and as many of B",
    "splice": "the beginning of a real melody of A, then the end of one of B, or the other "
    "way round, cut at a whole number of four-beat bars",
    "shuffle": "the 50/50 mixture, each melody's notes in another order",
    "noise": "any pitch and any length, all equally likely",
    "real_a": "real melodies of A that no training has seen",
    "real_b": "real melodies of B that no training has seen",
}
# What makes each trained method what it is; "fusion" is the config as it stands.
_OURS = dict(kl=0.1, fusion_rate=2e-3)
_DEMAND = _OURS | dict(inside=1.0, phases=("mle", "critics", "game", "genre", "fusion"))
_STRETCH = dict(stretch=12)  # and ten times the steps for the guide, see `method`
_GENRE = dict(phases=("mle", "genre"))
_EXPERTS = dict(voices=("A", "B"), joint="product")
_CHANGES: dict[str, dict[str, Any]] = {
    "mle": dict(phases=("mle",)),
    "gan": dict(phases=("mle", "critics", "game_f")),
    "rl": dict(phases=("mle", "critics", "game", "exchange"), voices=("A", "B")),
    "fusion": {},
    "fusion_as_printed": dict(objective="printed", bound="none"),
    "fusion_no_balance": dict(balance=0.0),
    "fusion_constant_rewards": dict(rewards="constant"),
    "fusion_no_phase_two": dict(phase_two=False),
    "fusion_kl": _OURS,
    "fusion_ours": _DEMAND,
    "no_critics": _DEMAND | dict(rewards="demand", phases=("mle", "genre", "fusion")),
    "fusion_stretches": _DEMAND | _STRETCH,
    "mle_hot": dict(phases=("mle",), temperature=2.0),
    "rejection": _GENRE | dict(tries=16),
    "experts": _EXPERTS | dict(phases=("mle",)),
    "mixture": _EXPERTS | dict(phases=("mle",), joint="mean"),
    "experts_best_of_8": _EXPERTS | _GENRE | dict(tries=8),
    "experts_stretches": _EXPERTS | _GENRE | _STRETCH | dict(tries=8),
    "blend": _GENRE | _STRETCH | dict(tries=24),
}
TRAINED = tuple(_CHANGES)
UNTRAINED = tuple(name for name in METHODS if name not in TRAINED)

# Where the weight of the KL penalty is not 0.1: the further apart the genres, the more a
# melody between them has to leave both, and the more it forgets on the way.
KL_WEIGHT = {"weimar_essen": 0.2}


def method(name: str, config: Config, pair: str | None = None) -> Config:
    """The config of a method: `config` with the few settings changed that make the method
    what it is. The weight of a KL penalty depends on the name of the `pair`. FusionError if
    there is no such method, or nothing to train in it.

    Examples
    --------
    >>> method("fusion_no_balance", Config.smoke()).balance
    0.0
    """
    check_method(name, TRAINED, UNTRAINED)
    changes = _CHANGES[name]
    if "kl" in changes and pair in KL_WEIGHT:
        changes = changes | {"kl": KL_WEIGHT[pair]}
    if "stretch" in changes:  # no filter may be longer than a segment
        fit = tuple(own for own in config.filters if own[0] <= changes["stretch"])
        changes = changes | {"filters": fit, "genre_steps": 10 * config.genre_steps}
    return replace(config, **changes)
