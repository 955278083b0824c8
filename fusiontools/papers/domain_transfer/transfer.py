"""What a trained domain transfer can do: transfer windows, lines of any length and files;
be written and read. No training here. Chapter 5, Domain transfer, plays with it
(``notebooks/05_domain_transfer_2_full_size``, ``..._3_measured``).

A window is a row of 1,024 tokens, a line a row of any length, in the pitches that
`lines.to_middle` gives. A line goes through the network in windows that overlap by half.
Their pictures are cross-faded into one of the whole line, and only then read as notes.
"""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fusiontools.corpora.registry import credits
from fusiontools.errors import MusicFileError, NoNotesError, RecordError
from fusiontools.music import lines, pictures
from fusiontools.music.bars import bars_of, count
from fusiontools.music.excerpts import piece_of, tracks_of
from fusiontools.music.extract import skyline
from fusiontools.music.grid import HOLD, decode_grid, one_voice, repair_grid
from fusiontools.music.lines import BAR, PER_BEAT, STEPS, sounding
from fusiontools.music.midi import Piece, Track
from fusiontools.music.notes import Notes, shift
from fusiontools.music.scores import plain
from fusiontools.papers.domain_transfer.config import Config
from fusiontools.papers.domain_transfer.networks import Networks
from fusiontools.training import (
    building,
    config_from,
    finished_weights,
    read_weights,
    save_weights,
)

if TYPE_CHECKING:
    from fusiontools.papers.domain_transfer.data import Domains


__all__ = ["HOP", "TARGETS", "Transferred", "cross_fade", "load_weights", "save_networks"]
__all__ += ["seams", "shipped_weights", "transfer_file", "transfer_line"]
__all__ += ["transfer_windows"]

HOP = STEPS // 2  # from one window of a line to the next
LONGEST = 5000  # bars of four beats of a line: nearly three hours
NEAR = 1e-6  # beats: closer is the same place
# What the weights that come along transfer to: their data, the General MIDI program that
# plays it, the highest median pitch (what lies higher is played some octaves lower)
TARGETS = {"metal": ("classical_metal", 30, 64), "fiddle": ("chorales_fiddle", 40, 108)}


class Transferred(NamedTuple):
    """A line out of a piece of music, and what came of it."""

    line: np.ndarray  # (T,) uint8: the line, its median pitch moved to middle C
    tokens: np.ndarray  # (T,) uint8: what came of it
    notes: Notes  # the same in beats, in its place in the piece and at its pitch
    shift: int  # semitones that the line was moved by
    taken: str  # which voice it is, in words
    said: list  # a sentence for each thing that was adapted
    piece: Piece  # `notes` with the tempo and the meters of the source: to be written
    plain: Piece  # the line as it was taken, on the same instrument


def _soft(networks, tokens, amount):
    if not 0 <= amount <= 1:
        raise ValueError(f"an amount lies between 0 and 1, found {amount}")
    layout, legal = networks.config.layout, networks.config.legal
    x = pictures.encode(tokens, layout)
    # such networks know nothing else from their training
    seen = pictures.encode(pictures.heard(tokens, tokens), layout) if legal else x
    # y = (1 - a) x + a G(x)
    return (1 - amount) * x + amount * networks.transfer(seen)


def transfer_windows(
    networks: Networks, tokens: np.ndarray, amount: float = 1.0
) -> np.ndarray:
    """Transfer windows, each alone: (N, 1024) -> (N, 1024) uint8.

    At amount 0 they stay what they are, as far as the network's picture can hold them; at 1
    they become what G makes of them. Between, the two pictures are mixed, and then read.
    """
    return pictures.decode(_soft(networks, tokens, amount), networks.config.layout)


