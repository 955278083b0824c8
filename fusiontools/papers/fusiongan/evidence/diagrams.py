"""Figures 1 to 5 of the FusionGAN paper, drawn anew from its equations: who is scored by
whom, with which sign, and who learns from it.

No arrow is placed by hand. `arrows` reads them off the weights in
``fusiontools.papers.fusiongan.losses``; a box stands for each source and each critic. Drawn
arrows carry their two ends as their ``gid``, such as ``"XA>DF"``.
"""

from fractions import Fraction
from typing import NamedTuple

from fusiontools.show.colours import colour

__all__ = ["FIGURES", "Arrow", "arrows", "diagram", "framework", "spelled"]

FIGURES = {
    "4": "Figure 2",
    "8": "Figure 3",
    "11": "Figure 4",
    "14": "Figure 5",
}  # which figure of the paper shows which equation
FEEDBACK = {"F": "4", "A": "14", "B": "14B"}  # the equation that each generator learns by
CRITICS = {"11": "A", "11B": "B", "8": "F"}  # the critic that learns by each equation
LABELS = ("jazz", "folk", "fused")
SOURCES = ("XA", "GA", "GF", "GB", "XB")  # from left to right
WIDTH, HEIGHT = 1.62, 0.86  # of a box; all lengths here are in steps from source to source
TOP, BOTTOM = 3.3, 0.0
PLACES = {name: (2.0 * i, TOP) for i, name in enumerate(SOURCES)} | {
    "DA": (1.0, BOTTOM),
    "DF": (4.0, BOTTOM),
    "DB": (7.0, BOTTOM),
}
CRITIC_WIDTH = 2.76
PALE = "#8a929a"
_VULGAR = {
    Fraction(1, 2): "½",
    Fraction(1, 3): "⅓",
    Fraction(1, 4): "¼",
    Fraction(3, 4): "¾",
    Fraction(2, 3): "⅔",
}


class Arrow(NamedTuple):
    """One arrow: melodies that go to a critic, or what the critic says going back."""

    start: str  # "XA", "XB", "GA", "GB", "GF"; or "DA", "DB", "DF" where feedback starts
    end: str
    weight: float | None  # None for melodies that are only sent to be scored
    feedback: bool


def arrows(equation, form="printed"):
    """The arrows of an equation, read off its weights.

    Parameters
    ----------
    equation : str
        "1" for the whole objective; "8", "11", "11B", by which a critic learns; "4", "14",
        "14B", by which a generator does.
    form : {"printed", "corrected"}
        See ``fusiontools.papers.fusiongan.losses.weights``.

    Returns
    -------
    list of Arrow
        A critic that learns gets one with its weight from each source. A generator that
        learns sends one without a weight to each critic, and gets one with the weight back.

    Raises
    ------
    ValueError
        If the equation has no figure.

    Examples
    --------
    >>> [(a.start, a.end, a.weight) for a in arrows("4") if a.feedback]
    [('DA', 'GF', -1.0), ('DB', 'GF', -1.0), ('DF', 'GF', -1.0)]
    """
    from fusiontools.papers.fusiongan.losses import weights

    drawn = ("1", *CRITICS, *FEEDBACK.values())
    if equation not in drawn:
        raise ValueError(
            f"there is no figure of equation {equation!r}: choose one of {', '.join(drawn)}"
        )
    terms = weights(equation, form)
    if equation not in FEEDBACK.values():
        return [
            Arrow(source, f"D{critic}", weight, False)
            for (critic, source), weight in terms.items()
        ]
    there = [Arrow(source, f"D{critic}", None, False) for critic, source in terms]
    return there + [
        Arrow(f"D{critic}", source, weight, True)
        for (critic, source), weight in terms.items()
    ]


def spelled(weight):
    """A weight as it is written beside an arrow.

    Examples
    --------
    >>> spelled(1.0), spelled(-1.0), spelled(-0.25), spelled(0.2)
    ('+1', '−1', '−¼', '+0.2')
    """
    size = Fraction(abs(weight)).limit_denominator(12)
    return ("+" if weight > 0 else "−") + (
        str(size) if size.denominator == 1 else _VULGAR.get(size, f"{abs(weight):g}")
    )


def diagram(equation, form="printed", ax=None, labels=LABELS):
    """Draw one update: Figure 2 is Eq. 4, Figure 3 Eq. 8, Figure 4 Eq. 11, Figure 5 Eq. 14.

    Solid arrows count as more (+), dashed ones as less (−). The box with a thick black
    frame learns; what is not in the equation is pale.

    Parameters
    ----------
    equation : str
        See `arrows`; "1" gives `framework`.
    form : {"printed", "corrected"}
    ax : matplotlib.axes.Axes, optional
    labels : tuple of str
        The domains A, B and F, for their colours and the names in the boxes.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    FusionGAN, Figures 2 to 5.
    """
    if equation == "1":
        return framework(ax, form, labels)
    found, ax = arrows(equation, form), _canvas(ax, 2.9)
    back = any(a.feedback for a in found)
    learns = next(a.end for a in found if a.feedback or not back)
    used = {a.start for a in found} | {a.end for a in found}
    for name in PLACES:
        _box(ax, name, labels, pale=name not in used, learns=name == learns)
    for a in found:
        if a.feedback:
            _arrow(ax, a, labels, bend=0.16)
        elif back:
            _arrow(ax, a, labels, bend=0.16, pale=True)
        else:
            _arrow(ax, a, labels)
    figure = f"{FIGURES[equation]}, " if equation in FIGURES else ""
    learner = f"${learns[0]}_{learns[1]}$ learns"
    ax.set_title(
        f"{figure}Eq. {equation} {form}: {learner}", loc="left", fontsize=11, weight="bold"
    )
    return ax


