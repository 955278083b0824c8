"""The training of domain transfer: D and G = g o f in turn, from scratch (section 4.5).

How a run survives being killed, `fusiontools.training` knows. Chapter 5, Domain transfer:
``notebooks/05_domain_transfer_1_from_scratch`` has the same loop in plain sight.
"""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from fusiontools.music import pictures
from fusiontools.papers.domain_transfer import losses
from fusiontools.papers.domain_transfer.networks import Networks
from fusiontools.score.transfer import copied_fraction
from fusiontools.training import Batches, descend, run_phases, seed_everything, steps

if TYPE_CHECKING:
    from fusiontools.papers.domain_transfer.config import Config
    from fusiontools.papers.domain_transfer.data import Domains
    from fusiontools.training.run import Run


__all__ = ["train"]

CURVES = ["held_out", "copied"]
LOOKED_AT = 128  # validation pictures of each domain, spread over its songs


def train(config: Config, data: Domains, run: Run, adopted: Any = None) -> Networks:
    """Train f, g and D together on `Domains` in a `fusiontools.training.Run`, or go on with
    it: `Networks`, on the run's device. What another run with the same seed and data has
    finished, in the folder `adopted`, is taken over. When memory or disk run out
    (FusionError), or when interrupted, the last checkpoint is whole.
    """
    seed_everything(run.seed)  # before there are networks: their weights start at random
    device = torch.device("cpu") if run.fabric is None else run.fabric.device
    networks = Networks(config, device)
    painted = {n: Painted.of(data.windows(n, "train"), config) for n in "ST"}
    held_out = {}
    for n in "ST":  # some of the validation lines, evenly spread over their order
        own = data.windows(n, "validation")
        some = np.linspace(0, len(own) - 1, min(LOOKED_AT, len(own))).astype(int)
        held_out[n] = Painted.of(own[some], config)

    def do(phase):
        _train(config, networks, painted, held_out, run, phase)

    depends = {"transfer": tuple(asdict(config))}
    run_phases(run, ("transfer",), do, depends, adopted, reduce="batch or width")
    return networks


class Painted(NamedTuple):
    """Pictures, and what they are rounded with: see `rounded` in `networks`."""

    x: torch.Tensor  # (N, C, 32, 32)
    scale: torch.Tensor  # (N, 37)
    form: torch.Tensor  # (N, 32)

    @classmethod
    def of(cls, tokens: np.ndarray, config: Config) -> Painted:
        """Paint lines, (N, 1024), as they are heard if pictures are to be legal."""
        tokens = pictures.heard(tokens, tokens) if config.legal else tokens
        x = pictures.encode(tokens, config.layout)
        parts = x, pictures.on_scale(tokens), pictures.form(tokens)
        return cls(*map(torch.from_numpy, parts))

    def take(self, index: np.ndarray | slice, device: torch.device) -> Painted:
        """A batch of them."""
        return Painted(*(part[index].to(device) for part in self))


def _train(config, networks, painted, held_out, run, phase):
    own = dict(seed=run.seed, rank=run.rank, processes=run.processes)
    batches = {n: Batches(len(p.x), config.batch, **own) for n, p in painted.items()}
    rates = dict(lr=config.rate, betas=(config.momentum, 0.999))
    adam_g = torch.optim.Adam(networks.both.parameters(), **rates)
    adam_d = torch.optim.Adam(networks.d.parameters(), **rates)
    state = {"both": networks.both, "d": networks.d, "adam_g": adam_g, "adam_d": adam_d}
    state |= {f"batches_{n}": own for n, own in batches.items()}
    average = copy.deepcopy(networks.both) if config.average else networks.both
    if config.average:
        state["average"] = average

    def draw(n):
        return painted[n].take(torch.from_numpy(next(batches[n])), networks.device)

    for step in steps(run, state, config.steps, phase=phase, curves=CURVES):
        told = {}
        for _ in range(config.d_steps if config.adversary else 0):
            loss = discriminator_loss(networks, draw("S"), draw("T"))
            descend(run, loss, networks.d, adam_d)
            told["d"] = loss.detach()
        for _ in range(config.g_steps):
            terms = generator_terms(config, networks, draw("S"), draw("T"))
            descend(run, losses.total(terms, config), networks.both, adam_g)
            if config.average:
                for kept, p in zip(average.parameters(), networks.both.parameters()):
                    # theta' <- a theta' + (1 - a) theta
                    kept.data.lerp_(p.data, 1 - config.average)
        told |= {name: term.detach() for name, term in terms.items()}
        if step % config.every == 0 or step == config.steps - 1:
            told |= look(networks, held_out)
        run.log(**told)
    networks.both.load_state_dict(average.state_dict())


def discriminator_loss(
    networks: Networks, source: Painted, target: Painted
) -> torch.Tensor:
    """L_D, Eq. 1, for a batch of each domain, two `Painted`."""
    with torch.no_grad():  # D learns from what G makes, and G nothing from that
        fake = networks.shown(networks.generate(source.x)[1], *source[1:])
    return losses.discriminator(networks.score(fake), networks.score(target.x))


def generator_terms(
    config: Config, networks: Networks, source: Painted, target: Painted
) -> dict[str, torch.Tensor]:
    """The terms of Eq. 6 for a batch of each domain, two `Painted`: a dict of scalars."""
    features, made = networks.generate(source.x)
    shown = networks.shown(made, *source[1:])
    _, kept = networks.generate(target.x)
    terms = {"const": losses.const(features, networks.f(shown)[0], config.guard)}
    terms |= {"tid": losses.tid(target.x, kept), "tv": losses.tv(made, config.power)}
    terms["gang"] = torch.zeros(())
    if config.adversary:
        both = shown, networks.shown(kept, *target[1:])
        terms["gang"] = losses.gang(*map(networks.score, both))
    return terms


@torch.no_grad()
def look(
    networks: Networks, held_out: dict[str, Painted]
) -> dict[str, float | torch.Tensor]:
    """How the networks do on songs that they have not seen.

    ``held_out`` is L_TID + L_CONST, the latter over the variance of f, so that a collapse
    of f does not pass for constancy; ``spread`` the standard deviation of f; ``copied`` the
    share of steps whose pitch is the source's, within a semitone.
    """
    source, target = (held_out[n].take(slice(None), networks.device) for n in "ST")
    features, made = networks.generate(source.x)
    kept = networks.generate(target.x)[1]
    again = networks.f(networks.shown(made, *source[1:]))[0]
    layout = networks.config.layout
    heard, real = (pictures.decode(x.cpu().numpy(), layout) for x in (made, source.x))
    loss = losses.tid(target.x, kept) + losses.const(features, again)
    spread = losses.spread(features).sqrt()
    return {
        "held_out": loss,
        "spread": spread,
        "copied": copied_fraction(heard, real).mean(),
    }
