r"""How the records of domain transfer are made: every network trained, and measured beside
what needs no training::

    python -m fusiontools.papers.domain_transfer.evidence.experiment \
        --data classical_metal --out OUT --workers 2
    python -m fusiontools.papers.domain_transfer.evidence.experiment --out OUT --ship

and the same with ``--data chorales_fiddle``. The jobs: the judges of this data, which ship
from the folder of runs; every training; its measurement, once there are judges; the
baselines; and, after all, how fast the trainings were. To measure anew, delete the
``.done`` files of those jobs in ``OUT/runs``. Torch is loaded when it is used.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fusiontools.papers import domain_transfer
from fusiontools.papers.domain_transfer import config as sizes
from fusiontools.papers.domain_transfer import evidence
from fusiontools.papers.domain_transfer.config import TRAINED, UNTRAINED, Config
from fusiontools.records import read_record
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job, store_measured, theirs

__all__ = ["EXPERIMENT", "FIRST", "HEAR", "MAIN", "METHOD", "METHODS", "PAPER", "RUNS"]
__all__ += ["SOURCES", "collect", "from_folders", "jobs", "make_data", "measure"]
__all__ += ["open_data", "runs_of", "save", "save_data", "settings", "train"]

PAPER, FIRST = "domain_transfer", "chorales_fiddle"
SOURCES = (FIRST, "classical_metal")
METHODS, METHOD = {name: sizes.METHODS[name] for name in TRAINED}, "ours"
MAIN = {
    "passed": "held-out sources that both judges call blend or target, and music, "
    "and that follow their source",
    "passed_blend": "those of them that both judges place between the genres",
    "copied_fraction": "steps that sound within a semitone of the source",
    "pitch_correlation": "of the outputs with their sources",
    "variety": "how much two outputs differ (1: everywhere)",
    "f_constancy": "how far f moves under G, over its variance",
}
HEAR = "transfer IN.mid --to GENRE --out OUT.mid --weights {run}"
# A share of the steps, and a look every so many: a step of these costs 14 and 100 usual
# ones; and after half of the steps the D of ours wins, on the validation songs
FEWER = {"schedule": (20, 2), "recurrent": (100, 4)}
FEWER |= {"ours": (2, 25), "ours_no_gan": (2, 25), "no_guard": (4, 25)}
# Methods and seeds, those that take longest first
RUNS = [("schedule", 0), ("recurrent", 0), ("pianoroll", 0)]
RUNS += [(name, seed) for name in ("ours", "full", "plain") for seed in range(3)]
RUNS += [(name, 0) for name in TRAINED if (name, 0) not in RUNS]
FEW = {FIRST: ("ours", "full")}  # of what is only the default
# Whose weights ship, of seed 0; that of the default has one method that transfers
SHIPPED = {FIRST: ("full",)}
COLUMNS = ("d", "gang", "const", "tid", "held_out", "copied", "spread")


# What `fusiontools.report.experiment` asks of a paper


make_data, save_data, open_data = theirs(
    domain_transfer, "domains", "save_domains", "open_domains"
)
(train,) = theirs(domain_transfer, "train")


def from_folders(folders: Sequence[str | os.PathLike]) -> domain_transfer.Domains:
    """The data of a reader's own folders."""
    return domain_transfer.from_folders(*folders)


