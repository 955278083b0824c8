"""Music of one's own: whatever is brought becomes four bars and says how, or is refused and
says why; nothing changes in silence.
"""

import io
import re
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music import scores
from fusiontools.music.bar_notes import grid_offset, notes_from
from fusiontools.music.excerpts import Excerpt, read_excerpt, write_grid
from fusiontools.music.grid import HIGH, LOW, is_legal_grid
from fusiontools.music.midi import Meter, Piece, Track, bar_lines, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo, is_melody, quantize, shift, transpose
from fusiontools.music.scores import read_score

C, D, E, F, G = 72, 74, 76, 77, 79


def tune(bars=4, start=0.0, pitches=(C, D, E, F, G, E, D, C), step=0.5):
    """Eighths, bar after bar."""
    many = int(bars * 4 / step)
    return Notes.of(
        [(start + step * k, step, pitches[k % len(pitches)]) for k in range(many)]
    )


def piece(notes, *meters, **more):
    return Piece((Track(notes, **more),), meters=tuple(meters) or (Meter(0.0),))


def said(excerpt):
    return " ".join(excerpt.said)


# What fits is left alone


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 8), st.integers(LOW, HIGH), st.booleans()),
        min_size=40,
        max_size=60,
    )
)
def test_four_bars_that_fit_come_back_as_they_are(rows):
    onset, notes = 0, []
    for length, pitch, rests in rows:
        length = min(length, 63 - onset)
        if length > 0 and not (rests and onset):
            notes.append((onset / 4, length / 4, pitch))
        onset += max(length, 0)
    notes.append((onset / 4, 16 - onset / 4, 60))
    excerpt = read_excerpt(Notes.of(notes), bar=1)
    assert (
        excerpt.notes == Notes.of(notes)
        and excerpt.bars == (1, 4)
        and excerpt.tokens.shape == (64,)
    )


def test_nothing_is_said_of_what_fits():
    excerpt = read_excerpt(piece(tune(6), program=40, name="Fiddle"), where="mine.mid")
    assert (
        excerpt.said == ()
        and str(excerpt) == 'mine.mid, bars 1 to 4, its only track "Fiddle"'
    )
    assert excerpt.notes == tune(4) and (excerpt.bpm, excerpt.program) == (
        pytest.approx(120),
        40,
    )
    assert excerpt.tokens.dtype == np.uint8


# Which four bars


def test_it_begins_where_the_melody_begins():
    excerpt = read_excerpt(piece(tune(6, start=8.0)))
    assert excerpt.bars == (3, 6) and excerpt.notes == tune(4) and not excerpt.said


def test_a_long_rest_is_passed_over_and_said():
    notes = Notes.of([*tune(1), *tune(6, start=12)])
    excerpt = read_excerpt(piece(notes))
    assert (
        excerpt.bars == (4, 7)
        and "begins in bar 1" in said(excerpt)
        and excerpt.notes == tune(4)
    )


def test_where_every_place_rests_long_the_shortest_rest_is_taken_and_said():
    notes = Notes.of([*tune(1), *tune(1, start=16), *tune(1, start=28)])
    excerpt = read_excerpt(piece(notes))
    assert excerpt.bars[0] in (4, 5) and "rests for 2 bars" in said(excerpt)
    assert "these are the four bars with the shortest rest" in said(excerpt)


@pytest.mark.parametrize("meters", [(Meter(-3.0),), (Meter(0.0, 1, 4), Meter(1.0))])
def test_an_upbeat_is_left_out_and_said_and_can_be_had(meters):
    notes = Notes.of([(0, 1, G), *tune(5, start=1.0)])
    excerpt = read_excerpt(piece(notes, *meters))
    assert (
        excerpt.bars == (1, 4)
        and excerpt.notes == tune(4)
        and "upbeat before them is left out" in said(excerpt)
    )
    with_it = read_excerpt(piece(notes, *meters), bar=0)
    assert with_it.bars == (0, 3) and with_it.notes[0] == (3.0, 1.0, G, 80)


def test_an_upbeat_is_no_upbeat_where_too_little_would_follow():
    notes = Notes.of([(3, 1, G), *tune(3, start=4)])
    assert read_excerpt(piece(notes)).bars == (1, 4) and not read_excerpt(piece(notes)).said


def test_a_chosen_bar_is_taken():
    notes = Notes.of([*tune(4), *transpose(tune(4, start=16), 2)])
    excerpt = read_excerpt(piece(notes), bar=5)
    assert excerpt.bars == (5, 8) and excerpt.notes == transpose(tune(4), 2)


@pytest.mark.parametrize(
    ("bar", "says"), [(9, "no bar 9.*from 1 to 8"), (0, "no bar 0"), (-3, "no bar -3")]
)
def test_a_bar_that_is_not_there_is_refused(bar, says):
    with pytest.raises(MusicFileError, match=says):
        read_excerpt(piece(tune(8)), bar=bar)


def test_a_chosen_silence_is_refused():
    notes = Notes.of([*tune(2), *tune(2, start=40)])
    with pytest.raises(NoNotesError, match="rests in the four bars from bar 4 on"):
        read_excerpt(piece(notes), bar=4)


# Too short


@pytest.mark.parametrize(
    ("bars", "order", "says"),
    [
        (1, "0000", "played four times"),
        (2, "0101", "played twice"),
        (3, "0122", "last of them is played twice"),
    ],
)
def test_fewer_than_four_bars_are_repeated_and_said(bars, order, says):
    notes = Notes.of(
        [(4 * bar + k, 1, 60 + 5 * bar + k) for bar in range(bars) for k in range(4)]
    )
    excerpt = read_excerpt(piece(notes))
    assert says in said(excerpt) and excerpt.bars == (1, bars)
    assert excerpt.notes.pitch.reshape(4, 4)[:, 0].tolist() == [
        60 + 5 * int(i) for i in order
    ]


def test_a_note_over_the_bar_line_goes_on_and_is_struck_where_the_bar_comes_again():
    # three bars, no note of the third starts on it
    excerpt = read_excerpt(Notes.of([(0, 3, 60), (3, 3, 62), (6, 3, 64), (9, 3, 65)]))
    assert excerpt.notes.onset.tolist() == [
        0,
        3,
        6,
        9,
        12,
        13,
    ] and excerpt.notes.pitch.tolist() == [60, 62, 64, 65, 64, 65]


