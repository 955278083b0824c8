"""The tables of the FusionGAN chapter: Tables I and II of the paper beside ours, and what
they leave out.

Every number comes from a record, or from the paper. Nothing is measured here, except that
histograms are read for their peaks, and mixed to show where a Ratio begins. Every function
returns a `fusiontools.report.tables.Table`. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_3_measured` shows them all.
"""

from statistics import median

import numpy as np

from fusiontools import score
from fusiontools.papers.fusiongan.evidence.claims import spelled_classes
from fusiontools.papers.fusiongan.evidence.metrics import shares_of
from fusiontools.papers.fusiongan.evidence.paper import (
    BLOCKS,
    COLUMNS,
    FIGURE_6,
    SHORT,
    TABLE_1,
    TABLE_2,
    TABLE_2B,
)
from fusiontools.report.rows import Rows
from fusiontools.report.tables import NOTHING, Table, beside_paper, cell, number, per_cent
from fusiontools.report.tables import shown as column

__all__ = ["between_again", "beyond_marginals", "implied_distances", "judges_table"]
__all__ += ["mixture_ratios", "peaks_and_valleys", "table_1", "table_2_repairs"]

SEEDS = (
    "Means over the seeds; in brackets the lowest and the highest end of the seeds' own "
    "95 % intervals."
)
TRIVIAL = ("half_and_half", "splice")  # no music is made by them
YES = {True: "yes", False: "no", None: NOTHING}


def _called(row):
    return SHORT.get(row["method"], row["method"])


def table_1(found, methods=(), raw=False):
    """Table I: the four Ratios of every method beside the paper's.

    Parameters
    ----------
    found : Rows
    methods : sequence of str
        Whose records are shown; by default all. The paper's methods and the trivial
        baselines always have a line.
    raw : bool
        Show Diff instead, on raw counts as in the paper. It grows with the number of notes.
    """
    metric, digits, caption = "ratio", 2, "Ratio: 1 is best."
    if raw:
        metric, digits = "diff_raw", 0
        caption = "Diff on counts, in notes: it grows with the number of notes."
    columns = {label: (f"{name}_{metric}", digits) for name, label in COLUMNS.items()}
    found, caption = Rows(found.every(*methods)), f"{caption} {SEEDS}"
    return beside_paper(found, columns, TABLE_1, SHORT, TRIVIAL, caption)


def implied_distances():
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
    lines = [(SHORT[m], lambda row, m=m: number(row["by_method"][m])) for m in TABLE_1]
    lines.append(("spread", lambda row: f"{100 * row['spread']:.2f} %"))
    lines.append(("all rows allow", _allowed))
    columns = {"": lambda line: line[0]}
    for row in made:
        columns[COLUMNS[row["column"]]] = lambda line, row=row: line[1](row)
    caption = (
        "Diff / (Ratio − 1), in notes: the distance between the two genres that each "
        "printed row implies."
    )
    return Table(made, columns, caption, lines)


def _implied(name):
    implied = {}
    for method, printed in TABLE_1.items():
        both = printed[f"{name}_diff_raw"], printed[f"{name}_ratio"]
        implied[method] = score.back_out_distance(*both)
    values = {method: float(x.value) for method, x in implied.items()}
    low = max(float(x.low) for x in implied.values())
    high = min(float(x.high) for x in implied.values())
    middle = median(values.values())
    spread = (max(values.values()) - min(values.values())) / middle
    row = {"column": name, "by_method": values, "median": middle, "spread": spread}
    return row | {"low": low, "high": high, "agree": low <= high}


def _allowed(row):
    span = f"{number(row['low'])} to {number(row['high'])}"
    return span if row["agree"] else "nothing"


def table_2_repairs():
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
    before, made = score.ranking(TABLE_2, "FL"), []
    for method, printed in TABLE_2.items():
        checks = score.row_checks(printed)
        if checks["sums"] and checks["follows"]:
            continue
        answers = min(score.answer_counts(tuple(TABLE_2B[method].values())), default=None)
        for repair in score.repairs(printed, answers):
            orders = score.consequences(TABLE_2, method, repair)
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


def beyond_marginals(found, methods=()):
    """What Table I cannot see: melodies that lie between the genres one by one, what
    follows what, balance, copies, and the cost.

    Parameters
    ----------
    found : Rows
    methods : sequence of str
        Whose records are shown; by default all. RM, MC and the trivial baselines always
        have a line.
    """
    found = Rows(found.every(*methods))
    wanted = {"rm", "mc", *TRIVIAL, *found.methods()}
    order = [m for m in SHORT if m in wanted] + sorted(wanted.difference(SHORT))
    lines = [next(iter(found.every(m)), {"method": m}) for m in order]

    def imbalance(row):
        return "<br>".join(cell(row.get(f"balance_{block}")) for block in BLOCKS)

    columns = {"method": _called, "seeds": lambda row: row.get("runs", NOTHING)}
    columns["between the genres"] = column("fused_share", per_cent, 1)
    columns["Ratio of interval pairs"] = column("ib_eud_ratio")
    columns["Ratio of duration pairs"] = column("db_eud_ratio")
    columns["imbalance, DD, then NPD"] = imbalance
    columns["copied"] = lambda row: per_cent(_mean(row, "copied_8gram"))
    columns["min"] = column("minutes", number, 1)
    held_out = sorted({per_cent(_mean(row, "held_out_8gram")) for row in found})
    copied = (
        " Copied: of all runs of 8 notes those that are in the training songs; of held-out "
        f"music, {' or '.join(held_out)} are."
    )
    minutes = (
        " Minutes are those of the run itself: training phases that it took over from "
        "another run are not in them."
    )
    return Table(lines, columns, SEEDS + (copied if held_out else "") + minutes)


