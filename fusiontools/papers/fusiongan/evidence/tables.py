"""The tables of the FusionGAN chapter: Tables I and II of the paper beside ours, and what
they leave out.

Every number comes from a record, or from the paper; nothing is measured here. Every
function returns a `fusiontools.report.tables.Table`; ``found`` are
`fusiontools.report.rows.Rows`, and ``methods`` the names of those whose records are shown,
by default all. Chapter 3, FusionGAN: `notebooks/03_fusiongan_3_measured` shows all tables.
"""

from collections.abc import Sequence
from operator import itemgetter
from statistics import median

from fusiontools import score
from fusiontools.papers.fusiongan.evidence import paper
from fusiontools.papers.fusiongan.evidence.metrics import CONTROLS
from fusiontools.papers.fusiongan.evidence.paper import COLUMNS, SHORT, TABLE_1
from fusiontools.report.rows import Rows
from fusiontools.report.tables import NOTHING, Table, beside_paper, number, per_cent
from fusiontools.report.tables import shown as column

__all__ = ["beyond_marginals", "implied_distances", "table_1", "table_2_repairs"]

SEEDS = "Means over seeds, in brackets from the lowest to the highest end of the seeds' own"
SEEDS += " 95 % intervals."
MIDDLE = "Network, features: melodies in the middle and typical."
JUDGES = {"network": "", "features": "_features"}  # and what their metrics end in
TRIVIAL = ("half_and_half", "splice")  # no music is made by them
YES = {True: "yes", False: "no", None: NOTHING}


def _called(row):
    return SHORT.get(row["method"], row["method"])


def table_1(found: Rows, methods: Sequence = ()) -> Table:
    """Table I: the four Ratios of every method beside the paper's. The paper's methods and
    the trivial baselines always have a line.
    """
    columns = {label: (f"{name}_ratio", 2) for name, label in COLUMNS.items()}
    found, caption = Rows(found.every(*methods)), f"Ratio: 1 is best. {SEEDS}"
    return beside_paper(found, columns, TABLE_1, SHORT, TRIVIAL, caption)


def implied_distances() -> Table:
    """Which distance between jazz and folk each row of Table I implies: Diff / (Ratio - 1),
    which must be one number a column.

    A row for each column has ``by_method`` (the implied distances), their ``median`` and
    ``spread`` (largest less smallest, over the median), and what all rows allow, given the
    rounding of the print: ``low``, ``high``, and whether they ``agree``.

    Examples
    --------
    >>> [row["agree"] for row in implied_distances()]
    [True, True, True, True]
    """
    made = [_implied(name) for name in COLUMNS]
    lines = [(SHORT[m], *(number(row["by_method"][m]) for row in made)) for m in TABLE_1]
    lines.append(("spread", *(f"{100 * row['spread']:.2f} %" for row in made)))
    lines.append(("all rows allow", *(_allowed(row) for row in made)))
    heads = ("", *COLUMNS.values())
    columns = {head: itemgetter(i) for i, head in enumerate(heads)}
    caption = "Diff / (Ratio − 1), in notes: the distance between the two genres"
    return Table(made, columns, f"{caption} that each printed row implies.", lines)


def _implied(name):
    implied = []
    for printed in TABLE_1.values():
        both = printed[f"{name}_diff_raw"], printed[f"{name}_ratio"]
        implied.append([float(x) for x in score.back_out_distance(*both)])
    values, lows, highs = zip(*implied)
    row = {"column": name, "by_method": dict(zip(TABLE_1, values))}
    row |= {"median": median(values), "low": max(lows), "high": min(highs)}
    row["spread"] = (max(values) - min(values)) / row["median"]
    return row | {"agree": row["low"] <= row["high"]}


def _allowed(row):
    span = f"{number(row['low'])} to {number(row['high'])}"
    return span if row["agree"] else "nothing"


def table_2_repairs() -> Table:
    """The rows of Table II that do not add up, with every way to change one entry of them,
    and what each would change.

    The number of answers that a share must fit is the smallest that the musicality row of
    the same method allows. A row for each repair has the fields of
    ``fusiontools.score.listening.Repair``; after it, ``best`` leads in FL, and ``fusion``
    is Fusion's place.

    Examples
    --------
    >>> sorted({row["method"] for row in table_2_repairs()})
    ['gan', 'mc']
    """
    before, made = score.ranking(paper.TABLE_2, "FL"), []
    for method, printed in paper.TABLE_2.items():
        checks = score.row_checks(printed)
        if checks["sums"] and checks["follows"]:
            continue
        shares = tuple(paper.TABLE_2B[method].values())
        answers = min(score.answer_counts(shares), default=None)
        for repair in score.repairs(printed, answers):
            orders = score.consequences(paper.TABLE_2, method, repair)
            after = orders.get("FL", (before, before))[1]
            row = {"method": method} | repair._asdict() | {"whole": repair.whole}
            made.append(row | {"best": after[0], "fusion": 1 + after.index("fusion")})
    columns = {
        "row": _called,
        "change": lambda row: f"{row['entry']}: {row['printed']:g} → {row['repaired']:g}",
        "adds up": lambda row: YES[row["sums"]],
        "FL follows": lambda row: YES[row["follows"]],
        "whole answers": lambda row: YES[row["countable"]],
        "FL then": lambda row: f"{row['level']:.1f}",
        "leads in FL": lambda row: SHORT[row["best"]],
        "Fusion's place": lambda row: row["fusion"],
    }
    return Table(made, columns, f"As printed, {SHORT[before[0]]} leads in FL. FL in %.")


def beyond_marginals(found: Rows, methods: Sequence = ()) -> Table:
    """What Table I cannot see: melodies that lie between the genres one by one and are like
    real music, by two judges; what follows what; copies, and the cost. The trivial
    baselines always have a line.
    """
    found = Rows(found.every(*methods, *TRIVIAL) if methods else found)
    wanted = {*TRIVIAL, *found.methods()}.difference(CONTROLS)
    order = [m for m in SHORT if m in wanted] + sorted(wanted.difference(SHORT))
    lines = [next(iter(found.every(m)), {"method": m}) for m in order]
    columns = {"method": _called, "seeds": lambda row: row.get("runs", NOTHING)}
    columns |= {k: column(f"middle_typical{v}", per_cent, 0) for k, v in JUDGES.items()}
    columns["both judges"] = column("middle_typical_both", per_cent, 0)
    named = {"intervals": "ib", "durations": "db", "pitch classes": "npd"}
    columns |= {k: column(f"{v}_eud_ratio") for k, v in named.items()}
    columns["copied"] = column("copied_8gram", per_cent)
    columns["min"] = column("minutes", number, 1)
    caption = f"{MIDDLE} {SEEDS} Intervals, durations (pairs in a row), pitch classes: "
    caption += "Ratio, 1 at best."
    held_out = {per_cent(row["held_out_8gram"]["mean"])
                for row in found if "held_out_8gram" in row}  # fmt: skip
    if held_out:
        caption += " Copied: of all runs of 8 notes those that are in the training songs;"
        caption += f" of held-out music, {' or '.join(sorted(held_out))} are."
    caption += " Minutes: of all phases, also of those that several methods share."
    return Table(lines, columns, caption)
