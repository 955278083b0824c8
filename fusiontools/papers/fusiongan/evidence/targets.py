"""The goals that the FusionGAN chapter set itself, reached or not by its records. Nothing
is measured here.
"""

from fusiontools.papers.fusiongan.config import TRAINED
from fusiontools.papers.fusiongan.evidence.claims import label, less, missing
from fusiontools.papers.fusiongan.evidence.paper import TABLE_1
from fusiontools.papers.fusiongan.evidence.summaries import (
    COLUMNS,
    NOTHING,
    SHORT,
    cell,
    summaries,
)
from fusiontools.score.tables import Table

__all__ = ["targets"]


def targets(records):
    """The goals of the chapter, reached or not.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one pair and one scale.

    Returns
    -------
    Table
        Each row has ``goal``, ``numbers`` and ``reached``: True, False, or None where a
        record is missing.
    """
    found, rows = summaries(records), []

    def add(goal, methods, metrics, judge):
        lacking = missing(found, methods, metrics)
        reached, numbers = (
            (None, lacking) if lacking else judge(*(found[n] for n in methods))
        )
        rows.append({"goal": goal, "numbers": numbers, "reached": reached})

    def share(times):
        def judge(ours, other):
            x, y = ours["fused_share"], other["fused_share"]
            apart = less(y, x) is True
            said = f"{cell(x, 1, True)} against {cell(y, 1, True)}, ranges {'apart' if apart else 'overlap'}"
            return x["mean"] >= times * y["mean"] and apart, said

        return judge

    for other, times in (("half_and_half", 5), ("mle", 3)):
        goal = f"{SHORT['fusion_ours']}: at least {times} times as many melodies between the genres as {SHORT[other]}, ranges apart"
        add(goal, ("fusion_ours", other), ("fused_share",), share(times))
    for name in ("fusion", "fusion_ours"):
        for what, words in (("ib", "interval pairs"), ("db", "duration pairs")):
            metric = f"{what}_eud_ratio"

            def below(ours, mc, metric=metric):
                return ours[metric]["mean"] < mc[metric][
                    "mean"
                ], f"{cell(ours[metric])} against {cell(mc[metric])}"

            add(
                f"{SHORT[name]}: Ratio of {words} below {SHORT['mc']}'s",
                (name, "mc"),
                (metric,),
                below,
            )
    metrics = [f"{block}_{distance}_ratio" for block, distance in COLUMNS]

    def at_most(limits):
        def judge(fusion, *others):
            pairs = [
                (fusion[m]["mean"], limit) for m, limit in zip(metrics, limits(*others))
            ]
            said = "; ".join(
                f"{label(*c)} {x:.3f} against {limit:.3f}"
                for c, (x, limit) in zip(COLUMNS, pairs)
            )
            return all(x <= limit for x, limit in pairs), said

        return judge

    goal = f"{SHORT['fusion']}: mean Ratio over seeds at most "
    add(
        goal + f"{SHORT['mle']}'s + 0.05",
        ("fusion", "mle"),
        metrics,
        at_most(lambda mle: [mle[m]["mean"] + 0.05 for m in metrics]),
    )
    printed = [TABLE_1[block]["fusion"][f"{distance}_ratio"] for block, distance in COLUMNS]
    add(goal + "the paper's", ("fusion",), metrics, at_most(lambda: printed))
    trained = [name for name in SHORT if name in found and name in TRAINED]

    def copies(*all_found):
        shares = {
            n: (f["copied_8gram"]["mean"], f["held_out_8gram"]["mean"])
            for n, f in zip(trained, all_found)
        }
        worst = max(shares, key=lambda n: shares[n][0] - shares[n][1])
        said = f"nearest or beyond: {SHORT[worst]}, {100 * shares[worst][0]:.1f} % against {100 * shares[worst][1]:.1f} %"
        return all(copied <= held_out for copied, held_out in shares.values()), said

    asked = trained or ["fusion"]
    add(
        "every trained method: copied runs of 8 notes at most those of held-out music",
        asked,
        ("copied_8gram", "held_out_8gram"),
        copies,
    )
    words = {True: "reached", False: "**not reached**", None: NOTHING}
    columns = {
        "goal": lambda row: row["goal"],
        "numbers": lambda row: row["numbers"],
        "": lambda row: words[row["reached"]],
    }
    return Table(rows, columns)
