"""Every setting of FusionGAN, at four sizes, and the methods as changes of a few of them.
Nothing here computes.
"""

from dataclasses import dataclass, replace

from fusiontools.errors import FusionError

__all__ = ["LEASH", "METHODS", "TRAINED", "UNTRAINED", "Config", "method"]

# Filter sizes and their numbers: the public code's, 1,720 filters in all.
PUBLIC_FILTERS = (
    (1, 100),
    (2, 200),
    (3, 200),
    (4, 200),
    (5, 200),
    (6, 100),
    (7, 100),
    (8, 100),
    (9, 100),
    (10, 100),
    (15, 160),
    (20, 160),
)


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training. The defaults are the paper's objective, corrected,
    at laptop size.

    Parameters
    ----------
    embedding, hidden : int
        Widths of the generators' LSTM.
    critic_embedding : int
    filters : tuple of (size, number)
        Of the critics' TextCNN.
    keep : float
        Share of features that dropout keeps while a critic learns.
    bound : {"spectral", "penalty", "clip", "none"}
        How a critic is kept Lipschitz, see
        ``fusiontools.papers.fusiongan.networks.Critic``.
    batch : int
    mle_epochs : int
    mle_rate, g_rate, fusion_rate, d_rate : float
        Adam's learning rates: maximum likelihood; the policy gradient of G_A and G_B, and
        of G_F in the game of both genres; that of G_F in the fusion; critics.
    clip : float
        Longest gradient of a generator.
    rollouts : int
        Monte-Carlo continuations of each prefix.
    update_rate : float
        How much of its old self the rollout policy keeps after each step of its generator.
    d_start : int
        Critic steps before the adversarial game (Algorithm 1, line 5).
    gan_rounds, fusion_rounds : int
        Rounds of lines 6 to 16, and of lines 20 to 30.
    g_steps, d_steps : int
        Steps of a generator and of a critic in each round.
    objective : {"corrected", "printed"}
        See ``fusiontools.papers.fusiongan.losses``.
    balance : float
        Weight of Eqs. 9 and 13; 0 leaves them out.
    phase_two : bool
        Lines 25 to 28 of Algorithm 1.
    rewards : {"rollouts", "constant"}
        In the fusion; "constant" rewards every token with 1.
    inside : float
        Weight of the balance *inside* the expectation, ours: see
        ``fusiontools.papers.fusiongan.losses.reward_ours``. 0 is the paper.
    kl : float
        Weight of the divergence of G_F from what it was after maximum likelihood; ours. 0
        is the paper.
    genre_steps : int
        Steps of the critic that tells A from B; ours.
    phases : tuple of str
        What is done, see ``fusiontools.papers.fusiongan.algorithm``.
    voices : tuple of str
        The generators that the method's melodies come from, in equal parts.
    """

    embedding: int = 32
    hidden: int = 128
    critic_embedding: int = 32
    filters: tuple = ((1, 16), (2, 32), (3, 32), (4, 32), (6, 16), (8, 16))
    keep: float = 0.75
    bound: str = "spectral"
    batch: int = 64
    mle_epochs: int = 6
    mle_rate: float = 4e-3
    g_rate: float = 1e-4
    fusion_rate: float = 1e-4
    d_rate: float = 1e-3
    clip: float = 5.0
    rollouts: int = 2
    update_rate: float = 0.8
    d_start: int = 100
    gan_rounds: int = 10
    fusion_rounds: int = 40
    g_steps: int = 1
    d_steps: int = 3
    objective: str = "corrected"
    balance: float = 1.0
    phase_two: bool = True
    rewards: str = "rollouts"
    inside: float = 0.0
    kl: float = 0.0
    genre_steps: int = 300
    phases: tuple = ("mle", "critics", "game", "fusion")
    voices: tuple = ("F",)

    def __post_init__(self):
        object.__setattr__(
            self,
            "filters",
            tuple((int(size), int(number)) for size, number in self.filters),
        )
        object.__setattr__(self, "phases", tuple(self.phases))
        object.__setattr__(self, "voices", tuple(self.voices))
        allowed = {"bound": ("spectral", "penalty", "clip", "none")}
        allowed |= {
            "objective": ("corrected", "printed"),
            "rewards": ("rollouts", "constant"),
        }
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}; it can be {', '.join(values)}"
                )

    @classmethod
    def smoke(cls):
        """Seconds: it shows that the code runs, and nothing else."""
        sizes = dict(
            embedding=8,
            hidden=16,
            critic_embedding=8,
            filters=((1, 8), (2, 8), (3, 8)),
            batch=16,
            rollouts=2,
        )
        return cls(
            **sizes,
            mle_epochs=1,
            d_start=3,
            gan_rounds=1,
            fusion_rounds=2,
            d_steps=1,
            genre_steps=3,
        )

    @classmethod
    def laptop(cls):
        """Minutes on two CPU cores."""
        return cls()

    @classmethod
    def shipped(cls):
        """The weights that come with the package: all methods of one pair take a little
        over an hour of one CPU core.
        """
        return cls(
            embedding=48,
            hidden=160,
            mle_epochs=10,
            mle_rate=3e-3,
            d_start=150,
            gan_rounds=20,
            fusion_rounds=80,
        )

    @classmethod
    def paper(cls):
        """The sizes of the authors' public code; the paper gives none. A Lipschitz bound is
        the one thing added.
        """
        return cls(
            **dict(
                embedding=32,
                hidden=32,
                critic_embedding=32,
                filters=PUBLIC_FILTERS,
                keep=0.5,
                batch=64,
                rollouts=16,
                update_rate=0.8,
            ),
            **dict(
                mle_epochs=25,
                mle_rate=1e-2,
                g_rate=1e-2,
                fusion_rate=1e-2,
                d_rate=1e-3,
                clip=5.0,
            ),
            **dict(d_start=300, gan_rounds=10, fusion_rounds=10),
        )


METHODS = {
    "rm": "random mixing: each note's pitch and duration drawn evenly from all that occur",
    "mc": "Monte Carlo: each note's pitch and duration drawn as often as they occur",
    "mle": "an LSTM that learned both genres together by predicting the next token",
    "gan": "the same LSTM, then one critic of both genres together",
    "rl": "each genre's generator, then rewarded by the other genre's critic; half of the melodies from each",
    "fusion": "FusionGAN: three generators, three critics, the corrected objective",
    "fusion_as_printed": "FusionGAN with the signs and weights as printed, and no Lipschitz bound",
    "fusion_no_balance": "FusionGAN without Eqs. 9 and 13",
    "fusion_constant_rewards": "FusionGAN whose generators are rewarded with 1 for everything",
    "fusion_no_phase_two": "FusionGAN whose G_A, G_B, D_A, D_B stay as pre-trained",
    "fusion_leashed": "FusionGAN with the learning rate and the leash of our variant, and without its demand on single melodies: a control",
    "fusion_ours": "FusionGAN with a demand on each single melody, to lie between the genres; a higher learning rate, and a leash to MLE",
    "half_and_half": "a bag: one half real melodies of A, the other half of B",
    "splice": "real melodies of A and of B, cut at a whole number of four-beat bars: the beginning of one, then the end of the other",
    "shuffle": "the bag of half and half, each melody's notes in another order",
    "noise": "any pitch and any length, all equally likely",
    "real_a": "real melodies of A that no training has seen",
    "real_b": "real melodies of B that no training has seen",
}
UNTRAINED = ("rm", "mc", "half_and_half", "splice", "shuffle", "noise", "real_a", "real_b")
TRAINED = tuple(name for name in METHODS if name not in UNTRAINED)
_CHANGES = {
    "mle": dict(phases=("mle",)),
    "gan": dict(phases=("mle", "critics", "game_f")),
    "rl": dict(phases=("mle", "critics", "game", "exchange"), voices=("A", "B")),
    "fusion_as_printed": dict(objective="printed", bound="none"),
    "fusion_no_balance": dict(balance=0.0),
    "fusion_constant_rewards": dict(rewards="constant"),
    "fusion_no_phase_two": dict(phase_two=False),
    "fusion_leashed": dict(kl=0.1, fusion_rate=2e-3),
    "fusion_ours": dict(
        inside=1.0,
        kl=0.1,
        fusion_rate=2e-3,
        phases=("mle", "critics", "game", "genre", "fusion"),
    ),
}


# How strongly `fusion_ours`, and its control `fusion_leashed`, hold on to what maximum
# likelihood taught: the further apart the genres, the more a melody between them has to
# leave both, and the more it forgets on the way. 0.1 was chosen with a judge of training
# songs, not with the one that measures; for jazz and folk it was doubled once, when the
# Ratio of duration pairs passed that of MC.
LEASH = {"weimar_essen": 0.2}


def method(name, config, pair=None):
    """The config of a method: `config` with the few settings changed that make the method
    what it is.

    Parameters
    ----------
    name : str
        One of `TRAINED`.
    config : Config
    pair : str, optional
        The name of the data, of which the weight of one term in ``"fusion_ours"`` depends:
        see `LEASH`.

    Returns
    -------
    Config

    Raises
    ------
    FusionError
        If there is no such method, or nothing to train in it.

    Examples
    --------
    >>> method("fusion_no_balance", Config.smoke()).balance
    0.0
    """
    if name not in TRAINED:
        found = (
            f"{name!r} needs no training"
            if name in UNTRAINED
            else f"there is no method {name!r}"
        )
        raise FusionError(found, "method", f"choose one of {', '.join(TRAINED)}")
    changes = dict(_CHANGES.get(name, {}))
    if "kl" in changes:
        changes["kl"] = LEASH.get(pair, changes["kl"])
    return replace(config, **changes)
