"""What the paper's random networks see in a spectrogram. Chapter 7, Audio style transfer.

No network here is ever trained: weights are drawn once, and the spectrogram is what is
optimised. Each gives features F = B A, where A, (r, n), depends on the spectrogram and B,
(C, r), is fixed: the last layer. `gram` lives on this.

The printed sizes make the recurrent networks run along the 1,025 frequencies, not along
time as the text argues: 430 inputs are the frames of ten seconds. The convolution has 1,025
channels in and runs along time. Both ways are here for each. The BiLSTM gives 200 numbers a
step, and its printed linear layer takes 100: ours takes 200.
Shapes: K frequencies, T frames, C = 4,096 features.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["FEATURES", "Random", "neighbours", "random_network"]

FEATURES = ("cnn", "rnn", "bilstm")
UNITS = 100  # of the recurrent layers, a direction


class Random(NamedTuple):
    """A random network: `inside` gives A of a spectrogram, `last` is B."""

    inside: Callable  # from a spectrogram, (K, T), to A, (r, n)
    last: Any  # B, (C, r); None for infinitely many features

    def __call__(self, x):
        """Features F = B A, (C, n)."""
        return self.last @ self.inside(x)


def random_network(
    name: str,
    rows: int,
    frames: int,
    along: str | None = None,
    channels: int | None = 4096,
    seed: int = 0,
    depth: int = 1,
) -> Random:
    """One of `FEATURES`, for spectrograms of so many rows and frames.

    Parameters
    ----------
    name : str
    rows, frames : int
        K and T of all spectrograms that it is to see; along time, a network takes any
        number of frames.
    along : str, optional
        What the network steps along, "frequency" or "time"; by default as printed, time for
        the CNN and frequency for the others.
    channels : int or None
        C; 4,096 in the paper. None is a convolution of infinitely many filters, which only
        `gram.by_lags` can use.
    seed : int
    depth : int
        Convolutions one after the other, with ReLU between them; one in the paper.

    Returns
    -------
    Random

    Examples
    --------
    >>> net = random_network("rnn", rows=6, frames=9, channels=8)
    >>> net(torch.rand(6, 9)).shape, net.last.shape
    (torch.Size([8, 6]), torch.Size([8, 101]))
    """
    along = along or ("time" if name == "cnn" else "frequency")
    if name not in FEATURES or along not in ("frequency", "time"):
        ways = "along 'frequency' or 'time'"
        raise ValueError(f"{name!r} along {along!r}: choose {', '.join(FEATURES)}, {ways}")
    turned = (lambda x: x) if along == "time" else torch.t
    if channels is None:
        return Random(lambda x: neighbours(turned(x)), None)
    inputs = rows if along == "time" else frames
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        make = _convolution if name == "cnn" else _recurrent
        inside, last = make(name, inputs, channels, depth)
    return Random(lambda x: inside(turned(x)), last)


def neighbours(x: torch.Tensor) -> torch.Tensor:
    """Each frame with the one before and the one after: (K, T) -> (3 K + 1, T)."""
    wide = F.pad(x, (1, 1))
    return torch.cat([wide[:, :-2], x, wide[:, 2:], torch.ones_like(x[:1])])


def _convolution(name, inputs, channels, depth):
    sizes = [inputs, *[channels] * depth]
    layers = [nn.Conv1d(*pair, 3, padding=1) for pair in zip(sizes, sizes[1:])]
    # the three frames around each, and a one for the bias: F = [W b] A
    last = [torch.cat([c.weight.permute(0, 2, 1).flatten(1), c.bias[:, None]], 1).detach()
            for c in layers]  # fmt: skip

    def inside(x):
        a = neighbours(x)
        for b in last[:-1]:
            a = neighbours(F.relu(b @ a))
        return a

    return inside, last[-1]


def _recurrent(name, inputs, channels, depth):
    kind, ways = (nn.RNN, 1) if name == "rnn" else (nn.LSTM, 2)
    layer = kind(inputs, UNITS, depth, batch_first=True, bidirectional=ways == 2)
    linear = nn.Linear(ways * UNITS, channels)
    for p in (*layer.parameters(), *linear.parameters()):
        p.requires_grad_(False)

    def inside(x):
        h = layer(x.T[None])[0][0]  # (n, units)
        return torch.cat([h.T, torch.ones_like(h.T[:1])])

    return inside, torch.cat([linear.weight, linear.bias[:, None]], 1)
