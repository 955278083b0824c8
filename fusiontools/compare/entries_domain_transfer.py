"""Every row of the paper on domain transfer with MIDI images: `ENTRIES`, see
`fusiontools.compare.entry`. Ours are out of the records of classical music and metal.
Used on the page "Every row", which leads to chapter 5.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entry import Entry, Source, lines, told
from fusiontools.papers.domain_transfer.evidence import claims
from fusiontools.papers.domain_transfer.evidence.metrics import shipped_rows
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, SHORT, TABLE_1
from fusiontools.papers.domain_transfer.evidence.paper import PAPER as KEPT
from fusiontools.report.tables import number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["SOURCE"]

SCRATCH = "05_domain_transfer_1_from_scratch"
MEASURED = "05_domain_transfer_3_measured"
PICTURE, FASTER = "The picture and its filters", "Three times faster?"
PAPER: dict[str, Any] = KEPT
SPAN, SET, FILES = PAPER["span"], PAPER["settings"], PAPER["data"]


def _right() -> str:
    """Table 1: how many files of each class were heard as what they are."""
    made = []
    for name, votes in TABLE_1.items():
        made.append(f"{name} {votes[CLASSES.index(name)]} of {sum(votes)}")
    return lines(made)


def _heard(found: Rows) -> str:
    asked = {"blend, the paper's network": ("full", "blend_share")}
    asked["blend, ours"] = "ours", "blend_share"
    asked["classical"], asked["metal"] = ("copy", "source_share"), ("real", "transfer_rate")
    made = []
    for name, (method, metric) in asked.items():
        row = found.one(method)
        shares = (number(100 * row[metric + judge]["mean"]) for judge in claims.JUDGES)
        made.append(f"{name} {' and '.join(shares)} %")
    return lines([*made, "(two judges)"])


def _means(found: Rows, methods: tuple[str, ...], metric: str) -> str:
    return lines(f"{SHORT[m]} {per_cent(found.one(m)[metric]['mean'])}" for m in methods)


def _faster(found: Rows) -> str:
    slow, fast, made = found.one("plain"), found.one("full"), []
    for what in ("steps", "minutes"):
        x, y = (row[f"{what}_to_threshold"]["mean"] for row in (slow, fast))
        made.append(f"{number(x / y, 1)} times as fast in {what}")
    return f"{' and '.join(made)}, {fast['runs']} seeds each"


def _steps(found: Rows) -> str:
    list(claims.recurrence(found))  # NotMeasured where a part of it is
    x, y = (found.one(m)["milliseconds_a_step"]["mean"] for m in ("full", "recurrent"))
    return f"a step takes {number(x)} ms, of a recurrent network as large {number(y)} ms"


def _varied(found: Rows) -> str:
    varied = [f"{SHORT[m]} {found.one(m)['variety']['mean']:.2f}" for m in ("full", "real")]
    made = [f"variety: {', '.join(varied)}"]
    for judge, about in found.beside["judges"].items():
        bars = {int(k): v for k, v in about["accuracy_by_bars"].items()}
        few, every = min(bars), max(bars)
        right = [f"{per_cent(bars[n])} right from {n} bars" for n in (few, every)]
        made.append(f"{judge} judge: {', '.join(right)}")
    return lines(made)


def _files(found: Rows) -> str:
    made = []
    for name, method in {"classical": "copy", "metal": "real"}.items():
        songs, windows = (found.one(method)[k]["mean"] for k in ("songs", "windows"))
        made.append(f"{number(songs)} {name} songs, {number(windows)} pictures")
    return lines(made)


ENTRIES = [
    Entry(
        "DT-F1..F3",
        "music as a picture, and how much time a filter spans",
        MEASURED,
        PICTURE,
        f"3 x 3 over width {SPAN['width']} spans {SPAN['steps']} steps, and skips "
        f"{len(SPAN['skipped'])} of them",
        told(claims.spans),
    ),
    Entry(
        "DT-F4..F7",
        "four diagrams of the networks; widths and places of connections are lost",
        SCRATCH,
        "4. Three networks",
        f"{SET['filter']} x {SET['filter']} filters, a waist of {SET['waist']} x "
        f"{SET['waist']}, {SET['features']} numbers",
        lambda found: f"counted in the networks that train: {told(claims.networks)(found)}",
    ),
    Entry(
        "DT-F8, T1",
        "files that are heard as what they are",
        MEASURED,
        "The survey, and what a vote is worth",
        _right,
        _heard,
    ),
    Entry(
        "DT-F9",
        "pictures before and after: share of high frequencies",
        MEASURED,
        "High frequencies",
        "two pictures: little before, more after; no number",
        partial(_means, methods=("copy", "full", "ours"), metric="high_frequency"),
    ),
    Entry(
        "DT-C1",
        "residual and skip connections speed training up",
        MEASURED,
        FASTER,
        f"{PAPER['faster']} times",
        _faster,
    ),
    Entry(
        "DT-C2",
        "residual connections lower f-constancy",
        MEASURED,
        FASTER,
        "argued, no number",
        told(claims.constancy),
    ),
    Entry(
        "DT-C3",
        "the future helps; weights are heavy in the centre and symmetric",
        MEASURED,
        PICTURE,
        "argued, no number",
        told(claims.future),
    ),
    Entry(
        "DT-C4",
        "convolutions are faster than recurrence",
        MEASURED,
        FASTER,
        "argued, no number",
        _steps,
    ),
    Entry(
        "DT-C5",
        "short terms in shallow layers, long ones in deep",
        MEASURED,
        PICTURE,
        "argued, no number",
        lambda found: f"a unit sees {told(claims.depth)(found)}",
    ),
    Entry(
        "DT-C6",
        "outputs vary little; short excerpts do not tell the genre",
        MEASURED,
        "Little variety, short excerpts",
        "seen and heard, no number",
        _varied,
    ),
    Entry(
        "DT-D",
        "how much music is learned from",
        MEASURED,
        PICTURE,
        lines(f"{number(n)} {name} files" for name, n in FILES.items()),
        _files,
        testable=False,
    ),
]
SOURCE = Source(
    "Domain transfer",
    "domain_transfer",
    ENTRIES,
    partial(shipped_rows, "classical_metal"),
    claims.CLAIMS,
    claims.DRAWN,
)
