"""What every chapter has beside its content, made and counted by code.

    python book/pages.py --links NOTEBOOK ...       roles such as {term} into plain links
    python book/pages.py --measure NOTEBOOK ...     run it at each scale; minutes.json
    python book/pages.py --frame NOTEBOOK ...       the minutes into its `> **Time.** ...`
    python book/pages.py --code                     how much visible code carries the idea
    python book/pages.py --symbols                  which symbols no row of notation.md has
    python book/pages.py --references               references.md out of references.bib

`--measure` takes `--scale smoke laptop`, where a paper's own sizes would take hours.
"""

import argparse
import ast
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import links
import symbols

ROOT = links.ROOT
SCALES = ("smoke", "laptop", "paper")
MINUTES = ROOT / "book" / "minutes.json"
TRAINING = ROOT / "book" / "training.json"  # by training_costs.py
TIME = re.compile(r"> \*\*Time\.\*\*.*?(?=\n>\s*\n|\n(?!>)|\Z)", re.S)

# ---- notebooks -------------------------------------------------------------------------


def notebooks():
    """The chapters, in order: the notebooks whose names begin with a number."""
    return [path for path in every_notebook() if path.name[0].isdigit()]


def every_notebook():
    """The chapters, and notebooks for those in a hurry."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path, kind=None):
    """The cells of a notebook, all or of one kind, with `source` as one string."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    chosen = [cell for cell in found if kind in (None, cell["cell_type"])]
    return [cell | {"source": "".join(cell["source"])} for cell in chosen]


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def rewrite(path, change):
    """Write a notebook anew with `change(source)` for each Markdown cell."""
    text = path.read_text(encoding="utf-8")
    text = links.over_markdown(path, lambda source, page: change(source), text)
    path.write_text(text, encoding="utf-8")


# ---- the frame: minutes to read and to run ---------------------------------------------


def reading_minutes(path):
    """How long the page takes to read, to the next 5 minutes, without its exercises: 200
    words and 20 lines of visible code a minute, half a minute for each player.
    """
    total = 0
    for cell in cells(path):
        source = cell["source"]
        if source.startswith("## Exercises"):
            break
        if cell["cell_type"] == "markdown":
            total += len(source.split()) / 200
        elif not tags(cell) & HIDDEN:
            total += len(code_lines(source)) / 20
        total += 0.5 * (cell["cell_type"] == "code" and "show.player(" in source)
    return 5 * max(1, round(total / 5))


def measure(path, scale):
    """Minutes that a notebook takes from its first cell to its last; the cache is empty."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"FUSIONTOOLS_SCALE": scale, "FUSIONTOOLS_CACHE": folder}
        execute = "-m nbconvert --to notebook --execute --ExecutePreprocessor.timeout=-1"
        command = [sys.executable, *execute.split(), "--output-dir", folder, str(path)]
        began = time.monotonic()
        subprocess.run(command, env=environment, check=True, cwd=path.parent)
        return round((time.monotonic() - began) / 60, 2)


def machine():
    """What a measurement ran on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{os.cpu_count()} CPU cores"


def said(minutes):
    if minutes is None:
        return "not measured"
    if minutes >= 72 * 60:
        return f"{minutes / 60 / 24:.0f} days"
    if minutes >= 90:
        return f"{minutes / 60:.0f} hours"
    if minutes < 0.75:
        return "half a minute"
    # nobody minds to be ready sooner than told
    return "1 minute" if minutes <= 1.25 else f"{math.ceil(minutes - 0.25)} minutes"


def time_line(path):
    """The line of a frame that says how long the page takes."""
    measured = json.loads(MINUTES.read_text(encoding="utf-8")).get(path.stem, {})
    runs = {scale: measured.get(scale, [None, "any machine"]) for scale in SCALES}
    told = {(said(minutes), where) for minutes, where in runs.values()}
    explained = links.target(links.BOOK / "how_to_use.md", path)
    scale = f"[scale]({explained}#two-settings)"
    if len(told) == 1:
        long, where = told.pop()
        run = f"To run, on {where}: {long}, at every {scale}."
    else:
        each = [f"`{s}` {said(m)}, on {where}" for s, (m, where) in runs.items()]
        run = f"To run, by {scale}: {'; '.join(each)}."
    read = f"{reading_minutes(path)} minutes to read"
    if any(cell["source"].startswith("## Exercises") for cell in cells(path, "markdown")):
        read += ", without the exercises"
    return f"> **Time.** {read}. {run} {gpu_line(path)}"


def gpu_line(path):
    """What a page can do with a GPU: the second of a paper trains on it, if asked."""
    costs = json.loads(TRAINING.read_text(encoding="utf-8"))
    paper = next((name for name in costs if f"_{name}_2_" in path.name), None)
    if paper is None:
        return "No GPU is used."
    both = {scale: costs[paper][scale] for scale in ("laptop", "paper")}
    minutes = ", ".join(f"`{s}` {said(cost['minutes'])}" for s, cost in both.items())
    room = [f"{max(cost['megabytes'], 100) / 1000:.1f}" for cost in both.values()]
    needs = f"a GPU needs {' and '.join(room)} GB"
    return f"To train anew (`TRAIN = True`), on one core, estimated: {minutes}; {needs}."


# ---- the share of visible code that carries the idea ------------------------------------

