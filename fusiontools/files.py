"""Files read with a limit, and written whole or not at all.

What stands in them is for others to know. A file may come from a stranger: a pipe is not
waited for, a large file is refused before anything of it is read, and nothing is written
through a link. Used in every chapter.
"""

import errno
import os
import re
import secrets
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from fusiontools.errors import FusionError, MusicFileError

__all__ = ["draft_name", "drop_drafts", "no_link", "open_regular", "read_limited"]
__all__ += ["is_passing", "patiently", "whole_file", "write_whole"]

# what a killed process left of a file that it wrote: ours, see `draft_name`, and those of
# older versions
_DRAFT = re.compile(
    r"\.[0-9a-f]{16}\.part|\.[\w.-]+-\w{8}\.part"
    r"|(config\.json|history\.csv|record\.json|checkpoint-\w+(\.previous)?\.bin)\.part"
)
# the same of a folder of samples, `sample` of the command, and what lies in it
_DRAFT_FOLDER = re.compile(r"\.sample-\w{8}")
_SAMPLE = re.compile(r"\w+_\d+\.(mid|wav|flac|mp3|ogg)")
# what a network drive says that is away, or busy
_PASSING = {"EIO", "ENOTCONN", "ESTALE", "EAGAIN", "EBUSY", "ETIMEDOUT", "EINTR"}
_PASSING |= {"ECONNRESET", "ECONNABORTED", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN"}
_PASSING |= {"ENETUNREACH", "EREMOTEIO"}
_PATIENCE = 60  # seconds that a drive has to come back
_WAIT = getattr(os, "O_NONBLOCK", 0)  # a pipe has its writer at once, or never
_LINK = getattr(os, "O_NOFOLLOW", 0)
_BINARY = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def draft_name() -> str:
    """A new name for a file that is written, until it is whole; `drop_drafts` knows it."""
    return f".{secrets.token_hex(8)}.part"


def no_link(path: str | os.PathLike, flags: int) -> int:
    """An opener for `open`: a link in this place is an OSError, and a pipe no wait."""
    return os.open(path, flags | _WAIT | _LINK | _BINARY, 0o666)


def open_regular(
    path: str | os.PathLike,
    largest: int | None = None,
    error: type[FusionError] = MusicFileError,
) -> BinaryIO:
    """A file open for reading, if it is one and not too large.

    Parameters
    ----------
    path : str or path-like
        Of a regular file: a pipe or a device might never end.
    largest : int, optional
        In bytes.
    error : type of FusionError
        What is raised.

    Raises
    ------
    FusionError
        If there is no such file, it is none, it is too large, or it cannot be opened. It is
        of the kind `error`.
    """
    path = Path(path)
    try:
        number = os.open(path, os.O_RDONLY | _WAIT | _BINARY)
    except FileNotFoundError:
        raise error("no such file", path, "check the path") from None
    except ValueError:  # Python's word for a zero byte in it
        raise error("no name of a file", repr(str(path)), "check the path") from None
    except OSError as refused:
        if os.path.isdir(path):  # Windows opens no folder
            found, do = "this is a folder, not a file", "name one file in it"
        else:
            found, do = f"cannot be read ({refused.strerror})", "check its permissions"
        raise error(found, path, do) from None
    file = os.fdopen(number, "rb") if stat.S_ISREG(os.fstat(number).st_mode) else None
    about = os.fstat(number)
    if file is None:
        os.close(number)
        found, do = "this is a pipe or a device, not a file", "save what it gives to a file"
        if stat.S_ISDIR(about.st_mode):
            found, do = "this is a folder, not a file", "name one file in it"
        raise error(found, path, do)
    if largest is not None and about.st_size > largest:
        file.close()
        found = f"{about.st_size:,} bytes, and {largest:,} are the most that is read"
        raise error(found, path, "choose another file")
    return file


def read_limited(
    path: str | os.PathLike,
    largest: int,
    check: Callable[[bytes], object] = lambda head: None,
    error: type[FusionError] = MusicFileError,
) -> bytes:
    """The bytes of a file, if it is one and not too large.

    Parameters
    ----------
    path : str or path-like
        See `open_regular`.
    largest : int
        In bytes. A larger file is refused before anything of it is read.
    check : callable
        Gets the first 14 bytes before the rest is read, and may raise.
    error : type of FusionError
        What is raised.

    Returns
    -------
    bytes

    Raises
    ------
    FusionError
        As `open_regular` does, or if it cannot be read. It is of the kind `error`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "word"
    >>> write_whole(path, b"la")
    >>> read_limited(path, 10)
    b'la'
    """
    try:
        with open_regular(path, largest, error) as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(14)
            check(head)
            # as many as there were: room is made for all that is asked for
            return head + file.read(max(size - len(head), 0))
    except OSError as refused:
        if isinstance(refused, FusionError):
            raise
        found = f"cannot be read ({refused.strerror})"
        raise error(found, path, "check its permissions and the disk") from None


@contextmanager
def whole_file(
    path: str | os.PathLike, previous: str | os.PathLike | None = None, sync: bool = False
) -> Iterator[BinaryIO]:
    """A draft to write into, which takes its name only when all is written.

    So nobody ever reads half of it, nor two writers' mixture. The draft is new, under a
    name that nobody can foresee, and a link of the file's name is replaced, not followed.

    Parameters
    ----------
    path : path-like
        Its folder must exist.
    previous : path-like, optional
        Where in that folder the file that was there goes to, once the new one is written.
    sync : bool
        Whether all is to be on the disk when this returns: a power cut then leaves the new
        file or the old one.

    Raises
    ------
    OSError
        If the disk does not take it. The old file is then as it was.
    """
    path = Path(path)
    # All in one open folder: what somebody else puts in its place changes nothing.
    folder = None
    if os.open in os.supports_dir_fd:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | _BINARY)
    both = {"src_dir_fd": folder, "dst_dir_fd": folder}

    def at(name):
        return path.parent / name if folder is None else name

    draft = at(draft_name())
    try:
        new = os.O_RDWR | os.O_CREAT | os.O_EXCL | _LINK | _BINARY
        number = os.open(draft, new, 0o666, dir_fd=folder)
        try:
            with os.fdopen(number, "w+b") as file:
                yield file
                file.flush()
                if sync:  # a name must never point at bytes that are not on the disk yet
                    os.fsync(file.fileno())
            if previous is not None and os.path.lexists(path):
                os.replace(at(path.name), at(Path(previous).name), **both)
            os.replace(draft, at(path.name), **both)
        finally:
            with suppress(OSError):
                os.unlink(draft, dir_fd=folder)
        if sync and folder is not None:  # the renaming itself, too
            with suppress(OSError):  # some network drives know no such thing
                os.fsync(folder)
    finally:
        if folder is not None:
            os.close(folder)


