"""The figures of the chapter on domain transfer, each a `matplotlib.figure.Figure`; what is
written into one is computed from what is drawn. Chapter 5, Domain transfer:
`notebooks/05_domain_transfer_3_measured`, and on the other pages the diagram and curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from fusiontools.music import pictures
from fusiontools.papers.domain_transfer.evidence.metrics import THRESHOLDS
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, VOTES
from fusiontools.report.boxes import Box, arrow, boxes
from fusiontools.report.curves import WIDE
from fusiontools.score.transfer import high_frequency, spectrum
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.papers.domain_transfer.networks import Networks
    from fusiontools.report.rows import Rows


__all__ = ["before_and_after", "diagram", "precision_figure", "spectra_figure"]

SHADES = {"ours": "fused", "full": "folk", "plain": "jazz", "no_gan": "fiddle"}
WAYS = [("s", "f"), ("f", "z"), ("z", "g"), ("g", "G"), ("G", "D"), ("t", "D")]


def _panels(rows, columns, tall):
    shape = {"squeeze": False, "layout": "constrained", "figsize": (WIDE, tall)}
    return plt.subplots(rows, columns, **shape)


def before_and_after(
    samples: Sequence[dict[str, Sequence | str]],
    layouts: tuple[str, str] = ("unrolled", "channels"),
) -> Figure:
    """Figure 9 anew: music as pictures, and what was made of it. A row of pixels is a bar,
    time runs as one reads. Titles tell the share of high frequencies.

    `samples` are those of a record: dicts with ``name``, ``source`` and ``output``.
    """
    figure, axes = _panels(len(samples), 2 * len(layouts), 1.75 * len(samples) + 0.3)
    for one, row in zip(samples, axes):
        for i, layout in enumerate(layouts):
            for ax, what in zip(row[2 * i :], ("source", "output")):
                tokens = np.array([one[what]], np.uint8)
                tokens = pictures.merged(tokens) if layout == "unrolled" else tokens
                picture = pictures.encode(tokens, layout)[0]
                ax.imshow((picture.transpose(1, 2, 0) + 1) / 2, interpolation="nearest")
                high = 100 * high_frequency(tokens)[0]
                ax.set_title(f"{what}, {high:.0f} %", fontsize=9)
                ax.set(xticks=[], yticks=[])
        row[0].set_ylabel(one["name"].split(" (")[0].replace(", ", "\n"), fontsize=8)
    return figure


def spectra_figure(lines: dict[str, np.ndarray]) -> Figure:
    """Mean power of pictures of pitch by frequency, from lines (N, 1024) by their names."""
    figure, axes = _panels(1, 1, 3.0)
    ax = axes[0, 0]
    for name, tokens in lines.items():
        shares, shade = spectrum(tokens), colour(SHADES.get(name, name))
        label = f"{name}: {100 * high_frequency(tokens).mean():.0f} % are high"
        ax.plot(np.arange(1, len(shares) + 1) / 32, shares, label=label, color=shade)
    ax.axvspan(0.25, 0.5, color=colour("plain"), alpha=0.12, linewidth=0)
    ax.set(yscale="log", xlabel="cycles a pixel (shaded: high)", ylabel="share of power")
    ax.legend(fontsize=9)
    return figure


def diagram(networks: Networks) -> Figure:
    """f, g and D, their weights counted in the live networks, and what meets them."""
    config = networks.config
    size = f"{pictures.CHANNELS[config.layout]} x 32 x 32"
    shade, own = colour("content"), colour("fused")
    net = {"shade": colour("plain"), "filled": True, "wide": 2.2}
    seen, made = ({"shade": c, "round": 0.2, "wide": 2.3} for c in (shade, own))
    vector = {"below": f"{config.features} numbers", "shade": own, "wide": 1.9}
    places = {
        "s": Box(1, 3, "s", below=f"source, {size}", **seen),
        "t": Box(1, 0.6, "t", below=f"target, {size}", **seen),
        "f": Box(4, 3, "f", networks.f, **net),
        "z": Box(6.4, 3, "f(s)", **vector),
        "g": Box(8.8, 3, "g", networks.g, **net),
        "G": Box(8.8, 0.6, "G(s) = g(f(s))", below=size, **made),
        "D": Box(5, 0.6, "D", networks.d, **net),
    }
    ax = boxes(places, WAYS, title="G transfers; D tells G(s) from t")
    if config.skip:
        ax.set_ylim(top=5)
        arrow(ax, "f>g", (4, 3.5), (8.8, 3.5), bend=-0.25, text="maps of f", dashed=True)
    return ax.figure


def precision_figure(found: Rows) -> Figure:
    """How precise the survey is by the votes that it asks for, with judges as listeners."""
    row, (figure, axes) = found.one("ours"), _panels(1, 1, 2.8)
    ax = axes[0, 0]
    for name, shade in zip(CLASSES, map(colour, ("fused", "classical", "metal"))):
        there = [t for t in THRESHOLDS if f"precision_{name}_{t}" in row]
        values = [100 * row[f"precision_{name}_{t}"]["mean"] for t in there]
        ax.plot(there, values, marker="o", markersize=4, color=shade, label=name)
    ax.axvline(VOTES["more than"], color="black", linewidth=1, linestyle=":")
    ax.set(xlabel="more than so many of 50 votes (dotted: the paper's)", ylim=(0, 103))
    ax.set_ylabel("precision, %")
    ax.legend(fontsize=9)
    return figure
