"""What every page has: a frame that tells the truth, exercises that check themselves, links
that work everywhere, symbols that the notation page explains, code that carries the idea.
"""

import ast
import contextlib
import io
import re
import symtable
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "book"))
import links  # noqa: E402
import pages  # noqa: E402
import symbols  # noqa: E402

PAPERS = ("03_fusiongan", "04_connective_fusion", "05_domain_transfer", "06_lstm_gan")
PAPERS += ("07_audio_style", "08_side_by_side")


@pytest.fixture(params=pages.notebooks(), ids=lambda path: path.stem)
def page(request):
    """A page of a chapter."""
    return request.param


@pytest.fixture(params=pages.every_notebook(), ids=lambda path: path.stem)
def notebook(request):
    """A page of a chapter, or a notebook for those in a hurry."""
    return request.param


# ---- the frame and the recap -----------------------------------------------------------


def frame_faults(page):
    first = pages.cells(page)[0]["source"]
    title, _, frame = first.partition("\n\n")
    lines = frame.split("\n")
    faults = []
    if not re.fullmatch("# .+", title) or not all(line.startswith(">") for line in lines):
        faults.append("the first cell is not a title and a quotation")
    if len(re.findall(r"^> - \*\w+\* .+", frame, re.M)) != 3:
        faults.append("no three things that you can do after it, each with its *verb*")
    for part in ("After this page you can", "You need"):
        faults += [] if f"**{part}**" in frame else [f"no line {part!r}"]
    if pages.time_line(page) not in frame:
        faults.append(f"not the times of the record: {pages.time_line(page)!r}")
    if "not measured" in frame:
        faults.append("a scale is not measured")
    return faults


def test_a_page_says_what_it_gives_what_it_needs_and_how_long_it_takes(page):
    assert frame_faults(page) == []


def test_the_time_to_run_is_told_once_where_it_is_the_same(tmp_path, monkeypatch):
    page, record = pages.notebooks()[0], tmp_path / "minutes.json"
    monkeypatch.setattr(pages, "MINUTES", record)

    def line(smoke, laptop, paper):
        runs = {"smoke": smoke, "laptop": laptop, "paper": paper}
        record.write_text(pages.json.dumps({page.stem: runs}))
        return pages.time_line(page)

    scale = f"[scale]({links.blob()}book/how_to_use.md#two-settings)"
    here, there = "2 CPU cores", "one GPU"
    same = line([0.5, here], [0.4, here], [0.6, here])
    assert f"To run, on 2 CPU cores: half a minute, at every {scale}." in same
    assert "minutes to read, without the exercises." in same
    differs = line([0.5, here], [3, here], [120, there])
    assert f"To run, by {scale}: `smoke` half a minute, on 2 CPU cores; " in differs
    assert "`laptop` 3 minutes, on 2 CPU cores; `paper` 2 hours, on one GPU." in differs
    assert differs.endswith(" No GPU is used.")


def test_a_page_ends_with_a_recap_of_five_lines(page):
    texts = [cell["source"] for cell in pages.cells(page, "markdown")]
    recaps = [text for text in texts if text.startswith("## Recap\n")]
    lines = [len(re.findall("^- ", recap, re.M)) for recap in recaps]
    assert lines == [5]


def test_the_quickstart_is_five_cells_and_says_how_long_they_take():
    (quick,) = set(pages.every_notebook()) - set(pages.notebooks())
    assert quick.stem == "quickstart" and len(pages.cells(quick, "code")) == 5
    first = pages.cells(quick)[0]["source"]
    assert re.match("# .+", first) and pages.time_line(quick) in first
    assert "not measured" not in first


def test_reading_time_counts_words_code_and_players(tmp_path):
    def cell(kind, source, **metadata):
        return {"cell_type": kind, "source": source, "metadata": metadata}

    hidden = cell("code", "x = 1\n" * 900, tags=["hide-input"])
    shown = cell("code", "x = 1\n" * 200 + "\n# a comment")
    played = [cell("code", "show.player(x)")] * 10
    prose, after = (
        cell("markdown", "word " * 1000),
        cell("markdown", "## Exercises" + " a" * 999),
    )
    notebook = tmp_path / "a.ipynb"

    def minutes(*cells):
        notebook.write_text(pages.json.dumps({"cells": list(cells)}))
        return pages.reading_minutes(notebook)

    assert minutes(prose) == 5 and minutes(prose, hidden) == 5
    assert minutes(prose, shown) == 15
    assert minutes(prose, shown, *played) == 20
    assert minutes(prose, shown, *played, after, shown, shown) == 20


