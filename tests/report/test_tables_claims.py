"""Cells, tables, claims and goals say what the rows say, and nothing is missed twice."""

from itertools import product

import numpy as np
import pytest

from fusiontools.report.claims import (
    Claim,
    Goal,
    claims_table,
    goals_table,
    outcome,
    verdicts_table,
)
from fusiontools.report.rows import Measured, NotMeasured, Rows, printed
from fusiontools.report.tables import Table, beside_paper, cell, number, per_cent, shown

THIN, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"


def test_numbers_as_text():
    assert cell({"mean": -1.5, "low": -2.0, "high": 3.0}, 1) == (
        f"{MINUS}1.5 [{MINUS}2.0,{THIN}3.0]"
    )
    assert cell({"mean": 12345.6, "low": None, "high": None}, 0) == "12346"
    assert (cell(None), per_cent(None), number(None)) == ("–", "–", "–")
    assert per_cent(0.125) == f"12.5{THIN}%" and number(-12345) == f"{MINUS}12,345"


def test_a_table_asks_its_columns_of_rows_or_of_lines():
    columns = {"x": shown("x", number, 1), "twice": lambda row: 2 * row["x"]}
    table = Table([{"x": 0.5}], columns, "Half.")
    assert table.markdown().splitlines() == [
        "| x | twice |",
        "| --- | --- |",
        "| 0.5 | 1.0 |",
        "",
        "Half.",
    ]
    bars = Table([{"x": "|a|\nb"}], {"x": lambda row: row["x"]})
    assert bars.markdown().splitlines()[-1] == r"| \|a\| b |"
    other = Table([{"x": 1}], columns, lines=[{"x": 2}, {"x": 3}])
    assert other == [{"x": 1}] and len(other.markdown().splitlines()) == 4
    assert other._repr_markdown_() == other.markdown()


def test_ours_stand_over_the_papers():
    found = Rows([Measured(method="new", runs=2, x={"mean": 1.0, "low": 0.9, "high": 1.1})])
    paper = {"old": {"x": 1.234}, "both": {"x": 2.0}}
    names = {"old": "Old", "trivial": "Trivial"}
    table = beside_paper(found, {"X": ("x", 2)}, paper, names, always=("trivial",))
    assert [row["method"] for row in table] == ["old", "trivial", "both", "new"]
    assert table[0]["x_paper"] == 1.234 and table[0]["x"] is None
    lines = table.markdown().splitlines()
    assert lines[2] == "| Old | – | –<br>*paper: 1.234* |"
    assert lines[5] == f"| new | 2 | 1.00 [0.90,{THIN}1.10] |"


@pytest.mark.parametrize("parts", list(product([True, False, None], repeat=3)))
def test_outcomes(parts):
    if all(parts):
        assert outcome(parts) == "confirmed"
    elif any(parts):
        assert outcome(parts) == "partly"
    else:
        assert outcome(parts) == ("refuted" if False in parts else "open")
    assert outcome([]) == "not testable"


def test_a_part_may_be_a_number_of_numpy():
    claim = claim_of([("small", np.float64(2.0) < 1, ""), ("large", np.True_, "")])
    (row,) = claims_table([claim], Rows())
    assert row["parts"] == {"small": False, "large": True}
    assert row["numbers"] == "*fails*: small"


def claim_of(parts, id="A-1"):
    return Claim(id, "section 1", "words", lambda found: parts)


def test_a_claim_is_tried_part_by_part_until_something_is_missing():
    def parts(found):
        yield "first", True, "x 1"
        yield "second", None, ""
        yield "third", found.one("b")["x"]["mean"] > 1, "never said"

    (row,) = claims_table([Claim("A-1", "section 1", "words", parts, "why")], Rows())
    assert row["parts"] == {"first": True, "second": None, "the rest": None}
    assert row["verdict"] == "partly"
    assert row["numbers"] == "x 1; not measured: b; *cannot be told*: second, the rest"
    text = claims_table(
        [Claim("A-1", "section 1", "words", parts, "why")], Rows()
    ).markdown()
    assert "| words (section 1) | **partly**: x 1;" in text and "| why |" in text


VERDICTS = {
    "confirmed": [("p", True, "")],
    "partly": [("p", True, ""), ("q", False, "")],
    "refuted": [("p", False, "")],
    "open": [("p", None, "")],
    "not testable": [],
}


@pytest.mark.parametrize("paper, ours", list(product(VERDICTS, repeat=2)))
def test_two_trials_are_two_verdicts(paper, ours):
    """The same function is tried on both, and neither changes the other's verdict."""
    theirs = printed({"a": {"x": 1.0}})
    claim = Claim(
        "A-1", "1", "w", lambda found: VERDICTS[paper if found is theirs else ours]
    )
    tried = claims_table([claim], Rows(), theirs)
    (row,) = tried
    assert (row["paper"].verdict, row["ours"].verdict) == (paper, ours)
    assert row["verdict"] == ours and row["parts"] == row["ours"].parts
    line = tried.markdown().splitlines()[-1]
    assert line.count("**") == 4 and line.index(f"**{paper}**") <= line.index(f"**{ours}**")
    short = verdicts_table(tried, "page.html").markdown().splitlines()
    assert short[0] == "|  | the paper | its own numbers | ours |"
    assert (
        short[2] == f"| [A\N{NON-BREAKING HYPHEN}1](page.html) | w | {paper} | **{ours}** |"
    )


def test_what_was_not_tried_on_the_papers_numbers_has_a_dash():
    claim = claim_of([("p", True, "")])
    tried = claims_table([claim], Rows(), Rows()) + claims_table([claim], Rows())
    lines = verdicts_table(tried).markdown().splitlines()[2:]
    assert [line.split(" | ")[2] for line in lines] == ["confirmed", "–"]


def test_a_paper_without_numbers_of_its_own_has_one_verdict():
    short = verdicts_table(claims_table([claim_of([("p", True, "x 1")])], Rows()))
    assert short[0]["numbers"] == "x 1"
    assert short.markdown().splitlines() == [
        "|  | the paper | ours |",
        "| --- | --- | --- |",
        "| A\N{NON-BREAKING HYPHEN}1 | words | **confirmed** |",
    ]


def test_goals():
    def missing(found):
        raise NotMeasured("needs listeners")

    goals = [
        Goal("a", lambda found: (True, "1")),
        Goal("b", lambda found: (False, "2")),
        Goal("c", missing),
    ]
    table = goals_table(goals, Rows())
    assert [row["reached"] for row in table] == [True, False, None]
    assert table[2]["numbers"] == "needs listeners"
    assert "| b | 2 | **not reached** |" in table.markdown()


def test_ids_do_not_break_at_their_hyphens():
    assert (
        "| A\N{NON-BREAKING HYPHEN}1 |" in claims_table([claim_of([])], Rows()).markdown()
    )
