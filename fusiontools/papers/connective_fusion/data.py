"""Eight-bar windows of melody by the rules of section 3.1: all that a training of
Connective Fusion needs, as one value in one file.

It knows nothing of networks. What a token is, `fusiontools.music.grid` says; what a song
is, `fusiontools.corpora`.

The paper multiplies its data by transposing every track to every key that fits. Here a
window is stored once, beside the keys that its track can be moved to, and a number names a
window in a key: the data set is the paper's, the memory that of one key.

Two things are ours. A track that lies outside 55 to 84 is moved into it if it fits in some
key, where the paper leaves it out; and a performed melody, some of whose notes overlap a
little, still counts as one voice.
"""

import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fusiontools.corpora import encoded, info, load
from fusiontools.corpora.cache import content_hash, read_npz, write_described
from fusiontools.corpora.entries import Corpus, join, song_ids
from fusiontools.corpora.places import find
from fusiontools.corpora.splits import split_of
from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music.grid import (
    HIGH,
    HOLD,
    LOW,
    REST,
    encode_grid,
    grid_shifts,
    grid_windows,
    repair_grid,
    take_windows,
)
from fusiontools.music.notes import shift, transpose

__all__ = [
    "HALF",
    "PARTS",
    "SOURCES",
    "STEPS",
    "Windows",
    "bar_grid",
    "join_halves",
    "open_windows",
    "save_windows",
    "windows",
]

PARTS = {
    "train-1": 11,
    "validation-1": 1,
    "train-2": 6,
    "validation-2": 1,
    "test": 1,
}  # section 3.1; -1 trains models, -2 judges
STEPS, HALF, BAR = 128, 64, 16  # tokens of a window, of each of its halves, of a bar
FIDDLE = (
    "oneill",
    "ryan",
    "aird",
)  # they come with music21, and their tunes are in the public domain
SOURCES = {
    "fiddle": "fiddle tunes of three tune books, which need no download",
    "tunebooks": "the fiddle tunes and the folk songs of the Essen collection, which need no download either",
    "fiddle_pop909": "the fiddle tunes and the melodies of 909 pop songs: what the weights that ship are trained on",
    "lakh": "the Lakh MIDI Dataset, the paper's own, or the stand-in for it",
}
CLOSE, ALONE = (
    0.13,
    0.95,
)  # one voice: of 100 notes, 95 overlap the next by no more than half a step of the grid (0.13 beats)


@dataclass(frozen=True, eq=False)
class Windows:
    """Eight-bar windows, dealt by song into the five parts of section 3.1.

    ``data.tokens("train-1")`` has shape (N, 128): 0 a rest, 1 a hold, 55 to 84 a pitch.
    ``data.take("train-1", [0, 7])`` gives two of its ``data.keys("train-1")`` windows in
    every key.
    """

    name: str
    # "test": (N, 128) uint8, "test_song": (N,) int32, "test_shift": (N, 2) int8, and so on
    arrays: dict
    about: dict  # how it was made, and whose music it is

    def tokens(self, part="train-1"):
        """The windows of a part in the keys that they were found in, shape (N, 128), uint8."""
        return self.arrays[part]

    def songs(self, part="train-1"):
        """For each row of `tokens` the number of its song, shape (N,): songs of two parts
        never share one.
        """
        return self.arrays[f"{part}_song"]

    def shifts(self, part="train-1"):
        """For each row of `tokens` how far down and up its whole track can be moved, in
        semitones, shape (N, 2); both are included.
        """
        return self.arrays[f"{part}_shift"]

    def keys(self, part="train-1"):
        """How many windows the part has in all keys."""
        return int(self._ends[part][-1])

    def take(self, part, numbers):
        """Windows in a key each, by number.

        Parameters
        ----------
        part : str
        numbers : array_like of int, shape (B,)
            From 0 to ``keys(part) - 1``: first all keys of the first window, from low to
            high, then those of the second.

        Returns
        -------
        ndarray of uint8, shape (B, 128)
        """
        numbers, ends = np.asarray(numbers, dtype=np.int64), self._ends[part]
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < ends[-1]:
            raise ValueError(
                f"windows are numbered 0 to {ends[-1] - 1}, found {numbers.min()} to {numbers.max()}"
            )
        row = self._row(part, numbers)
        key = numbers - np.where(row > 0, ends[row - 1], 0)
        tokens = self.tokens(part)[row].astype(np.int16)
        moved = tokens + (self.shifts(part)[row, 0] + key)[:, None]
        return np.where(tokens > HOLD, moved, tokens).astype(np.uint8)

    def songs_of(self, part, numbers):
        """The songs of windows named by number, as in `take`: (B,) -> (B,)."""
        return self.songs(part)[self._row(part, np.asarray(numbers, dtype=np.int64))]

    def _row(self, part, numbers):
        return np.searchsorted(self._ends[part], numbers, side="right")

    @cached_property
    def _ends(self):
        """For each part, the number after each window's last key, shape (N,)."""
        counts = {
            part: np.diff(self.shifts(part).astype(np.int64), axis=1)[:, 0] + 1
            for part in PARTS
        }
        return {part: np.cumsum(count) for part, count in counts.items()}

    @cached_property
    def hash(self):
        """A hash of all windows, keys and songs, as hex digits; a record names its data by
        it.
        """
        rows = (
            part
            for key in sorted(self.arrays)
            for part in (key, np.ascontiguousarray(self.arrays[key]).tobytes())
        )
        return content_hash("connective fusion windows", *rows)

    def __repr__(self):
        counts = ", ".join(f"{part} {len(self.tokens(part)):,}" for part in PARTS)
        return f"Windows({self.name!r}, {counts})"


