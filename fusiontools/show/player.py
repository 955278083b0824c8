"""The player: music seen and heard on any page, without a kernel and without a network.

One self-contained piece of HTML holds the sound (MP3), a picture (PNG), the notes and a
small script. Where scripts run it is a piano roll with a playhead, several takes under one
clock, keys and a MIDI download; where they are stripped, picture and browser controls stay.
Used in every chapter.
"""

import base64
import html
import io
import json
import re
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.midi import Meter, Piece, Track, bar_lines, crop_piece, write_midi
from fusiontools.music.notes import Notes, Tempo, note_name, to_beats, to_seconds
from fusiontools.show.colours import colour
from fusiontools.show.synth import mp3_bytes, synthesize

__all__ = ["Player", "Take", "as_piece", "player", "roll_png"]

SAMPLE_RATE = 22050
LONGEST = 1800  # seconds of a take: 20 MB of sound
MOST = 20_000  # notes of a take, and bar lines: a page of 2 MB


@dataclass(frozen=True)
class Take:
    """One thing to hear: what a tab of the player plays.

    `notes` are in seconds, and none for a recording; `bars` are the seconds of bar lines;
    `midi` the bytes of a file.
    """

    label: str
    colour: str
    seconds: float
    notes: Notes
    mp3: bytes
    png: bytes
    bars: tuple[float, ...] = ()
    midi: bytes = b""
    described: str = ""


@dataclass(frozen=True)
class Player:
    """A player, as a cell shows it. Make one with `player`."""

    takes: tuple[Take, ...]
    title: str = ""
    note: str = ""

    def _repr_html_(self):
        title = self.title or self.takes[0].label
        data = {"title": title, "takes": [_take_data(t) for t in self.takes]}
        data = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
        caption = html.escape(self.title)
        if self.note:
            caption += f' <span class="ft-note">{html.escape(self.note)}</span>'
        if caption:
            caption = f"<figcaption>{caption}</figcaption>"
        return (
            '<figure class="ft-player" role="group" '
            f'aria-label="Player: {html.escape(title)}" data-ft="{html.escape(data)}">'
            f"<style>{_asset('player.css')}</style>{caption}"
            f'<div class="ft-body">{"".join(_take_html(t) for t in self.takes)}</div>'
            f"<script>{_asset('player.js')}</script></figure>"
        )

    def __repr__(self):
        return f"Player({', '.join(f'{t.label}: {t.seconds:.1f} s' for t in self.takes)})"


