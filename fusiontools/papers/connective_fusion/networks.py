"""Connective Fusion's networks: the VAE of four bars with two ways to encode and two to
decode, the gated generator, the discriminator. Chapter 4, Connective Fusion, builds them
(``notebooks/04_connective_fusion_1_from_scratch``) and draws them (``..._2_full_size``).

No loss, no training. Shapes: B halves of T = 64 tokens out of V = 32; Z latent numbers, S
style numbers. A pair of halves in latent space is one tensor (B, 2, Z), left before right.

See Connective Fusion, sections 2.2 to 2.5 and 3.2. The gate: J. Engel, M. Hoffman, A.
Roberts, "Latent Constraints", ICLR 2018. Blocks that mix places, then channels: I.
Tolstikhin and others, "MLP-Mixer", NeurIPS 2021.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.music.grid import HALF, HIGH, LOW, from_classes, repair_grid, to_classes

if TYPE_CHECKING:
    from fusiontools.papers.connective_fusion.config import Config


__all__ = ["TOKENS", "VAE", "Discriminator", "Generator", "Networks"]
__all__ += ["as_grid", "as_tokens", "join_halves"]

TOKENS = HIGH - LOW + 3  # V: 30 pitches, a hold, a rest


class Networks:
    """All networks of a training. What `fuse` works with needs no discriminator."""

    def __init__(self, config: Config, device: str | torch.device = "cpu") -> None:
        self.config = config
        self.vae = VAE(config).to(device)
        self.generator = Generator(config.latent, config.style, config.mlp_width).to(device)
        self.discriminator = Discriminator(config.latent, config.mlp_width).to(device)

    @property
    def device(self) -> torch.device:
        """Where they compute."""
        return self.vae.sigma.device


def as_tokens(grid: np.ndarray, device: torch.device = "cpu") -> torch.Tensor:
    """A grid's tokens, numbered without gaps for a network: (..., T) uint8 -> int64."""
    return torch.from_numpy(to_classes(grid)).to(device)


def as_grid(tokens: torch.Tensor) -> np.ndarray:
    """A network's tokens as a legal grid of halves, (..., T) -> ndarray of uint8.

    A hold after a rest becomes a rest. One at the very start stays, since the half before
    it may end in a note: `join_halves` looks.

    Examples
    --------
    >>> as_grid(torch.tensor([1, 0, 1, 7, 1])).tolist()
    [1, 0, 0, 60, 1]
    """
    grid = from_classes(tokens.detach().cpu().numpy())
    # a note for a first hold to go on with
    note = np.full((*grid.shape[:-1], 1), LOW, np.uint8)
    return repair_grid(np.concatenate([note, grid], axis=-1))[..., 1:]


