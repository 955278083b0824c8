"""What is true of ABC as its standard 2.1 has it: each construct in its variations."""

import contextlib
import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music import bar_lines
from fusiontools.music.abc import AbcTune, read_abc, split_abc
from fusiontools.music.abc_order import Bar, Part, order, part_order
from fusiontools.music.notes import Tempo

often = settings(max_examples=60, deadline=None, derandomize=True)
LETTERS = "CDEFGAB"
NAMES = dict(zip((60, 62, 64, 65, 67, 69, 71), LETTERS))


def tune(music, meter="4/4", unit="1/4", key="C", head=""):
    return f"X:1\n{head}M:{meter}\nL:{unit}\nK:{key}\n{music}\n"


def pitches(abc):
    return read_abc(abc).notes.pitch.tolist()


def played(abc):
    """The letters of a tune in C, as they are played."""
    return "".join(NAMES[p] for p in pitches(abc))


def durations(music, **more):
    return read_abc(tune(music, **more)).notes.duration.tolist()


def onsets(music, **more):
    return read_abc(tune(music, **more)).notes.onset.tolist()


def bars(abc):
    return list(read_abc(abc).bars)


# A melody that is written down comes back

lengths = st.sampled_from([Fraction(n, d) for d in (1, 2, 3, 4, 6, 8) for n in range(1, 9)])
melodies = st.lists(
    st.tuples(st.integers(24, 107), lengths, st.booleans()), min_size=1, max_size=24
)


def letter(pitch):
    octave, step = divmod(pitch - 60, 12)
    mark, name = [
        ("=", "C"),
        ("^", "C"),
        ("=", "D"),
        ("_", "E"),
        ("=", "E"),
        ("=", "F"),
        ("^", "F"),
        ("=", "G"),
        ("_", "A"),
        ("=", "A"),
        ("_", "B"),
        ("=", "B"),
    ][step]
    return mark + name + ("'" * octave if octave > 0 else "," * -octave)


def number(length):
    return f"{length.numerator}/{length.denominator}" * (length != 1)


@often
@given(melodies, st.sampled_from(["1/4", "1/8", "3/16", "1"]), st.randoms())
def test_a_melody_that_is_written_in_abc_comes_back(melody, unit, dice):
    text, now, steps = [], Fraction(0), []
    for pitch, length, sounds in melody:
        noise = dice.choice(
            ["", " ", '"Am7"', "!f!", "{gfe}", ".", "~", "(", ")", "`", "$"]
        )
        text.append(noise + (letter(pitch) if sounds else "z") + number(length))
        if dice.random() < 0.3:
            text.append(dice.choice(["|", " | ", "||", "\n", " \\\n", "% C D E\n", "y"]))
        if sounds:
            steps.append((now, length, pitch))
        now += length
    abc = tune("".join(text), unit=unit)
    if not steps:
        with pytest.raises(NoNotesError):
            read_abc(abc)
        return
    notes, beats = read_abc(abc).notes, 4 * Fraction(unit)
    assert notes.pitch.tolist() == [p for _, _, p in steps]
    np.testing.assert_allclose(notes.onset, [float(t * beats) for t, _, _ in steps])
    np.testing.assert_allclose(notes.duration, [float(d * beats) for _, d, _ in steps])


@often
@given(st.lists(st.tuples(st.integers(1, 7), st.integers(2, 9)), min_size=2, max_size=9))
def test_bars_start_where_their_lines_stand(counts):
    """Each bar has a meter of its own, and may be shorter or longer than that."""
    text = " | ".join(f"[M:{beats}/4]" + "C" * notes for notes, beats in counts) + " |]"
    lengths = [notes for notes, _ in counts]
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    if lengths[0] < counts[0][1]:
        starts[0] = lengths[0] - counts[0][1]
    made = read_abc(tune(text))
    assert list(made.bars) == starts
    changes = [0] + [i for i in range(1, len(counts)) if counts[i][1] != counts[i - 1][1]]
    assert [(m.beat, str(m)) for m in made.meters] == [
        (starts[i], f"{counts[i][1]}/4") for i in changes
    ]


# Bars and meters


