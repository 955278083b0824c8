"""The jazz solos: beats on the score's clock, seconds as the database has them, whatever
the order of its columns.
"""

import contextlib
import lzma
import sqlite3

import numpy as np
import pytest

from fusiontools.corpora import load, weimar
from fusiontools.corpora.weimar import PROGRAMS, load_weimar
from fusiontools.errors import CorpusError, FusionError, MissingDataError
from fusiontools.music.notes import to_seconds

SOLOS = [  # melid, performer, title, titleaddon, solopart, instrument, key, signature
    (7, "Ann Alto", "So What", "", 1, "as", "D-dor", "4/4"),
    (9, "Ben Bass", "So What", "Take 2", 1, "bcl", "D-dor", "4/4"),
    (12, "Ann Alto", "The Waltz", None, 1, "ts-c", "", "3/4"),
    (15, "Ann Alto", "So What", "", 2, "as", "D-dor", "4/4"),
]


def make_database(path, solos=SOLOS, seed=0):
    """A database like wjazzd.db, with more tables and columns than are needed, in another
    order.
    """
    rng = np.random.default_rng(seed)
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE solo_info(key TEXT, instrument TEXT, avgtempo REAL, "
            "performer TEXT, titleaddon TEXT, title TEXT, signature TEXT, solopart INT, "
            "melid INTEGER PRIMARY KEY)"
        )
        db.execute(
            "CREATE TABLE melody(loud_max REAL, pitch REAL, eventid INTEGER PRIMARY KEY, "
            "duration REAL, melid INT, onset REAL)"
        )
        db.execute(
            "CREATE TABLE beats(chord TEXT, beat INT, signature TEXT, onset REAL, bar INT, "
            "melid INT, beatid INTEGER PRIMARY KEY)"
        )
        db.execute("CREATE TABLE sections(melid INT, value TEXT)")
        for melid, performer, title, addon, part, instrument, key, signature in solos:
            row = (key, instrument, 120.0, performer, addon, title, signature, part, melid)
            db.execute("INSERT INTO solo_info VALUES (?,?,?,?,?,?,?,?,?)", row)
            per_bar = int(signature[0])
            seconds = 9.0 + np.cumsum(rng.uniform(0.4, 0.6, 24))
            for k, second in enumerate(seconds):
                # the first annotated beat is the second of its bar
                beat = (k + 1) % per_bar + 1
                # the official file names the meter where it changes
                mark = signature if k == 0 else ""
                db.execute(
                    "INSERT INTO beats VALUES (?,?,?,?,?,?,?)",
                    ("C7", beat, mark, second, 0, melid, None),
                )
            onsets = np.sort(rng.uniform(seconds[1], seconds[-1], 20))
            for onset in rng.permutation(onsets):
                row = (60.0, float(rng.integers(50, 80)), None, 0.1, melid, onset)
                db.execute("INSERT INTO melody VALUES (?,?,?,?,?,?)", row)
    return path


@pytest.fixture
def database(home):
    return make_database(home / "wjazzd.db")


def rows_of(database, melid):
    with sqlite3.connect(database) as db:
        return np.array(
            db.execute(
                "SELECT onset, duration, pitch FROM melody WHERE melid=? ORDER BY onset",
                (melid,),
            ).fetchall()
        )


def test_seconds_are_those_of_the_database(database):
    corpus = load("weimar")
    assert len(corpus) == 4 and not corpus.skipped
    for entry, solo in zip(corpus, SOLOS):
        heard = to_seconds(entry.piece.tracks[0].notes, entry.piece.tempo)
        rows = rows_of(database, solo[0])
        assert np.abs(heard.onset - rows[:, 0]).max() < 1e-6
        assert np.abs(heard.duration - rows[:, 1]).max() < 1e-6
        assert (heard.pitch == rows[:, 2]).all()


def test_beats_are_the_annotated_ones_and_bars_begin_on_multiples(database):
    with sqlite3.connect(database) as db:
        rows = db.execute(
            "SELECT melid, onset, beat FROM beats ORDER BY melid, onset"
        ).fetchall()
    for entry, solo in zip(load("weimar"), SOLOS):
        onsets = np.array([r[1] for r in rows if r[0] == solo[0]])
        numbers = np.array([r[2] for r in rows if r[0] == solo[0]])
        beats = entry.piece.tempo.beats_at(onsets)
        assert np.allclose(np.diff(beats), 1)
        assert str(entry.meter) == solo[7]
        assert np.allclose(beats % entry.meter.bar, numbers - 1)
        assert entry.notes.onset.min() >= 0


def test_names_songs_and_instruments(database):
    corpus = load("weimar")
    assert corpus.columns["id"] == [
        "weimar/ann-alto/so-what",
        "weimar/ben-bass/so-what-take-2",
        "weimar/ann-alto/the-waltz",
        "weimar/ann-alto/so-what/2",
    ]
    assert corpus.columns["song"] == ["so-what", "so-what", "waltz", "so-what"]
    assert {e.label for e in corpus} == {"jazz"}
    assert [e.piece.tracks[0].program for e in corpus] == [PROGRAMS[s[5]] for s in SOLOS]
    assert (corpus[0].title, corpus[0].key) == ("Ann Alto: So What", "D-dor")


def test_compressed_and_read_only_files_are_read_alike(database, home):
    plain = load_weimar(folder=database)
    packed = home / "weimar" / "wjazzd.db.xz"
    packed.parent.mkdir()
    packed.write_bytes(lzma.compress(database.read_bytes()))
    database.chmod(0o400)
    assert (
        load_weimar(folder=database).content
        == load_weimar(folder=packed).content
        == plain.content
    )
    database.unlink()
    assert load("weimar").content == plain.content
    # no journal, no unpacked copy
    assert [f.name for f in home.rglob("*")] == ["weimar", "wjazzd.db.xz"]


