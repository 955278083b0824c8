"""The networks of domain transfer: content extractor f, decoder g, discriminator D, and a
recurrent twin of f and g. Chapter 5, Domain transfer, builds them
(``notebooks/05_domain_transfer_1_from_scratch``).

No loss, no training. Shapes: B pictures of C channels, 32 x 32 pixels; F features.

See section 4.4 and 5.2: 3 x 3 filters, 4 x 4 at the waist, ReLU, tanh at both ends, Xavier
initialisation (the twin's GRUs keep PyTorch's). Figures 4 to 7 are lost, so these are ours:
three halvings of the size by strides, two convolutions at each size with the residual
connection around them, skip connections that lay f's maps beside those of g,
nearest-neighbour upsampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.music import pictures
from fusiontools.music.lines import MIDDLE, REACH

if TYPE_CHECKING:
    from fusiontools.papers.domain_transfer.config import Config


__all__ = ["Block", "Decoder", "Discriminator", "Extractor", "Networks", "rounded"]
__all__ += ["RecurrentDecoder", "RecurrentExtractor"]

SIZES = (32, 16, 8, 4)  # of the maps of f, from shallow to deep
AT_ONCE = 64  # pictures that go through a network together


class Networks:
    """All networks of a training. What `transfer` works with needs no discriminator."""

    def __init__(self, config: Config, device: str | torch.device = "cpu") -> None:
        self.config, channels = config, pictures.CHANNELS[config.layout]
        if config.recurrent:
            self.f = RecurrentExtractor(channels, config)
            beside = 2 * self.f.gru.hidden_size
            self.g = RecurrentDecoder(channels, config, beside)
        else:
            self.f, self.g = Extractor(channels, config), Decoder(channels, config)
        self.d = Discriminator(channels + config.steps_between, config.width)
        self.both = nn.ModuleDict({"f": self.f, "g": self.g}).to(device)
        self.d.to(device)
        for part in [*self.both.modules(), *self.d.modules()]:
            if isinstance(part, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.xavier_uniform_(part.weight)  # section 5.2
                nn.init.zeros_(part.bias)

    @property
    def device(self) -> torch.device:
        """Where they compute."""
        return next(self.f.parameters()).device

    def generate(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """f(x) and G(x) = g(f(x)), (B, C, 32, 32) -> (B, F), (B, C, 32, 32)."""
        features, maps = self.f(x)
        return features, self.g(features, maps)

    def shown(
        self,
        y: torch.Tensor,
        scale: torch.Tensor | None = None,
        form: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """What f and D are shown of generated pictures, (B, C, 32, 32): themselves, or,
        where the config says "legal", what will be heard of them: see `rounded`. Gradients
        go through as if nothing had been rounded.
        """
        if not self.config.legal:
            return y
        # forward: round(y); backward: the identity (a straight-through estimator)
        return y + (rounded(y, scale, form) - y).detach()

    def score(self, picture: torch.Tensor) -> torch.Tensor:
        """log D(x) / (1 - D(x)), how real a picture is as one of the target, (B,)."""
        if self.config.steps_between:
            picture = torch.cat([picture, _steps_between(picture)], dim=1)
        return self.d(picture)

    def transfer(self, x: np.ndarray | torch.Tensor) -> np.ndarray:
        """G(x) without gradients, of any number of pictures: an array (N, C, 32, 32)."""
        return self._of_many(x, lambda part: self.generate(part)[1])

    def extract(self, x: np.ndarray | torch.Tensor) -> np.ndarray:
        """f(x) without gradients, of any number of pictures: an array (N, F)."""
        return self._of_many(x, lambda part: self.f(part)[0])

    @torch.no_grad()
    def _of_many(self, x, make):
        parts = torch.from_numpy(np.asarray(x, np.float32)).split(AT_ONCE)
        return torch.cat([make(part.to(self.device)).cpu() for part in parts]).numpy()


def rounded(y: torch.Tensor, scale: torch.Tensor, form: torch.Tensor) -> torch.Tensor:
    """Pictures of pitch, onset and gate as they will be heard, (B, 3, 32, 32): as
    `pictures.heard` does it to tokens, but for each step by itself. The two agree where
    notes are on 16ths, one in each place where a bar begins, and nothing rests. `scale`,
    (B, 37), and `form`, (B, 32), are `pictures.on_scale` and `form` of the sources.
    """
    place = ((y[:, 0].clamp(-1, 1) * REACH).round() + REACH).long().flatten(1)  # (B, 1024)
    pitch = (scale.gather(1, place) - MIDDLE) / REACH
    onset, gate = torch.where(y[:, 1:] > 0, 1.0, -1.0).flatten(2).unbind(1)
    between = torch.arange(place.shape[1], device=y.device) % 2 == 1
    onset = onset.masked_fill(between, -1.0)
    picture = torch.stack([pitch, onset, gate], dim=1).view_as(y)
    same = form[:, None, :, None].expand_as(picture)
    return _riffs(picture.gather(2, same))


def _riffs(picture):
    """A bar, a row of the picture, that nearly agrees with an earlier one becomes that one:
    `pictures.riffs`, (B, C, 32, 32).
    """
    rows = list(picture.unbind(2))  # 32 of (B, C, 32)
    for i in range(1, len(rows)):
        before = torch.stack(rows[:i], dim=1)  # (B, i, C, 32)
        equal = (before == rows[i][:, None]).all(2).float().mean(-1)  # (B, i)
        share, which = equal.max(1)
        nearest = before[torch.arange(len(before)), which]
        alike = (share >= pictures.ALIKE)[:, None, None]
        rows[i] = torch.where(alike, nearest, rows[i])
    return torch.stack(rows, dim=2)


def _steps_between(picture):
    """Pitch minus the pitch one step before, thrice as bright: (B, 1, 32, 32)."""
    pitch = picture[:, 0].flatten(1)  # the first channel, (B, 1024), in the order of time
    return 3 * F.pad(pitch[:, 1:] - pitch[:, :-1], (1, 0)).view(-1, 1, 32, 32)


def _filters(inputs, outputs, stride=1, causal=False):
    """A convolution of 3 x 3."""
    make = CausalConv2d if causal else nn.Conv2d
    return make(inputs, outputs, 3, stride, padding=1)


class CausalConv2d(nn.Conv2d):
    """A convolution whose filter sees the pixel itself and what comes before it, row by
    row: what section 4.3 decides against.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = torch.ones_like(self.weight)
        mask[:, :, 1, 2:], mask[:, :, 2:] = 0, 0  # to the right, and the row below
        weight = self.weight * mask
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class Block(nn.Module):
    """Two convolutions of 3 x 3, and the input added to what they give: (B, W, H, H)."""

    def __init__(self, width: int, residual: bool = True, causal: bool = False) -> None:
        super().__init__()
        self.first = _filters(width, width, causal=causal)
        self.second = _filters(width, width, causal=causal)
        self.residual = residual

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.second(F.relu(self.first(x)))
        # y = relu(x + F(x)); without the residual connection, y = relu(F(x))
        return F.relu(x + h if self.residual else h)


