"""What the FusionGAN paper claims, tried on its own tables and on our records, and the
goals that the chapter set itself. The words are the paper's, every number is computed.

A claim is one function of rows, see `fusiontools.report.claims`: there, one number is below
another only if their intervals are apart. The trial on the paper's own tables (`PRINTED`)
and the trial on our records have a verdict each. Goals compare means, and intervals where
they say "ranges apart". Chapter 3: `notebooks/03_fusiongan_3_measured` shows both tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.music.notes import NAMES
from fusiontools.papers.fusiongan.config import TRAINED
from fusiontools.papers.fusiongan.evidence import diagrams, paper
from fusiontools.papers.fusiongan.evidence.metrics import HISTOGRAMS, shares_of
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, COLUMNS, PITCH, SHORT
from fusiontools.report import claims as report
from fusiontools.report.claims import Claim, Goal
from fusiontools.report.rows import NotMeasured, Rows, end, less, printed
from fusiontools.report.tables import cell, number, per_cent
from fusiontools.score import back_out_distance, peaks, row_checks, valleys

if TYPE_CHECKING:
    from fusiontools.report.rows import Measured


__all__ = ["CLAIMS", "GOALS", "claims_table", "goals_table", "progress", "spelled_classes"]

AROUND = (5.0, 15.0)  # per cent: what we read "around 10 %" as
STRONG = 0.5  # rank correlation from which on we say that one curve indicates another
ROUNDS = 10  # fewer have no rank correlation worth the name
ROUNDED = 0.2  # three shares, each rounded to 0.1: their sum may be off by 0.15
# what a critic ascends, and which critic: what Theorem III.1 is about
ASCENDED = (("2", "F"), ("8", "F"), ("11", "A"), ("11B", "B"))
PRINTED = Rows(printed(paper.PRINTED), form="printed")
_LED = ("mc", "fusion", "mle", "gan", "rl", "rm")  # the first three in the order of Table I


def _ratios(found, column, methods):
    """Some methods' Ratios in a column of Table I, and all of them in words."""
    ratios = [found.one(method)[f"{column}_ratio"] for method in methods]
    digits = 3 if ratios[0]["low"] is None else 2  # the paper prints three
    told = [f"{SHORT[m]} {cell(x, digits)}" for m, x in zip(methods, ratios)]
    return ratios, f"{COLUMNS[column]}: {', '.join(told)}"


def _all(parts):
    """Whether all hold: None where that hangs on one that cannot be told."""
    parts = list(parts)
    return False if False in parts else None if None in parts else True


def _is_printed(found):
    return found.beside.get("form") == "printed"


def _form(found):
    """The form of the equations: the paper's is as printed, ours corrected."""
    return "printed" if _is_printed(found) else "corrected"


def _answers(found, entry):
    """The share of an answer, or FL, that listeners gave each method, in per cent."""
    told = {row["method"]: row[entry]["mean"] for row in found if entry in row}
    if not told:
        raise NotMeasured("needs listeners")
    return told


