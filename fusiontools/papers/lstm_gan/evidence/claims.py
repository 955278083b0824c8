"""What the paper claims, tried on our records, and the goals that the chapter set itself.
The words are the paper's, every number is computed. A claim is one function of rows, see
`fusiontools.report.claims`. A distance is that from the mean of the training songs; one is
below another only if their ranges are apart. Chapter 6: `notebooks/06_lstm_gan_3_measured`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.papers.lstm_gan.evidence.paper import PAPER, PRINTED, SHORT, TABLE_1
from fusiontools.report import claims as report
from fusiontools.report.claims import Claim, Goal
from fusiontools.report.rows import less, printed
from fusiontools.report.tables import NOTHING, cell, number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["CLAIMS", "DRAWN", "GOALS", "best_model", "claims_table", "distance"]
__all__ += ["goals_table"]

DIGITS = {"eb": 1, "upc": 2, "qn": 1}
ALIKE = 0.2  # two bars at random that have more in common come from too few
MEAN_OF = 20  # steps of a loss
CANDIDATES = ("cnn_lstm", "bilstm_ours", "musegan")  # one of them is our best model
PIXELS = 24  # a beat has so many, Figure 1
THREE = ("naive", "bilstm", "cnn_lstm")  # the paper's own


def distance(found: Rows, method: str, metric: str) -> dict[str, Any]:
    """How far a method is from the mean of the training songs, as a summary; of bars that
    are all silent, without end.
    """
    row, real = found.one(method), found.one("data")[metric]["mean"]
    if metric not in row and _silent(row):
        return {"mean": np.inf, "low": None, "high": None}
    x = row[metric]
    low, high = (None if x.get(k) is None else x[k] - real for k in ("low", "high"))
    if low is not None:
        low, high = max(0.0, low, -high), max(abs(low), abs(high))
    return {"mean": abs(x["mean"] - real), "low": low, "high": high}


def _silent(row):
    return row["eb"]["mean"] == 100


_printed = partial(distance, printed(TABLE_1))  # of a method and a metric


def best_model(found: Rows) -> str:
    """The method of `CANDIDATES` that is nearest to the validation songs, by overlap."""
    found.one(*CANDIDATES)  # NotMeasured without any
    there = found.every(*CANDIDATES)
    return max(there, key=lambda row: row["overlap_validation"]["mean"])["method"]


def _nearer(found, one, other, metric):
    """Whether a method is nearer to the training songs than another, and both in words."""
    both = {method: distance(found, method, metric) for method in (one, other)}
    said = [f"{_off(x, metric)} ({_named(found, m)})" for m, x in both.items()]
    return less(*both.values()), f"{metric.upper()} off by {', '.join(said)}"


def _off(x, metric):
    return cell(x, DIGITS[metric]) if np.isfinite(x["mean"]) else NOTHING


def _named(found, method):
    """A method by its name, and what is wrong with its bars if they are few, or none."""
    row, name = found.one(method), SHORT[method]
    if _silent(row):
        return f"{name}: all bars silent"
    alike = row.get("alike", {"mean": 0})["mean"]
    return name if alike < ALIKE else f"{name}: alike {alike:.2f}"


def _helps(found, one, other):
    """Whether a method is nearer than another by UPC and QN; None if they disagree."""
    told, said = zip(*(_nearer(found, one, other, k) for k in ("upc", "qn")))
    told = set(told) - {None}
    return told.pop() if len(told) == 1 else None, "; ".join(said)


def _near(found, method, row="cnn_lstm"):
    """Whether a method's distances are at most those of a row of the printed table."""
    miss = {k: distance(found, method, k) for k in DIGITS}
    said = [f"{k.upper()} {_off(x, k)}" for k, x in miss.items()]
    said[0] += " (by construction)"
    for one in found.every("cnn_lstm_empty"):
        learned = distance(found, one["method"], "eb")
        said[0] += f", where CNN-LSTM learns it {cell(learned, 1)}"
    real = [f"{k.upper()} {cell(found.one('data')[k], n)}" for k, n in DIGITS.items()]
    near = all(x["mean"] <= _printed(row, k)["mean"] for k, x in miss.items())
    return near, f"{SHORT[method]} off by {', '.join(said)}; data: {', '.join(real)}"


