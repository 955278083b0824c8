"""Where downloaded corpora lie. Nothing is read or fetched here, only found.

Used in chapters 3, 4, 5, 6 and 7.
"""

import os
from pathlib import Path

from fusiontools.corpora.cache import expanded, user_dir
from fusiontools.corpora.registry import info
from fusiontools.errors import MissingDataError

__all__ = ["SUFFIXES", "data_dir", "find", "home_of", "path"]

SUFFIXES = {
    "notes": {".mid", ".midi", ".kar"},
    "audio": {".wav", ".flac", ".mp3", ".ogg", ".au", ".aif", ".aiff"},
}
_PACKED = ("", ".xz", ".gz", ".bz2")


def data_dir():
    """The folder of downloaded corpora.

    It is ``FUSIONTOOLS_DATA``, else ``data`` in this user's cache folder.

    Examples
    --------
    >>> import os
    >>> os.environ["FUSIONTOOLS_DATA"] = "corpora"  # doctest: +SKIP
    >>> data_dir()  # doctest: +SKIP
    PosixPath('corpora')
    """
    return expanded(os.environ.get("FUSIONTOOLS_DATA") or user_dir() / "data")


def home_of(name):
    """The folder that a corpus is downloaded into, whether it is there or not."""
    return data_dir() / info(name).name


def find(name, file=None):
    """Where a corpus lies, or None.

    Parameters
    ----------
    name : str
        One of `CORPORA`.
    file : str, optional
        Which of its files, for corpora of several; the main one by default.

    Returns
    -------
    pathlib.Path or None
        The official file if there is one, else the same compressed, else a stand-in: the
        first that exists, in the corpus's own folder or in `data_dir` itself. For what
        comes with music21, its folder there.
    """
    card = info(name)
    if not card.sources:
        return _in_music21(card)
    source = next((s for s in card.sources if file in (None, s.file)), None)
    if source is None:
        return None
    suffixes = SUFFIXES.get(card.kind, set()) | ({".csv"} if source.file else set())
    for place in _candidates(card, source):
        if place.is_file() or place.is_dir() and _holds(place, suffixes):
            return place
    return None


def _in_music21(card):
    from fusiontools.corpora.music21_corpus import corpus_path

    try:
        return corpus_path() / card.loader[2].get("folder", "")
    except MissingDataError:
        return None


def _candidates(card, source):
    names = [f"{card.name}/{source.file}", source.file] if source.file else []
    yield from (data_dir() / (name + packed) for name in names for packed in _PACKED)
    yield from (data_dir() / name for name in source.stand_ins)
    if not source.file:
        yield data_dir() / card.name


def _holds(folder, suffixes):
    """Whether a folder is worth reading: a stand-in's may hold nothing but an archive."""
    files = (Path(file) for _, _, names in os.walk(folder) for file in names)
    return any(file.suffix.lower() in suffixes for file in files)


def path(name, file=None):
    """Like `find`, for those who cannot go on without.

    Raises
    ------
    MissingDataError
        If it is not here. The message says what to get from where, and where to put it.
    """
    found = find(name, file)
    if found is None:
        raise _missing(info(name), file)
    return found


def _missing(card, file):
    found = f"{card.title}: not on this machine"
    if not card.sources:
        return MissingDataError(
            found, card.name, "pip install music21, with which it comes"
        )
    source = next((s for s in card.sources if s.file == file), card.sources[0])
    folder = home_of(card.name)
    if source.url:
        do = (
            f"run `python -m fusiontools data fetch {card.name}`, "
            f"or get {source.file} from {source.url} and put it into {folder}"
        )
    else:
        yours = {"notes": "<genre>/*.mid", "audio": "<genre>/*.wav"}
        do = f"put {source.file or yours[card.kind]} into {folder}"
        do += f"; about it: {card.home}" if card.home else ""
    return MissingDataError(found, card.name, do)
