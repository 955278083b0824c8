"""Folders and archives of MIDI files: the same corpus however it is packed, and no bad file
stops the others.
"""

import builtins
import errno
import io
import os
from collections import Counter

import numpy as np
import pytest

from fusiontools.corpora import folders, load
from fusiontools.corpora.folders import load_folder, opening, read_pieces
from fusiontools.corpora.registry import _remembered
from fusiontools.errors import CorpusError, FusionError
from fusiontools.music.notes import Notes, transpose

PACKED = ["music.zip", "music.tar", "music.tar.gz", "music.tar.xz"]


@pytest.fixture
def files(tune, midi):
    """Five good files of three songs, and three that hold nothing to read."""
    long = tune(1, 80)
    return {
        "metal/ann__Band - Song.mid": midi((tune(0), 30, False)),
        "metal/12.mid": midi((long, 30, False), (tune(9), 0, True)),
        "rock/Song - band.MID": midi((tune(2), 0, False)),
        "rock/13.mid": midi((transpose(long, 5), 0, False), (tune(3), 25, False), bpm=90),
        "rock/deep/other.midi": midi((tune(4), 73, False)),
        "metal/._12.mid": b"what macOS leaves",
        "rock/readme.txt": b"no music",
        "rock/broken.mid": b"MThd but no more",
        "rock/empty.mid": b"",
        "metal/drums.mid": midi((tune(5), 0, True)),
    }


def below(name, file):
    return f"{name}/{file.rsplit('.', 1)[0]}"


def test_a_folder_is_read_with_genres_ids_and_songs(home, files, pack_files):
    corpus = load("genre_midi", folder=pack_files(home / "music", files))
    assert sorted(corpus.columns["id"]) == sorted(
        below("genre_midi", f) for f in list(files)[:5]
    )
    assert {e.id.split("/")[2]: e.label for e in corpus} == {
        "ann__Band - Song": "metal",
        "12": "metal",
        "Song - band": "rock",
        "13": "rock",
        "deep": "rock",
    }
    songs = Counter(corpus.columns["song"])
    assert sorted(songs.values()) == [1, 2, 2]
    # one opening, another key and tempo
    assert corpus.find("genre_midi/metal/12").song == corpus.find("genre_midi/rock/13").song
    # one title
    assert (
        corpus.find("genre_midi/metal/ann__Band - Song").song
        == corpus.find("genre_midi/rock/Song - band").song
    )
    assert corpus.find("genre_midi/metal/ann__Band - Song").title == "Band - Song"


def test_bad_files_are_skipped_named_and_counted(home, files, pack_files):
    corpus = load("genre_midi", folder=pack_files(home / "music", files))
    reasons = dict(corpus.skipped)
    assert reasons.keys() == {
        "genre_midi/rock/broken",
        "genre_midi/rock/empty",
        "genre_midi/metal/drums",
    }
    assert (
        "header is damaged" in reasons["genre_midi/rock/broken"]
        and "empty" in reasons["genre_midi/rock/empty"]
    )
    assert "drums" in reasons["genre_midi/metal/drums"] and "3 skipped" in repr(corpus)


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("wrapping", ["", "all/of/it/"])
def test_packing_changes_nothing(kind, wrapping, home, files, pack_files):
    plain = load("genre_midi", folder=pack_files(home / "music", files))
    packed = load(
        "genre_midi",
        folder=pack_files(
            home / kind, {wrapping + name: files[name] for name in sorted(files)}
        ),
    )
    assert packed.columns["id"] == plain.columns["id"] and packed.content == plain.content
    assert dict(packed.skipped).keys() == dict(plain.skipped).keys()


def test_notes_are_those_of_the_files(home, tune, midi, pack_files):
    folder = pack_files(
        home / "music",
        {
            "a/x.mid": midi(
                (tune(1), 40, False), (tune(2), 0, True), names=["lead", "kit"], bpm=75
            )
        },
    )
    piece = load("genre_midi", folder=folder)[0].piece
    assert [(t.program, t.is_drum, t.name) for t in piece.tracks] == [
        (40, False, "lead"),
        (0, True, "kit"),
    ]
    assert (
        np.allclose(piece.tracks[0].notes.onset, tune(1).onset)
        and (piece.tracks[0].notes.pitch == tune(1).pitch).all()
    )
    assert piece.tempo.bpm[0] == pytest.approx(75)


def test_filters_choose(home, files, pack_files):
    folder = pack_files(home / "music", files)

    def ids(**options):
        return [
            e.id.removeprefix("genre_midi/")
            for e in load("genre_midi", folder=folder, **options)
        ]

    assert ids(genres=["Metal"]) == ["metal/12", "metal/ann__Band - Song"]
    assert ids(pattern=r"1\d\.mid$") == ["metal/12", "rock/13"]
    assert ids(limit=1) == ["metal/12"]
    assert ids(programs=range(8)) == ["rock/13", "rock/Song - band"]
    assert (
        len(
            load("genre_midi", folder=folder, programs=[25])
            .find("genre_midi/rock/13")
            .piece.tracks
        )
        == 1
    )
    assert {e.label for e in load("genre_midi", folder=folder, label="all")} == {"all"}
    with pytest.raises(CorpusError, match="no MIDI file"):
        ids(genres=["polka"])


def test_workers_read_the_same(home, files, pack_files, monkeypatch):
    folder = pack_files(home / "music", files)
    alone = read_pieces(((f, files[f]) for f in sorted(files)), n_jobs=1)
    monkeypatch.setattr(folders, "BATCH", 3)
    many = read_pieces(((f, files[f]) for f in sorted(files)), n_jobs=2)
    assert many[0]["id"] == alone[0]["id"] and many[1:] == alone[1:]
    assert all(np.array_equal(many[0][k], alone[0][k]) for k in alone[0])
    assert len(load_folder("genre_midi", folder, n_jobs=1)) == 5


