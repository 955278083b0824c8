"""The package's layers hold: no subpackage imports upwards, nothing goes in circles, and
`import fusiontools` is light.

Each module says which chapters use it, and ruff has nothing to say.
"""

import ast
import contextlib
import importlib
import inspect
import json
import re
import subprocess
import sys

import pytest

LAYERS = {
    "errors": 0,
    "files": 0.25,
    "records": 0.5,  # on the lowest layer too, but it raises errors
    "music": 1,
    "corpora": 2,
    "show": 3,
    "score": 3,
    "training": 4,
    "judges": 5,
    "report": 5.5,
    "papers": 6,
    "cli_told": 0.6,  # what every command shares
    "cli_door": 0.7,
    "cli_options": 0.8,
    "compare": 6.2,  # what goes over all papers
    "cli_music": 6.3,
    "cli_papers": 6.5,  # behind the door that cli is
    "cli_play": 6.5,
    "cli_score": 6.5,
    "cli_fuse": 6.5,
    "cli_restyle": 6.5,
    "cli_transfer": 6.5,
    "cli": 7,
    "__init__": 8,
    "__main__": 8,
}


def is_for_hints(node):
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(file, root, hints=True):
    """Every module of the package that a file imports, anywhere in it, as dotted names;
    without `hints` those alone that are imported when it runs.
    """
    package = ".".join(file.relative_to(root).with_suffix("").parts)
    tree = ast.parse(file.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if hints or not is_for_hints(node)]
    for node in ast.walk(tree):
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


def subpackage(module):
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@pytest.fixture(scope="module")
def files(root):
    return sorted((root / "fusiontools").rglob("*.py"))


def test_every_subpackage_has_a_layer_and_is_not_empty(files, root):
    subpackages = {
        file.relative_to(root / "fusiontools").parts[0].removesuffix(".py")
        for file in files
    }
    assert subpackages <= set(LAYERS), f"no layer is given for {subpackages - set(LAYERS)}"
    for folder in {f.parent for f in files}:
        assert any(f.name != "__init__.py" for f in folder.rglob("*.py")), (
            f"{folder.name} is an empty subpackage"
        )


