"""What a transfer did: every measure against what can be counted by hand, and what no
measure and no trivial row may ever do, whatever the lines are.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.music.grid import HOLD, REST, is_legal_grid, repair_grid
from fusiontools.music.grid import transpose_grid as moved
from fusiontools.score.transfer import (
    BAR,
    HIGH,
    LOW,
    blurred,
    copied,
    copied_fraction,
    events,
    high_frequency,
    nearest_lines,
    newness,
    noise_lines,
    onsets_a_bar,
    pitch_correlation,
    pitch_line,
    precision_by_votes,
    repeated_share,
    restruck,
    transposed_lines,
    variety,
)


def random_lines(seed, rests, notes, steps=2 * BAR):
    """Three legal lines, from silent to all notes."""
    rng = np.random.default_rng(seed)
    kind, pitch = rng.random((3, steps)), rng.integers(LOW, HIGH + 1, (3, steps))
    tokens = np.where(kind < rests, REST, np.where(kind < rests + notes, pitch, HOLD))
    return repair_grid(tokens.astype(np.uint8))


LINES = st.builds(random_lines, st.integers(0, 2**20), st.floats(0, 1), st.floats(0, 1))


def sounding(tokens):
    """The pitch at every step, 0 where nothing sounds."""
    return np.where(tokens > REST, pitch_line(tokens), 0)


# --- notes ---


def test_events_of_every_kind():
    # a rest first, a rest after, a note cut by the next, a last note with and without rest
    found = events([[0, 60, 1, 0, 62, 64, 1, 0], [1, 0, 0, 0, 0, 0, 0, 50], [0] * 8])
    assert found.row.tolist() == [0, 0, 0, 1]
    assert found.step.tolist() == [1, 4, 5, 7]
    assert found.pitch.tolist() == [60, 62, 64, 50]
    assert found.length.tolist() == [2, 1, 2, 1]
    assert found.gap.tolist() == [3, 1, 2, 1]
    assert found.last.tolist() == [False, False, True, True]
    assert [len(column) for column in events(np.zeros((2, 8)))] == [0] * 6


@given(LINES)
def test_events_agree_with_the_grid_one_by_one(tokens):
    from fusiontools.music.grid import decode_grid

    found = events(tokens)
    for row, line in enumerate(tokens):
        notes = decode_grid(line, steps_per_beat=1)
        own = found.row == row
        assert found.step[own].tolist() == notes.onset.tolist()
        assert found.pitch[own].tolist() == notes.pitch.tolist()
        assert found.length[own].tolist() == notes.duration.tolist()


def test_the_pitch_that_sounds_or_sounded_last():
    lines = [[0, 60, 1, 0, 62, 1], [50, 0, 0, 0, 0, 0], [0] * 6]
    assert pitch_line(lines).tolist() == [[60, 60, 60, 60, 62, 62], [50] * 6, [0] * 6]


# --- against the source ---


def test_correlation_is_that_of_the_steps_where_both_sound():
    rng = np.random.default_rng(0)
    a, b = (rng.integers(42, 79, (4, 64)) for _ in range(2))
    a[:, 10:20], b[:, 15:30] = REST, REST
    heard = np.r_[:10, 30:64]
    wanted = [np.corrcoef(x[heard], y[heard])[0, 1] for x, y in zip(a, b)]
    np.testing.assert_allclose(pitch_correlation(a, b), wanted, rtol=1e-12)


@pytest.mark.parametrize(
    "line, source, r",
    [
        ([60, 62, 64, 65], [60, 62, 64, 65], 1),
        ([65, 64, 62, 60], [60, 61, 63, 65], -1),
        ([60, 60, 60, 60], [60, 62, 64, 65], 0),  # does not move
        ([60, 62, 0, 0], [0, 0, 64, 65], 0),  # never together
        ([0, 0, 0, 0], [60, 62, 64, 65], 0),
    ],
)
def test_correlation_table(line, source, r):
    assert pitch_correlation([line], [source])[0] == pytest.approx(r, abs=1e-12)


@pytest.mark.parametrize(
    "line, source, within, share",
    [
        ([60, 1, 62, 1], [60, 1, 62, 1], 0, 1),
        ([60, 1, 62, 1], [61, 1, 61, 1], 1, 1),
        ([60, 1, 62, 1], [61, 1, 61, 1], 0, 0),
        ([60, 1, 62, 1], [62, 1, 1, 1], 1, 0.5),
        ([60, 1, 62, 1], [60, 0, 0, 0], 1, 1),  # only where both sound
        ([0, 0, 62, 1], [60, 1, 0, 0], 1, 0),
    ],
)
def test_copied_fraction_table(line, source, within, share):
    assert copied_fraction([line], [source], within)[0] == share


def test_lines_and_sources_must_match():
    for measure in (pitch_correlation, copied_fraction):
        with pytest.raises(ValueError, match="not the same"):
            measure([[60, 1]], [[60, 1, 1]])


@given(LINES, st.integers(-6, 6))
def test_what_no_transposition_changes(tokens, by):
    up = moved(tokens, by)
    assert variety(up) == variety(tokens)
    np.testing.assert_array_equal(newness(up), newness(tokens))
    np.testing.assert_array_equal(repeated_share(up), repeated_share(tokens))
    np.testing.assert_allclose(high_frequency(up), high_frequency(tokens), atol=1e-9)
    own = pitch_correlation(tokens, tokens)
    np.testing.assert_allclose(pitch_correlation(up, tokens), own, atol=1e-9)
    assert np.isin(own.round(9), [0, 1]).all()


@given(LINES)
def test_a_line_is_its_own_copy(tokens):
    sounds = (tokens > REST).any(axis=1)
    assert (
        copied_fraction(tokens, tokens, within=0).tolist() == sounds.astype(float).tolist()
    )


# --- alone ---


def test_variety_table():
    line, held = [60, 1, 64, 1], [60, 1, 1, 1]
    assert variety([line] * 5) == 0
    assert variety([line, moved(np.array(line), 5)]) == 0
    assert variety([line, held]) == 0.5  # another pitch, and no start
    assert variety([line, [60, 60, 64, 64]]) == 0.5  # starts only
    assert variety([line, [60, 0, 64, 0]]) == 0.5  # rests only
    assert variety([line, line, held]) == pytest.approx((0 + 0.5 + 0.5) / 3)
    # from the middle pitch, 62, only the first differs
    assert variety([[60, 62, 70], [61, 62, 70]]) == pytest.approx(1 / 3)
    assert variety(np.zeros((3, 8), int)) == 0
    with pytest.raises(ValueError, match="two"):
        variety([line])


def test_variety_of_many_is_drawn_by_a_seed():
    lines = repair_grid(np.random.default_rng(0).integers(42, 79, (30, 64)))
    assert variety(lines, pairs=50, seed=1) == variety(lines, pairs=50, seed=1)
    assert variety(lines, pairs=50, seed=1) != variety(lines, pairs=50, seed=2)
    assert variety(lines, pairs=400) == pytest.approx(variety(lines), abs=0.02)


def picture(wave):
    x, y = np.meshgrid(np.arange(32), np.arange(32))
    return (60 + np.round(8 * wave(x, y))).astype(np.uint8).reshape(1, -1)


def test_high_frequency_is_radial_and_above_half_of_nyquist():
    def wave(u, v):
        return picture(lambda x, y: np.sin(2 * np.pi * (u * x + v * y) / 32 + 0.3))

    # of 32 pixels 16 cycles are Nyquist; rounding to semitones costs a little
    for u, v, share in [(1, 0, 0), (0, 1, 0), (6, 0, 0), (0, 10, 1), (10, 0, 1), (7, 7, 1)]:
        assert high_frequency(wave(u, v))[0] == pytest.approx(share, abs=0.03), (u, v)
    assert high_frequency(np.full((1, 1024), 60)).tolist() == [0]
    assert high_frequency(np.zeros((1, 1024), int)).tolist() == [0]
    exact = np.tile([60, 60, 62, 62], (1, 256))  # 8 cycles: half of Nyquist is not above it
    assert high_frequency(exact)[0] == pytest.approx(0, abs=1e-9)


def test_rests_make_no_detail():
    gaps = np.tile([60, 0], (1, 512))
    assert high_frequency(gaps).tolist() == [0]


def test_repeats_and_onsets():
    lines = np.zeros((3, 64), np.uint8)
    lines[0, :4] = 60, 60, 0, 60
    lines[1, :3] = 60, 62, 60
    lines[2, 5] = 60
    assert repeated_share(lines).tolist() == [1, 0, 0]
    assert onsets_a_bar(lines).tolist() == [1.5, 1.5, 0.5]


def slow_newness(line, notes, rhythm):
    own = events([line])
    steps = list(zip(np.diff(own.pitch).tolist(), own.gap[:-1].tolist()))
    steps = steps if rhythm else [leap for leap, _ in steps]
    runs = [tuple(steps[i : i + notes - 1]) for i in range(len(steps) - notes + 2)]
    return len(set(runs)) / len(runs) if runs else 0


@given(LINES, st.integers(2, 5), st.booleans())
def test_newness_is_counted_line_by_line(tokens, notes, rhythm):
    wanted = [slow_newness(line, notes, rhythm) for line in tokens]
    np.testing.assert_allclose(newness(tokens, notes, rhythm), wanted)


def test_newness_knows_music_from_noise():
    bar = np.array([60, 1, 62, 1, 64, 1, 1, 1] * 4)
    assert newness([np.tile(bar, 8)], rhythm=False)[0] < 0.05
    assert newness([np.random.default_rng(0).integers(42, 79, 256)])[0] == 1


def test_precision_needs_more_votes_than_the_threshold_and_no_tie():
    votes = [[21, 20, 9], [20, 19, 11], [25, 25, 0], [5, 40, 5], [30, 10, 10]]
    actual = [0, 0, 0, 1, 1]
    assert precision_by_votes(votes, actual, 20)[:2].tolist() == [0.5, 1]
    assert precision_by_votes(votes, actual, 19)[0] == pytest.approx(2 / 3)
    assert np.isnan(precision_by_votes(votes, actual, 20)[2])
    assert np.isnan(precision_by_votes(votes, actual, 45)).all()


# --- rows that cost nothing ---


@given(LINES, st.integers(0, 5))
def test_rows_are_legal_and_never_touch_what_they_get(tokens, seed):
    before = tokens.copy()
    rows = [copied(tokens), restruck(tokens), transposed_lines(tokens, seed)]
    rows.append(noise_lines(tokens, seed))
    for row in rows:
        assert row.shape == tokens.shape and row.dtype == np.uint8
        assert all(is_legal_grid(line, LOW, HIGH) for line in row)
        assert not np.shares_memory(row, tokens)
        np.testing.assert_array_equal(row == REST, tokens == REST)
    np.testing.assert_array_equal(tokens, before)


@given(LINES)
def test_restruck_keeps_every_pitch_and_strikes_every_eighth(tokens):
    again = restruck(tokens)
    np.testing.assert_array_equal(sounding(again), sounding(tokens))
    eighths = again[:, ::4]
    assert (eighths[tokens[:, ::4] > REST] > HOLD).all()
    assert ((again > HOLD) >= (tokens > HOLD)).all()
    np.testing.assert_array_equal(restruck(again), again)


@given(LINES, st.integers(0, 5))
def test_transposed_keeps_the_rhythm_and_the_pitch_classes_of_one_key(tokens, seed):
    row = transposed_lines(tokens, seed)
    np.testing.assert_array_equal(row > HOLD, tokens > HOLD)
    for new, old in zip(row.astype(int), tokens.astype(int)):
        by = set(((new - old)[old > HOLD] % 12).tolist())
        assert len(by) <= 1 and 0 not in by


def test_transposed_goes_up_and_down_by_one_to_six():
    line = np.full((400, 4), HOLD, np.uint8)
    line[:, 0] = 60
    by = transposed_lines(line)[:, 0].astype(int) - 60
    assert set(by.tolist()) == {*range(-6, 0), *range(1, 7)}
    assert (transposed_lines(line, 0) == transposed_lines(line, 0)).all()
    assert (transposed_lines(line, 0) != transposed_lines(line, 1)).any()
    for pitch, wanted in [
        (78, range(67, 78)),  # up: an octave lower
        (42, range(43, 54)),
        (72, {*range(66, 79)} - {72}),  # the highest and the lowest pitch are allowed
        (48, {*range(42, 55)} - {48}),
    ]:
        edge = np.where(line == 60, pitch, line)
        assert set(transposed_lines(edge)[:, 0].tolist()) == set(wanted)


@given(LINES, st.integers(0, 5))
def test_noise_is_as_dense_as_its_source(tokens, seed):
    noise = noise_lines(tokens, seed)
    assert ((noise > HOLD).sum(axis=1) == (tokens > HOLD).sum(axis=1)).all()
    np.testing.assert_array_equal(noise_lines(tokens, seed), noise)


def test_noise_has_any_pitch_at_any_place():
    source = np.full((200, 64), HOLD, np.uint8)
    source[:, ::8] = 60
    noise = noise_lines(source)
    assert set(noise[noise > HOLD].tolist()) == set(range(LOW, HIGH + 1))
    assert (noise[:, 1:] > HOLD).mean(axis=0).min() > 0.03


def test_nearest_is_the_nearest():
    rng = np.random.default_rng(0)
    source, target = rng.integers(42, 79, (5, 16)), rng.integers(42, 79, (40, 16))

    def describe(lines):
        return np.asarray(lines)[:, :3].astype(float)

    gap = np.linalg.norm(describe(source)[:, None] - describe(target), axis=2)
    found = nearest_lines(source, target, describe)
    np.testing.assert_array_equal(found, target[gap.argmin(axis=1)])


@given(LINES)
def test_an_average_is_that_of_the_pitches_around_each_step(tokens):
    made, pitch = blurred(tokens, over=5), pitch_line(tokens).astype(float)
    assert all(is_legal_grid(row, LOW, HIGH) for row in made)
    assert ((made == REST) == (tokens == REST)).all()
    last = tokens.shape[1] - 1
    around = np.clip(np.arange(last + 1)[:, None] + np.arange(-2, 3), 0, last)
    slow = np.floor(pitch[:, around].sum(axis=2) / 5 + 0.5)
    assert (sounding(made) == np.where(tokens == REST, 0, slow)).all()


def test_an_average_leaves_a_drone_alone_and_flattens_what_repeats_within_a_bar():
    drone = np.array([[60] + [HOLD] * 63])
    assert (blurred(drone) == drone).all()
    shake = np.tile([[60, 64]], (1, 64))
    assert set(pitch_line(blurred(shake))[0, BAR:-BAR].tolist()) == {62}
