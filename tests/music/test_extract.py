"""What is true of melody extraction: on made-up music for its rules, on real songs for its
worth.
"""

import io
import itertools
import lzma
import tarfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import NoNotesError
from fusiontools.music import extract
from fusiontools.music.extract import (
    line,
    match_notes,
    melody,
    score_melody,
    skyline,
    track_scores,
    tunefulness,
)
from fusiontools.music.midi import Piece, Track, piece_from_bytes
from fusiontools.music.notes import Notes, is_melody, merge, shift, transpose

often = settings(max_examples=50, deadline=None, derandomize=True)
loudness = st.integers(30, 110)
rows = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda k: k / 4),
        st.sampled_from([0.25, 0.5, 2]),
        st.integers(40, 84),
        loudness,
    ),
    max_size=30,
)
few = st.lists(
    st.tuples(
        st.integers(0, 8).map(lambda k: k / 4),
        st.sampled_from([0.25, 2]),
        st.integers(48, 84),
        loudness,
    ),
    min_size=1,
    max_size=8,
)

TUNE = Notes.of([(i, 0.9, 67 + [0, 0, 2, 4, 4, 2, 0, -1][i % 8]) for i in range(32)])
CHORDS = Notes.of([(b, 2, p) for b in range(0, 32, 2) for p in (48, 52, 55, 60)])
BASS = Notes.of([(b, 1, 36 + 7 * (b % 2)) for b in range(32)])


def is_part_of(notes, whole):
    return {(n.onset, n.pitch, n.velocity) for n in notes} <= {
        (n.onset, n.pitch, n.velocity) for n in whole
    }


@often
@given(rows)
def test_what_is_found_is_one_voice_and_part_of_the_music(rows):
    notes = Notes.of(rows)
    for found in (skyline(notes), line(notes)):
        assert is_melody(found) and is_part_of(found, notes)


@often
@given(rows)
def test_the_skyline_is_the_highest_note_of_every_onset(rows):
    notes = Notes.of(rows)
    top = {
        onset: int(notes.pitch[notes.onset == onset].max())
        for onset in notes.onset.tolist()
    }
    assert {n.onset: n.pitch for n in skyline(notes)} == top


@often
@given(rows, st.integers(0, 5), st.sampled_from([4, 16, 64]))
def test_the_line_does_not_care_for_key_or_start(rows, up, later):
    notes = Notes.of(rows)
    assert line(shift(transpose(notes, up), later)) == shift(
        transpose(line(notes), up), later
    )


@often
@given(few)
def test_no_path_is_worth_more_than_the_best(rows):
    notes = Notes.of(rows)
    worth = extract._worth(notes, 66, np.minimum(extract._higher(notes), extract.VOICES))

    def total(path):
        value = sum(worth[i] for i in path)
        for i, j in itertools.pairwise(path):
            leap = min(abs(int(notes.pitch[i]) - int(notes.pitch[j])), extract.OCTAVE)
            cut = min(max((notes.offset[i] - notes.onset[j]) / notes.duration[i], 0), 1)
            value -= extract.LEAP * leap + extract.CUT * cut
        return value

    paths = [
        p
        for n in range(1, len(notes) + 1)
        for p in itertools.combinations(range(len(notes)), n)
    ]
    paths = [
        p
        for p in paths
        if all(
            notes.onset[j] - notes.onset[i] >= extract.APART
            for i, j in itertools.pairwise(p)
        )
    ]
    found = extract._best_path(notes, worth)
    assert tuple(found) in paths
    assert total(found) == pytest.approx(max(map(total, paths)))


@often
@given(rows)
def test_higher_notes_are_counted_like_this(rows):
    notes = Notes.of(rows)
    by_hand = [
        sum(
            n.pitch > m.pitch
            and n.onset <= m.onset + extract.TOGETHER
            and n.onset + n.duration > m.onset + extract.TOGETHER
            for n in notes
        )
        for m in notes
    ]
    assert extract._higher(notes).tolist() == by_hand


def test_a_long_silence_does_not_break_the_line():
    verse = TUNE
    interlude = shift(Notes.of([(i / 4, 0.5, 40 + i % 5) for i in range(200)]), 40)
    found = line(merge(verse, interlude, shift(verse, 100)))
    assert score_melody(found, merge(verse, shift(verse, 100)))["right"] == 1.0


def test_a_tune_over_chords_is_found_where_the_skyline_strays():
    rests = Notes.of([n for n in TUNE if n.onset % 8 < 5])
    whole = merge(rests, CHORDS, BASS)
    plain, careful = score_melody(skyline(whole), rests), score_melody(melody(whole), rests)
    assert careful["right"] == 1.0 and careful["f1"] > plain["f1"]


@pytest.mark.parametrize("named", [False, True])
def test_of_a_track_of_very_many_notes_the_skyline_is_taken(monkeypatch, named):
    whole = merge(Notes.of([n for n in TUNE if n.onset % 8 < 5]), CHORDS, BASS)
    music = Piece((Track(whole, name="Lead" if named else ""),))
    assert melody(music) == line(whole) != skyline(whole)
    monkeypatch.setattr(extract, "MANY", len(whole) - 1)
    assert melody(music) == skyline(whole)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_tuneful_track_is_chosen_wherever_it_stands(order):
    tracks = [Track(TUNE), Track(CHORDS), Track(BASS)]
    assert melody(Piece(tuple(tracks[i] for i in order))) == TUNE


