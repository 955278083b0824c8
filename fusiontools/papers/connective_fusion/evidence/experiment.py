r"""How Connective Fusion's records are made: every model trained, then measured beside the
baselines on the same pairs::

    python -m fusiontools.papers.connective_fusion.evidence.experiment \
        --data fiddle_pop909 --out OUT --workers 2
    python -m fusiontools.papers.connective_fusion.evidence.experiment --out OUT --ship

It has the names that `fusiontools.report.experiment` and the command ask of a paper; torch
is loaded when it is used. All trainings of a seed share one VAE, which is trained first.
Three jobs are done only where ``--only`` names them: ``judges`` trains the judges of
reality into a folder beside the runs (copied to ``fusiontools/pretrained``, they judge, so
they come before all else); ``count-fiddle``, say, counts the windows of a data set; and
``again`` measures what ships anew, without a training, and leaves it in OUT for ``--ship``.
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
from typing import TYPE_CHECKING, Any

from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.papers import connective_fusion as cf
from fusiontools.papers.connective_fusion.config import LAMBDAS, METHODS, Config, method
from fusiontools.papers.connective_fusion.evidence.paper import ABLATIONS, INPUTS, MIDDLE
from fusiontools.records import read_record, read_records
from fusiontools.report import experiment
from fusiontools.report.experiment import WEIGHTS, Job, measured_record, store_measured

if TYPE_CHECKING:
    from fusiontools.training.run import Run


__all__ = ["EXPERIMENT", "FIRST", "MAIN", "METHOD", "METHODS", "NAME", "PAPER", "SOURCES"]
__all__ += ["TRAININGS", "from_folders", "jobs", "make_data", "measure", "open_data"]
__all__ += ["record_name", "sample_files", "save", "save_data", "settings", "train"]

PAPER, NAME = "connective_fusion", "melody"  # of MIDI files: melody_001.mid and so on
METHOD, FIRST, SHIPPED = "ours", "fiddle", "fiddle_pop909"
SOURCES = ("fiddle", "fiddle_pop909", "tunebooks", "lakh")
MAIN = {
    "onset_pitch_accuracy": "notes of new songs that the VAE gives back",
    "reality_before": "probability of one melody, by the judge: the halves as they are, "
    "the middle one",
    "reality_median": "the same when they are fused",
    "z_distance": "how far they were moved for that",
    "key_corr": "how well the keys of both halves go together, as real ones do (1)",
    "md_corr": "their mean durations: the same",
    "copied_8gram": "runs of eight notes that are in the training songs too",
}
BPM, NEW = 110.0, 16  # of melodies from nothing; how many of them stay in a run's record
# What is trained: (method, lambda, seed), the VAEs first, since the others take them over
TRAININGS = [("vae", None, seed) for seed in range(3)]
TRAININGS += [("ours", weight, 0) for weight in LAMBDAS]
TRAININGS += [("ours", MIDDLE, 1), ("ours", MIDDLE, 2)]
TRAININGS += [(name, MIDDLE, 0) for name in ABLATIONS] + [("vae_lstm", None, 0)]
# Whose generators go into the file of weights
GENERATORS = [("ours", weight) for weight in LAMBDAS] + [("styled", MIDDLE)]
SIGMAS, EVALUATIONS = (0.01, 0.03, 0.06, 0.1, 0.13, 0.16, 0.2), 100  # section 3.5
REPORTED = (1, 2, 3, 4, 6, 8)  # iterations
KEPT = 4  # melodies that stay in a record, of those that are made from the prior
COLUMNS = ("held_out_token_accuracy", "held_out_onset_pitch_accuracy", "reconstruction")
COLUMNS += ("kl", "distance", "distance_prior", "fooled", "believes_real")
COLUMNS += ("loss_d", "loss_g")
STYLES = 50  # among which the row "motif_choice" chooses, of the method CHOOSER
CHOOSER = "styled"
JUDGES = [("transformer", "train-2"), ("features", "train-2"), ("siamese", "train-2")]
JUDGES += [("transformer", "train-1"), ("features", "train-1")]
CURVE = (0.1, 0.3)  # shares of songs that a judge's learning curve tries before all of them


# --- what the command and the experiment share ---


def make_data(name: str) -> Any:
    """One of `SOURCES`."""
    return cf.windows(name)


def save_data(data: cf.Windows, path: str | os.PathLike) -> None:
    """Write windows as one file."""
    cf.save_windows(data, path)


def open_data(path: str | os.PathLike) -> cf.Windows:
    """Windows that `save_data` wrote."""
    return cf.open_windows(path)


def from_folders(folders: Any) -> Any:
    """Folders of MIDI files as windows."""
    from fusiontools.corpora.folders import load_folder

    names = [f"mine_{chr(ord('a') + i)}" for i in range(len(folders))]
    return cf.windows("mine", corpora=[load_folder(*one) for one in zip(names, folders)])


def settings(
    name: str, scale: str, data_name: Any, similarity: float | None = None
) -> Config:
    """The config of a method."""
    return method(name, getattr(Config, scale)(), similarity)


def train(
    config: Config, data: cf.Windows, run: Run, adopted: str | os.PathLike | None = None
) -> cf.Networks:
    """The VAE, then the generator against the discriminator."""
    return cf.train(config, data, run, adopted)


def save(
    networks: cf.Networks,
    path: str | os.PathLike,
    name: str,
    config: Config,
    data: cf.Windows,
    **about: Any,
) -> None:
    """Write the weights of a run, whole: in 32 bits, however many they are."""
    about = {"data": data.name, "half": False, "limit": None} | about
    cf.save_networks(networks, path, *_credits(data), name, **about)


def _credits(data):
    from fusiontools.corpora.registry import credits

    return credits([c for source in data.about["sources"] for c in source["corpora"]])


def measure(
    networks: cf.Networks,
    data: cf.Windows,
    config: Config,
    seed: int,
    say: Callable = print,
) -> tuple:
    """The metrics of a trained method, and melodies from nothing as rows of tokens."""
    from fusiontools.papers.connective_fusion.evidence import metrics, trivial
    from fusiontools.papers.connective_fusion.fusing import from_prior

    if "fusion" not in config.phases:
        lacks = "without a generator there is nothing to fuse with, and nothing to sample"
        say(f"Measuring what it gives back: {lacks}.")
        return metrics.measure_vae(networks, data), []
    say("Measuring what it makes.")
    try:
        judges = metrics.shipped_judges()
    except CorpusError:
        say("No judge comes with the package, so only the VAE is measured.")
        found = metrics.measure_vae(networks, data)
    else:
        n = min(trivial.PAIRS, config.latent_pairs // 2)  # fewer where the data is a toy
        found = metrics.measure_model(networks, data, judges, n, seed)
    return found, from_prior(networks, NEW, seed).tolist()


def sample_files(
    folder: str | os.PathLike,
    n: int,
    method: str | None = None,
    pair: str | None = None,
    run: str | os.PathLike | None = None,
    seed: int = 0,
    temperature: float = 1.0,
) -> tuple[list[Path], str, str]:
    """Write `n` melodies from nothing as MIDI files, see ``..fusing.from_prior``, by the
    weights that ship, trained on the `pair` fiddle_pop909, or by those of a finished `run`
    or file; the method is by default "ours". Returns the files, the method, and the notice
    of the weights.
    """
    if pair not in (None, SHIPPED):
        lacks = f"no weights come with the package for {pair!r}"
        raise RecordError(lacks, "--pair", f"choose {SHIPPED}")
    if run is not None and pair is not None:
        raise FusionError("a run has its own data", "--pair", "leave out --pair or --run")
    import torch

    from fusiontools.music.grid import decode_grid
    from fusiontools.music.midi import write_midi
    from fusiontools.papers.connective_fusion.fusing import from_prior
    from fusiontools.training import weights_notice

    torch.set_num_threads(1)  # a handful of melodies is no work to share
    networks, about = cf.load_weights(path=run, method=method)
    rows = from_prior(networks, n, seed, temperature)
    if len(rows) < n:
        found = f"only {len(rows)} of {n} melodies have a note"
        raise FusionError(found, folder, "train the model longer")
    files = [Path(folder) / f"{NAME}_{i:03d}.mid" for i in range(1, n + 1)]
    for file, row in zip(files, rows):
        write_midi(decode_grid(row), file, bpm=BPM)
    return files, about["generator"]["method"], weights_notice(about)


# --- the jobs: trainings, then measurements; what there is to ship ---


def label(name: str, weight: float | None, seed: int) -> str:
    """The folder of a training, such as "ours-0.3-0" or "vae-0"."""
    return f"{name}-{seed}" if weight is None else f"{name}-{weight:g}-{seed}"


def jobs(
    file: str | os.PathLike, work: str | os.PathLike, scale: str, device: str
) -> list[Job]:
    """All that there is to do."""
    here, made = (str(file), str(work), scale), []
    main = (label("ours", MIDDLE, 0),)  # what stands beside the baselines
    for one in TRAININGS:
        own, vae = label(*one), label("vae", None, one[2])
        before = () if one[0].startswith("vae") else (vae,)
        made.append(Job(own, partial(train_one, *here, device, *one), before))
    searched = []  # ours is held against Latent Perturb pair by pair
    for kind in INPUTS:
        do = partial(measure_baselines, *here, kind)
        made.append(Job(f"baselines-{kind}", do, (*main, label(CHOOSER, MIDDLE, 0))))
        for sigma in SIGMAS:
            searched.append(f"latent_perturb-{sigma:g}-{kind}")
            do = partial(measure_perturb, *here, sigma, kind)
            made.append(Job(searched[-1], do, main))
    for one in TRAININGS:
        after = searched if one[0] == METHOD and not one[2] else ()
        do, own = partial(measure_one, *here, *one), label(*one)
        made.append(Job(f"measure-{own}", do, (own, *after)))
    made.append(Job("figures", partial(count_figures, *here), main))
    made.append(Job("judges", partial(make_judges, *here), asked=True))
    made.append(Job("again", partial(measure_again, *here), asked=True))
    count = f"count-{Path(file).stem}"
    made.append(Job(count, partial(count_windows, *here), asked=True))
    return made


def train_one(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    device: str,
    name: str,
    weight: float | None,
    seed: int,
) -> None:
    """Train a model, or go on with it; its VAE is that of its seed."""
    folder, vae = Path(work) / label(name, weight, seed), label("vae", None, seed)
    adopted = None if name.startswith("vae") else Path(work) / vae
    asked = (folder, name, scale, seed, file, device, adopted)
    config = settings(name, scale, None, weight)
    experiment.train_in_folder(HERE, *asked, config=config)


def measure_one(
    file: str, work: str, scale: str, name: str, weight: float | None, seed: int
) -> None:
    """The records of a training: the VAE's accuracies, or pairs fused again and again."""
    from fusiontools.training import load_checkpoint

    folder = Path(work) / label(name, weight, seed)
    record = read_record(folder / "record.json")
    minutes = load_checkpoint(folder / "checkpoint-vae.bin")["minutes"]
    if name.startswith("vae"):
        about = {"method": "vae", "minutes": minutes, "samples": []}
        store_measured(work, folder.name, [replace(record, **about)])
        return
    # the shared VAE counts once, in its own record
    minutes = load_checkpoint(folder / "checkpoint-fusion.bin")["minutes"] - minutes
    measure_fused(file, work, replace(record, minutes=minutes), weight)