@pytest.mark.parametrize(
    "music, meter, expected",
    [
        ("CDEF | GABc | cBAG |]", "4/4", [0, 4, 8]),
        ("G | CDEF | GAB |]", "4/4", [-3, 1, 5]),
        ("|: G | CDEF | GAB :| G | C4 |]", "4/4", [-3, 1, 5, 9, 13, 17]),
        ("|: G | CDEF | GAB :|: G | C4 | C3 :|", "4/4", [-3, 1, 5, 9, 13, 17, 21, 25, 29]),
        ("CDEF |1 GABc :|2 cBAG |]", "4/4", [0, 4, 8, 12]),
        ("CD || EF | GABc |", "4/4", [-2, 2, 4]),
        ("CDEF | GA || Bc | CDEF |", "4/4", [0, 4, 8]),
        ("CDEF | GA | Bc | CDEF |", "4/4", [0, 4, 6, 8]),
        ("CDE | FGA | BcBc |", "3/4", [0, 3, 6]),
        ("(3CDE | CDE | FGA |", "3/4", [-1, 2, 5]),
        ("(5CDEFG | CDE |", "3/4", [0, 3]),
        ("{GAB}G | CDE | CDE |", "3/4", [-2, 1, 4]),
        ("z G | CDEF | C4 |", "4/4", [-2, 2, 6]),
        ("[CE]2 | CDEF | C4 |", "4/4", [-2, 2, 6]),
        ("C>D | CDEF | C4 |", "4/4", [-2, 2, 6]),
        ("C4 | Z3 | C4 |", "4/4", [0, 4, 8, 12, 16]),
        ("X2 | C3 | Z |", "3/4", [0, 3, 6, 9]),
        ("CDEF .| GABc [|] C4 |]", "4/4", [0, 4, 8]),
        ("CDEF |\n| GABc", "4/4", [0, 4]),
        ("CDEFG | GABc |", "4/4", [0, 5]),
    ],
)
def test_bars(music, meter, expected):
    made = read_abc(tune(music, meter))
    assert list(made.bars) == expected
    assert made.meter.beat == min(expected[0], 0)
    stop = expected[-1] + 1
    assert bar_lines(made.piece, stop).tolist() == [b for b in expected if b >= 0]


def test_without_a_bar_line_bars_follow_from_the_meter():
    made = read_abc(tune("C D E F G"))
    assert made.bars is None and bar_lines(made.piece).tolist() == [0, 4]


@pytest.mark.parametrize("form", ["\nM:4/4\n", "[M:4/4]", "[M:C]", "\nM: 4/4 % now four\n"])
def test_a_meter_may_change_on_the_way(form):
    made = read_abc(tune(f"CDE|FGA|{form}CDEF|GABc|", "3/4"))
    assert [(m.beat, str(m)) for m in made.meters] == [(0, "3/4"), (6, "4/4")]
    assert list(made.bars) == [0, 3, 6, 10]


def test_a_repeat_brings_its_meter_back():
    made = read_abc(tune("|: CDE | [M:2/4] CD :| EF |", "3/4"))
    told = [(0, "3/4"), (3, "2/4"), (5, "3/4"), (8, "2/4")]
    assert [(m.beat, str(m)) for m in made.meters] == told


# Lengths


@pytest.mark.parametrize(
    "text, expected",
    [
        ("C", 1),
        ("C2", 2),
        ("C3/2", 1.5),
        ("C/", 0.5),
        ("C//", 0.25),
        ("C///", 0.125),
        ("C/2", 0.5),
        ("C/3", 1 / 3),
        ("C/4", 0.25),
        ("C3/", 1.5),
        ("C3//", 0.75),
        ("C12", 12),
        ("C0", 1),
        ("C/0", 0.5),
        ("C7/8", 0.875),
        ("[CE]3/2", 1.5),
        ("[C2E2]3", 6),
        ("[C3/2E]", 1.5),
    ],
)
def test_a_length(text, expected):
    assert durations(f"{text} z9 |") == [expected]
    assert onsets(f"{text} G |")[-1] == expected


BETWEEN = [
    "",
    " ",
    "  ",
    "{e}",
    "!trill!",
    '"G7"',
    "+accent+",
    ".",
    "~",
    "`",
    ")",
    "(",
    "y",
]


@pytest.mark.parametrize("noise", BETWEEN)
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    "sign, first", [(">", 1.5), (">>", 1.75), (">>>", 1.875), ("<", 0.5), ("<<", 0.25)]
)
def test_a_broken_rhythm_whatever_stands_beside_it(sign, first, noise, before):
    sign = noise + sign if before else sign + noise
    assert durations(f"C{sign}D") == [first, 2 - first]
    assert durations(f".C2{sign}D2") == [2 * first, 4 - 2 * first]
    assert durations(f"[CE]{sign}[DF]") == [first, 2 - first]
    assert onsets(f"z{sign}D") == [first]


