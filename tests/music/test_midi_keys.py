"""What is true of keys that go down and up: they are heard as a synthesiser plays them, and
what is written on many channels sounds as meant.
"""

import io
from collections import Counter

import mido
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import MusicFileError
from fusiontools.music import midi, midi_writing
from fusiontools.music.midi import Piece, Track, piece_from_bytes, read_midi, write_midi
from fusiontools.music.midi_bytes import midi_file, track_chunk
from fusiontools.music.notes import Notes

TICKS = 480


def file_of(*tracks):
    """A file from ``(tick, event)``, sorted by tick."""
    chunks = [track_chunk(sorted(events, key=lambda e: e[0])) for events in tracks]
    return midi_file(TICKS, chunks)


def down(tick, key, channel=0):
    return tick, bytes([0x90 | channel, key, 80])


def up(tick, key, channel=0):
    return tick, bytes([0x80 | channel, key, 64])


def heard(data):
    """Each note as ``(pitch, first tick, ticks)``."""
    notes = piece_from_bytes(data).notes(drums=True)
    ticks = ((notes.onset * TICKS).round(), (notes.duration * TICKS).round())
    return sorted(zip(notes.pitch.tolist(), *(t.astype(int).tolist() for t in ticks)))


# An up that is missing

spans = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 500)), min_size=1, max_size=9
)
played = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 127)),  # chunk, channel
    st.tuples(spans, st.sets(st.integers(0, 8), max_size=4)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, derandomize=True)
@given(played)
def test_a_missing_up_leaves_all_other_notes_as_they_are(keys):
    tracks, right = [[], [], []], []
    for (chunk, channel, key), (gaps, missing) in keys.items():
        tick, notes = 0, []
        for gap, length in gaps:
            notes.append((tick + gap, length))
            tick += gap + length
        missing -= {len(notes) - 1}  # the last one's is not
        for i, (start, length) in enumerate(notes):
            tracks[chunk].append(down(start, key, channel))
            if i in missing:  # then it lasts until the key is struck again
                length = notes[i + 1][0] - start
            else:
                tracks[chunk].append(up(start + length, key, channel))
            right.append((key, start, length))
    # an up comes before what is struck on its tick
    data = file_of(*(sorted(t, key=lambda e: (e[0], e[1][0] & 0x10)) for t in tracks))
    assert heard(data) == sorted(right)
    theirs = pretty_midi.PrettyMIDI(io.BytesIO(data))
    onsets = Counter(
        (n.pitch, round(n.start * 2 * TICKS)) for i in theirs.instruments for n in i.notes
    )
    assert Counter((pitch, start) for pitch, start, _ in right) == onsets
    assert bool(piece_from_bytes(data).said) == (len(right) * 2 > sum(map(len, tracks)))


C = 60
KEYS = {
    "struck again while down": (
        [down(0, C), down(100, C), up(150, C)],
        [(C, 0, 100), (C, 100, 50)],
    ),
    "twice at once, up once": ([down(0, C), down(0, C), up(90, C)], [(C, 0, 90)] * 2),
    "a second up": ([down(0, C), up(10, C), up(20, C), down(30, C), up(40, C)], None),
    "an up before all": ([up(0, C), down(0, C), up(10, C), down(30, C), up(40, C)], None),
    "ups that come late": (
        [down(0, C), down(100, C), up(103, C), down(200, C), up(203, C), up(300, C)],
        [(C, 0, 103), (C, 100, 103), (C, 200, 100)],
    ),
    "struck before the up, on one tick": (
        [down(0, C), down(50, C), up(50, C), up(90, C)],
        [(C, 0, 50), (C, 50, 40)],
    ),
    "a click": ([down(7, C), up(7, C)], [(C, 7, 1)]),
    "clicks": ([down(7, C), up(7, C), down(8, C), up(8, C)], [(C, 7, 1), (C, 8, 1)]),
    "never up": ([down(0, C), up(5, C), down(9, C)], [(C, 0, 5)]),
    "another key never up": ([down(0, C), up(5, C), down(2, 64)], [(C, 0, 5)]),
    "velocity 0": ([down(0, C), (5, bytes([0x90, C, 0]))], [(C, 0, 5)]),
    "other channels": (
        [down(0, C), down(1, C, 1), up(5, C), up(9, C, 1)],
        [(C, 0, 5), (C, 1, 8)],
    ),
}


@pytest.mark.parametrize("name", KEYS)
def test_keys_go_down_and_up(name):
    events, right = KEYS[name]
    right = [(C, 0, 10), (C, 30, 10)] if right is None else right
    assert heard(file_of(events)) == right


def test_a_key_of_one_chunk_does_not_go_up_in_another():
    assert heard(file_of([down(0, C), up(10, C), down(20, C)], [up(30, C)])) == [(C, 0, 10)]


def test_chunks_far_apart_do_not_mix():
    tracks = [
        [down(k, C), up(k + 10, C), down(k + 20, C), up(k + 31, C)] for k in range(70)
    ]
    data = file_of(*tracks)
    right = [(C, k + a, n) for k in range(70) for a, n in ((0, 10), (20, 11))]
    assert heard(data) == sorted(right)
    assert [len(t.notes) for t in piece_from_bytes(data).tracks] == [2] * 70


def test_notes_without_an_end_are_said():
    said = piece_from_bytes(file_of([down(0, C), down(5, C), up(9, C), down(9, 64)])).said
    assert len(said) == 1 and said[0].startswith("Notes whose key does not go up: 2;")


