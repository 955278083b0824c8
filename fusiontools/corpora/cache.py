"""A cache of arrays, kept by content.

What was read slowly once is read fast from then on. The name of a cache file is the hash of
everything that its content depends on, so that a stale one is never read: change a source
file or the reader's version, and the name changes.
"""

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import json
import math
import os
import re
import shutil
import stat
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from fusiontools.corpora.walking import files_below, shown
from fusiontools.errors import MALFORMED, CorpusError, FusionError
from fusiontools.files import drop_drafts, open_regular, whole_file

__all__ = [
    "cache_dir",
    "cached",
    "check_array",
    "code_hash",
    "content_hash",
    "expanded",
    "prune",
    "read_described",
    "read_npz",
    "source_hash",
    "user_dir",
    "write_described",
    "write_npz",
]

LARGE = 256_000_000  # bytes: larger sources are known by size and date, not by content
EDITIONS = 2  # cache files kept of what differs only in its source's or reader's edition
SQUEEZED = 1100  # times: zip's deflate makes nothing smaller than by this factor
MEMBERS = 10_000  # arrays of a file
DESCRIBED = 2_000_000_000  # bytes of what `read_described` reads, unpacked
_DAY = 86_400.0  # seconds: a draft that old has no writer
READERS = ("numpy", "symusic")  # libraries that decide what is read
Thing = TypeVar("Thing")


def user_dir() -> Path:
    """The user's folder for what can be made or fetched again.

    ``~/.cache/fusiontools`` on Linux, and its like elsewhere.

    Who has no home, as in some containers, gets a folder among the temporary ones.
    """
    try:
        if sys.platform == "win32":
            home = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
        elif sys.platform == "darwin":
            home = Path.home() / "Library" / "Caches"
        else:
            home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(home).expanduser() / "fusiontools"
    except RuntimeError:  # Python's word for "no home"
        return _temporary(tempfile.gettempdir())


def cache_dir() -> Path:
    """The folder of cached arrays: ``FUSIONTOOLS_CACHE``, else `user_dir`.

    Its files are safe to delete at any time. Where it may not be written to, it is one
    among the temporary files, and a line on standard error says so.
    """
    return _writable(expanded(os.environ.get("FUSIONTOOLS_CACHE") or user_dir()))


