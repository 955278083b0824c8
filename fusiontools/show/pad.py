"""The pad: a plane of takes that you play by clicking and dragging, without a kernel and
without a network.

Where a model has a space of styles, four styles span a plane, and each of its points gives
another melody. The takes are made ahead, n x n of them, and one self-contained piece of
HTML holds them all: as notes, which weigh little, and one short recording of each pitch
that occurs, of which the page's script cuts every note. Where scripts are stripped,
pictures and sounds of the corners and the centre stay. This module knows no model: it is
handed notes. A few takes side by side are a player's business (see
`fusiontools.show.player`).
"""

import html
import json
from collections import Counter
from dataclasses import dataclass

import numpy as np

from fusiontools.errors import FusionError, NoNotesError
from fusiontools.music.midi import TICKS_PER_BEAT, Piece, Track, bar_lines
from fusiontools.music.notes import Notes, Tempo, _need, note_name, to_seconds
from fusiontools.show.colours import colour
from fusiontools.show.player import (
    SAMPLE_RATE,
    Take,
    _asset,
    _base64,
    _midi_bytes,
    _png,
    _take_html,
    roll_png,
)
from fusiontools.show.synth import LOUDNESS, mp3_bytes, synthesize
from fusiontools.show.voices import SHORTEST

__all__ = ["Pad", "pad"]

# seconds: decoders differ in where an MP3 begins, so it starts with a click from which the
# script counts
CLICK = 0.05
LEAD = 0.3  # seconds before the first note of the recording
GAP = 0.35  # seconds between its notes, for strings and room to fall silent
LONGEST = (
    4.0  # seconds that a recorded note lasts at most; a longer one of a take ends there
)
RELEASE = 0.06  # seconds, as in pad_sound.js
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
    still: tuple

    def _repr_html_(self):
        caption = (
            html.escape(self.title)
            + f' <span class="ft-pad-note">{html.escape(self.note)}</span>'
        )
        data = json.dumps(self.data, separators=(",", ":"), ensure_ascii=False)
        takes = "".join(
            _take_html(t)
            if t.mp3
            else f'<div class="ft-take">{html.escape(t.label)}: silence</div>'
            for t in self.still
        )
        return (
            f'<figure class="ft-pad" role="group" aria-label="Pad: {html.escape(self.title)}" data-ft="{html.escape(data)}" '
            f'data-ft-sound="{_base64(self.sound)}"><style>{_asset("pad.css")}</style><figcaption>{caption}</figcaption>'
            f'<div class="ft-pad-body"><div class="ft-pad-still"><div class="ft-pad-map">'
            f'<img alt="{html.escape(self.described)}" src="data:image/png;base64,{_base64(self.plane)}"></div>{takes}</div></div>'
            f"<script>{_asset('pad_sound.js')}\n{_asset('pad.js')}</script></figure>"
        )

    def __repr__(self):
        return f"Pad({self.title}: {self.note})"


