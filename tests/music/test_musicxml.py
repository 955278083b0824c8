"""What is true of MusicXML scores: small ones, made here, measure by measure."""

import io
import itertools
import re
import zipfile

import numpy as np
import pytest

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music import musicxml_file
from fusiontools.music.extract import skyline
from fusiontools.music.midi import Meter, bar_lines
from fusiontools.music.musicxml import read_musicxml
from fusiontools.music.notes import Tempo

DOCTYPE = (
    "<!DOCTYPE score-partwise PUBLIC "
    '"-//Recordare//DTD MusicXML 2.0 Partwise//EN" "partwise.dtd">'
)


def score(*parts, head=""):
    """A score of parts, each a list of measures, each a string of XML."""
    names = "".join(
        f'<score-part id="P{i}"><part-name>Voice {i}</part-name></score-part>'
        for i, _ in enumerate(parts)
    )
    music = "".join(
        f'<part id="P{i}">{"".join(f"<measure>{m}</measure>" for m in part)}</part>'
        for i, part in enumerate(parts)
    )
    title = "<work><work-title>Made by hand</work-title></work>"
    inside = f"{title}<part-list>{names}</part-list>{music}"
    return f'<?xml version="1.0"?>{head}<score-partwise>{inside}</score-partwise>'


def note(step, octave, duration, *marks, alter=None, voice=None):
    """One note; marks are "chord", and "start" or "stop" of a tie."""
    chord = "<chord/>" if "chord" in marks else ""
    raised = "" if alter is None else f"<alter>{alter}</alter>"
    pitch = f"<pitch><step>{step}</step>{raised}<octave>{octave}</octave></pitch>"
    ties = "".join(f'<tie type="{m}"/>' for m in marks if m != "chord")
    voice = f"<voice>{voice}</voice>" if voice else ""
    return f"<note>{chord}{pitch}<duration>{duration}</duration>{ties}{voice}</note>"


def rest(duration):
    return f"<note><rest/><duration>{duration}</duration></note>"


def move(direction, duration):
    return f"<{direction}><duration>{duration}</duration></{direction}>"


def attributes(divisions=2, meter=(4, 4), fifths=0, mode="major"):
    time = (
        f"<time><beats>{meter[0]}</beats><beat-type>{meter[1]}</beat-type></time>"
        if meter
        else ""
    )
    key = (
        f"<key><fifths>{fifths}</fifths>{f'<mode>{mode}</mode>' if mode else ''}</key>"
        if fifths is not None
        else ""
    )
    return f"<attributes><divisions>{divisions}</divisions>{key}{time}</attributes>"


def rows(*measures):
    """The notes of a one-part score, as onset, duration, pitch."""
    piece, _ = read_musicxml(score([attributes() + measures[0], *measures[1:]]).encode())
    return [(n.onset, n.duration, n.pitch) for n in piece.notes()]


