"""Music of one's own: whatever is brought becomes four bars and says how, or is refused and
says why; nothing changes in silence.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import FusionError, MusicFileError, NoNotesError
from fusiontools.music.bars import grid_offset
from fusiontools.music.excerpts import Excerpt, read_excerpt, write_grid
from fusiontools.music.grid import HIGH, LOW, is_legal_grid
from fusiontools.music.midi import Meter, Piece, Track, read_midi, write_midi
from fusiontools.music.notes import Notes, Tempo, is_melody, shift, transpose

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
    ("meter", "fourth"),
    [
        ((3, 4), "a fourth beat"),
        ((6, 8), "a fourth quarter"),
        ((12, 16), "a fourth quarter"),
    ],
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
        and "Each bar of 3/4 is given a fourth beat" in said(over)
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


@pytest.mark.parametrize("meter", ["12/8", "5/4", "7/8", "6/4", "3/2", "9/8", "3/8"])
def test_what_has_neither_four_beats_nor_three_is_refused(meter):
    music = piece(tune(12), Meter(0.0, *map(int, meter.split("/"))))
    for bar in (None, 2):
        with pytest.raises(MusicFileError, match=f"it is in {meter} from bar") as error:
            read_excerpt(music, bar, where="waltz.mid")
        assert "waltz.mid" in str(error.value) and "What to do" in str(error.value)


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
    ] * 4 and "4 notes alone by octaves" in said(excerpt)


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
        (b"RIFFxxxxWAVEfmt ", "not a MIDI file"),
        (b"\x89PNG\r\n", "not a MIDI file"),
        (b"<html><body>no</body></html>", "not a part-wise MusicXML"),
        (b"PK\3\4rubbish", "damaged compressed"),
        (b"X:1\nT:Silence\nM:4/4\nK:C\nzzzz|\n", "without a single note"),
    ],
)
def test_what_is_no_music_is_refused_in_our_words(tmp_path, data, says):
    (tmp_path / "odd.mid").write_bytes(data)
    with pytest.raises(MusicFileError, match=says) as error:
        read_excerpt(tmp_path / "odd.mid")
    assert "odd.mid" in str(error.value) and "What to do" in str(error.value)


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
