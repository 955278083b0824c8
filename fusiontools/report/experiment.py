"""How the records of a paper are made: train in a folder, measure, collect, ship.

A paper says what is its own in a module ``evidence/experiment.py``, which can be imported
without torch, and is called `paper` here:

- ``PAPER``, its name; ``METHODS``, from each method that can be trained to what it is, one
  of them ``METHOD``; ``MAIN``, from each metric that is told at the end to what it means;
  ``SOURCES``, names of data, one of them ``FIRST``;
- ``make_data(name)``, ``from_folders(folders)``, ``save_data(data, path)``,
  ``open_data(path)``: data with a ``name`` and a ``hash``;
- ``settings(method, scale, data_name)``, ``train(config, data, run, adopted)``,
  ``save(networks, path, method, config, data, **about)``, and for metrics and samples
  ``measure(networks, data, config, seed, say)``.

The command and the experiments of all chapters go this one way; what the command asks for
beyond that, `fusiontools.cli_papers` says. Records of the method "data" describe data.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent import futures
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.files import write_whole
from fusiontools.records import Record, code_version, plain, write_record

__all__ = ["Experiment", "Job", "collected", "data_of", "gather", "main", "measured_record"]
__all__ += [
    "rounded",
    "run_jobs",
    "ship",
    "store",
    "store_measured",
    "theirs",
    "train_in_folder",
]

DATA, WEIGHTS = "data.npz", "weights.safetensors"  # in the folder of a run


def theirs(paper: Any, *names: str) -> list[Callable]:
    """Functions of a paper's package, which is loaded when they are called."""
    return [lambda *given, n=name: getattr(paper, n)(*given) for name in names]


def train_in_folder(
    paper: Any,
    folder: str | os.PathLike,
    method: str,
    scale: str,
    seed: int = 0,
    data: Any = None,
    device: str = "auto",
    adopted: str | os.PathLike | None = None,
    say: Callable[[str], object] = print,
    config: Any = None,
) -> Record:
    """Start a training in a folder, or continue the one that is there; then measure it,
    and write its weights and its record, a `Record`, which is returned.

    Parameters
    ----------
    paper : module
    folder : path-like
        Of the run. It gets a copy of the data, so that it can be continued alone.
    method, scale : str
    seed : int
    data : str, path-like or sequence of path-like, optional
        A name of the paper's ``SOURCES``, a file of encoded data, or folders of music. By
        default what the folder holds; for a new one, the paper's ``FIRST``.
    device : str
        See `fusiontools.training.fabric`.
    adopted : path-like, optional
        The folder of another run, whose finished phases are taken over.
    say : callable
        Takes the lines that tell what is trained on what.
    config : object, optional
        By default what the paper's ``settings`` give.

    Raises
    ------
    FusionError
        If the folder holds another run, if the method, the data or the device is not
        there, or if memory or disk run out. An interrupt saves all before it leaves.
    """
    from fusiontools.training import Run, device_name, fabric

    folder = Path(folder)
    if method not in paper.METHODS:
        do = f"choose one of {', '.join(paper.METHODS)}"
        raise FusionError(f"no method {method!r}", "--method", do)
    # One thread: the networks are small, and two threads wait for each other, a hundred
    # times as long where another program is busy too.
    own = fabric(device, threads=1)
    data = data_of(paper, folder, data, say)
    config = config or paper.settings(method, scale, data.name)
    asked = {"paper": paper.PAPER, "method": method, "scale": scale, "seed": seed}
    asked |= {"config": config, "data": {"name": data.name, "sha256": data.hash}}
    with Run.open(folder, fabric=own, **asked) as run:
        if run.finished:
            return run.record
        if not (folder / DATA).is_file():
            paper.save_data(data, folder / DATA)
        say(f"{method}: {paper.METHODS[method]}.")
        say(f"Data: {data}. Scale {scale}, seed {seed}, on {device_name(own)}.")
        networks = paper.train(config, data, run, adopted)
        about = {"scale": scale, "seed": seed}
        paper.save(networks, folder / WEIGHTS, method, config, data, **about)
        return run.finish(*paper.measure(networks, data, config, seed, say))


