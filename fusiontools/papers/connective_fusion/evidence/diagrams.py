"""Pictures of the live Connective Fusion model: Figure 3's three stages with its own shapes
and sizes, and piano rolls of what it does.

No shape and no number of weights is typed by hand: they are read off the networks that are
handed in. Nothing is trained here.
"""

from fusiontools.papers.connective_fusion.data import HALF, STEPS
from fusiontools.papers.connective_fusion.evidence.paper import FIGURES, PAPER
from fusiontools.show.colours import colour

__all__ = ["iteration_rolls", "layer_sizes", "stages_figure", "style_rolls", "weights_of"]

WIDE = 5.6  # inches: scaled down to a phone's width, letters of size 9 stay legible
STEP, BARS, GAP = (
    0.25,
    4.0,
    0.06,
)  # beats: of a token, of a bar, and what keeps repeated notes apart
LEFT, RIGHT, FUSED, NET = (
    colour("content"),
    colour("style"),
    colour("fused"),
    colour("plain"),
)
PALE, INK = "#8a929a", "#22282e"


def weights_of(module):
    """How many numbers a network learns."""
    return sum(p.numel() for p in module.parameters())


def layer_sizes(network):
    """The sizes of a perceptron, from its inputs to its outputs: a list of int.

    Examples
    --------
    >>> from fusiontools.papers.connective_fusion.networks import Discriminator
    >>> layer_sizes(Discriminator(latent=4, width=16))
    [8, 16, 16, 16, 16, 1]
    """
    layers = [m for m in network.modules() if hasattr(m, "in_features")]
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def stages_figure(networks):
    """Figure 3 made anew, from the live networks: pre-training, training, transformation.

    What is filled learns in its stage; what has a dashed frame is fixed there. Blue and
    red: left and right halves, and in the second stage halves that do not belong together
    and such that do. Purple: what the generator makes of them. Dotted: losses.

    Parameters
    ----------
    networks : Networks

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Connective Fusion, Figure 3 and section 2.2.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        3, 1, figsize=(WIDE, 8.4), height_ratios=(3.0, 4.7, 4.2), layout="constrained"
    )
    first, second, third = PAPER["figures"]["CF-F3"]["values"]["stages"]
    _pre_training(_canvas(axes[0], 3.0, f"1. {first}"), networks)
    _training(_canvas(axes[1], 4.7, f"2. {second}"), networks)
    _transformation(_canvas(axes[2], 4.2, f"3. {third}"), networks)
    return figure


def _canvas(ax, height, title):
    ax.set(xlim=(0, 10), ylim=(0, height))
    ax.axis("off")
    ax.set_title(title, loc="left", fontsize=11, weight="bold")
    return ax


def _pre_training(ax, networks):
    config, vae = networks.config, networks.vae
    tokens = f"{HALF} tokens"
    _box(ax, "x", (0.85, 1.75), "$x$", tokens, LEFT, kind="data")
    _box(
        ax,
        "encoder",
        (3.0, 1.75),
        "encoder",
        f"{config.encoder}\n{weights_of(vae.encoder):,}\nweights",
        NET,
        wide=2.0,
        tall=1.7,
    )
    _box(
        ax,
        "z",
        (5.15, 1.75),
        "$z$",
        f"{config.latent} numbers",
        FUSED,
        kind="data",
        wide=1.75,
    )
    _box(
        ax,
        "decoder",
        (7.3, 1.75),
        "decoder",
        f"{config.decoder}\n{weights_of(vae.decoder):,}\nweights",
        NET,
        wide=2.0,
        tall=1.7,
    )
    _box(ax, "x_out", (9.2, 1.75), r"$\hat{x}$", tokens, LEFT, kind="data")
    for start, end in (
        ("x", "encoder"),
        ("encoder", "z"),
        ("z", "decoder"),
        ("decoder", "x_out"),
    ):
        _arrow(ax, start, end)
    _loss(ax, (0.85, 2.3), (9.2, 2.3), r"$\mathcal{L}_{\mathrm{rec}}$", bend=-0.14)
    _box(ax, "prior", (5.15, 0.35), "$p(z)$", "", PALE, kind="data", wide=1.3, tall=0.6)
    _loss(ax, (5.15, 0.65), (5.15, 1.25), r"$\mathcal{L}_{\mathrm{pri}}$")


def _training(ax, networks):
    config = networks.config
    g, d = networks.generator, networks.discriminator
    pair = f"2 × {config.latent}"
    _box(
        ax,
        "alone",
        (1.3, 3.7),
        r"$z_{\mathrm{L}},\ z_{\mathrm{R}}$",
        f"{pair}, drawn alone\nor from $p(z)$",
        LEFT,
        kind="data",
        wide=2.45,
        tall=1.2,
    )
    _box(
        ax,
        "style",
        (1.3, 2.2),
        "$s$",
        f"{config.style} in [0, 1]",
        PALE,
        kind="data",
        wide=2.45,
    )
    _box(
        ax,
        "G",
        (4.85, 3.0),
        "generator",
        f"{_sizes(g)}\n{weights_of(g):,} weights",
        NET,
        wide=3.0,
        tall=1.7,
    )
    _box(
        ax,
        "made",
        (8.45, 3.0),
        r"$z'_{\mathrm{L}},\ z'_{\mathrm{R}}$",
        pair,
        FUSED,
        kind="data",
        wide=2.2,
    )
    _box(
        ax,
        "D",
        (4.85, 0.75),
        "discriminator",
        f"{_sizes(d)}\n{weights_of(d):,} weights",
        NET,
        wide=3.0,
        tall=1.4,
    )
    _box(
        ax,
        "pairs",
        (1.3, 0.75),
        r"$z_{\mathrm{L}},\ z_{\mathrm{R}}$",
        f"{pair}, one melody",
        RIGHT,
        kind="data",
        wide=2.45,
    )
    _box(
        ax,
        "verdict",
        (8.45, 0.75),
        "real or fake?",
        "",
        PALE,
        kind="data",
        wide=2.2,
        tall=0.7,
    )
    for start, end in (
        ("alone", "G"),
        ("style", "G"),
        ("G", "made"),
        ("made", "D"),
        ("pairs", "D"),
        ("D", "verdict"),
    ):
        _arrow(ax, start, end)
    _arrow(ax, "alone", "D", bend=0.0)
    _loss(ax, (1.3, 4.3), (8.45, 3.5), r"$\lambda\ \mathcal{L}_{\mathrm{sim}}$", bend=-0.1)
    ax.text(
        7.3,
        1.68,
        r"$\mathcal{L}_{\mathrm{gen}},\ \mathcal{L}_{\mathrm{dis}}$",
        fontsize=10,
        color=INK,
        ha="left",
        va="center",
    )


def _transformation(ax, networks):
    config = networks.config
    for name, y, shade, letter in (("left", 3.2, LEFT, "L"), ("right", 1.1, RIGHT, "R")):
        _box(
            ax,
            name,
            (0.8, y),
            rf"$x_{{\mathrm{{{letter}}}}}$",
            f"{HALF}",
            shade,
            kind="data",
            wide=1.1,
        )
        _box(
            ax,
            f"z_{name}",
            (4.0, y),
            rf"$z_{{\mathrm{{{letter}}}}}$",
            f"{config.latent}",
            shade,
            kind="data",
            wide=1.0,
        )
    _box(ax, "encoder", (2.35, 2.15), "encoder", "", NET, wide=1.35, tall=2.9, fixed=True)
    _box(ax, "G", (5.65, 2.15), "generator", "", NET, wide=1.45, tall=2.9, fixed=True)
    _box(
        ax,
        "moved",
        (7.2, 2.15),
        "$z'$",
        f"2 × {config.latent}",
        FUSED,
        kind="data",
        wide=1.15,
        tall=1.2,
    )
    _box(ax, "decoder", (8.65, 2.15), "decoder", "", NET, wide=1.3, tall=2.9, fixed=True)
    for name, y in (("left", 3.2), ("right", 1.1)):
        _line(ax, (1.35, y), (1.66, y))
        _line(ax, (3.04, y), (3.48, y))
        _line(ax, (4.52, y), (4.9, y))
    _line(ax, (6.4, 2.15), (6.6, 2.15))
    _line(ax, (7.8, 2.15), (7.98, 2.15))
    ax.text(9.4, 2.45, r"$x'_{\mathrm{L}}$", color=FUSED, fontsize=11, va="center")
    ax.text(9.4, 2.15, "⊕", color=FUSED, fontsize=10, va="center")
    ax.text(9.4, 1.8, r"$x'_{\mathrm{R}}$", color=FUSED, fontsize=11, va="center")
    ax.text(9.32, 1.25, f"{STEPS}", color=FUSED, fontsize=9, va="center")
    ax.annotate(
        f"$s$: {config.style} numbers",
        (5.65, 0.62),
        (5.65, 0.12),
        fontsize=9,
        color=INK,
        ha="center",
        va="center",
        arrowprops=_head(),
    )
    # iterated transformation: what came out goes in again
    _line(ax, (7.2, 2.8), (5.65, 3.68), bend=0.55, shade=FUSED)
    ax.text(7.0, 3.75, "again and again", fontsize=9, color=FUSED, ha="left", va="center")


def _sizes(network):
    """The layers' sizes in two lines, such as "144 → 4 × 512 → 256"."""
    first, *hidden, last = layer_sizes(network)
    return f"{first} → {len(hidden)} × {hidden[0]} → {last}"