def test_an_end_that_is_a_little_late_makes_no_new_bar():
    excerpt = read_excerpt(Notes.of([(k, 1.0, 60 + k) for k in range(7)] + [(7, 1.1, 67)]))
    assert excerpt.bars == (1, 2) and "two bars" in said(excerpt)


# Meter


def test_bars_of_the_same_beats_are_joined_and_said():
    for meter, words, bars in (
        (Meter(0.0, 2, 4), "2/4 are joined by twos", (1, 8)),
        (Meter(0.0, 2, 2), "2/2, which is read as 4/4", (1, 4)),
        (Meter(0.0, 4, 2), "4/2 counts as two", (1, 2)),
    ):
        excerpt = read_excerpt(piece(tune(8), meter))
        assert words in said(excerpt) and excerpt.bars == bars and excerpt.notes == tune(4)


def test_pairs_of_short_bars_are_counted_from_where_the_melody_begins():
    excerpt = read_excerpt(piece(tune(5, start=6.0), Meter(0.0, 2, 4)))
    assert excerpt.bars == (4, 11) and excerpt.notes == tune(4)


def test_bars_of_one_beat_have_no_upbeat():
    excerpt = read_excerpt(piece(tune(5, start=6.5), Meter(0.0, 1, 4)))
    assert (
        excerpt.bars == (7, 22)
        and excerpt.notes[0] == (0.5, 0.5, C, 80)
        and "1/4 are joined by fours" in said(excerpt)
    )


@pytest.mark.parametrize(
    ("meter", "fourth"), [((3, 4), "a fourth beat"), ((6, 8), "a fourth quarter")]
)
def test_bars_of_three_beats_are_given_a_fourth_and_it_is_said(meter, fourth):
    # bar 3 begins with D's second half, bar 4 ends in a rest
    rests = Notes.of([*tune(1.5), (6, 0.5, E), (7, 1, D), (8.5, 0.5, C), (9, 2, G)])
    excerpt = read_excerpt(piece(rests, Meter(0.0, *meter)), where="waltz.mid")
    given = f"It is in {meter[0]}/{meter[1]}: each bar is given {fourth}"
    assert excerpt.said == (f"{given}, and what sounds at its end is held.",)
    assert excerpt.bars == (1, 4)
    assert excerpt.notes == Notes.of(
        [(0, 0.5, C), (0.5, 0.5, D), (1, 0.5, E), (1.5, 0.5, F), (2, 0.5, G), (2.5, 1.5, E)]
        + [
            (4, 0.5, D),
            (4.5, 0.5, C),
            (5, 0.5, C),
            (5.5, 0.5, D),
            (6, 0.5, E),
            (6.5, 1.5, F),
        ]
        + [(8, 0.5, E), (9, 1, D), (10.5, 1.5, C), (12, 2, G)]
    )


def test_music_in_four_beats_is_never_widened():
    music = piece(tune(12), Meter(0.0, 3, 4), Meter(24.0))
    excerpt = read_excerpt(music)
    assert (
        excerpt.bars == (9, 12)
        and excerpt.notes == tune(4)
        and not any("held" in s for s in excerpt.said)
    )
    chosen = read_excerpt(music, bar=1)  # unless somebody asks for it
    assert chosen.bars == (1, 4) and "each bar is given a fourth beat" in said(chosen)
    over = read_excerpt(music, bar=7)
    assert (
        over.bars == (7, 10)
        and "In 3/4: each bar is given a fourth beat" in said(over)
        and len(over.notes) == 28
    )


def test_a_waltz_keeps_its_upbeat_its_tempo_and_its_tracks():
    chords = Notes.of(
        [
            (1 + 3 * bar + beat, 1, p)
            for bar in range(12)
            for beat in (1, 2)
            for p in (48, 52)
        ]
    )
    waltz = Notes.of(
        [
            (0, 1, G),
            *((1 + 3 * bar + at, 1.5, C + bar) for bar in range(12) for at in (0, 1.5)),
        ]
    )
    tempo = Tempo([0, 13, 37], [0, 13, 25])  # 60, then 120 beats a minute from bar 5 on
    music = Piece((Track(waltz, 40), Track(chords, 0)), tempo, (Meter(-2.0, 3, 4),))
    first, later, upbeat = (read_excerpt(music, bar) for bar in (None, 5, 0))
    assert (
        first.bars == (1, 4)
        and "upbeat before them is left out" in said(first)
        and first.notes[0] == (0, 1.5, C, 80)
    )
    assert (round(first.bpm), round(later.bpm), first.track) == (60, 120, "track 1 of 2")
    assert (
        upbeat.bars == (0, 3)
        and upbeat.notes[:2].onset.tolist() == [2, 4]
        and upbeat.notes[0].duration == 2
    )
    assert all("The melody is" not in s for s in first.said)


@pytest.mark.parametrize("meter", ["5/4", "7/8", "15/8", "11/16", "3/32", "12/1", "24/8"])
def test_what_has_neither_four_beats_nor_three_is_refused(meter):
    music = piece(tune(24), Meter(0.0, *map(int, meter.split("/"))))
    for bar in (None, 2):
        with pytest.raises(MusicFileError, match=f"it is in {meter} from bar") as error:
            read_excerpt(music, bar, where="waltz.mid")
        assert "waltz.mid" in str(error.value) and "What to do" in str(error.value)


THREES = {
    # a meter: quarters that a bar becomes, scale of its beats, what is said
    "3/4": (4, 1, "each bar is given a fourth beat, and what sounds at its end is held."),
    "3/8": (
        2,
        1,
        "each bar is given a fourth beat, and .* Bars of 3/8 are joined by twos.",
    ),
    "3/16": (1, 1, "each bar is given a fourth beat, and .* Bars of 3/16 .* by fours."),
    "3/2": (8, 1, "each bar is given a fourth beat, and .* Each bar of 3/2 counts as two."),
    "6/8": (
        4,
        1,
        "each bar is given a fourth quarter, and what sounds at its end is held.",
    ),
    "6/16": (2, 1, "each bar is given a fourth eighth, and .* Bars of 6/16 .* by twos."),
    "6/4": (8, 1, "each bar is read as two of 3/4, each of them is given a fourth beat"),
    "9/8": (4, 2 / 3, "three eighths becomes a quarter, each bar is given a fourth beat"),
    "9/16": (4, 4 / 3, "three sixteenths becomes a quarter, each bar is given a fourth"),
    "9/4": (8, 2 / 3, "three quarters becomes two quarters, each bar is given a fourth"),
    "12/8": (4, 2 / 3, "each beat of three eighths becomes a quarter.$"),
    "12/16": (4, 4 / 3, "each beat of three sixteenths becomes a quarter.$"),
    "12/4": (8, 2 / 3, "becomes two quarters. Each bar of 12/4 counts as two.$"),
}


