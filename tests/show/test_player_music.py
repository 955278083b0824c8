"""What is true of all that a player may be given: upbeats, recordings, odd labels, and what
is no music at all.
"""

import io

import numpy as np
import pytest
import soundfile

from fusiontools.corpora.recordings import Recording
from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music.midi import Meter, Piece, Track, bar_lines, piece_from_bytes
from fusiontools.music.notes import Notes, Tempo, shift, to_seconds
from fusiontools.show.colours import colour
from fusiontools.show.player import player

SR = 22050
# in beats; at 120 bpm it lasts 1.5 s
TUNE = Notes.of([(0, 1, 60, 70), (1, 0.5, 64, 90), (1.5, 1.5, 67, 110)])
TONE = 0.4 * np.sin(np.arange(3 * SR) * 0.05)


# Upbeats


@pytest.mark.parametrize(
    "music",
    [TUNE, to_seconds(TUNE, 120), Piece((Track(TUNE),))],
    ids=["beats", "seconds", "piece"],
)
def test_an_upbeat_before_zero_is_heard(music):
    early = (
        Piece((Track(shift(TUNE, -1)),)) if isinstance(music, Piece) else shift(music, -0.7)
    )
    (whole,), (moved,) = player(music).takes, player(early).takes
    assert (
        moved.seconds == pytest.approx(whole.seconds)
        and moved.notes.pitch.tolist() == whole.notes.pitch.tolist()
    )
    np.testing.assert_allclose(moved.notes.onset, whole.notes.onset, atol=1e-9)


def test_bars_and_tempo_move_with_an_upbeat():
    piece = Piece(
        (Track(shift(TUNE, -1)), Track(Notes.of([(0, 8, 36)]), is_drum=True)),
        Tempo([0, 2, 3], [0, 1, 2]),
        (Meter(0.0, 3, 4),),
    )
    (take,) = player(piece).takes
    # the downbeat, and each third beat after it; the tempo halves two beats after it
    assert take.bars == (0.5, 2.5, 5.5)
    assert take.notes.onset.tolist() == [0, 0.5, 0.75]
    lines = bar_lines(piece_from_bytes(take.midi))
    assert lines[lines > 0].tolist() == [1, 4, 7]


# Parts


def test_all_of_a_recording_or_of_notes_may_be_played():
    for music, length in ((TONE, 3.0), (TUNE, 1.5)):
        shown = player(music, seconds=float("inf"))
        assert shown.takes[0].seconds == pytest.approx(length) and shown.note == ""
        assert player(music, start=0.5, seconds=float("inf")).takes[
            0
        ].seconds == pytest.approx(length - 0.5)


@pytest.mark.parametrize("music", [TONE, TUNE], ids=["samples", "notes"])
@pytest.mark.parametrize(
    "part",
    [
        {"start": -1},
        {"start": np.nan},
        {"start": np.inf},
        {"seconds": 0},
        {"seconds": -1},
        {"seconds": np.nan},
    ],
)
def test_what_is_no_part_is_a_programming_mistake(music, part):
    with pytest.raises(ValueError, match="start is .* seconds is") as caught:
        player(music, **part)
    assert not isinstance(caught.value, FusionError)


# What is music, and what is none


def recording(samples):
    file = io.BytesIO()
    soundfile.write(file, samples, SR, format="WAV", subtype="FLOAT")
    return Recording("clips/1", "", "jazz", "A clip", file.getvalue())


def test_a_recording_of_a_corpus_is_played():
    (take,) = player(recording(TONE)).takes
    assert (take.label, take.colour, take.seconds, len(take.notes)) == (
        "A clip",
        colour("jazz"),
        3.0,
        0,
    )
    assert player(recording(TONE), seconds=1).note == "0 to 1 s of 3 s"


def test_a_recording_may_go_beyond_full_scale():
    assert player(recording(3 * TONE)).takes[0].seconds == 3.0


def test_any_label_is_a_label():
    shown = player({1: TUNE, None: TUNE}, domain={1: "jazz"})
    assert [t.label for t in shown.takes] == ["1", "None"] and shown.takes[
        0
    ].colour == colour("jazz")
    assert ">1<" in shown._repr_html_()


