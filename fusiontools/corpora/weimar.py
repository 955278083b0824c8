"""The Weimar Jazz Database: solos transcribed note by note against annotated beats.

It comes as one SQLite file. The notes are in seconds there, as played, and so are the
beats. Here the annotated beats become the `Tempo` of each piece: its notes stand in beats,
and `to_seconds` gives back the onsets of the database.

References
----------
M. Pfleiderer and others, Inside the Jazzomat (Schott Campus, 2017).
"""

import contextlib
import os
import re
import sqlite3
from itertools import groupby
from pathlib import Path

from fusiontools.corpora.archives import plain_file
from fusiontools.corpora.beats import clock, lay
from fusiontools.corpora.cache import cached, code_hash, content_hash
from fusiontools.corpora.entries import Corpus, Entry, pack, song_ids
from fusiontools.corpora.places import path
from fusiontools.errors import MALFORMED, CorpusError, FusionError
from fusiontools.music.midi import Piece, Track
from fusiontools.music.notes import Notes

__all__ = ["PROGRAMS", "load_weimar"]

# General MIDI programs for the database's abbreviations; what MIDI lacks is played by its
# nearest relative.
PROGRAMS = {
    "as": 65,
    "bcl": 71,  # bass clarinet: clarinet
    "bs": 67,
    "cl": 71,
    "cor": 56,  # cornet: trumpet
    "fl": 73,
    "g": 26,  # jazz guitar
    "p": 0,
    "ss": 64,
    "tb": 57,
    "tp": 56,
    "ts": 66,
    "ts-c": 66,  # C-melody saxophone: tenor
    "vib": 11,
}
_CODE = (
    "fusiontools.music.notes",
    "fusiontools.corpora.beats",
    "fusiontools.corpora.entries",
    __name__,
)


_SOLOS = (
    "SELECT melid, performer, title, titleaddon, solopart, instrument, key, signature "
    "FROM solo_info ORDER BY melid"
)
_MELODY = "SELECT melid, onset, duration, pitch FROM melody ORDER BY melid, onset"
# of a stranger's database: a table may be a view that counts without an end
MILLIONS = 300  # of SQLite's own small steps; the database itself takes five
ROWS, LETTERS = 2_000_000, 1_000_000
_BEATS = "SELECT melid, onset, beat, signature FROM beats ORDER BY melid, onset"


def load_weimar(
    name: str = "weimar", folder: str | os.PathLike | None = None, label: str = "jazz"
) -> Corpus:
    """All solos, one `Piece` of one track each.

    Parameters
    ----------
    folder : str or path-like, optional
        Another file than the one that `path` finds: ``wjazzd.db``, or the same in xz or
        gzip.

    Returns
    -------
    Corpus
        Ids are made of performer and title ("weimar/art-pepper/anthropology"), songs of the
        title: several solos on one tune share it. Beats are quarter notes; a piece begins
        with the first annotated bar, so that bar lines fall on multiples of the bar's
        length. Solos that cannot be read are skipped, and named in `Corpus.skipped`.

    Raises
    ------
    MissingDataError
        If the database is not here.
    CorpusError
        If the file is no such database.
    """
    source = Path(folder) if folder is not None else path(name)
    if not source.is_file():
        raise CorpusError("not a file", source, "name the database file wjazzd.db itself")
    key = content_hash("weimar", code_hash(*_CODE), name, label, source)
    built = cached(name, key, lambda: _read(name, source, label))
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _read(name, source, label):
    with plain_file(source) as database:
        solos, melodies, beats = _tables(database, source)
    entries, skipped, seen = [], [], {}
    for solo in solos:
        title = " ".join(str(solo[c] or "") for c in ("title", "titleaddon"))
        id = f"{name}/{_slug(solo['performer'])}/{_slug(title)}"
        seen[id] = seen.get(id, 0) + 1
        if seen[id] > 1:  # several solos in one recording
            id = f"{id}/{seen[id]}"
        melody, tapped = melodies.get(solo["melid"], []), beats.get(solo["melid"], [])
        try:
            entries.append(_entry(id, solo, melody, tapped, label))
        except (FusionError, *MALFORMED) as error:
            skipped.append([id, str(error)])
    if not entries:
        found = f"none of {len(skipped)} solos can be read"
        do = "fetch it again: python -m fusiontools data fetch weimar"
        raise CorpusError(found, source, do)
    # two solos on one tune share no melody, so the title alone tells the song
    silence = Notes.of([])
    songs = song_ids([e.song or e.id for e in entries], [silence] * len(entries))
    return pack(entries) | {"song": songs, "skipped": skipped}


def _tables(database, source):
    """The three tables that are needed, columns by name: their order differs."""
    # never a journal beside somebody's data
    address = f"{Path(database).absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            steps = iter(range(MILLIONS))
            connection.set_progress_handler(lambda: next(steps, None) is None, 1_000_000)
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LETTERS)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.text_factory = lambda data: data.decode("utf-8", "replace")
            asked = (_SOLOS, _MELODY, _BEATS)
            solos, melody, beats = (_fetched(connection.execute(sql)) for sql in asked)
            names = [word.strip() for word in _SOLOS[7 : _SOLOS.index("FROM")].split(",")]
            solos = [dict(zip(names, row)) for row in solos]
    except (sqlite3.Error, *MALFORMED) as error:
        found = f"not the Weimar Jazz Database, or a damaged one ({error})"
        raise CorpusError(
            found, source, "fetch it again: python -m fusiontools data fetch weimar"
        ) from None

    def by_solo(rows):
        return {melid: list(group) for melid, group in groupby(rows, lambda row: row[0])}

    return solos, by_solo(melody), by_solo(beats)


def _fetched(cursor):
    rows = cursor.fetchmany(ROWS + 1)
    if len(rows) > ROWS:
        raise ValueError("rows without an end")
    return rows


def _entry(id, solo, melody, beats, label):
    if not melody or len(beats) < 2:
        raise CorpusError(f"{len(melody)} notes and {len(beats)} beats")
    _, onset, duration, pitch = zip(*melody)
    notes = Notes(onset, duration, pitch, unit="seconds")
    _, seconds, numbers, signatures = zip(*beats)
    signatures = [s or solo["signature"] for s in signatures]
    tempo, meters = clock(seconds, numbers, signatures, notes.onset[0])
    title, tune = f"{solo['performer']}: {solo['title']}", str(solo["title"] or "")
    name, program = str(solo["instrument"] or ""), PROGRAMS.get(solo["instrument"], 66)
    track = Track(lay(notes, tempo), program, name=name)
    piece = Piece((track,), tempo, meters, title)
    return Entry(id, tune, label, title, solo["key"] or "", piece)


def _slug(text):
    return "-".join(re.findall(r"[a-z0-9]+", str(text).lower())) or "unnamed"
