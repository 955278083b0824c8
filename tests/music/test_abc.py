"""What is true of tunes in ABC: hand-made ones, note by note, and a whole collection
against an independent reading of it.
"""

import json
import lzma
import random
from functools import cache

import numpy as np
import pytest

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music.abc import AbcTune, read_abc, split_abc
from fusiontools.music.notes import is_melody

TICK = 1 / 480  # beats


def tune(music, meter="4/4", unit="1/4", key="C"):
    """ABC from a line of music."""
    fields = f"M:{meter}\n" * bool(meter) + f"L:{unit}\n" * bool(unit)
    return f"X:1\nT:Made by hand\n{fields}K:{key}\n{music}\n"


def pitches(abc):
    return read_abc(abc).notes.pitch.tolist()


def assert_sounds(abc, steps):
    """Notes as pairs of pitch and beats, one after the other; a pitch of None is a rest."""
    notes = read_abc(abc).notes
    ends = np.cumsum([beats for _, beats in steps])
    sounding = [i for i, (pitch, _) in enumerate(steps) if pitch is not None]
    lasting = np.array([steps[i][1] for i in sounding])
    assert notes.pitch.tolist() == [steps[i][0] for i in sounding]
    np.testing.assert_allclose(notes.onset, ends[sounding] - lasting, atol=1e-6)
    np.testing.assert_allclose(notes.duration, lasting, atol=1e-6)
    assert is_melody(notes) and notes.unit == "beats"


# Pitches


@pytest.mark.parametrize(
    "music, expected",
    [
        ("C,, C, C c c' c''", [36, 48, 60, 72, 84, 96]),
        ("C D E F G A B c", [60, 62, 64, 65, 67, 69, 71, 72]),
        ("^F F | F", [66, 66, 65]),
        ("_B B c B | B", [70, 70, 72, 70, 71]),
        ("^C =C C ^^C C | C", [61, 60, 60, 62, 62, 60]),
        ("__B B | B", [69, 69, 71]),
        (
            "^F f | f",
            [66, 78, 77],
        ),  # ABC 2.1, section 11.3: to all octaves, unless a tune says otherwise
        ("^F G", [66, 67]),
    ],
)
def test_an_accidental_holds_to_the_end_of_its_bar(music, expected):
    assert pitches(tune(music)) == expected


SHARPS = "FCGDAEB"
KEYS = {
    "C": 0,
    "G": 1,
    "D": 2,
    "A": 3,
    "E": 4,
    "B": 5,
    "F#": 6,
    "C#": 7,
    "F": -1,
    "Bb": -2,
    "Eb": -3,
    "Ab": -4,
    "Db": -5,
    "Gb": -6,
    "Cb": -7,
}
KEYS |= {
    "Am": 0,
    "Em": 1,
    "Gm": -2,
    "F#m": 3,
    "Cmin": -3,
    "Ador": 1,
    "D dorian": 0,
    "Emix": 3,
    "GMix": 0,
    "Dlyd": 3,
    "Ephr": 0,
    "Bloc": 0,
}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_signature_raises_or_lowers_its_notes_in_every_octave(key):
    plain = dict(zip("CDEFGAB", (60, 62, 64, 65, 67, 69, 71)))
    raised = SHARPS[: KEYS[key]] if KEYS[key] > 0 else ""
    lowered = SHARPS[KEYS[key] :] if KEYS[key] < 0 else ""
    expected = [p + (step in raised) - (step in lowered) for step, p in plain.items()]
    assert pitches(tune("C D E F G A B | c d e f g a b", key=key)) == expected + [
        p + 12 for p in expected
    ]


def test_a_natural_beats_the_key_until_the_bar_ends():
    assert pitches(tune("F =F F ^F | F", key="D")) == [66, 65, 65, 66, 66]


def test_a_key_may_change_on_the_way():
    assert pitches(tune("F | [K:G] F | [K:F] B F")) == [65, 66, 70, 65]
    assert pitches(tune("F |\nK:G\nF |")) == [65, 66]


# Lengths