@pytest.mark.parametrize("upbeat", [False, True])
@pytest.mark.parametrize("name", THREES)
def test_meters_of_three_six_nine_and_twelve_are_understood(name, upbeat):
    quarters, scale, words = THREES[name]
    meter = Meter(0.0, *map(int, name.split("/")))
    upbeat = upbeat and name != "3/16"  # a bar of one beat has none
    first = meter.bar / 3 if upbeat else 0.0
    bars = [first + meter.bar * k for k in range(24)]
    half = meter.bar / (3 if meter.numerator != 12 else 2)  # a place inside a bar
    notes = [(0.0, first, G)] * upbeat
    notes += [(b, half, C) for b in bars] + [(b + half, meter.bar - half, E) for b in bars]
    music = piece(Notes.of(notes), replace(meter, beat=first - meter.bar * upbeat))
    excerpt = read_excerpt(music)
    many = 16 // quarters
    assert excerpt.bars == (1, many)
    low = excerpt.notes[excerpt.notes.pitch == C]
    assert low.onset.tolist() == [quarters * k for k in range(many)]
    inside = half * scale
    assert np.allclose(low.duration, inside)
    high = excerpt.notes[excerpt.notes.pitch == E]
    assert np.allclose(high.onset, low.onset + inside)
    # a beat keeps its time
    assert excerpt.bpm == pytest.approx(120 * scale, abs=1e-3)
    sentence = " ".join(s for s in excerpt.said if "upbeat" not in s)
    assert re.search(f"It is in {name}: .*{words}", sentence)
    assert excerpt.notes.end == 16 and is_legal_grid(excerpt.tokens)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(60, 80)), min_size=50, max_size=80),
    st.booleans(),
)
def test_twelve_eighths_are_what_the_same_music_is_in_triplets(rows, sixteenths):
    ends = np.cumsum([length for length, _ in rows])
    notes = [(e - length, length, pitch) for e, (length, pitch) in zip(ends, rows)]
    unit = 4 if sixteenths else 2  # to the quarter
    dotted = piece(
        Notes.of([(a / unit, b / unit, p) for a, b, p in notes]),
        Meter(0.0, 12, 16 if sixteenths else 8),
    )
    plain = piece(Notes.of([(a / 3, b / 3, p) for a, b, p in notes]))
    one, other = read_excerpt(dotted, 1), read_excerpt(plain, 1)
    assert np.array_equal(one.tokens, other.tokens)
    assert one.bars == other.bars == (1, 4) and "12/" in one.said[0]
    assert one.said[1:] == other.said


# What fits the whole piece wins


def changing(*runs):
    """A tune of eighths, another pitch for each bar, in runs of (meter, bars)."""
    beat, meters, notes, number = 0.0, [], [], 0
    for name, many in runs:
        meter = Meter(beat, *map(int, name.split("/")))
        meters.append(meter)
        for _ in range(many):
            pitch = 60 + number % 12
            notes += [(beat + k / 2, 0.5, pitch) for k in range(int(2 * meter.bar))]
            beat, number = beat + meter.bar, number + 1
    return Piece((Track(Notes.of(notes)),), meters=tuple(meters))


@pytest.mark.parametrize("three", ["3/4", "6/8"])
@pytest.mark.parametrize(
    "runs",
    [
        [("3", 12), ("4/4", 1)],
        [("3", 12), ("4/4", 4)],
        [("3", 6), ("4/4", 1), ("3", 6)],
        [("3", 6), ("4/4", 4), ("3", 6)],
        [("3", 12), ("2/4", 1)],
        [("3", 12), ("4/4", 1), ("3", 1)],
    ],
)
def test_a_few_bars_of_four_beats_do_not_beat_a_waltz(runs, three):
    excerpt = read_excerpt(changing(*((three if m == "3" else m, n) for m, n in runs)))
    assert excerpt.bars == (1, 4) and f"It is in {three}: each bar is given" in said(
        excerpt
    )
    assert len(excerpt.notes) == 24


@pytest.mark.parametrize("three", ["3/4", "6/8", "3/8"])
@pytest.mark.parametrize(
    ("runs", "bars"),
    [
        ([("4/4", 12), ("3", 1)], (1, 4)),
        ([("4/4", 2), ("3", 1), ("4/4", 9)], (4, 7)),
        ([("4/4", 5), ("3", 1), ("4/4", 6)], (1, 4)),
        ([("3", 2), ("4/4", 9)], (3, 6)),
        ([("5/4", 1), ("3", 2), ("4/4", 9)], (4, 7)),
        ([("3", 4), ("4/4", 4), ("3", 1), ("4/4", 4)], (5, 8)),
    ],
)
def test_a_few_bars_of_three_do_not_beat_music_in_four(runs, bars, three):
    excerpt = read_excerpt(changing(*((three if m == "3" else m, n) for m, n in runs)))
    assert excerpt.bars == bars and "fourth" not in said(excerpt)
    assert len(excerpt.notes) == 32


@pytest.mark.parametrize("intro", [4, 5])
def test_a_waltz_may_begin_in_four(intro):
    excerpt = read_excerpt(changing(("4/4", intro), ("3/4", 24)))
    assert excerpt.bars == (1, 4) and excerpt.said == ()


def test_meters_in_turn_are_fused_with_a_fourth_beat():
    three, four = ("3/4", 1), ("4/4", 1)
    for runs in ([four, three] * 6, [three, four] * 6, [four, four, four, three] * 4):
        excerpt = read_excerpt(changing(*runs))
        assert excerpt.bars == (1, 4) and "In 3/4: each bar is given" in said(excerpt)
    with pytest.raises(MusicFileError, match=r"meter changes .* \(4/4, then 5/4\)"):
        read_excerpt(changing(*[("4/4", 1), ("5/4", 1)] * 6))


# Bars as the file has them


