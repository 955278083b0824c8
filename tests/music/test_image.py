"""What is true of MIDI images: a voxel is one step, and every legal picture comes back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.errors import MusicFileError
from fusiontools.music.image import (
    SHAPE,
    decode_image,
    encode_image,
    image_windows,
    is_legal_image,
    legal_values,
    place_of,
    seen,
    span,
    step_of,
)
from fusiontools.music.notes import Notes, crop, legato, merge

often = settings(max_examples=60, deadline=None, derandomize=True)
shapes = st.tuples(st.integers(3, 6), st.integers(3, 6), st.integers(1, 3))
layouts, codings = st.sampled_from(["pixel", "plane"]), st.sampled_from(["onset", "pitch"])
ranges = st.sampled_from([(1, 127), (55, 84), (60, 60), (21, 108)])
ticks = st.sampled_from([1, 0.5, 0.25, 1 / 3, 1 / 24])


@st.composite
def pictures(draw):
    """Small pictures, mostly of legal values: runs of few different ones."""
    shape, coding, (low, high) = draw(shapes), draw(codings), draw(ranges)
    hold, onset = legal_values(low, high, coding)
    k = draw(st.integers(0, len(hold) - 1))
    some = [
        0,
        int(hold[k]),
        int(onset[k]),
        int(hold[0]),
        int(onset[-1]),
        draw(st.integers(0, 255)),
    ]
    values = draw(
        st.lists(
            st.sampled_from(some),
            min_size=int(np.prod(shape)),
            max_size=int(np.prod(shape)),
        )
    )
    return np.array(values, np.uint8).reshape(shape), {
        "coding": coding,
        "low": low,
        "high": high,
    }


@often
@given(pictures(), layouts, ticks)
def test_legal_pictures_come_back_and_only_legal_ones_do(case, layout, tick):
    image, how = case
    notes = decode_image(image, tick, layout, **how)
    back = encode_image(notes, tick, image.shape, layout, **how)
    assert np.array_equal(back, image) == is_legal_image(image, layout, **how)
    assert is_legal_image(back, layout, **how)
    assert decode_image(back, tick, layout, **how) == notes


@often
@given(
    st.lists(
        st.tuples(st.floats(0, 300), st.floats(0.05, 20), st.integers(0, 127)), max_size=15
    ),
    layouts,
    codings,
)
def test_whatever_is_painted_is_legal(rows, layout, coding):
    image = encode_image(Notes.of(rows), layout=layout, coding=coding, outside="drop")
    assert image.shape == SHAPE and image.dtype == np.uint8
    assert is_legal_image(image, layout, coding)
    assert np.array_equal(
        encode_image(
            decode_image(image, layout=layout, coding=coding), layout=layout, coding=coding
        ),
        image,
    )


@often
@given(shapes, layouts)
def test_every_step_has_one_voxel(shape, layout):
    steps = np.arange(np.prod(shape))
    places = place_of(steps, shape, layout)
    assert np.array_equal(step_of(*places, shape, layout), steps)
    assert len(set(zip(*(p.tolist() for p in places)))) == len(steps)


def test_the_order_of_time():
    long_note = Notes.of([(i, 1, 1 + i) for i in range(12)])
    small = {"tick": 1, "shape": (2, 2, 3), "coding": "pitch"}
    by_pixel = encode_image(long_note, layout="pixel", **small)
    assert by_pixel.ravel().tolist() == sorted(by_pixel.ravel().tolist())
    by_plane = encode_image(long_note, layout="plane", **small)
    assert np.moveaxis(by_plane, 2, 0).ravel().tolist() == by_pixel.ravel().tolist()


@often
@given(st.sampled_from([1, 2, 3, 5]), st.integers(5, 9), st.integers(1, 3), layouts)
def test_a_filter_sees_what_a_marked_picture_shows(kernel, side, channels, layout):
    shape = (side, side, channels)
    times = step_of(*np.indices(shape), shape, layout)
    corner = (
        times[1 : 1 + kernel, 2 : 2 + kernel]
        if kernel + 2 <= side
        else times[:kernel, :kernel]
    )
    found = np.sort(corner.ravel()) - corner.min()
    assert np.array_equal(found, seen(kernel, shape, layout))
    assert span(kernel, shape, layout) == found[-1] + 1


def test_the_paper_s_seventeen_and_ours():
    assert span(shape=(7, 7, 1)) == 17
    assert span() == 2 * 32 * 3 + 3 * 3
    assert span(layout="plane") == 2 * 1024 + 2 * 32 + 3
    assert len(seen()) == len(seen(layout="plane")) == 27


@pytest.mark.parametrize("low, high", [(1, 127), (55, 84), (60, 60), (60, 62)])
def test_values_fit_a_byte_and_none_is_used_twice(low, high):
    hold, onset = legal_values(low, high)
    values = [0, *hold.tolist(), *onset.tolist()]
    assert len(set(values)) == len(values) and max(values) <= 255


def test_a_value_between_two_is_the_nearest_and_every_picture_can_be_read():
    hold, _ = legal_values(55, 84, "pitch")
    for off in (-3, 0, 3, 4):  # pitches stand 8 apart
        image = np.full((3, 3, 1), hold[10] + off, np.uint8)
        assert decode_image(image, coding="pitch", low=55, high=84).pitch.tolist() == [65]
    noise = np.random.default_rng(0).integers(0, 256, SHAPE)
    for coding in ("onset", "pitch"):
        assert len(decode_image(noise, coding=coding)) > 100


def test_repeats_stay_apart_only_where_onsets_are_marked():
    tune = Notes.of([(0, 1, 60), (1, 1, 60), (2, 1, 62)])
    assert decode_image(encode_image(tune)) == tune
    assert decode_image(
        encode_image(tune, coding="pitch"), coding="pitch"
    ).duration.tolist() == [2, 1]


def test_a_chord_leaves_its_top():
    assert decode_image(
        encode_image(Notes.of([(0, 1, 60), (0, 1, 64), (0, 1, 67)]))
    ).pitch.tolist() == [67]


@often
@given(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 40)), max_size=12),
    st.integers(1, 60),
)
def test_windows_are_the_pieces_of_the_piece(rows, stride):
    shape, steps = (4, 5, 3), 60
    notes = legato(Notes.of([(t / 4, d / 4, 60 + t % 7) for t, d in rows]))
    images = image_windows(notes, stride=stride, shape=shape)
    length = round(notes.end * 4)
    assert len(images) == 1 + max(-(-(length - steps) // stride), 0)
    for i, image in enumerate(images):
        a, b = i * stride / 4, (i * stride + steps) / 4
        tied = notes[(notes.onset < a) & (notes.offset > a)]
        # it starts again where it was cut
        tied = Notes(0 * tied.onset, np.minimum(tied.offset, b) - a, tied.pitch)
        assert is_legal_image(image)
        assert decode_image(image) == merge(tied, crop(notes, a, b))


def test_refusals():
    with pytest.raises(MusicFileError):
        encode_image(Notes.of([(0, 1, 0)]))
    with pytest.raises(ValueError, match="crop"):
        encode_image(Notes.of([(0, 1000, 60)]))
    for call in (
        lambda: encode_image(Notes.of([]), layout="spiral"),
        lambda: encode_image(Notes.of([]), coding="ascii"),
        lambda: encode_image(Notes.of([]), tick=0.3),
        lambda: encode_image(Notes.of([]), tick=0),
        lambda: encode_image(Notes.of([]), low=0),
        lambda: decode_image(np.zeros((32, 32))),
        lambda: decode_image(np.full(SHAPE, 0.5)),
        lambda: decode_image(np.full(SHAPE, 256)),
        lambda: image_windows(Notes.of([]), stride=0),
        lambda: seen(kernel=8, shape=(7, 7, 1)),
    ):
        with pytest.raises(ValueError):
            call()
