"""The five statistics of a joint: windows whose states are known, and what a correlation of
matrices may be.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.music.grid import decode_grid, transpose_grid
from fusiontools.score.markov import (
    STATISTICS,
    halves,
    key_scores,
    markov_correlations,
    markov_matrix,
    matrix_correlation,
    note_lengths,
    state_names,
    states,
    transition_counts,
)

often = settings(max_examples=40, deadline=None, derandomize=True)
cells = st.lists(
    st.one_of(st.sampled_from([0, 1]), st.integers(60, 79)), min_size=32, max_size=32
)
C_MAJOR = [60, 62, 64, 65, 67, 69, 71, 72, 67, 64, 60, 64, 67, 64, 60, 60]
A_MINOR = [69, 71, 72, 74, 76, 77, 76, 68, 69, 72, 76, 72, 69, 76, 69, 69]


def window(first, second, length=1):
    """Two halves of notes of one length, in cells."""
    return [token for p in [*first, *second] for token in [p] + [1] * (length - 1)]


def melodies(n, seed):
    """Random walks of 128 cells, in notes of one to four cells."""
    rng = np.random.default_rng(seed)
    made = np.ones((n, 128), np.int64)
    starts = rng.random((n, 128)) < 0.5
    pitch = 70 + np.clip(np.cumsum(rng.integers(-2, 3, (n, 128)), axis=1), -14, 14)
    made[starts] = pitch[starts]
    made[:, 0] = 70
    return made


@often
@given(rows=st.lists(cells, min_size=1, max_size=4))
def test_lengths_are_those_of_the_notes(rows):
    for half in halves(rows).reshape(-1, 16):
        lengths = note_lengths(half)
        assert (lengths[lengths > 0] / 4).tolist() == decode_grid(half).duration.tolist()
        assert ((lengths > 0) == (half > 1)).all()


def test_a_note_held_over_the_middle_is_silent_after_it():
    assert halves([[60, 1, 1, 1, 62, 1]]).tolist() == [[[60, 1, 1], [0, 62, 1]]]
    assert states([[60, 1, 1, 1, 62, 62]])["dt"].tolist() == [[2, 0]]


@pytest.mark.parametrize(
    ("first", "second", "length", "expected"),
    [
        (C_MAJOR, C_MAJOR, 1, {"key": [0, 0], "md": [0, 0], "pt": [5, 5], "dt": [0, 0]}),
        (C_MAJOR, A_MINOR, 2, {"key": [0, 21], "md": [2, 2], "pt": [5, 14], "dt": [1, 1]}),
        ([55], [84], 16, {"mp": [0, 29], "md": [8, 8], "pt": [0, 29], "dt": [15, 15]}),
        (
            [60, 61],
            [61, 62],
            3,
            {"mp": [6, 7], "md": [3, 3], "pt": [6, 6]},
        ),  # 60.5 and 61.5, halves up
        ([60], [60], 64, {"md": [12, 12], "dt": [15, 15]}),
    ],
)
def test_known_windows(first, second, length, expected):
    found = states([window(first, second, length)])
    assert {name: found[name][0].tolist() for name in expected} == expected


@pytest.mark.parametrize("shift", range(12))
def test_scales_are_in_their_keys(shift):
    major, minor = (
        np.bincount(np.array(tune) % 12, minlength=12) for tune in (C_MAJOR, A_MINOR)
    )
    assert key_scores(np.roll(major, shift)).argmax() == shift
    assert key_scores(np.roll(minor, shift)).argmax() == 12 + (9 + shift) % 12
    assert np.abs(key_scores(major)).max() <= 1


def test_transposing_both_halves_moves_pitches_and_keys_and_leaves_durations():
    tunes = melodies(30, 0)
    tunes = np.where(tunes > 1, np.clip(tunes, 58, 80), tunes)
    here, there = states(tunes), states(transpose_grid(tunes, 3))
    for name in ("md", "dt"):
        assert np.array_equal(here[name], there[name])
    for name in ("mp", "pt"):
        assert np.array_equal(here[name] + 3, there[name])
    moved = np.where(here["key"] < 12, (here["key"] + 3) % 12, 12 + (here["key"] + 3) % 12)
    assert np.mean(moved == there["key"]) > 0.95  # two keys may explain a half equally well


def test_silent_halves_have_no_state_and_are_not_counted():
    found = states([[0] * 8, [60, 1, 1, 1, 0, 0, 0, 0]])
    assert all(
        found[name].tolist() == [[-1, -1], [found[name][1, 0], -1]] for name in STATISTICS
    )
    assert transition_counts(found["mp"], 30).sum() == 0
    with pytest.raises(ValueError, match="both halves"):
        markov_correlations([[0] * 8], [[0] * 8])


def test_counts_equal_a_slow_count():
    pairs = np.random.default_rng(0).integers(-1, 5, (200, 2))
    slow = np.zeros((5, 5), int)
    for i, j in pairs:
        if i >= 0 and j >= 0:
            slow[i, j] += 1
    assert np.array_equal(transition_counts(pairs, 5), slow)


def test_rows_add_up_to_one():
    found = states(melodies(50, 1))
    for name, size in STATISTICS.items():
        matrix = markov_matrix(transition_counts(found[name], size))
        assert matrix.shape == (size, size) and len(state_names(name)) == size == len(
            set(state_names(name))
        )
        np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_correlation_is_that_of_numpy_and_1_with_itself():
    a, b = np.random.default_rng(0).random((2, 6, 6))
    assert matrix_correlation(a, b) == pytest.approx(
        np.corrcoef(a.ravel(), b.ravel())[0, 1]
    )
    assert matrix_correlation(a, a) == pytest.approx(1)
    assert matrix_correlation(a, 1 - 2 * a) == pytest.approx(-1)
    assert np.isnan(matrix_correlation(a, np.ones((6, 6))))


def test_a_set_correlates_with_itself_and_less_when_its_halves_are_shuffled():
    tunes = melodies(300, 2)
    tunes[:, 64:] = np.where(
        tunes[:, 64:] > 1, tunes[:, :64].max(axis=1)[:, None], tunes[:, 64:]
    )
    torn = np.concatenate([tunes[:, :64], np.roll(tunes, 1, axis=0)[:, 64:]], axis=1)
    same, less = (markov_correlations(w, tunes, repeats=50) for w in (tunes, torn))
    for name in STATISTICS:
        assert same[name].value == pytest.approx(1)
        assert less[name].low <= less[name].high
    assert less["mp"].value < 0.8 > less["pt"].value
    again = markov_correlations(states(torn), states(tunes), repeats=50)
    assert again == less


def test_what_has_no_state_is_refused():
    with pytest.raises(ValueError, match="outside 55 to 84"):
        states([[50, 60]])
    with pytest.raises(ValueError, match="even number"):
        halves([[60, 61, 62]])
    with pytest.raises(ValueError, match="even number"):
        halves([60, 61])
    with pytest.raises(ValueError, match="do not fit"):
        transition_counts([[0, 5]], 5)
    with pytest.raises(ValueError, match="cannot be compared"):
        matrix_correlation(np.eye(2), np.eye(3))
    with pytest.raises(ValueError, match="no statistic"):
        state_names("xx")
    assert states(np.zeros((0, 8), np.uint8))["key"].shape == (0, 2)
