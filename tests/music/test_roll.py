"""What is true of piano rolls, with two planes and with one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from fusiontools.errors import MusicFileError, UnitError
from fusiontools.music.notes import Notes
from fusiontools.music.roll import (
    ONSET,
    SOUND,
    decode_many_hot,
    decode_roll,
    encode_many_hot,
    encode_roll,
    is_legal_roll,
    join_bars,
    split_bars,
)

often = settings(max_examples=80, deadline=None, derandomize=True)
steps = st.integers(1, 24)
rows = st.lists(
    st.tuples(
        st.floats(0, 20), st.floats(0.01, 6), st.integers(60, 64), st.integers(1, 127)
    ),
    max_size=15,
)
planes = arrays.arrays(
    np.uint8,
    st.tuples(st.just(2), st.integers(0, 12), st.integers(1, 4)),
    elements=st.integers(0, 1),
)


def decode_by_hand(roll, steps_per_beat, low):
    """Walk down every column."""
    found = []
    for p in range(roll.shape[2]):
        start = None
        for t in range(roll.shape[1] + 1):
            inside = t < roll.shape[1]
            onset = inside and roll[ONSET, t, p]
            sound = inside and (roll[SOUND, t, p] or onset)
            if start is not None and (onset or not sound):
                found.append(
                    (start / steps_per_beat, (t - start) / steps_per_beat, low + p)
                )
                start = None
            if sound and start is None:
                start = t
    return Notes.of(found)


@often
@given(planes, steps)
def test_legal_rolls_come_back_and_only_legal_ones_do(roll, per_beat):
    notes = decode_roll(roll, per_beat, low=60)
    back = encode_roll(notes, per_beat, 60, 60 + roll.shape[2] - 1, length=roll.shape[1])
    assert np.array_equal(back, roll) == is_legal_roll(roll)
    assert notes == decode_by_hand(roll, per_beat, 60)


@often
@given(rows, steps, st.booleans())
def test_whatever_is_drawn_is_legal_and_survives(rows, per_beat, velocity):
    roll = encode_roll(Notes.of(rows), per_beat, 60, 64, velocity=velocity)
    notes = decode_roll(roll, per_beat, 60, velocity)
    assert is_legal_roll(roll, velocity)
    assert np.array_equal(
        encode_roll(notes, per_beat, 60, 64, roll.shape[1], velocity), roll
    )


@often
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.integers(0, 3), st.integers(1, 127)),
        unique_by=lambda r: r[:2],
        max_size=15,
    )
)
def test_notes_on_the_grid_that_do_not_overlap_survive_with_their_loudness(rows):
    notes = Notes.of([(t / 2, 0.5, 60 + p, v) for t, p, v in rows])
    assert decode_roll(encode_roll(notes, velocity=True), velocity=True) == notes


@often
@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(0, 12), st.integers(1, 4)),
        elements=st.integers(0, 1),
    )
)
def test_every_many_hot_roll_comes_back(roll):
    notes = decode_many_hot(roll, low=60)
    assert np.array_equal(
        encode_many_hot(notes, low=60, high=60 + roll.shape[1] - 1, length=len(roll)), roll
    )


@often
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(1, 60), st.integers(0, 3))),
    st.integers(1, 24),
)
def test_the_plain_roll_is_the_plane_of_sound(rows, steps):
    notes = Notes.of([(a / 7, n / 7, 60 + p) for a, n, p in rows])
    slow = encode_roll(notes, steps, 60, 63)[SOUND]
    assert np.array_equal(encode_many_hot(notes, steps, 60, 63), slow)


def test_what_tells_the_two_rolls_apart():
    repeated, held = Notes.of([(0, 1, 60), (1, 1, 60)]), Notes.of([(0, 2, 60)])
    assert np.array_equal(encode_many_hot(repeated), encode_many_hot(held))
    assert (
        decode_roll(encode_roll(repeated)) == repeated
        and decode_roll(encode_roll(held)) == held
    )


def test_a_new_stroke_cuts_the_old_one_and_the_longest_of_equals_stays():
    cut = decode_roll(encode_roll(Notes.of([(0, 4, 60), (2, 1, 60)])))
    assert [(n.onset, n.duration) for n in cut] == [(0, 2), (2, 1)]
    together = decode_roll(
        encode_roll(Notes.of([(0, 1, 60, 90), (0, 2, 60, 50)]), velocity=True),
        velocity=True,
    )
    assert together == Notes.of([(0, 2, 60, 50)])


def test_triplets_and_sixteenths_both_fall_on_24_steps():
    tune = Notes.of(
        [(k / 3, 1 / 3, 60 + k) for k in range(3)]
        + [(1 + k / 4, 1 / 4, 60 + k) for k in range(4)]
    )
    back = decode_roll(encode_roll(tune))
    assert np.allclose(back.onset, tune.onset) and np.allclose(back.duration, tune.duration)


@often
@given(planes, st.integers(1, 6))
def test_bars_joined_are_the_roll(roll, bar):
    for picture in (roll, roll[SOUND]):
        bars = split_bars(picture, bar)
        assert bars.shape[-2] == bar
        whole = join_bars(bars)
        length = picture.shape[-2]
        assert (
            np.array_equal(whole[..., :length, :], picture)
            and not whole[..., length:, :].any()
        )


def test_a_network_s_values_are_read_from_the_threshold_on():
    assert len(decode_many_hot([[0.4], [0.6]], threshold=0.5)) == 1
    assert decode_many_hot([[0.4], [0.6]], 1, threshold=0.3)[0].duration == 2


def test_refusals():
    with pytest.raises(MusicFileError, match="holds 24 to 107"):
        encode_roll(Notes.of([(0, 1, 20)]), low=24, high=107)
    with pytest.raises(UnitError):
        encode_roll(Notes.of([(0, 1, 60)], unit="seconds"))
    with pytest.raises(ValueError, match="crop"):
        encode_roll(Notes.of([(0, 1, 60)]), length=3)
    with pytest.raises(ValueError, match="two planes"):
        decode_roll(np.zeros((4, 128)))
    with pytest.raises(ValueError, match="one plane"):
        decode_many_hot(np.zeros((2, 4, 128)))
