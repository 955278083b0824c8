"""The figures of the chapter on domain transfer, each a `matplotlib.figure.Figure`; what is
written into one is computed from what is drawn. Chapter 5, Domain transfer:
`notebooks/05_domain_transfer_3_measured`, and on the other pages the diagram and curves.
"""

import matplotlib.pyplot as plt
import numpy as np

from fusiontools.papers.domain_transfer import pictures
from fusiontools.papers.domain_transfer.evidence.metrics import THRESHOLDS
from fusiontools.papers.domain_transfer.evidence.paper import CLASSES, SHORT, VOTES
from fusiontools.report.boxes import Box, arrow, boxes
from fusiontools.report.curves import WIDE, Curve, curves
from fusiontools.score.transfer import high_frequency, pitch_line
from fusiontools.show.colours import colour

__all__ = ["before_and_after", "diagram", "precision_figure", "receptive_figure"]
__all__ += ["spectra_figure", "training_curves"]

SHADES = {"ours": "fused", "full": "folk", "plain": "jazz", "no_gan": "fiddle"}
SHADES = {method: colour(name) for method, name in SHADES.items()}


def _panels(rows, columns, tall):
    shape = {"squeeze": False, "layout": "constrained", "figsize": (WIDE, tall)}
    return plt.subplots(rows, columns, **shape)


def before_and_after(samples, layouts=("unrolled", "channels")):
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


def spectra_figure(lines):
    """Mean power of pictures of pitch by frequency, from lines (N, 1024) by their names."""
    figure, axes = _panels(1, 1, 3.0)
    ax = axes[0, 0]
    for name, tokens in lines.items():
        z = pitch_line(tokens).reshape(len(tokens), 32, 32).astype(float)
        z -= z.mean((1, 2), keepdims=True)
        power = (np.abs(np.fft.fft2(z)) ** 2).mean(0)
        f = np.fft.fftfreq(32)
        ring = np.round(32 * np.hypot(f[:, None], f)).astype(int).ravel()
        mean = np.bincount(ring, power.ravel()) / np.maximum(np.bincount(ring), 1)
        label = f"{name}: {100 * high_frequency(tokens).mean():.0f} % are high"
        shade = SHADES.get(name, colour(name))
        ax.plot(np.arange(1, 17) / 32, mean[1:17] / power.sum(), label=label, color=shade)
    ax.axvspan(0.25, 0.5, color=colour("plain"), alpha=0.12, linewidth=0)
    ax.set(yscale="log", xlabel="cycles a pixel (shaded: high)", ylabel="share of power")
    ax.legend(fontsize=9)
    return figure


def diagram(networks):
    """f, g and D, their weights counted in the live networks, and what meets them."""
    at, seen = {"wide": 1.9}, networks.d
    size = f"{pictures.CHANNELS[networks.config.layout]} x 32 x 32"
    net, picture, own = colour("plain"), colour("content"), colour("fused")
    places = {
        "s": Box(1, 3, "s", below=f"source, {size}", shade=picture, round=0.2, wide=2.3),
        "t": Box(1, 0.6, "t", below=f"target, {size}", shade=picture, round=0.2, wide=2.3),
        "f": Box(4, 3, "f", networks.f, shade=net, filled=True, **at),
        "z": Box(
            6.4, 3, "f(s)", below=f"{networks.config.features} numbers", shade=own, **at
        ),
        "g": Box(8.8, 3, "g", networks.g, shade=net, filled=True, **at),
        "G": Box(8.8, 0.6, "G(s) = g(f(s))", below=size, shade=own, round=0.2, wide=2.3),
        "D": Box(5, 0.6, "D", seen, shade=net, filled=True, **at),
    }
    ways = [("s", "f"), ("f", "z"), ("z", "g"), ("g", "G"), ("G", "D"), ("t", "D")]
    ax = boxes(places, ways, title="G transfers; D tells G(s) from t")
    if networks.config.skip:
        ax.set_ylim(top=5)
        arrow(ax, "f>g", (4, 3.5), (8.8, 3.5), bend=-0.25, text="maps of f", dashed=True)
    return ax.figure


def training_curves(histories, methods=("full", "plain", "ours"), seeds=range(3)):
    """What trainings came to on songs that they have not seen, and what D and G made of
    each other; see `fusiontools.report.curves`.
    """
    titles = {"held_out": "Held out: L_TID + L_CONST", "copied": "Held out: steps copied"}
    titles |= {"spread": "Held out: spread of f", "gang": "L_GANG", "d": "L_D"}
    panels = {}
    for column, title in titles.items():
        for method in methods:
            for seed in seeds:
                label = SHORT.get(method, method) if seed == min(seeds) else ""
                name, shade = f"{method}-{seed}/{column}", SHADES.get(method, "black")
                panels.setdefault(title, []).append(Curve(name, label, shade))
    return curves(panels, histories)


def receptive_figure(networks):
    """Which pixels the middle unit of each of f's layers sees, by gradient."""
    channels = pictures.CHANNELS[networks.config.layout]
    seen, spans = pictures.receptive_pixels(networks.f.layers, channels=channels)
    figure, axes = _panels(1, len(seen), 2.1)
    for i, (ax, mask, span) in enumerate(zip(axes[0], seen, spans)):
        ax.imshow(mask, cmap="Blues", vmin=0, vmax=1.4, interpolation="nearest")
        ax.set_title(f"layer {i + 1}: {span} steps,\n{span / 32:.1f} bars", fontsize=9)
        ax.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("bars", fontsize=9)
    return figure


def precision_figure(found):
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
