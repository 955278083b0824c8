"""Distances: equal to slower, trusted ways to compute them, and really distances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fusiontools.score import earth_mover, earth_mover_of_counts, euclidean, shares

often = settings(max_examples=25, deadline=None, derandomize=True)
histograms = st.lists(st.integers(0, 50), min_size=6, max_size=6).filter(any).map(np.array)
GROUNDS = ("line", "circle")


def by_linear_program(p, q, cost):
    """The transport problem itself: how much to move from each bin to each, at the least
    cost.
    """
    from scipy.optimize import linprog

    k = len(p)
    leaves, arrives = np.kron(np.eye(k), np.ones(k)), np.kron(np.ones(k), np.eye(k))
    return linprog(
        cost.ravel(), A_eq=np.concatenate([leaves, arrives]), b_eq=np.concatenate([p, q])
    ).fun


@pytest.mark.parametrize("ground", GROUNDS)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(p=histograms, q=histograms)
def test_earth_mover_solves_the_transport_problem(ground, p, q):
    p, q = shares(p), shares(q)
    way = np.abs(np.subtract.outer(np.arange(6), np.arange(6)))
    cost = way if ground == "line" else np.minimum(way, 6 - way)
    assert earth_mover(p, q, ground) == pytest.approx(
        by_linear_program(p, q, cost), abs=1e-7
    )


@often
@given(p=histograms, q=histograms)
def test_distances_equal_scipy(p, q):
    from scipy.stats import wasserstein_distance

    assert earth_mover(shares(p), shares(q)) == pytest.approx(
        wasserstein_distance(range(6), range(6), p, q)
    )
    assert earth_mover_of_counts(p, q) == pytest.approx(wasserstein_distance(p, q))
    assert euclidean(p, q) == pytest.approx(np.linalg.norm(p - q))


@pytest.mark.parametrize(
    ("distance", "separates"),
    [
        (euclidean, True),
        (earth_mover, True),
        (lambda p, q: earth_mover(p, q, "circle"), True),
        (earth_mover_of_counts, False),
    ],
    ids=["eud", "em", "em circle", "em of counts"],
)
@often
@given(p=histograms, q=histograms, r=histograms)
def test_distances_are_symmetric_and_obey_the_triangle_inequality(
    distance, separates, p, q, r
):
    p, q, r = shares(p), shares(q), shares(r)
    assert distance(p, q) == pytest.approx(distance(q, p))
    assert distance(p, p) == 0
    assert distance(p, r) <= distance(p, q) + distance(q, r) + 1e-12
    if separates:
        assert (distance(p, q) < 1e-12) == np.allclose(p, q, atol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "eud", "line", "circle", "of_counts"),
    [
        ([1, 0, 0, 0], [0, 1, 0, 0], 2**0.5, 1, 1, 0),
        ([1, 0, 0, 0], [0, 0, 0, 1], 2**0.5, 3, 1, 0),
        ([1, 0, 0, 0], [0, 0, 1, 0], 2**0.5, 2, 2, 0),
        ([1, 0, 0, 0], [0.5, 0.5, 0, 0], 0.5**0.5, 0.5, 0.5, 0.25),
        ([1, 0, 0, 0], [1, 0, 0, 0], 0, 0, 0, 0),
    ],
)
def test_truth_table(a, b, eud, line, circle, of_counts):
    found = (
        euclidean(a, b),
        earth_mover(a, b),
        earth_mover(a, b, "circle"),
        earth_mover_of_counts(a, b),
    )
    assert found == pytest.approx((eud, line, circle, of_counts))


@often
@given(p=histograms, q=histograms, by=st.integers(0, 5))
def test_the_circle_has_no_beginning(p, q, by):
    p, q = shares(p), shares(q)
    assert earth_mover(np.roll(p, by), np.roll(q, by), "circle") == pytest.approx(
        earth_mover(p, q, "circle")
    )
    assert earth_mover(p, q, "circle") <= earth_mover(p, q) + 1e-12


def test_batches_give_one_distance_a_row():
    rng = np.random.default_rng(0)
    p, q = shares(rng.random((4, 3, 8))), shares(rng.random(8))
    for distance in (
        euclidean,
        earth_mover,
        earth_mover_of_counts,
        lambda x, y: earth_mover(x, y, "circle"),
    ):
        rows = distance(p, q)
        assert rows.shape == (4, 3)
        assert rows[2, 1] == pytest.approx(distance(p[2, 1], q))


def test_table_one_cannot_hold_earth_movers_distances_between_pitch_classes():
    """Its EUD and EM between the domains, 30,275 and 8,134, against what each way of
    counting allows.
    """
    eud, em, rng = 30_275, 8_134, np.random.default_rng(0)
    for _ in range(200):
        a, b = rng.integers(0, 10_000, (2, 12))
        assert earth_mover(shares(a), shares(b)) <= 11 < em
        assert np.abs(np.cumsum(a - b)).sum() >= euclidean(a, b) / 2
        assert earth_mover_of_counts(a, b) <= euclidean(a, b) / 12**0.5 + 1e-6
    assert em < eud / 2
    assert em < eud / 12**0.5


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="one sum"):
        earth_mover([1, 0], [1, 1])
    with pytest.raises(ValueError, match="ground"):
        earth_mover([1, 0], [0, 1], "sphere")
