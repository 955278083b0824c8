"""The command ``fuse``: two files become one melody, and what was taken, what was adapted
and what came of it is told. Chapter 4, Connective Fusion, shows it
(``notebooks/04_connective_fusion_2_full_size``).

`fusiontools.cli` is the door that it stands behind. What is heavy is imported when the
command runs, so that ``--help`` is there at once.
"""

from pathlib import Path
from typing import Annotated

import typer

from fusiontools.cli_door import needs, notice, option
from fusiontools.cli_music import check_music, needs_for, write_music
from fusiontools.cli_options import (
    Amount,
    Force,
    Json,
    Method,
    Out,
    Plain,
    Weights,
    file_argument,
    seed_option,
)
from fusiontools.cli_told import Facts, tell, told_of
from fusiontools.errors import CorpusError, NoNotesError

__all__ = ["fuse"]

_FIRST = "What comes first: a MIDI, MusicXML or ABC file."
Left = Annotated[Path, file_argument("LEFT", _FIRST)]
Right = Annotated[Path, file_argument("RIGHT", "What comes second.")]
Iterations = Annotated[int, option("N", "How often they are transformed.", min=1, max=1000)]
_FILES = "So many styles: OUT-1.mid, OUT-2.mid ..."
Styles = Annotated[int, option("K", _FILES, min=1, max=1000)]
_LAMBDA = "The weights' lambda: 0.1 changes most, 2 least; by default 0.3."
Similarity = Annotated[float | None, option("L", _LAMBDA)]
_BAR = (
    "The first of LEFT's four bars; 1 is its first whole bar. Bars of a MusicXML score "
    "count as written, of an ABC tune as played."
)
LeftBar = Annotated[int | None, option("N", _BAR)]
RightBar = Annotated[int | None, option("N", "The same for RIGHT.")]
_TRACK = "Of LEFT this track alone: its number, or a part of its name."
LeftTrack = Annotated[str | None, option("N|NAME", _TRACK)]
RightTrack = Annotated[str | None, option("N|NAME", "The same for RIGHT.")]
_TUNE = "Of a LEFT that is a book in ABC this tune: its number, or a part of its title."
LeftTune = Annotated[str | None, option("N|NAME", _TUNE)]
RightTune = Annotated[str | None, option("N|NAME", "The same for RIGHT.")]


def fuse(
    left: Left,
    right: Right,
    out: Out,
    amount: Amount = 1.0,
    iterations: Iterations = 1,
    styles: Styles = 1,
    seed: Annotated[int, seed_option()] = 0,
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
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    files = [out]
    if styles > 1:
        files = [out.with_stem(f"{out.stem}-{i}") for i in range(1, styles + 1)]
    for file in files:
        check_music(file, "--out", force, left, right)
    if plain:
        check_music(plain, "--plain", force, left, right)
        if plain.resolve() in {file.resolve() for file in files}:
            raise typer.BadParameter("it is the file of --out", param_hint="--plain")
    needs("torch", "safetensors")
    needs_for(out, plain)

    import torch

    from fusiontools.music.excerpts import read_excerpt
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
        write_music(_piece(row, made.left), file)
    if plain:
        write_music(_piece(made.plain, made.left), plain)
    terms = weights_notice(about)
    facts: Facts = {"command": "fuse"} | _facts(made, files, plain, verdicts) | dials
    facts |= {"generator": about["generator"], "terms": terms}
    tell(facts, _lines, as_json)
    notice(terms, weights)


def _piece(tokens, excerpt):
    """A melody with the tempo and the instrument of an excerpt."""
    from fusiontools.music.grid import decode_grid
    from fusiontools.music.midi import Piece, Track
    from fusiontools.music.notes import Tempo

    track = Track(decode_grid(tokens), excerpt.program)
    return Piece((track,), Tempo.constant(excerpt.bpm))


def _verdicts(melodies):
    """The probability that each is one melody, by the judge that comes with the package;
    without it None of each.
    """
    from fusiontools.judges.reality import load_judge
    from fusiontools.papers.connective_fusion.fusing import SHIPPED

    try:
        return [float(probability) for probability in load_judge(SHIPPED)(melodies)]
    except CorpusError:
        return [None] * len(melodies)


def _facts(made, files, plain, verdicts):
    """What was taken, what was adapted and what came of it."""
    facts: Facts = {}
    for name, excerpt in (("left", made.left), ("right", made.right)):
        # the file has the tempo and the instrument of LEFT
        adapted = [*excerpt.said, *excerpt.played * (name == "left")]
        facts[name] = {"file": excerpt.where, "title": excerpt.title, "bars": excerpt.bars}
        facts[name] |= {"taken": str(excerpt), "adapted": adapted}
    rows = zip(files, made.distance, verdicts[1:])
    names = ("file", "z_distance", "one_melody")
    facts["fused"] = [dict(zip(names, (file, float(d), p))) for file, d, p in rows]
    facts["plain"] = {"file": plain, "one_melody": verdicts[0]}
    return facts


def _lines(facts):
    for name in ("left", "right"):
        yield f"{name.capitalize()}: {facts[name]['taken']}."
        yield from told_of(facts[name]["adapted"])
    generator, plain = facts["generator"], facts["plain"]
    yield f"Generator: {generator['method']}, lambda {generator['similarity']:g}."
    for one in facts["fused"]:
        line = f"Fused: {one['file']}, at z-distance {one['z_distance']:.2f} from the"
        line += " halves."
        if one["one_melody"] is not None:
            line += " The judge takes it for one melody with "
            line += f"{100 * one['one_melody']:.0f} %, the halves as they are with "
            line += f"{100 * plain['one_melody']:.0f} %."
        yield line
    if plain["file"]:
        yield f"Plain: {plain['file']}, the halves as they are."
