"""The figures of chapter 4, Connective Fusion, that are made of numbers: reality against
distance, Figures 4 to 7 drawn anew, how trainings went. What is written into a figure is
computed from what is drawn in it. `found` is what ``..evidence.tables.rows_of`` makes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import PowerNorm, to_rgb

from fusiontools.papers.connective_fusion.config import LAMBDAS
from fusiontools.papers.connective_fusion.evidence import paper
from fusiontools.papers.connective_fusion.evidence.claims import placed
from fusiontools.papers.connective_fusion.evidence.paper import METRICS, SHORT, TRIVIAL
from fusiontools.report.curves import WIDE, Curve, curves
from fusiontools.report.rows import shipped_arrays
from fusiontools.score import markov
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fusiontools.report.rows import Rows


__all__ = ["distances_figure", "iterations_figure", "matrices_figure", "metrics_figure"]
__all__ += ["reality_figure", "training_curves"]

SHADES = dict(zip(LAMBDAS, map(colour, ("folk", "fiddle", "fused", "pop"))))
MARKERS = dict(zip(LAMBDAS, "osD^"))
PERTURB, REAL, GREY = colour("jazz"), colour("metal"), "#75808a"
GREY_MARKS = dict(zip(TRIVIAL, ("x", "+", "3", "4", "1", "2", "*", "d")))
DASHES, DOTS = (0, (4, 2)), (0, (1, 1.5))
NAMED = {"reality": "reality", "key_corr": "key", "mp_corr": "mean pitch"}
NAMED |= {"md_corr": "mean duration", "pt_corr": "pitch transition"}
NAMED |= {"dt_corr": "duration transition"}
# What stands in the first figure beside the two paths, and where its name is: points
# from its mark
BESIDE = {"concatenate": (4, -13), "noise": (7, -4), "transpose_guided": (3, -14)}
BESIDE |= {"half_and_half": (-2, -15)}
_LINES = ("token", "tokens", "-"), ("onset_pitch", "onsets", DASHES)  # of a VAE
TICKS = {  # which states are named on the axes of Figure 5
    "key": ("C major", "F# major", "C minor", "F# minor"),
    "mp": ("C4", "C5", "C6"),
    "md": ("1", "4", "16"),
    "pt": ("C4", "C5", "C6"),
    "dt": ("1", "8", "16+"),
}


# --- reality, and Figures 4 and 7: metrics against z-distance ---


def reality_figure(
    found: Rows, judges: Sequence[str] = ("reality", "reality_features")
) -> Figure:
    """Reality against z-distance, on pairs of test halves, a panel for each judge: ours
    with the largest lambda, once and again and again, Latent Perturb with longer and longer
    steps, and what learns nothing. Bars are 95 % intervals.
    """
    shape = {"sharex": True, "layout": "constrained", "figsize": (WIDE, 4.5)}
    figure, axes = plt.subplots(len(judges), 1, **shape)
    asked = {"inputs": "test", "similarity": LAMBDAS[-1]}
    ours = found.every("ours", "iterated", **asked)
    again = max([row["iterations"] for row in ours], default=1)
    paths = {f"corrected, λ {LAMBDAS[-1]:g}, 1 to {again} times": (ours, colour("fused"))}
    searched = found.every("latent_perturb", inputs="test")
    paths[SHORT["latent_perturb"]] = (searched, PERTURB)
    for ax, metric in zip(np.atleast_1d(axes), judges):
        _level(ax, found.every("real"), metric, REAL, DASHES)
        for label, (rows, shade) in paths.items():
            path = placed(rows, metric)
            ax.plot(*_line(path, metric), color=shade, linewidth=1.6, zorder=3)
            for i, row in enumerate(path):
                _point(ax, row, metric, shade, None if i else label, color=shade, zorder=4)
        for row in placed(found.every(*BESIDE, inputs="test"), metric):
            name = row["method"]
            looks = {"color": GREY, "marker": "D", "zorder": 4}
            _point(ax, row, metric, GREY, None, s=24, **looks)
            where = [at[0] for at in _line([row], metric)]
            told = {"textcoords": "offset points", "fontsize": 9, "color": "#4a545c"}
            side = "right" if name == "half_and_half" else "left"
            ax.annotate(SHORT[name], where, BESIDE[name], ha=side, **told)
        ax.set_xscale("function", functions=(_root, _square))
        ax.set(ylim=(-0.17, 1.05), ylabel="mean reality")
        title = f"according to the {paper.JUDGES[metric]}"
        ax.set_title(title, fontsize=10, loc="left", weight="bold")
    _root_axis(ax)
    ax.set_xlabel("z-distance from the two ideas")
    handles = figure.axes[0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside upper center", ncols=3, fontsize=9)
    return figure


def metrics_figure(found: Rows, inputs: str = "test") -> Figure:
    """Figure 4 made anew: six metrics against z-distance, for halves of test songs or for
    samples of the prior.

    Ours once for each lambda, Latent Perturb for each sigma (paler is smaller), trivial
    baselines in grey, real melodies as a dashed line. Bars are 95 % intervals; those of
    correlations need not contain their value.
    """

    def draw(ax, metric):
        for name in TRIVIAL:
            for row in placed(found.every(name, inputs=inputs), metric):
                marks = {"marker": GREY_MARKS[name], "linewidths": 1.3, "zorder": 3}
                marks |= {"facecolors": "none"} if marks["marker"] == "d" else {}
                _point(ax, row, metric, GREY, SHORT[name], color=GREY, **marks)
        path = placed(found.every("latent_perturb", inputs=inputs), metric)
        ax.plot(*_line(path, metric), color=PERTURB, linewidth=1.3, zorder=3)
        for i, row in enumerate(path):
            pale = _paler(PERTURB, 0.25 + 0.75 * (i + 1) / len(path))
            label = None if i < len(path) - 1 else SHORT["latent_perturb"]
            marks = {"s": 26, "color": pale, "edgecolors": PERTURB, "zorder": 4}
            _point(ax, row, metric, PERTURB, label, **marks)
        ours = placed(found.every("ours", inputs=inputs, iterations=1), metric)
        ax.plot(*_line(ours, metric), color=colour("plain"), linewidth=1.3, zorder=4)
        for row in ours:
            _ours(ax, row, metric, f"corrected, λ {row['similarity']:g}")

    return _panels(found, draw, f"z-distance from {paper.INPUTS[inputs]}")


def iterations_figure(found: Rows, inputs: str = "test") -> Figure:
    """Figure 7 made anew: each lambda's way through its iterations, six metrics against
    z-distance.

    The first point of a way is one iteration; paler is later. Dashed: real melodies;
    dotted: the inputs, as they are.
    """
    ways = found.every("ours", "iterated", inputs=inputs)

    def draw(ax, metric):
        _level(ax, found.every("concatenate", inputs=inputs), metric, GREY, DOTS)
        for weight in sorted({row["similarity"] for row in ways}):
            path = placed([row for row in ways if row["similarity"] == weight], metric)
            shade = SHADES.get(weight, GREY)
            ax.plot(*_line(path, metric), color=shade, linewidth=1.3, zorder=3)
            for i, row in enumerate(path):
                label = None if i else f"λ {weight:g}"
                _ours(ax, row, metric, label, 1 - 0.7 * i / max(len(path) - 1, 1))

    *often, last = sorted({row["iterations"] for row in ways}) or [1]
    after = f" after {', '.join(map(str, often))} and {last} iterations" if often else ""
    return _panels(found, draw, f"z-distance{after}")


def _panels(found, draw, below):
    """Six panels, a metric each, and a legend of all that is in them."""
    shape = {"sharex": True, "layout": "constrained", "figsize": (WIDE, 4.2)}
    figure, axes = plt.subplots(2, len(METRICS) // 2, **shape)
    for ax, metric in zip(axes.flat, METRICS):
        _level(ax, found.every("real"), metric, REAL, DASHES)
        draw(ax, metric)
        # a z-distance is a square: along its root a step counts the same everywhere
        ax.set_xscale("function", functions=(_root, _square))
        ax.margins(x=0.04)
        ax.tick_params(labelsize=9)
        ax.set_title(NAMED[metric], fontsize=9, loc="left", weight="bold")
        low, high = ax.get_ylim()
        # nothing here is above 1: a mirrored interval that is says "up to 1"
        ax.set_ylim(max(low, -1.0), min(high, 1.06))
    _root_axis(ax, 0.2)
    figure.supxlabel(below, fontsize=10)
    told = {}  # each name once
    for ax in axes.flat:
        for handle, name in zip(*ax.get_legend_handles_labels()):
            told.setdefault(name, handle)
    if told:
        place = {"loc": "outside upper center", "ncols": 3, "fontsize": 8.5}
        figure.legend(told.values(), told, columnspacing=1.2, **place)
    return figure


def _root(z):
    return np.sign(z) * np.sqrt(np.abs(z))


def _square(r):
    return np.sign(r) * np.square(r)


def _root_axis(ax, apart=0.13):
    """Ticks far enough apart to be read on a phone, for all axes that share this x."""
    high = max(ax.get_xlim()[1], 1e-3)
    ax.set_xlim(left=-high / 900)  # a thirtieth of the axis, for marks at 0
    kept = [0.0]
    for tick in (d * 10.0**k for k in range(-3, 5) for d in (1, 2, 5)):
        if tick <= high and (tick / high) ** 0.5 - (kept[-1] / high) ** 0.5 > apart:
            kept.append(tick)
    ax.set_xticks(kept, [f"{tick:g}" for tick in kept])
    ax.set_xticks([], minor=True)


def _line(path, metric):
    return [[row[name]["mean"] for row in path] for name in ("z_distance", metric)]


def _level(ax, found, metric, shade, style):
    """A line at the height of the first row that has the metric."""
    for row in [row for row in found if row.get(metric)][:1]:
        looks = {"color": shade, "linewidth": 1.3, "linestyle": style, "zorder": 1}
        ax.axhline(row[metric]["mean"], label=SHORT[row["method"]], **looks)


def _point(ax, row, metric, shade, label, s=34, **looks):
    """A mark, and its intervals, drawn on their own: mirrored ones need not contain it."""
    (x,), (y,) = _line([row], metric)
    across, up = row["z_distance"], row[metric]
    thin = {"color": shade, "linewidth": 1, "alpha": 0.7, "zorder": 2}
    if up["low"] is not None:
        ax.vlines(x, up["low"], up["high"], **thin)
    if across["low"] is not None:
        ax.hlines(y, max(across["low"], 0), across["high"], **thin)
    ax.scatter(x, y, s=s, label=label, **looks)


def _ours(ax, row, metric, label, strength=1.0):
    shade = SHADES.get(row["similarity"], GREY)
    looks = {"color": _paler(shade, strength), "edgecolors": shade, "zorder": 5}
    looks["marker"] = MARKERS.get(row["similarity"], "o")
    _point(ax, row, metric, shade, label, **looks)


def _paler(shade, strength):
    """A colour mixed with white; strength 1 is the colour itself."""
    return tuple(1 - strength * (1 - c) for c in to_rgb(shade))


# --- Figures 5 and 6, how trainings went ---


def matrices_figure(
    found: Rows, statistics: Sequence[str] = tuple(markov.STATISTICS)
) -> Figure:
    """Figure 5 made anew: five Markov matrices, or some of them, before the transformation,
    after it, and of real melodies.

    A row of a matrix is the state of the first half, a column that of the second. Each
    correlation is that of the matrix under it with the one of real melodies.
    """
    arrays, kinds = found.beside["measured"], ("before", "after", "real")
    rows, shape = len(statistics), {"sharey": "row", "layout": "constrained"}
    figure, axes = plt.subplots(rows, 3, figsize=(WIDE, 1.75 * rows), **shape)
    for row, name in zip(axes, statistics):
        counts = [arrays[f"markov_{kind}_{name}"] for kind in kinds]
        matrices = [markov.markov_matrix(table) for table in counts]
        last = len(matrices[0]) - 0.5
        # few windows make single chances of 1, which would leave all else dark
        norm = PowerNorm(0.5, 0, max(np.quantile(m, 0.995) for m in matrices))
        looks = {"norm": norm, "cmap": "magma", "interpolation": "nearest"}
        states = markov.state_names(name)
        ticks = [states.index(state) for state in TICKS[name]]
        for ax, kind, matrix in zip(row, kinds, matrices):
            ax.imshow(matrix, extent=(-0.5, last, last, -0.5), **looks)
            r = f": {markov.matrix_correlation(matrix, matrices[-1]):.2f}".replace("-", "−")
            title = kind if kind == "real" else kind + r
            ax.set_title(title, fontsize=9.5, loc="center", weight="normal")
            ax.set_xticks(ticks, [_tick(states[k]) for k in ticks], fontsize=8)
            ax.set_yticks(ticks, [states[k].replace("#", "♯") for k in ticks], fontsize=8)
            ax.grid(False)
            ax.tick_params(length=2)
        row[0].set_ylabel(NAMED[f"{name}_corr"], fontsize=10, weight="bold")
    figure.supxlabel("state of the second half", fontsize=10)
    figure.supylabel("state of the first half", fontsize=10)
    return figure


def _tick(name):
    """A state's name, short enough for a column: minor keys in small letters."""
    tonic, _, mode = name.replace("#", "♯").partition(" ")
    return tonic.lower() if mode == "minor" else tonic


