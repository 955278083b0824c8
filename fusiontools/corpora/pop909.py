"""POP909: pop songs arranged for piano, as tracks MELODY, BRIDGE and PIANO.

Beats are annotated beside each file. The MIDI clock of these files keeps time but starts
anywhere, so that their bar lines fall between its beats. The annotated beats are laid under
the notes instead: beat 0 is a bar line here.

References
----------
Z. Wang and others, "POP909: A Pop-song Dataset for Music Arrangement Generation", ISMIR
2020.
"""

import os
import re
from collections import Counter
from dataclasses import replace
from pathlib import PurePosixPath
from xml.etree import ElementTree

import numpy as np

from fusiontools.corpora.archives import members
from fusiontools.corpora.beats import clock, lay
from fusiontools.corpora.cache import cached, code_hash, content_hash, source_hash
from fusiontools.corpora.entries import Corpus, Entry, join, pack
from fusiontools.corpora.folders import BATCH, FEW
from fusiontools.corpora.parallel import in_parallel
from fusiontools.corpora.places import source_of
from fusiontools.errors import CorpusError, FusionError, MusicFileError
from fusiontools.music.midi import piece_from_bytes
from fusiontools.music.notes import to_seconds
from fusiontools.music.zips import open_zip

__all__ = ["load_pop909"]

_CODE: tuple[str, ...] = (
    "fusiontools.music.midi",
    "fusiontools.music.midi_bytes",
    "fusiontools.music.notes",
    "fusiontools.music.pieces",
    "fusiontools.corpora.beats",
)
_CODE += ("fusiontools.corpora.entries", __name__)
# not the unfinished versions beside each song
_FILES = re.compile(r"(^|/)(\d{3})/(\2\.mid|beat_midi\.txt)$")
_BOOK = (10_000_000, 200, 1000)  # a spreadsheet of titles, see `open_zip`


def load_pop909(
    name: str = "pop909",
    folder: str | os.PathLike | None = None,
    label: str = "pop",
    n_jobs: int | None = None,
) -> Corpus:
    """All songs, with the tracks MELODY, BRIDGE and PIANO.

    Parameters
    ----------
    folder : str or path-like, optional
        The unpacked data set or its archive; by default the one that `path` finds.
    n_jobs : int, optional
        Worker processes, see `in_parallel`.

    Returns
    -------
    Corpus
        In order of song numbers ("pop909/001"); each song is its own, since no two share a
        title. `Entry.piece` has the annotated beats as its tempo: `to_seconds` gives the
        times of the MIDI file.

    Raises
    ------
    MissingDataError
        If it is not here.
    CorpusError
        If no song can be read.
    """
    source = source_of(name, folder)
    there = source_hash(source, {".mid", ".txt", ".xlsx"})
    key = content_hash("pop909", code_hash(*_CODE), name, label, there)
    built = cached(name, key, lambda: _read(name, source, label, n_jobs))
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _read(name, source, label, n_jobs):
    def wanted(file):
        return _FILES.search(file) or PurePosixPath(file).name == "index.xlsx"

    found, titles = {}, {}
    for file, data in members(source, wanted):
        if file.endswith(".xlsx"):
            titles = _titles(data)
        elif data is not None:
            number, kind = PurePosixPath(file).parent.name, PurePosixPath(file).suffix
            found.setdefault(number, {})[kind] = data
    numbers = sorted(n for n in found if ".mid" in found[n])
    songs = [(f"{name}/{n}", label, titles.get(n, n), found[n]) for n in numbers]
    batches = [songs[i : i + BATCH] for i in range(0, len(songs), BATCH)]
    read = in_parallel(_read_batch, batches, n_jobs, few=FEW, batch_size=1)
    columns, skipped = join(r[0] for r in read), [s for r in read for s in r[1]]
    if not columns["id"]:
        found = f"none of {len(songs)} songs can be read"
        do = "fetch it again: python -m fusiontools data fetch pop909"
        raise CorpusError(found, source, do)
    return columns | {"skipped": skipped}


def _read_batch(songs):
    entries, skipped = [], []
    for id, label, title, files in songs:
        try:
            if ".txt" not in files:
                found = "no beat_midi.txt beside the song"
                raise MusicFileError(found, id, "fetch the data set again")
            piece, beats = piece_from_bytes(files[".mid"], id), _beats(files[".txt"], id)
            piece = replace(_on_beats(piece, *beats), title=title)
        except (FusionError, ValueError) as error:
            skipped.append([id, str(error)])
            continue
        entries.append(Entry(id, id, label, title, "", piece))
    return pack(entries), skipped


def _beats(data, where):
    """Of ``beat_midi.txt`` seconds, and which begin a short measure, and a long one."""
    try:
        lines = [line.split()[:3] for line in data.decode("ascii").splitlines()]
        table = np.array([list(map(float, cells)) for cells in lines if cells])
    except ValueError:
        table = np.zeros((0, 0))
    if table.shape[1:] != (3,) or len(table) < 2 or not np.isfinite(table).all():
        raise MusicFileError("a damaged list of beats", where, "fetch the data set again")
    return table[:, 0], np.flatnonzero(table[:, 1]), np.flatnonzero(table[:, 2])


def _on_beats(piece, seconds, short, long):
    """The piece on its annotated beats, in the one meter that fits most of them."""
    triple = Counter(np.diff(short).tolist()).most_common(1)[:1]
    per_bar, downbeats = (3, short) if triple and triple[0][0] == 3 else (4, long)
    # Annotators miss a beat now and then: the bar line goes where most downbeats agree.
    first = int(np.bincount(downbeats % per_bar, minlength=per_bar).argmax())
    numbers = (np.arange(len(seconds)) - first) % per_bar + 1
    tracks = [to_seconds(t.notes, piece.tempo) for t in piece.tracks]
    start = min(t.onset[0] for t in tracks)
    tempo, meters = clock(seconds, numbers, [f"{per_bar}/4"] * len(seconds), start)
    laid = [replace(t, notes=lay(n, tempo)) for t, n in zip(piece.tracks, tracks)]
    return replace(piece, tracks=tuple(laid), tempo=tempo, meters=meters)


def _titles(data):
    """Song titles of ``index.xlsx``, by number; none if it cannot be read."""
    try:
        with open_zip(data, "index.xlsx", _BOOK) as book:
            sheet = next(i for i in book.infolist() if i.filename.endswith("sheet1.xml"))
            rows = ElementTree.fromstring(book.read(sheet)).iterfind(".//{*}row")
            cells = [["".join(cell.itertext()) for cell in row] for row in rows]
            return {
                row[0]: f"{row[1]} ({row[2]})"
                for row in cells
                if len(row) > 2 and re.fullmatch(r"\d{3}", row[0])
            }
    # a spreadsheet is a zip of XML, and each layer has its own ways to break; a title is a
    # comfort, and no music depends on it
    except Exception:
        return {}
