"""The judges of reality: what they hear, that no key tells on a real pair, and that they
learn what there is to learn.
"""

import signal

import numpy as np
import pytest

from fusiontools.errors import CorpusError, FusionError, RecordError
from fusiontools.judges.boosting import fit_trees
from fusiontools.judges.joins import FEATURES, features
from fusiontools.judges.reality import (
    Config,
    FeatureJudge,
    TransformerJudge,
    judge_name,
    learning_curve,
    load_judge,
    measure,
    open_judge,
    reported,
    save_judge,
    shuffled,
    train_feature_judge,
    train_judge,
)
from fusiontools.music.grid import HOLD, REST, transpose_grid

NOTED = {"corpora": ["made up"], "terms": "free"}


def tunes(songs, each, seed):
    """Windows of songs that each have a key, a register and a rhythm of their own."""
    rng = np.random.default_rng(seed)
    made, names = [], []
    for song in range(songs):
        scale = 60 + int(rng.integers(0, 12)) + np.array([0, 2, 4, 5, 7, 9, 11])
        rhythm = np.flatnonzero(rng.random(16) < rng.choice([0.3, 0.6]))
        for _ in range(each):
            window = np.full((8, 16), HOLD)
            window[:, rhythm] = scale[rng.integers(0, 7, (8, len(rhythm)))]
            window[0, 0] = scale[0]
            made.append(np.clip(window.ravel(), 0, 84))
            names.append(f"{seed}/{song}")
    return np.array(made, np.uint8), np.array(names)


def named(windows):
    return dict(zip(FEATURES, features(windows).T))


# --- the features of the feature judge ---


def test_every_feature_has_one_name_and_a_number():
    windows, _ = tunes(4, 3, 0)
    found = features(windows)
    assert found.shape == (12, len(FEATURES)) and len(set(FEATURES)) == len(FEATURES) >= 55
    assert found.dtype == np.float32 and np.isfinite(found).all()
    assert features(windows[:0]).shape == (0, len(FEATURES))


def test_transposing_both_halves_changes_no_feature():
    windows, songs = tunes(12, 2, 1)
    windows = np.concatenate([windows, shuffled(windows, songs, np.random.default_rng(0))])
    windows = np.where(windows > HOLD, np.clip(windows, 58, 80), windows)
    for shift in (-3, 4):
        np.testing.assert_allclose(
            features(transpose_grid(windows, shift)), features(windows), atol=1e-5
        )


def test_a_half_repeated_is_alike_in_everything():
    half = tunes(5, 1, 2)[0][:, :64]
    found = named(np.concatenate([half, half], axis=1))
    ones = ("same key", "pitch classes: likeness", "pitches: likeness", "overlap of ranges",
            "places in the bar: likeness", "equal bars", "equal bars at the same place",
            "opening repeated", "bars beside each other: same melody",
            "last notes: same pitch class", "groups of three notes known",
            "second half's bar rhythms known")  # fmt: skip
    for name in ones:
        np.testing.assert_allclose(found[name], 1, atol=1e-6, err_msg=name)
    for name in FEATURES:
        if name.endswith(("distance", "gap", "gap, size")) or name in (
            "transposed bars",
            "range added by joining",
            "scale lost by joining",
        ):
            np.testing.assert_allclose(found[name], 0, atol=1e-5, err_msg=name)


def test_a_half_transposed_is_heard_as_that():
    half = tunes(5, 1, 2)[0][:, :64]
    half = np.where(half > HOLD, np.clip(half, 60, 78), half)
    found = named(np.concatenate([half, transpose_grid(half, 5)], axis=1))
    assert (
        (found["mean pitch gap"] == 5).all()
        and (found["highest note gap"] == 5).all()
        and (found["first notes: interval"] == 5).all()
    )
    assert (found["transposed bars"] == 1).all() and (
        found["equal bars at the same place"] == 0
    ).all()
    assert (found["intervals: distance"] == 0).all() and (
        found["pairs of intervals known"] == 1
    ).all()
    assert (found["bars beside each other: rhythm likeness"] == 1).all()


def test_known_joins():
    window = np.full(128, HOLD)
    # the last one sounds for 4 cells, then a rest of 4
    window[[0, 8, 16, 56]] = (60, 62, 64, 65)
    window[60:68] = REST
    window[[68, 96]] = 72, 48 + 12
    found = {name: float(value[0]) for name, value in named(window[None]).items()}
    assert found["interval at the join"] == 7 and found["silence at the join"] == 8
    assert found["number of notes gap"] == -2 and found["notes of both"] == 6
    assert found["silence of both"] == pytest.approx(8 / 128)
    assert (
        found["first notes: same pitch class"] == 1 and found["first notes: interval"] == 12
    )
    assert found["range of both"] == 12 and found["range added by joining"] == 0


