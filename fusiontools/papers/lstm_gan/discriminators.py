"""Discriminators: bars in, the log-odds that they are real out. Chapter 6, LSTM and
convolutional GANs.

Shapes: B bars, T cells of time, P = 84 pitches: (B, T, P) -> (B,).
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.papers.lstm_gan.generators import PITCHES, SLOPE

if TYPE_CHECKING:
    from fusiontools.papers.lstm_gan.config import Config


__all__ = ["ConvolutionalDiscriminator", "DenseDiscriminator", "PrintedDiscriminator"]
__all__ += ["RecurrentDiscriminator", "onsets", "summary"]


def onsets(x: torch.Tensor) -> torch.Tensor:
    """Where a cell is on and the one before is off: (B, T, P) -> (B, T, P)."""
    return F.relu(torch.diff(x, dim=1, prepend=torch.zeros_like(x[:, :1])))


def summary(x: torch.Tensor) -> torch.Tensor:
    """What a bar holds in all: how long each pitch and each pitch class sounds, how often
    each pitch is struck, and how many notes there are. (B, T, P) -> (B, 181).
    """
    sounds, struck = x.mean(1), onsets(x).sum(1)
    classes = sounds.unflatten(1, (7, 12)).sum(1)
    return torch.cat(
        [8 * sounds, 4 * classes, struck / 2, struck.sum(1, keepdim=True) / 10], 1
    )


SUMMARY = 2 * PITCHES + 12 + 1  # numbers of `summary`


class RecurrentDiscriminator(nn.Module):
    """LSTM, bi-LSTM, and three dense layers (section 3), over a few cells of time at once.

    With 512 units and one number a step it is the printed one. With `config.hears`, ours,
    it is also given what a sum over a bar tells at once and an LSTM learns slowly: onsets,
    the pitches so far, the `summary` of the bar, and how much the bars of a batch differ,
    which G cannot hide once it makes one bar of all noise.
    """

    def __init__(self, config: Config | SimpleNamespace, features: int = PITCHES) -> None:
        super().__init__()
        w, self.fold, self.hears = config.d_width, config.fold, config.hears
        given = features * self.fold * (1 + self.hears) + self.hears * (PITCHES + 12)
        self.first = nn.LSTM(given, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w + self.hears * SUMMARY, w)
        self.middle = nn.Linear(w + self.hears, w // 2)
        self.last = nn.Linear(w // 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        steps = [x.reshape(len(x), x.shape[1] // self.fold, -1)]  # (B, T/fold, fold P)
        if self.hears:
            steps.append(onsets(x).reshape(steps[0].shape))
            sounds = x.unflatten(1, (-1, self.fold)).mean(2)
            # a smooth "has it sounded yet": 1 - product of (1 - 0.9 sound)
            so_far = 1 - torch.cumprod(1 - 0.9 * sounds, 1)
            classes = 1 - (1 - so_far).unflatten(2, (7, 12)).prod(2)
            steps += [so_far, classes]
        _, (last, _) = self.second(self.first(torch.cat(steps, 2))[0])
        h = [*last, summary(x)] if self.hears else [*last]  # of both directions, (B, W)
        h = F.leaky_relu(self.dense(torch.cat(h, 1)), SLOPE)
        if self.hears:
            h = torch.cat([h, h.std(0, correction=0).mean().expand(len(h), 1)], 1)
        return self.last(F.leaky_relu(self.middle(h), SLOPE))[:, 0]


class ConvolutionalDiscriminator(nn.Module):
    """A small critic like MuseGAN's: one look at octaves first and then at half beats, one
    the other way round, one at chords in time, and the `summary` of the bar.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        w, half = config.d_width, config.grid // 8
        third = config.grid // 16

        def look(*layers):
            pairs = ((layer, nn.LeakyReLU(SLOPE)) for layer in layers)
            return nn.Sequential(*(part for pair in pairs for part in pair))

        octave, beat = ((1, 12), (1, 12)), ((half, 1), (half, 1))
        self.octaves = look(nn.Conv2d(1, w // 2, *octave), nn.Conv2d(w // 2, w, *beat))
        self.beats = look(nn.Conv2d(1, w // 2, *beat), nn.Conv2d(w // 2, w, *octave))
        both = (
            nn.Conv2d(2 * w, 2 * w, (2, 1), (2, 1)),
            nn.Conv2d(2 * w, 2 * w, (2, 3), (2, 1)),
        )
        self.both = look(*both)
        chords = nn.Conv1d(PITCHES, 2 * w, third, third), nn.Conv1d(2 * w, 2 * w, 4, 4)
        self.chords = look(*chords)
        self.dense = nn.Linear(2 * w * 2 * 5 + 2 * w * 4 + SUMMARY, 2 * w)
        self.last = nn.Linear(2 * w, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        picture = x[:, None]
        h = self.both(torch.cat([self.octaves(picture), self.beats(picture)], 1))
        h = [h.flatten(1), self.chords(x.transpose(1, 2)).flatten(1), summary(x)]
        return self.last(F.leaky_relu(self.dense(torch.cat(h, 1)), SLOPE))[:, 0]


class DenseDiscriminator(nn.Module):
    """One hidden layer over all cells of a bar."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.hidden = nn.Linear(config.grid * PITCHES, 2 * config.d_width)
        self.last = nn.Linear(2 * config.d_width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(F.leaky_relu(self.hidden(x.flatten(1)), SLOPE))[:, 0]


class PrintedDiscriminator(RecurrentDiscriminator):
    """The discriminator of the printed table: (B, 100, 1) -> (B,)."""

    def __init__(self, config: Config | None = None, units: int = 512) -> None:
        super().__init__(SimpleNamespace(d_width=units, fold=1, hears=False), features=1)