@pytest.mark.parametrize(
    "music, unit, steps",
    [
        (
            "C2 D3 E/ F3/2 G/4 A// B/2",
            "1/4",
            [(60, 2), (62, 3), (64, 0.5), (65, 1.5), (67, 0.25), (69, 0.25), (71, 0.5)],
        ),
        ("C D2", "1/8", [(60, 0.5), (62, 1)]),
        ("C D2", "1/16", [(60, 0.25), (62, 0.5)]),
        ("A>B c<d", "1/8", [(69, 0.75), (71, 0.25), (72, 0.25), (74, 0.75)]),
        ("A>>B c<<d", "1/8", [(69, 0.875), (71, 0.125), (72, 0.125), (74, 0.875)]),
        ("A2>B2", "1/8", [(69, 1.5), (71, 0.5)]),
        ("(3ABc d2", "1/8", [(69, 1 / 3), (71, 1 / 3), (72, 1 / 3), (74, 1)]),
        ("(3A2B2c2 d2", "1/8", [(69, 2 / 3), (71, 2 / 3), (72, 2 / 3), (74, 1)]),
        (
            "(3A2BA d2",
            "1/8",
            [(69, 2 / 3), (71, 1 / 3), (69, 1 / 3), (74, 1)],
        ),  # a triplet counts notes, not their lengths
        ("C z D2 x | z4 | E", "1/4", [(60, 1), (None, 1), (62, 2), (None, 5), (64, 1)]),
        ("C2 D2- | D2 E2- | E4", "1/4", [(60, 2), (62, 4), (64, 6)]),
        ("C4- | C4- | C4", "1/4", [(60, 12)]),
        ("C-C D2", "1/4", [(60, 2), (62, 2)]),
        ("(CD) (E F)", "1/4", [(60, 1), (62, 1), (64, 1), (65, 1)]),
        ("C C C C", "1/4", [(60, 1)] * 4),
        ("C D \\\nE F |", "1/4", [(60, 1), (62, 1), (64, 1), (65, 1)]),
        ("C D % and a remark: G A\nE F", "1/4", [(60, 1), (62, 1), (64, 1), (65, 1)]),
        ("C D\nw: la-la\nE F", "1/4", [(60, 1), (62, 1), (64, 1), (65, 1)]),
    ],
)
def test_lengths(music, unit, steps):
    assert_sounds(tune(music, unit=unit), steps)


@pytest.mark.parametrize(
    "meter, unit",
    [
        ("4/4", 0.5),
        ("6/8", 0.5),
        ("3/4", 0.5),
        ("2/4", 0.25),
        ("C", 0.5),
        ("C|", 0.5),
        (None, 0.5),
    ],
)
def test_without_a_unit_the_meter_says_how_long_a_letter_is(meter, unit):
    """ABC 2.1, section 3.1.7: a sixteenth where a bar is shorter than three quarters of a
    whole note, else an eighth.
    """
    assert_sounds(tune("C D", meter=meter, unit=None), [(60, unit), (62, unit)])


PLAYED = [
    "R:hornpipe",
    "R:Hornpipe",
    "Q:1/4=200",
    "%%MIDI program 40",
    "%%MIDI chordattack 30",
    "P:AAB",
    "N:slowly",
]


@pytest.mark.parametrize("line", PLAYED)
def test_a_tune_is_read_as_it_is_written_and_not_as_it_is_played(line):
    """A converter made for listening swings hornpipes and breaks chords."""
    abc = f"X:1\n{line}\nM:4/4\nL:1/8\nK:C\nCDEF GABc | [CE]4 [DF]4 |\n"
    assert_sounds(
        abc, [(p, 0.5) for p in (60, 62, 64, 65, 67, 69, 71, 72)] + [(64, 2), (65, 2)]
    )


# Bars that are played more than once


@pytest.mark.parametrize(
    "music, expected",
    [
        ("|: C4 | D4 :| E4 |]", "CDCDE"),
        ("C4 | D4 :| E4 |]", "CDCDE"),
        ("|: C4 :: D4 :|", "CCDD"),
        ("|: C4 :|: D4 :|", "CCDD"),
        ("|: C4 |1 D4 :|2 E4 |]", "CDCE"),
        ("|: C4 |[1 D4 :|[2 E4 |]", "CDCE"),
        ("|: C4 |1 D4 :|2 E4 |: F4 |1 G4 :|2 A4 |]", "CDCEFGFA"),
        ("C4 || D4 |]", "CD"),
    ],
)
def test_repeats_and_endings_are_played_out(music, expected):
    names = dict(zip("CDEFGA", (60, 62, 64, 65, 67, 69)))
    assert_sounds(tune(music), [(names[c], 4) for c in expected])


