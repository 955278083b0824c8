"""Verdicts on single melodies: the band, and what tells fusion from mixture."""

import numpy as np
import pytest

from fusiontools.score import fused_share, in_band, verdict_histogram


@pytest.mark.parametrize(
    ("p", "inside"),
    [
        (0, False),
        (0.2499, False),
        (0.25, True),
        (0.5, True),
        (0.75, True),
        (0.7501, False),
        (1, False),
    ],
)
def test_the_band_has_its_ends(p, inside):
    assert in_band([p]).tolist() == [inside]


def test_a_fusion_and_a_mixture_of_one_mean():
    rng = np.random.default_rng(0)
    fusion, mixture = rng.beta(20, 20, 300), rng.permutation(np.repeat([0.01, 0.99], 150))
    assert abs(fusion.mean() - mixture.mean()) < 0.02
    assert fused_share(fusion).low > 0.9
    assert fused_share(mixture).high == 0
    assert verdict_histogram(mixture, 4)[0].tolist() == [150, 0, 0, 150]


def test_the_range_holds_the_share_and_wilson_agrees_where_both_can():
    p = np.where(np.arange(500) % 5 == 0, 0.5, 0.9)
    drawn, counted = fused_share(p), fused_share(p, kind="wilson")
    assert drawn.value == counted.value == 0.2
    assert drawn == pytest.approx(counted, abs=0.01)


def test_at_zero_only_wilson_is_honest():
    assert fused_share([0.99] * 500) == (0, 0, 0)
    assert 0.005 < fused_share([0.99] * 500, kind="wilson").high < 0.01


def test_the_histogram_misses_nobody():
    p = np.random.default_rng(0).random(99)
    counts, edges = verdict_histogram([*p, 0.0, 1.0], bins=7)
    assert counts.sum() == 101
    assert (edges[0], edges[-1], len(edges)) == (0, 1, 8)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "one probability"),
        ([[0.5]], "one probability"),
        ([1.1], "between 0 and 1"),
        ([np.nan], "between 0 and 1"),
    ],
)
def test_what_is_no_verdict_is_refused(wrong, message):
    for judge in (in_band, fused_share, verdict_histogram):
        with pytest.raises(ValueError, match=message):
            judge(wrong)


def test_impossible_bands_and_kinds_are_refused():
    with pytest.raises(ValueError, match="band"):
        in_band([0.5], 0.8, 0.2)
    with pytest.raises(ValueError, match="kind"):
        fused_share([0.5], kind="bayes")