def test_silence_compares_with_nothing():
    window = tunes(1, 1, 0)[0]
    window[:, 64:] = REST
    assert not features(window).any()
    with pytest.raises(ValueError, match="whole bars"):
        features(np.zeros((2, 40), np.uint8))


# --- trees ---


def test_trees_find_a_rule_of_two_numbers_and_say_which():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3000, 6))
    y = (x[:, 1] > 0.3) ^ (x[:, 4] > -0.2)
    trees = fit_trees(
        x[:2000],
        y[:2000],
        x[2000:2500],
        y[2000:2500],
        trees=80,
        depth=3,
        rate=0.3,
        share=1.0,
    )
    assert np.mean((trees(x[2500:]) > 0) == y[2500:]) > 0.97
    assert set(np.argsort(trees.importance(6))[-2:]) == {1, 4}
    assert trees.importance(6).sum() == pytest.approx(1)


def test_trees_equal_a_walk_question_by_question():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 5, (400, 3)).astype(float), rng.random(400) < 0.5
    trees = fit_trees(x, y, x, y, trees=5, depth=2)
    for row, found in zip(x[:20], trees(x[:20])):
        total = trees.start
        for questions, limits, answers in zip(trees.feature, trees.threshold, trees.answer):
            total += answers[
                sum(2**k for k in range(2) if np.float32(row[questions[k]]) > limits[k])
            ]
        assert found == pytest.approx(total)


def test_held_out_rows_decide_how_many_trees_stay():
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(300, 4)), rng.random(300) < 0.5
    assert (
        len(
            fit_trees(
                x, y, rng.normal(size=(300, 4)), rng.random(300) < 0.5, trees=60, patience=5
            )
        )
        < 20
    )
    same = fit_trees(x, y, x, y, trees=30, patience=5)
    assert len(same) == 30
    assert np.array_equal(same(x), fit_trees(x, y, x, y, trees=30, patience=5)(x))
    with pytest.raises(ValueError, match="both answers"):
        fit_trees(x, np.ones(300), x, y)
    with pytest.raises(ValueError, match="do not fit"):
        fit_trees(x, y[:5], x, y)


# --- pairs ---


def test_shuffled_pairs_are_of_two_songs_and_in_range():
    windows, songs = tunes(6, 4, 3)
    found = shuffled(windows, songs, np.random.default_rng(0), keys="own")
    halves = {
        half.tobytes(): song
        for window, song in zip(windows.astype(np.int64), songs)
        for half in window.reshape(2, 64)
    }
    for window, song in zip(found, songs):
        assert halves[window[:64].tobytes()] == song != halves[window[64:].tobytes()]
    moved = shuffled(windows, songs, np.random.default_rng(0))
    assert moved[moved > HOLD].min() >= 55 and moved[moved > HOLD].max() <= 84
    # the same pairs, moved
    assert np.array_equal(np.minimum(moved, 2), np.minimum(found, 2))
    steps = (moved - found)[:, :64]
    assert all(len(set(row[cells > HOLD])) == 1 for row, cells in zip(steps, found[:, :64]))
    assert len(set(steps.max(axis=1) + steps.min(axis=1))) > 5


def test_all_keys_are_as_likely_as_they_fit():
    windows, songs = np.array([[60, 70, 60, 70], [55, 84, 55, 84]]), np.array(["a", "b"])
    found = shuffled(
        windows, songs, np.random.default_rng(0), index=np.repeat([0, 1], 2000)
    )
    first, counts = np.unique(found[:2000, 0], return_counts=True)
    assert first.tolist() == list(range(55, 75)) and counts.min() > 60
    assert set(found[:2000, 2]) == {55} and set(found[2000:, 0]) == {55}


def test_songs_alone_cannot_be_shuffled():
    windows, songs = tunes(1, 3, 0)
    for wrong, message in [
        ((windows, songs), "one song"),
        ((windows, songs[:2]), "a song for each"),
    ]:
        with pytest.raises(ValueError, match=message):
            shuffled(*wrong, np.random.default_rng(0))
    two = np.array(["a", "b", "c"])
    with pytest.raises(ValueError, match="keys"):
        shuffled(windows, two, np.random.default_rng(0), keys="some")
    with pytest.raises(ValueError, match="outside"):
        shuffled(np.where(windows > HOLD, 40, windows), two, np.random.default_rng(0))


