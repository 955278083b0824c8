"""A pair of domains: made of music, dealt by song, saved and read back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError
from fusiontools.music.midi import Piece, Track
from fusiontools.music.notes import Notes
from fusiontools.music.tokens import Vocabulary, decode_tokens, encode_tokens, length_class
from fusiontools.papers.fusiongan import data
from fusiontools.papers.fusiongan.data import (
    VOCABULARY,
    open_pair,
    pair,
    plain_tokens,
    save_pair,
    straighten,
    tonic,
    tune_tokens,
)

notes = st.lists(
    st.tuples(st.floats(0.02, 9), st.floats(0.05, 1.5), st.integers(20, 110)),
    min_size=1,
    max_size=12,
).map(
    lambda rows: Notes.of(
        [(sum(r[0] for r in rows[:i]), d, p) for i, (_, d, p) in enumerate(rows)]
    )
)


@settings(max_examples=60, deadline=None)
@given(notes)
def test_straightened_notes_lose_nothing_as_tokens(tune):
    straight = straighten(tune)
    tokens = encode_tokens(straight, VOCABULARY)
    assert decode_tokens(tokens, VOCABULARY) == straight
    again = straighten(straight)
    assert np.array_equal(again.pitch, straight.pitch) and len(straight) <= len(tune)


@pytest.mark.parametrize(
    "key, home",
    [
        ("C", 0),
        ("Bb-maj", 10),
        ("F#-min", 6),
        ("Glyd", 7),
        ("Es", 3),
        ("Em", 4),
        ("", None),
        ("?", None),
    ],
)
def test_tonics(key, home):
    assert tonic(key) == home


@pytest.mark.parametrize(
    "shift, key", [(0, "C"), (2, "D"), (5, "F"), (-5, "G"), (-2, "Bb"), (6, "F#")]
)
def test_a_tune_reads_the_same_in_every_key(shift, key):
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    tune, home = (
        Notes.of([(i, 1, p + s) for i, p in enumerate(scale)]) for s in (shift, 0)
    )
    assert tune_tokens(tune, key).tolist() == tune_tokens(home, "C").tolist()
    if shift:
        assert (
            tune_tokens(tune, key, to_c=False).tolist()
            != tune_tokens(home, "C", to_c=False).tolist()
        )


@pytest.mark.parametrize(
    "vocabulary", [VOCABULARY, Vocabulary("notes", 60, 71, 4, (1, 2, 4))]
)
def test_plain_tokens_are_of_the_same_pitch_and_the_plain_length(vocabulary):
    alike = plain_tokens(vocabulary)
    k, heard = len(vocabulary.durations), {}
    for token, other in enumerate(alike.tolist()):
        pitch, length = divmod(token, k)  # of a rest, too
        kind = (
            pitch,
            int(length_class(vocabulary.durations[length] / vocabulary.steps_per_beat)),
        )
        assert heard.setdefault(kind, other) == other and other // k == pitch
    assert len(set(heard.values())) == len(heard)  # and no others are
    assert (alike[alike] == alike).all() and alike.shape == (vocabulary.size,)
    if vocabulary is VOCABULARY:
        assert len(heard) == (vocabulary.pitches + 1) * 5


def corpus(name, label, songs=40):
    rng = np.random.default_rng(len(name))
    entries = []
    for i in range(songs):
        tune = Notes.of(
            [(0.5 * k, 0.5, int(p)) for k, p in enumerate(rng.integers(55, 80, 60))]
        )
        entries.append(
            Entry(
                f"{name}/{i}",
                f"song {i // 2}",
                label,
                "",
                "G" if i else "",
                Piece((Track(tune),)),
            )
        )
    return Corpus(name, pack(entries))


def test_a_pair_is_dealt_by_song_and_travels_in_a_file(tmp_path):
    corpora = [corpus("one", "jazz"), corpus("other", "folk")]
    made = pair("mine", corpora=corpora)
    assert made.labels == ("jazz", "folk")
    assert [len(c["skipped"]) for c in made.about["corpora"]] == [
        1,
        1,
    ]  # the tune without a key, and it is named
    for domain in "AB":
        songs = [
            set(made.songs(domain, part).tolist())
            for part in ("train", "validation", "test")
        ]
        assert (
            not songs[0] & songs[1] and not songs[0] & songs[2] and not songs[1] & songs[2]
        )
        rows = made.windows(domain, "train")
        assert rows.shape[1] == 36 and rows.min() >= 0 and rows.max() < VOCABULARY.size
    save_pair(made, tmp_path / "pair.npz")
    read = open_pair(tmp_path / "pair.npz")
    assert (
        read.hash == made.hash
        and read.vocabulary == made.vocabulary
        and read.about == made.about
    )
    assert made.hash != pair("mine", corpora=corpora, transpose=False).hash


def test_a_pair_of_the_books_own_is_made_once_for_its_corpora(tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path))
    there = {"essen": corpus("essen", "folk"), "ryan": corpus("ryan", "fiddle", 50)}
    monkeypatch.setattr(data, "load", there.get)
    makes, make = [], data._arrays
    monkeypatch.setattr(data, "_arrays", lambda *a: makes.append(a) or make(*a))
    first, again = pair("essen_ryan"), pair("essen_ryan")
    assert len(makes) == 1
    assert first.hash == again.hash and first.about == again.about
    assert first.labels == again.labels == ("folk", "fiddle")
    as_printed = pair("essen_ryan", transpose=False)
    assert len(makes) == 2 and not as_printed.about["transpose"]
    there["ryan"] = corpus("ryan", "fiddle", 40)  # another edition of it
    assert pair("essen_ryan").hash != first.hash and len(makes) == 3


def test_what_is_no_pair_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(CorpusError, match="not a pair"):
        open_pair(tmp_path / "other.npz")
    with pytest.raises(CorpusError, match="no pair is called"):
        pair("polka_tango")
    with pytest.raises(CorpusError, match="no window"):
        pair("mine", corpora=[corpus("one", "jazz", 3)] * 2)


def test_two_folders_of_midi_become_the_two_genres(tmp_path):
    from fusiontools.music import Notes, Piece, Track, write_midi
    from fusiontools.papers.fusiongan.data import EVENTS, from_folders

    rng = np.random.default_rng(0)
    for label, low, longest in (("high", 70, 1), ("low", 50, 2)):
        (tmp_path / label).mkdir()
        for i in range(6):
            long = rng.integers(1, longest + 1, 60) / 2
            pitch = low + rng.integers(0, 12, 60)
            tune = Notes(np.cumsum(long) - long, long, pitch)
            chords = Notes(np.arange(15) * 2.0, np.full(15, 2.0), np.full(15, 40))
            write_midi(
                Piece((Track(tune, name="melody"), Track(chords, name="bass"))),
                tmp_path / label / f"{i}.mid",
            )
    (tmp_path / "low" / "broken.mid").write_bytes(b"no MIDI at all")
    mine = from_folders(tmp_path / "high", tmp_path / "low")
    assert mine.labels == ("high", "low")
    for d, low in zip("AB", (70, 50)):
        parts = {
            part: set(mine.songs(d, part).tolist())
            for part in ("train", "validation", "test")
        }
        assert (
            all(parts.values()) and sum(map(len, parts.values())) == 6
        )  # every song in one part, and each part has one
        assert all(
            low <= n.pitch.min() and n.pitch.max() < low + 12 for n in mine.notes(d)
        )  # the bass is left out
        assert mine.windows(d).shape[1] == EVENTS


def test_a_folder_of_scraps_is_refused_with_what_to_do(tmp_path):
    from fusiontools.errors import CorpusError
    from fusiontools.music import Notes, write_midi
    from fusiontools.papers.fusiongan.data import from_folders

    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        write_midi(
            Notes(np.arange(5.0), np.ones(5), np.full(5, 60)),
            tmp_path / label / "scrap.mid",
        )
    with pytest.raises(CorpusError, match="more or longer melodies"):
        from_folders(tmp_path / "a", tmp_path / "b")


def test_two_folders_of_the_same_music_are_refused(tmp_path):
    from fusiontools.music import write_midi
    from fusiontools.papers.fusiongan.data import from_folders

    rng = np.random.default_rng(0)
    for i in range(3):
        tune = Notes(np.arange(60) / 2, np.full(60, 0.5), rng.integers(60, 72, 60))
        for label in ("a", "b"):
            (tmp_path / label).mkdir(exist_ok=True)
            write_midi(tune, tmp_path / label / f"{i}.mid")
    with pytest.raises(CorpusError, match=r"distance 0.* What to do: bring more pieces"):
        from_folders(tmp_path / "a", tmp_path / "b")
