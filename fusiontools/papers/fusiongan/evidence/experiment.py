"""How FusionGAN's records are made: every method trained and measured on one pair::

    python -m fusiontools.papers.fusiongan.evidence.experiment --data essen_ryan --out OUT
    python -m fusiontools.papers.fusiongan.evidence.experiment --out OUT --ship

The jobs: what most methods begin with, once a seed; every method; the baselines; where it
is named, ``again-blend-0``, say, which measures a finished training anew; and, where
``--only judges`` names them, the judges of genre, which then lie in the folder of runs:
copied to ``fusiontools/pretrained``, they judge, so they come before all else.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusiontools.errors import FusionError, RecordError
from fusiontools.papers import fusiongan
from fusiontools.papers.fusiongan.config import TRAINED, UNTRAINED, Config
from fusiontools.report import experiment
from fusiontools.report.experiment import Job

if TYPE_CHECKING:
    import torch

    from fusiontools.papers.fusiongan.data import Pair
    from fusiontools.training.run import Run


__all__ = ["EXPERIMENT", "FIRST", "MAIN", "METHOD", "METHODS", "NAME", "PAPER", "RUNS"]
__all__ += ["SHIPPED", "SOURCES", "collect", "from_folders", "jobs", "make_data", "measure"]
__all__ += ["open_data", "sample_files", "save", "save_data", "settings", "train"]

PAPER, NAME = "fusiongan", "melody"  # of MIDI files: melody_001.mid and so on
SOURCES, FIRST = ("essen_ryan", "weimar_essen"), "essen_ryan"
METHODS, METHOD = {name: fusiongan.METHODS[name] for name in TRAINED}, "fusion"
_NEARER = "nearer to one genre than to the other (0: as near to both)"
_DETOUR = "the way from A to B over F, against the straight one (1: no detour)"
MAIN = {
    "middle_typical": "melodies between the genres, and like real music, by a network",
    "middle_typical_features": "the same by the judge that weighs features",
    "throughout": "of the first, those that are in the middle in each third",
    "balance_npd": f"pitch classes: {_NEARER}",
    "balance_dd": "durations: the same",
    "npd_eud_ratio": f"pitch classes: {_DETOUR}",
    "dd_eud_ratio": "durations: the same",
    "copied_8gram": "runs of eight notes that are in the training songs too",
    "held_out_8gram": "the same for real songs that were held out",
}
KEPT = 4  # melodies that stay in a record, as rows of tokens
# Every method and seed, those that take longest first.
SEEDED = ("fusion_ours", "fusion", "no_critics", "blend", "rejection", "experts")
SEEDED += ("mixture", "experts_best_of_8", "experts_stretches", "mle", "mle_hot")
RUNS = [(name, seed) for name in SEEDED for seed in range(3)]
RUNS += [(name, 0) for name in TRAINED if (name, 0) not in RUNS]
PRETRAINED = ("mle", "critics", "game")  # the phases that most methods begin with
# What writes these goes into the file of weights; what a page draws of which training.
SHIPPED = ("mle", "gan", "rl", "fusion", "fusion_ours", "no_critics")
SHIPPED += ("mle_hot", "rejection", "experts", "mixture", "experts_best_of_8")
SHIPPED += ("experts_stretches", "blend")
DRAWN = ("pretraining-0", "fusion-0", "fusion-1", "fusion-2", "fusion_ours-0")
COLUMNS = [f"{k}_{n}" for k in ("nll", "held_out", "distance") for n in "ABF"]
COLUMNS += ["objective", "ratio_dd", "ratio_npd"]


# What `fusiontools.report.experiment` asks of a paper; each loads its module when called.


def make_data(name: str) -> Pair:
    """A pair of genres by its name."""
    return fusiongan.pair(name)


def from_folders(folders: Sequence[str | os.PathLike]) -> Pair:
    """The pair of a reader's own folders."""
    return fusiongan.from_folders(*folders)


def save_data(data: Pair, path: str | os.PathLike) -> None:
    """Write a pair into one file."""
    fusiongan.save_pair(data, path)


def open_data(path: str | os.PathLike) -> Pair:
    """A pair that `save_data` wrote."""
    return fusiongan.open_pair(path)


