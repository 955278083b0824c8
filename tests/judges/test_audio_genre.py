"""The judges of audio: what they hear, the paper's networks as printed and corrected, that
no group is split, and that the linear judge is what it says it is.
"""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusiontools.errors import CorpusError, RecordError
from fusiontools.judges.audio_artists import artists
from fusiontools.judges.audio_features import (
    FEATURES,
    LAGS,
    autocorrelogram,
    features,
    read_table,
)
from fusiontools.judges.audio_genre import (
    KINDS,
    apart,
    cross_validated,
    f1_and_accuracy,
    folds,
    load_judge,
    save_judge,
    tracks,
    train_judge,
)
from fusiontools.judges.audio_networks import (
    autocorrelogram_network,
    feature_network,
    train_network,
)

torch = pytest.importorskip("torch")
RATE = 22050
NAMES = [f"x{i}" for i in range(12)]


def made_up(n=40, seed=0, width=12, spread=1.0):
    """Three classes of n rows, in groups of two."""
    rng = np.random.default_rng(seed)
    middles = np.random.default_rng(99).normal(size=(3, width)) * 2
    x = np.concatenate([m + spread * rng.normal(size=(n, width)) for m in middles])
    return x, np.repeat(["blues", "jazz", "rock"], n), np.arange(3 * n) // 2


def tone(frequency, seconds=3):
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(seconds * RATE) / RATE)


# what they hear


def test_a_pure_tone_is_heard_where_it_is():
    for frequency in (440, 2000):
        heard = dict(zip(FEATURES, features(tone(frequency))))
        assert len(heard) == 57 and np.isfinite([*heard.values()]).all()
        assert abs(heard["spectral_centroid_mean"] - frequency) < 0.03 * frequency
        assert (
            abs(heard["zero_crossing_rate_mean"] * RATE / 2 - frequency) < 0.02 * frequency
        )
        assert heard["rms_mean"] == pytest.approx(0.5 / np.sqrt(2), rel=0.01)
        assert heard["harmony_var"] > 100 * heard["perceptr_var"]


def test_some_features_are_the_same_as_among_all():
    sound = tone(300) + np.random.default_rng(0).normal(size=3 * RATE) * 0.01
    names = ["mfcc3_var", "tempo", "rolloff_mean", "perceptr_var"]
    whole = dict(zip(FEATURES, features(sound)))
    assert features(sound, names=names).tolist() == [whole[name] for name in names]


@pytest.mark.parametrize(
    "sound", [np.zeros(100), np.zeros((2, 9000)), np.full(9000, np.nan)]
)
def test_what_is_no_sound_is_refused(sound):
    with pytest.raises(ValueError, match="can't be heard"):
        features(sound)


def test_silence_and_unknown_names():
    assert np.isfinite(features(np.zeros(RATE))).all()
    with pytest.raises(ValueError, match="no features"):
        features(np.zeros(RATE), names=["beauty"])


def test_an_autocorrelogram_peaks_at_the_beat():
    clicks = np.zeros(6 * RATE)
    clicks[:: 512 * 24] = 1
    r = autocorrelogram(clicks)
    assert r.shape == (LAGS,) and r[0] == 1 and np.abs(r).max() <= 1
    assert r[12:36].argmax() + 12 == 24 and r[24] > 0.7
    assert not autocorrelogram(np.zeros(6 * RATE)).any()
    with pytest.raises(ValueError, match="too short"):
        autocorrelogram(np.zeros(RATE))


def test_a_table_is_read_and_a_broken_one_refused(tmp_path):
    head = ",".join(["filename", "length", *FEATURES, "label"])
    rows = [
        f"{name}.wav,9," + "1.5," * 57 + "jazz" for name in ("jazz.00053", "jazz.00054")
    ]
    path = tmp_path / "t.csv"
    path.write_text("\n".join([head, *rows]))
    ids, x, labels = read_table(path)
    assert (
        ids.tolist() == ["jazz.00053"] and (x == 1.5).all() and labels.tolist() == ["jazz"]
    )
    path.write_text("filename,label\njazz.00000.wav,jazz")
    with pytest.raises(CorpusError, match="no table of features"):
        read_table(path)


def test_features_equal_the_published_table(shared_data, monkeypatch):
    table = shared_data / "gtzan_mini" / "features_30_sec.csv.xz"
    if not table.is_file():
        pytest.skip("needs GTZAN's table of features in the development data")
    from fusiontools.corpora import load

    monkeypatch.setitem(os.environ, "FUSIONTOOLS_DATA", str(shared_data))
    ids, x, _ = read_table(table)
    assert x.shape == (999, 57)
    names = [n for n in FEATURES if not n.startswith(("harmony", "perceptr"))]
    columns = [FEATURES.index(n) for n in names]
    for recording in [*load("gtzan_mini")][5:90:40]:
        row = x[ids.tolist().index(recording.id.split("/")[1]), columns]
        heard = features(recording.samples(RATE), names=names)
        np.testing.assert_allclose(heard, row, rtol=1e-3)


