"""What is true of source that is shown: it is the file's own, line by line, and only
docstrings are missing.
"""

import ast
import html
import importlib
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest

from fusiontools.errors import FusionError
from fusiontools.music import notes as notes_module
from fusiontools.music.notes import Notes, Tempo, legato
from fusiontools.show import colours
from fusiontools.show.source import Source, _style, source
from fusiontools.training.devices import memory_guard

NAMES = (
    "errors",
    "music.notes",
    "music.midi",
    "music.pieces",
    "music.abc",
    "music.musicxml",
    "show.player",
    "show.plots",
)
MODULES = [importlib.import_module(f"fusiontools.{name}") for name in NAMES]
THINGS = [
    thing
    for module in MODULES
    for _, thing in inspect.getmembers(
        module, lambda x: inspect.isfunction(x) or inspect.isclass(x)
    )
    if thing.__module__ == module.__name__
]
METHODS = [
    m
    for thing in (Notes, Tempo)
    for m in vars(thing).values()
    if inspect.isfunction(m) and m.__code__.co_filename == notes_module.__file__
]

HAND_MADE = '''"""What this module says of itself.

In two paragraphs.
"""

# A remark that stays.
X = "# no remark"


def plain(x):
    """One line."""
    return x  # and why


def same(function):
    return function


def nothing():
    """A body that is a docstring and nothing else."""


def raw(x):
    r"""Ends with a backslash: \\ and quotes: ' " """

    # first a remark

    y = """not a docstring"""
    return x, y


@same
def decorated(
    x,
    y=(1, 2),
):
    """Several

    lines.
    """

    def inner(z):
        "Single quotes do too."

        return z

    return inner(x), y


class Thing(dict):
    """A class.

        With an indent of its own.
    """

    ANSWER = 42

    def method(self):
        """And a method."""
        return self.ANSWER

    async def later(self):
        """Even this."""
        return 1

    class Within:
        """Inside."""

        y = 1
'''


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A module made by hand, and its lines."""
    path = tmp_path_factory.mktemp("source") / "hand_made.py"
    path.write_text(HAND_MADE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("hand_made", path)
    # where Python looks for a class's file
    module = sys.modules["hand_made"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["hand_made"]


def own_lines(thing):
    """The lines of a thing as its file has them, moved to the left margin."""
    thing = inspect.unwrap(thing)
    lines, first = inspect.getsourcelines(thing)
    file = Path(inspect.getsourcefile(thing)).read_text(encoding="utf-8").splitlines()
    found = file if inspect.ismodule(thing) else file[first - 1 : first - 1 + len(lines)]
    margin = len(found[0]) - len(found[0].lstrip())
    return [line[margin:] if line.strip() else "" for line in found]


HOLDERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def without_docstrings(code):
    """The parsed code, without docstrings."""
    tree = ast.parse(code)
    for node in ast.walk(tree):
        if (
            isinstance(node, HOLDERS)
            and len(node.body) > 1
            and ast.get_docstring(node) is not None
        ):
            del node.body[0]
    return ast.dump(tree)


def assert_own(thing):
    shown, whole = source(thing).code, own_lines(thing)
    assert [
        line.rstrip() for line in source(thing, docstring=True).code.splitlines()
    ] == whole
    rest = iter(whole)
    assert all(line in rest for line in shown.splitlines()), "a line was changed, or moved"
    assert without_docstrings(shown) == without_docstrings("\n".join(whole))
    assert [x for x in whole if x.lstrip().startswith("# ")] == [
        x for x in shown.splitlines() if x.lstrip().startswith("# ")
    ]


def name_of(thing):
    return (
        thing.__name__
        if inspect.ismodule(thing)
        else f"{thing.__module__}.{thing.__qualname__}"
    )


@pytest.mark.parametrize("thing", [*MODULES, *THINGS, *METHODS], ids=name_of)
def test_what_is_shown_is_the_files_own_code(thing):
    assert_own(thing)


def test_every_shape_of_docstring_is_left_out_and_nothing_else(made):
    for thing in (
        made,
        made.plain,
        made.nothing,
        made.raw,
        made.Thing,
        made.Thing.method,
        made.Thing.later,
        made.Thing.Within,
    ):
        assert_own(thing)
    gone = [
        "What this module",
        "One line",
        "Ends with",
        "Several",
        "Single quotes",
        "A class",
        "And a method",
        "Even this",
        "Inside",
        "of its own",
    ]
    shown = source(made).code
    assert not [words for words in gone if words in shown]
    assert (
        "# A remark that stays." in shown
        and 'X = "# no remark"' in shown
        and 'y = """not a docstring"""' in shown
    )
    assert "A body that is a docstring" in shown, "without it there would be no body"


def test_the_code_starts_at_the_margin_and_right_under_its_head(made):
    assert source(made.plain).code == "def plain(x):\n    return x  # and why"
    assert source(made.Thing.method).code == "def method(self):\n    return self.ANSWER"
    assert source(made.raw).code.splitlines()[:2] == ["def raw(x):", "    # first a remark"]
    assert source(made.Thing).code.splitlines()[:2] == [
        "class Thing(dict):",
        "    ANSWER = 42",
    ]
    assert source(made.decorated).code.startswith("@same\ndef decorated(\n    x,\n")
    assert source(made).code.startswith("# A remark that stays.\n")


def test_the_docstring_is_shown_on_request(made):
    assert (
        source(made.plain, docstring=True).code
        == 'def plain(x):\n    """One line."""\n    return x  # and why'
    )
    assert (
        '"""A class.\n\n        With an indent of its own.\n    """'
        in source(made.Thing, docstring=True).code
    )
    assert source(made, docstring=True).code.startswith(
        '"""What this module says of itself.'
    )


