"""The figures of the FusionGAN chapter: its diagrams and its Figure 6 drawn anew, and the
curves and verdicts that it does not show.

Nothing is trained, sampled or judged here. What is written into a figure is computed from
what is drawn in it.
"""

import numpy as np

from fusiontools.papers.fusiongan.evidence.claims import history_columns, progress
from fusiontools.papers.fusiongan.evidence.diagrams import (
    LABELS,
    arrows,
    diagram,
    framework,
)
from fusiontools.papers.fusiongan.evidence.summaries import (
    SHORT,
    are_records,
    cell,
    shares_of,
    summaries,
)
from fusiontools.records import Record
from fusiontools.score import bin_names, fused_share, verdict_histogram
from fusiontools.score.verdicts import HIGH, LOW
from fusiontools.show.colours import colour
from fusiontools.show.plots import pitch_class_names

__all__ = [
    "arrows",
    "diagram",
    "distributions_figure",
    "duration_fits",
    "framework",
    "judge_histograms",
    "loglog_durations",
    "progress_figure",
    "training_curves",
]

WIDE = 6.2  # inches: a page's width on a phone leaves letters of size 9 legible
TICK = 1 / 12  # beats: lengths are told apart by so much, which keeps triplets
SMOOTH = 9  # rounds


def distributions_figure(melodies_by_method, a, b, labels=LABELS):
    """Figure 6 made anew: durations (left) and pitch classes (right) of each method, with
    the outlines of both genres.

    Parameters
    ----------
    melodies_by_method : dict of str to (list of Notes, Record or list of Record)
        One row of panels each. ``fusiontools.papers.fusiongan.evidence.tables.by_method`` makes it
        of records.
    a, b : list of Notes, Record or list of Record
        Real melodies of the genres.
    labels : tuple of str
        The domains A, B and F, for their names and colours.

    Returns
    -------
    matplotlib.figure.Figure

    References
    ----------
    FusionGAN, Figure 6. Its durations have other bins: it does not give them.
    """
    import matplotlib.pyplot as plt

    rows = len(melodies_by_method)
    figure, axes = plt.subplots(
        rows,
        2,
        figsize=(WIDE, 0.75 + 1.3 * rows),
        sharex="col",
        sharey="col",
        squeeze=False,
        gridspec_kw={"width_ratios": (3, 2.4)},
    )
    real = {name: [100 * shares_of(x, name) for x in (a, b)] for name in ("dd", "npd")}
    for row, (method, melodies) in zip(axes, melodies_by_method.items()):
        for ax, name in zip(row, ("dd", "npd")):
            shares = 100 * shares_of(melodies, name)
            x = np.arange(len(shares))
            ax.bar(
                x,
                shares,
                0.8,
                color=colour(labels[2]),
                alpha=0.55,
                label=SHORT.get(method, method),
            )
            for outline, label, style in zip(real[name], labels, ("-", (0, (3, 1.2)))):
                ax.stairs(
                    outline,
                    np.arange(len(shares) + 1) - 0.5,
                    color=colour(label),
                    linewidth=1.5,
                    linestyle=style,
                    label=label,
                )
            ax.margins(x=0.01)
        row[0].set_title(SHORT.get(method, method), fontsize=10)
    _name_beats(axes[-1, 0])
    axes[-1, 1].set_xticks(
        range(12), [n if len(n) == 1 else "" for n in pitch_class_names()]
    )
    axes[-1, 1].set_xlabel("pitch class")
    axes[0, 1].set_title("pitch classes", fontsize=10, weight="normal")
    for ax in axes[:, 0]:
        ax.set_ylabel("% of notes")
    handles, names = axes[0, 0].get_legend_handles_labels()
    order = [names.index(label) for label in labels[:2]] + [
        i for i, n in enumerate(names) if n not in labels[:2]
    ]
    said = [*labels[:2], "the method"]
    figure.legend([handles[i] for i in order], said, loc="outside upper center", ncols=3)
    return figure


def _name_beats(ax):
    names = bin_names("dd")
    whole = [k for k, name in enumerate(names) if "/" not in name]
    ax.set_xticks(whole, [names[k] for k in whole])
    ax.set_xlabel("duration in beats")


