"""Figures 4 and 7 of the Connective Fusion paper, drawn anew from run records: six metrics
against z-distance, two kinds of inputs.

Nothing is fused or measured here.
"""

import numpy as np

from fusiontools.papers.connective_fusion.evidence.summaries import (
    LAMBDAS,
    METRICS,
    SHORT,
    TRIVIAL,
    find,
    rows,
    select,
)
from fusiontools.show.colours import colour

__all__ = ["NAMED", "SHADES", "WIDE", "iterations_figure", "metrics_figure"]

WIDE = 5.6  # inches: scaled down to a phone's width, letters of size 9 stay legible
SHADES = dict(
    zip(LAMBDAS, (colour(domain) for domain in ("folk", "fiddle", "fused", "pop")))
)
MARKERS = dict(zip(LAMBDAS, "osD^"))
PERTURB, REAL, GREY = colour("jazz"), colour("metal"), "#75808a"
GREY_MARKS = dict(zip(TRIVIAL, ("x", "+", "1", "2", "*", "d")))
INPUTS = {"test": "halves of test songs", "prior": "samples of the prior"}
NAMED = {
    "reality": "reality",
    "key_corr": "key",
    "mp_corr": "mean pitch",
    "md_corr": "mean duration",
}
NAMED |= {"pt_corr": "pitch transition", "dt_corr": "duration transition"}


def metrics_figure(records):
    """Figure 4 made anew: six metrics against z-distance, for halves of test songs (left)
    and samples of the prior (right).

    Ours once for each lambda, Latent Perturb for each sigma (paler is smaller), trivial
    baselines in grey, real melodies as a dashed line. Bars are 95 % intervals; those of
    correlations need not contain their value.

    Parameters
    ----------
    records : iterable of Record or dict
        Of one data set and one scale.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Connective Fusion, Figure 4 and section 3.5. It shows the inputs as two rows of six
    panels: here they are columns, for narrow screens.
    """
    found = rows(records)

    def draw(ax, metric, inputs):
        for name in TRIVIAL:
            for row in _placed(select(found, name, inputs=inputs), metric):
                _bar(ax, row, metric, GREY)
                looks = (
                    {"facecolors": "none"}
                    if GREY_MARKS[name] == "d"
                    else {"linewidths": 1.3}
                )
                ax.scatter(
                    *_at(row, metric),
                    marker=GREY_MARKS[name],
                    s=34,
                    color=GREY,
                    zorder=3,
                    label=SHORT[name],
                    **looks,
                )
        path = sorted(
            _placed(select(found, "latent_perturb", inputs=inputs), metric),
            key=lambda row: row["sigma"],
        )
        ax.plot(*_line(path, metric), color=PERTURB, linewidth=1.3, zorder=3)
        for i, row in enumerate(path):
            _bar(ax, row, metric, PERTURB)
            ax.scatter(
                *_at(row, metric),
                s=26,
                color=_paler(PERTURB, 0.25 + 0.75 * (i + 1) / len(path)),
                edgecolors=PERTURB,
                zorder=4,
            )
        if path:
            sigmas = f"σ {path[0]['sigma']:g} to {path[-1]['sigma']:g}"
            ax.plot(
                [],
                [],
                "o-",
                color=PERTURB,
                markersize=5,
                linewidth=1.3,
                label=f"{SHORT['latent_perturb']}, {sigmas}",
            )
        ours = sorted(
            _placed(select(found, "ours", inputs=inputs, iterations=1), metric),
            key=lambda row: row["similarity"],
        )
        ax.plot(*_line(ours, metric), color=colour("plain"), linewidth=1.3, zorder=4)
        for row in ours:
            _point(ax, row, metric, f"ours, λ {row['similarity']:g}")

    return _panels(found, draw, "z-distance from the inputs")


def iterations_figure(records):
    """Figure 7 made anew: each lambda's way through its iterations, six metrics against
    z-distance, test and prior inputs.

    The first point of a way is one iteration; paler is later. Dashed: real melodies;
    dotted: the inputs, as they are.

    Parameters
    ----------
    records : iterable of Record or dict

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    Connective Fusion, Figure 7 and section 3.6.
    """
    found = rows(records)

    def draw(ax, metric, inputs):
        plain = find(found, "concatenate", inputs=inputs)
        if plain and plain.get(metric):
            ax.axhline(
                plain[metric]["mean"],
                color=GREY,
                linewidth=1.2,
                linestyle=(0, (1, 1.5)),
                zorder=1,
                label=SHORT["concatenate"],
            )
        for similarity in sorted(
            {row["similarity"] for row in select(found, "ours", "iterated")}
        ):
            path = _placed(
                select(found, "ours", "iterated", inputs=inputs, similarity=similarity),
                metric,
            )
            path = sorted(path, key=lambda row: row["iterations"])
            ax.plot(
                *_line(path, metric),
                color=SHADES.get(similarity, GREY),
                linewidth=1.3,
                zorder=3,
            )
            for i, row in enumerate(path):
                _point(
                    ax,
                    row,
                    metric,
                    f"λ {similarity:g}" if not i else None,
                    1 - 0.7 * i / max(len(path) - 1, 1),
                )

    often = sorted({row["iterations"] for row in select(found, "ours", "iterated")})
    return _panels(
        found,
        draw,
        f"z-distance after {_listed(often)} iterations" if len(often) > 1 else "z-distance",
    )


