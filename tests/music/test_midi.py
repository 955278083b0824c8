"""What is true of MIDI files: what is written is read again, what is damaged is refused
with its reason.
"""

import os
import struct

import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError, UnitError
from fusiontools.music.midi import (
    Meter,
    Piece,
    Track,
    bar_lines,
    crop_piece,
    piece_from_bytes,
    piece_from_seconds,
    read_midi,
    write_midi,
)
from fusiontools.music.notes import Notes, Tempo, crop, to_seconds

TICKS = 480
often = settings(max_examples=40, deadline=None, derandomize=True)
in_ticks = st.tuples(
    st.integers(0, 4000), st.integers(1, 2000), st.integers(0, 127), st.integers(1, 127)
)


@st.composite
def written_notes(draw, step=1):
    """Notes on the ticks of a file. Where two notes of one pitch overlap, MIDI cannot say
    which key goes up: there are none here.
    """
    free, kept = {}, []
    for start, length, pitch, velocity in sorted(
        draw(st.lists(in_ticks, min_size=1, max_size=12))
    ):
        start = max(start, free.get(pitch, 0))  # one may start where the other stops
        free[pitch] = start + length
        kept.append((start * step / TICKS, length * step / TICKS, pitch, velocity))
    return Notes.of(kept)


@st.composite
def tempo_maps(draw):
    """From beat 0 on, changing on ticks, in whole microseconds: what a file can say."""
    spans = draw(
        st.lists(
            st.tuples(st.integers(1, 9600), st.integers(100_000, 3_000_000)),
            min_size=1,
            max_size=4,
        )
    )
    ticks, micros = np.cumsum([0, *(t for t, _ in spans)]), [m for _, m in spans]
    return Tempo(
        ticks / TICKS,
        np.concatenate([[0], np.cumsum(np.diff(ticks) * micros)]) / TICKS / 1e6,
    )


@st.composite
def meter_changes(draw, start=0.0):
    """Meters that change on bar lines."""
    meters = []
    beat = start
    changes = st.tuples(
        st.integers(2, 9), st.sampled_from([2, 4, 8, 16]), st.integers(1, 3)
    )
    for numerator, denominator, bars in draw(st.lists(changes, min_size=1, max_size=3)):
        meters.append(Meter(beat, numerator, denominator))
        beat += bars * meters[-1].bar
    return tuple(meters)


tracks = st.builds(
    Track,
    written_notes(),
    st.integers(0, 127),
    st.booleans(),
    st.sampled_from(["", "Lead", "Füße ♪", "a & b"]) | st.text(max_size=9),
)


def again(music, folder, **options):
    write_midi(music, folder / "again.mid", **options)
    return read_midi(folder / "again.mid")


def one_note(**piece):
    return Piece((Track(Notes.of([(0, 16, 60)])),), **piece)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("midi")


# Out and in again


@often
@given(
    notes=written_notes(), program=st.integers(0, 127), bpm=st.none() | st.integers(4, 999)
)
def test_notes_come_back_as_they_were_written(folder, notes, program, bpm):
    back = again(notes, folder, program=program, bpm=bpm)
    assert [t.notes for t in back.tracks] == [notes] and back.tracks[0].program == program
    assert back.tempo.bpm.tolist() == [
        pytest.approx(bpm or 120, rel=1e-5)
    ] and back.meters == (Meter(0.0),)


@often
@given(
    tracks=st.lists(tracks, min_size=1, max_size=3),
    tempo=tempo_maps(),
    meters=meter_changes(),
)
def test_tracks_tempo_and_meters_come_back_as_they_were_written(
    folder, tracks, tempo, meters
):
    piece = Piece(tuple(tracks), tempo, meters)
    back = again(piece, folder)
    assert back.tracks == piece.tracks
    assert back.meters == meters and back.said == ()
    beats = np.linspace(0, 30, 50)
    np.testing.assert_allclose(
        back.tempo.seconds_at(beats), tempo.seconds_at(beats), atol=1e-9
    )


def test_more_tracks_than_midi_has_channels_come_back_too(tmp_path):
    tracks = tuple(
        Track(Notes.of([(0, 1, 40 + i)]), i, i % 5 == 0, f"t{i}") for i in range(20)
    )
    back = again(Piece(tracks), tmp_path)
    assert [(t.name, t.is_drum, t.notes) for t in back.tracks] == [
        (t.name, t.is_drum, t.notes) for t in tracks
    ]