# artists, recordings and folds


def test_every_clip_has_an_artist():
    who = artists()
    assert len(who) == 1000 and all(who.values())
    ends = {"jazz.00099": "Joe Henderson", "rock.00091": "Stone Roses"}
    ends |= {"reggae.00093": "Peter Tosh", "metal.00095": "Rage Against the Machine"}
    ends |= {"disco.00096": "Shirley & Company", "hiphop.00055": "Cypress Hill"}
    assert {name: who[name] for name in ends} == ends


def test_recordings_that_come_twice_are_found_through_others():
    x = np.array([[0, 0], [9, 0], [0.01, 0], [0, 9], [0.02, 0.0]])
    assert tracks(x, near=0.004).tolist() == [0, 1, 0, 3, 0]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=10),
    st.integers(2, 4),
)
def test_folds_keep_groups_whole(clips, k):
    labels, groups = np.array(clips).T
    if len(set(groups)) < k:
        with pytest.raises(ValueError, match="can't be dealt"):
            folds(labels, groups, k)
        return
    fold = folds(labels, groups, k, seed=3)
    assert all(len(set(fold[groups == g])) == 1 for g in groups)
    assert set(fold) <= set(range(k)) and (fold == folds(labels, groups, k, seed=3)).all()


def test_folds_are_even_where_groups_allow_it():
    labels = np.repeat(["a", "b"], [100, 50])
    fold = folds(labels, np.arange(150), 5)
    assert np.bincount(fold[:100]).tolist() == [20] * 5
    assert np.bincount(fold[100:]).tolist() == [10] * 5
    assert (fold != folds(labels, np.arange(150), 5, seed=1)).any()


def test_given_clips_and_their_artists_stay_out():
    ids = np.array(["a.0", "a.1", "b.0", "b.1"])
    assert apart(ids, ["a.0", "c/b.1"]).tolist() == [False, True, True, False]
    assert apart(ids, [], ["x"] * 4).all()


# the networks


def test_the_printed_network_does_not_run_and_the_corrected_one_does():
    x = torch.zeros(2, 1, 57)
    first = torch.nn.Sequential(torch.nn.Conv1d(1, 32, 4), torch.nn.MaxPool1d(2))
    with pytest.raises(RuntimeError, match="1 channels"):
        torch.nn.Conv1d(1, 64, 3)(first(x))  # as printed
    assert 1572 % 64 and feature_network(57)(x).shape == (2, 10)
    sizes = {i: feature_network(i)[10].in_features for i in (55, 56, 57)}
    assert sizes == {55: 1536, 56: 1536, 57: 1600}
    assert feature_network(9, genres=3)(x[:, :, :9]).shape == (2, 3)
    with pytest.raises(ValueError, match="too few"):
        feature_network(8)


def test_the_autocorrelogram_network_has_the_printed_size():
    network = autocorrelogram_network(LAGS)
    assert network[5].in_features == 1536 and network[5].out_features == 128
    assert network(torch.zeros(2, 1, LAGS)).shape == (2, 10)
    with pytest.raises(ValueError, match="too few"):
        autocorrelogram_network(3)


def test_a_double_softmax_flattens_the_loss():
    x, labels, groups = made_up()
    runs = {
        kind: cross_validated(kind, x, labels, groups, k=2, epochs=12)
        for kind in ("genre_cnn", "genre_cnn_double_softmax")
    }
    (_, one, single), (_, two, double) = runs.values()
    np.testing.assert_allclose(two.sum(axis=1), 1, atol=1e-5)
    # cross entropy of a softmax of probabilities: least where one is 1 and the others 0
    assert double["loss"][-1] > np.log(np.e + 2) - 1 > single["loss"][-1]
    assert not np.allclose(one, two)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_tells_three_classes(kind):
    x, labels, groups = made_up(30)
    got = cross_validated(kind, x, labels, groups, k=3, names=NAMES)
    told, said, history = got
    assert told.shape == (90,) and said.shape == (90, 3)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-5)
    assert np.mean(told == labels) > (0.6 if "cnn" not in kind else 0.9)
    if kind in ("genre_best", "genre_linear"):
        assert history == {}
    else:
        epochs = 6 if kind == "genre_autocorr" else 60
        assert {v.shape for v in history.values()} == {(epochs,)}
        assert history["loss"][-1] < history["loss"][0]
        assert set(history) == {"loss", "f1", "f1_train"}


def test_networks_learn_the_same_again_and_leave_the_dice_alone():
    x, labels, groups = made_up(10)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    a, b = (
        cross_validated("genre_cnn", x, labels, groups, k=2, epochs=2)[1] for _ in range(2)
    )
    np.testing.assert_array_equal(a, b)
    assert (torch.get_rng_state() == before).all()


