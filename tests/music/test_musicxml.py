"""What is true of MusicXML scores: small ones, made here, measure by measure."""

import io
import zipfile

import pytest

from fusiontools.errors import MusicFileError, NoNotesError
from fusiontools.music.extract import skyline
from fusiontools.music.midi import Meter, bar_lines
from fusiontools.music.musicxml import read_musicxml

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
    assert piece.title == "Made by hand" and piece.tempo.bpm.tolist() == [100.0]


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
    "time-wise": (b"<score-timewise/>", "its root is <score-timewise>"),
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