def test_a_paragraph_has_at_most_110_words(notebook):
    long = []
    for cell in pages.cells(notebook, "markdown"):
        for part in re.split(r"\n\s*\n|\n(?=\s*[-*|>] |\d+\. )", cell["source"]):
            words = len(re.sub(r"\]\([^)]*\)", "", part).split())
            long += [f"{words} words: {part[:60]!r}"] if words > 110 else []
    assert long == []


# ---- exercises -------------------------------------------------------------------------

OPPOSITE = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult}
OPPOSITE |= {ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Lt: ast.GtE, ast.GtE: ast.Lt}
OPPOSITE |= {ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


def exercises(page):
    """The exercises of a page as stub, check and solution, by the number of the check."""
    found, cells = {}, pages.cells(page, "code")
    for number, cell in enumerate(cells):
        if "exercise-check" in pages.tags(cell):
            found[number] = tuple(c["source"] for c in cells[number - 1 : number + 2])
    return found


def defined(source):
    """The functions and classes that a cell defines, by name."""
    kinds = ast.FunctionDef | ast.ClassDef
    return {node.name: node for node in ast.parse(source).body if isinstance(node, kinds)}


def solving(name):
    """What the solution calls that which the stub calls `my_pitch` or `MyCritic`."""
    return re.sub("^(my_|My)", "", name)


def mutants(node):
    """Wrong versions of a function or class: one operation turned round, or one number
    changed.
    """
    source = ast.unparse(node)
    for number, _ in enumerate(ast.walk(ast.parse(source))):
        tree = ast.parse(source)
        part = list(ast.walk(tree))[number]
        if isinstance(part, ast.BinOp) and type(part.op) in OPPOSITE:
            part.op = OPPOSITE[type(part.op)]()
        elif isinstance(part, ast.Compare) and type(part.ops[0]) in OPPOSITE:
            part.ops[0] = OPPOSITE[type(part.ops[0])]()
        elif isinstance(part, ast.Constant) and type(part.value) in (int, float):
            part.value += 1
        else:
            continue
        yield ast.unparse(tree)


def run(source, space):
    """Run a cell; what it printed."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(source, "<cell>", "exec"), space)
    return printed.getvalue()


def verdict(solution, stub, check, space):
    """What a check says of a solution in the place of the stub."""
    space = dict(space)
    with warnings.catch_warnings(action="ignore"):
        try:
            run(solution, space)
            space |= {name: space[solving(name)] for name in defined(stub)}
            return run(check, space)
        except Exception as error:
            return f"{type(error).__name__}: {error}"


def test_exercises_have_a_stub_a_check_and_a_folded_solution(page):
    faults = [] if exercises(page) else ["no exercise has a stub, a check and a solution"]
    for cell in pages.cells(page, "code"):
        if "exercise-solution" in pages.tags(cell):
            folded = cell["metadata"].get("jupyter", {}).get("source_hidden")
            folded = folded and cell["metadata"].get("cellView") == "form"
            if not folded or "hide-cell" not in pages.tags(cell):
                faults.append(f"a solution that is not folded: {cell['source'][:60]!r}")
    for stub, check, solution in exercises(page).values():
        names, solved = defined(stub), defined(solution)
        if not names or not all(re.match("my_|My", name) for name in names):
            faults.append(f"a stub whose names do not begin with my_: {list(names)}")
        if not {solving(name) for name in names} <= set(solved):
            faults.append(f"a solution that leaves out one of {list(names)}")
        for node in ast.walk(ast.parse(check)):
            if isinstance(node, ast.Assert) and node.msg is None:
                faults.append(f"an assert without a message: {ast.unparse(node)}")
    for text in (cell["source"] for cell in pages.cells(page, "markdown")):
        if re.search(r"^:::\{(exercise|solution)", text, re.M):
            faults.append(f"an exercise without a check: {text[:60]!r}")
    titles = links.markdown_of(page).partition("\n## Exercises\n")[2].partition("\n## ")[0]
    titles = re.findall("^### (.+)", titles, re.M)
    faults += [f"{t!r} has no stars" for t in titles if not re.search(" ★{1,3}$", t)]
    if len(titles) != len(exercises(page)):
        faults.append(f"{len(titles)} exercises, {len(exercises(page))} checks")
    assert faults == []


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_has_six_to_eight_exercises(paper):
    found = [exercises(p) for p in pages.notebooks() if p.stem.startswith(paper)]
    assert 6 <= sum(map(len, found)) <= 8, [len(some) for some in found]


def names(source):
    """What a cell gives to those after it, what it takes from those before, and what its
    functions take once they are called.
    """
    gives, takes, late = set(), set(), set()

    def visit(scope, outermost):
        for symbol in scope.get_symbols():
            name = symbol.get_name()
            if outermost and (symbol.is_assigned() or symbol.is_imported()):
                gives.add(name)
            if symbol.is_referenced() and (outermost or symbol.is_global()):
                (takes if outermost else late).add(name)
        for inner in scope.get_children():
            visit(inner, False)

    visit(symtable.symtable(source, "<cell>", "exec"), True)
    for node in ast.walk(ast.parse(source)):  # x[0] = 1 gives another x, as x = 1 does
        if isinstance(node, ast.Subscript | ast.Attribute):
            inner = node.value
            if isinstance(node.ctx, ast.Store) and isinstance(inner, ast.Name):
                gives.add(inner.id)
                takes.add(inner.id)
    return gives, takes, late


def stands_on(sources, number):
    """The cells that an exercise needs, its stub, check and solution last."""
    own, kept = [number - 1, number, number + 1], []
    while True:
        late = set().union(*(names(sources[i])[2] for i in kept + own))
        wanted, found = set().union(*(names(sources[i])[1] for i in own)), []
        for i in reversed(range(number - 1)):
            gives, takes, _ = names(sources[i])
            if gives & (wanted | late):
                found.append(i)
                wanted = (wanted - gives) | takes
        if found == kept:
            return sorted(kept + own)
        kept = found


def test_an_exercise_stands_on_the_cells_that_make_what_it_uses():
    sources = ["import math", "x = math.pi", "def f(a):\n    return a + y", "y = 1"]
    sources += ["z = 2", "x = 3", "w = [0]", "w[0] = x", "def my_g(): ..."]
    sources += ["assert my_g() in (None, f(w))", "def g():\n    return f(w)"]
    assert stands_on(sources, 9) == [2, 3, 5, 6, 7, 8, 9, 10]


def test_a_check_passes_the_solution_and_nothing_else(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    from fusiontools import show

    for heard in ("player", "explore"):  # nobody listens here
        monkeypatch.setattr(show, heard, lambda *_, **__: None)
    todo, sources = exercises(page), [c["source"] for c in pages.cells(page, "code")]
    needed = sorted(set().union(*(stands_on(sources, number) for number in todo)))
    space = {"__name__": "__main__"}
    for number in needed:
        said = run(sources[number], space)
        plt.close("all")
        if number not in todo:
            continue
        stub, check, solution = todo[number]
        wanted = list(defined(stub))
        assert "Not solved yet." in said, (
            f"{wanted}: the check of an empty stub says {said!r}"
        )
        parts, passed, count = defined(solution), [], 0
        whole = "\n\n".join(map(ast.unparse, parts.values()))
        said = verdict(whole, stub, check, space)
        assert said.startswith("Right"), f"{wanted}: the check says of the solution: {said}"
        for name in wanted:
            wrong = list(mutants(parts[solving(name)]))
            told = [verdict(f"{whole}\n\n{w}", stub, check, space) for w in wrong]
            right = [w for w, said in zip(wrong, told) if said.startswith("Right")]
            noticed = len(right) < len(wrong) or not wrong
            assert noticed, f"{name}: no wrong version is noticed"
            passed, count = passed + right, count + len(wrong)
        told = f"{wanted}: of {count} wrong versions, these pass:\n" + "\n".join(passed)
        assert count and len(passed) <= count / 2, told


# ---- links -----------------------------------------------------------------------------

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")


def test_a_notebook_holds_plain_markdown(notebook):
    text = links.outside_code(links.markdown_of(notebook))
    faults = re.findall(r"\{[a-z:]+\}`[^`]*`", text)
    faults += re.findall(r"^(?::::+|`{3,})\{.*", links.markdown_of(notebook), re.M)
    assert faults == []


def test_every_link_of_a_notebook_has_its_target(notebook):
    faults = []
    for link in LINK.findall(links.markdown_of(notebook)):
        where, _, anchor = link.partition("#")
        if where.startswith(links.blob()):
            target = ROOT / where.removeprefix(links.blob())
        elif re.match("https?:", where):
            continue
        else:
            target = notebook.parent / where if where else notebook
            faults += (
                [] if target.suffix == ".ipynb" else [f"not to be had on Colab: {link}"]
            )
        assert target.is_file(), f"{link} leads nowhere"
        assert not anchor or anchor in links.anchors(target), f"{link}: no such heading"
    assert faults == []


def test_roles_become_links():
    notebook, prose = ROOT / "notebooks" / "a.ipynb", ROOT / "book" / "a.md"
    word = "{term}`Intervals\n<interval>`"
    there = links.blob() + "book/glossary.md#interval"
    assert links.plain(word, notebook) == f"[Intervals]({there})"
    assert links.plain(word, prose) == "[Intervals](glossary.md#interval)"
    deep = ROOT / "book" / "api" / "a.md"
    assert links.plain("{term}`pickup`", deep) == "[pickup](../glossary.md#anacrusis)"
    assert links.plain("{cite}`chen2017fusiongan,akama2020connective`", prose) == (
        "([Chen et al., 2017](references.md#chen-et-al-2017); "
        "[Akama, 2020](references.md#akama-2020))"
    )
    assert links.plain("{cite:t}`liu_convlstmgan`", prose) == (
        "[Liu and Huo (n.d.)](references.md#liu-and-huo-nd)"
    )
    assert links.plain("{doc}`Notes <notation>`", prose) == "[Notes](notation.md)"
    assert links.plain("{doc}`../book/notation`", notebook) == (
        f"[Notation]({links.blob()}book/notation.md)"
    )
    for role in ("{term}`unheard of`", "{cite}`nobody1900`", "{doc}`nowhere`"):
        with pytest.raises(KeyError, match="a.md: .* no (entry|work|page)"):
            links.plain(role, prose)
    beside = "[runs](../book/results.md#fusiongan)"
    assert (
        links.plain(beside, notebook) == f"[runs]({links.blob()}book/results.md#fusiongan)"
    )


def test_the_book_gets_its_own_pages_back():
    notebook = ROOT / "notebooks" / "a.ipynb"
    linked = links.plain("{term}`interval`", notebook)
    assert links.within(linked, notebook) == "[interval](../book/glossary.md#interval)"
    other = f"[a file]({links.blob()}fusiontools/errors.py)"
    assert links.within(other, notebook) == other


def test_headings_are_reached_by_the_anchors_that_the_book_gives_them():
    from myst_parser.mdit_to_docutils.base import default_slugify

    titles = links.HEADING.findall((ROOT / "book" / "glossary.md").read_text("utf-8"))
    titles += ["Upside down ★", "1. Tokens: a tune as a sentence", "Müller, 2021"]
    for title in titles:
        assert links.slug(title) == default_slugify(title)


def test_the_glossary_is_sorted_and_the_references_are_those_of_the_bibliography():
    text = (ROOT / "book" / "glossary.md").read_text("utf-8")
    titles = re.findall("^### (.+)", text, re.M)
    assert titles == sorted(titles, key=str.lower) and len(set(titles)) == len(titles)
    for letter, part in re.findall(r"^## (.)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        assert all(t[0].upper() == letter for t in re.findall("^### (.+)", part, re.M))
    page = ROOT / "book" / "references.md"
    assert page.read_text("utf-8") == links.references(), (
        "python book/pages.py --references"
    )


# ---- symbols ---------------------------------------------------------------------------


def test_every_symbol_of_a_page_has_a_row_of_the_notation_page(page):
    assert pages.unknown_symbols(page) == []


def test_no_symbol_of_the_notation_page_has_two_rows():
    found = symbols.meanings()
    assert len(found) > 60
    assert [name for name in set(found) if found.count(name) > 1] == []


@pytest.mark.parametrize(
    ("formula", "found"),
    [
        (r"$\hat{o} = \delta\, t$", ["o", r"\delta", "t"]),
        (r"$\text{seconds}(o) = \frac{60}{r}\, o\ \text{Hz}$", ["o", "r", "o"]),
        (r"$P_{G_F}$ and `code $x$`", ["P_{G_{F}}"]),
        (r"$\bar\sigma_{z,i}^{\,2}$", [r"\bar \sigma_{z}"]),
        (r"$\mathcal L_{\text{bal}}, x_{\mathrm L}$", [r"\mathcal L_{bal}", "x_{L}"]),
        (r"$$ Y_{k,t} = \sum_{n=0}^{w-1} u_n $$", ["Y", "n", "w", "u"]),
        (r"$x_{<t}$ costs \$5, not $6$", ["x"]),
    ],
)
def test_formulas_are_cut_into_symbols(formula, found):
    (first, *_) = symbols.formulas(formula)
    assert [str(s) for s in symbols.read(symbols.cut(first))] == found


def test_a_symbol_is_known_by_its_row_or_by_its_parts():
    book, papers = symbols.notation()

    def known(formula, table=book):
        return all(symbols.is_known(s, table) for s in symbols.symbols(f"${formula}$"))

    assert known(r"G_F, P_{G_B}, \mathcal L_{\text{new}}, \hat x', z_{\mathrm L}, R_{t,p}")
    for unknown in (r"\mathbb P", r"z_{\text{tmp}}", r"\epsilon", "C"):
        assert not known(unknown), unknown
    assert known(r"\mathbb P_\theta", papers)


# ---- code ------------------------------------------------------------------------------


def test_most_of_the_visible_code_carries_the_idea(notebook):
    idea, visible = pages.idea_share(notebook)
    share, told = idea / visible, f"{idea} of {visible} lines of code carry the idea"
    assert share >= 0.6, f"{told}: fold the others (hide-input), or shorten them"


def test_no_visible_cell_is_longer_than_twenty_lines(notebook):
    long = []
    for cell in pages.cells(notebook, "code"):
        lines = len(pages.code_lines(cell["source"]))
        if not pages.tags(cell) & pages.HIDDEN and lines > 20:
            long.append(f"{lines} lines: {cell['source'][:60]!r}")
    assert long == []


@pytest.mark.parametrize("paper", PAPERS)
def test_a_first_page_builds_its_method_and_takes_nothing_from_the_package(paper):
    (page,) = [p for p in pages.notebooks() if p.stem == f"{paper}_1_from_scratch"]
    classes, kinds = [], ("Module", "Networks")
    for cell in pages.cells(page, "code"):
        if pages.tags(cell) & (pages.HIDDEN | pages.EXERCISE):
            continue
        tree = ast.parse(cell["source"])
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        methods = {paper.partition("_")[2], "losses", "networks", "package"}
        assert not used & methods, cell["source"]
        classes += [n for n in tree.body if isinstance(n, ast.ClassDef)]
    assert any(kind in ast.unparse(c.bases[0]) for c in classes for kind in kinds)


def test_lines_are_told_apart():
    source = '''
import numpy as np

def double(x):
    """Twice as much."""
    return 2 * x

def wiring(x):
    y = double(x)
    return show.player(y)

rows = [f"| {x} |" for x in (1, 2)]
for x in (1, 2):
    print(double(x))
for x in (1, 2):
    y = double(x)
    print(y)
fig, ax = plt.subplots()
ax.plot(y)
assert y == 4
Markdown("so")
'''
    carries = pages.idea_lines(ast.parse(source).body)
    told = [line for n, line in enumerate(source.split("\n"), 1) if carries.get(n)]
    assert [line.strip() for line in told if line] == [
        "def double(x):",
        "return 2 * x",
        "for x in (1, 2):",
        "y = double(x)",
        "assert y == 4",
    ]
