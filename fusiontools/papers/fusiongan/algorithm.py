"""Algorithm 1 of FusionGAN, in plain loops: maximum likelihood, critics, the adversarial
game of each genre, and the fusion of three.

`train` walks through the phases that its config names; each phase is one loop here, to be
read beside the paper. How a run survives being killed, `fusiontools.training` knows; what a
loss is, `losses`; what a reward is, `rewards`.

Every phase starts from a seed of its own, so a phase that another run has finished can be
taken over: the result is the same, bit by bit.
"""

import torch
from torch.nn import functional as F

from fusiontools.papers.fusiongan import losses
from fusiontools.papers.fusiongan.rewards import rewards
from fusiontools.papers.fusiongan.stage import (
    DEPENDS,
    NAMES,
    Measure,
    Networks,
    Stage,
    follow,
)
from fusiontools.training import adopt, memory_guard, seed_everything

__all__ = ["PHASES", "train"]


def train(config, data, run, adopted=None):
    """Train FusionGAN, or go on with a training.

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

    Raises
    ------
    FusionError
        If memory or disk run out; the last checkpoint is whole.
    KeyboardInterrupt
        When interrupted; all is saved.

    References
    ----------
    FusionGAN, Algorithm 1.
    """
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    seed_everything(run.seed)
    stage = Stage(config, data, Networks(config, data.vocabulary.size, device), run, device)
    for number, phase in enumerate(config.phases):
        if adopted is not None:
            adopt(run, adopted, config.phases[: number + 1], DEPENDS)
        seed_everything((1009 * run.seed + 7 * number + 10007 * stage.rank + 1) % 2**32)
        stage.batches = stage.streams()
        with memory_guard(reduce="batch or rollouts"):
            PHASES[phase](stage)
    return stage.networks


def _adam(models, names, rate):
    return {n: torch.optim.Adam(models[n].parameters(), lr=rate) for n in names}


def phase_mle(stage):
    """Line 3, also for B and F: each generator learns real melodies by maximum likelihood,
    G_F those of both genres.
    """
    config, networks = stage.config, stage.networks
    adam = _adam(networks.g, NAMES, config.mle_rate)
    epoch = -(
        -max(len(x) for x in stage.windows.values()) // config.batch
    )  # batches until the larger genre has been seen once
    for step in stage.steps(
        "mle", config.mle_epochs * epoch, ["nll_A", "nll_B", "nll_F"], mle=adam
    ):
        for n in NAMES:
            # max E_{x ~ X}[sum_t log p(x_t | x_1 ... x_{t-1})]
            loss = -networks.g[n].log_prob(stage.real(n)).mean()
            stage.update(loss, networks.g[n], adam[n], config.clip)
            stage.run.log(**{f"nll_{n}": loss.detach()})
        if (step + 1) % epoch == 0:
            stage.run.log(**stage.held_out())
    for n in NAMES:
        networks.rolling[n].load_state_dict(networks.g[n].state_dict())
    networks.prior.load_state_dict(networks.g["F"].state_dict())


def critic_step(stage, n, adam):
    """Lines 4, 5, 13, 14: a critic learns to tell real melodies from its generator's."""
    d, x, y = stage.networks.d[n].train(), stage.real(n), stage.written(n)
    distance = losses.two_way(d(x), d(y))
    stage.ascend(d, distance, adam[n], x, y)
    stage.run.log(**{f"distance_{n}": distance.detach()})


def generator_step(stage, n, critics, combine, adam, constant=False, kl=0.0):
    """Lines 8 to 10: write; ask what each token was worth; make the worthy ones likelier.
    Returns the mean reward.
    """
    config, networks = stage.config, stage.networks
    g, y = networks.g[n], stage.written(n)
    if constant:
        q = torch.ones(y.shape, device=y.device)
    else:
        q = rewards(networks.rolling[n], critics, y, config.rollouts, combine)  # (B, T)
    logits = g(y)  # (B, T, V)
    log_p = logits.log_softmax(-1)
    loss = losses.policy_loss(
        log_p.gather(2, y[..., None])[..., 0], q, baseline=not constant
    )
    if kl:
        with torch.no_grad():
            prior = networks.prior(y).log_softmax(-1)
        # KL(G_F || prior) of every next token, at the prefixes that G_F visits
        divergence = (log_p.exp() * (log_p - prior)).sum(-1).mean()
        stage.run.log(kl=divergence.detach())
        loss = loss + kl * divergence
    stage.update(loss, g, adam[n], config.clip)
    follow(networks.rolling[n], g, config.update_rate)
    return q[:, -1].mean()


def phase_critics(stage):
    """Lines 4 and 5, also for B and F: the critics' first lessons."""
    adam = _adam(stage.networks.d, NAMES, stage.config.d_rate)
    for _ in stage.steps(
        "critics", stage.config.d_start, [f"distance_{n}" for n in NAMES], d=adam
    ):
        for n in NAMES:
            critic_step(stage, n, adam)


