"""Every row of the Connective Fusion paper: `ENTRIES`, see `fusiontools.compare.entry`. The
paper prints curves and few numbers; ours are out of the records of fiddle tunes and pop.
Used on the page "Every row", which leads to chapter 4.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entry import Entry, Source, lines, told
from fusiontools.papers.connective_fusion.evidence import claims, paper
from fusiontools.records import read_records
from fusiontools.report.rows import NotMeasured
from fusiontools.report.tables import number

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["SOURCE"]

DATA = "fiddle_pop909"
WHOLE, MEASURED = "04_connective_fusion_2_full_size", "04_connective_fusion_3_measured"
FIGURE_1: dict[str, Any] = paper.FIGURE_1
FIGURE_6: dict[str, Any] = paper.FIGURE_6
CLAIMED, SMALL_STEPS = "2. What the paper claims", "6. Small steps, many times"


def shipped() -> Rows:
    """The records of the first seed, and the counts of windows, as rows."""
    from fusiontools.papers.connective_fusion.evidence.tables import rows_of

    first = [r for r in read_records("connective_fusion") if r.seed == 0]
    return rows_of(r for r in first if r.data["name"] == DATA or r.method == "data")


def _means(row, other, names):
    """How means change from one row to another: "key 0.05 to 0.73"."""
    pairs = ((said, row[k]["mean"], other[k]["mean"]) for k, said in names.items())
    return lines(f"{said} {number(x, 2)} to {number(y, 2)}" for said, x, y in pairs)


def _iterated(found: Rows) -> str:
    asked = {"inputs": "test", "similarity": FIGURE_1["similarity"]}
    last = found.one("ours", "iterated", iterations=FIGURE_1["iterations"][-1], **asked)
    names = {"pitch_class_overlap": "shared pitch classes"}
    names["duration_spread"] = "spread of durations"
    return (
        f"{_means(found.one('concatenate', inputs='test'), last, names)}<br>all test pairs"
    )


def _stages(found: Rows) -> str:
    """Weights counted in the networks of the size that ships."""
    import torch

    from fusiontools.papers.connective_fusion.config import Config
    from fusiontools.papers.connective_fusion.networks import Networks

    parts = list(claims.f3(found))
    with torch.device("meta"):  # shapes alone: no weight is drawn
        made = Networks(Config.shipped(), device="meta")
    parts_of = {"VAE": made.vae, "G": made.generator, "D": made.discriminator}
    many = [f"{k} {sum(w.numel() for w in m.parameters()):,}" for k, m in parts_of.items()]
    run = sum(holds for _, holds, _ in parts)
    return (
        f"{run} of {len(parts)} stages run on the live networks; weights: {', '.join(many)}"
    )


def _verdicts(comparisons):
    """How comparisons at equal distance come out, all metrics together."""
    many = Counter(v["verdict"] for v in comparisons)
    return ", ".join(f"{many[word]} {word}" for word in claims.VERDICTS if many[word])


def _against_perturb(found: Rows) -> str:
    found.one("latent_perturb")  # NotMeasured without it
    *_, (_, _, larger) = claims.f4(found)
    said = _verdicts(claims.against_perturb(found))
    return f"at equal *z*-distance, six metrics: {said}; {larger}"


def _corrected(found: Rows) -> str:
    after = found.one("ours", inputs="test", similarity=paper.MIDDLE, iterations=1)
    return _means(found.one("concatenate", inputs="test"), after, paper.CORRELATIONS)


def _iterated_against_single(found: Rows) -> str:
    found.one("iterated")  # NotMeasured without it
    said = _verdicts(claims.iterated_against_single(found))
    return f"larger λ, iterated, at equal *z*-distance: {said}"


def _windows(found: Rows) -> str:
    counts = [r for r in found.beside["runs"] if r.method == "data"]
    made = []
    for one in sorted(counts, key=lambda r: r.metrics["windows"]):
        windows, keys = (number(one.metrics[k]) for k in ("windows", "windows_all_keys"))
        made.append(
            f"{', '.join(one.config['corpora'])}: {windows} windows, {keys} in all keys"
        )
    if not made:
        raise NotMeasured("not measured: how many windows there are")
    return lines(made)


ENTRIES = [
    Entry(
        "CF-F1",
        f"iterations at λ {FIGURE_1['similarity']:g}: what becomes of one pair",
        MEASURED,
        SMALL_STEPS,
        "pitch sets align, durations even out; a picture",
        _iterated,
    ),
    Entry(
        "CF-F2",
        f"one pair in many styles at λ {paper.FIGURE_2['similarity']:g}, from four corners",
        MEASURED,
        "8. What each part is for",
        "a grid of melodies that differ; no number",
        told(claims.f2),
    ),
    Entry(
        "CF-F3",
        "the three stages, a diagram",
        WHOLE,
        "Page 1's two stages, and their use",
        f"{', '.join(paper.FIGURE_3)}; sizes are not given",
        _stages,
    ),
    Entry(
        "CF-F4",
        "six metrics against distance, beside Latent Perturb",
        MEASURED,
        "Six metrics (Figure 4)",
        "curves: it tends to be above, most with a larger λ",
        _against_perturb,
    ),
    Entry(
        "CF-F5",
        "five correlations with real melodies, before and after",
        MEASURED,
        "7. What is corrected",
        "matrices as pictures: statistics are corrected",
        _corrected,
    ),
    Entry(
        "CF-F6",
        f"*z*-distance within and between songs, {number(FIGURE_6['pairs'])} pairs there",
        MEASURED,
        "5. What the distance counts",
        "small ones are orders of magnitude rarer between songs",
        told(claims.f6),
    ),
    Entry(
        "CF-F7",
        "a larger λ iterated, against a smaller one once",
        MEASURED,
        SMALL_STEPS,
        "curves: often comparable or better",
        _iterated_against_single,
    ),
    Entry(
        "CF-R",
        "the judge of reality on test songs: a value to match",
        MEASURED,
        "3. Three judges, and why",
        f"accuracy {paper.REALITY['accuracy']:g}; mean output on real pairs "
        f"{paper.REALITY['mean_real']:g}",
        told(claims.r),
    ),
    Entry(
        "CF-C1",
        "the latent space defines similarity, cheaply, with no gradient through sampling",
        MEASURED,
        CLAIMED,
        "an argument, not measured",
        lambda found: f"to learn, in {told(claims.c1, 1)(found).partition(';')[0]}",
    ),
    Entry(
        "CF-D",
        "which windows are learned from",
        MEASURED,
        CLAIMED,
        f"{claims.FILES} files, dealt by song {claims.DEALT}; windows not counted",
        _windows,
    ),
]
SOURCE = Source("Connective Fusion", "connective_fusion", ENTRIES, shipped, claims.CLAIMS)