def test_a_note_sounds_with_the_program_that_its_channel_had_when_it_was_struck():
    events = [
        (0, bytes([0xC0, 5])),
        down(0, C),
        (50, bytes([0xC1, 7])),
        (60, bytes([0xC0, 9])),
        up(100, C),
        down(100, C),
        up(200, C),
        down(100, C, 1),
        up(150, C, 1),
        down(0, C, 2),
        up(90, C, 2),
    ]
    piece = piece_from_bytes(file_of(events))
    found = {(t.program, t.notes[0].onset * TICKS) for t in piece.tracks}
    assert found == {(5, 0), (9, 100), (7, 100), (0, 0)}


def test_nobody_can_ask_for_more_tracks_than_ports_have_channels(monkeypatch, tmp_path):
    for module in (midi, midi_writing):
        monkeypatch.setattr(module, "MOST_TRACKS", 20)
    tracks = [[down(0, C), up(1, C)] for _ in range(20)]
    assert len(piece_from_bytes(file_of(*tracks)).tracks) == 20
    with pytest.raises(MusicFileError, match="21 tracks, and 20 are the most.*What to do"):
        piece_from_bytes(file_of(*tracks, tracks[0]))
    one, inside = Track(Notes.of([(0, 1, C)])), Track(Notes.of([(0, 4, C), (1, 1, C)]))
    write_midi(Piece((one,) * 20), tmp_path / "a.mid")
    for piece in (Piece((one,) * 21), Piece((one,) * 19 + (inside,))):
        with pytest.raises(MusicFileError, match="over 20 tracks.*What to do"):
            write_midi(piece, tmp_path / "b.mid")
    assert [p.name for p in tmp_path.iterdir()] == ["a.mid"]


# Notes of one pitch at once

crowded = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(1, 30), st.integers(60, 61), st.integers(1, 127)
    ),
    min_size=1,
    max_size=12,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


def notes_of(rows):
    return Notes.of([(s / TICKS, n / TICKS, p, v) for s, n, p, v in rows])


@settings(max_examples=150, derandomize=True)
@given(parts=st.lists(crowded, min_size=1, max_size=3), drums=st.booleans())
def test_every_note_comes_back_also_where_one_lies_within_another(folder, parts, drums):
    tracks = tuple(
        Track(notes_of(rows), 3 * i, drums and i == 1, f"t{i}")
        for i, rows in enumerate(parts)
    )
    write_midi(Piece(tracks), folder / "a.mid")
    back = read_midi(folder / "a.mid")
    assert back.said == ()
    for track in tracks:
        same = [t for t in back.tracks if t.name == track.name]
        assert {(t.program, t.is_drum) for t in same} == {(track.program, track.is_drum)}
        came = Counter(row for t in same for row in t.notes)
        assert came == Counter(track.notes)


@settings(max_examples=60, derandomize=True)
@given(crowded)
def test_notes_that_end_in_the_order_in_which_they_begin_stay_one_track(folder, rows):
    ends, kept = {}, []
    for start, length, pitch, velocity in sorted(rows):
        end = max(start + length, ends.get(pitch, 0))
        ends[pitch] = end
        kept.append((start, end - start, pitch, velocity))
    write_midi(notes_of(kept), folder / "b.mid")
    assert [Counter(t.notes) for t in read_midi(folder / "b.mid").tracks] == [
        Counter(notes_of(kept))
    ]


def test_a_key_goes_up_before_it_is_struck_again_on_the_same_tick(folder):
    repeated = Notes.of([(i / 2, 0.5, 60) for i in range(5)])
    write_midi(repeated, folder / "d.mid")
    kinds = [m.type for m in mido.MidiFile(folder / "d.mid").tracks[0] if "note" in m.type]
    assert kinds == ["note_on", "note_off"] * 5


# More instruments than channels


def programs_heard(path):
    """The program of each first note, as a player hears it that knows ports."""
    ports, events = Counter(), []
    for k, track in enumerate(mido.MidiFile(path).tracks):
        now = 0
        for event in track:
            now += event.time
            if event.type == "midi_port":
                ports[k] = event.port
            events.append((now, k, event))
    programs, found = {}, []
    for _, k, event in sorted(events, key=lambda e: e[0]):
        if event.type == "program_change":
            programs[ports[k], event.channel] = event.program
        if event.type == "note_on" and event.velocity:
            found.append((programs[ports[k], event.channel], event.channel == 9))
    return found


@settings(max_examples=40, derandomize=True)
@given(
    st.lists(
        st.tuples(st.integers(0, 127), st.sampled_from([False] * 5 + [True])),
        min_size=1,
        max_size=50,
    )
)
def test_every_track_sounds_with_its_own_program(folder, instruments):
    tracks = tuple(
        Track(Notes.of([(2.0 + i, 1, 60)]), program, drum, f"t{i}")
        for i, (program, drum) in enumerate(instruments)
    )
    write_midi(Piece(tracks), folder / "c.mid")
    assert programs_heard(folder / "c.mid") == instruments
    back = read_midi(folder / "c.mid")
    assert [(t.program, t.is_drum, t.name) for t in back.tracks] == [
        (t.program, t.is_drum, t.name) for t in tracks
    ]


@pytest.mark.parametrize("count, ports", [(1, 0), (15, 0), (16, 16), (31, 31)])
def test_ports_are_named_only_where_they_are_needed(tmp_path, count, ports):
    tracks = tuple(Track(Notes.of([(0, 1, 60)]), i) for i in range(count))
    write_midi(
        Piece((*tracks, Track(Notes.of([(0, 1, 36)]), is_drum=True))), tmp_path / "a.mid"
    )
    said = mido.MidiFile(tmp_path / "a.mid").tracks
    found = [m.port for t in said for m in t if m.type == "midi_port"]
    assert len(found) == (ports and ports + 1)
    assert found[:ports] == [i // 15 for i in range(ports)]
    # the clock of all tracks stands in the first
    assert [sum(m.type == "set_tempo" for m in t) for t in said] == [1] + [0] * count
