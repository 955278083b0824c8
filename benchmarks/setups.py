"""Is the package well on other machines? `python -m benchmarks.setups [NAME...]`

Each set-up is a fresh virtual environment in a folder of its own, and what a newcomer does
there. torch is lent by the environment that runs this, to the same Python; for others the
variable TORCH says what to install, such as "torch==2.13.0", and without it they are tried
without torch.
"""

import argparse
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import (
    ROOT,
    Row,
    clean_environment,
    copy_of_the_repository,
    lend,
    machine,
    open_table,
)

PYTHONS = ("3.11", "3.12", "3.13")
# Root may write everywhere, unless it gives that up.
AS_OTHERS = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
MELODIES = """
import sys
from fusiontools import music
for name, low in (("left.mid", 60), ("right.mid", 67)):
    notes = [(i, 1, low + (2 * i) % 7) for i in range(32)]
    music.write_midi(music.Notes.of(notes), f"{sys.argv[1]}/{name}")
"""
SOUND = """
import sys
from fusiontools import music, show
page = show.player(music.read_midi(f"{sys.argv[1]}/left.mid"))._repr_html_()
assert "data:audio/mpeg;base64," in page
import librosa
librosa.feature.chroma_stft(y=__import__("numpy").zeros(4096, "float32") + 0.1)
"""


class Place(NamedTuple):
    """One environment, and a folder to work in."""

    python: Path
    work: Path
    torch: bool
    environment: dict
    before: tuple = ()  # what stands before each command


class Failed(Exception):
    """A set-up does not do what was promised; the message says what it did."""


def run(place, *command, status=0):
    """Run a command there, and give what it said.

    Raises
    ------
    Failed
        If it ends otherwise, or in a traceback.
    """
    done = subprocess.run(
        [*place.before, place.python, *map(str, command)],
        cwd=place.work,
        env=place.environment,
        capture_output=True,
        text=True,
    )
    said = (done.stdout + done.stderr).strip()
    if done.returncode != status or "Traceback" in said:
        words = " ".join(map(str, command))[:60]
        end = " / ".join(said.splitlines()[-4:])
        raise Failed(f"{words!r} ended with {done.returncode}: {end}")
    return done.stdout, done.stderr


