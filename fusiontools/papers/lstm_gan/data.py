"""Bars of songs, eight cells to the byte: all that a training on piano rolls needs, as one
value that fits in one file.

The paper takes bars of rock piano from the Lakh Pianoroll Dataset, 24 steps a beat, 96 a
bar (section 1.1 and figure 1). Ours keeps the order and the song of each, so that training
and test share no song, and leaves out songs that are there twice, which would look like
copies. A bar takes 1,008 bytes: a quarter of a million stay in memory packed, and a batch
is unpacked when it is asked for. What bars are like is `fusiontools.score.rolls`. Used in
chapter 6, LSTM and convolutional GANs.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.corpora import load, split_of
from fusiontools.corpora.cache import content_hash, read_described, write_described
from fusiontools.corpora.entries import group_songs
from fusiontools.corpora.folders import load_folder
from fusiontools.corpora.registry import terms
from fusiontools.corpora.walking import called
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.bars import count
from fusiontools.music.grid import in_range
from fusiontools.music.notes import shift
from fusiontools.music.roll import cells, encode_many_hot, split_bars

if TYPE_CHECKING:
    from fusiontools.corpora.entries import Corpus
    from fusiontools.music.notes import Notes


__all__ = ["LOW", "PARTS", "PITCHES", "SOURCES", "STEPS", "Bars", "bars_of"]
__all__ += ["from_folders", "gather", "open_bars", "pack_bars", "same_songs", "save_bars"]
PARTS = {"train": 8, "validation": 1, "test": 1}
BEAT, STEPS = 24, 96  # steps
LOW, PITCHES = 24, 84  # the first column is C1, as in MuseGAN
BYTES = STEPS * PITCHES // 8
LONGEST = 2000  # bars of a piece, over an hour; a file of more is damaged
COMMON = 5  # bars that tell a song: hundreds share one, such as a note held for a bar

# For each name a corpus, and what to ask it for. The paper has rock, and only the piano.
_ROCK = {"genres": ("lastfm/rock", "tagtraum/Rock"), "programs": range(8)}
SOURCES = {
    "rock": ("rock_rolls", {}),
    "lakh": ("lmd_matched", _ROCK),
    "chorales": ("bach", {}),
}


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars of many songs, packed, dealt by song into `PARTS`.

    In each part the bars of a song stand together and in order, silent ones too. A share of
    the songs is the same at every call, and a larger share contains it.
    """

    name: str
    arrays: dict  # "train": (N, 1008) uint8, "train_song": (N,) int32, and so on
    about: dict  # whose music it is, how much of it, and what was left out

    def rows(
        self, part: str = "train", share: float = 1.0, empty: bool = False
    ) -> np.ndarray:
        """Where bars stand in their part, in order, shape (n,): for `take`.

        Parameters
        ----------
        part : str
            One of `PARTS`.
        share : float
            Of the songs, over 0 and at most 1; at least one song.
        empty : bool
            Whether to take bars without a note, too.
        """
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share} songs: it must be over 0 and at most 1")
        songs = self.arrays[f"{part}_song"]
        own = np.unique(songs)  # numbered by a hash, so that the first are any songs
        wanted = songs <= own[max(1, round(share * len(own))) - 1]
        return np.flatnonzero(wanted if empty else wanted & self.arrays[part].any(1))

    def take(self, part: str, rows: np.ndarray) -> np.ndarray:
        """Some bars of a part, unpacked, shape (n, 96, 84), uint8: 1 is sound."""
        packed = self.arrays[part][np.asarray(rows)]
        return np.unpackbits(packed, axis=1).reshape(-1, STEPS, PITCHES)

    def bars(
        self, part: str = "train", share: float = 1.0, empty: bool = False
    ) -> np.ndarray:
        """All bars that `rows` names, unpacked: 1.2 GB of rock, so train with `take`."""
        return self.take(part, self.rows(part, share, empty))

    def songs(
        self, part: str = "train", share: float = 1.0, empty: bool = False
    ) -> np.ndarray:
        """For each of `rows` the number of its song, shape (n,), int32."""
        return self.arrays[f"{part}_song"][self.rows(part, share, empty)]

    @cached_property
    def hash(self) -> str:
        """Hex digits of all bars and songs: a record's data."""
        told: list = ["bars of piano roll"]
        for key in sorted(self.arrays):
            told += [key, np.ascontiguousarray(self.arrays[key]).tobytes()]
        return content_hash(*told)

    def __repr__(self):
        bars, songs = len(self.arrays["train"]), len(np.unique(self.arrays["train_song"]))
        return f"Bars({self.name!r}, {bars:,} training bars of {songs:,} songs)"

    def __str__(self):
        bars, songs = len(self.arrays["train"]), len(np.unique(self.arrays["train_song"]))
        return f"{self.name}, {count(bars, 'bar')} of {count(songs, 'song')} to learn from"


