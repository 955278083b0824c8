"""Distances in a latent space: by hand, and within and between songs."""

import numpy as np
import pytest

from fusiontools.score.latent import shares_below, within_and_between, z_distance


def space(seed=0, songs=20, each=6, d=8):
    """Codes that lie around their song's place; every sequence is its own, but for the
    first two of each song.
    """
    rng = np.random.default_rng(seed)
    song = np.repeat(np.arange(songs), each)
    codes = 5 * rng.normal(size=(songs, d))[song] + 0.5 * rng.normal(size=(songs * each, d))
    sequences = np.stack([song, np.arange(len(song))], axis=1)
    sequences[1::each] = sequences[0::each]
    codes[1::each] = codes[0::each]
    return codes, song, sequences, np.full(d, 0.5)


def test_distance_by_hand():
    assert z_distance([1.0, 2.0], [1.0, 2.0], [0.1, 3.0]) == 0
    # ((2 / 1)^2 + (3 / 2)^2 + 0) / 3
    assert z_distance([2.0, 4.0, 7.0], [0.0, 1.0, 7.0], [1.0, 2.0, 5.0]) == pytest.approx(
        (4 + 2.25) / 3
    )


def test_it_is_even_scales_with_the_square_and_ignores_units():
    rng = np.random.default_rng(0)
    a, b, s = rng.normal(size=(5, 3, 64)), rng.normal(size=(5, 3, 64)), rng.random(64) + 0.1
    d = z_distance(a, b, s)
    assert d.shape == (5, 3)
    np.testing.assert_allclose(z_distance(b, a, s), d)
    np.testing.assert_allclose(z_distance(a + 1, b + 1, s), d)
    np.testing.assert_allclose(z_distance(b + 3 * (a - b), b, s), 9 * d)
    units = rng.random(64) + 0.5
    np.testing.assert_allclose(z_distance(a * units, b * units, s * units), d)
    slow = [
        [(x - y) @ np.linalg.inv(np.diag(s**2)) @ (x - y) / 64 for x, y in zip(p, q)]
        for p, q in zip(a, b)
    ]
    np.testing.assert_allclose(d, slow)


def test_the_encoders_own_doubt_is_1():
    rng = np.random.default_rng(1)
    s = rng.random(64) + 0.1
    assert z_distance(
        s * rng.normal(size=(2000, 64)), np.zeros(64), s
    ).mean() == pytest.approx(1, abs=0.02)


def test_songs_are_apart_and_identical_pairs_are_left_out():
    codes, song, sequences, deviation = space()
    found = within_and_between(codes, song, sequences, deviation, pairs=4001)
    assert len(found.within) + found.identical_within == 2001
    assert len(found.between) + found.identical_between == 2000
    assert found.identical_between == 0
    # one of the 15 pairs of a song's six sequences is an identical one
    assert found.identical_within / 2001 == pytest.approx(1 / 15, abs=0.02)
    assert found.within.min() > 0 and found.within.max() < found.between.min()
    assert (
        shares_below(found.within, [10])[0] == 1
        and shares_below(found.between, [10])[0] == 0
    )


def test_draws_repeat_and_do_not_depend_on_what_songs_are_called():
    codes, song, sequences, deviation = space()
    one, two = (
        within_and_between(codes, s, sequences, deviation, pairs=100)
        for s in (song, np.char.mod("song %03d", song))
    )
    assert np.array_equal(one.within, two.within) and np.array_equal(
        one.between, two.between
    )
    other = within_and_between(codes, song, sequences, deviation, pairs=100, seed=1)
    assert not np.array_equal(one.between, other.between)


def test_all_pairs_are_drawn_alike():
    codes = np.array([[0.0], [1.0], [3.0], [100.0]])
    found = within_and_between(
        codes, list("aaab"), np.arange(4)[:, None], [1.0], pairs=12_000
    )
    values, counts = np.unique(found.within, return_counts=True)
    assert values.tolist() == [1, 4, 9]
    np.testing.assert_allclose(counts / 6000, 1 / 3, atol=0.03)


def test_drawing_in_parts_changes_nothing(monkeypatch):
    args = space()
    whole = within_and_between(*args, pairs=500)
    monkeypatch.setattr("fusiontools.score.latent._AT_ONCE", 7)
    for a, b in zip(within_and_between(*args, pairs=500), whole):
        assert np.array_equal(a, b)


def test_shares():
    assert shares_below([1.0, 2.0, 3.0, 4.0], [0, 1, 2.5, 9]).tolist() == [0, 0, 0.5, 1]
    with pytest.raises(ValueError, match="no distances"):
        shares_below([], [1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="do not fit"):
        z_distance(np.zeros(3), np.zeros(3), np.ones(2))
    with pytest.raises(ValueError, match="above 0"):
        z_distance(np.zeros(2), np.zeros(2), [1.0, 0.0])
    codes, song, sequences, deviation = space()
    with pytest.raises(ValueError, match="must be of shapes"):
        within_and_between(codes, song[1:], sequences, deviation)
    with pytest.raises(ValueError, match="one song only"):
        within_and_between(codes, np.zeros(len(codes)), sequences, deviation, pairs=10)
    with pytest.raises(ValueError, match="no song has two"):
        within_and_between(codes, np.arange(len(codes)), sequences, deviation, pairs=10)