def measure_fused(
    file: str | os.PathLike,
    work: str | os.PathLike,
    record: experiment.Record,
    weight: float,
) -> None:
    """The records of a generator, trained as `record` says: pairs fused again and again."""
    from fusiontools.papers.connective_fusion.evidence import metrics

    name, seed, made = record.method, record.seed, []
    networks, data, references = _opened(file, work, name, weight, seed)
    whole = name == "ours" and seed == 0
    for kind in INPUTS if whole else ("test",):
        pairs, plain, searched = _beside(networks, data, references, work, kind)
        path = metrics.moved(networks, pairs, REPORTED[-1] if whole else 1, seed)
        for i in REPORTED if whole else (1,):
            tokens, far = path[i - 1]
            there = {"gain": plain, "paired": metrics.between(searched, far.mean())}
            beside = {k: v for k, v in there.items() if v and (whole or k == "gain")}
            found = metrics.metrics(tokens, references, pairs.songs, far, beside)
            found |= metrics.variety(networks, pairs, i)
            if kind == "test":
                again = metrics.token_distance(networks, tokens, pairs)
                found |= metrics.means({"z_distance_encoded": again}, pairs.songs)
            about = {"metrics": found, "samples": _kept(tokens, kind)}
            about["config"] = record.config | {"inputs": kind, "iterations": i}
            about["method"] = name if i == 1 else "iterated"
            made.append(replace(record, **about))
    store_measured(work, label(name, weight, seed), made)