def test_measure_counts_songs_and_not_windows():
    windows, songs = tunes(4, 5, 4)

    def sure(
        w,
    ):  # right about every real window of all songs but one, and about all that is shuffled
        known = {
            window.tobytes(): song for window, song in zip(windows.astype(np.int64), songs)
        }
        return np.array(
            [known.get(row.astype(np.int64).tobytes(), "4/3") != "4/3" for row in w], float
        )

    found = measure(sure, windows, songs, repeats=300)
    assert found["accuracy"].value == pytest.approx(1 - 5 / 40)
    assert (
        found["mean_real"].value == pytest.approx(0.75)
        and found["mean_shuffled"].value == 0
    )
    assert found["accuracy"].low < 0.8 and found["accuracy"].high == 1


# --- judges ---


@pytest.fixture(scope="module")
def feature_judge():
    return train_feature_judge(*tunes(40, 6, 5), *tunes(15, 6, 6), trees=40, **NOTED)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    return train_judge(
        Config(width=16, heads=2, batch=32, steps=80, rate=6e-3, dropout=0.0),
        *tunes(40, 6, 5),
        opened(tmp_path_factory),
        **NOTED,
    )


def opened(folders, steps=None, folder=None):
    from fusiontools.training import Run

    asked = {
        "paper": "connective_fusion",
        "method": "reality",
        "scale": "smoke",
        "config": {"steps": steps},
    }
    asked["data"] = {"name": "made up", "sha256": "0" * 64}
    return Run.open(folder or folders.mktemp("run"), **asked)


def test_the_feature_judge_learns(feature_judge):
    found = measure(feature_judge, *tunes(20, 6, 7), repeats=50)
    assert found["accuracy"].value > 0.95 and found["mean_real"].value > 0.85
    assert feature_judge.about["trained_on"] == {"songs": 40, "windows": 240}
    reasons = feature_judge.reasons(len(FEATURES))
    assert sum(share for _, share in reasons) == pytest.approx(1)


def test_a_report_is_what_was_measured(feature_judge):
    windows, songs = tunes(10, 6, 7)
    told = reported(feature_judge, windows, songs, [{"songs": 2}])
    found = measure(feature_judge, windows, songs)
    assert told.about["accuracy"] == list(found["accuracy"]) and told.about[
        "mean_real"
    ] == list(found["mean_real"])
    assert told.about["measured_on"] == {"songs": 10, "windows": 60} and told.about[
        "learning_curve"
    ] == [{"songs": 2}]
    assert "accuracy" not in feature_judge.about and told.trees is feature_judge.trees


def test_the_transformer_learns(transformer):
    found = measure(transformer, *tunes(20, 6, 7), repeats=50)
    assert found["accuracy"].value > 0.9


def test_the_transformer_hears_no_key_and_judges_one_by_one(transformer):
    windows = tunes(5, 2, 8)[0]
    windows = np.where(windows > HOLD, np.clip(windows, 58, 80), windows)
    np.testing.assert_allclose(
        transformer(transpose_grid(windows, 3)), transformer(windows), atol=1e-4
    )
    np.testing.assert_allclose(
        [transformer(w[None])[0] for w in windows], transformer(windows), atol=1e-4
    )
    assert transformer(windows[:0]).shape == (0,)


def test_a_held_note_over_the_middle_tells_nothing(feature_judge, transformer):
    windows = tunes(3, 2, 9)[0]
    windows[:, 64] = HOLD
    cut = np.where(
        (np.arange(128) >= 64)
        & (np.cumsum(np.where(np.arange(128) >= 64, windows > HOLD, 0), axis=1) == 0),
        REST,
        windows,
    )
    for judge in (feature_judge, transformer):
        np.testing.assert_allclose(judge(windows), judge(cut), atol=1e-6)


def test_a_training_goes_on_where_it_was_stopped(
    tmp_path, tmp_path_factory, monkeypatch, heard
):
    windows, songs = tunes(6, 4, 5)
    config, calls = Config(width=8, heads=2, batch=4, steps=6), []
    whole = train_judge(config, windows, songs, opened(tmp_path_factory))

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return shuffled(*args, **options)

    monkeypatch.setattr("fusiontools.judges.reality.shuffled", interrupted)
    with opened(None, folder=tmp_path / "run") as run, pytest.raises(KeyboardInterrupt):
        train_judge(config, windows, songs, run)
    with opened(None, folder=tmp_path / "run") as run:
        again = train_judge(config, windows, songs, run)
    assert len(calls) == 6
    assert np.array_equal(whole(windows), again(windows))