def pack_bars(notes: Notes) -> np.ndarray:
    """Notes as bars of 4/4, eight cells to the byte.

    Parameters
    ----------
    notes : Notes
        In beats, from a bar line on. The last bar is the one in which the last note starts.
        Notes outside the 84 pitches move by octaves.

    Returns
    -------
    ndarray of uint8, shape (N, 1008)
        CorpusError if there are no notes, or more than `LONGEST` bars.

    Examples
    --------
    >>> from fusiontools.music.notes import Notes
    >>> packed = pack_bars(Notes.of([(0, 2, 60), (5, 1, 64)]))
    >>> np.unpackbits(packed, axis=1).reshape(-1, 96, 84).sum((1, 2)).tolist()
    [48, 24]
    """
    if not len(notes):
        raise CorpusError("no notes")
    many = int(cells(notes, BEAT)[0].max()) // STEPS + 1
    if many > LONGEST:
        raise CorpusError(f"more than {LONGEST:,} bars")
    notes = in_range(notes, LOW, LOW + PITCHES - 1, "fold")
    roll = encode_many_hot(notes, BEAT, LOW, LOW + PITCHES - 1)
    bars = split_bars(roll, STEPS)[:many]
    return np.packbits(bars.reshape(len(bars), -1), axis=1)


def same_songs(packed: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Which songs have most of their bars in common, in any key.

    Parameters
    ----------
    packed : sequence of ndarray of uint8, shape (N, 1008)
        The bars of each song.

    Returns
    -------
    list of (int, int)
        All pairs of which one has more than half of its different bars, and at least
        `COMMON`, in the other too. Bars without a note do not count; bars are the same if a
        transposition makes them so.
    """
    from scipy.sparse import csr_array

    number, columns, ends = {}, [], [0]
    for song in packed:
        columns += sorted({number.setdefault(key, len(number)) for key in _keys(song)})
        ends.append(len(columns))
    ones, shape = np.ones(len(columns), np.int32), (len(packed), len(number))
    has = csr_array((ones, columns, ends), shape)
    common = (has @ has.T).tocoo()  # (songs, songs): how many bars two songs share
    i, j = common.coords
    least = np.maximum(np.minimum(np.diff(ends)[i], np.diff(ends)[j]) // 2 + 1, COMMON)
    alike = (i < j) & (common.data >= least)
    return sorted(zip(i[alike].tolist(), j[alike].tolist()))


def _keys(packed):
    """A digest of each bar with notes, moved until its lowest pitch is the first column."""
    bars = np.unpackbits(packed[packed.any(1)], axis=1)
    lowest = bars.reshape(-1, STEPS, PITCHES).any(1).argmax(1)
    for bar, low in zip(bars, lowest):
        moved = np.packbits(bar[low:]).tobytes().ljust(BYTES, b"\0")
        yield hashlib.blake2b(moved, digest_size=12).digest()


def _from_bar_line(piece):
    """The notes of a piece in 4/4, later by what its upbeat lacks of a bar."""
    meters = piece.meters
    if len(meters) > 1 and meters[1].beat - meters[0].beat < 4:
        meters = meters[1:]  # as MIDI files tell an upbeat: a first bar of 1/4, say
    if any((m.numerator, m.denominator) != (4, 4) for m in meters):
        raise CorpusError("not in 4/4 throughout")
    lines = {round(m.beat * BEAT) % STEPS for m in meters} or {0}
    if len(lines) > 1:
        raise CorpusError("a bar is cut short by another 4/4")
    return shift(piece.notes(), -lines.pop() % STEPS / BEAT)


def _by_hash(songs):
    return {song: split_of(song, PARTS) for song in songs}


def _tenths(songs):
    """A tenth of the songs, and at least one, to validation and test."""
    turns, tenth = enumerate(sorted(songs, key=content_hash)), max(1, len(songs) // 10)
    parts = ("validation", "test", "train")
    return {song: parts[min(i // tenth, 2)] for i, song in turns}


def gather(name: str, corpus: Corpus, deal: Callable = _by_hash) -> Bars:
    """A corpus as `Bars`.

    Parameters
    ----------
    name : str
    corpus : Corpus
    deal : callable
        From the names of songs to a dict of song to part.

    Returns
    -------
    Bars
        Of the versions of a song, as the corpus or `same_songs` tells them, only the first
        is there. ``about`` has the "corpora" with their terms; how many "songs" and "bars",
        and the share of "empty" ones, in all and in "parts"; how many pieces are left out
        as "duplicates", and others "skipped", by reason. CorpusError if a part gets none.
    """
    skipped, packed, names = Counter(), [], []
    if corpus.skipped:
        skipped["unreadable"] = len(corpus.skipped)
    for entry in corpus:
        try:
            packed.append(pack_bars(_from_bar_line(entry.piece)))
            names.append(entry.song)
        except FusionError as error:
            skipped[error.found] += 1
    marks = [[song] for song in names]
    for pair in same_songs(packed):
        for i in pair:
            marks[i].append(pair)
    kept = set(group_songs(marks))  # the first version of each song
    order = sorted(kept, key=lambda i: content_hash(names[i]))
    dealt, arrays, parts = deal([names[i] for i in order]), {}, {}
    for part in PARTS:
        own = [n for n, i in enumerate(order) if dealt[names[i]] == part]
        if not own:
            says = f"no song in 4/4 for the part {part!r}, of {len(kept)} in all"
            do = "bring more pieces in 4/4: three songs are needed at least"
            raise CorpusError(says, name, do)
        some = [packed[order[n]] for n in own]
        arrays[part] = np.concatenate(some)
        arrays[f"{part}_song"] = np.repeat(np.array(own, np.int32), [len(s) for s in some])
        parts[part] = _told(some)
    about: dict[str, Any] = dict(
        corpora=[terms(corpus.name) | {"content": corpus.content}], parts=parts
    )
    about |= _told([packed[i] for i in order])
    about |= dict(duplicates=len(packed) - len(kept), skipped=dict(skipped))
    return Bars(name, arrays, about)


def _told(songs):
    bars, silent = sum(map(len, songs)), sum(int((~s.any(1)).sum()) for s in songs)
    return dict(songs=len(songs), bars=bars, empty=silent / bars)


def bars_of(name: str = "chorales") -> Bars:
    """The bars of one of `SOURCES`; rock takes ten seconds and 0.7 GB. CorpusError if there
    is none of that name; MissingDataError if it has to be downloaded first.
    """
    if name not in SOURCES:
        do = f"choose one of {', '.join(SOURCES)}, or bring your own with from_folders"
        raise CorpusError(f"no data is called {name!r}", do=do)
    corpus, options = SOURCES[name]
    return gather(name, load(corpus, **options))


def from_folders(folder: str | os.PathLike, name: str = "mine") -> Bars:
    """A folder, or an archive, of scores as `Bars`: yours.

    All tracks but drums are taken. A tenth of the songs, and at least one, goes to the
    validation and the test. CorpusError if it is not there, or has too few songs in 4/4.
    """
    corpus = load_folder(name, folder, label=called(folder))
    return gather(name, corpus, _tenths)


def save_bars(bars: Bars, path: str | os.PathLike) -> None:
    """Write bars into one ``.npz``, all that a training needs, whole or not at all."""
    write_described(path, dict(name=bars.name, about=bars.about), bars.arrays)


def open_bars(path: str | os.PathLike) -> Bars:
    """Read what `save_bars` wrote; CorpusError if it is missing, damaged or another."""

    def make(told, arrays):
        for part in PARTS:
            packed, songs = arrays[part], arrays[f"{part}_song"]
            fits = packed.shape == (*songs.shape, BYTES) and len(songs)
            if not fits or (packed.dtype, songs.dtype) != (np.uint8, np.int32):
                raise ValueError
        return Bars(told["name"], arrays, told["about"])

    do = "make it again with save_bars(bars_of(...), path)"
    return read_described(path, make, "bars of songs", do)