@lru_cache(maxsize=8)
def _writable(folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    except OSError:
        pass
    other = _temporary(tempfile.gettempdir())
    if other != folder:
        print(f"Nothing may be written to {folder}: the cache is {other}", file=sys.stderr)
    return other


@lru_cache(maxsize=8)
def _temporary(among):
    """The user's folder among temporary files; a new one if others could write to it."""
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(among) / f"fusiontools-{user}"
    try:
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid not in (user, 0):
            folder = Path(tempfile.mkdtemp(prefix="fusiontools-", dir=among))
    except OSError:
        pass  # nothing can be kept anywhere: that costs speed
    return folder


def expanded(path: str | os.PathLike) -> Path:
    """A path whose ``~`` is the home folder.

    Raises
    ------
    CorpusError
        If there is no home folder.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError:
        found = "there is no home folder for '~' to stand for"
        raise CorpusError(found, path, "name the folder in full") from None


def content_hash(*parts: str | bytes | Path) -> str:
    """A SHA-256 over strings, bytes and contents of files, in order, as 64 hex digits.

    Files are given as `pathlib.Path`.

    Examples
    --------
    >>> content_hash("a", b"b") == content_hash("a", b"b") != content_hash("ab")
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            digest.update(part.stat().st_size.to_bytes(8, "big"))
            with open(part, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
            continue
        # a file's name may hold what is no text
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        # the length keeps "a","b" apart from "ab"
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def code_hash(*modules: str) -> str:
    """A hash of the source of modules, given by name, and of the libraries that read.

    What others have read is read again.
    """
    specs = map(importlib.util.find_spec, modules)
    files = [Path(spec.origin) for spec in specs if spec and spec.origin]
    return content_hash(*files, *map(_version, READERS))


def _version(library):
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def source_hash(path: Path, suffixes: Collection[str] | None = None) -> str:
    """A hash that tells whether a file or a folder has changed.

    It is one of its content, or of sizes and dates where that is large.

    Parameters
    ----------
    path : pathlib.Path
        A file; or a folder, all of whose files count.
    suffixes : collection of str, optional
        Of a folder, count only files that end so, as in ``{".mid"}``. Files that cannot be
        read count by size and date.
    """
    if path.is_file():
        files, names = [path], [shown(path.name)]
    else:
        there = files_below(path)[0]
        there = [f for f in there if suffixes is None or f[1].suffix.lower() in suffixes]
        names, files = [name for name, _ in there], [file for _, file in there]
    stats = [f.stat() for f in files]
    if sum(s.st_size for s in stats) >= LARGE:
        return content_hash(*(_date(name, s) for name, s in zip(names, stats)))
    told = []
    for name, file, about in zip(names, files, stats):
        told += [name, _content_or_date(file, about)]
    return content_hash(*told)


def _content_or_date(file, stat):
    try:
        return content_hash(file)
    except OSError:
        return _date("unreadable", stat)


def _date(name, stat):
    return f"{name} {stat.st_size} {stat.st_mtime_ns}"


def cached(name: str, key: str, build: Callable[[], dict], variant: str = "") -> dict:
    """Arrays from the cache, or built now and kept.

    Parameters
    ----------
    name : str
        A readable beginning for the file's name.
    key : str
        The `content_hash` of all that the arrays depend on.
    build : callable
        Returns a dict of arrays; values that are no arrays must be JSON and come back
        equal.
    variant : str, optional
        What was asked for, where one name stands for many things. Of each variant the
        newest `EDITIONS` files are kept.

    Returns
    -------
    dict
        What `build` returned.
    """
    stem = f"{name}-{content_hash(variant)[:8]}" if variant else name
    path = cache_dir() / f"{stem}-{key[:16]}.npz"
    if path.is_file():
        try:
            arrays = read_npz(path)
            rest = json.loads(arrays.pop("json").tobytes())
            return arrays | rest
        except (FusionError, *MALFORMED):
            pass  # half of it, or damaged since: build it again
    built = build()
    arrays = {k: v for k, v in built.items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in built.items() if k not in arrays}
    text = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
    try:
        write_npz(path, False, json=text, **arrays)
        prune(path.parent, stem)
    except OSError:
        pass  # a full or read-only disk costs the speed of the next run, nothing else
    return built


def prune(folder: Path, stem: str, keep: int = EDITIONS) -> None:
    """Delete all but the newest files ``<stem>-<key>.npz`` of a cache folder.

    What cannot be deleted stays. Drafts go, too, whose writers were killed.
    """
    drop_drafts(folder, before=time.time() - _DAY)
    kept = []
    for file in folder.glob("*.npz"):
        if re.fullmatch(rf"{re.escape(stem)}-[^-.]+\.npz", file.name):
            with contextlib.suppress(OSError):  # another process may be as tidy
                kept.append((file.stat().st_mtime_ns, file))
    for _, file in sorted(kept)[: max(len(kept) - keep, 0)]:
        with contextlib.suppress(OSError):
            file.unlink()


def read_npz(path: str | os.PathLike, largest: int | None = None) -> dict[str, np.ndarray]:
    """All arrays of an ``.npz`` file, as a dict. No code in it is ever run.

    What an array's header says of its size is held against the file before room is made.

    Parameters
    ----------
    path : path-like
    largest : int, optional
        Bytes of all arrays together.

    Raises
    ------
    CorpusError
        If the file is missing, damaged, larger, or holds anything but arrays of numbers and
        texts.
    """
    do = "delete it and make or fetch it again"
    try:
        with (
            open_regular(path, error=CorpusError) as file,
            zipfile.ZipFile(file) as archive,
        ):
            members = archive.infolist()
            size = sum(info.file_size for info in members)
            if largest is not None and size > largest:
                found = f"arrays of {size:,} bytes, and {largest:,} are the most"
                raise CorpusError(found, path, "make it smaller")
            if len(members) > MEMBERS:
                raise ValueError("so many arrays")
            return {info.filename[:-4]: _member(archive, info) for info in members}
    except FusionError:
        raise
    # zip, zlib, numpy's header parser and Python's own tokenizer each raise their own kinds
    except Exception as error:
        found = f"a damaged array file ({type(error).__name__})"
        raise CorpusError(found, path, do) from None


def _member(archive, info):
    """One array, if its member is one, of numbers or texts, and as large as it says."""
    if not info.filename.endswith(".npy"):
        raise ValueError("no array")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        head = f"read_array_header_{version[0]}_0"
        shape, _, dtype = getattr(np.lib.format, head)(stream)
        held = info.file_size - stream.tell()
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind not in "biufcUS" or not dtype.itemsize:
        raise ValueError("neither numbers nor texts")
    if not all(0 <= n < 2**32 for n in shape) or size != held:
        raise ValueError("another size than it says")
    deflated = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not deflated or size > SQUEEZED * info.compress_size:
        raise ValueError("more than can be squeezed so small")
    with archive.open(info) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def write_npz(
    path: str | os.PathLike, compress: bool = False, **arrays: np.ndarray
) -> None:
    """Write arrays into an ``.npz`` file, whole or not at all; its folder is made.

    Raises
    ------
    OSError
        If the disk is full or may not be written to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    size = sum(a.nbytes for a in arrays.values())
    if not compress and size > shutil.disk_usage(path.parent).free:
        raise OSError(f"{size:,} bytes do not fit on the disk of {path.parent}")
    with whole_file(path) as file:
        (np.savez_compressed if compress else np.savez)(file, **arrays)  # type: ignore


def write_described(
    path: str | os.PathLike, about: dict, arrays: dict[str, np.ndarray], name: str = "json"
) -> None:
    """Write arrays, and what there is to say of them, into one compressed ``.npz``.

    It is written whole or not at all, and travels alone.

    Parameters
    ----------
    path : path-like
    about : dict
        JSON values.
    arrays : dict of str to ndarray
    name : str
        What `about` is called among the arrays: there it is UTF-8 text, as bytes.

    Raises
    ------
    CorpusError
        If the file cannot be written, or would be larger than is read again.
    """
    if (size := sum(array.nbytes for array in arrays.values())) > DESCRIBED:
        found = f"arrays of {size:,} bytes, and {DESCRIBED:,} are the most"
        raise CorpusError(found, path, "take fewer or smaller pieces")
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    try:
        write_npz(path, compress=True, **{name: text}, **arrays)
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise CorpusError(found, path, "check that its folder may be written to") from None


def check_array(
    array: np.ndarray,
    kind: str,
    shape: tuple[int | None, ...],
    low: float = -math.inf,
    high: float = math.inf,
) -> None:
    """Raise a ValueError unless an array is of a kind and a shape, and within bounds.

    Parameters
    ----------
    array : ndarray
    kind : str
        Its dtype's name.
    shape : tuple of int or None
        None for an axis of any length.
    low, high : float
        The least and the largest that may occur.

    Examples
    --------
    >>> check_array(np.zeros((2, 36), np.int16), "int16", (None, 36), 0, 127)
    """
    alike = len(shape) == array.ndim and all(
        n in (None, m) for n, m in zip(shape, array.shape)
    )
    if array.dtype.name != kind or not alike:
        raise ValueError(f"{array.dtype} of shape {array.shape}, not {kind} of {shape}")
    if array.size and not low <= array.min() <= array.max() <= high:
        raise ValueError(f"numbers outside of {low} to {high}")


def read_described(
    path: str | os.PathLike,
    make: Callable[[dict, dict[str, np.ndarray]], Thing],
    what: str,
    do: str,
    name: str = "json",
) -> Thing:
    """Read what `write_described` wrote. No code in the file is ever run.

    Parameters
    ----------
    path : path-like
    make : callable
        From what there is to say and the arrays to the thing itself; it checks them.
    what, do : str
        For messages: what the file should be, and how to make it again.
    name : str
        As in `write_described`.

    Raises
    ------
    CorpusError
        If the file is missing, damaged, or holds something else.
    """
    arrays = read_npz(path, DESCRIBED)
    try:
        told = json.loads(arrays.pop(name).tobytes())
        named = isinstance(told.get("name", ""), str)
        if not named or not isinstance(told.get("about", {}), dict):
            raise TypeError("neither a name nor what there is to say")
        return make(told, arrays)
    except MALFORMED:
        raise CorpusError(f"not {what}", path, do) from None
