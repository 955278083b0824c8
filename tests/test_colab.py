"""What a reader on Colab meets: the first cell installs what is missing, changes nothing
that was there, and every chapter runs.

Colab itself cannot be had here. Its like is a fresh virtual environment with the versions
that Colab has, from the registry, and the torch of the running environment, which is linked
over file by file: nothing as large is downloaded. The first cell finds the package where it
does on Colab, in a git repository: a copy of this one. With Python 3.13 all of it is as
there; with another, everything but the Python.
"""

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import warnings
from importlib.metadata import PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from packaging.utils import canonicalize_name

from benchmarks.measure import copy_of_the_repository, lend

pytestmark = pytest.mark.network

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
PYTHON = (3, 13)  # Colab's, at the end of 2026, as all that follows
COLAB = """numpy==2.1.3 scipy==1.16.3 pandas==2.2.3 matplotlib==3.10.0 librosa==0.11.0
    numba==0.61.2 music21==9.9.2 ipywidgets==7.7.1 ipython==7.34.0 notebook==6.5.7
    ipykernel==6.17.1""".split()
PIP = "pip>=24.1"  # an older one takes no extras from a repository that is a file
LENT = "torch"  # linked over, with all that it needs: Colab's own has another version
KEPT = ("torch", "numpy", "ipywidgets")

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
    source: Path  # a copy of the repository, with git
    work: Path  # an empty folder, to run things in
    kernels: Path  # where Jupyter finds its Python
    environment: dict


def with_git(source):
    """A folder as a git repository of one commit."""
    identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.org"]
    commit = [*identity, "commit", "--quiet", "--message", "All"]
    for command in (["init", "--quiet"], ["add", "--all"], commit):
        subprocess.run(["git", "-C", source, *command], check=True)
    return source


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    home = tmp_path_factory.mktemp("colab")
    try:
        distribution(LENT)
    except PackageNotFoundError:
        pytest.skip("needs torch in the running environment, to lend it")
    if not shutil.which("git"):
        pytest.skip("needs git, from which the first cell installs")
    if sys.version_info[:2] != PYTHON:
        running = "{}.{}".format(*sys.version_info)
        told = f"Colab's versions are tried with Python {running}, not its 3.13"
        warnings.warn(told, stacklevel=2)

    prefix, work = home / "venv", home / "work"
    work.mkdir()
    subprocess.run([sys.executable, "-m", "venv", prefix], check=True)
    python = prefix / ("Scripts" if os.name == "nt" else "bin") / "python"
    site = Path(
        sysconfig.get_path("purelib", vars={"base": str(prefix), "platbase": str(prefix)})
    )
    lend([LENT], prefix, site)

    ours = ("FUSIONTOOLS_", "PYTHON", "COV_", "COVERAGE_", "JUPYTER_", "VIRTUAL_ENV")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    source = with_git(copy_of_the_repository(home / "source"))
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
        "FUSIONTOOLS_SOURCE": f"git+{source.as_uri()}",  # for the address on GitHub
    }
    kernel = home / "kernels" / "colab" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    start = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": start, "display_name": "Colab"}))
    place = Place(python, site, source, work, home / "kernels", environment)
    reach = ["download", "--no-deps", "--retries=0", "--timeout=10", f"--dest={home}"]
    if call(place, "-m", "pip", *reach, COLAB[0]).returncode:
        pytest.skip("needs a package registry, and pip reaches none from here")
    wheels = ["install", "--quiet", "--only-binary=:all:", "--no-compile", PIP, *COLAB]
    there = call(place, "-m", "pip", *wheels)
    assert there.returncode == 0, there.stderr[-3000:]
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
    """What a notebook's first cell does until it has installed, without its comments."""
    notebook = json.loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    tree = ast.parse("".join(first["source"]))
    asks = [n for n, s in enumerate(tree.body) if "find_spec" in ast.unparse(s)]
    return ast.unparse(tree.body[: asks[0] + 1])


# Notebooks whose first cells install with the same code show it once; and all run.
ANEW = {installing(name): name for name in reversed(NOTEBOOKS)}.values()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_sets_itself_up_and_runs(colab, name):
    if name in ANEW and is_installed(colab):  # by the notebook before
        call(colab, "-m", "pip", "uninstall", "--quiet", "--yes", "fusiontools", check=True)
    before, marks = versions(colab), {kept: fingerprint(colab, kept) for kept in KEPT}
    assert set(COLAB) <= {f"{package}=={version}" for package, version in before.items()}
    assert name not in ANEW or "fusiontools" not in before

    notebook = nbformat.read(ROOT / "notebooks" / name, as_version=4)
    specs = KernelSpecManager(kernel_dirs=[str(colab.kernels)])
    kernel = AsyncKernelManager(kernel_name="colab", kernel_spec_manager=specs)
    NotebookClient(notebook, kernel, timeout=None).execute(
        cwd=str(colab.work), env=colab.environment
    )

    after = versions(colab)
    assert "fusiontools" in after
    assert {package: after.get(package) for package in before} == before, (
        "the first cell changed what was there"
    )
    assert {kept: fingerprint(colab, kept) for kept in KEPT} == marks, (
        "the same versions, but installed again"
    )


@pytest.fixture
def installed(colab):
    # with the extra, whichever page was the last to install
    if not is_installed(colab) or "lightning-fabric" not in versions(colab):
        home = colab.environment["FUSIONTOOLS_SOURCE"]
        wanted = f"fusiontools[train] @ {home}"
        call(colab, "-m", "pip", "install", "--quiet", wanted, check=True)
    return colab


# What every module imports, wherever in it, and cannot be found.
LACKS = """
import ast, importlib.util, pathlib, fusiontools
wanted = set()
for path in pathlib.Path(fusiontools.__file__).parent.rglob("*.py"):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            wanted.add(node.module.partition(".")[0])
print(len(wanted), *sorted(n for n in wanted if importlib.util.find_spec(n) is None))
"""
# Better sound, where there is one; another name of lightning_fabric; what Colab itself has.
OPTIONAL = {"tinysoundfont", "fluidsynth", "lightning", "google"}


def test_all_that_the_package_imports_is_there(installed):
    many, *lacks = call(installed, "-c", LACKS, check=True).stdout.split()
    assert int(many) > 30 and {*lacks} <= OPTIONAL


def test_the_installed_package_is_whole_and_stands_alone(installed):
    colab = installed
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
