"""Connective Fusion's objectives, equation by equation, as printed and corrected, as
functions of tensors. Chapter 4, Connective Fusion, derives them
(``notebooks/04_connective_fusion_1_from_scratch``); what is ours, `spread`, is explained in
``..._2_full_size``.

A pair of halves in latent space is one tensor (B, 2, Z). The discriminator is handed over
as its log-odds a, so that D = sigmoid(a), log D = -softplus(-a) and log(1 - D) =
-softplus(a): a logarithm of 0, which D itself would lead to, never occurs. No network runs
here, except that a gradient penalty has to look inside one. See Connective Fusion, sections
2.4 and 2.5, Eqs. 1 to 8, and section 3.4 for the z-distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    import numpy as np

    from fusiontools.papers.connective_fusion.networks import Discriminator


__all__ = ["discriminator_loss", "divergence", "generator_loss", "gradient_penalty"]
__all__ += ["negative", "optimal_discriminator", "positive", "reconstruction"]
__all__ += ["similarity", "spread", "z_distance"]


def reconstruction(logits: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """Minus log p(x|z) of halves, in nats, for Eq. 1: (B, T, V), (B, T) -> (B,)."""
    # L_rec = -E[log p(x|z)] = -E[sum_t log p(x_t | ...)]
    each = F.cross_entropy(logits.flatten(0, 1), x.flatten(), reduction="none")
    return each.view_as(x).sum(1)


def divergence(
    mean: torch.Tensor, log_var: torch.Tensor, free_bits: float = 0.0
) -> torch.Tensor:
    """KL(q(z|x) || p(z)) in nats, for Eq. 1: (B, Z), (B, Z) -> (B,).

    With `free_bits`, a latent number that costs less than that on the batch's average costs
    nothing: there is nothing to gain by saving there.
    """
    # KL(N(m, v) || N(0, 1)) = (m^2 + v - 1 - log v) / 2, summed over z
    each = 0.5 * (mean.square() + log_var.exp() - 1 - log_var)  # (B, Z)
    if free_bits:
        each = each * (each.mean(0) > free_bits)
    return each.sum(1)


def positive(logit: torch.Tensor) -> torch.Tensor:
    """L^p = -log D, section 2.5. (B,) -> (B,)"""
    # L_D^p(z_L, z_R) = -log D(z_L, z_R)
    return F.softplus(-logit)


def negative(logit: torch.Tensor, form: str = "corrected") -> torch.Tensor:
    """L^n of section 2.5, (B,) -> (B,), in the `form` "corrected" or "printed".

    Printed is -(1 - log D), a bracket in the wrong place: as D goes to 0 it is unbounded
    below, so that a discriminator can lower its loss without end by one fake pair that it
    is sure of, and need not learn the others.
    """
    if form == "printed":
        # L_D^n(z_L, z_R) = -(1 - log D(z_L, z_R))
        return -1.0 - F.softplus(-logit)
    # L_D^n(z_L, z_R) = -log(1 - D(z_L, z_R))
    return F.softplus(logit)


def discriminator_loss(
    real: torch.Tensor,
    fakes: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
    weight: float = 1.0,
    form: str = "corrected",
) -> torch.Tensor:
    """What D descends, Eqs. 2 to 4, from the log-odds of pairs: `real` ones from the data,
    (B,); `fakes`, (B,) each, of halves drawn alone, from the data and from the prior, and
    of what G makes of both. `weight` is that of each fake term; 1 is printed.
    """
    # L_dis = E[L^p] + w sum_k E[L^n], Eqs. 2, 3, 4
    fake = sum(negative(logit, form).mean() for logit in fakes)
    return positive(real).mean() + weight * fake


def optimal_discriminator(
    real: np.ndarray, fakes: np.ndarray, weight: float = 1.0
) -> float | np.ndarray:
    """The D that Eq. 4 is least for, from the densities of pairs.

    Four fake terms stand against one real one, and no weights. Where all five densities
    agree D says 0.2, not 0.5. The order of pairs is the same, since its log-odds only move
    by -log(4 w); so is where the generator's best answer lies. What changes is how hard D
    pulls: the slope of -log D along the log-odds is D - 1, so 0.8 where nothing is left to
    learn instead of 0.5, and the similarity loss weighs less beside it than lambda says, by
    a factor of 1.6 there.

    Examples
    --------
    >>> optimal_discriminator(1.0, [1.0] * 4)
    0.2
    >>> optimal_discriminator(1.0, [1.0] * 4, weight=0.25)
    0.5
    """
    # D* = p / (p + w sum_k q_k)
    return real / (real + weight * sum(fakes))


def similarity(z: torch.Tensor, moved: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """How far a pair was moved as the training counts it, (B, 2, Z) twice and (Z,) -> (B,).

    The logarithm forgives a few long steps more than many short ones. What is reported is
    the `z_distance`, which has none.
    """
    # L_dist = 1/d_z |log(1 + (z'_L - z_L)^2) / sigma^2|_1 + the same of z_R, Eq. 7
    return (torch.log1p((moved - z).square()) / sigma.square()).mean(-1).sum(-1)


def z_distance(z: torch.Tensor, moved: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
    """The z-distance of section 3.4, a scaled squared Mahalanobis distance: (..., Z) twice
    and (Z,) -> (...).
    """
    # dist(z', z) = 1/d_z (z' - z) diag(sigma^2)^-1 (z' - z)^T
    return ((moved - z).square() / sigma.square()).mean(-1)


def generator_loss(
    fooled: Sequence[torch.Tensor], moves: Sequence[torch.Tensor], weight: float
) -> torch.Tensor:
    """What G descends, Eqs. 5, 6 and 8, from what it makes of halves from the data and of
    halves from the prior: `fooled`, the log-odds of each, (B,); `moves`, how far they were
    moved, (B,), see `similarity`; `weight`, which is ``lambda``. Eq. 6 prints the two
    expectations of the moves without a plus between them; we add them, as in Eq. 5.
    """
    # L_gen = sum_k E[-log D(G(z_L, z_R, s))] + lambda sum_k E[L_dist(z_L, z_R, s)]
    believed = sum(positive(logit).mean() for logit in fooled)
    return believed + weight * sum(move.mean() for move in moves)


def spread(
    one: torch.Tensor, other: torch.Tensor, sigma: torch.Tensor, goal: float
) -> torch.Tensor:
    """By how much what two styles make of the same pairs lies nearer together than a goal:
    (B, 2, Z) twice and (Z,) -> (B,).

    Not in the paper: no term of Eqs. 2 to 8 grows if a generator ignores its style, and one
    that is trained by them alone nearly does. After Q. Mao and others, "Mode seeking
    generative adversarial networks", CVPR 2019; but at the goal the loss is 0.
    """
    # L_style = max(0, goal - dist(G(z, s), G(z, s')))
    return F.relu(goal - z_distance(one, other, sigma).mean(-1))


def gradient_penalty(
    d: Discriminator, real: torch.Tensor, fake: torch.Tensor
) -> torch.Tensor:
    """How far the slope of D's log-odds is from 1 between real and fake pairs, (B, 2, Z)
    twice. Not in the paper; the work that it follows has it, with weight 10.
    """
    share = torch.rand(len(real), 1, 1, device=real.device)
    # detached: the slope is taken at these points, however they came about
    between = torch.lerp(real, fake, share).detach().requires_grad_()
    # create_graph: D descends this slope, so it needs a gradient of its own
    (slope,) = torch.autograd.grad(d(between).sum(), between, create_graph=True)
    # E[(|grad_z a(z)| - 1)^2]
    return (slope.flatten(1).norm(dim=1) - 1).square().mean()
