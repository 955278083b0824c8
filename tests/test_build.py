"""The build of the book: what a page depends on, and that no book is lost."""

import contextlib
import importlib
import os
import re
import sys

import nbformat
import pytest

MUSIC = {
    "__init__": """from fusiontools.music.notes import pitch
from fusiontools.music.grid import cells
""",
    "notes": "def pitch():\n    return 60\n",
    "grid": """from fusiontools.music.notes import pitch

def cells():
    return [pitch()]
""",
    "chords": """def triad():
    from fusiontools.records import read
    return read
""",
}
PAPER = {
    "__init__": """import lazy_loader
_NAMES = {"networks": "Network", "sampling": ["sample", "load_weights"]}
_HOMES = {module: names for module, names in _NAMES.items()}
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, submod_attrs=_HOMES)
""",
    "networks": "class Network:\n    pass\n",
    "sampling": "from . import networks\nfrom ...music import grid\n\ndef sample(): ...\n",
    "losses": "from fusiontools import music\n\ndef loss():\n    return music.pitch()\n",
}
PACKAGE = {
    "__init__": "",
    "__main__": "from fusiontools import cli\n\ncli.main()\n",
    "cli": "def main():  # a comment\n    '''Help.'''\n    return 1\n",
    "errors": "class Error(Exception):\n    pass\n",
    "records": "def read(paper):\n    return paper\n",
    "papers.__init__": "",
    **{f"music.{name}": text for name, text in MUSIC.items()},
    **{f"papers.lstm.{name}": text for name, text in PAPER.items()},
}


@pytest.fixture(scope="module")
def book(root):
    """The modules of the build."""
    sys.path.insert(0, str(root / "book"))
    yield {name: importlib.import_module(name) for name in ("build", "depends", "links")}
    sys.path.remove(str(root / "book"))


