"""Copies: what hides one and what does not, and the same answer as a slow comparison of
tuples.
"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import NoNotesError
from fusiontools.music.notes import Notes, transpose
from fusiontools.score import copied_counts, copied_share, held_out_share, ngrams

often = settings(max_examples=25, deadline=None, derandomize=True)
# few kinds, so that runs do come back
notes = st.tuples(st.integers(60, 62), st.sampled_from([0.25, 0.5, 1.0]))
melodies = st.lists(st.lists(notes, max_size=12), max_size=4)


def pairs(rows):
    return [([p for p, _ in m], [d for _, d in m]) for m in rows]


def slow_runs(melody, n, rhythm):
    """Every run of n notes, spelled out."""
    runs = []
    for i in range(len(melody) - n + 1):
        pitch, duration = zip(*melody[i : i + n])
        steps = tuple(b - a for a, b in pairwise(pitch))
        ratios = tuple(b / a for a, b in pairwise(duration))
        runs.append((steps, {"durations": duration, "ratios": ratios, "none": ()}[rhythm]))
    return runs


@pytest.mark.parametrize("rhythm", ["durations", "ratios", "none"])
@often
@given(generated=melodies, training=melodies, n=st.integers(2, 5))
def test_counts_equal_a_slow_comparison(rhythm, generated, training, n):
    known = {run for m in training for run in slow_runs(m, n, rhythm)}
    runs = [slow_runs(m, n, rhythm) for m in generated]
    expected = [[sum(r in known for r in of_one), len(of_one)] for of_one in runs]
    assert (
        copied_counts(pairs(generated), pairs(training), n, rhythm=rhythm).tolist()
        == expected
    )


@pytest.mark.parametrize("rhythm", ["durations", "ratios", "none"])
def test_equal_runs_and_only_they_have_equal_numbers(rhythm):
    rng = np.random.default_rng(0)
    tune = [
        (int(p), float(d))
        for p, d in zip(
            rng.integers(50, 70, 3000), rng.choice([0.25, 0.5, 0.75, 1.0], 3000)
        )
    ]
    spelled = slow_runs(tune, 4, rhythm)
    numbers = ngrams(pairs([tune]), 4, rhythm=rhythm).tolist()
    assert len(set(spelled)) == len(set(numbers)) == len(set(zip(spelled, numbers)))


TUNE = Notes.of(
    [
        (k, d, 60 + (k * 7) % 11)
        for k, d in enumerate([1, 0.5, 1, 0.25, 0.75, 1, 0.5, 0.5, 1, 0.25])
    ]
)


@pytest.mark.parametrize(
    ("change", "durations", "ratios", "none"),
    [
        (lambda t: t, 1, 1, 1),
        (lambda t: transpose(t, -7), 1, 1, 1),
        (
            lambda t: Notes(t.onset * 3, t.duration, t.pitch),
            1,
            1,
            1,
        ),  # rests between the notes hide nothing
        (lambda t: Notes(t.onset * 2, t.duration * 2, t.pitch), 0, 1, 1),
        (lambda t: Notes(t.onset, np.full(len(t), 0.5), t.pitch), 0, 0, 1),
        (lambda t: Notes(t.onset, t.duration, t.pitch[::-1].copy()), 0, 0, 0),
    ],
    ids=["copy", "transposed", "detached", "half speed", "other rhythm", "backwards"],
)
def test_what_counts_as_a_copy(change, durations, ratios, none):
    expected = {"durations": durations, "ratios": ratios, "none": none}
    assert {
        rhythm: copied_share([change(TUNE)], [TUNE], rhythm=rhythm) for rhythm in expected
    } == expected


def test_runs_do_not_cross_melodies():
    halves = [TUNE[:5], TUNE[5:]]
    assert len(ngrams(halves, n=5)) == 2
    assert copied_share([TUNE], halves, n=5) == pytest.approx(2 / 6)


def test_training_may_be_given_as_its_runs():
    other = Notes.of([(k, 1, 60) for k in range(9)])
    assert (
        copied_share([TUNE, other], ngrams([TUNE]))
        == copied_share([TUNE, other], [TUNE])
        == pytest.approx(3 / 5)
    )


def test_real_music_repeats_real_music_too():
    scale = Notes.of([(k, 1, 60 + k) for k in range(9)])
    assert held_out_share([transpose(scale, 5)], [scale, TUNE]) == 1


def test_what_has_no_runs_is_refused_or_zero():
    assert copied_counts([TUNE[:3], TUNE], [TUNE], n=8).tolist() == [[0, 0], [3, 3]]
    assert copied_share([TUNE], [TUNE[:3]]) == 0
    assert len(ngrams([])) == 0
    with pytest.raises(NoNotesError, match="8 notes in a row"):
        copied_share([TUNE[:3]], [TUNE])
    with pytest.raises(ValueError, match="needs 2"):
        ngrams([TUNE], n=1)
    with pytest.raises(ValueError, match="rhythm"):
        ngrams([TUNE], rhythm="swing")
