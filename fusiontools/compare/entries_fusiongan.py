"""Every row of the FusionGAN paper: `ENTRIES`, see `fusiontools.compare.entry`. The numbers
are the paper's own, out of `evidence.paper`, and ours, out of the records of jazz and folk.
Used on the page "Every row", which leads to chapter 3.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entry import LISTENERS, Entry, Source, beside, lines, told
from fusiontools.papers.fusiongan.evidence import claims, paper
from fusiontools.papers.fusiongan.evidence.metrics import shipped_rows
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, COLUMNS, PITCH, SHORT
from fusiontools.report.rows import NotMeasured
from fusiontools.report.tables import number

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["SOURCE"]

SCRATCH, MEASURED = "03_fusiongan_1_from_scratch", "03_fusiongan_3_measured"
CLAIMED, ALL_IN_ONE = "2. What the paper claims", "Figure 6, all methods in one"
FIGURE_6: dict[str, Any] = paper.FIGURE_6
LEARN = {m: SHORT[m] for m in ("gan", "rl")}
ORDER = {m: SHORT[m] for m in ("mc", "fusion", "mle", "gan", "rl", "rm")}  # of Table I


def _ratios(found: Rows, methods: tuple = (), columns=COLUMNS, digits: int = 2) -> str:
    called = {m: ORDER[m] for m in methods or ORDER}
    return beside(found, called, {f"{c}_ratio": digits for c in columns})


def _printed(*methods: str, columns=COLUMNS) -> str:
    return _ratios(claims.PRINTED, methods, columns, 3)


def _signs(found: Rows) -> str:
    parts = list(claims.f1_to_f5(found))
    held = sum(holds for _, holds, _ in parts)
    arrows = parts[0][2].partition(": ")[2]
    return f"{arrows} in the losses that train; {held} of {len(parts)} figures agree"


def _arrows() -> str:
    return (
        f"{told(claims.f1_to_f5, 0)(claims.PRINTED).partition(': ')[2]}, each with a sign"
    )


def _met() -> str:
    told = ", ".join(f"{SHORT[m]} {n}" for m, n in FIGURE_6["met"].items())
    peaks, valleys = (claims.spelled_classes(FIGURE_6[k]) for k in ("peaks", "valleys"))
    return f"of peaks at {peaks} and valleys at {valleys}: {told}"


def _met_by_ours(found: Rows) -> str:
    parts = list(claims.f6(found))
    told = [numbers.replace(" meets", "") for _, _, numbers in parts]
    many = len(FIGURE_6["met"])
    shorter = (text.rpartition(", ")[2].removesuffix(" shorter") for text in told[many:])
    said = ", ".join(f"{name} {share}" for name, share in zip(("jazz", "folk"), shorter))
    end = f"notes shorter than the commonest, none in a power law: {said}"
    return f"{', '.join(told[:many])}; {end}"


def _votes() -> str:
    row = paper.TABLE_2["fusion"]
    shares = " / ".join(f"{row[k]:.1f}" for k in ("jazz", "folk", "mixture", "neither"))
    wrong = told(claims.t2, 2, 4)(claims.PRINTED)
    return f"Fusion {shares}, FL {row['FL']:g}; {wrong}"


def _repaired(found: Rows) -> str:
    from fusiontools.papers.fusiongan.evidence.tables import table_2_repairs

    repairs = table_2_repairs()
    leads = sum(row["best"] == "fusion" for row in repairs)
    return f"{LISTENERS}; of {len(repairs)} repairs of two rows {leads} leave Fusion first"


def _experts(*methods: str) -> str:
    told = [f"{SHORT[m]} {paper.TABLE_2B[m]['expert']:g}" for m in methods]
    return f"taken for an expert's: {', '.join(told)} %"


def _sums(form: str) -> str:
    from fusiontools.papers.fusiongan.losses import constant_gain

    sums = [number(constant_gain(*asked, form)) for asked in claims.ASCENDED]
    told = ", ".join(
        f"{x} (Eq. {equation})" for x, (equation, _) in zip(sums, claims.ASCENDED)
    )
    return f"weights of a critic sum to {told}"


def _better(found: Rows) -> str:
    """By how much GAN and RL improve RM's Ratio of pitch classes."""
    made = []
    for method, name in LEARN.items():
        pairs = [
            [found.one(m)[f"{c}_ratio"]["mean"] for m in (method, "rm")] for c in PITCH
        ]
        told = ", ".join(number(100 * (1 - own / rm), 1) for own, rm in pairs)
        made.append(f"{name} {told} %")
    return lines(made)