def test_notes_off_the_grid_go_to_the_nearest_tick_and_last_at_least_one(tmp_path):
    back = (
        again(Notes.of([(0.0011, 1e-9, 60), (1.0009, 0.5, 62)]), tmp_path).tracks[0].notes
    )
    assert (back.onset * TICKS).tolist() == [1, 480] and (
        back.duration * TICKS
    ).tolist() == [1, 240]


def test_tracks_without_notes_are_left_out_and_one_without_a_name_bears_the_title(tmp_path):
    back = again(
        Piece(
            (Track(Notes.of([]), name="empty"), Track(Notes.of([(0, 1, 60)]))), title="Air"
        ),
        tmp_path,
    )
    assert [t.name for t in back.tracks] == ["Air"] and back.title == "Air"


@often
@given(notes=written_notes(), bpm=st.integers(30, 300))
def test_notes_in_seconds_become_a_piece_that_sounds_the_same(notes, bpm):
    heard = to_seconds(notes, 100)
    piece = piece_from_seconds(heard, bpm, program=40, name="violin")
    assert (piece.tracks[0].program, piece.tracks[0].name) == (40, "violin")
    np.testing.assert_allclose(
        to_seconds(piece.notes(), piece.tempo).onset, heard.onset, atol=1e-9
    )


# Meters and bar lines


@pytest.mark.parametrize(
    "meters, stop, lines",
    [
        ((Meter(0, 4, 4),), 9, [0, 4, 8]),
        ((Meter(0, 6, 8),), 9, [0, 3, 6]),
        ((Meter(0, 3, 8),), 4, [0, 1.5, 3]),
        ((Meter(-3, 4, 4),), 9, [1, 5]),
        ((Meter(-2.5, 3, 4),), 7, [0.5, 3.5, 6.5]),
        ((Meter(0, 4, 4), Meter(8, 3, 4)), 16, [0, 4, 8, 11, 14]),
        ((Meter(-9, 4, 4), Meter(-1, 3, 4)), 9, [2, 5, 8]),
        ((Meter(0, 4, 4),), None, [0, 4, 8, 12]),  # up to the end of the last note
    ],
)
def test_bars_count_from_where_their_meter_says(meters, stop, lines):
    assert bar_lines(one_note(meters=meters), stop).tolist() == lines


@pytest.mark.parametrize(
    "bars, stop, lines",
    [
        ((-3.0, 1.0, 5.0), 14, [1, 5, 9, 13]),
        ((0.0, 4.0, 6.0, 10.0), 9, [0, 4, 6]),
        ((0.0, 2.0), None, [0, 2, 6, 10, 14]),
        ((1.0,), 1, []),
    ],
)
def test_bars_that_a_file_has_are_taken_and_go_on_as_the_meter_says(bars, stop, lines):
    assert bar_lines(one_note(bars=bars), stop).tolist() == lines


def inner(lines):
    """Bar lines but for one at 0: a file starts with a bar, so an upbeat gets a line in
    front of it.
    """
    return lines[lines > 0].tolist()


UPBEATS = [
    (Meter(u % (4 * n / d) - 4 * n / d, n, d),)
    for n, d in ((4, 4), (2, 2), (3, 4), (6, 8))
    for u in (1, 2, 0.5, 1.5, 0.25)
]
# of those before the start, the last counts
GONE = [
    (Meter(-9, 4, 4), Meter(-1, 3, 4)),
    (Meter(-8, 4, 4), Meter(-1, 3, 4), Meter(8, 2, 4)),
]


@pytest.mark.parametrize("meters", UPBEATS + GONE)
def test_an_upbeat_survives_a_file(tmp_path, meters):
    piece = one_note(meters=meters)
    assert inner(bar_lines(again(piece, tmp_path))) == inner(bar_lines(piece))


@often
@given(meters=meter_changes(), start=st.integers(0, 30))
def test_a_part_of_a_piece_keeps_its_bar_lines_in_a_file(folder, meters, start):
    """Whichever bar it starts in, and however many meters have come and gone before."""
    piece = Piece(
        (Track(Notes.of([(0, 1, 60), (start, 12, 62), (start, 12, 64)])),), meters=meters
    )
    part = crop_piece(piece, start, start + 12)
    assert inner(bar_lines(again(part, folder))) == inner(bar_lines(part))


@often
@given(
    meters=meter_changes(),
    start=st.integers(0, 60).map(lambda k: k / 2),
    length=st.integers(1, 40).map(lambda k: k / 2),
)
def test_cropping_moves_bar_lines_with_the_music(meters, start, length):
    piece = one_note(meters=meters)
    before = bar_lines(piece, start + length)
    after = bar_lines(crop_piece(piece, start, start + length), length)
    assert after.tolist() == (before[before >= start] - start).tolist()


