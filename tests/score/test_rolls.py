"""Measures of bars: by hand, against slow plain loops, and what must leave them alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.score import rolls
from fusiontools.score.rolls import MEASURES, each, overlapping_area

T, P = 96, 84
FUNCTIONS = {name: function for name, (function, _) in MEASURES.items()}


def bar(*notes, steps=T, pitches=P):
    """A bar from (first step, steps, pitch)."""
    made = np.zeros((steps, pitches), np.uint8)
    for first, length, pitch in notes:
        made[first : first + length, pitch] = 1
    return made


def some(n=40, seed=0):
    """Bars with notes of several lengths, the seventh and every seventh after it empty."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(n):
        notes = 0 if i % 7 == 6 else rng.integers(1, 12)
        made.append(
            bar(*zip(rng.integers(0, T, notes), rng.integers(1, 30, notes),
                     rng.integers(12, P - 12, notes)))
        )  # fmt: skip
    return np.array(made)


@st.composite
def small_bars(draw):
    """A few bars of other sizes, from silence to every cell."""
    n, steps, pitches = (
        draw(st.integers(0, 4)),
        draw(st.integers(1, 9)),
        draw(st.integers(1, 27)),
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.sampled_from([0, 0.02, 0.1, 0.4, 0.8, 1]))
    made = rng.random((n, steps, pitches)) < density
    return made.astype(draw(st.sampled_from([bool, np.uint8, np.float32])))


def notes_of(one):
    """Every note as (pitch, steps), read cell by cell."""
    found = []
    for p in range(one.shape[1]):
        length = 0
        for t in range(one.shape[0] + 1):
            if t < one.shape[0] and one[t, p]:
                length += 1
            elif length:
                found.append((p, length))
                length = 0
    return found


def plain(one):
    """The six measures of one bar, as their definitions read."""
    notes = notes_of(one)
    if not notes:
        return dict.fromkeys(MEASURES, np.nan)
    pitches = [p for p, _ in notes]
    together = [k for k in (sum(bool(x) for x in step) for step in one) if k]
    cells = sum(length for _, length in notes)
    inside = []
    for key in range(12):
        scale = {(key + step) % 12 for step in (0, 2, 4, 5, 7, 9, 11)}
        inside.append(sum(length for p, length in notes if p % 12 in scale))
    return {
        "upc": len({p % 12 for p in pitches}),
        "qn": sum(length >= 3 for _, length in notes) / len(notes),
        "polyphony": sum(together) / len(together),
        "density": len(notes),
        "scale": max(inside) / cells,
        "range": max(pitches) - min(pitches),
    }


# Truth tables: where public code goes wrong


@pytest.mark.parametrize(
    "bars, percent",
    [
        ([bar()], 100),
        ([bar((0, 1, 0))], 0),  # one sounding cell of 8,064 makes a bar full
        ([bar((95, 1, 83)), bar(), bar(), bar()], 75),  # bars, not steps; and not 25
        ([bar((0, 96, 40)), bar((0, 3, 40))], 0),
    ],
)
def test_empty_bars(bars, percent):
    assert 100 * rolls.is_empty(np.array(bars)).mean() == percent


@pytest.mark.parametrize(
    "notes, classes",
    [
        ([], np.nan),
        ([(0, 24, 0)], 1),
        ([(0, 24, 0), (24, 24, 0)], 1),
        ([(0, 24, 0), (0, 24, 12), (50, 2, 72)], 1),  # octaves are one class
        ([(0, 24, 0), (0, 24, 12), (0, 24, 7)], 2),
        ([(0, 1, p) for p in range(84)], 12),
    ],
)
def test_used_pitch_classes(notes, classes):
    found = rolls.used_pitch_classes(bar(*notes)[None])
    np.testing.assert_array_equal(found, [classes])


@pytest.mark.parametrize(
    "notes, share",
    [
        ([], np.nan),
        ([(5, 1, 40)], 0),  # one step does not qualify
        ([(5, 2, 40)], 0),
        ([(5, 3, 40)], 1),
        ([(0, 96, 40)], 1),
        ([(5, 3, 40), (8, 3, 40)], 1),  # touching: one note of six steps
        ([(5, 2, 40), (7, 1, 40)], 1),  # and one of three
        ([(5, 2, 40), (8, 2, 40)], 0),
        ([(5, 3, 40), (5, 2, 41), (50, 1, 40), (60, 9, 2)], 0.5),
        ([(0, 2, 40)], 0),  # at the bar's edges: what lies in the bar
        ([(94, 2, 40)], 0),
        ([(93, 3, 40)], 1),
        (
            [(94, 2, 40), (0, 1, 41)],
            0,
        ),  # a column's end and the next one's start: two notes
    ],
)
def test_qualified_notes(notes, share):
    np.testing.assert_array_equal(rolls.qualified_notes(bar(*notes)[None]), [share])


