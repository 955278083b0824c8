"""The tables of the FusionGAN chapter: Tables I and II of the paper beside ours, and what
they leave out.

Every number comes from a record, or from ``fusiontools.papers.fusiongan.evidence.paper``. Nothing is
measured here, except that histograms are read for their peaks, and mixed to show where a
Ratio begins.
"""

from statistics import median

import numpy as np

from fusiontools.music.notes import NAMES
from fusiontools.papers.fusiongan.evidence.claims import claims
from fusiontools.papers.fusiongan.evidence.paper import FIGURES, TABLE_1, TABLE_2, TABLE_2B
from fusiontools.papers.fusiongan.evidence.summaries import (
    BLOCKS,
    COLUMNS,
    DISTANCES,
    NOTHING,
    SEEDS,
    SHORT,
    by_method,
    cell,
    choose,
    name_of,
    number,
    shares_of,
    summaries,
)
from fusiontools.papers.fusiongan.evidence.targets import targets
from fusiontools.score import (
    answer_counts,
    back_out_distance,
    consequences,
    earth_mover,
    euclidean,
    mixture,
    peaks,
    ranking,
    ratio,
    repairs,
    row_checks,
    valleys,
)
from fusiontools.score.tables import Table

__all__ = [
    "SHORT",
    "beyond_marginals",
    "by_method",
    "choose",
    "claims",
    "implied_distances",
    "mixture_floor",
    "peaks_and_valleys",
    "summaries",
    "table_1",
    "table_1_raw",
    "table_2_repairs",
    "targets",
]


TRIVIAL = (
    "half_and_half",
    "splice",
)  # no music is made by them, and still they have good Ratios


def _methods(found, least):
    """Those that a table always has, then the others that there are."""
    return [name for name in SHORT if name in least or name in found] + [
        name for name in found if name not in SHORT
    ]


def _rows(records, metrics, least):
    found = summaries(records)
    for name in _methods(found, least):
        own = found.get(name, {})
        yield {
            "method": name,
            "runs": own.get("runs", 0),
            "minutes": own.get("minutes"),
        } | {m: own.get(m) for m in metrics}


def _beside_the_paper(records, kind, suffix, digits, caption):
    metrics = [f"{block}_{distance}_{kind}{suffix}" for block, distance in COLUMNS]
    rows, columns = [], {"method": name_of, "seeds": lambda row: row["runs"] or NOTHING}
    for row in _rows(records, metrics, [*TABLE_1["dd"], *TRIVIAL]):
        theirs = {
            f"{b}_{d}_{kind}_paper": TABLE_1[b].get(row["method"], {}).get(f"{d}_{kind}")
            for b, d in COLUMNS
        }
        rows.append(row | theirs)
    for (block, distance), metric in zip(COLUMNS, metrics):
        printed = f"{block}_{distance}_{kind}_paper"
        columns[f"{BLOCKS[block]} {DISTANCES[distance]}"] = (
            lambda row, m=metric, p=printed: _over(
                cell(row[m], digits), number(row[p], 3 if digits else 1)
            )
        )
    return Table(rows, columns, caption)


def _over(ours, paper):
    """Ours, and the paper's number under it, if there is one: two columns in one, so that a
    table fits its page.
    """
    return ours if paper == NOTHING else f"{ours}<br>*paper: {paper}*"


def table_1(records):
    """Table I: the four Ratios of every method beside the paper's. The trivial baselines
    always have a row.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one pair and one scale, see `choose`.

    Returns
    -------
    Table
        Each row has ``method``, ``runs``, ``{dd,npd}_{eud,em}_ratio`` (a summary, or None)
        and ``{dd,npd}_{eud,em}_ratio_paper``.

    References
    ----------
    FusionGAN, Table I, the Ratio columns.
    """
    return _beside_the_paper(records, "ratio", "", 2, "Ratio: 1 is best. " + SEEDS)


def table_1_raw(records):
    """Table I on raw counts, as the paper has it: our Diff beside the paper's. They grow
    with the number of notes, so no column compares.

    Returns
    -------
    Table
        Rows as in `table_1`, with ``{dd,npd}_{eud,em}_diff_raw`` and
        ``{dd,npd}_{eud,em}_diff_paper``.

    References
    ----------
    FusionGAN, Table I, the Diff columns.
    """
    return _beside_the_paper(
        records,
        "diff",
        "_raw",
        0,
        "Diff on counts, in notes: it grows with the number of notes. " + SEEDS,
    )


