"""What both phases of Connective Fusion's training work with: the networks, the melodies,
one step of an optimizer. It decides nothing.

The phases themselves, with their loops, are in
`fusiontools.papers.connective_fusion.phases`.
"""

import math

import numpy as np
import torch

from fusiontools.papers.connective_fusion.data import HALF
from fusiontools.papers.connective_fusion.losses import divergence
from fusiontools.papers.connective_fusion.networks import (
    VAE,
    Discriminator,
    Generator,
    as_tokens,
)
from fusiontools.training import Batches, descend, steps

__all__ = ["DEPENDS", "Networks", "Stage", "accuracies", "rate"]

# what a phase's end depends on: settings that two runs must share, if one is to take the
# phase over from the other
DEPENDS = {
    "vae": (
        *(
            "latent",
            "encoder",
            "decoder",
            "width",
            "blocks",
            "patch",
            "forget",
            "kl_weight",
            "kl_warm_up",
            "free_bits",
        ),
        *("vae_rate", "vae_rise", "vae_batch", "vae_steps", "clip"),
    )
}
AT_ONCE = 1024  # halves that are encoded together


class Networks:
    """All networks of a training: ``vae``, ``generator``, ``discriminator``. What `fuse`
    works with, which needs no discriminator.
    """

    def __init__(self, config, device="cpu"):
        self.config = config
        self.vae = VAE(config).to(device)
        self.generator = Generator(config.latent, config.style, config.mlp_width).to(device)
        self.discriminator = Discriminator(config.latent, config.mlp_width).to(device)

    @property
    def device(self):
        """Where they compute."""
        return self.vae.sigma.device


class Stage:
    """What every phase works with: settings, networks, melodies, the run."""

    def __init__(self, config, data, networks, run, device):
        self.config, self.data, self.networks, self.run, self.device = (
            config,
            data,
            networks,
            run,
            device,
        )
        self.rank = 0 if run.fabric is None else run.fabric.global_rank

    def batches(self, n, batch):
        """An endless shuffled stream of indices; of each batch, this process's part."""
        return Batches(
            n, batch, seed=self.run.seed, rank=self.rank, processes=self.run.processes
        )

    def halves(self, numbers):
        """Halves of the training windows in all keys, by number: two for each of
        ``data.keys("train-1")``. (B,) -> (B, T)
        """
        whole = self.data.take("train-1", numbers // 2)  # (B, 2 T)
        return as_tokens(
            whole.reshape(-1, 2, HALF)[np.arange(len(numbers)), numbers % 2], self.device
        )

    def held_out(self, most=512):
        """How well the VAE gives back halves of songs that it has not learned from, in the
        keys that they were found in.
        """
        tokens = self.data.tokens("validation-1")
        tokens = tokens[
            np.linspace(0, len(tokens) - 1, min(most, len(tokens))).astype(int)
        ].reshape(-1, HALF)
        vae, x = self.networks.vae.eval(), as_tokens(tokens, self.device)
        found = accuracies(vae, x)
        vae.train()
        return {f"held_out_{name}": value for name, value in found.items()}

    @torch.no_grad()
    def latents(self, part, most):
        """Windows of a part as pairs in latent space, each in one key; and the encoder's
        sigma, averaged over them.

        Returns
        -------
        z : Tensor, shape (N, 2, Z)
            The most likely z of each half: argmax_z q(z|x) is the mean.
        sigma : Tensor, shape (Z,)
        """
        n = self.data.keys(part)
        numbers = np.sort(np.random.default_rng([self.run.seed, n]).permutation(n)[:most])
        vae, z, sigma = self.networks.vae.eval(), [], []
        for at in range(0, len(numbers), AT_ONCE // 2):
            x = as_tokens(
                self.data.take(part, numbers[at : at + AT_ONCE // 2]).reshape(-1, HALF),
                self.device,
            )
            mean, log_var = vae.encode(x)
            z.append(mean.view(-1, 2, self.config.latent))
            # sigma_bar = 1/|D'| sum_x sigma(x), section 2.5.2
            sigma.append((0.5 * log_var).exp().sum(0))
        return torch.cat(z), torch.stack(sigma).sum(0) / (2 * len(numbers))

    def steps(self, phase, total, curves, **state):
        """The steps of a phase, which can be killed at any of them."""
        return steps(self.run, state, total, phase=phase, curves=curves)

    def update(self, loss, model, optimizer, clip=None):
        """One step of an optimizer downhill, the same in every process."""
        descend(self.run, loss, model, optimizer, clip)


@torch.no_grad()
def accuracies(vae, x, at_once=AT_ONCE):
    """How well a VAE gives halves back, each token the likeliest at its place.

    "All hold" alone scores nearly half of all tokens: the notes are what counts.

    Parameters
    ----------
    vae : VAE
    x : Tensor of int64, shape (N, T)
    at_once : int
        Halves in a batch.

    Returns
    -------
    dict of str to float
        ``token_accuracy``: share of tokens that are right. ``onset_pitch_accuracy``: of the
        places where a note starts, the share where a note of the same pitch starts again.
        ``kl``: nats that a half costs.
    """
    right = onsets = right_onsets = 0
    kl = 0.0
    for part in x.split(at_once):
        mean, log_var = vae.encode(part)
        found = as_tokens(vae.decode(mean), x.device)  # as it is heard: repaired
        onset = part > 1
        right += int((found == part).sum())
        right_onsets += int(((found == part) & onset).sum())
        onsets += int(onset.sum())
        kl += float(divergence(mean, log_var).sum())
    return {
        "token_accuracy": right / x.numel(),
        "onset_pitch_accuracy": right_onsets / max(onsets, 1),
        "kl": kl / len(x),
    }


def rate(step, total, most, rise):
    """A learning rate that rises along a line and falls along a cosine, from `most` to
    nothing.
    """
    # r_s = r min(1, (s + 1) / rise) (1 + cos(pi s / total)) / 2
    return (
        most
        * min(1.0, (step + 1) / max(rise, 1))
        * 0.5
        * (1 + math.cos(math.pi * step / total))
    )