@pytest.mark.parametrize("repeat_at", [2, 5, 8])
def test_a_repeat_sign_within_a_bar_makes_no_new_bar(repeat_at):
    notes = Notes.of([(0, 1, G), *tune(12, start=1.0)])
    whole = (-3.0, *(1.0 + 4 * k for k in range(12)))
    cut = sorted({*whole, 4.0 * repeat_at})  # three beats, the sign, and one beat
    for bars in (whole, tuple(cut)):
        music = replace(piece(notes, Meter(-3.0)), bars=bars)
        for bar, first in ((None, 1), (repeat_at - 1, repeat_at - 1), (7, 7)):
            excerpt = read_excerpt(music, bar)
            assert excerpt.bars == (first, first + 3)
            assert excerpt.notes == (tune(4) if first else excerpt.notes)


@pytest.mark.parametrize("beats", [1.0, 2.0, 3.0, 5.0])
def test_a_measure_of_another_length_moves_the_bar_lines_and_is_gone_round(beats):
    notes = Notes.of([*tune(2), (8, beats, G), *tune(6, start=8 + beats)])
    lines = (0.0, 4.0, 8.0, *(8 + beats + 4 * k for k in range(6)))
    music = replace(piece(notes), bars=lines)
    excerpt = read_excerpt(music)
    assert excerpt.bars == (4, 7) and excerpt.notes == tune(4)
    assert "first four bars" in said(excerpt)
    with pytest.raises(MusicFileError, match=f"bar 3 lasts {beats:g} beats, in 4/4"):
        read_excerpt(music, 2)


@pytest.mark.parametrize(("name", "beats"), [("3/4", 2.0), ("6/8", 2.0), ("9/8", 3.0)])
def test_a_short_bar_of_a_waltz_is_given_nothing(name, beats):
    meter = Meter(0.0, *map(int, name.split("/")))
    lines = [meter.bar * k for k in range(3)]
    lines += [lines[-1] + beats + meter.bar * k for k in range(9)]
    notes = [(a, b - a, 60 + k) for k, (a, b) in enumerate(zip(lines, lines[1:]))]
    music = replace(piece(Notes.of(notes), meter), bars=tuple(lines))
    excerpt = read_excerpt(music)
    assert excerpt.bars == (4, 7) and excerpt.notes.pitch.tolist() == [63, 64, 65, 66]
    assert excerpt.notes.duration.tolist() == [4] * 4
    with pytest.raises(MusicFileError, match=f"bar 3 lasts {beats:g} beats, in {name}"):
        read_excerpt(music, 2)


def test_bar_lines_of_the_file_count_more_than_its_meters():
    music = replace(piece(tune(6, start=2.0)), bars=tuple(2.0 + 4 * k for k in range(6)))
    excerpt = read_excerpt(music)
    assert excerpt.notes == tune(4) and excerpt.bars == (1, 4)


@pytest.mark.parametrize("change", ["\nM:4/4\n", "[M:4/4]"])
def test_a_meter_that_changes_on_the_way_in_abc(tmp_path, change):
    head = "X:1\nT:t\nM:3/4\nL:1/4\nK:C\n"
    text = f"{head}CDE|FGA|{change}CDEF|GABc|cBAG|FEDC|GGGG|\n"
    (tmp_path / "t.abc").write_text(text)
    music, _ = read_score(tmp_path / "t.abc")
    assert bar_lines(music).tolist() == [0, 3, 6, 10, 14, 18, 22]
    excerpt = read_excerpt(tmp_path / "t.abc")
    assert excerpt.bars == (3, 6) and excerpt.notes.pitch[:4].tolist() == [60, 62, 64, 65]
    assert "fourth" not in said(excerpt)


# Absurd pieces


@pytest.mark.parametrize("meter", [(4, 4), (1, 4), (2, 2)])
@pytest.mark.parametrize("gap", [4000, 150_000])
def test_what_silence_costs_does_not_grow_with_it(monkeypatch, meter, gap):
    asked = []
    counted = lambda *a: asked.append(a) or notes_from(*a)  # noqa: E731
    monkeypatch.setattr("fusiontools.music.bars.notes_from", counted)
    excerpt = read_excerpt(piece(Notes.of([(0, 1, 60), (gap, 1, 62)]), Meter(0.0, *meter)))
    assert len(excerpt.notes) == 1 and len(asked) < 20
    assert "rests for 3.75 bars" in said(excerpt)


def test_of_a_piece_with_a_long_rest_everywhere_some_places_are_tried(monkeypatch):
    asked = []
    counted = lambda *a: asked.append(len(a[0])) or quantize(*a)  # noqa: E731
    monkeypatch.setattr("fusiontools.music.bar_notes.quantize", counted)
    notes = Notes.of([(9 * k, 1, 60 + k % 12) for k in range(5000)])
    excerpt = read_excerpt(piece(notes))
    # few places, and at each of them a few notes
    assert len(asked) < 2010 and max(asked) < 20
    assert "rests" in said(excerpt) and "without a rest" not in said(excerpt)


def test_a_track_of_very_many_notes_is_said(monkeypatch):
    assert "highest" not in said(read_excerpt(piece(tune(8))))
    monkeypatch.setattr("fusiontools.music.excerpts.MANY", 63)
    assert "more than 63 notes: of notes that" in said(read_excerpt(piece(tune(8))))


def test_more_bars_than_any_music_has_are_refused():
    for meter in (Meter(0.0, 1, 64), Meter(0.0, 4, 4)):
        with pytest.raises(MusicFileError, match="bars, and .* are the most"):
            read_excerpt(piece(Notes.of([(0, 1, 60), (1e7, 1, 62)]), meter))


def test_a_change_of_meter_is_gone_round_or_refused():
    music = piece(tune(9), Meter(0.0, 5, 4), Meter(15.0))
    excerpt = read_excerpt(music)
    assert excerpt.bars == (4, 7) and "begins in 5/4" in said(excerpt)
    with pytest.raises(
        MusicFileError, match="meter changes in the four bars from bar 2 on .5/4, then 4/4"
    ):
        read_excerpt(music, bar=2)
    short = piece(tune(8), Meter(0.0), Meter(8.0, 2, 4), Meter(10.0))
    # one bar of 2/4 has no other to be joined with
    assert read_excerpt(short).bars == (4, 7)


def test_a_meter_that_is_said_again_changes_nothing():
    assert read_excerpt(piece(tune(4), *(Meter(4.0 * k) for k in range(4)))).said == ()


# Range