def join_halves(left, right):
    """Left and right halves as whole windows: (..., 64) and (..., 64) -> (..., 128).

    A right half may begin with a hold: the last note of the left half then goes on. Where
    the left half ends in silence, it becomes a rest.

    Examples
    --------
    >>> (
    ...     join_halves(np.array([60, 1]), np.array([1, 62])).tolist(),
    ...     join_halves(np.array([60, 0]), np.array([1, 62])).tolist(),
    ... )
    ([60, 1, 1, 62], [60, 0, 0, 62])
    """
    return repair_grid(np.concatenate([left, right], axis=-1))


def bar_grid(notes, meter, outside="move"):
    """A track in 4/4 as a grid of whole bars, one token a 16th, counted from its first bar
    line.

    An upbeat stands at the end of a first bar that begins with rests.

    Parameters
    ----------
    notes : Notes
        In beats.
    meter : Meter
    outside : {"move", "leave"}
        What becomes of a track outside 55 to 84. "leave" leaves it out, as the paper does;
        "move" does so only if it fits in no key, and else moves it as little as it takes:
        all keys are made of it anyway, so the one that it was written in should not decide.

    Returns
    -------
    ndarray of uint8, shape (16 * bars,)

    Raises
    ------
    MusicFileError
        If it is no single voice, lies outside, or has no note.

    Examples
    --------
    >>> from fusiontools.music.midi import Meter
    >>> from fusiontools.music.notes import Notes
    >>> bar_grid(Notes.of([(0, 1, 48), (1, 4, 52)]), Meter(-3.0)).reshape(2, 16).tolist()
    [[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 55, 1, 1, 1], [59, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]
    """
    if outside not in ("move", "leave"):
        raise ValueError(f"outside is {outside!r}; it can be 'move' or 'leave'")
    if not len(notes):
        raise MusicFileError("no note", do="leave the track out")
    if len(notes) > 1 and np.mean(notes.offset[:-1] <= notes.onset[1:] + CLOSE) < ALONE:
        raise MusicFileError(
            "several notes at once",
            do="find its melody first: fusiontools.music.extract.melody",
        )
    low, high = int(notes.pitch.min()), int(notes.pitch.max())
    if outside == "move" and high - low <= HIGH - LOW:
        notes = transpose(notes, max(LOW - low, 0) + min(HIGH - high, 0))
    elif low < LOW or high > HIGH:
        raise MusicFileError(f"pitches outside {LOW} to {HIGH}", do="leave the track out")
    tokens = encode_grid(shift(notes, -min(meter.beat, 0.0) % meter.bar))
    return np.pad(tokens, (0, -len(tokens) % BAR), constant_values=REST)