def pad(
    takes,
    *,
    title="A plane of styles",
    corners=("A", "B", "C", "D"),
    inputs=None,
    values=None,
    value_name="value",
    slider=None,
    labels=None,
    domain="generated",
    tempo=120.0,
    meter=None,
    program=0,
):
    """Show n x n takes as a plane: each click, each step of the dot is heard at once, at
    the same moment of the music.

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
    >>> third, fifth = (
    ...     Notes.of([(0, 1, 60), (1, 1, 64)]),
    ...     Notes.of([(0, 1, 60), (1, 1, 67)]),
    ... )
    >>> pad([[third, third], [third, fifth]], title="Which interval?")
    Pad(Which interval?: 4 takes, 2 of them different)
    """
    layers, labels = _layers(takes, slider, labels)
    n, corners, inputs = len(layers[0]), [str(c) for c in corners], dict(inputs or {})
    if len(corners) != 4:
        raise ValueError(f"a plane has four corners, found {len(corners)} names")
    if program not in range(128):
        raise ValueError(f"program is {program}; General MIDI has 0 to 127")
    cells, different = _numbered(
        [take for layer in layers for row in layer for take in row] + list(inputs.values())
    )
    on_plane = len(set(cells[: len(layers) * n * n]))
    if not any(len(take) for take in different):
        raise NoNotesError(
            "no take of the plane has a note", title, "check what was generated"
        )
    clock = Tempo.constant(tempo)
    end = max(take.end for take in different)
    bars = (
        bar_lines(Piece(meters=(meter,)), end + meter.bar + 1e-9)
        if meter is not None
        else np.zeros(0)
    )
    length = (
        float(bars[bars >= end - 1e-9][0])
        if meter is not None
        else float(np.ceil(end - 1e-9))
    )
    played = [to_seconds(take, clock) for take in different]
    velocity = Counter(v for take in different for v in take.velocity.tolist()).most_common(
        1
    )[0][0]
    sound, sprite = _sprite(played, velocity, program)
    shades = None if values is None else _values(values, len(layers), n)
    kinds = {v for take in different for v in take.velocity.tolist()}
    data = {
        "title": title,
        "n": n,
        "corners": corners,
        "slider": slider or "",
        "labels": labels,
        "colour": colour(domain),
        "tempo": float(tempo),
        "ticks": TICKS_PER_BEAT,
        "length": _ticks(length),
        "bars": [_ticks(b) for b in bars if b < length],
        "meter": [meter.numerator, meter.denominator]
        if meter is not None and 0.0 in bars
        else None,
        "program": int(program),
        "velocity": velocity,
        "stride": 3 if len(kinds) == 1 else 4,
        "takes": [_flat(take, len(kinds) > 1) for take in different],
        "cells": np.reshape(cells[: len(layers) * n * n], (len(layers), n * n)).tolist(),
        "inputs": [
            {"label": str(name), "colour": colour("content"), "take": cell}
            for name, cell in zip(inputs, cells[len(layers) * n * n :])
        ],
        "values": None
        if shades is None
        else [[float(f"{v:.4g}") for v in layer.ravel()] for layer in shades],
        "range": None
        if shades is None
        else [float(f"{shades.min():.4g}"), float(f"{shades.max():.4g}")],
        "value_name": value_name,
        "sprite": sprite,
    }
    there = f", {slider} {labels[0]}" if len(labels) > 1 else ""
    described = f"Plane of {n} by {n} takes between {', '.join(corners)}{there}: {len(set(data['cells'][0]))} different melodies"
    if shades is not None:
        described += f", coloured by {value_name}, {data['range'][0]:.3g} (pale) to {data['range'][1]:.3g}"
    places = {
        (0, 0): corners[0],
        (0, n - 1): corners[1],
        (n // 2, n // 2): "Centre",
        (n - 1, 0): corners[2],
        (n - 1, n - 1): corners[3],
    }
    still = tuple(
        _still(label + there, layers[0][i][j], clock, program, colour(domain))
        for (i, j), label in sorted(places.items())
    )
    plane = _plane_png(
        np.reshape(data["cells"][0], (n, n)),
        None if shades is None else _share(shades)[0],
        colour(domain),
    )
    return Pad(
        title,
        f"{len(layers) * n * n} takes, {on_plane} of them different",
        data,
        sound,
        plane,
        described,
        still,
    )


def _layers(takes, slider, labels):
    """K lists of n rows of n takes, and the K labels; complaints about all that is not so."""
    if slider is None and labels is not None:
        raise ValueError(
            "labels are for a slider's stops: name it, as in slider='iterations'"
        )
    layers = [
        [list(row) for row in layer] for layer in (takes if slider is not None else [takes])
    ]
    if not layers:
        raise ValueError("a slider needs one plane of takes at least")
    n = len(layers[0])
    if n < 2 or any(
        len(layer) != n or any(len(row) != n for row in layer) for layer in layers
    ):
        shapes = [[len(row) for row in layer] for layer in layers]
        raise ValueError(
            f"a plane is n rows of n takes, n at least 2 and the same everywhere; found rows of lengths {shapes}"
        )
    labels = [
        str(label) for label in (range(1, len(layers) + 1) if labels is None else labels)
    ]
    if len(labels) != len(layers):
        raise ValueError(f"{len(labels)} labels for {len(layers)} stops of the slider")
    return layers, labels


def _numbered(takes):
    """For each take its number, the same for equal ones, and the different takes in order
    of their numbers.
    """
    numbers, different = {}, []
    cells = []
    for take in takes:
        if not isinstance(take, Notes):
            raise TypeError(
                f"a take or an input is {type(take).__name__}, not Notes: decode it first, as with decode_grid(tokens)"
            )
        _need(take, "beats", "a pad")
        if len(take) and take.onset[0] < 0:
            raise FusionError(
                f"a note starts {-take.onset[0]:g} beats before beat 0",
                do="move all notes later, as in shift(notes, 4)",
            )
        key = tuple(_flat(take, True))
        if key not in numbers:
            numbers[key] = len(different)
            different.append(take)
        cells.append(numbers[key])
    return cells, different


def _flat(take, loud):
    """Onset, duration, pitch and, if `loud`, velocity of each note in a row; times in MIDI
    ticks.
    """
    columns = [
        _ticks(take.onset),
        np.maximum(_ticks(take.offset) - _ticks(take.onset), 1),
        take.pitch.astype(int),
    ]
    return np.stack(columns + [take.velocity.astype(int)] * loud, axis=1).ravel().tolist()


def _ticks(beats):
    ticks = np.floor(np.asarray(beats) * TICKS_PER_BEAT + 0.5).astype(int)
    return ticks if ticks.ndim else int(ticks)


def _values(values, k, n):
    values = np.asarray(values, dtype=float)
    if values.shape not in ((n, n), (k, n, n)):
        raise ValueError(
            f"values of shape {values.shape} for takes of shape {(n, n) if k == 1 else (k, n, n)}"
        )
    if not np.isfinite(values).all():
        raise ValueError(
            f"{np.count_nonzero(~np.isfinite(values))} values are not finite numbers: the plane has no colour for them"
        )
    return np.broadcast_to(values, (k, n, n))


def _share(values):
    """How far each value lies from the least to the greatest, 0 to 1; halfway if all are
    one.
    """
    span = np.ptp(values)
    return (values - values.min()) / span if span else np.full(values.shape, 0.5)


def _sprite(takes, velocity, program):
    """The recording of every pitch that occurs, as an MP3, and what the script has to know
    of it.

    Each pitch is held as long as it ever is held. The level is such that the takes are as
    loud as a player's, and that none clips.
    """
    held = {}
    for take in takes:
        for note in take:
            held[note.pitch] = max(
                held.get(note.pitch, 0.0), min(max(note.duration, SHORTEST), LONGEST)
            )
    slices, at = {}, LEAD
    for pitch, seconds in sorted(held.items()):
        slices[pitch] = (at, seconds)
        at += seconds + GAP
    scale = Notes.of(
        [(start, seconds, pitch, velocity) for pitch, (start, seconds) in slices.items()],
        unit="seconds",
    )
    samples = synthesize(scale, program=program, sample_rate=SAMPLE_RATE)
    mixes = [_mixed(take, samples, slices, velocity) for take in takes if len(take)]
    power = np.concatenate([m[m != 0] for m in mixes])
    gain = min(
        PEAK / max(np.abs(m).max() for m in mixes), LOUDNESS / np.sqrt(np.mean(power**2))
    )
    click = int(CLICK * SAMPLE_RATE)
    samples[click - 4 : click + 5] = 0.6 * np.hanning(9)
    told = {
        str(pitch): [round(start, 4), round(seconds, 4)]
        for pitch, (start, seconds) in slices.items()
    }
    return mp3_bytes(samples, SAMPLE_RATE), {
        "click": CLICK,
        "gain": float(f"{gain:.4g}"),
        "slices": told,
    }


def _mixed(take, samples, slices, velocity):
    """What the page's script will make of a take, at gain 1: the same slices with the same
    release.
    """
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
    mp3 = mp3_bytes(
        synthesize(piece, sample_rate=STILL_RATE), STILL_RATE, kbits=STILL_KBITS
    )
    described = f"Piano roll: {len(notes)} notes from {note_name(notes.pitch.min())} to {note_name(notes.pitch.max())}"
    return Take(
        label,
        hue,
        heard.end,
        heard,
        mp3,
        roll_png(heard, hue, 480, 90),
        (),
        _midi_bytes(piece),
        described,
    )


def _plane_png(cells, shares, hue, levels=64):
    """The plane as a picture: a square for each take, its value as its shade, a line
    wherever the melody changes.
    """
    n = len(cells)
    shades = np.full((n, n), 0.3) if shares is None else shares
    picture = np.kron((shades * (levels - 1)).round(), np.ones((CELL, CELL))).astype(
        np.uint8
    )
    for i, j in np.argwhere(cells[:, 1:] != cells[:, :-1]):
        picture[i * CELL : (i + 1) * CELL, (j + 1) * CELL] = levels
    for i, j in np.argwhere(cells[1:] != cells[:-1]):
        picture[(i + 1) * CELL, j * CELL : (j + 1) * CELL] = levels
    full = np.array(list(bytes.fromhex(hue[1:])))
    ramp = 255 + np.linspace(0.1, 1, levels)[:, None] * (full - 255)
    return _png(picture, [*ramp.round().astype(int).tolist(), (70, 70, 70)])