def settings(method: str, scale: str, data_name: str) -> Config:
    """The config of a method."""
    return fusiongan.method(method, getattr(Config, scale)(), data_name)


def train(config: Config, data: Pair, run: Run, adopted: Any = None) -> Any:
    """Train a method; nothing is adopted."""
    return fusiongan.train(config, data, run, adopted)


def save(
    networks: Any,
    path: str | os.PathLike,
    method: str,
    config: Config,
    data: Pair,
    **about: Any,
) -> None:
    """Write what writes a method's melodies."""
    from fusiontools.papers.fusiongan.sampling import writer_of

    _save({method: writer_of(networks, config)}, path, config, data, **about)


def _save(writers, path, config, data, **about):
    from fusiontools.corpora.registry import credits
    from fusiontools.papers.fusiongan.sampling import save_writers

    whose = credits(data.about["corpora"])
    about = {"pair": data.name} | about
    save_writers(writers, path, config, data.vocabulary, *whose, **about)


def measure(networks: Any, data: Pair, config: Config, seed: int, say: Any = print) -> Any:
    """The metrics of a trained method, and the first of its melodies as rows of tokens."""
    from fusiontools.papers.fusiongan.sampling import writer_of

    return _measured(writer_of(networks, config), data, seed, say)


def _measured(writer, data, seed, say=print):
    from fusiontools.papers.fusiongan.evidence import metrics
    from fusiontools.papers.fusiongan.sampling import sample_tokens, to_notes

    say("Measuring what it writes.")
    judges = metrics.shipped_judges(data)
    if not judges:
        lacks = "No judges come with the package for this data"
        say(f"{lacks}, so what lies between the genres is not measured.")
    tokens = sample_tokens(writer, metrics.MELODIES, seed)
    melodies, references = to_notes(tokens, data.vocabulary), metrics.References(data)
    found = metrics.measure_melodies(melodies, references, judges)
    return found, tokens[:KEPT].tolist()


def sample_files(
    folder: str | os.PathLike,
    n: int,
    method: str | None = None,
    pair: str | None = None,
    run: Run | None = None,
    seed: int = 0,
    temperature: float = 1.0,
) -> Any:
    """Write melodies as MIDI files, by the weights of `pair` that come with the package, by
    default those of essen_ryan, or by those of a finished run. The method is by default
    blend, or else the first one that the weights have. Returns the files, the method,
    and the notice of the weights.
    """
    from fusiontools.papers.fusiongan import sampling
    from fusiontools.training import finished_weights, weights_notice

    if run is not None and pair is not None:
        raise FusionError("a run has its own data", "--pair", "leave out --pair or --run")
    path = sampling.shipped_weights(pair or FIRST) if run is None else finished_weights(run)
    if not path.is_file():
        here = [name for name in SOURCES if sampling.shipped_weights(name).is_file()]
        lacks = f"no weights come with the package for the pair {pair or FIRST!r}"
        do = f"choose {' or '.join(here) or 'a run of your own with --run'}"
        raise RecordError(lacks, "--pair", do)
    writers, vocabulary, about = sampling.load_weights(path=path)
    if method is None:
        method = "blend" if "blend" in writers else next(iter(writers))
    if method not in writers:
        do = f"choose one of {', '.join(writers)}"
        raise FusionError(f"no weights of the method {method!r}", path, do)
    asked = (vocabulary, n, folder, seed, temperature, NAME)
    files = sampling.sample_midi(writers[method], *asked)
    return files, method, weights_notice(about)


def pretrain(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    device: str | torch.device,
    seed: int,
) -> None:
    """The phases that most methods begin with, for them to take over."""
    from fusiontools.training import Run, fabric

    data, own = open_data(file), replace(getattr(Config, scale)(), phases=PRETRAINED)
    asked = {"paper": PAPER, "method": "pretraining", "scale": scale, "seed": seed}
    asked |= {"config": own, "data": {"name": data.name, "sha256": data.hash}}
    folder = Path(work) / f"pretraining-{seed}"
    with Run.open(folder, fabric=fabric(device, threads=1), **asked) as run:
        train(own, data, run)


