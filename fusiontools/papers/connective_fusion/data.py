"""Eight-bar windows of melody by the rules of section 3.1: all that a training of
Connective Fusion needs, as one value in one file. Chapter 4, Connective Fusion, shows them
(``notebooks/04_connective_fusion_1_from_scratch``) and fuses their halves
(``..._2_full_size``, ``..._3_measured``).

The paper transposes every track to every key that fits. Here a window is stored once,
beside the keys that its track can be moved to, and a number names a window in a key. Two
things are ours: a track outside 55 to 84 is moved into it if it fits in some key, where the
paper leaves it out; and a performed melody, some of whose notes overlap a little, still
counts as one voice. What a token is, `fusiontools.music.grid` says.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from fusiontools.corpora import encoded, load
from fusiontools.corpora.cache import (
    check_array,
    content_hash,
    read_described,
    write_described,
)
from fusiontools.corpora.entries import Corpus, join, song_ids
from fusiontools.corpora.places import find
from fusiontools.corpora.registry import terms
from fusiontools.corpora.splits import split_of
from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music import grid
from fusiontools.music.grid import BAR, HALF, HIGH, HOLD, LOW
from fusiontools.music.notes import shift, transpose

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Entry
    from fusiontools.music.midi import Meter


__all__ = ["HALF", "PARTS", "SOURCES", "STEPS", "Windows", "bar_grid"]
__all__ += ["open_windows", "save_windows", "windows"]

# Section 3.1: of 20 songs so many go to each part; -1 trains models, -2 classifiers.
PARTS = {"train-1": 11, "validation-1": 1, "train-2": 6, "validation-2": 1, "test": 1}
STEPS = 2 * HALF  # tokens of a window
FIDDLE = ("oneill", "ryan", "aird")  # tune books that come with music21, public domain
MORE = {"tunebooks": ("essen",), "fiddle_pop909": ("pop909",)}  # beside them
SOURCES = {
    "fiddle": "fiddle tunes of three tune books, which need no download",
    "tunebooks": "the fiddle tunes and the folk songs of the Essen collection, which need "
    "no download either",
    "fiddle_pop909": "the fiddle tunes and the melodies of 909 pop songs: what the weights "
    "that ship are trained on",
    "lakh": "the Lakh MIDI Dataset, the paper's own, or the stand-in for it",
}
# One voice: of 100 notes 95 overlap the next by no more than half a step of the grid.
CLOSE, ALONE = 0.13, 0.95  # beats, share


@dataclass(frozen=True, eq=False)
class Windows:
    """Eight-bar windows, split by song into the five parts of section 3.1.

    ``data.tokens("test")`` are the windows of a part, ``data.take("test", [0, 7])`` two of
    its ``data.keys("test")`` windows in every key.
    """

    name: str
    # "test": (N, 128) uint8, "test_song": (N,) int32, "test_shift": (N, 2) int8, and so on
    arrays: dict
    about: dict  # how it was made, and whose music it is

    def tokens(self, part: str = "train-1") -> np.ndarray:
        """A part's windows in the keys that they were found in, shape (N, 128), uint8."""
        return self.arrays[part]

    def songs(self, part: str = "train-1") -> np.ndarray:
        """For each row of `tokens` the number of its song, shape (N,)."""
        return self.arrays[f"{part}_song"]

    def shifts(self, part: str = "train-1") -> np.ndarray:
        """For each row of `tokens` the first and last shift that fit, semitones, (N, 2)."""
        return self.arrays[f"{part}_shift"]

    def keys(self, part: str = "train-1") -> int:
        """How many windows the part has in all keys."""
        return int(self._ends[part][-1])

    def take(self, part: str, numbers: npt.ArrayLike) -> np.ndarray:
        """Windows in a key each, by number: (B,) -> (B, 128), uint8.

        Numbers run from 0 to ``keys(part) - 1``: first all keys of the first window, from
        low to high, then those of the second. A ValueError for others.
        """
        numbers, ends = np.asarray(numbers, dtype=np.int64), self._ends[part]
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < ends[-1]:
            found = f"{numbers.min()} to {numbers.max()}"
            raise ValueError(f"windows are numbered 0 to {ends[-1] - 1}, found {found}")
        row = self._row(part, numbers)
        key = numbers - np.where(row > 0, ends[row - 1], 0)
        tokens = self.tokens(part)[row].astype(np.int16)
        moved = tokens + (self.shifts(part)[row, 0] + key)[:, None]
        return np.where(tokens > HOLD, moved, tokens).astype(np.uint8)

    def songs_of(self, part: str, numbers: np.ndarray) -> np.ndarray:
        """The songs of windows named by number, as in `take`: (B,) -> (B,)."""
        return self.songs(part)[self._row(part, np.asarray(numbers, dtype=np.int64))]

    def _row(self, part, numbers):
        return np.searchsorted(self._ends[part], numbers, side="right")

    @cached_property
    def _ends(self):
        """For each part, the number after each window's last key, shape (N,)."""
        ends = {}
        for part in PARTS:
            low, high = self.shifts(part).astype(np.int64).T
            ends[part] = np.cumsum(high - low + 1)
        return ends

    @cached_property
    def hash(self) -> str:
        """Of all windows, keys and songs; a record names its data by it."""
        parts: list = ["connective fusion windows"]
        for name in sorted(self.arrays):
            parts += [name, np.ascontiguousarray(self.arrays[name]).tobytes()]
        return content_hash(*parts)

    def __repr__(self):
        counts = ", ".join(f"{part} {len(self.tokens(part)):,}" for part in PARTS)
        return f"Windows({self.name!r}, {counts})"

    def __str__(self):
        counts = ", ".join(f"{len(self.tokens(part)):,} of {part}" for part in PARTS)
        return f"{self.name}, windows of eight bars: {counts}"