def _box(
    ax, name, place, title, below, shade, kind="net", wide=1.55, tall=1.0, fixed=False
):
    """Networks are filled, or framed with dashes where they are fixed; data are white in a
    coloured frame.
    """
    from matplotlib.patches import FancyBboxPatch

    (x, y), full = place, kind == "net" and not fixed
    looks = {
        "facecolor": shade if full else "white",
        "edgecolor": shade,
        "linewidth": 1.5,
        "linestyle": (0, (4, 2)) if fixed else "-",
    }
    style = "round,pad=0,rounding_size=0.12" if kind == "data" else "square,pad=0"
    ax.add_patch(
        FancyBboxPatch(
            (x - wide / 2, y - tall / 2),
            wide,
            tall,
            boxstyle=style,
            zorder=3,
            gid=name,
            **looks,
        )
    )
    ink = "white" if full else INK if shade == PALE else shade
    lines = below.count("\n") + 1 if below else 0
    told = {"ha": "center", "va": "center", "color": ink, "zorder": 4}
    upright = {"rotation": 90} if tall > 1.5 * wide else {}
    # a title of one line and those under it, centred together
    ax.text(
        x,
        y + 0.19 * lines,
        title,
        fontsize=10,
        weight="bold" if kind == "net" else None,
        **upright,
        **told,
    )
    if below:
        ax.text(x, y - 0.21, below, fontsize=8.5, linespacing=1.25, **told)