def test_impossible_cross_validations_are_refused():
    x, labels, groups = made_up(10)
    with pytest.raises(ValueError, match="the kind is 'oracle'"):
        cross_validated("oracle", x, labels, groups)
    with pytest.raises(ValueError, match="too few groups"):
        cross_validated("genre_linear", x, labels, labels, k=3, names=NAMES)
    with pytest.raises(ValueError, match="features are named"):
        cross_validated("genre_linear", x, labels, groups)


def test_the_network_judge_knows_its_classes():
    x, labels, _ = made_up()
    judge = train_network(x, labels, NAMES, epochs=15, made="up")
    p = judge.probabilities(made_up(seed=1)[0])
    assert np.mean(np.array(judge.labels)[p.argmax(axis=1)] == labels) > 0.9
    assert judge.about["made"] == "up" and judge.about["clips"] == 120
    with pytest.raises(ValueError, match="features are named"):
        train_network(x, labels)


# how well


@pytest.mark.parametrize(
    "true, told, f1, accuracy",
    [
        ("aabb", "aabb", 1, 1),
        ("aabb", "bbaa", 0, 0),
        ("aabb", "aaaa", 1 / 3, 0.5),
        ("aaab", "aabb", (4 / 5 + 2 / 3) / 2, 0.75),
        ("aabc", "aabb", (1 + 2 / 3 + 0) / 3, 0.75),
        ("aa", "ac", (2 / 3 + 0) / 2, 0.5),
    ],
)
def test_f1_truth_table(true, told, f1, accuracy):
    from sklearn.metrics import f1_score

    found = f1_and_accuracy([*true], [*told], range(len(true)))
    assert found["f1"]["value"] == pytest.approx(f1)
    assert found["accuracy"]["value"] == pytest.approx(accuracy)
    sklearns = f1_score([*true], [*told], average="macro", zero_division=0)
    assert found["f1"]["value"] == pytest.approx(sklearns)
    assert all(v["low"] <= v["value"] <= v["high"] for v in found.values())


def test_few_groups_make_wide_ranges():
    rng = np.random.default_rng(0)
    labels = np.tile(["a", "b"], 100)
    told = np.where(np.repeat(rng.random(10) < 0.7, 20), labels, "a")
    alone = f1_and_accuracy(labels, told, np.arange(200))["f1"]
    whole = f1_and_accuracy(labels, told, np.repeat(np.arange(10), 20))["f1"]
    assert whole["high"] - whole["low"] > 1.5 * (alone["high"] - alone["low"])


# the linear judge


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
@pytest.mark.parametrize("shrinkage", [0.05, 0.5])
def test_the_judge_is_a_linear_discriminant_analysis(solver, shrinkage):
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    x, labels, _ = made_up(spread=3)
    x, labels = x[:-15], labels[:-15]  # classes of unlike size
    judge = train_judge(x, labels, NAMES, shrinkage=shrinkage)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    model = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage).fit(z, labels)
    assert judge.labels == tuple(model.classes_)
    np.testing.assert_allclose(judge.probabilities(x), model.predict_proba(z), atol=1e-9)


def test_variances_are_heard_by_their_logarithm():
    x, labels, _ = made_up()
    names = [*NAMES[:-1], "x_var"]
    x[:, -1] = np.exp(x[:, -1])
    raw = train_judge(np.column_stack([x[:, :-1], np.log(x[:, -1])]), labels, NAMES)
    judge = train_judge(x, labels, names)
    np.testing.assert_allclose(judge.means, raw.means)
    assert np.isfinite(judge.probabilities(np.zeros((1, 12)))).all()


def test_real_clips_pass_and_others_are_unlike():
    x, labels, _ = made_up(200)
    judge = train_judge(x, labels, NAMES)
    new = made_up(2000, seed=7)[0]
    assert abs(judge.unlike(new).mean() - 0.05) < 0.025
    assert judge.unlike(new + 30).all()
    assert judge.about["f1"]["value"] > 0.9 and judge.about["clips"] == 600


def test_a_judge_comes_back_from_its_file(tmp_path):
    x, labels, groups = made_up()
    judge = train_judge(x, labels, NAMES, groups, corpus="made up")
    path = tmp_path / "judge.safetensors"
    save_judge(judge, path)
    again = load_judge(path)
    assert (again.labels, again.names) == (judge.labels, judge.names)
    assert again.about == judge.about and again.about["corpus"] == "made up"
    np.testing.assert_allclose(again.probabilities(x), judge.probabilities(x), atol=1e-4)
    assert (again.unlike(x) == judge.unlike(x)).mean() > 0.99
    assert path.stat().st_size < 10_000
    path.write_bytes(b"no judge")
    for file in (path, tmp_path / "none"):
        with pytest.raises(RecordError, match="not a judge of audio|no such file"):
            load_judge(file)
