"""A piece as windows of eight bars: its melody, whole, from its first bar on."""

from dataclasses import replace

import numpy as np
import pytest

from fusiontools.compare import pieces
from fusiontools.compare.pieces import piece_windows
from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.excerpts import read_excerpt
from fusiontools.music.grid import HIGH, HOLD, LOW, decode_grid, is_legal_grid
from fusiontools.music.midi import Meter, Piece, Track, write_midi
from fusiontools.music.notes import Notes, shift, transpose


def tune(bars, beats=4):
    pitches = 60 + np.random.default_rng(bars).integers(0, 12, bars * beats)
    return Notes.of([(k, 1, int(p)) for k, p in enumerate(pitches)])


@pytest.mark.parametrize(("bars", "many"), [(8, 1), (16, 2), (20, 3), (9, 2)])
def test_windows_hold_the_whole_piece(bars, many):
    windows, said = piece_windows(tune(bars))
    assert windows.shape == (many, 128) and windows.dtype == np.uint8 and not said
    assert all(is_legal_grid(row) for row in windows)
    assert decode_grid(windows[0]) == tune(bars)[:32]
    assert decode_grid(windows[-1]) == shift(tune(bars)[-32:], -4.0 * (bars - 8))


def test_a_short_piece_ends_in_silence_and_that_is_said():
    windows, said = piece_windows(tune(3))
    assert decode_grid(windows[0]) == tune(3) and len(windows) == 1
    assert said == ["It has 3 bars: what is left of the 8 is silent."]


@pytest.mark.parametrize(("numerator", "beats"), [(4, 4), (3, 3), (2, 4)])
def test_it_begins_as_an_excerpt_does(numerator, beats):
    meters = (Meter(-1.0, numerator, 4),)
    music = Piece((Track(tune(12, beats)),), meters=meters)
    windows, _ = piece_windows(music)
    assert np.array_equal(windows[0, :64], read_excerpt(music).tokens)


def test_silent_windows_are_left_out():
    far = Notes.of([*tune(8), *shift(tune(8), 96)])
    windows, said = piece_windows(far)
    assert len(windows) == 2 and "left out: 2 windows" in said[-1]
    assert (windows > HOLD).any(axis=1).all()


@pytest.mark.parametrize("semitones", [-36, -24, -12, 12, 36])
def test_all_of_it_is_moved_by_the_nearest_octaves(semitones):
    moved = transpose(tune(8), semitones)
    windows, said = piece_windows(moved)
    pitch = decode_grid(windows[0]).pitch
    (by,) = set((pitch.astype(int) - moved.pitch).tolist())
    assert LOW <= pitch.min() and pitch.max() <= HIGH and by % 12 == 0
    assert said == ([f"It is moved by {by:+d} semitones."] if by else [])
    assert bool(by) == (moved.pitch.min() < LOW or moved.pitch.max() > HIGH)


def test_what_does_not_fit_then_is_folded_and_counted():
    wide = tune(8)
    wide = replace(wide, pitch=np.where(np.arange(32) % 8 == 0, 20, wide.pitch))
    windows, said = piece_windows(wide)
    pitch = decode_grid(windows[0]).pitch
    assert said == ["Moved by octaves, into the range of the grid: 4 notes."]
    assert LOW <= pitch.min() and pitch.max() <= HIGH and pitch[0] % 12 == 20 % 12


def test_a_long_piece_is_bounded(monkeypatch):
    monkeypatch.setattr(pieces, "MOST", 2)
    windows, said = piece_windows(tune(40))
    assert len(windows) == 2 and said == ["It is long: its first 16 bars are taken."]
    assert decode_grid(windows[1]) == shift(tune(40)[32:64], -32)


@pytest.mark.parametrize("notes", [[], [(0, 1, 60)]])
def test_what_has_no_melody_is_refused(tmp_path, notes):
    drums = Piece((Track(Notes.of(notes or [(0, 1, 40)]), is_drum=True),))
    with pytest.raises(NoNotesError, match="no melody"):
        piece_windows(drums)
    with pytest.raises(MusicFileError, match="none.mid: no such file"):
        piece_windows(tmp_path / "none.mid")
    write_midi(tune(8), tmp_path / "a.mid")
    assert np.array_equal(piece_windows(tmp_path / "a.mid")[0], piece_windows(tune(8))[0])
