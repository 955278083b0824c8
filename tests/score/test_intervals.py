"""Ranges: the quick way draws what the slow way draws, and they hold the truth as often as
they say.
"""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.score import Interval, bootstrap, bootstrap_counts, ratio, shares, wilson
from fusiontools.score.intervals import means_of_groups


def tables(seed, n=(20, 30, 25), bins=6):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 9, (m, bins)) for m in n]


def share_ratio(f, a, b):
    return ratio(shares(f), shares(a), shares(b))


def of_rows(f, a, b):
    return share_ratio(*(x.sum(axis=0) for x in (f, a, b)))


@pytest.mark.parametrize("kind", ["percentile", "basic"])
@pytest.mark.parametrize("paired", [False, True])
def test_the_quick_way_equals_the_slow_way(kind, paired):
    rows = tables(0, (20, 20, 20))
    options = {"repeats": 40, "seed": 3, "paired": paired, "kind": kind}
    # The slow way draws one repeat after the other from the same stream, so it sees the
    # same rows
    assert bootstrap_counts(share_ratio, *rows, **options) == pytest.approx(
        bootstrap(of_rows, *rows, **options)
    )


def test_drawing_in_parts_changes_nothing(monkeypatch):
    rows = tables(1)
    whole = bootstrap_counts(share_ratio, *rows, repeats=30)
    monkeypatch.setattr("fusiontools.score.intervals._AT_ONCE", 100)
    assert bootstrap_counts(share_ratio, *rows, repeats=30) == pytest.approx(whole)


def test_seeds_repeat_and_differ():
    sample = np.random.default_rng(0).normal(size=50)
    assert bootstrap(np.mean, sample, repeats=50, seed=1) == bootstrap(
        np.mean, sample, repeats=50, seed=1
    )
    assert bootstrap(np.mean, sample, repeats=50, seed=1) != bootstrap(
        np.mean, sample, repeats=50, seed=2
    )


def test_lists_stay_lists_and_several_numbers_come_back_as_arrays():
    seen = []
    found = bootstrap(
        lambda tunes: seen.append(tunes) or [len(tunes), sum(map(len, tunes))],
        ["a", "bb", "ccc"],
        repeats=5,
    )
    assert all(isinstance(t, list) and len(t) == 3 for t in seen)
    assert np.shape(found.value) == np.shape(found.low) == np.shape(found.high) == (2,)
    assert found.low[0] == found.high[0] == 3


def test_pairs_are_drawn_together():
    before = np.random.default_rng(0).normal(size=40)
    after = before + 1
    gain = Interval(
        *bootstrap(lambda x, y: np.mean(y - x), before, after, repeats=50, paired=True)
    )
    assert gain == pytest.approx((1, 1, 1))
    apart = bootstrap(lambda x, y: np.mean(y) - np.mean(x), before, after, repeats=50)
    assert apart.high - apart.low > 0.1


def test_the_basic_range_is_the_percentile_range_mirrored_at_the_value():
    rows = tables(2)
    value, low, high = bootstrap_counts(share_ratio, *rows, repeats=50)
    assert bootstrap_counts(share_ratio, *rows, repeats=50, kind="basic") == pytest.approx(
        (value, 2 * value - high, 2 * value - low)
    )


def test_ranges_of_a_mean_hold_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(0)
    held = []
    for trial in range(200):
        sample = (rng.random((80, 1)) < 0.3).astype(int)
        _, low, high = bootstrap_counts(
            lambda h: h[..., 0] / 80, sample, repeats=200, level=0.9, seed=trial
        )
        held.append(low <= 0.3 <= high)
    assert 0.84 <= np.mean(held) <= 0.96


def test_for_a_bag_the_basic_range_holds_the_truth_and_the_percentile_range_does_not():
    """The true Ratio of a mixture is 1; noise lifts the measured one, and drawing again
    lifts it once more.
    """
    rng, kinds = np.random.default_rng(1), ("basic", "percentile")
    one, two = (rng.dirichlet(np.ones(12)) for _ in range(2))
    held = dict.fromkeys(kinds, 0)
    for trial in range(20):
        a, b, c, d = (rng.multinomial(10, p, 60) for p in (one, two, one, two))
        for kind in kinds:
            _, low, high = bootstrap_counts(
                share_ratio,
                np.concatenate([c, d]),
                a,
                b,
                repeats=150,
                seed=trial,
                kind=kind,
            )
            held[kind] += low <= 1 + 1e-12 <= high + 2e-12
    assert held["basic"] >= 18
    assert held["percentile"] <= 2


@settings(max_examples=30, deadline=None, derandomize=True)
@given(of=st.integers(1, 400), data=st.data())
def test_wilson_ends_are_where_the_share_is_just_believable(of, data):
    hits = data.draw(st.integers(0, of))
    value, low, high = wilson(hits, of)
    assert 0 <= low <= value <= high <= 1
    z = NormalDist().inv_cdf(0.975)
    for end in (low, high):
        # the score test: |p - end| is z standard deviations of a share of `end`
        if 0 < end < 1:
            assert abs(value - end) == pytest.approx(
                z * (end * (1 - end) / of) ** 0.5, abs=1e-9
            )
    assert wilson(of - hits, of) == pytest.approx((1 - value, 1 - high, 1 - low))


# Means over groups, and over two groups at once