def test_a_broken_rhythm_needs_two_notes_of_one_length():
    assert durations("C2>D") == [2, 1] and durations(">C D") == [1, 1]
    assert durations("C D>") == [1, 1] and durations("A>B<c") == [1.5, 0.5, 1]


@pytest.mark.parametrize(
    "sign, count, factor",
    [
        ("(2", 2, 3 / 2),
        ("(3", 3, 2 / 3),
        ("(4", 4, 3 / 4),
        ("(5", 5, 2 / 5),
        ("(6", 6, 2 / 6),
        ("(7", 7, 2 / 7),
        ("(8", 8, 3 / 8),
        ("(9", 9, 2 / 9),
        ("(3::", 3, 2 / 3),
        ("(3:2", 3, 2 / 3),
        ("(3:2:3", 3, 2 / 3),
        ("(3:2:2", 2, 2 / 3),
        ("(3::2", 2, 2 / 3),
        ("(3:2:4", 4, 2 / 3),
        ("(5:4", 5, 4 / 5),
        ("(7:4:5", 5, 4 / 7),
        ("(3:4:3", 3, 4 / 3),
    ],
)
def test_tuplets(sign, count, factor):
    found = durations(sign + LETTERS[:count] * 1 + "CDEFGAB"[: max(count - 7, 0)] + "G")
    np.testing.assert_allclose(found, [factor] * count + [1])


@pytest.mark.parametrize("meter, time", [("6/8", 3), ("9/8", 3), ("3/4", 3), ("C", 2)])
def test_five_in_the_time_of_two_or_in_that_of_three(meter, time):
    np.testing.assert_allclose(durations("(5CDEFG", meter=meter), [time / 5] * 5)


def test_rests_and_chords_count_in_a_tuplet_and_grace_notes_do_not():
    np.testing.assert_allclose(onsets("(3C z{g}[EG]D"), [0, 4 / 3, 2])
    np.testing.assert_allclose(durations("(3(C D {fg}E) G"), [2 / 3] * 3 + [1])


# Ties


@pytest.mark.parametrize(
    "music, expected",
    [
        ("C-C", [2]),
        ("C- | C", [2]),
        ("C-\nC", [2]),
        ("C-C-C", [3]),
        ("C-D", [1, 1]),
        ("C- z C", [1, 1]),
        ("C D- {c}D", [1, 2]),
        ("[CE]-[CE]", [2]),
        ("[C-E-][CE]", [2]),
        ("[CE-]E", [2]),
        ("C->C", [2]),
        ("(3CC-C C", [2 / 3, 4 / 3, 1]),
        ("|: C-|1 C :|2 C |]", [2, 1, 1]),
    ],
)
def test_ties(music, expected):
    np.testing.assert_allclose(durations(music), expected)


def test_a_tied_accidental_holds_over_the_bar_line_and_no_longer():
    assert pitches(tune("^C-|CC")) == [61, 60]
    assert pitches(tune("_B-|B")) == [70] and pitches(tune("^C|C")) == [61, 60]


# Keys


@pytest.mark.parametrize(
    "key, expected",
    [
        ("Hp", "FBEAC => 66 71 64 69 61"),
        ("HP", "FBEAC => 66 71 64 69 61"),
        ("none", "FBEAC => 65 71 64 69 60"),
        ("", "FBEAC => 65 71 64 69 60"),
        ("D phrygian ^f", "FBE => 66 70 63"),
        ("Dphr^f", "FBE => 65 70 63"),
        ("D =c", "FC => 66 60"),
        ("Am ^g ^f", "FG => 66 68"),
        ("D exp _b _e ^f", "FCBE => 66 60 70 63"),
        ("exp ^f", "FC => 66 60"),
        ("^f ^c", "FC => 66 61"),
        ("d", "FC => 66 61"),
        ("am", "FC => 65 60"),
        ("Bb", "BE => 70 63"),
        ("bb", "BE => 70 63"),
        ("F# MIXOLYDIAN", "FB => 66 71"),
        ("G# min", "FBA => 66 71 70"),
        ("G#", "FE => 67 65"),
        ("Fb", "BE => 69 63"),
        ("clef=bass", "FC => 65 60"),
        ("bass", "FC => 65 60"),
        ("G clef=bass", "F => 66"),
        ("C octave=-1", "FC => 53 48"),
        ("C octave=1 transpose=-2", "C => 70"),
        ("C transpose=3", "C => 63"),
        ("C treble-8", "C => 48"),
        ("C clef=treble+8", "C => 72"),
    ],
)
def test_a_key_says_which_notes_are_raised(key, expected):
    letters, sounding = expected.split(" => ")
    # G flat and others are two semitones lower or higher in keys of many flats or sharps
    assert pitches(tune(" | ".join(letters), key=key)) == list(map(int, sounding.split()))


