"""Two genres on one grid: what a window is, and whose songs are held out."""

import numpy as np
import pytest

from fusiontools.compare.tunes import GENRES, in_c, open_tunes, save_tunes, tunes
from fusiontools.corpora import load, split_of
from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music import Meter, Notes, Piece, Track
from fusiontools.music.grid import HOLD, repair_grid

PARTS = ("train", "validation", "test")


def entry(notes, key="G", *meters):
    piece = Piece((Track(notes),), meters=meters or (Meter(0.0),))
    return Entry("toy/1", "toy", "toy", "Toy", key, piece)


def scale(bars=8):
    """Quarter notes up and down from G4."""
    steps = [67 + abs(i % 8 - 4) for i in range(4 * bars)]
    return Notes.of([(i, 1, p) for i, p in enumerate(steps)])


@pytest.fixture(scope="module")
def made():
    some = [Corpus(n, pack(load(n)[:300])) for n in ("essen", "ryan")]
    return tunes("some", some)


@pytest.mark.parametrize(
    ("key", "moved"), [("C", 0), ("G", 5), ("F#-min", -6), ("Bb", 2), ("Edor", -4)]
)
def test_a_tune_is_moved_to_c_by_at_most_a_tritone(key, moved):
    (row,) = in_c(entry(scale(), key))
    assert row[row > HOLD].tolist() == (scale().pitch + moved).tolist()


def test_windows_start_at_bar_lines_also_after_an_upbeat():
    # the upbeat of one beat stands at the end of a bar of its own
    rows = in_c(entry(scale(bars=9), "C", Meter(-3.0)))
    assert rows.shape == (3, 128)
    assert np.flatnonzero(rows[0] > HOLD)[0] == 12
    assert (rows[1] > HOLD)[::4].all()
    assert np.array_equal(rows[0][16:], rows[1][:-16])


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        (entry(scale(), ""), "names no key"),
        (entry(scale(), "C", Meter(0.0, 3, 4)), "in 3/4"),
        (entry(scale(), "C", Meter(0.0), Meter(8.0, 3, 4)), "in 3/4, 4/4"),
        (entry(scale(bars=7), "C"), "no eight bars"),
    ],
)
def test_what_gives_no_window_says_why(odd, says):
    with pytest.raises(MusicFileError, match=says):
        in_c(odd)


def test_every_window_is_legal_and_every_genre_has_all_parts(made):
    for genre in GENRES:
        for part in PARTS:
            rows = made.windows(genre, part)
            assert np.array_equal(rows, repair_grid(rows))
            assert len(rows) == len(made.songs(genre, part)) > 0


def test_songs_are_held_out_where_fusiongan_holds_them_out(made):
    for genre in GENRES:
        for part in PARTS:
            assert {split_of(song) for song in set(made.songs(genre, part))} == {part}


def test_what_is_written_is_read_and_what_is_damaged_is_refused(made, tmp_path):
    path = tmp_path / "tunes.npz"
    save_tunes(made, path)
    read = open_tunes(path)
    assert (read.hash, read.labels, str(read)) == (made.hash, made.labels, str(made))
    low = {**made.arrays, "A_test": np.full((1, 128), 30, np.uint8)}
    low["A_test_song"] = made.songs("A", "test")[:1]
    for arrays in (low, {**made.arrays, "B_test_song": made.songs("B", "test")[1:]}):
        save_tunes(type(made)("odd", made.labels, arrays, {}), path)
        with pytest.raises(CorpusError):
            open_tunes(path)


def test_another_name_is_refused():
    with pytest.raises(CorpusError, match="essen_ryan"):
        tunes("polka_waltz")
