"""Connective Fusion's networks: the VAE of four bars with two ways to encode and two to
decode, the gated generator, the discriminator.

No loss, no training. Shapes: B halves of T = 64 tokens out of V = 32; Z latent numbers, S
style numbers. A pair of halves in latent space is one tensor (B, 2, Z), left before right.

References
----------
Connective Fusion, sections 2.2 to 2.5 and 3.2. The gate: J. Engel, M. Hoffman, A. Roberts,
"Latent Constraints", ICLR 2018. Blocks that mix places and channels in turn: I. Tolstikhin
and others, "MLP-Mixer", NeurIPS 2021. Widths: see `Config`.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.music.grid import HIGH, LOW, from_classes, repair_grid, to_classes
from fusiontools.papers.connective_fusion.data import HALF

__all__ = ["TOKENS", "VAE", "Discriminator", "Generator", "as_grid", "as_tokens"]

TOKENS = HIGH - LOW + 3  # V: 30 pitches, a hold, a rest


def as_tokens(grid, device="cpu"):
    """A grid's tokens, numbered without gaps for a network: (..., T) uint8 -> (..., T)
    int64.
    """
    return torch.from_numpy(to_classes(grid)).to(device)


def as_grid(tokens):
    """A network's tokens as a legal grid of halves, (..., T) -> ndarray of uint8, (..., T).

    A hold after a rest becomes a rest. One at the very start stays, since the half before
    it may end in a note: ``fusiontools.papers.connective_fusion.data.join_halves`` looks.

    Examples
    --------
    >>> as_grid(torch.tensor([1, 0, 1, 7, 1])).tolist()
    [1, 0, 0, 60, 1]
    """
    grid = from_classes(tokens.detach().cpu().numpy())
    before = np.full(
        (*grid.shape[:-1], 1), LOW, np.uint8
    )  # a note for a first hold to go on with
    return repair_grid(np.concatenate([before, grid], axis=-1))[..., 1:]


class VAE(nn.Module):
    """Four bars of melody as ``latent`` numbers, and back. The same face whichever way it
    encodes and decodes.

    Parameters
    ----------
    config : Config
        ``latent``, ``encoder``, ``decoder``, ``width``, ``blocks``, ``patch``, ``forget``.

    Attributes
    ----------
    sigma : Tensor, shape (Z,)
        How unsure the encoder is of each latent number, averaged over the training data:
        the unit of distances. 1 until it is measured.
    """

    def __init__(self, config):
        super().__init__()
        encoders, decoders = (
            {"parallel": PatchEncoder, "lstm": LSTMEncoder},
            {"parallel": PatchDecoder, "lstm": LSTMDecoder},
        )
        self.encoder, self.decoder = (
            encoders[config.encoder](config),
            decoders[config.decoder](config),
        )
        self.register_buffer("sigma", torch.ones(config.latent))

    def encode(self, x):
        """q(z|x) as its mean and the logarithm of its variance, (B, T) -> (B, Z), (B, Z)."""
        mean, log_var = self.encoder(x).chunk(2, dim=-1)
        return mean, log_var.clamp(
            -12.0, 4.0
        )  # beyond, exp() leaves 32 bits little to work with

    def logits(self, z, x=None):
        """log p(x|z) before the softmax, (B, Z) -> (B, T, V).

        A decoder "lstm" predicts each token of `x` from those before it; without `x` from
        its own choices, the likeliest each time.
        """
        return self.decoder(z, x)

    @torch.no_grad()
    def greedy(self, z):
        """The likeliest token at each place, (B, Z) -> (B, T)."""
        return self.logits(z).argmax(-1)

    def decode(self, z):
        """What z sounds like, as a legal grid: (..., Z) -> ndarray of uint8, (..., T)."""
        return as_grid(self.greedy(z.flatten(0, -2))).reshape(*z.shape[:-1], HALF)


class Block(nn.Module):
    """Every place hears every other, then every number of a place every other; both are
    added to what was there. (B, P, W) -> the same.
    """

    def __init__(self, places, width):
        super().__init__()
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.across = nn.Sequential(
            nn.Linear(places, 2 * places), nn.GELU(), nn.Linear(2 * places, places)
        )
        self.within = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, h):
        h = h + self.across(self.norms[0](h).transpose(1, 2)).transpose(1, 2)
        return h + self.within(self.norms[1](h))


class PatchEncoder(nn.Module):
    """All tokens at once: those of a patch share a place. (B, T) -> (B, 2Z)"""

    def __init__(self, config):
        super().__init__()
        self.places = HALF // config.patch
        # one row of numbers for each token at each place in its patch; a patch is the sum
        # of its rows
        self.rows = nn.Embedding(config.patch * TOKENS, config.width)
        nn.init.normal_(self.rows.weight, std=config.patch**-0.5)
        self.register_buffer(
            "offset", TOKENS * torch.arange(config.patch), persistent=False
        )
        self.position = nn.Parameter(0.02 * torch.randn(self.places, config.width))
        self.blocks = nn.Sequential(
            *(Block(self.places, config.width) for _ in range(config.blocks)),
            nn.LayerNorm(config.width),
        )
        self.output = nn.Linear(self.places * config.width, 2 * config.latent)

    def forward(self, x):
        patches = (x.unflatten(1, (self.places, -1)) + self.offset).flatten(
            0, 1
        )  # (B P, patch)
        h = F.embedding_bag(patches, self.rows.weight, mode="sum").unflatten(
            0, (len(x), self.places)
        )  # (B, P, W)
        return self.output(self.blocks(h + self.position).flatten(1))


class PatchDecoder(nn.Module):
    """All tokens at once, each from z alone: log p(x|z) = sum_t log p(x_t|z). (B, Z) -> (B,
    T, V)
    """

    def __init__(self, config):
        super().__init__()
        self.places = HALF // config.patch
        self.input = nn.Linear(config.latent, self.places * config.width)
        self.blocks = nn.Sequential(
            *(Block(self.places, config.width) for _ in range(config.blocks)),
            nn.LayerNorm(config.width),
        )
        self.output = nn.Linear(config.width, config.patch * TOKENS)

    def forward(self, z, x=None):
        h = self.blocks(self.input(z).unflatten(1, (self.places, -1)))  # (B, P, W)
        return self.output(h).view(len(z), HALF, TOKENS)


class LSTMEncoder(nn.Module):
    """Two layers of LSTM, whose last states say what z is. (B, T) -> (B, 2Z)"""

    def __init__(self, config):
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, config.width // 2)
        self.lstm = nn.LSTM(config.width // 2, config.width, num_layers=2, batch_first=True)
        self.output = nn.Linear(config.width, 2 * config.latent)

    def forward(self, x):
        _, (h, _) = self.lstm(self.embedding(x))
        return self.output(h[-1])


class LSTMDecoder(nn.Module):
    """Two layers of LSTM, one token after the other: log p(x|z) = sum_t log p(x_t|x_1 ...
    x_{t-1}, z). z is seen at every step.
    """

    def __init__(self, config):
        super().__init__()
        self.width, self.forget = config.width, config.forget
        self.embedding = nn.Embedding(
            TOKENS + 1, config.width // 2
        )  # one more for the beginning, and for what is not seen
        self.start = nn.Linear(config.latent, 4 * config.width)  # both layers' first states
        self.lstm = nn.LSTM(
            config.width // 2 + config.latent, config.width, num_layers=2, batch_first=True
        )
        self.output = nn.Linear(config.width, TOKENS)

    def forward(self, z, x=None):
        h, c = (
            self.start(z)
            .tanh()
            .view(len(z), 2, 2, self.width)
            .permute(1, 2, 0, 3)
            .contiguous()
        )  # each (2, B, W)
        previous = torch.full((len(z), 1), TOKENS, device=z.device)
        if x is None:
            return self._alone(z, previous, (h, c))
        previous = torch.cat([previous, x[:, :-1]], dim=1)  # (B, T)
        if self.training and self.forget:
            previous = previous.masked_fill(
                torch.rand(previous.shape, device=z.device) < self.forget, TOKENS
            )
        seen = torch.cat(
            [self.embedding(previous), z[:, None].expand(-1, HALF, -1)], dim=-1
        )
        return self.output(self.lstm(seen, (h, c))[0])

    def _alone(self, z, previous, state):
        logits = []
        for _ in range(HALF):
            out, state = self.lstm(
                torch.cat([self.embedding(previous), z[:, None]], dim=-1), state
            )
            logits.append(self.output(out))  # (B, 1, V)
            previous = logits[-1].argmax(-1)
        return torch.cat(logits, dim=1)


def _five_layers(inputs, width, outputs):
    """Section 3.2's perceptron: four layers of ReLU and an output."""
    sizes = [inputs, width, width, width, width]
    hidden = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(width, outputs))


class Generator(nn.Module):
    """G: two latent vectors and a style become two others that belong together.

    Parameters
    ----------
    latent, style, width : int
    """

    def __init__(self, latent, style, width):
        super().__init__()
        self.latent, self.style = latent, style
        self.net = _five_layers(2 * latent + style, width, 4 * latent)

    def forward(self, z, s):
        """(B, 2, Z), (B, S) -> (B, 2, Z)"""
        gate, new = (
            self.net(torch.cat([z.flatten(1), s], dim=1))
            .view(-1, 2, 2, self.latent)
            .unbind(1)
        )  # (B, 2, Z) each
        # z' = (1 - g) z + g dz, with g = sigmoid(gate)
        return torch.lerp(z, new, gate.sigmoid())


class Discriminator(nn.Module):
    """D: whether two halves belong together, as the log-odds.

    Parameters
    ----------
    latent, width : int
    """

    def __init__(self, latent, width):
        super().__init__()
        self.net = _five_layers(2 * latent, width, 1)

    def forward(self, z):
        """(B, 2, Z) -> (B,): log D / (1 - D)"""
        return self.net(z.flatten(1))[:, 0]