def _beside(networks, data, references, work, kind):
    """The pairs of one kind; of test pairs, what judges say of them side by side; and of
    what Latent Perturb has made of them, so far as it is measured: see `metrics.between`.
    """
    from fusiontools.corpora.cache import read_npz
    from fusiontools.papers.connective_fusion.evidence import trivial

    pairs, plain, path = trivial.inputs(networks, data, kind), None, []
    if kind == "test":
        tokens = trivial.baseline("concatenate", networks, data, pairs)
        plain = references.verdicts(tokens)
    for file in (Path(work) / "perturbed").glob(f"*-{kind}.npz"):
        verdicts = read_npz(file)
        path.append((verdicts.pop("distance").mean(), verdicts))
    return pairs, plain, path


def measure_baselines(file: str, work: str, scale: str, kind: str) -> None:
    """The records of what learns nothing, on one kind of inputs."""
    from fusiontools.papers.connective_fusion.evidence import metrics, trivial

    networks, data, references = _opened(file, work)
    pairs, plain, _ = _beside(networks, data, references, work, kind)
    ((_, distance),), made = metrics.moved(networks, pairs), []
    names = [*trivial.BASELINES] + (["motif_choice"] if kind == "test" else [])
    for name in names:
        if name == "real" and kind == "prior":
            continue
        began, far, songs, told = time.monotonic(), None, pairs.songs, {"inputs": kind}
        if name == "motif_choice":
            chooser, told = _networks(work, CHOOSER), told | {"generator": CHOOSER}
            told |= {"similarity": MIDDLE, "styles": STYLES}
            tokens, far = metrics.motif_choice(chooser, pairs, STYLES)
        elif name == "real":
            tokens, songs = trivial.unseen(data, len(pairs.z))
        else:
            tokens = trivial.baseline(name, networks, data, pairs, distance)
            # steps in latent space are as long as they are; what was made of tokens has to
            # be encoded first
            far = metrics.token_distance(networks, tokens, pairs)
            far = distance if name == "noise" else far
        beside = {"gain": plain} if plain and name not in ("real", "concatenate") else {}
        found = metrics.metrics(tokens, references, songs, far, beside)
        about = (PAPER, name, scale, data, began, found, told)
        made.append(measured_record(*about, _kept(tokens, kind)))
    store_measured(work, f"baselines-{kind}", made)


