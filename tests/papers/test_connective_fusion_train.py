"""Connective Fusion at the size of a toy: the VAE learns, the generator trains, both go on
bit by bit after a kill.
"""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from fusiontools.papers.connective_fusion import config as configs
from fusiontools.papers.connective_fusion import losses
from fusiontools.papers.connective_fusion.config import METHODS, Config, method
from fusiontools.papers.connective_fusion.data import HALF, PARTS, Windows
from fusiontools.papers.connective_fusion.networks import as_tokens
from fusiontools.papers.connective_fusion.phases import accuracies, rate, train
from fusiontools.training import Run

TINY = replace(
    Config.smoke(),
    width=8,
    latent=6,
    vae_steps=4,
    vae_batch=8,
    fusion_steps=3,
    fusion_batch=8,
    d_steps=2,
    latent_pairs=20,
    mlp_width=8,
)


@pytest.fixture(scope="module")
def data():
    """Scales and broken chords, each part with songs of its own."""
    rng, arrays, each = np.random.default_rng(0), {}, 12
    for song, part in enumerate(PARTS):
        tokens = np.ones((each, 128), np.uint8)
        tokens[:, ::4] = (
            rng.integers(60, 66, each)[:, None]
            + (rng.choice([2, 3, 4], each)[:, None] * np.arange(32)) % 12
        )
        arrays |= {
            part: tokens,
            f"{part}_song": np.arange(each, dtype=np.int32) + each * song,
        }
        arrays[f"{part}_shift"] = np.tile(np.array([[-5, 7]], np.int8), (each, 1))
    return Windows("toy", arrays, {"sources": []})


def run(folder, data, config, adopted=None):
    torch.set_num_threads(1)
    asked = {
        "paper": "connective_fusion",
        "method": "ours",
        "scale": "smoke",
        "config": config,
        "data": {"name": data.name, "sha256": data.hash},
    }
    with Run.open(folder, **asked, seed=3) as opened:
        return train(config, data, opened, adopted), opened.history


def weights(networks):
    models = {"vae": networks.vae, "g": networks.generator, "d": networks.discriminator}
    return {
        f"{name}.{key}": t.clone()
        for name, model in models.items()
        for key, t in model.state_dict().items()
    }


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize(
    "ways", [("parallel", "parallel"), ("lstm", "lstm"), ("parallel", "lstm")]
)
def test_both_phases_train_whichever_way_the_vae_works(tmp_path, data, ways):
    config = replace(TINY, encoder=ways[0], decoder=ways[1], forget=0.3, free_bits=0.1)
    networks, history = run(tmp_path / "run", data, config)
    assert [row["phase"] for row in history.rows] == ["vae"] * 4 + ["fusion"] * 3
    assert all(t.isfinite().all() for t in weights(networks).values())
    assert len(history.column("held_out_onset_pitch_accuracy")[1]) >= 1
    assert (networks.vae.sigma > 0).all() and not torch.equal(
        networks.vae.sigma, torch.ones(6)
    )


def test_the_vae_learns_and_its_accuracy_counts_notes(tmp_path, data):
    config = replace(
        TINY,
        width=24,
        latent=8,
        vae_steps=250,
        vae_rate=1e-2,
        vae_batch=32,
        kl_weight=0.001,
        phases=("vae",),
    )
    networks, history = run(tmp_path / "run", data, config)
    _, tokens = history.column("held_out_token_accuracy")
    _, onsets = history.column("held_out_onset_pitch_accuracy")
    assert tokens[-1] > 0.9 and onsets[-1] > 0.6 and onsets[-1] > onsets[0]
    x = as_tokens(data.tokens("test").reshape(-1, HALF))
    held = torch.ones_like(x)
    assert (
        float((held == x).float().mean()) == 0.75
    )  # what "all hold" would score, and with no note right
    plain = torch.from_numpy(
        np.concatenate([_grid_classes(networks.vae, row) for row in x])
    )
    found = accuracies(networks.vae, x, at_once=5)
    assert found["token_accuracy"] == pytest.approx(float((plain == x).float().mean()))
    assert found["onset_pitch_accuracy"] == pytest.approx(
        float((plain == x)[x > 1].float().mean())
    )


def _grid_classes(vae, row):
    return as_tokens(vae.decode(vae.encode(row[None])[0].detach())).numpy()


@pytest.mark.parametrize(
    "changes",
    [
        {"gradient_penalty": 10.0},
        {"fake_weight": 0.25},
        {"negative": "printed"},
        {"similarity": 2.0},
        {"spread": 1.0},
    ],
)
def test_every_choice_of_the_fusion_changes_what_is_learned(tmp_path, data, changes):
    base, _ = run(tmp_path / "base", data, TINY)
    networks, _ = run(
        tmp_path / "other", data, replace(TINY, **changes), adopted=tmp_path / "base"
    )
    one, other = weights(base), weights(networks)
    assert all(
        torch.equal(one[name], other[name]) for name in one if name.startswith("vae")
    )
    assert any(
        not torch.equal(one[name], other[name]) for name in one if name.startswith("g")
    )


def test_where_no_spread_is_asked_for_the_term_is_not_there(tmp_path, data, monkeypatch):
    """Neither computed nor weighed, and not one random number is drawn for it."""
    base, _ = run(tmp_path / "base", data, TINY)
    monkeypatch.setattr(losses, "spread", None)
    networks, _ = run(
        tmp_path / "other",
        data,
        replace(TINY, spread=0.0, spread_weight=50.0),
        adopted=tmp_path / "base",
    )
    assert same(weights(base), weights(networks))


