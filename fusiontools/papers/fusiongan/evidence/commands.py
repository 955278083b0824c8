"""What the command asks of FusionGAN: a training in a folder, and MIDI files from finished
weights. It has no words of its own to parse.

Every paper's room that the command knows has a module with these names: `METHODS`,
`METHOD`, `MAIN`, `train_run`, `sample_files`. Torch and the corpora are loaded when they
are used, so that the command's help is there at once.
"""

import json
import shlex
from pathlib import Path

from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.papers.fusiongan import config as settings

__all__ = ["MAIN", "METHOD", "METHODS", "NAME", "sample_files", "train_run"]

NAME = "melody"  # of the MIDI files: melody_001.mid and so on
METHODS = {name: settings.METHODS[name] for name in settings.TRAINED}
METHOD = "fusion"
# The metrics of a record that are told at the end of a training, and what they mean.
MAIN = {
    "fused_share": "melodies that the judge places between the genres",
    "balance_npd": "pitch classes: nearer to one genre than to the other (0: as near to both)",
    "balance_dd": "durations: the same",
    "npd_eud_ratio": "pitch classes: the way from A to B over F, against the straight one (1: no detour)",
    "dd_eud_ratio": "durations: the same",
    "copied_8gram": "runs of eight notes that are in the training songs too",
    "held_out_8gram": "the same for real songs that were held out",
}
DATA, WEIGHTS, FIRST = "data.npz", "weights.safetensors", "essen_ryan"


def train_run(folder, method, scale, seed=0, data=None, device="auto", say=print):
    """Start a training in a folder or continue the one that is there; then measure it, and
    write its weights and its record.

    Parameters
    ----------
    folder : path-like
        Of the run. It gets a copy of the data, so that it can be continued with nothing
        else.
    method : str
        One of `METHODS`.
    scale : str
    seed : int
    data : str or pair of path-like, optional
        The name of a pair, a file that `save_pair` wrote, or two folders of MIDI files. By
        default what the folder holds; for a new one, essen_ryan.
    device : str
        See `fusiontools.training.fabric`.
    say : callable
        Takes the lines that tell what is trained on what.

    Returns
    -------
    Record
        Of a run that was finished before, the one that is there.

    Raises
    ------
    RecordError
        If the folder holds another run; the message names the first difference.
    FusionError
        If the method, the data or the device is not there, or memory or disk run out.
    KeyboardInterrupt, SystemExit
        When interrupted; all is saved.
    """
    from fusiontools.papers.fusiongan.algorithm import train
    from fusiontools.papers.fusiongan.data import save_pair
    from fusiontools.papers.fusiongan.evidence.experiment import KEPT
    from fusiontools.papers.fusiongan.evidence.judging import shipped_judge
    from fusiontools.papers.fusiongan.evidence.metrics import MELODIES, References, metrics
    from fusiontools.papers.fusiongan.sampling import (
        sample_tokens,
        save_generators,
        to_notes,
    )
    from fusiontools.training import Run, device_name, fabric

    folder = Path(folder)
    # One thread: the networks are small, and two threads wait for each other, a hundred
    # times as long where another program is busy too.
    own, pair = fabric(device, threads=1), _data(folder, data)
    config = settings.method(method, getattr(settings.Config, scale)(), pair.name)
    data = {"name": pair.name, "sha256": pair.hash}
    with Run.open(
        folder,
        paper="fusiongan",
        method=method,
        config=config,
        data=data,
        scale=scale,
        seed=seed,
        fabric=own,
    ) as run:
        if run.finished:
            return run.record
        if not (folder / DATA).is_file():
            save_pair(pair, folder / DATA)
        say(f"{method}: {METHODS[method]}.")
        counts = [
            f"{label} {len(pair.windows(domain)):,}"
            for domain, label in zip("AB", pair.labels)
        ]
        say(
            f"Data {pair.name}: excerpts to learn from: {', '.join(counts)}. Scale {scale}, seed {seed}, on {device_name(own)}."
        )
        networks = train(config, pair, run)
        voices = [networks.g[name] for name in config.voices]
        tokens = sample_tokens(voices, MELODIES, seed)
        terms = "; ".join(f"{c['name']}: {c['licence']}" for c in pair.about["corpora"])
        notice = {
            "corpora": [c["name"] for c in pair.about["corpora"]],
            "terms": terms,
            "pair": pair.name,
            "scale": scale,
            "seed": seed,
        }
        save_generators(
            {method: voices}, folder / WEIGHTS, config, pair.vocabulary, **notice
        )
        say("Measuring what it writes.")
        judge = shipped_judge(pair)
        if judge is None:
            say(
                "No judge comes with the package for this data, so the share of fused melodies is not measured."
            )
        return run.finish(
            metrics(to_notes(tokens, pair.vocabulary), References(pair), judge),
            tokens[:KEPT].tolist(),
        )