@pytest.mark.parametrize("wrong", [[0.1, 0.2], None, "song.mid", 5, {"a": [0.1]}])
def test_what_is_no_music_is_a_programming_mistake(wrong):
    with pytest.raises(TypeError, match="is no music: give Notes"):
        player(wrong)


def test_an_empty_dict_is_a_programming_mistake():
    with pytest.raises(ValueError, match="empty dict"):
        player({})


@pytest.mark.parametrize("program", [200, -1, 0.5])
def test_an_instrument_that_there_is_not_is_a_programming_mistake(program):
    with pytest.raises(ValueError, match="General MIDI has 0 to 127"):
        player(TUNE, program=program)


def test_empty_notes_are_silence_still():
    with pytest.raises(NoNotesError):
        player(Notes.of([]))


# Long and absurd pieces


@pytest.mark.parametrize(
    ("many", "apart", "start"), [(60, 0.25, 0.0), (60, 0.25, 3.0), (51, 1.0, 0.0)]
)
def test_of_many_notes_the_first_are_shown_and_played_and_it_is_said(
    monkeypatch, many, apart, start
):
    monkeypatch.setitem(player.__globals__, "MOST", 40)
    notes = Notes.of([(apart * k, apart, 60 + k % 12) for k in range(many)])
    music = {"all": notes, "few": notes[:20]}
    shown = player(music, tempo=60, start=start, seconds=float("inf"))
    took = shown.takes[0]
    assert len(took.notes) == 40 and took.seconds == pytest.approx(40 * apart)
    said = f"{start:.0f} to {start + 40 * apart:.0f} s of {apart * many:.0f} s"
    assert shown.note == f"{said}, the first 40 notes"
    assert shown.note in shown._repr_html_()
    assert len(piece_from_bytes(took.midi).notes()) == 40
    assert len(player(notes, tempo=60, start=start, seconds=5).takes[0].notes) <= 20


def test_drums_count_as_notes_and_a_chord_is_not_cut(monkeypatch):
    monkeypatch.setitem(player.__globals__, "MOST", 20)
    beats = Track(Notes.of([(k / 2, 0.5, 36) for k in range(40)]), is_drum=True)
    chords = Track(Notes.of([(k / 2, 0.5, p) for k in range(40) for p in (60, 64, 67)]))
    shown = player(Piece((beats, chords)), seconds=float("inf"))
    assert len(shown.takes[0].notes) == 15 and "the first 20 notes" in shown.note
    with pytest.raises(MusicFileError, match="more than 20 notes start at once"):
        player(Notes.of([(0, 1, 40 + k) for k in range(21)]))


def test_a_take_lasts_half_an_hour_at_most(monkeypatch):
    monkeypatch.setitem(player.__globals__, "LONGEST", 3)
    notes = Notes.of([(k, 1, 60) for k in range(20)])
    shown = player({"a": notes, "b": np.zeros(8000 * 20, np.float32)}, tempo=60,
                   seconds=float("inf"), sample_rate=8000)  # fmt: skip
    assert [t.seconds for t in shown.takes] == [3, 3] and shown.note == "0 to 3 s of 20 s"


def test_bar_lines_that_cannot_be_told_apart_are_not_drawn(monkeypatch):
    notes = Notes.of([(k, 1, 60) for k in range(20)])
    fine = Meter(0.0, 1, 64)
    assert len(player(notes, meter=fine).takes[0].bars) == 20 * 16
    monkeypatch.setitem(player.__globals__, "MOST", 300)
    assert player(notes, meter=fine).takes[0].bars == ()


def test_bars_are_those_of_the_file_unless_a_meter_is_given():
    notes = Notes.of([(k, 1, 60) for k in range(12)])
    music = Piece((Track(notes),), Tempo.constant(60), bars=(-3.0, 1.0, 4.0, 8.0))
    assert player(music).takes[0].bars == (1.0, 4.0, 8.0)
    assert player(music, start=3.0).takes[0].bars == (1.0, 5.0)
    assert player(music, meter=Meter(0.0, 3, 4)).takes[0].bars == (0.0, 3.0, 6.0, 9.0)