def mxl(files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()


C4 = note("C", 4, 2)
ONE = score([attributes() + C4])


# What sounds


def test_notes_follow_each_other_and_measures_too():
    assert rows(note("C", 4, 2) + note("D", 4, 1) + note("E", 4, 5), note("F", 4, 8)) == [
        (0, 1, 60),
        (1, 0.5, 62),
        (1.5, 2.5, 64),
        (4, 4, 65),
    ]


@pytest.mark.parametrize(
    "step, octave, alter, pitch",
    [
        ("C", 4, None, 60),
        ("A", 4, None, 69),
        ("F", 3, 1, 54),
        ("B", 4, -1, 70),
        ("B", 4, 1, 72),
        ("C", 4, -1, 59),
        ("G", 5, 2, 81),
        ("C", -1, None, 0),
    ],
)
def test_pitches(step, octave, alter, pitch):
    assert rows(note(step, octave, 2, alter=alter)) == [(0, 1, pitch)]


@pytest.mark.parametrize(
    "measures, expected",
    [
        ([note("C", 4, 4) + rest(2) + note("D", 4, 2)], [(0, 2, 60), (3, 1, 62)]),
        ([rest(8), note("D", 4, 2)], [(4, 1, 62)]),
        (
            [
                note("C", 4, 2)
                + note("E", 4, 2, "chord")
                + note("G", 4, 2, "chord")
                + note("D", 4, 2)
            ],
            [(0, 1, 60), (0, 1, 64), (0, 1, 67), (1, 1, 62)],
        ),
        (
            [note("C", 5, 8) + move("backup", 8) + note("E", 4, 4) + note("F", 4, 4)],
            [(0, 2, 64), (0, 4, 72), (2, 2, 65)],
        ),
        (
            [
                note("C", 5, 8) + move("backup", 8) + move("forward", 2) + note("E", 4, 4),
                note("G", 4, 2),
            ],
            [(0, 4, 72), (1, 2, 64), (4, 1, 67)],
        ),
        (
            [note("C", 5, 2) + move("forward", 4) + note("D", 5, 2)],
            [(0, 1, 72), (3, 1, 74)],
        ),
        (
            ["<note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>" + C4],
            [(0, 1, 60)],
        ),
        (
            [
                "<note><cue/><pitch><step>B</step><octave>4</octave></pitch><duration>2</duration></note>"
                + C4
            ],
            [(1, 1, 60)],
        ),
        (["<note><unpitched/><duration>2</duration></note>" + C4], [(1, 1, 60)]),
        ([C4 + attributes(divisions=8) + note("D", 4, 8)], [(0, 1, 60), (1, 1, 62)]),
    ],
    ids=[
        "rest",
        "empty measure",
        "chord",
        "backup",
        "forward",
        "gap",
        "grace",
        "cue",
        "drum",
        "divisions",
    ],
)
def test_a_cursor_walks_through_the_measure(measures, expected):
    assert rows(*measures) == expected


@pytest.mark.parametrize(
    "measures, expected",
    [
        (
            [note("C", 4, 8, "start"), note("C", 4, 2, "stop") + note("D", 4, 2)],
            [(0, 5, 60), (5, 1, 62)],
        ),
        (
            [
                note("C", 4, 8, "start"),
                note("C", 4, 8, "stop", "start"),
                note("C", 4, 4, "stop"),
            ],
            [(0, 10, 60)],
        ),
        (
            [note("C", 4, 4, "start") + note("C", 4, 4, "stop"), note("C", 4, 8)],
            [(0, 4, 60), (4, 4, 60)],
        ),
        (
            [
                note("C", 4, 8, "start") + note("E", 4, 8, "chord", "start"),
                note("C", 4, 4, "stop") + note("E", 4, 4, "chord", "stop"),
            ],
            [(0, 6, 60), (0, 6, 64)],
        ),
        (
            [
                note("C", 4, 8, "start") + note("E", 4, 8, "chord"),
                note("C", 4, 4, "stop") + note("E", 4, 4, "chord"),
            ],
            [(0, 6, 60), (0, 4, 64), (4, 2, 64)],
        ),
        ([note("C", 4, 4, "stop")], [(0, 2, 60)]),  # a tie from nowhere
        (
            [
                note("C", 5, 8, "start", voice=1)
                + move("backup", 8)
                + note("D", 5, 4, voice=2)
                + note("C", 5, 4, voice=2),
                note("C", 5, 8, "stop", voice=1),
            ],
            [(0, 8, 72), (0, 2, 74), (2, 2, 72)],
        ),
    ],
    ids=[
        "over the bar",
        "over three",
        "within",
        "chord",
        "half a chord",
        "from nowhere",
        "two voices",
    ],
)
def test_tied_notes_are_one_note(measures, expected):
    assert rows(*measures) == expected


def test_each_part_is_a_track_with_its_name():
    piece, _ = read_musicxml(
        score(
            [attributes() + note("C", 5, 8)],
            [attributes() + rest(8)],
            [attributes(divisions=1) + note("E", 4, 4)],
        ).encode()
    )
    assert [(t.name, t.is_drum, [tuple(n) for n in t.notes]) for t in piece.tracks] == [
        ("Voice 0", False, [(0, 4, 72, 80)]),
        ("Voice 2", False, [(0, 4, 64, 80)]),
    ]
    assert piece.title == "Made by hand" and piece.tempo == Tempo.constant(100)


# Key and meter


@pytest.mark.parametrize(
    "fifths, mode, key",
    [
        (0, "major", "C"),
        (-2, "major", "Bb"),
        (3, "major", "A"),
        (-7, "major", "Cb"),
        (0, "minor", "Am"),
        (-2, "minor", "Gm"),
    ]
    + [(4, "minor", "C#m"), (7, "minor", "A#m"), (-1, None, "F"), (None, None, "")],
)
def test_keys(fifths, mode, key):
    assert (
        read_musicxml(score([attributes(fifths=fifths, mode=mode) + C4]).encode())[1] == key
    )


def test_the_first_key_is_the_key():
    assert (
        read_musicxml(
            score([attributes(fifths=1) + C4, attributes(fifths=4) + C4]).encode()
        )[1]
        == "G"
    )


def test_meters_change_where_they_stand():
    piece, _ = read_musicxml(
        score(
            [
                attributes() + note("C", 4, 8),
                attributes(meter=(3, 4)) + note("D", 4, 6),
                note("E", 4, 6),
            ]
        ).encode()
    )
    assert piece.meters == (Meter(0.0, 4, 4), Meter(4.0, 3, 4)) and bar_lines(
        piece
    ).tolist() == [0, 4, 7]


def test_a_score_without_a_meter_is_in_four_quarters():
    assert read_musicxml(score([attributes(meter=None) + C4]).encode())[0].meters == (
        Meter(0.0),
    )


def test_bars_count_from_the_first_full_measure():
    """An upbeat is a measure shorter than its meter; most chorales start with one."""
    xml = score([attributes() + note("G", 4, 2), note("C", 5, 8), note("D", 5, 8)]).replace(
        "<measure>", '<measure implicit="yes">', 1
    )
    piece, _ = read_musicxml(xml.encode())
    lines = bar_lines(piece)
    assert lines[lines > 0].tolist() == [1, 5]


# Files


@pytest.mark.parametrize(
    "data",
    [
        ONE.encode(),
        ONE.encode("utf-16"),
        score([attributes() + C4], head=DOCTYPE).encode(),
        score([attributes() + C4], head="<!-- by hand -->").encode(),
        mxl({"META-INF/container.xml": "<container/>", "score.xml": ONE}),
        mxl({"score.musicxml": ONE}),
    ],
    ids=["plain", "utf-16", "doctype", "remark", "mxl", "mxl without container"],
)
def test_every_wrapping_holds_the_same_score(data):
    piece, key = read_musicxml(data)
    assert ([tuple(n) for n in piece.notes()], key) == ([(0, 1, 60, 80)], "C")


ENTITY = '<!DOCTYPE score-partwise [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
LATE = score([attributes() + C4], head=f"<!-- {'x' * 20_000} -->{ENTITY}").replace(
    "Voice 0", "&b;"
)
NOT_SCORES = {
    "nothing": (b"", "not well-formed XML"),
    "text": (b"X:1\nK:C\nCDE|\n", "not well-formed XML"),
    "cut off": (ONE[:200].encode(), "not well-formed XML"),
    "MIDI": (b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x01\xe0", "not well-formed XML"),
    "a page": (b"<html><body/></html>", "its root is <html>"),
    "an opus": (b"<opus/>", "its root is <opus>"),
    "entities": (
        score([attributes() + C4], head=ENTITY).replace("Voice 0", "&b;").encode(),
        "defines entities",
    ),
    "entities, later": (LATE.encode(), "defines entities"),
    "entities, utf-16": (
        score([attributes() + C4], head=ENTITY).replace("Voice 0", "&b;").encode("utf-16"),
        "defines entities",
    ),
    "zip without a score": (
        mxl({"META-INF/container.xml": "<container/>", "read.me": "hello"}),
        "without a score in it",
    ),
    "zip cut off": (mxl({"score.xml": ONE})[:100], "damaged compressed file"),
    "zip of zeros": (b"PK\x03\x04" + bytes(50), "damaged compressed file"),
    "zip of text": (mxl({"score.xml": "hello"}), "not well-formed XML"),
}


@pytest.mark.parametrize("name", NOT_SCORES)
def test_what_is_no_score_is_refused(name):
    data, found = NOT_SCORES[name]
    with pytest.raises(MusicFileError, match=f"^hymn.mxl: .*{found}.*What to do") as caught:
        read_musicxml(data, "hymn.mxl")
    assert not isinstance(caught.value, NoNotesError)


def test_a_zip_with_a_wrong_checksum_is_refused():
    data = mxl({"score.xml": ONE})
    at = data.index(b"score.xml") + len("score.xml") + 20
    with pytest.raises(MusicFileError, match="damaged compressed file"):
        read_musicxml(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])


DAMAGED = {
    "divisions of zero": attributes(divisions=0) + C4,
    "divisions in words": attributes(divisions="many") + C4,
    "no beat in a bar": attributes(meter=(0, 4)) + C4,
    "beats of no length": attributes(meter=(4, 0)) + C4,
    "a meter in words": attributes(meter=("four", 4)) + C4,
    "eight sharps": attributes(fifths=8) + C4,
    "eight flats": attributes(fifths=-8) + C4,
    "a step called H": attributes() + note("H", 4, 2),
    "octave 14": attributes() + note("C", 14, 2),
    "no length": attributes() + note("C", 4, 0),
    "a negative length": attributes() + note("C", 4, -2),
    "a length that is no number": attributes() + note("C", 4, "nan"),
    "a length in words": attributes() + note("C", 4, "long"),
    "duration missing": attributes()
    + "<note><pitch><step>C</step><octave>4</octave></pitch></note>",
    "step missing": attributes()
    + "<note><pitch><octave>4</octave></pitch><duration>2</duration></note>",
    "backup without a length": attributes() + C4 + "<backup/>",
    "backup to before the start": attributes() + C4 + move("backup", 100) + C4,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_inside_a_score_is_refused(name):
    with pytest.raises(MusicFileError, match="^hymn.xml: .*What to do"):
        read_musicxml(score([DAMAGED[name]]).encode(), "hymn.xml")


@pytest.mark.parametrize(
    "parts",
    [[], [[]], [["", ""]], [[attributes() + rest(8)]]],
    ids=["no part", "no measure", "no note", "rests"],
)
def test_a_score_in_which_nothing_sounds_is_refused(parts):
    with pytest.raises(
        NoNotesError, match="^hymn.xml: .*without a single note.*What to do"
    ):
        read_musicxml(score(*parts).encode(), "hymn.xml")


# Transposing instruments, thirds of a beat, and what is absurd


def transposed(chromatic, octaves=None, staff=None, **about):
    change = f"<octave-change>{octaves}</octave-change>" if octaves is not None else ""
    number = f' number="{staff}"' if staff else ""
    steps = f"<diatonic>0</diatonic><chromatic>{chromatic}</chromatic>{change}"
    inside = f"<transpose{number}>{steps}</transpose>"
    return attributes(**about).replace("</attributes>", f"{inside}</attributes>")


@pytest.mark.parametrize(
    "chromatic, octaves, pitch",
    [(-2, None, 58), (3, None, 63), (0, -1, 48), (-2, -1, 46), (0, 1, 72)],
)
def test_transposing_instruments_are_read_as_they_sound(chromatic, octaves, pitch):
    piece, _ = read_musicxml(score([transposed(chromatic, octaves) + C4, C4]).encode())
    assert piece.notes().pitch.tolist() == [pitch, pitch]


def test_a_transposition_may_be_of_one_staff():
    notes = C4.replace("</note>", "<staff>1</staff></note>") + C4.replace(
        "</note>", "<staff>2</staff></note>"
    )
    assert read_musicxml(score([transposed(-12, staff=2) + notes]).encode())[
        0
    ].notes().pitch.tolist() == [60, 48]


@pytest.mark.parametrize(
    "fifths, mode, chromatic, key",
    [
        (2, "major", -2, "C"),
        (0, "major", -2, "Bb"),
        (3, "major", -9, "C"),
        (1, "minor", -2, "Dm"),
        (1, "major", 12, "G"),
        (0, "major", 6, "F#"),
    ],
)
def test_a_key_is_named_as_it_sounds(fifths, mode, chromatic, key):
    assert (
        read_musicxml(
            score([transposed(chromatic, fifths=fifths, mode=mode) + C4]).encode()
        )[1]
        == key
    )


def test_parts_that_count_differently_meet_on_the_beat():
    """Ten sixths of a beat and so on: sums of floats drift, then a chord is no chord."""
    sixths = ["".join(note("C", 4, 1) for _ in range(21)) for _ in range(40)]
    beats = [note("G", 5, 7) for _ in range(40)]
    piece, _ = read_musicxml(
        score(
            [attributes(divisions=6) + sixths[0], *sixths[1:]],
            [attributes(divisions=2) + beats[0], *beats[1:]],
        ).encode()
    )
    low, high = (t.notes for t in piece.tracks)
    assert set(high.onset) <= set(low.onset)
    assert skyline(piece.notes()).pitch.tolist() == [79, *[60] * 20] * 40


def test_text_is_read_like_bytes():
    text = ONE.replace('version="1.0"', 'version="1.0" encoding="ISO-8859-1"').replace(
        "Made by hand", "Füße"
    )
    for data in (text, text.encode("latin-1"), bytearray(text.encode("latin-1"))):
        piece, _ = read_musicxml(data)
        assert (piece.title, len(piece.notes())) == ("Füße", 1)
    for wrong in (None, 5, ["<xml/>"]):
        with pytest.raises(TypeError, match="bytes or text"):
            read_musicxml(wrong)


ABSURD = {
    "an endless alteration": attributes() + note("C", 4, 2, alter="1e999"),
    "an endless number": attributes() + note("C", 4, "9" * 400),
    "a number too long to count": attributes() + note("C", 4, "1e999999999"),
    "a bar of 400 digits": attributes(meter=("9" * 400, 4)) + C4,
    "a meter of sixths": attributes(meter=(4, 6)) + C4,
    "a year of silence": attributes() + move("forward", 3_000_000) + C4,
    "beats that run backwards": attributes(divisions=-2) + C4,
    "out of reach": transposed(0, 9) + C4,
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_scores_are_refused(name):
    with pytest.raises(MusicFileError, match="^hymn.xml: .*What to do"):
        read_musicxml(score([ABSURD[name]]).encode(), "hymn.xml")


def test_a_fraction_that_grows_forever_is_cut_short():
    """Each measure counts in another prime, so that only ever larger denominators would be
    exact.
    """
    measures = [
        attributes(divisions=n) + note("C", 4, n - 1)
        for n in (999983, 999979, 999961, 999959, 999953)
    ]
    piece, _ = read_musicxml(score(measures).encode())
    assert len(piece.notes()) == 5 and piece.notes().end == pytest.approx(5, abs=1e-4)


# Tempo


def read(*parts, names=""):
    """The piece of parts, each a list of measures; `names` is another part list."""
    xml = score(*parts)
    if names:
        xml = re.sub("<part-list>.*</part-list>", f"<part-list>{names}</part-list>", xml)
    return read_musicxml(xml)[0]


def sound(tempo=None, inside=""):
    told = "" if tempo is None else f' tempo="{tempo}"'
    return f"<sound{told}>{inside}</sound>"


def printed(per_minute, unit="quarter", dots=0, more="", after=""):
    """A metronome mark in a direction."""
    value = f"<beat-unit>{unit}</beat-unit>{'<beat-unit-dot/>' * dots}{more}"
    mark = f"<metronome>{value}<per-minute>{per_minute}</per-minute></metronome>"
    return f"<direction><direction-type>{mark}</direction-type>{after}</direction>"


def said(tempo):
    words = "<direction-type><words>Allegro</words></direction-type>"
    return f"<direction>{words}{sound(tempo)}</direction>"


WHOLE = note("C", 4, 8)
TIED = "<beat-unit-tied><beat-unit>eighth</beat-unit></beat-unit-tied>"
CHANGE = "<metronome><beat-unit>quarter</beat-unit><beat-unit>half</beat-unit></metronome>"
OLD_TO_NEW = f"<direction><direction-type>{CHANGE}</direction-type></direction>"
TEMPI = {
    "for playback": (said(63), 63),
    "bare": (sound(63), 63),
    "a fraction": (sound("63.5"), 63.5),
    "printed": (printed(63), 63),
    "half notes": (printed(40, "half"), 80),
    "dotted quarters": (printed(40, dots=1), 60),
    "doubly dotted": (printed(40, dots=2), 70),
    "eighths": (printed(120, "eighth"), 60),
    "thirty-seconds": (printed(800, "32nd"), 100),
    "breves": (printed(10, "breve"), 80),
    "a tied value": (printed(40, more=TIED), 60),
    "about": (printed("c. 63"), 63),
    "circa": (printed("ca 63"), 63),
    "from, to": (printed("60-66"), 63),
    "from, to, with a dash": (printed("60 – 66"), 63),
    "a comma": (printed("63,5"), 63.5),
    "both agree": (printed(63, after=sound(63)), 63),
    "what sounds counts": (printed("60-80", after=sound(63)), 63),
    "one alone, then both": (said(120) + printed(63, after=sound(63)), 63),
    "playback after print": (printed(50) + said(63), 63),
    "in words": (printed("fast"), 100),
    "nothing": (printed(""), 100),
    "zero": (sound(0), 100),
    "below zero": (sound(-63), 100),
    "absurd": (sound(90000), 100),
    "endless": (sound("1e999"), 100),
    "too slow for any file": (sound(2), 100),
    "no number": (sound("nan"), 100),
    "a change of values": (OLD_TO_NEW, 100),
    "an unknown value": (printed(63, "minim"), 63),
}


@pytest.mark.parametrize("name", TEMPI)
def test_a_tempo_is_read_however_it_is_written(name):
    xml, bpm = TEMPI[name]
    assert read([attributes() + xml + WHOLE]).tempo == Tempo.constant(bpm)
    # it holds wherever it stands in the first measure, and in whichever part
    assert read([attributes() + C4 + xml + note("D", 4, 6)], [WHOLE]).tempo.bpm[0] == bpm
    assert read([attributes() + WHOLE], [attributes() + xml + WHOLE]).tempo.bpm[0] == bpm


def test_tempo_changes_stand_where_they_are_written():
    tempo = read(
        [attributes() + sound(60) + WHOLE, C4 + said(120) + note("D", 4, 6)],
        [attributes() + WHOLE, WHOLE, printed(30) + WHOLE + sound(90)],
    ).tempo
    assert tempo.seconds_at([0, 4, 5, 8, 12, 13]) == pytest.approx(
        [0, 4, 5, 6.5, 14.5, 14.5 + 2 / 3]
    )


@pytest.mark.parametrize(
    "offset, beat",
    [("", 1), ("<offset>2</offset>", 1), ('<offset sound="yes">2</offset>', 2)],
)
def test_an_offset_moves_a_tempo_where_it_is_said_to(offset, beat):
    """That of a direction is where it is printed, but for sound="yes"."""
    xml = said(50).replace("<sound", f"{offset}<sound")
    tempo = read([attributes() + sound(100) + C4 + xml + note("D", 4, 6)]).tempo
    assert tempo.beat[:2].tolist() == [0, beat]
    assert tempo.bpm == pytest.approx([100, 50])
    late = sound(50, "<offset>4</offset>")
    assert read([attributes() + sound(100) + late + WHOLE]).tempo.beat[1] == 2


def test_a_tempo_that_comes_late_does_not_hold_before():
    """A ritardando at the end says nothing of the start; a mark after an upbeat does."""
    late = [attributes() + WHOLE, WHOLE, sound(40) + WHOLE]
    assert read(late).tempo.bpm == pytest.approx([100, 40])
    upbeat = [attributes() + C4, sound(40) + WHOLE, WHOLE]
    assert read(upbeat).tempo == Tempo.constant(40)


# Instruments


def instrument(number=0, program=None, channel=None, unpitched=None, name="", kind=""):
    """An instrument of part P0, as the part list tells of it."""
    numbers = {
        "midi-channel": channel,
        "midi-program": program,
        "midi-unpitched": unpitched,
    }
    inside = "".join(f"<{t}>{v}</{t}>" for t, v in numbers.items() if v is not None)
    names = f"<instrument-name>{name}</instrument-name>"
    names += f"<instrument-sound>{kind}</instrument-sound>" if kind else ""
    own = f'<score-instrument id="I{number}">{names}</score-instrument>'
    return own, f'<midi-instrument id="I{number}">{inside}</midi-instrument>'


def part(*instruments, name="Part"):
    both = "".join("".join(kind) for kind in zip(*instruments))
    return f'<score-part id="P0"><part-name>{name}</part-name>{both}</score-part>'


def programs(piece):
    return [(t.program, t.is_drum) for t in piece.tracks]


@pytest.mark.parametrize("program", [1, 2, 57, 128, " 57 ", 0])
def test_a_program_counts_from_one(program):
    piece = read([attributes() + WHOLE], names=part(instrument(program=program)))
    assert programs(piece) == [(max(int(program) - 1, 0), False)]


@pytest.mark.parametrize("wrong", ["", "129", "-1", "trumpet", "9" * 400, "1.5"])
def test_a_program_that_is_none_is_left_to_the_name(wrong):
    piece = read(
        [attributes() + WHOLE], names=part(instrument(program=wrong), name="Oboe 1")
    )
    assert programs(piece) == [(68, False)]


NAMES = {
    "Violin I": 40,
    "Violino II": 40,
    "Viola": 41,
    "Violoncello": 42,
    "Viola da gamba": 42,
    "Contrabass": 43,
    "Harpsichord": 6,
    "Harp": 46,
    "Piano": 0,
    "Flöte": 73,
    "Clarinet in Bb": 71,
    "English horn": 69,
    "Horn in F": 60,
    "Bass trombone": 57,
    "Tenor Sax": 66,
    "Soprano": 52,
    "Kazoo": 0,
    "Melody": 0,
    "": 0,
    "Vocals": 52,
    "A": 52,
    "Sop.": 52,
    "Ten. 2": 52,
    "Bass": 52,
    "T. 2": 52,
    "Bass clarinet": 71,
    "Alto sax": 65,
    "Vln.": 40,
    "Vln. II": 40,
    "Vl.1": 40,
    "Vla.": 41,
    "Vlc": 42,
    "Cb.": 43,
    "Fl. 2": 73,
    "Ob.": 68,
    "CL.": 71,
    "Bsn. 1.": 70,
    "Hn. IV": 60,
    "Tpt.": 56,
    "Tbn. 3": 57,
    "Tba.": 58,
    "Pno.": 0,
    "Gtr": 24,
    "Clown": 0,
    "Obelisk": 0,
    "brass.trumpet": 56,
    "keyboard.piano.grand": 0,
    "strings.violin": 40,
    "strings.cello": 42,
    "strings.contrabass": 43,
    "strings.group": 48,
    "wind.flutes.flute": 73,
    "wind.reed.clarinet.bflat": 71,
    "pluck.guitar.nylon-string": 24,
    "keyboard.organ.pipe": 19,
    "drum.timpani": 47,
    "voice.alto": 52,
}


@pytest.mark.parametrize("name", NAMES)
def test_an_instrument_without_a_program_is_known_by_its_name(name):
    for names in (
        part(name=name),
        part(instrument(name=name)),
        part(instrument(name="Kazoo"), name=name),
        part(instrument(name="Oboe", kind=name) if "." in name else instrument(name=name)),
    ):
        assert programs(read([attributes() + WHOLE], names=names)) == [(NAMES[name], False)]


def played_by(number, xml):
    return xml.replace("</duration>", f'</duration><instrument id="I{number}"/>')


def test_a_part_of_several_instruments_has_a_track_for_each_program():
    names = part(instrument(0, 74), instrument(1, 73), instrument(2, 74))
    music = WHOLE, played_by(1, note("D", 4, 8)), played_by(2, note("E", 4, 8))
    piece = read([attributes() + music[0], *music[1:], played_by("x", WHOLE)], names=names)
    assert programs(piece) == [(73, False), (72, False)]
    assert [t.notes.pitch.tolist() for t in piece.tracks] == [[60, 64, 60], [62]]
    assert {t.name for t in piece.tracks} == {"Part"}


HARPSICHORD = "<instrument-sound>keyboard.harpsichord</instrument-sound>"
HARPSICHORD = f'<instrument-change id="I0">{HARPSICHORD}</instrument-change>'


@pytest.mark.parametrize(
    "change",
    [
        '<midi-instrument id="I0"><midi-program>7</midi-program></midi-instrument>',
        HARPSICHORD,
    ],
)
def test_an_instrument_changes_on_the_way(change):
    """For what sounds from there on, also in voices that are written before it."""
    for xml in (sound(inside=change), f"<direction>{sound(inside=change)}</direction>"):
        first = attributes() + note("C", 4, 4) + note("D", 4, 4) + move("backup", 4)
        piece = read([first + xml, note("E", 4, 8)], names=part(instrument(0, 41)))
        assert programs(piece) == [(40, False), (6, False)]
        assert [t.notes.pitch.tolist() for t in piece.tracks] == [[60], [62, 64]]
    back = sound(inside=change.replace(">7<", ">8<").replace("harpsichord", "celesta"))
    late = attributes() + move("forward", 4) + sound(inside=change) + note("C", 4, 4)
    late += move("backup", 8) + back + note("D", 4, 4)
    piece = read([late], names=part(instrument(0, 41)))
    assert [(t.program, t.notes.pitch.tolist()) for t in piece.tracks] in (
        [(6, [60]), (7, [62])],
        [(6, [60]), (8, [62])],
    )
    other = sound(inside=change.replace("I0", "I7"))
    assert programs(read([other + WHOLE], names=part(instrument(0, 41)))) == [(40, False)]


def hit(duration, number=0):
    where = "<display-step>E</display-step><display-octave>4</display-octave>"
    return played_by(
        number,
        f"<note><unpitched>{where}</unpitched><duration>{duration}</duration></note>",
    )


def test_drums_have_the_keys_that_the_part_list_gives_them():
    kit = part(instrument(0, 1, 10, 37), instrument(1, 1, 10, 39), instrument(2, 1, 10))
    piece = read([attributes() + hit(2) + hit(2, 1) + hit(2, 2) + hit(2)], names=kit)
    assert programs(piece) == [(0, True)] and not len(piece.notes())
    assert piece.notes(drums=True).pitch.tolist() == [36, 38, 38, 36]


def test_what_has_no_pitch_is_drums_and_so_is_channel_10():
    assert read([attributes() + hit(8) + WHOLE]).tracks[0].is_drum
    for names in (part(name="Woodblock"), part(instrument(0, 1, 2))):
        assert programs(read([attributes() + hit(8) + WHOLE], names=names))[0] == (0, True)
    assert programs(read([attributes() + WHOLE], names=part(instrument(0, 1, 10)))) == [
        (0, True)
    ]


# Bar lines


def bars(piece):
    return [round(beat, 6) for beat in piece.bars]


def quarters(count, step="C"):
    return note(step, 4, 2 * count)


THREE = attributes(meter=(3, 4))
FREE = "<attributes><time><senza-misura/></time></attributes>"
MEASURES = {
    "as the meter says": ([quarters(4)] * 3, [0, 4, 8]),
    "an upbeat": ([quarters(1), quarters(4), quarters(3)], [-3, 1, 5]),
    "split by a repeat": (
        [quarters(4), quarters(3), quarters(1), quarters(4)],
        [0, 4, 7, 8],
    ),
    "longer than it says": ([quarters(4), quarters(6), quarters(4)], [0, 4, 10]),
    "another meter": ([quarters(4), THREE + quarters(3), quarters(3)], [0, 4, 7]),
    "nothing in it": ([quarters(4), "", quarters(4)], [0, 4, 8]),
    "nothing in it in 3/4": ([THREE + quarters(3), "", quarters(3)], [0, 3, 6]),
    "no meter": ([FREE + quarters(11), quarters(5), quarters(1)], [0, 11, 16]),
    "no meter, a rest last": ([FREE + quarters(5) + rest(4), quarters(1)], [0, 7]),
    "the last is long": ([quarters(4), quarters(9)], [0, 4, 13]),
}


@pytest.mark.parametrize("name", MEASURES)
def test_bar_lines_stand_where_the_file_has_them(name):
    measures, expected = MEASURES[name]
    measures = [attributes() + measures[0], *measures[1:]]
    assert bars(read(measures)) == expected
    # whatever else plays along, and however short it is
    assert bars(read([attributes(meter=None)] * len(measures), measures)) == expected
    assert bars(read(measures, [attributes() + quarters(1)])) == expected
    ending = max(t.notes.end for t in read(measures).tracks)
    lines = bar_lines(read(measures)).tolist()
    assert lines == [b for b in expected if 0 <= b < ending]


@pytest.mark.parametrize(
    "other, expected",
    [
        ([quarters(4)], [0, 4, 7]),
        ([quarters(1), quarters(4)], [0, 3, 7]),
        ([rest(8)], [0, 3, 6]),  # a measure's rest may be of any length
        ([move("forward", 12)], [0, 3, 6]),
        ([rest(12) + rest(12)], [0, 3, 6]),
        ([quarters(1) + rest(8)], [0, 3, 6]),
        ([quarters(1), quarters(2)], [0, 3, 6]),
    ],
)
def test_parts_meet_on_each_bar_line(other, expected):
    """Sound makes a measure longer, silence does not."""
    first = [THREE + quarters(3), quarters(3, "D"), quarters(3, "E")]
    other = [attributes(meter=None) + other[0], *other[1:]]
    for parts in ([other, first], [first, other]):
        piece = read(*parts)
        found = next(t.notes for t in piece.tracks if len(set(t.notes.pitch)) == 3)
        assert bars(piece) == expected
        assert found.onset.tolist() == expected and found.pitch.tolist() == [60, 62, 64]


def test_a_rest_of_a_whole_measure_makes_an_upbeat_no_full_bar():
    piece = read([attributes() + quarters(2), quarters(4)], [attributes() + rest(8), WHOLE])
    assert bars(piece) == [-2, 2] and piece.meters[0].beat == -2
    assert piece.tracks[1].notes.onset.tolist() == [2]


@pytest.mark.parametrize(
    "time, meter",
    [
        ("<beats>3+2</beats><beat-type>8</beat-type>", (5, 8)),
        (
            "<beats>3</beats><beat-type>4</beat-type><beats>2</beats><beat-type>8</beat-type>",
            (8, 8),
        ),
    ],
)
def test_meters_that_are_sums(time, meter):
    xml = re.sub("<time>.*</time>", f"<time>{time}</time>", attributes())
    assert read([xml + C4, WHOLE]).meters[0] == Meter(1 - 4 * meter[0] / meter[1], *meter)


def test_a_backup_that_is_rounded_may_pass_the_bar_line_by_a_hair():
    lines = note("C", 4, 8) + move("backup", "8.1") + note("E", 4, 8)
    assert read([attributes() + lines]).notes().onset.tolist() == [0, 0]


@pytest.mark.parametrize(
    "measures, expected",
    [
        ([note("C", 4, 8, "start"), note("C", 4, 8)], [(0, 8, 60)]),
        (
            [note("C", 4, 8, "start"), note("D", 4, 8), WHOLE],
            [(0, 4, 60), (4, 4, 62), (8, 4, 60)],
        ),
        ([note("C", 4, 4, "start") + rest(4), WHOLE], [(0, 2, 60), (4, 4, 60)]),
        ([note("C", 4, 8, "start"), note("C", 4, 2), WHOLE], [(0, 5, 60), (5, 4, 60)]),
    ],
    ids=["the next", "another first", "a rest between", "only one"],
)
def test_a_tie_that_only_starts_goes_to_the_next_note(measures, expected):
    """Of its pitch and voice, if that follows at once."""
    assert rows(*measures) == expected


# Scores by measure, letters, and containers


def timewise(*parts):
    """The same score with its parts inside of its measures."""
    xml = score(*parts)
    head, tail = re.split("<part id=.*</part>", xml)
    count = max(map(len, parts))
    inside = "".join(
        "<measure>"
        + "".join(
            f'<part id="P{i}">{p[k]}</part>' for i, p in enumerate(parts) if k < len(p)
        )
        + "</measure>"
        for k in range(count)
    )
    return (head + inside + tail).replace("score-partwise", "score-timewise")


@pytest.mark.parametrize(
    "parts",
    [
        [[attributes() + C4, WHOLE]],
        [[attributes() + C4, WHOLE], [attributes() + rest(2), note("E", 4, 8)]],
        [[attributes() + WHOLE, WHOLE, WHOLE], [attributes() + note("E", 4, 8)]],
    ],
)
def test_a_score_by_measures_is_the_same_score(parts):
    assert read_musicxml(timewise(*parts)) == read_musicxml(score(*parts))


TITLE = "Für Élise"
XML = score([attributes() + C4]).replace("Made by hand", TITLE)


def declared(encoding):
    return XML.replace('version="1.0"', f'version="1.0" encoding="{encoding}"')


LETTERS = {
    "utf-8": declared("UTF-8").encode(),
    "utf-8, marked": declared("UTF-8").encode("utf-8-sig"),
    "utf-16": declared("UTF-16").encode("utf-16"),
    "utf-16, big end first": b"\xfe\xff" + declared("UTF-16").encode("utf-16-be"),
    "utf-16 without a mark": declared("UTF-16").encode("utf-16-le"),
    "utf-16, big end first, without": declared("UTF-16").encode("utf-16-be"),
    "latin-1": declared("ISO-8859-1").encode("latin-1"),
    "windows": declared("windows-1252").encode("cp1252"),
    "old Mac": declared("macintosh").encode("mac-roman"),
    "says nothing, latin-1": XML.encode("latin-1"),
    "says utf-8, and is latin-1": declared("UTF-8").encode("latin-1"),
    "says utf-16, and is utf-8": declared("UTF-16").encode(),
    "says what nobody knows": declared("x-user-defined").encode(),
    "says what is no alphabet": declared("zlib").encode(),
}


@pytest.mark.parametrize("name", LETTERS)
def test_letters_are_read_however_they_are_spelled(name):
    assert read_musicxml(LETTERS[name])[0].title == TITLE
    assert read_musicxml(mxl({"a.xml": LETTERS[name]}))[0].title == TITLE


@pytest.mark.parametrize("encoding", ["cp500", "utf-7", "utf-16-le", "cp037"])
def test_no_alphabet_hides_what_is_refused(encoding):
    xml = score([attributes() + C4], head=ENTITY).replace("Voice 0", "&b;")
    start, rest_of_it = f'<?xml version="1.0" encoding="{encoding}"?>', xml[21:]
    with pytest.raises(MusicFileError):
        read_musicxml(start.encode() + rest_of_it.encode(encoding))


def test_a_title_may_be_that_of_the_movement():
    moved = ONE.replace("work>", "movement>").replace("work-title", "movement-title")
    moved = moved.replace("<movement>", "").replace("</movement>", "")
    assert read_musicxml(moved)[0].title == "Made by hand"


def container(*names):
    files = "".join(f'<rootfile full-path="{name}"/>' for name in names)
    return f'<?xml version="1.0"?><container><rootfiles>{files}</rootfiles></container>'


BASS = score([attributes() + note("C", 3, 8)], head=f"<!-- {'longer' * 99} -->")
SAYS = "META-INF/container.xml"
PACKED = {
    "last": {"score.xml": ONE, SAYS: container("score.xml")},
    "a part first": {"bass.xml": BASS, SAYS: container("score.xml"), "score.xml": ONE},
    "two are named": {"b.xml": BASS, SAYS: container("s.xml", "b.xml"), "s.xml": ONE},
    "a PDF is named first": {
        SAYS: container("s.pdf", "s.xml"),
        "s.pdf": "%PDF",
        "s.xml": ONE,
    },
    "odd ending": {SAYS: container("score.bin"), "b.xml": BASS, "score.bin": ONE},
    "a folder": {SAYS: container("a/s.xml"), "a/s.xml": ONE, "b.xml": BASS},
    "backslashes": {SAYS: container(r"a\s.xml"), "a/s.xml": ONE, "b.xml": BASS},
    "a leading slash": {SAYS: container("/s.xml"), "s.xml": ONE, "b.xml": BASS},
    "spaces": {SAYS: container("my%20s.xml"), "my s.xml": ONE, "b.xml": BASS},
    "capital letters": {SAYS: container("S.XML"), "S.XML": ONE},
    "letters that differ": {
        SAYS.lower(): container("Score.XML"),
        "score.xml": ONE,
        "b.xml": BASS,
    },
    "named and not there": {SAYS: container("gone.xml"), "s.musicxml": ONE},
    "says nothing": {SAYS: "<container/>", "s.xml": ONE},
    "damaged": {SAYS: "<container><rootfi", "s.xml": ONE},
    "hostile": {SAYS: ENTITY + "<container/>", "s.xml": ONE},
    "a Mac was here": {"__MACOSX/._s.xml": "\0\5\26Mac", "._s.xml": "Mac", "s.xml": ONE},
    "settings first": {"style.xml": "<style/>", "s.xml": ONE},
    "parts in a folder": {"parts/b.xml": BASS, "score.xml": ONE},
    "no container": {"s.musicxml": ONE},
}


@pytest.mark.parametrize("name", PACKED)
def test_the_container_says_which_file_is_the_score(name):
    assert read_musicxml(mxl(PACKED[name]))[0].notes().pitch.tolist() == [60]


def test_a_container_with_a_namespace():
    named = container("s.xml").replace("<container>", '<container xmlns="urn:x:container">')
    piece, _ = read_musicxml(mxl({"b.xml": BASS, SAYS: named, "s.xml": ONE}))
    assert piece.notes().pitch.tolist() == [60]


def test_a_score_that_is_too_large_is_refused_before_it_is_unpacked(monkeypatch):
    monkeypatch.setattr(musicxml_file, "LARGEST", 2 * len(ONE))
    large = ONE + " " * len(ONE) * 2
    read_musicxml(mxl({"s.xml": ONE}))
    for data in (mxl({"s.xml": large}), large, large.encode()):
        with pytest.raises(
            MusicFileError, match=f"hymn.mxl: a score of {len(large):,} bytes"
        ):
            read_musicxml(data, "hymn.mxl")


@pytest.mark.parametrize("more", ["<a/>", "<a>", "</a>", '<a b="" c="" d=""/>'])
def test_more_tags_than_memory_holds_are_refused(more, monkeypatch):
    monkeypatch.setattr(musicxml_file, "MOST", 100)
    for data in (ONE + 100 * more, mxl({"s.xml": ONE + 100 * more})):
        with pytest.raises(MusicFileError, match="more than 100 tags or attributes"):
            read_musicxml(data)
    read_musicxml(ONE.replace("<work>", 10 * "<a></a>" + "<work>"))


def test_a_tag_of_megabytes_is_refused():
    with pytest.raises(MusicFileError, match="tags or attributes"):
        read_musicxml(ONE.replace("<work>", f"<work {' ' * 10**6}>"))


def test_of_a_packed_score_the_bytes_count(monkeypatch):
    """They are known before it is unpacked, and letters only after."""
    long = ONE.replace("Made by hand", "ü" * 1000)
    monkeypatch.setattr(musicxml_file, "LARGEST", len(long) + 500)
    assert read_musicxml(long)[0].title == "ü" * 1000
    with pytest.raises(MusicFileError, match=f"a score of {len(long) + 1000:,} bytes"):
        read_musicxml(mxl({"s.xml": long}))


def test_an_mxl_that_grows_absurd_is_refused():
    bomb = mxl({"s.xml": ONE, **{f"{k}.png": bytes(30_000_000) for k in range(7)}})
    with pytest.raises(MusicFileError, match="it would unpack to more"):
        read_musicxml(bomb)
    many = mxl({"s.xml": ONE, **{f"{k}.png": b"" for k in range(10_000)}})
    with pytest.raises(MusicFileError, match="more than 10,000 files"):
        read_musicxml(many)


# Whatever is damaged

DENSE = score(
    [
        transposed(-2) + sound(90) + printed("c. 60", dots=1) + note("C", 4, 4, "start"),
        note("C", 4, 2, "stop") + move("backup", 2) + note("E", 4, 2, "chord", voice=2),
    ],
    [attributes(meter=(3, 4)) + hit(2) + rest(4), FREE + WHOLE],
    head=DOCTYPE,
)
# tags, and what stands between them
WORDS = re.findall(r"<[^>]+>|[^<]+", DENSE)
TEXTS = [k for k, word in enumerate(WORDS) if word[0] != "<"]
WRONG = ["", "-7", "1e9", "nan", "999999999999", "&lt;", "\x7f", "0", "3", "Z"]


def broken(seed):
    """A score with its words mixed up, the same in a zip, and a zip that is damaged."""
    rng = np.random.default_rng(seed)
    words = list(WORDS)
    for _ in range(rng.integers(1, 4)):
        at = rng.choice(TEXTS) if seed % 4 else rng.integers(0, len(words))
        words[at] = rng.choice([*WRONG, words[rng.choice(TEXTS)]])
    data = "".join(words).encode()
    packed = bytearray(mxl({SAYS: container("s.xml"), "s.xml": DENSE}))
    for at in rng.integers(0, len(packed), 1 + seed % 4):
        packed[at] = rng.integers(0, 256)
    cut = rng.integers(0, len(packed)) if seed % 3 == 0 else len(packed)
    yield data
    yield mxl({"s.xml": data})
    yield bytes(packed[:cut])


def test_300_damaged_scores_are_read_or_refused():
    read = 0
    for data in itertools.chain.from_iterable(map(broken, range(100))):
        try:
            piece, key = read_musicxml(data, "hymn")
        except FusionError as error:
            assert str(error).startswith("hymn: ") and "What to do" in str(error)
            continue
        read += 1
        assert len(piece.notes(drums=True)) and isinstance(key, str)
        assert (
            list(piece.bars) == sorted(piece.bars) and np.isfinite(piece.tempo.second).all()
        )
    assert 30 < read < 280


# Against music21, on small scores that come with it

SAMPLE = (
    "bach/bwv66.6.mxl",
    "bach/bwv171.6.mxl",  # its parts differ in the length of one measure
    "bach/bwv165.6.mxl",
    "mozart/k155/movement2.mxl",
    "monteverdi/madrigal.3.14.mxl",
    "ciconia/quod_jactatur.xml",
    "corelli/opus3no1/1grave.xml",
    "demos/drum_sample.xml",
    "demos/two-parts.xml",
    "demos/layoutTest.xml",
    "trecento/PMFC_06-Jacopo-03a-Di_Novo.xml",  # ties that only start
    "verdi/laDonnaEMobile.mxl",
)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_score_is_what_music21_reads(name):
    """Tempo, instruments, bar lines, notes: benchmarks/scores.py does it for hundreds."""
    pytest.importorskip("music21")
    from benchmarks.scores import differences
    from fusiontools.corpora.music21_corpus import corpus_path

    assert differences(corpus_path() / name) == {}


REPEATED = {
    "a repeat": '<barline><repeat direction="backward"/></barline>',
    "a repeat that begins": '<barline><repeat direction="forward"/></barline>',
    "an ending": '<barline><ending number="1" type="start"/></barline>',
    "a da capo": '<direction><sound dacapo="yes"/></direction>',
    "a dal segno": '<sound dalsegno="segno"/>',
    "words": "<direction><direction-type><words>D.C. al Fine</words></direction-type>"
    "</direction>",
    "Italian": "<direction><direction-type><words>Dal Segno</words></direction-type>"
    "</direction>",
}
ONCE = ("", '<sound dacapo="no"/>', "<barline><bar-style>light-heavy</bar-style></barline>")


@pytest.mark.parametrize("sign", [*REPEATED.values(), *ONCE])
def test_repeats_are_not_played_and_that_is_said(sign):
    piece = read([attributes() + WHOLE, WHOLE + sign])
    assert len(piece.notes()) == 2 and piece.said == (
        *(
            ["Its repeats are not played: bars count as they are written."]
            * (sign not in ONCE)
        ),
        "It names no tempo: 100 is taken.",
    )


@pytest.mark.parametrize("marks", ['<sound tempo="90"/>', '<sound tempo="lively"/>'])
def test_a_score_that_names_no_tempo_says_which_is_taken(marks):
    said = read([attributes() + WHOLE, marks + WHOLE]).said
    assert said == (("It names no tempo: 100 is taken.",) if "lively" in marks else ())