def test_learning_curve_grows_in_songs():
    windows, songs = tunes(16, 3, 5)
    test, test_songs = tunes(8, 3, 7)
    seen = []

    def train(w, s):
        seen.append(set(s.tolist()))
        return train_feature_judge(w, s, test, test_songs, trees=5)

    curve = learning_curve(train, windows, songs, test, test_songs, shares=(0.25, 1.0))
    assert [point["songs"] for point in curve] == [4, 16] and [
        point["windows"] for point in curve
    ] == [12, 48]
    assert seen[0] < seen[1]
    assert all(
        0 <= point["low"] <= point["accuracy"] <= point["high"] <= 1 for point in curve
    )


# --- files ---


@pytest.mark.parametrize("kind", ["features", "transformer"])
def test_kept_in_a_file(kind, feature_judge, transformer, tmp_path, monkeypatch):
    import importlib.resources

    judge = {"features": feature_judge, "transformer": transformer}[kind]
    (tmp_path / "pretrained").mkdir()
    file = tmp_path / "pretrained" / judge_name("made_up", kind, "train-1")
    save_judge(judge, file)
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    again = load_judge("made_up", kind, "train-1")
    assert isinstance(
        again, {"features": FeatureJudge, "transformer": TransformerJudge}[kind]
    )
    windows = tunes(3, 3, 10)[0]
    np.testing.assert_allclose(again(windows), judge(windows), atol=5e-3)
    assert (
        again.about["terms"] == "free"
        and again.about["trained_on"] == judge.about["trained_on"]
    )
    with pytest.raises(FusionError, match="allowed"):
        save_judge(judge, file, limit=100)
    assert np.array_equal(load_judge("made_up", kind, "train-1")(windows), again(windows))


def test_not_there_or_not_a_judge(feature_judge, tmp_path):
    with pytest.raises(CorpusError, match="no judge of reality"):
        load_judge("nothing")
    with pytest.raises(ValueError, match="choose"):
        judge_name("tunes", "opinion")
    (tmp_path / "odd.safetensors").write_bytes(b"nonsense")
    for path in ("odd.safetensors", "missing.safetensors"):
        with pytest.raises(RecordError, match="not a judge|no such file"):
            open_judge(tmp_path / path)
    with pytest.raises(ValueError, match="corpora"):
        save_judge(FeatureJudge(feature_judge.trees), tmp_path / "silent.safetensors")


@pytest.mark.parametrize("scale", ["smoke", "laptop", "shipped", "paper"])
def test_every_scale_has_two_layers(scale):
    config = getattr(Config, scale)()
    assert config.layers == 2 and config.width % config.heads == 0


@pytest.mark.parametrize("part", ["train-1", "train-2"])
@pytest.mark.parametrize("kind", ["transformer", "features"])
def test_the_judge_that_ships_says_what_it_heard_and_can_judge(kind, part):
    judge = load_judge("fiddle_pop909", kind, part)
    about = judge.about
    assert (about["kind"], about["data"]) == (kind, "fiddle_pop909")
    assert about["corpora"] == ["oneill", "ryan", "aird", "pop909"] and all(
        f"{name}: " in about["terms"] for name in about["corpora"]
    )
    value, low, high = about["accuracy"]
    assert value >= 0.95 and low < value < high
    assert about["mean_real"][0] > 0.9 and about["mean_shuffled"][0] < 0.1
    half = tunes(12, 1, 2)[0][:, :64]
    whole = judge(np.concatenate([half, half], axis=1))
    torn = judge(np.concatenate([half, np.roll(half, 1, axis=0)], axis=1))
    assert whole.mean() > 0.8 and torn.mean() < 0.4


@pytest.mark.parametrize("kind", ["transformer", "features"])
def test_the_judges_that_ship_were_tested_on_the_same_songs_and_learned_from_others(kind):
    one, other = (
        load_judge("fiddle_pop909", kind, part).about for part in ("train-1", "train-2")
    )
    assert (
        one["measured_on"] == other["measured_on"]
        and one["trained_on"] != other["trained_on"]
    )
    curve = other["learning_curve"]  # of the judge that evaluates the results
    assert [point["songs"] for point in curve] == sorted(
        {point["songs"] for point in curve}
    ) and len(curve) >= 3
    assert (
        curve[-1]["songs"] == other["trained_on"]["songs"]
        and curve[-1]["accuracy"] == other["accuracy"][0]
    )
    assert curve[0]["accuracy"] < curve[-1]["accuracy"]