def _mean(row, metric):
    found = row.get(metric)
    return None if found is None else found["mean"]


def peaks_and_valleys(found, methods):
    """Which of the peaks and valleys that the paper reads off Figure 6 each method has.

    The paper (section IV-A) gives no rule. Ours: a peak is higher, and a valley lower, than
    both its neighbours on the circle of pitch classes, where B lies beside C. A single peak
    is the only one by this rule.

    Parameters
    ----------
    found : Rows
    methods : sequence of str
        Their rows have ``peaks`` and ``valleys`` (pitch classes, C is 0), ``meets`` (from
        each pitch class that the paper names to whether it is there), and how many of these
        four are ``met``, here and in the ``paper``: None where it does not say.
    """
    made, single = [], [FIGURE_6["gan_single_peak"]]
    for method in methods:
        npd = shares_of(found.one(method), "npd")
        up, down = score.peaks(npd), score.valleys(npd)
        meets = {p: p in down for p in FIGURE_6["valleys"]}
        meets |= {p: p in up for p in FIGURE_6["peaks"]}
        row = {"method": method, "peaks": up, "valleys": down, "meets": meets}
        row |= {"met": sum(meets.values()), "paper": FIGURE_6["met"].get(method)}
        made.append(row | {"single_peak_at_d_sharp": up == single})
    columns = {"method": _called}
    for kind in ("valley", "peak"):
        for p in FIGURE_6[f"{kind}s"]:
            name = f"{spelled_classes([p])} a {kind}"
            columns[name] = lambda row, p=p: YES[row["meets"][p]]
    columns["of four"] = lambda row: row["met"]
    columns["paper"] = lambda row: number(row["paper"])
    columns["all peaks"] = lambda row: spelled_classes(row["peaks"])
    name = f"single peak at {spelled_classes(single)}"
    columns[name] = lambda row: YES[row["single_peak_at_d_sharp"]]
    rule = "A peak is higher, a valley lower, than both its neighbours"
    return Table(made, columns, f"{rule} on the circle of pitch classes.")


def mixture_ratios(a, b, weights=(0, 0.25, 0.5, 0.75, 1)):
    """The four Ratios of mixtures of two genres' distributions: 1 for each, as the proof at
    the top of ``fusiontools.score.fusion`` has it; and, as a contrast, of the flat one.

    Parameters
    ----------
    a, b : list of Notes
    weights : sequence of float
        The share of A in each mixture, 0 to 1; of the flat one None.
    """
    distances, made = {"eud": score.euclidean, "em": score.earth_mover}, []
    pairs = {block: [score.distribution(block, x) for x in (a, b)] for block in BLOCKS}
    for weight in (*weights, None):
        row = {"weight": weight}
        for block, (p, q) in pairs.items():
            flat = np.full(len(p), 1 / len(p))
            f = flat if weight is None else score.mixture(p, q, weight)
            for name, distance in distances.items():
                row[f"{block}_{name}_ratio"] = float(score.ratio(f, p, q, distance))
        made.append(row)

    def share(row):
        return "none: all bins equal" if row["weight"] is None else f"{row['weight']:g}"

    shown = {label: column(f"{name}_ratio", number, 3) for name, label in COLUMNS.items()}
    return Table(made, {"share of A": share} | shown)


def judges_table(pairs):
    """How well the judge of each pair does on songs that it has never heard."""
    from fusiontools.judges.genre import load_judge

    def between(about, domain):
        return f"{per_cent(about['between'][domain][0])} of {about['held_out'][domain]}"

    columns = {"pair": lambda about: " and ".join(about["labels"])}
    columns["accuracy on unseen songs"] = column("accuracy", per_cent, 1)
    columns["calibration error"] = column("calibration_error", number, 3)
    columns["real A between"] = lambda about: between(about, "A")
    columns["real B between"] = lambda about: between(about, "B")
    return Table([load_judge(pair).about for pair in pairs], columns)


def between_again(measured, found, labels):
    """The share of melodies between the genres as it is measured now, and in the records.

    Parameters
    ----------
    measured : dict of str to dict
        For each method metrics, as `measure_melodies` returns them.
    found : Rows
        Of one seed.
    labels : pair of str
        What the genres are called.
    """
    made = []
    for method, metrics in measured.items():
        now = metrics["fused_share"]
        row = {"method": method, "now": now | {"mean": now["value"]}}
        made.append(row | {"record": found.one(method)["fused_share"]})
    columns = {" and ".join(labels): _called}
    columns["between the genres, measured now"] = column("now", per_cent, 1)
    columns["in the record, seed 0"] = column("record", per_cent, 1)
    return Table(made, columns)