@pytest.mark.parametrize(
    ("by", "moved", "says"),
    [
        (-24, 12, "an octave up"),
        (-36, 24, "two octaves up"),
        (12, -12, "an octave down"),
        (40, -36, "three octaves down"),
    ],
)
def test_a_tune_out_of_range_is_moved_by_octaves_and_said(by, moved, says):
    excerpt = read_excerpt(transpose(tune(), by))
    assert (
        excerpt.notes == transpose(tune(), by + moved)
        and says in said(excerpt)
        and len(excerpt.said) == 1
    )


def test_where_no_octave_has_room_it_is_the_fewest_semitones():
    # 29 semitones
    notes = Notes.of([(k, 1, p) for k, p in enumerate([53, 60, 67, 82] * 4)])
    excerpt = read_excerpt(notes)
    assert excerpt.notes == transpose(
        notes, 2
    ) and "2 semitones up, into another key" in said(excerpt)


def test_where_no_key_has_room_single_notes_are_moved():
    notes = Notes.of([(k, 1, p) for k, p in enumerate([48, 67, 84, 60] * 4)])
    excerpt = read_excerpt(notes)
    assert excerpt.notes.pitch.tolist() == [
        60,
        67,
        84,
        60,
    ] * 4 and "4 notes are moved by octaves, apart from" in said(excerpt)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 127), min_size=16, max_size=16))
def test_whatever_the_range_it_fits_and_it_is_said(pitches):
    excerpt = read_excerpt(Notes.of([(k, 1, p) for k, p in enumerate(pitches)]))
    assert is_legal_grid(excerpt.tokens)
    steps = (excerpt.notes.pitch - pitches) % 12
    assert len(set(steps.tolist())) == 1 and len(excerpt.notes) == 16
    moved = not np.array_equal(excerpt.notes.pitch, pitches)
    assert moved == any("lies outside G3 to C6" in s for s in excerpt.said)


# Time


def test_triplets_are_moved_and_said():
    notes = Notes.of([(k / 3, 1 / 3, 60 + k % 12) for k in range(48)])
    excerpt = read_excerpt(notes)
    assert (
        "32 of 48 notes lie off the sixteenths" in said(excerpt)
        and len(excerpt.notes) == 48
    )


def test_notes_too_close_together_are_left_out_and_said():
    notes = Notes.of([(0, 0.1, 60), (0.1, 0.9, 62), *shift(tune(3), 1.0)])
    excerpt = read_excerpt(notes)
    assert (
        "1 note, less than a sixteenth from the next, is left out" in said(excerpt)
        and excerpt.notes[0].pitch == 62
    )


@pytest.mark.parametrize("by", [-0.1, -0.03, 0.05, 0.12])
def test_a_piece_that_starts_beside_the_grid_is_moved_onto_it_and_said(by):
    excerpt = read_excerpt(piece(shift(tune(5, start=4.0), by)))
    assert (
        excerpt.notes == tune(4)
        and "moved there" in said(excerpt)
        and excerpt.bars == (2, 5)
    )
    assert grid_offset(shift(tune(), by)) == pytest.approx(by)


def test_what_is_held_over_is_struck_anew_and_what_goes_on_is_cut():
    notes = Notes.of([(0, 6, 60), (6, 16, 62), (22, 2, 64)])
    excerpt = read_excerpt(piece(notes), bar=2)
    assert excerpt.notes == Notes.of([(0, 2, 60), (2, 14, 62)])
    assert "struck anew" in said(excerpt) and "goes on after these bars" in said(excerpt)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 30), st.floats(0.05, 5), st.integers(40, 100)),
        min_size=1,
        max_size=40,
    ),
    st.integers(0, 40),
)
def test_any_music_gives_a_legal_excerpt_or_an_error_of_ours(rows, bar):
    try:
        excerpt = read_excerpt(Notes.of(rows), bar or None)
    except FusionError:
        assert bar  # without a chosen bar there is always one
        return
    assert (
        is_legal_grid(excerpt.tokens)
        and len(excerpt.notes)
        and is_melody(excerpt.notes)
        and excerpt.bars[0] <= excerpt.bars[1]
    )


# Tracks


def test_the_melody_is_taken_from_its_track_whatever_plays_below():
    chords = Notes.of([(2 * b, 2, p) for b in range(8) for p in (48, 52, 55)])
    drums = Track(Notes.of([(k, 0.5, 36) for k in range(16)]), is_drum=True, name="Kit")
    music = Piece(
        (drums, Track(chords, 0, name="Piano"), Track(tune(), 65, name="Sax")),
        Tempo.constant(96),
    )
    excerpt = read_excerpt(music)
    assert (
        excerpt.notes == tune()
        and excerpt.track == 'track 3 "Sax" of 3'
        and (excerpt.program, round(excerpt.bpm)) == (65, 96)
    )
    both = read_excerpt(Piece((Track(Notes.of([*tune(), *chords]), 0),)))
    assert (
        both.notes == tune()
        and "The melody is 32 of the 56 notes that sound there." in both.said
    )


BAND = Piece(
    (
        Track(transpose(tune(), -36), 33, name="Fretless Bass"),
        Track(Notes.of([(k, 0.5, 36) for k in range(16)]), is_drum=True, name="Kit"),
        Track(tune(), 65, name="Alto Sax"),
        Track(transpose(tune(), -5), 40, name="Sax II"),
    )
)


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(1, 1), ("1", 1), ("bass", 1), (" FRETLESS ", 1), (3, 3), ("alto", 3), ("Sax II", 4)],
)
def test_a_track_can_be_chosen_by_number_or_by_name(wanted, number):
    excerpt = read_excerpt(BAND, track=wanted)
    own = BAND.tracks[number - 1]
    assert excerpt.track == f'track {number} "{own.name}" of 4'
    assert np.array_equal(excerpt.notes.pitch % 12, own.notes.pitch % 12)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (5, 'no track .5.*choose from 1 "Fretless Bass", 3 "Alto Sax", 4 "Sax II"'),
        (0, "no track .0"),
        (-1, "no track .-1"),
        ("flute", "no track .flute.*1 .Fretless"),
        ("sax", '2 tracks are meant by .sax.*3 "Alto Sax", 4 "Sax II"'),
        ("", "3 tracks are meant"),
        (2, "track 2 is drums"),
    ],
)
def test_a_track_that_is_not_there_is_refused_and_those_that_are_are_listed(wanted, says):
    with pytest.raises(MusicFileError, match=says) as error:
        read_excerpt(BAND, where="band.mid", track=wanted)
    assert "band.mid" in str(error.value)


