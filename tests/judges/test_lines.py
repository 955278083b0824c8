"""The judges of lines: what they hear, that no key or register moves them, that they learn
what there is to learn, and that what is like no music is neither.
"""

from types import SimpleNamespace

import numpy as np
import pytest

from fusiontools.errors import CorpusError, RecordError
from fusiontools.judges import lines as module
from fusiontools.judges.grams import surprise
from fusiontools.judges.lines import (
    BAND,
    FEATURES,
    VERDICTS,
    line_features,
    load_judges,
    make_judges,
    open_judges,
    save_judges,
    train_judges,
    verdicts,
)
from fusiontools.music.grid import HOLD, REST, transpose_grid
from fusiontools.score.transfer import BAR, newness, noise_lines

TUNE, RIFF = ([-2, -1, 1, 2, 3], [4, 8, 8, 16]), ([0, 0, 0, 7, -7, 5, -5], [2, 4, 4])


def made_up(n, seed, own, other, bars=32):
    """Lines of eight motifs of a bar that return; some motifs are of the other genre."""
    rng, made = np.random.default_rng(seed), np.full((n, bars, BAR), HOLD, np.uint8)
    for line in made:
        motifs = np.full((8, BAR), HOLD, np.uint8)
        for motif in motifs:
            steps, lengths = other if rng.random() < 0.15 else own
            at, pitch = 0, int(rng.integers(57, 64))
            while at < BAR:
                motif[at] = pitch
                pitch = int(np.clip(pitch + rng.choice(steps), 50, 70))
                at += rng.choice(lengths)
        line[:] = motifs[rng.integers(0, 8, bars)]
    return made.reshape(n, -1)


def genres(n, seed):
    return made_up(n, seed, TUNE, RIFF), made_up(n, seed + 1, RIFF, TUNE)


@pytest.fixture(scope="module")
def pair():
    return train_judges(
        *genres(40, 0), *genres(50, 10), steps=150, width=16, data="made up"
    )


def heard(tokens):
    return dict(zip(FEATURES, line_features(tokens).T.tolist()))


def line(*notes, bars=4):
    """One line of (step, pitch), each held until the next; pitch 0 is a rest."""
    tokens = np.zeros((1, bars * BAR), np.uint8)
    for at, pitch in notes:
        tokens[0, at:] = HOLD if pitch else REST
        tokens[0, at] = pitch
    return tokens


# --- the features of the feature judge ---


def test_every_feature_has_one_name_and_blocks_are_shares():
    x = line_features(made_up(5, 3, TUNE, RIFF))
    assert x.shape == (5, len(FEATURES)) and len(set(FEATURES)) == len(FEATURES)
    assert np.isfinite(x).all()
    for first, count in [
        (0, 10),
        (10, 9),
        (19, 25),
        (44, 49),
        (93, 12),
        (105, 16),
        (121, 4),
    ]:
        np.testing.assert_allclose(x[:, first : first + count].sum(axis=1), 1)


def test_a_line_by_hand():
    # beat 1, a 32nd late, the second beat, a leap over a rest, and the same again
    found = heard(line((0, 60), (9, 60), (16, 62), (20, 0), (24, 69), (32, 60), (40, 0)))
    one = {name: own[0] for name, own in found.items()}
    assert one["rests"] == pytest.approx((4 + 88) / 128)
    assert one["notes a bar"] == pytest.approx(np.log(5 / 4))
    # gaps of 9, 7, 8, 8, 8 steps: a 7 is as near to 6 as to 8, and the shorter wins
    assert one["length 1"] == pytest.approx(4 / 5)
    assert one["length 0.75"] == pytest.approx(1 / 5)
    assert one["interval +0"] == one["interval +2"] == one["interval +7"] == 1 / 4
    assert one["interval -9"] == 1 / 4
    assert one["repeat, step up"] == one["step up, leap up"] == 1 / 3
    assert one["leap up, leap down"] == 1 / 3
    assert one["then longer, after shorter"] == one["then same, after longer"] == 1 / 3
    assert one["then same, after same"] == 1 / 3
    for above, steps in [(0, 24), (2, 4), (9, 8), (1, 0)]:
        share = one[f"{above} above the commonest pitch class"]
        assert share == pytest.approx(steps / 36)
    assert one["starts at beat 1"] == 2 / 5 and one["starts at beat 2"] == 1 / 5
    assert one["starts 1 steps after an eighth"] == 1 / 5
    assert one["pitches"] == pytest.approx(3 / 12)
    assert one["spread of pitch"] == pytest.approx(np.std([60, 60, 62, 69, 60]) / 12)
    wanted = np.mean(np.diff([60, 60, 62, 69, 60]) ** 2) / np.var([60, 60, 62, 69, 60])
    assert one["roughness"] == pytest.approx(wanted)
    assert one["longest run of one pitch"] == pytest.approx(np.log(2))
    assert one["runs of one pitch"] == pytest.approx(np.log(5 / 4))
    assert one["new runs of steps"] == 0