def distances_figure(found: Rows) -> Axes:
    """Figure 6 made anew: how far apart halves of one song lie, and of two, in shares of
    their pairs.
    """
    arrays, thresholds = found.beside["measured"], paper.FIGURE_6["thresholds"]
    edges = arrays["distance_edges"]
    ax = plt.subplots(figsize=(WIDE, 2.3), layout="constrained")[1]
    domains = ("folk", "jazz")
    for kind, domain, near in zip(("within", "between"), domains, arrays["distance_below"]):
        count, shade = arrays[f"distance_{kind}"], colour(domain)
        shares = 100 * count / max(count.sum(), 1)
        told = [f"{100 * share:.3g} % below {t:g}" for t, share in zip(thresholds, near)]
        label = f"{kind} songs: {' and '.join(told)}"
        ax.stairs(shares, edges, color=shade, fill=True, alpha=0.25)
        ax.stairs(shares, edges, color=shade, linewidth=1.6, label=label)
    for threshold in thresholds:
        ax.axvline(threshold, color=REAL, linewidth=1.2, linestyle=DASHES)
        place = (threshold, 1), (-3, -3), ("data", "axes fraction"), "offset points"
        ax.annotate(f"{threshold:g}", *place, ha="right", va="top", fontsize=9)
    # what is rare is what this is about: only a logarithm shows it
    ax.set(xscale="log", yscale="log", xlabel="z-distance", ylabel="% of pairs")
    ax.set_xlim(max(edges[0], 0.1), min(edges[-1], 200))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9)
    return ax


def training_curves(arrays: dict[str, np.ndarray] | None = None) -> Figure:
    """How the trainings went: what the VAE gives back of unseen songs, how far the
    generator goes, and what the discriminator believes. `arrays` are as
    `fusiontools.report.curves.curves` takes them; by default of the weights that ship.
    """
    if arrays is None:
        arrays = shipped_arrays("connective_fusion", "histories.npz")
    vae = []
    for kind, domain in (("parallel", "content"), ("lstm", "style")):
        for what, label, style in _LINES:
            name = f"vae-{kind}/held_out_{what}_accuracy"
            vae.append(Curve(name, f"{kind}: {label}", colour(domain), style, 100, True))

    def ours(what):
        return [Curve(f"ours-{k:g}/{what}", f"λ {k:g}", SHADES[k]) for k in LAMBDAS]

    panels = {"VAE: % of unseen songs given back": vae}
    panels["Generator: z-distance of what it makes"] = ours("distance")
    panels["Discriminator: D of what is made"] = ours("fooled")
    return curves(panels, arrays)
