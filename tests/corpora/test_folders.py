"""Folders and archives of scores: the same corpus however it is packed, whatever is called
how, and no bad file stops the others.
"""

import builtins
import errno
import io
import os
import zipfile
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
        "genre_midi/rock/broken.mid",
        "genre_midi/rock/empty.mid",
        "genre_midi/metal/drums.mid",
    }
    assert (
        "header is damaged" in reasons["genre_midi/rock/broken.mid"]
        and "empty" in reasons["genre_midi/rock/empty.mid"]
    )
    assert "drums" in reasons["genre_midi/metal/drums.mid"] and "3 skipped" in repr(corpus)


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
    with pytest.raises(CorpusError, match="no MIDI, ABC or MusicXML file"):
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
    with pytest.raises(CorpusError, match="no MIDI, ABC|none of 2 scores .*a/x.mid: ") as e:
        load("genre_midi", folder=pack_files(home / "music", files))
    assert str(e.value).count("What to do") == 1
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
        len(corpus) == 4
        and "may not be read" in dict(corpus.skipped)["genre_midi/rock/13.mid"]
    )


def test_songs_keep_their_names_in_every_company(home, files, pack_files):
    everything = load("genre_midi", folder=pack_files(home / "music", files))
    names = dict(zip(everything.columns["id"], everything.columns["song"]))
    rock = load("genre_midi", folder=home / "music", genres="rock")
    assert all(names[e.id] == e.song for e in rock)


# Folders as people keep them


def ids(folder, **options):
    corpus = load_folder("mine", folder, **options)
    return sorted(id.removeprefix("mine/") for id in corpus.columns["id"])


def link(place, to):
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(to, target_is_directory=True)
    except OSError:
        pytest.skip("needs a system that lets its users make links")


LINKS = {  # from each link to where it leads, and what is found
    "a genre elsewhere": ({"top/folk": "../away"}, ["folk/a", "own/b"]),
    "the top itself": ({"link": "top", "top/folk": "../away"}, ["folk/a", "own/b"]),
    "a link to a link": ({"top/folk": "../next", "next": "away"}, ["folk/a", "own/b"]),
    "up into itself": ({"top/own/up": ".."}, ["own/b"]),
    "onto itself": ({"top/own/me": "me"}, ["own/b"]),
    "to nowhere": ({"top/none": "../lost"}, ["own/b"]),
    "twice the same": ({"top/folk": "../away", "top/zzz": "../away"}, ["folk/a", "own/b"]),
    "what is here": ({"top/a_first": "own"}, ["own/b"]),
    "round in two": (
        {"top/x": "../away", "away/back": "../top", "top/own/y": "../../away"},
        ["own/b", "x/a"],
    ),
    "a file": ({"top/own/c.mid": "../../away/a.mid"}, ["own/b", "own/c"]),
}


@pytest.mark.parametrize("kind", LINKS)
def test_links_are_followed_once(kind, home, midi, tune):
    for name, seed in (("away/a.mid", 1), ("top/own/b.mid", 2)):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(midi((tune(seed), 0, False)))
    links, found = LINKS[kind]
    for place, to in links.items():
        link(home / place, to)
    top = home / ("link" if "link" in links else "top")
    assert ids(top, n_jobs=1) == found


def test_links_in_many_circles_end(home, midi, tune):
    folders = [home / "top" / f"genre{k}" for k in range(9)]
    for k, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / "a.mid").write_bytes(midi((tune(k), 0, False)))
    for folder in folders:  # 9! ways through them
        for other in folders:
            link(folder / f"to_{other.name}", other)
    assert ids(home / "top", n_jobs=1) == [f"genre{k}/a" for k in range(9)]


def test_what_is_changed_behind_a_link_is_read_anew(home, midi, tune):
    link(home / "top" / "folk", home / "away")
    (home / "away").mkdir()
    for seed in (1, 2):
        (home / "away" / "a.mid").write_bytes(midi((tune(seed), 0, False)))
        assert load_folder("mine", home / "top")[0].notes.pitch[0] == tune(seed).pitch[0]


