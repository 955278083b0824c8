"""The tables of the chapter on domain transfer. Every number comes from a record, or from
the paper. Each function returns a `fusiontools.report.tables.Table`; ``found`` are
`fusiontools.report.rows.Rows`. Chapter 5: `notebooks/05_domain_transfer_3_measured`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusiontools.papers.domain_transfer.config import TRAINED
from fusiontools.papers.domain_transfer.evidence.metrics import AMOUNTS, VERDICTS
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, SHORT, TABLE_1
from fusiontools.report.tables import Table, cell, number, per_cent
from fusiontools.report.tables import shown as column

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["ablations", "by_judge", "main_table", "part_way", "speed", "table_1"]

MAIN = (
    "real ours full ours_no_gan no_gan blur restrike nearest transpose noise copy left_hand"
)
MAIN = tuple(MAIN.split())
RANGES = "In brackets 95 % ranges over songs; of several seeds the outermost ends."
PASSED = "Passed: both judges say blend or target, neither says neither, and the pitches "
PASSED += "correlate with the source's by 0.3 at least. Copied: steps within a semitone of "
PASSED += f"the source. {RANGES}"
HEADS = {  # of metrics, with their makers and digits
    "passed": ("passed", per_cent, 0),
    "blends alone": ("passed_blend", per_cent, 0),
    "correlation with the source": ("pitch_correlation", cell, 2),
    "copied": ("copied_fraction", per_cent, 0),
    "variety": ("variety", cell, 2),
}


def _columns(heads):
    return {head: column(*what) for head, what in heads.items()}


def _table(found, methods, heads, caption):
    made = [row for method in methods for row in found.every(method)]
    called = {"": lambda row: SHORT.get(row["method"], row["method"])}
    return Table(made, called | _columns(heads), caption)


def _count(found, digits=0):
    return number(found and found["mean"], digits)


def main_table(found: Rows, raw: bool = False) -> Table:
    """All rows that a transfer stands beside; `raw`, judged as they are."""
    if raw:  # all else is counted of what is heard alone
        judged = {
            k: how for k, how in HEADS.items() if how[0] in ("passed", "passed_blend")
        }
        heads = {k: (f"{name}_raw", *how) for k, (name, *how) in judged.items()}
    else:
        heads = HEADS | {"copied runs of 8": ("copied_8gram", per_cent, 1)}
    return _table(found, MAIN, heads, PASSED)


def ablations(found: Rows) -> Table:
    """What each part of the network and of its loss is for."""
    heads = HEADS | {"held-out loss": ("held_out", cell, 3)}
    heads |= {"f-constancy": ("f_constancy", cell), "weights": ("parameters", _count)}
    heads |= {"steps": ("steps", _count)}
    heads |= {"target identity": ("target_identity", cell, 3)}
    return _table(found, TRAINED, heads | {"minutes": ("minutes", number, 1)}, PASSED)


def by_judge(found: Rows, raw: bool = False) -> Table:
    """What each judge says of each row, in shares of its outputs."""
    heads, end = {}, "_raw" if raw else ""
    for kind, judge in {"": "network", "_features": "features"}.items():
        for name, word in VERDICTS.items():
            heads[f"{word} ({judge})"] = (f"{name}{end}{kind}", per_cent, 0)
    return _table(found, dict.fromkeys([*MAIN, *TRAINED]), heads, RANGES)


def part_way(found: Rows) -> Table:
    """Ours on the way from the source (0) to what G makes of it (1)."""
    row, made = found.one("ours"), []
    for amount in AMOUNTS:
        keys = {name: name for name, *_ in HEADS.values()} | {"copied_fraction": "copied"}
        own = {k: row.get(f"{name}_{round(100 * amount)}") for k, name in keys.items()}
        made.append({"amount": amount} | own)
    return Table(made, {"amount": lambda row: row["amount"]} | _columns(HEADS), PASSED)


def speed(found: Rows) -> Table:
    """How soon each training comes as far as every run of both "full" and "plain" does."""
    heads = {"milliseconds a step": ("milliseconds_a_step", _count)}
    heads |= {"steps": ("steps_to_threshold", cell, 0)}
    heads |= {"minutes": ("minutes_to_threshold", cell, 1)}
    heads |= {"copied then": ("copied_at_threshold", per_cent, 0)}
    heads |= {"held-out loss at last": ("held_out", cell, 3)}
    heads |= {"when the recurrent twin ended": ("held_out_then", cell, 3)}
    said = "To equal held-out L_TID + L_CONST; a dash: never. In brackets the seeds' ends. "
    said += "Losses of other pictures, ours and the piano roll's, do not compare."
    return _table(found, TRAINED, heads, said)


def table_1() -> Table:
    """Table 1 as printed, with the recall and the precision that follow from it."""
    made = []
    for i, (actual, counts) in enumerate(TABLE_1.items()):
        row = {"": actual} | dict(zip(CLASSES, counts))
        row["recall"] = counts[i] / sum(counts)
        made.append(row | {"precision": counts[i] / sum(t[i] for t in TABLE_1.values())})
    heads = {k: (k, number) for k in CLASSES}
    heads |= {k: (k, per_cent, 0) for k in ("recall", "precision")}
    said = "Absurd: no class has more than 20 of 50 votes, so a file may be called a blend "
    said += "that 29 of 50 people call something else."
    return Table(made, {"": lambda row: row[""]} | _columns(heads), said)
