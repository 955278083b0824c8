"""Archives, looked into and unpacked with care.

Zip and tar (plain, gzip, bzip2, xz) are told apart by their first bytes, never by their
names. `members` streams files out of an archive and writes none; `listing` names files that
can be read one at a time. `fusiontools.corpora.unpacking` writes them all.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from fusiontools.corpora.walking import files_below, shown
from fusiontools.errors import CorpusError, UnsafeArchiveError
from fusiontools.music.zips import LIMITS, Budget, open_zip, readable

__all__ = ["Member", "is_compressed", "listing", "members", "plain_file"]

LARGEST = 64_000_000  # one file read into memory; a MIDI file has 50 kB
_OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """A file, wherever it lies: in a folder, or inside a zip or an uncompressed tar.

    `name` is relative, with forward slashes.
    """

    name: str
    place: Path  # the file itself, or the archive that holds it
    offset: int = -1  # of its first byte in a tar; -1 outside tars
    size: int = 0
    inside: str = ""  # its full name in a zip; "" outside zips

    def open(self) -> BinaryIO:
        """Open it for reading, as a seekable binary file."""
        with readable(self.place):
            if self.offset >= 0:
                file = open(self.place, "rb")
                return io.BufferedReader(_Slice(file, self.offset, self.size))
            if self.inside:
                if self.size > 16 * LARGEST:
                    found = f"{self.name!r} unpacks to {self.size:,} bytes"
                    do = "unpack it, if you trust it"
                    raise UnsafeArchiveError(found, self.place, do)
                now = self.place.stat()
                whole = _zip(self.place, now.st_size, now.st_mtime_ns, os.getpid())
                return io.BytesIO(whole.read(self.inside))
            return open(self.place, "rb")

    def read(self, most: int = -1) -> bytes:
        """Its first `most` bytes; all by default."""
        with self.open() as file, readable(self.place):
            return file.read(most)

    def __str__(self):
        packed = self.offset >= 0 or self.inside
        return f"{self.place}/{self.name}" if packed else str(self.place)


class _Slice(io.RawIOBase):
    """Part of an open file, as a file of its own. It closes that, too."""

    def __init__(self, file, start, size):
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def tell(self):
        return self._at

    def readinto(self, buffer):
        self._file.seek(self._start + self._at)
        data = self._file.read(max(min(len(buffer), self._size - self._at), 0))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self):
        self._file.close()
        super().close()


@lru_cache(maxsize=4)
def _zip(path, size, date, process):
    """An open zip, kept: its table of contents is slow. A process needs one of its own."""
    return open_zip(path)


@contextlib.contextmanager
def writable(path: str | Path) -> Iterator[None]:
    """What is wrong with our own disk is no fault of the archive."""
    try:
        yield
    except OSError as error:
        found = f"cannot be written ({error.strerror or error})"
        raise CorpusError(found, path, "make room, or check who may write there") from None


def is_compressed(path: Path) -> bool:
    """Whether a file is a gzip, bzip2 or xz stream, which nothing can jump about in."""
    return _opener(path) is not None


def is_zip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"PK"


def _opener(path):
    with readable(path), open(path, "rb") as file:
        start = file.read(6)
    fitting = (opener for magic, opener in _OPENERS.items() if start.startswith(magic))
    return next(fitting, None)


def members(
    path: str | os.PathLike,
    wanted: Callable[[str], object] | None = None,
    largest: int = LARGEST,
) -> Iterator[tuple[str, bytes | None]]:
    """Read the files of a folder or an archive one after the other, without unpacking it.

    Parameters
    ----------
    path : pathlib.Path
        A folder, or a zip or tar archive.
    wanted : callable, optional
        Takes a name and says whether to read that file. Called in stored order.
    largest : int
        Larger files come with None instead of their content; so do those in a folder that
        may not be read.

    Yields
    ------
    name : str
        Relative to the folder, or as the archive has it.
    data : bytes or None

    Raises
    ------
    CorpusError
        If the archive is damaged. What was read before it showed has been yielded by then.
    UnsafeArchiveError
        If it claims an absurd size.
    """
    path = Path(path)
    wanted = wanted or (lambda name: True)
    with readable(path):
        if path.is_dir():
            for name, file in files_below(path)[0]:
                if wanted(name):
                    yield name, _read_file(file, largest)
        elif is_zip(path):
            with open_zip(path) as archive:
                for info in archive.infolist():
                    if not info.is_dir() and wanted(info.filename):
                        small = info.file_size <= largest
                        yield shown(info.filename), archive.read(info) if small else None
        else:
            for archive, info in tar_entries(path, *LIMITS):
                if is_plain_file(info) and wanted(info.name):
                    file = archive.extractfile(info) if info.size <= largest else None
                    yield shown(info.name), file.read() if file else None


def _read_file(file, largest):
    try:
        return file.read_bytes() if file.stat().st_size <= largest else None
    except OSError:
        return None


def listing(path: str | os.PathLike) -> list[Member]:
    """The files of a folder, a zip or an uncompressed tar, a list of `Member`.

    They can be read in any order.

    Raises
    ------
    CorpusError
        If the archive is damaged, or compressed as a whole (unpack it first).
    """
    path = Path(path)
    with readable(path):
        if path.is_dir():
            there = files_below(path)[0]
            return [Member(name, file, size=file.stat().st_size) for name, file in there]
        if is_zip(path):
            with open_zip(path) as archive:
                return [
                    Member(shown(i.filename), path, size=i.file_size, inside=i.filename)
                    for i in archive.infolist()
                    if not i.is_dir()
                ]
        if is_compressed(path):
            found = "files in a compressed tar cannot be read in any order"
            raise CorpusError(found, path, "unpack it first")
        entries = tar_entries(path, *LIMITS)
        return [
            Member(shown(info.name), path, info.offset_data, info.size)
            for _, info in entries
            if is_plain_file(info)
        ]


@contextlib.contextmanager
def plain_file(path: str | os.PathLike, most: int = 4_000_000_000) -> Iterator[Path]:
    """A path to the file's decompressed content.

    It is the file itself, or a temporary copy where that is gzip, bzip2 or xz.

    Raises
    ------
    UnsafeArchiveError
        If more than `most` bytes come out.
    """
    opener = _opener(path)
    if opener is None:
        yield Path(path)
        return
    with writable("the folder of temporary files"):
        draft = tempfile.TemporaryDirectory(prefix="fusiontools-")
    with draft as folder:
        copy = Path(folder) / Path(path).stem
        with readable(path), opener(path, "rb") as source, open(copy, "wb") as target:
            while block := source.read(CHUNK):
                if target.tell() + len(block) > most:
                    found = f"more than {most:,} bytes come out of it"
                    raise UnsafeArchiveError(found, path, "check where it came from")
                with writable(copy):
                    target.write(block)
                    target.flush()
        yield copy


def is_plain_file(info: tarfile.TarInfo) -> bool:
    """Whether a member is a file of its own, and whole."""
    # a sparse file is a small tar's way to a huge disk
    return info.isreg() and info.sparse is None


def tar_entries(
    path: Path, *limits: Any
) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    """Walk a tar: yields ``(archive, info)``.

    Unlike `tarfile` alone it notices a damaged header in the middle.
    """
    budget = Budget(path, path.stat().st_size, *limits)
    with (
        (_opener(path) or open)(path, "rb") as stream,
        tarfile.open(fileobj=cast(Any, _Careful(stream, path)), mode="r:") as archive,
    ):
        while (info := archive.next()) is not None:
            # tarfile would keep every header until the end
            archive.members = []  # type: ignore[attr-defined]
            budget.add(info.size)
            yield archive, info
        stream.seek(archive.offset)
        # tarfile takes any nonsense for the end; the real one is a block of zeros
        if any(stream.read(tarfile.BLOCKSIZE)):
            raise tarfile.ReadError("a damaged header")
        # gzip and xz keep their checksum at the very end
        while rest := stream.read(CHUNK):
            budget.add(len(rest))


class _Careful:
    """A stream that hands out no absurd amount: a header may claim a name of 10 GB."""

    def __init__(self, stream, path):
        self._stream, self._path = stream, path

    def read(self, size=-1):
        if size < 0 or size > LARGEST:
            found = f"a header claims {size:,} bytes"
            do = "do not unpack it; get it from its home"
            raise UnsafeArchiveError(found, self._path, do)
        return self._stream.read(size)

    def seek(self, *where):
        return self._stream.seek(*where)

    def tell(self):
        return self._stream.tell()
