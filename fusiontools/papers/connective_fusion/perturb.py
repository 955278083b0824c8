"""Latent Perturb, the baseline: small random steps in latent space, kept where a classifier
finds more reality in the result. No training here. Connective Fusion, Algorithm 1 and
section 3.5. Chapter 4, Connective Fusion, plays it
(``notebooks/04_connective_fusion_2_full_size``) and measures it (``..._3_measured``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from fusiontools.papers.connective_fusion.networks import join_halves

if TYPE_CHECKING:
    from fusiontools.papers.connective_fusion.networks import VAE


__all__ = ["Perturbed", "latent_perturb", "perturb_steps"]


class Perturbed(NamedTuple):
    """Where Latent Perturb stands, for each of B pairs."""

    tokens: np.ndarray  # (B, 128) uint8: S_max, the best melody so far
    reality: np.ndarray  # (B,): R_max, its reality according to the guide
    z: torch.Tensor  # (B, 2, Z): where it came from


def perturb_steps(
    vae: VAE,
    z: torch.Tensor,
    judge: Callable,
    sigma: float,
    steps: int = 100,
    noise: torch.Tensor | None = None,
    seed: int = 0,
) -> Iterator[Perturbed]:
    """Algorithm 1, step by step, for many pairs at once.

    Parameters
    ----------
    vae : VAE
    z : Tensor, shape (B, 2, Z)
    judge : callable
        The guide: from melodies, shape (B, 128), to their reality, shape (B,). The paper
        trains it on train-1, apart from the classifier that evaluates the results.
    sigma : float or Tensor of shape (Z,)
        ``sigma_LP``, the size of a step: 0.01 to 0.2 in the paper.
    steps : int
        ``NumIter``. 100 evaluations in the paper.
    noise : Tensor, shape (steps, B, 2, Z), optional
        Standard normal numbers; by default they are drawn from `seed`.

    Yields
    ------
    Perturbed
        First the inputs as they decode, then the best after each step.
    """
    dice = torch.Generator().manual_seed(seed)
    best = _heard(vae, z)
    reality = np.asarray(judge(best), dtype=np.float64)
    yield Perturbed(best, reality, z)
    for i in range(steps):
        # e_L, e_R ~ N(0, diag(sigma_LP^2))
        drawn = torch.randn(z.shape, generator=dice) if noise is None else noise[i]
        moved = z + (sigma * drawn).to(z.device)
        tried = _heard(vae, moved)
        verdict = np.asarray(judge(tried), dtype=np.float64)
        better = verdict > reality  # line 8
        # line 9 prints S_max <- S_min; there is no S_min, and S_tmp is meant
        best = np.where(better[:, None], tried, best)
        reality = np.where(better, verdict, reality)
        z = torch.where(torch.from_numpy(better).to(z.device)[:, None, None], moved, z)
        yield Perturbed(best, reality, z)


def latent_perturb(
    vae: VAE,
    z: torch.Tensor,
    judge: Callable,
    sigma: float,
    steps: int = 100,
    noise: torch.Tensor | None = None,
    seed: int = 0,
) -> Perturbed:
    """Algorithm 1 to its end: the last `Perturbed` of `perturb_steps`."""
    *_, last = perturb_steps(vae, z, judge, sigma, steps, noise, seed)
    return last


def _heard(vae, z):
    halves = vae.decode(z)  # (B, 2, 64)
    return join_halves(halves[:, 0], halves[:, 1])