def window_rows(tokens, offsets=None):
    """All windows of tracks, with the keys that each can be moved to.

    Parameters
    ----------
    tokens : ndarray of uint8, shape (T,)
        Grids in 4/4, laid end to end.
    offsets : array_like of int, shape (S + 1,), optional
        Where each track begins; by default it is one.

    Returns
    -------
    rows : ndarray of uint8, shape (N, 128)
    shifts : ndarray of int8, shape (N, 2)
    track : ndarray of int64, shape (N,)

    References
    ----------
    Connective Fusion, section 3.1: "8-bar sliding windows (with a stride of 1 bar)", none
    with "more than one bar consecutive rests", and "all possible keys if the transposed
    tracks stay within the pitch range".
    """
    offsets = (
        np.array([0, len(tokens)])
        if offsets is None
        else np.asarray(offsets, dtype=np.int64)
    )
    starts = grid_windows(tokens, bars=8, stride_bars=1, rule="rest", offsets=offsets)
    track = np.searchsorted(offsets, starts, side="right") - 1
    rows = take_windows(tokens, starts) if len(starts) else np.zeros((0, STEPS), np.uint8)
    return rows, grid_shifts(tokens, offsets).astype(np.int8)[track], track


def entry_rows(entry, tracks=None, outside="move", meters=("4/4",)):
    """The windows of an entry, each followed by its lowest shift (its sign turned) and its
    highest: shape (N, 130), uint8.

    Parameters
    ----------
    entry : Entry
    tracks : str, optional
        Read only tracks of that name. Drums and basses (General MIDI 32 to 39) are never
        read.
    outside : {"move", "leave"}
        See `bar_grid`.
    meters : sequence of str
        What an entry has to be in. The paper takes 4/4 alone; a bar of 2/2 is as long.

    Raises
    ------
    MusicFileError
        If it changes its meter or is in another one, or no track of it gives a window. The
        message says why.
    """
    if odd := sorted({str(m) for m in entry.piece.meters} - set(meters)):
        raise MusicFileError(
            f"not in {' or '.join(meters)}",
            entry.id,
            f"leave it out: it is in {', '.join(odd)}",
        )
    grids, why = [], "no such track"
    for track in entry.piece.tracks:
        if (
            track.is_drum
            or track.program in range(32, 40)
            or tracks is not None
            and track.name != tracks
        ):
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
    source="tunebooks",
    outside="move",
    meters=("4/4",),
    corpora=None,
    seed=0,
    n_jobs=None,
    **options,
):
    """Eight-bar windows of melody, dealt by song.

    Parameters
    ----------
    source : str
        One of `SOURCES`; any name of your own if `corpora` are given.
    outside, meters
        See `bar_grid` and `entry_rows`.
    corpora : sequence of Corpus, optional
        Your own, such as folders of MIDI files.
    seed : int
        Another one deals the songs anew.
    n_jobs : int, optional
        Worker processes.
    **options
        What the loader of the Lakh MIDI Dataset takes, such as ``limit``; nothing else
        takes any.

    Returns
    -------
    Windows

    Raises
    ------
    CorpusError
        If there is no such source, or a part comes out empty.
    MissingDataError
        If a corpus has to be downloaded first.

    References
    ----------
    Connective Fusion, section 3.1.
    """
    if corpora is None and source not in SOURCES:
        raise CorpusError(
            f"no data is called {source!r}",
            do=f"choose one of {', '.join(SOURCES)}, or give corpora of your own",
        )
    settings = {"outside": outside, "meters": list(meters)}
    if corpora is None and source == "lakh":
        if find("melodies_16th") is not None:
            return _dealt(
                source, [_ready(load("melodies_16th"), seed)], settings | {"seed": seed}
            )
        corpora = [load("lmd_matched", **options)]
    elif corpora is None:
        more = {"tunebooks": ("essen",), "fiddle_pop909": ("pop909",)}.get(source, ())
        corpora = [load(name) for name in (*FIDDLE, *more)]
    plain = [corpus for corpus in corpora if corpus.name != "pop909"]
    own = settings | {"parts": PARTS, "seed": seed, "n_jobs": n_jobs}
    found = [_rows(encoded(_one_corpus(plain), entry_rows, **own), plain)] if plain else []
    found += [
        _rows(encoded(c, entry_rows, tracks="MELODY", **own), [c])
        for c in corpora
        if c.name == "pop909"
    ]
    return _dealt(source, found, settings | {"seed": seed})


