"""The chapter's figures: arrows are the equations' weights, bars and words are the numbers
that came in.
"""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, Rectangle

from fusiontools.papers.fusiongan import Config, Networks
from fusiontools.papers.fusiongan.evidence import figures
from fusiontools.papers.fusiongan.evidence.diagrams import arrows, spelled
from fusiontools.papers.fusiongan.evidence.metrics import HISTOGRAMS
from fusiontools.papers.fusiongan.losses import WEIGHTS, weights
from fusiontools.records import Record
from fusiontools.show.colours import colour

matplotlib.use("Agg")

JAZZ = [([60, 61, 63, 66, 70], [0.25, 0.25, 0.5, 1 / 3, 1.0])] * 3
FOLK = [([60, 64, 67, 60, 62], [1.0, 1.0, 2.0, 1.5, 0.5])] * 2
NUMBERS = {"¼": 0.25, "½": 0.5, "1": 1.0}


@pytest.fixture(autouse=True)
def clean():
    yield
    plt.close("all")


def drawn(ax):
    """The arrows on an axes, by the names of their ends."""
    return {a.get_gid(): a for a in ax.patches if isinstance(a, FancyArrowPatch)}


def read_weights(ax):
    """What is written beside the arrows, as numbers."""
    said = {
        t.get_gid().removeprefix("weight of "): t.get_text()
        for t in ax.texts
        if t.get_gid()
    }
    return {
        ends: (1 if text[0] == "+" else -1) * NUMBERS[text[1:]]
        for ends, text in said.items()
    }


def title(ax):
    """A title, wherever the style puts it."""
    return ax.get_title(loc="left") or ax.get_title()


def bars(ax):
    """The heights of the bars, without the shaded band behind them."""
    return [
        p.get_height()
        for p in ax.patches
        if isinstance(p, Rectangle) and p.get_width() < 0.1
    ]


def between(critic, source, feedback):
    return f"D{critic}>{source}" if feedback else f"{source}>D{critic}"


# Diagrams


@pytest.mark.parametrize("form", ["printed", "corrected"])
@pytest.mark.parametrize("equation", ["1", "4", "8", "11", "14", "11B", "14B"])
def test_the_arrows_are_the_weights(equation, form):
    ax = figures.diagram(equation, form)
    feedback = equation in ("4", "14", "14B")
    wanted = {between(c, s, feedback): w for (c, s), w in weights(equation, form).items()}
    assert read_weights(ax) == wanted
    assert wanted.keys() <= drawn(ax).keys()
    for ends, weight in wanted.items():  # what counts as less is dashed
        assert (drawn(ax)[ends].get_linestyle() in ("-", "solid")) == (weight > 0)


def test_no_arrow_has_no_weight_but_those_that_send_melodies():
    for equation in ("4", "14"):
        ax = figures.diagram(equation)
        assert set(drawn(ax)) - set(read_weights(ax)) == {
            between(c, s, False) for c, s in WEIGHTS[equation]
        }
    for equation in ("1", "8", "11"):
        ax = figures.diagram(equation)
        assert set(drawn(ax)) == set(read_weights(ax))


@pytest.mark.parametrize(
    ("equation", "learner"),
    [("4", "GF"), ("8", "DF"), ("11", "DA"), ("14", "GA"), ("11B", "DB"), ("14B", "GB")],
)
def test_the_one_that_learns_has_the_thick_frame(equation, learner):
    boxes = {
        p.get_gid(): p.get_linewidth()
        for p in figures.diagram(equation).patches
        if not isinstance(p, FancyArrowPatch)
    }
    assert (
        len(boxes) == 8
        and max(boxes, key=boxes.get) == learner
        and list(boxes.values()).count(boxes[learner]) == 1
    )


def test_generators_of_the_framework_hear_back_and_real_melodies_do_not():
    heads = {
        ends: type(a.get_arrowstyle()).__name__
        for ends, a in drawn(figures.framework()).items()
    }
    assert len(heads) == 15
    assert {ends[:2] for ends, style in heads.items() if style == "CurveFilledAB"} == {
        "GA",
        "GB",
        "GF",
    }
    assert {ends[:2] for ends, style in heads.items() if style == "CurveFilledB"} == {
        "XA",
        "XB",
    }


def test_one_domain_has_one_colour_in_all_diagrams():
    for equation in ("1", "8", "11"):
        for ends, arrow in drawn(figures.diagram(equation)).items():
            assert to_hex(arrow.get_edgecolor()) == colour(
                ("jazz", "folk", "fused")["ABF".index(ends[1])]
            )


def test_boxes_of_live_networks_say_their_size():
    networks = Networks(Config.smoke(), 20)
    said = " ".join(t.get_text() for t in figures.framework(networks=networks).texts)
    for network in (networks.g["F"], networks.d["A"]):
        assert f"{sum(p.numel() for p in network.parameters()):,}" in said


def test_other_equations_have_no_figure():
    with pytest.raises(ValueError, match="choose one of"):
        arrows("2")


def test_weights_are_spelled_with_their_sign():
    assert [spelled(w) for w in (2.0, -0.5, 1 / 3)] == ["+2", "−½", "+⅓"]