def join_halves(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Left and right halves as whole windows: (..., 64) and (..., 64) -> (..., 128).

    A right half may begin with a hold: the last note of the left half then goes on. Where
    the left half ends in silence, it becomes a rest.

    Examples
    --------
    >>> join_halves(np.array([60, 1]), np.array([1, 62])).tolist()
    [60, 1, 1, 62]
    >>> join_halves(np.array([60, 0]), np.array([1, 62])).tolist()
    [60, 0, 0, 62]
    """
    return repair_grid(np.concatenate([left, right], axis=-1))


class VAE(nn.Module):
    """Four bars of melody as Z numbers, and back. Its ``sigma``, shape (Z,), says how
    uncertain the encoder is of each, averaged over the training data: the unit of
    distances. 1 until it is measured.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        encoders: dict[str, Any] = {"parallel": PatchEncoder, "lstm": LSTMEncoder}
        decoders: dict[str, Any] = {"parallel": PatchDecoder, "lstm": LSTMDecoder}
        self.encoder = encoders[config.encoder](config)
        self.decoder = decoders[config.decoder](config)
        self.register_buffer("sigma", torch.ones(config.latent))

    def encode(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """q(z|x) as its mean and its log-variance, (B, T) -> (B, Z), (B, Z)."""
        mean, log_var = self.encoder(x).chunk(2, dim=-1)
        # beyond these, exp() leaves 32 bits little to work with
        return mean, log_var.clamp(-12.0, 4.0)

    def logits(self, z: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
        """log p(x|z) before the softmax, (B, Z) -> (B, T, V).

        A decoder "lstm" predicts each token of `x` from those before it; without `x` from
        its own choices, the likeliest each time.
        """
        return self.decoder(z, x)

    @torch.no_grad()
    def greedy(self, z: torch.Tensor) -> torch.Tensor:
        """The likeliest token at each place, (B, Z) -> (B, T)."""
        return self.logits(z).argmax(-1)

    def decode(self, z: torch.Tensor) -> np.ndarray:
        """What z sounds like, as a legal grid: (..., Z) -> ndarray of uint8, (..., T)."""
        return as_grid(self.greedy(z.flatten(0, -2))).reshape(*z.shape[:-1], HALF)


class Block(nn.Module):
    """Mixes the places of each channel, then the channels of each place. (B, P, W)"""

    def __init__(self, places: int, width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.across = _two_layers(places)
        self.within = _two_layers(width)

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        h = h + self.across(self.norms[0](h).transpose(1, 2)).transpose(1, 2)
        return h + self.within(self.norms[1](h))


def _two_layers(size):
    return nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))


def _blocks(config):
    blocks = [Block(HALF // config.patch, config.width) for _ in range(config.blocks)]
    return nn.Sequential(*blocks, nn.LayerNorm(config.width))


class PatchEncoder(nn.Module):
    """All tokens at once: those of a patch share a place. (B, T) -> (B, 2Z)"""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.places = HALF // config.patch
        # one row of numbers for each token at each place in its patch; a patch is the sum
        # of its rows
        self.rows = nn.Embedding(config.patch * TOKENS, config.width)
        nn.init.normal_(self.rows.weight, std=config.patch**-0.5)
        offset = TOKENS * torch.arange(config.patch)
        self.register_buffer("offset", offset, persistent=False)
        self.position = nn.Parameter(0.02 * torch.randn(self.places, config.width))
        self.blocks = _blocks(config)
        self.output = nn.Linear(self.places * config.width, 2 * config.latent)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = x.unflatten(1, (self.places, -1)) + self.offset  # (B, P, patch)
        h = F.embedding_bag(patches.flatten(0, 1), self.rows.weight, mode="sum")
        h = h.unflatten(0, (len(x), self.places))  # (B, P, W)
        return self.output(self.blocks(h + self.position).flatten(1))


class PatchDecoder(nn.Module):
    """All tokens at once, each from z alone: log p(x|z) = sum_t log p(x_t|z).
    (B, Z) -> (B, T, V)
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.places = HALF // config.patch
        self.input = nn.Linear(config.latent, self.places * config.width)
        self.blocks = _blocks(config)
        self.output = nn.Linear(config.width, config.patch * TOKENS)

    def forward(self, z: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
        h = self.blocks(self.input(z).unflatten(1, (self.places, -1)))  # (B, P, W)
        return self.output(h).view(len(z), HALF, TOKENS)


class LSTMEncoder(nn.Module):
    """Two layers of LSTM, whose last states say what z is. (B, T) -> (B, 2Z)"""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, config.width // 2)
        self.lstm = nn.LSTM(config.width // 2, config.width, num_layers=2, batch_first=True)
        self.output = nn.Linear(config.width, 2 * config.latent)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.lstm(self.embedding(x))
        return self.output(h[-1])


class LSTMDecoder(nn.Module):
    """Two layers of LSTM, one token after the other: log p(x|z) = sum_t log p(x_t|x_1 ...
    x_{t-1}, z). z is seen at every step.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width, self.forget = config.width, config.forget
        # one more token for the beginning, and for what is not seen
        self.embedding = nn.Embedding(TOKENS + 1, config.width // 2)
        self.start = nn.Linear(config.latent, 4 * config.width)  # both layers' first states
        inputs = config.width // 2 + config.latent
        self.lstm = nn.LSTM(inputs, config.width, num_layers=2, batch_first=True)
        self.output = nn.Linear(config.width, TOKENS)

    def forward(self, z: torch.Tensor, x: torch.Tensor | None = None) -> torch.Tensor:
        start = self.start(z).tanh().view(len(z), 2, 2, self.width)
        h, c = start.permute(1, 2, 0, 3).contiguous()  # each (2, B, W)
        previous = torch.full((len(z), 1), TOKENS, device=z.device)
        if x is None:
            return self._alone(z, previous, (h, c))
        previous = torch.cat([previous, x[:, :-1]], dim=1)  # (B, T)
        if self.training and self.forget:
            unseen = torch.rand(previous.shape, device=z.device) < self.forget
            previous = previous.masked_fill(unseen, TOKENS)
        seen = [self.embedding(previous), z[:, None].expand(-1, HALF, -1)]
        return self.output(self.lstm(torch.cat(seen, dim=-1), (h, c))[0])

    def _alone(self, z, previous, state):
        """Each token is the likeliest after those that were chosen before."""
        logits = []
        for _ in range(HALF):
            seen = torch.cat([self.embedding(previous), z[:, None]], dim=-1)
            out, state = self.lstm(seen, state)
            logits.append(self.output(out))  # (B, 1, V)
            previous = logits[-1].argmax(-1)
        return torch.cat(logits, dim=1)


def _five_layers(inputs, width, outputs):
    """Section 3.2's perceptron: four layers of ReLU and an output."""
    layers = []
    for size in (inputs, width, width, width):
        layers += [nn.Linear(size, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, outputs))


class Generator(nn.Module):
    """G: two latent vectors and a style become two others that belong together."""

    def __init__(self, latent: int, style: int, width: int) -> None:
        super().__init__()
        self.latent, self.style = latent, style
        self.net = _five_layers(2 * latent + style, width, 4 * latent)

    def forward(self, z: torch.Tensor, s: torch.Tensor) -> torch.Tensor:
        """(B, 2, Z), (B, S) -> (B, 2, Z)"""
        out = self.net(torch.cat([z.flatten(1), s], dim=1))  # (B, 4 Z)
        gate, new = out.view(-1, 2, 2, self.latent).unbind(1)  # (B, 2, Z) each
        # z' = (1 - g) z + g dz, where g is sigmoid(gate), and dz is `new`
        return torch.lerp(z, new, gate.sigmoid())


class Discriminator(nn.Module):
    """D: whether two halves belong together, as the log-odds."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.net = _five_layers(2 * latent, width, 1)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """(B, 2, Z) -> (B,): log D / (1 - D)"""
        return self.net(z.flatten(1))[:, 0]