def bar_grid(notes: grid.Notes, meter: Meter, outside: str = "move") -> np.ndarray:
    """A track in 4/4 as a grid of whole bars, counted from its first bar line: shape
    (16 * bars,), uint8. An upbeat stands at the end of a first bar that begins with rests.
    A MusicFileError says that the track is no single voice, lies outside, or has no note.

    `outside` says what becomes of a track outside 55 to 84. "leave" leaves it out, as the
    paper does; "move" does so only if it fits in no key, and else moves it as little as it
    takes.

    Examples
    --------
    >>> from fusiontools.music import Meter, Notes
    >>> bar_grid(Notes.of([(0, 1, 48), (1, 4, 52)]), Meter(-3.0))[11:18].tolist()
    [0, 55, 1, 1, 1, 59, 1]
    """
    if outside not in ("move", "leave"):
        raise ValueError(f"outside is {outside!r}; it can be 'move' or 'leave'")
    if not len(notes):
        raise MusicFileError("no note", do="leave the track out")
    if len(notes) > 1 and np.mean(notes.offset[:-1] <= notes.onset[1:] + CLOSE) < ALONE:
        do = "find its melody first: fusiontools.music.extract.melody"
        raise MusicFileError("several notes at once", do=do)
    low, high = int(notes.pitch.min()), int(notes.pitch.max())
    if outside == "move" and high - low <= HIGH - LOW:
        notes = transpose(notes, max(LOW - low, 0) + min(HIGH - high, 0))
    elif low < LOW or high > HIGH:
        raise MusicFileError(f"pitches outside {LOW} to {HIGH}", do="leave the track out")
    tokens = grid.encode_grid(shift(notes, -min(meter.beat, 0.0) % meter.bar))
    return np.pad(tokens, (0, -len(tokens) % BAR), constant_values=grid.REST)


