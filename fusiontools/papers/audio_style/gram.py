"""Style as a Gram matrix, and three ways to compare two styles. Chapter 7, Audio style
transfer.

A Gram matrix G = F F' of features F, (C, n), says which features sound together and forgets
when. The loss of the paper is the squared distance between two of them (section 3.1). With
4,096 features G has 17 million entries; but F = B A (see `features`), so its distance is
had from matrices as small as A. All three ways give the same number: the first is the
definition, the others are what is run.

Losses are relative, ||G_x - G_s||^2 / ||G_s||^2: 0 where styles agree, 1 for silence.
"""

import torch

__all__ = ["by_frames", "by_moments", "direct", "gram", "style_loss"]


def gram(f):
    """The Gram matrix of features, (C, n) -> (C, C).

    Examples
    --------
    >>> gram(torch.tensor([[1.0, 0.0], [1.0, 2.0]])).tolist()
    [[1.0, 1.0], [1.0, 5.0]]
    """
    # G = F F'
    return f @ f.T


def direct(net, style):
    """The loss as it is defined, a function of a spectrogram: slow."""
    target = gram(net(style))
    size = target.square().sum()
    # ||G_x - G_s||^2 / ||G_s||^2
    return lambda x: (gram(net(x)) - target).square().sum() / size


def by_frames(net, style):
    """The same by products of n x n, where there are fewer frames than rows of A. Its
    gradient is written out, and has none itself.
    """
    p = net.last.T @ net.last  # B'B, (r, r)
    b = net.inside(style)
    pb = p @ b
    size = (b.T @ pb).square().sum()

    def loss(x):
        a = net.inside(x)
        with torch.no_grad():
            pa = p @ a
            own, both = a.T @ pa, pb.T @ a
            # ||F F' - S S'||^2 = ||F'F||^2 - 2 ||S'F||^2 + ||S'S||^2,  F'F = A' B'B A
            value = own.square().sum() - 2 * both.square().sum() + size
            # its gradient by A is 4 (B'B A) (F'F) - 4 (B'B S) (S'F): both are at hand
            slope = 4 * (pa @ own - pb @ both)
        return (value + (slope * (a - a.detach())).sum()) / size

    return loss


def by_moments(net, style):
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


def style_loss(net, style):
    """The faster way of the two for this network and spectrogram: a function of x."""
    rows, n = net.inside(style).shape
    return by_moments(net, style) if rows < n else by_frames(net, style)
