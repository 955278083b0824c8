"""Diagrams of boxes and arrows: where data go, which networks they meet, who learns.

Sizes are read off live modules, never typed by hand. Every box and arrow carries its name
as ``gid``, an arrow "start>end". Used in chapters 3, 4, 5, 6 and 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch
    from matplotlib.axes import Axes


__all__ = ["Box", "arrow", "boxes", "canvas", "draw_box", "layer_sizes", "middle"]
__all__ += ["weights_of"]

PALE, INK = "#8a929a", "#22282e"
DASHED = (0, (4, 2))


class Box(NamedTuple):
    """A box: its middle, what it says, and how it looks."""

    x: float
    y: float
    title: str
    module: object = None  # a network: the box says how many weights it has
    below: str = ""  # a second line
    shade: str = INK
    filled: bool = False
    dashed: bool = False  # of its frame: fixed, not learning
    round: float = 0.0  # radius of its corners
    wide: float = 1.6
    tall: float = 1.0


def weights_of(module: torch.nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(p.numel() for p in module.parameters())


def layer_sizes(network: torch.nn.Module) -> list[int]:
    """The sizes of a perceptron, from its inputs to its outputs: a list of int."""
    layers = [m for m in network.modules() if hasattr(m, "in_features")]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def boxes(
    places: dict[str, Box],
    arrows: Sequence[Sequence | tuple[str, str]],
    ax: Axes | None = None,
    title: str = "",
) -> Axes:
    """Draw boxes by their names, and arrows, (start, end) or (start, end, weight), between
    them. A weight is written beside its arrow; a negative one is dashed. Returns the axes.
    """
    across = [box.x + s * box.wide / 2 for box in places.values() for s in (-1, 1)]
    up = [box.y + s * box.tall / 2 for box in places.values() for s in (-1, 1)]
    ends = (min(across) - 0.2, max(across) + 0.2), (min(up) - 0.2, max(up) + 0.2)
    ax = canvas(ax, *ends, title)
    for name, box in places.items():
        draw_box(ax, name, box)
    for start, end, *weight in arrows:
        text = f"{weight[0]:+g}".replace("-", "−") if weight else ""
        near, far = _sides(places[start], places[end])
        dashed = text.startswith("−")
        arrow(ax, f"{start}>{end}", near, far, text=text, dashed=dashed)
    return ax


def canvas(
    ax: Axes | None, x: tuple[float, float], y: tuple[float, float], title: str = ""
) -> Axes:
    """Axes without an axis, from ``x[0]`` to ``x[1]`` and ``y[0]`` to ``y[1]``."""
    if ax is None:
        import matplotlib.pyplot as plt

        size = 5.6, 5.6 * (y[1] - y[0]) / (x[1] - x[0])
        ax = plt.subplots(figsize=size, layout="constrained")[1]
    ax.set(xlim=x, ylim=y)
    ax.axis("off")
    ax.set_title(title, loc="left", fontsize=11, weight="bold")
    return ax


def draw_box(ax: Axes, name: str, box: Box) -> None:
    """Draw one box with its title, and under it what else it says."""
    from matplotlib.patches import FancyBboxPatch

    corner = box.x - box.wide / 2, box.y - box.tall / 2
    style = f"round,pad=0,rounding_size={box.round}" if box.round else "square,pad=0"
    looks: dict[str, Any] = {"edgecolor": box.shade}
    looks["facecolor"] = box.shade if box.filled else "white"
    looks |= {"linewidth": 1.5, "linestyle": DASHED if box.dashed else "-"}
    ax.add_patch(
        FancyBboxPatch(
            corner, box.wide, box.tall, boxstyle=style, zorder=3, gid=name, **looks
        )
    )
    below = [box.below] if box.below else []
    below += [f"{weights_of(box.module):,} weights"] if box.module is not None else []
    lines = "\n".join(below)
    ink = "white" if box.filled else INK if box.shade == PALE else box.shade
    told = {"ha": "center", "va": "center", "color": ink, "zorder": 4}
    upright = {"rotation": 90} if box.tall > 1.5 * box.wide else {}
    # a title of one line and those under it, centred together
    up = 0.19 * (lines.count("\n") + 1 if lines else 0)
    ax.text(box.x, box.y + up, box.title, fontsize=10, weight="bold", **upright, **told)
    ax.text(box.x, box.y - 0.21, lines, fontsize=8.5, linespacing=1.25, **told)


def arrow(
    ax: Axes,
    name: str,
    start: Sequence,
    end: Sequence,
    bend: float = 0.0,
    shade: str = INK,
    text: str = "",
    dashed: bool = False,
    head: str = "-|>",
) -> None:
    """Draw one arrow between two points, `text` on its middle."""
    from matplotlib.patches import FancyArrowPatch

    looks = {"color": shade, "linewidth": 1.3, "linestyle": DASHED if dashed else "-"}
    looks |= {"mutation_scale": 10, "shrinkA": 1, "shrinkB": 1, "zorder": 2, "gid": name}
    curve = f"arc3,rad={bend}"
    ax.add_patch(
        FancyArrowPatch(start, end, arrowstyle=head, connectionstyle=curve, **looks)
    )
    if text:
        told = {"ha": "center", "va": "center", "fontsize": 10, "zorder": 5}
        plain = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        where = middle(start, end, bend)
        ax.text(*where, text, color=shade, bbox=plain, gid=f"text of {name}", **told)


def middle(start: Sequence, end: Sequence, bend: float = 0.0) -> tuple[float, float]:
    """The middle of an arrow."""
    # half as far out as the control point of its curve, which is bend * length to the side
    (x0, y0), (x1, y1) = start, end
    return (x0 + x1 + bend * (y1 - y0)) / 2, (y0 + y1 - bend * (x1 - x0)) / 2


def _sides(one, other):
    """Where an arrow leaves a box and meets another: the sides that face each other."""
    if one.x + one.wide / 2 <= other.x - other.wide / 2:
        return (one.x + one.wide / 2, one.y), (other.x - other.wide / 2, other.y)
    if other.x + other.wide / 2 <= one.x - one.wide / 2:
        return (one.x - one.wide / 2, one.y), (other.x + other.wide / 2, other.y)
    up = 1 if other.y > one.y else -1
    return (one.x, one.y + up * one.tall / 2), (other.x, other.y - up * other.tall / 2)