@pytest.mark.parametrize("key", ["H", "nonsense", "12", "?"])
def test_a_key_that_there_is_not_is_refused(key):
    with pytest.raises(MusicFileError, match="^a book: a key .*K:Bb"):
        read_abc(tune("C D", key=key), "a book")


@pytest.mark.parametrize("line", ["\nK:clef=bass\n", "[K:bass]", "\nK:treble\n"])
def test_a_clef_on_the_way_leaves_the_key(line):
    assert pitches(tune(f"F{line}F", key="D")) == [66, 66]


@pytest.mark.parametrize(
    "line, expected",
    [
        ("", [61, 73, 62, 60]),
        ("%%propagate-accidentals pitch\n", [61, 73, 62, 60]),
        ("%%propagate-accidentals octave\n", [61, 72, 62, 60]),
        ("I:propagate-accidentals not\n", [61, 72, 62, 60]),
    ],
)
def test_how_far_an_accidental_goes(line, expected):
    assert pitches(tune("^C c D | C", head=line)) == expected


def test_an_accidental_in_a_key_where_none_spreads():
    assert pitches(tune("^C C", head="I:propagate-accidentals not\n")) == [61, 60]


@pytest.mark.parametrize("mark, pitch", [("^/", 60), ("_/", 60), ("^3/2", 61), ("^^", 62)])
def test_a_quarter_tone_is_the_note_beside_it(mark, pitch):
    assert pitches(tune(f"{mark}C D")) == [pitch, 62]


# The order of playing

ORDERS = {
    "|: C | D :| E |]": "CDCDE",
    "|:: C ::|D|]": "CCCD",
    "|:: C :|D|]": "CCCD",
    "|: C ::|D|]": "CCCD",
    "|::: C :::| D": "CCCCD",
    "C :| D :|": "CCDD",
    "C :|: D :|": "CCDD",
    "C :: D :|": "CCDD",
    "C :||: D :|": "CCDD",
    "C :|\n|: D :|": "CCDD",
    "C || D :|": "CDD",
    "C |] D :|": "CDD",
    "C [| D :|": "CDD",
    "C | D :|": "CDCD",
    "C [|] D :|": "CDCD",
    "C [|]:| D": "CCD",
    "|: C || D :|": "CDCD",
    "|: C |1 D :|2 E |]": "CDCE",
    "|: C |1 D :|2 E :|": "CDCE",
    "|: C |1 D :|2 E || F :|": "CDCEFF",
    "|: C |1 D :|2 E |: F |1 G :|2 A |]": "CDCEFGFA",
    "|: C [1 D :| [2 E |]": "CDCE",
    "|: C [1 D :|\n[2 E |]": "CDCE",
    "|: C | [1 D :| | [2 E |]": "CDCE",
    "|: C |1 D :| 2 E |]": "CDCE",
    "|: C |1 D | E :|2 F | G || A": "CDECFGA",
    "|: C |1 D :|2 E :|3 F |]": "CDCECF",
    "|: C |1,3 D :|2 E :|4 F |]": "CDCECDCF",
    "|: C |1-2 D :|3 E |]": "CDCDCE",
    "|: C |[1,2 D :|[3 E || F": "CDCDCEF",
    "|: C |1-2,4 D :|3 E :| F": "CDCDCECDF",
    "C |1 D |2 E || F": "CDCEF",
    "C |1 D :|2 E || F |1 G :|2 A ||": "CDCEFGFA",
    "|: C |1 D |2 E :| F": "CDCEF",
    "|: C |1 D :|3 E |]": "CDCE",
    "|: C | D :|2 E |]": "CDCDE",
    "|2 C | D |]": "CD",
    "C |2 D :|3 E |]": "CDCE",
    "C |: D": "CD",
    "|: C": "C",
    "C :|": "CC",
    ":| C": "C",
    "|: :| C": "C",
}