def _game(stage, phase, pairs):
    """Lines 6 to 16: generators against critics; `pairs` says which critic rewards which
    generator.
    """
    config, networks = stage.config, stage.networks
    g_adam, d_adam = (
        _adam(networks.g, pairs, config.g_rate),
        _adam(networks.d, pairs, config.d_rate),
    )
    columns = [f"{what}_{n}" for n in pairs for what in ("reward", "distance")]
    for _ in stage.steps(phase, config.gan_rounds, columns, g=g_adam, d=d_adam):
        for n, judge in pairs.items():
            for _ in range(config.g_steps):
                reward = generator_step(
                    stage, n, [networks.d[judge]], lambda scores: scores[..., 0], g_adam
                )
                stage.run.log(**{f"reward_{n}": reward})
            for _ in range(
                config.d_steps if judge == n else 0
            ):  # a critic that judges the other genre stays as it is
                critic_step(stage, n, d_adam)


def phase_game(stage):
    """Lines 6 to 17: a GAN of each genre."""
    _game(stage, "game", {"A": "A", "B": "B"})


def phase_game_f(stage):
    """The baseline GAN (section IV): the same game on both genres at once."""
    _game(stage, "game_f", {"F": "F"})


def phase_exchange(stage):
    """The baseline RL (section IV): "we exchange the discriminators". G_A is rewarded by
    D_B, and G_B by D_A.
    """
    _game(stage, "exchange", {"A": "B", "B": "A"})


def phase_genre(stage):
    """Ours: one more critic learns to tell A from B. It sees training songs only, and no
    judge of the results has a part in it.
    """
    genre, config = stage.networks.genre, stage.config
    adam = torch.optim.Adam(genre.parameters(), lr=config.d_rate)
    for _ in stage.steps("genre", config.genre_steps, ["genre_loss"], genre={"C": adam}):
        logit = genre.train()(torch.cat([stage.real("A"), stage.real("B")]))
        truth = torch.cat([torch.ones(stage.share), torch.zeros(stage.share)]).to(
            stage.device
        )
        # max E_{x ~ X_A}[log p(A|x)] + E_{x ~ X_B}[log p(B|x)]
        loss = F.binary_cross_entropy_with_logits(logit, truth)
        stage.update(loss, genre, adam)
        stage.run.log(genre_loss=loss.detach())
    genre.eval()


def phase_fusion(stage):
    """Lines 20 to 30: D_F and G_F, then D_A and G_A, then D_B and G_B, each from all five
    sources.
    """
    config, networks = stage.config, stage.networks
    names = ("F", "A", "B") if config.phase_two else ("F",)
    g_adam = _adam(networks.g, names[1:], config.g_rate) | _adam(
        networks.g, "F", config.fusion_rate
    )
    d_adam = _adam(networks.d, names, config.d_rate)
    measure = Measure(stage)
    for _ in stage.steps(
        "fusion",
        config.fusion_rounds,
        ["objective", "ratio_npd", "ratio_dd", "reward_F"],
        g=g_adam,
        d=d_adam,
    ):
        for n in names:
            sources = stage.sources(config.d_steps)
            for batch in _batches(sources, config.d_steps):
                networks.d[n].train()
                value = losses.critic_objective(
                    n, stage.scores([n], batch), config.objective, config.balance
                )
                stage.ascend(
                    networks.d[n],
                    value,
                    d_adam[n],
                    batch["XB" if n == "B" else "XA"],
                    batch["GF"],
                )
                stage.run.log(**{f"ascends_{n}": value.detach()})
            for _ in range(config.g_steps):
                critics, combine = _reward(stage, n, sources)
                kl = config.kl if n == "F" else 0.0
                reward = generator_step(
                    stage, n, critics, combine, g_adam, config.rewards == "constant", kl
                )
                stage.run.log(**{f"reward_{n}": reward})
        stage.run.log(**measure(sources))


def _batches(sources, count):
    """The sources in so many batches, one after the other."""
    split = {s: x.chunk(count) for s, x in sources.items()}
    return [{s: parts[i] for s, parts in split.items()} for i in range(count)]


def _reward(stage, n, sources):
    """Which critics reward a generator, and what is made of their scores."""
    critics = [stage.networks.d[c] for c in NAMES]
    if n != "F" or not stage.config.inside:
        return critics, lambda scores: losses.generator_reward(
            n, scores, stage.config.objective
        )
    with torch.no_grad():
        spread = torch.stack(
            [critic(torch.cat(list(sources.values()))).std() for critic in critics]
        )
    return [*critics, stage.networks.genre], lambda scores: losses.reward_ours(
        scores[..., :3] / spread, scores[..., 3], stage.config.inside
    )


PHASES = {
    "mle": phase_mle,
    "critics": phase_critics,
    "game": phase_game,
    "game_f": phase_game_f,
    "exchange": phase_exchange,
    "genre": phase_genre,
    "fusion": phase_fusion,
}
