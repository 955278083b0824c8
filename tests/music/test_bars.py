"""Bars: where they are, which four are taken, and a fourth beat for those of three."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.music.bar_notes import notes_from
from fusiontools.music.bars import bars_of, chosen_bar, first_bar, read_in_fours
from fusiontools.music.grid import HOLD, REST, encode_grid
from fusiontools.music.midi import Meter, Piece
from fusiontools.music.notes import Notes, legato

C, D, E, F, G = 72, 74, 76, 77, 79


def tune(bars=4, start=0.0, pitches=(C, D, E, F, G, E, D, C), step=0.5):
    """Eighths, bar after bar."""
    many = int(bars * 4 / step)
    return Notes.of(
        [(start + step * k, step, pitches[k % len(pitches)]) for k in range(many)]
    )


def counted(*meters, stop, bars=None):
    return bars_of(Piece(meters=meters, bars=bars), stop)


def test_bars_are_numbered_from_the_first_whole_one():
    bars = counted(Meter(0.0, 3, 8), Meter(1.5, 6, 8), Meter(7.5), stop=16)
    assert bars.number.tolist() == [0, 1, 2, 3, 4, 5] and bars.start.tolist() == [
        -1.5,
        1.5,
        4.5,
        7.5,
        11.5,
        15.5,
    ]
    whole = counted(Meter(0.0, 2, 4), Meter(4.0), stop=28)  # two bars of 2/4 are no upbeat
    assert whole.number.tolist()[:4] == [1, 2, 3, 4] and whole.length.tolist()[:4] == [
        2,
        2,
        4,
        4,
    ]
    assert (
        first_bar(whole, tune(4), 16.0, "x") == (0, [])
        and chosen_bar(counted(Meter(0.0), stop=40), tune(8), 32, 3, "x") == 2
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
    bars = counted(*changes, stop=beat)
    assert (
        np.allclose(bars.start[1:], (bars.start + bars.length)[:-1]) and bars.start[0] <= 0
    )
    assert (np.diff(bars.number) == 1).all() and bars.number[bars.start >= 0][0] == 1


NAMES = ["4/4", "3/4", "6/8", "2/4", "12/8"]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(NAMES),
    st.integers(0, 7),
    st.sets(st.integers(1, 20)),
    st.integers(1, 7),
)
def test_what_repeat_signs_cut_in_two_is_one_bar(name, upbeat, cuts, at):
    numerator, denominator = map(int, name.split("/"))
    unit = 4 / denominator
    bar = numerator * unit
    first = (upbeat % numerator) * unit
    meter = Meter(first - bar if first else 0.0, numerator, denominator)
    lines = [meter.beat + bar * k for k in range(24)]
    signs = [lines[k] + (at % (numerator - 1) + 1) * unit for k in cuts]
    plain = counted(meter, stop=lines[-1], bars=tuple(lines))
    cut = counted(meter, stop=lines[-1], bars=tuple(sorted(lines + signs)))
    for one, other in zip(plain[:3], cut[:3]):
        assert np.allclose(one, other)
    assert cut.regular.all() == plain.regular.all() == (name in ("4/4", "2/4"))
    # and they are those that follow from the meter
    assert np.allclose(plain.start, counted(meter, stop=lines[-1]).start)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, 7.5]), min_size=2, max_size=12))
def test_bar_lines_stand_where_the_file_has_them(lengths):
    lines = np.cumsum([0.0, *lengths])  # the last bar is as long as its meter says
    bars = counted(Meter(0.0), stop=lines[-1] + 4, bars=tuple(lines))
    assert set(bars.start) <= set(lines) and (np.diff(bars.number) == 1).all()
    gone = [i for i, line in enumerate(lines) if line not in bars.start]
    # two that are short, and one bar together
    assert all(lengths[i - 1 : i + 1] in ([1, 3], [2, 2], [3, 1]) for i in gone)
    assert np.array_equal(bars.regular, bars.length == 4)
    assert bars.start[-1] + bars.length[-1] == lines[-1] + 4


@pytest.mark.parametrize("name", ["4/4", "3/4", "6/8", "2/4"])
@pytest.mark.parametrize("many", [2, 3, 16])
def test_a_bar_as_long_as_several_lacks_lines(name, many):
    meter = Meter(0.0, *map(int, name.split("/")))
    lines = [meter.bar * k for k in range(30) if not 4 <= k < 4 + many - 1]
    bars = counted(meter, stop=30 * meter.bar, bars=tuple(lines))
    assert np.allclose(bars.start, meter.bar * np.arange(30))
    assert np.allclose(bars.length, meter.bar) and bars.number[-1] == 30


def test_a_bar_of_two_and_a_half_is_one():
    bars = counted(Meter(0.0), stop=20, bars=(0.0, 4.0, 14.0))
    assert bars.length.tolist() == [4, 10, 4, 4] and bars.regular.tolist()[1] is False


def test_two_short_bars_of_different_meters_stay_two():
    bars = counted(Meter(0.0), Meter(6.0, 3, 4), stop=13, bars=(0.0, 4.0, 6.0, 7.0, 10.0))
    assert bars.length.tolist() == [4, 2, 1, 3, 3]
    assert bars.regular.tolist() == [True, False, False, False, False]


@pytest.mark.parametrize(
    ("meters", "starts"),
    [
        ([Meter(0.0, 1, 4), Meter(1.0)], [-3, 1, 5]),
        ([Meter(0.0, 3, 4), Meter(3.0)], [-1, 3, 7]),
        ([Meter(0.0, 4, 4), Meter(1.0)], [-3, 1, 5]),  # said again before it is over
        ([Meter(0.0, 4, 4), Meter(4.0, 5, 4)], [-1, 4, 9]),
        ([Meter(0.0, 5, 4), Meter(5.0)], [0, 5, 9]),
        ([Meter(0.0, 3, 4), Meter(3.0), Meter(7.0, 3, 4)], [0, 3, 7]),  # in turn
        ([Meter(-7.0, 4, 4)], [-3, 1, 5]),
        ([Meter(-1.5, 3, 8)], [0, 1.5, 3]),
    ],
)
def test_a_short_first_bar_of_a_midi_file_is_an_upbeat(meters, starts):
    bars = counted(*meters, stop=20)
    assert bars.start[:3].tolist() == starts
    assert bars.number[0] == (0 if starts[0] < 0 else 1)


def test_a_note_that_a_short_bar_leaves_no_length_is_still_a_note():
    # the bar of 12/8 has one beat; what ends a sixteenth before its end has no place in it
    meters = (Meter(0.0, 6, 8), Meter(3.0, 12, 8), Meter(4.0, 6, 8))
    tune = Notes.of([(k, 0.5, 60) for k in range(20)] + [(3.625, 0.125, 64)])
    found = read_in_fours(bars_of(Piece(meters=meters), 20.0), tune, 20.0)[1]
    assert len(found) == len(tune) and (found.duration > 0).all()


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
    bars = counted(Meter(0.0, 3, 4), stop=notes.end + 16)
    new, wide, end = read_in_fours(bars, notes, notes.end)
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
    bars = counted(
        *(Meter(12.0 * i, *meter) for i, meter in enumerate(meters)), stop=notes.end + 16
    )
    new, wide, end = read_in_fours(bars, notes, notes.end)
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