@pytest.mark.parametrize("music", ORDERS)
def test_repeats_and_endings(music):
    assert played(tune(music)) == ORDERS[music]


@pytest.mark.parametrize(
    "parts, expected",
    [
        ("ABA", "CGC"),
        ("A(AB)2", "CCGCG"),
        ("A2.B", "CCG"),
        ("A B", "CG"),
        ("((AB)2A)2", "CGCGCCGCGC"),
        ("BCA", "GC"),
        ("B", "G"),
        ("X", "CG"),
        ("", "CG"),
        ("(A", "C"),
        ("A)B", "CG"),
        ("A3B0", "CCC"),
        ("2A", "C"),
    ],
)
@pytest.mark.parametrize("label", ["\nP:{}\n", "[P:{}]"])
def test_parts_are_played_in_the_order_of_the_head(parts, expected, label):
    music = label.format("A") + "C |" + label.format("B") + "G |"
    assert played(tune(music, head=f"P:{parts}\n")) == expected


def test_repeats_within_parts_and_what_stands_before_them():
    music = "F |\nP:A\n|: C |1 D :|2 E ||\nP:B\nG :|"
    assert played(tune(music, head="P:BAB\n")) == "FGGCDCEGG"
    assert played(tune(music)) == "FCDCEGG"


def test_parts_without_a_note_are_no_tune():
    with pytest.raises(NoNotesError, match="a tune: .*without a single note"):
        read_abc(tune("P:A\nz4|\nP:B\nC4|", head="P:A\n"), "a tune")


def test_parts_hold_for_all_voices():
    music = "V:1\nP:A\nC|\nP:B\nD|\nV:2\nP:A\nG|\nP:B\nA|"
    assert played(tune(music, head="P:ABA\n")) == "CDC"


items = st.lists(
    st.one_of(
        st.sampled_from("cdefg"),
        st.builds(Part, st.sampled_from("AB")),
        st.builds(
            Bar,
            st.integers(0, 2),
            st.integers(0, 2),
            st.booleans(),
            st.lists(st.integers(1, 3), max_size=2).map(tuple),
        ),
    ),
    max_size=14,
)


@often
@given(items, st.sampled_from(["", "AB", "BAB"]))
def test_every_order_ends_and_begins_at_the_beginning(items, parts):
    found = order(items, parts)
    assert all(0 <= i < len(items) for i in found)
    # no more than each section three times, and that once a part
    assert len(found) <= 3 * len(items) * max(len(parts) + 1, 1)
    plain = [i for i, item in enumerate(items) if not isinstance(item, (Bar, Part))]
    if plain and not parts and not any(isinstance(i, Bar) and i.endings for i in items):
        assert sorted({i for i in found if not isinstance(items[i], (Bar, Part))}) == plain


# Tempo and program


@pytest.mark.parametrize(
    "field, bpm",
    [
        ("1/4=60", 60),
        ("1/8=120", 60),
        ("3/8=40", 60),
        ("1/2=30", 60),
        (" 1/4 = 60 ", 60),
        ("1/4 1/8=60", 90),
        ("1/4 3/8 1/4 3/8=40", 200),
        ('"Allegro" 1/4=150', 150),
        ('1/4=150 "Allegro"', 150),
        ('"1/4=20" 1/4=150', 150),
        ("1/4=72.5", 72.5),
        ("1/4=ca. 60", 60),
        ("C=100", 100),
        ("C3=40", 120),
        ("120", 120),
        ("60", 60),
        ('"Allegro"', 120),
        ("", 120),
        ("slowly", 120),
    ],
)
def test_a_tempo(field, bpm):
    assert read_abc(tune("CDEF|", head=f"Q:{field}\n")).tempo == Tempo.constant(bpm)
    assert read_abc(tune(f"[Q:{field}]CDEF|")).tempo == Tempo.constant(bpm)


def test_a_tempo_in_letters_and_one_in_beats_of_the_meter():
    assert read_abc(tune("C", unit="1/8", head="Q:C=120\n")).tempo == Tempo.constant(60)
    assert read_abc(tune("C", "6/8", "1/8", head="Q:40\n")).tempo == Tempo.constant(60)
    assert read_abc(tune("C", "2/2", "1/8", head="Q:60\n")).tempo == Tempo.constant(120)


