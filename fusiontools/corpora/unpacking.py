"""Archives written out into folders: all of it or nothing, after every name was checked."""

import os
import shutil
import stat
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath

from fusiontools.corpora.archives import CHUNK, is_plain_file, is_zip, tar_entries, writable
from fusiontools.errors import CorpusError, UnsafeArchiveError
from fusiontools.music.zips import MAX_BYTES, MAX_MEMBERS, MAX_RATIO, open_zip, readable

__all__ = ["unpack"]


def unpack(
    archive: str | os.PathLike,
    folder: str | os.PathLike,
    max_bytes: int = MAX_BYTES,
    max_ratio: float = MAX_RATIO,
    max_members: int = MAX_MEMBERS,
) -> Path:
    """Unpack an archive into a new folder: all of it, or nothing.

    Every name is checked before the first byte is written. Files land in a temporary folder
    beside the target, which is renamed at the end.

    Parameters
    ----------
    archive : str or path-like
        A zip, or a tar that is plain or compressed with gzip, bzip2 or xz.
    folder : str or path-like
        Where to. It must not exist, or be empty.
    max_bytes : int
        Most bytes that may come out.
    max_ratio : float
        Most bytes that may come out for each that went in; counted from 64 MB on.
    max_members : int
        Most files and folders.

    Returns
    -------
    pathlib.Path
        `folder`.

    Raises
    ------
    UnsafeArchiveError
        If a member would leave the folder (absolute path, "..", drive letter), is a link or
        a device, or there is absurdly much.
    CorpusError
        If the archive is damaged, the folder holds something, or the disk is full or may
        not be written to.
    """
    archive, folder = Path(archive), Path(folder)
    limits = (max_bytes, max_ratio, max_members)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        found = "there is something already"
        raise CorpusError(found, folder, "name a new folder, or empty this one")
    with readable(archive):
        zipped = is_zip(archive)
        names = _zip_names if zipped else _tar_names
        for name, refusal in names(archive, limits):
            if refusal := refusal or _climbs(name):
                found = f"{name[:80]!r} {refusal}"
                do = "do not unpack it; get it from its home"
                raise UnsafeArchiveError(found, archive, do)
    with writable(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        with readable(archive):
            (_write_zip if zipped else _write_tar)(archive, draft, limits)
        with writable(folder):
            draft.chmod(0o755)
            _rename(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _rename(draft, folder):
    try:
        if folder.exists():
            folder.rmdir()
        os.replace(draft, folder)
    except OSError:
        if not (folder.is_dir() and any(folder.iterdir())):
            raise  # otherwise another process was faster, and what it unpacked is as good


def _climbs(name):
    # an archive may have been made on either
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    named = name and "\0" not in name
    absolute = windows.drive or windows.root
    inside = named and not absolute and ".." not in (*posix.parts, *windows.parts)
    return "" if inside else "would be written outside the folder"


def _zip_names(path, limits):
    with open_zip(path, limits=limits) as archive:
        for info in archive.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            plain = kind in (0, stat.S_IFREG, stat.S_IFDIR)
            yield info.filename, "" if plain else "is a link or a device"


def _tar_names(path, limits):
    for _, info in tar_entries(path, *limits):
        plain = info.isdir() or is_plain_file(info)
        yield info.name, "" if plain else "is a link or a device"


def _write_zip(path, draft, limits):
    with open_zip(path, limits=limits) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as source:
                    _write(source, draft / info.filename)


def _write_tar(path, draft, limits):
    for archive, info in tar_entries(path, *limits):
        if is_plain_file(info):
            _write(archive.extractfile(info), draft / info.name)


def _write(source, path):
    with writable(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = open(path, "wb")
    with target:
        while block := source.read(CHUNK):
            with writable(path):
                target.write(block)
                target.flush()  # a full disk shows here, and not when the file is closed
