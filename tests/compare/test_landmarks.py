"""The map of what came since 2016: its works are those of the bibliography."""

import re
from collections import Counter

import pytest

from fusiontools.compare import checklist
from fusiontools.compare.landmarks import LANDMARKS, MODELS, OURS, TASKS, landmarks_figure

WORKS = [work for works in LANDMARKS.values() for work in works]


@pytest.fixture(scope="module")
def years(root):
    """The year of each work of the bibliography, None for those without one."""
    text = (root / "book" / "references.bib").read_text("utf-8")
    entries = re.findall(r"^@\w+\{([^,\s]+),(.*?)^\}", text, re.M | re.S)
    found = {key: re.search(r"\byear\s*=\s*\{(\d+)\}", fields) for key, fields in entries}
    return {key: year and int(year[1]) for key, year in found.items()}


def test_every_work_stands_in_the_bibliography_with_its_year(years):
    assert {work.key: work.year for work in WORKS} == {w.key: years[w.key] for w in WORKS}


def test_no_work_stands_twice_and_words_are_known():
    assert max(Counter(work.key for work in WORKS).values()) == 1
    assert {work.task for work in WORKS} == set(TASKS)
    assert {work.model for work in WORKS} == set(MODELS)


def test_the_five_papers_are_on_the_map_by_their_chapters():
    assert set(OURS) <= {work.key for work in WORKS}
    assert sorted(OURS.values()) == [3 + i for i in range(len(checklist.SOURCES))]


def test_no_two_names_touch(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    import matplotlib.pyplot as plt

    figure = landmarks_figure()
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    plt.close(figure)
    assert len(boxes) == len(WORKS)
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            assert not box.overlaps(other), (WORKS[i].name, box, other)