def test_steps_skips_leaps_and_places_in_the_bar():
    found = heard(line((2, 60), (8, 61), (12, 63), (16, 66), (20, 61), (22, 67), (31, 61)))
    one = {name: own[0] for name, own in found.items()}
    pairs = ["step up, step up", "step up, skip up", "skip up, skip down"]
    pairs += ["skip down, leap up", "leap up, leap down"]
    assert [one[name] for name in pairs] == [1 / 5] * 5
    places = ["1.25", "2", "2.5", "3", "3.5", "3.75", "4.75"]
    wanted = [1, 1, 1, 1, 1, 1, 1]
    assert [7 * one[f"starts at beat {beat}"] for beat in places] == pytest.approx(wanted)
    after = [7 * one[f"starts {i} steps after an eighth"] for i in range(4)]
    assert after == pytest.approx([4, 0, 2, 1])


def test_bars_that_return_are_heard():
    a, b = np.full(BAR, HOLD), np.full(BAR, HOLD)
    a[::8], b[::8] = 60, 64
    found = heard(np.stack([np.r_[a, a, a, a, a, a], np.r_[a, b, a, b, a, b]]))
    assert found["bar of 1 before"] == [1, 0] and found["bar of 2 before"] == [1, 1]
    assert found["rhythm of the bar before"] == [1, 1]
    assert found["longest run of one pitch"] == np.log([24, 4]).tolist()


def test_lines_side_by_side_do_not_mix():
    many = np.concatenate([*genres(3, 5), np.zeros((1, 1024), np.uint8), genres(1, 9)[0]])
    alone = np.concatenate([line_features(own[None]) for own in many])
    np.testing.assert_allclose(line_features(many), alone, rtol=1e-12)


def test_silence_and_single_notes_can_be_heard():
    for tokens in (line(), line((5, 60)), np.concatenate([line(), line((5, 60), (9, 62))])):
        assert np.isfinite(line_features(tokens)).all()
        assert np.isfinite(line_features(tokens[:, :BAR])).all()


@pytest.mark.parametrize("by", [-5, 1, 7, 8])
def test_register_and_key_are_not_heard_at_all(pair, by):
    tokens = np.concatenate(genres(6, 20))
    # two pitch classes that sound equally long: which is called the commonest?
    tokens = np.concatenate([tokens, np.tile([61, HOLD, 66, HOLD], (1, 256))])
    tokens = tokens.astype(np.uint8)
    there = transpose_grid(tokens, by)
    assert (line_features(there) == line_features(tokens)).all()
    for judge in pair:
        assert (judge(there) == judge(tokens)).all()
        assert (judge.oddness(there) == judge.oddness(tokens)).all()


# --- what the network is given ---


def test_planes():
    tokens = line((0, 60), (9, 67), (12, 40), (16, 0))
    planes = module._planes(np.concatenate([line((3, 50)), tokens])).numpy()
    assert planes.shape == (2, 29, 128)
    assert np.argwhere(planes[1, :25]).tolist() == [[0, 12], [12, 0], [19, 9]]
    assert np.argwhere(planes[0, :25]).tolist() == [[12, 3]]  # nothing from the line before
    assert np.flatnonzero(planes[1, 25]).tolist() == [0, 9, 12]
    assert np.flatnonzero(planes[1, 26]).tolist() == list(range(16))
    assert np.flatnonzero(planes[0, 27]).tolist() == [0, 32, 64, 96]
    assert np.flatnonzero(planes[0, 28]).tolist() == list(range(0, 128, 8))


# --- events of the n-gram model, which test_grams.py tries ---


def test_events_are_intervals_and_lengths():
    tokens = line((0, 60), (4, 61), (12, 59), (13, 90))
    tens = len(module._LENGTHS)
    row, event = module._steps(tokens)
    assert row.tolist() == [0, 0, 0]
    assert event.tolist() == [13 * tens + 3, 10 * tens + 5, 24 * tens + 0]


# --- verdicts ---


def test_both_learn_and_say_it_of_new_lines(pair):
    source, target = genres(40, 50)
    for judge in pair:
        assert np.mean(judge(source) < 0.5) > 0.95 and np.mean(judge(target) > 0.5) > 0.95
        for own, name in ((source, "source"), (target, "target")):
            said = verdicts(judge, own)
            assert set(said) <= set(VERDICTS) and np.mean(said == name) > 0.6


