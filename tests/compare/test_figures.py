"""The picture of the common table."""

import itertools

import numpy as np
import pytest

from fusiontools.compare.figures import SHADES, TASKS, tasks_figure
from fusiontools.compare.pages import SHORT
from fusiontools.compare.systems import SYSTEMS
from fusiontools.records import read_records
from fusiontools.report.rows import printed, rows

PLACES = ("middle_typical", "one_melody", "judged_a")


def row(k):
    numbers = {"content_a": 0.1 * k, "content_b": 0.05 * k}
    numbers |= dict.fromkeys(PLACES, 0.04 * k)
    return numbers | {f"{name}_features": 0.05 * k for name in PLACES}


SHIPPED = rows(read_records("compare"), order=list(SYSTEMS))
FOUND = printed({name: row(k) for k, name in enumerate(SYSTEMS)})


@pytest.fixture
def figure(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    yield tasks_figure(FOUND)
    plt.close("all")


def test_every_system_has_a_name_and_its_paper_a_colour():
    assert set(SHORT) == set(SYSTEMS)
    assert {own.paper for own in SYSTEMS.values() if own.make} == set(SHADES)
    assert {name for task in TASKS for name in task.systems} <= set(SYSTEMS)


def test_a_panel_names_all_who_try_its_task(figure):
    for task, ax in zip(TASKS, figure.axes):
        names = [text.get_text() for text in ax.texts]
        assert names == [SHORT[name] for name in SYSTEMS if name in task.systems]


def test_bars_lead_from_one_judge_to_the_other(figure):
    for task, ax in zip(TASKS, figure.axes):
        for line, own in zip(ax.lines, FOUND.every(*task.systems)):
            assert set(line.get_xdata()) == {task.kept(own)}
            assert list(line.get_ydata()) == [task.value(own, e) for e in ("", "_features")]


@pytest.mark.parametrize(
    "found",
    [FOUND, printed(dict.fromkeys(SYSTEMS, row(5))), SHIPPED],
    ids=["spread out", "all in one place", "as shipped"],
)
def test_a_name_covers_no_other_name_and_no_other_mark(found, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    figure = tasks_figure(found)
    renderer = figure.canvas.get_renderer()
    figure.draw_without_rendering()
    for ax in figure.axes:
        boxes = [text.get_window_extent(renderer).padded(-2) for text in ax.texts]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
        marks = [ax.transData.transform(mark.get_offsets()) for mark in ax.collections]
        ends = np.reshape(marks, (-1, 2))  # two dots a system
        apart = len(np.unique(ends, axis=0)) > 2
        for box in boxes if apart else []:
            assert not any(box.contains(*end) for end in ends)
        assert all(ax.bbox.y0 < box.y0 and box.y1 < ax.bbox.y1 for box in boxes if apart)
    plt.close("all")
