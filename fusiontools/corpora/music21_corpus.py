"""The tune books and chorales that come with music21, found by path.

music21 itself is never imported (it takes seconds). Essen folk songs, O'Neill 1850, Ryan's
Mammoth, Aird's Airs, two Nottingham reels and two small books are ABC; Bach's chorales are
MusicXML. Used in chapters 1, 4 and 5.
"""

import importlib.util
import re
from pathlib import Path

from fusiontools.corpora.cache import cached, code_hash, content_hash
from fusiontools.corpora.entries import Corpus, Entry, pack, song_ids
from fusiontools.corpora.parallel import in_parallel
from fusiontools.errors import CorpusError, FusionError, MissingDataError
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.midi import Piece, Track
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import Tempo

__all__ = ["corpus_path", "load_chorales", "load_tunebook"]

_NUMBER = re.compile(r"X:([^%\n]*)")
BPM = 120.0  # of a tune that names no tempo


def corpus_path():
    """The folder of music21's corpus.

    Raises
    ------
    MissingDataError
        If music21 is not installed, or came without its corpus.
    """
    spec = importlib.util.find_spec("music21")
    folder = Path(spec.submodule_search_locations[0]) / "corpus" if spec else None
    if folder is None or not (folder / "essenFolksong").is_dir():
        found = "music21's corpus is not installed"
        raise MissingDataError(found, folder, "pip install music21")
    return folder


def load_tunebook(name, folder, label):
    """A book of ABC tunes.

    Parameters
    ----------
    name : str
        The corpus's short name, the beginning of every id.
    folder : str
        Its folder in music21's corpus.
    label : str
        The genre that all its tunes bear.

    Returns
    -------
    Corpus
        In the order of files and of the tunes in them. Unreadable tunes are skipped, and
        named in `Corpus.skipped`.
    """
    files = sorted((corpus_path() / folder).glob("*.abc"))
    built = _cached("tunebook", _read_tunebook, name, files, label)
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _cached(kind, read, name, files, label):
    music = [f"fusiontools.music.{module}" for module in ("abc", "musicxml", "notes")]
    told = [kind, code_hash(*music, "fusiontools.corpora.entries", __name__), name, label]
    for file in files:
        told += [file.name, file]
    return cached(name, content_hash(*told), lambda: read(name, files, label))


def _read_tunebook(name, files, label):
    texts = []
    for file in files:
        for text in split_abc(_decode(file.read_bytes())):
            texts.append((f"{name}/{file.stem}/{_NUMBER.match(text)[1].strip()}", text))
    entries, skipped, seen = [], [], {}
    for (id, _), tune in zip(texts, in_parallel(_read_or_reason, texts, batch_size=64)):
        seen[id] = seen.get(id, 0) + 1
        if seen[id] > 1:  # a book may number two tunes alike
            id = f"{id}-{seen[id]}"
        if isinstance(tune, str):
            skipped.append([id, tune])
            continue
        track = Track(tune.notes, program=73, name=tune.title)  # 73: flute
        piece = Piece((track,), Tempo.constant(BPM), (tune.meter,), tune.title)
        entries.append(Entry(id, "", label, tune.title, tune.key, piece))
    return _with_songs(entries, skipped)


def load_chorales(name="bach", folder="bach", label="chorale"):
    """Bach's chorales and other four-part settings, each a `Piece` of one track a voice.

    Returns
    -------
    Corpus
        Unreadable files are skipped, and named in `Corpus.skipped`.
    """
    folder = corpus_path() / folder
    files = sorted(f for f in folder.iterdir() if f.suffix in (".mxl", ".xml"))
    built = _cached("chorales", _read_chorales, name, files, label)
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _read_chorales(name, files, label):
    entries, skipped = [], []
    for file in files:
        try:
            piece, key = read_musicxml(file.read_bytes(), file.name)
        except FusionError as error:
            skipped.append([f"{name}/{file.stem}", str(error)])
            continue
        entries.append(Entry(f"{name}/{file.stem}", "", label, _bwv(file.stem), key, piece))
    return _with_songs(entries, skipped)


def _bwv(stem):
    return stem.replace("bwv", "BWV ") if stem.startswith("bwv") else stem


def _with_songs(entries, skipped):
    """Pack entries, with song ids by title and top voice; no entry is an error."""
    if not entries:
        found = f"not one of {len(skipped)} files could be read"
        raise CorpusError(found, do="install music21 again: its corpus is damaged")
    songs = song_ids([e.title for e in entries], [e.piece.tracks[0].notes for e in entries])
    return pack(entries) | {"song": songs, "skipped": skipped}


def _decode(data):
    """ABC of the 1990s is Latin-1, newer ABC is UTF-8."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _read_or_reason(item):
    where, text = item
    try:
        return read_abc(text, where)
    except FusionError as error:
        return str(error)
