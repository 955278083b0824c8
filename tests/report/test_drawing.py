"""Curves show what the histories hold; boxes say what the networks are."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.report.boxes import Box, boxes, layer_sizes, middle, weights_of
from fusiontools.report.curves import Curve, curves, history_arrays, means_around
from fusiontools.training.history import History


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@given(st.lists(st.floats(-9, 9), min_size=1, max_size=40), st.integers(1, 50))
def test_means_around(values, width):
    found = means_around(values, width)
    for i, mean in enumerate(found):
        reach = min(width // 2, i, len(values) - 1 - i)
        assert mean == pytest.approx(np.mean(values[i - reach : i + reach + 1]), abs=1e-9)
    assert found[0] == pytest.approx(values[0]) and found[-1] == pytest.approx(values[-1])


def test_a_number_that_is_none_is_missed_only_where_it_is():
    found = means_around([1.0, np.nan, *[1.0] * 9], 3)
    assert np.isnan(found[:3]).tolist() == [False, True, True]
    assert (found[3:] == 1).all()


def test_a_history_becomes_arrays(tmp_path):
    history = History(tmp_path / "history.csv")
    history.add({"step": 0, "phase": "a", "loss": 2.0})
    history.add({"step": 1, "phase": "a", "loss": 1.0, "seen": 0.5})
    arrays = history_arrays(history, "vae")
    assert {name: a.tolist() for name, a in arrays.items()} == {
        "vae/loss": [[0, 1], [2.0, 1.0]],
        "vae/seen": [[1], [0.5]],
    }
    assert list(history_arrays(history, columns=["seen", "unknown"])) == ["run/seen"]


def test_curves_in_panels():
    arrays = {"a/x": np.array([[0, 1, 2], [1.0, 2.0, 3.0]]), "a/y": np.ones((2, 100))}
    panels = {
        "x, in %": [
            Curve("a/x", "x", "red", times=100, dots=True),
            Curve("a/z", "z", "red"),
        ],
        "nothing": [Curve("b/x", "", "red")],
        "y": [Curve("a/y", "", "blue", "--")],
    }
    figure = curves(panels, arrays)
    first, second = figure.axes
    assert first.get_title(loc="left") == "x, in %"
    assert first.lines[0].get_ydata().tolist() == [100, 200, 300]
    assert [text.get_text() for text in first.get_legend().get_texts()] == ["x"]
    assert second.get_legend() is None
    assert len(second.lines) == 2  # pale as it is, strong as it is smoothed
    with pytest.raises(ValueError, match="no curve of nothing"):
        curves({"nothing": panels["nothing"]}, arrays)


def test_boxes_say_how_large_their_networks_are():
    from torch import nn

    network = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    assert weights_of(network) == 8 * 16 + 16 + 16 + 1
    assert layer_sizes(network) == [8, 16, 1]
    places = {"z": Box(0, 0, "$z$"), "G": Box(4, 3, "generator", network, "8 to 1")}
    places["D"] = Box(8, 3, "critic", filled=True, dashed=True, round=0.3)
    ax = boxes(places, [("z", "G"), ("G", "D", -0.5), ("D", "G", 1.0)], title="Figure 1")
    texts = {text.get_text() for text in ax.texts}
    assert {"$z$", "generator", "8 to 1\n161 weights", "−0.5", "+1"} <= texts
    drawn = {patch.get_gid(): patch for patch in ax.patches}
    assert set(drawn) == {"z", "G", "D", "z>G", "G>D", "D>G"}
    assert drawn["G>D"].get_linestyle() != drawn["D>G"].get_linestyle()
    sizes = {"f": Box(0, 0, "f", wide=1, tall=4), "g": Box(4, 0, "g", wide=3, tall=1)}
    tall = boxes(sizes, [("f", "g")])
    angles = {text.get_text(): text.get_rotation() for text in tall.texts}
    assert (angles["f"], angles["g"]) == (90, 0)  # what is narrow has its title upright
    for box in places.values():  # all of it inside the axes
        low, high = ax.get_xlim()
        assert low < box.x - box.wide / 2 and box.x + box.wide / 2 < high


@pytest.mark.parametrize("x, y", [(5, 0), (-5, 0), (0, 5), (0, -5)])
def test_arrows_run_between_the_sides_that_face_each_other(x, y):
    ax = boxes({"a": Box(0, 0, "a"), "b": Box(x, y, "b")}, [("a", "b")])
    (drawn,) = [patch for patch in ax.patches if patch.get_gid() == "a>b"]
    start, end = drawn._posA_posB
    length = np.hypot(end[0] - start[0], end[1] - start[1])
    box = Box(0, 0, "")
    assert length == pytest.approx(5 - (box.wide if x else box.tall))


@given(st.floats(-0.5, 0.5), st.tuples(*[st.floats(-5, 5)] * 4))
def test_the_middle_of_an_arrow_lies_on_its_curve(bend, ends):
    from matplotlib.patches import ConnectionStyle

    start, end = ends[:2], ends[2:]
    path = ConnectionStyle("arc3", rad=bend).connect(start, end)
    p, control, q = np.array(path.vertices)
    # B(1/2) of a quadratic curve
    assert np.allclose(middle(start, end, bend), (p + 2 * control + q) / 4, atol=1e-9)
