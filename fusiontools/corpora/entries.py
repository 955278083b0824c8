"""What a corpus is made of: entries, each a piece of music with a name and a song."""

import json
import re
import unicodedata
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fusiontools.corpora.cache import content_hash
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import COLUMNS, Notes, Tempo

__all__ = [
    "Corpus",
    "Entry",
    "asked",
    "digest",
    "group_songs",
    "join",
    "pack",
    "song_ids",
    "song_names",
    "unique",
    "unpack",
]

DIGEST = "~"  # the first letter of marks that are a hash of content, and no title
_NAMES = ("id", "song", "label", "title", "key")


@dataclass(frozen=True)
class Entry:
    """One piece of a corpus.

    `id` is stable across machines and versions ("essen/altdeu10/1"); entries of one `song`
    (variants, several solos on one tune) never fall on two sides of a split; `label` is the
    genre that the chapters know it by; `key` is what the source says of its key, "" if
    nothing.
    """

    id: str
    song: str
    label: str
    title: str
    key: str
    piece: Piece

    @property
    def notes(self) -> Notes:
        """All notes but drums, in beats."""
        return self.piece.notes()

    @property
    def meter(self) -> Meter:
        """The first meter."""
        return self.piece.meters[0]


@dataclass(frozen=True, eq=False)
class Corpus(Sequence):
    """Entries of one corpus, built when they are asked for, with what was skipped.

    Examples
    --------
    >>> from fusiontools.corpora import load
    >>> ryan = load("ryan")
    >>> ryan[0].id, len(ryan[:10])
    ('ryan/42dHighlandRegimentStrathspey/1', 10)
    """

    name: str
    columns: dict  # see `pack`
    skipped: tuple = ()  # (id, reason) of each file or tune that could not be read

    def __len__(self):
        return len(self.columns["id"])

    def __getitem__(self, i):
        if isinstance(i, slice):
            return [self[j] for j in range(*i.indices(len(self)))]
        return unpack(self.columns, range(len(self))[i])

    def __repr__(self):
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        songs = len(set(self.columns["song"]))
        return f"Corpus({self.name!r}, {len(self)} entries of {songs} songs{skipped})"

    @cached_property
    def content(self) -> str:
        """A hash of all entries, hex digits: arrays made from this corpus depend on it."""
        arrays = {k: v for k, v in self.columns.items() if isinstance(v, np.ndarray)}
        rest = {k: v for k, v in self.columns.items() if k not in arrays and k != "skipped"}
        told: list[str | bytes] = [json.dumps(rest, sort_keys=True)]
        for name in sorted(arrays):
            told += [name, arrays[name].tobytes()]
        return content_hash(*told)

    def find(self, id: str) -> Entry:
        """The entry of that id.

        Raises
        ------
        KeyError
            If there is none.
        """
        if id not in self.columns["id"]:
            raise KeyError(f"corpus {self.name!r} has no entry {id!r}")
        return self[self.columns["id"].index(id)]


def pack(entries: Sequence[Entry]) -> dict[str, Any]:
    """Entries as a dict of lists and arrays, which a cache can keep.

    All notes of all tracks stand in four long arrays; ``track_end`` says where each track's
    notes stop, ``entry_end`` where each entry's tracks do. Tempo maps and bars likewise.
    """
    pieces = [e.piece for e in entries]
    tracks = [t for piece in pieces for t in piece.tracks]
    tempos = [piece.tempo for piece in pieces]

    def column(things, name, dtype=np.float64):
        parts = [getattr(thing, name) for thing in things]
        return np.concatenate(parts or [np.zeros(0)]).astype(dtype)

    def meters(piece):
        return [[m.beat, m.numerator, m.denominator] for m in piece.meters]

    notes = [t.notes for t in tracks]
    lines = [piece.bars or () for piece in pieces]
    return {
        **{name: [getattr(e, name) for e in entries] for name in _NAMES},
        "piece_title": [piece.title for piece in pieces],
        "meters": [meters(piece) for piece in pieces],
        "tracks": [[t.program, t.is_drum, t.name] for t in tracks],
        "onset": column(notes, "onset"),
        "duration": column(notes, "duration"),
        "pitch": column(notes, "pitch", np.int16),
        "velocity": column(notes, "velocity", np.int16),
        "track_end": np.cumsum([len(n) for n in notes], dtype=np.int64),
        "entry_end": np.cumsum([len(piece.tracks) for piece in pieces], dtype=np.int64),
        "beat": column(tempos, "beat"),
        "second": column(tempos, "second"),
        "tempo_end": np.cumsum([len(t.beat) for t in tempos], dtype=np.int64),
        "bar": np.array([beat for bars in lines for beat in bars], dtype=np.float64),
        "bar_end": np.cumsum([len(bars) for bars in lines], dtype=np.int64),
    }


def unpack(columns: dict[str, Any], i: int) -> Entry:
    """Entry number `i` of packed columns: the inverse of `pack`."""

    def span(end, j):
        return slice(int(end[j - 1]) if j else 0, int(end[j]))

    def notes(j):
        where = span(columns["track_end"], j)
        return Notes(*(columns[c][where] for c in COLUMNS))

    where, clock = span(columns["entry_end"], i), span(columns["tempo_end"], i)
    numbers = range(where.start, where.stop)
    tracks = tuple(Track(notes(j), *columns["tracks"][j]) for j in numbers)
    tempo = Tempo(columns["beat"][clock], columns["second"][clock])
    meters = tuple(Meter(*m) for m in columns["meters"][i])
    bars = tuple(columns["bar"][span(columns["bar_end"], i)].tolist()) or None
    piece = Piece(tracks, tempo, meters, columns["piece_title"][i], bars)
    return Entry(*(columns[name][i] for name in _NAMES), piece)