def player(
    music: Any,
    *,
    label: str | None = None,
    title: str = "",
    domain: str | dict[str, str] | None = None,
    tempo: float | Tempo | None = None,
    program: int | None = None,
    meter: Meter | None = None,
    start: float = 0.0,
    seconds: float = 30.0,
    sample_rate: int = SAMPLE_RATE,
) -> Player:
    """Show music as a piano roll that plays.

    Parameters
    ----------
    music : Notes, Piece, Entry, Recording, ndarray, or dict
        Notes in beats or seconds; a piece with its own tempo; an entry of a corpus; a
        recording of one; samples, mono, shape (n,), in [-1, 1]; or a dict from labels to
        any of these: takes side by side under one clock. Notes that start before zero, as
        an upbeat may, are not lost: the take starts with the first of them.
    label : str, optional
        Name of a single take. Default: the entry's title, or "Listen".
    title : str
        A caption above it.
    domain : str or dict, optional
        Whose colour to wear (see `fusiontools.show.colours`); for several takes, a dict
        from their labels.
    tempo : float or Tempo, optional
        For notes in beats. Default 120 bpm. A number overrides a piece's or an entry's
        tempo too.
    program : int, optional
        General MIDI instrument, 0 to 127. Default: the piece's own, or a piano.
    meter : Meter, optional
        For notes in beats: where bar lines are drawn. Without it they have none; a piece or
        an entry brings its own.
    start, seconds : float
        What to play: `seconds` of music from `start` on; all of it with ``float("inf")``,
        up to half an hour and 20,000 notes. The player says so when there is more.
    sample_rate : int
        Of samples passed in, and of the sound made, in Hz.

    Returns
    -------
    Player
        The last line of a notebook cell shows it.

    Raises
    ------
    NoNotesError
        If nothing sounds in the part to be played.
    TypeError, ValueError
        If this is no music, or the part, the instrument or the sample rate is none.

    Examples
    --------
    >>> from fusiontools.music import Notes
    >>> player(Notes.of([(0, 1, 60), (1, 1, 64)]), label="A third")
    Player(A third: 1.0 s)
    """
    takes = music
    if not isinstance(music, dict):
        takes = {label or getattr(music, "title", "") or "Listen": music}
    if not takes:
        raise ValueError("an empty dict has nothing to play: give it labels and music")
    if not 0 <= start < float("inf") or not seconds > 0:
        raise ValueError(
            f"start is {start} and seconds is {seconds}: "
            "a part starts at 0 or later and has a length"
        )
    domains = domain if isinstance(domain, dict) else dict.fromkeys(takes, domain)
    seconds = min(seconds, LONGEST)
    asked = (tempo, program, meter, start, seconds, sample_rate)
    made, whole, dense = [], [], False
    for name, one in takes.items():
        take, length, cut = _take(str(name), one, domains.get(name), *asked)
        made.append(take)
        whole.append(length)
        dense = dense or cut
    longest, note = max(whole), ""
    if longest > start + seconds + 0.5 or start or dense:
        stop = min(start + seconds, longest)
        if dense:
            stop = start + max(take.seconds for take in made)
        note = f"{start:.0f} to {stop:.0f} s of {longest:.0f} s"
        note += f", the first {MOST:,} notes" if dense else ""
    return Player(tuple(made), title or (made[0].label if len(made) == 1 else ""), note)


def _take(label, music, domain, tempo, program, meter, start, seconds, sample_rate):
    """Render one take; also the whole length of its source in seconds, and whether it ends
    early because it has too many notes.
    """
    if callable(getattr(music, "samples", None)):  # a recording of a corpus
        domain = domain or music.label
        # decoded MP3 may go beyond full scale
        music = np.clip(music.samples(sample_rate, 0.0, None), -1, 1)
    if isinstance(music, np.ndarray):
        stop = int((start + seconds) * sample_rate)
        part = music[int(start * sample_rate) : stop].astype(np.float32)
        if part.ndim != 1 or not len(part):
            found = f"samples of shape {music.shape} have nothing to play from {start} s on"
            raise NoNotesError(found, label, "give mono samples, shape (n,)")
        length = len(part) / sample_rate
        mp3, png = mp3_bytes(part, sample_rate), _spectrogram_png(part, sample_rate)
        says = f"Spectrogram of a recording, {length:.0f} seconds"
        none = Notes.of([], unit="seconds")
        take = Take(label, colour(domain), length, none, mp3, png, described=says)
        return take, len(music) / sample_rate, False
    if hasattr(music, "piece"):  # an entry of a corpus
        domain = domain or music.label
    whole = as_piece(music, tempo, program)
    if meter is not None:
        whole = replace(whole, meters=(meter,), bars=None)
    whole = _from_first_note(whole)
    end = float(whole.tempo.seconds_at(max(t.notes.end for t in whole.tracks)))
    first, last = whole.tempo.beats_at([start, start + seconds])
    last, cut = _most(whole, first, last)
    part = crop_piece(whole, first, last)
    if not part.tracks:
        found = f"no note sounds between {start} and {start + seconds} s"
        raise NoNotesError(found, label, "choose another start")
    only_drums = all(t.is_drum for t in part.tracks)
    notes = to_seconds(part.notes(drums=only_drums), part.tempo)
    # drums may outlast what is drawn
    length = max(float(part.tempo.seconds_at(t.notes.end)) for t in part.tracks)
    mp3 = mp3_bytes(synthesize(part, sample_rate=sample_rate), sample_rate)
    png, hue = roll_png(notes, colour(domain)), colour(domain)
    bars = ()  # bare notes know none, and none are made up
    if meter is not None or not isinstance(music, Notes):
        bars = _bar_seconds(part)
    says, midi = f"{_described(notes)}, {length:.0f} seconds", _midi_bytes(part)
    return Take(label, hue, length, notes, mp3, png, bars, midi, says), end, cut


