"""The commands that train a paper's model and let it write or fuse: run folders,
interrupts, and what is told. Models are the papers' own.

`fusiontools.cli` is the door that they stand behind. A further paper is one more entry of
`PAPERS`.
"""

import importlib
import json
import re
import shlex
import signal
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from fusiontools.errors import FusionError, RecordError

__all__ = ["PAPERS", "fuse", "methods", "sample", "train"]

PAPERS = {  # each of these modules has what the first one has
    "fusiongan": "fusiontools.papers.fusiongan.evidence.commands",
    "connective_fusion": "fusiontools.papers.connective_fusion.evidence.commands",
}
OTHER = "choose another folder, or ask for what this one holds"
_NAMES = ", ".join(PAPERS)
_SEED = {"min": 0, "max": 2**32 - 1}


def methods():
    """For each paper the methods that can be trained, as pairs of a name and what it is."""
    return {paper: list(_room(paper).METHODS.items()) for paper in PAPERS}


def _room(paper):
    if paper not in PAPERS:
        raise FusionError(
            f"no paper is called {paper!r}", "PAPER", f"choose one of {_NAMES}"
        )
    return importlib.import_module(PAPERS[paper])


def train(
    run: Annotated[
        Path,
        typer.Option(
            help="The run's folder. To go on with a run, this is all you need.",
            metavar="DIR",
        ),
    ],
    paper: Annotated[
        str, typer.Argument(help=f"For a new run: {_NAMES}.", show_default=False)
    ] = "",
    scale: Annotated[
        str | None,
        typer.Option(
            help="smoke, laptop, shipped or paper; by default FUSIONTOOLS_SCALE, or laptop.",
            metavar="NAME",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of all that is random; by default 0.", metavar="N", **_SEED),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="One of its paper's above; by default fusion, or ours.", metavar="NAME"
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="For fusiongan essen_ryan (the default) or weimar_essen; for connective_fusion fiddle (the default), fiddle_pop909, "
            "tunebooks or lakh; or data of your own in a file.",
            metavar="NAME|FILE.npz",
        ),
    ] = None,
    folders: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            help="Two folders of MIDI files of your own; for fusiongan the two genres.",
            metavar="A B",
        ),
    ] = None,
    device: Annotated[
        str, typer.Option(help="auto, cpu or cuda.", metavar="NAME")
    ] = "auto",
):
    if data and folders:
        raise typer.BadParameter(
            "name the data by --data or by --folders", param_hint="--folders"
        )
    data = data or folders
    with _stoppable(run, device):
        told = _told(run)
        room = _room(_paper(paper, told, run))
        before = (run / "record.json").is_file()
        from fusiontools.training import scale as checked

        scale, seed = (
            checked(scale or told.get("scale")),
            told.get("seed", 0) if seed is None else seed,
        )
        record = room.train_run(
            run,
            method or told.get("method", room.METHOD),
            scale,
            seed,
            data,
            device,
            typer.echo,
        )
    typer.echo(
        f"{'This run was finished before' if before else 'Finished'}: {run / 'record.json'}"
    )
    took = f"{record.minutes:.1f} min on {record.device}"
    typer.echo(
        f"{record.method}, scale {record.scale}, seed {record.seed}, data {record.data['name']}: {took}"
    )
    for name, says in room.MAIN.items():
        if name in record.metrics:
            m = record.metrics[name]
            number = (
                f"{m['value']:.3f} ({m['low']:.3f} to {m['high']:.3f})"
                if isinstance(m, dict)
                else f"{m:.3f}"
            )
            typer.echo(f"  {name:14} {number:23} {says}")
    if record.samples:  # a VAE alone has none
        typer.echo(
            f"Hear it: python -m fusiontools sample --run {shlex.quote(str(run))} --out melodies"
        )


@contextmanager
def _stoppable(run, device):
    """Ctrl-C and SIGTERM end a training with the words that go on with it. What must be
    saved, `fusiontools.training.steps` has saved.
    """

    def leave(number, frame):
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as stop:
        if (run / "config.json").is_file():
            more = "" if device == "auto" else f" --device {device}"
            typer.echo(
                f"Go on with: python -m fusiontools train --run {shlex.quote(str(run))}{more}",
                err=True,
            )
        else:
            typer.echo("Stopped before the training began.", err=True)
        raise typer.Exit(
            130 if isinstance(stop, KeyboardInterrupt) else stop.code
        ) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _told(folder):
    """What a run's folder says about its run; nothing if there is no run yet."""
    path = folder / "config.json"
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise RecordError(
            f"cannot be read ({error})", path, "choose another folder"
        ) from None
    if not isinstance(told, dict) or told.get("paper") not in PAPERS:
        raise RecordError(
            f"not a run of a paper that this command knows ({_NAMES})",
            folder,
            "choose another folder",
        )
    return told


def _paper(asked, told, folder):
    """The name of the paper, as typed or as a run's folder tells it."""
    if not asked and not told:
        if folder:
            raise FusionError(
                "no run is there, and no paper is named",
                folder,
                f"check the folder, or name one of {_NAMES}",
            )
        raise FusionError("no paper is named", "PAPER", f"name one of {_NAMES}")
    if asked:
        _room(asked)
        if told and asked != told["paper"]:
            raise RecordError(
                f"another run: its paper is {told['paper']}, and {asked} is asked for now",
                folder,
                OTHER,
            )
    return asked or told["paper"]


