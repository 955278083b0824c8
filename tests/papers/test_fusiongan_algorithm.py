"""Algorithm 1 at the size of a toy: it learns, it can be taken over and continued bit by
bit, and every method comes out.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from fusiontools.errors import FusionError
from fusiontools.music.tokens import Vocabulary
from fusiontools.papers.fusiongan.algorithm import train
from fusiontools.papers.fusiongan.config import METHODS, TRAINED, UNTRAINED, Config, method
from fusiontools.papers.fusiongan.data import Pair, token_histograms
from fusiontools.papers.fusiongan.sampling import (
    load_weights,
    sample_midi,
    sample_tokens,
    save_generators,
    to_notes,
)
from fusiontools.training import Run

TINY = replace(
    Config.smoke(),
    batch=8,
    hidden=8,
    filters=((1, 4), (3, 4)),
    d_start=2,
    genre_steps=2,
    fusion_rounds=2,
)


@pytest.fixture(scope="module")
def pair():
    """Two domains that differ in pitch and in length."""
    rng, arrays = np.random.default_rng(0), {}
    for domain, scale, lengths in (
        ("A", range(12), (0, 1)),
        ("B", (0, 2, 4, 5, 7, 9, 11), (1, 2)),
    ):
        for part, many in (("train", 24), ("validation", 8), ("test", 8)):
            arrays[f"{domain}_{part}"] = (
                3 * rng.choice(list(scale), (many, 10)) + rng.choice(lengths, (many, 10))
            ).astype(np.int16)
            arrays[f"{domain}_{part}_song"] = np.arange(many, dtype=np.int32)
    return Pair(
        "toy",
        ("jazz", "folk"),
        Vocabulary("notes", 60, 71, 4, (1, 2, 4)),
        arrays,
        {"corpora": []},
    )


def run(folder, pair, name, config, adopted=None):
    torch.set_num_threads(1)
    asked = dict(
        paper="fusiongan",
        method=name,
        scale="smoke",
        config=config,
        data={"name": pair.name, "sha256": pair.hash},
        seed=3,
    )
    with Run.open(folder, **asked) as opened:
        return train(config, pair, opened, adopted), opened.history


def weights(networks):
    return {
        f"{name}.{key}": t.clone()
        for name, model in networks.state().items()
        for key, t in model.state_dict().items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("name", TRAINED)
def test_every_method_trains_and_writes_melodies(tmp_path, pair, name):
    config = method(name, TINY)
    networks, history = run(tmp_path / "run", pair, name, config)
    assert [row["phase"] for row in history.rows if row["step"] == 0] == ["mle"]
    assert {row["phase"] for row in history.rows} == set(config.phases)
    tokens = sample_tokens([networks.g[v] for v in config.voices], 7)
    assert (
        tokens.shape == (7, 36)
        and tokens.min() >= 0
        and tokens.max() < pair.vocabulary.size
    )
    assert all(t.isfinite().all() for t in weights(networks).values())


def test_a_phase_taken_over_from_another_run_changes_nothing(tmp_path, pair):
    config = method("fusion", TINY)
    run(
        tmp_path / "first",
        pair,
        "pretraining",
        replace(config, phases=("mle", "critics", "game")),
    )
    alone, _ = run(tmp_path / "alone", pair, "fusion", config)
    sharing, history = run(
        tmp_path / "sharing", pair, "fusion", config, adopted=tmp_path / "first"
    )
    assert same(weights(alone), weights(sharing))
    assert {row["phase"] for row in history.rows} == {"fusion"}  # nothing was done twice
    _, history = run(
        tmp_path / "other",
        pair,
        "fusion",
        replace(config, bound="none"),
        adopted=tmp_path / "first",
    )
    assert {row["phase"] for row in history.rows} == {
        "critics",
        "game",
        "fusion",
    }  # what differs is trained anew


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [2, 5, 8])
def test_a_killed_training_goes_on_bit_by_bit(tmp_path, pair, at, monkeypatch):
    from fusiontools.papers.fusiongan import algorithm

    config = method("fusion_ours", TINY)
    whole, _ = run(tmp_path / "whole", pair, "fusion_ours", config)
    taken, real = [0], algorithm.steps

    def dying(*arguments, **options):
        for step in real(*arguments, **options, every=1):
            taken[0] += 1
            if taken[0] == at:
                raise Killed
            yield step

    monkeypatch.setattr(algorithm, "steps", dying)
    with pytest.raises(Killed):
        run(tmp_path / "killed", pair, "fusion_ours", config)
    monkeypatch.undo()
    again, _ = run(tmp_path / "killed", pair, "fusion_ours", config)
    assert same(weights(whole), weights(again))


def test_maximum_likelihood_learns(tmp_path, pair):
    _, history = run(
        tmp_path / "run",
        pair,
        "mle",
        replace(method("mle", TINY), mle_epochs=20, mle_rate=2e-2),
    )
    _, loss = history.column("nll_B")
    assert np.mean(loss[-5:]) < 0.85 * loss[0]
    assert len(history.column("held_out_F")[1]) == 20


def test_constant_rewards_and_no_phase_two_leave_alone_what_they_should(tmp_path, pair):
    config = method("fusion_no_phase_two", TINY)
    before, _ = run(
        tmp_path / "before",
        pair,
        "pretraining",
        replace(config, phases=("mle", "critics", "game")),
    )
    after, _ = run(tmp_path / "after", pair, "fusion_no_phase_two", config)
    one, other = weights(before), weights(after)
    moved = {
        name.partition(".")[0] for name in one if not torch.equal(one[name], other[name])
    }
    assert moved == {"g_F", "rolling_F", "d_F"}
    _, history = run(
        tmp_path / "constant",
        pair,
        "fusion_constant_rewards",
        method("fusion_constant_rewards", TINY),
    )
    assert set(history.column("reward_F")[1]) == {1.0}


def test_weights_travel_and_give_the_same_melodies(tmp_path, pair):
    networks, _ = run(tmp_path / "run", pair, "mle", method("mle", TINY))
    own = {"mle": networks.g["F"], "rl": [networks.g["A"], networks.g["B"]]}
    save_generators(
        own,
        tmp_path / "w.safetensors",
        TINY,
        pair.vocabulary,
        ["one", "other"],
        "free",
        pair="toy",
    )
    generators, vocabulary, about = load_weights(path=tmp_path / "w.safetensors")
    assert (
        vocabulary == pair.vocabulary
        and about["pair"] == "toy"
        and [len(g) for g in generators.values()] == [1, 2]
    )
    halved = in_16_bits(networks.g["F"])
    assert np.array_equal(
        sample_tokens(generators["mle"], 5, seed=2), sample_tokens(halved, 5, seed=2)
    )
    assert not np.array_equal(
        sample_tokens(halved, 5, seed=2), sample_tokens(halved, 5, seed=3)
    )
    files = sample_midi(generators["rl"], vocabulary, 3, tmp_path / "midi")
    assert len(files) == 3 and all(f.read_bytes()[:4] == b"MThd" for f in files)


def in_16_bits(generator):
    """The weights as they are stored, in 16 bits."""
    generator.load_state_dict(
        {k: t.half().float() for k, t in generator.state_dict().items()}
    )
    return generator


def test_histograms_of_tokens_are_those_of_notes(pair):
    x = pair.windows("A")
    x[0, 0] = 12 * 3  # a rest
    durations, classes = token_histograms(x, pair.vocabulary)
    melodies = to_notes(x, pair.vocabulary)
    pitch = np.concatenate([m.pitch for m in melodies]) % 12
    assert classes.tolist() == np.bincount(pitch, minlength=12).tolist()
    length = np.concatenate([m.duration for m in melodies]) * 4
    assert durations.tolist() == [(length == d).sum() for d in pair.vocabulary.durations]


def test_methods_and_scales_are_complete():
    assert set(TRAINED) | set(UNTRAINED) == set(METHODS)
    for scale in ("smoke", "laptop", "shipped", "paper"):
        assert isinstance(getattr(Config, scale)(), Config)
    assert sum(number for _, number in Config.paper().filters) == 1720
    with pytest.raises(FusionError, match="needs no training"):
        method("rm", Config())
    with pytest.raises(ValueError, match="bound"):
        Config(bound="hope")
