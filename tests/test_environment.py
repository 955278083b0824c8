"""What has to be written in several files says the same in all: the dependencies, and the
repository's address.
"""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from benchmarks.measure import made

CONDA_NAMES = {"pytorch": "torch"}  # what conda calls otherwise
TEXT = ".md .ipynb .toml .cff .yml .yaml .py .txt .js .css .cfg .json .bib".split()


def ranges(lines):
    """Requirement lines as a dict from name to range; comments and empty lines are none."""
    wanted = {}
    for line in lines:
        if line := line.split("#")[0].strip():
            one = Requirement(line)
            name = canonicalize_name(CONDA_NAMES.get(one.name, one.name))
            assert name not in wanted, f"{name} stands there twice"
            wanted[name] = one.specifier
    return wanted


@pytest.fixture(scope="module")
def requirements(root):
    return ranges((root / "requirements.txt").read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def project(root):
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def conda(root):
    """The packages of environment.yml, both conda's own and those that come through pip."""
    listed = yaml.safe_load((root / "environment.yml").read_text(encoding="utf-8"))[
        "dependencies"
    ]
    return ranges(
        [x for x in listed if isinstance(x, str)]
        + [x for part in listed if isinstance(part, dict) for x in part["pip"]]
    )


@pytest.fixture(scope="module")
def constraints(root):
    return ranges((root / "constraints.txt").read_text(encoding="utf-8").splitlines())


def test_requirements_and_environment_are_one(requirements, conda):
    assert {
        name: spec for name, spec in conda.items() if name not in ("python", "pip")
    } == requirements


def test_conda_gets_the_pythons_that_the_package_takes(conda, project):
    assert conda["python"] == SpecifierSet(project["requires-python"])


def test_the_package_asks_for_nothing_else(requirements, project):
    for name, spec in ranges(project["dependencies"]).items():
        assert requirements.get(name) == spec, (
            f"{name}{spec} in pyproject.toml, "
            f"{name}{requirements.get(name)} in requirements.txt"
        )


def test_constraints_are_within_every_range(requirements, constraints):
    for name, spec in constraints.items():
        (pin,) = spec
        assert pin.operator == "==", f"{name}{spec} is no single version"
        assert Version(pin.version) in requirements.get(name, SpecifierSet()), (
            f"{name}{spec} against {name}{requirements[name]}"
        )
    assert set(requirements) - set(constraints) == {"torch"}, (
        "a package without a version that is known to work"
    )


def test_torch_is_nowhere_pinned(requirements, conda, constraints, project):
    for where in (requirements, conda, ranges(project["dependencies"])):
        assert not any(s.operator in ("==", "===", "~=") for s in where.get("torch", ())), (
            "a reader's own torch must be able to stay"
        )
    assert "torch" not in constraints


def test_the_makefiles_torch_is_within_the_range(root, requirements):
    (default,) = re.findall(
        r"^TORCH \?= (\S+)$", (root / "Makefile").read_text(encoding="utf-8"), re.M
    )
    (pin,) = Requirement(default).specifier
    assert Version(pin.version) in requirements["torch"]


@pytest.mark.network
def test_environment_solves(root, tmp_path):
    tool = next((t for t in ("micromamba", "mamba", "conda") if shutil.which(t)), None)
    if tool is None:
        pytest.skip("needs conda, mamba or micromamba on the PATH")
    create = [tool, "create", "--yes"] if tool == "micromamba" else [tool, "env", "create"]
    command = [
        *create,
        "--dry-run",
        "--name",
        "fusion-dry-run",
        "--file",
        str(root / "environment.yml"),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    said = done.stdout[-2000:] + done.stderr[-2000:]
    unreached = "CondaHTTPError|Could not resolve host|Download error"
    unreached += "|Connection (failed|refused|timed out)"
    if done.returncode and re.search(unreached, said):
        pytest.skip("needs the conda-forge channel, which is not reached from here")
    assert done.returncode == 0, said


def test_what_is_built_is_in_no_commit(root):
    """What tools leave behind is ignored by git, and nothing that belongs here is."""
    ignored = (root / ".gitignore").read_text(encoding="utf-8").split()
    made = "build/ dist/ runs/ book/_build/ .venv/ .mypy_cache/ .ruff_cache/ __pycache__/"
    assert set(made.split()) <= set(ignored)
    if not (root / ".git").exists() or not shutil.which("git"):
        return
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert listed.stdout == "", "git has these, and would leave them out of a clone"


def test_no_test_depends_on_how_fast_a_machine_is(root):
    """What hangs is ended by one limit, in pyproject.toml; what is slow is no mistake."""
    clocks = re.compile(r"perf_counter|process_time|thread_time|(?<!-)timeout=\d|SIGALRM")
    here = Path(__file__).resolve()
    tests = [path for path in (root / "tests").rglob("*.py") if path.resolve() != here]
    found = [path.name for path in tests if clocks.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_clean_leaves_nothing_that_was_built(root):
    """An old build/ would put deleted modules into the next installation."""
    rules = (root / "Makefile").read_text(encoding="utf-8")
    (removed,) = re.findall(r"^clean:\n\trm -rf (.*)$", rules, re.M)
    assert {"build", "dist", "book/_build", "*.egg-info"} <= set(removed.split())
    assert rules.index("rm -rf build") < rules.index("-e .")


@pytest.mark.parametrize("writable", [True, False])
def test_compiled_code_finds_a_place_where_nothing_can_be_written(root, writable):
    """librosa stops with a traceback of numba's if neither its folder nor the home can."""
    code = f"import os; os.access = lambda *_: {writable}; import fusiontools; "
    code += "print(folder := os.environ.get('NUMBA_CACHE_DIR', ''), os.path.isdir(folder))"
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
    )
    folder, exists = done.stdout.rstrip("\n").rsplit(" ", 1)
    assert (folder == "") == writable and exists == str(not writable), done.stderr
    assert not folder or not Path(folder).exists()  # it goes with the process


# --- the repository's address ---


def load_address(root):
    spec = importlib.util.spec_from_file_location(
        "book_address", root / "book" / "address.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts(root):
    """Every text file of the project, without what was built, downloaded or installed."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - made(folder, folders, root))
        yield from (
            Path(folder, name)
            for name in sorted(names)
            if Path(name).suffix in TEXT or name == "Makefile"
        )


def strays(root):
    """Where the repository is named by another address than that of _config.yml, as "file:
    address" lines.
    """
    address = load_address(root).current(root)
    host, owner, name = address.removeprefix("https://").rsplit("/", 2)
    found = []
    for path in load_address(root).places(root):
        text = path.read_text(encoding="utf-8")
        # What can only mean this repository: what is installed, cloned, cited or opened on
        # Colab.
        sure = re.findall(
            r"(?:git\+|git clone |repository-code: *[\"']?)(https?://[^\s\"'\\`)@#]+)", text
        )
        opened = re.findall(
            r"(?:research\.google\.com/github|githubusercontent\.com)/([\w.-]+/[\w.-]+)",
            text,
        )
        sure += [f"https://{host}/{pair}" for pair in opened]
        # Any other link of the same host may lead elsewhere, but not to a namesake or a
        # sibling.
        pairs = re.findall(rf"https?://{re.escape(host)}/([\w.-]+)/([\w.-]+)", text)
        sure += [
            f"https://{host}/{a}/{b}"
            for a, b in pairs
            if (a == owner) != (b.rstrip(".").removesuffix(".git") == name)
        ]
        found += [
            f"{path.relative_to(root)}: {link}"
            for link in sure
            if link.rstrip("/.").removesuffix(".git") != address
        ]
    return found


@pytest.fixture
def copy(root, tmp_path):
    """The project's texts somewhere else, to be changed at will."""
    for path in texts(root):
        target = tmp_path / "copy" / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    return tmp_path / "copy"


def run_address(copy, address):
    return subprocess.run(
        [sys.executable, copy / "book" / "address.py", address],
        capture_output=True,
        text=True,
    )


def test_one_repository_address(root):
    address = load_address(root)
    assert address.checked(address.current(root)) == address.current(root)
    assert strays(root) == []
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        setup = "".join(next(c["source"] for c in cells if c["cell_type"] == "code"))
        assert f'"git+{address.current(root)}"' in setup, (
            f"{path.name}: its first code cell does not install from the repository"
        )


def test_a_differing_address_is_noticed(copy):
    module = load_address(copy)
    old = module.current(copy)
    naming = [
        p
        for p in module.places(copy)
        if p.name != "_config.yml"
        and module.named(old).search(p.read_text(encoding="utf-8"))
    ]
    assert naming
    for path in naming:
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace(old, old.replace("github.com/", "github.com/somebody-"), 1),
            encoding="utf-8",
        )
        assert any(line.startswith(str(path.relative_to(copy))) for line in strays(copy)), (
            path
        )
        path.write_text(text, encoding="utf-8")


def test_address_changes_every_file_that_names_it_and_nothing_else(copy):
    module = load_address(copy)
    old, before = module.current(copy), {path: path.read_bytes() for path in texts(copy)}
    done = run_address(copy, "https://github.com/you/fork.git/")
    assert done.returncode == 0, done.stderr
    after = {path: path.read_bytes() for path in texts(copy)}
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {
        copy / line.split()[1]
        for line in done.stdout.splitlines()
        if line.startswith("changed")
    }
    assert (
        copy / "_config.yml" in changed
        and set((copy / "notebooks").glob("*.ipynb")) <= changed
    )
    still = [
        path
        for path, data in after.items()
        if module.named(old).search(data.decode("utf-8"))
    ]
    assert still == [], "address.py does not know these files"
    assert module.current(copy) == "https://github.com/you/fork" and strays(copy) == []
    assert "Nothing to change" in run_address(copy, "https://github.com/you/fork").stdout
    assert run_address(copy, old).returncode == 0
    assert {path: path.read_bytes() for path in texts(copy)} == before


def test_address_leaves_longer_names_alone_and_knows_the_other_forms(copy):
    module = load_address(copy)
    page = copy / "book" / "page.md"
    old = module.current(copy)
    short = module.current(copy).removeprefix("https://github.com/")
    on_colab = "colab.research.google.com/github/{}/blob/main/a.ipynb"
    page.write_text(
        f"{old}-data {old}.io {old}. ({old}) {old}.git {old}/issues "
        f"{on_colab.format(short)}\n"
    )
    run_address(copy, "https://github.com/you/fork")
    new = "https://github.com/you/fork"
    assert page.read_text().split() == [
        *(f"{old}-data", f"{old}.io", f"{new}.", f"({new})", f"{new}.git", f"{new}/issues"),
        on_colab.format("you/fork"),
    ]
    elsewhere = run_address(copy, "https://gitlab.example.org/group/sub/fork")
    assert (
        elsewhere.returncode == 0
        and "book/page.md: colab.research.google.com/github/you/fork" in elsewhere.stdout
    )
    assert module.current(copy) == "https://gitlab.example.org/group/sub/fork"


@pytest.mark.parametrize(
    "odd",
    [
        "",
        "you/fork",
        "http://github.com/you/fork",
        "https://github.com/you",
        "https://github.com/you/fork?tab=readme",
        "https://you:secret@github.com/you/fork",
        "https://github.com/you/my fork",
        'https://github.com/you/fork"',
        "git@github.com:you/fork.git",
        "https://localhost/you/fork",
    ],
)
def test_address_refuses_what_is_none(copy, odd):
    before = (copy / "_config.yml").read_bytes()
    done = run_address(copy, odd)
    assert (
        done.returncode == 2
        and "https://github.com/you/your-fork" in done.stderr
        and "Traceback" not in done.stderr
    )
    assert (copy / "_config.yml").read_bytes() == before
