"""What is true of all that a player may be given: upbeats, recordings, odd labels, and what
is no music at all.
"""

import io

import numpy as np
import pytest
import soundfile

from fusiontools.corpora.recordings import Recording
from fusiontools.errors import FusionError, NoNotesError
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
