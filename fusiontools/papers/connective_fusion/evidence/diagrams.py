"""Chapter 4's pictures of the live Connective Fusion model: Figure 3's three stages with
its own shapes and sizes, read off the networks that are handed in, and piano rolls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from fusiontools.music.grid import HOLD, decode_grid
from fusiontools.music.notes import note_name
from fusiontools.papers.connective_fusion.data import HALF, STEPS
from fusiontools.papers.connective_fusion.evidence.paper import FIGURE_1, FIGURE_3
from fusiontools.papers.connective_fusion.fusing import fuse
from fusiontools.report.boxes import INK, PALE, Box, arrow, boxes, layer_sizes, middle
from fusiontools.report.curves import WIDE
from fusiontools.show.colours import colour
from fusiontools.show.plots import piano_roll

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.papers.connective_fusion.networks import Networks


__all__ = ["iteration_rolls", "stages_figure"]

# beats: of a token, of a bar, and what keeps repeated notes apart
STEP, BARS, GAP = 0.25, 4.0, 0.06
LEFT, RIGHT, FUSED, NET = map(colour, ("content", "style", "fused", "plain"))


def stages_figure(networks: Networks) -> Figure:
    """Figure 3 made anew, from the live networks: pre-training, training, transformation.

    What is filled learns in its stage; what has a dashed frame is fixed there. Blue and
    red: left and right halves, and in the second stage halves that do not belong together
    and such that do. Purple: what the generator makes of them. Dashed lines: losses.
    """
    stages, tall = (_pre_training, _training, _transformation), (3.0, 4.7, 4.2)
    shape = {"height_ratios": tall, "layout": "constrained"}
    figure, axes = plt.subplots(3, 1, figsize=(WIDE, 8.7), **shape)
    for i, (ax, height, name, draw) in enumerate(zip(axes, tall, FIGURE_3, stages), 1):
        draw(ax, networks, f"{i}. {name}")
        ax.set(xlim=(0, 10), ylim=(0, height))
    return figure


def _pre_training(ax, networks, title):
    config, vae, tokens = networks.config, networks.vae, f"{HALF} tokens"
    size, half = {"wide": 2.0, "tall": 1.7}, f"{config.latent} numbers"
    places = {
        "x": _data(0.85, 1.75, "$x$", tokens, LEFT, wide=1.55),
        "encoder": _net(3.0, 1.75, "encoder", vae.encoder, config.encoder, **size),
        "z": _data(5.15, 1.75, "$z$", half, FUSED, wide=1.75),
        "decoder": _net(7.3, 1.75, "decoder", vae.decoder, config.decoder, **size),
        "x_out": _data(9.2, 1.75, r"$\hat{x}$", tokens, LEFT, wide=1.55),
        "prior": _data(5.15, 0.35, "$p(z)$", "", PALE, wide=1.3, tall=0.6),
    }
    ways = [("x", "encoder"), ("encoder", "z"), ("z", "decoder"), ("decoder", "x_out")]
    boxes(places, ways, ax, title)
    _loss(ax, (0.85, 2.3), (9.2, 2.3), r"$\mathcal{L}_{\mathrm{rec}}$", bend=-0.14)
    _loss(ax, (5.15, 0.65), (5.15, 1.25), r"$\mathcal{L}_{\mathrm{pri}}$")


def _training(ax, networks, title):
    config, g, d = networks.config, networks.generator, networks.discriminator
    pair, both = f"2 × {config.latent}", r"$z_{\mathrm{L}},\ z_{\mathrm{R}}$"
    alone, style = f"{pair}, drawn alone\nor from $p(z)$", f"{config.style} in [0, 1]"
    places = {
        "alone": _data(1.3, 3.7, both, alone, LEFT, wide=2.45, tall=1.2),
        "style": _data(1.3, 2.2, "$s$", style, PALE, wide=2.45),
        "pairs": _data(1.3, 0.75, both, f"{pair}, one melody", RIGHT, wide=2.45),
        "G": _net(4.85, 3.0, "generator", g, _sizes(g), wide=3.0, tall=1.7),
        "D": _net(4.85, 0.75, "discriminator", d, _sizes(d), wide=3.0, tall=1.4),
        "made": _data(8.45, 3.0, both.replace("z", "z'"), pair, FUSED, wide=2.2),
        "verdict": _data(8.45, 0.75, "real or fake?", "", PALE, wide=2.2, tall=0.7),
    }
    ways = [("alone", "G"), ("style", "G"), ("alone", "D"), ("pairs", "D")]
    boxes(places, ways + [("G", "made"), ("D", "verdict")], ax, title)
    arrow(ax, "made>D", (8.45, 2.5), (5.9, 1.45))
    _loss(ax, (1.3, 4.3), (8.45, 3.5), r"$\lambda\ \mathcal{L}_{\mathrm{sim}}$", bend=-0.1)
    name = r"$\mathcal{L}_{\mathrm{gen}},\ \mathcal{L}_{\mathrm{dis}}$"
    ax.text(7.3, 1.68, name, fontsize=10, color=INK, ha="left", va="center")


def _transformation(ax, networks, title):
    config = networks.config
    fixed = {"shade": NET, "dashed": True, "wide": 1.1, "tall": 2.9}
    places = {
        "encoder": Box(1.95, 2.15, "encoder", **fixed),
        "G": Box(4.75, 2.15, "generator", **fixed),
        "moved": _data(6.25, 2.15, "$z'$", f"2 × {config.latent}", FUSED, 1.15, 1.2),
        "decoder": Box(7.75, 2.15, "decoder", **fixed),
        "made": _data(9.2, 2.15, "", "", FUSED, wide=1.0, tall=2.3),
    }
    for name, y, shade, side in (("left", 3.2, LEFT, "L"), ("right", 1.1, RIGHT, "R")):
        x, z = (rf"${letter}_{{\mathrm{{{side}}}}}$" for letter in "xz")
        places[name] = _data(0.6, y, x, f"{HALF}", shade, wide=1.0)
        places[f"z_{name}"] = _data(3.35, y, z, f"{config.latent}", shade, wide=0.9)
        arrow(ax, f"{name}>encoder", (1.1, y), (1.4, y))
        arrow(ax, f"encoder>z_{name}", (2.5, y), (2.9, y))
        arrow(ax, f"z_{name}>G", (3.8, y), (4.2, y))
    ways = [("G", "moved"), ("moved", "decoder"), ("decoder", "made")]
    boxes(places, ways, ax, title)
    told = {"color": FUSED, "va": "center"}
    ax.text(9.2, 2.85, r"$x'_{\mathrm{L}}$", fontsize=11, ha="center", **told)
    ax.text(9.2, 2.45, "⊕", fontsize=10, ha="center", **told)
    ax.text(9.2, 2.05, r"$x'_{\mathrm{R}}$", fontsize=11, ha="center", **told)
    ax.text(9.2, 1.45, f"{STEPS}", fontsize=9, ha="center", **told)
    arrow(ax, "style>G", (4.75, 0.3), (4.75, 0.7))
    style = f"$s$: {config.style} numbers"
    ax.text(4.75, 0.15, style, fontsize=9, color=INK, ha="center", va="center")
    # iterated transformation: what came out goes in again
    arrow(ax, "moved>G", (6.25, 2.75), (4.75, 3.65), bend=0.55, shade=FUSED)
    ax.text(6.05, 3.75, "again and again", fontsize=9, ha="left", **told)


def _data(x, y, title, below, shade, wide=1.55, tall=1.0):
    return Box(x, y, title, None, below, shade, round=0.12, wide=wide, tall=tall)


def _net(x, y, title, module, below, wide, tall):
    return Box(x, y, title, module, below, NET, filled=True, wide=wide, tall=tall)


def _sizes(network):
    """The layers' sizes, such as "144 → 4 × 512 → 256"."""
    first, *hidden, last = layer_sizes(network)
    return f"{first} → {len(hidden)} × {hidden[0]} → {last}"


