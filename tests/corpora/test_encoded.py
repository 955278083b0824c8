"""Encoded corpora: cached by content, saved alone, dealt by song."""

import functools
import pickle

import numpy as np
import pytest

from fusiontools.corpora import load, split, split_of
from fusiontools.corpora.cache import cache_dir
from fusiontools.corpora.encoded import encoded, open_encoded, save_encoded
from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, NoNotesError
from fusiontools.music.midi import Piece, Track

CALLS = []


def windows(entry, width=4, dtype="int16"):
    """Pitches in rows of `width`; counts how often it runs."""
    CALLS.append(entry.id)
    notes = entry.notes
    if entry.id.endswith("/3"):
        raise NoNotesError("nothing here", entry.id)
    if entry.id.endswith("/4"):
        return None
    return notes.pitch[: len(notes) // width * width].reshape(-1, width).astype(dtype)


@pytest.fixture
def corpus(home, tune):
    CALLS.clear()
    made = [Entry(f"c/{k}", f"song {k % 7}", "ab"[k % 2], "", "", Piece((Track(tune(k, 8 + k)),))) for k in range(12)]
    return Corpus("c", pack(made))


def test_arrays_are_those_of_the_view_in_order(corpus):
    made = encoded(corpus, windows, width=3)
    kept = [e for k, e in enumerate(corpus) if k not in (3, 4)]
    assert made.id.tolist() == [e.id for e in kept] and len(made) == 10
    for i, entry in enumerate(kept):
        assert np.array_equal(made[i], windows(entry, 3))
    assert [id for id, _ in made.about["skipped"]] == ["c/3", "c/4"] and made.data.shape[1:] == (3,)
    assert np.array_equal(made.song[made.entry], np.repeat(made.song, [len(made[i]) for i in range(10)]))
    assert "10 entries" in repr(made)


def test_parts_are_those_of_the_split_and_no_song_is_torn(corpus):
    parts = {"test": 1, "train": 2}
    made = encoded(corpus, windows, parts=parts, seed=3)
    assert made.part.tolist() == [split_of(song, parts, 3) for song in made.song]
    dealt = split([e for e in corpus if e.id in made.id], parts, 3)
    for part, entries in dealt.items():
        assert made.select(part).id.tolist() == [e.id for e in entries]
    together = np.concatenate([made.rows(part) for part in ("test", "train")])
    assert sorted(map(tuple, together)) == sorted(map(tuple, made.data))
    assert set(made.select(label="a").label) == {"a"} and len(made.rows("train", "b"))
    with pytest.raises(CorpusError, match="ask for one of these"):
        made.rows("validation")


def test_encoded_once_and_never_stale(corpus, tune):
    first = encoded(corpus, windows, width=2)
    asked = len(CALLS)
    again = encoded(corpus, windows, width=2)
    assert len(CALLS) == asked and np.array_equal(first.data, again.data) and again.about == first.about
    keys = {
        first.hash,
        encoded(corpus, windows, width=4).hash,
        encoded(corpus, windows, version="2", width=2).hash,
        encoded(corpus, windows, name="other", width=2).hash,
        encoded(corpus, windows, seed=1, width=2).hash,
        encoded(Corpus("c", corpus.columns | {"pitch": corpus.columns["pitch"] + 1}), windows, width=2).hash,
    }
    assert len(keys) == 6
    file = next(cache_dir().glob(f"*{first.hash[:16]}*"))
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(encoded(corpus, windows, width=2).data, first.data)


def test_a_saved_file_travels_alone(corpus, tmp_path):
    made = encoded(corpus, windows)
    save_encoded(made, tmp_path / "there" / "alone.npz")
    back = open_encoded(tmp_path / "there" / "alone.npz")
    for name in ("data", "offsets", "id", "song", "label", "part"):
        assert np.array_equal(getattr(back, name), getattr(made, name)) and getattr(back, name).dtype == getattr(made, name).dtype
    assert back.about == made.about and back.about["view"] == "windows"
    with pytest.raises(CorpusError, match="cannot be written"):
        save_encoded(made, tmp_path / "there" / "alone.npz" / "below.npz")


def test_the_terms_of_the_corpus_travel_too(home):
    made = encoded(load("nottingham"), windows)
    assert "public-domain" in made.about["licence"] and made.about["credit"] == "Eric Foxley"


def test_a_view_may_be_a_name_in_music(corpus):
    by_name = encoded(corpus, "notes.intervals")
    assert by_name.id.tolist() == [e.id for e in corpus] and np.array_equal(by_name[2], np.diff(corpus[2].notes.pitch))
    assert encoded(corpus, "intervals", version="1").about["view"] == "intervals"
    with pytest.raises(ValueError, match="no function 'nonsense'"):
        encoded(corpus, "nonsense")


def test_a_view_that_its_source_does_not_tell_needs_a_version(corpus):
    shift = 3

    def hidden(entry):
        return entry.notes.pitch + shift

    with pytest.raises(ValueError, match="pass settings as options"):
        encoded(corpus, hidden)
    with pytest.raises(ValueError, match="pass settings as options"):
        encoded(corpus, functools.partial(windows, width=2))
    assert len(encoded(corpus, hidden, version="shift 3")) == 12
    with pytest.raises(ValueError, match="options of an encoding"):
        encoded(corpus, windows, width=np.arange(2))


def test_arrays_that_do_not_fit_together_are_a_mistake(corpus):
    with pytest.raises(ValueError, match="only the first axis may differ"):
        encoded(corpus, lambda entry: np.zeros((2, len(entry.notes))), version="1")
    with pytest.raises(ValueError, match="must be numbers"):
        encoded(corpus, lambda entry: np.array(["a"]), version="2")
    with pytest.raises(CorpusError, match="none of 12 entries"):
        encoded(corpus, lambda entry: None, version="3")


def test_damaged_and_foreign_files_are_refused(corpus, tmp_path, damage):
    save_encoded(encoded(corpus, windows), tmp_path / "x.npz")
    whole = (tmp_path / "x.npz").read_bytes()
    for seed in range(150):
        (tmp_path / "x.npz").write_bytes(damage(whole, seed))
        try:
            open_encoded(tmp_path / "x.npz")
        except CorpusError as error:
            assert "x.npz" in str(error)
    (tmp_path / "x.npz").write_bytes(pickle.dumps({"data": 1}))
    with pytest.raises(CorpusError):
        open_encoded(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", data=np.zeros(3))
    with pytest.raises(CorpusError, match="not an encoded corpus"):
        open_encoded(tmp_path / "y.npz")
    with pytest.raises(CorpusError, match="no such file"):
        open_encoded(tmp_path / "z.npz")
