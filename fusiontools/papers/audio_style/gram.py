"""Style as a Gram matrix, and four ways to compare two styles. Chapter 7, Audio style
transfer.

A Gram matrix G = F F' of features F, (C, n), says which features sound together and forgets
when. The loss of the paper is the squared distance between two of them (section 3.1). With
4,096 features G has 17 million entries; but F = B A (see `features`), so its distance is
had from matrices as small as A. All ways give the same number: the first is the definition,
the others are what is run, and `by_lags` is what they tend to with ever more filters.

Losses are relative, ||G_x - G_s||^2 / ||G_s||^2: 0 where styles agree, near 1 for silence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    import numpy as np

    from fusiontools.papers.audio_style.features import Random


__all__ = ["at_best_level", "by_frames", "by_lags", "by_moments", "direct", "gram"]
__all__ += ["printed_scale", "style_loss"]

LEVELS = range(-12, 13)  # decibels


def gram(f: torch.Tensor) -> torch.Tensor:
    """The Gram matrix of features, (C, n) -> (C, C).

    Examples
    --------
    >>> gram(torch.tensor([[1.0, 0.0], [1.0, 2.0]])).tolist()
    [[1.0, 1.0], [1.0, 5.0]]
    """
    # G = F F'
    return f @ f.T


def direct(net: Random, style: torch.Tensor) -> Callable:
    """The loss as it is defined, a function of a spectrogram: slow."""
    target = gram(net(style))
    size = target.square().sum()
    # ||G_x - G_s||^2 / ||G_s||^2
    return lambda x: (gram(net(x)) - target).square().sum() / size


def printed_scale(net: Random, style: torch.Tensor, weight: float) -> float:
    """What the relative loss is multiplied by to be the paper's: the mean squared error of
    Gram matrices that are divided by the number of features' entries, times the weight.
    """
    f = net(style)
    # w / C^2 ||G_x / (C n) - G_s / (C n)||^2
    return weight * (gram(f) / f.numel()).square().mean().item()


def by_frames(net: Random, style: torch.Tensor) -> Callable:
    """The same by products of n x n, where there are fewer frames than rows of A. Its
    gradient is written out, and has none itself.
    """
    p = net.last.T @ net.last  # B'B, (r, r)
    b = net.inside(style)
    pb, n = p @ b, b.shape[1]
    size = (b.T @ pb).square().sum()

    def loss(x):
        a = net.inside(x)
        with torch.no_grad():
            # F'F = A' B'B A and S'F, one above the other
            both = torch.cat([p @ a, pb], 1)
            products = both.T @ a
            # ||F F' - S S'||^2 = ||F'F||^2 - 2 ||S'F||^2 + ||S'S||^2
            value = products[:n].square().sum() - 2 * products[n:].square().sum() + size
            # its gradient by A is 4 (B'B A) (F'F) - 4 (B'B S) (S'F): both are at hand
            products[n:] *= -1
            slope = 4 * (both @ products)
        return (value + (slope * (a - a.detach())).sum()) / size

    return loss


def by_moments(net: Random, style: torch.Tensor) -> Callable:
    """The same by products of r x r, where A has few rows, as in recurrent networks."""
    p = net.last.T @ net.last
    b = net.inside(style)
    target = b @ b.T

    def squared(d):
        # ||B D B'||^2 = tr(B'B D B'B D)
        pd = p @ d
        return (pd * pd.T).sum()

    size = squared(target)

    def loss(x):
        a = net.inside(x)
        return squared(a @ a.T - target) / size

    return loss


def by_lags(net: Random | None, style: torch.Tensor) -> Callable:
    """The convolution's loss in the limit of infinitely many filters: B'B is then a
    multiple of the unit matrix, and no filter is needed any more.
    """

    def products(x, y):
        m = x.T @ y  # (T, T)
        # (A'S)[t, u] = x[t-1].s[u-1] + x[t].s[u] + x[t+1].s[u+1] + 1
        p = m + 1
        p[1:, 1:] += m[:-1, :-1]
        p[:-1, :-1] += m[1:, 1:]
        return p

    size = products(style, style).square().sum()

    def loss(x):
        # ||A A' - S S'||^2 = ||A'A||^2 - 2 ||S'A||^2 + ||S'S||^2
        own, both = products(x, x).square().sum(), products(style, x).square().sum()
        return (own - 2 * both + size) / size

    return loss


def style_loss(net: Random, style: torch.Tensor) -> Callable:
    """The fastest way for this network and spectrogram: a function of x, (K, T) -> ()."""
    if net.last is None:
        return by_lags(net, style)
    rows, n = net.inside(style).shape
    return by_moments(net, style) if rows < n else by_frames(net, style)


def at_best_level(logs: np.ndarray, loss: Callable) -> tuple[np.ndarray, float]:
    """Log magnitudes at the level where a loss is least, and that loss: level is no style.

    Parameters
    ----------
    logs : ndarray, shape (K, T)
    loss : callable
        From log magnitudes, a Tensor, to a Tensor.
    """
    magnitude = torch.expm1(torch.from_numpy(logs))
    tried = [torch.log1p(magnitude * 10 ** (db / 20)) for db in LEVELS]
    losses = [loss(x).item() for x in tried]
    best = losses.index(min(losses))
    return tried[best].numpy(), losses[best]
