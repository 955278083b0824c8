"""Every row of the five papers: where it is remade, the paper's value beside ours, why they
differ, and the verdict.

What a row is stands in one module for each paper, such as
`fusiontools.compare.entries_fusiongan`; the verdict is that of the claim of the same id in
the paper's evidence, on the records that ship. A page that lacks a row, a record or a
heading is wrong: `check` raises. Used on the page "Every row", which leads to chapters 3,
4, 5, 6 and 7, and in chapter 8.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entries_audio_style import SOURCE as AUDIO_STYLE
from fusiontools.compare.entries_connective_fusion import SOURCE as CONNECTIVE_FUSION
from fusiontools.compare.entries_domain_transfer import SOURCE as DOMAIN_TRANSFER
from fusiontools.compare.entries_fusiongan import SOURCE as FUSIONGAN
from fusiontools.compare.entries_lstm_gan import SOURCE as LSTM_GAN
from fusiontools.errors import RecordError
from fusiontools.report.claims import HYPHEN, try_claim
from fusiontools.report.rows import NotMeasured
from fusiontools.report.tables import NOTHING, SPACE, Table

if TYPE_CHECKING:
    from fusiontools.compare.entry import Entry, Source
    from fusiontools.report.claims import Claim
    from fusiontools.report.rows import Rows


__all__ = ["SOURCES", "VERDICTS", "anchor", "check", "rows", "single_ids", "summary"]
__all__ += ["table"]

SOURCES = [FUSIONGAN, CONNECTIVE_FUSION, DOMAIN_TRANSFER, LSTM_GAN, AUDIO_STYLE]
VERDICTS = ("confirmed", "partly", "refuted", "not testable", "open")
STATES = {True: "holds:", False: "fails:", None: "open:"}
MISSING = "not measured"
PAGES = "../notebooks"  # from a page of prose
_RANGE = re.compile(r"([A-Z]+)(\w*?)(?:\.\.[A-Z]*(\d+))?")


def single_ids(id: str) -> list[str]:
    """The ids that a row stands for, one after the other.

    Examples
    --------
    >>> single_ids("FG-F1..F3"), single_ids("DT-F8, T1"), single_ids("FG-T2b")
    (['FG-F1', 'FG-F2', 'FG-F3'], ['DT-F8', 'DT-T1'], ['FG-T2b'])
    """
    paper, own = id.split("-")
    found = []
    for part in own.split(", "):
        match = _RANGE.fullmatch(part)
        if match is None:
            do = "write it as FG-F1, FG-F1..F5 or DT-F8, T1"
            raise RecordError(f"{part!r} is no row", id, do)
        kind, first, last = match.groups()
        many = [first] if last is None else range(int(first), int(last) + 1)
        found += [f"{paper}-{kind}{k}" for k in many]
    return found


def anchor(heading: str) -> str:
    """The id that the built page gives a heading, as docutils makes it.

    Examples
    --------
    >>> anchor("2. What the paper claims"), anchor("Three times faster?")
    ('what-the-paper-claims', 'three-times-faster')
    """
    plain = (
        unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode().lower()
    )
    return re.sub("^[-0-9]+|-+$", "", re.sub("[^a-z0-9]+", "-", " ".join(plain.split())))


def rows(source: Source, found: Rows | None = None) -> list[dict[str, Any]]:
    """The rows of a paper, each tried.

    Parameters
    ----------
    source : Source
        One of `SOURCES`.
    found : Rows, optional
        Of our records; by default of those that come with the package.

    Returns
    -------
    list of dict
        Each with ``id``, ``what``, ``page``, ``heading``, ``theirs``, ``ours``, ``why``,
        ``verdict`` (one of `VERDICTS`), its ``parts``, each with whether it holds,
        ``printed`` (the verdict on the paper's own numbers, or None), and ``missing``:
        whether a record is not there. Then ``ours`` says which, and the verdict is "not
        measured".

    Raises
    ------
    RecordError
        If a row has no claim, or a claim no row.
    """
    found = source.shipped() if found is None else found
    claims = {claim.id: claim for claim in (*source.claims, *source.drawn)}
    ids = [entry.id for entry in source.entries]
    if apart := sorted({*claims} ^ {*ids}):
        do = "give each id a claim in the paper's evidence, and an entry here"
        raise RecordError(f"not a row and a claim: {', '.join(apart)}", source.name, do)
    made = [_row(entry, claims[entry.id], found) for entry in source.entries]
    printed = {}
    if source.printed is not None:
        printed = {c.id: try_claim(c, source.printed).verdict for c in source.claims}
    return [row | {"printed": printed.get(row["id"])} for row in made]


def _row(entry: Entry, claim: Claim, found: Rows) -> dict[str, Any]:
    """A row, tried on our records."""
    trial, theirs = try_claim(claim, found), entry.theirs
    try:
        ours = entry.ours(found)
        # a trial without parts, or with a rest, lacks what it asked for
        lacks = entry.testable and ("the rest" in trial.parts or not trial.parts)
        missing = trial.numbers if lacks else ""
    except NotMeasured as lacking:
        ours = missing = str(lacking)
    row = {k: getattr(entry, k) for k in ("id", "what", "page", "heading")}
    row |= {"theirs": theirs if isinstance(theirs, str) else theirs()}
    row |= {"ours": missing or ours, "why": _sentence(claim.why), "missing": bool(missing)}
    row["parts"] = trial.parts
    return row | {"verdict": MISSING if missing else trial.verdict}


def _sentence(text):
    """A reason as a sentence of its own."""
    ended = not text or text.endswith((".", "?"))
    return text[:1].upper() + text[1:] + ("" if ended else ".")


def table(made: Sequence[dict[str, Any]]) -> Table:
    """Rows of `rows` as a page shows them. Each id leads to the section that remakes it,
    and each verdict that has several parts opens them.
    """

    def name(row):
        link = f"{PAGES}/{row['page']}.html#{anchor(row['heading'])}"
        return f"[{row['id'].replace('-', HYPHEN)}]({link})<br>{row['what']}"

    def verdict(row):
        said = f"**{row['verdict']}**"
        if row["printed"] not in (None, "not testable"):
            said += f"<br>in print: {row['printed']}"
        return said + (_folded(row["parts"]) if len(row["parts"]) > 1 else "")

    def value(whose):
        return lambda row: row[whose].replace(" %", f"{SPACE}%")

    columns = {"row": name, "the paper": value("theirs")}
    columns |= {"ours": value("ours"), "verdict": verdict}
    return Table(made, columns | {"why they may differ": lambda row: row["why"]})


def _folded(parts):
    """How many parts hold; a click shows which do, which fail, and which are open."""
    holds = sum(map(bool, parts.values()))
    named = [f"{STATES[state]}{SPACE}{part}" for part, state in parts.items()]
    summary = f"<summary>{holds} of {len(parts)} parts</summary>"
    return f"<details>{summary}{'<br>'.join(named)}</details>"


def summary(made: Mapping[str, Sequence[dict[str, Any]]]) -> Table:
    """How many rows have each verdict: a line for each paper, below it one for the trial on
    the paper's own numbers if there was any, and one for all papers.

    Parameters
    ----------
    made : dict of str to list of dict
        From the title of each paper to its rows.

    Returns
    -------
    Table
        Each row has ``paper``, ``rows`` and the number of each of `VERDICTS`.
    """
    counted = []
    for title, own in made.items():
        counted.append(_counted(title, [row["verdict"] for row in own]))
        if told := [row["printed"] for row in own if row["printed"]]:
            counted.append(_counted(f"{title}, in print", told))
    counted.append(_counted("all", [r["verdict"] for own in made.values() for r in own]))
    columns = {"": itemgetter("paper"), "rows": itemgetter("rows")}
    return Table(counted, columns | {verdict: _many(verdict) for verdict in VERDICTS})


def _many(verdict):
    return lambda row: row[verdict] or NOTHING


def _counted(paper, verdicts):
    many = {verdict: verdicts.count(verdict) for verdict in VERDICTS}
    return {"paper": paper, "rows": len(verdicts), **many}


def check(made: Sequence[dict[str, Any]], headings: Mapping[str, Collection[str]]) -> None:
    """Raise unless every row is measured and leads to a heading that is there, once.

    Parameters
    ----------
    made : list of dict
        Of `rows`.
    headings : dict of str to collection of str
        From each page, its file without the ending, to its headings.

    Raises
    ------
    RecordError
        With every fault: the ids whose records are not there, and the links that are dead.
    """
    faults = [f"{row['id']} is {row['ours']}" for row in made if row["missing"]]
    for row in made:
        there = [anchor(heading) for heading in headings.get(row["page"], ())]
        if row["heading"] not in headings.get(row["page"], ()):
            faults.append(
                f"{row['id']} leads to no heading {row['heading']!r} of {row['page']}"
            )
        elif there.count(anchor(row["heading"])) > 1:
            faults.append(f"{row['id']} leads to one of several {row['heading']!r}")
    if faults:
        do = "let the run that is missing be made again, or name the heading as it is now"
        raise RecordError("; ".join(faults), "every row of the papers", do)