def _head(shade=INK, style="-|>"):
    return {
        "arrowstyle": style,
        "color": shade,
        "linewidth": 1.3,
        "mutation_scale": 10,
        "shrinkA": 1,
        "shrinkB": 1,
    }


def _edges(ax, name):
    box = next(p for p in ax.patches if p.get_gid() == name)
    return box.get_x(), box.get_y(), box.get_width(), box.get_height()


def _arrow(ax, start, end, bend=0.0):
    """From one box to another: out of the side that faces it."""
    (x0, y0, w0, h0), (x1, y1, w1, h1) = _edges(ax, start), _edges(ax, end)
    if x0 + w0 <= x1:
        ends = (
            (x0 + w0, y0 + h0 / 2),
            (x1, min(max(y0 + h0 / 2, y1 + 0.2 * h1), y1 + 0.8 * h1)),
        )
    else:
        ends = (x0 + w0 / 2, y0), (x1 + 0.85 * w1, y1 + h1)
    _line(ax, *ends, bend=bend, name=f"{start}>{end}")


def _line(ax, start, end, bend=0.0, shade=INK, name=None):
    from matplotlib.patches import FancyArrowPatch

    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            connectionstyle=f"arc3,rad={bend}",
            zorder=2,
            gid=name,
            **_head(shade),
        )
    )


def _loss(ax, start, end, name, bend=0.0):
    """A dotted line between what a loss compares, its name on it."""
    from matplotlib.patches import FancyArrowPatch

    looks = {
        "arrowstyle": "<|-|>",
        "color": PALE,
        "linewidth": 1.3,
        "linestyle": (0, (1, 1.5)),
        "mutation_scale": 8,
    }
    ax.add_patch(
        FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", zorder=1, **looks)
    )
    (x0, y0), (x1, y1) = start, end
    # the middle of a quadratic curve lies half as far out as its control point, which is
    # bend * length to the side
    x, y = (x0 + x1 + bend * (y1 - y0)) / 2, (y0 + y1 - bend * (x1 - x0)) / 2
    ax.text(
        x,
        y,
        name,
        fontsize=10,
        color=INK,
        ha="center",
        va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        zorder=4,
    )


