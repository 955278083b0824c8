"""The pad: a plane of takes that you play by clicking and dragging.

It needs no kernel and no network. Where a model has a space of styles, four styles span a
plane, and each of its points gives another melody. The takes are made ahead, n x n of them,
and one self-contained piece of HTML holds them all: as notes, which weigh little, and one
short recording of each pitch that occurs, of which the page's script cuts every note. Where
scripts are stripped, pictures and sounds of the corners and the centre stay. This module
knows no model: it is handed notes. A few takes side by side are a player's business (see
`fusiontools.show.player`). Used in chapter 4, Connective Fusion.
"""

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fusiontools.errors import FusionError, NoNotesError
from fusiontools.music.midi_writing import TICKS_PER_BEAT
from fusiontools.music.notes import Notes, Tempo, _need, to_seconds
from fusiontools.music.pieces import Meter, Piece, Track, bar_lines
from fusiontools.show.colours import colour
from fusiontools.show.player import (
    SAMPLE_RATE,
    Take,
    _asset,
    _base64,
    _described,
    _midi_bytes,
    _png,
    _take_html,
    roll_png,
)
from fusiontools.show.synth import LOUDNESS, mp3_bytes, synthesize
from fusiontools.show.voices import SHORTEST

__all__ = ["Pad", "pad"]

# All times are in seconds. Decoders differ in where an MP3 begins, so it starts with a
# click from which the script counts.
CLICK = 0.05
LEAD = 0.3  # before the first note of the recording
GAP = 0.35  # between its notes, for strings and room to fall silent
LONGEST = 4.0  # of a recorded note; a longer one of a take ends there
RELEASE = 0.06  # as in pad_sound.js
PEAK = 0.9  # the loudest moment of all takes; the MP3 adds a little
STILL_RATE, STILL_KBITS = 16000, 22  # what sounds without a script is kept small
CELL = 24  # pixels of the still plane's cells


@dataclass(frozen=True)
class Pad:
    """A plane of takes, as a cell shows it. Make one with `pad`.

    `data` is what the script reads, `sound` the MP3 with every pitch, `plane` a PNG,
    `still` the takes that need no script.
    """

    title: str
    note: str
    data: dict
    sound: bytes
    plane: bytes
    described: str
    still: tuple[Take, ...]

    def _repr_html_(self):
        title, note = html.escape(self.title), html.escape(self.note)
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)
        takes = "".join(_still_html(take) for take in self.still)
        return (
            f'<figure class="ft-pad" role="group" aria-label="Pad: {title}" '
            f'data-ft="{html.escape(data)}" data-ft-sound="{_base64(self.sound)}">'
            f"<style>{_asset('pad.css')}</style>"
            f'<figcaption>{title} <span class="ft-pad-note">{note}</span></figcaption>'
            '<div class="ft-pad-body"><div class="ft-pad-still"><div class="ft-pad-map">'
            f'<img alt="{html.escape(self.described)}" '
            f'src="data:image/png;base64,{_base64(self.plane)}"></div>{takes}</div></div>'
            f"<script>{_asset('pad_sound.js')}\n{_asset('pad.js')}</script></figure>"
        )

    def __repr__(self):
        return f"Pad({self.title}: {self.note})"


