"""What is true of damaged MIDI files: each is read or refused in our words, and what is
read is so bounded that nothing which counts its beats, bars or notes runs away.
"""

import random
import struct

import numpy as np
import pytest

from fusiontools.errors import FusionError, MusicFileError
from fusiontools.music.midi import (
    Meter,
    Piece,
    Track,
    bar_lines,
    crop_piece,
    piece_from_bytes,
    read_midi,
    write_midi,
)
from fusiontools.music.midi_bytes import (
    END,
    METER,
    MOST_TRACKS,
    NAME,
    TEMPO,
    meta_event,
    midi_file,
    track_chunk,
)
from fusiontools.music.notes import Notes, Tempo
from fusiontools.music.pieces import LONGEST_HOURS, MOST_BARS


def written(piece, folder):
    write_midi(piece, folder / "a.mid")
    return (folder / "a.mid").read_bytes()


def by_hand():
    """Running status, an instrument's own, names, meters, both kinds of up, two tracks."""
    clock = [(0, meta_event(NAME, b"Air")), (0, meta_event(METER, bytes([3, 3, 24, 8])))]
    clock += [
        (tick, meta_event(TEMPO, bytes([tick // 99, 0xA1, 0x20]))) for tick in (99, 700)
    ]
    tune = [(0, b"\xf0\x03\x7e\x09\xf7"), (0, b"\xc2\x49"), (0, b"\x92\x3c\x50")]
    tune += [(t, bytes([60 + t % 7, v])) for t in range(480, 4000, 480) for v in (0, 70)]
    tune += [(4000, b"\x82\x3c\x40"), (4000, b"\xe2\x00\x40"), (4000, b"\xff\x05\x02la")]
    return midi_file(480, [track_chunk(clock), track_chunk(tune)])


def whole_files(folder):
    crowd = Notes.of([(i / 4, 1, 60 + i % 3, 50 + i) for i in range(12)])
    inside = Notes.of([(0, 8, 60), (1, 1, 60), (2, 5, 60)])
    tempo, meters = Tempo([0, 4, 5], [0, 2, 3]), (Meter(0.0), Meter(4, 3, 4))
    parts = (Track(crowd, 9, name="Füße"), Track(inside, 5), Track(crowd, is_drum=True))
    files = [
        written(Piece(parts, tempo, meters), folder),
        written(Piece(tuple(Track(crowd, i) for i in range(17))), folder),
        by_hand(),
    ]
    rmid = b"RMIDdata" + struct.pack("<I", len(files[2])) + files[2]
    return [*files, b"RIFF" + struct.pack("<I", len(rmid)) + rmid]


def flip(data, dice):
    at = dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)


def change(data, dice):
    data[dice.randrange(len(data))] = dice.choice(
        [0, 0x7F, 0x80, 0xFF, dice.randrange(256)]
    )


def drop(data, dice):
    at = dice.randrange(len(data))
    del data[at : at + dice.randint(1, 9)]


def double(data, dice):
    at = dice.randrange(len(data))
    data[at:at] = data[at : at + dice.randint(1, 40)]


def swap(data, dice):
    at = dice.randrange(len(data))
    data[at : at + 4] = data[at : at + 4][::-1]


def slow(data, dice):
    """Time bytes grow: a delta of up to half a year."""
    at = dice.randrange(14, len(data))
    data[at:at] = bytes([0xFF, 0xFF, dice.randrange(0x80, 0x100)][: dice.randint(1, 3)])


def mend(data, dice):
    """The chunks' sizes fit again, so that the damage lies within."""
    at = data.find(b"MThd") + 14
    while 14 <= at <= len(data) - 8:
        after = data.find(b"MTrk", at + 8)
        after = len(data) if after < 0 else after
        data[at + 4 : at + 8] = struct.pack(">I", after - at - 8)
        at = after


def cut(data, dice):
    del data[dice.randrange(len(data)) :]


HOW = [
    *((name.__name__, (name,)) for name in (flip, change, drop, double, swap, slow, cut)),
    *((f"{name.__name__} within", (name, mend)) for name in (change, drop, double, slow)),
    ("all", (flip, drop, change, double, slow, mend)),
]


@pytest.mark.parametrize("steps", [h[1] for h in HOW], ids=[h[0] for h in HOW])
def test_a_damaged_file_is_read_or_refused_and_nothing_runs_away(tmp_path, steps):
    dice, read, refused = random.Random(0), 0, 0
    files = whole_files(tmp_path)
    for i in range(50):
        data = bytearray(files[i % len(files)])
        for step in steps:
            for _ in range(1 if mend in steps or step is cut else dice.randint(1, 3)):
                step(data, dice)
        try:
            piece = piece_from_bytes(data, "damaged")
        except FusionError as error:
            assert str(error).startswith("damaged: ") and "What to do: " in str(error)
            refused += 1
            continue
        read += 1
        notes = piece.notes(drums=True)
        assert 0 < len(notes) <= len(data) / 4 and len(piece.tracks) <= MOST_TRACKS
        assert 0 <= notes.onset[0] and notes.end <= MOST_BARS
        assert piece.tempo.seconds_at(notes.end) <= LONGEST_HOURS * 3600
        lines = bar_lines(piece)
        assert len(lines) <= MOST_BARS and (np.diff(lines) > 0).all()
        assert all(isinstance(sentence, str) for sentence in piece.said)
        write_midi(piece, tmp_path / "again.mid")
        back = read_midi(tmp_path / "again.mid")
        assert sorted(back.notes(True).pitch) == sorted(notes.pitch)
    assert read + refused == 50 and (read or mend not in steps)


# Absurd, and no damage

SIXTYFOURTHS = (Meter(0.0, 1, 64),)


def two_notes(apart, **piece):
    return Piece((Track(Notes.of([(0, 1, 60), (apart, 1, 60)])),), **piece)


ABSURD = {
    "beats": two_notes(1e6, tempo=Tempo.constant(3000)),
    "beats in long bars": two_notes(
        1e6, tempo=Tempo.constant(3000), meters=(Meter(0.0, 255, 1),)
    ),
    "bars": two_notes(20_000, tempo=Tempo.constant(3000), meters=SIXTYFOURTHS),
    "bars at last": two_notes(
        20_000, tempo=Tempo.constant(300), meters=(Meter(0.0), Meter(4.0, 1, 64))
    ),
    "hours": two_notes(4 * 6 * 60 * 60 + 1, tempo=Tempo.constant(240)),
}


def said_plainly(piece):
    """The file that `write_midi` refuses to write."""
    micros = round(60e6 / piece.tempo.bpm[0]).to_bytes(3, "big")
    events = [(0, meta_event(TEMPO, micros))]
    for m in piece.meters:
        data = bytes([m.numerator, m.denominator.bit_length() - 1, 24, 8])
        events.append((int(m.beat * 96), meta_event(METER, data)))
    for note in piece.notes():
        ticks = int(note.onset * 96), int((note.onset + note.duration) * 96)
        events += [(t, bytes([0x90, 60, v])) for t, v in zip(ticks, (80, 0))]
    return midi_file(96, [track_chunk(sorted(events, key=lambda e: e[0]))])


@pytest.mark.parametrize("name", ABSURD)
def test_what_no_music_lasts_is_neither_read_nor_written(tmp_path, name):
    said = (
        "are the most" if "bars" in name.split() else "its last note ends on beat .*hours"
    )
    said = "its last note ends" if name == "beats in long bars" else said
    with pytest.raises(MusicFileError, match=f"^song: .*{said}.*What to do"):
        piece_from_bytes(said_plainly(ABSURD[name]), "song")
    with pytest.raises(MusicFileError, match=f"{said}.*What to do: crop the music first"):
        write_midi(ABSURD[name], tmp_path / "a.mid")
    assert not list(tmp_path.iterdir())


def test_six_hours_are_read_and_written(tmp_path):
    piece = two_notes(4 * 6 * 60 * 60 - 1, tempo=Tempo.constant(240))
    write_midi(piece, tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").tracks[0].notes == piece.tracks[0].notes
    assert piece_from_bytes(said_plainly(piece)).notes().end == 86_400


def test_a_part_of_what_is_too_long_can_be_written(tmp_path):
    write_midi(crop_piece(ABSURD["beats"], 999_999, 1e6 + 4), tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").notes().onset.tolist() == [1.0]


@pytest.mark.parametrize(
    "piece, stop",
    [
        (Piece(meters=SIXTYFOURTHS), 1e9),
        (Piece(meters=(Meter(0.0), Meter(1e12, 1, 64))), 1e13),
        (Piece(bars=(0.0, 4.0)), 1e9),
        (Piece(bars=(0.0, 4.0)), float("inf")),
        (Piece(), float("inf")),
    ],
)
def test_bars_without_end_are_refused_and_not_counted(piece, stop):
    with pytest.raises(MusicFileError, match="bars, and 200,000 are the most.*What to do"):
        bar_lines(piece, stop)


def test_as_many_bars_as_are_counted():
    assert len(bar_lines(Piece(), 4.0 * MOST_BARS)) == MOST_BARS
    assert len(bar_lines(Piece(bars=(0.0,)), 4.0 * (MOST_BARS - 1))) == MOST_BARS - 1


def test_the_end_of_a_track_counts_as_no_music():
    """A year of silence before the end of a track makes no piece long."""
    body = b"\x00\x90\x3c\x50\x01\x3c\x00\xff\xff\xff\x7f" + meta_event(END, b"")
    data = midi_file(480, [b"MTrk" + struct.pack(">I", len(body)) + body])
    assert piece_from_bytes(data).notes().end == 1 / 480
