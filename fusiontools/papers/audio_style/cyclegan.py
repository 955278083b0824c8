"""The CycleGAN for spectrograms: networks, losses, training, and what it makes of a
recording. Chapter 7, Audio style transfer.

Section 3.3 prints three layer tables. These shapes do not close, and are mended here:

- stride 0 is none: 1; residual blocks of 8 channels get 16: 16;
- the transposed convolutions lose up to three rows and frames, and the cycle consistency
  loss then compares what differs in size: output padding, and a crop;
- tanh cannot emit a log magnitude: spectrograms are scaled to -1 to 1, and back;
- the first linear layer of D takes 32 x 10 x 16, which is 620 to 683 frames (see
  `printed_frames`), 15 seconds: ours is computed from the frames.

The paper does not weigh its losses: the cycle's 10 is from Zhu and others, "Unpaired
Image-to-Image Translation using Cycle-Consistent Adversarial Networks" (2017).
Shapes: B spectrograms of K frequencies, T frames; w channels, 4 as printed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional as F

from fusiontools import training
from fusiontools.corpora.registry import credits
from fusiontools.errors import CorpusError, RecordError
from fusiontools.papers.audio_style.config import Config

if TYPE_CHECKING:
    from types import SimpleNamespace

    from fusiontools.papers.audio_style.data import Clips


__all__ = ["CycleGAN", "Discriminator", "Generator", "convert", "load_generators"]
__all__ += ["printed_frames", "save_generators", "shipped_weights", "train"]

CURVES = ["g", "d", "cycle"]
SILENCE = -1.0  # once normalised
LEAST_G, LEAST_D = 5, 44  # rows and frames that the layers can halve so often
PIECE, OVERLAP = 1024, 128  # frames that go through a generator at once


def normalise(x: np.ndarray, top: float) -> np.ndarray:
    """A log magnitude, 0 to `top`, as tanh can emit it, -1 to 1."""
    return 2 * x / top - 1


def restore(y: Any, top: float) -> Any:
    """The inverse of `normalise`."""
    return top * (y + 1) / 2


def _at_least(x, size):
    """Silence after the last row and frame of small spectrograms, (B, 1, K, T)."""
    rows, frames = (max(0, size - n) for n in x.shape[2:])
    return F.pad(x, (0, frames, 0, rows), value=SILENCE)


class Residual(nn.Module):
    """A residual block (section 3.3, second table): (B, C, K, T) -> (B, C, K, T)."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)),
            nn.ReLU(True),
            *(nn.ReflectionPad2d(1), nn.Conv2d(c, c, 3), nn.InstanceNorm2d(c)),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.layers(x)


class Generator(nn.Module):
    """From one style to the other (section 3.3, first table): (B, 1, K, T) -> (B, 1, K, T).

    Any K and T: halves are rounded up, and up to three rows and frames too many cut off.

    Examples
    --------
    >>> Generator(2)(torch.zeros(1, 1, 33, 18)).shape
    torch.Size([1, 1, 33, 18])
    """

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        w, half = width, dict(kernel_size=3, stride=2, padding=1)
        twice = half | dict(output_padding=1)
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(3),
            *(nn.Conv2d(1, w, 7), nn.InstanceNorm2d(w), nn.ReLU(True)),  # (B, w, K, T)
            *(nn.Conv2d(w, 2 * w, **half), nn.InstanceNorm2d(2 * w), nn.ReLU(True)),
            *(nn.Conv2d(2 * w, 4 * w, **half), nn.InstanceNorm2d(4 * w), nn.ReLU(True)),
            *(Residual(4 * w), Residual(4 * w), Residual(4 * w)),  # (B, 4 w, K/4, T/4)
            nn.ConvTranspose2d(4 * w, 2 * w, **twice),
            *(nn.InstanceNorm2d(2 * w), nn.ReLU(True)),  # (B, 2 w, K/2, T/2)
            nn.ConvTranspose2d(2 * w, w, **twice),
            *(nn.InstanceNorm2d(w), nn.ReLU(True)),  # (B, w, K, T)
            *(nn.ReflectionPad2d(3), nn.Conv2d(w, 1, 7), nn.Tanh()),  # (B, 1, K, T)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(_at_least(x, LEAST_G))[..., : x.shape[2], : x.shape[3]]