def sample(
    out: Annotated[
        Path,
        typer.Option(
            help="The folder that they go to; made if it is missing.", metavar="DIR"
        ),
    ],
    paper: Annotated[
        str, typer.Argument(help=f"{_NAMES}; not needed with --run.", show_default=False)
    ] = "",
    n: Annotated[int, typer.Option("-n", min=1, help="How many.", metavar="N")] = 10,
    method: Annotated[
        str | None,
        typer.Option(
            help="Of those that the weights hold: for fusiongan by default fusion_ours, or else the first one; for connective_fusion ours "
            "(the default) or styled.",
            metavar="NAME",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Another seed, other melodies.", metavar="N", **_SEED)
    ] = 0,
    pair: Annotated[
        str | None,
        typer.Option(
            help="Whose weights, of those that come along: essen_ryan (the default) or weimar_essen; connective_fusion has fiddle_pop909.",
            metavar="NAME",
        ),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(help="A finished run, to take its weights instead.", metavar="DIR"),
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="Less than 1 is safer, more is wilder.", metavar="T")
    ] = 1.0,
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Replace the melodies of an earlier sample in that folder."
        ),
    ] = False,
):
    if not 0.01 <= temperature <= 100:
        raise typer.BadParameter(
            "a temperature lies between 0.01 and 100", param_hint="--temperature"
        )
    room = _room(_paper(paper, _told(run) if run else {}, run))
    from fusiontools.training.checkpoint import disk_guard

    with disk_guard(out, "choose a folder that may be written to and has room"):
        out.mkdir(parents=True, exist_ok=True)
        earlier = [
            file
            for file in sorted(out.iterdir())
            if re.fullmatch(rf"{room.NAME}_\d+\.mid", file.name)
        ]
        if earlier and not force:
            found = f"it holds an earlier sample ({len(earlier)} files, {earlier[0].name} to {earlier[-1].name})"
            raise FusionError(
                found,
                out,
                "choose another folder, or add --force to replace every one of them",
            )
        with tempfile.TemporaryDirectory(
            prefix=".sample-", dir=out
        ) as draft:  # a sample that fails leaves the earlier one alone
            files, method, notice = room.sample_files(
                draft, n, method, pair, run, seed, temperature
            )
            for file in (
                earlier
            ):  # of a longer one some would stay, and be taken for part of this one
                file.unlink()
            for file in files:
                file.replace(out / file.name)
    named = files[0].name if n == 1 else f"{files[0].name} to {files[-1].name}"
    typer.echo(f"{n} melod{'y' if n == 1 else 'ies'} by {method} in {out}: {named}")
    typer.echo(notice, err=True)


def fuse(
    left: Annotated[
        Path,
        typer.Argument(
            help="What comes first: a MIDI, MusicXML or ABC file.",
            metavar="LEFT",
            show_default=False,
        ),
    ],
    right: Annotated[
        Path, typer.Argument(help="What comes second.", metavar="RIGHT", show_default=False)
    ],
    out: Annotated[Path, typer.Option(help="The MIDI file to write.", metavar="OUT.mid")],
    amount: Annotated[
        float,
        typer.Option(
            help="0: the halves as the model hears them; 1: all of the way.", metavar="0..1"
        ),
    ] = 1.0,
    iterations: Annotated[
        int,
        typer.Option(min=1, max=1000, help="How often they are transformed.", metavar="N"),
    ] = 1,
    styles: Annotated[
        int,
        typer.Option(
            min=1, max=1000, help="So many styles: OUT-1.mid, OUT-2.mid ...", metavar="K"
        ),
    ] = 1,
    seed: Annotated[
        int, typer.Option(help="Another seed, other styles.", metavar="N", **_SEED)
    ] = 0,
    similarity: Annotated[
        float | None,
        typer.Option(
            help="The weights' lambda: 0.1 changes most, 2 least; by default 0.3.",
            metavar="L",
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Of those that the weights hold: ours, or styled, whose styles differ most; by default styled if --styles is more than 1, "
            "else ours.",
            metavar="NAME",
        ),
    ] = None,
    left_bar: Annotated[
        int | None,
        typer.Option(
            help="The first of LEFT's four bars; 1 is its first whole bar.", metavar="N"
        ),
    ] = None,
    right_bar: Annotated[
        int | None, typer.Option(help="The same for RIGHT.", metavar="N")
    ] = None,
    plain: Annotated[
        Path | None,
        typer.Option(help="Write the halves as they are, too.", metavar="PLAIN.mid"),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            help="Weights of your own: a file, or a finished run's folder.", metavar="FILE"
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that are there.")
    ] = False,
):
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    files = (
        [out]
        if styles == 1
        else [out.with_name(f"{out.stem}-{i}{out.suffix}") for i in range(1, styles + 1)]
    )
    for file, option in [
        *((file, "--out") for file in files),
        *([(plain, "--plain")] if plain else []),
    ]:
        _check_free(file, option, force, left, right)
    if plain and plain.resolve() in {file.resolve() for file in files}:
        raise typer.BadParameter("it is the file of --out", param_hint="--plain")
    room = _room("connective_fusion")
    dials = {
        "amount": amount,
        "iterations": iterations,
        "seed": seed,
        "left_bar": left_bar,
        "right_bar": right_bar,
    }
    notice = room.fuse_to(
        files, left, right, plain, weights, similarity, method, typer.echo, **dials
    )
    typer.echo(notice, err=True)


def _check_free(file, option, force, *inputs):
    """Refuse a file to write that is not meant to be written, before anything is computed."""
    if file.suffix.lower() not in (".mid", ".midi"):
        raise typer.BadParameter(
            f"{file} will be a MIDI file: let its name end in .mid", param_hint=option
        )
    if not file.parent.is_dir():
        raise FusionError("no such folder", file.parent, "make it first, or choose another")
    if file.resolve() in {path.resolve() for path in inputs}:
        raise FusionError(
            "it is one of the two files that are fused", file, "choose another name"
        )
    if file.exists() and not force:
        raise FusionError(
            "it is there already", file, "choose another name, or add --force to replace it"
        )
