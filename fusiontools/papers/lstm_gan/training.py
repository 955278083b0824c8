"""The training of the GANs for piano rolls: D and G in turn. Chapter 6, LSTM and
convolutional GANs.

Of the paper's remedies (sections 2.1.2 and 3) each is a setting: several updates of G to
one of D, or of D to one of G; pre-training G; how weights start. How a run survives being
killed, `fusiontools.training` knows.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from fusiontools.papers.lstm_gan import losses
from fusiontools.papers.lstm_gan.networks import Networks
from fusiontools.score import rolls
from fusiontools.training import Batches, descend, run_phases, seed_everything, steps

if TYPE_CHECKING:
    from fusiontools.papers.lstm_gan.config import Config
    from fusiontools.papers.lstm_gan.data import Bars
    from fusiontools.training.run import Run


__all__ = ["Cells", "coarse", "fine", "look", "train"]

CURVES = ["g", "d", "distinct"]
# What pre-training depends on: so another run with these settings alike can lend its own
PRETRAINING = ("generator", "width", "noise", "grid", "dropout", "init", "reach", "batch")
PRETRAINING += ("pretrain", "share", "empty")
PRETRAINING_RATE = 1e-3  # of Adam, whatever the game is played with
SELDOM = 4  # steps from one penalty of steepness to the next, which weighs as much more
LOOKED_AT, COUNTED = 128, 2000  # bars of each look; real bars that densities are taken from


def coarse(bars: np.ndarray, grid: int) -> np.ndarray:
    """Bars on fewer cells: the value at the first step of each, (N, 96, P) -> (N, grid, P).

    Examples
    --------
    >>> coarse(np.ones((1, 96, 84), bool), 48).shape
    (1, 48, 84)
    """
    return bars[:, :: bars.shape[1] // grid]


def fine(bars: np.ndarray, steps: int = 96) -> np.ndarray:
    """Bars on `steps` cells, each coarse one repeated: (N, grid, P) -> (N, steps, P)."""
    return np.repeat(bars, steps // bars.shape[1], axis=1)


def train(config: Config, data: Bars, run: Run, adopted: Any = None) -> Networks:
    """Train G and D on `Bars` in a `fusiontools.training.Run`, or go on with it:
    `Networks`, on the run's device. What another run with the same seed and data has
    finished, in the folder `adopted`, is taken over. When memory or disk run out
    (FusionError), or when interrupted, the last checkpoint is whole.
    """
    seed_everything(run.seed)  # before there are networks: their weights start at random
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    source = Cells(data, config)
    networks = Networks(config, source.density, device)
    pretraining = ("pretraining",) if config.pretrain else ()
    phases = {"pretraining": pretrain, "gan": adversarial}

    def do(phase):
        phases[phase](config, networks, source, run, phase)

    depends = {"pretraining": PRETRAINING}
    run_phases(run, (*pretraining, "gan"), do, depends, adopted, reduce="batch or width")
    return networks


class Cells:
    """The training bars of `Bars` as batches of cells, streamed from where they are packed.

    ``density`` is how often each pitch sounds, (84,); ``seen`` are some of the bars.
    """

    def __init__(self, data: Bars, config: Config) -> None:
        self.data, self.grid = data, config.grid
        self.rows = data.rows("train", config.share, config.empty)
        some = np.linspace(0, len(self.rows) - 1, min(COUNTED, len(self.rows))).astype(int)
        self.seen = self.take(some)
        self.density = self.seen.float().mean((0, 1))

    def take(self, index: np.ndarray) -> torch.Tensor:
        """Bars by their numbers, float tensor (B, grid, 84)."""
        bars = self.data.take("train", self.rows[index])
        return torch.from_numpy(np.ascontiguousarray(coarse(bars, self.grid))).float()


def _batches(config, source, run):
    own = dict(seed=run.seed, rank=run.rank, processes=run.processes)
    return Batches(len(source.rows), config.batch, **own)


def _optimizer(config, model, rate):
    if config.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), lr=rate)
    return torch.optim.Adam(model.parameters(), lr=rate, betas=(config.momentum, 0.9))


def pretrain(
    config: Config, networks: Networks, source: Cells, run: Run, phase: str
) -> None:
    """Train G alone: every bar has noise of its own, of which G is to make it."""
    batches, device = _batches(config, source, run), networks.device
    adam = torch.optim.Adam(networks.g.parameters(), lr=PRETRAINING_RATE)
    state = {"g": networks.g, "adam": adam, "batches": batches}
    for _ in steps(run, state, config.pretrain, phase=phase, curves=["pretraining"]):
        index = next(batches)
        bars = source.take(index).to(device)
        z = np.stack([np.random.default_rng(i).normal(size=networks.noise) for i in index])
        logits = networks.g(torch.from_numpy(z).float().to(device))
        # the cross-entropy of every cell
        loss = F.binary_cross_entropy_with_logits(logits, bars)
        descend(run, loss, networks.g, adam)
        run.log(pretraining=loss.detach())


def adversarial(
    config: Config, networks: Networks, source: Cells, run: Run, phase: str
) -> None:
    """The game of Eq. 6: D and G in turn."""
    g, d, device = networks.g, networks.d, networks.device
    batches, epoch = _batches(config, source, run), len(source.rows) / config.batch
    of_g, of_d = _optimizer(config, g, config.rate), _optimizer(config, d, config.d_rate)
    state = {"g": g, "d": d, "of_g": of_g, "of_d": of_d, "batches": batches}
    average = copy.deepcopy(g) if config.average else g
    if config.average:
        state["average"] = average

    def noise():
        return torch.randn(config.batch // run.processes, networks.noise, device=device)

    for step in steps(run, state, config.steps, phase=phase, curves=CURVES):
        # the rates decrease with every epoch (section 3); ours, over the second half
        late = config.final + (1 - config.final) * min(1, 2 - 2 * step / config.steps)
        scale = config.decay ** int(step / epoch) * late
        of_g.param_groups[0]["lr"] = config.rate * scale
        of_d.param_groups[0]["lr"] = config.d_rate * scale
        for _ in range(config.d_steps):
            real = networks.shown(source.take(next(batches)).to(device))
            with torch.no_grad():  # D learns from what G makes, and G nothing from that
                fake = networks.make(noise())
            scores = d(real), d(fake)
            loss_d = losses.discriminator(*scores, config.loss)
            if config.loss == "wgan":
                loss_d = loss_d + config.penalty * losses.gradient_penalty(d, real, fake)
            if config.steepness and step % SELDOM == 0:
                steep = losses.zero_centred_penalty(d, real, fake)
                loss_d = loss_d + SELDOM * config.steepness * steep
            descend(run, loss_d, d, of_d)
        for _ in range(config.g_steps):
            loss_g = losses.generator(d(networks.make(noise())), config.loss)
            descend(run, loss_g, g, of_g)
            _follow(average, g, min(config.average, 1 - 1 / (step + 1)))
        told = {"g": loss_g.detach(), "d": loss_d.detach()}
        told["right"] = (
            (scores[0] > 0).float().mean() + (scores[1] < 0).float().mean()
        ) / 2
        if step % config.every == 0 or step == config.steps - 1:
            told |= look(networks)
        run.log(**told)
    g.load_state_dict(average.state_dict())


@torch.no_grad()
def _follow(average, g, keeps):
    if keeps:
        for kept, p in zip(average.parameters(), g.parameters()):
            kept.lerp_(p, 1 - keeps)  # theta' <- a theta' + (1 - a) theta
        for kept, b in zip(average.buffers(), g.buffers()):
            kept.copy_(b)


def look(networks: Networks, seed: int = 0) -> dict[str, float]:
    """What G makes of the same noise again and again, in numbers.

    ``alike`` is how much two bars with notes have in common, on the mean over pairs: 1 once
    all noise gives one bar. ``distinct`` is the share of different bars, ``held`` that of
    notes that last the whole bar. ``eb``, ``upc`` and ``qn`` are those of Table 1.
    """
    dice = torch.Generator().manual_seed(seed)
    made = networks.bars(torch.randn(LOOKED_AT, networks.noise, generator=dice), dice)
    made = fine(made)
    told = {"eb": rolls.is_empty(made).mean()}
    told["distinct"] = len(set(rolls.bar_keys(made))) / len(made)
    whole = made.all(1).sum()
    own = rolls.each(made)
    told["held"] = whole / max(np.nansum(own["density"]), 1)
    if told["eb"] < 1:
        told |= {k: np.nanmean(own[k]) for k in ("upc", "qn")}
    common = rolls.repetition(made, np.zeros(len(made)))[0]
    if len(common):
        told["alike"] = np.mean(common)
    return {k: float(x) for k, x in told.items()}
