"""Every row of the paper on audio style transfer: `ENTRIES`, see
`fusiontools.compare.entry`. Ours are out of the records of GTZAN.
Used on the page "Every row", which leads to chapter 7.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entry import Entry, Source, lines, told
from fusiontools.papers.audio_style.evidence import claims
from fusiontools.papers.audio_style.evidence.metrics import shipped_rows
from fusiontools.papers.audio_style.evidence.paper import PAPER as KEPT
from fusiontools.papers.audio_style.evidence.paper import PRINTED, SHORT
from fusiontools.report.tables import number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["SOURCE"]

SCRATCH, MEASURED = "07_audio_style_1_from_scratch", "07_audio_style_3_measured"
PAPER: dict[str, Any] = KEPT
FALLS, TELL = "3. The loss falls, and the sound stays", "6. Who can tell?"
LAST = "7. The last claims, our goals, the cost"


def _mean(found: Rows, method: str, metric: str) -> float:
    return found.one(method)[metric]["mean"]


def _left(found: Rows) -> str:
    """What is left of each model's own loss, in its two forms."""
    made = {}
    for form, words in {"long": "relative", "printed": "as printed"}.items():
        curves = [found.beside["histories"][f"{m}_{form}-0/loss"][1] for m in claims.THREE]
        made[words] = [per_cent(float(curve[-1] / curve[0])) for curve in curves]
    names = ", ".join(SHORT[m] for m in claims.THREE)
    told = [f"{words}: {', '.join(shares)}" for words, shares in made.items()]
    return lines([f"left of it, {names}", *told])


def _both(found: Rows) -> str:
    list(claims.f17(found))  # NotMeasured where a part of it is
    made = []
    for model in claims.RECURRENT:
        gone, kept = (
            _mean(found, f"{model}_long", k) for k in ("style_gone", "correlation")
        )
        made.append(f"{SHORT[model]}: {per_cent(gone)} of style gained, {kept:.2f} kept")
    flat, white = (_mean(found, m, "flatness") for m in ("cyclegan", "noise"))
    end = f"CycleGAN: flatness {flat:.3f}, white noise {white:.3f}"
    return lines(["one pair, all steps:", *made, end])


def _noise(found: Rows) -> str:
    list(claims.c1(found))  # NotMeasured where a part of it is
    made = []
    for model in claims.THREE:
        flat, gone = (_mean(found, model, k) for k in ("flatness", "style_gone"))
        made.append(f"{SHORT[model]} {flat:.3f}, {per_cent(gone, 0)}")
    gan = f"CycleGAN, one pair: {_mean(found, 'cyclegan', 'flatness'):.3f}"
    return lines(["flatness, and style gained, of all pairs:", *made, gan])


def _rate(x: float) -> str:
    return f"{x:f}".rstrip("0")


def _rates() -> str:
    told = [f"{SHORT[m]} {_rate(rate)}" for m, rate in PAPER["rates"].items()]
    return f"Adam at {', '.join(told)}; SGD “did not help”"


def _best_rates(found: Rows) -> str:
    made = []
    for model in claims.THREE:
        tried, sgd = claims.left(found, model), claims.left(found, model, "sgd")
        best, told = min(tried, key=lambda rate: tried[rate]), PAPER["rates"][model]
        said = f"{SHORT[model]}: {per_cent(tried[best])} at {_rate(best)}, "
        said += f"{per_cent(tried[told])} at {_rate(told)}"
        made.append(f"{said}, SGD {per_cent(min(sgd.values()))}")
    return lines(["least of the loss left:", *made])


def _judged(found: Rows) -> str:
    list(claims.c6(found))  # NotMeasured where a part of it is
    asked = {m: SHORT[m] for m in ("cnn", "bilstm", "content_term")}
    asked["copy_style"] = "the style itself"
    told = [
        f"{name} {per_cent(_mean(found, m, 'judged_style'))}" for m, name in asked.items()
    ]
    return lines(["a judge gives the style:", *told])


def _genres(kind: str) -> str:
    told = PRINTED[kind]
    said = f"F1 {told['f1']:g}"
    return said + (f", accuracy {told['accuracy']:g}" if "accuracy" in told else "")


def _curve() -> str:
    steps = [number(PAPER["steps"][m]) for m in claims.THREE]
    return f"curves that fall, of {', '.join(steps)} steps"


_LAYERS = "CNN, RNN, BiLSTM, CycleGAN and classifiers, for {1} frames of {0:,} rows"
ENTRIES = [
    Entry(
        "AS-F1, F2",
        "waveforms and spectrograms by genre: do they differ?",
        SCRATCH,
        "1. The data, seen and heard",
        "pictures, no number",
        told(claims.f1),
    ),
    Entry(
        "AS-F3..F8",
        "diagrams and tables of layers: do sizes fit?",
        "07_audio_style_2_full_size",
        "As printed, and corrected",
        _LAYERS.format(*claims.LAYERS["spectrogram"]),
        lambda found: f"worked out with live layers: {told(claims.f3)(found)}",
    ),
    Entry(
        "AS-F9, F10",
        "the classifier of features",
        MEASURED,
        TELL,
        partial(_genres, "genre_cnn"),
        told(claims.f9, 0),
    ),
    Entry(
        "AS-F11..13",
        "the classifier of autocorrelograms",
        MEASURED,
        TELL,
        partial(_genres, "genre_autocorr"),
        told(claims.f11),
    ),
    Entry(
        "AS-F14..16", "style losses of CNN, RNN and BiLSTM", MEASURED, FALLS, _curve, _left
    ),
    Entry(
        "AS-F17..21",
        "losses of the CycleGAN; spectrograms of content, style and output",
        MEASURED,
        "4. What it looks like",
        "outputs have something of both; the CycleGAN's is almost white noise",
        _both,
    ),
    Entry(
        "AS-C1",
        "BiLSTM is best and least noisy, the CycleGAN noisy",
        MEASURED,
        "2. One table",
        "heard, no number",
        _noise,
    ),
    Entry("AS-C2", "learning rates and optimizers", MEASURED, FALLS, _rates, _best_rates),
    Entry(
        "AS-C3",
        "how many steps until it is good",
        MEASURED,
        FALLS,
        PAPER["claims"]["AS-C3"][1],
        told(claims.c3, 1, 2),
    ),
    Entry(
        "AS-C4",
        "does the BiLSTM converge later, or earlier?",
        MEASURED,
        FALLS,
        "“takes longer”, and “converged faster”",
        told(claims.c4),
    ),
    Entry(
        "AS-C5",
        "a shallow CNN works best",
        MEASURED,
        LAST,
        "said, no number",
        told(claims.c5),
    ),
    Entry(
        "AS-C6",
        "a classifier cannot tell output from style, and the content is kept",
        MEASURED,
        TELL,
        "a hypothesis, no number",
        _judged,
    ),
    Entry(
        "AS-E1",
        "inputs of the BiLSTM's linear layer",
        SCRATCH,
        "5. Recurrent networks",
        f"{PAPER['units']}",
        lambda found: told(claims.e1)(found).partition(";")[0],
    ),
]
SOURCE = Source(
    "Audio style transfer",
    "audio_style",
    ENTRIES,
    partial(shipped_rows, "gtzan_mini"),
    claims.CLAIMS,
    claims.DRAWN,
)
