"""What is true of notes and of the two clocks, whatever music they hold."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, UnitError
from fusiontools.music import midi
from fusiontools.music.notes import (
    Note,
    Notes,
    Tempo,
    concatenate,
    crop,
    intervals,
    is_melody,
    legato,
    merge,
    note_name,
    quantize,
    shift,
    to_beats,
    to_seconds,
    transpose,
)

COLUMNS = ("onset", "duration", "pitch", "velocity")
UNITS = st.sampled_from(["beats", "seconds"])
# sums of sixteenths are exact in floating point
on_grid = st.integers(0, 200).map(lambda k: k / 16)
lengths = st.integers(1, 64).map(lambda k: k / 16)
rows = st.lists(
    st.tuples(on_grid, lengths, st.integers(0, 127), st.integers(1, 127)), max_size=12
)
# what is closer together may change places by rounding
any_time = st.integers(0, 500_000).map(lambda k: k / 1000)
any_length = st.floats(1e-3, 50)
free_rows = st.lists(
    st.tuples(any_time, any_length, st.integers(0, 127), st.integers(1, 127)), max_size=12
)
often = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def tempo_maps(draw):
    """Two to six anchors, at 20 to 400 beats a minute between them."""
    spans = draw(
        st.lists(st.tuples(st.floats(0.1, 40), st.floats(20, 400)), min_size=1, max_size=5)
    )
    first = draw(st.floats(-20, 20)), draw(st.floats(-20, 20))
    beats = np.cumsum([first[0], *(b for b, _ in spans)])
    return Tempo(beats, np.cumsum([first[1], *(60 * b / bpm for b, bpm in spans)]))


def some(unit="beats"):
    return Notes.of([(0, 1, 60, 64), (1, 0.5, 64, 80), (1, 2, 67, 100)], unit=unit)


# A value


@often
@given(rows, UNITS)
def test_notes_are_sorted_by_onset_then_pitch_and_none_is_lost(rows, unit):
    notes = Notes.of(rows, unit=unit)
    assert sorted(notes) == sorted(Note(*r) for r in rows)
    assert [(n.onset, n.pitch) for n in notes] == sorted((r[0], r[2]) for r in rows)


@often
@given(rows, UNITS)
def test_what_notes_hand_out_makes_them_again(rows, unit):
    notes = Notes.of(rows, unit=unit)
    assert Notes.of(notes, unit=unit) == notes
    assert [notes[i] for i in range(len(notes))] == list(notes)
    assert merge(notes[: len(notes) // 2], notes[len(notes) // 2 :]) == notes[:] == notes
    assert notes.end == max((n.onset + n.duration for n in notes), default=0.0)


def test_an_index_gives_a_note_and_everything_else_gives_notes():
    notes = some()
    assert notes[-1] == Note(1.0, 2.0, 67, 100) and notes[np.int64(0)] == notes[0]
    assert notes[[0, 2]].pitch.tolist() == [60, 67]
    assert notes[notes.pitch > 60].pitch.tolist() == [64, 67]
    assert notes[1:].unit == "beats" and some("seconds")[1:].unit == "seconds"


@pytest.mark.parametrize("column", COLUMNS)
def test_nothing_of_a_value_can_be_changed(column):
    notes = some()
    with pytest.raises(ValueError, match="read-only"):
        getattr(notes, column)[0] = 1
    with pytest.raises(AttributeError):
        setattr(notes, column, np.ones(3))
    tempo = Tempo.constant(90)
    for anchors in (tempo.beat, tempo.second):
        with pytest.raises(ValueError, match="read-only"):
            anchors[0] = 7


def test_the_arrays_that_notes_were_made_of_stay_the_callers_own():
    onset, pitch = np.array([0.0, 1.0]), np.array([60, 62], dtype=np.int16)
    beat = np.array([0.0, 1.0])
    notes, tempo = Notes(onset, np.ones(2), pitch), Tempo(beat, [0, 1])
    onset[0], pitch[0], beat[0] = 9.0, 127, -5.0
    assert (notes.onset[0], notes.pitch[0], tempo.beat[0]) == (0.0, 60, 0.0)


@pytest.mark.parametrize(
    "changed", [(0.5, 1, 60, 64), (0, 2, 60, 64), (0, 1, 61, 64), (0, 1, 60, 65)]
)
def test_notes_that_differ_anywhere_are_not_equal(changed):
    one = Notes.of([(0, 1, 60, 64)])
    assert one != Notes.of([changed])


def test_equality_takes_unit_and_number_into_account_and_nothing_else():
    assert some() == some() and some() == Notes.of(list(some())[::-1])
    assert some() != some("seconds") and some() != some()[1:] and some() != list(some())
    assert Tempo.constant(90) == Tempo([0, 1], [0, 60 / 90]) != Tempo.constant(91)


def test_velocity_is_eighty_where_nobody_said_anything():
    assert (
        Notes([0, 1], [1, 1], [60, 62]).velocity.tolist()
        == [80, 80]
        == Notes.of([(0, 1, 60), (1, 1, 62)]).velocity.tolist()
    )


def test_no_notes_are_notes_too():
    none = Notes.of([])
    assert len(none) == 0 and none.end == 0.0 and list(none) == [] and "none" in repr(none)
    assert (
        none
        == Notes([], [], [])
        == transpose(none, 3)
        == shift(none, 1)
        == crop(none, 0, 4)
        == quantize(none)
        == legato(none)
    )
    assert (
        to_beats(to_seconds(none, 100), 100) == none == merge(none, none)
        and is_melody(none)
        and len(intervals(none)) == 0
    )
    assert merge(none, some()) == some()


# What is refused


@pytest.mark.parametrize(
    "columns",
    [
        ([np.nan], [1], [60]),
        ([np.inf], [1], [60]),
        ([0], [np.nan], [60]),
        ([0], [np.inf], [60]),
        ([0], [-1], [60]),
        ([0], [0], [60]),
        ([0], [1], [128]),
        ([0], [1], [-1]),
        ([0], [1], [60.5]),
        ([0], [1], [np.nan]),
        ([0], [1], [np.inf]),
        ([0], [1], [60], [-1e300]),
        ([0], [1], [60], [0]),
        ([0], [1], [60], [128]),
        ([0], [1], [60], [64.5]),
        ([0, 1], [1], [60]),
        ([0, 1], [1, 1], [60]),
        ([0, 1], [1, 1], [60, 62], [80]),
        ([[0]], [[1]], [[60]]),
        (0, 1, 60),
    ],
)
@pytest.mark.filterwarnings("error")
def test_impossible_values_are_programming_mistakes(columns):
    with pytest.raises(ValueError) as caught:
        Notes(*columns)
    assert not isinstance(caught.value, FusionError)


@pytest.mark.parametrize("semitones", [61, -68, 0.5, 40_000])
def test_no_note_is_transposed_out_of_midi(semitones):
    with pytest.raises(ValueError):
        transpose(some(), semitones)


@pytest.mark.parametrize(
    "mix",
    [
        lambda: Notes.of([(0, 1, 60)], unit="bars"),
        lambda: merge(some(), some("seconds")),
        lambda: merge(some("seconds"), some("seconds"), some()),
        lambda: concatenate([some(), some("seconds")], 4),
        lambda: to_seconds(some("seconds"), 120),
        lambda: to_beats(some(), 120),
        lambda: quantize(some("seconds")),
        lambda: midi.write_midi(some("seconds"), "never.mid"),
        lambda: midi.piece_from_seconds(some()),
    ],
)
def test_the_two_clocks_are_never_mixed(mix):
    with pytest.raises(UnitError, match="What to do"):
        mix()


@pytest.mark.parametrize(
    "anchors",
    [
        ([0], [0]),
        ([0, 0], [0, 1]),
        ([0, 1], [1, 1]),
        ([0, 1, 2], [0, 2, 1]),
        ([0, np.nan], [0, 1]),
        ([0, 1], [0, np.inf]),
        ([[0, 1]], [[0, 1]]),
    ],
)
def test_time_neither_stands_still_nor_runs_backwards(anchors):
    with pytest.raises(MusicFileError, match="do not increase.*What to do"):
        Tempo(*anchors)


@pytest.mark.parametrize("bpm", [0, -120, float("inf"), float("nan")])
def test_a_tempo_is_a_positive_number(bpm):
    with pytest.raises(MusicFileError, match="What to do"):
        to_seconds(some(), bpm)


def test_anchors_come_in_pairs():
    with pytest.raises(ValueError, match="3 beats against 2 seconds"):
        Tempo([0, 1, 2], [0, 1])


# Inverses


@often
@given(rows, UNITS, st.integers(-127, 127))
def test_transposing_back_gives_the_same_notes(rows, unit, semitones):
    notes = Notes.of(rows, unit=unit)
    assume(all(0 <= p + semitones <= 127 for p in notes.pitch.tolist()))
    moved = transpose(notes, semitones)
    assert transpose(moved, -semitones) == notes
    assert (moved.pitch == notes.pitch + semitones).all() and np.array_equal(
        intervals(moved), intervals(notes)
    )


@often
@given(rows, UNITS, st.integers(-999, 999))
def test_shifting_back_gives_the_same_notes(rows, unit, sixteenths):
    notes = Notes.of(rows, unit=unit)
    moved = shift(notes, sixteenths / 16)
    assert shift(moved, -sixteenths / 16) == notes
    assert (moved.onset == notes.onset + sixteenths / 16).all() and (
        moved.duration == notes.duration
    ).all()


@often
@given(free_rows, tempo_maps())
def test_to_beats_is_the_inverse_of_to_seconds(rows, tempo):
    notes = Notes.of(rows)
    heard = to_seconds(notes, tempo)
    back = to_beats(heard, tempo)
    assert heard.unit == "seconds" and back.unit == "beats"
    np.testing.assert_allclose(back.onset, notes.onset, atol=1e-9, rtol=0)
    np.testing.assert_allclose(back.duration, notes.duration, atol=1e-9, rtol=0)
    assert np.array_equal(back.pitch, notes.pitch) and np.array_equal(
        back.velocity, notes.velocity
    )


@often
@given(tempo_maps(), st.lists(st.floats(-100, 600), min_size=2, max_size=20))
def test_the_two_scales_of_a_clock_are_inverse_and_never_run_backwards(tempo, beats):
    beats = np.unique(beats)
    seconds = tempo.seconds_at(beats)
    np.testing.assert_allclose(tempo.beats_at(seconds), beats, atol=1e-9, rtol=0)
    assert (np.diff(seconds) >= 0).all() and (
        np.diff(tempo.seconds_at(np.arange(-50, 50))) > 0
    ).all()
    np.testing.assert_allclose(tempo.seconds_at(tempo.beat), tempo.second, atol=1e-9)
    np.testing.assert_allclose(tempo.beats_at(tempo.second), tempo.beat, atol=1e-9)


@often
@given(tempo_maps(), st.floats(-50, 300))
def test_a_clock_counts_what_its_tempi_say(tempo, beat):
    """Second by second, one span of constant tempo after the other; the first and the last
    tempo go on for ever.
    """
    edges = [-np.inf, *tempo.beat[1:-1].tolist(), np.inf]
    start, slow = float(tempo.beat[0]), float(tempo.second[0])
    for low, high, bpm in zip(edges, edges[1:], tempo.bpm.tolist()):
        slow += (np.clip(beat, low, high) - np.clip(start, low, high)) * 60 / bpm
    assert float(tempo.seconds_at(beat)) == pytest.approx(slow, abs=1e-8)


def test_a_number_is_a_constant_tempo():
    assert to_seconds(some(), 90) == to_seconds(some(), Tempo.constant(90))
    assert to_seconds(some(), 120).onset.tolist() == [0.0, 0.5, 0.5] and to_seconds(
        some(), 30
    ).duration.tolist() == [2.0, 1.0, 4.0]


# Melodies and grids


@often
@given(rows, st.sampled_from([0.25, 0.5, 1.0, 1 / 3, 1 / 6, 1 / 24]))
def test_quantize_pulls_to_the_grid_and_then_leaves_it(rows, step):
    notes = Notes.of(
        [
            (onset + 0.01 * pitch, duration * 0.9, pitch, velocity)
            for onset, duration, pitch, velocity in rows
        ]
    )
    pulled = quantize(notes, step)
    for times in (pulled.onset, pulled.offset):
        np.testing.assert_allclose(times / step, np.round(times / step), atol=1e-9)
    assert (pulled.duration > step * (1 - 1e-9)).all()
    again = quantize(pulled, step)
    np.testing.assert_allclose(again.onset, pulled.onset, atol=1e-12)
    np.testing.assert_allclose(again.duration, pulled.duration, atol=1e-12)


@often
@given(st.floats(0, 300), any_length, st.sampled_from([0.25, 0.5, 1 / 3, 1 / 24]))
def test_quantize_moves_nothing_further_than_half_a_step(onset, duration, step):
    before = Note(onset, duration, 60)
    after = quantize(Notes.of([(onset, duration, 60)]), step)[0]
    assert abs(after.onset - before.onset) <= step / 2 + 1e-9
    # what is too short grows to one step
    end = max(before.onset + before.duration, after.onset + step)
    assert abs(after.onset + after.duration - end) <= step / 2 + 1e-9


def test_halves_are_pulled_up_always():
    pulled = quantize(Notes.of([(0.125, 1, 60), (0.375, 1, 62), (0.625, 1, 64)]), 0.25)
    assert pulled.onset.tolist() == [0.25, 0.5, 0.75]


@often
@given(rows, UNITS)
def test_is_melody_means_that_no_two_notes_overlap(rows, unit):
    notes = Notes.of(rows, unit=unit)
    ns = list(notes)
    slow = not any(
        a.onset < b.onset + b.duration and b.onset < a.onset + a.duration
        for i, a in enumerate(ns)
        for b in ns[:i]
    )
    assert is_melody(notes) == slow


def test_is_melody_forgives_what_its_tolerance_says():
    slip = Notes.of([(0, 1.01, 60), (1, 1, 62)])
    assert not is_melody(slip) and is_melody(slip, tolerance=0.02)


@often
@given(free_rows, UNITS)
def test_legato_makes_a_melody_of_the_highest_notes(rows, unit):
    notes = Notes.of(rows, unit=unit)
    line = legato(notes)
    highest = {}
    for n in notes:
        highest[n.onset] = max(n.pitch, highest.get(n.onset, 0))
    assert is_melody(line) and line.unit == unit
    assert dict(zip(line.onset.tolist(), line.pitch.tolist())) == highest and len(
        line
    ) == len(highest)
    assert legato(line) == line
    longest = {n.onset: max(m.duration for m in notes if m.onset == n.onset) for n in notes}
    assert all(n.duration <= longest[n.onset] for n in line)


# Cutting and pasting


@often
@given(rows, UNITS, on_grid, lengths)
def test_crop_is_what_a_plain_loop_gives(rows, unit, start, length):
    notes, stop = Notes.of(rows, unit=unit), start + length
    slow = [
        (n.onset - start, min(n.onset + n.duration, stop) - n.onset, n.pitch, n.velocity)
        for n in notes
        if start <= n.onset < stop
    ]
    assert crop(notes, start, stop) == Notes.of(slow, unit=unit)
    assert crop(notes, start, stop).end <= length


@often
@given(rows, on_grid, lengths)
def test_two_halves_hold_every_onset_of_the_whole(rows, middle, rest):
    notes = Notes.of(rows)
    first, second = crop(notes, 0, middle), crop(notes, middle, middle + rest)
    assert len(first) + len(second) == len(crop(notes, 0, middle + rest))


@often
@given(st.lists(rows, min_size=1, max_size=4), UNITS)
def test_what_was_concatenated_can_be_cut_out_again(bars, unit):
    parts = [Notes.of(bar, unit=unit) for bar in bars]
    takes = [part.end + 0.25 * i for i, part in enumerate(parts, 1)]
    whole, start = concatenate(parts, takes), 0.0
    assert len(whole) == sum(map(len, parts))
    for part, length in zip(parts, takes):
        assert crop(whole, start, start + length) == part
        start += length


def test_one_length_holds_for_all_parts_and_the_silence_at_a_bars_end_counts():
    bar = Notes.of([(0, 1, 60), (1, 1, 62)])
    assert (
        concatenate([bar] * 3, 4).onset.tolist()
        == concatenate([bar] * 3, [4, 4, 4]).onset.tolist()
        == [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]
    )
    with pytest.raises(ValueError):
        concatenate([bar, bar], [4, 4, 4])


@often
@given(rows, rows, UNITS)
def test_merge_keeps_every_note_of_every_part(one, other, unit):
    both = merge(Notes.of(one, unit=unit), Notes.of(other, unit=unit))
    assert sorted(both) == sorted(Note(*r) for r in one + other) and both.unit == unit


# Pitches


@often
@given(rows)
def test_intervals_and_a_first_pitch_are_the_pitches(rows):
    notes = Notes.of(rows)
    assume(len(notes))
    assert (
        notes.pitch[0] + np.cumsum([0, *intervals(notes)])
    ).tolist() == notes.pitch.tolist()


@pytest.mark.parametrize(
    "pitch, name",
    [
        (0, "C-1"),
        (21, "A0"),
        (59, "B3"),
        (60, "C4"),
        (61, "C#4"),
        (69, "A4"),
        (108, "C8"),
        (127, "G9"),
    ],
)
def test_pitches_have_the_names_that_musicians_give_them(pitch, name):
    assert note_name(pitch) == name == note_name(np.int16(pitch))


def test_a_long_look_says_what_is_there():
    assert repr(some()) == "Notes(3 notes, C4 to G4, 0 to 3 beats)"
    assert (
        repr(Tempo.constant(90)) == "Tempo(90 bpm)"
        and repr(Tempo([0, 1, 2], [0, 1, 1.5])) == "Tempo(60 to 120 bpm)"
    )


@pytest.mark.parametrize("unit", ["beats", "seconds"])
@pytest.mark.parametrize(
    "apart, pitches", [(0.9e-6, [67]), (1.1e-6, [67, 60]), (1e-3, [67, 60])]
)
def test_legato_takes_onsets_for_one_up_to_a_millionth(apart, pitches, unit):
    line = legato(Notes.of([(1, 1, 67), (1 + apart, 1, 60)], unit=unit))
    assert line.pitch.tolist() == pitches and is_melody(line)
    later = legato(Notes.of([(1, 1, 60), (1 + apart, 1, 67)], unit=unit))
    assert later.pitch.tolist() == sorted(pitches)
