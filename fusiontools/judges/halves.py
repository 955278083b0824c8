"""A judge that hears each half by itself: two towers of one network, then a comparison.

The third judge of reality. The transformer is told which beats are alike, the trees weigh
comparisons made by hand; here a half becomes a code without a glance at the other one:
convolutions over its piano roll, summed up over time (which pitches), over octaves (which
pitch classes) and over pitches (which beats). The verdict rests on how alike two codes are,
channel by channel; what the channels hear is learned.

Transposing both halves changes nothing: convolutions move with what they hear. Files:
`fusiontools.judges.reality`. Shapes: N halves of T cells, P pitches, L beats, C channels.
Used in chapter 4, Connective Fusion.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools.judges.pairs import measure, shuffled
from fusiontools.music.grid import HIGH, HOLD, LOW
from fusiontools.score.markov import halves
from fusiontools.training import Batches, memory_guard, seed_everything, steps

if TYPE_CHECKING:
    from fusiontools.training.run import Run


__all__ = ["Config", "HalvesNet", "SiameseJudge", "read_rolls", "train_siamese_judge"]

CELLS, PITCHES = 4, 72  # of a beat; of a roll: six octaves, so that its rim stays silent
LOWEST = (LOW + HIGH + 1 - PITCHES) // 2
CHECKS = 8  # how often a training asks the songs beside it
_AT_ONCE = 256  # windows heard at one time


@dataclass(frozen=True)
class Config:
    """How large the network is, and how long it learns, as in ``reality.Config``."""

    channels: int = 16
    width: int = 48
    dropout: float = 0.1
    batch: int = 48
    steps: int = 400
    rate: float = 4e-3
    decay: float = 0.05

    @classmethod
    def smoke(cls) -> Config:
        """Seconds: it shows that the code runs, and nothing else."""
        return cls(channels=4, width=8, batch=8, steps=8)

    @classmethod
    def laptop(cls) -> Config:
        """About two minutes on one CPU core."""
        return cls()

    @classmethod
    def shipped(cls) -> Config:
        """The judge that comes with the package: about five minutes of one CPU core."""
        return cls(steps=1000)

    @classmethod
    def paper(cls) -> Config:
        """For a GPU; the paper has no such judge."""
        return cls(channels=48, width=128, batch=128, steps=10_000, rate=1e-3)


def read_rolls(half: np.ndarray) -> torch.Tensor:
    """Halves as piano rolls, (N, T) -> Tensor (N, 2, P, T): where notes start and sound.

    Examples
    --------
    >>> starts, sounds = read_rolls(np.array([[60, 1, 0, 62]]))[0].sum(dim=1)
    >>> starts.tolist(), sounds.tolist()
    ([1.0, 0.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0])
    """
    half = np.asarray(half, dtype=np.int64)
    place = np.where(half != HOLD, np.arange(half.shape[-1]), 0)
    sounds = np.take_along_axis(half, np.maximum.accumulate(place, axis=-1), axis=-1)
    pitch = np.arange(LOWEST, LOWEST + PITCHES)[:, None]
    rolls = np.stack([half[:, None] == pitch, sounds[:, None] == pitch], axis=1)
    return torch.from_numpy(rolls.astype(np.float32))


class HalvesNet(nn.Module):
    """A tower that both halves go through, and a verdict on how alike their codes are: J.
    Bromley and others, Verification using a "siamese" time delay neural network, 1993.
    """

    def __init__(self, channels: int = 16, width: int = 48, dropout: float = 0.1) -> None:
        super().__init__()
        c = channels
        # an octave up and down of each pitch; a beat
        self.beat = nn.Conv2d(2, c, (25, CELLS), stride=(1, CELLS), padding=(12, 0))
        self.phrase = nn.Conv2d(c, c, (1, 5), padding=(0, 2))
        rim = {"padding": (6, 0), "padding_mode": "replicate"}
        self.chord = nn.Conv2d(c, c, (13, 1), groups=4, **rim)
        self.norms = nn.ModuleList(nn.GroupNorm(1, c) for _ in range(3))
        self.scale = nn.Conv1d(c, c, 12)  # around the circle of pitch classes
        self.rhythm = nn.Conv1d(1, c, 4 * CELLS, stride=CELLS, padding=6)
        layers = nn.Linear(8 * c, width), nn.GELU(), nn.Dropout(dropout)
        self.verdict = nn.Sequential(*layers, nn.Linear(width, 1))

    def code(self, rolls: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """One half's code, without the other: (N, 2, P, T) -> five views (N, C, .)."""
        h = F.gelu(self.norms[0](self.beat(rolls)))  # (N, C, P, L)
        h = h + F.gelu(self.norms[1](self.phrase(h)))
        h = h + F.gelu(self.norms[2](self.chord(h)))
        pitches = h.mean(dim=3)  # (N, C, P)
        classes = pitches.unflatten(2, (-1, 12)).mean(dim=2)  # (N, C, 12)
        scales = self.scale(F.pad(classes, (0, 11), mode="circular"))
        rhythm = F.gelu(self.rhythm(rolls[:, :1].sum(dim=2)))  # (N, C, L)
        return pitches, classes, scales, h.amax(dim=2), rhythm

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Log-odds that halves belong together: rolls of N pairs -> (N,)."""
        one, two = self.code(first), self.code(second)
        # r_c = cos(a_c - mean a_c, b_c - mean b_c), for each channel c of each view
        centred = [[view - view.mean(-1, keepdim=True) for view in v] for v in (one, two)]
        alike = [F.cosine_similarity(a, b, dim=-1) for a, b in zip(*centred)]
        # and how far apart the means are, where a view has one that no other view has
        apart = [(one[i].mean(-1) - two[i].mean(-1)).abs() for i in (0, 3, 4)]
        return self.verdict(torch.cat(alike + apart, dim=-1))[:, 0]


@dataclass(frozen=True, eq=False)
class SiameseJudge:
    """``judge(windows)`` maps grid tokens (N, T) to probabilities (N,)."""

    network: HalvesNet
    about: dict = field(default_factory=dict)
    kind = "siamese"

    @torch.no_grad()
    def scores(self, windows: np.ndarray) -> np.ndarray:
        """Log-odds that each window is one melody, (N, T) -> (N,)."""
        training, found = self.network.training, [np.zeros(0)]
        self.network.eval()
        for i in range(0, len(windows), _AT_ONCE):
            score = _heard(self.network, windows[i : i + _AT_ONCE])
            found.append(score.cpu().numpy().astype(np.float64))
        self.network.train(training)
        return np.concatenate(found)

    def __call__(self, windows):
        # p(real | window) = 1 / (1 + exp(-s))
        return 1 / (1 + np.exp(-np.clip(self.scores(windows), -50, 50)))


def _heard(network, windows):
    both = map(read_rolls, halves(windows).swapaxes(0, 1))
    return network(*(roll.to(network.scale.weight.device) for roll in both))


def train_siamese_judge(
    config: Config,
    windows: np.ndarray,
    songs: np.ndarray,
    held_out: np.ndarray,
    held_out_songs: np.ndarray,
    run: Run,
    keys: str = "all",
    **about: Any,
) -> SiameseJudge:
    """Train the judge, a `SiameseJudge`, or go on with a training; arguments as those of
    ``reality.train_judge``. Of `CHECKS` states of it, the one stays that is right most
    often on the `held_out` windows, which are of other songs.
    """
    windows, songs = np.asarray(windows), np.asarray(songs)
    seed_everything(run.seed)
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    size = {"channels": config.channels, "width": config.width}
    network = HalvesNet(**size, dropout=config.dropout).to(device).train()
    best = deepcopy(network)
    adam = torch.optim.AdamW(network.parameters(), config.rate, weight_decay=config.decay)
    batches = Batches(len(windows), config.batch, run.seed)
    rng = np.random.default_rng([run.seed, 1])
    real = torch.arange(2 * config.batch, device=device) < config.batch
    state = {"network": network, "best": best, "adam": adam, "batches": batches, "rng": rng}

    def right(one):
        found = measure(SiameseJudge(one), held_out, held_out_songs, keys, repeats=1)
        return found["accuracy"].value

    check = -(-config.steps // CHECKS)
    with memory_guard(reduce="batch"):
        for step in steps(run, state, config.steps, phase="siamese", curves=["loss"]):
            index = next(batches)
            false = shuffled(windows, songs, rng, keys, index)
            score = _heard(network, np.concatenate([windows[index], false]))  # (2 B,)
            # L = -E_real[log p] - E_shuffled[log(1 - p)]
            loss = F.binary_cross_entropy_with_logits(score, real.to(score.dtype))
            rise, fall = 10 * (step + 1), (1 + np.cos(np.pi * step / config.steps)) / 2
            adam.param_groups[0]["lr"] = config.rate * min(rise / config.steps, fall)
            adam.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            adam.step()
            run.log(loss=loss.detach())
            due = (step + 1) % check == 0 or step + 1 == config.steps
            if due and right(network) > right(best):
                best.load_state_dict(network.state_dict())
    trained = {"songs": len(np.unique(songs)), "windows": len(windows)}
    notes = {"kind": "siamese", "keys": keys, "seed": run.seed, "trained_on": trained}
    notes |= {"config": asdict(config), "size": size}
    return SiameseJudge(best.eval(), notes | about)