def implied_distances():
    """Which distance between jazz and folk each row of Table I implies: Diff / (Ratio - 1),
    which must be one number a column.

    Returns
    -------
    Table
        A row for each column of Table I: ``block``, ``distance``, ``by_method`` (the
        implied distances), ``median``, ``spread`` (largest less smallest, over the median),
        ``low`` and ``high`` (what all rows allow, given the rounding of the print),
        ``agree``.

    Examples
    --------
    >>> [row["agree"] for row in implied_distances()]
    [True, True, True, True]
    """
    rows = []
    for block, distance in COLUMNS:
        printed = TABLE_1[block]
        implied = {
            name: back_out_distance(row[f"{distance}_diff"], row[f"{distance}_ratio"])
            for name, row in printed.items()
        }
        values = {name: float(found.value) for name, found in implied.items()}
        low, high = (
            max(float(f.low) for f in implied.values()),
            min(float(f.high) for f in implied.values()),
        )
        middle = median(values.values())
        spread = (max(values.values()) - min(values.values())) / middle
        own = {
            "by_method": values,
            "median": middle,
            "spread": spread,
            "low": low,
            "high": high,
            "agree": low <= high,
        }
        rows.append({"block": block, "distance": distance} | own)
    names = {f"{BLOCKS[r['block']]} {DISTANCES[r['distance']]}": r for r in rows}
    lines = [
        {"": SHORT[method]}
        | {n: f"{r['by_method'][method]:,.0f}" for n, r in names.items()}
        for method in TABLE_1["dd"]
    ]
    lines.append(
        {"": "spread"} | {n: f"{100 * r['spread']:.2f} %" for n, r in names.items()}
    )
    allowed = {
        n: f"{r['low']:,.0f} to {r['high']:,.0f}" if r["agree"] else "nothing"
        for n, r in names.items()
    }
    lines.append({"": "all rows allow"} | allowed)
    caption = "Diff / (Ratio − 1), in notes: the distance between the two genres that each printed row implies."
    return Table(
        rows, {name: lambda line, n=name: line[n] for name in ("", *names)}, caption, lines
    )


def table_2_repairs():
    """The rows of Table II that do not add up, with every way to change one entry of them,
    and what each would change.

    The number of answers that a share must fit is the smallest that the musicality row of
    the same method allows.

    Returns
    -------
    Table
        A row for each repair: ``method``, the fields of
        ``fusiontools.score.listening.Repair``, ``answers``, ``best`` (who leads in FL after
        it), ``fusion`` (Fusion's place in FL after it), ``printed_best``,
        ``printed_fusion``, and ``orders``, every ranking that changes.

    References
    ----------
    FusionGAN, Table II and section IV-B.

    Examples
    --------
    >>> sorted({row["method"] for row in table_2_repairs()})
    ['gan', 'mc']
    """
    printed = {
        name: {("FL" if entry == "fl" else entry): value for entry, value in row.items()}
        for name, row in TABLE_2.items()
    }
    before, rows = ranking(printed, "FL"), []
    for name, row in printed.items():
        checks = row_checks(row)
        if checks["sums"] and checks["follows"]:
            continue
        answers = min(answer_counts(tuple(TABLE_2B[name].values())), default=None)
        for repair in repairs(row, answers):
            orders = consequences(printed, name, repair)
            after = orders.get("FL", (before, before))[1]
            places = {
                "best": after[0],
                "fusion": 1 + after.index("fusion"),
                "printed_best": before[0],
                "printed_fusion": 1 + before.index("fusion"),
            }
            own = repair._asdict() | {
                "whole": repair.whole,
                "answers": answers,
                "orders": orders,
            }
            rows.append({"method": name} | own | places)
    yes = {True: "yes", False: "no", None: NOTHING}
    columns = {
        "row": name_of,
        "change": lambda row: f"{row['entry']}: {row['printed']:g} → {row['repaired']:g}",
        "adds up": lambda row: yes[row["sums"]],
        "FL follows": lambda row: yes[row["follows"]],
        "whole answers": lambda row: yes[row["countable"]],
        "FL then": lambda row: f"{row['level']:.1f}",
        "leads in FL": lambda row: SHORT[row["best"]],
        "Fusion's place": lambda row: row["fusion"],
    }
    return Table(rows, columns, f"As printed, {SHORT[before[0]]} leads in FL. FL in %.")


def beyond_marginals(records):
    """What Table I cannot see: melodies that lie between the genres one by one, what
    follows what, balance, copies, and the cost.

    Returns
    -------
    Table
        Each row has ``method``, ``runs``, ``minutes``, and as summaries, or None,
        ``fused_share``, ``{ib,db}_eud_ratio``, ``balance_{dd,npd}``, ``copied_8gram``,
        ``held_out_8gram``.
    """
    metrics = [
        "fused_share",
        "ib_eud_ratio",
        "db_eud_ratio",
        "balance_dd",
        "balance_npd",
        "copied_8gram",
        "held_out_8gram",
    ]
    columns = {
        "method": name_of,
        "seeds": lambda row: row["runs"] or NOTHING,
        "between the genres": lambda row: cell(row["fused_share"], 1, True),
        "Ratio of interval pairs": lambda row: cell(row["ib_eud_ratio"]),
        "Ratio of duration pairs": lambda row: cell(row["db_eud_ratio"]),
        "imbalance, DD, then NPD": lambda row: (
            f"{cell(row['balance_dd'])}<br>{cell(row['balance_npd'])}"
        ),
        "copied": lambda row: (
            NOTHING
            if row["copied_8gram"] is None
            else f"{100 * row['copied_8gram']['mean']:.1f} %"
        ),
        "min": lambda row: number(row["minutes"], 1),
    }
    rows = list(_rows(records, metrics, ["rm", "mc", *TRIVIAL]))
    held_out = {
        cell(row["held_out_8gram"], 1, True) for row in rows if row["held_out_8gram"]
    }
    if held_out:
        told_of_copies = f" Copied: of all runs of 8 notes those that are in the training songs; of held-out music, {' or '.join(sorted(held_out))} are."
    else:
        told_of_copies = ""
    told = "Minutes are those of the run itself: training phases that it took over from another run are not in them."
    return Table(rows, columns, f"{SEEDS}{told_of_copies} {told}")


