"""The two judges of genre: they learn what there is to learn, no song is judged by a model
that has heard it, and what is like no music is neither.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fusiontools.errors import CorpusError, RecordError
from fusiontools.judges import genre as module
from fusiontools.judges.genre import (
    FOLDS,
    NOTES,
    Heard,
    calibration,
    deal,
    load_judges,
    make_judges,
    open_judges,
    save_judges,
)
from fusiontools.judges.melody_features import FEATURES, thirds
from fusiontools.music import Notes

# Random walks: genres differ in their steps and in their lengths
A = ([-1, 1, 0, 0], [0.5, 1.0])
B = ([-4, -2, 2, 5], [0.25, 0.5])
STRANGE = ([-12, 9, 3], [3.0, 1 / 12])


def melodies(n, seed, steps, lengths, notes=24):
    rng, made = np.random.default_rng(seed), []
    for _ in range(n):
        d = rng.choice(lengths, notes)
        p = 66 + np.cumsum(rng.choice(steps, notes))
        while p.max() > 90 or p.min() < 40:  # folded, not clipped: no repeats
            p = np.where(p > 90, 180 - p, np.where(p < 40, 80 - p, p))
        made.append(Notes(np.cumsum(d) - d, d, p))
    return made


def genres(n, seed):
    return melodies(n, seed, *A), melodies(n, seed + 1, *B)


def songs(n, name):
    """Two windows of each song."""
    return np.array([f"{name} {i // 2}" for i in range(n)])


REAL, SONGS = genres(80, 0), (songs(80, "a"), songs(80, "b"))
QUICK = {"steps": 60, "width": 8}


@pytest.fixture(scope="module")
def judges():
    state = torch.random.get_rng_state()
    made = make_judges(*REAL, *SONGS, pair="made up", **QUICK)
    assert (torch.random.get_rng_state() == state).all()  # no one else's dice are moved
    return made


def folds_of_real():
    return [deal(own) for own in SONGS]


# --- folds ---


def test_a_song_is_dealt_by_its_name_alone():
    names = [f"song {i}" for i in range(2000)]
    found, order = deal(names), np.random.default_rng(0).permutation(2000)
    assert (deal(np.array(names)[order]) == found[order]).all()
    assert deal(names[:1]).tolist() == found[:1].tolist()
    assert deal(["a", "b", "3"]).tolist() == [2, 1, deal([3])[0]]  # and always will be
    count = np.bincount(found, minlength=FOLDS)
    assert len(count) == FOLDS and count.min() > 350 and count.max() < 450
    assert deal([]).shape == (0,)


def test_no_fold_hears_the_songs_that_it_judges(judges):
    """What a fold says does not change when its songs are not there at all."""
    left_out, k = SONGS[0][0], int(deal(SONGS[0][:1])[0])
    kept = SONGS[0] != left_out
    some = [m for m, yes in zip(REAL[0], kept) if yes]
    without = make_judges(some, REAL[1], SONGS[0][kept], SONGS[1], **QUICK)
    asked = REAL[0][:6] + REAL[1][:6]
    for judge, other in zip(judges, without):
        for fold in range(FOLDS):
            own, same = (one.scores(asked, [fold] * 12) for one in (judge, other))
            assert np.array_equal(own, same) == (fold == k)


def test_a_song_that_only_a_leak_could_tell(judges):
    """Music of no genre that the labels call A: who has heard it believes them."""
    odd = melodies(16, 7, *STRANGE)
    name = "odd"
    told = make_judges(REAL[0] + odd, REAL[1], [*SONGS[0], *[name] * 16], SONGS[1], **QUICK)
    k = int(deal([name])[0])
    for judge in told:
        own = judge.scores(odd, [k] * 16)
        others = [judge.scores(odd, [f] * 16) for f in range(FOLDS) if f != k]
        assert own.mean() < np.mean(others, axis=(1,)).min() - 0.5


def test_what_is_typical_of_a_fold_is_read_off_the_others(judges):
    asked, k = REAL[0][:5] + REAL[1][:5], 2
    network, weighing = judges
    counts = [own.copy() for own in network.counts]
    rows = weighing.rows.copy()
    for own in counts:
        own[:, k] += 50
    rows[weighing.fold == k] += 1
    for judge, other in (
        (network, replace(network, counts=counts)),
        (weighing, replace(weighing, rows=rows)),
    ):
        for fold in range(FOLDS):
            same = judge.oddness(asked, [fold] * 10) == other.oddness(asked, [fold] * 10)
            assert same.all() == (fold == k)


def test_what_no_fold_holds_is_judged_by_the_mean_of_all(judges):
    asked = sum(genres(4, 40), [])
    for judge in judges:
        each = [judge.scores(asked, [k] * 8) for k in range(FOLDS)]
        odd = [judge.oddness(asked, [k] * 8) for k in range(FOLDS)]
        assert np.std(each, axis=0).min() > 0
        for folds in (None, [-1] * 8):
            np.testing.assert_allclose(judge.scores(asked, folds), np.mean(each, axis=0))
            np.testing.assert_allclose(judge.oddness(asked, folds), np.mean(odd, axis=0))
        mixed = judge.scores(asked, [0, 3, -1, 1, 2, 4, -1, 0])
        assert mixed[[0, 1, 3]].tolist() == [each[0][0], each[3][1], each[1][3]]
        np.testing.assert_allclose(mixed[2], np.mean(each, axis=0)[2])


# --- what they learn ---


def test_both_learn_and_say_it_of_new_melodies(judges):
    a, b = genres(60, 20)
    for judge in judges:
        p = np.concatenate([judge(a), judge(b)])
        assert ((p >= 0) & (p <= 1)).all()
        report = calibration(p, np.repeat([True, False], 60))
        assert report["accuracy"] > 0.95 and report["error"] < 0.1
    assert [judge.kind for judge in judges] == ["network", "features"]


def test_what_is_both_gets_no_sure_verdict(judges):
    a, b = genres(40, 30)
    for judge in judges:
        half = [joined(x[:12], y[:12]) for x, y in zip(a, b)]
        sure = np.abs(judge.scores(half)).mean()
        assert sure < np.abs(judge.scores(a + b)).mean() / 2


def joined(*parts):
    """Melodies one after the other."""
    d, p = (np.concatenate([getattr(x, n) for x in parts]) for n in ("duration", "pitch"))
    return Notes(np.cumsum(d) - d, d, p)


def test_probabilities_are_scores_over_the_temperature(judges):
    asked = sum(genres(5, 70), [])
    for judge in judges:
        t, low, high = judge.about["temperature"]
        wanted = 1 / (1 + np.exp(-judge.scores(asked) / t))
        np.testing.assert_allclose(judge(asked), wanted, atol=1e-12)
        assert judge.hear(asked).p.tolist() == judge(asked).tolist()
        assert low <= t <= high


@pytest.mark.parametrize("t", [0.3, 1.7])
def test_the_temperature_is_the_one_that_scores_were_multiplied_by(t):
    rng = np.random.default_rng(0)
    odds = rng.normal(size=60_000)
    sign = np.where(rng.random(60_000) < 1 / (1 + np.exp(-odds)), 1.0, -1.0)
    found = module._temperature(t * odds, sign, np.full(60_000, 1 / 60_000))
    assert found == pytest.approx(t, rel=0.05)


def test_reasons_add_up(judges):
    _, judge = judges
    tune = genres(1, 80)[0][0]
    every = judge.reasons(tune, top=len(FEATURES))
    sizes = [abs(odds) for _, odds in every]
    assert sizes == sorted(sizes, reverse=True) and {n for n, _ in every} == {*FEATURES}
    whole = sum(odds for _, odds in every) * judge.about["temperature"][0]
    assert whole + judge.weight[:, -1].mean() == pytest.approx(judge.scores([tune])[0])
    assert judge.reasons(tune) == every[:5]


# --- the gap, and neither ---


def scores_of_real(judge, cut):
    """Of both domains, by models that have not heard them; of parts, if they are cut."""
    return [
        judge.scores([x for m in own for x in cut(m)], np.repeat(fold, len(cut(own[0]))))
        for own, fold in zip(REAL, folds_of_real())
    ]


def test_the_ends_of_the_gap_are_where_unseen_real_songs_end(judges):
    for judge in judges:
        a, b = scores_of_real(judge, lambda melody: [melody])
        wanted = sorted([np.quantile(b, 0.975), np.quantile(a, 0.025)])
        assert judge.about["ends"] == pytest.approx(wanted)
        said = judge.hear(REAL[0], folds_of_real()[0])
        low, high = judge.about["ends"]
        assert said.gap.tolist() == ((said.score >= low) & (said.score <= high)).tolist()


def test_whole_melodies_and_thirds_have_a_temperature_each(judges):
    sign, weight = np.repeat([1.0, -1.0], 80), np.full(160, 1 / 80)
    for judge in judges:
        for name, cut in (("", lambda m: [m]), ("_of_thirds", thirds)):
            scores = np.concatenate(scores_of_real(judge, cut))
            times = len(scores) // 160
            wanted = module._temperature(
                scores, np.repeat(sign, times), np.repeat(weight, times) / times
            )
            value, low, high = judge.about[f"temperature{name}"]
            assert value == pytest.approx(wanted, rel=1e-3) and low < high


def test_of_unseen_real_melodies_95_in_100_are_typical(judges):
    for judge in judges:
        heard = [judge.hear(*own) for own in zip(REAL, folds_of_real())]
        passed = np.mean([said.typical.mean() for said in heard])  # it was set on these
        assert 0.95 <= passed < 0.99
        assert np.mean([judge.hear(own).typical.mean() for own in genres(60, 50)]) > 0.85


def test_what_is_no_music_is_not_typical(judges):
    rng = np.random.default_rng(0)
    length = rng.integers(1, 49, (40, 24)) / 12
    pitch = rng.integers(45, 87, (40, 24))
    noise = [Notes(np.cumsum(d) - d, d, p) for d, p in zip(length, pitch)]
    drone = [Notes(np.arange(24) / 2, np.full(24, 0.5), np.full(24, 60))]
    for judge in judges:
        assert judge.hear(noise).typical.mean() < 0.1
        assert not judge.hear(drone).typical.any()
        assert not judge.hear(noise).middle.mean() > 0.1


class Told(module._Judge):
    """Hears how high a melody is; each fold hears it so much higher than the one before."""

    about = {"temperature": [1.0], "ends": [-0.5, 0.5], "limits": [0.5]}
    about |= {"temperature_of_thirds": [2.0]}

    def __init__(self, higher=0):
        self.higher = higher

    def _scores(self, melodies):
        height = np.array([notes.pitch.mean() - 60 for notes in melodies])
        return np.add.outer(self.higher * np.arange(FOLDS), height)

    def _oddness(self, melodies):
        odd = [0.5 + (notes.duration[0] > 1) for notes in melodies]
        return np.tile(odd, (FOLDS, 1))[..., None]


def of_heights(*heights, each=NOTES // 3, length=1.0):
    pitch = 60 + np.repeat(heights, each)
    return Notes(np.arange(len(pitch)) * length, np.full(len(pitch), length), pitch)


# 1/4 to 3/4 is a log-odds of at most log 3 = 1.10: a height of 1.10, of a third 2.20
@pytest.mark.parametrize(
    ("heights", "gap", "middle", "throughout", "turns"),
    [
        ((0, 0, 0), True, True, True, False),
        ((2, -2, 1), True, True, True, False),
        ((2, 2, -1), False, True, True, False),
        ((3, 0, 0), False, True, False, False),
        ((3, 0, -3), True, True, False, True),
        ((-3, 3, 3), False, True, False, True),
        ((2, 2, 2), False, False, True, False),
        ((-2, -2, -2), False, False, True, False),
        ((9, 9, 9), False, False, False, False),
        ((-9, -9, 9), False, False, False, True),
    ],
)
def test_thirds_are_judged_one_by_one(heights, gap, middle, throughout, turns):
    asked = [of_heights(0, 0, 0), of_heights(*heights), of_heights(50, -50, 50)]
    said = Told().hear(asked, [0, 0, 0])
    got = [bool(x[1]) for x in (said.gap, said.middle, said.throughout, said.turns)]
    assert got == [gap, middle, throughout, turns]
    assert said.score[1] == pytest.approx(np.mean(heights)) and said.typical.all()


def test_thirds_are_judged_by_the_fold_of_their_melody():
    few, tune = of_heights(0, each=NOTES - 1), of_heights(0, 0, 0)
    low = of_heights(-40, -40, -40)
    said = Told(40).hear([few, tune, tune, low], [0, 0, 1, 1])
    assert said.throughout.tolist() == [False, True, False, True]
    assert said.gap.tolist() == [True, True, False, True]


def test_with_too_few_notes_a_melody_is_neither():
    few = of_heights(0, each=NOTES - 1)
    odd = of_heights(0, 0, 0, length=2.0)
    said = Told().hear([few, odd, of_heights(0, 0, 0), of_heights(9, -9, each=3)], [0] * 4)
    assert said.gap.tolist() == [True] * 4
    assert said.typical.tolist() == [False, False, True, False]
    assert said.middle.tolist() == [False, False, True, False]
    assert said.throughout.tolist() == [False, True, True, False]
    assert not said.turns.any()
    nothing = Told().hear([])
    assert isinstance(nothing, Heard) and all(len(own) == 0 for own in nothing)


# --- what they say about themselves ---


def test_what_judges_say_about_themselves_is_what_they_do(judges):
    for judge in judges:
        about, right = judge.about, []
        heard = [judge.hear(*own) for own in zip(REAL, folds_of_real())]
        for i, said in enumerate(heard):
            share = {"gap": said.gap, "typical": said.typical, "middle": said.middle}
            share |= {"throughout": said.middle & said.throughout}
            share |= {"between": (said.p >= 0.25) & (said.p <= 0.75)}
            for name, yes in share.items():
                value, low, high = about[name][i]
                assert value == pytest.approx(yes.mean()) and low <= value <= high
            right.append(np.mean((said.p > 0.5) == (i == 0)))
        value, low, high = about["accuracy"]
        assert value == pytest.approx(np.mean(right)) and low <= value <= high
        assert about["melodies"] == [80, 80] and about["songs"] == [40, 40]
        assert about["pair"] == "made up" and about["kind"] == judge.kind


def test_short_melodies_train_no_judge(monkeypatch):
    seen = []

    def learn(real, *asked):
        seen.extend(m for own in real for m in own)
        raise InterruptedError

    monkeypatch.setattr(module, "_learn_network", learn)
    short = [[m[:11] for m in own[:3]] for own in REAL]
    with pytest.raises(InterruptedError):
        make_judges(
            REAL[0] + short[0],
            short[1] + REAL[1],
            [*SONGS[0], "x", "y", "z"],
            ["x", "y", "z", *SONGS[1]],
        )
    real, kept = [m for own in REAL for m in own], np.concatenate(folds_of_real()) != 0
    assert seen == [m for m, yes in zip(real, kept) if yes]


def test_calibration_table():
    report = calibration([0.05, 0.95, 0.95, 0.95], [False, True, True, False], bins=2)
    assert report["count"].tolist() == [1, 3]
    np.testing.assert_allclose(report["true"], [0, 2 / 3])
    assert report["error"] == pytest.approx((0.05 + 3 * (0.95 - 2 / 3)) / 4)
    assert report["accuracy"] == pytest.approx((1 + 1 / 2) / 2)


# --- files ---


def test_kept_in_a_file_they_say_the_same(judges, tmp_path, monkeypatch):
    import importlib.resources

    (tmp_path / "pretrained").mkdir()
    path = tmp_path / "pretrained" / "genre_made_up.safetensors"
    save_judges(judges, path, ["one", "other"], "free")
    monkeypatch.setattr(importlib.resources, "files", lambda package: tmp_path)
    tunes, folds = sum(genres(5, 50), []), [0, 1, 2, 3, 4] * 2
    for judge, again in zip(judges, load_judges("made_up")):
        assert again.kind == judge.kind and again.about == judge.about
        for known in (None, folds):
            for one, other in zip(judge.hear(tunes, known), again.hear(tunes, known)):
                assert one.tolist() == other.tolist()
            odd = (j.oddness(tunes, known).tolist() for j in (judge, again))
            assert next(odd) == next(odd)


def test_what_is_not_there_or_of_something_else(tmp_path):
    from fusiontools.training import save_weights

    with pytest.raises(CorpusError, match="no judges come"):
        load_judges("nobody_nothing")
    with pytest.raises(RecordError, match="none"):
        open_judges(tmp_path / "none.safetensors")
    model = torch.nn.Linear(1, 1)
    save_weights(model, tmp_path / "w.safetensors", corpora=["x"], terms="free")
    with pytest.raises(RecordError, match="not two judges"):
        open_judges(tmp_path / "w.safetensors")


def test_counts_by_fold_add_up_to_those_of_all_melodies():
    both = [melody for side in REAL for melody in side]
    fold = np.arange(len(both)) % FOLDS
    keys, counts = module._counted(both, fold)
    whole = module.count_runs(
        *module.events(both), module.KINDS, module.ORDER, module.LEAST
    )
    for known, by_fold, (wanted, n) in zip(keys, counts, whole, strict=True):
        assert (known == wanted).all() and by_fold.shape == (len(known), FOLDS)
        assert (by_fold.sum(1) == n).all() and (by_fold > 0).any(0).all()
