"""What a reader on Colab meets: the first cell installs what is missing, changes nothing
that was there, and every chapter runs.

Colab itself cannot be had here. Its like is a fresh virtual environment with ipywidgets 7,
a kernel, and the torch and numpy of the running environment, which are linked over file by
file: nothing large is downloaded. Only what the first cell installs comes from the
registry.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.measure import copy_of_the_repository

pytestmark = pytest.mark.network

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
WIDGETS = "ipywidgets>=7.7,<7.8"  # Colab's
# what is linked over, with all that they need; the last brings the kernel and nbconvert
THERE = ("torch", "numpy", "jupyterlab")
KEPT = ("torch", "numpy", "ipywidgets")
# One line of a first cell stands between what installs and what imports.
SCALE = "SCALE = "

RENDER = """
import pathlib, sys
from fusiontools import music, show
import fusiontools
assert pathlib.Path(fusiontools.__file__).is_relative_to(sys.prefix), fusiontools.__file__
triad = music.Notes.of([(0, 1, 60), (1, 1, 64), (2, 2, 67)])
page = show.player(triad, title="A triad")._repr_html_()
assert "data:audio/mpeg;base64," in page and "data:image/png;base64," in page
assert page.count("<script>") == 1
sys.stdout.buffer.write(page.encode())
"""


class Place(NamedTuple):
    """The stand-in for Colab."""

    python: Path
    site: Path
    source: Path  # a copy of the repository: pip builds inside the folder that it is given
    work: Path  # an empty folder, to run things in
    environment: dict


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


def link_over(dist, prefix, site):
    """Put a distribution's files into another environment: hard links where the disk
    allows, else copies.
    """
    assert dist.files is not None, f"{dist.name} does not say which files it consists of"
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


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    home = tmp_path_factory.mktemp("colab")
    try:
        distribution("torch")
    except PackageNotFoundError:
        pytest.skip("needs torch in the running environment, to lend it")
    fetch = [
        "download",
        "--quiet",
        "--no-deps",
        "--retries",
        "0",
        "--timeout",
        "10",
        "--dest",
        home / "wheels",
        WIDGETS,
    ]
    if subprocess.run(
        [sys.executable, "-m", "pip", *fetch], capture_output=True
    ).returncode:
        pytest.skip("needs a package registry, and pip reaches none from here")

    prefix, work = home / "venv", home / "work"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    python = prefix / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = Path(
        sysconfig.get_path("purelib", vars={"base": str(prefix), "platbase": str(prefix)})
    )
    for dist in needed(THERE).values():
        link_over(dist, prefix, site)

    ours = ("FUSIONTOOLS_", "PYTHON", "COV_", "COVERAGE_", "JUPYTER_", "VIRTUAL_ENV")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    source = copy_of_the_repository(home / "source")
    environment = inherited | {
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONNOUSERSITE": "1",
        "JUPYTER_DATA_DIR": str(home / "jupyter"),  # nobody's own kernels and settings
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
        "IPYTHONDIR": str(home / "ipython"),
        "FUSIONTOOLS_SCALE": "smoke",
        "FUSIONTOOLS_CACHE": str(home / "cache"),
        "FUSIONTOOLS_DATA": str(home / "data"),
        "FUSIONTOOLS_SOURCE": str(source),
    }
    place = Place(python, site, source, work, environment)
    widgets = call(
        place, "-m", "pip", "install", "--quiet", "--find-links", home / "wheels", WIDGETS
    )
    assert widgets.returncode == 0, widgets.stderr[-3000:]
    assert not is_installed(place)
    yield place
    shutil.rmtree(prefix)  # a gigabyte, which pytest would keep for three runs


def call(place, *arguments, **options):
    return subprocess.run(
        [place.python, *arguments],
        cwd=place.work,
        env=place.environment,
        capture_output=True,
        text=True,
        **options,
    )


def is_installed(place):
    return any(d.name == "fusiontools" for d in distributions(path=[str(place.site)]))


def versions(place):
    return {
        canonicalize_name(d.name): d.version for d in distributions(path=[str(place.site)])
    }


def fingerprint(place, name):
    """A hash over a distribution's files: their names, which file on the disk each one is,
    its size and its date.
    """
    (dist,) = (
        d
        for d in distributions(path=[str(place.site)])
        if canonicalize_name(d.name) == name
    )
    digest = hashlib.sha256(
        (dist.read_text("METADATA") + dist.read_text("RECORD")).encode()
    )
    for file in sorted(str(f) for f in dist.files if f.suffix != ".pyc"):
        path = place.site / file
        if path.exists():
            s = path.stat()
            digest.update(f"{file} {s.st_ino} {s.st_size} {s.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def installing(name):
    """What a notebook's first cell does before it imports anything."""
    notebook = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    before, _, _ = "".join(first["source"]).partition(SCALE)
    return before


# Notebooks whose first cells install with the same code show it once; and all run.
ANEW = {installing(name): name for name in reversed(NOTEBOOKS)}.values()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_sets_itself_up_and_runs(colab, name):
    if name in ANEW and is_installed(colab):  # by the notebook before
        call(colab, "-m", "pip", "uninstall", "--quiet", "--yes", "fusiontools", check=True)
    before, marks = versions(colab), {kept: fingerprint(colab, kept) for kept in KEPT}
    assert before["ipywidgets"].startswith("7.7.")
    assert name not in ANEW or "fusiontools" not in before

    shutil.copy(ROOT / "notebooks" / name, colab.work / name)
    execute = [
        "-m",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--ExecutePreprocessor.timeout=-1",
        "--output",
        f"done_{name}",
        name,
    ]
    done = call(colab, *execute)
    assert done.returncode == 0, re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)[-4000:]

    after = versions(colab)
    assert "fusiontools" in after
    assert {package: after.get(package) for package in before} == before, (
        "the first cell changed what was there"
    )
    assert {kept: fingerprint(colab, kept) for kept in KEPT} == marks, (
        "the same versions, but installed again"
    )


def test_the_installed_package_is_whole_and_stands_alone(colab):
    if not is_installed(colab):  # when this test runs alone
        call(colab, "-m", "pip", "install", "--quiet", colab.source, check=True)
    here, there = colab.source / "fusiontools", colab.site / "fusiontools"
    files = {
        p.relative_to(here) for p in here.rglob("*") if p.is_file() and p.suffix != ".pyc"
    }
    assert {str(f) for f in files if not (there / f).is_file()} == set(), (
        "pyproject.toml does not name these as package data"
    )
    page = call(colab, "-c", RENDER)
    assert page.returncode == 0, page.stderr[-3000:]
    for asset in ("player.js", "player.css"):  # comments do not travel
        lines = [
            line.strip()
            for line in (here / "show" / asset).read_text(encoding="utf-8").splitlines()
        ]
        assert all(line in page.stdout for line in lines if "//" not in line), asset
