"""Two pieces for the systems to meet on."""

import numpy as np
import pytest

from fusiontools.compare import pages
from fusiontools.corpora import split_of
from fusiontools.errors import NoNotesError
from fusiontools.music import Notes, transpose
from fusiontools.music.grid import HIGH, HOLD, LOW, is_legal_grid
from fusiontools.papers.connective_fusion import PARTS


@pytest.fixture(scope="module")
def pieces():
    return pages.two_tunes()


def test_the_two_tunes_are_held_out():
    songs = "allons-enfants-de-la-patrie", "petronella"
    assert [split_of(song) for song in songs] == ["test", "test"]
    assert not {split_of(song, PARTS) for song in songs} & {"train-1", "validation-1"}


def test_eight_bars_are_a_legal_grid_in_reach(pieces):
    for piece in pieces:
        tokens = pages.eight_bars(piece)
        assert tokens.shape == (128,) and tokens.dtype == np.uint8 and is_legal_grid(tokens)
        pitches = tokens[tokens > HOLD]
        assert len(pitches) > 16 and pitches.min() >= LOW and pitches.max() <= HIGH


@pytest.mark.parametrize("semitones", range(-5, 6))
def test_eight_bars_are_in_c_whatever_key_a_piece_is_in(semitones):
    tune = Notes.of([(k, 1, 72 + p) for k, p in enumerate((0, 4, 7, 5, 2, 4, 0, 0) * 4)])
    home = pages.eight_bars(tune)
    assert set(home[home > HOLD] - 72) == {0, 2, 4, 5, 7}
    # and by at most a tritone, so it comes back to where it was
    assert np.array_equal(pages.eight_bars(transpose(tune, semitones)), home)


def test_what_is_silent_says_so():
    with pytest.raises(NoNotesError):
        pages.eight_bars(Notes.of([]))