def _converged(found, method):
    """Whether bars vary, and miss the training songs in UPC and QN by no more than the
    paper's best model does; and that in words, with what the networks weigh.
    """
    row, miss = found.one(method), {k: distance(found, method, k) for k in ("upc", "qn")}
    if _silent(row):
        return False, f"{_named(found, method)}, weights {_weights(row)}"
    near = all(x["mean"] <= _printed("cnn_lstm", k)["mean"] for k, x in miss.items())
    upc, qn = (cell(x, DIGITS[k]) for k, x in miss.items())
    said = f"{SHORT[method]}: alike {cell(row['alike'])}, UPC off by {upc}, QN by {qn}"
    return row["alike"]["mean"] < ALIKE and near, f"{said}, weights {_weights(row)}"


def _weights(row):
    return " : ".join(number(row[f"parameters_{k}"]["mean"]) for k in "gd")


def table_1(found: Rows) -> Iterator[tuple]:
    """CNN-LSTM is as near to the training songs as printed; beside MuseGAN by QN alone."""
    yield "as near as printed", *_near(found, "cnn_lstm")
    for metric in DIGITS:
        better = metric == "qn"
        order = ("cnn_lstm", "musegan") if better else ("musegan", "cnn_lstm")
        part = f"{metric.upper()} {'better' if better else 'worse'} than MuseGAN's"
        yield part, *_nearer(found, *order, metric)


