"""What a command tells: lines for people, or with ``--json`` one object for programs.

A command makes one value of plain facts, and shows it either way with `tell`. Imports
nothing heavy. `fusiontools.cli` is the door.
"""

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fusiontools.errors import FusionError

__all__ = ["Facts", "error_facts", "legible", "print_json", "say", "tell", "told_of"]

Facts = dict[str, Any]  # names of facts to texts, numbers, lists and further facts


def say(*lines: str, err: bool = False) -> None:
    r"""Print lines. What could move a terminal's cursor, or split a line, is left out.

    Examples
    --------
    >>> say("a name\x1b[2J\nof two lines")
    a name�[2J�of two lines
    """
    for line in lines:
        print(legible(line), file=sys.stderr if err else sys.stdout)


def legible(text: str) -> str:
    """A text as it can be printed.

    Examples
    --------
    >>> legible("two words")
    'two words'
    """
    # A lone surrogate is a byte of a file's name; `main` sees that a stream takes it.
    kept = (c if c.isprintable() or "\udc80" <= c <= "\udcff" else "\ufffd" for c in text)
    return "".join(kept)


def tell(facts: Facts, lines: Callable[[Facts], Iterable[str]], as_json: bool) -> None:
    """Show facts: as JSON, or as the lines that a function makes of them.

    Examples
    --------
    >>> tell({"n": 2}, lambda facts: [f"{facts['n']} melodies"], False)
    2 melodies
    >>> tell({"n": 2}, lambda facts: [f"{facts['n']} melodies"], True)
    {"n": 2}
    """
    if as_json:
        print_json(facts)
    else:
        say(*lines(facts))


def print_json(facts: Facts) -> None:
    r"""Print facts as one line of JSON, in ASCII: any name of a file survives that.

    Examples
    --------
    >>> print_json({"file": "f\udcfcr.mid", "share": float("nan")})
    {"file": "f\udcfcr.mid", "share": null}
    """
    print(json.dumps(_plain(facts)))


def _plain(value):
    """Paths as texts, arrays and their numbers as Python's, and null for no number."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):  # numpy's
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    known = value is None or isinstance(value, str | bool | int | float)
    return value if known else str(value)


def error_facts(error: FusionError) -> Facts:
    """What an error says, as facts.

    Examples
    --------
    >>> error_facts(FusionError("the file is empty", "a.mid", "export it again"))
    {'error': {'found': 'the file is empty', 'where': 'a.mid', 'do': 'export it again'}}
    """
    where = None if error.where is None else str(error.where)
    return {"error": {"found": error.found, "where": where, "do": error.do}}


def told_of(adapted: Iterable[str]) -> list[str]:
    """The sentences on what was adapted, as lines below what they are of.

    Examples
    --------
    >>> told_of(["It is moved an octave up."])
    ['  It is moved an octave up.']
    """
    return [f"  {sentence}" for sentence in adapted]
