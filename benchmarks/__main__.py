"""Run the benchmarks, and print what was promised beside what was measured, as it comes.

A benchmark is a public function in a module beside this one that takes nothing, or only
settings and is marked as slow. It gives rows (see `benchmarks.measure.Row`). Exit status 1
says that a promise was not kept here.
"""

import argparse
import importlib
import inspect
import pkgutil
import sys
import time

import benchmarks
from benchmarks.measure import Row, machine, open_table

PROGRAMS = ("__main__", "five_views", "measure", "setups")  # no topics
ABOUT = {"quick": "up to two minutes", "slow": "up to an hour"}  # on two idle cores


def is_benchmark(function, module):
    if not inspect.isfunction(function) or function.__module__ != module.__name__:
        return False
    alone = hasattr(function, "slow") or not inspect.signature(function).parameters
    return alone and not function.__name__.startswith("_")


def find():
    """All benchmarks, by "topic.name", in the order of files and of functions in them."""
    found = {}
    topics = {m.name for m in pkgutil.iter_modules(benchmarks.__path__)}
    for topic in sorted(topics - set(PROGRAMS)):
        module = importlib.import_module(f"benchmarks.{topic}")
        for name, function in vars(module).items():
            if is_benchmark(function, module):
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
    """The rows of one benchmark, as they come. One that breaks says so in a row and lets
    the others run.
    """
    try:
        yield from function()
    # whatever it is, a benchmark that breaks has kept no promise
    except Exception as error:
        yield Row(key, "", f"broke: {type(error).__name__}: {error}", False)


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
        help="the slow ones too: they build the book anew, or train",
    )
    chosen = parser.parse_args(arguments)
    known = {part for key in found for part in (key, *key.split("."))}
    if unknown := [name for name in chosen.names if name not in known]:
        parser.error(
            f"no benchmark is called {', '.join(unknown)}. There are: {', '.join(found)}"
        )
    run = choose(found, chosen.names, chosen.full)
    left = [key for key in found if key not in run and not chosen.names]

    long = dict.fromkeys(ABOUT, 0)
    for function in run.values():
        long["slow" if hasattr(function, "slow") else "quick"] += 1
    told = [f"{count} {kind}, each {ABOUT[kind]}" for kind, count in long.items() if count]
    console, show = open_table(*machine(), f"{len(run)} benchmarks: {'; '.join(told)}", "")
    missed, began = 0, time.perf_counter()
    for key, function in run.items():
        start = time.perf_counter()
        with console.status(f"measuring {key}"):
            for row in measure(key, function):
                show(row)
                missed += row.reached is False
        console.print(f"  {key}: {time.perf_counter() - start:.0f} s", style="dim")
    if left:
        console.print(f"Not measured, for they are slow: {', '.join(left)}. See --full.")
    kept = "Every promise was kept" if not missed else f"{missed} promises were not kept"
    console.print(f"{kept}, in {time.perf_counter() - began:.0f} s.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
