"""The two trainings of Connective Fusion, in plain loops: the VAE of four bars, then the
generator against the discriminator.

How a run survives being killed, `fusiontools.training` knows; what a loss is, `losses`.

Each phase starts from a seed of its own, so a VAE that another run has finished can be
taken over: the result is the same, bit by bit.
"""

import torch

from fusiontools.papers.connective_fusion import losses
from fusiontools.papers.connective_fusion.stage import DEPENDS, Networks, Stage, rate
from fusiontools.training import adopt, memory_guard, seed_everything

__all__ = ["PHASES", "train"]


def train(config, data, run, adopted=None):
    """Train Connective Fusion, or go on with a training.

    Parameters
    ----------
    config : Config
        Its `phases` say what is done: "vae", then "fusion".
    data : Windows
        Its parts "train-1" and "validation-1" are used; the others are for judges and the
        test.
    run : fusiontools.training.Run
    adopted : path-like, optional
        The folder of another run with the same seed and data: its VAE is taken over if it
        was trained with the same settings. Trainings that differ in ``lambda`` then share
        one.

    Returns
    -------
    Networks
        On the run's device.

    Raises
    ------
    FusionError
        If memory or disk run out; the last checkpoint is whole.
    KeyboardInterrupt
        When interrupted; all is saved.

    References
    ----------
    Connective Fusion, sections 2.4, 2.5 and 3.2.
    """
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    seed_everything(run.seed)
    stage = Stage(config, data, Networks(config, device), run, device)
    if adopted is not None:
        adopt(run, adopted, ["vae"], DEPENDS)
    for number, phase in enumerate(PHASES):
        if phase in config.phases:
            seed_everything((1009 * run.seed + 7 * number + 10007 * stage.rank + 1) % 2**32)
            with memory_guard(reduce="vae_batch, fusion_batch or latent_pairs"):
                PHASES[phase](stage)
    stage.networks.vae.eval()
    return stage.networks


def phase_vae(stage):
    """Section 2.4: halves become latent vectors and halves again."""
    config, vae = stage.config, stage.networks.vae.train()
    halves = 2 * stage.data.keys("train-1")
    batches = stage.batches(halves, config.vae_batch)
    adam = torch.optim.Adam(vae.parameters(), lr=config.vae_rate)
    epoch = max(
        2 * len(stage.data.tokens("train-1")) // config.vae_batch, 1
    )  # steps that see as many halves as there are in one key
    curves = [
        "held_out_token_accuracy",
        "held_out_onset_pitch_accuracy",
        "reconstruction",
        "kl",
    ]
    for step in stage.steps(
        "vae", config.vae_steps, curves, vae=vae, adam=adam, batches=batches
    ):
        adam.param_groups[0]["lr"] = rate(
            step, config.vae_steps, config.vae_rate, config.vae_rise
        )
        x = stage.halves(next(batches))
        mean, log_var = vae.encode(x)
        # z = mu(x) + sigma(x) e, e ~ N(0, 1): the reparametrization trick
        z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
        rec, kl = (
            losses.reconstruction(vae.logits(z, x), x).mean(),
            losses.divergence(mean, log_var, config.free_bits).mean(),
        )
        # max E_{x ~ D'}[E_{z ~ q(z|x)}[log p(x|z)] - w KL(q(z|x) || p(z))], Eq. 1, where w
        # = 1
        weight = config.kl_weight * min(1.0, step / max(config.kl_warm_up, 1))
        stage.update(rec + weight * kl, vae, adam, config.clip)
        stage.run.log(reconstruction=rec.detach(), kl=kl.detach())
        if (step + 1) % epoch == 0 or step + 1 == config.vae_steps:
            stage.run.log(**stage.held_out())


def phase_fusion(stage):
    """Section 2.5: D learns which pairs belong together, G to make such pairs, from halves
    of the data and from the prior.
    """
    config, networks = stage.config, stage.networks
    g, d, vae = networks.generator, networks.discriminator, networks.vae.eval()
    z, sigma = stage.latents("train-1", config.latent_pairs)
    vae.sigma.copy_(sigma)
    adam = {"betas": (config.beta_1, config.beta_2), "lr": config.fusion_rate}
    g_adam, d_adam = (
        torch.optim.Adam(g.parameters(), **adam),
        torch.optim.Adam(d.parameters(), **adam),
    )
    real = stage.batches(len(z), config.fusion_batch)
    share = config.fusion_batch // stage.run.processes
    state = {
        "generator": g,
        "discriminator": d,
        "g_adam": g_adam,
        "d_adam": d_adam,
        "real": real,
    }
    for _ in stage.steps(
        "fusion", config.fusion_steps, ["distance", "fooled", "loss_d", "loss_g"], **state
    ):
        for _ in range(config.d_steps):
            pairs = z[torch.from_numpy(next(real)).to(z.device)]
            with torch.no_grad():
                alone = [
                    _from_data(z, share),
                    torch.randn_like(pairs),
                ]  # i and ii of section 2.5.1
                fakes = alone + [g(a, _styles(a, config)) for a in alone]  # iii and iv
            scores = d(torch.cat([pairs, *fakes])).chunk(5)  # one pass for all five
            loss = losses.discriminator_loss(
                scores[0], scores[1:], config.fake_weight, config.negative
            )
            if config.gradient_penalty:
                mixed = torch.stack(fakes)[
                    torch.randint(4, (share,), device=z.device),
                    torch.arange(share, device=z.device),
                ]
                loss = loss + config.gradient_penalty * losses.gradient_penalty(
                    d, pairs, mixed
                )
            stage.update(loss, d, d_adam)
        stage.run.log(
            loss_d=loss.detach(), believes_real=scores[0].detach().sigmoid().mean()
        )
        alone = torch.cat(
            [_from_data(z, share), torch.randn(share, *z.shape[1:], device=z.device)]
        )
        made = g(alone, _styles(alone, config))
        scores = d(made)
        loss = losses.generator_loss(
            scores.chunk(2),
            losses.similarity(alone, made, sigma).chunk(2),
            config.similarity,
        )
        if config.spread:
            other = g(alone, _styles(alone, config))
            loss = (
                loss
                + config.spread_weight
                * losses.spread(made, other, sigma, config.spread).mean()
            )
        stage.update(loss, g, g_adam)
        distance = losses.z_distance(alone, made, sigma).detach().mean(1)
        stage.run.log(loss_g=loss.detach(), fooled=scores.detach().sigmoid().mean())
        stage.run.log(
            distance=distance[:share].mean(), distance_prior=distance[share:].mean()
        )


def _from_data(z, many):
    """Halves drawn alone from D'_z: any half may come left or right. (N, 2, Z) -> (many, 2,
    Z)
    """
    return z.flatten(0, 1)[torch.randint(2 * len(z), (many, 2), device=z.device)]


def _styles(z, config):
    """A style for each pair, even over [0, 1]^d_s."""
    return torch.rand(len(z), config.style, device=z.device)


PHASES = {"vae": phase_vae, "fusion": phase_fusion}