def _most(piece, first, last):
    """Where a part ends that has no more than `MOST` notes, and if that is early."""
    onset = np.sort(np.concatenate([t.notes.onset for t in piece.tracks]))
    i = np.searchsorted(onset, first) + MOST
    if i >= len(onset) or onset[i] >= last:
        return last, False
    if onset[i] <= first:
        found = f"more than {MOST:,} notes start at once"
        raise MusicFileError(found, piece.title or None, "choose other music")
    return onset[i], True


def _bar_seconds(piece):
    """Where bar lines are drawn; too many to be told apart are none."""
    lines = bar_lines(piece)
    return tuple(piece.tempo.seconds_at(lines).tolist()) if len(lines) <= MOST else ()


def _described(notes):
    low, high = note_name(notes.pitch.min()), note_name(notes.pitch.max())
    return f"Piano roll: {len(notes)} notes from {low} to {high}"


def _from_first_note(piece):
    """The piece, later by as much as it starts before beat 0, bars and tempo with it."""
    first = min(float(t.notes.onset[0]) for t in piece.tracks if len(t.notes))
    if first >= 0:
        return piece
    piece = crop_piece(piece, first, float("inf"))
    head = piece.meters[0]
    # counts from before the start, as upbeats do
    bars = np.ceil(max(head.beat, 0) / head.bar)
    upbeat = replace(head, beat=head.beat - head.bar * bars)
    return replace(piece, meters=(upbeat, *piece.meters[1:]))


def as_piece(
    music: Any, tempo: float | Tempo | None = None, program: int | None = None
) -> Piece:
    """Notes, a piece or an entry of a corpus as a `Piece`.

    Tempo and instrument are changed where they are given.
    """
    music = getattr(music, "piece", music)
    if not isinstance(music, (Notes, Piece)):
        raise TypeError(
            f"{type(music).__name__} is no music: give Notes, a Piece, an entry or a "
            "recording of a corpus, or samples as an array"
        )
    if program is not None and program not in range(128):
        raise ValueError(f"program is {program}; General MIDI has 0 to 127")
    if isinstance(music, Notes):
        # any clock will do, as long as one beat is known to last half a second
        if music.unit == "seconds":
            music, tempo = to_beats(music, 120.0), None
        music = Piece((Track(music),), Tempo.constant(120.0))
    if not any(len(t.notes) for t in music.tracks):
        found = "there is no note to play"
        raise NoNotesError(found, music.title or None, "check what was made")
    if tempo is not None:
        clock = tempo if isinstance(tempo, Tempo) else Tempo.constant(tempo)
        music = replace(music, tempo=clock)
    if program is not None:
        tracks = (t if t.is_drum else replace(t, program=program) for t in music.tracks)
        music = replace(music, tracks=tuple(tracks))
    return music


def _midi_bytes(piece):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "take.mid"
        write_midi(piece, path)
        return path.read_bytes()


def _take_data(take):
    """What the script reads of a take."""
    notes = [[round(n.onset, 3), round(n.duration, 3), *n[2:]] for n in take.notes]
    return {
        "label": take.label,
        "colour": take.colour,
        "seconds": round(take.seconds, 3),
        "bars": [round(b, 3) for b in take.bars],
        "notes": notes,
    }