def _one_corpus(corpora):
    """Several corpora as one, in which tunes that share a title or a melody share a song,
    whichever book they stand in.
    """
    if len(corpora) == 1:
        return corpora[0]
    columns = join(corpus.columns for corpus in corpora)
    joined = Corpus("+".join(corpus.name for corpus in corpora), columns)
    columns["song"] = song_ids(columns["title"], [entry.notes for entry in joined])
    return joined


def _rows(made, corpora):
    """An encoding's windows, keys, songs and parts, one a row, and what to say of it."""
    rows, entry = made.data, made.entry
    shifts = rows[:, STEPS:].astype(np.int8) * np.array([-1, 1], np.int8)
    reasons = Counter(
        why.removeprefix(f"{id}: ").partition(". What to do")[0]
        for id, why in made.about["skipped"]
    )
    about = {"entries": len(made), "skipped": dict(reasons.most_common())}
    about |= {
        "corpora": [_terms(corpus.name) | {"content": corpus.content} for corpus in corpora]
    }
    return rows[:, :STEPS], shifts, made.song[entry], made.part[entry], about


def _ready(melodies, seed):
    """The same of melodies that come as grids."""
    rows, shifts, track = window_rows(melodies.tokens, melodies.offsets)
    part = np.array([split_of(song, PARTS, seed) for song in melodies.song.tolist()])
    content = content_hash(
        melodies.tokens.tobytes(),
        melodies.offsets.tobytes(),
        json.dumps(melodies.song.tolist()),
    )
    about = {
        "entries": len(melodies),
        "skipped": {},
        "corpora": [_terms("melodies_16th") | {"content": content}],
    }
    return rows, shifts, melodies.song[track], part[track], about


def _terms(name):
    try:
        card = info(name)
    except CorpusError:
        return {"name": name, "licence": "", "credit": ""}  # a folder of your own
    return {"name": name, "licence": card.licence, "credit": card.credit}


def _dealt(name, found, settings):
    """All that was found as one `Windows`."""
    rows, shifts, song, part = (np.concatenate([f[i] for f in found]) for i in range(4))
    _, number = np.unique(song, return_inverse=True)
    arrays = {}
    for p in PARTS:
        if not (own := part == p).any():
            raise CorpusError(
                f"no window in part {p!r}", name, "bring more or longer melodies"
            )
        arrays |= {
            p: rows[own],
            f"{p}_shift": shifts[own],
            f"{p}_song": number[own].astype(np.int32),
        }
    return Windows(name, arrays, settings | {"sources": [f[4] for f in found]})


def save_windows(windows, path):
    """Write windows into one ``.npz``, whole or not at all. It travels alone: a training
    needs nothing else.

    Raises
    ------
    CorpusError
        If the file cannot be written.
    """
    write_described(path, {"name": windows.name, "about": windows.about}, windows.arrays)


def open_windows(path):
    """Read what `save_windows` wrote. No code in the file is ever run.

    Raises
    ------
    CorpusError
        If it is missing, damaged, or something else.
    """
    arrays = read_npz(path)
    try:
        told = json.loads(arrays.pop("json").tobytes())
        made = Windows(told["name"], arrays, told["about"])
        for part in PARTS:
            n = len(made.songs(part))
            if made.tokens(part).shape != (n, STEPS) or made.shifts(part).shape != (n, 2):
                raise ValueError
    except (KeyError, TypeError, ValueError):
        raise CorpusError(
            "no windows of melody",
            path,
            "make it again with save_windows(windows(...), path)",
        ) from None
    return made
