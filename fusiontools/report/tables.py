"""Rows as tables that a page shows, and numbers as the text of their cells.

Every number comes from a record or from the paper: nothing is measured here. Used in
chapters 3, 4, 5, 6 and 7, on the pages "Measured", and in chapter 8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["NOTHING", "Table", "beside_paper", "cell", "number", "per_cent", "shown"]

NOTHING = "–"
SPACE, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"


class Table(list):
    """Rows, as dicts with all their digits, which a notebook shows as a Markdown table.

    Parameters
    ----------
    rows : iterable of dict
    columns : dict of str to callable
        From each heading to what makes a cell of a row: text, or a number.
    caption : str
    lines : list of dict, optional
        What is shown, where that is not a line a row: the columns are asked of these.
    """

    def __init__(
        self,
        rows: Iterable[dict],
        columns: dict[str, Callable],
        caption: str = "",
        lines: Sequence[dict] | None = None,
    ) -> None:
        super().__init__(rows)
        self.columns, self.caption, self.lines = columns, caption, lines

    def markdown(self) -> str:
        """The table as Markdown, the caption under it."""
        shown = self if self.lines is None else self.lines
        made = self.columns.values()
        cells = [[_one_line(column(row)) for column in made] for row in shown]
        lines = [self.columns, ["---"] * len(self.columns), *cells]
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return text + (f"\n\n{self.caption}" if self.caption else "")

    def _repr_markdown_(self):
        return self.markdown()


def _one_line(value):
    """A cell's text: a bar or a line's end of its own would end the cell, or the row."""
    return " ".join(str(value).split("\n")).replace("|", r"\|")


def cell(found: dict[str, Any], digits: int = 2) -> str:
    r"""A summary as text: the mean and its interval; a dash for what there is not.

    Examples
    --------
    >>> cell({"mean": 1.183, "low": 1.1, "high": 1.25}), cell({"mean": 0.5}, 0), cell(None)
    ('1.18 [1.10,\xa01.25]', '0', '–')
    """
    if found is None:
        return NOTHING
    ends = [found.get("low"), found.get("high")]
    # tied by no-break spaces: an interval is never broken over two lines
    tied = f",{SPACE}".join(_digits(e, digits) for e in ends if e is not None)
    return _digits(found["mean"], digits) + (f" [{tied}]" if tied else "")


def _digits(value, digits):
    return f"{value:.{digits}f}".replace("-", MINUS)


def per_cent(found: dict[str, Any] | float, digits: int = 1) -> str:
    r"""A share as text, in per cent: a summary, or a number.

    Examples
    --------
    >>> per_cent({"mean": 0.25, "low": 0.2, "high": 0.3}), per_cent(0.25), per_cent(None)
    ('25.0 [20.0,\xa030.0]\xa0%', '25.0\xa0%', '–')
    """
    if found is None:
        return NOTHING
    found = found if isinstance(found, dict) else {"mean": found}
    ends = {k: found.get(k) for k in ("mean", "low", "high")}
    times = {k: None if v is None else 100 * v for k, v in ends.items()}
    return f"{cell(times, digits)}{SPACE}%"


def number(value: float, digits: int = 0) -> str:
    """A number as text, such as "39,742.2" or "−0.50"; a dash for None."""
    return NOTHING if value is None else f"{value:,.{digits}f}".replace("-", MINUS)


def shown(metric: str, made: Callable = cell, digits: int | None = None) -> Callable:
    """A column of a `Table`: a metric of each row as text, by `cell`, `per_cent` or
    `number`; a dash where a row has none.

    >>> shown("ratio")({"ratio": {"mean": 1.5}}), shown("minutes", number, 1)({})
    ('1.50', '–')
    """
    options = {} if digits is None else {"digits": digits}
    return lambda row: made(row.get(metric), **options)


def beside_paper(
    found: Rows,
    columns: dict[str, tuple[str, int]],
    paper: Mapping[str, Mapping[str, float]],
    names: Mapping[str, str],
    always: Sequence[str] = (),
    caption: str = "",
) -> Table:
    """Our numbers, of `Rows`, with the paper's under them, method by method.

    Parameters
    ----------
    columns : dict of str to (metric, digits) or (metric, digits, printed_digits)
    paper : dict of str to dict of str to float
        The paper's table: for each method its numbers, under the names of our metrics.
    names : dict of str to str
        What methods are called, in the order of the table.
    always : sequence of str
        Methods that have a line, measured or not; so do all of the paper's.

    Returns
    -------
    Table
        Each row has ``method``, ``runs``, each metric (a summary, or None), and each again
        as ``{metric}_paper`` (a number, or None).
    """
    wanted = dict.fromkeys([*always, *paper, *found.methods()])
    order = [n for n in names if n in wanted] + [n for n in wanted if n not in names]
    made = []
    for method in order:
        ours: Mapping = next(iter(found.every(method)), {})
        row = {"method": method, "runs": ours.get("runs", 0)}
        for metric, *_ in columns.values():
            row[metric] = ours.get(metric)
            row[f"{metric}_paper"] = paper.get(method, {}).get(metric)
        made.append(row)
    heads = {"method": lambda row: names.get(row["method"], row["method"])}
    heads["seeds"] = lambda row: row["runs"] or NOTHING
    return Table(made, heads | {k: _both(*v) for k, v in columns.items()}, caption)


def _both(metric, digits, printed_digits=None):
    """A column: ours, and the paper's number under it, if there is one."""
    printed_digits = digits + 1 if printed_digits is None else printed_digits

    def made(row):
        ours, theirs = cell(row[metric], digits), row[f"{metric}_paper"]
        if theirs is None:
            return ours
        return f"{ours}<br>*paper: {number(theirs, printed_digits)}*"

    return made
