"""What one would do today: one masked transformer that answers four of the five papers by
which tokens are masked. Chapter 8, "Side by side".

It learns one thing: to say what stands behind the masks of a melody, given its genre. All
masked, it writes (generation); with the log-odds of two genres mixed, it fuses; with the
bars around a seam masked, it joins; with all masked but the notes on half bars and another
genre named, it transfers.

Shapes: B melodies of T = 128 tokens out of V = 44, which are numbered as classes of
`fusiontools.music.grid` from 45 to 86; the token V is the mask. Genres are 0 and 1, and 2
is none.

References: J. Austin and others, "Structured Denoising Diffusion Models in Discrete
State-Spaces", NeurIPS 2021 (absorbing states); S. Sahoo and others, "Simple and Effective
Masked Diffusion Language Models", NeurIPS 2024 (the loss); H. Chang and others, "MaskGIT",
CVPR 2022 (filling in steps); J. Ho, T. Salimans, "Classifier-Free Diffusion Guidance",
2022 (the genre that is dropped now and then).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.compare.tunes import GENRES, HIGH, LOW, STEPS
from fusiontools.music.grid import BAR, HOLD, from_classes, repair_grid, to_classes
from fusiontools.training import Batches, descend, run_phases, steps

if TYPE_CHECKING:
    from fusiontools.compare.tunes import Tunes
    from fusiontools.training.run import Run

__all__ = ["MASK", "NONE", "TOKENS", "Config", "Transformer", "as_classes", "as_grid"]
__all__ += ["fill", "fuse", "generate", "join", "loss_of", "train", "transfer"]

TOKENS = HIGH - LOW + 3  # V: a rest, a hold, 42 pitches
MASK = TOKENS
NONE = len(GENRES)  # the genre that is not told
LOOKED_AT = 256  # held-out windows at a look


@dataclass(frozen=True)
class Config:
    """Sizes and choices of one training."""

    width: int = 128  #: of the numbers that a token becomes
    layers: int = 4  #: blocks of attention and perceptron
    heads: int = 4  #: of attention, each `width` / `heads` wide
    drop: float = 0.15  #: how often the genre is not told
    dropout: float = 0.1  #: in each block, while it learns
    batch: int = 32  #: melodies, half of each genre
    rate: float = 1e-3  #: of Adam, down to nothing along a cosine
    warmup: int = 200  #: steps on which the rate grows
    steps: int = 4000
    every: int = 250  #: steps from one look at held-out melodies to the next

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(width=16, layers=1, heads=2, batch=4, warmup=2, steps=4, every=2)

    @classmethod
    def laptop(cls) -> Config:
        """Some minutes of one CPU core."""
        return cls(width=64, layers=3, steps=1500)

    @classmethod
    def shipped(cls) -> Config:
        """The weights that ship: about an hour of one CPU core."""
        return cls()

    @classmethod
    def paper(cls) -> Config:
        """As large as a GPU would like it; there is no paper."""
        return cls(width=256, layers=8, heads=8, batch=128, steps=20_000)


class Block(nn.Module):
    """Attention between places, then a perceptron at each: (B, T, W) -> (B, T, W)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, self.heads = config.width, config.heads
        self.norms = nn.ModuleList([nn.LayerNorm(width), nn.LayerNorm(width)])
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        mlp = nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        self.mlp, self.dropout = nn.Sequential(*mlp), nn.Dropout(config.dropout)
        # how much a head likes what stands so many tokens before or after
        self.distance = nn.Parameter(torch.zeros(config.heads, 2 * STEPS - 1))

    def forward(self, h: torch.Tensor) -> torch.Tensor:
        parts = self.qkv(self.norms[0](h)).chunk(3, dim=-1)
        q, k, v = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in parts)
        place = torch.arange(h.shape[1], device=h.device)
        apart = self.distance[:, place[:, None] - place + STEPS - 1]  # (heads, T, T)
        # softmax(q k' / sqrt(d) + r(i - j)) v
        heard = F.scaled_dot_product_attention(q, k, v, attn_mask=apart)
        h = h + self.dropout(self.out(heard.transpose(1, 2).flatten(2)))
        return h + self.dropout(self.mlp(self.norms[1](h)))