def _listed(values):
    return ", ".join(map(str, values[:-1])) + f" and {values[-1]}"


def _panels(found, draw, below):
    """Six rows of two panels, a legend of all that is in them."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        len(METRICS),
        2,
        figsize=(WIDE, 1.45 + 1.62 * len(METRICS)),
        sharex=True,
        sharey="row",
        layout="constrained",
    )
    for row, metric in zip(axes, METRICS):
        for ax, inputs in zip(row, INPUTS):
            real = find(found, "real", inputs=inputs) or find(found, "real")
            if real and real.get(metric):
                ax.axhline(
                    real[metric]["mean"],
                    color=REAL,
                    linewidth=1.3,
                    linestyle=(0, (4, 2)),
                    zorder=1,
                    label=SHORT["real"],
                )
            draw(ax, metric, inputs)
            # a z-distance is a square: along its root a step counts the same everywhere
            ax.set_xscale(
                "function",
                functions=(
                    lambda z: np.sign(z) * np.sqrt(np.abs(z)),
                    lambda r: np.sign(r) * np.square(r),
                ),
            )
            ax.margins(x=0.04)
            ax.tick_params(labelsize=9)
        row[0].set_title(NAMED[metric], fontsize=10, loc="left", weight="bold")
        ends = row[0].get_ylim()
        row[0].set_ylim(
            max(ends[0], -1.0), min(ends[1], 1.06)
        )  # nothing here is above 1: a mirrored interval that is says "up to 1"
    _root_axis(axes[-1, 0])
    for ax, said in zip(axes[0], INPUTS.values()):
        ax.annotate(
            said,
            (0.5, 1),
            (0, 20),
            "axes fraction",
            "offset points",
            ha="center",
            fontsize=10,
            annotation_clip=False,
        )
    figure.supxlabel(below, fontsize=10)
    _legend(figure, axes)
    return figure


def _root_axis(ax):
    """Ticks far enough apart to be read on a phone, for all axes that share this one's x."""
    high = max(ax.get_xlim()[1], 1e-3)
    ax.set_xlim(left=-high / 900)  # a thirtieth of the axis, for marks at 0
    kept = [0.0]
    for tick in (d * 10.0**k for k in range(-3, 5) for d in (1, 2, 5)):
        if tick <= high and (tick / high) ** 0.5 - (kept[-1] / high) ** 0.5 > 0.13:
            kept.append(tick)
    ax.set_xticks(kept, [f"{tick:g}" for tick in kept])
    ax.set_xticks([], minor=True)


def _legend(figure, axes, ncols=2):
    """One legend above all panels, each name once."""
    told = {}
    for ax in np.ravel(axes):
        for handle, name in zip(*ax.get_legend_handles_labels()):
            told.setdefault(name, handle)
    if told:
        figure.legend(
            told.values(), told, loc="outside upper center", ncols=ncols, fontsize=9
        )


def _placed(found, metric):
    """Rows that can be drawn."""
    return [row for row in found if row.get(metric) and row.get("z_distance")]


def _at(row, metric):
    return row["z_distance"]["mean"], row[metric]["mean"]


def _line(path, metric):
    return [_at(row, metric)[0] for row in path], [_at(row, metric)[1] for row in path]


def _bar(ax, row, metric, shade):
    """Its intervals, drawn on their own: a mirrored one need not contain the value."""
    x, y = _at(row, metric)
    if row[metric]["low"] is not None:
        ax.vlines(
            x,
            row[metric]["low"],
            row[metric]["high"],
            color=shade,
            linewidth=1,
            alpha=0.7,
            zorder=2,
        )
    if row["z_distance"]["low"] is not None:
        ax.hlines(
            y,
            max(row["z_distance"]["low"], 0),
            row["z_distance"]["high"],
            color=shade,
            linewidth=1,
            alpha=0.7,
            zorder=2,
        )


def _point(ax, row, metric, label, strength=1.0):
    shade = SHADES.get(row["similarity"], GREY)
    _bar(ax, row, metric, shade)
    looks = {
        "color": _paler(shade, strength),
        "edgecolors": shade,
        "marker": MARKERS.get(row["similarity"], "o"),
    }
    ax.scatter(*_at(row, metric), s=34, zorder=5, label=label, **looks)


def _paler(shade, strength):
    """A colour mixed with white; strength 1 is the colour itself."""
    from matplotlib.colors import to_rgb

    return tuple(1 - strength * (1 - c) for c in to_rgb(shade))
