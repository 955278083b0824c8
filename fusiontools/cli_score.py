"""The command ``score``: how a piece stands between two others, by the metrics that all
systems of the book are held to, beside rows that cost nothing.

`fusiontools.cli` is the door. What is heavy is imported when the command runs.
"""

from pathlib import Path
from typing import Annotated

from fusiontools.cli_door import option
from fusiontools.cli_options import Json, file_argument
from fusiontools.cli_told import Facts, tell, told_of

__all__ = ["score"]

_OUT = "What is judged: a MIDI, MusicXML or ABC file."
_AGAINST = "Two files: what it is a fusion of, or source and target."


def score(
    out: Annotated[Path, file_argument("OUT", _OUT)],
    against: Annotated[tuple[Path, Path], option("A B", _AGAINST)],
    as_json: Json = False,
) -> None:
    """The command; `fusiontools.cli` has its help."""
    from fusiontools.compare import common
    from fusiontools.compare.pieces import piece_windows

    read = [piece_windows(file) for file in (out, *against)]
    judges = common.load_judges()
    if judges.reality is not None:
        import torch

        torch.set_num_threads(1)  # a few melodies are no work to share
    tokens, a, b = (windows for windows, _ in read)
    found = common.rows(tokens, a, b, judges)
    told = [
        {"file": file, "windows": len(windows), "adapted": said}
        for file, (windows, said) in zip((out, *against), read)
    ]
    facts: Facts = {"command": "score", "out": told[0], "against": told[1:]}
    facts |= {"metrics": common.titles(judges), "rows": _plain(found)}
    tell(facts, lambda facts: _lines(facts, common.ROWS), as_json)


def _plain(found):
    """Of each row's metrics the number, or why there is none."""
    return {
        row: {name: {"value": m.value, "why": m.why or None} for name, m in own.items()}
        for row, own in found.items()
    }


def _lines(facts, heads):
    for name, one in zip(("OUT", "A", "B"), (facts["out"], *facts["against"])):
        many = f"{one['windows']} times eight bars" if one["windows"] > 1 else "eight bars"
        yield f"{name}: {one['file']}, {many}."
        yield from told_of(one["adapted"])
    reasons = _reasons(facts["rows"])
    yield from _table(facts, heads, reasons)
    for why, letter in reasons.items():
        yield f"({letter}) {why}."


def _reasons(rows):
    """Each reason why there is no number, once, and a letter for it."""
    whys = [metric["why"] for own in rows.values() for metric in own.values()]
    return {why: chr(97 + i) for i, why in enumerate(dict.fromkeys(filter(None, whys)))}


def _table(facts, heads, reasons):
    """The lines of a table: a metric a line, a column a row of `heads`."""
    from io import StringIO

    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("Metric", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in facts["rows"]:
        table.add_column(heads[row], justify="right", no_wrap=True)
    for name, title in facts["metrics"].items():
        own = [metrics[name] for metrics in facts["rows"].values()]
        table.add_row(title, *(_number(metric, reasons) for metric in own))
    console = Console(file=StringIO(), width=80)
    console.print(table)
    return (line.rstrip() for line in console.file.getvalue().splitlines())


def _number(metric, reasons):
    if metric["value"] is None:
        return f"({reasons[metric['why']]})"
    return f"{metric['value']:.2f}"