def interpreter(wanted):
    """A Python of that version, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [sys.executable, shutil.which(f"python{wanted}")]
    found += sorted(pyenv.glob(f"{wanted}.*/bin/python3"))
    for python in filter(None, found):
        told = subprocess.run([python, "--version"], capture_output=True, text=True)
        if re.match(rf"Python {re.escape(wanted)}\.", told.stdout):
            return python
    return None


def here():
    return "{}.{}".format(*sys.version_info)


def prepared(folder, wanted=None, torch=True):
    """A fresh environment with the package in it, as somebody has it who installs it."""
    python = sys.executable if wanted in (None, here()) else interpreter(wanted)
    if python is None:
        return None
    prefix = folder / "venv"
    subprocess.run([python, "-m", "venv", prefix], check=True)
    inside = prefix / ("Scripts" if os.name == "nt" else "bin") / "python"
    work = folder / "work"
    work.mkdir()
    environment = clean_environment(PYTHONNOUSERSITE=1, COLUMNS=200)
    place = Place(inside, work, torch, environment)
    pip = ["-m", "pip", "install", "--quiet"]
    extra = ""
    if torch and wanted in (None, here()):
        where = "import sysconfig; print(sysconfig.get_path('purelib'))"
        lend(["torch"], prefix, Path(run(place, "-c", where)[0].strip()))
    elif torch and os.environ.get("TORCH"):
        run(place, *pip, *os.environ["TORCH"].split())
    elif torch:
        place = place._replace(torch=False)
    extra = "[train]" if place.torch else ""
    source = copy_of_the_repository(folder / "source")
    run(place, *pip, f"{source}{extra}")
    shutil.rmtree(source)  # what was installed stands alone
    return place


def try_it(place):
    """What a newcomer does: look, fuse two files, hear them, train."""
    told = run(place, "-m", "fusiontools", "--version")[0]
    if not re.search(r"\d+\.\d+", told):
        raise Failed(f"--version says {told!r}")
    run(place, "-m", "fusiontools", "data")
    run(place, "-c", MELODIES, place.work)
    run(place, "-c", SOUND, place.work)
    fuse = ["-m", "fusiontools", "fuse", "left.mid", "right.mid", "--out", "fused.mid"]
    train = ["-m", "fusiontools", "train", "fusiongan", "--run", "run", "--scale", "smoke"]
    sample = ["-m", "fusiontools", "sample", "fusiongan", "-n", "2", "--out", "melodies"]
    for command, made in ((fuse, "fused.mid"), (sample, "melodies"), (train, "run")):
        said = run(place, *command, status=0 if place.torch else 1)[1].strip()
        exists = (place.work / made).exists()
        if place.torch and not exists:
            raise Failed(f"{command[2]} wrote no {made}")
        one_line = len(said.splitlines()) == 1 and "[train]" in said
        if not place.torch and (exists or not one_line):
            raise Failed(f"{command[2]} without torch: {said!r}, {made} exists: {exists}")
    return "with torch" if place.torch else "without torch, which is said in one line"


def python(wanted):
    def setup(folder):
        place = prepared(folder, wanted)
        return place and try_it(place)

    return setup


def without_torch(folder):
    return try_it(prepared(folder, torch=False))


def odd_path(folder):
    """Spaces and letters beyond ASCII, in all paths."""
    inside = folder / "Meine Musik, Käthe's (2)"
    inside.mkdir()
    place = prepared(inside)
    cache = {"FUSIONTOOLS_CACHE": str(inside / "Zwischen lager")}
    return try_it(place._replace(environment=place.environment | cache))


def read_only(folder):
    """Neither the home nor what is installed can be written: as on many shared machines."""
    place, home = prepared(folder), folder / "home"
    home.mkdir()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root and not shutil.which(AS_OTHERS[0]):
        return None
    gone = ("XDG_", "TMP", "MPLCONFIGDIR", "NUMBA_")
    environment = {k: v for k, v in place.environment.items() if not k.startswith(gone)}
    places = {"HOME": str(home), "USERPROFILE": str(home)}
    with_walls = place._replace(
        environment=environment | places, before=tuple(AS_OTHERS) if root else ()
    )
    closed = [home, *(Path(path) for path, _, _ in os.walk(folder / "venv"))]
    for path in closed:
        path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        try:
            run(with_walls, "-c", f"open({str(home / 'a')!r}, 'w')")
        except Failed:
            return try_it(with_walls)
        raise Failed("the home could be written: this shows nothing")
    finally:
        for path in closed:
            path.chmod(stat.S_IRWXU)


def colab(folder):
    """The first chapter with Colab's versions; tests/test_colab.py runs all of them."""
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider"]
    chosen = ["tests/test_colab.py", "-k", "01_music or whole"]
    chosen += ["--basetemp", folder / "tests"]
    done = subprocess.run([*command, *chosen], cwd=ROOT, capture_output=True, text=True)
    said = done.stdout.strip().splitlines()
    if done.returncode:
        raise Failed(" / ".join(said[-4:]))
    return None if "skipped" in said[-1] else f"its versions, Python {here()}"


SETUPS = {f"python{wanted}": python(wanted) for wanted in PYTHONS}
SETUPS |= {f.__name__: f for f in (without_torch, odd_path, read_only, colab)}


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.setups")
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SETUPS)}; by default all")
    names = parser.parse_args(arguments).names or list(SETUPS)
    if unknown := set(names) - set(SETUPS):
        parser.error(f"no set-up is called {', '.join(unknown)}: see --help")
    about = f"{len(names)} set-ups, each one to five minutes"
    console, show = open_table(*machine(), about, "")
    failed = 0
    for name in names:
        began, reached = time.perf_counter(), None
        with tempfile.TemporaryDirectory() as folder, console.status(name):
            try:
                said = SETUPS[name](Path(folder).resolve())
                reached = None if said is None else True
            except Failed as error:
                said, reached = str(error), False
        failed += reached is False
        said = said or "skipped: this machine has not what it needs"
        took = f"{time.perf_counter() - began:.0f} s"
        show(Row(name, "installs and works", f"{said} ({took})", reached))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
