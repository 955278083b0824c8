"""Corpora that come as one ``.npz`` of arrays.

Rock piano parts are note lists, melodies rows of 16th-note tokens.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fusiontools.corpora.cache import cached, code_hash, content_hash, read_npz
from fusiontools.corpora.entries import Corpus, digest, pack, song_names
from fusiontools.corpora.folders import opening
from fusiontools.corpora.places import path
from fusiontools.errors import CorpusError
from fusiontools.music.notes import COLUMNS, Notes, Tempo

__all__ = ["Melodies", "load_melodies_16th", "load_rock_rolls"]

STEPS_PER_BEAT = 24  # of the Lakh Pianoroll Dataset: 96 a bar of 4/4
BPM = 120.0  # rolls keep no tempo
_ROLLS = ("start", "dur", "pitch", "velocity")
AGAIN = "copy the file again from where it came"


def load_rock_rolls(
    name: str = "rock_rolls", folder: str | os.PathLike | None = None, label: str = "rock"
) -> Corpus:
    """Piano parts of rock songs in 4/4, on a grid of 1/24 beat.

    Parameters
    ----------
    folder : str or path-like, optional
        Another ``.npz`` with arrays ``start`` and ``dur`` (both in steps), ``pitch`` and
        ``velocity``, all of shape (N,), ``offsets`` of shape (S + 1,) and ``song_ids`` of
        shape (S,): the notes of song i are ``offsets[i]:offsets[i + 1]``.

    Returns
    -------
    Corpus
        Parts with an equal opening share a song.

    Raises
    ------
    MissingDataError
        If the file is not here.
    CorpusError
        If it is damaged.
    """
    source = _file(name, folder)
    code = code_hash("fusiontools.corpora.entries", "fusiontools.corpora.folders", __name__)
    key = content_hash("rock rolls", code, name, label, source)
    return Corpus(name, cached(name, key, lambda: _rolls(name, source, label)))


def _rolls(name, source, label):
    arrays = _arrays(source, (*_ROLLS, "offsets", "song_ids"))
    columns = [arrays[name].astype(np.int64) for name in _ROLLS]
    start, length, pitch, velocity = columns
    offsets = _offsets(arrays["offsets"], len(start), source)
    ids = [str(song) for song in arrays["song_ids"]]
    if len(set(map(len, columns))) > 1 or len(ids) != len(offsets) - 1:
        raise CorpusError("its note lists do not fit together", source, AGAIN)
    possible = (start >= 0) & (start <= 1e7) & (length >= 0) & (pitch >= 0) & (pitch <= 127)
    if not possible.all():
        raise CorpusError("its note lists do not fit together", source, AGAIN)
    full = np.flatnonzero(np.diff(offsets) > 0)  # a song without notes is no entry
    columns = pack([]) | {
        "id": [f"{name}/{ids[i]}" for i in full],
        "label": [label] * len(full),
        "title": [ids[i] for i in full],
        "key": [""] * len(full),
        "piece_title": [""] * len(full),
        "meters": [[[0.0, 4, 4]] for _ in full],
        "tracks": [[0, False, "piano"] for _ in full],
        "onset": start / STEPS_PER_BEAT,
        "duration": np.maximum(length, 1) / STEPS_PER_BEAT,
        "pitch": pitch.astype(np.int16),
        "velocity": np.clip(velocity, 1, 127).astype(np.int16),
        "track_end": offsets[1:][full],
        "entry_end": np.arange(1, len(full) + 1),
        "beat": np.tile(Tempo.constant(BPM).beat, len(full)),
        "second": np.tile(Tempo.constant(BPM).second, len(full)),
        "tempo_end": 2 * np.arange(1, len(full) + 1),
        "bar_end": np.zeros(len(full), np.int64),
    }
    marks = []
    for a, b in zip(offsets[full], offsets[full + 1]):
        mark = opening(Notes(*(columns[c][a:b] for c in COLUMNS)))
        marks.append([digest(mark)] if mark else [])
    return columns | {"song": song_names(marks, columns["id"])}


@dataclass(frozen=True, eq=False)
class Melodies:
    """Monophonic tracks as rows of tokens, one a 16th note.

    0 is a rest, 1 holds the note before, 55 to 84 start a note.

    ``melodies[i]`` is track i, shape (T,); split by `song`, never by track, since the
    tracks of one song resemble each other.
    """

    tokens: np.ndarray  # (N,) uint8, all tracks one after the other
    offsets: np.ndarray  # (M + 1,): track i is tokens[offsets[i]:offsets[i + 1]]
    song: np.ndarray  # (M,) str
    label: np.ndarray  # (M,) str, the genre
    program: np.ndarray  # (M,) General MIDI

    def __len__(self):
        return len(self.offsets) - 1

    def __getitem__(self, i):
        i = range(len(self))[i]
        return self.tokens[self.offsets[i] : self.offsets[i + 1]]

    def __repr__(self):
        songs = len(set(self.song.tolist()))
        return f"Melodies({len(self)} tracks of {songs} songs, {len(self.tokens):,} steps)"


def load_melodies_16th(
    name: str = "melodies_16th", folder: str | os.PathLike | None = None
) -> Melodies:
    """Monophonic tracks in 4/4 on a 16th grid, cut as in Connective Fusion, section 3.1.

    Parameters
    ----------
    folder : str or path-like, optional
        Another ``.npz`` with arrays ``data``, ``offsets``, ``song``, ``program``,
        ``genre``, ``genre_names`` and ``song_ids``.

    Returns
    -------
    Melodies

    Raises
    ------
    MissingDataError
        If the file is not here.
    CorpusError
        If it is damaged.
    """
    source = _file(name, folder)
    names = ("data", "offsets", "song", "program", "genre", "genre_names", "song_ids")
    arrays = _arrays(source, names)
    tokens, program = arrays["data"], arrays["program"]
    songs, genres = arrays["song_ids"].astype(str), arrays["genre_names"].astype(str)
    song, genre = arrays["song"].astype(np.int64), arrays["genre"].astype(np.int64)
    offsets = _offsets(arrays["offsets"], len(tokens), source)
    alike = len(song) == len(genre) == len(program) == len(offsets) - 1
    if not alike or (tokens.astype(np.int64) > 127).any():
        raise CorpusError("its arrays do not fit together", source, AGAIN)
    listed = (song >= 0) & (song < len(songs)) & (genre >= 0) & (genre < len(genres))
    if not listed.all():
        raise CorpusError("it names songs or genres that it does not list", source, AGAIN)
    tokens, program = tokens.astype(np.uint8), program.astype(np.uint8)
    return Melodies(tokens, offsets, songs[song], genres[genre], program)


def _file(name, folder):
    source = Path(folder) if folder is not None else path(name)
    if not source.is_file():
        raise CorpusError("not a file", source, "name the .npz itself")
    return source


def _arrays(source, names):
    arrays = read_npz(source)
    odd = []
    for name in names:
        array, words = arrays.get(name), name.endswith(("_ids", "_names"))
        if array is None or array.ndim != 1 or not (words or array.dtype.kind in "iub"):
            odd.append(name)
    if odd:
        found = f"arrays missing or of another kind: {', '.join(odd)}"
        raise CorpusError(found, source, AGAIN)
    return arrays


def _offsets(offsets, end, source):
    offsets = offsets.astype(np.int64)
    through = len(offsets) > 1 and offsets[0] == 0 and offsets[-1] == end
    if not through or (np.diff(offsets) < 0).any():
        raise CorpusError("its offsets do not run through its data", source, AGAIN)
    return offsets