class Transformer(nn.Module):
    """What stands behind the masks: (B, T) tokens, (B,) genres -> (B, T, V) log-odds."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.token, self.genre = nn.Embedding(TOKENS + 1, width), nn.Embedding(3, width)
        self.place, self.bar = nn.Embedding(BAR, width), nn.Embedding(STEPS // BAR, width)
        self.blocks = nn.Sequential(*[Block(config) for _ in range(config.layers)])
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, TOKENS)
        for table in (self.token, self.genre, self.place, self.bar):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, x: torch.Tensor, genre: torch.Tensor) -> torch.Tensor:
        t = torch.arange(x.shape[1], device=x.device)
        where = self.place(t % BAR) + self.bar(t // BAR)  # (T, W)
        h = self.token(x) + where + self.genre(genre)[:, None]
        return self.out(self.norm(self.blocks(h)))


def loss_of(
    net: nn.Module, x: torch.Tensor, genre: torch.Tensor, dice: torch.Generator
) -> torch.Tensor:
    """A bound on -log p(x | genre) in nats a token, one for each melody: (B, T) -> (B,)."""
    # shares of masks that are spread evenly over the batch say more than any by chance
    spread = torch.arange(len(x)) + torch.rand(1, generator=dice)
    t = (spread / len(x)).clamp(1 / STEPS)[:, None]  # (B, 1)
    masked = torch.rand(x.shape, generator=dice) < t
    logits = net(torch.where(masked, MASK, x), genre)  # (B, T, V)
    wrong = F.cross_entropy(logits.transpose(1, 2), x, reduction="none")  # (B, T)
    # -log p(x) <= E_t [1/t sum over the masked i of -log p(x_i | x_t)], Sahoo et al. Eq. 10
    return (wrong * masked / t).mean(1)


def train(config: Config, data: Tunes, run: Run, adopted: str | None = None) -> Transformer:
    """Train a transformer in a run's folder, or go on with it."""
    made: list[Transformer] = []

    def do(phase):
        made.append(_train(config, data, run, phase))

    run_phases(run, ("masked",), do, {}, adopted, reduce="batch or width")
    return made[0]