def test_names_help_and_drums_never_sing():
    low_tune = transpose(TUNE, -4)
    named = Piece((Track(TUNE), Track(low_tune, name="Vocals"), Track(TUNE, is_drum=True)))
    assert melody(named) == low_tune
    assert track_scores(named).argmax() == 1 and track_scores(named)[2] == 0
    with pytest.raises(NoNotesError, match="drums"):
        melody(Piece((Track(TUNE, is_drum=True),)))
    with pytest.raises(NoNotesError):
        melody(Notes.of([]))


def test_tracks_too_close_to_call_are_heard_together():
    answer = shift(TUNE, 40)
    assert melody(Piece((Track(TUNE), Track(answer)))) == merge(TUNE, answer)


def test_questions_are_answered_between_0_and_1():
    for notes in (TUNE, CHORDS, BASS, Notes.of([(0, 1, 60)]), Notes.of([])):
        answers = tunefulness(notes)
        assert all(0 <= v <= 1.2 for v in answers.values())
    assert tunefulness(BASS)["high"] == 0 and tunefulness(CHORDS)["alone"] < extract.ALONE


def matches_by_hand(a, b, tolerance):
    """The largest number of pairs, by trying everything."""
    if not len(b):
        return 0
    first, rest = b[0], b[1:] if len(b) > 1 else b[:0]
    best = matches_by_hand(a, rest, tolerance)
    for i, n in enumerate(a):
        if n.pitch == first.pitch and abs(n.onset - first.onset) <= tolerance:
            best = max(
                best, 1 + matches_by_hand(a[np.arange(len(a)) != i], rest, tolerance)
            )
    return best


small = st.lists(st.tuples(st.integers(0, 6), st.just(1), st.integers(60, 61)), max_size=5)


@often
@given(small, small)
def test_no_pairing_has_more_pairs(a, b):
    a, b = Notes.of(a), Notes.of(b)
    pairs = match_notes(a, b, 1.0)
    assert len(pairs) == matches_by_hand(a, b, 1.0)
    assert len(set(pairs[:, 0])) == len(set(pairs[:, 1])) == len(pairs)
    assert all(
        a[i].pitch == b[j].pitch and abs(a[i].onset - b[j].onset) <= 1 for i, j in pairs
    )


def test_scores_have_a_truth_table():
    half = TUNE[:16]
    assert score_melody(TUNE, TUNE) == {
        "right": 1.0,
        "precision": 1.0,
        "f1": 1.0,
        "notes": 32,
    }
    assert (
        score_melody(half, TUNE)["right"] == 0.5
        and score_melody(half, TUNE)["precision"] == 1.0
    )
    assert score_melody(TUNE, half)["precision"] == 0.5
    assert score_melody(Notes.of([]), TUNE) == {
        "right": 0.0,
        "precision": 0.0,
        "f1": 0.0,
        "notes": 32,
    }
    assert score_melody(transpose(TUNE, 12), TUNE)["right"] == 0.0
    # 50 milliseconds, in beats
    for by, bpm, right in ((0.1, 120, 1), (0.11, 120, 0), (0.05, 60, 1), (0.06, 60, 0)):
        assert score_melody(shift(TUNE, by), TUNE, bpm)["right"] == right
    # never more than a 16th
    assert score_melody(shift(TUNE, 0.26), TUNE, bpm=10_000)["right"] == 0.0
    with pytest.raises(ValueError, match="convert"):
        score_melody(TUNE, Notes.of([(0, 1, 60)], unit="seconds"))
    with pytest.raises(ValueError, match="no reference"):
        score_melody(TUNE, Notes.of([]))


@pytest.fixture(scope="module")
def songs(shared_data):
    """Thirty-one songs of POP909 from beyond the 300 on which weights were searched."""
    wanted = {f"{i:03d}.mid" for i in range(305, 910, 20)}
    unpacked = io.BytesIO(
        lzma.decompress((shared_data / "pop909" / "pop909_909.tar.xz").read_bytes())
    )
    with tarfile.open(fileobj=unpacked) as tar:
        members = [m for m in tar if m.name.rsplit("/", 1)[-1] in wanted]
        return [piece_from_bytes(tar.extractfile(m).read(), m.name) for m in members]


def test_real_melodies_are_found_with_and_without_tracks(songs):
    plain, nameless, merged = [], [], []
    for piece in songs:
        reference = next(t.notes for t in piece.tracks if t.name == "MELODY")
        bpm = float(np.median(piece.tempo.bpm))
        stripped = Piece(tuple(replace(t, name="") for t in reversed(piece.tracks)))
        found = skyline(piece.notes()), melody(stripped), melody(piece.notes())
        for scores, notes in zip((plain, nameless, merged), found):
            scores.append(score_melody(notes, reference, bpm))

    def mean(scores, what):
        return np.mean([s[what] for s in scores])

    assert len(songs) == 31
    assert mean(nameless, "right") > 0.95 and mean(nameless, "f1") > 0.9
    assert mean(merged, "right") > 0.85 and mean(merged, "f1") > mean(plain, "f1") + 0.1
    assert all(n["f1"] >= p["f1"] for n, p in zip(nameless, plain))
    assert sum(m["f1"] < p["f1"] for m, p in zip(merged, plain)) <= 1
