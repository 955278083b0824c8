"""The figures of the chapter on LSTM and convolutional GANs, each a
`matplotlib.figure.Figure`; what is written into one is computed from what is drawn. Chapter
6: `notebooks/06_lstm_gan_3_measured`, and on the other pages the diagram and the curves.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt

from fusiontools.papers.lstm_gan.evidence.paper import SHORT
from fusiontools.report.boxes import Box, boxes
from fusiontools.report.curves import WIDE, Curve, curves
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.papers.lstm_gan.networks import Networks
    from fusiontools.report.rows import Rows


__all__ = ["course_figure", "diagram", "losses_figure", "overlap_figure"]

SHADES = {"cnn_lstm": "fused", "bilstm": "jazz", "bilstm_ours": "folk", "musegan": "fiddle"}
SHADES |= {"naive": "metal", "collapsed": "jazz", "bilstm_reach": "folk", "data": "metal"}
SHADES |= {"heldout": "classical", "permuted": "rock"}
COURSES = {"alike": ("what two bars have in common", 1), "upc": ("UPC", 1)}
COURSES |= {"qn": ("QN, %", 100)}
PARTS = {"upc": "pitch classes", "qn": "qualified\nnotes", "polyphony": "polyphony"}
PARTS |= {"density": "notes a bar", "scale": "scale\nconsistency", "range": "range"}
COMPARED = ("heldout", "permuted", "naive", "bilstm", "musegan", "bilstm_ours", "cnn_lstm")


def diagram(networks: Networks) -> Figure:
    """Noise, G, and D between what G makes and real bars; weights of the live networks."""
    config, shade, own = networks.config, colour("content"), colour("fused")
    size = "100 numbers" if networks.single else f"{config.grid} x 84"
    net = {"shade": colour("plain"), "filled": True, "wide": 2.7}
    made, real = (
        {"below": size, "shade": c, "round": 0.2, "wide": 2.4} for c in (own, shade)
    )
    places = {
        "z": Box(1, 2, "z", below=f"{networks.noise} numbers", shade=own, wide=2.1),
        "G": Box(4.1, 2, "G", networks.g, **net),
        "fake": Box(7.3, 2, "G(z)", **made),
        "real": Box(7.3, 0, "x", **real | {"below": f"real, {size}"}),
        "D": Box(10.6, 1, "D", networks.d, **net),
    }
    ways = [("z", "G"), ("G", "fake"), ("fake", "D"), ("real", "D")]
    return boxes(places, ways, title="G makes bars of noise; D tells them from x").figure


def _method(run):
    """The method of a run "method-seed"."""
    return run.rsplit("-", 1)[0]


def losses_figure(
    histories: Mapping, runs: Sequence[str] = ("cnn_lstm-0", "bilstm-0")
) -> Figure:
    """Figure 8 anew: the losses of G and of D, a panel for each run "method-seed"; dotted,
    what they are while D is at chance.
    """
    of_g, of_d = colour("fused"), colour("content")
    panels = {
        f"{SHORT[_method(run)]}: loss": [
            Curve(f"{run}/g", "G", of_g), Curve(f"{run}/d", "D", of_d, (0, (5, 1))),
        ]
        for run in runs
    }  # fmt: skip
    figure = curves(panels, histories)
    for ax in figure.axes:  # D at chance: 2 log 2 for itself, log 2 for G
        for level, shade in ((2 * math.log(2), of_d), (math.log(2), of_g)):
            ax.axhline(level, color=shade, linewidth=1, linestyle=":")
    return figure


def course_figure(
    histories: Mapping,
    runs: Sequence[str] = ("collapsed-0", "bilstm_reach-0", "cnn_lstm-0"),
    found: Rows | None = None,
) -> Figure:
    """How bars get alike, or do not, and UPC and QN beside it; dotted: the training songs,
    if there are rows `found`. A collapse is seen here before it is heard.
    """
    drawn = [(run, SHORT[_method(run)], colour(SHADES.get(_method(run)))) for run in runs]
    panels = {
        title: [
            Curve(f"{r}/{k}", name, shade, times=n, dots=True) for r, name, shade in drawn
        ]
        for k, (title, n) in COURSES.items()
    }
    figure = curves(panels, histories)
    real = found.every("data") if found is not None else []
    for ax in figure.axes:
        key = next(k for k, (title, _) in COURSES.items() if title == ax.get_title("left"))
        if real and key in real[0]:
            ax.axhline(real[0][key]["mean"], color="black", linewidth=1, linestyle=":")
        ax.set_ylim(bottom=0)
        names = ax.get_legend_handles_labels()
        ax.get_legend().remove()
    # the same colours in each
    figure.legend(*names, loc="outside lower center", ncols=2, fontsize=9)
    return figure


def overlap_figure(found: Rows, methods: Sequence[str] = COMPARED) -> Figure:
    """The six overlaps with held-out songs, a line of dots for each method; of held-out
    songs themselves, those with training songs.
    """
    size = {"figsize": (WIDE, 4.8), "layout": "constrained"}
    figure, ax = plt.subplots(**size)
    for row in found.every(*methods):
        method = row["method"]
        name = "overlap" if method == "heldout" else "overlap_heldout"
        values = [row[f"{name}_{part}"]["mean"] for part in PARTS]
        real = method in ("heldout", "permuted")
        looks = {"color": colour(SHADES[method]), "linestyle": ":" if real else "-"}
        label = f"{SHORT[method]}: mean {row[name]['mean']:.2f}"
        ax.plot(range(len(PARTS)), values, marker="o", markersize=5, label=label, **looks)
    ax.set_xticks(range(len(PARTS)), PARTS.values(), fontsize=9)
    ax.set(ylim=(0, 1.02))
    ax.set_ylabel("overlap")
    figure.legend(loc="outside lower center", fontsize=9)
    return figure
