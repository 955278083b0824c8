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

from fusiontools.cli_door import needs, notice, option
from fusiontools.cli_music import check_music, needs_for, write_music
from fusiontools.cli_options import (
    Amount,
    Force,
    Json,
    Method,
    Out,
    Plain,
    Track,
    Tune,
    Weights,
    file_argument,
)
from fusiontools.cli_told import Facts, tell, told_of
from fusiontools.errors import CorpusError, FusionError, NoNotesError, RecordError

__all__ = ["transfer"]

_IN = "A MIDI, MusicXML or ABC file."
_TO = "metal or fiddle; with weights of your own, the second of their genres."
_PROGRAM = "General MIDI: by default 30 for metal, a guitar, 40 for fiddle, a violin."
_SNAP = "Leave notes off the 16ths and the scale, and bars unlike that are alike in IN."


def transfer(
    music: Annotated[Path, file_argument("IN", _IN)],
    to: Annotated[str, option("GENRE", _TO)],
    out: Out,
    amount: Amount = 1.0,
    method: Method = None,
    weights: Weights = None,
    tempo: Annotated[str, option("keep|BPM", "The source's, or beats a minute.")] = "keep",
    program: Annotated[int | None, option("N", _PROGRAM, min=0, max=127)] = None,
    track: Track = None,
    tune: Tune = None,
    no_snap: Annotated[bool, option(None, _SNAP, "--no-snap")] = False,
    plain: Plain = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    if not 0 <= amount <= 1:
        raise typer.BadParameter("an amount lies between 0 and 1", param_hint="--amount")
    bpm = _bpm(tempo)
    check_music(out, "--out", force, music)
    if plain:
        check_music(plain, "--plain", force, music)
        if plain.resolve() == out.resolve():
            raise typer.BadParameter("it is the file of --out", param_hint="--plain")
    needs("torch", "safetensors")
    needs_for(out, plain)

    import torch

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
            write_music(replace(piece, tempo=Tempo.constant(bpm)) if bpm else piece, file)
    facts: Facts = {"command": "transfer", "amount": amount, "terms": weights_notice(about)}
    facts |= _facts(made, music, out, plain) | {"network": _network(about)}
    facts["judges"] = _verdicts(made, about, not no_snap)
    tell(facts, _lines, as_json)
    notice(facts["terms"], weights)


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


def _network(about):
    return {"method": about["method"], "labels": list(about["labels"])}


def _facts(made, music, out, plain):
    """What was taken, what was adapted and what came of it."""
    from fusiontools.score.transfer import copied_fraction, onsets_a_bar

    line, tokens = made.line[None], made.tokens[None]
    before, after = (float(onsets_a_bar(row)[0]) for row in (line, tokens))
    kept = float(copied_fraction(tokens, line)[0])
    return {
        "source": {"file": music, "taken": made.taken, "adapted": list(made.said)},
        "transferred": {"file": out, "pitch_kept": kept, "notes_a_bar": after},
        "plain": {"file": plain, "notes_a_bar": before},
    }


def _verdicts(made, about, as_heard):
    """From each judge to how many windows of the line, and of what came of them, it takes
    for which genre.
    """
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
        return {words.get(verdict, verdict): n for verdict, n in many}

    return {
        judge.kind: {"transferred": said(judge, tokens), "plain": said(judge, line)}
        for judge in judges
    }


def _lines(facts):
    source, made, plain = facts["source"], facts["transferred"], facts["plain"]
    yield f"Source: {source['file']}, {source['taken']}."
    yield from told_of(source["adapted"])
    network = facts["network"]
    yield f"Network: {network['method']}, from {' to '.join(network['labels'])}."
    kept = f"It keeps the pitch to a semitone {100 * made['pitch_kept']:.0f} % of the time"
    kept += f", and has {made['notes_a_bar']:.1f} notes a bar"
    kept += f", the line {plain['notes_a_bar']:.1f}"
    yield f"Transferred: {made['file']}, amount {facts['amount']:g}. {kept}."
    for judge, found in facts["judges"].items():
        after, before = (_counted(found[name]) for name in ("transferred", "plain"))
        yield f"  The judge by {judge}, of windows: {after}; of the line alone: {before}."
    if plain["file"]:
        yield f"Plain: {plain['file']}, the line as it is."


def _counted(verdicts):
    all = sum(verdicts.values())
    return ", ".join(f"{word} in {n} of {all}" for word, n in verdicts.items())