def test_of_unseen_real_lines_95_in_100_pass(pair):
    for judge in pair:
        passed = [
            judge.typical(own).mean() for own in genres(50, 10)
        ]  # it was set on these
        assert 0.95 <= np.mean(passed) < 1 - 1e-9
        assert np.mean([judge.typical(own).mean() for own in genres(40, 50)]) > 0.8


def test_what_is_no_music_is_neither(pair):
    tune, riff = genres(20, 60)
    shuffled = np.concatenate([tune, riff])
    rng = np.random.default_rng(0)
    for own in shuffled:
        places = np.flatnonzero(own > HOLD)
        own[places] = own[rng.permutation(places)]
    drone = np.full((3, 1024), HOLD, np.uint8)
    drone[0, ::4], drone[1, ::8], drone[2, ::16] = 60, 60, 60
    few = np.zeros((2, 1024), np.uint8)
    few[1, :6] = 60, 62, 64, 65, 67, 69
    for judge in pair:
        for what in (shuffled, noise_lines(tune), noise_lines(riff)):
            assert np.mean(verdicts(judge, what) == "neither") > 0.9
        assert not judge.typical(few).any()
        assert not judge.typical(drone).any()


def test_few_notes_are_neither_whatever_else():
    judge = module._LineJudge()
    judge.about = {"limits": [1.0]}
    judge.oddness = lambda tokens: np.zeros((len(tokens), 1))
    tokens = np.zeros((3, 64), np.uint8)
    tokens[1, :7], tokens[2, :8] = 60, 60
    assert judge.typical(tokens).tolist() == [False, False, True]
    judge.oddness = lambda tokens: np.array([[0.0], [0.0], [1.01]])
    assert not judge.typical(tokens).any()


def test_verdicts_follow_the_band():
    p = np.array([0.1, BAND[0], 0.5, BAND[1], 0.76, 0.5])

    def judge(tokens):
        return p

    judge.typical = lambda tokens: np.array([True] * 5 + [False])
    assert BAND == (0.25, 0.75)
    said = verdicts(judge, np.zeros((6, 64), np.uint8)).tolist()
    assert said == ["source", "blend", "blend", "blend", "target", "neither"]


def test_scores_are_divided_by_the_temperature(pair):
    tokens = genres(5, 70)[0]
    for judge in pair:
        t = judge.about["temperature"]
        wanted = 1 / (1 + np.exp(-judge.scores(tokens) / t))
        np.testing.assert_allclose(judge(tokens), wanted, atol=1e-12)


def test_the_temperature_is_the_best_there_is(pair):
    def loss(judge, t):
        found = 0
        for sign, own in zip((-1, 1), genres(50, 10)):
            p = 1 / (1 + np.exp(-sign * judge.scores(own) / t))
            found -= np.mean(51 / 52 * np.log(p) + 1 / 52 * np.log(1 - p))
        return found

    for judge in pair:
        t = judge.about["temperature"]
        assert loss(judge, t) < min(loss(judge, t * 0.95), loss(judge, t * 1.05))


def test_reasons_add_up(pair):
    _, judge = pair
    tune = genres(1, 80)[0]
    every = judge.reasons(tune[0], top=len(FEATURES))
    score = sum(v for _, v in every) + judge.weight[-1] / judge.about["temperature"]
    assert judge(tune)[0] == pytest.approx(1 / (1 + np.exp(-score)))
    assert [abs(v) for _, v in every] == sorted((abs(v) for _, v in every), reverse=True)
    assert judge.reasons(tune[0], top=3) == every[:3]


def test_near_is_measured_by_how_near_real_lines_are(pair):
    _, judge = pair
    place, away = judge.place(genres(3, 90)[1]), judge.oddness(genres(3, 90)[1])[:, 0]
    gap = np.linalg.norm(place[:, None] - judge.rows, axis=2)
    own = np.linalg.norm(judge.rows[:, None] - judge.rows, axis=2)
    tenth = np.maximum(np.sort(own, axis=1)[:, 10], 0.1)  # the 0th is the row itself
    wanted = np.sort(gap / tenth, axis=1)[:, :3].mean(axis=1)
    np.testing.assert_allclose(away, wanted, rtol=1e-6)


def test_oddness_has_both_ends_of_newness_and_of_surprise(pair):
    network, features = pair
    tokens = np.concatenate(genres(4, 90))
    heard = *module._steps(tokens), module._EVENTS, network.grams
    nats, new = surprise(*heard, len(tokens)), newness(tokens)
    found = network.oddness(tokens).T
    np.testing.assert_array_equal(found, [nats, new, -nats, -new])
    new = newness(tokens, rhythm=False)
    np.testing.assert_array_equal(features.oddness(tokens).T[1:], [new, -new])


