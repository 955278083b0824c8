"""What the paper claims, tried on our records, and the goals that the chapter set itself.
The words are the paper's, every number is computed. A claim is one function of rows, see
`fusiontools.report.claims`; classifiers' rows stand beside, ``found.beside["genres"]``.
Chapter 7: `notebooks/07_audio_style_3_measured`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fusiontools.papers.audio_style.evidence.paper import PAPER, PRINTED, SHORT
from fusiontools.report import claims as report
from fusiontools.report.claims import Claim, Goal
from fusiontools.report.rows import end, less
from fusiontools.report.tables import cell, number, per_cent

if TYPE_CHECKING:
    from fusiontools.report.rows import Rows


__all__ = ["CLAIMS", "DRAWN", "GOALS", "claims_table", "goals_table", "half_time", "left"]

RECURRENT = ("rnn", "bilstm")
THREE = ("cnn", *RECURRENT)
FALLS = 0.5  # of a style loss: it falls if less than half is left
STANDS = 0.99  # it stands still if more is left
APART = 0.05  # of the style loss: less is no difference
WHITE = 0.5  # near white noise: half of its flatness
# sections 3.1 to 3.4: rows and frames of ten seconds; the classifier's first linear layer,
# and the channels of the convolution before it
LAYERS = {"spectrogram": (1025, 430), "classifier": (1572, 64)}
REACH = {"gone": 0.9, "kept": 0.7, "free": 500, "bounded": 200, "step": 8.0}
REACH |= {"cnn": 0.70, "best": 0.76}


def _mean(row, metric):
    return row[metric]["mean"]


def left(
    found: Rows, model: str, optimizer: str = "adam", scaling: str = "relative"
) -> dict[float, float]:
    """What is left of a model's style loss, by learning rate: dict of float to float."""
    start = f"left-{model}-{optimizer}-{scaling}-"
    row = found.one("rates")
    own = {k.removeprefix(start): _mean(row, k) for k in row if k.startswith(start)}
    return {float(rate): share for rate, share in own.items()}


def half_time(found: Rows, run: str) -> float:
    """Steps until half of a descent's own style loss is gone; infinity if it never is."""
    steps, losses = found.beside["histories"][f"{run}/loss"]
    there = losses <= losses[0] / 2
    return float(steps[there][0]) if there.any() else np.inf


def _genre(found, kind):
    return found.beside["genres"].one(kind)


def _f1(found, kind):
    ours, theirs = _genre(found, kind), PRINTED[kind]
    said = f"F1 {cell(ours['f1'])}, accuracy {cell(ours['accuracy'])}"
    low, high = (end(ours["f1"], k) for k in ("low", "high"))
    if "f1_artist" in ours:
        said += f"; folds by artist {cell(ours['f1_artist'])}"
    return low <= theirs["f1"] <= high or ours["f1"]["mean"] >= theirs["f1"], said


def f9(found: Any) -> Iterator[tuple]:
    """Ours reaches it."""
    yield "F1", *_f1(found, "genre_cnn")
    plain, double = (_genre(found, f"genre_cnn{k}")["f1"] for k in ("", "_double_softmax"))
    said = f"with the printed softmax {cell(double)}"
    yield "no softmax before the loss is better", less(double, plain), said