NAMES = [
    b"f\xfcr",
    "f\u00fcr".encode(),
    "\u6625".encode(),
    b"\xe6\x98",
    b"a\nb",
    b"a.b",
    b"-",
]


@pytest.mark.skipif(os.name == "nt", reason="names of bytes are a matter of Unix")
@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(home, midi, tune, name):
    top = os.fsencode(home) + b"/" + name
    for place, seed in ((b"%s/%s.mid" % (name, name), 1), (b"%s/ok.mid" % name, 2)):
        os.makedirs(os.path.dirname(top + b"/" + place), exist_ok=True)
        with open(top + b"/" + place, "wb") as file:
            file.write(midi((tune(seed), 0, False)))
    for _ in range(2):  # read, and out of the cache
        corpus = load_folder("mine", os.fsdecode(top))
        assert len(corpus) == 2 and not corpus.skipped
        told = [*corpus.columns["id"], *corpus.columns["label"], *corpus.columns["song"]]
        "".join(told).encode()  # no surrogate is left: it can be written anywhere
    assert corpus[0].label == os.fsencode(corpus[0].id).split(b"/")[1].decode()


def test_names_of_1990s_archives_can_be_shown(home, midi, tune, pack_files):
    files = {"g/f\udcfcr.mid": midi((tune(1), 0, False))}
    assert ids(pack_files(home / "old.tar", files)) == ["g/f\u00fcr"]


def test_a_folder_that_may_not_be_looked_into_is_named(
    home, files, pack_files, monkeypatch
):
    folder, plain = pack_files(home / "music", files), os.scandir

    def guarded(place):
        if os.path.basename(place) == "deep":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return plain(place)

    monkeypatch.setattr(os, "scandir", guarded)
    corpus = load("genre_midi", folder=folder)
    assert len(corpus) == 4
    assert dict(corpus.skipped)["genre_midi/rock/deep"] == folders.CLOSED


# Scores of other kinds


BOOK = "X:1\nT:The Rose\nM:4/4\nL:1/4\nK:G\nGABc|dedB|GABc|d4|]\n\n"
BOOK += "X:5\nT:Empty\nK:C\n\nX:7\nT:Caf\u00e9\nM:3/4\nL:1/4\nK:Am\nABc|edc|A3|]\n"


def musicxml(title="Air"):
    note = "<note><pitch><step>{}</step><octave>4</octave></pitch><duration>1</duration>"
    notes = "".join(note.format(step) + "</note>" for step in "CDEF")
    about = "<attributes><divisions>1</divisions><time><beats>4</beats>"
    about += "<beat-type>4</beat-type></time></attributes>"
    return (
        f"<score-partwise><work><work-title>{title}</work-title></work><part-list>"
        '<score-part id="P1"><part-name>Oboe</part-name></score-part></part-list>'
        f'<part id="P1"><measure number="1">{about}{notes}</measure></part>'
        "</score-partwise>"
    ).encode()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_a_book_of_tunes_counts_as_a_folder_of_them(home, pack_files, encoding):
    files = {"irish/book.abc": BOOK.encode(encoding)}
    corpus = load_folder("mine", pack_files(home / "music", files))
    assert corpus.columns["id"] == ["mine/irish/book/1", "mine/irish/book/3"]
    assert corpus.columns["title"] == ["The Rose", "Caf\u00e9"]
    assert (
        corpus.columns["label"] == ["irish"] * 2 and len(set(corpus.columns["song"])) == 2
    )
    assert [entry.key for entry in corpus] == ["G", "Am"]
    assert str(corpus[1].meter) == "3/4" and corpus[0].notes.pitch[:3].tolist() == [
        67,
        69,
        71,
    ]
    assert [id for id, _ in corpus.skipped] == ["mine/irish/book/2.abc"]


