"""The house stands: no room imports upwards, nothing goes round in circles, and the door
opens quickly.
"""

import ast
import importlib
import subprocess
import sys
import time

import pytest

FLOORS = {
    "errors": 0,
    "records": 0.5,  # on the ground floor too, but it raises errors
    "music": 1,
    "corpora": 2,
    "show": 3,
    "score": 3,
    "training": 4,
    "judges": 5,
    "papers": 6,
    "cli_papers": 6.5,  # behind the door that cli is
    "cli": 7,
    "compare": 7,
    "__init__": 8,
    "__main__": 8,
}
HEAVY = (
    "torch",
    "librosa",
    "music21",
    "matplotlib",
    "scipy",
    "symusic",
    "IPython",
    "ipywidgets",
    "soundfile",
    "numba",
)


def imports(file, root):
    """Every module of the package that a file imports, anywhere in it, as dotted names."""
    package = ".".join(file.relative_to(root).with_suffix("").parts)
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "fusiontools")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{package} imports relatively: say the whole name"
            if (node.module or "").split(".")[0] == "fusiontools":
                # `from fusiontools.music import notes` may name a module or a thing in one
                for a in node.names:
                    whole = f"{node.module}.{a.name}"
                    path = root.joinpath(*whole.split("."))
                    yield (
                        whole
                        if path.with_suffix(".py").exists() or path.is_dir()
                        else node.module
                    )


def room(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@pytest.fixture(scope="module")
def files(root):
    return sorted((root / "fusiontools").rglob("*.py"))


def test_every_room_has_a_floor_and_is_not_empty(files, root):
    rooms = {
        file.relative_to(root / "fusiontools").parts[0].removesuffix(".py")
        for file in files
    }
    assert rooms <= set(FLOORS), f"no floor is given for {rooms - set(FLOORS)}"
    for folder in {f.parent for f in files}:
        assert any(f.name != "__init__.py" for f in folder.rglob("*.py")), (
            f"{folder.name} is an empty room"
        )


def test_no_room_imports_upwards_or_sideways(files, root):
    wrong = []
    for file in files:
        here = room(".".join(file.relative_to(root).with_suffix("").parts))
        for name in imports(file, root):
            there = room(name)
            if there != here and FLOORS[there] >= FLOORS[here]:
                wrong.append(f"{file.relative_to(root)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_cycle_between_modules(files, root):
    graph = {}
    for file in files:
        name = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        )
        graph[name] = set(imports(file, root)) - {name}
    packages = {n for n in graph if any(m.startswith(n + ".") for m in graph)}
    done, path = set(), []

    def visit(name):
        assert name not in path, "imports go round: " + " -> ".join(
            [*path[path.index(name) :], name]
        )
        if name in done or name not in graph:
            return
        path.append(name)
        for other in (
            graph[name] - packages
        ):  # a package's __init__ only gathers its modules' names
            visit(other)
        done.add(path.pop())

    for name in graph:
        visit(name)


def test_import_is_light():
    code = f"import sys, fusiontools; print([m for m in {HEAVY} if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "[]"


def test_import_is_quick():
    def seconds():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import fusiontools"], check=True)
        with_package = time.perf_counter() - start
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", ""], check=True)
        return with_package - (time.perf_counter() - start)

    assert min(seconds() for _ in range(5)) < 0.3


def test_rooms_arrive_when_named():
    code = "import fusiontools, sys; fusiontools.music; assert 'fusiontools.show' not in sys.modules; fusiontools.show.player"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_public_name_of_a_paper_is_also_a_file_of_its_room(root):
    """`import fusiontools.papers.x.train` would put the module where the function `train`
    is looked for.
    """
    for room in sorted((root / "fusiontools" / "papers").iterdir()):
        if (room / "__init__.py").is_file():
            public = importlib.import_module(f"fusiontools.papers.{room.name}").__all__
            clash = {
                name
                for name in public
                if (room / f"{name}.py").is_file() and name != "paper"
            }
            assert not clash, f"{room.name}: {sorted(clash)}"