# What is not melody


@pytest.mark.parametrize(
    "music",
    [
        '"Am"C "G7"D "C/e"E "F#dim"F',
        '"^slowly"C "_dolce"D "<1"E ">2"F',
        "{g}C {/fg}D {ABc}E {B}F",
        "!trill!C !f!D !fermata!E !crescendo(!F",
        "~C .D TE uF",
        "vC HD LE MF",
        "C D | E F |",
        "C D\nw: sing with me\nE F",
    ],
)
def test_chord_names_grace_notes_and_ornaments_are_not_melody(music):
    assert_sounds(tune(music), [(60, 1), (62, 1), (64, 1), (65, 1)])


@pytest.mark.parametrize(
    "music, steps",
    [
        ("[CEG]2 D2", [(67, 2), (62, 2)]),
        ("[GEC]2 D2", [(67, 2), (62, 2)]),
        ("[CE]D[EG]F", [(64, 1), (62, 1), (67, 1), (65, 1)]),
        ("C [DF]2 [CE]", [(60, 1), (65, 2), (64, 1)]),
        ('"Am"[Ac]4 | [_Bd]4', [(72, 4), (74, 4)]),
    ],
)
def test_of_a_chord_the_highest_note_stays(music, steps):
    assert_sounds(tune(music), steps)


# Meters


@pytest.mark.parametrize(
    "meter, text, bar",
    [
        ("4/4", "4/4", 4),
        ("3/4", "3/4", 3),
        ("6/8", "6/8", 3),
        ("C", "4/4", 4),
        ("C|", "2/2", 4),
        ("3/2", "3/2", 6),
        ("9/8", "9/8", 4.5),
        (" 2/4 ", "2/4", 2),
    ],
)
def test_meters(meter, text, bar):
    full = read_abc(
        tune(f"C{int(bar * 2)} | C{int(bar * 2)} |", meter=meter, unit="1/8")
    ).meter
    assert (str(full), full.bar, full.beat) == (text, bar, 0.0)


@pytest.mark.parametrize("meter", ["none", "", None, "0/4", "free"])
def test_a_free_meter_counts_as_four_quarters(meter):
    abc = (
        tune("G A B c d |", meter=meter)
        if meter is not None
        else tune("G A B c d |", meter=None)
    )
    free = read_abc(abc)
    assert (str(free.meter), free.meter.beat) == ("4/4", 0.0)
    assert free.notes.onset.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "music, meter, unit, upbeat",
    [
        ("G | C D E | F3 |", "3/4", "1/4", 1),
        ("|: G | C D E | F2 :|", "3/4", "1/4", 1),
        ("G2 A | C4 | D4 |", "4/4", "1/4", 3),
        ("G | CDE FGA |", "6/8", None, 0.5),
        ("G | C2 D2 E2 F2 |", "2/4", None, 0.25),
        ("G>A | C2 D2 E2 |", "3/4", "1/8", 1),
        ("(3GAB | c2 d2 e2 |", "3/4", "1/8", 1),
        ("G/A/ | c2 |", "2/4", "1/4", 1),
        ("z G | c2 d2 |", "4/4", "1/4", 2),
        ('"D7"{a}G | c2 d2 |', "4/4", "1/4", 1),
        ("[EG] | c2 d2 |", "4/4", "1/4", 1),
        ("[EG]2 | c2 d2 |", "4/4", "1/4", 2),
        ("C D E F | G4 |", "4/4", "1/4", 0),
        ("|: C3 | D3 :|", "3/4", "1/4", 0),
        ("C8 | D4 |", "4/4", "1/4", 0),
    ],
)
def test_bars_count_from_the_first_full_one(music, meter, unit, upbeat):
    found = read_abc(tune(music, meter=meter, unit=unit)).meter
    assert found.beat == pytest.approx(upbeat - found.bar if upbeat else 0)


# Headers and books


def test_what_a_tunes_head_says():
    head = "X: 12\nT:The Rose % its first name\nT:A second name\nO:Somewhere\nR:reel\n"
    head += "M:4/4\nL:1/4\nQ:1/4=90\nK:Ador clef=treble\n"
    made = read_abc(head + "A B c d |\n")
    assert isinstance(made, AbcTune)
    assert (made.number, made.title, made.key, made.fields["O"], made.fields["R"]) == (
        "12",
        "The Rose",
        "Ador",
        "Somewhere",
        "reel",
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.replace("\n", "\r\n"),
        lambda s: "\ufeff" + s,
        lambda s: "\n\n" + s + "\n\n",
        lambda s: s.rstrip("\n"),
    ],
)
def test_line_ends_and_byte_order_marks_change_nothing(change):
    abc = tune("C D E F | G4 |")
    assert read_abc(change(abc)) == read_abc(abc)


