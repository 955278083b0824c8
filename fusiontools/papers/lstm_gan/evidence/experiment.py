"""How the records of the LSTM and convolutional GANs are made::

    python -m fusiontools.papers.lstm_gan.evidence.experiment --data rock --out OUT
    python -m fusiontools.papers.lstm_gan.evidence.experiment --out OUT --ship

and the same with ``--data chorales``. The jobs: every training; its measurement; the rows
that need no training. To measure anew, delete the ``.done`` files of those jobs in
``OUT/runs``. Torch is loaded when it is used.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusiontools.errors import FusionError
from fusiontools.papers import lstm_gan
from fusiontools.papers.lstm_gan import config as sizes
from fusiontools.papers.lstm_gan import evidence
from fusiontools.papers.lstm_gan.config import TRAINED, UNTRAINED, Config
from fusiontools.records import read_record
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job, store_measured, theirs

if TYPE_CHECKING:
    import torch


__all__ = ["EXPERIMENT", "FIRST", "FOLDERS", "MAIN", "METHOD", "METHODS", "NAME", "PAPER"]
__all__ += ["RUNS", "SOURCES", "collect", "from_folders", "jobs", "make_data", "measure"]
__all__ += [
    "open_data",
    "runs_of",
    "sample_files",
    "save",
    "save_data",
    "settings",
    "train",
]

PAPER, NAME, FIRST = "lstm_gan", "phrase", "chorales"
SOURCES, FOLDERS = (FIRST, "rock", "lakh"), 1  # of music of your own
METHODS, METHOD = {name: sizes.METHODS[name] for name in TRAINED}, "cnn_lstm"
MAIN = {
    "eb": "empty bars, in per cent (drawn apart unless the method learns them)",
    "upc": "pitch classes used in a bar",
    "qn": "notes of at least 3 of 96 steps, in per cent",
    "overlap": "overlap with training bars, mean over six measures",
    "copied_bars": "bars that stand in a training song",
}
KEPT = 4  # phrases that stay in a record, as packed bars
# Steps that cost more than others, so that all trainings fit two hours of two cores
STEPS = {"bilstm_printed": 60, "bilstm_d_steps": 800, "bilstm_g_steps": 1500}
STEPS |= dict.fromkeys(("bilstm", "bilstm_pretrained", "bilstm_balanced"), 6000)
STEPS |= {"bilstm_constant": 3000, "collapsed": 1000, "bilstm_reach": 1000}
# Methods and seeds, those that matter most first
RUNS = [(name, seed) for name in ("cnn_lstm", "bilstm_ours") for seed in range(3)]
RUNS += [("musegan", 0), ("bilstm", 0), ("naive", 0), ("bilstm_printed", 0)]
RUNS += [(name, 0) for name in TRAINED if (name, 0) not in RUNS]
FEW = {FIRST: ("cnn_lstm", "bilstm_ours")}  # of what is only the default
SHIPPED = {"rock": ("cnn_lstm", "bilstm_ours", "collapsed"), FIRST: ("cnn_lstm",)}
COLUMNS = ("g", "d", "right", "eb", "upc", "qn", "distinct", "held", "alike")


# What `fusiontools.report.experiment` asks of a paper


make_data, save_data, open_data = theirs(lstm_gan, "bars_of", "save_bars", "open_bars")
(train,) = theirs(lstm_gan, "train")


def from_folders(folders: Sequence[str | os.PathLike]) -> lstm_gan.Bars:
    """The data of a reader's own folders."""
    return lstm_gan.from_folders(*folders)


def settings(method: str, scale: str, data_name: str) -> Config:
    """The config of a method; fewer steps where one costs as much as many others."""
    own = sizes.method(method, getattr(Config, scale)())
    if data_name == FIRST:
        own = replace(own, share=1.0)  # there are few chorales
    if scale != "shipped":
        return own
    return replace(own, steps=STEPS.get(method, own.steps))


def save(
    networks: lstm_gan.Networks,
    path: str | os.PathLike,
    method: str,
    config: Config,
    data: lstm_gan.Bars,
    **about: Any,
) -> None:
    """Write the generator of a run, whole: in 32 bits."""
    about |= {"half": False, "limit": None}
    lstm_gan.save_generators({method: networks}, path, data, **about)


def measure(
    networks: lstm_gan.Networks,
    data: lstm_gan.Bars,
    config: Config,
    seed: int,
    say: Callable = print,
) -> tuple[dict[str, dict], list[str]]:
    """The metrics of a trained method, and some of its bars, packed."""
    say("Measuring what it makes.")
    metrics = evidence.metrics
    found, bars = metrics.measure_networks(networks, data, metrics.References(data), seed)
    return found, _packed(bars)


def _packed(bars):
    """The first phrases as text, for a record."""
    import base64

    import numpy as np

    bits = np.packbits(bars[: 4 * KEPT].reshape(min(len(bars), 4 * KEPT), -1), axis=1)
    return [base64.b85encode(row.tobytes()).decode() for row in bits]


