"""What the FusionGAN paper claims, tried twice: on its own tables, and on our records. The
words are the paper's, every number is computed.

A claim has parts; each part holds (True), fails (False), or cannot be told (None), because
ranges overlap or nobody measured it. Of our records, one number is below another only if
their ranges are apart. Our own goals are in ``fusiontools.papers.fusiongan.evidence.targets``.
"""

import csv
import io
from pathlib import Path

import numpy as np

from fusiontools.papers.fusiongan.evidence.paper import FIGURES, PAPER, TABLE_1, TABLE_2B
from fusiontools.papers.fusiongan.evidence.summaries import (
    BLOCKS,
    COLUMNS,
    DISTANCES,
    SHORT,
    by_method,
    cell,
    shares_of,
    summaries,
)
from fusiontools.score import peaks
from fusiontools.score.tables import Table, end, less, outcome

__all__ = ["claims", "history_columns", "label", "less", "missing", "outcome", "progress"]

AROUND = (5.0, 15.0)  # per cent: what we read "around 10 %" as
STRONG = 0.5  # rank correlation from which on we say that one curve indicates another
ROUNDS = 10  # fewer rounds have no rank correlation worth the name
OVERFITS, PEAK = (
    "RL copies more than held-out music does",
    "GAN has one peak, D♯",
)  # parts of FG-C6
SIX = tuple(TABLE_1["npd"])


def _both(paper, ours):
    """One word for both trials: a trial that says nothing leaves it to the other."""
    silent = ("not testable", "open")
    if paper in silent or ours in silent or paper == ours:
        return (
            paper
            if ours == "not testable"
            or paper == ours
            or (ours == "open" and paper not in silent)
            else ours
        )
    return "partly"


def _all(parts):
    """Whether all hold: None where that hangs on one that cannot be told."""
    parts = list(parts)
    return False if False in parts else None if None in parts else True


def _printed(block, distance):
    """A column of Ratios of Table I, as summaries without ranges."""
    return {
        name: {"mean": row[f"{distance}_ratio"], "low": None, "high": None}
        for name, row in TABLE_1[block].items()
    }


def _measured(found, block, distance, methods):
    """The same column of ours, or None where a method is missing."""
    column = {
        name: (found.get(name) or {}).get(f"{block}_{distance}_ratio") for name in methods
    }
    return None if None in column.values() else column


def missing(found, methods, metrics=()):
    """Which methods lack a record, or a metric in it, in words; empty where none does."""
    lacking = [
        SHORT[n]
        for n in methods
        if n not in found or any(found[n].get(m) is None for m in metrics)
    ]
    return f"not measured: {'; '.join(lacking)}" if lacking else ""


def label(block, distance):
    """A column of Table I, such as "DD EUD"."""
    return f"{BLOCKS[block]} {DISTANCES[distance]}"


def _compare(columns, methods):
    """Some methods' numbers in words, column by column."""
    said = []
    for (block, distance), column in columns.items():
        said.append(
            f"{label(block, distance)}: "
            + ", ".join(
                f"{SHORT[n]} {cell(column[n], 3 if column[n]['low'] is None else 2)}"
                for n in methods
            )
        )
    return "; ".join(said)


def _c1(column):
    """Fusion has the second lowest Ratio of pitch classes after MC, and is level with MC in
    durations.
    """
    parts, columns = {}, {}
    for block, distance in COLUMNS:
        six = columns[block, distance] = column(block, distance, SIX)
        if six is None:
            return None
        others = [six[n] for n in SIX if n not in ("mc", "fusion")]
        name = f"{'second' if block == 'npd' else 'level'} in {label(block, distance)}"
        if block == "npd":
            parts[name] = _all(
                [
                    less(six["mc"], six["fusion"]),
                    *(less(six["fusion"], other) for other in others),
                ]
            )
        elif (
            six["mc"]["low"] is None
        ):  # no ranges: level is who is nearer to MC than to all others
            gap = abs(six["fusion"]["mean"] - six["mc"]["mean"])
            parts[name] = all(
                gap < abs(six["fusion"]["mean"] - other["mean"]) for other in others
            )
        else:
            parts[name] = less(six["mc"], six["fusion"]) is None
    return parts, _compare(columns, ("mc", "fusion", "mle"))


def _c2(column):
    """In pitch, MLE outperforms RM, RL and GAN."""
    columns = {("npd", d): column("npd", d, ("mle", "rm", "rl", "gan")) for d in DISTANCES}
    if None in columns.values():
        return None
    parts = {
        label(*which): _all(less(c["mle"], c[other]) for other in ("rm", "rl", "gan"))
        for which, c in columns.items()
    }
    return parts, _compare(columns, ("mle", "rm", "rl", "gan"))


