"""What is true of figures: every note and every share is drawn, where and as high as it
says.
"""

from itertools import pairwise

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_hex, to_rgb

from fusiontools.music.notes import Notes, transpose
from fusiontools.show import plots
from fusiontools.show.colours import COLOURS, colour
from fusiontools.show.plots import (
    bars,
    duration_shares,
    interval_shares,
    piano_roll,
    pitch_class_names,
    pitch_class_shares,
    use_book_style,
)

matplotlib.use("Agg")  # figures without a screen

TUNE = Notes.of([(0, 1, 60, 20), (1, 0.5, 64, 80), (1.5, 1.5, 67, 127), (3, 1, 60, 80)])
melodies = st.lists(
    st.lists(st.integers(24, 100), min_size=1, max_size=12), min_size=1, max_size=4
).map(lambda tunes: [Notes.of([(i, 1, p) for i, p in enumerate(tune)]) for tune in tunes])
often = settings(max_examples=40, deadline=None, derandomize=True)


@pytest.fixture(autouse=True)
def clean():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.subplots()[1]


# Piano rolls


def boxes(ax):
    return [
        (
            round(p.get_x(), 9),
            round(p.get_width(), 9),
            round(p.get_y() + p.get_height() / 2, 9),
        )
        for p in ax.patches
    ]


def test_a_roll_has_a_box_for_each_note(ax):
    assert piano_roll(TUNE, ax) is ax
    assert boxes(ax) == [(n.onset, n.duration, n.pitch) for n in TUNE]
    assert all(p.get_height() < 1 for p in ax.patches)
    low, high = ax.get_ylim()
    assert low < 60 and high > 67
    assert ax.get_xlabel() == "time in beats" and ax.get_ylabel() == "pitch"
    assert [t.get_text() for t in ax.get_yticklabels()] == ["C4", "E4", "G4"]


def test_louder_is_stronger_and_the_colour_is_the_domains(ax):
    piano_roll(TUNE, ax, domain="jazz")
    strengths = [p.get_facecolor()[3] for p in ax.patches]
    assert strengths[0] < strengths[1] == strengths[3] < strengths[2] <= 1
    assert {to_hex(p.get_facecolor()[:3]) for p in ax.patches} == {colour("jazz")}


def test_a_roll_says_its_clock_and_shows_its_bars(ax):
    piano_roll(
        Notes.of(list(TUNE), unit="seconds"), ax, bar_lines=np.array([0, 2.5]), label="take"
    )
    assert ax.get_xlabel() == "time in seconds"
    assert [line.get_xdata()[0] for line in ax.lines] == [0, 2.5]
    assert ax.get_legend_handles_labels()[1] == ["take"]


def test_two_rolls_may_share_one_figure(ax):
    piano_roll(TUNE, piano_roll(transpose(TUNE, 12), ax, domain="folk"), domain="jazz")
    assert len(ax.patches) == 8


def test_an_empty_roll_is_a_figure_too(ax):
    assert piano_roll(Notes.of([]), ax) is ax and not ax.patches


@pytest.mark.parametrize(
    "draw", [lambda: piano_roll(TUNE), lambda: bars({"folk": [0.5, 0.5]}, ["a", "b"])]
)
def test_without_axes_a_plotter_makes_its_own(draw):
    before = set(plt.get_fignums())
    ax = draw()
    assert isinstance(ax, matplotlib.axes.Axes) and set(plt.get_fignums()) - before == {
        ax.figure.number
    }


# Bars


def test_bars_are_as_high_as_their_shares(ax):
    shares = {
        "folk": [0.5, 0.25, 0.25],
        "jazz": np.array([0.1, 0.2, 0.7]),
        "no domain": (0, 1, 0),
    }
    assert bars(shares, ["C", "D", "E"], ax) is ax
    assert [[b.get_height() for b in group] for group in ax.containers] == [
        [50, 25, 25],
        pytest.approx([10, 20, 70]),
        [0, 100, 0],
    ]
    assert [t.get_text() for t in ax.get_xticklabels()] == [
        "C",
        "D",
        "E",
    ] and "%" in ax.get_ylabel()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == list(shares)
    assert [to_hex(group[0].get_facecolor()) for group in ax.containers] == [
        colour("folk"),
        colour("jazz"),
        colour(None),
    ]


@pytest.mark.parametrize("sets", [1, 2, 3, 5])
def test_bars_stand_side_by_side_around_their_name(ax, sets):
    bars({f"set {i}": [0.5, 0.5] for i in range(sets)}, ["a", "b"], ax)
    edges = sorted((b.get_x(), b.get_x() + b.get_width()) for b in ax.patches)
    assert all(right < left + 1e-9 for (_, right), (left, _) in pairwise(edges))
    for place in (0, 1):
        centres = [
            group[place].get_x() + group[place].get_width() / 2 for group in ax.containers
        ]
        assert (
            np.mean(centres) == pytest.approx(place) and max(centres) - min(centres) < 0.8
        )


def test_a_set_may_wear_anothers_colour(ax):
    bars({"ours": [1.0], "jazz": [1.0]}, ["a"], ax, domains={"ours": "fused"})
    assert [to_hex(b.get_facecolor()) for b in ax.patches] == [
        colour("fused"),
        colour("jazz"),
    ]