def _gauge(found: Rows) -> str:
    histories, rhos = found.beside["histories"], []
    for run in dict.fromkeys(name.split("/")[0] for name in histories):
        if run.startswith("fusion-"):
            made = claims.progress(histories, run)
            rhos += [made[f"ratio_{block}_differences"] for block in BLOCKS]
    rhos = [rho for rho in rhos if rho is not None]
    if not rhos:
        raise NotMeasured("not measured: histories of fusion")
    ends = f"{number(min(rhos), 2)} to {number(max(rhos), 2)}"
    return f"rank correlation of its changes with the Ratios': {ends}, {len(rhos)} curves"


def _nobody(found: Rows) -> str:
    return LISTENERS


def _overfits() -> str:
    peak = claims.spelled_classes([FIGURE_6["gan_single_peak"]])
    ratios = _printed("rl", "mle", "gan", columns=["npd_eud"])
    return f"NPD EUD: {ratios.replace('<br>', ', ')}; GAN's peak {peak}"


def _listening() -> str:
    kept = paper.LISTENING
    right = f"{kept['qualified']:g} % right in {kept['qualification_sets']} sets"
    return f"{right}; {kept['samples']} melodies a method"


_FOUR = "DD EUD, DD EM, NPD EUD, NPD EM"
_PITCH = ("mle", "gan", "rl", "rm")
ENTRIES = [
    Entry(
        "FG-F1..F5",
        "which critic feeds which generator: a diagram of all, four of the updates",
        MEASURED,
        CLAIMED,
        _arrows,
        _signs,
    ),
    Entry(
        "FG-F6",
        "pitch classes and durations of each method: peaks and valleys met, of four; "
        "is it a power law?",
        MEASURED,
        ALL_IN_ONE,
        lambda: f"{_met()}; durations look like a power law",
        _met_by_ours,
    ),
    Entry(
        "FG-T1",
        f"Ratio, lowest for MC, then Fusion, then MLE: {_FOUR}",
        MEASURED,
        "3. The Ratio cannot tell a fusion from a mixture",
        _printed,
        _ratios,
    ),
    Entry(
        "FG-T2",
        "listeners call it jazz / folk / a mixture / neither, in %",
        MEASURED,
        CLAIMED,
        _votes,
        _repaired,
        testable=False,
    ),
    Entry(
        "FG-T2b",
        "listeners guess the composer",
        MEASURED,
        CLAIMED,
        partial(_experts, "mle", "fusion", "gan"),
        _nobody,
        testable=False,
    ),
    Entry(
        "FG-THM",
        "a best critic exists: only if its weights sum to zero",
        SCRATCH,
        "11. As printed, and corrected",
        partial(_sums, "printed"),
        lambda found: _sums("corrected"),
    ),
    Entry(
        "FG-C1",
        f"Fusion second to MC in pitch, level with it in durations: Ratio, {_FOUR}",
        MEASURED,
        CLAIMED,
        partial(_printed, "mc", "fusion", "mle"),
        lambda found: _ratios(found, ("mc", "fusion", "mle")),
    ),
    Entry(
        "FG-C2",
        "in pitch MLE is better than RM, RL and GAN: Ratio, NPD EUD, NPD EM",
        MEASURED,
        CLAIMED,
        partial(_printed, *_PITCH, columns=PITCH),
        lambda found: _ratios(found, _PITCH, PITCH),
    ),
    Entry(
        "FG-C3",
        "GAN and RL improve RM's pitch Ratio by about 10 %, read as "
        f"{claims.AROUND[0]:g} to {claims.AROUND[1]:g} %: NPD EUD, NPD EM",
        MEASURED,
        CLAIMED,
        partial(_better, claims.PRINTED),
        _better,
    ),
    Entry(
        "FG-C4",
        "most listeners preferred the model's melodies",
        MEASURED,
        CLAIMED,
        partial(_experts, "fusion", "mle"),
        _nobody,
        testable=False,
    ),
    Entry(
        "FG-C5",
        "the objective shows how far the fusion has come",
        MEASURED,
        "The objective as a gauge",
        "said, with no curve and no number",
        _gauge,
    ),
    Entry(
        "FG-C6",
        "RL overfits in pitch; GAN has a single peak",
        MEASURED,
        ALL_IN_ONE,
        _overfits,
        told(claims.c6, 2, 3),
    ),
    Entry(
        "FG-C7",
        "who listened, and to how much",
        MEASURED,
        CLAIMED,
        _listening,
        _nobody,
        testable=False,
    ),
]
SOURCE = Source(
    "FusionGAN",
    "fusiongan",
    ENTRIES,
    partial(shipped_rows, "weimar_essen"),
    claims.CLAIMS,
    printed=claims.PRINTED,
)
