"""Encoded corpora: cached by content, saved alone, dealt by song."""

import functools
import importlib
import linecache
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from fusiontools.corpora import load, split, split_of
from fusiontools.corpora.cache import cache_dir, write_described
from fusiontools.corpora.editions import edition
from fusiontools.corpora.encoded import encoded, open_encoded, save_encoded
from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, NoNotesError
from fusiontools.music.grid import encode_grid
from fusiontools.music.midi import Piece, Track
from fusiontools.music.tokens import Vocabulary

STEPS = 4


def windows(entry, width=4, dtype="int16"):
    """Pitches in rows of `width`."""
    notes = entry.notes
    if entry.id.endswith("/3"):
        raise NoNotesError("nothing here", entry.id)
    if entry.id.endswith("/4"):
        return None
    return notes.pitch[: len(notes) // width * width].reshape(-1, width).astype(dtype)


@pytest.fixture
def corpus(home, tune):
    made = [
        Entry(
            f"c/{k}", f"song {k % 7}", "ab"[k % 2], "", "", Piece((Track(tune(k, 8 + k)),))
        )
        for k in range(12)
    ]
    return Corpus("c", pack(made))


def test_arrays_are_those_of_the_view_in_order(corpus):
    made = encoded(corpus, windows, width=3)
    kept = [e for k, e in enumerate(corpus) if k not in (3, 4)]
    assert made.id.tolist() == [e.id for e in kept] and len(made) == 10
    for i, entry in enumerate(kept):
        assert np.array_equal(made[i], windows(entry, 3))
    assert [id for id, _ in made.about["skipped"]] == ["c/3", "c/4"] and made.data.shape[
        1:
    ] == (3,)
    assert np.array_equal(
        made.song[made.entry], np.repeat(made.song, [len(made[i]) for i in range(10)])
    )
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
    with pytest.MonkeyPatch.context() as patch:
        # nothing can be encoded anew
        patch.setitem(encoded.__globals__, "in_parallel", None)
        again = encoded(corpus, windows, width=2)
    assert np.array_equal(first.data, again.data) and again.about == first.about
    keys = {
        first.hash,
        encoded(corpus, windows, width=4).hash,
        encoded(corpus, windows, version="2", width=2).hash,
        encoded(corpus, windows, name="other", width=2).hash,
        encoded(corpus, windows, seed=1, width=2).hash,
        encoded(
            Corpus("c", corpus.columns | {"pitch": corpus.columns["pitch"] + 1}),
            windows,
            width=2,
        ).hash,
    }
    assert len(keys) == 6
    file = next(cache_dir().glob(f"*{first.hash[:16]}*"))
    file.write_bytes(file.read_bytes()[:100])
    assert np.array_equal(encoded(corpus, windows, width=2).data, first.data)


def helper(notes):
    return notes.pitch


def scaled(entry):
    return [p * STEPS for p in helper(entry.notes)]


def by_default(entry, steps=STEPS):
    return entry.notes.pitch * steps


def cell(source, name="view", **names):
    """A function as a cell of a notebook makes it: of __main__, with the globals of that
    moment.
    """
    space = {"__name__": "__main__", **names}
    lines = source.splitlines(keepends=True)
    file = f"<cell {hash(source)}>"
    linecache.cache[file] = (len(source), None, lines, file)
    exec(compile(source, file, "exec"), space)
    return space[name]


VIEWS = {
    "a global": lambda n: cell("def view(e):\n    return e.notes.pitch * S\n", S=n),
    "a global of a comprehension": lambda n: cell(
        "def view(e):\n    return [p * S for p in e.notes.pitch.tolist()]\n", S=n
    ),
    "a default": lambda n: cell("def view(e, s=S):\n    return e.notes.pitch * s\n", S=n),
    "a keyword's default": lambda n: cell(
        "def view(e, *, s=S):\n    return e.notes.pitch * s\n", S=n
    ),
    "a helper": lambda n: cell(
        f"def help(x):\n    return x * {n}\n\n"
        "def view(e):\n    return help(e.notes.pitch)\n"
    ),
    "a helper's global": lambda n: cell(
        "def help(x):\n    return x * S\n\ndef view(e):\n    return help(e.notes.pitch)\n",
        S=n,
    ),
    "an array": lambda n: cell(
        "def view(e):\n    return e.notes.pitch * S[0]\n", S=np.array([n])
    ),
    "a dict": lambda n: cell(
        "def view(e):\n    return e.notes.pitch * S['n']\n", S={"n": n}
    ),
    "a cached helper": lambda n: cell(
        f"import functools\n@functools.lru_cache\ndef help():\n    return {n}\n\n"
        "def view(e):\n    return e.notes.pitch * help()\n"
    ),
    "a method": lambda n: cell(
        f"class C:\n    def f(self):\n        return {n}\n\n"
        "def view(e):\n    return e.notes.pitch * C().f()\n"
    ),
    "a vocabulary": lambda n: cell(
        "def view(e):\n    return encode_grid(e.notes) * V.low\n",
        V=Vocabulary(low=n),
        encode_grid=encode_grid,
    ),
}


@pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
def test_whatever_a_notebooks_view_reads_tells_its_editions_apart(make, corpus):
    four, again, twenty = (encoded(corpus, make(n)) for n in (4, 4, 24))
    assert four.hash == again.hash != twenty.hash
    assert np.array_equal(four.data * 6, twenty.data)


def test_what_a_views_module_reads_and_imports_counts(corpus, monkeypatch, tmp_path):
    before = edition(scaled), edition(by_default)
    monkeypatch.setitem(scaled.__globals__, "STEPS", 24)
    monkeypatch.setattr(by_default, "__defaults__", (24,))
    assert edition(scaled) != before[0] and edition(by_default) != before[1]
    monkeypatch.undo()
    assert (edition(scaled), edition(by_default)) == before
    monkeypatch.setitem(scaled.__globals__, "helper", lambda notes: notes.pitch + 1)
    assert edition(scaled) != before[0]

    def from_modules(n):
        """A view of a module that imports another, read anew."""
        (tmp_path / "my_numbers.py").write_text(f"N = {n}\n")
        (tmp_path / "my_view.py").write_text(
            "import my_numbers\n\n\ndef view(e):\n    return e.notes.pitch * my_numbers.N\n"
        )
        (tmp_path / "my_late.py").write_text(
            "def view(e):\n    from my_numbers import N\n\n    return e.notes.pitch * N\n"
        )
        for name in ("my_numbers", "my_view", "my_late"):
            sys.modules.pop(name, None)
        importlib.invalidate_caches()
        return [
            edition(importlib.import_module(name).view) for name in ("my_view", "my_late")
        ]

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    first, same, other = from_modules(4), from_modules(4), from_modules(24)
    assert first == same and first[0] != other[0] and first[1] != other[1]
    for name in ("my_numbers", "my_view", "my_late"):
        sys.modules.pop(name)


def test_the_files_of_music_count_for_every_view(corpus, monkeypatch):
    before, seen = edition(windows), []
    monkeypatch.setattr(
        "fusiontools.corpora.editions.content_hash",
        lambda *parts: seen.append(parts) or "0" * 64,
    )
    edition(windows)
    files = {part.name for part in seen[-1] if isinstance(part, Path)}
    assert {
        "grid.py",
        "notes.py",
        "roll.py",
        "entries.py",
        Path(__file__).name,
    } <= files and len(before) == 16


def test_what_no_hash_tells_needs_a_version(corpus):
    thing = cell(
        "def view(e):\n    return e.notes.pitch + thing.shift\n",
        thing=np.random.default_rng(0),
    )
    with pytest.raises(ValueError, match="thing is a Generator"):
        encoded(corpus, thing)
    endless = []
    endless.append(endless)
    with pytest.raises(ValueError, match="hold themselves"):
        encoded(
            corpus, cell("def view(e):\n    return e.notes.pitch + len(S)\n", S=endless)
        )


def test_old_editions_leave_the_cache_and_other_options_stay(corpus):
    kept = [encoded(corpus, windows, width=w).hash for w in (1, 2, 3, 4)]
    for n in range(5):
        encoded(corpus, cell("def view(e):\n    return e.notes.pitch + S\n", S=n))
    assert len(list(cache_dir().glob("encoded-c-view-*"))) == 2
    assert all(list(cache_dir().glob(f"*{key[:16]}*")) for key in kept)


def test_an_entry_too_long_for_the_view_is_left_out_and_counted(corpus):
    made = encoded(corpus, "grid.encode_grid", outside="fold", steps_per_beat=2, length=14)
    assert (
        len(made) == 7
        and len(made.about["skipped"]) == 5
        and "the length is 14" in made.about["skipped"][0][1]
    )
    tokens = encoded(corpus, "tokens.encode_tokens", outside="fold", beats=7)
    assert len(tokens) == 7 and "were given" in tokens.about["skipped"][0][1]
    assert len(encoded(corpus, "roll.encode_many_hot", length=500)) == 12


def test_a_saved_file_travels_alone(corpus, tmp_path):
    made = encoded(corpus, windows)
    save_encoded(made, tmp_path / "there" / "alone.npz")
    back = open_encoded(tmp_path / "there" / "alone.npz")
    for name in ("data", "offsets", "id", "song", "label", "part"):
        assert (
            np.array_equal(getattr(back, name), getattr(made, name))
            and getattr(back, name).dtype == getattr(made, name).dtype
        )
    assert back.about == made.about and back.about["view"] == "windows"
    with pytest.raises(CorpusError, match="cannot be written"):
        save_encoded(made, tmp_path / "there" / "alone.npz" / "below.npz")


def test_the_terms_of_the_corpus_travel_too(home):
    made = encoded(load("nottingham"), windows)
    assert (
        "public-domain" in made.about["licence"] and made.about["credit"] == "Eric Foxley"
    )


def test_a_view_may_be_a_name_in_music(corpus):
    by_name = encoded(corpus, "notes.intervals")
    assert by_name.id.tolist() == [e.id for e in corpus] and np.array_equal(
        by_name[2], np.diff(corpus[2].notes.pitch)
    )
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


def _strings(*texts):
    return np.array(texts)


FORGED = {
    "offsets that begin later": {"offsets": [1, 4, 10]},
    "offsets that end before": {"offsets": [0, 4, 9]},
    "offsets that end after": {"offsets": [0, 4, 11]},
    "offsets that go back": {"offsets": [0, 12, 10]},
    "offsets below zero": {"offsets": [0, -4, 10]},
    "offsets that are fractions": {"offsets": [0.0, 4.0, 10.0]},
    "offsets in a table": {"offsets": [[0, 4, 10]]},
    "no offsets": {"offsets": []},
    "one offset": {"offsets": [0]},
    "offsets beyond counting": {"offsets": np.array([0, 2**63 + 4, 10], np.uint64)},
    "offsets of text": {"offsets": _strings("0", "4", "10")},
    "more entries": {"offsets": [0, 4, 6, 10]},
    "data of text": {"data": _strings(*"abcdefghij")},
    "a number for data": {"data": 3.0},
    "less data": {"data": np.zeros((9, 2))},
    "songs that are numbers": {"song": np.array([1, 2])},
    "fewer songs": {"song": _strings("a")},
    "songs in a table": {"song": _strings(["a"], ["b"])},
    "parts of bytes": {"part": np.array([b"train", b"test"])},
    "a column more": {"colour": _strings("a", "b")},
    "a column less": {"label": None},
}


@pytest.mark.parametrize("forged", FORGED)
def test_arrays_of_a_stranger_fit_each_other_or_are_refused(tmp_path, forged):
    right = {"data": np.arange(20).reshape(10, 2), "offsets": np.array([0, 4, 10])}
    right |= {name: _strings("a", "b") for name in ("id", "song", "label", "part")}
    about = {"corpus": "c", "view": "v", "key": "k"}
    write_described(tmp_path / "x.npz", about, right, name="about")
    assert len(open_encoded(tmp_path / "x.npz")) == 2
    arrays = {k: v for k, v in (right | FORGED[forged]).items() if v is not None}
    arrays = {k: np.asarray(v) for k, v in arrays.items()}
    write_described(tmp_path / "x.npz", about, arrays, name="about")
    with pytest.raises(CorpusError, match="not an encoded corpus"):
        open_encoded(tmp_path / "x.npz")


@pytest.mark.parametrize("about", [{"key": 3}, {"corpus": ["c"]}, {"view": None}])
def test_what_a_stranger_says_of_arrays_is_text(tmp_path, about):
    right = {"data": np.arange(20), "offsets": np.array([0, 20])}
    right |= {name: _strings("a") for name in ("id", "song", "label", "part")}
    write_described(tmp_path / "x.npz", about, right, name="about")
    with pytest.raises(CorpusError, match="not an encoded corpus"):
        open_encoded(tmp_path / "x.npz")