def balance(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The bi-LSTM GAN does not converge, because G has so many more weights than D."""
    for method, part in (
        ("bilstm", "it does not"),
        ("bilstm_balanced", "balanced, it does"),
    ):
        converged, said = _converged(found, method)
        yield f"{part} converge", converged == (method == "bilstm_balanced"), said
    # the control: G loses no weight, and only its noise comes nearer to every step
    worse, mended = (found.one(m) for m in ("collapsed", "bilstm_reach"))
    x, y = (row["alike"]["mean"] for row in (worse, mended))
    said = (
        f"{SHORT['collapsed']}: alike {x:.2f}, weights {_weights(worse)}; noise at every "
    )
    said += f"step: alike {y:.2f}, weights {_weights(mended)}"
    yield "noise is no cause", False if y < ALIKE <= x else None if y < x else True, said


def best_of_three(found: Rows) -> Iterator[tuple]:
    """CNN-LSTM is nearest to the training songs by EB, UPC and QN."""
    for metric in DIGITS:
        for other in ("bilstm", "naive"):
            part = f"{metric.upper()} below that of {SHORT[other]}"
            yield part, *_nearer(found, "cnn_lstm", other, metric)


def segmented(found: Rows) -> Iterator[tuple]:
    """More empty bars and pitch classes, fewer qualified notes than in the data."""
    learned = ("cnn_lstm_empty",) if found.every("cnn_lstm_empty") else THREE
    for metric, digits in DIGITS.items():
        real, sign = found.one("data")[metric], -1 if metric == "qn" else 1
        for method in learned if metric == "eb" else THREE:
            x = found.one(method)[metric]
            part = f"{'fewer' if sign < 0 else 'more'} {metric.upper()}: {SHORT[method]}"
            said = f"{part[6:] if sign < 0 else part[5:]} {cell(x, digits)}"
            yield part, less(*(real, x)[::sign]), f"{said}, data {cell(real, digits)}"


def more_data(found: Rows) -> Iterator[tuple[str, None, str]]:
    """All songs are better than a tenth of them."""
    few, many = (found.one(m)["overlap_heldout"] for m in ("cnn_lstm", "cnn_lstm_all"))
    # an overlap has no range of its own: the seeds of one training tell how far it moves
    reach, gain = 2 * (few.get("spread") or 0), many["mean"] - few["mean"]
    said = f"overlap with held-out songs: a tenth {few['mean']:.3f}, all {many['mean']:.3f}"
    said += f"; twice the spread of {few['n']} seeds: {reach:.3f}"
    yield "all songs", None if abs(gain) <= reach else gain > 0, said


def remedies(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Pre-training and several updates help, and no training converges."""
    for method in ("bilstm_pretrained", "bilstm_g_steps", "bilstm_d_steps"):
        yield f"help of {SHORT[method]}", *_helps(found, method, "bilstm")
        part = f"no convergence of {SHORT[method]}"
        yield part, not _converged(found, method)[0], ""


def at_random(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Weights that start at random mend a loss that does not move."""
    both = ("bilstm", "bilstm_constant")
    yield "nearer", *_helps(found, *both)
    runs = [found.beside["histories"][f"{method}-0/g"][1] for method in both]
    random, alike = (np.std(run[: min(map(len, runs))]) for run in runs)
    said = f"G's loss over as many steps: standard deviation {random:.3f} from weights at "
    said += f"random, {alike:.3f} from weights all alike"
    yield "the loss moves more", random > alike, said


def oscillation(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Both losses go up and down around a level."""
    for name in "GD":
        values = found.beside["histories"][f"cnn_lstm-0/{name.lower()}"][1]
        values = values[len(values) // 2 :]
        means = values[: len(values) // MEAN_OF * MEAN_OF].reshape(-1, MEAN_OF).mean(1)
        crossed = int(np.diff(means > means.mean()).sum())
        said = (
            f"{name}'s loss in the second half, in {len(means)} means of {MEAN_OF} steps: "
        )
        said += (
            f"{means.min():.2f} to {means.max():.2f}, {crossed} times across their level, "
        )
        # by chance it crosses at every other mean, and once if it only falls
        least = int(np.ceil(len(means) / 4))
        yield f"the loss of {name}", crossed >= least, f"{said}{least} asked"


def printed_tables(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The printed layers have so many weights, and make a piano roll."""
    import torch

    from fusiontools.papers.lstm_gan.discriminators import PrintedDiscriminator
    from fusiontools.papers.lstm_gan.generators import PrintedGenerator
    from fusiontools.papers.lstm_gan.networks import keras_parameters

    with torch.device("meta"):  # shapes alone: no weight is drawn
        both = {"G": PrintedGenerator(), "D": PrintedDiscriminator()}
    for name, model in both.items():
        many, told = keras_parameters(model), sum(PRINTED[name].values())
        yield f"weights of {name}", many == told, f"{name}: {number(many)} weights"
    steps, wide = PrintedGenerator(units=2).eval()(torch.zeros(1, 100)).shape[1:]
    yield "a many-hot piano roll", wide > 1, f"what G makes is {steps} x {wide}"


def hierarchy(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """A phrase is four bars of four beats of 24 pixels; a piano roll gives it back."""
    from fusiontools.music import Notes, roll

    beats = range(16)
    phrase = Notes.of([(beat, 0.5, 60 + beat % 12) for beat in beats])
    picture = roll.encode_many_hot(phrase, length=len(beats) * PIXELS)
    bars = roll.split_bars(picture, 4 * PIXELS)
    said = f"a phrase is {len(bars)} bars of {len(bars[0])} steps"
    yield "four bars", len(bars) == 4, said
    again = roll.decode_many_hot(roll.join_bars(bars))
    yield "given back", again == phrase, f"{len(again)} notes of {len(phrase)} come back"


def back_propagation(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The loss goes back through D to every weight of G; and both terms of Eq. 4, which G
    is to minimise, have a slope for G.
    """
    import torch

    from fusiontools.papers.lstm_gan import losses
    from fusiontools.papers.lstm_gan.config import Config
    from fusiontools.papers.lstm_gan.networks import Networks

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        both = Networks(Config.smoke())
        made = both.make(torch.randn(4, both.noise))
    weights = [*both.g.parameters()]
    slopes = torch.autograd.grad(losses.generator(both.d(made)), weights, allow_unused=True)
    there = [slope is not None for slope in slopes]
    said = f"a slope for {sum(there)} of {len(there)} arrays of G's weights"
    yield "back through D to G", all(there), said
    real = torch.zeros_like(made)
    first = losses.discriminator(both.d(real), torch.zeros(4))  # log D(x), a constant
    slopes = torch.autograd.grad(first, weights, allow_unused=True)
    reached = any(slope is not None for slope in slopes)
    said = f"of Eq. 4's first term, of real bars: {'some' if reached else 'none'}"
    yield "both terms of Eq. 4", reached, said


def convolutional(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """G: dense, two units of upsampling and deconvolution and another deconvolution, and no
    recurrence. D: an LSTM, a bi-LSTM, three dense layers.
    """
    import torch
    from torch import nn

    from fusiontools.papers.lstm_gan.config import Config
    from fusiontools.papers.lstm_gan.networks import Networks

    with torch.random.fork_rng(devices=[]):
        both = Networks(Config.smoke())
    kinds = (nn.LSTM, nn.Linear, nn.ConvTranspose2d)
    g, d = ([[m for m in own.modules() if isinstance(m, kind)] for kind in kinds]
            for own in (both.g, both.d))  # fmt: skip
    lstms, dense, deconvolutions = map(len, g)
    said = f"G: {dense} dense layer, {deconvolutions} deconvolutions, {lstms} LSTMs"
    yield "G", (lstms, dense, deconvolutions) == (0, 1, 3), said
    ways = [layer.bidirectional for layer in d[0]]
    said = f"D: {len(ways)} LSTMs, {sum(ways)} of both directions, {len(d[1])} dense layers"
    yield "D", (ways, len(d[1]), len(d[2])) == ([False, True], 3, 0), said


def examples(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Each of the paper's three models makes bars that are not all silent."""
    for method in THREE:
        row = found.one(method)
        said = "all bars silent"
        if not _silent(row):
            said = f"{number(row['density']['mean'], 1)} notes in a bar that sounds, "
            said += f"bars alike {number(row['alike']['mean'], 2)}"
        yield f"{SHORT[method]} sounds", not _silent(row), f"{SHORT[method]}: {said}"


_TRIED = (table_1, balance, best_of_three, segmented, more_data, remedies, at_random)
_TRIED += (oscillation, printed_tables)
CLAIMS = [
    Claim(name, where, words, parts, why)
    for (name, (where, words, why)), parts in zip(PAPER["claims"].items(), _TRIED)
]
claims_table = partial(report.claims_table, CLAIMS)  # of rows, a Table
# Diagrams and pictures have no number to be measured: what they show is looked up here
_UNITS = "G has two units of upsampling and deconvolution; D is of LSTMs"
_TOLD = {
    "LG-F1..F3": ("Figures 1 to 3", "song, phrase, bar, beat, 24 pixels; piano rolls"),
    "LG-F4a, F5a": ("section 2.1", "G and D, and how the loss goes back through them"),
    "LG-F6, F7": ("section 3", _UNITS),
    "LG-F9": ("section 4, Figure 9", "an example of what each model makes"),
}
_LOOKED_UP = (hierarchy, back_propagation, convolutional, examples)
WHY = {  # our networks may differ from what is drawn
    "LG-F1..F3": "a drawing of how music is divided: ours are the same divisions, in code",
    "LG-F4a, F5a": "the term of Eq. 4 that is about real bars does not depend on G; ours "
    "leaves it out",
    "LG-F6, F7": "sizes are lost from the text; ours are chosen",
    "LG-F9": "a roll is one example; ours counts all bars that are not empty",
}
DRAWN = [Claim(k, *_TOLD[k], parts, WHY[k]) for k, parts in zip(_TOLD, _LOOKED_UP)]


def _below(found):
    """UPC and QN alone: EB is right by construction."""
    tried = [part for part in best_of_three(found) if not part[0].startswith("EB")]
    parts, states, said = zip(*tried)
    left = [f"not {part}" for part, holds in zip(parts, states) if not holds]
    return None if None in states and False not in states else all(states), "; ".join(
        [*said, *left]
    )


def _than_permuted(found):
    """Nearer in the mean of scale consistency, and in the distribution of the range."""
    both, real = (best_model(found), "permuted"), found.one("heldout")["scale"]["mean"]
    away = [abs(found.one(m)["scale"]["mean"] - real) for m in both]
    over = [found.one(m)["overlap_heldout_range"]["mean"] for m in both]
    said = [f"{SHORT[m]}: scale consistency off by {x:.3f}, overlap of range {y:.2f}"
            for m, x, y in zip(both, away, over)]  # fmt: skip
    return away[0] < away[1] and over[0] > over[1], "; ".join(said)


def _overlap(found):
    best = best_model(found)
    shown = {best: "_heldout", "permuted": "_heldout", "heldout": "", "data": ""}
    x = {m: found.one(m)[f"overlap{part}"]["mean"] for m, part in shown.items()}
    said = f"{SHORT[best]} {x[best]:.3f}; permuted bars {x['permuted']:.2f}, held-out with "
    said += f"training songs {x['heldout']:.2f}, halves of these {x['data']:.2f}"
    return x[best] >= 0.7, said


def _copied(found):
    both = {m: found.one(m)["copied_bars"] for m in (best_model(found), "heldout")}
    own, real = both.values()
    said = ", ".join(f"{SHORT[m]} {per_cent(x)}" for m, x in both.items())
    return own["mean"] <= real["mean"], said


def _most(row):
    away = (f"{k.upper()} {_printed(row, k)['mean']:.{n}f}" for k, n in DIGITS.items())
    return f"off by at most {', '.join(away)}"


GOALS = [
    Goal(f"CNN-LSTM: {_most('cnn_lstm')}", partial(_near, method="cnn_lstm")),
    Goal("CNN-LSTM: nearer in UPC and QN than bi-LSTM and naive, ranges apart", _below),
    Goal(
        f"our best model: {_most('musegan')}",
        lambda found: _near(found, best_model(found), "musegan"),
    ),
    Goal(
        "our best model: nearer to held-out songs in scale and range than permuted bars",
        _than_permuted,
    ),
    Goal("our best model: overlap with held-out songs at least 0.7", _overlap),
    Goal("our best model: copied bars at most held-out songs' share", _copied),
]
goals_table = partial(report.goals_table, GOALS)  # of rows, a Table