def slow_means(x, groups, of=None, others=None, repeats=1000, seed=0):
    """`means_of_groups` in plain loops: each group is drawn, and its values with it."""
    kinds = [groups] if others is None else [groups, others]
    of, draws = [1] * len(x) if of is None else of, []
    names = [sorted(set(kind)) for kind in kinds]
    dice = [np.random.default_rng([seed, i]) for i in range(len(kinds))]
    drawn = [d.integers(0, len(n), (repeats, len(n))) for d, n in zip(dice, names)]
    for repeat in range(repeats):
        times = []
        for own, known in zip(drawn, names):
            chosen = [known[i] for i in own[repeat]]
            times.append({name: chosen.count(name) for name in known})
        top = bottom = 0
        for i, value in enumerate(x):
            weight = 1
            for count, kind in zip(times, kinds):
                weight *= count[kind[i]]
            top, bottom = top + weight * value, bottom + weight * of[i]
        draws.append(top / max(bottom, 1))
    return sum(x) / max(sum(of), 1), sorted(draws)


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize("share", [False, True])
def test_means_of_groups_are_those_of_plain_loops(two, share):
    rng = np.random.default_rng(5)
    x, of = rng.random(30), (rng.random(30) < 0.7 if share else None)
    groups, others = (rng.choice(list("abcdefg"), 30).tolist() for _ in range(2))
    others = others if two else None
    found = means_of_groups({"x": x, "y": 2 * x}, groups, of, others, 101, seed=3)
    value, draws = slow_means(x, groups, of, others, 101, seed=3)
    low, high = draws[2], draws[98]  # 2.5 % and 97.5 % of 101 draws, from below
    assert found["x"] == pytest.approx({"value": value, "low": low, "high": high})
    assert found["y"] == pytest.approx({k: 2 * v for k, v in found["x"].items()})


def wide(found):
    return found["x"]["high"] - found["x"]["low"]


def test_a_second_group_leaves_the_value_and_widens_the_range():
    """Of pairs that share nothing, each is drawn by the product of two counts, of which the
    variance is (1 + 1) (1 + 1) - 1 = 3 times that of one: the range is on the safe side.
    """
    x, each = np.random.default_rng(0).normal(size=400), np.arange(400)
    plain = means_of_groups({"x": x}, each)
    two = means_of_groups({"x": x}, each, others=np.random.default_rng(1).permutation(each))
    assert two["x"]["value"] == plain["x"]["value"] == pytest.approx(x.mean())
    assert wide(plain) == pytest.approx(2 * 1.96 / 20, rel=0.1)
    assert wide(two) / wide(plain) == pytest.approx(3**0.5, rel=0.12)


def test_songs_that_come_again_in_many_pairs_are_few():
    """Values that hang on both songs alone: 400 pairs of 20 and 20 songs know no more than
    these songs do.
    """
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=20), rng.normal(size=20)
    i, j = np.divmod(np.arange(400), 20)
    x = one[i] + other[j]
    pairs, first, both = (
        wide(means_of_groups({"x": x}, groups, others=others))
        for groups, others in ((np.arange(400), None), (i, None), (i, j))
    )
    theory = 2 * 1.96 * ((one.var() + other.var()) / 20) ** 0.5
    assert both == pytest.approx(theory, rel=0.12)
    assert pairs < both / 3 and first < 0.85 * both
    # and the order of the two groups is no matter, but for the dice
    assert wide(means_of_groups({"x": x}, j, others=i)) == pytest.approx(both, rel=0.12)


@pytest.mark.parametrize("always", [False, True])
def test_what_never_or_always_happens_has_wilsons_range_over_the_rarer_songs(always):
    yes = np.full(60, always)
    groups, others = np.arange(60) // 3, np.arange(60) % 7
    found = means_of_groups({"x": yes}, groups, others=others)["x"]
    assert tuple(found.values()) == pytest.approx(wilson(7 * always, 7))
    alone = means_of_groups({"x": yes}, groups)["x"]
    assert tuple(alone.values()) == pytest.approx(wilson(20 * always, 20))
    numbers = means_of_groups({"x": yes.astype(float)}, groups)["x"]  # no yes and no
    assert numbers["low"] == numbers["high"] == always


def test_a_share_of_a_few_is_no_surer_than_they_are():
    """Of 60 values in 20 songs, five, in two songs, are what the share is of."""
    groups, of = np.arange(60) // 3, np.arange(60) < 5
    for value in (0, 1):
        found = means_of_groups({"x": of & bool(value)}, groups, of)["x"]
        assert tuple(found.values()) == pytest.approx(wilson(2 * value, 2))
    two = means_of_groups({"x": of}, groups, of, others=np.zeros(60))["x"]
    assert tuple(two.values()) == pytest.approx(wilson(1, 1))
    nothing = means_of_groups({"x": of & False}, groups, of & False)["x"]
    assert tuple(nothing.values()) == (0, 0, 1)  # of nothing it may be anything


def test_impossible_requests_are_refused():
    sample = np.arange(5)
    for wrong, message in [
        ({"repeats": 0}, "at least one repeat"),
        ({"level": 1.0}, "level"),
        ({"kind": "bayes"}, "kind"),
    ]:
        with pytest.raises(ValueError, match=message):
            bootstrap(np.mean, sample, **wrong)
    with pytest.raises(ValueError, match="nothing to draw"):
        bootstrap(np.mean, [])
    with pytest.raises(ValueError, match="nothing to draw"):
        bootstrap(np.mean)
    with pytest.raises(ValueError, match="one length"):
        bootstrap(np.dot, sample, sample[:3], paired=True)
    with pytest.raises(ValueError, match="one row a melody"):
        bootstrap_counts(np.mean, sample)
    with pytest.raises(ValueError, match="no share"):
        wilson(3, 2)