# Distributions


def heights(ax):
    return [p.get_height() for p in ax.patches if isinstance(p, Rectangle)]


def test_each_method_has_its_two_histograms():
    made = figures.distributions_figure({"mc": JAZZ + FOLK, "rm": JAZZ}, JAZZ, FOLK)
    axes = np.array(made.axes).reshape(2, 2)
    assert [title(ax) for ax in axes[:, 0]] == ["MC", "RM"]
    for ax in axes.flat:
        assert sum(heights(ax)) == pytest.approx(100)
    assert heights(axes[1, 1])[1] == pytest.approx(
        20
    )  # one note in five of the jazz is a C sharp


def test_a_power_law_is_found_where_there_is_one_and_a_decay_where_there_is_one():
    length = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
    power = np.repeat(length, (6400 * length**-2.0 / 16).astype(int))
    decay = np.repeat(np.arange(1, 7) / 2, [3200, 1600, 800, 400, 200, 100])
    fits = figures.duration_fits([(np.full(len(power), 60), power)])
    assert fits["power law"]["r2"] == pytest.approx(1) and fits["power law"][
        "slope"
    ] == pytest.approx(-2)
    fits = figures.duration_fits([(np.full(len(decay), 60), decay)])
    assert (
        fits["exponential"]["r2"] == pytest.approx(1)
        and fits["power law"]["adjusted"] < 0.95
    )
    assert fits["lognormal"]["r2"] >= fits["power law"]["r2"]  # a parabola can be a line


def test_a_law_needs_lengths():
    with pytest.raises(ValueError, match="1 different lengths"):
        figures.duration_fits([([60, 62], [1.0, 1.0])])


def test_durations_are_drawn_on_two_logarithmic_axes():
    melodies = [[([60] * 6, list(np.array([1, 2, 3, 4, 6, 8]) / k))] for k in (4, 2)]
    ax = figures.loglog_durations(*melodies, ("folk", "fiddle"))
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert [t.get_text().split(":")[0] for t in ax.get_legend().get_texts()] == [
        "folk",
        "fiddle",
    ]


# The judge


def test_the_share_between_is_written_and_the_bars_add_up():
    made = figures.judge_histograms(
        {"mle": [0.5] * 20 + [0.99] * 60 + [0.01] * 20, "mc": [0.1] * 10},
        labels=("folk", "fiddle", "fused"),
    )
    first, second = made.axes[:2]
    assert title(first).startswith("MLE: 20.0 [")
    for ax in (first, second):
        assert sum(bars(ax)) == pytest.approx(100)


def test_records_give_the_same_bars_and_their_own_share():
    shares = np.zeros(20)
    shares[[0, 10, 19]] = 0.5, 0.2, 0.3
    kept = {
        f"verdict[{label}]": float(s) for label, s in zip(HISTOGRAMS["verdict"], shares)
    }
    kept["fused_share"] = {"value": 0.2, "low": 0.1, "high": 0.3}
    run = Record(
        "fusiongan",
        "mle",
        "smoke",
        {"name": "x", "sha256": "0" * 64},
        0,
        {},
        kept,
        [],
        0.0,
        "CPU",
        "0.1.0",
    )
    (ax, _) = figures.judge_histograms({"mle": [run]}).axes
    assert bars(ax) == pytest.approx(list(100 * shares))
    assert title(ax).replace("\N{NO-BREAK SPACE}", " ") == "MLE: 20.0 [10.0, 30.0] %"
    with pytest.raises(ValueError, match="usual band"):
        figures.judge_histograms({"mle": run}, band=(0.4, 0.6))


# Curves


def history(phase="fusion", rounds=12):
    names = (
        ("objective", "ratio_dd", "ratio_npd")
        if phase == "fusion"
        else ("nll_A", "held_out_A", "distance_A")
    )
    lines = [f"step,phase,{','.join(names)}"] + [
        f"{i},{phase},{i},{i * i},{-i}" for i in range(rounds)
    ]
    return ("\n".join(lines) + "\n").encode()


def test_progress_is_drawn_round_by_round_with_its_correlation():
    made = figures.progress_figure(history())
    for ax, power in zip(made.axes, (1, 2)):
        assert ax.lines[0].get_ydata().tolist() == [float(i**power) for i in range(12)]
    titles = [title(ax) for ax in made.axes]
    assert "+1.00" in titles[1] and "−1.00" in titles[2] and "correlation" not in titles[0]


def test_curves_of_the_first_phases():
    made = figures.training_curves(history("mle"), ("folk", "fiddle", "fused"))
    assert len(made.axes) == 2
    assert [t.get_text() for t in made.axes[0].get_legend().get_texts()] == [
        "folk",
        "folk, held out",
    ]
    assert {to_hex(line.get_color()) for ax in made.axes for line in ax.lines} == {
        colour("folk")
    }


def test_a_history_without_the_phase_is_refused():
    with pytest.raises(ValueError, match="no rounds of fusion"):
        figures.progress_figure(history("mle"))
    with pytest.raises(ValueError, match="neither maximum likelihood"):
        figures.training_curves(history())
