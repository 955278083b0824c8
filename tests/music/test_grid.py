"""What is true of the melodico-rhythmic grid, and of the windows that are cut from it."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import MusicFileError, UnitError
from fusiontools.music.grid import (
    decode_grid,
    encode_grid,
    from_classes,
    grid_shifts,
    grid_windows,
    in_range,
    is_legal_grid,
    repair_grid,
    take_windows,
    to_classes,
    transpose_grid,
)
from fusiontools.music.notes import Notes, is_melody, quantize

often = settings(max_examples=100, deadline=None, derandomize=True)
tokens = st.one_of(st.just(0), st.just(1), st.just(1), st.integers(55, 84))
grids = st.lists(tokens, max_size=48)
anything = st.lists(
    st.tuples(st.floats(0, 30), st.floats(0.01, 9), st.integers(0, 127)), max_size=15
)


def legal_by_hand(grid):
    """The rule, word by word."""
    before = 0
    for token in grid:
        if token == 1 and before == 0:
            return False
        before = token if token != 1 else before
    return True


@often
@given(grids)
def test_every_legal_grid_comes_back(grid):
    assert is_legal_grid(grid) == legal_by_hand(grid)
    back = encode_grid(decode_grid(grid), length=len(grid))
    assert back.tolist() == repair_grid(np.array(grid, np.uint8)).tolist()
    assert (back.tolist() == grid) == is_legal_grid(grid)


@often
@given(anything, st.integers(1, 12))
def test_whatever_is_encoded_is_legal_one_voice_and_survives(rows, steps):
    grid = encode_grid(Notes.of(rows), steps_per_beat=steps, outside="fold")
    notes = decode_grid(grid, steps)
    assert is_legal_grid(grid) and is_melody(notes)
    assert np.array_equal(encode_grid(notes, steps_per_beat=steps, length=len(grid)), grid)


@often
@given(grids)
def test_a_repair_is_legal_final_and_changes_only_holds_that_hold_nothing(grid):
    repaired = repair_grid(grid)
    assert is_legal_grid(repaired)
    assert np.array_equal(repair_grid(repaired), repaired)
    assert all(
        old == new or (old == 1 and new == 0) for old, new in zip(grid, repaired.tolist())
    )
    assert decode_grid(grid) == decode_grid(repaired)


@often
@given(st.lists(st.tuples(st.floats(0, 3.9), st.floats(0.2, 1)), min_size=1, max_size=1))
def test_cells_are_those_of_quantize(times):
    notes = Notes.of([(onset, duration, 60) for onset, duration in times])
    assert decode_grid(encode_grid(notes)) == quantize(notes, 0.25)


def test_repairs_are_made_row_by_row():
    assert repair_grid([[1, 60, 1], [0, 1, 1]]).tolist() == [[0, 60, 1], [0, 0, 0]]


def test_what_a_cell_keeps():
    # the highest
    assert encode_grid(Notes.of([(0, 1, 60), (0, 1, 67)])).tolist() == [67, 1, 1, 1]
    # the later cuts
    assert encode_grid(Notes.of([(0, 1, 60), (0.5, 1, 55)])).tolist() == [
        60,
        1,
        55,
        1,
        1,
        1,
    ]
    # a repeat stays one
    assert encode_grid(Notes.of([(0, 0.5, 60), (0.5, 0.5, 60)])).tolist() == [60, 1, 60, 1]
    # nothing is too short
    assert encode_grid(Notes.of([(0, 0.01, 60)]), length=4).tolist() == [60, 0, 0, 0]


@often
@given(
    st.lists(st.integers(0, 127), min_size=1, max_size=8),
    st.integers(20, 70),
    st.integers(11, 30),
)
def test_folding_moves_by_octaves_and_no_further_than_needed(pitches, low, width):
    notes = Notes.of([(i, 1, p) for i, p in enumerate(pitches)])
    folded = in_range(notes, low, low + width, "fold")
    moved = folded.pitch - notes.pitch
    assert (
        (moved % 12 == 0).all()
        and folded.pitch.min() >= low
        and folded.pitch.max() <= low + width
    )
    inside = (notes.pitch >= low) & (notes.pitch <= low + width)
    assert (moved[inside] == 0).all()
    fits_sooner = folded.pitch[~inside] - 12 * np.sign(moved[~inside])
    assert ((fits_sooner < low) | (fits_sooner > low + width)).all()


@often
@given(grids, st.integers(-10, 10))
def test_transposing_moves_pitches_alone_and_back(grid, by):
    grid = np.array(grid, np.uint8)
    moved = transpose_grid(grid, by)
    assert np.array_equal(transpose_grid(moved, -by), grid)
    assert np.array_equal(moved[grid < 2], grid[grid < 2])


@often
@given(grids)
def test_classes_are_a_numbering_without_gaps(grid):
    classes = to_classes(grid)
    assert from_classes(classes).tolist() == grid
    assert to_classes(from_classes(range(32))).tolist() == list(range(32))


def windows_by_hand(track, bars, stride, rule, bar):
    """Look at every window, one by one."""
    found = []
    for start in range(0, len(track) - bars * bar + 1, stride * bar):
        window = track[start : start + bars * bar]
        text = "".join("r" if t == 0 else "x" for t in window)
        empty = [set(text[i : i + bar]) == {"r"} for i in range(0, bars * bar, bar)]
        if rule == "rest" and "r" * (bar + 1) in text:
            continue
        if rule == "bars" and any(a and b for a, b in pairwise(empty)):
            continue
        found.append(start)
    return found


runs = st.lists(st.tuples(st.sampled_from([0, 0, 60]), st.integers(1, 12)), max_size=14)


@often
@given(
    st.lists(runs, max_size=4),
    st.integers(1, 4),
    st.integers(1, 2),
    st.sampled_from(["rest", "bars", None]),
    st.integers(1, 4),
)
def test_windows_are_those_found_one_by_one(tracks, bars, stride, rule, bar):
    tracks = [[token for token, many in track for _ in range(many)] for track in tracks]
    offsets = np.cumsum([0, *map(len, tracks)])
    data = np.array([token for track in tracks for token in track], np.uint8)
    by_hand = [
        o + w
        for o, track in zip(offsets, tracks)
        for w in windows_by_hand(track, bars, stride, rule, bar)
    ]
    starts = grid_windows(data, bars, stride, rule, offsets, bar)
    assert starts.tolist() == by_hand
    if len(starts):
        cut = take_windows(data, starts, bars, bar, repair=False)
        assert cut.tolist() == [data[s : s + bars * bar].tolist() for s in by_hand]


def test_a_cut_note_falls_silent_and_every_window_is_legal():
    grid = encode_grid(Notes.of([(0, 6, 60), (6, 2, 62)]))
    cut = take_windows(grid, grid_windows(grid, bars=1), bars=1)
    assert cut[1].tolist() == [0] * 8 + [62] + [1] * 7
    assert all(is_legal_grid(row) for row in cut)


def test_the_counts_of_section_3_1_on_real_melodies(shared_data):
    with np.load(shared_data / "melodies_16th" / "melodies_4_4_16th.npz") as file:
        data, offsets = file["data"], file["offsets"]
    tracemalloc.start()
    paper = grid_windows(data, offsets=offsets)
    loose = grid_windows(data, offsets=offsets, rule="bars")
    track = np.searchsorted(offsets, paper, side="right") - 1
    shifts = grid_shifts(data, offsets)
    batch = take_windows(data, paper[:: len(paper) // 500])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(paper), len(loose)) == (234_073, 317_634)
    # every semitone that keeps the whole track inside
    assert int((shifts[:, 1] - shifts[:, 0] + 1)[track].sum()) == 3_893_740
    assert set(paper) <= set(loose)
    assert all(is_legal_grid(row) for row in batch)
    assert peak < 500e6


def test_refusals():
    with pytest.raises(MusicFileError, match="54 to 54.*fold"):
        encode_grid(Notes.of([(0, 1, 54)]))
    with pytest.raises(MusicFileError, match="shift"):
        encode_grid(Notes.of([(-1, 1, 60)]))
    with pytest.raises(UnitError):
        encode_grid(Notes.of([(0, 1, 60)], unit="seconds"))
    with pytest.raises(ValueError, match="crop"):
        encode_grid(Notes.of([(0, 1, 60)]), length=3)
    for call in (
        lambda: encode_grid(Notes.of([]), low=1),
        lambda: encode_grid(Notes.of([(0, 1, 60)]), outside="bend"),
        lambda: in_range(Notes.of([(0, 1, 20)]), 60, 65, "fold"),
        lambda: encode_grid(Notes.of([(0, 1, 60)]), steps_per_beat=0),
        lambda: decode_grid([[60]]),
        lambda: decode_grid([128]),
        lambda: to_classes([30]),
        lambda: from_classes([32]),
        lambda: transpose_grid([60], 90),
        lambda: grid_windows([60], rule="none"),
        lambda: grid_windows([60], bars=0),
        lambda: grid_shifts([90]),
    ):
        with pytest.raises(ValueError):
            call()
