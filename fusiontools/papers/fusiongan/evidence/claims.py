"""What the FusionGAN paper claims, tried on its own tables and on our records, and the
goals that the chapter set itself. The words are the paper's, every number is computed.

A claim is one function of rows, see `fusiontools.report.claims`: there, one number is below
another only if their intervals are apart. Goals compare means, and intervals where they say
"ranges apart". Chapter 3: `notebooks/03_fusiongan_3_measured` shows both tables.
"""

from functools import partial

import numpy as np

from fusiontools.music.notes import NAMES
from fusiontools.papers.fusiongan.config import TRAINED
from fusiontools.papers.fusiongan.evidence import paper
from fusiontools.papers.fusiongan.evidence.metrics import shares_of
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, COLUMNS, PITCH, SHORT
from fusiontools.report import claims as report
from fusiontools.report.claims import Claim, Goal
from fusiontools.report.rows import NotMeasured, end, less, printed
from fusiontools.report.tables import cell, per_cent
from fusiontools.score import peaks

__all__ = ["CLAIMS", "GOALS", "claims_table", "goals_table", "progress", "spelled_classes"]

AROUND = (5.0, 15.0)  # per cent: what we read "around 10 %" as
STRONG = 0.5  # rank correlation from which on we say that one curve indicates another
ROUNDS = 10  # fewer rounds have no rank correlation worth the name


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


def c1(found):
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


def c2(found):
    """In pitch, MLE outperforms RM, RL and GAN."""
    for column, label in PITCH.items():
        (mle, *others), said = _ratios(found, column, ("mle", "rm", "rl", "gan"))
        yield label, _all(less(mle, other) for other in others), said


def c3(found):
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


def c4(found):
    """Melodies by the model were preferred by the majority of users: more than half say
    expert, and no method has more of them.
    """
    expert = {row["method"]: row["expert"]["mean"] for row in found if "expert" in row}
    if "fusion" not in expert:
        raise NotMeasured("needs listeners")
    best = max(expert, key=expert.get)
    ours = f"expert: {SHORT['fusion']} {expert['fusion']:g} %"
    yield "a majority", expert["fusion"] > 50, f"{ours}, a majority needs more than 50 %"
    said = f"most has {SHORT[best]}, {expert[best]:g} %"
    yield "the most of all methods", best == "fusion", said


def c5(found):
    """The objective indicates how far the fusion has come: in every run of the method
    "fusion" its rank correlation with the measured Ratios is at least 0.5.
    """
    if "histories" not in found.beside:
        raise NotMeasured("no figure or table shows it")
    histories, told = found.beside["histories"], False
    runs = dict.fromkeys(name.split("/")[0] for name in histories)
    for run in (run for run in runs if run.startswith("fusion-")):
        made = progress(histories, run)
        for block, name in BLOCKS.items():
            if (rho := made[f"ratio_{block}"]) is not None:
                told = True
                said = f"{run}, {name}: {rho:+.2f} over {made['rounds']} rounds"
                yield f"{run} in {name}", rho >= STRONG, said
    if not told:
        raise NotMeasured(f"no history of {ROUNDS} rounds of fusion")


def progress(histories, run="fusion-0"):
    """How well the objective tells the measured Ratios: Spearman's rank correlation over
    the ``rounds`` of the fusion, ``ratio_dd`` and ``ratio_npd`` in a dict, None if there
    are fewer than ten rounds, or a curve is flat. The objective is a distance, and G_F
    descends it; so +1 would be a perfect indicator.
    """
    from scipy.stats import rankdata

    columns = ("objective", "ratio_dd", "ratio_npd")
    x, *ratios = (histories.get(f"{run}/{c}", np.zeros((2, 0)))[1] for c in columns)
    found = {"rounds": len(x)} | dict.fromkeys(columns[1:])
    for name, y in zip(columns[1:], ratios):
        if len(x) == len(y) >= ROUNDS and np.ptp(x) > 0 and np.ptp(y) > 0:
            # rho = the correlation of the ranks
            found[name] = float(np.corrcoef(rankdata(x), rankdata(y))[0, 1])
    return found


def c6(found):
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


def spelled_classes(classes):
    """Pitch classes in words, such as "C D♯"; "none" for none."""
    return " ".join(NAMES[p].replace("#", "♯") for p in classes) or "none"


_TRIED = {"FG-C1": c1, "FG-C2": c2, "FG-C3": c3, "FG-C4": c4, "FG-C5": c5, "FG-C6": c6}
_TOLD = paper.PAPER["claims"]
CLAIMS = [Claim(name, *_TOLD[name], parts) for name, parts in _TRIED.items()]


def claims_table(found):
    """The paper's claims, tried on its own tables and on our rows, see
    `fusiontools.report.claims.claims_table`. FG-C5 needs ``histories`` beside the rows.
    """
    return report.claims_table(CLAIMS, found, printed(paper.PRINTED))


def _between(found, other, times):
    """Ours writes many times as many melodies between the genres as another method."""
    x, y = (found.one(m)["fused_share"] for m in ("fusion_ours", other))
    apart = less(y, x) is True
    said = f"{per_cent(x)} against {per_cent(y)}"
    said += f", ranges {'apart' if apart else 'overlap'}"
    return x["mean"] >= times * y["mean"] and apart, said


def _below_mc(found, method, metric):
    """What follows what is nearer to the genres than in notes drawn one by one."""
    x, y = (found.one(m)[metric] for m in (method, "mc"))
    return x["mean"] < y["mean"], f"{cell(x)} against {cell(y)}"


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
    for other, times in {"half_and_half": 5, "mle": 3}.items():
        words = f"{SHORT['fusion_ours']}: at least {times} times as many melodies"
        words += f" between the genres as {SHORT[other]}, ranges apart"
        yield Goal(words, partial(_between, other=other, times=times))
    for method in ("fusion", "fusion_ours"):
        for pairs in ("interval", "duration"):
            words = f"{SHORT[method]}: Ratio of {pairs} pairs below {SHORT['mc']}'s"
            metric = {"interval": "ib_eud_ratio", "duration": "db_eud_ratio"}[pairs]
            yield Goal(words, partial(_below_mc, method=method, metric=metric))
    for other, whose in {"mle": "MLE's + 0.05", "paper": "the paper's"}.items():
        words = f"{SHORT['fusion']}: mean Ratio over seeds at most {whose}"
        yield Goal(words, partial(_at_most, other=other))
    words = "every trained method: copied runs of 8 notes at most those of held-out music"
    yield Goal(words, _copies)


GOALS = [*_goals()]


def goals_table(found):
    """The goals of the chapter, reached or not; see `fusiontools.report.claims`."""
    return report.goals_table(GOALS, found)
