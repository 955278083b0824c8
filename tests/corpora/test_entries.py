"""Packed entries come back as they were; songs and splits keep together what belongs
together.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.corpora import PARTS, load, split, split_of
from fusiontools.corpora.entries import (
    Corpus,
    Entry,
    group_songs,
    join,
    pack,
    song_ids,
    unpack,
)
from fusiontools.corpora.registry import _remembered
from fusiontools.music.midi import Meter, Piece, Track
from fusiontools.music.notes import Notes, Tempo

often = settings(max_examples=30, deadline=None, derandomize=True)
rows = st.lists(
    st.tuples(
        st.floats(0, 50), st.floats(0.01, 4), st.integers(0, 127), st.integers(1, 127)
    ),
    max_size=6,
)
tracks = st.builds(
    lambda r, p, d, n: Track(Notes.of(r), p, d, n),
    rows,
    st.integers(0, 127),
    st.booleans(),
    st.text(max_size=4),
)
bars = st.one_of(st.none(), st.lists(st.floats(-4, 50), min_size=1, max_size=5).map(tuple))
pieces = st.builds(
    lambda t, bpm, n, b: Piece(
        tuple(t), Tempo.constant(bpm), (Meter(0.0, n, 8), Meter(12.0)), "t", b
    ),
    st.lists(tracks, max_size=3),
    st.floats(20, 300),
    st.integers(1, 12),
    bars,
)
entries = st.lists(st.builds(Entry, *[st.text(max_size=5)] * 5, pieces), max_size=5)


@often
@given(entries)
def test_pack_and_unpack_are_inverse(entries):
    columns = pack(entries)
    assert [unpack(columns, i) for i in range(len(entries))] == entries


@often
@given(st.lists(entries, max_size=4))
def test_joining_packed_parts_is_packing_all(parts):
    joined, whole = join(pack(p) for p in parts), pack([e for p in parts for e in p])
    assert joined.keys() == whole.keys()
    for name, column in whole.items():
        assert np.array_equal(joined[name], column) and type(joined[name]) is type(column)
        assert getattr(joined[name], "dtype", None) == getattr(column, "dtype", None)


def test_a_corpus_is_a_sequence_that_finds_and_counts(tune):
    made = [
        Entry(f"c/{k}", f"s{k % 2}", "l", "t", "", Piece((Track(tune(k)),)))
        for k in range(5)
    ]
    corpus = Corpus("c", pack(made), (("c/9", "why"),))
    assert list(corpus) == made and corpus[-1] == made[-1] and corpus[1:4:2] == made[1:4:2]
    assert (
        corpus.find("c/3") == made[3]
        and repr(corpus) == "Corpus('c', 5 entries of 2 songs, 1 skipped)"
    )
    with pytest.raises(KeyError, match="c/7"):
        corpus.find("c/7")
    with pytest.raises(IndexError):
        corpus[5]


def test_the_content_of_a_corpus_is_its_entries_and_survives_the_cache(home):
    fresh = load("nottingham")
    _remembered.cache_clear()
    kept = load("nottingham")
    assert kept is not fresh and kept.content == fresh.content
    other = dict(fresh.columns, label=["x"] * len(fresh))
    assert Corpus("nottingham", other).content != fresh.content
    moved = dict(fresh.columns, onset=fresh.columns["onset"] + 1)
    assert Corpus("nottingham", moved).content != fresh.content


@often
@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=15))
def test_groups_are_the_connected_components(marks):
    groups = group_songs([sorted(m) for m in marks])
    reach = [{i} for i in range(len(marks))]
    for _ in marks:  # the slow plain way: spread until nothing changes
        for i, a in enumerate(marks):
            for j, b in enumerate(marks):
                if a & b:
                    reach[i] |= reach[j]
                    reach[j] |= reach[i]
    assert groups == [min(r) for r in reach]


def test_titles_and_melodies_tell_songs_whatever_key_tempo_and_spelling(tune):
    a, b, c = tune(1), tune(2), tune(3)
    faster = Notes(a.onset / 2, a.duration / 2, a.pitch + 3)
    assert song_ids(["The Rose -- Reel", "ROSÉ", "", ""], [b, c, a, faster]) == [
        "rose",
        "rose",
        *["untitled-fef392c1659079c0"] * 2,
    ]


@pytest.mark.parametrize("length, same", [(11, False), (12, True), (13, True)])
def test_a_scrap_of_melody_tells_no_song(length, same):
    scrap = Notes.of([(i, 1, 60 + i % 5) for i in range(length)])
    one, other = song_ids(["The Rose", "The Lily"], [scrap, scrap])
    assert (one == other) == same


@pytest.mark.parametrize("stretch", [1, 2, 1.5, 1 / 3])
def test_a_melody_is_the_same_at_any_speed_and_in_no_other_rhythm(stretch):
    tune = Notes.of([(i, 1 + i % 2, 60 + i % 5) for i in range(12)])
    slow = Notes(tune.onset * stretch, tune.duration * stretch, tune.pitch)
    even = Notes(tune.onset, np.ones(12), tune.pitch)
    assert song_ids(["rose", "lily"], [tune, slow]) == ["lily", "lily"]
    assert song_ids(["rose", "lily"], [tune, even]) == ["rose", "lily"]


def test_songs_are_named_alike_in_every_order_and_company(tune):
    short = Notes.of([(0, 1, 60), (1, 1, 64)])
    tunes = {
        "a": ("The Rose", tune(1)),
        "b": ("An Older Rose", tune(1)),
        "c": ("", tune(3)),
        "d": ("", short),
        "e": ("", tune(4)),
    }

    def named(keys):
        return dict(
            zip(keys, song_ids([tunes[k][0] for k in keys], [tunes[k][1] for k in keys]))
        )

    everything = named("abcde")
    assert (
        everything["a"] == everything["b"] == "rose" and len(set(everything.values())) == 4
    )
    for order in ("edcba", "bdeca", "cabde"):
        assert named(order) == everything
    # songs that were alone keep their names when others come
    for few in ("ec", "d", "cda", "e"):
        assert named(few) == {k: everything[k] for k in few}


@often
@given(st.lists(st.text(max_size=6), max_size=40), st.integers(0, 5))
def test_no_song_falls_on_two_sides(songs, seed):
    made = [Entry(f"{i}", song, "", "", "", Piece()) for i, song in enumerate(songs)]
    dealt = split(made, seed=seed)
    assert sorted(e.id for part in dealt.values() for e in part) == sorted(
        e.id for e in made
    )
    sides = {name: {e.song for e in part} for name, part in dealt.items()}
    assert (
        not sides["train"] & sides["test"]
        and not sides["train"] & sides["validation"]
        and not sides["test"] & sides["validation"]
    )
    assert all(
        split_of(song, seed=seed) == name for name, part in sides.items() for song in part
    )


def test_shares_are_kept_and_seeds_deal_anew():
    songs = [f"song {k}" for k in range(4000)]
    shares = {name: sum(split_of(s) == name for s in songs) / len(songs) for name in PARTS}
    assert shares == pytest.approx({"train": 0.8, "validation": 0.1, "test": 0.1}, abs=0.02)
    assert [split_of(s) for s in songs] != [split_of(s, seed=1) for s in songs]
    assert {split_of(s, {"all": 1}) for s in songs} == {"all"}