def is_passing(error: OSError) -> bool:
    """Whether a disk refused for a reason that may pass, as a network drive that is away
    for some seconds does.
    """
    return errno.errorcode.get(error.errno or 0) in _PASSING


def patiently(write: Callable[[], object]) -> None:
    """Call until the disk takes it: a drive that is away has a minute to come back.

    Parameters
    ----------
    write : callable
        It starts afresh at each call.

    Raises
    ------
    OSError
        If it is none that may pass, or did not for a minute.
    """
    began, pause = time.monotonic(), 0.1
    while True:
        try:
            write()
            return
        except OSError as error:
            if not is_passing(error) or time.monotonic() - began + pause > _PATIENCE:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def write_whole(
    path: str | os.PathLike,
    data: bytes | Iterable[bytes],
    previous: str | os.PathLike | None = None,
    error: type[FusionError] | None = None,
) -> None:
    """Write bytes to a file so that it holds all of the new bytes, or all of the old ones.

    That is so whatever happens, a power cut included. A drive that is away for some seconds
    is waited for (`patiently`).

    Parameters
    ----------
    path, previous : path-like
        As `whole_file` takes them.
    data : bytes or iterable of bytes
    error : type of FusionError, optional
        What is raised in place of an OSError.

    Raises
    ------
    OSError
        If the disk does not take it. The old file is then as it was.
    """
    chunks = [data] if isinstance(data, bytes) else list(data)

    def write():
        with whole_file(path, previous, sync=True) as file:
            file.writelines(chunks)

    try:
        patiently(write)
    except OSError as refused:
        if error is None:
            raise
        found = f"cannot be written ({refused.strerror})"
        do = "check that its folder exists and may be written to"
        raise error(found, path, do) from None


def drop_drafts(folder: str | os.PathLike, before: float | None = None) -> None:
    """Delete what killed processes left of files, and folders of samples, that they were
    writing. A folder with anything else in it stays.

    Parameters
    ----------
    folder : path-like
        Where nobody else writes right now, unless `before` is given.
    before : float, optional
        Only those that were last written to before this time, in seconds as `time.time`
        counts them.
    """
    with suppress(OSError):  # whoever may not tidy up leaves it to others
        for draft in Path(folder).glob("*.part"):
            if not _DRAFT.fullmatch(draft.name) or draft.is_dir():
                continue
            if before is None or draft.lstat().st_mtime < before:
                draft.unlink(missing_ok=True)
        for draft in Path(folder).glob(".sample-*"):
            mine = _DRAFT_FOLDER.fullmatch(draft.name) and not draft.is_symlink()
            if mine and (before is None or draft.lstat().st_mtime < before):
                _drop_samples(draft)


def _drop_samples(folder):
    """Delete a folder of samples; a file, a link, and what is not of a sample stay."""
    with suppress(OSError):
        drop_drafts(folder)
        for file in folder.iterdir():
            if _SAMPLE.fullmatch(file.name) and not file.is_dir():
                file.unlink()
        folder.rmdir()