def framework(ax=None, form="printed", labels=LABELS, networks=None):
    """Draw Figure 1: the whole of Eq. 1, every source scored by every critic.

    An arrow with a head at its source too is feedback: that generator learns from what this
    critic says (Eqs. 4 and 14).

    Parameters
    ----------
    ax : matplotlib.axes.Axes, optional
    form : {"printed", "corrected"}
    labels : tuple of str
        As in `diagram`.
    networks : fusiontools.papers.fusiongan.Networks, optional
        The live networks: their boxes then say how many weights they have.

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    FusionGAN, Figure 1 and Eq. 1.
    """
    ax = _canvas(ax, 3.9)
    heard = {
        (a.end, a.start)
        for equation in FEEDBACK.values()
        for a in arrows(equation, form)
        if a.feedback
    }
    for name in PLACES:
        _box(
            ax,
            name,
            labels,
            size=_size(networks, name),
            lower=0.55 if name[0] == "D" else 0.0,
        )
    for a in arrows("1", form):
        _arrow(ax, a, labels, both=(a.start, a.end) in heard, inside=True)
    ax.set_title(f"Figure 1, Eq. 1 {form}", loc="left", fontsize=11, weight="bold")
    return ax


def _size(networks, name):
    kinds = {"G": "g", "D": "d"}
    if networks is None or name[0] not in kinds:
        return None
    network = getattr(networks, kinds[name[0]])[name[1]]
    return sum(p.numel() for p in network.parameters())


def _canvas(ax, height):
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(5.6, height))[1]
    ax.set(xlim=(-0.95, 8.95), ylim=(BOTTOM - (1.1 if height > 3 else 0.6), TOP + 0.6))
    ax.axis("off")
    return ax


def _shade(name, labels):
    return colour(labels["ABF".index(name[1])])


def _box(ax, name, labels, pale=False, learns=False, size=None, lower=0.0):
    """Real melodies are white in a coloured frame, generators round, critics square. A box
    that reaches lower has room at its top.
    """
    from matplotlib.patches import FancyBboxPatch

    (x, y), shade = PLACES[name], _shade(name, labels)
    width = CRITIC_WIDTH if name[0] == "D" else WIDTH
    real = name[0] == "X"
    style = "square,pad=0" if name[0] == "D" else "round,pad=0,rounding_size=0.3"
    frame = PALE if pale else "black" if learns else shade
    corner, tall = (x - width / 2, y - HEIGHT / 2 - lower), HEIGHT + lower
    looks = {
        "facecolor": "white" if real or pale else shade,
        "edgecolor": frame,
        "linewidth": 3.2 if learns else 1.4,
    }
    ax.add_patch(
        FancyBboxPatch(corner, width, tall, boxstyle=style, zorder=3, gid=name, **looks)
    )
    domain = labels["ABF".index(name[1])]
    ink = PALE if pale else shade if real else "white"
    below = (
        domain if size is None else f"{size:,} weights" if name[0] == "D" else f"{size:,}"
    )
    ax.text(
        x,
        y - lower + 0.17,
        f"${name[0]}_{name[1]}$",
        ha="center",
        va="center",
        fontsize=12,
        color=ink,
        zorder=4,
    )
    ax.text(
        x,
        y - lower - 0.21,
        below,
        ha="center",
        va="center",
        fontsize=9,
        color=ink,
        zorder=4,
    )


def _ends(arrow):
    """Where an arrow leaves and arrives: each critic has one place for each source, in
    their order.
    """
    source, critic = (
        (arrow.end, arrow.start) if arrow.feedback else (arrow.start, arrow.end)
    )
    x, y = PLACES[source]
    place = (SOURCES.index(source) - 2) * CRITIC_WIDTH / 5.3
    lean = (
        (PLACES[critic][0] - x) / 8 * 0.6
    )  # arrows to different critics leave their source apart
    top, bottom = (
        (x + lean, y - HEIGHT / 2),
        (PLACES[critic][0] + place, PLACES[critic][1] + HEIGHT / 2),
    )
    return (bottom, top) if arrow.feedback else (top, bottom)


def _arrow(ax, arrow, labels, bend=0.0, pale=False, both=False, inside=False):
    from matplotlib.patches import FancyArrowPatch

    start, end = _ends(arrow)
    source = arrow.end if arrow.feedback else arrow.start
    shade = PALE if pale else _shade(source if not arrow.feedback else arrow.start, labels)
    less = arrow.weight is not None and arrow.weight < 0
    looks = {
        "color": shade,
        "linewidth": 1.2 if pale else 1.7,
        "linestyle": (0, (4, 2)) if less else "solid",
        "shrinkA": 1,
        "shrinkB": 1,
    }
    head = "<|-|>" if both else "-|>"
    curve = f"arc3,rad={bend}"
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=head,
            mutation_scale=11,
            connectionstyle=curve,
            zorder=2,
            gid=f"{arrow.start}>{arrow.end}",
            **looks,
        )
    )
    if arrow.weight is None:
        return
    (x0, y0), (x1, y1) = start, end
    # the middle of a quadratic curve lies half as far out as its control point, which is
    # bend * length to the side
    x, y = (x0 + x1 + bend * (y1 - y0)) / 2, (y0 + y1 - bend * (x1 - x0)) / 2
    looks = {
        "color": shade,
        "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8},
    }
    # where many arrows cross, each weight stands in the critic's box under its arrowhead
    if inside:
        x, y, looks = x1, y1 - 0.24, {"color": "white"}
    told = {
        "ha": "center",
        "va": "center",
        "fontsize": 10,
        "weight": "bold",
        "zorder": 5,
    } | looks
    ax.text(x, y, spelled(arrow.weight), gid=f"weight of {arrow.start}>{arrow.end}", **told)
