"""Lakh, streamed: songs by their folder, genres by the lists, and nothing read that was not
asked for.
"""

import pytest

from fusiontools.corpora import lakh, load
from fusiontools.corpora.lakh import genre_lists
from fusiontools.errors import CorpusError, MissingDataError

ROCK, POP, BOTH, NONE = (f"TR{letter * 16}" for letter in "ABCD")


@pytest.fixture
def matched(home, tune, midi, pack_files):
    def file(seed, program=0):
        return midi((tune(seed, 80), program, False))

    def name(song, md5):
        return f"lmd_matched/{song[2]}/{song[3]}/{song[4]}/{song}/{md5}.mid"

    files = {
        name(ROCK, "1" * 32): file(1),
        name(ROCK, "2" * 32): file(2, 30),
        name(POP, "3" * 32): file(3, 30),
        name(BOTH, "4" * 32): file(4),
        name(NONE, "4" * 32): file(4),  # one file matched to two songs
        name(NONE, "5" * 32): b"broken",
    }
    lists = {
        "lastfm/id_list_rock.txt": [ROCK, BOTH],
        "lastfm/id_list_pop.txt": [POP, BOTH],
        "tagtraum/id_list_Pop_Rock.txt": [ROCK],
    }
    pack_files(
        home / "lmd_matched" / "labels.tar.gz",
        {f"labels/{k}": ("\n".join(v) + "\n").encode() for k, v in lists.items()},
    )
    return pack_files(home / "lmd_matched" / "lmd_matched.tar.gz", files)


def labels(corpus):
    return {e.id.split("/")[1]: e.label for e in corpus}


def test_genres_choose_and_the_first_names(matched):
    assert labels(load("lmd_matched", genres=["rock"])) == {ROCK: "rock", BOTH: "rock"}
    assert labels(load("lmd_matched", genres=["pop", "lastfm/rock"])) == {
        ROCK: "rock",
        POP: "pop",
        BOTH: "pop",
    }
    assert labels(load("lmd_matched", genres="tagtraum/pop_rock")) == {ROCK: "pop_rock"}
    assert set(genre_lists()) == {"lastfm/rock", "lastfm/pop", "tagtraum/Pop_Rock"}
    with pytest.raises(CorpusError, match="choose one of lastfm/pop"):
        load("lmd_matched", genres=["polka"])


def test_ids_choose_alone_or_within_genres(matched, tmp_path):
    (tmp_path / "ids.txt").write_text(f"{BOTH}\n{NONE}\n")
    assert labels(load("lmd_matched", ids=tmp_path / "ids.txt")) == {BOTH: "", NONE: ""}
    assert labels(load("lmd_matched", ids=[BOTH, POP], genres=["rock"])) == {BOTH: "rock"}
    with pytest.raises(CorpusError, match="list of song ids"):
        load("lmd_matched", ids=tmp_path / "none.txt")
    with pytest.raises(CorpusError, match="no file that was asked for"):
        load("lmd_matched", ids=["TRX"])


def test_versions_limit_and_programs(matched):
    assert len(load("lmd_matched", ids=[ROCK])) == 1
    assert len(load("lmd_matched", ids=[ROCK], per_song=None)) == 2
    assert len(load("lmd_matched", limit=2, per_song=None)) == 2
    pianos = load("lmd_matched", per_song=None, programs=range(8))
    assert {e.id.split("/")[2][0] for e in pianos} == {"1", "4"}
    assert any("no track of the programs" in why for _, why in pianos.skipped)


def test_one_file_matched_to_two_songs_makes_them_one(matched):
    corpus = load("lmd_matched", per_song=None)
    assert len(corpus) == 5 and len(corpus.skipped) == 1
    songs = {e.id.split("/")[1]: e.song for e in corpus}
    assert songs == {ROCK: ROCK, POP: POP, BOTH: BOTH, NONE: BOTH}


def test_the_full_part_has_names_that_are_checksums(home, tune, midi, pack_files):
    files = {
        f"lmd_full/{k}/{str(k) * 32}.mid": midi((tune(k, 80), 0, False)) for k in (0, 1)
    }
    pack_files(
        home / "lmd_full.tar.gz",
        files
        | {"lmd_full/1/" + "9" * 32 + ".mid": files["lmd_full/1/" + "1" * 32 + ".mid"]},
    )
    corpus = load("lmd_full")
    assert corpus.columns["id"][0] == "lmd_full/" + "0" * 32
    assert len(set(corpus.columns["song"])) == 2  # equal openings are one song
    with pytest.raises(CorpusError, match="no genres"):
        load("lmd_full", genres=["rock"])


def test_lists_that_are_not_here_are_said_so(home, matched):
    (home / "lmd_matched" / "labels.tar.gz").unlink()
    assert len(load("lmd_matched")) == 4  # no genre asked, no list needed
    with pytest.raises(MissingDataError, match="labels.tar.gz"):
        load("lmd_matched", genres=["rock"])


def test_the_original_lists(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    lists = genre_lists()
    sizes = {
        name: len(lists[name])
        for name in (
            "lastfm/rock",
            "lastfm/metal",
            "amg/Pop_Rock",
            "tagtraum/Rock",
            "tagtraum/Metal",
        )
    }
    assert sizes == {
        "lastfm/rock": 4693,
        "lastfm/metal": 585,
        "amg/Pop_Rock": 4345,
        "tagtraum/Rock": 1668,
        "tagtraum/Metal": 112,
    }


def test_versions_are_counted_anew_each_time_the_archive_is_read(matched, monkeypatch):
    def twice(name, key, build, *_):
        build()
        return build()

    monkeypatch.setattr(lakh, "cached", twice)
    assert len(load("lmd_matched", ids=[ROCK])) == 1
