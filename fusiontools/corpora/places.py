"""Where downloaded corpora lie. Nothing is read or fetched here, only found.

Used in chapters 3, 4, 5, 6 and 7.
"""

import os
from pathlib import Path, PurePosixPath

from fusiontools.corpora.cache import expanded, user_dir
from fusiontools.corpora.registry import info
from fusiontools.corpora.walking import files_below
from fusiontools.errors import CorpusError, MissingDataError

__all__ = ["SUFFIXES", "data_dir", "find", "home_of", "is_kind", "path", "source_of"]

# What promises music. Of sound, some can be refused only: each is looked at, and named.
SUFFIXES = {
    "notes": set(".mid .midi .kar .rmi .abc .musicxml .mxl .xml".split()),
    "audio": set(
        ".wav .w64 .flac .mp3 .ogg .oga .opus .au .snd .aif .aiff .aifc .caf"
        " .m4a .aac .wma .ape .wv .amr .mp2".split()
    ),
}
_PACKED = ("", ".xz", ".gz", ".bz2")
_ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", *_PACKED[1:])
_MAGIC = (b"PK", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")  # of zip, gzip, bzip2, xz


def data_dir() -> Path:
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


def home_of(name: str) -> Path:
    """The folder that a corpus is downloaded into, whether it is there or not."""
    return data_dir() / info(name).name


def find(name: str, file: str | None = None) -> Path | None:
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
        if place.is_file() or (place.is_dir() and _holds(place, suffixes)):
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
    return any(file.suffix.lower() in suffixes for _, file in files_below(folder)[0])


def is_kind(file: str, kind: str) -> bool:
    """Whether a file's name promises "notes" or "audio", and is not macOS's.

    Examples
    --------
    >>> is_kind("folk/song.MID", "notes"), is_kind("folk/._song.mid", "notes")
    (True, False)
    """
    name = PurePosixPath(file)
    return name.suffix.lower() in SUFFIXES[kind] and not name.name.startswith("._")


def source_of(name: str, folder: str | os.PathLike | None = None) -> Path:
    """The folder or archive that is named, else the one that `path` finds.

    Raises
    ------
    CorpusError
        If there is none, or it is neither a folder nor an archive.
    """
    if folder is None:
        return path(name)
    source = Path(folder)
    if not source.exists():
        raise CorpusError("no such folder or archive", source, "check the path")
    if source.is_file() and not source.name.lower().endswith(_ARCHIVES):
        try:
            with source.open("rb") as file:
                start = file.read(262)
        except OSError as error:
            found = f"cannot be read ({error.strerror})"
            raise CorpusError(found, source, "check its permissions") from None
        if not start.startswith(_MAGIC) and start[257:] != b"ustar":
            found = "this is one file, and a folder or an archive of files is needed"
            raise CorpusError(found, source, "name the folder that it lies in")
    return source


def path(name: str, file: str | None = None) -> Path:
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