class Extractor(nn.Module):
    """f, the content extractor: a picture as F numbers in [-1, 1]."""

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()
        causal = config.causal
        widths = [config.width * 2**i for i in range(len(SIZES))]
        self.inlet = _filters(channels, widths[0], causal=causal)
        halve = [_filters(a, b, 2, causal) for a, b in zip(widths, widths[1:])]
        self.halve = nn.ModuleList(halve)
        blocks = [Block(w, config.residual, causal) for w in widths[1:]]
        self.blocks = nn.ModuleList(blocks)
        self.waist = nn.Conv2d(widths[-1], config.features, 4)

    def layers(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Its maps from shallow to deep, of sides 32, 16, 8 and 4."""
        maps = [F.relu(self.inlet(x))]
        for halve, block in zip(self.halve, self.blocks):
            maps.append(block(F.relu(halve(maps[-1]))))
        return maps

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """(B, C, 32, 32) -> (B, F), and the maps for skip connections."""
        maps = self.layers(x)
        return torch.tanh(self.waist(maps[-1])).flatten(1), maps


class Decoder(nn.Module):
    """g, the decoder: F numbers, and f's maps by the skip connections, as a picture."""

    def __init__(self, channels: int, config: Config) -> None:
        super().__init__()
        causal, self.skip = config.causal, config.skip
        widths = [config.width * 2**i for i in reversed(range(len(SIZES)))]
        self.waist = nn.ConvTranspose2d(config.features, widths[0], 4)
        beside = 2 if config.skip else 1
        mix = [_filters(beside * w, w, causal=causal) for w in widths]
        self.mix = nn.ModuleList(mix)
        blocks = [Block(w, config.residual, causal) for w in widths[:-1]]
        self.blocks = nn.ModuleList(blocks)
        enlarge = [_filters(a, b, causal=causal) for a, b in zip(widths, widths[1:])]
        self.enlarge = nn.ModuleList(enlarge)
        self.outlet = _filters(widths[-1], channels, causal=causal)

    def forward(self, features: torch.Tensor, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """(B, F), maps of f -> (B, C, 32, 32) in [-1, 1]."""
        h = F.relu(self.waist(features[:, :, None, None]))  # (B, 8 W, 4, 4)
        for i, mix in enumerate(self.mix):
            if self.skip:
                h = torch.cat([h, maps[-1 - i]], dim=1)
            h = F.relu(mix(h))
            if i < len(self.blocks):
                h = F.interpolate(self.blocks[i](h), scale_factor=2)
                h = F.relu(self.enlarge[i](h))
        return torch.tanh(self.outlet(h))


class Discriminator(nn.Module):
    """D: how probable it is that a picture is real and of the target, as log-odds (B,)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        widths = [width * 2**i for i in range(len(SIZES))]
        layers = [_filters(channels, width)]
        layers += [_filters(a, b, 2) for a, b in zip(widths, widths[1:])]
        self.layers = nn.ModuleList(layers)
        self.waist = nn.Conv2d(widths[-1], 1, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            # leaky: a ReLU that is shut gives G nothing to learn from
            x = F.leaky_relu(layer(x), 0.2)
        return self.waist(x).flatten()


def _size(network):
    return sum(p.numel() for p in network.parameters())


def _equal_width(build, twin):
    """The width, in eights, at which what is built has about its twin's many weights."""
    widths, goal = range(8, 1025, 8), _size(twin)
    with torch.device("meta"):  # only counted
        return min(widths, key=lambda width: abs(_size(build(width)) - goal))


class RecurrentExtractor(nn.Module):
    """The twin of f: a bidirectional GRU over the pixels, one after the other."""

    def __init__(self, channels: int, config: Config, width: int | None = None) -> None:
        super().__init__()
        build = partial(RecurrentExtractor, channels, config)
        width = width or _equal_width(build, Extractor(channels, config))
        self.gru = nn.GRU(channels, width, batch_first=True, bidirectional=True)
        self.waist = nn.Linear(2 * width, config.features)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, 32, 32) -> (B, F), and its states for the skip connection."""
        states, _ = self.gru(x.flatten(2).transpose(1, 2))  # (B, 1024, 2 W)
        return torch.tanh(self.waist(states.mean(1))), states


class RecurrentDecoder(nn.Module):
    """The twin of g: a GRU that hears the features, and f's states, at every pixel."""

    def __init__(
        self, channels: int, config: Config, beside: int, width: int | None = None
    ) -> None:
        super().__init__()
        build = partial(RecurrentDecoder, channels, config, beside)
        width = width or _equal_width(build, Decoder(channels, config))
        self.skip = config.skip
        self.inlet = nn.Linear(beside, config.features)
        self.gru = nn.GRU(2 * config.features, width, batch_first=True)
        self.outlet = nn.Linear(width, channels)

    def forward(self, features: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """(B, F), states of f (B, 1024, S) -> (B, C, 32, 32) in [-1, 1]."""
        heard = features[:, None].expand(-1, states.shape[1], -1)
        beside = self.inlet(states) if self.skip else torch.zeros_like(heard)
        h, _ = self.gru(torch.cat([heard, beside], dim=2))  # (B, 1024, W)
        y = torch.tanh(self.outlet(h)).transpose(1, 2)
        return y.reshape(len(y), -1, SIZES[0], SIZES[0])
