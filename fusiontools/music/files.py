"""Files read with a limit, and written whole or not at all.

What stands in them is for others to know.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from fusiontools.errors import MusicFileError

__all__ = ["read_limited", "write_whole"]


def read_limited(
    path: str | os.PathLike,
    largest: int,
    check: Callable[[bytes], None] = lambda head: None,
) -> bytes:
    """The bytes of a file, if it is one and not too large.

    Parameters
    ----------
    path : str or path-like
        Of a regular file: a pipe or a device might never end.
    largest : int
        In bytes. A larger file is refused before anything of it is read.
    check : callable
        Gets the first 14 bytes before the rest is read, and may raise.

    Returns
    -------
    bytes

    Raises
    ------
    MusicFileError
        If there is no such file, it is none, it is too large, or it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "word"
    >>> write_whole(path, b"la")
    >>> read_limited(path, 10)
    b'la'
    """
    path = Path(path)
    try:
        about = path.stat()
        if stat.S_ISDIR(about.st_mode):
            found = "this is a folder, not a file"
            raise MusicFileError(found, path, "name one file in it")
        if not stat.S_ISREG(about.st_mode):
            found = "this is a pipe or a device, not a file"
            raise MusicFileError(found, path, "save what it gives to a file first")
        if about.st_size > largest:
            found = f"{about.st_size:,} bytes, and {largest:,} are the most that is read"
            raise MusicFileError(found, path, "choose another file")
        with path.open("rb") as file:
            head = file.read(14)
            check(head)
            return head + file.read(largest)
    except FileNotFoundError:
        raise MusicFileError("no such file", path, "check the path") from None
    except OSError as error:
        found = f"cannot be read ({error.strerror})"
        raise MusicFileError(found, path, "check its permissions") from None


def write_whole(path: str | os.PathLike, data: bytes) -> None:
    """Write bytes to a file: it holds all of them in the end, or what it held before.

    Raises
    ------
    MusicFileError
        If the file cannot be written.
    """
    path = Path(path)
    # A name that nobody else has, so that no file of the user's is touched; unlike those of
    # `tempfile`, open to whom the user's files are.
    draft = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        with open(draft, "xb") as file:
            file.write(data)
        os.replace(draft, path)
    except OSError as error:
        found = f"cannot be written ({error.strerror})"
        do = "check that its folder exists and may be written to"
        raise MusicFileError(found, path, do) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink()
