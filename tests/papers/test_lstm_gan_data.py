"""Bars of songs: packed, dealt by song, told apart from duplicates, in a file."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, MissingDataError
from fusiontools.music.grid import in_range
from fusiontools.music.midi import Meter, Piece, Track, write_midi
from fusiontools.music.notes import Notes, shift, transpose
from fusiontools.music.roll import SOUND, encode_roll, split_bars
from fusiontools.papers.lstm_gan.data import (
    COMMON,
    LOW,
    PARTS,
    PITCHES,
    SOURCES,
    Bars,
    bars_of,
    from_folders,
    gather,
    open_bars,
    pack_bars,
    same_songs,
    save_bars,
)

FOUR = (Meter(0.0, 4, 4),)
HIGH = LOW + PITCHES - 1
# (onset, length, pitch), in steps of 1/48 beat: finer than the roll's
many_notes = st.lists(
    st.tuples(st.integers(0, 900), st.integers(1, 300), st.integers(0, 127)),
    min_size=1,
    max_size=40,
).map(lambda rows: Notes.of([(a / 48, n / 48, p) for a, n, p in rows]))


def unpacked(packed):
    return np.unpackbits(packed, axis=1).reshape(-1, 96, 84)


@given(many_notes)
def test_packed_bars_are_the_roll_of_the_slow_way(notes):
    bars = unpacked(pack_bars(notes))
    inside = in_range(notes, LOW, HIGH, "fold")
    slow = split_bars(encode_roll(inside, 24, LOW, HIGH)[SOUND])
    assert np.array_equal(bars, slow[: len(bars)])
    # what is cut is the end of notes, never a start
    assert len(bars) == int(notes.onset.max() * 24 + 0.5) // 96 + 1


def tune(rng, bars=12, low=50):
    """Four notes a bar; a fifth of the bars, but neither the first nor the last, rest."""
    rests = {int(b) for b in rng.choice(np.arange(1, bars - 1), bars // 5, replace=False)}
    rows = [
        (4 * b + q, 1, low + int(rng.integers(0, 24)))
        for b in range(bars)
        for q in range(4)
        if b not in rests
    ]
    return Notes.of(rows)


def entry(i, notes, meters=FOUR, song=None, name="toy"):
    piece = Piece((Track(notes),), meters=meters)
    return Entry(f"{name}/{i}", song or f"song {i}", name, "", "", piece)


def corpus(extra=(), many=40, seed=0, skipped=()):
    rng = np.random.default_rng(seed)
    entries = [entry(i, tune(rng)) for i in range(many)]
    return Corpus("toy", pack([*entries, *extra]), skipped)


@pytest.fixture(scope="module")
def made():
    return gather("toy", corpus())


def test_songs_do_not_straddle_parts(made):
    songs = [set(made.songs(part).tolist()) for part in PARTS]
    assert all(songs) and sum(map(len, songs)) == len(set().union(*songs)) == 40
    assert made.about["songs"] == 40 and made.about["duplicates"] == 0
    assert made.about["bars"] == 480 and made.about["empty"] == pytest.approx(2 / 12)
    for part in PARTS:
        own = made.songs(part, empty=True)
        assert (np.diff(own) >= 0).all()  # together
        told = made.about["parts"][part]
        assert (told["songs"], told["bars"]) == (len(set(own.tolist())), len(own))
        assert told["empty"] == pytest.approx(2 / 12)
    assert "training bars of" in repr(made) and "'toy'" in repr(made)
    one = dict(train=made.arrays["train"][:1], train_song=made.arrays["train_song"][:1])
    one = replace(made, arrays=made.arrays | one)
    assert str(one) == "toy, 1 bar of 1 song to learn from"


def test_every_bar_of_every_song_comes_back_in_order(made):
    wanted = {pack_bars(e.notes).tobytes() for e in corpus()}
    found = set()
    for part in PARTS:
        own = made.songs(part, empty=True)
        for song in set(own.tolist()):
            found.add(made.arrays[part][own == song].tobytes())
    assert found == wanted


@given(
    st.sampled_from(list(PARTS)), st.floats(0.001, 1), st.floats(0.001, 1), st.booleans()
)
def test_rows_take_and_bars_agree(made, part, share, other, empty):
    rows, bars = made.rows(part, share, empty), made.bars(part, share, empty)
    assert bars.shape == (len(rows), 96, 84) and bars.dtype == np.uint8
    assert bars.max() == 1 and len(rows)
    assert np.array_equal(
        np.packbits(bars.reshape(len(bars), -1), 1), made.arrays[part][rows]
    )
    assert np.array_equal(made.take(part, rows[::-2]), bars[::-2])
    songs = made.songs(part, share, empty)
    assert np.array_equal(songs, made.arrays[f"{part}_song"][rows])
    own = len(set(made.songs(part).tolist()))
    assert len(set(songs.tolist())) == max(1, round(share * own))
    if not empty:
        assert bars.any((1, 2)).all()
        every = made.rows(part, share, True)
        assert np.array_equal(every[made.arrays[part][every].any(1)], rows)
    less, more = sorted((share, other))
    assert set(made.rows(part, less, empty)) <= set(made.rows(part, more, empty))


@pytest.mark.parametrize("share", [0, -0.1, 1.01, float("nan")])
def test_a_share_is_a_share(made, share):
    with pytest.raises(ValueError, match="over 0 and at most 1"):
        made.rows(share=share)


@given(st.integers(0, 2**32), st.integers(-20, 20), st.integers(0, 10))
def test_songs_in_another_key_are_found(seed, by, changed):
    rng = np.random.default_rng(seed)
    one, other, third = (pack_bars(tune(rng, 15)) for _ in range(3))  # 12 bars have notes
    bars = unpacked(one)
    moved = np.roll(bars, by, axis=2)
    again = np.packbits(moved.reshape(len(bars), -1), 1)
    again = again[again.any(1)]
    again[:changed] = other[other.any(1)][:changed]
    silence = np.zeros((9, one.shape[1]), np.uint8)
    pairs = same_songs([third, one, silence, np.concatenate([silence, again, again])])
    assert pairs == ([(1, 3)] if 12 - changed > 6 else [])


def test_few_bars_tell_no_song():
    rng = np.random.default_rng(1)
    song = pack_bars(tune(rng, 15))
    song = song[song.any(1)]
    assert same_songs([song[: COMMON - 1], song]) == []
    assert same_songs([song[:COMMON], song]) == [(0, 1)]
    assert same_songs([np.repeat(song[:1], 50, 0), song]) == []  # one bar, often


def test_only_the_first_version_stays():
    rng = np.random.default_rng(0)
    tunes = [tune(rng) for _ in range(40)]
    covers = [entry(f"c{i}", transpose(t, i % 5 + 1)) for i, t in enumerate(tunes[::4])]
    twice = [entry("other", tune(rng), song="song 7")]
    made = gather("toy", corpus([*covers, *twice]))
    assert made.about["duplicates"] == 11 and made.about["songs"] == 40
    assert made.hash == gather("toy", corpus()).hash
    # a chain is one song: b is mostly a, c mostly b
    a, b = tune(rng, 12), tune(rng, 12)
    half = Notes.of([*a, *shift(b, 48)])
    chain = [entry("a", a), entry("ab", half), entry("b", b)]
    assert gather("toy", corpus(chain)).about["duplicates"] == 2


def test_other_meters_are_skipped_with_a_reason():
    rng = np.random.default_rng(5)
    extra = [
        entry("waltz", tune(rng), (Meter(0.0, 3, 4),)),
        entry("mixed", tune(rng), (Meter(0.0, 4, 4), Meter(16.0, 6, 8))),
        entry("cut", tune(rng), (Meter(0.0, 4, 4), Meter(14.0, 4, 4))),
        entry("silent", Notes.of([])),
        entry("long", Notes.of([(0, 1, 60), (9000, 1, 60)])),
    ]
    made = gather("toy", corpus(extra, skipped=(("toy/x", "no MIDI"),)))
    assert made.about["skipped"] == {
        "unreadable": 1,
        "not in 4/4 throughout": 2,
        "a bar is cut short by another 4/4": 1,
        "no notes": 1,
        "more than 2,000 bars": 1,
    }
    assert made.about["songs"] == 40


@pytest.mark.parametrize("as_file", [False, True])
@pytest.mark.parametrize("upbeat", [0, 0.5, 1, 3])
def test_an_upbeat_has_a_bar_of_its_own(upbeat, as_file):
    rows = [(0, upbeat, 60)] if upbeat else []
    notes = Notes.of([*rows, *((upbeat + 4 * i, 4, 40 + i) for i in range(20))])
    meters = (Meter(upbeat - 4.0 if upbeat else 0.0, 4, 4),)
    if as_file and upbeat:  # as MIDI files tell it: a short bar, and then 4/4
        meters = (Meter(0.0, int(2 * upbeat), 8), Meter(float(upbeat), 4, 4))
    made = gather("toy", corpus([entry("up", notes, meters)]))
    full = {tuple(np.flatnonzero(b.all(0)).tolist())
            for part in PARTS for b in made.bars(part)}  # fmt: skip
    assert {(40 + i - LOW,) for i in range(20)} <= full


def test_the_same_music_gives_the_same_hash_and_a_file_keeps_it(made, tmp_path):
    assert made.hash == gather("toy", corpus()).hash
    assert made.hash != gather("toy", corpus(seed=1)).hash
    save_bars(made, tmp_path / "bars.npz")
    read = open_bars(tmp_path / "bars.npz")
    assert (read.name, read.about, read.hash) == (made.name, made.about, made.hash)
    assert read.arrays.keys() == made.arrays.keys()
    assert all(np.array_equal(read.arrays[k], v) for k, v in made.arrays.items())


@pytest.mark.parametrize(
    "name, change",
    [
        ("test", None),
        ("test_song", None),
        ("train", lambda a: a[:-1]),
        ("train", lambda a: a[:, :-1]),
        ("train", lambda a: a.astype(np.int16)),
        ("train_song", lambda a: a.astype(float)),
        ("train_song", lambda a: a[:, None]),
    ],
)
def test_what_is_no_bars_is_refused(made, tmp_path, name, change):
    arrays = dict(made.arrays)
    array = arrays.pop(name)
    if change:
        arrays[name] = change(array)
    save_bars(Bars("toy", arrays, {}), tmp_path / "bars.npz")
    with pytest.raises(CorpusError, match="not bars of songs"):
        open_bars(tmp_path / "bars.npz")


def test_a_damaged_or_missing_file_is_refused(made, tmp_path):
    path = tmp_path / "bars.npz"
    with pytest.raises(CorpusError, match="no such file"):
        open_bars(path)
    save_bars(made, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match="damaged"):
        open_bars(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(CorpusError, match="make it again with save_bars"):
        open_bars(path)


def write_folder(folder, many):
    rng = np.random.default_rng(2)
    folder.mkdir()
    for i in range(many):
        piece = Piece((Track(tune(rng)), Track(tune(rng, low=40), 0, True)), meters=FOUR)
        write_midi(piece, folder / f"{i}.mid")


def test_a_folder_of_midi_becomes_bars(tmp_path):
    write_folder(tmp_path / "songs", 12)
    (tmp_path / "songs" / "broken.mid").write_bytes(b"no MIDI at all")
    mine = from_folders(tmp_path / "songs")
    many = {part: told["songs"] for part, told in mine.about["parts"].items()}
    assert mine.name == "mine" and many == {"train": 10, "validation": 1, "test": 1}
    assert mine.about["skipped"] == {"unreadable": 1}
    assert not mine.about["corpora"][0]["credit"]
    steps = [b.any(1).sum() for part in PARTS for b in mine.bars(part)]
    assert set(map(int, steps)) == {96}  # of the tune; drums would not change that
    assert max(b.sum(1).max() for part in PARTS for b in mine.bars(part)) == 1  # this does


def test_too_little_music_is_refused_with_what_to_do(tmp_path):
    write_folder(tmp_path / "few", 2)
    with pytest.raises(CorpusError, match="bring more pieces in 4/4"):
        from_folders(tmp_path / "few")
    with pytest.raises(CorpusError):
        from_folders(tmp_path / "nowhere")
    waltz = [entry(0, tune(np.random.default_rng(0)), (Meter(0.0, 3, 4),))]
    with pytest.raises(CorpusError, match="no song in 4/4"):
        gather("toy", Corpus("toy", pack(waltz)))
    with pytest.raises(CorpusError, match="no data is called 'polka'"):
        bars_of("polka")


def test_without_a_download_there_are_chorales():
    made = bars_of("chorales")
    about = made.about
    assert about["corpora"][0]["name"] == "bach" and about["empty"] == 0
    assert about["skipped"] == {"not in 4/4 throughout": 50}
    assert about["songs"] == 343 and about["duplicates"] == 17
    assert min(told["bars"] for told in about["parts"].values()) >= 400
    bars = made.bars("validation")
    assert np.bincount(bars.sum(2).ravel().astype(int)).argmax() == 4  # mostly four voices
    for name in ("rock", "lakh"):
        assert name in SOURCES
        with pytest.raises(MissingDataError):
            bars_of(name)


def test_real_rock(shared_data, monkeypatch):
    if not (shared_data / "rock_pianorolls").is_dir():
        pytest.skip("needs rock_pianorolls, which FUSIONTOOLS_SHARED does not have")
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    about = (made := bars_of("rock")).about
    assert about["songs"] + about["duplicates"] == 2384 and not about["skipped"]
    assert 50 < about["duplicates"] < 70
    assert 235_000 < about["bars"] < 245_212 and 0.15 < about["empty"] < 0.2
    songs = [set(made.songs(part).tolist()) for part in PARTS]
    assert sum(map(len, songs)) == len(set().union(*songs))
    assert sum(a.nbytes for a in made.arrays.values()) < 250e6
    tenth = set(made.songs(share=0.1).tolist())
    assert len(tenth) == round(0.1 * about["parts"]["train"]["songs"])
