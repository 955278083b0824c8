"""Zip files opened with care: what they promise is held against limits, what they break
on becomes one error.

Scores (``.mxl``), spreadsheets and whole corpora come as zips, and some from strangers:
locked, cut off, or with gigabytes in a few bytes. Used in chapters 1, 4, 5 and 7.
"""

import contextlib
import errno
import io
import os
import zipfile
from collections.abc import Iterator

from fusiontools.errors import (
    CorpusError,
    FusionError,
    MissingDataError,
    UnsafeArchiveError,
)

__all__ = ["Budget", "open_zip", "readable"]

MAX_BYTES = 50_000_000_000  # of all files, unpacked; the largest corpus here has 8 GB
MAX_RATIO = 200  # unpacked to packed; MIDI in xz reaches 30
MAX_MEMBERS = 500_000  # LMD full has 178,561
SMALL = 64_000_000  # up to here any ratio is harmless
LIMITS = (MAX_BYTES, MAX_RATIO, MAX_MEMBERS)
ENTRY = b"PK\1\2"  # what each line of a table of contents begins with
ORIGIN = "check where it came from"
# Others would be unpacked at once, and not up to what was asked for: a bomb of 100 kB is
# 2 GB by then.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@contextlib.contextmanager
def readable(where: object) -> Iterator[None]:
    """Turn what a damaged archive makes Python's readers raise into one error of ours.

    Raises
    ------
    CorpusError
        If the archive is damaged or may not be read; a `MissingDataError` if there is none.

    Examples
    --------
    >>> with readable("songs.zip"):
    ...     raise zipfile.BadZipFile("no table of contents")
    Traceback (most recent call last):
    fusiontools.errors.CorpusError: songs.zip: this archive cannot be read to its end (no \
table of contents). What to do: it is damaged or cut off: download it again.
    """
    try:
        yield
    except FusionError:
        raise
    except FileNotFoundError:
        raise MissingDataError("no such file", where, "check the path") from None
    except OSError as error:
        # a reader's own words for damage, and where a damaged offset leads
        if error.errno in (None, errno.EINVAL):
            raise _damaged(where, error) from None
        found = f"cannot be read ({error.strerror})"
        do = "check the file's permissions, and its disk"
        raise CorpusError(found, where, do) from None
    # tarfile, zipfile, zlib, lzma, gzip and struct raise a dozen kinds between them
    except Exception as error:
        raise _damaged(where, error) from None


def _damaged(where, error):
    why = (str(error).strip().splitlines() or [""])[0][:100] or type(error).__name__
    found = f"this archive cannot be read to its end ({why})"
    return CorpusError(found, where, "it is damaged or cut off: download it again")


class Budget:
    """Counts what an archive claims, and stops when it is absurd, before data is read.

    Parameters
    ----------
    where : object
        Names the archive in messages.
    packed : int
        Its size in bytes.
    most : int
        Most bytes that may come out.
    ratio : float
        Most bytes that may come out for each that went in; counted from 64 MB on.
    count : int
        Most files and folders.

    Examples
    --------
    >>> Budget("bomb.zip", 40, 1000, 200, 5).add(2000)
    Traceback (most recent call last):
    fusiontools.errors.UnsafeArchiveError: bomb.zip: it would unpack to more than 1,000 \
bytes, from 40. What to do: check where it came from; raise the limits only if you trust it.
    """

    def __init__(
        self,
        where: object,
        packed: int,
        most: int = MAX_BYTES,
        ratio: float = MAX_RATIO,
        count: int = MAX_MEMBERS,
    ) -> None:
        self.where, self.packed, self.count = where, packed, count
        self.most = min(most, max(SMALL, ratio * packed))
        self.total = self.seen = 0

    def add(self, size: int, files: int = 1) -> None:
        """Count one more file, or several; an `UnsafeArchiveError` if that is too much."""
        self.total, self.seen = self.total + size, self.seen + files
        if self.seen > self.count:
            found = f"it holds more than {self.count:,} files"
            raise UnsafeArchiveError(found, self.where, ORIGIN)
        if self.total > self.most:
            found = f"it would unpack to more than {self.most:,.0f} bytes"
            do = f"{ORIGIN}; raise the limits only if you trust it"
            raise UnsafeArchiveError(f"{found}, from {self.packed:,}", self.where, do)


class _Zip(zipfile.ZipFile):
    """A zip whose members are refused by name where they cannot be read safely."""

    where: object = None

    def open(self, name, *args, **options):
        info = name if isinstance(name, zipfile.ZipInfo) else self.getinfo(name)
        for reason, wrong in {
            "is locked with a password": info.flag_bits & 1,
            "is packed in a way that is not read here": info.compress_type not in METHODS,
        }.items():
            if wrong:
                found = f"{info.filename[:80]!r} in it {reason}"
                raise CorpusError(found, self.where, "unpack it yourself first")
        return super().open(name, *args, **options)


def open_zip(
    source: bytes | str | os.PathLike, where: object = None, limits: tuple = LIMITS
) -> zipfile.ZipFile:
    """A zip file whose table of contents was read and held against limits.

    What reading its members raises is for `readable` to turn into an error of ours.

    Parameters
    ----------
    source : bytes, str or path-like
        The file's content, or its path.
    where : object, optional
        Names it in messages; by default its path.
    limits : tuple
        Most bytes unpacked, most bytes out for each that went in, most members: what
        `Budget` takes.

    Raises
    ------
    UnsafeArchiveError
        If it claims more than the limits.
    CorpusError
        If it is no zip, or damaged; on reading, if a member is locked with a password or
        neither stored nor deflated.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> with zipfile.ZipFile(file, "w") as archive:
    ...     archive.writestr("a.txt", "la")
    >>> with open_zip(file.getvalue(), "tune.zip") as archive:
    ...     archive.namelist(), archive.read("a.txt")
    (['a.txt'], b'la')
    """
    if where is None:
        where = "a zip" if isinstance(source, bytes) else source
    with readable(where), contextlib.ExitStack() as stack:
        if isinstance(source, bytes):
            packed = len(source)
            # before a million entries become a million objects
            Budget(where, packed, *limits).add(0, source.count(ENTRY))
            archive = stack.enter_context(_Zip(io.BytesIO(source)))
        else:
            packed = os.stat(source).st_size
            archive = stack.enter_context(_Zip(source))
        archive.where = where
        budget = Budget(where, packed, *limits)
        for info in archive.infolist():
            budget.add(info.file_size)
        stack.pop_all()  # it stays open
    return archive