def test_a_whole_name_counts_more_than_a_part():
    names = ("Sax II", "sax", "Sax III", "2")
    music = Piece(tuple(Track(tune(), name=name) for name in names))
    for wanted, number in (("Sax", 2), ("Sax II", 1), ("2", 2), ("iii", 3)):
        assert read_excerpt(music, track=wanted).track.startswith(f"track {number} ")


def test_a_list_of_a_hundred_tracks_is_cut():
    many = Piece(tuple(Track(tune(1), name=f"T{k}") for k in range(100)))
    with pytest.raises(MusicFileError, match="19 .T18., 20 .T19. and 80 more"):
        read_excerpt(many, track="none")


@pytest.mark.parametrize("program", range(128))
def test_a_bass_that_is_moved_up_is_played_by_another_and_it_is_said(program):
    low = piece(transpose(tune(), -36), program=program)
    excerpt = read_excerpt(low)
    another = excerpt.program != program
    assert another == any("plays it" in s for s in excerpt.played)
    assert another == (program in (*range(32, 40), 43, 47, 58, 67, 70))
    # where it is at home, it stays
    assert read_excerpt(piece(tune(), program=program)).program == program


def test_drums_alone_are_refused():
    with pytest.raises(NoNotesError, match="groove.mid: .*no pitched note"):
        read_excerpt(piece(tune(), is_drum=True), where="groove.mid")


# Files


def test_files_are_read_by_what_is_in_them(tmp_path):
    write_midi(tune(), tmp_path / "a.bin")
    one = "X:1\nT:One\nM:4/4\nL:1/8\nK:C\ncdef gedc|cdef gedc|cdef gedc|cdef gedc|\n"
    (tmp_path / "b.abc").write_text(f"{one}\nX:2\nT:Two\nM:4/4\nK:C\nGGGG|\n")
    note = (
        "<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration></note>"
    )
    bar = f"<attributes><divisions>1</divisions></attributes>{note}</measure>"
    bars = "".join(f'<measure number="{n}">{bar}' for n in range(1, 5))
    oboe = '<score-part id="P"><part-name>Oboe</part-name></score-part>'
    head = f'<?xml version="1.0"?><score-partwise><part-list>{oboe}</part-list>'
    (tmp_path / "c").write_text(f'{head}<part id="P">{bars}</part></score-partwise>')
    a, b, c = (read_excerpt(tmp_path / name) for name in ("a.bin", "b.abc", "c"))
    assert (
        a.notes == b.notes == tune()
        and b.title == "One"
        and "2 tunes, and the first" in said(b)
        and b.where.endswith("b.abc")
    )
    assert c.notes == Notes.of([(4 * k, 4, 72) for k in range(4)]) and "Oboe" in c.track


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"MThd\0\0\0\6\0\1", "truncated"),
        (b"RIFFxxxxAVI LIST", "not a MIDI file"),
        (b"what is this?", "a text in which no tune in ABC begins"),
        ("Übrigens\n".encode("utf-16"), "a text in which no tune in ABC begins"),
        (b"X is here\nX: none\n", "a text in which no tune in ABC begins"),
        (bytes(100) + b"MThd", "no file of music.* the bytes 00 00 00 00[.]"),
        (b"T:None\nK:C\nCDEF|\n", "needs a line X:.* write a line X:1 at its top"),
        (b"X:1\nT:No key\nCDEF|\n", "a line K:.* write its key"),
        (b"X:1\nT:Only a head\nK:C\n", "without a single note.* follow its line K:"),
        (b"<html><body>no</body></html>", "not a MusicXML score"),
        (b"PK\3\4rubbish", "damaged compressed"),
        (b"X:1\nT:Silence\nM:4/4\nK:C\nzzzz|\n", "without a single note"),
    ],
)
def test_what_is_no_music_is_refused_in_our_words(tmp_path, data, says):
    (tmp_path / "odd.mid").write_bytes(data)
    with pytest.raises(MusicFileError, match=says) as error:
        read_excerpt(tmp_path / "odd.mid")
    assert "odd.mid" in str(error.value) and "What to do" in str(error.value)


