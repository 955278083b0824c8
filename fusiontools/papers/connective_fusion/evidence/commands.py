"""What the command asks of Connective Fusion: a training in a folder, melodies from
nothing, two files fused. It has no words of its own.

It has the names that every paper's module for the command has, see
``fusiontools.papers.fusiongan.evidence.commands``, and `fuse_to`, which only this paper can do.
Torch and the corpora are loaded when they are used, so that the command's help is there at
once.
"""

import json
import shlex
from pathlib import Path

from fusiontools.errors import CorpusError, FusionError, NoNotesError, RecordError
from fusiontools.papers.connective_fusion import config as settings

__all__ = ["MAIN", "METHOD", "METHODS", "NAME", "fuse_to", "sample_files", "train_run"]

NAME = "melody"  # of the MIDI files: melody_001.mid and so on
METHODS = settings.METHODS
METHOD, VARIED = "ours", "styled"  # by default: for one style, and for several
# The metrics of a record that are told at the end of a training, and what they mean.
MAIN = {
    "onset_pitch_accuracy": "notes of new songs that the VAE gives back",
    "reality_before": "probability of one melody, by the judge: the halves as they are, the middle one",
    "reality_median": "the same when they are fused",
    "z_distance": "how far they were moved for that",
    "key_corr": "how well the keys of both halves go together, as real ones do (1)",
    "md_corr": "their mean durations: the same",
    "copied_8gram": "runs of eight notes that are in the training songs too",
}
DATA, WEIGHTS, FIRST = "data.npz", "weights.safetensors", "fiddle"
# what the weights and the judge that come with the package were trained on
SHIPPED = "fiddle_pop909"
BPM, KEPT = 110.0, 16  # of melodies from nothing; how many of them stay in a record
FEW = 100  # pairs that a training of the scale smoke is measured on


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
    data : str or sequence of path-like, optional
        One of ``fusiontools.papers.connective_fusion.data.SOURCES``, a file that
        `save_windows` wrote, or folders of MIDI files. By default what the folder holds;
        for a new one, fiddle.
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
    from fusiontools.papers.connective_fusion.data import save_windows
    from fusiontools.papers.connective_fusion.evidence.metrics import (
        PAIRS,
        measure_model,
        measure_vae,
        shipped_judges,
    )
    from fusiontools.papers.connective_fusion.fusing import save_networks
    from fusiontools.papers.connective_fusion.phases import train
    from fusiontools.training import Run, device_name, fabric

    folder = Path(folder)
    if method not in METHODS:
        raise FusionError(
            f"no method {method!r}", "--method", f"choose one of {', '.join(METHODS)}"
        )
    # One thread: the networks are small, and two threads wait for each other, a hundred
    # times as long where another program is busy too.
    own, windows = fabric(device, threads=1), _data(folder, data)
    config = settings.method(method, getattr(settings.Config, scale)())
    held = {"name": windows.name, "sha256": windows.hash}
    with Run.open(
        folder,
        paper="connective_fusion",
        method=method,
        config=config,
        data=held,
        scale=scale,
        seed=seed,
        fabric=own,
    ) as run:
        if run.finished:
            return run.record
        if not (folder / DATA).is_file():
            save_windows(windows, folder / DATA)
        say(f"{method}: {METHODS[method]}.")
        many = f"{len(windows.tokens('train-1')):,} windows of eight bars to learn from"
        say(
            f"Data {windows.name}: {many}. Scale {scale}, seed {seed}, on {device_name(own)}."
        )
        networks = train(config, windows, run)
        corpora = [c for source in windows.about["sources"] for c in source["corpora"]]
        terms = "; ".join(
            f"{c['name']}: {c['licence'] or 'those of that music'}" for c in corpora
        )
        notice = {
            "corpora": [c["name"] for c in corpora],
            "terms": terms,
            "data": windows.name,
            "scale": scale,
            "seed": seed,
        }
        save_networks(networks, folder / WEIGHTS, **notice, method=method)
        if "fusion" not in config.phases:
            say(
                "Measuring what it gives back: without a generator there is nothing to fuse with, and nothing to sample."
            )
            return run.finish(measure_vae(networks, windows))
        say("Measuring what it makes.")
        try:
            judges = shipped_judges()
        except CorpusError:
            say("No judge comes with the package, so only the VAE is measured.")
            found = measure_vae(networks, windows)
        else:
            found = measure_model(
                networks, windows, judges, FEW if scale == "smoke" else PAIRS, seed
            )
        return run.finish(found, _from_nothing(networks, KEPT, seed).tolist())


