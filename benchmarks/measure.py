"""What the benchmarks share: a row of the table, other processes to measure in, the times
of a chapter, and what machine this is.
"""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.console import Console
from rich.markup import escape
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
MADE = (
    ".git .venv _build build dist __pycache__ .pytest_cache .hypothesis .ipynb_checkpoints "
    ".mypy_cache .ruff_cache"
)
REACHED = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "–"}


class Row(NamedTuple):
    """One line of the table. `reached` is None where nothing was promised or nothing could
    be measured.
    """

    what: str
    promised: str
    measured: str
    reached: bool | None = None


def open_table(*about):
    """Print some lines and the head of a table, of which no line is known yet; the console,
    and a function that prints a row of it.
    """
    console = Console(highlight=False)
    if not console.is_terminal:  # a file or a log: no reason to break lines at 80
        console = Console(width=140, highlight=False)
    wide = console.width - 8 - 6  # what "reached" and the spaces between columns leave

    def show(what, promised, measured, reached, style=None):
        table = Table.grid(padding=(0, 2))
        for share in (0.42, 0.2, 0.38):
            table.add_column(width=int(wide * share))
        table.add_column(width=8)
        table.add_row(*map(escape, (what, promised, measured)), reached, style=style)
        console.print(table)

    for line in about:
        console.print(escape(line))
    show("what", "promised", "measured", "reached", "bold")
    return console, lambda row: show(*row[:3], REACHED[row.reached])


def under(what, seconds, limit):
    """A time that was promised to stay under a limit, both in seconds."""
    return Row(what, f"under {limit:g} s", f"{seconds:.3g} s", seconds < limit)


def slow(function):
    """Mark a benchmark of many minutes: it runs with --full, or when it is named."""
    function.slow = True
    return function


def clean_environment(**more):
    """This process's environment without the project's own settings, without make's, and
    with what is given.
    """
    ours = ("FUSIONTOOLS_", "PYTHONPATH", "MAKE", "MFLAGS", "VIRTUAL_ENV")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {
        k: str(v) for k, v in more.items()
    }


def run(*command, cwd=None, **environment):
    """Run a command and give what it printed.

    Raises
    ------
    RuntimeError
        If it fails; with the end of what it said.
    """
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise RuntimeError(
            f"{' '.join(map(str, command))[:60]} failed: {' / '.join(said[-3:])}"
        )
    return done.stdout


def python(code, **environment):
    """Run Python code in a fresh interpreter that finds the package in this repository."""
    return run(sys.executable, "-c", code, PYTHONPATH=ROOT, **environment)


@contextmanager
def setting(name, value):
    """An environment variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = str(value)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def made(folder, names, root=ROOT):
    """Of the names in a folder those that were built, downloaded or installed, and are no
    part of the project: a set, as `shutil.copytree` asks for it.
    """
    known = {*MADE.split(), *(("data", "runs") if Path(folder) == root else ())}
    found = {name for name in names if name in known or name.endswith(".egg-info")}
    return found | {name for name in names if Path(folder, name, "pyvenv.cfg").exists()}


def copy_of_the_repository(target):
    """The repository as somebody has it who just cloned it."""
    shutil.copytree(ROOT, target, ignore=made)
    return target


def needed(names):
    """Distributions and all that they need, as far as it is installed here, as a dict by
    canonical name.
    """
    found, todo = {}, list(names)
    while todo:
        name = canonicalize_name(todo.pop())
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        wanted = [Requirement(line) for line in found[name].requires or ()]
        todo += [
            r.name for r in wanted if r.marker is None or r.marker.evaluate({"extra": ""})
        ]
    return found


def lend(names, prefix, site):
    """Put distributions, and all that they need, into another environment of the same
    Python: hard links where the disk allows, else copies.
    """
    for dist in needed(names).values():
        assert dist.files is not None, (
            f"{dist.name} does not say which files it consists of"
        )
        for file in dist.files:
            source = Path(os.path.normpath(dist.locate_file(file)))
            if source.suffix in (".h", ".pyi") or not source.is_file():
                continue  # for compilers and editors, or a byte code file of another day
            if file.parts[0] != "..":
                target = site / file
            elif source.is_relative_to(Path(sys.prefix) / "share"):
                target = prefix / source.relative_to(sys.prefix)
            else:
                continue  # a script: it names the interpreter that it was made for
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                shutil.copy2(source, target)


def machine():
    """This machine in a few lines: a number without its machine says little."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    )
    busy = (
        f", load {os.getloadavg()[0]:.1f} before this began"
        if hasattr(os, "getloadavg")
        else ""
    )
    libraries = ", ".join(
        f"{name} {_version(name)}" for name in ("numpy", "torch", "music21", "jupyter-book")
    )
    return [
        f"{platform.system()} {platform.machine()}, {_processor()}, {cores} cores{busy}",
        f"Python {platform.python_version()}, {libraries}",
    ]


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.processor() or "processor unknown",
    )


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def chapter(pattern, trained):
    """Rows for a chapter of two pages: both from the weights that ship, and the first one
    with its training in it.

    Parameters
    ----------
    pattern : str
        Of the notebooks' names.
    trained : str
        What the first page trains.
    """
    with tempfile.TemporaryDirectory() as folder:
        pages = sorted((ROOT / "notebooks").glob(pattern))
        for page in pages:
            shutil.copy(page, folder)
        yield under(
            "the chapter from shipped weights, both pages",
            sum(_page_seconds(folder, page.name) for page in pages),
            75,
        )
        first = Path(folder) / pages[0].name
        text = first.read_text(encoding="utf-8")
        assert text.count("TRAIN = False") == 1
        first.write_text(text.replace("TRAIN = False", "TRAIN = True "), encoding="utf-8")
        yield under(
            f"its first page from scratch, {trained}",
            _page_seconds(folder, first.name),
            600,
        )


def _page_seconds(folder, name):
    command = [
        sys.executable,
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--ExecutePreprocessor.timeout=1200",
        "--output",
        "done.ipynb",
        name,
    ]
    start = time.perf_counter()
    run(*command, cwd=folder, PYTHONPATH=ROOT)
    return time.perf_counter() - start


@contextmanager
def one_thread():
    """Torch on one thread, as long as it lasts."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def seconds(function):
    """CPU seconds of a call, and what it returns."""
    # of one thread: what else this machine does is no part of it
    start = time.process_time()
    made = function()
    return time.process_time() - start, made