FOREIGN = {
    "a recording": [
        b"ID3\4\0",
        b"\xff\xfb\x90\0",
        b"\xff\xf3\x40\0",
        b"\xff\xf1\x50\x80",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"RF64\xff\xff",
        b"fLaC\0",
        b"OggS\0",
        b"FORM\0\0\0\0AIFC",
        b"\0\0\0\x20ftypM4A ",
        b"caff\0\1",
        ".mp3 .WAV .flac .ogg .opus .m4a .wma .Aif",
    ],
    "MuseScore": [b'<?xml version="1.0"?>\n<museScore version="4">', ".mscz .mscx"],
    "Guitar Pro": [b"\x18FICHIER GUITAR PRO v5.00", b"BCFZ", ".gp3 .gp5 .gpx .gp .GP4"],
    "Sibelius": [b"\x0fSIBELIUS\0", ".sib"],
    "Finale": [b"ENIGMA BINARY FILE", ".musx .mus"],
    "kern": [b"**kern\t**kern", b"!!!COM: Bach\n**kern", ".krn"],
    "MEI": [b'<?xml version="1.0"?><mei xmlns="x">', ".mei"],
    "LilyPond": [b'\\version "2.24"', b'% a comment\n\\version "2.24"', ".ly"],
    "sequencer": [b"FLhd\6", ".logicx .cpr .als .flp"],
    "tracker": [b"Extended Module: x", ".xm .mod"],
    "picture": [b"%PDF-1.7", b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", ".pdf .docx .jpg"],
    "packed": [b"\x1f\x8b\x08", b"7z\xbc\xaf", ".7z .rar"],
    "NoteWorthy": [b"[NoteWorthy ArtWare]", ".nwc"],
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_file_of_notes_is_named_and_says_what_can_be_done(tmp_path, what):
    for sign in FOREIGN[what]:
        files = (
            [(f"tune{e}", b"\1\2\3") for e in sign.split()] if isinstance(sign, str) else []
        )
        for name, data in files or [("tune.mid", sign), ("tune", sign + b"\0" * 50)]:
            (tmp_path / name).write_bytes(data)
            with pytest.raises(MusicFileError, match=f"this is .*{what}") as error:
                read_excerpt(tmp_path / name)
            assert error.value.do and name in str(error.value)
            (tmp_path / name).unlink()


def test_a_large_recording_is_named_before_its_size_is(tmp_path):
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(b"RIFF\0\0\0\0WAVEfmt ")
        file.truncate(70_000_000)
    with pytest.raises(MusicFileError, match=r"a recording.*fusiontools restyle"):
        read_score(tmp_path / "long.wav")


def test_a_folder_that_a_sequencer_saves_is_named(tmp_path):
    (tmp_path / "song.logicx").mkdir()
    with pytest.raises(MusicFileError, match="sequencer"):
        read_score(tmp_path / "song.logicx")
    with pytest.raises(MusicFileError, match="this is a folder"):
        read_score(tmp_path)


@pytest.mark.parametrize("name", ["a.mp3", "a.mid", "a.abc", "a.gp", "a.xml", "a.zip", "a"])
def test_nothing_is_called_nothing(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(MusicFileError, match="empty|not an ABC tune"):
        read_score(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mp3", "a.gp", "a.sib", "a.pdf", "a"])
def test_music_is_read_whatever_its_name_is(tmp_path, name):
    write_midi(tune(), tmp_path / name)
    assert read_excerpt(tmp_path / name).notes == tune()
    (tmp_path / name).write_text(BOOK)
    assert read_score(tmp_path / name)[0].title == "One"


# Zips


def zipped(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def midi_bytes(tmp_path):
    write_midi(tune(), tmp_path / "own.mid")
    return (tmp_path / "own.mid").read_bytes()


BOOK = """X:1
T:One
M:4/4
L:1/8
K:C
cdef gedc|cdef gedc|cdef gedc|cdef gedc|

X:2
T:The Two
T:Les deux
M:4/4
L:1/4
K:C
GGGG|AAAA|GGGG|AAAA|

X:12
T:Twelve of them
M:4/4
L:1/4
K:C
EEEE|FFFF|EEEE|FFFF|
"""


@pytest.mark.parametrize("name", ["x.zip", "x", "x.mid"])
def test_a_zip_with_one_file_of_music_is_read_and_it_is_said(tmp_path, name):
    data = midi_bytes(tmp_path)
    for inner, content in {
        "tune.mid": data,
        "folder/TUNE.MID": data,
        "tune.kar": data,
        "tune.abc": BOOK,
    }.items():
        more = {
            "readme.txt": b"la",
            "__MACOSX/._tune.mid": b"\0\5\x16\7",
            "cover.pdf": b"%PDF",
            "score.mscx": b"<museScore>",
        }
        excerpt = read_excerpt(zipped(tmp_path / name, {inner: content} | more))
        assert excerpt.notes == tune() and f"Of the zip, '{inner}' is read" in said(excerpt)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "a zip without a file of music"),
        ({"a.txt": b"x"}, "a zip without a file of music"),
        ({"a.mid": b"MThd", "b.mid": b"MThd"}, "2 files of music in it: a.mid, b.mid"),
        ({f"{k:02}.mid": b"MThd" for k in range(30)}, "30 files.*19.mid and 10 more"),
        ({"a.mid": b"MThd"}, "truncated"),
        ({"a.mid": b"ID3\4"}, "a recording"),
        ({"score.mscx": b"<museScore>", "META-INF/container.xml": b"<x/>"}, "MuseScore"),
        ({"Content/score.gpif": b"<GPIF/>", "VERSION": b"7"}, "Guitar Pro"),
        ({"NotationMetadata.xml": b"<x/>", "score.dat": b"x"}, "Finale"),
        ({"word/document.xml": b"<x/>"}, "a document"),
        ({"a.mid": b"\0" * 70_000_000}, "unpack to more than 64,000,000"),
    ],
)
def test_other_zips_are_refused_and_named(tmp_path, files, says):
    with pytest.raises(MusicFileError, match=says) as error:
        read_score(zipped(tmp_path / "some.zip", files))
    assert error.value.do and "some.zip" in str(error.value)


def test_a_zip_within_a_zip_is_not_followed_far(tmp_path):
    data = midi_bytes(tmp_path)
    for _ in range(3):
        path = zipped(tmp_path / "x.mxl", {"x.mxl": data})
        data = path.read_bytes()
    with pytest.raises(MusicFileError):
        read_score(path)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_damaged_zip_is_read_or_refused_in_our_words(where, value, cut):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tune.abc", BOOK)
    data = bytearray(file.getvalue())
    where = where % len(data)
    data[where] = value
    try:
        scores._read(bytes(data[:where] if cut else data), "x.zip", "x.zip", None)
    except MusicFileError:
        return


# Books


@pytest.mark.parametrize(
    ("wanted", "title"),
    [(None, "One"), (1, "One"), ("2", "The Two"), ("les deux", "The Two"), (12, "Twelve")]
    + [("two", "The Two"), ("twelve OF", "Twelve"), ("of them", "Twelve")],
)
@pytest.mark.parametrize("code", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_tune_of_a_book_is_chosen_by_number_or_title(tmp_path, wanted, title, code):
    data = BOOK.encode(code)
    (tmp_path / "b.abc").write_bytes(b"\xfe\xff" + data if code == "utf-16-be" else data)
    excerpt = read_excerpt(tmp_path / "b.abc", tune=wanted)
    assert excerpt.title.startswith(title)
    first = 'The file holds 3 tunes, and the first of them is taken: 1 "One".'
    assert (first in excerpt.said) == (wanted is None)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (3, 'no tune .3.*choose from 1 "One", 2 "The Two / Les deux", 12 "Twelve of them"'),
        ("reel", "no tune .reel"),
        ("t", "2 tunes are meant by .t"),
    ],
)
def test_a_tune_that_is_not_there_is_refused_and_those_that_are_are_listed(
    tmp_path, wanted, says
):
    (tmp_path / "b.abc").write_text(BOOK)
    with pytest.raises(MusicFileError, match=says):
        read_score(tmp_path / "b.abc", tune=wanted)


def test_only_books_have_tunes(tmp_path):
    write_midi(tune(), tmp_path / "a.mid")
    for music in (tmp_path / "a.mid", piece(tune()), tune()):
        with pytest.raises(MusicFileError, match="ABC"):
            read_excerpt(music, tune=1)


def test_a_book_in_latin_1_keeps_its_letters(tmp_path):
    (tmp_path / "b.abc").write_bytes(BOOK.replace("One", "Für Élise").encode("latin-1"))
    assert read_score(tmp_path / "b.abc")[0].title == "Für Élise"


@pytest.mark.parametrize(
    ("field", "bpm"),
    [
        ("1/4=60", 60),
        ("1/8=120", 60),
        ("3/8=40", 60),
        ('"Allegro" 1/4=150', 150),
        ("90", 90),
    ],
)
def test_the_tempo_of_a_tune_is_the_excerpts(tmp_path, field, bpm):
    (tmp_path / "b.abc").write_text(BOOK.replace("L:1/8\n", f"L:1/8\nQ:{field}\n"))
    assert read_excerpt(tmp_path / "b.abc").bpm == pytest.approx(bpm)


def test_what_was_mended_on_reading_is_said(monkeypatch, tmp_path):
    music = replace(piece(tune()), said=("A volume of 255 is read as 127.",))
    assert read_excerpt(music).said == music.said
    write_midi(tune(), tmp_path / "a.mid")
    monkeypatch.setattr(scores, "piece_from_bytes", lambda data, where: music)
    assert read_score(tmp_path / "a.mid") == (music, list(music.said))
    assert read_excerpt(tmp_path / "a.mid").said == music.said


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MusicFileError, match="no such file"):
        read_excerpt(tmp_path / "none.mid")


