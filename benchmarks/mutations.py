"""Whether the tests notice when a line of the package is changed.

    python -m benchmarks.mutations [ROOM ...] [--each 8] [--seed 0]

Each change is one that a slip of the hand makes: a comparison that takes its bound in, a
sign, a number off by one, a condition turned around, a call that is left out. It is made in
a copy of the repository, alone, and the tests of its room run. What they do not notice is
printed: it wants a test of the behaviour, unless the change makes no difference that
anybody could see.
"""

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.measure import Row, copy_of_the_repository, slow

ROOMS = {  # which tests hold a room
    "music": ["tests/music"],
    "corpora": ["tests/corpora"],
    "score": ["tests/score"],
    "show": ["tests/show"],
    "training": ["tests/training"],
    "judges": ["tests/judges"],
    "report": ["tests/report"],
    "papers/fusiongan": ["tests/papers"],
    "papers/connective_fusion": ["tests/papers"],
    "papers/domain_transfer": ["tests/papers"],
    "papers/lstm_gan": ["tests/papers"],
    "papers/audio_style": ["tests/papers"],
    "records.py": ["tests/test_records.py"],
}
EACH = 8  # changes a room
SWAPS: dict[type, str] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
SWAPS |= {ast.Eq: "!=", ast.NotEq: "==", ast.And: "or", ast.Or: "and"}
SWAPS |= {ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
SWAPS |= {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/"}


class Change(NamedTuple):
    """A stretch of a file's text, from byte to byte, and what stands there instead."""

    file: Path
    line: int
    start: int
    stop: int
    new: str


def changes(file):
    """Every change that could be made in a module, in the order of its lines."""
    text = file.read_bytes()
    ends = [0]
    for line in text.splitlines(keepends=True):
        ends.append(ends[-1] + len(line))

    def at(node, end=False):
        line = node.end_lineno if end else node.lineno
        return ends[line - 1] + (node.end_col_offset if end else node.col_offset)

    def between(left, right, operator):
        """An operator is what stands between two nodes, brackets and spaces aside."""
        start, stop = at(left, True), at(right)
        gap = text[start:stop].decode()
        own = gap.strip(" ()\n\\")
        if own.strip() and "#" not in gap and type(operator) in SWAPS:
            here = start + len(gap[: gap.index(own)].encode())
            stop = here + len(own.encode())
            yield Change(file, left.end_lineno, here, stop, SWAPS[type(operator)])

    found = []
    tree = ast.parse(text)
    said = {id(n) for top in ast.walk(tree) if _is_told(top) for n in ast.walk(top)}
    for node in ast.walk(tree):
        if id(node) in said:  # words of a message are no behaviour
            continue
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            found += between(node.left, node.comparators[0], node.ops[0])
        elif isinstance(node, ast.BinOp):
            found += between(node.left, node.right, node.op)
        elif isinstance(node, ast.BoolOp) and len(node.values) == 2:
            found += between(*node.values, node.op)
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            new = str(node.value + 1)
            found.append(Change(file, node.lineno, at(node), at(node, True), new))
        elif isinstance(node, ast.If):
            test = text[at(node.test) : at(node.test, True)].decode()
            span = at(node.test), at(node.test, True)
            found.append(Change(file, node.lineno, *span, f"not ({test})"))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found.append(Change(file, node.lineno, at(node), at(node, True), "None"))
    return sorted(found, key=lambda change: change.start)


def _is_told(node):
    """Whether a node only makes words: a string with values in it, or an annotation."""
    return isinstance(node, (ast.JoinedStr, ast.arg))


def tests_of(copy, change, room):
    """First those that carry the module's name, then those of its room."""
    module = change.file.stem
    own = [p for p in (copy / "tests").rglob(f"test_*{module}*.py") if module != "__init__"]
    first = [*own, change.file]
    return [first, [copy / name for name in ROOMS[room]]]


def is_noticed(copy, change, room):
    """Whether a test fails once the change is made; it is taken back afterwards."""
    before = change.file.read_bytes()
    after = before[: change.start] + change.new.encode() + before[change.stop :]
    environment = os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "--no-header"]
    command += ["-p", "no:cacheprovider"]
    change.file.write_bytes(after)
    try:
        for chosen in tests_of(copy, change, room):
            done = subprocess.run(
                [*command, *map(str, chosen)],
                cwd=copy,
                env=environment,
                capture_output=True,
            )
            if done.returncode not in (0, 5):  # 5: there was no test
                return True
        return False
    finally:
        change.file.write_bytes(before)


def mutations(rooms=ROOMS, each=EACH, seed=0, say=print):
    """Rows: of so many changes in a room, how many were noticed."""
    with tempfile.TemporaryDirectory() as home:
        copy = copy_of_the_repository(Path(home).resolve() / "copy")
        for room in rooms:
            place = copy / "fusiontools" / room
            files = [place] if place.is_file() else sorted(place.rglob("*.py"))
            possible = [change for file in files for change in changes(file)]
            chosen = random.Random(f"{seed} {room}").sample(possible, each)
            noticed = 0
            for change in chosen:
                old = change.file.read_bytes()[change.start : change.stop].decode()
                seen = is_noticed(copy, change, room)
                noticed += seen
                where = f"{change.file.relative_to(copy)}:{change.line}"
                say(f"{'noticed' if seen else 'NOT'}  {where}  {old!r} -> {change.new!r}")
            told = f"{noticed} of {each}"
            yield Row(
                f"{room}: changed lines that a test notices",
                "9 of 10",
                told,
                noticed >= 0.9 * each,
            )
            shutil.rmtree(copy / ".hypothesis", ignore_errors=True)


mutations = slow(mutations)


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutations")
    parser.add_argument("rooms", nargs="*", help=f"of {', '.join(ROOMS)}; by default all")
    parser.add_argument("--each", type=int, default=EACH, help="changes a room")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(arguments)
    for row in mutations(asked.rooms or ROOMS, asked.each, asked.seed):
        print(f"{row.what}: {row.measured}", flush=True)


if __name__ == "__main__":
    main()