def test_a_tempo_that_changes_on_the_way():
    tempo = read_abc(tune("C4|\nQ:1/4=60\nC4|[Q:1/4=30]C4|", head="Q:1/4=120\n")).tempo
    assert tempo.seconds_at([0, 4, 8, 12]).tolist() == [0, 2, 6, 14]


@pytest.mark.parametrize("field", ["1/4=0", "1/4=99999", "0", "1/64=40"])
def test_an_absurd_tempo_is_refused(field):
    with pytest.raises(MusicFileError, match="a tempo of .* quarter notes a minute.*Q:"):
        read_abc(tune("C", head=f"Q:{field}\n"))


@pytest.mark.parametrize(
    "lines, program",
    [
        ("", None),
        ("%%MIDI program 40\n", 40),
        ("%%MIDI program 1 40\n", 40),
        ("%%MIDI program 2 40\n", None),
        ("I:MIDI program 40\n", 40),
        ("I:MIDI=program 40\n", 40),
        ("%%MIDI program 400\n", None),
        ("%%MIDI program\n", None),
        ("%%MIDI program 20\n%%MIDI program 40 % a fiddle\n", 40),
    ],
)
def test_a_program(lines, program):
    made = read_abc(tune("CD", head=lines))
    assert made.program == program and made.piece.tracks[0].program == (
        73 if program is None else program
    )
    assert read_abc(tune(f"\n{lines}CD")).program == program


def test_a_program_is_that_of_the_voice_that_is_read():
    music = "V:1\n%%MIDI program 40\nCD|\nV:2\n%%MIDI program 20\nEF|"
    assert read_abc(tune(music)).program == 40


def test_a_transposition_for_playing_is_heard():
    assert pitches(tune("CD", head="%%MIDI transpose -12\n")) == [48, 50]
    assert pitches(tune("C\n%%MIDI transpose 2\nD")) == [60, 64]


def test_a_tune_is_a_piece():
    head = "T:Rose\nQ:1/4=90\n%%MIDI program 24\n"
    made = read_abc(tune("G|CDEF|C3|]", head=head))
    piece = made.piece
    assert (piece.title, piece.tempo, piece.meters) == ("Rose", made.tempo, made.meters)
    assert piece.bars == (-3.0, 1.0, 5.0) and piece.tracks[0].notes == made.notes


# What is no music


@pytest.mark.parametrize(
    "noise",
    [
        "%%begintext\nA cage of bad eggs\n%%endtext\n",
        "%%begintext\n%%A cage\n\nX: a bad egg\nK:G\n%%endtext\n",
        "%%begintext fill\nA cage\n%%endtext now\n",
        "%%beginps\n/cage { dup add } def\n%%endps\n",
        "%%beginsvg\n<g/>\n%%endsvg\n",
        "%%text a cage of bad eggs\n",
        "%%center ABC\n",
        "% a cage\n",
        "w: a cage of bad eggs\n",
        "w: a cage |\n+: of bad eggs\n",
        "W: a cage\n",
        "s: A | B\n",
        "N: ABC\n",
        "r: remark ABC\n",
        "U: T = !trill!\n",
        "I:linebreak $\n",
        "[r:a bad cage]",
        "[I:setbarnb 10]",
        '"A cage"',
        "!trill!",
        "+trill+",
        "!crescendo(!",
        "{AGE}",
        "{/A}",
        "$",
        "*",
        "\\\n",
        "y3",
        "H",
    ],
)
def test_prose_and_ornaments_are_no_notes(noise):
    assert pitches(tune(f"CDE\n{noise}F|")) == [60, 62, 64, 65]


DECORATIONS = [
    "fermata",
    "trill",
    "accent",
    "tenuto",
    "mp",
    "sfz",
    "roll",
    "5",
    ">(",
    "D.C.",
]


@pytest.mark.parametrize("name", DECORATIONS)
@pytest.mark.parametrize("sign", "!+")
def test_a_decoration_plays_no_part(name, sign):
    found = read_abc(tune(f"C{sign}{name}{sign}DEF|")).notes
    assert found == read_abc(tune("CDEF|")).notes