# Written


def test_a_melody_is_written_with_the_tempo_and_the_instrument_of_an_excerpt(tmp_path):
    excerpt = read_excerpt(Piece((Track(tune(), 40),), Tempo.constant(90)))
    write_grid(
        np.concatenate([excerpt.tokens, excerpt.tokens]), tmp_path / "x.mid", excerpt
    )
    written = read_midi(tmp_path / "x.mid")
    assert (
        written.tempo.bpm[0] == pytest.approx(90, abs=1e-3)
        and written.tracks[0].program == 40
    )
    assert written.notes() == Notes.of([*tune(), *shift(tune(), 16)])
    with pytest.raises(NoNotesError):
        write_grid(np.zeros(128, np.uint8), tmp_path / "y.mid", excerpt)


def test_the_tempo_is_that_of_the_four_bars():
    slow = Tempo([0, 16, 32], [0, 16, 24])  # 60, then 120 beats a minute
    assert [
        round(read_excerpt(Piece((Track(tune(8)),), slow), bar).bpm) for bar in (1, 3, 5)
    ] == [60, 80, 120]
    assert isinstance(read_excerpt(tune()), Excerpt)


# What is not as the file has it, or would have been otherwise in another place


def test_drums_that_are_asked_for_by_name_are_drums():
    kit = Track(Notes.of([(0, 1, 36)]), is_drum=True, name="Drum Kit")
    bare, sax = replace(kit, name=" "), Track(tune(), name="Sax")
    for track, names in ((kit, ("kit", "DRUM", " drum kit ")), (bare, ("drums", "2"))):
        for name in names:
            with pytest.raises(NoNotesError, match="track 2 is drums"):
                read_excerpt(Piece((sax, track)), track=name)
    # a melody of that name comes first, and what is no name is none
    steel = Track(tune(), 114, name="Steel drums")
    assert read_excerpt(Piece((steel, kit)), track="drum").program == 114
    with pytest.raises(MusicFileError, match="no track .harp."):
        read_excerpt(Piece((sax, kit)), track="harp")


@pytest.mark.parametrize("bar", [None, 1, 2])
def test_a_long_rest_is_said_with_what_can_be_done(bar):
    notes = tune(1) if bar is None else Notes.of([*tune(1), *tune(5, start=16)])
    notes = Notes.of([*notes, (15, 1, G)]) if bar is None else notes
    sentence = next(s for s in read_excerpt(piece(notes), bar).said if "rests" in s)
    can = "no four bars of it rest less" if bar is None else "choose another bar"
    assert "which stay silent" in sentence and sentence.endswith(f"; {can}.")


@pytest.mark.parametrize(
    ("beats", "bpm", "average"),
    [
        ((0, 8), (120, 60), 80),
        ((0, 4, 8), (60, 120, 60), 69),
        ((0, 15), (100, 200), 103),
        ((0, 16), (100, 200), None),
        ((-4, 0), (200, 100), None),
        ((0, 8), (100, 100.2), None),
    ],
)
def test_a_tempo_that_changes_in_the_bars_is_said_with_its_average(beats, bpm, average):
    beats = np.append(beats, 40.0)
    seconds = np.append(0.0, np.cumsum(np.diff(beats) * 60 / np.array(bpm)))
    excerpt = read_excerpt(replace(piece(tune(8)), tempo=Tempo(beats, seconds)), 1)
    says = f"Its tempo changes in these bars: {average} is taken, their average."
    assert excerpt.played == ((says,) if average else ()) and not excerpt.said


@pytest.mark.parametrize(
    ("head", "names"),
    [("Q:1/4=90\n", True), ("", False), ("Q:lively\n", False), ("Q:\n", False)],
)
def test_a_tune_without_a_tempo_says_which_is_taken(tmp_path, head, names):
    text = f"X:1\nT:T\nM:4/4\nL:1/4\n{head}K:C\nGABc|cBAG|GABc|cBAG|\n"
    (tmp_path / "t.abc").write_text(text)
    excerpt = read_excerpt(tmp_path / "t.abc")
    says = ("It names no tempo: 120 is taken.",)
    assert excerpt.played == (() if names else says) and not excerpt.said


@pytest.mark.parametrize(
    ("voices", "says"),
    [
        ('V:1 name="Oben"\nGABc|\nV:2\nCDEF|\n', "The first of 2 voices is taken: Oben."),
        ("[V:1]GABc|\n[V:2]CDEF|\n", "The first of 2 voices is taken."),
        ("V:S\nGABc|\nV:B\nCDEF|\n[V:S] c4|\n", "The first of 2 voices is taken: S."),
        ("V:1\nz4|\nV:Lute nm=Laute\nCDEF|\n", "The first of 2 voices that has notes is"),
        ('V:1 name="Alone"\nGABc|\n', ""),
        ("GABc|\n", ""),
    ],
)
def test_voices_that_are_not_taken_are_said(tmp_path, voices, says):
    (tmp_path / "t.abc").write_text(f"X:1\nM:4/4\nL:1/4\nK:C\n{voices}")
    told = [s for s in read_score(tmp_path / "t.abc")[1] if "tempo" not in s]
    assert len(told) == bool(says) and " ".join(told).startswith(says)