def pad(
    takes: Sequence,
    *,
    title: str = "A plane of styles",
    corners: Sequence[str] = ("A", "B", "C", "D"),
    inputs: Mapping[str, Notes] | None = None,
    values: npt.ArrayLike | None = None,
    value_name: str = "value",
    slider: str | None = None,
    labels: Sequence | None = None,
    domain: str | None = "generated",
    tempo: float = 120.0,
    meter: Meter | None = None,
    program: int = 0,
) -> Pad:
    """Show n x n takes as a plane.

    Each click, each step of the dot is heard at once, at the same moment of the music.

    Parameters
    ----------
    takes : nested sequence of Notes, shape (n, n)
        In beats, rows from the top, n at least 2; a take without notes is silence. With
        `slider`, shape (K, n, n).
    title : str
        A caption above it.
    corners : sequence of str
        Names of the four corners: top left, top right, bottom left, bottom right.
    inputs : dict of str to Notes, optional
        What the takes were made of: each a button beside "play".
    values : array_like of float, shape (n, n) or (K, n, n), optional
        A measure of each take; it colours the plane.
    value_name : str
        Its name in the legend.
    slider : str, optional
        Name of a third axis, such as "iterations".
    labels : sequence of str, optional
        What the slider's K stops are called. Default: 1 to K.
    domain : str, optional
        Whose colour to wear (see `fusiontools.show.colours`).
    tempo : float
        In beats a minute.
    meter : Meter, optional
        Where bar lines are drawn; the takes then last to the end of a bar. Without it they
        last to the end of a beat.
    program : int
        General MIDI instrument, 0 to 127.

    Returns
    -------
    Pad
        The last line of a notebook cell shows it.

    Raises
    ------
    NoNotesError
        If no take has a note.
    UnitError
        If notes are in seconds.
    FusionError
        If a note starts before beat 0.
    TypeError, ValueError
        If the takes are no square of Notes, or values, corners or labels do not fit them.

    References
    ----------
    Connective Fusion, section 3.3 and Figure 2: four styles drawn from {0, 1}^d_s, and what
    lies between them.

    Examples
    --------
    >>> third, fifth = (Notes.of([(0, 1, 60), (1, 1, p)]) for p in (64, 67))
    >>> pad([[third, third], [third, fifth]], title="Which interval?")
    Pad(Which interval?: 4 takes, 2 of them different)
    """
    layers, labels = _layers(takes, slider, labels)
    n, corners, inputs = len(layers[0]), [str(c) for c in corners], dict(inputs or {})
    if len(corners) != 4:
        raise ValueError(f"a plane has four corners, found {len(corners)} names")
    if program not in range(128):
        raise ValueError(f"program is {program}; General MIDI has 0 to 127")
    many = len(layers) * n * n
    plane = [take for layer in layers for row in layer for take in row]
    cells, different = _numbered([*plane, *inputs.values()])
    grid = np.reshape(cells[:many], (len(layers), n, n))
    if not any(len(take) for take in different):
        found = "no take of the plane has a note"
        raise NoNotesError(found, title, "check what was generated")
    clock, hue = Tempo.constant(tempo), colour(domain)
    end = max(take.end for take in different)
    bars, length, counted = np.zeros(0), float(np.ceil(end - 1e-9)), None
    if meter is not None:
        bars = bar_lines(Piece(meters=(meter,)), end + meter.bar + 1e-9)
        length = float(bars[bars >= end - 1e-9][0])
        counted = [meter.numerator, meter.denominator] if 0.0 in bars else None
    played = [to_seconds(take, clock) for take in different]
    loudness = Counter(v for take in different for v in take.velocity.tolist())
    velocity = loudness.most_common(1)[0][0]
    sound, sprite = _sprite(played, velocity, program)
    shades = None if values is None else _values(values, len(layers), n)
    told: dict = {"values": None, "range": None}
    if shades is not None:
        told["values"] = [[_short(v) for v in layer.ravel()] for layer in shades]
        told["range"] = [_short(shades.min()), _short(shades.max())]
    data = {
        "title": title,
        "n": n,
        "corners": corners,
        "slider": slider or "",
        "labels": labels,
        "colour": hue,
        "tempo": float(tempo),
        "ticks": TICKS_PER_BEAT,
        "length": _ticks(length),
        "bars": [_ticks(b) for b in bars if b < length],
        "meter": counted,
        "program": int(program),
        "velocity": velocity,
        "stride": 3 if len(loudness) == 1 else 4,
        "takes": [_flat(take, len(loudness) > 1) for take in different],
        "cells": grid.reshape(len(layers), -1).tolist(),
        "inputs": [
            {"label": str(name), "colour": colour("content"), "take": cell}
            for name, cell in zip(inputs, cells[many:])
        ],
        **told,
        "value_name": value_name,
        "sprite": sprite,
    }
    there = f", {slider} {labels[0]}" if len(labels) > 1 else ""
    described = (
        f"Plane of {n} by {n} takes between {', '.join(corners)}{there}: "
        f"{len(np.unique(grid[0]))} different melodies"
    )
    if shades is not None:
        low, high = told["range"]
        described += f", coloured by {value_name}, {low:.3g} (pale) to {high:.3g}"
    # the corners and the centre, row by row
    names = (*corners[:2], "Centre", *corners[2:])
    places = ((0, 0), (0, n - 1), (n // 2, n // 2), (n - 1, 0), (n - 1, n - 1))
    shown = dict(zip(places, names))
    still = tuple(
        _still(label + there, layers[0][i][j], clock, program, hue)
        for (i, j), label in sorted(shown.items())
    )
    picture = _plane_png(grid[0], None if shades is None else _share(shades)[0], hue)
    note = f"{many} takes, {len(np.unique(grid))} of them different"
    return Pad(title, note, data, sound, picture, described, still)


def _short(number):
    return float(f"{number:.4g}")


def _layers(takes, slider, labels):
    """K lists of n rows of n takes, and the K labels; complaints about what is not so."""
    if slider is None and labels is not None:
        found = "labels are for a slider's stops: name it, as in slider='iterations'"
        raise ValueError(found)
    layers = [takes] if slider is None else takes
    layers = [[list(row) for row in layer] for layer in layers]
    if not layers:
        raise ValueError("a slider needs one plane of takes at least")
    n = len(layers[0])
    shapes = [[len(row) for row in layer] for layer in layers]
    if n < 2 or any(shape != [n] * n for shape in shapes):
        raise ValueError(
            "a plane is n rows of n takes, n at least 2 and the same everywhere; "
            f"found rows of lengths {shapes}"
        )
    labels = range(1, len(layers) + 1) if labels is None else labels
    labels = [str(label) for label in labels]
    if len(labels) != len(layers):
        raise ValueError(f"{len(labels)} labels for {len(layers)} stops of the slider")
    return layers, labels


def _numbered(takes):
    """For each take its number, the same for equal ones; and the different takes."""
    numbers, different = {}, []
    cells = []
    for take in takes:
        if not isinstance(take, Notes):
            raise TypeError(
                f"a take or an input is {type(take).__name__}, not Notes: "
                "decode it first, as with decode_grid(tokens)"
            )
        _need(take, "beats", "a pad")
        if len(take) and take.onset[0] < 0:
            found = f"a note starts {-take.onset[0]:g} beats before beat 0"
            raise FusionError(found, do="move all notes later, as in shift(notes, 4)")
        key = tuple(_flat(take, True))
        if key not in numbers:
            numbers[key] = len(different)
            different.append(take)
        cells.append(numbers[key])
    return cells, different


def _flat(take, loud):
    """The notes in a row: onset, duration (MIDI ticks), pitch and, if `loud`, velocity."""
    onset = _ticks(take.onset)
    duration = np.maximum(_ticks(take.offset) - onset, 1)
    columns = [onset, duration, take.pitch.astype(int)]
    if loud:
        columns.append(take.velocity.astype(int))
    return np.stack(columns, axis=1).ravel().tolist()


def _ticks(beats):
    ticks = np.floor(np.asarray(beats) * TICKS_PER_BEAT + 0.5).astype(int)
    return ticks if ticks.ndim else int(ticks)


def _values(values, k, n):
    values = np.asarray(values, dtype=float)
    if values.shape not in ((n, n), (k, n, n)):
        shape = (n, n) if k == 1 else (k, n, n)
        raise ValueError(f"values of shape {values.shape} for takes of shape {shape}")
    odd = np.count_nonzero(~np.isfinite(values))
    if odd:
        raise ValueError(
            f"{odd} values are not finite numbers: the plane has no colour for them"
        )
    return np.broadcast_to(values, (k, n, n))


def _share(values):
    """Where values lie between the least, 0, and the greatest, 1; 0.5 if all are one."""
    span = np.ptp(values)
    return (values - values.min()) / span if span else np.full(values.shape, 0.5)


def _sprite(takes, velocity, program):
    """An MP3 with every pitch that occurs, and what the script has to know of it.

    Each pitch is held as long as it ever is held. The level is such that the takes are as
    loud as a player's, and that none clips.
    """
    held = {}
    for take in takes:
        for note in take:
            seconds = min(max(note.duration, SHORTEST), LONGEST)
            held[note.pitch] = max(held.get(note.pitch, 0.0), seconds)
    slices, at = {}, LEAD
    for pitch, seconds in sorted(held.items()):
        slices[pitch] = (at, seconds)
        at += seconds + GAP
    rows = [(*slices[pitch], pitch, velocity) for pitch in slices]
    scale = Notes.of(rows, unit="seconds")
    samples = synthesize(scale, program=program, sample_rate=SAMPLE_RATE)
    mixes = [_mixed(take, samples, slices, velocity) for take in takes if len(take)]
    sounding = np.concatenate([m[m != 0] for m in mixes])
    loudness, peak = np.sqrt(np.mean(sounding**2)), max(np.abs(m).max() for m in mixes)
    gain = min(PEAK / peak, LOUDNESS / loudness)
    click = int(CLICK * SAMPLE_RATE)
    samples[click - 4 : click + 5] = 0.6 * np.hanning(9)
    told = {
        str(pitch): [round(start, 4), round(seconds, 4)]
        for pitch, (start, seconds) in slices.items()
    }
    sprite = {"click": CLICK, "gain": _short(gain), "slices": told}
    return mp3_bytes(samples, SAMPLE_RATE), sprite


def _mixed(take, samples, slices, velocity):
    """What the page's script makes of a take, at gain 1: same slices, same release."""
    release = np.linspace(1, 0, int(RELEASE * SAMPLE_RATE), dtype=np.float32)
    out = np.zeros(int((take.end + 2 * RELEASE) * SAMPLE_RATE) + 1, np.float32)
    for note in take:
        start, longest = slices[note.pitch]
        n = int(min(note.duration, longest) * SAMPLE_RATE)
        at, begin = int(note.onset * SAMPLE_RATE), int(start * SAMPLE_RATE)
        part = samples[begin : begin + n + len(release)].copy()
        part[n:] *= release
        out[at : at + len(part)] += part * (note.velocity / velocity) ** 1.6
    return out


def _still(label, notes, clock, program, hue):
    """A take for pages without scripts: as a player shows it, but small."""
    if not len(notes):
        return Take(label, hue, 0.0, notes, b"", b"")
    piece, heard = Piece((Track(notes, program),), clock), to_seconds(notes, clock)
    samples = synthesize(piece, sample_rate=STILL_RATE)
    mp3 = mp3_bytes(samples, STILL_RATE, kbits=STILL_KBITS)
    png, midi = roll_png(heard, hue, 480, 90), _midi_bytes(piece)
    says = _described(notes)
    return Take(label, hue, heard.end, heard, mp3, png, midi=midi, described=says)


def _still_html(take):
    if take.mp3:
        return _take_html(take)
    return f'<div class="ft-take">{html.escape(take.label)}: silence</div>'


def _plane_png(cells, shares, hue, levels=64):
    """The plane as a picture: values as shades, lines wherever the melody changes."""
    n = len(cells)
    shades = np.full((n, n), 0.3) if shares is None else shares
    picture = np.kron((shades * (levels - 1)).round(), np.ones((CELL, CELL)))
    picture = picture.astype(np.uint8)
    for i, j in np.argwhere(cells[:, 1:] != cells[:, :-1]):
        picture[i * CELL : (i + 1) * CELL, (j + 1) * CELL] = levels
    for i, j in np.argwhere(cells[1:] != cells[:-1]):
        picture[(i + 1) * CELL, j * CELL : (j + 1) * CELL] = levels
    full = np.array(list(bytes.fromhex(hue[1:])))
    ramp = 255 + np.linspace(0.1, 1, levels)[:, None] * (full - 255)
    return _png(picture, [*ramp.round().astype(int).tolist(), (70, 70, 70)])
