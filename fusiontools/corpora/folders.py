"""MIDI files by the thousand: any folder or archive of ``<genre>/*.mid``, read in parallel
and kept as packed arrays.

A bad file is skipped, named and counted; it never stops the others. The readers of Lakh and
POP909 are built on this one.
"""

import hashlib
import re
from collections import Counter
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from fusiontools.corpora.archives import members
from fusiontools.corpora.cache import cached, code_hash, content_hash, source_hash
from fusiontools.corpora.entries import (
    Corpus,
    Entry,
    asked,
    digest,
    join,
    pack,
    song_names,
    unique,
)
from fusiontools.corpora.parallel import in_parallel
from fusiontools.corpora.places import SUFFIXES, path
from fusiontools.errors import CorpusError, FusionError, NoNotesError
from fusiontools.music.midi import Piece, piece_from_bytes

__all__ = ["BATCH", "CODE", "FEW", "is_midi", "load_folder", "opening", "read_pieces"]

CODE = (
    "fusiontools.music.midi",
    "fusiontools.music.notes",
    "fusiontools.corpora.entries",
    __name__,
)  # what the packed arrays depend on
BATCH = 64  # files that travel to a worker together
FEW = 16  # batches that one process reads faster than several could be started
OPENING = 64  # notes of a track that tell its song
BEARERS = 5  # a file name that more files bear ("midi_score.mid") is no title
# different intervals among them: fewer are a drone or a scale, which many songs share
VARIETY = 6


def load_folder(
    name,
    folder=None,
    label=None,
    genres=None,
    pattern=None,
    limit=None,
    programs=None,
    n_jobs=None,
):
    """All MIDI files of a folder or an archive, which may be a zip or a tar, compressed or
    not. Nothing is unpacked.

    Parameters
    ----------
    name : str
        The corpus's short name, the beginning of every id.
    folder : str or path-like, optional
        A folder or an archive; by default the one that `path` finds.
    label : str, optional
        The genre of all. By default each file's genre is the name of the folder that it
        lies in, below the top.
    genres : str or sequence of str, optional
        Read only files in folders of these names, in large letters or small.
    pattern : str, optional
        Read only files whose path matches this regular expression.
    limit : int, optional
        Stop after so many files.
    programs : sequence of int, optional
        Keep only tracks of these General MIDI programs, and no drums: ``range(8)`` for
        pianos. Pieces without any are skipped.
    n_jobs : int, optional
        Worker processes, see `in_parallel`.

    Returns
    -------
    Corpus
        In stored order. Files that share a title, or a track's opening, share a song.
        Unreadable files, and those with nothing but drums, are skipped and named in
        `Corpus.skipped`.

    Raises
    ------
    MissingDataError
        If there is no such folder or archive.
    CorpusError
        If it is damaged, or no file in it can be read.
    ValueError
        If `genres` is empty, or `pattern` is no regular expression.
    """
    source = Path(folder) if folder is not None else path(name)
    if not source.exists():
        raise CorpusError("no such folder or archive", source, "check the path")
    genres, programs = asked(genres), programs if programs is None else tuple(programs)
    folders = {g.lower() for g in genres or ()}
    try:
        matches = re.compile(pattern or "").search
    except re.error as error:
        raise ValueError(
            f"the pattern {pattern!r} is no regular expression: {error}"
        ) from None

    def wanted(file):
        inside = not folders or folders & {
            part.lower() for part in PurePosixPath(file).parts[:-1]
        }
        return is_midi(file) and inside and matches(file)

    def build():
        return _named(
            name,
            source,
            label,
            *read_pieces(islice(members(source, wanted), limit), programs, n_jobs),
        )

    filters = repr((name, label, genres, pattern, limit, programs))
    key = content_hash(
        "folder", code_hash(*CODE), filters, source_hash(source, SUFFIXES["notes"])
    )
    built = cached(name, key, build, f"{filters} {source}")
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def is_midi(file):
    """Whether a file's name promises MIDI; what macOS leaves beside files ("._song.mid")
    does not.
    """
    file = PurePosixPath(file)
    return file.suffix.lower() in SUFFIXES["notes"] and not file.name.startswith("._")


