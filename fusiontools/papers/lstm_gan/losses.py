"""What the two networks of a GAN minimise: the paper's cross-entropy, Eqs. 1 to 6, and two
losses that came later. Chapter 6, LSTM and convolutional GANs.

Everything is a function of tensors. D gives log-odds that a bar is real, (B,). In Eq. 4 the
first term does not depend on G, and the second gives no slope while D is sure of itself:
G maximises log D(G(z)) instead, as GANs do in practice (Goodfellow and others, 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    pass


__all__ = ["discriminator", "generator", "gradient_penalty", "zero_centred_penalty"]


def discriminator(
    real: torch.Tensor, fake: torch.Tensor, loss: str = "bce"
) -> torch.Tensor:
    """The loss of D from its log-odds of real and of generated bars, (B,) each.

    Examples
    --------
    >>> round(discriminator(torch.zeros(2), torch.zeros(2)).item(), 3)  # 2 log 2
    1.386
    >>> discriminator(torch.ones(2), -torch.ones(2), "hinge").item()
    0.0
    """
    if loss == "hinge":
        # L_D = E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    if loss == "wgan":
        # L_D = E[D(G(z))] - E[D(x)], the Wasserstein distance with its sign turned
        return fake.mean() - real.mean()
    # L_D = - E[log D(x)] - E[log(1 - D(G(z)))],  log D = -softplus(-logit)   (3), (6)
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def generator(fake: torch.Tensor, loss: str = "bce") -> torch.Tensor:
    """The loss of G from D's log-odds of what it made, (B,).

    Examples
    --------
    >>> round(generator(torch.zeros(2)).item(), 3)  # log 2
    0.693
    """
    # L_G = - E[log D(G(z))]; hinge and Wasserstein: L_G = - E[D(G(z))]
    return F.softplus(-fake).mean() if loss == "bce" else -fake.mean()


def gradient_penalty(d: Callable, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """How far D is from a slope of 1 between real and generated bars, (B, T, P) each.

    A Wasserstein critic has to be 1-Lipschitz; see Gulrajani and others, "Improved Training
    of Wasserstein GANs" (2017), which MuseGAN follows.
    """
    mix = torch.rand(len(real), 1, 1, device=real.device)
    slope = _slope(d, mix * real + (1 - mix) * fake)
    # E[(||grad D(x^)||_2 - 1)^2],  x^ = e x + (1 - e) G(z)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


def zero_centred_penalty(
    d: Callable, real: torch.Tensor, fake: torch.Tensor
) -> torch.Tensor:
    """How steep D is at real and at generated bars: with a price on it D does not push away
    a G that is already right (Mescheder and others, "Which Training Methods for GANs do
    actually Converge?", 2018).
    """
    slope = _slope(d, torch.cat([real, fake]))
    # (R_1 + R_2) / 2 = E[||grad D||^2], the mean over real and generated bars
    return slope.flatten(1).square().sum(1).mean()


def _slope(d, bars):
    """The gradient of D at each bar, itself with a gradient: (B, T, P)."""
    bars.requires_grad_()
    # cuDNN cannot differentiate an LSTM twice
    with torch.backends.cudnn.flags(enabled=False):
        scores = d(bars)
    return torch.autograd.grad(scores.sum(), bars, create_graph=True)[0]
