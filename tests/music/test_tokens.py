"""What is true of FusionGAN's tokens, in both readings of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import MusicFileError, UnitError
from fusiontools.music.notes import Notes, is_melody
from fusiontools.music.tokens import (
    PUBLIC,
    Vocabulary,
    decode_tokens,
    encode_tokens,
    is_legal_tokens,
    token_beats,
    token_names,
    token_windows,
)

often = settings(max_examples=80, deadline=None, derandomize=True)
vocabularies = st.one_of(
    st.sampled_from(
        [
            Vocabulary(),
            PUBLIC,
            Vocabulary(low=60, high=63, steps_per_beat=12, durations=(1, 3, 4, 6, 12)),
        ]
    ),
    st.builds(
        Vocabulary,
        st.sampled_from(["notes", "steps"]),
        st.just(60),
        st.integers(60, 62),
        st.integers(1, 12),
        st.just((1, 2, 5)),
    ),
)
anything = st.lists(
    st.tuples(st.floats(0, 40), st.floats(0.01, 9), st.integers(0, 127)), max_size=15
)


@st.composite
def sequences(draw):
    """Any tokens of a vocabulary, legal or not; few different ones, so that stops and rests
    meet.
    """
    v = draw(vocabularies)
    some = draw(st.lists(st.integers(0, v.size - 1), min_size=1, max_size=3)) + [
        0,
        1,
        v.size - 1,
        v.size - 2,
    ]
    return v, draw(st.lists(st.sampled_from(some), max_size=24))


def steps_by_hand(tokens, v):
    """Walk through "steps" one by one."""
    found, sounding = [], None
    for t, token in enumerate([*tokens, 0]):
        if token != 1 and sounding is not None:
            found.append(
                (
                    sounding[0] / v.steps_per_beat,
                    (t - sounding[0]) / v.steps_per_beat,
                    sounding[1],
                )
            )
            sounding = None
        if token > 1:
            sounding = t, token - 2 + v.low
    return Notes.of(found)


def notes_by_hand(tokens, v):
    """Walk through "notes" one by one."""
    found, now = [], 0
    for token in tokens:
        pitch, k = divmod(token, len(v.durations))
        if pitch < v.pitches:
            found.append(
                (now / v.steps_per_beat, v.durations[k] / v.steps_per_beat, pitch + v.low)
            )
        now += v.durations[k]
    return Notes.of(found)


@often
@given(sequences())
def test_legal_tokens_come_back_and_only_legal_ones_do(case):
    v, tokens = case
    back = encode_tokens(decode_tokens(tokens, v), v, beats=token_beats(tokens, v))
    assert (back.tolist() == tokens) == is_legal_tokens(tokens, v)


@often
@given(vocabularies, anything)
def test_whatever_is_encoded_is_legal_and_survives(v, rows):
    tokens = encode_tokens(Notes.of(rows), v, outside="drop")
    assert is_legal_tokens(tokens, v)
    notes = decode_tokens(tokens, v)
    assert is_melody(notes)
    assert encode_tokens(notes, v, beats=token_beats(tokens, v)).tolist() == tokens.tolist()


@often
@given(sequences())
def test_decoding_walks_through_the_tokens(case):
    v, tokens = case
    assert decode_tokens(tokens, v) == (
        steps_by_hand if v.kind == "steps" else notes_by_hand
    )(tokens, v)


@often
@given(vocabularies, anything)
def test_onsets_stay_on_the_grid_and_never_drift(v, rows):
    notes = Notes.of(rows)
    back = decode_tokens(encode_tokens(notes, v, outside="drop"), v)
    cells = set(np.floor(notes.onset * v.steps_per_beat + 0.5))
    assert set(np.round(back.onset * v.steps_per_beat)) <= cells


def test_notes_of_lengths_in_the_list_keep_them():
    tune = Notes.of([(0.5, 1.5, 60), (2, 0.25, 62), (3, 4, 64)])
    assert decode_tokens(encode_tokens(tune)) == tune


def test_a_length_that_is_not_in_the_list_becomes_the_nearest():
    v = Vocabulary(durations=(1, 2, 4, 8))
    lengths = [
        decode_tokens(encode_tokens(Notes.of([(0, d / 4, 60)]), v), v).duration[0] * 4
        for d in (3, 5, 7, 30)
    ]
    assert lengths == [2, 4, 8, 8]


def test_closing_gives_short_rests_to_the_note_before():
    played = Notes.of([(0, 0.75, 60), (1, 0.5, 62), (2, 1, 64)])
    assert decode_tokens(encode_tokens(played, close=1)).duration.tolist() == [
        1.0,
        0.5,
        1.0,
    ]
    assert decode_tokens(encode_tokens(played, close=2)).duration.tolist() == [
        1.0,
        1.0,
        1.0,
    ]


def test_a_repeated_note_is_no_long_note():
    for v in (Vocabulary(), PUBLIC):
        assert (
            len(decode_tokens(encode_tokens(Notes.of([(0, 1, 60), (1, 1, 60)]), v), v)) == 2
        )


@pytest.mark.parametrize(
    "tokens, legal",
    [
        ([], True),
        ([1, 1], True),
        ([0], False),
        ([2, 0], True),
        ([2, 1, 0, 1, 0], False),
        ([2, 0, 3, 0], True),
        ([99], False),
        ([-1], False),
    ],
)
def test_legal_steps(tokens, legal):
    assert is_legal_tokens(tokens, Vocabulary("steps", 60, 71)) == legal


def test_sizes_and_names():
    assert PUBLIC.size == 100
    for v in (PUBLIC, Vocabulary()):
        assert len(set(token_names(v))) == v.size
    v = Vocabulary()
    named = token_names(v)[encode_tokens(Notes.of([(0, 1.5, 66)]), v)[0]]
    assert named == "F#4 x6"


def test_windows_overlap_and_share_memory():
    tokens = np.arange(100)
    windows = token_windows(tokens)
    assert windows.shape == (5, 36) and windows[:, 0].tolist() == [0, 16, 32, 48, 64]
    assert np.shares_memory(windows, tokens)
    assert token_windows(tokens[:35]).shape == (0, 36)


def test_refusals():
    with pytest.raises(MusicFileError, match="transpose"):
        encode_tokens(Notes.of([(0, 1, 20)]))
    with pytest.raises(UnitError):
        encode_tokens(Notes.of([(0, 1, 60)], unit="seconds"))
    with pytest.raises(ValueError, match="crop"):
        encode_tokens(Notes.of([(0, 4, 60)]), beats=2)
    with pytest.raises(ValueError, match="this vocabulary has 0 to 487"):
        decode_tokens([488])
    with pytest.raises(ValueError, match="one by one"):
        decode_tokens([[1, 2]])
    for wrong in (
        {"kind": "words"},
        {"low": 5, "high": 4},
        {"durations": (2, 4)},
        {"durations": (1, 3, 3)},
        {"steps_per_beat": 0},
    ):
        with pytest.raises(ValueError):
            Vocabulary(**wrong)


@pytest.mark.parametrize(
    "beats, following, lasts",
    [
        (None, None, [4]),  # nothing is in its way
        (1.0, None, [4]),  # it fits to the last step
        (0.75, None, [1, 1, 1]),  # the piece ends before: one step, and two of rest
        (None, 3, [1, 1, 1, 1]),  # the next note starts before
        (None, 4, [4, 1]),  # and here just when it ends
        (1.25, 4, [4, 1]),
    ],
)
def test_no_length_reaches_beyond_the_next_note_or_the_end(beats, following, lasts):
    """Of the lengths in the list the nearest is taken that has room."""
    v = Vocabulary("notes", 60, 62, 4, durations=(1, 4))
    rows = [(0, 0.75, 60)] + ([(following / 4, 0.25, 62)] if following else [])
    tokens = encode_tokens(Notes.of(rows), v, beats=beats)
    assert [v.durations[t % 2] for t in tokens] == lasts
    assert token_beats(tokens, v) == sum(lasts) / 4
    decoded = decode_tokens(tokens, v)
    assert decoded.onset.tolist() == [onset for onset, _, _ in rows]
    assert is_melody(decoded)
