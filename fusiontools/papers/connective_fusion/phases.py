"""The two trainings of Connective Fusion, in plain loops: the VAE of four bars, then the
generator against the discriminator. Chapter 4, Connective Fusion, writes them out
(``notebooks/04_connective_fusion_1_from_scratch``) and runs these (``..._2_full_size``).

How a run survives being killed, `fusiontools.training` knows; what a loss is, `losses`.
See Connective Fusion, sections 2.4, 2.5 and 3.2.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from fusiontools.music.grid import HALF
from fusiontools.papers.connective_fusion import losses
from fusiontools.papers.connective_fusion.config import Config
from fusiontools.papers.connective_fusion.data import Windows
from fusiontools.papers.connective_fusion.networks import Networks, as_tokens
from fusiontools.training import Batches, Run, descend, run_phases, seed_everything, steps

if TYPE_CHECKING:
    from fusiontools.papers.connective_fusion.networks import VAE


__all__ = ["Training", "discriminator_step", "generator_step", "phase_fusion", "phase_vae"]
__all__ += ["accuracies", "rate", "reconstruction_counts", "train"]

# What the VAE depends on: a run whose settings are the same in these can take it over.
DEPENDS = ("latent", "encoder", "decoder", "width", "blocks", "patch", "forget")
DEPENDS += ("kl_weight", "kl_warm_up", "free_bits")
DEPENDS += ("vae_rate", "vae_rise", "vae_batch", "vae_steps", "clip")
AT_ONCE = 1024  # halves that are encoded together


def train(
    config: Config, data: Windows, run: Run, adopted: str | os.PathLike | None = None
) -> Networks:
    """Train Connective Fusion, or go on with a training. Returns its `Networks`. Where
    memory or disk run out there is a FusionError, and the last checkpoint is whole.

    Parameters
    ----------
    config : Config
    data : Windows
        Its parts "train-1" and "validation-1" are used; the others are for classifiers and
        for the test.
    run : fusiontools.training.Run
    adopted : path-like, optional
        The folder of another run with the same seed and data: its VAE is taken over if it
        was trained with the same settings. Trainings that differ in ``lambda`` share one.
    """
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    seed_everything(run.seed)  # the networks begin alike in every run of this seed
    training = Training(config, data, Networks(config, device), run)
    phases = {"vae": phase_vae, "fusion": phase_fusion}
    lower = "vae_batch, fusion_batch or latent_pairs"  # if memory runs out

    def do(phase):
        phases[phase](training)

    run_phases(run, config.phases, do, {"vae": DEPENDS}, adopted, lower)
    training.networks.vae.eval()
    return training.networks


@dataclass(frozen=True)
class Training:
    """What both phases work with."""

    config: Config
    data: Windows
    networks: Networks
    run: Run

    def batches(self, n: int, size: int) -> Batches:
        """An endless shuffled stream of indices; of each batch, this process's part."""
        run = self.run
        return Batches(n, size, seed=run.seed, rank=run.rank, processes=run.processes)

    def halves(self, numbers: np.ndarray) -> torch.Tensor:
        """Halves of the training windows in all keys, by number, (B,) -> (B, T)."""
        pairs = self.data.take("train-1", numbers // 2).reshape(-1, 2, HALF)
        one_of_two = pairs[np.arange(len(numbers)), numbers % 2]
        return as_tokens(one_of_two, self.networks.device)

    def held_out(self, most: int = 512) -> dict[str, float]:
        """How well the VAE gives back halves of songs that it has not learned from."""
        tokens = self.data.tokens("validation-1")
        even = np.linspace(0, len(tokens) - 1, min(most, len(tokens))).astype(int)
        x = as_tokens(tokens[even].reshape(-1, HALF), self.networks.device)
        vae = self.networks.vae.eval()  # nothing is forgotten while it is measured
        found = accuracies(vae, x)
        vae.train()
        return {f"held_out_{name}": value for name, value in found.items()}

    @torch.no_grad()  # the VAE is finished: nothing is learned through it any more
    def latents(self, part: str, most: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Windows of a part as pairs in latent space, each in one key, (N, 2, Z); and the
        encoder's sigma, averaged over them, (Z,).
        """
        n = self.data.keys(part)
        # a generator of its own: the choice does not depend on what else was drawn before
        dice = np.random.default_rng([self.run.seed, n])
        numbers = np.sort(dice.permutation(n)[:most])
        vae, z, sigma = self.networks.vae.eval(), [], []
        for i in range(0, len(numbers), AT_ONCE // 2):
            rows = self.data.take(part, numbers[i : i + AT_ONCE // 2])
            x = as_tokens(rows.reshape(-1, HALF), self.networks.device)
            mean, log_var = vae.encode(x)  # argmax_z q(z|x) is the mean
            z.append(mean.view(-1, 2, self.config.latent))
            # sigma_bar = 1/|D'| sum_x sigma(x), section 2.5.2
            sigma.append((0.5 * log_var).exp().sum(0))
        return torch.cat(z), torch.stack(sigma).sum(0) / (2 * len(numbers))


def phase_vae(training: Training) -> None:
    """Section 2.4: halves become latent vectors and halves again."""
    config, run, vae = training.config, training.run, training.networks.vae.train()
    batches = training.batches(2 * training.data.keys("train-1"), config.vae_batch)
    adam = torch.optim.Adam(vae.parameters(), lr=config.vae_rate)
    # steps that see as many halves as there are in one key
    epoch = max(2 * len(training.data.tokens("train-1")) // config.vae_batch, 1)
    curves = ["held_out_token_accuracy", "held_out_onset_pitch_accuracy"]
    curves += ["reconstruction", "kl"]
    state = {"vae": vae, "adam": adam, "batches": batches}
    for step in steps(run, state, config.vae_steps, phase="vae", curves=curves):
        lr = rate(step, config.vae_steps, config.vae_rate, config.vae_rise)
        adam.param_groups[0]["lr"] = lr
        x = training.halves(next(batches))
        mean, log_var = vae.encode(x)
        # z = mu(x) + sigma(x) e, e ~ N(0, 1): the reparametrization trick
        z = mean + (0.5 * log_var).exp() * torch.randn_like(mean)
        rec = losses.reconstruction(vae.logits(z, x), x).mean()
        kl = losses.divergence(mean, log_var, config.free_bits).mean()
        weight = config.kl_weight * min(1.0, step / max(config.kl_warm_up, 1))
        # max E_{x ~ D'}[E_{z ~ q(z|x)}[log p(x|z)] - w KL(q(z|x) || p(z))], Eq. 1: w is 1
        descend(run, rec + weight * kl, vae, adam, config.clip)
        # detached: a log keeps the number, and not all that led to it
        run.log(reconstruction=rec.detach(), kl=kl.detach())
        if (step + 1) % epoch == 0 or step + 1 == config.vae_steps:
            run.log(**training.held_out())


def phase_fusion(training: Training) -> None:
    """Section 2.5: D learns which pairs belong together, G to make such pairs."""
    config, run, networks = training.config, training.run, training.networks
    z, sigma = training.latents("train-1", config.latent_pairs)
    networks.vae.sigma.copy_(sigma)
    g, d = networks.generator, networks.discriminator
    settings = {"betas": (config.beta_1, config.beta_2), "lr": config.fusion_rate}
    g_adam = torch.optim.Adam(g.parameters(), **settings)
    d_adam = torch.optim.Adam(d.parameters(), **settings)
    real = training.batches(len(z), config.fusion_batch)
    state = {"generator": g, "discriminator": d, "g_adam": g_adam, "d_adam": d_adam}
    state["real"] = real
    curves = ["distance", "fooled", "loss_d", "loss_g"]
    for _ in steps(run, state, config.fusion_steps, phase="fusion", curves=curves):
        for _ in range(config.d_steps):
            pairs = z[torch.from_numpy(next(real)).to(z.device)]  # (B, 2, Z)
            found = discriminator_step(training, pairs, z, d_adam)
        run.log(**found)
        run.log(**generator_step(training, len(pairs), z, g_adam))


def discriminator_step(
    training: Training, real: torch.Tensor, z: torch.Tensor, adam: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """One step of D, Eqs. 2 to 4: real pairs (B, 2, Z) against four kinds of fake ones."""
    config, networks = training.config, training.networks
    g, d = networks.generator, networks.discriminator
    with torch.no_grad():  # G stands still: D learns from what it makes, not through it
        alone = unrelated(z, len(real))
        fakes = [*alone, *(g(pairs, styles(pairs, config)) for pairs in alone)]
    logits = d(torch.cat([real, *fakes])).chunk(5)  # one pass for all five
    weight, negative = config.fake_weight, config.negative
    loss = losses.discriminator_loss(logits[0], logits[1:], weight, negative)
    if config.gradient_penalty:
        row = torch.arange(len(real), device=z.device)
        kind = torch.randint(4, (len(real),), device=z.device)
        mixed = torch.stack(fakes)[kind, row]  # (B, 2, Z)
        penalty = losses.gradient_penalty(d, real, mixed)
        loss = loss + config.gradient_penalty * penalty
    descend(training.run, loss, d, adam)
    believed = logits[0].detach().sigmoid().mean()
    return {"loss_d": loss.detach(), "believes_real": believed}  # to log


def generator_step(
    training: Training, many: int, z: torch.Tensor, adam: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """One step of G, Eqs. 5 to 8, with `many` pairs from the data and from the prior."""
    config, networks = training.config, training.networks
    g, d, sigma = networks.generator, networks.discriminator, networks.vae.sigma
    alone = torch.cat(unrelated(z, many))
    made = g(alone, styles(alone, config))
    logit = d(made)  # G learns through D, which throws its own gradient away later
    moves = losses.similarity(alone, made, sigma)
    loss = losses.generator_loss(logit.chunk(2), moves.chunk(2), config.similarity)
    if config.spread:
        other = g(alone, styles(alone, config))
        short = losses.spread(made, other, sigma, config.spread)
        loss = loss + config.spread_weight * short.mean()
    descend(training.run, loss, g, adam)
    data, prior = losses.z_distance(alone, made, sigma).detach().mean(1).chunk(2)
    found = {"loss_g": loss.detach(), "fooled": logit.detach().sigmoid().mean()}  # to log
    return found | {"distance": data.mean(), "distance_prior": prior.mean()}


def unrelated(z: torch.Tensor, many: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pairs of halves drawn alone, from the data and from the prior: i and ii of section
    2.5.1. (N, 2, Z) -> (many, 2, Z) twice.
    """
    # D'_z: any half may come left or right
    data = z.flatten(0, 1)[torch.randint(2 * len(z), (many, 2), device=z.device)]
    return data, torch.randn(many, *z.shape[1:], device=z.device)  # p(z) = N(0, 1)


def styles(z: torch.Tensor, config: Config) -> torch.Tensor:
    """A style for each pair, even over [0, 1]^d_s. (B, 2, Z) -> (B, S)"""
    return torch.rand(len(z), config.style, device=z.device)


@torch.no_grad()
def reconstruction_counts(vae: VAE, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """How well a VAE gives back each half, each token the likeliest at its place: (N, T) ->
    (N,) each of ``right`` tokens, ``onsets``, those ``right_onsets`` where a note of the
    same pitch starts again, and the ``nats`` that the half costs.
    """
    mean, log_var = vae.encode(x)
    right = as_tokens(vae.decode(mean), x.device) == x  # as it sounds: repaired
    onset = x > 1
    found = {"right": right, "onsets": onset, "right_onsets": right & onset}
    found = {name: each.sum(1) for name, each in found.items()}
    return found | {"nats": losses.divergence(mean, log_var)}


def accuracies(vae: VAE, x: torch.Tensor, at_once: int = AT_ONCE) -> dict[str, float]:
    """How well a VAE gives halves (N, T) back: the shares of all tokens and of all onsets
    that are right, and the nats that a half costs. "All hold" alone scores nearly half of
    all tokens: the notes are what counts.
    """
    total = dict.fromkeys(("right", "onsets", "right_onsets", "nats"), 0.0)
    for part in x.split(at_once):
        for name, each in reconstruction_counts(vae, part).items():
            total[name] += float(each.sum())
    return {
        "token_accuracy": total["right"] / x.numel(),
        "onset_pitch_accuracy": total["right_onsets"] / max(total["onsets"], 1),
        "kl": total["nats"] / len(x),
    }


def rate(step: int, total: int, most: float, rise: int) -> float:
    """A learning rate that rises along a line to `most`, and falls along a cosine to 0."""
    # r_s = r min(1, (s + 1) / rise) (1 + cos(pi s / total)) / 2
    risen = min(1.0, (step + 1) / max(rise, 1))
    return most * risen * 0.5 * (1 + math.cos(math.pi * step / total))