def test_a_generator_that_is_asked_for_spread_listens_to_its_style(tmp_path, data):
    config = replace(TINY, fusion_steps=60, d_steps=1, mlp_width=24, fusion_rate=5e-3)
    apart = []
    for name in ("ours", "styled"):
        networks, _ = run(
            tmp_path / name, data, method(name, config), adopted=tmp_path / "ours"
        )
        z = torch.randn(200, 2, 6, generator=torch.Generator().manual_seed(0))
        one, two = torch.zeros(200, 4), torch.ones(200, 4)
        with torch.no_grad():
            apart.append(
                float(
                    losses.z_distance(
                        networks.generator(z, one),
                        networks.generator(z, two),
                        networks.vae.sigma,
                    ).mean()
                )
            )
    assert apart[1] > 2 * apart[0]


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains(tmp_path, data, name):
    config = method(name, TINY, 0.1)
    networks, history = run(tmp_path / "run", data, config)
    assert {row["phase"] for row in history.rows} == set(config.phases)
    assert all(t.isfinite().all() for t in weights(networks).values())


def test_a_method_changes_what_it_is_named_for_and_nothing_else():
    base, changed = asdict(Config.shipped()), {}
    for name in METHODS:
        own = asdict(method(name, Config.shipped()))
        changed[name] = {setting for setting in base if own[setting] != base[setting]}
    assert changed == {
        "ours": set(),
        "as_printed": {"negative"},
        "gradient_penalty": {"gradient_penalty"},
        "balanced": {"fake_weight"},
        "styled": {"spread"},
        "vae": {"phases"},
        "vae_lstm": {
            "phases",
            "encoder",
            "decoder",
            "vae_rate",
            "kl_weight",
            "forget",
            "vae_steps",
            "kl_warm_up",
        },
    }
    assert (
        4 * method("balanced", Config()).fake_weight == 1
        and method("styled", Config()).spread > 0
    )
    assert method("styled", Config(), 2.0) == replace(
        method("styled", Config()), similarity=2.0
    )
    assert method("vae_lstm", replace(TINY, vae_steps=1, kl_warm_up=1)).vae_steps == 1
    with pytest.raises(ValueError, match="no method 'hope'; choose one of ours"):
        method("hope", Config())


def test_the_papers_objective_has_neither_penalty_nor_spread():
    for scale in ("smoke", "laptop", "shipped", "paper"):
        config = getattr(Config, scale)()
        assert (
            config.gradient_penalty,
            config.spread,
            config.fake_weight,
            config.negative,
        ) == (0.0, 0.0, 1.0, "corrected")


def test_a_vae_taken_over_from_another_run_changes_nothing(tmp_path, data):
    run(tmp_path / "first", data, replace(TINY, phases=("vae",), similarity=1.0))
    alone, _ = run(tmp_path / "alone", data, TINY)
    sharing, history = run(tmp_path / "sharing", data, TINY, adopted=tmp_path / "first")
    assert same(weights(alone), weights(sharing))
    assert {row["phase"] for row in history.rows} == {"fusion"}  # nothing was done twice
    _, history = run(
        tmp_path / "other", data, replace(TINY, kl_weight=0.5), adopted=tmp_path / "first"
    )
    assert {row["phase"] for row in history.rows} == {
        "vae",
        "fusion",
    }  # what differs is trained anew


class Killed(Exception):
    pass


@pytest.mark.parametrize("at", [2, 6])
def test_a_killed_training_goes_on_bit_by_bit(tmp_path, data, at, monkeypatch):
    from fusiontools.papers.connective_fusion import phases

    config = replace(TINY, decoder="lstm", forget=0.5)
    whole, _ = run(tmp_path / "whole", data, config)
    taken, real = [0], phases.steps

    def dying(*arguments, **options):
        for step in real(*arguments, **options, every=1):
            taken[0] += 1
            if taken[0] == at:
                raise Killed
            yield step

    monkeypatch.setattr(phases, "steps", dying)
    with pytest.raises(Killed):
        run(tmp_path / "killed", data, config)
    monkeypatch.undo()
    again, _ = run(tmp_path / "killed", data, config)
    assert same(weights(whole), weights(again))


def test_the_rate_rises_and_falls_to_nothing():
    rates = [rate(step, 100, 1e-3, 10) for step in range(101)]
    assert rates[0] < rates[5] < rates[9] > rates[50] > rates[99] > 0
    assert rates[100] == pytest.approx(0) and max(rates) <= 1e-3


def test_scales_and_choices():
    for scale in ("smoke", "laptop", "shipped", "paper"):
        assert isinstance(getattr(Config, scale)(), Config)
    for scale in ("laptop", "shipped", "paper"):
        assert (
            getattr(Config, scale)().latent,
            getattr(Config, scale)().d_steps,
            getattr(Config, scale)().beta_1,
        ) == (64, 10, 0.0)
    assert (
        Config.paper().fusion_rate,
        Config.paper().decoder,
        Config.paper().gradient_penalty,
    ) == (5e-6, "lstm", 0.0)
    assert configs.LAMBDAS == (0.1, 0.3, 1.0, 2.0)
    for wrong in (
        {"decoder": "hope"},
        {"negative": "maybe"},
        {"phases": ("sleep",)},
        {"patch": 3},
    ):
        with pytest.raises(ValueError, match="hope|maybe|sleep|patches of 3"):
            Config(**wrong)