def test_a_note_across_the_bar_line_counts_in_each_bar_by_its_part():
    two = bar((94, 12, 40), steps=2 * T).reshape(2, T, P)
    assert rolls.qualified_notes(two).tolist() == [0, 1]
    assert rolls.note_density(two).tolist() == [1, 1]


def test_means_leave_empty_bars_out():
    bars = np.array([bar((0, 3, 0), (0, 1, 4)), bar(), bar()])
    assert np.nanmean(rolls.used_pitch_classes(bars)) == 2
    assert np.nanmean(rolls.qualified_notes(bars)) == 0.5


def test_least_may_be_chosen():
    bars = bar((0, 1, 0), (0, 2, 1), (0, 4, 2), (0, 96, 3))[None]
    shares = [rolls.qualified_notes(bars, least)[0] for least in (1, 2, 3, 5, 96, 97)]
    assert shares == [1, 0.75, 0.5, 0.25, 0.25, 0]
    with pytest.raises(ValueError, match="least"):
        rolls.qualified_notes(bars, 0)


def test_the_other_measures_by_hand():
    bars = np.array([bar((0, 24, 0), (0, 12, 4), (48, 12, 7), (60, 12, 1)), bar()])
    wanted = {"polyphony": 60 / 48, "density": 4, "scale": 0.8, "range": 7}
    for name, value in wanted.items():
        np.testing.assert_allclose(FUNCTIONS[name](bars), [value, np.nan])
    chromatic = bar(*[(0, 5, p) for p in range(24)])[None]
    assert rolls.scale_consistency(chromatic)[0] == pytest.approx(7 / 12)
    assert rolls.scale_consistency(bar((0, 9, 80))[None])[0] == 1


# Against plain loops


@settings(max_examples=60, deadline=None)
@given(small_bars())
def test_measures_equal_plain_loops(bars):
    wanted = [plain(one) for one in bars]
    together = each(bars)
    assert list(together) == list(MEASURES)
    for name, function in FUNCTIONS.items():
        values = np.array([one[name] for one in wanted], float)
        np.testing.assert_allclose(function(bars), values, err_msg=name)
        np.testing.assert_array_equal(together[name], function(bars), err_msg=name)
    assert rolls.is_empty(bars).tolist() == [not notes_of(one) for one in bars]


@settings(max_examples=40, deadline=None)
@given(small_bars(), st.integers(0, 3))
def test_repetition_and_copies_equal_plain_loops(bars, cut):
    songs = np.array([i >= cut for i in range(len(bars))], int)
    wanted, of = [], []
    for i in range(len(bars) - 1):
        a, b = (set(zip(*np.nonzero(bars[j]))) for j in (i, i + 1))
        if songs[i] == songs[i + 1] and a and b:
            wanted.append(len(a & b) / len(a | b))
            of.append(songs[i])
    common, found = rolls.repetition(bars, songs)
    np.testing.assert_allclose(common, wanted)
    assert found.tolist() == of
    known = bars[:cut]
    copied = [one.any() and any((one == k).all() for k in known) for one in bars]
    assert rolls.copied_bars(bars, set(rolls.bar_keys(known))).tolist() == copied


@settings(max_examples=40, deadline=None)
@given(small_bars(), small_bars())
def test_overlap_equals_plain_loops(a, b):
    a, b = each(a), each(b)
    area = overlapping_area(a, b)
    for name, (_, edges) in MEASURES.items():
        sides = [values[~np.isnan(values)] for values in (a[name], b[name])]
        if not all(map(len, sides)):
            assert np.isnan(area[name])
            continue
        common = 0
        for low, high in zip(edges[:-1], edges[1:]):
            common += min(np.mean([low <= x < high for x in side]) for side in sides)
        assert area[name] == pytest.approx(common)


# What must leave them alone