def _last_map(n):
    """Rows (or frames) that three convolutions and poolings of D leave of n."""
    n = (n // 2 + 1 - 1) // 2  # kernel 4, padded by 1 twice; pooled by 3, all with stride 2
    for _ in range(2):
        n = ((n + 1) // 2 + 1 - 1) // 2  # kernel 3, padded by 2; pooled
    return n


def printed_frames() -> tuple[int, int]:
    """The fewest and the most frames for which the printed first linear layer of D, 32 x 10
    x 16, fits spectrograms of 1,025 frequencies.

    Examples
    --------
    >>> printed_frames()
    (620, 683)
    """
    fits = [n for n in range(LEAST_D, 2000) if (_last_map(1025), _last_map(n)) == (16, 10)]
    return fits[0], fits[-1]


class Discriminator(nn.Module):
    """Log-odds that a spectrogram is real (section 3.3, third table): (B, 1, K, T) -> (B,).

    The sigmoid of the table is part of the loss. Under 44 rows or frames nothing is left on
    the way: such sizes are filled up with silence.
    """

    def __init__(self, rows: int, frames: int, width: int = 4) -> None:
        super().__init__()
        w, h, v = width, *(_last_map(max(n, LEAST_D)) for n in (rows, frames))
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *(nn.Conv2d(1, 2 * w, 4, 2, 1), nn.ReLU(True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(2 * w, 4 * w, 3, 2, 2), nn.ReLU(True), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(4 * w, 8 * w, 3, 2, 2), nn.MaxPool2d(3, 2)),  # (B, 8 w, h, v)
            *(nn.Flatten(), nn.Linear(8 * w * h * v, 128 * w), nn.ReLU(True)),
            nn.Linear(128 * w, 1),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(_at_least(x, LEAST_D))[:, 0]


class CycleGAN:
    """Two generators and two discriminators, for spectrograms of so many rows that reach
    `top`; converting uses the generators alone.
    """

    def __init__(
        self,
        config: Config,
        rows: int,
        top: float,
        labels: Sequence[str] = ("a", "b"),
        device: str | torch.device = "cpu",
    ) -> None:
        self.config, self.rows, self.top, self.labels = config, rows, top, tuple(labels)
        w, size = config.width, (rows, config.frames)
        self.g = nn.ModuleDict({k: Generator(w) for k in ("ab", "ba")})
        self.d = nn.ModuleDict({k: Discriminator(*size, w) for k in "ab"})
        for part in (self.g, self.d):  # few channels are quicker as the last axis
            part.to(device, memory_format=torch.channels_last)
        self.g_ab, self.g_ba = self.g["ab"], self.g["ba"]
        self.d_a, self.d_b, self.device = self.d["a"], self.d["b"], device


def generator_loss(
    networks: CycleGAN, a: torch.Tensor, b: torch.Tensor
) -> tuple[tuple[torch.Tensor, torch.Tensor], dict[str, torch.Tensor]]:
    """What both generators minimise: spectrograms (B, 1, K, T) of each style to what is
    made of them, (fake_a, fake_b), and the terms "game" and "cycle".
    """
    fake_b, fake_a = networks.g_ab(a), networks.g_ba(b)
    # - E[log D_B(G_AB(x_A))] - E[log D_A(G_BA(x_B))],  log D = -softplus(-logit)
    game = F.softplus(-networks.d_b(fake_b)).mean()
    game = game + F.softplus(-networks.d_a(fake_a)).mean()
    # E[ |G_BA(G_AB(x_A)) - x_A| ] + E[ |G_AB(G_BA(x_B)) - x_B| ]
    cycle = F.l1_loss(networks.g_ba(fake_b), a) + F.l1_loss(networks.g_ab(fake_a), b)
    return (fake_a, fake_b), {"game": game, "cycle": cycle}


def discriminator_loss(
    networks: CycleGAN,
    real: tuple[torch.Tensor, torch.Tensor],
    fake: tuple[torch.Tensor, torch.Tensor],
) -> torch.Tensor:
    """What both discriminators minimise, from real and made spectrograms of a and of b."""
    loss = 0.0
    for d, x, made in zip((networks.d_a, networks.d_b), real, fake):
        made = made.detach()  # D learns from what G made, and G nothing from that
        # L_D = - E[log D(x)] - E[log(1 - D(G(y)))]
        loss = loss + F.softplus(-d(x)).mean() + F.softplus(d(made)).mean()
    return loss


def train(
    config: Config,
    clips: Clips | SimpleNamespace,
    run: training.Run,
    adopted: str | os.PathLike | None = None,
) -> CycleGAN:
    """Train on `Clips` in a `fusiontools.training.Run`, or go on with it: a `CycleGAN`, on
    the run's device. What another run with the same seed and data has finished, in the
    folder `adopted`, is taken over. A CorpusError says what is wrong with the clips. When
    memory or disk run out (FusionError), or when interrupted, the last checkpoint is whole.
    """
    training.seed_everything(run.seed)  # before there are networks, which start at random
    logs = {n: clips.logs(n) for n in "ab"}
    rows, top = _checked(logs, config.frames, clips.name)
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    networks = CycleGAN(config, rows, top, clips.labels, device)

    def do(phase):
        _train(config, networks, logs, run, phase)

    depends = {"cyclegan": tuple(asdict(config))}
    training.run_phases(run, ("cyclegan",), do, depends, adopted, reduce="batch or frames")
    return networks


def _checked(logs, frames, name):
    every = [x for own in logs.values() for x in own]
    sizes = {len(x) for x in every}
    short = min((x.shape[1] for x in every), default=0)
    if not all(logs.values()) or short < frames:
        found = f"each style needs recordings of {frames} frames; the shortest has {short}"
        raise CorpusError(found, name, "bring longer recordings, or ask for fewer frames")
    top = max(float(x.max()) for x in every)
    if len(sizes) > 1 or not 0 < top < np.inf:
        found = f"spectrograms have {sorted(sizes)} rows and reach {top}"
        raise CorpusError(found, name, "they need equal rows, and some sound")
    return sizes.pop(), top  # K, and the largest value


def _train(config, networks, logs, run, phase):
    own = dict(seed=run.seed, rank=run.rank, processes=run.processes)
    batches = {n: training.Batches(len(x), config.batch, **own) for n, x in logs.items()}
    g, d = networks.g, networks.d
    adam_g, adam_d = (torch.optim.Adam(m.parameters(), lr=config.rate) for m in (g, d))
    state = {"g": g, "d": d, "adam_g": adam_g, "adam_d": adam_d}
    state |= {f"batches_{n}": stream for n, stream in batches.items()}

    def draw(n):
        x = _crops([logs[n][i] for i in next(batches[n])], config.frames)
        return normalise(x, networks.top).to(networks.device)

    for step in training.steps(run, state, config.steps, phase=phase, curves=CURVES):
        real = draw("a"), draw("b")
        fake, terms = generator_loss(networks, *real)
        training.descend(run, terms["game"] + config.cycle * terms["cycle"], g, adam_g)
        loss_d = discriminator_loss(networks, real, fake)
        training.descend(run, loss_d, d, adam_d)
        told = {"g": terms["game"], "d": loss_d, "cycle": terms["cycle"]}
        if step % config.every == 0 or step == config.steps - 1:
            # 1 where what is made is as varied as what is real, 0 for a constant
            for n, made, x in zip("ab", fake, real):
                told[f"spread_{n}"] = made.std() / x.std()
        run.log(**{name: value.detach() for name, value in told.items()})


def _crops(logs, frames):
    """Some frames in a row of each, by torch's dice, which a checkpoint keeps."""
    starts = [int(torch.randint(x.shape[1] - frames + 1, ())) for x in logs]
    cut = [x[:, s : s + frames] for x, s in zip(logs, starts)]
    return torch.from_numpy(np.stack(cut))[:, None]  # (B, 1, K, frames)


@torch.no_grad()
def convert(networks: CycleGAN, log_magnitude: npt.ArrayLike, to: str = "b") -> np.ndarray:
    """A recording in the other style, in pieces that fade into each other.

    Parameters
    ----------
    networks : CycleGAN
    log_magnitude : array_like, shape (K, T)
    to : str
        "b", of a recording of style a, or "a".

    Returns
    -------
    ndarray of float32, shape (K, T)
        Never negative.
    """
    x = np.asarray(log_magnitude, np.float32)
    if to not in ("a", "b") or x.ndim != 2 or not x.size:
        raise ValueError(f"needs (K, T), to 'a' or 'b': found {x.shape}, to {to!r}")
    g, frames = networks.g_ab if to == "b" else networks.g_ba, x.shape[1]
    pieces = max(1, -(-(frames - OVERLAP) // (PIECE - OVERLAP)))
    starts = np.linspace(0, max(0, frames - PIECE), pieces)
    starts = np.ceil(starts / 4).astype(int) * 4  # where strides meet the same frames
    whole, weights = np.zeros_like(x), np.zeros(frames, np.float32)
    for start in starts:
        part = torch.from_numpy(normalise(x[:, start : start + PIECE], networks.top))
        made = restore(g(part[None, None].to(networks.device))[0, 0], networks.top)
        t = np.arange(made.shape[1], dtype=np.float32)
        # w(t) = min(t + 1, P - t, 128)
        weight = np.minimum(np.minimum(t + 1, len(t) - t), OVERLAP)
        whole[:, start : start + PIECE] += weight * made.cpu().numpy()
        weights[start : start + PIECE] += weight
    # y(t) = sum_i w(t - s_i) y_i(t - s_i) / sum_i w(t - s_i)
    return whole / weights


def save_generators(
    networks: CycleGAN,
    path: str | os.PathLike,
    clips: Clips | SimpleNamespace,
    method: str = "cyclegan",
    config: Config | None = None,
    half: bool = True,
    limit: int | None = 8_000_000,
    **about: Any,
) -> None:
    """Write both generators as one file of weights, with whose music they learned from, as
    `clips` tells it. The rest: `fusiontools.training.save_weights`.
    """
    about |= {"paper": "audio_style", "data": clips.name, "labels": list(networks.labels)}
    about |= {"method": method, "config": asdict(config or networks.config)}
    about |= {"rows": networks.rows, "top": networks.top, "half": half, "limit": limit}
    names, terms = credits(clips.about["corpora"])
    training.save_weights(networks.g, path, corpora=names, terms=terms, **about)


def shipped_weights() -> dict[str, Path]:
    """Where weights lie that come with the package: a dict of names of data to files."""
    folder = Path(str(resources.files("fusiontools"))) / "pretrained"
    found = sorted(folder.glob("audio_style_*.safetensors"))
    return {file.stem.removeprefix("audio_style_"): file for file in found}


def load_generators(
    name: str | None = None, path: str | os.PathLike | None = None
) -> tuple[CycleGAN, dict[str, list | str]]:
    """A `CycleGAN` of weights that come with the package, by the name of their data (or the
    first), or of your own, a file or the folder of a finished run; and what the file says.
    The discriminators are new. A RecordError says why there are none, or none of this kind.
    """
    held = shipped_weights()
    name = next(iter(held), None) if name is None else name
    if path is None and name not in held:
        do = f"choose one of {', '.join(held)}" if held else "train your own"
        raise RecordError("no weights of this CycleGAN come with the package", name, do)
    path = held[str(name)] if path is None else Path(path)
    path = training.finished_weights(path) if path.is_dir() else path
    tensors, about = training.read_weights(path, "audio_style")
    # new networks throw dice; yours stay as are
    with (
        training.building(path, tensors, "weights of a CycleGAN"),
        torch.random.fork_rng(devices=[]),
    ):
        config = training.config_from(Config, about["config"])
        networks = CycleGAN(config, about["rows"], float(about["top"]), about["labels"])
        training.load_weights(path, networks.g)
        a, b = networks.labels
        if not (isinstance(a, str) and isinstance(b, str)):
            raise TypeError("names that are no texts")
        if not (networks.rows > 0 and 0 < networks.top < 100):
            raise ValueError(f"{networks.rows} rows up to {networks.top}")
    return networks, about