def data_of(
    paper: Any,
    folder: str | os.PathLike,
    asked: Any = None,
    say: Callable[[str], object] = print,
) -> Any:
    """The data that is asked for, or that a run's folder holds; see `train_in_folder`.
    What is left out of folders of music is said.
    """
    kept, about = Path(folder) / DATA, Path(folder) / "config.json"
    held = paper.open_data(kept) if kept.is_file() else None
    if held is not None and asked in (None, held.name):
        return held
    if asked is None and about.is_file():
        from fusiontools.training import read_about

        asked = read_about(folder)["data"]["name"]
        if asked not in paper.SOURCES:
            do = "name the file of that data with --data"
            raise CorpusError(f"it holds no copy of its data, {asked!r}", folder, do)
    asked = paper.FIRST if asked is None else asked
    if isinstance(asked, tuple | list):
        from fusiontools.corpora.walking import left_out_told

        with left_out_told(say):
            return paper.from_folders(asked)
    if asked in paper.SOURCES:
        return paper.make_data(asked)
    if not Path(asked).is_file():
        do = f"use {', '.join(paper.SOURCES)}, or a file of encoded data"
        raise CorpusError(f"neither the name of data nor a file: {asked!r}", "--data", do)
    return paper.open_data(asked)


def measured_record(
    paper: str,
    method: str,
    scale: str,
    data: Any,
    began: float,
    metrics: dict,
    config: Any,
    samples: Iterable = (),
    minutes: float | None = None,
) -> Record:
    """The record of what this process has measured without a training. Where it is not
    said how many `minutes` that took: since `began`, as `time.monotonic` told it.
    """
    minutes = (time.monotonic() - began) / 60 if minutes is None else minutes
    about: dict[str, Any] = {"device": "CPU (1 thread)", "version": code_version()}
    about["minutes"] = minutes
    named = {"name": data.name, "sha256": data.hash}
    return Record(paper, method, scale, named, 0, config, metrics, list(samples), **about)


def store(path: str | os.PathLike, records: Iterable[Record]) -> None:
    """Write records into one file, whole or not at all."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write_whole(Path(path), json.dumps(plain([asdict(r) for r in records])).encode())


def store_measured(work: str | os.PathLike, name: str, records: Iterable[Record]) -> None:
    """Write the records of a job into a folder of work, where `gather` finds them."""
    store(Path(work) / "measured" / f"{name}.json", records)


def collected(folder: str | os.PathLike) -> list[Record]:
    """All records that `store` wrote into a folder's files, in the order of their names."""
    return [r for file in sorted(Path(folder).glob("*.json")) for r in _read(file)]


def _read(file):
    return [Record(**r) for r in json.loads(file.read_text(encoding="utf-8"))]


class Job(NamedTuple):
    """A part of an experiment that is done in a process of its own."""

    name: str
    do: Callable  # without arguments; a `functools.partial` of a module's function
    after: tuple = ()  # names of jobs that must be finished first
    asked: bool = False  # done only when it is named


def run_jobs(
    jobs: Iterable[Job],
    work: str | os.PathLike,
    workers: int = 1,
    say: Callable[[str], object] = print,
) -> list[str]:
    """Do jobs, `workers` at a time. What is finished is not done again: the folder `work`
    has a mark of each, and its log. Returns the names of what failed, or waits for such.
    """
    work, began = Path(work), time.monotonic()
    running: dict[futures.Future, str] = {}
    failed: list[str] = []
    broken = False  # a process was killed, and the pool with it
    work.mkdir(parents=True, exist_ok=True)
    waiting = [job for job in jobs if not _mark(work, job.name).is_file()]
    spawn = multiprocessing.get_context("spawn")  # torch and fork do not go together
    with futures.ProcessPoolExecutor(workers, spawn, max_tasks_per_child=1) as pool:
        while (waiting or running) and not broken:
            free = [j for j in waiting if all(_mark(work, n).is_file() for n in j.after)]
            for job in free[: workers - len(running)]:
                waiting.remove(job)
                running[pool.submit(_do, job, work)] = job.name
            if not running:
                break  # what is left waits for something that failed
            for ended in futures.wait(running, return_when="FIRST_COMPLETED").done:
                name, error = running.pop(ended), ended.exception()
                failed += [name] if error else []
                broken |= isinstance(error, futures.BrokenExecutor)
                told = f"FAILED ({error}), see {work / name}.log" if error else "finished"
                say(f"{time.monotonic() - began:7.0f} s  {name} {told}")
    for job in waiting:
        lacks = [name for name in job.after if not _mark(work, name).is_file()]
        say(f"{job.name} waits for {', '.join(lacks) or 'another try'}")
    return failed + [*running.values()] + [job.name for job in waiting]


def _mark(work, name):
    return work / f"{name}.done"


def _do(job, work):
    """One job, in a process of its own: what it says goes into its log."""
    with (
        open(work / f"{job.name}.log", "a", encoding="utf-8") as log,
        contextlib.redirect_stdout(log),
        contextlib.redirect_stderr(log),
    ):
        try:
            job.do()
        except BaseException:
            traceback.print_exc()
            raise
    write_whole(_mark(work, job.name), b"")


