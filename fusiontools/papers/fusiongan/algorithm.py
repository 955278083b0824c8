"""Algorithm 1 of FusionGAN, in plain loops: maximum likelihood, critics, the adversarial
game of each genre, and the fusion of three.

`train` walks through the phases that its config names; each phase is one loop here, to be
read beside the paper, whose lines the docstrings name. How a run survives being killed,
`fusiontools.training` knows. Chapter 3, FusionGAN: `notebooks/03_fusiongan_1_from_scratch`
writes the same loops small, `notebooks/03_fusiongan_2_full_size` runs these.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional as F

from fusiontools.papers.fusiongan import losses
from fusiontools.papers.fusiongan.data import plain_tokens, token_histograms
from fusiontools.papers.fusiongan.networks import NAMES, Networks
from fusiontools.papers.fusiongan.rewards import rewards
from fusiontools.score import euclidean, ratio, shares
from fusiontools.training import Batches, descend, run_phases, seed_everything, steps

if TYPE_CHECKING:
    from fusiontools.papers.fusiongan.config import Config
    from fusiontools.papers.fusiongan.data import Pair
    from fusiontools.papers.fusiongan.networks import Critic, Generator
    from fusiontools.training.run import Run


__all__ = ["DEPENDS", "GAMES", "PHASES", "Training", "train"]

_MLE = ("embedding", "hidden", "batch", "mle_epochs", "mle_rate", "clip")
_CRITICS = ("critic_embedding", "filters", "keep", "bound", "d_rate", "d_start")
_GAME = ("g_rate", "rollouts", "update_rate", "gan_rounds", "g_steps", "d_steps")
# What a phase's end depends on: settings that two runs must share, if one is to take the
# phase over from the other.
DEPENDS = {"mle": _MLE, "critics": _MLE + _CRITICS, "game": _MLE + _CRITICS + _GAME}
# And, by `adopt`, on those of the phases before it.
DEPENDS["genre"] = ("genre_steps", "stretch")
# Which critic rewards which generator.
GAMES = {
    "game": {"A": "A", "B": "B"},  # the paper's, lines 6 to 17
    "game_f": {"F": "F"},  # its baseline GAN: the same on both genres at once
    "exchange": {"A": "B", "B": "A"},  # its baseline RL: "we exchange the discriminators"
}


def train(
    config: Config, data: Pair, run: Run, adopted: str | os.PathLike | None = None
) -> Networks:
    """Train FusionGAN, or go on with a training (Algorithm 1). When memory or disk run out
    (FusionError), or when interrupted, the last checkpoint is whole.

    Parameters
    ----------
    config : Config
        Its `phases` say what is done.
    data : Pair
    run : fusiontools.training.Run
    adopted : path-like, optional
        The folder of another run with the same seed and data: phases that it has finished
        with the same settings are taken over.

    Returns
    -------
    Networks
        On the run's device, as the last phase left them.
    """
    seed_everything(run.seed)  # before there are networks: their weights start at random
    training = Training(config, data, run)

    def do(phase):
        training.begin(phase)
        PHASES[phase](training)

    run_phases(run, config.phases, do, DEPENDS, adopted, reduce="batch or rollouts")
    return training.networks


class Training:
    """What every phase works with: settings, real melodies, networks, the run."""

    def __init__(self, config: Config, data: Pair, run: Run) -> None:
        self.config, self.data, self.run = config, data, run
        self.device = torch.device("cpu") if run.fabric is None else run.fabric.device
        alike = plain_tokens(data.vocabulary)
        self.networks = Networks(config, data.vocabulary.size, self.device, alike)
        self.share = config.batch // run.processes  # of a batch, this process's part
        self.windows = {n: self.melodies(n, "train") for n in "AB"}  # (N, T)
        self.length = self.windows["A"].shape[1]
        known = data.vocabulary
        self.histograms = {n: token_histograms(data.windows(n), known) for n in "AB"}

    def melodies(self, n: str, part: str) -> torch.Tensor:
        """All real melodies of a genre's part, (N, T)."""
        return torch.from_numpy(self.data.windows(n, part)).to(self.device)

    def begin(self, phase: str) -> None:
        """A phase deals real melodies from the start, so that its end can be taken over."""
        own = dict(seed=self.run.seed, rank=self.run.rank, processes=self.run.processes)
        size, self.phase = self.config.batch, phase
        self.batches = {n: Batches(len(x), size, **own) for n, x in self.windows.items()}

    def steps(self, total: int, curves: Sequence[str], **optimizers: Any) -> Iterator:
        """The steps of the phase, which can be killed at any of them. Optimizers come as
        one dict a kind.
        """
        state = self.networks.state(critics=self.phase != "mle")
        state |= {f"batches_{n}": batches for n, batches in self.batches.items()}
        for kind, own in optimizers.items():
            state |= {f"adam_{kind}_{n}": optimizer for n, optimizer in own.items()}
        return steps(self.run, state, total, phase=self.phase, curves=curves)

    def real(self, n: str) -> torch.Tensor:
        """A batch of real melodies of "A" or "B"; of "F", half of a batch of each, so that
        the larger corpus does not outweigh the other. (B, T)
        """
        if n == "F":
            a, b = self.real("A"), self.real("B")
            return torch.cat([a[: len(a) // 2], b[len(a) // 2 :]])
        return self.windows[n][torch.from_numpy(next(self.batches[n])).to(self.device)]

    def written(self, n: str, batches: int = 1) -> torch.Tensor:
        """A batch of melodies by a generator, (B, T), without gradients: a choice of tokens
        has none. Several batches at once are quicker.
        """
        return self.networks.g[n].sample(batches * self.share, self.length)

    def sources(self, batches: int) -> dict[str, torch.Tensor]:
        """Real melodies of both genres, and some by each generator, (batches * B, T)."""
        real = {f"X{n}": torch.cat([self.real(n) for _ in range(batches)]) for n in "AB"}
        return real | {f"G{n}": self.written(n, batches) for n in NAMES}

    def scores(
        self, names: Sequence[str], sources: dict[str, torch.Tensor]
    ) -> dict[tuple[str, str], torch.Tensor]:
        """The table of scores that `losses` works on: {(critic, source): (B,)}."""
        x, sizes = torch.cat(list(sources.values())), [len(s) for s in sources.values()]
        parts = {n: self.networks.d[n](x).split(sizes) for n in names}
        return {(n, s): part for n in names for s, part in zip(sources, parts[n])}

    @torch.no_grad()
    def held_out(
        self, generators: dict[str, Generator], most: int = 512
    ) -> dict[str, float]:
        """Minus the log-likelihood of a token of the validation songs, for each generator:
        where it rises, a generator learns by heart.
        """
        x = {}
        for n in "AB":  # windows from all songs, not from the first few
            own = self.melodies(n, "validation")
            x[n] = own[:: max(len(own) // most, 1)]
        least = min(len(x["A"]), len(x["B"]))
        x["F"] = torch.cat([x["A"][:least:2], x["B"][:least:2]])
        return {n: float(-generators[n].log_prob(x[n]).mean()) for n in NAMES}


def _adam(models, names, rate):
    return {n: torch.optim.Adam(models[n].parameters(), lr=rate) for n in names}


def phase_mle(training: Training) -> None:
    """Line 3, also for B and F: each generator learns real melodies by maximum likelihood,
    G_F those of both genres. What is kept is each one as it was after the epoch that gave
    the validation songs the most likelihood; until the end, the rollout policies hold it.
    """
    config, networks, run = training.config, training.networks, training.run
    adam = _adam(networks.g, NAMES, config.mle_rate)
    # Batches that hold as many melodies as the larger genre has. G_F draws from the streams
    # of G_A and G_B, and uses half, so that no generator sees each melody just once.
    epoch = math.ceil(max(len(x) for x in training.windows.values()) / config.batch)
    curves = [f"nll_{n}" for n in NAMES]
    for step in training.steps(config.mle_epochs * epoch, curves, mle=adam):
        for n in NAMES:
            # max E_{x ~ X}[sum_t log p(x_t | x_1 ... x_{t-1})]
            loss = -networks.g[n].log_prob(training.real(n)).mean()
            descend(run, loss, networks.g[n], adam[n], config.clip)
            run.log(**{f"nll_{n}": loss})
        if (step + 1) % epoch == 0:
            now, best = (training.held_out(g) for g in (networks.g, networks.rolling))
            run.log(**{f"held_out_{n}": now[n] for n in NAMES})
            for n in NAMES:
                if now[n] < best[n]:
                    networks.rolling[n].load_state_dict(networks.g[n].state_dict())
    for n in NAMES:
        networks.g[n].load_state_dict(networks.rolling[n].state_dict())
    networks.prior.load_state_dict(networks.g["F"].state_dict())


def phase_critics(training: Training) -> None:
    """Lines 4 and 5, also for B and F: the critics' first lessons."""
    adam = _adam(training.networks.d, NAMES, training.config.d_rate)
    curves = [f"distance_{n}" for n in NAMES]
    for _ in training.steps(training.config.d_start, curves, d=adam):
        for n in NAMES:
            critic_step(training, n, adam[n])


def critic_step(training: Training, n: str, adam: torch.optim.Optimizer) -> None:
    """Lines 5 and 14: a critic learns to tell real melodies from its generator's."""
    x, y = training.real(n), training.written(n)
    d = training.networks.d[n].train()  # with dropout, but only while it learns
    distance = losses.two_way(d(x), d(y))
    descend(training.run, -distance, d, adam)  # a critic ascends
    d.eval()  # when it scores, it uses all of its filters
    training.run.log(**{f"distance_{n}": distance})


def policy_step(
    training: Training,
    n: str,
    y: torch.Tensor,
    q: torch.Tensor,
    adam: torch.optim.Optimizer,
    kl: float = 0.0,
    baseline: bool = True,
) -> None:
    """Line 10: of what G_n wrote, `y`, tokens worth more, `q`, become likelier: (B, T)."""
    g, run = training.networks.g[n], training.run
    log_p = g(y).log_softmax(-1)  # (B, T, V)
    chosen = log_p.gather(2, y[..., None])[..., 0]  # (B, T)
    loss = losses.policy_loss(chosen, q, baseline)
    if kl:
        with torch.no_grad():  # G_F alone moves; what it is held to stays as it was
            prior = training.networks.prior(y).log_softmax(-1)
        # KL(G_F || prior) of every next token, at the prefixes that G_F visits
        divergence = (log_p.exp() * (log_p - prior)).sum(-1).mean()
        run.log(kl=divergence)
        loss = loss + kl * divergence
    descend(run, loss, g, adam, training.config.clip)
    training.networks.follow(n, training.config.update_rate)
    run.log(**{f"reward_{n}": q[:, -1].mean()})


def phase_game(training: Training) -> None:
    """Lines 6 to 17: generators against critics, as one of `GAMES` pairs them."""
    config, networks, game = training.config, training.networks, GAMES[training.phase]
    g_adam = _adam(networks.g, game, config.g_rate)
    d_adam = _adam(networks.d, game, config.d_rate)
    curves = [f"{what}_{n}" for n in game for what in ("reward", "distance")]
    for _ in training.steps(config.gan_rounds, curves, g=g_adam, d=d_adam):
        for n, critic in game.items():
            for _ in range(config.g_steps):
                y = training.written(n)  # lines 8 to 10: what is each token of it worth?
                critics = [networks.d[critic]]
                q = rewards(networks.rolling[n], critics, y, config.rollouts)[..., 0]
                policy_step(training, n, y, q, g_adam[n])
            if critic == n:  # one of the other genre stays as it is
                for _ in range(config.d_steps):
                    critic_step(training, n, d_adam[n])


def phase_genre(training: Training) -> None:
    """Ours: the guide, one more TextCNN, learns to tell A from B, from whole melodies or
    from segments of them. It sees no triplets, or it would tell transcription from
    notation; it learns from training songs only, and evaluates no result.
    """
    genre, config, share = training.networks.genre.train(), training.config, training.share
    adam = torch.optim.Adam(genre.parameters(), lr=config.d_rate)
    truth = torch.cat([torch.ones(share), torch.zeros(share)]).to(training.device)
    # "C": the guide's name in checkpoints
    for _ in training.steps(config.genre_steps, ["genre_loss"], genre={"C": adam}):
        x = torch.cat([training.real("A"), training.real("B")])
        if 0 < config.stretch < x.shape[1]:
            first = int(torch.randint(x.shape[1] - config.stretch + 1, ()))
            x = x[:, first : first + config.stretch]
        logit = genre(x)
        # max E_{x ~ X_A}[log p(A|x)] + E_{x ~ X_B}[log p(B|x)]
        loss = F.binary_cross_entropy_with_logits(logit, truth)
        descend(training.run, loss, genre, adam)
        training.run.log(genre_loss=loss)
    genre.eval()


def phase_fusion(training: Training) -> None:
    """Lines 20 to 30: D_F and G_F, then D_A and G_A, then D_B and G_B, on all sources.
    Where nothing but our penalty rewards, there is G_F alone.
    """
    config, networks = training.config, training.networks
    alone = config.rewards == "demand"
    names = ("F", "A", "B") if config.phase_two and not alone else ("F",)
    g_adam = _adam(networks.g, names[1:], config.g_rate)
    g_adam |= _adam(networks.g, ["F"], config.fusion_rate)
    d_adam = _adam(networks.d, names, config.d_rate)
    curves = ["objective", "ratio_npd", "ratio_dd", "reward_F"]
    for _ in training.steps(config.fusion_rounds, curves, g=g_adam, d=d_adam):
        for n in names:
            sources = training.sources(config.d_steps)  # for all steps of D_n at once
            batches = {s: x.chunk(config.d_steps) for s, x in sources.items()}
            for i in range(0 if alone else config.d_steps):
                batch = {s: x[i] for s, x in batches.items()}
                fusion_critic_step(training, n, batch, d_adam[n])
            for _ in range(config.g_steps):
                fusion_generator_step(training, n, sources, g_adam[n])
        training.run.log(**measure(training, sources))


def fusion_critic_step(
    training: Training, n: str, batch: dict[str, torch.Tensor], adam: torch.optim.Optimizer
) -> None:
    """Lines 23 and 28: a critic ascends its part of the objective, on all five sources."""
    config, d = training.config, training.networks.d[n].train()
    scores = training.scores([n], batch)
    value = losses.critic_objective(n, scores, config.objective, config.balance)
    descend(training.run, -value, d, adam)
    d.eval()
    training.run.log(**{f"ascends_{n}": value})


def fusion_generator_step(
    training: Training,
    n: str,
    sources: dict[str, torch.Tensor],
    adam: torch.optim.Optimizer,
) -> None:
    """Lines 24 and 29: a generator writes, and learns what all three critics say."""
    config, y = training.config, training.written(n)
    if config.rewards == "constant":
        q, baseline = torch.ones(y.shape, device=y.device), False  # else nothing is left
    else:
        q, baseline = fusion_rewards(training, n, y, sources), True
    kl = config.kl if n == "F" else 0.0
    policy_step(training, n, y, q, adam, kl, baseline)


def fusion_rewards(
    training: Training, n: str, y: torch.Tensor, sources: dict[str, torch.Tensor]
) -> torch.Tensor:
    """What each token of G_n's `y` was worth to all three critics, (B, T) -> (B, T)."""
    config, networks = training.config, training.networks
    critics = [networks.d[c] for c in NAMES]
    reward = partial(losses.generator_reward, n, form=config.objective)
    if n == "F" and config.inside:
        penalty = partial(losses.farthest, networks.genre, stretch=config.stretch)
        reward = our_reward(critics, sources, config.inside)
        critics = [*critics, penalty]  # in the order that `our_reward` expects
        if config.rewards == "demand":
            critics, reward = [penalty], lambda scores: -scores[..., 0]
    return rewards(networks.rolling[n], critics, y, config.rollouts, reward)


def our_reward(
    critics: Sequence[Critic], sources: dict[str, torch.Tensor], weight: float
) -> Callable:
    """`losses.reward_ours` as a function of scores, (..., 4) -> (...): of D_A, D_B, D_F, in
    units of their spread over all five sources, and of the guide.
    """
    with torch.no_grad():  # a unit of measurement, nothing to learn from
        x = torch.cat(list(sources.values()))
        spread = torch.stack([critic(x).std() for critic in critics])

    def reward(scores):  # of finished sequences, so that |...| comes before the mean
        return losses.reward_ours(scores[..., :3] / spread, scores[..., 3], weight)

    return reward


@torch.no_grad()
def measure(
    training: Training, sources: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """A round of the fusion, from outside. The paper claims that the objective shows how
    far the fusion has come, so both stand in the history: Eq. 1, corrected; the Ratios of
    durations and of pitch classes among the melodies that G_F wrote in this round.
    """
    scores = training.scores(NAMES, sources)
    row = {f"D_{c}_{s}": score.mean() for (c, s), score in scores.items()}
    row["objective"] = losses.objective("1", scores, "corrected")
    tokens, real = sources["GF"].cpu().numpy(), training.histograms
    made = token_histograms(tokens, training.data.vocabulary)
    for name, f, a, b in zip(("dd", "npd"), made, real["A"], real["B"]):
        # 1e-9: a batch of rests alone has no note to count
        row[f"ratio_{name}"] = ratio(shares(f + 1e-9), shares(a), shares(b), euclidean)
    if "genre" in training.config.phases:
        logit = training.networks.genre(sources["GF"])
        # |logit(x)| < log 3: p(A|x) from 1/4 to 3/4
        row["between"] = (logit.abs() < math.log(3)).float().mean()
    return row


PHASES = {"mle": phase_mle, "critics": phase_critics, "genre": phase_genre}
PHASES |= dict.fromkeys(GAMES, phase_game) | {"fusion": phase_fusion}
