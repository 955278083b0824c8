"""Generators: bars out of noise. Chapter 6, LSTM and convolutional GANs.

Shapes: B bars, T cells of time, P = 84 pitches; z is noise, (B, Z). A generator gives the
log-odds that a cell is on, (B, T, P); the printed one gives one number a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from fusiontools.papers.lstm_gan.config import Config


__all__ = ["ConvolutionalGenerator", "DenseGenerator", "PrintedGenerator"]
__all__ += ["RecurrentGenerator", "StridedGenerator", "begin"]

PITCHES = 84
SLOPE = 0.2  # of leaky ReLUs
SPREAD = 1.7  # standard deviation of a fresh generator's log-odds, over noises


def begin(g: ConvolutionalGenerator | RecurrentGenerator) -> None:
    """Scale the last layer of a fresh generator: over noises, the log-odds of a cell have
    the standard deviation `SPREAD` and the mean `bias`.

    With less of it no cell is ever on, or the same ones are on for all noise.
    """
    for layer in g.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()  # what dropout changes is no answer to the noise
    with torch.no_grad():
        raw = g.raw(torch.randn(64, g.noise))  # (64, T, P)
        scale = SPREAD / raw.std(0).mean()
        g.last.weight *= scale
        g.bias -= scale * raw.mean((0, 1))
    for layer in g.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.reset_running_stats()
    g.train()


class ConvolutionalGenerator(nn.Module):
    """The paper's CNN: dense, reshape, two units of upsampling and deconvolution, batch
    normalisation after the first, leaky ReLUs, and another deconvolution (section 3).

    Its shapes are lost with Figure 6. Ours enlarge time alone: each pitch has numbers of
    its own from the first layer on, as a chord is no pattern that may stand anywhere.
    """

    def __init__(self, config: Config, bias: torch.Tensor) -> None:
        super().__init__()
        self.noise, w = config.noise, config.width
        self.dense = nn.Linear(self.noise, w * 4 * PITCHES)
        self.second_unit = config.grid // 16  # upsampled so many times, after 4 times
        self.first = nn.ConvTranspose2d(w, w // 2, (5, 3), padding=(2, 1))
        self.norm = nn.BatchNorm2d(w // 2)
        self.second = nn.ConvTranspose2d(w // 2, w // 4, (7, 3), padding=(3, 1))
        self.last = nn.ConvTranspose2d(w // 4, 1, (5, 1), padding=(2, 0))
        self.bias = nn.Parameter(bias.clone())
        draw(self)

    def raw(self, z: torch.Tensor) -> torch.Tensor:
        # channels last in memory, which convolutions on a CPU are several times faster with
        h = self.dense(z).view(len(z), 4, PITCHES, -1).permute(0, 3, 1, 2)
        h = F.interpolate(F.leaky_relu(h, SLOPE), scale_factor=(4, 1))  # (B, W, 16, 84)
        h = F.leaky_relu(self.norm(self.first(h)), SLOPE)
        h = F.interpolate(h, scale_factor=(self.second_unit, 1))  # (B, W/2, T, 84)
        h = F.leaky_relu(self.second(h), SLOPE)
        return self.last(h)[:, 0]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.raw(z) + self.bias  # (B, T, 84)


def draw(g: ConvolutionalGenerator) -> None:
    """Random weights of a convolutional generator."""
    nn.init.normal_(g.dense.weight, 0, 0.1)
    for layer in (g.first, g.second, g.last):
        nn.init.kaiming_normal_(layer.weight, a=SLOPE, mode="fan_out")
        nn.init.zeros_(layer.bias)
    begin(g)


class StridedGenerator(nn.Module):
    """A small generator like MuseGAN's: transposed convolutions whose strides enlarge time,
    each with batch normalisation.
    """

    def __init__(self, config: Config, bias: torch.Tensor) -> None:
        super().__init__()
        self.noise, w, long = config.noise, config.width, config.grid // 16
        self.dense = nn.Linear(self.noise, w * 4 * PITCHES)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n) for n in (w, w // 2, w // 4))
        self.first = nn.ConvTranspose2d(w, w // 2, (4, 1), (4, 1))
        self.second = nn.ConvTranspose2d(w // 2, w // 4, (long, 3), (long, 1), (0, 1))
        self.last = nn.ConvTranspose2d(w // 4, 1, (3, 1), padding=(1, 0))
        self.bias = nn.Parameter(bias.clone())
        draw(self)

    def raw(self, z: torch.Tensor) -> torch.Tensor:
        h = self.dense(z).view(len(z), 4, PITCHES, -1).permute(0, 3, 1, 2)
        h = F.leaky_relu(self.norms[0](h), SLOPE)  # (B, W, 4, 84)
        h = F.leaky_relu(self.norms[1](self.first(h)), SLOPE)  # (B, W/2, 16, 84)
        h = F.leaky_relu(self.norms[2](self.second(h)), SLOPE)  # (B, W/4, T, 84)
        return self.last(h)[:, 0]

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.raw(z) + self.bias  # (B, T, 84)


class RecurrentGenerator(nn.Module):
    """The bi-LSTM generator that the text describes, with a piano roll at its end.

    Each step reads one number of the noise, as in the printed table. With `config.reach`,
    ours, each reads all of it, and it begins as the others do: see `begin`.
    """

    def __init__(self, config: Config, bias: torch.Tensor) -> None:
        super().__init__()
        w, self.steps, self.reach = config.width, config.grid, config.reach
        self.noise = config.noise if self.reach else self.steps
        self.first = nn.LSTM(self.noise if self.reach else 1, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.third = nn.LSTM(2 * w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w, 2 * w)
        self.last = nn.Linear(2 * w, PITCHES, bias=False)
        self.bias = nn.Parameter(bias.clone())
        self.drop = nn.Dropout(config.dropout)
        if self.reach:
            begin(self)

    def raw(self, z: torch.Tensor) -> torch.Tensor:
        h = z[:, None].expand(-1, self.steps, -1) if self.reach else z[:, :, None]
        for layer in (self.first, self.second, self.third):
            h = self.drop(layer(h)[0])  # (B, T, W), then (B, T, 2W)
        return self.last(F.leaky_relu(self.dense(h), SLOPE))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return self.raw(z) + self.bias  # (B, T, 84)


class DenseGenerator(nn.Module):
    """One hidden layer: our reading of the naive model, which the paper does not define."""

    def __init__(self, config: Config, bias: torch.Tensor) -> None:
        super().__init__()
        self.noise, self.grid = config.noise, config.grid
        self.hidden = nn.Linear(self.noise, 4 * config.width)
        self.last = nn.Linear(4 * config.width, self.grid * PITCHES)
        with torch.no_grad():
            self.last.bias.copy_(bias.repeat(self.grid))

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        h = F.leaky_relu(self.hidden(z), SLOPE)
        return self.last(h).view(-1, self.grid, PITCHES)


class PrintedGenerator(nn.Module):
    """The generator of the printed table: (B, 100) noise -> (B, 100, 1), 100 numbers."""

    noise = LENGTH = 100

    def __init__(
        self,
        config: Config | None = None,
        bias: torch.Tensor | None = None,
        units: int = 512,
    ) -> None:
        super().__init__()
        w = units
        self.first = nn.LSTM(1, w, batch_first=True)
        self.second = nn.LSTM(w, w, batch_first=True, bidirectional=True)
        self.third = nn.LSTM(2 * w, w, batch_first=True, bidirectional=True)
        self.dense = nn.Linear(2 * w, 2 * w)
        self.norm = nn.BatchNorm1d(2 * w)
        self.last = nn.Linear(2 * w, self.LENGTH)
        self.drop = nn.Dropout(0.2 if config is None else config.dropout)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        h = self.drop(self.first(z[:, :, None])[0])  # (B, 100, 512)
        h = self.drop(self.second(h)[0])  # (B, 100, 1024)
        _, (last, _) = self.third(h)  # "(None, 1024)": only the last of both directions
        h = self.norm(F.leaky_relu(self.dense(torch.cat([*last], 1)), SLOPE))
        return torch.tanh(self.last(h))[:, :, None]  # (B, 100, 1)
