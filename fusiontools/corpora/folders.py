"""Scores by the thousand: any folder or archive of ``<genre>/*.mid``, or ABC or MusicXML.

They are read in parallel and kept as packed arrays. A bad file is skipped, named and
counted; it never stops the others. The readers of Lakh and POP909 are built on this one.
Used in chapters 3, 4, 5 and 6.
"""

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import PurePosixPath

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
from fusiontools.corpora.places import SUFFIXES, is_kind, source_of
from fusiontools.corpora.walking import files_below, tell_left_out
from fusiontools.errors import CorpusError, FusionError, NoNotesError
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.midi import piece_from_bytes
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import Notes
from fusiontools.music.scores import text_of

__all__ = ["BATCH", "CODE", "FEW", "load_folder", "opening", "read_pieces"]

# what the packed arrays depend on
_READERS = ("midi", "midi_bytes", "notes", "pieces", "abc", "abc_order", "abc_voice")
_READERS += ("musicxml", "musicxml_file", "programs", "scores", "zips")
CODE = tuple(f"fusiontools.music.{name}" for name in _READERS)
CODE += ("fusiontools.corpora.entries", __name__)
TITLED = {".abc", ".musicxml", ".mxl", ".xml"}  # their own titles say more than file names
CLOSED = "this folder may not be looked into"
# programs' own files: whose they are
OTHERS = dict.fromkeys((".mscz", ".mscx"), "MuseScore")
OTHERS |= dict.fromkeys((".gp", ".gp3", ".gp4", ".gp5", ".gpx", ".gtp"), "Guitar Pro")
OTHERS |= dict.fromkeys((".mus", ".musx"), "Finale")
OTHERS |= {".sib": "Sibelius", ".cap": "capella", ".capx": "capella", ".krn": "Humdrum"}
OTHERS |= {".ly": "LilyPond", ".nwc": "NoteWorthy", ".tef": "TablEdit", ".mei": "MEI"}
BATCH = 64  # files that travel to a worker together
FEW = 16  # batches that one process reads faster than several could be started
OPENING = 64  # notes of a track that tell its song
VARIETY = 6  # different intervals in them; fewer are a drone or a scale, which many share
BEARERS = 5  # a file name that more files bear ("midi_score.mid") is no title


def load_folder(
    name: str,
    folder: str | os.PathLike | None = None,
    label: str | None = None,
    genres: str | Sequence[str] | None = None,
    pattern: str | None = None,
    limit: int | None = None,
    programs: Sequence[int] | None = None,
    n_jobs: int | None = None,
) -> Corpus:
    """All scores of a folder or an archive, which may be a zip or a tar.

    A score is a file of MIDI, ABC or MusicXML; an ABC book of several tunes counts as a
    folder of them. Links to folders are followed. A tar may be compressed or not. Nothing
    is unpacked.

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
        Unreadable files and folders, files of other programs, and those with nothing but
        drums, are skipped and named in `Corpus.skipped`.

    Raises
    ------
    MissingDataError
        If there is no such folder or archive.
    CorpusError
        If it is damaged, or no file in it can be read.
    ValueError
        If `genres` is empty, or `pattern` is no regular expression.
    """
    source, others = source_of(name, folder), []
    genres, programs = asked(genres), programs if programs is None else tuple(programs)
    folders = {g.lower() for g in genres or ()}
    try:
        matches = re.compile(pattern or "").search
    except re.error as error:
        found = f"the pattern {pattern!r} is no regular expression: {error}"
        raise ValueError(found) from None

    def wanted(file):
        above = {part.lower() for part in PurePosixPath(file).parts[:-1]}
        if (folders and not folders & above) or not matches(file):
            return False
        if program := OTHERS.get(PurePosixPath(file).suffix.lower()):
            others.append([file, f"a file of {program}: export it as MusicXML or MIDI"])
        return is_kind(file, "notes")

    def build():
        files = islice(members(source, wanted), limit)
        columns, marks, skipped = read_pieces(files, programs, n_jobs)
        closed = files_below(source)[1] if source.is_dir() else []
        skipped += others + [[folder, CLOSED] for folder in closed]
        return _named(name, source, label, columns, marks, skipped)

    filters = repr((name, label, genres, pattern, limit, programs))
    there = source_hash(source, SUFFIXES["notes"])
    key = content_hash("folder", code_hash(*CODE), filters, there)
    built = cached(name, key, build, f"{filters} {source}")
    corpus = Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))
    tell_left_out(name, source, len(corpus), corpus.skipped)
    return corpus