def test_what_was_read_is_kept_until_it_changes(
    home, files, pack_files, midi, tune, monkeypatch
):
    folder = pack_files(home / "genre_midi", files)
    first = load("genre_midi")
    assert load("genre_midi") is first
    _remembered.cache_clear()
    monkeypatch.setattr(folders, "read_pieces", None)  # from here on nothing can be read
    assert load("genre_midi").content == first.content
    monkeypatch.undo()
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(home))
    (folder / "rock" / "new.mid").write_bytes(midi((tune(6), 0, False)))
    assert len(load("genre_midi", folder=folder)) == 6


def test_a_name_that_many_files_bear_is_no_title(home, tune, midi, pack_files):
    files = {
        f"Bach/Fugue/bwv_{k}/midi_score.mid": midi((tune(k), 0, False)) for k in range(7)
    }
    corpus = load("genre_midi", folder=pack_files(home / "music", files))
    assert len(set(corpus.columns["song"])) == 7 and corpus[0].title == "Bach Fugue bwv 0"


def test_two_files_of_one_name_have_two_ids(home, tune, midi, pack_files):
    files = {"a/x.kar": midi((tune(1), 0, False)), "a/x.mid": midi((tune(2), 0, False))}
    assert load("genre_midi", folder=pack_files(home / "music", files)).columns["id"] == [
        "genre_midi/a/x",
        "genre_midi/a/x-2",
    ]


def test_an_opening_is_blind_to_key_and_tempo_and_silent_about_drones(tune):
    notes = tune(1, 80)
    slower = Notes(notes.onset * 2, notes.duration * 2, notes.pitch - 7)
    assert opening(notes) == opening(slower) == opening(notes[:64]) != opening(tune(2, 80))
    drone = Notes(notes.onset, notes.duration, np.full(80, 60))
    assert opening(notes[:63]) == opening(drone) == ""


@pytest.mark.parametrize(
    "files", [{}, {"a/x.mid": b"", "a/y.mid": b"no"}], ids=["empty", "all bad"]
)
def test_a_corpus_of_nothing_is_an_error(files, home, pack_files):
    (home / "music").mkdir()
    with pytest.raises(CorpusError, match="MIDI file"):
        load("genre_midi", folder=pack_files(home / "music", files))
    with pytest.raises(CorpusError, match="no such folder"):
        load("genre_midi", folder=home / "nowhere")


def test_random_damage_to_files_is_skipped_and_to_archives_refused(
    home, tune, midi, pack_files, damage
):
    good = midi((tune(1), 0, False), (tune(2), 40, False))
    files = {f"rock/{seed}.mid": damage(good, seed) for seed in range(200)} | {
        "rock/good.mid": good
    }
    corpus = load("genre_midi", folder=pack_files(home / "music", files))
    assert len(corpus) + len(corpus.skipped) == 201 and corpus.find("genre_midi/rock/good")
    whole = pack_files(
        home / "music.tar.gz", {"rock/good.mid": good, "pop/good.mid": good}
    ).read_bytes()
    for seed in range(40):
        (home / "music.tar.gz").write_bytes(damage(whole, seed))
        try:
            load("genre_midi", folder=home / "music.tar.gz")
        except FusionError as error:
            assert "music.tar.gz" in str(error)


def test_the_development_collections(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    metal = load("metal_midi")
    assert (len(metal), len(metal.skipped)) == (34, 57) and {e.label for e in metal} == {
        "metal"
    }
    some = load("genre_midi", genres=["rnb_soul"])
    assert len(some) + len(some.skipped) == 100 and {e.label for e in some} == {"rnb_soul"}
    asap = load("asap", limit=20)
    assert len(asap) == 20 and "Haydn" in asap[0].title


def test_one_genre_may_come_alone_and_none_is_a_mistake(home, files, pack_files):
    folder = pack_files(home / "music", files)
    assert load("genre_midi", folder=folder, genres="Metal").columns["id"] == [
        "genre_midi/metal/12",
        "genre_midi/metal/ann__Band - Song",
    ]
    with pytest.raises(ValueError, match="no genre is asked for"):
        load("genre_midi", folder=folder, genres=[])


def test_a_bad_pattern_is_the_callers_and_no_damage(home, files, pack_files):
    for kind in ("music", "music.zip"):
        with pytest.raises(ValueError, match="no regular expression"):
            load("genre_midi", folder=pack_files(home / kind, files), pattern="[")


def test_a_file_that_may_not_be_read_stops_no_other(home, files, pack_files, monkeypatch):
    folder = pack_files(home / "music", files)
    closed, plain = folder / "rock" / "13.mid", builtins.open

    def guarded(file, *args, **kwargs):
        if isinstance(file, (str, os.PathLike)) and os.fspath(file) == str(closed):
            raise PermissionError(errno.EACCES, "Permission denied", str(closed))
        return plain(file, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", guarded)
    monkeypatch.setattr(io, "open", guarded)
    corpus = load("genre_midi", folder=folder)
    assert (
        len(corpus) == 4 and "may not be read" in dict(corpus.skipped)["genre_midi/rock/13"]
    )


def test_songs_keep_their_names_in_every_company(home, files, pack_files):
    everything = load("genre_midi", folder=pack_files(home / "music", files))
    names = dict(zip(everything.columns["id"], everything.columns["song"]))
    rock = load("genre_midi", folder=home / "music", genres="rock")
    assert all(names[e.id] == e.song for e in rock)
