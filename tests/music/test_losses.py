"""What is true of the measured losses."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import UnitError
from fusiontools.music.losses import (
    VIEWS,
    _in_company,
    _voices,
    lost,
    lost_sound,
    round_trip,
)
from fusiontools.music.notes import Notes, legato

often = settings(max_examples=40, deadline=None, derandomize=True)
rows = st.lists(
    st.tuples(
        st.integers(0, 40), st.integers(1, 12), st.integers(55, 84), st.integers(1, 127)
    ),
    min_size=1,
    max_size=20,
)


def grid_notes(rows):
    return Notes.of([(t / 4, d / 4, p, v) for t, d, p, v in rows])


@often
@given(rows, st.sampled_from(list(VIEWS)))
def test_shares_are_shares_and_errors_are_not_negative(rows, view):
    report = lost(grid_notes(rows), view)
    assert all(0 <= report[k] <= 1 for k in ("kept", "added", "chord_notes_lost"))
    assert all(
        report[k] >= 0
        for k in ("onset_error", "duration_error", "velocity_error", "voices_kept")
    )
    assert report["onset_error"] <= 0.25 + 1e-6 and report["notes"] == len(rows)


@often
@given(
    rows,
    st.sampled_from(["tokens, steps", "grid", "roll, two planes", "image, onsets marked"]),
)
def test_a_melody_on_the_grid_loses_nothing_but_loudness(rows, view):
    tune = legato(grid_notes(rows))
    report = lost(tune, view)
    assert (
        report["kept"] == 1
        and report["added"] == report["onset_error"] == report["duration_error"] == 0
    )
    if view == "roll, two planes":
        assert report["velocity_error"] == 0


@often
@given(rows)
def test_nothing_is_lost_where_a_view_is_the_identity(rows):
    notes = grid_notes(rows)
    report = lost(notes, lambda notes: notes)
    assert report["kept"] == 1 and report["voices"] == report["voices_kept"]
    assert (
        report["onset_error"]
        == report["duration_error"]
        == report["velocity_error"]
        == report["added"]
        == 0
    )


def test_each_view_s_own_loss():
    chord = Notes.of([(0, 1, 60), (0, 1, 64), (0, 1, 67)])
    assert lost(chord, "roll, many-hot")["kept"] == 1 and lost(chord, "grid")[
        "kept"
    ] == pytest.approx(1 / 3)
    assert lost(chord, "grid")["chord_notes_lost"] == pytest.approx(2 / 3)
    repeats = Notes.of([(i, 1, 60) for i in range(4)])
    assert {
        v: lost(repeats, v)["kept"]
        for v in ("roll, many-hot", "image, pitch alone", "grid")
    } == {"roll, many-hot": 0.25, "image, pitch alone": 0.25, "grid": 1.0}
    assert lost(Notes.of([(0, 1, 30)]), "grid")["kept"] == 0  # out of its pitches
    triplet = Notes.of([(1 / 3, 1 / 3, 60)])
    assert (
        lost(triplet, "grid")["onset_error"] == pytest.approx(1 / 12)
        and lost(triplet, "roll, two planes")["onset_error"] < 1e-9
    )
    assert lost(Notes.of([(0, 1.25, 60)]), "tokens, notes")["duration_error"] == 0.25


def test_a_piece_longer_than_one_picture_is_read_from_several():
    long_piece = Notes.of([(i, 1, 60 + i % 12) for i in range(1000)])
    assert lost(long_piece, "image, onsets marked")["kept"] == 1


@often
@given(rows)
def test_voices_are_counted_like_this(rows):
    notes = grid_notes(rows)
    cells = np.arange(0, round(notes.end * 4)) / 4
    sounding = np.array([((notes.onset <= t) & (notes.offset > t)).sum() for t in cells])
    assert _voices(notes) == pytest.approx(sounding[sounding > 0].mean())
    overlaps = (notes.onset[:, None] < notes.offset[None, :]) & (
        notes.onset[None, :] < notes.offset[:, None]
    )
    assert _in_company(notes).tolist() == (overlaps.sum(axis=1) > 1).tolist()


def test_sound_is_exact_with_phase_and_close_without():
    t = np.arange(11_025) / 22_050
    report = lost_sound(np.sin(2 * np.pi * 440 * t) * np.exp(-4 * t))
    assert report["with_phase"] < 1e-9
    assert report["picture_without_phase"] < 0.15 < report["without_phase"]


def test_refusals():
    with pytest.raises(ValueError, match="no view"):
        round_trip(Notes.of([(0, 1, 60)]), "hologram")
    with pytest.raises(ValueError, match="no note"):
        lost(Notes.of([]), "grid")
    with pytest.raises(UnitError):
        lost(Notes.of([(0, 1, 60)], unit="seconds"), "grid")
    with pytest.raises(ValueError, match="silence"):
        lost_sound(np.zeros(4000))