def window_rows(
    tokens: np.ndarray, offsets: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All windows of tracks, the keys that each can be moved to, and its track: (T,) ->
    (N, 128), (N, 2), (N,). Section 3.1: "8-bar sliding windows (with a stride of 1 bar)",
    none with "more than one bar consecutive rests", in "all possible keys if the transposed
    tracks stay within the pitch range".

    `tokens` are grids in 4/4, laid end to end; `offsets`, shape (S + 1,), say where each
    track begins. By default it is one.
    """
    offsets = [0, len(tokens)] if offsets is None else offsets
    offsets = np.asarray(offsets, dtype=np.int64)
    rules: dict[str, Any] = {"bars": 8, "stride_bars": 1, "rule": "rest"}
    starts = grid.grid_windows(tokens, offsets=offsets, **rules)
    track = np.searchsorted(offsets, starts, side="right") - 1
    rows = np.zeros((0, STEPS), np.uint8)
    if len(starts):
        rows = grid.take_windows(tokens, starts)
    return rows, grid.grid_shifts(tokens, offsets).astype(np.int8)[track], track


def entry_rows(
    entry: Entry, tracks: Any = None, outside: str = "move", meters: Sequence = ("4/4",)
) -> np.ndarray:
    """The windows of an entry, each followed by its lowest shift (its sign turned) and its
    highest: shape (N, 130), uint8. A MusicFileError says why there is none.

    Only tracks of the name `tracks` are read, by default all, but never drums or basses
    (General MIDI 32 to 39); `outside`: see `bar_grid`. An entry has to be in one of
    `meters`: the paper takes 4/4 alone; a bar of 2/2 is as long.
    """
    if odd := sorted({str(m) for m in entry.piece.meters} - set(meters)):
        do = f"leave it out: it is in {', '.join(odd)}"
        raise MusicFileError(f"not in {' or '.join(meters)}", entry.id, do)
    grids, why = [], "no such track"
    for track in entry.piece.tracks:
        if track.is_drum or 32 <= track.program <= 39 or tracks not in (None, track.name):
            continue
        try:
            grids.append(bar_grid(track.notes, entry.piece.meters[0], outside))
        except MusicFileError as error:
            why = error.found
    if not grids:
        raise MusicFileError(why, entry.id, "leave it out")
    rows, shifts, _ = window_rows(np.concatenate(grids), np.cumsum([0, *map(len, grids)]))
    if not len(rows):
        raise MusicFileError("no eight bars without a long rest", entry.id, "leave it out")
    return np.concatenate([rows, -shifts[:, :1], shifts[:, 1:]], axis=1).astype(np.uint8)


def windows(
    source: str = "tunebooks",
    corpora: Sequence[Corpus] | None = None,
    outside: str = "move",
    meters: tuple[str] = ("4/4",),
    seed: int = 0,
) -> Windows:
    """Eight-bar windows of melody, split by song, section 3.1. A CorpusError says that
    there is no such source, that it has to be downloaded first, or that a part is empty.

    Parameters
    ----------
    source : str
        One of `SOURCES`; any name of your own if `corpora` are given.
    corpora : sequence of Corpus, optional
        Your own, such as folders of MIDI files.
    outside, meters
        See `bar_grid` and `entry_rows`.
    seed : int
        Another one splits the songs anew.
    """
    if corpora is None and source not in SOURCES:
        do = f"choose one of {', '.join(SOURCES)}, or give corpora of your own"
        raise CorpusError(f"no data is called {source!r}", do=do)
    rules: dict[str, Any] = {"outside": outside, "meters": list(meters)}
    about = rules | {"seed": seed}
    if corpora is None and source == "lakh":
        if find("melodies_16th") is not None:
            return _dealt(source, [_of_grids(load("melodies_16th"), seed)], about)
        corpora = [load("lmd_matched")]
    elif corpora is None:
        corpora = [load(name) for name in (*FIDDLE, *MORE.get(source, ()))]
    rules |= {"parts": PARTS, "seed": seed}
    plain = [corpus for corpus in corpora if corpus.name != "pop909"]
    found = []
    if plain:
        found.append(_of_notes(encoded(_one_corpus(plain), entry_rows, **rules), plain))
    for corpus in [corpus for corpus in corpora if corpus.name == "pop909"]:
        # its melody is a track of its own
        made = encoded(corpus, entry_rows, tracks="MELODY", **rules)
        found.append(_of_notes(made, [corpus]))
    return _dealt(source, found, about)


def _one_corpus(corpora):
    """Several corpora as one, in which tunes of one title or one melody share a song."""
    if len(corpora) == 1:
        return corpora[0]
    columns = join(corpus.columns for corpus in corpora)
    joined = Corpus("+".join(corpus.name for corpus in corpora), columns)
    columns["song"] = song_ids(columns["title"], [entry.notes for entry in joined])
    return joined


def _of_notes(made, corpora):
    """An encoding's windows, keys, songs and parts, one a row, and what to say of it."""
    rows, entry = made.data, made.entry
    shifts = rows[:, STEPS:].astype(np.int8) * np.array([-1, 1], np.int8)
    reasons = Counter()
    for id, why in made.about["skipped"]:
        reasons[why.removeprefix(f"{id}: ").partition(". What to do")[0]] += 1
    about = {"entries": len(made), "skipped": dict(reasons.most_common())}
    about["corpora"] = [terms(c.name) | {"content": c.content} for c in corpora]
    return rows[:, :STEPS], shifts, made.song[entry], made.part[entry], about


def _of_grids(melodies, seed):
    """The same of melodies that come as grids."""
    rows, shifts, track = window_rows(melodies.tokens, melodies.offsets)
    songs = melodies.song.tolist()
    part = np.array([split_of(song, PARTS, seed) for song in songs])
    arrays = melodies.tokens.tobytes(), melodies.offsets.tobytes()
    content = {"content": content_hash(*arrays, json.dumps(songs))}
    about = {"entries": len(melodies), "skipped": {}}
    about["corpora"] = [terms("melodies_16th") | content]
    return rows, shifts, melodies.song[track], part[track], about


def _dealt(name, found, about):
    """All that was found as one `Windows`."""
    *found, sources = zip(*found)
    rows, shifts, song, part = map(np.concatenate, found)
    _, number = np.unique(song, return_inverse=True)
    arrays = {}
    for p in PARTS:
        own = part == p
        if not own.any():
            says = f"no window in part {p!r}, which gets {PARTS[p]} of 20 songs: there are "
            says += f"{len(rows)} windows of eight bars, of {len(set(song))} songs"
            raise CorpusError(says, name, "bring more songs in 4/4: 100 are enough")
        arrays[p] = rows[own]
        arrays[f"{p}_shift"] = shifts[own]
        arrays[f"{p}_song"] = number[own].astype(np.int32)
    return Windows(name, arrays, about | {"sources": list(sources)})


def save_windows(windows: Windows, path: str | os.PathLike) -> None:
    """Write windows into one ``.npz``, whole or not at all, or raise a CorpusError."""
    write_described(path, {"name": windows.name, "about": windows.about}, windows.arrays)


def open_windows(path: str | os.PathLike) -> Windows:
    """Read what `save_windows` wrote; a CorpusError if the file is something else."""

    def make(told, arrays):
        made = Windows(told["name"], arrays, told["about"])
        for part in PARTS:
            n = len(made.songs(part))
            check_array(made.songs(part), "int32", (n,))
            check_array(made.tokens(part), "uint8", (n, STEPS), 0, HIGH)
            check_array(made.shifts(part), "int8", (n, 2), -128, 127)
            low, high = made.shifts(part).T
            if (low > high).any():
                raise ValueError
        return made

    do = "make it again with save_windows(windows(...), path)"
    return read_described(path, make, "windows of melody", do)