@often
@given(
    st.lists(written_notes(), min_size=1, max_size=3),
    tempo_maps(),
    st.integers(0, 4000),
    st.integers(1, 4000),
)
def test_cropping_a_piece_keeps_its_seconds(parts, tempo, first, length):
    """To crop and then to count in seconds, and to count in seconds and then to crop, is
    the same.
    """
    # between ticks: rounding puts no onset on their other side
    start, stop = (first + 0.5) / TICKS, (first + length + 0.5) / TICKS
    piece = Piece(
        tuple(Track(p, 5 * i, i == 2, f"t{i}") for i, p in enumerate(parts)),
        tempo,
        title="Whole",
    )
    part = crop_piece(piece, start, stop)
    kept = [t for t in piece.tracks if len(crop(t.notes, start, stop))]
    assert [(t.program, t.is_drum, t.name) for t in part.tracks] == [
        (t.program, t.is_drum, t.name) for t in kept
    ] and part.title == "Whole"
    for after, before in zip(part.tracks, kept):
        fast = to_seconds(after.notes, part.tempo)
        slow = crop(to_seconds(before.notes, tempo), *tempo.seconds_at([start, stop]))
        assert fast.pitch.tolist() == slow.pitch.tolist()
        np.testing.assert_allclose(fast.onset, slow.onset, atol=1e-9)
        np.testing.assert_allclose(fast.duration, slow.duration, atol=1e-9)


def test_cropping_to_the_whole_changes_nothing():
    piece = one_note(
        tempo=Tempo([0, 4, 5], [0, 2, 3]),
        meters=(Meter(-1.0, 3, 4), Meter(5, 4, 4)),
        title="T",
    )
    assert crop_piece(piece, 0, 100) == piece


def test_drums_are_heard_only_when_asked_for():
    piece = Piece(
        (Track(Notes.of([(0, 1, 60)])), Track(Notes.of([(0, 1, 36)]), is_drum=True))
    )
    assert piece.notes().pitch.tolist() == [60] and piece.notes(
        drums=True
    ).pitch.tolist() == [36, 60]
    assert Piece().notes() == Notes.of([])


# Beside pretty_midi


def same_sound(notes, tempo, instrument):
    """Notes in beats, and those of an instrument of pretty_midi's."""
    ours = sorted(
        (round(n.onset, 6), n.pitch, n.velocity, n.duration)
        for n in to_seconds(notes, tempo)
    )
    theirs = sorted(
        (round(n.start, 6), n.pitch, n.velocity, n.end - n.start) for n in instrument.notes
    )
    assert [a[1:3] for a in ours] == [b[1:3] for b in theirs]
    np.testing.assert_allclose(
        [(a[0], a[3]) for a in ours], [(b[0], b[3]) for b in theirs], atol=1e-3, rtol=0
    )


@settings(max_examples=15, deadline=None, derandomize=True)
@given(parts=st.lists(written_notes(), min_size=1, max_size=3), tempo=tempo_maps())
def test_pretty_midi_hears_what_we_wrote(folder, parts, tempo):
    piece = Piece(
        tuple(Track(p, 11 * i, i == 1, f"t{i}") for i, p in enumerate(parts)),
        tempo,
        (Meter(0.0, 3, 4),),
    )
    write_midi(piece, folder / "ours.mid")
    theirs = pretty_midi.PrettyMIDI(str(folder / "ours.mid"))
    assert [(s.numerator, s.denominator) for s in theirs.time_signature_changes] == [(3, 4)]
    instruments = sorted(theirs.instruments, key=lambda i: i.name)
    assert [(i.name, i.is_drum) for i in instruments] == [
        (t.name, t.is_drum) for t in piece.tracks
    ]
    for track, instrument in zip(piece.tracks, instruments):
        assert track.is_drum or instrument.program == track.program
        same_sound(track.notes, tempo, instrument)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    notes=written_notes(step=24),
    bpm=st.integers(40, 240),
    resolution=st.sampled_from([96, 220, 480, 960]),
)
def test_we_hear_what_pretty_midi_wrote(folder, notes, bpm, resolution):
    theirs = pretty_midi.PrettyMIDI(initial_tempo=bpm, resolution=resolution)
    theirs.instruments.append(pretty_midi.Instrument(33, name="bass"))
    for n in to_seconds(notes, 1.25 * bpm):
        theirs.instruments[0].notes.append(
            pretty_midi.Note(n.velocity, n.pitch, n.onset, n.onset + 0.9 * n.duration)
        )
    theirs.write(str(folder / "theirs.mid"))
    # read again: on whole ticks now
    reference = pretty_midi.PrettyMIDI(str(folder / "theirs.mid"))
    piece = read_midi(folder / "theirs.mid")
    assert (piece.tracks[0].program, piece.tracks[0].name) == (33, "bass")
    same_sound(piece.notes(), piece.tempo, reference.instruments[0])


