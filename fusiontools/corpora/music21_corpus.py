"""The tune books and chorales that come with music21, found by path.

music21 itself is never imported (it takes seconds). Essen folk songs, O'Neill 1850, Ryan's
Mammoth, Aird's Airs, two Nottingham reels and two small books are ABC; Bach's chorales are
MusicXML. Used in chapters 1, 4 and 5.

The weights and the records of this book were made when another program read the tunes. It
read some of them otherwise than the ABC standard has it: it played what stands before
``||`` twice, a second ending a third time, and held a rest with a fermata for two. These
tunes stay as they were, so that what was measured holds; `KEPT` has them.
"""

import functools
import importlib.util
import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from fusiontools.corpora.cache import cached, code_hash, content_hash, read_npz
from fusiontools.corpora.entries import Corpus, Entry, pack, song_ids
from fusiontools.corpora.parallel import in_parallel
from fusiontools.errors import CorpusError, FusionError, MissingDataError
from fusiontools.music.abc import read_abc, split_abc
from fusiontools.music.midi import Meter
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import COLUMNS, Notes, Tempo

__all__ = ["corpus_path", "load_chorales", "load_tunebook"]

KEPT = Path(__file__).with_name("tunes_as_trained.npz")
_NUMBER = re.compile(r"(?m)^X:([^%\n]*)")
CHOIR, CHORALE_BPM = 52, 100.0


def corpus_path() -> Path:
    """The folder of music21's corpus.

    Raises
    ------
    MissingDataError
        If music21 is not installed, or came without its corpus.
    """
    spec = importlib.util.find_spec("music21")
    places = spec and spec.submodule_search_locations
    folder = Path(places[0]) / "corpus" if places else None
    if folder is None or not (folder / "essenFolksong").is_dir():
        found = "music21's corpus is not installed"
        raise MissingDataError(found, folder, "pip install music21")
    return folder


def load_tunebook(name: str, folder: str, label: str, as_trained: bool = True) -> Corpus:
    """A book of ABC tunes.

    Parameters
    ----------
    name : str
        The corpus's short name, the beginning of every id.
    folder : str
        Its folder in music21's corpus.
    label : str
        The genre that all its tunes bear.
    as_trained : bool
        Read some tunes as they were when the book's weights were made. False reads all as
        the ABC standard has it.

    Returns
    -------
    Corpus
        In the order of files and of the tunes in them. Unreadable tunes are skipped, and
        named in `Corpus.skipped`.
    """
    files = sorted((corpus_path() / folder).glob("*.abc"))
    read = functools.partial(_read_tunebook, as_trained=as_trained)
    built = _cached(f"tunebook {as_trained}", read, name, files, label)
    return Corpus(name, built, tuple(tuple(s) for s in built["skipped"]))


def _cached(kind, read, name, files, label):
    modules = ("abc", "abc_voice", "abc_order", "musicxml", "musicxml_file", "programs")
    music = [f"fusiontools.music.{module}" for module in (*modules, "notes", "pieces")]
    code = code_hash(*music, "fusiontools.corpora.entries", __name__)
    told = [kind, code, KEPT, name, label]
    for file in files:
        told += [file.name, file]
    return cached(name, content_hash(*told), lambda: read(name, files, label))


def _read_tunebook(name, files, label, as_trained):
    texts = []
    for file in files:
        for text in split_abc(_decode(file.read_bytes())):
            texts.append((f"{name}/{file.stem}/{_NUMBER.search(text)[1].strip()}", text))
    entries, skipped, seen = [], [], {}
    for (id, text), tune in zip(texts, in_parallel(_read_or_reason, texts, batch_size=64)):
        seen[id] = seen.get(id, 0) + 1
        if seen[id] > 1:  # a book may number two tunes alike
            id = f"{id}-{seen[id]}"
        if isinstance(tune, str):
            skipped.append([id, tune])
            continue
        piece = _kept(text, tune.piece) if as_trained else tune.piece
        entries.append(Entry(id, "", label, tune.title, tune.key, piece))
    return _with_songs(entries, skipped)


def _kept(text, piece):
    """A tune as the book's weights know it."""
    numbers, kept = _all_kept()
    i = numbers.get(content_hash(text)[:16])
    if i is None:
        return piece
    start, stop = (int(kept["end"][k]) if k >= 0 else 0 for k in (i - 1, i))
    notes = Notes(*(kept[column][start:stop] for column in COLUMNS[:3]))
    beat, *meter = kept["meter"][i].tolist()
    meters = (Meter(beat, *map(int, meter)),)
    track = replace(piece.tracks[0], notes=notes)
    return replace(piece, tracks=(track,), meters=meters, bars=None)


@lru_cache(maxsize=1)
def _all_kept():
    """The tunes of `KEPT`: their numbers by a hash of their text, and their columns."""
    kept = read_npz(KEPT)
    return {text: i for i, text in enumerate(kept["text"].tolist())}, kept


def load_chorales(
    name: str = "bach", folder: str = "bach", label: str = "chorale"
) -> Corpus:
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
        # What some of these files say of tempo and instruments is what a program puts where
        # nobody says anything, and the others say nothing: a choir sings all of them.
        tracks = tuple(replace(t, program=CHOIR) for t in piece.tracks)
        piece = replace(piece, tracks=tracks, tempo=Tempo.constant(CHORALE_BPM))
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