def _take_html(take):
    label, midi = html.escape(take.label), ""
    if take.midi:
        name = re.sub(r"[^a-z0-9]+", "-", take.label.lower()).strip("-") or "take"
        midi = (
            f'<a class="ft-midi" download="{name}.mid" '
            f'href="data:audio/midi;base64,{_base64(take.midi)}" '
            'title="Save these notes as a MIDI file">↓ MIDI</a>'
        )
    return (
        f'<div class="ft-take"><div>{label}</div><img alt="{html.escape(take.described)}" '
        f'src="data:image/png;base64,{_base64(take.png)}">'
        f'<audio controls preload="auto" aria-label="{label}" '
        f'src="data:audio/mpeg;base64,{_base64(take.mp3)}"></audio>{midi}</div>'
    )


def _base64(data):
    return base64.b64encode(data).decode("ascii")


@lru_cache
def _asset(name):
    """Script or style of the player, without the comments and indents for its readers."""
    text = (resources.files("fusiontools.show") / name).read_text(encoding="utf-8")
    lines = (re.sub(r"(^|\s)// .*$", "", line).strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def roll_png(notes: Notes, colour: str, width: int = 640, height: int = 130) -> bytes:
    """The notes as a small picture: what is left of the player where scripts are stripped.

    Parameters
    ----------
    notes : Notes
        In seconds (or beats): time runs over the width.
    colour : str
        Of the notes, as ``#rrggbb``.
    width, height : int
        In pixels.

    Returns
    -------
    bytes
        A PNG of about 2 kB.
    """
    low, high = int(notes.pitch.min()) - 2, int(notes.pitch.max()) + 2
    rows = np.linspace(0, height, high - low + 2).round().astype(int)
    # palette indices: 0 paper, 1 black keys, 2 notes
    picture = np.zeros((height, width), dtype=np.uint8)
    for pitch in range(low, high + 1):
        if pitch % 12 in (1, 3, 6, 8, 10):
            picture[rows[high - pitch] : rows[high - pitch + 1]] = 1
    scale = width / notes.end
    for note in notes:
        left, right = int(note.onset * scale), int((note.onset + note.duration) * scale)
        top, bottom = rows[high - note.pitch], rows[high - note.pitch + 1]
        picture[top : max(bottom - 1, top + 2), left : max(right - 1, left + 2)] = 2
    hue = tuple(bytes.fromhex(colour[1:]))
    return _png(picture, [(255, 255, 255), (240, 240, 240), hue])


def _spectrogram_png(samples, sample_rate, width=480, height=96, levels=24):
    """A recording as a picture: time by pitch (from 50 Hz), loudness as darkness."""
    size = 2048
    padded = np.pad(samples, (0, max(size, size - len(samples))))
    frames = np.linspace(0, len(padded) - size, width).astype(int)
    windows = padded[frames[:, None] + np.arange(size)] * np.hanning(size)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2  # (width, 1025)
    bins = np.geomspace(50, sample_rate / 2 * 0.95, height) * size / sample_rate
    left = np.minimum(bins.astype(int), power.shape[1] - 2)
    right = np.maximum(np.append(left[1:], left[-1] + 1), left + 1)
    cumulative = np.concatenate([np.zeros((width, 1)), np.cumsum(power, axis=1)], axis=1)
    band = (cumulative[:, right] - cumulative[:, left]) / (right - left)
    decibel = 10 * np.log10(band + 1e-9)
    shade = np.clip((decibel - decibel.max() + 65) / 65, 0, 1)
    picture = (shade * (levels - 1)).round().astype(np.uint8).T[::-1]
    ramp = np.linspace(0, 1, levels)[:, None] * (np.array([20, 30, 60]) - 255) + 255
    return _png(picture, ramp.round().astype(int).tolist())


def _png(picture, palette):
    from PIL import Image

    image = Image.frombytes("P", picture.shape[::-1], picture.tobytes())
    image.putpalette([int(c) for rgb in palette for c in rgb])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