def _c3(column):
    """GAN and RL improve RM's Ratio of pitch classes by around 10 %."""
    parts, said = {}, []
    for distance in DISTANCES:
        three = column("npd", distance, ("rm", "gan", "rl"))
        if three is None:
            return None
        rm = three["rm"]
        for name in ("gan", "rl"):
            own = three[name]
            better = 100 * (1 - own["mean"] / rm["mean"])
            least, most = (
                100 * (1 - end(own, "high") / end(rm, "low")),
                100 * (1 - end(own, "low") / end(rm, "high")),
            )
            inside, outside = (
                AROUND[0] <= least and most <= AROUND[1],
                most < AROUND[0] or least > AROUND[1],
            )
            parts[f"{SHORT[name]} in {label('npd', distance)}"] = (
                True if inside else False if outside else None
            )
            said.append(
                f"{label('npd', distance)}, {SHORT[name]} {better:.1f} %"
                + ("" if own["low"] is None else f" [{least:.1f}, {most:.1f}]")
            )
    return parts, "; ".join(said)


def _c4():
    """Melodies by the model were preferred by the majority of users: more than half say
    expert, and no method has more of them.
    """
    expert = {name: row["expert"] for name, row in TABLE_2B.items()}
    best = max(expert, key=expert.get)
    said = f"expert: {SHORT['fusion']} {expert['fusion']:g} %, a majority needs more than 50 %; most has {SHORT[best]}, {expert[best]:g} %"
    return {
        "a majority": expert["fusion"] > 50,
        "the most of all methods": best == "fusion",
    }, said


def _c5(histories):
    """The objective indicates how far the fusion has come: its rank correlation with the
    measured Ratios over the rounds.
    """
    parts, said = {}, []
    for name, history in histories.items():
        found = progress(history)
        for block in BLOCKS:
            rho = found[f"ratio_{block}"]
            if rho is not None:
                parts[f"{name} in {BLOCKS[block]}"] = rho >= STRONG
                said.append(
                    f"{name}, {BLOCKS[block]}: {rho:+.2f} over {found['rounds']} rounds"
                )
    return parts, "; ".join(said) or f"no history of {ROUNDS} rounds of fusion"


def _rl_is_off(column):
    """RL's pitch distribution is further off than that of all other methods that learn."""
    columns = {("npd", d): column("npd", d, ("rl", "mle", "gan")) for d in DISTANCES}
    if None in columns.values():
        return None
    parts = {
        f"RL is off in {label(*which)}": _all(less(c[o], c["rl"]) for o in ("mle", "gan"))
        for which, c in columns.items()
    }
    return parts, _compare(columns, ("rl", "mle", "gan"))


def _c6(found, npd_by_method):
    """RL overfits in pitch: it is off, and copies more than held-out music has. GAN has a
    single peak, at D#.
    """
    parts, said = {}, []
    off = _rl_is_off(lambda *which: _measured(found, *which))
    if off is None:
        said.append(missing(found, ("rl", "mle", "gan")))
    else:
        parts, said = dict(off[0]), [off[1]]
        copied, held_out = (
            found["rl"].get("copied_8gram"),
            found["rl"].get("held_out_8gram"),
        )
        if copied and held_out:
            parts[OVERFITS] = less(held_out, copied) is True
            said.append(
                f"copied runs of 8: RL {cell(copied, 1, True)}, held-out music {cell(held_out, 1, True)}"
            )
    if "gan" in npd_by_method:
        up = peaks(shares_of(npd_by_method["gan"], "npd"))
        parts[PEAK] = up == [FIGURES["F6"]["gan_single_peak"]]
        said.append(f"GAN's peaks: {_spell(up)}")
    return parts, "; ".join(said)


def _failing(parts):
    """Which parts fail, and which cannot be told, in words."""
    states = {"fails": False, "cannot be told": None}
    lists = {
        words: [part for part, holds in parts.items() if holds is state]
        for words, state in states.items()
    }
    return "".join(
        f"; {words}: {', '.join(named)}" for words, named in lists.items() if named
    )


def _spell(classes):
    from fusiontools.show.plots import pitch_class_names

    return " ".join(pitch_class_names()[p] for p in classes) or "none"