def peaks_and_valleys(melodies_by_method):
    """Which of the peaks and valleys that the paper reads off Figure 6 each method has.

    The paper gives no rule. Ours: a peak is higher, and a valley lower, than both its
    neighbours on the circle of pitch classes, where B lies beside C. A single peak is the
    only one by this rule.

    Parameters
    ----------
    melodies_by_method : dict of str to (list of Notes, list of Record or ndarray of shape
    (12,))
        See ``fusiontools.papers.fusiongan.evidence.summaries.shares_of``; `by_method` makes it of
        records.

    Returns
    -------
    Table
        Each row has ``method``, ``peaks``, ``valleys``, ``highest`` (pitch classes, C is
        0), ``meets`` (from each pitch class that the paper names to whether it is there),
        ``met``, their number, ``single_peak_at_d_sharp``, and ``paper``: how many of the
        four the paper says that the method meets, None where it does not say.

    References
    ----------
    FusionGAN, section IV-A and Figure 6 (bottom).

    Examples
    --------
    >>> c_and_g = np.array([4, 1, 3, 2, 3, 3, 1, 4, 2, 3, 2, 3]) / 31
    >>> peaks_and_valleys({"mc": c_and_g})[0]["met"]
    4
    """
    read = FIGURES["F6"]
    said = (
        dict.fromkeys(read["meets_all"], 4)
        | dict.fromkeys(read["meets_one"], 1)
        | dict.fromkeys(read["meets_none"], 0)
    )
    rows = []
    for name, melodies in melodies_by_method.items():
        npd = shares_of(melodies, "npd")
        up, down = peaks(npd), valleys(npd)
        meets = {p: p in down for p in read["valleys"]} | {
            p: p in up for p in read["peaks"]
        }
        single = up == [read["gan_single_peak"]]
        own = {
            "peaks": up,
            "valleys": down,
            "highest": int(npd.argmax()),
            "meets": meets,
            "met": sum(meets.values()),
        }
        rows.append(
            {"method": name}
            | own
            | {"single_peak_at_d_sharp": single, "paper": said.get(name)}
        )

    def spell(classes):
        return " ".join(NAMES[p].replace("#", "♯") for p in classes) or NOTHING

    marks = {True: "yes", False: "no"}
    columns = {"method": name_of}
    columns |= {
        f"{spell([p])} a valley": lambda row, p=p: marks[row["meets"][p]]
        for p in read["valleys"]
    }
    columns |= {
        f"{spell([p])} a peak": lambda row, p=p: marks[row["meets"][p]]
        for p in read["peaks"]
    }
    columns |= {
        "of four": lambda row: row["met"],
        "paper": lambda row: NOTHING if row["paper"] is None else row["paper"],
        "all peaks": lambda row: spell(row["peaks"]),
        f"single peak at {spell([read['gan_single_peak']])}": lambda row: marks[
            row["single_peak_at_d_sharp"]
        ],
    }
    return Table(
        rows,
        columns,
        "A peak is higher, a valley lower, than both its neighbours on the circle of pitch classes.",
    )


def mixture_floor(a, b, weights=(0, 0.25, 0.5, 0.75, 1)):
    """The four Ratios of mixtures of two genres' distributions: 1 for each; and, as a
    contrast, of the flat distribution.

    Parameters
    ----------
    a, b : list of Notes, list of Record, or so
        See ``fusiontools.papers.fusiongan.evidence.summaries.shares_of``.
    weights : sequence of float
        The share of A in each mixture, 0 to 1.

    Returns
    -------
    Table
        Each row has ``weight`` (None for the flat distribution) and
        ``{dd,npd}_{eud,em}_ratio``.

    References
    ----------
    The proof is at the top of ``fusiontools.score.fusion``.
    """
    measures = {"eud": euclidean, "em": earth_mover}
    pairs = {block: [shares_of(melodies, block) for melodies in (a, b)] for block in BLOCKS}
    rows = []
    for weight in (*weights, None):
        row = {"weight": weight}
        for block, distance in COLUMNS:
            p, q = pairs[block]
            f = np.full(len(p), 1 / len(p)) if weight is None else mixture(p, q, weight)
            row[f"{block}_{distance}_ratio"] = float(ratio(f, p, q, measures[distance]))
        rows.append(row)
    columns = {
        "share of A": lambda row: (
            "none: all bins equal" if row["weight"] is None else f"{row['weight']:g}"
        )
    }
    columns |= {
        f"{BLOCKS[b]} {DISTANCES[d]}": lambda row, m=f"{b}_{d}_ratio": f"{row[m]:.3f}"
        for b, d in COLUMNS
    }
    return Table(rows, columns)
