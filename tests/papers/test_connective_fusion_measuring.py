"""How Connective Fusion is measured: baselines are what they are called, inputs repeat,
metrics and figures count what is there.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fusiontools.music.grid import HIGH, HOLD, LOW, REST, is_legal_grid, repair_grid
from fusiontools.papers.connective_fusion.config import Config
from fusiontools.papers.connective_fusion.data import BAR, HALF, PARTS, Windows
from fusiontools.papers.connective_fusion.evidence import experiment, trivial
from fusiontools.papers.connective_fusion.evidence import metrics as measuring
from fusiontools.papers.connective_fusion.evidence.metrics import (
    References,
    between,
    measure_model,
    metrics,
    motif_choice,
    moved,
    of_halves,
    over_songs,
    repeated_bars,
)
from fusiontools.papers.connective_fusion.evidence.paper import INPUTS
from fusiontools.papers.connective_fusion.evidence.trivial import (
    BASELINES,
    baseline,
    guided,
    inputs,
    snapped,
)
from fusiontools.papers.connective_fusion.fusing import decode, encode
from fusiontools.papers.connective_fusion.networks import Networks, as_tokens
from fusiontools.papers.connective_fusion.phases import accuracies
from fusiontools.score.markov import STATISTICS, states

MANY = 24  # pairs


def melody(rng):
    """Eight bars over an octave, with rests, and now and then a note that sounds over the
    middle.
    """
    tokens, at = np.ones(128, np.uint8), 0
    scale = 62 + np.array([0, 2, 4, 5, 7, 9, 11, 12])
    while at < 128:
        tokens[at] = rng.choice(scale)
        length = int(rng.choice([1, 2, 4, 6]))
        if rng.random() < 0.15:
            tokens[at + length // 2 + 1 : at + length + 1] = REST
        at += length + 1
    return repair_grid(tokens)


@pytest.fixture(scope="module")
def data():
    """Five parts of four songs, each of three windows."""
    rng, arrays = np.random.default_rng(0), {}
    for i, part in enumerate(PARTS):
        arrays |= {
            part: np.stack([melody(rng) for _ in range(12)]),
            f"{part}_song": np.repeat(np.arange(4, dtype=np.int32), 3) + 4 * i,
        }
        arrays[f"{part}_shift"] = np.tile(np.array([[-5, 7]], np.int8), (12, 1))
    return Windows("toy", arrays, {"sources": []})


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    made = Networks(replace(Config.smoke(), width=8, latent=6, style=3, mlp_width=8))
    made.vae.eval().sigma.copy_(torch.linspace(0.2, 2.0, 6))
    return made


@pytest.fixture(scope="module")
def pairs(networks, data):
    return inputs(networks, data, n=MANY)


def judge(tokens):
    """Likes high notes."""
    return np.where(tokens > HOLD, tokens, 0).max(axis=1) / 84


@pytest.fixture(autouse=True)
def no_guide_that_ships(monkeypatch):
    monkeypatch.setattr(trivial, "load_judge", lambda *which, **more: judge)


# Inputs


@pytest.mark.parametrize("kind", INPUTS)
def test_the_same_seed_gives_the_same_pairs(networks, data, kind):
    one, again, other = (inputs(networks, data, kind, MANY, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.tokens, again.tokens) and torch.equal(one.z, again.z)
    assert np.array_equal(one.songs, again.songs)
    assert one.songs.shape == (MANY, 2 if kind == "test" else 1)
    assert not torch.equal(one.z, other.z)
    assert (
        one.tokens.shape == (MANY, 2, HALF)
        and one.tokens.dtype == np.uint8
        and one.z.shape == (MANY, 2, 6)
    )


def test_inputs_are_halves_of_test_windows_in_some_key_or_samples_of_the_prior(
    networks, data, pairs
):
    every = data.take("test", range(data.keys("test")))
    every_songs = data.songs_of("test", range(data.keys("test")))
    for side, there in ((0, every[:, :HALF]), (1, every[:, HALF:])):
        assert {row.tobytes() for row in pairs.tokens[:, side]} <= {
            row.tobytes() for row in np.ascontiguousarray(there)
        }
    assert torch.equal(pairs.z, encode(networks, pairs.tokens))
    for side, own in ((0, every[:, :HALF]), (1, every[:, HALF:])):
        of = {}
        for row, song in zip(own, every_songs):
            of.setdefault(row.tobytes(), set()).add(song)
        assert all(
            song in of[half.tobytes()]
            for half, song in zip(pairs.tokens[:, side], pairs.songs[:, side])
        )
    prior = inputs(networks, data, "prior", 4000)
    assert abs(float(prior.z.mean())) < 0.02 and float(prior.z.std()) == pytest.approx(
        1, abs=0.02
    )
    assert np.array_equal(prior.tokens[:5], networks.vae.decode(prior.z[:5]))
    with pytest.raises(ValueError, match="test or prior, not 'dreams'"):
        inputs(networks, data, "dreams")


def test_how_many_pairs_there_are_can_be_set_for_all(networks, data, monkeypatch):
    monkeypatch.setattr(trivial, "PAIRS", 5)
    assert len(inputs(networks, data).z) == 5


# Baselines


def made(name, networks, data, pairs, **more):
    return baseline(
        name, networks, data, pairs, **({"distance": np.full(len(pairs.z), 2.0)} | more)
    )


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_gives_legal_melodies_and_the_same_again(networks, data, name, kind):
    pairs = inputs(networks, data, kind, MANY)
    found = made(name, networks, data, pairs)
    assert (
        found.shape == (MANY, 128)
        and found.dtype == np.uint8
        and all(is_legal_grid(row) for row in found)
    )
    assert not ((found > HOLD) & ((found < LOW) | (found > HIGH))).any()
    assert np.array_equal(found, made(name, networks, data, pairs))


def test_an_unknown_baseline_is_refused(networks, data, pairs):
    with pytest.raises(ValueError, match="'hope' is none of concatenate, "):
        baseline("hope", networks, data, pairs)


def test_side_by_side_is_the_inputs_and_decoded_is_what_the_vae_hears(
    networks, data, pairs
):
    plain = made("concatenate", networks, data, pairs)
    both = pairs.tokens.reshape(MANY, 128)
    same = plain == both
    assert same[:, :HALF].all()
    assert all(
        row.all() or half[0] == HOLD for row, half in zip(same, pairs.tokens[:, 1])
    )  # only a hold after silence is changed
    assert np.array_equal(
        made("reconstruct", networks, data, pairs), decode(networks, pairs.z)
    )


def test_what_is_made_of_tokens_is_made_of_both_ideas(networks, data, pairs):
    left = pairs.tokens[:, 0]
    assert np.array_equal(made("transpose", networks, data, pairs)[:, :HALF], left)
    turns = made("half_and_half", networks, data, pairs)
    assert np.array_equal(turns[:, :BAR], left[:, :BAR])
    mixed = made("shuffle", networks, data, pairs)
    counts = [np.bincount(row[row > HOLD], minlength=90) for row in mixed]
    there = [np.bincount(row[row > HOLD], minlength=90) for row in pairs.tokens]
    assert np.array_equal(counts, there) and not np.array_equal(mixed[:, :HALF], left)


def test_noise_is_as_long_as_it_is_asked_to_be(networks, data, pairs, monkeypatch):
    monkeypatch.setattr(trivial, "decode", lambda networks, z: z)
    asked = np.geomspace(0.01, 50, MANY)
    z = baseline("noise", networks, data, pairs, distance=asked)
    np.testing.assert_allclose(measuring.distances(networks, z, pairs.z), asked, rtol=1e-3)
    step = ((z - pairs.z) / (z - pairs.z).norm(dim=(1, 2), keepdim=True)).flatten(1)
    assert (step @ step.T).fill_diagonal_(0).abs().max() < 0.99  # each pair its own way


def test_real_melodies_are_of_songs_that_nothing_has_learned_from(networks, data, pairs):
    there = {
        row.tobytes() for row in data.take("validation-1", range(data.keys("validation-1")))
    }
    assert {row.tobytes() for row in made("real", networks, data, pairs)} <= there


def test_the_guide_finds_the_best_key_and_keeps_the_nearer_of_two(networks, data, pairs):
    left, right = pairs.tokens[:, 0], pairs.tokens[:, 1]
    made = guided(left, right, lambda tokens: judge(tokens[:, HALF:]))  # high notes
    top = np.where(made[:, HALF:] > HOLD, made[:, HALF:], 0).max(axis=1)
    assert (top[(right > HOLD).any(axis=1)] == HIGH).all()
    assert np.array_equal(made[:, :HALF], left)
    same = guided(left, right, lambda tokens: np.ones(len(tokens)))
    assert np.array_equal(same, baseline("concatenate", networks, data, pairs))
    steps = made[:, HALF:].astype(int) - right
    for row, half in zip(steps, right):
        assert len(set(row[half > HOLD].tolist())) <= 1  # all notes by as much


def test_snapping_moves_no_note_far_and_leaves_what_fits(pairs):
    left, right = pairs.tokens[:, 0], pairs.tokens[:, 1]
    made = snapped(left, right).astype(int)
    assert np.array_equal(made <= HOLD, right <= HOLD)
    assert np.abs(made - right).max() <= 1 and made.max() <= HIGH
    again = snapped(left, made.astype(np.uint8))
    assert np.array_equal(again, made)
    minor = np.array([[57, 59, 60, 62, 64, 65, 67, 69]])  # its relative major is C
    assert snapped(minor, np.array([[61, 1, 70, 0]])).tolist() == [[60, 1, 69, 0]]


# Models


def test_every_iteration_goes_on_from_the_one_before(networks, data, pairs):
    three, two, other = (
        moved(networks, pairs, 3),
        moved(networks, pairs, 2),
        moved(networks, pairs, 1, seed=1),
    )
    assert len(three) == 3
    for (tokens, distance), (again, far) in zip(three, two):
        assert np.array_equal(tokens, again) and np.array_equal(distance, far)
    assert not np.array_equal(three[0][1], other[0][1])  # another style
    z, s = pairs.z, measuring.styles(networks, MANY)
    for tokens, distance in three:
        with torch.no_grad():
            z = networks.generator(z, s)
        assert np.array_equal(tokens, decode(networks, z))
        np.testing.assert_allclose(
            distance, measuring.distances(networks, z, pairs.z), rtol=1e-6
        )  # always from the inputs


def test_melodies_that_are_their_inputs_have_not_moved(networks, data, pairs):
    begun = pairs.tokens[:, 1, 0] != HOLD
    own = trivial.Inputs(pairs.tokens[begun], pairs.z[begun], pairs.songs[begun])
    assert (
        measuring.token_distance(
            networks, made("concatenate", networks, data, own), own
        ).max()
        < 1e-9
    )
    assert (
        measuring.token_distance(networks, made("shuffle", networks, data, own), own) > 0
    ).all()


def test_variety_is_what_a_style_decides(networks, pairs):
    torch.manual_seed(1)
    deaf = Networks(networks.config)
    deaf.vae = networks.vae
    with torch.no_grad():
        deaf.generator.net[0].weight[:, -3:] = 0  # the numbers of the style come last
    assert all(
        found["value"] == found["high"] == 0
        for found in measuring.variety(deaf, pairs).values()
    )
    found = measuring.variety(networks, pairs)
    assert found["style_distance"]["value"] > 0
    assert found["style_tokens"]["value"] <= found["style_pairs"]["value"] <= 1


# Numbers


def test_metrics_are_in_order_and_what_they_are_called(networks, data, pairs):
    tokens, far = made("concatenate", networks, data, pairs), np.linspace(0, 3, MANY)
    found = metrics(
        tokens,
        References(data, {"reality": judge, "reality_features": judge}),
        pairs.songs,
        far,
        repeats=40,
    )
    names = {
        "reality",
        "reality_median",
        "joined_share",
        "reality_features",
        "z_distance",
        "copied_8gram",
        "motifs",
        "pitch_class_overlap",
        "duration_spread",
    }
    assert set(found) == names | {f"{name}_corr" for name in STATISTICS}
    for name, told in found.items():
        assert set(told) == {"value", "low", "high"} and all(
            type(number) is float for number in told.values()
        )
        assert told["low"] <= told["high"] and (
            name.endswith("_corr") or told["low"] <= told["value"] <= told["high"]
        ), name
    verdicts = judge(tokens)
    for name, value in (
        ("reality", verdicts.mean()),
        ("reality_median", np.median(verdicts)),
        ("joined_share", np.mean(verdicts > 0.5)),
    ):
        assert found[name]["value"] == pytest.approx(value)
    assert found["z_distance"]["value"] == pytest.approx(1.5)
    assert "z_distance" not in metrics(tokens, References(data, {}), repeats=2)


def test_a_motif_is_a_bar_that_stands_in_the_first_half_at_any_pitch():
    bar = np.array([60, 1, 64, 0, 62] + [1] * 11)
    other = np.array([60, 1, 1, 64, 62] + [1] * 11)  # another rhythm
    rest = np.zeros(16, int)

    def counted(*bars):
        return repeated_bars(np.concatenate([bar, other, rest, rest, *bars])[None])[
            0
        ].tolist()

    up = np.where(bar > HOLD, bar + 5, bar)
    wider = np.where(bar == 64, 65, bar)
    assert counted(bar, up, rest, rest) == [2, 2]
    assert counted(wider, other, rest, bar) == [2, 3]
    assert counted(wider, wider, wider, wider) == [0, 4]
    assert counted(rest, rest, rest, rest) == [0, 0]


def test_halves_share_pitch_classes_and_durations_spread():
    row = np.array([[60, 1, 64, 1, 72, 1, 67, 1], [60, 1, 1, 1, 60, 1, 62, 1]])
    found = of_halves(row)
    assert found["pitch_class_overlap"] == pytest.approx([1 / 3, 1 / 2])
    assert found["duration_spread"] == pytest.approx([0, np.std([2, 1, 1])])
    silent = of_halves(np.zeros((1, 8), int))
    assert silent["pitch_class_overlap"] == silent["duration_spread"] == [0]


def test_styles_are_chosen_for_motifs_then_for_nearness(networks, pairs, monkeypatch):
    """Three styles: the second repeats most in some pairs; else the nearest is taken."""
    far = np.array([3.0, 5.0, 1.0])
    tokens = np.arange(3)[:, None, None] * np.ones((MANY, 128), int)
    made = iter([[(tokens[i], np.full(MANY, far[i]))] for i in range(3)])
    monkeypatch.setattr(measuring, "moved", lambda *given, seed: next(made))
    some = np.arange(MANY) % 2

    def counts(tokens):
        return np.stack([some * (tokens[:, 0] == 1), np.full(MANY, 4)], axis=1)

    monkeypatch.setattr(measuring, "repeated_bars", counts)
    best, distance = motif_choice(networks, pairs, many=3)
    assert best[:, 0].tolist() == np.where(some, 1, 2).tolist()
    assert distance.tolist() == np.where(some, 5.0, 1.0).tolist()


def test_a_difference_is_taken_pair_by_pair_at_one_distance(data, pairs, networks):
    tokens = made("concatenate", networks, data, pairs)
    own, songs = judge(tokens), pairs.songs
    path = [(1.0, {"reality": own - 0.2}), (3.0, {"reality": own - 0.4})]
    assert between(path[::-1], 1.0)["reality"] == pytest.approx(own - 0.2)
    there = between(path, 2.0)
    assert there["reality"] == pytest.approx(own - 0.3)
    assert between(path, 0.9) is between(path, 3.1) is between([], 1.0) is None
    references = References(data, {"reality": judge})
    found = metrics(tokens, references, songs, beside={"paired": there}, repeats=20)
    # what pairs have in common falls out: the interval is that of the difference
    assert found["paired_reality"] == pytest.approx({"value": 0.3, "low": 0.3, "high": 0.3})
    assert found["reality"]["high"] - found["reality"]["low"] > 0.001


def test_intervals_draw_songs_and_both_of_a_pair():
    """Two songs a side that say it all: pairs add nothing, so more of them do not help."""
    songs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]).repeat(50, axis=0)
    x = (songs[:, 0] == songs[:, 1]).astype(float)

    def mean(weights):
        return (weights * x).sum() / weights.sum()

    value, low, high = over_songs(mean, songs, repeats=200)
    assert (value, low, high) == (0.5, 0.0, 1.0)
    alone = over_songs(mean, np.arange(200)[:, None], repeats=200)
    assert alone.high - alone.low < 0.2
    found = measuring.means({"x": x}, songs, repeats=200)["x"]
    assert (found["low"], found["high"]) == pytest.approx((low, high))
    weights = np.array([1, 0, 2, 1])
    median = measuring._median(np.array([4.0, 9.0, 1.0, 2.0]), weights)
    assert median == np.median([4, 1, 1, 2])


def test_silence_has_no_correlations_and_copies_nothing(data):
    tokens = np.zeros((3, 128), np.uint8)
    tokens[0, 0] = 60  # a note, but none in the second half
    found = metrics(tokens, References(data, {"reality": judge}), repeats=2)
    assert (
        not {name for name in found if name.endswith("_corr")}
        and found["copied_8gram"]["value"] == found["motifs"]["value"] == 0
        and found["pitch_class_overlap"]["value"] == 0
    )


def test_what_was_learned_from_is_a_copy_in_any_key_and_what_was_not_is_none(data):
    references = References(data, {})
    copies = [
        metrics(data.take(part, range(data.keys(part))), references, repeats=2)[
            "copied_8gram"
        ]["value"]
        for part in PARTS
    ]
    assert copies[0] == 1 and max(copies[1:]) == 0
    mine = metrics(data.take("test", range(data.keys("test"))), references, repeats=2)
    assert all(
        mine[f"{name}_corr"]["value"] == pytest.approx(1) for name in STATISTICS
    )  # they are the reference itself


def test_the_vae_is_measured_as_its_training_measures_it(networks, data):
    found = measuring.measure_vae(networks, data)
    x = as_tokens(data.tokens("test").reshape(-1, HALF))
    for name, value in accuracies(networks.vae, x).items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-5)
        assert found[name]["low"] <= found[name]["value"] <= found[name]["high"]
    assert found["hold_accuracy"]["value"] == pytest.approx(float((x == 1).float().mean()))
    few = measuring.measure_vae(networks, data, most=3)
    assert few["kl"]["value"] == pytest.approx(
        accuracies(networks.vae, x[:6])["kl"], rel=1e-5
    )


def test_the_counts_of_the_figures_add_up(networks, data, monkeypatch):
    monkeypatch.setattr(trivial, "PAIRS", MANY)
    found = measuring.figures(networks, data, most=300, pairs=2000)
    two = inputs(networks, data)
    here = {
        "before": made("concatenate", networks, data, two),
        "after": moved(networks, two)[0][0],
    }
    here["real"] = data.take("test", range(data.keys("test")))
    for which, tokens in here.items():
        for name, table in states(tokens).items():
            counts = found[f"markov_{which}_{name}"]
            assert (
                counts.shape == (STATISTICS[name], STATISTICS[name])
                and counts.sum() == (table >= 0).all(axis=1).sum()
            )
    kept, identical = found["distance_pairs"][:2], found["distance_pairs"][2:]
    assert (kept + identical).tolist() == [1000, 1000] and (kept > 0).all()
    edges = found["distance_edges"]
    for i, name in enumerate(("within", "between")):
        counts = found[f"distance_{name}"]
        assert len(counts) == len(edges) - 1 and 0 < counts.sum() <= kept[i]
        assert (
            counts[edges[1:] <= 1].sum() / kept[i]
            <= found["distance_below"][i, 0]
            <= found["distance_below"][i, 1]
        )


def test_a_training_is_told_how_far_it_came(networks, data):
    judges = {"reality": judge, "reality_features": judge}
    found = measure_model(networks, data, judges, n=MANY)
    assert {
        "reality",
        "reality_before",
        "token_accuracy",
        "z_distance",
        "copied_8gram",
    } <= set(found)
    tokens = made("concatenate", networks, data, inputs(networks, data, n=MANY))
    assert found["reality_before"]["value"] == pytest.approx(np.median(judge(tokens)))


def test_a_vae_alone_is_told_what_it_gives_back(networks, data):
    config = replace(networks.config, phases=("vae",))
    found, samples = experiment.measure(Networks(config), data, config, seed=0)
    names = {"token_accuracy", "onset_pitch_accuracy", "kl", "hold_accuracy"}
    assert set(found) == names and samples == []
