"""How trainings went, as curves in panels.

A history is arrays named "run/column", each of shape (2, N): steps and values. Used in
chapters 3, 4, 5, 6 and 7: live on the pages "At full size", from records on "Measured".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.training.history import History


__all__ = ["Curve", "curves", "history_arrays", "means_around"]

WIDE = 5.8  # inches: scaled down to a phone's width, letters of size 9 stay legible


class Curve(NamedTuple):
    """One curve of a panel."""

    name: str  # "run/column"
    label: str
    shade: str  # any colour of matplotlib's
    style: str | tuple = "-"
    times: float = 1.0  # what values are multiplied by
    dots: bool = False  # few values, each of them shown


def history_arrays(
    history: History, run: str = "run", columns: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """A training's `fusiontools.training.History` as arrays, "run/column" -> (2, N). Of the
    columns that are wanted, by default all, those are left out that it lacks.
    """
    wanted = history.columns if columns is None else columns
    there = [name for name in wanted if name in history.columns]
    return {f"{run}/{name}": np.array(history.column(name), float) for name in there}


def curves(
    panels: dict[str, Sequence[Curve]],
    arrays: Mapping[str, np.ndarray],
    width: int | None = None,
) -> Figure:
    """Draw panels of curves into a figure, strong where they are smoothed and pale where
    they are not. `ValueError` if there is nothing to draw.

    Parameters
    ----------
    panels : dict of str to sequence of Curve
        Under their titles. Curves that the arrays lack are left out, and panels without
        any.
    arrays : dict of str to ndarray, shape (2, N)
    width : int, optional
        Strong lines are means over so many steps; by default a fortieth of a curve.
    """
    import matplotlib.pyplot as plt

    there = {title: [c for c in own if c.name in arrays] for title, own in panels.items()}
    there = {title: own for title, own in there.items() if own}
    if not there:
        raise ValueError(f"no curve of {', '.join(panels)} is in these histories")
    size = (WIDE, 0.4 + 2.3 * len(there))
    figure, axes = plt.subplots(
        len(there), 1, figsize=size, squeeze=False, layout="constrained"
    )
    for ax, (title, own) in zip(axes[:, 0], there.items()):
        for curve in own:
            steps, values = arrays[curve.name]
            _draw(ax, curve, steps, values, width)
        ax.set_title(title, fontsize=10, loc="left", weight="bold")
        ax.set_xlabel("step", fontsize=9)
        if any(curve.label for curve in own):
            ax.legend(fontsize=9, ncols=2, frameon=True, framealpha=0.85, edgecolor="none")
    return figure


def _draw(ax, curve, steps, values, width):
    values = curve.times * np.asarray(values)
    width = max(1, len(values) // 40) if width is None else width
    looks = {"color": curve.shade, "linestyle": curve.style, "label": curve.label}
    if curve.dots:
        ax.plot(steps, values, marker="o", markersize=4, linewidth=1.2, **looks)
        return
    if width > 1:
        ax.plot(steps, values, color=curve.shade, alpha=0.25, linewidth=0.8)
    ax.plot(steps, means_around(values, width), linewidth=1.8, **looks)


def means_around(values: npt.ArrayLike, width: int) -> np.ndarray:
    """Means over `width` values around each, an odd number (of an even one, one more);
    nearer to an end over fewer, on both sides alike, so that no end is drawn inwards.

    Examples
    --------
    >>> means_around([0, 3, 6, 3, 0], 3).tolist()
    [0.0, 3.0, 4.0, 3.0, 0.0]
    """
    values = np.asarray(values, float)
    last = len(values) - 1
    reach = [min(width // 2, i, last - i) for i in range(len(values))]
    return np.array([values[i - r : i + r + 1].mean() for i, r in enumerate(reach)])