def _loss(ax, start, end, name, bend=0.0):
    """A line between what a loss compares, its name on it."""
    looks = {"shade": PALE, "dashed": True, "head": "<|-|>"}
    arrow(ax, f"loss {name}", start, end, bend, **looks)
    plain = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    told = {"fontsize": 10, "color": INK, "ha": "center", "va": "center", "zorder": 4}
    ax.text(*middle(start, end, bend), name, bbox=plain, **told)


# --- Figure 1: `tokens`, shape (128,), are two halves side by side ---


def iteration_rolls(
    networks: Networks,
    tokens: np.ndarray,
    iterations: Sequence[int] = FIGURE_1["iterations"],
    seed: int = 0,
) -> Figure:
    """Figure 1 made anew: a pair of halves as piano rolls, as it is and after some
    iterations, in one style, with the z-distance that each has gone.
    """
    shown = {"given: two halves": np.asarray(tokens)}
    for k in iterations:
        made = fuse(networks, tokens[:HALF], tokens[HALF:], iterations=k, seed=seed)
        shown[f"iteration {k}: z-distance {made.distance[0]:.1f}"] = made.tokens[0]
    figure, axes = _rolls(len(shown), 1, 0.35 + 1.45 * len(shown))
    for i, (ax, (title, row)) in enumerate(zip(axes.flat, shown.items())):
        _roll(ax, row, ("fused", "fused") if i else ("content", "style"))
        ax.set_title(title, fontsize=10, loc="left", weight="bold")
    _frame(axes.flat, shown.values())
    figure.supxlabel("bar", fontsize=10)
    return figure


def _rolls(rows, columns, tall):
    shape = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    return plt.subplots(rows, columns, figsize=(WIDE, tall), **shape)


def _roll(ax, row, domains, thick=1.0):
    """One melody; each half has its colour."""
    notes, half = decode_grid(row), HALF * STEP
    for part, domain in zip((notes.onset < half, notes.onset >= half), domains):
        if part.any():
            piano_roll(notes[part], ax=ax, domain=domain)
    for bar in ax.patches:  # at this size, white edges would leave nothing of a note
        middle = bar.get_y() + bar.get_height() / 2
        bar.set(linewidth=0, width=bar.get_width() - GAP)
        bar.set(y=middle - thick / 2, height=thick)
    ax.axvline(half, color="#00000060", linewidth=1.2, linestyle=(0, (3, 2)), zorder=0)
    ax.set(xlabel="", ylabel="")


def _frame(axes, melodies):
    """The same pitches and the same bars in all panels."""
    pitches = np.concatenate([np.asarray(m)[np.asarray(m) > HOLD] for m in melodies])
    low, high = (int(pitches.min()), int(pitches.max())) if len(pitches) else (60, 72)
    named = [p for p in range(low - 1, high + 2) if p % 12 in (0, 7)]
    starts = np.arange(0, STEPS * STEP, BARS)
    for ax in axes:
        ax.set(xlim=(0, STEPS * STEP), ylim=(low - 1.5, high + 1.5))
        ax.set_yticks(named, [note_name(p) for p in named], fontsize=9)
        ax.set_xticks(starts, [str(1 + k) for k in range(len(starts))], fontsize=9)
