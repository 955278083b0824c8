"""The command ``play``: music of any kind on a page of players, or as a file of sound.

`fusiontools.cli` is the door. What is heavy is imported when the command runs.
"""

from __future__ import annotations

import html
import os
import sys
import tempfile
import webbrowser
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from fusiontools.cli_door import check_free, needs, option
from fusiontools.cli_music import ENDINGS, MIDI, RATE, write_music
from fusiontools.cli_options import Force, Json, Track, Tune, file_argument
from fusiontools.cli_told import Facts, legible, tell, told_of
from fusiontools.errors import FusionError, MusicFileError, NoNotesError

if TYPE_CHECKING:
    from fusiontools.music.audio import Sound
    from fusiontools.music.midi import Piece

__all__ = ["play"]

PAGE = ".html"
LONGEST, TOGETHER = 600.0, 3600.0  # seconds of a player, and of all players of a page
WRITTEN = 1800.0  # seconds of a sound file
_STYLE = (
    "body{font-family:system-ui,sans-serif;line-height:1.5;color:#222;background:#fff;"
    "max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "ul{color:#555;margin:.3rem 0 2.5rem}"
)


class Source(NamedTuple):
    """A file that was read: a piece or a recording, its length, what was adapted."""

    file: Path
    music: Piece | Sound
    seconds: float
    adapted: list[str]


def play(
    files: Annotated[
        list[Path],
        file_argument("FILE", "MIDI, MusicXML, ABC, or a recording; one or more."),
    ],
    out: Annotated[
        Path | None, option("OUT", "The file to write; its ending says how.")
    ] = None,
    track: Track = None,
    tune: Tune = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    written = out is not None and out.suffix.lower() in ENDINGS
    if out is not None:
        if written and len(files) > 1:
            told = f"one FILE alone can become {out.suffix}; a page, {PAGE}, takes many"
            raise typer.BadParameter(told, param_hint="--out")
        check_free(out, "--out", (PAGE, *ENDINGS), force, *files)
    needs("sound")
    most = WRITTEN if written else min(LONGEST, TOGETHER / len(files))
    sources = [_read(file, track, tune, most) for file in files]
    facts: Facts = {"command": "play", "files": [], "out": out, "opened": False}
    if out is not None and written:
        played = _written(sources[0], out, most)
        facts["files"] = [_facts(sources[0], played)]
    else:
        made = [_player(source, most) for source in sources]
        facts["files"] = [_facts(s, p.takes[0].seconds) for s, p in zip(sources, made)]
        there = out or Path(tempfile.mkdtemp(prefix="fusiontools-")) / f"play{PAGE}"
        _write_page(there, facts["files"], made)
        facts |= {"out": there, "opened": out is None and _opened(there)}
    tell(facts, lambda facts: _lines(facts, out is None), as_json)


def _read(file, track, tune, most):
    """A file as a `Source`; of a recording no more than is played."""
    from fusiontools.music.audio import read_sound, sound_length
    from fusiontools.music.excerpts import tracks_of
    from fusiontools.music.scores import read_score

    try:
        seconds = sound_length(file)[0]
    except MusicFileError as no_sound:
        try:
            piece, said = read_score(file, tune)
        except MusicFileError as no_score:
            # a recording that is damaged is named as such
            broken = "this is a recording" in no_score.found
            raise (no_sound if broken else no_score) from None
        if track is not None:
            own = tuple(one for _, one in tracks_of(piece, track, file))
            piece = replace(piece, tracks=own)
        if not any(len(one.notes) for one in piece.tracks):
            found, do = "there is no note to play", "choose other music, or another track"
            raise NoNotesError(found, file, do) from None
        end = max(one.notes.end for one in piece.tracks)
        return Source(file, piece, float(piece.tempo.seconds_at(end)), said)
    if track is not None or tune is not None:
        what = "track" if track is not None else "tune"
        found, do = f"a recording has no {what}s", f"leave --{what} out"
        raise FusionError(found, file, do)
    sound = read_sound(file, seconds=min(seconds, most))
    return Source(file, sound, seconds, list(sound.said))


def _player(source, most):
    from fusiontools.show.player import SAMPLE_RATE, player

    name, music = legible(source.file.name), source.music
    if hasattr(music, "samples"):
        import soxr

        mono = music.samples.mean(axis=0)
        music = soxr.resample(mono, music.rate, SAMPLE_RATE).clip(-1, 1)
    return player(music, label=name, title=name, seconds=most)


def _written(source, out, most):
    """Write one file's music as another; how many seconds that has."""
    music, ending = source.music, out.suffix.lower()
    if not hasattr(music, "samples"):
        from fusiontools.music.midi import crop_piece

        # MIDI has room for all of it
        long = ending not in MIDI and source.seconds > most
        if long:
            music = crop_piece(music, 0, music.tempo.beats_at(most))
        write_music(music, out)
        return most if long else source.seconds
    if ending in MIDI:
        do = "write a sound file, or take a MIDI, MusicXML or ABC file"
        raise FusionError("a recording has no notes to write as MIDI", source.file, do)
    from fusiontools.music.audio import read_sound, write_sound
    from fusiontools.music.soundwriter import MP3_RATES

    if ending == ".mp3" and music.rate not in MP3_RATES:
        music = read_sound(source.file, seconds=min(source.seconds, most), rate=RATE)
    write_sound(music, out)
    return music.samples.shape[1] / music.rate


def _facts(source, played):
    """What is told of a file, of which so many seconds are heard."""
    score = not hasattr(source.music, "samples")
    notes = sum(len(one.notes) for one in source.music.tracks) if score else None
    kind = "score" if score else "recording"
    adapted = list(source.adapted)
    if source.seconds > played + 0.5:
        first = f"the first {played:.0f} s are taken"
        adapted.append(f"It is long: {first}, of {source.seconds:.0f} s.")
    about = {"file": source.file, "kind": kind, "notes": notes}
    return about | {"seconds": source.seconds, "played": played, "adapted": adapted}


def _write_page(file, facts, players):
    """One page with all that it needs inside it."""
    from fusiontools.files import write_whole

    parts = []
    for about, one in zip(facts, players):
        said = "".join(f"<li>{html.escape(line)}</li>" for line in about["adapted"])
        parts += [one._repr_html_(), f"<ul>{said}</ul>"]
    names = ", ".join(legible(about["file"].name) for about in facts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    head += f"<title>{html.escape(names)}</title><style>{_STYLE}</style>"
    page = f'<!doctype html><html lang="en"><head>{head}</head>'
    page += f"<body><main>{''.join(parts)}</main></body></html>\n"
    # a byte of a name that is no letter becomes a question mark
    write_whole(file, page.encode("utf-8", "replace"), error=MusicFileError)


def _opened(page):
    """Whether a browser opens a page; one in a terminal could not play it."""
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    if sys.platform.startswith("linux") and not any(map(os.environ.get, screens)):
        return False
    try:
        return webbrowser.open(page.absolute().as_uri())
    except webbrowser.Error:
        return False


def _lines(facts, for_a_browser):
    for about in facts["files"]:
        notes = "" if about["notes"] is None else f"{about['notes']:,} notes, "
        yield f"{about['file']}: {notes}{about['seconds']:.1f} s."
        yield from told_of(about["adapted"])
    if not for_a_browser:
        yield f"Written: {facts['out']}"
    elif facts["opened"]:
        yield f"In the browser: {facts['out']}"
    else:
        yield f"No browser can be opened here. Open the page in one: {facts['out']}"