def f11(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Ours reaches it, and it is more than chance."""
    yield "F1", *_f1(found, "genre_autocorr")
    row = _genre(found, "genre_autocorr")
    chance = 1 / _mean(row, "labels")
    said = f"chance {number(chance, 2)}"
    yield "more than chance", end(row["f1"], "low") > chance, said


def f14(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The loss falls: as relative loss, and as it is printed."""
    for model in THREE:
        curve = found.beside["histories"][f"{model}_long-0/loss"][1]
        share = float(curve[-1] / curve[0])
        steps = number(PAPER["steps"][model])
        yield (
            f"{SHORT[model]}, relative",
            share < FALLS,
            (f"{SHORT[model]}: {per_cent(share)} left after {steps} steps"),
        )
        curve = found.beside["histories"][f"{model}_printed-0/loss"][1]
        share = float(curve[-1] / curve[0])
        yield f"{SHORT[model]}, as printed", share < FALLS, f"as printed {per_cent(share)}"


def f17(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """What comes out lies between both; the CycleGAN's is near noise, its content lost."""
    for model in RECURRENT:
        row = found.one(f"{model}_long")
        gone, kept = _mean(row, "style_gone"), _mean(row, "correlation")
        said = f"{SHORT[model]}: {per_cent(gone)} of the style loss gone, "
        yield (
            f"{SHORT[model]}: both",
            gone > 0.5 and kept > REACH["kept"],
            (f"{said}correlation with the content {number(kept, 2)}"),
        )
    row, noise = found.one("cyclegan"), found.one("noise")
    flat, white = _mean(row, "flatness"), _mean(noise, "flatness")
    said = f"CycleGAN: flatness {number(flat, 3)}, white noise {number(white, 3)}"
    yield "CycleGAN: noise", flat > WHITE * white, said
    kept = _mean(row, "correlation")
    said = f"correlation with the content {number(kept, 2)}"
    yield "CycleGAN: little content", kept < REACH["kept"], said


def c1(found: Any) -> Iterator[tuple]:
    """BiLSTM has least noise and most style of the three; the CycleGAN has most noise."""
    rows = {m: found.one(m) for m in THREE}
    best = rows["bilstm"]
    for metric, part, better in (
        ("flatness", "least noise (flatness)", lambda x, y: less(x, y)),
        ("snr", "least noise (signal to noise)", lambda x, y: less(y, x)),
        ("style_gone", "most style", lambda x, y: less(y, x)),
    ):
        told = [better(best[metric], rows[m][metric]) for m in ("cnn", "rnn")]
        holds = False if False in told else None if None in told else True
        said = ", ".join(f"{SHORT[m]} {cell(r[metric], 3)}" for m, r in rows.items())
        yield part, holds, f"{metric.replace('_', ' ')}: {said}"
    flat = {m: _mean(found.one(f"{m}_long"), "flatness") for m in THREE}
    gan = _mean(found.one("cyclegan"), "flatness")
    said = f"on the paper's pair, flatness: CycleGAN {number(gan, 3)}, "
    said += ", ".join(f"{SHORT[m]} {number(v, 3)}" for m, v in flat.items())
    yield "the CycleGAN has most noise", gan > max(flat.values()), said
    yield "BiLSTM has least at the paper's steps", min(flat, key=flat.get) == "bilstm", ""


def c2(found: Any) -> Iterator[tuple[str, bool, str]]:
    """Which rate leaves least; what larger rates do; SGD against Adam."""
    for model in THREE:
        tried = left(found, model)
        best, printed = min(tried, key=tried.get), PAPER["rates"][model]
        said = f"{SHORT[model]}: least left at rate {best:g} ({per_cent(tried[best])}), at "
        said += f"{printed:g} {per_cent(tried[printed])}"
        yield f"{SHORT[model]}: its rate is best", best == printed, said
    stuck = {m: left(found, m, scaling="printed") for m in THREE}
    stands = [all(v > STANDS for v in own.values()) for own in stuck.values()]
    worst = min(v for own in stuck.values() for v in own.values())
    said = f"as printed, at every rate at least {per_cent(worst)} of the loss is left"
    yield "the loss does not change, as printed", all(stands), said
    for scaling, words in (("printed", "as printed"), ("relative", "relative")):
        sgd = {m: min(left(found, m, "sgd", scaling).values()) for m in THREE}
        said = ", ".join(f"{SHORT[m]} {per_cent(v)}" for m, v in sgd.items())
        yield (
            f"SGD does not converge, {words}",
            min(sgd.values()) > FALLS,
            (f"SGD, {words}, least left: {said}"),
        )


def c3(found: Any) -> Iterator[tuple]:
    """More steps, less noise."""
    flat = _mean(found.one("rnn_long"), "flatness")
    said = f"RNN: flatness {number(flat, 3)} at the end; on the way only style was heard"
    yield "RNN: noise at 3,000 steps", None, said
    for model, early in (("rnn", 3000), ("bilstm", 8000)):
        row = found.one(f"{model}_long")
        first, last = (_mean(row, f"gone_{n}") for n in (early, 10_000))
        said = f"{SHORT[model]}: {per_cent(first)} of the style loss gone after "
        said += f"{number(early)} steps, {per_cent(last)} after 10,000"
        if model == "rnn":
            yield "RNN: better at 10,000", last - first > APART, said
        else:
            yield "BiLSTM: as good at 8,000", abs(last - first) < APART, said


def c4(found: Any) -> Iterator[tuple[str, bool, str]]:
    """Steps until half of its own loss is gone, each at the paper's rate and at one."""
    times = {m: half_time(found, f"{m}-0") for m in ("rnn", "bilstm", "bilstm_fast")}
    said = ", ".join(
        f"{SHORT[m]} {'never' if np.isinf(t) else number(t)}" for m, t in times.items()
    )
    said = f"steps to half of the loss: {said}"
    yield "BiLSTM takes longer", times["bilstm"] > times["rnn"], said
    yield "BiLSTM converges faster at one rate", times["bilstm_fast"] < times["rnn"], ""


def c5(found: Any) -> Iterator[tuple[str, bool, str]]:
    """Depth, at equal filters and steps."""
    gone = {
        m: _mean(found.one(m), "style_gone") for m in ("cnn_512", "cnn_two", "cnn_three")
    }
    said = ", ".join(f"{SHORT[m]} {per_cent(v)}" for m, v in gone.items())
    best = max(gone, key=gone.get) == "cnn_512"
    yield "one layer is best", best, f"style loss gone: {said}"


def c6(found: Any) -> Iterator[tuple[str, bool, str]]:
    """A judge finds as much of the style in the output as in the style itself. Where it
    finds less, and the ranges overlap, that cannot be told.
    """
    real, before = found.one("copy_style"), found.one("copy_content")
    for model in ("cnn", "bilstm", "content_term"):
        row = found.one(model)
        for suffix, judge in (("", "linear judge"), ("_network", "network")):
            name = f"judged_style{suffix}"
            x, y, z = (_mean(r, name) for r in (row, real, before))
            said = f"{SHORT[model]}, {judge}: style {per_cent(x)} (the style itself "
            said += f"{per_cent(y)}, the content {per_cent(z)})"
            found_it = x > (y + z) / 2 and x >= 0.9 * y
            apart = less(row[name], real[name])
            yield (
                f"{SHORT[model]} by the {judge}",
                found_it or (False if apart else None),
                said,
            )
        kept = _mean(row, "correlation")
        yield (
            f"{SHORT[model]} keeps the content",
            kept > REACH["kept"],
            (f"correlation {number(kept, 2)}"),
        )


def e1(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """Forward and backward units are put together."""
    from fusiontools.papers.audio_style.features import random_network

    takes = random_network("bilstm", 4, 4, channels=2).last.shape[1] - 1
    said = f"forward and backward units make {takes}; {PAPER['units']} are printed"
    yield "the printed size fits", takes == PAPER["units"], said


def f1(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """What is drawn of a genre is its own: a linear judge of features of the waveforms and
    spectrograms is right more often than by chance.
    """
    row = _genre(found, "genre_linear")
    chance = 1 / _mean(row, "labels")
    said = f"F1 of a linear judge {cell(row['f1'])}, chance {number(chance, 2)}"
    yield "genres differ", end(row["f1"], "low") > chance, said


def f3(found: Rows) -> Iterator[tuple[str, bool, str]]:
    """The printed sizes fit spectrograms of ten seconds, and each other."""
    from fusiontools.papers.audio_style.cyclegan import printed_frames
    from fusiontools.papers.audio_style.features import random_network

    rows, frames = LAYERS["spectrogram"]
    takes = random_network("cnn", rows, frames, channels=1).last.shape[1] - 1
    yield "the CNN", takes == 3 * rows, f"the CNN reads 3 frames of {number(rows)} rows"
    back = frames
    for _ in range(2):  # kernel 3, stride 2, padding 1
        back = (back - 1) // 2 + 1
    for _ in range(2):  # the same, transposed
        back = 2 * back - 1
    said = f"of {frames} frames the CycleGAN's generator gives back {back}"
    yield "the generator", back == frames, said
    low, high = printed_frames()
    said = f"its discriminator takes {low} to {high} frames"
    yield "the discriminator", low <= frames <= high, said
    given, maps = LAYERS["classifier"]
    said = f"the classifier's linear layer takes {number(given)} numbers, of {maps} maps"
    yield "the classifier", given % maps == 0, said


_PARTS = (f9, f11, f14, f17, c1, c2, c3, c4, c5, c6, e1)
CLAIMS = []
_MORE = {  # why our numbers may differ, beside what `PAPER` says of it
    "AS-F14..16": "a gradient is then smaller than what Adam adds to its divisor",
    "AS-F17..21": "features of a random RNN can agree where the sound hardly moves",
    "AS-C1": "the BiLSTM has changed least, so there is least noise in it",
    "AS-C2": "how the loss is scaled is not told, and SGD hangs on that",
    "AS-C3": "noise was measured at the end alone",
    "AS-C6": "of the style itself they are not sure, either",
    "AS-E1": "the units of both directions stand side by side; the table counts one",
}
for (_name, _told), _parts in zip(PAPER["claims"].items(), _PARTS):
    _where, _words, *_why = _told
    _why += [_MORE[_name]] if _name in _MORE else []
    CLAIMS.append(Claim(_name, _where, _words, _parts, "; ".join(_why)))
# Diagrams and pictures have no number to be measured: what they show is looked up here
_DRAWN = {
    "AS-F1, F2": ("section 1.1, Figures 1, 2", "waveforms and spectrograms by genre"),
    "AS-F3..F8": ("sections 3.1 to 3.4", "networks: diagrams, and tables of layers"),
}
WHY = {
    "AS-F1, F2": "pictures of a few clips; ours asks a judge of all clips",
    "AS-F3..F8": "the tables contradict themselves, and each other; what trains is mended",
}
DRAWN = [Claim(k, *_DRAWN[k], parts, WHY[k]) for k, parts in zip(_DRAWN, (f1, f3))]


def claims_table(found: Rows) -> report.Table:
    """Every claim, tried on our records; see `fusiontools.report.claims.claims_table`."""
    return report.claims_table(CLAIMS, found)


def _speed(found):
    slow, fast = (_mean(found.one(m), "seconds_per_step") for m in ("direct", "cnn_long"))
    times = slow / fast
    said = f"{number(slow, 2)} s against {number(fast, 3)} s: {number(times, 1)} times"
    return times >= REACH["step"], said


def _closed(name):
    def reached(found):
        row = found.one("direct")
        slow, fast = _mean(row, "seconds_direct"), _mean(row, f"seconds_{name}")
        said = f"{number(slow)} s against {number(fast, 2)} s: a {number(slow / fast)}th"
        return slow / fast >= REACH[name], said

    return reached


def _ours(found):
    row = found.one("content_term")
    gone, kept = row["style_gone_refined"], row["correlation_refined"]
    holds = gone["mean"] >= REACH["gone"] and kept["mean"] >= REACH["kept"]
    return holds, f"{per_cent(gone)} gone at a correlation of {cell(kept)}"


def _scores(kind, least):
    def reached(found):
        row = _genre(found, kind)
        said = f"F1 {cell(row['f1'], 3)}"
        if "f1_artist" in row:
            said += f", by artist {cell(row['f1_artist'], 3)}"
        return row["f1"]["mean"] >= least, said

    return reached


def _noise(found):
    """Whether ours has less flatness than all that get there: descents where 90 % of the
    style loss is gone, and rows whose range reaches that. None where ranges overlap.
    """
    there = {r["method"]: r["flatness_equal"] for r in found if r.get("flatness_equal")}
    for row in found.every("content_term", "swap_spectrum"):
        if end(row["style_gone"], "high") >= REACH["gone"]:
            there.setdefault(row["method"], row["flatness"])
    order = sorted(there, key=lambda m: there[m]["mean"])
    said = ", ".join(f"{SHORT[m]} {cell(there[m], 4)}" for m in order)
    ours = there.pop("content_term", None)
    if ours is None:
        return False, said
    told = [less(ours, other) for other in there.values()]
    return False if False in told else None if None in told else True, said


GOALS = [
    Goal("a step of the CNN at least 8 times as fast as with direct Gram matrices", _speed),
    Goal("the direct loss after 2,500 steps in a 500th of the time", _closed("free")),
    Goal("in a 200th, with no magnitude below 0", _closed("bounded")),
    Goal("90 % of the style loss of the sound gone at a correlation of 0.7", _ours),
    Goal("macro F1 of the paper's CNN at least 0.70", _scores("genre_cnn", REACH["cnn"])),
    Goal("macro F1 of the best at least 0.76", _scores("genre_best", REACH["best"])),
    Goal("ours has the least noise at equal style loss", _noise),
]


def goals_table(found: Rows) -> report.Table:
    """The goals, see `fusiontools.report.claims.goals_table`."""
    return report.goals_table(GOALS, found)
