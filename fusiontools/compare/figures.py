"""The common table as a picture: what each system does to style, beside what it keeps of
the music. Used in chapter 8, "Side by side".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fusiontools.compare.pages import SHORT
from fusiontools.compare.systems import SYSTEMS
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.report.rows import Rows

__all__ = ["TASKS", "Task", "tasks_figure"]

SHADES = {"trivial": "plain", "fusiongan": "jazz", "connective_fusion": "fiddle"}
SHADES |= {"domain_transfer": "folk", "masked": "fused"}  # of the papers
JUDGES = ("", "_features")  # a network; a table of features


class Task(NamedTuple):
    """One thing that is asked of two pieces, and who tries."""

    title: str
    high: str  # the label upwards
    value: Callable[[Any, str], float]  # of a row, and of one of `JUDGES`
    right: str  # the label to the right
    kept: Callable[[Any], float]  # of a row
    systems: Sequence[str]


def _of_both(row):
    return (row["content_a"]["mean"] + row["content_b"]["mean"]) / 2


TASKS = (
    Task(
        "A third genre",
        "share between, and music",
        lambda row, end: row[f"middle_typical{end}"]["mean"],
        "content kept, mean of A and B",
        _of_both,
        ("mixture", "splice", "bars_in_turn", "rhythm", "noise", "fusiongan")
        + ("fusiongan_ours", "fusiongan_blend", "masked_fuse"),
    ),
    Task(
        "One melody of two ideas",
        "P(one melody)",
        lambda row, end: row[f"one_melody{end}"]["mean"],
        "content kept, mean of A and B",
        _of_both,
        ("splice", "bars_in_turn", "noise", "connective", "connective_styled")
        + ("masked_join",),
    ),
    Task(
        "A in the genre of B",
        "share in B",
        lambda row, end: 1 - row[f"judged_a{end}"]["mean"],
        "content kept of A",
        lambda row: row["content_a"]["mean"],
        ("copy_a", "copy_b", "transpose", "rhythm", "shuffle", "domain_transfer")
        + ("masked_transfer",),
    ),
)


def tasks_figure(found: Rows) -> Figure:
    """A panel for each of `TASKS`: a system is a bar from what one judge says, a full dot,
    to what the other says, an empty one.

    Parameters
    ----------
    found : Rows
        Of the records of "compare". Systems that are not among them are left out.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(len(TASKS), 1, figsize=(6.2, 10.5))
    for task, ax in zip(TASKS, axes):
        points = []
        for row in found.every(*task.systems):
            shade = colour(SHADES[SYSTEMS[row["method"]].paper])
            at, both = task.kept(row), [task.value(row, end) for end in JUDGES]
            ax.plot([at, at], both, color=shade, lw=1.6)
            for value, face in zip(both, (shade, "white")):
                ax.scatter(at, value, s=34, facecolor=face, edgecolor=shade, zorder=3)
            points.append((at, min(both), max(both), SHORT[row["method"]], shade))
        ax.margins(y=0.09)  # for a name below the lowest point
        right = max(at for at, *_ in points)
        low, high = ax.get_ylim()
        line, letter = (high - low) / 17, (right + 0.27) / 75  # as large as they are drawn
        for (*_, name, shade), (x, y, side) in zip(points, _apart(points, line, letter)):
            aside = 7 if side == "left" else -7
            beside = {"xytext": (aside, 0), "textcoords": "offset points", "va": "center"}
            ax.annotate(name, (x, y), size=8, color=shade, ha=side, **beside)
        ax.set(title=task.title, xlabel=task.right, ylabel=task.high)
        ax.set_xticks([k / 5 for k in range(6) if k / 5 <= right + 0.1])
        ax.set_xlim(0, right + 0.27)  # room for the last name
    return figure


def _apart(points, line, letter):
    """Where names stand, in the order of their points: x, y, and which of their sides is at
    the point. The first place of each that covers nothing is taken.
    """
    bars = [(at, at, low, high) for at, low, high, *_ in points]
    heights = sorted(range(-len(points), len(points)), key=lambda up: (abs(up), -up))
    places, boxes = [], []
    for i, (at, low, high, name, _) in enumerate(points):
        wide, others = letter * (len(name) + 1), bars[:i] + bars[i + 1 :] + boxes
        tries = []
        for up in heights:
            y = (low + high) / 2 + up * line
            for side, left in (("left", at), ("right", at - wide)):
                box = (left, left + wide, y - line / 2, y + line / 2)
                free = left >= 0 and not any(_meet(box, other) for other in others)
                tries.append((not free, len(tries), (at, y, side), box))
        *_, place, box = min(tries)
        places.append(place)
        boxes.append(box)
    return places


def _meet(one, other):
    """Whether two boxes (left, right, bottom, top) cover each other; edges may touch."""
    across = one[0] < other[1] and other[0] < one[1]
    return across and one[2] < other[3] and other[2] < one[3]
