"""The figures of the FusionGAN chapter: its Figure 6 drawn anew, and the curves and
verdicts that it does not show.

What is written into a figure is computed from what is drawn in it. All but `duration_fits`
and `loglog_durations` return a `matplotlib.figure.Figure`. ``found`` are
`fusiontools.report.rows.Rows`, and ``methods`` the names of those that are drawn;
``labels`` are the domains A, B and F, for their names and colours; ``histories`` see
`fusiontools.report.curves`. Chapter 3, FusionGAN: `notebooks/03_fusiongan_2_full_size`
shows curves, `notebooks/03_fusiongan_3_measured` the others.
"""

import numpy as np

from fusiontools.papers.fusiongan.evidence.claims import progress
from fusiontools.papers.fusiongan.evidence.metrics import shares_of
from fusiontools.papers.fusiongan.evidence.paper import BLOCKS, SHORT
from fusiontools.report.curves import Curve, curves
from fusiontools.report.tables import per_cent
from fusiontools.score import bin_names
from fusiontools.score.distributions import melody_columns
from fusiontools.score.verdicts import HIGH, LOW
from fusiontools.show.colours import colour
from fusiontools.show.plots import pitch_class_names

__all__ = ["distributions_figure", "duration_fits", "loglog_durations", "progress_figure"]
__all__ += ["training_curves", "verdicts_figure"]

WIDE = 6.2  # inches: a page's width on a phone leaves letters of size 9 legible
TICK = 1 / 12  # beats: lengths are told apart by so much, which keeps triplets
SMOOTH = 9  # rounds
LABELS = ("jazz", "folk", "fused")


def distributions_figure(found, methods, labels=LABELS):
    """Figure 6 made anew: durations (left) and pitch classes (right) of each method, with
    the outlines of both genres, which are the rows ``real_a`` and ``real_b``. The paper's
    durations have other bins: it does not give them.
    """
    import matplotlib.pyplot as plt

    size, ratios = (WIDE, 0.75 + 1.3 * len(methods)), {"width_ratios": (3, 2.4)}
    shape = {"figsize": size, "sharex": "col", "sharey": "col", "gridspec_kw": ratios}
    figure, axes = plt.subplots(len(methods), 2, squeeze=False, **shape)
    for method, row in zip(methods, axes):
        for block, ax in zip(BLOCKS, row):
            own = 100 * shares_of(found.one(method), block)
            edges = np.arange(len(own) + 1) - 0.5
            for real, label, style in zip("ab", labels, ("-", (0, (3, 1.2)))):
                outline = 100 * shares_of(found.one(f"real_{real}"), block)
                looks = {"color": colour(label), "linestyle": style, "label": label}
                ax.stairs(outline, edges, linewidth=1.5, zorder=3, **looks)
            looks = {"color": colour(labels[2]), "alpha": 0.55, "label": "the method"}
            ax.bar(np.arange(len(own)), own, 0.8, **looks)
            ax.margins(x=0.01)
        row[0].set_title(SHORT[method], fontsize=10)
        row[0].set_ylabel("% of notes")
    durations, classes = axes[-1]
    beats = [name if "/" not in name else "" for name in bin_names("dd")]
    durations.set_xticks(range(len(beats)), beats)
    durations.set_xlabel("duration in beats")
    naturals = [name if len(name) == 1 else "" for name in pitch_class_names()]
    classes.set_xticks(range(12), naturals)
    classes.set_xlabel("pitch class")
    axes[0, 1].set_title("pitch classes", fontsize=10, weight="normal")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3)
    return figure


