"""Annotated beats as a clock: every beat keeps its second, every first beat stands on a bar
line.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora.beats import clock, lay
from fusiontools.errors import MusicFileError
from fusiontools.music.notes import Notes, to_seconds

METERS = st.tuples(st.integers(1, 9), st.sampled_from([2, 4, 8]))
often = settings(max_examples=50, deadline=None, derandomize=True)


@st.composite
def annotations(draw):
    """Seconds, numbers in the bar and signatures, in one meter, from any beat of the bar
    on.
    """
    per_bar, unit = draw(METERS)
    first = draw(st.integers(0, per_bar - 1))
    gaps = draw(st.lists(st.floats(0.05, 3), min_size=1, max_size=40))
    seconds = np.cumsum([draw(st.floats(0, 30)), *gaps])
    numbers = (first + np.arange(len(seconds))) % per_bar + 1
    return seconds, numbers, [f"{per_bar}/{unit}"] * len(seconds)


@often
@given(annotations(), st.floats(-20, 60))
def test_beats_keep_their_seconds_and_bars_their_lines(beats, first_onset):
    seconds, numbers, signatures = beats
    tempo, meters = clock(seconds, numbers, signatures, first_onset)
    meter = meters[0]
    places = tempo.beats_at(seconds)
    assert np.allclose(tempo.seconds_at(places), seconds)
    assert np.allclose(np.diff(places), 4 / meter.denominator)
    into = places % meter.bar / (4 / meter.denominator)
    assert np.allclose(
        np.minimum(abs(into - (numbers - 1)), abs(into - meter.numerator - (numbers - 1))),
        0,
        atol=1e-6,
    )
    assert len(meters) == 1 and tempo.beats_at(first_onset) >= -1e-6


@often
@given(annotations(), st.floats(0, 40), st.floats(0.01, 5))
def test_notes_laid_on_the_clock_come_back_in_seconds(beats, onset, duration):
    tempo, _ = clock(*beats, onset)
    notes = Notes.of([(onset, duration, 60)], unit="seconds")
    laid = lay(notes, tempo)
    assert laid.unit == "beats" and laid.onset[0] >= 0
    assert np.allclose(to_seconds(laid, tempo).onset, onset) and np.allclose(
        to_seconds(laid, tempo).duration, duration
    )


def test_a_change_of_meter_stands_where_it_was_written_and_nonsense_goes_on_as_before():
    signatures = ["3/4", "", "x", "6/8", None, "0/4"]
    tempo, meters = clock(np.arange(6.0), [1, 2, 3, 1, 2, 3], signatures, 0.0)
    assert [(m.beat, str(m)) for m in meters] == [(0.0, "3/4"), (3.0, "6/8")]
    assert tempo.beat.tolist() == [0, 1, 2, 3, 3.5, 4]
    assert str(clock([0, 1], [1, 2], ["", ""], 0.0)[1][0]) == "4/4"


@pytest.mark.parametrize(
    "seconds", [[], [1.0], [1.0, 1.0], [2.0, 1.0], [0.0, float("nan")]]
)
def test_beats_that_do_not_go_on_are_refused(seconds):
    with pytest.raises(MusicFileError):
        clock(seconds, [1] * len(seconds), ["4/4"] * len(seconds), 0.0)
