"""A row of a paper as the page "Every row" has it: what it is, where the book remakes it,
what the paper says, and which function reads our value off the records.

Used on the page "Every row" and in chapters 3, 4, 5, 6 and 7, whose sections it leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from fusiontools.report.tables import number

if TYPE_CHECKING:
    from fusiontools.report.claims import Claim
    from fusiontools.report.rows import Rows


__all__ = ["LISTENERS", "Entry", "Source", "beside", "lines", "told"]

LISTENERS = "needs listeners"  # where no record can tell


class Entry(NamedTuple):
    """One figure, table or claim of a paper, or a range of figures that show one thing."""

    id: str  # of a `Claim` in the paper's evidence, such as "FG-F1..F5"
    what: str  # in our words
    page: str  # of the chapter: its file without the ending
    heading: str  # the heading on that page under which it is remade
    theirs: str | Callable[[], str]  # the paper's value, or its words where it has none
    ours: Callable[[Rows], str]  # our value; raises NotMeasured where a record is missing
    testable: bool = True  # False: no record can tell


class Source(NamedTuple):
    """A paper, with all that its rows are made of."""

    title: str
    name: str  # of its package
    entries: Sequence[Entry]
    shipped: Callable[[], Rows]  # the records that come with the package
    claims: Sequence[Claim]
    drawn: Sequence[Claim] = ()  # what diagrams show: looked up in our networks
    printed: Rows | None = None  # the paper's own tables, where claims are tried on them


def told(parts: Callable, *which: int) -> Callable[[Rows], str]:
    """What the parts of a claim say in numbers, all of them or some, as one text.

    Parameters
    ----------
    parts : callable
        Of a `fusiontools.report.claims.Claim`.
    *which : int
        The places of the parts that are told; by default of all.

    Returns
    -------
    callable
        Of rows. It raises what `parts` raises, `NotMeasured` too.

    Examples
    --------
    >>> parts = lambda found: [("a", True, "a 1"), ("b", None, ""), ("c", False, "c 3")]
    >>> told(parts)([]), told(parts, 2)([])
    ('a 1; c 3', 'c 3')
    """

    def said(found):
        numbers = [numbers for _, _, numbers in parts(found)]
        chosen = [numbers[i] for i in which] if which else numbers
        return "; ".join(filter(None, chosen))

    return said


def beside(
    found: Rows, methods: Mapping[str, str], metrics: Mapping[str, int], between: str = ", "
) -> str:
    """Means of some metrics, a line for each method: "MC 1.01, 1.00".

    Parameters
    ----------
    methods : dict of str to str
        From each method to what it is called.
    metrics : dict of str to int
        From each metric to its digits.

    Examples
    --------
    >>> from fusiontools.report.rows import printed
    >>> found = printed({"mc": {"x": 1.5, "y": 2.0}, "rm": {"x": 0.5, "y": 4.0}})
    >>> beside(found, {"mc": "MC", "rm": "RM"}, {"x": 1, "y": 0}, " / ")
    'MC 1.5 / 2<br>RM 0.5 / 4'
    """
    made = []
    for method, name in methods.items():
        row = found.one(method)
        values = (number(row[k]["mean"], digits) for k, digits in metrics.items())
        made.append(f"{name} {between.join(values)}")
    return lines(made)


def lines(parts: Iterable[str]) -> str:
    """Lines of one cell.

    >>> lines(["a", "b"])
    'a<br>b'
    """
    return "<br>".join(parts)