def test_a_solo_that_cannot_be_read_is_skipped_and_named(home):
    database = make_database(home / "wjazzd.db")
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM beats WHERE melid=9")
        db.execute("UPDATE melody SET pitch=400 WHERE melid=12")
        db.execute("UPDATE melody SET duration='long' WHERE melid=15")
    corpus = load("weimar")
    assert corpus.columns["id"] == ["weimar/ann-alto/so-what"]
    assert dict(corpus.skipped).keys() == {
        "weimar/ben-bass/so-what-take-2",
        "weimar/ann-alto/the-waltz",
        "weimar/ann-alto/so-what/2",
    }
    assert "0 beats" in corpus.skipped[0][1] and "3 skipped" in repr(corpus)


def test_what_is_no_such_database_is_refused(home):
    with pytest.raises(MissingDataError, match="wjazzd.db"):
        load("weimar")
    for data in (
        b"",
        b"not a database at all" * 99,
        make_database(home / "x.db", []).read_bytes(),
    ):
        (home / "wjazzd.db").write_bytes(data)
        with pytest.raises(CorpusError, match="fetch it again"):
            load("weimar")
    with pytest.raises(CorpusError, match="not a file"):
        load("weimar", folder=home)


def test_random_damage_never_surprises(home, damage):
    whole = make_database(home / "wjazzd.db").read_bytes()
    for seed in range(120):
        (home / "wjazzd.db").write_bytes(damage(whole, seed))
        try:
            for entry in load_weimar():
                assert len(entry.notes)
        except FusionError as error:
            assert "wjazzd.db" in str(error)


def test_nothing_is_left_beside_a_database_that_keeps_a_journal(home):
    """One in the mode "WAL" gets two files beside it as soon as anybody opens it, unless it
    is said that it never changes.
    """
    database = make_database(home / "wjazzd.db")
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    before = [f.name for f in home.iterdir()]
    seen = []

    def looked(path, *given, **more):
        connection = sqlite3_connect(path, *given, **more)
        connection.execute("SELECT count(*) FROM solo_info").fetchall()
        seen.extend(f.name for f in home.iterdir())
        return connection

    sqlite3_connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", looked)
        assert len(load_weimar(folder=database)) == 4
    assert seen == before == [f.name for f in home.iterdir()]


COUNTS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT "
VIEWS = {
    "rows without an end": COUNTS + "7 AS melid, i AS onset, 0.1 AS duration, 60 AS pitch "
    "FROM n",
    "no row without an end": COUNTS
    + "7 AS melid, i AS onset, 1 AS duration, 60 AS pitch FROM n WHERE i < 0",
    "a text without an end": "SELECT 7 AS melid, 1.0 AS onset, 1.0 AS duration, "
    "hex(zeroblob(1000000)) AS pitch",
}


@pytest.mark.parametrize("view", VIEWS)
def test_a_strangers_database_that_never_ends_is_refused(home, monkeypatch, view):
    monkeypatch.setattr(weimar, "MILLIONS", 3)
    monkeypatch.setattr(weimar, "ROWS", 1000)
    database = make_database(home / "wjazzd.db")
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute("DROP TABLE melody")
        db.execute(f"CREATE VIEW melody AS {VIEWS[view]}")
    says = {"a text without an end": "too big"}.get(view, "rows without an end|interrupted")
    with pytest.raises(CorpusError, match=rf"({says}).*fetch it again"):
        load_weimar(folder=database)


def test_a_strangers_database_of_too_many_rows_is_refused(home, monkeypatch):
    database = make_database(home / "wjazzd.db")
    monkeypatch.setattr(weimar, "ROWS", 95)  # 24 beats of each of four solos are 96
    with pytest.raises(CorpusError, match="rows without an end"):
        load_weimar(folder=database)
    monkeypatch.setattr(weimar, "ROWS", 96)
    assert len(load_weimar(folder=database)) == 4


ODD = ["'x'", "x'00ff'", "NULL", "1e999", "-1e999", "9223372036854775807", "'9e99999'"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize(
    "column",
    ["melody.onset", "melody.duration", "melody.pitch", "beats.onset", "beats.beat"],
)
def test_a_solo_of_odd_values_is_skipped_or_read_and_the_others_are_there(
    home, column, value
):
    table, name = column.split(".")
    database = make_database(home / "wjazzd.db")
    with contextlib.closing(sqlite3.connect(database)) as db:
        db.execute(f"UPDATE {table} SET {name}={value} WHERE melid=9")
        db.commit()
    corpus = load_weimar(folder=database)
    assert len(corpus) + len(corpus.skipped) == 4 and len(corpus) >= 3


def test_the_whole_database(shared_data, home, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    corpus = load("weimar")
    assert (
        len(corpus) == 456
        and sum(len(e.notes) for e in corpus) == 200_809
        and not corpus.skipped
    )
    assert len(set(corpus.columns["id"])) == 456
    with lzma.open(shared_data / "weimar" / "wjazzd.db.xz") as packed:
        (home / "wjazzd.db").write_bytes(packed.read())
    with sqlite3.connect(home / "wjazzd.db") as db:
        rows = np.array(
            db.execute("SELECT onset FROM melody ORDER BY melid, onset").fetchall()
        )[:, 0]
    heard = np.concatenate([to_seconds(e.notes, e.piece.tempo).onset for e in corpus])
    assert np.abs(heard - rows).max() < 1e-6
