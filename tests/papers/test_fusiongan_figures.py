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
from fusiontools.papers.fusiongan.evidence import diagrams, figures
from fusiontools.papers.fusiongan.evidence.diagrams import arrows, spelled
from fusiontools.papers.fusiongan.evidence.metrics import HISTOGRAMS
from fusiontools.papers.fusiongan.losses import WEIGHTS, weights
from fusiontools.records import Record
from fusiontools.report.rows import NotMeasured
from fusiontools.report.rows import rows as rows_of
from fusiontools.score import distribution
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
        t.get_gid().removeprefix("text of "): t.get_text() for t in ax.texts if t.get_gid()
    }
    return {
        ends: (1 if text[0] == "+" else -1) * NUMBERS[text[1:]]
        for ends, text in said.items()
    }


def title(ax):
    """A title, wherever the style puts it."""
    return ax.get_title(loc="left") or ax.get_title()


def bars_of(ax, width):
    """The bars, without the shaded band behind them."""
    return [p for p in ax.patches if abs(p.get_width() - width) < 1e-9]


def bars(ax, width):
    return [p.get_height() for p in bars_of(ax, width)]


def between(critic, source, feedback):
    return f"D{critic}>{source}" if feedback else f"{source}>D{critic}"


# Diagrams


@pytest.mark.parametrize("form", ["printed", "corrected"])
@pytest.mark.parametrize("equation", ["1", "4", "8", "11", "14", "11B", "14B"])
def test_the_arrows_are_the_weights(equation, form):
    ax = diagrams.diagram(equation, form)
    feedback = equation in ("4", "14", "14B")
    wanted = {between(c, s, feedback): w for (c, s), w in weights(equation, form).items()}
    assert read_weights(ax) == wanted
    assert wanted.keys() <= drawn(ax).keys()
    for ends, weight in wanted.items():  # what counts as less is dashed
        assert (drawn(ax)[ends].get_linestyle() in ("-", "solid")) == (weight > 0)


def test_no_arrow_has_no_weight_but_those_that_send_melodies():
    for equation in ("4", "14"):
        ax = diagrams.diagram(equation)
        assert set(drawn(ax)) - set(read_weights(ax)) == {
            between(c, s, False) for c, s in WEIGHTS[equation]
        }
    for equation in ("1", "8", "11"):
        ax = diagrams.diagram(equation)
        assert set(drawn(ax)) == set(read_weights(ax))


