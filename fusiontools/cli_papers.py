"""The commands ``train`` and ``sample``: they train a paper's model in a folder, and let it
write. Run folders, interrupts and what is told are here; models are the papers' own.

`fusiontools.cli` is the door that they stand behind. A further paper is one more entry of
`PAPERS`; what its module must have, `fusiontools.report.experiment` says; ``sample`` asks
for two names more, ``NAME`` of the files and ``sample_files``. A paper without them, which
writes nothing from nothing, says with ``HEAR`` what else lets a run be heard.
"""

import importlib
import os
import re
import shlex
import tempfile
import time
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from fusiontools.cli_door import check_folder, needs, notice, option
from fusiontools.cli_music import FORMATS, MIDI, write_music
from fusiontools.cli_options import Force, Json, Method, Run, seed_option
from fusiontools.cli_told import Facts, say, tell
from fusiontools.errors import FusionError, RecordError
from fusiontools.files import drop_drafts

__all__ = ["PAPERS", "first_methods", "methods", "sample", "train"]

PAPERS = {
    "fusiongan": "fusiontools.papers.fusiongan.evidence.experiment",
    "connective_fusion": "fusiontools.papers.connective_fusion.evidence.experiment",
    "domain_transfer": "fusiontools.papers.domain_transfer.evidence.experiment",
    "lstm_gan": "fusiontools.papers.lstm_gan.evidence.experiment",
    "audio_style": "fusiontools.papers.audio_style.evidence.experiment",
    "masked": "fusiontools.compare.experiment",  # no paper: what one would do today
}
OTHER_FOLDER = "choose another folder"
_NAMES = ", ".join(PAPERS)


def methods() -> dict[str, list[tuple[str, str]]]:
    """For each paper the methods that can be trained, as pairs of a name and what it is."""
    return {name: list(_module(name).METHODS.items()) for name in PAPERS}


def first_methods() -> dict[str, str]:
    """For each paper the method that is trained where none is named."""
    return {name: _module(name).METHOD for name in PAPERS}


def _module(paper):
    if paper not in PAPERS:
        do = f"choose one of {_NAMES}"
        raise FusionError(f"no paper is called {paper!r}", "PAPER", do)
    return importlib.import_module(PAPERS[paper])


def _argument(help):
    return typer.Argument(help=help, show_default=False)


_SCALES = "smoke, laptop, shipped or paper; by default FUSIONTOOLS_SCALE, or laptop."
_DATA = (
    "For fusiongan essen_ryan (the default) or weimar_essen; for connective_fusion fiddle "
    "(the default), fiddle_pop909, tunebooks or lakh; for domain_transfer chorales_fiddle "
    "(the default) or classical_metal; for lstm_gan chorales (the default), rock, lakh or "
    "a folder of scores; for audio_style rendered (the default), gtzan_mini or gtzan; "
    "or data of your own in a file."
)
_FOLDERS = (
    "Two folders of scores of your own, MIDI, ABC or MusicXML; for fusiongan the two "
    "genres, for domain_transfer the source and the target; for audio_style of recordings."
)


