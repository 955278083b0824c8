"""Recordings by genre: clips that are opened when their samples are asked for.

They may lie in a folder, a zip or a tar. This is no feature extraction and no player: a
`Recording` is a name, a label and a way to get samples.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from fusiontools.corpora.archives import is_compressed, listing
from fusiontools.corpora.cache import cache_dir, content_hash
from fusiontools.corpora.entries import asked, digest, song_names, unique
from fusiontools.corpora.places import is_kind, path, source_of
from fusiontools.corpora.unpacking import unpack
from fusiontools.corpora.walking import files_below, tell_left_out
from fusiontools.errors import CorpusError, FusionError, MusicFileError
from fusiontools.music.audio import LONGEST, read_sound, sound_length

__all__ = ["Recording", "Recordings", "load_fma", "load_gtzan", "load_recordings"]

CLOSED = "this folder may not be looked into"
HEAD = 65536  # bytes at a clip's beginning that tell whether two clips are one

DAMAGED_GTZAN = {"jazz.00054": "damaged in the published set: no decoder reads it"}
# From the data set's own wiki: shorter than two seconds, or empty
DAMAGED_FMA = dict.fromkeys(
    ("098565", "098567", "098569", "099134", "108925", "133297"),
    "cut off or empty in the published set",
)


@dataclass(frozen=True)
class Recording:
    """One recording of a corpus.

    `id`, `song`, `label` and `title` are as in `Entry`; `source` is a path, the file's
    bytes, or anything that opens (see `fusiontools.corpora.archives.Member`).
    """

    id: str
    song: str
    label: str
    title: str
    source: Any

    def samples(
        self, sample_rate: int = 22050, start: float = 0.0, seconds: float | None = None
    ) -> np.ndarray:
        """Decode it.

        Parameters
        ----------
        sample_rate : int
            Samples a second to come out; resampled where the file has others.
        start : float
            Seconds to leave out at the beginning.
        seconds : float, optional
            Most seconds to read; all by default. The recording may be shorter: look at the
            length.

        Returns
        -------
        numpy.ndarray of float32, shape (n,)
            Mono, full scale is 1.

        Raises
        ------
        MusicFileError
            If it cannot be decoded, ends before `start`, or goes on for more than two hours
            (then read it in parts).
        """
        where = self.id
        if not isinstance(self.source, bytes):
            where = f"{self.id} ({self.source})"
        limits: dict[str, Any] = {"as_is": True, "longest": LONGEST}
        with self.open() as file:
            sound = read_sound(file, start, seconds, sample_rate, where, **limits)
        return sound.samples.mean(axis=0)

    def open(self) -> BinaryIO:
        """The encoded file, as a seekable binary file."""
        if isinstance(self.source, bytes):
            return io.BytesIO(self.source)
        try:
            if isinstance(self.source, Path):
                return self.source.open("rb")
            return self.source.open()
        except (OSError, FusionError) as error:
            why = getattr(error, "found", None) or getattr(error, "strerror", None) or error
            raise MusicFileError(
                f"cannot be read ({why})", self.id, "check that the file is still there"
            ) from None


@dataclass(frozen=True, eq=False)
class Recordings(Sequence):
    """Recordings of one corpus, with what was skipped on the way.

    It goes through `split` as a `Corpus` does.
    """

    name: str
    recordings: tuple
    skipped: tuple = ()  # (id, reason)

    def __len__(self):
        return len(self.recordings)

    def __getitem__(self, i):
        return list(self.recordings[i]) if isinstance(i, slice) else self.recordings[i]

    def __repr__(self):
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        genres = len({r.label for r in self.recordings})
        what = f"{len(self)} recordings of {genres} genres"
        return f"Recordings({self.name!r}, {what}{skipped})"

    def find(self, id: str) -> Recording:
        """The recording of that id.

        Raises
        ------
        KeyError
            If there is none.
        """
        for recording in self.recordings:
            if recording.id == id:
                return recording
        raise KeyError(f"corpus {self.name!r} has no recording {id!r}")


def load_recordings(
    name: str,
    folder: str | os.PathLike | None = None,
    genres: str | Sequence[str] | None = None,
    damaged: dict[str, str] | None = None,
) -> Recordings:
    """All recordings of a folder or an archive, whose folders are the genres.

    Parameters
    ----------
    name : str
        The corpus's short name, the beginning of every id.
    folder : str or path-like, optional
        A folder or an archive; by default the one that `path` finds. A compressed tar is
        unpacked into the cache first.
    genres : str or sequence of str, optional
        Only these.
    damaged : dict, optional
        Names (without suffix) of known bad files, with reasons.

    Returns
    -------
    Recordings
        Sorted by genre and name. Recordings that begin with the same bytes share a song.
        Files that no decoder opens are skipped and named in `Recordings.skipped`.

    Raises
    ------
    MissingDataError
        If there is no such folder or archive.
    CorpusError
        If no file in it can be read.
    ValueError
        If `genres` is empty.
    """
    genres = asked(genres)
    source = source_of(name, folder)
    there = [m for m in listing(_open_to_reading(source)) if is_kind(m.name, "audio")]
    files = {PurePosixPath(member.name): member for member in there}
    closed = files_below(source)[1] if source.is_dir() else []
    found, marks = [], []
    skipped = [(f"{name}/{folder}", CLOSED) for folder in closed]
    ordered = sorted(files, key=lambda f: (f.parent.name, f.name, f))
    for file, id in zip(ordered, _ids(name, ordered)):
        label, stem = file.parent.name or name, file.stem
        if genres is not None and label not in genres:
            continue
        reason = (damaged or {}).get(stem) or _reason_against(files[file])
        if reason:
            skipped.append((id, reason))
            continue
        found.append(Recording(id, id, label, stem, files[file]))
        head = files[file].read(HEAD)
        # clips that begin with silence are not therefore one
        silent = len(set(head[1024:])) <= 16
        marks.append([] if silent else [digest(head)])
    if not found:
        what = "no recording in it"
        if skipped:
            (id, why), n = skipped[0], len(skipped)
            what = f"none of {n} recordings can be read; of {id}: {why}"
        do = "put WAV, FLAC, OGG or MP3 files into folders named after their genres"
        raise CorpusError(what, source, do)
    songs = song_names(marks, [r.id for r in found])
    found = [replace(recording, song=song) for recording, song in zip(found, songs)]
    tell_left_out(name, source, len(found), skipped)
    return Recordings(name, tuple(found), tuple(skipped))


def _ids(name, files):
    """An id for each file: genre and name, or its whole path where two would be alike."""
    short = []
    for file in files:
        label, stem = file.parent.name or name, file.stem
        told = stem.startswith(f"{label}.")  # GTZAN's names begin with the genre
        short.append(f"{name}/{stem}" if told else f"{name}/{label}/{stem}")
    bearers = Counter(short)
    return unique(
        id if bearers[id] == 1 else f"{name}/{file.with_suffix('')}"
        for id, file in zip(short, files)
    )


def _reason_against(member):
    """Why a file cannot be sound, as far as its header tells; "" if it may be."""
    try:
        with member.open() as file:
            sound_length(file, member)
    except FusionError as error:
        return error.found
    return ""


def _open_to_reading(source):
    """The source, or, of a compressed tar, the folder that it is unpacked to."""
    if source.is_dir() or not is_compressed(source):
        return source
    stat = source.stat()
    mark = content_hash(source.name, str(stat.st_size), str(stat.st_mtime_ns))
    folder = cache_dir() / f"{source.name.split('.')[0]}-{mark[:16]}"
    if folder.is_dir():
        return folder
    try:
        return unpack(source, folder)
    except CorpusError:
        if folder.is_dir():  # another process was faster
            return folder
        raise


def load_gtzan(
    name: str = "gtzan",
    folder: str | os.PathLike | None = None,
    genres: str | Sequence[str] | None = None,
) -> Recordings:
    """GTZAN, whole or its small selection.

    ``jazz.00054`` is damaged, so it is left out and named in `Recordings.skipped`.

    Clips that are copies of one another to the byte share a song. Other repetitions (the
    same recording cut elsewhere, one artist all over a genre) are not marked in the data:
    expect test scores to be too good (B. Sturm, "The GTZAN dataset", 2013, lists them).
    """
    return load_recordings(name, folder, genres, DAMAGED_GTZAN)


def load_fma(
    name: str = "fma_small",
    folder: str | os.PathLike | None = None,
    genres: str | Sequence[str] | None = None,
    metadata: str | os.PathLike | None = None,
) -> Recordings:
    """The small subset of the Free Music Archive, with its top genres as labels.

    Parameters
    ----------
    folder : str or path-like, optional
        ``fma_small.zip`` or what it unpacks to; by default what `path` finds.
    genres : str or sequence of str, optional
        Only these, as in ("Rock", "Folk").
    metadata : str or path-like, optional
        ``fma_metadata.zip`` or what it unpacks to; by default what `path` finds.

    Returns
    -------
    Recordings
        The song of a recording is its artist, so that no artist stands on two sides of a
        split. Six damaged clips are skipped.

    Raises
    ------
    MissingDataError
        If clips or metadata are not here.
    CorpusError
        If they do not fit together.
    """
    genres = asked(genres)
    source = source_of(name, folder)
    table = Path(metadata) if metadata is not None else path(name, "fma_metadata.zip")
    tracks = _fma_tracks(table)
    found, skipped = [], []
    for file in sorted(listing(_open_to_reading(source)), key=lambda m: m.name):
        stem = PurePosixPath(file.name).stem
        if not file.name.endswith(".mp3") or stem not in tracks:
            continue
        id, (artist, genre, title) = f"{name}/{stem}", tracks[stem]
        if stem in DAMAGED_FMA:
            skipped.append((id, DAMAGED_FMA[stem]))
        elif genres is None or genre in genres:
            found.append(Recording(id, f"artist-{artist}", genre, title, file))
    if not found:
        what = "no clip in it that the metadata knows"
        do = "fetch it again: python -m fusiontools data fetch fma_small"
        raise CorpusError(what, source, do)
    return Recordings(name, tuple(found), tuple(skipped))


def _fma_tracks(metadata):
    """Artist, genre and title by track number; two lines name the columns."""
    do = "fetch it again: python -m fusiontools data fetch fma_small"
    damaged = CorpusError("no readable tracks.csv in it", metadata, do)
    tables = [m for m in listing(metadata) if PurePosixPath(m.name).name == "tracks.csv"]
    if not tables:
        raise damaged
    with tables[0].open() as file:
        rows = csv.reader(io.TextIOWrapper(file, "utf-8", errors="replace", newline=""))
        try:
            names = list(zip(next(rows), next(rows)))
            artist = names.index(("artist", "id"))
            genre = names.index(("track", "genre_top"))
            title = names.index(("track", "title"))
            whole = [row for row in rows if len(row) == len(names)]
        except (StopIteration, ValueError, csv.Error):
            raise damaged from None
    tracks = [row for row in whole if re.fullmatch(r"\d{1,6}", row[0])]
    return {row[0].zfill(6): (row[artist], row[genre], row[title]) for row in tracks}
