"""Two genres of melody as windows of the grid: the common ground of all systems.

A window is 128 tokens of 16ths, eight bars of 4/4 or sixteen of 2/4, as in Connective
Fusion; every tune is moved to the tonic C, and its songs are dealt into "train",
"validation" and "test", as in FusionGAN. So a song that is held out here was held out
there. Both corpora come without a download. Used in chapter 8.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.corpora import PARTS, encoded, load
from fusiontools.corpora.cache import (
    check_array,
    content_hash,
    read_described,
    write_described,
)
from fusiontools.corpora.registry import terms
from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music import grid
from fusiontools.music.grid import BAR, HOLD, REST
from fusiontools.music.notes import shift, transpose
from fusiontools.papers.fusiongan.data import tonic

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Entry

__all__ = ["GENRES", "HIGH", "LOW", "STEPS", "Tunes", "in_c", "open_tunes", "save_tunes"]
__all__ += ["tunes"]

GENRES = ("A", "B")
CORPORA = ("essen", "ryan")
LOW, HIGH = 45, 86  # the pitches of FusionGAN's vocabulary: 99 % of all notes on C
STEPS = 128  # tokens of a window
METERS = ("2/4", "4/4", "2/2")  # whose bars divide a window


@dataclass(frozen=True, eq=False)
class Tunes:
    """Windows of two genres, dealt by song."""

    name: str
    labels: tuple[str, str]  # of A and B, such as ("folk", "fiddle")
    arrays: dict  # "A_train": (N, 128) uint8, "A_train_song": (N,) str, and so on
    about: dict  # how it was made, and whose music it is

    def windows(self, genre: str, part: str = "train") -> np.ndarray:
        """A genre's windows of one part, (N, 128) uint8."""
        return self.arrays[f"{genre}_{part}"]

    def songs(self, genre: str, part: str = "train") -> np.ndarray:
        """For each row of `windows` its song, (N,) str."""
        return self.arrays[f"{genre}_{part}_song"]

    @cached_property
    def hash(self) -> str:
        """Of all windows and songs; a record names its data by it."""
        parts: list = ["two genres on the grid"]
        for name in sorted(self.arrays):
            parts += [name, np.ascontiguousarray(self.arrays[name]).tobytes()]
        return content_hash(*parts)

    def __str__(self):
        counts = (f"{len(self.windows(g)):,} of {n}" for g, n in zip(GENRES, self.labels))
        return f"{self.name}, windows to learn from: {', '.join(counts)}"


def in_c(entry: Entry) -> np.ndarray:
    """The windows of a tune in C, one every bar of 4/4: (N, 128) uint8.

    A MusicFileError says why there is none: no key, another meter, too short, silent.
    """
    home, do = tonic(entry.key), "leave it out"
    if home is None:
        raise MusicFileError("the source names no key", entry.id, do)
    meters = {str(meter) for meter in entry.piece.meters}
    if len(meters) != 1 or not meters <= set(METERS):
        found = f"in {', '.join(sorted(meters))}, not in one of {', '.join(METERS)}"
        raise MusicFileError(found, entry.id, do)
    meter = entry.piece.meters[0]
    # at most a tritone, as FusionGAN moves it
    notes = transpose(entry.notes, -home if home <= 6 else 12 - home)
    notes = shift(notes, -min(meter.beat, 0.0) % meter.bar)
    tokens = grid.encode_grid(notes, LOW, HIGH, outside="fold")
    tokens = np.pad(tokens, (0, -len(tokens) % BAR), constant_values=REST)
    starts = grid.grid_windows(tokens, rule="rest")
    if not len(starts):
        raise MusicFileError("no eight bars without a long rest", entry.id, do)
    return grid.take_windows(tokens, starts)


def tunes(name: str = "essen_ryan", corpora: Sequence | None = None) -> Tunes:
    """Two corpora as `Tunes`; a CorpusError says that a part gets no window.

    Parameters
    ----------
    name : str
        "essen_ryan"; any name of your own if `corpora` are given.
    corpora : pair of Corpus, optional
        Two of your own, whose entries name their keys.

    Examples
    --------
    >>> made = tunes()  # doctest: +SKIP
    >>> made.windows("B", "test").shape[1]  # doctest: +SKIP
    128
    """
    if corpora is None and name != "essen_ryan":
        raise CorpusError(f"no tunes are called {name!r}", do="take essen_ryan")
    corpora = [load(one) for one in CORPORA] if corpora is None else corpora
    arrays, told = {}, []
    for genre, corpus in zip(GENRES, corpora):
        made = encoded(corpus, in_c)
        song, part = made.song[made.entry], made.part[made.entry]
        for name_of in PARTS:
            own = part == name_of
            if not own.any():
                says = f"no window of {STEPS} 16ths for the part {name_of!r}"
                raise CorpusError(says, corpus.name, "bring more or longer melodies")
            arrays[f"{genre}_{name_of}"] = made.data[own]
            arrays[f"{genre}_{name_of}_song"] = song[own]
        told.append(terms(corpus.name) | {"content": corpus.content})
    labels = tuple(corpus[0].label for corpus in corpora)
    return Tunes(name, (labels[0], labels[1]), arrays, {"corpora": told})


def save_tunes(made: Tunes, path: str | os.PathLike) -> None:
    """Write tunes into one ``.npz``, whole or not at all."""
    told = {"name": made.name, "labels": made.labels, "about": made.about}
    write_described(path, told, made.arrays)


def open_tunes(path: str | os.PathLike) -> Tunes:
    """Read what `save_tunes` wrote; CorpusError if it is missing, damaged or another."""

    def make(told, arrays):
        for key in (f"{g}_{part}" for g in GENRES for part in PARTS):
            check_array(arrays[key], "uint8", (None, STEPS), REST, HIGH)
            if ((arrays[key] > HOLD) & (arrays[key] < LOW)).any():
                raise ValueError("pitches that are too low")
            if arrays[f"{key}_song"].shape != (len(arrays[key]),):
                raise ValueError("songs that do not fit the windows")
        a, b = map(str, told["labels"])
        return Tunes(told["name"], (a, b), arrays, told["about"])

    do = "make them again with save_tunes(tunes(...), path)"
    return read_described(path, make, "two genres of tunes", do)