def train(
    run: Annotated[Path, Run],
    paper: Annotated[str, _argument(f"For a new run: {_NAMES}.")] = "",
    scale: Annotated[str | None, option("NAME", _SCALES)] = None,
    seed: Annotated[int | None, seed_option()] = None,
    method: Method = None,
    data: Annotated[str | None, option("NAME|FILE.npz|DIR", _DATA)] = None,
    folders: Annotated[tuple[Path, Path] | None, option("A B", _FOLDERS)] = None,
    device: Annotated[str, option("NAME", "auto, cpu or cuda.")] = "auto",
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if data and folders:
        told = "name the data by --data or by --folders"
        raise typer.BadParameter(told, param_hint="--folders")
    needs("torch", "safetensors", "lightning")
    check_folder(run)
    with _stoppable(run, device):
        told = _told(run)
        own = _module(_paper(paper, told, run))
        before = (run / "record.json").is_file()
        folders = _folders(own, data, folders)
        from fusiontools.report.experiment import train_in_folder
        from fusiontools.training import scale as checked

        scale = checked(scale or told.get("scale"))
        seed = told.get("seed", 0) if seed is None else seed
        asked = (method or told.get("method", own.METHOD), scale, seed, folders or data)
        progress = partial(say, err=as_json)
        record = train_in_folder(own, run, *asked, device, say=progress)
    facts: Facts = {"command": "train", "run": run, "record": run / "record.json"}
    facts |= {"paper": record.paper, "finished_before": before}
    facts |= _recorded(record) | {"hear": None}
    facts["metrics"] = {n: record.metrics[n] for n in own.MAIN if n in record.metrics}
    if record.samples:  # a VAE alone has none
        hear = getattr(own, "HEAR", "sample --run {run} --out melodies")
        facts["hear"] = "python -m fusiontools "
        facts["hear"] += hear.format(run=shlex.quote(str(run)))
    tell(facts, lambda facts: _trained(facts, own.MAIN), as_json)


def _recorded(record):
    """What a record says of its run."""
    names = ("method", "scale", "seed", "minutes", "device")
    return {n: getattr(record, n) for n in names} | {"data": record.data["name"]}


def _trained(facts, says):
    ended = "This run was finished before" if facts["finished_before"] else "Finished"
    yield f"{ended}: {facts['record']}"
    about = f"scale {facts['scale']}, seed {facts['seed']}, data {facts['data']}"
    took = f"{facts['minutes']:.1f} min on {facts['device']}"
    yield f"{facts['method']}, {about}: {took}"
    for name, metric in facts["metrics"].items():
        yield f"  {name:23} {_number(metric):23} {says[name]}"
    if facts["hear"]:
        yield f"Hear it: {facts['hear']}"


def _folders(own, data, folders):
    """The folders of music that are named, as many as the paper takes; None for none."""
    named = folders or ((Path(data),) if data and Path(data).is_dir() else None)
    wanted = getattr(own, "FOLDERS", 2)
    if named and len(named) != wanted:
        do = "name it with --data DIR" if wanted == 1 else "name them with --folders A B"
        says = f"{own.PAPER} learns from {wanted} folder{'s' * (wanted > 1)} of music"
        raise FusionError(says, "--data" if data else "--folders", do)
    return named


def _number(metric):
    if not isinstance(metric, dict):
        return f"{metric:.3f}"
    return f"{metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})"


@contextmanager
def _stoppable(run, device):
    """Ctrl-C and SIGTERM end a training with the words that go on with it. What must be
    saved, `fusiontools.training.steps` has saved.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        told = "Stopped before the training began."
        if (run / "config.json").is_file():
            told = f"python -m fusiontools train --run {shlex.quote(str(run))}"
            told = f"Go on with: {told}{'' if device == 'auto' else f' --device {device}'}"
        say(told, err=True)
        code = 130 if isinstance(stop, KeyboardInterrupt) else stop.code
        raise typer.Exit(code) from None


def _told(folder):
    """What a run's folder says about its run; nothing if there is no run yet."""
    from fusiontools.training import read_about

    if not os.path.lexists(folder / "config.json"):
        return {}
    told = read_about(folder)
    if told["paper"] not in PAPERS:
        what = f"not a run of a paper that this command knows ({_NAMES})"
        raise RecordError(what, folder, OTHER_FOLDER)
    return told


def _paper(asked, told, folder):
    """The name of the paper, as typed or as a run's folder tells it."""
    if not asked and not told:
        do = f"check the folder, or name one of {_NAMES}"
        raise FusionError("no run is there, and no paper is named", folder, do)
    if asked:
        _module(asked)
        if told and asked != told["paper"]:
            do = f"{OTHER_FOLDER}, or ask for what this one holds"
            what = f"its paper is {told['paper']}, and {asked} is asked for now"
            raise RecordError(f"another run: {what}", folder, do)
    return asked or told["paper"]


_OUT = "The folder to write to; made if it is missing."
_PAIR = (
    "Whose weights, of those that come along: essen_ryan (the default) or weimar_essen; "
    "connective_fusion has fiddle_pop909, lstm_gan rock (the default) or chorales."
)
_FORMAT = f"Of the files: one of {', '.join(FORMATS)}."


def sample(
    out: Annotated[Path, option("DIR", _OUT)],
    paper: Annotated[
        str,
        _argument("fusiongan, connective_fusion, lstm_gan or masked; a --run has its own."),
    ] = "",
    n: Annotated[int, option("N", "How many.", "-n", min=1, max=1000)] = 10,
    format: Annotated[str, option("NAME", _FORMAT)] = FORMATS[0],
    method: Method = None,
    seed: Annotated[int, seed_option()] = 0,
    pair: Annotated[str | None, option("NAME", _PAIR)] = None,
    run: Annotated[Path | None, Run] = None,
    temperature: Annotated[
        float, option("T", "Less than 1 is safer, more is wilder.")
    ] = 1.0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if not 0.01 <= temperature <= 100:
        told = "a temperature lies between 0.01 and 100"
        raise typer.BadParameter(told, param_hint="--temperature")
    if format not in FORMATS:
        told = f"choose one of {', '.join(FORMATS)}"
        raise typer.BadParameter(told, param_hint="--format")
    if not paper and not run:
        able = [name for name in PAPERS if hasattr(_module(name), "sample_files")]
        raise FusionError("no paper is named", "PAPER", f"name one of {', '.join(able)}")
    name = _paper(paper, _told(run) if run else {}, run)
    own = _module(name)
    if not hasattr(own, "sample_files"):
        do = f"give it music: python -m fusiontools {own.HEAR.split()[0]} --help"
        raise FusionError(f"{name} writes nothing from nothing", "PAPER", do)
    needs("torch", "safetensors", *(["sound"] if format != FORMATS[0] else []))
    check_folder(out)
    from fusiontools.training.checkpoint import disk_guard

    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        with disk_guard(out, "choose a folder that may be written to and has room"):
            out.mkdir(parents=True, exist_ok=True)
            asked = (n, method, pair, run, seed, temperature)
            files, method, terms = _sampled(own, out, force, format, *asked)
    finally:
        for folder in missing:  # where nothing came of it, none is left: others hold files
            with suppress(OSError):
                folder.rmdir()
    facts: Facts = {"command": "sample", "paper": name, "method": method, "out": out}
    facts |= {"files": [out / file.name for file in files], "seed": seed, "terms": terms}
    tell(facts, lambda facts: [_written(facts, own.NAME)], as_json)
    notice(terms, run)


def _written(facts, what):
    names = [file.name for file in facts["files"]]
    named, n = names[0], len(names)
    if n > 1:
        named, what = f"{named} to {names[-1]}", f"{what}s".replace("dys", "dies")
    return f"{n} {what} by {facts['method']} in {facts['out']}: {named}"


def _sampled(own, out, force, format, *asked):
    """Files in a folder, in the place of those of an earlier sample."""
    ours = re.compile(rf"{own.NAME}_\d+\.({'|'.join(FORMATS)})")
    earlier = [file for file in sorted(out.iterdir()) if ours.fullmatch(file.name)]
    if earlier and not force:
        names = f"{len(earlier)} files, {earlier[0].name} to {earlier[-1].name}"
        do = f"{OTHER_FOLDER}, or add --force to replace every one of them"
        raise FusionError(f"it holds an earlier sample ({names})", out, do)
    # A sample that fails leaves the earlier one alone; one that is there leaves none of a
    # longer one behind, to be taken for a part of it.
    drop_drafts(out, before=time.time() - 3600)  # of a sample that was killed
    with tempfile.TemporaryDirectory(prefix=".sample-", dir=out) as draft:
        files, *told = own.sample_files(draft, *asked)
        files = [_as_format(file, format) for file in files]
        for file in earlier:
            file.unlink()
        for file in files:
            file.replace(out / file.name)
    return files, *told


def _as_format(file, format):
    """A file of MIDI, or one of sound beside it."""
    if f".{format}" in MIDI:
        return file
    from fusiontools.music.midi import read_midi

    made = file.with_suffix(f".{format}")
    write_music(read_midi(file), made)
    return made