def _data(folder, asked):
    """The windows that are asked for, or that a run's folder holds."""
    from fusiontools.papers.connective_fusion.data import SOURCES, open_windows, windows

    kept, about = folder / DATA, folder / "config.json"
    held = open_windows(kept) if kept.is_file() else None
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
            if asked not in SOURCES:
                raise CorpusError(
                    f"it holds no copy of its data, {asked!r}",
                    folder,
                    "name the file of that data with --data",
                )
    if isinstance(asked, (tuple, list)):
        from fusiontools.corpora.folders import load_folder

        names = [f"mine_{chr(ord('a') + i)}" for i in range(len(asked))]
        return windows(
            "mine", corpora=[load_folder(name, place) for name, place in zip(names, asked)]
        )
    if asked in SOURCES:
        return windows(asked)
    if not Path(asked).is_file():
        do = f"use {', '.join(SOURCES)}, or a file that save_windows wrote"
        raise CorpusError(
            f"neither the name of a data set nor a file: {asked!r}", "--data", do
        )
    return open_windows(asked)


def sample_files(folder, n, method=None, pair=None, run=None, seed=0, temperature=1.0):
    """Write melodies from nothing as MIDI files, each with at least one note.

    Both halves are drawn from the prior and transformed once, in a style of their own.

    Parameters
    ----------
    folder : path-like
    n : int
    method : str, optional
        Of those that the weights hold; by default "ours", if they do.
    pair : str, optional
        Whose weights; only fiddle_pop909 comes with the package.
    run : path-like, optional
        The folder of a finished run, or a file of weights, to take instead.
    seed : int
    temperature : float
        How far from the middle of the prior: its standard deviation.

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

    References
    ----------
    Connective Fusion, section 2.2.3: "sampled from the prior distribution".
    """
    if pair not in (None, SHIPPED):
        raise RecordError(
            f"no weights come with the package for {pair!r}", "--pair", f"choose {SHIPPED}"
        )
    if run is not None and pair is not None:
        raise FusionError(
            "a run has data of its own", "--pair", "leave out --pair or --run"
        )
    networks, about = _networks(run, method)
    from fusiontools.music.grid import decode_grid
    from fusiontools.music.midi import write_midi

    folder = Path(folder)
    rows = _from_nothing(networks, n, seed, temperature)
    if len(rows) < n:
        raise FusionError(
            f"only {len(rows)} of {n} melodies have a note",
            folder,
            "train the model longer",
        )
    files = [folder / f"{NAME}_{i:03d}.mid" for i in range(1, n + 1)]
    for file, row in zip(files, rows):
        write_midi(decode_grid(row), file, bpm=BPM)
    return files, about["generator"]["method"], _notice(about)


def _from_nothing(networks, n, seed, temperature=1.0):
    """Melodies that have a note, shape (n, 128); fewer if nearly all have none."""
    import numpy as np
    import torch

    from fusiontools.papers.connective_fusion.fusing import decode, trajectory

    dice, rows, config = torch.Generator().manual_seed(seed), [], networks.config
    for _ in range(100):
        # z_L, z_R ~ N(0, 1), s ~ U(0, 1); (z'_L, z'_R) = G(z_L, z_R, s)
        z = temperature * torch.randn(n, 2, config.latent, generator=dice)
        style = torch.rand(n, config.style, generator=dice)
        made = decode(
            networks,
            trajectory(networks, z.to(networks.device), style.to(networks.device))[-1],
        )
        rows += [row for row in made if (row > 1).any()]
        if len(rows) >= n:
            break
    return np.array(rows[:n], np.uint8).reshape(-1, 128)