# Shares


@pytest.mark.parametrize(
    "durations, expected",
    [
        ([1, 1, 0.5, 0.25], {1.0: 0.5, 0.5: 0.25, 0.25: 0.25}),
        ([1 / 3, 1 / 3, 2 / 3, 1 / 6], {1 / 3: 0.5, 2 / 3: 0.25, 1 / 6: 0.25}),
        ([1.5, 0.75, 3, 0.375], {1.5: 0.25, 0.75: 0.25, 3.0: 0.25, 3 / 8: 0.25}),
        ([4, 2, 1 / 8, 7], {4.0: 0.25, 2.0: 0.25, 1 / 8: 0.25}),
        ([1.01, 0.99, 1.1, 0.9], {1.0: 0.5}),
    ],
)
def test_note_values_are_told_apart(durations, expected):
    shares = duration_shares([Notes.of([(10 * i, d, 60) for i, d in enumerate(durations)])])
    assert list(shares) == list(plots.DURATIONS)
    assert {length: share for length, share in shares.items() if share} == expected


@often
@given(
    st.lists(st.lists(st.floats(0.01, 6), min_size=1, max_size=10), min_size=1, max_size=3)
)
def test_no_duration_counts_twice(durations):
    tunes = [Notes.of([(10 * i, d, 60) for i, d in enumerate(ds)]) for ds in durations]
    shares = duration_shares(tunes)
    every = [d for ds in durations for d in ds]
    slow = sum(any(abs(d - length) < 1 / 64 for length in plots.DURATIONS) for d in every)
    assert sum(shares.values()) == pytest.approx(slow / len(every))


@pytest.mark.parametrize(
    "tunes, expected",
    [
        ([[60, 72, 62, 60]], {0: 0.75, 2: 0.25}),
        ([[60], [61, 61, 61]], {0: 0.25, 1: 0.75}),
        ([[71, 11, 119, 127]], {11: 0.75, 7: 0.25}),
    ],
)
def test_pitch_classes_are_counted_over_all_tunes(tunes, expected):
    shares = pitch_class_shares(
        [Notes.of([(i, 1, p) for i, p in enumerate(tune)]) for tune in tunes]
    )
    assert {i: s for i, s in enumerate(shares) if s} == expected


@often
@given(melodies)
def test_shares_are_what_a_plain_count_gives(tunes):
    classes = [p % 12 for t in tunes for p in t.pitch.tolist()]
    steps = [b - a for t in tunes for a, b in zip(t.pitch.tolist(), t.pitch.tolist()[1:])]
    shares = pitch_class_shares(tunes)
    assert shares.shape == (12,) and shares.sum() == pytest.approx(1)
    assert shares.tolist() == pytest.approx(
        [classes.count(c) / len(classes) for c in range(12)]
    )
    if steps:
        shares = interval_shares(tunes)
        assert shares.shape == (25,) and shares.tolist() == pytest.approx(
            [steps.count(s) / len(steps) for s in range(-12, 13)]
        )
        assert interval_shares(tunes, reach=127).sum() == pytest.approx(1)


@often
@given(melodies, st.integers(-24, 24))
def test_intervals_know_no_key_and_pitch_classes_turn_with_it(tunes, semitones):
    moved = [transpose(t, semitones) for t in tunes]
    assert (
        pitch_class_shares(moved).tolist()
        == np.roll(pitch_class_shares(tunes), semitones).tolist()
    )
    if any(len(t) > 1 for t in tunes):
        assert interval_shares(moved).tolist() == interval_shares(tunes).tolist()


def test_no_interval_leads_from_one_tune_to_the_next():
    tunes = [
        Notes.of([(0, 1, 60), (1, 1, 62)]),
        Notes.of([(0, 1, 72)]),
        Notes.of([(0, 1, 40), (1, 1, 45), (2, 1, 65)]),
    ]
    shares = interval_shares(tunes)
    # and a leap of 20, beyond the reach
    assert {i - 12: s for i, s in enumerate(shares) if s} == pytest.approx(
        {2: 1 / 3, 5: 1 / 3}
    )


def test_the_twelve_names_are_those_of_musicians():
    assert pitch_class_names() == [
        "C",
        "C♯",
        "D",
        "D♯",
        "E",
        "F",
        "F♯",
        "G",
        "G♯",
        "A",
        "A♯",
        "B",
    ]


# Looks


def test_the_books_style_can_be_set_and_drawn_with():
    with matplotlib.rc_context():
        use_book_style()
        ax = piano_roll(TUNE)
        ax.figure.canvas.draw()
        assert (
            tuple(ax.figure.get_size_inches()) == (8, 3.2)
            and not ax.spines["top"].get_visible()
            and not ax.spines["right"].get_visible()
        )


@pytest.mark.parametrize("domain", COLOURS)
def test_white_text_can_be_read_on_every_colour(domain):
    """The contrast of WCAG 2.1, 1.4.3: at least 4.5 to 1."""
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in to_rgb(colour(domain))
    ]
    assert 1.05 / (np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05) >= 4.5


def test_what_has_no_colour_of_its_own_wears_the_plain_one():
    assert colour("polka") == colour(None) == colour("plain") == COLOURS["plain"]