def train_method(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    device: str | torch.device,
    method: str,
    seed: int,
) -> None:
    """Train a method with one seed, and measure it."""
    folder, adopted = Path(work) / f"{method}-{seed}", Path(work) / f"pretraining-{seed}"
    asked = (folder, method, scale, seed, file, device, adopted)
    made = experiment.train_in_folder(sys.modules[__name__], *asked)
    experiment.store_measured(work, folder.name, [made])


def measure_again(
    file: str | os.PathLike, work: str | os.PathLike, method: str, seed: int
) -> None:
    """Measure what a finished training's weights write, with the judges as they are now."""
    from fusiontools.records import read_record

    folder, data = Path(work) / f"{method}-{seed}", open_data(file)
    record = read_record(folder / "record.json")
    writers = fusiongan.load_weights(path=folder / experiment.WEIGHTS)[0]
    found, tokens = _measured(writers[method], data, seed)
    made = replace(record, metrics=found, samples=tokens)
    experiment.store_measured(work, folder.name, [made])


def measure_baselines(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """The records of all methods that need no training, and of the controls."""
    from fusiontools.errors import MissingDataError
    from fusiontools.papers.fusiongan.evidence import metrics

    data, made = open_data(file), []
    references, judges = metrics.References(data), metrics.shipped_judges(data)
    for name in (*UNTRAINED, *metrics.CONTROLS):
        began = time.monotonic()
        make = metrics.baseline if name in UNTRAINED else metrics.control
        try:
            melodies = make(name, data)
        except MissingDataError as missing:
            print(missing)
            continue
        found = metrics.measure_melodies(melodies, references, judges)
        about = (PAPER, name, scale, data, began, found)
        made.append(experiment.measured_record(*about, config={}))
    experiment.store_measured(work, "baselines", made)


def train_judges(file: str | os.PathLike, work: str | os.PathLike) -> None:
    """The judges of genre, and what they say about themselves."""
    from fusiontools.corpora.registry import credits
    from fusiontools.judges.genre import save_judges
    from fusiontools.papers.fusiongan.evidence.metrics import make_judges

    data = open_data(file)
    judges, path = make_judges(data), Path(work) / f"genre_{data.name}.safetensors"
    save_judges(judges, path, *credits(data.about["corpora"]))
    print(*(judge.about for judge in judges), sep="\n")


def jobs(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str | torch.device
) -> Any:
    """All that there is to do."""
    where, made = (str(file), str(work), scale), []
    for seed in range(3):
        do = partial(pretrain, *where, device, seed)
        made.append(Job(f"pretraining-{seed}", do))
    for method, seed in RUNS:
        do = partial(train_method, *where, device, method, seed)
        made.append(Job(f"{method}-{seed}", do, after=(f"pretraining-{seed}",)))
        again = partial(measure_again, str(file), str(work), method, seed)
        after = (f"{method}-{seed}",)
        made.append(Job(f"again-{method}-{seed}", again, after, asked=True))
    made.append(Job("baselines", partial(measure_baselines, *where)))
    made.append(Job("judges", partial(train_judges, str(file), str(work)), asked=True))
    return made


def collect(data: str, out: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """Write what there is to ship beside the records: the generators of the first seed in
    16 bits, and the curves that the chapter draws.
    """
    from fusiontools.corpora.cache import write_npz
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    writers, drawn = {}, {}
    for method in SHIPPED:
        weights = work / f"{method}-0" / experiment.WEIGHTS
        writers[method] = fusiongan.load_weights(path=weights)[0][method]
    own = settings(METHOD, scale, data.name)
    _save(writers, out / "weights.safetensors", own, data, scale=scale)
    for run in DRAWN:
        history = History(work / run / "history.csv", keep=False)
        drawn |= history_arrays(history, run, COLUMNS)
    write_npz(out / "histories.npz", compress=True, **drawn)


FILES = {"weights.safetensors": "pretrained/fusiongan_{data}.safetensors"}
FILES["histories.npz"] = "results/fusiongan/histories_{data}.npz"
NAMED = "{0.method}-{0.seed}".format  # what tells a record from the others of its data
EXPERIMENT = experiment.Experiment(sys.modules[__name__], jobs, collect, NAMED, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))
