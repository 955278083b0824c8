"""The judge that hears each half by itself: nothing crosses over but the codes, no key
tells, and it learns what there is to learn.
"""

import signal

import numpy as np
import pytest
import torch

from fusiontools.judges import halves as module
from fusiontools.judges.halves import (
    Config,
    HalvesNet,
    SiameseJudge,
    read_rolls,
    train_siamese_judge,
)
from fusiontools.judges.pairs import measure, shuffled
from fusiontools.judges.reality import judge_name, load_judge, open_judge, save_judge
from fusiontools.music.grid import HIGH, HOLD, LOW, REST, transpose_grid
from fusiontools.score.intervals import Interval
from fusiontools.training import Run

NOTED = {"corpora": ["made up"], "terms": "free"}
SMALL = Config(channels=8, width=16, batch=24, steps=64, rate=2e-2, dropout=0.0)


def tunes(songs, each, seed):
    """Windows of songs that each have a key and a rhythm of their own."""
    rng = np.random.default_rng(seed)
    made, names = [], []
    for song in range(songs):
        scale = 60 + int(rng.integers(0, 12)) + np.array([0, 2, 4, 7, 9, 12])
        rhythm = np.flatnonzero(rng.random(16) < rng.choice([0.2, 0.7]))
        for _ in range(each):
            window = np.full((8, 16), HOLD)
            window[:, rhythm] = scale[rng.integers(0, 6, (8, len(rhythm)))]
            window[0, 0] = scale[0]
            made.append(np.clip(window.ravel(), 0, HIGH))
            names.append(f"{seed}/{song}")
    return np.array(made, np.uint8), np.array(names)


def opened(folder):
    asked = {"paper": "reality", "method": "siamese", "scale": "smoke", "config": {}}
    return Run.open(folder, data={"name": "made up", "sha256": "0" * 64}, **asked)


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("run") / "run") as run:
        return train_siamese_judge(SMALL, *tunes(40, 6, 5), *tunes(15, 6, 6), run, **NOTED)


def test_a_roll_has_what_starts_and_what_sounds():
    half = np.array([[REST, LOW, HOLD, REST, HIGH, HOLD]])
    starts, sounds = read_rolls(half)[0].numpy()
    pitch = module.LOWEST + starts.argmax(axis=0)
    assert starts.sum(axis=0).tolist() == [0, 1, 0, 0, 1, 0]
    assert (pitch[1], pitch[4]) == (LOW, HIGH)
    assert sounds.sum(axis=0).tolist() == [0, 1, 1, 0, 1, 1]
    assert np.array_equal(sounds[:, 1], sounds[:, 2])
    # silent at its rim, as far as a network hears at once
    some = sounds.any(axis=1).nonzero()[0]
    assert some.min() >= 18 and len(sounds) - 1 - some.max() >= 18


def test_each_half_is_heard_by_itself():
    """A half's code is the same, whatever the other half is."""
    network = HalvesNet(8).eval()
    rolls = read_rolls(tunes(3, 2, 1)[0][:, :64])
    with torch.no_grad():
        whole = network.code(rolls)
        for i in range(len(rolls)):
            for view, alone in zip(whole, network.code(rolls[i : i + 1])):
                torch.testing.assert_close(view[i : i + 1], alone)
        both = network(rolls, rolls.flip(0))
        torch.testing.assert_close(both, network(rolls.flip(0), rolls).flip(0))


def test_it_learns_on_songs_that_it_has_not_heard(judge):
    found = measure(judge, *tunes(20, 6, 7), repeats=50)
    assert found["accuracy"].value > 0.85
    assert found["mean_real"].value > 0.7 > 0.4 > found["mean_shuffled"].value
    assert judge.about["trained_on"] == {"songs": 40, "windows": 240}
    assert judge.about["kind"] == judge.kind == "siamese"