def cross_fade(parts: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Parts that overlap as one whole, each fading in up to its middle and out after it.

    (N, C, P), and where each starts, (N,), to (C, T); the last one ends where that does.

    Examples
    --------
    >>> parts = np.stack([np.zeros((1, 4)), np.ones((1, 4))])
    >>> cross_fade(parts, [0, 2]).round(2).tolist()
    [[0.0, 0.0, 0.33, 0.67, 1.0, 1.0]]
    """
    size = parts.shape[-1]
    # w(t) = min(t + 1, P - t)
    weight = np.minimum(np.arange(1, size + 1), np.arange(size, 0, -1))
    whole, weights = np.zeros((2, parts.shape[1], starts[-1] + size))
    for start, part in zip(starts, parts):
        whole[:, start : start + size] += weight * part
        weights[:, start : start + size] += weight
    # y(t) = sum_i w(t - s_i) y_i(t - s_i) / sum_i w(t - s_i)
    return whole / weights


def transfer_line(
    networks: Networks, tokens: np.ndarray, amount: float = 1.0, as_heard: bool = False
) -> np.ndarray:
    """Transfer a legal line of any length, without seams: (T,) -> (T,) uint8.

    One of less than 32 bars is played again until a window is full, as in the training, and
    what comes of that is cut off. With `as_heard` each window is put right by its source,
    see `pictures.heard`; without it notes lie where they fall.
    """
    tokens, layout = np.asarray(tokens, np.uint8), networks.config.layout
    rows = lines.windows(tokens, HOP)
    starts = lines.window_starts(max(len(tokens), STEPS), HOP)
    soft = _soft(networks, rows, amount)  # (N, C, 32, 32), a pixel a step
    whole = cross_fade(soft.reshape(*soft.shape[:2], STEPS), starts)  # (C, T)
    faded = np.stack([whole[:, s : s + STEPS] for s in starts]).reshape(soft.shape)
    made = pictures.decode(faded, layout)
    made = pictures.heard(made, rows) if as_heard else made
    # each step once, as it is read in the window that has it nearest to its middle
    edges = [0, *_meet(starts), starts[-1] + STEPS]
    read = [row[a - s : b - s] for row, s, a, b in zip(made, starts, edges, edges[1:])]
    return repair_grid(np.concatenate(read)[: len(tokens)])


def _meet(starts):
    """Where one window is read on in the next: in the middle of their overlap."""
    return (starts[:-1] + STEPS + starts[1:]) // 2 // BAR * BAR


def seams(
    line: np.ndarray, tokens: np.ndarray, borders: np.ndarray | None = None, leap: int = 2
) -> dict[str, tuple[float, float]]:
    """How much a transfer changes at borders of windows, and at all other bar lines.

    Of a line and of what came of it, (T,) each: shares of the borders, and of the others.
    ``pitch_jumps``: how far they are apart changes by more than a `leap`, in semitones.
    ``onset_changes``: a note starts in one of both only. `borders` are steps, by default
    those where a window of `transfer_line` begins, ends, or is read on in the next.

    Examples
    --------
    >>> line = np.full(3 * STEPS, 60)
    >>> seams(line, line + np.repeat([0, 7, 0], STEPS), [STEPS, 2 * STEPS])
    {'pitch_jumps': (1.0, 0.0), 'onset_changes': (0.0, 0.0)}
    """
    line, tokens = np.asarray(line), np.asarray(tokens)
    starts = lines.window_starts(max(len(line), STEPS), HOP)
    if borders is None:
        borders = np.concatenate([starts, starts + STEPS, _meet(starts)])
    bars = np.arange(BAR, len(line), BAR)
    at = np.isin(bars, borders)
    away = sounding(tokens).astype(int) - sounding(line)
    found = {"pitch_jumps": np.abs(away[bars] - away[bars - 1]) > leap}
    found["onset_changes"] = (tokens[bars] > HOLD) != (line[bars] > HOLD)

    def share(x):
        return float(x.mean()) if len(x) else float("nan")

    return {k: (share(x[at]), share(x[~at])) for k, x in found.items()}


def transfer_file(
    networks: Networks,
    music: Piece | str | os.PathLike,
    amount: float = 1.0,
    program: int = 30,
    ceiling: int = 108,
    track: int | str | None = None,
    as_heard: bool = True,
    tune: int | str | None = None,
) -> Transferred:
    """Transfer a piece whole, a `Piece` or what `fusiontools.music.read_score` reads, as
    `Transferred`: its highest voice, or that of one track, its number or a part of its
    name; of a book in ABC, of one tune, likewise. What plays it is a General MIDI program,
    in octaves with no higher median pitch than the ceiling.

    Bars of four beats are counted from the first whole bar of the piece. Before it begins
    nothing sounds, nor, where its own bars are others or an upbeat begins it, after its
    last note. A MusicFileError says why it cannot be read, that there is no such track or
    tune, that nothing sounds, or that it is too long.
    """
    piece, where, said = piece_of(music, None, tune)
    name, notes = _source(piece, track, where)
    end = max(t.notes.end for t in piece.tracks)
    bars = bars_of(piece, end)
    # the network's bars count from beat 0 of the line: it begins so much later
    lead = -bars.start[np.argmax(bars.number > 0)] % 4
    others = _other_bars(bars)
    end = end if lead or others else np.inf  # else what is left of its bar is its own
    voice = shift(skyline(notes), lead)
    raw = lines.line_tokens(voice)
    if len(raw) > LONGEST * BAR:
        found = f"its line lasts {len(raw) // BAR:,} bars of four beats"
        do = f"crop it first: {LONGEST:,} are the most"
        raise MusicFileError(found, where, do)
    line, by = lines.to_middle(raw)
    tokens = transfer_line(networks, line, amount, as_heard)
    # back to where the line was, and down to where the instrument plays
    pitch = tokens[tokens > HOLD].astype(int) - by
    high = (np.median(pitch) - ceiling) / 12 if len(pitch) else 0
    down = max(int(np.ceil(high)), 0)
    # the beat of its first bar line
    first = one_voice(voice, PER_BEAT)[0][0] // BAR * 4 - lead

    def placed(tokens, semitones):
        heard = shift(decode_grid(tokens, PER_BEAT), first)
        pitch = (heard.pitch.astype(int) + semitones).clip(0, 127)
        heard = replace(heard, pitch=pitch)
        heard = heard[(heard.offset > 0) & (heard.onset < end)]
        onset, offset = heard.onset.clip(0), heard.offset.clip(max=end)
        heard = replace(heard, onset=onset, duration=offset - onset)
        there = piece.tempo, piece.meters, "", piece.bars
        return heard, Piece((Track(heard, program),), *there)

    taken = f"the highest voice of {name}, {(raw > HOLD).sum():,} of {len(notes):,} notes"
    taken += f", in {count(len(raw) // BAR, 'bar')} of four beats"
    said += _silent(bars, voice.onset[0] - lead) + others
    said += _adapted(voice, raw, line, by, down, as_heard, not others)
    made, plain = placed(tokens, -by - 12 * down), placed(raw, -12 * down)[1]
    return Transferred(line, tokens, made[0], int(by), taken, said, made[1], plain)


def _source(piece, track, where):
    """The notes that a line is taken from, and what they are called."""
    found = tracks_of(piece, track, where)
    if not any(len(t.notes) for _, t in found):
        there = "it" if track is None else f"track {found[0][0]}" if found else "any track"
        do = "choose another track, or a piece with more than drums"
        raise NoNotesError(f"no pitched note sounds in {there}", where, do)
    if track is None:
        return "all tracks", piece.notes()
    number, own = found[0]
    name = f' "{plain(own.name)}"' if plain(own.name) else ""
    return f"track {number}{name}", own.notes


def _silent(bars, onset):
    """What to say of whole bars before a line begins."""
    ended = bars.start + bars.length <= onset + NEAR
    silent = int((ended & (bars.number > 0)).sum())
    first = "The first bar is" if silent == 1 else f"The first {silent} bars are"
    return [f"{first} silent."] if silent else []


def _other_bars(bars):
    """What to say of a piece whose bar lines are not all those of bars of four beats."""
    whole = np.flatnonzero(bars.number > 0)
    if not len(whole):
        return []
    first = whole[0]
    # where it has but one bar, its end
    beats = np.append(bars.start[whole] - bars.start[first], bars.length[first])

    def stand(every):
        return bool((np.abs(beats - every * np.round(beats / every)) < NEAR).all())

    if stand(4):
        return []
    lengths = {str(bars.meter[i]): bars.meter[i].bar for i in whole}
    found = f"It is in {' and '.join(lengths)}"
    if not any(length % 4 for length in lengths.values()):
        found = f"Some of its bars are not whole ones of {' or '.join(lengths)}"
    elif len(lengths) > 3:
        found = f"It is in {len(lengths)} meters"
    yours = "its bars do not line up with yours"
    if set(lengths.values()) == {2} and stand(2):
        yours = "two of yours are one of them"
    return [f"{found}, and the network works in bars of four beats: {yours}."]


def _adapted(voice, raw, line, by, down, as_heard, in_fours):
    """What to say of a line that became tokens, and of what comes of it."""
    off = np.abs(voice.onset - np.floor(voice.onset * PER_BEAT + 0.5) / PER_BEAT)
    late, on = int((off > lines.EXACT).sum()), raw > HOLD
    far = int((line[on].astype(int) - by != raw[on]).sum())
    within = f"to within {lines.REACH} semitones of that"
    grid, far_off = f"by up to {off.max():.2f} beats", count(late, "note")
    snap = "on 16ths and on the line's scale"
    snap += "; bars that are alike stay alike." if in_fours else "."
    both = f"The line is put on 32nds ({far_off}, {grid}), what comes of it {snap}"
    told = [
        (late and as_heard, both),
        (late and not as_heard, f"Put on the 32nds, {grid}: {far_off}."),
        (by, f"All moved by {by:+d} semitones, and back: the median becomes middle C."),
        (far, f"Moved by octaves, {within}: {count(far, 'note')}."),
        (as_heard and not late, f"Put {snap}"),
        (down, f"It is played {count(down, 'octave')} lower than the line."),
    ]
    return [words for asked, words in told if asked]


def save_networks(
    networks: dict[str, Networks], path: str | os.PathLike, data: Domains, **about: Any
) -> None:
    """Write f and g as one file of weights, from a dict of methods to their networks, and
    the `Domains` that they learned from. The rest: `fusiontools.training.save_weights`.
    """
    models = {method: own.both for method, own in networks.items()}
    about |= {"paper": "domain_transfer", "data": data.name, "labels": list(data.labels)}
    about["methods"] = {method: asdict(own.config) for method, own in networks.items()}
    corpora = {c["name"]: c for c in data.about["corpora"]}  # one may give two domains
    names, terms = credits([*corpora.values()])
    save_weights(models, path, corpora=names, terms=terms, **about)


def shipped_weights(data: str = "classical_metal") -> Path:
    """Where the weights lie that come with the package, trained on some data."""
    folder = Path(str(resources.files("fusiontools"))) / "pretrained"
    return folder / f"domain_transfer_{data}.safetensors"


def load_weights(
    data: str = "classical_metal",
    method: str | None = None,
    path: str | os.PathLike | None = None,
) -> tuple[Networks, dict[str, list | str]]:
    """Networks from weights that come with the package, or from your own, a file or the
    folder of a finished run, and what the file says. The method is by default "full", or
    else the first; D is new. A RecordError says why there are none, or none of this kind.
    """
    path = shipped_weights(data) if path is None else Path(path)
    path = finished_weights(path) if path.is_dir() else path
    if path == shipped_weights(data) and not path.is_file():
        do = "train your own: python -m fusiontools train domain_transfer --run DIR"
        raise RecordError("no weights of domain transfer come with the package", data, do)
    tensors, about = read_weights(path, "domain_transfer")
    held = about.get("methods")
    held = held if isinstance(held, dict) else {}
    method = method or ("full" if "full" in held else next(iter(held), "full"))
    if method not in held:
        do = f"choose one of {', '.join(held)}" if held else "choose another file"
        raise RecordError(f"no domain transfer by the method {method!r}", path, do)
    own = {k: t for k, t in tensors.items() if k.startswith(f"{method}.")}
    with building(path, own, "weights of domain transfer"):
        networks = Networks(config_from(Config, held[method]))
        networks.both.load_state_dict({k[len(method) + 1 :]: t for k, t in own.items()})
        source, target = about["labels"]
        if not all(isinstance(word, str) for word in (source, target, about["data"])):
            raise TypeError("names that are no texts")
    networks.both.eval()
    return networks, about | {"method": method}
