"""What is true of progress: one display that is replaced, an estimate that is right at a
steady pace, and silence where nobody looks.
"""

import io
import math
import types
import xml.etree.ElementTree as ET

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.training import progress, watch
from fusiontools.training.history import History
from fusiontools.training.progress import (
    POINTS,
    curve_svg,
    spoken_time,
    thin_out,
    time_left,
)

often = settings(max_examples=60, deadline=None, derandomize=True)
finite = st.floats(-1e6, 1e6)


@often
@given(
    pace=st.floats(0.01, 100),
    done=st.integers(1, 1000),
    left=st.integers(0, 1000),
    start=st.integers(0, 1000),
)
def test_at_a_steady_pace_the_estimate_is_right(pace, done, left, start):
    marks = [(7 + pace * i, start + i) for i in range(done + 1)]
    assert math.isclose(
        time_left(marks, start + done + left), pace * left, rel_tol=1e-6, abs_tol=1e-9
    )


def test_without_a_pace_there_is_no_estimate():
    assert (
        time_left([], 5) is time_left([(0, 1)], 5) is time_left([(0, 1), (9, 1)], 5) is None
    )


def test_times_are_said_in_two_units_at_most():
    found = [spoken_time(s) for s in (0, 59.4, 59.6, 3599, 3600, 90061)]
    assert found == ["0 s", "59 s", "1 min 0 s", "59 min 59 s", "1 h 0 min", "25 h 1 min"]


@often
@given(st.lists(finite, min_size=1, max_size=400))
def test_a_thinned_curve_stays_within_the_curve(values):
    points = thin_out(range(len(values)), values)
    assert len(points) <= POINTS and all(
        min(values) - 1e-6 <= v <= max(values) + 1e-6 for _, v in points
    )
    assert [s for s, _ in points] == sorted(s for s, _ in points)
    if len(values) <= POINTS:
        assert points == list(enumerate(values))


@often
@given(st.lists(finite | st.sampled_from([math.nan, math.inf]), max_size=300))
def test_a_curve_is_a_picture_within_its_frame(values):
    svg = curve_svg("loss<&>", range(len(values)), values)
    if not any(map(math.isfinite, values)):
        assert svg == ""
        return
    root = ET.fromstring(svg)
    assert root.attrib["aria-label"].startswith("loss<&> ")
    for pair in root.find("polyline").attrib["points"].split():
        x, y = map(float, pair.split(","))
        assert 0 <= x <= float(root.attrib["width"]) and 0 <= y <= float(
            root.attrib["height"]
        )


# Places


@pytest.fixture
def clock(monkeypatch):
    now = types.SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(progress.time, "monotonic", lambda: now.seconds)
    return now


@pytest.fixture
def history(tmp_path):
    found = History(tmp_path / "history.csv")
    for step in range(100):
        found.add(
            {"step": step, "phase": "train", "loss": 1 / (step + 1), "reward": float(step)}
        )
    return found


def test_where_nobody_looks_only_a_long_training_says_a_line_now_and_then(
    clock, history, capsys
):
    for seconds in (0.125, 1.0):
        with watch(100, title="train") as shown:
            for step in range(100):
                clock.seconds += seconds
                shown.update(step + 1, history)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "train: step 60 of 100, 40 s left, loss 0.01, reward 99",
        "train: 100 steps, in 1 min 40 s, loss 0.01, reward 99",
    ]


def test_the_quiet_say_nothing_at_all(clock, history, capsys):
    with watch(3, quiet=True) as shown:
        clock.seconds += 1e6
        shown.update(3, history)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def page(monkeypatch):
    """What a notebook shows: a list of displays, each a list of its states."""
    import IPython.display

    shown = []

    class Handle:
        def __init__(self, html):
            self.states = [html.data]
            shown.append(self.states)

        def update(self, html):
            self.states.append(html.data)

    def display(html, display_id):
        assert display_id is True
        return Handle(html)

    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    monkeypatch.setattr(IPython.display, "display", display)
    return shown


def test_a_notebook_gets_one_display_with_bar_time_and_curves(clock, history, page):
    with watch(100, title="train <i>") as shown:
        for step in range(100):
            clock.seconds += 0.25
            shown.update(step + 1, history)
    (states,) = page
    assert len(states) == 1 + 25 + 1  # at the start, once a second, at the end
    for state in states:
        root = ET.fromstring(state)
        assert len(root.findall(".//progress")) == 1 and "train <i>: " in root[0].text
    assert (
        root.find("progress").attrib["value"] == "100" and len(root.findall(".//svg")) == 2
    )
    assert "12 s left" in states[13] and "100 steps, in 25 s" in states[-1]


def test_curves_may_be_chosen(clock, history, page):
    with watch(100, curves=["reward", "later"]) as shown:
        shown.update(50, history)
    assert page[0][-1].count("<svg") == 1 and "reward 99" in page[0][-1]


def test_a_resumed_a_finished_and_a_stopped_training_say_so(clock, page):
    with watch(10, start=6) as shown:
        clock.seconds += 8
        shown.update(10)
    with watch(10, start=10):
        pass
    with pytest.raises(ZeroDivisionError), watch(10) as shown:
        shown.update(3)
        raise ZeroDivisionError
    assert [
        "10 steps, 4 of them now, in 8 s" in page[0][-1],
        "all 10 steps were done before" in page[1][-1],
    ] == [True, True]
    assert "stopped at step 3 of 10" in page[2][-1]


def test_slow_drawing_is_done_less_often(clock, page, monkeypatch):
    with watch(1000) as shown:
        plain = shown.page
        monkeypatch.setattr(
            shown, "page", lambda: setattr(clock, "seconds", clock.seconds + 0.5) or plain()
        )
        for step in range(1000):
            clock.seconds += 0.1
            shown.update(step + 1)
    assert len(page[0]) <= 2 + 100 / (50 * 0.5) + 1


def test_a_terminal_gets_a_bar(clock, history, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    screen = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with watch(10, title="train [b]") as shown:
        for step in range(10):
            clock.seconds += 1
            shown.update(step + 1, history)
    text = screen.getvalue()
    assert (
        "train [b]" in text
        and "step 9 of 10, 1 s left, loss 0.01" in text
        and "10 steps, in 10 s" in text
    )


def test_a_real_notebook_keeps_one_output(tmp_path):
    from nbclient import NotebookClient

    code = """
from fusiontools.training import Run, progress, steps
progress._Notebook.pause = 0  # seconds: it draws at once, and again
asked = dict(paper="p", method="m", scale="smoke", config={})
with Run.open("run", **asked, data={"name": "d", "sha256": "0" * 64}) as run:
    for step in steps(run, {}, 3):
        run.log(loss=1 / (step + 1))
"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    here = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(book, timeout=None, resources=here).execute()
    (output,) = book.cells[0].outputs
    assert (
        output["output_type"] == "display_data"
        and "train: 3 steps, in " in output["data"]["text/html"]
    )
    assert output["data"]["text/html"].count("<svg") == 1
