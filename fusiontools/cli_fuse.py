"""The command ``fuse``: two files become one melody, and what was taken, what was adapted
and what came of it is told. Chapter 4, Connective Fusion, shows it
(``notebooks/04_connective_fusion_2_full_size``).

`fusiontools.cli` is the door that it stands behind. What is heavy is imported when the
command runs, so that ``--help`` is there at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from fusiontools.cli_door import check_free, needs, notice, option, say
from fusiontools.errors import CorpusError, NoNotesError

__all__ = ["fuse"]

MIDI = (".mid", ".midi")


def _file(metavar, help):
    return typer.Argument(metavar=metavar, help=help, show_default=False)


Left = Annotated[Path, _file("LEFT", "What comes first: a MIDI, MusicXML or ABC file.")]
Right = Annotated[Path, _file("RIGHT", "What comes second.")]
Out = Annotated[Path, option("OUT.mid", "The MIDI file to write.")]
_ENDS = "0: the halves as the model hears them; 1: all of the way."
Amount = Annotated[float, option("0..1", _ENDS)]
Iterations = Annotated[int, option("N", "How often they are transformed.", min=1, max=1000)]
_FILES = "So many styles: OUT-1.mid, OUT-2.mid ..."
Styles = Annotated[int, option("K", _FILES, min=1, max=1000)]
Seed = Annotated[int, option("N", "Another seed, other styles.", min=0, max=2**32 - 1)]
_LAMBDA = "The weights' lambda: 0.1 changes most, 2 least; by default 0.3."
Similarity = Annotated[float | None, option("L", _LAMBDA)]
_METHODS = (
    "Of those that the weights hold: ours, or styled, whose styles differ most; "
    "by default styled if --styles is more than 1, else ours."
)
Method = Annotated[str | None, option("NAME", _METHODS)]
_BAR = (
    "The first of LEFT's four bars; 1 is its first whole bar. Bars of a MusicXML score "
    "count as written, of an ABC tune as played."
)
LeftBar = Annotated[int | None, option("N", _BAR)]
RightBar = Annotated[int | None, option("N", "The same for RIGHT.")]
Plain = Annotated[Path | None, option("PLAIN.mid", "Write the halves as they are, too.")]
_TRACK = "Of this track of LEFT alone: its number, or a part of its name."
LeftTrack = Annotated[str | None, option("N|NAME", _TRACK)]
RightTrack = Annotated[str | None, option("N|NAME", "The same for RIGHT.")]
_TUNE = "Of a LEFT that is a book in ABC: its number, or a part of its title."
LeftTune = Annotated[str | None, option("N|NAME", _TUNE)]
RightTune = Annotated[str | None, option("N|NAME", "The same for RIGHT.")]
_OWN = "Weights of your own: a file, or a finished run's folder."
Weights = Annotated[Path | None, option("FILE", _OWN)]
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
    left_track: LeftTrack = None,
    right_track: RightTrack = None,
    left_tune: LeftTune = None,
    right_tune: RightTune = None,
    plain: Plain = None,
    weights: Weights = None,
    force: Force = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    files = [out]
    if styles > 1:
        files = [out.with_stem(f"{out.stem}-{i}") for i in range(1, styles + 1)]
    for file in files:
        check_free(file, "--out", MIDI, force, left, right)
    if plain:
        check_free(plain, "--plain", MIDI, force, left, right)
        if plain.resolve() in {file.resolve() for file in files}:
            raise typer.BadParameter("it is the file of --out", param_hint="--plain")
    needs("torch", "safetensors")

    import torch

    from fusiontools.music.excerpts import read_excerpt, write_grid
    from fusiontools.papers.connective_fusion import fusing
    from fusiontools.training import weights_notice

    torch.set_num_threads(1)  # one melody is no work to share
    pair = (
        read_excerpt(left, left_bar, track=left_track, tune=left_tune),
        read_excerpt(right, right_bar, track=right_track, tune=right_tune),
    )
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
    say(*_told(made, about["generator"], files, plain, verdicts))
    notice(weights_notice(about), weights)


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
        # the file has the tempo and the instrument of LEFT
        for sentence in excerpt.said + excerpt.played * (name == "Left"):
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