def measure_perturb(file: str, work: str, scale: str, sigma: float, kind: str) -> None:
    """The record of Latent Perturb with one size of steps, on one kind of inputs."""
    from fusiontools.corpora.cache import write_npz
    from fusiontools.judges.reality import load_judge
    from fusiontools.papers.connective_fusion.evidence import metrics

    networks, data, references = _opened(file, work)
    pairs, plain, _ = _beside(networks, data, references, work, kind)
    began = time.monotonic()
    # the guide of the search must not be the evaluation classifier, section 3.5
    guide = load_judge(SHIPPED, part="train-1")
    found = cf.latent_perturb(networks.vae, pairs.z, guide, sigma, EVALUATIONS)
    minutes = (time.monotonic() - began) / 60  # of the search alone
    far = metrics.distances(networks, found.z, pairs.z)
    beside = {"gain": plain} if plain else {}
    numbers = metrics.metrics(found.tokens, references, pairs.songs, far, beside)
    verdicts, folder = references.verdicts(found.tokens), Path(work) / "perturbed"
    folder.mkdir(parents=True, exist_ok=True)
    write_npz(folder / f"{sigma:g}-{kind}.npz", distance=far, **verdicts)
    config = {"sigma": sigma, "steps": EVALUATIONS, "inputs": kind}
    about = (PAPER, "latent_perturb", scale, data, began, numbers, config)
    made = measured_record(*about, _kept(found.tokens, kind), minutes=minutes)
    store_measured(work, f"latent_perturb-{sigma:g}-{kind}", [made])