# The page


def text_of(page):
    return html.unescape(
        re.sub(
            r"<[^>]*>",
            "",
            re.sub(
                r"<style>.*?</style>|<figcaption>.*?</figcaption>",
                "",
                page,
                flags=re.DOTALL,
            ),
        )
    )


@pytest.mark.parametrize("thing", [legato, Notes, Tempo.constant, colours])
def test_a_page_shows_the_code_and_where_it_stands(thing):
    shown = source(thing)
    page = shown._repr_html_()
    assert text_of(page).strip("\n") == shown.code.strip("\n")
    assert html.escape(shown.place) in page and html.escape(shown.name) in page
    assert repr(shown) == f"# {shown.place}\n{shown.code}"


@pytest.mark.parametrize(
    "thing, name, place",
    [
        (legato, "legato", "fusiontools/music/notes.py"),
        (Notes, "Notes", "fusiontools/music/notes.py"),
        (Notes.of, "Notes.of", "fusiontools/music/notes.py"),
        (Notes.end.fget, "Notes.end", "fusiontools/music/notes.py"),
        (notes_module, "fusiontools.music.notes", "fusiontools/music/notes.py"),
        (source, "source", "fusiontools/show/source.py"),
        (_style, "_style", "fusiontools/show/source.py"),  # cached
        (
            memory_guard,
            "memory_guard",
            "fusiontools/training/devices.py",
        ),  # decorated by a function of another file
    ],
)
def test_names_and_places_are_the_same_on_every_machine(thing, name, place):
    assert (source(thing).name, source(thing).place) == (name, place)


def test_every_kind_of_word_has_a_colour_on_light_and_on_dark_pages():
    page = source(Notes)._repr_html_()
    light, dark = _style().split('html[data-theme="dark"]', 1)
    kinds = set(re.findall(r'<span class="(\w+)"', page))
    assert len(kinds) > 10
    for kind in kinds:
        for rules in (light, dark):
            assert re.search(rf"\.ft-code \.{kind} {{[^}}]*color: #", rules), (
                f"words of kind {kind} have no colour"
            )


def test_names_and_places_are_text():
    page = Source("x = 1 < 2", "<lambda>", "a & b.py")._repr_html_()
    assert (
        "<lambda>" not in page
        and "&lt;lambda&gt;" in page
        and "a &amp; b.py" in page
        and text_of(page).strip() == "x = 1 < 2"
    )


# What has no source


@pytest.mark.parametrize(
    "thing",
    [
        len,
        int,
        3,
        "text",
        Notes.of([]),
        eval("lambda x: x"),
        importlib.import_module("sys"),
    ],
)
def test_what_has_no_source_is_refused(thing):
    with pytest.raises(FusionError, match="Python has no source for .*What to do"):
        source(thing)


def contrast(colour, paper):
    """Between two colours, as WCAG counts it: 1 if they are one, 21 of black and white."""

    def light(hexadecimal):
        parts = [int(hexadecimal[i : i + 2], 16) / 255 for i in (0, 2, 4)]
        linear = [
            p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
        ]
        return sum(w * x for w, x in zip((0.2126, 0.7152, 0.0722), linear))

    dark, pale = sorted((light(colour), light(paper)))
    return (pale + 0.05) / (dark + 0.05)


def test_every_colour_of_code_is_read_on_its_paper():
    light, dark = _style().split('html[data-theme="dark"]', 1)
    assert contrast("000000", "ffffff") == pytest.approx(21)
    for rules, paper in ((light, "ffffff"), (dark, "121212")):
        words = re.findall(r"\.ft-code \.(\w+) {[^}]*?[^-]color: #(\w{6})", rules)
        pale = [(kind, c) for kind, c in words if contrast(c, paper) < 4.5 and kind != "w"]
        assert len(words) > 20 and not pale
