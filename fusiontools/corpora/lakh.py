"""The Lakh MIDI Dataset, streamed straight out of its archive.

1.4 GB or 1.8 GB are never unpacked. The matched part has a folder for each song of the
Million Song Dataset, so that song ids and the genre lists of the Lakh Pianoroll Dataset
apply; the full part has file names that are checksums, and nothing else.

References
----------
C. Raffel, "Learning-Based Methods for Comparing Sequences" (PhD thesis, Columbia
University, 2016). H.-W. Dong and others, "MuseGAN", AAAI 2018: the genre lists.
"""

import os
from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from fusiontools.corpora.archives import members
from fusiontools.corpora.cache import cached, code_hash, content_hash, source_hash
from fusiontools.corpora.entries import Corpus, digest, song_names
from fusiontools.corpora.folders import CODE, read_pieces
from fusiontools.corpora.places import SUFFIXES, is_kind, path, source_of
from fusiontools.errors import CorpusError

__all__ = ["genre_lists", "load_lakh"]


def load_lakh(
    name: str,
    folder: str | os.PathLike | None = None,
    genres: Sequence[str] | None = None,
    ids: str | os.PathLike | Collection[str] | None = None,
    per_song: int | None = 1,
    limit: int | None = None,
    programs: Sequence[int] | None = None,
    n_jobs: int | None = None,
    labels: str | os.PathLike | None = None,
) -> Corpus:
    """Files of the Lakh MIDI Dataset, filtered on the way out of the archive.

    Parameters
    ----------
    name : str
        "lmd_matched" or "lmd_full".
    folder : str or path-like, optional
        The archive, or the folder it was unpacked to; by default what `path` finds.
    genres : sequence of str, optional
        Genre lists to read songs of, such as ``("lastfm/rock", "tagtraum/Metal")``; a bare
        "rock" is last.fm's. A song in several bears the first as its label. Only for the
        matched part. See `genre_lists`.
    ids : str, path-like or collection of str, optional
        A file of song ids (``TR...``), one a line, or the ids themselves.
    per_song : int or None
        Most versions of one song, the first ones in stored order; None takes all.
    limit : int, optional
        Stop after so many files.
    programs : sequence of int, optional
        Keep only tracks of these General MIDI programs, and no drums: ``range(8)`` for
        pianos.
    n_jobs : int, optional
        Worker processes, see `in_parallel`.
    labels : str or path-like, optional
        The archive of genre lists, if it lies elsewhere.

    Returns
    -------
    Corpus
        Files matched to the same song, equal files and files with an equal opening share a
        song. A file takes about 100 kB of memory: ask for genres, programs or a limit
        rather than for all.

    Raises
    ------
    MissingDataError
        If the archive, or the genre lists where they are needed, are not here.
    CorpusError
        If nothing matches, or nothing can be read.
    """
    source = source_of(name, folder)
    genre_of = _chosen(name, genres, ids, labels)
    programs = programs and tuple(programs)
    taken: dict[str, int] = {}

    def wanted(file):
        song = _song(file)
        if not is_kind(file, "notes") or (genre_of is not None and song not in genre_of):
            return False
        taken[song] = taken.get(song, 0) + 1
        return per_song is None or taken[song] <= per_song

    def build():
        taken.clear()
        files = islice(members(source, wanted), limit)
        columns, marks, skipped = read_pieces(files, programs, n_jobs)
        if not columns["id"]:
            why = ""
            if skipped:
                why = f"; of the first of {len(skipped)}: {skipped[0][1]}"
            found = f"no file that was asked for can be read{why}"
            raise CorpusError(found, source, "ask for other genres, ids or programs")
        for i, file in enumerate(columns["id"]):
            song, stem = _song(file), PurePosixPath(file).stem
            # a file may be matched to several songs, which then are one
            marks[i] += [song, digest(stem)]
            columns["label"][i] = (genre_of or {}).get(song, "")
            columns["id"][i] = f"{name}/{song}"
            if song.startswith("TR"):
                columns["id"][i] += f"/{stem}"
        columns["song"] = song_names(marks, columns["id"])
        return columns | {"skipped": skipped}

    asked = sorted((genre_of or {"all": ""}).items())
    filters = repr((name, asked, per_song, limit, programs))
    there = source_hash(source, SUFFIXES["notes"])
    key = content_hash("lakh", code_hash(*CODE, __name__), filters, there)
    built = cached(name, key, build, f"{filters} {source}")
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _song(file):
    """The Million Song Dataset's id, the folder's name; in the full part the file's own."""
    file = PurePosixPath(file)
    return file.parent.name if file.parent.name.startswith("TR") else file.stem


def _chosen(name, genres, ids, labels):
    """Song ids with their labels, or None for all."""
    if genres is None and ids is None:
        return None
    if genres is not None and name == "lmd_full":
        found = "the full part has no song ids, so no genres"
        raise CorpusError(found, name, 'load "lmd_matched" instead')
    chosen = {}
    if genres is not None:
        lists = genre_lists(labels)
        for genre in [genres] if isinstance(genres, str) else genres:
            full = genre if "/" in genre else f"lastfm/{genre}"
            match = next((known for known in lists if known.lower() == full.lower()), None)
            if match is None:
                found = f"no genre list is called {genre!r}"
                raise CorpusError(found, do=f"choose one of {', '.join(sorted(lists))}")
            for song in lists[match]:
                chosen.setdefault(song, full.split("/")[1].lower())
    if ids is not None:
        ids = _id_file(ids) if isinstance(ids, (str, Path)) else {str(song) for song in ids}
        if genres is None:
            return dict.fromkeys(ids, "")
        chosen = {song: label for song, label in chosen.items() if song in ids}
    return chosen


def _id_file(file):
    try:
        return set(Path(file).read_text("utf-8", errors="replace").split())
    except OSError as error:
        found = f"this list of song ids cannot be read ({error.strerror})"
        raise CorpusError(found, file, "check the path") from None


def genre_lists(labels: str | os.PathLike | None = None) -> dict[str, list[str]]:
    """The genre lists of the Lakh Pianoroll Dataset.

    Parameters
    ----------
    labels : str or path-like, optional
        Their archive, ``labels.tar.gz``, if it lies elsewhere than `path` says.

    Returns
    -------
    dict of str to list of str
        Song ids (``TR...``) by "source/genre", such as "lastfm/rock", "amg/Pop_Rock",
        "tagtraum/Metal".

    Raises
    ------
    MissingDataError
        If the archive is not here.
    """
    source = Path(labels) if labels is not None else path("lmd_matched", "labels.tar.gz")

    def wanted(file):
        return PurePosixPath(file).name.startswith("id_list_")

    lists = {}
    for file, data in members(source, wanted):
        file = PurePosixPath(file)
        name = f"{file.parent.name}/{file.stem.removeprefix('id_list_')}"
        lists[name] = (data or b"").decode("ascii", "replace").split()
    return lists
