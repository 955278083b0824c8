"""What is true at the edges: what MIDI can just say is said, and what it cannot is refused
before anything is written.
"""

import struct

import numpy as np
import pytest

from fusiontools.errors import MusicFileError, NoNotesError, UnitError
from fusiontools.music.extract import melody, tunefulness
from fusiontools.music.midi import (
    Meter,
    Piece,
    Track,
    piece_from_bytes,
    read_midi,
    write_midi,
)
from fusiontools.music.notes import Notes, Tempo, is_melody, legato, to_seconds
from fusiontools.music.spectrogram import decode_spectrogram, encode_spectrogram

ONE = Notes.of([(0, 1, 60)])
# middle C down, and up after 480 ticks
ON, OFF = b"\x00\x90\x3c\x50", b"\x83\x60\x80\x3c\x00"


def midi(*tracks, promised=None, kind=1):
    chunks = b"".join(
        b"MTrk" + struct.pack(">I", len(t) + 4) + t + b"\x00\xff\x2f\x00" for t in tracks
    )
    return (
        b"MThd"
        + struct.pack(">IHHH", 6, kind, len(tracks) if promised is None else promised, 480)
        + chunks
    )


# Tempo


@pytest.mark.parametrize("bpm", [60e6 / 0xFFFFFF, 3.577, 3000.0])
def test_the_slowest_and_the_fastest_tempo_come_back(tmp_path, bpm):
    write_midi(ONE, tmp_path / "a.mid", bpm=bpm)
    assert read_midi(tmp_path / "a.mid").tempo.bpm[0] == pytest.approx(bpm, rel=1e-6)
    write_midi(read_midi(tmp_path / "a.mid"), tmp_path / "b.mid")
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


@pytest.mark.parametrize("bpm", [3.5, 3.57, 3.5762, 3001.0])
def test_a_tempo_beyond_is_refused_and_never_written_as_another(tmp_path, bpm):
    with pytest.raises(MusicFileError, match="beats a minute.*What to do"):
        write_midi(ONE, tmp_path / "a.mid", bpm=bpm)
    assert not list(tmp_path.iterdir())


# Clocks


SECONDS = to_seconds(ONE, 120)


@pytest.mark.parametrize(
    "use", [Track, melody, tunefulness], ids=["Track", "melody", "tunefulness"]
)
def test_seconds_are_never_taken_for_beats(use):
    use(ONE)
    with pytest.raises(UnitError, match="needs beats.*to_beats"):
        use(SECONDS)


# Meters


@pytest.mark.parametrize("meter", [(1, 1), (255, 64), (4, 4), (7, 32)])
def test_every_meter_comes_back(tmp_path, meter):
    write_midi(Piece((Track(ONE),), meters=(Meter(0.0, *meter),)), tmp_path / "a.mid")
    assert read_midi(tmp_path / "a.mid").meters == (Meter(0.0, *meter),)


@pytest.mark.parametrize(
    "meter", [(0, 4), (256, 4), (-3, 4), (4, 0), (4, 3), (4, 128), (2.5, 4), (4, -4)]
)
def test_what_is_no_meter_is_a_programming_mistake(meter):
    with pytest.raises(ValueError, match="no meter"):
        Meter(0.0, *meter)


@pytest.mark.parametrize("beat", [np.nan, np.inf])
def test_a_meter_stands_somewhere(beat):
    with pytest.raises(ValueError, match="no meter"):
        Meter(beat)


# Length and names


@pytest.mark.parametrize(
    "piece",
    [
        Piece((Track(Notes.of([(5e6, 1, 60)])),)),
        Piece((Track(Notes.of([(5e6, 1, 60)])),), Tempo.constant(3000)),
        Piece((Track(ONE),), Tempo([0, 1, 5e6, 6e6], [0, 1, 2e6, 4e6])),
        Piece((Track(ONE),), meters=(Meter(0.0), Meter(5e6))),
    ],
    ids=["days", "days in a hurry", "tempo", "meter"],
)
def test_what_lies_beyond_the_last_tick_is_refused(tmp_path, piece):
    with pytest.raises(MusicFileError, match="What to do"):
        write_midi(piece, tmp_path / "a.mid")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", [{"name": "\ud800"}, {}])
def test_half_a_character_is_no_name(tmp_path, names):
    with pytest.raises(MusicFileError, match="is no text.*What to do"):
        write_midi(Piece((Track(ONE, **names),), title="\udcff"), tmp_path / "a.mid")


# Chunks


def test_fewer_tracks_than_promised_are_a_truncated_file():
    assert len(piece_from_bytes(midi(ON + OFF, ON + OFF)).tracks) == 2
    with pytest.raises(MusicFileError, match="truncated: 1 of 3 tracks are missing"):
        piece_from_bytes(midi(ON + OFF, ON + OFF, promised=3))


def test_format_2_is_refused():
    with pytest.raises(
        MusicFileError, match="format 2: patterns that do not sound together.*What to do"
    ):
        piece_from_bytes(midi(ON + OFF, kind=2))


def test_a_note_whose_key_never_goes_up_is_left_out():
    assert piece_from_bytes(
        midi(ON + OFF + b"\x00\x90\x40\x50")
    ).notes().pitch.tolist() == [60]
    with pytest.raises(NoNotesError):
        piece_from_bytes(midi(ON))


# The last digit of a float


def test_notes_that_start_together_but_for_a_rounding_error_are_one_chord():
    exact = Notes.of([(1, 1, 60), (1, 1, 67), (2, 1, 64)])
    for places in [(1 + 1e-12, 1), (1, 1 + 1e-12), (1 - 1e-9, 1)]:
        near = Notes.of([(places[0], 1, 60), (places[1], 1, 67), (2, 1, 64)])
        assert legato(near).pitch.tolist() == legato(exact).pitch.tolist() == [
            67,
            64,
        ] and is_melody(legato(near))


def test_a_spectrogram_of_one_frame_becomes_sound_without_its_phase_too():
    log_magnitude, phase = encode_spectrogram(np.sin(np.arange(400) * 0.1))
    assert log_magnitude.shape[1] == 1
    assert (
        decode_spectrogram(log_magnitude).shape
        == decode_spectrogram(log_magnitude, phase).shape
        == (0,)
    )
    assert decode_spectrogram(log_magnitude, length=400).shape == (400,)