def _train(config, data, run, phase):
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    net = Transformer(config).to(device)
    real = [as_classes(data.windows(genre)) for genre in GENRES]
    unseen = [as_classes(data.windows(genre, "validation")) for genre in GENRES]
    unseen = [x[:: max(1, len(x) // (LOOKED_AT // 2))] for x in unseen]
    # half a batch of each genre, however much there is of it
    own = dict(rank=run.rank, processes=run.processes)
    seeds = (2 * run.seed, 2 * run.seed + 1)
    draws = [Batches(len(x), config.batch // 2, s, **own) for x, s in zip(real, seeds)]
    adam = torch.optim.AdamW(net.parameters(), config.rate, betas=(0.9, 0.98))
    dice = torch.Generator().manual_seed(run.seed + 1009 * run.rank)
    state = {"net": net, "adam": adam, "a": draws[0], "b": draws[1], "dice": dice}
    for step in steps(run, state, config.steps, phase=phase, curves=["loss", "unseen"]):
        far = step / config.steps
        rate = min(1.0, (step + 1) / config.warmup) * 0.5 * (1 + np.cos(np.pi * far))
        adam.param_groups[0]["lr"] = config.rate * rate
        x = torch.cat([own[next(draw)] for own, draw in zip(real, draws)])
        genre = torch.arange(2).repeat_interleave(len(x) // 2)
        told = torch.rand(len(x), generator=dice) >= config.drop
        mixed = torch.randperm(len(x), generator=dice)  # or a genre had the small t alone
        x, genre = x[mixed].to(device), torch.where(told, genre, NONE)[mixed].to(device)
        loss = loss_of(net, x, genre, dice).mean()
        descend(run, loss, net, adam, clip=1.0)
        row = {"loss": loss.detach()}
        if step % config.every == 0 or step == config.steps - 1:
            row["unseen"] = _look(net, unseen)
        run.log(**row)
    return net.eval()


@torch.no_grad()
def _look(net, unseen):
    """The bound on melodies of songs that it does not learn from, both genres alike."""
    net.eval()
    dice, device = torch.Generator().manual_seed(0), net.token.weight.device
    found = [
        loss_of(net, x.to(device), torch.full((len(x),), g, device=device), dice).mean()
        for g, x in enumerate(unseen)
    ]
    net.train()
    return float(sum(found) / len(found))


def as_classes(tokens: np.ndarray) -> torch.Tensor:
    """Tokens of the grid, (..., T) uint8, as the network numbers them, int64."""
    return torch.from_numpy(to_classes(tokens, LOW, HIGH))


def as_grid(x: torch.Tensor) -> np.ndarray:
    """The network's tokens as a legal grid, (..., T) uint8."""
    return repair_grid(from_classes(x.cpu().numpy(), LOW, HIGH))


@torch.no_grad()
def fill(
    net: Transformer,
    x: torch.Tensor,
    mix: Sequence[float],
    rounds: int = 64,
    temperature: float = 1.0,
    seed: int = 0,
) -> torch.Tensor:
    """Say what stands behind the masks, some of them at a time: (B, T) -> (B, T) int64.

    Parameters
    ----------
    net : Transformer
    x : torch.Tensor, shape (B, T)
        Tokens; `MASK` where one is to be filled in. The others stay.
    mix : pair of float
        How much of each genre: (1, 0) is A, (0, 1) is B, (0.5, 0.5) the middle, (0, 0)
        none; more than 1 in all exaggerates them.
    rounds : int
        After so many none is masked.
    temperature : float
        Less than 1 is safer, more is wilder.
    seed : int

    Examples
    --------
    >>> net = Transformer(Config.smoke()).eval()
    >>> x = torch.full((1, 128), MASK)
    >>> bool((fill(net, x, (0.5, 0.5), rounds=8) < MASK).all())
    True
    """
    dice, x = torch.Generator().manual_seed(seed), x.clone()
    # log p(x | mix) = log p(x) + sum over genres of w_g (log p(x | g) - log p(x))
    weights = {0: mix[0], 1: mix[1], NONE: 1 - mix[0] - mix[1]}
    for left in range(rounds, 0, -1):
        asked = [(torch.full((len(x),), g), w) for g, w in weights.items() if w]
        logits = torch.stack([w * net(x, genre) for genre, w in asked]).sum(0)
        p = (logits / temperature).softmax(-1)
        drawn = torch.multinomial(p.flatten(0, 1), 1, generator=dice).view_as(x)
        # of the masks that are left each goes with the same chance, so that none stays
        now = torch.rand(x.shape, generator=dice) < 1 / left
        x = torch.where((x == MASK) & now, drawn, x)
    return x


def generate(
    net: Transformer, n: int, genre: str = "A", seed: int = 0, **how: float
) -> np.ndarray:
    """Melodies from nothing, in a genre: (n, 128) uint8. All tokens are masked."""
    share = [float(genre == g) for g in GENRES]
    return as_grid(fill(net, torch.full((n, STEPS), MASK), share, seed=seed, **how))


def fuse(
    net: Transformer, n: int, amount: float = 0.5, seed: int = 0, **how: float
) -> np.ndarray:
    """Melodies of a third genre, between the two: (n, 128) uint8. All tokens are masked,
    and `amount` is the share of B in the log-odds.
    """
    share = (1 - amount, amount)
    return as_grid(fill(net, torch.full((n, STEPS), MASK), share, seed=seed, **how))


def join(
    net: Transformer,
    left: np.ndarray,
    right: np.ndarray,
    bars: int = 1,
    mix: Sequence[float] = (0.0, 0.0),
    seed: int = 0,
    **how: float,
) -> np.ndarray:
    """Two ideas of four bars as one melody: (B, 64), (B, 64) -> (B, 128) uint8. The last
    `bars` of the first and the first `bars` of the second are masked.
    """
    x = as_classes(np.concatenate([left, right], axis=1))
    x[:, STEPS // 2 - bars * BAR : STEPS // 2 + bars * BAR] = MASK
    return as_grid(fill(net, x, mix, seed=seed, **how))


def transfer(
    net: Transformer,
    tokens: np.ndarray,
    genre: str,
    every: int = 8,
    seed: int = 0,
    **how: float,
) -> np.ndarray:
    """Melodies, (B, 128) uint8, in another genre: the notes that start on every so many
    16ths stay, by default those on half bars; what lies between is filled in anew.
    """
    x, share = as_classes(tokens), [float(genre == g) for g in GENRES]
    stays = (torch.arange(STEPS) % every == 0) & (x > HOLD)
    return as_grid(fill(net, torch.where(stays, x, MASK), share, seed=seed, **how))