def test_places_are_standard_deviations_and_at_most_eight(pair):
    _, judge = pair
    tokens = np.concatenate([*genres(4, 90), noise_lines(genres(4, 90)[0]), line(bars=32)])
    plain = (line_features(tokens) - judge.mean) / judge.scale
    place = judge.place(tokens)
    small = np.abs(plain) < 8
    np.testing.assert_array_equal(place[small], plain[small])
    assert set(place[~small].tolist()) == {-8, 8}


def test_the_smaller_genre_counts_as_much():
    few, many = made_up(8, 1, TUNE, RIFF), made_up(60, 2, RIFF, TUNE)
    _, judge = train_judges(few, many, *genres(10, 10), steps=1, width=4)
    assert len(judge.rows) == 68
    a, b = (judge.scores(own).mean() for own in genres(30, 50))
    assert 0.6 < -a / b < 1.6


def test_the_network_begins_by_its_seed():
    real = genres(2, 0)
    first, again, other = (module._learn_network(real, seed, 0, 4) for seed in (1, 1, 2))
    first, again, other = (net["head"].weight.tolist() for net in (first, again, other))
    assert first == again != other


def test_seeds_decide_and_the_global_dice_stay(pair):
    import torch

    torch.manual_seed(3)
    state, source = torch.get_rng_state(), genres(12, 0)
    first, again, other = (
        train_judges(*source, *source, seed=seed, steps=3, width=4) for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), state)
    tokens = genres(3, 40)[0]
    for a, b, c in zip(first, again, other):
        assert (a(tokens) == b(tokens)).all() and (a(tokens) != c(tokens)).any()


# --- files, and what a judge says of itself ---


def test_a_file_gives_back_the_same_judges(pair, tmp_path, monkeypatch):
    import importlib.resources

    (tmp_path / "pretrained").mkdir()
    path = tmp_path / "pretrained" / "lines_made_up.safetensors"
    save_judges(pair, path, ["made up"], "free")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    tokens = np.concatenate(genres(5, 70))
    for again in (open_judges(path), load_judges("made_up")):
        for old, new in zip(pair, again):
            assert (old(tokens) == new(tokens)).all()
            assert (old.oddness(tokens) == new.oddness(tokens)).all()
            assert old.about == new.about and old.kind == new.kind == new.about["kind"]
    assert [judge.kind for judge in pair] == ["network", "features"]
    assert all(judge.about["data"] == "made up" for judge in pair)


def test_files_that_are_not_there_or_of_something_else(pair, tmp_path, monkeypatch):
    with pytest.raises(CorpusError, match="no judges of lines"):
        load_judges("nobody_nothing")
    with pytest.raises(RecordError):
        open_judges(tmp_path / "none.safetensors")
    path = tmp_path / "old.safetensors"
    save_judges(pair, path, "made up", "free")
    monkeypatch.setattr(module, "FEATURES", FEATURES[1:])
    with pytest.raises(RecordError, match="not two judges"):
        open_judges(path)


def test_make_judges_notes_what_it_knows():
    sets = {
        part: genres(n, n) for part, n in [("judge", 24), ("validation", 12), ("test", 8)]
    }
    data = SimpleNamespace(name="made_up")
    data.windows = lambda domain, part: sets[part]["ST".index(domain)]
    data.songs = lambda domain, part: np.repeat(
        ["a", "b", "c", "d"], len(sets[part][0]) // 4
    )[: len(sets[part][0])]
    network, features = make_judges(data, steps=40, width=4)
    for judge in (network, features):
        told = judge.about
        assert told["data"] == "made_up"
        assert told["windows"] == {
            "judge": [24, 24],
            "validation": [12, 12],
            "test": [8, 8],
        }
        assert told["songs"]["test"] == [4, 4]
        p = [judge(own) for own in sets["test"]]
        wanted = (np.mean(p[0] <= 0.5) + np.mean(p[1] > 0.5)) / 2
        value, low, high = told["accuracy"]
        assert value == pytest.approx(wanted) and low <= value <= high
        assert list(told["accuracy_by_bars"]) == ["4", "8", "16", "32"]
        assert told["accuracy_by_bars"]["32"] == pytest.approx(wanted)
        short = [judge(own[:, : 4 * BAR]) for own in sets["test"]]
        wanted = (np.mean(short[0] <= 0.5) + np.mean(short[1] > 0.5)) / 2
        assert told["accuracy_by_bars"]["4"] == pytest.approx(wanted)
        for domain, own in zip("ST", sets["test"]):
            assert sum(told["verdicts"][domain].values()) == pytest.approx(1)
            neither = told["verdicts"][domain]["neither"]
            assert neither == pytest.approx(np.mean(~judge.typical(own)))