def claims(records, npd_by_method=None, histories=None):
    """The paper's claims FG-C1 to FG-C6, tried on its own tables and on our records.

    How each is read stands in the docstring of its function here: "level with MC" is, in
    the paper's table, nearer to MC's Ratio than to any other's, and in ours, a range that
    overlaps MC's; "around 10 %" is 5 to 15 %; "indicates" is a rank correlation of at least
    0.5.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one pair and one scale.
    npd_by_method : dict of str to (list of Notes or ndarray of shape (12,)), optional
        At least of ``"gan"``, for FG-C6. By default what the records say.
    histories : dict of str to history, optional
        By run, such as ``"fusion-0"``; those of the method "fusion" are used, for FG-C5.
        See `history_columns`.

    Returns
    -------
    Table
        Each row has ``id``, ``where``, ``claim``, ``paper`` and ``ours`` (see `outcome`),
        ``paper_numbers`` and ``our_numbers``, ``parts`` (two dicts, from each part to
        whether it holds), and ``verdict``: what both agree on; where one says nothing, the
        other's; "partly" where they disagree.
    """
    found = summaries(records)
    if npd_by_method is None:
        npd_by_method = {
            name: runs
            for name, runs in by_method(records).items()
            if all("npd[C]" in r.metrics for r in runs)
        }
    own = {
        name: h for name, h in (histories or {}).items() if name.split("-")[0] == "fusion"
    }

    def printed(block, distance, methods):
        return {name: _printed(block, distance)[name] for name in methods}

    def measured(*which):
        return _measured(found, *which)

    off = _rl_is_off(printed)
    trials = {
        "FG-C1": (_c1(printed), _c1(measured) or ({}, missing(found, SIX))),
        "FG-C2": (
            _c2(printed),
            _c2(measured) or ({}, missing(found, ("mle", "rm", "rl", "gan"))),
        ),
        "FG-C3": (_c3(printed), _c3(measured) or ({}, missing(found, ("rm", "gan", "rl")))),
        "FG-C4": (_c4(), ({}, "needs listeners")),
        "FG-C5": (({}, "no figure or table shows it"), _c5(own)),
        # neither copying nor peaks are in a table of the paper: two parts that cannot be
        # told
        "FG-C6": (
            ({**off[0], OVERFITS: None, PEAK: None}, off[1]),
            _c6(found, npd_by_method),
        ),
    }
    rows = []
    for name, ((theirs, said), (ours, own_said)) in trials.items():
        where, words = PAPER["claims"][name]
        row = {
            "id": name,
            "where": where,
            "claim": words,
            "paper": outcome(theirs.values()),
            "paper_numbers": said + _failing(theirs),
        }
        row |= {
            "ours": outcome(ours.values()),
            "our_numbers": own_said + _failing(ours),
            "parts": (theirs, ours),
        }
        rows.append(row | {"verdict": _both(row["paper"], row["ours"])})
    columns = {
        "": lambda row: row["id"],
        "the paper claims": lambda row: f"{row['claim']} ({row['where']})",
        "its own numbers": lambda row: f"**{row['paper']}**: {row['paper_numbers']}",
        "ours": lambda row: f"**{row['ours']}**: {row['our_numbers']}",
        "verdict": lambda row: f"**{row['verdict']}**",
    }
    return Table(rows, columns)


def history_columns(history):
    """The columns of a training's history, each with the steps at which it has a value.

    Parameters
    ----------
    history : fusiontools.training.History, bytes, ndarray of uint8 or path-like
        A history; or what a ``history.csv`` holds, as bytes, also as `numpy` keeps them; or
        where one lies.

    Returns
    -------
    dict of str to pair of ndarray
        Steps and values.

    Examples
    --------
    >>> {
    ...     name: v.tolist()
    ...     for name, (_, v) in history_columns(
    ...         b"step,phase,a,b\\n0,mle,1.5,\\n1,mle,,2\\n"
    ...     ).items()
    ... }
    {'a': [1.5], 'b': [2.0]}
    """
    if hasattr(history, "rows"):
        rows = history.rows
    else:
        data = history.tobytes() if isinstance(history, np.ndarray) else history
        data = data if isinstance(data, bytes) else Path(data).read_bytes()
        rows = list(csv.DictReader(io.StringIO(data.decode("utf-8"))))
    names = dict.fromkeys(
        name for row in rows for name in row if name not in ("step", "phase")
    )
    kept = {
        name: [
            (int(row["step"]), float(row[name]))
            for row in rows
            if row.get(name) not in (None, "")
        ]
        for name in names
    }
    return {
        name: tuple(np.array(pairs, dtype=np.float64).T)
        for name, pairs in kept.items()
        if pairs
    }


def progress(history):
    """How well the objective tells the measured Ratios: Spearman's rank correlation over
    the rounds of the fusion.

    The objective is a distance, and G_F descends it; so +1 would be a perfect indicator.

    Returns
    -------
    dict
        ``rounds``, and for ``ratio_dd`` and ``ratio_npd`` the correlation; None if there
        are fewer than ten rounds, or a curve is flat.
    """
    from scipy.stats import rankdata

    columns = history_columns(history)
    objective = columns.get("objective", (np.zeros(0), np.zeros(0)))[1]
    found = {"rounds": len(objective)}
    for name in ("ratio_dd", "ratio_npd"):
        other = columns.get(name, (np.zeros(0), np.zeros(0)))[1]
        told = (
            len(objective) == len(other) >= ROUNDS
            and np.ptp(objective) > 0
            and np.ptp(other) > 0
        )
        # rho = the correlation of the ranks
        found[name] = (
            float(np.corrcoef(rankdata(objective), rankdata(other))[0, 1]) if told else None
        )
    return found
