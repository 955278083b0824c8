"""Ranges: the quick way draws what the slow way draws, and they hold the truth as often as
they say.
"""

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.score import Interval, bootstrap, bootstrap_counts, ratio, shares, wilson


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
    held = {kind: 0 for kind in kinds}
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
