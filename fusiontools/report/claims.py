"""What a paper claims, and what a chapter set itself, tried on rows of records.

A claim is one small function of the rows; each part of it holds (True), fails (False), or
cannot be told (None), because intervals overlap. What is missing is missed in one place:
here. Used in chapters 3, 4, 5, 6 and 7, on the pages "Measured".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fusiontools.report.rows import NotMeasured
from fusiontools.report.tables import NOTHING, Table

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["Claim", "Goal", "Trial", "claims_table", "goals_table", "outcome", "try_claim"]
__all__ += ["verdicts_table"]

HYPHEN = "\N{NON-BREAKING HYPHEN}"


class Claim(NamedTuple):
    """A claim, or a figure, of a paper."""

    id: str
    where: str  # in the paper
    words: str  # the paper's
    parts: Callable  # of the rows; yields (part, True | False | None, numbers in words)
    why: str = ""  # our numbers may differ


class Goal(NamedTuple):
    """A goal that the chapter set itself."""

    words: str
    reached: Callable  # of the rows; returns (True | False | None, numbers in words)


class Trial(NamedTuple):
    """What became of a claim."""

    parts: dict  # from each part to whether it holds
    numbers: str
    verdict: str  # see `outcome`


def try_claim(claim: Claim, found: Rows) -> Trial:
    """Try a claim on rows: a `Trial`. What is not measured is said in its numbers."""
    parts, said = {}, []
    try:
        for part, holds, numbers in claim.parts(found):
            parts[part] = None if holds is None else bool(holds)
            said += [numbers] if numbers else []
    except NotMeasured as missing:
        said.append(str(missing))
        if parts:  # those that were tried are not the whole claim
            parts["the rest"] = None
    for words, state in {"fails": False, "cannot be told": None}.items():
        if named := [part for part, holds in parts.items() if holds is state]:
            said.append(f"*{words}*: {', '.join(named)}")
    return Trial(parts, "; ".join(said), outcome(parts.values()))


def outcome(parts: Iterable) -> str:
    """One word for a claim, what its parts (True, False or None) add up to.

    "open" where all could be measured and none could be told; "not testable" without any.

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


def claims_table(
    claims: Sequence[Claim], found: Rows, printed: Rows | None = None
) -> Table:
    """The claims of a paper, tried on our records, and by the same functions on the paper's
    own numbers, if they are given (see `fusiontools.report.rows.printed`). These are two
    verdicts: a claim may stand in the paper's own table, and not in our records.

    Returns
    -------
    Table
        Each row has ``id``, ``where``, ``claim``, ``why``, and of our trial ``parts``,
        ``numbers`` and ``verdict``; ``ours``, and with `printed` ``paper``, are `Trial`.
    """
    made = []
    for claim in claims:
        ours = try_claim(claim, found)
        row: dict[str, Any] = {"id": claim.id, "where": claim.where, "claim": claim.words}
        row |= {"why": claim.why, **ours._asdict(), "ours": ours}
        if printed is not None:
            row["paper"] = try_claim(claim, printed)
        made.append(row)
    columns = {"": lambda row: _unbroken(row["id"])}
    columns["the paper"] = lambda row: f"{row['claim']} ({row['where']})"
    if printed is not None:
        columns["its own numbers"] = lambda row: _told(row["paper"])
    columns["ours"] = lambda row: _told(row["ours"])
    if any(claim.why for claim in claims):
        columns["why they may differ"] = lambda row: row["why"]
    return Table(made, columns)


def _unbroken(id):
    return id.replace("-", HYPHEN)


def _told(trial):
    return f"**{trial.verdict}**: {trial.numbers}"


def verdicts_table(tried: Table | Sequence[dict[str, str]], page: str = "") -> Table:
    """Rows of `claims_table` that fit on a phone: what the paper says, and the one word of
    each trial; a dash where the paper's own numbers were not tried. Each id leads to
    `page`, if one is given.
    """

    def name(row):
        id = _unbroken(row["id"])
        return f"[{id}]({page})" if page else id

    def theirs(row):
        return row["paper"].verdict if "paper" in row else NOTHING

    columns = {"": name, "the paper": lambda row: row["claim"]}
    if any("paper" in row for row in tried):
        columns["its own numbers"] = theirs
    columns["ours"] = lambda row: f"**{row['verdict']}**"
    return Table(tried, columns)


def goals_table(goals: Sequence[Goal], found: Rows) -> Table:
    """The goals of a chapter: each row has ``goal``, ``numbers`` and ``reached``, which is
    None where it is not measured.
    """
    made = []
    for goal in goals:
        try:
            reached, numbers = goal.reached(found)
        except NotMeasured as missing:
            reached, numbers = None, str(missing)
        made.append({"goal": goal.words, "numbers": numbers, "reached": reached})
    words = {True: "reached", False: "**not reached**", None: NOTHING}
    columns = {"goal": lambda row: row["goal"], "numbers": lambda row: row["numbers"]}
    return Table(made, columns | {"": lambda row: words[row["reached"]]})