def fuse_to(
    files,
    left,
    right,
    plain=None,
    weights=None,
    similarity=None,
    method=None,
    say=print,
    **options,
):
    """Fuse two files, and write what came of them.

    Parameters
    ----------
    files : sequence of path-like
        One for each style.
    left, right : path-like
    plain : path-like, optional
        Where to write the halves as they are, one after the other.
    weights : path-like, optional
        A file of weights of your own, or the folder of the run that made it.
    similarity : float, optional
        ``lambda`` of the generator; by default 0.3, if the weights have it.
    method : str, optional
        How it was trained. By default, if the weights hold such a one: "styled" for several
        styles, since it listens to them, else "ours".
    say : callable
        Takes the lines that tell what was taken and what came of it.
    **options
        Of `fusiontools.papers.connective_fusion.bring.fuse_files`.

    Returns
    -------
    str
        The notice of the weights.

    Raises
    ------
    FusionError
        If the music or the weights are not what they should be, or a file cannot be
        written.
    """
    from fusiontools.papers.connective_fusion.bring import (
        fuse_files,
        read_half,
        write_fused,
    )

    halves = (
        read_half(left, options.pop("left_bar", None)),
        read_half(right, options.pop("right_bar", None)),
    )
    networks, about = _networks(
        weights, method, similarity, VARIED if len(files) > 1 else METHOD
    )
    made = fuse_files(networks, *halves, styles=len(files), **options)
    if not all((row > 1).any() for row in made.tokens):
        raise NoNotesError(
            "nothing but rests came of it",
            files[0],
            "take another seed, or less of --amount",
        )
    heard = _heard([made.plain, *made.tokens])
    for file, tokens in zip(files, made.tokens):
        write_fused(tokens, file, halves[0])
    if plain is not None:
        write_fused(made.plain, plain, halves[0])
    for name, half in zip(("Left", "Right"), halves):
        for sentence in (f"{name}: {half}.", *(f"  {sentence}" for sentence in half.said)):
            say(sentence)
    taken = about["generator"]
    say(f"Generator: {taken['method']}, lambda {taken['similarity']:g}.")
    for i, (file, distance) in enumerate(zip(files, made.distance), start=1):
        verdict = (
            ""
            if heard is None
            else f" The judge takes it for one melody with {heard[i]}, the halves as they are with {heard[0]}."
        )
        say(f"Fused: {file}, at z-distance {distance:.2f} from the halves.{verdict}")
    if plain is not None:
        say(f"Plain: {plain}, the halves as they are.")
    return _notice(about)


def _heard(melodies):
    """What the judge that comes with the package says to melodies, in words; None without
    it.
    """
    from fusiontools.judges.reality import load_judge

    try:
        judge = load_judge(SHIPPED)
    except CorpusError:
        return None
    return [f"{100 * probability:.0f} %" for probability in judge(melodies)]


def _networks(own, method=None, similarity=None, rather=METHOD):
    """Networks from weights of one's own, a file or a run's folder, or from those that come
    with the package.

    Where no method is named it is `rather`, if there is one of it.
    """
    import torch

    from fusiontools.papers.connective_fusion.fusing import load_weights, shipped_weights

    torch.set_num_threads(1)  # see `train_run`: a handful of melodies is no work to share
    path = shipped_weights(SHIPPED) if own is None else Path(own)
    if own is None and not path.is_file():
        do = "train your own: python -m fusiontools train connective_fusion --run DIR"
        raise RecordError(
            "no weights of Connective Fusion come with the package", SHIPPED, do
        )
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            begun, do = (
                (path / "config.json").is_file(),
                f"finish it with `python -m fusiontools train --run {shlex.quote(str(path))}`",
            )
            raise RecordError(
                "no weights yet" if begun else "no run's folder",
                path,
                do if begun else "check the path",
            )
        path /= WEIGHTS
    networks, about = load_weights(path=path, similarity=similarity, method=method)
    there = [
        one["method"]
        for one in about["generators"]
        if similarity in (None, one["similarity"])
    ]
    if method is None and rather in there and about["generator"]["method"] != rather:
        return load_weights(path=path, similarity=similarity, method=rather)
    return networks, about


def _notice(about):
    corpora, terms = (
        ", ".join(about["corpora"]) or "music of your own",
        about["terms"] or "those of that music",
    )
    return f"Weights trained on {corpora}. Terms: {terms.rstrip('.')}."