def duration_fits(melodies):
    """How well three laws describe the shares of durations, by least squares on the
    logarithms of the shares that are not zero.

    Parameters
    ----------
    melodies : list of Notes

    Returns
    -------
    dict
        ``length`` in beats and ``share``, both of shape (K,). Then for each of ``"power
        law"`` (log share is linear in log length), ``"exponential"`` (linear in length) and
        ``"lognormal"`` (quadratic in log length) a dict: ``fitted``, shape (K,); ``slope``,
        the first power's coefficient; ``r2``, the share of the variance of the log shares
        that it explains; ``adjusted``, the same less what its number of coefficients
        explains of noise.

    Raises
    ------
    ValueError
        If there are fewer than five different lengths.

    Examples
    --------
    >>> tune = ([60] * 31, [0.25] * 16 + [0.5] * 8 + [1] * 4 + [2] * 2 + [4])
    >>> fits = duration_fits([tune])
    >>> round(fits["power law"]["slope"], 3), round(fits["power law"]["r2"], 3)
    (-1.0, 1.0)
    """
    from fusiontools.score.distributions import melody_columns

    ticks = np.maximum(np.round(melody_columns(melodies)[1] / TICK), 1)
    found, number = np.unique(ticks, return_counts=True)
    if len(found) < 5:
        raise ValueError(
            f"{len(found)} different lengths of notes; a law needs 5 or more to be tested"
        )
    length, share = found * TICK, number / number.sum()
    # log s = c + k log l;   log s = c + k l;   log s = c + k log l + m (log l)^2
    laws = {
        "power law": [np.log(length)],
        "exponential": [length],
        "lognormal": [np.log(length), np.log(length) ** 2],
    }
    fits = {"length": length, "share": share}
    for law, terms in laws.items():
        design = np.stack([np.ones(len(length)), *terms], axis=1)
        best = np.linalg.lstsq(design, np.log(share), rcond=None)[0]
        left = (
            np.square(np.log(share) - design @ best).sum()
            / np.square(np.log(share) - np.log(share).mean()).sum()
        )
        adjusted = 1 - left * (len(length) - 1) / (len(length) - len(terms) - 1)
        fits[law] = {
            "fitted": np.exp(design @ best),
            "slope": float(best[1]),
            "r2": float(1 - left),
            "adjusted": float(adjusted),
        }
    return fits


def loglog_durations(a, b, labels=LABELS, ax=None):
    """Durations of both genres on two logarithmic axes, where a power law is a straight
    line.

    The legend says how much each law explains (R², adjusted for the number of its
    coefficients).

    Parameters
    ----------
    a, b : list of Notes
    labels : tuple of str
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    References
    ----------
    FusionGAN, section IV-A: "shapes that resemble the power law distribution".
    """
    ax = _axes(ax, (5.6, 3.8))
    for melodies, label, marker in zip((a, b), labels, "os"):
        fits = duration_fits(melodies)
        said = ", ".join(
            f"{law} {fits[law]['adjusted']:.2f}"
            for law in ("power law", "exponential", "lognormal")
        )
        ax.plot(
            fits["length"],
            100 * fits["share"],
            marker,
            color=colour(label),
            label=f"{label}: {said}".replace("-", "−"),
        )
        ax.plot(
            fits["length"],
            100 * fits["power law"]["fitted"],
            color=colour(label),
            linewidth=1.5,
        )
        fine = {"color": colour(label), "linewidth": 1.2, "linestyle": (0, (2, 1.5))}
        ax.plot(fits["length"], 100 * fits["lognormal"]["fitted"], **fine)
    ax.set(xscale="log", yscale="log", xlabel="duration in beats", ylabel="% of notes")
    beats = [1 / 12, 1 / 4, 1 / 2, 1, 2, 4]
    ax.set_xticks(beats, ["1/12", "1/4", "1/2", "1", "2", "4"])
    ax.set_xticks([], minor=True)
    ax.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        fontsize=9,
        title="R² (solid: power law; dotted: lognormal)",
        title_fontsize=9,
    )
    return ax


