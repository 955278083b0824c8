"""The figures of the Connective Fusion chapter that are made of numbers: Figures 4 to 7
drawn anew, learning curves, training curves.

Nothing is trained, fused or judged here; pictures of the live model are in `diagrams`
beside it. What is written into a figure is computed from what is drawn in it.
"""

import numpy as np

from fusiontools.papers.connective_fusion.evidence.diagrams import (
    iteration_rolls,
    stages_figure,
    style_rolls,
)
from fusiontools.papers.connective_fusion.evidence.panels import (
    NAMED,
    SHADES,
    WIDE,
    iterations_figure,
    metrics_figure,
)
from fusiontools.papers.connective_fusion.evidence.paper import FIGURES, REALITY
from fusiontools.papers.connective_fusion.evidence.summaries import (
    LAMBDAS,
    column,
    histories,
    measured,
    needed,
)
from fusiontools.score.markov import (
    STATISTICS,
    markov_matrix,
    matrix_correlation,
    state_names,
)
from fusiontools.show.colours import colour

__all__ = [
    "distances_figure",
    "iteration_rolls",
    "iterations_figure",
    "judge_curves",
    "matrices_figure",
    "metrics_figure",
    "stages_figure",
    "style_rolls",
    "training_curves",
]

TICKS = {  # which states are named on the axes of Figure 5
    "key": ("C major", "F# major", "C minor", "F# minor"),
    "mp": ("C4", "C5", "C6"),
    "md": ("1", "2", "4", "8", "16", "32"),
    "pt": ("C4", "C5", "C6"),
    "dt": ("1", "4", "8", "12", "16+"),
}
MARK = {
    "color": colour("metal"),
    "linewidth": 1.2,
    "linestyle": (0, (4, 2)),
}  # of what is not ours


def matrices_figure(arrays=None):
    """Figure 5 made anew: five Markov matrices before the transformation, after it, and of
    real melodies.

    A row of a matrix is the state of the first half, a column that of the second. Each
    correlation is that of the matrix under it with the one of real melodies.

    Parameters
    ----------
    arrays : dict of str to ndarray, optional
        See ``fusiontools.papers.connective_fusion.evidence.summaries.measured``.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    RecordError
        If an array is missing.

    References
    ----------
    Connective Fusion, Figure 5 and section 3.4, second paragraph.
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import PowerNorm

    kinds = ("before", "after", "real")
    figure, axes = plt.subplots(
        len(STATISTICS),
        len(kinds),
        figsize=(WIDE, 1.85 * len(STATISTICS)),
        sharey="row",
        layout="constrained",
    )
    for row, (stat, size) in zip(axes, STATISTICS.items()):
        counts = needed(arrays, *(f"markov_{kind}_{stat}" for kind in kinds))
        matrices = {kind: markov_matrix(n) for kind, n in zip(kinds, counts)}
        # few windows make single chances of 1, which would leave all else dark
        norm = PowerNorm(0.5, 0, max(np.quantile(m, 0.995) for m in matrices.values()))
        names = state_names(stat)
        ticks = [names.index(name) for name in TICKS[stat]]
        for ax, (kind, matrix) in zip(row, matrices.items()):
            ax.imshow(
                matrix,
                norm=norm,
                cmap="magma",
                interpolation="nearest",
                extent=(-0.5, size - 0.5, size - 0.5, -0.5),
            )
            r = (
                ""
                if kind == "real"
                else f": {matrix_correlation(matrix, matrices['real']):.2f}".replace(
                    "-", "−"
                )
            )
            ax.set_title(f"{kind}{r}", fontsize=9.5, loc="center", weight="normal")
            ax.set_xticks(ticks, [_tick(names[k]) for k in ticks], fontsize=8)
            ax.set_yticks(ticks, [names[k].replace("#", "♯") for k in ticks], fontsize=8)
            ax.grid(False)
            ax.tick_params(length=2)
        row[0].set_ylabel(NAMED[f"{stat}_corr"], fontsize=10, weight="bold")
    figure.supxlabel("state of the second half", fontsize=10)
    figure.supylabel("state of the first half", fontsize=10)
    return figure


def _tick(name):
    """A state's name, short enough for a column: minor keys in small letters."""
    tonic, _, mode = name.replace("#", "♯").partition(" ")
    return tonic.lower() if mode == "minor" else tonic


def distances_figure(arrays=None, ax=None):
    """Figure 6 made anew: how far apart halves of one song lie, and of two, in shares of
    their pairs.

    Parameters
    ----------
    arrays : dict of str to ndarray, optional
        See ``fusiontools.papers.connective_fusion.evidence.summaries.measured``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RecordError
        If an array is missing.

    References
    ----------
    Connective Fusion, Figure 6 and section 3.4, last paragraph.
    """
    edges, below, *histograms = needed(
        arrays, "distance_edges", "distance_below", "distance_within", "distance_between"
    )
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(WIDE, 3.4), layout="constrained")[1]
    thresholds = FIGURES["F6"]["thresholds"]
    for kind, domain, counts, near in zip(
        ("within", "between"), ("folk", "jazz"), histograms, below
    ):
        shares = 100 * counts / max(counts.sum(), 1)
        said = " and ".join(
            f"{100 * share:.3g} % below {t:g}" for t, share in zip(thresholds, near)
        )
        ax.stairs(shares, edges, color=colour(domain), fill=True, alpha=0.25)
        ax.stairs(
            shares,
            edges,
            color=colour(domain),
            linewidth=1.6,
            label=f"{kind} songs: {said}",
        )
    for threshold in thresholds:
        ax.axvline(threshold, **MARK)
        ax.annotate(
            f"{threshold:g}",
            (threshold, 1),
            (-3, -3),
            ("data", "axes fraction"),
            "offset points",
            ha="right",
            va="top",
            fontsize=9,
        )
    ax.set(xscale="log", xlabel="z-distance", ylabel="% of pairs")
    ax.set_ylim(bottom=0)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9)
    return ax


