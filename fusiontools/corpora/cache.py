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
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from fusiontools.errors import CorpusError, FusionError

__all__ = [
    "cache_dir",
    "cached",
    "code_hash",
    "content_hash",
    "expanded",
    "prune",
    "read_described",
    "read_npz",
    "source_hash",
    "user_dir",
    "whole_file",
    "write_described",
    "write_npz",
]

LARGE = 256_000_000  # bytes: larger sources are known by size and date, not by content
EDITIONS = 2  # cache files kept of what differs only in its source's or reader's edition
READERS = ("numpy", "symusic")  # libraries that decide what is read


def user_dir():
    """This user's folder for what can be made or fetched again.

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
        user = os.getuid() if hasattr(os, "getuid") else "user"
        return Path(tempfile.gettempdir()) / f"fusiontools-{user}"


def cache_dir():
    """The folder of cached arrays: ``FUSIONTOOLS_CACHE``, else `user_dir`.

    Its files are safe to delete at any time.
    """
    return expanded(os.environ.get("FUSIONTOOLS_CACHE") or user_dir())


def expanded(path):
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


def content_hash(*parts):
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
        data = part.encode() if isinstance(part, str) else part
        # the length keeps "a","b" apart from "ab"
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def code_hash(*modules):
    """A hash of the source of modules, given by name, and of the libraries that read.

    What others have read is read again.
    """
    files = [Path(importlib.util.find_spec(name).origin) for name in modules]
    return content_hash(*files, *map(_version, READERS))


def _version(library):
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return ""


def source_hash(path, suffixes=None):
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
        files, names = [path], [path.name]
    else:
        files = sorted(f for f in path.rglob("*") if f.is_file())
        files = [f for f in files if suffixes is None or f.suffix.lower() in suffixes]
        names = [f.relative_to(path).as_posix() for f in files]
    stats = [f.stat() for f in files]
    if sum(s.st_size for s in stats) >= LARGE:
        return content_hash(*(_date(name, s) for name, s in zip(names, stats)))
    told = []
    for name, file, stat in zip(names, files, stats):
        told += [name, _content_or_date(file, stat)]
    return content_hash(*told)


def _content_or_date(file, stat):
    try:
        return content_hash(file)
    except OSError:
        return _date("unreadable", stat)


def _date(name, stat):
    return f"{name} {stat.st_size} {stat.st_mtime_ns}"


def cached(name, key, build, variant=""):
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
        except (FusionError, ValueError, KeyError, TypeError):
            pass  # half of it, or damaged since: build it again
    built = build()
    arrays = {k: v for k, v in built.items() if isinstance(v, np.ndarray)}
    rest = {k: v for k, v in built.items() if k not in arrays}
    text = np.frombuffer(json.dumps(rest).encode(), dtype=np.uint8)
    try:
        write_npz(path, json=text, **arrays)
        prune(path.parent, stem)
    except OSError:
        pass  # a full or read-only disk costs the speed of the next run, nothing else
    return built


def prune(folder, stem, keep=EDITIONS):
    """Delete all but the newest files ``<stem>-<key>.npz`` of a cache folder.

    What cannot be deleted stays.
    """
    kept = []
    for file in folder.glob("*.npz"):
        if re.fullmatch(rf"{re.escape(stem)}-[^-.]+\.npz", file.name):
            with contextlib.suppress(OSError):  # another process may be as tidy
                kept.append((file.stat().st_mtime_ns, file))
    for _, file in sorted(kept)[: max(len(kept) - keep, 0)]:
        with contextlib.suppress(OSError):
            file.unlink()


def read_npz(path):
    """All arrays of an ``.npz`` file, as a dict. No code in it is ever run.

    Raises
    ------
    CorpusError
        If the file is missing, damaged, or holds Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise CorpusError("no such file", path, "check the path") from None
    # zip, zlib, numpy's header parser and Python's own tokenizer each raise their own kinds
    except Exception as error:
        found = f"a damaged array file ({type(error).__name__})"
        raise CorpusError(found, path, "delete it and make or fetch it again") from None


def write_npz(path, compress=False, **arrays):
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
        (np.savez_compressed if compress else np.savez)(file, **arrays)


def write_described(path, about, arrays, name="json"):
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
        If the file cannot be written.
    """
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    try:
        write_npz(path, compress=True, **{name: text}, **arrays)
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise CorpusError(found, path, "check that its folder may be written to") from None


def read_described(path, make, what, do, name="json"):
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
    arrays = read_npz(path)
    try:
        return make(json.loads(arrays.pop(name).tobytes()), arrays)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise CorpusError(f"not {what}", path, do) from None


@contextlib.contextmanager
def whole_file(path):
    """A draft to write into, which takes its name only when all is written.

    So nobody ever reads half of it, nor two writers' mixture.
    """
    number, draft = tempfile.mkstemp(".part", f".{path.name}-", path.parent)
    try:
        with open(number, "wb") as file:
            yield file
        # a temporary file is its owner's alone, a cache may be shared
        os.chmod(draft, 0o644)
        os.replace(draft, path)
    finally:
        Path(draft).unlink(missing_ok=True)