def test_a_book_is_cut_where_tunes_begin():
    tunes = [
        "X:1\nT:A\nK:C\nCDE\n\n",
        "X:2\nT:X: marks no tune here\nK:C\nG2 X:\n",
        "X:30\nK:C\nc\n",
    ]
    assert split_abc("% a book\nof tunes\n" + "".join(tunes)) == tunes
    assert (
        split_abc("".join(tunes).replace("\n", "\r\n"))
        == tunes
        == split_abc("".join(tunes).replace("\n", "\r"))
    )
    assert split_abc("") == split_abc("no tune at all") == []


# What is refused


@pytest.mark.parametrize(
    "text",
    ["", "hello", "MThd\x00\x00", "K:C\nCDE\n", "X:1\nT:no key\nCDE\n", "<html>X:1</html>"],
)
def test_what_is_not_abc_is_refused(text):
    with pytest.raises(
        MusicFileError, match="^book.abc: not an ABC tune.*What to do"
    ) as caught:
        read_abc(text, "book.abc")
    assert not isinstance(caught.value, NoNotesError)


@pytest.mark.parametrize(
    "music", ["", "z4 |", "% only a remark", '"Am" "G" |', "1234 | $$ |"]
)
def test_a_tune_without_notes_is_refused(music):
    with pytest.raises(
        NoNotesError, match="^book.abc: .*without a single note.*What to do"
    ):
        read_abc(tune(music), "book.abc")


def test_damaged_tunes_are_read_or_refused_and_nothing_else():
    whole = tune(
        '(3GAB | c>d e2 [CE]2 |1 {g}a3 "Am"b ^c2 :|2 d6- | d4 z2 |]', "3/4", "1/8", "G"
    )
    dice = random.Random(0)
    read = 0
    for _ in range(60):
        text = list(whole)
        for _ in range(dice.randint(1, 5)):
            text[dice.randrange(len(text))] = dice.choice(
                '/|:[](){}"!^_=1290-<>zABCdefgXKML\n\0é~'
            )
        try:
            read += len(read_abc("".join(text), "damaged").notes) > 0
        except FusionError as error:
            assert str(error).startswith("damaged: ") and "What to do" in str(error)
    assert 10 < read < 60


# A whole collection, against an independent reading


@cache
def essen(folder):
    """For each tune its id, the melody that we read (None if we could not), and what the
    reference has: (pitch or None, beats).
    """
    from fusiontools.corpora import load

    corpus = load("essen")
    ours = {id: i for i, id in enumerate(corpus.columns["id"])}
    with lzma.open(
        folder / "essen_folk" / "essen_parsed.jsonl.xz", "rt", encoding="utf-8"
    ) as lines:
        tunes = [json.loads(line) for line in lines]
    ids = [f"essen/{t['file'].removesuffix('.abc')}/{t['x']}" for t in tunes]
    return [
        (id, corpus[ours[id]].notes if id in ours else None, t["notes"])
        for id, t in zip(ids, tunes)
    ]


def test_essen_has_the_references_intervals(shared_data):
    tunes = essen(shared_data)
    right = [
        n is not None
        and np.array_equal(
            np.diff(n.pitch), np.diff([p for p, _ in steps if p is not None])
        )
        for _, n, steps in tunes
    ]
    assert len(tunes) == 8514 and np.mean(right) >= 0.985


def test_essen_has_the_references_onsets_and_durations(shared_data):
    sample = random.Random(0).sample(essen(shared_data), 300)
    right = 0
    for _, notes, steps in sample:
        sounding = np.array([p is not None for p, _ in steps])
        lasting = np.array([beats for _, beats in steps])
        onset, duration = (np.cumsum(lasting) - lasting)[sounding], lasting[sounding]
        same = notes is not None and len(notes) == len(onset)
        right += (
            same
            and np.abs(notes.onset - onset).max() < 1.5 * TICK
            and np.abs(notes.duration - duration).max() < 1.5 * TICK
        )
    assert right >= 0.99 * 300