def read_pieces(files, programs=None, n_jobs=None):
    """Parse MIDI files, on all cores where that pays.

    Parameters
    ----------
    files : iterable of (str, bytes)
        Names and contents, as `members` yields them.
    programs, n_jobs
        See `load_folder`.

    Returns
    -------
    columns : dict
        Packed entries, whose ids are the names, with empty song and label.
    marks : list of list of str
        For each entry, what tells its song (see `group_songs`).
    skipped : list of [str, str]
        Names and reasons of what could not be read.
    """
    files = iter(files)
    batches = iter(lambda: (list(islice(files, BATCH)), programs), ([], programs))
    read = in_parallel(_read_batch, batches, n_jobs, few=FEW, batch_size=1)
    return (
        join(r[0] for r in read),
        [m for r in read for m in r[1]],
        [s for r in read for s in r[2]],
    )


def _read_batch(work):
    batch, programs = work
    entries, marks, skipped = [], [], []
    for name, data in batch:
        try:
            if data is None:
                raise CorpusError("too large for a MIDI file, or it may not be read", name)
            piece = _keep(piece_from_bytes(data, name), programs, name)
        except FusionError as error:
            skipped.append([name, str(error)])
            continue
        entries.append(Entry(name, "", "", _title(name, piece), "", piece))
        marks.append(
            [
                digest(mark)
                for track in piece.tracks
                if not track.is_drum and (mark := opening(track.notes))
            ]
        )
    return pack(entries), marks, skipped


def _keep(piece, programs, where):
    tracks = tuple(
        t
        for t in piece.tracks
        if programs is None or not t.is_drum and t.program in programs
    )
    if all(t.is_drum for t in tracks):
        what = (
            "nothing but drums"
            if piece.tracks and programs is None
            else f"no track of the programs {programs}"
        )
        raise NoNotesError(what, where, "leave it out")
    return Piece(tracks, piece.tempo, piece.meters, piece.title)


def _title(name, piece):
    """The file's name; a number says nothing, so then what the file calls itself."""
    own = _said(PurePosixPath(name).stem)
    inside = "".join(c for c in piece.title if c.isprintable()).strip()[:80]
    return inside if own.isdecimal() and inside else own


def _said(stem):
    """What a file's name says, without its uploader ("who__song.mid")."""
    return stem.split("__")[-1].replace("_", " ").strip()


def opening(notes):
    """A digest of how a track begins, blind to key and tempo; "" where that is too little
    to tell a song by.
    """
    if len(notes) < OPENING:
        return ""
    start = notes[:OPENING]
    # In steps and in lengths relative to the first note's: i_k = p_{k+1} - p_k,  r_k = d_k
    # / d_1
    steps, ratios = (
        np.diff(start.pitch),
        np.round(48 * start.duration / start.duration[0]).astype(np.int32),
    )
    if len(set(steps.tolist())) < VARIETY:
        return ""
    return hashlib.sha256(steps.tobytes() + ratios.tobytes()).hexdigest()[:24]


def _named(name, source, label, columns, marks, skipped):
    """Give ids, labels and songs to what was read; an empty corpus is an error, not an
    empty list.
    """
    if not columns["id"]:
        what = (
            f"none of {len(skipped)} MIDI files can be read, the first because: {skipped[0][1]}"
            if skipped
            else "no MIDI file in it"
        )
        raise CorpusError(
            what, source, "put MIDI files into folders named after their genres"
        )
    files = columns["id"] + [file for file, _ in skipped]
    top = _top(source, files)
    below = {file: PurePosixPath(*PurePosixPath(file).parts[top:]) for file in files}
    ids = unique(f"{name}/{below[file].with_suffix('')}" for file in files)
    bearers = Counter(below[file].stem for file in columns["id"])
    for i, file in enumerate(columns["id"]):
        own = _said(below[file].stem)
        if (
            bearers[below[file].stem] > BEARERS and len(below[file].parts) > 1
        ):  # then the folders have to say what it is
            own = columns["title"][i] = _said(" ".join(below[file].parts[:-1]))
        words = sorted(
            re.findall(r"\w+", own.lower())
        )  # sorted, since "artist - title" and "title - artist" are one
        if any(not word.isdecimal() for word in words):
            marks[i].append(" ".join(words))
    kept = ids[: len(columns["id"])]
    columns["label"] = [
        label or (below[file].parts[0] if len(below[file].parts) > 1 else name)
        for file in columns["id"]
    ]
    columns["song"] = song_names(marks, kept)
    columns["id"] = kept
    return columns | {
        "skipped": [[id, why] for id, (_, why) in zip(ids[len(kept) :], skipped)]
    }


def _top(source, files):
    """How many folders at the top of an archive are wrapping: all files share them, and
    have a folder of their own below.
    """
    if source.is_dir():
        return 0
    paths, depth = [PurePosixPath(file).parts for file in files], 0
    while all(len(p) > depth + 2 and p[depth] == paths[0][depth] for p in paths):
        depth += 1
    return depth
