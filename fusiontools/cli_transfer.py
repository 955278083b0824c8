"""The command ``transfer``: a piece goes over into another genre, and what was taken, what
was adapted and what came of it is told. Chapter 5, Domain transfer, shows it
(``notebooks/05_domain_transfer_2_full_size``).

`fusiontools.cli` is the door that it stands behind. What is heavy is imported when the
command runs, so that ``--help`` is there at once.
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from fusiontools.cli_door import check_free, needs, notice, option, say
from fusiontools.errors import CorpusError, FusionError, NoNotesError, RecordError

__all__ = ["transfer"]

MIDI = (".mid", ".midi")


_IN = typer.Argument(metavar="IN", help="A MIDI, MusicXML or ABC file.", show_default=False)
_TO = "metal or fiddle; with weights of your own, the second of their genres."
_METHOD = (
    "Of those that the weights hold: full, the paper's (the default), or, for metal, ours."
)
_PROGRAM = "General MIDI: by default 30 for metal, a guitar, 40 for fiddle, a violin."
_TRACK = "Of this track the highest voice: its number, or a part of its name."
_TUNE = "Of an IN that is a book in ABC: its number, or a part of its title."
_SNAP = "Leave notes off the 16ths and the scale, and bars unlike that are alike in IN."


def transfer(
    music: Annotated[Path, _IN],
    to: Annotated[str, option("GENRE", _TO)],
    out: Annotated[Path, option("OUT.mid", "The MIDI file to write.")],
    amount: Annotated[
        float,
        option("0..1", "0: the line, as far as the picture holds it; 1: all of the way."),
    ] = 1.0,
    method: Annotated[str | None, option("NAME", _METHOD)] = None,
    weights: Annotated[
        Path | None, option("FILE", "Your own: a file, or a run's folder.")
    ] = None,
    tempo: Annotated[str, option("keep|BPM", "The source's, or beats a minute.")] = "keep",
    program: Annotated[int | None, option("N", _PROGRAM, min=0, max=127)] = None,
    track: Annotated[str | None, option("N|NAME", _TRACK)] = None,
    tune: Annotated[str | None, option("N|NAME", _TUNE)] = None,
    no_snap: Annotated[bool, option(None, _SNAP, "--no-snap")] = False,
    plain: Annotated[
        Path | None, option("PLAIN.mid", "Write the line as it is, too.")
    ] = None,
    force: Annotated[
        bool, option(None, "Replace files that are there.", "--force")
    ] = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    bpm = _bpm(tempo)
    check_free(out, "--out", MIDI, force, music)
    if plain:
        check_free(plain, "--plain", MIDI, force, music)
        if plain.resolve() == out.resolve():
            raise typer.BadParameter("it is the file of --out", param_hint="--plain")
    needs("torch", "safetensors")

    import torch

    from fusiontools.music.midi import write_midi
    from fusiontools.music.notes import Tempo
    from fusiontools.papers.domain_transfer.transfer import TARGETS, transfer_file
    from fusiontools.training import weights_notice

    torch.set_num_threads(1)  # one piece is no work to share
    networks, about = _weights(to, method, weights, TARGETS)
    _, usual, ceiling = TARGETS.get(to, ("", 0, 108))
    dials = (usual if program is None else program, ceiling, track, not no_snap, tune)
    made = transfer_file(networks, music, amount, *dials)
    if not len(made.notes):
        raise NoNotesError("nothing but rests came of it", out, "take less of --amount")
    for file, piece in ((out, made.piece), (plain, made.plain)):
        if file:
            write_midi(replace(piece, tempo=Tempo.constant(bpm)) if bpm else piece, file)
    say(*_told(made, music, amount, not no_snap, about, out, plain))
    notice(weights_notice(about), weights)


def _bpm(tempo):
    """Beats a minute; None for those of the source."""
    with suppress(ValueError):
        if tempo == "keep" or 4 <= float(tempo) <= 3000:
            return None if tempo == "keep" else float(tempo)
    raise typer.BadParameter("keep, or a number from 4 to 3000", param_hint="--tempo")


def _weights(to, method, path, targets):
    """Networks that transfer to a genre, and what their weights say."""
    from fusiontools.papers.domain_transfer.transfer import load_weights

    if path is None and to not in targets:
        do = f"choose {' or '.join(targets)}, or name weights of your own with --weights"
        raise FusionError(f"nothing comes along that transfers to {to!r}", "--to", do)
    networks, about = load_weights(targets.get(to, [None])[0], method, path)
    if about["labels"][1] != to:
        found = f"these weights transfer to {about['labels'][1]}, not to {to}"
        raise RecordError(found, path, "name that with --to, or take other weights")
    return networks, about


def _told(made, music, amount, as_heard, about, out, plain):
    """What was taken, what was adapted and what came of it, line by line."""
    from fusiontools.score.transfer import copied_fraction, onsets_a_bar

    yield f"Source: {music}, {made.taken}."
    yield from (f"  {sentence}" for sentence in made.said)
    yield f"Network: {about['method']}, from {' to '.join(about['labels'])}."
    line, tokens = made.line[None], made.tokens[None]
    share = copied_fraction(tokens, line)[0]
    kept = f"It keeps the pitch to a semitone {100 * share:.0f} % of the time"
    before, after = (f"{onsets_a_bar(row)[0]:.1f}" for row in (line, tokens))
    kept += f", and has {after} notes a bar, the line {before}"
    yield f"Transferred: {out}, amount {amount:g}. {kept}."
    for judge, (before, after) in _verdicts(made, about, as_heard).items():
        yield f"  The judge by {judge}, of windows: {after}; of the line alone: {before}."
    if plain:
        yield f"Plain: {plain}, the line as it is."


def _verdicts(made, about, as_heard):
    """From each judge to what it says of windows of the line, and of what came of them."""
    from collections import Counter

    from fusiontools.judges.lines import load_judges, verdicts
    from fusiontools.music import lines, pictures

    try:
        judges = load_judges(about["data"])
    except CorpusError:
        return {}
    line, tokens = lines.windows(made.line), lines.windows(made.tokens)
    line = pictures.heard(line, line) if as_heard else line  # both alike
    words = dict(zip(("source", "target"), about["labels"]), blend="a blend")

    def said(judge, rows):
        many = Counter(verdicts(judge, rows).tolist()).most_common()
        return ", ".join(f"{words.get(v, v)} in {n} of {len(rows)}" for v, n in many)

    return {judge.kind: (said(judge, line), said(judge, tokens)) for judge in judges}