def _data(folder, asked):
    """The pair that is asked for, or that a run's folder holds."""
    from fusiontools.papers.fusiongan.data import PAIRS, from_folders, open_pair, pair

    kept, about = folder / DATA, folder / "config.json"
    held = open_pair(kept) if kept.is_file() else None
    if asked is None or held is not None and asked == held.name:
        if held is not None:
            return held
        if asked is None:
            asked = (
                FIRST
                if not about.is_file()
                else json.loads(about.read_text(encoding="utf-8"))
                .get("data", {})
                .get("name")
            )
            if asked not in PAIRS:
                raise CorpusError(
                    f"it holds no copy of its data, {asked!r}",
                    folder,
                    "name the file of that pair with --data",
                )
    if isinstance(asked, (tuple, list)):
        return from_folders(*asked)
    if asked in PAIRS:
        return pair(asked)
    if not Path(asked).is_file():
        do = f"use {' or '.join(PAIRS)}, or a file that save_pair wrote"
        raise CorpusError(f"neither the name of a pair nor a file: {asked!r}", "--data", do)
    return open_pair(asked)


def sample_files(folder, n, method=None, pair=None, run=None, seed=0, temperature=1.0):
    """Write melodies as MIDI files, each with at least one note.

    Parameters
    ----------
    folder : path-like
    n : int
    method : str, optional
        By default fusion_ours if there are weights of it, else the first one that there is.
    pair : str, optional
        Whose weights, of those that come with the package; by default essen_ryan.
    run : path-like, optional
        The folder of a finished run, to take its weights instead.
    seed, temperature
        See `fusiontools.papers.fusiongan.sampling.sample_tokens`.

    Returns
    -------
    files : list of pathlib.Path
    method : str
    notice : str
        Of the weights: the corpora that they were trained on, and their terms.

    Raises
    ------
    FusionError
        If there are no such weights, or the files cannot be written.
    """
    path = _shipped(pair or FIRST) if run is None else _trained(Path(run), pair)
    from fusiontools.papers.fusiongan.sampling import load_weights, sample_midi

    generators, vocabulary, about = load_weights(path=path)
    if method is None:
        method = "fusion_ours" if "fusion_ours" in generators else next(iter(generators))
    if method not in generators:
        raise FusionError(
            f"no weights of the method {method!r}",
            path,
            f"choose one of {', '.join(generators)}",
        )
    files = sample_midi(
        generators[method], vocabulary, n, folder, seed, temperature, name=NAME
    )
    corpora, terms = (
        ", ".join(about["corpora"]) or about.get("pair", "music of your own"),
        about["terms"] or "those of that music",
    )
    return files, method, f"Weights trained on {corpora}. Terms: {terms}."


def _shipped(pair):
    from fusiontools.papers.fusiongan.data import PAIRS
    from fusiontools.papers.fusiongan.sampling import shipped_weights

    path, here = (
        shipped_weights(pair),
        [name for name in PAIRS if shipped_weights(name).is_file()],
    )
    if not path.is_file():
        do = (
            f"choose {' or '.join(here)}"
            if here
            else "train your own with `python -m fusiontools train`, and take it with --run"
        )
        raise RecordError(
            f"no weights come with the package for the pair {pair!r}", "--pair", do
        )
    return path


def _trained(run, pair):
    if pair is not None:
        raise FusionError(
            "a run has a pair of its own", "--pair", "leave out --pair or --run"
        )
    if not (run / WEIGHTS).is_file():
        begun, do = (
            (run / "config.json").is_file(),
            f"finish it with `python -m fusiontools train --run {shlex.quote(str(run))}`",
        )
        raise RecordError(
            "no weights yet" if begun else "no run's folder",
            run,
            do if begun else "check the path",
        )
    return run / WEIGHTS
