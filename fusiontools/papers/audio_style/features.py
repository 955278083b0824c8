"""What the paper's random networks see in a spectrogram. Chapter 7, Audio style transfer.

No network here is ever trained: weights are drawn once, and the spectrogram is what is
optimised. Each gives features F = B A, where A, (r, n), depends on the spectrogram and B,
(C, r), is fixed: the last layer. `gram` lives on this.

The printed sizes make the recurrent networks run along the 1,025 frequencies, not along
time as the text argues: 430 inputs are the frames of ten seconds. Both ways are here. The
BiLSTM gives 200 numbers a step, and its printed linear layer takes 100: ours takes 200.
Shapes: K frequencies, T frames, C = 4,096 features.
"""

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["FEATURES", "Random", "neighbours", "random_network"]

FEATURES = ("cnn", "rnn", "bilstm")
UNITS = 100  # of the recurrent layers, a direction


class Random(NamedTuple):
    """A random network: `inside` gives A of a spectrogram, `last` is B."""

    inside: object  # from a spectrogram, (K, T), to A, (r, n)
    last: torch.Tensor  # B, (C, r)

    def __call__(self, x):
        """Features F = B A, (C, n)."""
        return self.last @ self.inside(x)


def random_network(name, rows, frames, along="frequency", channels=4096, seed=0):
    """One of `FEATURES`, for spectrograms of so many rows and frames.

    Parameters
    ----------
    name : str
    rows, frames : int
        K and T of all spectrograms that it is to see; a CNN takes any number of frames.
    along : str
        What a recurrent network steps along: "frequency", as printed, or "time".
    channels : int
        C; 4,096 in the paper.
    seed : int

    Returns
    -------
    Random

    Examples
    --------
    >>> net = random_network("rnn", rows=6, frames=9, channels=8)
    >>> net(torch.rand(6, 9)).shape, net.last.shape
    (torch.Size([8, 6]), torch.Size([8, 101]))
    """
    if name not in FEATURES or along not in ("frequency", "time"):
        ways = "along 'frequency' or 'time'"
        raise ValueError(f"{name!r} along {along!r}: choose {', '.join(FEATURES)}, {ways}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "cnn":
            return _convolution(rows, channels)
        inputs = frames if along == "frequency" else rows
        return _recurrent(name, inputs, along, channels)


def _convolution(rows, channels):
    layer = nn.Conv1d(rows, channels, 3, padding=1)
    # the three frames around each, and a one for the bias: F = [W b] A
    last = torch.cat([layer.weight.permute(0, 2, 1).flatten(1), layer.bias[:, None]], 1)
    return Random(neighbours, last.detach())


def neighbours(x):
    """Each frame with the one before and the one after: (K, T) -> (3 K + 1, T)."""
    wide = F.pad(x, (1, 1))
    return torch.cat([wide[:, :-2], x, wide[:, 2:], torch.ones_like(x[:1])])


def _recurrent(name, inputs, along, channels):
    kind, ways = (nn.RNN, 1) if name == "rnn" else (nn.LSTM, 2)
    layer = kind(inputs, UNITS, batch_first=True, bidirectional=ways == 2)
    linear = nn.Linear(ways * UNITS, channels)
    for p in (*layer.parameters(), *linear.parameters()):
        p.requires_grad_(False)

    def inside(x):
        h = layer((x if along == "frequency" else x.T)[None])[0][0]  # (n, units)
        return torch.cat([h.T, torch.ones_like(h.T[:1])])

    return Random(inside, torch.cat([linear.weight, linear.bias[:, None]], 1))