def test_parts_change_nothing(monkeypatch):
    bars = some()
    whole = each(bars), rolls.repetition(bars, np.arange(40) // 9)[0], rolls.bar_keys(bars)
    monkeypatch.setattr(rolls, "_AT_ONCE", 7)
    np.testing.assert_equal(
        (each(bars), rolls.repetition(bars, np.arange(40) // 9)[0], rolls.bar_keys(bars)),
        whole,
    )


@pytest.mark.parametrize("by", [-12, -5, 1, 12])
def test_moving_all_pitches_changes_nothing(by):
    bars = some()
    np.testing.assert_equal(each(np.roll(bars, by, axis=2)), each(bars))


def test_octaves_of_single_notes_leave_classes_and_scale():
    rng = np.random.default_rng(3)
    for _ in range(20):
        notes = [(8 * i, 5, p) for i, p in enumerate(rng.integers(24, 60, 12))]
        moved = [(t, n, p + 12 * rng.integers(-2, 3)) for t, n, p in notes]
        a, b = bar(*notes)[None], bar(*moved)[None]
        for name in ("upc", "scale", "density"):
            assert FUNCTIONS[name](a) == FUNCTIONS[name](b)


def test_permuted_keeps_time_and_loses_pitch():
    bars = some()
    made = rolls.permuted(bars, seed=5)
    assert made.shape == bars.shape and made.dtype == bars.dtype
    before, after = each(bars), each(made)
    for name in ("qn", "density", "polyphony"):
        np.testing.assert_array_equal(before[name], after[name])
    assert np.nanmean(before["scale"]) != np.nanmean(after["scale"])
    np.testing.assert_array_equal(rolls.is_empty(made), rolls.is_empty(bars))
    np.testing.assert_array_equal(made, rolls.permuted(bars, seed=5))
    assert (made != rolls.permuted(bars, seed=6)).any()
    # all steps of a bar in one order, and each bar in its own
    assert sorted(map(bytes, made[0].T)) == sorted(map(bytes, bars[0].T))
    same = rolls.permuted(np.repeat(bars[:1], 9, axis=0))
    assert len(set(rolls.bar_keys(same))) == 9


def test_bernoulli_has_the_density():
    bars = some()
    made = rolls.bernoulli(bars, 50, seed=1)
    assert made.shape == (50, T, P) and made.dtype == bool
    assert made.mean() == pytest.approx(bars.mean(), rel=0.05)
    np.testing.assert_array_equal(made, rolls.bernoulli(bars, 50, seed=1))
    assert not rolls.bernoulli(np.zeros((2, T, P)), 3).any()
    assert rolls.bernoulli(np.ones((2, T, P)), 3).all()
    with pytest.raises(ValueError, match="no bars"):
        rolls.bernoulli(bars[:0], 3)


def test_overlap():
    a, b = each(some(seed=1)), each(some(30, seed=2))
    own = overlapping_area(a, a)
    assert list(own) == [*MEASURES, "mean"]
    np.testing.assert_allclose(list(own.values()), 1)
    assert overlapping_area(a, b) == pytest.approx(overlapping_area(b, a))
    assert 0 < overlapping_area(a, b)["mean"] < 1
    low, high = each(bar((0, 9, 3))[None]), each(bar(*[(0, 2, p) for p in range(80)])[None])
    assert overlapping_area(low, high)["mean"] == 0
    with pytest.raises(ValueError, match="same"):
        overlapping_area(a, {"upc": a["upc"]})
    with pytest.raises(ValueError, match="measures"):
        overlapping_area({"loudness": [1]}, {"loudness": [1]})


def test_every_bin_takes_the_extremes():
    full = np.array([bar(*[(t, 1, p) for t in range(0, T, 2) for p in range(P)])])
    one = np.array([bar((0, 1, 0)), bar((0, T, 83)), bar((0, 9, 0), (0, 9, 83))])
    for bars in (full, full | 1, one):
        np.testing.assert_allclose(list(overlapping_area(*[each(bars)] * 2).values()), 1)


def test_keys_are_the_packed_cells():
    bars = some()
    packed = np.packbits(bars.reshape(len(bars), -1), axis=1)
    keys = rolls.bar_keys(bars)
    assert keys == [row.tobytes() for row in packed] == rolls.bar_keys(bars.astype(bool))
    assert not rolls.copied_bars(bars, set()).any()
    known = set(keys)  # empty ones too
    np.testing.assert_array_equal(rolls.copied_bars(bars, known), ~rolls.is_empty(bars))
    np.testing.assert_array_equal(
        rolls.copied_bars(bars, keys), rolls.copied_bars(bars, known)
    )


def test_a_phrase_said_again_repeats_wholly():
    one = bar((0, 24, 40), (24, 24, 44))
    common, songs = rolls.repetition([one, one, bar(), one, one, one], [1, 1, 1, 1, 2, 2])
    assert common.tolist() == [1, 1] and songs.tolist() == [1, 2]
    with pytest.raises(ValueError, match="song each"):
        rolls.repetition([one, one], [1])


@pytest.mark.parametrize("n", [0, 3])
def test_silence(n):
    bars = np.zeros((n, T, P), np.uint8)
    found = each(bars)
    for name, function in FUNCTIONS.items():
        assert found[name].shape == function(bars).shape == (n,)
        assert np.isnan(found[name]).all() and np.isnan(function(bars)).all()
    assert rolls.is_empty(bars).tolist() == [True] * n
    assert all(map(np.isnan, overlapping_area(found, each(some())).values()))
    common, songs = rolls.repetition(bars, [0] * n)
    assert common.shape == songs.shape == (0,)
    keys = rolls.bar_keys(bars)
    assert len(keys) == n and not rolls.copied_bars(bars, set(keys)).any()
    assert rolls.permuted(bars).shape == bars.shape and not rolls.permuted(bars).any()


@pytest.mark.parametrize(
    "function", [*FUNCTIONS.values(), each, rolls.is_empty, rolls.bar_keys, rolls.permuted]
)
def test_one_bar_alone_is_refused(function):
    with pytest.raises(ValueError, match="shape"):
        function(bar((0, 3, 40)))
