"""All methods of the FusionGAN chapter, trained and measured for one pair, in one command::

    python -m fusiontools.papers.fusiongan.evidence.experiment --data essen_ryan --out DIR --scale shipped

Each training is a process of its own, several at a time, because small networks leave a GPU
waiting. What is finished is kept in ``--work``, so the same command goes on where it was
stopped; what there is to take home is written to ``--out`` after each training: a few small
files::

    melodies.npz        for each method and seed 500 melodies, (500, 36) tokens
    records.json        one record for each method and seed
    histories.npz       the columns of each history
    weights.safetensors the generators of the first seed, in 16 bits

With ``--ship`` these become what comes with the package: records, weights, and the
histories that the chapter draws.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from fusiontools.corpora.cache import write_npz
from fusiontools.errors import RecordError
from fusiontools.papers.fusiongan.config import TRAINED, UNTRAINED, Config, method
from fusiontools.papers.fusiongan.data import PAIRS, open_pair, pair, save_pair
from fusiontools.records import Record, code_version, plain, write_record, write_whole

__all__ = ["collect", "main", "run_all", "run_one", "ship"]

MODULE = "fusiontools.papers.fusiongan.evidence.experiment"
PRETRAINING = "pretraining"  # what most methods begin with; trained once a seed
SHIPPED = (
    "mle",
    "gan",
    "rl",
    "fusion",
    "fusion_as_printed",
    "fusion_ours",
)  # whose generators go into the file of weights
DRAWN = (
    "pretraining-0",
    "fusion-0",
    "fusion-1",
    "fusion-2",
    "fusion_ours-0",
)  # histories that a page draws or computes with
KEPT = 16  # melodies that stay in a record, as rows of tokens
SEEDS = {"mle": 3, "fusion": 3, "fusion_ours": 3}  # the others: one


def _folder(work, name, seed):
    return Path(work) / f"{name}-{seed}"


def _config(name, scale, pair=None):
    config = getattr(Config, scale)()
    if name == PRETRAINING:
        return replace(config, phases=("mle", "critics", "game"))
    return method(name, config, pair)


def run_one(data_file, work, scale, name, seed, device="auto", threads=1):
    """Train one method with one seed, or go on with it; sample from it, measure it, and
    write its record.

    Returns
    -------
    Record or None
        None for the shared pre-training.
    """
    import torch

    from fusiontools.papers.fusiongan.algorithm import train
    from fusiontools.papers.fusiongan.evidence.judging import shipped_judge
    from fusiontools.papers.fusiongan.evidence.metrics import MELODIES, References, metrics
    from fusiontools.papers.fusiongan.sampling import sample_tokens, to_notes
    from fusiontools.training import Run, fabric

    torch.set_num_threads(threads)
    pair = open_pair(data_file)
    config = _config(name, scale, pair.name)
    own = fabric(device, threads=threads)
    asked = dict(
        paper="fusiongan",
        method=name,
        scale=scale,
        seed=seed,
        config=config,
        data={"name": pair.name, "sha256": pair.hash},
    )
    with Run.open(_folder(work, name, seed), fabric=own, **asked) as run:
        if run.finished:
            return run.record
        networks = train(
            config,
            pair,
            run,
            adopted=None if name == PRETRAINING else _folder(work, PRETRAINING, seed),
        )
        if name == PRETRAINING:
            write_whole(run.folder / "done", b"")
            return None
        tokens = sample_tokens([networks.g[n] for n in config.voices], MELODIES, seed)
        np.save(run.folder / "melodies.npy", tokens.astype(np.int16))
        torch.save(
            {
                n: {k: t.cpu() for k, t in networks.g[n].state_dict().items()}
                for n in config.voices
            },
            run.folder / "generators.pt",
        )
        found = metrics(
            to_notes(tokens, pair.vocabulary), References(pair), shipped_judge(pair)
        )
        return run.finish(found, samples=tokens[:KEPT].tolist())


def _finished(work, name, seed):
    return (
        _folder(work, name, seed) / ("done" if name == PRETRAINING else "record.json")
    ).is_file()


def run_all(
    data_file,
    out,
    work=None,
    scale="shipped",
    methods=None,
    seeds=None,
    workers=1,
    device="auto",
    seconds=None,
):
    """Train and measure every method for one pair.

    Parameters
    ----------
    data_file : path-like
        A pair, as `save_pair` wrote it.
    out : path-like
        The folder of what there is to take home; written again after every training.
    work : path-like, optional
        The folder of runs; by default ``out/runs``.
    scale : str
    methods : sequence of str, optional
        By default all.
    seeds : int, optional
        Seeds of each method; by default three of `SEEDS`' methods and one of the others.
    workers : int
        Trainings at a time.
    device : str
    seconds : float, optional
        Stop everything after so long. What was under way goes on with the next call.

    Returns
    -------
    list of (method, seed)
        What is not finished.
    """
    out, work, began = Path(out), Path(work or Path(out) / "runs"), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    methods = list(methods or TRAINED + UNTRAINED)
    jobs = [
        (name, seed)
        for name in methods
        if name in TRAINED
        for seed in range(seeds or SEEDS.get(name, 1))
    ]
    first = [(PRETRAINING, seed) for seed in sorted({seed for _, seed in jobs})]
    rank = {"fusion": 0, "fusion_ours": 0, "fusion_as_printed": 1}  # the long ones first
    waiting = first + sorted(jobs, key=lambda job: (rank.get(job[0], 2), job[1]))
    waiting, running, failed = [job for job in waiting if not _finished(work, *job)], {}, []
    collect(data_file, out, work, scale, methods)
    while waiting or running:
        for job in [job for job in waiting if _ready(work, job)][
            : max(workers - len(running), 0)
        ]:
            waiting.remove(job)
            running[job] = _start(data_file, work, scale, *job, device)
            _say(began, f"{job[0]} {job[1]} started")
        for job, process in list(running.items()):
            if process.poll() is not None:
                del running[job]
                _say(
                    began,
                    f"{job[0]} {job[1]} "
                    + (
                        "finished"
                        if process.returncode == 0
                        else f"FAILED, see {_log(work, *job)}"
                    ),
                )
                if process.returncode:
                    failed.append(job)
                    print(_log(work, *job).read_text(errors="replace")[-1500:], flush=True)
                elif job[0] != PRETRAINING:
                    collect(data_file, out, work, scale, methods)
        waiting = [job for job in waiting if (PRETRAINING, job[1]) not in failed]
        if seconds is not None and time.monotonic() - began > seconds:
            for process in running.values():
                process.terminate()  # answered between two steps: the state is saved
            for process in running.values():
                process.wait()
            break
        time.sleep(0.5)
    collect(data_file, out, work, scale, methods)
    left = [job for job in jobs if not _finished(work, *job)]
    _say(began, f"not finished: {left}" if left else "all finished")
    return left


def _ready(work, job):
    return job[0] == PRETRAINING or _finished(work, PRETRAINING, job[1])


def _log(work, name, seed):
    return Path(work) / f"{name}-{seed}.log"


def _start(data_file, work, scale, name, seed, device):
    command = [sys.executable, "-m", MODULE, "--one", name, str(seed)]
    command += [
        "--data",
        str(data_file),
        "--work",
        str(work),
        "--scale",
        scale,
        "--device",
        device,
    ]
    with open(_log(work, name, seed), "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def _say(began, what):
    print(f"{time.monotonic() - began:7.0f} s  {what}", flush=True)


def collect(data_file, out, work, scale, methods=TRAINED + UNTRAINED):
    """Write what is finished into a few small files, see the top of this module."""
    import torch

    from fusiontools.papers.fusiongan.evidence.judging import shipped_judge
    from fusiontools.papers.fusiongan.evidence.metrics import References, baseline, metrics
    from fusiontools.papers.fusiongan.networks import Generator
    from fusiontools.papers.fusiongan.sampling import save_generators

    pair, out = open_pair(data_file), Path(out)
    melodies, records, histories, generators = {}, [], {}, {}
    for folder in sorted(Path(work).glob("*-[0-9]*")):
        name, _, seed = folder.name.rpartition("-")
        if name in TRAINED and _finished(work, name, seed):
            record, config = (
                json.loads((folder / "record.json").read_text(encoding="utf-8")),
                _config(name, scale, pair.name),
            )
            if record["data"]["sha256"] != pair.hash or record["config"] != plain(
                asdict(config)
            ):
                raise RecordError(
                    "a finished run of other data or settings",
                    folder,
                    "delete it, or put it somewhere else",
                )
            melodies[folder.name] = np.load(folder / "melodies.npy")
            records.append(record)
            if seed == "0" and name in SHIPPED:
                states = torch.load(folder / "generators.pt", weights_only=True)
                generators[name] = [
                    Generator(pair.vocabulary.size, config.embedding, config.hidden)
                    for _ in states
                ]
                for g, state in zip(generators[name], states.values()):
                    g.load_state_dict(state)
        if folder.is_dir() and (folder / "history.csv").is_file():
            histories[folder.name] = np.frombuffer(
                (folder / "history.csv").read_bytes(), dtype=np.uint8
            )
    kept = Path(work) / f"baselines-{pair.hash[:8]}.json"
    untrained = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else {}
    wanted = [name for name in methods if name in UNTRAINED and name not in untrained]
    references, judge = (References(pair), shipped_judge(pair)) if wanted else (None, None)
    for name in wanted:
        began = time.monotonic()
        found = metrics(baseline(name, pair), references, judge)
        about = dict(
            config={},
            samples=[],
            minutes=(time.monotonic() - began) / 60,
            device="CPU",
            version=code_version(),
        )
        data = {"name": pair.name, "sha256": pair.hash}
        untrained[name] = asdict(
            Record("fusiongan", name, scale, data, 0, metrics=found, **about)
        )
    write_whole(kept, json.dumps(untrained).encode())
    records += [untrained[name] for name in methods if name in untrained]
    write_whole(out / "records.json", json.dumps(plain(records), indent=1).encode())
    for file, arrays in (("melodies.npz", melodies), ("histories.npz", histories)):
        if arrays:
            np.savez_compressed(out / file, **arrays)
    if generators:
        corpora = [c["name"] for c in pair.about["corpora"]]
        terms = "; ".join(f"{c['name']}: {c['licence']}" for c in pair.about["corpora"])
        about = dict(corpora=corpora, terms=terms, pair=pair.name, scale=scale)
        save_generators(
            generators,
            out / "weights.safetensors",
            _config("fusion", scale),
            pair.vocabulary,
            **about,
        )


def ship(out, package=None):
    """Put what `collect` wrote into the package: one record a file, the weights, and the
    histories of `DRAWN`.

    What an earlier training of the same pair left there is replaced.

    Parameters
    ----------
    out : path-like
    package : path-like, optional
        By default this package's own folder.

    Returns
    -------
    list of pathlib.Path
    """
    package = Path(package or Path(__file__).resolve().parents[3])
    results, pretrained = package / "results" / "fusiongan", package / "pretrained"
    results.mkdir(parents=True, exist_ok=True)
    pretrained.mkdir(parents=True, exist_ok=True)
    records = [
        Record(**r)
        for r in json.loads((Path(out) / "records.json").read_text(encoding="utf-8"))
    ]
    (name,) = {r.data["name"] for r in records}
    for old in results.glob(f"{name}-*.json"):
        old.unlink()
    written = [results / f"{name}-{r.method}-{r.seed}.json" for r in records]
    for record, path in zip(records, written):
        write_record(record, path)
    weights = pretrained / f"fusiongan_{name}.safetensors"
    write_whole(weights, (Path(out) / "weights.safetensors").read_bytes())
    with np.load(Path(out) / "histories.npz") as stored:
        drawn = {run: stored[run] for run in stored.files if run in DRAWN}
    write_npz(results / f"histories_{name}.npz", compress=True, **drawn)
    return [*written, weights, results / f"histories_{name}.npz"]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog=f"python -m {MODULE}", description="All methods of FusionGAN for one pair."
    )
    parser.add_argument(
        "--data", help=f"{', '.join(PAIRS)}, or a file that save_pair wrote"
    )
    parser.add_argument("--out", help="what there is to take home")
    parser.add_argument("--work", help="the runs; by default OUT/runs")
    parser.add_argument("--scale", default="shipped")
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=(*TRAINED, *UNTRAINED),
        metavar="METHOD",
        help="by default all",
    )
    parser.add_argument(
        "--seeds",
        type=int,
        help="seeds of each method; by default three of the main ones and one of the others",
    )
    parser.add_argument("--workers", type=int, default=1, help="trainings at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seconds", type=float, help="stop after so long")
    parser.add_argument(
        "--ship",
        action="store_true",
        help="put what --out holds into the package, and train nothing",
    )
    parser.add_argument(
        "--one",
        nargs=2,
        metavar=("METHOD", "SEED"),
        help="train just this, in this process",
    )
    asked = parser.parse_args(arguments)
    if asked.one:
        run_one(
            asked.data,
            asked.work,
            asked.scale,
            asked.one[0],
            int(asked.one[1]),
            asked.device,
        )
        return 0
    if not asked.out:
        parser.error("--out is needed")
    if asked.ship:
        print(*ship(asked.out), sep="\n")
        return 0
    if not asked.data:
        parser.error("--data is needed")
    if asked.data in PAIRS:
        file = Path(asked.out) / f"{asked.data}.npz"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            save_pair(pair(asked.data), file)
        asked.data = file
    left = run_all(
        asked.data,
        asked.out,
        asked.work,
        asked.scale,
        asked.methods,
        asked.seeds,
        asked.workers,
        asked.device,
        asked.seconds,
    )
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