def judge_histograms(p_by_method, band=(LOW, HIGH), labels=LABELS, bins=20):
    """What the judge says to the single melodies of each method, from B (left) to A
    (right), and which share lies between.

    A bag of both genres has two towers; a fusion fills the middle.

    Parameters
    ----------
    p_by_method : dict of str to (array_like of shape (M,), Record or list of Record)
        The judge's probabilities of A; or records, which hold their histogram and their
        share.
    band : pair of float
        Records know the usual one only.
    labels : tuple of str
    bins : int
        Records have 20.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If another band or other bins are asked of records.
    """
    import matplotlib.pyplot as plt

    rows = -(-len(p_by_method) // 2)
    figure, axes = plt.subplots(
        rows, 2, figsize=(WIDE, 0.6 + 1.45 * rows), sharex=True, sharey=True, squeeze=False
    )
    for ax, (method, p) in zip(axes.flat, p_by_method.items()):
        shares, between = _verdicts(p, band, bins)
        edges = np.linspace(0, 1, len(shares) + 1)
        middle = (edges[:-1] + edges[1:]) / 2
        shades = [
            colour(labels[1] if x < band[0] else labels[0] if x > band[1] else labels[2])
            for x in middle
        ]
        ax.axvspan(*band, color=colour(labels[2]), alpha=0.12, linewidth=0)
        ax.bar(middle, 100 * shares, 0.92 / len(shares), color=shades)
        ax.set_title(f"{SHORT.get(method, method)}: {between}", fontsize=9.5)
        ax.set_xticks([0, 0.5, 1], [labels[1], "½", labels[0]])
    for ax in axes.flat[len(p_by_method) :]:
        ax.axis("off")
    for ax in axes[:, 0]:
        ax.set_ylabel("% of melodies")
    figure.supxlabel(
        f"the judge's P({labels[0]}); shaded and in the titles: {band[0]:g} to {band[1]:g}",
        fontsize=10,
    )
    return figure


def _verdicts(p, band, bins):
    """The share of each bin, and the share in the band as text."""
    p = [p] if isinstance(p, Record) else p
    if not are_records(p):
        counts = verdict_histogram(p, bins)[0]
        value, low, high = fused_share(p, *band, kind="wilson")
        return counts / counts.sum(), cell(
            {"mean": value, "low": low, "high": high}, 1, True
        )
    if tuple(band) != (LOW, HIGH) or bins != 20:
        raise ValueError(
            "records hold 20 bins and the share of the usual band: give probabilities for other ones"
        )
    (found,) = summaries(p).values()
    return shares_of(p, "verdict"), cell(found.get("fused_share"), 1, True)


def progress_figure(history, smooth=SMOOTH):
    """The objective over the rounds of the fusion, and under it the measured Ratios that it
    is said to indicate.

    The titles say how well it does: Spearman's rank correlation, 1 for a perfect indicator.

    Parameters
    ----------
    history : history
        See ``fusiontools.papers.fusiongan.evidence.claims.history_columns``.
    smooth : int
        Strong lines are means over so many rounds; correlations are of single rounds.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the history has no rounds of fusion.

    References
    ----------
    FusionGAN, section I: "an objective function indicating fusion progress".
    """
    import matplotlib.pyplot as plt

    columns, found = history_columns(history), progress(history)
    if not found["rounds"]:
        raise ValueError(
            "this history has no rounds of fusion: no column is called 'objective'"
        )
    panels = {
        "objective": "The objective (Eq. 1, corrected)",
        "ratio_dd": "Ratio of durations",
        "ratio_npd": "Ratio of pitch classes",
    }
    figure, axes = plt.subplots(3, 1, figsize=(WIDE, 5.2), sharex=True)
    for ax, (name, title) in zip(axes, panels.items()):
        values = columns[name][1]
        rounds = np.arange(1, len(values) + 1)
        shade = colour("plain" if name == "objective" else "fused")
        ax.plot(rounds, values, color=shade, alpha=0.35, linewidth=1)
        ax.plot(rounds, _smooth(values, smooth), color=shade, linewidth=2)
        rho = found.get(name)
        ax.set_title(
            title
            + (
                f": rank correlation {rho:+.2f}".replace("-", "−")
                if rho is not None
                else ""
            ),
            fontsize=10,
        )
    axes[-1].set_xlabel("round of fusion")
    return figure


def training_curves(history, labels=LABELS):
    """The phases before the fusion: each generator's loss with that on held-out songs, then
    each critic's estimate of the distance.

    Parameters
    ----------
    history : history
        See ``fusiontools.papers.fusiongan.evidence.claims.history_columns``.
    labels : tuple of str
        The domains A, B and F.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the history has none of these phases.
    """
    import matplotlib.pyplot as plt

    columns = history_columns(history)
    panels = {
        "nll": "Maximum likelihood: nats a token",
        "distance": "Critics: real against generated",
    }
    panels = {
        kind: title
        for kind, title in panels.items()
        if any(f"{kind}_{n}" in columns for n in "ABF")
    }
    if not panels:
        raise ValueError(
            "this history has neither maximum likelihood nor critics' first lessons"
        )
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(WIDE, 0.4 + 2.5 * len(panels)), squeeze=False
    )
    for ax, (kind, title) in zip(axes[:, 0], panels.items()):
        for n, label in zip("ABF", labels):
            if f"{kind}_{n}" in columns:
                steps, values = columns[f"{kind}_{n}"]
                width = max(1, len(values) // 40)
                ax.plot(steps, values, color=colour(label), alpha=0.25, linewidth=0.8)
                ax.plot(
                    steps,
                    _smooth(values, width),
                    color=colour(label),
                    linewidth=1.8,
                    label=label,
                )
            if kind == "nll" and f"held_out_{n}" in columns:
                steps, values = columns[f"held_out_{n}"]
                ax.plot(
                    steps,
                    values,
                    "o--",
                    color=colour(label),
                    markersize=4,
                    linewidth=1.2,
                    label=f"{label}, held out",
                )
        ax.set_title(title, fontsize=10)
        ax.set_xlabel("step")
        ax.legend(ncols=2 if kind == "nll" else 3, fontsize=9)
    return figure


def _axes(ax, size):
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=size)[1]


def _smooth(values, width):
    """Means over `width` values around each; nearer to the ends over those that there are,
    on both sides alike.
    """
    reach = [min(width // 2, i, len(values) - 1 - i) for i in range(len(values))]
    return np.array([np.mean(values[i - r : i + r + 1]) for i, r in enumerate(reach)])
