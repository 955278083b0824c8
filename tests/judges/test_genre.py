"""The genre judge: what it hears, that it learns what there is to learn, and that it is
honest about doubt.
"""

import numpy as np
import pytest

from fusiontools.judges.genre import (
    FEATURES,
    GenreJudge,
    calibration,
    features,
    load_judge,
    save_judge,
    train_judge,
)
from fusiontools.music import Notes, shift, transpose


def melodies(n, seed, steps, lengths):
    """Random walks of 24 notes with the given steps and lengths."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        d = rng.choice(lengths, 24)
        p = np.clip(66 + np.cumsum(rng.choice(steps, 24)), 40, 100)
        made.append(Notes(np.cumsum(d) - d, d, p))
    return made


def pair(n, seed):
    return melodies(n, seed, [-1, 1, 0, 0], [0.5, 1.0]), melodies(
        n, seed + 1, [-4, -2, 2, 5], [0.25, 0.5]
    )


@pytest.fixture(scope="module")
def judge():
    a, b = pair(60, 0)
    ca, cb = pair(40, 10)
    return train_judge(a, b, ca, cb, pair="made up")


def test_features_have_names_and_are_shares():
    x = features(melodies(5, 3, [-2, 2, 1], [0.25, 0.5, 1.0]))
    assert (
        x.shape == (5, len(FEATURES))
        and np.isfinite(x).all()
        and len(set(FEATURES)) == len(FEATURES)
    )
    for first, count in ((0, 12), (12, 9), (21, 25), (46, 49), (95, 12)):
        np.testing.assert_allclose(x[:, first : first + count].sum(1), 1)


def test_lengths_and_intervals_do_not_hear_the_key():
    tune = melodies(1, 4, [-2, 2, 1], [0.25, 0.5])[0]
    here, there = features([tune, transpose(tune, 3)])
    names = np.array([n.startswith("pitch class") for n in FEATURES])
    np.testing.assert_allclose(here[~names], there[~names])
    assert not np.allclose(here[names], there[names])


def test_silence_is_heard_as_rest():
    tune = Notes.of([(i, 1, 60 + i) for i in range(8)])
    gap = Notes(
        np.where(np.arange(8) < 4, tune.onset, tune.onset + 4), tune.duration, tune.pitch
    )
    rest = FEATURES.index("rests")
    assert features([tune])[0, rest] == 0 and features([gap])[0, rest] == pytest.approx(
        4 / 12
    )
    assert features([shift(tune, 0)])[0, rest] == 0


def test_it_learns_and_is_calibrated_on_others(judge):
    a, b = pair(80, 20)
    p = np.concatenate([judge(a), judge(b)])
    report = calibration(p, np.repeat([True, False], 80))
    assert report["accuracy"] > 0.97 and report["error"] < 0.1
    assert ((p >= 0) & (p <= 1)).all()


def test_what_is_both_gets_no_sure_verdict(judge):
    a, b = pair(40, 30)
    half = [
        Notes(
            np.concatenate([x.onset[:12], x.offset[11] + y.onset[:12]]),
            np.concatenate([x.duration[:12], y.duration[:12]]),
            # fmt: skip
            np.concatenate([x.pitch[:12], y.pitch[:12]]),
        )
        for x, y in zip(a, b)
    ]
    sure = np.abs(judge(half) - 0.5).mean()
    assert sure < np.abs(np.concatenate([judge(a), judge(b)]) - 0.5).mean() - 0.03


def test_reasons_add_up(judge):
    tune = pair(1, 40)[0][0]
    every = judge.reasons(tune, top=len(FEATURES))
    assert sum(v for _, v in every) + judge.bias == pytest.approx(
        judge.scores(features([tune]))[0]
    )


def test_calibration_table():
    report = calibration([0.05, 0.95, 0.95, 0.95], [False, True, True, False], bins=2)
    assert report["count"].tolist() == [1, 3]
    np.testing.assert_allclose(report["true"], [0, 2 / 3])
    assert report["error"] == pytest.approx((0.05 + 3 * (0.95 - 2 / 3)) / 4)


def test_kept_in_a_file(judge, tmp_path, monkeypatch):
    import importlib.resources

    (tmp_path / "pretrained").mkdir()
    save_judge(judge, tmp_path / "pretrained" / "genre_made_up.safetensors")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    again = load_judge("made_up")
    tunes = sum(pair(5, 50), [])
    np.testing.assert_allclose(again(tunes), judge(tunes), atol=1e-4)
    assert again.about["pair"] == "made up"


def test_too_short_or_not_there():
    from fusiontools.errors import CorpusError

    with pytest.raises(ValueError, match="too short"):
        features([Notes.of([(0, 1, 60), (1, 1, 62)])])
    with pytest.raises(CorpusError, match="no judge"):
        load_judge("nobody_nothing")
    assert GenreJudge(np.zeros(1), np.ones(1), np.ones(1), 0.0, {}).scores(
        np.array([[2.0]])
    ).tolist() == [2.0]