def sample_files(
    folder: str,
    n: int,
    method: str | None = None,
    data: str | None = None,
    run: str | os.PathLike | None = None,
    seed: int = 0,
    temperature: float = 1.0,
) -> tuple[list[Path], str, str]:
    """Write phrases of four bars as MIDI files, by the weights of `data` that come with the
    package, by default those of rock piano, or by those of a finished run. Returns the
    files, the method, and the notice of the weights.
    """
    from fusiontools.training import weights_notice

    if temperature != 1:
        do = "leave it out: what varies is the noise, by --seed"
        raise FusionError("a GAN draws no tokens", "--temperature", do)
    if run is not None and data is not None:
        raise FusionError("a run has its own data", "--pair", "leave out --pair or --run")
    networks, about = lstm_gan.load_weights(data or "rock", method, run)
    given = (about["rho"], about["rests"], seed, NAME)
    files = lstm_gan.sample_midi(networks, n, folder, *given)
    return files, about["method"], weights_notice(about)


# The jobs, and what there is to ship


def runs_of(name: str) -> list[tuple[str, int]]:
    """The trainings that are done on data of this name: (method, seed)."""
    return [(m, 0) for m in FEW.get(name, ())] or RUNS


def jobs(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str | torch.device
) -> list[Job]:
    """All that there is to do."""
    here, runs = (str(file), str(work), scale), runs_of(Path(file).stem)
    made, measured = [], []
    for name, one in {f"{m}-{seed}": (m, seed) for m, seed in runs}.items():
        made.append(Job(name, partial(train_one, *here, device, *one)))
        measured.append(Job(f"measure-{name}", partial(measure_one, *here, *one), (name,)))
    return [*made, *measured, Job("baselines", partial(measure_baselines, *here))]


def train_one(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    device: str | torch.device,
    method: str,
    seed: int,
) -> None:
    """Train a method with one seed, or go on with it."""
    folder = Path(work) / f"{method}-{seed}"
    experiment.train_in_folder(HERE, folder, method, scale, seed, file, device)


def measure_one(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, method: str, seed: int
) -> None:
    """The record of a training, measured anew, and its bars."""
    metrics, folder = evidence.metrics, Path(work) / f"{method}-{seed}"
    data, networks = _opened(file), _networks(folder, method)
    found, bars = metrics.measure_networks(networks, data, metrics.References(data), seed)
    changed = {"metrics": found, "samples": _packed(bars)}
    record = replace(read_record(folder / "record.json"), **changed)
    store_measured(work, folder.name, [record])
    _keep(work, folder.name, bars)


def measure_baselines(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """The records of all that needs no training."""
    data, metrics, made = _opened(file), evidence.metrics, []
    references = metrics.References(data)
    for name in UNTRAINED:
        began = time.monotonic()
        found, _ = metrics.measure_baseline(name, data, references)
        about = (data, began, found)
        made.append(experiment.measured_record(PAPER, name, scale, *about, config={}))
    store_measured(work, "baselines", made)


def _opened(file):
    """The data; one thread, as networks this small only wait for each other on several."""
    import torch

    torch.set_num_threads(1)
    return open_data(file)


def _networks(folder, method):
    return lstm_gan.load_weights(path=folder, method=method)[0]


def _keep(work, name, bars):
    """The bars of a method, packed: of a model too large to ship they ship themselves.
    Along time, (N, 84, 12): a note that lasts makes bytes alike, which zip well.
    """
    import numpy as np

    from fusiontools.corpora.cache import write_npz

    packed = np.packbits(np.asarray(bars, bool).transpose(0, 2, 1), axis=2)
    write_npz(Path(work) / "bars" / f"{name}.npz", compress=True, bars=packed)


def collect(data: str, out: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """Write what there is to ship beside the records: generators in 16 bits; the bars of
    those that are too large; how the trainings went.
    """
    from fusiontools.corpora.cache import read_npz, write_npz
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    made = {m: _networks(work / f"{m}-0", m) for m in SHIPPED.get(data.name, ("cnn_lstm",))}
    lstm_gan.save_generators(made, out / WEIGHTS, data, scale=scale)
    drawn, kept = {}, {}
    for name in (f"{m}-{seed}" for m, seed in runs_of(data.name)):
        history = History(work / name / "history.csv", keep=False)
        drawn |= history_arrays(history, name, COLUMNS)
        if name.endswith("-0") and name[:-2] not in made:
            kept[name[:-2]] = read_npz(work / "bars" / f"{name}.npz")["bars"]
    drawn = {name: values.astype("float32") for name, values in drawn.items()}
    write_npz(out / "histories.npz", compress=True, **drawn)
    write_npz(out / "bars.npz", compress=True, **kept)


HERE = sys.modules[__name__]
FILES = {WEIGHTS: "pretrained/lstm_gan_{data}.safetensors"}
FILES["histories.npz"] = "results/lstm_gan/histories_{data}.npz"
FILES["bars.npz"] = "results/lstm_gan/bars_{data}.npz"
NAMED = "{0.method}-{0.seed}".format  # what tells a record from the others of its data
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))
