"""Two genres as lines: taken from music, cut into windows, dealt by song, in a file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.corpora.entries import Corpus, Entry, pack
from fusiontools.errors import CorpusError, FusionError, MissingDataError, NoNotesError
from fusiontools.music.grid import is_legal_grid, transpose_grid
from fusiontools.music.lines import (
    BAR,
    HIGH,
    LOW,
    MIDDLE,
    REACH,
    STEPS,
    is_heavy,
    kept,
    line_tokens,
    lowest,
    riff,
    sounding,
    to_middle,
    window_starts,
    windows,
    worth,
)
from fusiontools.music.midi import Piece, Track, write_midi
from fusiontools.music.notes import Notes, transpose
from fusiontools.papers.domain_transfer import data
from fusiontools.papers.domain_transfer.data import (
    PARTS,
    SOURCES,
    domains,
    from_folders,
    gather,
    open_domains,
    save_domains,
)

# (rest before, length, pitch) of each note, in steps of an eighth of a beat
melodies = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 40), st.integers(12, 115)),
    min_size=1,
    max_size=30,
)


def melody(rows):
    ends = np.cumsum([rest + length for rest, length, _ in rows])
    return Notes.of([((e - n) / 8, n / 8, p) for e, (_, n, p) in zip(ends, rows)])


def notes_of(tokens):
    """Onset, end and pitch of each note."""
    pitch, onsets = sounding(tokens), np.flatnonzero(tokens > 1)
    ends = [next((t for t in range(a + 1, len(tokens)) if tokens[t] != 1), len(tokens))
            for a in onsets]  # fmt: skip
    return list(zip(onsets.tolist(), ends, pitch[onsets].tolist()))


@given(melodies)
def test_a_line_keeps_every_note_and_fills_short_rests(rows):
    line = melody(rows)
    tokens = line_tokens(line)
    assert tokens.dtype == np.uint8 and len(tokens) % BAR == 0
    assert is_legal_grid(tokens, 2, 127)
    start = int(line.onset[0] * 8) // BAR * BAR
    found = notes_of(tokens)
    assert [a + start for a, _, _ in found] == (line.onset * 8).tolist()
    assert [p for _, _, p in found] == line.pitch.tolist()
    following = [a for a, _, _ in found[1:]] + [len(tokens)]
    for (_, end, _), own, after in zip(found, line.offset * 8 - start, following):
        assert end == (after if after - own <= 8 else own)  # a beat is filled, more is not


def test_bars_count_from_beat_0_and_the_highest_note_counts():
    tokens = line_tokens(Notes.of([(9, 1, 60), (9, 1, 67), (9, 1, 64), (13, 1, 50)]))
    assert len(tokens) == 64  # beats 8 to 16
    assert tokens[8] == 67 and (tokens[:8] == 0).all() and tokens[40] == 50
    with pytest.raises(NoNotesError, match="nothing sounds"):
        line_tokens(Notes.of([]))


@given(melodies, st.integers(-10, 10))
def test_to_middle_is_blind_to_the_key_and_can_be_undone(rows, by):
    tokens = line_tokens(melody(rows))
    moved, shift = to_middle(tokens)
    onset = tokens > 1
    assert moved.dtype == np.uint8 and np.array_equal(moved > 1, onset)
    assert np.array_equal(moved[~onset], tokens[~onset])
    pitch = moved[onset]
    assert LOW <= pitch.min() and pitch.max() <= HIGH
    assert np.sort(pitch)[(len(pitch) - 1) // 2] == MIDDLE  # far notes stay on their side
    back = transpose_grid(moved, -shift)[onset].astype(int)
    near = np.abs(tokens[onset].astype(int) + shift - MIDDLE) <= REACH
    assert np.array_equal(back[near], tokens[onset][near])
    assert ((back - tokens[onset]) % 12 == 0).all()
    assert np.array_equal(to_middle(transpose_grid(tokens, by))[0], moved)


def test_to_middle_moves_rows_apart_and_far_notes_by_octaves():
    rows = np.array([[40, 1, 40, 40], [90, 92, 94, 0], [0, 0, 0, 0], [60, 60, 79, 41]])
    moved, shift = to_middle(rows)
    assert moved.tolist() == [
        [60, 1, 60, 60],
        [58, 60, 62, 0],
        [0, 0, 0, 0],
        [60, 60, 67, 53],
    ]
    assert shift.ravel().tolist() == [20, -32, 0, 0]
    assert np.array_equal(to_middle(rows[1])[0], moved[1])


@given(melodies, st.integers(1, 24))
def test_windows_cover_a_line(rows, stride):
    tokens = line_tokens(melody(rows))
    cut = windows(tokens, stride * BAR)
    assert cut.shape[1] == STEPS and all(is_legal_grid(row, 2, 127) for row in cut)
    tokens = np.resize(tokens, max(STEPS, len(tokens)))  # short ones are played again
    starts = window_starts(len(tokens), stride * BAR)
    assert len(starts) == len(cut) and (starts % BAR == 0).all()
    assert starts[0] == 0 and starts[-1] + STEPS == len(tokens)
    assert (np.diff(starts) <= stride * BAR).all() and (np.diff(starts) > 0).all()
    pitch = sounding(tokens)
    for row, start in zip(cut, starts):
        assert np.array_equal(sounding(row), pitch[start : start + STEPS])
        assert np.array_equal(row[1:], tokens[start + 1 : start + STEPS])


def test_a_note_that_a_window_cuts_starts_there_again():
    held = np.repeat([64, 1, 0], [1, STEPS + 31, 480]).astype(np.uint8)
    cut = windows(held, BAR)
    assert cut[:2, 0].tolist() == [64, 64] and (cut[1, 1:] == 1).all()
    assert held[BAR] == 1  # the line itself stays as it was


@given(st.integers(1, 5000), st.integers(1, 2000))
def test_window_starts(length, stride):
    starts = window_starts(length, stride)
    assert starts[0] == 0 and (np.diff(starts) <= stride).all()
    assert starts[-1] + STEPS == max(length, STEPS) or stride > STEPS


def test_what_is_worth_learning_from():
    row = np.ones(STEPS, np.uint8)
    row[::16] = 60  # 64 onsets
    rare, off, silent = row.copy(), row.copy(), row.copy()
    rare[: 17 * 16] = 1
    rare[0] = 60  # 48 onsets
    off[16 * 13 :: 16], off[16 * 13 + 1 :: 16] = 1, 60  # 13 on the grid, 51 off
    silent[:320] = 0  # 31 %
    assert worth(np.stack([row, rare, off, silent])).tolist() == [True, True, False, False]
    rare[-16] = 1
    assert not worth(rare[None])[0]


def guitar(pitch, many, program=30, drum=False):
    onset = np.arange(many) / 2
    return Track(Notes(onset, np.full(many, 0.5), np.full(many, pitch)), program, drum)


def test_which_line_of_a_piece():
    drums, piano, empty = guitar(36, 9, 0, True), guitar(60, 9, 0), guitar(60, 0, 31)
    few, many, lead = guitar(45, 8), guitar(50, 20, 29), guitar(70, 30, 27)
    band = Piece((drums, few, many, lead, empty))
    assert riff(band) == many.notes and riff(Piece((lead, drums))) is None
    assert is_heavy(band) and not is_heavy(Piece((drums, few, many, piano)))
    assert not is_heavy(Piece((few, many))) and not is_heavy(Piece((drums, few, empty)))
    assert is_heavy(Piece((drums, few, many, guitar(60, 0, 0))))  # a piano without a note
    chords = Notes.of([(0, 2, 60), (0, 2, 67), (1, 1, 48)])
    assert [tuple(n)[:3] for n in lowest(chords)] == [(0.0, 1.0, 60), (1.0, 1.0, 48)]


def test_what_a_line_keeps():
    line = Notes.of([(0, 0.5, 60), (0.5, 0.5, 60), (1.125, 0.5, 62), (1.7, 0.3, 62)])
    chords = Notes.of([(i / 2, 0.5, 40 + p) for i in range(4) for p in (0, 7)])
    found = kept(Notes.of([*line, *chords]), line)
    assert found == {"notes": 1 / 3, "on_16ths": 0.5, "on_32nds": 0.75, "unmerged": 0.5}
    apart = Notes.of([(0, 1, 60), (4, 1, 60)])  # a real rest keeps them apart
    assert kept(apart, apart)["unmerged"] == 1


def tune(rng, many=140, low=55):
    return Notes(np.arange(many) / 2, np.full(many, 0.5), low + rng.integers(0, 12, many))


def corpus(name, songs=60, seed=0, low=55):
    rng, entries = np.random.default_rng(seed), []
    for i in range(2 * songs):  # two entries a song
        tracks = (Track(tune(rng, low=low)), Track(tune(rng, low=low - 24)))
        own = (f"{name}/{i}", f"{name} {i // 2}", name, "", "", Piece(tracks))
        entries.append(Entry(*own))
    return Corpus(name, pack(entries))


def top(piece):
    return [piece.notes()]


def bottom(piece):
    return [piece.tracks[1].notes]


@pytest.fixture(scope="module")
def pair():
    return corpus("one"), corpus("other", seed=1)


def made_of(pair):
    a, b = pair
    return gather("mine", ("a", "b"), [("S", a, top), ("T", b, top), ("L", a, bottom)])


def test_domains_are_dealt_by_song(pair):
    made = made_of(pair)
    assert made.labels == ("a", "b") and "training windows: a " in repr(made)
    for domain in "STL":
        songs = [set(made.songs(domain, part).tolist()) for part in PARTS]
        assert all(songs) and sum(map(len, songs)) == len(set().union(*songs)) == 60
        for part in PARTS:
            rows = made.windows(domain, part)
            assert rows.dtype == np.uint8 and rows.shape[1] == STEPS
            assert len(rows) == len(made.songs(domain, part))
            assert worth(rows).all() and np.array_equal(to_middle(rows)[0], rows)
            assert made.about["windows"][domain][part] == len(rows)
    # a song's control lines go where its other lines go
    for part in PARTS:
        assert set(made.songs("S", part)) == set(made.songs("L", part))
        assert not set(made.songs("S", part)) & set(made.songs("T", part))
    assert [c["name"] for c in made.about["corpora"]] == ["one", "other"]
    assert made.about["corpora"][0]["content"] == pair[0].content
    shares = made.about["kept"]["S"]
    assert shares["notes"] == 0.5 and shares["on_16ths"] == shares["voice"] * 2 == 1
    assert made.about["kept"]["L"]["voice"] == 1
    share = np.mean([np.mean(np.diff(e.piece.tracks[0].notes.pitch) != 0) for e in pair[1]])
    assert made.about["kept"]["T"]["unmerged"] == pytest.approx(share, abs=0.01)


def test_the_same_music_gives_the_same_hash_and_other_music_another(pair, tmp_path):
    made = made_of(pair)
    assert made.hash == made_of(pair).hash != made_of(pair[::-1]).hash
    save_domains(made, tmp_path / "domains.npz")
    read = open_domains(tmp_path / "domains.npz")
    assert read.hash == made.hash and read.about == made.about
    assert (read.name, read.labels) == (made.name, made.labels)
    assert all(np.array_equal(read.arrays[k], v) for k, v in made.arrays.items())


def test_what_begins_alike_is_one_song(pair):
    """In another key and rhythm, in another corpus, under another name."""
    again = [
        Entry(f"x/{i}", f"cover {i}", "b", "", "", Piece((Track(transposed(e, i % 5)),)))
        for i, e in enumerate(pair[1][::2])
    ]
    extra = Corpus("covers", pack(again))
    a, b = pair
    sources = [("S", a, top), ("T", b, top), ("T", extra, top)]
    made = gather("mine", ("a", "b"), sources)
    songs = [set(made.songs("T", part).tolist()) for part in PARTS]
    assert len(set().union(*songs)) == sum(map(len, songs)) == 60
    assert sum(made.about["windows"]["T"].values()) > 120


def transposed(entry, by):
    notes = transpose(entry.piece.tracks[0].notes, by)
    slower = (notes.onset * 2, notes.duration * 2)
    return Notes(*slower, notes.pitch)


def test_what_is_left_out_is_counted(pair):
    def choosy(piece):
        if piece.tracks[0].notes.pitch[0] < 58:
            raise FusionError("it starts too low")
        return [piece.notes(), piece.notes()[:15], sparse]

    sparse = Notes.of([(8 * i, 6, 60 + i % 3) for i in range(20)])
    a, b = pair
    made = gather("mine", ("a", "b"), [("S", a, choosy), ("T", b, top)])
    told, other = made.about["sources"]
    lows = sum(e.piece.tracks[0].notes.pitch[0] < 58 for e in a)
    sparse_ones = told["skipped"]["every window off the grid, sparse or silent"]
    assert told["skipped"]["it starts too low"] == lows > 0
    assert told["skipped"]["fewer than 16 notes"] == sparse_ones == 120 - lows
    assert told["lines"] == told["again"] == 120 - lows and other["skipped"] == {}
    assert other["lines"] == other["again"] == 120  # of 17.5 bars of four beats
    assert not len(made.windows("L", "train")) and made.about["kept"]["L"] == {}


def test_what_is_no_domains_is_refused(pair, tmp_path):
    made, path = made_of(pair), tmp_path / "domains.npz"
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(CorpusError, match="not domains of lines"):
        open_domains(tmp_path / "other.npz")
    with pytest.raises(CorpusError):
        open_domains(tmp_path / "missing.npz")
    save_domains(made, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError):
        open_domains(path)
    del made.arrays["T_judge"]
    save_domains(made, path)
    with pytest.raises(CorpusError, match="make it again with save_domains"):
        open_domains(path)
    made.arrays["T_judge"] = np.zeros((3, 7), np.uint8)
    save_domains(made, path)
    with pytest.raises(CorpusError, match="not domains of lines"):
        open_domains(path)
    with pytest.raises(CorpusError, match="no data is called 'polka_tango'"):
        domains("polka_tango")
    few = corpus("few", 2)
    with pytest.raises(CorpusError, match="bring more or longer pieces"):
        gather("mine", ("a", "b"), [("S", few, top), ("T", pair[1], top)])


def write_folder(folder, pieces):
    folder.mkdir()
    for i, piece in enumerate(pieces):
        write_midi(piece, folder / f"{i}.mid")


def test_two_folders_of_midi_become_domains(tmp_path):
    rng = np.random.default_rng(0)

    def piece(program, bass=True):
        low = Track(tune(rng, 100, 38), 33)
        return Piece((Track(tune(rng, 140, 70), program), *[low] * bass))

    def song():
        """A riff below a melody."""
        return Piece((Track(tune(rng, 200, 70), 73), Track(tune(rng, 150, 40), 30)))

    write_folder(tmp_path / "calm", [piece(0) for _ in range(12)])
    write_folder(tmp_path / "loud", [song() for _ in range(6)] + [piece(30)])
    (tmp_path / "loud" / "broken.mid").write_bytes(b"no MIDI at all")
    mine = from_folders(tmp_path / "calm", tmp_path / "loud")
    assert mine.labels == ("calm", "loud") and mine.name == "mine"
    for d, many in (("S", 12), ("T", 7)):
        songs = [set(mine.songs(d, part).tolist()) for part in PARTS]
        assert all(songs) and len(set().union(*songs)) == sum(map(len, songs)) == many
    # the riffs, not the melodies above them
    riffs = [150 / 350] * 6 + [140 / 240]
    assert mine.about["kept"]["T"]["notes"] == pytest.approx(np.mean(riffs))
    assert all(not c["credit"] for c in mine.about["corpora"])
    assert len(mine.windows("L", "train"))


def test_too_little_music_is_refused_with_what_to_do(tmp_path):
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        write_folder(tmp_path / label, [Piece((Track(tune(rng)),)) for _ in range(3)])
    with pytest.raises(CorpusError, match="bring more or longer pieces"):
        from_folders(tmp_path / "a", tmp_path / "b")
    with pytest.raises(CorpusError):
        from_folders(tmp_path / "a", tmp_path / "nowhere")


def test_domains_of_the_books_own_are_made_once_for_their_corpora(tmp_path, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_CACHE", str(tmp_path))
    there = {"bach": corpus("bach"), "ryan": corpus("ryan", seed=1)}
    monkeypatch.setattr(data, "load", there.get)
    makes = []
    monkeypatch.setattr(data, "gather", lambda *a: makes.append(a) or gather(*a))
    first, again = domains("chorales_fiddle"), domains("chorales_fiddle")
    assert len(makes) == 1
    assert first.hash == again.hash == gather(*makes[0]).hash
    assert first.about == again.about == gather(*makes[0]).about
    assert first.labels == again.labels == ("chorale", "fiddle")
    there["ryan"] = corpus("ryan", seed=2)  # another edition of it
    assert domains("chorales_fiddle").hash != first.hash and len(makes) == 2


def test_without_a_download_there_are_chorales_and_fiddle_tunes():
    made = domains("chorales_fiddle")
    assert made.labels == SOURCES["chorales_fiddle"][0]
    many = made.about["windows"]
    assert many["S"]["train"] >= 900 and many["T"]["train"] >= 600
    assert min(many[d][part] for d in "STL" for part in PARTS) >= 20
    shares = made.about["kept"]
    assert 0.22 < shares["S"]["notes"] < 0.25  # one voice of four
    assert shares["T"]["notes"] == 1 and shares["T"]["unmerged"] > 0.9
    assert [c["name"] for c in made.about["corpora"]] == ["bach", "ryan"]
    with pytest.raises(MissingDataError):
        domains("classical_metal")


def test_real_classical_and_metal_lines(shared_data, monkeypatch):
    monkeypatch.setenv("FUSIONTOOLS_DATA", str(shared_data))
    made = domains("classical_metal")
    many, shares = made.about["windows"], made.about["kept"]
    assert many["S"]["train"] >= 1000 and many["T"]["train"] >= 1000
    assert min(many[d][part] for d in "STL" for part in PARTS) >= 100
    for domain in "ST":
        songs = [set(made.songs(domain, part).tolist()) for part in PARTS]
        assert len(set().union(*songs)) == sum(map(len, songs))
        rows = [{row.tobytes() for row in made.windows(domain, part)} for part in PARTS]
        assert not rows[0] & (rows[1] | rows[2] | rows[3])
    # what a picture of pitches alone loses of a riff
    assert shares["S"]["unmerged"] > 0.9 and shares["T"]["unmerged"] < 0.6
    assert shares["S"]["notes"] > 0.5 and shares["T"]["notes"] < 0.25
