"""What is true of ABC's fields, of tunes in several voices, and of numbers that no tune
has.
"""

import pytest

from fusiontools.errors import MusicFileError
from fusiontools.music.abc import read_abc


def tune(music, meter="4/4", key="C", more=""):
    return f"X:1\n{more}M:{meter}\nL:1/4\nK:{key}\n{music}\n"


def pitches(abc):
    return read_abc(abc).notes.pitch.tolist()


KEYS = {
    "C": "C",
    "A minor": "Am",
    "Amin": "Am",
    "AMin": "Am",
    "Am": "Am",
    "AM": "Am",
    "A aeolian": "Am",
    "Gmaj": "G",
    "G major": "G",
}
KEYS |= {
    "G ionian": "G",
    "D Dorian": "Ddor",
    "Ador": "Ador",
    "Emix": "Emix",
    "E Mixolydian": "Emix",
    "F#m": "F#m",
    "Bb lyd": "Bblyd",
}
KEYS |= {
    "Em clef=treble": "Em",
    "D clef=bass": "D",
    "D middle=B": "D",
    "D exp _b": "D",
    "Hp": "Hp",
    "none": "none",
}


@pytest.mark.parametrize("written", KEYS)
def test_a_key_is_its_tonic_and_its_mode(written):
    assert read_abc(tune("C D", key=written)).key == KEYS[written]


@pytest.mark.parametrize(
    "meter, text",
    [
        ("2+3/8", "5/8"),
        ("(2+2+3)/8", "7/8"),
        ("( 3 + 2 )/4", "5/4"),
        ("4/3", "4/4"),
        ("999/4", "4/4"),
    ],
)
def test_a_meter_of_groups_is_their_sum_and_an_odd_one_is_free(meter, text):
    assert str(read_abc(tune("C D E F |", meter=meter)).meter) == text


def test_the_sum_says_how_long_a_letter_is():
    assert read_abc("X:1\nM:2+3/8\nK:C\nC |\n").notes.duration.tolist() == [0.25]


@pytest.mark.parametrize("line", ["G:|", "G::C:|"])
def test_music_that_starts_like_a_field_is_music(line):
    made = read_abc(tune(f"|: C D E F |\n{line}"))
    assert (
        made.notes.pitch.tolist()[:6] == [60, 62, 64, 65, 67, 60] and "G" not in made.fields
    )


def test_in_the_header_it_is_a_field():
    made = read_abc(tune("G | C D E F |", more="N::1st setting\n"))
    assert made.fields["N"] == ":1st setting" and made.meter.beat == -3


# Voices


@pytest.mark.parametrize(
    "music",
    [
        "V:1\nC D E F |\nV:2\nc d e f |",
        "V:1 clef=treble\nV:2 clef=treble\nV:1\nC D |\nV:2\nc d |\nV:1\nE F |\nV:2\ne f |",
        "[V:1] C D |\n[V:2] c d |\n[V:1] E F |\n[V:2] e f |",
        "[V:1] C D | E F | [V:2] c d | e f |",
        "V:T name=Tune\nC D E F |\nV:B\nK:C octave=-1\nc d e f |",
        "C D E F |\nV:2\nc d e f |",
        "V:2\nz4 |\nV:1\nC D E F |",
        "C D & c d | E F & e f |",
        '"Am"C D & {g}c !f!d [ce] | [K:C] E F & e [K:G] f |',
    ],
)
def test_of_several_voices_the_first_that_sings_is_read(music):
    made = read_abc(tune(music))
    assert made.notes.pitch.tolist() == [60, 62, 64, 65] and made.notes.onset.tolist() == [
        0,
        1,
        2,
        3,
    ]


def test_voices_that_are_named_in_the_head():
    music = "C D E F |\nV:B\nc d e f |"
    assert pitches(tune(music, more="V:A clef=treble\nV:B clef=bass\n")) == [60, 62, 64, 65]
    assert pitches(tune("V:B\nc d |\nV:A\nC D |", more="V:A\nV:B\n")) == [72, 74]


def test_a_repeat_sign_after_an_overlay_is_obeyed():
    assert pitches(tune("|: C D & c d :| E F |")) == [60, 62, 60, 62, 64, 65]


# What is refused


def test_two_tunes_are_not_read_as_one():
    with pytest.raises(MusicFileError, match="^a book: 2 tunes.*split_abc"):
        read_abc(tune("C D") + "\n" + tune("E F"), "a book")


@pytest.mark.parametrize(
    "abc",
    [
        tune("C Z99999999 |"),
        tune("C " + "Z999 | " * 20),
        tune("C99999"),
        tune("C/99999 D"),
        tune("C X123456 |"),
        tune("C", meter="99999/4"),
        tune("C D", more="P:(((A99)99)99)99\n"),
    ],
)
def test_numbers_that_no_tune_has_are_refused(abc):
    with pytest.raises(MusicFileError, match="longer than any music.*What to do"):
        read_abc(abc)


def test_a_text_longer_than_any_tune_is_refused():
    with pytest.raises(MusicFileError, match="letters.*split_abc"):
        read_abc(tune("C D E F |\n" * 30_000))


def test_a_rest_of_some_bars_is_read():
    assert read_abc(tune("C4 | Z3 | D4 |")).notes.onset.tolist() == [0, 16]
