"""The tables of the FusionGAN chapter: Tables I and II of the paper beside ours, and what
they leave out.

Every number comes from a record, or from the paper. Nothing is measured here, except that
histograms are read for their peaks, and mixed to show where a Ratio begins. Every function
returns a `fusiontools.report.tables.Table`; ``found`` are `fusiontools.report.rows.Rows`,
and ``methods`` the names of those whose records are shown, by default all. Chapter 3,
FusionGAN: `notebooks/03_fusiongan_3_measured` shows all tables.
"""

from operator import itemgetter
from statistics import median

import numpy as np

from fusiontools import score
from fusiontools.papers.fusiongan.evidence import paper
from fusiontools.papers.fusiongan.evidence.claims import spelled_classes
from fusiontools.papers.fusiongan.evidence.metrics import CONTROLS, shares_of
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, COLUMNS, SHORT, TABLE_1
from fusiontools.report.rows import Rows
from fusiontools.report.tables import NOTHING, Table, beside_paper, cell, number, per_cent
from fusiontools.report.tables import shown as column

__all__ = ["beyond_marginals", "by_turns_or_blended", "controls_table"]
__all__ += ["implied_distances", "judges_table", "middle_again", "mixture_ratios"]
__all__ += ["peaks_and_valleys", "table_1", "table_2_repairs"]

SEEDS = "Means over the seeds; in brackets the lowest and the highest end of the seeds' own"
SEEDS += " 95 % intervals."
TRIVIAL = ("half_and_half", "splice")  # no music is made by them
ENDS = ("mean", "low", "high")
YES = {True: "yes", False: "no", None: NOTHING}


def _called(row):
    return SHORT.get(row["method"], row["method"])


