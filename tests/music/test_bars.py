"""Bars: where they are, which four are taken, and a fourth beat for those of three."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.music.bars import bars_of, chosen_bar, first_bar, notes_from, widened
from fusiontools.music.grid import HOLD, REST, encode_grid
from fusiontools.music.midi import Meter
from fusiontools.music.notes import Notes, legato

C, D, E, F, G = 72, 74, 76, 77, 79


def tune(bars=4, start=0.0, pitches=(C, D, E, F, G, E, D, C), step=0.5):
    """Eighths, bar after bar."""
    many = int(bars * 4 / step)
    return Notes.of(
        [(start + step * k, step, pitches[k % len(pitches)]) for k in range(many)]
    )


def test_bars_are_numbered_from_the_first_whole_one():
    bars = bars_of([Meter(0.0, 3, 8), Meter(1.5, 6, 8), Meter(7.5)], 16)
    assert bars.number.tolist() == [0, 1, 2, 3, 4, 5] and bars.start.tolist() == [
        -1.5,
        1.5,
        4.5,
        7.5,
        11.5,
        15.5,
    ]
    whole = bars_of([Meter(0.0, 2, 4), Meter(4.0)], 28)  # two bars of 2/4 are no upbeat
    assert whole.number.tolist()[:4] == [1, 2, 3, 4] and whole.length.tolist()[:4] == [
        2,
        2,
        4,
        4,
    ]
    assert (
        first_bar(whole, tune(4), 16.0, "x") == (0, [])
        and chosen_bar(bars_of([Meter(0.0)], 40), tune(8), 32, 3, "x") == 2
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from([(4, 4), (3, 4), (2, 4), (6, 8), (2, 2)]), min_size=1, max_size=5
    ),
    st.lists(st.integers(1, 4), min_size=5),
)
def test_bars_cover_the_piece_without_a_gap(meters, many):
    beat, changes = 0.0, []
    for (numerator, denominator), n in zip(meters, many):
        changes.append(Meter(beat, numerator, denominator))
        beat += n * changes[-1].bar
    bars = bars_of(changes, beat)
    assert (
        np.allclose(bars.start[1:], (bars.start + bars.length)[:-1]) and bars.start[0] <= 0
    )
    assert (np.diff(bars.number) == 1).all() and bars.number[bars.start >= 0][0] == 1


def test_notes_on_the_grid_stay():
    assert notes_from(tune(8), 16.0) == (tune(4), [])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(60, 72)),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 11),
)
def test_a_fourth_beat_is_three_beats_and_their_last_token_again(rows, late_by):
    onset, notes = late_by, []
    for length, rest, pitch in [*rows, (24 - late_by, 1, 60)]:
        # a rest of a sixteenth before a bar line counts as none
        length += rest > 0 and (onset + length) % 12 == 11
        notes.append((onset / 4, length / 4, pitch))
        onset += length + rest
    notes = Notes.of(notes)
    bars = bars_of([Meter(0.0, 3, 4)], notes.end + 16)
    new, wide, end = widened(bars, notes, notes.end)
    many = int(np.ceil(notes.end / 3))
    plain = encode_grid(notes, length=12 * many).reshape(many, 12)
    fourth = np.where(plain[:, -1:] == REST, REST, HOLD).repeat(4, axis=1)
    assert np.array_equal(
        encode_grid(legato(wide), length=16 * many),
        np.concatenate([plain, fourth], axis=1).ravel(),
    )
    assert (
        len(wide) == len(notes)
        and end == wide.end
        and np.array_equal(new.number, bars.number)
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.floats(0.05, 5), st.integers(40, 100)),
        min_size=1,
        max_size=40,
    ),
    st.lists(st.sampled_from([(4, 4), (3, 4), (6, 8), (2, 4)]), min_size=1, max_size=4),
)
def test_a_note_of_any_music_keeps_its_place_in_its_bar(rows, meters):
    notes = Notes.of(rows)
    bars = bars_of(
        [Meter(12.0 * i, *meter) for i, meter in enumerate(meters)], notes.end + 16
    )
    new, wide, end = widened(bars, notes, notes.end)
    bar = np.searchsorted(bars.start, notes.onset + 0.125, side="right") - 1
    assert np.allclose(wide.onset - new.start[bar], notes.onset - bars.start[bar])
    assert (
        np.array_equal(wide.pitch, notes.pitch)
        and (wide.duration > notes.duration - 1e-9).all()
        and end >= wide.end - 1e-9
    )
    assert set(np.round(new.length - bars.length, 9)) <= {0.0, 1.0} and np.allclose(
        new.start[1:], (new.start + new.length)[:-1]
    )
    if (bars.length == 4).all():
        assert wide == notes
