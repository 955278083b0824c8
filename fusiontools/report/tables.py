"""Tables as a page shows them, and the words that summaries with intervals add up to. It
knows no method and no paper.

A summary is what `fusiontools.records.table` makes of runs: a dict with ``mean``, ``low``
and ``high``, the last two None where there is no interval.
"""

__all__ = ["Table", "end", "less", "outcome"]


class Table(list):
    """Rows, as dicts with all their digits, which a notebook shows as a Markdown table.

    Parameters
    ----------
    rows : iterable of dict
    columns : dict of str to callable
        From each heading to what makes a cell of a row: text, or a number.
    caption : str
    lines : list of dict, optional
        What is shown, where that is not a line a row: the columns are asked of these
        instead.

    Examples
    --------
    >>> print(
    ...     Table(
    ...         [{"x": 0.5}], {"x, in %": lambda row: f"{100 * row['x']:.0f}"}, "A half."
    ...     ).markdown()
    ... )
    | x, in % |
    | --- |
    | 50 |
    <BLANKLINE>
    A half.
    """

    def __init__(self, rows, columns, caption="", lines=None):
        super().__init__(rows)
        self.columns, self.caption, self.lines = columns, caption, lines

    def markdown(self):
        """The table as Markdown, the caption under it."""
        lines = [
            "| " + " | ".join(line) + " |"
            for line in (self.columns, ["---"] * len(self.columns))
        ]
        lines += [
            "| " + " | ".join(str(cell(row)) for cell in self.columns.values()) + " |"
            for row in (self if self.lines is None else self.lines)
        ]
        return "\n".join(lines) + (f"\n\n{self.caption}" if self.caption else "")

    def _repr_markdown_(self):
        return self.markdown()


def outcome(parts):
    """One word for a claim: what its parts add up to.

    Parameters
    ----------
    parts : iterable of bool or None

    Returns
    -------
    {"confirmed", "partly", "refuted", "open", "not testable"}
        "open" where all parts could be measured and none could be told; "not testable"
        without any part.

    Examples
    --------
    >>> outcome([True, True]), outcome([True, False]), outcome([False, None]), outcome([])
    ('confirmed', 'partly', 'refuted', 'not testable')
    """
    parts = list(parts)
    if not parts:
        return "not testable"
    if True in parts:
        return "confirmed" if all(parts) else "partly"
    return "refuted" if False in parts else "open"


def less(x, y):
    """Whether one summary lies below another, intervals and all; None where the intervals
    overlap.

    Examples
    --------
    >>> low, high = (
    ...     {"mean": 1.0, "low": 0.9, "high": 1.1},
    ...     {"mean": 2.0, "low": None, "high": None},
    ... )
    >>> less(low, high), less(high, low), less(low, low)
    (True, False, None)
    """
    return (
        True
        if end(x, "high") < end(y, "low")
        else False
        if end(x, "low") > end(y, "high")
        else None
    )


def end(x, which):
    """The "low" or "high" end of a summary's interval; its mean where it has none."""
    return x["mean"] if x.get(which) is None else x[which]
