"""Run the benchmarks and print what was promised beside what was measured.

A benchmark is a public function in a module beside this one. It takes nothing and gives
rows (see `benchmarks.measure.Row`). Exit status 1 says that a promise was not kept here.
"""

import argparse
import importlib
import inspect
import pkgutil
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

import benchmarks
from benchmarks.measure import Row, machine

NOT_TOPICS = ("__main__", "five_views", "measure")  # five_views writes records
REACHED = {True: "[green]yes[/green]", False: "[red]no[/red]", None: "–"}


def find():
    """All benchmarks, by "topic.name", in the order of files and of functions in them."""
    found = {}
    topics = {m.name for m in pkgutil.iter_modules(benchmarks.__path__)}
    for topic in sorted(topics - set(NOT_TOPICS)):
        module = importlib.import_module(f"benchmarks.{topic}")
        for name, function in vars(module).items():
            own = getattr(function, "__module__", "") == module.__name__
            if own and inspect.isfunction(function) and not name.startswith("_"):
                found[f"{topic}.{name}"] = function
    return found


def choose(found, names, full):
    """The benchmarks that were asked for: a name is a topic, a function, or both with a
    dot. A slow one wants its own name, or --full.
    """

    def wanted(key, function):
        topic, name = key.split(".")
        return {key, name} & set(names) or (
            (not names or topic in names) and (full or not hasattr(function, "slow"))
        )

    return {key: function for key, function in found.items() if wanted(key, function)}


def measure(key, function):
    """The rows of one benchmark. One that breaks says so in the table and lets the others
    run.
    """
    rows = []
    try:
        rows.extend(function())
    # whatever it is, a benchmark that breaks has kept no promise
    except Exception as error:
        rows.append(Row(key, "", f"broke: {type(error).__name__}: {error}", False))
    return rows


def main(arguments=None):
    found = find()
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="What the project promises, and what this machine says to it.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        help=f"which ones; by default all but the slow. There are: {', '.join(found)}",
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="the slow ones too: they install everything anew",
    )
    chosen = parser.parse_args(arguments)
    known = {part for key in found for part in (key, *key.split("."))}
    if unknown := [name for name in chosen.names if name not in known]:
        parser.error(
            f"no benchmark is called {', '.join(unknown)}. There are: {', '.join(found)}"
        )
    run = choose(found, chosen.names, chosen.full)

    console = Console()
    if not console.is_terminal:
        console = Console(width=140)  # a file or a log: no reason to break lines at 80
    table = Table("what", "promised", "measured", "reached")
    for line in machine():
        console.print(line, highlight=False)
    missed = 0
    for key, function in found.items():
        if key in run:
            with console.status(f"measuring {key}"):
                rows = measure(key, function)
        elif chosen.names and key.split(".")[0] not in chosen.names:
            continue
        else:
            rows = [Row(key, "", "not measured: it takes minutes, and runs with --full")]
        for row in rows:
            table.add_row(
                escape(row.what),
                escape(row.promised),
                escape(row.measured),
                REACHED[row.reached],
            )
            missed += row.reached is False
        table.add_section()
    console.print(table)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