@pytest.mark.parametrize(
    "music", ["C ! D ! E", "C!DE|", "C + D + E", "C D!\nE", '"Am\nC D E']
)
def test_signs_that_are_no_decoration_hide_no_note(music):
    assert pitches(tune(music)) == [60, 62, 64]


def test_a_block_of_prose_that_nothing_ends_hides_no_music():
    assert pitches(tune("C\n%%begintext\nD E")) == [60, 62, 64]


def test_a_fermata_on_a_rest_is_no_second_rest():
    assert onsets("C Hz Hx D") == [0, 3]


@pytest.mark.parametrize("more", ["\nsome words about it", "\nT: an end\n", "\n  \nGAB|"])
def test_an_empty_line_ends_the_tune(more):
    assert pitches(tune("C D\n" + more)) == [60, 62]


def test_where_every_second_line_is_empty_none_ends_the_tune():
    assert pitches(tune("CD|\nEF|").replace("\n", "\n\n")) == [60, 62, 64, 65]


@pytest.mark.parametrize("music", ["(& C D | E F & c d | e f &)", "C D & c d | E F & e f"])
def test_an_overlay_is_another_voice(music):
    assert pitches(tune(music)) == [60, 62, 64, 65]


@pytest.mark.parametrize(
    "head, pitch",
    [
        ("V:1 octave=-1\n", 48),
        ("V:1 clef=treble-8\n", 48),
        ("V:1 transpose=2\n", 62),
        ("V:2 octave=-1\n", 60),
        ("V:1 clef=bass\n", 60),
    ],
)
def test_a_voice_says_how_it_sounds(head, pitch):
    assert pitches(tune("V:1\nC|", head=head)) == [pitch]
    assert pitches(tune(f"{head}V:1\nC|")) == [pitch]


# Books

HEAD = "%%MIDI program 40\nM:3/4\nL:1/4\nC:Anon.\nR:waltz\n"
BOOK = "\nX:1\nT:One\nK:G\nF|\n\nX:2\nT:Two\nM:2/4\nR:reel\nK:C\nF|\n"


def test_the_head_of_a_book_holds_for_all_its_tunes():
    one, two = map(read_abc, split_abc("% a book\nT:The book\n" + HEAD + BOOK))
    assert (one.title, str(one.meter), one.program) == ("One", "3/4", 40)
    assert (two.title, str(two.meter), two.program) == ("Two", "2/4", 40)
    assert one.notes.duration.tolist() == two.notes.duration.tolist() == [1]
    assert (one.fields["C"], one.fields["R"], two.fields["R"]) == ("Anon.", "waltz", "reel")
    assert one.number == "1"


def test_what_is_no_field_of_all_tunes_stays_in_the_head():
    head = "An old book: all of it\n\n%%begintext\nM:7/4\n%%endtext\nK:Eb\nV:9\nX marks\n"
    assert split_abc(head + BOOK) == split_abc(BOOK)


def test_a_tune_with_its_books_head_is_read_as_it_is():
    assert str(read_abc(HEAD + BOOK.split("\n\n")[0]).meter) == "3/4"


def test_no_tune_begins_in_prose():
    book = "X:1\nK:C\nC\n%%begintext\nX: marks the spot\n%%endtext\nD\n\nX:2\nK:C\nE\n"
    assert [read_abc(t).notes.pitch.tolist() for t in split_abc(book)] == [[60, 62], [64]]


def test_a_field_may_go_on():
    made = read_abc(tune("C", head="T:A long\n+: title\nQ:1/4\n+:=90\n"))
    assert made.title == "A long title" and made.tempo == Tempo.constant(90)


# What no music has


@pytest.mark.parametrize(
    "abc",
    [
        tune("|" + ":" * 50 + "C D" * 4000 + ":|"),
        tune("|" + ":" * 120 + "C:|"),
        tune("|: C |1-99999 D :|"),
        tune("|: C |100 D :|"),
        tune("C" + "/" * 5000),
        tune("C" + ">" * 5000 + "D"),
        tune("C" + "9" * 5000),
        tune("(3:99999 CDE"),
        tune("Z" * 20 + "Z9999"),
        tune("Z9999 | Z9999 | C"),
        tune("C", head="P:" + "(" * 300 + "A" + "9)" * 300 + "\n"),
        tune("P:A\nC", head="P:" + "A" * 2000 + "\n"),
        tune("C9999" * 10_000, unit="1/1"),
        tune("".join(f"[P:{p}]" + "CDEF" * 400 for p in "AB"), head="P:(AB)500\n"),
    ],
)
def test_what_no_music_has_is_refused_at_once(abc):
    with pytest.raises(MusicFileError, match="longer than any music.*What to do"):
        read_abc(abc)


