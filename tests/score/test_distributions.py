"""What is counted: truth tables, and the same numbers as a slow count note by note."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import NoNotesError, UnitError
from fusiontools.music.notes import Notes, transpose
from fusiontools.score import (
    bin_names,
    counts,
    distribution,
    histogram,
    peaks,
    shares,
    valleys,
)
from fusiontools.score.distributions import COUNTS, duration_steps, melody_columns

often = settings(max_examples=25, deadline=None, derandomize=True)
lengths = st.integers(0, 90).map(lambda k: k / 16)
melodies = st.lists(
    st.lists(st.tuples(st.integers(20, 100), lengths), max_size=9), max_size=5
)


def pairs(rows):
    return [([p for p, _ in m], [d for _, d in m]) for m in rows]


def slow_counts(name, rows):
    """One note after the other, into dictionaries."""
    tables = []
    for melody in rows:
        step = [min(int(d / 0.25 + 0.5), 16) for _, d in melody]
        leap = [max(-12, min(12, q - p)) for (p, _), (q, _) in pairwise(melody)]
        bins = {
            "dd": step,
            "npd": [p % 12 for p, _ in melody],
            "ib": [(x + 12) * 25 + y + 12 for x, y in pairwise(leap)],
            "db": [x * 17 + y for x, y in pairwise(step)],
        }[name]
        row = [0] * {"dd": 17, "npd": 12, "ib": 625, "db": 289}[name]
        for k in bins:
            row[k] += 1
        tables.append(row)
    return tables


@pytest.mark.parametrize("name", COUNTS)
@often
@given(rows=melodies)
def test_counts_equal_a_slow_count(name, rows):
    found = counts(name, pairs(rows))
    assert found.shape == (len(rows), len(bin_names(name)))
    assert found.tolist() == slow_counts(name, rows)


@pytest.mark.parametrize(("name", "lost"), [("dd", 0), ("npd", 0), ("db", 1), ("ib", 2)])
@often
@given(rows=melodies)
def test_every_note_counts_once_and_pairs_do_not_cross_melodies(name, lost, rows):
    assert counts(name, pairs(rows)).sum() == sum(max(len(m) - lost, 0) for m in rows)


@pytest.mark.parametrize(
    ("beats", "bin"),
    [
        (0.01, 0),
        (0.124, 0),
        (0.125, 1),
        (0.25, 1),
        (1 / 3, 1),
        (0.375, 2),
        (0.5, 2),
        (1, 4),
        (3.9, 16),
        (4, 16),
        (99, 16),
    ],
)
def test_duration_bins(beats, bin):
    assert duration_steps([beats]).tolist() == [bin]


def test_notes_and_pairs_of_arrays_count_alike():
    tune = Notes.of([(0, 1, 60), (1, 0.5, 64), (2, 2, 67)])
    for name in COUNTS:
        assert np.array_equal(
            counts(name, [tune]), counts(name, [(tune.pitch, tune.duration)])
        )
        assert np.array_equal(counts(name, tune), counts(name, [tune]))


def test_what_a_transposition_changes_and_what_not():
    tune = Notes.of([(k, 1 + k % 2, 60 + k * k % 7) for k in range(12)])
    for name in ("dd", "db", "ib"):
        assert np.array_equal(counts(name, [tune]), counts(name, [transpose(tune, 5)]))
    assert np.array_equal(
        np.roll(counts("npd", [tune]), 5, axis=1), counts("npd", [transpose(tune, 5)])
    )


def test_a_distribution_adds_up_to_one_and_counts_add_up_to_the_notes():
    tunes = [([60, 62, 64, 62], [1, 1, 2, 9]), ([67], [0.5])]
    for name in COUNTS:
        assert distribution(name, tunes).sum() == pytest.approx(1)
        assert np.array_equal(
            distribution(name, tunes, normalised=False), counts(name, tunes).sum(axis=0)
        )
        assert distribution(name, tunes) == pytest.approx(
            shares(counts(name, tunes).sum(axis=0))
        )
    assert distribution("npd", tunes, normalised=False).sum() == 5
    assert distribution("dd", tunes, normalised=False, step=1, longest=2).tolist() == [
        0,
        3,
        2,
    ]


def test_bin_names_stand_where_the_bins_are():
    tune = [([60, 62, 50, 53], [1, 0.5, 4.5, 0.1])]
    named = {
        name: [bin_names(name)[k] for k in np.flatnonzero(counts(name, tune)[0])]
        for name in COUNTS
    }
    assert named == {
        "dd": ["0", "1/2", "1", "4+"],
        "npd": ["C", "D", "F"],
        "ib": ["-12- +3", "+2 -12-"],
        "db": ["1/2 4+", "1 1/2", "4+ 0"],
    }
    assert all(len(set(bin_names(name))) == len(bin_names(name)) for name in COUNTS)


@pytest.mark.parametrize(
    ("values", "around", "high", "low"),
    [
        ([0, 2, 0, 1], True, [1, 3], [0, 2]),
        ([3, 1, 1, 2], True, [0], []),  # a plateau is neither
        ([3, 1, 2], False, [0, 2], [1]),
        ([3, 1, 2], True, [0], [1]),  # the last bin is beside the first
        ([1, 1, 1], True, [], []),
    ],
)
def test_peaks_and_valleys(values, around, high, low):
    assert peaks(values, around) == high
    assert valleys(values, around) == low


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(UnitError, match="seconds"):
        counts("dd", [Notes.of([(0, 1, 60)], unit="seconds")])
    with pytest.raises(ValueError, match="as many pitches"):
        melody_columns([([60, 62], [1.0])])
    with pytest.raises(ValueError, match="choose one of"):
        counts("xx", [])
    with pytest.raises(ValueError, match="choose one of"):
        bin_names("xx")
    with pytest.raises(NoNotesError, match="three notes"):
        distribution("ib", [([60, 62], [1, 1])])
    for wrong in ([4], [-1], [0.5]):
        with pytest.raises(ValueError, match="do not fit"):
            histogram(wrong, 4)


def test_no_melodies_give_no_rows():
    assert counts("npd", []).shape == (0, 12)
    assert counts("npd", [([], [])]).tolist() == [[0] * 12]
    assert histogram([], 3).tolist() == [0, 0, 0]