class Experiment(NamedTuple):
    """All that a chapter's records are made by."""

    paper: Any  # the module, see the top of this file
    jobs: Callable  # of the data's file, the folder of work, scale, device: a list of Job
    collect: Callable  # of the data, out, work, scale: writes the files to ship
    record_name: Callable  # what tells a record from the others of its data
    files: dict  # from each file of `out` to its place in the package; {data} is a name


def gather(
    experiment: Experiment,
    file: str | os.PathLike,
    out: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
) -> None:
    """Write all that is to be shipped into `out`: the records, and the experiment's files.

    Raises
    ------
    RecordError
        If a record is of other data, unless it is of the method "data", or scale.
    """
    data, out, work = experiment.paper.open_data(file), Path(out), Path(work)
    records = collected(work / "measured")
    for record in records:
        of = record.data["sha256"] if record.method != "data" else data.hash
        if (of, record.scale) != (data.hash, scale):
            do = "delete what was measured on it, or put it somewhere else"
            raise RecordError(f"a record of other data or scale: {record.method}", work, do)
    store(out / "records.json", records)
    experiment.collect(data, out, work, scale)


def ship(
    experiment: Experiment, out: str | os.PathLike, package: str | os.PathLike | None = None
) -> list[Path]:
    """Put what was collected into the package: one record a file, weights, arrays.

    What an earlier experiment with the same data left there is replaced. Returns the paths
    of all that was written.
    """
    out, package = Path(out), Path(package or Path(__file__).resolve().parents[1])
    results = package / "results" / experiment.paper.PAPER
    results.mkdir(parents=True, exist_ok=True)
    records = _read(out / "records.json")
    files = {name: (out / name).read_bytes() for name in experiment.files}
    here = {r.data["name"] for r in records}
    for old in results.glob("*.json"):
        told = json.loads(old.read_text(encoding="utf-8"))
        if told["data"]["name"] in here:
            old.unlink()
    name_of = experiment.record_name
    written = [results / f"{r.data['name']}-{name_of(r)}.json" for r in records]
    for record, path in zip(records, written):
        write_record(replace(record, metrics=rounded(record.metrics)), path)
    data = next(r.data["name"] for r in records if r.method != "data")
    for file, place in experiment.files.items():
        path = package / place.format(data=data)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, files[file])
        written.append(path)
    return written


def rounded(metrics: dict) -> dict:
    """Metrics to eight digits: what lies beyond takes room, and says nothing.

    Examples
    --------
    >>> rounded({"ratio": {"value": 1 / 3, "low": 0.25, "high": 2}, "songs": 12})
    {'ratio': {'value': 0.33333333, 'low': 0.25, 'high': 2}, 'songs': 12}
    """

    def short(x):
        if isinstance(x, dict):
            return {name: short(number) for name, number in x.items()}
        return float(f"{x:.8g}") if isinstance(x, float) else x

    return short(metrics)


def main(experiment: Experiment, arguments: list[str] | None = None) -> int:
    """The command of an experiment. Returns 0, or 1 where something is not finished."""
    paper = experiment.paper
    parser = argparse.ArgumentParser(prog=f"python -m {paper.__spec__.name}")
    parser.description = f"Everything that the chapter on {paper.PAPER} shows."
    parser.add_argument("--out", required=True, help="the folder of what is made")
    parser.add_argument("--data", help=f"{', '.join(paper.SOURCES)}, or a file")
    parser.add_argument("--work", help="the folder of runs; by default OUT/runs")
    parser.add_argument("--scale", default="shipped")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--only", nargs="+", metavar="JOB", help="these jobs alone")
    parser.add_argument("--ship", action="store_true", help="put OUT into the package")
    asked = parser.parse_args(arguments)
    out, work = Path(asked.out), Path(asked.work or Path(asked.out) / "runs")
    if asked.ship:
        print(*ship(experiment, out), sep="\n")
        return 0
    file = Path(asked.data or paper.FIRST)
    if asked.data in (None, *paper.SOURCES):
        file = out / f"{asked.data or paper.FIRST}.npz"
        if not file.is_file():
            out.mkdir(parents=True, exist_ok=True)
            paper.save_data(paper.make_data(file.stem), file)
    jobs = experiment.jobs(file, work, asked.scale, asked.device)
    named = set(asked.only or [job.name for job in jobs if not job.asked])
    there = [job.name for job in jobs]
    if unknown := named.difference(there):
        parser.error(f"no job {', '.join(unknown)}; there are {', '.join(there)}")
    left = run_jobs([job for job in jobs if job.name in named], work, asked.workers)
    if not left and not asked.only:
        gather(experiment, file, out, work, asked.scale)
    return 1 if left else 0