@pytest.mark.parametrize(
    ("equation", "learner"),
    [("4", "GF"), ("8", "DF"), ("11", "DA"), ("14", "GA"), ("11B", "DB"), ("14B", "GB")],
)
def test_the_one_that_learns_has_the_thick_frame(equation, learner):
    boxes = {
        p.get_gid(): p.get_linewidth()
        for p in diagrams.diagram(equation).patches
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
        for ends, a in drawn(diagrams.framework()).items()
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
        for ends, arrow in drawn(diagrams.diagram(equation)).items():
            assert to_hex(arrow.get_edgecolor()) == colour(
                ("jazz", "folk", "fused")["ABF".index(ends[1])]
            )


def test_boxes_of_live_networks_say_their_size():
    networks = Networks(Config.smoke(), 20)
    said = " ".join(t.get_text() for t in diagrams.framework(networks=networks).texts)
    for network in (networks.g["F"], networks.d["A"]):
        assert f"{sum(p.numel() for p in network.parameters()):,}" in said


def test_other_equations_have_no_figure():
    with pytest.raises(ValueError, match="choose one of"):
        arrows("2")


def test_weights_are_spelled_with_their_sign():
    assert [spelled(w) for w in (2.0, -0.5, 1 / 3)] == ["+2", "−½", "+⅓"]


# Distributions


def record(method, **metrics):
    about = {"data": {"name": "x", "sha256": "0" * 64}, "config": {}, "samples": []}
    about |= {"minutes": 0.0, "device": "CPU", "version": "0.1.0"}
    return Record("fusiongan", method, "smoke", seed=0, metrics=metrics, **about)


def bins(name, shares):
    return {f"{name}[{x}]": float(s) for x, s in zip(HISTOGRAMS[name], shares)}


def rows(**melodies):
    """Rows that hold the distributions of each method's melodies."""
    made = []
    for method, own in melodies.items():
        shares = [bins(name, distribution(name, own)) for name in ("dd", "npd")]
        made.append(record(method, **shares[0], **shares[1]))
    return rows_of(made)


def heights(ax):
    return [p.get_height() for p in ax.patches if isinstance(p, Rectangle)]


def test_each_method_has_a_line_over_the_bars_of_both_genres():
    found = rows(mc=JAZZ + FOLK, rm=JAZZ, real_a=JAZZ, real_b=FOLK)
    made = figures.distributions_figure(found, ("mc", "rm"))
    for ax, name in zip(made.axes, ("dd", "npd")):
        bars = np.array(heights(ax)).reshape(2, -1)
        for own, melodies in zip(bars, (JAZZ, FOLK)):
            assert own == pytest.approx(100 * distribution(name, melodies))
        for line, melodies in zip(ax.lines, (JAZZ + FOLK, JAZZ)):
            assert line.get_ydata() == pytest.approx(100 * distribution(name, melodies))
    # one note in five of the jazz is a C sharp
    assert heights(made.axes[1])[1] == pytest.approx(20)
    said = {t.get_text() for t in made.legends[0].get_texts()}
    assert said == {"MC", "RM", "real jazz", "real folk"}
    with pytest.raises(NotMeasured, match="gan"):
        figures.distributions_figure(found, ("gan",))


# The judges

EDGE = np.log(3)  # the log-odds of 3/4


def judged(method, scores, typical, low, high):
    """A record of what a judge says: log-odds of typical melodies, and their share."""
    middle = np.mean(np.abs(scores) <= EDGE) * typical
    share = {"value": float(middle), "low": low, "high": high}
    shares = typical * np.histogram(scores, 24, (-6, 6))[0] / len(scores)
    about = {"middle_typical": share, "typical": typical}
    return record(method, **about, **bins("verdict", shares))


def test_the_share_between_is_written_and_the_bars_add_up_to_the_typical():
    scores = np.repeat([0.1, 5.9, -5.9], [20, 60, 20])
    runs = [judged("mle", scores, 0.5, 0.05, 0.15)]
    runs += [judged("mc", np.full(10, -3.1), 1.0, 0.0, 0.1)]
    runs += [record("noise", middle_typical=0.0, typical=0.0)]
    labels = ("folk", "fiddle", "fused")
    made = figures.verdicts_figure(rows_of(runs), ("mle", "mc", "noise"), labels)
    first, second, third = made.axes[:3]
    assert [title(ax) for ax in made.axes[:3]] == ["MLE", "MC", "noise"]
    said = [
        ax.texts[0].get_text().replace("\N{NO-BREAK SPACE}", " ") for ax in made.axes[:3]
    ]
    assert said[0] == "middle 10 %\nneither 50 %"
    assert said[2] == "middle 0 %\nneither 100 %"
    for ax, typical in ((first, 50), (second, 100), (third, 0)):
        assert sum(bars(ax, 0.46)) == pytest.approx(typical)
    assert [bars(first, 0.46)[k] for k in (0, 12, 23)] == pytest.approx([10, 10, 30])
    shades = [to_hex(p.get_facecolor()) for p in bars_of(first, 0.46)]
    # each bar is of the domain on whose side of the band its middle lies
    wanted = ["fiddle"] * 10 + ["fused"] * 4 + ["folk"] * 10
    assert shades == [colour(x) for x in wanted]
    (band,) = [p for p in first.patches if p not in bars_of(first, 0.46)]
    assert (band.get_x(), band.get_width()) == pytest.approx((-EDGE, 2 * EDGE))
    assert "folk against fiddle" in made.get_supxlabel()
    assert not made.axes[3].axison


# Curves


def history(columns, run, rounds=12):
    i = np.arange(float(rounds))
    values = dict(zip(columns, (i, i * i, -i)))
    return {f"{run}/{name}": np.stack([100 + i, x]) for name, x in values.items()}


FUSION = history(("objective", "ratio_dd", "ratio_npd"), "fusion-0")
FIRST = history(("nll_A", "held_out_A", "distance_A"), "pretraining-0")


def test_progress_is_drawn_round_by_round_with_its_correlation():
    made = figures.progress_figure(FUSION)
    for ax, power in zip(made.axes, (1, 2)):
        assert ax.lines[0].get_xdata().tolist() == list(range(1, 13))
        assert ax.lines[0].get_ydata().tolist() == [float(i**power) for i in range(12)]
    titles = [title(ax) for ax in made.axes]
    assert "+1.00" in titles[1] and "−1.00" in titles[2] and "correlation" not in titles[0]


def test_curves_of_the_first_phases():
    made = figures.training_curves(FIRST, ("folk", "fiddle", "fused"))
    assert len(made.axes) == 2
    names = [t.get_text() for t in made.axes[0].get_legend().get_texts()]
    assert names == ["folk", "folk, held out"]
    shades = {to_hex(line.get_color()) for ax in made.axes for line in ax.lines}
    assert shades == {colour("folk")}


def test_a_history_without_the_phase_is_refused():
    with pytest.raises(ValueError, match="The objective"):
        figures.progress_figure(FIRST)
    with pytest.raises(ValueError, match="Maximum likelihood"):
        figures.training_curves(FUSION)
