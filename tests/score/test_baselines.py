"""The baselines: what each keeps of the melodies that it is made of, and what it breaks."""

from itertools import pairwise

import numpy as np
import pytest

from fusiontools.errors import NoNotesError
from fusiontools.music.grid import BAR, HALF, HIGH, HOLD, LOW, REST, repair_grid
from fusiontools.music.notes import Notes, is_melody, shift
from fusiontools.score import (
    BASELINES,
    copied_share,
    copies,
    counts,
    distribution,
    earth_mover,
    fusion_scores,
    half_and_half,
    monte_carlo,
    noise,
    random_mixing,
    shuffled,
    splice,
    transposed,
)
from fusiontools.score.baselines import bars_in_turn, shuffled_grid, to_key
from fusiontools.score.markov import key_scores, note_lengths, pitch_class_lengths


def walks(seed, n, pitches, durations, notes=40):
    """Melodies that go round a scale by small steps; A and B differ in scale and rhythm."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(n):
        place = np.cumsum(rng.integers(-1, 2, notes)) % len(pitches)
        length = rng.choice(durations, notes)
        found.append(Notes(np.cumsum(length) - length, length, np.array(pitches)[place]))
    return found


A = walks(0, 40, [60, 61, 63, 64, 66, 67, 69, 70], [0.25, 0.5])
B = walks(1, 40, [62, 64, 65, 67, 69, 71, 72], [0.5, 1.0, 2.0])


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_makes_melodies_and_repeats_from_its_seed(name):
    first, again, other = (BASELINES[name](A, B, 25, seed) for seed in (3, 3, 4))
    assert len(first) == 25
    assert all(
        isinstance(m, Notes) and m.unit == "beats" and len(m) and is_melody(m)
        for m in first
    )
    assert first == again
    assert first != other
    assert BASELINES[name](A, B, 0) == []


def key(melody):
    return tuple(melody.onset), tuple(melody.pitch)


def test_copies_are_copies_and_come_back_only_when_all_are_used():
    assert sorted(map(key, copies(A, 40))) == sorted(map(key, A))
    twice = [key(m) for m in copies(A, 80)]
    assert sorted(twice) == sorted(2 * [key(m) for m in A])
    assert len(set(map(key, copies(A, 15)))) == 15


def test_transposed_melodies_are_still_copies_in_another_key():
    moved = transposed(A, 40)
    assert copied_share(moved, A) == 1
    by = {
        int(
            m.pitch[0]
            - next(
                t for t in A if np.array_equal(np.diff(t.pitch), np.diff(m.pitch))
            ).pitch[0]
        )
        for m in moved
    }
    assert 0 not in by
    assert by <= set(range(-6, 7))


def test_transposing_stays_within_midi():
    top = Notes.of([(0, 1, 127)])
    bottom = Notes.of([(0, 1, 0)])
    all_of_it = Notes.of([(0, 1, 0), (1, 1, 127)])
    for seed in range(20):
        assert transposed([top], 1, seed)[0].pitch[0] < 127
        assert transposed([bottom], 1, seed)[0].pitch[0] > 0
    assert transposed([all_of_it], 1) == [all_of_it]


def test_shuffling_keeps_every_histogram_and_breaks_every_bigram():
    mixed, bag = shuffled(A, 40), A
    for name in ("dd", "npd"):
        assert np.array_equal(distribution(name, mixed), distribution(name, bag))
    assert not np.allclose(distribution("ib", mixed), distribution("ib", bag), atol=0.01)
    assert all(
        m.end
        == pytest.approx(
            next(
                t.end
                for t in A
                if sorted(t.pitch) == sorted(m.pitch) and t.end == pytest.approx(m.end)
            )
        )
        for m in mixed
    )


def test_shuffling_takes_rests_along():
    tune = Notes.of([(1, 1, 60), (3, 0.5, 64), (3.5, 2, 67)])
    found = shuffled([tune], 1, seed=1)[0]
    rests = {
        int(p): float(r) for p, r in zip(found.pitch, found.onset[1:] - found.offset[:-1])
    }
    assert rests.get(60, 1.0) == 1.0  # unless C came last
    assert found.onset[0] == 1
    assert sorted(zip(found.pitch.tolist(), found.duration.tolist())) == [
        (60, 1.0),
        (64, 0.5),
        (67, 2.0),
    ]


def test_noise_takes_every_pitch_in_range_alike():
    found = noise(A, 200, longest=4)
    pitch = np.concatenate([m.pitch for m in found])
    assert set(pitch.tolist()) == set(range(60, 71))  # also those of no scale
    assert np.bincount(pitch - 60).max() < 1.3 * np.bincount(pitch - 60).min()
    assert set(np.concatenate([m.duration for m in found]).tolist()) == {
        0.25,
        0.5,
        0.75,
        1.0,
    }


def test_half_and_half_is_half_and_half_and_scores_as_a_fusion():
    bag, known = half_and_half(A, B, 41), [set(map(key, side)) for side in (A, B)]
    assert [sum(key(m) in side for m in bag) for side in known] == [21, 20]
    scores = fusion_scores(half_and_half(A, B, 80), A, B)
    assert scores["dd_eud_ratio"] == pytest.approx(1)
    assert scores["npd_em_ratio"] == pytest.approx(1)


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_splice_has_bars_of_both_in_turn(cuts):
    for melody in splice(A, B, 20, cuts=cuts):
        bars = [
            {int(p) for p in melody.pitch[(melody.onset // 4) == k]}
            for k in range(int(np.ceil(melody.end / 4)))
        ]
        # 61, 63, 66, 70 are of A's scale alone, 62, 65, 71, 72 of B's
        sides = [
            side
            for bar in bars
            if (
                side := ("a" if bar & {61, 63, 66, 70} else "")
                + ("b" if bar & {62, 65, 71, 72} else "")
            )
        ]
        assert all(len(side) == 1 for side in sides)
        assert sum(x != y for x, y in pairwise(sides)) <= cuts
    both = [set(m.pitch.tolist()) for m in splice(A, B, 20, cuts=cuts)]
    assert (
        sum(bool(p & {61, 63, 66, 70}) and bool(p & {62, 65, 71, 72}) for p in both) >= 15
    )


def test_a_splice_joins_the_bars_of_its_sources():
    low, high = (Notes.of([(k, 1, pitch + k) for k in range(16)]) for pitch in (40, 80))
    starts = []
    for seed in range(10):
        found = splice([low], [high], 1, seed)[0]
        # every beat is there once, from one or the other
        assert (found.pitch % 40).tolist() == list(range(16))
        change = np.flatnonzero(np.diff(found.pitch >= 80)) + 1
        assert len(change) == 1
        assert change[0] % 4 == 0
        starts.append(bool(found.pitch[0] >= 80))
    assert set(starts) == {True, False}


@pytest.mark.parametrize("cuts", [1, 3])
def test_splices_tell_what_they_are_made_of(cuts):
    short, none = A[0][:2], Notes.of([])
    a, b = [none, short, *(shift(m, 8) for m in A[:9])], [*B[:7], none, short]
    made, places = splice(a, b, 40, seed=2, cuts=cuts, sources=True)
    assert made == splice(a, b, 40, seed=2, cuts=cuts)  # telling it changes nothing
    assert places.shape == (40, 2) and places.dtype.kind == "i"
    assert set(places[:, 0]) == set(range(2, 11)) and set(places[:, 1]) == set(range(7))
    for melody, (i, j) in zip(made, places):
        sources = [shift(a[i], -8), b[j]]
        bars = min(int(np.ceil(m.end / 4)) for m in sources)
        fits = []  # for each bar the sources whose bar it is
        for k in range(bars):
            own = starts(melody, k)
            fits.append({n for n, m in enumerate(sources) if starts(m, k) == own})
        assert all(fits) and starts(melody, bars) == []
        # some way through the bars has as many changes as there are cuts
        ways = [(n, 0) for n in fits[0]]
        for now in fits[1:]:
            ways = [(n, many + (n != old)) for old, many in ways for n in now]
        assert min(cuts, bars - 1) in {many for _, many in ways}
    assert splice(a, b, 0, sources=True)[1].shape == (0, 2)


def starts(melody, bar):
    """The notes that start in a bar: onset and pitch."""
    inside = (melody.onset >= 4 * bar) & (melody.onset < 4 * bar + 4)
    return [*zip(melody.onset[inside].tolist(), melody.pitch[inside].tolist())]


def test_splices_do_not_mind_where_a_melody_stands_in_time():
    low, high = (Notes.of([(k, 1, pitch + k) for k in range(16)]) for pitch in (40, 80))
    assert splice([shift(low, 400)], [shift(high, -8)], 5) == splice([low], [high], 5)


def test_half_of_the_splices_start_with_each_domain():
    low, high = (Notes.of([(k, 1, pitch) for k in range(16)]) for pitch in (40, 80))
    assert sorted(int(m.pitch[0]) for m in splice([low], [high], 10)) == [40] * 5 + [80] * 5


def test_monte_carlo_follows_the_pooled_frequencies_and_random_mixing_does_not():
    mc, rm = monte_carlo(A, B, 400), random_mixing(A, B, 400)
    for name in ("dd", "npd"):
        pooled, made, uniform = (distribution(name, x) for x in (A + B, mc, rm))
        assert earth_mover(made, pooled) < 0.1
        assert earth_mover(uniform, pooled) > 3 * earth_mover(made, pooled)
        # nothing that does not occur
        assert set(np.flatnonzero(uniform)) == set(np.flatnonzero(pooled))
    pitch = np.concatenate([m.pitch for m in rm])
    often = np.bincount(pitch)[np.unique(pitch)]
    assert often.max() < 1.2 * often.min()


def test_monte_carlo_loses_all_order():
    ib = fusion_scores(monte_carlo(A, B, 80), A, B)
    assert ib["npd_eud_ratio"] < 1.1
    assert ib["ib_eud_ratio"] > 1.5


def test_sampled_melodies_are_as_long_as_the_given_ones():
    short, long = A[0][:5], B[0][:30]
    for make in (random_mixing, monte_carlo):
        assert sorted(len(m) for m in make([short], [long], 10)) == [5] * 5 + [30] * 5


def test_played_durations_are_rounded_before_they_are_mixed():
    played = Notes.of([(0, 0.98, 60), (1, 1.03, 62), (2.1, 0.01, 64)])
    assert set(
        np.concatenate([m.duration for m in random_mixing([played], [played], 20)]).tolist()
    ) == {0.25, 1.0}


def test_empty_melodies_are_passed_over_and_empty_domains_refused():
    none = Notes.of([])
    assert copies([none, A[0]], 1) == [A[0]]
    for make in BASELINES.values():
        with pytest.raises(NoNotesError, match="no melody"):
            make([none], [none], 3)
    with pytest.raises(NoNotesError, match="two bars"):
        splice([A[0][:2]], B, 1)
    with pytest.raises(ValueError, match="at least one cut"):
        splice(A, B, 1, cuts=0)


def test_counts_of_baselines_have_one_row_a_melody():
    assert counts("dd", BASELINES["mc"](A, B, 7)).shape == (7, 17)


# On grids


def grids(n=24):
    """Left and right halves of melodies over an octave, each in a random key, with rests;
    now and then a note sounds over the middle: (n, 64) twice.
    """
    rng, rows = np.random.default_rng(0), np.ones((n, 2 * HALF), np.uint8)
    for row in rows:
        scale, at = 62 + rng.integers(-5, 8) + np.array([0, 2, 4, 5, 7, 9, 11, 12]), 0
        while at < len(row):
            row[at] = rng.choice(scale)
            length = int(rng.choice([1, 2, 4, 6]))
            if rng.random() < 0.15:
                row[at + length // 2 + 1 : at + length + 1] = REST
            at += length + 1
    rows = repair_grid(rows)
    return rows[:, :HALF], rows[:, HALF:]


def tonic(half):
    lengths = pitch_class_lengths(half[None], note_lengths(half[None]))
    return int(key_scores(lengths).argmax()) % 12


def notes_of(half):
    """(pitch, length) of each note, in order of their pitches."""
    starts = half > HOLD
    return sorted(zip(half[starts].tolist(), note_lengths(half)[starts].tolist()))


def test_bars_take_turns():
    pairs = np.stack(grids(), axis=1)
    bars = bars_in_turn(pairs[:, 0], pairs[:, 1]).reshape(len(pairs), 8, BAR)
    for k in range(8):
        assert np.array_equal(bars[:, k], pairs[:, k % 2].reshape(-1, 4, BAR)[:, k // 2])


def test_halves_come_to_the_key_of_the_first_by_the_fewest_semitones():
    (left, right), steps = grids(), set()
    for one, other, row in zip(left, right, to_key(left, right)):
        sounds = other > HOLD
        (step,) = np.unique(row[sounds].astype(int) - other[sounds])
        assert np.array_equal(row[~sounds], other[~sounds])  # and every rhythm is kept
        assert tonic(row) == tonic(one)
        low, high = int(other[sounds].min()), int(other[sounds].max())
        ways = [d for d in range(-12, 13) if LOW <= low + d and high + d <= HIGH]
        fitting = [d for d in ways if (tonic(other) + d - tonic(one)) % 12 == 0]
        assert abs(int(step)) == min(map(abs, fitting))
        steps.add(int(step))
    assert len(steps) > 5


def test_a_half_that_fits_nowhere_else_stays_where_it_is():
    wide = np.tile(np.repeat(np.array([LOW, HIGH, 64, 66], np.uint8), 4), 4)
    wide[np.arange(64) % 4 > 0] = HOLD
    home = grids()[0][:1]
    assert tonic(wide) != tonic(home[0])
    assert np.array_equal(to_key(home, wide[None])[0], wide)


def test_shuffling_keeps_every_note_its_length_and_the_silence():
    halves, moved = np.concatenate(grids()), 0
    found = shuffled_grid(halves, np.random.default_rng(2))
    begun = halves[:, 0] != HOLD  # a hold that a half begins with is of no note of its own
    assert 24 < begun.sum() < 48
    for row, there in zip(found[begun], halves[begun]):
        assert notes_of(row) == notes_of(there)
        assert (row == REST).sum() == (there == REST).sum()
        moved += not np.array_equal(row, there)
    assert moved > 0.9 * begun.sum()
