"""Diff, Ratio and balance: the theorem, its equality case, and the numbers of the paper's
Table I.
"""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fusiontools.errors import CorpusError, NoNotesError
from fusiontools.score import (
    Interval,
    back_out_distance,
    balance,
    diff,
    distribution,
    earth_mover,
    earth_mover_of_counts,
    euclidean,
    fusion_scores,
    mixture,
    ratio,
    shares,
)

often = settings(max_examples=30, deadline=None, derandomize=True)
histograms = st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(any).map(np.array)
fractions = st.floats(0, 1)


def on_the_circle(p, q):
    return earth_mover(p, q, "circle")


NORMS = [euclidean, earth_mover, on_the_circle]


def apart(a, b):
    assume(np.abs(shares(a) - shares(b)).max() > 1e-3)
    return shares(a), shares(b)


@pytest.mark.parametrize("distance", [*NORMS, earth_mover_of_counts])
@often
@given(f=histograms, a=histograms, b=histograms)
def test_ratio_is_at_least_one_and_diff_at_least_zero(distance, f, a, b):
    a, b = apart(a, b)
    f = shares(f)
    assert diff(f, a, b, distance) >= -1e-12
    if distance(a, b) > 1e-9:
        assert ratio(f, a, b, distance) >= 1 - 1e-9
        assert -1e-9 <= balance(f, a, b, distance) <= 1 + 1e-9


@pytest.mark.parametrize("distance", NORMS)
@often
@given(a=histograms, b=histograms, share=fractions)
def test_every_mixture_reaches_the_floor_and_its_balance_tells_the_share(
    distance, a, b, share
):
    a, b = apart(a, b)
    bag = mixture(a, b, share)
    assert ratio(bag, a, b, distance) == pytest.approx(1, abs=1e-9)
    assert diff(bag, a, b, distance) == pytest.approx(0, abs=1e-9)
    assert balance(bag, a, b, distance) == pytest.approx(abs(1 - 2 * share), abs=1e-9)


@often
@given(f=histograms, a=histograms, b=histograms)
def test_under_euclid_nothing_but_mixtures_reaches_the_floor(f, a, b):
    a, b = apart(a, b)
    f = shares(f)
    # the place of F's foot on the line from A (0) to B (1)
    along = np.dot(a - f, a - b) / np.dot(a - b, a - b)
    nearest = mixture(a, b, 1 - float(np.clip(along, 0, 1)))
    assume(euclidean(f, nearest) > 1e-2)
    assert ratio(f, a, b) > 1 + 1e-6


def test_under_earth_movers_distance_other_things_reach_it():
    a, f, b = np.eye(3)
    assert ratio(f, a, b, earth_mover) == 1
    assert ratio(f, a, b, euclidean) == pytest.approx(2)


def test_mixtures_are_no_floor_for_the_distance_between_counts():
    a, b = np.array([9, 0, 1]), np.array([0, 6, 0])
    assert ratio((a + b) / 2, a, b, earth_mover_of_counts) > 1.3


def test_ratio_compares_across_sizes_only_on_distributions():
    a, b = np.array([30, 10, 5]), np.array([5, 10, 30])
    small, large = (a + b) // 5, (a + b) * 4
    assert ratio(shares(small), shares(a), shares(b)) == pytest.approx(
        ratio(shares(large), shares(a), shares(b))
    )
    assert ratio(large, a, b) > 3 * ratio(small, a, b)
    assert diff(10 * small, 10 * a, 10 * b) == pytest.approx(10 * diff(small, a, b))


@pytest.mark.parametrize(
    ("f", "expected"),
    [
        ([1, 0, 0], (0, 1, 1)),
        ([0, 1, 0], (0, 1, 1)),
        ([0.5, 0.5, 0], (0, 1, 0)),
        ([0, 0, 1], (2**0.5, 2, 0)),
    ],
    ids=["A itself", "B itself", "half and half", "neither"],
)
def test_truth_table(f, expected):
    a, b = [1, 0, 0], [0, 1, 0]
    assert (diff(f, a, b), ratio(f, a, b), balance(f, a, b)) == pytest.approx(expected)


# Table I: Diff and Ratio of RM, MLE, GAN, RL, MC, Fusion
TABLE_I = {
    "dd eud": [
        (39742.2, 1.375),
        (24546.4, 1.231),
        (24765.2, 1.233),
        (37971.2, 1.358),
        (13988.7, 1.132),
        (19452.6, 1.183),
    ],
    "dd em": [
        (2757.6, 1.461),
        (2005.2, 1.335),
        (2064.3, 1.345),
        (2629.0, 1.439),
        (1289.2, 1.215),
        (1831.9, 1.306),
    ],
    "npd eud": [
        (19586.6, 1.647),
        (15921.4, 1.526),
        (16807.1, 1.555),
        (16927.1, 1.559),
        (11175.0, 1.369),
        (11564.6, 1.382),
    ],
    "npd em": [
        (5231.0, 1.643),
        (4147.5, 1.510),
        (4098.0, 1.504),
        (4399.2, 1.541),
        (2660.2, 1.327),
        (3182.5, 1.391),
    ],
}