def duration_fits(melodies):
    """How well three laws describe the shares of durations, by least squares on the
    logarithms of the shares that are not zero. A ValueError if there are fewer than five
    different lengths.

    Returns
    -------
    dict
        ``length`` in beats and ``share``, both of shape (K,). Then for each law a dict:
        ``fitted``, shape (K,); ``slope``, the first power's coefficient; ``r2``, the share
        of the variance of the log shares that it explains; ``adjusted``, the same less what
        its number of coefficients explains of noise.

    Examples
    --------
    >>> tune = ([60] * 31, [0.25] * 16 + [0.5] * 8 + [1] * 4 + [2] * 2 + [4])
    >>> fits = duration_fits([tune])
    >>> round(fits["power law"]["slope"], 3), round(fits["power law"]["r2"], 3)
    (-1.0, 1.0)
    """
    ticks = np.maximum(np.round(melody_columns(melodies)[1] / TICK), 1)
    ticks, number = np.unique(ticks, return_counts=True)
    if len(ticks) < 5:
        many = f"{len(ticks)} different lengths of notes"
        raise ValueError(f"{many}; a law needs 5 or more to be tested")
    length, share = ticks * TICK, number / number.sum()
    x, y = np.log(length), np.log(share)
    # log s = c + k log l;   log s = c + k l;   log s = c + k log l + m (log l)^2
    laws = {"power law": [x], "exponential": [length], "lognormal": [x, x**2]}
    fits = {"length": length, "share": share}
    for law, terms in laws.items():
        design = np.stack([np.ones(len(x)), *terms], axis=1)
        best = np.linalg.lstsq(design, y, rcond=None)[0]
        left = np.square(y - design @ best).sum() / np.square(y - y.mean()).sum()
        adjusted = 1 - left * (len(x) - 1) / (len(x) - len(terms) - 1)
        fits[law] = {"fitted": np.exp(design @ best), "slope": float(best[1])}
        fits[law] |= {"r2": float(1 - left), "adjusted": float(adjusted)}
    return fits


def loglog_durations(a, b, labels=LABELS, ax=None):
    """Durations of both genres, lists of `Notes`, on two logarithmic axes, where a power
    law is a straight line: section IV-A sees "shapes that resemble the power law
    distribution", except RM's and RL's. The legend says how much each law explains (R²,
    adjusted for the number of its coefficients). Returns the axes.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(5.6, 3.8))[1]
    for melodies, label, marker in zip((a, b), labels, "os"):
        fits, shade = duration_fits(melodies), colour(label)
        laws = ("power law", "exponential", "lognormal")
        said = ", ".join(f"{law} {fits[law]['adjusted']:.2f}" for law in laws)
        said = f"{label}: {said}".replace("-", "−")
        ax.plot(fits["length"], 100 * fits["share"], marker, color=shade, label=said)
        for law, style in (("power law", "-"), ("lognormal", (0, (2, 1.5)))):
            fitted = 100 * fits[law]["fitted"]
            ax.plot(fits["length"], fitted, color=shade, linewidth=1.4, linestyle=style)
    ax.set(xscale="log", yscale="log", xlabel="duration in beats", ylabel="% of notes")
    beats = [1 / 12, 1 / 4, 1 / 2, 1, 2, 4]
    ax.set_xticks(beats, ["1/12", "1/4", "1/2", "1", "2", "4"])
    ax.set_xticks([], minor=True)
    title = {"title": "R² (solid: power law; dotted: lognormal)", "title_fontsize": 9}
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=9, **title)
    return ax


def verdicts_figure(found, methods, labels=LABELS):
    """What the network judge says of the typical melodies of each method, from B (left) to
    A (right); the band between the genres is shaded. A 50/50 mixture of both genres has two
    towers; a fusion fills the band. The titles say how many melodies are in it and typical,
    and how many are like neither genre.
    """
    import matplotlib.pyplot as plt

    a, b, fused = labels
    edge = np.log(HIGH / (1 - HIGH))  # log-odds
    lines = -(-len(methods) // 2)
    shape = {"figsize": (WIDE, 0.6 + 1.5 * lines), "sharex": True, "sharey": True}
    figure, axes = plt.subplots(lines, 2, squeeze=False, **shape)
    for method, ax in zip(methods, axes.flat):
        row = found.one(method)
        typical = row["typical"]["mean"]
        shares = typical * shares_of(row, "verdict") if typical else np.zeros(24)
        middle = np.arange(len(shares)) / 2 - 5.75
        domains = [b if x < -edge else a if x > edge else fused for x in middle]
        ax.axvspan(-edge, edge, color=colour(fused), alpha=0.12, linewidth=0)
        ax.bar(middle, 100 * shares, 0.46, color=[colour(domain) for domain in domains])
        told = f"{per_cent(row['middle_typical']['mean'], 0)}, "
        told += f"neither {per_cent(1 - typical, 0)}"
        ax.set_title(f"{SHORT[method]}: {told}", fontsize=9)
        ax.set_xticks([-6, 0, 6], [b, "0", a])
    for ax in axes.flat[len(methods) :]:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("% of melodies")
    band = f"shaded: P({a}) from {LOW:g} to {HIGH:g}"
    figure.supxlabel(f"log-odds of {a} against {b}; {band}", fontsize=10)
    return figure


def progress_figure(histories, run="fusion-0"):
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


def training_curves(histories, labels=LABELS, run="pretraining-0"):
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