def _networks(work, name=METHOD, weight=MIDDLE, seed=0):
    """A model out of its run's folder; where there is none, the one that ships."""
    folder = Path(work) / label(name, weight, seed)
    path = folder if folder.is_dir() else None
    return cf.load_weights(path=path, method=name, similarity=weight)[0]


def _opened(file, work, *which):
    """What is measured with: a model, the data, what melodies are held against."""
    import torch

    from fusiontools.papers.connective_fusion.evidence import metrics

    torch.set_num_threads(1)  # networks this small only wait for each other on several
    data = open_data(file)
    references = metrics.References(data, metrics.shipped_judges())
    return _networks(work, *which), data, references


def _kept(tokens, kind):
    """The melodies that a record shows."""
    # what is made of test songs may hold four bars of one, and not every song is free
    return tokens[:KEPT].tolist() if kind == "prior" else []


def count_figures(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """The counts that figures are drawn from, of ours at the middle lambda."""
    from fusiontools.corpora.cache import write_npz
    from fusiontools.papers.connective_fusion.evidence import metrics

    found = metrics.figures(*_opened(file, work)[:2])
    write_npz(Path(work) / "measured.npz", compress=True, **found)


def count_windows(file: str, work: str, scale: str) -> None:
    """Count the windows of a data set, as they are and in all keys, section 3.1."""
    data, began = open_data(file), time.monotonic()
    found = {"windows": sum(len(data.tokens(part)) for part in cf.PARTS)}
    found["windows_all_keys"] = sum(data.keys(part) for part in cf.PARTS)
    found["songs"] = sum(len(set(data.songs(part).tolist())) for part in cf.PARTS)
    about = (PAPER, "data", scale, data, began, found, {"corpora": _credits(data)[0]})
    store_measured(work, f"data-{data.name}", [measured_record(*about)])


def make_judges(
    file: str | os.PathLike,
    work: str | os.PathLike,
    scale: str,
    which: Sequence[tuple[str, str]] = JUDGES,
) -> None:
    """The judges of reality, three kinds on two parts, measured on the test part: those of
    "train-2" mark the results, those of "train-1" guide Latent Perturb.
    """
    from fusiontools.judges import halves, reality

    data, made, work = open_data(file), [], Path(work)
    names, terms = _credits(data)
    run = {"paper": "reality", "scale": scale, "seed": 0}
    run["data"] = {"name": data.name, "sha256": data.hash}
    for kind, part in which:
        config = getattr((halves if kind == "siamese" else reality).Config, scale)()
        # the third takes longest to learn: it has no learning curve
        began, curve = time.monotonic(), part == "train-2" and kind != "siamese"
        parts = (part, part.replace("train", "validation"), "test")
        heard = [(data.tokens(p), data.songs(p)) for p in parts]
        named = "judge" if kind == "transformer" else f"judge-{kind}"
        asked = (config, work / f"{named}-{part}", run | {"method": f"{kind}-{part}"})
        about = {"corpora": names, "terms": terms, "data": data.name, "part": part}
        shares = CURVE if curve else ()
        judge, minutes = reality.make_judge(kind, *heard, *asked, shares, **about)
        path = work / "judges" / reality.judge_name(data.name, kind, part)
        path.parent.mkdir(parents=True, exist_ok=True)
        reality.save_judge(judge, path)
        ends = ("value", "low", "high")
        shown = ("accuracy", "mean_real", "mean_shuffled")
        found = {name: dict(zip(ends, judge.about[name])) for name in shown}
        told = {"kind": kind, "part": part} | judge.about.get("config", {})
        about = (PAPER, "reality", scale, data, began, found, told)
        made.append(measured_record(*about, minutes=minutes))
    store_measured(work, "judges", made)


def measure_again(file: str | os.PathLike, work: str | os.PathLike, scale: str) -> None:
    """What ships, measured anew by the weights that ship; what was measured already, before
    it was stopped, is kept. What cannot be measured without a training (VAEs, ablations,
    other seeds) stays as it is, and so do what trainings took and said of themselves.
    """
    data, work = open_data(file), Path(work)
    old = {record_name(r): r for r in read_records(PAPER) if r.data["name"] == data.name}
    every, first = jobs(file, work, scale, "cpu"), ("latent_perturb-", "baselines-")
    todo = {job.name: job.do for job in every if job.name.startswith(first)}
    for name, weight in GENERATORS:
        record = old[f"{name}-{weight:g}-test" if name == METHOD else f"{name}-test"]
        do = partial(measure_fused, file, work, record, weight)
        todo[label(name, weight, 0)] = do
    for name, do in todo.items():
        if not (work / "measured" / f"{name}.json").is_file():
            do()
    if not (work / "measured.npz").is_file():
        count_figures(file, work, scale)
    found = {record_name(r): r for r in experiment.collected(work / "measured")}
    for name in found.keys() & old.keys():
        if found[name].method != "reality":
            kept = {"metrics": found[name].metrics, "samples": old[name].samples[:KEPT]}
            found[name] = replace(old[name], **kept)
    out = work.parent
    experiment.store(out / "records.json", list((old | found).values()))
    shutil.copyfile(work / "measured.npz", out / "measured.npz")
    shipped = Path(experiment.__file__).parents[1]
    for name in (WEIGHTS, "histories.npz"):
        shutil.copyfile(shipped / FILES[name].format(data=data.name), out / name)


def collect(
    data: cf.Windows, out: str | os.PathLike, work: str | os.PathLike, scale: str
) -> None:
    """Write what there is to ship beside the records: the VAE and its generators, in 16
    bits; the counts that figures are drawn from; how the trainings went.
    """
    from fusiontools.corpora.cache import write_npz
    from fusiontools.report.curves import history_arrays
    from fusiontools.training.history import History

    folders = [work / label(name, weight, 0) for name, weight in GENERATORS]
    names = [name for name, _ in GENERATORS]
    made = [cf.load_weights(path=f, method=name)[0] for f, name in zip(folders, names)]
    about = {"data": data.name, "scale": scale}
    cf.save_networks(made, out / WEIGHTS, *_credits(data), names, **about)
    shutil.copyfile(work / "measured.npz", out / "measured.npz")
    named, columns = {"vae-0": "vae-parallel", "vae_lstm-0": "vae-lstm"}, {}
    for folder in [label(*one) for one in TRAININGS if one[2] == 0]:
        history = History(work / folder / "history.csv", keep=False)
        columns |= history_arrays(history, named.get(folder, folder[:-2]), COLUMNS)
    columns = {name: values.astype("float32") for name, values in columns.items()}
    write_npz(out / "histories.npz", compress=True, **columns)


def record_name(record: experiment.Record) -> str:
    """What tells a record from the others: method, settings, and a seed that is not 0."""
    named = {"iterated": ("similarity", "iterations"), "ours": ("similarity",)}
    keys = {"vae": ("decoder",), **named}.get(record.method, ())
    keys += ("sigma", "kind", "part", "inputs")
    values = [record.config[key] for key in keys if key in record.config]
    values += [record.seed] if record.seed else []
    told = [v if isinstance(v, str) else f"{v:g}" for v in values]
    return "-".join([record.method, *told])


HERE, ARRAYS = sys.modules[__name__], ("measured.npz", "histories.npz")
FILES = {name: f"results/connective_fusion/{name}" for name in ARRAYS}
FILES[WEIGHTS] = "pretrained/connective_fusion_{data}.safetensors"
EXPERIMENT = experiment.Experiment(HERE, jobs, collect, record_name, FILES)

if __name__ == "__main__":
    sys.exit(experiment.main(EXPERIMENT))