@pytest.mark.parametrize(
    ("block", "value"),
    [("dd eud", 106_091), ("dd em", 5_985), ("npd eud", 30_276), ("npd em", 8_134)],
)
def test_table_one_has_one_distance_between_the_domains_in_each_block(block, value):
    found = back_out_distance(*np.transpose(TABLE_I[block]))
    assert found.low.max() < found.high.min()  # one number fits all six rows
    assert found.low.max() <= value <= found.high.min()


@often
@given(f=histograms, a=histograms, b=histograms)
def test_diff_and_ratio_give_the_distance_back(f, a, b):
    a, b = apart(a, b)
    f = shares(f)
    assume(ratio(f, a, b) > 1.01)
    value = back_out_distance(diff(f, a, b), ratio(f, a, b)).value
    assert value == pytest.approx(euclidean(a, b))
    rounded = back_out_distance(round(diff(f, a, b), 1), round(ratio(f, a, b), 3))
    assert rounded.low - 1e-9 <= value <= rounded.high + 1e-9


def melodies(seed, pitches, durations, n=30):
    rng = np.random.default_rng(seed)
    return [(rng.choice(pitches, 20), rng.choice(durations, 20)) for _ in range(n)]


def test_scores_are_the_measures_of_the_distributions():
    a, b = melodies(0, [60, 62, 63, 66], [0.25, 0.5]), melodies(1, [60, 64, 67], [1, 2])
    f = melodies(2, [60, 61, 67], [0.5, 1])
    scores = fusion_scores(f, a, b)

    def three(name, normalised=True):
        return [distribution(name, x, normalised) for x in (f, a, b)]

    assert scores["dd_eud_ratio"] == pytest.approx(ratio(*three("dd")))
    assert scores["npd_em_ratio"] == pytest.approx(ratio(*three("npd"), earth_mover))
    assert scores["ib_eud_ratio"] == pytest.approx(ratio(*three("ib")))
    assert scores["balance_dd"] == pytest.approx(balance(*three("dd")))
    assert scores["db_eud_ratio_raw"] == pytest.approx(ratio(*three("db", False)))
    assert scores["dd_em_diff_raw"] == pytest.approx(
        diff(*three("dd", False), earth_mover_of_counts)
    )
    ratios = [
        "dd_eud_ratio",
        "dd_em_ratio",
        "npd_eud_ratio",
        "npd_em_ratio",
        "ib_eud_ratio",
        "db_eud_ratio",
    ]
    promised = [*ratios, "balance_dd", "balance_npd"]
    assert {*promised, *(f"{name}_raw" for name in promised)} <= set(scores)


def test_score_ranges_stay_where_numbers_can_be_and_hold_the_truth_of_a_bag():
    a, b = melodies(0, [60, 62, 63, 66], [0.25, 0.5]), melodies(1, [60, 64, 67], [1, 2])
    bag = melodies(2, [60, 62, 63, 66], [0.25, 0.5], 15) + melodies(
        3, [60, 64, 67], [1, 2], 15
    )
    scores = fusion_scores(bag, a, b, repeats=200)
    assert all(isinstance(s, Interval) and s.low <= s.high for s in scores.values())
    for name in (
        "dd_eud_ratio",
        "dd_em_ratio",
        "npd_eud_ratio",
        "npd_em_ratio",
        "ib_eud_ratio",
        "db_eud_ratio",
    ):
        assert scores[name].low == 1
    assert {name: s.value for name, s in scores.items()} == pytest.approx(
        fusion_scores(bag, a, b)
    )


def test_what_has_no_answer_is_refused():
    with pytest.raises(CorpusError, match="distance 0"):
        ratio([1, 0], [1, 0], [1, 0])
    with pytest.raises(CorpusError, match="distance 0"):
        balance([1, 0], [1, 0], [1, 0])
    # one of a batch does not spoil it
    assert ratio([[1, 0], [1, 0]], [1, 0], [[1, 0], [0, 1]]).tolist() == [np.inf, 1]
    with pytest.raises(ValueError, match="share"):
        mixture([1, 0], [0, 1], 1.5)
    with pytest.raises(ValueError, match="within its rounding"):
        back_out_distance(10.0, 1.0004)
    with pytest.raises(NoNotesError):
        fusion_scores([], melodies(0, [60], [1]), melodies(1, [62], [1]))