@pytest.mark.parametrize(
    "last, more",
    [
        ("C" + "/" * 8, "/"),
        ("D" * 9 + "C" + ">" * 8, ">D"),
        ("|: C |1-99 D :|", "|1-100 E"),
        ("C9999", "9"),
        ("P:A\nC", "\nZ9999|Z2"),
    ],
)
def test_the_last_number_that_is_read_and_the_next(last, more):
    assert len(read_abc(tune(last)).notes)
    with pytest.raises(MusicFileError, match="longer than any music"):
        read_abc(tune(last + more))


@pytest.mark.parametrize("abc", [tune("C Z10000 | C"), tune("C Z9998 | Z2 | C")])
def test_ten_thousand_bars_of_rest_are_read_and_one_more_is_not(abc):
    with pytest.raises(MusicFileError):
        read_abc(abc.replace("Z2 ", "Z3 ").replace("Z10000", "Z10001"))
    if "Z2" in abc:
        assert onsets("C | Z9998 | Z2 | C")[-1] == 40_001


@pytest.mark.parametrize("note", ["C" + "," * 6, "c" + "'" * 5, "C" + "," * 9999])
def test_a_note_that_midi_does_not_know_is_refused(note):
    with pytest.raises(MusicFileError, match="^a tune: a note of pitch .*What to do"):
        read_abc(tune(note), "a tune")


@pytest.mark.parametrize(
    "text",
    [
        "[K:",
        "{",
        '"',
        "(3",
        "[",
        "!a",
        "+a",
        "|:",
        ":",
        "^",
        "&",
        "-",
        ">",
        "%%begintext\n",
    ],
)
def test_one_sign_again_and_again_is_read_in_time(text):
    """A pattern that looks ahead to the end of the text would take hours."""
    with contextlib.suppress(MusicFileError):
        read_abc(tune(text * (150_000 // len(text))))


def test_parts_in_order():
    assert part_order("A.B.A") == "ABA" and part_order("(A2B)2") == "AABAAB"
    with pytest.raises(MusicFileError):
        part_order("A1001")


# Damage

WHOLE = """%%MIDI program 40
X:1
T:Made by hand
P:A2B
M:3/4
L:1/8
Q:1/4=100
V:1 clef=treble
K:G dor ^f
P:A
(3GAB | c>d e2 [CE]2- |1 [CE]2 {g}a3 "Am"b ^c2 :|2 d6- | d4 Hz2 ||
%%begintext
prose
%%endtext
P:B
[M:2/4] !trill!G2 (5abcde & c4 |:: [K:C octave=-1] Z2 ::|
w: some words
[V:2] C4 | [Q:1/8=90] _B,4-|B,4 |]
"""


def test_three_hundred_damaged_tunes_are_read_or_refused():
    dice, read = random.Random(0), 0
    signs = '/|:[](){}"!^_=1290-<>zZABCdefgXKMLPQVw&+%.,\n\0é~'
    for _ in range(300):
        text = list(WHOLE)
        for _ in range(dice.randint(1, 12)):
            at, how = dice.randrange(len(text)), dice.random()
            if how < 0.6:
                text[at] = dice.choice(signs)
            elif how < 0.8:
                del text[at : at + dice.randint(1, 9)]
            else:
                text[at:at] = text[dice.randrange(len(text)) :][: dice.randint(1, 40)]
        try:
            made = read_abc("".join(text), "damaged")
        except FusionError as error:
            assert str(error).startswith("damaged: ") and "What to do" in str(error)
            continue
        read += 1
        assert (
            isinstance(made, AbcTune) and len(made.notes) and made.piece.bars == made.bars
        )
        assert made.bars is None or np.all(np.diff(made.bars) > 0)
        beats = [m.beat for m in made.meters]
        assert beats == sorted(beats)
    assert read > 100


@often
@given(st.text("ABcdz23/|:[]()<>-'{}\"!^_&% \nMKLPV1,", max_size=120))
def test_any_text_is_music_or_refused(text):
    try:
        assert len(read_abc(tune(text), "made up").notes)
    except FusionError as error:
        assert "What to do" in str(error)
