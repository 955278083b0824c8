"""Downloads: fetched to a temporary name, checked against the published checksum.

Only then they get their own name.
"""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fusiontools.corpora.archives import listing, members
from fusiontools.corpora.cards import Source
from fusiontools.corpora.places import home_of
from fusiontools.corpora.registry import info
from fusiontools.errors import CorpusError, DownloadError

__all__ = ["fetch", "fetch_file"]

TIMEOUT = 30  # seconds of silence before a server counts as gone
CHUNK = 1 << 20
STALE = 86_400  # seconds after which a draft has no owner any more


def fetch(name: str, progress: Any = None) -> list[Path]:
    """Download a corpus into `home_of` it. What is there and right is not downloaded again.

    Parameters
    ----------
    name : str
        One of `CORPORA`.
    progress : object, optional
        A progress bar of pooch's kind: an attribute ``total`` and methods ``update(n)``,
        ``reset()``, ``close()``. By default one on the terminal, if there is a terminal.
        False shows none.

    Returns
    -------
    list of pathlib.Path
        Its files.

    Raises
    ------
    CorpusError
        If there is nothing to download.
    DownloadError
        If a file does not arrive, or arrives with another checksum. What was there before
        is untouched.
    """
    card = info(name)
    if not card.sources:
        found = f"{card.title} comes with a dependency: there is nothing to download"
        raise CorpusError(found, name, "nothing: it comes along")
    if not card.fetchable:
        about = f"; about it: {card.home}" if card.home else ""
        found = f"{card.title} cannot be downloaded"
        raise CorpusError(found, name, f"put your files into {home_of(name)}{about}")
    return [
        fetch_file(source, home_of(name), progress) for source in card.sources if source.url
    ]


def fetch_file(source: Source, folder: str | os.PathLike, progress: Any = None) -> Path:
    """Download one file.

    Parameters
    ----------
    source : Source
        What it is called, where it is, how long and what its checksum is. Without a
        checksum an archive must at least open.
    folder : pathlib.Path
        Where to; made if missing.
    progress
        See `fetch`.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DownloadError
        See `fetch`.
    """
    target, start = Path(folder) / source.file, time.time()
    if target.is_file() and _is_right(target, source):
        return target
    do = (
        f"check the network, or get {source.file} from {source.url} yourself "
        f"and put it into {folder}"
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for stale in target.parent.glob(".fetch-*"):  # left by a run that was killed
            # its owner may be done with it by now
            with contextlib.suppress(FileNotFoundError):
                if start - stale.stat().st_mtime > STALE:
                    shutil.rmtree(stale, ignore_errors=True)
        free = shutil.disk_usage(target.parent).free
        if source.size > free:
            found = f"{source.size:,} bytes do not fit, {free:,} are free"
            do = "make room, or set FUSIONTOOLS_DATA to a folder on another disk"
            raise DownloadError(found, target.parent, do)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as draft:
            arrived = _download(source, Path(draft), progress, do)
            if not source.checksum:
                _check_without_checksum(arrived, source, do)
            os.replace(arrived, target)
    except OSError as error:  # a full disk, a folder that may not be written to
        found = f"cannot be saved ({error.strerror or error})"
        do = "set FUSIONTOOLS_DATA to a folder that has room and may be written to"
        raise DownloadError(found, target, do) from None
    return target


def _download(source, folder, progress, do):
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # it announces what the bar shows
    bar = contextlib.nullcontext(progress)
    if progress is None:
        bar = _terminal_bar(source.file)
    checksum = source.checksum or None
    try:
        with bar as shown:
            way = {"progressbar": shown or False, "chunk_size": CHUNK, "timeout": TIMEOUT}
            by = pooch.HTTPDownloader(**way)
            file = pooch.retrieve(source.url, checksum, source.file, folder, downloader=by)
            return Path(file)
    except requests.exceptions.RequestException as error:
        found = f"{source.file} did not arrive from {source.url} ({_why(error)})"
        raise DownloadError(found, do=do) from None
    # pooch's word for a wrong checksum, and for an address that it cannot read
    except ValueError as error:
        if "hash" not in str(error):
            found = f"{source.url!r} is no address to download from"
            raise DownloadError(found, do=do) from None
        found = (
            f"{source.file} arrived from {source.url} with another checksum than the "
            f"published {source.checksum}"
        )
        again = "the file has changed at its home"
        if source.moving:
            again = (
                "the publisher may have changed it, since the address has no edition "
                "and the checksum is of one day's"
            )
        do = f"try again; if it stays so, {again}. Otherwise {do}"
        raise DownloadError(found, do=do) from None


def _why(error):
    response = getattr(error, "response", None)
    if response is None:
        return type(error).__name__
    return f"the server answers {response.status_code}"


def _is_right(file, source):
    if source.checksum:
        import pooch

        kind, _, value = source.checksum.partition(":")
        return pooch.file_hash(str(file), alg=kind) == value
    try:
        _check_without_checksum(file, source, "")
        return True
    except DownloadError:
        return False


def _check_without_checksum(file, source, do):
    """No log-in page is taken for an archive, nor half of one for the whole."""
    try:
        if file.suffix != ".zip":
            list(members(file, lambda name: False))  # walks through it to its end
        elif not listing(file):
            raise CorpusError("an empty archive")
    except CorpusError as error:
        found = f"what arrived from {source.url} is no whole archive ({error.found})"
        raise DownloadError(found, do=do) from None


@contextlib.contextmanager
def _terminal_bar(title):
    """A bar of pooch's kind on the terminal; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True)) as progress:
        yield _Bar(progress, progress.add_task(title, total=None))


class _Bar:
    """Rich's progress, spoken to as pooch speaks to tqdm."""

    def __init__(self, progress, task):
        self._progress, self._task = progress, task
        self._total = 0

    @property
    def total(self):
        return self._total

    @total.setter
    def total(self, bytes):
        self._total = bytes
        self._progress.update(self._task, total=bytes or None)

    def update(self, bytes):
        self._progress.update(self._task, advance=bytes)

    def reset(self):
        self._progress.reset(self._task)

    def close(self):
        self._progress.update(self._task, completed=self._total)