def join(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Several packed columns as one: ``join([pack(a), pack(b)])`` is ``pack(a + b)``.

    What else the parts hold is left out.
    """
    parts = list(parts) or [pack([])]
    columns: dict[str, Any] = {}
    for name, first in pack([]).items():
        if not isinstance(first, np.ndarray):
            columns[name] = [value for part in parts for value in part[name]]
        elif name.endswith("_end"):
            ends = [int(part[name][-1]) if len(part[name]) else 0 for part in parts]
            starts = np.cumsum([0, *ends[:-1]])
            moved = [part[name] + start for part, start in zip(parts, starts)]
            columns[name] = np.concatenate(moved)
        else:
            columns[name] = np.concatenate([part[name] for part in parts])
    return columns


def song_ids(titles: Sequence[str], melodies: Sequence[Notes]) -> list[str]:
    """A song name for each entry; all that share a title or a melody share the name.

    Parameters
    ----------
    titles : sequence of str
        As printed; case, accents, articles, punctuation and what follows a dash (" --
        Reel") do not count. An empty title says nothing.
    melodies : sequence of Notes
        Two melodies are the same when their intervals and duration ratios are.

    Returns
    -------
    list of str
        For each entry, the shortest normalised title of its group; "untitled-" and a hash
        of its content where nothing is titled.

    Examples
    --------
    >>> tune = Notes.of([(i, 1, 60 + i % 5) for i in range(12)])
    >>> other = Notes.of([(i, 1, 60 + i % 7) for i in range(12)])
    >>> song_ids(["The Rose -- Reel", "Rose", "Lily"], [tune, other, tune])
    ['lily', 'lily', 'lily']
    """
    marks, alone = [], []
    for title, n in zip(titles, melodies):
        own = _fingerprint(n)
        marks.append([mark for mark in (_plain(title), own and digest(own)) if mark])
        content = digest(n.pitch.tobytes(), n.onset.tobytes(), n.duration.tobytes())
        alone.append(_untitled(content))
    return song_names(marks, alone)


def song_names(marks: Sequence[Collection[str]], alone: Sequence[str]) -> list[str]:
    """A song name for each entry: the shortest mark of its group.

    So the order of entries does not matter.

    Parameters
    ----------
    marks : sequence of collections of str
        See `group_songs`. Titles come before what `digest` made; of equally short ones the
        first in the alphabet counts.
    alone : sequence of str
        For each entry, what it is called if it has no mark.

    Returns
    -------
    list of str

    Examples
    --------
    >>> song_names([["rose", "~1"], ["~1", "lily"], ["~2"], []], ["", "", "", "x"])
    ['lily', 'lily', 'untitled-2', 'x']
    """
    groups, smallest = group_songs(marks), {}
    for group, own in zip(groups, marks):
        for mark in own:
            smallest[group] = min(smallest.get(group, mark), mark, key=_size)
    return [
        _untitled(smallest[g]) if g in smallest else name for g, name in zip(groups, alone)
    ]


def _size(mark):
    # titles first, and short ones before long ones
    return (mark.startswith(DIGEST), len(mark), mark)


def _untitled(mark):
    return f"untitled-{mark[1:17]}" if mark.startswith(DIGEST) else mark


def digest(*contents: str | bytes) -> str:
    """A mark made of content, such as a melody's bytes, for entries that no title tells."""
    return DIGEST + content_hash(*contents)[:24]


def unique(names: Iterable[str]) -> list[str]:
    """Names made different by a number where two are alike ("song.mid" and "song.kar").

    Examples
    --------
    >>> unique(["a", "b", "a"])
    ['a', 'b', 'a-2']
    """
    seen, different = {}, []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        different.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return different


def asked(genres: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Genres that were asked for, as a tuple; None for all. One may come as a bare string.

    Raises
    ------
    ValueError
        If they are empty.

    Examples
    --------
    >>> asked("rock"), asked(["rock", "pop"]), asked(None)
    (('rock',), ('rock', 'pop'), None)
    """
    if genres is None:
        return None
    genres = (genres,) if isinstance(genres, str) else tuple(genres)
    if not genres:
        raise ValueError("no genre is asked for: name some, or leave genres out for all")
    return genres


def group_songs(marks: Sequence[Collection[Hashable]]) -> list[int]:
    """Entries that share a mark belong together, if need be through others.

    Parameters
    ----------
    marks : sequence of collections of hashable
        For each entry, all that tells its song: titles, fingerprints, identifiers. An entry
        without marks stands alone.

    Returns
    -------
    list of int
        For each entry, the number of the first entry of its group.

    Examples
    --------
    >>> group_songs([["a"], ["b"], ["a", "c"], ["c"], []])
    [0, 1, 0, 0, 4]
    """
    # union-find: each entry points to an earlier one of its song, or to itself
    group = list(range(len(marks)))

    def root(i):
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    first = {}
    for i, own in enumerate(marks):
        for mark in own:
            a, b = sorted((root(i), root(first.setdefault(mark, i))))
            group[b] = a
    return [root(i) for i in range(len(marks))]


def _plain(title):
    title = unicodedata.normalize("NFKD", re.split(r"\s-+\s", title)[0])
    letters = title.encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", letters)
    return "-".join(word for word in words if word not in ("the", "a", "an"))


def _fingerprint(notes, shortest=12):
    """Intervals and relative durations, blind to key and tempo; None for a scrap."""
    if len(notes) < shortest:
        return None
    ratios = np.round(48 * notes.duration / notes.duration[0]).astype(np.int32)
    return np.diff(notes.pitch).tobytes() + ratios.tobytes()