def iteration_rolls(
    networks, tokens, iterations=FIGURES["F1"]["iterations"], style=None, seed=0
):
    """Figure 1 made anew: a pair of halves as piano rolls, as it is and after some
    iterations, with the z-distance that each has gone.

    Parameters
    ----------
    networks : Networks
    tokens : array_like of int, shape (128,)
        Two halves side by side, see
        ``fusiontools.papers.connective_fusion.data.join_halves``.
    iterations : sequence of int
    style : array_like of float, shape (S,), optional
        By default drawn from `seed`.
    seed : int

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Connective Fusion, Figure 1 and section 3.3.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    from fusiontools.papers.connective_fusion.fusing import fuse

    tokens = np.asarray(tokens)
    shown = {"given: two halves": tokens}
    for k in iterations:
        # one style for all iterations, as the paper's Figure 1 has one way
        made = fuse(
            networks, tokens[:HALF], tokens[HALF:], style=style, iterations=k, seed=seed
        )
        shown[f"iteration {k}: z-distance {made.distance[0]:.1f}"] = made.tokens[0]
    figure, axes = plt.subplots(
        len(shown),
        1,
        figsize=(WIDE, 0.35 + 1.45 * len(shown)),
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for ax, (title, row) in zip(np.ravel(axes), shown.items()):
        _roll(ax, row, given=row is tokens)
        ax.set_title(title, fontsize=10, loc="left", weight="bold")
        ax.set(xlabel="", ylabel="")
    _frame(np.ravel(axes), shown.values())
    figure.supxlabel("bar", fontsize=10)
    return figure


def style_rolls(networks, tokens, n=4, iterations=1, seed=0):
    """Figure 2 made anew: one pair of halves in n x n styles. The corners are drawn from
    {0, 1}, what lies between is interpolated.

    Parameters
    ----------
    networks : Networks
    tokens : array_like of int, shape (128,)
        Two halves side by side.
    n : int
        2 at least.
    iterations : int
    seed : int
        Of the corners.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Connective Fusion, Figure 2 and section 3.3.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    from fusiontools.papers.connective_fusion.fusing import fuse, style_corners, style_plane

    tokens = np.asarray(tokens)
    plane = style_plane(style_corners(networks.config.style, seed), n).flatten(
        0, 1
    )  # (n n, S)
    halves = (
        np.repeat(half[None], n * n, axis=0) for half in (tokens[:HALF], tokens[HALF:])
    )
    made = fuse(networks, *halves, style=plane, iterations=iterations).tokens
    figure, axes = plt.subplots(
        n,
        n,
        figsize=(WIDE, 0.3 + 0.95 * n),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for ax, row in zip(axes.flat, made):
        _roll(ax, row, thick=1.5)
        ax.set(xlabel="", ylabel="")
    _frame(axes.flat, made)
    for ax in axes.flat:
        ax.set(xticks=[], yticks=[])
        ax.spines[["top", "right"]].set_visible(True)
        ax.grid(False)
    for i, j in (
        (0, 0),
        (0, n - 1),
        (n - 1, 0),
        (n - 1, n - 1),
    ):  # corners have a strong frame
        for spine in axes[i, j].spines.values():
            spine.set(linewidth=2, color=INK)
    return figure


def _roll(ax, row, given=False, thick=1.0):
    """One melody; what is given has a colour for each half."""
    from fusiontools.music.grid import decode_grid
    from fusiontools.show.plots import piano_roll

    notes = decode_grid(row)
    middle = HALF * STEP
    parts = (
        ((notes[notes.onset < middle], "content"), (notes[notes.onset >= middle], "style"))
        if given
        else ((notes, "fused"),)
    )
    for part, domain in parts:
        if len(part):
            piano_roll(part, ax=ax, domain=domain)
    for bar in ax.patches:  # at this size, white edges would leave nothing of a note
        bar.set(
            linewidth=0,
            y=bar.get_y() + (bar.get_height() - thick) / 2,
            height=thick,
            width=bar.get_width() - GAP,
        )
    ax.axvline(middle, color="#00000060", linewidth=1.2, linestyle=(0, (3, 2)), zorder=0)


def _frame(axes, melodies):
    """The same pitches and the same bars in all panels."""
    import numpy as np

    from fusiontools.music.grid import HOLD
    from fusiontools.music.notes import note_name

    pitches = np.concatenate([np.asarray(m)[np.asarray(m) > HOLD] for m in melodies])
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
    named = [p for p in range(low - 1, high + 2) if p % 12 in (0, 7)]
    starts = np.arange(0, STEPS * STEP, BARS)
    for ax in axes:
        ax.set(xlim=(0, STEPS * STEP), ylim=(low - 1.5, high + 1.5))
        ax.set_yticks(named, [note_name(p) for p in named], fontsize=9)
        ax.set_xticks(starts, [str(1 + k) for k in range(len(starts))], fontsize=9)
