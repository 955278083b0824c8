"""Every row of the paper on bi-LSTM and CNN-LSTM GANs: `ENTRIES`, see
`fusiontools.compare.entry`. Ours are out of the records of rock.
Used on the page "Every row", which leads to chapter 6.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fusiontools.compare.entry import Entry, Source, beside, lines, told
from fusiontools.papers.lstm_gan.evidence import claims
from fusiontools.papers.lstm_gan.evidence.metrics import shipped_rows
from fusiontools.papers.lstm_gan.evidence.paper import PAPER as KEPT
from fusiontools.papers.lstm_gan.evidence.paper import PRINTED, SHORT, TABLE_1
from fusiontools.report.rows import printed
from fusiontools.report.tables import SPACE, number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["SOURCE"]

SCRATCH, MEASURED = "06_lstm_gan_1_from_scratch", "06_lstm_gan_3_measured"
PAPER: dict[str, Any] = KEPT
TABLE, FAILS = "2. Table 1", "5. Why does the bi-LSTM fail?"
THEIRS = printed(TABLE_1)
CALLED = {"data": "data", "naive": "naive", "bilstm": "bi-LSTM", "cnn_lstm": "CNN-LSTM"}
CALLED["musegan"] = "MuseGAN"
DIGITS = claims.DIGITS  # of EB, UPC and QN
SLASH = f"{SPACE}/{SPACE}"  # what belongs together stays on one line
REMEDIES = ("bilstm_pretrained", "bilstm_g_steps", "bilstm_d_steps")


def _rows(found: Rows, *methods: str) -> str:
    called = {m: CALLED[m] for m in methods or CALLED}
    return beside(found, called, DIGITS, SLASH)


def _table(found: Rows) -> str:
    learned = number(found.one("cnn_lstm_empty")["eb"]["mean"], DIGITS["eb"])
    return f"{_rows(found)}<br>EB by construction; where it is learned {learned}"


def _distances(found: Rows, *methods: str) -> str:
    """How far from the data, EB / UPC / QN."""
    made = []
    for method in methods:
        away = (claims.distance(found, method, k)["mean"] for k in DIGITS)
        told = (number(x, digits) for x, digits in zip(away, DIGITS.values()))
        alike = found.one(method).get("alike", {"mean": 0})["mean"]
        same = f" (bars alike: {alike:.2f})" if alike >= claims.ALIKE else ""
        made.append(f"{CALLED[method]} {SLASH.join(told)}{same}")
    return lines(made)


def _classes(found: Rows) -> str:
    found.one("cnn_lstm_empty")  # NotMeasured without it
    return _rows(found, "data", *claims.THREE)


def _balanced(found: Rows) -> str:
    list(claims.balance(found))  # NotMeasured where a part of it is
    made = []
    asked = {"bilstm": "as it is", "bilstm_balanced": "balanced"}
    for method, name in (asked | {"bilstm_reach": "noise at every step"}).items():
        row = found.one(method)
        silent = row["eb"]["mean"] == 100
        state = "all bars silent" if silent else f"bars alike {row['alike']['mean']:.2f}"
        weights = (number(row[f"parameters_{k}"]["mean"]) for k in "gd")
        made.append(f"{name}: {state}, weights {' : '.join(weights)}")
    return lines(made)


def _remedies(found: Rows) -> str:
    made = []
    for method in ("bilstm", *REMEDIES):
        row, name = found.one(method), SHORT[method].removeprefix("bi-LSTM, ")
        if row["eb"]["mean"] == 100:
            made.append(f"{name}: all bars silent")
            continue
        away = number(claims.distance(found, method, "upc")["mean"], DIGITS["upc"])
        made.append(f"{name}: {away}, bars alike {row['alike']['mean']:.2f}")
    return lines(["UPC off by:", *made])


def _weights() -> str:
    many = {name: number(sum(layers.values())) for name, layers in PRINTED.items()}
    return f"G {many['G']}, D {many['D']} weights; “piano roll output”"


def _counted(found: Rows) -> str:
    return f"counted in the printed layers: {told(claims.printed_tables)(found)}"


def _swing(found: Rows) -> str:
    made = [
        f"{name} {text.split(', ')[-1].split()[0]} times"
        for name, (_, _, text) in zip("GD", claims.oscillation(found))
    ]
    return f"means of {claims.MEAN_OF} steps cross their level: {', '.join(made)}"


_LAYERS = "G: dense, two units of upsampling and deconvolution; D: LSTMs, dense"
ENTRIES = [
    Entry(
        "LG-F1..F3",
        "song, phrase, bar, beat, 24 pixels; ways to write them",
        SCRATCH,
        "1. A bar is a picture",
        "a phrase has four bars of four beats",
        told(claims.hierarchy),
    ),
    Entry(
        "LG-F4a, F5a",
        "the GAN, its loss, and how that goes back",
        SCRATCH,
        "5. The game",
        "through D to G; G minimises both terms of Eq. 4",
        told(claims.back_propagation),
    ),
    Entry(
        "LG-F4b, F5b",
        "tables of layers, with their weights",
        SCRATCH,
        "9. What the printed tables say",
        _weights,
        _counted,
    ),
    Entry(
        "LG-F6, F7",
        "convolutional generator, LSTM discriminator, diagrams",
        SCRATCH,
        "3. A generator that paints",
        _LAYERS,
        lambda found: f"in the networks that train, {told(claims.convolutional)(found)}",
    ),
    Entry(
        "LG-F8",
        "losses of the CNN-LSTM oscillate",
        MEASURED,
        "4. Losses that swing",
        f"a curve: after {PAPER['epochs_until_oscillation']} epochs",
        _swing,
    ),
    Entry(
        "LG-F9",
        "what each model makes: is it sound, or silence?",
        MEASURED,
        "LSTM and convolutional GANs, measured",
        "a piano roll of each",
        told(claims.examples),
    ),
    Entry(
        "LG-T1",
        "empty bars, pitch classes a bar, qualified notes: EB / UPC / QN",
        MEASURED,
        TABLE,
        lambda: _rows(THEIRS),
        _table,
    ),
    Entry(
        "LG-C1",
        "the bi-LSTM GAN does not converge, as G has far more weights",
        MEASURED,
        FAILS,
        lambda: (
            f"argued; weights {' : '.join(number(sum(PRINTED[k].values())) for k in 'GD')}"
        ),
        _balanced,
    ),
    Entry(
        "LG-C2",
        "CNN-LSTM is the best of three: off by EB / UPC / QN",
        MEASURED,
        TABLE,
        lambda: _distances(THEIRS, *claims.THREE),
        lambda found: _distances(found, *claims.THREE),
    ),
    Entry(
        "LG-C3",
        "all models leave more bars empty, use too many pitch classes and have too few "
        "qualified notes: EB / UPC / QN",
        MEASURED,
        TABLE,
        lambda: _rows(THEIRS, "data", *claims.THREE),
        _classes,
    ),
    Entry(
        "LG-C4",
        "more data would help",
        MEASURED,
        "6. What the CNN-LSTM needs",
        f"argued; {per_cent(PAPER['share'], 0)} of the songs were used",
        told(claims.more_data),
    ),
    Entry(
        "LG-C5",
        "pre-training and uneven updates help, and no training converges",
        MEASURED,
        FAILS,
        "“do somehow improve”, no number",
        _remedies,
    ),
    Entry(
        "LG-C6",
        "a loss that stood still moved once weights were drawn at random",
        MEASURED,
        FAILS,
        "said, no number",
        told(claims.at_random, 1),
    ),
]
SOURCE = Source(
    "LSTM and convolutional GANs",
    "lstm_gan",
    ENTRIES,
    partial(shipped_rows, "rock"),
    claims.CLAIMS,
    claims.DRAWN,
    THEIRS,
)