HIDDEN = {"hide-input", "remove-input", "hide-cell", "remove-cell"}
EXERCISE = {"exercise-stub", "exercise-check", "exercise-solution"}
TOOLS = {"print", "display", "Markdown", "HTML"}  # what is called to show a result
TOOLS |= {"show", "figures", "tables", "plt", "fig", "ax", "axes"}  # or to draw it
TOOLS |= {"os", "shutil", "tempfile", "time", "signal", "Path"}  # files and clocks
SHOWN = {"fig", "ax", "axes", "title", "label", "names", "takes", "rows", "cells"}
SHOWN |= {"knobs", "twin", "control"}  # names of what is only shown


def code_lines(source):
    """The numbers of a cell's lines that hold code: neither empty nor only a comment."""
    lines = enumerate(source.split("\n"), 1)
    return [n for n, line in lines if line.strip() and not line.strip().startswith("#")]


def root_of(node):
    """The name that an expression starts from: `ax` in `ax.figure.savefig(file)`."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else None


def is_text(node):
    """Whether an expression is made of strings only: a label, a row of a table."""
    parts = {ast.List: "elts", ast.Tuple: "elts", ast.Dict: "values"}.get(type(node))
    if parts:
        return bool(getattr(node, parts)) and all(map(is_text, getattr(node, parts)))
    if isinstance(node, ast.BinOp):
        return is_text(node.left) and is_text(node.right)
    joined = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    if joined and node.func.attr in ("join", "append"):
        return isinstance(node.func.value, ast.Constant) or all(map(is_text, node.args))
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", 0), str)


def is_plumbing(node):
    """Whether a simple statement only imports, shows, draws, labels, or handles files."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass):
        return True
    value = getattr(node, "value", None)
    if isinstance(node, ast.Expr | ast.Return):
        return (
            isinstance(value, ast.Name) or root_of(value) in TOOLS | SHOWN or is_text(value)
        )
    if isinstance(node, ast.Assign):
        targets = [t for t in node.targets for t in getattr(t, "elts", [t])]
        shown = all(root_of(target) in SHOWN for target in targets)
        return shown or is_text(value) or root_of(value) in TOOLS - {"show"}
    return False


def idea_lines(nodes):
    """For each line of some statements, whether it carries the idea. A loop or a function
    is plumbing if all within is, and a function also if it returns what is shown: it
    belongs to a control.
    """
    found = {}
    for node in nodes:
        span = range(node.lineno, node.end_lineno + 1)
        blocks = [getattr(node, name, []) for name in ("body", "orelse", "finalbody")]
        blocks += [handler.body for handler in getattr(node, "handlers", [])]
        if not any(blocks):
            found |= dict.fromkeys(span, not is_plumbing(node))
            continue
        inner = {}
        for block in blocks:
            inner |= idea_lines(block)
        last = node.body[-1]
        control = isinstance(last, ast.Return) and root_of(last.value) == "show"
        idea = any(inner.values()) and not control
        found |= {line: inner.get(line, idea) and idea for line in span}
    return found


def idea_share(path):
    """How many lines of code a page shows, and how many of them carry the idea. Exercises
    do not count.
    """
    idea = visible = 0
    for cell in cells(path, "code"):
        if tags(cell) & (HIDDEN | EXERCISE):
            continue
        carries = idea_lines(ast.parse(cell["source"]).body)
        lines = code_lines(cell["source"])
        idea += sum(carries[line] for line in lines if line in carries)
        visible += len(lines)
    return idea, visible


# ---- symbols ---------------------------------------------------------------------------


# Symbols of clocks and of sound. On a page about notes and networks, one of these means
# something else than the notation page says.
SOUND = {"r", "w", "h", "u", "y", "Y", "S", "K"}
NOTES_ONLY = ("03", "04", "05", "06")


def unknown_symbols(path):
    """The symbols of a page that no row of the notation page has, as strings, sorted. A
    cell tagged `as-printed` may hold the papers' own.
    """
    book, papers = symbols.notation()
    if path.name.startswith(NOTES_ONLY):
        book = {symbol for symbol in book if symbol.base not in SOUND}
    found = set()
    for cell in cells(path, "markdown"):
        known = book | papers if "as-printed" in tags(cell) else book
        used = symbols.symbols(cell["source"])
        found |= {str(symbol) for symbol in used if not symbols.is_known(symbol, known)}
    return sorted(found)


# ---- the command -----------------------------------------------------------------------


def main(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("links", "measure", "frame", "code", "symbols", "references"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--scale", nargs="+", choices=SCALES, default=SCALES)
    parser.add_argument(
        "pages", nargs="*", type=Path, help="all chapters, if none is named"
    )
    asked = parser.parse_args(arguments)
    pages = [page.resolve() for page in asked.pages] or notebooks()
    if asked.references:
        page = ROOT / "book" / "references.md"
        page.write_text(links.references(), encoding="utf-8")
    if asked.measure:
        for page in pages:
            for scale in asked.scale:
                here = [measure(page, scale), machine()]
                record = json.loads(MINUTES.read_text(encoding="utf-8"))
                record[page.stem] = record.get(page.stem, {}) | {scale: here}
                MINUTES.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
                print(f"{page.stem} at {scale}: {here[0]} minutes on {here[1]}")
    for page in pages:
        if asked.links:
            rewrite(page, lambda source, page=page: links.plain(source, page))
        if asked.frame or asked.measure:
            rewrite(page, lambda source, page=page: TIME.sub(time_line(page), source))
    for page in pages:
        if asked.code:
            idea, visible = idea_share(page)
            print(
                f"{idea / max(visible, 1):5.0%}  {idea:3} of {visible:3} lines  {page.stem}"
            )
        if asked.symbols:
            print(f"{page.stem}: {', '.join(unknown_symbols(page)) or 'all known'}")


if __name__ == "__main__":
    main(sys.argv[1:])