def test_a_tune_of_one_title_is_one_song_in_midi_in_abc_and_in_musicxml(
    home, midi, tune, pack_files
):
    files = {
        "a/rose, the.mid": midi((tune(1), 0, False)),
        "b/x.abc": BOOK.split("\n\n")[0].encode(),
        "b/y.musicxml": musicxml("The Rose"),
        "b/z.xml": musicxml("The Lily"),
    }
    corpus = load_folder("mine", pack_files(home / "music", files))
    songs = dict(zip(corpus.columns["id"], corpus.columns["song"]))
    assert songs["mine/a/rose, the"] == songs["mine/b/x"] == songs["mine/b/y"]
    assert songs["mine/b/z"] != songs["mine/b/y"] and len(songs) == 4


def rmi(data):
    return (
        b"RIFF"
        + (len(data) + 12).to_bytes(4, "little")
        + b"RMIDdata"
        + (len(data).to_bytes(4, "little") + data)
    )


def mxl(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        place = (
            "<container><rootfiles><rootfile full-path='s.xml'/></rootfiles></container>"
        )
        archive.writestr("META-INF/container.xml", place)
        archive.writestr("s.xml", data)
    return file.getvalue()


@pytest.mark.parametrize(
    "suffix", [".mid", ".MID", ".midi", ".kar", ".rmi", ".abc", ".xml", ".musicxml", ".mxl"]
)
@pytest.mark.parametrize("kind", ["music", "music.zip", "music.tar.xz"])
def test_every_kind_of_score_counts(home, midi, tune, pack_files, suffix, kind):
    data = midi((tune(1), 0, False))
    data = {
        ".rmi": rmi(data),
        ".abc": BOOK.split("\n\n")[0].encode(),
        ".mxl": mxl(musicxml()),
    }.get(suffix, musicxml() if "xml" in suffix else data)
    files = {
        f"g/one{suffix}": data,
        f"g/bad{suffix}": b"\0 no music",
        f"g/._one{suffix}": b"",
    }
    corpus = load_folder("mine", pack_files(home / kind, files), n_jobs=1)
    assert corpus.columns["id"] == ["mine/g/one"] and corpus.columns["label"] == ["g"]
    assert [id for id, _ in corpus.skipped] == [f"mine/g/bad{suffix}"]


@pytest.mark.parametrize("suffix", folders.OTHERS)
def test_files_of_other_programs_are_named(home, midi, tune, pack_files, suffix):
    files = {"g/a.mid": midi((tune(1), 0, False)), f"g/b{suffix}": b"?", "g/c.txt": b"?"}
    corpus = load_folder("mine", pack_files(home / "music", files))
    (id, why), *more = corpus.skipped
    assert len(corpus) == 1 and not more and id == f"mine/g/b{suffix}"
    assert folders.OTHERS[suffix] in why and "export it" in why
    (home / "music" / "g" / "a.mid").unlink()
    with pytest.raises(CorpusError, match="none of 1 scores"):
        load_folder("mine", home / "music")


JUNK = [
    b"",
    b"junk",
    b"<html>404</html>",
    b"MThd",
    bytes(99),
    b"PK\3\4",
    b"X:1\n",
    b"\xff\xfe<",
]


@pytest.mark.parametrize("suffix", [".mid", ".rmi", ".abc", ".xml", ".mxl"])
def test_reasons_are_words_for_a_reader(home, midi, tune, pack_files, suffix):
    files = {f"g/{k}{suffix}": data for k, data in enumerate(JUNK)}
    files["g/good.mid"] = midi((tune(1), 0, False))
    corpus = load_folder("mine", pack_files(home / "music", files), n_jobs=1)
    assert len(corpus) == 1 and len(corpus.skipped) == len(JUNK)
    for _, why in corpus.skipped:
        assert " object at 0x" not in why and "What to do" not in why and "\n" not in why
        assert str(home) not in why


@pytest.mark.parametrize("name", ["song.mid", "song", "notes.txt", "a.abc", "a.wav"])
@pytest.mark.parametrize("corpus", ["genre_midi", "genre_audio", "lmd_full", "pop909"])
def test_one_file_is_no_damaged_archive(home, midi, tune, name, corpus):
    (home / name).write_bytes(midi((tune(1), 0, False)))
    with pytest.raises(CorpusError, match="this is one file") as caught:
        load(corpus, folder=home / name)
    assert "damaged" not in caught.value.found and name in str(caught.value)