def f1_to_f5(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Figures 1 to 5, from the weights that train: Figure 1 has an arrow for each critic
    and source, and in Figures 2 to 5 each has the sign that it has there.
    """
    form = _form(found)
    whole = {(a.end, a.start): a.weight for a in diagrams.arrows("1", form)}
    every = {(critic, source) for critic in diagrams.CRITICS for source in diagrams.SOURCES}
    yield "Figure 1", whole.keys() == every, f"Figure 1: {len(whole)} arrows"
    for equation, figure in diagrams.FIGURES.items():
        own = [a for a in diagrams.arrows(equation, form) if a.weight is not None]
        ends = [(a.start, a.end) if a.feedback else (a.end, a.start) for a in own]
        alike = [whole[end] * a.weight > 0 for end, a in zip(ends, own)]
        signs = [f"{critic}({source}) {diagrams.spelled(a.weight)}"
                 for (critic, source), a in zip(ends, own)]  # fmt: skip
        yield figure, all(alike), f"{figure}: {', '.join(signs)}"


def f6(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Each method has as many of the four peaks and valleys as the paper says; and, since
    a power law falls from the start, the shortest notes of both genres are the most.
    """
    if _is_printed(found):
        raise NotMeasured("a picture without numbers")
    for method, many in paper.FIGURE_6["met"].items():
        shares = shares_of(found.one(method), "npd")
        met = len({*paper.FIGURE_6["peaks"]} & {*peaks(shares)})
        met += len({*paper.FIGURE_6["valleys"]} & {*valleys(shares)})
        yield f"{SHORT[method]} meets {many}", met == many, f"{SHORT[method]} meets {met}"
    for method in ("real_a", "real_b"):
        shares = shares_of(found.one(method), "dd")
        most = int(shares.argmax())
        said = f"{SHORT[method]}: {per_cent(shares[most])} of the notes are "
        said += f"{HISTOGRAMS['dd'][most]} of a beat long, {per_cent(shares[:most].sum())} "
        yield f"a power law in {SHORT[method]}", not shares[:most].any(), f"{said}shorter"


def t1(found: Rows) -> Iterator[tuple]:
    """MC has the lowest Ratio, then Fusion, then MLE, column by column. The printed table
    alone tells whether Diff and Ratio are of the same d(A, B), Diff / (Ratio - 1), and that
    of distributions, as its caption says: then it is not above the square root of 2.
    """
    for column, label in COLUMNS.items():
        diff, name = f"{column}_diff_raw", f"{column}_ratio"
        (mc, fusion, mle, *others), said = _ratios(found, column, _LED)
        yield f"MC below Fusion in {label}", less(mc, fusion), said
        yield f"Fusion below MLE in {label}", less(fusion, mle), ""
        below = _all(less(mle, other) for other in others)
        yield f"MLE below the rest in {label}", below, ""
        if _is_printed(found):
            implied = [back_out_distance(x[diff]["mean"], x[name]["mean"]) for x in found]
            low, high = max(x.low for x in implied), min(x.high for x in implied)
            said = f"dist(A, B) in {label}: {number(low)} to {number(high)}"
            yield f"one d(A, B) in {label}", low <= high, said
            if column.endswith("eud"):
                yield f"distributions in {label}", low <= np.sqrt(2), ""


def t2(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Every row adds up to 100, its FL follows from it, Fusion's FL is the highest, and MLE
    has the most votes for "mixture".
    """
    for method in _answers(found, "FL"):
        row = {entry: found.one(method)[entry]["mean"] for entry in paper.TABLE_2[method]}
        checks, said = row_checks(row), []
        if not checks["sums"]:
            said.append(f"{SHORT[method]} adds up to {checks['total']:g} %")
        if not checks["follows"]:
            level = f"{checks['level']:.1f}, not {row['FL']:g}"
            said.append(f"{SHORT[method]}'s FL follows as {level}")
        yield f"{SHORT[method]}'s row", not said, "; ".join(said)
    for method, entry in (("fusion", "FL"), ("mle", "mixture")):
        told = _answers(found, entry)
        best = max(told, key=told.get)
        said = f"most {entry}: {SHORT[best]}, {told[best]:g} %"
        yield f"{SHORT[method]} leads in {entry}", best == method, said


def t2b(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Every row adds up to 100; the three methods are taken for an expert by more than for
    each of the others, and by more than half.
    """
    kinds = [_answers(found, kind) for kind in ("expert", "newbie", "robot")]
    sums = [sum(kind[method] for kind in kinds) for method in kinds[0]]
    yield "rows add up", all(abs(x - 100) <= ROUNDED for x in sums), ""
    for method in ("mle", "gan", "fusion"):
        expert, *others = (kind[method] for kind in kinds)
        said = f"expert: {SHORT[method]} {expert:g} %"
        yield f"{SHORT[method]}: more than any other", expert > max(others), said
        yield f"{SHORT[method]}: a majority", expert > 50, ""


def theorem(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """What a critic ascends has a maximum over 1-Lipschitz functions only if its weights
    sum to zero: else it says 1 more about everything, and again.
    """
    from fusiontools.papers.fusiongan.losses import constant_gain

    form = _form(found)
    for equation, critic in ASCENDED:
        gain = constant_gain(equation, critic, form)
        said = f"D_{critic}'s weights in Eq. {equation}, {form}: sum {number(gain)}"
        yield f"a maximum of Eq. {equation}", gain == 0, said


def c1(found: Rows) -> Iterator[tuple]:
    """Fusion has the second lowest Ratio of pitch classes after MC, and is level with MC in
    durations.

    "Level" is, in our records, an interval that overlaps MC's. The paper's table has no
    intervals: there it is to be nearer to MC's Ratio than to any other's.
    """
    for column, label in COLUMNS.items():
        (mc, fusion, mle), said = _ratios(found, column, ("mc", "fusion", "mle"))
        others = [mle, *_ratios(found, column, ("rm", "gan", "rl"))[0]]
        if column in PITCH:
            below = [less(mc, fusion), *(less(fusion, other) for other in others)]
            yield f"second in {label}", _all(below), said
        elif mc["low"] is None:
            gaps = [abs(fusion["mean"] - other["mean"]) for other in (mc, *others)]
            yield f"level in {label}", gaps[0] < min(gaps[1:]), said
        else:
            yield f"level in {label}", less(mc, fusion) is None, said


def c2(found: Rows) -> Iterator[tuple]:
    """In pitch, MLE outperforms RM, RL and GAN."""
    for column, label in PITCH.items():
        methods = ("mle", "rm", "rl", "gan")
        (mle, *others), said = _ratios(found, column, methods)
        for method, other in zip(methods[1:], others):
            yield f"below {SHORT[method]} in {label}", less(mle, other), said
            said = ""  # once a column


def c3(found: Rows) -> Iterator[tuple]:
    """GAN and RL improve RM's Ratio of pitch classes by around 10 %, which is 5 to 15 %."""
    for column, label in PITCH.items():
        rm = found.one("rm")[f"{column}_ratio"]
        for method in ("gan", "rl"):
            own = found.one(method)[f"{column}_ratio"]
            better = 100 * (1 - own["mean"] / rm["mean"])
            least = 100 * (1 - end(own, "high") / end(rm, "low"))
            most = 100 * (1 - end(own, "low") / end(rm, "high"))
            inside = AROUND[0] <= least and most <= AROUND[1]
            outside = most < AROUND[0] or least > AROUND[1]
            said = f"{label}, {SHORT[method]} {better:.1f} %"
            said += "" if own["low"] is None else f" [{least:.1f}, {most:.1f}]"
            holds = True if inside else False if outside else None
            yield f"{SHORT[method]} in {label}", holds, said


def c4(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Melodies by the model were preferred by the majority of users: more than half say
    expert, and no method has more of them.
    """
    expert = _answers(found, "expert")
    best = max(expert, key=expert.get)
    ours = f"expert: {SHORT['fusion']} {expert['fusion']:g} %"
    yield "a majority", expert["fusion"] > 50, f"{ours}, a majority needs more than 50 %"
    said = f"most has {SHORT[best]}, {expert[best]:g} %"
    yield "the most of all methods", best == "fusion", said


def c5(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The objective indicates how far the fusion has come: in every run of the method
    "fusion", what it changes by from one round to the next has a rank correlation of at
    least 0.5 with what the measured Ratios change by. (The values themselves tell nothing:
    an objective that only rises is correlated with whatever else drifts.)
    """
    if "histories" not in found.beside:
        raise NotMeasured("no figure or table shows it")
    histories, told = found.beside["histories"], False
    runs = dict.fromkeys(name.split("/")[0] for name in histories)
    for run in (run for run in runs if run.startswith("fusion-")):
        made = progress(histories, run)
        for block, name in BLOCKS.items():
            if (rho := made[f"ratio_{block}_differences"]) is not None:
                told = True
                said = f"{run}, {name}: with the round {made['objective_rounds']:+.2f}"
                said += f", differences {rho:+.2f}"
                yield f"{run} in {name}", rho >= STRONG, said.replace("-0.", "−0.")
    if not told:
        raise NotMeasured(f"no history of more than {ROUNDS} rounds of fusion")


def progress(
    histories: dict[str, np.ndarray] | Measured, run: str = "fusion-0"
) -> dict[str, Any]:
    """How well the objective tells the measured Ratios, over the ``rounds`` of the fusion.

    The objective is a distance, and G_F descends it; so a rank correlation of +1 would be
    a perfect indicator, were it not that two curves which both drift have it, too.

    Returns
    -------
    dict
        ``rounds``, and Spearman's rank correlations, None for fewer than ten values or a
        flat curve: ``ratio_dd`` and ``ratio_npd``, of the objective with each Ratio;
        ``objective_rounds``, with the number of the round; ``ratio_dd_differences`` and
        ``ratio_npd_differences``, of what changes from one round to the next.
    """
    columns = ("objective", "ratio_dd", "ratio_npd")
    x, *ratios = (histories.get(f"{run}/{c}", np.zeros((2, 0)))[1] for c in columns)
    found = {"rounds": len(x), "objective_rounds": _ranks_agree(np.arange(len(x)), x)}
    for name, y in zip(columns[1:], ratios):
        found[name] = _ranks_agree(x, y)
        found[f"{name}_differences"] = _ranks_agree(np.diff(x), np.diff(y))
    return found


def _ranks_agree(x, y):
    """Spearman's rank correlation of two curves, or None."""
    from scipy.stats import rankdata

    if not len(x) == len(y) >= ROUNDS or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    # rho = the correlation of the ranks
    return float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])


def c6(found: Rows) -> Iterator[tuple]:
    """RL overfits in pitch: it is further off than the others that learn, and copies more
    than held-out music has. GAN has a single peak, at D#. Neither copying nor peaks are in
    a table of the paper.
    """
    for column, label in PITCH.items():
        (rl, *others), said = _ratios(found, column, ("rl", "mle", "gan"))
        yield f"RL is off in {label}", _all(less(other, rl) for other in others), said
    rl, gan = found.one("rl"), found.one("gan")
    copies, single, said, peaks_said = None, None, "", ""
    if "copied_8gram" in rl:
        copied, held_out = rl["copied_8gram"], rl["held_out_8gram"]
        copies = less(held_out, copied)
        said = f"copied runs of 8: RL {per_cent(copied)}, "
        said += f"held-out music {per_cent(held_out)}"
    yield "RL copies more than held-out music does", copies, said
    if "npd[C]" in gan:
        up = peaks(shares_of(gan, "npd"))
        single = up == [paper.FIGURE_6["gan_single_peak"]]
        peaks_said = f"GAN's peaks: {spelled_classes(up)}"
    yield "GAN has one peak, D♯", single, peaks_said


def c7(found: Rows) -> None:
    """A protocol: what it says of listeners, only listeners can tell."""
    raise NotMeasured("needs listeners")


def spelled_classes(classes: Sequence[int]) -> str:
    """Pitch classes in words, such as "C D♯"; "none" for none."""
    return " ".join(NAMES[p].replace("#", "♯") for p in classes) or "none"


_TRIED = (f1_to_f5, f6, t1, t2, t2b, theorem, c1, c2, c3, c4, c5, c6, c7)
_COUNTS = "the paper's distances are of counts, which grow with the notes of each method; "
_COUNTS += "ours are of shares, and there every mixture of both genres has Ratio 1"
_NOBODY = "ours would need listeners"
WHY = {
    "FG-F1..F5": "corrected, what a critic adds up is averaged: no sign changes",
    "FG-F6": "the paper reads a picture and gives no rule for a peak; ours is in the code",
    "FG-T1": _COUNTS,
    "FG-T2": _NOBODY,
    "FG-T2b": _NOBODY,
    "FG-THM": "ours are the corrected equations",
    "FG-C1": _COUNTS,
    "FG-C2": _COUNTS,
    "FG-C3": "the paper hardly says how RM draws; ours gives every pitch the same chance",
    "FG-C4": _NOBODY,
    "FG-C5": "the paper shows no curve; ours compares changes, since two curves that drift "
    "are correlated whatever they measure",
    "FG-C6": "the paper does not say how overfitting is seen; copies are our reading",
    "FG-C7": _NOBODY,
}
CLAIMS = [
    Claim(name, *told, parts, WHY[name])
    for (name, told), parts in zip(paper.PAPER["claims"].items(), _TRIED, strict=True)
]


def claims_table(found: Rows) -> report.Table:
    """The paper's claims, tried on its own tables and on our rows, see
    `fusiontools.report.claims.claims_table`. FG-C5 needs ``histories`` beside the rows.
    """
    return report.claims_table(CLAIMS, found, PRINTED)


# --- our own goals; those of numbers were set before a melody was measured ---

BEST = "blend"  # the method that they are about
JUDGES = {"": "network", "_features": "features"}
LEAST = {"weimar_essen": 0.45, "essen_ryan": 0.5}
THROUGHOUT, MOST, FOREIGN = 0.1, {"ib": 1.15, "db": 1.15, "npd": 1.2}, 0.1


def _by_judges(found, metric, holds):
    """Whether a summary of `BEST` `holds` for both judges, and what they say."""
    own = {said: found.one(BEST)[metric + end] for end, said in JUDGES.items()}
    told = "; ".join(f"{said} {per_cent(x)}" for said, x in own.items())
    return all(holds(x, end) for x, end in zip(own.values(), JUDGES)), told


def _middle(found):
    least = LEAST[found.beside["pair"]]
    return _by_judges(found, "middle_typical", lambda x, end: x["mean"] >= least)


def _apart(found, other):
    """The intervals over songs are apart, by both judges, at any of their temperatures."""

    def above(x, end):
        ends = (f"middle_typical{t}{end}" for t in ("", "_low_t", "_high_t"))
        pairs = ([found.one(m)[name] for m in (other, BEST)] for name in ends)
        return all(less(*pair) is True for pair in pairs)

    reached, told = _by_judges(found, "middle_typical", above)
    theirs = (per_cent(found.one(other)[f"middle_typical{end}"]) for end in JUDGES)
    return reached, f"{told}, against {' and '.join(theirs)}"


def _throughout(found):
    return _by_judges(found, "throughout", lambda x, end: x["mean"] >= THROUGHOUT)


def _ratios_stay(found):
    """The pile of melodies is not far from the way between the genres."""
    own = {name: found.one(BEST)[f"{name}_eud_ratio"] for name in MOST}
    named = {"ib": "interval pairs", "db": "duration pairs", "npd": "NPD"}
    told = "; ".join(f"{named[k]} {cell(x)}" for k, x in own.items())
    return all(x["mean"] <= MOST[k] for k, x in own.items()), told


def _foreign(found):
    """Real music of other genres is not taken for a blend of these two by both judges."""
    names = ("irish", "airs", "third_genre")
    shares = {SHORT[n]: found.one(n)["middle_typical_both"]["mean"] for n in names}
    told = "; ".join(f"{name} {per_cent(x)}" for name, x in shares.items())
    return max(shares.values()) <= FOREIGN, told


def _at_most(found, other):
    """The four Ratios of Fusion are at most those of the paper, or near those of MLE."""
    holds, told = [], []
    for column, label in COLUMNS.items():
        name = f"{column}_ratio"
        mean, limit = found.one("fusion")[name]["mean"], paper.TABLE_1["fusion"][name]
        if other == "mle":
            limit = found.one("mle")[name]["mean"] + 0.05
        holds.append(mean <= limit)
        told.append(f"{label} {mean:.3f} against {limit:.3f}")
    return all(holds), "; ".join(told)


def _copies(found):
    """No trained method copies more than held-out music does."""
    copied = {}
    for row in map(found.one, TRAINED):  # none may be missing
        copied[row["method"]] = [row[f"{k}_8gram"]["mean"] for k in ("copied", "held_out")]
    worst = max(copied, key=lambda m: copied[m][0] - copied[m][1])
    x, y = copied[worst]
    said = f"nearest or beyond: {SHORT[worst]}, {100 * x:.1f} % against {100 * y:.1f} %"
    return all(x <= y for x, y in copied.values()), said


def _goals():
    name, so = SHORT[BEST], "middle and typical"
    asked = zip(("jazz and folk", "folk and fiddle"), LEAST.values())
    least = " or ".join(f"{100 * x:g} % ({who})" for who, x in asked)
    yield Goal(f"at least {least} of {name}'s melodies are {so}, by each judge", _middle)
    for other in ("splice", "mle_hot"):
        words = f"more of {name}'s melodies are {so} than of {SHORT[other]}, intervals by "
        yield Goal(f"{words}song apart", partial(_apart, other=other))
    words = f"of {name}'s {so} melodies, at least {100 * THROUGHOUT:g} % are in the middle "
    yield Goal(f"{words}in each third", _throughout)
    words = f"{name}'s Ratio of interval and of duration pairs is at most {MOST['ib']:g}, "
    yield Goal(f"{words}of NPD {MOST['npd']:g}", _ratios_stay)
    words = f"at most {100 * FOREIGN:g} % of real music of other genres is {so}, by both "
    yield Goal(f"{words}judges", _foreign)
    for other, whose in {"mle": "MLE's + 0.05", "paper": "the paper's"}.items():
        words = f"{SHORT['fusion']}'s mean Ratio over seeds is at most {whose}"
        yield Goal(words, partial(_at_most, other=other))
    words = "every trained method has at most as many copied runs of 8 notes as held-out "
    yield Goal(f"{words}music", _copies)


GOALS = [*_goals()]


def goals_table(found: Rows) -> report.Table:
    """The goals of the chapter, reached or not; see `fusiontools.report.claims`."""
    return report.goals_table(GOALS, found)