def table_1(found, methods=(), raw=False):
    """Table I: the four Ratios of every method beside the paper's; `raw`, Diff on counts as
    in the paper. The paper's methods and the trivial baselines always have a line.
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


def beyond_marginals(found, methods=()):
    """What Table I cannot see: melodies that lie between the genres one by one and are like
    real music, by two judges; what follows what; copies, and the cost. The trivial
    baselines always have a line.
    """
    found = Rows(found.every(*methods, *TRIVIAL) if methods else found)
    wanted = {*TRIVIAL, *found.methods()}.difference(CONTROLS)
    order = [m for m in SHORT if m in wanted] + sorted(wanted.difference(SHORT))
    lines = [next(iter(found.every(m)), {"method": m}) for m in order]

    def mean(row, metric):
        return per_cent(row[metric]["mean"]) if metric in row else NOTHING

    def ratios(row):
        own = (row.get(f"{k}_eud_ratio", {}).get("mean") for k in ("ib", "db", "npd"))
        return "<br>".join(number(x, 2) for x in own)

    columns = {"method": _called, "seeds": lambda row: row.get("runs", NOTHING)}
    columns["middle and typical: the network"] = _at_any_temperature("")
    columns["the features"] = _at_any_temperature("_features")
    columns["both at once"] = lambda row: mean(row, "middle_typical_both")
    columns["in the gap"] = lambda row: mean(row, "gap_share")
    columns["Ratio of interval pairs, of duration pairs, of pitch classes"] = ratios
    columns["copied"] = lambda row: mean(row, "copied_8gram")
    columns["min"] = column("minutes", number, 1)
    caption = f"{SEEDS} Those of judges are over songs, where melodies are made of some. "
    caption += "Under them: what the share would be at the ends of the interval of the "
    caption += "judge's temperature. In the gap: by the network's scores, typical or not."
    if held_out := sorted({mean(row, "held_out_8gram") for row in found} - {NOTHING}):
        caption += " Copied: of all runs of 8 notes those that are in the training songs;"
        caption += f" of held-out music, {' or '.join(held_out)} are."
    caption += " Minutes are those of all phases, also of those that a run took over from"
    return Table(lines, columns, f"{caption} another.")


def _at_any_temperature(end):
    """A column: what a judge calls middle and typical, and under it what that would be at
    the ends of the interval of its temperature.
    """

    def made(row):
        both = [row.get(f"middle_typical_{t}_t{end}") for t in ("low", "high")]
        if None in both:
            return per_cent(row.get(f"middle_typical{end}"), 0)
        low, high = (f"{100 * x['mean']:.0f}" for x in both)
        return f"{per_cent(row[f'middle_typical{end}'], 0)}<br>*{low} to {high} %*"

    return made


def by_turns_or_blended(found, methods):
    """Of the melodies that a judge calls middle and typical: how many are so in each third,
    and how many hold a third of A and a third of B.
    """
    columns = {"method": _called}
    for end, judge in {"": "the network", "_features": "the features"}.items():
        columns[f"middle, {judge}"] = column(f"middle_typical{end}", per_cent, 0)
        columns[f"throughout, {judge}"] = column(f"throughout{end}", per_cent, 0)
        columns[f"by turns, {judge}"] = column(f"by_turns{end}", per_cent, 0)
    caption = "Throughout, by turns: of those that are middle and typical. A third is of A "
    caption += "where its own probability is above 3/4, and of B where it is below 1/4."
    return Table([found.one(method) for method in methods], columns, caption)


def controls_table(found):
    """What judges say of music that is no fusion: real music of both genres and of others,
    and real music with one thing changed.
    """
    told = {"real_a": "unseen songs of A", "real_b": "unseen songs of B"} | CONTROLS
    columns = {"music": lambda row: told[row["method"]]}
    columns["between, typical or not"] = column("fused_share", per_cent, 0)
    for end, judge in {"": "the network", "_features": "the features"}.items():
        columns[f"typical, {judge}"] = column(f"typical{end}", per_cent, 0)
        columns[f"middle and typical, {judge}"] = column(
            f"middle_typical{end}", per_cent, 0
        )
    columns["by both at once"] = column("middle_typical_both", per_cent, 0)
    made = [row for name in told for row in found.every(name)]
    return Table(made, columns, "In brackets: 95 % intervals over songs.")


def peaks_and_valleys(found, methods):
    """Which of the peaks and valleys that the paper reads off Figure 6 each method has.

    The paper (section IV-A) gives no rule. Ours: a peak is higher, and a valley lower, than
    both its neighbours on the circle of pitch classes, where B lies beside C. A single peak
    is the only one by this rule.

    A row has ``peaks`` and ``valleys`` (pitch classes, C is 0), ``meets`` (from each pitch
    class that the paper names to whether it is there), and how many of these four are
    ``met``, here and in the ``paper``: None where it does not say.
    """
    made, theirs = [], paper.FIGURE_6
    single = [theirs["gan_single_peak"]]
    for method in methods:
        npd = shares_of(found.one(method), "npd")
        up, down = score.peaks(npd), score.valleys(npd)
        meets = {p: p in down for p in theirs["valleys"]}
        meets |= {p: p in up for p in theirs["peaks"]}
        row = {"method": method, "peaks": up, "valleys": down, "meets": meets}
        row |= {"met": sum(meets.values()), "paper": theirs["met"].get(method)}
        made.append(row | {"single_peak_at_d_sharp": up == single})
    columns = {"method": _called}
    for kind in ("valley", "peak"):
        for p in theirs[f"{kind}s"]:
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
    """The four Ratios of mixtures of two genres' distributions, from lists of `Notes` and
    the shares of A, 0 to 1: 1 for each, as the proof at the top of
    ``fusiontools.score.fusion`` has it; and, as a contrast, of the flat one (None).
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
    """How well the judges of each pair do on songs that the model of the five that judges
    them has never heard.
    """
    from fusiontools.judges.genre import load_judges

    def share(name):
        def both(about):
            return "<br>".join(per_cent(dict(zip(ENDS, x)), 0) for x in about[name])

        return both

    columns = {"pair": lambda about: " and ".join(about["labels"])}
    columns["judge"] = lambda about: about["kind"]
    columns["songs"] = lambda about: " and ".join(map(str, about["songs"]))
    named = {"accuracy": (per_cent, 1), "temperature": (cell, 2)}
    for name, (made, digits) in named.items():
        columns[name] = lambda about, name=name, made=made, digits=digits: made(
            dict(zip(ENDS, about[name])), digits
        )
    columns["calibration error"] = column("calibration_error", number, 3)
    columns["typical: A, B"] = share("typical")
    columns["middle and typical: A, B"] = share("middle")
    abouts = [judge.about for pair in pairs for judge in load_judges(pair)]
    caption = "In brackets: 95 % intervals over songs; the temperature's, over the songs "
    return Table(abouts, columns, f"{caption}that calibrate it.")


def middle_again(measured, found, labels):
    """The share of melodies that the network calls middle and typical as it is `measured`
    now (for each method metrics, see `measure_melodies`), and in `found`, to be the records
    of the same training (``shipped_rows(pair, seed=0)``). The genres' `labels` are two.
    """
    made = []
    for method, metrics in measured.items():
        now = metrics["middle_typical"]
        row = {"method": method, "now": now | {"mean": now["value"]}}
        made.append(row | {"record": found.one(method)["middle_typical"]})
    columns = {" and ".join(labels): _called}
    columns["middle and typical, measured now"] = column("now", per_cent, 1)
    columns["in the record"] = column("record", per_cent, 1)
    return Table(made, columns)
