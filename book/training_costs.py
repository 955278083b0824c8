"""What a training on the second page of a chapter takes: time, and memory of a GPU.

    python book/training_costs.py [PAPER ...]     into training.json

Nobody waits for hours to write a line. So each training runs for a few steps of each of its
phases, on one core; their number times the time of one makes the minutes. Memory is that of
all tensors that are alive at once on the processor, which is what a GPU would have to hold
beside its own libraries. Both are estimates, and the pages say so.
"""

import argparse
import json
import statistics
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fusiontools import training
from fusiontools.training import loop

COSTS = Path(__file__).parent / "training.json"
SCALES = ("smoke", "laptop", "paper")
FEW = 4  # steps of each phase; the first warms up and does not count


class Alive(TorchDispatchMode):
    """How many bytes the tensors held that were alive at once, at the most."""

    def __init__(self):
        super().__init__()
        self.peak, self._now, self._held = 0, 0, {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = function(*args, **(kwargs or {}))
        for tensor in tree_leaves(given):
            if isinstance(tensor, torch.Tensor):
                self._note(tensor.untyped_storage())
        return given

    def _note(self, storage):
        known = self._held.get(storage._cdata)
        if known is not None and not known[0].expired():
            return
        self._now += storage.nbytes() - (0 if known is None else known[1])
        self._held[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        if self._now > self.peak:  # only then it matters what has gone since
            held = {k: v for k, v in self._held.items() if not v[0].expired()}
            self._held, self._now = held, sum(size for _, size in held.values())
            self.peak = max(self.peak, self._now)


class Stopwatch:
    """In the place of `training.steps`: it lets a phase take a few of its steps, and notes
    how long all would have taken.
    """

    def __init__(self, few, clock=time.perf_counter):
        self.minutes, self._few, self._steps, self._clock = 0.0, few, loop.steps, clock

    def __call__(self, run, state, total, **how):
        took, began = [], self._clock()
        for step in self._steps(run, state, min(total, self._few), **how):
            yield step
            took.append(self._clock() - began)
            began = self._clock()
        self.minutes += total * statistics.median(took[1:] or took) / 60 if took else 0


def trainings():
    """For each paper what its second page trains: config by scale, data, and how."""
    from fusiontools.papers import (
        audio_style,
        connective_fusion,
        domain_transfer,
        fusiongan,
        lstm_gan,
    )

    return {
        "fusiongan": (
            lambda config: fusiongan.method("fusion_ours", config, "essen_ryan"),
            lambda: fusiongan.pair("essen_ryan"),
            fusiongan,
        ),
        "connective_fusion": (
            # latent vectors are made once, between two phases: a few will do here
            lambda config: replace(config, latent_pairs=min(config.latent_pairs, 2000)),
            lambda: connective_fusion.windows("tunebooks"),
            connective_fusion,
        ),
        "domain_transfer": (
            lambda config: domain_transfer.method("full", config),
            lambda: domain_transfer.domains("chorales_fiddle"),
            domain_transfer,
        ),
        "lstm_gan": (
            lambda config: replace(lstm_gan.method("cnn_lstm", config), share=1.0),
            lambda: lstm_gan.bars_of("chorales"),
            lstm_gan,
        ),
        "audio_style": (
            lambda config: audio_style.method("cyclegan", config),
            lambda: audio_style.clips_of("rendered"),
            audio_style,
        ),
    }


def cost(name, config, data, paper):
    """Minutes on one core, and megabytes alive at once: two trainings, for who counts
    bytes is slow.
    """
    alive = Alive()
    timed = _train(name, config, data, paper, FEW, nullcontext())
    _train(name, config, data, paper, 1, alive)
    return {"minutes": round(timed.minutes, 1), "megabytes": round(alive.peak / 1e6)}


def _train(name, config, data, paper, few, counted):
    watch, about = Stopwatch(few), {"name": data.name, "sha256": data.hash}
    asked = {"paper": name, "method": "estimate", "config": config, "data": about}
    for module in (training, *_users()):
        module.steps = watch
    with (
        tempfile.TemporaryDirectory() as folder,
        counted,
        training.Run.open(Path(folder) / "run", **asked) as run,
    ):
        paper.train(config, data, run)
    return watch


def _users():
    """The modules that have taken `training.steps` over by name."""
    from fusiontools.papers.connective_fusion import phases
    from fusiontools.papers.domain_transfer import training as transfer
    from fusiontools.papers.fusiongan import algorithm
    from fusiontools.papers.lstm_gan import training as bars

    return phases, transfer, algorithm, bars


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("papers", nargs="*", metavar="PAPER", help="by default all")
    asked = parser.parse_args(arguments).papers
    torch.set_num_threads(1)
    known = trainings()
    for name in asked or known:
        config, data, paper = known[name]
        own = data()
        for scale in SCALES:
            found = cost(name, config(getattr(paper.Config, scale)()), own, paper)
            told = json.loads(COSTS.read_text(encoding="utf-8"))
            told[name] = told.get(name, {}) | {scale: found}
            COSTS.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
            print(name, scale, found, flush=True)


if __name__ == "__main__":
    main()
