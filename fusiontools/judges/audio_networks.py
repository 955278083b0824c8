"""The paper's two networks that tell the genre of a sound, with the sizes that fit.

As printed they do not run: a second convolution takes 1 channel where 32 come, a linear
layer 1,572 numbers where they come in 64s. A softmax before the cross entropy, which takes
one of its own, flattens the loss. `NetworkJudge` is a second opinion beside the linear one
of `fusiontools.judges.audio_genre`. Used in chapter 7, Audio style transfer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.judges.audio_features import FEATURES

if TYPE_CHECKING:
    import torch


__all__ = ["NetworkJudge", "autocorrelogram_network", "feature_network", "learn", "say"]
__all__ += ["standard", "train_network"]

_BATCH = 32  # as printed


def feature_network(
    inputs: int, genres: int = 10, double_softmax: bool = False
) -> torch.nn.Module:
    """The paper's classifier of features, with the sizes that fit.

    Parameters
    ----------
    inputs : int
        Features of a clip, at least 9.
    genres : int
    double_softmax : bool
        End with a softmax, as printed. The cross entropy takes another.

    Returns
    -------
    torch.nn.Sequential
        From (B, 1, inputs) to (B, genres).

    References
    ----------
    "Audio style transfer", section 3.4. Its second convolution has 1 channel in, its first
    linear layer 1,572: no number of features gives that, 55 and 56 give 1,536.
    """
    from torch import nn

    left = ((inputs - 3) // 2 - 2) * 64  # kernel 4, pooling by 2, kernel 3; 64 channels
    if left <= 0:
        raise ValueError(f"{inputs} features are too few for two convolutions")
    layers = [
        *(nn.Conv1d(1, 32, 4), nn.LeakyReLU(), nn.BatchNorm1d(32), nn.MaxPool1d(2)),
        *(nn.Dropout(0.2), nn.Conv1d(32, 64, 3), nn.LeakyReLU(), nn.BatchNorm1d(64)),
        *(nn.Dropout(0.5), nn.Flatten(), nn.Linear(left, 256), nn.LeakyReLU()),
        *(nn.Linear(256, 64), nn.LeakyReLU(), nn.Linear(64, genres)),
    ]
    return nn.Sequential(*layers, *([nn.Softmax(dim=1)] if double_softmax else []))


def autocorrelogram_network(inputs: int = 51, genres: int = 10) -> torch.nn.Module:
    """The paper's classifier of autocorrelograms: (B, 1, inputs) to (B, genres).

    References
    ----------
    "Audio style transfer", section 3.4. Its linear layer of 1,536 asks for 51 inputs.
    """
    from torch import nn

    left = (inputs - 3) * 32  # kernel 4; 32 channels
    if left <= 0:
        raise ValueError(f"{inputs} lags are too few for a convolution over 4")
    return nn.Sequential(
        *(nn.Conv1d(1, 32, 4), nn.Tanh(), nn.BatchNorm1d(32), nn.Dropout(0.2)),
        *(nn.Flatten(), nn.Linear(left, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh()),
        nn.Linear(64, genres),
    )


def standard(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread of each column of x (N, D): (D,) and (D,), the spread above 0."""
    x = np.asarray(x, np.float64)
    return x.mean(axis=0), np.maximum(x.std(axis=0), 1e-9)


def learn(
    network: torch.nn.Module,
    x: np.ndarray,
    y: np.ndarray,
    epochs: int,
    rate: float,
    seed: int,
    after: Callable | None = None,
) -> np.ndarray:
    """Fit a network by Adam and the cross entropy, in batches of 32.

    Parameters
    ----------
    network : torch.nn.Module
        From (B, 1, D) to (B, G).
    x, y : array_like, shapes (N, D) and (N,)
        Rows, and the numbers of their classes.
    epochs, rate, seed
        The seed shuffles; dropout takes torch's own generator.
    after : callable, optional
        Called with the number of each epoch that is done.

    Returns
    -------
    ndarray of float64, shape (epochs,)
        The mean loss of each.
    """
    import torch

    x, y = torch.as_tensor(x, dtype=torch.float32)[:, None], torch.as_tensor(y)
    rng, losses = np.random.default_rng(seed), []
    adam = torch.optim.Adam(network.parameters(), lr=rate)
    for epoch in range(epochs):
        network.train()
        order = torch.from_numpy(rng.permutation(len(x)))
        total = 0.0
        for own in order.split(_BATCH):
            if len(own) < 2 and len(x) > 1:  # one row alone has no variance to normalise by
                continue
            loss = torch.nn.functional.cross_entropy(network(x[own]), y[own])
            adam.zero_grad()
            loss.backward()
            adam.step()
            total += loss.item() * len(own)
        losses.append(total / len(x))
        if after:
            after(epoch)
    return np.array(losses)


def say(network: torch.nn.Module, x: np.ndarray) -> np.ndarray:
    """Probabilities of rows x (N, D), shape (N, G); no row learns from the others."""
    import torch

    network.eval()
    with torch.no_grad():
        out = network(torch.as_tensor(x, dtype=torch.float32)[:, None]).double()
        ends = isinstance(network[-1], torch.nn.Softmax)
        return (out if ends else out.softmax(dim=1)).numpy()


@dataclass(frozen=True, eq=False)
class NetworkJudge:
    """The paper's corrected network of features as a judge, of G labels and D features."""

    labels: tuple
    names: tuple
    centre: np.ndarray  # (D,)
    scale: np.ndarray  # (D,)
    network: object  # torch.nn.Sequential
    about: dict

    def probabilities(self, x: np.ndarray) -> np.ndarray:
        """Of each label, for features (N, D): (N, G)."""
        z = (np.asarray(x, np.float64) - self.centre) / self.scale
        return say(self.network, z)


def train_network(
    x: np.ndarray,
    labels: np.ndarray,
    names: Sequence[str] = FEATURES,
    epochs: int = 60,
    rate: float = 1e-3,
    seed: int = 0,
    **about: Any,
) -> NetworkJudge:
    """Train the network judge.

    Parameters
    ----------
    x : array_like of float, shape (N, D)
    labels : array_like, shape (N,)
    names : sequence of str
        Of the D features.
    epochs, rate, seed
        Of Adam.
    **about
        What to note down, beside ``clips``, ``epochs`` and the last ``loss``.

    Returns
    -------
    NetworkJudge
    """
    import torch

    if np.ndim(x) != 2 or np.shape(x)[1] != len(names):
        raise ValueError(f"{len(names)} features are named, of an array of {np.shape(x)}")
    centre, scale = standard(x)
    kinds, y = np.unique(labels, return_inverse=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = feature_network(len(names), len(kinds))
        losses = learn(network, (np.asarray(x) - centre) / scale, y, epochs, rate, seed)
    network.eval().requires_grad_(False)
    about = {"clips": len(y), "epochs": epochs, "loss": float(losses[-1]), **about}
    own = tuple(kinds.tolist()), tuple(names), centre, scale, network, about
    return NetworkJudge(*own)