def judge_curves(arrays=None, ax=None):
    """How right the judges of reality become with more songs to learn from, beside the
    paper's accuracy (dashed).

    Parameters
    ----------
    arrays : dict of str to ndarray, optional
        See ``fusiontools.papers.connective_fusion.evidence.summaries.measured``.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    Connective Fusion, section 3.4, first paragraph.
    """
    arrays = measured() if arrays is None else arrays
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(WIDE, 3.2), layout="constrained")[1]
    ax.axhline(100 * REALITY["accuracy"], **MARK, label="the paper's")
    kinds = {
        "transformer": ("transformer", "fused", "o"),
        "features": ("boosted trees", "fiddle", "s"),
    }
    numbers = set()
    for kind, (name, domain, marker) in kinds.items():
        if f"curve_{kind}" in arrays:
            songs, accuracy, low, high = np.asarray(
                arrays[f"curve_{kind}"], dtype=np.float64
            ).T
            ax.plot(
                songs,
                100 * accuracy,
                marker=marker,
                color=colour(domain),
                linewidth=1.6,
                label=name,
            )
            ax.vlines(
                songs, 100 * low, 100 * high, color=colour(domain), linewidth=1.2, alpha=0.7
            )
            numbers |= set(songs.tolist())
    ax.set(
        xscale="log",
        xlabel="songs that the judge learned from",
        ylabel="% right, unseen songs",
    )
    ax.set_xticks(sorted(numbers), [f"{songs:,.0f}" for songs in sorted(numbers)])
    ax.set_xticks([], minor=True)
    ax.legend(fontsize=9)
    return ax


def training_curves(arrays=None, vaes=("vae-parallel", "vae-lstm"), ours="ours"):
    """How the trainings went: what the VAE gives back of unseen songs, how far the
    generator goes, and what the discriminator believes.

    Parameters
    ----------
    arrays : dict of str to ndarray, optional
        See ``fusiontools.papers.connective_fusion.evidence.summaries.histories``.
    vaes : sequence of str
        Trainings whose VAE is shown, where they are there.
    ours : str
        What the names of the generators' trainings begin with, before their lambda.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no curve to draw.
    """
    import matplotlib.pyplot as plt

    arrays = histories() if arrays is None else arrays
    lambdas = [
        k for k in LAMBDAS if any(name.startswith(f"{ours}-{k:g}/") for name in arrays)
    ]
    panels = {
        "VAE: % of unseen songs given back": [],
        "Generator: z-distance of what it makes": [],
        "Discriminator: D of what is made": [],
    }
    looks = {
        "token_accuracy": ("tokens", "-"),
        "onset_pitch_accuracy": ("onsets", (0, (4, 1.5))),
    }
    for name, domain in zip(vaes, ("content", "style")):
        for what, (words, style) in looks.items():
            if (curve := column(arrays, f"{name}/held_out_{what}")) is not None:
                label = f"{name.rpartition('-')[2]}: {words}"
                panels["VAE: % of unseen songs given back"].append(
                    (curve[0], 100 * curve[1], colour(domain), style, label)
                )
    for title, what in (
        ("Generator: z-distance of what it makes", "distance"),
        ("Discriminator: D of what is made", "fooled"),
    ):
        for k in lambdas:
            if (curve := column(arrays, f"{ours}-{k:g}/{what}")) is not None:
                panels[title].append((*curve, SHADES[k], "-", f"λ {k:g}"))
    panels = {title: curves for title, curves in panels.items() if curves}
    if not panels:
        raise ValueError("no curve of a VAE or of a generator is in these histories")
    figure, axes = plt.subplots(
        len(panels),
        1,
        figsize=(WIDE, 2.5 * len(panels)),
        squeeze=False,
        layout="constrained",
    )
    for ax, (title, curves) in zip(axes[:, 0], panels.items()):
        for steps, values, shade, style, label in curves:
            many = len(values) > 200
            if many:
                ax.plot(steps, values, color=shade, alpha=0.2, linewidth=0.7)
            ax.plot(
                steps,
                _smooth(values, len(values) // 40 if many else 1),
                color=shade,
                linestyle=style,
                linewidth=1.6,
                label=label,
            )
        ax.set_title(title, fontsize=10, loc="left", weight="bold")
        ax.legend(fontsize=9, ncols=2, frameon=True, framealpha=0.85, edgecolor="none")
    axes[-1, 0].set_xlabel("step")
    return figure


def _smooth(values, width):
    """Means over `width` neighbours; at the ends over those that there are."""
    if width < 2:
        return values
    kernel = np.ones(width)
    return np.convolve(values, kernel, "same") / np.convolve(
        np.ones(len(values)), kernel, "same"
    )
