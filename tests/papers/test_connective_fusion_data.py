"""Windows by section 3.1's rules: bars, keys, rests, songs; saved and read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, MusicFileError
from fusiontools.music.grid import HIGH, HOLD, LOW, is_legal_grid
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import Notes
from fusiontools.papers.connective_fusion.data import (
    PARTS,
    bar_grid,
    entry_rows,
    open_windows,
    save_windows,
    window_rows,
    windows,
)
from fusiontools.papers.connective_fusion.networks import join_halves

# melodies: gaps before each note in 16ths, lengths in 16ths, pitches
tunes = st.lists(
    st.tuples(st.integers(0, 24), st.integers(1, 16), st.integers(50, 90)),
    min_size=1,
    max_size=60,
)


def notes_of(rows):
    at, found = 0, []
    for gap, length, pitch in rows:
        found.append(((at + gap) / 4, length / 4, pitch))
        at += gap + length
    return Notes.of(found)


@settings(max_examples=60, deadline=None)
@given(tunes, st.sampled_from([0.0, -1.0, -3.5]))
def test_every_window_obeys_the_rules(rows, upbeat):
    notes = notes_of(rows)
    if notes.pitch.max() - notes.pitch.min() > HIGH - LOW:
        with pytest.raises(MusicFileError, match="outside"):
            bar_grid(notes, Meter(upbeat))
        return
    grid = bar_grid(notes, Meter(upbeat))
    assert len(grid) % 16 == 0 and is_legal_grid(grid)
    found, shifts, track = window_rows(grid)
    assert found.shape == (len(shifts), 128) and (track == 0).all()
    for row, (low, high) in zip(found, shifts):
        assert is_legal_grid(row)
        silent = "".join("r" if t == 0 else "n" for t in grid[_where(grid, row) :][:128])
        assert "r" * 17 not in silent  # no rest longer than a bar in the track's own tokens
        sounding = grid[grid > HOLD]
        assert (
            sounding.min() + low == LOW and sounding.max() + high == HIGH
        )  # all keys that fit, and no other


def _where(grid, row):
    """The bar where a window was cut, whose first tokens may have been silenced."""
    first = int(np.argmax(row > HOLD)) if (row > HOLD).any() else 0
    return next(
        s
        for s in range(0, len(grid) - 127, 16)
        if np.array_equal(grid[s + first : s + 128], row[first:])
    )


def test_an_upbeat_ends_the_first_bar_and_bar_lines_stay():
    notes = Notes.of([(0, 1, 60), (1, 4, 62)])
    grid = bar_grid(notes, Meter(-3.0))
    assert grid.reshape(-1, 16)[:, 0].tolist() == [0, 62] and grid[12] == 60


def test_a_track_outside_the_range_is_moved_as_little_as_it_takes_or_left_out():
    low = Notes.of([(0, 1, 45), (1, 1, 50)])
    assert bar_grid(low, Meter(0.0))[[0, 4]].tolist() == [55, 60]
    with pytest.raises(MusicFileError, match="outside"):
        bar_grid(low, Meter(0.0), outside="leave")


FOUR = (Meter(0.0),)


def entry(i, notes, meters=FOUR, **track):
    return Entry(
        f"toy/{i}",
        f"song {i // 2}",
        "toy",
        f"song {i // 2}",
        "",
        Piece((Track(notes, **track),), meters=meters),
    )


def tune(seed, bars=12):
    rng = np.random.default_rng(seed)
    return Notes.of([(k, 1, int(p)) for k, p in enumerate(rng.integers(58, 78, 4 * bars))])


@pytest.mark.parametrize(
    "made, why",
    [
        (entry(0, tune(0), (Meter(0.0, 3, 4),)), "not in 4/4"),
        (entry(0, tune(0), (Meter(0.0), Meter(8.0, 3, 4))), "not in 4/4"),
        (
            entry(0, Notes.of([(k, 2, 60 + k % 5) for k in range(40)])),
            "several notes at once",
        ),
        (entry(0, tune(0), program=33), "no such track"),
        (entry(0, tune(0), is_drum=True), "no such track"),
        (entry(0, tune(0, bars=7)), "no eight bars"),
        (entry(0, Notes.of([(8 * k, 1, 60) for k in range(10)])), "no eight bars"),
    ],
)
def test_what_the_rules_leave_out_is_named(made, why):
    with pytest.raises(MusicFileError, match=why):
        entry_rows(made)


def test_cut_time_is_as_long_and_can_be_asked_for():
    made = entry(0, tune(0), (Meter(0.0, 2, 2),))
    assert entry_rows(made, meters=("4/4", "2/2")).shape == (5, 130)


@pytest.fixture(scope="module")
def data():
    return windows(
        "mine", corpora=[Corpus("toy", pack([entry(i, tune(i)) for i in range(120)]))]
    )


def test_songs_are_dealt_whole_and_all_parts_have_some(data):
    songs = {part: set(data.songs(part).tolist()) for part in PARTS}
    assert sum(map(len, songs.values())) == len(set().union(*songs.values())) == 60
    assert sum(len(data.tokens(part)) for part in PARTS) == 120 * 5
    assert len(songs["train-1"]) > len(songs["train-2"]) > len(songs["test"]) > 0


def test_every_number_is_one_window_in_one_key(data):
    """The numbers of a part run through all its windows in all their keys, once each."""
    all_of_them = data.take("test", range(data.keys("test")))
    plain = [
        np.where(row > HOLD, row + shift, row)
        for row, (low, high) in zip(
            data.tokens("test").astype(int), data.shifts("test").astype(int)
        )
        for shift in range(low, high + 1)
    ]
    assert np.array_equal(all_of_them, np.array(plain))
    assert all_of_them.dtype == np.uint8 and all(is_legal_grid(row) for row in all_of_them)
    with pytest.raises(ValueError, match="numbered"):
        data.take("test", [data.keys("test")])


def test_windows_travel_in_a_file_and_their_hash_tells_them_apart(data, tmp_path):
    save_windows(data, tmp_path / "w.npz")
    read = open_windows(tmp_path / "w.npz")
    assert read.hash == data.hash and read.about == data.about and repr(read) == repr(data)
    other = windows(
        "mine", corpora=[Corpus("toy", pack([entry(i, tune(i + 1)) for i in range(120)]))]
    )
    assert other.hash != data.hash
    assert (
        windows(
            "mine",
            corpora=[Corpus("toy", pack([entry(i, tune(i)) for i in range(120)]))],
            seed=1,
        ).hash
        != data.hash
    )


def test_what_is_no_data_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(CorpusError, match="not windows"):
        open_windows(tmp_path / "other.npz")
    with pytest.raises(CorpusError, match="no data is called"):
        windows("polkas")
    with pytest.raises(CorpusError, match="no window in part"):
        windows("mine", corpora=[Corpus("toy", pack([entry(0, tune(0))]))])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([0, 1, 55, 60, 84]), min_size=128, max_size=128))
def test_joined_halves_are_legal(tokens):
    assert is_legal_grid(
        join_halves(np.array(tokens[:64], np.uint8), np.array(tokens[64:], np.uint8))
    )


def test_the_counts_of_section_3_1(shared_data, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    data = windows("lakh")
    assert sum(len(data.tokens(part)) for part in PARTS) == 234_073
    assert sum(data.keys(part) for part in PARTS) == 3_893_740
