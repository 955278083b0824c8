"""Verdicts on single melodies: the band between the genres."""

import numpy as np
import pytest

from fusiontools.score import in_band


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
    with pytest.raises(ValueError, match=message):
        in_band(wrong)


def test_impossible_bands_are_refused():
    with pytest.raises(ValueError, match="band"):
        in_band([0.5], 0.8, 0.2)
