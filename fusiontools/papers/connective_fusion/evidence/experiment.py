"""Everything that the Connective Fusion chapter shows, trained and measured in one
command::

    python -m fusiontools.papers.connective_fusion.evidence.experiment --data fiddle_pop909 --out DIR --workers 2

Each training is a process of its own. All trainings of a seed share one VAE, which is
trained first. Then the models and the baselines are measured, each on the same pairs. What
is finished is kept in ``--work``, so the same command goes on where it was stopped.
``--out`` gets::

    weights.safetensors  the VAE, and one generator for each lambda, in 16 bits
    records.json         one record for each method, setting and kind of input
    measured.npz         the counts that Figures 5 and 6 are drawn from, and the learning curves of the judges
    histories.npz        columns of each training's history

With ``--ship`` these become what comes with the package. The judges are made by
``--judges``, before anything is measured.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fusiontools.corpora.cache import write_npz
from fusiontools.papers.connective_fusion.config import LAMBDAS, Config, method
from fusiontools.papers.connective_fusion.data import (
    PARTS,
    SOURCES,
    open_windows,
    save_windows,
    windows,
)
from fusiontools.papers.connective_fusion.evidence.judging import credits_of, make_judges
from fusiontools.records import Record, code_version, plain, write_record, write_whole

__all__ = [
    "JOBS",
    "SIGMAS",
    "collect",
    "main",
    "measure_one",
    "run_all",
    "run_one",
    "ship",
    "train_run",
]

MODULE = "fusiontools.papers.connective_fusion.evidence.experiment"
PAPER = "connective_fusion"
# What is trained: (method, lambda, seed). The VAE comes first, since the others take it
# over.
MAIN = 0.3
JOBS = [("vae", None, 0), *(("ours", weight, 0) for weight in LAMBDAS)]
JOBS += [job for seed in (1, 2) for job in (("vae", None, seed), ("ours", MAIN, seed))]
JOBS += [
    (name, MAIN, 0) for name in ("styled", "as_printed", "gradient_penalty", "balanced")
] + [("vae_lstm", None, 0)]
SIGMAS = (
    0.01,
    0.03,
    0.06,
    0.1,
    0.13,
    0.16,
    0.2,
)  # of Latent Perturb; the paper's range, section 3.5
STEPS = 100  # its evaluations
ITERATIONS = 8
REPORTED = (1, 2, 3, 4, 6, 8)
KEPT = 8  # melodies that stay in a record, of those that are made from the prior
COLUMNS = (
    "held_out_token_accuracy",
    "held_out_onset_pitch_accuracy",
    "reconstruction",
    "kl",
    "distance",
    "distance_prior",
)
COLUMNS += ("fooled", "believes_real", "loss_d", "loss_g")
WEIGHTS = "weights.safetensors"
CURVES = {"vae": "vae-parallel", "vae_lstm": "vae-lstm"}  # what their histories are called


def label(name, weight, seed):
    """The folder of a training.

    Examples
    --------
    >>> label("ours", 0.3, 0), label("vae", None, 0)
    ('ours-0.3-0', 'vae-0')
    """
    return f"{name}-{seed}" if weight is None else f"{name}-{weight:g}-{seed}"


def train_run(data, work, scale, name, weight, seed, device="auto", threads=1):
    """Train one model, or go on with it, or load what it has become.

    Returns
    -------
    networks : Networks
    run : Run
        Closed; its history can be read.
    """
    import torch

    from fusiontools.papers.connective_fusion.phases import train
    from fusiontools.training import Run, fabric

    torch.set_num_threads(threads)
    asked = {
        "paper": PAPER,
        "method": name,
        "scale": scale,
        "seed": seed,
        "config": method(name, getattr(Config, scale)(), weight),
    }
    folder = Path(work) / label(name, weight, seed)
    with Run.open(
        folder,
        data={"name": data.name, "sha256": data.hash},
        fabric=fabric(device, threads=threads),
        **asked,
    ) as run:
        networks = train(
            asked["config"],
            data,
            run,
            adopted=None
            if name.startswith("vae")
            else Path(work) / label("vae", None, seed),
        )
    return networks, run


def run_one(data_file, work, scale, name, weight, seed, device="auto"):
    """`train_run`, and then what the model is measured by: the VAE's accuracies, or pairs
    fused again and again.
    """
    from fusiontools.papers.connective_fusion.evidence import metrics as measuring
    from fusiontools.papers.connective_fusion.fusing import save_networks
    from fusiontools.training import device_name, load_checkpoint

    data = open_windows(data_file)
    networks, run = train_run(data, work, scale, name, weight, seed, device)
    # the shared VAE counts once, in its own record
    shared = (
        load_checkpoint(run.checkpoint_path("vae"))["minutes"]
        if "fusion" in networks.config.phases
        else 0.0
    )
    minutes = run.minutes - shared
    if (
        "fusion" in networks.config.phases
    ):  # what is measured beside this model opens it from here, several at a time
        save_networks(
            networks, run.folder / WEIGHTS, *credits_of(data), method=name, half=False
        )
    write_whole(run.folder / "trained", b"")
    done = Path(work) / "measured" / f"{label(name, weight, seed)}.json"
    if done.is_file():
        return
    base = {
        "paper": PAPER,
        "method": name,
        "scale": scale,
        "data": {"name": data.name, "sha256": data.hash},
        "seed": seed,
    }
    base |= {"device": device_name(run.fabric), "version": code_version()}
    config = asdict(networks.config)
    if "fusion" not in networks.config.phases:
        found = measuring.measure_vae(networks, data)
        records = [
            Record(
                **base | {"method": "vae"},
                config=config,
                metrics=found,
                samples=[],
                minutes=minutes,
            )
        ]
    else:
        references = measuring.References(data, measuring.shipped_judges())
        whole = name == "ours" and seed == 0
        records, most = [], ITERATIONS if whole else 1
        for kind in measuring.INPUTS if whole else ("test",):
            pairs = measuring.inputs(networks, data, kind)
            for i, (tokens, distance) in enumerate(
                measuring.moved(networks, pairs, most, seed), start=1
            ):
                if i not in REPORTED:
                    continue
                found = measuring.metrics(tokens, references, distance) | measuring.variety(
                    networks, pairs, i
                )
                more = {"inputs": kind, "iterations": i}
                own = base | {"method": "iterated"} if i > 1 else base
                records.append(
                    Record(
                        **own,
                        config=config | more,
                        metrics=found,
                        samples=_kept(tokens, kind),
                        minutes=minutes,
                    )
                )
    _store(done, records)


def _kept(tokens, kind):
    """The melodies that a record shows. What is made of test songs may hold four bars of
    one as they are, and not every song is free.
    """
    return tokens[:KEPT].tolist() if kind == "prior" else []


def _store(path, records):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(plain([asdict(record) for record in records])).encode())


def measure_one(data_file, work, scale, what):
    """Measure what learns nothing: ``"baselines"``, or ``"latent_perturb-SIGMA-INPUTS"``."""
    from fusiontools.judges.reality import load_judge
    from fusiontools.papers.connective_fusion.evidence import metrics as measuring
    from fusiontools.papers.connective_fusion.fusing import SHIPPED, load_weights
    from fusiontools.papers.connective_fusion.perturb import latent_perturb

    done = Path(work) / "measured" / f"{what}.json"
    if done.is_file():
        return
    data = open_windows(data_file)
    networks, _ = load_weights(path=Path(work) / label("ours", MAIN, 0) / WEIGHTS)
    references = measuring.References(data, measuring.shipped_judges())
    base = {
        "paper": PAPER,
        "scale": scale,
        "data": {"name": data.name, "sha256": data.hash},
        "seed": 0,
        "device": "CPU (1 thread)",
        "version": code_version(),
    }
    if what == "baselines":
        records = []
        for kind in measuring.INPUTS:
            pairs = measuring.inputs(networks, data, kind)
            ((_, distance),) = measuring.moved(networks, pairs)
            for name in measuring.BASELINES:
                if name == "real" and kind == "prior":
                    continue
                began = time.monotonic()
                tokens = measuring.baseline(name, networks, data, pairs, distance)
                # steps in latent space are as long as they are; what was made of tokens has
                # to be encoded first
                far = (
                    None
                    if name == "real"
                    else distance
                    if name == "noise"
                    else measuring.token_distance(networks, tokens, pairs)
                )
                found = measuring.metrics(tokens, references, far)
                about = {
                    "config": {"inputs": kind},
                    "samples": _kept(tokens, kind),
                    "minutes": (time.monotonic() - began) / 60,
                }
                records.append(Record(**base, method=name, metrics=found, **about))
    else:
        _, sigma, kind = what.split("-")
        pairs, began = measuring.inputs(networks, data, kind), time.monotonic()
        # train-1: the judge that leads the search must not be the one that marks it,
        # section 3.5
        found = latent_perturb(
            networks.vae, pairs.z, load_judge(SHIPPED, part="train-1"), float(sigma), STEPS
        )
        minutes = (time.monotonic() - began) / 60
        far = measuring.distances(networks, found.z, pairs.z)
        config = {"sigma": float(sigma), "steps": STEPS, "inputs": kind}
        about = {"config": config, "samples": _kept(found.tokens, kind), "minutes": minutes}
        records = [
            Record(
                **base,
                method="latent_perturb",
                metrics=measuring.metrics(found.tokens, references, far),
                **about,
            )
        ]
    _store(done, records)


def count(data, work, scale="shipped"):
    """Count the windows of a data set, as they are and in all keys, section 3.1, into a
    record of the method "data".
    """
    began = time.monotonic()
    found = {
        "windows": sum(len(data.tokens(part)) for part in PARTS),
        "windows_all_keys": sum(data.keys(part) for part in PARTS),
    }
    found["songs"] = sum(len(np.unique(data.songs(part))) for part in PARTS)
    named = {"name": data.name, "sha256": data.hash}
    about = {
        "device": "CPU (1 thread)",
        "version": code_version(),
        "minutes": (time.monotonic() - began) / 60,
    }
    corpora = credits_of(data)[0]
    record = Record(
        PAPER,
        "data",
        scale,
        named,
        0,
        config={"corpora": corpora},
        metrics=found,
        samples=[],
        **about,
    )
    _store(Path(work) / "measured" / f"data-{data.name}.json", [record])


WHAT = [
    "baselines",
    *(f"latent_perturb-{sigma:g}-{kind}" for kind in ("test", "prior") for sigma in SIGMAS),
]


def run_all(data_file, out, work=None, scale="shipped", workers=1, device="auto"):
    """Train and measure everything that is not finished; then `collect`.

    Parameters
    ----------
    data_file : path-like
        Windows, as `save_windows` wrote them.
    out : path-like
    work : path-like, optional
        The folder of runs; by default ``out/runs``.
    scale : str
    workers : int
        Processes at a time.
    device : str

    Returns
    -------
    list
        What failed; the log of each stands beside its run.
    """
    out, work, began = Path(out), Path(work or Path(out) / "runs"), time.monotonic()
    (work / "measured").mkdir(parents=True, exist_ok=True)
    waiting = [
        job for job in JOBS if not (work / "measured" / f"{label(*job)}.json").is_file()
    ]
    waiting += [what for what in WHAT if not (work / "measured" / f"{what}.json").is_file()]
    running, failed = {}, []
    while waiting or running:
        free = [job for job in waiting if _ready(work, job)][: workers - len(running)]
        for job in free:
            waiting.remove(job)
            running[job] = _start(data_file, work, scale, job, device)
            print(f"{time.monotonic() - began:7.0f} s  {_name(job)} started", flush=True)
        for job, process in list(running.items()):
            if process.poll() is not None:
                del running[job]
                failed += [job] if process.returncode else []
                told = (
                    f"FAILED, see {work / _name(job)}.log"
                    if process.returncode
                    else "finished"
                )
                print(f"{time.monotonic() - began:7.0f} s  {_name(job)} {told}", flush=True)
        if not running and not free:
            failed += waiting
            break  # what is left waits for something that failed
        time.sleep(0.5)
    if not failed:
        collect(data_file, out, work, scale)
    return failed


def _name(job):
    return job if isinstance(job, str) else label(*job)


def _ready(work, job):
    """The VAE comes before what takes it over, and the model that is measured beside the
    baselines before them.
    """
    if isinstance(job, str):
        return (work / label("ours", MAIN, 0) / WEIGHTS).is_file()
    return (
        job[0].startswith("vae")
        or (work / label("vae", None, job[2]) / "trained").is_file()
    )


def _start(data_file, work, scale, job, device):
    one = (
        ["--measure", job]
        if isinstance(job, str)
        else ["--train", job[0], "-" if job[1] is None else str(job[1]), str(job[2])]
    )
    command = [
        sys.executable,
        "-m",
        MODULE,
        *one,
        "--data",
        str(data_file),
        "--work",
        str(work),
        "--scale",
        scale,
        "--device",
        device,
    ]
    with open(work / f"{_name(job)}.log", "ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def collect(data_file, out, work, scale="shipped"):
    """Write what is finished into the few files that are named at the top of this module."""
    from fusiontools.papers.connective_fusion.evidence import metrics as measuring
    from fusiontools.papers.connective_fusion.fusing import save_networks
    from fusiontools.training.history import History

    data, out, work = open_windows(data_file), Path(out), Path(work)
    out.mkdir(parents=True, exist_ok=True)
    records = [
        r
        for file in sorted((work / "measured").glob("*.json"))
        for r in json.loads(file.read_text(encoding="utf-8"))
    ]
    if wrong := [
        r["method"]
        for r in records
        if r["data"]["sha256"] != data.hash and r["method"] != "data"
    ]:
        raise ValueError(f"records of other data: {', '.join(wrong)}")
    write_whole(out / "records.json", json.dumps(records, indent=1).encode())
    kinds = [("ours", weight) for weight in LAMBDAS] + [("styled", MAIN)]
    trained = [train_run(data, work, scale, name, weight, 0)[0] for name, weight in kinds]
    save_networks(
        trained,
        out / WEIGHTS,
        *credits_of(data),
        [name for name, _ in kinds],
        data=data.name,
        scale=scale,
    )
    write_npz(
        out / "measured.npz",
        compress=True,
        **measuring.figures(trained[LAMBDAS.index(MAIN)], data),
    )
    columns = {}
    for job in (job for job in JOBS if job[2] == 0):
        history = History(work / label(*job) / "history.csv", keep=False)
        for name in COLUMNS:
            if name in history.columns:
                step, value = history.column(name)
                columns[f"{CURVES.get(job[0], label(*job)[:-2])}/{name}"] = np.stack(
                    [step, value]
                ).astype(np.float32)
    write_npz(out / "histories.npz", compress=True, **columns)


def ship(out, package=None):
    """Put what `collect` wrote into the package: one record a file, the weights, the counts
    and the histories.

    What an earlier experiment with the same data left there is replaced.

    Returns
    -------
    list of pathlib.Path
    """
    package, out = Path(package or Path(__file__).resolve().parents[3]), Path(out)
    results, pretrained = package / "results" / PAPER, package / "pretrained"
    results.mkdir(parents=True, exist_ok=True)
    pretrained.mkdir(parents=True, exist_ok=True)
    records = [
        Record(**r) for r in json.loads((out / "records.json").read_text(encoding="utf-8"))
    ]
    (name,) = {r.data["name"] for r in records if r.method != "data"}
    for shipped in {r.data["name"] for r in records}:
        for old in results.glob(f"{shipped}-*.json"):
            old.unlink()
    written = [results / f"{r.data['name']}-{record_name(r)}.json" for r in records]
    for record, path in zip(records, written):
        write_record(record, path)
    pairs = [("weights.safetensors", pretrained / f"{PAPER}_{name}.safetensors")]
    pairs += [(file, results / file) for file in ("measured.npz", "histories.npz")]
    for file, path in pairs:
        write_whole(path, (out / file).read_bytes())
    return [*written, *(path for _, path in pairs)]


def record_name(record):
    """What tells a record from the others: method and settings.

    Examples
    --------
    >>> about = dict(metrics={}, samples=[], minutes=0, device="CPU", version="0")
    >>> data = {"name": "toy", "sha256": 64 * "0"}
    >>> record_name(
    ...     Record(
    ...         "connective_fusion",
    ...         "iterated",
    ...         "smoke",
    ...         data,
    ...         0,
    ...         {"similarity": 2.0, "iterations": 3, "inputs": "test"},
    ...         **about,
    ...     )
    ... )
    'iterated-2-3-test'
    """
    c, parts = record.config, [record.method]
    if record.method in ("ours", "iterated"):
        parts.append(f"{c['similarity']:g}")
    if record.method == "iterated":
        parts.append(str(c["iterations"]))
    parts += [c["decoder"]] if record.method == "vae" else []
    parts += [
        f"{c[key]:g}" if key == "sigma" else c[key]
        for key in ("sigma", "kind", "part", "inputs")
        if key in c
    ]
    return "-".join(parts + [str(record.seed)] * (record.seed > 0))


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog=f"python -m {MODULE}",
        description="Everything that the Connective Fusion chapter shows.",
    )
    parser.add_argument(
        "--data", help=f"{', '.join(SOURCES)}, or a file that save_windows wrote"
    )
    parser.add_argument("--out", help="what there is to take home")
    parser.add_argument("--work", help="the runs; by default OUT/runs")
    parser.add_argument("--scale", default="shipped")
    parser.add_argument("--workers", type=int, default=1, help="processes at a time")
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--judges",
        metavar="DIR",
        help="train the judges of reality into this folder, and nothing else",
    )
    parser.add_argument(
        "--count", action="store_true", help="count the windows of --data, and nothing else"
    )
    parser.add_argument(
        "--ship",
        action="store_true",
        help="put what --out holds into the package, and train nothing",
    )
    parser.add_argument(
        "--train",
        nargs=3,
        metavar=("METHOD", "LAMBDA", "SEED"),
        help="just this, in this process",
    )
    parser.add_argument(
        "--measure", metavar="WHAT", help=f"just this, in this process: {', '.join(WHAT)}"
    )
    asked = parser.parse_args(arguments)
    work = (
        Path(asked.work) if asked.work else Path(asked.out) / "runs" if asked.out else None
    )
    if asked.train:
        name, weight, seed = asked.train
        run_one(
            asked.data,
            work,
            asked.scale,
            name,
            None if weight == "-" else float(weight),
            int(seed),
            asked.device,
        )
        return 0
    if asked.measure:
        measure_one(asked.data, work, asked.scale, asked.measure)
        return 0
    if not asked.out:
        parser.error("--out is needed")
    if asked.ship:
        print(*ship(asked.out), sep="\n")
        return 0
    if not asked.data:
        parser.error("--data is needed")
    if asked.data in SOURCES:
        file = Path(asked.out) / f"{asked.data}.npz"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            save_windows(windows(asked.data), file)
        asked.data = file
    if asked.count:
        count(open_windows(asked.data), work, asked.scale)
        return 0
    if asked.judges:
        Path(asked.judges).mkdir(parents=True, exist_ok=True)
        _store(
            work / "measured" / "judges.json",
            make_judges(open_windows(asked.data), asked.judges, work, asked.scale),
        )
        return 0
    return (
        1
        if run_all(asked.data, asked.out, work, asked.scale, asked.workers, asked.device)
        else 0
    )


if __name__ == "__main__":
    sys.exit(main())
