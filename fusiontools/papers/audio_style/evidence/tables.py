"""The tables of the chapter on audio style transfer, made from records. Chapter 7:
`notebooks/07_audio_style_3_measured`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fusiontools.papers.audio_style.evidence.claims import left
from fusiontools.papers.audio_style.evidence.paper import GENRES, PRINTED, SHORT
from fusiontools.report.tables import Table, cell, number, per_cent, shown

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["genres_table", "main_table", "noise_table", "phases_table", "rates_table"]
__all__ += ["transfers_table"]

MAIN = ("copy_content", "copy_style", "swap_spectrum", "cnn", "rnn", "bilstm")
MAIN += ("cyclegan", "musaic", "content_term")
RANGES = "In brackets 95 % ranges over five pairs; without, the paper's pair alone."
GONE = "Style loss gone: of the sound, analysed again, by the limit of infinitely many "
GONE += "filters. Correlation: with the content's log magnitudes. "


def _row(metric, digits, refined):
    """A metric, of ours with the refined phase, as it sounds."""

    def made(row):
        own = f"{metric}_refined" if row["method"] in refined else metric
        return row.get(own, row.get(metric))

    return lambda row: (per_cent if "gone" in metric or "judged" in metric else cell)(
        made(row), digits
    )


def _name(row):
    return SHORT[row["method"]]


def main_table(found: Rows) -> Table:
    """What each model does to style, content and noise."""
    ours = ("content_term",)
    columns = {"": _name, "style loss gone": _row("style_gone", 0, ours)}
    columns |= {"correlation": _row("correlation", 2, ours)}
    columns |= {"flatness": _row("flatness", 3, ours), "SNR, dB": _row("snr", 1, ours)}
    columns |= {"judged style": _row("judged_style", 0, ours)}
    steps = ", ".join(
        f"{SHORT[row['method']]} {number(row['steps']['mean'])}"
        for row in found.every("cnn", "rnn", "bilstm")
    )
    said = (
        f"{GONE}Flatness: 1 for white noise, 0 for a tone. SNR: energy of clear tones and "
    )
    said += (
        "strokes over that of the rest. Judged: the probability that our judge gives to "
    )
    said += f"the style's genre. Steps: {steps}. Ours sounds with the refined phase, the "
    said += f"others with the content's. {RANGES}"
    return Table(found.every(*MAIN), columns, said)


def transfers_table(found: Rows) -> Table:
    """Every method and setting, and what it costs."""
    rows = [row for row in found if "style_gone" in row]
    columns = {
        "": _name,
        "style loss gone": shown("style_gone", per_cent, 1),
        "content loss": shown("content_loss", cell, 2),
        "correlation": shown("correlation", cell, 2),
        "onsets": shown("onsets", cell, 2),
        "flatness": shown("flatness", cell, 3),
        "SNR, dB": shown("snr", cell, 1),
        "judged style": shown("judged_style", per_cent, 0),
        "by the network": shown("judged_style_network", per_cent, 0),
        "unlike music": shown("unlike", per_cent, 0),
        "steps": lambda row: (
            number(row["steps"]["mean"]) if "steps" in row else number(None)
        ),
        "s a step": shown("seconds_per_step", cell, 3),
    }
    said = f"All sound with the content's phase. {GONE}Onsets: correlation of rises of "
    said += "loudness with the content's. Unlike: "
    said += f"farther from all genres than 95 % of real clips. {RANGES}"
    return Table(rows, columns, said)


def phases_table(found: Rows) -> Table:
    """Three ways from magnitudes back to sound."""
    ways = {"": "the content's phase", "_griffin": "Griffin-Lim", "_refined": "refined"}
    rows = found.every("cnn", "closed_form", "bounded", "content_term")
    columns = {"": _name}
    for suffix, words in ways.items():
        columns |= {f"{words}: gone": shown(f"style_gone{suffix}", per_cent, 1)}
        columns |= {"correlation" + " " * len(columns): shown(f"correlation{suffix}")}
    said = f"Refined: Griffin and Lim's search, begun from the content's phase. {RANGES}"
    return Table(rows, columns, said)


def noise_table(found: Rows) -> Table:
    """Noise where 90 % of the style loss of the sound is gone for the first time."""
    rows = [row for row in found if "flatness_equal" in row]
    columns = {
        "": _name,
        "at step": lambda row: number(row["step_equal"]["mean"]),
        "flatness": shown("flatness_equal", cell, 4),
        "SNR, dB": shown("snr_equal", cell, 1),
    }
    said = "What is not here never gets there. " + RANGES
    return Table(rows, columns, said)


def rates_table(found: Rows) -> Table:
    """What is left of the style loss, by learning rate, optimizer and scaling."""
    made = []
    for model in ("cnn", "rnn", "bilstm"):
        for optimizer in ("adam", "sgd"):
            for scaling in ("printed", "relative"):
                own = left(found, model, optimizer, scaling)
                made.append({"model": model, "optimizer": optimizer, "scaling": scaling}
                            | {"left": own})  # fmt: skip
    columns = {"": lambda r: f"{SHORT[r['model']]}, {r['optimizer'].replace('sgd', 'SGD')}"}
    columns["loss"] = lambda r: r["scaling"]
    for rate in sorted(made[0]["left"], reverse=True):
        columns[f"{rate:g}"] = lambda r, rate=rate: _share(r["left"][rate])
    said = (
        "In columns the learning rate. 100 % has not moved; more is worse than the start."
    )
    return Table(made, columns, said)


def _share(value):
    return "over 1,000 %" if value > 10 else per_cent(value)


def genres_table(found: Rows) -> Table:
    """The classifiers, with the paper's number under ours."""
    rows = [row for row in found if row["method"] in GENRES]

    def f1(row):
        theirs = PRINTED.get(row["method"], {}).get("f1")
        return cell(row["f1"], 2) + (f"<br>*paper: {theirs}*" if theirs else "")

    columns = {"": lambda row: GENRES[row["method"]], "F1, folds by track": f1}
    columns |= {"accuracy": shown("accuracy", cell, 2)}
    columns |= {"F1, folds by artist": shown("f1_artist", cell, 2)}
    columns |= {"clips": lambda row: number(row["clips"]["mean"])}
    said = "Macro F1, in brackets 95 % ranges over groups of clips. What an artist's other "
    said += "clips tell is no genre: folds by artist leave it out."
    return Table(rows, columns, said)
