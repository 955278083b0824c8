"""The figures of the FusionGAN chapter: its Figure 6 drawn anew, and the curves and
verdicts that it does not show.

What is written into a figure is computed from what is drawn in it. Each returns a
`matplotlib.figure.Figure`. ``found`` are `fusiontools.report.rows.Rows`, and ``methods``
the names of those that are drawn; ``labels`` are the domains A, B and F, for their names
and colours; ``histories`` see `fusiontools.report.curves`. Chapter 3, FusionGAN:
`notebooks/03_fusiongan_2_full_size` shows curves, `notebooks/03_fusiongan_3_measured` the
others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fusiontools.papers.fusiongan.evidence.claims import progress
from fusiontools.papers.fusiongan.evidence.metrics import shares_of
from fusiontools.papers.fusiongan.evidence.paper import SHORT
from fusiontools.report.curves import Curve, curves
from fusiontools.report.tables import per_cent
from fusiontools.score import bin_names
from fusiontools.score.verdicts import HIGH, LOW
from fusiontools.show.colours import colour
from fusiontools.show.plots import pitch_class_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.report.rows import Rows


__all__ = ["distributions_figure", "progress_figure", "training_curves", "verdicts_figure"]

WIDE = 6.2  # inches: a page's width on a phone leaves letters of size 9 legible
SMOOTH = 9  # rounds
LABELS = ("jazz", "folk", "fused")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)), "--")


def distributions_figure(
    found: Rows, methods: Sequence, labels: tuple[str, str, str] = LABELS
) -> Figure:
    """Figure 6 made anew, all methods in one: durations and pitch classes of each as a
    line, over bars for both genres, which are the rows ``real_a`` and ``real_b``. The
    paper's durations have other bins: it does not give them.
    """
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 1, figsize=(WIDE, 4.6))
    for block, ax in zip(("dd", "npd"), axes):
        for side, label in zip((-0.2, 0.2), labels):
            real = "real_a" if side < 0 else "real_b"
            own = 100 * shares_of(found.one(real), block)
            looks = {"color": colour(label), "alpha": 0.45, "label": f"real {label}"}
            ax.bar(np.arange(len(own)) + side, own, 0.4, **looks)
        for method, dashes in zip(methods, DASHES * len(methods)):
            own = 100 * shares_of(found.one(method), block)
            shade = "plain" if method == "rm" else labels[2]
            looks = {"color": colour(shade), "linestyle": dashes, "label": SHORT[method]}
            ax.plot(own, linewidth=1.5, **looks)
        ax.set_ylabel("% of notes")
    beats = [name if "/" not in name else "" for name in bin_names("dd")]
    axes[0].set_xticks(range(len(beats)), beats)
    axes[0].set_xlabel("duration in beats, by sixteenths")
    axes[1].set_xticks(range(12), pitch_class_names())
    axes[1].set_xlabel("pitch class")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def verdicts_figure(
    found: Rows, methods: tuple[str, str, str], labels: tuple[str, str, str] = LABELS
) -> Figure:
    """What the network judge says of the typical melodies of each method, from B (left) to
    A (right); the band between the genres is shaded. A 50/50 mixture of both genres has two
    towers; a fusion fills the band. Each panel says how many melodies are in the middle and
    typical, and how many are like neither genre.
    """
    import matplotlib.pyplot as plt

    a, b, fused = labels
    edge = np.log(HIGH / (1 - HIGH))  # log-odds
    lines = -(-len(methods) // 2)
    shape = {"figsize": (WIDE, 0.7 + 1.35 * lines), "sharex": True, "sharey": True}
    figure, axes = plt.subplots(lines, 2, squeeze=False, **shape)
    highest = 0.0
    for method, ax in zip(methods, axes.flat):
        row = found.one(method)
        typical = row["typical"]["mean"]
        shares = typical * shares_of(row, "verdict") if typical else np.zeros(24)
        highest = max(highest, 100 * shares[6:18].max())
        middle = np.arange(len(shares)) / 2 - 5.75
        domains = [b if x < -edge else a if x > edge else fused for x in middle]
        ax.axvspan(-edge, edge, color=colour(fused), alpha=0.15, linewidth=0)
        ax.bar(middle, 100 * shares, 0.46, color=[colour(domain) for domain in domains])
        told = f"middle {per_cent(row['middle_typical']['mean'], 0)}\n"
        told += f"neither {per_cent(1 - typical, 0)}"
        ax.text(0.5, 0.94, told, ha="center", va="top", transform=ax.transAxes)
        ax.set_title(SHORT[method], fontsize=10.5)
        ax.set_xticks([-4.5, 0, 4.5], [b, "between", a], fontsize=10.5)
        ax.tick_params(axis="x", length=0)
    for ax in axes.flat[len(methods) :]:
        ax.axis("off")
    # room for what is written over the bars in the middle
    axes[0, 0].set_ylim(top=max(axes[0, 0].get_ylim()[1], highest / 0.58))
    figure.supylabel("% of melodies", fontsize=10)
    told = f"log-odds of {a} against {b}; shaded: p({a}) from {LOW:g} to {HIGH:g}"
    figure.supxlabel(told, fontsize=10)
    return figure


def progress_figure(histories: dict[str, np.ndarray], run: str = "fusion-0") -> Figure:
    """The objective over the rounds of the fusion, and under it the measured Ratios:
    section I calls it "an objective function indicating fusion progress". The titles tell
    Spearman's rank correlation, 1 for a perfect indicator, of single rounds; strong lines
    are means over nine. A ValueError if the histories have no such rounds.
    """
    made = progress(histories, run)
    titles = {"objective": "The objective (Eq. 1, corrected)"}
    titles |= {"ratio_dd": "Ratio of durations", "ratio_npd": "Ratio of pitch classes"}
    rounds, panels = {}, {}
    for column, title in titles.items():
        name, rho = f"{run}/{column}", made.get(column)
        if rho is not None:
            title += f": rank correlation {rho:+.2f}".replace("-", "−")
        shade = colour("plain" if column == "objective" else "fused")
        panels[title] = [Curve(name, "", shade)]
        if name in histories:
            values = histories[name][1]
            rounds[name] = np.stack([np.arange(1, len(values) + 1), values])
    figure = curves(panels, rounds, SMOOTH)
    for ax in figure.axes:
        ax.set_xlabel("round of fusion", fontsize=9)
    return figure


def training_curves(
    histories: dict[str, np.ndarray],
    labels: tuple[str, str, str] = LABELS,
    run: str = "pretraining-0",
) -> Figure:
    """The phases before the fusion: each generator's loss with that on held-out songs, then
    each critic's estimate of the distance. A ValueError if the histories have neither.
    """
    likelihood, critics, dots = [], [], {"style": "--", "dots": True}
    for n, label in zip("ABF", labels):
        shade, held_out = colour(label), f"{label}, held out"
        likelihood.append(Curve(f"{run}/nll_{n}", label, shade))
        likelihood.append(Curve(f"{run}/held_out_{n}", held_out, shade, **dots))
        critics.append(Curve(f"{run}/distance_{n}", label, shade))
    panels = {"Maximum likelihood: nats a token": likelihood}
    panels["Critics: real against generated"] = critics
    return curves(panels, histories)