def settings(method: str, scale: str, data_name: str) -> Config:
    """The config of a method: fewer steps where one costs as much as many others."""
    own = sizes.method(method, getattr(Config, scale)())
    less, every = FEWER.get(method, (1, own.every))
    return replace(own, steps=max(2, own.steps // less), every=min(own.every, every))


def save(
    networks: domain_transfer.Networks,
    path: str | os.PathLike,
    method: str,
    config: Config,
    data: domain_transfer.Domains,
    **about: Any,
) -> None:
    """Write f and g of a run, whole: in 32 bits."""
    about |= {"half": False, "limit": None}
    domain_transfer.save_networks({method: networks}, path, data, **about)


def measure(
    networks: domain_transfer.Networks,
    data: domain_transfer.Domains,
    config: Config,
    seed: int,
    say: Callable = print,
) -> tuple[dict[str, dict], list[dict]]:
    """The metrics of a trained method, and what it makes of music that may be shown."""
    say("Measuring what it makes of songs that it has not seen.")
    if (judges := evidence.metrics.judges_of(data)) is None:
        say("No judges come with the package for this data, so genres are not measured.")
    found = evidence.metrics.measure_networks(networks, data, judges)
    return found, evidence.metrics.shown(networks)


# The jobs, and what there is to ship


def runs_of(name: str) -> list[tuple[str, int]]:
    """The trainings that are done on data of this name: (method, seed)."""
    few = FEW.get(name, ())
    return [(m, 0) for m in few] or RUNS


def jobs(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str
) -> list[Job]:
    """All that there is to do."""
    here, runs = (str(file), str(work), scale), runs_of(Path(file).stem)
    made, measured = [Job("judges", partial(train_judges, *here))], []
    for name, one in {f"{m}-{seed}": (m, seed) for m, seed in runs}.items():
        made.append(Job(name, partial(train_one, *here, device, *one)))
        do = partial(measure_one, *here, *one)
        measured.append(Job(f"measure-{name}", do, ("judges", name)))
    made += [*measured, Job("baselines", partial(measure_baselines, *here), ("judges",))]
    after = tuple(job.name for job in measured)
    return [*made, Job("speed", partial(measure_speed, *here), after)]


def train_judges(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """The judges of this data, and what they say about themselves."""
    from fusiontools.corpora.registry import credits
    from fusiontools.judges.lines import make_judges, save_judges

    data = open_data(file)
    judges = [replace(j, about=j.about | {"sha256": data.hash}) for j in make_judges(data)]
    corpora = {c["name"]: c for c in data.about["corpora"]}  # one may give two domains
    save_judges(judges, Path(work) / JUDGES, *credits(corpora.values()))
    print(*(judge.about for judge in judges), sep="\n")


def train_one(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    device: str,
    method: str,
    seed: int,
) -> None:
    """Train a method with one seed, or go on with it."""
    folder = Path(work) / f"{method}-{seed}"
    experiment.train_in_folder(HERE, folder, method, scale, seed, file, device)


def measure_one(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, method: str, seed: int
) -> None:
    """The record of a training, judged by the judges of this experiment."""
    both, folder = _opened(file, work), Path(work) / f"{method}-{seed}"
    metrics, networks = evidence.metrics, _networks(folder, method)
    found = metrics.measure_networks(networks, *both)
    if method == METHOD:
        found |= metrics.amounts(networks, *both) | metrics.precision(networks, *both)
    changed = {"metrics": found, "samples": metrics.shown(networks)}
    record = replace(read_record(folder / "record.json"), **changed)
    store_measured(work, folder.name, [record])


def measure_baselines(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """The records of all that needs no training."""
    (data, judges), made = _opened(file, work), []
    for name in UNTRAINED:
        began = time.monotonic()
        about = (data, began, evidence.metrics.measure_baseline(name, data, judges))
        made.append(experiment.measured_record(PAPER, name, scale, *about, config={}))
    store_measured(work, "baselines", made)


def _opened(file, work):
    """The data, and the judges of this experiment."""
    import torch

    torch.set_num_threads(1)  # networks this small only wait for each other on several
    data = open_data(file)
    return data, evidence.metrics.judges_of(data, Path(work) / JUDGES)


def measure_speed(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """Add to the records of all trainings what steps cost, and how soon they came where."""
    (data, _), metrics = _opened(file, work), evidence.metrics
    made = [r for r in experiment.collected(Path(work) / "measured") if r.method in TRAINED]
    configs = {r.method: Config(**r.config) for r in made}
    cost = {name: metrics.milliseconds(own, data) for name, own in configs.items()}
    trained = {f"{r.method}-{r.seed}": r for r in made}
    each = {name: cost[record.method] for name, record in trained.items()}
    for name, found in metrics.speeds(_histories(work, trained), each).items():
        both = trained[name].metrics | found
        store_measured(work, name, [replace(trained[name], metrics=both)])


def _networks(folder, method):
    return domain_transfer.load_weights(path=folder, method=method)[0]


def _histories(work, runs):
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    drawn = {}
    for name in runs:
        history = History(Path(work) / name / "history.csv", keep=False)
        drawn |= history_arrays(history, name, COLUMNS)
    return {name: values.astype("float32") for name, values in drawn.items()}


def collect(data: str, out: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """Write what there is to ship beside the records: f and g of some methods in 16 bits;
    the judges; how the trainings went.
    """
    from fusiontools.corpora.cache import write_npz

    shipped = SHIPPED.get(data.name, ("ours", "full"))
    made = {m: _networks(work / f"{m}-0", m) for m in shipped}
    domain_transfer.save_networks(made, out / WEIGHTS, data, scale=scale)
    shutil.copyfile(work / JUDGES, out / JUDGES)
    runs = [f"{m}-{seed}" for m, seed in runs_of(data.name)]
    write_npz(out / "histories.npz", compress=True, **_histories(work, runs))


HERE, JUDGES = sys.modules[__name__], "lines.safetensors"
FILES = {WEIGHTS: "pretrained/domain_transfer_{data}.safetensors"}
FILES[JUDGES] = "pretrained/lines_{data}.safetensors"
FILES["histories.npz"] = "results/domain_transfer/histories_{data}.npz"
NAMED = "{0.method}-{0.seed}".format  # what tells a record from the others of its data
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))