def test_no_subpackage_imports_upwards_or_sideways(files, root):
    wrong = []
    for file in files:
        here = subpackage(".".join(file.relative_to(root).with_suffix("").parts))
        for name in imports(file, root):
            there = subpackage(name)
            if there != here and LAYERS[there] >= LAYERS[here]:
                wrong.append(f"{file.relative_to(root)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_cycle_between_modules(files, root):
    graph = {}
    for file in files:
        name = ".".join(file.relative_to(root).with_suffix("").parts).removesuffix(
            ".__init__"
        )
        graph[name] = set(imports(file, root, hints=False)) - {name}
    packages = {n for n in graph if any(m.startswith(n + ".") for m in graph)}
    done, path = set(), []

    def visit(name):
        assert name not in path, "imports go round: " + " -> ".join(
            [*path[path.index(name) :], name]
        )
        if name in done or name not in graph:
            return
        path.append(name)
        # a package's __init__ only gathers its modules' names
        for other in graph[name] - packages:
            visit(other)
        done.add(path.pop())

    for name in graph:
        visit(name)


def test_import_is_light():
    """No subpackage is loaded, and no library but the one that loads them when they are
    named.

    So it is quick, as benchmarks/package.py measures.
    """
    code = """
import sys
before = {*sys.modules}
import fusiontools
loaded = sys.modules.keys() - before
print(sorted(m for m in loaded if m.split(".")[0] not in sys.stdlib_module_names))
"""
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "['fusiontools', 'lazy_loader']"


def test_subpackages_arrive_when_named():
    code = "import fusiontools, sys; fusiontools.music; "
    code += "assert 'fusiontools.show' not in sys.modules; fusiontools.show.player"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_public_name_of_a_paper_is_also_a_file_of_its_package(root):
    """`import fusiontools.papers.x.train` would put the module where the function `train`
    is looked for.
    """
    for subpackage in sorted((root / "fusiontools" / "papers").iterdir()):
        if (subpackage / "__init__.py").is_file():
            public = importlib.import_module(
                f"fusiontools.papers.{subpackage.name}"
            ).__all__
            clash = {
                name
                for name in public
                if (subpackage / f"{name}.py").is_file() and name != "paper"
            }
            assert not clash, f"{subpackage.name}: {sorted(clash)}"


def test_no_method_imports_its_evidence_or_another_paper(files, root):
    wrong = []
    for file in files:
        _, subpackage, paper, *inside = (*file.relative_to(root).with_suffix("").parts, "")
        if subpackage != "papers" or not inside:
            continue
        own = f"fusiontools.papers.{paper}"
        for name in imports(file, root):
            evidence = f"{name}.".startswith(f"{own}.evidence.") and inside[0] != "evidence"
            other = f"{name}.".startswith("fusiontools.papers.") and own not in name
            if evidence or other:
                wrong.append(f"{file.relative_to(root)} imports {name}")
    assert not wrong, "\n".join(wrong)


def homes(notebook):
    """The modules that define what a notebook's code takes from the package."""
    from IPython.core.inputtransformer2 import TransformerManager

    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    nodes = list(ast.walk(ast.parse(TransformerManager().transform_cell(code))))
    names, found = {}, set()

    def take(module, name):
        value = getattr(module, name, None)
        if value is None:
            with contextlib.suppress(ImportError):
                value = importlib.import_module(f"{module.__name__}.{name}")
        if not inspect.ismodule(value):
            found.add(getattr(value, "__module__", module.__name__))
        return value

    def value_of(node):
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Attribute) and inspect.ismodule(value_of(node.value)):
            return take(value_of(node.value), node.attr)
        return None

    for node in nodes:
        if isinstance(node, ast.ImportFrom) and is_ours(node.module):
            module = importlib.import_module(node.module)
            names |= {a.asname or a.name: take(module, a.name) for a in node.names}
    for node in nodes:
        value_of(node)
    return set(filter(is_ours, found))


def is_ours(module):
    return (module or "").split(".")[0] == "fusiontools"


def chapters(docstring):
    """The numbers of chapters that a docstring names; all of them for "every chapter"."""
    words = " ".join(docstring.split())
    if "every chapter" in words:
        return range(100)
    said = re.findall(r"[Cc]hapters? (\d+(?:(?:,| and) \d+)*)", words)
    return {int(number) for numbers in said for number in re.findall(r"\d+", numbers)}


def test_a_module_says_which_chapters_use_it(root):
    missing = []
    for notebook in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        for name in sorted(homes(notebook)):
            module, chapter = importlib.import_module(name), int(notebook.name[:2])
            gathers = hasattr(module, "__path__")  # a package only gathers names
            if not gathers and chapter not in chapters(module.__doc__):
                missing.append(f"{name}: chapter {chapter}")
    assert not missing, "docstrings that do not say it:\n" + "\n".join(sorted(set(missing)))


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(root, command):
    ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
    done = subprocess.run(ruff, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, f"run `make style`:\n{done.stdout}{done.stderr}"


def test_every_module_with_public_names_is_on_an_api_page(root):
    pages = (root / "book" / "api").glob("*.md")
    told = {
        name
        for page in pages
        for name in re.findall(r"automodule:: (\S+)", page.read_text(encoding="utf-8"))
    }
    # what the command is made of, and what only makes the tables of two pages
    aside = re.compile(r"fusiontools\.(cli|__main__|compare\.(entries_|pages))")
    public = set()
    for file in (root / "fusiontools").rglob("*.py"):
        name = ".".join(file.relative_to(root).with_suffix("").parts)
        own = "__all__" in file.read_text(encoding="utf-8") and file.stem != "__init__"
        public |= {name} if own and not aside.match(name) else set()
    assert public - told == set() and len(public) > 100