@pytest.fixture
def toy(tmp_path, book):
    """A package as small as can be, and which of its files a page needs."""
    for name, text in PACKAGE.items():
        path = tmp_path / "fusiontools" / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ("results/lstm/a.json", "results/gan/b.json", "music/table.csv"):
        (tmp_path / "fusiontools" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fusiontools" / name).write_text("{}")
    for name in ("lstm_rock.safetensors", "NOTICE.md"):
        (tmp_path / "fusiontools" / "pretrained").mkdir(exist_ok=True)
        (tmp_path / "fusiontools" / "pretrained" / name).write_text("")
    (tmp_path / "book").mkdir()

    def needs(code):
        graph = book["depends"].Graph(tmp_path)
        files = graph.files(code)
        return {str(f.relative_to(tmp_path / "fusiontools")) for f in files}

    return needs


DOOR, NOTICE = {"__init__.py"}, {"pretrained/NOTICE.md"}
ROOM = DOOR | {"music/__init__.py", "music/table.csv"}
HALL = DOOR | {"papers/__init__.py", "papers/lstm/__init__.py"}
NOTES = ROOM | {"music/notes.py"}
CHAIN = NOTES | {"music/grid.py"}
CHORDS = ROOM | {"music/chords.py", "records.py"}
MUSICAL = CHAIN | CHORDS
ERRORS = DOOR | {"errors.py"}
SAMPLING = CHAIN | HALL | {"papers/lstm/sampling.py", "papers/lstm/networks.py"}
COMMAND = DOOR | {"__main__.py", "cli.py"}
RECORDS = DOOR | {"records.py", "results/gan/b.json"}
M = "from fusiontools import music\n"
CASES = {
    "nothing": ("1 + 1", set()),
    "a library": ("import numpy as np\nnp.fft.fft([1])", set()),
    "a module": ("import fusiontools.errors", ERRORS),
    "a module, under a name": ("import fusiontools.errors as e\ne.Error", ERRORS),
    "a name of a package": (M + "music.pitch()", NOTES),
    "what a name needs": (M + "music.cells()", CHAIN),
    "a name, imported": ("from fusiontools.music import pitch", NOTES),
    "within a function": ("def f():\n    from fusiontools.music import chords", CHORDS),
    "the package whole": ("import fusiontools\nfusiontools.music.pitch()", NOTES),
    "a package handed on": (M + "help(music)", MUSICAL),
    "a name that is made elsewhere": (M + "music.made_up", MUSICAL),
    "a name by its string": (M + "getattr(music, 'pitch')", MUSICAL),
    "another name for it": (M + "n = music\nn.pitch()", MUSICAL),
    "everything in it": ("from fusiontools.music import *", MUSICAL),
    "a module by its string": ("import_module('fusiontools.music.notes')", NOTES),
    "a gap in a string": ("import_module(f'fusiontools.music.{x}')", MUSICAL),
    "a string that says more": ("print('see fusiontools.music.notes')", set()),
    "the command": ("run([python, '-m', 'fusiontools', 'data'])", COMMAND),
    "a lazy name": (
        "from fusiontools.papers import lstm\nlstm.Network",
        HALL | {"papers/lstm/networks.py"},
    ),
    "a lazy name, relative imports": (
        "from fusiontools.papers.lstm import sample",
        SAMPLING,
    ),
    "records": ("from fusiontools.records import read\nread('gan')", RECORDS),
    "weights": (
        "from fusiontools.papers.lstm import losses",
        HALL | NOTES | {"papers/lstm/losses.py"},
    ),
}


@pytest.mark.parametrize("code, needed", CASES.values(), ids=CASES)
def test_a_page_needs_what_its_code_names(toy, code, needed):
    weights = {"pretrained/lstm_rock.safetensors"} if needed >= HALL else set()
    assert toy(code) == needed | NOTICE | weights


def test_pages_of_one_paper_need_no_other(root, book):
    """A sign that the dependencies of the real book are worth having."""
    graph, papers = book["depends"].Graph(root), {}
    for path, notebook in book["build"].pages():
        code = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
        found, _ = graph.closure(code)
        inside = {re.match(r"fusiontools\.papers\.(\w+)", name) for name in found}
        papers[path] = {name[1] for name in inside if name}
        # these two alone go over all papers
        over_all = path.stem.startswith("08_side_by_side_") or path.stem == "quickstart"
        if path.suffix == ".ipynb" and "fusiontools.cli" not in found and not over_all:
            assert papers[path] <= set(re.findall(r"^\d\d_(\w+)_\d_", path.stem)), path
    assert not papers[root / "notebooks" / "01_music_as_numbers.ipynb"]
    assert len(papers[root / "book" / "results.md"]) == 5


def test_comments_of_the_command_change_no_page(tmp_path, book):
    content, path = book["depends"].content, tmp_path / "cli_fuse.py"
    path.write_text("def fuse():\n    '''Help.'''\n")
    before = content(path)
    path.write_text("# why\n\ndef fuse():\n    '''Help.'''  # shown\n")
    assert content(path) == before
    path.write_text("def fuse():\n    '''Other help.'''\n")
    assert content(path) != before
    other = tmp_path / "losses.py"  # a page may show its source
    other.write_text("# a comment")
    assert content(other) == b"# a comment"


@pytest.fixture
def site(tmp_path, book, monkeypatch):
    """A repository with two pages, and a module that one of them needs."""
    build = book["build"]
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "BUILD", tmp_path / "book" / "_build")
    monkeypatch.setattr(book["links"], "BOOK", tmp_path / "book")
    for folder in ("notebooks", "book/_build", "fusiontools"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("requirements.txt", "constraints.txt", "fusiontools/__init__.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "book" / "minutes.json").write_text("{}")
    (tmp_path / "fusiontools" / "one.py").write_text("")
    write(
        tmp_path / "notebooks" / "one.ipynb",
        "import_module = print\nimport_module('fusiontools.one')",
    )
    write(tmp_path / "notebooks" / "two.ipynb", "1 + 1")
    return tmp_path


def write(path, *cells):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(code, id=f"c{i}") for i, code in enumerate(cells)
    ]
    nbformat.write(notebook, path)


def ran(build, capsys):
    """The pages that run now, and those that fail."""
    failed = [path.stem for path in build.fill_cache()]
    lines = [line for line in capsys.readouterr().out.splitlines() if "pages ran" in line]
    return sorted(line.split(": ")[1].split(",")[0] for line in lines), failed


def test_a_page_runs_when_what_it_needs_has_changed(site, book, capsys, monkeypatch):
    build, mark = book["build"], book["links"].mark
    one, two = (
        mark(site / "notebooks" / "one.ipynb"),
        mark(site / "notebooks" / "two.ipynb"),
    )
    assert ran(build, capsys) == (["one", "two"], [])
    assert ran(build, capsys) == ([], [])
    before = one.read_text(), two.read_text()
    (site / "fusiontools" / "one.py").write_text("# another\n")
    assert ran(build, capsys) == (["one"], [])
    assert one.read_text() != before[0] and two.read_text() == before[1]
    (site / "fusiontools" / "one.py").write_text("")  # the outputs of back then are gone
    assert ran(build, capsys) == (["one"], [])
    write(site / "notebooks" / "two.ipynb", "1 / 0")
    assert ran(build, capsys) == (["two"], ["two"])
    assert ran(build, capsys) == (["two"], ["two"])  # what failed is in no cache
    (site / "constraints.txt").write_text("numpy==1\n")
    write(site / "notebooks" / "two.ipynb", "1 + 1")
    assert ran(build, capsys) == (["one", "two"], [])
    monkeypatch.setenv("FUSIONTOOLS_SCALE", "other")
    assert ran(build, capsys) == (["one", "two"], [])


# ---- no book is lost ---------------------------------------------------------------------


def make(fails=False):
    def made(*folders):
        for folder in folders:
            folder.mkdir(exist_ok=True)
            (folder / "page").write_text("new")
        if fails is not True and fails:
            raise fails
        return int(fails)

    return made


@pytest.fixture
def last(tmp_path):
    """Two folders of a finished book."""
    folders = [tmp_path / "html", tmp_path / ".doctrees"]
    for folder in folders:
        folder.mkdir()
        (folder / "page").write_text("old")
    return folders


def state(folders):
    names = sorted(os.listdir(folders[0].parent))
    return names, [(folder / "page").read_text() for folder in folders]


WHOLE = [".doctrees", "html"]


def test_a_new_book_takes_the_place_of_the_old(book, last):
    assert book["build"].renew(last, make()) == 0
    assert state(last) == (WHOLE, ["new", "new"])


def test_the_first_book_needs_no_old_one(book, tmp_path):
    folders = [tmp_path / "html", tmp_path / ".doctrees"]
    assert book["build"].renew(folders, make()) == 0
    assert state(folders) == (WHOLE, ["new", "new"])


@pytest.mark.parametrize("fails", [True, KeyboardInterrupt(), OSError("disk full")])
def test_a_build_that_fails_leaves_the_last_book(book, last, fails):
    renew = book["build"].renew
    with contextlib.suppress(KeyboardInterrupt, OSError):
        assert renew(last, make(fails)) == 1
    assert state(last)[1] == ["old", "old"]
    assert renew(last, make()) == 0
    assert state(last) == (WHOLE, ["new", "new"])


@pytest.mark.parametrize("step", range(4))
def test_a_build_that_is_stopped_while_it_swaps_loses_nothing(
    book, last, monkeypatch, step
):
    """The new book or the old one, and the next build finds it whatever happened."""
    build, calls = book["build"], []
    rename = build.Path.rename

    def stopped(self, target):
        if len(calls) == step:
            raise KeyboardInterrupt
        calls.append(target)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(build.Path, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            build.renew(last, make())
    seen = []

    def look(*folders):
        seen.extend((folder / "page").read_text() for folder in folders)
        return 1

    build.renew(last, look)
    assert all(text in ("old", "new") for text in seen) and len(seen) == 2
    assert set(WHOLE) <= set(state(last)[0])


def test_pages_are_those_of_the_table_of_contents(site, book):
    (site / "_toc.yml").write_text(
        "format: jb-book\nroot: book/welcome\nparts:\n  - chapters:\n"
        "      - file: notebooks/one\n      - file: book/api/index\n"
    )
    html = site / "html"
    for name in ("book/welcome", "book/gone", "notebooks/one", "search"):
        (html / name).parent.mkdir(parents=True, exist_ok=True)
        (html / f"{name}.html").write_text("page")
    assert book["build"].check_pages(html) == ["book/api/index.html"]
    left = sorted(p.relative_to(html).as_posix() for p in html.rglob("*.html"))
    assert left == ["book/welcome.html", "notebooks/one.html", "search.html"]


@pytest.mark.parametrize("where", ["cells", "pages"])
def test_a_build_that_fails_says_where_the_last_book_is(
    site, book, monkeypatch, capsys, where
):
    build = book["build"]
    html = site / "book" / "_build" / "html"
    bad = site / "notebooks" / "one.ipynb"
    monkeypatch.setattr(build, "fill_cache", lambda: [bad] if where == "cells" else [])
    monkeypatch.setattr(build, "set_pages", lambda *folders: 1)
    assert build.main() == 1
    said = capsys.readouterr().err
    assert "The build failed" in said and "last good book" not in said
    assert ("notebooks/one.ipynb" in said) == (where == "cells")
    html.mkdir()
    (html / "index.html").write_text("good")
    assert build.main() == 1
    assert str(html) in capsys.readouterr().err
    assert (html / "index.html").read_text() == "good"
