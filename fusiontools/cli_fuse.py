"""The command ``fuse``: two files become one melody, and what was taken, what was adapted
and what came of it is told. Chapter 4, Connective Fusion, shows it
(``notebooks/04_connective_fusion_2_full_size``).

`fusiontools.cli` is the door that it stands behind. What is heavy is imported when the
command runs, so that ``--help`` is there at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from fusiontools.errors import CorpusError, FusionError, NoNotesError

__all__ = ["fuse"]


def _option(kind, metavar, help, **bounds):
    return Annotated[kind, typer.Option(metavar=metavar, help=help, **bounds)]


def _file(metavar, help):
    return Annotated[Path, typer.Argument(metavar=metavar, help=help, show_default=False)]


Left = _file("LEFT", "What comes first: a MIDI, MusicXML or ABC file.")
Right = _file("RIGHT", "What comes second.")
Out = _option(Path, "OUT.mid", "The MIDI file to write.")
_ENDS = "0: the halves as the model hears them; 1: all of the way."
Amount = _option(float, "0..1", _ENDS)
Iterations = _option(int, "N", "How often they are transformed.", min=1, max=1000)
_FILES = "So many styles: OUT-1.mid, OUT-2.mid ..."
Styles = _option(int, "K", _FILES, min=1, max=1000)
Seed = _option(int, "N", "Another seed, other styles.", min=0, max=2**32 - 1)
_LAMBDA = "The weights' lambda: 0.1 changes most, 2 least; by default 0.3."
Similarity = _option(float | None, "L", _LAMBDA)
_METHODS = (
    "Of those that the weights hold: ours, or styled, whose styles differ most; "
    "by default styled if --styles is more than 1, else ours."
)
Method = _option(str | None, "NAME", _METHODS)
_BAR = "The first of LEFT's four bars; 1 is its first whole bar."
LeftBar = _option(int | None, "N", _BAR)
RightBar = _option(int | None, "N", "The same for RIGHT.")
Plain = _option(Path | None, "PLAIN.mid", "Write the halves as they are, too.")
_OWN = "Weights of your own: a file, or a finished run's folder."
Weights = _option(Path | None, "FILE", _OWN)
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]


def fuse(
    left: Left,
    right: Right,
    out: Out,
    amount: Amount = 1.0,
    iterations: Iterations = 1,
    styles: Styles = 1,
    seed: Seed = 0,
    similarity: Similarity = None,
    method: Method = None,
    left_bar: LeftBar = None,
    right_bar: RightBar = None,
    plain: Plain = None,
    weights: Weights = None,
    force: Force = False,
):
    """The command; `fusiontools.cli` has its help."""
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    files = [out]
    if styles > 1:
        files = [out.with_stem(f"{out.stem}-{i}") for i in range(1, styles + 1)]
    for file in files:
        _check_free(file, "--out", force, left, right)
    if plain:
        _check_free(plain, "--plain", force, left, right)
        if plain.resolve() in {file.resolve() for file in files}:
            raise typer.BadParameter("it is the file of --out", param_hint="--plain")

    import torch

    from fusiontools.music.excerpts import read_excerpt, write_grid
    from fusiontools.papers.connective_fusion import fusing
    from fusiontools.training import weights_notice

    torch.set_num_threads(1)  # one melody is no work to share
    pair = read_excerpt(left, left_bar), read_excerpt(right, right_bar)
    networks, about = fusing.load_weights(
        path=weights,
        similarity=similarity,
        method=method,
        rather="ours" if styles == 1 else "styled",
    )
    dials = {"iterations": iterations, "amount": amount, "seed": seed}
    made = fusing.fuse_files(networks, *pair, styles=styles, **dials)
    if not all((row > 1).any() for row in made.tokens):
        do = "take another seed, or less of --amount"
        raise NoNotesError("nothing but rests came of it", files[0], do)
    verdicts = _verdicts([made.plain, *made.tokens])
    for file, row in zip(files, made.tokens):
        write_grid(row, file, made.left)
    if plain:
        write_grid(made.plain, plain, made.left)
    for line in _told(made, about["generator"], files, plain, verdicts):
        typer.echo(line)
    typer.echo(weights_notice(about), err=True)


def _check_free(file, option, force, *inputs):
    """Refuse a file that is not meant to be written, before anything is computed."""
    if file.suffix.lower() not in (".mid", ".midi"):
        found = f"{file} will be a MIDI file: let its name end in .mid"
        raise typer.BadParameter(found, param_hint=option)
    if not file.parent.is_dir():
        raise FusionError("no such folder", file.parent, "make it first, or choose another")
    if file.resolve() in {path.resolve() for path in inputs}:
        found = "it is one of the two files that are fused"
        raise FusionError(found, file, "choose another name")
    if file.exists() and not force:
        do = "choose another name, or add --force to replace it"
        raise FusionError("it is there already", file, do)


def _verdicts(melodies):
    """What the judge that comes with the package says to melodies, in words; None without
    it.
    """
    from fusiontools.judges.reality import load_judge
    from fusiontools.papers.connective_fusion.fusing import SHIPPED

    try:
        judge = load_judge(SHIPPED)
    except CorpusError:
        return None
    return [f"{100 * probability:.0f} %" for probability in judge(melodies)]


def _told(made, generator, files, plain, verdicts):
    """What was taken, what was adapted and what came of it, line by line."""
    for name, excerpt in (("Left", made.left), ("Right", made.right)):
        yield f"{name}: {excerpt}."
        for sentence in excerpt.said:
            yield f"  {sentence}"
    yield f"Generator: {generator['method']}, lambda {generator['similarity']:g}."
    for i, (file, distance) in enumerate(zip(files, made.distance), start=1):
        line = f"Fused: {file}, at z-distance {distance:.2f} from the halves."
        if verdicts:
            line += f" The judge takes it for one melody with {verdicts[i]}, "
            line += f"the halves as they are with {verdicts[0]}."
        yield line
    if plain:
        yield f"Plain: {plain}, the halves as they are."
