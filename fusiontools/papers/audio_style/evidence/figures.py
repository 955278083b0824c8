"""The figures of the chapter on audio style transfer, each a `matplotlib.figure.Figure`;
what is written into one is computed from what is drawn. Chapter 7:
`notebooks/07_audio_style_3_measured`, and on the other pages the diagram.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from fusiontools.papers.audio_style.evidence.paper import SHORT
from fusiontools.report.boxes import Box, boxes
from fusiontools.report.curves import WIDE, Curve, curves
from fusiontools.show.colours import colour

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from fusiontools.report.rows import Measured, Rows


__all__ = ["autocorrelograms_figure", "classifiers_figure", "diagram", "gan_figure"]
__all__ += ["losses_figure", "pictures_figure", "trade_figure"]

SHADES = {"cnn": "folk", "rnn": "jazz", "bilstm": "fused", "content_term": "metal"}
SHADES |= {"closed_form": "fiddle", "musaic": "chorale", "cyclegan": "rock"}
# Where the names of crowded dots stand, from their dots, in points.
NAMES = {"bilstm_time": (51, 11), "bilstm": (60, 1), "rnn_time": (35, -8)}
NAMES |= {"rnn": (46, -12), "content_term": (-89, 7), "cnn": (-71, 2)}
NAMES |= {"swap_spectrum": (-63, -5), "closed_form": (-8, 5)}
SHOWN = ("copy_content", "copy_style", "cnn_long", "rnn_long", "bilstm_long", "cyclegan")
SHOWN += ("content_term", "musaic")
SECONDS = 10.0
BANDS, TOP = 64, 11025  # of a picture
ENDS = ("low", "high")


def diagram(features: int = 4096, size: str = "1,025 x 430") -> Figure:
    """Content and style go through one random network; the spectrogram is what learns."""
    net = {"shade": colour("plain"), "filled": True, "wide": 2.6}
    x = {"below": size, "round": 0.2, "wide": 2.2}
    places = {
        "S": Box(1.2, 2, "style S", shade=colour("style"), **x),
        "X": Box(1.2, 0, "X, from C on", shade=colour("fused"), **x),
        "F": Box(5, 1, "random network", below=f"{features:,} features", **net),
        "G": Box(8.6, 1, "Gram matrices", below=f"{features:,} x {features:,}", **net),
        "L": Box(11.8, 1, "loss", shade=colour("style"), wide=1.6),
    }
    ways = [("S", "F"), ("X", "F"), ("F", "G"), ("G", "L"), ("L", "X", -1.2)]
    return boxes(places, ways, title="nothing is trained but the spectrogram X").figure


def losses_figure(
    histories: Measured, models: tuple[str, str, str] = ("cnn", "rnn", "bilstm")
) -> Figure:
    """Figures 14 to 16 anew: the style loss of each model's own features, relative to where
    it starts; dotted, with the loss as printed; thin, of the sound that comes out.
    """
    figure, axes = plt.subplots(1, len(models), figsize=(WIDE, 2.9), sharey=True,
                                layout="constrained")  # fmt: skip
    for ax, model in zip(np.atleast_1d(axes), models):
        shade = colour(SHADES[model])
        for run, style, words in (
            (f"{model}_long-0", "-", "relative"),
            (f"{model}_printed-0", ":", "as printed"),
        ):
            if f"{run}/loss" in histories:
                steps, losses = histories[f"{run}/loss"]
                ax.plot(steps + 1, losses / losses[0], style, color=shade, label=words)
        if f"{model}_long-0/gone" in histories:
            steps, gone = histories[f"{model}_long-0/gone"]
            ax.plot(steps + 1, 1 - gone, "o-", color="black", markersize=2.5, linewidth=0.8,
                    label="of the sound")  # fmt: skip
        ax.set(xscale="log", yscale="log", title=SHORT[model], xlabel="step")
    np.atleast_1d(axes)[0].set_ylabel("style loss left")
    np.atleast_1d(axes)[0].legend(fontsize=8)
    return figure


def gan_figure(histories: dict[str, np.ndarray]) -> Figure:
    """Figure 17 anew: the losses of the CycleGAN."""
    own = [Curve("cyclegan/g", "G", colour("fused"))]
    own += [Curve("cyclegan/d", "D", colour("content"))]
    panels = {"adversarial losses": own}
    panels["cycle consistency"] = [Curve("cyclegan/cycle", "", colour("plain"))]
    return curves(panels, histories)


def pictures_figure(
    pictures: dict[str, np.ndarray], methods: Sequence[str] = SHOWN
) -> Figure:
    """Figures 18 to 21 anew: content, style, and what each model makes of them, as mel
    spectrograms, (64, T) of bytes.
    """
    there = [m for m in methods if m in pictures]
    rows = -(-len(there) // 2)
    size = {"figsize": (WIDE + 1, 1.5 * rows), "layout": "constrained"}
    figure, axes = plt.subplots(rows, 2, sharex=True, sharey=True, squeeze=False, **size)
    for ax, method in zip(axes.ravel(), there):
        picture = pictures[method]
        area = (0, SECONDS, 0, len(picture))
        ax.imshow(picture, origin="lower", aspect="auto", cmap="magma", extent=area)
        ax.set_title(SHORT[method], fontsize=9)
        ax.set_yticks(*_hertz())
        ax.tick_params(labelsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("seconds", fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("Hz", fontsize=9)
    for ax in axes.ravel()[len(there) :]:
        ax.axis("off")
    return figure


def _hertz():
    """Places of some frequencies among the mel bands, and their names."""
    import librosa

    centres = librosa.mel_frequencies(n_mels=BANDS, fmax=TOP)
    wanted = (250, 1000, 4000)
    return [int(np.abs(centres - f).argmin()) for f in wanted], [f"{f:,}" for f in wanted]


def trade_figure(
    found: Rows,
    methods: Sequence[str] = (
        "cnn",
        "cnn_frequency",
        "rnn",
        "rnn_time",
        "bilstm",
        "bilstm_time",
        "closed_form",
        "content_term",
        "musaic",
        "swap_spectrum",
    ),
) -> Figure:
    """Style against content: above and right is better. Bars are ranges over pairs."""
    figure, ax = plt.subplots(figsize=(WIDE, 4.2), layout="constrained")
    for row in found.every(*methods):
        suffix = "_refined" if row["method"] == "content_term" else ""
        x, y = (row[f"{name}{suffix}"] for name in ("style_gone", "correlation"))
        shade = colour(SHADES.get(row["method"], "plain"))
        wide, high = (
            None if v.get("low") is None else np.abs([[v["mean"] - v[k]] for k in ENDS])
            for v in (x, y)
        )
        wide = None if wide is None else 100 * wide
        at = (100 * x["mean"], y["mean"])
        ax.errorbar(*at, yerr=high, xerr=wide, color=shade, fmt="o", linewidth=1)
        off = NAMES.get(row["method"], (5, 5))
        side = {"ha": "left" if off[0] > 0 else "right", "va": "center"}
        if max(map(abs, off)) > 10:
            side["arrowprops"] = {"arrowstyle": "-", "linewidth": 0.5, "color": "grey"}
        ax.annotate(SHORT[row["method"]], at, fontsize=8, xytext=off,
                    textcoords="offset points", **side)  # fmt: skip
    ax.set_xlabel("style loss of the sound gone, %")
    ax.set_ylabel("correlation with the content")
    return figure


def classifiers_figure(curves_of: dict[str, np.ndarray]) -> Figure:
    """Figures 9, 10, 12 and 13 anew: loss and F1 of both classifiers, epoch by epoch."""
    names = {"genre_cnn": "features", "genre_autocorr": "autocorrelograms"}
    figure, axes = plt.subplots(2, 2, figsize=(WIDE, 4.4), layout="constrained")
    for column, (kind, words) in zip(axes.T, names.items()):
        for ax, parts in zip(column, (("loss",), ("f1_train", "f1"))):
            for part, style in zip(parts, ("-", "--") if len(parts) > 1 else ("-",)):
                epochs, values = curves_of[f"{kind}/{part}"]
                label = {"loss": "", "f1": "left out", "f1_train": "training"}[part]
                shade = colour("fused" if part == "f1" else "plain")
                ax.plot(epochs, values, style, color=shade, label=label)
            ax.set_title(f"{words}: {'F1' if 'f1' in parts else 'loss'}", fontsize=9)
        column[1].legend(fontsize=8)
        column[1].set_xlabel("epoch")
    return figure


def autocorrelograms_figure(curves_of: dict[str, np.ndarray]) -> Figure:
    """Figure 11 anew: the mean autocorrelogram of each genre; lags in seconds."""
    own = {n.split("/")[1]: v for n, v in curves_of.items() if n.startswith("autos/")}
    figure, axes = plt.subplots(2, -(-len(own) // 2), figsize=(WIDE + 1, 3.4), sharex=True,
                                sharey=True, layout="constrained")  # fmt: skip
    for ax, (genre, (lags, values)) in zip(axes.ravel(), sorted(own.items())):
        ax.plot(lags, values, color=colour("plain"))
        ax.set_title(genre, fontsize=9)
        ax.tick_params(labelsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("lag, s", fontsize=9)
    return figure