def read_pieces(
    files: Iterable[tuple[str, bytes | None]],
    programs: Sequence[int] | None = None,
    n_jobs: int | None = None,
) -> tuple[dict, list[list[str]], list[list[str]]]:
    """Parse scores, on all cores where that pays.

    Parameters
    ----------
    files : iterable of (str, bytes)
        Names and contents, as `members` yields them.
    programs, n_jobs
        See `load_folder`.

    Returns
    -------
    columns : dict
        Packed entries, whose ids are the names, with empty song and label. Tunes of a book
        are named as if they lay in a folder of its name.
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
    for file, data in batch:
        for name, read in _pieces(file, data):
            try:
                piece, key = read()
                piece = _keep(piece, programs, name)
            except FusionError as error:
                skipped.append([name, error.found])
                continue
            entries.append(Entry(name, "", "", _title(name, piece), key, piece))
            openings = [opening(track.notes) for track in piece.tracks if not track.is_drum]
            marks.append([digest(mark) for mark in openings if mark])
    return pack(entries), marks, skipped


def _pieces(file, data):
    """Of each piece in a file its name, and what reads it, with its key."""
    suffix = PurePosixPath(file).suffix.lower()
    if suffix == ".abc" and data is not None:
        text = text_of(data)
        tunes = split_abc(text) or [text]
        book = len(tunes) > 1
        for n, tune in enumerate(tunes, start=1):
            name = f"{PurePosixPath(file).with_suffix('')}/{n}.abc" if book else file
            yield name, partial(_tune, tune, name)
    else:
        yield file, partial(_score if suffix in TITLED else _midi, data, file)


def _tune(text, where):
    tune = read_abc(text, where)
    return tune.piece, tune.key


def _score(data, where):
    return read_musicxml(_there(data, where), where)


def _midi(data, where):
    return piece_from_bytes(_there(data, where), where), ""


def _there(data, where):
    if data is None:
        raise CorpusError("too large for a score, or it may not be read", where)
    return data


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
    """The file's name; a number says nothing, so then what the file calls itself, as do
    scores that are written and not played.
    """
    file = PurePosixPath(name)
    own = _said(file.stem)
    inside = "".join(c for c in piece.title if c.isprintable()).strip()[:80]
    return inside if inside and (own.isdecimal() or _titled(file)) else own


def _titled(file):
    return file.suffix.lower() in TITLED


def _said(stem):
    """What a file's name says, without its uploader ("who__song.mid")."""
    return stem.split("__")[-1].replace("_", " ").strip()


def opening(notes: Notes) -> str:
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
        found = "no MIDI, ABC or MusicXML file in it"
        if skipped:
            (file, why), n = skipped[0], len(skipped)
            found = f"none of {n} scores can be read; of {file}: {why}"
        do = "put MIDI, ABC or MusicXML files into folders named after their genres"
        raise CorpusError(found, source, do)
    files = columns["id"] + [file for file, _ in skipped]
    top = _top(source, files)
    below = {file: PurePosixPath(*PurePosixPath(file).parts[top:]) for file in files}
    ids = unique(f"{name}/{_without_suffix(below[file])}" for file in files)
    bearers = Counter(below[file].stem for file in columns["id"])
    for i, file in enumerate(columns["id"]):
        *above, _ = below[file].parts
        columns["label"][i] = label or (above[0] if above else name)
        own = _said(below[file].stem)
        # where many files bear one name, the folders have to say what it is
        if _titled(below[file]):
            own = columns["title"][i]
        elif above and bearers[below[file].stem] > BEARERS:
            own = columns["title"][i] = _said(" ".join(above))
        # sorted, since "artist - title" and "title - artist" are one
        words = sorted(re.findall(r"\w+", own.lower()))
        if any(not word.isdecimal() for word in words):
            marks[i].append(" ".join(words))
    kept = ids[: len(columns["id"])]
    columns["song"] = song_names(marks, kept)
    columns["id"] = kept
    unread = [[f"{name}/{below[file]}", why] for file, why in skipped]
    return columns | {"skipped": unread}


def _without_suffix(file):
    """Folders may have a dot in their names, too."""
    known = is_kind(str(file), "notes") or file.suffix.lower() in OTHERS
    return file.with_suffix("") if known else file


def _top(source, files):
    """How many folders at the top of an archive all files share, above their own."""
    if source.is_dir():
        return 0
    paths, depth = [PurePosixPath(file).parts for file in files], 0
    while all(len(p) > depth + 2 and p[depth] == paths[0][depth] for p in paths):
        depth += 1
    return depth
