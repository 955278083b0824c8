"""Downloads: fetched to a temporary name, checked against the published checksum, and only
then given their own.
"""

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from fusiontools.corpora.archives import listing, members
from fusiontools.corpora.places import home_of
from fusiontools.corpora.registry import info
from fusiontools.errors import CorpusError, DownloadError

__all__ = ["fetch", "fetch_file"]

TIMEOUT = 30  # seconds of silence before a server counts as gone
CHUNK = 1 << 20
STALE = 86_400  # seconds after which a draft has no owner any more


def fetch(name, progress=None):
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
        raise CorpusError(
            f"{card.title} comes with a dependency: there is nothing to download",
            name,
            f"use load({name!r})",
        )
    if not card.fetchable:
        about = f"; about it: {card.home}" if card.home else ""
        raise CorpusError(
            f"{card.title} cannot be downloaded",
            name,
            f"put your files into {home_of(name)}{about}",
        )
    return [
        fetch_file(source, home_of(name), progress) for source in card.sources if source.url
    ]


def fetch_file(source, folder, progress=None):
    """Download one file.

    Parameters
    ----------
    source : fusiontools.corpora.cards.Source
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
    do = f"check the network, or get {source.file} from {source.url} yourself and put it into {folder}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for stale in target.parent.glob(".fetch-*"):  # left by a run that was killed
            with contextlib.suppress(
                FileNotFoundError
            ):  # its owner may be done with it by now
                if start - stale.stat().st_mtime > STALE:
                    shutil.rmtree(stale, ignore_errors=True)
        free = shutil.disk_usage(target.parent).free
        if source.size > free:
            found = f"{source.size:,} bytes do not fit, {free:,} are free"
            raise DownloadError(
                found,
                target.parent,
                "make room, or set FUSIONTOOLS_DATA to a folder on another disk",
            )
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=target.parent) as draft:
            arrived = _download(source, Path(draft), progress, do)
            if not source.checksum:
                _check_without_checksum(arrived, source, do)
            os.replace(arrived, target)
    except OSError as error:  # a full disk, a folder that may not be written to
        raise DownloadError(
            f"cannot be saved ({error.strerror or error})", target, do
        ) from None
    return target


def _download(source, folder, progress, do):
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.ERROR)  # it announces what the bar shows
    bar = (
        _terminal_bar(source.file) if progress is None else contextlib.nullcontext(progress)
    )
    try:
        with bar as shown:
            downloader = pooch.HTTPDownloader(
                progressbar=shown or False, chunk_size=CHUNK, timeout=TIMEOUT
            )
            return Path(
                pooch.retrieve(
                    source.url,
                    source.checksum or None,
                    source.file,
                    folder,
                    downloader=downloader,
                )
            )
    except requests.exceptions.RequestException as error:
        raise DownloadError(
            f"{source.file} did not arrive from {source.url} ({_why(error)})", do=do
        ) from None
    except (
        ValueError
    ) as error:  # pooch's word for a wrong checksum, and for an address that it cannot read
        if "hash" not in str(error):
            raise DownloadError(
                f"{source.url!r} is no address to download from", do=do
            ) from None
        found = f"{source.file} arrived from {source.url} with another checksum than the published {source.checksum}"
        changed = "the publisher may have changed it, since the address has no edition and the checksum is of one day's"
        again = changed if source.moving else "the file has changed at its home"
        raise DownloadError(
            found, do=f"try again; if it stays so, {again}. Otherwise {do}"
        ) from None


def _why(error):
    response = getattr(error, "response", None)
    return (
        f"the server answers {response.status_code}"
        if response is not None
        else type(error).__name__
    )


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
    """Where nobody publishes a checksum, at least no log-in page is taken for an archive,
    nor half of one for the whole.
    """
    try:
        names = (
            [m.name for m in listing(file)]
            if file.suffix == ".zip"
            else [name for name, _ in members(file, lambda name: False)]
        )
        if file.suffix == ".zip" and not names:
            raise CorpusError("an empty archive")
    except CorpusError as error:
        raise DownloadError(
            f"what arrived from {source.url} is no whole archive ({error.found})", do=do
        ) from None


@contextlib.contextmanager
def _terminal_bar(title):
    """A bar of pooch's kind on the terminal; None where nobody would see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
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