# Files byte by byte


# middle C down, and up after 480 ticks
ON, OFF = b"\x00\x90\x3c\x50", b"\x83\x60\x80\x3c\x00"


def midi(*events, division=TICKS, kind=0):
    body = b"".join(events) + b"\x00\xff\x2f\x00"
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, kind, 1, division)
        + b"MTrk"
        + struct.pack(">I", len(body))
        + body
    )


def riff(data, *more):
    body = (
        b"RMIDdata"
        + struct.pack("<I", len(data))
        + data
        + b"\x00" * (len(data) % 2)
        + b"".join(more)
    )
    return b"RIFF" + struct.pack("<I", len(body)) + body


C = [(0.0, 1.0, 60, 80)]
WHOLE = midi(ON, OFF)


ODD = {
    "plain": (WHOLE, C),
    "velocity 0 for key up": (midi(ON, b"\x83\x60\x90\x3c\x00"), C),
    "running status": (midi(ON, b"\x83\x60\x3c\x00"), C),
    "a click": (midi(ON, b"\x00\x80\x3c\x00"), [(0.0, 1 / TICKS, 60, 80)]),
    "a line end": (WHOLE + b"\r\n", C),
    "zeros at the end": (WHOLE + bytes(100), C),
    "a last block filled up": (WHOLE + b"\x1a" * 100, C),
    "RIFF": (riff(WHOLE), C),
    "RIFF, padded": (riff(midi(ON, OFF, b"\x00\xff\x01\x02la")), C),
    "RIFF with a name": (
        riff(
            WHOLE,
            b"LIST",
            struct.pack("<I", 16),
            b"INFOINAM",
            struct.pack("<I", 4),
            b"Air\x00",
        ),
        C,
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_but_whole_files_are_read(name):
    data, rows = ODD[name]
    assert [tuple(n) for n in piece_from_bytes(data).notes()] == rows


BAD = {
    "empty": (b"", "the file is empty"),
    "header cut off": (WHOLE[:9], "truncated: 9 bytes, and the header alone takes 14"),
    "track cut off": (WHOLE[:-5], "truncated: 5 bytes of a track are missing"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a MIDI file: it starts with"),
    "text": (b"X:1\nK:C\nCDE|\n", "not a MIDI file: it starts with 'X:1"),
    "a sound": (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "not a MIDI file"),
    "film frames": (midi(ON, OFF, division=0xE728), "film frames"),
    "no clock": (midi(ON, OFF, division=0), "film frames or nothing"),
    "format 3": (midi(ON, OFF, kind=3), "its header is damaged"),
    "shorter header": (b"MThd\x00\x00\x00\x05" + WHOLE[8:], "its header is damaged"),
    "short header": (b"MThd\x00\x00\x00\x02" + WHOLE[8:], "its header is damaged"),
    "no time at all": (
        midi(b"\x00\xff\x51\x03\x00\x00\x00", ON, OFF),
        "absurd tempo of 0 microseconds",
    ),
    "absurdly fast": (
        midi(b"\x00\xff\x51\x03\x00\x00\x01", ON, OFF),
        "absurd tempo of 1 microseconds",
    ),
    "days of silence": (
        midi(ON, OFF, b"\xff\xff\xff\x7f\x90\x3c\x50", OFF),
        "its last note ends on beat 559243, after 77.7 hours",
    ),
    "bytes of no event": (midi(b"\x00\x01\x02\x03\xff"), "without a status at byte 23"),
    "no track": (WHOLE[:14], "truncated: 1 of 1 tracks are missing"),
    "nothing but words": (midi(b"\x00\xff\x01\x02la"), "without a single note"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_with_what_where_and_what_to_do(tmp_path, name):
    data, found = BAD[name]
    path = tmp_path / "song.mid"
    path.write_bytes(data)
    with pytest.raises(MusicFileError, match=found) as caught:
        read_midi(path)
    assert str(caught.value).startswith(f"{path}: ") and "What to do: " in str(caught.value)
    assert isinstance(caught.value, NoNotesError) == ("without a single note" in found)
    with pytest.raises(MusicFileError, match="^an upload: .*What to do"):
        piece_from_bytes(data, "an upload")


@pytest.mark.parametrize(
    "name, found", [("nowhere.mid", "no such file"), ("", "this is a folder")]
)
def test_a_path_to_no_file_is_refused_too(tmp_path, name, found):
    with pytest.raises(MusicFileError, match=f"{found}.*What to do") as caught:
        read_midi(str(tmp_path / name))
    assert str(tmp_path) in str(caught.value)


def test_of_two_tempi_at_once_the_last_counts_and_before_the_first_it_is_120():
    slow, fast, slowest = (
        b"\x00\xff\x51\x03" + micros.to_bytes(3, "big")
        for micros in (1_000_000, 250_000, 0xFFFFFF)
    )
    assert piece_from_bytes(midi(fast, slow, ON, OFF)).tempo.bpm.tolist() == [60.0]
    assert piece_from_bytes(midi(ON, OFF, slow)).tempo.seconds_at([1, 2]).tolist() == [
        0.5,
        1.5,
    ]
    # slow, and no damage
    assert piece_from_bytes(midi(slowest, ON, OFF)).tempo.bpm.tolist() == pytest.approx(
        [3.5763], abs=1e-4
    )


@pytest.mark.parametrize("event", [b"\x00\x02", b"\x04\xff", b"\x04\x28"])
def test_a_time_signature_that_makes_no_bar_is_passed_over(event):
    piece = piece_from_bytes(midi(b"\x00\xff\x58\x04" + event + b"\x18\x08", ON, OFF))
    assert piece.meters == (Meter(0.0),)


@pytest.mark.parametrize(
    "ticks, meters",
    [
        ([], [(0, 4)]),
        ([0], [(0, 3)]),
        ([480], [(0, 4), (1, 3)]),
        ([1], [(0, 4), (1 / TICKS, 3)]),
        ([0, 0], [(0, 5)]),
        ([480, 480, 960], [(0, 4), (1, 5), (2, 7)]),
    ],
)
def test_a_file_is_in_4_4_until_it_says_otherwise_and_the_last_on_a_tick_counts(
    ticks, meters
):
    numerators, events, before = (3, 5, 7), [], 0
    for tick, numerator in zip(ticks, numerators):
        wait = tick - before
        wait = bytes([0x80 | wait >> 7, wait & 0x7F])
        events.append(wait + b"\xff\x58\x04" + bytes([numerator, 2, 24, 8]))
        before = tick
    piece = piece_from_bytes(midi(*events, ON, OFF))
    assert piece.meters == tuple(Meter(beat, n, 4) for beat, n in meters)


# Whole or not at all


def test_writing_into_a_folder_that_is_not_there_leaves_nothing(tmp_path):
    with pytest.raises(
        MusicFileError,
        match="nowhere.*cannot be written.*What to do: check that its folder exists",
    ):
        write_midi(Notes.of(C), tmp_path / "nowhere" / "a.mid")
    (tmp_path / "taken").mkdir()
    with pytest.raises(MusicFileError, match="cannot be written"):
        write_midi(Notes.of(C), tmp_path / "taken")
    assert [p.name for p in tmp_path.rglob("*")] == ["taken"]


def test_a_write_that_fails_leaves_the_file_that_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.mid"
    write_midi(Notes.of(C), path)
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(MusicFileError, match="No space left on device"):
        write_midi(Notes.of([(0, 1, 72)]), path)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.mid"]
    monkeypatch.undo()
    write_midi(Notes.of([(0, 1, 72)]), str(path))
    assert read_midi(path).notes().pitch.tolist() == [72] and os.listdir(tmp_path) == [
        "a.mid"
    ]


REFUSED = {
    "no notes": (Notes.of([]), {}, NoNotesError),
    "tracks without notes": (Piece((Track(Notes.of([])),)), {}, NoNotesError),
    "seconds": (to_seconds(Notes.of(C), 120), {}, UnitError),
    "a second tempo": (one_note(), {"bpm": 90}, ValueError),
    "before zero": (Notes.of([(-1, 1, 60), (0, 1, 62)]), {}, (FusionError, ValueError)),
    "standing still": (Notes.of(C), {"bpm": 0}, (FusionError, ValueError)),
    "backwards": (Notes.of(C), {"bpm": -1}, (FusionError, ValueError)),
    "slower than MIDI knows": (Notes.of(C), {"bpm": 3}, (FusionError, ValueError)),
    "too fast to be read again": (Notes.of(C), {"bpm": 1e9}, (FusionError, ValueError)),
    "instrument 128": (Notes.of(C), {"program": 128}, (FusionError, ValueError)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_file_cannot_say_is_refused_and_never_written_as_something_else(
    tmp_path, name
):
    music, options, error = REFUSED[name]
    with pytest.raises(error):
        write_midi(music, tmp_path / "a.mid", **options)
    assert not os.listdir(tmp_path)
