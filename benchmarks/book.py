"""How long the book takes: one chapter as a reader runs it, and all of it from nothing; and
whether its words hold on another CPU. Your own build stays as it is.
"""

import os
import re
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from benchmarks.measure import ROOT, Row, copy_of_the_repository, run, slow, under

PAGE = 5_000_000  # bytes
# What a training of many steps makes of a last bit is what another CPU makes of it.
NUDGE = """
import torch


def nudged(self, *given, make=torch.optim.Optimizer.__init__):
    make(self, *given)
    for weight in (w for group in self.param_groups for w in group["params"]):
        wave = torch.sin(torch.arange(weight.numel()) * {seed}.0 + {seed})
        with torch.no_grad():
            weight.mul_(1 + 1e-6 * wave.view(weight.shape))


torch.optim.Optimizer.__init__ = nudged
"""


def chapter_1():
    """The first chapter at smoke scale, with nothing in the cache."""
    (notebook,) = (ROOT / "notebooks").glob("01_*.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(notebook, folder)
        command = [
            sys.executable,
            "-m",
            "nbconvert",
            "--to",
            "notebook",
            "--execute",
            "--output",
            "done.ipynb",
            notebook.name,
        ]
        start = time.perf_counter()
        run(
            *command,
            cwd=folder,
            PYTHONPATH=ROOT,
            FUSIONTOOLS_SCALE="smoke",
            FUSIONTOOLS_CACHE=Path(folder) / "cache",
        )
        yield under(
            "chapter 1 at smoke scale, nothing cached", time.perf_counter() - start, 60
        )
    page = (
        ROOT / "book" / "_build" / "html" / "notebooks" / notebook.with_suffix(".html").name
    )
    if page.is_file():
        yield _page_size("its page in the built book", page)
    else:
        yield Row(
            "its page in the built book",
            f"under {PAGE / 1e6:g} MB",
            "skipped: the book is not built; run `make book`",
        )


@slow
def build():
    """book/build.py with everything installed: from nothing, with nothing changed, and
    after a comment in a file that no page depends on.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_repository(Path(folder) / "copy")
        cache = {"PYTHONPATH": copy, "FUSIONTOOLS_CACHE": Path(folder) / "cache"}

        def took():
            return _seconds(sys.executable, copy / "book" / "build.py", cwd=copy, **cache)

        yield under("book/build.py, nothing built or cached", took(), 300)
        yield under("book/build.py again, unchanged", took(), 20)
        with open(copy / "fusiontools" / "cli.py", "a", encoding="utf-8") as file:
            file.write("# a comment\n")
        yield under("book/build.py after a comment in cli.py", took(), 20)
        pages = sorted(
            (copy / "book" / "_build" / "html" / "notebooks").glob("*.html"),
            key=lambda p: p.stat().st_size,
        )
        yield _page_size(f"the largest chapter's page ({pages[-1].name})", pages[-1])


@slow
def make_book_from_nothing():
    """`make book` twice in a fresh copy of the repository: the first time sets up the
    virtual environment too.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_repository(Path(folder) / "copy")
        command = ["make", "book", f"PYTHON={sys.executable}", "VENV=.venv"]
        first, again = (
            _seconds(*command, cwd=copy, FUSIONTOOLS_CACHE=Path(folder) / "cache")
            for _ in range(2)
        )
        yield under("make book, nothing installed", first, 300)
        yield under("make book again, unchanged", again, 20)


@slow
def roundings(seeds=(1, 2)):
    """All chapters at laptop scale, each optimizer's weights off by a millionth: what the
    text claims of a training must not hang on how a CPU rounds.
    """
    names = sorted((ROOT / "notebooks").glob("*.ipynb"))
    with ProcessPoolExecutor(max_workers=2) as pool:
        for seed in seeds:
            for path, failed in zip(names, pool.map(partial(_nudged, seed), names)):
                what = f"{path.stem}, weights nudged, seed {seed}"
                yield Row(what, "every assert holds", failed or "all hold", not failed)


def _nudged(seed, path):
    """The line that fails if a notebook's weights are nudged; "" if none does."""
    os.environ |= {"FUSIONTOOLS_SCALE": "laptop", "OMP_NUM_THREADS": "1"}
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(NUDGE.format(seed=seed)))
    try:
        NotebookClient(notebook, timeout=None).execute(cwd=str(path.parent))
    except CellExecutionError as error:
        plain = re.sub(r"\x1b\[[0-9;]*m", "", error.traceback)
        lines = re.findall(r"^-+> (.*)", plain, re.M)
        return lines[-1] if lines else error.ename
    return ""


def _seconds(*command, **options):
    start = time.perf_counter()
    run(*command, **options)
    return time.perf_counter() - start


def _page_size(what, page):
    size = page.stat().st_size
    return Row(what, f"under {PAGE / 1e6:g} MB", f"{size / 1e6:.2f} MB", size < PAGE)
