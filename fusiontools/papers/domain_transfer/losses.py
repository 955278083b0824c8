"""The compound loss of domain transfer, Eqs. 1 to 6, term by term.

Everything is a function of tensors: logits of D, features of f, pictures. Where the paper
leaves a choice, d and d_2 are mean squared differences, and sums over a batch are means, so
that weights do not depend on its size. Chapter 5, Domain transfer:
``notebooks/05_domain_transfer_1_from_scratch`` builds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

if TYPE_CHECKING:
    import torch

    from fusiontools.papers.domain_transfer.config import Config


__all__ = ["const", "discriminator", "gang", "spread", "tid", "total", "tv"]

TINY = 1e-4  # a variance of f below this counts as none


def discriminator(fake: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """L_D, Eq. 1, from D's log-odds of transferred sources, (B,), and of real targets.

    Examples
    --------
    >>> import torch
    >>> round(discriminator(torch.zeros(2), torch.zeros(2)).item(), 3)  # 2 log 2
    1.386
    """
    # L_D = - E_s[log(1 - D(g(f(x))))] - E_t[log D(x)],  log D = -softplus(-logit)   (1)
    return F.softplus(fake).mean() + F.softplus(-real).mean()


def gang(source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """L_GANG, Eq. 2, from D's log-odds of what G makes of sources and of targets, (B,)."""
    # L_GANG = - E_s[log D(g(f(x)))] - E_t[log D(g(f(x)))]   (2)
    return F.softplus(-source).mean() + F.softplus(-target).mean()


def spread(features: torch.Tensor) -> torch.Tensor:
    """The variance of f over a batch, averaged over its F numbers: (B, F) -> ()."""
    return features.var(0, correction=int(len(features) > 1)).mean()


def const(before: torch.Tensor, after: torch.Tensor, guard: bool = True) -> torch.Tensor:
    """L_CONST, Eq. 3: how far f moves under G. (B, F), (B, F) -> ().

    As printed, an f that gives the same for every picture is a minimum, and with skip
    connections f gets there at once. The guard, ours, divides by the variance of f.

    Examples
    --------
    >>> import torch
    >>> x = torch.eye(4)
    >>> const(0.01 * x, 0.02 * x, guard=False) < const(x, 2 * x, guard=False)
    tensor(True)
    >>> bool((const(x, 2 * x) - const(10 * x, 20 * x)).abs() < 0.01)
    True
    """
    # L_CONST = sum_s d(f(x), f(g(f(x)))),  d(a, b) = mean (a - b)^2   (3)
    moved = ((before - after) ** 2).mean()
    # ours: L_CONST / (Var f + tiny)
    return moved / (spread(before) + TINY) if guard else moved


def tid(target: torch.Tensor, made: torch.Tensor) -> torch.Tensor:
    """L_TID, Eq. 4: G should leave pictures of the target as they are. () from (B, ...)."""
    # L_TID = sum_t d_2(x, G(x)),  d_2(a, b) = mean (a - b)^2   (4)
    return ((target - made) ** 2).mean()


def tv(z: torch.Tensor, power: float = 2.0) -> torch.Tensor:
    """L_TV, Eq. 5: differences to the pixel on the right and to the one below.

    Parameters
    ----------
    z : Tensor, shape (B, C, H, W)
    power : float
        B of the equation.

    Examples
    --------
    >>> import torch
    >>> tv(torch.ones(1, 3, 4, 4)).item()
    0.0
    """
    right = (z[:, :, :-1, 1:] - z[:, :, :-1, :-1]) ** 2
    below = (z[:, :, 1:, :-1] - z[:, :, :-1, :-1]) ** 2
    # L_TV = sum_ij ((z_i,j+1 - z_i,j)^2 + (z_i+1,j - z_i,j)^2)^(B/2)   (5)
    if power == 2.0:
        return (right + below).mean()
    # the root of nothing has no slope
    return (right + below + 1e-8).pow(power / 2).mean()


def total(terms: dict[str, torch.Tensor], config: Config) -> torch.Tensor:
    """L_G, Eq. 6, from a dict of its terms: gang, const, tid, tv."""
    # L_G = L_GANG + alpha L_CONST + beta L_TID + gamma L_TV   (6)
    return (
        config.adversary * terms["gang"]
        + config.alpha * terms["const"]
        + config.beta * terms["tid"]
        + config.gamma * terms["tv"]
    )
