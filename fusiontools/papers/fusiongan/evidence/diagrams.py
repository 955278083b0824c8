"""Figures 1 to 5 of the FusionGAN paper, drawn anew from its equations: who is scored by
whom, with which sign, and who learns from it.

No arrow is placed by hand. `arrows` reads them off the weights in
``fusiontools.papers.fusiongan.losses``; a box stands for each source and each critic. Drawn
arrows carry their two ends as their ``gid``, such as ``"XA>DF"``. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_2_full_size` shows them.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from fusiontools.report.boxes import PALE, Box, arrow, canvas, draw_box, weights_of
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from fusiontools.papers.fusiongan.networks import Networks


__all__ = ["FIGURES", "Arrow", "arrows", "diagram", "framework", "spelled"]

# which figure of the paper shows which equation
FIGURES = {"4": "Figure 2", "8": "Figure 3", "11": "Figure 4", "14": "Figure 5"}
FEEDBACK = ("4", "14", "14B")  # the equations that generators learn by
DRAWN = ("1", "8", "11", "11B", *FEEDBACK)
LABELS = ("jazz", "folk", "fused")
SOURCES = ("XA", "GA", "GF", "GB", "XB")  # from left to right, two steps apart
CRITICS = {"DA": 1.0, "DF": 4.0, "DB": 7.0}
TOP = 3.9  # of the sources; critics are at 0
WIDE, CRITIC_WIDE, TALL = 1.62, 2.76, 0.95  # of a source's box, a critic's, and of both
LOWER = 0.6  # reaches a critic's box, where it holds the weights of its arrows
_VULGAR = {(1, 2): "½", (1, 3): "⅓", (2, 3): "⅔", (1, 4): "¼", (3, 4): "¾"}


class Arrow(NamedTuple):
    """One arrow: melodies that go to a critic, or what the critic says going back."""

    start: str  # "XA", "XB", "GA", "GB", "GF"; or "DA", "DB", "DF" where feedback starts
    end: str
    weight: float | None  # None for melodies that are only sent to be scored
    feedback: bool


def arrows(equation: str, form: str = "printed") -> list[Arrow]:
    """The arrows of an equation, read off its weights: a list of `Arrow`.

    A critic that learns (Eqs. 8, 11, 11B; all in Eq. 1) gets one with its weight from each
    source. A generator that learns (Eqs. 4, 14, 14B) sends one without a weight to each
    critic, and gets one with the weight back. A ValueError for another equation.

    Examples
    --------
    >>> [(a.start, a.end, a.weight) for a in arrows("4") if a.feedback]
    [('DA', 'GF', -1.0), ('DB', 'GF', -1.0), ('DF', 'GF', -1.0)]
    """
    from fusiontools.papers.fusiongan.losses import weights

    if equation not in DRAWN:
        known = f"choose one of {', '.join(DRAWN)}"
        raise ValueError(f"there is no figure of equation {equation!r}: {known}")
    terms = {(source, f"D{c}"): w for (c, source), w in weights(equation, form).items()}
    if equation not in FEEDBACK:
        return [Arrow(*ends, weight, False) for ends, weight in terms.items()]
    there = [Arrow(*ends, None, False) for ends in terms]
    return there + [Arrow(d, source, w, True) for (source, d), w in terms.items()]


def spelled(weight: float) -> str:
    """A weight as it is written beside an arrow.

    Examples
    --------
    >>> spelled(1.0), spelled(-1.0), spelled(-0.25), spelled(0.2)
    ('+1', '−1', '−¼', '+0.2')
    """
    size = Fraction(abs(weight)).limit_denominator(12)
    vulgar = _VULGAR.get((size.numerator, size.denominator), f"{abs(weight):g}")
    return ("+" if weight > 0 else "−") + vulgar


def diagram(
    equation: str,
    form: str = "printed",
    ax: Axes | None = None,
    labels: tuple[str, str, str] = LABELS,
) -> Axes:
    """Draw one update: Figure 2 is Eq. 4, Figure 3 Eq. 8, Figure 4 Eq. 11, Figure 5 Eq. 14.

    Solid arrows count as more (+), dashed ones as less (−). The box with a thick black
    frame learns; what is not in the equation is pale. For other equations see `arrows`; "1"
    gives `framework`. `labels` are the domains A, B and F, for their colours and the names
    in the boxes. Returns the axes.
    """
    if equation == "1":
        return framework(ax, form, labels)
    found, back = arrows(equation, form), equation in FEEDBACK
    learns = found[-1].end
    figure = f"{FIGURES[equation]}, " if equation in FIGURES else ""
    title = f"{figure}Eq. {equation} {form}: ${learns[0]}_{learns[1]}$ learns"
    ax = canvas(ax, (-0.95, 8.95), (-0.6, TOP + 0.6), title)
    used = {a.start for a in found} | {a.end for a in found}
    for name in (*SOURCES, *CRITICS):
        shade = _shade(name, labels) if name in used else PALE
        draw_box(ax, name, _box(name, labels, shade))
        if name == learns:
            ax.patches[-1].set(linewidth=3.2, edgecolor="black")
        if name not in used:
            for text in ax.texts[-2:]:
                text.set_color(PALE)
    for a in found:
        sent = back and not a.feedback
        looks = {"shade": PALE if sent else _shade(a.start, labels)}
        looks |= {"bend": 0.16 if back else 0.0, "dashed": (a.weight or 0) < 0}
        text = "" if a.weight is None else spelled(a.weight)
        arrow(ax, f"{a.start}>{a.end}", *_ends(a), text=text, **looks)
    return ax


def framework(
    ax: Axes | None = None,
    form: str = "printed",
    labels: tuple[str, str, str] = LABELS,
    networks: Networks | None = None,
) -> Axes:
    """Draw Figure 1: the whole of Eq. 1, every source scored by every critic. An arrow with
    a head at its source too is feedback: that generator learns from what this critic says
    (Eqs. 4 and 14). Boxes of live `networks`, if there are any, say how many weights they
    have; for the others see `diagram`.
    """
    ax = canvas(ax, (-0.95, 8.95), (-0.6 - LOWER, TOP + 0.6), f"Figure 1, Eq. 1 {form}")
    learned = [a for equation in FEEDBACK for a in arrows(equation, form) if a.feedback]
    heard = {(a.end, a.start) for a in learned}
    for name in (*SOURCES, *CRITICS):
        box = _box(name, labels, _shade(name, labels))
        if networks is not None and name[0] != "X":
            network = getattr(networks, name[0].lower())[name[1]]
            box = box._replace(below=f"{weights_of(network):,}")
        if name in CRITICS:
            box = box._replace(y=-LOWER / 2, tall=TALL + LOWER)
        draw_box(ax, name, box)
    for a in arrows("1", form):
        name, (start, end) = f"{a.start}>{a.end}", _ends(a)
        head = "<|-|>" if (a.start, a.end) in heard else "-|>"
        shade, dashed = _shade(a.start, labels), a.weight < 0
        arrow(ax, name, start, end, shade=shade, dashed=dashed, head=head)
        # many arrows cross: each weight stands in the critic's box under its arrowhead
        told = {"ha": "center", "va": "center", "color": "white", "zorder": 5}
        said = spelled(a.weight)
        ax.text(end[0], end[1] - 0.24, said, gid=f"text of {name}", fontsize=10, **told)
    return ax


def _domain(name, labels):
    return labels["ABF".index(name[1])]


def _shade(name, labels):
    return colour(_domain(name, labels))


def _box(name, labels, shade):
    """Real melodies are white in a coloured frame, generators round, critics square."""
    critic, real = name in CRITICS, name[0] == "X"
    x, y = (CRITICS[name], 0.0) if critic else (2.0 * SOURCES.index(name), TOP)
    looks = {"shade": shade, "filled": not real and shade != PALE}
    looks |= {"round": 0.0 if critic else 0.3, "wide": CRITIC_WIDE if critic else WIDE}
    below = _domain(name, labels)
    return Box(x, y, f"${name[0]}_{name[1]}$", below=below, tall=TALL, **looks)


def _ends(a):
    """Where an arrow leaves and arrives: each critic has one place for each source, in
    their order.
    """
    source, critic = (a.end, a.start) if a.feedback else (a.start, a.end)
    number = SOURCES.index(source)
    place = CRITICS[critic] + (number - 2) * CRITIC_WIDE / 5.3
    lean = (CRITICS[critic] - 2.0 * number) / 8 * 0.6  # they leave their source apart
    top, bottom = (2.0 * number + lean, TOP - TALL / 2), (place, TALL / 2)
    return (bottom, top) if a.feedback else (top, bottom)
