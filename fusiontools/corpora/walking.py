"""All files below a folder, links to folders included: people keep their genres that way.

Nothing is read. Used in chapters 3, 4, 5, 6 and 7.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

__all__ = ["called", "files_below", "left_out_told", "shown", "tell_left_out"]

NAMED, LETTERS = 4, 90  # files that are named of a folder, and letters of each one's reason
_SAY: ContextVar[Callable[[str], object]] = ContextVar("say", default=lambda line: None)


def files_below(folder: str | os.PathLike) -> tuple[list[tuple[str, Path]], list[str]]:
    """The files of a folder and of all folders below it.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    files : list of (str, pathlib.Path)
        Names below the folder, as they can be shown, in their order, and where they lie. A
        folder to which several links lead, or one from below itself, is there once: under
        its own name if it has one here.
    closed : list of str
        Folders that may not be looked into.

    Examples
    --------
    >>> import tempfile
    >>> top = Path(tempfile.mkdtemp())
    >>> (top / "folk").mkdir()
    >>> (top / "folk" / "a.mid").touch()
    >>> (top / "folk" / "round").symlink_to(top)
    >>> [name for name, _ in files_below(top)[0]]
    ['folk/a.mid']
    """
    top = Path(folder)
    files, closed, seen, todo = [], [], set(), deque([top])
    while todo:
        here = todo.popleft()
        try:
            about = here.stat()
            inside = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            closed.append(shown(here.relative_to(top).as_posix()))
            continue
        if (about.st_dev, about.st_ino) in seen:
            continue
        seen.add((about.st_dev, about.st_ino))
        for entry in inside:
            if _is(entry.is_dir):  # links come last: what they lead to may be here itself
                (todo.append if entry.is_symlink() else todo.appendleft)(Path(entry.path))
            elif _is(entry.is_file):
                name = Path(entry.path).relative_to(top).as_posix()
                files.append((shown(name), Path(entry.path)))
    return sorted(files), closed


def _is(asked):
    try:
        return asked()
    except OSError:  # a link to itself
        return False


def called(folder: str | os.PathLike) -> str:
    """What a folder, or an archive, is called, as it can be shown.

    Examples
    --------
    >>> called("music/blues/"), called("blues.zip")
    ('blues', 'blues')
    """
    return shown(Path(os.path.abspath(folder)).stem)


def shown(name: str) -> str:
    r"""A name that every stream takes: bytes that are no UTF-8 are read as Latin-1.

    Examples
    --------
    >>> shown("f\udcfcr.mid")
    'für.mid'
    """
    data = name.encode("utf-8", "surrogateescape")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@contextmanager
def left_out_told(say: Callable[[str], object]) -> Iterator[None]:
    """Within it, `say` takes a line for each folder of which files are left out."""
    before = _SAY.set(say)
    try:
        yield
    finally:
        _SAY.reset(before)


def tell_left_out(
    name: str, folder: str | os.PathLike, read: int, skipped: Sequence[Sequence[str]]
) -> None:
    """Say which files of a folder were left out, and why, to whom `left_out_told` names.

    Examples
    --------
    >>> with left_out_told(print):
    ...     tell_left_out("mine", "my/blues", 2, [("mine/a.mid", "an empty file")])
    my/blues: 3 files, 2 read, 1 left out: a.mid (an empty file)
    """
    if skipped:
        told = skipped[:NAMED]
        named = [f"{id.removeprefix(name + '/')} ({_short(why)})" for id, why in told]
        if len(skipped) > NAMED:
            named.append(f"and {len(skipped) - NAMED} more")
        counts = f"{read + len(skipped)} files, {read} read, {len(skipped)} left out"
        _SAY.get()(f"{shown(str(folder))}: {counts}: {', '.join(named)}")


def _short(why):
    return why if len(why) <= LETTERS else f"{why[: LETTERS - 4]} ..."