def test_no_key_tells_and_windows_are_judged_one_by_one(judge):
    windows, songs = tunes(6, 2, 8)
    windows = np.concatenate([windows, shuffled(windows, songs, np.random.default_rng(0))])
    windows = np.where(windows > HOLD, np.clip(windows, 60, 79), windows)
    for shift in (-5, 5):
        moved = transpose_grid(windows, shift)
        np.testing.assert_allclose(judge(moved), judge(windows), atol=1e-4)
    # one half alone moved is another matter
    alone = np.concatenate([windows[:, :64], transpose_grid(windows[:, 64:], 5)], axis=1)
    assert np.abs(judge(alone) - judge(windows)).max() > 0.01
    each = [judge(window[None])[0] for window in windows]
    np.testing.assert_allclose(each, judge(windows), atol=1e-4)
    assert judge(windows[:0]).shape == (0,)


def test_a_held_note_over_the_middle_tells_nothing(judge):
    windows = tunes(3, 2, 9)[0]
    windows[:, 64] = HOLD
    begun = np.cumsum(windows[:, 64:] > HOLD, axis=1) > 0
    cut = windows.copy()
    cut[:, 64:] = np.where(begun, windows[:, 64:], REST)
    np.testing.assert_allclose(judge(windows), judge(cut), atol=1e-6)


def test_the_state_that_is_right_most_often_stays(tmp_path, monkeypatch):
    """Asked as often as `CHECKS` says; the first state is the best one here."""
    given, asked = iter([0.9, 0.5] + [0.6, 0.9] * 20), []

    def told(judge, *songs, **more):
        asked.append({k: v.clone() for k, v in judge.network.state_dict().items()})
        return {"accuracy": Interval(*3 * [next(given)])}

    monkeypatch.setattr(module, "measure", told)
    config = Config(channels=4, width=8, batch=4, steps=12)
    with opened(tmp_path / "run") as run:
        made = train_siamese_judge(config, *tunes(6, 4, 5), *tunes(6, 4, 6), run)
    best = made.network.state_dict()
    # of each check two questions: the network, then the best so far
    assert len(asked) == 2 * 6
    assert all(torch.equal(best[k], v) for k, v in asked[0].items())
    assert not all(torch.equal(best[k], v) for k, v in asked[-2].items())


def test_a_training_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    songs, beside = tunes(6, 4, 5), tunes(6, 4, 6)
    config, calls = Config(channels=4, width=8, batch=4, steps=6), []
    with opened(tmp_path / "whole") as run:
        whole = train_siamese_judge(config, *songs, *beside, run)

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 4:
            signal.raise_signal(signal.SIGINT)
        return shuffled(*args)

    monkeypatch.setattr(module, "shuffled", interrupted)
    with opened(tmp_path / "run") as run, pytest.raises(KeyboardInterrupt):
        train_siamese_judge(config, *songs, *beside, run)
    with opened(tmp_path / "run") as run:
        again = train_siamese_judge(config, *songs, *beside, run)
    assert len(calls) == 6 and np.array_equal(whole(songs[0]), again(songs[0]))


def test_kept_in_a_file(judge, tmp_path):
    file = tmp_path / judge_name("made_up", "siamese")
    assert file.name == "reality_made_up_siamese.safetensors"
    save_judge(judge, file)
    again = open_judge(file)
    assert isinstance(again, SiameseJudge) and again.about["terms"] == "free"
    windows = tunes(3, 3, 10)[0]
    np.testing.assert_allclose(again(windows), judge(windows), atol=5e-3)


def test_the_one_that_ships_is_small_and_about_as_right_as_the_others():
    judge = load_judge("fiddle_pop909", "siamese")
    others = [load_judge("fiddle_pop909", kind) for kind in ("transformer", "features")]
    value, low, high = judge.about["accuracy"]
    assert low <= value <= high and value >= 0.95
    assert all(abs(value - other.about["accuracy"][0]) < 0.03 for other in others)
    assert judge.about["part"] == "train-2" and "oneill" in judge.about["corpora"]
    assert judge.about["config"]["steps"] == Config.shipped().steps
    assert sum(p.numel() for p in judge.network.parameters()) < 50_000


@pytest.mark.parametrize("scale", ["smoke", "laptop", "shipped", "paper"])
def test_every_scale_can_be_built(scale):
    config = getattr(Config, scale)()
    HalvesNet(config.channels, config.width, config.dropout)
