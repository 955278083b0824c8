"""MIDI files by the thousand: any folder or archive of ``<genre>/*.mid``.

They are read in parallel and kept as packed arrays. A bad file is skipped, named and
counted; it never stops the others. The readers of Lakh and POP909 are built on this one.
Used in chapters 3, 4, 5 and 6.
"""

import hashlib
import re
from collections import Counter
from dataclasses import replace
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
from fusiontools.music.midi import piece_from_bytes

__all__ = ["BATCH", "CODE", "FEW", "is_midi", "load_folder", "opening", "read_pieces"]

# what the packed arrays depend on
CODE = ("fusiontools.music.midi", "fusiontools.music.notes")
CODE += ("fusiontools.corpora.entries", __name__)
BATCH = 64  # files that travel to a worker together
FEW = 16  # batches that one process reads faster than several could be started
OPENING = 64  # notes of a track that tell its song
VARIETY = 6  # different intervals in them; fewer are a drone or a scale, which many share
BEARERS = 5  # a file name that more files bear ("midi_score.mid") is no title


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
    """All MIDI files of a folder or an archive, which may be a zip or a tar.

    A tar may be compressed or not. Nothing is unpacked.

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
        found = f"the pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(found) from None

    def wanted(file):
        above = {part.lower() for part in PurePosixPath(file).parts[:-1]}
        return is_midi(file) and (not folders or folders & above) and matches(file)

    def build():
        files = islice(members(source, wanted), limit)
        return _named(name, source, label, *read_pieces(files, programs, n_jobs))

    filters = repr((name, label, genres, pattern, limit, programs))
    there = source_hash(source, SUFFIXES["notes"])
    key = content_hash("folder", code_hash(*CODE), filters, there)
    built = cached(name, key, build, f"{filters} {source}")
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def is_midi(file):
    """Whether a file's name promises MIDI, and is not macOS's ("._song.mid")."""
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
    marks, skipped = [m for r in read for m in r[1]], [s for r in read for s in r[2]]
    return join(r[0] for r in read), marks, skipped


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
        openings = [opening(track.notes) for track in piece.tracks if not track.is_drum]
        marks.append([digest(mark) for mark in openings if mark])
    return pack(entries), marks, skipped


def _keep(piece, programs, where):
    tracks = piece.tracks
    if programs is not None:
        pitched = (t for t in tracks if not t.is_drum)
        tracks = tuple(t for t in pitched if t.program in programs)
    if all(t.is_drum for t in tracks):
        what = "nothing but drums" if tracks else f"no track of the programs {programs}"
        raise NoNotesError(what, where, "leave it out")
    return replace(piece, tracks=tracks)


def _title(name, piece):
    """The file's name; a number says nothing, so then what the file calls itself."""
    own = _said(PurePosixPath(name).stem)
    inside = "".join(c for c in piece.title if c.isprintable()).strip()[:80]
    return inside if own.isdecimal() and inside else own


def _said(stem):
    """What a file's name says, without its uploader ("who__song.mid")."""
    return stem.split("__")[-1].replace("_", " ").strip()


def opening(notes):
    """A digest of how a track begins, blind to key and tempo; "" if that tells no song."""
    if len(notes) < OPENING:
        return ""
    start = notes[:OPENING]
    # steps, and lengths relative to the first note's: i_k = p_{k+1} - p_k, r_k = d_k / d_1
    steps = np.diff(start.pitch)
    ratios = np.round(48 * start.duration / start.duration[0]).astype(np.int32)
    if len(set(steps.tolist())) < VARIETY:
        return ""
    return hashlib.sha256(steps.tobytes() + ratios.tobytes()).hexdigest()[:24]


def _named(name, source, label, columns, marks, skipped):
    """Give ids, labels and songs to what was read; an empty corpus is an error."""
    if not columns["id"]:
        found = "no MIDI file in it"
        if skipped:
            found = f"none of {len(skipped)} MIDI files can be read"
            found += f", the first because: {skipped[0][1]}"
        do = "put MIDI files into folders named after their genres"
        raise CorpusError(found, source, do)
    files = columns["id"] + [file for file, _ in skipped]
    top = _top(source, files)
    below = {file: PurePosixPath(*PurePosixPath(file).parts[top:]) for file in files}
    ids = unique(f"{name}/{below[file].with_suffix('')}" for file in files)
    bearers = Counter(below[file].stem for file in columns["id"])
    for i, file in enumerate(columns["id"]):
        *above, _ = below[file].parts
        columns["label"][i] = label or (above[0] if above else name)
        own = _said(below[file].stem)
        # where many files bear one name, the folders have to say what it is
        if above and bearers[below[file].stem] > BEARERS:
            own = columns["title"][i] = _said(" ".join(above))
        # sorted, since "artist - title" and "title - artist" are one
        words = sorted(re.findall(r"\w+", own.lower()))
        if any(not word.isdecimal() for word in words):
            marks[i].append(" ".join(words))
    kept = ids[: len(columns["id"])]
    columns["song"] = song_names(marks, kept)
    columns["id"] = kept
    unread = [[id, why] for id, (_, why) in zip(ids[len(kept) :], skipped)]
    return columns | {"skipped": unread}


def _top(source, files):
    """How many folders at the top of an archive all files share, above their own."""
    if source.is_dir():
        return 0
    paths, depth = [PurePosixPath(file).parts for file in files], 0
    while all(len(p) > depth + 2 and p[depth] == paths[0][depth] for p in paths):
        depth += 1
    return depth
